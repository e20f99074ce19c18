/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTMP (Adobe's specification 1.0, section 5.2): a handshake of fixed sizes.
 *
 * Each side sends version 3, then 1536 bytes: a time, four bytes that are zero, or a Flash version
 * in later clients, and random ones; then it returns the 1536 bytes of the other. What the server
 * returns (S2) behind its own is proof when it is what the client sent. Servers that digest
 * (handshakes of Flash 9 and later) return something else: there the first command is awaited, a
 * chunk of type 20, AMF0 string "connect", right behind the client's handshake. It also proves a
 * flow of which one side alone is seen. A first byte of 3 and zeros alone are TPKT's too.
 */
#include "../inspector.h"

enum {
	VERSION = 3,
	BLOCK = 1536,
	ZERO_AT = 5, /* behind version and time */
	ECHO = 1 + BLOCK,
	ECHO_SEEN = 64,
	COMMANDS_AT = 1 + 2 * BLOCK,
	CHUNK_FULL = 12, /* basic header of one byte, message header of type 0 */
	TYPE_AT = 7,
	TYPE_COMMAND = 20,
	STREAM_AT = 8,
	FLASH_MAX = 32,
};

/* Zeros, or a Flash version: its major number first, or behind a flag of the encrypted variant. */
static bool block_good(const uint8_t *bytes, uint32_t length)
{
	if (length < ZERO_AT + 4)
		return length == 0 || bytes[0] == VERSION;
	bytes += ZERO_AT;
	return (bytes[0] & 0x7f) <= FLASH_MAX;
}

/* Zeros come back from anybody. */
static bool uniform(const uint8_t *bytes, uint32_t length)
{
	return !memcmp(bytes, bytes + 1, length - 1);
}

static bool echoes(const struct inspect_stream *stream, unsigned side)
{
	uint32_t said = stream->length[side], heard = stream->length[1 - side];
	const uint8_t *echo, *block;

	if (said < ECHO + ECHO_SEEN || heard < 1 + ECHO_SEEN)
		return false;
	echo = stream->bytes[side] + ECHO;
	block = stream->bytes[1 - side] + 1;
	/* the time that it was read may replace the four bytes behind the first time */
	return !uniform(block + 8, ECHO_SEEN - 8) && !memcmp(echo, block, 4) &&
	       !memcmp(echo + 8, block + 8, ECHO_SEEN - 8);
}

/* The client's first command, behind its handshake. */
static bool connects(const uint8_t *bytes, uint32_t length)
{
	static const uint8_t connect[] = {2, 0, 7, 'c', 'o', 'n', 'n', 'e', 'c', 't'};

	if (length < COMMANDS_AT + CHUNK_FULL + sizeof(connect))
		return false;
	bytes += COMMANDS_AT;
	return bytes[0] >> 6 == 0 && bytes[TYPE_AT] == TYPE_COMMAND &&
	       !inspect_be32(bytes + STREAM_AT) &&
	       !memcmp(bytes + CHUNK_FULL, connect, sizeof(connect));
}

static enum inspect_status rtmp_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	for (unsigned d = 0; d < 2; d++) {
		if (!stream->length[d])
			continue;
		if (stream->bytes[d][0] != VERSION ||
		    !block_good(stream->bytes[d], stream->length[d]))
			return INSPECT_NO;
	}
	for (unsigned d = 0; d < 2; d++)
		if (echoes(stream, d) || connects(stream->bytes[d], stream->length[d]))
			return INSPECT_DONE;
	for (unsigned d = 0; d < 2; d++)
		if (stream->length[d] > COMMANDS_AT + BLOCK)
			return INSPECT_NO;
	/* it takes six segments at least, and what begins with 3 by accident is mostly shorter */
	note->busy = stream->length[0] + stream->length[1] > BLOCK / 2;
	return INSPECT_MORE;
}

const struct inspector inspector_rtmp = {
	.name = "rtmp",
	.stream = rtmp_stream,
};
