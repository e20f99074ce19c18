/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TFTP (RFC 1350, 2347 to 2349).
 *
 * A request is a file's name and one of three modes, as strings that end exactly with the datagram,
 * option and value pairs behind them: proof by itself; an acknowledgment of options (OACK) too. The
 * server answers from a port of its own, so that the data are another flow. There a block and its
 * acknowledgment prove it together: opcode and number agree, and an acknowledgment has four bytes.
 * Of one side, numbers that count on do: two acknowledgments, or three blocks of which none is
 * shorter than the next.
 */
#include <strings.h>

#include "../inspector.h"

enum {
	OP_READ = 1,
	OP_WRITE,
	OP_DATA,
	OP_ACK,
	OP_ERROR,
	OP_OPTIONS,
	HEADER = 4,
	ERROR_MAX = 8,
	ERROR_TEXT_MIN = 6,
};

/* The printable string at *at: its length, *at moved behind its end; 0: none. */
static uint32_t take_string(const uint8_t *bytes, uint32_t length, uint32_t *at)
{
	uint32_t begin = *at;

	for (uint32_t i = begin; i < length; i++) {
		if (!bytes[i]) {
			*at = i + 1;
			return i - begin;
		}
		if (bytes[i] < ' ' || bytes[i] == 0x7f)
			return 0;
	}
	return 0;
}

static bool is_word(const uint8_t *bytes, uint32_t length, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == length && !strncasecmp(*words, (const char *)bytes, length))
			return true;
	return false;
}

/* Pairs to the end; *known: one has the name of an option. */
static bool options_good(const uint8_t *bytes, uint32_t length, uint32_t at, bool *known)
{
	static const char *const names[] = {"blksize",	"blksize2",   "timeout",
					    "tsize",	"multicast",  "rollover",
					    "utimeout", "windowsize", NULL};

	while (at < length) {
		uint32_t begin = at, size = take_string(bytes, length, &at);

		if (!size)
			return false;
		*known |= is_word(bytes + begin, size, names);
		if (at < length && !bytes[at]) /* a value may be empty: "multicast" */
			at++;
		else if (!take_string(bytes, length, &at))
			return false;
	}
	return true;
}

static enum inspect_status read_request(const struct inspect_datagram *datagram)
{
	static const char *const modes[] = {"octet", "netascii", "mail", NULL};
	uint32_t at = 2, begin, size;
	bool known = false;

	if (!take_string(datagram->bytes, datagram->captured, &at))
		return INSPECT_NO;
	begin = at;
	size = take_string(datagram->bytes, datagram->captured, &at);
	if (!is_word(datagram->bytes + begin, size, modes))
		return INSPECT_NO;
	/* a cut one may end anywhere in its options; some clients pad with zeros */
	if (datagram->captured < datagram->length ||
	    options_good(datagram->bytes, datagram->captured, at, &known))
		return INSPECT_DONE;
	for (; at < datagram->captured; at++)
		if (datagram->bytes[at])
			return INSPECT_NO;
	return INSPECT_DONE;
}

/* Text, and a zero that is the last byte. */
static enum inspect_status read_error(const struct inspect_datagram *datagram)
{
	uint32_t at = HEADER;

	if (datagram->captured < HEADER || inspect_be16(datagram->bytes + 2) > ERROR_MAX ||
	    datagram->captured < datagram->length)
		return INSPECT_NO;
	if (take_string(datagram->bytes, datagram->captured, &at) < ERROR_TEXT_MIN)
		return INSPECT_NO;
	return at == datagram->length ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_transfer(const struct inspect_datagram *datagram)
{
	uint32_t op = datagram->bytes[1], block, following = 0, expected;

	if (datagram->captured < HEADER || (op == OP_ACK && datagram->length != HEADER))
		return INSPECT_NO;
	block = inspect_be16(datagram->bytes + 2);
	expected = block - 1;
	for (unsigned i = datagram->earlier_count; i--;) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];
		uint32_t then, number;

		if (earlier->length < HEADER || earlier->bytes[0])
			return INSPECT_NO;
		then = earlier->bytes[1];
		number = inspect_be16(earlier->bytes + 2);
		if (earlier->direction != datagram->direction) {
			/* the same number, or the next block */
			if (op == OP_ACK && then == OP_DATA && number == block)
				return INSPECT_DONE;
			if (op == OP_DATA && then == OP_ACK && number == (block - 1) % 0x10000)
				return INSPECT_DONE;
			continue;
		}
		if (then != op)
			continue;
		if (number == expected % 0x10000) {
			following++;
			expected--;
			if (op == OP_DATA && earlier->length < datagram->captured)
				return INSPECT_NO; /* a short block is the last */
		}
	}
	return following >= (op == OP_ACK ? 1 : 2) ? INSPECT_DONE : INSPECT_MORE;
}

static enum inspect_status tftp_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	bool known = false;

	(void)state;
	(void)evidence;
	if (datagram->captured < 4 || datagram->bytes[0])
		return INSPECT_NO;
	switch (datagram->bytes[1]) {
	case OP_READ:
	case OP_WRITE:
		return read_request(datagram);
	case OP_DATA:
	case OP_ACK:
		return read_transfer(datagram);
	case OP_ERROR:
		return read_error(datagram);
	case OP_OPTIONS:
		return options_good(datagram->bytes, datagram->captured, 2, &known) && known
			       ? INSPECT_DONE
			       : INSPECT_NO;
	default:
		return INSPECT_NO;
	}
}

const struct inspector inspector_tftp = {
	.name = "tftp",
	.datagram = tftp_datagram,
	INSPECT_BEGINS("\0\0"),
};
