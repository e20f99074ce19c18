/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libconfig 1.5 does not tell, found in the text itself.
 *
 * libconfig cuts integers without an L suffix to 32 bits in silence, translates
 * "\x41" where a pattern wanted it left alone, accepts a comment that never ends,
 * names neither the key nor the first place of a duplicate, ends the process when
 * an @include names a directory, gives a string the line of the token after it,
 * says no more than "syntax error", and leaks a string then. So this reads the file first, with
 * libconfig's own token rules, and writes the *flat text* that libconfig then parses: comments
 * gone, @include expanded, the newlines that follow a string moved behind a closing bracket or
 * separator.
 *
 * Invariants:
 * - Each flat line comes from one line of one file; `origins` says which.
 * - Every byte of a string, name and number reaches libconfig unchanged. A comma
 *   before a closing bracket is reported and blanked, so that checking goes on.
 * - Bytes, includes, include depth and nesting are bounded, so libconfig's
 *   recursion is too.
 * - The grammar is checked here, a little more strictly than libconfig does, so
 *   that libconfig sees only text that it accepts.
 */
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <waymark/settings.h>

enum token { TOKEN_NONE, TOKEN_NAME, TOKEN_COMMA, TOKEN_OPENING, TOKEN_STRING, TOKEN_OTHER };

/* One file while it is read. */
struct reader {
	const char *data;
	size_t size, position;
	unsigned file, line;
	unsigned pending; /* newlines held back since the last string */
	bool line_start;
	enum token last;
	size_t last_offset, last_length; /* of the last token, in the flat text */
	unsigned last_flat, key_flat;	 /* flat lines of the last token and the last key */
	unsigned depth;
};

static bool read_file(struct scan *scan, const char *path, unsigned depth, const char *from,
		      int from_line);

void scan_init(struct scan *scan, struct diag_list *diags)
{
	memset(scan, 0, sizeof(*scan));
	scan->diags = diags;
	scan->errors_before = diags->errors;
	scan->flat = 1;
}

void scan_release(struct scan *scan)
{
	for (size_t i = 0; i < scan->file_count; i++)
		free(scan->files[i]);
	free(scan->files);
	free(scan->origins);
	free(scan->cuts);
	free(scan->keys);
	free(scan->text);
	memset(scan, 0, sizeof(*scan));
}

/* Makes room for one more element; the array may move. */
static bool grow(struct scan *scan, void **array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return true;
	size_t wanted = *capacity ? *capacity * 2 : 32;
	void *larger = reallocarray(*array, wanted, size);
	if (!larger) {
		if (!scan->broken)
			diag_error(scan->diags, NULL, 0, "out of memory");
		scan->broken = true;
		return false;
	}
	*array = larger;
	*capacity = wanted;
	return true;
}

static void emit(struct scan *scan, const char *bytes, size_t length)
{
	while (scan->capacity - scan->length < length + 1) {
		void *text = scan->text;
		if (!grow(scan, &text, scan->capacity, &scan->capacity, 1))
			return;
		scan->text = text;
	}
	memcpy(scan->text + scan->length, bytes, length);
	scan->length += length;
	scan->text[scan->length] = '\0';
}

static void emit_newline(struct scan *scan)
{
	emit(scan, "\n", 1);
	scan->flat++;
}

static void flush(struct scan *scan, struct reader *reader)
{
	for (; reader->pending; reader->pending--)
		emit_newline(scan);
}

static void start_origin(struct scan *scan, unsigned file, unsigned line)
{
	void *origins = scan->origins;
	if (!grow(scan, &origins, scan->origin_count, &scan->origin_capacity,
		  sizeof(*scan->origins)))
		return;
	scan->origins = origins;
	scan->origins[scan->origin_count++] = (struct scan_origin){scan->flat, file, line};
}

static void finding(struct scan *scan, const struct reader *reader, const char *message)
{
	diag_error(scan->diags, scan->files[reader->file], (int)reader->line, "%s", message);
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return is_name_start(c) || is_digit(c) || c == '_' || c == '-';
}

static char peek(const struct reader *reader, size_t ahead)
{
	return ahead < reader->size - reader->position ? reader->data[reader->position + ahead]
						       : '\0';
}

/* Copies `length` bytes as one token. */
static void emit_token(struct scan *scan, struct reader *reader, size_t length, enum token token)
{
	flush(scan, reader);
	reader->last = token;
	reader->last_offset = scan->length;
	reader->last_length = length;
	reader->last_flat = scan->flat;
	emit(scan, reader->data + reader->position, length);
	reader->position += length;
}

