/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The patterns that are built in, beside those of the configuration. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/rules/private.h"

static char directory[PATH_MAX];

struct world {
	struct ruleset *rules;
	struct diag_list diags;
};

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/waymark-shipped-XXXXXX", base ? base : "/tmp");
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[PATH_MAX + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}

static void write_file(const char *name, const char *text)
{
	char path[PATH_MAX + 64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

/* What a configuration with the directory alone has. */
static struct world load(void)
{
	struct rules_options options = {.mark = {0}};
	struct world world = {.diags = DIAG_LIST_INIT};
	struct rules_builder *builder;

	assert_true(mark_layout_init(&options.mark, 0xff));
	builder = rules_builder_new(&options, &world.diags);
	assert_non_null(builder);
	rules_add_directory(builder, directory, true);
	rules_add_shipped_patterns(builder);
	world.rules = rules_build(builder);
	rules_builder_free(builder);
	diag_print(&world.diags, stdout);
	return world;
}

static void unload(struct world *world)
{
	ruleset_free(world->rules);
	diag_list_release(&world->diags);
}

static bool has_pattern(const struct world *world, const char *regex)
{
	const struct pattern_set *patterns = ruleset_patterns(world->rules);

	for (size_t i = 0; i < pattern_count(patterns); i++)
		if (!strcmp(pattern_text(patterns, i), regex))
			return true;
	return false;
}

static void they_are_there_without_any_file(void **state)
{
	struct world world = load();

	(void)state;
	assert_non_null(world.rules);
	assert_int_equal(world.diags.count, 0);
	assert_true(rules_shipped_count > 0);
	assert_int_equal(ruleset_shipped_patterns(world.rules), rules_shipped_count);
	assert_int_equal(pattern_count(ruleset_patterns(world.rules)), rules_shipped_count);
	unload(&world);
}

static void they_are_the_files_of_the_tree(void **state)
{
	const char *top = getenv("WAYMARK_SRC");

	(void)state;
	for (size_t i = 0; i < rules_shipped_count; i++) {
		char path[PATH_MAX], text[65536];
		size_t length;
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", top ? top : ".", rules_shipped[i].path);
		file = fopen(path, "r");
		assert_non_null(file);
		length = fread(text, 1, sizeof(text) - 1, file);
		assert_int_equal(fclose(file), 0);
		text[length] = '\0';
		assert_string_equal(rules_shipped[i].text, text);
	}
}

static void a_rule_may_ask_for_their_apps(void **state)
{
	struct world world;

	(void)state;
	write_file("a.conf",
		   "rules = ( { name = \"r\"; match = { app = \"sip\"; }; mark = 3; } );");
	world = load();
	assert_non_null(world.rules);
	assert_int_equal(world.diags.count, 0);
	assert_false(ruleset_is_header_only(world.rules));
	unload(&world);
}

static void rules_that_ask_for_none_stay_header_only(void **state)
{
	struct world world;

	(void)state;
	write_file("a.conf", "rules = ( { name = \"r\"; match = { dport = 5060; }; mark = 3; } );");
	world = load();
	assert_non_null(world.rules);
	assert_true(ruleset_is_header_only(world.rules));
	unload(&world);
}

static void a_file_of_the_same_pattern_name_stands_in_for_one(void **state)
{
	struct world world;

	(void)state;
	write_file("my-own.pat", "SIP\nwaymark strict=yes\n^mine/1\n");
	world = load();
	assert_non_null(world.rules);
	assert_int_equal(world.diags.count, 0);
	assert_true(has_pattern(&world, "^mine/1"));
	assert_true(ruleset_shipped_patterns(world.rules) < rules_shipped_count);
	assert_int_equal(pattern_count(ruleset_patterns(world.rules)),
			 ruleset_shipped_patterns(world.rules) + 1);
	unload(&world);
}

static void a_loose_file_takes_no_strict_pattern_away(void **state)
{
	struct world world;

	(void)state;
	write_file("sip.pat", "sip\n^invite .*sip\n");
	world = load();
	assert_non_null(world.rules);
	assert_int_equal(world.diags.count, 0);
	assert_true(has_pattern(&world, "^invite .*sip"));
	assert_int_equal(ruleset_shipped_patterns(world.rules), rules_shipped_count);
	unload(&world);
}

static void two_files_of_one_app_may_look_at_different_flows(void **state)
{
	struct world world;

	(void)state;
	write_file("a.pat", "acme\n^acme/t\nwaymark proto=tcp\n");
	write_file("b.pat", "acme\n^acme/u\nwaymark proto=udp\n");
	write_file("c.pat", "acme\n^acme/x\nwaymark proto=udp\n");
	world = load();
	assert_non_null(world.rules);
	assert_int_equal(world.diags.count, 1);
	assert_non_null(strstr(world.diags.items[0].file, "c.pat"));
	assert_non_null(strstr(world.diags.items[0].message, "b.pat:2"));
	unload(&world);
}

static void a_directory_with_dummies_loads_all_the_rest(void **state)
{
	struct world world;

	(void)state;
	write_file("acme.pat", "acme\n^acme\n");
	write_file("unknown.pat", "# dummy\nunknown\n\\x00\n");
	write_file("unset.pat", "unset\n.\n");
	world = load();
	assert_non_null(world.rules);
	assert_int_equal(world.diags.warnings, 2);
	assert_int_equal(pattern_count(ruleset_patterns(world.rules)),
			 ruleset_shipped_patterns(world.rules) + 1);
	unload(&world);
	/* a rule cannot ask for one */
	write_file("a.conf",
		   "rules = ( { name = \"r\"; match = { app = \"unset\"; }; mark = 3; } );");
	world = load();
	assert_null(world.rules);
	assert_int_equal(world.diags.errors, 1);
	unload(&world);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_are_there_without_any_file),
		TEST(they_are_the_files_of_the_tree),
		TEST(a_rule_may_ask_for_their_apps),
		TEST(rules_that_ask_for_none_stay_header_only),
		TEST(a_file_of_the_same_pattern_name_stands_in_for_one),
		TEST(a_loose_file_takes_no_strict_pattern_away),
		TEST(two_files_of_one_app_may_look_at_different_flows),
		TEST(a_directory_with_dummies_loads_all_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
