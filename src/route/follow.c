/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's facts, kept up to date by its events. Pure.
 *
 * A judgement must not wait for a dump, and a main table of a hundred thousand routes must
 * not be read at each flap; so links, addresses and what concerns us of main are
 * remembered and follow the monitor.
 * - Of main's routes only those are kept that the plan can depend on: the defaults, and
 *   routes without a gateway of their own that cover an uplink's gateway on its link. That
 *   is a handful, whatever else main holds: linear walks are right here, and a
 *   stream of others' routes costs one look at each header.
 * - Events may be older than the dump that they are applied to. Applying a whole
 *   run of them to a state behind its end leads to that end, as far as each says "this is
 *   there" or "this is gone". What a replacement or a lost address takes along may then be too
 *   much, which the look that follows every change puts right. After a lost event main is read.
 * - The kernel takes IPv4 routes away without an event when a link goes down or loses an
 *   address. Its rules for that are repeated here, at every such event, new or not: a route
 *   may have been read of just before it. The caller is told to look again.
 * - What cannot be told for certain (a replacement with several candidates) is ROUTE_UNCLEAR.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <waymark/route_plan.h>

#include "private.h"

/* ---- which links and gateways concern us ---- */

static int u32_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int route_watch_init(struct route_watch *watch, const struct conf *conf,
		     const struct route_facts *facts)
{
	*watch = (struct route_watch){0};
	watch->links = calloc(conf->uplink_count + 1, sizeof(*watch->links));
	watch->gateways = calloc(2 * conf->uplink_count + 1, sizeof(*watch->gateways));
	if (!watch->links || !watch->gateways) {
		route_watch_release(watch);
		return -ENOMEM;
	}
	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];
		const struct conf_gateway *const gateways[] = {&uplink->gateway, &uplink->gateway6};
		const struct route_link *link = route_facts_link_by_name(facts, uplink->interface);

		if (!link)
			continue;
		watch->links[watch->count++] = link->index;
		for (size_t g = 0; g < 2; g++) {
			if (gateways[g]->kind == CONF_GATEWAY_ADDRESS)
				watch->gateways[watch->gateway_count++] = (struct route_gateway){
					.index = link->index, .address = gateways[g]->address};
		}
	}
	if (watch->count)
		qsort(watch->links, watch->count, sizeof(*watch->links), u32_compare);
	return 0;
}

void route_watch_release(struct route_watch *watch)
{
	free(watch->links);
	free(watch->gateways);
	*watch = (struct route_watch){0};
}

bool route_watch_has(const struct route_watch *watch, uint32_t index)
{
	return watch->count &&
	       bsearch(&index, watch->links, watch->count, sizeof(*watch->links), u32_compare);
}

bool route_watch_covers(const struct route_watch *watch, const struct route_watch *part)
{
	for (size_t i = 0; i < part->count; i++) {
		if (!route_watch_has(watch, part->links[i]))
			return false;
	}
	for (size_t i = 0; i < part->gateway_count; i++) {
		const struct route_gateway *wanted = &part->gateways[i];
		bool found = false;

		for (size_t g = 0; !found && g < watch->gateway_count; g++)
			found = watch->gateways[g].index == wanted->index &&
				ip_equal(&watch->gateways[g].address, &wanted->address);
		if (!found)
			return false;
	}
	return true;
}

/* A route without a gateway: does a gateway that an uplink of this link has lie in it? */
static bool covers_gateway(const struct route_memory *memory, const struct route_route *route)
{
	const struct route_facts *facts = &memory->facts;
	struct ip_range range =
		ip_range_from_prefix(&route->destination, route->destination_length);

	for (size_t i = 0; i < memory->watch.gateway_count; i++) {
		const struct route_gateway *g = &memory->watch.gateways[i];

		if (g->index == route->index && g->address.family == route->family &&
		    ip_in_range(&g->address, &range))
			return true;
	}
	for (size_t i = 0; i < facts->main_count; i++) {
		const struct route_route *r = &facts->main[i];

		if (r->destination_length == 0 && r->index == route->index &&
		    r->gateway.family == route->family && ip_in_range(&r->gateway, &range))
			return true;
	}
	return false;
}

