/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bucket - a kilobyte of the names cache: up to eight entries of different length behind one
 * sequence lock. Knows nothing of names: an entry is an id and address words (its key), two
 * times and a payload. bucket.c has the layout and the argument for its memory order.
 */
#ifndef WAYMARK_NAMES_BUCKET_H
#define WAYMARK_NAMES_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BUCKET_ENTRIES 8u
#define BUCKET_WORDS 128u
#define RECORD_KEY_WORDS 4u
#define RECORD_PAYLOAD_BYTES 253u
#define RECORD_PAYLOAD_WORDS 32u
/* An id has 40 bits, whatever they mean to the owner, but for the number of key words. */
#define RECORD_ID_BITS 40
#define RECORD_ID_KEY_SHIFT 36

struct names_bucket {
	_Atomic uint64_t words[BUCKET_WORDS];
};

struct names_record {
	uint64_t id; /* 0: none */
	uint64_t written_us, expires_us;
	uint64_t key[RECORD_KEY_WORDS];
	uint64_t payload[RECORD_PAYLOAD_WORDS];
	uint8_t length; /* of the payload, in bytes; the rest of its last word is zero */
	uint8_t info;	/* the owner's; not part of the key */
	uint8_t tag;	/* eight bits of the key's hash */
};

struct names_counters {
	_Atomic uint64_t entries, added, refreshed, evicted, contended;
};

/*
 * For each of ids[0..count-1] with this key, its entry or one of id 0. All are of one moment.
 * Expired ones are not left out. Everything is "none" if writers leave no moment to read.
 */
void names_bucket_read(const struct names_bucket *bucket, uint8_t tag, const uint64_t *key,
		       const uint64_t *ids, unsigned count, struct names_record *found);
/*
 * Asks for the entries with this tag before they are read, so that waits for several buckets'
 * memory overlap. Looks into the bucket's head, which should be on its way already.
 */
void names_bucket_prefetch(const struct names_bucket *bucket, uint8_t tag);
/* All entries, as of one moment; returns their number. */
unsigned names_bucket_copy(const struct names_bucket *bucket,
			   struct names_record records[BUCKET_ENTRIES]);
/*
 * Writes one entry: over the one with its key, or by itself, giving up others where the bucket
 * has no room: `capacity` entries at most, [1, BUCKET_ENTRIES].
 */
void names_bucket_write(struct names_bucket *bucket, unsigned capacity,
			const struct names_record *record, uint64_t now_us,
			struct names_counters *counters);

/*
 * When an entry was written, for comparing: packet times of several threads differ a little, but
 * a time from the far future is left from before the clock was set back, and counts as oldest.
 */
static inline uint64_t names_written(uint64_t written_us, uint64_t now_us)
{
	return written_us > now_us && written_us - now_us > 60u * 1000000u ? 0 : written_us;
}

#endif
