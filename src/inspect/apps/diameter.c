/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Diameter over TCP (RFC 6733).
 *
 * Version 1 and a length of 24 bits; flags of which four are zero; a command, an application, two
 * identifiers. Then attributes, each with a code, flags of which five are zero, and a length; they
 * must end with the message, and two must be there: 70 bits and more that agree. Any number of
 * bytes may be missing behind those two.
 */
#include "sides.h"

enum {
	HEADER = 20,
	AVP_HEADER = 8,
	AVP_VENDOR = 0x80,
	AVP_RESERVED = 0x1f,
	AVPS_ENOUGH = 2,
	FLAGS_RESERVED = 0x0f,
	CODE_MAX = 20000, /* of IETF's and 3GPP's attributes */
};

static enum inspect_status read_message(const uint8_t *bytes, uint32_t present,
					enum flow_direction from)
{
	uint32_t length, at = HEADER, attributes = 0;

	(void)from;
	if (present && bytes[0] != 1)
		return INSPECT_NO;
	if (present < HEADER)
		return present > 4 && bytes[4] & FLAGS_RESERVED ? INSPECT_NO : INSPECT_MORE;
	length = inspect_be24(bytes + 1);
	if (length <= HEADER || length % 4 || bytes[4] & FLAGS_RESERVED)
		return INSPECT_NO;
	while (at < length) {
		uint32_t size;

		if (at + AVP_HEADER > present)
			return INSPECT_MORE;
		size = inspect_be24(bytes + at + 5);
		if (bytes[at + 4] & AVP_RESERVED || inspect_be32(bytes + at) > CODE_MAX ||
		    size < (bytes[at + 4] & AVP_VENDOR ? AVP_HEADER + 4u : AVP_HEADER) ||
		    size > length - at)
			return INSPECT_NO;
		at += (size + 3) & ~3u;
		if (++attributes > AVPS_ENOUGH || (attributes == AVPS_ENOUGH && at == length))
			return INSPECT_DONE;
	}
	return INSPECT_NO;
}

static enum inspect_status diameter_stream(const struct inspect_stream *stream,
					   struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_message, note);
}

const struct inspector inspector_diameter = {
	.name = "diameter",
	.stream = diameter_stream,
};
