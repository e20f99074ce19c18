/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index_build.h - what the files that make the index share; index.c has the whole of it.
 */
#ifndef WAYMARK_RULES_INDEX_BUILD_H
#define WAYMARK_RULES_INDEX_BUILD_H

#include "index.h"

#define RULE_KEYS_MAX 16u

enum field { DST, SRC, DPORT, SPORT, PROTO, OTHER, FIELDS };

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
	struct vec shapes; /* index_tuples.c's */
};

static inline uint32_t key_words(const struct builder *builder)
{
	return builder->wide ? KEY_V6 : KEY_V4;
}

/* A power of two that keeps a table half empty. */
static inline uint32_t slots_for(size_t groups)
{
	uint32_t slots = 4;

	while (slots < groups * 2)
		slots *= 2;
	return slots;
}

/* The test of this kind that stands outside negations; NULL: the rule has none. */
const struct test *index_find_test(const struct rule *rule, enum test_kind kind);

/* index_keys.c: the rule's plan and keys, if it can hold for this family at all; false: no memory.
 */
bool index_add_rule(struct builder *builder, uint32_t number);

/*
 * index_tuples.c: the part's tuples, in the order of their first rules, and of each plan the number
 * of its own, in `tuple_of`. A plan whose tuple says less than its keys is not exact any more.
 * NULL: no memory.
 */
const struct tuple *index_make_tuples(struct builder *builder, uint8_t *tuple_of);

/* index_table.c: groups, items and sieves of the part. */
bool index_make_table(struct builder *builder);

#endif
