/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pure half of the route module: what is planned from which facts, and that
 * applying a difference gives what was wanted, for any two states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static struct ip_addr address(const char *text)
{
	struct ip_addr addr;

	assert_true(ip_parse(text, &addr));
	return addr;
}

static void add_link(struct fixture *f, uint32_t index, const char *name, bool point_to_point)
{
	struct route_link link = {
		.index = index, .up = true, .carrier = true, .point_to_point = point_to_point};

	snprintf(link.name, sizeof(link.name), "%s", name);
	assert_int_equal(route_facts_add_link(&f->facts, &link), 0);
}

static void add_address(struct fixture *f, uint32_t index, const char *text, uint8_t length,
			bool global)
{
	struct route_address a = {.index = index,
				  .address = address(text),
				  .prefix = address(text),
				  .prefix_length = length,
				  .global = global};

	assert_int_equal(route_facts_add_address(&f->facts, &a), 0);
}

static void add_main_default(struct fixture *f, uint32_t index, const char *gateway, uint8_t family,
			     uint32_t metric)
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
static int setup(void **state)
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

static int teardown(void **state)
{
	struct fixture *f = *state;

	route_facts_release(&f->facts);
	route_state_release(&f->wanted);
	free(f);
	return 0;
}

static char *planned(struct fixture *f)
{
	char *text;

	route_state_release(&f->wanted);
	assert_int_equal(route_plan(&f->conf, &f->facts, f->health, &f->wanted, f->plans), 0);
	text = route_state_format(&f->wanted, &f->facts);
	assert_non_null(text);
	return text;
}

static void assert_plan(struct fixture *f, const char *expected)
{
	char *text = planned(f);

	assert_string_equal(text, expected);
	free(text);
}

static void assert_plan_has(struct fixture *f, const char *line, bool has)
{
	char *text = planned(f);

	if ((strstr(text, line) != NULL) != has)
		fail_msg("%s: '%s' in:\n%s", has ? "missing" : "unexpected", line, text);
	free(text);
}

static void the_classic_policy_is_planned_in_the_order_of_the_three_kinds(void **state)
{
	assert_plan(
		*state,
		"rule 4 pref 20000 not fwmark 0x0/0x7f lookup main suppress_prefixlength 1 "
		"protocol 87\n"
		"rule 4 pref 20001 fwmark 0x1/0x7f lookup 201 protocol 87\n"
		"rule 4 pref 20002 fwmark 0x2/0x7f lookup 202 protocol 87\n"
		"rule 4 pref 20003 fwmark 0x3/0x7f lookup 203 protocol 87\n"
		"rule 4 pref 20200 from 195.96.98.254 lookup main suppress_prefixlength 1 protocol "
		"87\n"
		"rule 4 pref 20201 from 195.96.98.254 lookup 201 protocol 87\n"
		"rule 4 pref 20202 from 10.2.0.2 lookup main suppress_prefixlength 1 protocol 87\n"
		"rule 4 pref 20203 from 10.2.0.2 lookup 202 protocol 87\n"
		"rule 4 pref 20204 from 10.3.0.2 lookup main suppress_prefixlength 1 protocol 87\n"
		"rule 4 pref 20205 from 10.3.0.2 lookup 203 protocol 87\n"
		"rule 6 pref 20000 not fwmark 0x0/0x7f lookup main suppress_prefixlength 1 "
		"protocol 87\n"
		"rule 6 pref 20001 fwmark 0x1/0x7f lookup 201 protocol 87\n"
		"rule 6 pref 20002 fwmark 0x2/0x7f lookup 202 protocol 87\n"
		"rule 6 pref 20003 fwmark 0x3/0x7f lookup 203 protocol 87\n"
		"rule 6 pref 20202 from 2001:db8:2::2 lookup main suppress_prefixlength 1 protocol "
		"87\n"
		"rule 6 pref 20203 from 2001:db8:2::2 lookup 202 protocol 87\n"
		"route 4 default dev ppp0 table 201 proto 87 scope link\n"
		"route 4 default via 10.2.0.1 dev eth1 table 202 proto 87\n"
		"route 6 default via fe80::1 dev eth1 table 202 proto 87\n"
		"route 4 default via 10.3.0.1 dev eth2 table 203 proto 87\n");
}

