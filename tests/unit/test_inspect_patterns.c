/* SPDX-License-Identifier: GPL-2.0-or-later */
/* .pat files as they are read, patterns as they compile, and what a scan may cost. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "inspect_support.h"

#include "../../src/inspect/pattern.h"

static struct diag_list diags;
static char path[] = "/tmp/test_inspect_patterns.XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	diag_list_init(&diags);
	return fd < 0 || close(fd);
}

static int teardown(void **state)
{
	(void)state;
	diag_list_release(&diags);
	return unlink(path);
}

static int read_text(const char *text, size_t length, struct pattern_file *file)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_int_equal(fwrite(text, 1, length, stream), length);
	assert_int_equal(fclose(stream), 0);
	diag_list_release(&diags);
	return pattern_file_read(path, file, &diags);
}

/* Whether the .pat regex matches the bytes, as a flow's whole data. */
static bool matches(const char *regex, const char *bytes, size_t length, const char *attributes)
{
	struct pattern_file file;
	struct pattern_source source = {.kind = PATTERN_L7, .wanted = true};
	struct pattern_set *set;
	struct talk talk;
	char text[1024];
	bool hit;

	snprintf(text, sizeof(text), "app\n%s\n%s", regex, attributes);
	if (read_text(text, strlen(text), &file)) {
		diag_print(&diags, stdout);
		fail_msg("'%s' is not read", regex);
	}
	source.text = file.regex;
	source.flags = file.flags;
	set = pattern_set_new(&source, 1, &diags);
	if (!set) {
		diag_print(&diags, stdout);
		fail_msg("'%s' does not compile", file.regex);
	}
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 7, set);
	say(&talk, C, bytes, length);
	hit = talk.evidence->pattern_hit[0] & 1;
	talk_end(&talk);
	pattern_set_free(set);
	pattern_file_release(&file);
	return hit;
}

static void a_file_has_comments_a_name_and_a_regex(void **state)
{
	static const char text[] = "# about\n\n#\nFoo-Bar \n# more\n\n  \n^foo .*bar \n# end\n";
	struct pattern_file file;

	(void)state;
	assert_int_equal(read_text(text, strlen(text), &file), 0);
	assert_string_equal(file.name, "foo-bar");
	assert_string_equal(file.regex, "^foo .*bar "); /* the space at the end counts */
	assert_int_equal(file.regex_line, 8);
	assert_int_equal(diags.count, 0);
	pattern_file_release(&file);
}

static void dos_line_ends_and_a_missing_last_one_are_read(void **state)
{
	struct pattern_file file;

	(void)state;
	assert_int_equal(read_text("a\r\nb$", 5, &file), 0);
	assert_string_equal(file.regex, "b$");
	pattern_file_release(&file);
}

static void the_userspace_pattern_and_flags_are_preferred(void **state)
{
	static const char text[] = "smtp\n^220 x\nuserspace pattern=^220 (SMTP|Mail)\n"
				   "userspace flags=REG_NOSUB REG_EXTENDED\n";
	struct pattern_file file;

	(void)state;
	assert_int_equal(read_text(text, strlen(text), &file), 0);
	assert_string_equal(file.regex, "(?-i)^220 (SMTP|Mail)");
	assert_int_equal(file.regex_line, 3);
	assert_int_equal(diags.count, 0);
	pattern_file_release(&file);
	assert_true(matches("^abc", "ABC", 3, ""));
	assert_false(matches("^abc", "ABC", 3, "userspace flags=REG_EXTENDED\n"));
	assert_true(matches("^abc", "ABC", 3, "userspace flags=REG_EXTENDED REG_ICASE\n"));
	assert_true(matches("^b$", "a\nb\nc", 5, "userspace flags=REG_EXTENDED|REG_NEWLINE\n"));
	assert_false(matches("a.b", "a\nb", 3, "userspace flags=REG_EXTENDED|REG_NEWLINE\n"));
}

static void files_that_are_none_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		int line;
		const char *part;
	} cases[] = {
		{"", 0, 0, "no name"},
		{"# x\n", 4, 0, "no name"},
		{"name\n", 5, 0, "no regex"},
		{" word\nx\n", 8, 1, "plain word"},
		{"a\n[abc\n", 7, 2, "']'"},
		{"a\n[z-a]\n", 8, 2, "range"},
		{"a\n#\n*a\n", 7, 3, "quantifier"},
		{"a\n(*ACCEPT)\n", 12, 2, "quantifier"},
		{"a\nb\\\n", 5, 2, "backslash"},
		{"a\0b\nc\n", 6, 0, "NUL"},
	};
	struct pattern_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_text(cases[i].text, cases[i].length, &file), -1);
		assert_int_equal(diags.errors, 1);
		assert_int_equal(diags.items[0].line, cases[i].line);
		assert_non_null(strstr(diags.items[0].message, cases[i].part));
		assert_null(file.name);
	}
	assert_int_equal(pattern_file_read("/nonexistent/x.pat", &file, &diags), -1);
}

