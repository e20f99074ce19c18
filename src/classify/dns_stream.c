/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS over TCP: each side of a connection is a window that slides over its stream.
 *
 * A side knows the sequence number of its window's first byte (`base`), which is always the first
 * byte of a message, or of what is left of one that is stepped over. What lies before is old; what
 * lies past the window is lost, since its receiver has it and will not ask again. A side that lost
 * bytes, like one seen from the middle of its stream, begins anew with a segment that begins as a
 * message does. To begin at a wrong place costs nothing but messages that nobody asked for.
 *
 * The table is searched from end to end: that is some hundred nanoseconds, for packets that are
 * few, against lists to be kept in order.
 */
#include "dns_stream.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/flow.h>

enum {
	LENGTH_BYTES = 2,
	HEADER_BYTES = 12,
	QUERY_MIN = HEADER_BYTES + 5,
	TCP_WINDOW_MAX = 1 << 30, /* RFC 7323, 2.3 */
};

struct side {
	struct flow_prefix window;
	uint32_t base; /* sequence number of the window's first byte */
	uint32_t isn;  /* of its SYN, plus one */
	uint32_t skip; /* bytes left of a message that is stepped over */
	bool known;    /* base means something */
	bool synced;   /* isn does */
	bool closed;
};

/* Both ends, the lesser one first, so that either sender's packets find it. */
struct key {
	uint8_t address[2][16];
	uint16_t port[2];
	uint8_t family;
	uint8_t zero[3];
};

struct connection {
	struct key key;
	uint64_t used;	      /* when it was last, counted in packets; 0: free */
	struct side sides[2]; /* as in the key */
};

struct dns_streams {
	struct hash_seed seed;
	uint64_t clock;
	uint64_t hashes[DNS_STREAMS_MAX]; /* of the keys */
	struct connection connections[DNS_STREAMS_MAX];
};

struct dns_streams *dns_streams_new(const struct hash_seed *seed)
{
	struct dns_streams *streams = calloc(1, sizeof(*streams));

	if (streams)
		streams->seed = *seed;
	return streams;
}

static void side_forget(struct side *side)
{
	flow_prefix_release(&side->window);
	side->skip = 0;
	side->known = false;
}

static void connection_end(struct connection *connection)
{
	flow_prefix_release(&connection->sides[0].window);
	flow_prefix_release(&connection->sides[1].window);
	memset(connection, 0, sizeof(*connection));
}

void dns_streams_free(struct dns_streams *streams)
{
	if (!streams)
		return;
	for (size_t i = 0; i < DNS_STREAMS_MAX; i++)
		connection_end(&streams->connections[i]);
	free(streams);
}

static uint32_t be16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

/* Which side of the key the sender is. */
static unsigned make_key(const struct packet *packet, struct key *key)
{
	int order = memcmp(packet->src.bytes, packet->dst.bytes, sizeof(packet->src.bytes));
	unsigned sender = order > 0 || (order == 0 && packet->sport > packet->dport);

	memset(key, 0, sizeof(*key));
	memcpy(key->address[sender], packet->src.bytes, sizeof(key->address[0]));
	memcpy(key->address[!sender], packet->dst.bytes, sizeof(key->address[0]));
	key->port[sender] = packet->sport;
	key->port[!sender] = packet->dport;
	key->family = packet->family;
	return sender;
}

static struct connection *find(struct dns_streams *streams, const struct key *key, uint64_t hash)
{
	for (size_t i = 0; i < DNS_STREAMS_MAX; i++) {
		struct connection *connection = &streams->connections[i];

		if (streams->hashes[i] == hash && connection->used &&
		    !memcmp(&connection->key, key, sizeof(*key)))
			return connection;
	}
	return NULL;
}

/* A free one, or the one least recently used, which then is one that went. */
static struct connection *make(struct dns_streams *streams, const struct key *key, uint64_t hash,
			       unsigned *evicted)
{
	struct connection *connection = &streams->connections[0];

	for (size_t i = 1; i < DNS_STREAMS_MAX; i++)
		if (streams->connections[i].used < connection->used)
			connection = &streams->connections[i];
	*evicted = connection->used != 0;
	connection_end(connection);
	connection->key = *key;
	streams->hashes[connection - streams->connections] = hash;
	return connection;
}

