/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gnutella (the "RFC-Gnutella" drafts 0.4 and 0.6) and Gnutella2's datagrams.
 *
 * TCP: the handshake's first line, of either side; a pushed upload announces itself by "GIV" and an
 * identifier of 32 hexadecimal digits. Downloads are HTTP, and gnutella.pat's as a layer on it.
 *
 * UDP: a descriptor has an identifier of 16 bytes, a kind, two counters that end at fifteen hops,
 * and a length which, with its own 23 bytes, is the datagram's: 45 bits. One that carries nothing
 * has four bytes of zero there, which others may have too, so the identifier has to look like a
 * modern client's (0xff at 8, 0 at 15), or a second has to come. Gnutella2 marks its own with
 * "GND", a part that is not above the count of parts, and no flag but the two that there are.
 */
#include "sides.h"

enum {
	ID_BYTES = 16,
	KIND_AT = ID_BYTES,
	TTL_AT,
	HOPS_AT,
	LENGTH_AT,
	HEADER_BYTES = 23,
	HOPS_MAX = 15,
	DESCRIPTOR_MAX = 64 << 10,
	HEADERS_NEEDED = 2,
};

/* Ping, pong, bye, routes, messages of vendors, push, queries, hits; the hash table of LimeWire. */
static bool kind_known(uint8_t kind)
{
	static const uint8_t kinds[] = {0x00, 0x01, 0x02, 0x30, 0x31, 0x32,
					0x40, 0x41, 0x44, 0x80, 0x81};

	return memchr(kinds, kind, sizeof(kinds));
}

static bool is_header(const uint8_t *bytes)
{
	bool named = false;

	for (unsigned i = 1; i < ID_BYTES; i++)
		named |= bytes[i] != bytes[0];
	return named && kind_known(bytes[KIND_AT]) && bytes[TTL_AT] <= HOPS_MAX &&
	       bytes[HOPS_AT] <= HOPS_MAX && bytes[TTL_AT] + bytes[HOPS_AT] > 0 &&
	       bytes[TTL_AT] + bytes[HOPS_AT] <= HOPS_MAX;
}

/* Identifiers are: no counter, no zeros. */
static bool is_random(const uint8_t *id)
{
	enum { DISTINCT_MIN = 10 };
	unsigned distinct = 0;

	for (unsigned i = 0; i < ID_BYTES; i++)
		distinct += !memchr(id, id[i], i);
	return distinct >= DISTINCT_MIN;
}

/* Whether what it carries is what its kind carries, as far as it is there. */
static bool is_body(uint8_t kind, const uint8_t *body, uint32_t have, uint32_t length)
{
	enum { GGEP = 0xc3, PONG_MIN = 14, PUSH_MIN = 26, HIT_MIN = 27, VENDOR_MIN = 8 };

	switch (kind) {
	case 0x00: /* only extensions */
		return !length || (have && *body == GGEP);
	case 0x01:
		return length >= PONG_MIN;
	case 0x40:
		return length >= PUSH_MIN;
	case 0x80: /* a speed, and a text that ends */
		return length >= 3 && (have < length || memchr(body + 2, 0, have - 2));
	case 0x81:
		return length >= HIT_MIN;
	case 0x31: /* the vendor's four letters, or none */
	case 0x32:
		if (length < VENDOR_MIN || have < VENDOR_MIN)
			return false;
		for (unsigned i = 0; i < 4; i++)
			if (!(body[i] >= 'A' && body[i] <= 'Z') && inspect_be32(body))
				return false;
		return !body[5] && !body[7]; /* number and version are small */
	case 0x44:
		return length >= 20;
	case 0x02:
		return length >= 2;
	default:
		return true;
	}
}

/* ---- UDP ---- */

static bool is_descriptor(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	return captured >= HEADER_BYTES && is_header(bytes) &&
	       inspect_le32(bytes + LENGTH_AT) == length - HEADER_BYTES &&
	       is_body(bytes[KIND_AT], bytes + HEADER_BYTES, captured - HEADER_BYTES,
		       length - HEADER_BYTES);
}

/* Of an empty one: its identifier is a modern client's, or random, or carries LimeWire's RUDP. */
static bool is_alone(const uint8_t *bytes)
{
	enum { RUDP = 0x41, DISTINCT_MIN = 13 };
	unsigned distinct = 0;

	if (bytes[KIND_AT] && bytes[KIND_AT] != RUDP)
		return false;
	if (bytes[8] == 0xff && !bytes[15])
		return true;
	if (bytes[TTL_AT] != 1 || bytes[HOPS_AT])
		return false;
	for (unsigned i = 0; i < ID_BYTES; i++)
		distinct += !memchr(bytes, bytes[i], i);
	return bytes[KIND_AT] == RUDP || distinct >= DISTINCT_MIN;
}

