/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor: marks, priorities and tables that others use too, the lines themselves, and mends.
 *
 * Edits of the configuration are run by a shell on files that are made here, as a user would.
 */
#include "doctor_support.h"

/* ---- marks, priorities, tables ---- */

static void rules_of_others_that_look_at_our_bits(void **state)
{
	(void)state;
	sound("mark = { mask = 0xff; };\n" TWO_UPLINKS);
	add_rule((struct route_rule){.priority = 5210,
				     .table = 52,
				     .fwmark = 0x80000,
				     .fwmask = 0xff0000,
				     .protocol = 3});
	add_rule((struct route_rule){.priority = 20001,
				     .table = 301,
				     .fwmark = 1,
				     .fwmask = 0x7f,
				     .protocol = 87}); /* ours */
	assert_sound();
	add_rule((struct route_rule){
		.priority = 1000, .table = 100, .fwmark = 0x10, .fwmask = 0xf0, .protocol = 3});
	assert_found("mark-rules", "ip -4 rule 'pref 1000 fwmark 0x10/0xf0 lookup 100",
		     "mask = 0xff000000L/' waymark.conf");
	assert_int_equal(doctor_free_mask(facts), 0xff000000);
}

static void a_rule_that_compares_the_whole_mark(void **state)
{
	(void)state;
	sound("mark = { mask = 0xff; };\n" TWO_UPLINKS);
	add_rule((struct route_rule){.priority = 32764,
				     .table = 51820,
				     .fwmark = 0xca6c,
				     .fwmask = UINT32_MAX,
				     .invert = true});
	assert_noted("mark-rules", "compares the whole mark");
	/* our marks alone can equal this one */
	add_rule((struct route_rule){
		.priority = 100, .table = 100, .fwmark = 1, .fwmask = UINT32_MAX});
	assert_found("mark-rules", "fwmark 0x1/0xffffffff", "mask = 0xff000000L");
}

static void a_free_mask_keeps_to_bits_that_nobody_has(void **state)
{
	(void)state;
	sound("mark = { mask = 0xf; };\n" TWO_UPLINKS);
	/* 0xf is ours, 0xf0 is touched by wg-quick's habit as all below 0x1000000 is by some */
	assert_int_equal(doctor_free_mask(facts), 0x0f000000);
	add_rule((struct route_rule){.priority = 1, .fwmark = 0x1000000, .fwmask = 0x1000000});
	assert_int_equal(doctor_free_mask(facts), 0x1e000000);
	/* with all of those taken, habits of programs that are not here count no more */
	add_rule((struct route_rule){.priority = 2, .fwmark = 0, .fwmask = 0xff000000});
	assert_int_equal(doctor_free_mask(facts), 0xf);
	add_rule((struct route_rule){.priority = 3, .fwmark = 0, .fwmask = 0x00ffffff});
	assert_int_equal(doctor_free_mask(facts), 0);
	judge();
	assert_int_equal(list.problems, 2); /* and wg-quick's value reads as provisional */
	assert_string_equal(list.items[0].check, "mark-rules");
	assert_string_equal(list.items[0].mend,
			    "ip -4 rule del pref 3 fwmark 0x0/0xffffff lookup 0 protocol 0");
}

static void targets_of_others_that_write_our_bits(void **state)
{
	static const char *const writers[] = {
		"-A PREROUTING -j MARK --set-xmark 0x40/0x40",
		"-A PREROUTING -j MARK --set-xmark 0x0/0x80",
		"-A PREROUTING -m comment --comment \"a b\" -j CONNMARK --set-xmark 0x1/0xffff",
		"-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff00",
		"-A PREROUTING -j CONNMARK --save-mark --nfmask 0xff00 --ctmask 0xff",
		"-A PREROUTING -p tcp -j TPROXY --on-port 1 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1",
	};
	static const char *const others[] = {
		"-A PREROUTING -j MARK --set-xmark 0x4000/0x4000",
		"-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff00 --ctmask 0xff",
		"-A PREROUTING -m mark --mark 0x40/0x40 -j ACCEPT",
		"-A WAYMARK-PRE -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		sound("mark = { mask = 0xff; };\n" TWO_UPLINKS);
		snprintf(text, sizeof(text), "*mangle\n%s\nCOMMIT\n", writers[i]);
		doctor_rules_parse(&facts->rules, text, IP_V4, false);
		assert_found("mark-targets", writers[i], "mask = 0xff000000L");
		forget();
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		sound("mark = { mask = 0xff; };\n" TWO_UPLINKS);
		snprintf(text, sizeof(text), "*mangle\n%s\nCOMMIT\n", others[i]);
		doctor_rules_parse(&facts->rules, text, IP_V4, false);
		assert_sound();
		forget();
	}
	sound("mark = { mask = 0xff; };\n" TWO_UPLINKS);
	doctor_rules_parse(&facts->rules,
			   "*mangle\n-A OUTPUT -j MARK --set-xmark 0xca6c/0xffffffff\nCOMMIT\n",
			   IP_V4, false);
	/* no mask is free of it */
	assert_found("mark-targets", "0xca6c",
		     "iptables -w -t mangle -D OUTPUT -j MARK --set-xmark 0xca6c/0xffffffff");
}

