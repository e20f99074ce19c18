/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks of what others use that we take for ours: bits of the mark, priorities, tables, our
 * protocol number.
 *
 * Another's rule with a mask collides in the bits that both masks have. One that compares the
 * whole mark collides with every mask, but it matters only where our marks alone can equal its
 * value; else our bits merely keep it from matching, which is a note. The mend is never to take
 * away what somebody wanted, as long as a choice of our own does: a mask, a base of priorities or
 * a protocol number that nobody uses here, and no habit of a known program.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

/* Tailscale, mwan3, kube-proxy, wg-quick: config/habits.c has their stories. */
#define HABITS (0xff0000u | 0x3f00u | 0xc000u | 0xca6cu)
#define FINDINGS_MAX 8 /* of one kind; more tell nothing new */
#define MAIN_PRIORITY 32766u

static bool is_ours(const struct doctor_facts *facts, const struct route_rule *rule)
{
	return route_scope_owns_rule(&facts->routes.scope, rule);
}

/* ---- which bits are free ---- */

static uint32_t used_bits(const struct doctor_facts *facts)
{
	const struct route_state *present = &facts->routes.present;
	uint32_t used = 0;

	for (size_t i = 0; i < present->rule_count; i++) {
		const struct route_rule *rule = &present->rules[i];

		if (!is_ours(facts, rule))
			used |= rule->fwmask == UINT32_MAX ? rule->fwmark : rule->fwmask;
	}
	for (size_t i = 0; i < facts->rules.count; i++)
		/* whoever writes every bit leaves none to go to */
		if (!facts->rules.items[i].ours && facts->rules.items[i].writes != UINT32_MAX)
			used |= facts->rules.items[i].writes;
	return used;
}

uint32_t doctor_free_mask(const struct doctor_facts *facts)
{
	int width = __builtin_popcount(facts->conf->mark.mask);
	uint32_t used = used_bits(facts);
	uint32_t low = width < 32 ? (1u << width) - 1 : UINT32_MAX;
	const uint32_t avoided[] = {used | HABITS, used};

	for (size_t a = 0; a < 2; a++)
		for (int shift = 0; shift + width <= 32; shift++)
			if (!((low << shift) & avoided[a]))
				return low << shift;
	return 0;
}

/* True: there is a mask that is free, and the mend says how to take it. */
static bool mend_by_mask(const struct doctor_facts *facts, struct doctor_list *list,
			 struct doctor_finding *finding)
{
	uint32_t mask = doctor_free_mask(facts);
	char line[DOCTOR_LINE_SIZE], value[16];

	if (!mask)
		return false;
	/* libconfig reads 32 bits with a sign, unless told otherwise */
	snprintf(value, sizeof(value), "0x%" PRIx32 "%s", mask, mask > INT32_MAX ? "L" : "");
	doctor_mend(list, finding, "%s # then restart waymarkd",
		    doctor_edit(facts->conf->path, "mark", DOCTOR_NO_UPLINK, "mask", value, line));
	return true;
}

/* ---- rules of others that look at marks ---- */

static void judge_mark_rule(const struct doctor_facts *facts, struct doctor_list *list,
			    const struct route_rule *rule)
{
	uint32_t mask = facts->conf->mark.mask;
	bool whole = rule->fwmask == UINT32_MAX;
	struct doctor_finding *finding;
	char text[ROUTE_TEXT_SIZE];

	route_rule_format(rule, text);
	if (whole && (!rule->fwmark || (rule->fwmark & ~mask))) {
		finding =
			doctor_add(list, DOCTOR_NOTE, NULL,
				   "a rule of another's compares the whole mark: ip -%u rule '%s'",
				   rule->family, text);
		doctor_breaks(list, finding,
			      "it takes no packet for its own that has bits of ours");
		return;
	}
	finding = doctor_add(list, DOCTOR_WARNING, NULL,
			     "mark mask 0x%" PRIx32 " overlaps a rule of another's: ip -%u rule "
			     "'%s'",
			     mask, rule->family, text);
	doctor_breaks(list, finding,
		      "each reads what the other writes: packets are routed by the other's table, "
		      "and the other's are taken for decided");
	if (!mend_by_mask(facts, list, finding))
		doctor_mend(list, finding, "ip -%u rule del %s", rule->family, text);
}

void doctor_check_mark_rules(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct route_state *present = &facts->routes.present;
	size_t before = list->count;

	for (size_t i = 0; i < present->rule_count && list->count - before < FINDINGS_MAX; i++)
		if ((present->rules[i].fwmask & facts->conf->mark.mask) &&
		    !is_ours(facts, &present->rules[i]))
			judge_mark_rule(facts, list, &present->rules[i]);
}

