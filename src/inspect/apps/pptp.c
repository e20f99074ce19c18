/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PPTP's control connection (RFC 2637, 2): each message begins with its length, type 1, the magic
 * number 0x1a2b3c4d and one of fifteen kinds, each of a length of its own. One is enough.
 */
#include "sides.h"

enum { HEADER = 12, CONTROL_MESSAGE = 1 };

static enum inspect_status pptp_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	/* by kind: 2.1 to 2.15 */
	static const uint16_t lengths[] = {0,  156, 156, 16, 16, 16,  20, 168,
					   32, 220, 24,	 28, 16, 148, 40, 24};
	static const uint8_t head[] = {0, CONTROL_MESSAGE, 0x1a, 0x2b, 0x3c, 0x4d, 0};
	uint32_t have = length > 2 ? length - 2 : 0;

	(void)from;
	if (bytes[0])
		return INSPECT_NO;
	if (memcmp(bytes + 2, head, have < sizeof(head) ? have : sizeof(head)) != 0)
		return INSPECT_NO;
	if (length < HEADER)
		return INSPECT_MORE;
	return bytes[9] && bytes[9] < sizeof(lengths) / sizeof(lengths[0]) &&
			       bytes[1] == lengths[bytes[9]] && !bytes[10] && !bytes[11]
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status pptp_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, pptp_side, note);
}

const struct inspector inspector_pptp = {.name = "pptp", .stream = pptp_stream};