static bool is_g2(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	enum { FLAGS_AT = 3, PART_AT = 6, COUNT_AT, G2_HEADER, FLAGS = 3 };

	if (captured < G2_HEADER || memcmp(bytes, "GND", 3) != 0 || bytes[FLAGS_AT] & ~FLAGS ||
	    !bytes[PART_AT])
		return false;
	if (!bytes[COUNT_AT]) /* an acknowledgement */
		return length == G2_HEADER;
	return bytes[PART_AT] <= bytes[COUNT_AT] && length > G2_HEADER;
}

/* Identifiers are random: those of two descriptors have hardly a byte in common. */
static bool is_other(const uint8_t *one, const uint8_t *other)
{
	unsigned same = 0;

	for (unsigned i = 0; i < ID_BYTES; i++)
		same += one[i] == other[i];
	return same <= ID_BYTES / 4;
}

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (is_g2(bytes, datagram->captured, datagram->length))
		return INSPECT_DONE;
	if (!is_descriptor(bytes, datagram->captured, datagram->length))
		return INSPECT_NO;
	if (datagram->length > HEADER_BYTES || is_alone(bytes))
		return INSPECT_DONE;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *e = &datagram->earlier[i];

		if (is_descriptor(e->bytes, e->length, e->length) && is_other(e->bytes, bytes))
			return INSPECT_DONE;
	}
	return INSPECT_MORE;
}

/* ---- TCP ---- */

/* "GIV 12:" or "PUSH guid:", then 32 digits of an identifier. */
static enum inspect_status read_push(const uint8_t *bytes, uint32_t length)
{
	uint32_t at = 4, digits = 0;

	if (inspect_begins(bytes, length, "PUSH guid:", 10) == INSPECT_DONE) {
		at = 10;
	} else if (inspect_begins(bytes, length, "GIV ", 4) == INSPECT_DONE) {
		while (at < length && at < 14 && bytes[at] >= '0' && bytes[at] <= '9')
			at++;
		if (at < length && bytes[at++] != ':')
			return INSPECT_NO;
	} else {
		return inspect_begins(bytes, length, "PUSH guid:", 10) == INSPECT_NO &&
				       inspect_begins(bytes, length, "GIV ", 4) == INSPECT_NO
			       ? INSPECT_NO
			       : INSPECT_MORE;
	}
	for (; at < length && digits < 32; at++, digits++) {
		uint8_t c = bytes[at] | 0x20;

		if (!(bytes[at] >= '0' && bytes[at] <= '9') && !(c >= 'a' && c <= 'f'))
			return INSPECT_NO;
	}
	return digits == 32 ? INSPECT_DONE : INSPECT_MORE;
}

/* Descriptors one behind the other, where the capture begins with one. */
static enum inspect_status read_descriptors(const uint8_t *bytes, uint32_t length)
{
	uint32_t at = 0;

	for (unsigned count = 0; count < HEADERS_NEEDED; count++) {
		uint32_t size;

		if (length - at < HEADER_BYTES)
			return length - at > KIND_AT && !kind_known(bytes[at + KIND_AT])
				       ? INSPECT_NO
				       : INSPECT_MORE;
		size = inspect_le32(bytes + at + LENGTH_AT);
		if (!is_header(bytes + at) || !is_random(bytes + at) || size > DESCRIPTOR_MAX)
			return INSPECT_NO;
		if (length - at - HEADER_BYTES < size)
			return INSPECT_MORE;
		if (!is_body(bytes[at + KIND_AT], bytes + at + HEADER_BYTES, size, size))
			return INSPECT_NO;
		at += HEADER_BYTES + size;
	}
	return INSPECT_DONE;
}

static enum inspect_status read_side(const struct inspect_stream *stream, unsigned d)
{
	static const char *const lines[] = {"GNUTELLA CONNECT/0.", "GNUTELLA/0."};
	const uint8_t *bytes = stream->bytes[d];
	uint32_t length = stream->length[d];
	enum inspect_status best = INSPECT_NO;

	for (unsigned i = 0; i < 2; i++) {
		enum inspect_status status =
			inspect_begins(bytes, length, lines[i], strlen(lines[i]));

		if (status == INSPECT_DONE)
			return status;
		if (status == INSPECT_MORE)
			best = status;
	}
	if (best == INSPECT_NO && length)
		best = read_push(bytes, length);
	if (best == INSPECT_NO && length && stream->midstream)
		best = read_descriptors(bytes, length);
	return best;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status client = read_side(stream, FLOW_FROM_CLIENT);
	enum inspect_status server = read_side(stream, FLOW_FROM_SERVER);

	(void)evidence;
	(void)note;
	return inspect_both(stream, client, server);
}

const struct inspector inspector_gnutella = {
	.name = "gnutella",
	.stream = read_stream,
	.datagram = read_datagram,
};
