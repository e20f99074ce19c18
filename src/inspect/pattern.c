/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pattern engine: PCRE2 with a budget that holds.
 *
 * Patterns come from users, subjects from strangers, and a backtracking matcher
 * may take exponential time. PCRE2's match limit does not bound that: it is
 * counted anew at every start offset, and its JIT counts neither the characters
 * that a repeat runs over nor those that it gives back. So every pattern is
 * compiled with automatic callouts (one before each item), and the callout
 * keeps the account: one unit per item tried, plus the distance the matcher
 * moved since the last one, in eighths. At a back reference, whose comparison
 * is not seen, it is charged up to the rest of the subject. When the budget is spent the
 * scan ends; that counts as no match, and the pattern is out for that flow. The
 * account is of steps, not of time, so that replay and live, fast and slow
 * machines all agree. match, depth and heap limits are set too, as a second line.
 *
 * BUDGET is such that 16 KiB cost less than a millisecond (bench and
 * test_inspect_patterns measure it).
 *
 * Anchored patterns are matched with PCRE2_PARTIAL_SOFT: "no match" then
 * means that no continuation of the subject can match, which closes rules early.
 *
 * A set is immutable but for its atomic counters; a scratch belongs to a worker.
 */
#include "pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/arena.h>

enum {
	BUDGET_JIT = 40000,
	BUDGET_INTERPRETER = 10000,
	MATCH_LIMIT = 100000,
	DEPTH_LIMIT = 2000,
	HEAP_LIMIT_KIB = 1024,
	JIT_STACK_START = 32 * 1024,
	JIT_STACK_MAX = 256 * 1024,
	PATTERN_BYTES_MAX = 16384,
};

struct pattern {
	pcre2_code *code;
	const char *text;
	const char *file; /* with `line`, where it stands */
	int line;
	_Atomic uint64_t limit_hits;
	uint16_t app;
	uint8_t kind;
	bool wanted;
	bool strict;
	bool anchored;
	bool jit;
};

struct pattern_set {
	struct arena arena;
	struct pattern *items;
	size_t count, count_of[3];
};

struct pattern_scratch {
	pcre2_match_context *context;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
	const char *text; /* of the pattern being matched */
	PCRE2_SIZE position;
	int64_t budget;
	uint8_t buffer[FLOW_PREFIX_MAX_BYTES];
};

/* ---- compiling ---- */

static void report(const struct pattern_source *source, struct diag_list *diags, int error,
		   size_t offset)
{
	char message[256];

	if (pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message)) < 0)
		strcpy(message, "does not compile");
	message[0] = (char)tolower((unsigned char)message[0]);
	diag_error(diags, source->file, source->line, "pattern: %s, at byte %zu of '%s'", message,
		   offset, source->text);
}

static int compile(struct pattern *pattern, const struct pattern_source *source,
		   pcre2_compile_context *context, struct diag_list *diags)
{
	uint32_t options = PCRE2_AUTO_CALLOUT | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
			   PCRE2_NEVER_BACKSLASH_C | source->flags;
	PCRE2_SIZE offset = 0;
	uint32_t all = 0;
	int error = 0;

	if (source->kind != PATTERN_PAYLOAD)
		options |= PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;
	pattern->code = pcre2_compile((PCRE2_SPTR)source->text, PCRE2_ZERO_TERMINATED, options,
				      &error, &offset, context);
	if (!pattern->code) {
		report(source, diags, error, offset);
		return -1;
	}
	pcre2_pattern_info(pattern->code, PCRE2_INFO_ALLOPTIONS, &all);
	pattern->anchored = all & PCRE2_ANCHORED;
	/* without JIT (no executable memory) it works still, only slower */
	pattern->jit =
		pcre2_jit_compile(pattern->code, pattern->anchored ? PCRE2_JIT_PARTIAL_SOFT
								   : PCRE2_JIT_COMPLETE) == 0;
	pattern->app = source->app;
	pattern->kind = (uint8_t)source->kind;
	pattern->wanted = source->wanted;
	pattern->strict = source->strict;
	return 0;
}

