/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenVPN (its protocol's description in ssl_pkt.h and "OpenVPN Wire Protocol", an Internet-Draft),
 * over UDP, and over TCP with two bytes of length before each packet.
 *
 * A control packet is an opcode of five bits, a key number of three, and the sender's session:
 * eight random bytes, the same in all that it sends. What follows is one of:
 *
 *   nothing added:  count, that many acknowledged numbers, the peer's session if there are any, and
 *                   the packet's own number, but in a pure acknowledgement
 *   tls-auth:       an HMAC of 16 to 64 bytes, a replay number, the time; then the same
 *   tls-crypt:      a replay number, the time, an HMAC of 32 bytes; then the same, encrypted;
 *                   version 2 ends with the client's wrapped key and its length
 *
 * Claimed when a packet acknowledges the session that the other side has used; or when a second
 * control packet of one side bears the first one's session and its numbers go on; or on a first
 * packet where its fixed parts are worth it: the resets of tls-auth and tls-crypt, whose replay
 * numbers are 1 and whose lengths are exact, and over TCP any reset. A bare reset in a datagram is
 * 14 bytes, half of them zeros: its answer is waited for.
 *
 * Data packets have nothing that could be recognised.
 */
#include "../inspector.h"

enum {
	RESET_CLIENT_1 = 1,
	RESET_SERVER_1 = 2,
	SOFT_RESET = 3,
	CONTROL = 4,
	ACK = 5,
	RESET_CLIENT_2 = 7,
	RESET_SERVER_2 = 8,
	RESET_CLIENT_3 = 10,
	CONTROL_WKC = 11,
	SESSION_BYTES = 8,
	SESSION_END = 1 + SESSION_BYTES,
	REPLAY_BYTES = 8, /* number and time */
	CRYPT_HMAC = 32,
	ACKS_MAX = 8,
	BARE_BYTES = SESSION_END + 1 + 4, /* a client's reset */
	CRYPT_CLIENT_BYTES = BARE_BYTES + REPLAY_BYTES + CRYPT_HMAC,
	CRYPT_SERVER_BYTES = CRYPT_CLIENT_BYTES + 4 + SESSION_BYTES,
	WRAPPED_KEY_MIN = 2 + 32 + 256,
	EARLY_NEGOTIATION = 0x0f000000,
	TIME_MIN = 1000000000, /* OpenVPN's first release is of 2001 */
	TIME_STEP = 3600,
	NUMBER_MAX = 0xffff,
	CONTROL_MAX = 2048, /* of bytes: a control packet fits into a datagram */
	PACKETS_MAX = 8,
};

/* A control packet. */
struct control {
	const uint8_t *bytes;
	uint32_t length, present;
	uint8_t opcode;
};

static const uint8_t hmac_sizes[] = {0, 16, 20, 28, 32, 48, 64};

static bool is_reset(uint8_t opcode)
{
	return opcode == RESET_CLIENT_1 || opcode == RESET_SERVER_1 || opcode == RESET_CLIENT_2 ||
	       opcode == RESET_SERVER_2 || opcode == RESET_CLIENT_3;
}

static bool is_opcode(uint8_t opcode)
{
	return (opcode >= RESET_CLIENT_1 && opcode <= ACK) || opcode == RESET_CLIENT_2 ||
	       opcode == RESET_SERVER_2 || opcode == RESET_CLIENT_3 || opcode == CONTROL_WKC;
}

/* Eight bytes that could be random: a constant or a small number is no session. */
static bool is_random(const uint8_t *bytes)
{
	unsigned distinct = 0;

	for (unsigned i = 0; i < SESSION_BYTES; i++)
		distinct += !memchr(bytes, bytes[i], i);
	return distinct >= 5;
}

static bool control_read(struct control *packet, const uint8_t *bytes, uint32_t present,
			 uint32_t length)
{
	packet->bytes = bytes;
	packet->present = present;
	packet->length = length;
	packet->opcode = bytes[0] >> 3;
	if (!is_opcode(packet->opcode) || length < BARE_BYTES || length > CONTROL_MAX ||
	    present <= SESSION_END)
		return false;
	if (is_reset(packet->opcode) && bytes[0] & 7) /* the first key is number 0 */
		return false;
	return is_random(bytes + 1);
}

/* The fixed part of a reset that has an HMAC, whose exact length it makes. */
static bool is_wrapped(const struct control *packet)
{
	const uint8_t *bytes = packet->bytes;
	uint32_t number;

	if (!is_reset(packet->opcode) || packet->present < packet->length)
		return false;
	/* tls-crypt: the replay number is behind the session */
	number = inspect_be32(bytes + SESSION_END);
	if ((number == 1 || number == EARLY_NEGOTIATION + 1) && packet->length > SESSION_END + 8 &&
	    inspect_be32(bytes + SESSION_END + 4) >= TIME_MIN) {
		if (packet->opcode == RESET_CLIENT_3)
			return packet->length >= CRYPT_CLIENT_BYTES + WRAPPED_KEY_MIN &&
			       inspect_be16(bytes + packet->length - 2) ==
				       packet->length - CRYPT_CLIENT_BYTES;
		return packet->length ==
		       (packet->opcode == RESET_CLIENT_2 ? CRYPT_CLIENT_BYTES : CRYPT_SERVER_BYTES);
	}
	/* tls-auth: behind the HMAC; then no acknowledgements, or one */
	for (unsigned i = 1; i < sizeof(hmac_sizes); i++) {
		uint32_t at = SESSION_END + hmac_sizes[i], count, end;

		if (packet->length < at + REPLAY_BYTES + 5)
			break;
		count = bytes[at + REPLAY_BYTES];
		end = at + REPLAY_BYTES + 1 + (count ? 4 * count + SESSION_BYTES : 0) + 4;
		if (count <= 1 && end == packet->length && inspect_be32(bytes + at) == 1 &&
		    inspect_be32(bytes + at + 4) >= TIME_MIN && !inspect_be32(bytes + end - 4))
			return true;
	}
	return false;
}

/* Whether the packet acknowledges something of the session, in any of the forms in the clear. */
static bool acknowledges(const struct control *packet, const uint8_t *session)
{
	for (unsigned i = 0; i < sizeof(hmac_sizes); i++) {
		uint32_t at = SESSION_END, count;

		if (hmac_sizes[i])
			at += hmac_sizes[i] + REPLAY_BYTES;
		if (packet->present <= at)
			break;
		count = packet->bytes[at];
		at += 1 + 4 * count;
		if (count && count <= ACKS_MAX && packet->present >= at + SESSION_BYTES &&
		    !memcmp(packet->bytes + at, session, SESSION_BYTES))
			return true;
	}
	return false;
}

/* Nothing added: acknowledgements of small numbers, and a small number of its own. */
static bool is_bare(const struct control *packet)
{
	const uint8_t *bytes = packet->bytes;
	uint32_t at = SESSION_END + 1, count = bytes[SESSION_END];

	if (count > ACKS_MAX || (packet->opcode == ACK && !count))
		return false;
	for (unsigned i = 0; i < count; i++, at += 4)
		if (packet->present < at + 4 || inspect_be32(bytes + at) > NUMBER_MAX)
			return false;
	if (count) {
		if (packet->present < at + SESSION_BYTES || !is_random(bytes + at))
			return false;
		at += SESSION_BYTES;
	}
	if (packet->opcode == ACK)
		return packet->length == at;
	return packet->present >= at + 4 && inspect_be32(bytes + at) <= NUMBER_MAX;
}

/* The replay number and the time behind an HMAC of that size (0: tls-crypt, which begins so). */
static bool read_replay(const struct control *packet, uint32_t hmac, uint32_t *number,
			uint32_t *time)
{
	uint32_t at = SESSION_END + hmac;

	if (packet->present < at + REPLAY_BYTES)
		return false;
	*number = inspect_be32(packet->bytes + at);
	*time = inspect_be32(packet->bytes + at + 4);
	if (*number >= EARLY_NEGOTIATION)
		*number -= EARLY_NEGOTIATION;
	return *number && *number <= NUMBER_MAX && *time >= TIME_MIN;
}

/* One of the forms: what is none need not be waited with. */
static bool has_form(const struct control *packet)
{
	uint32_t number, time;

	if (is_bare(packet))
		return true;
	for (unsigned i = 0; i < sizeof(hmac_sizes); i++)
		if (read_replay(packet, hmac_sizes[i], &number, &time))
			return true;
	return false;
}

/* Packets of one side, neither the other one again: one session, and numbers that go on. */
static bool go_on(const struct control *a, const struct control *b)
{
	uint32_t numbers[2], times[2];

	if (memcmp(a->bytes + 1, b->bytes + 1, SESSION_BYTES) != 0)
		return false;
	if (is_bare(a) && is_bare(b)) /* a repeated packet with another first byte is no session */
		return a->opcode != b->opcode &&
		       (a->length != b->length ||
			memcmp(a->bytes + SESSION_END, b->bytes + SESSION_END,
			       (a->present < b->present ? a->present : b->present) - SESSION_END) !=
				0);
	for (unsigned i = 0; i < sizeof(hmac_sizes); i++)
		if (read_replay(a, hmac_sizes[i], &numbers[0], &times[0]) &&
		    read_replay(b, hmac_sizes[i], &numbers[1], &times[1]) &&
		    numbers[0] != numbers[1] && times[1] - times[0] + TIME_STEP <= 2 * TIME_STEP)
			return true;
	return false;
}

/* Two packets: of one side with one session, or of two that know of each other. */
static bool agree(const struct control *a, const struct control *b, bool same_side)
{
	if (same_side)
		return go_on(a, b);
	if (!memcmp(a->bytes + 1, b->bytes + 1, SESSION_BYTES)) /* an echo: each has its own */
		return false;
	return acknowledges(a, b->bytes + 1) || acknowledges(b, a->bytes + 1);
}

static enum inspect_status openvpn_datagram(const struct inspect_datagram *datagram, void **state,
					    struct evidence *evidence)
{
	struct control packet, other;

	(void)state;
	(void)evidence;
	if (!control_read(&packet, datagram->bytes, datagram->captured, datagram->length))
		return INSPECT_NO;
	if (is_wrapped(&packet))
		return INSPECT_DONE;
	if (datagram->captured == datagram->length && !has_form(&packet))
		return INSPECT_NO;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];

		if (control_read(&other, earlier->bytes, earlier->length,
				 earlier->length > BARE_BYTES ? earlier->length : BARE_BYTES) &&
		    agree(&packet, &other, earlier->direction == datagram->direction))
			return INSPECT_DONE;
	}
	/* a tunnel begins with a reset; a session in its middle shows a second control packet soon
	 */
	return INSPECT_MORE;
}

