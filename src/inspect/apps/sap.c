/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SAP: announcements of sessions, mostly multicast (RFC 2974).
 *
 * Version 1, the length of authentication data in words, a hash, the source's address, then the
 * type of the payload as a string, which may be left out, and a session description (RFC 8866) that
 * begins "v=0". A deletion (T set) may hold only the description's "o=" line.
 * Compressed and encrypted announcements (C and E) show nothing, and stay unknown.
 */
#include "../inspector.h"

enum {
	HEADER = 4,
	BIT_IPV6 = 0x10,
	BIT_DELETES = 0x04,
	BITS_HIDDEN = 0x03,
	VERSION = 0x20,
};

static bool begins(const uint8_t *bytes, uint32_t length, const char *word)
{
	return inspect_begins(bytes, length, word, strlen(word)) == INSPECT_DONE;
}

static enum inspect_status sap_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	static const char type[] = "application/sdp"; /* with its terminating zero */
	const uint8_t *bytes = datagram->bytes;
	uint32_t length = datagram->captured, at;

	(void)state;
	(void)evidence;
	if (length < HEADER || (bytes[0] & 0xe0) != VERSION || bytes[0] & BITS_HIDDEN)
		return INSPECT_NO;
	at = HEADER + (bytes[0] & BIT_IPV6 ? 16u : 4u) + 4u * bytes[1];
	if (at >= length)
		return INSPECT_NO;
	bytes += at;
	length -= at;
	if (inspect_begins(bytes, length, type, sizeof(type)) == INSPECT_DONE)
		return INSPECT_DONE;
	if (begins(bytes, length, "v=0\r\no=") || begins(bytes, length, "v=0\no="))
		return INSPECT_DONE;
	return datagram->bytes[0] & BIT_DELETES && begins(bytes, length, "o=") &&
			       memmem(bytes, length, " IN IP", 6)
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_sap = {
	.name = "sap",
	.datagram = sap_datagram,
	INSPECT_BEGINS("\x20\x3f"),
};
