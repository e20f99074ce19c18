/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index_tuples.c - which tuples there are, and which one each rule goes to.
 *
 * A tuple for each shape would be too many: prefixes of all lengths on either side make thousands.
 * But a rule is found as well by part of what it says, as long as few others say the same
 * (TupleMerge: Daly, Torng, 2017). So common shapes have a tuple of their own, with keys that say
 * all; any other rule goes into the finest tuple there is whose key it shares with few, and only a
 * crowd makes a new one, as coarse as may be.
 */
#include <stdlib.h>
#include <string.h>

#include "index_build.h"

#define CROWD 3	 /* so many rules may share a key before a finer tuple is made */
#define COMMON 8 /* a shape that more than one rule in so many has gets a tuple of its own */

struct shaped {
	struct shape shape;
	uint32_t rules, first;
};

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

/* ---- tuples ---- */

static uint64_t bits_from(unsigned bits, unsigned length)
{
	uint64_t all = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;

	return length ? all & ~(length >= bits ? 0 : (UINT64_C(1) << (bits - length)) - 1) : 0;
}

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
static const struct tuple *make_tuples(struct builder *builder, const struct choice *choice,
				       uint8_t *tuple_of)
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

const struct tuple *index_make_tuples(struct builder *builder, uint8_t *tuple_of)
{
	struct choice choice = {.count = 0};
	const struct tuple *tuples = NULL;

	builder->shapes = (struct vec)VEC(struct shaped);
	if (count_shapes(builder) && choose_tuples(builder, &choice, tuple_of))
		tuples = make_tuples(builder, &choice, tuple_of);
	vec_release(&builder->shapes);
	return tuples;
}