/* ---- TCP ---- */

struct side {
	struct control packets[PACKETS_MAX];
	unsigned count;
	bool broken;
};

static void read_side(const uint8_t *bytes, uint32_t length, bool midstream, struct side *side)
{
	uint32_t at = 0;

	side->count = 0;
	side->broken = false;
	while (side->count < PACKETS_MAX && length - at > 2) {
		uint32_t size = inspect_be16(bytes + at), have = length - at - 2;

		if (size < BARE_BYTES || size > CONTROL_MAX || !is_opcode(bytes[at + 2] >> 3) ||
		    (!at && !midstream && !is_reset(bytes[at + 2] >> 3))) {
			side->broken = true;
			return;
		}
		if (have < size && have <= SESSION_END)
			return;
		if (!control_read(&side->packets[side->count], bytes + at + 2,
				  have < size ? have : size, size)) {
			side->broken = true;
			return;
		}
		if (have < size) {
			if (side->count) /* known as far as its session */
				side->count++;
			return;
		}
		side->count++;
		at += 2 + size;
	}
}

/* Over TCP the length is exact too: a reset is enough. */
static bool is_bare_reset(const struct control *packet)
{
	return is_reset(packet->opcode) && packet->length == BARE_BYTES &&
	       packet->present == packet->length && !packet->bytes[SESSION_END] &&
	       !inspect_be32(packet->bytes + SESSION_END + 1);
}

