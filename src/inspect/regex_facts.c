/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a regex tells of its matches: how wide they are, which bytes they begin with, how seldom
 * they are, and what looking for them may cost.
 *
 * The cost is that of a backtracking matcher: a node has `ways` to match at one place, each of
 * which the rest of the pattern may have to be tried behind, and `work` is what going
 * through all of them takes. Ways multiply along a sequence and add up over a choice; a
 * repeat of one byte has as many as it has lengths, unless what follows cannot begin inside it.
 * A repeat of a group that has several ways itself is where patterns explode: no bound is given.
 */
#include "regex.h"

#include <string.h>

static const struct regex_node *node_of(const struct regex *regex, uint32_t node)
{
	return &regex->nodes[node];
}

/* ---- saturating arithmetic ---- */

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	if (!a || !b)
		return 0;
	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint32_t narrow(uint64_t value)
{
	return value < REGEX_MANY ? (uint32_t)value : REGEX_MANY;
}

/* ---- rarity ---- */

/* Of protocols that are mostly text, in lower case, with binary ones among them. */
uint32_t regex_byte_rarity(uint8_t byte)
{
	static const char common[] = "etaoinsr";

	if (byte >= 'A' && byte <= 'Z')
		byte |= 0x20;
	if (byte == 0)
		return 20;
	if (byte >= 'a' && byte <= 'z')
		return strchr(common, byte) ? 32 : 42;
	if (byte == ' ' || byte == '/' || byte == '.' || byte == '\r' || byte == '\n')
		return 40;
	if (byte >= '0' && byte <= '9')
		return 40;
	if (byte == 0xff || byte == 1)
		return 44;
	return byte > ' ' && byte < 0x7f ? 52 : 60;
}

/* Of a set: the logarithm of the sum of its bytes' shares. */
static uint32_t set_rarity(const struct byte_set *set)
{
	/* 2^(i/8), times 256 */
	static const uint32_t eighths[] = {256, 279, 304, 332, 362, 395, 431, 470, 512};
	const uint64_t whole = UINT64_C(1) << 28;
	uint64_t sum = 0;
	uint32_t rarity = 0;

	for (unsigned i = 0; i < 4; i++) {
		for (uint64_t bits = set->bits[i]; bits; bits &= bits - 1) {
			unsigned byte = i * 64 + (unsigned)__builtin_ctzll(bits);
			uint32_t one = regex_byte_rarity((uint8_t)byte);

			sum += (whole >> one / 8) * eighths[8 - one % 8] / 512;
		}
	}
	while (rarity < 28 * 8 && (sum * eighths[rarity % 8] / 256) << (rarity / 8) < whole)
		rarity++;
	return rarity;
}

/* ---- each node ---- */

static void measure(struct regex *regex, uint32_t node)
{
	struct regex_node *self = &regex->nodes[node];
	const struct regex_node *child = node_of(regex, self->first);

	for (uint32_t i = self->first; i; i = node_of(regex, i)->next)
		measure(regex, i);
	switch (self->kind) {
	case REGEX_BYTE:
		self->narrowest = self->widest = 1;
		self->rarity = set_rarity(&self->set);
		break;
	case REGEX_ANYTHING:
		self->widest = REGEX_MANY;
		break;
	case REGEX_SEQUENCE:
		for (uint32_t i = self->first; i; i = child->next) {
			child = node_of(regex, i);
			self->narrowest = narrow((uint64_t)self->narrowest + child->narrowest);
			self->widest = narrow((uint64_t)self->widest + child->widest);
			self->rarity = narrow((uint64_t)self->rarity + child->rarity);
		}
		break;
	case REGEX_CHOICE:
		self->narrowest = self->rarity = REGEX_MANY;
		for (uint32_t i = self->first; i; i = child->next) {
			child = node_of(regex, i);
			if (child->narrowest < self->narrowest)
				self->narrowest = child->narrowest;
			if (child->widest > self->widest)
				self->widest = child->widest;
			if (child->rarity < self->rarity)
				self->rarity = child->rarity;
		}
		break;
	case REGEX_REPEAT:
		self->narrowest = narrow(times(child->narrowest, self->least));
		self->rarity = narrow(times(child->rarity, self->least));
		self->widest = child->widest && self->most == REGEX_MANY
				       ? REGEX_MANY
				       : narrow(times(child->widest, self->most));
		break;
	default:
		break;
	}
}

void regex_measure(struct regex *regex)
{
	measure(regex, regex->root);
}

/* ---- the first places ---- */

static bool is_full(const struct byte_set *set)
{
	return !(~set->bits[0] | ~set->bits[1] | ~set->bits[2] | ~set->bits[3]);
}