void route_memory_prune(struct route_memory *memory)
{
	struct route_facts *facts = &memory->facts;
	size_t all = facts->main_count;

	/* the defaults to the front, since it is they that the others are asked for */
	facts->main_count = 0;
	for (size_t i = 0; i < all; i++) {
		struct route_route route = facts->main[i];

		if (route.destination_length != 0)
			continue;
		facts->main[i] = facts->main[facts->main_count];
		facts->main[facts->main_count++] = route;
	}
	for (size_t i = facts->main_count; i < all; i++) {
		struct route_route route = facts->main[i];

		if (route.gateway.family == IP_NONE &&
		    route_watch_has(&memory->watch, route.index) && covers_gateway(memory, &route))
			facts->main[facts->main_count++] = route;
	}
}

void route_memory_release(struct route_memory *memory)
{
	route_facts_release(&memory->facts);
	route_watch_release(&memory->watch);
}

/* ---- main's routes ---- */

static void drop_main(struct route_facts *facts, size_t at)
{
	facts->main[at] = facts->main[--facts->main_count];
}

static bool same_route(const struct route_route *a, const struct route_route *b)
{
	return route_key_compare(a, b) == 0 && a->index == b->index && a->protocol == b->protocol &&
	       ip_equal(&a->gateway, &b->gateway);
}

static size_t find_main(const struct route_facts *facts, const struct route_route *route)
{
	size_t i;

	for (i = 0; i < facts->main_count && !same_route(&facts->main[i], route); i++)
		;
	return i;
}

/* How many have this key; *last is one of them. */
static size_t count_key(const struct route_facts *facts, const struct route_route *route,
			size_t *last)
{
	size_t count = 0;

	for (size_t i = 0; i < facts->main_count; i++) {
		if (route_key_compare(&facts->main[i], route) != 0)
			continue;
		count++;
		*last = i;
	}
	return count;
}

/* One next hop that is gone, or that is there. */
static unsigned note_route(struct route_memory *memory, const struct route_route *route, bool gone)
{
	struct route_facts *facts = &memory->facts;
	size_t at = find_main(facts, route);

	if (gone && at < facts->main_count) {
		drop_main(facts, at);
		return ROUTE_NEWS | ROUTE_LOOK;
	}
	if (gone)
		return 0;
	if (at < facts->main_count) {
		bool same = facts->main[at].preference == route->preference;

		facts->main[at] = *route;
		return same ? 0 : ROUTE_NEWS | ROUTE_LOOK;
	}
	return route_facts_add_main(facts, route) == 0 ? ROUTE_NEWS | ROUTE_LOOK
						       : ROUTE_NEWS | ROUTE_UNCLEAR;
}

/* A route that has taken another's place; `kept`: it is one that is remembered. */
static unsigned replace_route(struct route_memory *memory, const struct route_route *route,
			      bool kept, bool multipath)
{
	size_t at = 0, count = count_key(&memory->facts, route, &at);

	if (count == 0)
		return kept ? note_route(memory, route, false) : 0;
	if (count > 1 || multipath)
		return ROUTE_NEWS | ROUTE_UNCLEAR;
	if (kept && same_route(&memory->facts.main[at], route))
		return 0;
	/* of a route to a subnet there may be others of its key that are not remembered */
	if (route->destination_length != 0)
		return ROUTE_NEWS | ROUTE_UNCLEAR;
	if (kept)
		memory->facts.main[at] = *route;
	else
		drop_main(&memory->facts, at);
	return ROUTE_NEWS | ROUTE_LOOK;
}

static unsigned main_event(struct route_memory *memory, const struct nlmsghdr *message,
			   const struct route_peek *peek)
{
	bool gone = message->nlmsg_type == RTM_DELROUTE;
	bool replaces = !gone && (message->nlmsg_flags & NLM_F_REPLACE);
	bool concerns = peek->type == ROUTE_TYPE_UNICAST &&
			(peek->destination_length == 0 ||
			 (!peek->gateway && route_watch_has(&memory->watch, peek->index)));
	struct route_route route;
	unsigned news = 0;

	if ((!concerns && !replaces) || !route_parse_route(message, 0, &route))
		return 0;
	if (concerns && !gone && route.destination_length != 0)
		concerns = covers_gateway(memory, &route);
	if (replaces)
		return replace_route(memory, &route, concerns, peek->multipath);
	if (!concerns && !gone)
		return 0;
	for (unsigned next = 0; route_parse_route(message, next, &route); next++)
		news |= note_route(memory, &route, gone);
	return news;
}

