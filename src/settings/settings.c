/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings are libconfig's, places are ours.
 *
 * A file is first flattened by scan.c, and libconfig parses the flat text, so
 * that setting->line is a flat line. Every place that is shown goes through
 * settings_source() and settings_line(), which map it back to file and line.
 *
 * A config_t carries no pointer of its owner in libconfig 1.5. It is therefore
 * the first member of settings_file, and setting->config leads to the file.
 *
 * Every getter follows one rule: absent is silent, wrong is one finding, and an
 * integer that scan.c has reported is not reported again.
 */
#include <waymark/settings.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

struct settings_file {
	config_t config; /* first: see above */
	char *path;
	struct scan scan;
};

static const struct settings_file *owner(const config_setting_t *setting)
{
	return (const struct settings_file *)(const void *)setting->config;
}

static bool parse(struct settings_file *file, struct diag_list *diags)
{
	if (!scan_file(&file->scan, file->path) || file->scan.duplicates)
		return false;
	if (config_read_string(&file->config, file->scan.text) == CONFIG_TRUE)
		return true;
	/* What the scan let through and libconfig did not. */
	int line = config_error_line(&file->config);
	const char *source = scan_origin(&file->scan, line > 0 ? (unsigned)line : 0, &line);
	const char *text = config_error_text(&file->config);
	diag_error(diags, source, line, "%s", text ? text : "syntax error");
	return false;
}

struct settings_file *settings_open(const char *path, struct diag_list *diags)
{
	struct settings_file *file = calloc(1, sizeof(*file));
	if (!file) {
		diag_error(diags, path, 0, "out of memory");
		return NULL;
	}
	config_init(&file->config);
	scan_init(&file->scan, diags);
	file->path = strdup(path);
	if (!file->path) {
		diag_error(diags, path, 0, "out of memory");
	} else if (parse(file, diags)) {
		return file;
	}
	settings_close(file);
	return NULL;
}

void settings_close(struct settings_file *file)
{
	if (!file)
		return;
	config_destroy(&file->config);
	scan_release(&file->scan);
	free(file->path);
	free(file);
}

config_setting_t *settings_root(const struct settings_file *file)
{
	return config_root_setting(&file->config);
}

const char *settings_path(const struct settings_file *file)
{
	return file->path;
}

const char *settings_source(const config_setting_t *setting)
{
	int line;
	return scan_origin(&owner(setting)->scan, setting->line, &line);
}

int settings_line(const config_setting_t *setting)
{
	int line;
	scan_origin(&owner(setting)->scan, setting->line, &line);
	return line;
}

void settings_error(const config_setting_t *setting, struct diag_list *diags, const char *format,
		    ...)
{
	va_list arguments;
	va_start(arguments, format);
	diag_vadd(diags, DIAG_ERROR, settings_source(setting), settings_line(setting), format,
		  arguments);
	va_end(arguments);
}

void settings_warning(const config_setting_t *setting, struct diag_list *diags, const char *format,
		      ...)
{
	va_list arguments;
	va_start(arguments, format);
	diag_vadd(diags, DIAG_WARNING, settings_source(setting), settings_line(setting), format,
		  arguments);
	va_end(arguments);
}

static const char *type_name(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a whole number";
	case CONFIG_TYPE_FLOAT:
		return "a fraction";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	default:
		return "nothing";
	}
}

/* The key that a setting, or the list that it is an item of, is called by. */
static const char *key_name(const config_setting_t *setting)
{
	for (; setting; setting = config_setting_parent(setting))
		if (config_setting_name(setting))
			return config_setting_name(setting);
	return "configuration";
}

static void wrong_type(const config_setting_t *setting, const char *wanted, struct diag_list *diags)
{
	settings_error(setting, diags, "'%s' must be %s, not %s", key_name(setting), wanted,
		       type_name(setting));
}

/* config_setting_get_member() wants a group that is not const; it changes nothing. */
static const config_setting_t *member(const config_setting_t *group, const char *key)
{
	if (!config_setting_is_group(group))
		return NULL;
	for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, i);
		if (strcmp(config_setting_name(setting), key) == 0)
			return setting;
	}
	return NULL;
}

void settings_check_keys(const config_setting_t *group, const char *const *known, const char *what,
			 struct diag_list *diags)
{
	if (!config_setting_is_group(group))
		return;
	for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, i);
		const char *name = config_setting_name(setting);
		const char *const *word = known;
		while (*word && strcmp(*word, name) != 0)
			word++;
		if (*word)
			continue;
		const char *nearest = diag_nearest(name, known);
		bool in = what && *what;
		settings_error(setting, diags, "unknown key '%s'%s%s%s%s%s", name, in ? " in " : "",
			       in ? what : "", nearest ? ", did you mean '" : "",
			       nearest ? nearest : "", nearest ? "'?" : "");
	}
}

