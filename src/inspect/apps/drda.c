/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DRDA, what DB2, Informix and Derby speak (The Open Group, DRDA volume 3, DDM: "DSS", "EXCSAT"): a
 * length, D0, a format, a correlation number; then a second length, which is the first less six,
 * and the command's code. Both sides begin by exchanging attributes, and these end where the
 * command does.
 */
#include "sides.h"

enum {
	HEADER_BYTES = 10,
	MAGIC = 0xd0,
	EXCHANGE = 0x1041,
	EXCHANGED = 0x1443,
	ACCESS = 0x106d,
	ACCESSED = 0x14ac,
	SIZE_MAX_BYTES = 8192,
};

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t size, code, at = HEADER_BYTES;

	if (length > 2 && bytes[2] != MAGIC)
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	size = inspect_be16(bytes);
	code = inspect_be16(bytes + 8);
	if (size <= HEADER_BYTES || size > SIZE_MAX_BYTES || inspect_be16(bytes + 6) != size - 6 ||
	    (from == FLOW_FROM_CLIENT ? code != EXCHANGE && code != ACCESS
				      : code != EXCHANGED && code != ACCESSED))
		return INSPECT_NO;
	if (length < size)
		return INSPECT_MORE;
	while (size - at >= 4 && inspect_be16(bytes + at) >= 4 &&
	       inspect_be16(bytes + at) <= size - at)
		at += inspect_be16(bytes + at);
	return at == size ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status drda_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_drda = {.name = "drda", .stream = drda_stream};
