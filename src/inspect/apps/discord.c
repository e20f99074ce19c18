/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Discord's voice servers (its developers' documentation, "Voice Connections", "IP Discovery").
 *
 * The client asks which address it is seen from: type 1, the length 70 of the rest, its SSRC, 64
 * zero bytes for an address and two for a port, where some send anything. The answer is type 2,
 * with the address in text, padded with zeros, and the port. Both are claimed at once: next to all
 * is known. Keepalives are eight bytes, a magic number and a counter, and come back as they are:
 * the echo is awaited.
 *
 * What follows is RTP, in parts encrypted in Discord's own ways.
 */
#include "../inspector.h"

enum {
	DISCOVERY = 74,
	ASK = 0x00010046, /* type, length */
	TELL = 0x00020046,
	ADDRESS_AT = 8,
	ADDRESS = 64,
	PORT_AT = 72,
	KEEPALIVE = 8,
	KEEPALIVE_MAGIC = 0x1337cafe,
};

static bool zeros(const uint8_t *bytes, uint32_t from, uint32_t end)
{
	while (from < end && !bytes[from])
		from++;
	return from >= end;
}

/* Digits with dots, or hexadecimal with colons, and zeros behind. */
static bool address_good(const uint8_t *bytes)
{
	static const char allowed[] = "0123456789abcdefABCDEF.:";
	uint32_t at = 0;
	bool parted = false;

	while (at < ADDRESS && bytes[at] && strchr(allowed, bytes[at])) {
		parted |= bytes[at] == '.' || bytes[at] == ':';
		at++;
	}
	return parted && at < ADDRESS && zeros(bytes, at, ADDRESS);
}

static bool echoes(const struct inspect_datagram *datagram)
{
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];

		if (earlier->direction != datagram->direction && earlier->length == KEEPALIVE &&
		    !memcmp(earlier->bytes, datagram->bytes, KEEPALIVE))
			return true;
	}
	return false;
}

static enum inspect_status discord_datagram(const struct inspect_datagram *datagram, void **state,
					    struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t head;

	(void)state;
	(void)evidence;
	if (datagram->captured < datagram->length || datagram->length < KEEPALIVE)
		return INSPECT_NO;
	head = inspect_be32(bytes);
	if (datagram->length == KEEPALIVE && head == KEEPALIVE_MAGIC)
		return echoes(datagram) ? INSPECT_DONE : INSPECT_MORE;
	if (datagram->length != DISCOVERY)
		return INSPECT_NO;
	if ((head == ASK && zeros(bytes, ADDRESS_AT, PORT_AT)) ||
	    (head == TELL && address_good(bytes + ADDRESS_AT) && inspect_be16(bytes + PORT_AT)))
		return INSPECT_DONE;
	return INSPECT_NO;
}

const struct inspector inspector_discord = {
	.name = "discord",
	.datagram = discord_datagram,
	INSPECT_BEGINS("\0\0\x13\x13"),
};
