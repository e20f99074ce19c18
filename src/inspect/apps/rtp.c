/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTP and RTCP (RFC 3550), also as SRTP and SRTCP (RFC 3711), whose headers are in plain text.
 *
 * One RTP header proves nothing: two bits of version and a payload type. Two of one side with the
 * same SSRC, sequence numbers at most 16 apart and timestamps that moved by less than a minute or
 * so do: some 55 bits agree. Packets of one video frame share a timestamp, so where it did not
 * move, or the SSRC is zero, which other protocols' headers have at this place, it takes four.
 * MPEG-TS names itself: payload type 33, and 0x47 every 188 bytes (RFC 2250).
 *
 * RTCP is claimed at once when a compound of two or more packets fills the datagram to the byte,
 * each with the size that its counts ask for, or when SRTCP's index, with its E bit, stands where
 * the authentication tag leaves it. A single packet that fits waits for a second one of the same
 * SSRC.
 *
 * Both may share the ports (RFC 5761), so each lets the other pass. RTP's types 64 to 95 would be
 * RTCP's, and are not used. Anything else ends the question: what comes before media (STUN, DTLS)
 * has a name already, but a few bytes that open a way through a NAT, and ZRTP, say nothing.
 */
#include "../inspector.h"

enum {
	RTP_HEADER = 12,
	SEQUENCE_AT = 2,
	TIMESTAMP_AT = 4,
	SSRC_AT = 8,
	SEQUENCE_STEP_MAX = 16,
	TIMESTAMP_STEP_MAX = 1 << 23, /* 93 s of video */
	WEAK_STEPS = 3,
	TYPE_MPEG_TS = 33,
	TS_PACKET = 188,
	TS_SYNC = 0x47,
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
	RTCP_LAST = 211,
	SR_WORDS = 6, /* behind the header's first */
	RR_WORDS = 1,
	REPORT_WORDS = 6,
	SR_BYTES = 4 + 4 * SR_WORDS,
	SENT_PACKETS_AT = 20,
	SENT_PACKETS_MAX = 1 << 20,
	PACKET_MAX = 1500,
	SRTCP_CLEAR = 8,
	SRTCP_INDEX_MAX = 1 << 20,
	KEEPALIVE_MAX = 4,
	ZRTP_COOKIE = 0x5a525450,
};

/* A datagram as far as it is known: of an earlier one, what is kept counts as its length. */
struct piece {
	const uint8_t *bytes;
	uint32_t present, length;
};

static bool version_2(const struct piece *piece)
{
	return (piece->bytes[0] & 0xc0) == 0x80;
}

/* What opens a way through a NAT, or keeps it open, and is no protocol: zeros, or ends of lines. */
static bool is_keepalive(const struct piece *piece)
{
	const uint8_t *bytes = piece->bytes;

	if (piece->length >= 20 && piece->present >= 8 && bytes[0] == 0x10 &&
	    inspect_be32(bytes + 4) == ZRTP_COOKIE)
		return true;
	if (piece->length > KEEPALIVE_MAX)
		return false;
	for (uint32_t i = 0; i < piece->present; i++)
		if (bytes[i] && bytes[i] != '\r' && bytes[i] != '\n')
			return false;
	return true;
}

/* ---- RTP ---- */

static bool rtp_good(const struct piece *piece)
{
	const uint8_t *bytes = piece->bytes;
	uint32_t type, size;

	if (piece->present < RTP_HEADER || !version_2(piece))
		return false;
	type = bytes[1] & 0x7f;
	size = RTP_HEADER + 4u * (bytes[0] & 0x0f);
	if ((type >= 64 && type <= 95) || size > piece->length)
		return false;
	if (!(bytes[0] & 0x10) || piece->present < size + 4)
		return piece->length >= size;
	return size + 4 + 4 * inspect_be16(bytes + size + 2) <= piece->length;
}

static bool mpeg_ts_good(const struct piece *piece)
{
	uint32_t at = RTP_HEADER, packets = 0;

	if ((piece->bytes[0] & 0x1f) || (piece->bytes[1] & 0x7f) != TYPE_MPEG_TS ||
	    piece->length <= RTP_HEADER || (piece->length - RTP_HEADER) % TS_PACKET)
		return false;
	for (; at < piece->present; at += TS_PACKET, packets++)
		if (piece->bytes[at] != TS_SYNC)
			return false;
	return packets >= 2;
}

/* How much two packets of one side say that they belong together: 0, 1, or enough. */
static unsigned step_weight(const uint8_t *before, const uint8_t *bytes)
{
	int16_t sequence =
		(int16_t)(inspect_be16(bytes + SEQUENCE_AT) - inspect_be16(before + SEQUENCE_AT));
	int32_t time =
		(int32_t)(inspect_be32(bytes + TIMESTAMP_AT) - inspect_be32(before + TIMESTAMP_AT));
	uint32_t source = inspect_be32(bytes + SSRC_AT);

	if (source != inspect_be32(before + SSRC_AT) || !sequence || sequence > SEQUENCE_STEP_MAX ||
	    sequence < -SEQUENCE_STEP_MAX || time > TIMESTAMP_STEP_MAX ||
	    time < -TIMESTAMP_STEP_MAX)
		return 0;
	if (!source && !time)
		return 0; /* any counter among zeros */
	return source && time ? WEAK_STEPS : 1;
}

