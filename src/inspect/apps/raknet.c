/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RakNet, the transport of many games (its sources: MessageIdentifiers.h, RakPeer.cpp,
 * ReliabilityLayer.cpp). Whatever is said before a connection stands bears a magic number of
 * sixteen bytes, at a place that the message's number tells; one such datagram is enough.
 *
 * Within a connection there is no magic. A datagram of frames whose lengths come out even says
 * little; the acknowledgement of that very number by the other side says the rest: 24 bits of
 * number, its length and its form.
 */
#include "../inspector.h"

static const uint8_t magic[16] = {0x00, 0xff, 0xff, 0x00, 0xfe, 0xfe, 0xfe, 0xfe,
				  0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78};

static uint32_t le24(const uint8_t *bytes)
{
	return (uint32_t)bytes[2] << 16 | inspect_le16(bytes);
}

/* Where the magic stands, by message number; 0: it has none. */
static unsigned magic_at(uint8_t number)
{
	switch (number) {
	case 0x01: /* unconnected ping */
	case 0x02: /* the same, if there is room */
		return 9;
	case 0x1c: /* unconnected pong */
		return 17;
	case 0x05: /* open connection request 1 and 2, and their replies */
	case 0x06:
	case 0x07:
	case 0x08:
	case 0x12: /* already connected */
	case 0x14: /* no free connections */
	case 0x17: /* banned */
	case 0x1a: /* recently connected */
		return 1;
	case 0x19: /* incompatible version */
		return 2;
	default:
		return 0;
	}
}

static bool has_magic(const uint8_t *bytes, uint32_t length, uint32_t at)
{
	return length >= at + sizeof(magic) && !memcmp(bytes + at, magic, sizeof(magic));
}

/* ---- within a connection ---- */

enum {
	FRAMES_MIN = 0x80, /* valid, and no acknowledgement */
	FRAMES_MAX = 0x8f,
	ACK = 0xc0,
	FRAMES_HEADER = 4,
	FRAME_MIN = 3,
	SPLIT = 0x10,
	SPLIT_BYTES = 10,
	RANGE_BYTES = 7,
	SINGLE_BYTES = 4,
};

/*
 * What a frame has beside its flags, its length and its content, by its reliability: 3 bytes each
 * for the number of a reliable message, of a sequence, of an order, which has a channel of 1 too.
 */
static uint32_t frame_extra(uint8_t flags)
{
	static const uint8_t extra[] = {0, 3 + 4, 3, 3 + 4, 3 + 3 + 4, 0, 3, 3 + 4};

	return extra[flags >> 5] + (flags & SPLIT ? SPLIT_BYTES : 0u);
}

/* Frames that end where the datagram ends. */
static bool is_frames(const uint8_t *bytes, uint32_t length)
{
	uint32_t at = FRAMES_HEADER;

	if (length < FRAMES_HEADER + FRAME_MIN || bytes[0] < FRAMES_MIN || bytes[0] > FRAMES_MAX)
		return false;
	while (length - at >= FRAME_MIN) {
		uint32_t bits = inspect_be16(bytes + at + 1), size;

		if (bytes[at] & 0x0f || !bits)
			return false;
		size = FRAME_MIN + frame_extra(bytes[at]) + (bits + 7) / 8;
		if (length - at < size)
			return false;
		at += size;
	}
	return at == length;
}

/* An acknowledgement, well formed; `number`: is it one of those acknowledged? */
static bool acknowledges(const uint8_t *bytes, uint32_t length, uint32_t number, bool *hit)
{
	uint32_t count, at = 3;

	*hit = false;
	if (length < 3 + SINGLE_BYTES || bytes[0] != ACK)
		return false;
	count = inspect_be16(bytes + 1);
	while (count--) {
		bool single;
		uint32_t first, last;

		if (length - at < SINGLE_BYTES || bytes[at] > 1)
			return false;
		single = bytes[at] == 1;
		if (!single && length - at < RANGE_BYTES)
			return false;
		first = le24(bytes + at + 1);
		last = single ? first : le24(bytes + at + 4);
		if (last < first)
			return false;
		*hit |= number >= first && number <= last && last - first < 256;
		at += single ? SINGLE_BYTES : RANGE_BYTES;
	}
	return at == length;
}

static enum inspect_status read_connected(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	bool frames, hit;

	if (datagram->captured < datagram->length)
		return INSPECT_NO;
	frames = is_frames(bytes, datagram->length);
	if (!frames && !acknowledges(bytes, datagram->length, 0, &hit))
		return INSPECT_NO;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *e = &datagram->earlier[i];
		bool good;

		if (e->direction == datagram->direction)
			continue;
		if (frames)
			good = acknowledges(e->bytes, e->length, le24(bytes + 1), &hit);
		else
			good = is_frames(e->bytes, e->length) &&
			       acknowledges(bytes, datagram->length, le24(e->bytes + 1), &hit);
		if (good && hit)
			return INSPECT_DONE;
	}
	return INSPECT_MORE;
}

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	unsigned at = magic_at(bytes[0]);

	(void)state;
	(void)evidence;
	if (at && has_magic(bytes, datagram->captured, at))
		return INSPECT_DONE;
	/* games that hide the number keep the magic, in a datagram as long as the path allows */
	if (datagram->length >= 1200 &&
	    (has_magic(bytes, datagram->captured, 1) || has_magic(bytes, datagram->captured, 9) ||
	     has_magic(bytes, datagram->captured, 17) || has_magic(bytes, datagram->captured, 32)))
		return INSPECT_DONE;
	return read_connected(datagram);
}

const struct inspector inspector_raknet = {
	.name = "raknet",
	.datagram = read_datagram,
};
