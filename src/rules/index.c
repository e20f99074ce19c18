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

#include "index.h"

#define RULE_KEYS_MAX 16u
#define KEYS_MAX (1u << 19)
#define CROWD 4	 /* so many rules may share a key before a finer tuple is made */
#define COMMON 8 /* a shape that more than one rule in so many has gets a tuple of its own */
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
	bool exact; /* a key of its shape says all that its header does */
	struct shape shape;
	struct index_item item;
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
	struct shape shape;
	uint32_t rules, first;
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

/* The spans of the rule's item. True: they are all there is to the field. */
static bool put_span(struct index_item *item, enum field field, const struct ranges *ranges)
{
	unsigned __int128 low, high, ignored;
	size_t side = field == DST || field == DPORT ? 0 : 1;

	range_at(ranges, 0, &low, &ignored);
	range_at(ranges, ranges->count - 1, &ignored, &high);
	switch (field) {
	case DST:
	case SRC:
		if (ranges->bits == 128) {
			bool whole = (uint64_t)low == 0 && (uint64_t)high == UINT64_MAX;

			item->low[side] = (uint64_t)(low >> 64);
			item->rest[side] = (uint64_t)(high >> 64) - item->low[side];
			return whole && ranges->count == 1;
		}
		item->low[side] = (uint64_t)low;
		item->rest[side] = (uint64_t)(high - low);
		break;
	case DPORT:
	case SPORT:
		item->ports = true;
		item->port_low[side] = (uint16_t)low;
		item->port_rest[side] = (uint16_t)(high - low);
		break;
	default:
		item->proto_low = (uint8_t)low;
		item->proto_rest = (uint8_t)(high - low);
	}
	return ranges->count == 1;
}

/* The rule's item; of every field that it does not name, all is right. */
static struct index_item make_item(const struct builder *builder, const struct rule *rule,
				   uint32_t number)
{
	struct index_item item = {
		.rest = {UINT64_MAX, UINT64_MAX},
		.port_rest = {UINT16_MAX, UINT16_MAX},
		.proto_rest = UINT8_MAX,
		.rule = number,
		.judged = !tests_are_fields(rule, OTHER_NONE),
	};

	for (size_t f = 0; f < OTHER; f++) {
		const struct test *test = find_test(rule, field_tests[f].kind);
		struct ranges ranges;

		if (!test)
			continue;
		ranges = ranges_of(builder, test, field_tests[f].bits);
		if (asks_kernel(test))
			item.judged = true;
		else
			item.judged |= !put_span(&item, (enum field)f, &ranges);
	}
	return item;
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
	plan.item = make_item(builder, rule, number);
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

static bool count_shapes(struct builder *builder)
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
	done = true;
out:
	free(scratch);
	return done;
}

/* True if whoever has the shape `fine` can be looked up by `coarse`. */
static bool is_coarser(const struct shape *coarse, const struct shape *fine)
{
	for (size_t f = 0; f < FIELDS; f++)
		if (coarse->length[f] > fine->length[f])
			return false;
	return !coarse->other || coarse->other == fine->other;
}

static unsigned weight_of(const struct shape *shape)
{
	unsigned weight = 0;

	for (size_t f = 0; f < FIELDS; f++)
		weight += shape->length[f];
	return weight;
}

static void take_field(struct shape *to, const struct shape *from, enum field field, unsigned step)
{
	to->length[field] = (uint8_t)(from->length[field] - from->length[field] % step);
	if (field == OTHER)
		to->other = from->other;
}

#define STEPS 6

/*
 * Coarser shapes than this one, from the coarsest on; the last is itself. Addresses are told apart
 * best, and mostly by one side.
 */
static struct shape coarser_shape(const struct shape *shape, unsigned step, bool wide)
{
	static const enum field alone[] = {DPORT, OTHER, SPORT, PROTO};
	const unsigned bits = wide ? 16 : 8;
	struct shape made = {0};

