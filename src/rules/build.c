/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * build.c - files -> drafts and patterns -> one ruleset.
 *
 * What concerns more than one file is checked at the end: names that two rules
 * share, apps that no inspector and no pattern file knows. All of it goes on
 * after an error; a ruleset comes out only when there was none since
 * rules_builder_new(), and nothing of the builder is reachable from it: its arena
 * has been filled from the start.
 *
 * A pattern's index in the set is its place in `sources`, so tests can refer to
 * it before the set exists. Patterns that no rule asks for are compiled too, to
 * name what is wrong with them, but marked as not wanted.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "index.h"

/* ---- small tools ---- */

void *vec_push(struct vec *vec)
{
	char *item;

	if (vec->count == vec->capacity) {
		size_t capacity = vec->capacity ? vec->capacity * 2 : 8;
		void *items = reallocarray(vec->items, capacity, vec->item_size);

		if (!items)
			return NULL;
		vec->items = items;
		vec->capacity = capacity;
	}
	item = (char *)vec->items + vec->count++ * vec->item_size;
	memset(item, 0, vec->item_size);
	return item;
}

void vec_release(struct vec *vec)
{
	free(vec->items);
	*vec = (struct vec){.item_size = vec->item_size};
}

void *rules_kept(struct rules_builder *builder, void *memory)
{
	if (!memory)
		builder->out_of_memory = true;
	return memory;
}

/* ---- the builder ---- */

struct rules_builder *rules_builder_new(const struct rules_options *options,
					struct diag_list *diags)
{
	struct rules_builder *builder = calloc(1, sizeof(*builder));
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	struct rules_target *targets;
	struct hash_seed seed;

	if (!builder || !ruleset) {
		free(builder);
		free(ruleset);
		return NULL;
	}
	arena_init(&ruleset->arena);
	*builder = (struct rules_builder){
		.options = *options,
		.diags = diags,
		.errors_before = diags->errors,
		.ruleset = ruleset,
		.drafts = VEC(struct draft),
		.sources = VEC(struct pattern_source),
		.patterns = VEC(struct pattern_name),
		.apps = VEC(struct wanted_app),
		.zones = VEC(struct zone_entry),
	};
	ruleset->mark = options->mark;
	if (hash_seed_random(&seed) == 0)
		ruleset->seed = seed.k0;
	targets = arena_array(&ruleset->arena, options->target_count + 1, sizeof(*targets));
	if (!rules_kept(builder, targets)) {
		builder->options.target_count = 0;
		return builder;
	}
	for (size_t i = 0; i < options->target_count; i++) {
		targets[i] = options->targets[i];
		targets[i].name = arena_strdup(&ruleset->arena, options->targets[i].name);
		if (!targets[i].name) {
			targets[i].name = "";
			builder->out_of_memory = true;
		}
	}
	builder->options.targets = targets;
	return builder;
}

void rules_builder_free(struct rules_builder *builder)
{
	if (!builder)
		return;
	ruleset_free(builder->ruleset);
	vec_release(&builder->drafts);
	vec_release(&builder->sources);
	vec_release(&builder->patterns);
	vec_release(&builder->apps);
	vec_release(&builder->zones);
	free(builder);
}

/* ---- files ---- */

static bool same_finding(const struct diag *a, const struct diag *b)
{
	return a->severity == b->severity && a->line == b->line && a->file && b->file &&
	       strcmp(a->file, b->file) == 0 && strcmp(a->message, b->message) == 0;
}

/*
 * waymark.conf has been read before, by the config module: what reading it again
 * finds is in the list already, and is not said twice.
 */
static struct settings_file *open_shared(struct rules_builder *builder, const char *path)
{
	struct diag_list found = DIAG_LIST_INIT;
	struct settings_file *file = settings_open(path, &found);
	struct diag_list *diags = builder->diags;
	size_t before = diags->count;

	for (size_t i = 0; i < found.count; i++) {
		bool known = false;

		for (size_t j = 0; j < before && !known; j++)
			known = same_finding(&found.items[i], &diags->items[j]);
		if (!known)
			diag_add(diags, found.items[i].severity, found.items[i].file,
				 found.items[i].line, "%s", found.items[i].message);
	}
	/* an error that found no memory, or is known: the ruleset must still fail */
	if (!file && diags->errors == builder->errors_before)
		builder->errors_before = SIZE_MAX;
	diag_list_release(&found);
	return file;
}

