/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Google's QUIC before the standard ("QUIC: A UDP-Based Multiplexed and Secure Transport",
 * draft-hamilton-early-deployment-quic-00, and "QUIC Crypto" of 2013 to 2019). Old players and
 * appliances still try it.
 *
 * A client's first datagrams name their version in clear, "Q0" and two digits, behind the
 * public header's flags and its connection ID of eight bytes; from Q044 on behind the first byte of
 * a long header. The hello comes in a stream frame that is authenticated with a hash, not
 * encrypted: a tagged message "CHLO" with a count of tags, each with the offset at which its value
 * ends.
 *
 * Evidence is the version at its place and the message with offsets in order. What a
 * connection says later, or a server, has no mark of its own and is not claimed.
 */
#include "quic_google.h"

enum {
	FLAG_VERSION = 0x01,
	FLAG_RESET = 0x02,
	FLAG_CID = 0x08, /* eight bytes; 0x0c with older ones */
	FLAG_RESERVED = 0x80,
	LONG_AND_FIXED = 0xc0,
	VERSION_AT = 9,	     /* behind flags and connection ID */
	LONG_VERSION_AT = 1, /* behind the first byte */
	/* a packet number, the hash, and the headers of frames before */
	HELLO_WITHIN = 96,
	HELLO_HEAD = 8,
	TAG_SIZE = 8,
	TAGS_MAX = 128,
};

static bool is_version(const uint8_t *bytes)
{
	return (bytes[0] == 'Q' || bytes[0] == 'T') && bytes[1] == '0' && bytes[2] >= '0' &&
	       bytes[2] <= '9' && bytes[3] >= '0' && bytes[3] <= '9';
}

bool quic_google_hello(const uint8_t *bytes, size_t present, bool *whole, struct evidence *evidence)
{
	uint32_t begin = 0, count;
	size_t values;

	*whole = false;
	if (present < HELLO_HEAD + TAG_SIZE || memcmp(bytes, "CHLO", 4) != 0)
		return false;
	count = inspect_le16(bytes + 4);
	if (!count || count > TAGS_MAX || inspect_le16(bytes + 6) != 0)
		return false;
	values = HELLO_HEAD + (size_t)count * TAG_SIZE;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *tag = bytes + HELLO_HEAD + (size_t)i * TAG_SIZE;
		uint32_t end;

		if (present < HELLO_HEAD + (size_t)(i + 1) * TAG_SIZE)
			return i > 0; /* cut */
		end = inspect_le32(tag + 4);
		if (end < begin || end > FLOW_PREFIX_MAX_BYTES)
			return false;
		if (!memcmp(tag, "SNI", 4) && values + end <= present)
			evidence_set_host(evidence, HOST_QUIC_SNI, bytes + values + begin,
					  end - begin);
		begin = end;
	}
	*whole = values + begin <= present;
	return true;
}

enum inspect_status quic_google_datagram(const struct inspect_datagram *datagram,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	size_t size = datagram->captured, at = VERSION_AT;
	uint8_t flags = bytes[0];
	bool whole; /* the rest is padding, in this datagram or none */

	if ((flags & LONG_AND_FIXED) == LONG_AND_FIXED)
		at = LONG_VERSION_AT;
	else if ((flags & (FLAG_VERSION | FLAG_RESET | FLAG_CID | FLAG_RESERVED)) !=
		 (FLAG_VERSION | FLAG_CID))
		return INSPECT_NO;
	if (size < at + 4 + HELLO_HEAD || !is_version(bytes + at))
		return INSPECT_NO;
	for (at += 4; at + HELLO_HEAD <= size && at < HELLO_WITHIN; at++)
		if (bytes[at] == 'C' && quic_google_hello(bytes + at, size - at, &whole, evidence))
			return INSPECT_DONE;
	return INSPECT_MORE;
}
