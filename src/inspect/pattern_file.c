/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * .pat files: the l7-filter format, read so that existing files mean what they
 * meant, and translated to what PCRE2 reads.
 *
 * A file has comment lines ('#') and blank lines anywhere, a name line, a regex
 * line, and optionally "userspace pattern=" (preferred to the regex line: it was
 * written for matchers like ours) and "userspace flags=" (regcomp's names).
 *
 * The regex is a POSIX extended one, in which \xHH is that byte, whatever it
 * means otherwise. What differs from PCRE2 and is translated:
 * - in a bracket expression a backslash is a backslash, ']' may stand first, '['
 *   is a character, "[\-_]" a range. Every character comes out as \xHH.
 * - a backslash before a letter is that letter, but for GNU's \w \W \s \S \b \B
 *   \< \>, and \1 to \9.
 * - a second quantifier behind another repeats the whole: "a+?" is "(?:a+)?".
 * - a quantifier with nothing before it is an error, not PCRE2's "(*VERB".
 * "(?" passes: no POSIX regex has it, and files written for PCRE may.
 * The flags replace the defaults: without REG_ICASE the regex is case-sensitive. (Without
 * REG_EXTENDED it is read as extended still: the public files mean that.) REG_NEWLINE means that
 * '.' stops at newlines and '^', '$' match at them.
 */
#include <waymark/inspect.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_BYTES_MAX = 65536,
	REGEX_BYTES_MAX = 8192,
	GROUPS_MAX = 200,
	NAME_BYTES_MAX = 64,
};

struct line {
	const char *at;
	size_t length;
	int number;
};

/* ---- translation ---- */

struct translation {
	const char *in, *end;
	char *out;
	size_t length, room;
	const char *problem;
	bool have_atom;	 /* a quantifier may follow */
	bool quantified; /* it follows one already */
	size_t atom;	 /* where that atom begins in `out` */
	size_t groups[GROUPS_MAX];
	unsigned depth;
};

static void emit(struct translation *t, const char *text, size_t length)
{
	if (t->room - t->length < length) {
		t->problem = "the regex is too long";
		return;
	}
	memcpy(t->out + t->length, text, length);
	t->length += length;
}

static void emit_byte(struct translation *t, unsigned byte)
{
	static const char digits[] = "0123456789abcdef";
	char text[4] = {'\\', 'x', digits[byte >> 4 & 15], digits[byte & 15]};

	emit(t, text, sizeof(text));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\xHH" at the position: its value, else -1. */
static int hex_escape(const struct translation *t)
{
	if (t->end - t->in < 4 || t->in[0] != '\\' || (t->in[1] | 0x20) != 'x' ||
	    hex_digit(t->in[2]) < 0 || hex_digit(t->in[3]) < 0)
		return -1;
	return hex_digit(t->in[2]) << 4 | hex_digit(t->in[3]);
}

static void begin_atom(struct translation *t)
{
	t->atom = t->length;
	t->have_atom = true;
	t->quantified = false;
}

/* One element of a bracket expression as a byte: a plain one, \xHH, [.c.] or [=c=]. */
static unsigned bracket_element(struct translation *t)
{
	int hex = hex_escape(t);

	if (hex >= 0) {
		t->in += 4;
		return (unsigned)hex;
	}
	if (t->end - t->in >= 5 && t->in[0] == '[' && (t->in[1] == '.' || t->in[1] == '=') &&
	    t->in[3] == t->in[1] && t->in[4] == ']') {
		t->in += 5;
		return (unsigned char)t->in[-3];
	}
	return (unsigned char)*t->in++;
}

/* "[:alpha:]" at the position is passed on whole. */
static bool bracket_class(struct translation *t)
{
	static const char *const names[] = {"alnum", "alpha", "blank", "cntrl", "digit", "graph",
					    "lower", "print", "punct", "space", "upper", "xdigit"};

	if (t->end - t->in < 4 || t->in[0] != '[' || t->in[1] != ':')
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i]);

		if ((size_t)(t->end - t->in) >= length + 4 &&
		    !memcmp(t->in + 2, names[i], length) && t->in[length + 2] == ':' &&
		    t->in[length + 3] == ']') {
			emit(t, t->in, length + 4);
			t->in += length + 4;
			return true;
		}
	}
	return false;
}

static void bracket(struct translation *t)
{
	bool first = true;

	begin_atom(t);
	emit(t, "[", 1);
	t->in++;
	if (t->in < t->end && *t->in == '^') {
		emit(t, "^", 1);
		t->in++;
	}
	for (; t->in < t->end && !t->problem; first = false) {
		unsigned low, high;

		if (*t->in == ']' && !first) {
			t->in++;
			emit(t, "]", 1);
			return;
		}
		if (bracket_class(t))
			continue;
		low = bracket_element(t);
		emit_byte(t, low);
		if (t->end - t->in < 2 || t->in[0] != '-' || t->in[1] == ']')
			continue;
		t->in++;
		high = bracket_element(t);
		if (high < low)
			t->problem = "a range in brackets ends before it begins";
		emit(t, "-", 1);
		emit_byte(t, high);
	}
	if (!t->problem)
		t->problem = "'[' without ']'";
}