bool regex_begins_with_anything(const struct regex *regex)
{
	uint32_t node = regex->root;

	for (;;) {
		const struct regex_node *self = node_of(regex, node);

		if (self->kind == REGEX_SEQUENCE && self->first) {
			node = self->first;
		} else if (self->kind == REGEX_EMPTY && self->next) {
			/* look-arounds are not taken to hold here */
			if (!regex->plain)
				return false;
			node = self->next;
		} else {
			return self->kind == REGEX_REPEAT && self->most == REGEX_MANY &&
			       node_of(regex, self->first)->kind == REGEX_BYTE &&
			       is_full(&node_of(regex, self->first)->set);
		}
	}
}

enum {
	WALK_STEPS = 20000, /* repeats in repeats are walked again and again */
};

struct places {
	const struct regex *regex;
	struct byte_set *sets;
	unsigned count;
	unsigned steps;
};

/* Bit p of `from`: it may begin at place p. The same of where it may end; bits past count: later.
 */
static uint32_t walk(struct places *places, uint32_t node, uint32_t from)
{
	const struct regex_node *self = node_of(places->regex, node);
	const uint32_t all = (UINT32_C(2) << places->count) - 1;
	uint32_t to = 0, seen;

	if (++places->steps > WALK_STEPS)
		return 0;
	switch (self->kind) {
	case REGEX_EMPTY:
		return from;
	case REGEX_BYTE:
		for (unsigned p = 0; p < places->count; p++)
			for (unsigned i = 0; i < 4 && (from >> p & 1); i++)
				places->sets[p].bits[i] |= self->set.bits[i];
		return (from << 1 | (from & 1u << places->count)) & all;
	case REGEX_ANYTHING:
		for (unsigned p = 0; p < places->count; p++) {
			to |= from & 1u << p;
			if (to)
				memset(&places->sets[p], 0xff, sizeof(places->sets[p]));
		}
		to |= from;
		return to ? all & ~((to & -to) - 1) : 0;
	case REGEX_SEQUENCE:
		for (uint32_t i = self->first; i; i = node_of(places->regex, i)->next)
			from = walk(places, i, from);
		return from;
	case REGEX_CHOICE:
		for (uint32_t i = self->first; i; i = node_of(places->regex, i)->next)
			to |= walk(places, i, from);
		return to;
	case REGEX_REPEAT:
		/* each turn moves on, or what it ends at is known already */
		seen = to = self->least ? 0 : from;
		for (uint32_t turn = 1; from && (self->most == REGEX_MANY || turn <= self->most);
		     turn++) {
			from = walk(places, self->first, from);
			if (turn < self->least && turn <= places->count + 1)
				continue; /* beyond, every end is "later" */
			from &= ~seen;
			seen |= from;
			to |= from;
		}
		return to;
	default:
		return from;
	}
}

void regex_places(const struct regex *regex, struct byte_set *sets, unsigned count)
{
	struct places places = {.regex = regex, .sets = sets, .count = count};
	uint32_t ends;
	bool ended;

	memset(sets, 0, count * sizeof(*sets));
	ends = walk(&places, regex->root, 1);
	ended = places.steps > WALK_STEPS;
	for (unsigned p = 0; p < count; p++) {
		ended |= ends >> p & 1;
		if (ended)
			memset(&sets[p], 0xff, sizeof(sets[p]));
	}
}

/* ---- work ---- */

/* Adds what the node may begin with; true: it may also be empty. */
static bool add_first(const struct regex *regex, uint32_t node, struct byte_set *set)
{
	const struct regex_node *self = node_of(regex, node);
	bool empty = true;

	switch (self->kind) {
	case REGEX_BYTE:
		for (unsigned i = 0; i < 4; i++)
			set->bits[i] |= self->set.bits[i];
		return false;
	case REGEX_ANYTHING:
		memset(set, 0xff, sizeof(*set));
		return true;
	case REGEX_SEQUENCE:
		for (uint32_t i = self->first; i && empty; i = node_of(regex, i)->next)
			empty = add_first(regex, i, set);
		return empty;
	case REGEX_CHOICE:
		empty = false;
		for (uint32_t i = self->first; i; i = node_of(regex, i)->next)
			empty |= add_first(regex, i, set);
		return empty;
	case REGEX_REPEAT:
		return add_first(regex, self->first, set) || !self->least;
	default:
		return true;
	}
}

