/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one question asked of secp256k1: is this a point of it?
 *
 * Numbers are four words of 64 bits, the lowest first. The prime is 2^256 - FOLD, so what lies
 * above 2^256 is brought back by multiplying it with FOLD, a number of 33 bits; two such
 * folds and one subtraction leave the remainder. Nothing is secret, so nothing is
 * constant in time. A library would bring its whole arithmetic for two multiplications and two
 * squares.
 */
#include "secp256k1.h"

#include <string.h>

#define WORDS 4
#define FOLD UINT64_C(0x1000003d1) /* 2^32 + 977 */
#define CURVE_B 7

__extension__ typedef unsigned __int128 wide; /* ISO C has no name for it */

static const uint64_t prime[WORDS] = {-FOLD, UINT64_MAX, UINT64_MAX, UINT64_MAX};

static bool below_prime(const uint64_t a[WORDS])
{
	for (unsigned i = WORDS; i--;)
		if (a[i] != prime[i])
			return a[i] < prime[i];
	return false;
}

/* a += b * FOLD; what comes out at the top. */
static uint64_t add_folded(uint64_t a[WORDS], const uint64_t *b, unsigned words)
{
	wide carry = 0;

	for (unsigned i = 0; i < WORDS; i++) {
		carry += a[i];
		if (i < words)
			carry += (wide)b[i] * FOLD;
		a[i] = (uint64_t)carry;
		carry >>= 64;
	}
	return (uint64_t)carry;
}

/* Brings carry * 2^256 + a below the prime. */
static void reduce(uint64_t a[WORDS], uint64_t carry)
{
	const uint64_t one = 1;

	while (carry)
		carry = add_folded(a, &carry, 1);
	if (!below_prime(a)) /* less the prime is the same as plus FOLD, less 2^256 */
		add_folded(a, &one, 1);
}

static void multiply(uint64_t out[WORDS], const uint64_t a[WORDS], const uint64_t b[WORDS])
{
	uint64_t product[2 * WORDS] = {0}, carry;

	for (unsigned i = 0; i < WORDS; i++) {
		wide sum = 0;

		for (unsigned j = 0; j < WORDS; j++) {
			sum += (wide)a[i] * b[j] + product[i + j];
			product[i + j] = (uint64_t)sum;
			sum >>= 64;
		}
		product[i + WORDS] = (uint64_t)sum;
	}
	carry = add_folded(product, product + WORDS, WORDS);
	reduce(product, carry);
	memcpy(out, product, WORDS * sizeof(*out));
}

static void load(uint64_t out[WORDS], const uint8_t bytes[SECP256K1_BYTES])
{
	for (unsigned i = 0; i < WORDS; i++) {
		uint64_t word = 0;

		for (unsigned j = 0; j < 8; j++)
			word = word << 8 | bytes[8 * (WORDS - 1 - i) + j];
		out[i] = word;
	}
}

bool secp256k1_is_point(const uint8_t bytes[2 * SECP256K1_BYTES])
{
	uint64_t x[WORDS], y[WORDS], right[WORDS];
	wide sum = CURVE_B;

	load(x, bytes);
	load(y, bytes + SECP256K1_BYTES);
	if (!below_prime(x) || !below_prime(y))
		return false;
	multiply(right, x, x);
	multiply(right, right, x);
	for (unsigned i = 0; i < WORDS; i++) {
		sum += right[i];
		right[i] = (uint64_t)sum;
		sum >>= 64;
	}
	reduce(right, (uint64_t)sum);
	multiply(y, y, y);
	return !memcmp(y, right, sizeof(y));
}
