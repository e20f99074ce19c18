/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index_table.c - one part of the index: its groups in a hash table, their items in a row, and
 * sieves.
 *
 * A sieve tells from the beginning of an address which tuples have any key that begins so: a bit
 * each, by hash. A flow meets few tuples then, however many there are; the same by protocol
 * and port.
 */
#include <stdlib.h>
#include <string.h>

#include "index_build.h"

struct grouping {
	uint64_t *groups; /* as in index.h; the last word counts items at first */
	uint32_t group_mask, group_count;
	uint32_t *place_of; /* of each key's group */
	uint32_t *last;	    /* of each place: the last rule there, from 1; then: how many items */
};

/* The place of the key's group, or the empty one where it belongs. */
static uint32_t find_place(const uint64_t *groups, uint32_t group_mask, const uint64_t *key,
			   uint32_t words, uint64_t hash)
{
	for (uint32_t i = (uint32_t)hash & group_mask;; i = (i + 1) & group_mask) {
		const uint64_t *group = groups + (size_t)i * (words + 1);

		if (!group[words] || memcmp(group, key, words * sizeof(*key)) == 0)
			return i;
	}
}

/* Masks each key by its tuple, and counts the rules of each. */
static void make_groups(struct builder *builder, struct grouping *grouping,
			const struct tuple *tuples, const uint8_t *tuple_of)
{
	const struct plan *plans = builder->plans.items;
	uint32_t words = key_words(builder);

	for (size_t i = 0; i < builder->plans.count; i++) {
		const struct tuple *tuple = &tuples[tuple_of[i]];

		for (uint32_t k = plans[i].first_key; k < plans[i].first_key + plans[i].key_count;
		     k++) {
			uint64_t *key = (uint64_t *)builder->keys.items + (size_t)k * words, *group;
			uint32_t place;

			for (uint32_t w = 0; w + 1 < words; w++)
				key[w] &= tuple->mask[w];
			key[words - 2] |= tuple_of[i];
			if (!tuple->other)
				key[words - 1] = 0;
			place = find_place(grouping->groups, grouping->group_mask, key, words,
					   index_hash(builder->index, key, builder->wide));
			group = grouping->groups + (size_t)place * (words + 1);
			grouping->place_of[k] = place;
			grouping->group_count += group[words] == 0;
			memcpy(group, key, words * sizeof(*key));
			/* rounding may have made two keys of a rule one */
			if (grouping->last[place] != plans[i].rule + 1) {
				grouping->last[place] = plans[i].rule + 1;
				group[words]++;
			}
		}
	}
}

/* Lays the items out, in the order of rules. */
static bool make_items(struct builder *builder, struct grouping *grouping)
{
	const struct plan *plans = builder->plans.items;
	uint32_t words = key_words(builder);
	struct index_item *items;
	size_t total = 0;

	for (uint32_t g = 0; g <= grouping->group_mask; g++) {
		uint64_t *info = &grouping->groups[(size_t)g * (words + 1) + words];
		uint64_t count = *info;

		grouping->last[g] = 0;
		*info = count ? GROUP_EXACT | count << 32 : 0;
	}
	for (size_t i = 0; i < builder->plans.count; i++)
		for (uint32_t k = plans[i].first_key; k < plans[i].first_key + plans[i].key_count;
		     k++)
			if (!plans[i].exact)
				grouping->groups[(size_t)grouping->place_of[k] * (words + 1) +
						 words] &= ~GROUP_EXACT;
	/* a single exact item needs no place; most are such */
	for (uint32_t g = 0; g <= grouping->group_mask; g++) {
		uint64_t *info = &grouping->groups[(size_t)g * (words + 1) + words];
		uint32_t count = GROUP_COUNT(*info);

		*info |= count ? total : 0;
		total += count == 1 && *info & GROUP_EXACT ? 0 : count;
	}
	builder->part->items = items =
		arena_array(&builder->ruleset->arena, total + 1, sizeof(*items));
	if (!items)
		return false;
	for (size_t i = 0; i < builder->plans.count; i++) {
		for (uint32_t k = plans[i].first_key; k < plans[i].first_key + plans[i].key_count;
		     k++) {
			uint32_t place = grouping->place_of[k], *filled = &grouping->last[place];
			uint64_t *info = &grouping->groups[(size_t)place * (words + 1) + words];
			struct index_item *list = items + (uint32_t)*info;

			if (GROUP_COUNT(*info) == 1 && *info & GROUP_EXACT)
				*info = (*info & ~(uint64_t)UINT32_MAX) | plans[i].rule;
			else if (*filled == 0 || list[*filled - 1].rule != plans[i].rule)
				list[(*filled)++] = plans[i].item;
		}
	}
	return true;
}

