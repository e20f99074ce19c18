/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SOCKS 4 and 4A, and 5 (RFC 1928) with user name and password (RFC 1929).
 *
 * The client begins. Version 5 is claimed when the server has chosen a method that was
 * offered, version 4 when the server has answered a request that is whole: a first byte of
 * 4 or 5 alone means nothing. The name is the destination's, where the client leaves its
 * resolution to the proxy; an address is none. What follows a good reply to CONNECT is
 * the stream that was asked for. A client need not wait for the replies, so the bytes
 * of each side are told apart by their lengths alone.
 */
#include <string.h>

#include <waymark/ip.h>

#include "inspector.h"

enum {
	METHOD_NONE = 0,
	METHOD_GSSAPI = 1,
	METHOD_PASSWORD = 2,
	METHOD_LAST = 9,
	METHOD_PRIVATE = 0x80,
	METHODS_MAX = 16,
	ECHO_SEEN = 4,
	METHOD_REFUSED = 0xff,
	COMMAND_CONNECT = 1,
	COMMAND_BIND = 2,
	ADDRESS_IPV4 = 1,
	ADDRESS_NAME = 3,
	ADDRESS_IPV6 = 4,
	V4_REPLY_BYTES = 8,
	V4_GRANTED = 0x5a,
	V4_REFUSED_MAX = 0x5d,
};

/* One side, read from the front. */
struct side {
	const uint8_t *bytes;
	uint32_t length, at;
};

/* The next `count` bytes, NULL when they are not all there. */
static const uint8_t *take(struct side *side, uint32_t count)
{
	const uint8_t *bytes;

	if (side->length - side->at < count)
		return NULL;
	bytes = side->bytes + side->at;
	side->at += count;
	return bytes;
}

static enum inspect_status awaited(const struct inspect_stream *stream, struct inspect_note *note)
{
	note->busy = note->carrier = true;
	return stream->last ? INSPECT_DONE : INSPECT_MINE;
}

static enum inspect_status connected(const struct side sides[2], struct inspect_note *note)
{
	note->inner = note->tunnel = true;
	for (unsigned d = 0; d < 2; d++)
		note->inner_at[d] = sides[d].at;
	return INSPECT_DONE;
}

static void keep_name(struct evidence *evidence, const uint8_t *name, size_t length)
{
	char text[EVIDENCE_HOST_SIZE];
	struct ip_addr address;

	if (length >= sizeof(text))
		return;
	memcpy(text, name, length);
	text[length] = '\0';
	if (ip_parse(text, &address))
		return;
	evidence_set_host(evidence, HOST_SOCKS, name, length);
}

/* ---- version 5 ---- */

/* An address of RFC 1928, section 5, with its port; NULL: not all there, or *broken. */
static const uint8_t *take_address(struct side *side, uint8_t type, uint32_t *length, bool *broken)
{
	const uint8_t *bytes;

	switch (type) {
	case ADDRESS_IPV4:
		*length = 4;
		break;
	case ADDRESS_IPV6:
		*length = 16;
		break;
	case ADDRESS_NAME:
		bytes = take(side, 1);
		if (!bytes)
			return NULL;
		*length = bytes[0];
		break;
	default:
		*broken = true;
		return NULL;
	}
	return take(side, *length + 2);
}

/* The method that the server chose was offered: this is SOCKS, whatever follows. */
static enum inspect_status read_request(const struct inspect_stream *stream, uint8_t method,
					struct side sides[2], struct evidence *evidence,
					struct inspect_note *note)
{
	struct side *client = &sides[FLOW_FROM_CLIENT], *server = &sides[FLOW_FROM_SERVER];
	const uint8_t *bytes, *name;
	uint8_t command, type;
	uint32_t length;
	bool broken = false;

	if (method == METHOD_PASSWORD) {
		bytes = take(client, 2);
		if (bytes && bytes[0] != 1)
			return INSPECT_DONE;
		if (!bytes || !take(client, bytes[1]) || !(bytes = take(client, 1)) ||
		    !take(client, bytes[0]) || !(bytes = take(server, 2)))
			return awaited(stream, note);
		if (bytes[1] != 0)
			return INSPECT_DONE;
	} else if (method != METHOD_NONE) {
		return INSPECT_DONE; /* refused, or one that may hide what follows */
	}
	bytes = take(client, 4);
	if (!bytes)
		return awaited(stream, note);
	command = bytes[1];
	type = bytes[3];
	if (bytes[0] != 5)
		return INSPECT_DONE;
	name = take_address(client, type, &length, &broken);
	if (broken)
		return INSPECT_DONE;
	if (!name)
		return awaited(stream, note);
	if (type == ADDRESS_NAME)
		keep_name(evidence, name, length);
	if (command != COMMAND_CONNECT)
		return INSPECT_DONE;
	bytes = take(server, 4);
	if (!bytes)
		return awaited(stream, note);
	if (bytes[0] != 5 || bytes[1] != 0)
		return INSPECT_DONE;
	if (!take_address(server, bytes[3], &length, &broken))
		return broken ? INSPECT_DONE : awaited(stream, note);
	return connected(sides, note);
}

