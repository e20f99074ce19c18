/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor - `waymark doctor`: what on this machine would keep the policy from working.
 *
 * Gather once (doctor_gather.c), judge by a table of checks (doctor_judge.c), tell. Each finding
 * says what is wrong, what breaks by it, and the one command that mends it; a note says what is
 * worth knowing and fails nothing. The configuration must be a good one: `check` is for the others.
 */
#include <stdio.h>
#include <stdlib.h>

#include <waymark/policy.h>

#include "cli.h"
#include "doctor.h"
#include "packets.h"

/* ---- telling ---- */

static const char *severity_word(enum doctor_severity severity)
{
	return severity == DOCTOR_ERROR ? "error" : severity == DOCTOR_WARNING ? "warning" : "note";
}

/* Names of interfaces and comments of rules are strangers': no byte of theirs drives a terminal. */
static void put(const char *label, const char *text)
{
	if (!text)
		return;
	fputs(label, stdout);
	for (; *text; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	putchar('\n');
}

static void print_text(const struct doctor_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct doctor_finding *finding = &list->items[i];
		char label[16];

		snprintf(label, sizeof(label), "%s: ", severity_word(finding->severity));
		put(label, finding->what);
		put("    breaks: ", finding->breaks);
		put("    mend: ", finding->mend);
	}
	if (!list->problems)
		puts("ok: nothing found that keeps the policy from working");
}

static json_t *text_or_null(const char *text)
{
	return text ? cli_text_json(text) : json_null();
}

static int print_json(const struct doctor_list *list)
{
	json_t *array = json_array();
	int result = CLI_FAILED;

	for (size_t i = 0; array && i < list->count; i++) {
		const struct doctor_finding *finding = &list->items[i];
		json_t *object = json_pack(
			"{s:s,s:s,s:o,s:o,s:o,s:o}", "check", finding->check, "severity",
			severity_word(finding->severity), "what", text_or_null(finding->what),
			"breaks", text_or_null(finding->breaks), "mend",
			text_or_null(finding->mend), "uplink", text_or_null(finding->uplink));

		if (json_array_append_new(array, object) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	if (array)
		result = cli_print_json(array);
	else
		cli_fail("out of memory");
	json_decref(array);
	return result;
}

static int examine(const struct cli *cli, const struct policy *policy)
{
	struct doctor_facts *facts = calloc(1, sizeof(*facts)); /* large for a stack */
	struct diag_list diags = DIAG_LIST_INIT;
	struct doctor_list list = {.items = NULL};
	char *socket = cli_socket_path(cli);
	int result = CLI_FAILED;

	if (!facts) {
		cli_fail("out of memory");
		goto out;
	}
	if (doctor_gather(policy, socket, facts, &diags) < 0) {
		diag_print(&diags, stderr);
		goto out;
	}
	doctor_judge(facts, &list);
	if (list.failed) {
		cli_fail("out of memory");
		goto out;
	}
	result = CLI_OK;
	if (cli->json)
		result = print_json(&list);
	else
		print_text(&list);
	if (list.problems)
		result = CLI_FAILED;
out:
	doctor_list_release(&list);
	if (facts)
		doctor_facts_release(facts);
	free(facts);
	free(socket);
	diag_list_release(&diags);
	return result;
}

int cli_doctor(int argc, char **argv, struct cli *cli)
{
	struct policy *policy;
	int result;

	if (!cli_plain(cli, argc, argv))
		return cli->exit_code;
	policy = cli_policy_load(cli_conf_path(cli));
	if (!policy)
		return CLI_FAILED;
	result = examine(cli, policy);
	policy_free(policy);
	return result;
}
