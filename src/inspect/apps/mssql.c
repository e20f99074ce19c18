/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TDS, what SQL Server and Sybase speak (MS-TDS; TDS 5.0 Functional Specification). A packet has
 * eight bytes of header: type, status, length, process, packet number, and a zero. What is
 * enough, each alone:
 *
 *   PRELOGIN (2.2.6.5), also as the answer: a list of options whose places follow each other up to
 * the end; LOGIN7 (2.2.6.4): its own length is the packet's, and its version one of TDS 7; the
 * login of TDS 4 and 5: names in fields of 30 bytes, zeros behind as many as the length says; a
 * batch, procedure call or transaction that has ALL_HEADERS (2.2.5.3), or text of UTF-16; an answer
 * of one packet which begins with a token and ends with DONE (2.2.7.6).
 *
 * The TLS of a login is wrapped into packets of type PRELOGIN, so it is no layer of its own; it
 * shows the protocol to who did not see the options.
 */
#include <string.h>

#include "sides.h"

enum {
	TYPE_BATCH = 1,
	TYPE_OLD_LOGIN = 2,
	TYPE_CALL = 3,
	TYPE_ANSWER = 4,
	TYPE_TRANSACTION = 14,
	TYPE_LOGIN7 = 16,
	TYPE_PRELOGIN = 18,

	HEADER_BYTES = 8,
	TLS_HANDSHAKE = 22,
	OPTION_BYTES = 5,
	OPTION_LAST = 0xff,
	OPTIONS_MAX = 10,
	VERSION_BYTES = 6,
	HEADERS_BYTES = 22, /* ALL_HEADERS with the transaction's descriptor */
	STATUS_LAST = 1,
	LOGIN7_MIN = 86, /* of 7.0; 94 from 7.2 on */
	LOGIN7_MAX = 128 * 1024,
	OLD_FIELD = 30,
	OLD_FIELDS = 4, /* host, user, password, process */
	DONE_BYTES = 9,
	DONE_BYTES_72 = 13,
	TEXT_MIN = 16,
	PROCEDURE_MAX = 15,
};

static bool is_prelogin(const uint8_t *body, uint32_t size)
{
	uint32_t options = 0, at, end;

	while (options * OPTION_BYTES < size && body[options * OPTION_BYTES] != OPTION_LAST)
		if (++options > OPTIONS_MAX)
			return false;
	end = options * OPTION_BYTES + 1;
	if (!options || end > size || body[0] != 0 || inspect_be16(body + 3) != VERSION_BYTES)
		return false;
	for (at = 0; at < options * OPTION_BYTES; at += OPTION_BYTES) {
		if (body[at] >= OPTIONS_MAX || inspect_be16(body + at + 1) != end)
			return false;
		end += inspect_be16(body + at + 3);
	}
	return end == size;
}

/* `last`: the packet is the login's only or last one. */
static enum inspect_status read_login7(const uint8_t *body, uint32_t have, uint32_t size, bool last)
{
	static const uint32_t versions[] = {0x70000000, 0x71000000, 0x71000001, 0x72090002,
					    0x730a0003, 0x730b0003, 0x74000004};
	uint32_t length;

	if (size < LOGIN7_MIN)
		return INSPECT_NO;
	if (have < 8)
		return INSPECT_MORE;
	length = inspect_le32(body);
	if (last ? length != size : length <= size || length > LOGIN7_MAX)
		return INSPECT_NO;
	for (unsigned i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (inspect_le32(body + 4) == versions[i])
			return INSPECT_DONE;
	return INSPECT_NO;
}

static enum inspect_status read_old_login(const uint8_t *body, uint32_t have)
{
	uint32_t letters = 0;

