/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An old configuration of l7-filter's, "protocol mark" a line, as rules of ours.
 *
 * The first rule that matches wins there and here, so the order stays. No line is lost in silence:
 * what cannot be taken over is an error at its line, and a comment where its rule would stand.
 *
 * A protocol's name is the file's there. Here it is an app: the same word where waymark finds the
 * protocol by itself, ours where we call it otherwise (aliases[]), else the name of the pattern in
 * that file, which rules_dir has to hold then. l7-filter takes a mark from 2 up, as the value
 * within its mask; so do we.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "import_l7.h"

enum {
	RULE_NAME_APP_MAX = 48,
	MARK_MIN = 2, /* 0 and 1 mean "not seen" and "not known yet" to l7-filter, which refuses
			 them */
};

static const struct {
	const char *theirs, *ours;
	const char *loss; /* what the rule does not ask for any more; NULL: nothing */
} aliases[] = {
	{"ssl", "tls", NULL},	      {"validcertssl", "tls", "whatever its certificate"},
	{"jabber", "xmpp", NULL},     {"nbns", "netbios", NULL},
	{"rstp", "rtsp", NULL}, /* a slip in old releases */
	{"kazaa", "fasttrack", NULL},
};

struct conversion {
	struct l7_rules *rules;
	const char *path;
	const struct l7_files *files;
	const struct mark_layout *mark;
	struct arena *arena;
	struct diag_list *diags;
	size_t room;
};

static bool is_known_app(const char *name)
{
	return app_find(name) != APP_NONE;
}

static const struct l7_file *find_file(const struct l7_files *files, const char *base)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcasecmp(files->items[i].base, base) == 0)
			return &files->items[i];
	return NULL;
}

static void unknown_protocol(const struct conversion *conversion, const struct l7_rule *rule)
{
	const struct l7_files *files = conversion->files;
	const char **known = reallocarray(NULL, files->count + 1, sizeof(*known));
	const char *nearest = NULL;

	for (size_t i = 0; known && i < files->count; i++)
		known[i] = files->items[i].base;
	if (known) {
		known[files->count] = NULL;
		nearest = diag_nearest(rule->protocol, known);
	}
	diag_error(conversion->diags, conversion->path, rule->line,
		   "there is no protocol '%.80s'%s%s%s", rule->protocol,
		   nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	free(known);
}

/* Finds the app of the rule's protocol; an error where there is none. */
static void find_app(const struct conversion *conversion, struct l7_rule *rule)
{
	const struct l7_file *file = find_file(conversion->files, rule->protocol);

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strcasecmp(aliases[i].theirs, rule->protocol) != 0 ||
		    !is_known_app(aliases[i].ours))
			continue;
		rule->app = aliases[i].ours;
		if (aliases[i].loss)
			diag_warning(conversion->diags, conversion->path, rule->line,
				     "'%s' becomes '%s', %s", rule->protocol, rule->app,
				     aliases[i].loss);
		return;
	}
	if (is_known_app(rule->protocol)) {
		rule->app = app_name(app_find(rule->protocol));
	} else if (!file) {
		unknown_protocol(conversion, rule);
	} else if (file->result != L7_COMPILES) {
		diag_error(conversion->diags, conversion->path, rule->line, "'%s': %s: %s",
			   rule->protocol, file->path, file->problem);
	} else if (is_known_app(file->name)) {
		rule->app = app_name(app_find(file->name));
	} else {
		rule->app = file->name;
		rule->needs = file->path;
	}
}

static bool read_mark(const struct conversion *conversion, struct l7_rule *rule, const char *text)
{
	uint64_t number = 0;
	const char *at = text;

	for (; isdigit((unsigned char)*at); at++)
		if (number <= UINT32_MAX)
			number = number * 10 + (uint64_t)(*at - '0');
	if (*at || at == text) {
		diag_error(conversion->diags, conversion->path, rule->line,
			   "'%.80s' is no mark, which is a decimal number", text);
		return false;
	}
	if (number < MARK_MIN || number > conversion->mark->user_max) {
		diag_error(conversion->diags, conversion->path, rule->line,
			   "mark %.80s is out of range: the mask 0x%x leaves %u to %u", text,
			   conversion->mark->mask, MARK_MIN, conversion->mark->user_max);
		return false;
	}
	rule->mark = (uint32_t)number;
	return true;
}

/* An earlier line that takes all of its flows. */
static const struct l7_rule *earlier(const struct l7_rules *rules, const struct l7_rule *rule)
{
	for (const struct l7_rule *other = rules->items; other < rule; other++)
		if (other->app && strcmp(other->app, rule->app) == 0)
			return other;
	return NULL;
}

static struct l7_rule *add_rule(struct conversion *conversion, int line)
{
	struct l7_rules *rules = conversion->rules;

	if (rules->count == conversion->room) {
		size_t room = conversion->room ? conversion->room * 2 : 32;
		struct l7_rule *items = reallocarray(rules->items, room, sizeof(*items));

		if (!items)
			return NULL;
		rules->items = items;
		conversion->room = room;
	}
	rules->items[rules->count] = (struct l7_rule){.line = line};
	return &rules->items[rules->count++];
}