void doctor_check_mark_targets(const struct doctor_facts *facts, struct doctor_list *list)
{
	uint32_t mask = facts->conf->mark.mask;
	size_t before = list->count;

	for (size_t i = 0; i < facts->rules.count && list->count - before < FINDINGS_MAX; i++) {
		const struct doctor_rule *rule = &facts->rules.items[i];
		struct doctor_finding *finding;

		if (rule->ours || !(rule->writes & mask))
			continue;
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "a rule of another's writes bits of mark mask 0x%" PRIx32
				     ": ip%stables%s -t %s %s",
				     mask, rule->family == IP_V6 ? "6" : "",
				     rule->legacy ? "-legacy" : "", rule->table, rule->text);
		doctor_breaks(list, finding,
			      "what we decided is overwritten, or what it sets is taken for our "
			      "decision");
		if (rule->writes == UINT32_MAX || !mend_by_mask(facts, list, finding))
			doctor_mend(list, finding,
				    "ip%stables%s -w -t %s -D%s # and have it added with a mask",
				    rule->family == IP_V6 ? "6" : "", rule->legacy ? "-legacy" : "",
				    rule->table, rule->text + 2);
	}
}

void doctor_check_mark_habits(const struct doctor_facts *facts, struct doctor_list *list)
{
	struct diag_list diags = DIAG_LIST_INIT;
	char word[DOCTOR_WORD_SIZE];

	conf_check_mark_habits(facts->conf, &diags);
	for (size_t i = 0; i < diags.count; i++) {
		bool note = diags.items[i].severity == DIAG_NOTE;
		struct doctor_finding *finding =
			doctor_add(list, note ? DOCTOR_NOTE : DOCTOR_WARNING, NULL, "%s",
				   diags.items[i].message);

		if (note)
			continue;
		doctor_breaks(list, finding,
			      "where that program runs, each reads what the other writes");
		if (!mend_by_mask(facts, list, finding))
			doctor_mend(list, finding, "echo 'give mark.mask fewer bits in '%s",
				    doctor_word(facts->conf->path, word));
	}
	diag_list_release(&diags);
}

/* ---- priorities and our protocol number ---- */

static bool is_within(const struct route_rule *rule, uint32_t first)
{
	return rule->priority >= first && rule->priority - first < ROUTE_PRIORITY_RANGE;
}

static bool range_is_free(const struct doctor_facts *facts, uint32_t first)
{
	const struct route_state *present = &facts->routes.present;

	for (size_t i = 0; i < present->rule_count; i++)
		if (is_within(&present->rules[i], first) && !is_ours(facts, &present->rules[i]))
			return false;
	return true;
}

/* The nearest one behind ours, else before it; 0: none. */
static uint32_t free_range(const struct doctor_facts *facts)
{
	uint32_t ours = facts->conf->routing.priority;

	for (uint32_t at = ours; at + ROUTE_PRIORITY_RANGE <= MAIN_PRIORITY;
	     at += ROUTE_PRIORITY_RANGE)
		if (range_is_free(facts, at))
			return at;
	for (uint32_t at = ours; at > ROUTE_PRIORITY_RANGE; at -= ROUTE_PRIORITY_RANGE)
		if (range_is_free(facts, at - ROUTE_PRIORITY_RANGE))
			return at - ROUTE_PRIORITY_RANGE;
	return 0;
}

static bool uses_protocol(const struct doctor_facts *facts, unsigned protocol)
{
	const struct route_state *present = &facts->routes.present;

	for (size_t i = 0; i < present->rule_count; i++)
		if (present->rules[i].protocol == protocol)
			return true;
	for (size_t i = 0; i < present->route_count; i++)
		if (present->routes[i].protocol == protocol)
			return true;
	for (size_t i = 0; i < facts->routes.facts.main_count; i++)
		if (facts->routes.facts.main[i].protocol == protocol)
			return true;
	return false;
}

/* Behind those that iproute2's rt_protos names below 100, and before BGP's and its kind. */
static unsigned free_protocol(const struct doctor_facts *facts)
{
	unsigned protocol = 100;

	while (protocol < 185 && uses_protocol(facts, protocol))
		protocol++;
	return protocol;
}

