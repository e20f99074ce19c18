/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No prefilter may lose a match, and none may change when a pattern is refuted: what a flow's
 * patterns have hit and refuted is compared, packet by packet, with plain PCRE2 asked about each of
 * them, for all backends, over bytes made from the patterns themselves.
 */
#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "inspect_support.h"
#include "pattern_support.h"

#include "../../src/inspect/pattern.h"
#include "../../src/rules/private.h"

enum {
	PATTERNS_MAX = 720,
	SET = 90, /* at a time, lest a flow's allowance be used up */
	BYTES_MAX = 4096,
	PACKETS = 8,
};

/* Shapes that people write, and those that regex_read() may stumble over. */
static const char *const shapes[] = {
	"^get /.* http/1\\.[01]",
	"^(get|post|head) [\\x09-\\x0d -~]* http/[01]\\.[019]",
	"^\\x16\\x03[\\x00-\\x03]..\\x01",
	"^.?.?.?.?\\x0d\\x0a",
	"^[^\\x0a]*\\x0a[^\\x0a]*ab",
	"^(a|b|c)+$",
	"^ab$",
	"^$",
	"$",
	"",
	"a$",
	"(^|\\x0a)user",
	"^user|host: a$",
	"(?m)^user$",
	"(?m)b$",
	"user.*host: .*get",
	"[0-9]{3}-[a-c]{2}",
	"\\x01\\x02\\x03|\\x03\\x02\\x01",
	"(get|(ab|cab)c).?user",
	"a{3}b{2,}c?",
	"(abc){2}a",
	"(?:a(?:b(?:c)?)?)?user",
	"user\\b",
	"\\bget\\b",
	"\\Bget",
	"(?=get).*user",
	"get(?!user)",
	"(?<=a)get(?<!b)",
	"(a|b)get\\1",
	"(?>a+)get",
	"a++b",
	"(?i)GeT USER",
	"(?i:get)User",
	"(?s)get.user",
	"(?-s)get.user",
	"a(?i)b|c",
	"x{,2}",
	"x{a}",
	"a{0}get",
	"[]a]b",
	"[^]a]bc",
	"[a\\]]bc",
	"[\\d-]get",
	"[[:^alpha:]]get",
	"[a-c-]get",
	"\\Qa.b\\Eget",
	"\\0get",
	"\\012get",
	"\\x{41}get",
	"\\Nget",
	"\\hget|\\vget",
	"get\\R",
	"(?#about)get",
	"(?<name>get)a",
	"(?x) g e t",
	"(*NO_START_OPT)get",
	"(?|(a)|(b))get",
	".",
	"[\\x00-\\xff]{4}get",
	"[^a]*[^b]+user",
	"\\.get\\.",
	"(a?b?c?){3}user",
	"((get){1,2}|user)+a",
};

struct model {
	pcre2_code *code;
	bool anchored, jit; /* without JIT "no match" may mean "not yet" */
};

static struct {
	struct pattern_source sources[PATTERNS_MAX];
	char texts[PATTERNS_MAX][1024];
	struct regex regexes[PATTERNS_MAX];
	struct model models[PATTERNS_MAX];
	size_t count;
	struct diag_list diags;
	pcre2_match_data *data;
} all;

/* What the patterns of one flow should have come to. */
struct expected {
	bool hit[SET], out[SET], never[2][SET];
	uint8_t bytes[3][BYTES_MAX]; /* the directions, and PATTERN_L7's */
	size_t length[3];
};

static uint32_t options_of(const struct pattern_source *source)
{
	return source->flags | (source->kind == PATTERN_PAYLOAD
					? 0
					: PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY);
}

/* Of the others we may know earlier than PCRE2 that they are refuted. */
static bool is_exact(const char *text)
{
	return all.models[0].jit && !strstr(text, "(?=") && !strstr(text, "(?!") &&
	       !strstr(text, "(?<");
}

static void add_pattern(const char *text, struct dice *dice)
{
	struct pattern_source *source = &all.sources[all.count];
	struct model *model = &all.models[all.count];
	uint32_t found = 0;
	PCRE2_SIZE at;
	int error;

	assert_true(all.count < PATTERNS_MAX);
	snprintf(all.texts[all.count], sizeof(all.texts[0]), "%s", text);
	*source = (struct pattern_source){
		.kind = (enum pattern_kind)roll(dice, 3),
		.text = all.texts[all.count],
		.wanted = true,
		.file = "test",
		.transport = (uint8_t)(roll(dice, 10) ? 0 : roll(dice, 3)),
		.side = (uint8_t)(roll(dice, 6) ? 0 : roll(dice, 3)),
		.offset_bytes = roll(dice, 6) ? 0 : roll(dice, 12),
		.first_bytes = roll(dice, 6) ? 0 : 1 + roll(dice, 40),
	};
	if (source->kind == PATTERN_PAYLOAD && roll(dice, 8) == 0)
		source->flags = PCRE2_MULTILINE;
	model->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options_of(source),
				    &error, &at, NULL);
	if (!model->code)
		return;
	pcre2_pattern_info(model->code, PCRE2_INFO_ALLOPTIONS, &found);
	model->anchored = found & PCRE2_ANCHORED;
	model->jit =
		pcre2_jit_compile(model->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_SOFT) == 0;
	regex_read(&all.regexes[all.count], text, options_of(source));
	all.count++;
}

