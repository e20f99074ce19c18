/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tunnels over UDP: VXLAN (RFC 7348), Geneve (RFC 8926), GTP versions 1 and 2 (3GPP
 * TS 29.281, 29.060, 29.274), and LISP (RFC 9300, 9301).
 *
 * Their headers of 8 bytes have many reserved bits, and behind them stands a frame or a packet
 * whose own header must be right: that IP's total length ends with the datagram is 16 bits,
 * its checksum 16 more. GTP's control messages count their bytes, and in version 2 consist of
 * elements that end exactly.
 */
#include "../inspector.h"

enum {
	ETHERNET = 14,
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_BRIDGED = 0x6558,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TUNNEL_HEADER = 8,
	VXLAN_FLAGS = 0x08,
	GTP_ECHO_REQUEST = 1,
	GTP_ECHO_RESPONSE = 2,
	GTP_V1_CONTROL_LAST = 70,
	GTP_END_MARKER = 254,
	GTP_PACKET = 255,
	GTP_OPTIONAL = 0x07,
	GTP_SEQUENCE = 0x02,
	LISP_NONCE = 0x80,
	LISP_STATUS_BITS = 0x40,
	LISP_ECHO = 0x20,
	LISP_VERSIONS = 0x10,
	LISP_INSTANCE = 0x08,
	LISP_ENCAPSULATED = 0x80,
	LISP_CONTROL_HEADER = 4,
};

static bool carried_by_ipv6(uint8_t header)
{
	/* extension headers, tunnels, TCP, UDP, ICMPv6, OSPF, SCTP */
	static const uint8_t known[] = {0, 4, 6, 17, 41, 43, 44, 47, 50, 51, 58, 59, 60, 89, 132};

	return memchr(known, header, sizeof(known));
}

/* A packet whose length is what is left, or, within a frame, not more than that. */
static bool is_ip(const uint8_t *bytes, uint32_t present, uint32_t length, bool exact)
{
	uint32_t total, sum = 0, header;

	if (present < IPV4_HEADER)
		return false;
	if (bytes[0] >> 4 == 6) {
		if (present < IPV6_HEADER)
			return false;
		total = IPV6_HEADER + inspect_be16(bytes + 4);
		return (exact ? total == length : total <= length) && carried_by_ipv6(bytes[6]) &&
		       bytes[8] != 0xff; /* no group sends */
	}
	header = (bytes[0] & 15) * 4u;
	total = inspect_be16(bytes + 2);
	if (bytes[0] >> 4 != 4 || header < IPV4_HEADER || header > present || total < header ||
	    (exact ? total != length : total > length))
		return false;
	for (uint32_t at = 0; at < header; at += 2)
		sum += inspect_be16(bytes + at);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

static bool is_frame(const uint8_t *bytes, uint32_t present, uint32_t length)
{
	uint32_t at = ETHERNET, type;

	if (present < ETHERNET || bytes[6] & 1) /* nobody sends from a group's address */
		return false;
	type = inspect_be16(bytes + 12);
	if (type == ETHERTYPE_VLAN && present >= ETHERNET + 4) {
		type = inspect_be16(bytes + 16);
		at += 4;
	}
	switch (type) {
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6:
		return is_ip(bytes + at, present - at, length - at, false);
	case ETHERTYPE_ARP: /* Ethernet and IPv4, of 6 and 4 bytes */
		return present >= at + 8 && inspect_be16(bytes + at) == 1 &&
		       inspect_be16(bytes + at + 2) == ETHERTYPE_IPV4 &&
		       inspect_be16(bytes + at + 4) == 0x0604;
	default:
		return false;
	}
}

static enum inspect_status vxlan_datagram(const struct inspect_datagram *datagram, void **state,
					  struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (datagram->captured < TUNNEL_HEADER + ETHERNET || bytes[0] != VXLAN_FLAGS ||
	    inspect_be24(bytes + 1) || bytes[7])
		return INSPECT_NO;
	return is_frame(bytes + TUNNEL_HEADER, datagram->captured - TUNNEL_HEADER,
			datagram->length - TUNNEL_HEADER)
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

/* Version 0 and the options' length; two flags and zeros; what follows; VNI and a zero. */
static enum inspect_status geneve_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at, type;
	bool good;

	(void)state;
	(void)evidence;
	if (datagram->captured < TUNNEL_HEADER || bytes[0] >> 6 || bytes[1] & 0x3f || bytes[7])
		return INSPECT_NO;
	at = TUNNEL_HEADER + (bytes[0] & 0x3f) * 4u;
	type = inspect_be16(bytes + 2);
	if (at >= datagram->captured)
		return INSPECT_NO;
	if (type == ETHERTYPE_BRIDGED)
		good = is_frame(bytes + at, datagram->captured - at, datagram->length - at);
	else
		good = (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6) &&
		       is_ip(bytes + at, datagram->captured - at, datagram->length - at, true);
	return good ? INSPECT_DONE : INSPECT_NO;
}

/* Flags, type, length, tunnel; sequence, number and next extension where a flag says so. */
static bool is_gtp_1(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = TUNNEL_HEADER;

	if (datagram->captured < TUNNEL_HEADER || bytes[0] & 0x08 ||
	    TUNNEL_HEADER + inspect_be16(bytes + 2) != datagram->length)
		return false;
	if (bytes[0] & GTP_OPTIONAL)
		at += 4;
	if (at > datagram->captured)
		return false;
	switch (bytes[1]) {
	case GTP_PACKET:
		if (bytes[0] &
		    0x04) { /* extensions: their length in fours, the next one's type last */
			uint32_t next = bytes[at - 1];

			while (next) {
				uint32_t size = at < datagram->captured ? bytes[at] * 4u : 0;

				if (!size || at + size > datagram->captured)
					return false;
				at += size;
				next = bytes[at - 1];
			}
		}
		return at < datagram->captured &&
		       is_ip(bytes + at, datagram->captured - at, datagram->length - at, true);
	case GTP_ECHO_REQUEST:
	case GTP_ECHO_RESPONSE:
		return bytes[0] & GTP_SEQUENCE && !inspect_be32(bytes + 4);
	case GTP_END_MARKER:
		return false; /* a header alone */
	default:	      /* control: a sequence, and neither a number nor an extension */
		return bytes[1] <= GTP_V1_CONTROL_LAST &&
		       (bytes[0] & GTP_OPTIONAL) == GTP_SEQUENCE &&
		       !inspect_be16(bytes + TUNNEL_HEADER + 2) && datagram->length > at;
	}
}

/* Elements: type, length of 16 bits, instance. */
static bool is_gtp_2(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = bytes[0] & 0x08 ? 12 : 8, elements = 0;

	if (datagram->captured < at || bytes[0] & 0x17 || !bytes[1] || bytes[at - 1] ||
	    4 + inspect_be16(bytes + 2) != datagram->length)
		return false;
	while (at < datagram->length) {
		if (at + 4 > datagram->captured)
			return datagram->captured < datagram->length && elements;
		if (!bytes[at] || bytes[at + 3] >> 4)
			return false;
		at += 4 + inspect_be16(bytes + at + 1);
		elements++;
	}
	return elements && at == datagram->length;
}

static enum inspect_status gtp_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	bool good = false;

	(void)state;
	(void)evidence;
	if (datagram->captured < TUNNEL_HEADER)
		return INSPECT_NO;
	if (datagram->bytes[0] >> 4 == 3)
		good = is_gtp_1(datagram);
	else if (datagram->bytes[0] >> 5 == 2)
		good = is_gtp_2(datagram);
	return good ? INSPECT_DONE : INSPECT_NO;
}

