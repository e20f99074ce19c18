/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cassandra (CQL binary protocol, native_protocol_v1 to v5.spec): version with the direction's
 * bit, flags, stream (one byte to version 2, two from 3 on), opcode, length of the body.
 *
 * Enough alone is a body that can be read: the map of STARTUP or SUPPORTED, a query's text, a
 * class, an error's text whose lengths add up to the body's. OPTIONS and READY are headers only;
 * they wait for what follows or answers them. Nodes among themselves begin with a magic number
 * (MessagingService.PROTOCOL_MAGIC).
 */
#include <string.h>

#include "sides.h"

enum {
	VERSION_MAX = 6,
	VERSION_WIDE = 3, /* has a stream of two bytes, and all later ones */
	DIRECTION_ANSWER = 0x80,
	FLAGS_KNOWN = 0x1f,
	FLAG_COMPRESSED = 1,
	BODY_MAX = 256 * 1024 * 1024,
	WAIT_MAX = 8192, /* of a body that is read whole */

	OPCODE_ERROR = 0,
	OPCODE_STARTUP = 1,
	OPCODE_READY = 2,
	OPCODE_AUTHENTICATE = 3,
	OPCODE_CREDENTIALS = 4,
	OPCODE_OPTIONS = 5,
	OPCODE_SUPPORTED = 6,
	OPCODE_QUERY = 7,
	OPCODE_RESULT = 8,
	OPCODE_PREPARE = 9,
	OPCODE_EXECUTE = 10,
	OPCODE_REGISTER = 11,
	OPCODE_EVENT = 12,
	OPCODE_BATCH = 13,
	OPCODE_AUTH_CHALLENGE = 14,
	OPCODE_AUTH_RESPONSE = 15,
	OPCODE_AUTH_SUCCESS = 16,
};

struct frame {
	uint8_t version, flags, opcode;
	uint32_t stream, size, header;
};

static enum inspect_status read_header(const uint8_t *bytes, uint32_t length, bool answer,
				       struct frame *frame)
{
	static const bool asked[OPCODE_AUTH_SUCCESS + 1] = {
		[OPCODE_STARTUP] = true,      [OPCODE_CREDENTIALS] = true,
		[OPCODE_OPTIONS] = true,      [OPCODE_QUERY] = true,
		[OPCODE_PREPARE] = true,      [OPCODE_EXECUTE] = true,
		[OPCODE_REGISTER] = true,     [OPCODE_BATCH] = true,
		[OPCODE_AUTH_RESPONSE] = true};
	const uint8_t *at = bytes + 2;

	frame->version = bytes[0] & 0x7f;
	if (!frame->version || frame->version > VERSION_MAX ||
	    (bytes[0] & DIRECTION_ANSWER) != (answer ? DIRECTION_ANSWER : 0))
		return INSPECT_NO;
	frame->header = frame->version < VERSION_WIDE ? 8 : 9;
	if (length > 1 && bytes[1] & ~FLAGS_KNOWN)
		return INSPECT_NO;
	if (length < frame->header)
		return INSPECT_MORE;
	frame->flags = bytes[1];
	frame->stream = frame->version < VERSION_WIDE ? *at++ : inspect_be16(at);
	if (frame->version >= VERSION_WIDE)
		at += 2;
	frame->opcode = at[0];
	frame->size = inspect_be32(at + 1);
	if (frame->opcode > OPCODE_AUTH_SUCCESS || asked[frame->opcode] == answer ||
	    frame->size > BODY_MAX)
		return INSPECT_NO;
	return INSPECT_DONE;
}

/* Skips a string with a length of two bytes; false: it runs out, or is not printable. */
static bool skip_string(const uint8_t *body, uint32_t size, uint32_t *at)
{
	uint32_t length;

	if (size - *at < 2)
		return false;
	length = inspect_be16(body + *at);
	if (size - *at - 2 < length || !inspect_is_text(body + *at + 2, length))
		return false;
	*at += 2 + length;
	return true;
}

/* A map whose values are strings, or lists of them, up to the end. */
static bool is_map(const uint8_t *body, uint32_t size, bool lists)
{
	uint32_t count, at = 2;

	if (size < 6)
		return false;
	count = inspect_be16(body);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t values = 1;

		if (!skip_string(body, size, &at))
			return false;
		if (lists) {
			if (size - at < 2)
				return false;
			values = inspect_be16(body + at);
			at += 2;
		}
		while (values--)
			if (!skip_string(body, size, &at))
				return false;
	}
	return count && at == size;
}

static bool is_list(const uint8_t *body, uint32_t size)
{
	uint32_t at = 2;

	if (size < 6)
		return false;
	for (uint32_t i = inspect_be16(body); i; i--)
		if (!skip_string(body, size, &at))
			return false;
	return at == size;
}

