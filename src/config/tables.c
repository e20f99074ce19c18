/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Table names, as iproute2 keeps them: "number name" lines in rt_tables and in
 * rt_tables.d/NAME.conf.
 *
 * These files belong to the user and to other programs, and are known to be
 * edited by both. So a missing file is an empty one, a line that makes no sense
 * is passed over, and the first number of a name counts: /etc goes before what
 * the distribution ships, rt_tables before rt_tables.d, names in sorted order.
 * A configuration that uses numbers only never reads any of this. Nor is what waymark itself
 * wrote there ever read: a table that only our own last run named would be gone with it.
 */
#define _GNU_SOURCE
#include "load.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_NAMES_MAX 4096
#define TABLE_FILE_LINES_MAX 65536
#define BLANKS " \t\r\v\f"

struct table_names {
	const char **names; /* NULL-terminated, for diag_nearest() */
	uint32_t *numbers;
	size_t count;
};

static void add_name(struct table_names *names, const char *name, uint32_t number)
{
	uint32_t present;

	if (names->count == TABLE_NAMES_MAX || table_names_find(names, name, &present))
		return;
	char *copy = strdup(name);
	if (!copy)
		return;
	names->names[names->count] = copy;
	names->numbers[names->count++] = number;
}

/* As iproute2 reads it: decimal, or hexadecimal behind 0x; then a name, then what it does not look
 * at. */
static void read_line(struct table_names *names, const char *line)
{
	char name[CONF_NAME_MAX + 2], *end;
	unsigned long value;
	const char *at = line + strspn(line, BLANKS);

	if (!isdigit((unsigned char)*at))
		return;
	errno = 0;
	value = strtoul(at, &end, at[0] == '0' && (at[1] | 0x20) == 'x' ? 16 : 10);
	if (errno || value > UINT32_MAX || !*end || !strchr(BLANKS, *end))
		return;
	if (sscanf(end, "%64s", name) != 1 || *name == '#' || strlen(name) > CONF_NAME_MAX)
		return;
	add_name(names, name, (uint32_t)value);
}

static void read_lines(struct table_names *names, FILE *stream)
{
	char line[512];

	for (unsigned i = 0; i < TABLE_FILE_LINES_MAX && fgets(line, sizeof(line), stream); i++) {
		bool whole = strchr(line, '\n') != NULL;

		if (i == 0 && strcmp(line, TABLE_NAMES_OWN_HEADER) == 0)
			return;
		read_line(names, line);
		/* the rest of a long one is no line of its own */
		for (int c = 0; !whole && c != '\n' && c != EOF;)
			c = getc(stream);
	}
}

static void read_names(struct table_names *names, const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	FILE *stream = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? fdopen(fd, "r") : NULL;
	if (!stream) {
		close(fd);
		return;
	}
	read_lines(names, stream);
	fclose(stream);
}

static int is_conf(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static void read_directory(struct table_names *names, const char *directory)
{
	char path[4096];
	struct dirent **entries;

	if (snprintf(path, sizeof(path), "%s/rt_tables", directory) < (int)sizeof(path))
		read_names(names, path);
	if (snprintf(path, sizeof(path), "%s/rt_tables.d", directory) >= (int)sizeof(path))
		return;
	int count = scandir(path, &entries, is_conf, alphasort);
	for (int i = 0; i < count; i++) {
		if (snprintf(path, sizeof(path), "%s/rt_tables.d/%s", directory,
			     entries[i]->d_name) < (int)sizeof(path))
			read_names(names, path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

struct table_names *table_names_read(const char *directory)
{
	static const char *const usual[] = {TABLE_NAMES_DIRECTORY, "/usr/share/iproute2",
					    "/usr/lib/iproute2"};
	struct table_names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	names->names = calloc(TABLE_NAMES_MAX + 1, sizeof(*names->names));
	names->numbers = calloc(TABLE_NAMES_MAX, sizeof(*names->numbers));
	if (!names->names || !names->numbers) {
		table_names_free(names);
		return NULL;
	}
	if (directory) {
		read_directory(names, directory);
		return names;
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		read_directory(names, usual[i]);
	return names;
}

void table_names_free(struct table_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->count; i++)
		free((void *)(uintptr_t)names->names[i]);
	free(names->names);
	free(names->numbers);
	free(names);
}

bool table_names_find(const struct table_names *names, const char *name, uint32_t *number)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->names[i], name) == 0) {
			*number = names->numbers[i];
			return true;
		}
	}
	return false;
}

const char *table_names_of(const struct table_names *names, uint32_t number)
{
	for (size_t i = 0; i < names->count; i++) {
		if (names->numbers[i] == number)
			return names->names[i];
	}
	return NULL;
}

const char *table_names_nearest(const struct table_names *names, const char *name)
{
	return diag_nearest(name, names->names);
}
