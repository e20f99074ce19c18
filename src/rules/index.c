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
 *  - tuples are at most 64 a table. The shapes that most rules have are kept; the others are
 *    rounded, coarser and coarser, until they fit;
 *  - keys are at most 32 a rule, and about a million in all;
 *  - tuples and items are in the order of rules: who has found a rule can stop at a later one.
 *
 * What no field tells (time, hooks, negations, sets in the kernel, ...) is left to the judgement.
 */
#include <stdlib.h>
#include <string.h>

#include "index.h"

#define RULE_KEYS_MAX 32u
#define KEYS_MAX (1u << 20)
#define SHAPES_KEPT 40
#define HOST_NAMES_MAX 64u

enum field { DST, SRC, DPORT, SPORT, PROTO, OTHER, FIELDS };

/* Blocks that cover what a rule wants of one field. */
struct cover {
	uint8_t length; /* of each, in bits; 0: everything */
	bool exact;	/* they cover nothing else */
	uint32_t count;
	unsigned __int128 blocks[RULE_KEYS_MAX];
};

struct shape {
	uint8_t length[FIELDS];
	uint8_t other; /* enum index_other */
};

struct plan {
	uint32_t rule;
	uint32_t first_key, key_count;
	bool exact;
	struct shape shape;
};

struct builder {
	struct ruleset *ruleset;
	struct rule_index *index;
	struct index_part *part;
	bool wide;
	uint32_t rule_keys_max;
	struct vec plans;  /* struct plan, in the order of rules */
	struct vec keys;   /* KEY_V4 or KEY_V6 words each */
	struct vec shapes; /* struct shaped: sorted */
};

struct shaped {
	struct shape shape, rounded;
	uint32_t rules;
};

static uint32_t key_words(const struct builder *builder)
{
	return builder->wide ? KEY_V6 : KEY_V4;
}

/* ---- a rule's fields ---- */

/* What a test allows, as sorted spans of numbers. */
struct ranges {
	const struct span *narrow;
	const struct span6 *wide;
	uint32_t count;
	uint8_t bits;
};

static unsigned __int128 from_wide(struct wide wide)
{
	return (unsigned __int128)wide.top << 64 | wide.bottom;
}

static void range_at(const struct ranges *ranges, uint32_t i, unsigned __int128 *low,
		     unsigned __int128 *high)
{
	if (ranges->narrow) {
		*low = ranges->narrow[i].low;
		*high = ranges->narrow[i].high;
	} else {
		*low = from_wide(ranges->wide[i].low);
		*high = from_wide(ranges->wide[i].high);
	}
}

/* Two blocks of this length at most cover the span. */
static unsigned natural_length(unsigned __int128 low, unsigned __int128 high, unsigned bits)
{
	unsigned __int128 rest = high - low;
	unsigned length = bits;

	for (; rest; rest >>= 1)
		length--;
	return length;
}

/* The longest that is allowed, of at most `length` bits; ports come in blocks of 1, 64 and 1024. */
static unsigned allowed_length(unsigned bits, unsigned length)
{
	switch (bits) {
	case 16:
		return length >= 16 ? 16 : length >= 10 ? 10 : length >= 6 ? 6 : 0;
	case 8:
		return length == 8 ? 8 : 0;
	default:
		return length;
	}
}

static bool try_cover(const struct ranges *ranges, unsigned length, uint32_t most,
		      struct cover *cover)
{
	unsigned shift = ranges->bits - length;
	unsigned __int128 rest = ((unsigned __int128)1 << shift) - 1, low, high;

	cover->length = (uint8_t)length;
	cover->exact = true;
	cover->count = 0;
	for (uint32_t i = 0; i < ranges->count; i++) {
		unsigned __int128 block, last;

		range_at(ranges, i, &low, &high);
		cover->exact &= (low & rest) == 0 && (high & rest) == rest;
		block = low & ~rest;
		last = high & ~rest;
		if (cover->count && cover->blocks[cover->count - 1] == block) {
			if (block == last)
				continue;
			block += rest + 1;
		}
		for (;; block += rest + 1) {
			if (cover->count == most)
				return false;
			cover->blocks[cover->count++] = block;
			if (block == last)
				break;
		}
	}
	return true;
}

