/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPsec: IKE (version 1: RFC 2408; 2: RFC 7296), and ESP and AH, which are IP protocols of their
 * own (50, 51) or stand in UDP (RFC 3948) or TCP (RFC 9329).
 *
 * IKE is claimed by a header that holds together: a version, an exchange and flags that exist, a
 * next payload of that version, and a length that is the datagram's, all 32 bits of it. Four zeros
 * before it (RFC 3948, 2.2) tell it from ESP.
 *
 * ESP in UDP begins with a number of its association and a counter; all else is encrypted, and
 * fills words of four bytes (RFC 4303, 2.4). Where no IKE is seen it takes two datagrams of each
 * side, whose association stays and whose counter moves on, differing between the sides, with bytes
 * without order behind; or four of one. Every unknown flow would have to wait for that, so it is
 * looked for at port 4500 alone.
 *
 * Over TCP the client begins with "IKETCP"; the length before each message is two bytes.
 */
#include "../inspector.h"

enum {
	HEADER = 28,
	MARKER_BYTES = 4,
	VERSION_1 = 0x10,
	VERSION_2 = 0x20,
	ESP_PORT = 4500,
	ESP_MIN_BYTES = 32,
	ESP_ORDER_AT = 8,
	ESP_SPI_MIN = 256, /* lower ones are reserved: RFC 4303, 2.1 */
	COUNTER_STEP = 4096,
	STEPS_ALONE = 3,
	TCP_MAX_BYTES = 65535,
};

static const char tcp_prefix[] = "IKETCP";

static bool is_exchange(uint8_t version, uint8_t exchange)
{
	if (version == VERSION_1) /* RFC 2408, 3.1; RFC 2409, A; mode config */
		return (exchange >= 1 && exchange <= 6) || exchange == 32 || exchange == 33;
	return (exchange >= 34 && exchange <= 38) || (exchange >= 41 && exchange <= 44);
}

static bool is_payload(uint8_t version, uint8_t payload)
{
	if (version == VERSION_1)
		return payload <= 21 || (payload >= 130 && payload <= 133);
	return !payload || (payload >= 33 && payload <= 60) || payload >= 128;
}

/* `present` of the `length` bytes of a datagram or record. */
static bool is_ike(const uint8_t *bytes, size_t present, size_t length)
{
	static const uint8_t zeros[8];
	uint8_t version, flags;
	bool begins;

	if (present < HEADER)
		return false;
	version = bytes[17];
	flags = bytes[19];
	if ((version != VERSION_1 && version != VERSION_2) || !is_exchange(version, bytes[18]) ||
	    !is_payload(version, bytes[16]) || !memcmp(bytes, zeros, 8) ||
	    (flags & (version == VERSION_1 ? ~0x07 : ~0x38)))
		return false;
	/* no responder yet: this is the first message, whose number is 0 */
	begins = !memcmp(bytes + 8, zeros, 8);
	if (begins && memcmp(bytes + 20, zeros, 4) != 0 && bytes[18] != 5)
		return false;
	return inspect_be32(bytes + 24) == length;
}

static bool is_marked_ike(const uint8_t *bytes, size_t present, size_t length)
{
	return present > MARKER_BYTES && !inspect_be32(bytes) &&
	       is_ike(bytes + MARKER_BYTES, present - MARKER_BYTES, length - MARKER_BYTES);
}

static bool is_esp(const uint8_t *bytes, size_t present)
{
	unsigned distinct = 0;

	if (present < ESP_MIN_BYTES || inspect_be32(bytes) < ESP_SPI_MIN ||
	    !inspect_be32(bytes + 4))
		return false;
	for (unsigned i = ESP_ORDER_AT; i < ESP_MIN_BYTES; i++)
		distinct += !memchr(bytes + ESP_ORDER_AT, bytes[i], i - ESP_ORDER_AT);
	return distinct >= 18; /* of 24 */
}

static bool counts_on(const uint8_t *earlier, const uint8_t *now)
{
	return !memcmp(earlier, now, 4) &&
	       inspect_be32(now + 4) - inspect_be32(earlier + 4) - 1 < COUNTER_STEP;
}

static enum inspect_status read_esp(const struct inspect_datagram *datagram)
{
	const uint8_t *last[2] = {NULL, NULL};
	unsigned steps[2] = {0, 0};

	for (unsigned i = 0; i <= datagram->earlier_count; i++) {
		bool now = i == datagram->earlier_count;
		const uint8_t *bytes = now ? datagram->bytes : datagram->earlier[i].bytes;
		size_t length = now ? datagram->captured : datagram->earlier[i].length;
		unsigned d = now ? datagram->direction : datagram->earlier[i].direction;

		if (length == 1 && bytes[0] == 0xff) /* keeps the translation alive */
			continue;
		if (!is_esp(bytes, length) || (last[d] && !counts_on(last[d], bytes)))
			return INSPECT_NO;
		steps[d] += last[d] != NULL;
		last[d] = bytes;
	}
	if (steps[0] >= STEPS_ALONE || steps[1] >= STEPS_ALONE)
		return INSPECT_DONE;
	return steps[0] && steps[1] && memcmp(last[0], last[1], 4) != 0 ? INSPECT_DONE
									: INSPECT_MORE;
}

static enum inspect_status ipsec_datagram(const struct inspect_datagram *datagram, void **state,
					  struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	if (is_ike(datagram->bytes, datagram->captured, datagram->length) ||
	    is_marked_ike(datagram->bytes, datagram->captured, datagram->length))
		return INSPECT_DONE;
	if (datagram->client_port != ESP_PORT && datagram->server_port != ESP_PORT)
		return INSPECT_NO;
	if (datagram->length % 4 && datagram->length != 1)
		return INSPECT_NO;
	return read_esp(datagram);
}

/* A record of RFC 9329: its length counts itself. */
static bool is_record(const uint8_t *bytes, uint32_t length)
{
	return length >= 2 + MARKER_BYTES + HEADER && inspect_be16(bytes) > 2 &&
	       is_marked_ike(bytes + 2, length - 2, inspect_be16(bytes) - 2u);
}

static enum inspect_status ipsec_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	bool refused = false, waits = false;

	(void)evidence;
	for (unsigned d = 0; d < 2; d++) {
		const uint8_t *bytes = stream->bytes[d];
		uint32_t length = stream->length[d];

		if (!length) {
			waits = true;
			continue;
		}
		switch (inspect_begins(bytes, length, tcp_prefix, sizeof(tcp_prefix) - 1)) {
		case INSPECT_DONE:
			return INSPECT_DONE;
		case INSPECT_MORE:
			waits = note->busy = true;
			continue;
		default:
			break;
		}
		if (is_record(bytes, length))
			return INSPECT_DONE;
		/* a first record, as far as it is there */
		if (length < 2 + MARKER_BYTES + HEADER && (length < 3 || !bytes[2]) &&
		    (length < 4 || !bytes[3]) && (length < 5 || !bytes[4]) &&
		    (length < 6 || !bytes[5]))
			waits = note->busy = true;
		else
			refused = true;
	}
	return refused && !(stream->midstream && waits) ? INSPECT_NO : INSPECT_MORE;
}

const struct inspector inspector_ipsec = {
	.name = "ipsec",
	.stream = ipsec_stream,
	.datagram = ipsec_datagram,
	.ip_protocols = {50, 51},
};
