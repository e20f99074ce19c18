/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules as a user writes them: each test writes small files to a directory of its
 * own, loads them, and asks for single judgements or for the exact findings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <waymark/rules.h>

static char directory[PATH_MAX];

static const struct rules_target targets[] = {
	{.name = "mail.out", .value = 1, .group = RULES_NO_GROUP, .nat = true},
	{.name = "cable", .value = 2, .group = RULES_NO_GROUP},
	{.name = "isdn", .value = 3, .group = RULES_NO_GROUP},
	{.name = "any", .group = 0, .nat = true},
	{.name = "plain", .group = 1},
};

struct world {
	struct ruleset *rules;
	struct diag_list diags;
};

/* ---- files ---- */

static void write_bytes(const char *name, const void *bytes, size_t length)
{
	char path[PATH_MAX + 64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/waymark-rules-XXXXXX", base ? base : "/tmp");
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[PATH_MAX + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}

static struct rules_builder *new_builder(struct diag_list *diags)
{
	struct rules_options options = {.targets = targets,
					.target_count = sizeof(targets) / sizeof(targets[0])};
	struct rules_builder *builder;

	diag_list_init(diags);
	assert_true(mark_layout_init(&options.mark, 0xff));
	builder = rules_builder_new(&options, diags);
	assert_non_null(builder);
	return builder;
}

static struct world load_directory(void)
{
	struct world world = {0};
	struct rules_builder *builder = new_builder(&world.diags);

	rules_add_directory(builder, directory, true);
	world.rules = rules_build(builder);
	rules_builder_free(builder);
	return world;
}

/* Loads `rules = ( TEXT );` */
static struct world load(const char *text)
{
	size_t size = strlen(text) + 32;
	char *file = malloc(size);

	assert_non_null(file);
	snprintf(file, size, "rules = (\n%s\n);\n", text);
	write_file("50-test.conf", file);
	free(file);
	return load_directory();
}

static void unload(struct world *world)
{
	ruleset_free(world->rules);
	diag_list_release(&world->diags);
}

static struct world load_well(const char *text)
{
	struct world world = load(text);

	if (!world.rules)
		diag_print(&world.diags, stderr);
	assert_non_null(world.rules);
	return world;
}

/* A rule "r" with this match. */
static struct world load_match(const char *match)
{
	char text[2048];

	snprintf(text, sizeof(text), "{ name = \"r\"; match = { %s }; mark = 5; }", match);
	return load_well(text);
}

/* All findings, a line each, without the directory, must be `expected`. */
static void check_findings(const struct diag_list *diags, const char *expected)
{
	char all[8192] = "";
	size_t length = strlen(directory);

	for (size_t i = 0; i < diags->count; i++) {
		char line[1024], *place = line;
		char *found;

		diag_format(&diags->items[i], line, sizeof(line));
		while ((found = strstr(place, directory)) != NULL) {
			memmove(found, found + length + 1, strlen(found + length + 1) + 1);
			place = found;
		}
		assert_true(strlen(all) + strlen(line) + 2 < sizeof(all));
		strcat(all, line);
		strcat(all, "\n");
	}
	assert_string_equal(all, expected);
}

static void expect_findings(const char *text, const char *expected)
{
	struct world world = load(text);

	check_findings(&world.diags, expected);
	assert_null(world.rules);
	unload(&world);
}

/* The one finding of a rule with this match, which stands in line 2. */
static void expect_wrong(const char *match, const char *message)
{
	char text[2048], expected[2048];

	snprintf(text, sizeof(text), "{ name = \"r\"; match = { %s }; mark = 5; }", match);
	snprintf(expected, sizeof(expected), "50-test.conf:2: %s\n", message);
	expect_findings(text, expected);
}

/* ---- facts and evidence ---- */

static struct ip_addr address(const char *text)
{
	struct ip_addr result;

	assert_true(ip_parse(text, &result));
	return result;
}

/* TCP 192.168.1.2:40000 -> 203.0.113.9:443, a SYN. */
static struct rule_facts facts_of_tcp(void)
{
	return (struct rule_facts){
		.src = address("192.168.1.2"),
		.dst = address("203.0.113.9"),
		.proto = 6,
		.sport = 40000,
		.dport = 443,
		.has_ports = true,
		.has_tcp = true,
		.tcp_flags = 0x02,
		.ttl = 64,
		.length = 60,
		.hook = RULE_HOOK_FORWARD,
	};
}

struct known {
	struct evidence evidence;
	uint64_t hit[2], out[2];
};

static const struct evidence *known_of(struct known *known, const struct world *world)
{
	known->evidence.pattern_count = pattern_count(ruleset_patterns(world->rules));
	known->evidence.pattern_hit = known->hit;
	known->evidence.pattern_out = known->out;
	return &known->evidence;
}

static void set_host(struct known *known, const char *host)
{
	strcpy(known->evidence.host, host);
	known->evidence.host_length = (uint8_t)strlen(host);
	known->evidence.host_source = HOST_TLS_SNI;
}

static enum rule_truth judge(const struct world *world, const struct rule_facts *facts)
{
	return ruleset_judge(world->rules, 0, facts, NULL, NULL, NULL);
}

#define assert_holds(world, facts) assert_int_equal(judge(world, facts), RULE_YES)
#define assert_fails(world, facts) assert_int_equal(judge(world, facts), RULE_NO)
#define assert_truth(world, known, truth)                                                     \
	assert_int_equal(                                                                     \
		ruleset_judge((world)->rules, 0, &facts, known_of(known, world), NULL, NULL), \
		truth)

static int32_t match_rule(const struct world *world, const struct rule_facts *facts)
{
	struct rule_match match;

	ruleset_match(world->rules, facts, NULL, NULL, NULL, &match);
	return match.rule;
}

/* ---- header keys ---- */

static void ports_match_numbers_and_ranges(void **state)
{
	struct world world = load_match("dport = (25, \"443-444\", \"8000-8100\")");
	struct rule_facts facts = facts_of_tcp();

	(void)state;
	static const struct {
		uint16_t port;
		enum rule_truth truth;
	} cases[] = {{25, RULE_YES},   {24, RULE_NO},	 {26, RULE_NO},	  {442, RULE_NO},
		     {443, RULE_YES},  {444, RULE_YES},	 {445, RULE_NO},  {7999, RULE_NO},
		     {8000, RULE_YES}, {8100, RULE_YES}, {8101, RULE_NO}, {0, RULE_NO}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		facts.dport = cases[i].port;
		assert_int_equal(judge(&world, &facts), cases[i].truth);
	}
	unload(&world);

	world = load_match("sport = [40000]");
	facts.dport = 1;
	assert_holds(&world, &facts);
	facts.has_ports = false;
	assert_fails(&world, &facts);
	unload(&world);
}

static void a_protocol_is_a_name_or_a_number(void **state)
{
	struct world world = load_match("proto = (\"udp\", 47, \"ipv6-icmp\")");
	struct rule_facts facts = facts_of_tcp();

	(void)state;
	assert_fails(&world, &facts);
	facts.proto = 17;
	assert_holds(&world, &facts);
	facts.proto = 47;
	assert_holds(&world, &facts);
	facts.proto = 58;
	assert_holds(&world, &facts);
	unload(&world);
}

static void addresses_are_hosts_prefixes_and_ranges_of_both_families(void **state)
{
	struct world world =
		load_match("src = [\"10.0.0.0/8\", \"192.168.1.2\", \"172.16.0.5-172.16.0.9\", "
			   "\"2001:db8::/32\", \"fd00::1-fd00::5\"]");
	struct rule_facts facts = facts_of_tcp();
	static const char *const inside[] = {"10.0.0.0",
					     "10.255.255.255",
					     "192.168.1.2",
					     "172.16.0.5",
					     "172.16.0.9",
					     "2001:db8::1",
					     "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
					     "fd00::3"};
	static const char *const outside[] = {
		"9.255.255.255", "11.0.0.0",   "192.168.1.3", "172.16.0.4",
		"172.16.0.10",	 "2001:db9::", "fd00::",      "fd00::6"};

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		facts.src = address(inside[i]);
		assert_holds(&world, &facts);
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		facts.src = address(outside[i]);
		assert_fails(&world, &facts);
	}
	unload(&world);

	world = load_match("dst = \"203.0.113.0/24\"");
	facts = facts_of_tcp();
	assert_holds(&world, &facts);
	facts.dst = address("2001:db8::1");
	assert_fails(&world, &facts);
	unload(&world);
}

static void a_list_file_holds_prefixes_one_a_line(void **state)
{
	struct world world;
	struct rule_facts facts = facts_of_tcp();

	(void)state;
	write_file("nets.txt", "\xef\xbb\xbf# ours\r\n\r\n 10.0.0.0/8 \r\n203.0.113.9 # web\r\n"
			       "2001:db8::/48");
	world = load_match("dst = (\"@nets.txt\", \"198.51.100.1\")");
	assert_holds(&world, &facts);
	facts.dst = address("198.51.100.1");
	assert_holds(&world, &facts);
	facts.dst = address("2001:db8:0:1::2");
	assert_holds(&world, &facts);
	facts.dst = address("203.0.113.10");
	assert_fails(&world, &facts);
	unload(&world);
}

static void a_large_list_is_searched_right(void **state)
{
	char *text = malloc(70000 * 20), *end = text;
	struct world world;
	struct rule_facts facts = facts_of_tcp();

	(void)state;
	assert_non_null(text);
	/* every other /24 of 10.0.0.0/8, backwards */
	for (int i = 65534; i >= 0; i -= 2)
		end += sprintf(end, "10.%d.%d.0/24\n", i >> 8, i & 255);
	write_file("many.txt", text);
	free(text);
	world = load_match("src = \"@many.txt\"");
	for (int i = 0; i < 65536; i++) {
		const uint8_t bytes[4] = {10, (uint8_t)(i >> 8), (uint8_t)i, 77};

		facts.src = ip_v4(bytes);
		assert_int_equal(judge(&world, &facts), i % 2 ? RULE_NO : RULE_YES);
	}
	unload(&world);
}

static void slips_in_a_list_are_named_at_their_own_line(void **state)
{
	(void)state;
	write_file("nets.txt", "10.0.0.0/8\n10.0.0.256\n# fine\nexample.org\n");
	write_file("hosts.txt", "example.org\n.example.net\nno name\n@other\n");
	expect_findings(
		"{ name = \"a\"; match = { dst = \"@nets.txt\"; }; mark = 5; },\n"
		"{ name = \"b\"; match = { src = \"@missing.txt\"; }; mark = 5; },\n"
		"{ name = \"c\"; match = { host = \"@hosts.txt\"; }; mark = 5; },\n"
		"{ name = \"d\"; match = { host = \"@\"; src = \"@/dev/zero\"; }; mark = 5; }",
		"nets.txt:2: '10.0.0.256': not an address, a prefix or a range \"A-B\"\n"
		"nets.txt:4: 'example.org': not an address, a prefix or a range \"A-B\"\n"
		"50-test.conf:3: rule 'b': src: cannot read the list 'missing.txt': "
		"No such file or directory\n"
		"hosts.txt:2: '.example.net': a name covers its subdomains: write it without the "
		"leading dot\n"
		"hosts.txt:3: 'no name': not a host name\n"
		"hosts.txt:4: '@other': a list cannot name another list\n"
		"50-test.conf:5: rule 'd': src: cannot read the list '/dev/zero': not a regular "
		"file\n"
		"50-test.conf:5: rule 'd': host: cannot read the list '': no file is named\n");
}

static void a_list_with_a_nul_byte_is_refused(void **state)
{
	(void)state;
	write_bytes("nets.txt", "10.0.0.1\n10.0\0.0.2\n10.0.0.3\n", 28);
	expect_findings("{ name = \"a\"; match = { dst = \"@nets.txt\"; }; mark = 5; }",
			"nets.txt:2: a NUL byte: not a text file\n");
}

static void a_list_full_of_errors_is_given_up(void **state)
{
	char text[2000] = "";
	struct world world;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(text, "wrong\n");
	write_file("nets.txt", text);
	world = load("{ name = \"a\"; match = { dst = \"@nets.txt\"; }; mark = 5; }");
	assert_null(world.rules);
	assert_int_equal(world.diags.errors, 21);
	assert_string_equal(world.diags.items[20].message, "too many errors, the rest is not read");
	unload(&world);
}

static void tos_names_leave_ecn_out_and_numbers_do_not(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	static const struct {
		const char *word;
		uint8_t yes, no;
	} cases[] = {
		{"\"minimize-delay\"", 0x10, 0x08},
		{"\"lowdelay\"", 0xd0, 0x00},
		{"\"maximize-throughput\"", 0x08, 0x10},
		{"\"throughput\"", 0x08, 0x18},
		{"\"maximize-reliability\"", 0x04, 0x00},
		{"\"reliability\"", 0x04, 0x06},
		{"\"minimize-cost\"", 0x02, 0x00},
		{"\"mincost\"", 0x02, 0x12},
		{"\"normal-service\"", 0xc0, 0x10},
		{"0x10", 0x10, 0x11},
		{"\"0x10/0x1e\"", 0x11, 0x12},
		{"\"16\"", 0x10, 0x50},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char match[64];
		struct world world;

		snprintf(match, sizeof(match), "tos = %s;", cases[i].word);
		world = load_match(match);
		facts.tos = cases[i].yes;
		assert_holds(&world, &facts);
		facts.tos = cases[i].no;
		assert_fails(&world, &facts);
		unload(&world);
	}
}

static void dscp_has_all_names(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	static const struct {
		const char *name;
		uint8_t value;
	} cases[] = {
		{"ef", 46},   {"cs0", 0},   {"cs1", 8},		 {"cs2", 16},  {"cs3", 24},
		{"cs4", 32},  {"cs5", 40},  {"cs6", 48},	 {"cs7", 56},  {"af11", 10},
		{"af12", 12}, {"af13", 14}, {"af21", 18},	 {"af22", 20}, {"af23", 22},
		{"af31", 26}, {"af32", 28}, {"af33", 30},	 {"af41", 34}, {"af42", 36},
		{"af43", 38}, {"va", 44},   {"voice-admit", 44}, {"le", 1},    {"be", 0},
		{"46", 46},
	};
	struct world world;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char match[64];

		snprintf(match, sizeof(match), "dscp = \"%s\"", cases[i].name);
		world = load_match(match);
		facts.tos = (uint8_t)(cases[i].value << 2 | 1);
		assert_holds(&world, &facts);
		facts.tos ^= 0x04;
		assert_fails(&world, &facts);
		unload(&world);
	}
	world = load_match("dscp = (\"ef\", 63)");
	facts.tos = 63 << 2;
	assert_holds(&world, &facts);
	unload(&world);
}

