/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * H.323: call signalling (H.225.0 in Q.931), its control channel (H.245), registration (RAS).
 *
 * Over TCP every message stands in a TPKT (RFC 1006): 3, 0, a length. So do RDP's and S7's, whose
 * next bytes are those of X.224. Call signalling goes on with Q.931's discriminator, a call
 * reference of two bytes (H.225.0, 7.2.1), a known message type, and information elements that end
 * where the TPKT does; one of them is user-user with the discriminator of ASN.1, 5.
 *
 * H.245 is packed encoding (X.691) with next to no fixed bits, but the capability set that
 * opens it names the protocol by its object identifier, 0.0.8.245.0.version. So do RAS messages
 * with 0.0.8.2250.0.version behind a choice and a sequence number: those that lack it are never
 * claimed.
 */
#include "../inspector.h"

enum {
	TPKT_HEADER = 4,
	TPKT_VERSION = 3,
	TPKT_MAX = 16384 - TPKT_HEADER,
	TPKTS_MAX = 8,
	Q931_DISCRIMINATOR = 8,
	ELEMENT_USER_USER = 0x7e,
	ASN1_DISCRIMINATOR = 5,
	OID_BYTES = 6, /* without the version */
	RAS_MIN = 10,
	RAS_OID_AT = 3,
	RAS_OID_END = 6,
	VERSION_MAX = 20,
};

static const uint8_t oid_h225[OID_BYTES] = {6, 0, 8, 0x91, 0x4a, 0};
static const uint8_t oid_h245[OID_BYTES] = {6, 0, 8, 0x81, 0x75, 0};

/* H.225.0, table 3 */
static bool message_known(uint8_t type)
{
	switch (type) {
	case 0x01: /* alerting */
	case 0x02: /* call proceeding */
	case 0x03: /* progress */
	case 0x05: /* setup */
	case 0x07: /* connect */
	case 0x0d: /* setup acknowledge */
	case 0x5a: /* release complete */
	case 0x62: /* facility */
	case 0x6e: /* notify */
	case 0x75: /* status inquiry */
	case 0x7b: /* information */
	case 0x7d: /* status */
		return true;
	default:
		return false;
	}
}

/* Q.931 information elements that fill the bytes, with user-user among them. */
static bool elements_good(const uint8_t *bytes, uint32_t length)
{
	bool user = false;
	uint32_t at = 0;

	while (at < length) {
		uint32_t size, head = 2;

		if (bytes[at] & 0x80) { /* one byte, the value within */
			at++;
			continue;
		}
		if (length - at < 2)
			return false;
		size = bytes[at + 1];
		if (bytes[at] ==
		    ELEMENT_USER_USER) { /* two bytes of length here (H.225.0, 7.2.2.31) */
			if (length - at < 4 || bytes[at + 3] != ASN1_DISCRIMINATOR)
				return false;
			size = inspect_be16(bytes + at + 1);
			head = 3;
			user = true;
		}
		if (size > length - at - head)
			return false;
		at += head + size;
	}
	return user;
}

static bool names_protocol(const uint8_t *bytes, uint32_t length, const uint8_t oid[OID_BYTES])
{
	return length > OID_BYTES && !memcmp(bytes, oid, OID_BYTES) && bytes[OID_BYTES] >= 1 &&
	       bytes[OID_BYTES] <= VERSION_MAX;
}

/* What is in one TPKT, which is whole. */
static enum inspect_status read_message(const uint8_t *bytes, uint32_t length)
{
	uint32_t reference;

	if (length < 2)
		return length ? INSPECT_NO
			      : INSPECT_MORE; /* an empty one keeps a connection open */
	if (bytes[0] != Q931_DISCRIMINATOR) {
		/* request, terminalCapabilitySet, sequence number; 3 if it has extensions */
		if (bytes[0] == 2 && length > 4 && (bytes[1] & 0xf0) == 0x70 &&
		    names_protocol(bytes + 3, length - 3, oid_h245))
			return INSPECT_DONE;
		/* other messages of H.245 may come first: responses and requests, mostly short */
		return bytes[0] < 0x40 && (bytes[1] & 0x0f) != 0xf ? INSPECT_MORE : INSPECT_NO;
	}
	reference = bytes[1];
	if (reference > 2 || length < 3 + reference || !message_known(bytes[2 + reference]))
		return INSPECT_NO;
	bytes += 3 + reference;
	length -= 3 + reference;
	return elements_good(bytes, length) ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length)
{
	static const uint8_t head[2] = {TPKT_VERSION, 0};
	uint32_t at = 0;

	for (unsigned i = 0; i < TPKTS_MAX && at < length; i++) {
		enum inspect_status status =
			inspect_begins(bytes + at, length - at, head, sizeof(head));
		uint32_t size;

		if (status == INSPECT_NO || length - at < TPKT_HEADER)
			return status == INSPECT_NO ? INSPECT_NO : INSPECT_MORE;
		size = inspect_be16(bytes + at + 2);
		if (size < TPKT_HEADER || size > TPKT_MAX)
			return INSPECT_NO;
		/* X.224: a length, and a code of the upper half: RDP, S7, and their kin */
		if (length - at > TPKT_HEADER + 1 &&
		    bytes[at + TPKT_HEADER] != Q931_DISCRIMINATOR &&
		    bytes[at + TPKT_HEADER + 1] >= 0xd0)
			return INSPECT_NO;
		if (size > length - at)
			return INSPECT_MORE;
		status = read_message(bytes + at + TPKT_HEADER, size - TPKT_HEADER);
		if (status != INSPECT_MORE)
			return status;
		at += size;
	}
	return at < length ? INSPECT_NO : INSPECT_MORE;
}

static enum inspect_status h323_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status best = INSPECT_MORE;

	(void)evidence;
	(void)note;
	for (unsigned d = 0; d < 2; d++) {
		enum inspect_status status;

		if (!stream->length[d])
			continue;
		status = read_side(stream->bytes[d], stream->length[d]);
		if (status == INSPECT_DONE)
			return INSPECT_DONE;
		if (status == INSPECT_NO)
			best = INSPECT_NO;
	}
	return best;
}

static enum inspect_status h323_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (datagram->length < RAS_MIN || bytes[0] & 0x80)
		return INSPECT_NO;
	/* optional fields may be told of by one byte or two before the sequence number */
	for (uint32_t at = RAS_OID_AT; at <= RAS_OID_END && at < datagram->captured; at++)
		if (names_protocol(bytes + at, datagram->captured - at, oid_h225))
			return INSPECT_DONE;
	return INSPECT_NO;
}

const struct inspector inspector_h323 = {
	.name = "h323",
	.stream = h323_stream,
	.datagram = h323_datagram,
	INSPECT_BEGINS("\x00\x7f"),
};
