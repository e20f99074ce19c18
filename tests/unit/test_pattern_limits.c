/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a scan, a packet and a flow may cost at most, in steps, so that the answer is the same on
 * every machine: for the patterns built in and for some made to explode, over bytes made from their
 * own structure. bench/patterns tells the same in microseconds.
 */
#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "inspect_support.h"
#include "pattern_support.h"

#include "../../src/inspect/pattern.h"
#include "../../src/rules/private.h"

enum {
	STEPS_SLACK = 4096, /* a single item may run over the rest of the subject */
	PACKET_STEPS = 80000,
	FLOW_STEPS = 400000,
};

static struct diag_list diags;
static uint8_t bytes[FLOW_PREFIX_MAX_BYTES];

/* Of all subjects made for the pattern. */
struct outcome {
	int64_t steps;
	unsigned scans, cut;
};

static struct outcome pump(const char *text, enum pattern_kind kind)
{
	struct pattern_source source = {.kind = kind, .text = text, .file = "x", .line = 1};
	struct pattern_set *set = pattern_set_new_by(PATTERN_BACKEND_NONE, &source, 1, &diags);
	struct pattern_scratch *scratch = pattern_scratch_new();
	struct sample sample = {.bytes = bytes, .room = sizeof(bytes)};
	struct outcome outcome = {0};
	struct dice dice = {5};
	struct regex regex;

	assert_non_null(set);
	assert_non_null(scratch);
	if (!regex_read(&regex, text, kind == PATTERN_PAYLOAD ? 0 : PCRE2_CASELESS | PCRE2_DOTALL))
		assert_true(regex_read(&regex, "a", 0));
	for (uint32_t node = 1; node < regex.count; node++) {
		for (unsigned variant = 0; variant < 8 && is_pumped(&regex, node); variant++) {
			sample_pump(&regex, node, variant, &dice, &sample);
			outcome.cut += pattern_scan(set, 0, scratch, bytes, sample.length) ==
				       PATTERN_LIMIT;
			outcome.scans++;
			if (pattern_scratch_steps(scratch) > outcome.steps)
				outcome.steps = pattern_scratch_steps(scratch);
		}
	}
	assert_int_equal(pattern_limit_hits(set, 0), outcome.cut);
	regex_release(&regex);
	pattern_scratch_free(scratch);
	pattern_set_free(set);
	return outcome;
}

static void no_scan_by_a_built_in_pattern_takes_more_than_its_steps(void **state)
{
	int64_t most = 0;

	(void)state;
	for (size_t i = 0; i < rules_shipped_count; i++) {
		struct pattern_file file;
		struct outcome outcome;

		assert_int_equal(pattern_file_parse(rules_shipped[i].text,
						    strlen(rules_shipped[i].text),
						    rules_shipped[i].path, &file, &diags),
				 0);
		outcome = pump(file.regex, (enum pattern_kind)file.kind);
		if (outcome.steps > pattern_steps_max() + STEPS_SLACK)
			fail_msg("%s took %lld steps", rules_shipped[i].path,
				 (long long)outcome.steps);
		if (outcome.cut)
			printf("# %s: %u of %u scans cut short\n", rules_shipped[i].path,
			       outcome.cut, outcome.scans);
		most = outcome.steps > most ? outcome.steps : most;
		pattern_file_release(&file);
	}
	printf("# %zu patterns, the dearest scan took %lld of %lld steps\n", rules_shipped_count,
	       (long long)most, (long long)pattern_steps_max());
}

static void patterns_made_to_explode_are_cut_short(void **state)
{
	unsigned cut = 0;

	(void)state;
	for (size_t i = 0; i < EXPLOSIVE_COUNT; i++) {
		struct outcome outcome = pump(explosive_patterns[i], PATTERN_PAYLOAD);

		if (outcome.steps > pattern_steps_max() + STEPS_SLACK)
			fail_msg("'%s' took %lld steps", explosive_patterns[i],
				 (long long)outcome.steps);
		cut += outcome.cut > 0;
	}
	printf("# %u of %zu were cut short\n", cut, EXPLOSIVE_COUNT);
	assert_true(cut > EXPLOSIVE_COUNT / 2);
}

