/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats - `waymark stats`: every counter of the daemon, by the module that counts; with
 * --apps, what its flows turned out to be.
 *
 * The names are the daemon's; nothing is summed here, so that what a person reads and what --json
 * says are the same figures. Of the patterns, of which there may be thousands, a person sees those
 * that cost too much.
 */
#include "cli.h"

#include <getopt.h>

enum { OPTION_APPS };

static const struct cli_option stats_options[] = {
	{"apps", 0, false, OPTION_APPS},
	{0},
};

static void render(json_t *data)
{
	json_t *patterns = json_object_get(data, "patterns"), *pattern;
	json_t *costly = json_array();
	size_t i;

	json_array_foreach(patterns, i, pattern)
	{
		if (json_integer_value(json_object_get(pattern, "limit_hits")) > 0)
			json_array_append(costly, pattern);
	}
	if (json_is_array(patterns)) {
		json_object_set_new(data, "pattern_count",
				    json_integer((json_int_t)json_array_size(patterns)));
		json_object_set(data, "patterns", costly);
		if (!json_array_size(costly))
			json_object_del(data, "patterns");
	}
	cli_tree(data, NULL);
	json_decref(costly);
}

int cli_stats(int argc, char **argv, struct cli *cli)
{
	bool apps = false;
	int option;

	while ((option = cli_getopt(cli, argc, argv, stats_options)) >= 0)
		apps = true;
	if (option == CLI_DONE || !cli_no_arguments(cli, argc, argv))
		return cli->exit_code;
	if (apps)
		return cli_show(cli, json_pack("{s:s}", "command", "apps"), cli_print_apps);
	return cli_show(cli, json_pack("{s:s}", "command", "stats"), render);
}
