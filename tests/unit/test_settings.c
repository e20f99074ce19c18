/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings: what a user is told about a file, word by word and line by line.
 *
 * Every test writes its files into a directory of its own, where the working
 * directory is, so that messages begin with the bare name of the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <waymark/settings.h>

static char directory[] = "/tmp/waymark-settings-XXXXXX";
static struct diag_list diags;

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const names[] = {"a.conf", "b.conf", "c.conf", "sub/d.conf",
					    "sub/e.conf"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(names[i]);
	rmdir("sub");
	return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

static int start(void **state)
{
	(void)state;
	diag_list_init(&diags);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	diag_list_release(&diags);
	return 0;
}

static void put_bytes(const char *name, const void *bytes, size_t length)
{
	FILE *stream = fopen(name, "w");
	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, length, stream), length);
	assert_int_equal(fclose(stream), 0);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

/* Compares all findings so far, one a line, and forgets them. */
static void assert_found(const char *expected)
{
	char text[8192] = "", line[1024];
	for (size_t i = 0; i < diags.count; i++) {
		diag_format(&diags.items[i], line, sizeof(line));
		strncat(text, line, sizeof(text) - strlen(text) - 1);
		strncat(text, "\n", sizeof(text) - strlen(text) - 1);
	}
	assert_string_equal(text, expected);
	diag_list_release(&diags);
}

static struct settings_file *open_text(const char *text)
{
	put("a.conf", text);
	return settings_open("a.conf", &diags);
}

static void assert_refused(const char *text, const char *expected)
{
	assert_null(open_text(text));
	assert_true(diags.errors > 0);
	assert_found(expected);
}

static const config_setting_t *at(const struct settings_file *file, unsigned index)
{
	const config_setting_t *setting = config_setting_get_elem(settings_root(file), index);
	assert_non_null(setting);
	return setting;
}

static void a_file_that_is_not_there_is_one_line(void **state)
{
	(void)state;
	assert_null(settings_open("none.conf", &diags));
	assert_found("none.conf: cannot read: No such file or directory\n");
}

static void a_directory_is_no_file(void **state)
{
	(void)state;
	assert_null(settings_open("/tmp", &diags));
	assert_found("/tmp: cannot read: Is a directory\n");
}

static void an_empty_file_has_an_empty_root(void **state)
{
	(void)state;
	struct settings_file *file = open_text("");
	assert_non_null(file);
	assert_int_equal(config_setting_length(settings_root(file)), 0);
	assert_string_equal(settings_path(file), "a.conf");
	assert_string_equal(settings_source(settings_root(file)), "a.conf");
	assert_int_equal(settings_line(settings_root(file)), 0);
	settings_close(file);
	assert_found("");
}

static void a_syntax_error_says_where_and_what_was_expected(void **state)
{
	(void)state;
	assert_refused("a = 1;\nb = 2;\nc = = 3;\n",
		       "a.conf:3: syntax error: expected a value, not '='\n");
	assert_refused("/* one\n two */\nb = ;\n",
		       "a.conf:3: syntax error: expected a value, not ';'\n");
	assert_refused("a = yes;\n", "a.conf:1: syntax error: expected a value, not 'yes'\n");
	assert_refused("a 1;\n", "a.conf:1: syntax error: expected '=' after 'a', not '1'\n");
	assert_refused("a = 1;;\n", "a.conf:1: syntax error: expected a key, not ';'\n");
	assert_refused("true = 1;\n", "a.conf:1: syntax error: expected a key, not 'true'\n");
	assert_refused("a = (1\n 2);\n", "a.conf:2: syntax error: expected ',' or ')', not '2'\n");
	assert_refused("a = [1;\n", "a.conf:1: syntax error: expected ',' or ']', not ';'\n");
	assert_refused("a = (,);\n", "a.conf:1: syntax error: expected a value, not ','\n");
	assert_refused("a = 1 2;\n", "a.conf:1: syntax error: expected ';' or a key, not '2'\n");
	assert_refused("a = 0xfg;\n", "a.conf:1: syntax error: '0xfg' is no number\n");
	assert_refused("a = 1M;\n", "a.conf:1: syntax error: '1M' is no number\n");
	assert_refused("a = 10.0.0.1;\n", "a.conf:1: syntax error: '10.0.0.1' is no number\n");
	assert_refused("a = 1; \xc3\xa4 = 2;\n",
		       "a.conf:1: syntax error: expected a key, not the byte 0xc3\n");
	assert_refused("a = { b = ; };\n", "a.conf:1: syntax error: expected a value, not ';'\n");
	assert_refused("a = { b };\n", "a.conf:1: syntax error: expected '=' after 'b', not '}'\n");
	assert_refused("a = 1;\nb =", "a.conf: syntax error: the file ends where a value is "
				      "expected\n");
	assert_refused("x = { @include \"b.conf\"\n};\n",
		       "a.conf:1: syntax error: expected a key, not '@'\n");
}

