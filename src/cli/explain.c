/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `waymark explain`: a connection that does not exist, judged as a real one would be.
 *
 * Two moments are told apart, as they are on a router: the first packet, when
 * only headers are known, and the moment when the name or protocol that the user
 * gave has shown itself. Without such evidence the answer is the first packet's,
 * with the rules that would still be open. With it, what was not given is taken
 * as refuted: the evidence is complete.
 */
#include "cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "packets.h"

enum {
	OPTION_SRC,
	OPTION_DST,
	OPTION_PROTO,
	OPTION_SPORT,
	OPTION_DPORT,
	OPTION_HOST,
	OPTION_APP,
	OPTION_ALPN,
	OPTION_DSCP,
	OPTION_TTL,
	OPTION_LENGTH,
	OPTION_MARK,
	OPTION_HOOK,
	OPTION_UID,
	OPTION_GID,
	OPTION_IFACE_IN,
	OPTION_IFACE_OUT,
	OPTION_OLDER,
};

static const struct cli_option explain_options[] = {
	{"src", 0, true, OPTION_SRC},
	{"dst", 0, true, OPTION_DST},
	{"proto", 0, true, OPTION_PROTO},
	{"sport", 0, true, OPTION_SPORT},
	{"dport", 0, true, OPTION_DPORT},
	{"host", 0, true, OPTION_HOST},
	{"app", 0, true, OPTION_APP},
	{"alpn", 0, true, OPTION_ALPN},
	{"dscp", 0, true, OPTION_DSCP},
	{"ttl", 0, true, OPTION_TTL},
	{"length", 0, true, OPTION_LENGTH},
	{"mark", 0, true, OPTION_MARK},
	{"hook", 0, true, OPTION_HOOK},
	{"uid", 0, true, OPTION_UID},
	{"gid", 0, true, OPTION_GID},
	{"iface-in", 0, true, OPTION_IFACE_IN},
	{"iface-out", 0, true, OPTION_IFACE_OUT},
	{"older", 0, false, OPTION_OLDER},
	{0},
};

struct hypothesis {
	struct rule_facts facts;
	struct evidence evidence;
	bool has_evidence;
	bool older; /* midstream: every decision is late */
	const char *host, *app, *alpn, *proto;
	bool app_assumed;
};

#define PATTERN_WORDS(count) (((count) + 63) / 64)
#define OPEN_RULES_SHOWN 64

/* ---- from options to facts and evidence ---- */

static bool take_address(struct cli *cli, const char *option, struct ip_addr *addr)
{
	if (ip_parse(optarg, addr))
		return true;
	cli->exit_code = cli_usage("--%s: '%s' is not an address", option, optarg);
	return false;
}

static bool take_word(struct cli *cli, int option, struct hypothesis *hypothesis)
{
	struct rule_facts *facts = &hypothesis->facts;
	uint32_t dscp;

	switch (option) {
	case OPTION_SRC:
		return take_address(cli, "src", &facts->src);
	case OPTION_DST:
		return take_address(cli, "dst", &facts->dst);
	case OPTION_PROTO:
		hypothesis->proto = optarg;
		if (packet_proto_parse(optarg, &facts->proto))
			return true;
		cli->exit_code = cli_usage("--proto: unknown protocol '%s'", optarg);
		return false;
	case OPTION_DSCP:
		if (rules_dscp_parse(optarg, &dscp)) {
			facts->tos = (uint8_t)(dscp << 2);
			return true;
		}
		cli->exit_code = cli_usage("--dscp: '%s' is neither a name nor 0 to 63", optarg);
		return false;
	case OPTION_HOOK:
		facts->hook = strcmp(optarg, "output") == 0 ? RULE_HOOK_OUTPUT : RULE_HOOK_FORWARD;
		if (facts->hook == RULE_HOOK_OUTPUT || strcmp(optarg, "forward") == 0)
			return true;
		cli->exit_code = cli_usage("--hook is forward or output");
		return false;
	case OPTION_HOST:
		hypothesis->host = optarg;
		break;
	case OPTION_APP:
		hypothesis->app = optarg;
		break;
	case OPTION_ALPN:
		hypothesis->alpn = optarg;
		break;
	case OPTION_IFACE_IN:
		facts->iface_in_name = optarg;
		break;
	case OPTION_IFACE_OUT:
		facts->iface_out_name = optarg;
		break;
	default:
		hypothesis->older = true;
		break;
	}
	return true;
}