static void ttl_and_length_are_numbers_or_ranges(void **state)
{
	struct world world = load_match("ttl = \"1-10\"; length = (100, \"1400-70000\")");
	struct rule_facts facts = facts_of_tcp();

	(void)state;
	facts.ttl = 10;
	facts.length = 65576;
	assert_holds(&world, &facts);
	facts.ttl = 11;
	assert_fails(&world, &facts);
	facts.ttl = 1;
	facts.length = 101;
	assert_fails(&world, &facts);
	facts.length = 100;
	assert_holds(&world, &facts);
	unload(&world);
}

static void tcp_flags_are_a_mask_or_flags_that_must_be_set(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("tcp_flags = \"syn,ack,fin,rst/syn\"");

	(void)state;
	assert_holds(&world, &facts);
	facts.tcp_flags = 0xc2; /* SYN with ECN */
	assert_holds(&world, &facts);
	facts.tcp_flags = 0x12;
	assert_fails(&world, &facts);
	facts.has_tcp = false;
	facts.tcp_flags = 0x02;
	assert_fails(&world, &facts);
	unload(&world);

	facts = facts_of_tcp();
	world = load_match("tcp_flags = [\"SYN,ACK\", \"rst\"]");
	assert_fails(&world, &facts);
	facts.tcp_flags = 0x12;
	assert_holds(&world, &facts);
	facts.tcp_flags = 0x14;
	assert_holds(&world, &facts);
	unload(&world);

	world = load_match("tcp_flags = \"all/none\"");
	facts.tcp_flags = 0;
	assert_holds(&world, &facts);
	facts.tcp_flags = 1;
	assert_fails(&world, &facts);
	unload(&world);
}

static void an_icmp_name_means_both_families(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("icmp_type = [\"echo-request\", \"port-unreachable\"]");

	(void)state;
	facts.has_ports = facts.has_tcp = false;
	facts.has_icmp = true;
	facts.proto = 1;
	facts.icmp_type = 8;
	assert_holds(&world, &facts);
	facts.icmp_type = 128;
	assert_fails(&world, &facts);
	facts.proto = 58;
	assert_holds(&world, &facts);
	facts.icmp_type = 1;
	facts.icmp_code = 4;
	assert_holds(&world, &facts);
	facts.icmp_code = 3;
	assert_fails(&world, &facts);
	facts.has_icmp = false;
	facts.icmp_code = 4;
	assert_fails(&world, &facts);
	unload(&world);

	world = load_match("icmp_type = (3, \"11/1\", \"redirect/0\")");
	facts.has_icmp = true;
	facts.proto = 1;
	facts.icmp_type = 3;
	assert_holds(&world, &facts);
	facts.icmp_type = 11;
	assert_fails(&world, &facts);
	facts.icmp_code = 1;
	assert_holds(&world, &facts);
	facts.icmp_type = 5;
	assert_fails(&world, &facts);
	facts.icmp_code = 0;
	assert_holds(&world, &facts);
	unload(&world);
}

static void a_foreign_mark_is_compared_without_our_bits(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("fwmark = (\"0x100/0xff00\", 0x20000)");

	(void)state;
	assert_fails(&world, &facts);
	facts.mark = 0x35000100;
	assert_holds(&world, &facts);
	facts.mark = 0x20000;
	assert_holds(&world, &facts);
	facts.mark = 0x2007e; /* the hint of a flow older than us changes nothing */
	assert_holds(&world, &facts);
	facts.mark = 0x30000;
	assert_fails(&world, &facts);
	unload(&world);

	world = load_match("fwmark = \"0x1/0xff\"");
	check_findings(&world.diags, "50-test.conf:2: warning: rule 'r': fwmark: bits 0x1 are "
				     "waymark's own, nobody else's mark has them here\n");
	facts.mark = 1;
	assert_holds(&world, &facts);
	facts.mark = 0;
	assert_fails(&world, &facts);
	unload(&world);

	world = load_match("fwmark = 0xffffff00L");
	facts.mark = 0xffffff00;
	assert_holds(&world, &facts);
	unload(&world);
}

static void users_and_groups_go_by_number_range_and_name(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("uid = (\"root\", 33, \"1000-1999\")");

	(void)state;
	assert_fails(&world, &facts);
	facts.has_uid = true;
	assert_holds(&world, &facts);
	facts.uid = 33;
	assert_holds(&world, &facts);
	facts.uid = 1999;
	assert_holds(&world, &facts);
	facts.uid = 2000;
	assert_fails(&world, &facts);
	unload(&world);

	world = load_match("gid = \"root\"");
	assert_fails(&world, &facts);
	facts.has_gid = true;
	assert_holds(&world, &facts);
	facts.gid = 1;
	assert_fails(&world, &facts);
	unload(&world);
}