static char innermost(const struct scan *scan)
{
	return scan->scope_count ? scan->scopes[scan->scope_count - 1].opening : '{';
}

/* The first syntax error ends the reading. */
static void syntax_error(struct scan *scan, const struct reader *reader, size_t length)
{
	char wanted[96], found[48];
	char opening = innermost(scan);
	const char *text = reader->data + reader->position;

	switch (scan->expect) {
	case SCAN_KEY:
		snprintf(wanted, sizeof(wanted), "a key");
		break;
	case SCAN_EQUALS:
		snprintf(wanted, sizeof(wanted), "'=' after '%.*s'",
			 (int)(reader->last_length < 64 ? reader->last_length : 64),
			 scan->text + reader->last_offset);
		break;
	case SCAN_VALUE:
		snprintf(wanted, sizeof(wanted), "a value");
		break;
	case SCAN_END:
		snprintf(wanted, sizeof(wanted), "%s",
			 opening == '{'	  ? "';' or a key"
			 : opening == '[' ? "',' or ']'"
					  : "',' or ')'");
		break;
	}
	if (*text > ' ' && *text < 127)
		snprintf(found, sizeof(found), "'%.*s'", (int)(length < 32 ? length : 32), text);
	else
		snprintf(found, sizeof(found), "the byte 0x%02x", (unsigned)(unsigned char)*text);
	diag_error(scan->diags, scan->files[reader->file], (int)reader->line,
		   "syntax error: expected %s, not %s", wanted, found);
	scan->broken = true;
}

/* A value of `type` begins: 'i'nteger, 'l'ong, 'f'raction, 's'tring, 'b'ool, or a bracket. */
static void take_value(struct scan *scan, const struct reader *reader, char type, size_t length)
{
	if (scan->expect != SCAN_VALUE) {
		syntax_error(scan, reader, length);
		return;
	}
	scan->expect = SCAN_END;
	if (innermost(scan) != '[')
		return;
	struct scan_scope *array = &scan->scopes[scan->scope_count - 1];
	if (!strchr("{([", type) && (!array->type || array->type == type)) {
		array->type = type;
		return;
	}
	finding(scan, reader, "[ ] holds plain values of one type only, others need ( )");
	scan->broken = true;
}

static void skip_comment(struct scan *scan, struct reader *reader)
{
	if (peek(reader, 0) == '#' || peek(reader, 1) == '/') {
		while (reader->position < reader->size && peek(reader, 0) != '\n')
			reader->position++;
		return;
	}
	unsigned opened = reader->line;
	reader->position += 2;
	while (reader->position < reader->size) {
		if (peek(reader, 0) == '*' && peek(reader, 1) == '/') {
			reader->position += 2;
			emit(scan, " ", 1);
			return;
		}
		if (peek(reader, 0) == '\n') {
			reader->line++;
			reader->pending++;
			if (reader->last != TOKEN_STRING)
				flush(scan, reader);
		}
		reader->position++;
	}
	diag_error(scan->diags, scan->files[reader->file], (int)opened, "comment is never closed");
	scan->broken = true;
}

static void copy_string(struct scan *scan, struct reader *reader)
{
	unsigned opened = reader->line, warned = 0;

	/* Strings in a row are one. */
	if (scan->expect != SCAN_END || reader->last != TOKEN_STRING)
		take_value(scan, reader, 's', 1);
	if (scan->broken)
		return;
	emit_token(scan, reader, 1, TOKEN_STRING);
	while (reader->position < reader->size) {
		char c = peek(reader, 0);
		size_t length = c == '\\' && reader->position + 1 < reader->size ? 2 : 1;
		if (length == 2 && peek(reader, 1) == 'x' && warned != reader->line &&
		    scan->escape_warnings++ < SCAN_MAX_ESCAPE_WARNINGS) {
			diag_warning(scan->diags, scan->files[reader->file], (int)reader->line,
				     "\"\\x\" in a string is translated while the file is read; "
				     "a pattern needs \"\\\\x\"");
			warned = reader->line;
		}
		if (peek(reader, length - 1) == '\0') {
			finding(scan, reader, "NUL byte in the file");
			scan->broken = true;
			return;
		}
		emit(scan, reader->data + reader->position, length);
		if (peek(reader, length - 1) == '\n') {
			reader->line++;
			scan->flat++;
		}
		reader->position += length;
		if (c == '"')
			return;
	}
	diag_error(scan->diags, scan->files[reader->file], (int)opened, "string is never closed");
	scan->broken = true;
}

