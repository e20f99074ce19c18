/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ethereum's peers: discovery version 4 over UDP, and the RLPx handshake over TCP (devp2p
 * specifications "discv4" and "rlpx", EIP-8). Discovery version 5 is masked by the receiver's key:
 * nobody else can tell it from noise.
 *
 * Discovery: a hash of 32 bytes, a signature of 65 whose last byte is 0 or 1, a type, and an RLP
 * list that ends where the datagram ends. The list is read by the type: a ping holds two endpoints,
 * a pong one and a hash, a search a key of 64 bytes, its answer nodes with such keys. Those are
 * lengths at their places, some 60 bits and more. Only the question for a record, nothing but a
 * time, says too little; its answer returns its hash.
 *
 * RLPx: what follows the length is an encrypted message that begins with a new public key, a point
 * of the curve secp256k1 in its long form. 64 random bytes are a point once in 2^256, so the key
 * alone is proof, from either side (secp256k1.c).
 */
#include "../inspector.h"
#include "secp256k1.h"

/* ---- RLP (Yellow Paper, appendix B) ---- */

struct rlp {
	const uint8_t *bytes;
	uint32_t length;   /* on the wire */
	uint32_t captured; /* of them */
	uint32_t at;
};

struct item {
	bool list;
	uint32_t at, length; /* of its content */
};

/* The next item's head; its content is not passed over. False: none, or not all of it. */
static bool read_head(struct rlp *rlp, struct item *item)
{
	uint32_t have = rlp->captured - rlp->at, size = 0;
	uint8_t c;

	if (!have)
		return false;
	c = rlp->bytes[rlp->at];
	item->list = c >= 0xc0;
	if (c < 0x80) { /* it is its own content */
		item->at = rlp->at;
		item->length = 1;
		return true;
	}
	c &= 0x3f;
	item->at = rlp->at + 1;
	item->length = c;
	if (c > 55) {
		size = c - 55u;
		if (size > 2 || have <= size)
			return false;
		item->length =
			size == 1 ? rlp->bytes[item->at] : inspect_be16(rlp->bytes + item->at);
		item->at += size;
		if (item->length <= 55)
			return false; /* has a shorter form */
	}
	return item->at <= rlp->length && item->length <= rlp->length - item->at;
}

static bool read_item(struct rlp *rlp, struct item *item)
{
	if (!read_head(rlp, item))
		return false;
	rlp->at = item->at + item->length;
	if (rlp->at > rlp->captured)
		rlp->at = rlp->captured;
	return true;
}

/* What lies within a list. */
static struct rlp inside(const struct rlp *rlp, const struct item *list)
{
	struct rlp inner = *rlp;

	inner.at = list->at;
	inner.length = list->at + list->length;
	if (inner.captured > inner.length)
		inner.captured = inner.length;
	return inner;
}

static bool read_text(struct rlp *rlp, uint32_t least, uint32_t most)
{
	struct item item;

	return read_item(rlp, &item) && !item.list && item.length >= least && item.length <= most;
}

/* ---- discovery ---- */

enum {
	HASH_BYTES = 32,
	PARITY_AT = HASH_BYTES + 64,
	TYPE_AT,
	DATA_AT,
	PACKET_MAX = 1280,
	KEY_BYTES = 64,
	PING = 1,
	PONG,
	FIND_NODE,
	NEIGHBORS,
	ENR_REQUEST,
	ENR_RESPONSE,
};

static bool read_address(struct rlp *rlp)
{
	struct item item;

	return read_item(rlp, &item) && !item.list &&
	       (item.length == 0 || item.length == 4 || item.length == 16);
}

/* Address, UDP port, TCP port. */
static bool read_endpoint(struct rlp *rlp)
{
	struct item item;
	struct rlp in;

	if (!read_item(rlp, &item) || !item.list)
		return false;
	in = inside(rlp, &item);
	return read_address(&in) && read_text(&in, 0, 2) && read_text(&in, 0, 2) &&
	       in.at == in.length;
}

/* Seconds since 1970. */
static bool read_time(struct rlp *rlp)
{
	return read_text(rlp, 4, 4);
}