void rules_add_file(struct rules_builder *builder, const char *path, bool shared)
{
	static const char *const known[] = {"rules", NULL};
	struct settings_file *file =
		shared ? open_shared(builder, path) : settings_open(path, builder->diags);
	const config_setting_t *rules;

	if (!file)
		return;
	if (!shared)
		settings_check_keys(settings_root(file), known, "a rules file", builder->diags);
	rules = settings_list(settings_root(file), "rules", builder->diags);
	for (int i = 0; rules && i < config_setting_length(rules); i++)
		rules_parse_rule(builder, config_setting_get_elem(rules, (unsigned)i));
	settings_close(file);
}

/* What another file of the same app looks at: two that look at different flows are parts of one. */
static bool look_at_the_same(const struct pattern_source *source, const struct pattern_file *file)
{
	return (source->transport == file->transport || !source->transport || !file->transport) &&
	       (source->side == file->side || !source->side || !file->side);
}

static void warn_of_twins(struct rules_builder *builder, const struct pattern_file *file,
			  uint16_t app, const char *path)
{
	const struct pattern_name *others = builder->patterns.items;
	const struct pattern_source *sources = builder->sources.items;

	for (size_t i = 0; i < builder->patterns.count; i++) {
		if (others[i].app != app || !look_at_the_same(&sources[others[i].pattern], file))
			continue;
		diag_warning(builder->diags, path, file->regex_line,
			     "pattern '%s' is also in %s:%d, either of them makes the app",
			     file->name, others[i].file, others[i].line);
		return;
	}
}

static void add_pattern(struct rules_builder *builder, const struct pattern_file *file,
			uint16_t app, const char *path)
{
	struct arena *arena = &builder->ruleset->arena;
	struct pattern_source *source = rules_kept(builder, vec_push(&builder->sources));
	struct pattern_name *name =
		source ? rules_kept(builder, vec_push(&builder->patterns)) : NULL;

	if (!name)
		return;
	*source = (struct pattern_source){
		.kind = (enum pattern_kind)file->kind,
		.text = rules_kept(builder, arena_strdup(arena, file->regex)),
		.flags = file->flags,
		.app = app,
		.strict = file->strict,
		.transport = file->transport,
		.side = file->side,
		.offset_bytes = file->offset_bytes,
		.first_bytes = file->first_bytes,
		.file = rules_kept(builder, arena_strdup(arena, path)),
		.line = file->regex_line,
	};
	*name = (struct pattern_name){
		.name = rules_kept(builder, arena_strdup(arena, file->name)),
		.file = source->file,
		.line = source->line,
		.pattern = (uint32_t)(builder->sources.count - 1),
		.app = app,
	};
}

/* APP_NONE when there is no number left for it. */
static uint16_t number_of(struct rules_builder *builder, const struct pattern_file *file,
			  const char *path)
{
	uint16_t app = app_intern(file->name);

	if (app == APP_NONE)
		diag_error(builder->diags, path, 0, "there are more than %d apps", APP_MAX - 1);
	return app;
}

void rules_add_pattern_file(struct rules_builder *builder, const char *path)
{
	struct pattern_file file;
	uint16_t app;

	if (pattern_file_read(path, &file, builder->diags) != 0)
		return;
	app = number_of(builder, &file, path);
	if (app != APP_NONE) {
		warn_of_twins(builder, &file, app, path);
		add_pattern(builder, &file, app, path);
	}
	pattern_file_release(&file);
}

/*
 * One of the first `own` patterns stands in for the built-in one. A loose pattern does not for a
 * strict one: l7-filter's files have names that ours have too, and are to take nothing away.
 */
static bool is_replaced(const struct rules_builder *builder, size_t own, uint16_t app, bool strict)
{
	const struct pattern_name *names = builder->patterns.items;
	const struct pattern_source *sources = builder->sources.items;

	for (size_t i = 0; i < own; i++)
		if (names[i].app == app && (sources[names[i].pattern].strict || !strict))
			return true;
	return false;
}

