/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The uplinks: each by itself, then against those before it.
 *
 * Names, marks and tables must be one of a kind: they are what packets, rules in
 * the kernel and users tell uplinks apart by. A clash is reported at the later
 * one and names the line of the earlier.
 *
 * Defaults come from the position, counted from one over all uplinks, disabled
 * ones too, so that switching one off moves no other's mark or table.
 *
 * A value that was refused is kept as 0 (mark, table) or "" (name), which
 * clashes with nothing.
 */
#include "load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WHAT_SIZE (CONF_NAME_MAX + 32)

/* "uplink 'lte'", or "uplink 2" as long as it has no name. */
static void describe(char what[WHAT_SIZE], const struct conf_uplink *uplink, size_t index)
{
	if (*uplink->name)
		snprintf(what, WHAT_SIZE, "uplink '%.63s'", uplink->name);
	else
		snprintf(what, WHAT_SIZE, "uplink %zu", index + 1);
}

/* Where the earlier of two stands: "line 3", or "other.conf:3" if that is another file. */
static void place(char *text, size_t size, const struct conf_uplink *of,
		  const struct conf_uplink *seen_from)
{
	if (strcmp(of->file, seen_from->file) == 0)
		snprintf(text, size, "line %d", of->line);
	else
		snprintf(text, size, "%.200s:%d", of->file, of->line);
}

static void read_name(struct loader *loader, const config_setting_t *group,
		      struct conf_uplink *uplink, size_t index)
{
	const char *name;

	uplink->name = "";
	if (!loader_member(group, "name")) {
		settings_error(group, loader->diags, "uplink %zu needs a 'name'", index + 1);
		return;
	}
	if (!settings_string(group, "name", &name, loader->diags))
		return;
	const char *fault = loader_name_fault(name);
	if (fault) {
		settings_error(loader_member(group, "name"), loader->diags, "name '%.100s' %s",
			       name, fault);
		return;
	}
	name = loader_text(loader, name);
	if (name)
		uplink->name = name;
}

static void read_interface(struct loader *loader, const config_setting_t *group, const char *what,
			   struct conf_uplink *uplink)
{
	const char *name;

	uplink->interface = "";
	if (!loader_member(group, "interface")) {
		settings_error(group, loader->diags, "%s needs an 'interface'", what);
		return;
	}
	if (!settings_string(group, "interface", &name, loader->diags))
		return;
	const char *fault = loader_interface_fault(name);
	if (fault) {
		settings_error(loader_member(group, "interface"), loader->diags,
			       "%s: interface '%.100s' %s", what, name, fault);
		return;
	}
	name = loader_text(loader, name);
	if (name)
		uplink->interface = name;
}

static bool is_unspecified_or_multicast(const struct ip_addr *address)
{
	static const uint8_t zero[16];
	if (memcmp(address->bytes, zero, sizeof(zero)) == 0)
		return true;
	return address->family == IP_V4 ? address->bytes[0] >= 224 : address->bytes[0] == 0xff;
}

static void read_gateway(struct loader *loader, const config_setting_t *group, const char *what,
			 const char *key, enum ip_family family, struct conf_gateway *gateway)
{
	struct ip_addr address;
	const char *text;

	gateway->kind = CONF_GATEWAY_DEFAULT;
	if (!settings_string(group, key, &text, loader->diags))
		return;
	const config_setting_t *setting = loader_member(group, key);
	if (strcmp(text, "auto") == 0) {
		gateway->kind = CONF_GATEWAY_AUTO;
	} else if (strcmp(text, "none") == 0) {
		gateway->kind = CONF_GATEWAY_NONE;
	} else if (!ip_parse(text, &address)) {
		settings_error(setting, loader->diags,
			       "%s: %s '%.100s' must be an address, \"auto\" or \"none\"", what,
			       key, text);
	} else if (address.family != family) {
		settings_error(setting, loader->diags,
			       "%s: %s '%s' is an IPv%d address, it belongs to '%s'", what, key,
			       text, address.family, family == IP_V4 ? "gateway6" : "gateway");
	} else if (is_unspecified_or_multicast(&address)) {
		settings_error(setting, loader->diags, "%s: %s '%s' cannot be a gateway", what, key,
			       text);
	} else {
		gateway->kind = CONF_GATEWAY_ADDRESS;
		gateway->address = address;
	}
}

