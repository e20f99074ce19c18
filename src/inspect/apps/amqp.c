/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMQP 0-8 to 0-9-1 (AMQP 0-9-1 specification, 4.2: protocol header and frames) and 1.0 (OASIS, 2.2
 * and 2.3).
 *
 * A client opens with "AMQP" and a version; a server that refuses it answers with its own. From the
 * middle on, and for a server alone: a method, content header or heartbeat of 0-9 whose frame ends
 * with the octet that must be there; of 1.0 a frame whose body begins with the descriptor of a
 * performative.
 */
#include <string.h>

#include "sides.h"

enum {
	OPENING_BYTES = 8,
	FRAME_METHOD = 1,
	FRAME_HEADER = 2,
	FRAME_BODY = 3,
	FRAME_HEARTBEAT = 8,
	FRAME_END = 0xce,
	HEADER_BYTES = 7,
	CHANNEL_MAX = 4095,
	SIZE_MAX_BYTES = 1024 * 1024,
	METHOD_MAX = 121,
	HEADER_FIXED = 14,
	BODIES_MIN = 2,
};

static enum inspect_status read_opening(const uint8_t *bytes, uint32_t length)
{
	static const uint8_t versions[][4] = {{0, 0, 9, 1}, {1, 1, 0, 9}, {1, 1, 0, 10},
					      {1, 1, 8, 0}, {1, 1, 9, 1}, {0, 1, 0, 0},
					      {2, 1, 0, 0}, {3, 1, 0, 0}, {1, 1, 9, 0}};
	enum inspect_status best = inspect_begins(bytes, length, "AMQP", 4);

	if (best != INSPECT_DONE || length == 4)
		return best == INSPECT_NO ? INSPECT_NO : INSPECT_MORE;
	best = INSPECT_NO;
	for (unsigned i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		enum inspect_status one = inspect_begins(bytes + 4, length - 4, versions[i], 4);

		if (one > best)
			best = one;
	}
	return best;
}

static bool is_class(uint32_t id)
{
	return id && id % 10 == 0 && id <= 120 ? true : id == 85;
}

/* AMQP 1.0: size, 2 for the data's place, type, channel; a descriptor and a list. */
static enum inspect_status read_performative(const uint8_t *bytes, uint32_t length)
{
	uint8_t code;

	if (length < 12)
		return INSPECT_MORE;
	code = bytes[10];
	if (bytes[4] != 2 || bytes[5] > 1 || bytes[8] != 0 || bytes[9] != 0x53 ||
	    inspect_be32(bytes) < 12 || inspect_be32(bytes) > SIZE_MAX_BYTES)
		return INSPECT_NO;
	if (bytes[5] == 1 ? code < 0x40 || code > 0x44 : code < 0x10 || code > 0x18)
		return INSPECT_NO;
	return bytes[11] == 0x45 || bytes[11] == 0xc0 || bytes[11] == 0xd0 ? INSPECT_DONE
									   : INSPECT_NO;
}

/* One frame of 0-9, whole; *telling when it is more than bytes of content. */
static bool is_frame(const uint8_t *bytes, uint32_t size, bool *telling)
{
	const uint8_t *body = bytes + HEADER_BYTES;

	*telling = bytes[0] != FRAME_BODY;
	switch (bytes[0]) {
	case FRAME_METHOD:
		return size >= 4 && is_class(inspect_be16(body)) && inspect_be16(body + 2) &&
		       inspect_be16(body + 2) <= METHOD_MAX;
	case FRAME_HEADER:
		return size >= HEADER_FIXED && is_class(inspect_be16(body)) &&
		       !inspect_be16(body + 2);
	case FRAME_HEARTBEAT:
		return !size && !inspect_be16(bytes + 1);
	default:
		return size > 0;
	}
}

static enum inspect_status read_frames(const uint8_t *bytes, uint32_t length)
{
	unsigned bodies = 0;
	uint32_t at = 0, size;
	bool telling;

	while (length - at >= HEADER_BYTES) {
		if (bytes[at] != FRAME_METHOD && bytes[at] != FRAME_HEADER &&
		    bytes[at] != FRAME_BODY && bytes[at] != FRAME_HEARTBEAT)
			return INSPECT_NO;
		size = inspect_be32(bytes + at + 3);
		if (inspect_be16(bytes + at + 1) > CHANNEL_MAX || size > SIZE_MAX_BYTES)
			return INSPECT_NO;
		if (length - at < HEADER_BYTES + size + 1)
			return INSPECT_MORE;
		if (bytes[at + HEADER_BYTES + size] != FRAME_END ||
		    !is_frame(bytes + at, size, &telling))
			return INSPECT_NO;
		if (telling || ++bodies == BODIES_MIN)
			return INSPECT_DONE;
		at += HEADER_BYTES + size + 1;
	}
	return INSPECT_MORE;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	enum inspect_status old, current;

	(void)from;
	if (bytes[0] == 'A')
		return read_opening(bytes, length);
	old = bytes[0] && bytes[0] <= FRAME_HEARTBEAT ? read_frames(bytes, length) : INSPECT_NO;
	current = bytes[0] ? INSPECT_NO : read_performative(bytes, length);
	return old > current ? old : current;
}

static enum inspect_status amqp_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_amqp = {.name = "amqp", .stream = amqp_stream};
