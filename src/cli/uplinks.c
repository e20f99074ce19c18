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

#include <waymark/control.h>
#include <waymark/route.h>

#include "cli.h"

#define HEALTH_TIMEOUT_MS 2000

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

/* What a running daemon's probes say, by index of conf->uplinks; NULL: nobody says anything. */
static struct route_health *ask_health(const struct cli *cli, const struct conf *conf)
{
	const char *socket = cli->socket ? cli->socket : conf->control.socket;
	json_t *request = json_pack("{s:s}", "command", "uplinks"), *answer = NULL, *item;
	struct route_health *health = NULL;
	char ignored[256];
	size_t i;

	if (request && control_request(socket, request, HEALTH_TIMEOUT_MS, &answer, ignored,
				       sizeof(ignored)) == 0)
		health = calloc(conf->uplink_count + 1, sizeof(*health));
	json_array_foreach(answer, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const struct conf_uplink *uplink = name ? conf_uplink_by_name(conf, name) : NULL;

		if (health && uplink)
			health[uplink - conf->uplinks].failed = json_is_true(
				json_object_get(json_object_get(item, "probe"), "failed"));
	}
	json_decref(answer);
	json_decref(request);
	return health;
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
