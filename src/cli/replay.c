/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `waymark replay`: what would this policy do with this traffic?
 *
 * --json is a contract: one object a line a flow, in order of first packets, and
 * nothing else on stdout. Without it a table for people. --apps tells instead what the flows
 * of all captures turned out to be, as `stats --apps` does of live ones.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "packets.h"

#define APPS_PORTS_MAX 4096

json_t *cli_text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *name_or_null(const char *text, size_t length)
{
	/* a name is bytes off the wire; JSON wants UTF-8 */
	json_t *json = text ? json_stringn(text, length) : NULL;

	return json ? json : json_null();
}

static json_t *port_or_null(const struct flow_key *key, uint16_t port)
{
	return key->has_ports ? json_integer(port) : json_null();
}

static json_t *alpn_json(const struct flow_info *info)
{
	json_t *names = json_array();

	for (size_t at = 0; at < info->alpn_length;) {
		size_t length = strnlen(info->alpn + at, info->alpn_length - at);

		json_array_append_new(names, name_or_null(info->alpn + at, length));
		at += length + 1;
	}
	return names;
}

static json_t *address_json(struct ip_addr addr)
{
	char text[IP_TEXT_SIZE];

	return json_string(ip_format(&addr, text));
}

static json_t *proto_json(uint8_t proto)
{
	const char *name = packet_proto_name(proto);

	return name ? json_string(name) : json_sprintf("%u", proto);
}

/* The key of a flow as `replay` and `diff` write it. */
json_t *cli_flow_json(const char *file, const struct capture_flow *flow)
{
	const struct flow_key *key = &flow->flow.key;
	json_t *json = json_object();

	json_object_set_new(json, "file", cli_text_json(file));
	json_object_set_new(json, "flow", json_integer(flow_number(&flow->flow)));
	json_object_set_new(json, "first", json_real((double)flow_first_us(&flow->flow) / 1e6));
	json_object_set_new(json, "family", json_integer(key->family));
	json_object_set_new(json, "proto", proto_json(key->proto));
	json_object_set_new(json, "src", address_json(flow_client(key)));
	json_object_set_new(json, "sport", port_or_null(key, key->client_port));
	json_object_set_new(json, "dst", address_json(flow_server(key)));
	json_object_set_new(json, "dport", port_or_null(key, key->server_port));
	json_object_set_new(json, "packets", json_integer((json_int_t)flow_packets(&flow->flow)));
	json_object_set_new(json, "bytes", json_integer((json_int_t)flow_bytes(&flow->flow)));
	json_object_set_new(json, "app", cli_text_or_null(app_name(capture_app(flow))));
	json_object_set_new(
		json, "host",
		name_or_null(flow->info.host, flow->info.host ? strlen(flow->info.host) : 0));
	return json;
}

/* rule, uplink and mark: what a policy says of a flow. */
void cli_decision_json(json_t *json, const struct policy *policy, const struct flow *flow)
{
	json_object_set_new(json, "rule", cli_text_or_null(capture_rule(policy, flow)));
	json_object_set_new(json, "uplink", cli_text_or_null(capture_uplink(policy, flow)));
	json_object_set_new(
		json, "mark",
		json_sprintf("0x%x", mark_bits(&policy->conf->mark, capture_value(policy, flow))));
}

int cli_json_line(json_t *json)
{
	int result = json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(CLI_REAL_DIGITS));

	json_decref(json);
	putchar('\n');
	return result;
}

static void print_flow(const char *file, const struct policy *policy,
		       const struct capture_flow *flow)
{
	json_t *json = cli_flow_json(file, flow);

	json_object_set_new(json, "host_source",
			    cli_text_or_null(flow->info.host
						     ? host_source_name(flow->info.host_source)
						     : NULL));
	json_object_set_new(json, "alpn", flow->info.alpn ? alpn_json(&flow->info) : json_null());
	cli_decision_json(json, policy, &flow->flow);
	json_object_set_new(json, "decided_packet",
			    flow->flow.decided_packet ? json_integer(flow->flow.decided_packet)
						      : json_null());
	json_object_set_new(json, "late", cli_text_or_null(capture_late(&flow->flow)));
	json_object_set_new(json, "moved", json_boolean(flow->flow.moved));
	cli_json_line(json);
}

struct packet_context {
	const char *file;
	const struct policy *policy;
};

static void print_packet(const struct packet *packet, const struct flow *flow,
			 const struct verdict *verdict, void *context)
{
	const struct packet_context *packets = context;
	const struct mark_layout *mark = &packets->policy->conf->mark;

	cli_json_line(json_pack("{s:o,s:I,s:I,s:o,s:b}", "file", cli_text_json(packets->file), "n",
				(json_int_t)packet->meta.id, "flow",
				(json_int_t)(flow ? flow_number(flow) : 0), "mark",
				json_sprintf("0x%x", verdict->mark & mark->value_mask),
				"provisional", mark_is_provisional(mark, verdict->mark)));
}

