/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probe of an uplink: parsed and fully checked.
 *
 * - A key that has a meaning for another type only is an error, not ignored: who writes a port for
 *   icmp believes that it is asked.
 * - Targets are hosts, checked as text. Whether a name can be looked up shows at run time
 *   (waymark/probe.h).
 */
#include "load.h"

#include <stdio.h>
#include <string.h>

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
}