static void an_array_holds_one_plain_type(void **state)
{
	static const char message[] =
		"a.conf:2: [ ] holds plain values of one type only, others need ( )\n";
	(void)state;
	assert_refused("b = [1,\n \"x\"];\n", message);
	assert_refused("b = [\"x\",\n 1];\n", message);
	assert_refused("b = [1,\n 2L];\n", message);
	assert_refused("b = [true,\n 2.5];\n", message);
	assert_refused("b = [\n {}];\n", message);
	assert_refused("b = [\n []];\n", message);
	struct settings_file *file = open_text(
		"a = [1, -2, +3, 0x4]; b = [1L, 0xfL, 2LL]; c = [true, FALSE];\n"
		"d = [1.5, 1e5, .5, 2., -1.5E-5]; e = [\"a\" \"b\", \"c\"]; f = ((), [], {});\n");
	assert_non_null(file);
	settings_close(file);
	assert_found("");
}

static void what_is_never_closed_is_named_where_it_opens(void **state)
{
	(void)state;
	assert_refused("a = 1;\nb = {\n c = 1;\n", "a.conf:2: '{' is never closed\n");
	assert_refused("a = \"x;\nb = 1;\n", "a.conf:1: string is never closed\n");
	assert_refused("a = 1;\n/* open\nb = 1;\n", "a.conf:2: comment is never closed\n");
	assert_refused("a = (1,\n 2];\n", "a.conf:2: ']' where ')' must close the '(' of line 1\n");
	assert_refused("a = 1;\n}\n", "a.conf:2: '}' closes nothing\n");
}

static void a_trailing_comma_is_named_and_the_rest_still_read(void **state)
{
	(void)state;
	struct settings_file *file = open_text("a = (1,\n2,\n);\nb = [3,];\nc = ( { d = 1, } );\n");
	assert_non_null(file);
	assert_int_equal(settings_items(at(file, 0)), 2);
	assert_int_equal(settings_items(at(file, 1)), 1);
	settings_close(file);
	assert_found("a.conf:3: no comma may stand before ')'\n"
		     "a.conf:4: no comma may stand before ']'\n");
}

static void every_duplicate_key_is_named_with_the_first_line(void **state)
{
	(void)state;
	assert_refused("a = 1;\nb = { a = 1; c = 2;\n c = 3; };\na = 2;\n",
		       "a.conf:3: duplicate key 'c', it is on line 2 already\n"
		       "a.conf:4: duplicate key 'a', it is on line 1 already\n");
}

static void the_same_key_in_two_groups_is_no_duplicate(void **state)
{
	(void)state;
	struct settings_file *file = open_text("a = ( { x = 1; }, { x = 2; } ); x = 1;\n");
	assert_non_null(file);
	settings_close(file);
	assert_found("");
}

static void nesting_is_bounded(void **state)
{
	char text[1024] = "a = ";
	(void)state;
	memset(text + 4, '(', 200);
	assert_refused(text, "a.conf:1: brackets are nested too deeply\n");
}

