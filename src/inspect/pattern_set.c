/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compiling a set of patterns, and what can be told of many of them at once.
 *
 * Two kinds of patterns are told apart. An anchored one is in most flows dismissed by their
 * first few bytes: `fits` holds, for each of the first places and each byte, the set of the
 * patterns that may have it there, so that a thousand are dismissed by a few dozen ANDs, and for
 * good. What is left needs PCRE2's word, which alone tells "refuted" from "not yet". All others
 * float: they may match anywhere, are never refuted, and need PCRE2 only once the prefilter has
 * seen something of them. Anchored patterns are not given to it: it could not tell that one is
 * refuted, and its compiler takes four times as long with them.
 *
 * What regex_read() does not understand is always confirmed, and watched by callouts.
 */
#include "config.h"

#include "pattern_private.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	PATTERN_BYTES_MAX = 16384,
	CHEAP_ITEMS_PER_BYTE = 39,
};

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

/* ---- one pattern ---- */

static uint32_t options_of(const struct pattern_source *source)
{
	uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;

	if (source->kind != PATTERN_PAYLOAD)
		options |= PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;
	return options | source->flags;
}

static pcre2_code *compile_code(const struct pattern_source *source, uint32_t options,
				pcre2_compile_context *context, struct diag_list *diags)
{
	PCRE2_SIZE offset = 0;
	int error = 0;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)source->text, PCRE2_ZERO_TERMINATED, options,
					 &error, &offset, context);

	if (!code && diags)
		report(source, diags, error, offset);
	return code;
}

static bool compile_jit(struct pattern *pattern)
{
	pattern->jit = pcre2_jit_compile(pattern->code, pattern->partial ? PCRE2_JIT_PARTIAL_SOFT
									 : PCRE2_JIT_COMPLETE) == 0;
	return pattern->jit;
}

/* Few enough items for each byte of whatever subject. */
static bool is_cheap(const struct regex *regex, bool anchored, struct pattern *pattern)
{
	const uint64_t longest = FLOW_PREFIX_MAX_BYTES;
	uint64_t work = regex_work(regex, longest, anchored);

	if (work > longest * CHEAP_ITEMS_PER_BYTE)
		return false;
	pattern->items_per_kib = (uint32_t)(work / (longest / 1024) + 1);
	return true;
}

/* `regex` stays empty where the text is not understood. */
static int compile(struct pattern *pattern, const struct pattern_source *source,
		   struct regex *regex, pcre2_compile_context *context, struct diag_list *diags)
{
	uint32_t options = options_of(source), all = 0;
	bool anchored, understood;

	pattern->code = compile_code(source, options, context, diags);
	if (!pattern->code)
		return -1;
	pcre2_pattern_info(pattern->code, PCRE2_INFO_ALLOPTIONS, &all);
	anchored = all & PCRE2_ANCHORED;
	understood = regex_read(regex, source->text, options);
	pattern->partial = anchored && !(understood && regex_begins_with_anything(regex));
	if (understood && is_cheap(regex, anchored, pattern) && compile_jit(pattern))
		return 0;
	pcre2_code_free(pattern->code);
	pattern->code = compile_code(source, options | PCRE2_AUTO_CALLOUT, context, diags);
	if (!pattern->code)
		return -1;
	pattern->accounted = true;
	compile_jit(pattern); /* without (no executable memory) it works still, only slower */
	return 0;
}

static void describe(struct pattern_set *set, size_t index, const struct pattern_source *source)
{
	struct pattern *pattern = &set->items[index];
	size_t end = (size_t)source->offset_bytes + source->first_bytes;

	pattern->app = source->app;
	pattern->file = source->file ? arena_strdup(&set->arena, source->file) : NULL;
	pattern->line = source->line;
	pattern->offset_bytes = source->offset_bytes;
	pattern->first_bytes = source->first_bytes;
	if (source->wanted)
		pattern_bit_set(set->masks[PATTERNS_WANTED], index);
	if (source->strict)
		pattern_bit_set(set->masks[PATTERNS_STRICT], index);
	if (!source->wanted && !source->strict)
		pattern_bit_set(set->masks[PATTERNS_LOOSE], index);
	if (source->transport == PATTERN_UDP)
		pattern_bit_set(set->masks[PATTERNS_NOT_TCP], index);
	if (source->transport == PATTERN_TCP)
		pattern_bit_set(set->masks[PATTERNS_NOT_UDP], index);
	if (source->kind == PATTERN_L7)
		pattern_bit_set(set->masks[PATTERNS_L7], index);
	else if (source->side == PATTERN_FROM_CLIENT)
		pattern_bit_set(set->masks[PATTERNS_NOT_SERVER], index);
	else if (source->side == PATTERN_FROM_SERVER)
		pattern_bit_set(set->masks[PATTERNS_NOT_CLIENT], index);
	if (source->offset_bytes || source->first_bytes)
		pattern_bit_set(set->masks[PATTERNS_WINDOWED], index);
	if (source->first_bytes && end < set->first_window)
		set->first_window = end;
}