static void marks_stand_where_the_mask_puts_them(void **state)
{
	struct fixture *f = *state;

	assert_true(mark_layout_init(&f->conf.mark, 0xff00));
	assert_plan_has(f, "pref 20002 fwmark 0x200/0x7f00 lookup 202 ", true);
	assert_plan_has(f, "not fwmark 0x0/0x7f00 lookup main", true);
}

static void without_main_first_rule_a_is_left_out(void **state)
{
	struct fixture *f = *state;

	f->conf.routing.main_first = false;
	assert_plan_has(f, "pref 20000", false);
	assert_plan_has(f, "pref 20001 fwmark 0x1/0x7f", true);
}

static void in_mode_observe_nothing_is_wanted(void **state)
{
	struct fixture *f = *state;

	f->conf.mode = CONF_OBSERVE;
	assert_plan(f, "");
	assert_int_equal(f->plans[1].state, ROUTE_UPLINK_UP);
}

static void a_disabled_uplink_has_no_rule_and_no_route(void **state)
{
	struct fixture *f = *state;

	f->uplinks[1].enabled = false;
	assert_plan_has(f, "fwmark 0x2/", false);
	assert_plan_has(f, "lookup 202", false);
	assert_plan_has(f, "table 202", false);
	assert_plan_has(f, "10.2.0.2", false);
	assert_int_equal(f->plans[1].state, ROUTE_UPLINK_DISABLED);
}

static void a_missing_interface_is_a_state_and_its_mark_falls_to_main(void **state)
{
	struct fixture *f = *state;

	f->uplinks[2].interface = "ppp7";
	assert_plan_has(f, "route 4 default via 10.3.0.1", false);
	assert_plan_has(f, "fwmark 0x3/0x7f lookup 203", true);
	assert_int_equal(f->plans[2].state, ROUTE_UPLINK_DOWN);
	assert_string_equal(f->plans[2].reason, "interface 'ppp7' does not exist");
}

static void a_lost_carrier_takes_the_default_and_leaves_the_rules(void **state)
{
	struct fixture *f = *state;

	f->facts.links[3].carrier = false;
	assert_plan_has(f, "route 4 default via 10.3.0.1", false);
	assert_plan_has(f, "from 10.3.0.2 lookup 203", true);
	assert_string_equal(f->plans[2].reason, "no carrier");
	f->facts.links[3].carrier = true;
	f->facts.links[3].up = false;
	assert_plan_has(f, "route 4 default via 10.3.0.1", false);
	assert_string_equal(f->plans[2].reason, "interface 'eth2' is down");
}

static void auto_without_a_default_in_main_is_no_gateway(void **state)
{
	struct fixture *f = *state;

	f->facts.main_count = 0;
	assert_plan_has(f, "dev eth1", false);
	assert_int_equal(f->plans[1].state, ROUTE_UPLINK_DOWN);
	assert_string_equal(f->plans[1].reason, "no gateway");
}

static void a_blocking_uplink_is_unreachable_in_both_families_up_or_down(void **state)
{
	struct fixture *f = *state;

	f->uplinks[2].on_down = CONF_DOWN_BLOCK;
	for (int i = 0; i < 2; i++) {
		assert_plan_has(
			f, "route 4 unreachable default table 203 proto 87 metric 4278198272\n",
			true);
		assert_plan_has(
			f, "route 6 unreachable default table 203 proto 87 metric 4278198272\n",
			true);
		assert_plan_has(f, "via 10.3.0.1", i == 0);
		f->facts.links[3].up = false;
	}
}

static void a_down_uplink_is_carried_by_the_one_that_stands_in(void **state)
{
	struct fixture *f = *state;

	f->uplinks[2].on_down = CONF_DOWN_UPLINK;
	f->uplinks[2].on_down_target = "cable";
	f->uplinks[1].on_down = CONF_DOWN_UPLINK;
	f->uplinks[1].on_down_target = "mail.out";
	f->facts.links[3].up = false;
	assert_plan_has(f, "route 4 default via 10.2.0.1 dev eth1 table 203", true);
	assert_plan_has(f, "route 6 default via fe80::1 dev eth1 table 203", true);
	f->facts.links[2].up = false;
	assert_plan_has(f, "route 4 default dev ppp0 table 203", true);
	assert_plan_has(f, "route 4 default dev ppp0 table 202", true);
	f->uplinks[0].on_down = CONF_DOWN_UPLINK;
	f->uplinks[0].on_down_target = "isdn"; /* a ring, all of it down */
	f->facts.links[1].up = false;
	assert_plan_has(f, "route ", false);
}