static bool take_number(struct cli *cli, int option, struct rule_facts *facts)
{
	static const struct {
		const char *name;
		int64_t max;
	} limits[] = {
		[OPTION_SPORT] = {"sport", 65535},    [OPTION_DPORT] = {"dport", 65535},
		[OPTION_TTL] = {"ttl", 255},	      [OPTION_LENGTH] = {"length", UINT32_MAX},
		[OPTION_MARK] = {"mark", UINT32_MAX}, [OPTION_UID] = {"uid", UINT32_MAX},
		[OPTION_GID] = {"gid", UINT32_MAX},
	};
	int64_t value;

	if (!cli_number(cli, limits[option].name, optarg, 0, limits[option].max, &value))
		return false;
	switch (option) {
	case OPTION_SPORT:
		facts->sport = (uint16_t)value;
		facts->has_ports = true;
		break;
	case OPTION_DPORT:
		facts->dport = (uint16_t)value;
		facts->has_ports = true;
		break;
	case OPTION_TTL:
		facts->ttl = (uint8_t)value;
		break;
	case OPTION_LENGTH:
		facts->length = (uint32_t)value;
		break;
	case OPTION_MARK:
		facts->mark = (uint32_t)value;
		break;
	case OPTION_UID:
		facts->uid = (uint32_t)value;
		facts->has_uid = true;
		break;
	default:
		facts->gid = (uint32_t)value;
		facts->has_gid = true;
		break;
	}
	return true;
}

static bool is_number(int option)
{
	return option == OPTION_SPORT || option == OPTION_DPORT || option == OPTION_TTL ||
	       option == OPTION_LENGTH || option == OPTION_MARK || option == OPTION_UID ||
	       option == OPTION_GID;
}

/* A name comes by some protocol; when the user does not say which, the usual one of the port. */
static const char *usual_app(const struct rule_facts *facts)
{
	if (facts->dport == 53)
		return "dns";
	if (facts->proto == 17)
		return "quic";
	return facts->dport == 80 || facts->dport == 8080 ? "http" : "tls";
}

