/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memcached (its doc/protocol.txt, and "BinaryProtocolRevamped").
 *
 * Binary: a magic byte for requests and one for answers, an opcode, and lengths of extras, key and
 * body of which the last holds the others; the data type, and most of a request's fields, are zero.
 * Text: a store whose value ends where its length says, the like of an answer, or the statistics,
 * are enough alone; "get key" and "stats" are other protocols' too, and wait for what answers them.
 *
 * Over UDP eight bytes stand before either: request, number and count of this datagram, a zero.
 * With these a command, or the begin of an answer, is enough.
 */
#include <ctype.h>
#include <string.h>

#include "sides.h"

enum {
	MAGIC_REQUEST = 0x80,
	MAGIC_ANSWER = 0x81,
	HEADER_BYTES = 24,
	OPCODE_MAX = 0x48,
	KEY_MAX = 250,
	EXTRAS_MAX = 20,
	BODY_MAX = 8 * 1024 * 1024,
	LINE_MAX_BYTES = 512,
	VALUE_MAX = 1024 * 1024,
	VALUE_WAIT = 4096,
	FRAME_BYTES = 8,
};

/* ---- binary ---- */

static bool is_status(uint32_t status)
{
	return status <= 9 || status == 0x20 || status == 0x21 ||
	       (status >= 0x81 && status <= 0x86);
}

static enum inspect_status read_binary(const uint8_t *bytes, uint32_t length)
{
	uint32_t key, extras, body;

	if (length > 1 && bytes[1] > OPCODE_MAX)
		return INSPECT_NO;
	if (length > 5 && bytes[5])
		return INSPECT_NO; /* the data type */
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	key = inspect_be16(bytes + 2);
	extras = bytes[4];
	body = inspect_be32(bytes + 8);
	if (key > KEY_MAX || extras > EXTRAS_MAX || extras % 4 || body > BODY_MAX ||
	    extras + key > body)
		return INSPECT_NO;
	if (bytes[0] == MAGIC_REQUEST) {
		if (inspect_be16(bytes + 6) > 4095)
			return INSPECT_NO;
		/* what has no value ends with its key; what carries no cas has zeros for it */
		switch (bytes[1]) {
		case 0x00: /* get, getq, getk, getkq, and delete */
		case 0x09:
		case 0x0c:
		case 0x0d:
		case 0x04:
			return key && !extras && body == key &&
					       (bytes[1] == 0x04 || inspect_is_zero(bytes + 16, 8))
				       ? INSPECT_DONE
				       : INSPECT_NO;
		case 0x01: /* set, add, replace, and the quiet ones */
		case 0x02:
		case 0x03:
		case 0x11:
		case 0x12:
		case 0x13:
			return key && extras == 8 ? INSPECT_DONE : INSPECT_NO;
		case 0x05: /* increment, decrement */
		case 0x06:
		case 0x15:
		case 0x16:
			return key && extras == 20 && body == key + extras ? INSPECT_DONE
									   : INSPECT_NO;
		case 0x0e: /* append, prepend */
		case 0x0f:
		case 0x21: /* authentication: a mechanism, and its data */
		case 0x22:
			return key && !extras ? INSPECT_DONE : INSPECT_NO;
		case 0x10: /* stat; quit, no-op, version, list of mechanisms */
			return !extras && body == key && inspect_is_zero(bytes + 16, 8)
				       ? INSPECT_DONE
				       : INSPECT_NO;
		case 0x07:
		case 0x0a:
		case 0x0b:
		case 0x20:
			return !body && inspect_is_zero(bytes + 16, 8) ? INSPECT_DONE : INSPECT_NO;
		default:
			return INSPECT_NO;
		}
	}
	if (!is_status(inspect_be16(bytes + 6)) || (extras != 0 && extras != 4))
		return INSPECT_NO;
	/* a value has flags before it: what is all zeros is none */
	return inspect_be16(bytes + 6) || bytes[1] || extras ? INSPECT_DONE : INSPECT_NO;
}

/* ---- text ---- */

/* The next word of a line, up to `end`; its length, 0: none. *at is behind it. */
static uint32_t next_word(const uint8_t *bytes, uint32_t end, uint32_t *at)
{
	uint32_t begin;

	while (*at < end && bytes[*at] == ' ')
		(*at)++;
	for (begin = *at; *at < end && bytes[*at] > ' ' && bytes[*at] != 0x7f; (*at)++)
		;
	return *at - begin;
}