static void fail_uplink(struct fixture *f, size_t uplink)
{
	f->health[uplink].failed = true;
	snprintf(f->health[uplink].reason, sizeof(f->health[uplink].reason), "no answer");
}

static void a_failed_uplink_keeps_its_line_and_its_mark_goes_to_main(void **state)
{
	struct fixture *f = *state;

	fail_uplink(f, 2);
	assert_plan_has(f, "route 4 default via 10.3.0.1 dev eth2 table 203 proto 87\n", true);
	assert_plan_has(f, "from 10.3.0.2 lookup 203", true);
	assert_plan_has(f, "fwmark 0x3/", false);
	assert_int_equal(f->plans[2].state, ROUTE_UPLINK_DOWN);
	assert_string_equal(f->plans[2].reason, "no answer");
	assert_true(f->plans[2].present && f->plans[2].default4);
}

static void a_failed_uplinks_mark_follows_the_stand_in_behind_the_addresses(void **state)
{
	struct fixture *f = *state;

	f->uplinks[2].on_down = CONF_DOWN_UPLINK;
	f->uplinks[2].on_down_target = "cable";
	fail_uplink(f, 2);
	assert_plan_has(f, "rule 4 pref 20499 fwmark 0x3/0x7f lookup 202 protocol 87\n", true);
	assert_plan_has(f, "rule 6 pref 20499 fwmark 0x3/0x7f lookup 202 protocol 87\n", true);
	assert_plan_has(f, "pref 20003 ", false);
	assert_plan_has(f, "via 10.3.0.1 dev eth2 table 203", true);
	/* who stands in must work by its link and by its probes */
	f->uplinks[1].on_down = CONF_DOWN_UPLINK;
	f->uplinks[1].on_down_target = "mail.out";
	fail_uplink(f, 1);
	assert_plan_has(f, "rule 4 pref 20499 fwmark 0x3/0x7f lookup 201 protocol 87\n", true);
	assert_plan_has(f, "rule 4 pref 20499 fwmark 0x2/0x7f lookup 201 protocol 87\n", true);
	fail_uplink(f, 0);
	assert_plan_has(f, "pref 20499", false);
	assert_plan_has(f, "fwmark 0x1/", false);
}

static void a_failed_uplink_that_blocks_has_an_unreachable_rule(void **state)
{
	struct fixture *f = *state;

	f->uplinks[2].on_down = CONF_DOWN_BLOCK;
	fail_uplink(f, 2);
	assert_plan_has(f, "rule 4 pref 20499 fwmark 0x3/0x7f unreachable protocol 87\n", true);
	assert_plan_has(f, "rule 6 pref 20499 fwmark 0x3/0x7f unreachable protocol 87\n", true);
	assert_plan_has(f, "route 4 default via 10.3.0.1 dev eth2 table 203", true);
	assert_plan_has(f, "pref 20003 ", false);
}

static void without_its_link_it_makes_no_difference_that_an_uplink_has_failed(void **state)
{
	struct fixture *f = *state;
	char *before;

	f->uplinks[2].on_down = CONF_DOWN_UPLINK;
	f->uplinks[2].on_down_target = "cable";
	f->facts.links[3].carrier = false;
	before = planned(f);
	fail_uplink(f, 2);
	assert_plan(f, before);
	assert_string_equal(f->plans[2].reason, "no carrier");
	free(before);
}

static void an_uplink_carried_by_a_failed_one_is_not(void **state)
{
	struct fixture *f = *state;

	f->uplinks[2].on_down = CONF_DOWN_UPLINK;
	f->uplinks[2].on_down_target = "cable";
	f->facts.links[3].up = false;
	fail_uplink(f, 1);
	assert_plan_has(f, "table 203", false);
	assert_plan_has(f, "pref 20003 fwmark 0x3/0x7f lookup 203", true);
}

