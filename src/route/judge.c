/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which uplinks can carry what, given the kernel's facts and what probes say. Pure.
 *
 * An uplink is present when its link is there and up, has carrier, and a gateway is
 * known in one family at least; it is up when, besides, no probe has failed it.
 * - IPv6 on a point-to-point link counts only where the link has a global
 *   address or main sends IPv6 by it: every tun has a link-local address, and
 *   steering IPv6 into an IPv4 tunnel would lose it.
 * - A gateway that no address and no route of the link covers is "onlink": the
 *   kernel would refuse it otherwise.
 * - A VRF has tables and rules of its own, which ours would have to be tied into: a
 *   link in one is refused rather than half served.
 * - Nor does a port of a bridge or bond carry anything of its own.
 * Addresses and routes are walked once for all uplinks, not once for each: a router
 * may have tens of thousands of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/route_plan.h>

#include "private.h"

/* An uplink's link; several uplinks may have the same. */
struct place {
	uint32_t index;
	size_t uplink;
};

/* What the walks found out for one uplink. */
struct evidence {
	const struct route_link *link;
	const struct route_route *default4, *default6; /* main's, by its link */
	const struct ip_addr *source4, *source6;
	bool any6;	       /* the link has an IPv6 address of any scope */
	bool waning4, waning6; /* source4, source6 is, and a better one would be taken */
};

struct court {
	const struct conf *conf;
	const struct route_facts *facts;
	struct route_uplink_plan *plans;
	struct evidence *evidence; /* as many as there are uplinks */
	struct place *places;	   /* sorted by index */
	size_t place_count;
};

static int place_compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return x->uplink < y->uplink ? -1 : x->uplink > y->uplink;
}

