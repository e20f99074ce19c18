/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MySQL and MariaDB (MySQL Internals Manual, "Connection Phase"; MariaDB Knowledge Base,
 * "Connecting"). A packet is three bytes of length, least significant first, a sequence number,
 * and the payload.
 *
 * The server begins with packet 0: protocol version 10, its own version as text, and fields of
 * which some are fixed zeros; or an error in plain text. The client answers with packet 1: its
 * capabilities and 19 reserved zeros, then its name, or nothing when it asks for TLS. Each of
 * these is enough alone. After such a request the stream of both sides is TLS.
 *
 * From the middle on, a query in plain words: packet 0, COM_QUERY, and a statement of SQL.
 */
#include <string.h>
#include <strings.h>

#include "sides.h"

enum {
	HEADER_BYTES = 4,
	PROTOCOL_9 = 9,
	PROTOCOL_10 = 10,
	GREETING_MIN = 12, /* an empty version, the connection's number and the scramble */
	GREETING_MAX = 1024,
	AFTER_VERSION = 4 + 8, /* the number and the scramble; version 10 has a zero behind */
	RESERVED_AT = 21,      /* behind the version's zero */
	RESERVED_BYTES = 6,    /* ten, of which MariaDB uses four */
	TAIL_MIN = 31,
	ERROR_MARK = 0xff,
	ERROR_MIN = 1000, /* server errors in use: 1000 to 4999 */
	ERROR_MAX = 4999,
	LOGIN_FIXED = 32, /* capabilities, largest packet, character set, 23 reserved */
	LOGIN_ZEROS_AT = 9,
	LOGIN_ZEROS = 19,
	LOGIN_MAX = 16384,
	CLIENT_PROTOCOL_41 = 0x0200,
	CLIENT_SSL = 0x0800,
	COM_QUERY = 3,
};

/* The length of the payload of packet `number`, MORE or NO by *status. */
static uint32_t packet_length(const uint8_t *bytes, uint32_t length, uint8_t number,
			      enum inspect_status *status)
{
	*status = length < HEADER_BYTES ? INSPECT_MORE : INSPECT_DONE;
	if (length >= HEADER_BYTES && bytes[3] != number)
		*status = INSPECT_NO;
	return length < HEADER_BYTES ? 0 : inspect_le16(bytes) | (uint32_t)bytes[2] << 16;
}

static bool is_greeting(const uint8_t *payload, uint32_t length)
{
	const uint8_t *zero = memchr(payload + 1, 0, length - 1);
	uint32_t at, left;

	if (!zero || zero == payload + 1)
		return false;
	at = (uint32_t)(zero - payload) + 1;
	left = length - at;
	if (!inspect_is_text(payload + 1, at - 2))
		return false;
	if (payload[0] == PROTOCOL_9) /* the scramble is text of eight characters and a zero */
		return left == AFTER_VERSION + 1 && payload[length - 1] == 0 &&
		       inspect_is_text(payload + at + 4, 8);
	return left >= TAIL_MIN && payload[at + AFTER_VERSION] == 0 &&
	       inspect_is_zero(payload + at + RESERVED_AT, RESERVED_BYTES);
}

static bool is_error(const uint8_t *payload, uint32_t length)
{
	uint32_t code = inspect_le16(payload + 1);

	return code >= ERROR_MIN && code <= ERROR_MAX && inspect_is_text(payload + 3, length - 3);
}

static enum inspect_status read_server(const uint8_t *bytes, uint32_t length, uint32_t *end)
{
	enum inspect_status status;
	uint32_t size = packet_length(bytes, length, 0, &status);
	const uint8_t *payload = bytes + HEADER_BYTES;

	if (status != INSPECT_DONE)
		return status;
	if (size < GREETING_MIN || size > GREETING_MAX)
		return INSPECT_NO;
	if (length > HEADER_BYTES && payload[0] != PROTOCOL_9 && payload[0] != PROTOCOL_10 &&
	    payload[0] != ERROR_MARK)
		return INSPECT_NO;
	*end = HEADER_BYTES + size;
	if (length < *end)
		return INSPECT_MORE;
	if (payload[0] == ERROR_MARK)
		return is_error(payload, size) ? INSPECT_DONE : INSPECT_NO;
	return is_greeting(payload, size) ? INSPECT_DONE : INSPECT_NO;
}

