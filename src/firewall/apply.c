/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply - brings the kernel to the plan, takes our part away, and looks.
 *
 * Everything starts from a snapshot: what is right already is not written again
 * (counters live on, nobody is woken by an event), and only what iptables-save
 * showed is deleted. Between snapshot and restore somebody else may change the
 * table; then the restore fails as a whole, or the next check finds it: so one
 * failure is tried again from a new snapshot.
 *
 * A kernel without IPv6, or without its tables, is served for IPv4 alone.
 * Our chains live in one variant: what an earlier run left in the other goes.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

static const int families[] = {4, 6};

#define FAMILY_COUNT (sizeof(families) / sizeof(families[0]))
#define ATTEMPTS 3

/* iptables-restore reads words; nothing but a name may come in by the configuration. */
static bool name_is_sane(const char *name)
{
	return name[0] && strlen(name) < IF_NAMESIZE && !strpbrk(name, " \t\r\n\v\f/\"'\\!") &&
	       name[0] != '-';
}

static int check_names(const struct conf *conf, struct diag_list *diags)
{
	int ret = 0;

	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];

		if (!uplink->enabled || name_is_sane(uplink->interface))
			continue;
		diag_error(diags, uplink->file, uplink->line, "not an interface name: '%s'",
			   uplink->interface);
		ret = -EINVAL;
	}
	for (size_t i = 0; i < conf->firewall.interface_count; i++) {
		if (name_is_sane(conf->firewall.interfaces[i]))
			continue;
		diag_error(diags, conf->path, 0, "not an interface name: '%s'",
			   conf->firewall.interfaces[i]);
		ret = -EINVAL;
	}
	return ret;
}

/*
 * One family to one plan; a lost race is tried again. With `repaired`, which counts what was
 * wrong, warnings are no reason to change anything.
 */
static int change_family(const struct fw_tools *tools, int family, const struct fw_plan *plan,
			 enum firewall_stage stage, size_t *repaired, struct diag_list *diags)
{
	int ret = -EIO;

	for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
		struct diag_list *findings = diags, local = DIAG_LIST_INIT;
		struct fw_snapshot snapshot;
		struct fw_text changes = {0};
		size_t wrong = 0;

		if (attempt < ATTEMPTS)
			findings = &local;
		ret = fw_snapshot_take(&snapshot, tools, family, findings);
		if (ret == 0 && repaired) {
			struct diag_list unheard = DIAG_LIST_INIT;

			wrong = fw_compare(plan, &snapshot, family, &unheard);
			diag_list_release(&unheard);
		}
		if (ret == 0 && (wrong || !repaired))
			fw_changes(plan, &snapshot, stage, &changes);
		if (changes.failed)
			ret = -ENOMEM;
		if (ret == 0 && changes.data)
			ret = fw_restore(tools, family, changes.data, findings);
		if (ret == 0 && repaired)
			*repaired += wrong;
		fw_text_release(&changes);
		fw_snapshot_release(&snapshot);
		/* trying again helps against a race alone */
		if (ret != -EIO && attempt < ATTEMPTS)
			diag_list_move(diags, &local);
		diag_list_release(&local);
		if (ret != -EIO)
			break;
	}
	return ret;
}

/* What to do with a failure for IPv6: a system may have no part of it. */
static int judge_family(int family, int ret, struct diag_list *to, struct diag_list *from)
{
	if (family == 6 && (ret == -EOPNOTSUPP || ret == -ENOENT)) {
		diag_note(to, NULL, 0, "ipv6 is left out: %s",
			  from->count ? from->items[0].message : strerror(-ret));
		ret = 0;
	} else {
		diag_list_move(to, from);
	}
	diag_list_release(from);
	return ret;
}

/* Takes our chains out of a variant, where it has any. */
static int clear_variant(const struct fw_tools *tools, struct diag_list *diags)
{
	int result = 0;

	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		struct diag_list findings = DIAG_LIST_INIT;
		struct fw_snapshot snapshot;
		struct fw_plan nothing = {0};
		int ret;

		if (!fw_family_available(families[i], NULL))
			continue;
		ret = fw_snapshot_take(&snapshot, tools, families[i], &findings);
		if (ret == 0 && fw_snapshot_has_ours(&snapshot))
			ret = change_family(tools, families[i], &nothing, FIREWALL_NO_QUEUES, NULL,
					    &findings);
		fw_snapshot_release(&snapshot);
		ret = judge_family(families[i], ret, diags, &findings);
		if (ret < 0 && result == 0)
			result = ret;
	}
	return result;
}