/* ---- the sum ---- */

enum {
	MANY = 2000,
};

static struct pattern_set *many_dear_patterns(void)
{
	static struct pattern_source sources[MANY];
	static char texts[MANY][32];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "(?:a|aa|b)+[^ab]{1,%u}", i + 1);
		sources[i] = (struct pattern_source){
			.kind = PATTERN_PAYLOAD, .text = texts[i], .wanted = true};
	}
	return pattern_set_new_by(PATTERN_BACKEND_NONE, sources, MANY, &diags);
}

static void two_thousand_dear_patterns_do_not_stall_a_packet(void **state)
{
	struct pattern_set *set = many_dear_patterns();
	struct talk talk;
	uint64_t before;
	unsigned packets = 0;

	(void)state;
	assert_non_null(set);
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 7, set);
	talk.limits = (struct inspect_limits){.decide_packets = 1000, .decide_bytes = 1000000};
	memset(bytes, 'a', sizeof(bytes));
	while (!talk.evidence->patterns_done && packets < 100) {
		before = pattern_scratch_asked(talk.scratch);
		say(&talk, C, bytes, 100);
		packets++;
		/* a call is charged, so that many cheap ones come to an end, too */
		assert_in_range(pattern_scratch_asked(talk.scratch) - before, 0, PACKET_STEPS / 8);
		assert_true(pattern_scratch_allowance(talk.scratch) >
			    -pattern_steps_max() - STEPS_SLACK);
	}
	/* some were cut short, the flow's allowance ended the rest; all are out, and counted */
	assert_in_range(packets, FLOW_STEPS / PACKET_STEPS - 1, FLOW_STEPS / PACKET_STEPS + 1);
	assert_true(pattern_unseen(set) > MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(talk.evidence->pattern_out[i / 64] >> (i % 64) & 1);
	talk_end(&talk);
	pattern_set_free(set);
}

/* Who was not asked on one packet is asked on the next, also when it brings nothing for it. */
static void who_was_put_off_is_asked_on_the_next_packet(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	static struct pattern_source sources[6];
	struct pattern_set *set;
	struct talk talk;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		sources[i] = (struct pattern_source){
			.kind = PATTERN_PAYLOAD, .text = "(a|aa|b)+$", .wanted = true};
	sources[5] =
		(struct pattern_source){.kind = PATTERN_PAYLOAD, .text = "[a-b]!", .wanted = true};
	set = pattern_set_new_by(PATTERN_BACKEND_NONE, sources, 6, &diags);
	assert_non_null(set);
	memset(bytes, 'a', 2000);
	bytes[2000] = '!';
	for (unsigned i = 0; i < 2; i++) {
		uint64_t unseen = pattern_unseen(set);

		talk_begin_with(&talk, protos[i], 40000, 7, set);
		say(&talk, C, "\xf5\xf5", 2);
		say(&talk, C, bytes, 2001);
		assert_false(talk.evidence->pattern_hit[0] >> 5 & 1);
		assert_true(pattern_unseen(set) > unseen);
		for (unsigned n = 0; n < 10 && !talk.evidence->patterns_done; n++)
			say(&talk, S, "x", 1);
		assert_true(talk.evidence->pattern_hit[0] >> 5 & 1);
		talk_end(&talk);
	}
	pattern_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_scan_by_a_built_in_pattern_takes_more_than_its_steps),
		cmocka_unit_test(patterns_made_to_explode_are_cut_short),
		cmocka_unit_test(two_thousand_dear_patterns_do_not_stall_a_packet),
		cmocka_unit_test(who_was_put_off_is_asked_on_the_next_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
