/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mumble's ping over UDP (its protocol documentation, "UDP ping packet"): how a client asks a
 * server that it is not connected to.
 *
 * The question is four zero bytes and a number of eight, which is nothing; the answer is a version,
 * the same number, users, the most users and the bit rate allowed: with the question before it, or
 * by itself where its three numbers are what servers say. Voice is encrypted from the first byte,
 * and the control channel is TLS.
 */
#include "../inspector.h"

enum {
	QUESTION = 12,
	ANSWER = 24,
	NUMBER_AT = 4,
	NUMBER = 8,
	USERS_AT = 12,
	USERS_MAX_AT = 16,
	RATE_AT = 20,
	USERS_MAX = 1 << 16,
	RATE_MIN = 8000,
	RATE_MAX = 1000000,
};

static bool answer_good(const uint8_t *bytes)
{
	uint32_t most = inspect_be32(bytes + USERS_MAX_AT), rate = inspect_be32(bytes + RATE_AT);

	/* version 1.x.y, and no server of before 1.2 answers */
	return bytes[0] == 0 && bytes[1] == 1 && bytes[2] >= 2 && bytes[2] <= 32 && most &&
	       most <= USERS_MAX && inspect_be32(bytes + USERS_AT) <= most && rate >= RATE_MIN &&
	       rate <= RATE_MAX;
}

static enum inspect_status mumble_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	if (datagram->captured < datagram->length)
		return INSPECT_NO;
	if (datagram->length == ANSWER)
		return answer_good(bytes) ? INSPECT_DONE : INSPECT_NO;
	return datagram->length == QUESTION && !inspect_be32(bytes) ? INSPECT_MORE : INSPECT_NO;
}

const struct inspector inspector_mumble = {
	.name = "mumble",
	.datagram = mumble_datagram,
	INSPECT_BEGINS("\0\0"),
};
