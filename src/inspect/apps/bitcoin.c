/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bitcoin's peers, and those of the chains that were copied from it (developer.bitcoin.org, "P2P
 * Network"): a magic number that names the network, a command of twelve bytes padded with zeros, a
 * length.
 *
 * Either side is enough, and any message that the capture begins with. The encrypted transport (BIP
 * 324) is made to look like noise, and is not looked for.
 */
#include "sides.h"

enum {
	COMMAND_BYTES = 12,
	HEADER_BYTES = 24,
	LENGTH_MAX = 32 << 20,
};

static const uint32_t magics[] = {
	0xf9beb4d9, /* main */
	0x0b110907, /* testnet3 */
	0x1c163f28, /* testnet4 */
	0xfabfb5da, /* regtest */
	0x0a03cf40, /* signet */
	0xf9beb4fe, /* namecoin */
	0xfbc0b6db, /* litecoin */
	0xfdd2c8f1, /* its testnet */
	0xc0c0c0c0, /* dogecoin */
	0xfcc1b7dc, /* its testnet */
	0xbf0c6bbd, /* dash */
	0xe3e1f3e8, /* bitcoin cash */
	0xf4e5f3f4, /* its testnet */
	0xe1476d44, /* bitcoin gold */
	0x24e92764, /* zcash */
	0xe6e8e9e5, /* peercoin */
};

/* Lower case letters and digits, then zeros to the end. */
static bool is_command(const uint8_t *bytes)
{
	unsigned length = 0;

	while (length < COMMAND_BYTES && ((bytes[length] >= 'a' && bytes[length] <= 'z') ||
					  (length && bytes[length] >= '0' && bytes[length] <= '9')))
		length++;
	if (length < 2)
		return false;
	for (unsigned i = length; i < COMMAND_BYTES; i++)
		if (bytes[i])
			return false;
	return true;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length)
{
	enum inspect_status status = INSPECT_NO;

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]) && status == INSPECT_NO; i++) {
		uint8_t magic[] = {(uint8_t)(magics[i] >> 24), (uint8_t)(magics[i] >> 16),
				   (uint8_t)(magics[i] >> 8), (uint8_t)magics[i]};

		status = inspect_begins(bytes, length, magic, sizeof(magic));
	}
	if (status != INSPECT_DONE)
		return status;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	return is_command(bytes + 4) && inspect_le32(bytes + 4 + COMMAND_BYTES) <= LENGTH_MAX
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status client = read_side(stream->bytes[0], stream->length[0]);
	enum inspect_status server = read_side(stream->bytes[1], stream->length[1]);

	(void)evidence;
	(void)note;
	return inspect_both(stream, client, server);
}

const struct inspector inspector_bitcoin = {
	.name = "bitcoin",
	.stream = read_stream,
};
