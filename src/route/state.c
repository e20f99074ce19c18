/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The containers of the route module: facts, states, scopes.
 *
 * They are plain growing arrays of values, since a router has tens of rules and
 * a few thousand links at most; a hard limit keeps a kernel gone mad, or a
 * namespace filled by somebody else, from taking our memory.
 * A scope is the answer to "is this ours?". It is a value apart from the
 * configuration because after a reload the previous one's still counts: what
 * was put into a table that is no longer configured must go as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/route_plan.h>

#include "private.h"

#define ITEMS_MAX ((size_t)1 << 18)

int route_grow(void **items, size_t *capacity, size_t count, size_t each)
{
	size_t wanted;
	void *grown;

	if (count < *capacity)
		return 0;
	if (count >= ITEMS_MAX)
		return -E2BIG;
	wanted = *capacity ? *capacity * 2 : 16;
	grown = realloc(*items, wanted * each);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*capacity = wanted;
	return 0;
}

/* One array of `type`: grow the generic way, without casting through an incompatible pointer. */
#define APPEND(array, array_count, array_capacity, item)                                        \
	do {                                                                                    \
		void *items_ = (array);                                                         \
		int result_ =                                                                   \
			route_grow(&items_, &(array_capacity), (array_count), sizeof(*(item))); \
		if (result_)                                                                    \
			return result_;                                                         \
		(array) = items_;                                                               \
		(array)[(array_count)++] = *(item);                                             \
		return 0;                                                                       \
	} while (0)

int route_state_add_rule(struct route_state *state, const struct route_rule *rule)
{
	APPEND(state->rules, state->rule_count, state->rule_capacity, rule);
}

int route_state_add_route(struct route_state *state, const struct route_route *route)
{
	APPEND(state->routes, state->route_count, state->route_capacity, route);
}

void route_state_release(struct route_state *state)
{
	free(state->rules);
	free(state->routes);
	*state = (struct route_state){0};
}

int route_facts_add_link(struct route_facts *facts, const struct route_link *link)
{
	APPEND(facts->links, facts->link_count, facts->link_capacity, link);
}

int route_facts_add_address(struct route_facts *facts, const struct route_address *address)
{
	APPEND(facts->addresses, facts->address_count, facts->address_capacity, address);
}

int route_facts_add_main(struct route_facts *facts, const struct route_route *route)
{
	APPEND(facts->main, facts->main_count, facts->main_capacity, route);
}

void route_facts_release(struct route_facts *facts)
{
	free(facts->links);
	free(facts->addresses);
	free(facts->main);
	*facts = (struct route_facts){0};
}

const struct route_link *route_facts_link(const struct route_facts *facts, uint32_t index)
{
	for (size_t i = 0; i < facts->link_count; i++) {
		if (facts->links[i].index == index)
			return &facts->links[i];
	}
	return NULL;
}

const struct route_link *route_facts_link_by_name(const struct route_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->link_count; i++) {
		if (strcmp(facts->links[i].name, name) == 0)
			return &facts->links[i];
	}
	return NULL;
}

int route_changes_add(struct route_changes *changes, const struct route_change *change)
{
	APPEND(changes->items, changes->count, changes->capacity, change);
}

void route_changes_release(struct route_changes *changes)
{
	free(changes->items);
	*changes = (struct route_changes){0};
}

static int table_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int route_scope_init(struct route_scope *scope, const struct conf *conf)
{
	*scope = (struct route_scope){
		.protocol = conf->routing.protocol,
		.priority = conf->routing.priority,
	};
	scope->tables = calloc(conf->uplink_count + 1, sizeof(*scope->tables));
	if (!scope->tables)
		return -ENOMEM;
	/* A disabled uplink's table is ours too: disabling it must empty it. */
	for (size_t i = 0; i < conf->uplink_count; i++) {
		uint32_t table = conf->uplinks[i].table;

		/* unspec, default, main and local can never be ours, whatever a file says */
		if (table == 0 || (table >= 253 && table <= 255))
			continue;
		scope->tables[scope->table_count++] = table;
	}
	if (scope->table_count)
		qsort(scope->tables, scope->table_count, sizeof(*scope->tables), table_compare);
	return 0;
}

void route_scope_release(struct route_scope *scope)
{
	free(scope->tables);
	*scope = (struct route_scope){0};
}

bool route_scope_has_table(const struct route_scope *scope, uint32_t table)
{
	return scope->table_count && bsearch(&table, scope->tables, scope->table_count,
					     sizeof(*scope->tables), table_compare);
}

bool route_scope_owns_rule(const struct route_scope *scope, const struct route_rule *rule)
{
	if (rule->protocol != scope->protocol)
		return false;
	return (rule->priority >= scope->priority &&
		rule->priority - scope->priority < ROUTE_PRIORITY_RANGE) ||
	       route_scope_has_table(scope, rule->table);
}

bool route_scope_owns_route(const struct route_scope *scope, const struct route_route *route)
{
	return route->protocol == scope->protocol && route_scope_has_table(scope, route->table);
}