static void habits_of_known_programs_are_told_by_name(void **state)
{
	(void)state;
	sound("mark = { mask = 0xff0000; };\n" TWO_UPLINKS);
	assert_found("mark-habits", "Tailscale", "mask = 0xff000000L");
}

static void rules_of_others_within_our_priorities(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	add_rule((struct route_rule){.priority = 19999, .table = 7, .protocol = 3});
	add_rule((struct route_rule){.priority = 20500, .table = 7, .protocol = 3});
	assert_sound();
	add_rule((struct route_rule){.priority = 20499, .table = 7, .protocol = 3});
	/* from 20500 on there is one as well */
	assert_found("priorities", "within our priorities 20000 to 20499: ip -4 rule 'pref 20499",
		     "routing = { priority = 21000; };");
}

static void rules_with_our_number_that_are_not_of_our_making(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	add_rule((struct route_rule){.priority = 20003, .table = 301, .protocol = 87});
	assert_sound(); /* may well be ours */
	add_rule((struct route_rule){
		.priority = 20003, .table = 301, .protocol = 87, .strange = true});
	assert_found("priorities", "carries routing.protocol 87", "protocol = 100");
}

static void foreign_routes_in_our_tables(void **state)
{
	struct route_route route = {
		.family = IP_V4,
		.protocol = 3,
		.type = ROUTE_TYPE_UNICAST,
		.table = 302,
		.index = 4,
		.gateway = {.family = IP_NONE},
	};

	(void)state;
	sound(TWO_UPLINKS);
	route.gateway = address("203.0.113.1");
	assert_int_equal(route_state_add_route(&facts->routes.wanted, &route), 0);
	assert_int_equal(route_state_add_route(&facts->routes.present, &route), 0);
	assert_sound(); /* it does the same job */
	route.destination_length = 24;
	route.destination = address("192.0.2.0");
	assert_int_equal(route_state_add_route(&facts->routes.present, &route), 0);
	assert_noted("tables", "192.0.2.0/24");
	route.destination_length = 0;
	route.destination = (struct ip_addr){.family = IP_NONE};
	route.gateway = address("203.0.113.9");
	assert_int_equal(route_state_add_route(&facts->routes.present, &route), 0);
	assert_found("tables", "table 302 of an uplink holds a route of another's",
		     "ip -4 route del default via 203.0.113.9");
	assert_int_equal(list.items[0].severity, DOCTOR_ERROR);
}

/* ---- uplinks and others ---- */

static void lines_that_are_not_there_are_notes(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	snprintf(facts->links[3].name, sizeof(facts->links[3].name), "other");
	assert_noted("uplinks", "interface wan2 of uplink 'dsl' does not exist");
	snprintf(facts->links[3].name, sizeof(facts->links[3].name), "wan2");
	facts->links[3].carrier = false;
	assert_noted("uplinks", "has no carrier");
	facts->links[3].up = false;
	assert_noted("uplinks", "is down");
	facts->links[3].up = facts->links[3].carrier = true;
	facts->links[3].mtu = 1492;
	assert_noted("uplinks", "wan2 has an MTU of 1492, wan1 of 1500");
}

