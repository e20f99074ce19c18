/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MongoDB (Wire Protocol): four numbers of four bytes, least significant first: length, request,
 * the request that is answered, and an opcode out of a dozen. Then a body whose first fields say
 * how long what follows is. The opcode and a body that fits into the length exactly are enough, on
 * any message and either side.
 */
#include <string.h>

#include "sides.h"

enum {
	HEADER_BYTES = 16,
	MESSAGE_MAX = 48000000,
	DOCUMENT_MIN = 5,
	NAME_MAX_BYTES = 256,
	REPLY_FIXED = 20,
	CHECKSUM_BYTES = 4,
	FLAG_CHECKSUM = 1,
	FLAGS_KNOWN = 0x10003, /* checksum, more to come, exhaust allowed */
};

enum opcode {
	OP_REPLY = 1,
	OP_UPDATE = 2001,
	OP_INSERT = 2002,
	OP_QUERY = 2004,
	OP_GET_MORE = 2005,
	OP_DELETE = 2006,
	OP_KILL_CURSORS = 2007,
	OP_COMPRESSED = 2012,
	OP_MSG = 2013,
};

/* What is left of the message, and as much of it as is here. */
struct body {
	const uint8_t *bytes;
	uint32_t have, size;
};

static bool is_opcode(uint32_t opcode)
{
	return opcode == OP_REPLY || opcode == OP_MSG || opcode == OP_COMPRESSED ||
	       (opcode >= OP_UPDATE && opcode <= OP_KILL_CURSORS && opcode != OP_INSERT + 1);
}

static bool is_element(uint8_t type)
{
	return (type && type <= 0x13) || type == 0x7f;
}

/* A BSON document that ends at the end of the body, or before it when `more` may follow. */
static enum inspect_status read_document(const struct body *body, uint32_t at, bool more)
{
	uint32_t size;

	if (body->size < at + DOCUMENT_MIN)
		return INSPECT_NO;
	if (body->have < at + DOCUMENT_MIN)
		return INSPECT_MORE;
	size = inspect_le32(body->bytes + at);
	if (size < DOCUMENT_MIN || size > body->size - at || (!more && size != body->size - at))
		return INSPECT_NO;
	/* an element's type and the beginning of its name, or the end of an empty document */
	if (size == DOCUMENT_MIN)
		return body->bytes[at + 4] ? INSPECT_NO : INSPECT_DONE;
	if (!is_element(body->bytes[at + 4]))
		return INSPECT_NO;
	if (body->have < at + DOCUMENT_MIN + 1)
		return INSPECT_MORE;
	return body->bytes[at + 5] < ' ' || body->bytes[at + 5] == 0x7f ? INSPECT_NO : INSPECT_DONE;
}

/* "database.collection" and its zero; 0: MORE or NO by *status. */
static uint32_t read_name(const struct body *body, uint32_t at, enum inspect_status *status)
{
	const uint8_t *zero;
	uint32_t room = body->have < at ? 0 : body->have - at;

	if (room > NAME_MAX_BYTES)
		room = NAME_MAX_BYTES;
	zero = room ? memchr(body->bytes + at, 0, room) : NULL;
	*status = INSPECT_MORE;
	if (!zero) {
		if (room == NAME_MAX_BYTES || !inspect_is_text(body->bytes + at, room))
			*status = INSPECT_NO;
		return 0;
	}
	room = (uint32_t)(zero - (body->bytes + at));
	if (!inspect_is_text(body->bytes + at, room) || !memchr(body->bytes + at, '.', room)) {
		*status = INSPECT_NO;
		return 0;
	}
	return at + room + 1;
}

static enum inspect_status read_msg(const struct body *body)
{
	struct body rest = *body;
	uint32_t flags;

