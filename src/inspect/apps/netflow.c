/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NetFlow versions 1, 5, 7 and 9, and IPFIX, which is its version 10 (Cisco's formats; RFC 3954,
 * 7011); and sFlow versions 2, 4 and 5.
 *
 * NetFlow of fixed records: a version, a count, and a datagram that is exactly as long as the
 * header and so many records; nanoseconds are fewer than 10^9. Version 9 and IPFIX: sets,
 * each with a length, that end exactly with the datagram; in IPFIX the header has the length, too.
 *
 * sFlow: version and address type are numbers of 32 bits. In version 5 each sample has a length,
 * and the last ends the datagram; before, a sample's kind is all that can be looked at.
 */
#include "../inspector.h"

enum {
	V5_HEADER = 24,
	V9_HEADER = 20,
	V10_HEADER = 16,
	SET_HEADER = 4,
	SET_DATA_MIN = 256,
	SETS_MAX = 64,
	SECONDS_1980 = 315532800,
	NANOSECONDS = 1000000000,
	SOFTFLOWD_RECORD = 48, /* its version 1 leaves the last word out */
	SFLOW_V4_HEADER = 24,
	SFLOW_SAMPLES_MAX = 256,
	SFLOW_ENTERPRISE = 0xfffff000,
	SFLOW_FORMAT_MAX = 5,
};

/* By version: bytes of the header and of a record, and how many records at most. */
static const struct {
	uint8_t header, record, count_max;
} fixed[] = {[1] = {16, 52, 24}, [5] = {24, 48, 30}, [7] = {24, 52, 28}};

static bool fixed_good(const struct inspect_datagram *datagram, uint32_t version)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t count = inspect_be16(bytes + 2);
	uint32_t records = datagram->length - fixed[version].header;

	if (datagram->captured < 16 || !count || count > fixed[version].count_max ||
	    datagram->length <= fixed[version].header)
		return false;
	if (records != count * fixed[version].record &&
	    !(version == 1 && records == count * SOFTFLOWD_RECORD))
		return false;
	return inspect_be32(bytes + 12) < NANOSECONDS &&
	       /* version 1 has a smaller header, so its first record must do: padding is zero */
	       (version != 1 || datagram->captured < 54 || !inspect_be16(bytes + 52));
}

/* Sets from `at` on: identifier and length. False: they do not end with the datagram. */
static bool sets_good(const struct inspect_datagram *datagram, uint32_t at, uint32_t templates,
		      bool *cut)
{
	unsigned sets = 0;

	while (at < datagram->length) {
		uint32_t id, length;

		if (at + SET_HEADER > datagram->captured) {
			*cut = true;
			return sets && at + SET_HEADER <= datagram->length;
		}
		id = inspect_be16(datagram->bytes + at);
		length = inspect_be16(datagram->bytes + at + 2);
		if ((id < SET_DATA_MIN && id != templates && id != templates + 1) ||
		    length <= SET_HEADER || length > datagram->length - at || ++sets > SETS_MAX)
			return false;
		at += length;
	}
	return sets;
}

static enum inspect_status netflow_datagram(const struct inspect_datagram *datagram, void **state,
					    struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	bool good, cut = false;

	(void)state;
	(void)evidence;
	if (datagram->captured < V10_HEADER || bytes[0])
		return INSPECT_NO;
	switch (bytes[1]) {
	case 1:
	case 5:
	case 7:
		good = fixed_good(datagram, bytes[1]);
		break;
	case 9: /* count of records, uptime, time, sequence, source */
		good = datagram->captured >= V9_HEADER && inspect_be16(bytes + 2) &&
		       inspect_be16(bytes + 2) <= datagram->length / 4 &&
		       inspect_be32(bytes + 8) > SECONDS_1980 &&
		       sets_good(datagram, V9_HEADER, 0, &cut) && !cut;
		break;
	case 10: /* length, time, sequence, domain */
		good = inspect_be16(bytes + 2) == datagram->length &&
		       inspect_be32(bytes + 4) > SECONDS_1980 &&
		       sets_good(datagram, V10_HEADER, 2, &cut);
		break;
	default:
		good = false;
	}
	return good ? INSPECT_DONE : INSPECT_NO;
}

/* Behind the agent's address; of version 5: each sample's type and length. */
static bool samples_good(const struct inspect_datagram *datagram, uint32_t at, uint32_t count)
{
	while (count) {
		uint32_t type, length;

		if (at + 8 > datagram->captured)
			return datagram->captured < datagram->length && at + 8 <= datagram->length;
		type = inspect_be32(datagram->bytes + at);
		length = inspect_be32(datagram->bytes + at + 4);
		at += 8;
		if ((!(type & SFLOW_ENTERPRISE) && (!type || type > SFLOW_FORMAT_MAX)) ||
		    length > datagram->length - at || length % 4)
			return false;
		at += length;
		count--;
	}
	return at == datagram->length;
}

static enum inspect_status sflow_datagram(const struct inspect_datagram *datagram, void **state,
					  struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t version, address, at, count;
	bool good;

	(void)state;
	(void)evidence;
	if (datagram->captured < SFLOW_V4_HEADER + 4 || bytes[0] || bytes[1] || bytes[2])
		return INSPECT_NO;
	version = bytes[3];
	address = inspect_be32(bytes + 4);
	if ((version != 2 && version != 4 && version != 5) || !address || address > 2)
		return INSPECT_NO;
	at = 8u + (address == 1 ? 4 : 16) + (version == 5 ? 4 : 0) +
	     8; /* sub-agent; sequence, uptime */
	if (datagram->captured < at + 8)
		return INSPECT_NO;
	count = inspect_be32(bytes + at);
	if (!count || count > SFLOW_SAMPLES_MAX)
		return INSPECT_NO;
	if (version == 5)
		good = samples_good(datagram, at + 4, count);
	else /* a flow's or counters' sample comes first, and none has fewer than 24 bytes */
		good = inspect_be32(bytes + at + 4) - 1 < 2 &&
		       datagram->length >= at + 4 + count * 24;
	return good ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_netflow = {
	.name = "netflow",
	.datagram = netflow_datagram,
	INSPECT_BEGINS("\0\0"),
};

const struct inspector inspector_sflow = {
	.name = "sflow",
	.datagram = sflow_datagram,
	INSPECT_BEGINS("\0\0"),
};
