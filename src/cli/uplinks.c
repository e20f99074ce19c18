/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uplinks - `waymark uplinks`: where traffic can go, and what the kernel should hold for it.
 *
 * The table is the daemon's view. --plan is computed here, from the configuration
 * and the kernel's links, addresses and routes as they are now, and needs neither a
 * daemon nor a privilege: what a start would put in place can be read before it does. Where a
 * daemon runs it is asked which lines its probes have found dead, since they count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/route.h>

#include "cli.h"

static void render(json_t *data)
{
	static const struct cli_column columns[] = {
		{"NAME", "name", false, NULL},
		{"INTERFACE", "interface", false, NULL},
		{"TABLE", "table", true, NULL},
		{"MARK", "mark", true, NULL},
		{"STATE", "state", false, NULL},
		{"GATEWAY", "gateway", false, NULL},
		{"GATEWAY6", "gateway6", false, NULL},
		{"LOSS%", "loss_percent", true, NULL},
		{"LATENCY-MS", "latency_ms", true, NULL},
		{"REASON", "reason", false, NULL},
		{NULL, NULL, false, NULL},
	};

	cli_table(data, columns);
}

static int print_plan(const struct cli *cli, char *text)
{
	json_t *lines, *plan;
	char *rest = text, *line;
	int result;

	if (!cli->json) {
		fputs(text, stdout);
		return CLI_OK;
	}
	lines = json_array();
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			json_array_append_new(lines, json_string(line));
	plan = json_pack("{s:o}", "plan", lines);
	if (plan == NULL)
		return cli_fail("out of memory");
	result = cli_print_json(plan);
	json_decref(plan);
	return result;
}

struct asked {
	const struct conf *conf;
	struct route_health *health; /* by index of conf->uplinks */
};

static void take_health(const struct conf_uplink *uplink, const json_t *said, void *context)
{
	const struct asked *asked = context;

	asked->health[uplink - asked->conf->uplinks].failed =
		json_is_true(json_object_get(json_object_get(said, "probe"), "failed"));
}

/* What a running daemon's probes say; NULL: nobody says anything. */
static struct route_health *ask_health(const struct cli *cli, const struct conf *conf)
{
	struct asked asked = {conf, calloc(conf->uplink_count + 1, sizeof(*asked.health))};

	if (asked.health && !cli_visit_uplinks(cli->socket ? cli->socket : conf->control.socket,
					       conf, take_health, &asked)) {
		free(asked.health);
		asked.health = NULL;
	}
	return asked.health;
}

static int plan(const struct cli *cli)
{
	struct route_health *health;
	struct diag_list diags = DIAG_LIST_INIT;
	struct conf *conf = cli_conf_load(cli);
	int result = CLI_FAILED;
	char *text;

	if (conf == NULL)
		return CLI_FAILED;
	health = ask_health(cli, conf);
	text = route_plan_text(conf, health, &diags);
	diag_print(&diags, stderr);
	if (text != NULL)
		result = print_plan(cli, text);
	free(text);
	free(health);
	diag_list_release(&diags);
	conf_free(conf);
	return result;
}

int cli_uplinks(int argc, char **argv, struct cli *cli)
{
	static const struct cli_option own[] = {{"plan", 0, false, 1}, {NULL, 0, false, 0}};
	bool wants_plan = false;
	int option;

	while ((option = cli_getopt(cli, argc, argv, own)) >= 0)
		wants_plan = true;
	if (option == CLI_DONE || !cli_no_arguments(cli, argc, argv))
		return cli->exit_code;
	if (wants_plan)
		return plan(cli);
	return cli_show(cli, json_pack("{s:s}", "command", "uplinks"), render);
}
