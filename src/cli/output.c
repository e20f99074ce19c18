/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output - JSON documents for people: aligned tables and indented lists.
 *
 * The daemon's documents are the contract; what is printed is derived from them by
 * key, so that a member which a newer daemon adds still shows up in the generic
 * forms. A table is rendered twice, first for the widths, so that no copy of it
 * is held, however many flows there are.
 * Host names in these documents come from strangers' packets: every byte that a
 * terminal could take as a command is replaced on its way out.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

#define COLUMNS_MAX 32
#define TITLE_SIZE 32
#define DEPTH_MAX 8

int cli_print_json(const json_t *document)
{
	if (json_dumpf(document, stdout,
		       JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(CLI_REAL_DIGITS)) !=
	    0)
		return cli_fail("cannot write the answer");
	putchar('\n');
	return CLI_OK;
}

json_t *cli_text_json(const char *text)
{
	json_t *json = json_string(text);
	char *copy, *end;

	if (json != NULL)
		return json;
	copy = end = malloc(3 * strlen(text) + 1);
	if (copy == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x80) {
			*end++ = *text;
		} else {
			memcpy(end, "\xef\xbf\xbd", 3);
			end += 3;
		}
	}
	*end = '\0';
	json = json_string(copy);
	free(copy);
	return json;
}

/* ---- cells ---- */

static void text_cell(const char *text, char cell[CLI_CELL_SIZE])
{
	size_t length = 0;

	for (; *text != '\0' && length + 1 < CLI_CELL_SIZE; text++) {
		unsigned char c = (unsigned char)*text;
		/* U+0080 .. U+009F: control characters too, C2 80 .. C2 9F in UTF-8 */
		bool high_control = c >= 0x80 && c < 0xa0 && length > 0 &&
				    (unsigned char)cell[length - 1] == 0xc2;

		if (high_control)
			cell[length - 1] = '?';
		else
			cell[length++] = c < 0x20 || c == 0x7f ? '?' : *text;
	}
	/* Cut between characters, not within one. */
	if (*text != '\0')
		while (length > 0 && ((unsigned char)cell[length] & 0xc0) == 0x80)
			length--;
	cell[length] = '\0';
}

static void array_cell(const json_t *array, char cell[CLI_CELL_SIZE])
{
	size_t length = 0;
	size_t count = json_array_size(array);

	cell[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(array, i);
		char one[CLI_CELL_SIZE];
		int more;

		if (json_is_array(item) || json_is_object(item))
			(void)snprintf(one, sizeof(one), "...");
		else
			cli_cell(item, one);
		more = snprintf(cell + length, CLI_CELL_SIZE - length, "%s%s", i > 0 ? "," : "",
				one);
		if (more < 0 || (size_t)more >= CLI_CELL_SIZE - length)
			break;
		length += (size_t)more;
	}
}

