/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bucket's words: [0] sequence, odd while somebody writes; [1] eight tags, a byte each; [2] eight
 * offsets in words, a byte each, 0 where there is no entry; then the entries, packed, in the
 * order of their offsets. An entry: header (id, payload length, info), time written, time of
 * expiry, key, payload. A bucket of zeros is an empty one, so fresh pages need no initialising.
 *
 * Memory order (C11, no fences: ThreadSanitizer does not know them, and they would buy nothing).
 * A writer makes the sequence odd by compare-and-swap (acquire), stores every word with release,
 * and stores the next even number with release. A reader loads the sequence (acquire; even or try
 * again), every word with acquire, and the sequence once more. If it saw one word of a later
 * writer, that acquire load synchronises with the release store, the writer's odd number
 * happened before, and the second look at the sequence cannot find the old number. If it saw a
 * word older than its sequence says, the acquire load of the sequence would not have happened
 * after it was replaced. So an unchanged sequence means: all words of one moment. Sequences have
 * 64 bits and do not come round. On x86 all of this is plain loads and stores.
 *
 * Until the sequence has been compared, words may be of different moments: no offset or length
 * is used before it was checked against the bucket, and nothing goes to the caller.
 */
#include "bucket.h"

#include <string.h>

#include <waymark/hash.h>

#define SEQUENCE 0u
#define TAGS 1u
#define OFFSETS 2u
#define FIRST_ENTRY 3u

/* places in an entry */
#define WRITTEN 1u
#define EXPIRES 2u
#define KEY 3u

#define CACHE_LINE_WORDS 8u

#define ID_MASK ((1ull << RECORD_ID_BITS) - 1)
#define LENGTH_SHIFT RECORD_ID_BITS
#define INFO_SHIFT (RECORD_ID_BITS + 8)

/* A write takes a tenth to a fifth of a microsecond; these many pauses are a few times that. */
#define PATIENCE 64

static inline uint64_t load(const struct names_bucket *bucket, unsigned place)
{
	return atomic_load_explicit(&bucket->words[place], memory_order_acquire);
}

static inline void store(struct names_bucket *bucket, unsigned place, uint64_t word)
{
	atomic_store_explicit(&bucket->words[place], word, memory_order_release);
}

