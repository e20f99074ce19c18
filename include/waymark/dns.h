/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns - one DNS message as far as the names cache needs it: the question, and
 * which addresses an answer gives to the name that was asked for.
 *
 * Follows CNAME (and DNAME-synthesised CNAME) chains from the question through the
 * answer section, in any order of records, within a bound; an address whose owner
 * is not on the chain is left out. HTTPS and SVCB records (RFC 9460) give their
 * ipv4hint and ipv6hint, and the A/AAAA records of the additional section that
 * belong to their TargetName. The TTL of an address is the least one on its way.
 * The name of `_8443._https.www.example.org` is www.example.org (RFC 9460, 2.3).
 * Wire format: RFC 1035 4, 2181, 2308, 6891, 9460. Pure; any bytes are safe.
 */
#ifndef WAYMARK_DNS_H
#define WAYMARK_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/ip.h>

#define DNS_PORT 53
#define DNS_ADDRESSES_MAX 64
#define DNS_NAME_SIZE 256

struct dns_message {
	uint16_t id;
	bool response;
	bool truncated; /* TC: what follows comes again over TCP */
	uint8_t opcode, rcode;
	uint16_t qtype, qclass;
	/* the question's name as on the wire but folded to lower case, dots between labels, none at the end */
	uint8_t question_length;
	char question[DNS_NAME_SIZE];
	/* the host that the addresses are for: the question without attribute labels ("_443._https."); length 0: the question is no host name */
	uint8_t host_length;
	char host[DNS_NAME_SIZE];
	size_t address_count; /* 0 in a query */
	struct dns_address {
		struct ip_addr address;
		uint32_t ttl_s;
	} addresses[DNS_ADDRESSES_MAX];
};

/*
 * 0; -EBADMSG for anything that is no standard query or response with one question.
 * `length` bytes are the whole message, without the two length bytes of TCP.
 */
int dns_message_read(const uint8_t *bytes, size_t length, struct dns_message *message);

#endif
