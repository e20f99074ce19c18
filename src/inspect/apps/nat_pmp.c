/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NAT Port Mapping Protocol (RFC 6886), and PCP, which took its port (RFC 6887).
 *
 * NAT-PMP has no magic number, and asks for an address with two zero bytes: those prove nothing,
 * but the answer does, whose length, operation, and result (0 to 5 in 16 bits) agree. A request for
 * a mapping has 16 zero bits, two ports, and a lifetime of a likely length in whole minutes.
 *
 * PCP: a version, an operation, 16 zero bits; the client's address, which is an IPv4-mapped one or
 * begins as a global one does; or in an answer 96 zero bits. The operation gives the length,
 * and options, with lengths of their own, end with the datagram.
 */
#include "sides.h"

enum {
	PMP_ADDRESS = 0,
	PMP_UDP = 1,
	PMP_TCP = 2,
	PMP_REQUEST_BYTES = 12,
	PMP_ADDRESS_BYTES = 12,
	PMP_MAPPING_BYTES = 16,
	PMP_RESULT_MAX = 5,
	RESPONSE = 0x80,
	LIFETIME_MAX_S = 30 * 86400,
	PCP_VERSION = 2,
	PCP_HEADER = 24,
	PCP_MAX = 1100,
	PCP_MAP = 1,
	PCP_RESULT_MAX = 13,
};

static bool lifetime_good(const uint8_t *bytes)
{
	uint32_t lifetime_s = inspect_be32(bytes);

	return lifetime_s <= LIFETIME_MAX_S && lifetime_s % 60 == 0;
}

static enum inspect_status nat_pmp_datagram(const struct inspect_datagram *datagram, void **state,
					    struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t operation;

	(void)state;
	(void)evidence;
	if (datagram->captured < 2 || datagram->captured < datagram->length || bytes[0])
		return INSPECT_NO;
	operation = bytes[1];
	if (operation == PMP_ADDRESS)
		return datagram->length == 2 ? INSPECT_MORE : INSPECT_NO;
	if (operation == PMP_UDP || operation == PMP_TCP)
		return datagram->length == PMP_REQUEST_BYTES && !inspect_be16(bytes + 2) &&
				       inspect_be16(bytes + 4) && lifetime_good(bytes + 8)
			       ? INSPECT_DONE
			       : INSPECT_NO;
	if (operation < RESPONSE || operation > (RESPONSE | PMP_TCP) || datagram->length < 8 ||
	    inspect_be16(bytes + 2) > PMP_RESULT_MAX)
		return INSPECT_NO;
	/* refused: no address */
	if (operation == RESPONSE && datagram->length == PMP_ADDRESS_BYTES &&
	    inspect_be16(bytes + 2) && !inspect_is_zero(bytes + 8, 4))
		return INSPECT_NO;
	/* a refusal may be shorter than what it refuses */
	if (datagram->length == (operation == RESPONSE ? PMP_ADDRESS_BYTES : PMP_MAPPING_BYTES) ||
	    (inspect_be16(bytes + 2) && datagram->length == 8))
		return INSPECT_DONE;
	return INSPECT_NO;
}

static bool mapped_address(const uint8_t *bytes)
{
	return inspect_is_zero(bytes, 10) && inspect_be16(bytes + 10) == 0xffff;
}

/* Announcement, mapping, peer, and authentication, which is all options. */
static const uint8_t pcp_bodies[] = {0, 36, 56, 0};

static enum inspect_status pcp_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t operation, at;

	(void)state;
	(void)evidence;
	if (datagram->captured < PCP_HEADER || datagram->length > PCP_MAX || datagram->length % 4 ||
	    bytes[0] != PCP_VERSION)
		return INSPECT_NO;
	operation = bytes[1] & 0x7f;
	if (operation >= sizeof(pcp_bodies) || bytes[2])
		return INSPECT_NO;
	if (bytes[1] & RESPONSE) {
		if (bytes[3] > PCP_RESULT_MAX || !inspect_is_zero(bytes + 12, 12))
			return INSPECT_NO;
	} else if (bytes[3] || (!mapped_address(bytes + 8) && bytes[8] >> 5 != 1 &&
				bytes[8] != 0xfd && bytes[8] != 0xfe)) {
		return INSPECT_NO;
	}
	at = PCP_HEADER + pcp_bodies[operation];
	if (datagram->length < at) /* refused: the header alone may come back */
		return bytes[1] & RESPONSE && bytes[3] && datagram->length == PCP_HEADER
			       ? INSPECT_DONE
			       : INSPECT_NO;
	/* of a mapping: nonce, protocol, 24 zero bits, ports, address */
	if (operation && operation <= 2 && datagram->captured >= PCP_HEADER + 16 &&
	    !inspect_is_zero(bytes + PCP_HEADER + 13, 3))
		return INSPECT_NO;
	while (at < datagram->length) {
		if (at + 4 > datagram->captured)
			return datagram->captured < datagram->length ? INSPECT_DONE : INSPECT_NO;
		if (bytes[at + 1])
			return INSPECT_NO;
		at += 4 + ((inspect_be16(bytes + at + 2) + 3) & ~3u);
	}
	if (at != datagram->length)
		return INSPECT_NO;
	/* an announcement of an IPv6 client has no more than 24 bits */
	if (!operation && !(bytes[1] & RESPONSE) && !mapped_address(bytes + 8))
		return inspect_is_zero(bytes + 4, 4) ? INSPECT_DONE : INSPECT_NO;
	return INSPECT_DONE;
}

const struct inspector inspector_nat_pmp = {
	.name = "nat-pmp",
	.datagram = nat_pmp_datagram,
	INSPECT_BEGINS("\0\0"),
};

const struct inspector inspector_pcp = {
	.name = "pcp",
	.datagram = pcp_datagram,
	INSPECT_BEGINS("\x02\x02"),
};
