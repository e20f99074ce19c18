/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DTLS 1.0 to 1.3 (RFC 4347, 6347, 9147), and what came before the RFC (version 01.00).
 *
 * A datagram is DTLS when records fill it, but the app is claimed only for a hello: the fixed part
 * of a ClientHello, a ServerHello or a HelloVerifyRequest, in plain text (epoch 0). Records without
 * one leave the question open, since the hello may come late, or again.
 *
 * A ClientHello that is whole in one record is read in place, and nothing is kept. Else its
 * fragments, which come in any order and more than once, fill a prefix of the message. After a
 * HelloVerifyRequest the client says hello again, with the next message number: the newest hello is
 * the one that is put together. The first one that is whole gives the name, with or without cookie.
 *
 * WebRTC finds its way with STUN first, on the same ports (RFC 5764, 5.1.2): such datagrams say
 * neither yes nor no.
 */
#include <stdlib.h>

#include "inspector.h"
#include "tls_hello.h"

enum {
	RECORD_CCS = 20,
	RECORD_HANDSHAKE = 22,
	RECORD_ACK = 26,
	RECORD_HEADER = 13,
	RECORD_MAX = 16384 + 2048,
	MESSAGE_HEADER = 12,
	HELLO_CLIENT = 1,
	HELLO_SERVER = 2,
	HELLO_VERIFY = 3,
	HELLO_MAX = 1 << 17, /* no honest hello comes near */
	SERVER_SESSION_AT = 34,
	STUN_HEADER = 20,
};

/* What a datagram shows; the greatest counts. */
enum sight {
	SIGHT_RECORDS, /* well-formed records, no hello */
	SIGHT_HELLO,   /* proof, but no whole ClientHello */
	SIGHT_WHOLE,
};

/* A ClientHello that comes in fragments. */
struct memory {
	struct flow_prefix body;
	uint32_t length;
	uint16_t number;
	uint8_t direction;
};

/* A handshake message, or a fragment of one. */
struct fragment {
	const uint8_t *bytes;
	uint32_t present; /* of `count`: the capture may be cut */
	uint32_t length, at, count;
	uint16_t number;
	uint8_t type;
	bool fills_record;
};

static bool version_good(const uint8_t *bytes)
{
	return (bytes[0] == 0xfe && bytes[1] >= 0xfc) || (bytes[0] == 1 && bytes[1] == 0);
}

static uint32_t be24(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 16 | inspect_be16(bytes + 1);
}

/* RFC 8489, 5: the magic cookie, and a length that fits. */
static bool is_stun(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;

	return datagram->captured >= STUN_HEADER && bytes[0] < 4 &&
	       inspect_be16(bytes + 4) == 0x2112 && inspect_be16(bytes + 6) == 0xa442 &&
	       inspect_be16(bytes + 2) + STUN_HEADER == datagram->length;
}

static bool server_hello_good(const struct fragment *fragment)
{
	const uint8_t *body = fragment->bytes;
	uint32_t end;

	if (fragment->at || fragment->present <= SERVER_SESSION_AT || !version_good(body) ||
	    body[SERVER_SESSION_AT] > 32)
		return false;
	end = SERVER_SESSION_AT + 1 + body[SERVER_SESSION_AT] + 3; /* cipher, compression */
	if (fragment->length <= end + 1)
		return fragment->length == end;
	return fragment->present < end + 2 ||
	       end + 2 + inspect_be16(body + end) == fragment->length;
}

static bool hello_verify_good(const struct fragment *fragment)
{
	return !fragment->at && fragment->present >= 3 && version_good(fragment->bytes) &&
	       3u + fragment->bytes[2] == fragment->length;
}

static enum sight judge_hello(enum tls_hello_status status)
{
	return status == TLS_HELLO_WHOLE  ? SIGHT_WHOLE
	       : status == TLS_HELLO_PART ? SIGHT_HELLO
					  : SIGHT_RECORDS;
}

/* The memory for this message, NULL if it belongs to a newer one or there is none to be had. */
static struct memory *remember(struct memory **state, const struct fragment *fragment,
			       enum flow_direction direction)
{
	struct memory *memory = *state;

	if (!memory) {
		memory = calloc(1, sizeof(*memory));
		if (!memory)
			return NULL;
		*state = memory;
	} else if (memory->direction == direction && memory->number == fragment->number &&
		   memory->length == fragment->length) {
		return memory;
	} else if (memory->direction == direction && memory->number > fragment->number) {
		return NULL;
	}
	flow_prefix_release(&memory->body);
	memory->length = fragment->length;
	memory->number = fragment->number;
	memory->direction = (uint8_t)direction;
	return memory;
}

static enum sight take_client_hello(struct memory **state, const struct fragment *fragment,
				    enum flow_direction direction, struct tls_hello *hello)
{
	enum tls_hello_status status;
	struct memory *memory;
	enum sight sight;

