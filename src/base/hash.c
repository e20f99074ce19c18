/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SipHash-1-3, written from the paper's description: four 64-bit words of state,
 * one mixing round per eight bytes of input, three to finish. Keys come from
 * getrandom(), so that nobody outside can fill one bucket of a flow table.
 */
#include <waymark/hash.h>

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int hash_seed_random(struct hash_seed *seed)
{
	ssize_t got = getrandom(seed, sizeof(*seed), 0);

	if (got < 0)
		return -errno;
	return got == (ssize_t)sizeof(*seed) ? 0 : -EIO;
}

static inline uint64_t rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

uint64_t hash_bytes(const struct hash_seed *seed, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	uint64_t v[4] = {seed->k0 ^ 0x736f6d6570736575, seed->k1 ^ 0x646f72616e646f6d,
			 seed->k0 ^ 0x6c7967656e657261, seed->k1 ^ 0x7465646279746573};
	uint64_t word, last = (uint64_t)length << 56;
	size_t rest = length & 7;

	for (const unsigned char *end = bytes + (length - rest); bytes < end; bytes += 8) {
		memcpy(&word, bytes, 8);
		v[3] ^= word;
		mix(v);
		v[0] ^= word;
	}
	if (rest) { /* keys are whole words: no call for nothing */
		word = 0;
		memcpy(&word, bytes, rest);
		last |= word;
	}
	v[3] ^= last;
	mix(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	mix(v);
	mix(v);
	mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