/*
 * The places of the groups, those of the tuples with the fewest first. NULL: no memory.
 *
 * A key that has to give way costs every flow that asks for it the groups before it. A tuple of few
 * groups is one that many flows find (all of them, if it is a catch-all), so its groups come to
 * stand where their keys say; a flow meets a given key of a large tuple rarely.
 */
static uint32_t *fewest_first(const struct grouping *grouping, uint32_t words)
{
	uint32_t counts[TUPLES_MAX] = {0}, next[TUPLES_MAX] = {0};
	uint32_t *places = calloc((size_t)grouping->group_count + 1, sizeof(*places));

	if (!places)
		return NULL;
	for (uint32_t g = 0; g <= grouping->group_mask; g++) {
		const uint64_t *group = grouping->groups + (size_t)g * (words + 1);

		if (group[words])
			counts[group[words - 2] % TUPLES_MAX]++;
	}
	for (unsigned t = 0; t < TUPLES_MAX; t++)
		for (unsigned other = 0; other < TUPLES_MAX; other++)
			if (counts[other] < counts[t] || (counts[other] == counts[t] && other < t))
				next[t] += counts[other];
	for (uint32_t g = 0; g <= grouping->group_mask; g++) {
		const uint64_t *group = grouping->groups + (size_t)g * (words + 1);

		if (group[words])
			places[next[group[words - 2] % TUPLES_MAX]++] = g;
	}
	return places;
}

/* Into a table of the right size, that begins where a line of the cache does. */
static bool keep_groups(struct builder *builder, const struct grouping *grouping)
{
	struct index_part *part = builder->part;
	uint32_t words = key_words(builder), count = slots_for(grouping->group_count);
	size_t bytes = (size_t)count * (words + 1) * sizeof(uint64_t);
	unsigned char *memory = arena_alloc(&builder->ruleset->arena, bytes + 64);
	uint32_t *places = fewest_first(grouping, words);
	uint64_t *groups;

	if (!memory || !places) {
		free(places);
		return false;
	}
	groups = (uint64_t *)(void *)(memory + (64 - (uintptr_t)memory % 64) % 64);
	for (uint32_t i = 0; i < grouping->group_count; i++) {
		const uint64_t *group = grouping->groups + (size_t)places[i] * (words + 1);
		uint32_t place = find_place(groups, count - 1, group, words,
					    index_hash(builder->index, group, builder->wide));

		memcpy(groups + (size_t)place * (words + 1), group, (words + 1) * sizeof(*group));
	}
	free(places);
	part->groups = groups;
	part->group_mask = count - 1;
	return true;
}

/* ---- sieves ---- */

#define SIEVE_SLOTS_MAX 8192

/* The side's address, or its upper half, in a key. */
static uint64_t side_of(const struct builder *builder, const uint64_t *key, unsigned side)
{
	if (builder->wide)
		return key[side * 2];
	return side ? key[0] & UINT32_MAX : key[0] >> 32;
}

/* Which of a side's sieves knows the prefixes of this tuple; SIEVES: none does. */
static unsigned sieve_of(const struct builder *builder, const struct tuple *tuple, unsigned side)
{
	static const int lengths[2][SIEVES] = {{24, 16, 8}, {64, 48, 32}};
	int length = __builtin_popcountll(side_of(builder, tuple->mask, side));
	unsigned level = 0;

	while (level < SIEVES && length < lengths[builder->wide][level])
		level++;
	return level;
}

