/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * .pat files as l7-filter's readers understand them, each point of their meaning with a flow that
 * tells it from the next best reading; and the lines that are ours alone.
 */
#include <stdio.h>

#include "inspect_support.h"

#include "../../src/inspect/pattern.h"

static struct diag_list diags;

static int setup(void **state)
{
	(void)state;
	diag_list_init(&diags);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	diag_list_release(&diags);
	return 0;
}

static int parse(const char *text, struct pattern_file *file)
{
	diag_list_release(&diags);
	return pattern_file_parse(text, strlen(text), "x.pat", file, &diags);
}

/* The file's pattern as a set of its own, wanted by a rule. */
static struct pattern_set *load(const char *text)
{
	struct pattern_file file;
	struct pattern_source source = {.wanted = true, .app = app_intern("x")};
	struct pattern_set *set;

	if (parse(text, &file)) {
		diag_print(&diags, stdout);
		fail_msg("'%s' is not read", text);
	}
	source.kind = (enum pattern_kind)file.kind;
	source.text = file.regex;
	source.flags = file.flags;
	source.transport = file.transport;
	source.side = file.side;
	source.offset_bytes = file.offset_bytes;
	source.first_bytes = file.first_bytes;
	set = pattern_set_new(&source, 1, &diags);
	if (!set) {
		diag_print(&diags, stdout);
		fail_msg("'%s' does not compile", file.regex);
	}
	pattern_file_release(&file);
	return set;
}

struct said {
	unsigned side;
	const char *bytes;
	size_t length;
};
#define SAID(side, text)                     \
	{                                    \
		side, text, sizeof(text) - 1 \
	}

/* Whether the file's pattern has hit when all has been said; an item without bytes is the end. */
static bool hits_over(uint8_t proto, const char *text, const struct said *said)
{
	struct pattern_set *set = load(text);
	struct talk talk;
	bool hit;

	talk_begin_with(&talk, proto, 40000, 7, set);
	for (; said->bytes; said++)
		say(&talk, said->side, said->bytes, said->length);
	hit = talk.evidence->pattern_hit[0] & 1;
	talk_end(&talk);
	pattern_set_free(set);
	return hit;
}

#define tcp_hits(text, ...) hits_over(IPPROTO_TCP, text, (const struct said[]){__VA_ARGS__, {0}})
#define udp_hits(text, ...) hits_over(IPPROTO_UDP, text, (const struct said[]){__VA_ARGS__, {0}})

static void comments_may_stand_between_the_name_and_the_regex(void **state)
{
	struct pattern_file file;

	(void)state;
	assert_int_equal(parse("# About it\n#\n\nfoo\n# the first thing is bar\n\n \t\n"
			       "#^never\n^bar\n\n# example:\n# bar 1\n",
			       &file),
			 0);
	assert_string_equal(file.name, "foo");
	assert_string_equal(file.regex, "^bar");
	assert_int_equal(file.kind, PATTERN_L7);
	assert_int_equal(diags.count, 0);
	pattern_file_release(&file);
}

static void what_follows_the_name_is_ignored(void **state)
{
	struct pattern_file file;

	(void)state;
	assert_int_equal(parse("foo bar\n^x\n", &file), 0);
	assert_string_equal(file.name, "foo");
	assert_int_equal(diags.warnings, 1);
	assert_int_equal(diags.items[0].line, 1);
	pattern_file_release(&file);
}

static void an_escaped_byte_is_that_byte_in_either_case(void **state)
{
	(void)state;
	assert_true(tcp_hits("x\n^\\x41\\x62c$\n", SAID(C, "aBC")));
	assert_true(tcp_hits("x\n^[\\x41-\\x43]$\n", SAID(C, "b")));
	assert_false(tcp_hits("x\n^\\x2a$\n", SAID(C, "")));
	assert_true(tcp_hits("x\n^a\\x2b$\n", SAID(C, "a+")));
	assert_false(tcp_hits("x\n^a\\x2b$\n", SAID(C, "aa")));
	assert_true(tcp_hits("x\n^\\x28\\x5b\\x7c\\x24\\x5e\\x5c$\n", SAID(C, "([|$^\\")));
	assert_true(tcp_hits("x\n^\\xDF\\xff$\n", SAID(C, "\xdf\xff")));
	/* letters beyond ASCII have no case */
	assert_false(tcp_hits("x\n^\\xc4$\n", SAID(C, "\xe4")));
}

static void a_dot_matches_a_newline(void **state)
{
	(void)state;
	assert_true(tcp_hits("x\n^a.b.c$\n", SAID(C, "a\nb\rc")));
	assert_true(tcp_hits("x\n^a.*c$\n", SAID(C, "a\n\n\nc")));
}

