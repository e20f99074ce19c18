/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check - what iptables-save shows, and how it differs from the plan.
 *
 * A plan is written as iptables-save prints, nft and legacy alike, so a rule is
 * right when its text is equal. Of the rules of others only those matter here
 * that stand in a base chain of ours: after our jump they would miss what an
 * ACCEPT from the queue passes over, and that is a warning, not an error.
 *
 * A rule outside our chains that jumps to one of them counts as ours, wherever it
 * stands: without the chain it could not be.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* More findings than a person reads. */
#define FINDINGS_MAX 50

/* ---- reading ---- */

static struct fw_rule *add_rule(struct fw_snapshot *snapshot)
{
	if (snapshot->count == snapshot->capacity) {
		size_t capacity = snapshot->capacity ? snapshot->capacity * 2 : 64;
		struct fw_rule *rules = arena_array(&snapshot->arena, capacity, sizeof(*rules));

		if (!rules)
			return NULL;
		if (snapshot->count)
			memcpy(rules, snapshot->rules, snapshot->count * sizeof(*rules));
		snapshot->rules = rules;
		snapshot->capacity = capacity;
	}
	return &snapshot->rules[snapshot->count++];
}

/* Where there is /etc/protocols, iptables-save prints IGMP by name. */
static char *copy_rule(struct arena *arena, const char *line, size_t length)
{
	static const char named[] = " -p igmp ";
	const char *at = memmem(line, length, named, sizeof(named) - 1);
	size_t before;

	if (!at)
		return arena_strndup(arena, line, length);
	before = (size_t)(at - line);
	return arena_printf(arena, "%.*s -p 2 %.*s", (int)before, line,
			    (int)(length - before - (sizeof(named) - 1)), at + sizeof(named) - 1);
}

/* "-A CHAIN ..." */
static void read_rule(struct fw_snapshot *snapshot, enum fw_table table, const char *line,
		      size_t length)
{
	struct fw_rule *rule = add_rule(snapshot);
	const char *target;

	if (!rule)
		goto fail;
	rule->table = table;
	rule->text = copy_rule(&snapshot->arena, line, length);
	rule->chain = arena_strndup(&snapshot->arena, line + 3, strcspn(line + 3, " \n"));
	if (!rule->text || !rule->chain)
		goto fail;
	rule->own = fw_chain_find(table, rule->chain);
	/* a jump to a chain of a user takes no options: its name ends the line */
	rule->target = -1;
	target = strrchr(rule->text, ' ');
	if (target - rule->text >= 3 &&
	    (strncmp(target - 3, " -j", 3) == 0 || strncmp(target - 3, " -g", 3) == 0))
		rule->target = fw_chain_find(table, target + 1);
	return;
fail:
	snapshot->failed = true;
}

int fw_snapshot_parse(struct fw_snapshot *snapshot, const char *saved)
{
	int table = -1;

	memset(snapshot, 0, sizeof(*snapshot));
	arena_init(&snapshot->arena);
	while (saved && *saved && !snapshot->failed) {
		size_t length = strcspn(saved, "\n");

		if (saved[0] == '*') {
			table = -1;
			for (int i = 0; i < FW_TABLE_COUNT; i++)
				if (strlen(fw_table_names[i]) == length - 1 &&
				    strncmp(saved + 1, fw_table_names[i], length - 1) == 0)
					table = i;
		} else if (saved[0] == ':' && table >= 0) {
			for (int i = 0; i < FW_CHAIN_COUNT; i++) {
				size_t name = strlen(fw_chain_names[i].name);

				if (fw_chain_names[i].table == (unsigned)table &&
				    length > name + 1 &&
				    strncmp(saved + 1, fw_chain_names[i].name, name) == 0 &&
				    saved[name + 1] == ' ')
					snapshot->present[i] = true;
			}
		} else if (length > 4 && strncmp(saved, "-A ", 3) == 0 && table >= 0) {
			read_rule(snapshot, (enum fw_table)table, saved, length);
		}
		saved += length;
		saved += *saved == '\n';
	}
	return snapshot->failed ? -ENOMEM : 0;
}

int fw_snapshot_take(struct fw_snapshot *snapshot, const struct fw_tools *tools, int family,
		     struct diag_list *diags)
{
	struct fw_text saved = {0};
	int ret = fw_save(tools, family, &saved, diags);

	if (ret == 0) {
		ret = fw_snapshot_parse(snapshot, saved.data);
	} else {
		memset(snapshot, 0, sizeof(*snapshot));
		arena_init(&snapshot->arena);
	}
	fw_text_release(&saved);
	return ret;
}

void fw_snapshot_release(struct fw_snapshot *snapshot)
{
	arena_release(&snapshot->arena);
	memset(snapshot, 0, sizeof(*snapshot));
}

bool fw_snapshot_has_ours(const struct fw_snapshot *snapshot)
{
	for (int i = 0; i < FW_CHAIN_COUNT; i++)
		if (snapshot->present[i])
			return true;
	return false;
}

/* ---- comparing ---- */

