/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Citrix ICA: both sides begin with six bytes, 0x7f 0x7f "ICA" 0. In a session that is kept (the
 * Common Gateway Protocol) it is 0x1a "CGP/" and a version instead.
 */
#include "sides.h"

static enum inspect_status citrix_side(const uint8_t *bytes, uint32_t length,
				       enum flow_direction from)
{
	static const char ica[] = {0x7f, 0x7f, 'I', 'C', 'A', 0};
	static const char cgp[] = {0x1a, 'C', 'G', 'P', '/'};

	(void)from;
	return bytes[0] == (uint8_t)cgp[0] ? inspect_begins(bytes, length, cgp, sizeof(cgp))
					   : inspect_begins(bytes, length, ica, sizeof(ica));
}

static enum inspect_status citrix_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, citrix_side, note);
}

const struct inspector inspector_citrix = {.name = "citrix", .stream = citrix_stream};
