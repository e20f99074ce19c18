/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waymark.conf, section by section.
 *
 * A struct conf is filled with every default first; then each section overwrites
 * what its keys say. A wrong value leaves the default standing and one finding
 * behind, so that the rest of the file is checked as if it had been right, and a
 * single mistake does not cause a second message.
 *
 * Invariants:
 * - conf_load() returns a conf only if no error was added, so a default that
 *   stands in for a wrong value is never used for anything but further checks
 *   (those of the rules too, by conf_load_partly()).
 * - All strings are copied to the arena: the file is closed before we return.
 * - Nothing is looked up in the kernel, and no other program's state is read,
 *   but table names (tables.c).
 */
#include "load.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_MASK 0xff
#define QUEUES_MAX 1024
#define DECIDE_BYTES_MAX 32768
#define TIMEOUT_MAX_S 31536000
#define MAIN_RULE_PRIORITY 32766
#define PRIORITY_RANGE 500

static const char *const top_keys[] = {"mode",	   "mark",    "queue",	 "flows",  "names",
				       "firewall", "routing", "uplinks", "groups", "rules_dir",
				       "control",  "log",     "rules",	 NULL};
static const char *const mode_words[] = {"enforce", "observe", NULL};

/* ---- shared by the parts ---- */

void loader_out_of_memory(struct loader *loader)
{
	if (!loader->no_memory)
		diag_error(loader->diags, loader->conf->path, 0, "out of memory");
	loader->no_memory = true;
}

void *loader_array(struct loader *loader, size_t count, size_t size)
{
	/* One more, so that an empty array is not NULL. */
	void *array = arena_array(&loader->conf->arena, count + 1, size);
	if (!array)
		loader_out_of_memory(loader);
	return array;
}

const char *loader_text(struct loader *loader, const char *text)
{
	const char *copy = arena_strdup(&loader->conf->arena, text);
	if (!copy)
		loader_out_of_memory(loader);
	return copy;
}

const config_setting_t *loader_member(const config_setting_t *group, const char *key)
{
	if (!config_setting_is_group(group))
		return NULL;
	for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, i);
		if (strcmp(config_setting_name(setting), key) == 0)
			return setting;
	}
	return NULL;
}

bool loader_u32(struct loader *loader, const config_setting_t *group, const char *key, uint32_t min,
		uint32_t max, uint32_t *value)
{
	int64_t number;
	if (!settings_int(group, key, min, max, &number, loader->diags))
		return false;
	*value = (uint32_t)number;
	return true;
}

bool loader_strings(struct loader *loader, const config_setting_t *setting, const char ***texts,
		    size_t *count)
{
	size_t items = settings_items(setting);
	bool right = true;

	*count = 0;
	*texts = loader_array(loader, items, sizeof(**texts));
	if (!*texts)
		return false;
	for (size_t i = 0; i < items; i++) {
		const config_setting_t *item = settings_item(setting, i);
		if (config_setting_type(item) != CONFIG_TYPE_STRING) {
			settings_error(item, loader->diags, "'%s' must hold strings",
				       config_setting_name(setting));
			right = false;
			continue;
		}
		const char *text = loader_text(loader, config_setting_get_string(item));
		if (!text)
			return false;
		(*texts)[(*count)++] = text;
	}
	return right;
}

const char *loader_name_fault(const char *name)
{
	if (!*name)
		return "is empty";
	if (strlen(name) > CONF_NAME_MAX)
		return "is longer than 63 characters";
	for (const char *c = name; *c; c++)
		if (!isascii((unsigned char)*c) ||
		    (!isalnum((unsigned char)*c) && *c != '_' && *c != '.' && *c != '-'))
			return "may hold letters, digits, '_', '.' and '-' only";
	if (strcmp(name, "main") == 0 || strcmp(name, "block") == 0)
		return "is a word of its own, it cannot be a name";
	return NULL;
}

const char *loader_interface_fault(const char *name)
{
	if (!*name)
		return "is empty";
	if (strlen(name) > CONF_INTERFACE_MAX)
		return "is longer than 15 characters";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "is no interface name";
	for (const char *c = name; *c; c++)
		if (*c == '/' || *c == ':' || isspace((unsigned char)*c) ||
		    iscntrl((unsigned char)*c))
			return "holds a character that no interface name can hold";
	return NULL;
}

