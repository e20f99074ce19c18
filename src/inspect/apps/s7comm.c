/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * S7, the controllers of Siemens, as packet dissectors know it: TPKT (RFC 1006), COTP (ISO 8073),
 * and within a data TPDU either 32 with its kind, a zero, and lengths of parameters and data that
 * make up the packet, or 72 (S7comm-plus) with its version and a length that does.
 *
 * The connection request that goes before is RDP's, H.323's and MMS's too, and proves nothing
 * unless it asks for one of S7comm-plus' own names.
 */
#include <string.h>

#include "sides.h"

enum {
	TPKT_BYTES = 4,
	COTP_CR = 0xe0,
	COTP_CC = 0xd0,
	COTP_DT = 0xf0,
	CONNECT_FIXED = 7, /* its length and what is not in parameters */
	DATA_FIXED = 3,
	PARAMETER_SIZE = 0xc0,
	PARAMETER_CALLED = 0xc2,
	S7_ID = 0x32,
	S7_PLUS_ID = 0x72,
	S7_HEADER = 10,
	PLUS_HEADER = 4,
	PLUS_TRAILER = 4,
};

/* The parameters of a connection request: size and names, up to the end. */
static enum inspect_status read_connect(const uint8_t *cotp, uint32_t size)
{
	static const char name[] = "SIMATIC-ROOT-";
	uint32_t at = CONNECT_FIXED;

	if (size < CONNECT_FIXED || cotp[0] != size - 1)
		return INSPECT_NO;
	while (size - at >= 2) {
		uint32_t length = cotp[at + 1];

		if (cotp[at] < PARAMETER_SIZE || cotp[at] > PARAMETER_CALLED ||
		    length > size - at - 2)
			return INSPECT_NO;
		if (cotp[at] == PARAMETER_CALLED && length > strlen(name) &&
		    !memcmp(cotp + at + 2, name, strlen(name)))
			return INSPECT_DONE;
		at += 2 + length;
	}
	return at == size ? INSPECT_MORE : INSPECT_NO;
}

/* One TPDU, whole. MORE: it fits, and the next may tell. */
static enum inspect_status read_tpdu(const uint8_t *cotp, uint32_t size)
{
	const uint8_t *s7 = cotp + DATA_FIXED;
	uint32_t rest, header = S7_HEADER;

	if (size < DATA_FIXED)
		return INSPECT_NO;
	if (cotp[1] == COTP_CR || cotp[1] == COTP_CC)
		return read_connect(cotp, size);
	if (cotp[1] != COTP_DT || cotp[0] != 2)
		return INSPECT_NO;
	rest = size - DATA_FIXED;
	if (rest == 0)
		return INSPECT_MORE;
	if (s7[0] == S7_PLUS_ID && rest > PLUS_HEADER && s7[1]) {
		uint32_t inner = PLUS_HEADER + inspect_be16(s7 + 2);

		return inner == rest || inner + PLUS_TRAILER == rest ? INSPECT_DONE : INSPECT_NO;
	}
	if (s7[0] != S7_ID || rest < S7_HEADER)
		return INSPECT_NO;
	if (s7[1] == 2 || s7[1] == 3) /* answers have an error code */
		header += 2;
	return s7[1] && (s7[1] <= 3 || s7[1] == 7) && !inspect_be16(s7 + 2) &&
			       header + inspect_be16(s7 + 6) + inspect_be16(s7 + 8) == rest
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t at = 0;

	(void)from;
	while (at < length) {
		enum inspect_status status;
		uint32_t size;

		if (bytes[at] != 3 || (length - at > 1 && bytes[at + 1]))
			return INSPECT_NO;
		if (length - at < TPKT_BYTES)
			return INSPECT_MORE;
		size = inspect_be16(bytes + at + 2);
		if (size < TPKT_BYTES + DATA_FIXED)
			return INSPECT_NO;
		if (length - at < size) /* what is no data of ours shows early */
			return length - at > TPKT_BYTES + DATA_FIXED &&
					       bytes[at + TPKT_BYTES + 1] == COTP_DT &&
					       bytes[at + TPKT_BYTES + DATA_FIXED] != S7_ID &&
					       bytes[at + TPKT_BYTES + DATA_FIXED] != S7_PLUS_ID
				       ? INSPECT_NO
				       : INSPECT_MORE;
		status = read_tpdu(bytes + at + TPKT_BYTES, size - TPKT_BYTES);
		if (status != INSPECT_MORE)
			return status;
		at += size;
	}
	return INSPECT_MORE;
}

static enum inspect_status s7comm_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_s7comm = {.name = "s7comm", .stream = s7comm_stream};
