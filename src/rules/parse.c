/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse.c - one member of a file's `rules` -> a draft.
 *
 * Everything of a rule is looked at even if its name or its action is wrong, so
 * that one run shows all. A draft is kept in any case, for the check of
 * duplicate names; a builder with errors never becomes a ruleset.
 *
 * `late` by default follows from what the target can stand: "learn" where the
 * value belongs to an uplink that NATs, since moving a connection there ends it,
 * else "move".
 */
#include <stdio.h>
#include <string.h>

#include "private.h"

#define NAME_LENGTH_MAX 63

static bool valid_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.-";
	size_t length = strlen(name);

	return length > 0 && length <= NAME_LENGTH_MAX && strspn(name, letters) == length;
}

static const char *keep_text(struct rules_builder *builder, const char *text)
{
	return rules_kept(builder, arena_strdup(&builder->ruleset->arena, text));
}

/* Rules of one file have one copy of its name. */
static const char *keep_file(struct rules_builder *builder, const char *file)
{
	const struct draft *drafts = builder->drafts.items;
	const char *last =
		builder->drafts.count ? drafts[builder->drafts.count - 1].view.file : NULL;

	return last && strcmp(last, file) == 0 ? last : keep_text(builder, file);
}

static void find_target(struct rules_builder *builder, const config_setting_t *setting,
			const char *rule, const char *name, struct rule_view *view, bool *nat)
{
	const struct rules_options *options = &builder->options;
	const char **known;
	const char *nearest = NULL;

	if (strcmp(name, "main") == 0) {
		view->action = RULE_MAIN;
		view->value = options->mark.main;
		view->uplink = "main";
		return;
	}
	view->action = RULE_UPLINK;
	for (size_t i = 0; i < options->target_count; i++) {
		if (strcmp(options->targets[i].name, name) == 0) {
			view->uplink = options->targets[i].name;
			view->value = options->targets[i].value;
			view->group = options->targets[i].group;
			*nat = options->targets[i].nat;
			return;
		}
	}
	known = arena_array(&builder->ruleset->arena, options->target_count + 2, sizeof(*known));
	if (rules_kept(builder, known)) {
		for (size_t i = 0; i < options->target_count; i++)
			known[i] = options->targets[i].name;
		known[options->target_count] = "main";
		nearest = diag_nearest(name, known);
	}
	settings_error(setting, builder->diags,
		       "rule '%s': there is no uplink or group '%.80s'%s%s%s", rule, name,
		       nearest ? ", did you mean '" : "", nearest ? nearest : "",
		       nearest ? "'?" : "");
}

static bool value_is_nat(const struct rules_options *options, uint32_t value)
{
	for (size_t i = 0; i < options->target_count; i++) {
		if (options->targets[i].group == RULES_NO_GROUP &&
		    options->targets[i].value == value)
			return options->targets[i].nat;
	}
	return false;
}

static void parse_action(struct rules_builder *builder, const config_setting_t *group,
			 const char *rule, struct rule_view *view, bool *nat)
{
	struct diag_list *diags = builder->diags;
	const struct mark_layout *mark = &builder->options.mark;
	const config_setting_t *uplink = config_setting_get_member(group, "uplink");
	const config_setting_t *value = config_setting_get_member(group, "mark");
	const config_setting_t *drop = config_setting_get_member(group, "drop");
	unsigned actions = (uplink ? 1u : 0u) + (value ? 1u : 0u);
	bool dropping = drop != NULL; /* one of a wrong type counts as given */
	const char *name;
	int64_t number;

	settings_bool(group, "drop", &dropping, diags);
	actions += dropping;
	if (actions == 0)
		settings_error(group, diags, "rule '%s' has no action: one of uplink, mark, drop",
			       rule);
	if (actions > 1)
		settings_error(group, diags,
			       "rule '%s' has %s actions: exactly one of uplink, mark, drop", rule,
			       actions == 2 ? "two" : "three");
	if (dropping) {
		view->action = RULE_DROP;
		view->value = mark->drop;
	}
	if (value) {
		view->action = RULE_MARK;
		if (settings_int(group, "mark", 1, mark->user_max, &number, diags)) {
			view->value = (uint32_t)number;
			*nat = value_is_nat(&builder->options, view->value);
		}
	}
	if (uplink && settings_string(group, "uplink", &name, diags))
		find_target(builder, uplink, rule, name, view, nat);
}

void rules_parse_rule(struct rules_builder *builder, const config_setting_t *setting)
{
	static const char *const known[] = {"name", "match",   "uplink",   "mark",    "drop", "log",
					    "late", "enabled", "priority", "comment", NULL};
	static const char *const lates[] = {"learn", "move", NULL};
	struct diag_list *diags = builder->diags;
	const config_setting_t *place = config_setting_get_member(setting, "name");
	const config_setting_t *match;
	struct vec tests = VEC(struct test);
	struct draft draft = {
		.enabled = true,
		.order = builder->drafts.count,
		.view = {.group = RULES_NO_GROUP},
	};
	struct draft *kept;
	struct key_context context = {.builder = builder};
	const char *name = NULL, *comment = NULL;
	char label[NAME_LENGTH_MAX + 1], what[NAME_LENGTH_MAX + 16];
	int64_t priority = 100;
	bool nat = false;
	int late;

	if (!place)
		settings_error(setting, diags, "a rule has no name");
	else if (settings_string(setting, "name", &name, diags)) {
		draft.named = valid_name(name);
		if (!draft.named)
			settings_error(place, diags,
				       "rule name '%.80s' must be 1 to %d of A-Z a-z 0-9 _ . -",
				       name, NAME_LENGTH_MAX);
	}
	snprintf(label, sizeof(label), "%s", name ? name : "?");
	snprintf(what, sizeof(what), "rule '%s'", label);
	settings_check_keys(setting, known, what, diags);
	draft.view.name = keep_text(builder, label);
	draft.view.file = keep_file(builder, settings_source(place ? place : setting));
	draft.view.line = settings_line(place ? place : setting);
	if (!draft.view.name || !draft.view.file)
		return;

	settings_bool(setting, "enabled", &draft.enabled, diags);
	settings_bool(setting, "log", &draft.view.log, diags);
	settings_int(setting, "priority", INT32_MIN, INT32_MAX, &priority, diags);
	draft.view.priority = (int)priority;
	if (settings_string(setting, "comment", &comment, diags))
		draft.view.comment = keep_text(builder, comment);
	parse_action(builder, setting, label, &draft.view, &nat);
	draft.view.late = nat ? RULE_LATE_LEARN : RULE_LATE_MOVE;
	if (settings_enum(setting, "late", lates, &late, diags)) {
		draft.view.late = late == 0 ? RULE_LATE_LEARN : RULE_LATE_MOVE;
		draft.view.late_given = true;
	}

	context.rule = draft.view.name;
	context.enabled = draft.enabled;
	match = settings_group(setting, "match", diags);
	if (match)
		rules_parse_match(&context, match, &tests);
	for (size_t i = 0; i < tests.count; i++)
		draft.payload |= ((const struct test *)tests.items)[i].payload;
	draft.view.has_payload_keys = draft.payload;
	draft.test_count = (uint32_t)tests.count;
	if (tests.count)
		draft.tests = rules_kept(builder, arena_copy(&builder->ruleset->arena, tests.items,
							     tests.count * sizeof(struct test)));
	vec_release(&tests);
	kept = rules_kept(builder, vec_push(&builder->drafts));
	if (kept)
		*kept = draft;
}
