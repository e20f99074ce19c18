/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sticky - the memory of which value a source took in a group: bounded, shared, never waiting.
 *
 * Knows nothing of groups: a key is 64 bits of hash, an entry a value and the second of its last
 * use. sticky.c has the layout and why workers agree.
 */
#ifndef WAYMARK_STEER_STICKY_H
#define WAYMARK_STEER_STICKY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/hash.h>

struct sticky_memory;

/* `max` entries, rounded up. NULL: out of memory. */
struct sticky_memory *sticky_memory_new(uint32_t max, const struct hash_seed *seed);
void sticky_memory_free(struct sticky_memory *memory);
/* The key of some bytes; the seed is the memory's own. */
uint64_t sticky_key(const struct sticky_memory *memory, const void *bytes, size_t length);

struct sticky_bucket;

/* What was found of a key, and how it was found: sticky_store() changes nothing else. */
struct sticky_entry {
	uint32_t value; /* 0: the key is not there */
	uint32_t age_s; /* since its last use; 0 also where that lies ahead (clocks step back) */
	/* sticky.c's */
	struct sticky_bucket *bucket;
	uint64_t key, seen;
	unsigned slot;
};

void sticky_find(struct sticky_memory *memory, uint64_t key, uint64_t now_s,
		 struct sticky_entry *entry);
/*
 * Puts a value, 1 to 65535, where `entry` was found: over it, or as the key's first. False:
 * somebody else was faster, so look again.
 */
bool sticky_store(const struct sticky_entry *entry, uint32_t value, uint64_t now_s);
/* The entry was used. If somebody else is at it, that is use enough. */
void sticky_refresh(const struct sticky_entry *entry, uint64_t now_s);

#endif
