/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XMPP (RFC 6120): both sides open a stream element; it is claimed by the client's, which must
 * bear the namespace of streams. Its `to` is no name of the evidence: it is the domain that
 * the user belongs to, not the server that is connected to.
 *
 * TLS begins behind the client's <starttls/> and the server's <proceed/> (5.4.2). It is
 * no longer awaited when the client sends any other stanza, or the server's features are
 * whole and do not offer it.
 *
 * XMPP is restricted XML (11.1): no comments, no processing instructions but the declaration, no
 * DTD. So a tag is all from '<' to the first '>' outside quotes.
 */
#include <string.h>

#include "inspector.h"

enum { TAG_MAX_BYTES = 4096 };

static const char stream_namespace[] = "http://etherx.jabber.org/streams";
static const char tls_namespace[] = "urn:ietf:params:xml:ns:xmpp-tls";

struct text {
	const uint8_t *at;
	size_t length;
};

struct tag {
	struct text name; /* without its prefix */
	struct text whole;
	bool closes, empty; /* </name>, <name/> */
};

enum reading { READ_MORE, READ_NOT, READ_WHOLE };

static bool space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool named(const struct tag *tag, const char *name)
{
	return tag->name.length == strlen(name) && !memcmp(tag->name.at, name, tag->name.length);
}

static void set_name(struct tag *tag)
{
	size_t at = tag->closes ? 2 : 1, begin = at;

	for (; at < tag->whole.length - 1 && !space(tag->whole.at[at]) && tag->whole.at[at] != '/';
	     at++)
		if (tag->whole.at[at] == ':')
			begin = at + 1;
	tag->name = (struct text){tag->whole.at + begin, at - begin};
}

/* All up to the end of the next tag, declarations too. */
static enum reading take_tag(struct text *rest, bool within_text, struct text *whole)
{
	static const char declaration[] = "<?xml";
	size_t begin = 0, end;
	uint8_t quote = 0;

	while (begin < rest->length && rest->at[begin] != '<') {
		if (within_text ? !rest->at[begin] : !space(rest->at[begin]))
			return READ_NOT;
		begin++;
	}
	for (end = begin; end < rest->length; end++) {
		uint8_t c = rest->at[end];

		if ((c < ' ' && !space(c)) || end - begin == TAG_MAX_BYTES ||
		    (end == begin + 1 && c == '!'))
			return READ_NOT;
		if (end > begin + 1 && end < begin + strlen(declaration) &&
		    rest->at[begin + 1] == '?' && c != (uint8_t)declaration[end - begin])
			return READ_NOT;
		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? 0 : c;
		else if (c == '>' && !quote)
			break;
	}
	if (end == rest->length)
		return READ_MORE;
	*whole = (struct text){rest->at + begin, end - begin + 1};
	rest->at += end + 1;
	rest->length -= end + 1;
	return READ_WHOLE;
}

/* The next tag that is no declaration. Outside of text only white space may stand before it. */
static enum reading next_tag(struct text *rest, bool within_text, struct tag *tag)
{
	enum reading reading;

	do {
		reading = take_tag(rest, within_text, &tag->whole);
		if (reading != READ_WHOLE)
			return reading;
	} while (tag->whole.at[1] == '?');
	tag->closes = tag->whole.at[1] == '/';
	tag->empty = !tag->closes && tag->whole.at[tag->whole.length - 2] == '/';
	set_name(tag);
	return READ_WHOLE;
}

/* Of a namespace: any of the values in quotes. */
static bool has_value(const struct tag *tag, const char *value)
{
	size_t length = strlen(value);

	for (size_t i = 1; i + length + 1 < tag->whole.length; i++) {
		uint8_t quote = tag->whole.at[i - 1];

		if ((quote == '"' || quote == '\'') && tag->whole.at[i + length] == quote &&
		    !memcmp(tag->whole.at + i, value, length))
			return true;
	}
	return false;
}

/* Behind an element that must be empty; the tag that opens it is read. */
static enum reading skip_end(struct text *rest, const struct tag *open)
{
	struct tag close;
	enum reading reading;

	if (open->empty)
		return READ_WHOLE;
	reading = next_tag(rest, false, &close);
	if (reading != READ_WHOLE)
		return reading;
	return close.closes ? READ_WHOLE : READ_NOT;
}

/* Up to <proceed/>. NOT: TLS was refused, or is not offered. */
static enum reading read_server(struct text *rest)
{
	struct tag tag;
	enum reading reading;
	bool features = false, offered = false;

	while ((reading = next_tag(rest, true, &tag)) == READ_WHOLE) {
		if (named(&tag, "proceed"))
			return has_value(&tag, tls_namespace) ? skip_end(rest, &tag) : READ_NOT;
		if (named(&tag, "features")) {
			if (tag.empty || (tag.closes && !offered))
				return READ_NOT;
			features = !tag.closes;
		} else if (features) {
			offered |= named(&tag, "starttls");
		} else if (named(&tag, "failure") || named(&tag, "error") ||
			   (tag.closes && named(&tag, "stream"))) {
			return READ_NOT;
		}
	}
	return reading;
}

static enum inspect_status xmpp_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	struct text client = {stream->bytes[FLOW_FROM_CLIENT], stream->length[FLOW_FROM_CLIENT]};
	struct text server = {stream->bytes[FLOW_FROM_SERVER], stream->length[FLOW_FROM_SERVER]};
	struct tag tag;
	enum reading asked, answered;

	(void)evidence;
	if (!client.length)
		return server.length ? INSPECT_NO : INSPECT_MORE;
	asked = next_tag(&client, false, &tag);
	if (asked == READ_NOT)
		return INSPECT_NO;
	note->busy = true;
	if (asked == READ_MORE)
		return INSPECT_MORE;
	if (!named(&tag, "stream") || tag.closes || !has_value(&tag, stream_namespace))
		return INSPECT_NO;

	asked = next_tag(&client, false, &tag);
	if (asked == READ_WHOLE)
		asked = named(&tag, "starttls") && has_value(&tag, tls_namespace)
				? skip_end(&client, &tag)
				: READ_NOT;
	answered = read_server(&server);
	if (asked == READ_NOT || answered == READ_NOT)
		return INSPECT_DONE;
	if (asked == READ_WHOLE && answered == READ_WHOLE) {
		note->inner = true;
		note->inner_at[FLOW_FROM_CLIENT] =
			stream->length[FLOW_FROM_CLIENT] - (uint32_t)client.length;
		note->inner_at[FLOW_FROM_SERVER] =
			stream->length[FLOW_FROM_SERVER] - (uint32_t)server.length;
		return INSPECT_DONE;
	}
	note->carrier = true;
	return stream->last ? INSPECT_DONE : INSPECT_MINE;
}

const struct inspector inspector_xmpp = {
	.name = "xmpp",
	.gives_tcp = INSPECT_HOST | INSPECT_ALPN, /* of the TLS inside */
	.carries = true,
	.stream = xmpp_stream,
};
