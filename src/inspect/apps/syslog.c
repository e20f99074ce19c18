/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syslog (RFC 3164, 5424) over UDP, and over TCP with counted or lined-up messages (RFC 6587).
 *
 * "<PRI>" with a number from 0 to 191 and no leading zero, and then text alone. The text must
 * have a shape, since chats and games may send "<1>": RFC 5424's version and time, RFC 3164's
 * month, day and time, or, as devices send it without either, a tag that a colon or bracket ends,
 * or KEY=VALUE. Text is UTF-8 or Latin without control characters, at least 8 of them.
 */
#include <ctype.h>

#include "../inspector.h"

enum {
	PRIORITY_MAX = 191,
	HEAD_MAX = 64, /* where a message that has a shape shows it */
	TEXT_MIN = 8,
	COUNT_DIGITS_MAX = 5,
};

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_text(uint8_t byte)
{
	return byte >= ' ' ? byte != 0x7f : byte == '\t' || byte == 0x1b;
}

/* NO, MORE, or DONE with *at behind the '>'. */
static enum inspect_status read_priority(const uint8_t *bytes, uint32_t length, uint32_t *at)
{
	uint32_t value = 0, digits = 0;

	if (length && bytes[0] != '<')
		return INSPECT_NO;
	for (uint32_t i = 1; i < length; i++) {
		if (bytes[i] == '>' && digits) {
			*at = i + 1;
			return value <= PRIORITY_MAX ? INSPECT_DONE : INSPECT_NO;
		}
		if (!is_digit(bytes[i]) || digits == 3 || (digits && !value))
			return INSPECT_NO;
		value = value * 10 + bytes[i] - '0';
		digits++;
	}
	return INSPECT_MORE;
}

/* 'd' a digit, ' ' a digit or a space, 'a' a letter; the rest stand for themselves. */
static bool looks_like(const uint8_t *bytes, uint32_t length, const char *shape)
{
	for (uint32_t i = 0; shape[i]; i++) {
		if (i == length)
			return false;
		switch (shape[i]) {
		case 'd':
			if (!is_digit(bytes[i]))
				return false;
			break;
		case ' ':
			if (!is_digit(bytes[i]) && bytes[i] != ' ')
				return false;
			break;
		default:
			if (bytes[i] != (uint8_t)shape[i])
				return false;
		}
	}
	return true;
}

static bool is_month(const uint8_t *bytes, uint32_t length)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	if (length < 4 || bytes[3] != ' ')
		return false;
	for (uint32_t i = 0; months[i]; i += 3)
		if (!memcmp(bytes, months + i, 3))
			return true;
	return false;
}

/*
 * A word of a tag, then "[", ":" or "=" in it or right behind it; perhaps after another word or
 * two, which are a host, a number in sequence or the like.
 */
static bool has_tag(const uint8_t *bytes, uint32_t length)
{
	uint32_t word = 0;

	for (uint32_t i = 0; i < length && i < HEAD_MAX; i++) {
		uint8_t byte = bytes[i];

		if (byte == ':' || byte == '=' || byte == '[') {
			if (word >= 2)
				return true;
		} else if (isalnum(byte) || strchr("_-./%*()#@\\]", byte)) {
			word++;
		} else if (byte == ' ') {
			word = 0;
		} else {
			return false;
		}
	}
	return false;
}

static bool has_shape(const uint8_t *bytes, uint32_t length)
{
	while (length && *bytes == ' ') {
		bytes++;
		length--;
	}
	if (looks_like(bytes, length, "1 dddd-dd-ddTdd:dd:dd") || looks_like(bytes, length, "1 - "))
		return true;
	if (is_month(bytes, length) && (looks_like(bytes + 4, length - 4, " d dd:dd:dd") ||
					looks_like(bytes + 4, length - 4, " d dddd dd:dd:dd")))
		return true;
	return has_tag(bytes, length);
}

/* One message of `length` bytes, of which `present` are there. */
static bool message_good(const uint8_t *bytes, uint32_t present)
{
	uint32_t at;

	if (read_priority(bytes, present, &at) != INSPECT_DONE)
		return false;
	while (present > at && (bytes[present - 1] == '\n' || bytes[present - 1] == '\r' ||
				bytes[present - 1] == '\0'))
		present--;
	if (present - at < TEXT_MIN)
		return false;
	for (uint32_t i = at; i < present; i++)
		if (!is_text(bytes[i]) && bytes[i] != '\n' && bytes[i] != '\r')
			return false;
	return has_shape(bytes + at, present - at);
}

static enum inspect_status syslog_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return message_good(datagram->bytes, datagram->captured) ? INSPECT_DONE : INSPECT_NO;
}

/* Only senders speak: the other direction must be empty. */
static enum inspect_status syslog_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	unsigned d = stream->length[FLOW_FROM_CLIENT] ? FLOW_FROM_CLIENT : FLOW_FROM_SERVER;
	const uint8_t *bytes = stream->bytes[d];
	uint32_t length = stream->length[d], at = 0, count = 0, end;
	enum inspect_status status;

	(void)evidence;
	if (!length)
		return INSPECT_MORE;
	if (stream->length[!d] || (d == FLOW_FROM_SERVER && !stream->midstream))
		return INSPECT_NO;
	while (at < length && at < COUNT_DIGITS_MAX && is_digit(bytes[at]) &&
	       (at || bytes[0] != '0'))
		count = count * 10 + bytes[at++] - '0';
	if (at == length)
		return INSPECT_MORE;
	if (at && bytes[at++] != ' ')
		return INSPECT_NO;
	if (at == length)
		return INSPECT_MORE;
	bytes += at;
	length -= at;
	status = read_priority(bytes, length, &at);
	if (status == INSPECT_NO)
		return INSPECT_NO;
	for (end = 0; end < length; end++)
		if (count ? end == count : bytes[end] == '\n' || !bytes[end])
			break;
	if (end == length && length < HEAD_MAX && count != end && !stream->last) {
		note->busy = status == INSPECT_DONE;
		return INSPECT_MORE;
	}
	/* however much has come, the same bytes decide */
	return message_good(bytes, end < HEAD_MAX ? end : HEAD_MAX) ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_syslog = {
	.name = "syslog",
	.stream = syslog_stream,
	.datagram = syslog_datagram,
	INSPECT_BEGINS("<<"),
};
