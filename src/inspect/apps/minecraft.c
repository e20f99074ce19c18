/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Minecraft, Java edition (wiki.vg, "Protocol", since 1.7; the wiki's "Server List Ping").
 *
 * The client begins with a handshake: length, number 0, version, the server's name and its length,
 * a port, and what it wants, 1 to 3, which is the last byte that the length counts. It goes on at
 * once: with a status request, two bytes, or with a login, whose name's length agrees with the
 * packet's. Lengths that agree, a name of letters and what follows are some 50 bits. Before 1.7 the
 * list asked with a fixed text of 27 bytes.
 */
#include "../inspector.h"

enum {
	HANDSHAKE_MAX = 300,
	VERSION_MAX = 1 << 16,
	SNAPSHOT = 1 << 30, /* set in the versions of snapshots */
	NAME_MIN = 3,
	NAME_MAX = 255,
	PLAYER_MAX = 16,
	NEXT_STATUS = 1,
	NEXT_TRANSFER = 3,
};

struct cursor {
	const uint8_t *bytes;
	uint32_t length, at;
};

/* False: it is not all there, or longer than five bytes (which leads beyond any length). */
static bool read_varint(struct cursor *cursor, uint32_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < 5 && cursor->at < cursor->length; i++) {
		uint8_t c = cursor->bytes[cursor->at++];

		*value |= (uint32_t)(c & 0x7f) << (7 * i);
		if (!(c & 0x80))
			return true;
	}
	return false;
}

static bool is_name(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		uint8_t c = bytes[i];

		if (!c) /* what mods append to the name */
			return i >= NAME_MIN;
		if (c <= ' ' || c > 0x7e)
			return false;
	}
	return true;
}

static enum inspect_status read_handshake(struct cursor *cursor)
{
	uint32_t size, number, version, name, next, end;

	if (cursor->length >= 2 &&
	    (cursor->bytes[0] < NAME_MIN + 6 || (!(cursor->bytes[0] & 0x80) && cursor->bytes[1])))
		return INSPECT_NO;
	if (!read_varint(cursor, &size))
		return cursor->length < 3 ? INSPECT_MORE : INSPECT_NO;
	if (size > HANDSHAKE_MAX)
		return INSPECT_NO;
	end = cursor->at + size;
	if (!read_varint(cursor, &number))
		return INSPECT_MORE;
	if (number)
		return INSPECT_NO;
	if (cursor->length < end)
		return INSPECT_MORE;
	if (!read_varint(cursor, &version) || !read_varint(cursor, &name) ||
	    (version & ~(uint32_t)SNAPSHOT) > VERSION_MAX || name < NAME_MIN || name > NAME_MAX ||
	    cursor->at + name + 3 != end || !is_name(cursor->bytes + cursor->at, name))
		return INSPECT_NO;
	next = cursor->bytes[end - 1];
	if (next < NEXT_STATUS || next > NEXT_TRANSFER)
		return INSPECT_NO;
	cursor->at = end;
	/* now what was wanted */
	if (cursor->length - end < 2)
		return INSPECT_MORE;
	if (next == NEXT_STATUS)
		return cursor->bytes[end] == 1 && !cursor->bytes[end + 1] ? INSPECT_DONE
									  : INSPECT_NO;
	if (cursor->bytes[end] < 3 || cursor->bytes[end + 1])
		return INSPECT_NO;
	if (cursor->length - end < 3)
		return INSPECT_MORE;
	name = cursor->bytes[end + 2];
	return name && name <= PLAYER_MAX && name + 2 <= cursor->bytes[end] ? INSPECT_DONE
									    : INSPECT_NO;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	/* 0xfe 1, then a plugin message on the channel of this name in UTF-16 */
	static const uint8_t list[] = {0xfe, 1, 0xfa, 0, 11,  0, 'M', 0, 'C', 0, '|', 0, 'P', 0,
				       'i',  0, 'n',  0, 'g', 0, 'H', 0, 'o', 0, 's', 0, 't'};
	struct cursor cursor = {.bytes = stream->bytes[0], .length = stream->length[0]};

	(void)evidence;
	(void)note;
	if (!cursor.length)
		return stream->length[1] ? INSPECT_NO : INSPECT_MORE;
	if (cursor.bytes[0] == list[0])
		return inspect_begins(cursor.bytes, cursor.length, list, sizeof(list));
	return read_handshake(&cursor);
}

const struct inspector inspector_minecraft = {
	.name = "minecraft",
	.stream = read_stream,
};