static void a_link_in_a_vrf_is_refused_by_name(void **state)
{
	struct fixture *f = *state;

	add_link(f, 9, "red", false);
	f->facts.links[3].vrf = true;
	f->facts.links[3].master = 9;
	assert_plan_has(f, "route 4 default via 10.3.0.1", false);
	assert_int_equal(f->plans[2].state, ROUTE_UPLINK_DOWN);
	assert_false(f->plans[2].present);
	assert_string_equal(
		f->plans[2].reason,
		"interface 'eth2' belongs to the VRF 'red', which waymark does not support");
	f->facts.links[3].master = 0;
	free(planned(f));
	assert_string_equal(f->plans[2].reason,
			    "interface 'eth2' belongs to a VRF, which waymark does not support");
}

static void a_port_of_a_bridge_is_down_and_says_whose_it_is(void **state)
{
	struct fixture *f = *state;

	add_link(f, 9, "br0", false);
	f->facts.links[3].master = 9;
	assert_plan_has(f, "route 4 default via 10.3.0.1", false);
	assert_string_equal(f->plans[2].reason, "interface 'eth2' is a port of 'br0'");
	f->facts.links[3].master = 77;
	free(planned(f));
	assert_int_equal(f->plans[2].state, ROUTE_UPLINK_DOWN);
	assert_string_equal(f->plans[2].reason, "interface 'eth2' is a port of another");
}

static void of_equal_metrics_the_preferred_router_counts(void **state)
{
	struct fixture *f = *state;
	size_t first = f->facts.main_count;

	f->uplinks[2].gateway6 = (struct conf_gateway){.kind = CONF_GATEWAY_AUTO};
	add_address(f, 7, "2001:db8:3::2", 64, true);
	add_main_default(f, 7, "fe80::1", IP_V6, 1024);
	add_main_default(f, 7, "fe80::2", IP_V6, 1024);
	assert_plan_has(f, "route 6 default via fe80::1 dev eth2 table 203", true);
	f->facts.main[first + 1].preference = 1;
	assert_plan_has(f, "route 6 default via fe80::2 dev eth2 table 203", true);
	f->facts.main[first + 1].preference = 0;
	f->facts.main[first].preference = -1;
	assert_plan_has(f, "route 6 default via fe80::2 dev eth2 table 203", true);
	f->facts.main[first + 1].metric = 2048;
	assert_plan_has(f, "route 6 default via fe80::1 dev eth2 table 203", true);
}

static void assert_address(const struct ip_addr *addr, const char *text)
{
	char buffer[IP_TEXT_SIZE];

	assert_string_equal(addr->family == IP_NONE ? "" : ip_format(addr, buffer), text);
}

static void the_source_is_the_first_global_address_that_will_stay(void **state)
{
	struct fixture *f = *state;

	free(planned(f));
	assert_address(&f->plans[0].source4, "195.96.98.254");
	assert_address(&f->plans[0].source6, "");
	assert_address(&f->plans[1].source6, "2001:db8:2::2");
	add_address(f, 6, "2001:db8:3::2", 64, true);
	add_address(f, 6, "2001:db8:4::2", 64, true);
	f->facts.addresses[2].waning = true;
	free(planned(f));
	assert_address(&f->plans[1].source6, "2001:db8:3::2");
	f->facts.addresses[5].waning = f->facts.addresses[6].waning = true;
	free(planned(f));
	assert_address(&f->plans[1].source6, "2001:db8:2::2");
}

static void a_gateway_off_the_subnet_is_onlink(void **state)
{
	struct fixture *f = *state;
	struct route_route connected = {.family = IP_V4,
					.type = ROUTE_TYPE_UNICAST,
					.table = ROUTE_MAIN_TABLE,
					.destination_length = 24,
					.destination = address("192.0.2.0"),
					.index = 7};

	f->uplinks[2].gateway.address = address("192.0.2.1");
	assert_plan_has(f, "default via 192.0.2.1 dev eth2 table 203 proto 87 onlink\n", true);
	assert_int_equal(route_facts_add_main(&f->facts, &connected), 0);
	assert_plan_has(f, "default via 192.0.2.1 dev eth2 table 203 proto 87\n", true);
}

static void two_uplinks_may_share_a_gateway_and_an_address(void **state)
{
	struct fixture *f = *state;

	f->uplinks[1].interface = "eth2";
	f->uplinks[1].gateway = f->uplinks[2].gateway;
	assert_plan_has(f, "default via 10.3.0.1 dev eth2 table 202", true);
	assert_plan_has(f, "default via 10.3.0.1 dev eth2 table 203", true);
	assert_plan_has(f, "from 10.3.0.2 lookup 202", true);
	assert_plan_has(f, "from 10.3.0.2 lookup 203", false);
}

