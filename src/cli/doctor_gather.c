/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One reading of this machine: everything that the checks judge.
 *
 * Nothing here needs a privilege. What is hidden from who has none (rules, owners of queues) is
 * marked unknown, and doctor_check_privilege() tells so once. The daemon is asked for one thing,
 * whether it is there: then the queues on our numbers are its own.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include <waymark/control.h>
#include <waymark/firewall.h>
#include <waymark/policy.h>
#include <waymark/settings.h>

#include "doctor.h"
#include "doctor_files.h"

#define DAEMON_TIMEOUT_MS 2000

/* ---- rules as written ---- */

/* What src and dst of a rule say: families that are named, and whether a set is asked. */
struct written {
	bool ipv4, ipv6, other, sets;
};

static void take_item(const config_setting_t *item, struct written *written)
{
	const char *text = item ? config_setting_get_string(item) : NULL;
	struct ip_range range;

	if (!text)
		return;
	if (strncmp(text, "@set:", 5) == 0)
		written->sets = true;
	if (!ip_range_parse(text, &range))
		written->other = true;
	else if (range.first.family == IP_V4)
		written->ipv4 = true;
	else
		written->ipv6 = true;
}

static struct written written_of(const config_setting_t *rule)
{
	static const char *const keys[] = {"src", "dst"};
	const config_setting_t *match = config_setting_get_member(rule, "match");
	struct written written = {.ipv4 = false};

	for (size_t k = 0; match && config_setting_is_group(match) && k < 2; k++) {
		const config_setting_t *setting = config_setting_get_member(match, keys[k]);

		for (size_t i = 0; setting && i < settings_items(setting); i++)
			take_item(settings_item(setting, i), &written);
	}
	return written;
}

/* "uplink cable", "mark 7", "drop": rules of one action can stand in for each other. */
static void action_of(const config_setting_t *rule, char action[128])
{
	const char *uplink;
	int mark;

	if (config_setting_lookup_string(rule, "uplink", &uplink))
		snprintf(action, 128, "uplink %s", uplink);
	else if (config_setting_lookup_int(rule, "mark", &mark))
		snprintf(action, 128, "mark %d", mark);
	else
		snprintf(action, 128, "drop");
}

static bool has_twin(const config_setting_t *rules, const config_setting_t *rule)
{
	int count = config_setting_length(rules);
	char mine[128], other[128];

	action_of(rule, mine);
	for (int i = 0; i < count; i++) {
		const config_setting_t *candidate = config_setting_get_elem(rules, (unsigned)i);

		if (!candidate || candidate == rule || !config_setting_is_group(candidate))
			continue;
		action_of(candidate, other);
		if (strcmp(mine, other) == 0 && written_of(candidate).ipv6)
			return true;
	}
	return false;
}

static void take_rule(const config_setting_t *rules, const config_setting_t *rule,
		      struct doctor_facts *facts)
{
	struct written written = written_of(rule);
	size_t used = strlen(facts->ipv4_rules);
	const char *name = "";
	int enabled = 1;

	config_setting_lookup_bool(rule, "enabled", &enabled);
	if (!enabled)
		return;
	facts->uses_sets |= written.sets;
	if (!written.ipv4 || written.ipv6 || written.other || has_twin(rules, rule))
		return;
	config_setting_lookup_string(rule, "name", &name);
	snprintf(facts->ipv4_rules + used, sizeof(facts->ipv4_rules) - used, "%s'%.60s'",
		 used ? ", " : "", name);
}

static void take_rules_of(const char *path, struct doctor_facts *facts)
{
	struct diag_list ignored = DIAG_LIST_INIT;
	struct settings_file *file = settings_open(path, &ignored);
	const config_setting_t *rules =
		file ? config_setting_get_member(settings_root(file), "rules") : NULL;

	for (int i = 0; rules && i < config_setting_length(rules); i++) {
		const config_setting_t *rule = config_setting_get_elem(rules, (unsigned)i);

		if (rule && config_setting_is_group(rule))
			take_rule(rules, rule, facts);
	}
	settings_close(file);
	diag_list_release(&ignored);
}

void doctor_rule_files_gather(const struct policy *policy, struct doctor_facts *facts)
{
	const struct conf *conf = policy->conf;

	take_rules_of(conf->path, facts);
	for (size_t i = 0; i < conf->rules_dir_count; i++) {
		struct dirent **entries;
		int count = scandir(conf->rules_dirs[i], &entries, doctor_is_conf, alphasort);

		for (int n = 0; n < count; n++) {
			char path[4096];

			snprintf(path, sizeof(path), "%s/%s", conf->rules_dirs[i],
				 entries[n]->d_name);
			take_rules_of(path, facts);
			free(entries[n]);
		}
		if (count >= 0)
			free(entries);
	}
}

/* ---- the rest ---- */

static bool daemon_answers(const char *socket)
{
	json_t *request = json_pack("{s:s}", "command", "status"), *data = NULL;
	char error[256];
	bool answers = request && socket &&
		       control_request(socket, request, DAEMON_TIMEOUT_MS, &data, error,
				       sizeof(error)) == 0;

	json_decref(data);
	json_decref(request);
	return answers;
}

