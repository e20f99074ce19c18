/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * STUN and TURN (RFC 8489, 8656), their forerunners without a magic cookie (RFC 3489,
 * draft-rosenberg-midcom-turn, [MS-TURN]), and what TURN wraps in channels.
 *
 * With the cookie a message is claimed at once: 32 bits of it, and a length that fills the
 * datagram. Without it the attributes must form a chain that ends where the message does, and each
 * that is known must have the length and the address family that the RFC gives it. A message
 * without cookie and attributes is 20 bytes of which four are known: it waits for the answer, which
 * returns its transaction id.
 *
 * ChannelData (RFC 8656, 12.4) is a number and a length, as much else is: it is claimed for what it
 * wraps, a STUN message or a DTLS record.
 *
 * Over TCP the same message stands alone, behind two bytes of length (RFC 4571, 6544) or behind
 * the four of [MS-TURN] 2.2.
 *
 * DTLS may come on the same ports (RFC 7983), and is then what the flow is for. RTP comes too, but
 * names nothing that STUN has not named.
 */
#include "../inspector.h"

enum {
	HEADER = 20,
	TRANSACTION_AT = 4,
	TRANSACTION = 16, /* the cookie's place included */
	COOKIE = 0x2112a442,
	CLASS_BITS = 0x0110,
	CHANNEL_HEADER = 4,
	CHANNEL_MIN = 0x4000,
	CHANNEL_MAX = 0x7fff,
	DTLS_HEADER = 13,
	STREAM_MESSAGE_MAX = 2048,
	MS_CONTROL = 0x0200, /* [MS-TURN] 2.2: type, and a reserved zero */
};

enum attribute {
	MAPPED_ADDRESS = 0x0001,
	RESPONSE_ADDRESS = 0x0002,
	CHANGE_REQUEST = 0x0003,
	SOURCE_ADDRESS = 0x0004,
	CHANGED_ADDRESS = 0x0005,
	MESSAGE_INTEGRITY = 0x0008,
	REFLECTED_FROM = 0x000b,
	LIFETIME = 0x000d,
	MS_COOKIE = 0x000f,
	XOR_MAPPED_ADDRESS = 0x0020,
	XOR_MAPPED_ADDRESS_OLD = 0x8020, /* before RFC 5389 */
	FINGERPRINT = 0x8028,
	OTHER_ADDRESS = 0x802c,
};

enum sight {
	SIGHT_NOT,
	SIGHT_FITS, /* a length that adds up, no more */
	SIGHT_PROOF,
};

/* Methods of RFC 3489, 8489, 8656, 6062; the type's class bits are taken out. */
static bool method_known(uint32_t type)
{
	uint32_t method = type & ~(uint32_t)CLASS_BITS;

	return method >= 1 && method <= 0x0c && method != 5;
}

static bool address_good(const uint8_t *value, uint32_t length)
{
	return value[0] == 0 && ((length == 8 && value[1] == 1) || (length == 20 && value[1] == 2));
}

/* False: the attribute is known, and is not like this. */
static bool attribute_good(uint32_t type, const uint8_t *value, uint32_t length)
{
	switch (type) {
	case 0:
		return false;
	case MAPPED_ADDRESS:
	case RESPONSE_ADDRESS:
	case SOURCE_ADDRESS:
	case CHANGED_ADDRESS:
	case REFLECTED_FROM:
	case XOR_MAPPED_ADDRESS:
	case XOR_MAPPED_ADDRESS_OLD:
	case OTHER_ADDRESS:
		return length >= 8 && address_good(value, length);
	case CHANGE_REQUEST:
		return length == 4 && !inspect_be24(value) && !(value[3] & ~6);
	case LIFETIME:
	case FINGERPRINT:
		return length == 4;
	case MESSAGE_INTEGRITY:
		return length == 20;
	case MS_COOKIE:
		return length == 4 && inspect_be32(value) == 0x72c64bc6;
	default:
		return true;
	}
}

