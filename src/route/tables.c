/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names for our tables, so that `ip rule` reads "lookup mail.out".
 *
 * iproute2 reads rt_tables.d/(star).conf behind rt_tables. We own one file there
 * and know it by its first line; a file of that name that begins otherwise is
 * the user's and stays. A table that the configuration names by a name has one
 * already, in the user's own files.
 * For iproute2 the last name of a number counts and a name stands for any of its numbers, so a
 * careless name would change what the user's own commands mean. Hence: the user's
 * names of numbers and numbers of names go before ours, and a name that
 * iproute2 reads as a number or a word of its own is not given at all.
 * The file is replaced by rename, so a reader sees the old or the new one. It
 * is decoration: failing to write it is a warning, never an error.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <waymark/route_plan.h>
#include <waymark/table_names.h>

#include "private.h"

#define PATH_SIZE 512
#define LINE_SIZE 160 /* a number, a name of at most 63 characters */

/* The file's beginning, as much as we would write, malloced; NULL: not there, or no memory. */
static char *read_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "re");
	char *text;

	if (!file)
		return NULL;
	text = malloc(size + 1);
	if (text)
		text[fread(text, 1, size, file)] = '\0';
	fclose(file);
	return text;
}

static bool is_ours(const char *text)
{
	return strncmp(text, TABLE_NAMES_OWN_HEADER, strlen(TABLE_NAMES_OWN_HEADER)) == 0;
}

static bool usable_name(const char *name)
{
	static const char *const words[] = {"all", "cache", "default", "local", "main", "unspec"};
	char *end;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(name, words[i]) == 0)
			return false;
	}
	strtoul(name, &end, 0);
	return *end != '\0';
}

/* Whether the uplink's table gets the uplink's name; why not is told where the user can do
 * something. */
static bool named(const struct conf_uplink *uplink, const struct table_names *users,
		  struct diag_list *diags)
{
	const char *present = table_names_of(users, uplink->table);
	uint32_t number;

	if (!uplink->enabled || uplink->table_name)
		return false;
	if (present) {
		if (strcmp(present, uplink->name) != 0)
			diag_note(diags, NULL, 0,
				  "uplink '%s': table %" PRIu32 " keeps its name '%s'",
				  uplink->name, uplink->table, present);
		return false;
	}
	if (table_names_find(users, uplink->name, &number)) {
		diag_warning(diags, NULL, 0,
			     "uplink '%s': table %" PRIu32 " gets no name: table %" PRIu32
			     " has it in rt_tables",
			     uplink->name, uplink->table, number);
		return false;
	}
	if (!usable_name(uplink->name)) {
		diag_warning(diags, NULL, 0,
			     "uplink '%s': table %" PRIu32
			     " gets no name: iproute2 would take it for something else",
			     uplink->name, uplink->table);
		return false;
	}
	return true;
}

static char *render(const struct conf *conf, const struct table_names *users, size_t size,
		    struct diag_list *diags)
{
	char *text = malloc(size);
	size_t used;

	if (!text)
		return NULL;
	used = (size_t)snprintf(text, size, "%s", TABLE_NAMES_OWN_HEADER);
	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];

		if (named(uplink, users, diags))
			used += (size_t)snprintf(text + used, size - used, "%" PRIu32 " %.63s\n",
						 uplink->table, uplink->name);
	}
	return text;
}

/* Whatever our umask: everybody's `ip` reads it. */
static int make_directory(const char *directory)
{
	if (mkdir(directory, 0755) == 0)
		return chmod(directory, 0755) == 0 ? 0 : -errno;
	return errno == EEXIST ? 0 : -errno;
}

static int write_file(const char *path, const char *text)
{
	char fresh[PATH_SIZE + 8];
	FILE *file;
	int result = 0;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	file = fopen(fresh, "we");
	if (!file)
		return -errno;
	if (fputs(text, file) == EOF)
		result = errno ? -errno : -EIO;
	if (fclose(file) == EOF && !result)
		result = -errno;
	if (!result && (chmod(fresh, 0644) < 0 || rename(fresh, path) < 0))
		result = -errno;
	if (result)
		unlink(fresh);
	return result;
}

/* rt_tables.d and our file in it. False: the name is longer than any sane one. */
static bool own_paths(const char *directory, char parent[PATH_SIZE], char path[PATH_SIZE])
{
	if (!directory)
		directory = TABLE_NAMES_DIRECTORY;
	return snprintf(parent, PATH_SIZE, "%s/rt_tables.d", directory) < PATH_SIZE &&
	       snprintf(path, PATH_SIZE, "%s/rt_tables.d/" TABLE_NAMES_OWN_FILE, directory) <
		       PATH_SIZE;
}

void route_tables_register(const char *directory, const struct conf *conf, struct diag_list *diags)
{
	size_t size = sizeof(TABLE_NAMES_OWN_HEADER) + conf->uplink_count * LINE_SIZE;
	char parent[PATH_SIZE], path[PATH_SIZE];
	char *old, *text = NULL;
	struct table_names *users = NULL;
	int result = 0;

	if (!own_paths(directory, parent, path))
		return;
	old = read_file(path, size);
	if (old && !is_ours(old)) {
		diag_warning(diags, NULL, 0, "%s is not ours: table names are not registered",
			     path);
		goto out;
	}
	users = table_names_read(directory);
	if (users)
		text = render(conf, users, size, diags);
	if (!text)
		result = -ENOMEM;
	else if (old && strcmp(old, text) == 0)
		goto out;
	if (!result && !directory)
		result = make_directory(TABLE_NAMES_DIRECTORY);
	if (!result)
		result = make_directory(parent);
	if (!result)
		result = write_file(path, text);
	if (result)
		diag_warning(diags, NULL, 0, "cannot write %s: %s", path, strerror(-result));
out:
	table_names_free(users);
	free(old);
	free(text);
}

void route_tables_unregister(const char *directory, struct diag_list *diags)
{
	char parent[PATH_SIZE], path[PATH_SIZE];
	char *old;

	if (!own_paths(directory, parent, path))
		return;
	old = read_file(path, sizeof(TABLE_NAMES_OWN_HEADER));
	if (old && is_ours(old) && unlink(path) < 0 && errno != ENOENT)
		diag_warning(diags, NULL, 0, "cannot remove %s: %s", path, strerror(errno));
	free(old);
}