static void the_keys_of_one_group_are_bounded(void **state)
{
	static char text[32 * 1024];
	size_t used = 0;
	(void)state;
	for (int i = 0; i <= 1000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "k%d = 1;\n", i);
	assert_refused(text, "a.conf:1001: too many keys in one group\n");
}

static void a_file_of_errors_ends_after_a_thousand(void **state)
{
	static char text[32 * 1024] = "a = ( ";
	size_t used = strlen(text);
	(void)state;
	for (int i = 0; i < 2000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "( 1, ), ");
	assert_null(open_text(text));
	assert_int_equal(diags.errors, 1001);
	assert_string_equal(diags.items[1000].message, "too many errors, the rest is not read");
}

static void a_nul_byte_is_refused(void **state)
{
	(void)state;
	put_bytes("a.conf", "a = 1;\n\0b = 2;\n", 15);
	assert_null(settings_open("a.conf", &diags));
	assert_found("a.conf:2: NUL byte in the file\n");
	put_bytes("a.conf", "a = \"x\0y\";\n", 11);
	assert_null(settings_open("a.conf", &diags));
	assert_found("a.conf:1: NUL byte in the file\n");
}

static void an_unescaped_x_is_warned_of_with_its_line(void **state)
{
	(void)state;
	struct settings_file *file = open_text("a = \"\\\\x41\";\n# \"\\x41\"\nb = \"^\\x41\";\n"
					       "c = \"\\\\\\x41 \\d \\\"\";\n");
	assert_non_null(file);
	assert_string_equal(config_setting_get_string(at(file, 0)), "\\x41");
	assert_string_equal(config_setting_get_string(at(file, 1)), "^A");
	settings_close(file);
	assert_int_equal(diags.errors, 0);
	assert_int_equal(diags.warnings, 2);
	assert_found("a.conf:3: warning: \"\\x\" in a string is translated while the file is "
		     "read; a pattern needs \"\\\\x\"\n"
		     "a.conf:4: warning: \"\\x\" in a string is translated while the file is "
		     "read; a pattern needs \"\\\\x\"\n");
}

static void a_cut_integer_asks_for_the_suffix_and_is_named_once(void **state)
{
	int64_t value = 7;
	(void)state;
	struct settings_file *file = open_text(
		"a = 0xffffffff;\nb =\n  0xff000000;\nc = 99999999999;\nd = -2147483648;\n"
		"e = 0xffffffffL;\nf = 0x7fffffff;\ng = 99999999999999999999;\n"
		"h = [\n1,\n0x80000000];\n");
	assert_non_null(file);
	const config_setting_t *root = settings_root(file);
	assert_false(settings_int(root, "a", 0, UINT32_MAX, &value, &diags));
	assert_false(settings_int(root, "b", 0, UINT32_MAX, &value, &diags));
	assert_false(settings_int(root, "c", 0, UINT32_MAX, &value, &diags));
	assert_false(settings_int(root, "g", 0, UINT32_MAX, &value, &diags));
	assert_false(
		settings_item_int(settings_item(at(file, 7), 1), 0, UINT32_MAX, &value, &diags));
	assert_int_equal(value, 7);
	assert_true(settings_int(root, "d", INT32_MIN, 0, &value, &diags));
	assert_int_equal(value, INT32_MIN);
	assert_true(settings_int(root, "e", 0, UINT32_MAX, &value, &diags));
	assert_int_equal(value, UINT32_MAX);
	assert_true(settings_int(root, "f", 0, UINT32_MAX, &value, &diags));
	settings_close(file);
	assert_found("a.conf:1: 0xffffffff reads as -1, numbers of more than 31 bits need the "
		     "suffix L: 0xffffffffL\n"
		     "a.conf:3: 0xff000000 reads as -16777216, numbers of more than 31 bits need "
		     "the suffix L: 0xff000000L\n"
		     "a.conf:4: 99999999999 reads as 1215752191, numbers of more than 31 bits "
		     "need the suffix L: 99999999999L\n"
		     "a.conf:8: 99999999999999999999 is too large for a number\n"
		     "a.conf:11: 0x80000000 reads as -2147483648, numbers of more than 31 bits "
		     "need the suffix L: 0x80000000L\n");
}

