/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A POSIX extended regex, as .pat files hold one, translated to what PCRE2 reads.
 *
 * \xHH is that byte, whatever it means otherwise. What differs from PCRE2:
 * - in a bracket expression a backslash is a backslash, ']' may stand first, '['
 *   is a character, "[\-_]" a range. Every character comes out as \xHH.
 * - a backslash before a letter is that letter, but for GNU's \w \W \s \S \b \B
 *   \< \>, and \1 to \9.
 * - a second quantifier behind another repeats the whole: "a+?" is "(?:a+)?".
 * - a quantifier with nothing before it is an error, not PCRE2's "(*VERB".
 * "(?" passes: no POSIX regex has it, and files written for PCRE may.
 */
#include "pattern_translate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	GROUPS_MAX = 200,
};

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

char *pattern_translate(const char *regex, size_t length, const char *prefix, const char **problem)
{
	struct translation t = {
		.in = regex,
		.end = regex + length,
		.room = 4 * PATTERN_REGEX_BYTES_MAX,
	};

	*problem = NULL;
	if (!length || length > PATTERN_REGEX_BYTES_MAX) {
		*problem = length ? "the regex is too long" : "the regex is empty";
		return NULL;
	}
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
