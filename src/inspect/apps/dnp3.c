/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNP3 (IEEE 1815, 9.2): a frame begins with 05 64, its length, control, two addresses, and a
 * checksum of these eight bytes, which must be right. That is enough over TCP and UDP.
 */
#include "sides.h"

enum {
	HEADER_BYTES = 10,
	COVERED_BYTES = 8,
	LENGTH_MIN = 5,
	POLYNOMIAL = 0xa6bc, /* 0x3d65, bits reflected */
};

static uint32_t checksum(const uint8_t *bytes, unsigned length)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < length; i++) {
		sum ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ POLYNOMIAL : sum >> 1;
	}
	return ~sum & 0xffff;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	static const uint8_t start[] = {0x05, 0x64};

	(void)from;
	if (inspect_begins(bytes, length, start, sizeof(start)) == INSPECT_NO ||
	    (length > 2 && bytes[2] < LENGTH_MIN))
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	return checksum(bytes, COVERED_BYTES) == inspect_le16(bytes + COVERED_BYTES) ? INSPECT_DONE
										     : INSPECT_NO;
}

static enum inspect_status dnp3_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

static enum inspect_status dnp3_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return read_side(datagram->bytes, datagram->captured, datagram->direction) == INSPECT_DONE
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_dnp3 = {
	.name = "dnp3",
	.stream = dnp3_stream,
	.datagram = dnp3_datagram,
	INSPECT_BEGINS("\x05\x05"),
};