static int setup(void **state)
{
	struct dice dice = {2026};
	char text[1024];

	(void)state;
	diag_list_init(&all.diags);
	all.data = pcre2_match_data_create(1, NULL);
	for (size_t i = 0; i < rules_shipped_count; i++) {
		struct pattern_file file;

		assert_int_equal(pattern_file_parse(rules_shipped[i].text,
						    strlen(rules_shipped[i].text),
						    rules_shipped[i].path, &file, &all.diags),
				 0);
		add_pattern(file.regex, &dice);
		pattern_file_release(&file);
	}
	for (unsigned turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
			add_pattern(shapes[i], &dice);
	while (all.count < PATTERNS_MAX) {
		random_pattern(&dice, text);
		add_pattern(text, &dice);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < all.count; i++) {
		pcre2_code_free(all.models[i].code);
		regex_release(&all.regexes[i]);
	}
	pcre2_match_data_free(all.data);
	diag_list_release(&all.diags);
	return 0;
}

/* ---- the model ---- */

static void expect_scan(struct expected *expected, size_t first, size_t i, const uint8_t *bytes,
			size_t length, bool *never)
{
	const struct pattern_source *source = &all.sources[first + i];
	const struct model *model = &all.models[first + i];
	size_t skip = source->offset_bytes < length ? source->offset_bytes : length;
	size_t end = (size_t)source->offset_bytes + source->first_bytes;
	bool full = source->first_bytes && length >= end;
	int result;

	length = (full ? end : length) - skip;
	if (!length)
		return;
	result = pcre2_match(model->code, bytes + skip, length, 0,
			     model->anchored ? PCRE2_PARTIAL_SOFT : 0, all.data, NULL);
	assert_true(result >= 0 || result == PCRE2_ERROR_PARTIAL || result == PCRE2_ERROR_NOMATCH);
	if (result >= 0)
		expected->hit[i] = true;
	else if (full || (result == PCRE2_ERROR_NOMATCH && model->anchored && model->jit))
		*never = true;
}

static void expect_packet(struct expected *expected, size_t first, bool stream, unsigned side,
			  const uint8_t *bytes, size_t length)
{
	memcpy(expected->bytes[side] + expected->length[side], bytes, length);
	expected->length[side] += length;
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			expected->bytes[2][expected->length[2]++] = bytes[i];
	for (size_t i = 0; i < SET; i++) {
		const struct pattern_source *source = &all.sources[first + i];
		bool ignored = false;

		if (expected->hit[i] || expected->out[i])
			continue;
		if (source->kind == PATTERN_L7) {
			expect_scan(expected, first, i, expected->bytes[2], expected->length[2],
				    &expected->out[i]);
		} else if (!stream && !expected->never[side][i]) {
			expect_scan(expected, first, i, bytes, length, &ignored);
		} else if (stream && !expected->never[side][i]) {
			expect_scan(expected, first, i, expected->bytes[side],
				    expected->length[side], &expected->never[side][i]);
		}
		if (source->kind != PATTERN_L7)
			expected->out[i] =
				!expected->hit[i] && expected->never[0][i] && expected->never[1][i];
	}
}

static void expect_begin(struct expected *expected, size_t first, bool stream)
{
	memset(expected, 0, sizeof(*expected));
	for (size_t i = 0; i < SET; i++) {
		const struct pattern_source *source = &all.sources[first + i];

		expected->out[i] = source->transport == (stream ? PATTERN_UDP : PATTERN_TCP);
		if (source->kind == PATTERN_L7)
			continue;
		expected->never[0][i] = source->side == PATTERN_FROM_SERVER;
		expected->never[1][i] = source->side == PATTERN_FROM_CLIENT;
	}
}

static bool bit(const uint64_t *bits, size_t index)
{
	return bits[index / 64] >> (index % 64) & 1;
}

static void compare(const struct pattern_set *set, size_t first, struct expected *expected,
		    const struct evidence *evidence, unsigned flow)
{
	for (size_t i = 0; i < SET; i++) {
		bool hit = bit(evidence->pattern_hit, i), out = bit(evidence->pattern_out, i);
		const struct pattern_source *source = &all.sources[first + i];

		if (hit == expected->hit[i] &&
		    (out == expected->out[i] || (out && !is_exact(source->text))))
			continue;
		if (out && pattern_limit_hits(set, i)) { /* whatever it would have matched */
			expected->hit[i] = false;
			expected->out[i] = true;
			continue;
		}
		fail_msg("%s: flow %u: '%s' (kind %u, flags %x, offset %u, first %u, side %u): "
			 "hit %d, out %d, plain PCRE2 has %d, %d",
			 pattern_backend_name(set), flow, source->text, source->kind, source->flags,
			 source->offset_bytes, source->first_bytes, source->side, hit, out,
			 expected->hit[i], expected->out[i]);
	}
}

/* ---- the bytes ---- */

/* Pieces of what patterns match, spoilt here and there, with other things between. */
static size_t make_packet(struct dice *dice, size_t first, uint8_t *bytes, size_t room)
{
	struct sample sample = {.bytes = bytes, .room = 1 + roll(dice, (uint32_t)room)};

	while (sample.length < sample.room) {
		size_t before = sample.length;

		switch (roll(dice, 6)) {
		case 0:
			for (unsigned i = roll(dice, 40); i; i--)
				sample_add(&sample, (uint8_t)roll(dice, 256));
			break;
		case 1:
			for (unsigned i = roll(dice, 20); i; i--)
				sample_add(&sample, (uint8_t) "abcB0.u \n"[roll(dice, 9)]);
			break;
		default: {
			const struct regex *regex = &all.regexes[first + roll(dice, SET)];

			if (regex->root)
				sample_node(regex, regex->root, dice, &sample);
			if (sample.length > before && roll(dice, 2))
				bytes[before + roll(dice, (uint32_t)(sample.length - before))] =
					(uint8_t)roll(dice, 256);
			if (roll(dice, 3) == 0 && sample.length)
				return sample.length;
		}
		}
	}
	return sample.length;
}

struct sums {
	size_t hits, outs, limits;
};

static void run_flow(const struct pattern_set *set, size_t first, unsigned number,
		     struct dice *dice, struct sums *sums)
{
	static struct expected expected;
	bool stream = number % 3 != 0;
	struct talk talk;

	talk_begin_with(&talk, stream ? IPPROTO_TCP : IPPROTO_UDP, 40000, 7, set);
	talk.limits = (struct inspect_limits){.decide_packets = 1000, .decide_bytes = 1000000};
	expect_begin(&expected, first, stream);
	compare(set, first, &expected, talk.evidence, number);
	for (unsigned i = 0; i < PACKETS; i++) {
		uint8_t bytes[BYTES_MAX / 16];
		size_t length = make_packet(dice, first, bytes, sizeof(bytes));
		unsigned side = roll(dice, 3) == 0;

		say(&talk, side, bytes, length);
		expect_packet(&expected, first, stream, side, bytes, length);
		compare(set, first, &expected, talk.evidence, number);
	}
	for (size_t i = 0; i < SET; i++) {
		sums->hits += expected.hit[i];
		sums->outs += expected.out[i];
	}
	talk_end(&talk);
}

static void run_flows(enum pattern_backend backend, const char *name)
{
	struct sums sums = {0};
	struct dice dice = {7};

	for (size_t first = 0; first < PATTERNS_MAX; first += SET) {
		struct pattern_set *set =
			pattern_set_new_by(backend, all.sources + first, SET, &all.diags);

		assert_non_null(set);
		assert_string_equal(pattern_backend_name(set), name);
		for (unsigned flow = 0; flow < 60; flow++)
			run_flow(set, first, flow, &dice, &sums);
		assert_int_equal(pattern_unseen(set), 0);
		for (size_t i = 0; i < SET; i++)
			sums.limits += pattern_limit_hits(set, i) > 0;
		pattern_set_free(set);
	}
	printf("# %zu hits, %zu refuted, %zu patterns hit a limit\n", sums.hits, sums.outs,
	       sums.limits);
	/* the bytes are such that something is at stake */
	assert_true(sums.hits > 5000 && sums.outs > 5000);
	assert_true(sums.limits < 10);
}

static void without_a_prefilter_flows_are_as_pcre2_says(void **state)
{
	(void)state;
	run_flows(PATTERN_BACKEND_NONE, "none");
}

static void with_literals_flows_are_as_pcre2_says(void **state)
{
	(void)state;
	run_flows(PATTERN_BACKEND_LITERALS, "literals");
}

static void with_the_best_backend_flows_are_as_pcre2_says(void **state)
{
	struct pattern_set *set =
		pattern_set_new_by(PATTERN_BACKEND_BEST, all.sources, SET, &all.diags);
	const char *name = pattern_backend_name(set);

	(void)state;
	pattern_set_free(set);
	printf("# the best backend: %s\n", name);
	run_flows(PATTERN_BACKEND_BEST, name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_prefilter_flows_are_as_pcre2_says),
		cmocka_unit_test(with_literals_flows_are_as_pcre2_says),
		cmocka_unit_test(with_the_best_backend_flows_are_as_pcre2_says),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
