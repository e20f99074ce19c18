/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PROXY protocol (haproxy's proxy-protocol.txt, versions 1 and 2): a header that a load
 * balancer puts before the client's bytes, to tell whose they are. What follows is another
 * protocol.
 *
 * Version 1 is a line of text of at most 107 bytes; version 2 begins with a signature of 12 bytes,
 * a version, a family and the length of the addresses.
 */
#include "../inspector.h"

enum {
	LINE_MAX_BYTES = 107,
	V2_HEADER = 16,
	V2_ADDRESSES_MAX = 2048,
};

static const uint8_t signature[] = {0x0d, 0x0a, 0x0d, 0x0a, 0,	 0x0d,
				    0x0a, 'Q',	'U',  'I',  'T', 0x0a};

/* The length of the header; 0 with the status MORE or NO. */
static enum inspect_status read_line(const uint8_t *bytes, uint32_t length, uint32_t *end)
{
	static const char *const families[] = {"PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN"};
	enum inspect_status status = INSPECT_NO;

	for (unsigned i = 0; i < 3 && status != INSPECT_DONE; i++) {
		enum inspect_status one =
			inspect_begins(bytes, length, families[i], strlen(families[i]));

		if (one > status)
			status = one;
	}
	if (status != INSPECT_DONE)
		return status;
	for (uint32_t i = 0; i < length; i++) {
		if (i == LINE_MAX_BYTES)
			return INSPECT_NO;
		if (bytes[i] == '\n' && bytes[i - 1] == '\r') {
			*end = i + 1;
			return INSPECT_DONE;
		}
		if (bytes[i] != '\r' && (bytes[i] < ' ' || bytes[i] > '~'))
			return INSPECT_NO;
	}
	return length >= LINE_MAX_BYTES ? INSPECT_NO : INSPECT_MORE;
}

static enum inspect_status read_binary(const uint8_t *bytes, uint32_t length, uint32_t *end)
{
	enum inspect_status status = inspect_begins(bytes, length, signature, sizeof(signature));

	if (status != INSPECT_DONE)
		return status;
	/* version 2, LOCAL or PROXY; family and transport are 0 to 3 and 0 to 2 */
	if ((length > 12 && (bytes[12] & 0xfe) != 0x20) ||
	    (length > 13 && (bytes[13] >> 4 > 3 || (bytes[13] & 15) > 2)))
		return INSPECT_NO;
	if (length < V2_HEADER)
		return INSPECT_MORE;
	*end = V2_HEADER + inspect_be16(bytes + 14);
	if (*end > V2_HEADER + V2_ADDRESSES_MAX)
		return INSPECT_NO;
	return length < *end ? INSPECT_MORE : INSPECT_DONE;
}

static enum inspect_status proxy_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	const uint8_t *bytes = stream->bytes[FLOW_FROM_CLIENT];
	uint32_t length = stream->length[FLOW_FROM_CLIENT], end = 0;
	enum inspect_status status;

	(void)evidence;
	if (!length)
		return stream->length[FLOW_FROM_SERVER] ? INSPECT_NO : INSPECT_MORE;
	status = bytes[0] == signature[0] ? read_binary(bytes, length, &end)
					  : read_line(bytes, length, &end);
	note->busy = status == INSPECT_MORE;
	if (status == INSPECT_DONE) {
		note->inner = true;
		note->inner_at[FLOW_FROM_CLIENT] = end;
	}
	return status;
}

const struct inspector inspector_proxy = {
	.name = "proxy-protocol",
	.gives_tcp = INSPECT_HOST | INSPECT_ALPN, /* of what follows */
	.carries = true,
	.stream = proxy_stream,
};