/* A standard message with one question, as far as a first segment shows. */
static bool begins_as_message(const uint8_t *bytes, size_t length)
{
	return length >= LENGTH_BYTES + HEADER_BYTES && be16(bytes) >= QUERY_MIN &&
	       !(bytes[LENGTH_BYTES + 2] & 0x78) && be16(bytes + LENGTH_BYTES + 4) == 1;
}

/* Hands on what is whole, and slides the window behind it. False: these are no messages. */
static bool drain(struct side *side, dns_stream_message_fn *message, void *context)
{
	struct flow_prefix *window = &side->window;
	uint32_t at = 0;
	bool good = true;

	for (;;) {
		uint32_t left = window->contiguous - at, length;

		if (side->skip) {
			length = side->skip < left ? side->skip : left;
			side->skip -= length;
			at += length;
			if (side->skip)
				break;
			continue;
		}
		if (left < LENGTH_BYTES)
			break;
		length = be16(window->bytes + at);
		good = length >= HEADER_BYTES;
		if (!good)
			break;
		if (length > FLOW_PREFIX_MAX_BYTES - LENGTH_BYTES) {
			side->skip = length + LENGTH_BYTES;
			continue;
		}
		if (left - LENGTH_BYTES < length)
			break;
		message(window->bytes + at + LENGTH_BYTES, length, context);
		at += LENGTH_BYTES + length;
	}
	side->base += at;
	flow_prefix_consume(window, at);
	if (!window->contiguous && !window->range_count)
		flow_prefix_release(window);
	return good;
}

/* In pieces that fit the window: a packet may hold more than that. */
static void take_payload(struct side *side, uint32_t seq, const uint8_t *bytes, uint32_t length,
			 dns_stream_message_fn *message, void *context)
{
	if (!side->known) {
		if (!begins_as_message(bytes, length))
			return;
		side->known = true;
		side->base = seq;
	}
	while (length) {
		uint32_t offset = seq - side->base, old = side->base - seq, piece;

		if (offset > INT32_MAX) { /* before the window: seen already */
			piece = old < length ? old : length;
		} else if (offset < FLOW_PREFIX_MAX_BYTES) {
			piece = FLOW_PREFIX_MAX_BYTES - offset;
			if (piece > length)
				piece = length;
			flow_prefix_add(&side->window, offset, bytes, piece);
			if (!drain(side, message, context)) {
				side_forget(side);
				return;
			}
		} else {
			if (offset <= TCP_WINDOW_MAX) /* else its receiver has no use for it either */
				side_forget(side);
			return;
		}
		seq += piece;
		bytes += piece;
		length -= piece;
	}
}

unsigned dns_streams_packet(struct dns_streams *streams, const struct packet *packet,
			    dns_stream_message_fn *message, void *context)
{
	bool syn = packet->tcp_flags & PACKET_TCP_SYN;
	uint32_t seq = packet->tcp_seq + (syn ? 1 : 0);
	struct connection *connection;
	unsigned sender, evicted = 0;
	struct side *side;
	struct key key;
	uint64_t hash;

	sender = make_key(packet, &key);
	hash = hash_bytes(&streams->seed, &key, sizeof(key));
	connection = find(streams, &key, hash);
	if (packet->tcp_flags & PACKET_TCP_RST) {
		if (connection)
			connection_end(connection);
		return 0;
	}
	/* another SYN of a connection is another connection, unless it is the same one again */
	if (connection && syn && !(packet->tcp_flags & PACKET_TCP_ACK) &&
	    !(connection->sides[sender].synced && connection->sides[sender].isn == seq)) {
		connection_end(connection);
		connection = NULL;
	}
	if (!connection) {
		if (!syn && !begins_as_message(packet->payload, packet->payload_captured))
			return 0;
		connection = make(streams, &key, hash, &evicted);
	}
	connection->used = ++streams->clock;
	side = &connection->sides[sender];
	if (syn && !(side->synced && side->isn == seq)) {
		side_forget(side);
		side->base = side->isn = seq;
		side->known = side->synced = true;
		side->closed = false;
	}
	if (packet->payload_captured)
		take_payload(side, seq, packet->payload, packet->payload_captured, message,
			     context);
	if (packet->tcp_flags & PACKET_TCP_FIN)
		side->closed = true;
	if (connection->sides[0].closed && connection->sides[1].closed &&
	    !connection->sides[0].window.range_count && !connection->sides[1].window.range_count)
		connection_end(connection);
	return evicted;
}