static void lines_that_cannot_work_are_found(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->routes.facts.addresses[3].global = false;
	assert_found("uplinks", "interface wan2 of uplink 'dsl' has no address",
		     "dhclient -v wan2");
	facts->others.networkd = facts->others.networkd_keeps = true;
	assert_found("uplinks", "wan2", "networkctl renew wan2");
	facts->others.network_manager = true;
	assert_found("uplinks", "wan2", "nmcli device reapply wan2");
	facts->others.network_manager = facts->others.networkd = false;
	facts->others.dhcp = "udhcpc -n -q -i";
	assert_found("uplinks", "wan2", "udhcpc -n -q -i wan2");
	facts->routes.facts.addresses[3].global = true;
	facts->routes.uplinks[1].default4 = facts->routes.uplinks[1].default6 = false;
	assert_found("uplinks", "uplink 'dsl' has no gateway", "udhcpc");
	facts->routes.uplinks[1].default4 = facts->routes.uplinks[1].default6 = true;
	add_link(9, "blue");
	snprintf(facts->links[4].kind, sizeof(facts->links[4].kind), "vrf");
	facts->links[3].master = 9;
	assert_found("uplinks", "belongs to a VRF", "ip link set dev wan2 nomaster");
	assert_int_equal(list.items[0].severity, DOCTOR_ERROR);
}

static void uplinks_that_share_an_interface(void **state)
{
	(void)state;
	sound("uplinks = ( { name = \"a\"; interface = \"wan1\"; }, { name = \"b\"; interface = "
	      "\"wan1\"; } "
	      ");\n");
	assert_noted("uplinks", "uplinks 'a' and 'b' share interface wan1");
}

static void lines_without_ipv6_beside_others(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->routes.uplinks[0].default6 = false;
	assert_found("ipv6", "uplink 'cable' carries IPv4 only, and 'dsl' carries IPv6",
		     "sed -i '2s/{/& on_down = \"block\";/' waymark.conf");
	facts->routes.uplinks[1].default6 = false;
	assert_sound(); /* nobody has it */
	forget();
	sound("uplinks = ( { name = \"a\"; interface = \"wan1\"; on_down = \"block\"; },\n"
	      "            { name = \"b\"; interface = \"wan2\"; } );\n");
	facts->routes.uplinks[0].default6 = false;
	assert_sound();
	facts->routes.uplinks[0].default6 = true;
	assert_noted("ipv6", "2 uplinks carry IPv6, and 'b' has no nat");
	snprintf(facts->ipv4_rules, sizeof(facts->ipv4_rules), "'guests'");
	assert_noted("ipv6", "rules that name IPv4 addresses only: 'guests'");
}

static void other_managers_of_the_network(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->others.networkd = true;
	assert_found("others", "systemd-networkd", "ManageForeignRoutingPolicyRules=no");
	facts->others.networkd_keeps = true;
	assert_sound();
	facts->others.network_manager = facts->others.mwan3 = facts->others.pbr = true;
	assert_noted("others", "NetworkManager runs");
	assert_noted("others", "mwan3 is here");
	assert_noted("others", "pbr is here");
}

static void networkd_is_read_as_it_reads(void **state)
{
	bool keeps = false;

	(void)state;
	put("networkd.conf", "[DHCPv4]\nManageForeignRoutingPolicyRules=no\n");
	assert_false(doctor_networkd_read("networkd.conf", &keeps));
	put("networkd.conf", "# a\n[Network]\n#ManageForeignRoutingPolicyRules=yes\n"
			     "ManageForeignRoutingPolicyRules = no \n[DHCPv4]\n");
	assert_true(doctor_networkd_read("networkd.conf", &keeps));
	assert_true(keeps);
	put("networkd.conf", "[Network]\r\nManageForeignRoutingPolicyRules=True\r\n");
	assert_true(doctor_networkd_read("networkd.conf", &keeps));
	assert_false(keeps);
	assert_false(doctor_networkd_read("missing.conf", &keeps));
}

/* ---- words ---- */

