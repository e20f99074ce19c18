/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTPS, the wire protocol of DDS (OMG formal/2022-04-01, 8.3 and 9.4), over UDP.
 *
 * "RTPS" and a version of 1 or 2 begin every message; then a vendor, a prefix of 12 bytes, and
 * submessages, whose lengths must not lead beyond the datagram.
 */
#include "../inspector.h"

enum {
	HEADER = 20,
	SUBMESSAGE_HEADER = 4,
	LITTLE_ENDIAN_FLAG = 1,
};

static enum inspect_status rtps_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = HEADER;

	(void)state;
	(void)evidence;
	if (datagram->captured < 5 || datagram->length < HEADER || memcmp(bytes, "RTPS", 4) != 0 ||
	    !bytes[4] || bytes[4] > 2)
		return INSPECT_NO;
	while (at + SUBMESSAGE_HEADER <= datagram->captured) {
		bool little = bytes[at + 1] & LITTLE_ENDIAN_FLAG;
		uint32_t length =
			bytes[at + (little ? 2 : 3)] | (uint32_t)bytes[at + (little ? 3 : 2)] << 8;

		at += SUBMESSAGE_HEADER;
		if (length > datagram->length - at)
			return INSPECT_NO;
		if (!length) /* the last one may leave its length out */
			break;
		at += length;
	}
	return INSPECT_DONE;
}

const struct inspector inspector_rtps = {
	.name = "rtps",
	.datagram = rtps_datagram,
	INSPECT_BEGINS("RR"),
};
