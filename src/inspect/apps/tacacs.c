/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TACACS+ (RFC 8907).
 *
 * A header of 12 bytes: major version 12, minor 0 or 1; a type; a sequence number, which is 1 in a
 * client's first packet and 2 in the answer; flags; a session's identifier; the length of the body,
 * which is obfuscated. The question and its answer agree in version, type, and identifier, and
 * count on: only both together are believed.
 */
#include "../inspector.h"

enum {
	HEADER = 12,
	MAJOR = 0xc,
	TYPE_MAX = 3, /* authentication, authorisation, accounting */
	FLAGS_KNOWN = 0x05,
	BODY_MIN = 5,
	BODY_MAX = 65535,
	SEQUENCE_AT = 2,
	SESSION_AT = 4,
};

static enum inspect_status read_header(const uint8_t *bytes, uint32_t length)
{
	uint32_t body;

	if ((length > 0 && (bytes[0] >> 4 != MAJOR || bytes[0] & 0x0e)) ||
	    (length > 1 && (!bytes[1] || bytes[1] > TYPE_MAX)) ||
	    (length > 3 && bytes[3] & ~FLAGS_KNOWN))
		return INSPECT_NO;
	if (length < HEADER)
		return INSPECT_MORE;
	body = inspect_be32(bytes + 8);
	return body >= BODY_MIN && body <= BODY_MAX ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status tacacs_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	const uint8_t *server = stream->bytes[FLOW_FROM_SERVER];
	enum inspect_status question = read_header(client, stream->length[FLOW_FROM_CLIENT]);
	enum inspect_status answer = read_header(server, stream->length[FLOW_FROM_SERVER]);

	(void)evidence;
	(void)note;
	if (question == INSPECT_NO || answer == INSPECT_NO)
		return INSPECT_NO;
	if (question == INSPECT_DONE && !stream->midstream && client[SEQUENCE_AT] != 1)
		return INSPECT_NO;
	if (question != INSPECT_DONE || answer != INSPECT_DONE)
		return INSPECT_MORE;
	return client[1] == server[1] && !memcmp(client + SESSION_AT, server + SESSION_AT, 4) &&
			       (client[SEQUENCE_AT] + 1 == server[SEQUENCE_AT] ||
				server[SEQUENCE_AT] + 1 == client[SEQUENCE_AT])
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_tacacs = {
	.name = "tacacs",
	.stream = tacacs_stream,
};
