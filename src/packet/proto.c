/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protocol names. Not getprotobyname(): /etc/protocols may be absent and may differ between
 * the machine that replays and the one that runs, and its names for the same number differ.
 * The first name of a number in the table is the one that is printed; the others are aliases.
 */
#include <string.h>
#include <strings.h>

#include <waymark/packet.h>

#include "proto.h"

static const struct {
	uint8_t proto;
	const char *name;
} names[] = {
	{PROTO_TCP, "tcp"},	    {PROTO_UDP, "udp"},		 {PROTO_ICMP, "icmp"},
	{PROTO_ICMPV6, "icmpv6"},   {PROTO_ICMPV6, "icmp6"},	 {PROTO_ICMPV6, "ipv6-icmp"},
	{PROTO_UDPLITE, "udplite"}, {PROTO_UDPLITE, "udp-lite"}, {PROTO_SCTP, "sctp"},
	{PROTO_DCCP, "dccp"},	    {PROTO_ESP, "esp"},		 {PROTO_AH, "ah"},
	{PROTO_GRE, "gre"},	    {PROTO_IGMP, "igmp"},	 {PROTO_IPIP, "ipip"},
	{PROTO_IPIP, "ipencap"},    {PROTO_IPIP, "ipv4"},	 {PROTO_IPV6, "ipv6"},
	{PROTO_OSPF, "ospf"},	    {PROTO_PIM, "pim"},		 {PROTO_VRRP, "vrrp"},
	{PROTO_L2TP, "l2tp"},
};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

const char *packet_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < NAME_COUNT; i++)
		if (names[i].proto == proto)
			return names[i].name;
	return NULL;
}

bool packet_proto_parse(const char *word, uint8_t *proto)
{
	unsigned value = 0;
	size_t i;

	for (i = 0; i < NAME_COUNT; i++) {
		if (strcasecmp(word, names[i].name) == 0) {
			*proto = names[i].proto;
			return true;
		}
	}
	for (i = 0; i < 4 && word[i] >= '0' && word[i] <= '9'; i++)
		value = value * 10 + (unsigned)(word[i] - '0');
	if (i == 0 || word[i] != '\0' || value > UINT8_MAX)
		return false;
	*proto = (uint8_t)value;
	return true;
}