void rules_add_shipped_patterns(struct rules_builder *builder)
{
	const size_t own = builder->patterns.count;

	for (size_t i = 0; i < rules_shipped_count; i++) {
		const struct shipped_pattern *shipped = &rules_shipped[i];
		struct pattern_file file;
		uint16_t app;

		if (pattern_file_parse(shipped->text, strlen(shipped->text), shipped->path, &file,
				       builder->diags) != 0)
			continue;
		app = number_of(builder, &file, shipped->path);
		if (app != APP_NONE && !is_replaced(builder, own, app, file.strict)) {
			add_pattern(builder, &file, app, shipped->path);
			builder->ruleset->shipped_patterns++;
		}
		pattern_file_release(&file);
	}
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && strcmp(text + length - tail, end) == 0;
}

static int wanted_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (ends_in(entry->d_name, ".conf") || ends_in(entry->d_name, ".pat"));
}

/* By bytes, whatever the locale: the order of rules must not depend on it. */
static int compare_names(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

/* A FIFO or a device in the directory would hang a reload; a directory is named as such. */
static bool is_readable_file(struct rules_builder *builder, const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		diag_error(builder->diags, path, 0, "not a regular file");
		return false;
	}
	return true;
}

void rules_add_directory(struct rules_builder *builder, const char *path, bool required)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, wanted_name, compare_names);

	if (count < 0) {
		if (required || errno != ENOENT)
			diag_error(builder->diags, path, 0, "cannot read the directory: %s",
				   strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		size_t size = strlen(path) + strlen(entries[i]->d_name) + 2;
		char *name = rules_kept(builder, malloc(size));
		size_t length = strlen(path);

		if (name) {
			memcpy(name, path, length);
			if (length && name[length - 1] != '/')
				name[length++] = '/';
			strcpy(name + length, entries[i]->d_name);
			if (!is_readable_file(builder, name))
				;
			else if (ends_in(name, ".pat"))
				rules_add_pattern_file(builder, name);
			else
				rules_add_file(builder, name, false);
		}
		free(name);
		free(entries[i]);
	}
	free(entries);
}

/* ---- the end ---- */

static int compare_draft_names(const void *left, const void *right)
{
	const struct draft *a = *(const struct draft *const *)left;
	const struct draft *b = *(const struct draft *const *)right;
	int order = strcmp(a->view.name, b->view.name);

	if (order == 0)
		order = a->order < b->order ? -1 : 1;
	return order;
}

static void check_duplicates(struct rules_builder *builder)
{
	const struct draft *drafts = builder->drafts.items;
	size_t count = builder->drafts.count;
	const struct draft **sorted;

	if (count < 2)
		return;
	sorted = reallocarray(NULL, count, sizeof(*sorted));
	if (!rules_kept(builder, sorted))
		return;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &drafts[i];
	qsort(sorted, count, sizeof(*sorted), compare_draft_names);
	for (size_t i = 1, first = 0; i < count; i++) {
		if (!sorted[i]->named ||
		    strcmp(sorted[first]->view.name, sorted[i]->view.name) != 0) {
			first = i;
			continue;
		}
		diag_error(builder->diags, sorted[i]->view.file, sorted[i]->view.line,
			   "rule '%s' is already defined at %s:%d", sorted[i]->view.name,
			   sorted[first]->view.file, sorted[first]->view.line);
	}
	free(sorted);
}

static size_t count_words(const char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	return count;
}

static bool is_announced(const char *name)
{
	for (const char *const *known = app_announced_names(); *known; known++)
		if (strcasecmp(*known, name) == 0)
			return true;
	return false;
}

static void unknown_app(struct rules_builder *builder, const struct wanted_app *wanted)
{
	const struct pattern_name *patterns = builder->patterns.items;
	const char *const *lists[] = {app_builtin_names(), app_announced_names()};
	size_t count = count_words(lists[0]) + count_words(lists[1]);
	const char **known =
		reallocarray(NULL, count + builder->patterns.count + 1, sizeof(*known));
	const char *nearest = NULL;

	if (rules_kept(builder, known)) {
		count = 0;
		for (size_t i = 0; i < 2; i++)
			for (size_t j = 0; lists[i][j]; j++)
				known[count++] = lists[i][j];
		for (size_t i = 0; i < builder->patterns.count; i++)
			known[count++] = patterns[i].name;
		known[count] = NULL;
		nearest = diag_nearest(wanted->item->name, known);
	}
	diag_error(builder->diags, wanted->file, wanted->line,
		   "rule '%s': app: there is no app '%.80s'%s%s%s", wanted->rule,
		   wanted->item->name, nearest ? ", did you mean '" : "", nearest ? nearest : "",
		   nearest ? "'?" : "");
	free(known);
}