/* By at most `most` blocks, as long as that allows. */
static void cover_ranges(const struct ranges *ranges, uint32_t most, struct cover *cover)
{
	unsigned longest = 0;
	unsigned __int128 low, high;

	for (uint32_t i = 0; i < ranges->count; i++) {
		unsigned length;

		range_at(ranges, i, &low, &high);
		length = natural_length(low, high, ranges->bits);
		longest = length > longest ? length : longest;
	}
	for (longest = allowed_length(ranges->bits, longest); longest;
	     longest = allowed_length(ranges->bits, longest - 1))
		if (try_cover(ranges, longest, most, cover))
			return;
	*cover = (struct cover){.count = 1};
	range_at(ranges, 0, &low, &high);
	/* every address of the family; ports and protocols that are any are not there at all, or
	 * not there */
	cover->exact = ranges->bits >= 32 && low == 0 &&
		       natural_length(low, high, ranges->bits) == 0 &&
		       high + 1 == (ranges->bits == 128 ? 0 : (unsigned __int128)1 << 32);
}

static const struct test *find_test(const struct rule *rule, enum test_kind kind)
{
	for (uint32_t i = 0; i < rule->test_count; i++) {
		const struct test *test = &rule->tests[i];

		if (test->kind == kind)
			return test;
		if (test->kind == TEST_NOT)
			i += test->count;
	}
	return NULL;
}

static const struct {
	enum test_kind kind;
	uint8_t bits;
} field_tests[OTHER] = {
	[DST] = {TEST_DST, 0},	    [SRC] = {TEST_SRC, 0},     [DPORT] = {TEST_DPORT, 16},
	[SPORT] = {TEST_SPORT, 16}, [PROTO] = {TEST_PROTO, 8},
};

static struct ranges ranges_of(const struct builder *builder, const struct test *test, uint8_t bits)
{
	const struct address_set *set = test->items;

	if (bits)
		return (struct ranges){.narrow = test->items, .count = test->count, .bits = bits};
	if (builder->wide)
		return (struct ranges){.wide = set->v6, .count = set->v6_count, .bits = 128};
	return (struct ranges){.narrow = set->v4, .count = set->v4_count, .bits = 32};
}

/* Takes the test's values as the blocks of OTHER; false: it does not go that way. */
static bool cover_other(const struct builder *builder, const struct test *test,
			enum index_other other, uint32_t most, struct cover *cover)
{
	const struct span *spans = test->items;
	const struct mac_item *macs = test->items;
	const struct iface_item *names = test->items;

	*cover = (struct cover){.length = 64, .exact = other != OTHER_IFACE_IN};
	for (uint32_t i = 0; i < test->count; i++) {
		uint32_t low = 0, high = 0;

		if (other == OTHER_UID || other == OTHER_DSCP) {
			low = spans[i].low;
			high = spans[i].high;
		}
		if (high - low >= most - cover->count)
			return false;
		if (other == OTHER_IFACE_IN && names[i].prefix)
			return false;
		for (uint32_t value = low;; value++) {
			uint64_t word = other == OTHER_MAC ? index_mac(macs[i].bytes)
					: other == OTHER_IFACE_IN
						? index_interface(builder->index, names[i].name)
						: value;
			cover->blocks[cover->count++] = word;
			if (value == high)
				break;
		}
	}
	return cover->count > 0;
}

static const struct {
	enum test_kind kind;
	enum index_other other;
} other_tests[] = {
	{TEST_MAC, OTHER_MAC},
	{TEST_UID, OTHER_UID},
	{TEST_IFACE_IN, OTHER_IFACE_IN},
	{TEST_DSCP, OTHER_DSCP},
};

/* True if the fields hold all that the rule's header tests say. */
static bool tests_are_fields(const struct rule *rule, enum index_other other)
{
	for (uint32_t i = 0; i < rule->test_count; i++) {
		const struct test *test = &rule->tests[i];
		bool known = test->payload;

		for (size_t f = 0; f < OTHER; f++)
			known |= test->kind == field_tests[f].kind;
		for (size_t o = 0; o < sizeof(other_tests) / sizeof(other_tests[0]); o++)
			known |= test->kind == other_tests[o].kind && other_tests[o].other == other;
		if (!known || test->kind == TEST_NOT)
			return false;
	}
	return true;
}

static bool asks_kernel(const struct test *test)
{
	return (test->kind == TEST_SRC || test->kind == TEST_DST) &&
	       ((const struct address_set *)test->items)->ipset_count;
}

/* ---- keys ---- */

static uint64_t bits_from(unsigned bits, unsigned length)
{
	uint64_t all = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;

	return length ? all & ~(length >= bits ? 0 : (UINT64_C(1) << (bits - length)) - 1) : 0;
}

