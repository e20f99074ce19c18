/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protection of QUIC's Initial packets: RFC 9001 (version 1), RFC 9369 (version
 * 2) and the drafts that were in use before them, with nettle's primitives.
 *
 * Versions differ in the salt, in the labels and in the numbers of packet types;
 * a row of the table says all of it. Long headers look alike from draft 22 on;
 * what is older is not known here, Google's own up to Q046 among it. Facebook numbered
 * its stack by itself, but uses the drafts' salts.
 *
 * The AEAD tag is the proof of everything: keys are tried, and a wrong guess about
 * version, connection ID or packet number fails.
 */
#include "quic_keys.h"

#include <errno.h>
#include <string.h>

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

enum { SALT = 20 };

static const uint8_t salt_draft22[SALT] = {0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb,
					   0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51,
					   0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a};
static const uint8_t salt_draft23[SALT] = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb,
					   0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4,
					   0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};
static const uint8_t salt_draft29[SALT] = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2,
					   0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61,
					   0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
static const uint8_t salt_v1[SALT] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
				      0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
static const uint8_t salt_v2_draft[SALT] = {0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47,
					    0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04,
					    0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3};
static const uint8_t salt_v2[SALT] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
				      0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};

static const uint8_t salt_q050[SALT] = {0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94,
					0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45};
static const uint8_t salt_t050[SALT] = {0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
					0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10};
static const uint8_t salt_t051[SALT] = {0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
					0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d};

static const struct quic_version {
	uint32_t first, last;
	const uint8_t *salt;
	bool labels_v2;
	uint8_t initial; /* the type field of an Initial; the others follow, modulo 4 */
} versions[] = {
	{1, 1, salt_v1, false, 0},
	{0x6b3343cf, 0x6b3343cf, salt_v2, true, 1},
	{0xff000016, 0xff000016, salt_draft22, false, 0},
	{0xff000017, 0xff00001c, salt_draft23, false, 0},
	{0xff00001d, 0xff000020, salt_draft29, false, 0},
	{0xff000021, 0xff000022, salt_v1, false, 0},
	/* version 2: draft 00, drafts 01 to 04 */
	{0xff020000, 0xff020000, salt_v2_draft, true, 0},
	{0x709a50c4, 0x709a50c4, salt_v2_draft, true, 1},
	/* mvfst */
	{0xfaceb001, 0xfaceb001, salt_draft22, false, 0},
	{0xfaceb002, 0xfaceb002, salt_draft23, false, 0},
	{0xfaceb003, 0xfaceb003, salt_v1, false, 0},
	{0xfaceb00e, 0xfaceb013, salt_draft23, false, 0},
	/* Google's last before the standard: "Q050" with its own hello, "T050" and "T051" with TLS
	 */
	{0x51303530, 0x51303530, salt_q050, false, 0},
	{0x54303530, 0x54303530, salt_t050, false, 0},
	{0x54303531, 0x54303531, salt_t051, false, 0},
};

const struct quic_version *quic_version_find(uint32_t version)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (version >= versions[i].first && version <= versions[i].last)
			return &versions[i];
	return (version & 0x0f0f0f0f) == 0x0a0a0a0a ? &versions[0] : NULL;
}

enum quic_type quic_type_of(const struct quic_version *version, uint8_t first)
{
	return (enum quic_type)(((first >> 4) - version->initial) & 3);
}

/* HKDF-Expand-Label (RFC 8446, 7.1) without context. */
static void expand_label(const struct hmac_sha256_ctx *secret, const char *label, size_t size,
			 uint8_t *out)
{
	struct hmac_sha256_ctx hmac = *secret;
	uint8_t info[40] = {0, (uint8_t)size};
	size_t length = strlen(label);

	info[2] = (uint8_t)(6 + length);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, length); /* the longest is "quicv2 key" */
	hkdf_expand(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, 10 + length,
		    info, size, out);
}

void quic_keys_derive(const struct quic_version *version, const uint8_t *dcid, size_t length,
		      enum quic_sender sender, struct quic_keys *keys)
{
	struct hmac_sha256_ctx hmac;
	uint8_t secret[SHA256_DIGEST_SIZE];

	hmac_sha256_set_key(&hmac, SALT, version->salt);
	hkdf_extract(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, sizeof(secret), length, dcid,
		     secret);
	hmac_sha256_set_key(&hmac, sizeof(secret), secret);
	expand_label(&hmac, sender == QUIC_CLIENT ? "client in" : "server in", sizeof(secret),
		     secret);
	hmac_sha256_set_key(&hmac, sizeof(secret), secret);
	expand_label(&hmac, version->labels_v2 ? "quicv2 key" : "quic key", sizeof(keys->key),
		     keys->key);
	expand_label(&hmac, version->labels_v2 ? "quicv2 iv" : "quic iv", sizeof(keys->iv),
		     keys->iv);
	expand_label(&hmac, version->labels_v2 ? "quicv2 hp" : "quic hp", sizeof(keys->hp),
		     keys->hp);
}

void quic_header_mask(const struct quic_keys *keys, const uint8_t sample[QUIC_SAMPLE],
		      uint8_t mask[5])
{
	struct aes128_ctx aes;
	uint8_t block[AES_BLOCK_SIZE];

	aes128_set_encrypt_key(&aes, keys->hp);
	aes128_encrypt(&aes, sizeof(block), block, sample);
	memcpy(mask, block, 5);
}

void quic_nonce(const struct quic_keys *keys, uint64_t number, uint8_t nonce[12])
{
	memcpy(nonce, keys->iv, 12);
	for (unsigned i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(number >> (8 * i));
}

/* The number closest to the expected one that ends in these bits (RFC 9000, A.3). */
static uint64_t whole_number(uint64_t expected, uint64_t bits, unsigned bytes)
{
	uint64_t window = UINT64_C(1) << (8 * bytes), half = window / 2;
	uint64_t number = (expected & ~(window - 1)) | bits;

	if (number + half <= expected && number < (UINT64_C(1) << 62) - window)
		return number + window;
	if (number > expected + half && number >= window)
		return number - window;
	return number;
}

ssize_t quic_open(const struct quic_keys *keys, const uint8_t *packet, size_t number_at,
		  size_t size, uint64_t *expected, uint8_t *room, size_t *at)
{
	struct gcm_aes128_ctx gcm;
	uint8_t mask[5], nonce[12], tag[QUIC_TAG];
	uint64_t number = 0;
	size_t count, length;

	quic_header_mask(keys, packet + number_at + 4, mask);
	count = ((packet[0] ^ mask[0]) & 3) + 1;
	memcpy(room, packet, number_at + count);
	room[0] ^= mask[0] & 0x0f;
	for (size_t i = 0; i < count; i++) {
		room[number_at + i] ^= mask[1 + i];
		number = number << 8 | room[number_at + i];
	}
	number = whole_number(*expected, number, (unsigned)count);
	*at = number_at + count;
	length = size - *at - QUIC_TAG;

	quic_nonce(keys, number, nonce);
	gcm_aes128_set_key(&gcm, keys->key);
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	gcm_aes128_update(&gcm, *at, room);
	gcm_aes128_decrypt(&gcm, length, room + *at, packet + *at);
	gcm_aes128_digest(&gcm, sizeof(tag), tag);
	if (!memeql_sec(tag, packet + size - QUIC_TAG, sizeof(tag)))
		return -EBADMSG;
	if (number >= *expected)
		*expected = number + 1;
	return (ssize_t)length;
}