static inline void count(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static inline unsigned byte_of(uint64_t word, unsigned slot)
{
	return word >> (8 * slot) & 0xff;
}

static inline unsigned key_words(uint64_t id)
{
	return (unsigned)(id >> RECORD_ID_KEY_SHIFT) & 0xf;
}

static inline unsigned payload_words(unsigned length)
{
	return (length + 7) / 8;
}

static inline unsigned header_length(uint64_t header)
{
	return header >> LENGTH_SHIFT & 0xff;
}

static inline unsigned entry_words(uint64_t header)
{
	return KEY + key_words(header) + payload_words(header_length(header));
}

static inline uint64_t header_of(const struct names_record *record)
{
	return record->id | (uint64_t)record->length << LENGTH_SHIFT |
	       (uint64_t)record->info << INFO_SHIFT;
}

/* Whether these words can be an entry at all: see "of different moments" above. */
static bool is_entry(unsigned offset, uint64_t header)
{
	return key_words(header) <= RECORD_KEY_WORDS &&
	       header_length(header) <= RECORD_PAYLOAD_BYTES &&
	       offset + entry_words(header) <= BUCKET_WORDS;
}

static bool has_key(const struct names_bucket *bucket, unsigned offset, uint64_t id,
		    const uint64_t *key)
{
	for (unsigned i = 0; i < key_words(id); i++)
		if (load(bucket, offset + KEY + i) != key[i])
			return false;
	return true;
}

static void read_entry(const struct names_bucket *bucket, unsigned offset, uint64_t header,
		       struct names_record *record)
{
	unsigned payload = offset + KEY + key_words(header);

	record->id = header & ID_MASK;
	record->length = (uint8_t)header_length(header);
	record->info = (uint8_t)(header >> INFO_SHIFT);
	record->written_us = load(bucket, offset + WRITTEN);
	record->expires_us = load(bucket, offset + EXPIRES);
	for (unsigned i = 0; i < payload_words(record->length); i++)
		record->payload[i] = load(bucket, payload + i);
}

void names_bucket_prefetch(const struct names_bucket *bucket, uint8_t tag)
{
	uint64_t slots = hash_tags_with(load(bucket, TAGS), tag), offsets = load(bucket, OFFSETS);
	unsigned offset;

	for (; slots; slots &= slots - 1) {
		offset = byte_of(offsets, (unsigned)__builtin_ctzll(slots) / 8);
		if (offset + CACHE_LINE_WORDS < BUCKET_WORDS) {
			__builtin_prefetch(&bucket->words[offset]);
			__builtin_prefetch(&bucket->words[offset + CACHE_LINE_WORDS]);
		}
	}
}

void names_bucket_read(const struct names_bucket *bucket, uint8_t tag, const uint64_t *key,
		       const uint64_t *ids, unsigned id_count, struct names_record *found)
{
	uint64_t sequence, slots, offsets, header;
	unsigned offset;

	for (unsigned tries = 0; tries < PATIENCE; tries++, relax()) {
		for (unsigned i = 0; i < id_count; i++)
			found[i].id = 0;
		sequence = load(bucket, SEQUENCE);
		if (sequence & 1)
			continue;
		slots = hash_tags_with(load(bucket, TAGS), tag);
		offsets = load(bucket, OFFSETS);
		for (; slots; slots &= slots - 1) {
			offset = byte_of(offsets, (unsigned)__builtin_ctzll(slots) / 8);
			if (offset < FIRST_ENTRY || offset >= BUCKET_WORDS)
				continue;
			header = load(bucket, offset);
			if (!is_entry(offset, header))
				continue;
			for (unsigned i = 0; i < id_count; i++)
				if ((header & ID_MASK) == ids[i] &&
				    has_key(bucket, offset, ids[i], key))
					read_entry(bucket, offset, header, &found[i]);
		}
		if (load(bucket, SEQUENCE) == sequence)
			return;
	}
	for (unsigned i = 0; i < id_count; i++)
		found[i].id = 0;
}

unsigned names_bucket_copy(const struct names_bucket *bucket,
			   struct names_record records[BUCKET_ENTRIES])
{
	uint64_t sequence, tags, offsets, header;
	unsigned offset, copied;

	for (unsigned tries = 0; tries < PATIENCE; tries++, relax()) {
		sequence = load(bucket, SEQUENCE);
		if (sequence & 1)
			continue;
		tags = load(bucket, TAGS);
		offsets = load(bucket, OFFSETS);
		copied = 0;
		for (unsigned slot = 0; slot < BUCKET_ENTRIES; slot++) {
			struct names_record *record = &records[copied];

			offset = byte_of(offsets, slot);
			if (offset < FIRST_ENTRY || offset >= BUCKET_WORDS)
				continue;
			header = load(bucket, offset);
			if (!is_entry(offset, header))
				continue;
			read_entry(bucket, offset, header, record);
			record->tag = (uint8_t)byte_of(tags, slot);
			for (unsigned i = 0; i < RECORD_KEY_WORDS; i++)
				record->key[i] = i < key_words(record->id)
							 ? load(bucket, offset + KEY + i)
							 : 0;
			copied++;
		}
		if (load(bucket, SEQUENCE) == sequence)
			return copied;
	}
	return 0;
}

/* ---- writing: with the sequence odd, the bucket is ours and of one moment ---- */

static bool take(struct names_bucket *bucket, uint64_t *sequence)
{
	_Atomic uint64_t *word = &bucket->words[SEQUENCE];

	for (unsigned tries = 0; tries < PATIENCE; tries++, relax()) {
		*sequence = atomic_load_explicit(word, memory_order_relaxed);
		if (!(*sequence & 1) && atomic_compare_exchange_strong_explicit(
						word, sequence, *sequence + 1, memory_order_acquire,
						memory_order_relaxed))
			return true;
	}
	return false;
}

/* The slot of the record's key; BUCKET_ENTRIES: none. */
static unsigned slot_of(const struct names_bucket *bucket, const struct names_record *record)
{
	uint64_t slots = hash_tags_with(load(bucket, TAGS), record->tag);
	uint64_t offsets = load(bucket, OFFSETS);

	for (; slots; slots &= slots - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(slots) / 8;
		unsigned offset = byte_of(offsets, slot);

		if (offset && (load(bucket, offset) & ID_MASK) == record->id &&
		    has_key(bucket, offset, record->id, record->key))
			return slot;
	}
	return BUCKET_ENTRIES;
}

/* The same payload again: new times, nothing moves. An earlier promise to keep it longer holds. */
static bool refresh(struct names_bucket *bucket, unsigned offset, const struct names_record *record,
		    uint64_t now_us)
{
	uint64_t expires_us = load(bucket, offset + EXPIRES);
	unsigned payload = offset + KEY + key_words(record->id);

	if (header_length(load(bucket, offset)) != record->length)
		return false;
	for (unsigned i = 0; i < payload_words(record->length); i++)
		if (load(bucket, payload + i) != record->payload[i])
			return false;
	if (expires_us < record->expires_us ||
	    !names_written(load(bucket, offset + WRITTEN), now_us))
		expires_us = record->expires_us;
	store(bucket, offset, header_of(record));
	store(bucket, offset + WRITTEN, record->written_us);
	store(bucket, offset + EXPIRES, expires_us);
	return true;
}

struct kept {
	uint8_t tag, offset, words;
	uint64_t written;
};

/* The entries that stay, in order, but for the one to be replaced. */
static unsigned keep_unexpired(const struct names_bucket *bucket, unsigned replaced,
			       uint64_t now_us, struct kept kept[BUCKET_ENTRIES])
{
	uint64_t tags = load(bucket, TAGS), offsets = load(bucket, OFFSETS);
	unsigned total = 0;

	for (unsigned slot = 0; slot < BUCKET_ENTRIES; slot++) {
		unsigned offset = byte_of(offsets, slot);

		if (!offset || slot == replaced || load(bucket, offset + EXPIRES) <= now_us)
			continue;
		kept[total++] = (struct kept){
			.tag = (uint8_t)byte_of(tags, slot),
			.offset = (uint8_t)offset,
			.words = (uint8_t)entry_words(load(bucket, offset)),
			.written = names_written(load(bucket, offset + WRITTEN), now_us),
		};
	}
	return total;
}

/* Gives up those written longest ago until `words` more and one more entry have room. */
static unsigned make_room(struct kept kept[BUCKET_ENTRIES], unsigned total, unsigned capacity,
			  unsigned words)
{
	unsigned used = FIRST_ENTRY + words, oldest;

	for (unsigned i = 0; i < total; i++)
		used += kept[i].words;
	while (total && (total >= capacity || used > BUCKET_WORDS)) {
		oldest = 0;
		for (unsigned i = 1; i < total; i++)
			if (kept[i].written < kept[oldest].written)
				oldest = i;
		used -= kept[oldest].words;
		total--;
		memmove(&kept[oldest], &kept[oldest + 1], (total - oldest) * sizeof(*kept));
	}
	return total;
}

/* Offsets rise from slot to slot, so entries only ever move down, over what is gone. */
static void rewrite(struct names_bucket *bucket, const struct kept *kept, unsigned total,
		    const struct names_record *record)
{
	uint64_t tags = 0, offsets = 0;
	unsigned end = FIRST_ENTRY, words = key_words(record->id);

	for (unsigned slot = 0; slot < total; end += kept[slot++].words) {
		tags |= (uint64_t)kept[slot].tag << (8 * slot);
		offsets |= (uint64_t)end << (8 * slot);
		for (unsigned i = 0; kept[slot].offset != end && i < kept[slot].words; i++)
			store(bucket, end + i, load(bucket, kept[slot].offset + i));
	}
	store(bucket, end, header_of(record));
	store(bucket, end + WRITTEN, record->written_us);
	store(bucket, end + EXPIRES, record->expires_us);
	for (unsigned i = 0; i < words; i++)
		store(bucket, end + KEY + i, record->key[i]);
	for (unsigned i = 0; i < payload_words(record->length); i++)
		store(bucket, end + KEY + words + i, record->payload[i]);
	store(bucket, TAGS, tags | (uint64_t)record->tag << (8 * total));
	store(bucket, OFFSETS, offsets | (uint64_t)end << (8 * total));
}

static unsigned entries_in(const struct names_bucket *bucket)
{
	uint64_t offsets = load(bucket, OFFSETS);

	/* they fill slots from the first on */
	return offsets ? 8 - (unsigned)__builtin_clzll(offsets) / 8 : 0;
}

void names_bucket_write(struct names_bucket *bucket, unsigned capacity,
			const struct names_record *record, uint64_t now_us,
			struct names_counters *counters)
{
	struct kept kept[BUCKET_ENTRIES];
	unsigned slot, before, unexpired, total;
	uint64_t sequence;

	if (!take(bucket, &sequence)) {
		count(&counters->contended, 1);
		return;
	}
	slot = slot_of(bucket, record);
	if (slot < BUCKET_ENTRIES &&
	    refresh(bucket, byte_of(load(bucket, OFFSETS), slot), record, now_us)) {
		count(&counters->refreshed, 1);
	} else {
		before = entries_in(bucket);
		unexpired = keep_unexpired(bucket, slot, now_us, kept);
		total = make_room(kept, unexpired, capacity, entry_words(header_of(record)));
		rewrite(bucket, kept, total, record);
		count(&counters->added, 1);
		if (total < unexpired)
			count(&counters->evicted, unexpired - total);
		/* while the bucket is ours: the sum never tells more than there is room for */
		if (total + 1 != before)
			count(&counters->entries, (uint64_t)total + 1 - before);
	}
	store(bucket, SEQUENCE, sequence + 2);
}
