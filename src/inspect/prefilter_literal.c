/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The prefilter that needs no library: four bytes at a time.
 *
 * Of each pattern's literals the most seldom window of four bytes (three, two, where a literal
 * is that short) is a key. At each place of the subject the bytes there are hashed into a bitmap
 * of 8 KiB, which tells "none of the keys" for nearly all; what passes is looked up. So the time
 * does not depend on how many patterns there are, and all that is touched stays in the
 * first-level cache; an automaton over thousands of literals takes megabytes and a dependent
 * load a byte. Behind a key that was found the whole literal is compared, a few times for each
 * byte that is scanned: then keys count as they are, so that nobody can make it slow.
 *
 * Case is folded by setting bit 5 of every byte, which confuses some other bytes too; they are
 * false alarms.
 */
#include "prefilter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_BYTES_MIN = 2,
	KEY_BYTES_MAX = 4,
	LENGTHS = KEY_BYTES_MAX - KEY_BYTES_MIN + 1,
	BITMAP_BITS = 65536,
	COMPARISONS = 2, /* for each byte scanned */
};

struct key {
	uint32_t value;
	uint32_t index;			  /* of the pattern */
	uint8_t at, length;		  /* where in the literal the key stands */
	uint8_t bytes[LITERAL_BYTES_MAX]; /* of the literal, with bit 5 set */
};

/* The keys of one length. */
struct keys {
	struct key *items; /* sorted by value once finished */
	size_t count, room;
	uint32_t *slots; /* a hash table: the first of the items of that value, plus one */
	uint32_t slot_mask;
	uint64_t bitmap[BITMAP_BITS / 64];
};

struct prefilter {
	struct keys keys[LENGTHS];
	bool out_of_memory;
};

static uint32_t load(const uint8_t *bytes, unsigned length)
{
	uint32_t value = bytes[0] | (uint32_t)bytes[1] << 8;

	if (length > 2)
		value |= (uint32_t)bytes[2] << 16;
	if (length > 3)
		value |= (uint32_t)bytes[3] << 24;
	return value | 0x20202020u;
}

static uint32_t hash(uint32_t value)
{
	return value * UINT32_C(0x9e3779b1);
}

static struct prefilter *begin(void)
{
	return calloc(1, sizeof(struct prefilter));
}

static void end(struct prefilter *prefilter)
{
	if (!prefilter)
		return;
	for (unsigned i = 0; i < LENGTHS; i++) {
		free(prefilter->keys[i].items);
		free(prefilter->keys[i].slots);
	}
	free(prefilter);
}

static unsigned key_length(const struct literal *literal)
{
	return literal->length < KEY_BYTES_MAX ? literal->length : KEY_BYTES_MAX;
}

static unsigned rarest_window(const struct literal *literal)
{
	unsigned length = key_length(literal), best = 0;
	uint32_t best_rarity = 0;

	for (unsigned at = 0; at + length <= literal->length; at++) {
		uint32_t rarity = 0;

		for (unsigned i = 0; i < length; i++)
			rarity += regex_byte_rarity(literal->bytes[at + i]);
		if (rarity > best_rarity) {
			best_rarity = rarity;
			best = at;
		}
	}
	return best;
}

static bool add_key(struct prefilter *prefilter, const struct literal *literal, size_t index)
{
	unsigned length = key_length(literal), at = rarest_window(literal);
	struct keys *keys = &prefilter->keys[length - KEY_BYTES_MIN];
	struct key *key;

	if (keys->count == keys->room) {
		size_t room = keys->room ? keys->room * 2 : 64;
		struct key *items = reallocarray(keys->items, room, sizeof(*items));

		if (!items)
			return false;
		keys->items = items;
		keys->room = room;
	}
	key = &keys->items[keys->count++];
	*key = (struct key){
		.value = load(literal->bytes + at, length),
		.index = (uint32_t)index,
		.at = (uint8_t)at,
		.length = literal->length,
	};
	for (unsigned i = 0; i < literal->length; i++)
		key->bytes[i] = literal->bytes[i] | 0x20;
	return true;
}

static bool add(struct prefilter *prefilter, const struct prefilter_pattern *pattern, bool *fresh)
{
	struct literals literals;

	regex_literals(pattern->regex, &literals);
	*fresh = literals.fresh;
	for (unsigned i = 0; i < literals.count; i++)
		if (literals.items[i].length < KEY_BYTES_MIN)
			return false;
	for (unsigned i = 0; i < literals.count; i++) {
		if (!add_key(prefilter, &literals.items[i], pattern->index)) {
			prefilter->out_of_memory = true;
			return false;
		}
	}
	return literals.count > 0;
}

