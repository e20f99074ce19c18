/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read out of a pattern's text: literals, pieces, first bytes, and what matching may cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "pattern_support.h"

#define DOTS (PCRE2_CASELESS | PCRE2_DOTALL)

static void literals_are_those_that_every_match_holds(void **state)
{
	static const struct {
		const char *regex, *literals;
		bool fresh;
	} cases[] = {
		{"user", "user", true},
		{"USER", "user", true},
		{"user|pass", "user pass", true},
		{"(get|post|head) /", "get / post / head /", true},
		{"a(b|c)d", "abd acd", true},
		{"colou?r=", "color= colour=", true},
		{"[ab]cd[0-9]", "acd bcd", true},
		{"x{3}y", "xxxy", true},
		{"(ab){2,}", "abab", true},
		{"(ab)*cd", "cd", true},
		{"user.*password", "password", true},
		{"password.*ab", "password", false}, /* what comes last is too common */
		{"password[^\\n]{200}x", "password", false},
		{"password.*", "password", true}, /* which may be left out */
		{"\\bpassword\\b", "password", true},
		{"password[a-z]+$", "password", false},
		{"(password[a-z]+)\\b", "password", false},
		{"(?=x)password", "password", false},
		{"(user|)x", "userx x", true},
		{"user|.*", "", false},
		{"[^a]", "", false},
		{"(a|b)\\1password", "password", false},
		{"abcdefghijklmnopqrstuvwxyz", "", true}, /* one of its windows */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct literals literals;
		struct regex regex;
		char text[512] = "";

		assert_true(regex_read(&regex, cases[i].regex, DOTS));
		regex_literals(&regex, &literals);
		for (unsigned j = 0; j < literals.count; j++)
			sprintf(text + strlen(text), "%s%.*s", j ? " " : "",
				literals.items[j].length, (const char *)literals.items[j].bytes);
		if (i + 1 == sizeof(cases) / sizeof(cases[0]))
			assert_non_null(strstr(cases[i].regex, text));
		else if (strcmp(text, cases[i].literals) != 0)
			fail_msg("'%s': '%s'", cases[i].regex, text);
		if (literals.count && literals.fresh != cases[i].fresh)
			fail_msg("'%s': fresh %d", cases[i].regex, literals.fresh);
		regex_release(&regex);
	}
}

static void pieces_are_short_parts_of_the_text(void **state)
{
	static const struct {
		const char *regex, *pieces;
		bool fresh;
	} cases[] = {
		{"user [0-9]{3}", "user [0-9]{3}", true},
		{"[a-z]+[0-9]{2}word", "[0-9]{2}word", true},
		{"user.*password", "password", true},
		{".{0,100}user", "user", true},
		{"(user.*a|pass.*b)", "user pass", false},
		{"(user|pass.*password)", "user password", true},
		{"(user.*password)+", "password", true},
		{"user(?i)pass", "", false},
		{"(a|b)\\1password", "", false},
		{"user.?pass.{3}word", "user.?pass.{3}word", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct regex_pieces pieces;
		struct regex regex;
		char text[512] = "";

		assert_true(regex_read(&regex, cases[i].regex, DOTS));
		regex_pieces(&regex, &pieces);
		for (unsigned j = 0; j < pieces.count; j++)
			sprintf(text + strlen(text), "%s%.*s", j ? " " : "",
				(int)(pieces.items[j].end - pieces.items[j].begin),
				cases[i].regex + pieces.items[j].begin);
		if (strcmp(text, cases[i].pieces) != 0)
			fail_msg("'%s': '%s'", cases[i].regex, text);
		if (pieces.count && pieces.fresh != cases[i].fresh)
			fail_msg("'%s': fresh %d", cases[i].regex, pieces.fresh);
		regex_release(&regex);
	}
}

static void what_is_not_understood_is_refused(void **state)
{
	static const char *const texts[] = {
		"\\Qa\\E", "(?<name>a)", "(?x)a b", "(*UTF)a", "(?|a|b)",
		"a\\Kb",   "a\\Rb",	 "x{,2}",   "[[.a.]]", "(?#a)b",
		"\\10",	   "(?(1)a)",	 "\\pL",    "\\cA",    "(?R)?a",
	};
	struct regex regex;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (regex_read(&regex, texts[i], 0))
			fail_msg("'%s' is read", texts[i]);
	assert_false(regex_read(&regex, "a", PCRE2_EXTENDED));
}

static unsigned count_bytes(const struct byte_set *set)
{
	unsigned count = 0;

	for (unsigned byte = 0; byte < 256; byte++)
		count += byte_set_has(set, byte);
	return count;
}

static void the_first_places_hold_what_a_match_begins_with(void **state)
{
	static const struct {
		const char *regex;
		unsigned counts[5];
	} cases[] = {
		{"abc", {1, 1, 1, 256, 256}},
		{"a?bc", {2, 2, 256, 256, 256}},
		{"[0-9]{2,3}x", {10, 10, 11, 256, 256}},
		{"a*b", {2, 256, 256, 256, 256}},
		{"(ab|c)d", {2, 2, 256, 256, 256}},
		{"(ab){2}c", {1, 1, 1, 1, 1}},
		{".{4}a", {256, 256, 256, 256, 1}},
		{"", {256, 256, 256, 256, 256}},
		{"a(b|)", {1, 256, 256, 256, 256}},
		{"(((a*)*)*)*b{5}", {2, 2, 2, 2, 2}},
	};
	struct byte_set places[5];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct regex regex;

		assert_true(regex_read(&regex, cases[i].regex, PCRE2_DOTALL));
		regex_places(&regex, places, 5);
		for (unsigned p = 0; p < 5; p++)
			if (count_bytes(&places[p]) != cases[i].counts[p])
				fail_msg("'%s': place %u: %u", cases[i].regex, p,
					 count_bytes(&places[p]));
		regex_release(&regex);
	}
}

