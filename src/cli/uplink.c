/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uplink - `waymark uplink NAME up|down|auto`: an uplink taken out or put back by hand.
 *
 * "down" drains it: new flows go elsewhere, those that it has go on. "up" holds it up whatever its
 * probes say, "auto" gives it back to them. The word is checked here, before
 * anything is sent; the name by the daemon, which alone knows the uplinks that it runs with.
 */
#include <stdio.h>
#include <string.h>

#include <waymark/diag.h>

#include "cli.h"

static void render(json_t *data)
{
	const char *reason = json_string_value(json_object_get(data, "reason"));
	const json_t *by_hand = json_object_get(data, "by_hand");
	char name[CLI_CELL_SIZE], state[CLI_CELL_SIZE], why[CLI_CELL_SIZE];

	cli_cell(json_object_get(data, "name"), name);
	cli_cell(json_object_get(data, "state"), state);
	cli_cell(json_object_get(data, "reason"), why);
	printf("uplink '%s': %s", name, state);
	if (reason != NULL && reason[0] != '\0')
		printf(": %s", why);
	else if (json_is_true(by_hand) || json_is_string(by_hand))
		printf(": by hand");
	putchar('\n');
}

static int unknown_word(const char *word, const char *const *known)
{
	const char *nearest = diag_nearest(word, known);

	if (nearest != NULL)
		return cli_usage("unknown state '%s', did you mean '%s'?", word, nearest);
	return cli_usage("unknown state '%s', it is one of up, down, auto", word);
}

int cli_uplink(int argc, char **argv, struct cli *cli)
{
	static const char *const words[] = {"up", "down", "auto", NULL};
	const char *name, *word;
	json_t *request;
	size_t i = 0;

	if (cli_getopt(cli, argc, argv, NULL) == CLI_DONE)
		return cli->exit_code;
	if (argc - optind < 2)
		return cli_usage("'uplink' needs the name of one, and up, down or auto");
	name = argv[optind++];
	word = argv[optind++];
	while (words[i] != NULL && strcmp(words[i], word) != 0)
		i++;
	if (words[i] == NULL)
		return unknown_word(word, words);
	if (!cli_no_arguments(cli, argc, argv))
		return cli->exit_code;
	request = json_pack("{s:s, s:s, s:s}", "command", "uplink", "name", name, "to", word);
	if (request == NULL)
		return cli_usage("the name of an uplink is text in UTF-8");
	return cli_show(cli, request, render);
}
