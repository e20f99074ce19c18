/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keys.c - the `match` of a rule -> tests.
 *
 * One line of the table `keys` per match key, one reader per kind of value. A
 * reader goes on after an error, so that every wrong item of a rule is named in
 * one run; the test it leaves behind is never used then, since rules_build()
 * fails. Several items of a key mean "any of"; all keys must hold; `not` negates
 * the conjunction of its keys.
 *
 * tcp_flags: "mask/comp" as iptables has it ("syn,ack,fin,rst/syn"), or flags
 * that must all be set ("syn,ack"), whatever the others are.
 * fwmark: our own bits of the mark are left out, unless the rule asks for them:
 * they say what we know of the flow, not what somebody else has marked.
 */
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"

void rules_key_error(const struct key_context *context, const config_setting_t *setting,
		     const char *format, ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	settings_error(setting, context->builder->diags, "rule '%s': %s: %s", context->rule,
		       context->key, message);
}

/* "'word' is not WHAT", with the nearest of `known` if that may be NULL-terminated words. */
void rules_not_a(const struct key_context *context, const config_setting_t *item, const char *word,
		 const char *what, const char *const *known)
{
	const char *nearest = known ? diag_nearest(word, known) : NULL;

	rules_key_error(context, item, "'%.80s' is not %s%s%s%s", word, what,
			nearest ? ", did you mean '" : "", nearest ? nearest : "",
			nearest ? "'?" : "");
}

void *rules_new_test(struct key_context *context, struct vec *tests, enum test_kind kind,
		     const void *items, size_t count, size_t item_size)
{
	struct rules_builder *builder = context->builder;
	void *copy = NULL;
	struct test *test = rules_kept(builder, vec_push(tests));

	if (!test)
		return NULL;
	if (count > UINT32_MAX) {
		builder->out_of_memory = true;
		count = 0;
	}
	if (count)
		copy = rules_kept(builder,
				  arena_copy(&builder->ruleset->arena, items, count * item_size));
	*test = (struct test){
		.kind = (uint8_t)kind,
		.payload = kind > TEST_NOT,
		.count = copy ? (uint32_t)count : 0,
		.items = copy,
	};
	return copy;
}

const config_setting_t *rules_find_member(const config_setting_t *group, const char *key)
{
	int length = config_setting_length(group);

	for (int i = 0; i < length; i++) {
		const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);

		if (strcmp(config_setting_name(member), key) == 0)
			return member;
	}
	return NULL;
}

/* ---- items ---- */

bool rules_check_items(struct key_context *context, const config_setting_t *setting)
{
	if (settings_items(setting) == 0) {
		rules_key_error(context, setting, "the list is empty, nothing could match");
		return false;
	}
	return true;
}

/* The text of a string item; NULL with an error. */
const char *rules_item_string(struct key_context *context, const struct key *key,
			      const config_setting_t *item)
{
	const char *text = NULL;

	if (config_setting_type(item) == CONFIG_TYPE_STRING)
		text = config_setting_get_string(item);
	if (!text)
		rules_key_error(context, item, "an item must be a string (%s)", key->what);
	else if (*text == '\0')
		rules_key_error(context, item, "an item is empty");
	return text && *text ? text : NULL;
}

static bool is_number(const config_setting_t *item)
{
	int type = config_setting_type(item);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static bool item_number(struct key_context *context, const struct key *key,
			const config_setting_t *item, uint32_t *value)
{
	int64_t number;

	if (!settings_item_int(item, 0, key->max, &number, context->builder->diags))
		return false;
	*value = (uint32_t)number;
	return true;
}

/* ---- readers of numbers ---- */

static bool word_to_span(const struct key *key, const char *text, struct span *span)
{
	uint32_t value = 0;

	switch (key->kind) {
	case TEST_PROTO: {
		uint8_t proto;

		if (!packet_proto_parse(text, &proto))
			return false;
		value = proto;
		break;
	}
	case TEST_DSCP:
		if (!word_dscp(text, &value))
			return false;
		break;
	case TEST_HOOK:
		if (strcmp(text, "forward") == 0)
			value = RULE_HOOK_FORWARD;
		else if (strcmp(text, "output") == 0)
			value = RULE_HOOK_OUTPUT;
		else
			return false;
		break;
	case TEST_UID:
	case TEST_GID:
		if (*text < '0' || *text > '9') {
			const struct passwd *user = key->kind == TEST_UID ? getpwnam(text) : NULL;
			const struct group *group = key->kind == TEST_GID ? getgrnam(text) : NULL;

			if (!user && !group)
				return false;
			value = user ? user->pw_uid : group->gr_gid;
			break;
		}
		return word_span(text, key->max, span);
	default:
		return word_span(text, key->max, span);
	}
	*span = (struct span){value, value};
	return true;
}

static void read_spans(struct key_context *context, const struct key *key,
		       const config_setting_t *setting, struct vec *tests)
{
	static const char *const hooks[] = {"forward", "output", NULL};
	struct vec spans = VEC(struct span);
	const char *const *known = key->kind == TEST_PROTO  ? word_proto_names
				   : key->kind == TEST_DSCP ? word_dscp_names
				   : key->kind == TEST_HOOK ? hooks
							    : NULL;

	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i);
		struct span *span = rules_kept(context->builder, vec_push(&spans));
		const char *text;

		if (!span)
			break;
		if (is_number(item) && key->kind != TEST_HOOK) {
			if (item_number(context, key, item, &span->low))
				span->high = span->low;
			continue;
		}
		text = rules_item_string(context, key, item);
		if (text && !word_to_span(key, text, span))
			rules_not_a(context, item, text, key->what, known);
	}
	rules_merge_spans(&spans);
	rules_new_test(context, tests, key->kind, spans.items, spans.count, sizeof(struct span));
	vec_release(&spans);
}

