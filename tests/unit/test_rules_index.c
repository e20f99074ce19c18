/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index of rules against the walk that it stands for: random rulesets, written as a user would
 * write them, and random flows of the same small world, so that much of it meets. The walk here
 * asks every rule in turn; both must agree in all that a match says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/rules/judge.h"

static uint64_t state_of_dice = 1;

static unsigned roll(unsigned sides)
{
	state_of_dice = state_of_dice * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((state_of_dice >> 33) % sides);
}

static bool chance(unsigned percent)
{
	return roll(100) < percent;
}

/* ---- the world ---- */

static const char *const hosts[] = {"a.example",   "www.a.example", "b.example",
				    "x.b.example", "y.x.b.example", "example",
				    "192.0.2.1",   "c.test",	    "d.c.test"};
static const char *const apps[] = {"tls", "http", "dns", "ssh", "quic", "bittorrent"};
static const char *const interfaces[] = {"eth0", "eth1", "ppp0", "wlan-a"};
static const unsigned ports[] = {0,    22,   25,   53,	 80,   443,  1023,  1024,
				 1025, 6000, 6001, 6063, 6064, 6200, 32768, 65535};

#define PICK(array) ((array)[roll(sizeof(array) / sizeof((array)[0]))])

/* How a ruleset is made: what is common in it. */
struct style {
	unsigned wide;	    /* per cent of addresses that are IPv6 */
	unsigned payload;   /* ... of rules that have a payload key */
	unsigned scattered; /* ... of prefixes of any length */
	bool patterns;
};

static struct ip_addr make_address(bool wide)
{
	struct ip_addr address = {.family = wide ? IP_V6 : IP_V4};

	if (wide) {
		memcpy(address.bytes, "\x20\x01\x0d\xb8", 4);
		address.bytes[4] = (uint8_t)(roll(2) * 128);
		address.bytes[7] = (uint8_t)roll(3);
		address.bytes[8] = (uint8_t)roll(2);
		address.bytes[15] = (uint8_t)roll(4);
		return address;
	}
	address.bytes[0] = chance(80) ? 10 : chance(50) ? 192 : 255;
	address.bytes[1] = (uint8_t)(roll(3) * 85);
	address.bytes[2] = (uint8_t)roll(3);
	address.bytes[3] = (uint8_t)(roll(4) + (chance(10) ? 252 : 0));
	return address;
}

/* ---- rules ---- */

struct text {
	char *bytes;
	size_t used, room;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	if (text->room - text->used < 512) {
		text->room = text->room * 2 + 4096;
		text->bytes = realloc(text->bytes, text->room);
		assert_non_null(text->bytes);
	}
	va_start(arguments, format);
	length = vsnprintf(text->bytes + text->used, text->room - text->used, format, arguments);
	va_end(arguments);
	assert_in_range(length, 0, 511);
	text->used += (size_t)length;
}

static void put_address(struct text *text, const struct style *style)
{
	bool wide = chance(style->wide);
	struct ip_addr address = make_address(wide);
	char first[IP_TEXT_SIZE], second[IP_TEXT_SIZE];
	unsigned bits = wide ? 128 : 32;

	ip_format(&address, first);
	if (chance(10)) {
		struct ip_addr last = make_address(wide);

		if (ip_compare(&address, &last) > 0) {
			struct ip_addr swapped = address;

			address = last;
			last = swapped;
		}
		put(text, "\"%s-%s\"", ip_format(&address, first), ip_format(&last, second));
	} else if (chance(style->scattered)) {
		put(text, "\"%s/%u\"", first, roll(bits + 1));
	} else if (chance(40)) {
		put(text, "\"%s/%u\"", first, bits - 8 * roll(4));
	} else {
		put(text, "\"%s\"", first);
	}
}

static void put_port(struct text *text)
{
	unsigned first = PICK(ports), last = PICK(ports);

	if (chance(60))
		put(text, "\"%u\"", first);
	else
		put(text, "\"%u-%u\"", first < last ? first : last, first < last ? last : first);
}

typedef void put_item(struct text *text, const struct style *style);

static void item_port(struct text *text, const struct style *style)
{
	(void)style;
	put_port(text);
}

static void item_proto(struct text *text, const struct style *style)
{
	static const char *const words[] = {"tcp", "udp", "icmp", "ipv6-icmp", "6", "70", "17"};

	(void)style;
	put(text, "\"%s\"", PICK(words));
}