/* An address, or letters, digits, '-', '_' in labels. */
bool loader_is_host(const char *text)
{
	struct ip_addr address;
	size_t label = 0;

	if (ip_parse(text, &address))
		return true;
	if (!*text || strlen(text) > 253)
		return false;
	for (const char *c = text; *c; c++) {
		if (*c == '.') {
			if (!label)
				return false;
			label = 0;
		} else if (isascii((unsigned char)*c) &&
			   (isalnum((unsigned char)*c) || *c == '-' || *c == '_')) {
			if (++label > 63)
				return false;
		} else {
			return false;
		}
	}
	return true;
}

/* ---- sections ---- */

/* The group `name` with its keys checked; NULL: absent or wrong. */
static const config_setting_t *section(struct loader *loader, const config_setting_t *root,
				       const char *name, const char *const *keys)
{
	char what[64];
	const config_setting_t *group = settings_group(root, name, loader->diags);
	if (!group)
		return NULL;
	snprintf(what, sizeof(what), "'%s'", name);
	settings_check_keys(group, keys, what, loader->diags);
	return group;
}

static void read_mark(struct loader *loader, const config_setting_t *root)
{
	static const char *const keys[] = {"mask", NULL};
	const config_setting_t *group = section(loader, root, "mark", keys);
	uint32_t mask;

	loader->mask_known = true;
	if (!group || !loader_member(group, "mask"))
		return;
	struct mark_layout layout;
	if (!loader_u32(loader, group, "mask", 1, UINT32_MAX, &mask)) {
		loader->mask_known = false;
	} else if (!mark_layout_init(&layout, mask)) {
		settings_error(loader_member(group, "mask"), loader->diags,
			       "'mask' 0x%x must be at least four bits in a row", mask);
		loader->mask_known = false;
	} else {
		loader->conf->mark = layout;
	}
}

static void read_queue(struct loader *loader, const config_setting_t *root)
{
	static const char *const keys[] = {"first",	 "count",	"max_length", "copy_bytes",
					   "on_failure", "pin_threads", NULL};
	static const char *const failures[] = {"open", "closed", NULL};
	struct conf *conf = loader->conf;
	const config_setting_t *group = section(loader, root, "queue", keys);
	uint32_t first = 0, count = 0;
	int word;

	if (group) {
		loader_u32(loader, group, "first", 0, UINT16_MAX, &first);
		loader_u32(loader, group, "count", 0, QUEUES_MAX, &count);
		loader_u32(loader, group, "max_length", 1, 1u << 24, &conf->queue.max_length);
		loader_u32(loader, group, "copy_bytes", 256, 65531, &conf->queue.copy_bytes);
		if (settings_enum(group, "on_failure", failures, &word, loader->diags))
			conf->queue.on_failure = (enum conf_on_failure)word;
		settings_bool(group, "pin_threads", &conf->queue.pin_threads, loader->diags);
	}
	if (!count) {
		long cores = loader->options && loader->options->cores
				     ? (long)loader->options->cores
				     : sysconf(_SC_NPROCESSORS_ONLN);
		count = cores < 1 ? 1 : cores > QUEUES_MAX ? QUEUES_MAX : (uint32_t)cores;
	}
	if (first + count > UINT16_MAX + 1u)
		settings_error(loader_member(group, "first"), loader->diags,
			       "%u queues from number %u on: the last would be %u, the highest is "
			       "65535",
			       count, first, first + count - 1);
	conf->queue.first = (uint16_t)first;
	conf->queue.count = (uint16_t)count;
}

static void read_flows(struct loader *loader, const config_setting_t *root)
{
	static const char *const keys[] = {"max", "decide_packets", "decide_bytes", "timeouts",
					   NULL};
	static const char *const timeout_keys[] = {"tcp", "udp", "other", NULL};
	struct conf *conf = loader->conf;
	const config_setting_t *group = section(loader, root, "flows", keys);

	if (!group)
		return;
	loader_u32(loader, group, "max", 1, 1u << 27, &conf->flows.max);
	loader_u32(loader, group, "decide_packets", 1, 1000, &conf->flows.decide_packets);
	loader_u32(loader, group, "decide_bytes", 1, DECIDE_BYTES_MAX, &conf->flows.decide_bytes);
	group = settings_group(group, "timeouts", loader->diags);
	if (!group)
		return;
	settings_check_keys(group, timeout_keys, "'flows.timeouts'", loader->diags);
	loader_u32(loader, group, "tcp", 1, TIMEOUT_MAX_S, &conf->flows.tcp_s);
	loader_u32(loader, group, "udp", 1, TIMEOUT_MAX_S, &conf->flows.udp_s);
	loader_u32(loader, group, "other", 1, TIMEOUT_MAX_S, &conf->flows.other_s);
}