/* Those of which more than the length is known. */
static bool attribute_bound(uint32_t type)
{
	return (type >= MAPPED_ADDRESS && type <= MESSAGE_INTEGRITY) || type == REFLECTED_FROM ||
	       type == LIFETIME || type == MS_COOKIE || type == XOR_MAPPED_ADDRESS ||
	       type == XOR_MAPPED_ADDRESS_OLD || type == FINGERPRINT || type == OTHER_ADDRESS;
}

/*
 * Attributes that fill `length` bytes, of which `present` are there. `bound`: one
 * at least must be of those whose values are known, where no datagram's end bounds the chain.
 * Values are padded to four bytes; [MS-TURN] does not pad.
 */
static bool chain_good(const uint8_t *bytes, uint32_t present, uint32_t length, bool padded,
		       bool bound)
{
	bool enough = !bound;
	uint32_t at = 0;

	while (at < length) {
		uint32_t size, step;

		if (length - at < 4)
			return false;
		if (at > present || present - at < 4)
			return at && enough; /* the capture is cut */
		size = inspect_be16(bytes + at + 2);
		step = padded ? (size + 3) & ~3u : size;
		if (step > length - at - 4)
			return false;
		if (present - at - 4 < size)
			return at && enough;
		if (!attribute_good(inspect_be16(bytes + at), bytes + at + 4, size))
			return false;
		enough |= attribute_bound(inspect_be16(bytes + at));
		at += 4 + step;
	}
	return length && enough;
}

/* A message at the front of `length` bytes, of which `present` are there. *size: its own. */
static enum sight read_message(const uint8_t *bytes, uint32_t present, uint32_t length, bool bound,
			       uint32_t *size)
{
	uint32_t type, rest;

	if (length < HEADER || present < HEADER)
		return SIGHT_NOT;
	type = inspect_be16(bytes);
	rest = inspect_be16(bytes + 2);
	*size = HEADER + rest;
	if (type > 0x3fff || !type || *size > length)
		return SIGHT_NOT;
	if (inspect_be32(bytes + TRANSACTION_AT) == COOKIE && rest % 4 == 0 &&
	    (*size == length || method_known(type)))
		return SIGHT_PROOF;
	if (!method_known(type))
		return SIGHT_NOT;
	if (!rest)
		return *size == length ? SIGHT_FITS : SIGHT_NOT;
	present = present < *size ? present - HEADER : rest;
	if (*size == length && (chain_good(bytes + HEADER, present, rest, true, bound) ||
				chain_good(bytes + HEADER, present, rest, false, bound)))
		return SIGHT_PROOF;
	return SIGHT_NOT;
}

/* ChannelData that holds what names it. */
static bool channel_good(const uint8_t *bytes, uint32_t present, uint32_t length)
{
	uint32_t channel, inner, size;

	if (present < CHANNEL_HEADER + HEADER)
		return false;
	channel = inspect_be16(bytes);
	inner = inspect_be16(bytes + 2);
	if (channel < CHANNEL_MIN || channel > CHANNEL_MAX || inner > length - CHANNEL_HEADER ||
	    length - CHANNEL_HEADER - inner > 3)
		return false;
	bytes += CHANNEL_HEADER;
	present -= CHANNEL_HEADER;
	if (present > inner)
		present = inner;
	if (present >= HEADER && inspect_be32(bytes + TRANSACTION_AT) == COOKIE)
		return read_message(bytes, present, inner, false, &size) == SIGHT_PROOF &&
		       size == inner;
	return present >= DTLS_HEADER && bytes[0] >= 20 && bytes[0] <= 23 && bytes[1] == 0xfe &&
	       (bytes[2] == 0xff || bytes[2] == 0xfd) &&
	       DTLS_HEADER + inspect_be16(bytes + 11) <= inner;
}

/* An earlier message of the other side with this transaction: a question, and the answer to it. */
static bool answers(const struct inspect_datagram *datagram)
{
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];
		uint32_t type, before;

		if (earlier->direction == datagram->direction || earlier->length < HEADER ||
		    memcmp(earlier->bytes + TRANSACTION_AT, datagram->bytes + TRANSACTION_AT,
			   TRANSACTION) != 0)
			continue;
		type = inspect_be16(datagram->bytes);
		before = inspect_be16(earlier->bytes);
		if ((type & ~(uint32_t)CLASS_BITS) == (before & ~(uint32_t)CLASS_BITS) &&
		    (type & CLASS_BITS) != (before & CLASS_BITS))
			return true;
	}
	return false;
}