static int set_evidence(struct hypothesis *hypothesis, const struct policy *policy)
{
	struct evidence *evidence = &hypothesis->evidence;
	const struct pattern_set *patterns = ruleset_patterns(policy->rules);
	size_t words = PATTERN_WORDS(patterns ? pattern_count(patterns) : 0);
	size_t length;

	if (!hypothesis->host && !hypothesis->app && !hypothesis->alpn)
		return 0;
	hypothesis->has_evidence = true;
	if (!hypothesis->app) {
		hypothesis->app = usual_app(&hypothesis->facts);
		hypothesis->app_assumed = true;
	}
	evidence->app[0] = app_intern(hypothesis->app);
	evidence->app_count = 1;
	evidence->apps_done = evidence->host_done = evidence->alpn_done = true;
	evidence->patterns_done = true;
	evidence->pattern_hit = calloc(words ? words : 1, sizeof(uint64_t));
	evidence->pattern_out = calloc(words ? words : 1, sizeof(uint64_t));
	if (!evidence->pattern_hit || !evidence->pattern_out)
		return cli_fail("out of memory");
	evidence->pattern_count = patterns ? pattern_count(patterns) : 0;
	memset(evidence->pattern_out, 0xff, words * sizeof(uint64_t));
	if (hypothesis->host) {
		length = strlen(hypothesis->host);
		if (length && hypothesis->host[length - 1] == '.')
			length--;
		if (!length || length >= sizeof(evidence->host))
			return cli_usage("--host: not a host name");
		for (size_t i = 0; i < length; i++) {
			char c = hypothesis->host[i];

			evidence->host[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
		}
		evidence->host_length = (uint8_t)length;
		evidence->host_source = evidence->app[0] == app_find("http")  ? HOST_HTTP_HOST
					: evidence->app[0] == app_find("dns") ? HOST_DNS_QUERY
					: hypothesis->facts.proto == 17	      ? HOST_QUIC_SNI
									      : HOST_TLS_SNI;
	}
	if (hypothesis->alpn) {
		length = strlen(hypothesis->alpn) + 1;
		if (length > sizeof(evidence->alpn))
			return cli_usage("--alpn: too long");
		memcpy(evidence->alpn, hypothesis->alpn, length);
		evidence->alpn_length = (uint16_t)length;
	}
	return 0;
}

/* ---- the answer ---- */

static void say(json_t *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(json_t *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	json_array_append_new(why, json_vsprintf(format, arguments));
	va_end(arguments);
}

static const char *rule_name(const struct policy *policy, int32_t rule)
{
	struct rule_view view;

	if (rule < 0)
		return NULL;
	ruleset_view(policy->rules, (size_t)rule, &view);
	return view.name;
}

static json_t *open_rules(const struct policy *policy, const struct hypothesis *hypothesis,
			  const struct evidence *evidence, const struct rule_match *match)
{
	int32_t indexes[OPEN_RULES_SHOWN];
	int32_t limit = match->rule < 0 ? (int32_t)ruleset_count(policy->rules) : match->rule;
	size_t count = ruleset_open_rules(policy->rules, &hypothesis->facts, evidence, NULL, NULL, limit,
					  indexes, OPEN_RULES_SHOWN);
	json_t *names = json_array();

	for (size_t i = 0; i < count && i < OPEN_RULES_SHOWN; i++)
		json_array_append_new(names, json_string(rule_name(policy, indexes[i])));
	return names;
}

static json_t *evidence_json(const struct hypothesis *hypothesis)
{
	const struct evidence *evidence = &hypothesis->evidence;

	if (!hypothesis->has_evidence)
		return json_null();
	return json_pack(
		"{s:s,s:b,s:o,s:o,s:o}", "app", hypothesis->app, "app_assumed",
		hypothesis->app_assumed, "host",
		evidence->host_length ? json_string(evidence->host) : json_null(), "host_source",
		evidence->host_length ? json_string(host_source_name(evidence->host_source))
				      : json_null(),
		"alpn", hypothesis->alpn ? json_string(hypothesis->alpn) : json_null());
}

/* Where the mark sends it, as the configuration has it. */
static json_t *route_json(const struct policy *policy, uint32_t value)
{
	const struct conf_uplink *uplink = conf_uplink_by_mark(policy->conf, value);

	if (value == policy->conf->mark.drop)
		return json_null();
	if (!uplink)
		return json_pack("{s:s}", "table", "main");
	return json_pack("{s:I,s:s,s:b}", "table", (json_int_t)uplink->table, "interface",
			 uplink->interface, "nat", uplink->nat);
}

static void say_first(const struct policy *policy, const struct rule_match *match,
		      const struct classify_decision *decision, json_t *open, json_t *why)
{
	const char *name = rule_name(policy, match->rule);
	size_t index;
	json_t *value;

	if (match->open_count == 0) {
		if (name)
			say(why, "first packet: rule '%s' holds by its headers, finally", name);
		else
			say(why, "first packet: no rule holds, it follows main, finally");
		return;
	}
	json_array_foreach(open, index, value)
		say(why, "first packet: rule '%s' is open until its payload is seen",
		    json_string_value(value));
	if (name && decision->value)
		say(why, "first packet: until then it takes rule '%s'", name);
	else
		say(why, "first packet: until then it follows main");
}

static void say_late(const struct policy *policy, const struct classify_decision *first,
		     const struct classify_decision *last, json_t *why)
{
	const char *name = rule_name(policy, last->rule);
	const char *line = policy_uplink_name(policy, last->value);
	struct rule_view rule;

	if (!name) {
		say(why, "with the evidence: no rule holds, it keeps what it has, finally");
		return;
	}
	ruleset_view(policy->rules, (size_t)last->rule, &rule);
	say(why, "with the evidence: rule '%s' holds", name);
	if (last->late == RULE_LATE_LEARN && last->value != rule.value)
		say(why,
		    "late = \"learn\": the connection is already routed and moving it would end "
		    "it, "
		    "so it stays on %s; the next one to this server is steered from its first "
		    "packet",
		    line ? line : "its line");
	else if (last->late == RULE_LATE_LEARN)
		say(why, "late = \"learn\": it is on the right line already");
	else if (last->moved)
		say(why, "late = \"move\": its mark changes at once");
	else if (first->value == last->value)
		say(why, "late = \"move\": it has that mark already");
}

static json_t *explain(const struct policy *policy, const struct hypothesis *hypothesis)
{
	struct classify_decision first, last;
	struct classify_policy view;
	struct rule_match match;
	json_t *open, *why = json_array();
	uint32_t value;

	policy_classify_view(policy, &view);
	ruleset_match(policy->rules, &hypothesis->facts, NULL, NULL, NULL, &match);
	first = classify_decide(&view, &match, 0, hypothesis->older, false);
	open = open_rules(policy, hypothesis, NULL, &match);
	if (hypothesis->older)
		say(why, "older than waymark's knowledge of it: every decision is late");
	say_first(policy, &match, &first, open, why);
	last = first;
	if (!first.final && hypothesis->has_evidence) {
		ruleset_match(policy->rules, &hypothesis->facts, &hypothesis->evidence, NULL, NULL,
			      &match);
		last = classify_decide(&view, &match, first.value, true, false);
		json_decref(open);
		open = open_rules(policy, hypothesis, &hypothesis->evidence, &match);
		say_late(policy, &first, &last, why);
	}
	value = last.value ? last.value : policy->conf->mark.main;
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:b,s:o,s:o}", "rule",
			 cli_text_or_null(rule_name(policy, last.rule)), "uplink",
			 last.rule < 0 && value == policy->conf->mark.main
				 ? json_null()
				 : cli_text_or_null(policy_uplink_name(policy, value)),
			 "mark", json_sprintf("0x%x", mark_bits(&policy->conf->mark, value)),
			 "open_rules", open, "evidence", evidence_json(hypothesis), "late",
			 last.late == RULE_LATE_LEARN  ? json_string("learn")
			 : last.late == RULE_LATE_MOVE ? json_string("move")
						       : json_null(),
			 "moved", last.moved, "final", last.final, "route",
			 route_json(policy, value), "why", why);
}

