/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * T.38 fax over UDPTL (ITU-T T.38, 9.1): a sequence number, a packet, and copies of those before.
 *
 * Headers are two bytes, so one datagram says little. Proof is redundancy: a secondary packet, when
 * it is not empty, must be the primary of the datagram before, byte by byte. Two such agreements,
 * with sequence numbers that count on and lengths that fill the datagram, are awaited; indicators
 * are one byte each, so only packets of three bytes or more count.
 */
#include "../inspector.h"

enum {
	HEADER = 3,
	SECONDARIES_MAX = 8,
	EVIDENCE_BYTES = 3,
	AGREEMENTS = 2,
	LENGTH_MAX = 127, /* longer ones take two bytes of length, which no fax needs for data of 40
			     ms */
};

struct udptl {
	uint32_t sequence;
	const uint8_t *primary, *secondary; /* the newest secondary, NULL if there is none */
	uint32_t primary_length, secondary_length;
};

/* False: it is not UDPTL with redundancy. */
static bool udptl_read(const uint8_t *bytes, uint32_t length, struct udptl *udptl)
{
	uint32_t at = HEADER, count;

	memset(udptl, 0, sizeof(*udptl));
	if (length < HEADER + 3 || bytes[2] > LENGTH_MAX || !bytes[2] ||
	    bytes[2] > length - HEADER - 2)
		return false;
	udptl->sequence = inspect_be16(bytes);
	udptl->primary = bytes + HEADER;
	udptl->primary_length = bytes[2];
	at += bytes[2];
	if (bytes[at] != 0) /* 0x80: forward error correction */
		return false;
	count = bytes[at + 1];
	at += 2;
	if (count > SECONDARIES_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (at == length || bytes[at] > length - at - 1)
			return false;
		if (!i) {
			udptl->secondary = bytes + at + 1;
			udptl->secondary_length = bytes[at];
		}
		at += 1u + bytes[at];
	}
	return at == length;
}

/* Whether `next` repeats `last`. */
static bool repeats(const struct udptl *next, const struct udptl *last)
{
	return next->secondary && next->secondary_length >= EVIDENCE_BYTES &&
	       next->secondary_length == last->primary_length &&
	       (uint16_t)(next->sequence - last->sequence) == 1 &&
	       !memcmp(next->secondary, last->primary, last->primary_length);
}

static enum inspect_status t38_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	unsigned agreements = 0;
	struct udptl now, last;
	bool have = false;

	(void)state;
	(void)evidence;
	if (datagram->captured < datagram->length ||
	    !udptl_read(datagram->bytes, datagram->length, &now))
		return INSPECT_NO;
	for (unsigned i = 0; i <= datagram->earlier_count; i++) {
		struct udptl next = now;

		if (i < datagram->earlier_count) {
			if (datagram->earlier[i].direction != datagram->direction ||
			    !udptl_read(datagram->earlier[i].bytes, datagram->earlier[i].length,
					&next))
				continue;
		}
		agreements += have && repeats(&next, &last);
		last = next;
		have = true;
	}
	return agreements >= AGREEMENTS ? INSPECT_DONE : INSPECT_MORE;
}

const struct inspector inspector_t38 = {
	.name = "t38",
	.datagram = t38_datagram,
};
