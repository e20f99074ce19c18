/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index_keys.c - a rule's header part as a shape, keys and an item.
 *
 * Each field is covered by blocks of one length, a power of two of numbers each, that begin at a
 * multiple of it. The longest length is taken whose blocks are few enough; so a list of scattered
 * addresses is covered by larger networks, a range of ports by blocks of 64 or 1024, and what would
 * take more is left to the judgement. Fields with few values have the first say on a rule's keys,
 * since the product of all must stay small.
 */
#include <string.h>

#include "index_build.h"

/* Blocks that cover what a rule wants of one field. */
struct cover {
	uint8_t length; /* of each, in bits; 0: everything */
	bool exact;	/* they cover nothing else */
	uint32_t count;
	unsigned __int128 blocks[RULE_KEYS_MAX];
};

/* ---- a rule's fields ---- */

/* What a test allows, as sorted spans of numbers: one of the three. */
struct ranges {
	const struct span *narrow;
	const struct span64 *networks;
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
	} else if (ranges->networks) {
		*low = (unsigned __int128)ranges->networks[i].low << 64;
		*high = (unsigned __int128)ranges->networks[i].high << 64 | UINT64_MAX;
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

const struct test *index_find_test(const struct rule *rule, enum test_kind kind)
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
		return (struct ranges){.networks = set->v6_networks,
				       .wide = set->v6,
				       .count = set->v6_count,
				       .bits = 128};
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
		const struct test *test = index_find_test(rule, field_tests[f].kind);

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
		const struct test *test = index_find_test(rule, other_tests[o].kind);

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
		const struct test *test = index_find_test(rule, field_tests[f].kind);
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
bool index_add_rule(struct builder *builder, uint32_t number)
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
