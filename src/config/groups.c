/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups of uplinks: parsed and fully checked.
 *
 * Uplinks are read before, so that members and names can be checked against them at once. A group
 * that is wrong keeps its place, with what could be read of it, so that later findings still name
 * it.
 */
#include "load.h"

#include <string.h>

#define MEMBERS_MAX 1024

static void read_name(struct loader *loader, const config_setting_t *setting,
		      struct conf_group *group, size_t index)
{
	struct conf *conf = loader->conf;
	const config_setting_t *name_setting = loader_member(setting, "name");
	const char *name;

	group->name = "";
	if (!name_setting) {
		settings_error(setting, loader->diags, "group %zu needs a 'name'", index + 1);
		return;
	}
	if (!settings_string(setting, "name", &name, loader->diags))
		return;
	const char *fault = loader_name_fault(name);
	if (fault) {
		settings_error(name_setting, loader->diags, "name '%.100s' %s", name, fault);
		return;
	}
	const struct conf_uplink *uplink = conf_uplink_by_name(conf, name);
	const struct conf_group *other = conf_group_by_name(conf, name);
	const char *kind = uplink ? "an uplink" : other ? "another group" : NULL;
	if (kind) {
		const char *file = uplink ? uplink->file : other->file;
		int line = uplink ? uplink->line : other->line;
		bool same = strcmp(file, group->file) == 0;
		settings_error(name_setting, loader->diags,
			       "group '%s': %s on %s%s%d has this name", name, kind,
			       same ? "line " : file, same ? "" : ":", line);
	}
	name = loader_text(loader, name);
	if (name)
		group->name = name;
}

static void read_member(struct loader *loader, const config_setting_t *setting, const char *what,
			struct conf_group *group)
{
	static const char *const keys[] = {"uplink", "weight", NULL};
	struct conf *conf = loader->conf;
	struct conf_member member = {.weight = 1};
	char of[CONF_NAME_MAX + 48];
	const char *name;

	snprintf(of, sizeof(of), "a member of %s", what);
	settings_check_keys(setting, keys, of, loader->diags);
	loader_u32(loader, setting, "weight", 1, 1000, &member.weight);
	if (!loader_member(setting, "uplink")) {
		settings_error(setting, loader->diags, "%s needs an 'uplink'", of);
		return;
	}
	if (!settings_string(setting, "uplink", &name, loader->diags))
		return;
	const config_setting_t *at = loader_member(setting, "uplink");
	const struct conf_uplink *uplink = *name ? conf_uplink_by_name(conf, name) : NULL;
	if (!uplink) {
		const char **words = loader_array(loader, conf->uplink_count, sizeof(*words));
		if (!words)
			return;
		for (size_t i = 0, known = 0; i < conf->uplink_count; i++)
			if (*conf->uplinks[i].name)
				words[known++] = conf->uplinks[i].name;
		const char *nearest = diag_nearest(name, words);
		settings_error(at, loader->diags, "%s: there is no uplink '%.100s'%s%s%s", what,
			       name, nearest ? ", did you mean '" : "", nearest ? nearest : "",
			       nearest ? "'?" : "");
		return;
	}
	member.uplink = (uint32_t)(uplink - conf->uplinks);
	for (size_t i = 0; i < group->member_count; i++) {
		if (group->members[i].uplink != member.uplink)
			continue;
		settings_error(at, loader->diags, "%s: uplink '%s' is a member twice", what, name);
		return;
	}
	group->members[group->member_count++] = member;
}

static void read_members(struct loader *loader, const config_setting_t *setting, const char *what,
			 struct conf_group *group)
{
	if (!loader_member(setting, "members")) {
		settings_error(setting, loader->diags, "%s needs 'members'", what);
		return;
	}
	const config_setting_t *list = settings_list(setting, "members", loader->diags);
	if (!list)
		return;
	size_t count = settings_items(list);
	if (!count || count > MEMBERS_MAX) {
		settings_error(list, loader->diags, "%s has %zu members, must be 1 to %d", what,
			       count, MEMBERS_MAX);
		return;
	}
	group->members = loader_array(loader, count, sizeof(*group->members));
	for (size_t i = 0; group->members && i < count; i++)
		read_member(loader, settings_item(list, i), what, group);
}

static void read_group(struct loader *loader, const config_setting_t *setting, size_t index)
{
	static const char *const keys[] = {"name", "policy", "sticky", "sticky_s", "members", NULL};
	static const char *const policies[] = {"weighted", "failover", NULL};
	static const char *const stickies[] = {"flow", "source", "source-destination", NULL};
	struct conf_group *group = &loader->conf->groups[index];
	char what[CONF_NAME_MAX + 32];
	int word;

	group->line = settings_line(setting);
	const char *file = loader_text(loader, settings_source(setting));
	group->file = file ? file : "";
	group->sticky_s = 600;
	read_name(loader, setting, group, index);
	if (*group->name)
		snprintf(what, sizeof(what), "group '%.63s'", group->name);
	else
		snprintf(what, sizeof(what), "group %zu", index + 1);
	settings_check_keys(setting, keys, what, loader->diags);
	if (settings_enum(setting, "policy", policies, &word, loader->diags))
		group->policy = (enum conf_group_policy)word;
	if (settings_enum(setting, "sticky", stickies, &word, loader->diags))
		group->sticky = (enum conf_group_sticky)word;
	loader_u32(loader, setting, "sticky_s", 1, 31536000, &group->sticky_s);
	read_members(loader, setting, what, group);
}

void conf_read_groups(struct loader *loader, const config_setting_t *root)
{
	struct conf *conf = loader->conf;
	const config_setting_t *list = settings_list(root, "groups", loader->diags);
	size_t count = list ? settings_items(list) : 0;

	if (count > CONF_UPLINKS_MAX) {
		settings_error(list, loader->diags, "'groups' has %zu items, the most is %d", count,
			       CONF_UPLINKS_MAX);
		count = CONF_UPLINKS_MAX;
	}
	conf->groups = loader_array(loader, count, sizeof(*conf->groups));
	for (size_t i = 0; conf->groups && i < count; i++) {
		read_group(loader, settings_item(list, i), i);
		conf->group_count = i + 1;
	}
}
