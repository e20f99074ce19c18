/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pattern - what the inspection asks of the pattern engine.
 *
 * Sets of patterns are words of bits, a bit for each in the order of the set. What can be told of
 * many at once is told so; pattern_scan() asks PCRE2 about one.
 */
#ifndef INSPECT_PATTERN_H
#define INSPECT_PATTERN_H

#include <waymark/inspect.h>

enum pattern_outcome {
	PATTERN_HIT,
	PATTERN_OPEN,	/* not yet, but more bytes may make it match */
	PATTERN_NEVER,	/* these bytes with whatever follows cannot match */
	PATTERN_LIMIT,	/* cost too much; counted */
	PATTERN_UNSEEN, /* the allowance is used up: not looked at */
};

enum pattern_mask {
	PATTERNS_WANTED, /* by a rule */
	PATTERNS_STRICT,
	PATTERNS_LOOSE,	   /* neither */
	PATTERNS_L7,	   /* read both directions in one */
	PATTERNS_PLACED,   /* what pattern_fits() speaks of */
	PATTERNS_FILTERED, /* what pattern_prefilter() speaks of */
	PATTERNS_FRESH,	   /* of these: who need not stay seen once asked */
	PATTERNS_WINDOWED, /* see not all bytes, or not from the first on */
	PATTERNS_NOT_TCP,
	PATTERNS_NOT_UDP,
	PATTERNS_NOT_SERVER, /* read the client's bytes only */
	PATTERNS_NOT_CLIENT,
	PATTERN_MASKS,
};

#define PATTERN_PLACES 8 /* of a flow's bytes: where pattern_fits() can tell */

size_t pattern_words(const struct pattern_set *set);
const uint64_t *pattern_mask(const struct pattern_set *set, enum pattern_mask mask);
/* All of them, by enum pattern_mask. */
const uint64_t *const *pattern_masks(const struct pattern_set *set);
uint16_t pattern_app(const struct pattern_set *set, size_t index);

/* Whoever may have that byte at that place (0 is the first): of PATTERNS_PLACED, all others. */
const uint64_t *pattern_fits(const struct pattern_set *set, unsigned place, uint8_t byte);

/*
 * Adds to `seen` the patterns of PATTERNS_FILTERED that need confirming in these bytes, of which
 * the first `known` have been looked at before, with the same `seen`.
 */
void pattern_prefilter(const struct pattern_set *set, struct pattern_scratch *scratch,
		       const uint8_t *bytes, size_t length, size_t known, uint64_t *seen);

/* The least length at which a window is full; whether the pattern's own is. */
size_t pattern_first_window(const struct pattern_set *set);
bool pattern_window_full(const struct pattern_set *set, size_t index, size_t length);

enum pattern_outcome pattern_scan(const struct pattern_set *set, size_t index,
				  struct pattern_scratch *scratch, const uint8_t *bytes,
				  size_t length);

/* How many steps scans may take from now on, at first without end; what is left of them. */
void pattern_scratch_allow(struct pattern_scratch *scratch, int64_t steps);
int64_t pattern_scratch_allowance(const struct pattern_scratch *scratch);
/* Counts patterns that were ruled out or put off because the allowance was used up. */
void pattern_count_unseen(const struct pattern_set *set, size_t count);

/* FLOW_PREFIX_MAX_BYTES of room for the buffer that PATTERN_L7 reads. */
uint8_t *pattern_scratch_buffer(struct pattern_scratch *scratch);
/* Room for `count` words, not cleared; NULL on out of memory. */
uint64_t *pattern_scratch_words(struct pattern_scratch *scratch, size_t count);

/* ---- for tests, benchmarks and reports ---- */

enum pattern_backend {
	PATTERN_BACKEND_BEST, /* Hyperscan where it is built in and runs */
	PATTERN_BACKEND_HYPERSCAN,
	PATTERN_BACKEND_LITERALS,
	PATTERN_BACKEND_NONE, /* every pattern is confirmed always */
};
struct pattern_set *pattern_set_new_by(enum pattern_backend backend,
				       const struct pattern_source *sources, size_t count,
				       struct diag_list *diags);
/* The steps of the last scan, as they are charged. */
int64_t pattern_scratch_steps(const struct pattern_scratch *scratch);
/* How many scans there were so far. */
uint64_t pattern_scratch_asked(const struct pattern_scratch *scratch);
/* What one scan may take at most. */
int64_t pattern_steps_max(void);

#endif