static void item_mac(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "\"02:00:00:00:00:%02x\"", roll(3));
}

static void item_number(struct text *text, const struct style *style)
{
	unsigned low = roll(6);

	(void)style;
	if (chance(70))
		put(text, "\"%u\"", low);
	else
		put(text, "\"%u-%u\"", low, low + roll(50));
}

static void item_dscp(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "%u", roll(4));
}

static void item_interface(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "\"%s\"", chance(20) ? "eth+" : PICK(interfaces));
}

static void item_masked(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "\"0x%x/0x%x\"", roll(2) << 8, 0x300);
}

static void item_flags(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "\"%s\"", chance(50) ? "syn,ack,fin,rst/syn" : "ack");
}

static void item_icmp(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "%u", roll(2) * 8);
}

static void item_hook(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "\"%s\"", chance(50) ? "forward" : "output");
}

static void item_host(struct text *text, const struct style *style)
{
	static const char *const fronts[] = {"", "", "=", "*."};
	const char *host = PICK(hosts);

	(void)style;
	put(text, "\"%s%s\"", *host >= '0' && *host <= '9' ? "" : PICK(fronts), host);
}

static void item_app(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "\"%s\"", PICK(apps));
}

static void item_alpn(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "\"%s\"", chance(50) ? "h2" : "http/1.1");
}

static void item_payload(struct text *text, const struct style *style)
{
	(void)style;
	put(text, "\"^word%u\"", roll(5));
}

struct key {
	const char *name;
	put_item *item;
	unsigned often; /* per cent of rules */
	unsigned many;	/* per cent of its lists that have more than one */
};

static const struct key header_keys[] = {
	{"dst", put_address, 55, 30},	 {"src", put_address, 25, 30},
	{"proto", item_proto, 40, 20},	 {"dport", item_port, 35, 30},
	{"sport", item_port, 10, 30},	 {"mac", item_mac, 5, 30},
	{"uid", item_number, 5, 30},	 {"gid", item_number, 3, 30},
	{"dscp", item_dscp, 8, 40},	 {"iface_in", item_interface, 8, 30},
	{"fwmark", item_masked, 3, 20},	 {"ttl", item_number, 3, 30},
	{"length", item_number, 3, 30},	 {"tcp_flags", item_flags, 4, 20},
	{"icmp_type", item_icmp, 4, 20}, {"hook", item_hook, 8, 0},
};

static const struct key payload_keys[] = {
	{"host", item_host, 60, 40},
	{"app", item_app, 40, 30},
	{"alpn", item_alpn, 15, 30},
	{"payload", item_payload, 30, 30},
};

static void put_key(struct text *text, const struct key *key, const struct style *style)
{
	unsigned count = chance(key->many) ? 1 + roll(chance(5) ? 60 : 5) : 1;

	put(text, "%s = (", key->name);
	for (unsigned i = 0; i < count; i++) {
		if (i)
			put(text, ", ");
		key->item(text, style);
	}
	put(text, "); ");
}