static void a_written_minus_one_asks_for_the_suffix_too(void **state)
{
	int64_t value;
	(void)state;
	struct settings_file *file = open_text("a = -1;\n");
	assert_false(settings_int(settings_root(file), "a", 0, 9, &value, &diags));
	assert_true(settings_int(settings_root(file), "a", -5, 9, &value, &diags));
	settings_close(file);
	assert_found("a.conf:1: 'a' is -1, must be 0 to 9 (numbers of more than 31 bits need the "
		     "suffix L)\n");
}

static void a_wrong_type_is_named_and_the_value_stays(void **state)
{
	static const char *const words[] = {"one", "two", "three", NULL};
	int64_t number = 1;
	bool flag = true;
	int word = 2;
	const char *text = "as it was";
	(void)state;
	struct settings_file *file =
		open_text("a = \"1\";\nb = 1.5;\nc = 1;\nd = true;\ne = [1];\nf = {};\n"
			  "g = \"tow\";\nh = \"q\";\ni = ( {},\n 1 );\n");
	const config_setting_t *root = settings_root(file);
	assert_false(settings_int(root, "a", 0, 9, &number, &diags));
	assert_false(settings_int(root, "b", 0, 9, &number, &diags));
	assert_false(settings_bool(root, "c", &flag, &diags));
	assert_false(settings_string(root, "d", &text, &diags));
	assert_null(settings_group(root, "e", &diags));
	assert_null(settings_list(root, "f", &diags));
	assert_false(settings_enum(root, "g", words, &word, &diags));
	assert_false(settings_enum(root, "h", words, &word, &diags));
	assert_null(settings_list(root, "i", &diags));
	assert_false(settings_int(root, "c", 2, 9, &number, &diags));
	assert_false(settings_int(root, "none", 0, 9, &number, &diags));
	assert_true(number == 1 && flag && word == 2);
	assert_string_equal(text, "as it was");
	settings_close(file);
	assert_found("a.conf:1: 'a' must be a whole number, not a string\n"
		     "a.conf:2: 'b' must be a whole number, not a fraction\n"
		     "a.conf:3: 'c' must be true or false, not a whole number\n"
		     "a.conf:4: 'd' must be a string, not true or false\n"
		     "a.conf:5: 'e' must be a group { }, not an array [ ]\n"
		     "a.conf:6: 'f' must be a list of groups ( { ... }, ... ), not a group { }\n"
		     "a.conf:7: 'g' is 'tow', must be one, two or three, did you mean 'two'?\n"
		     "a.conf:8: 'h' is 'q', must be one, two or three\n"
		     "a.conf:10: 'i' must be a list of groups ( { ... }, ... ), and item 2 is a "
		     "whole number\n"
		     "a.conf:3: 'c' is 1, must be 2 to 9\n");
}

static void right_values_are_read(void **state)
{
	static const char *const words[] = {"one", "two", NULL};
	int64_t number;
	bool flag = false;
	int word;
	const char *text;
	(void)state;
	struct settings_file *file =
		open_text("a = 5; b = TRUE; c = \"x\" \"y\"; d = \"two\"; e = { f = ( {} ); };"
			  "g = [];\n");
	const config_setting_t *root = settings_root(file);
	assert_true(settings_int(root, "a", 5, 5, &number, &diags));
	assert_int_equal(number, 5);
	assert_true(settings_bool(root, "b", &flag, &diags));
	assert_true(flag);
	assert_true(settings_string(root, "c", &text, &diags));
	assert_string_equal(text, "xy");
	assert_true(settings_enum(root, "d", words, &word, &diags));
	assert_int_equal(word, 1);
	const config_setting_t *group = settings_group(root, "e", &diags);
	assert_non_null(group);
	assert_non_null(settings_list(group, "f", &diags));
	const config_setting_t *empty = settings_list(root, "g", &diags);
	assert_non_null(empty);
	assert_int_equal(settings_items(empty), 0);
	settings_close(file);
	assert_found("");
}