static int compare_keys(const void *left, const void *right)
{
	const struct key *a = left, *b = right;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int finish_keys(struct keys *keys)
{
	size_t slots = 64;

	if (!keys->count)
		return 0;
	while (slots < keys->count * 2)
		slots *= 2;
	keys->slots = calloc(slots, sizeof(*keys->slots));
	if (!keys->slots)
		return -ENOMEM;
	keys->slot_mask = (uint32_t)slots - 1;
	qsort(keys->items, keys->count, sizeof(*keys->items), compare_keys);
	for (size_t i = 0; i < keys->count; i++) {
		uint32_t value = keys->items[i].value, bit = hash(value) >> 16, slot;

		if (i && keys->items[i - 1].value == value)
			continue;
		keys->bitmap[bit / 64] |= UINT64_C(1) << (bit % 64);
		for (slot = hash(value) & keys->slot_mask; keys->slots[slot];)
			slot = (slot + 1) & keys->slot_mask;
		keys->slots[slot] = (uint32_t)i + 1;
	}
	return 0;
}

static int finish(struct prefilter *prefilter, uint64_t *filtered)
{
	int error = prefilter->out_of_memory ? -ENOMEM : 0;

	(void)filtered;
	for (unsigned i = 0; i < LENGTHS && !error; i++)
		error = finish_keys(&prefilter->keys[i]);
	return error;
}

/* ---- scanning ---- */

struct subject {
	const uint8_t *bytes;
	size_t length;
	size_t comparisons; /* that are left */
	uint64_t *seen;
};

static bool literal_is_there(struct subject *subject, size_t at, const struct key *key)
{
	const uint8_t *bytes = subject->bytes + at - key->at;

	if (at < key->at || subject->length - (at - key->at) < key->length)
		return false;
	if (!subject->comparisons)
		return true;
	subject->comparisons--;
	for (unsigned i = 0; i < key->length; i++)
		if ((bytes[i] | 0x20) != key->bytes[i])
			return false;
	return true;
}

static void take(const struct keys *keys, uint32_t value, size_t at, struct subject *subject)
{
	for (uint32_t slot = hash(value) & keys->slot_mask; keys->slots[slot];
	     slot = (slot + 1) & keys->slot_mask) {
		const struct key *key = &keys->items[keys->slots[slot] - 1];

		if (key->value != value)
			continue;
		for (; key < keys->items + keys->count && key->value == value; key++) {
			uint64_t *word = &subject->seen[key->index / 64];
			uint64_t bit = UINT64_C(1) << (key->index % 64);

			if (!(*word & bit) && literal_is_there(subject, at, key))
				*word |= bit;
		}
		return;
	}
}

/* Inlined with a constant length, so that a load is a load. */
static inline __attribute__((always_inline)) void
scan_length(const struct keys *keys, unsigned length, struct subject *subject)
{
	for (size_t i = 0; i + length <= subject->length; i++) {
		uint32_t value = load(subject->bytes + i, length), bit = hash(value) >> 16;

		if (keys->bitmap[bit / 64] >> (bit % 64) & 1)
			take(keys, value, i, subject);
	}
}

static bool scan(const struct prefilter *prefilter, struct prefilter_scratch **scratch,
		 const uint8_t *bytes, size_t length, uint64_t *seen)
{
	const struct keys *keys = prefilter->keys;
	struct subject subject = {
		.bytes = bytes,
		.length = length,
		.comparisons = COMPARISONS * length,
		.seen = seen,
	};

	(void)scratch;
	if (keys[2].count)
		scan_length(&keys[2], 4, &subject);
	if (keys[1].count)
		scan_length(&keys[1], 3, &subject);
	if (keys[0].count)
		scan_length(&keys[0], 2, &subject);
	return true;
}

static void scratch_free(struct prefilter_scratch *scratch)
{
	(void)scratch; /* there is none */
}

const struct prefilter_ops prefilter_literal = {
	.name = "literals",
	.begin = begin,
	.add = add,
	.finish = finish,
	.end = end,
	.scan = scan,
	.scratch_free = scratch_free,
};
