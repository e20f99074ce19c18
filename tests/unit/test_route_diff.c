/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plan and difference by property: for any two states, what the difference says leads from the one
 * to the other, on a model of the kernel with its real keys as well; for any facts, a plan is a
 * function of them and nothing else.
 *
 * The model repeats what fib_rules.c, fib_trie.c and ip6_fib.c do with the messages that we
 * send: which of several look-alikes a deletion or a replacement takes, and what is refused.
 * WAYMARK_TEST_SEED repeats a run.
 */
#include <errno.h>
#include <time.h>

#include "route_support.h"

#define ROUNDS 20000

static uint32_t first_seed;

static uint32_t random_below(uint32_t *seed, uint32_t limit)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % limit;
}

static bool random_is(uint32_t *seed, uint32_t one_in)
{
	return random_below(seed, one_in) == 0;
}

/* ---- the model ---- */

/* What a strange rule or route has besides is told apart by raw.offset, which nothing compares. */
struct kernel {
	struct route_state state; /* rules by priority, then as they came */
	size_t deletions;	  /* that were heard of; our own additions are not */
};

static bool same_content(const struct route_raw *a, const struct route_raw *b)
{
	return a->offset == b->offset;
}

/* rule_exists() in fib_rules.c: it does not look at `not`. */
static bool rule_exists(const struct kernel *k, const struct route_rule *rule)
{
	for (size_t i = 0; i < k->state.rule_count; i++) {
		struct route_rule r = k->state.rules[i];

		r.invert = rule->invert;
		if (route_rule_compare(&r, rule) == 0 && same_content(&r.raw, &rule->raw))
			return true;
	}
	return false;
}

static void insert_rule(struct kernel *k, const struct route_rule *rule)
{
	size_t at;

	assert_int_equal(route_state_add_rule(&k->state, rule), 0);
	for (at = k->state.rule_count - 1;
	     at > 0 && k->state.rules[at - 1].priority > rule->priority; at--)
		k->state.rules[at] = k->state.rules[at - 1];
	k->state.rules[at] = *rule;
}

/* rule_find(): what the request does not have is not compared. */
static bool rule_matches(const struct route_rule *request, const struct route_rule *r)
{
	return r->family == request->family && r->type == request->type &&
	       (!request->table || r->table == request->table) &&
	       (!request->priority || r->priority == request->priority) &&
	       (!request->fwmark || r->fwmark == request->fwmark) &&
	       (!request->fwmask || r->fwmask == request->fwmask) &&
	       (request->suppress_prefix_length < 0 ||
		r->suppress_prefix_length == request->suppress_prefix_length) &&
	       r->protocol == request->protocol &&
	       (!*request->oif || strcmp(r->oif, request->oif) == 0) &&
	       (!request->source_length || (r->source_length == request->source_length &&
					    ip_equal(&r->source, &request->source))) &&
	       (!request->strange || same_content(&r->raw, &request->raw));
}

static int delete_rule(struct kernel *k, const struct route_rule *request)
{
	for (size_t i = 0; i < k->state.rule_count; i++) {
		if (!rule_matches(request, &k->state.rules[i]))
			continue;
		memmove(&k->state.rules[i], &k->state.rules[i + 1],
			(k->state.rule_count - i - 1) * sizeof(k->state.rules[0]));
		k->state.rule_count--;
		k->deletions++;
		return 0;
	}
	return -ENOENT;
}

static bool same_key(const struct route_route *a, const struct route_route *b)
{
	return a->family == b->family && a->table == b->table &&
	       a->destination_length == b->destination_length &&
	       ip_equal(&a->destination, &b->destination) && a->tos == b->tos &&
	       a->metric == b->metric;
}

/* Routes that IPv6 joins into one with several next hops. */
static bool joins(const struct route_route *r)
{
	return r->family == IP_V6 && r->type == ROUTE_TYPE_UNICAST && r->gateway.family != IP_NONE;
}

