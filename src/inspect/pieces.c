/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pieces of a regex: parts of its text that are regexes by themselves, one of which every
 * match holds, and that match no more than a few dozen bytes. They are what a
 * prefilter that reads regexes is given: a flow grows, and only what came last (and as much before
 * it as a piece is wide) need be read again.
 *
 * In a sequence that is a run of neighbours, cut where a repeat has no end and at assertions; in a
 * choice, one of each way. Of all that is possible the one that payloads hold most seldom is taken.
 */
#include "regex.h"

enum {
	RARE_ENOUGH =
		8, /* 1/8 bits a byte: what stands at the end of a run and tells less is cut */
};

static void consider(struct regex_pieces *best, const struct regex_pieces *found)
{
	if (found->count && regex_better(found->rarity, found->fresh, best->rarity, best->fresh))
		*best = *found;
}

static bool tells_little(const struct regex_node *node)
{
	return node->rarity < RARE_ENOUGH * (node->narrowest ? node->narrowest : 1);
}

static bool is_fresh(uint64_t width, uint32_t rest)
{
	return rest != REGEX_MANY && width + rest <= REGEX_TAIL_MAX;
}

/* The best run that begins with `node`. */
static void consider_runs(const struct regex *regex, uint32_t node, uint32_t rest,
			  struct regex_pieces *best)
{
	struct regex_pieces run = {.count = 1};
	uint64_t width = 0;

	run.items[0].begin = regex->nodes[node].begin;
	for (uint32_t i = node; i; i = regex->nodes[i].next) {
		const struct regex_node *item = &regex->nodes[i];

		width += item->widest;
		if (width > REGEX_TAIL_MAX || item->kind == REGEX_EMPTY)
			return;
		run.rarity += item->rarity;
		run.items[0].end = item->end;
		if (tells_little(item))
			continue;
		run.fresh = is_fresh(width, regex_rest(regex, i, rest));
		consider(best, &run);
	}
}

static void find(const struct regex *regex, uint32_t node, uint32_t rest, struct regex_pieces *best)
{
	const struct regex_node *self = &regex->nodes[node];
	struct regex_pieces all = {.fresh = true, .rarity = UINT32_MAX}, found;

	*best = (struct regex_pieces){0};
	if (self->rarity && self->widest <= REGEX_TAIL_MAX) {
		best->count = 1;
		best->rarity = self->rarity;
		best->fresh = is_fresh(self->widest, rest);
		best->items[0].begin = self->begin;
		best->items[0].end = self->end;
	}
	switch (self->kind) {
	case REGEX_SEQUENCE:
		if (self->widest <= REGEX_TAIL_MAX)
			*best = (struct regex_pieces){0}; /* a run has its dull ends cut */
		for (uint32_t i = self->first; i; i = regex->nodes[i].next) {
			if (!tells_little(&regex->nodes[i]))
				consider_runs(regex, i, rest, best);
			if (regex->nodes[i].widest > REGEX_TAIL_MAX) {
				find(regex, i, regex_rest(regex, i, rest), &found);
				consider(best, &found);
			}
		}
		break;
	case REGEX_CHOICE:
		if (best->count)
			break;
		for (uint32_t i = self->first; i; i = regex->nodes[i].next) {
			find(regex, i, rest, &found);
			if (!found.count || all.count + found.count > PIECES_MAX)
				return;
			for (unsigned j = 0; j < found.count; j++)
				all.items[all.count++] = found.items[j];
			all.rarity = found.rarity < all.rarity ? found.rarity : all.rarity;
			all.fresh &= found.fresh;
		}
		*best = all;
		break;
	case REGEX_REPEAT:
		if (!best->count && self->least)
			find(regex, self->first,
			     self->most == 1 || (self->least == 1 && !rest) ? rest : REGEX_MANY,
			     best);
		break;
	default:
		break;
	}
}

void regex_pieces(const struct regex *regex, struct regex_pieces *out)
{
	*out = (struct regex_pieces){0};
	if (regex->plain && !regex->options_change)
		find(regex, regex->root, 0, out);
}
