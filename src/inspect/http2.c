/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/2 in the clear (RFC 9113): by prior knowledge, or after an Upgrade (RFC 7540, 3.2).
 *
 * Claimed by the client's preface, all 24 bytes of it. The name is the first request's
 * :authority, or its Host field where there is none: the frames up to the first HEADERS
 * are stepped over, and its block is put together with those of the CONTINUATIONs. Later
 * requests may be for others; the first name seen is the flow's.
 */
#include <string.h>

#include "hpack.h"
#include "http.h"

enum {
	FRAME_HEADER = 9,
	FRAME_HEADERS = 1,
	FRAME_SETTINGS = 4,
	FRAME_CONTINUATION = 9,
	FLAG_END_HEADERS = 0x04,
	FLAG_PADDED = 0x08,
	FLAG_PRIORITY = 0x20,
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum { PREFACE_BYTES = sizeof(preface) - 1 };

struct frame {
	uint32_t length, stream;
	uint8_t type, flags;
	const uint8_t *payload;
	uint32_t present;
};

enum search { SEARCH_MORE, SEARCH_NOT, SEARCH_WHOLE };

/* False: its header is not whole. */
static bool next_frame(const uint8_t *bytes, uint32_t length, uint32_t *at, struct frame *frame)
{
	const uint8_t *header = bytes + *at;

	if (length - *at < FRAME_HEADER)
		return false;
	frame->length = (uint32_t)header[0] << 16 | inspect_be16(header + 1);
	frame->type = header[3];
	frame->flags = header[4];
	frame->stream = inspect_be16(header + 5) << 16 | inspect_be16(header + 7);
	frame->stream &= 0x7fffffff;
	*at += FRAME_HEADER;
	frame->payload = bytes + *at;
	frame->present = length - *at < frame->length ? length - *at : frame->length;
	*at += frame->present;
	return true;
}

/* The part of the header block that is in the frame; false: it is malformed. */
static bool strip(struct frame *frame)
{
	uint32_t before = 0, padding = 0;

	if (frame->type == FRAME_HEADERS) {
		before = frame->flags & FLAG_PADDED ? 1 : 0;
		before += frame->flags & FLAG_PRIORITY ? 5 : 0;
		if (frame->flags & FLAG_PADDED && frame->present)
			padding = frame->payload[0];
	}
	if (before + padding > frame->length)
		return false;
	frame->length -= padding;
	if (frame->present > frame->length)
		frame->present = frame->length;
	if (before > frame->present)
		before = frame->present;
	frame->payload += before;
	frame->present -= before;
	frame->length -= before;
	return true;
}

/* The block of the first request, as far as it is there. */
static enum search find_block(const uint8_t *bytes, uint32_t length, uint8_t *block,
			      uint32_t *filled)
{
	uint32_t at = PREFACE_BYTES, request = 0;
	bool first = true;
	struct frame frame;

	*filled = 0;
	while (next_frame(bytes, length, &at, &frame)) {
		bool whole = frame.present == frame.length;

		if (first && (frame.type != FRAME_SETTINGS || frame.stream))
			return SEARCH_NOT;
		if (request && (frame.type != FRAME_CONTINUATION || frame.stream != request))
			return SEARCH_NOT;
		first = false;
		if (frame.type == FRAME_HEADERS || request) {
			if (!frame.stream || !strip(&frame))
				return SEARCH_NOT;
			request = frame.stream;
			memcpy(block + *filled, frame.payload, frame.present);
			*filled += frame.present;
			if (whole && frame.flags & FLAG_END_HEADERS)
				return SEARCH_WHOLE;
		}
		if (!whole)
			break;
	}
	return SEARCH_MORE;
}

static void keep_name(const uint8_t *block, uint32_t length, bool whole, struct evidence *evidence)
{
	struct hpack_request request;
	enum host_source source;

	if (!hpack_request_read(block, length, &request) && whole)
		return; /* an error of the connection: there is no request */
	source = request.connect ? HOST_HTTP_CONNECT : HOST_HTTP_HOST;
	if (request.authority.seen)
		http_set_authority(evidence, source, request.authority.bytes,
				   request.authority.length);
	else
		http_set_authority(evidence, source, request.host.bytes, request.host.length);
}

/* What a server may begin with while the client's preface is on its way: SETTINGS (3.4). */
static bool settings_begin(const uint8_t *bytes, uint32_t length)
{
	static const uint8_t head[FRAME_HEADER] = {0, 0, 0, FRAME_SETTINGS};

	for (uint32_t i = 0; i < length && i < FRAME_HEADER; i++)
		if (i != 1 && i != 2 && bytes[i] != head[i])
			return false;
	return length < 3 || inspect_be16(bytes + 1) % 6 == 0;
}

static enum inspect_status http2_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	uint8_t block[FLOW_PREFIX_MAX_BYTES];
	unsigned client = FLOW_FROM_CLIENT;
	const uint8_t *bytes;
	enum search found;
	uint32_t length, filled;

	if (stream->midstream && !stream->length[client])
		client = FLOW_FROM_SERVER;
	bytes = stream->bytes[client];
	length = stream->length[client];
	if (!length)
		return settings_begin(stream->bytes[!client], stream->length[!client])
			       ? INSPECT_MORE
			       : INSPECT_NO;
	if (memcmp(bytes, preface, length < PREFACE_BYTES ? length : PREFACE_BYTES) != 0)
		return INSPECT_NO;
	note->busy = true;
	if (length < PREFACE_BYTES)
		return INSPECT_MORE;
	found = find_block(bytes, length, block, &filled);
	if (found == SEARCH_MORE && !stream->last)
		return INSPECT_MINE;
	if (found != SEARCH_NOT)
		keep_name(block, filled, found == SEARCH_WHOLE, evidence);
	return INSPECT_DONE;
}

const struct inspector inspector_http2 = {
	.name = "http2",
	.gives_tcp = INSPECT_HOST,
	.stream = http2_stream,
};
