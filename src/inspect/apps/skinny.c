/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Skinny Client Control Protocol: Cisco's phones and their call manager, TCP.
 *
 * No public specification; the frame is known from its users (Asterisk's chan_skinny, Wireshark's
 * documentation): three little-endian words, the length of what follows the second, the version
 * of the header (0, or 10 to 22 where both sides are newer), and the message's number, which is
 * the first of what the length counts.
 *
 * A single message leaves room for doubt, since many protocols begin with small little-endian
 * numbers. So it takes two messages of known numbers, one right behind the other or one from each
 * side, of which one carries something, or one that registers a device, whose name Cisco's scheme
 * prescribes. The last message of a side must not claim more bytes than can come.
 */
#include "../inspector.h"

enum {
	HEADER = 12,
	LENGTH_MAX = 4096,
	VERSION_MIN = 10,
	VERSION_MAX = 22,
	MESSAGE_REGISTER = 1,
	DEVICE_NAME = 15, /* "SEP" and a MAC address */
	MESSAGES_MAX = 32,
	WEIGHT_PROOF = 3,
};

/* Numbers of both directions as they have been in use since the protocol's first version. */
static bool message_known(uint32_t number)
{
	return number <= 0x0062 || (number >= 0x0081 && number <= 0x00a3) ||
	       (number >= 0x0100 && number <= 0x015f) || (number >= 0x8000 && number <= 0x8010);
}

static bool version_good(uint32_t version)
{
	return version == 0 || (version >= VERSION_MIN && version <= VERSION_MAX);
}

/* Whether the word at `at` can still be at most `limit`. */
static bool word_may_fit(const uint8_t *bytes, uint32_t length, uint32_t at, uint32_t limit)
{
	for (uint32_t i = 3; i > 0 && (limit >> (8 * i)) == 0; i--)
		if (at + i < length && bytes[at + i])
			return false;
	return length < at + 4 || inspect_le32(bytes + at) <= limit;
}

static bool device_good(const uint8_t *name, uint32_t length)
{
	if (length < DEVICE_NAME || memcmp(name, "SEP", 3) != 0)
		return false;
	for (uint32_t i = 3; i < DEVICE_NAME; i++)
		if (!((name[i] >= '0' && name[i] <= '9') || (name[i] >= 'A' && name[i] <= 'F')))
			return false;
	return true;
}

/* What the messages of one side say; *broken: something else follows them. */
static unsigned weigh(const uint8_t *bytes, uint32_t length, bool *broken)
{
	unsigned weight = 0, messages = 0;
	uint32_t at = 0;

	while (at < length && messages < MESSAGES_MAX) {
		const uint8_t *message = bytes + at;
		uint32_t left = length - at, size, version, number;

		if (!word_may_fit(message, left, 0, LENGTH_MAX) ||
		    !word_may_fit(message, left, 4, VERSION_MAX) ||
		    !word_may_fit(message, left, 8, 0xffff)) {
			*broken = true;
			return weight;
		}
		if (left < HEADER)
			return weight;
		size = inspect_le32(message);
		version = inspect_le32(message + 4);
		number = inspect_le32(message + 8);
		if (size < 4 || size % 4 || !version_good(version) || !message_known(number) ||
		    (number == MESSAGE_REGISTER && size < 4 + DEVICE_NAME)) {
			*broken = true;
			return weight;
		}
		if (number == MESSAGE_REGISTER && device_good(message + HEADER, left - HEADER))
			return WEIGHT_PROOF;
		if (size > left - 8)
			return weight;
		/* an empty message is mostly zeros, as number 0 is: no evidence by itself */
		weight += size > 4 && number ? 2 : version ? 1 : 0;
		at += 8 + size;
		messages++;
	}
	return weight;
}

static bool is_echo(const struct inspect_stream *stream)
{
	return stream->length[0] >= HEADER && stream->length[1] >= HEADER &&
	       !memcmp(stream->bytes[0], stream->bytes[1], HEADER);
}

static enum inspect_status skinny_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	unsigned weight = 0;
	bool broken = false;

	(void)evidence;
	(void)note;
	for (unsigned d = 0; d < 2; d++) {
		unsigned side = weigh(stream->bytes[d], stream->length[d], &broken);

		/* what is sent back says nothing new */
		weight = d && is_echo(stream) ? (side > weight ? side : weight) : weight + side;
	}
	/* what came before the fault stays proof, or the answer would depend on the segments */
	if (weight >= WEIGHT_PROOF)
		return INSPECT_DONE;
	return broken ? INSPECT_NO : INSPECT_MORE;
}

const struct inspector inspector_skinny = {
	.name = "skinny",
	.stream = skinny_stream,
};