	if (have < OLD_FIELDS * (OLD_FIELD + 1))
		return INSPECT_MORE;
	for (unsigned i = 0; i < OLD_FIELDS; i++, body += OLD_FIELD + 1) {
		uint8_t used = body[OLD_FIELD];

		if (used > OLD_FIELD || !inspect_is_zero(body + used, OLD_FIELD - used))
			return INSPECT_NO;
		if (i != 2 && !inspect_is_text(body, used))
			return INSPECT_NO;
		letters += used;
	}
	return letters ? INSPECT_DONE : INSPECT_NO;
}

static bool is_wide_text(const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (bytes[2 * i + 1] ||
		    !((bytes[2 * i] >= ' ' && bytes[2 * i] <= '~') || bytes[2 * i] == '\r' ||
		      bytes[2 * i] == '\n' || bytes[2 * i] == '\t'))
			return false;
	return true;
}

static enum inspect_status read_request(uint8_t type, const uint8_t *body, uint32_t have,
					uint32_t size)
{
	static const uint8_t descriptor[] = {HEADERS_BYTES, 0, 0, 0, 18, 0, 0, 0, 2, 0};
	uint32_t count;

	if (have < sizeof(descriptor))
		return have < size ? INSPECT_MORE : INSPECT_NO;
	if (!memcmp(body, descriptor, sizeof(descriptor)))
		return size > HEADERS_BYTES ? INSPECT_DONE : INSPECT_NO;
	if (type == TYPE_TRANSACTION)
		return INSPECT_NO;
	if (type == TYPE_CALL) {
		count = inspect_le16(body);
		if (count == 0xffff) /* a procedure by number, then flags */
			return body[2] && body[2] <= PROCEDURE_MAX && !body[3] && body[4] <= 3 &&
					       !body[5]
				       ? INSPECT_DONE
				       : INSPECT_NO;
		body += 2;
		have -= 2;
		if (count < TEXT_MIN / 4 || count * 2 > size - 2)
			return INSPECT_NO;
		return have < count * 2		   ? INSPECT_MORE
		       : is_wide_text(body, count) ? INSPECT_DONE
						   : INSPECT_NO;
	}
	if (size % 2 || size < TEXT_MIN)
		return INSPECT_NO;
	if (have < TEXT_MIN)
		return INSPECT_MORE;
	return is_wide_text(body, TEXT_MIN / 2) ? INSPECT_DONE : INSPECT_NO;
}

static bool is_done(const uint8_t *token)
{
	return token[0] >= 0xfd && inspect_le16(token + 1) <= 0x1ff;
}

static bool is_answer(const uint8_t *body, uint32_t size)
{
	static const uint8_t tokens[] = {0x79, 0x81, 0xa0, 0xa4, 0xa5, 0xa9, 0xaa,
					 0xab, 0xac, 0xad, 0xae, 0xd1, 0xd7, 0xe3,
					 0xe5, 0xed, 0xee, 0xfd, 0xfe, 0xff};

	if (!memchr(tokens, body[0], sizeof(tokens)))
		return false;
	return (size >= DONE_BYTES_72 && is_done(body + size - DONE_BYTES_72)) ||
	       (size >= DONE_BYTES && is_done(body + size - DONE_BYTES));
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	const uint8_t *body = bytes + HEADER_BYTES;
	bool client = from == FLOW_FROM_CLIENT;
	uint32_t size, have;

	if (client ? bytes[0] != TYPE_BATCH && bytes[0] != TYPE_OLD_LOGIN &&
			     bytes[0] != TYPE_CALL && bytes[0] != TYPE_TRANSACTION &&
			     bytes[0] != TYPE_LOGIN7 && bytes[0] != TYPE_PRELOGIN
		   : bytes[0] != TYPE_ANSWER && bytes[0] != TYPE_PRELOGIN)
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	size = inspect_be16(bytes + 2);
	if (bytes[1] & 0xe4 || bytes[7] || size <= HEADER_BYTES)
		return INSPECT_NO;
	have = (length < size ? length : size) - HEADER_BYTES;
	size -= HEADER_BYTES;
	switch (bytes[0]) {
	case TYPE_LOGIN7:
		return read_login7(body, have, size, bytes[1] & STATUS_LAST);
	case TYPE_OLD_LOGIN:
		return size < OLD_FIELDS * (OLD_FIELD + 1) ? INSPECT_NO
							   : read_old_login(body, have);
	case TYPE_PRELOGIN:
	case TYPE_ANSWER:
		if (bytes[0] == TYPE_PRELOGIN && have && body[0] == TLS_HANDSHAKE)
			return have < 3			      ? INSPECT_MORE
			       : body[1] == 3 && body[2] <= 4 ? INSPECT_DONE
							      : INSPECT_NO;
		if (have && bytes[0] == TYPE_PRELOGIN && body[0] != 0)
			return INSPECT_NO;
		if (have < size)
			return INSPECT_MORE;
		if (is_prelogin(body, size))
			return INSPECT_DONE;
		return bytes[0] == TYPE_ANSWER && bytes[1] & STATUS_LAST && is_answer(body, size)
			       ? INSPECT_DONE
			       : INSPECT_NO;
	default:
		return read_request(bytes[0], body, have, size);
	}
}

static enum inspect_status mssql_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_mssql = {.name = "mssql", .stream = mssql_stream};