static void an_unknown_key_gets_the_nearest_known_one(void **state)
{
	static const char *const known[] = {"gateway", "name", NULL};
	(void)state;
	struct settings_file *file = open_text("name = 1;\ngatewy = 1;\nzzzzzz = 1;\n");
	settings_check_keys(settings_root(file), known, "uplink 'lte'", &diags);
	settings_check_keys(settings_root(file), known, NULL, &diags);
	settings_close(file);
	assert_found("a.conf:2: unknown key 'gatewy' in uplink 'lte', did you mean 'gateway'?\n"
		     "a.conf:3: unknown key 'zzzzzz' in uplink 'lte'\n"
		     "a.conf:2: unknown key 'gatewy', did you mean 'gateway'?\n"
		     "a.conf:3: unknown key 'zzzzzz'\n");
}

static void one_item_counts_as_one_and_a_sequence_as_many(void **state)
{
	(void)state;
	struct settings_file *file = open_text("a = 1; b = [1, 2]; c = (1, \"x\", {}); d = [];\n");
	assert_int_equal(settings_items(at(file, 0)), 1);
	assert_ptr_equal(settings_item(at(file, 0), 0), at(file, 0));
	assert_int_equal(settings_items(at(file, 1)), 2);
	assert_int_equal(settings_items(at(file, 2)), 3);
	assert_true(config_setting_is_group(settings_item(at(file, 2), 2)));
	assert_int_equal(settings_items(at(file, 3)), 0);
	settings_close(file);
	assert_found("");
}

static void a_string_stands_on_its_own_line(void **state)
{
	(void)state;
	/* libconfig alone gives a string the line of the token that follows it. */
	struct settings_file *file = open_text("a = (\n\"x\", # first\n\"y\"\n  // last\n\n);\nb "
					       "= \"two\"\n \"parts\";\nc = 1;\n");
	assert_non_null(file);
	assert_int_equal(settings_line(settings_item(at(file, 0), 0)), 2);
	assert_int_equal(settings_line(settings_item(at(file, 0), 1)), 3);
	assert_string_equal(config_setting_get_string(at(file, 1)), "twoparts");
	assert_int_equal(settings_line(at(file, 1)), 7);
	assert_int_equal(settings_line(at(file, 2)), 9);
	settings_close(file);
	assert_found("");
}

static void an_included_file_keeps_its_name_and_lines(void **state)
{
	(void)state;
	mkdir("sub", 0700);
	put("sub/d.conf", "d1 = 1;\n\n@include \"e.conf\"\nd3 = 3;");
	put("sub/e.conf", "# only\ne1 = 1;\n");
	struct settings_file *file =
		open_text("a1 = 1;\n  @include \"sub/d.conf\" a2 = 2;\na3 = 3;\n");
	assert_non_null(file);
	static const struct {
		const char *name, *source;
		int line;
	} expected[] = {
		{"a1", "a.conf", 1},	 {"d1", "sub/d.conf", 1}, {"e1", "sub/e.conf", 2},
		{"d3", "sub/d.conf", 4}, {"a2", "a.conf", 2},	  {"a3", "a.conf", 3},
	};
	for (unsigned i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_string_equal(config_setting_name(at(file, i)), expected[i].name);
		assert_string_equal(settings_source(at(file, i)), expected[i].source);
		assert_int_equal(settings_line(at(file, i)), expected[i].line);
	}
	settings_error(at(file, 2), &diags, "wrong %d", 1);
	settings_warning(at(file, 4), &diags, "odd");
	settings_close(file);
	assert_found("sub/e.conf:2: wrong 1\na.conf:2: warning: odd\n");
}