static void escape(struct translation *t)
{
	int hex = hex_escape(t);
	char c;

	begin_atom(t);
	if (hex >= 0) {
		emit_byte(t, (unsigned)hex);
		t->in += 4;
		return;
	}
	if (t->end - t->in < 2) {
		t->problem = "a backslash at the end";
		return;
	}
	c = t->in[1];
	t->in += 2;
	if (c == '<')
		emit(t, "\\b(?=\\w)", 8);
	else if (c == '>')
		emit(t, "\\b(?<=\\w)", 9);
	else if (strchr("wWsSbB123456789", c))
		emit(t, t->in - 2, 2);
	else
		emit_byte(t, (unsigned char)c);
}

/* The length of "{n}", "{n,}" or "{n,m}" at the position; 0: a plain brace. */
static size_t interval(const struct translation *t)
{
	const char *at = t->in + 1;
	const char *digits = at;

	while (at < t->end && *at >= '0' && *at <= '9')
		at++;
	if (at == digits)
		return 0;
	if (at < t->end && *at == ',')
		for (at++; at < t->end && *at >= '0' && *at <= '9'; at++)
			;
	return at < t->end && *at == '}' ? (size_t)(at + 1 - t->in) : 0;
}

static void quantifier(struct translation *t, size_t length)
{
	if (!t->have_atom) {
		t->problem = "a quantifier with nothing before it";
		return;
	}
	if (t->quantified) {
		size_t tail = t->length - t->atom;

		emit(t, "(?:)", 4); /* makes the room for the group around the atom */
		if (t->problem)
			return;
		memmove(t->out + t->atom + 3, t->out + t->atom, tail);
		memcpy(t->out + t->atom, "(?:", 3);
		t->out[t->length - 1] = ')';
	}
	emit(t, t->in, length);
	t->in += length;
	t->quantified = true;
}

static void group(struct translation *t)
{
	if (t->depth == GROUPS_MAX) {
		t->problem = "groups are nested too deeply";
		return;
	}
	t->groups[t->depth++] = t->length;
	emit(t, "(", 1);
	t->in++;
	if (t->in < t->end && *t->in == '?') { /* PCRE's own: its head is passed on as it is */
		while (t->in < t->end && *t->in != ')' && *t->in != ':' && *t->in != '=' &&
		       *t->in != '!' && *t->in != '>')
			emit(t, t->in++, 1);
		if (t->in < t->end && *t->in != ')')
			emit(t, t->in++, 1);
	}
	t->have_atom = t->quantified = false;
}

static void token(struct translation *t)
{
	size_t length;

	switch (*t->in) {
	case '[':
		bracket(t);
		break;
	case '\\':
		escape(t);
		break;
	case '(':
		group(t);
		break;
	case ')':
		emit(t, t->in++, 1);
		if (t->depth) {
			t->atom = t->groups[--t->depth];
			t->have_atom = true;
			t->quantified = false;
		}
		break;
	case '|':
		emit(t, t->in++, 1);
		t->have_atom = t->quantified = false;
		break;
	case '*':
	case '+':
	case '?':
		quantifier(t, 1);
		break;
	case '{':
		length = interval(t);
		if (length) {
			quantifier(t, length);
		} else {
			begin_atom(t);
			emit(t, "\\{", 2);
			t->in++;
		}
		break;
	default:
		begin_atom(t);
		emit(t, t->in++, 1);
		break;
	}
}

/* A new string, or NULL with *problem (NULL: out of memory). */
static char *translate(const struct line *regex, const char *prefix, const char **problem)
{
	struct translation t = {
		.in = regex->at,
		.end = regex->at + regex->length,
		.room = 4 * REGEX_BYTES_MAX,
	};

	*problem = NULL;
	t.out = malloc(t.room + 1);
	if (!t.out)
		return NULL;
	emit(&t, prefix, strlen(prefix));
	while (t.in < t.end && !t.problem)
		token(&t);
	if (t.problem) {
		*problem = t.problem;
		free(t.out);
		return NULL;
	}
	t.out[t.length] = '\0';
	return t.out;
}

/* ---- the file ---- */

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

static bool blank(const struct line *line)
{
	for (size_t i = 0; i < line->length; i++)
		if (line->at[i] != ' ' && line->at[i] != '\t')
			return false;
	return true;
}

/* "userspace KEY=" at the start: what follows is left in *value. */
static bool attribute(const struct line *line, const char *key, struct line *value)
{
	static const char space[] = "userspace";
	size_t at = sizeof(space) - 1, length = strlen(key);

	if (line->length < at || memcmp(line->at, space, at) != 0)
		return false;
	while (at < line->length && (line->at[at] == ' ' || line->at[at] == '\t'))
		at++;
	if (line->length - at < length || memcmp(line->at + at, key, length) != 0)
		return false;
	at += length;
	while (at < line->length && (line->at[at] == ' ' || line->at[at] == '\t'))
		at++;
	if (at == line->length || line->at[at] != '=')
		return false;
	*value = (struct line){line->at + at + 1, line->length - at - 1, line->number};
	return true;
}

