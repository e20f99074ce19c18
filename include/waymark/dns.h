/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns - one DNS message as far as the names cache needs it: the question, and
 * which addresses an answer gives to the name that was asked for.
 *
 * An address counts only where the question leads to it: over CNAMEs (with a DNAME comes the
 * CNAME that it means) and, for HTTPS and SVCB questions (RFC 9460), over TargetNames, in any
 * order of records. A, AAAA and ANY questions are answered in the answer section alone. HTTPS and
 * SVCB records give their ipv4hint and ipv6hint; the addresses of a TargetName may also stand in
 * the additional section. Whatever else a message holds is left out. The TTL of an address is the
 * least one on its way; one with the top bit set is 0 (RFC 2181, 8).
 * Bounds: 256 records and 16 links are looked at, 64 addresses kept; more is not seen.
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
	/* the question's name: any bytes, folded to lower case, with dots between labels */
	uint8_t question_length;
	char question[DNS_NAME_SIZE];
	/*
	 * The host that the addresses are for: the question without attribute labels ("_443._https.").
	 * Length 0: no host, since a byte is not printable ASCII, or a label has a dot inside.
	 */
	uint8_t host_length;
	char host[DNS_NAME_SIZE];
	/*
	 * An HTTPS or SVCB record of the host offers Encrypted ClientHello (RFC 9848): its TLS may show
	 * another name. ech_ttl_s is how long that holds.
	 */
	bool ech;
	uint32_t ech_ttl_s;
	size_t address_count; /* 0 in a query */
	struct dns_address {
		struct ip_addr address;
		uint32_t ttl_s;
	} addresses[DNS_ADDRESSES_MAX];
};

/*
 * 0; -EBADMSG for anything that is no standard query or response with one question, or whose
 * records do not hold together as far as they are read. An answer with an error code, a truncated
 * one and one to another type or class of question have no addresses, and are not read so far.
 * `length` bytes are the whole message, without the two length bytes of TCP.
 */
int dns_message_read(const uint8_t *bytes, size_t length, struct dns_message *message);
/*
 * The same without any address: what the records hold is not read, and costs nothing. For who wants
 * to know first whether he believes the answer.
 */
int dns_message_read_question(const uint8_t *bytes, size_t length, struct dns_message *message);

#endif
