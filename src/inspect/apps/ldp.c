/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Label Distribution Protocol (RFC 5036) over UDP (hello) and TCP (sessions).
 *
 * A PDU has the version 1, a length, the sender's identifier; then messages, each of a known type
 * and with a length, end where the PDU does. In a datagram the PDU is all.
 */
#include "sides.h"

enum {
	PDU_LENGTH_AT = 4, /* what the length does not count */
	HEADER = 10,
	MESSAGE_HEADER = 4,
	MESSAGE_MIN = 4, /* its identifier */
	PDU_MAX = 4096,
};

static bool type_known(uint32_t type)
{
	switch (type & 0x7fff) { /* notification, hello, initialisation, keep-alive, capability */
	case 0x0001:
	case 0x0100:
	case 0x0200:
	case 0x0201:
	case 0x0202:
	case 0x0300: /* addresses and their withdrawal */
	case 0x0301:
	case 0x0400: /* labels: mapping, request, withdrawal, release, abort */
	case 0x0401:
	case 0x0402:
	case 0x0403:
	case 0x0404:
		return true;
	default:
		return (type & 0x7f00) == 0x3e00; /* vendors' own */
	}
}

static enum inspect_status read_pdu(const uint8_t *bytes, uint32_t present, uint32_t *end)
{
	uint32_t at = HEADER;

	if ((present > 0 && bytes[0]) || (present > 1 && bytes[1] != 1))
		return INSPECT_NO;
	if (present < HEADER)
		return INSPECT_MORE;
	*end = PDU_LENGTH_AT + inspect_be16(bytes + 2);
	if (*end < HEADER + MESSAGE_HEADER + MESSAGE_MIN || *end > PDU_MAX)
		return INSPECT_NO;
	while (at < *end) {
		uint32_t size;

		if (at + MESSAGE_HEADER > present)
			return INSPECT_MORE;
		size = inspect_be16(bytes + at + 2);
		if (!type_known(inspect_be16(bytes + at)) || size < MESSAGE_MIN ||
		    size > *end - at - MESSAGE_HEADER)
			return INSPECT_NO;
		at += MESSAGE_HEADER + size;
		if (at + MESSAGE_HEADER > *end && at != *end)
			return INSPECT_NO;
	}
	return INSPECT_DONE;
}

static enum inspect_status ldp_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	uint32_t end;

	(void)state;
	(void)evidence;
	return read_pdu(datagram->bytes, datagram->captured, &end) == INSPECT_DONE &&
			       end == datagram->length
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t end;

	(void)from;
	return read_pdu(bytes, length, &end);
}

static enum inspect_status ldp_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_ldp = {
	.name = "ldp",
	.stream = ldp_stream,
	.datagram = ldp_datagram,
	INSPECT_BEGINS("\0\0"),
};
