/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lists.c - "@file" lists, and sets of numbers and addresses.
 *
 * A list is one item a line, '#' begins a comment, CRLF and a byte order mark
 * are tolerated: lists come from all over the world. It is read whole; what is
 * wrong in it is an error at its own line. Only a regular file is read, so that a
 * list named /dev/zero or a FIFO cannot hang a reload.
 *
 * Sets are sorted and merged here, once: match.c relies on disjoint, ascending
 * spans for its binary search.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#define LIST_FILE_MAX (1u << 30)
#define LIST_ERRORS_MAX 20

/* ---- list files ---- */

/* The whole file, terminated; NULL with a reason. */
static char *read_file(const char *path, size_t *length, const char **why)
{
	struct stat status;
	char *text = NULL;
	size_t used = 0, size;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*why = strerror(errno);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) < 0) {
		*why = strerror(errno);
		goto out;
	}
	if (!S_ISREG(status.st_mode) || status.st_size > (off_t)LIST_FILE_MAX) {
		*why = S_ISREG(status.st_mode) ? "longer than 1 GiB" : "not a regular file";
		goto out;
	}
	size = (size_t)status.st_size;
	text = malloc(size + 1);
	*why = "out of memory";
	while (text && used < size) {
		ssize_t got = read(fd, text + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			*why = strerror(errno);
			free(text);
			text = NULL;
		}
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	if (text)
		text[used] = '\0';
	*length = used;
out:
	close(fd);
	return text;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* Cuts comment and blanks in place. */
static char *trim(char *line)
{
	char *end = line + strcspn(line, "#");

	while (is_blank(*line) && line < end)
		line++;
	while (end > line && is_blank(end[-1]))
		end--;
	*end = '\0';
	return line;
}

void rules_read_list(const struct key_context *context, const config_setting_t *item,
		     const char *path, list_line_fn *take, void *user)
{
	struct diag_list *diags = context->builder->diags;
	const char *why = NULL;
	char *resolved = settings_resolve_path(settings_source(item), path);
	char *text = NULL, *next;
	unsigned errors = 0;
	size_t length = 0;
	int number = 0;

	if (!rules_kept(context->builder, resolved))
		return;
	text = *path ? read_file(resolved, &length, &why) : NULL;
	if (!text) {
		rules_key_error(context, item, "cannot read the list '%s': %s", resolved,
				*path ? why : "no file is named");
		goto out;
	}
	next = text;
	if (strncmp(next, "\xef\xbb\xbf", 3) == 0)
		next += 3;
	while (next) {
		char *line = next;

		/* by length, not by the first NUL: a binary file must not read as a short list */
		next = memchr(line, '\n', (size_t)(text + length - line));
		number++;
		if (next)
			*next++ = '\0';
		if (strlen(line) != (size_t)((next ? next - 1 : text + length) - line)) {
			diag_error(diags, resolved, number, "a NUL byte: not a text file");
			break;
		}
		line = trim(line);
		if (*line == '\0' || take(user, line, &why))
			continue;
		diag_error(diags, resolved, number, "'%.80s': %s", line, why);
		if (++errors == LIST_ERRORS_MAX) {
			diag_error(diags, resolved, number,
				   "too many errors, the rest is not read");
			break;
		}
	}
out:
	free(text);
	free(resolved);
}

/* ---- sets ---- */

static int compare_spans(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return 0;
}

void rules_merge_spans(struct vec *vec)
{
	struct span *spans = vec->items;
	size_t kept = 0;

	if (vec->count < 2)
		return;
	qsort(spans, vec->count, sizeof(*spans), compare_spans);
	for (size_t i = 1; i < vec->count; i++) {
		struct span *last = &spans[kept];

		if (last->high == UINT32_MAX || spans[i].low <= last->high + 1) {
			if (spans[i].high > last->high)
				last->high = spans[i].high;
		} else {
			spans[++kept] = spans[i];
		}
	}
	vec->count = kept + 1;
}

static int compare_spans6(const void *left, const void *right)
{
	return memcmp(left, right, 16);
}

static void merge_spans6(struct vec *vec)
{
	struct span6 *spans = vec->items;
	size_t kept = 0;

	if (vec->count < 2)
		return;
	qsort(spans, vec->count, sizeof(*spans), compare_spans6);
	for (size_t i = 1; i < vec->count; i++) {
		struct span6 *last = &spans[kept];

		if (memcmp(spans[i].low, last->high, 16) <= 0) {
			if (memcmp(spans[i].high, last->high, 16) > 0)
				memcpy(last->high, spans[i].high, 16);
		} else {
			spans[++kept] = spans[i];
		}
	}
	vec->count = kept + 1;
}

static uint32_t host_order(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

bool rules_address_set(struct rules_builder *builder, struct vec *vec, struct address_set *set)
{
	struct arena *arena = &builder->ruleset->arena;
	const struct ip_range *ranges = vec->items;
	struct vec v4 = VEC(struct span), v6 = VEC(struct span6);
	bool done = false;

	for (size_t i = 0; i < vec->count; i++) {
		if (ranges[i].first.family == IP_V4) {
			struct span *span = vec_push(&v4);

			if (!span)
				goto out;
			span->low = host_order(ranges[i].first.bytes);
			span->high = host_order(ranges[i].last.bytes);
		} else {
			struct span6 *span = vec_push(&v6);

			if (!span)
				goto out;
			memcpy(span->low, ranges[i].first.bytes, 16);
			memcpy(span->high, ranges[i].last.bytes, 16);
		}
	}
	rules_merge_spans(&v4);
	merge_spans6(&v6);
	if (v4.count > UINT32_MAX || v6.count > UINT32_MAX)
		goto out;
	set->v4_count = (uint32_t)v4.count;
	set->v6_count = (uint32_t)v6.count;
	if (v4.count)
		set->v4 = arena_copy(arena, v4.items, v4.count * sizeof(struct span));
	if (v6.count)
		set->v6 = arena_copy(arena, v6.items, v6.count * sizeof(struct span6));
	done = (!v4.count || set->v4) && (!v6.count || set->v6);
out:
	vec_release(&v4);
	vec_release(&v6);
	if (!done)
		builder->out_of_memory = true;
	return done;
}
