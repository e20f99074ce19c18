/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the configuration wants of policy routing, given the kernel's facts. Pure.
 *
 * First every uplink is judged (judge.c), then the rules and routes follow from the
 * judgements:
 * - Rules follow the configuration, the addresses and the probes, never the state of a
 *   link, so that a flapping link changes a table and nothing else.
 * - A down uplink's table is empty (traffic falls through to main), or has the
 *   default of the uplink that stands in for it, or is unreachable (on_down).
 *   The unreachable default of a blocking uplink is always there, behind the
 *   real one: between the kernel's removal of a route and our hearing of it
 *   no packet may leak into main.
 * - An uplink that only probes have failed keeps its own default, since it is by its
 *   table that probes find the line on which they may succeed again. Its mark leads
 *   elsewhere instead: by a rule behind those for its addresses, or to main by none.
 * A stand-in whose own target is down is followed along the chain, at most once
 * around the uplinks.
 */
#include <string.h>

#include <waymark/route_plan.h>

#include "private.h"

static size_t uplink_by_name(const struct conf *conf, const char *name)
{
	size_t i;

	for (i = 0; i < conf->uplink_count; i++) {
		if (name && strcmp(conf->uplinks[i].name, name) == 0)
			break;
	}
	return i;
}

static const struct conf_group *group_by_name(const struct conf *conf, const char *name)
{
	const struct conf_group *group = name ? conf_group_by_name(conf, name) : NULL;

	return group && group->member_count ? group : NULL;
}

/* The first member that is up, or else the first: then what that one says counts. */
static size_t group_member(const struct conf *conf, const struct conf_group *group,
			   const struct route_uplink_plan *plans)
{
	for (size_t m = 0; m < group->member_count; m++) {
		uint32_t member = group->members[m].uplink;

		if (member < conf->uplink_count && plans[member].state == ROUTE_UPLINK_UP)
			return member;
	}
	return group->members[0].uplink;
}

struct carrier {
	size_t uplink; /* conf->uplink_count: nobody */
	bool refused;  /* nobody, and not by main either */
};

/* Who carries the uplink's traffic now: followed as steer_take() follows it for new flows. */
static struct carrier carrier_of(const struct conf *conf, const struct route_uplink_plan *plans,
				 size_t uplink)
{
	const struct carrier nobody = {conf->uplink_count, false};
	size_t at = uplink;

	for (size_t steps = 0; steps <= conf->uplink_count && at < conf->uplink_count; steps++) {
		const struct conf_uplink *here = &conf->uplinks[at];
		const struct conf_group *group;

		if (plans[at].state == ROUTE_UPLINK_UP)
			return (struct carrier){at, false};
		switch (here->on_down) {
		case CONF_DOWN_BLOCK:
			return (struct carrier){conf->uplink_count, true};
		case CONF_DOWN_UPLINK:
			at = uplink_by_name(conf, here->on_down_target);
			break;
		case CONF_DOWN_GROUP:
			group = group_by_name(conf, here->on_down_target);
			if (!group)
				return nobody;
			at = group_member(conf, group, plans);
			break;
		case CONF_DOWN_MAIN:
		default:
			return nobody;
		}
	}
	return nobody;
}

static int want_default(const struct conf *conf, size_t uplink, uint8_t family,
			const struct route_uplink_plan *by, struct route_state *wanted)
{
	struct ip_addr gateway = family == IP_V4 ? by->gateway4 : by->gateway6;
	struct route_route route = {
		.family = family,
		.protocol = conf->routing.protocol,
		.type = ROUTE_TYPE_UNICAST,
		.scope = family == IP_V4 && gateway.family == IP_NONE ? ROUTE_SCOPE_LINK
								      : ROUTE_SCOPE_UNIVERSE,
		.onlink = family == IP_V4 ? by->onlink4 : by->onlink6,
		.gateway = gateway,
		.table = conf->uplinks[uplink].table,
		.metric = family == IP_V4 ? 0 : ROUTE_IPV6_METRIC,
		.index = by->index,
		.uplink = (uint32_t)uplink,
	};

	return route_state_add_route(wanted, &route);
}

