/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parsing walks a cursor over the packet. A cursor has two ends: what was captured and what
 * was on the wire. Lengths are judged against the wire, bytes are read only within the
 * capture; so a packet cut by a snap length keeps its true payload length.
 *
 * Invariants:
 * - no read without cursor_has(); after cursor_skip() the cursor never points past the capture,
 *   a skip beyond it leaves zero captured bytes and the right length.
 * - the number of IPv6 extension headers followed is bounded; a longer chain is a packet
 *   whose protocol is the first header not followed, without ports.
 * - both the first and the later fragments of a datagram have the same `proto`, so that
 *   they meet in one flow: in IPv6 the next header of the Fragment header.
 *
 * AH is what conntrack makes of it: protocol 51 in IPv4, and one more header to skip in IPv6.
 * Mobility, HIP and Shim6 headers are skipped when something follows; alone (next header 59)
 * they are themselves the protocol.
 */
#include <string.h>

#include <waymark/packet.h>

#include "proto.h"

#define IPV4_HEADER_BYTES 20u
#define IPV6_HEADER_BYTES 40u
#define IPV6_EXTENSIONS_MAX 16

#define IPV4_MORE_FRAGMENTS 0x2000u
#define IPV4_OFFSET_MASK 0x1fffu
#define IPV6_MORE_FRAGMENTS 0x0001u
#define IPV6_OFFSET_MASK 0xfff8u

#define RESET_HALF_BYTES (offsetof(struct packet, meta) / 2)

struct cursor {
	const uint8_t *at;
	uint32_t captured; /* bytes that may be read at `at` */
	uint32_t length;   /* bytes that were on the wire from `at` on; >= captured */
};

static bool cursor_has(const struct cursor *cursor, uint32_t bytes)
{
	return cursor->captured >= bytes;
}

/* The caller has checked `bytes` against cursor->length. */
static void cursor_skip(struct cursor *cursor, uint32_t bytes)
{
	uint32_t present = bytes < cursor->captured ? bytes : cursor->captured;

	cursor->at += present;
	cursor->captured -= present;
	cursor->length -= bytes;
}

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void set_ports(struct packet *packet, const struct cursor *cursor)
{
	packet->sport = get16(cursor->at);
	packet->dport = get16(cursor->at + 2);
	packet->has_ports = true;
}

static void set_payload(struct packet *packet, const struct cursor *cursor)
{
	packet->payload = cursor->captured > 0 ? cursor->at : NULL;
	packet->payload_captured = cursor->captured;
	packet->payload_length = cursor->length;
}

/* What lies behind `header` bytes is payload; a header longer than the packet has none. */
static void set_payload_behind(struct packet *packet, struct cursor *cursor, uint32_t header)
{
	if (header > cursor->length)
		return;
	cursor_skip(cursor, header);
	set_payload(packet, cursor);
}

static void parse_tcp(struct packet *packet, struct cursor *cursor)
{
	uint32_t header;

	if (!cursor_has(cursor, 20))
		return;
	header = (cursor->at[12] >> 4) * 4u;
	if (header < 20 || header > cursor->length)
		return;
	set_ports(packet, cursor);
	packet->tcp_seq = get32(cursor->at + 4);
	packet->tcp_ack = get32(cursor->at + 8);
	packet->tcp_flags = cursor->at[13];
	packet->has_tcp = true;
	cursor_skip(cursor, header);
	set_payload(packet, cursor);
}

static void parse_udp(struct packet *packet, struct cursor *cursor)
{
	uint32_t stated;

	if (!cursor_has(cursor, 8))
		return;
	stated = get16(cursor->at + 4);
	/* 0 is a jumbogram (RFC 2675) or a segmentation-offload packet: all that is there. */
	if (stated != 0) {
		if (stated < 8)
			return;
		if (stated < cursor->length) {
			cursor->length = stated;
			if (cursor->captured > stated)
				cursor->captured = stated;
		}
	}
	set_ports(packet, cursor);
	cursor_skip(cursor, 8);
	set_payload(packet, cursor);
}

static void parse_dccp(struct packet *packet, struct cursor *cursor)
{
	uint32_t header, least;

	if (!cursor_has(cursor, 12))
		return;
	header = cursor->at[4] * 4u;
	least = (cursor->at[8] & 1) != 0 ? 16 : 12; /* X: 48-bit sequence numbers */
	if (header < least || header > cursor->length)
		return;
	set_ports(packet, cursor);
	cursor_skip(cursor, header);
	set_payload(packet, cursor);
}

