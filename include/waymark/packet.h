/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet - a bounds-checked view of one IP packet, and the verdict on it.
 *
 * A packet never owns bytes: every pointer points into the buffer that the
 * source handed in, and is valid until the source's next receive. Parsing
 * allocates nothing and reads nothing beyond `ip_captured` bytes; a packet cut
 * short (capture length, NFQA_CAP_LEN) parses as far as it goes.
 * Wire formats: RFC 791, 8200 (extension headers 4.), 9293 (TCP), 768, 3828
 * (UDP-Lite), 9260 (SCTP), 4340 (DCCP), 792, 4443, 4303 (ESP), 4302 (AH), 2784 (GRE).
 * Pure, any thread.
 */
#ifndef WAYMARK_PACKET_H
#define WAYMARK_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/ip.h>

enum packet_tcp_flag {
	PACKET_TCP_FIN = 0x01,
	PACKET_TCP_SYN = 0x02,
	PACKET_TCP_RST = 0x04,
	PACKET_TCP_PSH = 0x08,
	PACKET_TCP_ACK = 0x10,
	PACKET_TCP_URG = 0x20,
};

/* Where a packet was caught; numbers are the kernel's (NF_INET_*, linux/netfilter.h). */
enum packet_hook {
	PACKET_HOOK_PREROUTING = 0,
	PACKET_HOOK_INPUT = 1,
	PACKET_HOOK_FORWARD = 2,
	PACKET_HOOK_OUTPUT = 3,
	PACKET_HOOK_POSTROUTING = 4,
};

enum packet_status {
	PACKET_OK,
	PACKET_NOT_IP,	  /* version is neither 4 nor 6 */
	PACKET_MALFORMED, /* a length contradicts itself, or the fixed IP header is cut */
};

/* What the carrier of the packet knows beside its bytes; zeroed where unknown. */
struct packet_meta {
	uint64_t time_us;   /* since the epoch */
	uint32_t id;	    /* the source's own: NFQUEUE packet id, frame number */
	uint32_t mark;	    /* fwmark on arrival */
	uint32_t iface_in;  /* interface index, 0: none */
	uint32_t iface_out; /* known in OUTPUT, FORWARD and POSTROUTING only */
	uint32_t uid, gid;
	uint8_t mac[6]; /* source hardware address */
	uint8_t hook;	/* enum packet_hook */
	bool has_mac, has_uid, has_gid;
};

struct packet {
	const uint8_t *ip;     /* first byte of the outermost IP header */
	uint32_t ip_captured;  /* bytes present from `ip` on, link padding cut off */
	uint32_t ip_length;    /* as the IP header states it (a GSO packet: its whole length) */
	uint8_t family;	       /* enum ip_family */
	uint8_t proto;	       /* the upper-layer protocol, behind IPv6 extension headers */
	uint8_t tos;	       /* IPv4 TOS, IPv6 traffic class */
	uint8_t ttl;	       /* IPv4 TTL, IPv6 hop limit */
	struct ip_addr src, dst;

	bool fragment;	   /* part of a fragmented datagram (also the first part): no ports, no payload */
	bool truncated;	   /* fewer bytes captured than ip_length */
	bool has_ports;	   /* sport and dport are meaningful */
	bool has_tcp;	   /* tcp_* are meaningful */
	uint16_t sport, dport;
	uint8_t icmp_type, icmp_code; /* ICMP and ICMPv6; no ports then */
	bool has_icmp;
	uint8_t tcp_flags; /* enum packet_tcp_flag */
	uint32_t tcp_seq;
	uint32_t tcp_ack;

	const uint8_t *payload; /* above the transport header; NULL when none of it is captured */
	uint32_t payload_captured;
	uint32_t payload_length; /* on the wire */

	struct packet_meta meta;
};

/*
 * Parses the packet that begins at `bytes` with an IP header; fills every field but `meta`.
 * `captured` bytes are present, of `length` on the wire (>= captured).
 * A transport header that is cut or malformed is not an error: has_ports is false then.
 */
enum packet_status packet_parse(struct packet *packet, const uint8_t *bytes, size_t captured,
				size_t length);

/* "tcp", "udp", ... for the protocols that have a common name here; NULL for any other. */
const char *packet_proto_name(uint8_t proto);
/* By that name, by an alias ("ipv6-icmp", "icmp6") or number "0".."255"; false: unknown. */
bool packet_proto_parse(const char *word, uint8_t *proto);

/* What becomes of a packet: pass with `mark` as its whole new fwmark, or be dropped here. */
struct verdict {
	uint32_t mark;
	bool drop;
};

#endif
