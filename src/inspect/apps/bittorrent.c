/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BitTorrent: its peers (BEP 3, 10), their hash table (5), trackers over UDP (15), peers on the
 * LAN (14) and its own transport, uTP (29).
 *
 * TCP: the handshake names itself, in twenty bytes, on either side; where the capture begins later,
 * so does an extension handshake, a dictionary that fills its message to the last byte. An
 * encrypted peer (MSE) looks like noise, and is not looked for. Trackers over HTTP are
 * bittorrent.pat's, as a layer on http.
 *
 * UDP: a message of the hash table is one bencoded dictionary whose "a" or "r" holds a node's id of
 * 20 bytes, or whose "e" holds an error of a number and a text. A tracker is asked with a magic
 * number of eight bytes; what is asked later is told by its length, action and peer id, or by the
 * answer that returns the transaction. uTP has no magic: bittorrent_utp.c tells what proves it.
 */
#include "bittorrent.h"
#include "sides.h"

static const char handshake[] = "\x13"
				"BitTorrent protocol";

/* ---- bencoding (BEP 3) ---- */

#define DEPTH_MAX 16

struct cursor {
	const uint8_t *bytes;
	uint32_t length, at;
	bool broken; /* no bencoding; else what fails has been cut */
};

/* "123" up to its end mark, which is passed over. */
static bool read_number(struct cursor *cursor, char end, uint32_t *value)
{
	uint32_t begin = cursor->at;

	*value = 0;
	for (; cursor->at < cursor->length; cursor->at++) {
		uint8_t c = cursor->bytes[cursor->at];

		if (c == (uint8_t)end && cursor->at > begin) {
			cursor->at++;
			return true;
		}
		if (c < '0' || c > '9' || cursor->at - begin > 8) {
			cursor->broken = true;
			return false;
		}
		*value = *value * 10 + (c - '0');
	}
	return false;
}

static bool read_string(struct cursor *cursor, const uint8_t **text, uint32_t *length)
{
	if (!read_number(cursor, ':', length))
		return false;
	if (*length > cursor->length - cursor->at)
		return false;
	*text = cursor->bytes + cursor->at;
	cursor->at += *length;
	return true;
}

static bool skip_integer(struct cursor *cursor)
{
	uint32_t begin = ++cursor->at; /* the 'i' */

	for (; cursor->at < cursor->length; cursor->at++) {
		uint8_t c = cursor->bytes[cursor->at];

		if (c == 'e' && cursor->at > begin) {
			cursor->at++;
			return true;
		}
		if ((c < '0' || c > '9') && !(c == '-' && cursor->at == begin))
			break;
		if (cursor->at - begin > 20)
			break;
	}
	cursor->broken = cursor->at < cursor->length;
	return false;
}

/* One value of any kind, without recursion: only how deep it stands matters. */
static bool skip_value(struct cursor *cursor)
{
	unsigned depth = 0;

	do {
		const uint8_t *text;
		uint32_t length;
		uint8_t c;

		if (cursor->at == cursor->length)
			return false;
		c = cursor->bytes[cursor->at];
		if (c == 'd' || c == 'l') {
			cursor->at++;
			depth++;
		} else if (c == 'e' && depth) {
			cursor->at++;
			depth--;
		} else if (c == 'i' ? !skip_integer(cursor)
				    : !read_string(cursor, &text, &length)) {
			return false;
		}
		if (depth > DEPTH_MAX) {
			cursor->broken = true;
			return false;
		}
	} while (depth);
	return true;
}

/* ---- the hash table (BEP 5) ---- */

#define NODE_ID_BYTES 20

/* Of "a" and "r": a dictionary with the sender's id in it. */
static bool has_node_id(struct cursor cursor)
{
	const uint8_t *text;
	uint32_t length;

	if (cursor.at == cursor.length || cursor.bytes[cursor.at++] != 'd')
		return false;
	while (read_string(&cursor, &text, &length)) {
		bool is_id = length == 2 && !memcmp(text, "id", 2);

		if (is_id)
			return read_string(&cursor, &text, &length) && length == NODE_ID_BYTES;
		if (!skip_value(&cursor))
			return false;
	}
	return false;
}

/* "e": a number, and a text for people. */
static bool is_error(struct cursor cursor)
{
	const uint8_t *text;
	uint32_t length;

	return cursor.length - cursor.at > 2 && cursor.bytes[cursor.at] == 'l' &&
	       cursor.bytes[++cursor.at] == 'i' && skip_integer(&cursor) &&
	       read_string(&cursor, &text, &length) && cursor.at < cursor.length &&
	       cursor.bytes[cursor.at] == 'e';
}

static enum inspect_status read_dht(const struct inspect_datagram *datagram)
{
	struct cursor cursor = {.bytes = datagram->bytes, .length = datagram->captured, .at = 1};
	bool node = false, error = false, kind = false;
	const uint8_t *text;
	uint32_t length;

	if (datagram->bytes[0] != 'd')
		return INSPECT_NO;
	while (cursor.at < cursor.length && cursor.bytes[cursor.at] != 'e' &&
	       read_string(&cursor, &text, &length)) {
		struct cursor value = cursor;

		if (length == 1 && (*text == 'a' || *text == 'r'))
			node |= has_node_id(value);
		else if (length == 1 && *text == 'e')
			error |= is_error(value);
		if (!skip_value(&cursor))
			break;
		if (length == 1 && *text == 'y')
			kind = true;
	}
	if (cursor.broken)
		return INSPECT_NO;
	return node || (error && kind) ? INSPECT_DONE : INSPECT_NO;
}

/* ---- trackers (BEP 15) ---- */

