/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DCE/RPC (The Open Group, C706, chapter 12; MS-RPCE), version 5 over TCP and 4 over UDP.
 *
 * Version 5 over TCP: a header of 16 bytes whose version, type, flags, four bytes of data
 * representation and two lengths agree. With little-endian data, which nearly everybody sends,
 * that is some fifty bits, and any PDU counts. Otherwise, and where PDUs of the binding begin the
 * stream, the transfer syntax must be one that is known (NDR's UUID, sixteen bytes).
 * A server that is reached through a proxy greets with "ncacn_http/1.0".
 *
 * Version 4: a header of 80 bytes; the body's length ends the datagram, the flags and the
 * representation are what they must be, the activity is not nil, and no verifier is named; where
 * the representation is all zeros both hints say "none" too.
 */
#include "sides.h"

enum {
	HEADER = 16,
	V4_HEADER = 80,
	REQUEST_HEADER = 24,
	TYPE_REQUEST = 0,
	TYPE_RESPONSE = 2,
	TYPE_FAULT = 3,
	TYPE_BIND = 11,
	TYPE_BIND_ACK = 12,
	TYPE_BIND_NAK = 13,
	TYPE_ALTER = 14,
	TYPE_ALTER_RESPONSE = 15,
	TYPE_MAX = 20,
	CONTEXT_AT = 28, /* of a bind: its first context */
	SYNTAX_AT = CONTEXT_AT + 24,
	SYNTAX_BYTES = 20,
	RESULT_MAX = 3,
	V4_TYPE_MAX = 10,
	LITTLE_ENDIAN_ASCII = 0x10,
};

/* NDR, NDR64, and Microsoft's negotiation of features, by their first bytes as they are sent */
static const uint8_t ndr[] = {0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11,
			      0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60};
static const uint8_t ndr_big[] = {0x8a, 0x88, 0x5d, 0x04, 0x1c, 0xeb, 0x11, 0xc9,
				  0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60};
static const uint8_t ndr64[] = {0x33, 0x05, 0x71, 0x71, 0xba, 0xbe, 0x37, 0x49,
				0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36};
static const uint8_t features[] = {0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45};

static bool is_syntax(const uint8_t *bytes)
{
	return !memcmp(bytes, ndr, sizeof(ndr)) || !memcmp(bytes, ndr_big, sizeof(ndr_big)) ||
	       !memcmp(bytes, ndr64, sizeof(ndr64)) || !memcmp(bytes, features, sizeof(features));
}

static bool is_type(uint8_t type)
{
	return type == TYPE_REQUEST || type == TYPE_RESPONSE || type == TYPE_FAULT ||
	       (type >= TYPE_BIND && type <= TYPE_MAX);
}

static uint32_t read16(const uint8_t *bytes, bool little)
{
	return little ? inspect_le16(bytes) : inspect_be16(bytes);
}

/* The first transfer syntax that a bind offers. */
static enum inspect_status read_bind(const uint8_t *bytes, uint32_t length, uint32_t fragment)
{
	if (fragment < SYNTAX_AT + SYNTAX_BYTES)
		return INSPECT_NO;
	if (length > CONTEXT_AT + 2 && (!bytes[24] || !bytes[CONTEXT_AT + 2]))
		return INSPECT_NO; /* contexts, and syntaxes of the first */
	if (length < SYNTAX_AT + sizeof(ndr))
		return INSPECT_MORE;
	return is_syntax(bytes + SYNTAX_AT) ? INSPECT_DONE : INSPECT_NO;
}

/* The first result: accepted with a syntax that is known, or refused. */
static enum inspect_status read_bind_ack(const uint8_t *bytes, uint32_t length, uint32_t fragment,
					 bool little)
{
	uint32_t at;

	if (fragment < 28 + 4 + 24)
		return INSPECT_NO;
	if (length < 26)
		return INSPECT_MORE;
	at = (26 + read16(bytes + 24, little) + 3) & ~3u; /* behind the secondary address */
	if (at + 28 > fragment)
		return INSPECT_NO;
	if (length < at + 28)
		return INSPECT_MORE;
	if (!bytes[at] || bytes[at + 1] || bytes[at + 2] || bytes[at + 3] ||
	    read16(bytes + at + 4, little) > RESULT_MAX)
		return INSPECT_NO;
	return read16(bytes + at + 4, little) || is_syntax(bytes + at + 8) ? INSPECT_DONE
									   : INSPECT_NO;
}

static enum inspect_status dcerpc_side(const uint8_t *bytes, uint32_t length,
				       enum flow_direction from)
{
	static const char proxy[] = "ncacn_http/1.";
	uint32_t fragment, verifier;
	bool little;

	(void)from;
	if (bytes[0] == proxy[0])
		return inspect_begins(bytes, length, proxy, sizeof(proxy) - 1);
	if (bytes[0] != 5 || (length > 1 && bytes[1] > 1) || (length > 2 && !is_type(bytes[2])) ||
	    (length > 4 && (bytes[4] & ~LITTLE_ENDIAN_ASCII)) || (length > 5 && bytes[5] > 3) ||
	    (length > 6 && bytes[6]) || (length > 7 && bytes[7]))
		return INSPECT_NO;
	if (length < HEADER)
		return INSPECT_MORE;
	little = bytes[4] == LITTLE_ENDIAN_ASCII;
	fragment = read16(bytes + 8, little);
	verifier = read16(bytes + 10, little);
	if (fragment < HEADER || (verifier && verifier + 8 + HEADER > fragment))
		return INSPECT_NO;
	switch (bytes[2]) {
	case TYPE_BIND:
	case TYPE_ALTER:
		return read_bind(bytes, length, fragment);
	case TYPE_BIND_ACK:
	case TYPE_ALTER_RESPONSE:
		return read_bind_ack(bytes, length, fragment, little);
	case TYPE_REQUEST:
	case TYPE_RESPONSE:
	case TYPE_FAULT:
		if (fragment < REQUEST_HEADER)
			return INSPECT_NO;
		break;
	default:
		break;
	}
	return little ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status dcerpc_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, dcerpc_side, note);
}

static enum inspect_status dcerpc_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t body;
	bool little;

	(void)state;
	(void)evidence;
	if (datagram->captured < V4_HEADER || bytes[0] != 4 || bytes[1] > V4_TYPE_MAX ||
	    (bytes[2] & 0x81) || (bytes[3] & 0xfc) || (bytes[4] & ~LITTLE_ENDIAN_ASCII) ||
	    bytes[5] > 3 || bytes[6])
		return INSPECT_NO;
	little = bytes[4] == LITTLE_ENDIAN_ASCII;
	body = read16(bytes + 74, little);
	if (body + V4_HEADER != datagram->length || bytes[78] ||
	    inspect_is_zero(bytes + 40, 16)) /* no verifier; an activity */
		return INSPECT_NO;
	/* the hints are seldom used; where the representation is all zeros they must not be */
	return little || inspect_be32(bytes + 70) == 0xffffffff ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_dcerpc = {
	.name = "dcerpc",
	.stream = dcerpc_stream,
	.datagram = dcerpc_datagram,
	INSPECT_BEGINS("\x04\x04"),
};
