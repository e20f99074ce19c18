/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import-l7 - `waymark import-l7`: what l7-filter's patterns are worth here, and its configuration
 * as rules.
 *
 * Without --config the report on the files is what was asked for and goes to stdout. With it the
 * rules are, so that they can be written into rules_dir as they come, and the report goes to
 * stderr. JSON holds both, and the findings.
 *
 * The built-in patterns are loaded before anything else: an app is known to waymark if it has a
 * number then. The patterns of the directory never get one.
 */
#include <string.h>
#include <unistd.h>

#include <waymark/policy.h>

#include "cli.h"
#include "import_l7.h"

#define DEFAULT_MASK 0xff

static json_t *optional(const char *text)
{
	return text ? cli_text_json(text) : json_null();
}

static const char *result_name(enum l7_result result)
{
	switch (result) {
	case L7_COMPILES:
		return "compiles";
	case L7_SKIPPED:
		return "skipped";
	case L7_BROKEN:
		break;
	}
	return "error";
}

/* Whether most flows are told apart from it without asking PCRE2. */
static bool is_prefilterable(const struct l7_file *file)
{
	return file->look.placed || file->look.filtered;
}

static json_t *file_json(const struct l7_file *file)
{
	json_t *document = json_pack("{s:o,s:o,s:s,s:o,s:b}", "name", optional(file->name), "file",
				     cli_text_json(file->path), "result", result_name(file->result),
				     "problem", optional(file->problem), "builtin", file->builtin);

	if (document && file->result == L7_COMPILES)
		json_object_update_new(
			document,
			json_pack("{s:b,s:b,s:b,s:I,s:I,s:s,s:b}", "anchored", file->look.anchored,
				  "prefilterable", is_prefilterable(file), "proven",
				  file->look.proven, "steps", (json_int_t)file->cost.steps,
				  "time_us", (json_int_t)file->cost.time_us, "dearest",
				  file->cost.input, "limit", file->cost.limit));
	return document;
}

static json_t *files_json(const struct l7_files *files)
{
	json_t *array = json_array();

	for (size_t i = 0; i < files->count; i++)
		json_array_append_new(array, file_json(&files->items[i]));
	return array;
}

static json_t *rules_json(const struct l7_rules *rules)
{
	json_t *array = json_array();

	for (size_t i = 0; i < rules->count; i++) {
		const struct l7_rule *rule = &rules->items[i];

		json_array_append_new(
			array, json_pack("{s:i,s:o,s:o,s:o,s:o}", "line", rule->line, "protocol",
					 cli_text_json(rule->protocol), "app", optional(rule->app),
					 "mark", rule->app ? json_integer(rule->mark) : json_null(),
					 "needs", rule->app ? optional(rule->needs) : json_null()));
	}
	return array;
}

static json_t *findings_json(const struct diag_list *diags)
{
	static const char *const severities[] = {
		[DIAG_ERROR] = "error",
		[DIAG_WARNING] = "warning",
		[DIAG_NOTE] = "note",
	};
	json_t *array = json_array();

	for (size_t i = 0; i < diags->count; i++) {
		const struct diag *diag = &diags->items[i];

		json_array_append_new(array, json_pack("{s:s,s:o,s:i,s:o}", "severity",
						       severities[diag->severity], "file",
						       optional(diag->file), "line", diag->line,
						       "message", cli_text_json(diag->message)));
	}
	return array;
}

/* ---- text ---- */

/* A file's name is anybody's: nothing in it may drive a terminal. */
static void print_plain(const char *text, FILE *stream)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, stream);
}

static const char *yes_or_no(bool value)
{
	return value ? "yes" : "no";
}

static const char *label_of(const struct l7_file *file)
{
	return file->name ? file->name : file->base;
}

static void print_file(const struct l7_file *file, int width, FILE *stream)
{
	print_plain(label_of(file), stream);
	fprintf(stream, "%*s  %-8s  ", width - (int)strlen(label_of(file)), "",
		result_name(file->result));
	if (file->result == L7_COMPILES)
		fprintf(stream, "%-8s  %-9s  %7llu  %6llu  %-5s  %-13s  ",
			yes_or_no(file->look.anchored), yes_or_no(is_prefilterable(file)),
			(unsigned long long)file->cost.steps,
			(unsigned long long)file->cost.time_us, yes_or_no(file->cost.limit),
			file->cost.input);
	else
		fprintf(stream, "%-8s  %-9s  %7s  %6s  %-5s  %-13s  ", "-", "-", "-", "-", "-",
			"-");
	print_plain(file->path, stream);
	if (file->problem) {
		fputs(": ", stream);
		print_plain(file->problem, stream);
	} else if (file->builtin) {
		fputs(": waymark finds this protocol by itself", stream);
	}
	fputc('\n', stream);
}