static void parse_with_ports(struct packet *packet, struct cursor *cursor, uint32_t header)
{
	if (!cursor_has(cursor, header))
		return;
	set_ports(packet, cursor);
	cursor_skip(cursor, header);
	set_payload(packet, cursor);
}

static void parse_icmp(struct packet *packet, struct cursor *cursor)
{
	if (!cursor_has(cursor, 4))
		return;
	packet->icmp_type = cursor->at[0];
	packet->icmp_code = cursor->at[1];
	packet->has_icmp = true;
	set_payload_behind(packet, cursor, 8);
}

static void parse_gre(struct packet *packet, struct cursor *cursor)
{
	uint32_t header = 4;
	uint8_t flags, version;

	if (!cursor_has(cursor, 4))
		return;
	flags = cursor->at[0];
	version = cursor->at[1] & 7;
	if ((flags & 0x40) != 0) /* source routing (RFC 1701): its length is not in the base */
		return;
	header += (flags & 0x80) != 0 ? 4 : 0;		 /* checksum */
	header += (flags & 0x20) != 0 ? 4 : 0;		 /* key */
	header += (flags & 0x10) != 0 ? 4 : 0;		 /* sequence */
	if (version == 1 && (cursor->at[1] & 0x80) != 0) /* PPTP (RFC 2637): acknowledgement */
		header += 4;
	set_payload_behind(packet, cursor, header);
}

static void parse_ah(struct packet *packet, struct cursor *cursor)
{
	if (cursor_has(cursor, 2))
		set_payload_behind(packet, cursor, (cursor->at[1] + 2u) * 4u);
}

static void parse_transport(struct packet *packet, struct cursor *cursor)
{
	switch (packet->proto) {
	case PROTO_TCP:
		parse_tcp(packet, cursor);
		break;
	case PROTO_UDP:
		parse_udp(packet, cursor);
		break;
	case PROTO_UDPLITE: /* its length field is the checksum's coverage */
		parse_with_ports(packet, cursor, 8);
		break;
	case PROTO_SCTP:
		parse_with_ports(packet, cursor, 12);
		break;
	case PROTO_DCCP:
		parse_dccp(packet, cursor);
		break;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		parse_icmp(packet, cursor);
		break;
	case PROTO_ESP:
		set_payload_behind(packet, cursor, 8);
		break;
	case PROTO_AH:
		parse_ah(packet, cursor);
		break;
	case PROTO_GRE:
		parse_gre(packet, cursor);
		break;
	default:
		set_payload(packet, cursor);
		break;
	}
}

/* Sets the packet's extent, and a cursor behind `header` bytes of it. */
static void set_extent(struct packet *packet, struct cursor *cursor, uint32_t captured,
		       uint32_t stated, uint32_t header)
{
	packet->ip_length = stated;
	packet->ip_captured = captured < stated ? captured : stated;
	packet->truncated = packet->ip_captured < stated;
	cursor->at = packet->ip;
	cursor->captured = packet->ip_captured;
	cursor->length = stated;
	cursor_skip(cursor, header);
}

static enum packet_status parse_v4(struct packet *packet, uint32_t captured, uint32_t length)
{
	const uint8_t *ip = packet->ip;
	struct cursor cursor;
	uint32_t header, total;
	uint16_t fragment;

	if (captured < IPV4_HEADER_BYTES)
		return PACKET_MALFORMED;
	header = (ip[0] & 0x0f) * 4u;
	total = get16(ip + 2);
	if (total == 0) /* segmentation offload in the capturing host */
		total = length;
	if (header < IPV4_HEADER_BYTES || header > total)
		return PACKET_MALFORMED;

	packet->family = IP_V4;
	packet->tos = ip[1];
	packet->ttl = ip[8];
	packet->proto = ip[9];
	packet->src = (struct ip_addr){.family = IP_V4};
	packet->dst = packet->src;
	memcpy(packet->src.bytes, ip + 12, 4);
	memcpy(packet->dst.bytes, ip + 16, 4);
	set_extent(packet, &cursor, captured, total, header);

