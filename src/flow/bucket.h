/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bucket - a cache line of the flow table's index: which flows may be the one that is looked for.
 *
 * A slot has a flow's index and its tag, a byte of its hash; slots fill in any order. No state of
 * its own and no threads: the table's.
 */
#ifndef WAYMARK_FLOW_BUCKET_H
#define WAYMARK_FLOW_BUCKET_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <waymark/hash.h>

#define BUCKET_SLOTS 12
#define BUCKET_LOAD 8 /* flows a bucket when the table is full: then one of sixty finds no slot */

struct bucket {
	uint8_t tags[BUCKET_SLOTS]; /* of the flows in the slots; 0: the slot is free */
	uint32_t others;	    /* the first that found no slot; more by next_in_chain */
	uint32_t flows[BUCKET_SLOTS];
};
_Static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");

/* Never 0. The bucket is chosen by the hash's upper bits, so this is of the lower ones. */
static inline uint8_t bucket_tag(uint32_t hash)
{
	uint8_t tag = (uint8_t)hash;

	return tag ? tag : 1;
}

/*
 * A bit for each slot with the tag, 0: for each free one. The lowest is right; another may be one
 * without it, as hash_tags_with() says. bucket_slot() reads them.
 */
static inline uint64_t bucket_slots_with(const struct bucket *bucket, uint8_t tag)
{
	uint64_t first;
	uint32_t last;

	memcpy(&first, bucket->tags, sizeof(first));
	memcpy(&last, bucket->tags + sizeof(first), sizeof(last));
	/* the bits of the last four stand between the others */
	return hash_tags_with(le64toh(first), tag) |
	       (hash_tags_with(le32toh(last), tag) & UINT32_MAX) >> 4;
}

/* The slot of the lowest bit. */
static inline unsigned bucket_slot(uint64_t slots)
{
	unsigned bit = (unsigned)__builtin_ctzll(slots);

	return bit / 8 + (bit & 4 ? 0 : 8);
}

/* False: no slot is free. */
static inline bool bucket_put(struct bucket *bucket, uint32_t hash, uint32_t flow)
{
	uint64_t slots = bucket_slots_with(bucket, 0);

	if (!slots)
		return false;
	bucket->tags[bucket_slot(slots)] = bucket_tag(hash);
	bucket->flows[bucket_slot(slots)] = flow;
	return true;
}

/* False: it is in no slot. */
static inline bool bucket_take_out(struct bucket *bucket, uint32_t flow)
{
	for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
		if (bucket->flows[slot] == flow) {
			bucket->flows[slot] = 0;
			bucket->tags[slot] = 0;
			return true;
		}
	}
	return false;
}

#endif
