/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ANSI C12.22, electricity meters: an ACSE unit of BER (application 0) whose elements, in the order
 * of their tags, end where it does, and of which the last carries an EPSEM as an external (28, 81;
 * annex and RFC 6142, 4). DLMS has the same begin and an octet string there.
 */
#include "sides.h"

enum {
	TAG_ACSE = 0x60,
	TAG_FIRST = 0xa0,
	TAG_USER = 0xbe,
	TAG_EXTERNAL = 0x28,
	TAG_SINGLE = 0x81,
	UNIT_MIN = 12,
};

/* A length of BER; 0 and *at unchanged when it is not there. */
static uint32_t ber_length(const uint8_t *bytes, uint32_t have, uint32_t *at)
{
	uint32_t length, count;

	if (*at >= have)
		return 0;
	length = bytes[*at];
	if (length < 0x80) {
		(*at)++;
		return length;
	}
	count = length & 0x7f;
	if (!count || count > 2 || have - *at <= count)
		return 0;
	length = count == 1 ? bytes[*at + 1] : inspect_be16(bytes + *at + 1);
	*at += 1 + count;
	return length;
}

static enum inspect_status read_unit(const uint8_t *bytes, uint32_t have, uint32_t *size)
{
	uint32_t at = 1, length, element;
	uint8_t tag = TAG_FIRST;

	if (bytes[0] != TAG_ACSE)
		return INSPECT_NO;
	length = ber_length(bytes, have, &at);
	if (at == 1)
		return have < 4 ? INSPECT_MORE : INSPECT_NO;
	if (length < UNIT_MIN)
		return INSPECT_NO;
	*size = at + length;
	if (have > *size)
		have = *size;
	for (;;) {
		uint32_t begin = at + 1;

		if (at < have && (bytes[at] <= tag || bytes[at] > TAG_USER))
			return INSPECT_NO;
		if (have < at + 6)
			return have < *size ? INSPECT_MORE : INSPECT_NO;
		tag = bytes[at];
		element = ber_length(bytes, have, &begin);
		if (begin == at + 1 || element > *size - begin)
			return INSPECT_NO;
		at = begin + element;
		if (tag != TAG_USER)
			continue;
		if (at != *size || bytes[begin] != TAG_EXTERNAL)
			return INSPECT_NO;
		begin++;
		element = ber_length(bytes, have, &begin);
		if (begin + element != *size)
			return INSPECT_NO;
		if (begin >= have)
			return INSPECT_MORE;
		return bytes[begin] == TAG_SINGLE ? INSPECT_DONE : INSPECT_NO;
	}
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t size;

	(void)from;
	return read_unit(bytes, length, &size);
}

static enum inspect_status c1222_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

static enum inspect_status c1222_datagram(const struct inspect_datagram *datagram, void **state,
					  struct evidence *evidence)
{
	uint32_t size;

	(void)state;
	(void)evidence;
	return read_unit(datagram->bytes, datagram->captured, &size) == INSPECT_DONE &&
			       size == datagram->length
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_c1222 = {
	.name = "c1222",
	.stream = c1222_stream,
	.datagram = c1222_datagram,
	INSPECT_BEGINS("\x60\x60"),
};
