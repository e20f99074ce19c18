/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats - `waymark stats`: every counter of the daemon, by the module that counts.
 *
 * The names are the daemon's; nothing is summed or left out here, so that what a
 * person reads and what --json says are the same figures.
 */
#include "cli.h"

static void render(json_t *data)
{
	cli_tree(data, NULL);
}

int cli_stats(int argc, char **argv, struct cli *cli)
{
	if (!cli_plain(cli, argc, argv))
		return cli->exit_code;
	return cli_show(cli, json_pack("{s:s}", "command", "stats"), render);
}