static bool next_number(const uint8_t *bytes, uint32_t end, uint32_t *at, uint64_t *value)
{
	uint32_t length = next_word(bytes, end, at);

	*value = 0;
	if (!length || length > 19)
		return false;
	for (uint32_t i = *at - length; i < *at; i++) {
		if (i == *at - length && length > 1 && bytes[i] == '-')
			continue; /* an expiry in the past */
		if (!isdigit(bytes[i]))
			return false;
		*value = *value * 10 + (bytes[i] - '0');
	}
	return true;
}

/* The line's end, its CR LF not included; 0: MORE or NO by *status. */
static uint32_t line_end(const uint8_t *bytes, uint32_t length, enum inspect_status *status)
{
	const uint8_t *end = memchr(bytes, '\n', length < LINE_MAX_BYTES ? length : LINE_MAX_BYTES);

	*status = end || length >= LINE_MAX_BYTES ? INSPECT_NO : INSPECT_MORE;
	if (!end || end == bytes || end[-1] != '\r')
		return 0;
	return (uint32_t)(end - bytes) - 1;
}

/* A line whose last number is the length of the value behind it: from `word` on, `numbers` of them.
 */
static enum inspect_status read_value(const uint8_t *bytes, uint32_t length, uint32_t word,
				      unsigned numbers)
{
	enum inspect_status status;
	uint32_t end = line_end(bytes, length, &status), at = word, key;
	uint64_t value = 0;

	if (!end)
		return status;
	key = next_word(bytes, end, &at);
	if (!key || key > KEY_MAX)
		return INSPECT_NO;
	for (unsigned i = 0; i < numbers; i++)
		if (!next_number(bytes, end, &at, &value))
			return INSPECT_NO;
	if (value > VALUE_MAX)
		return INSPECT_NO;
	at = end + 2;
	if (value > VALUE_WAIT) /* too long to be seen whole: the line was five fields already */
		return INSPECT_DONE;
	if (length - at <= value)
		return INSPECT_MORE;
	at += (uint32_t)value;
	return inspect_begins(bytes + at, length - at, "\r\n", 2);
}

/* What begins with one of `words`: its length, 0: MORE or NO by *status. */
static uint32_t match(const uint8_t *bytes, uint32_t length, const char *const *words,
		      enum inspect_status *status)
{
	*status = INSPECT_NO;
	for (; *words; words++) {
		uint32_t want = (uint32_t)strlen(*words);
		enum inspect_status one = inspect_begins(bytes, length, *words, want);

		if (one == INSPECT_DONE) {
			*status = INSPECT_DONE;
			return want;
		}
		if (one == INSPECT_MORE)
			*status = INSPECT_MORE;
	}
	return 0;
}

static const char *const stores[] = {"set ", "add ", "replace ", "append ", "prepend ", NULL};
static const char *const asks[] = {"get ",	 "gets ",     "delete ", "incr ",	"decr ",
				   "touch ",	 "stats\r\n", "stats ",	 "version\r\n", "flush_all",
				   "verbosity ", "gat ",      "gats ",	 NULL};
static const char *const answers[] = {
	"END\r\n",	 "STORED\r\n",	  "NOT_STORED\r\n", "ERROR\r\n",
	"DELETED\r\n",	 "NOT_FOUND\r\n", "TOUCHED\r\n",    "EXISTS\r\n",
	"CLIENT_ERROR ", "SERVER_ERROR ", "RESET\r\n",	    "VERSION ",
	"STAT ",	 "VALUE ",	  "OK\r\n",	    NULL};

/* The answers that are enough alone. */
static enum inspect_status read_answer(const uint8_t *bytes, uint32_t length)
{
	static const char *const proper[] = {"STORED\r\n", "NOT_STORED\r\n", "VALUE ", "STAT ",
					     NULL};
	enum inspect_status status;
	uint32_t word = match(bytes, length, proper, &status), end, at;

	if (!word || bytes[word - 1] == '\n')
		return status;
	if (bytes[0] == 'V')
		return read_value(bytes, length, word, 2);
	end = line_end(bytes, length, &status);
	if (!end)
		return status;
	at = word; /* a name, a value, and the next of them */
	if (!next_word(bytes, end, &at) || !next_word(bytes, end, &at))
		return INSPECT_NO;
	return inspect_begins(bytes + end + 2, length - end - 2, "STAT ", 5);
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	enum inspect_status status;
	uint32_t word;

