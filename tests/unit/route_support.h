/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three uplinks and the facts that they live by, for the tests of the route module's pure half.
 */
#ifndef ROUTE_SUPPORT_H
#define ROUTE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <waymark/route_plan.h>

#define UPLINKS 3

struct fixture {
	struct conf conf;
	struct conf_uplink uplinks[UPLINKS];
	struct route_facts facts;
	struct route_state wanted;
	struct route_health health[UPLINKS];
	struct route_uplink_plan plans[UPLINKS];
};

static inline struct ip_addr address(const char *text)
{
	struct ip_addr addr;

	assert_true(ip_parse(text, &addr));
	return addr;
}

static inline void add_link(struct fixture *f, uint32_t index, const char *name,
			    bool point_to_point)
{
	struct route_link link = {
		.index = index, .up = true, .carrier = true, .point_to_point = point_to_point};

	snprintf(link.name, sizeof(link.name), "%s", name);
	assert_int_equal(route_facts_add_link(&f->facts, &link), 0);
}

static inline void add_address(struct fixture *f, uint32_t index, const char *text, uint8_t length,
			       bool global)
{
	struct route_address a = {.index = index,
				  .address = address(text),
				  .prefix = address(text),
				  .prefix_length = length,
				  .global = global};

	assert_int_equal(route_facts_add_address(&f->facts, &a), 0);
}

static inline void add_main_default(struct fixture *f, uint32_t index, const char *gateway,
				    uint8_t family, uint32_t metric)
{
	struct route_route r = {.family = family,
				.type = ROUTE_TYPE_UNICAST,
				.table = ROUTE_MAIN_TABLE,
				.metric = metric,
				.index = index};

	if (gateway)
		r.gateway = address(gateway);
	assert_int_equal(route_facts_add_main(&f->facts, &r), 0);
}

/* "mail.out" on ppp0 (point to point), "cable" on eth1 (gateway by main), "isdn" on eth2 (given).
 */
static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_true(mark_layout_init(&f->conf.mark, 0xff));
	f->conf.mode = CONF_ENFORCE;
	f->conf.routing.manage = true;
	f->conf.routing.priority = 20000;
	f->conf.routing.protocol = 87;
	f->conf.routing.main_first = true;
	f->conf.uplinks = f->uplinks;
	f->conf.uplink_count = UPLINKS;
	f->uplinks[0] = (struct conf_uplink){
		.name = "mail.out", .interface = "ppp0", .table = 201, .mark = 1, .enabled = true};
	f->uplinks[1] = (struct conf_uplink){
		.name = "cable", .interface = "eth1", .table = 202, .mark = 2, .enabled = true};
	f->uplinks[2] = (struct conf_uplink){
		.name = "isdn", .interface = "eth2", .table = 203, .mark = 3, .enabled = true};
	f->uplinks[2].gateway.kind = CONF_GATEWAY_ADDRESS;
	f->uplinks[2].gateway.address = address("10.3.0.1");
	f->facts.ipv4 = f->facts.ipv6 = true;
	add_link(f, 1, "lo", false);
	add_link(f, 5, "ppp0", true);
	add_link(f, 6, "eth1", false);
	add_link(f, 7, "eth2", false);
	add_address(f, 5, "195.96.98.254", 32, true);
	add_address(f, 6, "10.2.0.2", 24, true);
	add_address(f, 6, "2001:db8:2::2", 64, true);
	add_address(f, 6, "fe80::2", 64, false);
	add_address(f, 7, "10.3.0.2", 24, true);
	add_main_default(f, 6, "10.2.0.254", IP_V4, 200);
	add_main_default(f, 6, "10.2.0.1", IP_V4, 100);
	add_main_default(f, 6, "fe80::1", IP_V6, 1024);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	route_facts_release(&f->facts);
	route_state_release(&f->wanted);
	free(f);
	return 0;
}

static inline char *planned(struct fixture *f)
{
	char *text;

	route_state_release(&f->wanted);
	assert_int_equal(route_plan(&f->conf, &f->facts, f->health, &f->wanted, f->plans), 0);
	text = route_state_format(&f->wanted, &f->facts);
	assert_non_null(text);
	return text;
}

static inline void assert_plan(struct fixture *f, const char *expected)
{
	char *text = planned(f);

	assert_string_equal(text, expected);
	free(text);
}

static inline void assert_plan_has(struct fixture *f, const char *line, bool has)
{
	char *text = planned(f);

	if ((strstr(text, line) != NULL) != has)
		fail_msg("%s: '%s' in:\n%s", has ? "missing" : "unexpected", line, text);
	free(text);
}

#endif
