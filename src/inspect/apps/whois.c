/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WHOIS (RFC 3912).
 *
 * The client sends one line, the server text, and closes. A line proves nothing; the answer does,
 * if one of its lines, in the first 4 KiB, begins as registries' answers do: with a field that
 * every record of a domain or a network has, or with a registry's remark. The client's side must be
 * one line, or unseen; then the very first line must be such a remark.
 */
#include <strings.h>

#include "../inspector.h"

enum {
	QUERY_MAX = 256,
	LOOK_BYTES = 4096,
	LINES_MAX = 100,
};

/* How a line of an answer begins, in lower case; `first`: no other protocol's text does. */
static const struct {
	const char *text;
	bool alone;
} heads[] = {
	{"% iana whois server", true},
	{"% this is the ripe database query service", true},
	{"% this is the afrinic whois server", true},
	{"% [whois.apnic.net]", true},
	{"% whois ", true},
	{"% restricted rights", true},
	{"% joint whois", true},
	{"%rwhois ", true},
	{"% copyright (c) nic", true},
	{"# arin whois data and services", true},
	{"domain name: ", false},
	{"domain name:\t", false},
	{"domain:  ", false},
	{"domain: ", false},
	{"registry domain id:", false},
	{"registrar whois server:", false},
	{"whois server:", false},
	{"   whois server: ", false},
	{"   domain name: ", false},
	{"whois:  ", false},
	{"refer:  ", false},
	{"inetnum:", false},
	{"inet6num:", false},
	{"aut-num:", false},
	{"netrange:", false},
	{"nethandle:", false},
	{"% no entries found", false},
	{"%error:101: no entries found", false},
	{"no match for ", false},
	{"no data found", false},
	{"domain not found", false},
	{">>> last update of whois database", false},
};

static bool known_head(const uint8_t *line, uint32_t length, bool alone)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		size_t size = strlen(heads[i].text);

		if (size <= length && (heads[i].alone || !alone) &&
		    !strncasecmp((const char *)line, heads[i].text, size))
			return true;
	}
	return false;
}

/* One line of text, with its end. MORE: not ended yet. */
static enum inspect_status read_query(const uint8_t *bytes, uint32_t length)
{
	uint32_t at = 0;

	while (at < length && at < QUERY_MAX && bytes[at] >= ' ' && bytes[at] != 0x7f)
		at++;
	if (at == length)
		return at < QUERY_MAX ? INSPECT_MORE : INSPECT_NO;
	if (!at)
		return INSPECT_NO;
	if (bytes[at] == '\r' && ++at == length)
		return INSPECT_MORE;
	return bytes[at] == '\n' && at + 1 == length ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_answer(const uint8_t *bytes, uint32_t length, bool alone)
{
	uint32_t begin = 0;
	unsigned lines = 0;

	if (alone && length && bytes[0] != '%' && bytes[0] != '#' && bytes[0] != '\r' &&
	    bytes[0] != '\n')
		return INSPECT_NO;
	if (length > LOOK_BYTES)
		length = LOOK_BYTES;
	for (uint32_t at = 0; at < length; at++) {
		if (bytes[at] == '\n') {
			if (known_head(bytes + begin, at - begin, alone))
				return INSPECT_DONE;
			/* empty lines may come first */
			if (++lines > LINES_MAX || (alone && at - begin > 1))
				return INSPECT_NO;
			begin = at + 1;
		} else if (bytes[at] < ' ' && bytes[at] != '\r' && bytes[at] != '\t') {
			return INSPECT_NO;
		}
	}
	return length < LOOK_BYTES ? INSPECT_MORE : INSPECT_NO;
}

static enum inspect_status whois_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	uint32_t sent = stream->length[FLOW_FROM_CLIENT];
	uint32_t answered = stream->length[FLOW_FROM_SERVER];
	enum inspect_status query =
		sent ? read_query(stream->bytes[FLOW_FROM_CLIENT], sent) : INSPECT_MORE;

	(void)evidence;
	if (query == INSPECT_NO || (query == INSPECT_MORE && sent && answered))
		return INSPECT_NO;
	if (!answered)
		return INSPECT_MORE;
	note->busy = query == INSPECT_DONE;
	return read_answer(stream->bytes[FLOW_FROM_SERVER], answered, !sent);
}

const struct inspector inspector_whois = {
	.name = "whois",
	.stream = whois_stream,
};