/* ---- anchored: by their first bytes ---- */

static uint64_t *fits_row(struct pattern_set *set, unsigned place, unsigned byte)
{
	return set->fits + (place * 256 + byte) * set->words;
}

/* False: out of memory. */
static bool place(struct pattern_set *set, size_t index, const struct regex *regex)
{
	const size_t size = (size_t)PATTERN_PLACES * 256 * set->words;
	struct byte_set places[PATTERN_PLACES];
	uint32_t offset = set->items[index].offset_bytes;
	uint64_t bit = UINT64_C(1) << (index % 64);

	if (!set->fits) {
		set->fits = malloc(size * sizeof(*set->fits));
		if (!set->fits)
			return false;
		memset(set->fits, 0xff, size * sizeof(*set->fits));
	}
	pattern_bit_set(set->masks[PATTERNS_PLACED], index);
	regex_places(regex, places, PATTERN_PLACES);
	for (unsigned p = 0; p + offset < PATTERN_PLACES; p++)
		for (unsigned byte = 0; byte < 256; byte++)
			if (!byte_set_has(&places[p], byte))
				fits_row(set, p + offset, byte)[index / 64] &= ~bit;
	return true;
}

const uint64_t *pattern_fits(const struct pattern_set *set, unsigned place, uint8_t byte)
{
	return set->fits ? set->fits + (place * 256u + byte) * set->words
			 : set->masks[PATTERNS_PLACED]; /* which is empty: nobody is asked */
}

/* ---- floating: by the prefilter ---- */

static const struct prefilter_ops *const backends[] = {
#ifdef HAVE_HYPERSCAN
	&prefilter_hyperscan,
#endif
	&prefilter_literal,
};

/* False: this one does not work here. */
static bool build_filter(struct pattern_set *set, const struct regex *regexes,
			 const struct prefilter_ops *ops)
{
	uint64_t *filtered = set->masks[PATTERNS_FILTERED];
	struct prefilter *filter = ops->begin();

	if (!filter)
		return false;
	memset(filtered, 0, set->words * sizeof(*filtered));
	memset(set->masks[PATTERNS_FRESH], 0, set->words * sizeof(*filtered));
	for (size_t i = 0; i < set->count; i++) {
		const struct pattern *pattern = &set->items[i];
		struct prefilter_pattern offered = {
			.index = i,
			.text = pattern->text,
			.regex = &regexes[i],
			.windowed = pattern->offset_bytes || pattern->first_bytes,
		};
		bool fresh = false;

		if (pattern->partial || !regexes[i].root || !ops->add(filter, &offered, &fresh))
			continue;
		pattern_bit_set(filtered, i);
		if (fresh)
			pattern_bit_set(set->masks[PATTERNS_FRESH], i);
	}
	if (ops->finish(filter, filtered)) {
		ops->end(filter);
		memset(filtered, 0, set->words * sizeof(*filtered));
		return false;
	}
	set->filter_ops = ops;
	set->filter = filter;
	return true;
}

static void choose_filter(struct pattern_set *set, const struct regex *regexes,
			  enum pattern_backend backend)
{
	const size_t last = sizeof(backends) / sizeof(backends[0]) - 1;

	if (backend == PATTERN_BACKEND_NONE)
		return;
	for (size_t i = backend == PATTERN_BACKEND_LITERALS ? last : 0; i <= last; i++)
		if (build_filter(set, regexes, backends[i]))
			return;
}

const char *pattern_backend_name(const struct pattern_set *set)
{
	return set && set->filter_ops ? set->filter_ops->name : "none";
}

/* ---- the set ---- */