static bool same_route(const struct route_route *a, const struct route_route *b)
{
	return route_route_compare(a, b) == 0 && same_content(&a->raw, &b->raw);
}

static void drop_route(struct kernel *k, size_t at)
{
	memmove(&k->state.routes[at], &k->state.routes[at + 1],
		(k->state.route_count - at - 1) * sizeof(k->state.routes[0]));
	k->state.route_count--;
}

static int add_route(struct kernel *k, const struct route_route *route)
{
	for (size_t i = 0; i < k->state.route_count; i++) {
		if (same_key(&k->state.routes[i], route))
			return -EEXIST;
	}
	return route_state_add_route(&k->state, route);
}

static int replace_route(struct kernel *k, const struct route_route *route)
{
	size_t count = k->state.route_count, at = count;

	for (size_t i = 0; i < count; i++) {
		const struct route_route *r = &k->state.routes[i];

		if (!same_key(r, route))
			continue;
		if (route->family == IP_V4 && at < count && same_route(r, route))
			return -EEXIST; /* it is there, behind the first */
		if (at == count ||
		    (route->family == IP_V6 && joins(&k->state.routes[at]) != joins(route) &&
		     joins(r) == joins(route)))
			at = i;
	}
	if (at == count)
		return route_state_add_route(&k->state, route);
	k->state.routes[at] = *route;
	return 0;
}

/* A deletion echoes the dumped message, so all of it is compared. */
static int delete_route(struct kernel *k, const struct route_route *request)
{
	for (size_t i = 0; i < k->state.route_count; i++) {
		if (!same_route(&k->state.routes[i], request))
			continue;
		drop_route(k, i);
		k->deletions++;
		return 0;
	}
	return -ESRCH;
}

/* Sends the changes, as route_kernel_apply() does. How many were refused in a way that matters. */
static size_t send_changes(struct kernel *k, const struct route_changes *changes)
{
	size_t refused = 0;

	for (size_t i = 0; i < changes->count; i++) {
		const struct route_change *c = &changes->items[i];

		assert_true((c->rule != NULL) != (c->route != NULL));
		if (c->kind == ROUTE_DELETE && c->rule)
			(void)delete_rule(k, c->rule);
		else if (c->kind == ROUTE_DELETE)
			(void)delete_route(k, c->route);
		else if (c->rule && !rule_exists(k, c->rule))
			insert_rule(k, c->rule);
		else if (c->route && c->kind == ROUTE_ADD)
			refused += add_route(k, c->route) < 0;
		else if (c->route)
			refused += replace_route(k, c->route) < 0;
	}
	return refused;
}

/* ---- random states ---- */

/* From a domain so small that duplicates, near misses and conflicts are common. */
static struct route_rule random_rule(uint32_t *seed, bool ours)
{
	struct route_rule rule = {
		.family = random_is(seed, 2) ? IP_V4 : IP_V6,
		.protocol = ours || random_is(seed, 2) ? 87 : 3,
		.type = random_is(seed, 5) ? ROUTE_TYPE_UNREACHABLE : ROUTE_TYPE_UNICAST,
		.priority = ours ? 20000 + random_below(seed, 3)
				 : (random_is(seed, 2) ? 19999 : 20498) + random_below(seed, 3),
		.table = ours ? 201 + random_below(seed, 2) : 200 + random_below(seed, 4),
		.fwmark = random_below(seed, 3),
		.fwmask = random_is(seed, 4) ? 0 : 0x7f,
		.suppress_prefix_length = random_is(seed, 2) ? 1 : -1,
		.invert = random_is(seed, 4),
		.strange = !ours && random_is(seed, 8),
	};

