/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams that begin with four bytes of 0xff: "out of the connection" since Quake. Three apps:
 *
 * source-engine: Valve's queries of game servers (developer wiki, "Server queries"). The question
 * for information is a text of 20 bytes; the others are a letter and a challenge, and nothing else,
 * so their answer has to come. An answer with information is read to the end of its texts.
 * quake: the commands of Quake III's servers and masters, and of those that came from it ("Quake
 * III Arena network protocol", ioquake3's sources). Each is a word of six letters or more. steam:
 * discovery of other computers on the LAN (eight bytes of magic and a protobuf message of the
 * length told), the client's own connections ("VS01" over UDP, "VT01" over TCP), and pings of
 * Valve's relays.
 */
#include "../inspector.h"

#define BEGIN_BYTES 4

static bool begins_out_of_band(const uint8_t *bytes, uint32_t length)
{
	return length > BEGIN_BYTES && inspect_be32(bytes) == UINT32_MAX;
}

/* ---- source-engine ---- */

#define CHALLENGE_BYTES 9 /* the whole datagram with one */

static bool is_query(const uint8_t *bytes, uint32_t length)
{
	static const char text[] = "TSource Engine Query"; /* with its zero */

	return length >= BEGIN_BYTES + sizeof(text) &&
	       !memcmp(bytes + BEGIN_BYTES, text, sizeof(text));
}

/* Printable, up to its zero. */
static bool skip_text(const uint8_t *bytes, uint32_t length, uint32_t *at)
{
	for (uint32_t i = *at; i < length && i - *at < 256; i++) {
		if (!bytes[i]) {
			*at = i + 1;
			return true;
		}
		if (bytes[i] < ' ' && bytes[i] != '\t' && bytes[i] > 4)
			break; /* 1 to 4 are colours */
	}
	return false;
}

/* Version, name, map, directory, game; then bytes, the server's kind and system by letters. */
static bool is_information(const uint8_t *bytes, uint32_t length)
{
	uint32_t at = BEGIN_BYTES + 2;

	if (length < at + 4 + 7 || bytes[BEGIN_BYTES] != 'I')
		return false;
	for (unsigned i = 0; i < 4; i++)
		if (!skip_text(bytes, length, &at))
			return false;
	return length - at >= 7 && strchr("dlpDLP", bytes[at + 5]) && bytes[at + 5] &&
	       strchr("lwmoLWMO", bytes[at + 6]) && bytes[at + 6];
}

/* The letters of questions with a challenge, and of what answers them. */
static bool is_question(const uint8_t *bytes, uint32_t length)
{
	return length == CHALLENGE_BYTES && strchr("UVW", bytes[BEGIN_BYTES]) && bytes[BEGIN_BYTES];
}

static bool is_answer(const uint8_t *bytes, uint32_t length, uint8_t question)
{
	uint8_t letter = bytes[BEGIN_BYTES];

	if (letter == 'A')
		return length == CHALLENGE_BYTES;
	return (letter == 'D' && question == 'U') || (letter == 'E' && question == 'V');
}

static enum inspect_status read_source(const struct inspect_datagram *datagram, void **state,
				       struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (!begins_out_of_band(bytes, datagram->captured))
		return INSPECT_NO;
	if (is_query(bytes, datagram->captured) || is_information(bytes, datagram->captured))
		return INSPECT_DONE;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *e = &datagram->earlier[i];

		if (e->direction != datagram->direction &&
		    begins_out_of_band(e->bytes, e->length) && is_question(e->bytes, e->length) &&
		    is_answer(bytes, datagram->length, e->bytes[BEGIN_BYTES]))
			return INSPECT_DONE;
	}
	return is_question(bytes, datagram->length) ? INSPECT_MORE : INSPECT_NO;
}

const struct inspector inspector_source_engine = {
	.name = "source-engine",
	.datagram = read_source,
	INSPECT_BEGINS("\xff\xff"),
};

/* ---- quake ---- */