/* The IPv4 routes by this link that the kernel has silently taken away. */
static unsigned drop_routes(struct route_facts *facts, uint32_t index, bool ipv6_too)
{
	unsigned news = 0;

	for (size_t i = facts->main_count; i-- > 0;) {
		const struct route_route *r = &facts->main[i];

		if (r->index != index || (r->family != IP_V4 && !ipv6_too))
			continue;
		drop_main(facts, i);
		news = ROUTE_NEWS | ROUTE_LOOK;
	}
	return news;
}

static unsigned drop_routes_from(struct route_facts *facts, const struct ip_addr *source)
{
	unsigned news = 0;

	for (size_t i = facts->main_count; i-- > 0;) {
		if (!ip_equal(&facts->main[i].preferred, source))
			continue;
		drop_main(facts, i);
		news = ROUTE_NEWS | ROUTE_LOOK;
	}
	return news;
}

/* ---- links ---- */

static bool is_uplink_name(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->uplink_count; i++) {
		if (strcmp(conf->uplinks[i].interface, name) == 0)
			return true;
	}
	return false;
}

/* After a link of an uplink came, went or changed its name. */
static unsigned watch_again(struct route_memory *memory, const struct conf *conf, uint32_t created)
{
	struct route_watch watch;
	unsigned news = 0;

	if (route_watch_init(&watch, conf, &memory->facts) < 0)
		return ROUTE_NEWS | ROUTE_UNCLEAR;
	for (size_t i = 0; i < watch.count; i++) {
		/* a link that has just been made had no routes before */
		if (watch.links[i] != created && !route_watch_has(&memory->watch, watch.links[i]))
			news = ROUTE_NEWS | ROUTE_UNCLEAR;
	}
	route_watch_release(&memory->watch);
	memory->watch = watch;
	/* what is no uplink's any more is not followed */
	route_memory_prune(memory);
	return news;
}

static unsigned link_gone(struct route_memory *memory, const struct conf *conf, uint32_t index)
{
	struct route_facts *facts = &memory->facts;
	unsigned news = 0;
	size_t kept = 0;

	for (size_t i = 0; i < facts->link_count; i++) {
		if (facts->links[i].index != index)
			continue;
		facts->links[i] = facts->links[--facts->link_count];
		news = ROUTE_NEWS;
		break;
	}
	for (size_t i = 0; i < facts->address_count; i++) {
		if (facts->addresses[i].index != index)
			facts->addresses[kept++] = facts->addresses[i];
	}
	facts->address_count = kept;
	news |= drop_routes(facts, index, true);
	if (route_watch_has(&memory->watch, index))
		news |= watch_again(memory, conf, 0) | ROUTE_LOOK;
	return news;
}

static unsigned link_changed(struct route_memory *memory, const struct conf *conf,
			     struct route_link *old, const struct route_link *link)
{
	bool renamed = strcmp(old->name, link->name) != 0;
	bool concerns = is_uplink_name(conf, link->name) || is_uplink_name(conf, old->name);
	bool same = old->up == link->up && old->carrier == link->carrier &&
		    old->point_to_point == link->point_to_point && old->vrf == link->vrf &&
		    old->master == link->master;
	unsigned news = renamed ? ROUTE_NEWS : 0;

	if (!link->up)
		news |= drop_routes(&memory->facts, link->index, false);
	if (same && !renamed)
		return news; /* statistics, wireless scans, a new MTU */
	*old = *link;
	if (renamed && concerns)
		news |= watch_again(memory, conf, 0);
	return concerns ? news | ROUTE_NEWS | ROUTE_LOOK | ROUTE_SILENT : news;
}

static unsigned link_event(struct route_memory *memory, const struct conf *conf,
			   const struct nlmsghdr *message)
{
	struct route_facts *facts = &memory->facts;
	struct route_link link;
	size_t i;

	if (!route_parse_link(message, &link))
		return 0;
	if (message->nlmsg_type == RTM_DELLINK)
		return link_gone(memory, conf, link.index);
	for (i = 0; i < facts->link_count && facts->links[i].index != link.index; i++)
		;
	if (i < facts->link_count)
		return link_changed(memory, conf, &facts->links[i], &link);
	if (route_facts_add_link(facts, &link) < 0)
		return ROUTE_NEWS | ROUTE_UNCLEAR;
	if (!is_uplink_name(conf, link.name))
		return ROUTE_NEWS;
	return ROUTE_NEWS | ROUTE_LOOK | watch_again(memory, conf, link.index);
}