/*
 * Data: flags, which exclude each other in part, and two words that they give a meaning, else zero.
 * Control is recognised where it encapsulates a packet.
 */
static enum inspect_status lisp_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t flags = bytes[0], at = TUNNEL_HEADER;
	bool nonce = flags & (LISP_NONCE | LISP_VERSIONS);

	(void)state;
	(void)evidence;
	if (datagram->captured < TUNNEL_HEADER + IPV4_HEADER)
		return INSPECT_NO;
	if ((flags & 0xf0) == LISP_ENCAPSULATED && !inspect_be24(bytes + 1) &&
	    is_ip(bytes + LISP_CONTROL_HEADER, datagram->captured - LISP_CONTROL_HEADER,
		  datagram->length - LISP_CONTROL_HEADER, true))
		return INSPECT_DONE;
	if (!(flags & ~7u) || flags & 7 || (flags & LISP_NONCE && flags & LISP_VERSIONS) ||
	    (flags & LISP_ECHO && !(flags & LISP_NONCE)) || nonce == !inspect_be24(bytes + 1) ||
	    (!(flags & (LISP_STATUS_BITS | LISP_INSTANCE)) && inspect_be32(bytes + 4)))
		return INSPECT_NO;
	return is_ip(bytes + at, datagram->captured - at, datagram->length - at, true)
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_vxlan = {
	.name = "vxlan",
	.datagram = vxlan_datagram,
	INSPECT_BEGINS("\x08\x08"),
};

const struct inspector inspector_geneve = {
	.name = "geneve",
	.datagram = geneve_datagram,
	INSPECT_BEGINS("\x00\x3f"),
};

const struct inspector inspector_gtp = {
	.name = "gtp",
	.datagram = gtp_datagram,
	INSPECT_BEGINS("\x30\x5f"),
};

const struct inspector inspector_lisp = {
	.name = "lisp",
	.datagram = lisp_datagram,
};
