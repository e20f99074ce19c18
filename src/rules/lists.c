/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lists.c - "@file" lists.
 *
 * A list is one item a line, '#' begins a comment, CRLF and a byte order mark
 * are tolerated: lists come from all over the world. What is wrong in it is an
 * error at its own line. Only a regular file is read, so that a list named
 * /dev/zero or a FIFO cannot hang a reload.
 *
 * It is read line by line, since a list of millions should not be in memory twice. So a list that is
 * written in place meanwhile could be read half old, half new: its size and time of change are
 * compared, and such a one is refused. (A list that is renamed into place has no such moment.)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#define LIST_FILE_MAX (1u << 30)
#define LIST_ERRORS_MAX 20

/* A stream of the file; NULL with a reason. */
static FILE *open_list(const char *path, struct stat *status, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *file = NULL;

	if (fd < 0 || fstat(fd, status) < 0)
		*why = strerror(errno);
	else if (!S_ISREG(status->st_mode))
		*why = "not a regular file";
	else if (status->st_size > (off_t)LIST_FILE_MAX)
		*why = "longer than 1 GiB";
	else if (!(file = fdopen(fd, "r")))
		*why = strerror(errno);
	if (!file && fd >= 0)
		close(fd);
	return file;
}

/* A reason when the file that has been read to its end was not what it was at the beginning. */
static const char *check_read(FILE *file, const struct stat *before)
{
	struct stat after;

	if (ferror(file) || fstat(fileno(file), &after) < 0)
		return strerror(errno);
	if (after.st_size != before->st_size || after.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	    after.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
		return "it was written to while it was read";
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

/* Cuts comment and blanks in place. */
static char *trim(char *line, size_t length)
{
	char *comment = memchr(line, '#', length);
	char *end = comment ? comment : line + length;

	while (line < end && is_blank(*line))
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
	const char *why = "no file is named";
	char *resolved = settings_resolve_path(settings_source(item), path);
	char *line = NULL;
	FILE *file = NULL;
	struct stat status;
	unsigned errors = 0;
	size_t size = 0;
	int number = 0;
	ssize_t length;

	if (!rules_kept(context->builder, resolved))
		return;
	if (*path)
		file = open_list(resolved, &status, &why);
	if (!file)
		goto unreadable;
	errno = 0;
	while ((length = getline(&line, &size, file)) >= 0) {
		char *text = line;

		/* a binary file must not read as a short list */
		if (memchr(line, '\0', (size_t)length)) {
			diag_error(diags, resolved, number + 1, "a NUL byte: not a text file");
			goto out;
		}
		if (number++ == 0 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
			text += 3;
		text = trim(text, (size_t)(line + length - text));
		if (*text == '\0' || take(user, text, &why))
			continue;
		diag_error(diags, resolved, number, "'%.80s': %s", text, why);
		if (++errors == LIST_ERRORS_MAX) {
			diag_error(diags, resolved, number,
				   "too many errors, the rest is not read");
			goto out;
		}
	}
	why = check_read(file, &status);
	if (!why)
		goto out;
unreadable:
	rules_key_error(context, item, "cannot read the list '%s': %s", resolved, why);
out:
	if (file)
		fclose(file);
	free(line);
	free(resolved);
}
