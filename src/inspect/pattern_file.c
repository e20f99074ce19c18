/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * .pat files: the l7-filter format, read so that existing files mean what they
 * meant, and what we add to it.
 *
 * A file has comment lines ('#') and blank lines anywhere, a name line, a regex
 * line, and optionally "userspace pattern=" (preferred to the regex line: it was
 * written for matchers like ours) and "userspace flags=" (regcomp's names).
 *
 * The flags replace the defaults: without REG_ICASE the regex is case-sensitive. (Without
 * REG_EXTENDED it is read as extended still: the public files mean that.) REG_NEWLINE means that
 * '.' stops at newlines and '^', '$' match at them.
 *
 * Ours are lines "waymark KEY=VALUE ..." behind the name. l7-filter would take such a line for the
 * regex, so nobody's file has one by accident, and every slip in it is an error.
 *
 * A file whose name is one of l7-filter's dummies holds no protocol: its regex matches anything,
 * or nothing. It is left out with a warning, so that the public directory loads as it is.
 */
#include <waymark/inspect.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pattern_translate.h"

enum {
	FILE_BYTES_MAX = 65536,
	NAME_BYTES_MAX = 64,
};

struct line {
	const char *at;
	size_t length;
	int number;
};

/* The file in work. */
struct reader {
	const char *path;
	struct diag_list *diags;
	struct pattern_file *out;
	struct line name, regex, better, flags; /* `at` NULL: not seen */
	struct line from;			/* the "waymark from=" */
	unsigned given;				/* bit per place in attributes[] */
};

/* ---- lines ---- */

static bool next_line(const char **at, const char *end, struct line *line)
{
	const char *stop;

	if (*at >= end)
		return false;
	stop = memchr(*at, '\n', (size_t)(end - *at));
	if (!stop)
		stop = end;
	line->at = *at;
	line->length = (size_t)(stop - *at);
	line->number++;
	*at = stop < end ? stop + 1 : end;
	if (line->length && line->at[line->length - 1] == '\r')
		line->length--;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool blank(const struct line *line)
{
	for (size_t i = 0; i < line->length; i++)
		if (!is_space(line->at[i]))
			return false;
	return true;
}

/* The next word of `rest`, which loses it; false at the end. */
static bool next_word(struct line *rest, struct line *word)
{
	size_t begin = 0, end;

	while (begin < rest->length && is_space(rest->at[begin]))
		begin++;
	for (end = begin; end < rest->length && !is_space(rest->at[end]);)
		end++;
	*word = (struct line){rest->at + begin, end - begin, rest->number};
	*rest = (struct line){rest->at + end, rest->length - end, rest->number};
	return word->length > 0;
}

static bool is_word(const struct line *word, const char *text)
{
	return word->length == strlen(text) && memcmp(word->at, text, word->length) == 0;
}

/* "userspace KEY=" at the start: what follows is left in *value. */
static bool userspace(const struct line *line, const char *key, struct line *value)
{
	static const char space[] = "userspace";
	size_t at = sizeof(space) - 1, length = strlen(key);

	if (line->length < at || memcmp(line->at, space, at) != 0)
		return false;
	while (at < line->length && is_space(line->at[at]))
		at++;
	if (line->length - at < length || memcmp(line->at + at, key, length) != 0)
		return false;
	at += length;
	while (at < line->length && is_space(line->at[at]))
		at++;
	if (at == line->length || line->at[at] != '=')
		return false;
	*value = (struct line){line->at + at + 1, line->length - at - 1, line->number};
	return true;
}

/* ---- our own attributes ---- */

/* "yes", "no" */
static bool take_flag(const struct line *value, bool *flag)
{
	*flag = is_word(value, "yes");
	return *flag || is_word(value, "no");
}

/* A number of bytes from `min` up, in decimal digits, that a prefix may have. */
static bool take_bytes(const struct line *value, uint32_t min, uint32_t *bytes)
{
	uint32_t number = 0;

	if (!value->length)
		return false;
	for (size_t i = 0; i < value->length; i++) {
		if (value->at[i] < '0' || value->at[i] > '9')
			return false;
		number = number * 10 + (uint32_t)(value->at[i] - '0');
		if (number > FLOW_PREFIX_MAX_BYTES)
			return false;
	}
	*bytes = number;
	return number >= min;
}

static bool take_proto(struct pattern_file *out, const struct line *value)
{
	out->transport = is_word(value, "tcp") ? PATTERN_TCP : PATTERN_UDP;
	return out->transport == PATTERN_TCP || is_word(value, "udp");
}

static bool take_from(struct pattern_file *out, const struct line *value)
{
	out->side = is_word(value, "client") ? PATTERN_FROM_CLIENT : PATTERN_FROM_SERVER;
	return out->side == PATTERN_FROM_CLIENT || is_word(value, "server");
}

static bool take_offset(struct pattern_file *out, const struct line *value)
{
	return take_bytes(value, 0, &out->offset_bytes) &&
	       out->offset_bytes < FLOW_PREFIX_MAX_BYTES;
}

static bool take_first(struct pattern_file *out, const struct line *value)
{
	return take_bytes(value, 1, &out->first_bytes);
}

static bool take_kind(struct pattern_file *out, const struct line *value)
{
	out->kind = is_word(value, "raw") ? PATTERN_RAW : PATTERN_L7;
	return out->kind == PATTERN_RAW || is_word(value, "l7");
}

static bool take_strict(struct pattern_file *out, const struct line *value)
{
	return take_flag(value, &out->strict);
}

static const struct {
	const char *key, *values; /* what it takes, for messages */
	bool (*take)(struct pattern_file *out, const struct line *value);
} attributes[] = {
	{"proto", "tcp or udp", take_proto},
	{"from", "client or server", take_from},
	{"offset", "a number of bytes below 16384", take_offset},
	{"first", "a number of bytes, 1 to 16384", take_first},
	{"bytes", "raw or l7", take_kind},
	{"strict", "yes or no", take_strict},
};
enum { ATTRIBUTES = sizeof(attributes) / sizeof(attributes[0]) };

static void unknown_attribute(struct reader *reader, const struct line *word, size_t key_length)
{
	const char *known[ATTRIBUTES + 1] = {NULL}, *nearest;
	char key[NAME_BYTES_MAX + 1];

	if (key_length > NAME_BYTES_MAX)
		key_length = NAME_BYTES_MAX;
	memcpy(key, word->at, key_length);
	key[key_length] = '\0';
	for (size_t i = 0; i < ATTRIBUTES; i++)
		known[i] = attributes[i].key;
	nearest = diag_nearest(key, known);
	diag_error(reader->diags, reader->path, word->number, "waymark: unknown key '%s'%s%s%s",
		   key, nearest ? ", did you mean '" : "", nearest ? nearest : "",
		   nearest ? "'?" : "");
}

static void take_attribute(struct reader *reader, const struct line *word)
{
	const char *equals = memchr(word->at, '=', word->length);
	size_t length = equals ? (size_t)(equals - word->at) : word->length, i = 0;
	const struct line key = {word->at, length, word->number};
	const struct line value = {word->at + length + 1, equals ? word->length - length - 1 : 0,
				   word->number};

	while (i < ATTRIBUTES && !is_word(&key, attributes[i].key))
		i++;
	if (i == ATTRIBUTES) {
		unknown_attribute(reader, word, length);
	} else if (reader->given >> i & 1) {
		diag_error(reader->diags, reader->path, word->number, "waymark: %s is given twice",
			   attributes[i].key);
	} else if (!equals || !attributes[i].take(reader->out, &value)) {
		diag_error(reader->diags, reader->path, word->number, "waymark: %s takes %s",
			   attributes[i].key, attributes[i].values);
	} else {
		reader->given |= 1U << i;
		if (attributes[i].take == take_from)
			reader->from = key;
	}
}

/* "waymark KEY=VALUE ..." */
static bool take_attributes(struct reader *reader, const struct line *line)
{
	struct line rest = *line, word;

	if (!next_word(&rest, &word) || !is_word(&word, "waymark"))
		return false;
	while (next_word(&rest, &word))
		take_attribute(reader, &word);
	return true;
}

/* ---- the whole ---- */

static bool is_dummy(const char *name)
{
	return !strcmp(name, "unknown") || !strcmp(name, "unset");
}

static char *read_name(struct reader *reader)
{
	struct line rest = reader->name, word, more;
	const int line = rest.number;
	char *name;

	if (!next_word(&rest, &word) || word.at != reader->name.at) {
		diag_error(reader->diags, reader->path, line, "the name is not one plain word");
		return NULL;
	}
	if (next_word(&rest, &more)) {
		if (is_word(&word, "waymark")) {
			diag_error(reader->diags, reader->path, line,
				   "the name comes before the lines of waymark's");
			return NULL;
		}
		diag_warning(reader->diags, reader->path, line,
			     "what follows the name '%.*s' is ignored", (int)word.length, word.at);
	}
	if (word.length > NAME_BYTES_MAX) {
		diag_error(reader->diags, reader->path, line, "the name is longer than %d bytes",
			   NAME_BYTES_MAX);
		return NULL;
	}
	for (size_t i = 0; i < word.length; i++) {
		if (word.at[i] <= ' ' || word.at[i] > '~') {
			diag_error(reader->diags, reader->path, line,
				   "the name is not one plain word");
			return NULL;
		}
	}
	name = strndup(word.at, word.length);
	if (!name) {
		diag_error(reader->diags, reader->path, line, "out of memory");
		return NULL;
	}
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return name;
}

/* The prefix that brings the flags into the regex. */
static const char *read_flags(struct reader *reader)
{
	const char *at = reader->flags.at, *end = at + reader->flags.length;
	bool fold_case = false, newline = false;

	while (at < end) {
		struct line word = {at, 0, reader->flags.number};

		while (at < end && !is_space(*at) && *at != '|' && *at != ',')
			at++;
		word.length = (size_t)(at - word.at);
		if (at < end)
			at++;
		if (!word.length)
			continue;
		if (is_word(&word, "REG_ICASE"))
			fold_case = true;
		else if (is_word(&word, "REG_NEWLINE"))
			newline = true;
		else if (!is_word(&word, "REG_NOSUB") && !is_word(&word, "REG_EXTENDED"))
			diag_warning(reader->diags, reader->path, word.number,
				     "unknown flag '%.*s'", (int)word.length, word.at);
	}
	if (newline)
		reader->out->flags |= PCRE2_MULTILINE;
	if (fold_case)
		return newline ? "(?-s)" : "";
	return newline ? "(?-is)" : "(?-i)";
}

static void read_lines(struct reader *reader, const char *text, size_t length)
{
	const char *at = text, *end = text + length;
	struct line line = {.number = 0};

	while (next_line(&at, end, &line)) {
		if ((line.length && line.at[0] == '#') || blank(&line))
			continue;
		if (!reader->name.at)
			reader->name = line;
		else if (userspace(&line, "pattern", &reader->better) ||
			 userspace(&line, "flags", &reader->flags) ||
			 take_attributes(reader, &line))
			continue;
		else if (!reader->regex.at)
			reader->regex = line;
		else
			diag_warning(reader->diags, reader->path, line.number,
				     "a line after the regex is ignored");
	}
	if (reader->better.at)
		reader->regex = reader->better;
}

int pattern_file_parse(const char *text, size_t length, const char *path, struct pattern_file *out,
		       struct diag_list *diags)
{
	struct reader reader = {.path = path, .diags = diags, .out = out};
	const size_t errors = diags->errors;
	const char *prefix, *problem;

	*out = (struct pattern_file){.kind = PATTERN_L7};
	if (length > FILE_BYTES_MAX) {
		diag_error(diags, path, 0, "larger than %d bytes", FILE_BYTES_MAX);
		goto fail;
	}
	if (length && memchr(text, '\0', length)) {
		diag_error(diags, path, 0, "holds a NUL byte, so it is no pattern file");
		goto fail;
	}
	read_lines(&reader, text, length);
	if (!reader.name.at) {
		diag_error(diags, path, 0, "no name line");
		goto fail;
	}
	out->name = read_name(&reader);
	if (!out->name)
		goto fail;
	if (is_dummy(out->name)) {
		diag_warning(diags, path, reader.name.number,
			     "'%s' is a dummy of l7-filter, not a protocol; this file is left out",
			     out->name);
		pattern_file_release(out);
		return PATTERN_FILE_DUMMY;
	}
	if (!reader.regex.at) {
		diag_error(diags, path, 0, "no regex line");
		goto fail;
	}
	if (reader.from.at && out->kind != PATTERN_RAW)
		diag_error(diags, path, reader.from.number,
			   "waymark: from needs bytes=raw, other patterns read both sides at once");
	prefix = reader.flags.at ? read_flags(&reader) : "";
	out->regex = pattern_translate(reader.regex.at, reader.regex.length, prefix, &problem);
	if (!out->regex)
		diag_error(diags, path, reader.regex.number, "%s",
			   problem ? problem : "out of memory");
	out->regex_line = reader.regex.number;
	if (diags->errors == errors)
		return 0;
fail:
	pattern_file_release(out);
	return -1;
}

int pattern_file_read(const char *path, struct pattern_file *out, struct diag_list *diags)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t length;
	int result = -1;

	*out = (struct pattern_file){.name = NULL};
	if (!file) {
		diag_error(diags, path, 0, "cannot open: %s", strerror(errno));
		return -1;
	}
	text = malloc(FILE_BYTES_MAX + 1);
	if (!text) {
		diag_error(diags, path, 0, "out of memory");
		goto out;
	}
	length = fread(text, 1, FILE_BYTES_MAX + 1, file);
	if (ferror(file))
		diag_error(diags, path, 0, "cannot read: %s", strerror(errno));
	else
		result = pattern_file_parse(text, length, path, out, diags);
out:
	free(text);
	fclose(file);
	return result;
}

void pattern_file_release(struct pattern_file *file)
{
	free(file->name);
	free(file->regex);
	memset(file, 0, sizeof(*file));
}