	if (step == STEPS - 1)
		return *shape;
	if (step == 0) {
		take_field(&made, shape, shape->length[DST] >= shape->length[SRC] ? DST : SRC,
			   bits);
		for (size_t i = 0; i < 4 && weight_of(&made) == 0; i++)
			take_field(&made, shape, alone[i], 1);
		return made;
	}
	take_field(&made, shape, DST, bits);
	take_field(&made, shape, SRC, bits);
	if (step >= 2)
		take_field(&made, shape, DPORT, 1);
	if (step >= 3) {
		take_field(&made, shape, PROTO, 1);
		take_field(&made, shape, OTHER, 1);
	}
	if (step >= 4)
		take_field(&made, shape, SPORT, 1);
	return made;
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

/* How many rules share a key: by hash alone, since it is only an estimate. */
struct tally {
	struct {
		uint64_t hash;
		uint32_t rules;
	} * slots;
	uint32_t slot_mask;
};

/* The tuples while they are chosen. */
struct choice {
	struct shape shapes[TUPLES_MAX];
	struct tuple tuples[TUPLES_MAX];
	uint32_t count;
	struct tally tally;
};

static uint32_t slots_for(size_t groups)
{
	uint32_t slots = 4;

	while (slots < groups * 2)
		slots *= 2;
	return slots;
}

static uint32_t *tally_of(const struct builder *builder, struct choice *choice, uint32_t tuple,
			  const uint64_t *key)
{
	struct tally *tally = &choice->tally;
	uint32_t words = key_words(builder);
	uint64_t masked[KEY_V6], hash;

	for (uint32_t w = 0; w + 1 < words; w++)
		masked[w] = key[w] & choice->tuples[tuple].mask[w];
	masked[words - 2] |= tuple;
	masked[words - 1] = choice->tuples[tuple].other ? key[words - 1] : 0;
	hash = index_hash(builder->index, masked, builder->wide);
	for (uint32_t i = (uint32_t)hash & tally->slot_mask;; i = (i + 1) & tally->slot_mask) {
		if (tally->slots[i].rules && tally->slots[i].hash != hash)
			continue;
		tally->slots[i].hash = hash;
		return &tally->slots[i].rules;
	}
}

/* The most rules that one of the plan's keys would be shared with. */
static uint32_t crowd_of(const struct builder *builder, struct choice *choice, uint32_t tuple,
			 const struct plan *plan)
{
	const uint64_t *keys = builder->keys.items;
	uint32_t most = 0;

	for (uint32_t k = plan->first_key; k < plan->first_key + plan->key_count; k++) {
		uint32_t rules =
			*tally_of(builder, choice, tuple, keys + (size_t)k * key_words(builder));

		most = rules > most ? rules : most;
	}
	return most;
}

static uint32_t find_shape(const struct choice *choice, const struct shape *shape)
{
	uint32_t i = 0;

	while (i < choice->count && compare_shapes(&choice->shapes[i], shape) != 0)
		i++;
	return i;
}

static uint32_t add_shape(const struct builder *builder, struct choice *choice,
			  const struct shape *shape)
{
	choice->shapes[choice->count] = *shape;
	make_masks(builder, shape, &choice->tuples[choice->count]);
	return choice->count++;
}

/*
 * The finest tuple that serves the plan and is not crowded; else a new one, the coarsest that is
 * not there yet; else, when there are as many as there may be, the least crowded one.
 */
static uint32_t choose_tuple(const struct builder *builder, struct choice *choice,
			     const struct plan *plan)
{
	uint32_t best = TUPLES_MAX, least = UINT32_MAX, calmest = 0;
	unsigned finest = 0;

	for (uint32_t t = 0; t < choice->count; t++) {
		uint32_t crowd;

		if (!is_coarser(&choice->shapes[t], &plan->shape))
			continue;
		crowd = crowd_of(builder, choice, t, plan);
		if (crowd < least) {
			least = crowd;
			calmest = t;
		}
		if (crowd < CROWD &&
		    (best == TUPLES_MAX || weight_of(&choice->shapes[t]) > finest)) {
			best = t;
			finest = weight_of(&choice->shapes[t]);
		}
	}
	if (best < TUPLES_MAX)
		return best;
	for (unsigned step = 0; choice->count < TUPLES_MAX && step < STEPS; step++) {
		struct shape shape = coarser_shape(&plan->shape, step, builder->wide);

		/* everybody shares the empty key: only for those who have no other */
		if (step < STEPS - 1 && weight_of(&shape) == 0)
			continue;
		if (find_shape(choice, &shape) == choice->count)
			return add_shape(builder, choice, &shape);
	}
	return calmest;
}

/* Chooses each plan's tuple; those of common shapes first, and these have a tuple of their own. */
static bool choose_tuples(struct builder *builder, struct choice *choice, uint8_t *tuple_of)
{
	const struct plan *plans = builder->plans.items;
	struct shaped *shapes = builder->shapes.items;
	uint32_t common = (uint32_t)builder->plans.count / COMMON;
	uint32_t slots = slots_for(builder->keys.count);
	uint32_t *order = calloc(builder->plans.count, sizeof(*order)), next = 0;
	static const struct shape none;
	bool done = false;

	choice->tally.slots = calloc(slots, sizeof(*choice->tally.slots));
	choice->tally.slot_mask = slots - 1;
	if (!order || !choice->tally.slots)
		goto out;
	/* what serves everybody is always there */
	add_shape(builder, choice, &none);
	qsort(shapes, builder->shapes.count, sizeof(*shapes), compare_use);
	for (size_t i = 0; i < builder->shapes.count; i++) {
		if (shapes[i].rules > common && shapes[i].rules > 1 &&
		    weight_of(&shapes[i].shape) > 0)
			add_shape(builder, choice, &shapes[i].shape);
		shapes[i].first = next;
		next += shapes[i].rules;
	}
	qsort(shapes, builder->shapes.count, sizeof(*shapes), compare_shapes);
	for (uint32_t i = 0; i < builder->plans.count; i++) {
		struct shaped *shaped = bsearch(&plans[i].shape, shapes, builder->shapes.count,
						sizeof(*shaped), compare_shapes);

		order[shaped->first++] = i;
	}
	for (size_t i = 0; i < builder->plans.count; i++) {
		const struct plan *plan = &plans[order[i]];
		uint32_t tuple = choose_tuple(builder, choice, plan);
		const uint64_t *keys = builder->keys.items;

		for (uint32_t k = plan->first_key; k < plan->first_key + plan->key_count; k++)
			++*tally_of(builder, choice, tuple, keys + (size_t)k * key_words(builder));
		tuple_of[order[i]] = (uint8_t)tuple;
	}
	done = true;
out:
	free(choice->tally.slots);
	free(order);
	return done;
}

/* Numbers the tuples as their first rules come; those that nobody has chosen are left out. */
static struct tuple *make_tuples(struct builder *builder, struct choice *choice, uint8_t *tuple_of)
{
	struct index_part *part = builder->part;
	struct plan *plans = builder->plans.items;
	struct tuple *tuples =
		arena_array(&builder->ruleset->arena, choice->count, sizeof(*tuples));
	uint8_t numbers[TUPLES_MAX] = {0}; /* from 1 */