static void a_word_is_what_a_shell_reads_back(void **state)
{
	char word[DOCTOR_WORD_SIZE], long_name[300];

	(void)state;
	assert_string_equal(doctor_word("eth0.100", word), "eth0.100");
	assert_string_equal(doctor_word("$(reboot)", word), "'$(reboot)'");
	assert_string_equal(doctor_word("a'b", word), "'a'\\''b'");
	assert_string_equal(doctor_word("", word), "''");
	memset(long_name, '\'', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_true(strlen(doctor_word(long_name, word)) < DOCTOR_WORD_SIZE);
	assert_string_equal(doctor_conf_key("ipv4", "wan1", "rp_filter", word),
			    "net.ipv4.conf.wan1.rp_filter");
	assert_string_equal(doctor_conf_key("ipv4", "eth0.7", "rp_filter", word),
			    "net/ipv4/conf/eth0.7/rp_filter");
}

/* The edit is run, and the configuration then says what it should. */
static void edited(const char *before, const char *group, size_t uplink, const char *key,
		   const char *value, const char *after)
{
	char line[DOCTOR_LINE_SIZE], text[1024] = "";
	FILE *file;

	put("waymark.conf", before);
	doctor_edit("waymark.conf", group, uplink, key, value, line);
	strncat(line, " >/dev/null", sizeof(line) - strlen(line) - 1);
	assert_int_equal(system(line), 0);
	file = fopen("waymark.conf", "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(text, after);
}

static void an_edit_changes_the_key_and_nothing_else(void **state)
{
	(void)state;
	edited("# mask = 1\nmark = { mask = 0xff; }; # ours\n", "mark", DOCTOR_NO_UPLINK, "mask",
	       "0xff00", "# mask = 1\nmark = { mask = 0xff00; }; # ours\n");
	edited("mark : {\n  mask : 0xff000000L\n}\n", "mark", DOCTOR_NO_UPLINK, "mask", "0xff00",
	       "mark : {\n  mask = 0xff00\n}\n");
	edited("queue = { count = 2; };\n", "queue", DOCTOR_NO_UPLINK, "first", "8",
	       "queue = { first = 8; count = 2; };\n");
	edited("mode = \"observe\";\n", "mark", DOCTOR_NO_UPLINK, "mask", "0xff00",
	       "mark = { mask = 0xff00; };\nmode = \"observe\";\n");
	edited(TWO_UPLINKS, "uplinks", 1, "on_down", "\"block\"",
	       "uplinks = (\n"
	       "  { name = \"cable\"; interface = \"wan1\"; table = 301; mark = 1; nat = true; },\n"
	       "  { on_down = \"block\"; name = \"dsl\"; interface = \"wan2\"; table = 302; mark = "
	       "2; nat = "
	       "true; }\n);\n");
	edited("uplinks = (\n{ name = \"a\"; interface = \"b\";\n on_down = \"main\"; });\n",
	       "uplinks", 0, "on_down", "\"block\"",
	       "uplinks = (\n{ name = \"a\"; interface = \"b\";\n on_down = \"block\"; });\n");
}

static void what_cannot_be_edited_is_said_and_stays(void **state)
{
	(void)state;
	/* the brace is on another line than the name */
	edited("mark =\n{\n};\n", "mark", DOCTOR_NO_UPLINK, "mask", "1", "mark =\n{\n};\n");
	/* two entries on one line: the first would get what is meant for the second */
	edited("uplinks = ( { name = \"a\"; }, { name = \"b\"; } );\n", "uplinks", 1, "on_down",
	       "\"block\"", "uplinks = ( { name = \"a\"; }, { name = \"b\"; } );\n");
	edited("mark = { mask = 0xff; }; # mask = 0xf before\n", "mark", DOCTOR_NO_UPLINK, "mask",
	       "1", "mark = { mask = 0xff; }; # mask = 0xf before\n");
	edited("", "mark", DOCTOR_NO_UPLINK, "mask", "1", "");
	edited("mark = {", "mark", DOCTOR_NO_UPLINK, "mask", "1", "mark = {");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, end_test)
	const struct CMUnitTest tests[] = {
		TEST(rules_of_others_that_look_at_our_bits),
		TEST(a_rule_that_compares_the_whole_mark),
		TEST(a_free_mask_keeps_to_bits_that_nobody_has),
		TEST(targets_of_others_that_write_our_bits),
		TEST(habits_of_known_programs_are_told_by_name),
		TEST(rules_of_others_within_our_priorities),
		TEST(rules_with_our_number_that_are_not_of_our_making),
		TEST(foreign_routes_in_our_tables),
		TEST(lines_that_are_not_there_are_notes),
		TEST(lines_that_cannot_work_are_found),
		TEST(uplinks_that_share_an_interface),
		TEST(lines_without_ipv6_beside_others),
		TEST(other_managers_of_the_network),
		TEST(networkd_is_read_as_it_reads),
		TEST(a_word_is_what_a_shell_reads_back),
		TEST(an_edit_changes_the_key_and_nothing_else),
		TEST(what_cannot_be_edited_is_said_and_stays),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
