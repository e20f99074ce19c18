/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Remote Desktop, over TCP (MS-RDPBCGR) and UDP (MS-RDPEUDP).
 *
 * TCP begins with X.224's Connection Request and Confirm in a TPKT (RFC 1006, 2126), which S7,
 * MMS and others use too. It is RDP where the request bears a cookie or routing token for load
 * balancers (2.2.1.1), or an RDP_NEG_REQ (2.2.1.1.1), or the confirm an RDP_NEG_RSP or
 * RDP_NEG_FAILURE (2.2.1.2.1), whose lengths add up to the TPKT's. Old clients send none of it:
 * they are known by their GCC user data, "Duca" from the client and "McDn" from the server (H.221
 * keys), in MCS's Connect Initial and Response (2.2.1.3, 2.2.1.4).
 *
 * After the negotiation the stream is TLS (5.4.5), which is not looked into: it is how RDP is
 * protected, and bears no name that is worth keeping every desktop's flow open for.
 *
 * UDP begins with a SYN datagram (MS-RDPEUDP 2.2.2.1): nothing is acknowledged (all ones), the
 * flags, two MTUs of 1132 to 1232, and zeros up to that length (2.2.2.6); the answer acknowledges
 * its sequence number. Seen from the middle, version 1's data are known by their two sequence
 * numbers, which are equal where there is no correction (2.2.2.4), before a TLS or DTLS record.
 */
#include "sides.h"

enum {
	TPKT_HEADER = 4,
	X224_REQUEST = 0xe0,
	X224_CONFIRM = 0xd0,
	X224_DATA = 0xf0,
	X224_FIXED = 7, /* length, code, references, class */
	NEG_REQUEST = 1,
	NEG_RESPONSE = 2,
	NEG_FAILURE = 3,
	NEG_BYTES = 8,
	CORRELATION = 6,
	CORRELATION_BYTES = 36,
	REQUEST_FLAGS = 0x0b, /* restricted admin, redirected authentication, correlation info */
	REQUEST_CORRELATION = 0x08,
	PROTOCOLS_MAX = 0x1f,
	FAILURE_MAX = 16,
	MCS_SEARCH_BYTES = 512,
};

/* ---- TCP ---- */

static bool find(const uint8_t *bytes, size_t length, const char *word)
{
	return memmem(bytes, length, word, strlen(word)) != NULL;
}

/* RDP_NEG_REQ and what may follow it, up to the end. */
static bool read_request(const uint8_t *bytes, size_t length)
{
	if (length < NEG_BYTES || bytes[0] != NEG_REQUEST || (bytes[1] & ~REQUEST_FLAGS) ||
	    inspect_le16(bytes + 2) != NEG_BYTES || inspect_le32(bytes + 4) > PROTOCOLS_MAX)
		return false;
	if (!(bytes[1] & REQUEST_CORRELATION))
		return length == NEG_BYTES;
	bytes += NEG_BYTES;
	return length == NEG_BYTES + CORRELATION_BYTES && bytes[0] == CORRELATION && !bytes[1] &&
	       inspect_le16(bytes + 2) == CORRELATION_BYTES;
}

static bool read_confirm(const uint8_t *bytes, size_t length)
{
	uint32_t value;

	if (length != NEG_BYTES || inspect_le16(bytes + 2) != NEG_BYTES)
		return false;
	value = inspect_le32(bytes + 4);
	if (bytes[0] == NEG_FAILURE)
		return !bytes[1] && value && value <= FAILURE_MAX;
	/* one protocol is chosen, or none */
	return bytes[0] == NEG_RESPONSE && bytes[1] <= 0x1f && value <= PROTOCOLS_MAX &&
	       !(value & (value - 1));
}

/* What follows X.224's fixed part in a request or confirm. */
static bool is_negotiation(uint8_t code, const uint8_t *bytes, size_t length)
{
	static const char cookie[] = "Cookie: msts";
	const uint8_t *end;

	if (code == X224_CONFIRM)
		return read_confirm(bytes, length);
	if (length >= sizeof(cookie) - 1 && !memcmp(bytes, cookie, sizeof(cookie) - 1)) {
		end = memmem(bytes, length, "\r\n", 2);
		if (!end)
			return false;
		length -= (size_t)(end + 2 - bytes);
		return !length || read_request(end + 2, length);
	}
	return read_request(bytes, length);
}

/* MCS within a data PDU: the GCC user data that only RDP has. */
static enum inspect_status read_mcs(const uint8_t *bytes, uint32_t length, uint32_t want)
{
	static const uint8_t initial[] = {2, X224_DATA, 0x80, 0x7f};
	uint32_t have = length < want ? length : want;

	bytes += TPKT_HEADER;
	have -= TPKT_HEADER;
	if (memcmp(bytes, initial, have < sizeof(initial) ? have : sizeof(initial)) != 0)
		return INSPECT_NO;
	if (have < 5)
		return INSPECT_MORE;
	if (bytes[4] != 0x65 && bytes[4] != 0x66)
		return INSPECT_NO;
	if (find(bytes, have < MCS_SEARCH_BYTES ? have : MCS_SEARCH_BYTES,
		 bytes[4] == 0x65 ? "Duca" : "McDn"))
		return INSPECT_DONE;
	return length < want && have < MCS_SEARCH_BYTES ? INSPECT_MORE : INSPECT_NO;
}