	if (rule.type == ROUTE_TYPE_UNREACHABLE)
		rule.table = 0;
	rule.fwmark &= rule.fwmask;
	if (random_is(seed, 4)) {
		rule.source = address(rule.family == IP_V4 ? "192.0.2.1" : "2001:db8::1");
		rule.source_length = (uint8_t)ip_bits(rule.family);
	}
	if (random_is(seed, 5))
		memcpy(rule.oif, random_is(seed, 2) ? "eth1" : "eth2", 5);
	if (rule.strange)
		rule.raw.offset = 1 + random_below(seed, 3);
	return rule;
}

static struct route_route random_route(uint32_t *seed, bool ours)
{
	struct route_route route = {
		.family = random_is(seed, 2) ? IP_V4 : IP_V6,
		.protocol = ours || !random_is(seed, 3) ? 87 : 3,
		.type = random_is(seed, 4) ? ROUTE_TYPE_UNREACHABLE : ROUTE_TYPE_UNICAST,
		.table = ours ? 201 + random_below(seed, 3) : 200 + random_below(seed, 5),
		.metric = random_is(seed, 2) ? 0 : ROUTE_BLOCK_METRIC,
		.strange = !ours && random_is(seed, 8),
	};

	if (route.type == ROUTE_TYPE_UNICAST) {
		route.index = 5 + random_below(seed, 3);
		route.onlink = random_is(seed, 4);
		if (random_is(seed, 2))
			route.gateway = address(route.family == IP_V4 ? "10.0.0.1" : "fe80::1");
	}
	if (!ours && random_is(seed, 4)) {
		route.destination = address(route.family == IP_V4 ? "192.0.2.0" : "2001:db8::");
		route.destination_length = 24;
	}
	if (route.strange)
		route.raw.offset = 1 + random_below(seed, 3);
	return route;
}

/* A state as a plan makes them: no two rules alike, no two routes with one key. */
static void random_wanted(uint32_t *seed, struct route_state *state)
{
	for (uint32_t n = random_below(seed, 8); n > 0; n--) {
		struct route_rule rule = random_rule(seed, true);
		bool is_new = true;

		for (size_t i = 0; i < state->rule_count; i++) {
			struct route_rule twin = state->rules[i];

			twin.invert = rule.invert;
			is_new = is_new && route_rule_compare(&twin, &rule) != 0;
		}
		if (is_new)
			assert_int_equal(route_state_add_rule(state, &rule), 0);
	}
	for (uint32_t n = random_below(seed, 8); n > 0; n--) {
		struct route_route route = random_route(seed, true);
		bool is_new = true;

		for (size_t i = 0; i < state->route_count; i++)
			is_new = is_new && !same_key(&state->routes[i], &route);
		if (is_new)
			assert_int_equal(route_state_add_route(state, &route), 0);
	}
}

/* What of the wanted is there already, some of it twice, and what others and earlier runs left. */
static void random_present(uint32_t *seed, const struct route_state *wanted, struct kernel *k)
{
	for (uint32_t n = random_below(seed, 12); n > 0; n--) {
		struct route_rule rule = random_rule(seed, false);

		if (wanted->rule_count && random_is(seed, 2))
			rule = wanted->rules[random_below(seed, (uint32_t)wanted->rule_count)];
		insert_rule(k, &rule);
	}
	for (uint32_t n = random_below(seed, 12); n > 0; n--) {
		struct route_route route = random_route(seed, false);
		bool joined = false, twice = false;

		if (wanted->route_count && random_is(seed, 2))
			route = wanted->routes[random_below(seed, (uint32_t)wanted->route_count)];
		for (size_t i = 0; i < k->state.route_count; i++) {
			const struct route_route *r = &k->state.routes[i];

			joined = joined || (same_key(r, &route) && joins(r) && joins(&route));
			twice = twice || same_route(r, &route);
		}
		if (!joined && !twice)
			assert_int_equal(route_state_add_route(&k->state, &route), 0);
	}
}

static void copy_state(const struct route_state *from, struct route_state *to)
{
	for (size_t i = 0; i < from->rule_count; i++)
		assert_int_equal(route_state_add_rule(to, &from->rules[i]), 0);
	for (size_t i = 0; i < from->route_count; i++)
		assert_int_equal(route_state_add_route(to, &from->routes[i]), 0);
}

