/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules - `waymark rules`: the rules in the order in which they are asked.
 *
 * Two sources: the policy in the file, and the daemon, which knows hits. With -c
 * the file is meant, and the daemon on its socket, if one answers, only adds hits
 * to the rules of the same name; without -c a running daemon's rules are the ones
 * in force and are shown, and where none runs the default file is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/control.h>
#include <waymark/policy.h>

#include "cli.h"

static void render(json_t *rules)
{
	static const struct cli_column columns[] = {
		{"PRIORITY", "priority", true, NULL},
		{"NAME", "name", false, NULL},
		{"ACTION", "action", false, NULL},
		{"LATE", "late", false, NULL},
		{"HITS", "hits", true, NULL},
		{"LAST-HIT", "last_hit", false, cli_cell_time},
		{"FROM", "from", false, NULL},
		{NULL, NULL, false, NULL},
	};

	size_t i;
	json_t *rule;

	json_array_foreach(rules, i, rule)
	{
		const char *file = json_string_value(json_object_get(rule, "file"));
		json_int_t line = json_integer_value(json_object_get(rule, "line"));

		if (file != NULL)
			json_object_set_new(rule, "from",
					    json_sprintf("%s:%lld", file, (long long)line));
	}
	cli_table(rules, columns);
}

static int finish(const struct cli *cli, json_t *rules)
{
	int result = CLI_OK;

	if (cli->json)
		result = cli_print_json(rules);
	else
		render(rules);
	json_decref(rules);
	return result;
}

/* "uplink cable", "mark 7", "drop": the action in the words of the rule. */
static json_t *action_of(const struct rule_view *view)
{
	switch (view->action) {
	case RULE_UPLINK:
	case RULE_MAIN:
		return json_sprintf("uplink %s", view->uplink);
	case RULE_MARK:
		return json_sprintf("mark %u", view->value);
	case RULE_DROP:
		break;
	}
	return json_string("drop");
}

static json_t *rules_of(const struct policy *policy)
{
	size_t count = ruleset_count(policy->rules);
	json_t *rules = json_array();

	for (size_t i = 0; i < count; i++) {
		struct rule_view view;
		json_t *rule = json_object();

		ruleset_view(policy->rules, i, &view);
		json_object_set_new(rule, "name", json_string(view.name));
		json_object_set_new(rule, "priority", json_integer(view.priority));
		json_object_set_new(rule, "hits", json_null());
		json_object_set_new(rule, "last_hit", json_null());
		json_object_set_new(rule, "action", action_of(&view));
		json_object_set_new(rule, "late",
				    json_string(view.late == RULE_LATE_LEARN ? "learn" : "move"));
		json_object_set_new(rule, "file", cli_text_json(view.file));
		json_object_set_new(rule, "line", json_integer(view.line));
		json_object_set_new(rule, "comment",
				    view.comment != NULL ? cli_text_json(view.comment)
							 : json_null());
		json_array_append_new(rules, rule);
	}
	return rules;
}

/* The daemon's rules; NULL with an error of control_request(), or 0 when nobody is to be asked. */
static json_t *daemon_rules(const char *socket, int *error, char *message, size_t size)
{
	json_t *request = json_pack("{s:s}", "command", "rules");
	json_t *rules = NULL;

	*error = control_request(socket, request, CLI_TIMEOUT_MS, &rules, message, size);
	json_decref(request);
	if (*error != 0) {
		json_decref(rules);
		rules = NULL;
	}
	return rules;
}

static void add_hits(json_t *rules, const json_t *live)
{
	json_t *by_name = json_object();
	size_t i;
	json_t *rule;

	json_array_foreach(live, i, rule)
	{
		const char *name = json_string_value(json_object_get(rule, "name"));

		if (name != NULL)
			json_object_set(by_name, name, rule);
	}
	json_array_foreach(rules, i, rule)
	{
		const char *name = json_string_value(json_object_get(rule, "name"));
		json_t *counted = name != NULL ? json_object_get(by_name, name) : NULL;

		if (counted == NULL)
			continue;
		json_object_set(rule, "hits", json_object_get(counted, "hits"));
		json_object_set(rule, "last_hit", json_object_get(counted, "last_hit"));
	}
	json_decref(by_name);
}

static int of_file(const struct cli *cli, bool ask)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct policy *policy = policy_load(cli_conf_path(cli), &diags);
	json_t *rules, *live = NULL;
	char message[512];
	int error;

	diag_print(&diags, stderr);
	diag_list_release(&diags);
	if (policy == NULL)
		return CLI_FAILED;
	rules = rules_of(policy);
	if (ask)
		live = daemon_rules(cli->socket != NULL ? cli->socket
							: policy->conf->control.socket,
				    &error, message, sizeof(message));
	if (live != NULL)
		add_hits(rules, live);
	json_decref(live);
	policy_free(policy);
	return finish(cli, rules);
}

int cli_rules(int argc, char **argv, struct cli *cli)
{
	char *socket, message[512];
	json_t *rules;
	int error;

	if (!cli_plain(cli, argc, argv))
		return cli->exit_code;
	if (cli->conf_count > 0)
		return of_file(cli, true);
	socket = cli_socket_path(cli);
	if (socket == NULL)
		return CLI_FAILED;
	rules = daemon_rules(socket, &error, message, sizeof(message));
	free(socket);
	if (rules != NULL)
		return finish(cli, rules);
	/* A socket that was named is meant; and a daemon that answers with an error is no absent
	 * one. */
	if (cli->socket == NULL && (error == -ENOENT || error == -ECONNREFUSED || error == -EACCES))
		return of_file(cli, false);
	return cli_fail("%s", message);
}
