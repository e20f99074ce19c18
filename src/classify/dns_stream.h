/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns_stream - the messages of DNS over TCP (RFC 1035, 4.2.2; RFC 7766), out of segments that
 * come in any order, twice, and cut anywhere.
 *
 * Connections are kept in a table of fixed size; the one least recently seen goes first. Each
 * side of one holds at most FLOW_PREFIX_MAX_BYTES, and nothing while it waits between two
 * messages. A message that needs more is stepped over. One table belongs to one worker.
 */
#ifndef CLASSIFY_DNS_STREAM_H
#define CLASSIFY_DNS_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <waymark/hash.h>
#include <waymark/packet.h>

#define DNS_STREAMS_MAX 256

struct dns_streams;

/* NULL on out of memory. */
struct dns_streams *dns_streams_new(const struct hash_seed *seed);
void dns_streams_free(struct dns_streams *streams);

/* One whole message, without its length; sent by the packet's sender. */
typedef void dns_stream_message_fn(const uint8_t *bytes, size_t length, void *context);

/*
 * Takes one TCP packet, and hands on each message that is whole now. Returns how many connections
 * went to make room: 0 or 1.
 */
unsigned dns_streams_packet(struct dns_streams *streams, const struct packet *packet,
			    dns_stream_message_fn *message, void *context);

#endif
