/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uTP, BitTorrent's transport over UDP (BEP 29).
 *
 * Its header has no magic number: a type of five and a version of one in the first byte, a chain of
 * extensions, then numbers. Proof is that the numbers of two packets belong together.
 *
 *  - The other side's packet: connection ids differ by one, or are the same where a SYN is
 *    answered, and each acknowledges what the other has just sent. That is some 45 bits that could
 *    have been otherwise, above the 12 of each header.
 *  - The same side's packets, where nothing came back: one id, a clock that goes on, sequence and
 *    acknowledgement numbers that stand or count on, and not everything standing still. That is
 * some 50 bits a pair; two pairs are asked for, since a neighbour may well count something too.
 *  - A SYN as libutp sends it, alone: its sequence begins at 1, it acknowledges nothing, it has no
 *    delay to tell, and there is nothing behind the header.
 *  - A peer's handshake as the payload.
 */
#include "bittorrent.h"

enum {
	TYPE_DATA,
	TYPE_FIN,
	TYPE_STATE,
	TYPE_RESET,
	TYPE_SYN,
	VERSION = 1,
	HEADER_BYTES = 20,
	OLD_HEADER_BYTES = 23, /* before BEP 29 */
	EXTENSION_MAX = 4,     /* 1: selective ack, 2: bits, 3: close reason */
	NEAR = 512,	       /* packets */
	PAUSE_MAX_US = 1 << 26,
	WINDOW_MAX_BYTES = 1 << 26,
	PAIRS_NEEDED = 2,
};

struct header {
	uint8_t type;
	uint16_t id, sequence, acknowledged;
	uint32_t clock_us, delay_us, window_bytes;
	uint32_t length; /* with its extensions */
};

static bool read_header(const uint8_t *bytes, uint32_t captured, struct header *header)
{
	uint8_t extension;

	if (captured < HEADER_BYTES || (bytes[0] & 15) != VERSION || bytes[0] >> 4 > TYPE_SYN)
		return false;
	header->type = bytes[0] >> 4;
	header->id = (uint16_t)inspect_be16(bytes + 2);
	header->clock_us = inspect_be32(bytes + 4);
	header->delay_us = inspect_be32(bytes + 8);
	header->window_bytes = inspect_be32(bytes + 12);
	header->sequence = (uint16_t)inspect_be16(bytes + 16);
	header->acknowledged = (uint16_t)inspect_be16(bytes + 18);
	header->length = HEADER_BYTES;
	extension = bytes[1];
	while (extension) {
		uint32_t size;

		if (extension >= EXTENSION_MAX || captured - header->length < 2)
			return false;
		extension = bytes[header->length];
		size = 2 + bytes[header->length + 1];
		if (size == 2 || captured - header->length < size)
			return false;
		header->length += size;
	}
	/* after the SYN each side has a sequence, and has acknowledged the other's */
	return header->clock_us && header->window_bytes < WINDOW_MAX_BYTES &&
	       (header->type == TYPE_SYN || (header->sequence && header->acknowledged));
}

static bool near(uint16_t a, uint16_t b)
{
	int16_t apart = (int16_t)(a - b);

	return apart > -NEAR && apart < NEAR;
}

/* A SYN: it has seen nothing that it could acknowledge or measure. */
static bool is_first(const struct header *header)
{
	return header->type == TYPE_SYN && header->sequence && !header->acknowledged &&
	       !header->delay_us && header->window_bytes && header->id;
}

/* Of two sides: the ids are a pair, and each knows where the other is. */
static bool agree(const struct header *one, const struct header *other)
{
	uint16_t apart = (uint16_t)(one->id - other->id);

	if (one->type == TYPE_SYN) /* it knows of nobody yet, and is answered under its own id */
		return !apart && is_first(one) && other->type == TYPE_STATE &&
		       other->acknowledged == one->sequence;
	if (other->type == TYPE_SYN)
		return agree(other, one);
	if (apart != 1 && apart != UINT16_MAX)
		return false;
	return near(one->acknowledged, other->sequence) && near(other->acknowledged, one->sequence);
}

/* Delays differ by what the queues on the way do, not by more. */
static bool jumps(uint32_t before_us, uint32_t later_us)
{
	int32_t apart = (int32_t)(later_us - before_us);

	return apart > PAUSE_MAX_US || apart < -PAUSE_MAX_US;
}

/* Of one side: what comes later goes on from what came before. */
static bool goes_on(const struct header *before, const struct header *later)
{
	uint16_t id = (uint16_t)(later->id - before->id);
	bool after_syn = before->type == TYPE_SYN && later->type != TYPE_SYN;
	uint32_t pause = later->clock_us - before->clock_us;
	bool stands =
		later->sequence == before->sequence && later->acknowledged == before->acknowledged;

	if (id != (after_syn ? 1 : 0) || !pause || pause > PAUSE_MAX_US ||
	    (before->delay_us && later->delay_us && jumps(before->delay_us, later->delay_us)))
		return false;
	if (stands) /* a SYN again; or else the clock and the delay are what differs */
		return later->type == before->type && later->window_bytes == before->window_bytes;
	return near(later->sequence, before->sequence) &&
	       (after_syn || near(later->acknowledged, before->acknowledged));
}

static bool is_lone_syn(const struct header *header, uint32_t length)
{
	return is_first(header) && header->sequence == 1 && length == header->length;
}

static bool carries_handshake(const struct inspect_datagram *datagram, uint32_t at)
{
	return datagram->captured > at &&
	       inspect_begins(datagram->bytes + at, datagram->captured - at,
			      "\x13"
			      "BitTorrent protocol",
			      20) == INSPECT_DONE;
}

enum inspect_status bittorrent_utp(const struct inspect_datagram *datagram)
{
	struct header header, earlier, before[2] = {0};
	bool seen[2] = {false, false};
	unsigned pairs = 0;
	bool moves = false;

	if (carries_handshake(datagram, OLD_HEADER_BYTES))
		return INSPECT_DONE;
	if (!read_header(datagram->bytes, datagram->captured, &header))
		return INSPECT_NO;
	if (carries_handshake(datagram, header.length) || is_lone_syn(&header, datagram->length))
		return INSPECT_DONE;
	for (unsigned i = 0; i <= datagram->earlier_count; i++) {
		bool last = i == datagram->earlier_count;
		const struct inspect_earlier *e = last ? NULL : &datagram->earlier[i];
		unsigned d = last ? datagram->direction : e->direction;

		if (last)
			earlier = header;
		else if (!read_header(e->bytes, e->length, &earlier))
			continue; /* another kind of datagram; this one is uTP's or nobody's */
		if (seen[!d] && agree(&before[!d], &earlier))
			return INSPECT_DONE;
		if (seen[d] && goes_on(&before[d], &earlier)) {
			pairs++;
			moves |= earlier.sequence != before[d].sequence ||
				 earlier.acknowledged != before[d].acknowledged ||
				 earlier.type == TYPE_SYN;
		} else if (seen[d]) {
			pairs = 0;
		}
		before[d] = earlier;
		seen[d] = true;
	}
	return pairs >= PAIRS_NEEDED && moves ? INSPECT_DONE : INSPECT_MORE;
}