/* A few, none twice, and none that nobody has defined (IANA, SOCKS methods). */
static bool methods_good(const uint8_t *methods, uint8_t count)
{
	if (count > METHODS_MAX)
		return false;
	for (uint8_t i = 0; i < count; i++)
		if ((methods[i] > METHOD_LAST && methods[i] < METHOD_PRIVATE) ||
		    methods[i] == METHOD_REFUSED || memchr(methods, methods[i], i))
			return false;
	return true;
}

/* Behind the choice: a version, of the password's answer or of the request's. */
static bool follows(const struct side *server, uint8_t choice)
{
	if (server->length < 3)
		return true;
	switch (choice) {
	case METHOD_NONE:
		return server->bytes[2] == 5;
	case METHOD_GSSAPI:
	case METHOD_PASSWORD:
		return server->bytes[2] == 1;
	default:
		return choice != METHOD_REFUSED;
	}
}

static enum inspect_status read_v5(const struct inspect_stream *stream, struct side sides[2],
				   struct evidence *evidence, struct inspect_note *note)
{
	struct side *client = &sides[FLOW_FROM_CLIENT], *server = &sides[FLOW_FROM_SERVER];
	const uint8_t *head = take(client, 2), *methods = NULL, *choice;

	if (head && head[1] == 0)
		return INSPECT_NO;
	if (head)
		methods = take(client, head[1]);
	if (server->length && (server->bytes[0] != 5 || !methods))
		return INSPECT_NO;
	choice = take(server, 2);
	if (!choice) {
		note->busy = true;
		return INSPECT_MORE;
	}
	if (!methods_good(methods, head[1]) || !follows(server, choice[1]))
		return INSPECT_NO;
	if (!memcmp(server->bytes, client->bytes,
		    server->length < client->length ? server->length : client->length)) {
		/* sent back so far; GSSAPI's first message begins as its greeting ends */
		if (server->length >= client->at + (stream->last ? 0 : ECHO_SEEN))
			return INSPECT_NO;
		note->busy = true;
		if (!stream->last)
			return INSPECT_MORE;
	}
	if (choice[1] != METHOD_REFUSED && !memchr(methods, choice[1], head[1]))
		return INSPECT_NO;
	return read_request(stream, choice[1], sides, evidence, note);
}

/* ---- version 4 ---- */

/* A string up to its zero; NULL: not whole, or *broken. */
static const uint8_t *take_string(struct side *side, uint32_t *length, bool *broken)
{
	const uint8_t *bytes = side->bytes + side->at;

	for (uint32_t i = 0; i < side->length - side->at; i++) {
		if (!bytes[i]) {
			*length = i;
			side->at += i + 1;
			return bytes;
		}
		if (bytes[i] < ' ' || i == 255) {
			*broken = true;
			break;
		}
	}
	return NULL;
}

static enum inspect_status read_v4(const struct inspect_stream *stream, struct side sides[2],
				   struct evidence *evidence, struct inspect_note *note)
{
	struct side *client = &sides[FLOW_FROM_CLIENT], *server = &sides[FLOW_FROM_SERVER];
	const uint8_t *head = take(client, 8), *string = NULL, *reply;
	uint32_t length = 0;
	bool broken = false, named;

	if (client->length > 1 && client->bytes[1] != COMMAND_CONNECT &&
	    client->bytes[1] != COMMAND_BIND)
		return INSPECT_NO;
	/* 4A: 0.0.0.x stands for a name behind the user's */
	named = head && !head[4] && !head[5] && !head[6] && head[7];
	if (head)
		string = take_string(client, &length, &broken);
	if (string && named)
		string = take_string(client, &length, &broken);
	if (broken || (server->length && (!string || server->bytes[0] != 0)))
		return INSPECT_NO;
	if (server->length < 2) {
		note->busy = true;
		return INSPECT_MORE;
	}
	if (server->bytes[1] < V4_GRANTED || server->bytes[1] > V4_REFUSED_MAX)
		return INSPECT_NO;
	if (named)
		keep_name(evidence, string, length);
	if (server->bytes[1] != V4_GRANTED || head[1] != COMMAND_CONNECT)
		return INSPECT_DONE;
	reply = take(server, V4_REPLY_BYTES);
	return reply ? connected(sides, note) : awaited(stream, note);
}

static enum inspect_status socks_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	struct side sides[2];

	for (unsigned d = 0; d < 2; d++)
		sides[d] = (struct side){stream->bytes[d], stream->length[d], 0};
	if (!sides[FLOW_FROM_CLIENT].length)
		return sides[FLOW_FROM_SERVER].length ? INSPECT_NO : INSPECT_MORE;
	switch (sides[FLOW_FROM_CLIENT].bytes[0]) {
	case 4:
		return read_v4(stream, sides, evidence, note);
	case 5:
		return read_v5(stream, sides, evidence, note);
	default:
		return INSPECT_NO;
	}
}

const struct inspector inspector_socks = {
	.name = "socks",
	.gives_tcp = INSPECT_HOST | INSPECT_ALPN, /* also of what is carried */
	.carries = true,
	.stream = socks_stream,
};
