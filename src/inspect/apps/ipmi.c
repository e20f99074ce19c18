/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RMCP (DMTF ASF 2.0, 3.2), and IPMI in it (IPMI 2.0, 13).
 *
 * Version 6, a reserved zero, a sequence number, a class. ASF has its enterprise number, 4542, and
 * counts its data. IPMI 1.5 counts its message, which has two checksums; IPMI 2.0 counts a
 * payload of a known type. An RMCP acknowledgment has nothing but the header: only what it
 * acknowledges proves it.
 */
#include "../inspector.h"

enum {
	RMCP_HEADER = 4,
	RMCP_VERSION = 6,
	CLASS_ASF = 6,
	CLASS_IPMI = 7,
	CLASS_ACK = 0x80,
	ASF_HEADER = RMCP_HEADER + 8,
	ASF_ENTERPRISE = 4542,
	NO_ACK = 0xff,
	AUTH_LAST_15 = 5,
	AUTH_20 = 6,
	AUTH_CODE_BYTES = 16,
	SESSION_15_BYTES = 1 + 4 + 4,
	SESSION_20_BYTES = 1 + 1 + 4 + 4,
	MESSAGE_MIN = 7,
	PAYLOAD_ENCRYPTED = 0x80,
	PAYLOAD_SIGNED = 0x40,
};

/* IPMI's: the bytes and their sum give zero. */
static bool sums_up(const uint8_t *bytes, uint32_t length)
{
	uint8_t sum = 0;

	while (length--)
		sum = (uint8_t)(sum + *bytes++);
	return !sum;
}

static bool ipmi_15_good(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = RMCP_HEADER + SESSION_15_BYTES + (bytes[RMCP_HEADER] ? AUTH_CODE_BYTES : 0);
	uint32_t length;

	if (bytes[RMCP_HEADER] == 3 || datagram->captured < at + 1 + MESSAGE_MIN)
		return false;
	length = bytes[at++];
	/* some send a byte more, against a fault of old network chips */
	if (length < MESSAGE_MIN ||
	    (at + length != datagram->length && at + length + 1 != datagram->length))
		return false;
	if (!sums_up(bytes + at, 3))
		return false;
	return at + length > datagram->captured || sums_up(bytes + at + 3, length - 3);
}

static bool ipmi_20_good(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = RMCP_HEADER + SESSION_20_BYTES, type = bytes[RMCP_HEADER + 1] & 0x3f, length;
	bool in_session = bytes[RMCP_HEADER + 1] & (PAYLOAD_ENCRYPTED | PAYLOAD_SIGNED);

	/* IPMI, serial over LAN, OEM; opening a session and RAKP; OEM's own */
	if (datagram->captured < at + 2 ||
	    (type > 2 && (type < 0x10 || type > 0x15) && type < 0x20))
		return false;
	length = bytes[at] | (uint32_t)bytes[at + 1] << 8;
	at += 2;
	if (!length)
		return false;
	/* a signature follows in a session */
	return in_session ? at + length <= datagram->length : at + length == datagram->length;
}

static enum inspect_status ipmi_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	bool good;

	(void)state;
	(void)evidence;
	if (datagram->captured < RMCP_HEADER || bytes[0] != RMCP_VERSION || bytes[1])
		return INSPECT_NO;
	if (datagram->length == RMCP_HEADER) /* no proof, but its flow may give one */
		return bytes[3] == (CLASS_ACK | CLASS_ASF) || bytes[3] == (CLASS_ACK | CLASS_IPMI)
			       ? INSPECT_MORE
			       : INSPECT_NO;
	switch (bytes[3]) {
	case CLASS_ASF:
		good = datagram->captured >= ASF_HEADER &&
		       inspect_be32(bytes + RMCP_HEADER) == ASF_ENTERPRISE &&
		       (uint32_t)ASF_HEADER + bytes[ASF_HEADER - 1] == datagram->length;
		break;
	case CLASS_IPMI:
		if (bytes[2] != NO_ACK || datagram->captured < RMCP_HEADER + SESSION_20_BYTES)
			return INSPECT_NO;
		if (bytes[RMCP_HEADER] == AUTH_20)
			good = ipmi_20_good(datagram);
		else
			good = bytes[RMCP_HEADER] <= AUTH_LAST_15 && ipmi_15_good(datagram);
		break;
	default:
		good = false;
	}
	return good ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_ipmi = {
	.name = "ipmi",
	.datagram = ipmi_datagram,
	INSPECT_BEGINS("\x06\x06"),
};
