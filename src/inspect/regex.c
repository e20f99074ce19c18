/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader of PCRE2's syntax, as far as patterns of payload use it.
 *
 * It is given only texts that PCRE2 has compiled, so it need not find mistakes; it must never
 * read another language out of one than PCRE2 does. Where versions of PCRE2 differ
 * (`{,3}`), where a digit may mean a byte or a group, in extended mode, behind a verb: it
 * gives up. Assertions and look-arounds are read as if they held, a back reference as anything:
 * that makes the language larger, never smaller.
 *
 * Classes are those of the C locale, which is what PCRE2 has built in.
 */
#include "regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>
#include <string.h>

enum {
	DEPTH_MAX = 64,
	NODES_MAX = 20000,
};

struct options {
	bool caseless, dotall, multiline;
};

struct reader {
	struct regex *regex;
	const char *text;
	uint32_t at, length;
	struct options options;
	unsigned depth;
	bool failed;
};

/* ---- sets ---- */

static void add(struct byte_set *set, unsigned byte)
{
	set->bits[byte >> 6] |= UINT64_C(1) << (byte & 63);
}

static void add_range(struct byte_set *set, unsigned low, unsigned high)
{
	for (unsigned byte = low; byte <= high; byte++)
		add(set, byte);
}

static void add_all_of(struct byte_set *set, const struct byte_set *more)
{
	for (unsigned i = 0; i < 4; i++)
		set->bits[i] |= more->bits[i];
}

static void invert(struct byte_set *set)
{
	for (unsigned i = 0; i < 4; i++)
		set->bits[i] = ~set->bits[i];
}

static void fold(struct byte_set *set)
{
	for (unsigned c = 'a'; c <= 'z'; c++) {
		if (byte_set_has(set, c) || byte_set_has(set, c - 32)) {
			add(set, c);
			add(set, c - 32);
		}
	}
}

struct class_name {
	const char *name;
	const char *ranges; /* pairs */
};

/* "\x00" cannot stand in `ranges`: cntrl has it added */
static const struct class_name posix_classes[] = {
	{"alpha", "azAZ"},
	{"lower", "az"},
	{"upper", "AZ"},
	{"alnum", "azAZ09"},
	{"ascii", "\x01\x7f"},
	{"blank", "  \t\t"},
	{"cntrl", "\x01\x1f\x7f\x7f"},
	{"digit", "09"},
	{"graph", "!~"},
	{"print", " ~"},
	{"punct", "!/:@[`{~"},
	{"space", "\t\r  "},
	{"word", "azAZ09__"},
	{"xdigit", "09afAF"},
};

static void add_ranges(struct byte_set *set, const char *ranges)
{
	for (; *ranges; ranges += 2)
		add_range(set, (unsigned char)ranges[0], (unsigned char)ranges[1]);
}

/* The set of \d, \W and the like; false: the letter is none of them. */
static bool letter_class(char letter, struct byte_set *set)
{
	struct byte_set found = {0};

	switch (letter | 0x20) {
	case 'd':
		add_ranges(&found, "09");
		break;
	case 'w':
		add_ranges(&found, "azAZ09__");
		break;
	case 's':
		add_ranges(&found, "\t\r  ");
		break;
	case 'h':
		add_ranges(&found, "\t\t  \xa0\xa0");
		break;
	case 'v':
		add_ranges(&found, "\n\r\x85\x85");
		break;
	default:
		return false;
	}
	if (letter < 'a')
		invert(&found);
	add_all_of(set, &found);
	return true;
}

/* ---- nodes ---- */

static uint32_t new_node(struct reader *reader, enum regex_kind kind, uint32_t begin)
{
	struct regex *regex = reader->regex;

	if (regex->count == regex->room) {
		uint32_t room = regex->room ? regex->room * 2 : 64;
		struct regex_node *nodes =
			room > NODES_MAX ? NULL : reallocarray(regex->nodes, room, sizeof(*nodes));

		if (!nodes) {
			reader->failed = true;
			return 0;
		}
		regex->nodes = nodes;
		regex->room = room;
	}
	regex->nodes[regex->count] = (struct regex_node){.kind = (uint8_t)kind, .begin = begin};
	return regex->count++;
}

static struct regex_node *node_at(struct reader *reader, uint32_t node)
{
	return &reader->regex->nodes[node];
}

/* ---- the text ---- */

static char peek(const struct reader *reader, uint32_t ahead)
{
	return reader->at + ahead < reader->length ? reader->text[reader->at + ahead] : '\0';
}

static bool more(const struct reader *reader)
{
	return reader->at < reader->length;
}

