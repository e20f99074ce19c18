/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns_wire - names and records of the DNS format (RFC 1035, 3.1, 4.1), for all that speak it.
 */
#ifndef INSPECT_DNS_WIRE_H
#define INSPECT_DNS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	DNS_HEADER = 12,
	DNS_NAME_BYTES = 253, /* as text; 255 on the wire */

	DNS_TYPE_A = 1,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_ANY = 255,
	DNS_CLASS_IN = 1,
};

/* A message and a place in it; `present` bytes of it are there. */
struct dns_cursor {
	const uint8_t *bytes;
	uint32_t present, at;
};

struct dns_name {
	uint8_t length;
	bool plain; /* printable ASCII without space, and no dot inside a label */
	char text[DNS_NAME_BYTES]; /* folded to lower case, a dot between labels, no terminator */
};

struct dns_record {
	uint32_t owner_at;
	uint16_t type, class;
	uint32_t ttl_s; /* 0 where the top bit is set (RFC 2181, 8) */
	uint32_t data_at, data_length;
};

enum dns_pointers { DNS_POINTERS_REFUSED, DNS_POINTERS_FOLLOWED };

/*
 * Reads the name at the cursor and steps over it. Pointers lead strictly backwards, and only so
 * often. False: no name, or it is cut; the cursor is anywhere then.
 */
bool dns_name_read(struct dns_cursor *cursor, enum dns_pointers pointers, struct dns_name *name);
/* Steps over a name without looking where its pointer leads to, but that it leads backwards. */
bool dns_name_skip(struct dns_cursor *cursor);
/* DNSCrypt's, a version and "dnscrypt-cert" first: what is asked for is no address. */
bool dns_name_is_dnscrypt(const struct dns_name *name);
/* Steps over a record; its owner and data are read by their places. */
bool dns_record_read(struct dns_cursor *cursor, struct dns_record *record);

#endif
