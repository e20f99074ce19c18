/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PostgreSQL's opening (protocol 3.0; its documentation, "Message Flow" and "Message
 * Formats"). The client begins: four bytes of length, which count themselves, four of a
 * code. A request for encryption is eight bytes, and its code is a number that nobody else
 * sends: claimed at once. The server answers with one byte. After 'S' the stream is TLS;
 * after 'N' the client goes on with another request or in the clear.
 *
 * The startup message is a version and pairs of strings, one of which must be "user".
 *
 * A server alone, and a flow seen from the middle: messages of a letter and a length that counts
 * itself. One proves it whose text or numbers end where it does: the answer to the startup, a
 * parameter's status, "ready", a command that is complete, an error, a query.
 */
#include <string.h>

#include "apps/sides.h"

enum {
	REQUEST_BYTES = 8,
	REQUEST_CANCEL = 80877102,
	REQUEST_TLS = 80877103,
	REQUEST_GSS = 80877104,
	CANCEL_BYTES = 16,
	STARTUP_MIN = 15, /* with "user", an empty name, and the end */
	STARTUP_MAX = 10000,
	REQUESTS_MAX = 4,
	TYPED_HEADER = 5,
	TYPED_MAX = 64 * 1024 * 1024,
};

enum message {
	MESSAGE_NOT,
	MESSAGE_MORE,
	MESSAGE_TLS,
	MESSAGE_GSS,
	MESSAGE_LAST, /* nothing that concerns us follows */
};

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
	size = inspect_be32(bytes);
	code = inspect_be32(bytes + 4);
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

/* Strings one behind the other: how many until the end, 0 when the last one does not close. */
static uint32_t count_strings(const uint8_t *bytes, uint32_t length)
{
	uint32_t count = 0;

	if (!length || bytes[length - 1])
		return 0;
	for (uint32_t i = 0; i < length; i++)
		count += !bytes[i];
	return count;
}

/* The body of a server's message, whole, which nobody else's looks like. */
static bool server_proves(uint8_t type, const uint8_t *body, uint32_t size)
{
	switch (type) {
	case 'R': /* authentication: done, by password, by a salt */
		return (size == 4 && inspect_be32(body) <= 9) ||
		       (size == 8 && inspect_be32(body) == 5);
	case 'S':
		return size >= 5 && count_strings(body, size) == 2 && body[0] > ' ' &&
		       inspect_is_text(body, (uint32_t)strnlen((const char *)body, size));
	case 'Z':
		return size == 1 && (body[0] == 'I' || body[0] == 'T' || body[0] == 'E');
	case 'C': /* "SELECT 1" */
		return size >= 5 && count_strings(body, size) == 1 &&
		       inspect_is_text(body, size - 1) && body[0] >= 'A' && body[0] <= 'Z' &&
		       body[1] >= 'A' && body[1] <= 'Z';
	case 'E':
	case 'N': /* fields of a letter and a string, and a zero; severity comes first */
		return size >= 12 && body[0] == 'S' && body[1] >= 'A' &&
		       count_strings(body, size) >= 4 && !body[size - 2];
	default:
		return false;
	}
}

static bool client_proves(uint8_t type, const uint8_t *body, uint32_t size)
{
	return type == 'Q' && size >= 6 && count_strings(body, size) == 1 &&
	       (inspect_is_text(body, 4) || body[0] == '\n');
}

static enum inspect_status read_typed(const uint8_t *bytes, uint32_t length,
				      enum flow_direction from)
{
	const char *types =
		from == FLOW_FROM_SERVER ? "RSZCENK123ntTDIAVdcGHWsv" : "QPBDESHCFdcfpX";
	uint32_t at = 0, size;

	while (at < length) {
		if (!bytes[at] || !strchr(types, bytes[at]))
			return INSPECT_NO;
		if (length - at < TYPED_HEADER)
			return INSPECT_MORE;
		size = inspect_be32(bytes + at + 1);
		if (size < TYPED_HEADER - 1 || size > TYPED_MAX)
			return INSPECT_NO;
		if (length - at < 1 + size)
			return INSPECT_MORE;
		if ((from == FLOW_FROM_SERVER ? server_proves : client_proves)(
			    bytes[at], bytes + at + TYPED_HEADER, size - (TYPED_HEADER - 1)))
			return INSPECT_DONE;
		at += 1 + size;
	}
	return INSPECT_MORE;
}

/* A server whose client is not seen: perhaps a refusal of encryption, then its answer. */
static enum inspect_status read_server(const uint8_t *bytes, uint32_t length,
				       struct inspect_note *note)
{
	uint32_t at = bytes[0] == 'N' && length > 1 && bytes[1] ? 1 : 0;

	if (bytes[at] != 'R' && bytes[at] != 'E' && !(bytes[0] == 'N' && length == 1))
		return INSPECT_NO;
	note->busy = true;
	return read_typed(bytes + at, length - at, FLOW_FROM_SERVER);
}

static enum inspect_status postgresql_stream(const struct inspect_stream *stream,
					     struct evidence *evidence, struct inspect_note *note)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	const uint8_t *server = stream->bytes[FLOW_FROM_SERVER];
	uint32_t sent = stream->length[FLOW_FROM_CLIENT];
	uint32_t answered = stream->length[FLOW_FROM_SERVER], at = 0;
	enum inspect_status middle = INSPECT_NO;

	(void)evidence;
	if (!sent && !answered)
		return INSPECT_MORE;
	if (stream->midstream) {
		middle = inspect_either(stream, read_typed, note);
		if (middle == INSPECT_DONE)
			return middle;
	}
	if (!sent)
		return stream->midstream ? middle : read_server(server, answered, note);
	for (uint32_t asked = 0; asked < REQUESTS_MAX; asked++) {
		enum message message =
			at < sent ? read_message(client + at, sent - at) : MESSAGE_MORE;

		if (message == MESSAGE_NOT)
			return asked ? INSPECT_DONE : middle;
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
