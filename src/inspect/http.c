/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/1.0 and 1.1 (RFC 9112) with the methods of WebDAV and its kin (RFC 4918,
 * 3253, 3648, 3744, 5323, 5842, 4791), and those that UPnP and RPC over HTTP use.
 *
 * A request is claimed by its whole request line: a known method and, at the
 * end, " HTTP/1.x". The method alone is not enough: SIP, RTSP and Redis share
 * words with HTTP. A response is claimed by "HTTP/1.x NNN".
 *
 * The name: the target's authority when it is in absolute form or CONNECT's (RFC
 * 9112, 3.2.2: it overrules Host), else the first Host field of the first
 * request. Line folding (5.2, obsolete) is read so far that a value may stand on
 * the line after its name. A Host that is not a plausible name gives no name.
 */
#include <string.h>
#include <strings.h>

#include "inspector.h"

static const char *const methods[] = {
	"GET",
	"POST",
	"HEAD",
	"PUT",
	"DELETE",
	"OPTIONS",
	"CONNECT",
	"TRACE",
	"PATCH",
	"PROPFIND",
	"PROPPATCH",
	"MKCOL",
	"COPY",
	"MOVE",
	"LOCK",
	"UNLOCK",
	"SEARCH",
	"REPORT",
	"ACL",
	"BIND",
	"UNBIND",
	"REBIND",
	"LINK",
	"UNLINK",
	"CHECKIN",
	"CHECKOUT",
	"UNCHECKOUT",
	"MERGE",
	"UPDATE",
	"LABEL",
	"MKACTIVITY",
	"MKWORKSPACE",
	"MKCALENDAR",
	"MKREDIRECTREF",
	"ORDERPATCH",
	"QUERY",
	"UPDATEREDIRECTREF",
	"VERSION-CONTROL",
	"BASELINE-CONTROL",
	"NOTIFY",
	"SUBSCRIBE",
	"UNSUBSCRIBE",
	"M-SEARCH",
	"PURGE",
	"BITS_POST",
	"RPC_IN_DATA",
	"RPC_OUT_DATA",
};

enum side {
	SIDE_EMPTY,
	SIDE_NOT,
	SIDE_MORE,
	SIDE_REQUEST_PART, /* the request line is good, the name may still come */
	SIDE_REQUEST,
	SIDE_RESPONSE,
};

struct text {
	const uint8_t *at;
	size_t length;
};

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct text trim(struct text text)
{
	while (text.length && blank(text.at[0])) {
		text.at++;
		text.length--;
	}
	while (text.length && (blank(text.at[text.length - 1]) || text.at[text.length - 1] == '\r'))
		text.length--;
	return text;
}

/* Without its line end; false when the line has no end yet. */
static bool next_line(struct text *rest, struct text *line)
{
	const uint8_t *end = rest->length ? memchr(rest->at, '\n', rest->length) : NULL;

	if (!end)
		return false;
	line->at = rest->at;
	line->length = (size_t)(end - rest->at);
	rest->at = end + 1;
	rest->length -= line->length + 1;
	if (line->length && line->at[line->length - 1] == '\r')
		line->length--;
	return true;
}

static bool digits(const uint8_t *at, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (at[i] < '0' || at[i] > '9')
			return false;
	return true;
}

/* host, host:port, [v6], [v6]:port; an IPv6 address without brackets is taken as it is. */
static bool set_authority(struct evidence *evidence, enum host_source source, struct text text)
{
	const uint8_t *colon, *end;

	if (!text.length)
		return false;
	if (text.at[0] == '[') {
		size_t after;

		end = memchr(text.at, ']', text.length);
		if (!end)
			return false;
		after = text.length - (size_t)(end + 1 - text.at);
		if (after && (end[1] != ':' || !digits(end + 2, after - 1)))
			return false;
		if (!memchr(text.at, ':', (size_t)(end - text.at)))
			return false;
		return evidence_set_host(evidence, source, text.at + 1,
					 (size_t)(end - text.at - 1));
	}
	colon = memchr(text.at, ':', text.length);
	if (colon) {
		size_t after = text.length - (size_t)(colon + 1 - text.at);

		if (!memchr(colon + 1, ':', after)) {
			if (!digits(colon + 1, after))
				return false;
			text.length = (size_t)(colon - text.at);
		}
	}
	return evidence_set_host(evidence, source, text.at, text.length);
}

/* The authority of an absolute-form target, without user information; empty: another form. */
static struct text target_authority(struct text target)
{
	struct text none = {NULL, 0};
	size_t at = 0, begin;

	while (at < target.length &&
	       (((target.at[at] | 0x20) >= 'a' && (target.at[at] | 0x20) <= 'z') ||
		(at && digits(target.at + at, 1))))
		at++;
	if (!at || target.length - at < 3 || memcmp(target.at + at, "://", 3) != 0)
		return none;
	begin = at += 3;
	for (; at < target.length; at++) {
		uint8_t c = target.at[at];

		if (c == '/' || c == '?' || c == '#' || c == ' ')
			break;
		if (c == '@')
			begin = at + 1;
	}
	return (struct text){target.at + begin, at - begin};
}

/* The fields up to the first Host, or to the end of the section. */
static enum side read_fields(struct text rest, enum host_source source, struct evidence *evidence)
{
	struct text line;
	bool folded_host = false;