/* One TPKT; `want` is its length when it is whole. */
static enum inspect_status read_tpkt(const uint8_t *bytes, uint32_t length, uint32_t *want)
{
	static const uint8_t version[] = {3, 0};
	uint8_t code;

	*want = 0;
	if (memcmp(bytes, version, length < 2 ? length : 2) != 0)
		return INSPECT_NO;
	if (length < TPKT_HEADER + 2)
		return INSPECT_MORE;
	*want = inspect_be16(bytes + 2);
	code = bytes[5];
	if (code == X224_DATA)
		return *want > TPKT_HEADER + 3 ? read_mcs(bytes, length, *want) : INSPECT_NO;
	if ((code != X224_REQUEST && code != X224_CONFIRM) ||
	    *want != TPKT_HEADER + 1u + bytes[4] || *want < TPKT_HEADER + X224_FIXED)
		return INSPECT_NO;
	if (length < *want)
		return INSPECT_MORE;
	if (bytes[TPKT_HEADER + X224_FIXED - 1] & 0x0f) /* class 0, no options */
		return INSPECT_NO;
	if (is_negotiation(code, bytes + TPKT_HEADER + X224_FIXED,
			   *want - TPKT_HEADER - X224_FIXED))
		return INSPECT_DONE;
	/* bare, as old clients and servers send it: MCS will tell */
	return *want == TPKT_HEADER + X224_FIXED ? INSPECT_MORE : INSPECT_NO;
}

static enum inspect_status rdp_side(const uint8_t *bytes, uint32_t length, enum flow_direction from)
{
	uint32_t want, first;
	enum inspect_status status = read_tpkt(bytes, length, &want);

	(void)from;
	if (status != INSPECT_MORE || want != TPKT_HEADER + X224_FIXED || length <= want)
		return status;
	first = want;
	status = read_tpkt(bytes + first, length - first, &want);
	return status == INSPECT_MORE && want == TPKT_HEADER + X224_FIXED ? INSPECT_NO : status;
}

static enum inspect_status rdp_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, rdp_side, note);
}

/* ---- UDP ---- */

enum {
	UDP_HEADER = 8,
	UDP_SYN_BYTES = 16,
	MTU_MIN = 1132,
	MTU_MAX = 1232,
	FLAG_SYN = 0x0001,
	FLAG_ACK = 0x0004,
	FLAG_DATA = 0x0008,
	FLAG_SYN_OTHERS = 0x1e04, /* ack, lossy, ack delayed, correlation, syn ex */
	FLAG_DATA_OTHERS = 0x01f4,
	ACK_VECTOR_MAX = 2048,
};

static bool is_syn(const uint8_t *bytes, size_t captured, size_t length)
{
	uint32_t flags, up, down;

	if (captured < UDP_SYN_BYTES || length < MTU_MIN || length > MTU_MAX)
		return false;
	flags = inspect_be16(bytes + 6);
	up = inspect_be16(bytes + 12);
	down = inspect_be16(bytes + 14);
	if (!(flags & FLAG_SYN) || (flags & ~(uint32_t)(FLAG_SYN | FLAG_SYN_OTHERS)) ||
	    up < MTU_MIN || up > MTU_MAX || down < MTU_MIN || down > MTU_MAX)
		return false;
	if (flags & FLAG_ACK)
		return true;
	return inspect_be32(bytes) == 0xffffffff;
}

/* Beyond the header and the extensions that a SYN may bear there are zeros. */
static bool is_padded(const uint8_t *bytes, size_t captured)
{
	for (size_t i = 128; i < captured; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool is_record(const uint8_t *bytes)
{
	return bytes[0] >= 20 && bytes[0] <= 23 &&
	       ((bytes[1] == 3 && bytes[2] <= 4) || (bytes[1] == 0xfe && bytes[2] >= 0xfd));
}

static bool is_data(const uint8_t *bytes, size_t length)
{
	uint32_t flags, vector, at = UDP_HEADER;

	if (length < UDP_HEADER + 2)
		return false;
	flags = inspect_be16(bytes + 6);
	if (!(flags & FLAG_DATA) || !(flags & FLAG_ACK) ||
	    (flags & ~(uint32_t)(FLAG_ACK | FLAG_DATA | FLAG_DATA_OTHERS)))
		return false;
	vector = inspect_be16(bytes + at);
	if (vector > ACK_VECTOR_MAX)
		return false;
	at += (2 + vector + 3) & ~3u;
	if (length < at + 8 + 5)
		return false;
	return inspect_be32(bytes + at) == inspect_be32(bytes + at + 4) &&
	       is_record(bytes + at + 8);
}

static enum inspect_status rdp_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (is_data(bytes, datagram->captured))
		return INSPECT_DONE;
	if (!is_syn(bytes, datagram->captured, datagram->length) ||
	    !is_padded(bytes, datagram->captured))
		return INSPECT_NO;
	/* nothing but the padding is left of a datagram that is cut: 96 bits are fixed anyhow */
	if (!(inspect_be16(bytes + 6) & FLAG_ACK) || datagram->captured == datagram->length)
		return INSPECT_DONE;
	for (unsigned i = 0; i < datagram->earlier_count; i++)
		if (datagram->earlier[i].length >= UDP_SYN_BYTES &&
		    inspect_be32(datagram->earlier[i].bytes + 8) == inspect_be32(bytes))
			return INSPECT_DONE;
	return INSPECT_NO;
}

const struct inspector inspector_rdp = {
	.name = "rdp",
	.stream = rdp_stream,
	.datagram = rdp_datagram,
};