/* The type of a number by libconfig's rules: 'i', 'l', 'f'; 0: it is none. */
static char number_type(const char *text)
{
	size_t digits, fraction = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		digits = strspn(text + 2, "0123456789abcdefABCDEF");
		text += 2;
	} else {
		text += *text == '-' || *text == '+';
		digits = strspn(text, "0123456789");
		bool point = text[digits] == '.';
		if (point)
			fraction = strspn(text + digits + 1, "0123456789");
		const char *rest = text + digits + point + fraction;
		if (digits + fraction && (*rest == 'e' || *rest == 'E')) {
			rest += 1 + (rest[1] == '-' || rest[1] == '+');
			size_t exponent = strspn(rest, "0123456789");
			return exponent && !rest[exponent] ? 'f' : 0;
		}
		if (point)
			return digits + fraction && !*rest ? 'f' : 0;
	}
	if (!digits)
		return 0;
	text += digits;
	if (!*text)
		return 'i';
	return strcmp(text, "L") == 0 || strcmp(text, "LL") == 0 ? 'l' : 0;
}

/* Whole numbers: without L libconfig keeps 32 bits, with it 64. */
static void check_integer(struct scan *scan, struct reader *reader, const char *text, char type)
{
	bool negative = *text == '-', hex = text[1] == 'x' || text[1] == 'X', overflow = false;
	uint64_t value = 0, base = hex ? 16 : 10;
	const char *path = scan->files[reader->file];
	int line = (int)reader->line;

	for (const char *c = text + (hex ? 2 : (*text == '-' || *text == '+')); *c && *c != 'L';
	     c++) {
		uint64_t worth = (uint64_t)(is_digit(*c) ? *c - '0' : (*c | 32) - 'a' + 10);
		overflow |= value > (UINT64_MAX - worth) / base;
		value = value * base + worth;
	}
	if (overflow || value > INT64_MAX) {
		diag_error(scan->diags, path, line, "%s is too large for a number", text);
		value = UINT64_MAX;
	} else if (type == 'l' || value <= (uint64_t)INT32_MAX + negative) {
		return;
	} else {
		value = negative ? -value : value;
		diag_error(scan->diags, path, line,
			   "%s reads as %d, numbers of more than 31 bits need the suffix L: %sL",
			   text, (int)(int32_t)(uint32_t)value, text);
	}
	void *cuts = scan->cuts;
	if (!grow(scan, &cuts, scan->cut_count, &scan->cut_capacity, sizeof(*scan->cuts)))
		return;
	scan->cuts = cuts;
	/* A setting stands on the line of its key, an element on its own. */
	scan->cuts[scan->cut_count++] = (struct scan_cut){
		.flat = innermost(scan) == '{' ? reader->key_flat : scan->flat,
		.value = (int)(int32_t)(uint32_t)value,
	};
}

static void copy_number(struct scan *scan, struct reader *reader)
{
	char text[64] = "";
	size_t length = 1;
	bool hex = peek(reader, 0) == '0' && (peek(reader, 1) == 'x' || peek(reader, 1) == 'X');

	for (;; length++) {
		char c = peek(reader, length), before = peek(reader, length - 1);
		bool exponent = !hex && (before == 'e' || before == 'E');
		if (!is_name(c) && c != '.' && !(exponent && c == '+'))
			break;
		if (c == '-' && !exponent)
			break;
	}
	if (length < sizeof(text))
		memcpy(text, reader->data + reader->position, length);
	char type = number_type(text);
	if (!type && scan->expect == SCAN_VALUE) {
		diag_error(scan->diags, scan->files[reader->file], (int)reader->line,
			   "syntax error: '%.*s' is no number", (int)(length < 64 ? length : 64),
			   reader->data + reader->position);
		scan->broken = true;
		return;
	}
	take_value(scan, reader, type, length);
	if (scan->broken)
		return;
	emit_token(scan, reader, length, TOKEN_OTHER);
	if (type != 'f')
		check_integer(scan, reader, text, type);
}

