/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quic_keys - what differs between QUIC's versions, and the protection of Initial packets.
 *
 * Initial packets are encrypted with keys that anybody can derive from the connection ID that the
 * client chose first (RFC 9001, 5.2): nothing here is secret.
 */
#ifndef INSPECT_QUIC_KEYS_H
#define INSPECT_QUIC_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	QUIC_TAG = 16,	  /* AES-128-GCM */
	QUIC_SAMPLE = 16, /* of header protection, 4 bytes behind the packet number's begin */
	QUIC_CID_MAX = 20,
};

enum quic_type { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY };
enum quic_sender { QUIC_CLIENT, QUIC_SERVER };

struct quic_version;

struct quic_keys {
	uint8_t key[16], hp[16], iv[12];
};

/*
 * NULL for a version whose keys are not known. Reserved versions (0x?a?a?a?a) are there to be
 * refused and have no keys of their own; clients that send them use those of version 1.
 */
const struct quic_version *quic_version_find(uint32_t version);
/* What a long header's first byte says, which header protection leaves in clear. */
enum quic_type quic_type_of(const struct quic_version *version, uint8_t first);

void quic_keys_derive(const struct quic_version *version, const uint8_t *dcid, size_t length,
		      enum quic_sender sender, struct quic_keys *keys);
/* The mask over the first byte's low bits and the packet number. */
void quic_header_mask(const struct quic_keys *keys, const uint8_t sample[QUIC_SAMPLE],
		      uint8_t mask[5]);
void quic_nonce(const struct quic_keys *keys, uint64_t number, uint8_t nonce[12]);
/*
 * Opens a long-header packet of `size` bytes whose packet number begins at `number_at`, with
 * number_at + 4 + QUIC_SAMPLE <= size. `expected` is the packet number that would come next, and is
 * moved on. The payload is left in room[*at ..]; `room` holds `size` bytes. Returns the payload's
 * length, or -EBADMSG: not these keys, or not this packet.
 */
ssize_t quic_open(const struct quic_keys *keys, const uint8_t *packet, size_t number_at,
		  size_t size, uint64_t *expected, uint8_t *room, size_t *at);

#endif
