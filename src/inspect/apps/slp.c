/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Service Location Protocol, version 1 (RFC 2165) and 2 (RFC 2608), over UDP and TCP.
 *
 * The header counts the whole message's bytes: in version 2 with 24 bits, beside 13 bits of flags
 * that are zero and a language tag of letters; in version 1 with 16 bits, beside a dialect of zero,
 * a language of two letters and a known character encoding.
 */
#include <ctype.h>

#include "sides.h"

enum {
	V1_HEADER = 12,
	V1_FUNCTION_MAX = 10,
	V2_HEADER = 14,
	V2_FUNCTION_MAX = 11,
	V2_TAG_MIN = 2,
	V2_TAG_MAX = 8,
	MESSAGE_MAX = 65535,
};

static bool letters(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		if (!isalpha(bytes[i]) && (!i || (bytes[i] != '-' && !isdigit(bytes[i]))))
			return false;
	return true;
}

/* *length becomes the message's. MORE: as far as it goes. */
static enum inspect_status read_header(const uint8_t *bytes, uint32_t present, uint32_t *length)
{
	uint32_t tag, encoding;

	if (present < 2)
		return present && bytes[0] != 1 && bytes[0] != 2 ? INSPECT_NO : INSPECT_MORE;
	if (!bytes[1])
		return INSPECT_NO;
	switch (bytes[0]) {
	case 1:
		if (bytes[1] > V1_FUNCTION_MAX)
			return INSPECT_NO;
		if (present < V1_HEADER)
			return INSPECT_MORE;
		*length = inspect_be16(bytes + 2);
		encoding = inspect_be16(bytes + 8);
		/* IANA's character sets: ASCII, Latin 1, UTF-8, UCS-2, UTF-16, windows-1252 */
		if (bytes[5] || !letters(bytes + 6, 2) ||
		    (encoding != 3 && encoding != 4 && encoding != 106 && encoding != 1000 &&
		     encoding != 1015 && encoding != 2252))
			return INSPECT_NO;
		return *length >= V1_HEADER ? INSPECT_DONE : INSPECT_NO;
	case 2:
		if (bytes[1] > V2_FUNCTION_MAX)
			return INSPECT_NO;
		if (present < V2_HEADER)
			return INSPECT_MORE;
		*length = inspect_be24(bytes + 2);
		tag = inspect_be16(bytes + 12);
		if (bytes[5] & 0x1f || bytes[6] || tag < V2_TAG_MIN || tag > V2_TAG_MAX ||
		    *length < V2_HEADER + tag || *length > MESSAGE_MAX ||
		    inspect_be24(bytes + 7) >= *length)
			return INSPECT_NO;
		if (present < V2_HEADER + tag)
			return INSPECT_MORE;
		return letters(bytes + V2_HEADER, tag) ? INSPECT_DONE : INSPECT_NO;
	default:
		return INSPECT_NO;
	}
}

static enum inspect_status slp_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	uint32_t length;

	(void)state;
	(void)evidence;
	if (read_header(datagram->bytes, datagram->captured, &length) != INSPECT_DONE ||
	    length != datagram->length)
		return INSPECT_NO;
	return INSPECT_DONE;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t whole;

	(void)from;
	return read_header(bytes, length, &whole);
}

static enum inspect_status slp_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_slp = {
	.name = "slp",
	.stream = slp_stream,
	.datagram = slp_datagram,
	INSPECT_BEGINS("\x01\x02"),
};
