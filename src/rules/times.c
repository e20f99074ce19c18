/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * times.c - the `time` key: days, hours and the zone they are meant in.
 *
 * A group, or a list of groups of which any may hold. Without days every day is
 * meant, without hours all of them. A span whose end is before its beginning passes
 * midnight and belongs to the day on which it began, so "fri 22:00 to 06:00" is
 * over on Saturday morning. Zones are kept by the builder: a hundred rules in
 * one zone share one table.
 */
#include <stdio.h>
#include <string.h>

#include "keys.h"

static const struct zone *find_zone(struct key_context *context, const config_setting_t *group,
				    const char *name)
{
	struct rules_builder *builder = context->builder;
	const struct zone_entry *known = builder->zones.items;
	const char *why = "out of memory";
	struct zone_entry *entry;
	const struct zone *zone;

	for (size_t i = 0; i < builder->zones.count; i++) {
		if (strcmp(known[i].name, name) == 0)
			return known[i].zone;
	}
	zone = zone_load(&builder->ruleset->arena, name, &why);
	if (!zone) {
		rules_key_error(context, group, "zone '%.80s': %s", *name ? name : "/etc/localtime",
				why);
		return NULL;
	}
	entry = rules_kept(builder, vec_push(&builder->zones));
	if (entry) {
		entry->name = rules_kept(builder, arena_strdup(&builder->ruleset->arena, name));
		entry->zone = zone;
		if (!entry->name)
			builder->zones.count--;
	}
	return zone;
}

static void read_days(struct key_context *context, const struct key *key,
		      const config_setting_t *setting, struct time_item *time)
{
	if (!rules_check_items(context, setting))
		return;
	time->days = 0;
	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i);
		const char *text = rules_item_string(context, key, item);
		int day = text ? word_day(text) : -1;

		if (text && day < 0)
			rules_not_a(context, item, text, "a day (\"mon\" to \"sun\")", word_days);
		if (day >= 0)
			time->days |= (uint8_t)(1u << day);
	}
}

static void read_clock(struct key_context *context, const config_setting_t *group, const char *name,
		       uint16_t *minutes)
{
	const char *text;

	if (settings_string(group, name, &text, context->builder->diags) &&
	    !word_clock(text, minutes))
		rules_key_error(context, rules_find_member(group, name),
				"'%.80s' is not a time of the day \"HH:MM\"", text);
}

void rules_read_times(struct key_context *context, const struct key *key,
		      const config_setting_t *setting, struct vec *tests)
{
	static const char *const members[] = {"days", "from", "to", "zone", NULL};
	struct diag_list *diags = context->builder->diags;
	struct vec list = VEC(struct time_item);

	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *group = settings_item(setting, i);
		struct time_item *time = rules_kept(context->builder, vec_push(&list));
		const config_setting_t *days;
		const char *zone = "";
		char what[160];

		if (!time)
			break;
		if (!config_setting_is_group(group)) {
			rules_key_error(context, group, "must be %s", key->what);
			continue;
		}
		if (config_setting_length(group) == 0)
			rules_key_error(context, group, "the group is empty");
		snprintf(what, sizeof(what), "time of rule '%s'", context->rule);
		settings_check_keys(group, members, what, diags);
		*time = (struct time_item){.to = 24 * 60, .days = 0x7f};
		days = rules_find_member(group, "days");
		if (days)
			read_days(context, key, days, time);
		read_clock(context, group, "from", &time->from);
		read_clock(context, group, "to", &time->to);
		if (time->from == time->to || time->from == 24 * 60)
			rules_key_error(context, group, "from and to leave no time between them");
		if (settings_string(group, "zone", &zone, diags) && *zone == '\0')
			rules_key_error(context, group, "the zone is empty");
		time->zone = find_zone(context, group, zone);
	}
	rules_new_test(context, tests, key->kind, list.items, list.count, sizeof(struct time_item));
	vec_release(&list);
}
