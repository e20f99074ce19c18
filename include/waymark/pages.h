/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pages - large tables straight from the system: zero, whole pages, and none of them in memory
 * before it is touched. Whoever has the pages may give the kernel further advice about them
 * (madvise()).
 *
 * Threads: no state; pages belong to their owner.
 */
#ifndef WAYMARK_PAGES_H
#define WAYMARK_PAGES_H

#include <stddef.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

/* NULL on out of memory, and for no bytes. Nothing is set aside: who touches a page may be ended
 * for it. */
void *pages_new(size_t bytes);
/* Touches the first so many: a hint, and what it cannot get is no error. */
void pages_populate(void *pages, size_t bytes);
/* `bytes` as at pages_new(); NULL is fine. */
void pages_free(void *pages, size_t bytes);

#endif