static void copy_word(struct scan *scan, struct reader *reader)
{
	const char *text = reader->data + reader->position;
	size_t length = 1;

	while (is_name(peek(reader, length)))
		length++;
	bool truth = (length == 4 && strncasecmp(text, "true", 4) == 0) ||
		     (length == 5 && strncasecmp(text, "false", 5) == 0);
	bool in_group = innermost(scan) == '{';
	if (truth)
		take_value(scan, reader, 'b', length);
	else if (scan->expect == SCAN_KEY || (scan->expect == SCAN_END && in_group))
		scan->expect = SCAN_EQUALS;
	else
		syntax_error(scan, reader, length);
	if (!scan->broken)
		emit_token(scan, reader, length, truth ? TOKEN_OTHER : TOKEN_NAME);
}

/* The name just read is a key of the innermost group. */
static void note_key(struct scan *scan, struct reader *reader)
{
	size_t first = scan->scope_count ? scan->scopes[scan->scope_count - 1].first_key : 0;
	for (size_t i = first; i < scan->key_count; i++) {
		const struct scan_key *key = &scan->keys[i];
		if (key->length != reader->last_length ||
		    memcmp(scan->text + key->offset, scan->text + reader->last_offset,
			   key->length) != 0)
			continue;
		scan->duplicates = true;
		const char *path = scan->files[reader->file];
		int length = (int)(key->length < 64 ? key->length : 64);
		if (key->file == reader->file)
			diag_error(scan->diags, path, (int)reader->line,
				   "duplicate key '%.*s', it is on line %u already", length,
				   scan->text + key->offset, key->line);
		else
			diag_error(scan->diags, path, (int)reader->line,
				   "duplicate key '%.*s', it is in %s:%u already", length,
				   scan->text + key->offset, scan->files[key->file], key->line);
		return;
	}
	if (scan->key_count - first == SCAN_MAX_GROUP_KEYS) {
		finding(scan, reader, "too many keys in one group");
		scan->broken = true;
		return;
	}
	void *keys = scan->keys;
	if (!grow(scan, &keys, scan->key_count, &scan->key_capacity, sizeof(*scan->keys)))
		return;
	scan->keys = keys;
	scan->keys[scan->key_count++] = (struct scan_key){
		.offset = reader->last_offset,
		.length = reader->last_length,
		.file = reader->file,
		.line = reader->line,
	};
}

static void open_scope(struct scan *scan, struct reader *reader, char opening)
{
	take_value(scan, reader, opening, 1);
	if (scan->broken)
		return;
	if (scan->scope_count == SCAN_MAX_NESTING) {
		finding(scan, reader, "brackets are nested too deeply");
		scan->broken = true;
		return;
	}
	scan->scopes[scan->scope_count++] = (struct scan_scope){
		.opening = opening,
		.file = reader->file,
		.line = reader->line,
		.first_key = scan->key_count,
	};
	scan->expect = opening == '{' ? SCAN_KEY : SCAN_VALUE;
}

static void close_scope(struct scan *scan, struct reader *reader, char closing)
{
	const char *path = scan->files[reader->file];

	if (!scan->scope_count) {
		diag_error(scan->diags, path, (int)reader->line, "'%c' closes nothing", closing);
		scan->broken = true;
		return;
	}
	const struct scan_scope *scope = &scan->scopes[scan->scope_count - 1];
	char expected = scope->opening == '{' ? '}' : scope->opening == '(' ? ')' : ']';
	if (expected != closing) {
		diag_error(scan->diags, path, (int)reader->line,
			   "'%c' where '%c' must close the '%c' of line %u", closing, expected,
			   scope->opening, scope->line);
		scan->broken = true;
		return;
	}
	if (scan->expect == SCAN_VALUE && closing != '}' && reader->last == TOKEN_COMMA) {
		diag_error(scan->diags, path, (int)reader->line, "no comma may stand before '%c'",
			   closing);
		scan->text[reader->last_offset] = ' ';
	} else if (scan->expect != SCAN_END && !(scan->expect == SCAN_KEY && closing == '}') &&
		   !(closing != '}' && reader->last == TOKEN_OPENING)) {
		syntax_error(scan, reader, 1);
		return;
	}
	scan->key_count = scope->first_key;
	scan->scope_count--;
	scan->expect = SCAN_END;
}