static enum inspect_status rtp_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	struct piece piece = {datagram->bytes, datagram->captured, datagram->length};
	unsigned weight = 0;

	(void)state;
	(void)evidence;
	if (is_keepalive(&piece))
		return INSPECT_MORE;
	if (!rtp_good(&piece)) /* RTCP has the version too */
		return version_2(&piece) && datagram->length >= SRTCP_CLEAR ? INSPECT_MORE
									    : INSPECT_NO;
	if (mpeg_ts_good(&piece))
		return INSPECT_DONE;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];
		struct piece before = {earlier->bytes, earlier->length, earlier->length};

		if (earlier->direction == datagram->direction && rtp_good(&before))
			weight += step_weight(before.bytes, piece.bytes);
	}
	return weight >= WEAK_STEPS ? INSPECT_DONE : INSPECT_MORE;
}

/* ---- RTCP ---- */

/* The words behind its first that a packet of this type has at least. */
static uint32_t words_wanted(uint8_t type, uint32_t count)
{
	switch (type) {
	case RTCP_SR:
		return SR_WORDS + REPORT_WORDS * count;
	case RTCP_RR:
		return RR_WORDS + REPORT_WORDS * count;
	case RTCP_SDES:
		return 2 * count; /* each with a source, and an item or its end */
	case RTCP_BYE:
		return count;
	case RTCP_APP:
		return 2;
	default:
		return 1;
	}
}

/* The packet at the front; its size in bytes, 0 when it is none. Four bytes are present. */
static uint32_t rtcp_size(const uint8_t *bytes, uint32_t length)
{
	uint32_t words = inspect_be16(bytes + 2), size = 4 + 4 * words;

	if ((bytes[0] & 0xc0) != 0x80 || bytes[1] < RTCP_SR || bytes[1] > RTCP_LAST ||
	    words < words_wanted(bytes[1], bytes[0] & 0x1f) || size > length)
		return 0;
	return size;
}

/* How many packets fill the datagram; 0: they do not. */
static unsigned compound(const struct piece *piece)
{
	uint32_t at = 0, size;
	unsigned count = 0;

	while (at < piece->length) {
		if (at + 4 > piece->present) /* cut by the capture */
			return at < piece->present || piece->present == piece->length ? 0 : count;
		size = rtcp_size(piece->bytes + at, piece->length - at);
		if (!size)
			return 0;
		at += size;
		count++;
		if ((piece->bytes[at - size] & 0x20) && at < piece->length)
			return 0; /* only the last has padding */
	}
	return count;
}

/*
 * SRTCP (RFC 3711, 3.4; RFC 7714, 9): the first packet's header and SSRC are in clear, then all is
 * encrypted, up to the word of E bit and index. Tags are of 10 or 4 bytes behind the index, or of
 * 16 before it; a master key identifier of 1 or 4 may stand between.
 */
static bool srtcp_good(const struct piece *piece)
{
	static const uint8_t from_end[] = {14, 8, 4, 15, 18};
	const uint8_t *bytes = piece->bytes;
	uint32_t size;

	if (piece->present != piece->length || piece->length < SRTCP_CLEAR + 8 ||
	    (bytes[1] != RTCP_SR && bytes[1] != RTCP_RR) || (bytes[0] & 0x20))
		return false;
	size = rtcp_size(bytes, piece->length);
	if (!size)
		return false;
	for (size_t i = 0; i < sizeof(from_end); i++) {
		uint32_t rest = piece->length - from_end[i], index;

		if (rest < size || rest % 4)
			continue;
		index = inspect_be32(bytes + rest);
		if (index & 0x80000000 && (index & 0x7fffffff) < SRTCP_INDEX_MAX)
			return true;
	}
	return false;
}

/* A sender's report alone: packets and bytes sent agree, as far as a packet can be large. */
static bool report_good(const struct piece *piece)
{
	const uint8_t *bytes = piece->bytes;
	uint32_t packets, octets;

	if (bytes[1] != RTCP_SR || bytes[0] & 0x20 || piece->present < SR_BYTES ||
	    4 * (1 + words_wanted(RTCP_SR, bytes[0] & 0x1f)) != piece->length)
		return false;
	packets = inspect_be32(bytes + SENT_PACKETS_AT);
	octets = inspect_be32(bytes + SENT_PACKETS_AT + 4);
	return packets < SENT_PACKETS_MAX && octets <= packets * PACKET_MAX;
}

static bool rtcp_seen_before(const struct inspect_datagram *datagram)
{
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];

		if (earlier->direction == datagram->direction && earlier->length >= SRTCP_CLEAR &&
		    rtcp_size(earlier->bytes, earlier->length) &&
		    !memcmp(earlier->bytes + 4, datagram->bytes + 4, 4))
			return true;
	}
	return false;
}

static enum inspect_status rtcp_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	struct piece piece = {datagram->bytes, datagram->captured, datagram->length};
	unsigned packets;

	(void)state;
	(void)evidence;
	if (is_keepalive(&piece))
		return INSPECT_MORE;
	if (!version_2(&piece) || piece.length < SRTCP_CLEAR)
		return INSPECT_NO;
	if (piece.present < SRTCP_CLEAR)
		return INSPECT_MORE;
	packets = compound(&piece);
	if (packets >= 2 || srtcp_good(&piece) || (packets && report_good(&piece)))
		return INSPECT_DONE;
	if (packets || ((piece.bytes[1] == RTCP_SR || piece.bytes[1] == RTCP_RR) &&
			rtcp_size(piece.bytes, piece.length)))
		return rtcp_seen_before(datagram) ? INSPECT_DONE : INSPECT_MORE;
	return rtp_good(&piece) ? INSPECT_MORE : INSPECT_NO;
}

const struct inspector inspector_rtp = {
	.name = "rtp",
	.datagram = rtp_datagram,
	INSPECT_BEGINS("\0\0\n\n\r\r\x10\x10\x80\xbf"),
};

const struct inspector inspector_rtcp = {
	.name = "rtcp",
	.datagram = rtcp_datagram,
	INSPECT_BEGINS("\0\0\n\n\r\r\x10\x10\x80\xbf"),
};
