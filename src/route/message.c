/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtnetlink messages -> our values; used by dumps and by the monitor. Pure.
 *
 * What a plan can never contain (an attribute that we never write, a second
 * next hop, an expiry) makes a rule or route "strange": it equals nothing that is
 * wanted, so if it is ours by protocol and place it is a leftover, and its
 * deletion echoes the whole message. The kernel's spelling is undone here:
 * mark bits outside of their mask, the loopback device of an IPv6 unreachable
 * route, flags that only report state.
 * Lengths are checked before every read, even though the kernel is trusted: a
 * newer one may use an attribute differently.
 */
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/icmpv6.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <waymark/route_plan.h>

#include "private.h"

static uint8_t family_of(unsigned char af)
{
	return af == AF_INET ? IP_V4 : af == AF_INET6 ? IP_V6 : IP_NONE;
}

static bool get_u32(const struct nlattr *attr, uint32_t *value)
{
	if (mnl_attr_get_payload_len(attr) < sizeof(*value))
		return false;
	memcpy(value, mnl_attr_get_payload(attr), sizeof(*value));
	return true;
}

static bool get_name(const struct nlattr *attr, char name[ROUTE_NAME_SIZE])
{
	size_t length = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (length >= ROUTE_NAME_SIZE)
		return false;
	memcpy(name, mnl_attr_get_payload(attr), length);
	return true;
}

static bool get_address(const struct nlattr *attr, uint8_t family, struct ip_addr *addr)
{
	size_t length = ip_bits(family) / 8;

	if (!length || mnl_attr_get_payload_len(attr) < length)
		return false;
	*addr = (struct ip_addr){.family = family};
	memcpy(addr->bytes, mnl_attr_get_payload(attr), length);
	return true;
}

static bool has_header(const struct nlmsghdr *message, size_t length)
{
	return mnl_nlmsg_get_payload_len(message) >= length;
}

/* Whether a link is a VRF, or is in one: that says the kind of its master's slaves. */
static void parse_link_info(const struct nlattr *info, struct route_link *link)
{
	const void *data = mnl_attr_get_payload(info);
	size_t length = mnl_attr_get_payload_len(info);
	const struct nlattr *attr;

	route_for_each_attr(attr, data, length, 0)
	{
		uint16_t type = mnl_attr_get_type(attr);
		const char *kind = mnl_attr_get_payload(attr);

		if ((type == IFLA_INFO_KIND || type == IFLA_INFO_SLAVE_KIND) &&
		    mnl_attr_get_payload_len(attr) >= 3 && memcmp(kind, "vrf", 3) == 0 &&
		    (mnl_attr_get_payload_len(attr) == 3 || kind[3] == '\0'))
			link->vrf = true;
	}
}

bool route_parse_link(const struct nlmsghdr *message, struct route_link *link)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK)
		return false;
	/* AF_BRIDGE messages speak of ports: their "deletion" leaves the link alive */
	if (!has_header(message, sizeof(*header)) || header->ifi_family != AF_UNSPEC ||
	    header->ifi_index <= 0)
		return false;
	*link = (struct route_link){
		.index = (uint32_t)header->ifi_index,
		.up = (header->ifi_flags & IFF_UP) != 0,
		/* not IFF_RUNNING: on a link that comes up it lags by up to a second */
		.carrier = (header->ifi_flags & IFF_LOWER_UP) && !(header->ifi_flags & IFF_DORMANT),
		.point_to_point = (header->ifi_flags & IFF_POINTOPOINT) != 0,
	};
	route_for_each_attr(attr, header, mnl_nlmsg_get_payload_len(message),
			    NLMSG_ALIGN(sizeof(*header)))
	{
		size_t length = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			if (length > sizeof(link->name) - 1)
				length = sizeof(link->name) - 1;
			memcpy(link->name, mnl_attr_get_payload(attr), length);
			break;
		case IFLA_MASTER:
			get_u32(attr, &link->master);
			break;
		case IFLA_LINKINFO:
			parse_link_info(attr, link);
			break;
		default:
			break;
		}
	}
	return link->name[0] != '\0';
}