static void ipv6_is_not_steered_into_a_tunnel_that_has_none(void **state)
{
	struct fixture *f = *state;

	add_address(f, 5, "fe80::5", 64, false);
	assert_plan_has(f, "route 6 default dev ppp0", false);
	f->uplinks[0].gateway6.kind = CONF_GATEWAY_NONE;
	assert_plan_has(f, "route 6 default dev ppp0 table 201 proto 87\n", true);
	f->uplinks[0].gateway6.kind = CONF_GATEWAY_DEFAULT;
	add_address(f, 5, "2001:db8:5::5", 64, true);
	assert_plan_has(f, "route 6 default dev ppp0 table 201 proto 87\n", true);
}

static void a_kernel_without_ipv6_is_left_alone(void **state)
{
	struct fixture *f = *state;

	f->facts.ipv6 = false;
	f->uplinks[2].on_down = CONF_DOWN_BLOCK;
	assert_plan_has(f, "rule 6", false);
	assert_plan_has(f, "route 6", false);
}

static void ownership_is_protocol_and_place(void **state)
{
	struct fixture *f = *state;
	struct route_scope scope;
	struct route_rule rule = {.family = IP_V4, .protocol = 87, .priority = 20499, .table = 9};
	struct route_route route = {.family = IP_V4, .protocol = 87, .table = 202};

	f->uplinks[1].table = ROUTE_MAIN_TABLE; /* never ours */
	assert_int_equal(route_scope_init(&scope, &f->conf), 0);
	assert_true(route_scope_owns_rule(&scope, &rule));
	rule.priority = 20500;
	assert_false(route_scope_owns_rule(&scope, &rule));
	rule.table = 203;
	assert_true(route_scope_owns_rule(&scope, &rule));
	rule.protocol = 4;
	assert_false(route_scope_owns_rule(&scope, &rule));
	assert_false(route_scope_owns_route(&scope, &route));
	route.table = 203;
	assert_true(route_scope_owns_route(&scope, &route));
	route.table = ROUTE_MAIN_TABLE;
	assert_false(route_scope_owns_route(&scope, &route));
	route_scope_release(&scope);
}

/* --- diff --- */

static uint32_t random_below(uint32_t *seed, uint32_t limit)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % limit;
}

/* From a domain so small that duplicates, near misses and conflicts are common. */
static struct route_rule random_rule(uint32_t *seed, bool ours)
{
	struct route_rule rule = {
		.family = random_below(seed, 2) ? IP_V4 : IP_V6,
		.protocol = ours || random_below(seed, 2) ? 87 : 3,
		.priority = ours ? 20000 + random_below(seed, 3)
				 : (random_below(seed, 2) ? 19999 : 20498) + random_below(seed, 3),
		.table = ours ? 201 + random_below(seed, 2) : 200 + random_below(seed, 4),
		.fwmark = random_below(seed, 3),
		.fwmask = 0x7f,
		.suppress_prefix_length = random_below(seed, 2) ? -1 : 1,
		.invert = random_below(seed, 4) == 0,
		.strange = !ours && random_below(seed, 8) == 0,
	};

	return rule;
}

static struct route_route random_route(uint32_t *seed, bool ours)
{
	struct route_route route = {
		.family = random_below(seed, 2) ? IP_V4 : IP_V6,
		.protocol = ours || random_below(seed, 3) ? 87 : 3,
		.type = random_below(seed, 4) ? ROUTE_TYPE_UNICAST : ROUTE_TYPE_UNREACHABLE,
		.table = ours ? 201 + random_below(seed, 3) : 200 + random_below(seed, 5),
		.metric = random_below(seed, 2) ? 0 : ROUTE_BLOCK_METRIC,
		.index = 5 + random_below(seed, 3),
		.onlink = random_below(seed, 4) == 0,
		.strange = !ours && random_below(seed, 8) == 0,
	};

	return route;
}

static bool same_key(const struct route_route *a, const struct route_route *b)
{
	return a->family == b->family && a->table == b->table && a->metric == b->metric;
}

