/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor: the machine as a router, and the order in which findings are told.
 *
 * The kernel's options, sysctls, conntrack and bridges. The list of options is read from files that
 * are made here.
 */
#include "doctor_support.h"

#include <zlib.h>

static size_t option(const char *symbol)
{
	for (size_t i = 0; i < doctor_option_count(); i++)
		if (strcmp(doctor_options[i].symbol, symbol) == 0)
			return i;
	fail_msg("no option %s", symbol);
	return 0;
}

/* ---- the whole ---- */

static void a_sound_machine_has_no_findings(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	assert_sound();
	forget();
	sound(""); /* nothing configured, nothing to break */
	assert_sound();
}

static void worst_come_first_and_notes_count_for_nothing(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->sysctls.conntrack_acct = 0;
	facts->sysctls.conntrack_loose = 0;
	facts->firewall.chosen_installed = false;
	judge();
	assert_int_equal(list.problems, 2);
	assert_int_equal(list.items[0].severity, DOCTOR_ERROR);
	assert_int_equal(list.items[1].severity, DOCTOR_WARNING);
	assert_int_equal(list.items[2].severity, DOCTOR_NOTE);
}

static void what_is_unknown_is_never_found(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	memset(&facts->sysctls, 0xff, sizeof(facts->sysctls)); /* all DOCTOR_UNKNOWN */
	for (size_t i = 0; i < facts->link_count; i++)
		facts->links[i].rp_filter = facts->links[i].src_valid_mark =
			facts->links[i].accept_ra = facts->links[i].forwarding6 = DOCTOR_UNKNOWN;
	memset(facts->kernel.options, 0, sizeof(facts->kernel.options));
	facts->routes_known = false;
	facts->nft.known = false;
	facts->queues_known = false;
	facts->firewall.hidden[FIREWALL_NFT] = true;
	doctor_rules_release(&facts->rules);
	assert_noted("privilege", "rules of iptables and nf_tables, who owns the queues");
	assert_noted("kernel", "nowhere to be read");
}

/* ---- the kernel ---- */

static void a_missing_option_is_named_by_its_symbol(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->kernel.options[option("IP_MULTIPLE_TABLES")] = DOCTOR_OPTION_NO;
	assert_found("kernel", "CONFIG_IP_MULTIPLE_TABLES",
		     "scripts/config --enable IP_MULTIPLE_TABLES");
	/* what is seen to work is there, whatever a list says */
	facts->kernel.works[option("IP_MULTIPLE_TABLES")] = true;
	assert_sound();
}

static void options_that_nothing_needs_may_be_missing(void **state)
{
	(void)state;
	sound("mode = \"observe\"; firewall = { manage = false; };\n" TWO_UPLINKS);
	facts->kernel.options[option("IP_MULTIPLE_TABLES")] = DOCTOR_OPTION_NO;
	facts->kernel.options[option("NETFILTER_XT_TARGET_NFQUEUE")] = DOCTOR_OPTION_NO;
	facts->kernel.options[option("NF_CONNTRACK_MARK")] = DOCTOR_OPTION_NO;
	facts->kernel.options[option("IP_SET")] = DOCTOR_OPTION_NO;
	assert_sound();
	facts->uses_sets = true;
	assert_found("kernel", "CONFIG_IP_SET", "IP_SET");
}

static void the_tables_of_the_other_variant_are_not_needed(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->kernel.options[option("IP_NF_SECURITY")] = DOCTOR_OPTION_NO;
	facts->kernel.options[option("IP6_NF_MANGLE")] = DOCTOR_OPTION_NO;
	assert_sound();
	facts->firewall.chosen = FIREWALL_LEGACY;
	facts->sysctls.ip6_forwarding = DOCTOR_UNKNOWN; /* no IPv6 here */
	facts->kernel.options[option("NFT_COMPAT")] = DOCTOR_OPTION_NO;
	doctor_rules_release(&facts->rules);
	doctor_rules_parse(&facts->rules, masquerades, IP_V4, true);
	doctor_rules_parse(&facts->rules, masquerades, IP_V6, true);
	assert_found("kernel", "CONFIG_IP_NF_SECURITY", "IP_NF_SECURITY");
}

