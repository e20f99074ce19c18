/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `waymark explain`: a connection that does not exist, judged as a real one would be.
 *
 * Here options become the facts of a first packet and the evidence that inspection would find.
 * Without evidence the answer is the first packet's, with the rules that would still be
 * open. With it, what was not given is taken as refuted: the evidence is complete.
 */
#include "cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "explain.h"
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
	OPTION_NO_DAEMON,
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
	{"no-daemon", 0, false, OPTION_NO_DAEMON},
	{0},
};

/* ---- from options to facts and evidence ---- */

static bool take_address(struct cli *cli, const char *option, struct ip_addr *addr)
{
	if (ip_parse(optarg, addr))
		return true;
	cli->exit_code = cli_usage("--%s: '%s' is not an address", option, optarg);
	return false;
}

/* It goes into a JSON document. */
static bool take_text(struct cli *cli, const char *option, const char **text)
{
	json_t *json = json_string(optarg);

	if (!json)
		cli->exit_code = cli_usage("--%s takes text in UTF-8", option);
	json_decref(json);
	*text = optarg;
	return json != NULL;
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
		return take_text(cli, "host", &hypothesis->host);
	case OPTION_APP:
		return take_text(cli, "app", &hypothesis->app);
	case OPTION_ALPN:
		return take_text(cli, "alpn", &hypothesis->alpn);
	case OPTION_IFACE_IN:
		facts->iface_in_name = optarg;
		break;
	case OPTION_IFACE_OUT:
		facts->iface_out_name = optarg;
		break;
	case OPTION_NO_DAEMON:
		hypothesis->no_daemon = true;
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

/* The inspection of such a flow, as it is on the first packet; "refuted" once no more comes. */
static struct inspection *new_inspection(const struct hypothesis *hypothesis,
					 const struct policy *policy, bool refuted)
{
	const struct rule_facts *facts = &hypothesis->facts;
	const struct packet packet = {
		.proto = facts->proto,
		.has_ports = !facts->has_icmp,
		.sport = facts->sport,
		.dport = facts->dport,
	};
	const struct flow flow = {
		.key = {.proto = facts->proto,
			.client_port = facts->sport,
			.server_port = facts->dport},
		.midstream = hypothesis->older,
	};
	struct inspection *inspection =
		inspection_new(&flow, &packet, ruleset_patterns(policy->rules), NULL);

	if (inspection && refuted)
		inspection_close(inspection);
	return inspection;
}

static int set_evidence(struct hypothesis *hypothesis, const struct policy *policy)
{
	static const struct hash_seed seed; /* nothing here has to be hidden from anybody */
	struct evidence *evidence = &hypothesis->evidence;
	size_t length;

	hypothesis->steer_state = steer_state_new(&policy->conf->mark, 1, &seed);
	hypothesis->begun = new_inspection(hypothesis, policy, false);
	hypothesis->ended = new_inspection(hypothesis, policy, true);
	if (!hypothesis->steer_state || !hypothesis->begun || !hypothesis->ended)
		return cli_fail("out of memory");
	if (!hypothesis->host && !hypothesis->app && !hypothesis->alpn)
		return 0;
	hypothesis->has_evidence = true;
	if (!hypothesis->app) {
		hypothesis->app = usual_app(&hypothesis->facts);
		hypothesis->app_assumed = true;
	}
	*evidence = *inspection_evidence(hypothesis->ended);
	evidence->app[0] = app_intern(hypothesis->app);
	evidence->app_count = 1;
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

static void print_line(const char *title, const char *text)
{
	printf("%-8s %s\n", title, text);
}

static void print_route(const json_t *route)
{
	const json_t *kernel = json_object_get(route, "kernel");
	char cells[6][CLI_CELL_SIZE], text[7 * CLI_CELL_SIZE];
	static const char *const keys[] = {"interface", "gateway",  "table",
					   "source",	"iface_in", "error"};

	if (!json_is_object(route))
		return;
	if (!json_is_object(kernel)) {
		cli_cell(json_object_get(route, "reason"), cells[0]);
		snprintf(text, sizeof(text), "not asked: %s", cells[0]);
		print_line("kernel", text);
		return;
	}
	for (size_t i = 0; i < 6; i++)
		cli_cell(json_object_get(kernel, keys[i]), cells[i]);
	if (json_is_string(json_object_get(kernel, "error")))
		snprintf(text, sizeof(text), "%s", cells[5]);
	else
		snprintf(text, sizeof(text), "by %s%s%s, table %s%s%s", cells[0],
			 json_is_null(json_object_get(kernel, "gateway")) ? "" : " via ",
			 json_is_null(json_object_get(kernel, "gateway")) ? "" : cells[1],
			 strcmp(cells[2], "254") == 0 ? "main" : cells[2],
			 json_is_null(json_object_get(kernel, "iface_in")) ? "" : ", coming in by ",
			 json_is_null(json_object_get(kernel, "iface_in")) ? "" : cells[4]);
	print_line("kernel", text);
	if (json_is_string(json_object_get(route, "warning"))) {
		cli_cell(json_object_get(route, "warning"), cells[0]);
		print_line("warning", cells[0]);
	}
}

static void print_people(json_t *document)
{
	static const char *const words[] = {"rule", "uplink", "group", "mark", "late", NULL};
	char cell[CLI_CELL_SIZE];
	size_t index;
	json_t *line;

	for (size_t i = 0; words[i]; i++) {
		cli_cell(json_object_get(document, words[i]), cell);
		if (i == 2 && json_is_null(json_object_get(document, words[i])))
			continue;
		print_line(words[i], cell);
	}
	print_route(json_object_get(document, "route"));
	json_array_foreach(json_object_get(document, "why"), index, line)
	{
		cli_cell(line, cell);
		print_line(index ? "" : "why", cell);
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
	const char *socket = NULL;
	struct explain_names names;
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
	if (!hypothesis.no_daemon)
		socket = cli->socket ? cli->socket : policy->conf->control.socket;
	explain_ask_uplinks(socket, policy, hypothesis.steer_state);
	explain_ask_names(socket, policy, &hypothesis, &names);
	document = explain_document(policy, &hypothesis, &names);
	if (cli->json)
		exit_code = cli_print_json(document);
	else
		print_people(document);
	json_decref(document);
out:
	inspection_free(hypothesis.begun);
	inspection_free(hypothesis.ended);
	steer_state_free(hypothesis.steer_state);
	policy_free(policy);
	return exit_code;
}