static void read_names(struct loader *loader, const config_setting_t *root)
{
	static const char *const keys[] = {"max", "per_client", "min_ttl_s", NULL};
	struct conf *conf = loader->conf;
	const config_setting_t *group = section(loader, root, "names", keys);

	if (!group)
		return;
	loader_u32(loader, group, "max", 1, 1u << 26, &conf->names.max);
	settings_bool(group, "per_client", &conf->names.per_client, loader->diags);
	loader_u32(loader, group, "min_ttl_s", 0, 86400, &conf->names.min_ttl_s);
}

static void read_interfaces(struct loader *loader, const config_setting_t *setting)
{
	struct conf *conf = loader->conf;

	if (!setting || !loader_strings(loader, setting, &conf->firewall.interfaces,
					&conf->firewall.interface_count))
		return;
	for (size_t i = 0; i < conf->firewall.interface_count; i++) {
		const char *name = conf->firewall.interfaces[i];
		const config_setting_t *item = settings_item(setting, i);
		const char *fault = loader_interface_fault(name);
		if (fault)
			settings_error(item, loader->diags, "interface '%s' %s", name, fault);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(conf->firewall.interfaces[j], name) != 0)
				continue;
			settings_error(item, loader->diags, "interface '%s' is in the list twice",
				       name);
			break;
		}
	}
}

static void read_hooks(struct loader *loader, const config_setting_t *setting)
{
	static const char *const words[] = {"forward", "output", NULL};
	struct conf *conf = loader->conf;
	bool *hooks[] = {&conf->firewall.hook_forward, &conf->firewall.hook_output};
	const char **texts;
	size_t count;

	if (!setting || !loader_strings(loader, setting, &texts, &count))
		return;
	if (!count)
		settings_error(setting, loader->diags,
			       "'hooks' is empty, so no packet would be looked at "
			       "(\"firewall.manage = false\" leaves the chains to you)");
	*hooks[0] = *hooks[1] = false;
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *item = settings_item(setting, i);
		size_t word = 0;
		while (words[word] && strcmp(words[word], texts[i]) != 0)
			word++;
		if (!words[word]) {
			const char *nearest = diag_nearest(texts[i], words);
			settings_error(item, loader->diags,
				       "'hooks' has '%s', must be forward or output%s%s%s",
				       texts[i], nearest ? ", did you mean '" : "",
				       nearest ? nearest : "", nearest ? "'?" : "");
		} else if (*hooks[word]) {
			settings_error(item, loader->diags, "hook '%s' is in the list twice",
				       texts[i]);
		} else {
			*hooks[word] = true;
		}
	}
}

static void read_firewall(struct loader *loader, const config_setting_t *root)
{
	static const char *const keys[] = {"manage", "command",	      "interfaces",
					   "hooks",  "foreign_marks", NULL};
	static const char *const commands[] = {"auto", "iptables", "iptables-nft",
					       "iptables-legacy", NULL};
	static const char *const foreign[] = {"leave", "steer", NULL};
	struct conf *conf = loader->conf;
	const config_setting_t *group = section(loader, root, "firewall", keys);
	int word;

	if (!group)
		return;
	settings_bool(group, "manage", &conf->firewall.manage, loader->diags);
	if (settings_enum(group, "command", commands, &word, loader->diags))
		conf->firewall.command = (enum conf_firewall_command)word;
	if (settings_enum(group, "foreign_marks", foreign, &word, loader->diags))
		conf->firewall.foreign_marks = (enum conf_foreign_marks)word;
	read_interfaces(loader, loader_member(group, "interfaces"));
	read_hooks(loader, loader_member(group, "hooks"));
}