/* `scale`: per cent of the usual number of keys. */
static unsigned put_keys(struct text *text, const struct key *keys, size_t count,
			 const struct style *style, unsigned scale)
{
	unsigned written = 0;

	for (size_t i = 0; i < count; i++) {
		if (!style->patterns && keys[i].item == item_payload)
			continue;
		if (chance(keys[i].often * scale / 100)) {
			put_key(text, &keys[i], style);
			written++;
		}
	}
	return written;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_rule(struct text *text, unsigned number, const struct style *style)
{
	bool payload = chance(style->payload);

	put(text, "%s{ name = \"r%u\"; match = { ", number ? ",\n" : "", number);
	put_keys(text, header_keys, COUNT(header_keys), style, payload && chance(50) ? 0 : 100);
	if (payload)
		put_keys(text, payload_keys, COUNT(payload_keys), style, 100);
	if (chance(4))
		put(text, "time = { from = \"08:00\"; to = \"20:00\"; zone = \"UTC\"; }; ");
	if (chance(10)) {
		put(text, "not = { ");
		if (!put_keys(text, header_keys, COUNT(header_keys), style, 50))
			put_key(text, &header_keys[roll(4)], style);
		if (payload && chance(50))
			put_key(text, &payload_keys[roll(2)], style);
		put(text, "}; ");
	}
	put(text, "}; mark = 5; ");
	if (chance(15))
		put(text, "priority = %u; ", roll(200));
	if (chance(5))
		put(text, "enabled = false; ");
	put(text, "}");
}

static struct ruleset *load(const char *text, size_t length)
{
	struct rules_options options = {0};
	struct diag_list diags = DIAG_LIST_INIT;
	char path[] = "/tmp/test_rules_index.XXXXXX";
	int file = mkstemp(path);
	struct rules_builder *builder;
	struct ruleset *rules;

	assert_true(file >= 0);
	assert_int_equal(write(file, text, length), length);
	close(file);
	assert_true(mark_layout_init(&options.mark, 0xff));
	builder = rules_builder_new(&options, &diags);
	rules_add_file(builder, path, false);
	rules = rules_build(builder);
	rules_builder_free(builder);
	unlink(path);
	if (!rules) {
		diag_print(&diags, stderr);
		fwrite(text, 1, length, stderr);
	}
	assert_non_null(rules);
	diag_list_release(&diags);
	return rules;
}

static struct ruleset *make_rules(const struct style *style, unsigned count)
{
	struct text text = {0};
	struct ruleset *rules;

	put(&text, "rules = (\n");
	for (unsigned i = 0; i < count; i++)
		put_rule(&text, i, style);
	put(&text, "\n);\n");
	rules = load(text.bytes, text.used);
	free(text.bytes);
	return rules;
}

/* ---- flows ---- */

struct flow_case {
	struct rule_facts facts;
	struct evidence evidence;
	struct rule_expectation expected;
	bool has_evidence, has_expected;
	uint64_t hit, out;
	uint16_t apps[2];
};

static void make_facts(const struct style *style, struct rule_facts *facts)
{
	static const uint8_t protos[] = {6, 6, 6, 17, 17, 1, 58, 70, 47};
	bool wide = chance(style->wide);

	*facts = (struct rule_facts){
		.src = make_address(wide),
		.dst = make_address(wide),
		.time_us = UINT64_C(1700000000000000) + (uint64_t)roll(86400) * 1000000,
		.length = roll(60),
		.mark = roll(4) << 8,
		.uid = roll(8),
		.gid = roll(8),
		.sport = (uint16_t)PICK(ports),
		.dport = (uint16_t)PICK(ports),
		.proto = PICK(protos),
		.tos = (uint8_t)roll(32),
		.ttl = (uint8_t)roll(60),
		.icmp_type = (uint8_t)(roll(2) * 8),
		.tcp_flags = chance(50) ? PACKET_TCP_SYN : PACKET_TCP_ACK,
		.mac = {2, 0, 0, 0, 0, (uint8_t)roll(3)},
		.hook = chance(50) ? RULE_HOOK_FORWARD : RULE_HOOK_OUTPUT,
		.has_mac = chance(80),
		.has_uid = chance(50),
		.has_gid = chance(50),
		.iface_in_name = chance(80) ? PICK(interfaces) : NULL,
	};
	facts->has_ports = (facts->proto == 6 || facts->proto == 17) && chance(95);
	facts->has_tcp = facts->proto == 6 && facts->has_ports;
	facts->has_icmp = facts->proto == 1 || facts->proto == 58;
	if (chance(5))
		facts->src = make_address(!wide);
	if (chance(3))
		facts->src = facts->dst = (struct ip_addr){0};
	if (chance(2))
		facts->dst = (struct ip_addr){0};
}

static void make_case(const struct style *style, struct flow_case *made)
{
	struct evidence *evidence = &made->evidence;

	*made = (struct flow_case){.has_evidence = chance(85), .has_expected = chance(50)};
	make_facts(style, &made->facts);
	evidence->apps_done = chance(40);
	if (chance(50)) {
		evidence->app[0] = app_find(PICK(apps));
		evidence->app_count = 1;
	}
	evidence->apps_out[0] = chance(50) ? UINT64_MAX : 0;
	evidence->host_done = chance(40);
	if (chance(50)) {
		const char *host = PICK(hosts);

		evidence->host_length = (uint8_t)strlen(host);
		strcpy(evidence->host, host);
		evidence->host_source = chance(30) ? HOST_TLS_ECH_OUTER : HOST_TLS_SNI;
		evidence->host_done = true;
	}
	evidence->alpn_done = chance(50);
	if (chance(30)) {
		memcpy(evidence->alpn, "h2", 3);
		evidence->alpn_length = 3;
	}
	made->hit = roll(256) & roll(256);
	made->out = ~made->hit & roll(256);
	evidence->pattern_count = roll(10);
	made->expected = (struct rule_expectation){.rule = roll(4)};
	if (chance(60)) {
		made->expected.host = PICK(hosts);
		made->expected.host_length = strlen(made->expected.host);
	}
	if (chance(60)) {
		made->expected.answer = PICK(hosts);
		made->expected.answer_length = strlen(made->expected.answer);
		made->expected.answer_is_inner = chance(50);
	}
	made->apps[0] = app_find(PICK(apps));
	made->expected.app_count = roll(2);
}

/* ---- the walk ---- */

static void walk(const struct ruleset *rules, const struct flow_case *flow,
		 const struct evidence *evidence, const struct rule_expectation *expected,
		 struct rule_match *match)
{
	struct question question = {
		.facts = &flow->facts,
		.evidence = evidence,
		.expected = expected,
		.iface_in = flow->facts.iface_in_name,
	};

	*match = (struct rule_match){.rule = -1, .first_open = -1, .expected = -1};
	for (size_t i = 0; i < ruleset_count(rules); i++) {
		enum rule_truth truth =
			ruleset_judge(rules, i, &flow->facts, evidence, expected, NULL);

		if (truth == RULE_YES) {
			match->rule = (int32_t)i;
			return;
		}
		if (truth != RULE_OPEN)
			continue;
		if (match->open_count++ == 0)
			match->first_open = (int32_t)i;
		if (expected && match->expected < 0 &&
		    rules_is_expected(&rules->rules[i], &question))
			match->expected = (int32_t)i;
	}
}

/* What has been seen at all: a test of nothing proves nothing. */
struct seen {
	unsigned asked, held, none, open, expected;
};

static void assert_same(const struct ruleset *rules, const char *how,
			const struct rule_match *found, const struct rule_match *wanted)
{
	if (found->rule != wanted->rule || found->open_count != wanted->open_count ||
	    found->first_open != wanted->first_open || found->expected != wanted->expected)
		fail_msg("%s, of %zu rules: rule %d, %u open from %d, expected %d; "
			 "the walk: rule %d, %u open from %d, expected %d",
			 how, ruleset_count(rules), found->rule, found->open_count,
			 found->first_open, found->expected, wanted->rule, wanted->open_count,
			 wanted->first_open, wanted->expected);
}

/* A flow by itself, and as one of a batch. */
static void compare_one(const struct ruleset *rules, struct flow_case *flow,
			struct rules_ahead *ahead, size_t place, struct seen *seen)
{
	const struct evidence *evidence = flow->has_evidence ? &flow->evidence : NULL;
	const struct rule_expectation *expected = flow->has_expected ? &flow->expected : NULL;
	struct rule_match found, wanted;

	walk(rules, flow, evidence, expected, &wanted);
	ruleset_match(rules, &flow->facts, evidence, expected, NULL, &found);
	assert_same(rules, "alone", &found, &wanted);
	ruleset_match_ahead(ahead, place, evidence, expected, &found);
	assert_same(rules, "in a batch", &found, &wanted);
	seen->asked++;
	seen->held += wanted.rule >= 0;
	seen->none += wanted.rule < 0;
	seen->open += wanted.open_count > 0;
	seen->expected += wanted.expected >= 0;
	if (!evidence && !wanted.open_count && flow->facts.src.family == flow->facts.dst.family &&
	    flow->facts.src.family != IP_NONE &&
	    (wanted.rule < 0 || !rules->rules[wanted.rule].payload))
		assert_int_equal(rules_ahead_header(ahead, place), wanted.rule);
}

static void compare(const struct ruleset *rules, const struct style *style, unsigned flows,
		    struct seen *seen)
{
	static struct flow_case cases[RULES_AHEAD_MAX];
	static struct rule_facts facts[RULES_AHEAD_MAX];
	struct rules_ahead *ahead = rules_ahead_new();

	assert_non_null(ahead);
	for (unsigned done = 0, count; done < flows; done += count) {
		count = 1 + roll(RULES_AHEAD_MAX);
		for (unsigned i = 0; i < count; i++) {
			struct flow_case *flow = &cases[i];

			make_case(style, flow);
			flow->evidence.pattern_hit = &flow->hit;
			flow->evidence.pattern_out = &flow->out;
			flow->expected.apps = flow->apps;
			if (ruleset_count(rules) && chance(30))
				flow->expected.rule = ruleset_fingerprint(
					rules, roll((unsigned)ruleset_count(rules)));
			facts[i] = flow->facts;
		}
		ruleset_ahead(rules, facts, count, NULL, ahead);
		for (unsigned i = 0; i < count; i++)
			compare_one(rules, &cases[i], ahead, i, seen);
	}
	rules_ahead_free(ahead);
}

static void check(const struct style *style, unsigned rulesets, unsigned rules, unsigned flows)
{
	struct seen seen = {0};

	for (unsigned i = 0; i < rulesets; i++) {
		struct ruleset *made = make_rules(style, 1 + roll(rules));

		compare(made, style, flows, &seen);
		ruleset_free(made);
	}
	assert_true(seen.held > seen.asked / 20);
	assert_true(style->payload == 0 || seen.open > seen.asked / 20);
	assert_true(style->payload == 0 || seen.expected > seen.asked / 1000);
}

/* ---- tests ---- */

static void few_rules_agree_with_the_walk(void **state)
{
	static const struct style style = {.wide = 20, .payload = 40, .scattered = 30};

	(void)state;
	check(&style, 2000, 12, 60);
}

static void header_rules_agree_with_the_walk(void **state)
{
	static const struct style style = {.wide = 50, .scattered = 50};

	(void)state;
	check(&style, 600, 60, 100);
}

static void payload_rules_agree_with_the_walk(void **state)
{
	static const struct style style = {.wide = 20, .payload = 90, .scattered = 30};

	(void)state;
	check(&style, 600, 60, 100);
}

static void patterns_agree_with_the_walk(void **state)
{
	static const struct style style = {.wide = 20, .payload = 90, .patterns = true};

	(void)state;
	check(&style, 60, 20, 200);
}

/* More shapes than there are tuples: they are rounded. */
static void rules_of_all_shapes_agree_with_the_walk(void **state)
{
	static const struct style styles[] = {
		{.wide = 0, .payload = 0, .scattered = 100},
		{.wide = 100, .payload = 30, .scattered = 100},
		{.wide = 40, .payload = 60, .scattered = 95},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(styles); i++)
		check(&styles[i], 6, 3000, 300);
}

static void no_rules_are_no_match(void **state)
{
	struct ruleset *rules = load("rules = ();", 11);
	struct rule_facts facts = {.src = make_address(false), .dst = make_address(false)};
	struct rule_match match;

	(void)state;
	ruleset_match(rules, &facts, NULL, NULL, NULL, &match);
	assert_int_equal(match.rule, -1);
	assert_int_equal(match.open_count, 0);
	ruleset_free(rules);
}

/* As many rules as a ruleset may sensibly have, each by its own; found where it stands. */
static void each_of_many_rules_is_found(void **state)
{
	enum { MANY = 20000 };
	struct text text = {0};
	struct ruleset *rules;

	(void)state;
	put(&text, "rules = (\n");
	for (unsigned i = 0; i < MANY; i++)
		put(&text,
		    "%s{ name = \"r%u\"; match = { dst = \"10.%u.%u.%u\"; proto = \"tcp\"; "
		    "dport = %u; }; mark = 5; }",
		    i ? ",\n" : "", i, i >> 16, i >> 8 & 255, i & 255, 1 + i % 5);
	put(&text, ");\n");
	rules = load(text.bytes, text.used);
	for (unsigned i = 0; i < MANY; i++) {
		struct rule_facts facts = {
			.src = {.family = IP_V4, .bytes = {192, 0, 2, 1}},
			.dst = {.family = IP_V4,
				.bytes = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
			.proto = 6,
			.has_ports = true,
			.dport = (uint16_t)(1 + i % 5),
		};
		struct rule_match match;

		ruleset_match(rules, &facts, NULL, NULL, NULL, &match);
		assert_int_equal(match.rule, i);
		facts.dport = 6;
		ruleset_match(rules, &facts, NULL, NULL, NULL, &match);
		assert_int_equal(match.rule, -1);
	}
	ruleset_free(rules);
	free(text.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rules_are_no_match),
		cmocka_unit_test(few_rules_agree_with_the_walk),
		cmocka_unit_test(header_rules_agree_with_the_walk),
		cmocka_unit_test(payload_rules_agree_with_the_walk),
		cmocka_unit_test(patterns_agree_with_the_walk),
		cmocka_unit_test(rules_of_all_shapes_agree_with_the_walk),
		cmocka_unit_test(each_of_many_rules_is_found),
	};

	return cmocka_run_group_tests_name("rules_index", tests, NULL, NULL);
}