static void resolve_app(struct rules_builder *builder, const struct wanted_app *wanted)
{
	const struct pattern_name *patterns = builder->patterns.items;
	struct pattern_source *sources = builder->sources.items;
	struct app_item *item = wanted->item;
	uint32_t *indexes;

	/* a pattern's name of an earlier ruleset has a number too: it counts only if it is here */
	item->app = app_find(item->name);
	item->builtin = item->app != APP_NONE && app_is_builtin(item->app);
	for (size_t i = 0; i < builder->patterns.count; i++)
		item->pattern_count += item->app != APP_NONE && patterns[i].app == item->app;
	if (!item->builtin && item->pattern_count == 0) {
		if (!is_announced(item->name))
			unknown_app(builder, wanted);
		else if (wanted->enabled)
			diag_note(
				builder->diags, wanted->file, wanted->line,
				"rule '%s': app: '%.80s' is found by a .pat file only as yet, and "
				"there is none: it does not match",
				wanted->rule, item->name);
		return;
	}
	if (item->pattern_count == 0)
		return;
	indexes = rules_kept(builder, arena_array(&builder->ruleset->arena, item->pattern_count,
						  sizeof(*indexes)));
	item->patterns = indexes;
	item->pattern_count = 0;
	for (size_t i = 0; indexes && i < builder->patterns.count; i++) {
		if (patterns[i].app != item->app)
			continue;
		indexes[item->pattern_count++] = patterns[i].pattern;
		sources[patterns[i].pattern].wanted |= wanted->enabled;
	}
}

static int compare_drafts(const void *left, const void *right)
{
	const struct draft *a = *(const struct draft *const *)left;
	const struct draft *b = *(const struct draft *const *)right;

	if (a->view.priority != b->view.priority)
		return a->view.priority < b->view.priority ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* Stable over reloads, so no random seed; the text is the administrator's. */
static uint64_t fold(uint64_t value, const char *text)
{
	const struct hash_seed seed = {value, 0};

	return hash_bytes(&seed, text, strlen(text));
}

/* Where the expression looks belongs to it. */
static uint64_t fold_payload(uint64_t value, const struct pattern_source *source)
{
	return fold(value + ((uint64_t)source->side << 8) + ((uint64_t)source->offset_bytes << 16) +
			    ((uint64_t)source->first_bytes << 32),
		    source->text);
}

static uint64_t fingerprint_of(const struct rules_builder *builder, const struct draft *draft)
{
	const struct pattern_source *sources = builder->sources.items;
	uint64_t value = fold(0, draft->view.name);
	bool any = false;

	for (uint32_t i = 0; i < draft->test_count; i++) {
		const struct test *test = &draft->tests[i];
		const struct app_item *apps = test->items;
		const char *const *alpn = test->items;
		const uint32_t *patterns = test->items;

		if (test->kind != TEST_APP && test->kind != TEST_ALPN && test->kind != TEST_PAYLOAD)
			continue;
		any = true;
		for (uint32_t j = 0; j < test->count; j++) {
			if (test->kind == TEST_PAYLOAD)
				value = fold_payload(value + test->kind, &sources[patterns[j]]);
			else
				value = fold(value + test->kind,
					     test->kind == TEST_APP ? apps[j].name : alpn[j]);
		}
	}
	return any ? value | 1 : 0; /* 0 means none */
}

/* What is smaller stays in the processor's own cache. */
#define LARGE_SET_SPANS 2048
#define LARGE_SET_BUCKETS 2048

static void note_addresses(struct ruleset *ruleset, const struct test *test)
{
	const struct address_set *set = test->items;

	if (ruleset->large_count == sizeof(ruleset->large) / sizeof(ruleset->large[0]) ||
	    set->v4_count + set->v6_count < LARGE_SET_SPANS)
		return;
	ruleset->large[ruleset->large_count].set = set;
	ruleset->large[ruleset->large_count++].src = test->kind == TEST_SRC;
}

static void note_hosts(struct ruleset *ruleset, const struct host_set *set)
{
	if (ruleset->large_hosts_count <
		    sizeof(ruleset->large_hosts) / sizeof(ruleset->large_hosts[0]) &&
	    set->bucket_count >= LARGE_SET_BUCKETS)
		ruleset->large_hosts[ruleset->large_hosts_count++] = set;
}

static void note_large_sets(struct ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->count; i++) {
		const struct rule *rule = &ruleset->rules[i];

		for (uint32_t t = 0; t < rule->test_count; t++) {
			const struct test *test = &rule->tests[t];

			if (test->kind == TEST_SRC || test->kind == TEST_DST)
				note_addresses(ruleset, test);
			else if (test->kind == TEST_HOST)
				note_hosts(ruleset, test->items);
		}
	}
}