/* Tables that mean something to the kernel already; NULL: free to use. */
static const char *reserved_table(int64_t number)
{
	switch (number) {
	case 0:
		return "unspec";
	case 253:
		return "default";
	case 254:
		return "main";
	case 255:
		return "local";
	default:
		return NULL;
	}
}

static const struct table_names *tables(struct loader *loader)
{
	if (!loader->tables) {
		loader->tables =
			table_names_read(loader->options ? loader->options->rt_tables_dir : NULL);
		if (!loader->tables)
			loader_out_of_memory(loader);
	}
	return loader->tables;
}

/* The number of a table given by name, or -1 with a finding. */
static int64_t named_table(struct loader *loader, const config_setting_t *setting, const char *what,
			   struct conf_uplink *uplink)
{
	const char *name = config_setting_get_string(setting);
	uint32_t number;
	char *end;

	if (*name >= '0' && *name <= '9') {
		unsigned long long value = strtoull(name, &end, 10);
		if (!*end && strlen(name) <= 10 && value <= UINT32_MAX)
			return (int64_t)value;
	}
	const struct table_names *names = tables(loader);
	if (!names)
		return -1;
	if (!table_names_find(names, name, &number)) {
		const char *nearest = table_names_nearest(names, name);
		settings_error(setting, loader->diags,
			       "%s: table '%.100s' is not in rt_tables%s%s%s", what, name,
			       nearest ? ", did you mean '" : "", nearest ? nearest : "",
			       nearest ? "'?" : "");
		return -1;
	}
	uplink->table_name = loader_text(loader, name);
	return number;
}

static void read_table(struct loader *loader, const config_setting_t *group, const char *what,
		       struct conf_uplink *uplink, size_t index)
{
	const config_setting_t *setting = loader_member(group, "table");
	int64_t number = CONF_FIRST_TABLE + (int64_t)index + 1;

	if (setting && config_setting_type(setting) == CONFIG_TYPE_STRING) {
		number = named_table(loader, setting, what, uplink);
		if (number < 0)
			return;
	} else if (setting &&
		   !settings_int(group, "table", 0, UINT32_MAX, &number, loader->diags)) {
		return;
	}
	const char *reserved = reserved_table(number);
	if (reserved) {
		settings_error(setting ? setting : group, loader->diags,
			       "%s: table %" PRId64 "%s is the kernel's own (%s), use another",
			       what, number, setting ? "" : " (200 + its position)", reserved);
		return;
	}
	uplink->table = (uint32_t)number;
}

static void read_mark(struct loader *loader, const config_setting_t *group, const char *what,
		      struct conf_uplink *uplink, size_t index)
{
	const config_setting_t *setting = loader_member(group, "mark");
	const struct mark_layout *layout = &loader->conf->mark;
	int64_t mark = (int64_t)index + 1;

	/* Without a usable mask only what no mask could hold is wrong. */
	if (setting && !settings_int(group, "mark", INT64_MIN, INT64_MAX, &mark, loader->diags))
		return;
	int64_t max = loader->mask_known ? layout->user_max : INT32_MAX;
	if (mark < 1 || mark > max) {
		if (loader->mask_known)
			settings_error(setting ? setting : group, loader->diags,
				       "%s: mark %" PRId64 "%s does not fit mask 0x%x: 1 to %u",
				       what, mark, setting ? "" : " (its position)", layout->mask,
				       layout->user_max);
		else
			settings_error(setting ? setting : group, loader->diags,
				       "%s: mark %" PRId64 " fits no mask", what, mark);
		return;
	}
	uplink->mark = (uint32_t)mark;
}

static void read_change(struct loader *loader, const config_setting_t *group,
			struct conf_uplink *uplink)
{
	static const char *const failbacks[] = {"new-flows", "all", NULL};
	const char *text;
	int word;