/* The client's packet 1; *end is behind it when it asks for TLS. */
static enum inspect_status read_login(const uint8_t *bytes, uint32_t length, uint32_t *end)
{
	enum inspect_status status;
	uint32_t size = packet_length(bytes, length, 1, &status), capabilities;
	const uint8_t *payload = bytes + HEADER_BYTES;

	if (status != INSPECT_DONE)
		return status;
	if (size < LOGIN_FIXED || size > LOGIN_MAX)
		return INSPECT_NO;
	if (length < HEADER_BYTES + LOGIN_FIXED)
		return INSPECT_MORE;
	capabilities = inspect_le32(payload);
	if (!(capabilities & CLIENT_PROTOCOL_41) || !payload[LOGIN_ZEROS_AT - 1] ||
	    !inspect_is_zero(payload + LOGIN_ZEROS_AT, LOGIN_ZEROS))
		return INSPECT_NO;
	if (size == LOGIN_FIXED) {
		if (!(capabilities & CLIENT_SSL))
			return INSPECT_NO;
		*end = HEADER_BYTES + size;
	}
	return INSPECT_DONE;
}

static enum inspect_status read_query(const uint8_t *bytes, uint32_t length)
{
	static const char *const words[] = {"select ", "insert ", "update ",  "delete ",  "show ",
					    "set ",    "begin",	  "commit",   "rollback", "create ",
					    "alter ",  "drop ",	  "replace ", "truncate "};
	enum inspect_status status;
	uint32_t size = packet_length(bytes, length, 0, &status), have;

	if (status != INSPECT_DONE)
		return status;
	if (length <= HEADER_BYTES)
		return INSPECT_MORE;
	if (bytes[HEADER_BYTES] != COM_QUERY)
		return INSPECT_NO;
	bytes += HEADER_BYTES + 1;
	have = length - HEADER_BYTES - 1;
	if (have < size - 1 && have < 64)
		return INSPECT_MORE;
	if (have > size - 1)
		have = size - 1;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (have >= strlen(words[i]) &&
		    !strncasecmp((const char *)bytes, words[i], strlen(words[i])))
			return INSPECT_DONE;
	return INSPECT_NO;
}

/* Both sides, `client` being the direction of the one that logs in. */
static enum inspect_status read_talk(const struct inspect_stream *stream, unsigned client,
				     struct inspect_note *note)
{
	enum inspect_status greeting = INSPECT_MORE, login = INSPECT_MORE;
	unsigned server = 1 - client;
	uint32_t said = 0, asked = 0;

	if (stream->length[server])
		greeting = read_server(stream->bytes[server], stream->length[server], &said);
	if (stream->length[client])
		login = read_login(stream->bytes[client], stream->length[client], &asked);
	if (greeting == INSPECT_NO && !stream->midstream)
		return INSPECT_NO;
	if (login == INSPECT_DONE && asked &&
	    (greeting != INSPECT_MORE || !stream->length[server])) {
		note->inner = true;
		note->inner_at[client] = asked;
		note->inner_at[server] = greeting == INSPECT_DONE ? said : 0;
	}
	if (login == INSPECT_DONE)
		return INSPECT_DONE;
	if (greeting != INSPECT_DONE) {
		note->busy = stream->length[server] || stream->length[client];
		return greeting < login ? greeting : login;
	}
	if (stream->last || login == INSPECT_NO || stream->bytes[server][4] != PROTOCOL_10)
		return INSPECT_DONE;
	note->busy = note->carrier = true; /* the client may ask for TLS */
	return INSPECT_MINE;
}

static enum inspect_status read_middle(const uint8_t *bytes, uint32_t length,
				       enum flow_direction from)
{
	return from == FLOW_FROM_CLIENT ? read_query(bytes, length) : INSPECT_NO;
}

static enum inspect_status mysql_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status status = read_talk(stream, FLOW_FROM_CLIENT, note), other;

	(void)evidence;
	if (!stream->midstream || status >= INSPECT_MINE)
		return status;
	other = read_talk(stream, FLOW_FROM_SERVER, note);
	if (other > status)
		status = other;
	if (status < INSPECT_MINE)
		other = inspect_either(stream, read_middle, note);
	return other > status ? other : status;
}

const struct inspector inspector_mysql = {
	.name = "mysql",
	.gives_tcp = INSPECT_HOST | INSPECT_ALPN, /* of the TLS inside */
	.carries = true,
	.stream = mysql_stream,
};
