/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Syncthing: discovery on the LAN, and the relays (its specifications "localdisco-v4" and
 * "relay-v1"). Block exchange itself runs in TLS, and is known by its ALPN.
 *
 * Discovery: a magic number of four bytes; then, since version 4, a protobuf message whose first
 * field is the sender's certificate hash, 32 bytes. Relay: a magic number, a type of eight and a
 * length of few bytes. What two peers say through a relay is TLS, and follows when the relay
 * has answered the request to join them with success.
 */
#include "../inspector.h"

#define LOCAL_MAGIC UINT32_C(0x2ea7d90b)
#define LOCAL_MAGIC_V3 UINT32_C(0x7d79bc40)
#define LOCAL_MAGIC_V2 UINT32_C(0x9d79bc39)
#define RELAY_MAGIC UINT32_C(0x9e79bc40)

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	static const uint8_t id[] = {0x0a, 0x20}; /* field 1, 32 bytes */
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (datagram->captured < 6)
		return INSPECT_NO;
	switch (inspect_be32(bytes)) {
	case LOCAL_MAGIC:
		return memcmp(bytes + 4, id, sizeof(id)) == 0 ? INSPECT_DONE : INSPECT_NO;
	case LOCAL_MAGIC_V3:
	case LOCAL_MAGIC_V2:
		return INSPECT_DONE;
	default:
		return INSPECT_NO;
	}
}

/* ---- relays ---- */

enum {
	RELAY_HEADER = 12,
	RELAY_LENGTH_MAX = 1024,
	PING = 0,
	JOIN_SESSION_REQUEST = 3,
	RESPONSE = 4,
	RELAY_FULL = 7,
};

/* The first message of a side; `end` is behind it, 0 when it is not whole. */
struct relay_message {
	enum inspect_status status;
	uint32_t type, end, code;
};

static struct relay_message read_message(const uint8_t *bytes, uint32_t length)
{
	static const uint8_t magic[] = {0x9e, 0x79, 0xbc, 0x40};
	struct relay_message message = {.status = INSPECT_MORE};
	uint32_t size;

	if (!length)
		return message;
	message.status = inspect_begins(bytes, length, magic, sizeof(magic));
	if (message.status != INSPECT_DONE || length < RELAY_HEADER) {
		if (message.status == INSPECT_DONE)
			message.status = INSPECT_MORE;
		return message;
	}
	message.type = inspect_be32(bytes + 4);
	size = inspect_be32(bytes + 8);
	if (message.type > RELAY_FULL || size > RELAY_LENGTH_MAX) {
		message.status = INSPECT_NO;
		return message;
	}
	message.status = INSPECT_DONE;
	if (length - RELAY_HEADER >= size)
		message.end = RELAY_HEADER + size;
	if (message.end >= RELAY_HEADER + 4)
		message.code = inspect_be32(bytes + RELAY_HEADER);
	return message;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	struct relay_message client = read_message(stream->bytes[0], stream->length[0]);
	struct relay_message server = read_message(stream->bytes[1], stream->length[1]);

	(void)evidence;
	if (client.status == INSPECT_NO || server.status == INSPECT_NO)
		return INSPECT_NO;
	if (client.status == INSPECT_MORE && server.status == INSPECT_MORE)
		return INSPECT_MORE;
	if (client.status != INSPECT_DONE || client.type != JOIN_SESSION_REQUEST)
		return INSPECT_DONE;
	if (client.end && server.end) {
		note->inner = server.type == RESPONSE && !server.code;
		note->inner_at[0] = client.end;
		note->inner_at[1] = server.end;
		return INSPECT_DONE;
	}
	note->busy = note->carrier = true;
	return stream->last ? INSPECT_DONE : INSPECT_MINE;
}

const struct inspector inspector_syncthing = {
	.name = "syncthing",
	.gives_tcp = INSPECT_HOST | INSPECT_ALPN,
	.carries = true,
	.stream = read_stream,
	.datagram = read_datagram,
};