	if (settings_enum(group, "failback", failbacks, &word, loader->diags))
		uplink->failback = (enum conf_failback)word;
	uplink->on_change_timeout_s = 10;
	loader_u32(loader, group, "on_change_timeout_s", 1, 3600, &uplink->on_change_timeout_s);
	if (!settings_string(group, "on_change", &text, loader->diags) || !*text)
		return;
	const config_setting_t *setting = loader_member(group, "on_change");
	char *path = settings_resolve_path(settings_source(setting), text);
	if (!path) {
		loader_out_of_memory(loader);
		return;
	}
	uplink->on_change = loader_text(loader, path);
	free(path);
}

static void check_clashes(struct loader *loader, const config_setting_t *group, const char *what,
			  size_t index)
{
	const struct conf_uplink *uplink = &loader->conf->uplinks[index];
	const config_setting_t *setting;
	char where[256];
	bool name = false, mark = false, table = false;

	for (size_t i = 0; i < index; i++) {
		const struct conf_uplink *other = &loader->conf->uplinks[i];
		place(where, sizeof(where), other, uplink);
		if (!name && *uplink->name && strcmp(uplink->name, other->name) == 0) {
			name = true;
			setting = loader_member(group, "name");
			settings_error(setting, loader->diags,
				       "%s: another uplink on %s has this name", what, where);
		}
		if (!mark && uplink->mark && uplink->mark == other->mark) {
			mark = true;
			setting = loader_member(group, "mark");
			settings_error(setting ? setting : group, loader->diags,
				       "%s: mark %u%s is that of uplink '%s' on %s", what,
				       uplink->mark, setting ? "" : " (its position)", other->name,
				       where);
		}
		if (!table && uplink->table && uplink->table == other->table) {
			table = true;
			setting = loader_member(group, "table");
			settings_error(setting ? setting : group, loader->diags,
				       "%s: table %u%s is that of uplink '%s' on %s", what,
				       uplink->table, setting ? "" : " (200 + its position)",
				       other->name, where);
		}
	}
}

static void read_uplink(struct loader *loader, const config_setting_t *group, size_t index)
{
	static const char *const keys[] = {
		"name",	   "interface", "gateway", "gateway6", "table",	    "mark",
		"nat",	   "probe",	"on_down", "failback", "on_change", "on_change_timeout_s",
		"enabled", NULL};
	struct conf_uplink *uplink = &loader->conf->uplinks[index];
	char what[WHAT_SIZE];

	uplink->line = settings_line(group);
	const char *file = loader_text(loader, settings_source(group));
	uplink->file = file ? file : "";
	uplink->enabled = true;
	read_name(loader, group, uplink, index);
	describe(what, uplink, index);
	settings_check_keys(group, keys, what, loader->diags);
	read_interface(loader, group, what, uplink);
	read_gateway(loader, group, what, "gateway", IP_V4, &uplink->gateway);
	read_gateway(loader, group, what, "gateway6", IP_V6, &uplink->gateway6);
	read_table(loader, group, what, uplink, index);
	read_mark(loader, group, what, uplink, index);
	settings_bool(group, "nat", &uplink->nat, loader->diags);
	settings_bool(group, "enabled", &uplink->enabled, loader->diags);
	conf_read_probe(loader, group, uplink);
	read_change(loader, group, uplink);
	check_clashes(loader, group, what, index);
}

void conf_read_uplinks(struct loader *loader, const config_setting_t *root)
{
	struct conf *conf = loader->conf;
	const config_setting_t *list = settings_list(root, "uplinks", loader->diags);
	size_t count = list ? settings_items(list) : 0;

	if (count > CONF_UPLINKS_MAX) {
		settings_error(list, loader->diags, "'uplinks' has %zu items, the most is %d",
			       count, CONF_UPLINKS_MAX);
		count = CONF_UPLINKS_MAX;
	}
	conf->uplinks = loader_array(loader, count, sizeof(*conf->uplinks));
	if (!conf->uplinks)
		return;
	for (size_t i = 0; i < count; i++) {
		read_uplink(loader, settings_item(list, i), i);
		conf->uplink_count = i + 1;
	}
}

/* ---- on_down: who stands in for whom ---- */

