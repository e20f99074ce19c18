/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups of uplinks, and the probes of uplinks: parsed and fully checked.
 *
 * Neither acts yet. What a user writes today must not turn out wrong on the day
 * that it does, so the checks are the whole ones; and each is noted, so that
 * nobody takes "checked" for "at work".
 */
#include "load.h"

#include <string.h>

#define MEMBERS_MAX 1024

/* ---- probes ---- */

static const char *const probe_words[] = {"icmp", "tcp", "http", "dns", NULL};

const char *conf_probe_type_name(enum conf_probe_type type)
{
	return type >= CONF_PROBE_ICMP && type <= CONF_PROBE_DNS
		       ? probe_words[type - CONF_PROBE_ICMP]
		       : "none";
}

static void read_targets(struct loader *loader, const config_setting_t *group, const char *what,
			 struct conf_probe *probe)
{
	const config_setting_t *setting = loader_member(group, "targets");

	if (!setting) {
		settings_error(group, loader->diags, "%s needs 'targets'", what);
		return;
	}
	if (!loader_strings(loader, setting, &probe->targets, &probe->target_count))
		return;
	if (!probe->target_count || probe->target_count > CONF_TARGETS_MAX)
		settings_error(setting, loader->diags, "%s has %zu targets, must be 1 to %d", what,
			       probe->target_count, CONF_TARGETS_MAX);
	for (size_t i = 0; i < probe->target_count; i++) {
		const config_setting_t *item = settings_item(setting, i);
		const char *target = probe->targets[i];
		if (!loader_is_host(target))
			settings_error(item, loader->diags,
				       "%s: target '%.100s' is neither an address nor a name", what,
				       target);
		for (size_t j = 0; j < i && i < CONF_TARGETS_MAX; j++) {
			if (strcmp(probe->targets[j], target) != 0)
				continue;
			settings_error(item, loader->diags, "%s: target '%s' is in the list twice",
				       what, target);
			break;
		}
	}
	if (probe->target_count && probe->need > probe->target_count) {
		const config_setting_t *need = loader_member(group, "need");
		settings_error(need ? need : setting, loader->diags,
			       "%s: 'need' is %u, but there are %zu targets", what, probe->need,
			       probe->target_count);
	}
}

/* A key that belongs to one type of probe is wrong in the others. */
static bool belongs(struct loader *loader, const config_setting_t *group, const char *what,
		    const struct conf_probe *probe, const char *key, bool fits)
{
	const config_setting_t *setting = loader_member(group, key);
	if (!setting || probe->type == CONF_PROBE_NONE)
		return false;
	if (!fits)
		settings_error(setting, loader->diags, "%s: '%s' has no meaning for type %s", what,
			       key, conf_probe_type_name(probe->type));
	return fits;
}

static void read_type_keys(struct loader *loader, const config_setting_t *group, const char *what,
			   struct conf_probe *probe)
{
	enum conf_probe_type type = probe->type;
	uint32_t port = type == CONF_PROBE_HTTP ? 80 : type == CONF_PROBE_DNS ? 53 : 0;
	const char *text;

	if (belongs(loader, group, what, probe, "port", type != CONF_PROBE_ICMP))
		loader_u32(loader, group, "port", 1, UINT16_MAX, &port);
	else if (type == CONF_PROBE_TCP)
		settings_error(group, loader->diags, "%s of type tcp needs a 'port'", what);
	probe->port = (uint16_t)port;
	probe->path = type == CONF_PROBE_HTTP ? "/" : NULL;
	if (belongs(loader, group, what, probe, "path", type == CONF_PROBE_HTTP) &&
	    settings_string(group, "path", &text, loader->diags)) {
		probe->path = loader_text(loader, text);
		if (*text != '/' || strpbrk(text, " \t\r\n"))
			settings_error(loader_member(group, "path"), loader->diags,
				       "%s: path '%.100s' must begin with '/' and hold no blanks",
				       what, text);
	}
	probe->query = type == CONF_PROBE_DNS ? "." : NULL;
	if (belongs(loader, group, what, probe, "query", type == CONF_PROBE_DNS) &&
	    settings_string(group, "query", &text, loader->diags)) {
		probe->query = loader_text(loader, text);
		if (strcmp(text, ".") != 0 && !loader_is_host(text))
			settings_error(loader_member(group, "query"), loader->diags,
				       "%s: query '%.100s' is no name", what, text);
	}
}

void conf_read_probe(struct loader *loader, const config_setting_t *uplink,
		     struct conf_uplink *target)
{
	static const char *const keys[] = {
		"type", "targets",	    "need",	      "interval_ms", "timeout_ms", "down",
		"up",	"max_loss_percent", "max_latency_ms", "port",	     "path",	   "query",
		NULL};
	struct conf_probe *probe = &target->probe;
	const config_setting_t *group = settings_group(uplink, "probe", loader->diags);
	char what[CONF_NAME_MAX + 32];
	int word;

	*probe = (struct conf_probe){
		.need = 1,
		.interval_ms = 1000,
		.timeout_ms = 500,
		.down = 3,
		.up = 3,
		.max_loss_percent = 100,
	};
	if (!group)
		return;
	snprintf(what, sizeof(what), "probe of uplink '%.63s'", target->name);
	settings_check_keys(group, keys, what, loader->diags);
	if (!loader_member(group, "type"))
		settings_error(group, loader->diags, "%s needs a 'type'", what);
	else if (settings_enum(group, "type", probe_words, &word, loader->diags))
		probe->type = CONF_PROBE_ICMP + (enum conf_probe_type)word;
	loader_u32(loader, group, "need", 1, CONF_TARGETS_MAX, &probe->need);
	loader_u32(loader, group, "interval_ms", 100, 3600000, &probe->interval_ms);
	loader_u32(loader, group, "timeout_ms", 10, 60000, &probe->timeout_ms);
	loader_u32(loader, group, "down", 1, 1000, &probe->down);
	loader_u32(loader, group, "up", 1, 1000, &probe->up);
	loader_u32(loader, group, "max_loss_percent", 0, 100, &probe->max_loss_percent);
	loader_u32(loader, group, "max_latency_ms", 0, 60000, &probe->max_latency_ms);
	read_targets(loader, group, what, probe);
	read_type_keys(loader, group, what, probe);
	diag_note(loader->diags, settings_source(group), settings_line(group),
		  "%s is checked but not acted on yet", what);
}

/* ---- groups ---- */

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