void cli_cell(const json_t *value, char cell[CLI_CELL_SIZE])
{
	cell[0] = '\0';
	if (json_is_string(value))
		text_cell(json_string_value(value), cell);
	else if (json_is_integer(value))
		(void)snprintf(cell, CLI_CELL_SIZE, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		(void)snprintf(cell, CLI_CELL_SIZE, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		(void)snprintf(cell, CLI_CELL_SIZE, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		array_cell(value, cell);
	else if (json_is_object(value))
		(void)snprintf(cell, CLI_CELL_SIZE, "...");
	if (cell[0] == '\0')
		(void)snprintf(cell, CLI_CELL_SIZE, "-");
}

void cli_cell_time(const json_t *value, char cell[CLI_CELL_SIZE])
{
	double seconds = json_number_value(value);
	struct tm local;
	time_t when;

	if (!json_is_number(value) || seconds < 1 || seconds > 253402300799.0) {
		cli_cell(json_is_number(value) ? NULL : value, cell);
		return;
	}
	when = (time_t)seconds;
	if (localtime_r(&when, &local) == NULL ||
	    strftime(cell, CLI_CELL_SIZE, "%Y-%m-%d %H:%M:%S", &local) == 0)
		cli_cell(value, cell);
}

void cli_cell_duration(const json_t *value, char cell[CLI_CELL_SIZE])
{
	double given = json_number_value(value);
	long long s = given > 0 && given < 1e15 ? (long long)given : 0;

	if (!json_is_number(value))
		cli_cell(value, cell);
	else if (s >= 86400)
		(void)snprintf(cell, CLI_CELL_SIZE, "%lldd %lldh", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		(void)snprintf(cell, CLI_CELL_SIZE, "%lldh %lldm", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		(void)snprintf(cell, CLI_CELL_SIZE, "%lldm %llds", s / 60, s % 60);
	else
		(void)snprintf(cell, CLI_CELL_SIZE, "%llds", s);
}

/* ---- tables ---- */

/* Characters, not bytes. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void put(const char *text, int width, bool right, bool last)
{
	int pad = width - width_of(text);

	if (pad < 0)
		pad = 0;
	if (right)
		printf("%*s%s", pad, "", text);
	else if (last)
		fputs(text, stdout); /* no blanks at the end of a line */
	else
		printf("%s%*s", text, pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

static void cell_of(const json_t *row, const struct cli_column *column, char cell[CLI_CELL_SIZE])
{
	const json_t *value = json_object_get(row, column->key);

	if (column->format != NULL)
		column->format(value, cell);
	else
		cli_cell(value, cell);
}

static void table(const json_t *rows, const struct cli_column *columns, int indent)
{
	size_t row_count = json_array_size(rows), count = 0;
	int widths[COLUMNS_MAX];
	char cell[CLI_CELL_SIZE];

	while (count < COLUMNS_MAX && columns[count].title != NULL) {
		widths[count] = width_of(columns[count].title);
		count++;
	}
	for (size_t r = 0; r < row_count; r++) {
		for (size_t c = 0; c < count; c++) {
			int width;

			cell_of(json_array_get(rows, r), &columns[c], cell);
			width = width_of(cell);
			if (width > widths[c])
				widths[c] = width;
		}
	}
	printf("%*s", indent, "");
	for (size_t c = 0; c < count; c++)
		put(columns[c].title, widths[c], columns[c].right, c + 1 == count);
	for (size_t r = 0; r < row_count; r++) {
		printf("%*s", indent, "");
		for (size_t c = 0; c < count; c++) {
			cell_of(json_array_get(rows, r), &columns[c], cell);
			put(cell, widths[c], columns[c].right, c + 1 == count);
		}
	}
}

void cli_table(const json_t *rows, const struct cli_column *columns)
{
	table(rows, columns, 0);
}

/* A table of whatever the first row has. */
static void table_of_all(const json_t *rows, int indent)
{
	struct cli_column columns[COLUMNS_MAX + 1] = {{.title = NULL}};
	char titles[COLUMNS_MAX][TITLE_SIZE];
	json_t *first = json_array_get(rows, 0);
	size_t count = 0;

	for (void *at = json_object_iter(first); at != NULL && count < COLUMNS_MAX;
	     at = json_object_iter_next(first, at)) {
		char cell[CLI_CELL_SIZE];
		size_t i;

		text_cell(json_object_iter_key(at), cell);
		for (i = 0; cell[i] != '\0' && i + 1 < TITLE_SIZE; i++)
			titles[count][i] =
				cell[i] == '_' ? '-' : (char)toupper((unsigned char)cell[i]);
		titles[count][i] = '\0';
		columns[count].title = titles[count];
		columns[count].key = json_object_iter_key(at);
		columns[count].right = json_is_number(json_object_iter_value(at));
		count++;
	}
	if (count > 0)
		table(rows, columns, indent);
}

/* ---- any document ---- */

static bool is_plain(const json_t *value)
{
	if (json_is_array(value)) /* numbers and words stand on one line */
		return !json_is_object(json_array_get(value, 0));
	return !json_is_object(value);
}

static bool is_in(const char *word, const char *const *list)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static void tree(json_t *object, const char *const *skip, int indent)
{
	char name[CLI_CELL_SIZE], cell[CLI_CELL_SIZE];
	int width = 0;
	void *at;

	for (at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
		text_cell(json_object_iter_key(at), name);
		if (is_plain(json_object_iter_value(at)) && !is_in(name, skip) &&
		    width_of(name) > width)
			width = width_of(name);
	}
	for (at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
		text_cell(json_object_iter_key(at), name);
		if (!is_plain(json_object_iter_value(at)) || is_in(name, skip))
			continue;
		cli_cell(json_object_iter_value(at), cell);
		printf("%*s", indent, "");
		put(name, width, false, false);
		puts(cell);
	}
	for (at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
		json_t *value = json_object_iter_value(at);

		text_cell(json_object_iter_key(at), name);
		if (is_plain(value) || is_in(name, skip))
			continue;
		printf("%*s%s:\n", indent, "", name);
		if (json_is_array(value))
			table_of_all(value, indent + 2);
		else if (indent / 2 < DEPTH_MAX)
			tree(value, NULL, indent + 2);
	}
}

void cli_tree(json_t *object, const char *const *skip)
{
	tree(object, skip, 0);
}