	if (bytes[0] == MAGIC_REQUEST || bytes[0] == MAGIC_ANSWER)
		return (bytes[0] == MAGIC_REQUEST) == (from == FLOW_FROM_CLIENT)
			       ? read_binary(bytes, length)
			       : INSPECT_NO;
	if (from == FLOW_FROM_SERVER)
		return read_answer(bytes, length);
	word = match(bytes, length, stores, &status);
	return word ? read_value(bytes, length, word, 3) : status;
}

static bool answers_it(const uint8_t *bytes, uint32_t length, const uint8_t *asked)
{
	switch (asked[0]) {
	case 's':
		return length >= 5 && !memcmp(bytes, "STAT ", 5);
	case 'v': /* version, verbosity */
		if (length >= 8 && !memcmp(bytes, "VERSION ", 8))
			return true;
		return length >= 4 && !memcmp(bytes, "OK\r\n", 4);
	case 'f':
		return length >= 4 && !memcmp(bytes, "OK\r\n", 4);
	case 'g':
		return length >= 5 && !memcmp(bytes, "END\r\n", 5);
	case 'd':
		return (length >= 9 && !memcmp(bytes, "DELETED\r\n", 9)) ||
		       (length >= 11 && !memcmp(bytes, "NOT_FOUND\r\n", 11));
	default:
		return (length >= 11 && !memcmp(bytes, "NOT_FOUND\r\n", 11)) ||
		       (length >= 9 && !memcmp(bytes, "TOUCHED\r\n", 9));
	}
}

/* A command that other protocols have too, and its answer. */
static enum inspect_status read_talk(const struct inspect_stream *stream)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	uint32_t asked = stream->length[FLOW_FROM_CLIENT];
	uint32_t answered = stream->length[FLOW_FROM_SERVER];
	enum inspect_status status, ends;

	if (!asked)
		return INSPECT_NO;
	if (!match(client, asked, asks, &status))
		return status;
	if (!line_end(client, asked, &ends))
		return ends;
	if (!answered)
		return INSPECT_MORE;
	if (answers_it(stream->bytes[FLOW_FROM_SERVER], answered, client))
		return INSPECT_DONE;
	/* what needs no question */
	status = read_side(stream->bytes[FLOW_FROM_SERVER], answered, FLOW_FROM_SERVER);
	if (status == INSPECT_NO &&
	    !match(stream->bytes[FLOW_FROM_SERVER], answered, answers, &ends))
		status = ends;
	return status;
}

static enum inspect_status memcached_stream(const struct inspect_stream *stream,
					    struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status status = inspect_either(stream, read_side, note), talk;

	(void)evidence;
	if (status >= INSPECT_MINE)
		return status;
	talk = inspect_pair(stream, read_talk);
	return talk > status ? talk : status;
}

static enum inspect_status memcached_datagram(const struct inspect_datagram *datagram, void **state,
					      struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes + FRAME_BYTES;
	uint32_t length = datagram->captured, number, count;
	enum inspect_status status;

	(void)state;
	(void)evidence;
	if (length <= FRAME_BYTES)
		return INSPECT_NO;
	number = inspect_be16(datagram->bytes + 2);
	count = inspect_be16(datagram->bytes + 4);
	length -= FRAME_BYTES;
	if (number >= count || inspect_be16(datagram->bytes + 6))
		return INSPECT_NO;
	if (number) /* not the first of an answer: it begins anywhere */
		return INSPECT_MORE;
	if (bytes[0] == MAGIC_REQUEST || bytes[0] == MAGIC_ANSWER)
		return read_binary(bytes, length);
	if (match(bytes, length, answers, &status))
		return INSPECT_DONE;
	if (count == 1 &&
	    (match(bytes, length, stores, &status) || match(bytes, length, asks, &status)))
		return memchr(bytes, '\n', length) || datagram->captured < datagram->length
			       ? INSPECT_DONE
			       : INSPECT_NO;
	return INSPECT_NO;
}

const struct inspector inspector_memcached = {
	.name = "memcached",
	.stream = memcached_stream,
	.datagram = memcached_datagram,
};
