/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of free blocks, one for each multiple of a cache line. What no list has comes from an
 * arena: in small chunks, since most routers have few undecided flows at a time, then in huge
 * pages.
 */
#include <waymark/pool.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/arena.h>

#define LINE_BYTES ((size_t)64)

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define UNPOOLED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define UNPOOLED 1
#endif
#ifndef UNPOOLED
#define UNPOOLED 0
#endif

struct link {
	struct link *next;
};

struct pool {
	struct link *given[POOL_BLOCK_BYTES / LINE_BYTES]; /* by size in lines, less one */
	struct arena arena;				   /* where they come from */
};

struct pool *pool_new(void)
{
	return calloc(1, sizeof(struct pool));
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	arena_release(&pool->arena);
	free(pool);
}

static bool is_pooled(const struct pool *pool, size_t bytes)
{
	return pool && bytes && bytes <= POOL_BLOCK_BYTES && !UNPOOLED;
}

static size_t lines_of(size_t bytes)
{
	return (bytes + LINE_BYTES - 1) / LINE_BYTES;
}

void *pool_take(struct pool *pool, size_t bytes)
{
	size_t lines = lines_of(bytes);
	struct link *block;

	if (!is_pooled(pool, bytes))
		return malloc(bytes);
	block = pool->given[lines - 1];
	if (!block)
		return arena_alloc(&pool->arena, lines * LINE_BYTES);
	pool->given[lines - 1] = block->next;
	return block;
}

void pool_give(struct pool *pool, void *block, size_t bytes)
{
	struct link *link = block;

	if (!is_pooled(pool, bytes)) {
		free(block);
	} else if (block) {
		link->next = pool->given[lines_of(bytes) - 1];
		pool->given[lines_of(bytes) - 1] = link;
	}
}

void *pool_resize(struct pool *pool, void *block, size_t bytes, size_t new_bytes)
{
	void *moved;

	if (!block)
		return pool_take(pool, new_bytes);
	if (!is_pooled(pool, bytes) && !is_pooled(pool, new_bytes))
		return realloc(block, new_bytes);
	moved = pool_take(pool, new_bytes);
	if (!moved)
		return NULL;
	memcpy(moved, block, bytes < new_bytes ? bytes : new_bytes);
	pool_give(pool, block, bytes);
	return moved;
}
