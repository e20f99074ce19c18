/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pattern.c, which matches, and pattern_set.c, which compiles, share. */
#ifndef INSPECT_PATTERN_PRIVATE_H
#define INSPECT_PATTERN_PRIVATE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <waymark/arena.h>

#include "pattern.h"
#include "prefilter.h"

struct pattern {
	pcre2_code *code;
	const char *text, *file;
	int line;
	uint32_t offset_bytes, first_bytes;
	_Atomic uint64_t limit_hits;
	uint16_t app;
	/*
	 * "no match" is final unless the matcher has run into the end: anchored, and what it
	 * begins with is not just anything
	 */
	bool partial;
	bool accounted; /* compiled with callouts, or else proven to be cheap */
	bool jit;
	uint32_t items_per_kib; /* where it is cheap: at most, rounded up */
};

struct pattern_set {
	struct arena arena;
	struct pattern *items;
	size_t count, words;
	uint64_t *masks[PATTERN_MASKS];
	uint64_t *fits; /* by place, by byte: `words` each; NULL: nobody is placed */
	size_t first_window;
	const struct prefilter_ops *filter_ops; /* NULL: none */
	struct prefilter *filter;
	_Atomic uint64_t *unseen;
};

static inline void pattern_bit_set(uint64_t *words, size_t index)
{
	words[index / 64] |= UINT64_C(1) << (index % 64);
}

#endif
