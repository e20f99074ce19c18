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
 *
 * What follows may be another protocol: behind a good answer to CONNECT, or behind 101 where
 * the request offered HTTP/2 (RFC 7540, 3.2). A CONNECT that is refused may come again
 * on the same connection, with a password. A WebSocket, begun by 101, is named and not looked
 * into; what else the header names is in apps/http_apps.c.
 */
#include <string.h>
#include <strings.h>

#include "http.h"

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
	SIDE_REQUEST_PART, /* the request line is good, its fields are not all there */
	SIDE_REQUEST,
	SIDE_RESPONSE,
};

/* What the head of a request or response says, beside the name. */
struct head {
	unsigned code; /* of a response */
	bool connect;
	bool offers_http2, offers_websocket;
	bool has_length;
	uint64_t length;	       /* of the body */
	const struct inspector *above; /* what it says that HTTP is used for */
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

bool http_set_authority(struct evidence *evidence, enum host_source source, const uint8_t *bytes,
			size_t length)
{
	struct text text = {bytes, length};
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

static bool is(struct text name, const char *word)
{
	return name.length == strlen(word) &&
	       !strncasecmp((const char *)name.at, word, name.length);
}

/* Whether a list has the token. */
static bool lists(struct text list, const char *token)
{
	while (list.length) {
		const uint8_t *comma = memchr(list.at, ',', list.length);
		size_t length = comma ? (size_t)(comma - list.at) : list.length;

		if (is(trim((struct text){list.at, length}), token))
			return true;
		length += comma ? 1 : 0;
		list.at += length;
		list.length -= length;
	}
	return false;
}

static void read_field(struct text name, struct text value, struct head *head)
{
	if (is(name, "upgrade")) {
		head->offers_http2 |= lists(value, "h2c");
		head->offers_websocket |= lists(value, "websocket");
	} else if (is(name, "content-length") && value.length && value.length < 19 &&
		   digits(value.at, value.length)) {
		head->has_length = true;
		head->length = 0;
		for (size_t i = 0; i < value.length; i++)
			head->length = head->length * 10 + (uint64_t)(value.at[i] - '0');
	} else if (!head->above) {
		head->above = http_app_of_field(name.at, name.length, value.at, value.length);
	}
}

/* The fields up to the end of the section; false: it is not there. `evidence` NULL: Host is not
 * asked for. */
static bool read_fields(struct text *rest, enum host_source source, struct evidence *evidence,
			struct head *head)
{
	struct text line, name, value;
	bool folded_host = false;

	while (next_line(rest, &line)) {
		const uint8_t *colon;

		if (!line.length)
			return true;
		value = trim(line);
		if (blank(line.at[0])) {
			if (folded_host && value.length) {
				http_set_authority(evidence, source, value.at, value.length);
				folded_host = false;
				evidence = NULL;
			}
			continue;
		}
		if (folded_host) /* "Host:" is empty */
			evidence = NULL;
		folded_host = false;
		colon = memchr(line.at, ':', line.length);
		if (!colon)
			continue;
		name = trim((struct text){line.at, (size_t)(colon - line.at)});
		value = trim((struct text){colon + 1, (size_t)(line.at + line.length - colon - 1)});
		if (!evidence || !is(name, "host")) {
			read_field(name, value, head);
		} else if (value.length) {
			http_set_authority(evidence, source, value.at, value.length);
			evidence = NULL; /* the first one counts, also if it is no name */
		} else {
			folded_host = true;
		}
	}
	return false;
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

static enum side read_request(struct text *rest, struct evidence *evidence, struct head *head)
{
	enum host_source source = HOST_HTTP_HOST;
	struct text text = *rest, line, target;
	const char *method;
	size_t at;
	bool more;

	method = find_method(text, &more);
	if (!method)
		return more ? SIDE_MORE : SIDE_NOT;
	at = strlen(method) + 1;
	if (at < text.length && !target_begin(text.at[at]))
		return SIDE_NOT;
	for (size_t i = at; i < text.length && text.at[i] != '\n'; i++)
		if ((text.at[i] < ' ' && text.at[i] != '\r' && text.at[i] != '\t') ||
		    text.at[i] == 0x7f)
			return SIDE_NOT;
	if (!next_line(rest, &line))
		return SIDE_MORE;
	/* METHOD target HTTP/1.x; a raw space in the target is a fault that clients do commit */
	if (line.length < at + 10 || memcmp(line.at + line.length - 9, " HTTP/1.", 8) != 0 ||
	    !digits(line.at + line.length - 1, 1))
		return SIDE_NOT;
	target = trim((struct text){line.at + at, line.length - 9 - at});
	head->connect = !strcmp(method, "CONNECT");
	head->above = http_app_of_method(method);
	if (head->connect)
		source = HOST_HTTP_CONNECT;
	else
		target = target_authority(target);
	if (http_set_authority(evidence, source, target.at, target.length)) {
		evidence->host_beyond = true; /* the forms that only proxies are asked in */
		evidence = NULL;
	}
	return read_fields(rest, source, evidence, head) ? SIDE_REQUEST : SIDE_REQUEST_PART;
}

static enum side read_side(struct text *rest, struct evidence *evidence, struct head *head)
{
	enum side response;

	memset(head, 0, sizeof(*head));
	if (!rest->length)
		return SIDE_EMPTY;
	response = read_response(*rest);
	if (response != SIDE_NOT)
		return response;
	/* RFC 9112, 2.2: an empty line before the request line is to be ignored */
	for (unsigned i = 0; i < 2 && rest->length && rest->at[0] == '\r'; i++) {
		if (rest->length == 1)
			return SIDE_MORE;
		if (rest->at[1] != '\n')
			return SIDE_NOT;
		rest->at += 2;
		rest->length -= 2;
	}
	return rest->length ? read_request(rest, evidence, head) : SIDE_MORE;
}

/* Steps over the head of a response, interim ones too (RFC 9110, 15.2). */
static enum side read_answer(struct text *rest, struct head *head)
{
	for (;;) {
		struct text line;
		enum side side = rest->length ? read_response(*rest) : SIDE_MORE;

		if (side != SIDE_RESPONSE)
			return side;
		memset(head, 0, sizeof(*head));
		if (!next_line(rest, &line) || !read_fields(rest, HOST_HTTP_HOST, NULL, head))
			return SIDE_MORE;
		for (size_t i = 9; i < 12; i++)
			head->code = head->code * 10 + (unsigned)(line.at[i] - '0');
		if (head->code / 100 != 1 || head->code == 101)
			return SIDE_RESPONSE;
	}
}

static bool skip_body(struct text *rest, const struct head *head)
{
	if (rest->length < head->length)
		return false;
	rest->at += head->length;
	rest->length -= head->length;
	return true;
}

/*
 * The request on the side `from` is read: it is `head`, and `requests` what follows it. Settles
 * whether another protocol begins behind it.
 */
static enum inspect_status read_on(const struct inspect_stream *stream, unsigned from,
				   struct text requests, struct head *head,
				   struct evidence *evidence, struct inspect_note *note)
{
	struct text answers = {stream->bytes[!from], stream->length[!from]};
	enum side side = SIDE_REQUEST;

	while (side == SIDE_REQUEST) {
		bool connect = head->connect;
		struct head answer;

		if (!connect && !head->offers_http2 && !head->offers_websocket)
			return INSPECT_DONE;
		if (!connect && !skip_body(&requests, head))
			break;
		side = read_answer(&answers, &answer);
		if (side == SIDE_NOT)
			return INSPECT_DONE;
		if (side != SIDE_RESPONSE)
			break;
		if (!connect && answer.code == 101 && answer.offers_websocket) {
			note->above = &inspector_websocket;
			return INSPECT_DONE;
		}
		if (connect ? answer.code / 100 == 2 : answer.code == 101 && head->offers_http2) {
			note->inner = true;
			note->tunnel = connect;
			note->inner_at[from] = stream->length[from] - (uint32_t)requests.length;
			note->inner_at[!from] = stream->length[!from] - (uint32_t)answers.length;
			return INSPECT_DONE;
		}
		if (!connect || !answer.has_length)
			return INSPECT_DONE;
		if (!skip_body(&answers, &answer))
			break;
		side = read_side(&requests, evidence, head);
		if (side == SIDE_NOT || side == SIDE_RESPONSE)
			return INSPECT_DONE;
	}
	note->busy = note->carrier = true;
	return stream->last ? INSPECT_DONE : INSPECT_MINE;
}

static enum inspect_status http_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	bool refused = false, empty = false, response = false, head_open = false;
	const struct inspector *above = NULL;

	for (unsigned d = 0; d < 2; d++) {
		struct text rest = {stream->bytes[d], stream->length[d]};
		struct head head;
		enum side side = read_side(&rest, evidence, &head);

		if (side == SIDE_RESPONSE) {
			bool interim = rest.at[9] == '1';

			head_open |= read_answer(&rest, &head) == SIDE_MORE;
			note->busy |= interim && head_open;
			above = head.code == 101 && head.offers_websocket ? &inspector_websocket
									  : head.above;
		}
		if (side == SIDE_REQUEST || side == SIDE_REQUEST_PART)
			note->above = head.above;
		if (side == SIDE_REQUEST)
			return read_on(stream, d, rest, &head, evidence, note);
		if (side == SIDE_REQUEST_PART) {
			note->busy = note->carrier = true;
			return stream->last ? INSPECT_DONE : INSPECT_MINE;
		}
		empty |= side == SIDE_EMPTY;
		refused |= side == SIDE_NOT;
		response |= side == SIDE_RESPONSE;
		note->busy |= side == SIDE_MORE;
	}
	/* a response whose request was missed: it may only be late */
	note->carrier = response && head_open && !stream->last;
	if (response) {
		note->above = above;
		return note->busy || note->carrier || empty ? INSPECT_MINE : INSPECT_DONE;
	}
	if (note->busy)
		return INSPECT_MORE;
	return refused && !(stream->midstream && empty) ? INSPECT_NO : INSPECT_MORE;
}

const struct inspector inspector_http = {
	.name = "http",
	.gives_tcp = INSPECT_HOST | INSPECT_ALPN, /* the latter of what a tunnel carries */
	.carries = true,
	.stream = http_stream,
};