	if (fragment->count == fragment->length) {
		status = tls_client_hello_read(TLS_HELLO_DATAGRAM, fragment->bytes,
					       fragment->present, fragment->length,
					       fragment->fills_record, hello);
		/* what the capture cut off does not come any more */
		return status == TLS_HELLO_PART ? SIGHT_WHOLE : judge_hello(status);
	}
	memory = remember(state, fragment, direction);
	if (!memory ||
	    flow_prefix_add(&memory->body, fragment->at, fragment->bytes, fragment->present) < 0 ||
	    !memory->body.contiguous)
		return SIGHT_RECORDS;
	sight = judge_hello(tls_client_hello_read(TLS_HELLO_DATAGRAM, memory->body.bytes,
						  memory->body.contiguous, memory->length, false,
						  hello));
	if (sight == SIGHT_HELLO && memory->body.contiguous == FLOW_PREFIX_MAX_BYTES)
		return SIGHT_WHOLE; /* there is no room for more */
	return sight;
}

static enum sight take_fragment(struct memory **state, const struct fragment *fragment,
				enum flow_direction direction, struct tls_hello *hello)
{
	switch (fragment->type) {
	case HELLO_CLIENT:
		return take_client_hello(state, fragment, direction, hello);
	case HELLO_SERVER:
		return server_hello_good(fragment) ? SIGHT_HELLO : SIGHT_RECORDS;
	case HELLO_VERIFY:
		return hello_verify_good(fragment) ? SIGHT_HELLO : SIGHT_RECORDS;
	default:
		return SIGHT_RECORDS;
	}
}

/* The messages of one plain record of `length` bytes. False: they do not hold together. */
static bool walk_messages(struct memory **state, const uint8_t *bytes, uint32_t present,
			  uint32_t length, enum flow_direction direction, struct tls_hello *hello,
			  enum sight *best)
{
	uint32_t at = 0;

	while (at < length && *best != SIGHT_WHOLE) {
		const uint8_t *head = bytes + at;
		struct fragment fragment;
		enum sight sight;

		if (length - at < MESSAGE_HEADER)
			return false;
		if (present - at < MESSAGE_HEADER)
			return true;
		at += MESSAGE_HEADER;
		fragment = (struct fragment){
			.bytes = bytes + at,
			.type = head[0],
			.length = be24(head + 1),
			.number = (uint16_t)inspect_be16(head + 4),
			.at = be24(head + 6),
			.count = be24(head + 9),
		};
		if (fragment.length > HELLO_MAX || fragment.count > length - at ||
		    fragment.at + fragment.count > fragment.length)
			return false;
		fragment.present = fragment.count < present - at ? fragment.count : present - at;
		fragment.fills_record = MESSAGE_HEADER + fragment.count == length;
		sight = take_fragment(state, &fragment, direction, hello);
		if (sight > *best)
			*best = sight;
		at += fragment.present;
		if (fragment.present < fragment.count)
			return true;
	}
	return true;
}

/* False: not DTLS. */
static bool walk_records(struct memory **state, const struct inspect_datagram *datagram,
			 struct tls_hello *hello, enum sight *best)
{
	uint32_t at = 0;

	while (at < datagram->length && *best != SIGHT_WHOLE) {
		const uint8_t *head = datagram->bytes + at;
		uint32_t present = datagram->captured - at, length;

		if (at && present && (head[0] & 0xe0) == 0x20)
			return true; /* RFC 9147, 4: what follows is encrypted, and looks like it */
		if (present < RECORD_HEADER)
			return at && datagram->captured < datagram->length;
		length = inspect_be16(head + 11);
		if (head[0] < RECORD_CCS || head[0] > RECORD_ACK || !version_good(head + 1) ||
		    length > RECORD_MAX || length > datagram->length - at - RECORD_HEADER)
			return false;
		present -= RECORD_HEADER;
		if (present > length)
			present = length;
		if (head[0] == RECORD_HANDSHAKE && !inspect_be16(head + 3) &&
		    !walk_messages(state, head + RECORD_HEADER, present, length,
				   datagram->direction, hello, best))
			return false;
		at += RECORD_HEADER + present;
		if (present < length)
			return true;
	}
	return true;
}

static enum inspect_status dtls_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	struct memory *memory = *state;
	enum sight best = SIGHT_RECORDS;
	struct tls_hello hello;
	bool good;

	if (is_stun(datagram))
		return INSPECT_MORE;
	good = walk_records(&memory, datagram, &hello, &best);
	*state = memory;
	switch (best) {
	case SIGHT_WHOLE:
		tls_hello_keep(&hello, hello.ech ? HOST_TLS_ECH_OUTER : HOST_DTLS_SNI, evidence);
		return INSPECT_DONE;
	case SIGHT_HELLO:
		return INSPECT_MINE;
	case SIGHT_RECORDS:
		break;
	}
	return good ? INSPECT_MORE : INSPECT_NO;
}

static void dtls_state_free(void *state)
{
	struct memory *memory = state;

	flow_prefix_release(&memory->body);
	free(memory);
}

static size_t dtls_state_bytes(const void *state)
{
	const struct memory *memory = state;

	return sizeof(*memory) + memory->body.capacity;
}

const struct inspector inspector_dtls = {
	.name = "dtls",
	.gives_udp = INSPECT_HOST | INSPECT_ALPN,
	.datagram = dtls_datagram,
	.state_free = dtls_state_free,
	.state_bytes = dtls_state_bytes,
};