static void put_address(uint64_t words[2], unsigned __int128 address)
{
	words[0] = (uint64_t)(address >> 64);
	words[1] = (uint64_t)address;
}

static bool push_key(struct builder *builder, const struct cover *covers, const uint32_t *at)
{
	uint64_t *key = vec_push(&builder->keys);
	unsigned __int128 block[FIELDS];

	if (!key)
		return false;
	for (size_t f = 0; f < FIELDS; f++)
		block[f] = covers[f].blocks[at[f]];
	if (builder->wide) {
		put_address(key, block[DST]);
		put_address(key + 2, block[SRC]);
		key += 4;
	} else {
		*key++ = (uint64_t)block[DST] << 32 | (uint64_t)block[SRC];
	}
	key[0] = (uint64_t)block[DPORT] << KEY_DPORT | (uint64_t)block[SPORT] << KEY_SPORT |
		 (uint64_t)block[PROTO] << KEY_PROTO;
	key[1] = (uint64_t)block[OTHER];
	return true;
}

/* Every combination of the fields' blocks. */
static bool push_keys(struct builder *builder, const struct cover *covers)
{
	uint32_t at[FIELDS] = {0};
	size_t f;

	do {
		if (!push_key(builder, covers, at))
			return false;
		for (f = 0; f < FIELDS && ++at[f] == covers[f].count; f++)
			at[f] = 0;
	} while (f < FIELDS);
	return true;
}

/* Covers the fields, those with few values first: they have the first say on the rule's keys. */
static bool cover_fields(struct builder *builder, const struct rule *rule, struct cover *covers,
			 struct plan *plan)
{
	struct ranges ranges[OTHER];
	uint32_t room = builder->rule_keys_max;
	bool waiting[OTHER] = {false};

	for (size_t f = 0; f < FIELDS; f++)
		covers[f] = (struct cover){.count = 1, .exact = true};
	for (size_t f = 0; f < OTHER; f++) {
		const struct test *test = find_test(rule, field_tests[f].kind);

		if (!test)
			continue;
		if (asks_kernel(test)) {
			covers[f].exact = false;
			continue;
		}
		ranges[f] = ranges_of(builder, test, field_tests[f].bits);
		if (ranges[f].count == 0)
			return false; /* nothing of this family */
		waiting[f] = true;
	}
	for (size_t o = 0; o < sizeof(other_tests) / sizeof(other_tests[0]); o++) {
		const struct test *test = find_test(rule, other_tests[o].kind);

		if (test &&
		    cover_other(builder, test, other_tests[o].other, room, &covers[OTHER])) {
			plan->shape.other = (uint8_t)other_tests[o].other;
			room /= covers[OTHER].count;
			break;
		}
		covers[OTHER] = (struct cover){.count = 1, .exact = true};
	}
	for (;;) {
		size_t next = OTHER;

		for (size_t f = 0; f < OTHER; f++)
			if (waiting[f] && (next == OTHER || ranges[f].count < ranges[next].count))
				next = f;
		if (next == OTHER)
			break;
		cover_ranges(&ranges[next], room, &covers[next]);
		room /= covers[next].count;
		waiting[next] = false;
	}
	return true;
}

/* The rule's keys, if it can hold for this family at all. */
static bool add_rule(struct builder *builder, uint32_t number)
{
	const struct rule *rule = &builder->ruleset->rules[number];
	struct plan plan = {.rule = number, .first_key = (uint32_t)builder->keys.count}, *kept;
	struct cover covers[FIELDS];

	if (!cover_fields(builder, rule, covers, &plan))
		return true;
	plan.exact = tests_are_fields(rule, plan.shape.other);
	plan.key_count = 1;
	for (size_t f = 0; f < FIELDS; f++) {
		plan.shape.length[f] = covers[f].length;
		plan.exact &= covers[f].exact;
		plan.key_count *= covers[f].count;
	}
	kept = vec_push(&builder->plans);
	if (!kept)
		return false;
	*kept = plan;
	return push_keys(builder, covers);
}

/* ---- shapes ---- */

static int compare_shapes(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct shape));
}

static int compare_use(const void *left, const void *right)
{
	const struct shaped *a = left, *b = right;

	if (a->rules != b->rules)
		return a->rules > b->rules ? -1 : 1;
	return compare_shapes(&a->shape, &b->shape);
}

static uint8_t down(uint8_t length, unsigned step)
{
	return (uint8_t)(length - length % step);
}

