/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TeamViewer. There is no public specification; what follows is seen in every capture.
 *
 * TCP: messages of two forms. The first begins with 0x17 0x24, a command, and a length of two
 * bytes; the second, within a session, with 0x11 0x30, a command, a zero, a length of four, and
 * numbers, among them the length of this very header, 24. So the second form is proof by itself; of
 * the first there must be two: one where the other's length leads, or one from each side.
 *
 * UDP: the mark of the first form stands behind eleven bytes of which the first is zero. Two
 * datagrams that have it are asked for.
 */
#include "../inspector.h"

enum {
	SHORT_HEADER = 5,
	LONG_HEADER = 24,
	LONG_LENGTH_MAX = 1 << 20,
	COMMAND_MAX = 0x7f,
	MESSAGES_NEEDED = 2,
	MARK_AT = 11, /* in a datagram */
};

static const uint8_t short_mark[] = {0x17, 0x24};
static const uint8_t long_mark[] = {0x11, 0x30};

struct side {
	unsigned messages;
	bool wrong, session;
};

static struct side read_side(const uint8_t *bytes, uint32_t length)
{
	struct side side = {0};
	uint32_t at = 0;

	while (at < length && side.messages < MESSAGES_NEEDED && !side.session) {
		const uint8_t *here = bytes + at;
		uint32_t have = length - at, size = 0;

		if (inspect_begins(here, have, short_mark, sizeof(short_mark)) != INSPECT_NO) {
			if (have < SHORT_HEADER)
				break;
			side.wrong = here[2] > COMMAND_MAX;
			size = SHORT_HEADER + inspect_le16(here + 3);
			side.messages += !side.wrong;
		} else if (inspect_begins(here, have, long_mark, sizeof(long_mark)) != INSPECT_NO) {
			if (have < LONG_HEADER)
				break;
			size = inspect_le32(here + 4);
			side.session = here[2] <= COMMAND_MAX && !here[3] &&
				       size <= LONG_LENGTH_MAX &&
				       inspect_le32(here + 20) == LONG_HEADER;
			side.wrong = !side.session;
		} else {
			side.wrong = true;
		}
		if (side.wrong || side.session || have <= size)
			break;
		at += size;
	}
	return side;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	struct side client = read_side(stream->bytes[0], stream->length[0]);
	struct side server = read_side(stream->bytes[1], stream->length[1]);

	(void)evidence;
	(void)note;
	/* what is proven is proven before what is wrong behind it has come */
	if (client.session || server.session ||
	    client.messages + server.messages >= MESSAGES_NEEDED)
		return INSPECT_DONE;
	return client.wrong || server.wrong ? INSPECT_NO : INSPECT_MORE;
}

static bool has_mark(const uint8_t *bytes, uint32_t length)
{
	return length > MARK_AT + sizeof(short_mark) && !bytes[0] &&
	       !memcmp(bytes + MARK_AT, short_mark, sizeof(short_mark)) &&
	       bytes[MARK_AT + 2] <= COMMAND_MAX;
}

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	if (!has_mark(datagram->bytes, datagram->captured))
		return INSPECT_NO;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *e = &datagram->earlier[i];
		bool same = e->length == datagram->captured &&
			    !memcmp(e->bytes, datagram->bytes, e->length);

		if (has_mark(e->bytes, e->length) && !same)
			return INSPECT_DONE;
	}
	return INSPECT_MORE;
}

const struct inspector inspector_teamviewer = {
	.name = "teamviewer",
	.stream = read_stream,
	.datagram = read_datagram,
	INSPECT_BEGINS("\0\0"),
};
