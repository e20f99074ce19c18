/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The literals of a regex: short strings, one of which every match holds.
 *
 * A node is "exact" when it matches a few strings and nothing else; neighbours in a sequence
 * that are exact are joined, string by string, for as long as there are not too many of
 * them or too long ones. What is not exact ends such a run and may have strings of its own
 * inside. Of all the runs the one that payloads hold most seldom is taken.
 */
#include "regex.h"

#include <string.h>

enum {
	SET_BYTES_MAX = 8, /* of a class that is still spelled out */
};

struct finding {
	bool exact;
	struct literals whole; /* where exact: all that it matches */
	struct literals best;  /* one of them is in it; count 0: nothing known */
};

/* 0: worth nothing. */
static uint32_t worth(const struct literals *set)
{
	uint32_t least = UINT32_MAX, many = 0;

	for (unsigned i = 0; i < set->count; i++) {
		uint32_t sum = 0;

		for (unsigned j = 0; j < set->items[i].length; j++)
			sum += regex_byte_rarity(set->items[i].bytes[j]);
		least = sum < least ? sum : least;
	}
	if (!set->count || !least)
		return 0;
	while (set->count >> many)
		many++;
	many = (many - 1) * 8;
	return least > many ? least - many : 1;
}

static bool is_fresh(uint32_t rest)
{
	return rest != REGEX_MANY && rest + LITERAL_BYTES_MAX <= REGEX_TAIL_MAX;
}

/* `rest`: what a match may need behind it. */
static void consider(struct finding *finding, const struct literals *set, uint32_t rest)
{
	if (regex_better(worth(set), is_fresh(rest), worth(&finding->best), finding->best.fresh)) {
		finding->best = *set;
		finding->best.fresh = is_fresh(rest);
	}
}

static const struct literals nothing = {.count = 1}; /* the empty string */

static bool add_string(struct literals *set, const struct literal *string)
{
	for (unsigned i = 0; i < set->count; i++)
		if (set->items[i].length == string->length &&
		    memcmp(set->items[i].bytes, string->bytes, string->length) == 0)
			return true;
	if (set->count == LITERALS_MAX)
		return false;
	set->items[set->count++] = *string;
	return true;
}

static bool add_strings(struct literals *set, const struct literals *more)
{
	for (unsigned i = 0; i < more->count; i++)
		if (!add_string(set, &more->items[i]))
			return false;
	return true;
}

/* Each of `left` followed by each of `right`; false, and `left` as it was, if that is too much. */
static bool join(struct literals *left, const struct literals *right)
{
	struct literals joined = {0};

	for (unsigned i = 0; i < left->count; i++) {
		for (unsigned j = 0; j < right->count; j++) {
			struct literal string = left->items[i];
			const struct literal *tail = &right->items[j];

			if (string.length + tail->length > LITERAL_BYTES_MAX)
				return false;
			memcpy(string.bytes + string.length, tail->bytes, tail->length);
			string.length = (uint8_t)(string.length + tail->length);
			if (!add_string(&joined, &string))
				return false;
		}
	}
	*left = joined;
	return true;
}

static void find(const struct regex *regex, uint32_t node, uint32_t rest, struct finding *finding);

static void find_byte(const struct regex_node *self, uint32_t rest, struct finding *finding)
{
	struct literal string = {.length = 1};

	finding->exact = true;
	for (unsigned byte = 0; byte < 256; byte++) {
		if (!byte_set_has(&self->set, byte))
			continue;
		string.bytes[0] = (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
		if (finding->whole.count == SET_BYTES_MAX ||
		    !add_string(&finding->whole, &string)) {
			finding->exact = false;
			return;
		}
	}
	finding->exact = finding->whole.count > 0;
	consider(finding, &finding->whole, rest);
}

static void find_sequence(const struct regex *regex, uint32_t node, uint32_t outer,
			  struct finding *finding)
{
	struct literals run = nothing;
	uint32_t rest = REGEX_MANY; /* behind the run */
	struct finding item;

	finding->exact = true;
	for (uint32_t i = regex->nodes[node].first; i; i = regex->nodes[i].next) {
		uint32_t behind = regex_rest(regex, i, outer);

		find(regex, i, behind, &item);
		if (!item.exact || !join(&run, &item.whole)) {
			finding->exact = false;
			consider(finding, &run, rest);
			if (regex_better(worth(&item.best), item.best.fresh, worth(&finding->best),
					 finding->best.fresh))
				finding->best = item.best;
			run = item.exact ? item.whole : nothing;
		}
		rest = behind;
	}
	consider(finding, &run, rest);
	finding->whole = run;
}

static void find_choice(const struct regex *regex, uint32_t node, uint32_t rest,
			struct finding *finding)
{
	struct literals whole = {0}, best = {.fresh = true};
	bool has_best = true;
	struct finding way;

	finding->exact = true;
	for (uint32_t i = regex->nodes[node].first; i; i = regex->nodes[i].next) {
		find(regex, i, rest, &way);
		best.fresh &= way.best.fresh;
		finding->exact = finding->exact && way.exact && add_strings(&whole, &way.whole);
		has_best = has_best && worth(&way.best) && add_strings(&best, &way.best);
	}
	finding->whole = whole;
	if (has_best)
		finding->best = best;
}

static void find_repeat(const struct regex *regex, uint32_t node, uint32_t rest,
			struct finding *finding)
{
	const struct regex_node *self = &regex->nodes[node];
	struct finding body;
	uint32_t turns = 0;

	find(regex, self->first, self->most == 1 || (self->least == 1 && !rest) ? rest : REGEX_MANY,
	     &body);
	if (!self->least) {
		if (self->most == 1 && body.exact) {
			finding->whole = nothing;
			finding->exact = add_strings(&finding->whole, &body.whole);
		}
		return;
	}
	finding->best = body.best;
	if (!body.exact)
		return;
	finding->whole = nothing;
	while (turns < self->least && join(&finding->whole, &body.whole) &&
	       turns < LITERAL_BYTES_MAX)
		turns++;
	finding->exact = turns == self->most;
	consider(finding, &finding->whole,
		 finding->exact || (turns == self->least && !rest) ? rest : REGEX_MANY);
}

static void find(const struct regex *regex, uint32_t node, uint32_t rest, struct finding *finding)
{
	*finding = (struct finding){0};
	switch (regex->nodes[node].kind) {
	case REGEX_EMPTY:
		finding->exact = true;
		finding->whole = nothing;
		break;
	case REGEX_BYTE:
		find_byte(&regex->nodes[node], rest, finding);
		break;
	case REGEX_SEQUENCE:
		find_sequence(regex, node, rest, finding);
		break;
	case REGEX_CHOICE:
		find_choice(regex, node, rest, finding);
		break;
	case REGEX_REPEAT:
		find_repeat(regex, node, rest, finding);
		break;
	default:
		break;
	}
}

void regex_literals(const struct regex *regex, struct literals *out)
{
	struct finding finding;

	/* a look-around may wait for more than the match itself does */
	find(regex, regex->root, regex->plain ? 0 : REGEX_MANY, &finding);
	*out = finding.best;
	if (!worth(out))
		out->count = 0;
}
