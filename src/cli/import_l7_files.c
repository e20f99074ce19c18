/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * l7-filter's directory of patterns, file by file.
 *
 * l7-filter looks for NAME.pat in its directory and in those that lie in it, no deeper, and so is
 * it read here: the public set comes in such folders. Each file is compiled alone, so that one that
 * does not compile hides no other.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "import_l7.h"

enum { DEPTH_MAX = 1 };

struct reading {
	struct l7_files *files;
	struct diag_list *diags;
	struct pattern_scratch *scratch;
	size_t room;
	bool failed; /* out of memory */
};

static bool ends_in_pat(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && strcmp(name + length - 4, ".pat") == 0;
}

static int is_candidate(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int compare_names(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static struct l7_file *add_file(struct reading *reading)
{
	struct l7_files *files = reading->files;

	if (files->count == reading->room) {
		size_t room = reading->room ? reading->room * 2 : 64;
		struct l7_file *items = reallocarray(files->items, room, sizeof(*items));

		if (!items)
			return NULL;
		files->items = items;
		reading->room = room;
	}
	files->items[files->count] = (struct l7_file){.path = NULL};
	return &files->items[files->count++];
}

/* The first error is the file's, the rest is for stderr. */
static const char *take_findings(struct reading *reading, struct diag_list *found)
{
	const char *problem = NULL;

	for (size_t i = 0; i < found->count; i++) {
		const struct diag *diag = &found->items[i];

		if (diag->severity == DIAG_ERROR && !problem) {
			problem = diag->line ? arena_printf(&reading->files->arena, "line %d: %s",
							    diag->line, diag->message)
					     : arena_strdup(&reading->files->arena, diag->message);
			reading->failed |= !problem;
		} else {
			diag_add(reading->diags, diag->severity, diag->file, diag->line, "%s",
				 diag->message);
		}
	}
	diag_list_release(found);
	return problem;
}

static void try_pattern(struct reading *reading, struct l7_file *file,
			const struct pattern_file *read)
{
	const struct pattern_source source = {
		.kind = (enum pattern_kind)read->kind,
		.text = read->regex,
		.flags = read->flags,
		.wanted = true,
		.transport = read->transport,
		.side = read->side,
		.offset_bytes = read->offset_bytes,
		.first_bytes = read->first_bytes,
		.file = file->path,
		.line = read->regex_line,
	};
	struct diag_list found = DIAG_LIST_INIT;
	struct pattern_set *set = pattern_set_new(&source, 1, &found);

	file->problem = take_findings(reading, &found);
	if (set) {
		file->result = L7_COMPILES;
		pattern_look(set, 0, &file->look);
		l7_measure(set, reading->scratch, &file->cost);
	} else if (!file->problem) {
		reading->failed = true;
	}
	pattern_set_free(set);
}

static void read_file(struct reading *reading, const char *path, const char *entry)
{
	struct arena *arena = &reading->files->arena;
	struct l7_file *file = add_file(reading);
	struct diag_list found = DIAG_LIST_INIT;
	struct pattern_file read;
	uint16_t app;

	if (!file) {
		reading->failed = true;
		return;
	}
	file->result = L7_BROKEN;
	file->path = arena_strdup(arena, path);
	file->base = arena_strndup(arena, entry, strlen(entry) - 4);
	switch (pattern_file_read(path, &read, &found)) {
	case 0:
		diag_list_move(reading->diags, &found);
		file->name = arena_strdup(arena, read.name);
		app = app_find(read.name);
		file->builtin = app != APP_NONE && app_is_builtin(app);
		try_pattern(reading, file, &read);
		pattern_file_release(&read);
		reading->failed |= !file->name;
		break;
	case PATTERN_FILE_DUMMY:
		file->result = L7_SKIPPED;
		file->problem = "a dummy of l7-filter, not a protocol";
		diag_list_release(&found);
		break;
	default:
		file->problem = take_findings(reading, &found);
		break;
	}
	reading->failed |= !file->path || !file->base;
}

static void read_directory(struct reading *reading, const char *directory, unsigned depth)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_candidate, compare_names);

	if (count < 0) {
		diag_error(reading->diags, directory, 0, "cannot read the directory: %s",
			   strerror(errno));
		return;
	}
	/* files first, so that a folder's files stand together */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (int i = 0; i < count && !reading->failed; i++) {
			const char *name = entries[i]->d_name;
			char *path = arena_printf(
				&reading->files->arena, "%s%s%s", directory,
				directory[strlen(directory) - 1] == '/' ? "" : "/", name);
			struct stat status;

			if (!path)
				reading->failed = true;
			else if (stat(path, &status) < 0)
				continue;
			else if (pass == 0 && S_ISREG(status.st_mode) && ends_in_pat(name))
				read_file(reading, path, name);
			else if (pass == 1 && S_ISDIR(status.st_mode) && depth < DEPTH_MAX)
				read_directory(reading, path, depth + 1);
		}
	}
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

bool l7_files_read(struct l7_files *files, const char *directory, struct diag_list *diags)
{
	struct reading reading = {
		.files = files,
		.diags = diags,
		.scratch = pattern_scratch_new(),
	};

	*files = (struct l7_files){.count = 0};
	arena_init(&files->arena);
	if (!reading.scratch)
		return false;
	read_directory(&reading, *directory ? directory : ".", 0);
	if (!files->count && !diags->errors)
		diag_error(diags, directory, 0, "there is no .pat file in it");
	pattern_scratch_free(reading.scratch);
	return !reading.failed;
}

void l7_files_release(struct l7_files *files)
{
	free(files->items);
	arena_release(&files->arena);
}