/* ---- addresses ---- */

static size_t find_address(const struct route_facts *facts, const struct route_address *address)
{
	size_t i;

	for (i = 0; i < facts->address_count; i++) {
		const struct route_address *a = &facts->addresses[i];

		if (a->index == address->index && ip_equal(&a->address, &address->address) &&
		    ip_equal(&a->prefix, &address->prefix) &&
		    a->prefix_length == address->prefix_length)
			break;
	}
	return i;
}

static unsigned address_gone(struct route_memory *memory, const struct route_address *address)
{
	struct route_facts *facts = &memory->facts;
	size_t at = find_address(facts, address);
	bool elsewhere = false, last = true;
	unsigned news = 0;

	if (at < facts->address_count) {
		facts->address_count--;
		memmove(&facts->addresses[at], &facts->addresses[at + 1],
			(facts->address_count - at) * sizeof(facts->addresses[0]));
		if (route_watch_has(&memory->watch, address->index))
			news = ROUTE_NEWS | ROUTE_LOOK | ROUTE_SILENT;
	}
	if (address->address.family != IP_V4)
		return news;
	for (size_t i = 0; i < facts->address_count; i++) {
		const struct route_address *a = &facts->addresses[i];

		elsewhere = elsewhere || ip_equal(&a->address, &address->address);
		if (a->index == address->index && a->address.family == IP_V4)
			last = false;
	}
	if (!elsewhere)
		news |= drop_routes_from(facts, &address->address);
	if (last)
		news |= drop_routes(facts, address->index, false);
	return news;
}

/* Router advertisements and DHCP renew addresses all the time: only what is new counts. */
static unsigned address_event(struct route_memory *memory, const struct nlmsghdr *message)
{
	struct route_facts *facts = &memory->facts;
	struct route_address address;
	unsigned news;
	size_t at;

	if (!route_parse_address(message, &address))
		return 0;
	if (message->nlmsg_type == RTM_DELADDR || address.duplicate)
		return address_gone(memory, &address);
	news = route_watch_has(&memory->watch, address.index) ? ROUTE_NEWS | ROUTE_LOOK : 0;
	at = find_address(facts, &address);
	if (at == facts->address_count)
		return route_facts_add_address(facts, &address) == 0 ? news
								     : ROUTE_NEWS | ROUTE_UNCLEAR;
	if (facts->addresses[at].global == address.global &&
	    facts->addresses[at].waning == address.waning)
		return 0;
	facts->addresses[at] = address;
	return news;
}

/* ---- the rest ---- */

static unsigned route_event(struct route_memory *memory, const struct route_scope *scope,
			    bool own_addition, const struct nlmsghdr *message)
{
	struct route_peek peek;

	if (!route_peek(message, &peek))
		return 0;
	if (peek.table == ROUTE_MAIN_TABLE)
		return main_event(memory, message, &peek);
	/* in our tables: what is ours, and defaults, which may be in the way of ours */
	return (peek.protocol == scope->protocol || peek.destination_length == 0) &&
			       !own_addition && route_scope_has_table(scope, peek.table)
		       ? ROUTE_NEWS
		       : 0;
}

static unsigned rule_event(const struct route_scope *scope, bool own_addition,
			   const struct nlmsghdr *message)
{
	struct route_rule rule;

	if (own_addition || !route_parse_rule(message, &rule))
		return 0;
	return rule.protocol == scope->protocol ? ROUTE_NEWS : 0;
}

unsigned route_follow(struct route_memory *memory, const struct conf *conf,
		      const struct route_scope *scope, uint32_t own_portid,
		      const struct nlmsghdr *message)
{
	bool own_addition = message->nlmsg_pid == own_portid;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_event(memory, conf, message);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return address_event(memory, message);
	case RTM_NEWROUTE:
		return route_event(memory, scope, own_addition, message);
	case RTM_DELROUTE:
		return route_event(memory, scope, false, message);
	case RTM_NEWRULE:
		return rule_event(scope, own_addition, message);
	case RTM_DELRULE:
		return rule_event(scope, false, message);
	case RTM_DELNEXTHOP:
		/* IPv4 routes by this object have gone, of which nothing else tells */
		return ROUTE_NEWS | ROUTE_LOOK | ROUTE_UNCLEAR;
	default:
		return 0;
	}
}
