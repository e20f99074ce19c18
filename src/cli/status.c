/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status - `waymark status`: the daemon at a glance.
 *
 * One line of what everybody wants to know; everything else that the document has
 * follows in its own order, queues as a table, so that a counter which a newer
 * daemon adds needs no newer command.
 */
#include <stdio.h>

#include "cli.h"

static void render(json_t *data)
{
	static const char *const said[] = {"version", "mode", "uptime_s", "generation", NULL};
	char version[CLI_CELL_SIZE], mode[CLI_CELL_SIZE], up[CLI_CELL_SIZE],
		generation[CLI_CELL_SIZE];

	cli_cell(json_object_get(data, "version"), version);
	cli_cell(json_object_get(data, "mode"), mode);
	cli_cell_duration(json_object_get(data, "uptime_s"), up);
	cli_cell(json_object_get(data, "generation"), generation);
	printf("waymarkd %s, mode %s, up %s, generation %s\n", version, mode, up, generation);
	cli_tree(data, said);
}

int cli_status(int argc, char **argv, struct cli *cli)
{
	if (!cli_plain(cli, argc, argv))
		return cli->exit_code;
	return cli_show(cli, json_pack("{s:s}", "command", "status"), render);
}