/* What stands behind `node` in its sequence cannot begin with a byte of `inside`. */
static bool ends_clearly(const struct regex *regex, uint32_t node, const struct byte_set *inside)
{
	struct byte_set behind = {0};
	bool empty = true;

	for (uint32_t i = node_of(regex, node)->next; i && empty; i = node_of(regex, i)->next)
		empty = add_first(regex, i, &behind);
	for (unsigned i = 0; i < 4; i++)
		if (behind.bits[i] & inside->bits[i])
			return false;
	return !empty;
}

struct cost {
	uint64_t ways, work;
};

static const struct cost no_bound = {UINT64_MAX, UINT64_MAX};

static struct cost cost_of(const struct regex *regex, uint32_t node, uint64_t length);

static struct cost cost_of_repeat(const struct regex *regex, uint32_t node, uint64_t length)
{
	const struct regex_node *self = node_of(regex, node);
	const struct regex_node *child = node_of(regex, self->first);
	uint64_t most = self->most < length ? self->most : length;
	struct cost body, cost = {0, 1};
	uint64_t ways = 1;

	if (most < self->least)
		most = self->least;
	if (child->kind == REGEX_BYTE) {
		cost.work = plus(1, most);
		cost.ways = ends_clearly(regex, node, &child->set) ? 1 : most - self->least + 1;
		return cost;
	}
	body = cost_of(regex, self->first, length);
	if (body.ways <= 1) {
		uint32_t least = child->narrowest;

		if (!least && self->most == REGEX_MANY)
			return no_bound;
		if (least > 1 && most > self->least)
			most = most / least > self->least ? most / least + 1 : self->least + 1;
		cost.ways = most - self->least + 1;
		cost.work = plus(1, times(most, plus(1, body.work)));
		return cost;
	}
	if (self->most == REGEX_MANY)
		return no_bound;
	for (uint64_t turn = 0; turn <= self->most; turn++) {
		if (turn >= self->least)
			cost.ways = plus(cost.ways, ways);
		if (turn < self->most)
			cost.work = plus(cost.work, times(ways, plus(1, body.work)));
		ways = times(ways, body.ways);
		if (ways == UINT64_MAX)
			return no_bound;
	}
	return cost;
}

static struct cost cost_of(const struct regex *regex, uint32_t node, uint64_t length)
{
	const struct regex_node *self = node_of(regex, node);
	struct cost cost = {1, 1}, child;

	switch (self->kind) {
	case REGEX_ANYTHING:
		return no_bound;
	case REGEX_SEQUENCE:
		for (uint32_t i = self->first; i; i = node_of(regex, i)->next) {
			child = cost_of(regex, i, length);
			cost.work = plus(cost.work, times(cost.ways, child.work));
			cost.ways = times(cost.ways, child.ways);
		}
		return cost;
	case REGEX_CHOICE:
		cost.ways = 0;
		for (uint32_t i = self->first; i; i = node_of(regex, i)->next) {
			child = cost_of(regex, i, length);
			cost.work = plus(cost.work, child.work);
			cost.ways = plus(cost.ways, child.ways);
		}
		return cost;
	case REGEX_REPEAT:
		return cost_of_repeat(regex, node, length);
	default:
		return cost;
	}
}

uint64_t regex_work(const struct regex *regex, uint64_t length, bool anchored)
{
	struct cost cost;

	if (!regex->plain)
		return UINT64_MAX;
	cost = cost_of(regex, regex->root, length);
	return times(plus(cost.work, 2), anchored ? 1 : length + 1);
}

/* ---- what stands behind ---- */

static bool may_be_left_out(const struct regex *regex, uint32_t node)
{
	while (node && node_of(regex, node)->kind == REGEX_REPEAT && !node_of(regex, node)->least)
		node = node_of(regex, node)->next;
	return !node;
}

uint32_t regex_rest(const struct regex *regex, uint32_t node, uint32_t outer)
{
	uint64_t rest = outer;

	for (uint32_t i = node_of(regex, node)->next; i; i = node_of(regex, i)->next) {
		const struct regex_node *self = node_of(regex, i);

		if (rest > REGEX_TAIL_MAX)
			return REGEX_MANY;
		if (!outer && may_be_left_out(regex, i))
			break;
		if (!outer && self->kind == REGEX_REPEAT && may_be_left_out(regex, self->next))
			rest += times(node_of(regex, self->first)->widest, self->least);
		else
			rest += self->kind == REGEX_EMPTY ? 1 : self->widest;
	}
	return narrow(rest);
}

bool regex_better(uint32_t rarity, bool fresh, uint32_t than_rarity, bool than_fresh)
{
	enum { ENOUGH = 20 * 8 }; /* four letters: what is that seldom had better be fresh */

	if (rarity >= ENOUGH && than_rarity >= ENOUGH && fresh != than_fresh)
		return fresh;
	return rarity > than_rarity;
}
