/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of findings, and the words that mends are made of.
 *
 * A mend is read by a person and run by a shell, so what comes from outside (names of interfaces
 * and files) goes into it quoted wherever a shell would see more than a word. A list that ran out
 * of memory says so, and no check has to care.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

static void __attribute__((format(printf, 3, 0)))
set(struct doctor_list *list, char **text, const char *format, va_list arguments)
{
	free(*text);
	if (vasprintf(text, format, arguments) < 0) {
		*text = NULL;
		list->failed = true;
	}
}

struct doctor_finding *doctor_add(struct doctor_list *list, enum doctor_severity severity,
				  const char *uplink, const char *format, ...)
{
	struct doctor_finding *finding;
	va_list arguments;

	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 16;
		struct doctor_finding *items =
			reallocarray(list->items, capacity, sizeof(*list->items));

		if (!items) {
			list->failed = true;
			return NULL;
		}
		list->items = items;
		list->capacity = capacity;
	}
	finding = &list->items[list->count++];
	*finding = (struct doctor_finding){
		.check = list->check,
		.severity = severity,
		.uplink = uplink,
	};
	list->problems += severity != DOCTOR_NOTE;
	va_start(arguments, format);
	set(list, &finding->what, format, arguments);
	va_end(arguments);
	return finding;
}

void doctor_breaks(struct doctor_list *list, struct doctor_finding *finding, const char *format,
		   ...)
{
	va_list arguments;

	if (!finding)
		return;
	va_start(arguments, format);
	set(list, &finding->breaks, format, arguments);
	va_end(arguments);
}

void doctor_mend(struct doctor_list *list, struct doctor_finding *finding, const char *format, ...)
{
	va_list arguments;

	if (!finding)
		return;
	va_start(arguments, format);
	set(list, &finding->mend, format, arguments);
	va_end(arguments);
}

void doctor_list_release(struct doctor_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].what);
		free(list->items[i].breaks);
		free(list->items[i].mend);
	}
	free(list->items);
	*list = (struct doctor_list){.items = NULL};
}

/* ---- words ---- */

static bool is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./:@%+=,-";

	return text[0] != '\0' && text[strspn(text, plain)] == '\0';
}

const char *doctor_word(const char *text, char buffer[DOCTOR_WORD_SIZE])
{
	size_t used = 0;

	if (is_plain(text)) {
		snprintf(buffer, DOCTOR_WORD_SIZE, "%s", text);
		return buffer;
	}
	buffer[used++] = '\'';
	/* one that does not fit is cut, within its quotes: five bytes are the most that follow */
	for (; *text != '\0' && used < DOCTOR_WORD_SIZE - 6; text++) {
		if (*text == '\'') {
			memcpy(buffer + used, "'\\''", 4);
			used += 4;
		} else {
			buffer[used++] = *text;
		}
	}
	buffer[used++] = '\'';
	buffer[used] = '\0';
	return buffer;
}

const char *doctor_conf_key(const char *family, const char *interface, const char *key,
			    char buffer[DOCTOR_WORD_SIZE])
{
	char whole[DOCTOR_WORD_SIZE / 2];
	char mark = strchr(interface, '.') ? '/' : '.';

	/* sysctl takes either as a separator, whichever comes first in the key */
	snprintf(whole, sizeof(whole), "net%c%s%cconf%c%s%c%s", mark, family, mark, mark, interface,
		 mark, key);
	return doctor_word(whole, buffer);
}