static int want_block(const struct conf *conf, size_t uplink, uint8_t family,
		      struct route_state *wanted)
{
	struct route_route route = {
		.family = family,
		.protocol = conf->routing.protocol,
		.type = ROUTE_TYPE_UNREACHABLE,
		.scope = ROUTE_SCOPE_UNIVERSE,
		.table = conf->uplinks[uplink].table,
		.metric = ROUTE_BLOCK_METRIC,
		.uplink = (uint32_t)uplink,
	};

	return route_state_add_route(wanted, &route);
}

static int want_routes(const struct conf *conf, const struct route_facts *facts,
		       const struct route_uplink_plan *plans, size_t uplink,
		       struct route_state *wanted)
{
	struct carrier carrier = {uplink, false};
	const struct route_uplink_plan *by;
	bool block;
	int result = 0;

	if (!plans[uplink].present)
		carrier = carrier_of(conf, plans, uplink);
	by = carrier.uplink < conf->uplink_count ? &plans[carrier.uplink] : NULL;
	block = carrier.refused || conf->uplinks[uplink].on_down == CONF_DOWN_BLOCK;
	if (by && by->default4)
		result = want_default(conf, uplink, IP_V4, by, wanted);
	if (!result && by && by->default6)
		result = want_default(conf, uplink, IP_V6, by, wanted);
	if (!result && block && facts->ipv4)
		result = want_block(conf, uplink, IP_V4, wanted);
	if (!result && block && facts->ipv6)
		result = want_block(conf, uplink, IP_V6, wanted);
	return result;
}

static struct route_rule rule_base(const struct conf *conf, uint8_t family, uint32_t step)
{
	return (struct route_rule){
		.family = family,
		.protocol = conf->routing.protocol,
		.type = ROUTE_TYPE_UNICAST,
		.priority = conf->routing.priority + step,
		.table = ROUTE_MAIN_TABLE,
		.suppress_prefix_length = -1,
		.uplink = ROUTE_NO_UPLINK,
	};
}

/* The uplink's place among the priorities of its kind. */
static uint32_t place(size_t uplink)
{
	return uplink < ROUTE_PRIORITY_UPLINKS ? (uint32_t)uplink : ROUTE_PRIORITY_UPLINKS - 1;
}

static int want_main_first(const struct conf *conf, uint8_t family, struct route_state *wanted)
{
	struct route_rule rule = rule_base(conf, family, ROUTE_PRIORITY_MAIN_FIRST);

	rule.invert = true;
	rule.fwmask = conf->mark.value_mask;
	rule.suppress_prefix_length = 1;
	return route_state_add_rule(wanted, &rule);
}

/* Its link is good, and still nothing is to go by it. */
static bool is_failed(const struct route_uplink_plan *plan)
{
	return plan->present && plan->state == ROUTE_UPLINK_DOWN;
}

static struct route_rule mark_rule(const struct conf *conf, uint8_t family, uint32_t step,
				   size_t uplink)
{
	struct route_rule rule = rule_base(conf, family, step);

	rule.fwmark = mark_bits(&conf->mark, conf->uplinks[uplink].mark);
	rule.fwmask = conf->mark.value_mask;
	rule.table = conf->uplinks[uplink].table;
	rule.uplink = (uint32_t)uplink;
	return rule;
}

static int want_marks(const struct conf *conf, const struct route_uplink_plan *plans,
		      uint8_t family, struct route_state *wanted)
{
	for (size_t i = 0; i < conf->uplink_count; i++) {
		struct route_rule rule = mark_rule(conf, family, ROUTE_PRIORITY_MARK + place(i), i);
		int result;

		if (!conf->uplinks[i].enabled)
			continue;
		/* its probes alone still go by it */
		if (is_failed(&plans[i]))
			snprintf(rule.oif, sizeof(rule.oif), "%s", conf->uplinks[i].interface);
		result = route_state_add_rule(wanted, &rule);
		if (result)
			return result;
	}
	return 0;
}

