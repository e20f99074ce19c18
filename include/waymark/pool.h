/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool - small blocks of memory that come and go with the packets of one thread.
 *
 * What an undecided flow keeps is a few blocks of a few sizes, taken with its first packet and
 * given back with the one that decides it. A pool keeps what was given back for the next flow, in
 * huge pages, and gives nothing back to the system before pool_free(): it holds at most as much as
 * there ever was in use of each size.
 *
 * Every function takes NULL for the pool: then it is malloc(). Blocks beyond POOL_BLOCK_BYTES
 * always are, and all of them under AddressSanitizer, which sees an overrun only there. Blocks are
 * aligned for any type and not cleared. Threads: one owner.
 */
#ifndef WAYMARK_POOL_H
#define WAYMARK_POOL_H

#include <stddef.h>

#define POOL_BLOCK_BYTES 1024

struct pool;

/* NULL on out of memory. */
struct pool *pool_new(void);
void pool_free(struct pool *pool);
/* NULL on out of memory. */
void *pool_take(struct pool *pool, size_t bytes);
/* `bytes` as it was taken. NULL for the block is ignored. */
void pool_give(struct pool *pool, void *block, size_t bytes);
/* Like realloc(): on NULL the block stays as it is. */
void *pool_resize(struct pool *pool, void *block, size_t bytes, size_t new_bytes);

#endif
