/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * counter - counters that one thread writes and any thread reads.
 *
 * No locked instruction: there is one writer, so a load and a store are enough. A reader
 * sees each counter as it was a moment ago, and several of them not of the same moment.
 */
#ifndef WAYMARK_COUNTER_H
#define WAYMARK_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* By the one writer. Where several write, they need an atomic addition of their own. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
