/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flows - `waymark flows`: what the daemon's workers know, filtered where it is.
 *
 * Filters are sent with the request as members of the same names and applied by the
 * daemon: a router may hold a million flows, and the few that are asked for
 * should be all that crosses the socket. They are checked here first, so that a slip
 * is a usage error and not an empty answer.
 */
#include <string.h>

#include <waymark/ip.h>

#include "cli.h"

#define LIMIT_MAX 100000 /* as the daemon's */

enum { PROTO, SRC, DST, DPORT, APP, HOST, RULE, UPLINK, LIMIT };

static const struct cli_option own[] = {
	{"proto", 'p', true, PROTO}, {"src", 's', true, SRC},	  {"dst", 'd', true, DST},
	{"dport", 0, true, DPORT},   {"app", 0, true, APP},	  {"host", 0, true, HOST},
	{"rule", 0, true, RULE},     {"uplink", 0, true, UPLINK}, {"limit", 0, true, LIMIT},
	{NULL, 0, false, 0},
};

static void render(json_t *data)
{
	static const struct cli_column columns[] = {
		{"PROTO", "proto", false, NULL},   {"SRC", "src", false, NULL},
		{"SPORT", "sport", true, NULL},	   {"DST", "dst", false, NULL},
		{"DPORT", "dport", true, NULL},	   {"APP", "app", false, NULL},
		{"HOST", "host", false, NULL},	   {"RULE", "rule", false, NULL},
		{"UPLINK", "uplink", false, NULL}, {"MARK", "mark", true, NULL},
		{"STATE", "state", false, NULL},   {NULL, NULL, false, NULL},
	};

	cli_table(data, columns);
}

/* False: said, and cli->exit_code set. */
static bool filter(struct cli *cli, json_t *request, int option, const char *text)
{
	const char *name = own[option].name;
	json_t *value = NULL;
	struct ip_addr addr;
	int64_t number;
	char shown[16];

	switch (option) {
	case DPORT:
	case LIMIT:
		(void)snprintf(shown, sizeof(shown), "--%s", name);
		if (!cli_number(cli, shown, text, option == LIMIT,
				option == LIMIT ? LIMIT_MAX : UINT16_MAX, &number))
			return false;
		value = json_integer(number);
		break;
	case SRC:
	case DST:
		if (!ip_parse(text, &addr)) {
			cli->exit_code = cli_usage("--%s takes an address, not '%s'", name, text);
			return false;
		}
		/* fall through */
	default:
		value = json_string(text);
	}
	if (value == NULL) {
		cli->exit_code = cli_usage("--%s takes text in UTF-8", name);
		return false;
	}
	json_object_set_new(request, name, value);
	return true;
}

int cli_flows(int argc, char **argv, struct cli *cli)
{
	json_t *request = json_pack("{s:s}", "command", "flows");
	int option;

	while ((option = cli_getopt(cli, argc, argv, own)) >= 0)
		if (!filter(cli, request, option, optarg))
			goto usage;
	if (option == CLI_DONE || !cli_no_arguments(cli, argc, argv))
		goto usage;
	return cli_show(cli, request, render);
usage:
	json_decref(request);
	return cli->exit_code;
}