static void print_people(json_t *document)
{
	static const char *const words[] = {"rule", "uplink", "mark", "late", NULL};
	size_t index;
	json_t *line;

	for (size_t i = 0; words[i]; i++) {
		char cell[CLI_CELL_SIZE];

		cli_cell(json_object_get(document, words[i]), cell);
		printf("%-8s %s\n", words[i], cell);
	}
	json_array_foreach(json_object_get(document, "why"), index, line)
	{
		char cell[CLI_CELL_SIZE];

		cli_cell(line, cell);
		printf("%-8s %s\n", index ? "" : "why", cell);
	}
}

static int check_facts(struct hypothesis *hypothesis)
{
	struct rule_facts *facts = &hypothesis->facts;

	if (!facts->src.family || !facts->dst.family)
		return cli_usage("explain needs --src and --dst");
	if (facts->src.family != facts->dst.family)
		return cli_usage("--src and --dst are of different families");
	if (!facts->proto)
		facts->proto = 6;
	facts->has_tcp = facts->proto == 6;
	if (facts->has_tcp)
		facts->tcp_flags = PACKET_TCP_SYN;
	facts->has_icmp = facts->proto == 1 || facts->proto == 58;
	if (facts->has_icmp)
		facts->icmp_type = facts->proto == 1 ? 8 : 128;
	if (facts->has_icmp && facts->has_ports)
		return cli_usage("%s has no ports", hypothesis->proto);
	return 0;
}

int cli_explain(int argc, char **argv, struct cli *cli)
{
	struct hypothesis hypothesis = {
		.facts = {.ttl = 64, .length = 60, .hook = RULE_HOOK_FORWARD},
	};
	struct policy *policy = NULL;
	json_t *document;
	int option, exit_code;

	hypothesis.facts.time_us = (uint64_t)time(NULL) * 1000000;
	while ((option = cli_getopt(cli, argc, argv, explain_options)) >= 0) {
		if (!(is_number(option) ? take_number(cli, option, &hypothesis.facts)
					: take_word(cli, option, &hypothesis)))
			return cli->exit_code;
	}
	if (option == CLI_DONE || !cli_no_arguments(cli, argc, argv))
		return cli->exit_code;
	exit_code = check_facts(&hypothesis);
	if (exit_code)
		return exit_code;
	policy = cli_policy_load(cli_conf_path(cli));
	if (!policy)
		return CLI_FAILED;
	exit_code = set_evidence(&hypothesis, policy);
	if (exit_code)
		goto out;
	document = explain(policy, &hypothesis);
	if (cli->json)
		exit_code = cli_print_json(document);
	else
		print_people(document);
	json_decref(document);
out:
	free(hypothesis.evidence.pattern_hit);
	free(hypothesis.evidence.pattern_out);
	policy_free(policy);
	return exit_code;
}
