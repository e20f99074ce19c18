/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AJP 1.3 (Apache Tomcat's "AJPv13"): what a web server speaks with a servlet container.
 *
 * The web server's packets begin with 0x1234, a length and a kind; the container's with "AB".
 * Claimed by a request to forward, whose method and whose protocol, "HTTP/...", stand at their
 * places; by headers that are sent back, with a status and a message; and by a ping or its answer,
 * of five bytes.
 */
#include "sides.h"

enum {
	HEADER = 4,
	FORWARD_REQUEST = 2,
	SEND_HEADERS = 4,
	CPONG = 9,
	CPING = 10,
	METHOD_MAX = 27,
	METHOD_STORED = 0xff, /* the method is an attribute */
	PACKET_MAX = 65535 - HEADER,
	PROTOCOL_AT = HEADER + 2,
};

/* From the web server. */
static enum inspect_status read_request(const uint8_t *bytes, uint32_t length, uint32_t size)
{
	static const char protocol[] = "HTTP/";

	if (bytes[HEADER] == CPING)
		return size == 1 ? INSPECT_DONE : INSPECT_NO;
	if (bytes[HEADER] != FORWARD_REQUEST)
		return INSPECT_NO;
	if (length > HEADER + 1 && (!bytes[HEADER + 1] || (bytes[HEADER + 1] > METHOD_MAX &&
							   bytes[HEADER + 1] != METHOD_STORED)))
		return INSPECT_NO;
	if (length <= PROTOCOL_AT + 2)
		return INSPECT_MORE;
	return inspect_begins(bytes + PROTOCOL_AT + 2, length - PROTOCOL_AT - 2, protocol,
			      sizeof(protocol) - 1);
}

/* From the container. */
static enum inspect_status read_answer(const uint8_t *bytes, uint32_t length, uint32_t size)
{
	uint32_t status, message;

	if (bytes[HEADER] == CPONG)
		return size == 1 ? INSPECT_DONE : INSPECT_NO;
	if (bytes[HEADER] != SEND_HEADERS)
		return INSPECT_NO;
	if (length < HEADER + 5)
		return INSPECT_MORE;
	status = inspect_be16(bytes + HEADER + 1);
	message = inspect_be16(bytes + HEADER + 3);
	if (status < 100 || status > 999)
		return INSPECT_NO;
	if (message == 0xffff) /* no string */
		message = 0;
	else if (HEADER + 5 + message >= HEADER + size)
		return INSPECT_NO;
	else if (length <= HEADER + 5 + message)
		return INSPECT_MORE;
	else if (bytes[HEADER + 5 + message])
		return INSPECT_NO;
	for (uint32_t i = 0; i < message; i++)
		if (bytes[HEADER + 5 + i] < ' ')
			return INSPECT_NO;
	return INSPECT_DONE;
}

static enum inspect_status ajp_side(const uint8_t *bytes, uint32_t length, enum flow_direction from)
{
	static const uint8_t request[] = {0x12, 0x34}, answer[] = {'A', 'B'};
	bool asks = bytes[0] == request[0];
	uint32_t size;

	(void)from;
	if (memcmp(bytes, asks ? request : answer, length < 2 ? length : 2) != 0)
		return INSPECT_NO;
	if (length <= HEADER)
		return INSPECT_MORE;
	size = inspect_be16(bytes + 2);
	if (!size || size > PACKET_MAX)
		return INSPECT_NO;
	return asks ? read_request(bytes, length, size) : read_answer(bytes, length, size);
}

static enum inspect_status ajp_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, ajp_side, note);
}

const struct inspector inspector_ajp = {.name = "ajp", .stream = ajp_stream};
