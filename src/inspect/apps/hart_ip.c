/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HART-IP (FieldComm, HCF_SPEC-085, "HART over IP"): version, kind of message, its number, status,
 * sequence, and the total length. A session's begin has five bytes, its end and the keep-alive
 * none; a HART frame has its own length and a checksum (FSK data link, token passing). A begin
 * or a frame is enough; the others wait for a second, or for the answer of the same number.
 */
#include <string.h>

#include "sides.h"

enum {
	HEADER_BYTES = 8,
	VERSION_MAX = 2,
	KIND_REQUEST = 0,
	KIND_ANSWER = 1,
	KIND_PUBLISH = 2,
	KIND_NAK = 15,
	ID_BEGIN = 0,
	ID_END = 1,
	ID_KEEP_ALIVE = 2,
	ID_FRAME = 3,
	BEGIN_BYTES = 5,
	LENGTH_MAX = 1024,
	STATUS_MAX = 20,
	TIMER_MIN_MS = 1000,
	TIMER_MAX_MS = 24 * 3600 * 1000,
	ID_AT = 2,
	NUMBER_AT = 4,
	SHORT_ENOUGH = 2, /* of the messages without a body */
};

/* A HART frame: delimiter, address, command, count, data, and the exclusive or of all. */
static bool is_frame(const uint8_t *frame, uint32_t size)
{
	uint32_t at, sum = 0;

	if (size < 5)
		return false;
	at = 1u + (frame[0] & 0x80 ? 5u : 1u) + (frame[0] >> 5 & 3u);
	if (size < at + 3 || size != at + 3 + frame[at + 1])
		return false;
	for (uint32_t i = 0; i < size; i++)
		sum ^= frame[i];
	return sum == 0;
}

/* The message's length; MORE with one: it fits, and is too short to prove anything. */
static uint32_t read_message(const uint8_t *bytes, uint32_t length, enum inspect_status *status)
{
	uint32_t total;

	*status = INSPECT_NO;
	if (!bytes[0] || bytes[0] > VERSION_MAX ||
	    (length > 1 && bytes[1] > KIND_PUBLISH && bytes[1] != KIND_NAK) ||
	    (length > 2 && bytes[2] > ID_FRAME))
		return 0;
	*status = INSPECT_MORE;
	if (length < HEADER_BYTES)
		return 0;
	total = inspect_be16(bytes + 6);
	*status = INSPECT_NO;
	if (total < HEADER_BYTES || total > LENGTH_MAX)
		return 0;
	if (bytes[2] != ID_FRAME &&
	    total != HEADER_BYTES + (bytes[2] == ID_BEGIN ? BEGIN_BYTES : 0u))
		return 0;
	/* only answers have a status, and only frames are published */
	if ((bytes[1] == KIND_REQUEST && bytes[3]) ||
	    (bytes[1] >= KIND_PUBLISH && bytes[2] != ID_FRAME))
		return 0;
	*status = INSPECT_MORE;
	if (length < total)
		return 0;
	/* who begins a session is a primary or secondary master, and says when it may be given up
	 */
	if (bytes[2] == ID_BEGIN)
		*status = bytes[HEADER_BYTES] <= 1 && bytes[3] <= STATUS_MAX &&
					  inspect_be32(bytes + HEADER_BYTES + 1) >= TIMER_MIN_MS &&
					  inspect_be32(bytes + HEADER_BYTES + 1) <= TIMER_MAX_MS
				  ? INSPECT_DONE
				  : INSPECT_NO;
	else if (bytes[2] == ID_FRAME)
		*status = is_frame(bytes + HEADER_BYTES, total - HEADER_BYTES) ? INSPECT_DONE
									       : INSPECT_NO;
	return total;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	enum inspect_status status;
	uint32_t at = 0, size;
	unsigned count = 0;

	(void)from;
	do {
		size = read_message(bytes + at, length - at, &status);
		at += size;
	} while (size && status == INSPECT_MORE && ++count < SHORT_ENOUGH && at < length);
	return count == SHORT_ENOUGH ? INSPECT_DONE : status;
}

static enum inspect_status hart_ip_stream(const struct inspect_stream *stream,
					  struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

static enum inspect_status hart_ip_datagram(const struct inspect_datagram *datagram, void **state,
					    struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	enum inspect_status status, other;

	(void)state;
	(void)evidence;
	if (read_message(bytes, datagram->captured, &status) != datagram->length)
		return INSPECT_NO;
	for (unsigned i = 0; i < datagram->earlier_count && status == INSPECT_MORE; i++) {
		const struct inspect_earlier *one = &datagram->earlier[i];

		if (one->direction != datagram->direction &&
		    read_message(one->bytes, one->length, &other) == one->length &&
		    !memcmp(bytes + ID_AT, one->bytes + ID_AT, 1) &&
		    !memcmp(bytes + NUMBER_AT, one->bytes + NUMBER_AT, 2))
			return INSPECT_DONE;
	}
	return status;
}

const struct inspector inspector_hart_ip = {
	.name = "hart-ip",
	.stream = hart_ip_stream,
	.datagram = hart_ip_datagram,
	INSPECT_BEGINS("\x01\x02"),
};