enum {
	ACTION_CONNECT,
	ACTION_ANNOUNCE,
	ACTION_SCRAPE,
	TRACKER_HEADER = 16,
	ANNOUNCE_BYTES = 98,
	HASH_BYTES = 20,
	PEER_ID_AT = 36,
	EVENT_AT = 80,
	EVENT_MAX = 3,
	WANTED_AT = 92,
	WANTED_MAX = 1000,
	ANSWER_ANNOUNCE_BYTES = 20,
	ANSWER_PEER4_BYTES = 6,
	ANSWER_PEER6_BYTES = 18,
	ANSWER_SCRAPE_BYTES = 8,
	ANSWER_TORRENT_BYTES = 12,
};

static const uint8_t connect_magic[8] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80};

/* Its length and counters are those of an announcement. */
static bool is_announce(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	uint32_t wanted;

	if (length < ANNOUNCE_BYTES || captured < ANNOUNCE_BYTES ||
	    inspect_be32(bytes + 8) != ACTION_ANNOUNCE ||
	    inspect_be32(bytes + EVENT_AT) > EVENT_MAX)
		return false;
	/* "-AB1234-", as most clients call themselves (BEP 20) */
	if (bytes[PEER_ID_AT] == '-' && bytes[PEER_ID_AT + 7] == '-')
		return true;
	wanted = inspect_be32(bytes + WANTED_AT);
	return length == ANNOUNCE_BYTES && (wanted == UINT32_MAX || wanted <= WANTED_MAX);
}

/* What may be a request to a tracker, to be proved by the answer. */
static bool may_ask(const uint8_t *bytes, uint32_t length)
{
	return length > TRACKER_HEADER && inspect_be32(bytes + 8) == ACTION_SCRAPE &&
	       (length - TRACKER_HEADER) % HASH_BYTES == 0;
}

/* Action, then the question's transaction. */
static bool answers(const struct inspect_datagram *datagram, const struct inspect_earlier *question)
{
	uint32_t length = datagram->length;

	if (datagram->captured < 8 || question->direction == datagram->direction ||
	    question->length < TRACKER_HEADER || !may_ask(question->bytes, question->length) ||
	    memcmp(datagram->bytes + 4, question->bytes + 12, 4) != 0)
		return false;
	return inspect_be32(datagram->bytes) == ACTION_SCRAPE &&
	       length == ANSWER_SCRAPE_BYTES + (question->length - TRACKER_HEADER) / HASH_BYTES *
						       ANSWER_TORRENT_BYTES;
}

static enum inspect_status read_tracker(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;

	if (datagram->captured >= TRACKER_HEADER &&
	    !memcmp(bytes, connect_magic, sizeof(connect_magic)) &&
	    inspect_be32(bytes + 8) == ACTION_CONNECT)
		return INSPECT_DONE;
	if (is_announce(bytes, datagram->captured, datagram->length))
		return INSPECT_DONE;
	for (unsigned i = 0; i < datagram->earlier_count; i++)
		if (answers(datagram, &datagram->earlier[i]))
			return INSPECT_DONE;
	return datagram->captured >= TRACKER_HEADER && may_ask(bytes, datagram->length)
		       ? INSPECT_MORE
		       : INSPECT_NO;
}

/* ---- the whole ---- */

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	enum inspect_status status;

	(void)state;
	(void)evidence;
	if (inspect_begins(datagram->bytes, datagram->captured, "BT-SEARCH * HTTP/1.", 19) ==
	    INSPECT_DONE)
		return INSPECT_DONE;
	status = read_dht(datagram);
	if (status == INSPECT_NO)
		status = read_tracker(datagram);
	if (status == INSPECT_DONE)
		return status;
	switch (bittorrent_utp(datagram)) {
	case INSPECT_DONE:
		return INSPECT_DONE;
	case INSPECT_MORE:
		return INSPECT_MORE;
	default:
		return status;
	}
}

/* An extension handshake: length, message 20, number 0, and a dictionary (BEP 10). */
static enum inspect_status read_extension(const uint8_t *bytes, uint32_t length)
{
	static const uint8_t kind[] = {20, 0, 'd'};
	struct cursor cursor = {.bytes = bytes, .length = length, .at = 6};
	uint32_t size;

	if (length < 4)
		return bytes[0] ? INSPECT_NO : INSPECT_MORE;
	size = inspect_be32(bytes);
	if (size < 20 || size > 4096 ||
	    inspect_begins(bytes + 4, length - 4, kind, sizeof(kind)) == INSPECT_NO)
		return INSPECT_NO;
	if (length < 4 + size) {
		skip_value(&cursor);
		return cursor.broken ? INSPECT_NO : INSPECT_MORE;
	}
	cursor.length = 4 + size;
	return skip_value(&cursor) && cursor.at == cursor.length ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_side(const struct inspect_stream *stream, unsigned d)
{
	const uint8_t *bytes = stream->bytes[d];
	uint32_t length = stream->length[d];
	enum inspect_status status =
		inspect_begins(bytes, length, handshake, sizeof(handshake) - 1);

	if (status != INSPECT_NO || !length || !stream->midstream)
		return status;
	status = inspect_begins(bytes, length, handshake + 1, sizeof(handshake) - 2);
	return status == INSPECT_NO ? read_extension(bytes, length) : status;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status client = read_side(stream, FLOW_FROM_CLIENT);
	enum inspect_status server = read_side(stream, FLOW_FROM_SERVER);

	(void)evidence;
	(void)note;
	return inspect_both(stream, client, server);
}

const struct inspector inspector_bittorrent = {
	.name = "bittorrent",
	.stream = read_stream,
	.datagram = read_datagram,
};
