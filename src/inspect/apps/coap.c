/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CoAP over UDP (RFC 7252, 7641, 7959).
 *
 * A header of four bytes has little to refuse: two bits of version, a token of at most eight bytes,
 * a code of a known kind. Then options, each a difference of numbers and a length, must be known
 * and have the length that theirs allows; what remains is a payload behind ff, or nothing. So what
 * agrees is counted in bits: the header and each option few, each letter of a path one and a half.
 * An answer with the message ID and token of a question adds those. 32 bits are enough; less waits,
 * and what does not parse is out. What begins as text is text.
 */
#include "../inspector.h"

enum {
	HEADER = 4,
	TOKEN_MAX = 8,
	TYPE_ACK = 2,
	TYPE_RESET = 3,
	PAYLOAD_MARKER = 0xff,
	TEXT_BYTES = 12,
	HALF_BITS_ENOUGH = 64,
	/* in halves of a bit */
	WORTH_HEADER = 10,
	WORTH_OPTION = 5,
	WORTH_LETTER = 3,
	WORTH_MARKER = 14,
	WORTH_ID = 32,
	WORTH_TOKEN_BYTE = 16,
};

struct message {
	uint32_t type, code, id, token_bytes;
	const uint8_t *token;
	uint32_t half_bits; /* of evidence */
};

/* What an option may be: the number, its least and greatest length, text or not. */
static const struct option {
	uint16_t number, least, most;
	bool text;
} options[] = {
	{1, 0, 8, false},    /* If-Match */
	{3, 1, 255, true},   /* Uri-Host */
	{4, 1, 8, false},    /* ETag */
	{5, 0, 0, false},    /* If-None-Match */
	{6, 0, 3, false},    /* Observe */
	{7, 0, 2, false},    /* Uri-Port */
	{8, 0, 255, true},   /* Location-Path */
	{9, 0, 255, false},  /* OSCORE */
	{11, 0, 255, true},  /* Uri-Path */
	{12, 0, 2, false},   /* Content-Format */
	{14, 0, 4, false},   /* Max-Age */
	{15, 0, 255, true},  /* Uri-Query */
	{16, 1, 1, false},   /* Hop-Limit */
	{17, 0, 2, false},   /* Accept */
	{20, 0, 255, true},  /* Location-Query */
	{23, 0, 3, false},   /* Block2 */
	{27, 0, 3, false},   /* Block1 */
	{28, 0, 4, false},   /* Size2 */
	{35, 1, 1034, true}, /* Proxy-Uri */
	{39, 1, 255, true},  /* Proxy-Scheme */
	{60, 0, 4, false},   /* Size1 */
	{252, 1, 40, false}, /* Echo */
	{258, 0, 1, false},  /* No-Response */
	{292, 0, 8, false},  /* Request-Tag */
};

/* Classes 0 (methods), 2, 4 and 5; details as IANA has them, and a few more. */
static bool code_good(uint32_t code)
{
	uint32_t class = code >> 5, detail = code & 31;

	switch (class) {
	case 0:
		return detail <= 7;
	case 2:
		return (detail >= 1 && detail <= 5) || detail == 31;
	case 4:
		return detail <= 29;
	case 5:
		return detail <= 8;
	default:
		return false;
	}
}

/* A nibble, and what stands behind it where it is 13 or 14. */
static bool extend(uint32_t *value, const uint8_t *bytes, uint32_t length, uint32_t *at)
{
	if (*value < 13)
		return true;
	if (*value == 13) {
		if (*at + 1 > length)
			return false;
		*value = 13u + bytes[*at];
		*at += 1;
		return true;
	}
	if (*value == 15 || *at + 2 > length)
		return false;
	*value = 269 + inspect_be16(bytes + *at);
	*at += 2;
	return true;
}

static bool option_good(uint32_t number, const uint8_t *bytes, uint32_t length, uint32_t *half_bits)
{
	const struct option *option = options;

	while (option->number != number)
		if (++option == options + sizeof(options) / sizeof(*options))
			return false;
	if (length < option->least || length > option->most)
		return false;
	*half_bits += WORTH_OPTION;
	for (uint32_t i = 0; option->text && i < length; i++) {
		if (bytes[i] < ' ' || bytes[i] > '~')
			return false;
		*half_bits += WORTH_LETTER;
	}
	return true;
}

static bool begins_as_text(const uint8_t *bytes, uint32_t present)
{
	for (uint32_t i = 0; i < present && i < TEXT_BYTES; i++)
		if (bytes[i] < ' ' || bytes[i] > '~')
			return false;
	return present > HEADER;
}

static bool read_message(const uint8_t *bytes, uint32_t present, bool cut, struct message *message)
{
	uint32_t at, number = 0;

	if (present < HEADER || bytes[0] >> 6 != 1 || (bytes[0] & 15) > TOKEN_MAX ||
	    !code_good(bytes[1]) || begins_as_text(bytes, present))
		return false;
	*message = (struct message){
		.type = bytes[0] >> 4 & 3,
		.code = bytes[1],
		.id = inspect_be16(bytes + 2),
		.token_bytes = bytes[0] & 15,
		.token = bytes + HEADER,
		.half_bits = WORTH_HEADER,
	};
	at = HEADER + message->token_bytes;
	/* empty: a ping, an acknowledgment, a reset. A reset is always, a request never one. */
	if (!message->code)
		return !cut && present == HEADER && !message->token_bytes;
	if (at > present || message->type == TYPE_RESET ||
	    (message->type == TYPE_ACK && message->code < 0x40))
		return false;
	while (at < present) {
		uint32_t delta = bytes[at] >> 4, length = bytes[at] & 15;

		if (bytes[at] == PAYLOAD_MARKER) {
			message->half_bits += WORTH_MARKER;
			return at + 1 < present || cut;
		}
		at++;
		if (!extend(&delta, bytes, present, &at) || !extend(&length, bytes, present, &at) ||
		    length > present - at)
			return cut;
		number += delta;
		if (!option_good(number, bytes + at, length, &message->half_bits))
			return false;
		at += length;
	}
	return true;
}

/* A question and its answer: the message ID comes back, mostly, and the token always. */
static uint32_t agreement(const struct message *a, const struct message *b)
{
	uint32_t half_bits = 0;

	if (a->code && b->code && a->code >> 5 == b->code >> 5)
		return 0;
	if (a->id == b->id)
		half_bits += WORTH_ID;
	if (a->token_bytes && a->token_bytes == b->token_bytes &&
	    !memcmp(a->token, b->token, a->token_bytes))
		half_bits += WORTH_TOKEN_BYTE * a->token_bytes;
	return half_bits;
}

static enum inspect_status coap_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	struct message message, other;
	uint32_t half_bits;

	(void)state;
	(void)evidence;
	if (!read_message(datagram->bytes, datagram->captured,
			  datagram->captured < datagram->length, &message))
		return INSPECT_NO;
	half_bits = message.half_bits;
	for (unsigned i = 0; half_bits < HALF_BITS_ENOUGH && i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];
		uint32_t agreed;

		if (!read_message(earlier->bytes, earlier->length, false, &other))
			return INSPECT_NO;
		if (earlier->direction == datagram->direction)
			continue;
		agreed = agreement(&message, &other);
		if (agreed)
			half_bits += agreed + other.half_bits;
	}
	return half_bits >= HALF_BITS_ENOUGH ? INSPECT_DONE : INSPECT_MORE;
}

const struct inspector inspector_coap = {
	.name = "coap",
	.datagram = coap_datagram,
	INSPECT_BEGINS("\x40\x7f"),
};