/* ---- what must hold ---- */

static size_t count_rules(const struct route_state *state, const struct route_rule *rule)
{
	size_t count = 0;

	for (size_t i = 0; i < state->rule_count; i++)
		count += route_rule_compare(&state->rules[i], rule) == 0 &&
			 same_content(&state->rules[i].raw, &rule->raw);
	return count;
}

static size_t count_routes(const struct route_state *state, const struct route_route *route)
{
	size_t count = 0;

	for (size_t i = 0; i < state->route_count; i++)
		count += same_route(&state->routes[i], route);
	return count;
}

/* Another's route has the key, so that ours is not needed, or not possible. */
static bool held_by_another(const struct route_state *present, const struct route_scope *scope,
			    const struct route_route *wanted)
{
	for (size_t i = 0; i < present->route_count; i++) {
		const struct route_route *r = &present->routes[i];

		if (!route_scope_owns_route(scope, r) && same_key(r, wanted))
			return true;
	}
	return false;
}

static void assert_is_wanted(const struct route_state *present, const struct route_state *after,
			     const struct route_state *wanted, const struct route_scope *scope)
{
	for (size_t i = 0; i < after->rule_count; i++) {
		const struct route_rule *rule = &after->rules[i];
		bool ours = route_scope_owns_rule(scope, rule);

		assert_int_equal(count_rules(after, rule),
				 count_rules(ours ? wanted : present, rule));
	}
	for (size_t i = 0; i < after->route_count; i++) {
		const struct route_route *route = &after->routes[i];
		bool ours = route_scope_owns_route(scope, route);

		assert_int_equal(count_routes(after, route),
				 count_routes(ours ? wanted : present, route));
	}
	for (size_t i = 0; i < wanted->rule_count; i++)
		assert_int_equal(count_rules(after, &wanted->rules[i]), 1);
	for (size_t i = 0; i < wanted->route_count; i++)
		assert_true(count_routes(after, &wanted->routes[i]) == 1 ||
			    held_by_another(present, scope, &wanted->routes[i]));
	for (size_t i = 0; i < present->rule_count; i++) {
		if (!route_scope_owns_rule(scope, &present->rules[i]))
			assert_int_equal(count_rules(after, &present->rules[i]),
					 count_rules(present, &present->rules[i]));
	}
	for (size_t i = 0; i < present->route_count; i++) {
		if (!route_scope_owns_route(scope, &present->routes[i]))
			assert_int_equal(count_routes(after, &present->routes[i]),
					 count_routes(present, &present->routes[i]));
	}
}

/* The changes by what they point at: no look-alike is mistaken for another. */
static void apply_exactly(const struct route_state *present, const struct route_changes *changes,
			  struct route_state *after)
{
	bool *gone_rules = calloc(present->rule_count + 1, sizeof(bool));
	bool *gone_routes = calloc(present->route_count + 1, sizeof(bool));
	bool deleting = false;

	assert_true(gone_rules && gone_routes);
	for (size_t i = 0; i < changes->count; i++) {
		const struct route_change *c = &changes->items[i];

		assert_false(deleting && c->kind != ROUTE_DELETE); /* additions first */
		deleting = c->kind == ROUTE_DELETE;
		if (c->kind == ROUTE_DELETE && c->rule)
			gone_rules[c->rule - present->rules] = true;
		else if (c->kind == ROUTE_DELETE)
			gone_routes[c->route - present->routes] = true;
		else if (c->rule)
			assert_int_equal(route_state_add_rule(after, c->rule), 0);
		else
			assert_int_equal(route_state_add_route(after, c->route), 0);
		if (c->kind == ROUTE_REPLACE) {
			assert_true(same_key(c->route, c->replaced));
			gone_routes[c->replaced - present->routes] = true;
		}
	}
	for (size_t i = 0; i < present->rule_count; i++) {
		if (!gone_rules[i])
			assert_int_equal(route_state_add_rule(after, &present->rules[i]), 0);
	}
	for (size_t i = 0; i < present->route_count; i++) {
		if (!gone_routes[i])
			assert_int_equal(route_state_add_route(after, &present->routes[i]), 0);
	}
	free(gone_rules);
	free(gone_routes);
}