static void read_routing(struct loader *loader, const config_setting_t *root)
{
	static const char *const keys[] = {"manage",	   "priority",
					   "protocol",	   "main_first",
					   "keep_on_exit", "register_table_names",
					   "return_path",  NULL};
	struct conf *conf = loader->conf;
	const config_setting_t *group = section(loader, root, "routing", keys);
	uint32_t protocol;

	if (!group)
		return;
	settings_bool(group, "manage", &conf->routing.manage, loader->diags);
	/* From main's own rule on, ours would never be reached. */
	/* the route module uses a range from there on, and all of it must stand before main's rule
	 */
	loader_u32(loader, group, "priority", 1, MAIN_RULE_PRIORITY - PRIORITY_RANGE,
		   &conf->routing.priority);
	/* 0 to 4 are the kernel's own meanings (rtnetlink.h). */
	if (loader_u32(loader, group, "protocol", 5, UINT8_MAX, &protocol))
		conf->routing.protocol = (uint8_t)protocol;
	settings_bool(group, "main_first", &conf->routing.main_first, loader->diags);
	settings_bool(group, "keep_on_exit", &conf->routing.keep_on_exit, loader->diags);
	settings_bool(group, "register_table_names", &conf->routing.register_table_names,
		      loader->diags);
	settings_bool(group, "return_path", &conf->routing.return_path, loader->diags);
}

static void read_rules_dir(struct loader *loader, const config_setting_t *root)
{
	struct conf *conf = loader->conf;
	const config_setting_t *setting = loader_member(root, "rules_dir");

	if (!setting || !loader_strings(loader, setting, &conf->rules_dirs, &conf->rules_dir_count))
		return;
	conf->rules_dir_given = true;
	for (size_t i = 0; i < conf->rules_dir_count; i++) {
		const config_setting_t *item = settings_item(setting, i);
		if (!*conf->rules_dirs[i]) {
			settings_error(item, loader->diags, "'rules_dir' is empty");
			continue;
		}
		char *path = settings_resolve_path(settings_source(item), conf->rules_dirs[i]);
		const char *copy = path ? loader_text(loader, path) : NULL;
		free(path);
		if (!copy) {
			loader_out_of_memory(loader);
			return;
		}
		conf->rules_dirs[i] = copy;
		for (size_t j = 0; j < i; j++) {
			if (strcmp(conf->rules_dirs[j], copy) != 0)
				continue;
			settings_error(item, loader->diags,
				       "directory '%s' is in 'rules_dir' twice", copy);
			break;
		}
	}
}

/* "192.0.2.1:9469" or "[2001:db8::1]:9469". */
static bool is_listen_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[IP_TEXT_SIZE], *end;
	struct ip_addr address;

	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(host))
		return false;
	bool bracketed = text[0] == '[' && colon[-1] == ']';
	size_t length = (size_t)(colon - text) - (bracketed ? 2 : 0);
	memcpy(host, text + bracketed, length);
	host[length] = '\0';
	if (!ip_parse(host, &address) || (address.family == IP_V6) != bracketed)
		return false;
	if (!isdigit((unsigned char)colon[1]))
		return false;
	unsigned long port = strtoul(colon + 1, &end, 10);
	return !*end && port >= 1 && port <= UINT16_MAX;
}

static void read_control(struct loader *loader, const config_setting_t *root)
{
	static const char *const keys[] = {"socket", "group", "metrics", NULL};
	struct conf *conf = loader->conf;
	const config_setting_t *group = section(loader, root, "control", keys);
	const char *text;

	if (!group)
		return;
	if (settings_string(group, "socket", &text, loader->diags)) {
		const config_setting_t *setting = loader_member(group, "socket");
		char *path =
			*text ? settings_resolve_path(settings_source(setting), text) : strdup("");
		conf->control.socket = path ? loader_text(loader, path) : NULL;
		if (!path)
			loader_out_of_memory(loader);
		else if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			settings_error(setting, loader->diags,
				       "'socket' '%s' is longer than a socket's path can be", path);
		free(path);
	}
	if (settings_string(group, "group", &text, loader->diags))
		conf->control.group = loader_text(loader, text);
	if (settings_string(group, "metrics", &text, loader->diags)) {
		conf->control.metrics = loader_text(loader, text);
		if (*text && !is_listen_address(text))
			settings_error(loader_member(group, "metrics"), loader->diags,
				       "'metrics' is '%s', must be an address and a port, as in "
				       "\"127.0.0.1:9469\" or \"[::1]:9469\"",
				       text);
	}
}

static void read_log(struct loader *loader, const config_setting_t *root)
{
	static const char *const keys[] = {"level", "target", NULL};
	/* In the order of their enums. */
	static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
	static const char *const targets[] = {"auto", "stderr", "syslog", NULL};
	const config_setting_t *group = section(loader, root, "log", keys);
	int word;

	if (!group)
		return;
	if (settings_enum(group, "level", levels, &word, loader->diags))
		loader->conf->log.level = (enum log_level)word;
	if (settings_enum(group, "target", targets, &word, loader->diags))
		loader->conf->log.target = (enum log_target)word;
}