static void adjust_fwmark(struct key_context *context, const config_setting_t *item,
			  struct masked *masked)
{
	uint32_t ours = context->builder->ruleset->mark.mask;

	if (masked->value & ~masked->mask)
		rules_key_error(context, item,
				"the value has bits outside its mask: it could "
				"never match");
	else if (masked->value & ours)
		settings_warning(item, context->builder->diags,
				 "rule '%s': fwmark: bits 0x%x are waymark's own, nobody else's "
				 "mark has them here",
				 context->rule, masked->value & ours);
	else
		masked->mask &= ~ours;
}

static void read_masked(struct key_context *context, const struct key *key,
			const config_setting_t *setting, struct vec *tests)
{
	struct vec list = VEC(struct masked);
	const char *const *known = key->kind == TEST_TOS	 ? word_tos_names
				   : key->kind == TEST_TCP_FLAGS ? word_flags
								 : NULL;

	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i);
		struct masked *masked = rules_kept(context->builder, vec_push(&list));
		const char *text;
		bool right;

		if (!masked)
			break;
		if (is_number(item) && key->kind != TEST_TCP_FLAGS) {
			masked->mask = key->max;
			right = item_number(context, key, item, &masked->value);
		} else {
			text = rules_item_string(context, key, item);
			if (!text)
				continue;
			right = key->kind == TEST_TOS	      ? word_tos(text, masked)
				: key->kind == TEST_TCP_FLAGS ? word_tcp_flags(text, masked)
							      : word_masked(text, key->max, masked);
			if (!right)
				rules_not_a(context, item, text, key->what, known);
		}
		if (!right)
			continue;
		if (key->kind == TEST_FWMARK)
			adjust_fwmark(context, item, masked);
		else if (masked->value & ~masked->mask)
			rules_key_error(context, item,
					"the value has bits outside its mask: it "
					"could never match");
	}
	rules_new_test(context, tests, key->kind, list.items, list.count, sizeof(struct masked));
	vec_release(&list);
}

static void read_icmp(struct key_context *context, const struct key *key,
		      const config_setting_t *setting, struct vec *tests)
{
	struct vec list = VEC(struct icmp_item);

	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i);
		struct icmp_item found[2];
		size_t count = 0;
		uint32_t type = 0;

		if (is_number(item)) {
			count = item_number(context, key, item, &type);
			found[0] = (struct icmp_item){.type = (uint8_t)type, .code = -1};
		} else {
			const char *text = rules_item_string(context, key, item);

			count = text ? word_icmp(text, found) : 0;
			if (text && !count)
				rules_not_a(context, item, text, key->what, word_icmp_names);
		}
		for (size_t j = 0; j < count; j++) {
			struct icmp_item *kept = rules_kept(context->builder, vec_push(&list));

			if (kept)
				*kept = found[j];
		}
	}
	rules_new_test(context, tests, key->kind, list.items, list.count, sizeof(struct icmp_item));
	vec_release(&list);
}

/* ---- readers of names ---- */

static void read_macs(struct key_context *context, const struct key *key,
		      const config_setting_t *setting, struct vec *tests)
{
	struct vec list = VEC(struct mac_item);

	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i);
		struct mac_item *mac = rules_kept(context->builder, vec_push(&list));
		const char *text = mac ? rules_item_string(context, key, item) : NULL;

		if (text && !word_mac(text, mac))
			rules_not_a(context, item, text, key->what, NULL);
	}
	rules_new_test(context, tests, key->kind, list.items, list.count, sizeof(struct mac_item));
	vec_release(&list);
}

