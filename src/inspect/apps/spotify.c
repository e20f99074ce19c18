/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spotify: its search for devices on the LAN, and the greeting of its access points. There is no
 * public specification; the fields are those that librespot (keyexchange.proto) speaks.
 *
 * UDP, port 57621: the text "SpotUdp" and a version. TCP: two bytes, 0 and 4, the length of the
 * whole in four, and a protobuf message whose first field, 10, is the client's build: product
 * (10), flags (20), platform (30) and version (40), all small numbers, which end where its length
 * says.
 */
#include "../inspector.h"

enum {
	HEADER_BYTES = 6,
	HELLO_MIN = 64,
	HELLO_MAX = 4096,
	TAG_BUILD_INFO = 10 << 3 | 2,
	TAG_PRODUCT = 10 << 3,
	BUILD_MAX = 64,
	FIELD_PLATFORM = 30,
	FIELD_VERSION = 40,
};

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return inspect_begins(datagram->bytes, datagram->captured, "SpotUdp", 7) == INSPECT_DONE
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

/* A protobuf number of up to five bytes; 0 bytes: none. */
static uint32_t read_varint(const uint8_t *bytes, uint32_t length, uint64_t *value)
{
	*value = 0;
	for (uint32_t i = 0; i < length && i < 10; i++) {
		*value |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
		if (!(bytes[i] & 0x80))
			return i + 1;
	}
	return 0;
}

/* Numbers only, in rising order of their fields, and both that every client sends. */
static bool is_build(const uint8_t *bytes, uint32_t length)
{
	uint64_t tag, value, last = 0;
	bool platform = false, version = false;

	for (uint32_t at = 0; at < length;) {
		uint32_t step = read_varint(bytes + at, length - at, &tag);

		at += step;
		if (!step || (tag & 7) || tag >> 3 <= last || tag >> 3 > FIELD_VERSION)
			return false;
		last = tag >> 3;
		step = read_varint(bytes + at, length - at, &value);
		at += step;
		if (!step)
			return false;
		platform |= last == FIELD_PLATFORM;
		version |= last == FIELD_VERSION;
	}
	return platform && version;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	static const uint8_t begin[] = {0, 4, 0, 0};
	const uint8_t *bytes = stream->bytes[FLOW_FROM_CLIENT];
	uint32_t length = stream->length[FLOW_FROM_CLIENT], size;

	(void)evidence;
	(void)note;
	if (!length)
		return stream->length[FLOW_FROM_SERVER] ? INSPECT_NO : INSPECT_MORE;
	if (inspect_begins(bytes, length, begin, sizeof(begin)) == INSPECT_NO)
		return INSPECT_NO;
	if (length <= HEADER_BYTES + 2)
		return INSPECT_MORE;
	size = inspect_be32(bytes + 2);
	if (size < HELLO_MIN || size > HELLO_MAX || bytes[HEADER_BYTES] != TAG_BUILD_INFO ||
	    bytes[HEADER_BYTES + 1] > BUILD_MAX || bytes[HEADER_BYTES + 2] != TAG_PRODUCT)
		return INSPECT_NO;
	if (length - HEADER_BYTES - 2 < bytes[HEADER_BYTES + 1])
		return INSPECT_MORE;
	return is_build(bytes + HEADER_BYTES + 2, bytes[HEADER_BYTES + 1]) ? INSPECT_DONE
									   : INSPECT_NO;
}

const struct inspector inspector_spotify = {
	.name = "spotify",
	.stream = read_stream,
	.datagram = read_datagram,
	INSPECT_BEGINS("SS"),
};