/* The last level leaves a score of shapes: see SHAPES_KEPT. */
static struct shape round_shape(struct shape shape, unsigned level, bool wide)
{
	uint8_t *length = shape.length;
	unsigned step = (wide ? 16u : 4u) << (level >= 5 ? 2 : level >= 2 ? 1 : 0);

	length[DST] = down(length[DST], step);
	length[SRC] = down(length[SRC], step);
	if (level >= 3 && (length[DST] || length[SRC] || length[DPORT] || length[OTHER]))
		length[SPORT] = 0;
	if (level >= 4 && (length[DST] || length[SRC] || length[DPORT]))
		length[OTHER] = shape.other = 0;
	if (level >= 5 && length[DPORT] && length[DPORT] < 16)
		length[DPORT] = 6;
	if (level >= 6 &&
	    (length[DST] || length[SRC] || length[DPORT] || length[SPORT] || length[OTHER]))
		length[PROTO] = 0;
	if (level >= 7) {
		length[DST] = length[DST] > step ? (uint8_t)step : length[DST];
		length[SRC] = length[SRC] > step ? (uint8_t)step : length[SRC];
	}
	return shape;
}

#define LEVELS 7

/* How many tuples there are when the shapes that few rules have are rounded to a level. */
static bool fits(struct vec *shapes, unsigned level, bool wide, struct shape *scratch)
{
	struct shaped *items = shapes->items;
	size_t kinds = 0;

	for (size_t i = 0; i < shapes->count; i++) {
		items[i].rounded = i < SHAPES_KEPT || level == 0
					   ? items[i].shape
					   : round_shape(items[i].shape, level, wide);
		scratch[i] = items[i].rounded;
	}
	qsort(scratch, shapes->count, sizeof(*scratch), compare_shapes);
	for (size_t i = 0; i < shapes->count; i++)
		kinds += i == 0 || compare_shapes(&scratch[i], &scratch[i - 1]) != 0;
	return kinds <= TUPLES_MAX;
}

static bool choose_shapes(struct builder *builder)
{
	const struct plan *plans = builder->plans.items;
	size_t count = builder->plans.count;
	struct shape *scratch = reallocarray(NULL, count, sizeof(*scratch));
	bool done = false;

	if (!scratch)
		return false;
	for (size_t i = 0; i < count; i++)
		scratch[i] = plans[i].shape;
	qsort(scratch, count, sizeof(*scratch), compare_shapes);
	for (size_t i = 0; i < count; i++) {
		struct shaped *shaped = builder->shapes.items;

		if (i == 0 || compare_shapes(&scratch[i], &scratch[i - 1]) != 0) {
			shaped = vec_push(&builder->shapes);
			if (!shaped)
				goto out;
			shaped->shape = scratch[i];
		} else {
			shaped += builder->shapes.count - 1;
		}
		shaped->rules++;
	}
	qsort(builder->shapes.items, builder->shapes.count, sizeof(struct shaped), compare_use);
	for (unsigned level = 0; level <= LEVELS; level++)
		if (fits(&builder->shapes, level, builder->wide, scratch))
			break;
	qsort(builder->shapes.items, builder->shapes.count, sizeof(struct shaped), compare_shapes);
	done = true;
out:
	free(scratch);
	return done;
}

/* ---- the table ---- */

static void make_masks(const struct builder *builder, const struct shape *shape,
		       struct tuple *tuple)
{
	const uint8_t *length = shape->length;
	uint64_t *mask = tuple->mask;

	tuple->other = shape->other;
	if (builder->wide) {
		for (size_t f = DST; f <= SRC; f++, mask += 2) {
			mask[0] = bits_from(64, length[f] < 64 ? length[f] : 64);
			mask[1] = bits_from(64, length[f] < 64 ? 0 : length[f] - 64u);
		}
	} else {
		*mask++ = bits_from(32, length[DST]) << 32 | bits_from(32, length[SRC]);
	}
	*mask = bits_from(16, length[DPORT]) << KEY_DPORT |
		bits_from(16, length[SPORT]) << KEY_SPORT |
		bits_from(8, length[PROTO]) << KEY_PROTO;
}

/* Numbers the tuples as their first rules come. */
static struct tuple *make_tuples(struct builder *builder, uint8_t *tuple_of)
{
	struct index_part *part = builder->part;
	const struct plan *plans = builder->plans.items;
	struct tuple *tuples = arena_array(&builder->ruleset->arena, TUPLES_MAX, sizeof(*tuples));
	struct shape shapes[TUPLES_MAX];