static void read_interfaces(struct key_context *context, const struct key *key,
			    const config_setting_t *setting, struct vec *tests)
{
	struct vec list = VEC(struct iface_item);

	if (key->kind == TEST_IFACE_OUT && !context->hook_output)
		rules_key_error(context, setting,
				"known for local packets only: it needs hook = \"output\"");
	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i);
		struct iface_item *iface = rules_kept(context->builder, vec_push(&list));
		const char *text = iface ? rules_item_string(context, key, item) : NULL;
		size_t length = text ? strlen(text) : 0;

		if (!text)
			continue;
		iface->prefix = text[length - 1] == '+';
		length -= iface->prefix;
		if (length >= sizeof(iface->name) || strpbrk(text, "/ \t\n")) {
			rules_not_a(context, item, text, key->what, NULL);
			continue;
		}
		memcpy(iface->name, text, length);
		iface->length = (uint8_t)length;
	}
	rules_new_test(context, tests, key->kind, list.items, list.count,
		       sizeof(struct iface_item));
	vec_release(&list);
	context->builder->ruleset->names_interfaces |= context->enabled;
}

static bool take_address(void *user, const char *text, const char **why)
{
	struct ip_range range;

	*why = "not an address, a prefix or a range \"A-B\"";
	if (!ip_range_parse(text, &range))
		return false;
	*why = "out of memory";
	return address_draft_add(user, &range);
}

static void take_ipset(struct key_context *context, const config_setting_t *item, const char *set,
		       struct vec *names)
{
	const char **kept;
	int error;

	if (*set == '\0' || strlen(set) >= 32) {
		rules_key_error(context, item, "'%.80s' is not the name of an ipset", set);
		return;
	}
	kept = rules_kept(context->builder, vec_push(names));
	if (kept)
		*kept = rules_kept(context->builder,
				   arena_strdup(&context->builder->ruleset->arena, set));
	if (!context->enabled)
		return;
	/* no error: a set may be made after us, and check needs no root */
	error = rules_ipset_exists(set);
	if (error < 0)
		diag_note(context->builder->diags, settings_source(item), settings_line(item),
			  "rule '%s': %s: ipset '%s' cannot be asked now (%s), the key does not "
			  "hold until it can",
			  context->rule, context->key, set, strerror(-error));
}

static void read_addresses(struct key_context *context, const struct key *key,
			   const config_setting_t *setting, struct vec *tests)
{
	struct rules_builder *builder = context->builder;
	struct address_draft draft = ADDRESS_DRAFT_INIT;
	struct vec names = VEC(const char *);
	struct address_set set = {0};

	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i);
		const char *text = rules_item_string(context, key, item);
		const char *why = NULL;

		if (!text)
			continue;
		if (strncmp(text, "@set:", 5) == 0)
			take_ipset(context, item, text + 5, &names);
		else if (*text == '@')
			rules_read_list(context, item, text + 1, take_address, &draft);
		else if (!take_address(&draft, text, &why))
			rules_key_error(context, item, "'%.80s': %s", text, why);
	}
	if (rules_address_set(builder, &draft, &set)) {
		set.ipset_count = (uint32_t)names.count;
		if (names.count)
			set.ipsets = rules_kept(builder,
						arena_copy(&builder->ruleset->arena, names.items,
							   names.count * sizeof(char *)));
		rules_new_test(context, tests, key->kind, &set, 1, sizeof(set));
	}
	address_draft_release(&draft);
	vec_release(&names);
}

static bool take_host(void *user, const char *text, const char **why)
{
	return host_draft_add(user, text, why);
}

static void read_hosts(struct key_context *context, const struct key *key,
		       const config_setting_t *setting, struct vec *tests)
{
	struct host_draft draft = {0};
	struct host_set set = {0};

	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i);
		const char *text = rules_item_string(context, key, item);
		const char *why = NULL;

		if (!text)
			continue;
		if (*text == '@')
			rules_read_list(context, item, text + 1, take_host, &draft);
		else if (!host_draft_add(&draft, text, &why))
			rules_key_error(context, item, "'%.80s': %s", text, why);
	}
	if (rules_host_set(context->builder, &draft, &set))
		rules_new_test(context, tests, key->kind, &set, 1, sizeof(set));
	host_draft_release(&draft);
}