/* ---- for people ---- */

static void append_row(json_t *rows, const char *file, const struct policy *policy,
		       const struct capture_flow *flow)
{
	json_t *row = cli_flow_json(file, flow);

	cli_decision_json(row, policy, &flow->flow);
	json_object_set_new(row, "late", cli_text_or_null(capture_late(&flow->flow)));
	json_object_set_new(row, "at",
			    flow->flow.decided_packet ? json_integer(flow->flow.decided_packet)
						      : json_null());
	json_array_append_new(rows, row);
}

static void print_table(const json_t *rows)
{
	static const struct cli_column columns[] = {
		{"proto", "proto", false, NULL},
		{"source", "src", false, NULL},
		{"sport", "sport", true, NULL},
		{"destination", "dst", false, NULL},
		{"dport", "dport", true, NULL},
		{"packets", "packets", true, NULL},
		{"bytes", "bytes", true, NULL},
		{"app", "app", false, NULL},
		{"host", "host", false, NULL},
		{"rule", "rule", false, NULL},
		{"uplink", "uplink", false, NULL},
		{"mark", "mark", false, NULL},
		{"at", "at", true, NULL},
		{"late", "late", false, NULL},
		{0},
	};

	cli_table(rows, columns);
}

/* ---- the command ---- */

enum { OPTION_PACKETS, OPTION_APPS, OPTION_IFACE_IN };

static const struct cli_option replay_options[] = {
	{"packets", 0, false, OPTION_PACKETS},
	{"apps", 0, false, OPTION_APPS},
	{"iface-in", 0, true, OPTION_IFACE_IN},
	{0},
};

struct policy *cli_policy_load(const char *path)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct policy *policy = policy_load(path, &diags);

	if (!policy)
		diag_print(&diags, stderr);
	diag_list_release(&diags);
	return policy;
}

struct replay {
	const struct cli *cli;
	const struct policy *policy;
	const char *iface_in;
	bool packets;
	struct doubt *doubt; /* of --apps, else NULL */
	json_t *rows;	     /* of the table */
};

/* One file. True: read to its end. */
static bool replay_file(const struct replay *replay, const char *file)
{
	struct packet_context context = {file, replay->policy};
	struct capture_options options = {
		.iface_in = replay->iface_in,
		.packet = replay->packets ? print_packet : NULL,
		.context = &context,
		.doubt = replay->doubt,
	};
	struct capture_run run;
	int result = capture_run(replay->policy, file, &options, &run);

	for (size_t i = 0; i < run.count && !replay->packets && !replay->doubt; i++) {
		if (replay->cli->json)
			print_flow(file, replay->policy, &run.flows[i]);
		else
			append_row(replay->rows, file, replay->policy, &run.flows[i]);
	}
	if (result < 0) {
		fflush(stdout);
		fprintf(stderr, "%s: %s\n", file, run.error);
	}
	capture_run_release(&run);
	return result == 0;
}

static void print_apps(const struct replay *replay)
{
	json_t *document = doubt_document(replay->doubt);

	if (replay->cli->json)
		cli_print_json(document);
	else
		cli_print_apps(document);
	json_decref(document);
}

int cli_replay(int argc, char **argv, struct cli *cli)
{
	struct replay replay = {.cli = cli};
	bool complete = true, apps = false;
	struct policy *policy;
	int option;

	while ((option = cli_getopt(cli, argc, argv, replay_options)) >= 0) {
		if (option == OPTION_PACKETS)
			replay.packets = true;
		else if (option == OPTION_APPS)
			apps = true;
		else
			replay.iface_in = optarg;
	}
	if (option == CLI_DONE)
		return cli->exit_code;
	if (optind >= argc)
		return cli_usage("replay needs a capture file");
	if (apps && replay.packets)
		return cli_usage("replay takes --apps or --packets, not both");
	if (apps && !(replay.doubt = doubt_new(APPS_PORTS_MAX)))
		return cli_fail("out of memory");
	replay.policy = policy = cli_policy_load(cli_conf_path(cli));
	if (!policy) {
		doubt_free(replay.doubt);
		return CLI_FAILED;
	}
	replay.rows = json_array();
	for (int i = optind; i < argc; i++)
		complete &= replay_file(&replay, argv[i]);
	if (apps)
		print_apps(&replay);
	else if (!cli->json && !replay.packets)
		print_table(replay.rows);
	json_decref(replay.rows);
	policy_free(policy);
	doubt_free(replay.doubt);
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_fail("cannot write: %s", strerror(errno));
	return complete ? CLI_OK : CLI_FAILED;
}