static void a_module_that_cannot_be_loaded_is_found(void **state)
{
	size_t i = option("NETFILTER_XT_TARGET_NFQUEUE");

	(void)state;
	sound(TWO_UPLINKS);
	facts->kernel.options[i] = DOCTOR_OPTION_MODULE;
	facts->kernel.modules_known = true;
	facts->kernel.has_module[i] = true;
	assert_sound(); /* it will be loaded when it is needed */
	facts->kernel.has_module[i] = false;
	assert_found("kernel", "module xt_NFQUEUE (CONFIG_NETFILTER_XT_TARGET_NFQUEUE) is not",
		     "apt-get install linux-modules-extra-6.1.0-test");
	facts->kernel.modules_known = false;
	facts->kernel.modules_missing = true;
	assert_found("kernel", "there is no /lib/modules/6.1.0-test", "reboot");
	facts->kernel.modules_missing = false;
	facts->kernel.modules_known = facts->kernel.has_module[i] = true;
	facts->kernel.modules_disabled = true;
	assert_found("kernel", "kernel.modules_disabled is 1", "/etc/modules-load.d/");
	facts->kernel.works[i] = true; /* it is loaded already */
	assert_sound();
}

static void options_are_read_plain_and_gzipped(void **state)
{
	static const char text[] = "# CONFIG_IP_SET is not set\nCONFIG_IP_ADVANCED_ROUTER=y\n"
				   "CONFIG_NF_CONNTRACK=m\nCONFIG_NETFILTER_XT_MARK=m\n"
				   "CONFIG_NETFILTER_XT_MATCH_MARK=y\nCONFIG_NF_TABLES_INET=y\n"
				   "CONFIG_NF_CONNTRACK_MARK_NOT=y\n";
	gzFile file;

	(void)state;
	put("plain", text);
	file = gzopen("gzipped", "w");
	assert_non_null(file);
	assert_int_equal(gzputs(file, text), (int)strlen(text));
	assert_int_equal(gzclose(file), Z_OK);
	for (int i = 0; i < 2; i++) {
		struct doctor_kernel kernel = {.release = ""};

		assert_true(doctor_options_read(i == 0 ? "plain" : "gzipped", &kernel));
		assert_int_equal(kernel.options[option("IP_ADVANCED_ROUTER")], DOCTOR_OPTION_YES);
		assert_int_equal(kernel.options[option("NF_CONNTRACK")], DOCTOR_OPTION_MODULE);
		assert_int_equal(kernel.options[option("IP_SET")], DOCTOR_OPTION_NO);
		assert_int_equal(kernel.options[option("NF_CONNTRACK_MARK")], DOCTOR_OPTION_NO);
		/* by the symbol that newer kernels have */
		assert_int_equal(kernel.options[option("NETFILTER_XT_TARGET_MARK")],
				 DOCTOR_OPTION_MODULE);
		assert_int_equal(kernel.options[option("NETFILTER_XT_MATCH_MARK")],
				 DOCTOR_OPTION_YES);
		assert_int_equal(kernel.options[option("NF_TABLES_IPV6")], DOCTOR_OPTION_YES);
	}
	unlink("plain");
	unlink("gzipped");
	assert_false(doctor_options_read("plain", &(struct doctor_kernel){.release = ""}));
}

/* ---- sysctls ---- */

static void forwarding_is_asked_of_routers_alone(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->sysctls.ip_forward = 0;
	assert_found("forwarding", "net.ipv4.ip_forward is 0", "sysctl -w net.ipv4.ip_forward=1");
	facts->sysctls.ip_forward = 1;
	facts->sysctls.ip6_forwarding = 0;
	assert_found("forwarding", "net.ipv6.conf.all.forwarding is 0",
		     "sysctl -w net.ipv6.conf.all.forwarding=1");
	facts->routes.uplinks[0].default6 = facts->routes.uplinks[1].default6 = false;
	assert_sound(); /* no uplink carries IPv6 */
	forget();
	sound("firewall = { hooks = [\"output\"]; };\n" TWO_UPLINKS);
	facts->sysctls.ip_forward = 0;
	assert_sound();
}

