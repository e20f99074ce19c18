/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan - the text of a configuration file, looked at before libconfig sees it.
 *
 * Private to settings. One scan owns the flat text (all @include lines replaced
 * by what they name), and the map from its lines back to file and line.
 */
#ifndef WAYMARK_SETTINGS_SCAN_H
#define WAYMARK_SETTINGS_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/diag.h>

#define SCAN_MAX_BYTES (16u << 20)
#define SCAN_MAX_INCLUDES 256
#define SCAN_MAX_INCLUDE_DEPTH 10
#define SCAN_MAX_NESTING 64
/* Each key of a group is compared with all before it, by us and by libconfig. */
#define SCAN_MAX_GROUP_KEYS 1000
/* Findings of one scan; each cut integer is also looked up for every other integer. */
#define SCAN_MAX_ERRORS 1000
#define SCAN_MAX_ESCAPE_WARNINGS 100

/* From flat line `flat` on, until the next origin: lines of `file` from `line` on. */
struct scan_origin {
	unsigned flat;
	unsigned file;
	unsigned line;
};

/* An integer that libconfig cuts down to 32 bits; its finding has been added. */
struct scan_cut {
	unsigned flat;
	int value; /* what libconfig makes of it */
};

struct scan_key {
	size_t offset, length; /* in the flat text */
	unsigned file, line;
};

/* What the next token must be. */
enum scan_expect { SCAN_KEY, SCAN_EQUALS, SCAN_VALUE, SCAN_END };

struct scan_scope {
	char opening;
	char type; /* of an array's items, 0 while it has none */
	unsigned file, line;
	size_t first_key;
};

struct scan {
	struct diag_list *diags;
	size_t errors_before;
	char *text; /* terminated once scan_file() has returned */
	size_t length, capacity;
	unsigned flat; /* the line that the next byte goes to */
	char **files;
	size_t file_count, file_capacity;
	struct scan_origin *origins;
	size_t origin_count, origin_capacity;
	struct scan_cut *cuts;
	size_t cut_count, cut_capacity;
	struct scan_key *keys; /* of the open scopes, outermost first */
	size_t key_count, key_capacity;
	struct scan_scope scopes[SCAN_MAX_NESTING];
	size_t scope_count;
	enum scan_expect expect;
	unsigned escape_warnings;
	bool duplicates; /* libconfig would stop at one */
	bool broken;	 /* no use to read on */
};

void scan_init(struct scan *scan, struct diag_list *diags);
void scan_release(struct scan *scan);
/* Reads it all. False: cannot read, or not worth parsing; findings have been added. */
bool scan_file(struct scan *scan, const char *path);
/* Where a flat line came from; lines count from 1, 0 is "the whole file". */
const char *scan_origin(const struct scan *scan, unsigned flat, int *line);
bool scan_is_cut(const struct scan *scan, unsigned flat, int value);

#endif