	if (body->have < 5)
		return INSPECT_MORE;
	flags = inspect_le32(body->bytes);
	if (flags & ~(uint32_t)FLAGS_KNOWN || body->size < CHECKSUM_BYTES + 5)
		return INSPECT_NO;
	if (flags & FLAG_CHECKSUM)
		rest.size -= CHECKSUM_BYTES;
	if (body->bytes[4] == 0) /* one document; a section of kind 1 may follow */
		return read_document(&rest, 5, true);
	if (body->bytes[4] != 1)
		return INSPECT_NO;
	if (body->have < 9)
		return INSPECT_MORE;
	return inspect_le32(body->bytes + 5) <= rest.size - 5 && inspect_le32(body->bytes + 5) > 9
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status read_named(const struct body *body, uint32_t opcode)
{
	enum inspect_status status;
	uint32_t end;

	if (body->have < 4)
		return INSPECT_MORE;
	/* flags; UPDATE, GET_MORE and DELETE have a zero there */
	if (opcode == OP_QUERY || opcode == OP_INSERT ? inspect_le32(body->bytes) > 0xff
						      : inspect_le32(body->bytes) != 0)
		return INSPECT_NO;
	end = read_name(body, 4, &status);
	if (!end)
		return status;
	switch (opcode) {
	case OP_QUERY:
		return read_document(body, end + 8, true);
	case OP_INSERT:
		return read_document(body, end, true);
	case OP_GET_MORE:
		return body->size == end + 12 ? INSPECT_DONE : INSPECT_NO;
	default:
		return read_document(body, end + 4, true);
	}
}

static enum inspect_status read_reply(const struct body *body)
{
	uint32_t count;

	if (body->size < REPLY_FIXED)
		return INSPECT_NO;
	if (body->have < REPLY_FIXED)
		return INSPECT_MORE;
	count = inspect_le32(body->bytes + 16);
	if (inspect_le32(body->bytes) > 0xf || count > body->size / DOCUMENT_MIN ||
	    !count != (body->size == REPLY_FIXED))
		return INSPECT_NO;
	return count ? read_document(body, REPLY_FIXED, count > 1) : INSPECT_DONE;
}

static enum inspect_status read_body(const struct body *body, uint32_t opcode)
{
	switch (opcode) {
	case OP_MSG:
		return read_msg(body);
	case OP_REPLY:
		return read_reply(body);
	case OP_COMPRESSED: /* the opcode within, its size, and one of four compressors */
		if (body->size < 9)
			return INSPECT_NO;
		if (body->have < 9)
			return INSPECT_MORE;
		return is_opcode(inspect_le32(body->bytes)) && body->bytes[8] <= 3 &&
				       inspect_le32(body->bytes + 4) <= MESSAGE_MAX
			       ? INSPECT_DONE
			       : INSPECT_NO;
	case OP_KILL_CURSORS: /* a zero, a count, and as many cursors */
		if (body->size < 8)
			return INSPECT_NO;
		if (body->have < 8)
			return INSPECT_MORE;
		return inspect_le32(body->bytes) == 0 &&
				       body->size == 8 + 8 * (uint64_t)inspect_le32(body->bytes + 4)
			       ? INSPECT_DONE
			       : INSPECT_NO;
	default:
		return read_named(body, opcode);
	}
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	struct body body;
	uint32_t size;

	if (length >= 4 &&
	    (inspect_le32(bytes) < HEADER_BYTES || inspect_le32(bytes) > MESSAGE_MAX))
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	size = inspect_le32(bytes);
	if (!is_opcode(inspect_le32(bytes + 12)) ||
	    (inspect_le32(bytes + 12) == OP_REPLY && from == FLOW_FROM_CLIENT))
		return INSPECT_NO;
	body = (struct body){bytes + HEADER_BYTES, length - HEADER_BYTES, size - HEADER_BYTES};
	if (body.have > body.size)
		body.have = body.size;
	return read_body(&body, inspect_le32(bytes + 12));
}

static enum inspect_status mongodb_stream(const struct inspect_stream *stream,
					  struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_mongodb = {.name = "mongodb", .stream = mongodb_stream};