	for (size_t i = 0; tuples && i < builder->plans.count; i++) {
		const struct shaped *shaped =
			bsearch(&plans[i].shape, builder->shapes.items, builder->shapes.count,
				sizeof(*shaped), compare_shapes);
		const struct shape *shape = &shaped->rounded;
		uint32_t t = 0;

		while (t < part->tuple_count && compare_shapes(&shapes[t], shape) != 0)
			t++;
		if (t == part->tuple_count) {
			uint64_t bit = UINT64_C(1) << t;

			part->tuple_count++;
			shapes[t] = *shape;
			make_masks(builder, shape, &tuples[t]);
			tuples[t].first_rule = plans[i].rule;
			if (shape->length[DPORT] || shape->length[SPORT])
				part->with_ports |= bit;
			if (shape->other)
				part->with_other |= bit;
			for (unsigned p = 0; p < 64 && !shape->length[PROTO]; p++)
				part->by_proto[p] |= bit;
			builder->index->others |= 1u << shape->other;
		}
		tuple_of[i] = (uint8_t)t;
	}
	return tuples;
}

struct grouping {
	struct index_slot *slots;
	uint32_t slot_mask;
	struct vec groups;  /* as in index.h; the last word counts items, then says where they go */
	uint32_t *group_of; /* of each key */
	uint32_t *last;	    /* the last item of each group */
};

static uint32_t slots_for(size_t groups)
{
	uint32_t slots = 4;

	while (slots < groups * 2)
		slots *= 2;
	return slots;
}

/* The group of the key, or the empty slot where it belongs. */
static struct index_slot *find_slot(const struct builder *builder, const struct grouping *grouping,
				    const uint64_t *key, uint64_t hash)
{
	const uint64_t *groups = grouping->groups.items;
	uint32_t words = key_words(builder);

	for (uint32_t i = (uint32_t)hash & grouping->slot_mask;;
	     i = (i + 1) & grouping->slot_mask) {
		struct index_slot *slot = &grouping->slots[i];

		if (!slot->group)
			return slot;
		if (slot->tag == index_tag(hash) &&
		    memcmp(groups + (size_t)(slot->group - 1) * (words + 1), key,
			   words * sizeof(*key)) == 0)
			return slot;
	}
}

/* Masks each key by its tuple and puts it into a group; counts the items of each. */
static bool make_groups(struct builder *builder, struct grouping *grouping,
			const struct tuple *tuples, const uint8_t *tuple_of)
{
	const struct plan *plans = builder->plans.items;
	struct index_part *part = builder->part;
	uint32_t words = key_words(builder);

	for (size_t i = 0; i < builder->plans.count; i++) {
		const struct tuple *tuple = &tuples[tuple_of[i]];

		for (uint32_t k = plans[i].first_key; k < plans[i].first_key + plans[i].key_count;
		     k++) {
			uint64_t *key = (uint64_t *)builder->keys.items + (size_t)k * words, hash;
			struct index_slot *slot;
			uint64_t *group;

			for (uint32_t w = 0; w + 1 < words; w++)
				key[w] &= tuple->mask[w];
			part->by_proto[key[words - 2] >> KEY_PROTO & 63] |= UINT64_C(1)
									    << tuple_of[i];
			key[words - 2] |= tuple_of[i];
			if (!tuple->other)
				key[words - 1] = 0;
			hash = index_hash(builder->index, key, builder->wide);
			slot = find_slot(builder, grouping, key, hash);
			if (!slot->group) {
				group = vec_push(&grouping->groups);
				if (!group)
					return false;
				memcpy(group, key, words * sizeof(*key));
				*slot = (struct index_slot){index_tag(hash),
							    (uint32_t)grouping->groups.count};
			}
			grouping->group_of[k] = slot->group - 1;
			/* rounding may have made two keys of a rule one */
			if (grouping->last[slot->group - 1] != plans[i].rule + 1) {
				grouping->last[slot->group - 1] = plans[i].rule + 1;
				group = (uint64_t *)grouping->groups.items +
					(size_t)(slot->group - 1) * (words + 1);
				group[words]++;
			}
		}
	}
	return true;
}

static bool shape_is_kept(const struct builder *builder, const struct shape *shape)
{
	const struct shaped *shaped = bsearch(shape, builder->shapes.items, builder->shapes.count,
					      sizeof(*shaped), compare_shapes);

	return compare_shapes(&shaped->shape, &shaped->rounded) == 0;
}

