/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Oracle's TNS, as packet dissectors know it; Oracle has published no specification of it. A packet
 * has eight bytes: length, a checksum that is zero, type, flags, and a second checksum that is
 * zero.
 *
 * Connect (1): versions, and where in the packet its text begins and how long it is: up to the
 * end, or beyond it in a packet of its own. Accept (2), refuse (4) and redirect (5) have lengths
 * that must add up likewise. Each is enough alone. Data (6) is, where it begins with the mark of
 * the native services, or when each of two packets is whole and the second follows on the first or
 * answers it.
 */
#include <string.h>

#include "sides.h"

enum {
	TYPE_CONNECT = 1,
	TYPE_ACCEPT = 2,
	TYPE_REFUSE = 4,
	TYPE_REDIRECT = 5,
	TYPE_DATA = 6,

	HEADER_BYTES = 8,
	VERSION_MIN = 300,
	VERSION_MAX = 330,
	VERSION_WIDE = 315, /* lengths of four bytes from here on, once accepted */
	CONNECT_FIXED = 34,
	ACCEPT_FIXED = 24,
	ACCEPT_MAX = 1024, /* without a text, which would fill it */
	DATA_FIXED = 10,
};

static enum inspect_status read_connect(const uint8_t *bytes, uint32_t length, uint32_t size)
{
	uint32_t text, at;

	if (size < CONNECT_FIXED)
		return INSPECT_NO;
	if (length < CONNECT_FIXED)
		return INSPECT_MORE;
	text = inspect_be16(bytes + 24);
	at = inspect_be16(bytes + 26);
	if (inspect_be16(bytes + 8) < VERSION_MIN || inspect_be16(bytes + 8) > VERSION_MAX ||
	    inspect_be16(bytes + 10) > inspect_be16(bytes + 8) || at < CONNECT_FIXED || at > size)
		return INSPECT_NO;
	return at + text == size || at == size ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_accept(const uint8_t *bytes, uint32_t length, uint32_t size)
{
	uint32_t version, at;

	if (size < ACCEPT_FIXED)
		return INSPECT_NO;
	if (length < ACCEPT_FIXED)
		return INSPECT_MORE;
	version = inspect_be16(bytes + 8);
	at = inspect_be16(bytes + 20);
	if (version < VERSION_MIN || version > VERSION_MAX)
		return INSPECT_NO;
	/* the text's length and place; the newer ones have fields behind these, and often no text
	 */
	return at + inspect_be16(bytes + 18) == size ||
			       (inspect_be16(bytes + 18) == 0 && at >= ACCEPT_FIXED && at <= size &&
				size <= ACCEPT_MAX)
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

/* A text, `fixed` bytes in, and its length in the two before. */
static enum inspect_status read_text(const uint8_t *bytes, uint32_t length, uint32_t size,
				     uint32_t fixed)
{
	if (size < fixed)
		return INSPECT_NO;
	if (length < fixed + 1 && length < size)
		return INSPECT_MORE;
	if (inspect_be16(bytes + fixed - 2) == 0) /* it follows in a packet of its own */
		return INSPECT_NO;
	return inspect_be16(bytes + fixed - 2) == size - fixed && bytes[fixed] == '(' ? INSPECT_DONE
										      : INSPECT_NO;
}

/* The packet's length, in two bytes or four; 0: no packet. */
static uint32_t packet_size(const uint8_t *bytes)
{
	uint32_t size = inspect_be16(bytes);

	if (!size)
		size = inspect_be16(bytes + 2);
	else if (inspect_be16(bytes + 2))
		return 0;
	return size < HEADER_BYTES || bytes[6] || bytes[7] ? 0 : size;
}

/* Data of which nothing but its frame can be told: the flags are those in use, a function follows.
 */
static bool is_data(const uint8_t *bytes, uint32_t length, uint32_t *size)
{
	if (length < DATA_FIXED + 1)
		return false;
	*size = packet_size(bytes);
	return *size > DATA_FIXED && bytes[4] == TYPE_DATA && !(bytes[5] & ~0x20) &&
	       !(inspect_be16(bytes + 8) & ~0x2840u) && bytes[DATA_FIXED] &&
	       bytes[DATA_FIXED] <= 0x20;
}

static enum inspect_status read_data(const uint8_t *bytes, uint32_t length, uint32_t size)
{
	static const uint8_t services[] = {0xde, 0xad, 0xbe, 0xef};
	uint32_t next;

	if (length < DATA_FIXED)
		return INSPECT_MORE;
	if (length >= DATA_FIXED + 4 && !memcmp(bytes + DATA_FIXED, services, sizeof(services)))
		return INSPECT_DONE;
	if (length > DATA_FIXED && bytes[DATA_FIXED] != services[0] &&
	    !is_data(bytes, length, &next))
		return INSPECT_NO;
	if (length <= size || length - size < DATA_FIXED + 1)
		return INSPECT_MORE;
	return is_data(bytes + size, length - size, &next) ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t size;

	(void)from;
	if (length < HEADER_BYTES)
		return (length > 3 && inspect_be16(bytes) && inspect_be16(bytes + 2)) ||
				       (length > 4 && bytes[4] > TYPE_DATA)
			       ? INSPECT_NO
			       : INSPECT_MORE;
	size = packet_size(bytes);
	if (!size)
		return INSPECT_NO;
	switch (bytes[4]) {
	case TYPE_CONNECT:
		return read_connect(bytes, length, size);
	case TYPE_ACCEPT:
		return read_accept(bytes, length, size);
	case TYPE_REFUSE:
		return read_text(bytes, length, size, 12);
	case TYPE_REDIRECT:
		return read_text(bytes, length, size, 10);
	case TYPE_DATA:
		return read_data(bytes, length, size);
	default:
		return INSPECT_NO;
	}
}

/* Whole data packets of both sides. */
static bool both_are_data(const struct inspect_stream *stream)
{
	uint32_t size;

	for (unsigned d = 0; d < 2; d++)
		if (!stream->length[d] || !is_data(stream->bytes[d], stream->length[d], &size) ||
		    size > stream->length[d])
			return false;
	return true;
}

static enum inspect_status oracle_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return both_are_data(stream) ? INSPECT_DONE : inspect_either(stream, read_side, note);
}

const struct inspector inspector_oracle = {.name = "oracle", .stream = oracle_stream};