	for (size_t i = 0; tuples && i < builder->plans.count; i++) {
		const struct shape *shape = &choice->shapes[tuple_of[i]];
		uint8_t *number = &numbers[tuple_of[i]];

		if (!*number) {
			uint64_t bit = UINT64_C(1) << part->tuple_count;

			tuples[part->tuple_count] = choice->tuples[tuple_of[i]];
			tuples[part->tuple_count].first_rule = plans[i].rule;
			*number = (uint8_t)++part->tuple_count;
			if (shape->length[DPORT] || shape->length[SPORT])
				part->with_ports |= bit;
			for (unsigned p = 0; p < 64 && !shape->length[PROTO]; p++)
				part->by_proto[p] |= bit;
			builder->index->others |= 1u << shape->other;
		}
		plans[i].exact &= compare_shapes(shape, &plans[i].shape) == 0;
		tuple_of[i] = (uint8_t)(*number - 1);
	}
	return tuples;
}

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

/* Into a table of the right size, that begins where a line of the cache does. */
static bool keep_groups(struct builder *builder, const struct grouping *grouping)
{
	struct index_part *part = builder->part;
	uint32_t words = key_words(builder), count = slots_for(grouping->group_count);
	size_t bytes = (size_t)count * (words + 1) * sizeof(uint64_t);
	unsigned char *memory = arena_alloc(&builder->ruleset->arena, bytes + 64);
	uint64_t *groups;

	if (!memory)
		return false;
	groups = (uint64_t *)(void *)(memory + (64 - (uintptr_t)memory % 64) % 64);
	for (uint32_t g = 0; g <= grouping->group_mask; g++) {
		const uint64_t *group = grouping->groups + (size_t)g * (words + 1);
		uint32_t place;

		if (!group[words])
			continue;
		place = find_place(groups, count - 1, group, words,
				   index_hash(builder->index, group, builder->wide));
		memcpy(groups + (size_t)place * (words + 1), group, (words + 1) * sizeof(*group));
	}
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
	static const int lengths[2][SIEVES] = {{24, 16, 12}, {64, 48, 32}};
	int length = __builtin_popcountll(side_of(builder, tuple->mask, side));
	unsigned level = 0;

	while (level < SIEVES && length < lengths[builder->wide][level])
		level++;
	return level;
}

static bool make_sieve(struct builder *builder, const struct tuple *tuples, const uint8_t *tuple_of,
		       unsigned side, unsigned level)
{
	static const uint8_t shifts[2][SIEVES] = {{8, 16, 20}, {0, 16, 32}};
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

static bool make_table(struct builder *builder)
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
	struct choice choice = {.count = 0};
	const struct tuple *tuples = NULL;
	bool done = false;

	if (grouping.groups && grouping.place_of && grouping.last && tuple_of &&
	    choose_tuples(builder, &choice, tuple_of))
		tuples = builder->part->tuples = make_tuples(builder, &choice, tuple_of);
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
		done = count_shapes(builder) && make_table(builder);
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
