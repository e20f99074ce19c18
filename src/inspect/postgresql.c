/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PostgreSQL's opening (protocol 3.0; its documentation, "Message Flow" and "Message
 * Formats"). The client begins: four bytes of length, which count themselves, four of a
 * code. A request for encryption is eight bytes, and its code is a number that nobody else
 * sends: claimed at once. The server answers with one byte. After 'S' the stream is TLS;
 * after 'N' the client goes on with another request or in the clear.
 *
 * The startup message is a version and pairs of strings, one of which must be "user".
 */
#include <string.h>

#include "inspector.h"

enum {
	REQUEST_BYTES = 8,
	REQUEST_CANCEL = 80877102,
	REQUEST_TLS = 80877103,
	REQUEST_GSS = 80877104,
	CANCEL_BYTES = 16,
	STARTUP_MIN = 15, /* with "user", an empty name, and the end */
	STARTUP_MAX = 10000,
	REQUESTS_MAX = 4,
};

enum message {
	MESSAGE_NOT,
	MESSAGE_MORE,
	MESSAGE_TLS,
	MESSAGE_GSS,
	MESSAGE_LAST, /* nothing that concerns us follows */
};

static uint32_t be32(const uint8_t *bytes)
{
	return inspect_be16(bytes) << 16 | inspect_be16(bytes + 2);
}

static bool has_user(const uint8_t *bytes, size_t length)
{
	size_t at = REQUEST_BYTES;

	if (bytes[length - 1] != 0)
		return false;
	while (at < length && bytes[at]) { /* the last byte is a zero: no string runs out */
		const char *name = (const char *)bytes + at;

		if (!strcmp(name, "user"))
			return true;
		at += strlen(name) + 1;
		if (at < length)
			at += strlen((const char *)bytes + at) + 1;
	}
	return false;
}

static enum message read_message(const uint8_t *bytes, size_t length)
{
	static const uint8_t codes[][4] = {{0x04, 0xd2, 0x16, 0x2e},
					   {0x04, 0xd2, 0x16, 0x2f},
					   {0x04, 0xd2, 0x16, 0x30},
					   {0, 3}};
	uint32_t code, size;
	bool fits = length <= 4;

	for (size_t i = 0; i < length && i < 2; i++)
		if (bytes[i])
			return MESSAGE_NOT;
	for (size_t i = 0; !fits && i < 4; i++) {
		size_t want = codes[i][0] ? 4 : 2; /* any minor version */

		fits = !memcmp(bytes + 4, codes[i], length - 4 < want ? length - 4 : want);
	}
	if (!fits)
		return MESSAGE_NOT;
	if (length < REQUEST_BYTES)
		return MESSAGE_MORE;
	size = be32(bytes);
	code = be32(bytes + 4);
	if (code == REQUEST_TLS || code == REQUEST_GSS) {
		if (size != REQUEST_BYTES)
			return MESSAGE_NOT;
		return code == REQUEST_TLS ? MESSAGE_TLS : MESSAGE_GSS;
	}
	if (code == REQUEST_CANCEL)
		return size == CANCEL_BYTES ? MESSAGE_LAST : MESSAGE_NOT;
	if (size < STARTUP_MIN || size > STARTUP_MAX)
		return MESSAGE_NOT;
	if (length < size)
		return MESSAGE_MORE;
	return has_user(bytes, size) ? MESSAGE_LAST : MESSAGE_NOT;
}

static enum inspect_status postgresql_stream(const struct inspect_stream *stream,
					     struct evidence *evidence, struct inspect_note *note)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	const uint8_t *server = stream->bytes[FLOW_FROM_SERVER];
	uint32_t sent = stream->length[FLOW_FROM_CLIENT];
	uint32_t answered = stream->length[FLOW_FROM_SERVER], at = 0;

	(void)evidence;
	if (!sent)
		return answered ? INSPECT_NO : INSPECT_MORE;
	for (uint32_t asked = 0; asked < REQUESTS_MAX; asked++) {
		enum message message =
			at < sent ? read_message(client + at, sent - at) : MESSAGE_MORE;

		if (message == MESSAGE_NOT)
			return asked ? INSPECT_DONE : INSPECT_NO;
		if (message == MESSAGE_LAST)
			return INSPECT_DONE;
		note->busy = true;
		if (message == MESSAGE_MORE && !asked)
			return INSPECT_MORE;
		note->carrier = true;
		if (message == MESSAGE_MORE || asked == answered)
			return stream->last ? INSPECT_DONE : INSPECT_MINE;
		at += REQUEST_BYTES;
		if (message == MESSAGE_TLS && server[asked] == 'S') {
			note->inner = true;
			note->inner_at[FLOW_FROM_CLIENT] = at;
			note->inner_at[FLOW_FROM_SERVER] = asked + 1;
			return INSPECT_DONE;
		}
		if (server[asked] != 'N')
			break;
	}
	return INSPECT_DONE;
}

const struct inspector inspector_postgresql = {
	.name = "postgresql",
	.gives_tcp = INSPECT_HOST | INSPECT_ALPN, /* of the TLS inside */
	.carries = true,
	.stream = postgresql_stream,
};