static bool take_word(struct reader *reader, const char *word)
{
	size_t length = strlen(word);

	if (reader->length - reader->at < length ||
	    memcmp(reader->text + reader->at, word, length) != 0)
		return false;
	reader->at += (uint32_t)length;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void give_up(struct reader *reader)
{
	reader->failed = true;
	reader->at = reader->length;
}

/* Behind "\x": up to two digits, or some in braces. */
static unsigned hex_byte(struct reader *reader)
{
	bool braces = peek(reader, 0) == '{';
	unsigned value = 0, digits = 0;

	reader->at += braces;
	while (hex_digit(peek(reader, 0)) >= 0 && digits < (braces ? 8u : 2u)) {
		value = value << 4 | (unsigned)hex_digit(peek(reader, 0));
		digits++;
		reader->at++;
	}
	if (braces && (!digits || peek(reader, 0) != '}'))
		give_up(reader);
	else
		reader->at += braces;
	if (value > 255)
		give_up(reader);
	return value & 255;
}

/* A backslash's single byte, in a class or out of it; the letter is consumed. False: it is none. */
static bool escaped_byte(struct reader *reader, char letter, unsigned *byte)
{
	static const char letters[] = "aefnrt", bytes[] = "\a\x1b\f\n\r\t";
	const char *found = letter ? strchr(letters, letter) : NULL;

	if (found) {
		*byte = (unsigned char)bytes[found - letters];
		return true;
	}
	if (letter == 'x') {
		*byte = hex_byte(reader);
		return true;
	}
	if (letter == '0') { /* and up to two more octal digits */
		*byte = 0;
		for (unsigned i = 0; i < 2 && peek(reader, 0) >= '0' && peek(reader, 0) <= '7'; i++)
			*byte = *byte << 3 | (unsigned)(reader->text[reader->at++] - '0');
		return true;
	}
	if (is_digit(letter) || ((letter | 0x20) >= 'a' && (letter | 0x20) <= 'z'))
		return false;
	*byte = (unsigned char)letter; /* punctuation, and what is not ASCII */
	return true;
}

static uint32_t new_byte(struct reader *reader, const struct byte_set *set, uint32_t begin)
{
	uint32_t node = new_node(reader, REGEX_BYTE, begin);

	if (node)
		node_at(reader, node)->set = *set;
	return node;
}

static uint32_t one_byte(struct reader *reader, unsigned byte, uint32_t begin)
{
	struct byte_set set = {0};

	add(&set, byte);
	if (reader->options.caseless)
		fold(&set);
	return new_byte(reader, &set, begin);
}

/* ---- classes ---- */

/* One end of a range, or one byte; a set goes straight into `set`. False: it was a set. */
static bool class_element(struct reader *reader, struct byte_set *set, unsigned *byte)
{
	char c = reader->text[reader->at++];

	if (c == '[' &&
	    (peek(reader, 0) == ':' || peek(reader, 0) == '.' || peek(reader, 0) == '=')) {
		struct byte_set found = {0};
		bool negated;
		size_t i = 0;

		if (peek(reader, 0) != ':') {
			give_up(reader);
			return false;
		}
		reader->at++;
		negated = peek(reader, 0) == '^';
		reader->at += negated;
		for (; i < sizeof(posix_classes) / sizeof(posix_classes[0]); i++)
			if (take_word(reader, posix_classes[i].name))
				break;
		if (i == sizeof(posix_classes) / sizeof(posix_classes[0]) ||
		    !take_word(reader, ":]")) {
			give_up(reader); /* or a '[' that stands for itself: not worth it */
			return false;
		}
		add_ranges(&found, posix_classes[i].ranges);
		if (strcmp(posix_classes[i].name, "cntrl") == 0 ||
		    strcmp(posix_classes[i].name, "ascii") == 0)
			add(&found, 0);
		if (reader->options.caseless)
			fold(&found);
		if (negated)
			invert(&found);
		add_all_of(set, &found);
		return false;
	}
	if (c != '\\') {
		*byte = (unsigned char)c;
		return true;
	}
	c = peek(reader, 0);
	reader->at++;
	if (letter_class(c, set))
		return false;
	if (c == 'b') {
		*byte = '\b';
		return true;
	}
	if (!escaped_byte(reader, c, byte))
		give_up(reader);
	return true;
}

static uint32_t read_class(struct reader *reader, uint32_t begin)
{
	struct byte_set set = {0};
	bool negated = peek(reader, 0) == '^', first = true;

	reader->at += negated;
	for (; more(reader) && (first || peek(reader, 0) != ']'); first = false) {
		unsigned low, high;

		if (!class_element(reader, &set, &low)) {
			/* "[\d-x]": versions agree that '-' is itself, but why rely on it */
			if (peek(reader, 0) == '-' && peek(reader, 1) != ']')
				give_up(reader);
			continue;
		}
		high = low;
		if (peek(reader, 0) == '-' && peek(reader, 1) != ']' &&
		    reader->at + 1 < reader->length) {
			reader->at++;
			if (!class_element(reader, &set, &high))
				give_up(reader);
		}
		if (low > high)
			give_up(reader);
		else
			add_range(&set, low, high);
	}
	if (!more(reader))
		give_up(reader);
	reader->at++;
	if (reader->options.caseless)
		fold(&set);
	if (negated)
		invert(&set);
	return new_byte(reader, &set, begin);
}

/* ---- atoms ---- */

static uint32_t read_choice(struct reader *reader);

static uint32_t read_escape(struct reader *reader, uint32_t begin)
{
	char letter = peek(reader, 0);
	struct byte_set set = {0};
	unsigned byte;

	reader->at++;
	if (letter_class(letter, &set))
		return new_byte(reader, &set, begin);
	switch (letter) {
	case 'b':
	case 'B':
	case 'A':
	case 'z':
	case 'Z':
		return new_node(reader, REGEX_EMPTY, begin);
	case 'N':
		if (peek(reader, 0) == '{')
			give_up(reader);
		add(&set, '\n');
		invert(&set);
		return new_byte(reader, &set, begin);
	default:
		break;
	}
	if (letter >= '1' && letter <= '9' && !is_digit(peek(reader, 0))) {
		reader->regex->plain = false;
		return new_node(reader, REGEX_ANYTHING, begin);
	}
	if (!escaped_byte(reader, letter, &byte)) {
		give_up(reader);
		return 0;
	}
	return one_byte(reader, byte, begin);
}

/* "i-s": true when the letters are all known, with the character behind them not consumed. */
static bool read_options(struct reader *reader, struct options *options)
{
	bool on = true;

	for (; more(reader); reader->at++) {
		switch (peek(reader, 0)) {
		case 'i':
			options->caseless = on;
			break;
		case 's':
			options->dotall = on;
			break;
		case 'm':
			options->multiline = on;
			break;
		case '-':
			if (!on)
				return false;
			on = false;
			break;
		case ')':
		case ':':
			return true;
		default:
			return false;
		}
	}
	return false;
}

static uint32_t read_group(struct reader *reader, uint32_t begin)
{
	static const char *const assertions[] = {"?=", "?!", "?<=", "?<!"};
	const struct options outer = reader->options;
	bool assertion = false;
	uint32_t node;

	if (peek(reader, 0) == '*') {
		give_up(reader);
		return 0;
	}
	for (size_t i = 0; i < sizeof(assertions) / sizeof(assertions[0]) && !assertion; i++)
		assertion = take_word(reader, assertions[i]);
	if (assertion) {
		reader->regex->plain = false;
	} else if (take_word(reader, "?>")) {
		reader->regex->plain = false;
	} else if (!take_word(reader, "?:") && take_word(reader, "?")) {
		if (!read_options(reader, &reader->options)) {
			give_up(reader);
			return 0;
		}
		if (reader->text[reader->at++] == ')') { /* for the rest of the group around it */
			if (begin == 0) {
				reader->regex->caseless = reader->options.caseless;
				reader->regex->dotall = reader->options.dotall;
				reader->regex->multiline = reader->options.multiline;
			} else {
				reader->regex->options_change = true;
			}
			return new_node(reader, REGEX_EMPTY, begin);
		}
		reader->regex->options_change = true;
	}
	node = read_choice(reader);
	if (peek(reader, 0) != ')')
		give_up(reader);
	reader->at++;
	reader->options = outer;
	return assertion ? new_node(reader, REGEX_EMPTY, begin) : node;
}

static uint32_t read_atom(struct reader *reader)
{
	uint32_t begin = reader->at;
	char c = reader->text[reader->at++];
	struct byte_set set = {0};

	switch (c) {
	case '^':
	case '$':
		return new_node(reader, REGEX_EMPTY, begin);
	case '.':
		if (!reader->options.dotall)
			add(&set, '\n');
		invert(&set);
		return new_byte(reader, &set, begin);
	case '[':
		return read_class(reader, begin);
	case '(':
		return read_group(reader, begin);
	case '\\':
		return read_escape(reader, begin);
	case '*':
	case '+':
	case '?':
		give_up(reader);
		return 0;
	default:
		return one_byte(reader, (unsigned char)c, begin);
	}
}

/* ---- quantifiers ---- */

static bool read_number(struct reader *reader, uint32_t *value)
{
	uint32_t digits = 0;

	for (*value = 0; is_digit(peek(reader, 0)) && digits < 6; digits++)
		*value = *value * 10 + (uint32_t)(reader->text[reader->at++] - '0');
	return digits > 0 && digits < 6;
}

/* "{n}", "{n,}", "{n,m}"; a brace that is none of them is itself, unless it may be one elsewhere.
 */
static bool read_braces(struct reader *reader, uint32_t *least, uint32_t *most)
{
	if (!is_digit(peek(reader, 1))) {
		if (peek(reader, 1) == ',' || peek(reader, 1) == ' ' || peek(reader, 1) == '\t')
			give_up(reader);
		return false;
	}
	reader->at++;
	if (!read_number(reader, least))
		give_up(reader);
	*most = *least;
	if (peek(reader, 0) == ',') {
		reader->at++;
		*most = REGEX_MANY;
		if (peek(reader, 0) != '}' && !read_number(reader, most))
			give_up(reader);
	}
	if (peek(reader, 0) != '}')
		give_up(reader);
	reader->at++;
	return true;
}

static bool read_quantifier(struct reader *reader, uint32_t *least, uint32_t *most)
{
	switch (peek(reader, 0)) {
	case '*':
		*least = 0;
		*most = REGEX_MANY;
		break;
	case '+':
		*least = 1;
		*most = REGEX_MANY;
		break;
	case '?':
		*least = 0;
		*most = 1;
		break;
	case '{':
		if (!read_braces(reader, least, most))
			return false;
		reader->at--;
		break;
	default:
		return false;
	}
	reader->at++;
	/* lazy or possessive: the language is the same, or smaller */
	if (peek(reader, 0) == '?' || peek(reader, 0) == '+')
		reader->at++;
	return true;
}

/* ---- the whole ---- */

static uint32_t read_item(struct reader *reader)
{
	uint32_t begin = reader->at, least, most, node = read_atom(reader);

	if (!node || reader->failed)
		return 0;
	if (more(reader) && read_quantifier(reader, &least, &most)) {
		uint32_t child = node;

		node = new_node(reader, REGEX_REPEAT, begin);
		if (!node)
			return 0;
		node_at(reader, node)->first = child;
		node_at(reader, node)->least = least;
		node_at(reader, node)->most = most;
		if (more(reader) && read_quantifier(reader, &least, &most))
			give_up(reader);
	}
	node_at(reader, node)->begin = begin;
	node_at(reader, node)->end = reader->at;
	return node;
}

static uint32_t read_sequence(struct reader *reader)
{
	uint32_t node = new_node(reader, REGEX_SEQUENCE, reader->at), last = 0;

	while (node && !reader->failed && more(reader) && peek(reader, 0) != '|' &&
	       peek(reader, 0) != ')') {
		uint32_t item = read_item(reader);

		if (!item)
			return 0;
		if (last)
			node_at(reader, last)->next = item;
		else
			node_at(reader, node)->first = item;
		last = item;
	}
	if (node)
		node_at(reader, node)->end = reader->at;
	return node;
}

static uint32_t read_choice(struct reader *reader)
{
	uint32_t begin = reader->at, first, last, node;

	if (++reader->depth > DEPTH_MAX) {
		give_up(reader);
		return 0;
	}
	first = last = read_sequence(reader);
	if (peek(reader, 0) != '|' || !first) {
		reader->depth--;
		return first;
	}
	node = new_node(reader, REGEX_CHOICE, begin);
	if (!node)
		return 0;
	node_at(reader, node)->first = first;
	while (peek(reader, 0) == '|') {
		uint32_t way;

		reader->at++;
		way = read_sequence(reader);
		if (!way)
			return 0;
		node_at(reader, last)->next = way;
		last = way;
	}
	node_at(reader, node)->end = reader->at;
	reader->depth--;
	return node;
}

bool regex_read(struct regex *regex, const char *text, uint32_t options)
{
	const uint32_t known = PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_MULTILINE |
			       PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
			       PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT | PCRE2_NO_AUTO_CAPTURE;
	struct reader reader = {.regex = regex, .text = text};
	size_t length = strlen(text);

	*regex = (struct regex){.plain = true};
	if (options & ~known || length > UINT32_MAX / 2)
		return false;
	reader.length = (uint32_t)length;
	reader.options.caseless = regex->caseless = options & PCRE2_CASELESS;
	reader.options.dotall = regex->dotall = options & PCRE2_DOTALL;
	reader.options.multiline = regex->multiline = options & PCRE2_MULTILINE;
	new_node(&reader, REGEX_EMPTY, 0); /* index 0 is no node */
	if (!reader.failed)
		regex->root = read_choice(&reader);
	if (reader.failed || !regex->root || reader.at != reader.length) {
		regex_release(regex);
		return false;
	}
	regex_measure(regex);
	return true;
}

void regex_release(struct regex *regex)
{
	free(regex->nodes);
	*regex = (struct regex){0};
}
