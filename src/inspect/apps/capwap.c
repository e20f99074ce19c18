/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CAPWAP's control channel (RFC 5415) over UDP.
 *
 * In the clear: a preamble of zero, a header whose length it holds, and a control message whose
 * elements, each with a type and a length, end with what the message counts and with the
 * datagram. Encrypted: a preamble of one, 24 zero bits, and a DTLS record. What the data
 * channel carries has nothing that could prove it.
 */
#include "../inspector.h"

enum {
	PREAMBLE_CLEAR = 0x00,
	PREAMBLE_DTLS = 0x01,
	DTLS_HEADER = 13,
	DTLS_TYPE_MIN = 20,
	DTLS_TYPE_MAX = 25,
	HEADER = 8,
	CONTROL_HEADER = 8,
	TYPE_MAX = 26,
	ELEMENT_TYPE_MAX = 2200, /* IANA: 802.11's begin at 1024, EPCglobal's at 2048 */
};

static bool is_dtls(const uint8_t *bytes, uint32_t present, uint32_t length)
{
	return present >= 4 + DTLS_HEADER && !inspect_be24(bytes + 1) &&
	       bytes[4] >= DTLS_TYPE_MIN && bytes[4] <= DTLS_TYPE_MAX && bytes[5] == 0xfe &&
	       bytes[6] >= 0xfd && 4 + DTLS_HEADER + inspect_be16(bytes + 15) <= length;
}

static bool is_control(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = datagram->captured > 1 ? (bytes[1] >> 3) * 4u : 0, end, elements = 0;

	/* neither data's flags (native frames, fragments, keep-alives) nor reserved ones */
	if (at < HEADER || datagram->captured < at + CONTROL_HEADER || bytes[2] & 1 ||
	    bytes[3] & 0xcf || bytes[6] || bytes[7])
		return false;
	/* type with the enterprise before it, sequence, length of what follows that, flags */
	if (bytes[at] || bytes[at + 1] || bytes[at + 2] || !bytes[at + 3] ||
	    bytes[at + 3] > TYPE_MAX || bytes[at + 7])
		return false;
	end = at + 5 + inspect_be16(bytes + at + 5);
	if (end != datagram->length)
		return false;
	for (at += CONTROL_HEADER; at < end; elements++) {
		if (at + 4 > datagram->captured)
			return datagram->captured < datagram->length;
		if (!inspect_be16(bytes + at) || inspect_be16(bytes + at) > ELEMENT_TYPE_MAX)
			return false;
		at += 4 + inspect_be16(bytes + at + 2);
	}
	return at == end;
}

static enum inspect_status capwap_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	bool good = false;

	(void)state;
	(void)evidence;
	if (datagram->bytes[0] == PREAMBLE_CLEAR)
		good = is_control(datagram);
	else if (datagram->bytes[0] == PREAMBLE_DTLS)
		good = is_dtls(datagram->bytes, datagram->captured, datagram->length);
	return good ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_capwap = {
	.name = "capwap",
	.datagram = capwap_datagram,
	INSPECT_BEGINS("\x00\x01"),
};