static void any_present_state_becomes_the_wanted_one_and_then_nothing_is_sent(void **state)
{
	struct fixture *f = *state;
	struct route_scope scope;
	uint32_t seed = first_seed;

	assert_int_equal(route_scope_init(&scope, &f->conf), 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct route_state wanted = {0}, after = {0};
		struct route_changes changes = {0}, again = {0};
		struct kernel k = {.deletions = 0};

		random_wanted(&seed, &wanted);
		random_present(&seed, &wanted, &k);
		assert_int_equal(route_diff(&k.state, &wanted, &scope, 1, &changes), 0);
		apply_exactly(&k.state, &changes, &after);
		assert_is_wanted(&k.state, &after, &wanted, &scope);
		assert_int_equal(route_diff(&after, &wanted, &scope, 1, &again), 0);
		assert_int_equal(again.count, 0);
		route_changes_release(&changes);
		route_changes_release(&again);
		route_state_release(&k.state);
		route_state_release(&wanted);
		route_state_release(&after);
	}
	route_scope_release(&scope);
}

/*
 * The kernel may take another look-alike than was meant, or refuse. Then at least a deletion must
 * have been heard of, so that there is another run; when there is none, all is as wanted.
 */
static void the_kernel_gets_there_by_runs_that_events_call_for(void **state)
{
	struct fixture *f = *state;
	struct route_scope scope;
	uint32_t seed = first_seed + 1;
	size_t longest = 0;

	assert_int_equal(route_scope_init(&scope, &f->conf), 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct route_state wanted = {0}, before = {0};
		struct route_changes changes = {0};
		struct kernel k = {.deletions = 0};
		size_t runs = 0, refused, heard;

		random_wanted(&seed, &wanted);
		random_present(&seed, &wanted, &k);
		copy_state(&k.state, &before);
		do {
			struct route_state dump = {0};

			heard = k.deletions;
			copy_state(&k.state, &dump);
			route_changes_release(&changes);
			assert_int_equal(route_diff(&dump, &wanted, &scope, 1, &changes), 0);
			refused = send_changes(&k, &changes);
			route_state_release(&dump);
			assert_true(++runs < 12);
		} while (k.deletions != heard);
		longest = runs > longest ? runs : longest;
		route_changes_release(&changes);
		assert_int_equal(route_diff(&k.state, &wanted, &scope, 1, &changes), 0);
		assert_int_equal(changes.count, refused);
		for (size_t i = 0; i < changes.count; i++)
			assert_true(changes.items[i].kind == ROUTE_ADD && changes.items[i].route &&
				    held_by_another(&before, &scope, changes.items[i].route));
		assert_is_wanted(&before, &k.state, &wanted, &scope);
		route_changes_release(&changes);
		route_state_release(&k.state);
		route_state_release(&wanted);
		route_state_release(&before);
	}
	print_message("# at most %zu runs\n", longest);
	route_scope_release(&scope);
}

/* ---- plan ---- */