bool route_parse_address(const struct nlmsghdr *message, struct route_address *address)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;
	struct ip_addr local = {.family = IP_NONE};
	uint32_t flags;
	uint8_t family;

	if (message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR)
		return false;
	if (!has_header(message, sizeof(*header)))
		return false;
	family = family_of(header->ifa_family);
	flags = header->ifa_flags;
	if (family == IP_NONE || header->ifa_prefixlen > ip_bits(family))
		return false;
	*address = (struct route_address){
		.index = header->ifa_index,
		.prefix_length = header->ifa_prefixlen,
		.global = header->ifa_scope < RT_SCOPE_LINK,
	};
	route_for_each_attr(attr, header, mnl_nlmsg_get_payload_len(message),
			    NLMSG_ALIGN(sizeof(*header)))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFA_LOCAL:
			get_address(attr, family, &local);
			break;
		case IFA_ADDRESS:
			get_address(attr, family, &address->prefix);
			break;
		case IFA_FLAGS:
			get_u32(attr, &flags);
			break;
		default:
			break;
		}
	}
	address->address = local.family != IP_NONE ? local : address->prefix;
	if (address->prefix.family == IP_NONE)
		address->prefix = address->address;
	address->duplicate = (flags & IFA_F_DADFAILED) != 0;
	address->waning = (flags & (IFA_F_TENTATIVE | IFA_F_DEPRECATED)) != 0;
	return address->address.family != IP_NONE && header->ifa_scope != RT_SCOPE_HOST;
}

static void parse_rule_attr(const struct nlattr *attr, struct route_rule *rule)
{
	uint32_t value = 0;

	switch (mnl_attr_get_type(attr)) {
	case FRA_PRIORITY:
		get_u32(attr, &rule->priority);
		break;
	case FRA_TABLE:
		get_u32(attr, &rule->table);
		break;
	case FRA_FWMARK:
		get_u32(attr, &rule->fwmark);
		break;
	case FRA_FWMASK:
		get_u32(attr, &rule->fwmask);
		break;
	case FRA_SRC:
		rule->strange |= !get_address(attr, rule->family, &rule->source);
		break;
	case FRA_SUPPRESS_PREFIXLEN:
		if (get_u32(attr, &value))
			rule->suppress_prefix_length = (int32_t)value;
		break;
	case FRA_OIFNAME:
		rule->strange |= !get_name(attr, rule->oif);
		break;
	case FRA_SUPPRESS_IFGROUP:
		rule->strange |= get_u32(attr, &value) && value != UINT32_MAX;
		break;
	case FRA_FLOW:
		rule->strange |= get_u32(attr, &value) && value != 0;
		break;
	case FRA_PROTOCOL:
		if (mnl_attr_get_payload_len(attr) >= 1)
			rule->protocol = mnl_attr_get_u8(attr);
		break;
	case FRA_PAD:
		break;
	default: /* interfaces, ports, users, goto, and whatever comes */
		rule->strange = true;
		break;
	}
}

bool route_parse_rule(const struct nlmsghdr *message, struct route_rule *rule)
{
	const struct fib_rule_hdr *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (message->nlmsg_type != RTM_NEWRULE && message->nlmsg_type != RTM_DELRULE)
		return false;
	if (!has_header(message, sizeof(*header)))
		return false;
	*rule = (struct route_rule){
		.family = family_of(header->family),
		.invert = (header->flags & FIB_RULE_INVERT) != 0,
		.type = header->action, /* FR_ACT_* is RTN_*, as far as there are rules of it */
		.strange =
			(header->action != FR_ACT_TO_TBL && header->action != FR_ACT_UNREACHABLE) ||
			header->tos || header->dst_len,
		.table = header->table,
		.source_length = header->src_len,
		.suppress_prefix_length = -1,
		.uplink = ROUTE_NO_UPLINK,
	};
	if (rule->family == IP_NONE || header->src_len > ip_bits(rule->family))
		return false;
	route_for_each_attr(attr, header, mnl_nlmsg_get_payload_len(message),
			    NLMSG_ALIGN(sizeof(*header))) parse_rule_attr(attr, rule);
	rule->fwmark &= rule->fwmask;
	return true;
}

static void parse_next_hop_attr(const struct nlattr *attr, struct route_route *route)
{
	switch (mnl_attr_get_type(attr)) {
	case RTA_GATEWAY:
		route->strange |= !get_address(attr, route->family, &route->gateway);
		break;
	case RTA_VIA: {
		const struct rtvia *via = mnl_attr_get_payload(attr);
		size_t length = mnl_attr_get_payload_len(attr);
		uint8_t family = length > sizeof(*via) ? family_of((unsigned char)via->rtvia_family)
						       : IP_NONE;

		if (family == IP_NONE || length < sizeof(*via) + ip_bits(family) / 8) {
			route->strange = true;
			break;
		}
		route->gateway = (struct ip_addr){.family = family};
		memcpy(route->gateway.bytes, via->rtvia_addr, ip_bits(family) / 8);
		break;
	}
	default:
		route->strange = true;
		break;
	}
}