static void strict_rp_filter_breaks_lines_that_main_does_not_use(void **state)
{
	struct doctor_link *wan2;

	(void)state;
	sound(TWO_UPLINKS);
	wan2 = &facts->links[3];
	wan2->rp_filter = 1;
	assert_found("rp-filter", "net.ipv4.conf.wan2.rp_filter is 1 (strict)",
		     "sysctl -w net.ipv4.conf.wan2.src_valid_mark=1");
	assert_string_equal(list.items[0].uplink, "dsl");
	wan2->src_valid_mark = 1;
	assert_sound();
	wan2->src_valid_mark = 0;
	facts->sysctls.all_src_valid_mark = 1; /* either will do */
	assert_sound();
	facts->sysctls.all_src_valid_mark = 0;
	facts->sysctls.all_rp_filter = 2; /* the greater counts: loose */
	assert_sound();
	wan2->rp_filter = 0;
	facts->sysctls.all_rp_filter = 1;
	/* main's default leaves by wan1: there it is a note */
	assert_found("rp-filter", "net.ipv4.conf.all.rp_filter is 1 (strict) for wan2",
		     "net.ipv4.conf.wan2.src_valid_mark=1");
}

static void strict_rp_filter_is_a_note_where_main_leaves(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->links[2].rp_filter = 1;
	assert_noted("rp-filter", "wan1.rp_filter is 1");
	add_main_default(IP_V4, 4, 0); /* an equal one: either may be taken */
	assert_noted("rp-filter", "wan1.rp_filter is 1");
	forget();
	sound(TWO_UPLINKS);
	facts->links[2].rp_filter = 1;
	facts->routes.facts.main[0].metric = 100;
	add_main_default(IP_V4, 4, 50);
	assert_found("rp-filter", "wan1", "wan1.src_valid_mark=1");
}

static void loose_rp_filter_breaks_tunnels_without_address(void **state)
{
	struct route_facts *routes;

	(void)state;
	sound(TWO_UPLINKS);
	routes = &facts->routes.facts;
	facts->links[3].rp_filter = 2;
	facts->links[3].point_to_point = true;
	assert_sound();
	routes->addresses[3].index = 2; /* wan2's goes to lan */
	assert_found("rp-filter", "net.ipv4.conf.wan2.rp_filter is 2 (loose)",
		     "sysctl -w net.ipv4.conf.wan2.src_valid_mark=1");
	facts->links[3].src_valid_mark = 1;
	assert_sound();
	facts->links[3].src_valid_mark = 0;
	facts->links[3].rp_filter = 0;
	assert_sound();
}

static void loose_rp_filter_breaks_all_where_main_has_no_default(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->links[3].rp_filter = 2;
	facts->routes.facts.main_count = 0;
	assert_found("rp-filter", "wan2", "src_valid_mark=1");
}

static void without_main_first_src_valid_mark_does_not_help(void **state)
{
	(void)state;
	sound("routing = { main_first = false; };\n" TWO_UPLINKS);
	facts->links[3].rp_filter = 1;
	facts->links[3].src_valid_mark = 1;
	assert_found("rp-filter", "wan2", "sysctl -w net.ipv4.conf.wan2.rp_filter=2");
	facts->links[3].rp_filter = 2;
	assert_sound();
	facts->routes.facts.main_count = 0;
	facts->links[2].rp_filter = 0;
	assert_found("rp-filter", "wan2",
		     "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan2.rp_filter=0");
	facts->links[3].rp_filter = 0;
	/* clients' packets are marked when they are looked up */
	facts->links[1].rp_filter = 1;
	facts->links[1].src_valid_mark = 1;
	assert_found("rp-filter", "net.ipv4.conf.lan.rp_filter is 1", "conf.lan.rp_filter=2");
}

static void observing_asks_no_rp_filter(void **state)
{
	(void)state;
	sound("mode = \"observe\";\n" TWO_UPLINKS);
	facts->links[3].rp_filter = 1;
	facts->sysctls.fwmark_reflect4 = facts->sysctls.tcp_fwmark_accept = 1;
	assert_sound();
	assert_not_noted("rp-filter");
	assert_not_noted("mark-sysctls");
}

static void marks_that_the_kernel_carries_over(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->sysctls.fwmark_reflect6 = 1;
	assert_noted("mark-sysctls", "net.ipv6.fwmark_reflect is 1");
	facts->sysctls.tcp_fwmark_accept = 1;
	assert_noted("mark-sysctls", "net.ipv4.tcp_fwmark_accept is 1");
	forget();
	sound("routing = { main_first = false; };\n" TWO_UPLINKS);
	facts->sysctls.fwmark_reflect4 = 1;
	assert_found("mark-sysctls", "net.ipv4.fwmark_reflect is 1",
		     "sysctl -w net.ipv4.fwmark_reflect=0");
	facts->sysctls.fwmark_reflect4 = 0;
	facts->sysctls.tcp_fwmark_accept = 1;
	assert_found("mark-sysctls", "tcp_fwmark_accept is 1",
		     "sysctl -w net.ipv4.tcp_fwmark_accept=0");
}