/* The enabled drafts in match order, with all their tests in one run of memory. */
static bool arrange(struct rules_builder *builder)
{
	struct ruleset *ruleset = builder->ruleset;
	const struct draft *drafts = builder->drafts.items;
	const struct draft **sorted =
		reallocarray(NULL, builder->drafts.count + 1, sizeof(*sorted));
	size_t count = 0, test_count = 0, used = 0;
	struct test *tests;
	bool done = false;

	if (!sorted)
		return false;
	for (size_t i = 0; i < builder->drafts.count; i++) {
		if (drafts[i].enabled) {
			sorted[count++] = &drafts[i];
			test_count += drafts[i].test_count;
		}
	}
	qsort(sorted, count, sizeof(*sorted), compare_drafts);
	ruleset->rules = arena_array(&ruleset->arena, count + 1, sizeof(*ruleset->rules));
	ruleset->views = arena_array(&ruleset->arena, count + 1, sizeof(*ruleset->views));
	ruleset->outcomes = arena_array(&ruleset->arena, count + 1, sizeof(*ruleset->outcomes));
	tests = arena_array(&ruleset->arena, test_count + 1, sizeof(*tests));
	if (!ruleset->rules || !ruleset->views || !ruleset->outcomes || !tests)
		goto out;
	ruleset->count = count;
	ruleset->header_only = true;
	for (size_t i = 0; i < count; i++) {
		const struct draft *draft = sorted[i];

		if (draft->test_count)
			memcpy(tests + used, draft->tests, draft->test_count * sizeof(*tests));
		ruleset->views[i] = draft->view;
		ruleset->outcomes[i] = (struct rule_outcome){
			.value = draft->view.value,
			.group = draft->view.group,
			.action = (uint8_t)draft->view.action,
			.late = (uint8_t)draft->view.late,
			.late_given = draft->view.late_given,
		};
		ruleset->rules[i] = (struct rule){
			.tests = tests + used,
			.test_count = draft->test_count,
			.payload = draft->payload,
			.fingerprint = fingerprint_of(builder, draft),
		};
		ruleset->header_only &= !draft->payload;
		used += draft->test_count;
	}
	note_large_sets(ruleset);
	done = rules_index_build(ruleset);
out:
	free(sorted);
	return done;
}

struct ruleset *rules_build(struct rules_builder *builder)
{
	struct ruleset *ruleset = builder->ruleset;
	const struct wanted_app *apps = builder->apps.items;

	check_duplicates(builder);
	for (size_t i = 0; i < builder->apps.count; i++)
		resolve_app(builder, &apps[i]);
	if (!builder->out_of_memory && !ruleset->patterns)
		ruleset->patterns = pattern_set_new(builder->sources.items, builder->sources.count,
						    builder->diags);
	if (builder->out_of_memory ||
	    (builder->diags->errors == builder->errors_before && !ruleset->patterns) ||
	    (builder->diags->errors == builder->errors_before && !arrange(builder)))
		diag_error(builder->diags, NULL, 0, "out of memory while reading the rules");
	if (builder->diags->errors != builder->errors_before)
		return NULL;
	builder->ruleset = NULL; /* the caller's now */
	return ruleset;
}