/* The n-th next hop of RTA_MULTIPATH, into the route. */
static bool parse_next_hop(const struct nlattr *multipath, unsigned next, struct route_route *route)
{
	const uint8_t *at = mnl_attr_get_payload(multipath);
	size_t left = mnl_attr_get_payload_len(multipath);
	const struct nlattr *attr;
	struct rtnexthop hop;

	for (;; next--) {
		if (left < sizeof(hop))
			return false;
		memcpy(&hop, at, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left)
			return false;
		if (next == 0)
			break;
		if (NLMSG_ALIGN(hop.rtnh_len) >= left)
			return false;
		at += NLMSG_ALIGN(hop.rtnh_len);
		left -= NLMSG_ALIGN(hop.rtnh_len);
	}
	route->index = (uint32_t)hop.rtnh_ifindex;
	route->onlink = (hop.rtnh_flags & RTNH_F_ONLINK) != 0;
	route_for_each_attr(attr, at, hop.rtnh_len, NLMSG_ALIGN(sizeof(hop)))
		parse_next_hop_attr(attr, route);
	route->strange = true;
	return true;
}

static bool has_expiry(const struct nlattr *attr)
{
	struct rta_cacheinfo info;

	if (mnl_attr_get_payload_len(attr) < sizeof(info))
		return false;
	memcpy(&info, mnl_attr_get_payload(attr), sizeof(info));
	return info.rta_expires != 0;
}

/* RFC 4191: of equal metrics the kernel takes the router that calls itself the better one. */
static int8_t preference_of(uint8_t value)
{
	switch (value) {
	case ICMPV6_ROUTER_PREF_HIGH:
		return 1;
	case ICMPV6_ROUTER_PREF_LOW:
		return -1;
	default:
		return 0;
	}
}

static void parse_route_attr(const struct nlattr *attr, struct route_route *route,
			     const struct nlattr **multipath)
{
	switch (mnl_attr_get_type(attr)) {
	case RTA_TABLE:
		get_u32(attr, &route->table);
		break;
	case RTA_PRIORITY:
		get_u32(attr, &route->metric);
		break;
	case RTA_OIF:
		get_u32(attr, &route->index);
		break;
	case RTA_DST:
		route->strange |= !get_address(attr, route->family, &route->destination);
		break;
	case RTA_MULTIPATH:
		*multipath = attr;
		break;
	case RTA_CACHEINFO:
		route->strange |= has_expiry(attr);
		break;
	case RTA_PREFSRC:
		route->strange = true;
		get_address(attr, route->family, &route->preferred);
		break;
	case RTA_PREF:
		if (mnl_attr_get_payload_len(attr) >= 1)
			route->preference = preference_of(mnl_attr_get_u8(attr));
		route->strange |= route->preference != 0;
		break;
	case RTA_PAD:
		break;
	default:
		parse_next_hop_attr(attr, route);
		break;
	}
}

bool route_peek(const struct nlmsghdr *message, struct route_peek *peek)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE)
		return false;
	if (!has_header(message, sizeof(*header)) || (header->rtm_flags & RTM_F_CLONED))
		return false;
	*peek = (struct route_peek){
		.table = header->rtm_table,
		.type = header->rtm_type,
		.protocol = header->rtm_protocol,
		.destination_length = header->rtm_dst_len,
	};
	route_for_each_attr(attr, header, mnl_nlmsg_get_payload_len(message),
			    NLMSG_ALIGN(sizeof(*header)))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_TABLE:
			get_u32(attr, &peek->table);
			break;
		case RTA_OIF:
			get_u32(attr, &peek->index);
			break;
		case RTA_MULTIPATH:
			peek->multipath = true;
			peek->gateway = true;
			break;
		case RTA_GATEWAY:
		case RTA_VIA:
			peek->gateway = true;
			break;
		default:
			break;
		}
	}
	return true;
}

bool route_parse_route(const struct nlmsghdr *message, unsigned next, struct route_route *route)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr, *multipath = NULL;

	if (message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE)
		return false;
	if (!has_header(message, sizeof(*header)) || (header->rtm_flags & RTM_F_CLONED))
		return false;
	*route = (struct route_route){
		.family = family_of(header->rtm_family),
		.protocol = header->rtm_protocol,
		.type = header->rtm_type,
		.scope = header->rtm_scope,
		.tos = header->rtm_tos,
		.onlink = (header->rtm_flags & RTNH_F_ONLINK) != 0,
		.strange = header->rtm_src_len != 0,
		.destination_length = header->rtm_dst_len,
		.table = header->rtm_table,
		.uplink = ROUTE_NO_UPLINK,
	};
	if (route->family == IP_NONE || header->rtm_dst_len > ip_bits(route->family))
		return false;
	route_for_each_attr(attr, header, mnl_nlmsg_get_payload_len(message),
			    NLMSG_ALIGN(sizeof(*header))) parse_route_attr(attr, route, &multipath);
	if (route->destination_length && route->destination.family == IP_NONE)
		route->destination.family = route->family;
	if (!route->destination_length)
		route->destination = (struct ip_addr){.family = IP_NONE};
	if (route->type != RTN_UNICAST)
		route->index = 0;
	return multipath ? parse_next_hop(multipath, next, route) : next == 0;
}