static void regexes_mean_what_posix_reads(void **state)
{
	static const struct {
		const char *regex, *bytes;
		size_t length;
		bool match;
	} cases[] = {
		{"^\\x47\\x45t$", "get", 3, true}, /* a byte, in either case */
		{"^\\x2e$", "a", 1, false},	   /* a byte, not "any" */
		{"^\\x2e$", ".", 1, true},
		{"^a\\x2a$", "a*", 2, true},
		{"^a.b", "a\nb", 3, true}, /* '.' is any byte */
		{"a$", "ba", 2, true},
		{"a$", "a\n", 2, false}, /* the end of the data, not of a line */
		{"^[]Z]$", "]", 1, true},
		{"^[]Z]$", "Z", 1, true},
		{"^[^]Z]$", "]", 1, false},
		{"^[a[b]$", "[", 1, true},
		{"^[\\-_]$", "]", 1, true}, /* the range from \ to _ */
		{"^[\\-_]$", "\\", 1, true},
		{"^[\\-_]$", "-", 1, false},
		{"^[a-]$", "-", 1, true},
		{"^[\\x09-\\x0d -~]+$", "a\tb~", 4, true},
		{"^[\\x09-\\x0d -~]+$", "a\x7f", 2, false},
		{"^[\\d]$", "d", 1, true},
		{"^[\\d]$", "5", 1, false},
		{"^[\\]$", "\\", 1, true},
		{"^[[:digit:]x]+$", "1x2", 3, true},
		{"^[[.-.]a]$", "-", 1, true},
		{"^[[=a=]b]$", "a", 1, true},
		{"^\\d$", "d", 1, true},
		{"^a\\?$", "a?", 2, true},
		{"^a\\/b$", "a/b", 3, true},
		{"^a+?$", "", 0, false},
		{"^ab+?c$", "abbc", 4, true},
		{"^(ab)+*$", "abab", 4, true},
		{"^x{2}$", "xx", 2, true},
		{"^x{$", "x{", 2, true},
		{"^x{a}$", "x{a}", 4, true},
		{"^x{,2}$", "x{,2}", 5, true},
		{"^(a|b)\\1$", "bb", 2, true},
		{"^(a|b)\\1$", "ab", 2, false},
		{"^()b", "b", 1, true},
		{"^(?:a|b)c", "bc", 2, true},
		{"user [^ ]+ \\x00?x", "user a x", 8, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (matches(cases[i].regex, cases[i].bytes, cases[i].length, "") != cases[i].match)
			fail_msg("'%s' on '%s'", cases[i].regex, cases[i].bytes);
}

static void all_that_does_not_compile_is_reported(void **state)
{
	struct pattern_source sources[] = {
		{.kind = PATTERN_PAYLOAD, .text = "a(b", .file = "one.conf", .line = 3},
		{.kind = PATTERN_PAYLOAD, .text = "fine", .file = "one.conf", .line = 4},
		{.kind = PATTERN_PAYLOAD, .text = "[z-a]", .file = "two.conf", .line = 5},
		{.kind = PATTERN_PAYLOAD, .text = "(*UTF)a", .file = "two.conf", .line = 6},
	};

	(void)state;
	diag_list_release(&diags);
	assert_null(pattern_set_new(sources, 4, &diags));
	assert_int_equal(diags.errors, 3);
	assert_string_equal(diags.items[0].file, "one.conf");
	assert_int_equal(diags.items[0].line, 3);
	assert_non_null(strstr(diags.items[0].message, "'a(b'"));
	assert_int_equal(diags.items[2].line, 6);
}

static void a_payload_is_case_sensitive_and_stops_at_newlines(void **state)
{
	static const struct {
		const char *regex, *text;
		bool match;
	} cases[] = {
		{"abc", "xabcx", true},	  {"abc", "ABC", false},  {"a.c", "a\nc", false},
		{"(?i)abc", "ABC", true}, {"\\x00z", "z", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pattern_source source = {
			.kind = PATTERN_PAYLOAD, .text = cases[i].regex, .wanted = true};
		struct pattern_set *set = pattern_set_new(&source, 1, &diags);
		struct talk talk;

		assert_non_null(set);
		assert_int_equal(pattern_count(set), 1);
		assert_string_equal(pattern_text(set, 0), cases[i].regex);
		talk_begin_with(&talk, IPPROTO_TCP, 40000, 7, set);
		say_text(&talk, C, cases[i].text);
		assert_int_equal(talk.evidence->pattern_hit[0] & 1, cases[i].match);
		talk_end(&talk);
		pattern_set_free(set);
	}
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/*
 * One scan of 16 KiB by patterns made to explode, over bytes made to let them. The goal is 1 ms;
 * the bound here leaves room for sanitizers, valgrind and a busy machine, and the figure is
 * printed.
 */
static void a_catastrophic_pattern_is_cut_short(void **state)
{
	static const char *const regexes[] = {
		"(a+)+$",
		"(x*)*y",
		"(a|aa)+$",
		"([a-zA-Z]+)*$",
		"(.*)(.*)(.*)(.*)x!",
		"[^b]++c",
		"^(a*)\\1b!",
		"(a*?)b|(a*?)c|(a*?)d!",
		"(?s)^(.+)+\\1P",
		"(?:(?:a?){20}){20}b!",
		"(?:.*a.*b)+c!",
		"(?R)?a",
	};
	static uint8_t bytes[3][FLOW_PREFIX_MAX_BYTES];
	struct pattern_scratch *scratch = pattern_scratch_new();
	uint64_t worst = 0;
	unsigned cut = 0;

	(void)state;
	assert_non_null(scratch);
	memset(bytes[0], 'a', sizeof(bytes[0]));
	memset(bytes[1], 'x', sizeof(bytes[1]));
	for (size_t i = 0; i < sizeof(bytes[2]); i++)
		bytes[2][i] = i & 1 ? 'b' : 'a';
	for (size_t b = 0; b < 3; b++)
		memcpy(bytes[b] + sizeof(bytes[b]) - 6, "Pdcb!\n", 6);
	for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++)
		for (size_t b = 0; b < 3; b++) {
			struct pattern_source source = {.kind = PATTERN_PAYLOAD,
							.text = regexes[i]};
			struct pattern_set *set = pattern_set_new(&source, 1, &diags);
			enum pattern_outcome outcome = PATTERN_OPEN;
			uint64_t best = UINT64_MAX;

			assert_non_null(set);
			for (unsigned turn = 0; turn < 3;
			     turn++) { /* the first touches the stack */
				uint64_t began = now_us(), took;

				outcome = pattern_scan(set, 0, scratch, bytes[b], sizeof(bytes[b]));
				took = now_us() - began;
				best = took < best ? took : best;
			}
			worst = best > worst ? best : worst;
			cut += outcome == PATTERN_LIMIT;
			assert_int_equal(pattern_limit_hits(set, 0),
					 outcome == PATTERN_LIMIT ? 3 : 0);
			pattern_set_free(set);
		}
	pattern_scratch_free(scratch);
	printf("# worst scan of 16 KiB: %u us, %u of 36 cut short\n", (unsigned)worst, cut);
	assert_in_range(cut, 10, 36);
	assert_in_range(worst, 0, 20000);
}

static void a_pattern_that_hit_its_limit_is_out_for_that_flow(void **state)
{
	static uint8_t bytes[4000];
	struct pattern_source source = {
		.kind = PATTERN_PAYLOAD, .text = "(a|aa)+$", .wanted = true};
	struct pattern_set *set = pattern_set_new(&source, 1, &diags);
	struct talk talk;

	(void)state;
	assert_non_null(set);
	memset(bytes, 'a', sizeof(bytes));
	bytes[sizeof(bytes) - 1] = '!';
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 7, set);
	assert_true(say(&talk, C, bytes, sizeof(bytes)));
	assert_int_equal(pattern_limit_hits(set, 0), 1);
	assert_true(talk.evidence->pattern_out[0] & 1);
	assert_false(talk.evidence->pattern_hit[0] & 1);
	assert_done(&talk);
	say(&talk, C, bytes, sizeof(bytes));
	assert_int_equal(pattern_limit_hits(set, 0), 1);
	talk_end(&talk);
	pattern_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_has_comments_a_name_and_a_regex),
		cmocka_unit_test(dos_line_ends_and_a_missing_last_one_are_read),
		cmocka_unit_test(the_userspace_pattern_and_flags_are_preferred),
		cmocka_unit_test(files_that_are_none_are_refused_with_their_place),
		cmocka_unit_test(regexes_mean_what_posix_reads),
		cmocka_unit_test(all_that_does_not_compile_is_reported),
		cmocka_unit_test(a_payload_is_case_sensitive_and_stops_at_newlines),
		cmocka_unit_test(a_catastrophic_pattern_is_cut_short),
		cmocka_unit_test(a_pattern_that_hit_its_limit_is_out_for_that_flow),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