static void check_target(struct loader *loader, const config_setting_t *group,
			 struct conf_uplink *uplink, const char *what, const char *target)
{
	const struct conf *conf = loader->conf;
	const config_setting_t *setting = loader_member(group, "on_down");
	const struct conf_group *members = conf_group_by_name(conf, target);
	size_t known = 0;

	if (*uplink->name && strcmp(uplink->name, target) == 0) {
		settings_error(setting, loader->diags, "%s: on_down names the uplink itself", what);
	} else if (*target && conf_uplink_by_name(conf, target)) {
		uplink->on_down = CONF_DOWN_UPLINK;
		uplink->on_down_target = loader_text(loader, target);
	} else if (*target && members) {
		size_t others = 0;
		for (size_t i = 0; i < members->member_count; i++)
			others += &conf->uplinks[members->members[i].uplink] != uplink;
		if (members->member_count && !others)
			settings_error(setting, loader->diags,
				       "%s: group '%s' of on_down has no other member", what,
				       target);
		uplink->on_down = CONF_DOWN_GROUP;
		uplink->on_down_target = loader_text(loader, target);
	} else {
		const char **words = loader_array(
			loader, 2 + conf->uplink_count + conf->group_count, sizeof(*words));
		if (!words)
			return;
		words[known++] = "main";
		words[known++] = "block";
		for (size_t i = 0; i < conf->uplink_count; i++)
			if (&conf->uplinks[i] != uplink && *conf->uplinks[i].name)
				words[known++] = conf->uplinks[i].name;
		for (size_t i = 0; i < conf->group_count; i++)
			if (*conf->groups[i].name)
				words[known++] = conf->groups[i].name;
		const char *nearest = diag_nearest(target, words);
		settings_error(setting, loader->diags,
			       "%s: on_down '%.100s' is neither \"main\", \"block\", an uplink nor "
			       "a group%s%s%s",
			       what, target, nearest ? ", did you mean '" : "",
			       nearest ? nearest : "", nearest ? "'?" : "");
	}
}

static const struct conf_uplink *next_down(const struct conf *conf, const struct conf_uplink *from)
{
	return from->on_down == CONF_DOWN_UPLINK && from->on_down_target
		       ? conf_uplink_by_name(conf, from->on_down_target)
		       : NULL;
}

/* A circle is reported once, at its first uplink. */
static void check_circle(struct loader *loader, const config_setting_t *group, size_t index)
{
	const struct conf *conf = loader->conf;
	const struct conf_uplink *start = &conf->uplinks[index], *at = start;
	char path[512];
	size_t used = (size_t)snprintf(path, sizeof(path), "%.63s", start->name);

	for (size_t steps = 0; steps <= conf->uplink_count; steps++) {
		at = next_down(conf, at);
		/* One before us is in it: then the circle has been reported there, or is not ours.
		 */
		if (!at || at < start)
			return;
		int wrote = snprintf(path + used, sizeof(path) - used, " -> %.63s", at->name);
		if (wrote > 0 && (size_t)wrote < sizeof(path) - used)
			used += (size_t)wrote;
		if (at == start) {
			settings_error(loader_member(group, "on_down"), loader->diags,
				       "uplink '%s': on_down goes in a circle: %s", start->name,
				       path);
			return;
		}
	}
}

void conf_check_on_down(struct loader *loader, const config_setting_t *root)
{
	struct conf *conf = loader->conf;
	const config_setting_t *list = loader_member(root, "uplinks");
	struct diag_list *diags = loader->diags;
	char what[WHAT_SIZE];
	const char *target;

	for (size_t i = 0; i < conf->uplink_count; i++) {
		struct conf_uplink *uplink = &conf->uplinks[i];
		const config_setting_t *group = settings_item(list, i);
		if (!settings_string(group, "on_down", &target, diags))
			continue;
		describe(what, uplink, i);
		if (strcmp(target, "main") == 0)
			uplink->on_down = CONF_DOWN_MAIN;
		else if (strcmp(target, "block") == 0)
			uplink->on_down = CONF_DOWN_BLOCK;
		else
			check_target(loader, group, uplink, what, target);
	}
	for (size_t i = 0; i < conf->uplink_count; i++)
		check_circle(loader, settings_item(list, i), i);
}