static void a_dollar_is_the_end_of_the_data_so_far(void **state)
{
	(void)state;
	assert_true(tcp_hits("x\n^ab$\n", SAID(C, "ab"), SAID(C, "c")));
	assert_false(tcp_hits("x\n^ab$\n", SAID(C, "abc")));
	assert_false(tcp_hits("x\n^ab$\n", SAID(C, "ab\n")));
	assert_false(tcp_hits("x\nb$\n", SAID(C, "a\nb\nc")));
	/* it comes again with each packet */
	assert_true(tcp_hits("x\nc$\n", SAID(C, "ab"), SAID(S, "bc"), SAID(C, "d")));
	assert_true(tcp_hits("x\n(y$|z)q|end$\n", SAID(C, "the end")));
}

static void nul_bytes_are_not_seen(void **state)
{
	(void)state;
	assert_true(tcp_hits("x\n^abc$\n", SAID(C, "\0a\0\0b\0c\0")));
	assert_true(tcp_hits("x\n^a.?.?b$\n", SAID(C, "a\0\0\0\0\0b")));
	assert_false(tcp_hits("x\na\\x00b\n", SAID(C, "a\0b")));
	assert_true(udp_hits("x\n^ab$\n", SAID(C, "\0a\0"), SAID(S, "\0\0b")));
}

static void both_directions_are_one_buffer_in_the_order_they_came(void **state)
{
	static const char greeting[] = "x\n^220 .*user .*331\n";

	(void)state;
	assert_true(tcp_hits(greeting, SAID(S, "220 ready\r\n"), SAID(C, "USER a\r\n"),
			     SAID(S, "331 pass\r\n")));
	assert_false(tcp_hits(greeting, SAID(C, "USER a\r\n"), SAID(S, "220 ready\r\n"),
			      SAID(S, "331 pass\r\n")));
	assert_true(udp_hits("x\n^ab$\n", SAID(C, "a"), SAID(S, "b")));
	assert_false(udp_hits("x\n^ba\n", SAID(C, "a"), SAID(S, "b"), SAID(C, "a")));
}

static void brackets_are_read_as_posix_does(void **state)
{
	(void)state;
	assert_true(tcp_hits("x\n^\\x03[]Z].?\\x05$\n", SAID(C, "\x03]\x05")));
	assert_true(tcp_hits("x\n^\\x03[]Z].?\\x05$\n", SAID(C, "\x03z\x01\x05")));
	assert_false(tcp_hits("x\n^[^]a]$\n", SAID(C, "]")));
	assert_true(tcp_hits("x\n^[^]a]$\n", SAID(C, "b")));
	assert_true(tcp_hits("x\n^[\\x57[\\x60-\\x62]$\n", SAID(C, "[")));
	assert_true(tcp_hits("x\n^[\\x57[\\x60-\\x62]$\n", SAID(C, "A")));
	assert_true(tcp_hits("x\n^[a\\-_]$\n", SAID(C, "^"))); /* from '\' to '_' */
	assert_false(tcp_hits("x\n^[a\\-_]$\n", SAID(C, "-")));
	assert_true(tcp_hits("x\n^[a\\]]$\n", SAID(C, "\\]"))); /* a class, then a ']' */
	assert_true(tcp_hits("x\n^[-)(0-9]+$\n", SAID(C, "-1)")));
	assert_true(tcp_hits("x\n^[\\x09-\\x0d -~]+$\n", SAID(C, "\t a~\n")));
	assert_true(tcp_hits("x\n^[$.*]+$\n", SAID(C, "*$.")));
}

static void spaces_at_the_end_of_a_regex_count(void **state)
{
	(void)state;
	assert_true(tcp_hits("x\n^a \n", SAID(C, "a b")));
	assert_false(tcp_hits("x\n^a \n", SAID(C, "ab")));
	assert_false(tcp_hits("x\n^a\t\r\n", SAID(C, "a b")));
	assert_false(tcp_hits("x\nz\nuserspace pattern=^a \n", SAID(C, "ab")));
}

static void the_userspace_lines_are_preferred(void **state)
{
	static const char text[] = "x\n^kernel\nuserspace pattern=^User(A|b)=\n"
				   "userspace flags=REG_EXTENDED REG_NOSUB\n";

	(void)state;
	assert_true(tcp_hits(text, SAID(C, "UserA=")));
	assert_false(tcp_hits(text, SAID(C, "userA=")));
	assert_false(tcp_hits(text, SAID(C, "kernel")));
	/* before the regex they are what they are, too */
	assert_true(tcp_hits("x\nuserspace pattern=^u\n^k\n", SAID(C, "u")));
	/* without the flag it is an extended one still */
	assert_true(tcp_hits("x\n^k\nuserspace pattern=^[lB].?c\nuserspace flags=REG_NOSUB\n",
			     SAID(C, "Bc")));
}

static void a_dummy_is_left_out_by_name(void **state)
{
	static const char *const texts[] = {"# old\nunknown\n# a comment\n\\x00\n", "unset\n.\n",
					    "UNSET\n\n"};
	struct pattern_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(texts[i], &file), PATTERN_FILE_DUMMY);
		assert_null(file.name);
		assert_null(file.regex);
		assert_int_equal(diags.errors, 0);
		assert_int_equal(diags.warnings, 1);
		assert_non_null(strstr(diags.items[0].message, "dummy"));
		assert_string_equal(diags.items[0].file, "x.pat");
	}
}