static void a_mac_address_matches_whole(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("mac = [\"02:00:00:00:00:01\", \"02-AA-bb-00-00-02\"]");
	const uint8_t mac[6] = {0x02, 0xaa, 0xbb, 0, 0, 2};

	(void)state;
	memcpy(facts.mac, mac, 6);
	assert_fails(&world, &facts);
	facts.has_mac = true;
	assert_holds(&world, &facts);
	facts.mac[5] = 3;
	assert_fails(&world, &facts);
	unload(&world);
}

static void interfaces_go_by_name_and_by_index(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("iface_in = [\"eth1\", \"ppp+\"]");
	struct rules_interfaces *interfaces = rules_interfaces_new();

	(void)state;
	assert_non_null(interfaces);
	assert_fails(&world, &facts);
	facts.iface_in_name = "eth1";
	assert_holds(&world, &facts);
	facts.iface_in_name = "eth10";
	assert_fails(&world, &facts);
	facts.iface_in_name = "ppp12";
	assert_holds(&world, &facts);
	facts.iface_in_name = "ppp";
	assert_holds(&world, &facts);
	facts.iface_in_name = "pp";
	assert_fails(&world, &facts);

	facts.iface_in_name = NULL;
	facts.iface_in = 7;
	assert_int_equal(ruleset_judge(world.rules, 0, &facts, NULL, NULL, interfaces), RULE_NO);
	assert_int_equal(rules_interfaces_set(interfaces, 7, "ppp0"), 0);
	assert_int_equal(rules_interfaces_set(interfaces, 7 + 256, "eth2"), 0);
	assert_int_equal(ruleset_judge(world.rules, 0, &facts, NULL, NULL, interfaces), RULE_YES);
	facts.iface_in = 7 + 256;
	assert_int_equal(ruleset_judge(world.rules, 0, &facts, NULL, NULL, interfaces), RULE_NO);
	assert_int_equal(rules_interfaces_set(interfaces, 7 + 256, "eth1"), 0);
	assert_int_equal(ruleset_judge(world.rules, 0, &facts, NULL, NULL, interfaces), RULE_YES);
	assert_int_equal(rules_interfaces_set(interfaces, 7 + 256, NULL), 0);
	assert_int_equal(ruleset_judge(world.rules, 0, &facts, NULL, NULL, interfaces), RULE_NO);
	rules_interfaces_free(interfaces);
	unload(&world);

	world = load_match("hook = \"output\"; iface_out = \"wan+\"");
	facts.iface_out_name = "wan1";
	assert_fails(&world, &facts);
	facts.hook = RULE_HOOK_OUTPUT;
	assert_holds(&world, &facts);
	unload(&world);

	world = load_match("iface_in = \"+\"");
	assert_fails(&world, &facts);
	facts.iface_in_name = "x";
	assert_holds(&world, &facts);
	unload(&world);
}

static void the_hook_is_forward_or_output_or_both(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("hook = [\"forward\", \"output\"]");

	(void)state;
	assert_holds(&world, &facts);
	unload(&world);
	world = load_match("hook = \"output\"");
	assert_fails(&world, &facts);
	facts.hook = RULE_HOOK_OUTPUT;
	assert_holds(&world, &facts);
	unload(&world);
}

static void no_match_and_an_empty_match_are_everything(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_well("{ name = \"r\"; mark = 5; }");

	(void)state;
	assert_holds(&world, &facts);
	unload(&world);
	world = load_match("");
	assert_holds(&world, &facts);
	facts.src.family = IP_NONE;
	assert_holds(&world, &facts);
	unload(&world);
}

static void facts_come_from_a_packet(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct packet packet = {
		.ip_length = 1400,
		.family = IP_V4,
		.proto = 6,
		.tos = 0x10,
		.ttl = 63,
		.src = address("192.0.2.1"),
		.dst = address("192.0.2.2"),
		.has_ports = true,
		.has_tcp = true,
		.sport = 1,
		.dport = 2,
		.tcp_flags = 2,
		.meta = {.time_us = 99,
			 .mark = 0x100,
			 .iface_in = 3,
			 .iface_out = 4,
			 .uid = 5,
			 .gid = 6,
			 .hook = PACKET_HOOK_PREROUTING,
			 .has_mac = true,
			 .has_uid = true,
			 .has_gid = true},
	};
	struct rule_facts facts;

	(void)state;
	memcpy(packet.meta.mac, mac, 6);
	memset(&facts, 0xff, sizeof(facts));
	rule_facts_from_packet(&facts, &packet);
	assert_true(ip_equal(&facts.src, &packet.src) && ip_equal(&facts.dst, &packet.dst));
	assert_int_equal(facts.length, 1400);
	assert_int_equal(facts.time_us, 99);
	assert_int_equal(facts.mark, 0x100);
	assert_int_equal(facts.iface_in, 3);
	assert_int_equal(facts.iface_out, 4);
	assert_true(facts.has_uid && facts.uid == 5 && facts.has_gid && facts.gid == 6);
	assert_true(facts.has_ports && facts.sport == 1 && facts.dport == 2);
	assert_true(facts.has_tcp && facts.tcp_flags == 2 && !facts.has_icmp);
	assert_true(facts.has_mac && memcmp(facts.mac, mac, 6) == 0);
	assert_true(facts.tos == 0x10 && facts.ttl == 63 && facts.proto == 6);
	assert_int_equal(facts.hook, RULE_HOOK_FORWARD);
	assert_null(facts.iface_in_name);
	assert_null(facts.iface_out_name);
	packet.meta.hook = PACKET_HOOK_OUTPUT;
	rule_facts_from_packet(&facts, &packet);
	assert_int_equal(facts.hook, RULE_HOOK_OUTPUT);
}

/* ---- time ---- */

/* 2024-01-01 was a Monday */
#define MONDAY UINT64_C(1704067200)
#define HOUR 3600
#define DAY UINT64_C(86400)

static enum rule_truth at(const struct world *world, uint64_t seconds)
{
	struct rule_facts facts = facts_of_tcp();

	facts.time_us = seconds * 1000000;
	return judge(world, &facts);
}

static void a_time_has_days_and_hours(void **state)
{
	struct world world = load_match("time = { days = [\"mon\", \"tue\"]; from = \"08:30\"; "
					"to = \"17:00\"; zone = \"UTC\"; }");

	(void)state;
	assert_int_equal(at(&world, MONDAY + 8 * HOUR + 1799), RULE_NO);
	assert_int_equal(at(&world, MONDAY + 8 * HOUR + 1800), RULE_YES);
	assert_int_equal(at(&world, MONDAY + DAY + 17 * HOUR - 1), RULE_YES);
	assert_int_equal(at(&world, MONDAY + DAY + 17 * HOUR), RULE_NO);
	assert_int_equal(at(&world, MONDAY + 2 * DAY + 12 * HOUR), RULE_NO);
	assert_int_equal(at(&world, MONDAY - DAY + 12 * HOUR), RULE_NO);
	unload(&world);

	world = load_match("time = ({ days = \"sat\"; zone = \"UTC\"; }, "
			   "{ from = \"23:00\"; to = \"24:00\"; zone = \"UTC\"; })");
	assert_int_equal(at(&world, MONDAY + 5 * DAY), RULE_YES);
	assert_int_equal(at(&world, MONDAY + 6 * DAY - 1), RULE_YES);
	assert_int_equal(at(&world, MONDAY + 6 * DAY), RULE_NO);
	assert_int_equal(at(&world, MONDAY + 23 * HOUR), RULE_YES);
	assert_int_equal(at(&world, MONDAY + 24 * HOUR), RULE_NO);
	unload(&world);
}

static void a_time_may_pass_midnight_and_belongs_to_the_day_it_began(void **state)
{
	struct world world = load_match("time = { days = \"fri\"; from = \"22:00\"; "
					"to = \"06:00\"; zone = \"UTC\"; }");
	const uint64_t friday = MONDAY + 4 * DAY;

	(void)state;
	assert_int_equal(at(&world, friday + 22 * HOUR), RULE_YES);
	assert_int_equal(at(&world, friday + DAY + 6 * HOUR - 1), RULE_YES);
	assert_int_equal(at(&world, friday + DAY + 6 * HOUR), RULE_NO);
	assert_int_equal(at(&world, friday + 3 * HOUR), RULE_NO);
	assert_int_equal(at(&world, friday + DAY + 23 * HOUR), RULE_NO);
	unload(&world);
}

static void a_zone_knows_its_summer_time_far_ahead(void **state)
{
	struct world world = load_match("time = { from = \"12:00\"; to = \"13:00\"; "
					"zone = \"Europe/Vienna\"; }");

	(void)state;
	/* winter: UTC+1; summer: UTC+2 */
	assert_int_equal(at(&world, MONDAY + 11 * HOUR), RULE_YES);
	assert_int_equal(at(&world, MONDAY + 10 * HOUR), RULE_NO);
	assert_int_equal(at(&world, UINT64_C(1719828000)), RULE_YES); /* 2024-07-01 10:00 UTC */
	assert_int_equal(at(&world, UINT64_C(1719831600)), RULE_NO);
	/* the last Sunday of March 2024: 31st, 01:00 UTC */
	assert_int_equal(at(&world, UINT64_C(1711796400)), RULE_YES); /* 03-30 11:00 UTC */
	assert_int_equal(at(&world, UINT64_C(1711879200)), RULE_YES); /* 03-31 10:00 UTC */
	/* beyond what a file stores: 2100-07-01 10:00 and 11:00, 2100-01-01 11:30 UTC */
	assert_int_equal(at(&world, UINT64_C(4118119200)), RULE_YES);
	assert_int_equal(at(&world, UINT64_C(4118122800)), RULE_NO);
	assert_int_equal(at(&world, UINT64_C(4102486200)), RULE_YES);
	unload(&world);
}

