/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check - `waymark check`: would the daemon take this configuration, and if not, why.
 *
 * policy_load() is what the daemon's start and reload call, so what passes here runs
 * there. All findings go to stderr, errors and warnings alike; the one line on
 * stdout appears only on success, so that a script may test either. Warnings alone
 * leave the exit code at 0. The patterns counted are the configuration's own, not those
 * that are built in.
 */
#include <stdio.h>

#include <waymark/policy.h>
#include <waymark/route.h>

#include "cli.h"

/* "1 rule", "2 rules" */
static void counted(size_t count, const char *noun, const char *after)
{
	printf("%zu %s%s%s", count, noun, count == 1 ? "" : "s", after);
}

int cli_check(int argc, char **argv, struct cli *cli)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct policy *policy;

	if (!cli_plain(cli, argc, argv))
		return cli->exit_code;
	policy = policy_load(cli_conf_path(cli), &diags);
	if (policy != NULL) {
		conf_check_mark_habits(policy->conf, &diags);
		route_check_mark_rules(policy->conf, &diags);
	}
	diag_print(&diags, stderr);
	if (policy != NULL) {
		printf("%s: ok: ", cli_conf_path(cli));
		counted(ruleset_count(policy->rules), "rule", ", ");
		counted(policy->conf->uplink_count, "uplink", ", ");
		counted(pattern_count(ruleset_patterns(policy->rules)) -
				ruleset_shipped_patterns(policy->rules),
			"pattern", "\n");
	} else if (diags.count == 0) {
		cli_fail("out of memory");
	}
	diag_list_release(&diags);
	if (policy == NULL)
		return CLI_FAILED;
	policy_free(policy);
	return CLI_OK;
}
