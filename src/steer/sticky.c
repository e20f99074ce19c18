/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sticky memory: a set-associative table whose bucket is a cache line of eight slots, and
 * whose slot is one 64-bit word:
 *
 *   63..41 tag, of the key's hash | 40..25 value | 24..0 second of last use
 *
 * An empty slot is 0; a value never is. Two keys of one tag in one bucket share an entry: one new
 * source in a million takes the member that another took. 25 bits of seconds go round in 388
 * days, so an age of up to a year is certain; the 12 days before the round is full are read as
 * the future, since workers' clocks differ by a batch and a wall clock steps.
 *
 * Each key has a home slot in its bucket. Who looks begins there and goes round; who stores
 * a key for the first time replaces what is at home, by compare-and-swap against what it saw there.
 * So workers that store the same key at once contend for one word: one wins, and the others look
 * again and find it. What lived there is copied to another slot first, an empty one or the longest
 * unused: it is always found, and twice for a moment, where the first in order counts.
 *
 * Nothing waits: a failed exchange means that somebody else got on.
 */
#include "sticky.h"

#include <stdlib.h>
#include <string.h>

#include <waymark/pages.h>

#define SLOTS 8u
#define TIME_BITS 25u
#define TIME_MASK ((UINT32_C(1) << TIME_BITS) - 1)
#define FUTURE_S (UINT32_C(1) << 20)
#define VALUE_SHIFT TIME_BITS
#define VALUE_MASK UINT32_C(0xffff)
#define TAG_SHIFT 41u

struct sticky_bucket {
	_Atomic uint64_t slots[SLOTS];
};

struct sticky_memory {
	struct sticky_bucket *buckets; /* zero pages until they are touched */
	size_t count;		       /* a power of two */
	struct hash_seed seed;
};

struct sticky_memory *sticky_memory_new(uint32_t max, const struct hash_seed *seed)
{
	struct sticky_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->seed = *seed;
	memory->count = 1;
	while (memory->count * SLOTS < max)
		memory->count *= 2;
	memory->buckets = pages_new(memory->count * sizeof(*memory->buckets));
	if (!memory->buckets) {
		free(memory);
		return NULL;
	}
	return memory;
}

void sticky_memory_free(struct sticky_memory *memory)
{
	if (!memory)
		return;
	pages_free(memory->buckets, memory->count * sizeof(*memory->buckets));
	free(memory);
}

uint64_t sticky_key(const struct sticky_memory *memory, const void *bytes, size_t length)
{
	return hash_bytes(&memory->seed, bytes, length);
}

/* Bucket, home and tag are of different bits of the key. */
static unsigned home_of(uint64_t key)
{
	return (unsigned)(key >> 32) % SLOTS;
}

static uint64_t word_of(uint64_t key, uint32_t value, uint64_t now_s)
{
	return (key >> TAG_SHIFT) << TAG_SHIFT | (uint64_t)(value & VALUE_MASK) << VALUE_SHIFT |
	       (now_s & TIME_MASK);
}

static uint32_t age_of(uint64_t word, uint64_t now_s)
{
	uint32_t age_s = (uint32_t)(now_s - word) & TIME_MASK;

	return age_s > TIME_MASK - FUTURE_S ? 0 : age_s;
}

static uint64_t load(const struct sticky_bucket *bucket, unsigned slot)
{
	return atomic_load_explicit(&bucket->slots[slot], memory_order_acquire);
}

static bool exchange(struct sticky_bucket *bucket, unsigned slot, uint64_t seen, uint64_t word)
{
	return atomic_compare_exchange_strong_explicit(&bucket->slots[slot], &seen, word,
						       memory_order_acq_rel, memory_order_relaxed);
}

void sticky_find(struct sticky_memory *memory, uint64_t key, uint64_t now_s,
		 struct sticky_entry *entry)
{
	struct sticky_bucket *bucket = &memory->buckets[(uint32_t)key & (memory->count - 1)];
	unsigned home = home_of(key);

	*entry = (struct sticky_entry){.bucket = bucket, .key = key, .slot = home};
	for (unsigned i = 0; i < SLOTS; i++) {
		unsigned slot = (home + i) % SLOTS;
		uint64_t word = load(bucket, slot);

		if (i == 0)
			entry->seen = word;
		if (!word || word >> TAG_SHIFT != key >> TAG_SHIFT)
			continue;
		entry->slot = slot;
		entry->seen = word;
		entry->value = (uint32_t)(word >> VALUE_SHIFT) & VALUE_MASK;
		entry->age_s = age_of(word, now_s);
		return;
	}
}

/* Copies who lives in a slot that is wanted to where it does least harm. False: look again. */
static bool rehouse(const struct sticky_entry *entry, uint64_t now_s)
{
	unsigned victim = entry->slot;
	uint64_t victim_word = entry->seen;

	for (unsigned i = 1; i < SLOTS && victim_word; i++) {
		unsigned slot = (entry->slot + i) % SLOTS;
		uint64_t word = load(entry->bucket, slot);

		if (!word || age_of(word, now_s) > age_of(victim_word, now_s)) {
			victim = slot;
			victim_word = word;
		}
	}
	return victim == entry->slot || exchange(entry->bucket, victim, victim_word, entry->seen);
}

bool sticky_store(const struct sticky_entry *entry, uint32_t value, uint64_t now_s)
{
	if (!entry->value && !rehouse(entry, now_s))
		return false;
	return exchange(entry->bucket, entry->slot, entry->seen, word_of(entry->key, value, now_s));
}

void sticky_refresh(const struct sticky_entry *entry, uint64_t now_s)
{
	if (entry->age_s)
		exchange(entry->bucket, entry->slot, entry->seen,
			 word_of(entry->key, entry->value, now_s));
}