static enum inspect_status stun_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	uint32_t size = 0;

	(void)state;
	(void)evidence;
	switch (read_message(datagram->bytes, datagram->captured, datagram->length, false, &size)) {
	case SIGHT_PROOF:
		return INSPECT_DONE;
	case SIGHT_FITS:
		return answers(datagram) ? INSPECT_DONE : INSPECT_MORE;
	case SIGHT_NOT:
		break;
	}
	if (channel_good(datagram->bytes, datagram->captured, datagram->length))
		return INSPECT_DONE;
	return INSPECT_NO;
}

/* ---- TCP ---- */

/*
 * A message of `length` bytes, framing taken off, `present` of which are there. The stream has no
 * end to compare with, so without the cookie only a frame tells the length.
 */
static enum inspect_status judge(const uint8_t *bytes, uint32_t present, uint32_t length)
{
	uint32_t size;

	if (length < HEADER || length > STREAM_MESSAGE_MAX || length % 4)
		return INSPECT_NO;
	if (present && bytes[0] > CLASS_BITS >> 8)
		return INSPECT_NO;
	if (present > 1 && !method_known(inspect_be16(bytes)))
		return INSPECT_NO;
	if (present >= 4 && inspect_be16(bytes + 2) + HEADER != length)
		return INSPECT_NO;
	if (present < HEADER)
		return INSPECT_MORE;
	if (inspect_be32(bytes + TRANSACTION_AT) != COOKIE && present < length)
		return INSPECT_MORE;
	return read_message(bytes, present < length ? present : length, length, true, &size) ==
			       SIGHT_PROOF
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

/* The message as it is: its cookie proves it, or its attributes do. */
static enum inspect_status read_bare(const uint8_t *bytes, uint32_t length)
{
	if (length < 4) /* the methods that are known have bits in the last five only */
		return bytes[0] > CLASS_BITS >> 8 ? INSPECT_NO : INSPECT_MORE;
	if (!method_known(inspect_be16(bytes)))
		return INSPECT_NO;
	return judge(bytes, length, HEADER + inspect_be16(bytes + 2));
}

static enum inspect_status read_framed(const uint8_t *bytes, uint32_t length)
{
	uint32_t frame;

	if (length < 2)
		return bytes[0] <= STREAM_MESSAGE_MAX >> 8 ? INSPECT_MORE : INSPECT_NO;
	frame = inspect_be16(bytes);
	if (frame < HEADER || frame > STREAM_MESSAGE_MAX)
		return INSPECT_NO;
	return judge(bytes + 2, length - 2, frame);
}

static enum inspect_status read_ms(const uint8_t *bytes, uint32_t length)
{
	if (bytes[0] != MS_CONTROL >> 8 || (length > 1 && bytes[1]))
		return INSPECT_NO;
	return length < 4 ? INSPECT_MORE : judge(bytes + 4, length - 4, inspect_be16(bytes + 2));
}

static enum inspect_status stun_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status best = INSPECT_NO;
	bool seen = false;

	(void)evidence;
	(void)note;
	for (unsigned d = 0; d < 2; d++) {
		enum inspect_status ways[3];

		if (!stream->length[d])
			continue;
		seen = true;
		ways[0] = read_bare(stream->bytes[d], stream->length[d]);
		ways[1] = read_framed(stream->bytes[d], stream->length[d]);
		ways[2] = read_ms(stream->bytes[d], stream->length[d]);
		for (unsigned i = 0; i < 3; i++)
			if (ways[i] > best)
				best = ways[i];
	}
	return seen ? best : INSPECT_MORE;
}

extern const struct inspector inspector_dtls;

const struct inspector inspector_stun = {
	.name = "stun",
	.stream = stun_stream,
	.datagram = stun_datagram,
	INSPECT_BEGINS("\x00\x7f"),
	.follower = &inspector_dtls,
};