static void print_files(const struct l7_files *files, FILE *stream)
{
	size_t counts[L7_BROKEN + 1] = {0};
	size_t width = strlen("NAME");

	for (size_t i = 0; i < files->count; i++) {
		const struct l7_file *file = &files->items[i];
		size_t length = strlen(label_of(file));

		width = length > width ? length : width;
		counts[file->result]++;
	}
	if (!files->count)
		return;
	fprintf(stream, "%-*s  %-8s  %-8s  %-9s  %7s  %6s  %-5s  %-13s  %s\n", (int)width, "NAME",
		"RESULT", "ANCHORED", "PREFILTER", "STEPS", "US", "LIMIT", "DEAREST", "FILE");
	for (size_t i = 0; i < files->count; i++)
		print_file(&files->items[i], (int)width, stream);
	fprintf(stream, "%zu file%s: %zu compile%s, %zu skipped, %zu with errors\n", files->count,
		files->count == 1 ? "" : "s", counts[L7_COMPILES],
		counts[L7_COMPILES] == 1 ? "s" : "", counts[L7_SKIPPED], counts[L7_BROKEN]);
}

/* ---- the command ---- */

/* The built-in patterns get their numbers. False: they cannot be loaded, and that has been said. */
static bool load_builtin(const struct mark_layout *mark)
{
	const struct rules_options options = {.mark = *mark};
	struct diag_list diags = DIAG_LIST_INIT;
	struct rules_builder *builder = rules_builder_new(&options, &diags);
	struct ruleset *rules = NULL;

	if (builder) {
		rules_add_shipped_patterns(builder);
		rules = rules_build(builder);
	}
	diag_print(&diags, stderr);
	diag_list_release(&diags);
	rules_builder_free(builder);
	ruleset_free(rules);
	return rules != NULL;
}

/* The mask of -c, or of the installed configuration where that can be read, or the usual one. */
static bool find_mark(const struct cli *cli, struct mark_layout *mark)
{
	struct diag_list ignored = DIAG_LIST_INIT;
	struct conf *conf =
		cli->conf_count ? cli_conf_load(cli) : conf_load(CONF_DEFAULT_PATH, NULL, &ignored);

	diag_list_release(&ignored);
	if (conf)
		*mark = conf->mark;
	else if (cli->conf_count || !mark_layout_init(mark, DEFAULT_MASK))
		return false;
	conf_free(conf);
	return true;
}

static bool all_well(const struct l7_files *files, const struct diag_list *diags)
{
	for (size_t i = 0; i < files->count; i++)
		if (files->items[i].result == L7_BROKEN)
			return false;
	return diags->errors == 0;
}

static int print_all(const struct cli *cli, const struct l7_files *files,
		     const struct l7_rules *rules, const char *config,
		     const struct diag_list *diags)
{
	json_t *document;
	int result;

	if (!cli->json) {
		print_files(files, config ? stderr : stdout);
		diag_print(diags, stderr);
		if (config)
			l7_rules_print(rules, config, stdout);
		return CLI_OK;
	}
	document = json_pack("{s:o,s:o,s:o}", "files", files_json(files), "rules",
			     config ? rules_json(rules) : json_null(), "findings",
			     findings_json(diags));
	result = document ? cli_print_json(document) : cli_fail("out of memory");
	json_decref(document);
	return result;
}

int cli_import_l7(int argc, char **argv, struct cli *cli)
{
	static const struct cli_option own[] = {{"config", 0, true, 1}, {NULL, 0, false, 0}};
	struct diag_list diags = DIAG_LIST_INIT;
	struct l7_rules rules = {.count = 0};
	struct l7_files files;
	struct mark_layout mark;
	const char *config = NULL;
	int option, result;

	while ((option = cli_getopt(cli, argc, argv, own)) >= 0)
		config = optarg;
	if (option == CLI_DONE)
		return cli->exit_code;
	if (argc - optind != 1)
		return cli_usage("'import-l7' takes one directory");
	if (!find_mark(cli, &mark) || !load_builtin(&mark))
		return CLI_FAILED;
	if (!l7_files_read(&files, argv[optind], &diags) ||
	    (config && !l7_rules_read(&rules, config, &files, &mark, &files.arena, &diags))) {
		result = cli_fail("out of memory");
		goto out;
	}
	result = print_all(cli, &files, &rules, config, &diags);
	if (result == CLI_OK && !all_well(&files, &diags))
		result = CLI_FAILED;
out:
	l7_rules_release(&rules);
	l7_files_release(&files);
	diag_list_release(&diags);
	return result;
}
