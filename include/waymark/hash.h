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

#endif
