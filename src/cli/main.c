/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waymark - everything a person types: the table of commands and the way into them.
 *
 *	waymark [OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]
 *
 * The options that all commands share may stand before the command's name or after
 * it; main() takes those before it and leaves the rest to the command.
 * Exit codes: 0 done, 1 failed or (check, doctor, firewall check) findings, 2 usage. What was
 * asked for goes to stdout, everything else to stderr; a write to stdout that
 * failed is a failure, so that a full disk never looks like an empty answer.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <waymark/diag.h>
#include <waymark/log.h>

#include "cli.h"

static const struct cli_command commands[] = {
	{
		.name = "check",
		.run = cli_check,
		.arguments = "",
		.summary = "check the configuration and its rules: every error in one run",
		.confs = 1,
	},
	{
		.name = "replay",
		.run = cli_replay,
		.arguments = "[--json] [--packets | --apps] PCAP...",
		.summary = "what the policy decides for the flows of a capture",
		.options = "  --json       one JSON object a line for each flow\n"
			   "  --packets    the mark of each packet instead\n"
			   "  --apps       what all the flows turned out to be instead, and how those\n"
			   "               begin that nobody knows\n",
		.json = true,
		.confs = 1,
	},
	{
		.name = "diff",
		.run = cli_diff,
		.arguments = "-c OLD -c NEW [--summary] [--json] PCAP...",
		.summary = "the flows of a capture that two configurations decide differently",
		.options = "  --summary    only the flows and bytes of each uplink, old and new\n"
			   "  --json       a JSON array of the flows; with --summary, an object\n",
		.json = true,
		.confs = 2,
	},
	{
		.name = "explain",
		.run = cli_explain,
		.arguments = "--src A --dst B [--proto P] [--sport N] [--dport N] ...",
		.summary = "why a flow would go where it goes",
		.options = "  --src A --dst B --proto P --sport N --dport N\n"
			   "  --host H, --app A, --alpn A      what inspection would find\n"
			   "  --dscp X, --ttl N, --length N, --mark M, --uid N, --gid N\n"
			   "  --iface-in I, --iface-out I, --hook forward|output\n"
			   "  --older      the flow is older than the daemon\n"
			   "  --no-daemon  do not ask the daemon which name it knows the address by\n"
			   "  --json       a JSON document\n",
		.json = true,
		.confs = 1,
	},
	{
		.name = "doctor",
		.run = cli_doctor,
		.arguments = "[--json]",
		.summary = "what on this machine keeps the policy from working, and what mends it",
		.options = "  --json       a JSON array of findings\n",
		.json = true,
		.confs = 1,
	},
	{
		.name = "import-l7",
		.run = cli_import_l7,
		.arguments = "[--config FILE] [--json] DIR",
		.summary = "what l7-filter's patterns are worth here, and its configuration as rules",
		.options = "  --config FILE  an old configuration, \"protocol mark\" a line: prints it as\n"
			   "                 rules for rules_dir, and the report on stderr\n"
			   "  --json         a JSON document\n",
		.json = true,
		.confs = 1,
	},
	{
		.name = "status",
		.run = cli_status,
		.arguments = "[--json]",
		.summary = "the daemon: mode, queues, counts",
		.json = true,
		.confs = 1,
	},
	{
		.name = "uplinks",
		.run = cli_uplinks,
		.arguments = "[--plan] [--json]",
		.summary = "the uplinks and their state",
		.options =
			"  --plan       the routing rules and routes wanted now; needs no daemon\n"
			"  --json       a JSON document\n",
		.json = true,
		.confs = 1,
	},
	{
		.name = "uplink",
		.run = cli_uplink,
		.arguments = "NAME up|down|auto [--json]",
		.summary = "take an uplink out or hold it up by hand, or leave it to its probes",
		.json = true,
		.confs = 1,
	},
	{
		.name = "rules",
		.run = cli_rules,
		.arguments = "[--json]",
		.summary = "the rules in the order of their match, with hits where a daemon runs",
		.json = true,
		.confs = 1,
	},
	{
		.name = "flows",
		.run = cli_flows,
		.arguments = "[FILTERS] [--json]",
		.summary = "the flows that the daemon knows",
		.options = "  --proto P    --src A    --dst B    --dport N    --app APP\n"
			   "  --host NAME  --rule RULE           --uplink UPLINK\n"
			   "  --limit N    at most N flows (default 10000)\n"
			   "  --json       a JSON document\n",
		.json = true,
		.confs = 1,
	},
	{
		.name = "names",
		.run = cli_names,
		.arguments = "[--name HOST] [--address A] [--client C] [--json]",
		.summary = "the names that the daemon knows behind addresses",
		.options = "  --name HOST  this name and those under it\n"
			   "  --address A  what is known of this address\n"
			   "  --client C   as this client knows them\n"
			   "  --limit N    at most N entries (default 10000)\n"
			   "  --json       a JSON document\n",
		.json = true,
		.confs = 1,
	},
	{
		.name = "stats",
		.run = cli_stats,
		.arguments = "[--apps] [--json]",
		.summary = "the daemon's counters",
		.options = "  --apps       what flows turned out to be instead, and how those begin\n"
			   "               that nobody knows\n"
			   "  --json       a JSON document\n",
		.json = true,
		.confs = 1,
	},
	{
		.name = "monitor",
		.run = cli_monitor,
		.arguments = "[--json]",
		.summary = "the state of the uplinks, and each change as it comes",
		.options = "  --json       one JSON object a line for each event\n",
		.json = true,
		.confs = 1,
	},
	{
		.name = "reload",
		.run = cli_reload,
		.arguments = "[--json]",
		.summary =
			"have the daemon read its configuration again; a bad one changes nothing",
		.json = true,
		.confs = 1,
	},
	{
		.name = "firewall",
		.run = cli_firewall,
		.arguments = "show [-4|-6] | apply | check | remove",
		.summary = "the iptables chains: print, put in place, compare, take away",
		.options = "  -4, -6       show one family only, as input of iptables-restore "
			   "--noflush\n",
		.confs = 1,
	},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help_common(void)
{
	fputs("  -c FILE        the configuration (default " CONF_DEFAULT_PATH ")\n"
	      "  --socket PATH  the daemon's control socket (default: as the configuration says)\n"
	      "  --help, --version\n",
	      stdout);
}

void cli_help(const struct cli *cli)
{
	const struct cli_command *command = cli->command;

	if (command != NULL) {
		printf("usage: waymark %s%s%s\n\n%s\n\n", command->name,
		       command->arguments[0] != '\0' ? " " : "", command->arguments,
		       command->summary);
		if (command->options != NULL)
			fputs(command->options, stdout);
		help_common();
		return;
	}
	fputs("usage: waymark [OPTIONS] COMMAND [ARGUMENTS]\n\ncommands:\n", stdout);
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-9s  %s\n", commands[i].name, commands[i].summary);
	fputs("\noptions, before or after the command:\n", stdout);
	help_common();
	fputs("\nwaymark COMMAND --help tells more about one command, waymark(8) about all\n",
	      stdout);
}

static const struct cli_command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[COMMANDS + 1];
	const char *nearest;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	names[COMMANDS] = NULL;
	nearest = diag_nearest(name, names);
	if (nearest != NULL)
		return cli_usage("unknown command '%s', did you mean '%s'?", name, nearest);
	return cli_usage("unknown command '%s', see 'waymark --help'", name);
}

static int dispatch(int argc, char **argv)
{
	struct cli cli = {0};

	if (cli_getopt_before(&cli, argc, argv) == CLI_DONE)
		return cli.exit_code;
	if (optind >= argc)
		return cli_usage("no command given, see 'waymark --help'");
	argc -= optind;
	argv += optind;
	cli.command = find(argv[0]);
	if (cli.command == NULL)
		return unknown(argv[0]);
	optind = 0; /* the GNU way to begin anew, on another argv */
	return cli.command->run(argc, argv, &cli);
}

int main(int argc, char **argv)
{
	int code;

	log_init("waymark", LOG_LEVEL_WARN, LOG_TARGET_STDERR);
	code = dispatch(argc, argv);
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)cli_fail("cannot write to stdout: %s",
			       errno != 0 ? strerror(errno) : "write error");
		if (code == CLI_OK)
			code = CLI_FAILED;
	}
	return code;
}