/* A state as a plan makes them: no two rules alike, no two routes with one key. */
static void random_wanted(uint32_t *seed, struct route_state *state)
{
	for (uint32_t n = random_below(seed, 8); n > 0; n--) {
		struct route_rule rule = random_rule(seed, true);
		bool is_new = true;

		for (size_t i = 0; i < state->rule_count; i++)
			is_new = is_new && route_rule_compare(&state->rules[i], &rule) != 0;
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

static void random_present(uint32_t *seed, const struct route_state *wanted,
			   struct route_state *state)
{
	for (uint32_t n = random_below(seed, 12); n > 0; n--) {
		struct route_rule rule = random_rule(seed, false);

		if (wanted->rule_count && random_below(seed, 2))
			rule = wanted->rules[random_below(seed, (uint32_t)wanted->rule_count)];
		assert_int_equal(route_state_add_rule(state, &rule), 0);
	}
	for (uint32_t n = random_below(seed, 12); n > 0; n--) {
		struct route_route route = random_route(seed, false);

		if (wanted->route_count && random_below(seed, 2))
			route = wanted->routes[random_below(seed, (uint32_t)wanted->route_count)];
		assert_int_equal(route_state_add_route(state, &route), 0);
	}
}

static void apply(const struct route_state *present, const struct route_changes *changes,
		  struct route_state *after)
{
	bool *gone_rules = calloc(present->rule_count + 1, sizeof(bool));
	bool *gone_routes = calloc(present->route_count + 1, sizeof(bool));

	assert_true(gone_rules && gone_routes);
	for (size_t i = 0; i < changes->count; i++) {
		const struct route_change *c = &changes->items[i];

		assert_true((c->rule != NULL) != (c->route != NULL));
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

static size_t count_rules(const struct route_state *state, const struct route_rule *rule)
{
	size_t count = 0;

	for (size_t i = 0; i < state->rule_count; i++)
		count += route_rule_compare(&state->rules[i], rule) == 0;
	return count;
}

static size_t count_routes(const struct route_state *state, const struct route_route *route)
{
	size_t count = 0;

	for (size_t i = 0; i < state->route_count; i++)
		count += route_route_compare(&state->routes[i], route) == 0;
	return count;
}

/* Another's route does what is wanted, so ours is not needed. */
static bool done_by_another(const struct route_state *present, const struct route_scope *scope,
			    const struct route_route *wanted)
{
	for (size_t i = 0; i < present->route_count; i++) {
		const struct route_route *r = &present->routes[i];

		if (!route_scope_owns_route(scope, r) && same_key(r, wanted) &&
		    r->type == wanted->type && r->index == wanted->index)
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
			    done_by_another(present, scope, &wanted->routes[i]));
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

static void any_present_state_becomes_the_wanted_one_and_then_nothing_is_sent(void **state)
{
	struct fixture *f = *state;
	struct route_scope scope;
	uint32_t seed = 20000;

	assert_int_equal(route_scope_init(&scope, &f->conf), 0);
	for (int round = 0; round < 20000; round++) {
		struct route_state present = {0}, wanted = {0}, after = {0};
		struct route_changes changes = {0}, again = {0};
		bool deleting = false;

		random_wanted(&seed, &wanted);
		random_present(&seed, &wanted, &present);
		assert_int_equal(route_diff(&present, &wanted, &scope, 1, &changes), 0);
		for (size_t i = 0; i < changes.count; i++) {
			bool deletion = changes.items[i].kind == ROUTE_DELETE;

			assert_false(deleting && !deletion); /* additions first */
			deleting = deletion;
		}
		apply(&present, &changes, &after);
		assert_is_wanted(&present, &after, &wanted, &scope);
		assert_int_equal(route_diff(&after, &wanted, &scope, 1, &again), 0);
		assert_int_equal(again.count, 0);
		route_changes_release(&changes);
		route_changes_release(&again);
		route_state_release(&present);
		route_state_release(&wanted);
		route_state_release(&after);
	}
	route_scope_release(&scope);
}

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

/* --- table names --- */

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

static void table_names_go_to_a_file_of_our_own_and_never_to_anothers(void **state)
{
	struct fixture *f = *state;
	struct diag_list diags = DIAG_LIST_INIT;
	char top[] = "/tmp/test_route.XXXXXX", directory[64], path[96], users[64], text[512];

	assert_non_null(mkdtemp(top));
	snprintf(directory, sizeof(directory), "%s/rt_tables.d", top);
	snprintf(path, sizeof(path), "%s/waymark.conf", directory);
	f->uplinks[1].table_name = "cabletable";
	route_tables_register(top, &f->conf, &diags);
	read_text(path, text, sizeof(text));
	assert_non_null(strstr(text, "\n201 mail.out\n"));
	assert_non_null(strstr(text, "\n203 isdn\n"));
	assert_null(strstr(text, "202"));
	route_tables_unregister(top, &diags);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(diags.count, 0);

	/* a name or a table that the user's own files have keeps what it has there */
	snprintf(users, sizeof(users), "%s/rt_tables", top);
	write_text(users, "300 isdn\n201 line\n");
	route_tables_register(top, &f->conf, &diags);
	read_text(path, text, sizeof(text));
	assert_null(strstr(text, "\n20"));
	assert_int_equal(diags.warnings, 1);
	assert_string_equal(diags.items[0].message,
			    "uplink 'mail.out': table 201 keeps its name 'line'");
	assert_string_equal(diags.items[1].message,
			    "uplink 'isdn': table 203 gets no name: table 300 has it in rt_tables");
	unlink(users);

	/* nor what iproute2 would read as a number or a word */
	diag_list_release(&diags);
	f->uplinks[0].name = "0x64";
	f->uplinks[2].name = "all";
	route_tables_register(top, &f->conf, &diags);
	read_text(path, text, sizeof(text));
	assert_null(strstr(text, "\n20"));
	assert_int_equal(diags.warnings, 2);
	diag_list_release(&diags);

	write_text(path, "201 mine\n");
	route_tables_register(top, &f->conf, &diags);
	assert_int_equal(diags.warnings, 1);
	route_tables_unregister(top, &diags);
	read_text(path, text, sizeof(text));
	assert_string_equal(text, "201 mine\n");
	unlink(path);
	rmdir(directory);
	rmdir(top);
	diag_list_release(&diags);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_classic_policy_is_planned_in_the_order_of_the_three_kinds),
		TEST(marks_stand_where_the_mask_puts_them),
		TEST(without_main_first_rule_a_is_left_out),
		TEST(in_mode_observe_nothing_is_wanted),
		TEST(a_disabled_uplink_has_no_rule_and_no_route),
		TEST(a_missing_interface_is_a_state_and_its_mark_falls_to_main),
		TEST(a_lost_carrier_takes_the_default_and_leaves_the_rules),
		TEST(auto_without_a_default_in_main_is_no_gateway),
		TEST(a_blocking_uplink_is_unreachable_in_both_families_up_or_down),
		TEST(a_down_uplink_is_carried_by_the_one_that_stands_in),
		TEST(a_failed_uplink_keeps_its_line_and_its_mark_goes_to_main),
		TEST(a_failed_uplinks_mark_follows_the_stand_in_behind_the_addresses),
		TEST(a_failed_uplink_that_blocks_has_an_unreachable_rule),
		TEST(without_its_link_it_makes_no_difference_that_an_uplink_has_failed),
		TEST(an_uplink_carried_by_a_failed_one_is_not),
		TEST(a_link_in_a_vrf_is_refused_by_name),
		TEST(a_port_of_a_bridge_is_down_and_says_whose_it_is),
		TEST(of_equal_metrics_the_preferred_router_counts),
		TEST(the_source_is_the_first_global_address_that_will_stay),
		TEST(a_gateway_off_the_subnet_is_onlink),
		TEST(two_uplinks_may_share_a_gateway_and_an_address),
		TEST(ipv6_is_not_steered_into_a_tunnel_that_has_none),
		TEST(a_kernel_without_ipv6_is_left_alone),
		TEST(ownership_is_protocol_and_place),
		TEST(any_present_state_becomes_the_wanted_one_and_then_nothing_is_sent),
		TEST(mark_bits_outside_the_mask_make_no_difference),
		TEST(a_changed_gateway_is_replaced_in_one_step),
		TEST(a_route_of_anothers_is_never_replaced),
		TEST(a_route_of_anothers_that_does_it_is_left_to_do_it),
		TEST(a_route_with_more_than_we_write_is_replaced),
		TEST(a_table_of_an_earlier_configuration_is_cleaned_by_its_scope),
		TEST(table_names_go_to_a_file_of_our_own_and_never_to_anothers),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
