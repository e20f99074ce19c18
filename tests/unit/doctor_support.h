/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines that were made up, for the tests of doctor: each program includes it once.
 *
 * sound() makes a router on which nothing is wrong; a test breaks one thing of it and says what
 * must be found.
 */
#ifndef WAYMARK_TESTS_DOCTOR_SUPPORT_H
#define WAYMARK_TESTS_DOCTOR_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/cli/doctor.h"
#include "../../src/cli/doctor_files.h"

#define TWO_UPLINKS                                                                           \
	"uplinks = (\n"                                                                       \
	"  { name = \"cable\"; interface = \"wan1\"; table = 301; mark = 1; nat = true; },\n" \
	"  { name = \"dsl\"; interface = \"wan2\"; table = 302; mark = 2; nat = true; }\n"    \
	");\n"

static char directory[] = "/tmp/waymark-doctor-XXXXXX";
static struct doctor_facts *facts;
static struct conf *conf;
static struct doctor_list list;

static inline int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static inline int remove_directory(void **state)
{
	static const char *const names[] = {"waymark.conf", "networkd.conf", "plain", "gzipped"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

static inline void put(const char *name, const char *text)
{
	FILE *stream = fopen(name, "w");

	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static inline struct conf *load(const char *text)
{
	static const struct conf_load_options options = {.rt_tables_dir = "iproute2", .cores = 2};
	struct diag_list diags = DIAG_LIST_INIT;
	struct conf *loaded;

	put("waymark.conf", text);
	loaded = conf_load("waymark.conf", &options, &diags);
	diag_print(&diags, stderr);
	diag_list_release(&diags);
	assert_non_null(loaded);
	return loaded;
}

static inline struct ip_addr address(const char *text)
{
	struct ip_addr addr;

	assert_true(ip_parse(text, &addr));
	return addr;
}

static inline void add_link(uint32_t index, const char *name)
{
	struct doctor_link *link;

	facts->links = realloc(facts->links, (facts->link_count + 1) * sizeof(*facts->links));
	assert_non_null(facts->links);
	link = &facts->links[facts->link_count++];
	*link = (struct doctor_link){
		.index = index,
		.mtu = 1500,
		.up = true,
		.carrier = true,
		.large_receive = 0,
		.rp_filter = 0,
		.src_valid_mark = 0,
		.accept_ra = 0,
		.forwarding6 = 1,
	};
	snprintf(link->name, sizeof(link->name), "%s", name);
}

static inline void add_address(uint32_t index, const char *text, uint8_t length)
{
	struct route_address added = {
		.index = index,
		.address = address(text),
		.prefix = address(text),
		.prefix_length = length,
		.global = true,
	};

	assert_int_equal(route_facts_add_address(&facts->routes.facts, &added), 0);
}

static inline void add_main_default(uint8_t family, uint32_t index, uint32_t metric)
{
	struct route_route route = {
		.family = family,
		.type = ROUTE_TYPE_UNICAST,
		.table = ROUTE_MAIN_TABLE,
		.index = index,
		.metric = metric,
	};

	assert_int_equal(route_facts_add_main(&facts->routes.facts, &route), 0);
}

static inline void add_rule(struct route_rule rule)
{
	if (!rule.family)
		rule.family = IP_V4;
	if (!rule.type)
		rule.type = ROUTE_TYPE_UNICAST;
	rule.suppress_prefix_length = -1;
	assert_int_equal(route_state_add_rule(&facts->routes.present, &rule), 0);
}

static const char masquerades[] = "*nat\n:POSTROUTING ACCEPT [0:0]\n"
				  "-A POSTROUTING -o wan1 -j MASQUERADE\n"
				  "-A POSTROUTING -o wan2 -j MASQUERADE\nCOMMIT\n";

/* Without iptables' rules; sound() has them. */
static inline void bare(const char *text)
{
	conf = load(text);
	facts = calloc(1, sizeof(*facts));
	assert_non_null(facts);
	facts->conf = conf;
	facts->sysctls = (struct doctor_sysctls){
		.ip_forward = 1,
		.ip6_forwarding = 1,
		.conntrack_max = 1000,
		.conntrack_count = 10,
		.conntrack_loose = 1,
		.conntrack_acct = 1,
		.bridge_iptables = DOCTOR_UNKNOWN,
		.bridge_ip6tables = DOCTOR_UNKNOWN,
	};
	for (size_t i = 0; i < doctor_option_count(); i++)
		facts->kernel.options[i] = DOCTOR_OPTION_YES;
	snprintf(facts->kernel.release, sizeof(facts->kernel.release), "6.1.0-test");
	add_link(1, "lo");
	facts->links[0].loopback = true;
	add_link(2, "lan");
	add_link(3, "wan1");
	add_link(4, "wan2");
	facts->routes_known = true;
	add_address(2, "10.10.0.1", 24);
	add_address(2, "2001:db8:10::1", 64);
	add_address(3, "198.51.100.2", 24);
	add_address(4, "203.0.113.2", 24);
	add_main_default(IP_V4, 3, 0);
	add_main_default(IP_V6, 3, 1024);
	assert_int_equal(route_scope_init(&facts->routes.scope, conf), 0);
	facts->routes.uplinks = calloc(conf->uplink_count + 1, sizeof(*facts->routes.uplinks));
	assert_non_null(facts->routes.uplinks);
	for (size_t i = 0; i < conf->uplink_count; i++)
		facts->routes.uplinks[i].default4 = facts->routes.uplinks[i].default6 = true;
	facts->nft.known = true;
	facts->queues_known = true;
	facts->firewall.chosen_installed = true;
	facts->firewall.infix = "";
	facts->others.installer = "apt-get install";
}

static inline void sound(const char *text)
{
	bare(text);
	doctor_rules_parse(&facts->rules, masquerades, IP_V4, false);
	doctor_rules_parse(&facts->rules, masquerades, IP_V6, false);
}

static inline void forget(void)
{
	doctor_list_release(&list);
	if (facts)
		doctor_facts_release(facts);
	free(facts);
	facts = NULL;
	conf_free(conf);
	conf = NULL;
}

static inline int end_test(void **state)
{
	(void)state;
	forget();
	return 0;
}

static inline void judge(void)
{
	doctor_list_release(&list);
	doctor_judge(facts, &list);
	assert_false(list.failed);
}

/* Nothing but notes. */
static inline void assert_sound(void)
{
	judge();
	for (size_t i = 0; i < list.count; i++)
		if (list.items[i].severity != DOCTOR_NOTE)
			fail_msg("%s: %s", list.items[i].check, list.items[i].what);
	assert_int_equal(list.problems, 0);
}

/* One error or warning, of that check; its words contain these. */
static inline void assert_found(const char *check, const char *what, const char *mend)
{
	judge();
	for (size_t i = 0; list.problems != 1 && i < list.count; i++)
		print_message("%s: %s\n", list.items[i].check, list.items[i].what);
	assert_int_equal(list.problems, 1);
	assert_string_equal(list.items[0].check, check);
	if (!strstr(list.items[0].what, what))
		fail_msg("'%s' is not in '%s'", what, list.items[0].what);
	assert_non_null(list.items[0].mend);
	if (!strstr(list.items[0].mend, mend))
		fail_msg("'%s' is not in '%s'", mend, list.items[0].mend);
	assert_non_null(list.items[0].breaks);
}

static inline void assert_noted(const char *check, const char *what)
{
	assert_sound();
	for (size_t i = 0; i < list.count; i++)
		if (strcmp(list.items[i].check, check) == 0 && strstr(list.items[i].what, what))
			return;
	fail_msg("no note of %s with '%s'", check, what);
}

static inline void assert_not_noted(const char *check)
{
	assert_sound();
	for (size_t i = 0; i < list.count; i++)
		if (strcmp(list.items[i].check, check) == 0)
			fail_msg("%s: %s", check, list.items[i].what);
}

#endif
