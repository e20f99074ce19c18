/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Redis: RESP2 and RESP3 (Redis documentation, "Redis serialization protocol").
 *
 * A command is an array of bulk strings: "*COUNT", then for each "$LENGTH" and as many bytes, each
 * closed by CR LF. An array whose first string ends where its length says is enough alone, and so
 * is a bulk string of an answer. The one-line answers are too short for that, "+OK" is POP3's too:
 * those that name a condition of Redis are enough, the others only behind a command typed as a line
 * ("PING"), which they answer. Nodes of a cluster greet each other with "RCmb".
 */
#include <ctype.h>
#include <string.h>

#include "sides.h"

enum {
	COUNT_DIGITS = 7,
	BULK_MAX = 1024 * 1024,
	INLINE_MAX = 128,
};

/* A decimal and CR LF from *at on, behind the mark. */
static enum inspect_status read_number(const uint8_t *bytes, uint32_t length, uint32_t *at,
				       uint32_t *value)
{
	uint32_t begin = *at;

	for (*value = 0; *at < length && isdigit(bytes[*at]); (*at)++) {
		if (*at - begin == COUNT_DIGITS)
			return INSPECT_NO;
		*value = *value * 10 + (bytes[*at] - '0');
	}
	if (*at == length)
		return INSPECT_MORE;
	if (*at == begin || bytes[(*at)++] != '\r')
		return INSPECT_NO;
	if (*at == length)
		return INSPECT_MORE;
	return bytes[(*at)++] == '\n' ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_bulk(const uint8_t *bytes, uint32_t length, uint32_t at)
{
	enum inspect_status status;
	uint32_t size;

	if (at == length)
		return INSPECT_MORE;
	if (bytes[at++] != '$')
		return INSPECT_NO;
	status = read_number(bytes, length, &at, &size);
	if (status != INSPECT_DONE)
		return status;
	if (size > BULK_MAX)
		return INSPECT_NO;
	if (length - at <= size)
		return INSPECT_MORE;
	return inspect_begins(bytes + at + size, length - at - size, "\r\n", 2);
}

static enum inspect_status read_array(const uint8_t *bytes, uint32_t length)
{
	enum inspect_status status;
	uint32_t count, at = 1;

	status = read_number(bytes, length, &at, &count);
	if (status != INSPECT_DONE)
		return status;
	return count ? read_bulk(bytes, length, at) : INSPECT_NO;
}

/* One of the words that no other protocol's answers begin with. */
static enum inspect_status read_condition(const uint8_t *bytes, uint32_t length)
{
	static const char *const words[] = {"+PONG\r\n",
					    "-NOAUTH ",
					    "-WRONGTYPE ",
					    "-WRONGPASS ",
					    "-NOSCRIPT ",
					    "-LOADING ",
					    "-READONLY ",
					    "-EXECABORT ",
					    "-MASTERDOWN ",
					    "-NOREPLICAS ",
					    "-CLUSTERDOWN ",
					    "-CROSSSLOT ",
					    "-ERR unknown command ",
					    "-ERR wrong number of arguments for ",
					    "-NOPROTO ",
					    "-ERR AUTH ",
					    "-DENIED Redis ",
					    "+FULLRESYNC ",
					    "+QUEUED\r\n"};
	enum inspect_status best = INSPECT_NO;

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		enum inspect_status status =
			inspect_begins(bytes, length, words[i], strlen(words[i]));

		if (status > best)
			best = status;
	}
	return best;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	switch (bytes[0]) {
	case '*':
		return read_array(bytes, length);
	case '%':
	case '>':
	case '~':
		return from == FLOW_FROM_SERVER ? read_array(bytes, length) : INSPECT_NO;
	case '$':
		return from == FLOW_FROM_SERVER ? read_bulk(bytes, length, 0) : INSPECT_NO;
	case '+':
	case '-':
		return from == FLOW_FROM_SERVER ? read_condition(bytes, length) : INSPECT_NO;
	case 'R':
		return inspect_begins(bytes, length, "RCmb", 4);
	default:
		return INSPECT_NO;
	}
}

/* A command as a line, up to its end; 0: NO or MORE by *status. */
static uint32_t read_inline(const uint8_t *bytes, uint32_t length, enum inspect_status *status)
{
	static const char *const commands[] = {"ping",	  "info",    "get ",   "set ",
					       "select ", "keys ",   "echo ",  "command",
					       "config ", "client ", "dbsize", "monitor"};
	const uint8_t *end = memchr(bytes, '\n', length < INLINE_MAX ? length : INLINE_MAX);

	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		uint32_t at = 0, want = (uint32_t)strlen(commands[i]);

		while (at < want && at < length && tolower(bytes[at]) == commands[i][at])
			at++;
		if (at < want && at < length)
			continue;
		*status = length < INLINE_MAX ? INSPECT_MORE : INSPECT_NO;
		return end ? (uint32_t)(end - bytes) + 1 : 0;
	}
	*status = INSPECT_NO;
	return 0;
}

/*
 * What answers a line, beside that which read_side() knows alone: none of the words of memcached,
 * which knows some of the same lines.
 */
static enum inspect_status read_answer(const uint8_t *bytes, uint32_t length, bool ping)
{
	enum inspect_status status;
	uint32_t at = 1, value;

	switch (bytes[0]) {
	case '$':
		if (length >= 5 && !memcmp(bytes, "$-1\r\n", 5))
			return INSPECT_DONE;
		return length > 1 && bytes[1] == '-' ? INSPECT_MORE : INSPECT_NO;
	case ':':
		status = read_number(bytes, length, &at, &value);
		return status == INSPECT_DONE && at == length ? INSPECT_DONE : status;
	case '+':
		return ping ? INSPECT_NO : inspect_begins(bytes, length, "+OK\r\n", 5);
	case '-':
		return inspect_begins(bytes, length, "-ERR ", 5);
	default:
		return INSPECT_NO;
	}
}

static enum inspect_status read_lines(const struct inspect_stream *stream)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	const uint8_t *server = stream->bytes[FLOW_FROM_SERVER];
	const uint32_t answered = stream->length[FLOW_FROM_SERVER];
	enum inspect_status status, alone;

	if (!stream->length[FLOW_FROM_CLIENT])
		return INSPECT_NO;
	if (!read_inline(client, stream->length[FLOW_FROM_CLIENT], &status) || !answered)
		return status;
	status = read_answer(server, answered, tolower(client[0]) == 'p');
	alone = read_side(server, answered, FLOW_FROM_SERVER); /* what needs no question */
	return status > alone ? status : alone;
}

static enum inspect_status redis_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status status = inspect_either(stream, read_side, note), line;

	(void)evidence;
	if (status >= INSPECT_MINE)
		return status;
	line = inspect_pair(stream, read_lines);
	return line > status ? line : status;
}

const struct inspector inspector_redis = {.name = "redis", .stream = redis_stream};