static void the_southern_half_and_half_hours_work_too(void **state)
{
	struct world world = load_match("time = { from = \"12:00\"; to = \"12:01\"; "
					"zone = \"Australia/Adelaide\"; }");

	(void)state;
	assert_int_equal(at(&world, MONDAY + HOUR + 1800), RULE_YES); /* UTC+10:30 */
	assert_int_equal(at(&world, UINT64_C(1719801000)), RULE_YES); /* 2024-07-01 02:30 */
	unload(&world);
}

static void wrong_times_are_named(void **state)
{
	(void)state;
	expect_findings(
		"{ name = \"a\"; mark = 5; match = { time = { days = \"mno\"; }; }; },\n"
		"{ name = \"b\"; mark = 5; match = { time = { from = \"8:00\"; }; }; },\n"
		"{ name = \"c\"; mark = 5; match = { time = { from = \"08:00\"; to = \"08:00\"; }; "
		"}; },\n"
		"{ name = \"d\"; mark = 5; match = { time = { zone = \"Mars/Base\"; }; }; },\n"
		"{ name = \"e\"; mark = 5; match = { time = { zone = \"../../etc/passwd\"; }; }; "
		"},\n"
		"{ name = \"f\"; mark = 5; match = { time = { untill = \"09:00\"; to = \"09:00\"; "
		"}; }; },\n"
		"{ name = \"g\"; mark = 5; match = { time = \"08:00\"; }; },\n"
		"{ name = \"h\"; mark = 5; match = { time = { }; }; }",
		"50-test.conf:2: rule 'a': time: 'mno' is not a day (\"mon\" to \"sun\"), did you "
		"mean 'mon'?\n"
		"50-test.conf:3: rule 'b': time: '8:00' is not a time of the day \"HH:MM\"\n"
		"50-test.conf:4: rule 'c': time: from and to leave no time between them\n"
		"50-test.conf:5: rule 'd': time: zone 'Mars/Base': no such time zone in "
		"/usr/share/zoneinfo\n"
		"50-test.conf:6: rule 'e': time: zone '../../etc/passwd': not the name of a time "
		"zone\n"
		"50-test.conf:7: unknown key 'untill' in time of rule 'f'\n"
		"50-test.conf:8: rule 'g': time: must be a group { days, from, to, zone }, or a "
		"list "
		"of them\n"
		"50-test.conf:9: rule 'h': time: the group is empty\n");
}

/* ---- ipset ---- */

/* In a network namespace of its own; 77: cannot be tried here. */
static int try_ipsets(void)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world;
	int wrong = 0;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 77;
	if (system("ipset create v4 hash:net 2>/dev/null && ipset add v4 203.0.113.0/24 && "
		   "ipset create v6 hash:ip family inet6 && ipset add v6 2001:db8::5 && "
		   "ipset create pair hash:ip,port && ipset add pair 203.0.113.9,tcp:443") != 0)
		return 77;
	world = load("{ name = \"r\"; match = { dst = [\"@set:v4\", \"@set:v6\"]; }; mark = 5; }");
	wrong |= !world.rules || world.diags.count;
	if (wrong)
		return wrong;
	wrong |= judge(&world, &facts) != RULE_YES;
	facts.dst = address("203.0.114.1");
	wrong |= judge(&world, &facts) != RULE_NO;
	facts.dst = address("2001:db8::5");
	wrong |= judge(&world, &facts) != RULE_YES;
	facts.dst = address("2001:db8::6");
	wrong |= judge(&world, &facts) != RULE_NO;
	if (system("ipset add v6 2001:db8::6 && ipset destroy v4") != 0)
		return 77;
	wrong |= judge(&world, &facts) != RULE_YES;
	facts.dst = address("203.0.113.9");
	wrong |= judge(&world, &facts) != RULE_NO;
	unload(&world);
	world = load("{ name = \"r\"; match = { src = \"@set:none\"; dst = \"@set:pair\"; }; mark "
		     "= 5; }");
	wrong |= !world.rules || world.diags.count != 1;
	if (wrong)
		return wrong;
	wrong |= judge(&world, &facts) != RULE_NO;
	unload(&world);
	return wrong;
}

static void an_ipset_is_asked_in_the_kernel(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0)
		_exit(try_ipsets());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void an_ipset_that_cannot_be_asked_is_no_error(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("dst = \"@set:waymark-no-such-set\"");

	(void)state;
	assert_int_equal(world.diags.count, 1);
	assert_int_equal(world.diags.items[0].severity, DIAG_NOTE);
	assert_non_null(strstr(world.diags.items[0].message,
			       "rule 'r': dst: ipset 'waymark-no-such-set' cannot be asked now"));
	assert_fails(&world, &facts);
	unload(&world);
	expect_wrong("dst = \"@set:\"", "rule 'r': dst: '' is not the name of an ipset");
}

/* ---- payload keys ---- */

static void a_host_covers_its_subdomains_and_equals_is_exact(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world =
		load_match("host = [\"YouTube.com\", \"=www.example.net.\", \"b\xc3\xbc"
			   "cher.example\", "
			   "\"a.b.c.d.example\"]");
	static const struct {
		const char *host;
		enum rule_truth truth;
	} cases[] = {
		{"youtube.com", RULE_YES},	  {"www.youtube.com", RULE_YES},
		{"a.b.c.youtube.com", RULE_YES},  {"notyoutube.com", RULE_NO},
		{"youtube.com.example", RULE_NO}, {"com", RULE_NO},
		{"www.example.net", RULE_YES},	  {"a.www.example.net", RULE_NO},
		{"example.net", RULE_NO},	  {"xn--bcher-kva.example", RULE_YES},
		{"x.a.b.c.d.example", RULE_YES},  {"b.c.d.example", RULE_NO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct known known = {0};

		set_host(&known, cases[i].host);
		assert_truth(&world, &known, cases[i].truth);
	}
	unload(&world);
}

static void a_host_is_open_until_it_is_known_or_cannot_come(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("proto = \"tcp\"; host = \"example.org\"");
	struct known known = {0};

	(void)state;
	assert_int_equal(judge(&world, &facts), RULE_OPEN);
	assert_truth(&world, &known, RULE_OPEN);
	known.evidence.host_done = true;
	assert_truth(&world, &known, RULE_NO);
	set_host(&known, "example.org");
	assert_truth(&world, &known, RULE_YES);
	facts.proto = 17;
	assert_fails(&world, &facts);
	unload(&world);
}

static void letters_beyond_ascii_become_a_labels(void **state)
{
	static const struct {
		const char *written, *wire;
	} cases[] = {
		{"M\xc3\x9cnchen.example", "xn--mnchen-3ya.example"},
		{"fa\xc3\x9f.de", "xn--fa-hia.de"},
		{"\xe4\xbe\x8b\xe3\x81\x88.test", "xn--r8jz45g.test"},
		{"\xd0\x9f\xd0\xa0\xd0\x98\xd0\x9c\xd0\x95\xd0\xa0.\xd1\x80\xd1\x84",
		 "xn--e1afmkfd.xn--p1ai"},
		{"a\xe3\x80\x82"
		 "example",
		 "a.example"},
		{"\xe2\x98\x83.net", "xn--n3h.net"},
	};
	struct rule_facts facts = facts_of_tcp();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct known known = {0};
		struct world world;
		char match[128];

		snprintf(match, sizeof(match), "host = \"=%s\"", cases[i].written);
		world = load_match(match);
		set_host(&known, cases[i].wire);
		assert_truth(&world, &known, RULE_YES);
		unload(&world);
	}
}

/* Against libc, which has one zone for the whole process: fine in a test. */
static void zones_agree_with_libc(void **state)
{
	static const char *const zones[] = {"Europe/Vienna", "America/St_Johns", "Asia/Kolkata",
					    "Europe/Dublin", "America/Santiago", "Pacific/Apia",
					    "EST5EDT",	     "Etc/GMT+5"};

	(void)state;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		char match[160];
		struct world world;

		snprintf(match, sizeof(match),
			 "time = { days = [\"mon\", \"thu\"]; from = \"09:30\"; to = \"16:00\"; "
			 "zone = \"%s\"; }",
			 zones[i]);
		world = load_match(match);
		assert_int_equal(setenv("TZ", zones[i], 1), 0);
		tzset();
		for (time_t time = 0; time < 4500000000; time += 99991) {
			struct tm local;
			int minute;
			bool inside;

			assert_non_null(localtime_r(&time, &local));
			minute = local.tm_hour * 60 + local.tm_min;
			inside = (local.tm_wday == 1 || local.tm_wday == 4) && minute >= 570 &&
				 minute < 960;
			assert_int_equal(at(&world, (uint64_t)time), inside ? RULE_YES : RULE_NO);
		}
		unload(&world);
	}
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void an_address_is_no_subdomain(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("host = [\"2.1\", \"192.0.2.9\", \"2001:DB8::1\"]");
	struct known known = {0};

	(void)state;
	set_host(&known, "192.0.2.1");
	assert_truth(&world, &known, RULE_NO);
	set_host(&known, "192.0.2.9");
	assert_truth(&world, &known, RULE_YES);
	set_host(&known, "2001:db8::1");
	assert_truth(&world, &known, RULE_YES);
	unload(&world);
}

