/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TeamSpeak: voice of versions 2 and 3 (UDP), and their query consoles (TCP).
 *
 * Version 3 opens each side of its low-level handshake with "TS3INIT1" in place of a signature.
 * Version 2 has no public specification; it is known from its users: a class (0xf0be to 0xf4be), a
 * command, the session and client that the server gave, a counter and a CRC. A login comes before
 * there is a session, so its eight bytes are zero, which is proof with the magic number; other
 * packets wait for a second one of the same session and client.
 *
 * The consoles begin with a banner of the server's: "TS3" and "[TS]", and version 3 goes on to
 * greet. The four letters of version 2 alone are too few; the client's first word decides.
 */
#include "../inspector.h"

enum {
	V2_MIN = 16,
	V2_IDS_AT = 4,
	V2_IDS = 8,
	V2_LOGIN = 0xf4be0300,
};

static const char v3_open[] = "TS3INIT1";
static const char v3_banner[] = "TS3\n\rWelcome to the TeamSpeak";
static const char v2_banner[] = "[TS]\r\n";

static bool v2_head(const uint8_t *bytes, uint32_t length)
{
	return length >= V2_MIN && bytes[0] >= 0xf0 && bytes[0] <= 0xf4 && bytes[1] == 0xbe &&
	       bytes[2] <= 0x0f && bytes[3] == 0;
}

static bool v2_seen_before(const struct inspect_datagram *datagram)
{
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];

		if (v2_head(earlier->bytes, earlier->length) &&
		    !memcmp(earlier->bytes + V2_IDS_AT, datagram->bytes + V2_IDS_AT, V2_IDS))
			return true;
	}
	return false;
}

static enum inspect_status teamspeak_datagram(const struct inspect_datagram *datagram, void **state,
					      struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint64_t ids;

	(void)state;
	(void)evidence;
	if (inspect_begins(bytes, datagram->captured, v3_open, sizeof(v3_open) - 1) == INSPECT_DONE)
		return INSPECT_DONE;
	if (!v2_head(bytes, datagram->captured))
		return INSPECT_NO;
	memcpy(&ids, bytes + V2_IDS_AT, V2_IDS);
	if ((inspect_be32(bytes) == V2_LOGIN && !ids) || v2_seen_before(datagram))
		return INSPECT_DONE;
	return INSPECT_MORE;
}

/* Commands that a session of version 2's console begins with. */
static enum inspect_status v2_command(const uint8_t *bytes, uint32_t length)
{
	static const char *const words[] = {"sel ", "slogin ", "login ", "ver",
					    "sl",   "gi",      "pl",	 "cl"};
	enum inspect_status best = INSPECT_NO;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t want = strlen(words[i]);
		enum inspect_status status = inspect_begins(bytes, length, words[i], want);

		if (status == INSPECT_DONE && words[i][want - 1] != ' ') {
			if (length == want)
				status = INSPECT_MORE;
			else if (bytes[want] != ' ' && bytes[want] != '\r' && bytes[want] != '\n')
				status = INSPECT_NO;
		}
		if (status > best)
			best = status;
	}
	return best;
}

static enum inspect_status teamspeak_stream(const struct inspect_stream *stream,
					    struct evidence *evidence, struct inspect_note *note)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	const uint8_t *server = stream->bytes[FLOW_FROM_SERVER];
	uint32_t asked = stream->length[FLOW_FROM_CLIENT];
	uint32_t said = stream->length[FLOW_FROM_SERVER];
	enum inspect_status status;

	(void)evidence;
	(void)note;
	if (!said)
		return asked ? INSPECT_NO : INSPECT_MORE; /* the server speaks first */
	status = inspect_begins(server, said, v3_banner, sizeof(v3_banner) - 1);
	if (status != INSPECT_NO)
		return status;
	status = inspect_begins(server, said, v2_banner, sizeof(v2_banner) - 1);
	if (status != INSPECT_DONE)
		return status;
	return asked ? v2_command(client, asked) : INSPECT_MORE;
}

const struct inspector inspector_teamspeak = {
	.name = "teamspeak",
	.stream = teamspeak_stream,
	.datagram = teamspeak_datagram,
	INSPECT_BEGINS("TT\xf0\xf4"),
};