/* Deep nests of repeats must not take their time in being read, either. */
static void nests_of_repeats_are_read_at_once(void **state)
{
	char text[512] = "";
	struct regex_pieces pieces;
	struct byte_set places[8];
	struct literals literals;
	struct regex regex;

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		strcat(text, "(");
	strcat(text, "abc");
	for (unsigned i = 0; i < 60; i++)
		strcat(text, i % 2 ? ")*" : "){2,9}");
	assert_true(regex_read(&regex, text, 0));
	regex_places(&regex, places, 8);
	assert_int_equal(count_bytes(&places[0]), 256);
	regex_literals(&regex, &literals);
	regex_pieces(&regex, &pieces);
	assert_int_equal(regex_work(&regex, 16384, true), UINT64_MAX);
	regex_release(&regex);
}

/* ---- work: the bound against what PCRE2 does ---- */

static uint64_t items;

static int count_item(pcre2_callout_block *block, void *context)
{
	(void)block;
	(void)context;
	return ++items > 3000000 ? PCRE2_ERROR_CALLOUT : 0;
}

static uint64_t items_of(const char *text, const struct sample *sample, bool *anchored)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	uint32_t options = 0;
	PCRE2_SIZE at;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
					 PCRE2_AUTO_CALLOUT, &error, &at, NULL);

	items = 0;
	if (code) {
		pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
		*anchored = options & PCRE2_ANCHORED;
		pcre2_set_callout(context, count_item, NULL);
		pcre2_match(code, sample->bytes, sample->length, 0, 0, data, context);
	}
	pcre2_code_free(code);
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return items;
}

static void the_bound_of_work_is_never_exceeded(void **state)
{
	static uint8_t bytes[700];
	struct sample sample = {.bytes = bytes, .room = sizeof(bytes)};
	struct dice dice = {11};
	unsigned bounded = 0;

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		bool anchored = false;
		struct regex regex;
		char text[1024];
		uint64_t bound;

		random_pattern(&dice, text);
		if (!regex_read(&regex, text, 0))
			continue;
		for (unsigned turn = 0; turn < 6; turn++) {
			uint64_t taken;

			sample_pump(&regex, 1 + roll(&dice, regex.count - 1), roll(&dice, 8), &dice,
				    &sample);
			taken = items_of(text, &sample, &anchored);
			bound = regex_work(&regex, sample.length, anchored);
			bounded += bound != UINT64_MAX;
			if (taken > bound)
				fail_msg("'%s' tried %llu items, the bound is %llu", text,
					 (unsigned long long)taken, (unsigned long long)bound);
		}
		regex_release(&regex);
	}
	assert_true(bounded > 2000);
}

static void patterns_that_explode_have_no_bound(void **state)
{
	static const char *const texts[] = {"(a+)+b", "(a|aa)+$", "(a*)*b", "(.*a)*b", "(a|b)\\1"};
	struct regex regex;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_true(regex_read(&regex, texts[i], PCRE2_DOTALL));
		assert_int_equal(regex_work(&regex, 16384, true), UINT64_MAX);
		regex_release(&regex);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_are_those_that_every_match_holds),
		cmocka_unit_test(pieces_are_short_parts_of_the_text),
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(the_first_places_hold_what_a_match_begins_with),
		cmocka_unit_test(nests_of_repeats_are_read_at_once),
		cmocka_unit_test(the_bound_of_work_is_never_exceeded),
		cmocka_unit_test(patterns_that_explode_have_no_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
