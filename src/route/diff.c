/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what is there to what is wanted, with the fewest messages. Pure.
 *
 * Both sides are sorted and merged as multisets: the kernel keeps duplicates of
 * rules (it refuses them only with NLM_F_EXCL), and each surplus copy
 * must go by its own deletion.
 * Routes have a key in the kernel: table, destination, TOS and metric. A wanted
 * route whose key is held by one of ours replaces it in a single step, so that
 * no packet meets an empty table in between. A key that is held by somebody
 * else's route is never replaced (the kernel would: the protocol is not
 * part of the key); if that route does the same thing, nothing is needed,
 * otherwise the addition is left to fail, which tells the user.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/route_plan.h>

#include "private.h"

#define ORDER(a, b)                                \
	do {                                       \
		if ((a) != (b))                    \
			return (a) < (b) ? -1 : 1; \
	} while (0)

int route_rule_compare(const struct route_rule *a, const struct route_rule *b)
{
	ORDER(a->family, b->family);
	ORDER(a->priority, b->priority);
	ORDER(a->type, b->type);
	ORDER(a->table, b->table);
	ORDER(a->fwmask, b->fwmask);
	ORDER(a->fwmark & a->fwmask, b->fwmark & b->fwmask);
	ORDER(a->source_length, b->source_length);
	ORDER(ip_compare(&a->source, &b->source), 0);
	ORDER(strcmp(a->oif, b->oif), 0);
	ORDER(a->suppress_prefix_length, b->suppress_prefix_length);
	ORDER(a->invert, b->invert);
	ORDER(a->protocol, b->protocol);
	ORDER(a->strange, b->strange);
	return 0;
}

int route_key_compare(const struct route_route *a, const struct route_route *b)
{
	ORDER(a->family, b->family);
	ORDER(a->table, b->table);
	ORDER(a->destination_length, b->destination_length);
	ORDER(ip_compare(&a->destination, &b->destination), 0);
	ORDER(a->tos, b->tos);
	ORDER(a->metric, b->metric);
	return 0;
}

/* Where the route leads, apart from whose it is. */
static int target_compare(const struct route_route *a, const struct route_route *b)
{
	ORDER(a->type, b->type);
	ORDER(a->index, b->index);
	ORDER(ip_compare(&a->gateway, &b->gateway), 0);
	return 0;
}

int route_route_compare(const struct route_route *a, const struct route_route *b)
{
	int result = route_key_compare(a, b);

	if (!result)
		result = target_compare(a, b);
	if (result)
		return result;
	ORDER(a->scope, b->scope);
	ORDER(a->onlink, b->onlink);
	ORDER(a->protocol, b->protocol);
	ORDER(a->strange, b->strange);
	return 0;
}

static int rule_pointer_compare(const void *a, const void *b)
{
	return route_rule_compare(*(const struct route_rule *const *)a,
				  *(const struct route_rule *const *)b);
}

static int route_pointer_compare(const void *a, const void *b)
{
	return route_route_compare(*(const struct route_route *const *)a,
				   *(const struct route_route *const *)b);
}

/* Everything that one diff needs to remember; counts after the merge are those of the leftovers. */
struct work {
	const struct route_rule **rules, **old_rules;
	const struct route_route **routes, **old_routes, **foreign;
	size_t rule_count, old_rule_count, route_count, old_route_count, foreign_count;
};

static bool owned_rule(const struct route_scope *scopes, size_t count,
		       const struct route_rule *rule)
{
	for (size_t i = 0; i < count; i++) {
		if (route_scope_owns_rule(&scopes[i], rule))
			return true;
	}
	return false;
}

static bool owned_route(const struct route_scope *scopes, size_t count,
			const struct route_route *route)
{
	for (size_t i = 0; i < count; i++) {
		if (route_scope_owns_route(&scopes[i], route))
			return true;
	}
	return false;
}

/*
 * Takes the common part out of two sorted arrays of pointers; what is left is
 * compacted in place.
 */
#define MERGE(wanted, wanted_count, present, present_count, compare)       \
	do {                                                               \
		size_t i_ = 0, j_ = 0, left_ = 0, old_ = 0;                \
		while (i_ < (wanted_count) && j_ < (present_count)) {      \
			int order_ = compare((wanted)[i_], (present)[j_]); \
			if (order_ == 0) {                                 \
				i_++;                                      \
				j_++;                                      \
			} else if (order_ < 0) {                           \
				(wanted)[left_++] = (wanted)[i_++];        \
			} else {                                           \
				(present)[old_++] = (present)[j_++];       \
			}                                                  \
		}                                                          \
		while (i_ < (wanted_count))                                \
			(wanted)[left_++] = (wanted)[i_++];                \
		while (j_ < (present_count))                               \
			(present)[old_++] = (present)[j_++];               \
		(wanted_count) = left_;                                    \
		(present_count) = old_;                                    \
	} while (0)

/* Another's route with this key: 0 none, 1 it leads elsewhere, 2 it does what is wanted. */
static int foreign_holder(const struct work *work, const struct route_route *wanted)
{
	int found = 0;

	for (size_t i = 0; i < work->foreign_count; i++) {
		const struct route_route *r = work->foreign[i];

		if (route_key_compare(r, wanted) != 0)
			continue;
		if (target_compare(r, wanted) == 0)
			return 2;
		found = 1;
	}
	return found;
}

