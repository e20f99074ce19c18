/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text to address and back through inet_pton/inet_ntop; prefixes and ranges are
 * one type, since both are "from first to last" and lists of either merge.
 */
#include <waymark/ip.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

bool ip_parse(const char *text, struct ip_addr *addr)
{
	struct ip_addr parsed = {0};

	if (inet_pton(AF_INET, text, parsed.bytes) == 1)
		parsed.family = IP_V4;
	else if (inet_pton(AF_INET6, text, parsed.bytes) == 1)
		parsed.family = IP_V6;
	else
		return false;
	*addr = parsed;
	return true;
}

unsigned ip_bits(uint8_t family)
{
	return family == IP_V4 ? 32 : family == IP_V6 ? 128 : 0;
}

int ip_af(uint8_t family)
{
	return family == IP_V4 ? AF_INET : family == IP_V6 ? AF_INET6 : AF_UNSPEC;
}

bool ip_prefix_parse(const char *text, struct ip_addr *addr, unsigned *length)
{
	const char *slash = strchr(text, '/');
	char host[IP_TEXT_SIZE];
	struct ip_addr parsed;
	size_t host_length = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits;

	if (host_length >= sizeof(host))
		return false;
	memcpy(host, text, host_length);
	host[host_length] = '\0';
	if (!ip_parse(host, &parsed))
		return false;
	bits = ip_bits(parsed.family);
	if (slash) {
		char *end;

		if (slash[1] < '0' || slash[1] > '9')
			return false;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > ip_bits(parsed.family))
			return false;
	}
	*addr = parsed;
	*length = (unsigned)bits;
	return true;
}

struct ip_range ip_range_from_prefix(const struct ip_addr *addr, unsigned length)
{
	struct ip_range range = {*addr, *addr};
	unsigned bits = ip_bits(addr->family);

	for (unsigned i = 0; i < bits / 8; i++) {
		unsigned kept = length >= (i + 1) * 8 ? 8 : length > i * 8 ? length - i * 8 : 0;
		uint8_t host_mask = (uint8_t)(0xff >> kept);

		range.first.bytes[i] &= (uint8_t)~host_mask;
		range.last.bytes[i] |= host_mask;
	}
	return range;
}

bool ip_range_parse(const char *text, struct ip_range *range)
{
	const char *dash = strchr(text, '-');
	struct ip_addr addr;
	unsigned length;

	if (dash) {
		char first[IP_TEXT_SIZE];
		size_t first_length = (size_t)(dash - text);
		struct ip_range parsed;

		if (first_length >= sizeof(first))
			return false;
		memcpy(first, text, first_length);
		first[first_length] = '\0';
		if (!ip_parse(first, &parsed.first) || !ip_parse(dash + 1, &parsed.last) ||
		    parsed.first.family != parsed.last.family ||
		    ip_compare(&parsed.first, &parsed.last) > 0)
			return false;
		*range = parsed;
		return true;
	}
	if (!ip_prefix_parse(text, &addr, &length))
		return false;
	*range = ip_range_from_prefix(&addr, length);
	return true;
}

const char *ip_format(const struct ip_addr *addr, char buffer[IP_TEXT_SIZE])
{
	if (addr->family == IP_NONE ||
	    !inet_ntop(ip_af(addr->family), addr->bytes, buffer, IP_TEXT_SIZE))
		memcpy(buffer, "-", 2);
	return buffer;
}

struct ip_addr ip_v4(const uint8_t bytes[4])
{
	struct ip_addr addr = {.family = IP_V4};

	memcpy(addr.bytes, bytes, 4);
	return addr;
}

struct ip_addr ip_v6(const uint8_t bytes[16])
{
	struct ip_addr addr = {.family = IP_V6};

	memcpy(addr.bytes, bytes, 16);
	return addr;
}
