/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Java RMI (Java Remote Method Invocation Specification, 10.2): the client begins with "JRMI", a
 * version and one of three protocols. The server's acknowledgement alone is too little.
 */
#include "sides.h"

enum {
	VERSION_MAX = 2,
	PROTOCOL_MIN = 0x4b,
	PROTOCOL_MAX = 0x4d,
	OPENING_BYTES = 7,
};

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	if (from != FLOW_FROM_CLIENT || inspect_begins(bytes, length, "JRMI", 4) == INSPECT_NO)
		return INSPECT_NO;
	if (length < OPENING_BYTES)
		return INSPECT_MORE;
	return inspect_be16(bytes + 4) && inspect_be16(bytes + 4) <= VERSION_MAX &&
			       bytes[6] >= PROTOCOL_MIN && bytes[6] <= PROTOCOL_MAX
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status rmi_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_rmi = {.name = "rmi", .stream = rmi_stream};