static void our_own_lines_say_where_a_pattern_looks(void **state)
{
	struct pattern_file file;

	(void)state;
	assert_int_equal(
		parse("# x\nfoo\nwaymark proto=udp bytes=raw\n# y\n^foo\n"
		      "\twaymark  from=server   offset=12\nwaymark first=16384 strict=yes\n",
		      &file),
		0);
	assert_int_equal(diags.count, 0);
	assert_string_equal(file.regex, "^foo");
	assert_int_equal(file.regex_line, 5);
	assert_int_equal(file.kind, PATTERN_RAW);
	assert_int_equal(file.transport, PATTERN_UDP);
	assert_int_equal(file.side, PATTERN_FROM_SERVER);
	assert_int_equal(file.offset_bytes, 12);
	assert_int_equal(file.first_bytes, 16384);
	assert_true(file.strict);
	pattern_file_release(&file);

	assert_int_equal(parse("foo\n^foo\nwaymark proto=tcp strict=no bytes=l7\n", &file), 0);
	assert_int_equal(file.kind, PATTERN_L7);
	assert_int_equal(file.transport, PATTERN_TCP);
	assert_int_equal(file.side, PATTERN_BOTH_SIDES);
	assert_int_equal(file.first_bytes, 0);
	assert_false(file.strict);
	pattern_file_release(&file);

	/* a protocol may be called so, and a regex begin so */
	assert_int_equal(parse("waymark\n^foo\n", &file), 0);
	assert_string_equal(file.name, "waymark");
	pattern_file_release(&file);
	assert_int_equal(parse("foo\nwaymarked\n", &file), 0);
	assert_string_equal(file.regex, "waymarked");
	pattern_file_release(&file);
}

static void every_slip_in_our_own_lines_is_named(void **state)
{
	static const struct {
		const char *line, *part;
	} cases[] = {
		{"waymark frm=client", "unknown key 'frm', did you mean 'from'?"},
		{"waymark zzzzzzzz=1", "unknown key 'zzzzzzzz'"},
		{"waymark =1", "unknown key ''"},
		{"waymark proto", "proto takes tcp or udp"},
		{"waymark proto=", "proto takes tcp or udp"},
		{"waymark proto=UDP", "proto takes tcp or udp"},
		{"waymark bytes=raw from=both", "from takes client or server"},
		{"waymark offset=-1", "offset takes a number of bytes"},
		{"waymark offset=16384", "offset takes a number of bytes"},
		{"waymark offset=4294967297", "offset takes a number of bytes"},
		{"waymark first=0", "first takes a number of bytes"},
		{"waymark first=16385", "first takes a number of bytes"},
		{"waymark first=8k", "first takes a number of bytes"},
		{"waymark bytes=text", "bytes takes raw or l7"},
		{"waymark strict=1", "strict takes yes or no"},
		{"waymark first=1 first=1", "first is given twice"},
		{"waymark from=client", "from needs bytes=raw"},
	};
	struct pattern_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text), "foo\n^bar\n%s\n", cases[i].line);
		assert_int_equal(parse(text, &file), -1);
		assert_null(file.name);
		if (diags.errors != 1 || diags.items[0].line != 3 ||
		    !strstr(diags.items[0].message, cases[i].part)) {
			diag_print(&diags, stdout);
			fail_msg("'%s'", cases[i].line);
		}
	}
	assert_int_equal(parse("waymark proto=tcp\nfoo\n^bar\n", &file), -1);
	assert_non_null(strstr(diags.items[diags.count - 1].message, "the name comes before"));
	/* all of them in one run */
	assert_int_equal(parse("foo\nwaymark a=1 proto=x\nwaymark b=2\n[a\n", &file), -1);
	assert_int_equal(diags.errors, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments_may_stand_between_the_name_and_the_regex),
		cmocka_unit_test(what_follows_the_name_is_ignored),
		cmocka_unit_test(an_escaped_byte_is_that_byte_in_either_case),
		cmocka_unit_test(a_dot_matches_a_newline),
		cmocka_unit_test(a_dollar_is_the_end_of_the_data_so_far),
		cmocka_unit_test(nul_bytes_are_not_seen),
		cmocka_unit_test(both_directions_are_one_buffer_in_the_order_they_came),
		cmocka_unit_test(brackets_are_read_as_posix_does),
		cmocka_unit_test(spaces_at_the_end_of_a_regex_count),
		cmocka_unit_test(the_userspace_lines_are_preferred),
		cmocka_unit_test(a_dummy_is_left_out_by_name),
		cmocka_unit_test(our_own_lines_say_where_a_pattern_looks),
		cmocka_unit_test(every_slip_in_our_own_lines_is_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