static void random_facts(uint32_t *seed, struct fixture *f)
{
	static const char *const names[] = {"ppp0", "eth1", "eth2", "eth3"};
	static const char *const gateways4[] = {"10.0.0.1", "10.0.1.1", "192.0.2.1"};
	static const char *const gateways6[] = {"fe80::1", "2001:db8::1", "2001:db8:1::1"};

	for (uint32_t i = 0; i < 4; i++) {
		if (random_is(seed, 6))
			continue;
		add_link(f, 5 + i, names[i], random_is(seed, 3));
		f->facts.links[f->facts.link_count - 1].up = !random_is(seed, 5);
		f->facts.links[f->facts.link_count - 1].carrier = !random_is(seed, 5);
		f->facts.links[f->facts.link_count - 1].vrf = random_is(seed, 9);
	}
	for (uint32_t n = random_below(seed, 8); n > 0; n--) {
		bool v4 = random_is(seed, 2);

		add_address(f, 5 + random_below(seed, 4),
			    v4 ? gateways4[random_below(seed, 3)]
			       : gateways6[random_below(seed, 3)],
			    v4 ? 24 : 64, !random_is(seed, 4));
	}
	for (uint32_t n = random_below(seed, 8); n > 0; n--) {
		bool v4 = random_is(seed, 2);
		const char *gateway =
			v4 ? gateways4[random_below(seed, 3)] : gateways6[random_below(seed, 3)];

		add_main_default(f, 5 + random_below(seed, 4), random_is(seed, 4) ? NULL : gateway,
				 v4 ? IP_V4 : IP_V6, random_below(seed, 3));
	}
}

static void random_uplinks(uint32_t *seed, struct fixture *f)
{
	static const enum conf_on_down downs[] = {CONF_DOWN_MAIN, CONF_DOWN_BLOCK,
						  CONF_DOWN_UPLINK};

	for (size_t i = 0; i < UPLINKS; i++) {
		struct conf_uplink *uplink = &f->uplinks[i];

		uplink->enabled = !random_is(seed, 6);
		uplink->gateway.kind = (enum conf_gateway_kind)random_below(seed, 4);
		uplink->gateway.address = address("10.0.0.1");
		uplink->gateway6.kind = (enum conf_gateway_kind)random_below(seed, 4);
		uplink->gateway6.address = address("2001:db8::1");
		uplink->on_down = downs[random_below(seed, 3)];
		uplink->on_down_target = f->uplinks[random_below(seed, UPLINKS)].name;
		f->health[i].failed = random_is(seed, 3);
	}
	f->facts.ipv4 = !random_is(seed, 9);
	f->facts.ipv6 = !random_is(seed, 9);
	f->conf.routing.main_first = !random_is(seed, 4);
}

/* What a plan may never have: two rules alike, two routes of one key, or a mark led two ways. */
static void assert_is_sane(const struct fixture *f, const struct route_state *wanted)
{
	for (size_t i = 0; i < wanted->rule_count; i++) {
		const struct route_rule *r = &wanted->rules[i];

		for (size_t j = 0; j < i; j++) {
			const struct route_rule *s = &wanted->rules[j];

			assert_int_not_equal(route_rule_compare(r, s), 0);
			/* a failed uplink's mark has one rule for its probes and one for the rest
			 */
			assert_false(r->fwmark && r->fwmark == s->fwmark &&
				     r->family == s->family && !*r->oif == !*s->oif);
		}
	}
	for (size_t i = 0; i < wanted->route_count; i++) {
		for (size_t j = 0; j < i; j++)
			assert_false(same_key(&wanted->routes[i], &wanted->routes[j]));
	}
	for (size_t i = 0; i < UPLINKS; i++) {
		bool up = f->plans[i].state == ROUTE_UPLINK_UP;

		assert_true(f->plans[i].present || !up);
		assert_true(up == (f->plans[i].reason[0] == '\0'));
	}
}