/* Each an endpoint and its key. */
static bool read_nodes(struct rlp *rlp, uint32_t captured)
{
	struct item list, item;
	struct rlp in;
	unsigned count = 0;

	if (!read_item(rlp, &list) || !list.list)
		return false;
	for (in = inside(rlp, &list); in.at < in.length; count++) {
		struct rlp node;

		if (!read_item(&in, &item) || !item.list)
			break;
		node = inside(&in, &item);
		if (!read_address(&node) || !read_text(&node, 0, 2) || !read_text(&node, 0, 2) ||
		    !read_text(&node, KEY_BYTES, KEY_BYTES))
			break;
	}
	return in.at == in.length || (count && captured < in.length);
}

static enum inspect_status read_packet(const struct inspect_datagram *datagram)
{
	struct rlp rlp = {datagram->bytes, datagram->length, datagram->captured, DATA_AT}, in;
	struct item item;
	bool good;

	if (rlp.length > PACKET_MAX || rlp.captured <= DATA_AT || datagram->bytes[PARITY_AT] > 1 ||
	    !read_item(&rlp, &item) || !item.list || item.at + item.length > rlp.length)
		return INSPECT_NO;
	in = inside(&rlp, &item);
	switch (datagram->bytes[TYPE_AT]) {
	case PING:
		good = read_text(&in, 1, 1) && read_endpoint(&in) && read_endpoint(&in) &&
		       read_time(&in);
		break;
	case PONG:
		good = read_endpoint(&in) && read_text(&in, HASH_BYTES, HASH_BYTES) &&
		       read_time(&in);
		break;
	case FIND_NODE:
		good = read_text(&in, KEY_BYTES, KEY_BYTES) && read_time(&in);
		break;
	case NEIGHBORS:
		good = read_nodes(&in, rlp.captured) &&
		       (datagram->captured < datagram->length || read_time(&in));
		break;
	case ENR_REQUEST:
		return read_time(&in) && in.at == datagram->length ? INSPECT_MORE : INSPECT_NO;
	case ENR_RESPONSE:
		good = read_text(&in, HASH_BYTES, HASH_BYTES) && read_item(&in, &item) && item.list;
		if (!good)
			return INSPECT_NO;
		in = inside(&in, &item);
		/* a signature, then keys in their order: "id" is one of them (EIP-778) */
		good = read_text(&in, 64, 64) && read_text(&in, 1, 9);
		break;
	default:
		return INSPECT_NO;
	}
	return good ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return read_packet(datagram);
}

/* ---- RLPx ---- */

enum {
	POINT_FORM = 4, /* both coordinates follow */
	POINT_BYTES = 1 + 2 * SECP256K1_BYTES,
	/* point, vector, one block, code: none is shorter */
	MESSAGE_MIN = POINT_BYTES + 16 + 16 + 32,
	MESSAGE_MAX = 2048,
};

static enum inspect_status read_point(const uint8_t *bytes, uint32_t length)
{
	if (!length)
		return INSPECT_MORE;
	if (bytes[0] != POINT_FORM)
		return INSPECT_NO;
	if (length < POINT_BYTES)
		return INSPECT_MORE;
	return secp256k1_is_point(bytes + 1) ? INSPECT_DONE : INSPECT_NO;
}

/* Since EIP-8 with its length before it; without before. */
static enum inspect_status read_side(const uint8_t *bytes, uint32_t length)
{
	enum inspect_status old, status = INSPECT_MORE;

	if (!length)
		return INSPECT_MORE;
	old = read_point(bytes, length);
	if (length >= 2) {
		uint32_t size = inspect_be16(bytes);

		status = size >= MESSAGE_MIN && size <= MESSAGE_MAX
				 ? read_point(bytes + 2, length - 2)
				 : INSPECT_NO;
	} else if (bytes[0] > MESSAGE_MAX >> 8) {
		status = INSPECT_NO;
	}
	if (old == INSPECT_DONE || status == INSPECT_DONE)
		return INSPECT_DONE;
	return old == INSPECT_MORE || status == INSPECT_MORE ? INSPECT_MORE : INSPECT_NO;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status client = read_side(stream->bytes[0], stream->length[0]);
	enum inspect_status server = read_side(stream->bytes[1], stream->length[1]);

	(void)evidence;
	(void)note;
	if (client == INSPECT_DONE || server == INSPECT_DONE)
		return INSPECT_DONE;
	return client == INSPECT_NO || server == INSPECT_NO ? INSPECT_NO : INSPECT_MORE;
}

const struct inspector inspector_ethereum = {
	.name = "ethereum",
	.stream = read_stream,
	.datagram = read_datagram,
};