/* The first place of this link; court->place_count: none. */
static size_t first_place(const struct court *court, uint32_t index)
{
	size_t low = 0, high = court->place_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (court->places[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#define for_each_uplink_of(court, place, link_index)                                         \
	for ((place) = first_place((court), (link_index));                                   \
	     (place) < (court)->place_count && (court)->places[place].index == (link_index); \
	     (place)++)

static void weigh_source(const struct route_address *address, const struct ip_addr **source,
			 bool *waning)
{
	if (!address->global || (*source && (!*waning || address->waning)))
		return;
	*source = &address->address;
	*waning = address->waning;
}

static void walk_addresses(struct court *court)
{
	for (size_t i = 0; i < court->facts->address_count; i++) {
		const struct route_address *address = &court->facts->addresses[i];
		size_t place;

		for_each_uplink_of(court, place, address->index)
		{
			struct evidence *e = &court->evidence[court->places[place].uplink];

			if (address->address.family == IP_V4) {
				weigh_source(address, &e->source4, &e->waning4);
				continue;
			}
			e->any6 = true;
			weigh_source(address, &e->source6, &e->waning6);
		}
	}
}

static bool is_better(const struct route_route *a, const struct route_route *b)
{
	return a->metric != b->metric ? a->metric < b->metric : a->preference > b->preference;
}

/* The default that the kernel takes; it lists equal ones in its own order. */
static void walk_defaults(struct court *court)
{
	for (size_t i = 0; i < court->facts->main_count; i++) {
		const struct route_route *r = &court->facts->main[i];
		size_t place;

		if (r->destination_length != 0 || r->type != ROUTE_TYPE_UNICAST)
			continue;
		for_each_uplink_of(court, place, r->index)
		{
			struct evidence *e = &court->evidence[court->places[place].uplink];
			const struct route_route **best =
				r->family == IP_V4 ? &e->default4 : &e->default6;

			if (!*best || is_better(r, *best))
				*best = r;
		}
	}
}

static bool needs_onlink(const struct ip_addr *gateway)
{
	if (gateway->family == IP_NONE)
		return false;
	return gateway->family == IP_V4 || gateway->bytes[0] != 0xfe ||
	       (gateway->bytes[1] & 0xc0) != 0x80;
}

/* What lies in the prefix is reached on that link without being told so. */
static void clear_onlink(struct court *court, uint32_t index, const struct ip_addr *prefix,
			 uint8_t length)
{
	struct ip_range range;
	size_t place = first_place(court, index);

	if (place == court->place_count || court->places[place].index != index)
		return;
	range = ip_range_from_prefix(prefix, length);
	for (; place < court->place_count && court->places[place].index == index; place++) {
		struct route_uplink_plan *plan = &court->plans[court->places[place].uplink];

		if (plan->onlink4 && plan->gateway4.family == prefix->family)
			plan->onlink4 = !ip_in_range(&plan->gateway4, &range);
		if (plan->onlink6 && plan->gateway6.family == prefix->family)
			plan->onlink6 = !ip_in_range(&plan->gateway6, &range);
	}
}

static void walk_subnets(struct court *court)
{
	const struct route_facts *facts = court->facts;

	for (size_t i = 0; i < facts->address_count; i++) {
		const struct route_address *a = &facts->addresses[i];

		if (a->prefix.family != IP_NONE)
			clear_onlink(court, a->index, &a->prefix, a->prefix_length);
	}
	for (size_t i = 0; i < facts->main_count; i++) {
		const struct route_route *r = &facts->main[i];

		if (r->gateway.family == IP_NONE && r->destination_length != 0)
			clear_onlink(court, r->index, &r->destination, r->destination_length);
	}
}

/* True: the link carries this family, by *gateway (IP_NONE: straight to the device). */
static bool find_gateway(const struct route_facts *facts, const struct evidence *e,
			 const struct conf_gateway *wanted, uint8_t family, struct ip_addr *gateway)
{
	const struct route_route *route = family == IP_V4 ? e->default4 : e->default6;
	enum conf_gateway_kind kind = wanted->kind;

	if (family == IP_V6 ? !facts->ipv6 : !facts->ipv4)
		return false;
	/* Without any address of its own the link has IPv6 switched off, or not yet on. */
	if (family == IP_V6 && !e->any6)
		return false;
	if (kind == CONF_GATEWAY_DEFAULT) {
		if (!e->link->point_to_point)
			kind = CONF_GATEWAY_AUTO;
		else if (family == IP_V4 || route || e->source6)
			kind = CONF_GATEWAY_NONE;
		else
			return false;
	}
	switch (kind) {
	case CONF_GATEWAY_NONE:
		return true;
	case CONF_GATEWAY_ADDRESS:
		*gateway = wanted->address;
		return true;
	case CONF_GATEWAY_AUTO:
	case CONF_GATEWAY_DEFAULT:
		break;
	}
	if (!route)
		return false;
	*gateway = route->gateway;
	return true;
}

__attribute__((format(printf, 2, 3))) static void down(struct route_uplink_plan *plan,
						       const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(plan->reason, sizeof(plan->reason), format, arguments);
	va_end(arguments);
}

/* What comes in by a port is its master's: the link's own addresses and routes serve nobody. */
static void refuse_member(const struct court *court, const struct route_link *link,
			  struct route_uplink_plan *plan)
{
	const struct route_link *master =
		link->master ? route_facts_link(court->facts, link->master) : NULL;

	if (!link->vrf && master)
		down(plan, "interface '%s' is a port of '%s'", link->name, master->name);
	else if (!link->vrf)
		down(plan, "interface '%s' is a port of another", link->name);
	else if (master)
		down(plan, "interface '%s' belongs to the VRF '%s', which waymark does not support",
		     link->name, master->name);
	else
		down(plan, "interface '%s' belongs to a VRF, which waymark does not support",
		     link->name);
}

static void judge(const struct court *court, size_t uplink)
{
	const struct conf_uplink *conf = &court->conf->uplinks[uplink];
	const struct evidence *e = &court->evidence[uplink];
	const struct route_link *link = e->link;
	struct route_uplink_plan *plan = &court->plans[uplink];

	if (!conf->enabled) {
		plan->state = ROUTE_UPLINK_DISABLED;
		down(plan, "disabled in the configuration");
		return;
	}
	if (!link) {
		down(plan, "interface '%s' does not exist", conf->interface);
		return;
	}
	if (e->source4)
		plan->source4 = *e->source4;
	if (e->source6)
		plan->source6 = *e->source6;
	if (link->vrf || link->master) {
		refuse_member(court, link, plan);
		return;
	}
	if (!link->up) {
		down(plan, "interface '%s' is down", conf->interface);
		return;
	}
	if (!link->carrier) {
		down(plan, "no carrier");
		return;
	}
	/* without an address there is nobody whom a neighbour could answer */
	plan->default4 = (link->point_to_point || e->source4) &&
			 find_gateway(court->facts, e, &conf->gateway, IP_V4, &plan->gateway4);
	plan->default6 = find_gateway(court->facts, e, &conf->gateway6, IP_V6, &plan->gateway6);
	plan->onlink4 = needs_onlink(&plan->gateway4);
	plan->onlink6 = needs_onlink(&plan->gateway6);
	plan->present = plan->default4 || plan->default6;
	if (plan->present)
		plan->state = ROUTE_UPLINK_UP;
	else
		down(plan,
		     e->source4 || e->any6 || link->point_to_point ? "no gateway" : "no address");
}

static void fail(const struct route_health *health, struct route_uplink_plan *plan)
{
	if (!health->failed || plan->state != ROUTE_UPLINK_UP)
		return;
	plan->state = ROUTE_UPLINK_DOWN;
	down(plan, "%s", health->reason[0] ? health->reason : "probes have failed");
}

static void find_places(struct court *court)
{
	for (size_t i = 0; i < court->conf->uplink_count; i++) {
		const struct route_link *link =
			route_facts_link_by_name(court->facts, court->conf->uplinks[i].interface);

		court->evidence[i].link = link;
		if (!link)
			continue;
		court->plans[i].index = link->index;
		court->places[court->place_count++] =
			(struct place){.index = link->index, .uplink = i};
	}
	if (court->place_count)
		qsort(court->places, court->place_count, sizeof(*court->places), place_compare);
}

int route_judge(const struct conf *conf, const struct route_facts *facts,
		const struct route_health *health, struct route_uplink_plan *uplinks)
{
	struct court court = {.conf = conf, .facts = facts, .plans = uplinks};
	int result = -ENOMEM;

	court.evidence = calloc(conf->uplink_count + 1, sizeof(*court.evidence));
	court.places = calloc(conf->uplink_count + 1, sizeof(*court.places));
	if (!court.evidence || !court.places)
		goto out;
	for (size_t i = 0; i < conf->uplink_count; i++)
		uplinks[i] = (struct route_uplink_plan){.state = ROUTE_UPLINK_DOWN};
	find_places(&court);
	walk_addresses(&court);
	walk_defaults(&court);
	for (size_t i = 0; i < conf->uplink_count; i++)
		judge(&court, i);
	walk_subnets(&court);
	for (size_t i = 0; health && i < conf->uplink_count; i++)
		fail(&health[i], &uplinks[i]);
	result = 0;
out:
	free(court.evidence);
	free(court.places);
	return result;
}
