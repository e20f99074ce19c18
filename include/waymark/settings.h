/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings - typed reading of libconfig settings, where every slip becomes a finding.
 *
 * config and rules both read libconfig files; the checks that users notice
 * (unknown key with the nearest known one, wrong type, out of range, "0xffffffff
 * reads as -1, write 0xffffffffL") live here once.
 *
 * All getters: false means "absent, or wrong and a finding was added"; *value is
 * untouched then, so a default set before the call stays. Strings belong to the
 * open file. Threads: none.
 */
#ifndef WAYMARK_SETTINGS_H
#define WAYMARK_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libconfig.h>

#include <waymark/diag.h>

struct settings_file;

/*
 * Reads and parses a file. NULL: the finding (cannot read, syntax error with its
 * line) has been added. An unescaped "\x" in a string gets a warning.
 */
struct settings_file *settings_open(const char *path, struct diag_list *diags);
void settings_close(struct settings_file *file);
config_setting_t *settings_root(const struct settings_file *file);
/* The path as given to settings_open(). */
const char *settings_path(const struct settings_file *file);

/* Where a setting stands; works for @include too. */
const char *settings_source(const config_setting_t *setting);
int settings_line(const config_setting_t *setting);
/* Adds "file:line: message" at the setting's place. */
void settings_error(const config_setting_t *setting, struct diag_list *diags, const char *format,
		    ...) __attribute__((format(printf, 3, 4)));
void settings_warning(const config_setting_t *setting, struct diag_list *diags,
		      const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Every member of `group` must be in `known` (NULL-terminated); names the nearest. `what` is for the message: "rule 'video'". */
void settings_check_keys(const config_setting_t *group, const char *const *known,
			 const char *what, struct diag_list *diags);

bool settings_int(const config_setting_t *group, const char *key, int64_t min, int64_t max,
		  int64_t *value, struct diag_list *diags);
bool settings_bool(const config_setting_t *group, const char *key, bool *value,
		   struct diag_list *diags);
bool settings_string(const config_setting_t *group, const char *key, const char **value,
		     struct diag_list *diags);
/* A string that must be one of `words` (NULL-terminated); *index is its place. */
bool settings_enum(const config_setting_t *group, const char *key, const char *const *words,
		   int *index, struct diag_list *diags);
/* A member that must be a group { } / a list ( ) of groups; NULL: absent or wrong. */
const config_setting_t *settings_group(const config_setting_t *parent, const char *key,
				       struct diag_list *diags);
const config_setting_t *settings_list(const config_setting_t *parent, const char *key,
				      struct diag_list *diags);

/*
 * "One item, [...] or (...)": how many items, and the i-th as a scalar setting.
 * A group as an item is a finding of the caller's.
 */
size_t settings_items(const config_setting_t *setting);
const config_setting_t *settings_item(const config_setting_t *setting, size_t index);
/* An item as an integer with the -1 check; as a string. */
bool settings_item_int(const config_setting_t *item, int64_t min, int64_t max, int64_t *value,
		       struct diag_list *diags);

/* A path named in a file: absolute as it is, relative to the directory of `file` otherwise. Malloced; NULL on out of memory. */
char *settings_resolve_path(const char *file, const char *path);

#endif
