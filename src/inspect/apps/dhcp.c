/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DHCP and BOOTP (RFC 951, 2131, 2132), and DHCPv6 (RFC 8415).
 *
 * DHCP has a magic number, the cookie 63 82 53 63 at offset 236; with an operation, a hardware
 * type and the flags' zeros before it that is enough. A capture that ends before the cookie, or
 * BOOTP without one, still has the flags (15 zero bits) and the padding behind the hardware
 * address.
 *
 * DHCPv6 has none: a type, a transaction, and options. They must end exactly with the
 * datagram, have known codes, and one must be of a kind that can be proved: a client's or
 * server's identifier (a DUID of a known type), or what a relay carries. Two at least.
 */
#include "../inspector.h"

enum {
	OP_REPLY = 2,
	HARDWARE_ETHERNET = 1,
	HARDWARE_TYPE_MAX = 37,
	HARDWARE_BYTES_MAX = 16,
	HOPS_MAX = 16,
	AT_FLAGS = 10,
	AT_HARDWARE = 28,
	AT_NAME = 44,
	AT_COOKIE = 236,
	BOOTP_BYTES = 300,
	V6_HEADER = 4,
	V6_RELAY_HEADER = 34,
	V6_RELAY_FORWARD = 12,
	V6_RELAY_REPLY = 13,
	V6_TYPE_MAX = 36,
	V6_OPTION_MAX = 150,
	V6_CLIENT_ID = 1,
	V6_SERVER_ID = 2,
	V6_OPTION_REQUEST = 6,
	V6_PREFERENCE = 7,
	V6_ELAPSED = 8,
	V6_RELAY_MESSAGE = 9,
	V6_RAPID_COMMIT = 14,
};

static enum inspect_status dhcp_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	static const uint8_t cookie[4] = {0x63, 0x82, 0x53, 0x63};
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (datagram->length < AT_COOKIE || datagram->captured < AT_NAME || !bytes[0] ||
	    bytes[0] > OP_REPLY || !bytes[1] || bytes[1] > HARDWARE_TYPE_MAX ||
	    bytes[2] > HARDWARE_BYTES_MAX || bytes[3] > HOPS_MAX || (bytes[AT_FLAGS] & 0x7f) ||
	    bytes[AT_FLAGS + 1])
		return INSPECT_NO;
	if (datagram->captured >= AT_COOKIE + sizeof(cookie) &&
	    !memcmp(bytes + AT_COOKIE, cookie, sizeof(cookie)))
		return INSPECT_DONE;
	if (datagram->captured >= AT_COOKIE + sizeof(cookie) && datagram->length != BOOTP_BYTES)
		return INSPECT_NO;
	if (bytes[1] != HARDWARE_ETHERNET || bytes[2] != 6)
		return INSPECT_NO;
	for (uint32_t at = AT_HARDWARE + 6; at < AT_NAME; at++)
		if (bytes[at])
			return INSPECT_NO;
	return INSPECT_DONE;
}

/* A DUID: by link-layer address and time, enterprise, link-layer address, or UUID. */
static bool duid_good(const uint8_t *bytes, uint32_t length)
{
	switch (length >= 2 ? inspect_be16(bytes) : 0) {
	case 1:
		return length >= 9 && length <= 130 && inspect_be16(bytes + 2) <= HARDWARE_TYPE_MAX;
	case 2:
		return length >= 7 && length <= 130 && !bytes[2];
	case 3:
		return length >= 5 && length <= 130 && inspect_be16(bytes + 2) <= HARDWARE_TYPE_MAX;
	case 4:
		return length == 18;
	default:
		return false;
	}
}

/* What the option must be by its code; *proof when that says much. */
static bool option_good(uint32_t code, const uint8_t *bytes, uint32_t length, bool *proof)
{
	if (!code || code > V6_OPTION_MAX)
		return false;
	switch (code) {
	case V6_CLIENT_ID:
	case V6_SERVER_ID:
		*proof = true;
		return duid_good(bytes, length);
	case V6_OPTION_REQUEST:
		return length % 2 == 0;
	case V6_PREFERENCE:
		return length == 1;
	case V6_ELAPSED:
		return length == 2;
	case V6_RAPID_COMMIT:
		return length == 0;
	default:
		return true;
	}
}

static enum inspect_status dhcpv6_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = V6_HEADER, options = 0;
	bool relay = bytes[0] == V6_RELAY_FORWARD || bytes[0] == V6_RELAY_REPLY, proof = false;

	(void)state;
	(void)evidence;
	if (!bytes[0] || bytes[0] > V6_TYPE_MAX)
		return INSPECT_NO;
	if (relay) {
		if (datagram->captured < V6_RELAY_HEADER || bytes[1] > HOPS_MAX * 2)
			return INSPECT_NO;
		at = V6_RELAY_HEADER;
	}
	while (at < datagram->length) {
		uint32_t code, length;
		bool cut = datagram->captured < datagram->length;

		if (at + 4 > datagram->captured) {
			if (!cut)
				return INSPECT_NO;
			break;
		}
		code = inspect_be16(bytes + at);
		length = inspect_be16(bytes + at + 2);
		at += 4;
		if (length > datagram->length - at)
			return INSPECT_NO;
		if (at + length > datagram->captured) {
			if (code == V6_RELAY_MESSAGE && relay)
				proof = at + length == datagram->length;
			break;
		}
		if (code == V6_RELAY_MESSAGE) { /* a whole message: a type, and options again */
			if (!relay || length < V6_HEADER || !bytes[at] || bytes[at] > V6_TYPE_MAX)
				return INSPECT_NO;
			proof = true;
		} else if (!option_good(code, bytes + at, length, &proof)) {
			return INSPECT_NO;
		}
		options++;
		at += length;
	}
	/* a relay's peer is an address of the link, mostly: fe80::/10 */
	if (relay && options == 1 && (inspect_be16(bytes + 18) & 0xffc0) != 0xfe80)
		return INSPECT_NO;
	return proof && options >= (relay ? 1 : 2) ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_dhcp = {
	.name = "dhcp",
	.datagram = dhcp_datagram,
	INSPECT_BEGINS("\x01\x02"),
};

const struct inspector inspector_dhcpv6 = {
	.name = "dhcpv6",
	.datagram = dhcpv6_datagram,
	INSPECT_BEGINS("\x01\x24"),
};