static void a_host_list_of_many_names_is_searched_right(void **state)
{
	const int names = 200000;
	char *text = malloc((size_t)names * 32), *end = text;
	struct rule_facts facts = facts_of_tcp();
	struct world world;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < names; i++)
		end += sprintf(end, "%sname%d.example\n", i % 2 ? "=" : "", i);
	/* the same name both ways: it covers */
	sprintf(end, "name1.example\n");
	write_file("hosts.txt", text);
	free(text);
	world = load_match("host = \"@hosts.txt\"");
	for (int i = 0; i < names + 1000; i++) {
		struct known known = {0};
		char host[64];

		sprintf(host, "name%d.example", i);
		set_host(&known, host);
		assert_truth(&world, &known, i < names ? RULE_YES : RULE_NO);
		sprintf(host, "www.name%d.example", i);
		set_host(&known, host);
		assert_truth(&world, &known,
			     i < names && (i % 2 == 0 || i == 1) ? RULE_YES : RULE_NO);
	}
	unload(&world);
}

static void names_that_are_none_are_refused(void **state)
{
	char match[400], label[70], name[300] = "a";

	(void)state;
	expect_wrong("host = \".example.org\"",
		     "rule 'r': host: '.example.org': a name covers its subdomains: write it "
		     "without the leading dot");
	expect_wrong("host = \"exa mple.org\"", "rule 'r': host: 'exa mple.org': not a host name");
	expect_wrong("host = \"a..b\"", "rule 'r': host: 'a..b': a label is empty");
	expect_wrong("host = \"=\"", "rule 'r': host: '=': a label is empty");
	expect_wrong("host = \"http://a/\"", "rule 'r': host: 'http://a/': not a host name");
	expect_wrong("host = \"a\xff\"", "rule 'r': host: 'a\xff': not UTF-8");
	memset(label, 'x', 64);
	label[64] = '\0';
	snprintf(match, sizeof(match), "host = \"%s\"", label);
	char message[300];
	snprintf(message, sizeof(message), "rule 'r': host: '%s': a label is longer than 63 bytes",
		 label);
	expect_wrong(match, message);
	for (int i = 0; i < 130; i++)
		strcat(name, ".a");
	snprintf(match, sizeof(match), "host = \"%s\"", name);
	snprintf(message, sizeof(message), "rule 'r': host: '%.80s': longer than 253 bytes", name);
	expect_wrong(match, message);
}

static void an_app_is_open_until_every_inspector_is_done(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("app = [\"TLS\", \"ssh\"]");
	struct known known = {0};

	(void)state;
	assert_truth(&world, &known, RULE_OPEN);
	known.evidence.app[known.evidence.app_count++] = app_find("http");
	assert_truth(&world, &known, RULE_OPEN);
	known.evidence.apps_done = true;
	assert_truth(&world, &known, RULE_NO);
	known.evidence.app[known.evidence.app_count++] = app_find("tls");
	assert_truth(&world, &known, RULE_YES);
	unload(&world);
}

static void a_pattern_app_goes_by_the_bits_of_its_patterns(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct known known = {0};
	struct world world;

	(void)state;
	write_file("acme.pat", "# a protocol of ours\nacme\n^acme/[0-9]\n");
	write_file("other.pat", "other\n^other\n");
	write_file("zacme.pat", "ACME\n^x-acme\n");
	world = load_well("{ name = \"r\"; match = { app = \"acme\"; }; mark = 5; }");
	check_findings(&world.diags,
		       "zacme.pat:2: warning: pattern 'acme' is also in acme.pat:3, either of "
		       "them makes the app\n");
	assert_int_equal(pattern_count(ruleset_patterns(world.rules)), 3);
	/* in name order: acme, other, zacme */
	assert_truth(&world, &known, RULE_OPEN);
	known.evidence.apps_done = true;
	assert_truth(&world, &known, RULE_OPEN);
	known.out[0] = 1;
	assert_truth(&world, &known, RULE_OPEN);
	known.out[0] = 5;
	assert_truth(&world, &known, RULE_NO);
	known.out[0] = 1;
	known.hit[0] = 2;
	assert_truth(&world, &known, RULE_OPEN);
	known.hit[0] = 4;
	assert_truth(&world, &known, RULE_YES);
	/* evidence of an older set: bits that are missing are open */
	known_of(&known, &world);
	known.hit[0] = 0;
	known.out[0] = UINT64_MAX;
	known.evidence.pattern_count = 2;
	assert_int_equal(ruleset_judge(world.rules, 0, &facts, &known.evidence, NULL, NULL),
			 RULE_OPEN);
	unload(&world);
}

static void a_payload_goes_by_the_bits_of_its_patterns(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("payload = [\"^ACME/[0-9]\", \"\\\\x00\\\\xff\"]");
	struct known known = {0};

	(void)state;
	assert_int_equal(pattern_count(ruleset_patterns(world.rules)), 2);
	assert_string_equal(pattern_text(ruleset_patterns(world.rules), 1), "\\x00\\xff");
	assert_truth(&world, &known, RULE_OPEN);
	known.out[0] = 2;
	assert_truth(&world, &known, RULE_OPEN);
	known.out[0] = 3;
	assert_truth(&world, &known, RULE_NO);
	known.out[0] = 2;
	known.hit[0] = 1;
	assert_truth(&world, &known, RULE_YES);
	unload(&world);
}

static bool payload_hits(const char *match, enum flow_direction direction, const char *bytes)
{
	struct world world = load_match(match);
	const struct pattern_set *patterns = ruleset_patterns(world.rules);
	struct pattern_scratch *scratch = pattern_scratch_new();
	struct inspect_limits limits = {.decide_packets = 4, .decide_bytes = 4096};
	struct rule_facts facts = facts_of_tcp();
	struct flow flow = {.key = {.family = IP_V4, .proto = 17, .has_ports = true}};
	struct packet packet = {.family = IP_V4, .proto = 17, .has_ports = true};
	struct inspection *inspection = inspection_new(&flow, &packet, patterns, NULL);
	bool hit;

	assert_non_null(inspection);
	packet.payload = (const uint8_t *)bytes;
	packet.payload_captured = packet.payload_length = (uint32_t)strlen(bytes);
	inspection_feed(inspection, &flow, direction, &packet, patterns, scratch, &limits);
	hit = ruleset_judge(world.rules, 0, &facts, inspection_evidence(inspection), NULL, NULL) ==
	      RULE_YES;
	inspection_free(inspection);
	pattern_scratch_free(scratch);
	unload(&world);
	return hit;
}