	while (next_line(&rest, &line)) {
		const uint8_t *colon;
		struct text name, value;

		if (!line.length)
			return SIDE_REQUEST;
		if (blank(line.at[0])) {
			value = trim(line);
			if (folded_host && value.length) {
				set_authority(evidence, source, value);
				return SIDE_REQUEST;
			}
			continue;
		}
		if (folded_host)
			return SIDE_REQUEST; /* "Host:" is empty */
		colon = memchr(line.at, ':', line.length);
		if (!colon)
			continue;
		name = trim((struct text){line.at, (size_t)(colon - line.at)});
		if (name.length != 4 || strncasecmp((const char *)name.at, "host", 4) != 0)
			continue;
		value = trim((struct text){colon + 1, (size_t)(line.at + line.length - colon - 1)});
		if (value.length) {
			set_authority(evidence, source, value);
			return SIDE_REQUEST;
		}
		folded_host = true;
	}
	return SIDE_REQUEST_PART;
}

static enum side read_response(struct text text)
{
	static const char version[] = "HTTP/1.";
	size_t want = sizeof(version) - 1;

	if (memcmp(text.at, version, text.length < want ? text.length : want) != 0)
		return SIDE_NOT;
	for (size_t i = want; i < text.length && i < want + 5; i++)
		if (i == want + 1 ? text.at[i] != ' ' : !digits(text.at + i, 1))
			return SIDE_NOT;
	return text.length < want + 5 ? SIDE_MORE : SIDE_RESPONSE;
}

/* The method that the text begins with, NULL with *more when it may still become one. */
static const char *find_method(struct text text, bool *more)
{
	*more = false;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		size_t length = strlen(methods[i]);

		if (memcmp(text.at, methods[i], text.length < length ? text.length : length) != 0)
			continue;
		if (text.length <= length)
			*more = true;
		else if (text.at[length] == ' ')
			return methods[i];
	}
	return NULL;
}

/* What a target can begin with: "/", "*", a scheme or host, "[", or an unescaped oddity. */
static bool target_begin(uint8_t c)
{
	return c == '/' || c == '*' || c == '[' || c == '?' || c == '%' || c == '.' || c == ' ' ||
	       c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static enum side read_request(struct text rest, struct evidence *evidence)
{
	enum host_source source = HOST_HTTP_HOST;
	struct text line, target;
	const char *method;
	size_t at;
	bool more;

	method = find_method(rest, &more);
	if (!method)
		return more ? SIDE_MORE : SIDE_NOT;
	at = strlen(method) + 1;
	if (at < rest.length && !target_begin(rest.at[at]))
		return SIDE_NOT;
	for (size_t i = at; i < rest.length && rest.at[i] != '\n'; i++)
		if ((rest.at[i] < ' ' && rest.at[i] != '\r' && rest.at[i] != '\t') ||
		    rest.at[i] == 0x7f)
			return SIDE_NOT;
	if (!next_line(&rest, &line))
		return SIDE_MORE;
	/* METHOD target HTTP/1.x; a raw space in the target is a fault that clients do commit */
	if (line.length < at + 10 || memcmp(line.at + line.length - 9, " HTTP/1.", 8) != 0 ||
	    !digits(line.at + line.length - 1, 1))
		return SIDE_NOT;
	target = trim((struct text){line.at + at, line.length - 9 - at});
	if (!strcmp(method, "CONNECT"))
		source = HOST_HTTP_CONNECT;
	else
		target = target_authority(target);
	if (set_authority(evidence, source, target))
		return SIDE_REQUEST;
	return read_fields(rest, source, evidence);
}

static enum side read_side(const uint8_t *bytes, size_t length, struct evidence *evidence)
{
	struct text text = {bytes, length};
	enum side response;

	if (!length)
		return SIDE_EMPTY;
	response = read_response(text);
	if (response != SIDE_NOT)
		return response;
	/* RFC 9112, 2.2: an empty line before the request line is to be ignored */
	for (unsigned i = 0; i < 2 && text.length && text.at[0] == '\r'; i++) {
		if (text.length == 1)
			return SIDE_MORE;
		if (text.at[1] != '\n')
			return SIDE_NOT;
		text.at += 2;
		text.length -= 2;
	}
	return text.length ? read_request(text, evidence) : SIDE_MORE;
}

static enum inspect_status http_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	enum side sides[2];
	bool refused = false, empty = false, response = false, request = false;

	for (unsigned d = 0; d < 2; d++) {
		sides[d] = read_side(stream->bytes[d], stream->length[d], evidence);
		if (sides[d] == SIDE_REQUEST)
			return INSPECT_DONE;
		empty |= sides[d] == SIDE_EMPTY;
		refused |= sides[d] == SIDE_NOT;
		request |= sides[d] == SIDE_REQUEST_PART;
		response |= sides[d] == SIDE_RESPONSE;
		note->busy |= sides[d] == SIDE_MORE || sides[d] == SIDE_REQUEST_PART;
	}
	if (request)
		return stream->last ? INSPECT_DONE : INSPECT_MINE;
	/* a response whose request was missed: it may only be late */
	if (response)
		return note->busy || empty ? INSPECT_MINE : INSPECT_DONE;
	if (note->busy)
		return INSPECT_MORE;
	return refused && !(stream->midstream && empty) ? INSPECT_NO : INSPECT_MORE;
}

const struct inspector inspector_http = {
	.name = "http",
	.gives_tcp = INSPECT_HOST,
	.stream = http_stream,
};