/* IPv6 tells routes that may join others as a further next hop from those that may not. */
static bool may_join(const struct route_route *route)
{
	return route->type == ROUTE_TYPE_UNICAST && route->gateway.family != IP_NONE;
}

/* `a` rather than `b` is what the kernel would replace by the wanted one. */
static bool goes_first(const struct route_route *wanted, const struct route_route *a,
		       const struct route_route *b)
{
	bool fits_a = may_join(a) == may_join(wanted), fits_b = may_join(b) == may_join(wanted);

	if (wanted->family == IP_V6 && fits_a != fits_b)
		return fits_a;
	return a < b; /* as it lists them */
}

/* The one of ours that holds the key, and that the kernel would replace. */
static size_t own_holder(const struct work *work, const struct route_route *wanted)
{
	size_t best = work->old_route_count;

	for (size_t i = 0; i < work->old_route_count; i++) {
		const struct route_route *r = work->old_routes[i];

		if (r && route_key_compare(r, wanted) == 0 &&
		    (best == work->old_route_count ||
		     goes_first(wanted, r, work->old_routes[best])))
			best = i;
	}
	return best;
}

static int add_routes(struct work *work, struct route_changes *changes)
{
	for (size_t i = 0; i < work->route_count; i++) {
		struct route_change change = {.kind = ROUTE_ADD, .route = work->routes[i]};
		int holder = foreign_holder(work, change.route);
		int result;

		if (holder == 2)
			continue;
		if (holder == 0) {
			size_t own = own_holder(work, change.route);

			if (own < work->old_route_count) {
				change.kind = ROUTE_REPLACE;
				change.replaced = work->old_routes[own];
				work->old_routes[own] = NULL;
			}
		}
		result = route_changes_add(changes, &change);
		if (result)
			return result;
	}
	return 0;
}

static int emit(struct work *work, struct route_changes *changes)
{
	int result = add_routes(work, changes);

	for (size_t i = 0; !result && i < work->rule_count; i++) {
		struct route_change change = {.kind = ROUTE_ADD, .rule = work->rules[i]};

		result = route_changes_add(changes, &change);
	}
	for (size_t i = 0; !result && i < work->old_rule_count; i++) {
		struct route_change change = {.kind = ROUTE_DELETE, .rule = work->old_rules[i]};

		result = route_changes_add(changes, &change);
	}
	for (size_t i = 0; !result && i < work->old_route_count; i++) {
		struct route_change change = {.kind = ROUTE_DELETE, .route = work->old_routes[i]};

		if (change.route)
			result = route_changes_add(changes, &change);
	}
	return result;
}

static int work_init(struct work *work, const struct route_state *present,
		     const struct route_state *wanted, const struct route_scope *scopes,
		     size_t scope_count)
{
	work->rules = calloc(wanted->rule_count + 1, sizeof(*work->rules));
	work->routes = calloc(wanted->route_count + 1, sizeof(*work->routes));
	work->old_rules = calloc(present->rule_count + 1, sizeof(*work->old_rules));
	work->old_routes = calloc(present->route_count + 1, sizeof(*work->old_routes));
	work->foreign = calloc(present->route_count + 1, sizeof(*work->foreign));
	if (!work->rules || !work->routes || !work->old_rules || !work->old_routes ||
	    !work->foreign)
		return -ENOMEM;
	for (size_t i = 0; i < wanted->rule_count; i++)
		work->rules[work->rule_count++] = &wanted->rules[i];
	for (size_t i = 0; i < wanted->route_count; i++)
		work->routes[work->route_count++] = &wanted->routes[i];
	for (size_t i = 0; i < present->rule_count; i++) {
		if (owned_rule(scopes, scope_count, &present->rules[i]))
			work->old_rules[work->old_rule_count++] = &present->rules[i];
	}
	for (size_t i = 0; i < present->route_count; i++) {
		const struct route_route *r = &present->routes[i];

		if (owned_route(scopes, scope_count, r))
			work->old_routes[work->old_route_count++] = r;
		else
			work->foreign[work->foreign_count++] = r;
	}
	qsort(work->rules, work->rule_count, sizeof(*work->rules), rule_pointer_compare);
	qsort(work->routes, work->route_count, sizeof(*work->routes), route_pointer_compare);
	qsort(work->old_rules, work->old_rule_count, sizeof(*work->old_rules),
	      rule_pointer_compare);
	qsort(work->old_routes, work->old_route_count, sizeof(*work->old_routes),
	      route_pointer_compare);
	return 0;
}

int route_diff(const struct route_state *present, const struct route_state *wanted,
	       const struct route_scope *scopes, size_t scope_count, struct route_changes *changes)
{
	struct work work = {0};
	int result = work_init(&work, present, wanted, scopes, scope_count);

	if (!result) {
		MERGE(work.rules, work.rule_count, work.old_rules, work.old_rule_count,
		      route_rule_compare);
		MERGE(work.routes, work.route_count, work.old_routes, work.old_route_count,
		      route_route_compare);
		result = emit(&work, changes);
	}
	free(work.rules);
	free(work.routes);
	free(work.old_rules);
	free(work.old_routes);
	free(work.foreign);
	return result;
}
