/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telegram: MTProto over TCP ("Mobile Protocol: transports") and the reflectors of its calls over
 * UDP (libtgvoip, tgcalls). Most clients obfuscate the transport with a random key that they send
 * first; that cannot be told from noise, and is not claimed.
 *
 * Over TCP a message begins with the id of its key, 8 bytes; before it stand the transport's tag,
 * once, and a length. Id 0 is a message in the clear: its length agrees with the transport's, and
 * the first one asks for the server's primes (req_pq). Any other id is proof when it comes again at
 * the place that the next length leads to: from the other side, or in the same side's next message.
 *
 * Over UDP a packet for the reflector has the call's tag, 16 bytes, and then 12 of 0xff, and
 * one of four known words.
 */
#include "../inspector.h"

enum {
	KEY_ID_BYTES = 8,
	PLAIN_HEADER = 20, /* key id, message id, length */
	MESSAGE_MIN = 24,
	MESSAGE_MAX = 1 << 20,
	ABRIDGED_LONG = 0x7f,
};

#define REQ_PQ UINT32_C(0x60469778)
#define REQ_PQ_MULTI UINT32_C(0xbe7e8ef1)

enum transport { ABRIDGED, INTERMEDIATE, PADDED, TRANSPORTS };

/* The tag that the client begins with. */
static enum inspect_status read_tag(const uint8_t *bytes, uint32_t length,
				    enum transport *transport, uint32_t *at)
{
	static const uint8_t tags[TRANSPORTS][4] = {
		{0xef}, {0xee, 0xee, 0xee, 0xee}, {0xdd, 0xdd, 0xdd, 0xdd}};
	static const uint8_t sizes[TRANSPORTS] = {1, 4, 4};

	for (unsigned i = 0; i < TRANSPORTS; i++) {
		enum inspect_status status = inspect_begins(bytes, length, tags[i], sizes[i]);

		if (status == INSPECT_NO)
			continue;
		*transport = (enum transport)i;
		*at = sizes[i];
		return status;
	}
	return INSPECT_NO;
}

/* A message at `at`, of which the length and the key id are there. */
static enum inspect_status read_message(const uint8_t *bytes, uint32_t length,
					enum transport transport, uint32_t *at, uint32_t *size)
{
	uint32_t have = length - *at, head = 4;
	const uint8_t *here;

	if (!have)
		return INSPECT_MORE;
	here = bytes + *at;
	if (transport == ABRIDGED) { /* counts words of four bytes */
		head = here[0] == ABRIDGED_LONG ? 4 : 1;
		if (head == 1 && (here[0] & 0x80))
			return INSPECT_NO;
	}
	if (have < head + KEY_ID_BYTES)
		return INSPECT_MORE;
	if (transport == ABRIDGED)
		*size = 4 *
			(head == 1 ? here[0] : inspect_le16(here + 1) | (uint32_t)here[3] << 16);
	else
		*size = inspect_le32(here);
	*at += head;
	return *size >= MESSAGE_MIN && *size <= MESSAGE_MAX ? INSPECT_DONE : INSPECT_NO;
}

/* Id 0: in the clear. */
static enum inspect_status read_plain(const uint8_t *bytes, uint32_t have, uint32_t size)
{
	uint32_t inner, constructor;

	if (have < PLAIN_HEADER + 4)
		return INSPECT_MORE;
	inner = inspect_le32(bytes + 16);
	constructor = inspect_le32(bytes + PLAIN_HEADER);
	return inner + PLAIN_HEADER <= size &&
			       (constructor == REQ_PQ || constructor == REQ_PQ_MULTI)
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	static const uint8_t zero[KEY_ID_BYTES];
	const uint8_t *client = stream->bytes[0], *server = stream->bytes[1];
	uint32_t at = 0, size = 0, next, answer = 0, size_next;
	enum transport transport = ABRIDGED;
	enum inspect_status status;

	(void)evidence;
	(void)note;
	if (!stream->length[0])
		return stream->length[1] ? INSPECT_NO : INSPECT_MORE;
	status = read_tag(client, stream->length[0], &transport, &at);
	if (status == INSPECT_DONE)
		status = read_message(client, stream->length[0], transport, &at, &size);
	if (status != INSPECT_DONE)
		return status;
	if (!memcmp(client + at, zero, sizeof(zero)))
		return read_plain(client + at, stream->length[0] - at, size);
	status = read_message(server, stream->length[1], transport, &answer, &size_next);
	if (status == INSPECT_NO)
		return INSPECT_NO;
	if (status == INSPECT_DONE && !memcmp(client + at, server + answer, KEY_ID_BYTES))
		return INSPECT_DONE;
	if (stream->length[0] - at <= size)
		return INSPECT_MORE;
	next = at + size;
	status = read_message(client, stream->length[0], transport, &next, &size_next);
	if (status != INSPECT_DONE)
		return status;
	return memcmp(client + at, client + next, KEY_ID_BYTES) == 0 ? INSPECT_DONE : INSPECT_NO;
}

/* ---- reflectors ---- */

enum {
	TAG_BYTES = 16,
	FILL_BYTES = 12,
	WORD_AT = TAG_BYTES + FILL_BYTES,
	REFLECTOR_MIN = WORD_AT + 4,
	PING_BYTES = 40,
};

#define WORD_PING UINT32_C(0xfffffffe)
#define WORD_ENDPOINTS UINT32_C(0xffffffff)
#define WORD_SELF_INFO UINT32_C(0xc01572c7)
#define WORD_PEER_INFO UINT32_C(0x27d9371c)

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	bool tag = false;

	(void)state;
	(void)evidence;
	if (datagram->captured < REFLECTOR_MIN)
		return INSPECT_NO;
	for (unsigned i = 1; i < TAG_BYTES; i++)
		tag |= bytes[i] != bytes[0];
	for (unsigned i = TAG_BYTES; i < WORD_AT; i++)
		tag &= bytes[i] == 0xff;
	if (!tag)
		return INSPECT_NO;
	switch (inspect_le32(bytes + WORD_AT)) {
	case WORD_PING:
		return datagram->length >= PING_BYTES ? INSPECT_DONE : INSPECT_NO;
	case WORD_ENDPOINTS:
		return datagram->length == REFLECTOR_MIN ? INSPECT_DONE : INSPECT_NO;
	case WORD_SELF_INFO:
	case WORD_PEER_INFO:
		return INSPECT_DONE;
	default:
		return INSPECT_NO;
	}
}

const struct inspector inspector_telegram = {
	.name = "telegram",
	.stream = read_stream,
	.datagram = read_datagram,
};