static bool make_sieve(struct builder *builder, const struct tuple *tuples, const uint8_t *tuple_of,
		       unsigned side, unsigned level)
{
	static const uint8_t shifts[2][SIEVES] = {{8, 16, 24}, {0, 16, 32}};
	static const uint64_t nothing[1];
	struct index_sieve *sieve = &builder->part->sieves[side][level];
	const struct plan *plans = builder->plans.items;
	const uint64_t *keys = builder->keys.items;
	uint64_t *masks;
	size_t count = 0;

	*sieve = (struct index_sieve){.masks = nothing, .shift = shifts[builder->wide][level]};
	for (size_t i = 0; i < builder->plans.count; i++)
		if (sieve_of(builder, &tuples[tuple_of[i]], side) == level)
			count += plans[i].key_count;
	if (count == 0)
		return true;
	sieve->slot_mask = slots_for(count < SIEVE_SLOTS_MAX / 2 ? count : SIEVE_SLOTS_MAX / 2) - 1;
	sieve->masks = masks =
		arena_array(&builder->ruleset->arena, sieve->slot_mask + 1, sizeof(*masks));
	if (!masks)
		return false;
	for (size_t i = 0; i < builder->plans.count; i++) {
		if (sieve_of(builder, &tuples[tuple_of[i]], side) != level)
			continue;
		for (uint32_t k = plans[i].first_key; k < plans[i].first_key + plans[i].key_count;
		     k++) {
			const uint64_t *key = keys + (size_t)k * key_words(builder);

			masks[index_sieve_slot(sieve, side_of(builder, key, side))] |=
				UINT64_C(1) << tuple_of[i];
		}
	}
	return true;
}

static bool make_sieves(struct builder *builder, const struct tuple *tuples,
			const uint8_t *tuple_of)
{
	struct index_part *part = builder->part;
	const struct plan *plans = builder->plans.items;
	uint32_t words = key_words(builder);
	uint64_t *by_dport = arena_array(&builder->ruleset->arena, SIEVE_PORTS, sizeof(*by_dport));

	if (!by_dport)
		return false;
	part->by_dport = by_dport;
	for (unsigned side = 0; side < 2; side++) {
		for (uint32_t t = 0; t < part->tuple_count; t++)
			if (sieve_of(builder, &tuples[t], side) == SIEVES)
				part->passes[side] |= UINT64_C(1) << t;
		for (unsigned level = 0; level < SIEVES; level++)
			if (!make_sieve(builder, tuples, tuple_of, side, level))
				return false;
	}
	for (size_t i = 0; i < builder->plans.count; i++) {
		uint64_t bit = UINT64_C(1) << tuple_of[i];
		bool whole_port = (tuples[tuple_of[i]].mask[words - 2] >> KEY_DPORT) == UINT16_MAX;

		for (uint32_t k = plans[i].first_key; k < plans[i].first_key + plans[i].key_count;
		     k++) {
			uint64_t rest =
				((const uint64_t *)
					 builder->keys.items)[(size_t)k * words + words - 2];

			part->by_proto[rest >> KEY_PROTO & 63] |= bit;
			if (whole_port)
				by_dport[rest >> KEY_DPORT & (SIEVE_PORTS - 1)] |= bit;
		}
		for (unsigned p = 0; p < SIEVE_PORTS && !whole_port && !(by_dport[p] & bit); p++)
			by_dport[p] |= bit;
	}
	return true;
}

bool index_make_table(struct builder *builder)
{
	size_t keys = builder->keys.count;
	uint32_t places = slots_for(keys);
	struct grouping grouping = {
		.groups = calloc(places, (key_words(builder) + 1) * sizeof(uint64_t)),
		.group_mask = places - 1,
		.place_of = calloc(keys, sizeof(*grouping.place_of)),
		.last = calloc(places, sizeof(*grouping.last)),
	};
	uint8_t *tuple_of = calloc(builder->plans.count, 1);
	const struct tuple *tuples = NULL;
	bool done = false;

	if (grouping.groups && grouping.place_of && grouping.last && tuple_of)
		tuples = builder->part->tuples = index_make_tuples(builder, tuple_of);
	if (tuples) {
		make_groups(builder, &grouping, tuples, tuple_of);
		done = make_items(builder, &grouping) && keep_groups(builder, &grouping) &&
		       make_sieves(builder, tuples, tuple_of);
	}
	free(grouping.groups);
	free(grouping.place_of);
	free(grouping.last);
	free(tuple_of);
	return done;
}
