/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings are kept in the order they were made: that is the order in which a
 * reader walks his file, and printing sorts nothing.
 *
 * The counters are raised before anything is allocated: a list that could not
 * keep an error still says that there was one.
 */
#define _GNU_SOURCE
#include <waymark/diag.h>

#include <stdlib.h>
#include <string.h>

void diag_list_init(struct diag_list *list)
{
	*list = (struct diag_list)DIAG_LIST_INIT;
}

void diag_list_release(struct diag_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].file);
		free(list->items[i].message);
	}
	free(list->items);
	diag_list_init(list);
}

static bool reserve(struct diag_list *list, size_t more)
{
	size_t capacity = list->capacity ? list->capacity : 8;
	struct diag *items;

	while (capacity < list->count + more)
		capacity *= 2;
	if (capacity == list->capacity)
		return true;
	items = realloc(list->items, capacity * sizeof(*items));
	if (!items)
		return false;
	list->items = items;
	list->capacity = capacity;
	return true;
}

void diag_vadd(struct diag_list *list, enum diag_severity severity, const char *file, int line,
	       const char *format, va_list arguments)
{
	struct diag diag = {.severity = severity, .line = line};

	list->errors += severity == DIAG_ERROR;
	list->warnings += severity == DIAG_WARNING;
	if (vasprintf(&diag.message, format, arguments) < 0)
		return;
	if (file && !(diag.file = strdup(file)))
		goto drop;
	if (!reserve(list, 1))
		goto drop;
	list->items[list->count++] = diag;
	return;
drop:
	free(diag.file);
	free(diag.message);
}

void diag_add(struct diag_list *list, enum diag_severity severity, const char *file, int line,
	      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	diag_vadd(list, severity, file, line, format, arguments);
	va_end(arguments);
}

void diag_format(const struct diag *diag, char *buffer, size_t size)
{
	static const char *const words[] = {"", "warning: ", "note: "};
	const char *word = words[diag->severity];

	if (!diag->file)
		snprintf(buffer, size, "%s%s", word, diag->message);
	else if (diag->line <= 0)
		snprintf(buffer, size, "%s: %s%s", diag->file, word, diag->message);
	else
		snprintf(buffer, size, "%s:%d: %s%s", diag->file, diag->line, word, diag->message);
}

void diag_print(const struct diag_list *list, FILE *stream)
{
	char text[2048];

	for (size_t i = 0; i < list->count; i++) {
		diag_format(&list->items[i], text, sizeof(text));
		fprintf(stream, "%s\n", text);
	}
	if (list->count == 0 && list->errors)
		fprintf(stream, "out of memory\n");
}

void diag_list_move(struct diag_list *to, struct diag_list *from)
{
	to->errors += from->errors;
	to->warnings += from->warnings;
	if (from->count && reserve(to, from->count)) {
		memcpy(&to->items[to->count], from->items, from->count * sizeof(*from->items));
		to->count += from->count;
		from->count = 0;
	}
	diag_list_release(from);
}

/* Levenshtein distance, with a swap of neighbours as one step; words are short. */
static unsigned distance(const char *a, const char *b)
{
	enum { MAX = 40 };
	size_t la = strlen(a), lb = strlen(b);
	unsigned row[3][MAX + 1];

	if (la > MAX || lb > MAX)
		return MAX;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *before = row[(i - 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = before[j - 1] + (a[i - 1] != b[j - 1]);

			if (before[j] + 1 < best)
				best = before[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    row[(i - 2) % 3][j - 2] + 1 < best)
				best = row[(i - 2) % 3][j - 2] + 1;
			now[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *diag_nearest(const char *word, const char *const *known)
{
	size_t length = strlen(word);
	unsigned limit = length <= 3 ? 1 : length <= 6 ? 2 : 3, best = limit + 1;
	const char *nearest = NULL;

	for (; *known; known++) {
		unsigned d = distance(word, *known);

		if (d < best && d < strlen(*known)) {
			best = d;
			nearest = *known;
		}
	}
	return nearest;
}
