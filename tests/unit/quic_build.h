/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds QUIC packets, Initials sealed as an endpoint would. */
#ifndef TEST_QUIC_BUILD_H
#define TEST_QUIC_BUILD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/gcm.h>

#include "../../src/inspect/quic_keys.h"

struct quic_build_cid {
	uint8_t length;
	uint8_t bytes[QUIC_CID_MAX];
};

struct quic_build {
	uint32_t version;
	enum quic_type type;
	enum quic_sender sender;
	struct quic_build_cid origin; /* what the keys are made of */
	struct quic_build_cid dcid, scid;
	const uint8_t *token;
	size_t token_length;
	uint64_t number;
	unsigned number_bytes; /* 0: four */
	size_t pad_to;	       /* the packet's least size, by PADDING frames */
};

static inline size_t quic_build_cid(uint8_t *out, const struct quic_build_cid *cid)
{
	out[0] = cid->length;
	memcpy(out + 1, cid->bytes, cid->length);
	return 1 + (size_t)cid->length;
}

/* In four bytes below 2^30, else in eight. */
static inline size_t quic_build_number(uint8_t *out, uint64_t value)
{
	size_t count = value < (UINT64_C(1) << 30) ? 4 : 8;

	for (size_t i = 0; i < count; i++)
		out[i] = (uint8_t)(value >> (8 * (count - 1 - i)));
	out[0] |= count == 4 ? 0x80 : 0xc0;
	return count;
}

/*
 * A long-header packet around `frames`; `out` has room for it. Other types than Initial are
 * sealed with the same keys: to us they are noise. Returns its size.
 */
static inline size_t quic_build(const struct quic_build *build, const uint8_t *frames,
				size_t frames_length, uint8_t *out)
{
	const struct quic_version *version = quic_version_find(build->version);
	unsigned count = build->number_bytes ? build->number_bytes : 4;
	uint8_t initial = version && quic_type_of(version, 0x10) == QUIC_INITIAL ? 1 : 0;
	struct gcm_aes128_ctx gcm;
	struct quic_keys keys;
	uint8_t mask[5], nonce[12], *plain;
	size_t at = 0, number_at, head, payload = frames_length;

	out[at++] = (uint8_t)(0xc0 | ((build->type + initial) & 3) << 4 | (count - 1));
	for (unsigned i = 0; i < 4; i++)
		out[at++] = (uint8_t)(build->version >> (24 - 8 * i));
	at += quic_build_cid(out + at, &build->dcid);
	at += quic_build_cid(out + at, &build->scid);
	if (build->type == QUIC_INITIAL) {
		at += quic_build_number(out + at, build->token_length);
		if (build->token_length)
			memcpy(out + at, build->token, build->token_length);
		at += build->token_length;
	}
	head = at + 4 + count;
	if (payload + count < 4)
		payload = 4 - count;
	if (head + payload + QUIC_TAG < build->pad_to)
		payload = build->pad_to - head - QUIC_TAG;
	at += quic_build_number(out + at, count + payload + QUIC_TAG);
	number_at = at;
	for (unsigned i = 0; i < count; i++)
		out[at++] = (uint8_t)(build->number >> (8 * (count - 1 - i)));

	plain = calloc(1, payload);
	if (!plain)
		abort();
	memcpy(plain, frames, frames_length);
	quic_keys_derive(version ? version : quic_version_find(1), build->origin.bytes,
			 build->origin.length, build->sender, &keys);
	quic_nonce(&keys, build->number, nonce);
	gcm_aes128_set_key(&gcm, keys.key);
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	gcm_aes128_update(&gcm, at, out);
	gcm_aes128_encrypt(&gcm, payload, out + at, plain);
	gcm_aes128_digest(&gcm, QUIC_TAG, out + at + payload);
	free(plain);
	quic_header_mask(&keys, out + number_at + 4, mask);
	out[0] ^= mask[0] & 0x0f;
	for (unsigned i = 0; i < count; i++)
		out[number_at + i] ^= mask[1 + i];
	return at + payload + QUIC_TAG;
}

/* A CRYPTO frame. */
static inline size_t quic_build_crypto(uint8_t *out, uint64_t offset, const uint8_t *bytes,
				       size_t length)
{
	size_t at = 0;

	out[at++] = 6;
	at += quic_build_number(out + at, offset);
	at += quic_build_number(out + at, length);
	memcpy(out + at, bytes, length);
	return at + length;
}

#endif
