/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Matching: PCRE2 with a budget that holds.
 *
 * Patterns come from users, subjects from strangers, and a backtracking matcher
 * may take exponential time. PCRE2's match limit does not bound that: it is
 * counted anew at every start offset, and its JIT counts neither the characters
 * that a repeat runs over nor those that it gives back. So a pattern is compiled with
 * automatic callouts (one before each item), and the callout
 * keeps the account: one unit per item tried, plus the distance the matcher
 * moved since the last one, in eighths. At a back reference, whose comparison
 * is not seen, it is charged up to the rest of the subject. When the budget is spent the
 * scan ends; that counts as no match, and the pattern is out for that flow. The
 * account is of steps, not of time, so that replay and live, fast and slow
 * machines all agree. match, depth and heap limits are set too, as a second line.
 *
 * Callouts make matching two to four times as dear. Where it can be proven that a pattern needs no
 * more than a few items for each byte whatever the subject (regex_work()), it has none, and is
 * charged what was proven.
 *
 * BUDGET is such that 16 KiB cost less than a millisecond (bench/patterns and
 * test_pattern_limits measure it). The sum over many patterns is bounded by the allowance.
 *
 * Anchored patterns are matched with PCRE2_PARTIAL_SOFT: "no match" then
 * means that no continuation of the subject can match, which closes rules early. Only the JIT is
 * believed there: the interpreter (10.42) says it of ".{3}" and two bytes, too.
 *
 * A set is immutable but for its atomic counters; a scratch belongs to a worker.
 */
#include "pattern_private.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUDGET_JIT = 40000,
	BUDGET_INTERPRETER = 10000,
	CALL_STEPS = 8,	     /* what a call costs that finds nothing to do */
	ITEMS_PER_STEP = 16, /* of a pattern without callouts */
	MATCH_LIMIT = 1000000,
	DEPTH_LIMIT = 2000,
	HEAP_LIMIT_KIB = 1024,
	JIT_STACK_START = 32 * 1024,
	JIT_STACK_MAX = 256 * 1024,
};

struct pattern_scratch {
	pcre2_match_context *context;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
	const char *text; /* of the pattern being matched */
	PCRE2_SIZE position;
	int64_t budget;
	int64_t allowance;
	int64_t steps; /* of the last scan */
	uint64_t asked;
	const struct prefilter_ops *filter_ops;
	struct prefilter_scratch *filter; /* of that kind */
	uint64_t *words;
	size_t word_room;
	uint8_t buffer[FLOW_PREFIX_MAX_BYTES];
};

/* ---- the account ---- */

static bool at_back_reference(const char *item)
{
	if (item[0] == '\\')
		return (item[1] >= '1' && item[1] <= '9') || item[1] == 'g' || item[1] == 'k';
	return item[0] == '(' && !strncmp(item, "(?P=", 4);
}

