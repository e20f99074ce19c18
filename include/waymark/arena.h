/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arena - memory that is freed all at once: a configuration, a ruleset.
 *
 * Allocations are zeroed and aligned for any type, and live until
 * arena_release(). NULL on out of memory. Threads: one owner at a time.
 */
#ifndef WAYMARK_ARENA_H
#define WAYMARK_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t total_bytes; /* handed out so far */
};

void arena_init(struct arena *arena);
void arena_release(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_array(struct arena *arena, size_t count, size_t bytes_each); /* overflow: NULL */
void *arena_copy(struct arena *arena, const void *data, size_t bytes);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
