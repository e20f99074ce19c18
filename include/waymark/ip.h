/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ip - IPv4 and IPv6 addresses, prefixes and ranges as values.
 *
 * Bytes are in network order. An IPv4 address uses bytes[0..3]; the others are
 * zero, so that two equal addresses are equal byte by byte.
 * Pure functions, no allocation, any thread.
 */
#ifndef WAYMARK_IP_H
#define WAYMARK_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip_addr {
	uint8_t family; /* enum ip_family */
	uint8_t bytes[16];
};

/* All addresses from `first` to `last`, both included; a prefix is such a range. */
struct ip_range {
	struct ip_addr first, last;
};

#define IP_TEXT_SIZE 48 /* any address or prefix, with its terminator */

bool ip_parse(const char *text, struct ip_addr *addr);
/* "A", "A/len" or "A-B"; host bits in a prefix are allowed and ignored. */
bool ip_range_parse(const char *text, struct ip_range *range);
/* "A/len" or "A" (full length); `length` in bits. */
bool ip_prefix_parse(const char *text, struct ip_addr *addr, unsigned *length);
/* Returns buffer; "-" for family IP_NONE. */
const char *ip_format(const struct ip_addr *addr, char buffer[IP_TEXT_SIZE]);

struct ip_addr ip_v4(const uint8_t bytes[4]);
struct ip_addr ip_v6(const uint8_t bytes[16]);
/* Number of bits of the family: 32, 128, or 0. */
unsigned ip_bits(uint8_t family);
/* AF_INET, AF_INET6 or AF_UNSPEC. */
int ip_af(uint8_t family);
struct ip_range ip_range_from_prefix(const struct ip_addr *addr, unsigned length);

static inline int ip_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family != b->family ? (a->family < b->family ? -1 : 1)
				      : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_compare(a, b) == 0;
}

static inline bool ip_in_range(const struct ip_addr *addr, const struct ip_range *range)
{
	return addr->family == range->first.family && ip_compare(addr, &range->first) >= 0 &&
	       ip_compare(addr, &range->last) <= 0;
}

#endif
