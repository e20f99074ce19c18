/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Beckhoff's ADS (Infosys, "AMS/TCP packet"): two zeros and a length; then the AMS header: two
 * addresses, a command out of nine, flags, and the length of the data, which is the first one less
 * the header. Two lengths that agree and the command are enough. Routers are looked for by
 * datagrams with a magic number.
 */
#include <string.h>

#include "sides.h"

enum {
	TCP_BYTES = 6,
	AMS_BYTES = 32,
	COMMAND_AT = TCP_BYTES + 16,
	COMMAND_MAX = 9,
	FLAG_COMMAND = 4,
	FLAGS_KNOWN = 0x01ff,
	LENGTH_MAX = 16 * 1024 * 1024,
};

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t total, command, flags;

	(void)from;
	if (bytes[0] || (length > 1 && bytes[1]))
		return INSPECT_NO;
	if (length < TCP_BYTES + AMS_BYTES)
		return length >= TCP_BYTES && (inspect_le32(bytes + 2) < AMS_BYTES ||
					       inspect_le32(bytes + 2) > LENGTH_MAX)
			       ? INSPECT_NO
			       : INSPECT_MORE;
	total = inspect_le32(bytes + 2);
	command = inspect_le16(bytes + COMMAND_AT);
	flags = inspect_le16(bytes + COMMAND_AT + 2);
	return total >= AMS_BYTES && total <= LENGTH_MAX && command && command <= COMMAND_MAX &&
			       flags & FLAG_COMMAND && !(flags & ~(uint32_t)FLAGS_KNOWN) &&
			       inspect_le32(bytes + COMMAND_AT + 4) == total - AMS_BYTES
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status ads_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

static enum inspect_status ads_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	static const uint8_t magic[] = {0x03, 0x66, 0x14, 0x71};

	(void)state;
	(void)evidence;
	return datagram->captured >= 12 && !memcmp(datagram->bytes, magic, sizeof(magic))
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_ads = {
	.name = "ads",
	.stream = ads_stream,
	.datagram = ads_datagram,
	INSPECT_BEGINS("\x03\x03"),
};