static enum inspect_status openvpn_stream(const struct inspect_stream *stream,
					  struct evidence *evidence, struct inspect_note *note)
{
	struct side sides[2];
	bool waits = false, broken = false;

	(void)evidence;
	for (unsigned d = 0; d < 2; d++) {
		read_side(stream->bytes[d], stream->length[d], stream->midstream, &sides[d]);
		for (unsigned i = 0; i < sides[d].count; i++) {
			const struct control *packet = &sides[d].packets[i];

			if (is_bare_reset(packet) || is_wrapped(packet))
				return INSPECT_DONE;
			for (unsigned j = 0; j < i; j++)
				if (agree(packet, &sides[d].packets[j], true))
					return INSPECT_DONE;
		}
		broken |= sides[d].broken && !sides[d].count;
		waits |= !sides[d].broken;
		note->busy |= stream->length[d] && !sides[d].broken;
	}
	for (unsigned i = 0; i < sides[0].count; i++)
		for (unsigned j = 0; j < sides[1].count; j++)
			if (agree(&sides[0].packets[i], &sides[1].packets[j], false))
				return INSPECT_DONE;
	if (!waits || (broken && !stream->midstream))
		return INSPECT_NO;
	return INSPECT_MORE;
}

const struct inspector inspector_openvpn = {
	.name = "openvpn",
	.stream = openvpn_stream,
	.datagram = openvpn_datagram,
};
