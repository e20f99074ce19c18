/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Apache Thrift (its "Thrift Binary protocol encoding" and "Thrift Compact protocol encoding"): a
 * version mark with the kind of message, and a method's name with its length. In the strict binary
 * form that is enough, with or without the length of a frame before it. The compact form is only
 * looked for in datagrams, where tracing speaks it, and needs a longer name and a field behind it.
 */
#include <ctype.h>

#include "sides.h"

enum {
	FRAME_BYTES = 4,
	FRAME_MAX = 64 * 1024 * 1024,
	HEADER_BYTES = 8,
	KIND_MAX = 4,
	NAME_MAX_BYTES = 255,
	COMPACT_ID = 0x82,
	COMPACT_VERSION = 1,
	COMPACT_NAME_MIN = 6,
	COMPACT_TYPE_MAX = 13,
};

static bool is_name(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		if (!isalnum(bytes[i]) && bytes[i] != '_' && bytes[i] != '.' && bytes[i] != ':')
			return false;
	return true;
}

static enum inspect_status read_strict(const uint8_t *bytes, uint32_t length)
{
	static const uint8_t version[] = {0x80, 1, 0};
	uint32_t name, have;

	if (inspect_begins(bytes, length, version, sizeof(version)) == INSPECT_NO)
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	name = inspect_be32(bytes + 4);
	if (!bytes[3] || bytes[3] > KIND_MAX || !name || name > NAME_MAX_BYTES)
		return INSPECT_NO;
	have = length - HEADER_BYTES;
	if (!is_name(bytes + HEADER_BYTES, have < name ? have : name))
		return INSPECT_NO;
	return have < name ? INSPECT_MORE : INSPECT_DONE;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t size;

	(void)from;
	if (bytes[0])
		return read_strict(bytes, length);
	if (length <= FRAME_BYTES)
		return INSPECT_MORE;
	size = inspect_be32(bytes);
	return size > HEADER_BYTES && size <= FRAME_MAX
		       ? read_strict(bytes + FRAME_BYTES, length - FRAME_BYTES)
		       : INSPECT_NO;
}

static enum inspect_status thrift_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

static bool is_compact(const uint8_t *bytes, uint32_t length)
{
	uint32_t at = 2, name;

	if (length < 4 || bytes[0] != COMPACT_ID || (bytes[1] & 0x1f) != COMPACT_VERSION ||
	    !(bytes[1] >> 5) || bytes[1] >> 5 > KIND_MAX)
		return false;
	while (at < length && bytes[at] & 0x80 && at < 7) /* the sequence number */
		at++;
	at++;
	if (at >= length)
		return false;
	name = bytes[at++];
	if (name < COMPACT_NAME_MIN || name > 127 || length - at <= name ||
	    !is_name(bytes + at, name))
		return false;
	at += name;
	return bytes[at] == 0 ||
	       (bytes[at] >> 4 && bytes[at] & 15 && (bytes[at] & 15) <= COMPACT_TYPE_MAX);
}

static enum inspect_status thrift_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return is_compact(datagram->bytes, datagram->captured) ||
			       read_strict(datagram->bytes, datagram->captured) == INSPECT_DONE
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_thrift = {
	.name = "thrift",
	.stream = thrift_stream,
	.datagram = thrift_datagram,
	INSPECT_BEGINS("\x80\x80\x82\x82"),
};
