/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `waymark diff`: the flows of a capture that another policy would treat otherwise.
 *
 * Both policies see the same packets, so flows pair by number; only a different
 * idle time could begin a flow elsewhere, and then the surplus shows as such.
 * A flow that both give to the same group by the same rule is the same, whichever member it took: a
 * flow more or less before it shifts the turns of all that follow.
 * The flows are the list; what they amount to is the summary: flows and bytes of each line before
 * and after, where a flow that nothing matched counts as main's. Both are of what could be read,
 * also of a capture that is cut. Exit as diff(1): 0 the same, 1 different, 2 trouble.
 */
#include "cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "flow_line.h"
#include "packets.h"

struct amount {
	uint64_t flows, bytes;
};

/* Where flows go: an uplink, main, a mark class or the drop. */
struct line {
	char *name;
	struct amount old, new;
	bool changes; /* a flow came or went, even if the sums are the same */
};

struct comparison {
	const struct policy *old, *new;
	json_t *differences;
	uint64_t flows, changed, changed_bytes;
	struct line *lines; /* few: looked up one by one */
	size_t line_count;
	bool out_of_memory;
};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool has_member(const struct policy *policy, const struct conf_group *group,
		       const char *uplink)
{
	for (size_t i = 0; i < group->member_count; i++)
		if (strcmp(policy->conf->uplinks[group->members[i].uplink].name, uplink) == 0)
			return true;
	return false;
}

/* Each went to a member of the group of one name, and might have gone where the other did. */
static bool same_group(const struct policy *old, const struct flow *before,
		       const struct policy *new, const struct flow *after)
{
	const struct conf_group *was = policy_group(old, flow_rule(before), before->value),
				*is = policy_group(new, flow_rule(after), after->value);

	return was && is && strcmp(was->name, is->name) == 0 &&
	       has_member(old, was, capture_uplink(new, after)) &&
	       has_member(new, is, capture_uplink(old, before));
}

static bool same_decision(const struct policy *old, const struct flow *before,
			  const struct policy *new, const struct flow *after)
{
	if (same_text(capture_rule(old, before), capture_rule(new, after)) &&
	    same_group(old, before, new, after))
		return true;
	return same_text(capture_rule(old, before), capture_rule(new, after)) &&
	       same_text(capture_uplink(old, before), capture_uplink(new, after)) &&
	       mark_bits(&old->conf->mark, capture_value(old, before)) ==
		       mark_bits(&new->conf->mark, capture_value(new, after));
}

static json_t *decision(struct flow_line *line, const struct policy *policy,
			const struct capture_flow *flow)
{
	if (!flow)
		return json_null();
	flow_line_literal(line, "{");
	flow_line_decision(line, policy, &flow->flow);
	flow_line_literal(line, "}");
	return flow_line_json(line);
}

/* ---- the sums ---- */

/* NULL: out of memory, which is kept. */
static struct line *line_of(struct comparison *comparison, const struct policy *policy,
			    const struct flow *flow)
{
	const struct mark_layout *mark = &policy->conf->mark;
	uint32_t value = capture_value(policy, flow);
	const char *name = policy_uplink_name(policy, value);
	struct line *lines;
	char text[32];

	if (!name) {
		if (value == mark->drop)
			snprintf(text, sizeof(text), "drop");
		else
			snprintf(text, sizeof(text), "mark 0x%x", mark_bits(mark, value));
		name = text;
	}
	for (size_t i = 0; i < comparison->line_count; i++)
		if (strcmp(comparison->lines[i].name, name) == 0)
			return &comparison->lines[i];
	lines = reallocarray(comparison->lines, comparison->line_count + 1, sizeof(*lines));
	if (lines) {
		struct line *line = &lines[comparison->line_count];

		comparison->lines = lines;
		*line = (struct line){.name = strdup(name)};
		if (line->name) {
			comparison->line_count++;
			return line;
		}
	}
	comparison->out_of_memory = true;
	return NULL;
}

static uint64_t bytes_of(const struct capture_flow *flow)
{
	return flow_bytes(&flow->flow);
}