static void errors_in_included_files_are_theirs(void **state)
{
	(void)state;
	put("b.conf", "b = 1;\nc = = 2;\n");
	assert_refused("a = 1;\n@include \"b.conf\"\n",
		       "b.conf:2: syntax error: expected a value, not '='\n");
	put("b.conf", "b = 1;\na = 2;\n");
	assert_refused("a = 1;\n@include \"b.conf\"\n",
		       "b.conf:2: duplicate key 'a', it is in a.conf:1 already\n");
	assert_refused("a = 1;\n@include \"none.conf\"\n",
		       "a.conf:2: cannot read 'none.conf': No such file or directory\n");
	/* libconfig alone ends the process here. */
	assert_refused("@include \"/tmp\"\n", "a.conf:1: cannot read '/tmp': Is a directory\n");
	assert_refused("@include \"/dev/zero\"\n",
		       "a.conf:1: cannot read '/dev/zero': Invalid argument\n");
	assert_refused("@include \"\"\n", "a.conf:1: @include needs a file name in quotes\n");
	assert_refused("@include \"a.conf\"\n", "a.conf:1: too many files include one another\n");
}

static void include_in_a_comment_or_string_is_text(void **state)
{
	(void)state;
	struct settings_file *file =
		open_text("/*\n@include \"none.conf\"\n*/ a = \"\n@include \\\"x\\\"\";\n");
	assert_non_null(file);
	assert_string_equal(config_setting_get_string(at(file, 0)), "\n@include \"x\"");
	settings_close(file);
	assert_found("");
}

static void a_path_is_relative_to_the_file_that_names_it(void **state)
{
	static const struct {
		const char *file, *path, *expected;
	} cases[] = {
		{"/etc/waymark/waymark.conf", "rules.d", "/etc/waymark/rules.d"},
		{"/etc/waymark/waymark.conf", "/srv/x", "/srv/x"},
		{"waymark.conf", "rules.d", "rules.d"},
		{"/waymark.conf", "x", "/x"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *path = settings_resolve_path(cases[i].file, cases[i].path);
		assert_string_equal(path, cases[i].expected);
		free(path);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)
	const struct CMUnitTest tests[] = {
		TEST(a_file_that_is_not_there_is_one_line),
		TEST(a_directory_is_no_file),
		TEST(an_empty_file_has_an_empty_root),
		TEST(a_syntax_error_says_where_and_what_was_expected),
		TEST(an_array_holds_one_plain_type),
		TEST(what_is_never_closed_is_named_where_it_opens),
		TEST(a_trailing_comma_is_named_and_the_rest_still_read),
		TEST(every_duplicate_key_is_named_with_the_first_line),
		TEST(the_same_key_in_two_groups_is_no_duplicate),
		TEST(nesting_is_bounded),
		TEST(the_keys_of_one_group_are_bounded),
		TEST(a_file_of_errors_ends_after_a_thousand),
		TEST(a_nul_byte_is_refused),
		TEST(an_unescaped_x_is_warned_of_with_its_line),
		TEST(a_cut_integer_asks_for_the_suffix_and_is_named_once),
		TEST(a_written_minus_one_asks_for_the_suffix_too),
		TEST(a_wrong_type_is_named_and_the_value_stays),
		TEST(right_values_are_read),
		TEST(an_unknown_key_gets_the_nearest_known_one),
		TEST(one_item_counts_as_one_and_a_sequence_as_many),
		TEST(a_string_stands_on_its_own_line),
		TEST(an_included_file_keeps_its_name_and_lines),
		TEST(errors_in_included_files_are_theirs),
		TEST(include_in_a_comment_or_string_is_text),
		TEST(a_path_is_relative_to_the_file_that_names_it),
	};
	return cmocka_run_group_tests_name("settings", tests, make_directory, remove_directory);
}
