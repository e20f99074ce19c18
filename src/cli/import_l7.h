/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import_l7 - what the parts of `waymark import-l7` share. */
#ifndef CLI_IMPORT_L7_H
#define CLI_IMPORT_L7_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <waymark/arena.h>
#include <waymark/diag.h>
#include <waymark/inspect.h>
#include <waymark/mark.h>

enum l7_result {
	L7_COMPILES,
	L7_SKIPPED, /* one of l7-filter's dummies */
	L7_BROKEN,
};

/* The dearest of the scans of the corpus. */
struct l7_cost {
	const char *input; /* which one it was; NULL: none was made */
	uint64_t steps;	   /* of the pattern engine's account */
	uint64_t time_us;
	bool limit; /* any of them hit a limit */
};

struct l7_file {
	const char *path;
	const char *base; /* "aim" of "aim.pat": what l7-filter's configuration calls it */
	const char *name; /* of the pattern; NULL: there is none */
	const char *problem;
	enum l7_result result;
	bool builtin; /* an inspector finds the protocol of this name */
	struct pattern_look look;
	struct l7_cost cost;
};

struct l7_files {
	struct arena arena; /* all their text */
	struct l7_file *items;
	size_t count;
};

/* ---- import_l7_files.c ---- */

/*
 * Every *.pat file of the directory and of the directories in it, as l7-filter looks for them,
 * read, compiled and tried. Errors stand in the items, warnings in `diags`, like a directory that
 * cannot be read. False: out of memory.
 */
bool l7_files_read(struct l7_files *files, const char *directory, struct diag_list *diags);
void l7_files_release(struct l7_files *files);

/* ---- import_l7_corpus.c ---- */

/* Lets the only pattern of `set` scan the corpus. */
void l7_measure(const struct pattern_set *set, struct pattern_scratch *scratch,
		struct l7_cost *cost);

/* ---- import_l7_rules.c ---- */

struct l7_rule {
	int line;
	const char *protocol; /* as written, or the whole line where it cannot be read */
	const char *app;      /* NULL: not taken over */
	const char *needs;    /* the file whose pattern the app is; NULL: none */
	uint32_t mark;
};

struct l7_rules {
	struct l7_rule *items;
	size_t count;
};

/*
 * Reads a file of `protocol mark` lines; each line but blank ones and comments is an item, and one
 * that is not taken over is an error, too. False: out of memory.
 */
bool l7_rules_read(struct l7_rules *rules, const char *path, const struct l7_files *files,
		   const struct mark_layout *mark, struct arena *arena, struct diag_list *diags);
void l7_rules_release(struct l7_rules *rules);
/* As text that a file of rules_dir may hold. */
void l7_rules_print(const struct l7_rules *rules, const char *path, FILE *stream);

#endif