	fragment = get16(ip + 6);
	if ((fragment & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) != 0)
		packet->fragment = true;
	else
		parse_transport(packet, &cursor);
	return PACKET_OK;
}

/* The length of the extension header at the cursor; 0 if `proto` is none. 8 bytes are there. */
static uint32_t extension_length(uint8_t proto, const struct cursor *cursor)
{
	switch (proto) {
	case PROTO_HOPOPTS:
	case PROTO_ROUTING:
	case PROTO_DSTOPTS:
		return (cursor->at[1] + 1u) * 8u;
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
		return cursor->at[0] == PROTO_NONE ? 0 : (cursor->at[1] + 1u) * 8u;
	case PROTO_FRAGMENT:
		return 8;
	case PROTO_AH:
		return (cursor->at[1] + 2u) * 4u;
	default:
		return 0;
	}
}

static bool is_extension(uint8_t proto)
{
	return proto == PROTO_HOPOPTS || proto == PROTO_ROUTING || proto == PROTO_DSTOPTS ||
	       proto == PROTO_FRAGMENT || proto == PROTO_AH || proto == PROTO_MOBILITY ||
	       proto == PROTO_HIP || proto == PROTO_SHIM6;
}

static void parse_v6_chain(struct packet *packet, struct cursor *cursor)
{
	for (int i = 0; is_extension(packet->proto); i++) {
		uint32_t bytes;
		uint8_t next;

		if (i == IPV6_EXTENSIONS_MAX || !cursor_has(cursor, 8))
			return;
		bytes = extension_length(packet->proto, cursor);
		if (bytes == 0)
			break;
		if (bytes > cursor->length)
			return;
		next = cursor->at[0];
		/* Offset 0 and nothing more: an atomic fragment (RFC 6946) is a whole packet. */
		if (packet->proto == PROTO_FRAGMENT) {
			uint16_t field = get16(cursor->at + 2);

			if ((field & (IPV6_OFFSET_MASK | IPV6_MORE_FRAGMENTS)) != 0) {
				packet->fragment = true;
				packet->proto = next;
				return;
			}
		}
		packet->proto = next;
		cursor_skip(cursor, bytes);
	}
	if (packet->proto != PROTO_NONE)
		parse_transport(packet, cursor);
}

static enum packet_status parse_v6(struct packet *packet, uint32_t captured, uint32_t length)
{
	const uint8_t *ip = packet->ip;
	struct cursor cursor;
	uint32_t total;

	if (captured < IPV6_HEADER_BYTES)
		return PACKET_MALFORMED;
	total = IPV6_HEADER_BYTES + get16(ip + 4);
	/* A payload length of 0 is a jumbogram or segmentation offload, unless nothing follows. */
	if (total == IPV6_HEADER_BYTES && ip[6] != PROTO_NONE)
		total = length;

	packet->family = IP_V6;
	packet->tos = (uint8_t)((ip[0] & 0x0f) << 4 | ip[1] >> 4);
	packet->proto = ip[6];
	packet->ttl = ip[7];
	packet->src.family = IP_V6;
	packet->dst.family = IP_V6;
	memcpy(packet->src.bytes, ip + 8, 16);
	memcpy(packet->dst.bytes, ip + 24, 16);
	set_extent(packet, &cursor, captured, total, IPV6_HEADER_BYTES);
	parse_v6_chain(packet, &cursor);
	return PACKET_OK;
}

enum packet_status packet_parse(struct packet *packet, const uint8_t *bytes, size_t captured,
				size_t length)
{
	uint32_t captured32 = captured < UINT32_MAX ? (uint32_t)captured : UINT32_MAX;
	uint32_t length32 = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;

	/*
	 * All before meta; a designated reset would copy meta twice on the hot path. In two
	 * halves: one of this length becomes a string instruction, slower to begin than both.
	 */
	memset(packet, 0, RESET_HALF_BYTES);
	memset((uint8_t *)packet + RESET_HALF_BYTES, 0,
	       offsetof(struct packet, meta) - RESET_HALF_BYTES);
	packet->ip = bytes;
	if (captured32 == 0)
		return PACKET_MALFORMED;
	if (length32 < captured32)
		length32 = captured32;
	switch (bytes[0] >> 4) {
	case 4:
		return parse_v4(packet, captured32, length32);
	case 6:
		return parse_v6(packet, captured32, length32);
	default:
		return PACKET_NOT_IP;
	}
}
