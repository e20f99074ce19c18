/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mark - how waymark's own bits of the packet mark (fwmark, connmark) are laid out.
 *
 * `mask` is a contiguous run of at least four bits. Its top bit is P,
 * "provisional": steered so far, still looked at. The bits below are the value V:
 *   0                  nothing known
 *   1 .. user_max      uplinks and user classes
 *   drop, hint, main   the three highest values, in this order
 * A V without P is final. Values here are as a user writes them (1, 2, ...);
 * mark_bits() moves one to its place in the mask. Nothing outside the mask is
 * ever changed: whoever sets a mark uses mark_merge().
 * Pure, any thread.
 */
#ifndef WAYMARK_MARK_H
#define WAYMARK_MARK_H

#include <stdbool.h>
#include <stdint.h>

/* However wide the mask: what is known by value stands in arrays of user_max + 1. */
#define MARK_USER_MAX 65535

struct mark_layout {
	uint32_t mask;	      /* all bits that are ours */
	uint32_t provisional; /* P, in place */
	uint32_t value_mask;  /* V, in place */
	unsigned shift;	      /* of the lowest bit */
	uint32_t user_max;    /* the highest value an uplink or class may have */
	uint32_t drop;	      /* as a value */
	uint32_t hint;	      /* "this flow is older than our knowledge of it" */
	uint32_t main;	      /* final, no uplink */
};

/* False: not contiguous, fewer than four bits, or zero. */
bool mark_layout_init(struct mark_layout *layout, uint32_t mask);

static inline uint32_t mark_bits(const struct mark_layout *layout, uint32_t value)
{
	return (value << layout->shift) & layout->value_mask;
}

static inline uint32_t mark_value(const struct mark_layout *layout, uint32_t mark)
{
	return (mark & layout->value_mask) >> layout->shift;
}

static inline bool mark_is_provisional(const struct mark_layout *layout, uint32_t mark)
{
	return (mark & layout->provisional) != 0;
}

/* `bits` must lie in the mask; every other bit stays as `old` has it. */
static inline uint32_t mark_merge(const struct mark_layout *layout, uint32_t old, uint32_t bits)
{
	return (old & ~layout->mask) | (bits & layout->mask);
}

#endif
