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
#include "flow_line.h"
#include "packets.h"

#define APPS_PORTS_MAX 4096
#define OUT_BYTES 65536

json_t *cli_text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

struct replay {
	const struct cli *cli;
	const struct policy *policy;
	const char *iface_in;
	bool packets;
	struct doubt *doubt;  /* of --apps, else NULL */
	json_t *rows;	      /* of the table */
	const char *file;     /* the one that is being read */
	struct flow_line out; /* lines that are not written yet */
	bool out_of_memory;
};

static void write_out(struct replay *replay)
{
	if (replay->out.length)
		fwrite(replay->out.bytes, 1, replay->out.length, stdout);
	replay->out.length = 0;
}

static void line_end(struct replay *replay)
{
	flow_line_literal(&replay->out, "}\n");
	if (replay->out.length >= OUT_BYTES)
		write_out(replay);
}

static void put_decided_packet(struct flow_line *line, const struct flow *flow)
{
	if (flow->decided_packet)
		flow_line_unsigned(line, flow->decided_packet);
	else
		flow_line_literal(line, "null");
}

static void print_flow(const struct capture_flow *flow, void *context)
{
	struct replay *replay = context;
	struct flow_line *line = &replay->out;

	flow_line_literal(line, "{");
	flow_line_key(line, replay->file, flow);
	flow_line_names(line, flow);
	flow_line_literal(line, ",");
	flow_line_decision(line, replay->policy, &flow->flow);
	flow_line_literal(line, ",\"decided_packet\":");
	put_decided_packet(line, &flow->flow);
	flow_line_literal(line, ",\"late\":");
	flow_line_text(line, capture_late(&flow->flow));
	flow_line_literal(line, ",\"moved\":");
	flow_line_bool(line, flow->flow.moved);
	line_end(replay);
}

static void print_packet(const struct packet *packet, const struct flow *flow,
			 const struct verdict *verdict, void *context)
{
	struct replay *replay = context;
	const struct mark_layout *mark = &replay->policy->conf->mark;
	struct flow_line *line = &replay->out;

	flow_line_literal(line, "{\"file\":");
	flow_line_file(line, replay->file);
	flow_line_literal(line, ",\"n\":");
	flow_line_unsigned(line, packet->meta.id);
	flow_line_literal(line, ",\"flow\":");
	flow_line_unsigned(line, flow ? flow_number(flow) : 0);
	flow_line_literal(line, ",\"mark\":");
	flow_line_mark(line, verdict->mark & mark->value_mask);
	flow_line_literal(line, ",\"provisional\":");
	flow_line_bool(line, mark_is_provisional(mark, verdict->mark));
	line_end(replay);
}

/* ---- for people ---- */

static void append_row(const struct capture_flow *flow, void *context)
{
	struct replay *replay = context;
	struct flow_line line = {0};
	json_t *row;

	flow_line_literal(&line, "{");
	flow_line_key(&line, replay->file, flow);
	flow_line_literal(&line, ",");
	flow_line_decision(&line, replay->policy, &flow->flow);
	flow_line_literal(&line, ",\"late\":");
	flow_line_text(&line, capture_late(&flow->flow));
	flow_line_literal(&line, ",\"at\":");
	put_decided_packet(&line, &flow->flow);
	flow_line_literal(&line, "}");
	row = flow_line_json(&line);
	flow_line_release(&line);
	if (json_array_append_new(replay->rows, row) < 0)
		replay->out_of_memory = true;
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

/* One file. True: read to its end. */
static bool replay_file(struct replay *replay, const char *file)
{
	struct capture_options options = {
		.iface_in = replay->iface_in,
		.packet = replay->packets ? print_packet : NULL,
		.flow = replay->packets || replay->doubt ? NULL
			: replay->cli->json		 ? print_flow
							 : append_row,
		.context = replay,
		.doubt = replay->doubt,
	};
	struct capture_run run;
	int result;

	replay->file = file;
	result = capture_run(replay->policy, file, &options, &run);
	write_out(replay);
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
	replay.out_of_memory |= replay.out.failed;
	flow_line_release(&replay.out);
	if (replay.out_of_memory)
		return cli_fail("out of memory");
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_fail("cannot write: %s", strerror(errno));
	return complete ? CLI_OK : CLI_FAILED;
}
