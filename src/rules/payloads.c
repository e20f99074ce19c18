/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * payloads.c - the `payload` key: regular expressions, and where each may look.
 *
 * A string is the expression alone; a group says beside it whose bytes it reads (`from`), where its
 * '^' is (`offset`) and how far it sees (`first`). A limit that is reached refutes the key, so
 * that a rule with one is decided sooner. Each becomes a pattern of the set, and the test holds
 * its number.
 */
#include <stdio.h>

#include "keys.h"

static bool read_group(struct key_context *context, const config_setting_t *group,
		       struct pattern_source *source, const char **regex)
{
	static const char *const members[] = {"regex", "from", "offset", "first", NULL};
	static const char *const sides[] = {"client", "server", NULL};
	struct diag_list *diags = context->builder->diags;
	int64_t number;
	char what[160];
	int side;

	snprintf(what, sizeof(what), "payload of rule '%s'", context->rule);
	settings_check_keys(group, members, what, diags);
	if (settings_enum(group, "from", sides, &side, diags))
		source->side = side ? PATTERN_FROM_SERVER : PATTERN_FROM_CLIENT;
	if (settings_int(group, "offset", 0, FLOW_PREFIX_MAX_BYTES - 1, &number, diags))
		source->offset_bytes = (uint32_t)number;
	if (settings_int(group, "first", 1, FLOW_PREFIX_MAX_BYTES, &number, diags))
		source->first_bytes = (uint32_t)number;
	if (!rules_find_member(group, "regex")) {
		rules_key_error(context, group, "the group has no regex");
		return false;
	}
	if (!settings_string(group, "regex", regex, diags))
		return false;
	if (**regex == '\0') {
		rules_key_error(context, rules_find_member(group, "regex"), "the regex is empty");
		return false;
	}
	return true;
}

void rules_read_payloads(struct key_context *context, const struct key *key,
			 const config_setting_t *setting, struct vec *tests)
{
	struct rules_builder *builder = context->builder;
	struct arena *arena = &builder->ruleset->arena;
	struct vec list = VEC(uint32_t);

	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i), *place = item;
		struct pattern_source limits = {0}, *source;
		const char *regex = NULL;
		uint32_t *index;

		if (config_setting_is_group(item)) {
			if (!read_group(context, item, &limits, &regex))
				continue;
			place = rules_find_member(item, "regex");
		} else {
			regex = rules_item_string(context, key, item);
		}
		if (!regex)
			continue;
		source = rules_kept(builder, vec_push(&builder->sources));
		index = rules_kept(builder, vec_push(&list));
		if (!source || !index)
			break;
		*index = (uint32_t)(builder->sources.count - 1);
		*source = (struct pattern_source){
			.kind = PATTERN_PAYLOAD,
			.text = rules_kept(builder, arena_strdup(arena, regex)),
			.wanted = context->enabled,
			.side = limits.side,
			.offset_bytes = limits.offset_bytes,
			.first_bytes = limits.first_bytes,
			.file = rules_kept(builder, arena_strdup(arena, settings_source(place))),
			.line = settings_line(place),
		};
	}
	rules_new_test(context, tests, key->kind, list.items, list.count, sizeof(uint32_t));
	vec_release(&list);
}
