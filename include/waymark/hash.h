/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hash - keyed 64-bit hashing for tables whose keys an attacker can choose.
 *
 * SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", with one
 * compression and three finalisation rounds, as Linux's hsiphash and Rust use it).
 * Pure functions; the seed comes once from hash_seed_random().
 */
#ifndef WAYMARK_HASH_H
#define WAYMARK_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_seed {
	uint64_t k0, k1;
};

/* Fills the seed from the kernel's random source; -errno where there is none. */
int hash_seed_random(struct hash_seed *seed);
uint64_t hash_bytes(const struct hash_seed *seed, const void *data, size_t length);

/*
 * Of eight tags (a byte of a hash each), those that are `tag`: the top bit of each one's byte. The
 * borrow can let a byte pass above one that matches, so keys are to be compared anyway; the lowest
 * is right.
 */
static inline uint64_t hash_tags_with(uint64_t tags, uint8_t tag)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t differences = tags ^ (ones * tag);

	return (differences - ones) & ~differences & (ones << 7);
}

#endif
