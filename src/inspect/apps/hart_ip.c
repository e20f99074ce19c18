/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HART-IP (FieldComm, HCF_SPEC-085, "HART over IP"): version, kind of message, its number, status,
 * sequence, and the total length. A session's begin has five bytes, its end and the keep-alive
 * none; a HART frame has its own length and a checksum (FSK data link, token passing). One message
 * is enough.
 */
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
	if (bytes[1] == KIND_REQUEST && bytes[3])
		return 0; /* only answers have a status */
	*status = INSPECT_MORE;
	if (length < total)
		return 0;
	/* who begins a session is a primary or secondary master */
	if (bytes[2] == ID_BEGIN
		    ? bytes[HEADER_BYTES] <= 1
		    : bytes[2] != ID_FRAME || is_frame(bytes + HEADER_BYTES, total - HEADER_BYTES))
		*status = INSPECT_DONE;
	else
		*status = INSPECT_NO;
	return total;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	enum inspect_status status;

	(void)from;
	read_message(bytes, length, &status);
	return status;
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
	enum inspect_status status;

	(void)state;
	(void)evidence;
	return read_message(datagram->bytes, datagram->captured, &status) == datagram->length &&
			       status == INSPECT_DONE
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_hart_ip = {
	.name = "hart-ip",
	.stream = hart_ip_stream,
	.datagram = hart_ip_datagram,
};
