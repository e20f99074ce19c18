/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMPP 3.3, 3.4 and 5.0, what message centres speak: each PDU is 16 bytes of length, command,
 * status and number, and a body.
 *
 * Claimed by a bind, whose strings and bytes fill its length; by the answer to one, whose command
 * has the top bit and whose body begins with a name that ends; by any command that the other side
 * answers with its number; or by a second PDU behind a first one.
 */
#include "sides.h"

enum {
	HEADER = 16,
	PDU_MAX = 64 * 1024,
	ANSWER = 0x80000000u,
	BIND_RECEIVER = 1,
	BIND_TRANSMITTER = 2,
	BIND_TRANSCEIVER = 9,
	OUTBIND = 11,
	NUMBER_MAX = 0x7fffffff,
	PDUS_MAX = 16,
};

enum proof { PROOF_NOT, PROOF_CUT, PROOF_WEAK, PROOF_STRONG };

static bool is_command(uint32_t command)
{
	switch (command & ~ANSWER) {
	case 0: /* an answer alone: a general refusal */
		return command & ANSWER;
	case BIND_RECEIVER:
	case BIND_TRANSMITTER:
	case 3: /* query, submit, deliver, unbind, replace, cancel */
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
	case BIND_TRANSCEIVER:
	case OUTBIND:
	case 0x15: /* enquire link, submit to many, alert, data */
	case 0x21:
	case 0x102:
	case 0x103:
	case 0x111: /* of 5.0: broadcasts */
	case 0x112:
	case 0x113:
		return true;
	default:
		return false;
	}
}

static bool is_bind(uint32_t command)
{
	return command == BIND_RECEIVER || command == BIND_TRANSMITTER ||
	       command == BIND_TRANSCEIVER;
}

/* Steps over a string of at most `max` bytes with its zero. */
static bool take_string(const uint8_t *bytes, uint32_t size, uint32_t *at, uint32_t max)
{
	for (uint32_t i = 0; i < max && *at + i < size; i++) {
		if (!bytes[*at + i]) {
			*at += i + 1;
			return true;
		}
		if (bytes[*at + i] < ' ' || bytes[*at + i] > '~')
			return false;
	}
	return false;
}

/* 4.1.1: name, password, type, three bytes, a range of addresses; no more. */
static bool read_bind(const uint8_t *bytes, uint32_t size)
{
	uint32_t at = HEADER;

	if (!take_string(bytes, size, &at, 16) || !take_string(bytes, size, &at, 16) ||
	    !take_string(bytes, size, &at, 13))
		return false;
	at += 3;
	return at < size && bytes[at - 3] <= 0x50 && bytes[at - 2] <= 10 && bytes[at - 1] <= 18 &&
	       take_string(bytes, size, &at, 41) && at == size;
}

/* 4.1.2: the centre's name, and its version in a TLV perhaps. */
static bool read_bound(const uint8_t *bytes, uint32_t size)
{
	static const uint8_t version[] = {0x02, 0x10, 0x00, 0x01};
	uint32_t at = HEADER;

	if (!take_string(bytes, size, &at, 16))
		return false;
	return at == size || (at + 5 == size && !memcmp(bytes + at, version, sizeof(version)));
}

/* The PDU at the front, `length` bytes of which are there. */
static enum proof read_pdu(const uint8_t *bytes, uint32_t length, uint32_t *size, uint32_t *number)
{
	uint32_t command, status;

	if (bytes[0] || (length > 4 && bytes[4] & 0x7f) || (length > 5 && bytes[5]))
		return PROOF_NOT;
	if (length < HEADER)
		return PROOF_CUT;
	*size = inspect_be32(bytes);
	command = inspect_be32(bytes + 4);
	status = inspect_be32(bytes + 8);
	*number = inspect_be32(bytes + 12);
	if (*size < HEADER || *size > PDU_MAX || !is_command(command) || *number > NUMBER_MAX ||
	    (!(command & ANSWER) && (status || !*number)) || status > 0x4ff)
		return PROOF_NOT;
	if (!is_bind(command & ~ANSWER))
		return PROOF_WEAK;
	if (command & ANSWER && *size == HEADER)
		return status ? PROOF_WEAK : PROOF_NOT;
	if (length < *size)
		return PROOF_CUT;
	return (command & ANSWER ? read_bound : read_bind)(bytes, *size) ? PROOF_STRONG : PROOF_NOT;
}

/* Whether the side has a PDU of the command and number. */
static bool has_pdu(const uint8_t *bytes, uint32_t length, uint32_t command, uint32_t number)
{
	uint32_t at = 0, size, found;

	for (unsigned i = 0; i < PDUS_MAX && length - at >= HEADER; i++) {
		if (read_pdu(bytes + at, length - at, &size, &found) < PROOF_WEAK)
			return false;
		if (found == number && inspect_be32(bytes + at + 4) == command)
			return true;
		if (size > length - at)
			return false;
		at += size;
	}
	return false;
}

static enum inspect_status smpp_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	bool refused = false, waits = false;

	(void)evidence;
	if (inspect_server_first(stream))
		return INSPECT_NO;
	for (unsigned d = 0; d < 2; d++) {
		const uint8_t *bytes = stream->bytes[d];
		uint32_t length = stream->length[d], size, next, number, other;
		enum proof proof = length ? read_pdu(bytes, length, &size, &number) : PROOF_CUT;

		refused |= proof == PROOF_NOT;
		waits |= proof != PROOF_NOT;
		note->busy |= proof == PROOF_CUT && length;
		if (proof == PROOF_STRONG)
			return INSPECT_DONE;
		if (proof != PROOF_WEAK)
			continue;
		if (has_pdu(stream->bytes[!d], stream->length[!d], inspect_be32(bytes + 4) ^ ANSWER,
			    number))
			return INSPECT_DONE;
		if (length > size) {
			proof = read_pdu(bytes + size, length - size, &next, &other);
			if (proof >= PROOF_WEAK)
				return INSPECT_DONE;
			refused |= proof == PROOF_NOT;
		}
	}
	return refused && !(stream->midstream && waits) ? INSPECT_NO : INSPECT_MORE;
}

const struct inspector inspector_smpp = {.name = "smpp", .stream = smpp_stream};