static void a_plan_is_a_function_of_what_it_is_given(void **state)
{
	struct fixture *f = *state;
	uint32_t seed = first_seed + 2;

	for (int round = 0; round < ROUNDS / 4; round++) {
		struct route_state again = {0};
		struct route_uplink_plan plans[UPLINKS];
		struct conf_uplink uplinks[UPLINKS];
		struct route_facts *facts = &f->facts;
		struct route_link links[8];
		struct route_address addresses[16];
		struct route_route main[16];
		char *text, *text_again;

		route_facts_release(facts);
		random_facts(&seed, f);
		random_uplinks(&seed, f);
		memcpy(uplinks, f->uplinks, sizeof(uplinks));
		for (size_t i = 0; i < facts->link_count; i++)
			links[i] = facts->links[i];
		for (size_t i = 0; i < facts->address_count; i++)
			addresses[i] = facts->addresses[i];
		for (size_t i = 0; i < facts->main_count; i++)
			main[i] = facts->main[i];

		text = planned(f);
		memset(plans, 0x5a, sizeof(plans)); /* what was there before has no say */
		assert_int_equal(route_plan(&f->conf, facts, f->health, &again, plans), 0);
		text_again = route_state_format(&again, facts);
		assert_string_equal(text, text_again);
		for (size_t i = 0; i < UPLINKS; i++) {
			assert_int_equal(plans[i].state, f->plans[i].state);
			assert_string_equal(plans[i].reason, f->plans[i].reason);
		}
		assert_is_sane(f, &again);

		assert_memory_equal(uplinks, f->uplinks, sizeof(uplinks));
		for (size_t i = 0; i < facts->link_count; i++)
			assert_memory_equal(&links[i], &facts->links[i], sizeof(links[i]));
		for (size_t i = 0; i < facts->address_count; i++)
			assert_memory_equal(&addresses[i], &facts->addresses[i],
					    sizeof(addresses[i]));
		for (size_t i = 0; i < facts->main_count; i++)
			assert_memory_equal(&main[i], &facts->main[i], sizeof(main[i]));
		free(text);
		free(text_again);
		route_state_release(&again);
	}
}

/* ---- single cases ---- */

static void mark_bits_outside_the_mask_make_no_difference(void **state)
{
	struct route_rule a = {.fwmark = 0x1, .fwmask = 0x7f},
			  b = {.fwmark = 0xf01, .fwmask = 0x7f};

	(void)state;
	assert_int_equal(route_rule_compare(&a, &b), 0);
}

static void a_changed_gateway_is_replaced_in_one_step(void **state)
{
	struct fixture *f = *state;
	struct route_scope scope;
	struct route_state before = {0};
	struct route_changes changes = {0};

	free(planned(f));
	before = f->wanted;
	f->wanted = (struct route_state){0};
	f->uplinks[2].gateway.address = address("10.3.0.9");
	free(planned(f));
	assert_int_equal(route_scope_init(&scope, &f->conf), 0);
	assert_int_equal(route_diff(&before, &f->wanted, &scope, 1, &changes), 0);
	assert_int_equal(changes.count, 1);
	assert_int_equal(changes.items[0].kind, ROUTE_REPLACE);
	route_changes_release(&changes);
	route_scope_release(&scope);
	route_state_release(&before);
}

/* What is done about a wanted default of table 203 when these two routes hold its key. */
static struct route_changes difference(struct fixture *f, const struct route_route *first,
				       const struct route_route *second,
				       struct route_state *present, struct route_state *wanted)
{
	const struct route_route route = {.family = IP_V4,
					  .protocol = 87,
					  .type = ROUTE_TYPE_UNICAST,
					  .table = 203,
					  .gateway = address("10.3.0.1"),
					  .index = 7};
	struct route_changes changes = {0};
	struct route_scope scope;

	assert_int_equal(route_state_add_route(wanted, &route), 0);
	assert_int_equal(route_state_add_route(present, first), 0);
	if (second)
		assert_int_equal(route_state_add_route(present, second), 0);
	assert_int_equal(route_scope_init(&scope, &f->conf), 0);
	assert_int_equal(route_diff(present, wanted, &scope, 1, &changes), 0);
	route_scope_release(&scope);
	return changes;
}