static enum inspect_status read_quake(const struct inspect_datagram *datagram, void **state,
				      struct evidence *evidence)
{
	static const char *const words[] = {
		"getinfo",
		"getstatus",
		"getchallenge",
		"challengeResponse",
		"getservers",
		"getserversExt",
		"statusResponse",
		"infoResponse",
		"connect",
		"connectResponse",
		"getserversResponse",
		"heartbeat",
		"getKeyAuthorize",
		"getserversExtResponse",
	};
	const uint8_t *bytes = datagram->bytes + BEGIN_BYTES;
	uint32_t length, word = 0;

	(void)state;
	(void)evidence;
	if (!begins_out_of_band(datagram->bytes, datagram->captured))
		return INSPECT_NO;
	length = datagram->captured - BEGIN_BYTES;
	while (word < length && ((bytes[word] | 0x20) >= 'a' && (bytes[word] | 0x20) <= 'z'))
		word++;
	/* what follows a word is a space, a line's end, a list's beginning, or nothing */
	if (word < length && bytes[word] && !strchr(" \n\r\\/\"", bytes[word]))
		return INSPECT_NO;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == word && !memcmp(bytes, words[i], word))
			return INSPECT_DONE;
	return INSPECT_NO;
}

const struct inspector inspector_quake = {
	.name = "quake",
	.datagram = read_quake,
	INSPECT_BEGINS("\xff\xff"),
};

/* ---- steam ---- */

enum {
	LAN_HEADER = 12, /* magic and a length */
	VS_HEADER = 36,
	VS_TYPE_MAX = 8,
	RELAY_PING_AT = 2,
	RELAY_PING_MIN = 32,
	VT_LENGTH_MAX = 1 << 20,
};

static enum inspect_status read_steam(const struct inspect_datagram *datagram, void **state,
				      struct evidence *evidence)
{
	static const uint8_t lan[] = {0xff, 0xff, 0xff, 0xff, 0x21, 0x4c, 0x5f, 0xa0};
	const uint8_t *bytes = datagram->bytes;
	uint32_t length = datagram->length;

	(void)state;
	(void)evidence;
	if (datagram->captured >= LAN_HEADER && !memcmp(bytes, lan, sizeof(lan)))
		return inspect_le32(bytes + sizeof(lan)) < length ? INSPECT_DONE : INSPECT_NO;
	if (datagram->captured >= VS_HEADER && !memcmp(bytes, "VS01", 4))
		return inspect_le16(bytes + 4) == length - VS_HEADER && bytes[6] &&
				       bytes[6] <= VS_TYPE_MAX
			       ? INSPECT_DONE
			       : INSPECT_NO;
	if (datagram->captured >= RELAY_PING_MIN && bytes[0] == 1 &&
	    !memcmp(bytes + RELAY_PING_AT, "sdping", 6))
		return INSPECT_DONE;
	return INSPECT_NO;
}

static enum inspect_status read_steam_side(const uint8_t *bytes, uint32_t length)
{
	enum inspect_status status;

	if (length >= 4 && inspect_le32(bytes) > VT_LENGTH_MAX)
		return INSPECT_NO;
	if (length <= 4)
		return INSPECT_MORE;
	status = inspect_begins(bytes + 4, length - 4, "VT01", 4);
	return status;
}

static enum inspect_status read_steam_stream(const struct inspect_stream *stream,
					     struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status client = read_steam_side(stream->bytes[0], stream->length[0]);
	enum inspect_status server = read_steam_side(stream->bytes[1], stream->length[1]);

	(void)evidence;
	(void)note;
	if (client == INSPECT_NO || server == INSPECT_NO)
		return INSPECT_NO;
	return client == INSPECT_DONE || server == INSPECT_DONE ? INSPECT_DONE : INSPECT_MORE;
}

const struct inspector inspector_steam = {
	.name = "steam",
	.stream = read_steam_stream,
	.datagram = read_steam,
};