static void read_apps(struct key_context *context, const struct key *key,
		      const config_setting_t *setting, struct vec *tests)
{
	struct rules_builder *builder = context->builder;
	struct arena *arena = &builder->ruleset->arena;
	size_t count = settings_items(setting);
	struct app_item *apps = rules_kept(builder, arena_array(arena, count, sizeof(*apps)));
	struct test *test = apps ? rules_kept(builder, vec_push(tests)) : NULL;

	if (!test)
		return;
	*test = (struct test){
		.kind = TEST_APP, .payload = true, .count = (uint32_t)count, .items = apps};
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *item = settings_item(setting, i);
		const char *text = rules_item_string(context, key, item);
		struct wanted_app *wanted;

		apps[i].name = "";
		if (!text)
			continue;
		wanted = rules_kept(builder, vec_push(&builder->apps));
		if (!wanted)
			return;
		apps[i].name = rules_kept(builder, arena_strdup(arena, text));
		*wanted = (struct wanted_app){
			.item = &apps[i],
			.rule = context->rule,
			.file = rules_kept(builder, arena_strdup(arena, settings_source(item))),
			.line = settings_line(item),
			.enabled = context->enabled,
		};
	}
}

static void read_alpns(struct key_context *context, const struct key *key,
		       const config_setting_t *setting, struct vec *tests)
{
	struct vec list = VEC(const char *);

	for (size_t i = 0; i < settings_items(setting); i++) {
		const config_setting_t *item = settings_item(setting, i);
		const char **kept = rules_kept(context->builder, vec_push(&list));
		const char *text = kept ? rules_item_string(context, key, item) : NULL;

		if (!text)
			continue;
		if (strlen(text) > 255)
			rules_not_a(context, item, text, key->what, NULL);
		*kept = rules_kept(context->builder,
				   arena_strdup(&context->builder->ruleset->arena, text));
	}
	rules_new_test(context, tests, key->kind, list.items, list.count, sizeof(char *));
	vec_release(&list);
}

/* ---- the group ---- */

static const struct key keys[] = {
	{"hook", read_spans, TEST_HOOK, 0, "\"forward\" or \"output\""},
	{"proto", read_spans, TEST_PROTO, 255, "a protocol"},
	{"dport", read_spans, TEST_DPORT, 65535, "a port or a range \"a-b\""},
	{"sport", read_spans, TEST_SPORT, 65535, "a port or a range \"a-b\""},
	{"tos", read_masked, TEST_TOS, 255, "a TOS name or value[/mask]"},
	{"dscp", read_spans, TEST_DSCP, 63, "a DSCP name or a number from 0 to 63"},
	{"ttl", read_spans, TEST_TTL, 255, "a number from 0 to 255 or a range \"a-b\""},
	{"length", read_spans, TEST_LENGTH, UINT32_MAX, "a length or a range \"a-b\""},
	{"fwmark", read_masked, TEST_FWMARK, UINT32_MAX, "a mark or value/mask"},
	{"tcp_flags", read_masked, TEST_TCP_FLAGS, 255,
	 "TCP flags (\"syn,ack\") or mask/comp (\"syn,ack,fin,rst/syn\")"},
	{"icmp_type", read_icmp, TEST_ICMP, 255, "an ICMP type, by name or number, or type/code"},
	{"uid", read_spans, TEST_UID, UINT32_MAX - 1,
	 "a user of this machine, a number or a range \"a-b\""},
	{"gid", read_spans, TEST_GID, UINT32_MAX - 1,
	 "a group of this machine, a number or a range \"a-b\""},
	{"mac", read_macs, TEST_MAC, 0, "a hardware address (\"00:11:22:33:44:55\")"},
	{"iface_in", read_interfaces, TEST_IFACE_IN, 0, "an interface name"},
	{"iface_out", read_interfaces, TEST_IFACE_OUT, 0, "an interface name"},
	{"src", read_addresses, TEST_SRC, 0, "an address, a prefix, a range, @file or @set:NAME"},
	{"dst", read_addresses, TEST_DST, 0, "an address, a prefix, a range, @file or @set:NAME"},
	{"time", rules_read_times, TEST_TIME, 0,
	 "a group { days, from, to, zone }, or a list of them"},
	{"app", read_apps, TEST_APP, 0, "an app"},
	{"alpn", read_alpns, TEST_ALPN, 0, "an ALPN protocol name"},
	{"host", read_hosts, TEST_HOST, 0, "a host name or @file"},
	{"payload", rules_read_payloads, TEST_PAYLOAD, 0,
	 "a regular expression, or a group { regex, from, offset, first }"},
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static bool says_output(const config_setting_t *group)
{
	const config_setting_t *hook = rules_find_member(group, "hook");
	const char *text = NULL;

	if (hook && settings_items(hook) == 1) {
		hook = settings_item(hook, 0);
		if (config_setting_type(hook) == CONFIG_TYPE_STRING)
			text = config_setting_get_string(hook);
	}
	return text && strcmp(text, "output") == 0;
}

/* The tests of one group but for its `not`; in the order of `keys`, which is that of cost. */
static void parse_keys(struct key_context *context, const config_setting_t *group,
		       struct vec *tests)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const config_setting_t *setting = rules_find_member(group, keys[i].name);

		if (!setting)
			continue;
		context->key = keys[i].name;
		if (rules_check_items(context, setting))
			keys[i].read(context, &keys[i], setting, tests);
	}
}

