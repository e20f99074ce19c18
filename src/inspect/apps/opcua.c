/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OPC UA over TCP (OPC 10000-6, 7.1.2): three letters, a letter for the chunk, and the message's
 * size. The letters with a size and fields that fit the kind are enough: HEL and RHE have a URL
 * that ends with the message, ACK is 28 bytes, ERR has a text, OPN the URI of its policy, MSG and
 * CLO a channel.
 */
#include <string.h>

#include "sides.h"

enum {
	HEADER_BYTES = 8,
	HELLO_FIXED = 32,
	ACK_BYTES = 28,
	ERROR_FIXED = 16,
	REVERSE_FIXED = 16,
	BUFFER_MIN = 1024, /* 8192 by the text, less by old stacks */
	MESSAGE_MIN = 24,
	SIZE_MAX_BYTES = 16 * 1024 * 1024,
	NO_STRING = -1,
};

/* A string with its length before it, that ends at `size`. */
static bool ends_with_string(const uint8_t *bytes, uint32_t size, uint32_t at)
{
	uint32_t length = inspect_le32(bytes + at - 4);

	return length == (uint32_t)NO_STRING ? at == size : length == size - at;
}

static enum inspect_status read_body(const uint8_t *bytes, uint32_t length, uint32_t size)
{
	static const char policy[] = "http://opcfoundation.org/UA/SecurityPolicy";

	if (!memcmp(bytes, "HELF", 4)) {
		if (size < HELLO_FIXED || size > 4096 + HELLO_FIXED)
			return INSPECT_NO;
		if (length < HELLO_FIXED)
			return INSPECT_MORE;
		return inspect_le32(bytes + 12) >= BUFFER_MIN &&
				       inspect_le32(bytes + 16) >= BUFFER_MIN &&
				       ends_with_string(bytes, size, HELLO_FIXED)
			       ? INSPECT_DONE
			       : INSPECT_NO;
	}
	if (!memcmp(bytes, "ACKF", 4)) {
		if (size != ACK_BYTES)
			return INSPECT_NO;
		if (length < 20)
			return INSPECT_MORE;
		return inspect_le32(bytes + 12) >= BUFFER_MIN &&
				       inspect_le32(bytes + 16) >= BUFFER_MIN
			       ? INSPECT_DONE
			       : INSPECT_NO;
	}
	if (!memcmp(bytes, "ERRF", 4)) { /* the code of an error has its highest bit */
		if (size < ERROR_FIXED || size > 4096 + ERROR_FIXED)
			return INSPECT_NO;
		if (length < ERROR_FIXED)
			return INSPECT_MORE;
		return bytes[11] & 0x80 && ends_with_string(bytes, size, ERROR_FIXED) ? INSPECT_DONE
										      : INSPECT_NO;
	}
	if (!memcmp(bytes, "RHEF", 4)) { /* the server's URI, and the endpoint */
		uint32_t first;

		if (size < REVERSE_FIXED)
			return INSPECT_NO;
		if (length < 12)
			return INSPECT_MORE;
		first = inspect_le32(bytes + 8);
		if (first > size - REVERSE_FIXED)
			return INSPECT_NO;
		if (length < REVERSE_FIXED + first)
			return INSPECT_MORE;
		return ends_with_string(bytes, size, REVERSE_FIXED + first) ? INSPECT_DONE
									    : INSPECT_NO;
	}
	if (size < MESSAGE_MIN)
		return INSPECT_NO;
	if (!memcmp(bytes, "OPN", 3)) {
		if (length < 16)
			return INSPECT_MORE;
		return inspect_le32(bytes + 12) <= 255
			       ? inspect_begins(bytes + 16, length - 16, policy, strlen(policy))
			       : INSPECT_NO;
	}
	if (length < 12)
		return INSPECT_MORE;
	return inspect_le32(bytes + 8) ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	static const char kinds[][4] = {"HEL", "ACK", "ERR", "RHE", "OPN", "MSG", "CLO"};
	enum inspect_status status = INSPECT_NO;
	uint32_t size;

	(void)from;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && status == INSPECT_NO; i++)
		status = inspect_begins(bytes, length, kinds[i], 3);
	if (status != INSPECT_DONE)
		return status;
	if (length > 3 && bytes[3] != 'F' &&
	    (bytes[0] != 'M' || (bytes[3] != 'C' && bytes[3] != 'A')))
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	size = inspect_le32(bytes + 4);
	return size <= SIZE_MAX_BYTES ? read_body(bytes, length, size) : INSPECT_NO;
}

static enum inspect_status opcua_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_opcua = {.name = "opcua", .stream = opcua_stream};