/* A text of eight bytes or more, with a length of four: a statement. */
static bool is_statement(const uint8_t *body, uint32_t have, uint32_t size, bool whole)
{
	uint32_t length;

	if (size < 12)
		return false;
	length = inspect_be32(body);
	if (length < 8 || length > size - 4 || (whole && length != size - 4))
		return false;
	have -= 4;
	if (have > length)
		have = length;
	for (uint32_t i = 0; i < have && i < 8; i++) /* statements may have line ends */
		if ((body[4 + i] < ' ' && body[4 + i] != '\n' && body[4 + i] != '\t') ||
		    body[4 + i] > '~')
			return false;
	return true;
}

/* True: the body proves the protocol. Called with the body whole, or its first WAIT_MAX bytes. */
static bool is_proof(const struct frame *frame, const uint8_t *body, uint32_t have)
{
	uint32_t size = frame->size, at = 0;
	bool whole = have == size;

	if (frame->flags & FLAG_COMPRESSED)
		return false;
	switch (frame->opcode) {
	case OPCODE_STARTUP:
		return whole && is_map(body, size, false);
	case OPCODE_CREDENTIALS:
		return whole && is_map(body, size, false);
	case OPCODE_SUPPORTED:
		return whole && is_map(body, size, true);
	case OPCODE_REGISTER:
		return whole && is_list(body, size);
	case OPCODE_AUTHENTICATE:
		return whole && size > 8 && skip_string(body, size, &at) && at == size;
	case OPCODE_EVENT:
		return whole && size > 8 && skip_string(body, size, &at) && at >= 8;
	case OPCODE_QUERY:
		return is_statement(body, have, size, false);
	case OPCODE_PREPARE:
		return is_statement(body, have, size, frame->version < 5);
	case OPCODE_ERROR:
		at = 4;
		return whole && size > 12 && inspect_be32(body) <= 0x2500 &&
		       skip_string(body, size, &at) && at > 12;
	case OPCODE_AUTH_CHALLENGE:
	case OPCODE_AUTH_RESPONSE:
	case OPCODE_AUTH_SUCCESS: /* bytes, of which nothing else is known */
	default:
		return false;
	}
}

static bool may_stay(const struct frame *frame)
{
	return frame->opcode != OPCODE_OPTIONS && frame->opcode != OPCODE_READY ? frame->size > 0
										: frame->size == 0;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	static const uint8_t magic[] = {0xca, 0x55, 0x2d, 0xfa};
	enum inspect_status status;
	struct frame frame;
	uint32_t at = 0;

	if (bytes[0] == magic[0])
		return inspect_begins(bytes, length, magic, sizeof(magic));
	while (at < length) {
		uint32_t have;

		status = read_header(bytes + at, length - at, from == FLOW_FROM_SERVER, &frame);
		if (status != INSPECT_DONE)
			return status;
		if (!may_stay(&frame))
			return INSPECT_NO;
		at += frame.header;
		have = length - at < frame.size ? length - at : frame.size;
		if (have < frame.size && have < WAIT_MAX)
			return INSPECT_MORE;
		if (frame.size && is_proof(&frame, bytes + at, have))
			return INSPECT_DONE;
		if (frame.size > length - at)
			return INSPECT_MORE;
		at += frame.size;
	}
	return INSPECT_MORE;
}

/* The first frame of each side, which are of one version and stream and fit each other. */
static enum inspect_status read_talk(const struct inspect_stream *stream)
{
	static const uint8_t expected[OPCODE_AUTH_SUCCESS + 1] = {
		[OPCODE_STARTUP] = OPCODE_READY,
		[OPCODE_CREDENTIALS] = OPCODE_READY,
		[OPCODE_OPTIONS] = OPCODE_SUPPORTED,
		[OPCODE_QUERY] = OPCODE_RESULT,
		[OPCODE_PREPARE] = OPCODE_RESULT,
		[OPCODE_EXECUTE] = OPCODE_RESULT,
		[OPCODE_REGISTER] = OPCODE_READY,
		[OPCODE_BATCH] = OPCODE_RESULT,
		[OPCODE_AUTH_RESPONSE] = OPCODE_AUTH_SUCCESS};
	struct frame asked, answered;

	for (unsigned d = 0; d < 2; d++)
		if (!stream->length[d] ||
		    read_header(stream->bytes[d], stream->length[d], d == FLOW_FROM_SERVER,
				d == FLOW_FROM_SERVER ? &answered : &asked) != INSPECT_DONE)
			return INSPECT_NO;
	return asked.stream == answered.stream && asked.version == answered.version &&
			       may_stay(&asked) && may_stay(&answered) &&
			       expected[asked.opcode] == answered.opcode
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status cassandra_stream(const struct inspect_stream *stream,
					    struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	if (inspect_pair(stream, read_talk) == INSPECT_DONE)
		return INSPECT_DONE;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_cassandra = {.name = "cassandra", .stream = cassandra_stream};
