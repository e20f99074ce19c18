/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `waymark diff`: the flows of a capture that another policy would treat otherwise.
 *
 * Both policies see the same packets, so flows pair by number; only a different
 * idle time could begin a flow elsewhere, and then the surplus shows as such.
 * Exit as diff(1): 0 the same, 1 different, 2 trouble.
 */
#include "cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "packets.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_decision(const struct policy *old, const struct flow *before,
			  const struct policy *new, const struct flow *after)
{
	return same_text(capture_rule(old, before), capture_rule(new, after)) &&
	       same_text(capture_uplink(old, before), capture_uplink(new, after)) &&
	       mark_bits(&old->conf->mark, capture_value(old, before)) ==
		       mark_bits(&new->conf->mark, capture_value(new, after));
}

static json_t *decision(const struct policy *policy, const struct flow *flow)
{
	json_t *json = json_object();

	cli_decision_json(json, policy, flow);
	return json;
}

/* Appends what differs in one file. False: the file could not be read to its end. */
static bool diff_file(const char *file, const struct policy *old, const struct policy *new,
		      json_t *differences)
{
	struct capture_options options = {0};
	struct capture_run before, after;
	int result = capture_run(old, file, &options, &before);
	int result_new = capture_run(new, file, &options, &after);
	size_t count = before.count > after.count ? before.count : after.count;

	for (size_t i = 0; i < count; i++) {
		const struct capture_flow *was = i < before.count ? &before.flows[i] : NULL;
		const struct capture_flow *is = i < after.count ? &after.flows[i] : NULL;
		json_t *json;

		if (was && is && same_decision(old, &was->flow, new, &is->flow))
			continue;
		json = cli_flow_json(file, was ? was : is);
		json_object_set_new(json, "old", was ? decision(old, &was->flow) : json_null());
		json_object_set_new(json, "new", is ? decision(new, &is->flow) : json_null());
		json_array_append_new(differences, json);
	}
	if (result < 0 || result_new < 0)
		fprintf(stderr, "%s: %s\n", file, result < 0 ? before.error : after.error);
	capture_run_release(&before);
	capture_run_release(&after);
	return result == 0 && result_new == 0;
}

static void cell_decision(const json_t *value, char cell[CLI_CELL_SIZE])
{
	const char *rule = json_string_value(json_object_get(value, "rule"));
	const char *uplink = json_string_value(json_object_get(value, "uplink"));
	const char *mark = json_string_value(json_object_get(value, "mark"));

	snprintf(cell, CLI_CELL_SIZE, "%s %s %s", rule ? rule : "-", uplink ? uplink : "-",
		 mark ? mark : "-");
}

int cli_diff(int argc, char **argv, struct cli *cli)
{
	static const struct cli_column columns[] = {
		{"proto", "proto", false, NULL},      {"source", "src", false, NULL},
		{"sport", "sport", true, NULL},	      {"destination", "dst", false, NULL},
		{"dport", "dport", true, NULL},	      {"bytes", "bytes", true, NULL},
		{"host", "host", false, NULL},	      {"old", "old", false, cell_decision},
		{"new", "new", false, cell_decision}, {0},
	};
	struct policy *old = NULL, *new = NULL;
	json_t *differences = json_array();
	bool complete = true;
	int exit_code = 2;

	if (cli_getopt(cli, argc, argv, NULL) == CLI_DONE) {
		exit_code = cli->exit_code;
		goto out;
	}
	if (cli->conf_count != 2) {
		cli_usage("diff needs two configurations: -c OLD -c NEW");
		goto out;
	}
	if (optind >= argc) {
		cli_usage("diff needs a capture file");
		goto out;
	}
	old = cli_policy_load(cli->conf_paths[0]);
	new = cli_policy_load(cli->conf_paths[1]);
	if (!old || !new)
		goto out;
	for (int i = optind; i < argc; i++)
		complete &= diff_file(argv[i], old, new, differences);
	if (cli->json)
		cli_print_json(differences);
	else if (json_array_size(differences)) /* as diff(1): the same is silence */
		cli_table(differences, columns);
	if (complete)
		exit_code = json_array_size(differences) ? 1 : 0;
out:
	policy_free(old);
	policy_free(new);
	json_decref(differences);
	return exit_code;
}
