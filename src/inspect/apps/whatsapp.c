/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WhatsApp's own transport over TCP. There is no public specification; what follows is what its
 * open clients (yowsup, whatsmeow) speak.
 *
 * A client begins with "WA", two bytes of version, and frames whose length is three bytes. In the
 * years of version 1 the first frame was a stream's start in binary XML: a list (0xf8) of few
 * items, the first of them token 1. Since the Noise protocol came (versions 2 to 6) it is a
 * protobuf message, the hello of a handshake with a public key of 32 bytes: four bytes that can
 * only be so. In front of it may stand "ED", 0, 1 and routing information, a few bytes of protobuf
 * with their length.
 *
 * One side is enough: it has 40 bits at the least that could have been otherwise. The server's
 * alone proves nothing.
 */
#include "../inspector.h"

enum {
	VERSION_MAX = 6,
	ROUTE_MAX = 64,
	FRAME_MAX = 4096,
	XML_LIST = 0xf8,
	XML_ITEMS_MAX = 16,
	XML_STREAM_START = 1,
	ROUTE_TAG = 0x08, /* protobuf: field 1, a number */
};

static enum inspect_status read_hello(const uint8_t *bytes, uint32_t length)
{
	/* HandshakeMessage.clientHello, and its key */
	static const uint8_t key[] = {0x0a, 0x20};
	uint32_t frame;

	if (inspect_begins(bytes, length, "WA", 2) == INSPECT_NO)
		return INSPECT_NO;
	if (length < 4)
		return INSPECT_MORE;
	if (!bytes[2] || bytes[2] > VERSION_MAX)
		return INSPECT_NO;
	if (length < 11)
		return INSPECT_MORE;
	frame = inspect_be24(bytes + 4);
	if (frame > FRAME_MAX)
		return INSPECT_NO;
	if (bytes[7] == XML_LIST)
		return bytes[8] <= XML_ITEMS_MAX && bytes[9] == XML_STREAM_START ? INSPECT_DONE
										 : INSPECT_NO;
	if (bytes[7] != 0x12 || bytes[8] + 2u != frame)
		return INSPECT_NO;
	return memcmp(bytes + 9, key, sizeof(key)) == 0 ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	static const uint8_t route[] = {'E', 'D', 0, 1, 0, 0};
	const uint8_t *bytes = stream->bytes[FLOW_FROM_CLIENT];
	uint32_t length = stream->length[FLOW_FROM_CLIENT];

	(void)evidence;
	(void)note;
	if (!length)
		return stream->length[FLOW_FROM_SERVER] ? INSPECT_NO : INSPECT_MORE;
	if (bytes[0] == 'W')
		return read_hello(bytes, length);
	if (inspect_begins(bytes, length, route, sizeof(route)) == INSPECT_NO)
		return INSPECT_NO;
	if (length < sizeof(route) + 2)
		return INSPECT_MORE;
	return bytes[6] && bytes[6] <= ROUTE_MAX && bytes[7] == ROUTE_TAG ? INSPECT_DONE
									  : INSPECT_NO;
}

const struct inspector inspector_whatsapp = {
	.name = "whatsapp",
	.stream = read_stream,
};