bool settings_item_int(const config_setting_t *item, int64_t min, int64_t max, int64_t *value,
		       struct diag_list *diags)
{
	int type = config_setting_type(item);
	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		wrong_type(item, "a whole number", diags);
		return false;
	}
	if (type == CONFIG_TYPE_INT &&
	    scan_is_cut(&owner(item)->scan, item->line, config_setting_get_int(item)))
		return false;
	int64_t number = config_setting_get_int64(item);
	if (number >= min && number <= max) {
		*value = number;
		return true;
	}
	settings_error(item, diags, "'%s' is %" PRId64 ", must be %" PRId64 " to %" PRId64 "%s",
		       key_name(item), number, min, max,
		       number < 0 && type == CONFIG_TYPE_INT && min >= 0
			       ? " (numbers of more than 31 bits need the suffix L)"
			       : "");
	return false;
}

bool settings_int(const config_setting_t *group, const char *key, int64_t min, int64_t max,
		  int64_t *value, struct diag_list *diags)
{
	const config_setting_t *setting = member(group, key);
	return setting && settings_item_int(setting, min, max, value, diags);
}

bool settings_bool(const config_setting_t *group, const char *key, bool *value,
		   struct diag_list *diags)
{
	const config_setting_t *setting = member(group, key);
	if (!setting)
		return false;
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
		wrong_type(setting, "true or false", diags);
		return false;
	}
	*value = config_setting_get_bool(setting) == CONFIG_TRUE;
	return true;
}

bool settings_string(const config_setting_t *group, const char *key, const char **value,
		     struct diag_list *diags)
{
	const config_setting_t *setting = member(group, key);
	if (!setting)
		return false;
	if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
		wrong_type(setting, "a string", diags);
		return false;
	}
	const char *text = config_setting_get_string(setting);
	*value = text ? text : "";
	return true;
}

bool settings_enum(const config_setting_t *group, const char *key, const char *const *words,
		   int *index, struct diag_list *diags)
{
	const char *text;
	if (!settings_string(group, key, &text, diags))
		return false;
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0) {
			*index = i;
			return true;
		}
	}
	char list[256];
	size_t used = 0;
	list[0] = '\0';
	for (int i = 0; words[i]; i++) {
		int wrote = snprintf(list + used, sizeof(list) - used, "%s%s",
				     !i		    ? ""
				     : words[i + 1] ? ", "
						    : " or ",
				     words[i]);
		if (wrote < 0 || (size_t)wrote >= sizeof(list) - used)
			break;
		used += (size_t)wrote;
	}
	const char *nearest = diag_nearest(text, words);
	settings_error(member(group, key), diags, "'%s' is '%s', must be %s%s%s%s", key, text, list,
		       nearest ? ", did you mean '" : "", nearest ? nearest : "",
		       nearest ? "'?" : "");
	return false;
}

const config_setting_t *settings_group(const config_setting_t *parent, const char *key,
				       struct diag_list *diags)
{
	const config_setting_t *setting = member(parent, key);
	if (!setting || config_setting_is_group(setting))
		return setting;
	wrong_type(setting, "a group { }", diags);
	return NULL;
}

const config_setting_t *settings_list(const config_setting_t *parent, const char *key,
				      struct diag_list *diags)
{
	static const char wanted[] = "a list of groups ( { ... }, ... )";
	const config_setting_t *setting = member(parent, key);
	bool right = true;

	if (!setting)
		return NULL;
	int count = config_setting_is_aggregate(setting) ? config_setting_length(setting) : 0;
	/* "[]" is an empty list too. */
	if (!config_setting_is_list(setting) && !(config_setting_is_array(setting) && !count)) {
		wrong_type(setting, wanted, diags);
		return NULL;
	}
	for (unsigned i = 0; i < (unsigned)count; i++) {
		const config_setting_t *item = config_setting_get_elem(setting, i);
		if (config_setting_is_group(item))
			continue;
		settings_error(item, diags, "'%s' must be %s, and item %u is %s", key, wanted,
			       i + 1, type_name(item));
		right = false;
	}
	return right ? setting : NULL;
}

static bool is_sequence(const config_setting_t *setting)
{
	return config_setting_is_array(setting) || config_setting_is_list(setting);
}

size_t settings_items(const config_setting_t *setting)
{
	return is_sequence(setting) ? (size_t)config_setting_length(setting) : 1;
}

const config_setting_t *settings_item(const config_setting_t *setting, size_t index)
{
	return is_sequence(setting) ? config_setting_get_elem(setting, (unsigned)index) : setting;
}

char *settings_resolve_path(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	if (*path == '/' || !slash)
		return strdup(path);
	size_t directory = (size_t)(slash + 1 - file), length = strlen(path) + 1;
	char *resolved = malloc(directory + length);
	if (!resolved)
		return NULL;
	memcpy(resolved, file, directory);
	memcpy(resolved + directory, path, length);
	return resolved;
}
