/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names for our tables, so that `ip rule` reads "lookup mail.out".
 *
 * iproute2 reads rt_tables.d/(star).conf behind rt_tables. We own one file there
 * and know it by its first line; a file of that name that begins otherwise is
 * the user's and stays. A table that the configuration names by a name has one
 * already, in the user's own files.
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

#include "private.h"

#define FILE_NAME "waymark.conf"
#define HEADER "# written by waymark, which removes this file when it stops\n"
#define FILE_MAX ((size_t)1 << 16)

/* The file's text, malloced; NULL with errno. Longer than we would write counts as not ours. */
static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text;
	size_t length;

	if (!file)
		return NULL;
	text = malloc(FILE_MAX + 1);
	if (text) {
		length = fread(text, 1, FILE_MAX, file);
		text[length] = '\0';
	}
	fclose(file);
	return text;
}

static bool is_ours(const char *text)
{
	return strncmp(text, HEADER, strlen(HEADER)) == 0;
}

/* A name that rt_tables can hold: no white space, no comment. */
static bool usable_name(const char *name)
{
	return *name && !strpbrk(name, " \t\r\n#") && strlen(name) < 128;
}

static char *render(const struct conf *conf)
{
	size_t size = strlen(HEADER) + 1 + conf->uplink_count * 160, used;
	char *text;

	if (size > FILE_MAX)
		return NULL;
	text = malloc(size);
	if (!text)
		return NULL;
	used = (size_t)snprintf(text, size, "%s", HEADER);
	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];

		if (!uplink->enabled || uplink->table_name || !usable_name(uplink->name))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%" PRIu32 " %s\n",
					 uplink->table, uplink->name);
	}
	return text;
}

static int make_directory(const char *directory)
{
	char parent[512];
	char *slash;

	if (snprintf(parent, sizeof(parent), "%s", directory) >= (int)sizeof(parent))
		return -ENAMETOOLONG;
	if (mkdir(directory, 0755) == 0 || errno == EEXIST)
		return 0;
	slash = strrchr(parent, '/');
	if (errno != ENOENT || !slash || slash == parent)
		return -errno;
	*slash = '\0';
	if (mkdir(parent, 0755) < 0 && errno != EEXIST)
		return -errno;
	return mkdir(directory, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

static int write_file(const char *path, const char *text)
{
	char fresh[560];
	FILE *file;
	int result = 0;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
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

void route_tables_register(const char *directory, const struct conf *conf, struct diag_list *diags)
{
	char path[540];
	char *old, *text = NULL;
	int result;

	if (snprintf(path, sizeof(path), "%s/%s", directory, FILE_NAME) >= (int)sizeof(path))
		return;
	old = read_file(path);
	if (old && !is_ours(old)) {
		diag_warning(diags, NULL, 0, "%s is not ours: table names are not registered",
			     path);
		goto out;
	}
	text = render(conf);
	if (!text || (old && strcmp(old, text) == 0))
		goto out;
	result = make_directory(directory);
	if (!result)
		result = write_file(path, text);
	if (result)
		diag_warning(diags, NULL, 0, "cannot write %s: %s", path, strerror(-result));
out:
	free(old);
	free(text);
}

void route_tables_unregister(const char *directory, struct diag_list *diags)
{
	char path[540];
	char *old;

	if (snprintf(path, sizeof(path), "%s/%s", directory, FILE_NAME) >= (int)sizeof(path))
		return;
	old = read_file(path);
	if (old && is_ours(old) && unlink(path) < 0 && errno != ENOENT)
		diag_warning(diags, NULL, 0, "cannot remove %s: %s", path, strerror(errno));
	free(old);
}
