/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BGP (RFC 4271): each message begins with 16 bytes of ff, a length, and a type, and one of them,
 * at the beginning of either direction, is all the proof that is needed.
 */
#include "sides.h"

enum {
	MARKER = 16,
	HEADER = 19,
	TYPE_MAX = 5,
};

static enum inspect_status read_message(const uint8_t *bytes, uint32_t length,
					enum flow_direction from)
{
	(void)from;
	for (uint32_t i = 0; i < length && i < MARKER; i++)
		if (bytes[i] != 0xff)
			return INSPECT_NO;
	if (length < HEADER)
		return INSPECT_MORE;
	return inspect_be16(bytes + MARKER) >= HEADER && bytes[18] && bytes[18] <= TYPE_MAX
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status bgp_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_message, note);
}

const struct inspector inspector_bgp = {
	.name = "bgp",
	.stream = bgp_stream,
};