static void append(struct rules_builder *builder, struct vec *tests, const struct test *more,
		   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct test *test = rules_kept(builder, vec_push(tests));

		if (test)
			*test = more[i];
	}
}

/* A question to a kernel set goes behind everything else that the header can refute. */
static bool asks_kernel(const struct test *test)
{
	return (test->kind == TEST_SRC || test->kind == TEST_DST) && test->items &&
	       ((const struct address_set *)test->items)->ipset_count;
}

static void append_if(struct rules_builder *builder, struct vec *to, const struct vec *from,
		      bool payload, bool kernel)
{
	const struct test *tests = from->items;

	for (size_t i = 0; i < from->count; i++) {
		if (tests[i].payload == payload && asks_kernel(&tests[i]) == kernel)
			append(builder, to, &tests[i], 1);
	}
}

/* One group of `not`: a TEST_NOT and its tests, to `header` or to `payload`. */
static void parse_not(struct key_context *context, const config_setting_t *group,
		      const char *const *known, struct vec *header, struct vec *payload)
{
	struct rules_builder *builder = context->builder;
	struct vec found = VEC(struct test), sorted = VEC(struct test);
	bool outer_output = context->hook_output;
	struct test head = {.kind = TEST_NOT};
	struct vec *to;

	context->key = "not";
	if (rules_find_member(group, "not")) {
		rules_key_error(context, rules_find_member(group, "not"),
				"a negation cannot stand in a negation");
		return;
	}
	if (config_setting_length(group) == 0) {
		rules_key_error(context, group, "the group is empty, nothing could match");
		return;
	}
	settings_check_keys(group, known, "match", builder->diags);
	context->hook_output |= says_output(group);
	parse_keys(context, group, &found);
	context->hook_output = outer_output;
	append_if(builder, &sorted, &found, false, false);
	append_if(builder, &sorted, &found, false, true);
	append_if(builder, &sorted, &found, true, false);
	for (size_t i = 0; i < sorted.count; i++)
		head.payload |= ((const struct test *)sorted.items)[i].payload;
	head.count = (uint32_t)sorted.count;
	to = head.payload ? payload : header;
	append(builder, to, &head, 1);
	append(builder, to, sorted.items, sorted.count);
	vec_release(&found);
	vec_release(&sorted);
}

void rules_parse_match(struct key_context *context, const config_setting_t *match,
		       struct vec *tests)
{
	struct rules_builder *builder = context->builder;
	struct vec found = VEC(struct test);
	struct vec header_not = VEC(struct test), payload_not = VEC(struct test);
	const config_setting_t *negated = rules_find_member(match, "not");
	const char *known[KEY_COUNT + 2];
	char what[160];

	for (size_t i = 0; i < KEY_COUNT; i++)
		known[i] = keys[i].name;
	known[KEY_COUNT] = "not";
	known[KEY_COUNT + 1] = NULL;
	snprintf(what, sizeof(what), "match of rule '%s'", context->rule);
	settings_check_keys(match, known, what, builder->diags);
	context->hook_output = says_output(match);
	parse_keys(context, match, &found);
	context->key = "not";
	if (negated && rules_check_items(context, negated)) {
		for (size_t i = 0; i < settings_items(negated); i++) {
			const config_setting_t *group = settings_item(negated, i);

			context->key = "not";
			if (config_setting_is_group(group))
				parse_not(context, group, known, &header_not, &payload_not);
			else
				rules_key_error(context, group,
						"must be a group { } of match keys, or a list of "
						"them");
		}
	}
	append_if(builder, tests, &found, false, false);
	append(builder, tests, header_not.items, header_not.count);
	append_if(builder, tests, &found, false, true);
	append_if(builder, tests, &found, true, false);
	append(builder, tests, payload_not.items, payload_not.count);
	vec_release(&found);
	vec_release(&header_not);
	vec_release(&payload_not);
}
