/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L2TP, versions 2 (RFC 2661) and 3 (RFC 3931), over UDP, and 3 as an IP protocol (115).
 *
 * A control message has flags of which all but the version are given, a length that is the
 * datagram's, and, first of its attributes, its type: a mandatory AVP of 8 bytes. Some seventy
 * bits; where it is an acknowledgement (12 bytes, no attributes) it is waited with.
 *
 * Data of version 2 are a header and a PPP frame: claimed where the frame has its address and
 * control bytes (0xff 0x03), a protocol of PPP's own, and a length that ends the datagram.
 */
#include "../inspector.h"

enum {
	CONTROL_FLAGS = 0xc8, /* control, with length and sequence */
	CONTROL_HEADER = 12,
	AVP_BYTES = 8,
	AVP_MANDATORY = 0x80,
	TYPE_MAX = 28,
	DATA_LENGTH = 0x4000,
	DATA_SEQUENCE = 0x0800,
	DATA_OFFSET = 0x0200,
	DATA_PRIORITY = 0x0100,
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
};

static enum inspect_status read_control(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	if (captured < CONTROL_HEADER || bytes[0] != CONTROL_FLAGS ||
	    (bytes[1] != 2 && bytes[1] != 3) || inspect_be16(bytes + 2) != length)
		return INSPECT_NO;
	if (length == CONTROL_HEADER)
		return INSPECT_MORE;
	bytes += CONTROL_HEADER;
	if (length < CONTROL_HEADER + AVP_BYTES || captured < CONTROL_HEADER + AVP_BYTES)
		return INSPECT_NO;
	/* vendor 0, attribute 0; version 3 may put a digest before it, attribute 59 */
	if (!inspect_be16(bytes + 2) && inspect_be16(bytes + 4) == 59)
		return (bytes[0] & 0x7c) == 0 ? INSPECT_DONE : INSPECT_NO;
	return (bytes[0] & 0xfc) == AVP_MANDATORY && bytes[1] == AVP_BYTES &&
			       !inspect_be32(bytes + 2) && !bytes[6] && bytes[7] &&
			       bytes[7] <= TYPE_MAX
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static bool is_ppp(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	uint32_t protocol;

	if (captured < 8 || bytes[0] != 0xff || bytes[1] != 0x03)
		return false;
	protocol = inspect_be16(bytes + 2);
	bytes += 4;
	length -= 4;
	switch (protocol) {
	case PPP_IPV4:
		return bytes[0] >> 4 == 4 && inspect_be16(bytes + 2) == length;
	case PPP_IPV6:
		return captured >= 10 && bytes[0] >> 4 == 6 &&
		       inspect_be16(bytes + 4) + 40 == length;
	case 0xc021: /* LCP, PAP, CHAP, IPCP, IPV6CP, CCP: a code, a number, a length */
	case 0xc023:
	case 0xc223:
	case 0x8021:
	case 0x8057:
	case 0x80fd:
		return bytes[0] && bytes[0] <= 15 && inspect_be16(bytes + 2) >= 4 &&
		       inspect_be16(bytes + 2) <= length;
	default:
		return false;
	}
}

static bool is_data(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	uint32_t flags, at = 2;

	if (captured < 16)
		return false;
	flags = inspect_be16(bytes);
	if ((flags & ~(uint32_t)(DATA_LENGTH | DATA_SEQUENCE | DATA_OFFSET | DATA_PRIORITY)) != 2)
		return false;
	if (flags & DATA_LENGTH) {
		if (inspect_be16(bytes + at) != length)
			return false;
		at += 2;
	}
	at += 4; /* tunnel and session */
	at += flags & DATA_SEQUENCE ? 4 : 0;
	if (flags & DATA_OFFSET) {
		if (captured < at + 2)
			return false;
		at += 2 + inspect_be16(bytes + at);
	}
	return captured > at && is_ppp(bytes + at, captured - at, length - at);
}

static enum inspect_status l2tp_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	if (is_data(datagram->bytes, datagram->captured, datagram->length))
		return INSPECT_DONE;
	return read_control(datagram->bytes, datagram->captured, datagram->length);
}

const struct inspector inspector_l2tp = {
	.name = "l2tp",
	.datagram = l2tp_datagram,
	.ip_protocols = {115},
};
