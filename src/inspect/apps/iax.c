/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IAX2 (RFC 5456), Asterisk's own signalling and media on one port.
 *
 * A full frame has twelve bytes of header and, if it is of type IAX, information elements that fill
 * the datagram (8.6). A call's first frame has no destination yet and both sequence numbers zero,
 * and an element or more of known size: 60 bits or so, claimed at once. Any other frame waits for
 * one of the other side with the call numbers exchanged, or for a second of the same call. Mini
 * frames (four bytes of header) say nothing, and no flow begins with one.
 */
#include "../inspector.h"

enum {
	HEADER = 12,
	CALL_BITS = 0x7fff, /* the top bit tells a full frame, and a retransmission */
	TYPE_LAST = 12,
	TYPE_IAX = 6,
	SUBCLASS_NEW = 1,
	SUBCLASS_REGREQ = 0x0d,
	SUBCLASS_REGREL = 0x11,
	SUBCLASS_POKE = 0x1e,
	SUBCLASS_FWDOWNL = 0x24,
	SUBCLASS_LAST = 0x28,
	ELEMENT_LAST = 0x38,
	WINDOW = 8, /* frames under way */
	STEP_MAX_MS = 120000,
};

struct frame {
	uint32_t source, destination; /* call numbers */
	uint32_t time_ms;
	uint8_t out, in, type, subclass;
};

static bool frame_read(const uint8_t *bytes, uint32_t length, struct frame *frame)
{
	if (length < HEADER || !(bytes[0] & 0x80))
		return false;
	*frame = (struct frame){
		.source = inspect_be16(bytes) & CALL_BITS,
		.destination = inspect_be16(bytes + 2) & CALL_BITS,
		.time_ms = inspect_be32(bytes + 4),
		.out = bytes[8],
		.in = bytes[9],
		.type = bytes[10],
		.subclass = bytes[11],
	};
	if (!frame->source || frame->type < 1 || frame->type > TYPE_LAST)
		return false;
	return frame->type != TYPE_IAX ||
	       (frame->subclass >= 1 && frame->subclass <= SUBCLASS_LAST);
}

/* The sizes that RFC 5456, 8.6 gives, plus one; 0: any. */
static const uint8_t element_sizes[ELEMENT_LAST + 1] = {
	[0x08] = 5,						    /* capability */
	[0x09] = 5,						    /* format */
	[0x0b] = 3,						    /* version */
	[0x0c] = 3, [0x0e] = 3,					    /* methods of authentication */
	[0x13] = 3, [0x14] = 3, [0x15] = 3,			    /* call number */
	[0x17] = 2, [0x18] = 3, [0x1a] = 1, [0x1b] = 5, [0x1f] = 5, /* date and time */
	[0x26] = 2, [0x27] = 2, [0x28] = 3, [0x29] = 3, [0x2a] = 2,
	[0x2b] = 3, [0x2e] = 5, /* receiver reports */
	[0x2f] = 5, [0x30] = 5, [0x31] = 3, [0x32] = 5, [0x33] = 5,
};

/* How many elements fill the bytes; -1: they do not. */
static int elements(const uint8_t *bytes, uint32_t present, uint32_t length)
{
	uint32_t at = 0;
	int count = 0;

	while (at < length) {
		uint32_t size;

		if (length - at < 2)
			return -1;
		if (present < at + 2) /* cut by the capture */
			return count;
		size = bytes[at + 1];
		if (bytes[at] < 1 || bytes[at] > ELEMENT_LAST || size > length - at - 2 ||
		    (element_sizes[bytes[at]] && element_sizes[bytes[at]] != size + 1))
			return -1;
		at += 2 + size;
		count++;
	}
	return count;
}

static bool opens_call(const struct frame *frame, int count)
{
	if (frame->destination || frame->out || frame->in)
		return false;
	switch (frame->subclass) {
	case SUBCLASS_NEW:
	case SUBCLASS_REGREQ:
	case SUBCLASS_REGREL:
	case SUBCLASS_FWDOWNL:
		return count >= 1;
	case SUBCLASS_POKE:
		return true;
	default:
		return false;
	}
}

static bool belongs(const struct inspect_datagram *datagram, const struct frame *frame)
{
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];
		struct frame before;

		if (!frame_read(earlier->bytes, earlier->length, &before))
			continue;
		/* numbered on, and in time; an answer tells what it waits for next */
		if (earlier->direction != datagram->direction
			    ? frame->destination == before.source &&
				      (frame->source == before.destination ||
				       !before.destination) &&
				      (uint8_t)(frame->in - before.out - 1) < WINDOW &&
				      memcmp(datagram->bytes, earlier->bytes, HEADER) != 0
			    : frame->destination && frame->source == before.source &&
				      frame->destination == before.destination &&
				      (frame->type == TYPE_IAX || before.type == TYPE_IAX) &&
				      (uint8_t)(frame->out - before.out) == 1 &&
				      frame->time_ms != before.time_ms &&
				      frame->time_ms - before.time_ms <= STEP_MAX_MS)
			return true;
	}
	return false;
}

static enum inspect_status iax_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	struct frame frame;
	int count = 0;

	(void)state;
	(void)evidence;
	if (!(datagram->bytes[0] & 0x80)) /* a mini frame, if there was a full one */
		return datagram->earlier_count ? INSPECT_MORE : INSPECT_NO;
	if (!frame_read(datagram->bytes, datagram->captured, &frame))
		return INSPECT_NO;
	if (frame.type == TYPE_IAX) {
		count = elements(datagram->bytes + HEADER, datagram->captured - HEADER,
				 datagram->length - HEADER);
		if (count < 0)
			return INSPECT_NO;
		if (opens_call(&frame, count))
			return INSPECT_DONE;
	}
	return belongs(datagram, &frame) ? INSPECT_DONE : INSPECT_MORE;
}

const struct inspector inspector_iax = {
	.name = "iax",
	.datagram = iax_datagram,
};
