/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_wire - the bytes of probes: what is sent, and whether what came is the answer to it.
 * Private, pure; any bytes are safe.
 */
#ifndef WAYMARK_ROUTE_PROBE_WIRE_H
#define WAYMARK_ROUTE_PROBE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- ICMP and ICMPv6 echo ---- */

#define PROBE_COOKIE_SIZE 8u
#define PROBE_ECHO_SIZE (8u + PROBE_COOKIE_SIZE)

struct probe_echo {
	uint8_t family; /* enum ip_family */
	uint16_t id, sequence;
	uint8_t cookie[PROBE_COOKIE_SIZE];
};

/* The request, from the ICMP header on. The kernel puts in the checksum of ICMPv6. */
void probe_echo_write(const struct probe_echo *echo, uint8_t bytes[PROBE_ECHO_SIZE]);
/*
 * The reply, as a raw socket gives it: IPv4 with its IP header, IPv6 without. The source is for the
 * caller to compare, and the checksum of ICMPv6 is checked by the kernel.
 */
bool probe_echo_is_reply(const struct probe_echo *echo, const uint8_t *bytes, size_t length);
/* What an ICMP error quotes of the request, from the ICMP header on: all of it, or its begin. */
bool probe_echo_is_quoted(const struct probe_echo *echo, const uint8_t *bytes, size_t length);

/* ---- HTTP ---- */

/* An answer as far as its status. All zero in the beginning. */
struct probe_http {
	enum { PROBE_HTTP_STATUS, PROBE_HTTP_LINE, PROBE_HTTP_LINE_BEGIN } at;
	uint8_t length;
	char text[12]; /* "HTTP/1.1 200" */
	uint32_t skipped;
};

/*
 * The next bytes of the stream. The status, from 200 to 999 (interim answers, 1xx, are passed
 * over); 0: it is still to come; -EBADMSG: this is no HTTP/1 answer.
 */
int probe_http_feed(struct probe_http *http, const uint8_t *bytes, size_t length);

/* ---- DNS ---- */

#define PROBE_DNS_SIZE 272u /* the longest question, with its header */

/*
 * The question for `name`: type A, or NS where it is ".". Its ID is zero, in the first two bytes.
 * Returns the length; 0: this is no name.
 */
size_t probe_dns_query(const char *name, uint8_t bytes[PROBE_DNS_SIZE]);
/* The answer's rcode; -EBADMSG: it is no answer to this question with this ID. */
int probe_dns_rcode(const uint8_t *query, size_t query_length, uint16_t id, const uint8_t *bytes,
		    size_t length);

#endif
