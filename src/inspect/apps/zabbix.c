/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zabbix (its manual, "Header": "ZBXD", flags of which the lowest is set, and a length; "Passive
 * and active agent checks").
 *
 * A server of before 7.0 asks an agent for an item as plain text, "agent.ping" and a line end, and
 * before 4.0 JSON was sent without the header. The text waits for the header of its answer, the
 * JSON is known by the requests that there are.
 */
#include <ctype.h>
#include <string.h>

#include "sides.h"

enum {
	KEY_MAX = 255,
	FLAGS_KNOWN = 7, /* the protocol, compressed, large */
	JSON_WAIT = 64,
};

static enum inspect_status read_header(const uint8_t *bytes, uint32_t length)
{
	enum inspect_status status = inspect_begins(bytes, length, "ZBXD", 4);

	if (status != INSPECT_DONE)
		return status;
	if (length < 5)
		return INSPECT_MORE;
	return bytes[4] & 1 && !(bytes[4] & ~FLAGS_KNOWN) ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_json(const uint8_t *bytes, uint32_t length)
{
	static const char *const requests[] = {
		"active checks\"",     "agent data\"",	   "sender data\"",
		"history data\"",      "proxy config\"",   "proxy heartbeat\"",
		"host availability\"", "discovery data\"", "auto registration\"",
		"proxy data\"",	       "zabbix.stats\"",   NULL};
	char text[JSON_WAIT];
	uint32_t have = 0, at;
	static const char head[] = "{\"request\":\"";

	for (at = 0; at < length && have < sizeof(text);
	     at++) /* blanks between words are no part */
		if (!isspace(bytes[at]) || (have >= sizeof(head) && bytes[at] == ' '))
			text[have++] = (char)bytes[at];
	if (inspect_begins((uint8_t *)text, have, head, strlen(head)) != INSPECT_DONE)
		return inspect_begins((uint8_t *)text, have, head, strlen(head));
	for (unsigned i = 0; requests[i]; i++) {
		enum inspect_status status =
			inspect_begins((uint8_t *)text + strlen(head), have - strlen(head),
				       requests[i], strlen(requests[i]));

		if (status != INSPECT_NO)
			return status;
	}
	return INSPECT_NO;
}

/* An item's key, at the end of which a line end may stand. */
static bool is_key(const uint8_t *bytes, uint32_t length)
{
	uint32_t name = 0;

	if (length && bytes[length - 1] == '\n')
		length--;
	if (!length || length > KEY_MAX)
		return false;
	while (name < length && (isalnum(bytes[name]) || bytes[name] == '.' || bytes[name] == '_' ||
				 bytes[name] == '-'))
		name++;
	return name == length || (name && bytes[name] == '[' && inspect_is_text(bytes, length));
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	(void)from;
	return bytes[0] == '{' ? read_json(bytes, length) : read_header(bytes, length);
}

static enum inspect_status zabbix_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	enum inspect_status status = inspect_either(stream, read_side, note);

	(void)evidence;
	if (status == INSPECT_NO && stream->length[FLOW_FROM_CLIENT] &&
	    is_key(client, stream->length[FLOW_FROM_CLIENT]))
		return stream->length[FLOW_FROM_SERVER]
			       ? read_header(stream->bytes[FLOW_FROM_SERVER],
					     stream->length[FLOW_FROM_SERVER])
			       : INSPECT_MORE;
	return status;
}

const struct inspector inspector_zabbix = {.name = "zabbix", .stream = zabbix_stream};