static char *read_name(const struct line *line, const char *path, struct diag_list *diags)
{
	size_t length = line->length;
	char *name;

	while (length && (line->at[length - 1] == ' ' || line->at[length - 1] == '\t'))
		length--;
	if (length > NAME_BYTES_MAX) {
		diag_error(diags, path, line->number, "the name is longer than %d bytes",
			   NAME_BYTES_MAX);
		return NULL;
	}
	for (size_t i = 0; i < length; i++)
		if (line->at[i] <= ' ' || line->at[i] > '~') {
			diag_error(diags, path, line->number, "the name is not one plain word");
			return NULL;
		}
	name = strndup(line->at, length);
	if (!name) {
		diag_error(diags, path, line->number, "out of memory");
		return NULL;
	}
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	if (!strcmp(name, "unknown") || !strcmp(name, "unset")) {
		diag_error(diags, path, line->number,
			   "'%s' is a dummy of l7-filter, not a protocol; leave this file out",
			   name);
		free(name);
		return NULL;
	}
	return name;
}

/* The prefix that brings the flags into the regex; PCRE2 options in *flags. */
static const char *read_flags(const struct line *line, const char *path, uint32_t *flags,
			      struct diag_list *diags)
{
	const char *at = line->at, *end = line->at + line->length;
	bool fold_case = false, newline = false;

	while (at < end) {
		const char *word = at;
		size_t length;

		while (at < end && *at != ' ' && *at != '\t' && *at != '|' && *at != ',')
			at++;
		length = (size_t)(at - word);
		if (at < end)
			at++;
		if (!length)
			continue;
		if (length == 9 && !memcmp(word, "REG_ICASE", length))
			fold_case = true;
		else if (length == 11 && !memcmp(word, "REG_NEWLINE", length))
			newline = true;
		else if (!(length == 9 && !memcmp(word, "REG_NOSUB", length)) &&
			 !(length == 12 && !memcmp(word, "REG_EXTENDED", length)))
			diag_warning(diags, path, line->number, "unknown flag '%.*s'", (int)length,
				     word);
	}
	if (newline)
		*flags |= PCRE2_MULTILINE;
	if (fold_case)
		return newline ? "(?-s)" : "";
	return newline ? "(?-is)" : "(?-i)";
}

static char *read_whole(const char *path, size_t *length, struct diag_list *diags)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;

	if (!file) {
		diag_error(diags, path, 0, "cannot open: %s", strerror(errno));
		return NULL;
	}
	text = malloc(FILE_BYTES_MAX + 1);
	if (!text) {
		diag_error(diags, path, 0, "out of memory");
		goto out;
	}
	*length = fread(text, 1, FILE_BYTES_MAX + 1, file);
	if (ferror(file))
		diag_error(diags, path, 0, "cannot read: %s", strerror(errno));
	else if (*length > FILE_BYTES_MAX)
		diag_error(diags, path, 0, "larger than %d bytes", FILE_BYTES_MAX);
	else if (memchr(text, '\0', *length))
		diag_error(diags, path, 0, "holds a NUL byte, so it is no pattern file");
	else
		goto out;
	free(text);
	text = NULL;
out:
	fclose(file);
	return text;
}

int pattern_file_read(const char *path, struct pattern_file *out, struct diag_list *diags)
{
	struct line line = {.number = 0}, name = {.at = NULL}, regex = {.at = NULL};
	struct line better = {.at = NULL}, flags = {.at = NULL};
	const char *prefix = "", *problem, *at, *end;
	size_t length = 0;
	char *text;

	memset(out, 0, sizeof(*out));
	text = read_whole(path, &length, diags);
	if (!text)
		return -1;
	at = text;
	end = text + length;
	while (next_line(&at, end, &line)) {
		if (line.length && line.at[0] == '#')
			continue;
		if (blank(&line))
			continue;
		if (!name.at)
			name = line;
		else if (attribute(&line, "pattern", &better) || attribute(&line, "flags", &flags))
			continue;
		else if (!regex.at)
			regex = line;
		else
			diag_warning(diags, path, line.number, "a line after the regex is ignored");
	}
	if (better.at)
		regex = better;
	if (!name.at || !regex.at) {
		diag_error(diags, path, 0, name.at ? "no regex line" : "no name line");
		goto fail;
	}
	out->name = read_name(&name, path, diags);
	if (!out->name)
		goto fail;
	if (!regex.length || regex.length > REGEX_BYTES_MAX) {
		diag_error(diags, path, regex.number, "%s",
			   regex.length ? "the regex is too long" : "the regex is empty");
		goto fail;
	}
	if (flags.at)
		prefix = read_flags(&flags, path, &out->flags, diags);
	out->regex = translate(&regex, prefix, &problem);
	if (!out->regex) {
		diag_error(diags, path, regex.number, "%s", problem ? problem : "out of memory");
		goto fail;
	}
	out->regex_line = regex.number;
	free(text);
	return 0;
fail:
	free(text);
	pattern_file_release(out);
	return -1;
}

void pattern_file_release(struct pattern_file *file)
{
	free(file->name);
	free(file->regex);
	memset(file, 0, sizeof(*file));
}