struct pattern_set *pattern_set_new(const struct pattern_source *sources, size_t count,
				    struct diag_list *diags)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	struct pattern_set *set = calloc(1, sizeof(*set));
	bool failed = false;

	if (!context || !set)
		goto no_memory;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_max_pattern_length(context, PATTERN_BYTES_MAX);
	arena_init(&set->arena);
	set->items = arena_array(&set->arena, count ? count : 1, sizeof(*set->items));
	if (!set->items)
		goto no_memory;
	for (size_t i = 0; i < count; i++) {
		struct pattern *pattern = &set->items[set->count];

		pattern->text = arena_strdup(&set->arena, sources[i].text);
		pattern->file = arena_strdup(&set->arena, sources[i].file ? sources[i].file : "");
		pattern->line = sources[i].line;
		if (!pattern->text || !pattern->file)
			goto no_memory;
		if (compile(pattern, &sources[i], context, diags)) {
			failed = true;
			continue;
		}
		set->count++;
		set->count_of[sources[i].kind]++;
	}
	pcre2_compile_context_free(context);
	if (failed) {
		pattern_set_free(set);
		return NULL;
	}
	return set;
no_memory:
	diag_error(diags, NULL, 0, "patterns: out of memory");
	pcre2_compile_context_free(context);
	pattern_set_free(set);
	return NULL;
}

void pattern_set_free(struct pattern_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		pcre2_code_free(set->items[i].code);
	arena_release(&set->arena);
	free(set);
}

size_t pattern_count(const struct pattern_set *set)
{
	return set ? set->count : 0;
}

size_t pattern_count_of(const struct pattern_set *set, enum pattern_kind kind)
{
	return set->count_of[kind];
}

enum pattern_kind pattern_kind_of(const struct pattern_set *set, size_t index)
{
	return set->items[index].kind;
}

bool pattern_wanted(const struct pattern_set *set, size_t index)
{
	return set->items[index].wanted;
}

bool pattern_strict(const struct pattern_set *set, size_t index)
{
	return set->items[index].strict;
}

uint16_t pattern_app(const struct pattern_set *set, size_t index)
{
	return set->items[index].app;
}

const char *pattern_text(const struct pattern_set *set, size_t index)
{
	return set && index < set->count ? set->items[index].text : NULL;
}

struct pattern_origin pattern_origin(const struct pattern_set *set, size_t index)
{
	if (!set || index >= set->count)
		return (struct pattern_origin){0};
	return (struct pattern_origin){
		.file = set->items[index].file,
		.line = set->items[index].line,
		.app = set->items[index].app,
	};
}

uint64_t pattern_limit_hits(const struct pattern_set *set, size_t index)
{
	if (!set || index >= set->count)
		return 0;
	return atomic_load_explicit(&set->items[index].limit_hits, memory_order_relaxed);
}

/* ---- matching ---- */

static bool at_back_reference(const char *item)
{
	if (item[0] == '\\')
		return (item[1] >= '1' && item[1] <= '9') || item[1] == 'g' || item[1] == 'k';
	return !strncmp(item, "(?P=", 4);
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

struct pattern_scratch *pattern_scratch_new(void)
{
	struct pattern_scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return NULL;
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
	pcre2_jit_stack_free(scratch->stack);
	pcre2_match_data_free(scratch->data);
	pcre2_match_context_free(scratch->context);
	free(scratch);
}

uint8_t *pattern_scratch_buffer(struct pattern_scratch *scratch)
{
	return scratch->buffer;
}

enum pattern_outcome pattern_scan(const struct pattern_set *set, size_t index,
				  struct pattern_scratch *scratch, const uint8_t *bytes,
				  size_t length)
{
	struct pattern *pattern = &set->items[index];
	int result;

	scratch->text = pattern->text;
	scratch->position = 0;
	scratch->budget = pattern->jit ? BUDGET_JIT : BUDGET_INTERPRETER;
	result = pcre2_match(pattern->code, bytes, length, 0,
			     pattern->anchored ? PCRE2_PARTIAL_SOFT : 0, scratch->data,
			     scratch->context);
	if (result >= 0)
		return PATTERN_HIT;
	if (result == PCRE2_ERROR_PARTIAL)
		return PATTERN_OPEN;
	if (result == PCRE2_ERROR_NOMATCH)
		return pattern->anchored && length ? PATTERN_NEVER : PATTERN_OPEN;
	atomic_fetch_add_explicit(&pattern->limit_hits, 1, memory_order_relaxed);
	return PATTERN_LIMIT;
}
