/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FastCGI (FastCGI Specification 1.0, 3.3 and 5): version 1, type, request, length of content and
 * of padding, a reserved zero. The web server begins with a request's begin, eight bytes of which
 * five are reserved: enough. The application's output begins with a header of CGI, and is enough
 * when that shows.
 */
#include <ctype.h>

#include "sides.h"

enum {
	HEADER_BYTES = 8,
	TYPE_BEGIN = 1,
	TYPE_STDOUT = 6,
	TYPE_STDERR = 7,
	BEGIN_BYTES = 8,
	ROLE_MAX = 3,
	FIELD_MIN = 4,
	FIELD_MAX = 40,
};

/* A header's name, ": " and one character. */
static enum inspect_status read_field(const uint8_t *text, uint32_t have)
{
	uint32_t at = 0;

	while (at < have && at < FIELD_MAX && (isalnum(text[at]) || text[at] == '-'))
		at++;
	if (at == have)
		return INSPECT_MORE;
	if (at < FIELD_MIN || text[at] != ':')
		return INSPECT_NO;
	if (have < at + 3)
		return INSPECT_MORE;
	return text[at + 1] == ' ' && text[at + 2] > ' ' ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	const uint8_t *body = bytes + HEADER_BYTES;
	bool client = from == FLOW_FROM_CLIENT;
	uint32_t size, have;

	if (bytes[0] != 1 ||
	    (length > 1 && (client ? bytes[1] != TYPE_BEGIN
				   : bytes[1] != TYPE_STDOUT && bytes[1] != TYPE_STDERR)))
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	size = inspect_be16(bytes + 4);
	have = length - HEADER_BYTES;
	if (!inspect_be16(bytes + 2) || bytes[7])
		return INSPECT_NO;
	if (!client) /* an error's text may come first: the output behind it is not looked for */
		return bytes[1] == TYPE_STDOUT && size > FIELD_MIN
			       ? read_field(body, have < size ? have : size)
			       : INSPECT_NO;
	if (size != BEGIN_BYTES || bytes[6])
		return INSPECT_NO;
	if (have < BEGIN_BYTES)
		return INSPECT_MORE;
	return !body[0] && body[1] && body[1] <= ROLE_MAX && body[2] <= 1 &&
			       inspect_is_zero(body + 3, BEGIN_BYTES - 3)
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status fastcgi_stream(const struct inspect_stream *stream,
					  struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_fastcgi = {.name = "fastcgi", .stream = fastcgi_stream};