/* A separator, '=' or something that stands nowhere. */
static void take_sign(struct scan *scan, struct reader *reader, char c)
{
	bool in_group = innermost(scan) == '{';

	if (c == '\0') {
		finding(scan, reader, "NUL byte in the file");
		scan->broken = true;
	} else if ((c == '=' || c == ':') && scan->expect == SCAN_EQUALS) {
		reader->key_flat = reader->last_flat;
		note_key(scan, reader);
		scan->expect = SCAN_VALUE;
	} else if ((c == ',' || (c == ';' && in_group)) && scan->expect == SCAN_END) {
		scan->expect = in_group ? SCAN_KEY : SCAN_VALUE;
	} else {
		syntax_error(scan, reader, 1);
	}
}

static void copy_punctuation(struct scan *scan, struct reader *reader)
{
	char c = peek(reader, 0);
	bool opens = c == '{' || c == '(' || c == '[';
	unsigned held = 0;

	if (opens)
		open_scope(scan, reader, c);
	else if (c == '}' || c == ')' || c == ']')
		close_scope(scan, reader, c);
	else
		take_sign(scan, reader, c);
	if (scan->broken)
		return;
	/* libconfig gives a string the line of the token behind it: keep that one near. */
	if (strchr("})],;", c)) {
		held = reader->pending;
		reader->pending = 0;
	}
	emit_token(scan, reader, 1, opens ? TOKEN_OPENING : c == ',' ? TOKEN_COMMA : TOKEN_OTHER);
	reader->pending = held;
	flush(scan, reader);
}

/* True: there was an @include line, and it has been dealt with. */
static bool expand_include(struct scan *scan, struct reader *reader)
{
	static const char word[] = "@include";
	size_t left = reader->size - reader->position, at = sizeof(word) - 1;
	const char *data = reader->data + reader->position;

	if (left < at || memcmp(data, word, at) != 0)
		return false;
	size_t blanks = at;
	while (at < left && (data[at] == ' ' || data[at] == '\t'))
		at++;
	if (at == blanks || at == left || data[at] != '"')
		return false;
	const char *name = data + at + 1;
	const char *end = memchr(name, '"', left - at - 1);
	size_t length = end ? (size_t)(end - name) : 0;
	if (!length || length >= PATH_MAX || memchr(name, '\n', length) ||
	    memchr(name, '\0', length)) {
		finding(scan, reader, "@include needs a file name in quotes");
		scan->broken = true;
		return true;
	}
	char *written = strndup(name, length);
	char *path = written ? settings_resolve_path(scan->files[reader->file], written) : NULL;
	free(written);
	if (!path) {
		finding(scan, reader, "out of memory");
		scan->broken = true;
		return true;
	}
	reader->position += (size_t)(end + 1 - data);
	reader->line_start = false;
	flush(scan, reader);
	size_t before = scan->flat, length_before = scan->length;
	if (!read_file(scan, path, reader->depth + 1, scan->files[reader->file], (int)reader->line))
		scan->broken = true;
	free(path);
	if (scan->broken)
		return true;
	/* The rest of this line must not share a flat line with the included text. */
	if (scan->flat != before || scan->length != length_before)
		emit_newline(scan);
	start_origin(scan, reader->file, reader->line);
	reader->last = TOKEN_NONE;
	return true;
}

static void scan_text(struct scan *scan, struct reader *reader)
{
	while (reader->position < reader->size && !scan->broken) {
		char c = peek(reader, 0);
		if (scan->length > SCAN_MAX_BYTES) {
			finding(scan, reader, "too much text in one configuration");
			scan->broken = true;
			return;
		}
		if (scan->diags->errors - scan->errors_before >= SCAN_MAX_ERRORS) {
			finding(scan, reader, "too many errors, the rest is not read");
			scan->broken = true;
			return;
		}
		if (c == '\n') {
			reader->pending++;
			if (reader->last != TOKEN_STRING)
				flush(scan, reader);
			reader->line++;
			reader->position++;
			reader->line_start = true;
			continue;
		}
		if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
			emit(scan, " ", 1);
			reader->position++;
			continue;
		}
		if (reader->line_start && c == '@' && expand_include(scan, reader))
			continue;
		reader->line_start = false;
		if (c == '#' || (c == '/' && (peek(reader, 1) == '/' || peek(reader, 1) == '*'))) {
			skip_comment(scan, reader);
		} else if (c == '"') {
			copy_string(scan, reader);
		} else if (is_name_start(c)) {
			copy_word(scan, reader);
		} else if (is_digit(c) || c == '+' || c == '-' || c == '.') {
			copy_number(scan, reader);
		} else {
			copy_punctuation(scan, reader);
		}
	}
	flush(scan, reader);
}