/* How often the plan, and how often the snapshot, has this rule in this chain. */
static size_t count_in_plan(const struct fw_chain *chain, const char *text)
{
	size_t count = 0;

	for (size_t i = 0; i < chain->count; i++)
		count += strcmp(chain->rules[i], text) == 0;
	return count;
}

static size_t count_in_snapshot(const struct fw_snapshot *snapshot, int chain, const char *text)
{
	size_t count = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		count += snapshot->rules[i].own == chain &&
			 strcmp(snapshot->rules[i].text, text) == 0;
	return count;
}

static bool chain_equal(const struct fw_chain *chain, const struct fw_snapshot *snapshot, int id)
{
	size_t at = 0;

	if (chain->wanted != snapshot->present[id])
		return false;
	for (size_t i = 0; i < snapshot->count; i++) {
		if (snapshot->rules[i].own != id)
			continue;
		if (at >= chain->count || strcmp(chain->rules[at], snapshot->rules[i].text) != 0)
			return false;
		at++;
	}
	return at == chain->count;
}

static size_t compare_chain(const struct fw_chain *chain, const struct fw_snapshot *snapshot,
			    int id, int family, struct diag_list *diags)
{
	const char *table = fw_table_names[fw_chain_names[id].table];
	const char *name = fw_chain_names[id].name;
	size_t errors = 0;

	if (chain_equal(chain, snapshot, id))
		return 0;
	if (!snapshot->present[id]) {
		diag_error(diags, NULL, 0, "ipv%d %s: chain %s is missing", family, table, name);
		return 1;
	}
	if (!chain->wanted) {
		diag_error(diags, NULL, 0, "ipv%d %s: chain %s should not be there", family, table,
			   name);
		return 1;
	}
	for (size_t i = 0; i < chain->count; i++) {
		const char *rule = chain->rules[i];

		if (count_in_snapshot(snapshot, id, rule) >= count_in_plan(chain, rule))
			continue;
		if (errors++ < FINDINGS_MAX)
			diag_error(diags, NULL, 0, "ipv%d %s: rule is missing: %s", family, table,
				   rule);
	}
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct fw_rule *rule = &snapshot->rules[i];

		if (rule->own != id ||
		    count_in_snapshot(snapshot, id, rule->text) <= count_in_plan(chain, rule->text))
			continue;
		if (errors++ < FINDINGS_MAX)
			diag_error(diags, NULL, 0, "ipv%d %s: rule is not ours: %s", family, table,
				   rule->text);
	}
	if (!errors) {
		errors = 1;
		diag_error(diags, NULL, 0, "ipv%d %s: chain %s has its rules in another order",
			   family, table, name);
	}
	return errors;
}

/*
 * Whether a base chain has exactly the jumps that the plan wants, in order. `after`: the
 * first rule of somebody else that follows one of them.
 */
static bool jumps_right(const struct fw_plan *plan, const struct fw_snapshot *snapshot,
			enum fw_table table, const char *base, const struct fw_rule **after)
{
	size_t next = 0;
	bool right = true;

	*after = NULL;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct fw_rule *rule = &snapshot->rules[i];

		if (rule->table != table || strcmp(rule->chain, base) != 0)
			continue;
		if (rule->target < 0) {
			if (next && !*after)
				*after = rule;
			continue;
		}
		while (next < plan->jump_count && (plan->jumps[next].table != table ||
						   strcmp(plan->jumps[next].base, base) != 0))
			next++;
		if (next == plan->jump_count) {
			right = false;
			continue;
		}
		right &= strcmp(rule->text, plan->jumps[next].text) == 0;
		next++;
	}
	while (next < plan->jump_count) {
		right &= plan->jumps[next].table != table ||
			 strcmp(plan->jumps[next].base, base) != 0;
		next++;
	}
	return right;
}

static const struct {
	enum fw_table table;
	const char *name;
} bases[] = {
	{FW_MANGLE, "PREROUTING"}, {FW_MANGLE, "INPUT"},       {FW_MANGLE, "FORWARD"},
	{FW_MANGLE, "OUTPUT"},	   {FW_MANGLE, "POSTROUTING"}, {FW_SECURITY, "INPUT"},
	{FW_SECURITY, "FORWARD"},  {FW_SECURITY, "OUTPUT"},
};

#define BASE_COUNT (sizeof(bases) / sizeof(bases[0]))

static bool is_base(enum fw_table table, const char *name)
{
	for (size_t i = 0; i < BASE_COUNT; i++)
		if (bases[i].table == table && strcmp(bases[i].name, name) == 0)
			return true;
	return false;
}

