/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reload - `waymark reload`: new configuration and rules, or none at all.
 *
 * The daemon reads, compiles and only then exchanges; a file with errors leaves
 * the old policy in force, and its findings come back here. Unlike SIGHUP the caller
 * learns which of the two happened. Warnings of a reload that succeeded are
 * printed too and change nothing about the exit code.
 */
#include <stdio.h>

#include "cli.h"

int cli_reload(int argc, char **argv, struct cli *cli)
{
	char generation[CLI_CELL_SIZE];
	json_t *data;
	int result;

	if (!cli_plain(cli, argc, argv))
		return cli->exit_code;
	result =
		cli_ask(cli, json_pack("{s:s}", "command", "reload"), CLI_RELOAD_TIMEOUT_MS, &data);
	if (result != CLI_OK)
		return result;
	cli_print_findings(json_object_get(data, "findings"));
	if (cli->json) {
		result = cli_print_json(data);
	} else {
		cli_cell(json_object_get(data, "generation"), generation);
		printf("reloaded: generation %s\n", generation);
	}
	json_decref(data);
	return result;
}