static void note_shared_interfaces(const struct conf *conf, struct diag_list *diags)
{
	for (size_t i = 0; i < conf->uplink_count; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct conf_uplink *a = &conf->uplinks[j], *b = &conf->uplinks[i];

			if (!a->enabled || !b->enabled || strcmp(a->interface, b->interface) != 0)
				continue;
			diag_note(diags, b->file, b->line,
				  "uplinks '%s' and '%s' share interface %s: no return path and no "
				  "pinning there, since it does not tell them apart",
				  a->name, b->name, b->interface);
			break;
		}
	}
}

static int change_families(const struct fw_tools *tools, const struct conf *conf,
			   enum firewall_stage stage, size_t *repaired, struct diag_list *diags)
{
	int result = 0;

	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		struct diag_list findings = DIAG_LIST_INIT;
		struct fw_plan plan;
		int ret;

		if (!fw_family_available(families[i], diags))
			continue;
		ret = fw_plan_build(&plan, conf, families[i], stage);
		if (ret == 0)
			ret = change_family(tools, families[i], &plan, stage, repaired, &findings);
		fw_plan_release(&plan);
		ret = judge_family(families[i], ret, diags, &findings);
		if (ret < 0 && result == 0)
			result = ret;
	}
	return result;
}

int firewall_apply(const struct conf *conf, enum firewall_stage stage, struct diag_list *diags)
{
	struct fw_tools tools, other;
	int result;

	result = check_names(conf, diags);
	if (result == 0)
		result = fw_tools_find(conf->firewall.command, &tools, diags);
	if (result == 0)
		result = change_families(&tools, conf, stage, NULL, diags);
	if (result < 0)
		return result;
	note_shared_interfaces(conf, diags);
	/* chains in both variants would queue every packet twice */
	if (fw_tools_other(&tools, &other))
		result = clear_variant(&other, diags);
	return result;
}

int firewall_repair(const struct conf *conf, size_t *repaired, struct diag_list *diags)
{
	struct fw_tools tools;
	int result = fw_tools_find(conf->firewall.command, &tools, diags);

	*repaired = 0;
	return result < 0 ? result : change_families(&tools, conf, FIREWALL_FULL, repaired, diags);
}

int firewall_remove(const struct conf *conf, struct diag_list *diags)
{
	struct fw_tools tools, other;
	int ret, result;

	result = fw_tools_find(conf->firewall.command, &tools, diags);
	if (result < 0)
		return result;
	result = clear_variant(&tools, diags);
	if (fw_tools_other(&tools, &other)) {
		ret = clear_variant(&other, diags);
		if (result == 0)
			result = ret;
	}
	return result;
}

int firewall_check(const struct conf *conf, enum firewall_stage stage, struct diag_list *diags)
{
	struct fw_tools tools;
	size_t errors = 0;
	int result;

	result = fw_tools_find(conf->firewall.command, &tools, diags);
	for (size_t i = 0; result == 0 && i < FAMILY_COUNT; i++) {
		struct diag_list findings = DIAG_LIST_INIT;
		struct fw_snapshot snapshot;
		struct fw_plan plan;
		int ret;

		if (!fw_family_available(families[i], NULL))
			continue;
		ret = fw_plan_build(&plan, conf, families[i], stage);
		if (ret == 0) {
			ret = fw_snapshot_take(&snapshot, &tools, families[i], &findings);
			if (ret == 0)
				errors += fw_compare(&plan, &snapshot, families[i], &findings);
			fw_snapshot_release(&snapshot);
		}
		fw_plan_release(&plan);
		result = judge_family(families[i], ret, diags, &findings);
	}
	if (result < 0)
		return result;
	return errors ? 1 : 0;
}

const char *firewall_variant(const struct conf *conf)
{
	struct fw_tools tools;

	if (fw_tools_find(conf->firewall.command, &tools, NULL) < 0)
		return "nf_tables";
	return tools.variant == FW_NFT ? "nf_tables" : "legacy";
}
