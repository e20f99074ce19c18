/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ethernet Global Data of GE (GFK-1541, "EGD data message"): type 13, version 1, a number that
 * counts the messages, producer and exchange, a time, a status, a signature and a zero, then the
 * data. One datagram proves nothing; two of the same exchange and length whose numbers follow each
 * other do.
 */
#include <string.h>

#include "sides.h"

enum {
	HEADER_BYTES = 32,
	LENGTH_MAX = 1432,
	NUMBER_AT = 2,
	PRODUCER_AT = 4,
	SAME_BYTES = 8,
	SIGNATURE_AT = 24,
	LOST_MAX = 4,
};

static bool is_header(const uint8_t *bytes, uint32_t length)
{
	return length > HEADER_BYTES && bytes[0] == 13 && bytes[1] == 1 &&
	       !inspect_le32(bytes + HEADER_BYTES - 4);
}

static enum inspect_status egd_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (datagram->length > LENGTH_MAX || !is_header(bytes, datagram->captured))
		return INSPECT_NO;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *one = &datagram->earlier[i];
		uint32_t step;

		if (one->direction != datagram->direction || !is_header(one->bytes, one->length))
			continue;
		step = (inspect_le16(bytes + NUMBER_AT) - inspect_le16(one->bytes + NUMBER_AT)) &
		       0xffff;
		if (step && step <= LOST_MAX && one->length == datagram->captured &&
		    !memcmp(one->bytes + PRODUCER_AT, bytes + PRODUCER_AT, SAME_BYTES) &&
		    !memcmp(one->bytes + SIGNATURE_AT, bytes + SIGNATURE_AT, 4))
			return INSPECT_DONE;
	}
	return INSPECT_MORE;
}

const struct inspector inspector_egd = {
	.name = "egd",
	.datagram = egd_datagram,
	INSPECT_BEGINS("\x0d\x0d"),
};
