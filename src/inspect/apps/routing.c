/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What routers say to each other in datagrams: RIP and RIPng (RFC 1058, 2453, 2080), OLSR (RFC
 * 3626), Babel (RFC 8966), HSRP (RFC 2281, and version 2 as Cisco describes it), BFD (RFC 5880).
 *
 * RIP's entries of 20 bytes fill the datagram, and each has its zeros, a known address family, and
 * a metric of at most 16. OLSR's packet has a length, and its messages' lengths end with it.
 * Babel has a magic number, a version, a length, and a body of TLVs. HSRP has the datagram's length
 * in its TLVs, or in version 1 a default password. BFD counts its 24 bytes, and its intervals are
 * whole milliseconds.
 */
#include "sides.h"

/* ---- RIP ---- */

enum {
	RIP_HEADER = 4,
	RIP_ENTRY = 20,
	RIP_RESPONSE = 2,
	RIP_ENTRIES_MAX = 25,
	RIP_INFINITY = 16,
	RIP_FAMILY_IP = 2,
	RIP_FAMILY_AUTH = 0xffff,
	RIPNG_PREFIX_MAX = 128,
	RIPNG_NEXT_HOP = 0xff,
};

static bool rip_entry(const uint8_t *entry, uint32_t version, bool first)
{
	uint32_t family = inspect_be16(entry), metric = inspect_be32(entry + 16);

	if (family == RIP_FAMILY_AUTH) /* simple, digest's place, digest */
		return version == 2 && entry[2] == 0 && entry[3] >= 1 && entry[3] <= 3;
	if (metric > RIP_INFINITY)
		return false;
	if (family == 0) /* everything is asked for */
		return first && metric == RIP_INFINITY && inspect_is_zero(entry + 2, 14);
	if (family != RIP_FAMILY_IP)
		return false;
	return version == 2 || (inspect_is_zero(entry + 2, 2) && inspect_is_zero(entry + 8, 8));
}

static bool ripng_entry(const uint8_t *entry, bool response)
{
	uint32_t metric = entry[19];

	if (metric == RIPNG_NEXT_HOP)
		return response && inspect_is_zero(entry + 16, 3);
	return entry[18] <= RIPNG_PREFIX_MAX && metric && metric <= RIP_INFINITY &&
	       /* global, local, or the default */
	       (entry[0] >> 5 == 1 || entry[0] >> 1 == 0x7e || inspect_is_zero(entry, 16));
}

static enum inspect_status rip_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t size = datagram->length - RIP_HEADER, version;
	bool old = true, next;

	(void)state;
	(void)evidence;
	if (datagram->captured < RIP_HEADER + RIP_ENTRY || size % RIP_ENTRY || !bytes[0] ||
	    bytes[0] > RIP_RESPONSE || !bytes[1] || bytes[1] > 2 || bytes[2] || bytes[3])
		return INSPECT_NO;
	version = bytes[1];
	next = version == 1;
	for (uint32_t at = RIP_HEADER; at + RIP_ENTRY <= datagram->captured; at += RIP_ENTRY) {
		old &= rip_entry(bytes + at, version, at == RIP_HEADER);
		next &= ripng_entry(bytes + at, bytes[0] == RIP_RESPONSE);
	}
	return (old && size / RIP_ENTRY <= RIP_ENTRIES_MAX) || next ? INSPECT_DONE : INSPECT_NO;
}

/* ---- OLSR ---- */

enum {
	OLSR_HEADER = 4,
	OLSR_MESSAGE = 12,
	OLSR_TYPES_OWN = 4, /* HELLO, TC, MID, HNA */
	OLSR_TYPES_FREE = 128,
	OLSR_SIZE_MAX = 1500,
};

static enum inspect_status olsr_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = OLSR_HEADER, own = 0;

	(void)state;
	(void)evidence;
	if (datagram->captured < OLSR_HEADER + OLSR_MESSAGE ||
	    datagram->captured < datagram->length || datagram->length > OLSR_SIZE_MAX ||
	    inspect_be16(bytes) != datagram->length)
		return INSPECT_NO;
	while (at < datagram->length) {
		uint32_t type, size;

		if (at + OLSR_MESSAGE > datagram->length)
			return INSPECT_NO;
		type = bytes[at];
		size = inspect_be16(bytes + at + 2);
		/* type, validity, size, originator, hops to live, hops made, number */
		if (!type || (type > OLSR_TYPES_OWN && type < OLSR_TYPES_FREE) ||
		    size < OLSR_MESSAGE || size % 4 || size > datagram->length - at ||
		    !bytes[at + 8] || bytes[at + 9] > bytes[at + 8] + 64u)
			return INSPECT_NO;
		/* a greeting goes one hop, and has a zero where others have a number or address */
		own += type == 1 ? bytes[at + 8] == 1 && !bytes[at + 9] && size >= 16 &&
					   inspect_is_zero(bytes + at + 12, 2)
				 : type == 2 && size >= 16 && inspect_is_zero(bytes + at + 14, 2);
		at += size;
	}
	return own ? INSPECT_DONE : INSPECT_NO;
}

/* ---- Babel ---- */

enum {
	BABEL_HEADER = 4,
	BABEL_MAGIC = 42,
	BABEL_VERSION = 2,
	BABEL_PAD1 = 0,
	BABEL_TYPE_MAX = 20,
};