static void a_route_of_anothers_is_never_replaced(void **state)
{
	struct route_state present = {0}, wanted = {0};
	struct route_route own = {.family = IP_V4,
				  .protocol = 87,
				  .type = ROUTE_TYPE_UNICAST,
				  .table = 203,
				  .gateway = address("10.3.0.8"),
				  .index = 7};
	struct route_route foreign = own;
	struct route_changes changes;

	foreign.protocol = 4;
	foreign.gateway = address("10.3.0.9");
	changes = difference(*state, &own, &foreign, &present, &wanted);
	assert_int_equal(changes.count, 2);
	assert_int_equal(changes.items[0].kind, ROUTE_ADD);
	assert_int_equal(changes.items[1].kind, ROUTE_DELETE);
	assert_ptr_equal(changes.items[1].route, &present.routes[0]);
	route_changes_release(&changes);
	route_state_release(&present);
	route_state_release(&wanted);
}

static void a_route_of_anothers_that_does_it_is_left_to_do_it(void **state)
{
	struct route_state present = {0}, wanted = {0};
	struct route_route foreign = {.family = IP_V4,
				      .protocol = 4,
				      .type = ROUTE_TYPE_UNICAST,
				      .table = 203,
				      .gateway = address("10.3.0.1"),
				      .index = 7};
	struct route_changes changes = difference(*state, &foreign, NULL, &present, &wanted);

	assert_int_equal(changes.count, 0);
	route_changes_release(&changes);
	route_state_release(&present);
	route_state_release(&wanted);
}

static void a_route_with_more_than_we_write_is_replaced(void **state)
{
	struct route_state present = {0}, wanted = {0};
	struct route_route strange = {.family = IP_V4,
				      .protocol = 87,
				      .type = ROUTE_TYPE_UNICAST,
				      .table = 203,
				      .gateway = address("10.3.0.1"),
				      .index = 7,
				      .strange = true};
	struct route_changes changes = difference(*state, &strange, NULL, &present, &wanted);

	assert_int_equal(changes.count, 1);
	assert_int_equal(changes.items[0].kind, ROUTE_REPLACE);
	route_changes_release(&changes);
	route_state_release(&present);
	route_state_release(&wanted);
}

static void a_table_of_an_earlier_configuration_is_cleaned_by_its_scope(void **state)
{
	struct fixture *f = *state;
	struct route_scope scopes[2];
	struct route_state present = {0};
	struct route_changes changes = {0};

	free(planned(f));
	present = f->wanted;
	f->wanted = (struct route_state){0};
	assert_int_equal(route_scope_init(&scopes[0], &f->conf), 0);
	f->conf.routing.priority = 30000;
	f->uplinks[0].table = 301;
	f->uplinks[1].table = 302;
	f->uplinks[2].table = 303;
	assert_int_equal(route_scope_init(&scopes[1], &f->conf), 0);
	free(planned(f));
	assert_int_equal(route_diff(&present, &f->wanted, scopes, 2, &changes), 0);
	assert_int_equal(changes.count, present.rule_count + present.route_count +
						f->wanted.rule_count + f->wanted.route_count);
	route_changes_release(&changes);
	route_scope_release(&scopes[0]);
	route_scope_release(&scopes[1]);
	route_state_release(&present);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_present_state_becomes_the_wanted_one_and_then_nothing_is_sent),
		TEST(the_kernel_gets_there_by_runs_that_events_call_for),
		TEST(a_plan_is_a_function_of_what_it_is_given),
		TEST(mark_bits_outside_the_mask_make_no_difference),
		TEST(a_changed_gateway_is_replaced_in_one_step),
		TEST(a_route_of_anothers_is_never_replaced),
		TEST(a_route_of_anothers_that_does_it_is_left_to_do_it),
		TEST(a_route_with_more_than_we_write_is_replaced),
		TEST(a_table_of_an_earlier_configuration_is_cleaned_by_its_scope),
	};
	const char *given = getenv("WAYMARK_TEST_SEED");

	first_seed = given ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
	print_message("# seed %u\n", first_seed);
	return cmocka_run_group_tests_name("route_diff", tests, NULL, NULL);
}
