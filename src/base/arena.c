/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A chain of zeroed chunks with a cursor in the newest. Large requests get a
 * chunk of their own behind the newest one, so that they do not waste its rest.
 *
 * An arena that has grown large goes on in huge pages: rules and lists are read at random, and each
 * small page would cost a walk of the page tables beside the miss. Its chunks are whole huge pages,
 * and what is left of one is filled up before the next.
 */
#include <waymark/arena.h>
#include <waymark/pages.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE_BYTES 64 /* of the cache: blocks of whole lines stay so */
#define CHUNK_BYTES ((size_t)64 * 1024)
#define ALIGNMENT _Alignof(max_align_t)
#define LARGE_ARENA_BYTES ((size_t)1 << 20)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	bool mapped; /* else it is malloc()'s */
	_Alignas(LINE_BYTES) unsigned char bytes[];
};

void arena_init(struct arena *arena)
{
	*arena = (struct arena){0};
}

void arena_release(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;

	while (chunk) {
		struct arena_chunk *next = chunk->next;

		if (chunk->mapped)
			munmap(chunk, sizeof(*chunk) + chunk->size);
		else
			free(chunk);
		chunk = next;
	}
	arena_init(arena);
}

static size_t whole(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) & ~(unit - 1);
}

/* Of whole cache lines. */
static struct arena_chunk *chunk_new(size_t size)
{
	size_t bytes = whole(sizeof(struct arena_chunk) + size, LINE_BYTES);
	struct arena_chunk *chunk = aligned_alloc(LINE_BYTES, bytes);

	if (!chunk)
		return NULL;
	memset(chunk, 0, bytes);
	chunk->size = bytes - sizeof(*chunk);
	return chunk;
}

/*
 * Of whole huge pages, and mapped anew: what malloc() has had before is there in small pages, and
 * the kernel leaves those as they are.
 */
static struct arena_chunk *chunk_map(size_t size)
{
	size_t bytes = whole(sizeof(struct arena_chunk) + size, HUGE_PAGE_BYTES), before, behind;
	struct arena_chunk *chunk;
	unsigned char *pages = mmap(NULL, bytes + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	before = whole((uintptr_t)pages, HUGE_PAGE_BYTES) - (uintptr_t)pages;
	behind = HUGE_PAGE_BYTES - before;
	if (before)
		munmap(pages, before);
	if (behind)
		munmap(pages + before + bytes, behind);
	chunk = (struct arena_chunk *)(void *)(pages + before);
	(void)madvise(chunk, bytes, MADV_HUGEPAGE); /* refused: then it is small pages */
	chunk->size = bytes - sizeof(*chunk);
	chunk->mapped = true;
	return chunk;
}

static size_t room_in(const struct arena_chunk *chunk)
{
	return chunk ? chunk->size - chunk->used : 0;
}

/* A chunk for so many bytes; that with more room stays the newest one. */
static struct arena_chunk *grow(struct arena *arena, size_t bytes)
{
	struct arena_chunk *newest = arena->chunks, *fresh;

	if (bytes >= LARGE_ARENA_BYTES || arena->total_bytes >= LARGE_ARENA_BYTES)
		fresh = chunk_map(bytes);
	else
		fresh = chunk_new(bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES);
	if (!fresh)
		return NULL;
	if (room_in(newest) > room_in(fresh) - bytes) {
		fresh->next = newest->next;
		newest->next = fresh;
	} else {
		fresh->next = newest;
		arena->chunks = fresh;
	}
	return fresh;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	struct arena_chunk *chunk = arena->chunks;
	void *result;

	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (!chunk || room_in(chunk) < bytes)
		chunk = grow(arena, bytes);
	if (!chunk)
		return NULL;
	result = chunk->bytes + chunk->used;
	chunk->used += bytes;
	arena->total_bytes += bytes;
	return result;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes_each)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, bytes_each, &bytes))
		return NULL;
	return arena_alloc(arena, bytes);
}

void *arena_copy(struct arena *arena, const void *data, size_t bytes)
{
	void *copy = arena_alloc(arena, bytes);

	if (copy && bytes)
		memcpy(copy, data, bytes);
	return copy;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	if (copy && length)
		memcpy(copy, text, length);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments, again;
	char *text = NULL;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	if (length >= 0 && (text = arena_alloc(arena, (size_t)length + 1)))
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	va_end(arguments);
	return text;
}
