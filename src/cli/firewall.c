/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall - `waymark firewall`: the chains by hand, for those who manage their own.
 *
 * show prints what apply puts in place, ready for iptables-restore --noflush and its
 * IPv6 twin, and needs no privilege. With -4 or -6 it is one family alone, so that it
 * can be piped; without, both with a comment each. All four work from the configuration
 * and whatever the kernel has, whether firewall.manage is set or not. The rules count too
 * (whether DNS is watched hangs on them), but not for taking the chains away, which must
 * work while they have errors.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/firewall.h>
#include <waymark/policy.h>

#include "cli.h"
#include "packets.h"

static int show_family(const struct conf *conf, int family)
{
	char *text = firewall_render(conf, family, FIREWALL_FULL);

	if (text == NULL)
		return cli_fail("out of memory");
	fputs(text, stdout);
	free(text);
	return CLI_OK;
}

static int show(const struct conf *conf, int family)
{
	int result = CLI_OK;

	if (family != 6)
		result = show_family(conf, 4);
	if (result == CLI_OK && family != 4)
		result = show_family(conf, 6);
	return result;
}

/* The findings, and what happened; the modules below say everything in findings. */
static int finish(const struct conf *conf, const struct diag_list *diags, int error,
		  const char *failed, const char *succeeded)
{
	diag_print(diags, stderr);
	if (error < 0 && diags->errors == 0)
		return cli_fail("%s: %s", failed, strerror(-error));
	if (error != 0)
		return CLI_FAILED;
	printf("%s (%s)\n", succeeded, firewall_variant(conf));
	return CLI_OK;
}

static int remove_chains(const struct cli *cli)
{
	struct conf *conf = cli_conf_load(cli);
	struct diag_list diags = DIAG_LIST_INIT;
	int result;

	if (conf == NULL)
		return CLI_FAILED;
	result = finish(conf, &diags, firewall_remove(conf, &diags), "cannot remove the chains",
			"removed: no chain of waymark's is left");
	diag_list_release(&diags);
	conf_free(conf);
	return result;
}

static int run(const struct cli *cli, const char *action, int family)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct policy *policy;
	const struct conf *conf;
	int error, result;

	if (strcmp(action, "remove") == 0)
		return remove_chains(cli);
	policy = cli_policy_load(cli_conf_path(cli));
	if (policy == NULL)
		return CLI_FAILED;
	conf = policy->conf;
	if (strcmp(action, "show") == 0) {
		result = show(conf, family);
	} else if (strcmp(action, "apply") == 0) {
		error = firewall_apply(conf, FIREWALL_FULL, &diags);
		result = finish(conf, &diags, error, "cannot apply the chains",
				"applied: chains are in place");
	} else {
		error = firewall_check(conf, FIREWALL_FULL, &diags);
		/* rules of others behind our jump are a finding too */
		if (error == 0 && diags.warnings)
			error = 1;
		result = finish(conf, &diags, error, "cannot look at the chains",
				"ok: chains are in place");
	}
	diag_list_release(&diags);
	policy_free(policy);
	return result;
}

int cli_firewall(int argc, char **argv, struct cli *cli)
{
	static const struct cli_option own[] = {
		{"ipv4", '4', false, 4}, {"ipv6", '6', false, 6}, {NULL, 0, false, 0}};
	static const char *const actions[] = {"show", "apply", "check", "remove", NULL};
	const char *nearest;
	int option, family = 0;
	size_t i = 0;

	while ((option = cli_getopt(cli, argc, argv, own)) >= 0) {
		if (family != 0 && family != option)
			return cli_usage(
				"'-4' and '-6' exclude each other, leave out both for both");
		family = option;
	}
	if (option == CLI_DONE)
		return cli->exit_code;
	if (argc - optind < 1)
		return cli_usage("'firewall' needs one of show, apply, check, remove");
	while (actions[i] != NULL && strcmp(actions[i], argv[optind]) != 0)
		i++;
	if (actions[i] == NULL) {
		nearest = diag_nearest(argv[optind], actions);
		if (nearest != NULL)
			return cli_usage("unknown action '%s', did you mean '%s'?", argv[optind],
					 nearest);
		return cli_usage("unknown action '%s', it is one of show, apply, check, remove",
				 argv[optind]);
	}
	optind++;
	if (!cli_no_arguments(cli, argc, argv))
		return cli->exit_code;
	if (family != 0 && i != 0)
		return cli_usage("'-%d' is for 'show' only", family);
	return run(cli, actions[i], family);
}
