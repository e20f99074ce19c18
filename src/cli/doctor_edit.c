/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How to set one key of the configuration file, as one command.
 *
 * libconfig tells the file and the line of every setting, so a sed on that very line does it, and
 * leaves comments and layout alone. A command is only given if it would work: the line is read and
 * must hold what the sed looks for, once. A file that is written otherwise (a group that opens on
 * the next line, two entries on one line) gets an echo of what to write instead, which breaks
 * nothing when it is run.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/settings.h>

#include "doctor.h"

#define LINE_MAX_BYTES 4096

/* What a value may look like, for sed and for us: a number, or a text without quotes in it. */
#define VALUE "\\(-\\{0,1\\}[0-9][0-9a-fA-FxXL]*\\|\"[^\"]*\"\\)"

/* Once, and only once: of two entries on one line sed would take the first. */
static bool line_matches(const char *path, int number, const char *pattern)
{
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_BYTES] = "";
	regex_t expression;
	regmatch_t match;
	int count = 0;

	if (!file)
		return false;
	for (int i = 0; i < number; i++)
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	if (regcomp(&expression, pattern, 0) != 0)
		return false;
	for (const char *at = line; count < 2 && regexec(&expression, at, 1, &match, 0) == 0;
	     at += match.rm_eo)
		count++;
	regfree(&expression);
	return count == 1;
}

static bool has_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	bool found = file && fgetc(file) != EOF;

	if (file)
		fclose(file);
	return found;
}

/* The key is written: its value is replaced. */
static bool replace(const config_setting_t *setting, const char *key, const char *value,
		    char buffer[DOCTOR_LINE_SIZE])
{
	const char *path = settings_source(setting);
	int line = settings_line(setting);
	char pattern[160], word[DOCTOR_WORD_SIZE];

	snprintf(pattern, sizeof(pattern), "\\<%s *[=:] *" VALUE, key);
	if (!line_matches(path, line, pattern))
		return false;
	snprintf(buffer, DOCTOR_LINE_SIZE, "sed -i '%ds/%s/%s = %s/' %s", line, pattern, key, value,
		 doctor_word(path, word));
	return true;
}

/* Its group is written: the key goes behind the brace. */
static bool insert(const config_setting_t *group, const char *name, const char *key,
		   const char *value, char buffer[DOCTOR_LINE_SIZE])
{
	const char *path = settings_source(group);
	int line = settings_line(group);
	char pattern[96], word[DOCTOR_WORD_SIZE];

	snprintf(pattern, sizeof(pattern), name ? "\\<%s *[=:] *{" : "{%s", name ? name : "");
	if (!line_matches(path, line, pattern))
		return false;
	snprintf(buffer, DOCTOR_LINE_SIZE, "sed -i '%ds/%s/& %s = %s;/' %s", line, pattern, key,
		 value, doctor_word(path, word));
	return true;
}

static bool edit(const config_setting_t *root, const char *path, const char *group, size_t uplink,
		 const char *key, const char *value, char buffer[DOCTOR_LINE_SIZE])
{
	const config_setting_t *parent = config_setting_get_member(root, group), *setting;
	char word[DOCTOR_WORD_SIZE];

	if (uplink != DOCTOR_NO_UPLINK)
		parent = parent ? config_setting_get_elem(parent, (unsigned)uplink) : NULL;
	if (!parent && uplink == DOCTOR_NO_UPLINK) {
		/* in front, where nothing can be open yet; sed finds no line in an empty file */
		if (!has_lines(path))
			return false;
		snprintf(buffer, DOCTOR_LINE_SIZE, "sed -i '1i %s = { %s = %s; };' %s", group, key,
			 value, doctor_word(path, word));
		return true;
	}
	if (!parent)
		return false;
	setting = config_setting_get_member(parent, key);
	if (setting)
		return replace(setting, key, value, buffer);
	return insert(parent, uplink == DOCTOR_NO_UPLINK ? group : NULL, key, value, buffer);
}

const char *doctor_edit(const char *path, const char *group, size_t uplink, const char *key,
			const char *value, char buffer[DOCTOR_LINE_SIZE])
{
	struct diag_list ignored = DIAG_LIST_INIT;
	struct settings_file *file = settings_open(path, &ignored);
	char word[DOCTOR_WORD_SIZE];

	if (!file || !edit(settings_root(file), path, group, uplink, key, value, buffer)) {
		if (uplink == DOCTOR_NO_UPLINK)
			snprintf(buffer, DOCTOR_LINE_SIZE, "echo 'set %s = { %s = %s; }; in '%s",
				 group, key, value, doctor_word(path, word));
		else
			snprintf(buffer, DOCTOR_LINE_SIZE,
				 "echo 'set %s = %s; in entry %zu of %s in '%s", key, value,
				 uplink + 1, group, doctor_word(path, word));
	}
	settings_close(file);
	diag_list_release(&ignored);
	return buffer;
}