/* ---- the whole ---- */

static void set_defaults(struct loader *loader)
{
	struct conf *conf = loader->conf;

	conf->mode = CONF_ENFORCE;
	mark_layout_init(&conf->mark, DEFAULT_MASK);
	conf->queue.max_length = 16384;
	conf->queue.copy_bytes = 20480;
	conf->queue.on_failure = CONF_FAIL_OPEN;
	conf->flows.max = 1048576;
	conf->flows.decide_packets = 12;
	conf->flows.decide_bytes = 16384;
	conf->flows.tcp_s = 7200;
	conf->flows.udp_s = 180;
	conf->flows.other_s = 60;
	conf->names.max = 262144;
	conf->names.per_client = true;
	conf->names.min_ttl_s = 60;
	conf->names.watch_dns = true;
	conf->firewall.manage = true;
	conf->firewall.command = CONF_IPTABLES_AUTO;
	conf->firewall.interfaces = loader_array(loader, 0, sizeof(*conf->firewall.interfaces));
	conf->firewall.hook_forward = conf->firewall.hook_output = true;
	conf->firewall.foreign_marks = CONF_FOREIGN_LEAVE;
	conf->routing.manage = true;
	conf->routing.priority = 20000;
	conf->routing.protocol = 87;
	conf->routing.main_first = true;
	conf->routing.return_path = true;
	conf->rules_dirs = loader_array(loader, 1, sizeof(*conf->rules_dirs));
	if (conf->rules_dirs) {
		conf->rules_dirs[0] = "/etc/waymark/rules.d";
		conf->rules_dir_count = 1;
	}
	conf->control.socket = "/run/waymark/control.sock";
	conf->control.group = "";
	conf->control.metrics = "";
	conf->log.level = LOG_LEVEL_INFO;
	conf->log.target = LOG_TARGET_AUTO;
}

static void read_all(struct loader *loader, const config_setting_t *root)
{
	int word;

	settings_check_keys(root, top_keys, NULL, loader->diags);
	if (settings_enum(root, "mode", mode_words, &word, loader->diags))
		loader->conf->mode = (enum conf_mode)word;
	read_mark(loader, root);
	read_queue(loader, root);
	read_flows(loader, root);
	read_names(loader, root);
	read_firewall(loader, root);
	read_routing(loader, root);
	conf_read_uplinks(loader, root);
	conf_read_groups(loader, root);
	conf_check_on_down(loader, root);
	read_rules_dir(loader, root);
	read_control(loader, root);
	read_log(loader, root);
}

struct conf *conf_load_partly(const char *path, const struct conf_load_options *options,
			      struct diag_list *diags)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct loader loader = {.conf = conf, .diags = diags, .options = options};

	if (!conf) {
		diag_error(diags, path, 0, "out of memory");
		return NULL;
	}
	arena_init(&conf->arena);
	conf->path = path;
	conf->path = loader_text(&loader, path);
	set_defaults(&loader);
	struct settings_file *file = loader.no_memory ? NULL : settings_open(path, diags);
	if (file)
		read_all(&loader, settings_root(file));
	table_names_free(loader.tables);
	bool whole = file && !loader.no_memory;
	settings_close(file);
	if (whole)
		return conf;
	conf_free(conf);
	return NULL;
}

struct conf *conf_load(const char *path, const struct conf_load_options *options,
		       struct diag_list *diags)
{
	size_t errors_before = diags->errors;
	struct conf *conf = conf_load_partly(path, options, diags);

	if (diags->errors == errors_before)
		return conf;
	conf_free(conf);
	return NULL;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	arena_release(&conf->arena);
	free(conf);
}

const struct conf_uplink *conf_uplink_by_name(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->uplink_count; i++)
		if (strcmp(conf->uplinks[i].name, name) == 0)
			return &conf->uplinks[i];
	return NULL;
}

const struct conf_group *conf_group_by_name(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->group_count; i++)
		if (strcmp(conf->groups[i].name, name) == 0)
			return &conf->groups[i];
	return NULL;
}

const struct conf_uplink *conf_uplink_by_mark(const struct conf *conf, uint32_t value)
{
	for (size_t i = 0; i < conf->uplink_count; i++)
		if (conf->uplinks[i].mark == value)
			return &conf->uplinks[i];
	return NULL;
}
