/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefilter - one pass over the bytes that tells which patterns cannot have matched.
 *
 * It serves the floating patterns, those that may match anywhere. A pattern has been "seen" once
 * something that each of its matches holds is there; until then it needs no confirming.
 * False alarms cost time, a missed one would cost a match: what a prefilter cannot vouch for it
 * refuses in add() or drops in finish(), and then that pattern is always confirmed.
 *
 * As a flow grows, only the new bytes are read, and PREFILTER_OVERLAP before them. A match that
 * they complete leaves its trace there, if the pattern's is "fresh"; else the trace may be older,
 * and the pattern stays seen.
 *
 * Immutable after finish(), shared by all workers; a scratch belongs to one worker and serves
 * any prefilter of its kind, one after another.
 */
#ifndef INSPECT_PREFILTER_H
#define INSPECT_PREFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "regex.h"

struct prefilter;
struct prefilter_scratch;

struct prefilter_pattern {
	size_t index; /* its bit in `seen` */
	const char *text;
	const struct regex *regex;
	/* it sees less than the whole of the bytes: their beginning and end are not its own */
	bool windowed;
};

/* A fresh trace, and a byte before and one behind it that a \b may look at. */
#define PREFILTER_OVERLAP (REGEX_TAIL_MAX + 2)

struct prefilter_ops {
	const char *name;
	/* NULL: out of memory, or this machine cannot run it. */
	struct prefilter *(*begin)(void);
	bool (*add)(struct prefilter *prefilter, const struct prefilter_pattern *pattern,
		    bool *fresh);
	/* Clears the bits of patterns that it cannot serve after all; 0 or -errno. */
	int (*finish)(struct prefilter *prefilter, uint64_t *filtered);
	void (*end)(struct prefilter *prefilter);
	/* Sets the bits of what is seen; false: it could not look, all may be there. */
	bool (*scan)(const struct prefilter *prefilter, struct prefilter_scratch **scratch,
		     const uint8_t *bytes, size_t length, uint64_t *seen);
	void (*scratch_free)(struct prefilter_scratch *scratch); /* NULL is nothing */
};

extern const struct prefilter_ops prefilter_literal;
extern const struct prefilter_ops prefilter_hyperscan; /* where HAVE_HYPERSCAN */

#endif
