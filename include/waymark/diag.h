/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diag - a list of "file:line: message" findings, collected over a whole run.
 *
 * Whoever reads a configuration adds what it finds and goes on; the CLI or the
 * daemon prints the list at the end. So a user sees all errors at once.
 *
 * Ownership: a list owns copies of every string. Threads: none; one owner.
 * Out of memory: the finding is dropped but still counted, so an error can
 * never turn into success.
 */
#ifndef WAYMARK_DIAG_H
#define WAYMARK_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag {
	enum diag_severity severity;
	char *file; /* NULL: not about a file */
	int line;   /* 0: about the whole file */
	char *message;
};

struct diag_list {
	struct diag *items;
	size_t count;
	size_t capacity;
	size_t errors;
	size_t warnings;
};

#define DIAG_LIST_INIT {0}

void diag_list_init(struct diag_list *list);
void diag_list_release(struct diag_list *list);

void diag_add(struct diag_list *list, enum diag_severity severity, const char *file, int line,
	      const char *format, ...) __attribute__((format(printf, 5, 6)));
void diag_vadd(struct diag_list *list, enum diag_severity severity, const char *file, int line,
	       const char *format, va_list arguments) __attribute__((format(printf, 5, 0)));

#define diag_error(list, file, line, ...) diag_add(list, DIAG_ERROR, file, line, __VA_ARGS__)
#define diag_warning(list, file, line, ...) diag_add(list, DIAG_WARNING, file, line, __VA_ARGS__)
#define diag_note(list, file, line, ...) diag_add(list, DIAG_NOTE, file, line, __VA_ARGS__)

/* "file:line: message", "file:line: warning: message"; a static-size rendering, always terminated. */
void diag_format(const struct diag *diag, char *buffer, size_t size);
/* Every finding, one a line, in the order found. */
void diag_print(const struct diag_list *list, FILE *stream);
/* Moves all of `from` to the end of `to`; `from` is empty afterwards. */
void diag_list_move(struct diag_list *to, struct diag_list *from);

/*
 * The word of `known` (NULL-terminated) nearest to `word`, for "did you mean";
 * NULL when none is near enough to be a likely slip.
 */
const char *diag_nearest(const char *word, const char *const *known);

#endif