static void works(struct doctor_facts *facts, const char *symbol)
{
	for (size_t i = 0; i < doctor_option_count(); i++)
		if (strcmp(doctor_options[i].symbol, symbol) == 0)
			facts->kernel.works[i] = true;
}

/* Policy rules that were dumped, and chains that stand, need no option to be believed. */
static void take_evidence(struct doctor_facts *facts)
{
	bool chains[2] = {false}, queues = false;

	if (facts->routes_known && facts->routes.facts.ipv4) {
		works(facts, "IP_ADVANCED_ROUTER");
		works(facts, "IP_MULTIPLE_TABLES");
	}
	if (facts->routes_known && facts->routes.facts.ipv6)
		works(facts, "IPV6_MULTIPLE_TABLES");
	for (size_t i = 0; i < facts->rules.count; i++) {
		const struct doctor_rule *rule = &facts->rules.items[i];

		if (!rule->legacy)
			chains[rule->family == IP_V6] = true;
		queues |= rule->ours && rule->queues;
	}
	if (chains[0] || chains[1]) {
		works(facts, "NF_TABLES");
		works(facts, "NFT_COMPAT");
	}
	if (chains[0])
		works(facts, "NF_TABLES_IPV4");
	if (chains[1])
		works(facts, "NF_TABLES_IPV6");
	if (queues) {
		works(facts, "NETFILTER_XT_TARGET_NFQUEUE");
		works(facts, "NETFILTER_XT_MATCH_MARK");
		works(facts, "NETFILTER_XT_MATCH_CONNTRACK");
		works(facts, "NETFILTER_XT_MATCH_ADDRTYPE");
	}
}

/* The chains are compared where they are wanted now: a stopped daemon has taken them away. */
static void check_chains(struct doctor_facts *facts)
{
	bool queues = false, any = false;

	for (size_t i = 0; i < facts->rules.count; i++) {
		any |= facts->rules.items[i].ours;
		queues |= facts->rules.items[i].ours && facts->rules.items[i].queues;
	}
	if (!any && !(facts->daemon && facts->conf->firewall.manage))
		return;
	if (facts->firewall.hidden[facts->firewall.chosen])
		return;
	facts->chains_checked =
		firewall_check(facts->conf,
			       facts->daemon || queues ? FIREWALL_FULL : FIREWALL_NO_QUEUES,
			       &facts->chains) >= 0;
}

int doctor_gather(const struct policy *policy, const char *socket, struct doctor_facts *facts,
		  struct diag_list *diags)
{
	struct diag_list ignored = DIAG_LIST_INIT;
	int result;

	facts->conf = policy->conf;
	diag_list_init(&facts->chains);
	facts->daemon = daemon_answers(socket);
	doctor_rule_files_gather(policy, facts);
	doctor_kernel_gather(&facts->kernel);
	doctor_sysctls_gather(&facts->sysctls);
	doctor_others_gather(&facts->others);
	facts->queues_known = doctor_queues_gather(facts);
	result = doctor_links_gather(&facts->links, &facts->link_count);
	if (result < 0) {
		diag_error(diags, NULL, 0, "cannot read the links: %s", strerror(-result));
		return result;
	}
	/* a kernel without policy rules is what doctor is asked about: no reason to end */
	facts->routes_known = route_look(policy->conf, &facts->routes, &ignored) == 0;
	diag_list_release(&ignored);
	result = firewall_look(policy->conf, &facts->firewall);
	for (int v = 0; v < FIREWALL_VARIANTS; v++)
		for (int i = 0; i < 2; i++)
			doctor_rules_parse(&facts->rules, facts->firewall.saved[v][i],
					   i == 0 ? IP_V4 : IP_V6, v == FIREWALL_LEGACY);
	doctor_nft_gather(&facts->nft);
	if (result < 0 || facts->rules.failed || facts->nft.failed) {
		diag_error(diags, NULL, 0, "out of memory");
		return -ENOMEM;
	}
	take_evidence(facts);
	check_chains(facts);
	return 0;
}

void doctor_facts_release(struct doctor_facts *facts)
{
	free(facts->links);
	route_look_release(&facts->routes);
	firewall_look_release(&facts->firewall);
	doctor_rules_release(&facts->rules);
	doctor_nft_release(&facts->nft);
	diag_list_release(&facts->chains);
}

const struct doctor_link *doctor_link_by_name(const struct doctor_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->link_count; i++)
		if (strcmp(facts->links[i].name, name) == 0)
			return &facts->links[i];
	return NULL;
}

const struct doctor_link *doctor_link_by_index(const struct doctor_facts *facts, uint32_t index)
{
	for (size_t i = 0; i < facts->link_count; i++)
		if (facts->links[i].index == index)
			return &facts->links[i];
	return NULL;
}

bool doctor_carries_ipv6(const struct doctor_facts *facts, size_t uplink)
{
	return facts->routes_known && facts->conf->uplinks[uplink].enabled &&
	       facts->routes.uplinks[uplink].default6;
}

bool doctor_is_uplink(const struct doctor_facts *facts, const char *interface)
{
	const struct conf *conf = facts->conf;

	for (size_t i = 0; i < conf->uplink_count; i++)
		if (conf->uplinks[i].enabled && strcmp(conf->uplinks[i].interface, interface) == 0)
			return true;
	return false;
}