/* The whole of an open file, at most SCAN_MAX_BYTES. 0 or -errno. */
static int slurp(int fd, char **data, size_t *size)
{
	size_t capacity = 0, length = 0;
	char *bytes = NULL;

	for (;;) {
		if (capacity - length < 4096) {
			char *larger = realloc(bytes, capacity = capacity ? capacity * 2 : 16384);
			if (!larger) {
				free(bytes);
				return -ENOMEM;
			}
			bytes = larger;
		}
		ssize_t got = read(fd, bytes + length, capacity - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || length + (size_t)got > SCAN_MAX_BYTES) {
			int error = got < 0 ? -errno : got > 0 ? -EFBIG : 0;
			if (error) {
				free(bytes);
				return error;
			}
			*data = bytes;
			*size = length;
			return 0;
		}
		length += (size_t)got;
	}
}

static bool add_file(struct scan *scan, const char *path, unsigned *index)
{
	void *files = scan->files;
	if (!grow(scan, &files, scan->file_count, &scan->file_capacity, sizeof(*scan->files)))
		return false;
	scan->files = files;
	char *copy = strdup(path);
	if (!copy) {
		diag_error(scan->diags, NULL, 0, "out of memory");
		return false;
	}
	*index = (unsigned)scan->file_count;
	scan->files[scan->file_count++] = copy;
	return true;
}

/* An included file must be a regular one: a FIFO would hang us. */
static int open_file(const char *path, bool included, char **data, size_t *size)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | (included ? O_NONBLOCK : 0));
	if (fd < 0)
		return -errno;
	int result = 0;
	if (fstat(fd, &status) != 0)
		result = -errno;
	else if (S_ISDIR(status.st_mode))
		result = -EISDIR;
	else if (included && !S_ISREG(status.st_mode))
		result = -EINVAL;
	else
		result = slurp(fd, data, size);
	close(fd);
	return result;
}

static bool read_file(struct scan *scan, const char *path, unsigned depth, const char *from,
		      int from_line)
{
	struct reader reader = {.line = 1, .line_start = true, .depth = depth};
	char *data = NULL;

	if (depth > SCAN_MAX_INCLUDE_DEPTH || scan->file_count > SCAN_MAX_INCLUDES) {
		diag_error(scan->diags, from, from_line, "too many files include one another");
		return false;
	}
	int error = open_file(path, depth > 0, &data, &reader.size);
	if (error) {
		if (depth)
			diag_error(scan->diags, from, from_line, "cannot read '%s': %s", path,
				   strerror(-error));
		else
			diag_error(scan->diags, path, 0, "cannot read: %s", strerror(-error));
		return false;
	}
	reader.data = data;
	if (add_file(scan, path, &reader.file)) {
		start_origin(scan, reader.file, 1);
		scan_text(scan, &reader);
	} else {
		scan->broken = true;
	}
	free(data);
	return !scan->broken;
}

bool scan_file(struct scan *scan, const char *path)
{
	if (!read_file(scan, path, 0, NULL, 0))
		return false;
	for (size_t i = scan->scope_count; i-- > 0;) {
		const struct scan_scope *scope = &scan->scopes[i];
		diag_error(scan->diags, scan->files[scope->file], (int)scope->line,
			   "'%c' is never closed", scope->opening);
		scan->broken = true;
	}
	if (!scan->broken && scan->expect != SCAN_KEY && scan->expect != SCAN_END) {
		diag_error(scan->diags, path, 0, "syntax error: the file ends where %s is expected",
			   scan->expect == SCAN_EQUALS ? "'='" : "a value");
		scan->broken = true;
	}
	emit(scan, "\n", 1);
	return !scan->broken;
}

const char *scan_origin(const struct scan *scan, unsigned flat, int *line)
{
	size_t low = 0, high = scan->origin_count;

	*line = 0;
	if (!flat || !high)
		return scan->file_count ? scan->files[0] : NULL;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (scan->origins[middle].flat <= flat)
			low = middle;
		else
			high = middle;
	}
	const struct scan_origin *origin = &scan->origins[low];
	*line = (int)(origin->line + (flat - origin->flat));
	return scan->files[origin->file];
}

bool scan_is_cut(const struct scan *scan, unsigned flat, int value)
{
	for (size_t i = 0; i < scan->cut_count; i++)
		if (scan->cuts[i].flat == flat && scan->cuts[i].value == value)
			return true;
	return false;
}