static void a_payload_may_say_whose_bytes_it_reads_and_which(void **state)
{
	static const struct {
		const char *match, *bytes;
		bool from_client, from_server;
	} cases[] = {
		{"payload = \"^abc\"", "abc", true, true},
		{"payload = { regex = \"^abc\"; }", "abc", true, true},
		{"payload = { regex = \"^abc\"; from = \"client\"; }", "abc", true, false},
		{"payload = { regex = \"^abc\"; from = \"server\"; }", "abc", false, true},
		{"payload = { regex = \"^abc\"; offset = 2; }", "xxabc", true, true},
		{"payload = { regex = \"^abc\"; offset = 2; }", "abc", false, false},
		{"payload = { regex = \"abc\"; first = 4; }", "xabc", true, true},
		{"payload = { regex = \"abc\"; first = 4; }", "xxabc", false, false},
		{"payload = ( \"^no\", { regex = \"abc\"; from = \"client\"; }, "
		 "{ regex = \"^c\"; offset = 2; first = 1; } )",
		 "abc", true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (payload_hits(cases[i].match, FLOW_FROM_CLIENT, cases[i].bytes) !=
			    cases[i].from_client ||
		    payload_hits(cases[i].match, FLOW_FROM_SERVER, cases[i].bytes) !=
			    cases[i].from_server)
			fail_msg("%s", cases[i].match);
	}
}

static uint64_t fingerprint_of_match(const char *match)
{
	struct world world = load_match(match);
	uint64_t fingerprint = ruleset_fingerprint(world.rules, 0);

	unload(&world);
	return fingerprint;
}

static void where_a_payload_looks_belongs_to_the_rule(void **state)
{
	static const char *const matches[] = {
		"payload = \"abc\"",
		"payload = { regex = \"abc\"; from = \"client\"; }",
		"payload = { regex = \"abc\"; from = \"server\"; }",
		"payload = { regex = \"abc\"; offset = 1; }",
		"payload = { regex = \"abc\"; first = 1; }",
		"payload = { regex = \"abc\"; first = 2; }",
	};

	(void)state;
	assert_true(fingerprint_of_match(matches[0]) ==
		    fingerprint_of_match("payload = { regex = \"abc\"; offset = 0; }"));
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		for (size_t j = 0; j < i; j++)
			assert_true(fingerprint_of_match(matches[i]) !=
				    fingerprint_of_match(matches[j]));
}

static void an_alpn_is_any_that_was_offered(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world = load_match("alpn = [\"h2\", \"dot\"]");
	struct known known = {0};

	(void)state;
	assert_truth(&world, &known, RULE_OPEN);
	memcpy(known.evidence.alpn, "http/1.1\0h2c", 13);
	known.evidence.alpn_length = 13;
	assert_truth(&world, &known, RULE_OPEN);
	known.evidence.alpn_done = true;
	assert_truth(&world, &known, RULE_NO);
	memcpy(known.evidence.alpn, "http/1.1\0h2", 12);
	known.evidence.alpn_length = 12;
	assert_truth(&world, &known, RULE_YES);
	unload(&world);
}

/* ---- not ---- */

static void not_negates_the_conjunction_of_its_keys(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world =
		load_match("proto = \"tcp\"; not = { dport = 443; dst = \"203.0.113.0/24\"; }");

	(void)state;
	assert_fails(&world, &facts);
	facts.dport = 444;
	assert_holds(&world, &facts);
	facts.dport = 443;
	facts.dst = address("192.0.2.1");
	assert_holds(&world, &facts);
	facts.proto = 17;
	assert_fails(&world, &facts);
	unload(&world);
}

static void none_of_a_list_of_negated_groups_may_hold(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct world world =
		load_match("not = ( { dport = 443; }, { dst = \"192.0.2.1\"; }, { sport = 1; } )");

	(void)state;
	assert_fails(&world, &facts);
	facts.dport = 80;
	assert_holds(&world, &facts);
	facts.dst = address("192.0.2.1");
	assert_fails(&world, &facts);
	facts.dst = address("192.0.2.2");
	facts.sport = 1;
	assert_fails(&world, &facts);
	/* a key that cannot hold, for want of ports, makes its negation hold */
	facts.has_ports = false;
	assert_holds(&world, &facts);
	unload(&world);
}

static void what_is_open_stays_open_under_not(void **state)
{
	struct rule_facts facts = facts_of_tcp();
	struct known known = {0};
	struct world world =
		load_match("dport = 443; not = { proto = \"tcp\"; host = \"example.org\"; }");

	(void)state;
	assert_truth(&world, &known, RULE_OPEN);
	set_host(&known, "www.example.org");
	assert_truth(&world, &known, RULE_NO);
	set_host(&known, "www.example.com");
	assert_truth(&world, &known, RULE_YES);
	known.evidence.host_length = 0;
	known.evidence.host_done = true;
	assert_truth(&world, &known, RULE_YES);
	/* its header part refutes the group at once */
	known.evidence.host_done = false;
	facts.proto = 17;
	assert_truth(&world, &known, RULE_YES);
	assert_false(ruleset_is_header_only(world.rules));
	unload(&world);
}

/* ---- rules ---- */

static void each_action_has_its_value(void **state)
{
	struct world world = load_well(
		"{ name = \"a\"; uplink = \"mail.out\"; comment = \"hello\"; log = true; },\n"
		"{ name = \"b\"; uplink = \"main\"; },\n"
		"{ name = \"c\"; mark = 7; },\n"
		"{ name = \"d\"; drop = true; late = \"learn\"; },\n"
		"{ name = \"e\"; uplink = \"any\"; match = { app = \"tls\"; }; },\n"
		"{ name = \"f\"; mark = 1; },\n"
		"{ name = \"g\"; mark = 2; drop = false; },\n"
		"{ name = \"h\"; uplink = \"mail.out\"; late = \"move\"; },\n"
		"{ name = \"i\"; uplink = \"plain\"; }");
	struct rule_view view;

	(void)state;
	assert_int_equal(ruleset_count(world.rules), 9);
	ruleset_view(world.rules, 0, &view);
	assert_string_equal(view.name, "a");
	assert_int_equal(view.action, RULE_UPLINK);
	assert_string_equal(view.uplink, "mail.out");
	assert_int_equal(view.value, 1);
	assert_int_equal(view.group, RULES_NO_GROUP);
	assert_int_equal(view.late, RULE_LATE_LEARN);
	assert_false(view.late_given);
	assert_true(view.log);
	assert_string_equal(view.comment, "hello");
	assert_int_equal(view.priority, 100);
	assert_int_equal(view.line, 2);
	assert_non_null(strstr(view.file, "50-test.conf"));
	assert_false(view.has_payload_keys);
	ruleset_view(world.rules, 1, &view);
	assert_int_equal(view.action, RULE_MAIN);
	assert_string_equal(view.uplink, "main");
	assert_int_equal(view.value, 0x7f);
	assert_int_equal(view.late, RULE_LATE_MOVE);
	assert_null(view.comment);
	assert_false(view.log);
	ruleset_view(world.rules, 2, &view);
	assert_int_equal(view.action, RULE_MARK);
	assert_null(view.uplink);
	assert_int_equal(view.value, 7);
	assert_int_equal(view.late, RULE_LATE_MOVE);
	ruleset_view(world.rules, 3, &view);
	assert_int_equal(view.action, RULE_DROP);
	assert_int_equal(view.value, 0x7d);
	assert_int_equal(view.late, RULE_LATE_LEARN);
	assert_true(view.late_given);
	ruleset_view(world.rules, 4, &view);
	assert_string_equal(view.uplink, "any");
	assert_int_equal(view.value, 0);
	assert_int_equal(view.group, 0);
	assert_int_equal(view.late, RULE_LATE_LEARN);
	assert_true(view.has_payload_keys);
	ruleset_view(world.rules, 5, &view);
	assert_int_equal(view.late, RULE_LATE_LEARN); /* a mark of an uplink that NATs */
	ruleset_view(world.rules, 6, &view);
	assert_int_equal(view.action, RULE_MARK);
	assert_int_equal(view.late, RULE_LATE_MOVE);
	ruleset_view(world.rules, 7, &view);
	assert_int_equal(view.late, RULE_LATE_MOVE);
	assert_true(view.late_given);
	ruleset_view(world.rules, 8, &view);
	assert_int_equal(view.group, 1);
	assert_int_equal(view.late, RULE_LATE_MOVE); /* no member NATs */
	unload(&world);
}

static void priority_sorts_before_file_order_and_disabled_rules_are_out(void **state)
{
	static const char *const expected[] = {"b", "e", "a", "c", "f", "d"};
	struct world world;
	struct rule_view view;

	(void)state;
	write_file("60-more.conf", "rules = ( { name = \"e\"; mark = 1; priority = -5; }, "
				   "{ name = \"f\"; mark = 1; } );");
	write_file("10-ignored.conf~", "this is not read");
	world = load_well(
		"{ name = \"a\"; mark = 1; },\n"
		"{ name = \"b\"; mark = 1; priority = -5; },\n"
		"{ name = \"c\"; mark = 1; priority = 100; },\n"
		"{ name = \"x\"; mark = 1; enabled = false; match = { app = \"tls\"; }; },\n"
		"{ name = \"d\"; mark = 1; priority = 101; }");
	assert_int_equal(ruleset_count(world.rules), 6);
	for (size_t i = 0; i < 6; i++) {
		ruleset_view(world.rules, i, &view);
		assert_string_equal(view.name, expected[i]);
	}
	assert_true(ruleset_is_header_only(world.rules));
	unload(&world);
}

static void the_first_match_wins_also_while_it_is_open(void **state)
{
	struct world world = load_well(
		"{ name = \"guests\"; match = { src = \"10.0.0.0/8\"; }; uplink = \"main\"; },\n"
		"{ name = \"video\"; match = { host = \"example.org\"; }; uplink = \"cable\"; },\n"
		"{ name = \"ssh\"; match = { app = \"ssh\"; dport = 443; }; uplink = \"isdn\"; },\n"
		"{ name = \"web\"; match = { dport = 443; }; uplink = \"mail.out\"; },\n"
		"{ name = \"more\"; match = { host = \"example.com\"; }; mark = 9; }");
	struct rule_facts facts = facts_of_tcp();
	struct known known = {0};
	struct rule_match match;
	int32_t open[4] = {-1, -1, -1, -1};

	(void)state;
	ruleset_match(world.rules, &facts, NULL, NULL, NULL, &match);
	assert_int_equal(match.rule, 3);
	assert_int_equal(match.open_count, 2);
	assert_int_equal(match.first_open, 1);
	assert_int_equal(
		ruleset_open_rules(world.rules, &facts, NULL, NULL, NULL, match.rule, open, 4), 2);
	assert_true(open[0] == 1 && open[1] == 2 && open[2] == -1);
	assert_int_equal(ruleset_open_rules(world.rules, &facts, NULL, NULL, NULL, -1, open, 1), 3);

	set_host(&known, "example.com");
	ruleset_match(world.rules, &facts, known_of(&known, &world), NULL, NULL, &match);
	assert_int_equal(match.rule, 3);
	assert_int_equal(match.open_count, 1);
	assert_int_equal(match.first_open, 2);
	set_host(&known, "example.org");
	ruleset_match(world.rules, &facts, known_of(&known, &world), NULL, NULL, &match);
	assert_int_equal(match.rule, 1);
	assert_int_equal(match.open_count, 0);
	assert_int_equal(match.first_open, -1);

	/* nothing holds, something is open */
	facts.dport = 80;
	ruleset_match(world.rules, &facts, NULL, NULL, NULL, &match);
	assert_int_equal(match.rule, -1);
	assert_int_equal(match.open_count, 2);
	assert_int_equal(match.first_open, 1);
	facts.src = address("10.1.1.1");
	ruleset_match(world.rules, &facts, NULL, NULL, NULL, &match);
	assert_int_equal(match.rule, 0);
	assert_int_equal(match.open_count, 0);
	unload(&world);
}

static void waymark_conf_comes_before_the_directory(void **state)
{
	struct diag_list diags;
	struct rules_builder *builder = new_builder(&diags);
	struct ruleset *rules;
	struct rule_view view;
	char path[PATH_MAX + 32], twice[PATH_MAX + 32];

	(void)state;
	snprintf(path, sizeof(path), "%s/waymark.cfg", directory);
	write_file("waymark.cfg", "mode = \"observe\"; unknown = 1;\n"
				  "rules = ( { name = \"own\"; mark = 1; } );");
	write_file("00-a.conf", "rules = ( { name = \"a\"; mark = 1; } );");
	write_file("00-b.conf", "# nothing but a comment\n");
	rules_add_file(builder, path, true);
	rules_add_directory(builder, directory, true);
	snprintf(twice, sizeof(twice), "%s/missing", directory);
	rules_add_directory(builder, twice, false);
	rules = rules_build(builder);
	rules_builder_free(builder);
	assert_non_null(rules);
	assert_int_equal(diags.count, 0);
	assert_int_equal(ruleset_count(rules), 2);
	ruleset_view(rules, 0, &view);
	assert_string_equal(view.name, "own");
	ruleset_free(rules);

	builder = new_builder(&diags);
	rules_add_directory(builder, twice, true);
	assert_null(rules_build(builder));
	rules_builder_free(builder);
	check_findings(&diags, "missing: cannot read the directory: No such file or directory\n");
	diag_list_release(&diags);
}

static void what_config_has_found_in_the_shared_file_is_not_said_twice(void **state)
{
	struct diag_list diags;
	struct rules_builder *builder = new_builder(&diags);
	char path[PATH_MAX + 32];

	(void)state;
	snprintf(path, sizeof(path), "%s/waymark.cfg", directory);
	write_file("waymark.cfg", "mode = ;\n");
	rules_add_file(builder, path, true);
	assert_int_equal(diags.errors, 1);
	rules_builder_free(builder);
	{
		/* as policy does it: the error is in the list before the builder is made */
		struct rules_options options = {0};

		mark_layout_init(&options.mark, 0xff);
		builder = rules_builder_new(&options, &diags);
	}
	rules_add_file(builder, path, true);
	assert_int_equal(diags.errors, 1);
	assert_null(rules_build(builder));
	assert_int_equal(diags.errors, 1);
	rules_builder_free(builder);
	diag_list_release(&diags);
}

static void wrong_rules_are_named_all_in_one_run(void **state)
{
	(void)state;
	write_file("40-first.conf", "rules = ( { name = \"same\"; mark = 1; } );\n");
	expect_findings(
		"{ name = \"none\"; },\n"
		"{ name = \"two\"; mark = 1; drop = true; },\n"
		"{ name = \"three\"; mark = 1; drop = true; uplink = \"main\"; },\n"
		"{ mark = 1; },\n"
		"{ name = \"bad name\"; mark = 1; },\n"
		"{ name = \"same\"; mark = 1; enabled = false; },\n"
		"{ name = \"t\"; uplink = \"cabel\"; },\n"
		"{ name = \"m\"; mark = 125; },\n"
		"{ name = \"z\"; mark = 0; },\n"
		"{ name = \"l\"; mark = 1; late = \"lern\"; },\n"
		"{ name = \"k\"; mark = 1; macth = { }; },\n"
		"{ name = \"q\"; mark = 1; match = { dprot = 25; }; },\n"
		"{ name = \"e\"; mark = 1; enabled = 1; priority = \"high\"; log = \"yes\"; },\n"
		"{ name = \"w\"; mark = 1; match = 5; },\n"
		"{ name = \"o\"; drop = 1; }",
		"50-test.conf:2: rule 'none' has no action: one of uplink, mark, drop\n"
		"50-test.conf:3: rule 'two' has two actions: exactly one of uplink, mark, drop\n"
		"50-test.conf:4: rule 'three' has three actions: exactly one of uplink, mark, "
		"drop\n"
		"50-test.conf:5: a rule has no name\n"
		"50-test.conf:6: rule name 'bad name' must be 1 to 63 of A-Z a-z 0-9 _ . -\n"
		"50-test.conf:8: rule 't': there is no uplink or group 'cabel', did you mean "
		"'cable'?\n"
		"50-test.conf:9: 'mark' is 125, must be 1 to 124\n"
		"50-test.conf:10: 'mark' is 0, must be 1 to 124\n"
		"50-test.conf:11: 'late' is 'lern', must be learn or move, did you mean 'learn'?\n"
		"50-test.conf:12: unknown key 'macth' in rule 'k', did you mean 'match'?\n"
		"50-test.conf:13: unknown key 'dprot' in match of rule 'q', did you mean 'dport'?\n"
		"50-test.conf:14: 'enabled' must be true or false, not a whole number\n"
		"50-test.conf:14: 'log' must be true or false, not a string\n"
		"50-test.conf:14: 'priority' must be a whole number, not a string\n"
		"50-test.conf:15: 'match' must be a group { }, not a whole number\n"
		"50-test.conf:16: 'drop' must be true or false, not a whole number\n"
		"50-test.conf:7: rule 'same' is already defined at 40-first.conf:1\n");
}

static void a_syntax_error_ends_its_own_file_only(void **state)
{
	struct world world;

	(void)state;
	write_file("45-broken.conf", "rules = (\n{ name = \"x\" mark 1 }\n);\n");
	world = load("{ name = \"none\"; },\n{ mark = 1; }");
	assert_null(world.rules);
	assert_int_equal(world.diags.count, 3);
	assert_non_null(strstr(world.diags.items[0].file, "45-broken.conf"));
	assert_int_equal(world.diags.items[0].line, 2);
	assert_int_equal(world.diags.items[1].line, 2);
	assert_int_equal(world.diags.items[2].line, 3);
	unload(&world);
}

static void keys_of_other_files_are_refused_in_rules_files(void **state)
{
	struct world world;

	(void)state;
	write_file("50-test.conf", "rule = ( );\nmode = \"observe\";\nrules = ( 5 );\n");
	world = load_directory();
	assert_null(world.rules);
	assert_int_equal(world.diags.errors, 3);
	check_findings(
		&world.diags,
		"50-test.conf:1: unknown key 'rule' in a rules file, did you mean 'rules'?\n"
		"50-test.conf:2: unknown key 'mode' in a rules file\n"
		"50-test.conf:3: 'rules' must be a list of groups ( { ... }, ... ), and item "
		"1 is a whole number\n");
	unload(&world);
}

static void wrong_values_are_named(void **state)
{
	(void)state;
	expect_wrong("dport = \"25:30\"",
		     "rule 'r': dport: '25:30' is not a port or a range \"a-b\"");
	expect_wrong("dport = \"30-25\"",
		     "rule 'r': dport: '30-25' is not a port or a range \"a-b\"");
	expect_wrong("dport = 65536", "'dport' is 65536, must be 0 to 65535");
	expect_wrong("dport = [ ]", "rule 'r': dport: the list is empty, nothing could match");
	expect_wrong("dport = true",
		     "rule 'r': dport: an item must be a string (a port or a range \"a-b\")");
	expect_wrong("dport = { from = 1; }",
		     "rule 'r': dport: an item must be a string (a port or a range \"a-b\")");
	expect_wrong("src = \"\"", "rule 'r': src: an item is empty");
	expect_wrong("src = \"10.0.0.0/33\"", "rule 'r': src: '10.0.0.0/33': not an address, a "
					      "prefix or a range \"A-B\"");
	expect_wrong("proto = \"tpc\"",
		     "rule 'r': proto: 'tpc' is not a protocol, did you mean 'tcp'?");
	expect_wrong("tos = \"lowdeley\"", "rule 'r': tos: 'lowdeley' is not a TOS name or "
					   "value[/mask], did you mean 'lowdelay'?");
	expect_wrong("tos = \"0x11/0x10\"", "rule 'r': tos: the value has bits outside its mask: "
					    "it could never match");
	expect_wrong("dscp = \"af14\"", "rule 'r': dscp: 'af14' is not a DSCP name or a number "
					"from 0 to 63, did you mean 'af11'?");
	expect_wrong("dscp = 64", "'dscp' is 64, must be 0 to 63");
	expect_wrong(
		"icmp_type = \"echo-rquest\"",
		"rule 'r': icmp_type: 'echo-rquest' is not an ICMP type, by name or number, or "
		"type/code, did you mean 'echo-request'?");
	expect_wrong("tcp_flags = \"syyn\"",
		     "rule 'r': tcp_flags: 'syyn' is not TCP flags (\"syn,ack\") or mask/comp "
		     "(\"syn,ack,fin,rst/syn\"), did you mean 'syn'?");
	expect_wrong("fwmark = \"0x1ff/0xff\"", "rule 'r': fwmark: the value has bits outside its "
						"mask: it could never match");
	expect_wrong("mac = \"00:11:22:33:44\"",
		     "rule 'r': mac: '00:11:22:33:44' is not a hardware "
		     "address (\"00:11:22:33:44:55\")");
	expect_wrong("iface_in = \"a-name-too-long-by-far\"",
		     "rule 'r': iface_in: 'a-name-too-long-by-far' is not an interface name");
	expect_wrong("iface_out = \"eth0\"",
		     "rule 'r': iface_out: known for local packets only: it "
		     "needs hook = \"output\"");
	expect_wrong("hook = [\"output\", \"forward\"]; iface_out = \"eth0\"",
		     "rule 'r': iface_out: known for local packets only: it needs hook = "
		     "\"output\"");
	expect_wrong("hook = \"outptu\"",
		     "rule 'r': hook: 'outptu' is not \"forward\" or \"output\", did you mean "
		     "'output'?");
	expect_wrong(
		"uid = \"no-such-user-here\"",
		"rule 'r': uid: 'no-such-user-here' is not a user of this machine, a number or "
		"a range \"a-b\"");
	expect_wrong("app = \"bitorrent\"",
		     "rule 'r': app: there is no app 'bitorrent', did you mean 'bittorrent'?");
	expect_wrong("app = \"tsl\"", "rule 'r': app: there is no app 'tsl', did you mean 'tls'?");
	expect_wrong("not = { not = { dport = 1; }; }",
		     "rule 'r': not: a negation cannot stand in a negation");
	expect_wrong("not = { }", "rule 'r': not: the group is empty, nothing could match");
	expect_wrong("not = 5",
		     "rule 'r': not: must be a group { } of match keys, or a list of them");
	expect_wrong("payload = \"\"", "rule 'r': payload: an item is empty");
	expect_wrong("payload = { from = \"client\"; }",
		     "rule 'r': payload: the group has no regex");
	expect_wrong("payload = { regex = \"\"; }", "rule 'r': payload: the regex is empty");
	expect_wrong("payload = { regex = \"a\"; from = \"clint\"; }",
		     "'from' is 'clint', must be client or server, did you mean 'client'?");
	expect_wrong("payload = { regex = \"a\"; frst = 1; }",
		     "unknown key 'frst' in payload of rule 'r', did you mean 'first'?");
	expect_wrong("payload = { regex = \"a\"; first = 0; }",
		     "'first' is 0, must be 1 to 16384");
	expect_wrong("payload = { regex = \"a\"; offset = 16384; }",
		     "'offset' is 16384, must be 0 to 16383");
}

static void a_pattern_that_does_not_compile_is_named_where_it_stands(void **state)
{
	struct world world = load("{ name = \"r\"; mark = 1;\n match = { payload = \"^(a\"; }; }");

	(void)state;
	assert_null(world.rules);
	assert_int_equal(world.diags.count, 1);
	assert_int_equal(world.diags.items[0].line, 3);
	unload(&world);
}

static void an_announced_app_may_be_asked_for_and_does_not_match(void **state)
{
	struct world world = load_match("app = \"SMTPS\"");
	struct rule_facts facts = facts_of_tcp();
	struct evidence nothing_yet = {0};

	(void)state;
	assert_non_null(world.rules);
	assert_int_equal(world.diags.count, 1);
	assert_int_equal(world.diags.items[0].severity, DIAG_NOTE);
	assert_string_equal(world.diags.items[0].message,
			    "rule 'r': app: 'SMTPS' is found by a .pat file only as yet, and "
			    "there is none: it does not match");
	assert_int_equal(ruleset_judge(world.rules, 0, &facts, &nothing_yet, NULL, NULL), RULE_NO);
	unload(&world);
}

static void a_fifo_among_the_rules_is_an_error_and_hangs_nothing(void **state)
{
	struct world world;
	char path[PATH_MAX + 32];

	(void)state;
	snprintf(path, sizeof(path), "%s/10-pipe.conf", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	world = load_directory();
	assert_null(world.rules);
	assert_int_equal(world.diags.count, 1);
	assert_string_equal(world.diags.items[0].message, "not a regular file");
	assert_int_equal(unlink(path), 0);
	unload(&world);
}

static void an_app_of_an_earlier_ruleset_is_unknown_again(void **state)
{
	struct world world;
	char path[PATH_MAX + 32];

	(void)state;
	write_file("gone.pat", "gonesoon\n^gone\n");
	world = load_match("app = \"gonesoon\"");
	unload(&world);
	snprintf(path, sizeof(path), "%s/gone.pat", directory);
	assert_int_equal(unlink(path), 0);
	expect_wrong("app = \"gonesoon\"", "rule 'r': app: there is no app 'gonesoon'");
}

static void the_shipped_rules_load_and_their_patterns_hit(void **state)
{
	static const struct {
		const char *app, *bytes;
	} cases[] = {
		{"bittorrent", "GET /announce?info_hash=%01%02 HTTP/1.1\r\n"},
		{"ftp", "220-hello\r\n220 ready\r\nUSER anonymous\r\n"},
		{"irc", "CAP LS 302\r\nNICK a\r\nUSER a 0 * :A\r\n"},
		{"rtsp", "DESCRIBE rtsp://192.0.2.1/live RTSP/1.0\r\n"},
		{"sip", "INVITE sip:bob@example.org SIP/2.0\r\n"},
		{"vnc", "RFB 003.008\n"},
		{"xmpp",
		 "<?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client'>"},
	};
	const char *source = getenv("WAYMARK_SRC");
	struct rule_facts facts = facts_of_tcp();
	struct inspect_limits limits = {.decide_packets = 4, .decide_bytes = 4096};
	struct pattern_scratch *scratch = pattern_scratch_new();
	struct rules_builder *builder;
	struct rule_view view;
	struct world world = {0};
	bool hit[sizeof(cases) / sizeof(cases[0])] = {false};
	char path[PATH_MAX], text[2048] = "rules = ( ";
	size_t shipped, count = sizeof(cases) / sizeof(cases[0]);

	(void)state;
	snprintf(path, sizeof(path), "%s/rules.d", source ? source : ".");
	if (access(path, R_OK) < 0)
		skip();
	assert_non_null(scratch);
	/* a rule for each app, behind the shipped ones, so that all patterns are scanned for */
	for (size_t i = 0; i < count; i++)
		sprintf(text + strlen(text),
			"%s{ name = \"t%zu\"; mark = 9; match = { app = \"%s\"; }; }",
			i ? ",\n" : "", i, cases[i].app);
	strcat(text, " );");
	write_file("99-all.conf", text);
	builder = new_builder(&world.diags);
	rules_add_directory(builder, path, true);
	rules_add_directory(builder, directory, true);
	world.rules = rules_build(builder);
	rules_builder_free(builder);
	diag_print(&world.diags, stderr);
	assert_non_null(world.rules);
	assert_int_equal(world.diags.count, 0);
	facts.dport = 25;
	ruleset_view(world.rules, (size_t)match_rule(&world, &facts), &view);
	assert_string_equal(view.name, "outgoing-mail");

	shipped = ruleset_count(world.rules) - count;
	for (size_t i = 0; i < 2 * count; i++) { /* over UDP, and over TCP, as the pattern may be */
		const struct pattern_set *patterns = ruleset_patterns(world.rules);
		const char *bytes = cases[i / 2].bytes;
		uint8_t proto = i % 2 ? 6 : 17;
		struct flow flow = {.key = {.family = IP_V4,
					    .proto = proto,
					    .client_port = 1000,
					    .server_port = 2000,
					    .has_ports = true},
				    .has_isn = 3};
		struct packet packet = {.family = IP_V4,
					.proto = proto,
					.has_ports = true,
					.has_tcp = i % 2,
					.tcp_flags = PACKET_TCP_ACK};
		struct inspection *inspection = inspection_new(&flow, &packet, patterns, NULL);

		assert_non_null(inspection);
		packet.payload = (const uint8_t *)bytes;
		packet.payload_captured = packet.payload_length = (uint32_t)strlen(bytes);
		inspection_feed(inspection, &flow, FLOW_FROM_CLIENT, &packet, patterns, scratch,
				&limits);
		for (size_t j = 0; j < count; j++) {
			enum rule_truth truth =
				ruleset_judge(world.rules, shipped + j, &facts,
					      inspection_evidence(inspection), NULL, NULL);

			if (i / 2 != j)
				assert_int_not_equal(truth, RULE_YES);
			hit[j] |= truth == RULE_YES;
		}
		inspection_free(inspection);
	}
	for (size_t i = 0; i < count; i++)
		if (!hit[i])
			fail_msg("%s does not hit", cases[i].app);
	pattern_scratch_free(scratch);
	unload(&world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ports_match_numbers_and_ranges),
		TEST(a_protocol_is_a_name_or_a_number),
		TEST(addresses_are_hosts_prefixes_and_ranges_of_both_families),
		TEST(a_list_file_holds_prefixes_one_a_line),
		TEST(a_large_list_is_searched_right),
		TEST(slips_in_a_list_are_named_at_their_own_line),
		TEST(a_list_with_a_nul_byte_is_refused),
		TEST(a_list_full_of_errors_is_given_up),
		TEST(tos_names_leave_ecn_out_and_numbers_do_not),
		TEST(dscp_has_all_names),
		TEST(ttl_and_length_are_numbers_or_ranges),
		TEST(tcp_flags_are_a_mask_or_flags_that_must_be_set),
		TEST(an_icmp_name_means_both_families),
		TEST(a_foreign_mark_is_compared_without_our_bits),
		TEST(users_and_groups_go_by_number_range_and_name),
		TEST(a_mac_address_matches_whole),
		TEST(interfaces_go_by_name_and_by_index),
		TEST(the_hook_is_forward_or_output_or_both),
		TEST(no_match_and_an_empty_match_are_everything),
		TEST(facts_come_from_a_packet),
		TEST(a_time_has_days_and_hours),
		TEST(a_time_may_pass_midnight_and_belongs_to_the_day_it_began),
		TEST(a_zone_knows_its_summer_time_far_ahead),
		TEST(the_southern_half_and_half_hours_work_too),
		TEST(wrong_times_are_named),
		TEST(an_ipset_is_asked_in_the_kernel),
		TEST(an_ipset_that_cannot_be_asked_is_no_error),
		TEST(a_host_covers_its_subdomains_and_equals_is_exact),
		TEST(a_host_is_open_until_it_is_known_or_cannot_come),
		TEST(letters_beyond_ascii_become_a_labels),
		TEST(zones_agree_with_libc),
		TEST(an_address_is_no_subdomain),
		TEST(a_host_list_of_many_names_is_searched_right),
		TEST(names_that_are_none_are_refused),
		TEST(an_app_is_open_until_every_inspector_is_done),
		TEST(a_pattern_app_goes_by_the_bits_of_its_patterns),
		TEST(a_payload_goes_by_the_bits_of_its_patterns),
		TEST(a_payload_may_say_whose_bytes_it_reads_and_which),
		TEST(where_a_payload_looks_belongs_to_the_rule),
		TEST(an_alpn_is_any_that_was_offered),
		TEST(not_negates_the_conjunction_of_its_keys),
		TEST(none_of_a_list_of_negated_groups_may_hold),
		TEST(what_is_open_stays_open_under_not),
		TEST(each_action_has_its_value),
		TEST(priority_sorts_before_file_order_and_disabled_rules_are_out),
		TEST(the_first_match_wins_also_while_it_is_open),
		TEST(waymark_conf_comes_before_the_directory),
		TEST(what_config_has_found_in_the_shared_file_is_not_said_twice),
		TEST(wrong_rules_are_named_all_in_one_run),
		TEST(a_syntax_error_ends_its_own_file_only),
		TEST(keys_of_other_files_are_refused_in_rules_files),
		TEST(wrong_values_are_named),
		TEST(a_pattern_that_does_not_compile_is_named_where_it_stands),
		TEST(an_announced_app_may_be_asked_for_and_does_not_match),
		TEST(a_fifo_among_the_rules_is_an_error_and_hangs_nothing),
		TEST(an_app_of_an_earlier_ruleset_is_unknown_again),
		TEST(the_shipped_rules_load_and_their_patterns_hit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