/* Lays the items out, in the order of rules. */
static bool make_items(struct builder *builder, struct grouping *grouping)
{
	const struct plan *plans = builder->plans.items;
	struct arena *arena = &builder->ruleset->arena;
	uint32_t words = key_words(builder), total = 0, *items;
	uint64_t *groups = arena_copy(arena, grouping->groups.items,
				      grouping->groups.count * (words + 1) * sizeof(*groups));

	if (!groups)
		return false;
	for (size_t g = 0; g < grouping->groups.count; g++) {
		uint64_t *info = &groups[g * (words + 1) + words];
		uint32_t count = (uint32_t)*info;

		*info = GROUP_EXACT | (uint64_t)count << 32 | total;
		grouping->last[g] = 0; /* now: how many are there */
		total += count > 1 ? count : 0;
	}
	items = arena_array(arena, (size_t)total + 1, sizeof(*items));
	if (!items)
		return false;
	for (size_t i = 0; i < builder->plans.count; i++) {
		bool exact = plans[i].exact && shape_is_kept(builder, &plans[i].shape);
		uint32_t item = plans[i].rule << 1 | !exact;

		for (uint32_t k = plans[i].first_key; k < plans[i].first_key + plans[i].key_count;
		     k++) {
			uint32_t g = grouping->group_of[k], *filled = &grouping->last[g];
			uint64_t *info = &groups[(size_t)g * (words + 1) + words];
			uint32_t *list = items + (uint32_t)*info;

			if (!exact)
				*info &= ~GROUP_EXACT;
			if (GROUP_COUNT(*info) == 1) {
				*info = (*info & ~(uint64_t)UINT32_MAX) | item;
			} else if (*filled == 0 || list[*filled - 1] != item) {
				list[(*filled)++] = item;
			}
		}
	}
	builder->part->groups = groups;
	builder->part->items = items;
	return true;
}

static bool make_slots(struct builder *builder, size_t groups)
{
	struct index_part *part = builder->part;
	uint32_t words = key_words(builder), count = slots_for(groups);
	struct index_slot *slots = arena_array(&builder->ruleset->arena, count, sizeof(*slots));

	if (!slots)
		return false;
	part->slots = slots;
	part->slot_mask = count - 1;
	for (size_t g = 0; g < groups; g++) {
		uint64_t hash =
			index_hash(builder->index, part->groups + g * (words + 1), builder->wide);
		uint32_t i = (uint32_t)hash & part->slot_mask;

		while (slots[i].group)
			i = (i + 1) & part->slot_mask;
		slots[i] = (struct index_slot){index_tag(hash), (uint32_t)g + 1};
	}
	return true;
}

static bool make_table(struct builder *builder)
{
	size_t keys = builder->keys.count;
	uint32_t slots = slots_for(keys);
	struct grouping grouping = {
		.slots = calloc(slots, sizeof(*grouping.slots)),
		.slot_mask = slots - 1,
		.groups = {.item_size = (key_words(builder) + 1) * sizeof(uint64_t)},
		.group_of = calloc(keys, sizeof(*grouping.group_of)),
		.last = calloc(keys, sizeof(*grouping.last)),
	};
	uint8_t *tuple_of = calloc(builder->plans.count, 1);
	const struct tuple *tuples = NULL;
	bool done = false;

	if (grouping.slots && grouping.group_of && grouping.last && tuple_of)
		tuples = builder->part->tuples = make_tuples(builder, tuple_of);
	if (tuples && make_groups(builder, &grouping, tuples, tuple_of))
		done = make_items(builder, &grouping) && make_slots(builder, grouping.groups.count);
	free(grouping.slots);
	free(grouping.group_of);
	free(grouping.last);
	vec_release(&grouping.groups);
	free(tuple_of);
	return done;
}

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
	const struct host_set *set = find_test(rule, TEST_HOST)->items;
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
	const struct test *host = find_test(rule, TEST_HOST);
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
	builder->shapes = (struct vec)VEC(struct shaped);
	for (uint32_t i = 0; done && i < builder->ruleset->count; i++)
		if (kinds[i] == kind)
			done = add_rule(builder, i);
	if (done && builder->plans.count)
		done = choose_shapes(builder) && make_table(builder);
	vec_release(&builder->plans);
	vec_release(&builder->keys);
	vec_release(&builder->shapes);
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
