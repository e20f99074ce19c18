/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telnet (RFC 854, 855): told by its negotiation, since what follows is plain text.
 *
 * A command is IAC (255), a verb and, for WILL, WONT, DO and DONT, an option that IANA has
 * assigned; a subnegotiation runs from IAC SB to IAC SE. Either side may begin. Two of them, in a
 * row at the beginning of a side or one at the beginning of each, are some 33 bits that agree;
 * one alone is waited with. Text without them is no evidence, so a server that greets before it
 * negotiates is known only by a client that negotiates first.
 */
#include "../inspector.h"

enum {
	IAC = 255,
	DONT = 254,
	WILL = 251,
	SB = 250,
	SE = 240,
	COMMAND_MIN = 241, /* NOP, DM, BRK, IP, AO, AYT, EC, EL, GA */
	SUB_MAX_BYTES = 1024,
	ENOUGH = 2,
};

struct reading {
	unsigned options; /* commands with an option, in a row from the beginning on */
	bool cut;	  /* the bytes end within the commands */
};

/* IANA, "Telnet Options", and those that MUDs have taken. */
static bool is_option(uint8_t option)
{
	return option <= 49 || (option >= 69 && option <= 93) || (option >= 138 && option <= 140) ||
	       option == 200 || option == 201 || option == 255;
}

/* Behind the subnegotiation at `at`, 0 when it is cut or none. */
static uint32_t skip_sub(const uint8_t *bytes, uint32_t length, uint32_t at, bool *cut)
{
	for (uint32_t i = at + 3; i < length && i - at < SUB_MAX_BYTES; i++) {
		if (bytes[i] != IAC)
			continue;
		if (i + 1 == length)
			break;
		if (bytes[i + 1] == SE)
			return i + 2;
		if (bytes[i + 1] != IAC) /* a doubled one is data */
			return 0;
		i++;
	}
	*cut = length - at < SUB_MAX_BYTES;
	return 0;
}

static struct reading read_side(const uint8_t *bytes, uint32_t length)
{
	struct reading reading = {0};
	uint32_t at = 0;

	while (at < length && bytes[at] == IAC) {
		bool again = false;
		uint8_t verb;

		if (length - at < 2) {
			reading.cut = true;
			return reading;
		}
		verb = bytes[at + 1];
		if (verb >= COMMAND_MIN && verb < SB) {
			at += 2;
			continue;
		}
		if (verb < SB || verb > DONT)
			return reading;
		if (length - at < 3) {
			reading.cut = true;
			return reading;
		}
		if (!is_option(bytes[at + 2]))
			return reading;
		if (verb == SB) {
			at = skip_sub(bytes, length, at, &reading.cut);
			if (!at)
				return reading;
		} else {
			/* the same once more says nothing new */
			again = at >= 3 && !memcmp(bytes + at, bytes + at - 3, 3);
			at += 3;
		}
		reading.options += !again;
	}
	reading.cut = at == length;
	return reading;
}

static enum inspect_status telnet_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	unsigned options = 0, waits = 0;

	(void)evidence;
	for (unsigned d = 0; d < 2; d++) {
		struct reading reading = {.cut = true};

		if (stream->length[d])
			reading = read_side(stream->bytes[d], stream->length[d]);
		options += reading.options;
		/* a side that may still go on, also one that has not spoken */
		waits += reading.cut;
		note->busy |= reading.cut && stream->length[d];
	}
	/* one on each side, and it is the same: sent back */
	if (options == ENOUGH && stream->length[0] >= 3 && stream->length[1] >= 3 &&
	    !memcmp(stream->bytes[0], stream->bytes[1], 3))
		options = 1;
	if (options >= ENOUGH)
		return INSPECT_DONE;
	/* text first: unless the other side has begun to negotiate */
	if (!waits || (waits == 1 && !options && !note->busy))
		return INSPECT_NO;
	return INSPECT_MORE;
}

const struct inspector inspector_telnet = {.name = "telnet", .stream = telnet_stream};
