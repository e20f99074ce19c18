/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Soulseek (Nicotine+, "Soulseek Protocol Documentation"): numbers have the lowest byte first, and
 * each message begins with its length.
 *
 * A client logs in at the server with code 1: name and password, a version, and the MD5 of both as
 * 32 hexadecimal digits, which stand where the lengths lead. A peer begins with its name, one
 * letter for what the connection is, P, F or D, and a token, which ends the message. What pierces a
 * firewall is only a token, and not claimed.
 */
#include "../inspector.h"

enum {
	LOGIN = 1,
	PEER_INIT = 1,
	MESSAGE_MAX = 512,
	NAME_MAX = 64,
	DIGEST_BYTES = 32,
	TOKEN_BYTES = 4,
};

struct cursor {
	const uint8_t *bytes;
	uint32_t length, at;
};

/* Its length in four bytes, and printable. */
static bool read_text(struct cursor *cursor, uint32_t least, uint32_t most, uint32_t *at)
{
	uint32_t size;

	if (cursor->length - cursor->at < 4)
		return false;
	size = inspect_le32(cursor->bytes + cursor->at);
	cursor->at += 4;
	if (size < least || size > most || cursor->length - cursor->at < size)
		return false;
	for (uint32_t i = 0; i < size; i++)
		if (cursor->bytes[cursor->at + i] < ' ')
			return false;
	if (at)
		*at = cursor->at;
	cursor->at += size;
	return true;
}

static bool is_login(struct cursor cursor)
{
	uint32_t digest;

	if (cursor.length < 8 || inspect_le32(cursor.bytes + 4) != LOGIN)
		return false;
	cursor.at = 8;
	if (!read_text(&cursor, 1, NAME_MAX, NULL) || !read_text(&cursor, 0, NAME_MAX, NULL) ||
	    cursor.length - cursor.at < 4)
		return false;
	cursor.at += 4; /* version */
	if (!read_text(&cursor, DIGEST_BYTES, DIGEST_BYTES, &digest))
		return false;
	for (unsigned i = 0; i < DIGEST_BYTES; i++)
		if (!strchr("0123456789abcdef", cursor.bytes[digest + i]))
			return false;
	return true;
}

static bool is_peer(struct cursor cursor)
{
	uint32_t kind;

	if (cursor.bytes[4] != PEER_INIT)
		return false;
	cursor.at = 5;
	return read_text(&cursor, 1, NAME_MAX, NULL) && read_text(&cursor, 1, 1, &kind) &&
	       strchr("PFD", cursor.bytes[kind]) && cursor.length - cursor.at == TOKEN_BYTES;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	struct cursor cursor = {.bytes = stream->bytes[0], .length = stream->length[0]};
	uint32_t size;

	(void)evidence;
	(void)note;
	if (!cursor.length)
		return stream->length[1] ? INSPECT_NO : INSPECT_MORE;
	if (cursor.length < 5) /* the length's upper half is zero */
		return (cursor.length > 2 && cursor.bytes[2]) ||
				       (cursor.length > 3 && cursor.bytes[3])
			       ? INSPECT_NO
			       : INSPECT_MORE;
	size = inspect_le32(cursor.bytes);
	if (size < 15 || size > MESSAGE_MAX || cursor.bytes[4] != LOGIN)
		return INSPECT_NO;
	if (cursor.length < 4 + size)
		return INSPECT_MORE;
	cursor.length = 4 + size;
	return is_login(cursor) || is_peer(cursor) ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_soulseek = {
	.name = "soulseek",
	.stream = read_stream,
};
