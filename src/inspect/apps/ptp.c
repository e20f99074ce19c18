/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Precision Time Protocol over UDP (IEEE 1588-2002, -2008 and -2019).
 *
 * Version 2: the message's type, its length (which has a minimum by type, and is the datagram's)
 * and the control field, which repeats the type as version 1 knew it, must agree; what is reserved
 * is zero. Over IPv6 two bytes follow the message (annex E).
 *
 * Version 1: two versions of 1, a subdomain of printable letters padded with zeros, and the length
 * of the control field's message.
 */
#include "../inspector.h"

enum {
	V2_HEADER = 34,
	V2_MINOR_MAX = 1,
	V1_HEADER = 40,
	V1_SUBDOMAIN = 16,
};

/* By message type: how long it is at least, and its control field; 0 bytes: no such type. */
static const struct {
	uint8_t bytes, control;
} v2_types[16] = {
	[0x0] = {44, 0}, [0x1] = {44, 1}, [0x2] = {54, 5}, [0x3] = {54, 5}, [0x8] = {44, 2},
	[0x9] = {54, 3}, [0xa] = {54, 5}, [0xb] = {64, 5}, [0xc] = {44, 5}, [0xd] = {48, 4},
};

static bool is_v2(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t type, length;

	if (datagram->captured < V2_HEADER || (bytes[1] & 15) != 2 || bytes[1] >> 4 > V2_MINOR_MAX)
		return false;
	type = bytes[0] & 15;
	length = inspect_be16(bytes + 2);
	if (!v2_types[type].bytes || length < v2_types[type].bytes ||
	    (length != datagram->length && length + 2 != datagram->length))
		return false;
	/* 2019 lets senders put 0 into the control field of any type */
	if (bytes[32] != v2_types[type].control && !(bytes[32] == 0 && bytes[1] >> 4))
		return false;
	/* the logarithm of an interval in seconds; all ones but the sign where there is none */
	if (bytes[33] > 22 && bytes[33] < 0xf0 && bytes[33] != 0x7f && bytes[33] != 0x80)
		return false;
	/* 2019 gave the four reserved bytes a use within a node; on the wire they may be any */
	return inspect_be32(bytes + 16) == 0 || bytes[1] >> 4;
}

static bool is_v1(const struct inspect_datagram *datagram)
{
	/* sync, delay request, follow-up, delay response, management */
	static const uint8_t lengths[] = {124, 124, 52, 60, 60};
	const uint8_t *bytes = datagram->bytes;
	uint32_t letters = 0, control;

	if (datagram->captured < V1_HEADER || inspect_be32(bytes) != 0x00010001)
		return false;
	while (letters < V1_SUBDOMAIN && bytes[4 + letters] > ' ' && bytes[4 + letters] < 0x7f)
		letters++;
	for (uint32_t i = letters; i < V1_SUBDOMAIN; i++)
		if (bytes[4 + i])
			return false;
	control = bytes[32];
	return letters >= 3 && bytes[20] >= 1 && bytes[20] <= 2 && control < sizeof(lengths) &&
	       (datagram->length == lengths[control] ||
		(control == 4 && datagram->length > lengths[control]));
}

static enum inspect_status ptp_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return is_v2(datagram) || is_v1(datagram) ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_ptp = {
	.name = "ptp",
	.datagram = ptp_datagram,
};
