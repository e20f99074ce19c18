/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FINS, the controllers of Omron (FINS Commands Reference Manual, W227, section 3): over TCP the
 * word, a length and a command; over UDP ten bytes of header: kind, a zero, two gateways at most,
 * three bytes of each address, a number. A datagram is not enough: its answer returns the addresses
 * exchanged, the number and the command.
 */
#include <string.h>

#include "sides.h"

enum {
	TCP_BYTES = 16,
	UDP_BYTES = 12, /* with the command */
	ADDRESS_BYTES = 3,
	TO_AT = 3,
	FROM_AT = 6,
	NUMBER_AT = 9,
	COMMAND_AT = 10,
	KIND_USED = 0x80,
	KIND_ANSWER = 0x40,
	KIND_MASK = 0xc1,
	GATEWAYS_MAX = 7,
	COMMAND_MAX = 0x28,
	TCP_COMMAND_MAX = 6,
	TCP_LENGTH_MAX = 4096,
};

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	(void)from;
	if (inspect_begins(bytes, length, "FINS", 4) == INSPECT_NO)
		return INSPECT_NO;
	if (length < TCP_BYTES - 4)
		return INSPECT_MORE;
	return inspect_be32(bytes + 4) >= 8 && inspect_be32(bytes + 4) <= TCP_LENGTH_MAX &&
			       inspect_be32(bytes + 8) <= TCP_COMMAND_MAX
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status fins_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

static bool is_header(const uint8_t *bytes, uint32_t length)
{
	return length >= UDP_BYTES && bytes[0] & KIND_USED && !(bytes[0] & ~KIND_MASK) &&
	       !bytes[1] && bytes[2] <= GATEWAYS_MAX && bytes[COMMAND_AT] &&
	       bytes[COMMAND_AT] <= COMMAND_MAX;
}

static enum inspect_status fins_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (!is_header(bytes, datagram->captured))
		return INSPECT_NO;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *one = &datagram->earlier[i];

		if (one->direction != datagram->direction && is_header(one->bytes, one->length) &&
		    (one->bytes[0] ^ bytes[0]) & KIND_ANSWER &&
		    !memcmp(one->bytes + TO_AT, bytes + FROM_AT, ADDRESS_BYTES) &&
		    !memcmp(one->bytes + FROM_AT, bytes + TO_AT, ADDRESS_BYTES) &&
		    !memcmp(one->bytes + NUMBER_AT, bytes + NUMBER_AT, UDP_BYTES - NUMBER_AT))
			return INSPECT_DONE;
	}
	return INSPECT_MORE;
}

const struct inspector inspector_fins = {
	.name = "fins",
	.stream = fins_stream,
	.datagram = fins_datagram,
	INSPECT_BEGINS("\x80\x81\xc0\xc1"),
};
