/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gearman (its PROTOCOL document, "Binary Packet"): a zero and "REQ" or "RES", a type, and the
 * length of the data. The text commands for administrators are not looked for.
 */
#include "sides.h"

enum {
	HEADER_BYTES = 12,
	TYPE_MAX = 43,
	DATA_MAX = 64 * 1024 * 1024,
};

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	const char *magic = from == FLOW_FROM_CLIENT ? "\0REQ" : "\0RES";

	if (inspect_begins(bytes, length, magic, 4) == INSPECT_NO)
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	return inspect_be32(bytes + 4) && inspect_be32(bytes + 4) <= TYPE_MAX &&
			       inspect_be32(bytes + 8) <= DATA_MAX
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status gearman_stream(const struct inspect_stream *stream,
					  struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_gearman = {.name = "gearman", .stream = gearman_stream};