static enum inspect_status babel_datagram(const struct inspect_datagram *datagram, void **state,
					  struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = BABEL_HEADER, end;

	(void)state;
	(void)evidence;
	if (datagram->captured < BABEL_HEADER + 4 || bytes[0] != BABEL_MAGIC ||
	    bytes[1] != BABEL_VERSION)
		return INSPECT_NO;
	end = BABEL_HEADER + inspect_be16(bytes + 2); /* a signature may follow */
	if (end <= BABEL_HEADER + 1 || end > datagram->length)
		return INSPECT_NO;
	while (at < end) {
		if (at + 1 > datagram->captured)
			return INSPECT_NO;
		if (bytes[at] == BABEL_PAD1) {
			at++;
			continue;
		}
		if (at + 2 > datagram->captured || bytes[at] > BABEL_TYPE_MAX ||
		    bytes[at + 1] > end - at - 2)
			return INSPECT_NO;
		at += 2u + bytes[at + 1];
	}
	return end == datagram->length || bytes[end] == 16 /* RFC 8967's MAC */ ? INSPECT_DONE
										: INSPECT_NO;
}

/* ---- HSRP ---- */

enum {
	HSRP_V1_BYTES = 20,
	HSRP_ADVERTISEMENT = 3,
	HSRP_GROUP_STATE = 1,
	HSRP_INTERFACE_STATE = 2,
	HSRP_TEXT = 3,
	HSRP_DIGEST = 4,
	HSRP_STATE_BYTES = 40,
};

static bool hsrp_v1(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t state;

	if (datagram->captured < HSRP_V1_BYTES)
		return false;
	state = bytes[2]; /* initial, learn, listen, speak, standby, active: a bit each */
	return !bytes[0] && bytes[1] < HSRP_ADVERTISEMENT && state <= 16 &&
	       !(state & (state - 1)) && !bytes[7] && !memcmp(bytes + 8, "cisco\0\0\0", 8);
}

static bool hsrp_v2(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = 0;

	while (at < datagram->length) {
		uint32_t length;

		if (at + 6 > datagram->captured)
			return at && datagram->captured < datagram->length;
		length = bytes[at + 1];
		switch (bytes[at]) {
		case HSRP_GROUP_STATE: /* version, operation, state, IP version */
			if (length != HSRP_STATE_BYTES || bytes[at + 2] != 2 || bytes[at + 3] > 2 ||
			    bytes[at + 4] > 6 || (bytes[at + 5] != 4 && bytes[at + 5] != 6))
				return false;
			break;
		case HSRP_INTERFACE_STATE: /* how many groups are active, and passive */
			if (length != 4 || bytes[at + 2] || bytes[at + 4] > 15)
				return false;
			break;
		case HSRP_TEXT:
			if (!at || length != 8)
				return false;
			break;
		case HSRP_DIGEST:
			if (!at || length != 28)
				return false;
			break;
		default:
			return false;
		}
		at += 2 + length;
	}
	return at && at == datagram->length;
}

static enum inspect_status hsrp_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return hsrp_v1(datagram) || hsrp_v2(datagram) ? INSPECT_DONE : INSPECT_NO;
}

/* ---- BFD ---- */

enum {
	BFD_BYTES = 24,
	BFD_DIAGNOSTIC_MAX = 9,
	BFD_STATE_DOWN = 1,
	BFD_AUTHENTICATED = 0x04,
	BFD_MULTIPOINT = 0x01,
	BFD_INTERVAL_MAX_US = 60000000,
};

static bool interval_good(const uint8_t *bytes)
{
	uint32_t interval_us = inspect_be32(bytes);

	return interval_us <= BFD_INTERVAL_MAX_US && interval_us % 1000 == 0;
}

static enum inspect_status bfd_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (datagram->captured < BFD_BYTES || bytes[0] >> 5 != 1 ||
	    (bytes[0] & 31) > BFD_DIAGNOSTIC_MAX || bytes[1] & BFD_MULTIPOINT || !bytes[2] ||
	    bytes[3] != datagram->length ||
	    (bytes[1] & BFD_AUTHENTICATED ? bytes[3] <= BFD_BYTES : bytes[3] != BFD_BYTES))
		return INSPECT_NO;
	/* a session that is up knows the other's discriminator */
	if (inspect_is_zero(bytes + 4, 4) ||
	    (bytes[1] >> 6 > BFD_STATE_DOWN && inspect_is_zero(bytes + 8, 4)))
		return INSPECT_NO;
	return interval_good(bytes + 12) && !inspect_is_zero(bytes + 12, 4) &&
			       interval_good(bytes + 16) && interval_good(bytes + 20)
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_rip = {
	.name = "rip",
	.datagram = rip_datagram,
	INSPECT_BEGINS("\x01\x02"),
};

const struct inspector inspector_olsr = {
	.name = "olsr",
	.datagram = olsr_datagram,
};

const struct inspector inspector_babel = {
	.name = "babel",
	.datagram = babel_datagram,
	INSPECT_BEGINS("\x2a\x2a"),
};

const struct inspector inspector_hsrp = {
	.name = "hsrp",
	.datagram = hsrp_datagram,
	INSPECT_BEGINS("\x00\x02"),
};

const struct inspector inspector_bfd = {
	.name = "bfd",
	.datagram = bfd_datagram,
	INSPECT_BEGINS("\x20\x3f"),
};