/* Where the marks of failed uplinks lead otherwise. */
static int want_failed(const struct conf *conf, const struct route_uplink_plan *plans,
		       uint8_t family, struct route_state *wanted)
{
	for (size_t i = 0; i < conf->uplink_count; i++) {
		struct route_rule rule = mark_rule(conf, family, ROUTE_PRIORITY_FAILED, i);
		struct carrier carrier;
		int result;

		if (!conf->uplinks[i].enabled || !is_failed(&plans[i]))
			continue;
		carrier = carrier_of(conf, plans, i);
		if (carrier.refused) {
			rule.type = ROUTE_TYPE_UNREACHABLE;
			rule.table = 0;
		} else if (carrier.uplink == conf->uplink_count) {
			continue;
		} else {
			rule.table = conf->uplinks[carrier.uplink].table;
		}
		result = route_state_add_rule(wanted, &rule);
		if (result)
			return result;
	}
	return 0;
}

/* `from` rules of this family and this address are there already. */
static bool source_is_planned(const struct route_state *wanted, size_t first,
			      const struct ip_addr *source)
{
	for (size_t i = first; i < wanted->rule_count; i++) {
		if (ip_equal(&wanted->rules[i].source, source))
			return true;
	}
	return false;
}

static int want_source(const struct conf *conf, uint8_t family, size_t uplink,
		       const struct ip_addr *source, struct route_state *wanted)
{
	struct route_rule rule = rule_base(conf, family, ROUTE_PRIORITY_FROM + 2 * place(uplink));
	int result;

	rule.source = *source;
	rule.source_length = (uint8_t)ip_bits(family);
	rule.suppress_prefix_length = 1;
	rule.uplink = (uint32_t)uplink;
	result = route_state_add_rule(wanted, &rule);
	if (result)
		return result;
	rule.priority++;
	rule.suppress_prefix_length = -1;
	rule.table = conf->uplinks[uplink].table;
	return route_state_add_rule(wanted, &rule);
}

/* Uplinks that are up come first, so that a shared address follows one that works. */
static int want_sources(const struct conf *conf, const struct route_facts *facts,
			const struct route_uplink_plan *plans, uint8_t family, bool up,
			size_t first, struct route_state *wanted)
{
	for (size_t i = 0; i < conf->uplink_count; i++) {
		if (!conf->uplinks[i].enabled || plans[i].index == 0 ||
		    (plans[i].state == ROUTE_UPLINK_UP) != up)
			continue;
		for (size_t a = 0; a < facts->address_count; a++) {
			const struct route_address *address = &facts->addresses[a];
			int result;

			if (address->index != plans[i].index || address->address.family != family ||
			    (family == IP_V6 && !address->global) ||
			    source_is_planned(wanted, first, &address->address))
				continue;
			result = want_source(conf, family, i, &address->address, wanted);
			if (result)
				return result;
		}
	}
	return 0;
}

static int want_rules(const struct conf *conf, const struct route_facts *facts,
		      const struct route_uplink_plan *plans, uint8_t family,
		      struct route_state *wanted)
{
	size_t first;
	int result = 0;

	if (conf->routing.main_first)
		result = want_main_first(conf, family, wanted);
	if (!result)
		result = want_marks(conf, plans, family, wanted);
	first = wanted->rule_count;
	if (!result)
		result = want_sources(conf, facts, plans, family, true, first, wanted);
	if (!result)
		result = want_sources(conf, facts, plans, family, false, first, wanted);
	if (!result)
		result = want_failed(conf, plans, family, wanted);
	return result;
}

int route_plan(const struct conf *conf, const struct route_facts *facts,
	       const struct route_health *health, struct route_state *wanted,
	       struct route_uplink_plan *uplinks)
{
	bool any = false;
	int result = route_judge(conf, facts, health, uplinks);

	for (size_t i = 0; i < conf->uplink_count; i++)
		any = any || conf->uplinks[i].enabled;
	if (conf->mode == CONF_OBSERVE || !any)
		return result;
	for (size_t i = 0; !result && i < conf->uplink_count; i++) {
		if (conf->uplinks[i].enabled)
			result = want_routes(conf, facts, uplinks, i, wanted);
	}
	if (!result && facts->ipv4)
		result = want_rules(conf, facts, uplinks, IP_V4, wanted);
	if (!result && facts->ipv6)
		result = want_rules(conf, facts, uplinks, IP_V6, wanted);
	return result;
}