static void judge_priority(const struct doctor_facts *facts, struct doctor_list *list,
			   const struct route_rule *rule)
{
	uint32_t priority = free_range(facts), first = facts->conf->routing.priority;
	char text[ROUTE_TEXT_SIZE], line[DOCTOR_LINE_SIZE], value[16];
	struct doctor_finding *finding =
		doctor_add(list, DOCTOR_WARNING, NULL,
			   "a rule of another's stands within our priorities %" PRIu32
			   " to %" PRIu32 ": ip -%u rule '%s'",
			   first, first + ROUTE_PRIORITY_RANGE - 1, rule->family,
			   route_rule_format(rule, text));

	doctor_breaks(list, finding,
		      "it is asked between our rules: what it decides depends on which uplink a "
		      "packet has");
	if (!priority) {
		doctor_mend(list, finding, "ip -%u rule del %s", rule->family, text);
		return;
	}
	snprintf(value, sizeof(value), "%" PRIu32, priority);
	doctor_mend(list, finding, "%s # then restart waymarkd",
		    doctor_edit(facts->conf->path, "routing", DOCTOR_NO_UPLINK, "priority", value,
				line));
}

/* Ours by number and place, but with conditions that no rule of ours has. */
static void judge_protocol(const struct doctor_facts *facts, struct doctor_list *list,
			   const struct route_rule *rule)
{
	char text[ROUTE_TEXT_SIZE], line[DOCTOR_LINE_SIZE], value[16];
	struct doctor_finding *finding =
		doctor_add(list, DOCTOR_WARNING, NULL,
			   "a rule that waymark cannot have made carries routing.protocol %u: ip "
			   "-%u rule '%s'",
			   rule->protocol, rule->family, route_rule_format(rule, text));

	doctor_breaks(list, finding,
		      "another program uses our number: waymark takes its rules for leftovers of "
		      "its own, and removes them");
	snprintf(value, sizeof(value), "%u", free_protocol(facts));
	doctor_mend(list, finding, "%s # then restart waymarkd",
		    doctor_edit(facts->conf->path, "routing", DOCTOR_NO_UPLINK, "protocol", value,
				line));
}

void doctor_check_priorities(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct route_state *present = &facts->routes.present;
	bool priority = false, protocol = false;

	if (!facts->conf->routing.manage || !facts->conf->uplink_count)
		return;
	for (size_t i = 0; i < present->rule_count; i++) {
		const struct route_rule *rule = &present->rules[i];

		if (is_ours(facts, rule)) {
			if (rule->strange && !protocol)
				judge_protocol(facts, list, rule);
			protocol |= rule->strange;
		} else if (is_within(rule, facts->conf->routing.priority)) {
			if (!priority)
				judge_priority(facts, list, rule);
			priority = true;
		}
	}
}

/* ---- our tables ---- */

/* It does what we want already, and is left to do it. */
static bool is_wanted(const struct doctor_facts *facts, const struct route_route *route)
{
	const struct route_state *wanted = &facts->routes.wanted;

	for (size_t i = 0; i < wanted->route_count; i++) {
		const struct route_route *w = &wanted->routes[i];

		if (w->family == route->family && w->table == route->table &&
		    w->type == route->type && w->index == route->index &&
		    w->destination_length == route->destination_length &&
		    ip_equal(&w->destination, &route->destination) &&
		    ip_equal(&w->gateway, &route->gateway))
			return true;
	}
	return false;
}

void doctor_check_tables(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct route_state *present = &facts->routes.present;
	size_t before = list->count;

	if (!facts->conf->routing.manage || facts->conf->mode != CONF_ENFORCE)
		return;
	for (size_t i = 0; i < present->route_count && list->count - before < FINDINGS_MAX; i++) {
		const struct route_route *route = &present->routes[i];
		bool is_default = route->destination_length == 0;
		struct doctor_finding *finding;
		char text[ROUTE_TEXT_SIZE];

		if (route_scope_owns_route(&facts->routes.scope, route) || is_wanted(facts, route))
			continue;
		finding =
			doctor_add(list, is_default ? DOCTOR_ERROR : DOCTOR_NOTE, NULL,
				   "table %" PRIu32 " of an uplink holds a route of another's: ip "
				   "-%u route '%s'",
				   route->table, route->family,
				   route_route_format(route, &facts->routes.facts, text));
		doctor_breaks(list, finding, "%s",
			      is_default
				      ? "waymark never replaces it: packets of that uplink leave "
					"by this route"
				      : "packets of that uplink to there leave by this route");
		doctor_mend(list, finding, "ip -%u route del %s", route->family, text);
	}
}