static size_t compare_base(const struct fw_plan *plan, const struct fw_snapshot *snapshot,
			   size_t base, int family, struct diag_list *diags)
{
	const char *table = fw_table_names[bases[base].table], *name = bases[base].name;
	const struct fw_rule *after;
	size_t errors = 0;

	if (!jumps_right(plan, snapshot, bases[base].table, name, &after)) {
		for (size_t j = 0; j < plan->jump_count; j++) {
			const struct fw_jump *jump = &plan->jumps[j];
			bool found = false;

			if (jump->table != bases[base].table || strcmp(jump->base, name) != 0)
				continue;
			for (size_t i = 0; i < snapshot->count; i++)
				found |= snapshot->rules[i].table == jump->table &&
					 strcmp(snapshot->rules[i].text, jump->text) == 0;
			if (found)
				continue;
			errors++;
			diag_error(diags, NULL, 0, "ipv%d %s: jump is missing: %s", family, table,
				   jump->text);
		}
		if (!errors) {
			errors = 1;
			diag_error(diags, NULL, 0,
				   "ipv%d %s: chain %s has our jumps more than once, or changed",
				   family, table, name);
		}
	}
	if (after)
		diag_warning(diags, NULL, 0,
			     "ipv%d %s: a rule follows our jump, packets accepted by a queue skip "
			     "it: %s",
			     family, table, after->text);
	return errors;
}

size_t fw_compare(const struct fw_plan *plan, const struct fw_snapshot *snapshot, int family,
		  struct diag_list *diags)
{
	size_t errors = 0;

	for (int i = 0; i < FW_CHAIN_COUNT; i++)
		errors += compare_chain(&plan->chains[i], snapshot, i, family, diags);
	for (size_t i = 0; i < BASE_COUNT; i++)
		errors += compare_base(plan, snapshot, i, family, diags);
	return errors;
}

/* ---- changing ---- */

static bool table_is_right(const struct fw_plan *plan, const struct fw_snapshot *snapshot,
			   enum fw_table table)
{
	const struct fw_rule *after;

	for (int i = 0; i < FW_CHAIN_COUNT; i++)
		if (fw_chain_names[i].table == table && !chain_equal(&plan->chains[i], snapshot, i))
			return false;
	for (size_t i = 0; i < BASE_COUNT; i++)
		if (bases[i].table == table &&
		    (!jumps_right(plan, snapshot, table, bases[i].name, &after) || after))
			return false;
	return true;
}

/*
 * One transaction: chains declared (which empties them), jumps taken out, chains filled,
 * jumps appended, chains of no more use deleted. Jumps that stand right and last stay.
 */
static void change_table(const struct fw_plan *plan, const struct fw_snapshot *snapshot,
			 enum fw_table table, struct fw_text *text)
{
	bool redo[BASE_COUNT];

	for (size_t b = 0; b < BASE_COUNT; b++) {
		const struct fw_rule *after;
		bool right = jumps_right(plan, snapshot, table, bases[b].name, &after);

		redo[b] = bases[b].table == table && (!right || after);
	}
	fw_text_printf(text, "*%s\n", fw_table_names[table]);
	for (int i = 0; i < FW_CHAIN_COUNT; i++)
		if (fw_chain_names[i].table == table &&
		    (plan->chains[i].wanted || snapshot->present[i]))
			fw_text_printf(text, ":%s - [0:0]\n", fw_chain_names[i].name);
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct fw_rule *rule = &snapshot->rules[i];
		bool out = !is_base(table, rule->chain);

		if (rule->table != table || rule->target < 0 || rule->own >= 0)
			continue;
		for (size_t b = 0; b < BASE_COUNT; b++)
			out |= redo[b] && strcmp(bases[b].name, rule->chain) == 0;
		if (out) {
			fw_text_bytes(text, "-D", 2);
			fw_text_bytes(text, rule->text + 2, strlen(rule->text + 2));
			fw_text_bytes(text, "\n", 1);
		}
	}
	for (int i = 0; i < FW_CHAIN_COUNT; i++)
		for (size_t r = 0; fw_chain_names[i].table == table && r < plan->chains[i].count;
		     r++)
			fw_text_printf(text, "%s\n", plan->chains[i].rules[r]);
	for (size_t b = 0; b < BASE_COUNT; b++)
		for (size_t j = 0; redo[b] && j < plan->jump_count; j++)
			if (plan->jumps[j].table == table &&
			    strcmp(plan->jumps[j].base, bases[b].name) == 0)
				fw_text_printf(text, "%s\n", plan->jumps[j].text);
	for (int i = 0; i < FW_CHAIN_COUNT; i++)
		if (fw_chain_names[i].table == table && snapshot->present[i] &&
		    !plan->chains[i].wanted)
			fw_text_printf(text, "-X %s\n", fw_chain_names[i].name);
	fw_text_printf(text, "COMMIT\n");
}

void fw_changes(const struct fw_plan *plan, const struct fw_snapshot *snapshot,
		enum firewall_stage stage, struct fw_text *text)
{
	/* restoring comes before queueing, and queueing goes before restoring */
	static const enum fw_table orders[][FW_TABLE_COUNT] = {
		[FIREWALL_FULL] = {FW_MANGLE, FW_SECURITY},
		[FIREWALL_NO_QUEUES] = {FW_SECURITY, FW_MANGLE},
	};

	for (size_t i = 0; i < FW_TABLE_COUNT; i++)
		if (!table_is_right(plan, snapshot, orders[stage][i]))
			change_table(plan, snapshot, orders[stage][i], text);
}