static bool make_room(struct pattern_set *set, size_t count)
{
	uint64_t *masks;

	set->words = (count + 63) / 64;
	set->first_window = SIZE_MAX;
	set->items = arena_array(&set->arena, count ? count : 1, sizeof(*set->items));
	set->unseen = arena_alloc(&set->arena, sizeof(*set->unseen));
	masks = arena_array(&set->arena, set->words * PATTERN_MASKS + 1, sizeof(*masks));
	for (unsigned i = 0; masks && i < PATTERN_MASKS; i++)
		set->masks[i] = masks + i * set->words;
	return set->items && set->unseen && masks;
}

/* 0; -1: not all compile; -2: out of memory. */
static int compile_all(struct pattern_set *set, const struct pattern_source *sources, size_t count,
		       struct regex *regexes, struct diag_list *diags)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	int result = context ? 0 : -2;

	if (context) {
		pcre2_set_newline(context, PCRE2_NEWLINE_LF);
		pcre2_set_max_pattern_length(context, PATTERN_BYTES_MAX);
	}
	for (size_t i = 0; i < count && result > -2; i++) {
		struct pattern *pattern = &set->items[i];

		set->count++;
		describe(set, i, &sources[i]);
		pattern->text = arena_strdup(&set->arena, sources[i].text);
		if (!pattern->text)
			result = -2;
		else if (compile(pattern, &sources[i], &regexes[i], context, diags))
			result = -1;
		else if (pattern->partial && regexes[i].root && !place(set, i, &regexes[i]))
			result = -2;
	}
	pcre2_compile_context_free(context);
	return result;
}

struct pattern_set *pattern_set_new_by(enum pattern_backend backend,
				       const struct pattern_source *sources, size_t count,
				       struct diag_list *diags)
{
	struct pattern_set *set = calloc(1, sizeof(*set));
	struct regex *regexes = calloc(count ? count : 1, sizeof(*regexes));
	int result = -2;

	if (set && regexes) {
		arena_init(&set->arena);
		if (make_room(set, count))
			result = compile_all(set, sources, count, regexes, diags);
	}
	if (!result)
		choose_filter(set, regexes, backend);
	for (size_t i = 0; regexes && i < count; i++)
		regex_release(&regexes[i]);
	free(regexes);
	if (!result)
		return set;
	if (result == -2)
		diag_error(diags, NULL, 0, "patterns: out of memory");
	pattern_set_free(set);
	return NULL;
}

struct pattern_set *pattern_set_new(const struct pattern_source *sources, size_t count,
				    struct diag_list *diags)
{
	return pattern_set_new_by(PATTERN_BACKEND_BEST, sources, count, diags);
}

void pattern_set_free(struct pattern_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		pcre2_code_free(set->items[i].code);
	if (set->filter_ops)
		set->filter_ops->end(set->filter);
	free(set->fits);
	arena_release(&set->arena);
	free(set);
}

/* ---- questions ---- */

size_t pattern_count(const struct pattern_set *set)
{
	return set ? set->count : 0;
}

size_t pattern_words(const struct pattern_set *set)
{
	return set->words;
}

const uint64_t *pattern_mask(const struct pattern_set *set, enum pattern_mask mask)
{
	return set->masks[mask];
}

const uint64_t *const *pattern_masks(const struct pattern_set *set)
{
	return (const uint64_t *const *)set->masks;
}

uint16_t pattern_app(const struct pattern_set *set, size_t index)
{
	return set->items[index].app;
}

size_t pattern_first_window(const struct pattern_set *set)
{
	return set->first_window;
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

void pattern_count_unseen(const struct pattern_set *set, size_t count)
{
	atomic_fetch_add_explicit(set->unseen, count, memory_order_relaxed);
}

uint64_t pattern_unseen(const struct pattern_set *set)
{
	return set ? atomic_load_explicit(set->unseen, memory_order_relaxed) : 0;
}

void pattern_look(const struct pattern_set *set, size_t index, struct pattern_look *look)
{
	const struct pattern *pattern = &set->items[index];

	*look = (struct pattern_look){
		.anchored = pattern->partial,
		.placed = set->masks[PATTERNS_PLACED][index / 64] >> (index % 64) & 1,
		.filtered = set->masks[PATTERNS_FILTERED][index / 64] >> (index % 64) & 1,
		.proven = !pattern->accounted,
	};
}