static int account(pcre2_callout_block *block, void *context)
{
	struct pattern_scratch *scratch = context;
	PCRE2_SIZE from = scratch->position, to = block->current_position;

	scratch->position = to;
	scratch->budget -= 1 + (int64_t)((from < to ? to - from : from - to) / 8);
	if (at_back_reference(scratch->text + block->pattern_position))
		scratch->budget -= (int64_t)((block->subject_length - to) / 8);
	return scratch->budget < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

/* ---- a worker's own ---- */

struct pattern_scratch *pattern_scratch_new(void)
{
	struct pattern_scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->allowance = INT64_MAX;
	scratch->context = pcre2_match_context_create(NULL);
	scratch->data = pcre2_match_data_create(1, NULL);
	scratch->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
	if (!scratch->context || !scratch->data) {
		pattern_scratch_free(scratch);
		return NULL;
	}
	pcre2_set_match_limit(scratch->context, MATCH_LIMIT);
	pcre2_set_depth_limit(scratch->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(scratch->context, HEAP_LIMIT_KIB);
	pcre2_set_callout(scratch->context, account, scratch);
	if (scratch->stack)
		pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
	return scratch;
}

void pattern_scratch_free(struct pattern_scratch *scratch)
{
	if (!scratch)
		return;
	if (scratch->filter_ops)
		scratch->filter_ops->scratch_free(scratch->filter);
	pcre2_jit_stack_free(scratch->stack);
	pcre2_match_data_free(scratch->data);
	pcre2_match_context_free(scratch->context);
	free(scratch->words);
	free(scratch);
}

uint8_t *pattern_scratch_buffer(struct pattern_scratch *scratch)
{
	return scratch->buffer;
}

uint64_t *pattern_scratch_words(struct pattern_scratch *scratch, size_t count)
{
	if (scratch->word_room < count) {
		uint64_t *words = reallocarray(scratch->words, count, sizeof(*words));

		if (!words)
			return NULL;
		scratch->words = words;
		scratch->word_room = count;
	}
	return scratch->words;
}

void pattern_scratch_allow(struct pattern_scratch *scratch, int64_t steps)
{
	scratch->allowance = steps;
}

int64_t pattern_scratch_allowance(const struct pattern_scratch *scratch)
{
	return scratch->allowance;
}

int64_t pattern_scratch_steps(const struct pattern_scratch *scratch)
{
	return scratch->steps;
}

uint64_t pattern_scratch_asked(const struct pattern_scratch *scratch)
{
	return scratch->asked;
}

int64_t pattern_steps_max(void)
{
	return BUDGET_JIT;
}

/* ---- scanning ---- */

void pattern_prefilter(const struct pattern_set *set, struct pattern_scratch *scratch,
		       const uint8_t *bytes, size_t length, size_t known, uint64_t *seen)
{
	const struct prefilter_ops *ops = set->filter_ops;
	size_t from;

	if (!ops || length <= known)
		return;
	if (scratch->filter_ops != ops) {
		if (scratch->filter_ops)
			scratch->filter_ops->scratch_free(scratch->filter);
		scratch->filter = NULL;
		scratch->filter_ops = ops;
	}
	from = known > PREFILTER_OVERLAP ? known - PREFILTER_OVERLAP : 0;
	if (!ops->scan(set->filter, &scratch->filter, bytes + from, length - from, seen))
		memset(seen, 0xff, set->words * sizeof(*seen));
}

/* The bytes that the pattern may see. */
static const uint8_t *window(const struct pattern *pattern, const uint8_t *bytes, size_t *length)
{
	size_t skip = pattern->offset_bytes < *length ? pattern->offset_bytes : *length;

	*length -= skip;
	if (pattern->first_bytes && *length > pattern->first_bytes)
		*length = pattern->first_bytes;
	return bytes + skip;
}

bool pattern_window_full(const struct pattern_set *set, size_t index, size_t length)
{
	const struct pattern *pattern = &set->items[index];

	return pattern->first_bytes &&
	       length >= (size_t)pattern->offset_bytes + pattern->first_bytes;
}

static int64_t proven_steps(const struct pattern *pattern, size_t length)
{
	return CALL_STEPS +
	       (int64_t)(length * pattern->items_per_kib / (UINT64_C(1024) * ITEMS_PER_STEP));
}

enum pattern_outcome pattern_scan(const struct pattern_set *set, size_t index,
				  struct pattern_scratch *scratch, const uint8_t *bytes,
				  size_t length)
{
	struct pattern *pattern = &set->items[index];
	bool full = pattern_window_full(set, index, length);
	int64_t budget = pattern->jit ? BUDGET_JIT : BUDGET_INTERPRETER;
	int result;

	if (scratch->allowance <= 0)
		return PATTERN_UNSEEN;
	bytes = window(pattern, bytes, &length);
	if (!length)
		return PATTERN_OPEN;
	scratch->asked++;
	scratch->text = pattern->text;
	scratch->position = 0;
	scratch->budget = budget;
	result = pcre2_match(pattern->code, bytes, length, 0,
			     pattern->partial ? PCRE2_PARTIAL_SOFT : 0, scratch->data,
			     scratch->context);
	scratch->steps = pattern->accounted ? CALL_STEPS + budget - scratch->budget
					    : proven_steps(pattern, length);
	scratch->allowance -= scratch->steps;
	if (result >= 0)
		return PATTERN_HIT;
	if (result == PCRE2_ERROR_PARTIAL)
		return full ? PATTERN_NEVER : PATTERN_OPEN;
	if (result == PCRE2_ERROR_NOMATCH)
		return full || (pattern->partial && pattern->jit) ? PATTERN_NEVER : PATTERN_OPEN;
	atomic_fetch_add_explicit(&pattern->limit_hits, 1, memory_order_relaxed);
	return PATTERN_LIMIT;
}
