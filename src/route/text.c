/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules and routes in iproute2's words, for `uplinks --plan` and for messages. Pure.
 *
 * A line is what a user could type behind `ip -4 rule add` or `ip -4 route
 * add`, so the plan can be tried by hand and compared with what `ip` shows.
 * Tables are numbers here: a name would need the user's rt_tables to agree.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/route_plan.h>

#include "private.h"

/* Appends, and stays within the buffer whatever comes. */
__attribute__((format(printf, 3, 4))) static void put(char *buffer, size_t *used,
						      const char *format, ...)
{
	va_list arguments;
	int written;

	if (*used >= ROUTE_TEXT_SIZE - 1)
		return;
	va_start(arguments, format);
	written = vsnprintf(buffer + *used, ROUTE_TEXT_SIZE - *used, format, arguments);
	va_end(arguments);
	if (written > 0)
		*used += (size_t)written;
}

static void put_table(char *buffer, size_t *used, const char *word, uint32_t table)
{
	if (table == ROUTE_MAIN_TABLE)
		put(buffer, used, " %s main", word);
	else
		put(buffer, used, " %s %" PRIu32, word, table);
}

const char *route_rule_format(const struct route_rule *rule, char buffer[ROUTE_TEXT_SIZE])
{
	char address[IP_TEXT_SIZE];
	size_t used = 0;

	put(buffer, &used, "pref %" PRIu32, rule->priority);
	if (rule->invert)
		put(buffer, &used, " not");
	if (rule->source_length) {
		put(buffer, &used, " from %s", ip_format(&rule->source, address));
		if (rule->source_length != ip_bits(rule->family))
			put(buffer, &used, "/%u", rule->source_length);
	}
	if (rule->fwmark || rule->fwmask)
		put(buffer, &used, " fwmark 0x%" PRIx32 "/0x%" PRIx32, rule->fwmark, rule->fwmask);
	if (*rule->oif)
		put(buffer, &used, " oif %s", rule->oif);
	if (rule->type == ROUTE_TYPE_UNREACHABLE)
		put(buffer, &used, " unreachable");
	else
		put_table(buffer, &used, "lookup", rule->table);
	if (rule->suppress_prefix_length >= 0)
		put(buffer, &used, " suppress_prefixlength %" PRId32, rule->suppress_prefix_length);
	put(buffer, &used, " protocol %u", rule->protocol);
	return buffer;
}

const char *route_route_format(const struct route_route *route, const struct route_facts *facts,
			       char buffer[ROUTE_TEXT_SIZE])
{
	const struct route_link *link = route->index ? route_facts_link(facts, route->index) : NULL;
	char address[IP_TEXT_SIZE];
	size_t used = 0;

	if (route->type == ROUTE_TYPE_UNREACHABLE)
		put(buffer, &used, "unreachable ");
	else if (route->type != ROUTE_TYPE_UNICAST)
		put(buffer, &used, "type %u ", route->type);
	if (route->destination_length == 0)
		put(buffer, &used, "default");
	else
		put(buffer, &used, "%s/%u", ip_format(&route->destination, address),
		    route->destination_length);
	if (route->gateway.family != IP_NONE)
		put(buffer, &used, " via %s%s",
		    route->gateway.family != route->family ? "inet6 " : "",
		    ip_format(&route->gateway, address));
	if (link)
		put(buffer, &used, " dev %s", link->name);
	put_table(buffer, &used, "table", route->table);
	put(buffer, &used, " proto %u", route->protocol);
	if (route->scope == ROUTE_SCOPE_LINK)
		put(buffer, &used, " scope link");
	if (route->metric && !(route->family == IP_V6 && route->metric == ROUTE_IPV6_METRIC))
		put(buffer, &used, " metric %" PRIu32, route->metric);
	if (route->onlink)
		put(buffer, &used, " onlink");
	return buffer;
}

char *route_state_format(const struct route_state *state, const struct route_facts *facts)
{
	size_t size = (state->rule_count + state->route_count) * (ROUTE_TEXT_SIZE + 16) + 1;
	char *text = malloc(size), line[ROUTE_TEXT_SIZE];
	size_t used = 0;

	if (!text)
		return NULL;
	text[0] = '\0';
	for (size_t i = 0; i < state->rule_count; i++)
		used += (size_t)snprintf(text + used, size - used, "rule %u %s\n",
					 state->rules[i].family,
					 route_rule_format(&state->rules[i], line));
	for (size_t i = 0; i < state->route_count; i++)
		used += (size_t)snprintf(text + used, size - used, "route %u %s\n",
					 state->routes[i].family,
					 route_route_format(&state->routes[i], facts, line));
	return text;
}