/* False: out of memory. */
static bool convert(struct conversion *conversion, char *text, int line)
{
	static const char space[] = " \t\r\n\v\f";
	const struct l7_rule *before;
	struct l7_rule *rule;
	char *protocol, *mark, *rest, *at = text;

	text[strcspn(text, "\r\n")] = '\0';
	for (char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c) && !isspace((unsigned char)*c))
			*c = '?'; /* no finding may drive a terminal */
	text += strspn(text, space);
	if (*text == '#' || *text == '\0')
		return true;
	rule = add_rule(conversion, line);
	if (!rule)
		return false;
	rule->protocol = arena_strdup(conversion->arena, text);
	protocol = strtok_r(text, space, &at);
	mark = strtok_r(NULL, space, &at);
	if (!mark) {
		diag_error(conversion->diags, conversion->path, line,
			   "not 'protocol mark': '%.80s'", protocol);
		return rule->protocol != NULL;
	}
	rule->protocol = arena_strdup(conversion->arena, protocol);
	if (!rule->protocol)
		return false;
	rest = strtok_r(NULL, space, &at);
	if (rest && *rest != '#')
		diag_warning(conversion->diags, conversion->path, line,
			     "what follows the mark is ignored: '%.80s'", rest);
	/* both, so that a line with two faults is told both */
	find_app(conversion, rule);
	if (!read_mark(conversion, rule, mark))
		rule->app = NULL;
	if (!rule->app)
		return true;
	before = earlier(conversion->rules, rule);
	if (before) {
		diag_error(conversion->diags, conversion->path, line,
			   "'%s' is app '%s', which line %d marks already", rule->protocol,
			   rule->app, before->line);
		rule->app = NULL;
	}
	return true;
}

bool l7_rules_read(struct l7_rules *rules, const char *path, const struct l7_files *files,
		   const struct mark_layout *mark, struct arena *arena, struct diag_list *diags)
{
	struct conversion conversion = {
		.rules = rules,
		.path = path,
		.files = files,
		.mark = mark,
		.arena = arena,
		.diags = diags,
	};
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	bool good = true;

	*rules = (struct l7_rules){.count = 0};
	if (!file) {
		diag_error(diags, path, 0, "cannot open: %s", strerror(errno));
		return true;
	}
	for (int line = 1; good && getline(&text, &room, file) >= 0; line++)
		good = convert(&conversion, text, line);
	if (ferror(file))
		diag_error(diags, path, 0, "cannot read: %s", strerror(errno));
	free(text);
	fclose(file);
	return good;
}

void l7_rules_release(struct l7_rules *rules)
{
	free(rules->items);
}

/* ---- printing ---- */

/* Whatever a comment may not hold becomes a '?'. */
static void print_plain(const char *text, FILE *stream)
{
	for (; *text; text++)
		fputc(*text < ' ' || *text == 0x7f ? '?' : *text, stream);
}

/* As libconfig reads it. */
static void print_string(const char *text, FILE *stream)
{
	fputc('"', stream);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', stream);
		fputc(*text, stream);
	}
	fputc('"', stream);
}

/* An app may have characters that a rule's name may not. */
static void print_rule_name(const struct l7_rule *rule, FILE *stream)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t length = strlen(rule->app);

	if (length <= RULE_NAME_APP_MAX && strspn(rule->app, letters) == length)
		fprintf(stream, "\"l7-%s\"", rule->app);
	else
		fprintf(stream, "\"l7-line-%d\"", rule->line);
}

static void print_needs(const struct l7_rules *rules, FILE *stream)
{
	bool any = false;

	for (size_t i = 0; i < rules->count; i++) {
		if (!rules->items[i].app || !rules->items[i].needs)
			continue;
		if (!any)
			fputs("# These apps are patterns of l7-filter's: copy their files beside "
			      "this one, or name\n# their directories in rules_dir too.\n",
			      stream);
		any = true;
		fputs("#\t", stream);
		print_plain(rules->items[i].needs, stream);
		fputc('\n', stream);
	}
}

void l7_rules_print(const struct l7_rules *rules, const char *path, FILE *stream)
{
	size_t last = rules->count; /* the last that is a rule has no comma behind it */

	for (size_t i = 0; i < rules->count; i++)
		if (rules->items[i].app)
			last = i;
	fputs("# Rules of l7-filter's configuration ", stream);
	print_plain(path, stream);
	fputs(", by waymark import-l7.\n", stream);
	print_needs(rules, stream);
	fputs("rules = (\n", stream);
	for (size_t i = 0; i < rules->count; i++) {
		const struct l7_rule *rule = &rules->items[i];

		if (!rule->app) {
			fprintf(stream, "  # line %d is not taken over: ", rule->line);
			print_plain(rule->protocol, stream);
			fputc('\n', stream);
			continue;
		}
		fputs("  { name = ", stream);
		print_rule_name(rule, stream);
		fputs("; match = { app = [", stream);
		print_string(rule->app, stream);
		fprintf(stream, "]; }; mark = %u; }%s  # line %d", rule->mark, i == last ? "" : ",",
			rule->line);
		if (strcmp(rule->protocol, rule->app) != 0) {
			fputs(": ", stream);
			print_plain(rule->protocol, stream);
		}
		fputc('\n', stream);
	}
	fputs(");\n", stream);
}