/* Adds one side of a flow to its line. Returns the line's name, for comparing; NULL: no such side.
 */
static const char *add_side(struct comparison *comparison, const struct policy *policy,
			    const struct capture_flow *flow, bool after)
{
	struct line *line = flow ? line_of(comparison, policy, &flow->flow) : NULL;
	struct amount *amount;

	if (!line)
		return NULL;
	amount = after ? &line->new : &line->old;
	amount->flows++;
	amount->bytes += bytes_of(flow);
	return line->name;
}

static void mark_changed(struct comparison *comparison, const char *name)
{
	for (size_t i = 0; name && i < comparison->line_count; i++)
		comparison->lines[i].changes |= comparison->lines[i].name == name;
}

static void add_flow(struct comparison *comparison, const struct capture_flow *was,
		     const struct capture_flow *is, bool same)
{
	const char *from = add_side(comparison, comparison->old, was, false);
	const char *to = add_side(comparison, comparison->new, is, true);

	comparison->flows++;
	if (same)
		return;
	comparison->changed++;
	comparison->changed_bytes += bytes_of(was ? was : is);
	if (from != to) {
		mark_changed(comparison, from);
		mark_changed(comparison, to);
	}
}

/* ---- one file ---- */

/* Adds what is in one file. False: the file could not be read to its end. */
static bool diff_file(struct comparison *comparison, const char *file)
{
	const struct policy *old = comparison->old, *new = comparison->new;
	struct capture_options options = {.keep = true};
	struct capture_run before, after;
	int result = capture_run(old, file, &options, &before);
	int result_new = capture_run(new, file, &options, &after);
	size_t count = before.count > after.count ? before.count : after.count;
	struct flow_line line = {0};

	for (size_t i = 0; i < count; i++) {
		const struct capture_flow *was =
			i < before.count ? capture_run_flow(&before, i) : NULL;
		const struct capture_flow *is =
			i < after.count ? capture_run_flow(&after, i) : NULL;
		bool same = was && is && same_decision(old, &was->flow, new, &is->flow);
		json_t *json;

		if (!was && !is)
			continue;
		add_flow(comparison, was, is, same);
		if (same)
			continue;
		flow_line_literal(&line, "{");
		flow_line_key(&line, file, was ? was : is);
		flow_line_literal(&line, "}");
		json = flow_line_json(&line);
		json_object_set_new(json, "old", decision(&line, old, was));
		json_object_set_new(json, "new", decision(&line, new, is));
		json_array_append_new(comparison->differences, json);
	}
	if (result < 0 || result_new < 0)
		fprintf(stderr, "%s: %s\n", file, result < 0 ? before.error : after.error);
	comparison->out_of_memory |= line.failed;
	flow_line_release(&line);
	capture_run_release(&before);
	capture_run_release(&after);
	return result == 0 && result_new == 0;
}

/* ---- output ---- */

static json_t *amount_json(const struct amount *amount)
{
	return json_pack("{s:I,s:I}", "flows", (json_int_t)amount->flows, "bytes",
			 (json_int_t)amount->bytes);
}