static void advertisements_are_needed_where_gateway6_follows_them(void **state)
{
	(void)state;
	sound("uplinks = ( { name = \"cable\"; interface = \"wan1\"; },\n"
	      "            { name = \"dsl\"; interface = \"wan2\"; gateway6 = \"auto\"; } );\n");
	facts->links[3].accept_ra = 1;
	assert_found("router-adverts", "net.ipv6.conf.wan2.accept_ra is 1",
		     "sysctl -w net.ipv6.conf.wan2.accept_ra=2");
	facts->links[3].accept_ra = 2;
	assert_sound();
	facts->links[3].accept_ra = 1;
	facts->links[3].forwarding6 = 0; /* a host takes them at 1 */
	assert_sound();
	facts->links[3].forwarding6 = 1;
	add_main_default(IP_V6, 4, 1024); /* somebody has put it there */
	assert_sound();
	/* by default it may as well be a line of IPv4 alone */
	facts->routes.facts.main_count = 1;
	facts->links[3].accept_ra = 2;
	facts->links[2].accept_ra = 1;
	assert_noted("router-adverts", "wan1");
}

static void conntrack_that_is_full_or_strict(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->sysctls.conntrack_count = 800;
	assert_sound();
	facts->sysctls.conntrack_count = 801;
	assert_found("conntrack", "conntrack holds 801 of 1000",
		     "sysctl -w net.netfilter.nf_conntrack_max=2000");
	facts->sysctls.conntrack_count = 10;
	facts->sysctls.conntrack_loose = 0;
	assert_found("conntrack", "nf_conntrack_tcp_loose is 0",
		     "sysctl -w net.netfilter.nf_conntrack_tcp_loose=1");
	facts->sysctls.conntrack_loose = 1;
	facts->sysctls.conntrack_acct = 0;
	assert_noted("conntrack", "nf_conntrack_acct is 0");
	facts->sysctls.conntrack_max = 4000000;
	assert_noted("conntrack", "conntrack may hold 4000000 connections");
}

static void bridges_whose_packets_pass_the_chains(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->sysctls.bridge_iptables = 1;
	assert_sound(); /* no bridge */
	snprintf(facts->links[1].kind, sizeof(facts->links[1].kind), "bridge");
	assert_found("bridge", "bridge-nf-call-iptables is 1, and lan is a bridge",
		     "sysctl -w net.bridge.bridge-nf-call-iptables=0");
	facts->sysctls.bridge_iptables = 0;
	facts->sysctls.bridge_ip6tables = 1;
	assert_found("bridge", "bridge-nf-call-ip6tables is 1",
		     "sysctl -w net.bridge.bridge-nf-call-ip6tables=0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, end_test)
	const struct CMUnitTest tests[] = {
		TEST(a_sound_machine_has_no_findings),
		TEST(worst_come_first_and_notes_count_for_nothing),
		TEST(what_is_unknown_is_never_found),
		TEST(a_missing_option_is_named_by_its_symbol),
		TEST(options_that_nothing_needs_may_be_missing),
		TEST(the_tables_of_the_other_variant_are_not_needed),
		TEST(a_module_that_cannot_be_loaded_is_found),
		TEST(options_are_read_plain_and_gzipped),
		TEST(forwarding_is_asked_of_routers_alone),
		TEST(strict_rp_filter_breaks_lines_that_main_does_not_use),
		TEST(strict_rp_filter_is_a_note_where_main_leaves),
		TEST(loose_rp_filter_breaks_tunnels_without_address),
		TEST(loose_rp_filter_breaks_all_where_main_has_no_default),
		TEST(without_main_first_src_valid_mark_does_not_help),
		TEST(observing_asks_no_rp_filter),
		TEST(marks_that_the_kernel_carries_over),
		TEST(advertisements_are_needed_where_gateway6_follows_them),
		TEST(conntrack_that_is_full_or_strict),
		TEST(bridges_whose_packets_pass_the_chains),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
