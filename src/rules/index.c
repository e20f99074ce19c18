/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index.c - the header parts of all rules in a few hash tables (tuple space search).
 *
 * A rule constrains some fields of a flow's facts: both addresses, both ports, the protocol, and
 * one other key (mac, uid, iface_in, dscp). Each of them is covered by a few blocks of one length,
 * as prefixes are: exactly where that takes few, else by larger ones, at last by everything. The
 * lengths are the rule's shape; rules of one shape make a tuple, and the product of a rule's blocks
 * its keys. To look a flow up is to mask its facts by each tuple and to ask one hash table for the
 * result: the cost follows the number of tuples, not of rules.
 *
 * Invariants:
 *  - a rule that can hold is found: blocks cover at least what the rule's tests do. What is found
 * too often is refuted by judging it; a key that says all that the header tests say spares even
 * that;
 *  - a rule has one shape, hence a flow finds it once: so open ones are counted right;
 *  - tuples are at most 64 a table. Common shapes are tuples as they are; other rules go where
 * there is room for them, into coarser ones, as long as few rules share a key (TupleMerge);
 *  - keys are at most 16 a rule, and about half a million in all;
 *  - tuples and items are in the order of rules: who has found a rule can stop at a later one.
 *
 * What no field tells (time, hooks, negations, sets in the kernel, ...) is left to the judgement.
 */
#include <stdlib.h>
#include <string.h>

#include "index_build.h"

#define KEYS_MAX (1u << 19)
#define HOST_NAMES_MAX 64u

/* ---- names ---- */

struct named {
	uint64_t hash;
	uint32_t rule;
};

static int compare_named(const void *left, const void *right)
{
	const struct named *a = left, *b = right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->rule > b->rule) - (a->rule < b->rule);
}

static bool add_names(struct name_index *names, struct vec *list, const struct rule *rule,
		      uint32_t number)
{
	const struct host_set *set = index_find_test(rule, TEST_HOST)->items;
	uint64_t hashes[HOST_NAMES_MAX];
	uint32_t count = host_set_hashes(set, hashes, HOST_NAMES_MAX);
	uint32_t labels = set->most_exact > set->most_below ? set->most_exact : set->most_below;

	if (labels > names->most_labels)
		names->most_labels = labels;
	for (uint32_t i = 0; i < count; i++) {
		struct named *named = vec_push(list);

		if (!named)
			return false;
		*named = (struct named){hashes[i], number};
	}
	return true;
}

static bool make_name_table(struct ruleset *ruleset, struct name_index *names, struct vec *list)
{
	struct named *named = list->items;
	uint32_t slot_count = slots_for(list->count), group_count = 0;
	struct index_slot *slots = arena_array(&ruleset->arena, slot_count, sizeof(*slots));
	struct name_group *groups;
	uint32_t *rules = arena_array(&ruleset->arena, list->count, sizeof(*rules));

	qsort(named, list->count, sizeof(*named), compare_named);
	for (size_t i = 0; i < list->count; i++)
		group_count += i == 0 || named[i].hash != named[i - 1].hash;
	groups = arena_array(&ruleset->arena, group_count, sizeof(*groups));
	if (!slots || !groups || !rules)
		return false;
	names->slots = slots;
	names->slot_mask = slot_count - 1;
	names->groups = groups--;
	names->rules = rules;
	for (uint32_t i = 0; i < list->count; i++) {
		rules[i] = named[i].rule;
		if (i == 0 || named[i].hash != named[i - 1].hash) {
			uint32_t at = (uint32_t)named[i].hash & names->slot_mask;

			while (slots[at].group)
				at = (at + 1) & names->slot_mask;
			*++groups = (struct name_group){named[i].hash, i, 0};
			slots[at] = (struct index_slot){index_tag(named[i].hash),
							(uint32_t)(groups - names->groups) + 1};
		}
		groups->count++;
	}
	return true;
}

/* ---- the whole ---- */

static enum index_kind kind_of(const struct rule *rule)
{
	const struct test *host = index_find_test(rule, TEST_HOST);
	uint32_t payload = 0;

	if (!rule->payload)
		return INDEX_HEADER;
	for (uint32_t i = 0; i < rule->test_count; i++) {
		payload += rule->tests[i].payload;
		if (rule->tests[i].kind == TEST_NOT)
			i += rule->tests[i].count;
	}
	if (!host || payload != 1 ||
	    host_set_hashes(host->items, NULL, HOST_NAMES_MAX) > HOST_NAMES_MAX)
		return INDEX_PAYLOAD;
	return INDEX_HOST;
}

static bool build_part(struct builder *builder, const uint8_t *kinds, enum index_kind kind)
{
	bool done = true;

	builder->plans = (struct vec)VEC(struct plan);
	builder->keys = (struct vec){.item_size = key_words(builder) * sizeof(uint64_t)};
	for (uint32_t i = 0; done && i < builder->ruleset->count; i++)
		if (kinds[i] == kind)
			done = index_add_rule(builder, i);
	if (done && builder->plans.count)
		done = index_make_table(builder);
	vec_release(&builder->plans);
	vec_release(&builder->keys);
	return done;
}

bool rules_index_build(struct ruleset *ruleset)
{
	struct rule_index *index = arena_alloc(&ruleset->arena, sizeof(*index));
	struct builder builder = {.ruleset = ruleset, .index = index};
	uint8_t *kinds = calloc(ruleset->count + 1, 1);
	struct vec names = VEC(struct named);
	bool done = index && kinds && ruleset->count < INT32_MAX / 2;

	if (!done)
		goto out;
	for (size_t i = 0; i < 3; i++)
		index->seed[i] = index_mix(ruleset->seed + i, UINT64_C(0x9e3779b97f4a7c15)) | 1;
	index->names.seed = ruleset->seed;
	builder.rule_keys_max = (uint32_t)(KEYS_MAX / (ruleset->count + 1));
	builder.rule_keys_max = builder.rule_keys_max > RULE_KEYS_MAX ? RULE_KEYS_MAX
				: builder.rule_keys_max < 4	      ? 4
								      : builder.rule_keys_max;
	for (uint32_t i = 0; done && i < ruleset->count; i++) {
		kinds[i] = (uint8_t)kind_of(&ruleset->rules[i]);
		if (kinds[i] == INDEX_HOST)
			done = add_names(&index->names, &names, &ruleset->rules[i], i);
	}
	for (unsigned family = 0; family < 2; family++) {
		builder.wide = family == 1;
		for (unsigned kind = 0; done && kind < INDEX_KINDS; kind++) {
			builder.part = &index->parts[family][kind];
			done = build_part(&builder, kinds, (enum index_kind)kind);
		}
	}
	if (done && names.count)
		done = make_name_table(ruleset, &index->names, &names);
	ruleset->index = index;
out:
	vec_release(&names);
	free(kinds);
	return done;
}