static int by_name(const void *left, const void *right)
{
	const struct line *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* `all`: also the lines that keep what they have. */
static json_t *lines_json(struct comparison *comparison, bool all)
{
	json_t *lines = json_array();

	if (comparison->line_count)
		qsort(comparison->lines, comparison->line_count, sizeof(*comparison->lines),
		      by_name);
	for (size_t i = 0; i < comparison->line_count; i++) {
		const struct line *line = &comparison->lines[i];

		if (all || line->changes)
			json_array_append_new(lines,
					      json_pack("{s:s,s:o,s:o}", "uplink", line->name,
							"old", amount_json(&line->old), "new",
							amount_json(&line->new)));
	}
	return lines;
}

static int print_summary_json(struct comparison *comparison)
{
	json_t *document = json_pack("{s:I,s:I,s:I,s:o}", "flows", (json_int_t)comparison->flows,
				     "changed", (json_int_t)comparison->changed, "changed_bytes",
				     (json_int_t)comparison->changed_bytes, "uplinks",
				     lines_json(comparison, true));
	int result = cli_print_json(document);

	json_decref(document);
	return result;
}

static void cell_flows(const json_t *value, char cell[CLI_CELL_SIZE])
{
	cli_cell(json_object_get(value, "flows"), cell);
}

static void cell_bytes(const json_t *value, char cell[CLI_CELL_SIZE])
{
	cli_cell(json_object_get(value, "bytes"), cell);
}

static void print_summary(struct comparison *comparison)
{
	static const struct cli_column columns[] = {
		{"uplink", "uplink", false, NULL},	{"old flows", "old", true, cell_flows},
		{"new flows", "new", true, cell_flows}, {"old bytes", "old", true, cell_bytes},
		{"new bytes", "new", true, cell_bytes}, {0},
	};
	json_t *lines = lines_json(comparison, false);

	if (json_array_size(lines))
		cli_table(lines, columns);
	printf("%llu of %llu flows change, %llu bytes\n", (unsigned long long)comparison->changed,
	       (unsigned long long)comparison->flows,
	       (unsigned long long)comparison->changed_bytes);
	json_decref(lines);
}

static void cell_decision(const json_t *value, char cell[CLI_CELL_SIZE])
{
	const char *rule = json_string_value(json_object_get(value, "rule"));
	const char *uplink = json_string_value(json_object_get(value, "uplink"));
	const char *mark = json_string_value(json_object_get(value, "mark"));

	snprintf(cell, CLI_CELL_SIZE, "%s %s %s", rule ? rule : "-", uplink ? uplink : "-",
		 mark ? mark : "-");
}

static void print_differences(const json_t *differences)
{
	static const struct cli_column columns[] = {
		{"proto", "proto", false, NULL},      {"source", "src", false, NULL},
		{"sport", "sport", true, NULL},	      {"destination", "dst", false, NULL},
		{"dport", "dport", true, NULL},	      {"bytes", "bytes", true, NULL},
		{"host", "host", false, NULL},	      {"old", "old", false, cell_decision},
		{"new", "new", false, cell_decision}, {0},
	};

	cli_table(differences, columns);
	putchar('\n');
}

static void comparison_release(struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->line_count; i++)
		free(comparison->lines[i].name);
	free(comparison->lines);
	json_decref(comparison->differences);
}

int cli_diff(int argc, char **argv, struct cli *cli)
{
	static const struct cli_option own[] = {{"summary", 0, false, 0}, {0}};
	struct policy *old = NULL, *new = NULL;
	struct comparison comparison = {.differences = json_array()};
	bool complete = true, summary = false;
	int exit_code = 2, option;

	while ((option = cli_getopt(cli, argc, argv, own)) >= 0)
		summary = true;
	if (option == CLI_DONE) {
		exit_code = cli->exit_code;
		goto out;
	}
	if (cli->conf_count != 2) {
		cli_usage("diff needs two configurations: -c OLD -c NEW");
		goto out;
	}
	if (optind >= argc) {
		cli_usage("diff needs a capture file");
		goto out;
	}
	comparison.old = old = cli_policy_load(cli->conf_paths[0]);
	comparison.new = new = cli_policy_load(cli->conf_paths[1]);
	if (!old || !new)
		goto out;
	for (int i = optind; i < argc; i++)
		complete &= diff_file(&comparison, argv[i]);
	if (comparison.out_of_memory) {
		cli_fail("out of memory");
		goto out;
	}
	if (cli->json && summary) {
		print_summary_json(&comparison);
	} else if (cli->json) {
		cli_print_json(comparison.differences);
	} else if (summary || comparison.changed) { /* as diff(1): the same is silence */
		if (!summary)
			print_differences(comparison.differences);
		print_summary(&comparison);
	}
	if (complete)
		exit_code = comparison.changed ? 1 : 0;
out:
	policy_free(old);
	policy_free(new);
	comparison_release(&comparison);
	return exit_code;
}
