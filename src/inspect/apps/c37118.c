/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Synchrophasors (IEEE C37.118.2, 6.2): AA, a kind and version, the frame's length, and a checksum
 * (CRC-CCITT) at its end, which must be right. One frame is enough, over TCP and UDP.
 */
#include "sides.h"

enum {
	SYNC = 0xaa,
	KIND_MAX = 5,
	VERSION_MAX = 3,
	FRAME_MIN = 16,
	FRAME_MAX = 16000,
	POLYNOMIAL = 0x1021,
};

static uint32_t checksum(const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = 0xffff;

	for (uint32_t i = 0; i < length; i++) {
		sum ^= (uint32_t)bytes[i] << 8;
		for (unsigned bit = 0; bit < 8; bit++)
			sum = (sum & 0x8000 ? sum << 1 ^ POLYNOMIAL : sum << 1) & 0xffff;
	}
	return sum;
}

static enum inspect_status read_frame(const uint8_t *bytes, uint32_t length, uint32_t *size)
{
	if (bytes[0] != SYNC)
		return INSPECT_NO;
	if (length < 4)
		return INSPECT_MORE;
	*size = inspect_be16(bytes + 2);
	if (bytes[1] >> 4 > KIND_MAX || !(bytes[1] & 15) || (bytes[1] & 15) > VERSION_MAX ||
	    *size < FRAME_MIN || *size > FRAME_MAX)
		return INSPECT_NO;
	if (length < *size)
		return INSPECT_MORE;
	return checksum(bytes, *size - 2) == inspect_be16(bytes + *size - 2) ? INSPECT_DONE
									     : INSPECT_NO;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t size;

	(void)from;
	return read_frame(bytes, length, &size);
}

static enum inspect_status c37118_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

static enum inspect_status c37118_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	uint32_t size;

	(void)state;
	(void)evidence;
	return read_frame(datagram->bytes, datagram->captured, &size) == INSPECT_DONE &&
			       size == datagram->length
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_c37118 = {
	.name = "c37.118",
	.stream = c37118_stream,
	.datagram = c37118_datagram,
	INSPECT_BEGINS("\xaa\xaa"),
};
