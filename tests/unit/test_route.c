/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pure half of the route module: what is planned from which facts, and the names of tables.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "route_support.h"

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
	assert_plan_has(f, "rule 4 pref 20003 fwmark 0x3/0x7f oif eth2 lookup 203 protocol 87\n",
			true);
	assert_plan_has(f, "pref 20499", false);
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
	assert_plan_has(f, "pref 20003 fwmark 0x3/0x7f lookup", false);
	assert_plan_has(f, "pref 20003 fwmark 0x3/0x7f oif eth2 lookup 203", true);
	assert_plan_has(f, "via 10.3.0.1 dev eth2 table 203", true);
	/* who stands in must work by its link and by its probes */
	f->uplinks[1].on_down = CONF_DOWN_UPLINK;
	f->uplinks[1].on_down_target = "mail.out";
	fail_uplink(f, 1);
	assert_plan_has(f, "rule 4 pref 20499 fwmark 0x3/0x7f lookup 201 protocol 87\n", true);
	assert_plan_has(f, "rule 4 pref 20499 fwmark 0x2/0x7f lookup 201 protocol 87\n", true);
	fail_uplink(f, 0);
	assert_plan_has(f, "pref 20499", false);
	assert_plan_has(f, "fwmark 0x1/0x7f lookup", false);
}

static void a_failed_uplink_that_blocks_has_an_unreachable_rule(void **state)
{
	struct fixture *f = *state;

	f->uplinks[2].on_down = CONF_DOWN_BLOCK;
	fail_uplink(f, 2);
	assert_plan_has(f, "rule 4 pref 20499 fwmark 0x3/0x7f unreachable protocol 87\n", true);
	assert_plan_has(f, "rule 6 pref 20499 fwmark 0x3/0x7f unreachable protocol 87\n", true);
	assert_plan_has(f, "route 4 default via 10.3.0.1 dev eth2 table 203", true);
	assert_plan_has(f, "pref 20003 fwmark 0x3/0x7f oif eth2 lookup 203", true);
}

static void a_line_carried_by_one_that_blocks_is_blocked(void **state)
{
	struct fixture *f = *state;

	f->uplinks[2].on_down = CONF_DOWN_UPLINK;
	f->uplinks[2].on_down_target = "cable";
	f->uplinks[1].on_down = CONF_DOWN_BLOCK;
	f->facts.links[2].up = f->facts.links[3].up = false;
	assert_plan_has(f, "route 4 unreachable default table 203", true);
	f->facts.links[3].up = true;
	assert_plan_has(f, "unreachable default table 203", false);
	fail_uplink(f, 2);
	assert_plan_has(f, "rule 4 pref 20499 fwmark 0x3/0x7f unreachable protocol 87\n", true);
}

static void a_group_that_is_down_does_what_its_first_member_says(void **state)
{
	static struct conf_member members[] = {{.uplink = 1, .weight = 1},
					       {.uplink = 0, .weight = 1}};
	static struct conf_group group = {.name = "spare", .members = members, .member_count = 2};
	struct fixture *f = *state;

	f->conf.groups = &group;
	f->conf.group_count = 1;
	f->uplinks[2].on_down = CONF_DOWN_GROUP;
	f->uplinks[2].on_down_target = "spare";
	f->facts.links[3].up = false;
	assert_plan_has(f, "route 4 default via 10.2.0.1 dev eth1 table 203", true);
	f->facts.links[2].up = false;
	assert_plan_has(f, "route 4 default dev ppp0 table 203", true);
	f->facts.links[1].up = false;
	assert_plan_has(f, "table 203 ", false);
	f->uplinks[1].on_down = CONF_DOWN_BLOCK;
	assert_plan_has(f, "route 4 unreachable default table 203", true);
	f->conf.groups = NULL;
	f->conf.group_count = 0;
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
		TEST(a_line_carried_by_one_that_blocks_is_blocked),
		TEST(a_group_that_is_down_does_what_its_first_member_says),
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
		TEST(table_names_go_to_a_file_of_our_own_and_never_to_anothers),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
