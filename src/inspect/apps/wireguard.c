/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard ("WireGuard: Next Generation Kernel Network Tunnel", 5.4), and Tailscale's discovery,
 * which runs beside it on the same port.
 *
 * Each message is a type and three zeros, and a length that is exact for three of the four:
 * initiation 148, response 92, cookie 64; data are a header of 16 bytes and a multiple of 16. An
 * initiation or response whose second MAC is not used (16 zeros, the rule) after 100 bytes without
 * any order is enough by itself; else the answer, which names the sender's index. Data are known by
 * their counters: in three datagrams, each either the next ones of a counter whose index is the
 * same, or the other side's.
 *
 * Some providers put bytes of their own between; those are told by the answer.
 *
 * Discovery (tailscale.com/blog, "disco"): six bytes, "TS" and a sign, then a public key, a nonce
 * and a sealed box.
 */
#include "../inspector.h"

enum {
	TYPE_INITIATION = 1,
	TYPE_RESPONSE = 2,
	TYPE_COOKIE = 3,
	TYPE_DATA = 4,
	INITIATION_BYTES = 148,
	RESPONSE_BYTES = 92,
	COOKIE_BYTES = 64,
	DATA_MIN_BYTES = 32,
	MAC_BYTES = 16,
	EXTRA_MAX_BYTES = 128,
	RECEIVER_AT = 8, /* of a response */
	KEY_AT = 8,	 /* of an initiation */
	COUNTER_STEP = 4096,
	DISCO_MIN_BYTES = 6 + 32 + 24 + 16,
};

/* Eight bits of each of which no value is frequent: no text, no numbers, no padding. */
static bool is_random(const uint8_t *bytes, size_t length)
{
	unsigned distinct = 0;

	for (size_t i = 0; i < length; i++)
		distinct += !memchr(bytes, bytes[i], i);
	return distinct * 4 >= length * 3;
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

/* The type, 0 for what is no message. `length` is on the wire, 0 where that is not known. */
static uint8_t read_type(const uint8_t *bytes, size_t present, size_t length)
{
	static const uint8_t lengths[] = {[TYPE_INITIATION] = INITIATION_BYTES,
					  [TYPE_RESPONSE] = RESPONSE_BYTES,
					  [TYPE_COOKIE] = COOKIE_BYTES};

	if (present < DATA_MIN_BYTES || !is_zero(bytes + 1, 3) || bytes[0] < TYPE_INITIATION ||
	    bytes[0] > TYPE_DATA)
		return 0;
	if (bytes[0] != TYPE_DATA)
		return !length || (length >= lengths[bytes[0]] &&
				   length <= lengths[bytes[0]] + (size_t)EXTRA_MAX_BYTES)
			       ? bytes[0]
			       : 0;
	/* 2^64 is the end of all counters; 2^40 packets are years */
	return length % 16 == 0 && is_zero(bytes + 13, 3) &&
			       is_random(bytes + 16, present < 48 ? present - 16 : 32)
		       ? TYPE_DATA
		       : 0;
}

static bool is_handshake(const uint8_t *bytes, size_t length)
{
	size_t exact = bytes[0] == TYPE_INITIATION ? INITIATION_BYTES : RESPONSE_BYTES;
	size_t key = bytes[0] == TYPE_INITIATION ? KEY_AT : KEY_AT + 4;

	return length == exact && is_zero(bytes + length - MAC_BYTES, MAC_BYTES) &&
	       is_random(bytes + key, 64);
}

static uint64_t counter(const uint8_t *bytes)
{
	return inspect_le32(bytes + 8) | (uint64_t)inspect_le32(bytes + 12) << 32;
}

/* Data of one side: the same receiver, and a counter that has moved on a little. */
static bool counts_on(const uint8_t *earlier, const uint8_t *now)
{
	uint64_t from = counter(earlier), to = counter(now);

	return !memcmp(earlier + 4, now + 4, 4) &&
	       (to > from ? to - from : from - to) <= COUNTER_STEP && to != from;
}

/* Whether `bytes` of `type` answers the message `asked` of `asked_type`. */
static bool answers(const uint8_t *asked, uint8_t asked_type, const uint8_t *bytes, uint8_t type)
{
	if (is_zero(asked + 4, 4)) /* a random number; zeros agree with zeros */
		return false;
	if (asked_type == TYPE_INITIATION && type == TYPE_RESPONSE)
		return !memcmp(asked + 4, bytes + RECEIVER_AT, 4);
	if (asked_type == TYPE_INITIATION || asked_type == TYPE_RESPONSE)
		return (type == TYPE_COOKIE || type == TYPE_DATA) &&
		       !memcmp(asked + 4, bytes + 4, 4);
	return false;
}

static enum inspect_status wireguard_datagram(const struct inspect_datagram *datagram, void **state,
					      struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint8_t type = read_type(bytes, datagram->captured, datagram->length);
	unsigned data = 0, followed = 0;

	(void)state;
	(void)evidence;
	if (!type)
		return INSPECT_NO;
	if ((type == TYPE_INITIATION || type == TYPE_RESPONSE) &&
	    datagram->captured == datagram->length && is_handshake(bytes, datagram->length))
		return INSPECT_DONE;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];
		uint8_t other = read_type(earlier->bytes, earlier->length, 0);

		if (!other)
			return INSPECT_NO;
		if (earlier->direction != datagram->direction &&
		    (answers(earlier->bytes, other, bytes, type) ||
		     answers(bytes, type, earlier->bytes, other)))
			return INSPECT_DONE;
		if (type == TYPE_DATA && other == TYPE_DATA) {
			data++;
			followed += earlier->direction == datagram->direction &&
				    counts_on(earlier->bytes, bytes);
		}
	}
	return data >= 2 && followed ? INSPECT_DONE : INSPECT_MORE;
}

const struct inspector inspector_wireguard = {
	.name = "wireguard",
	.datagram = wireguard_datagram,
	INSPECT_BEGINS("\x01\x04"),
};

static enum inspect_status tailscale_datagram(const struct inspect_datagram *datagram, void **state,
					      struct evidence *evidence)
{
	static const uint8_t magic[] = {'T', 'S', 0xf0, 0x9f, 0x92, 0xac};

	(void)state;
	(void)evidence;
	if (datagram->length < DISCO_MIN_BYTES || datagram->captured < sizeof(magic) ||
	    memcmp(datagram->bytes, magic, sizeof(magic)) != 0)
		return INSPECT_NO;
	return INSPECT_DONE;
}

const struct inspector inspector_tailscale = {
	.name = "tailscale",
	.datagram = tailscale_datagram,
	INSPECT_BEGINS("TT"),
};
