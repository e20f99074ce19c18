/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spans.c - sets of numbers and addresses.
 *
 * Ports, addresses, prefixes and ranges are spans "from low to high", sorted and merged once, so
 * that the last span that does not begin above a value is the only one that can hold it: a binary
 * search. In a list of a million that is twenty steps with a cache miss at most of them; so the
 * range from the first span to the last is cut into equal pieces, about one for two spans, and an
 * array says where the spans of each piece begin. Lists lie unevenly, IPv6 above all: a crowded
 * piece costs more steps, never more than the twenty. The last few are counted without a branch:
 * which of them it is nobody could foresee.
 */
#include <stdlib.h>

#include "private.h"

#define SPANS_PER_PIECE 2
#define SPANS_IN_A_ROW 8
#define AHEAD_BYTES 256

/* ---- numbers ---- */

static int compare_spans(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return 0;
}

void rules_merge_spans(struct vec *vec)
{
	struct span *spans = vec->items;
	size_t kept = 0;

	if (vec->count < 2)
		return;
	qsort(spans, vec->count, sizeof(*spans), compare_spans);
	for (size_t i = 1; i < vec->count; i++) {
		struct span *last = &spans[kept];

		if (last->high == UINT32_MAX || spans[i].low <= last->high + 1) {
			if (spans[i].high > last->high)
				last->high = spans[i].high;
		} else {
			spans[++kept] = spans[i];
		}
	}
	vec->count = kept + 1;
}

/* Spans of any of the three kinds, as what a search asks of them. */
struct span_row {
	const void *spans;
	size_t size; /* of one, in bytes */
};

static inline uint64_t span_key(const struct span_row *row, uint32_t i)
{
	const char *span = (const char *)row->spans + i * row->size;

	if (row->size == sizeof(struct span))
		return ((const struct span *)(const void *)span)->low;
	if (row->size == sizeof(struct span64))
		return ((const struct span64 *)(const void *)span)->low;
	return ((const struct span6 *)(const void *)span)->low.top;
}

/*
 * How many spans, of those from `first` to `end`, do not begin above `value`; and those before. Of
 * a row whose keys are whole.
 */
static inline uint32_t count_begun(struct span_row row, uint32_t first, uint32_t end,
				   uint64_t value)
{
	uint32_t begun;

	while (end - first > SPANS_IN_A_ROW) {
		uint32_t middle = first + (end - first) / 2;

		if (span_key(&row, middle) <= value)
			first = middle + 1;
		else
			end = middle;
	}
	begun = first;
	for (; first < end; first++)
		begun += span_key(&row, first) <= value;
	return begun;
}

bool rules_in_spans(const struct span *spans, uint32_t count, uint32_t value)
{
	uint32_t begun = count_begun((struct span_row){spans, sizeof(*spans)}, 0, count, value);

	return begun && value <= spans[begun - 1].high;
}

/* ---- IPv6 addresses ---- */

static uint64_t big_endian(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	for (size_t i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

static struct wide wide_from(const uint8_t bytes[16])
{
	return (struct wide){big_endian(bytes, 8), big_endian(bytes + 8, 8)};
}

/* Without a branch, which nobody could foresee. */
static bool wide_less(struct wide a, struct wide b)
{
	return (a.top < b.top) | ((a.top == b.top) & (a.bottom < b.bottom));
}

/* The next address; that of the highest one is 0. */
static struct wide wide_next(struct wide address)
{
	address.bottom++;
	address.top += address.bottom == 0;
	return address;
}

static int compare_spans6(const void *left, const void *right)
{
	const struct span6 *a = left, *b = right;

	return wide_less(b->low, a->low) - wide_less(a->low, b->low);
}

static void merge_spans6(struct vec *vec)
{
	struct span6 *spans = vec->items;
	size_t kept = 0;

	if (vec->count < 2)
		return;
	qsort(spans, vec->count, sizeof(*spans), compare_spans6);
	for (size_t i = 1; i < vec->count; i++) {
		struct span6 *last = &spans[kept];
		struct wide next = wide_next(last->high);

		if ((next.top | next.bottom) == 0 || !wide_less(next, spans[i].low)) {
			if (wide_less(last->high, spans[i].high))
				last->high = spans[i].high;
		} else {
			spans[++kept] = spans[i];
		}
	}
	vec->count = kept + 1;
}

static uint32_t count_begun6(const struct span6 *spans, uint32_t first, uint32_t end,
			     struct wide value)
{
	uint32_t begun;

	while (end - first > SPANS_IN_A_ROW / 2) {
		uint32_t middle = first + (end - first) / 2;

		if (wide_less(value, spans[middle].low))
			end = middle;
		else
			first = middle + 1;
	}
	begun = first;
	for (; first < end; first++)
		begun += !wide_less(value, spans[first].low);
	return begun;
}

/* ---- the index ---- */

static bool make_index(struct arena *arena, struct span_row row, uint32_t count,
		       struct span_index *index)
{
	uint64_t base = span_key(&row, 0);
	uint64_t range = span_key(&row, count - 1) - base;
	uint32_t *starts;

	*index = (struct span_index){.base = base};
	while (range >> index->shift > (uint64_t)count / SPANS_PER_PIECE + 1)
		index->shift++;
	index->pieces = (uint32_t)(range >> index->shift) + 1;
	index->starts = starts = arena_array(arena, (size_t)index->pieces + 1, sizeof(*starts));
	if (!starts)
		return false;
	for (uint32_t i = 0; i < count; i++)
		starts[((span_key(&row, i) - base) >> index->shift) + 1]++;
	for (uint32_t i = 0; i < index->pieces; i++)
		starts[i + 1] += starts[i];
	return true;
}

/* The piece of the range that holds the key, if it is not above them all; false: it is below. */
static bool find_piece(const struct span_index *index, uint64_t key, uint64_t *piece)
{
	if (!index->pieces || key < index->base)
		return false;
	*piece = (key - index->base) >> index->shift;
	return true;
}

/*
 * Between which places the last span that does not begin above `key` ends: all before `*first` do
 * not, all from `*end` on do. False: every one begins above it.
 */
static bool look_up(const struct span_index *index, uint64_t key, uint32_t *first, uint32_t *end)
{
	uint64_t piece;

	if (!find_piece(index, key, &piece))
		return false;
	*first = index->starts[piece < index->pieces ? piece : index->pieces];
	*end = index->starts[piece < index->pieces ? piece + 1 : index->pieces];
	return true;
}

/* ---- sets of addresses ---- */

bool address_draft_add(struct address_draft *draft, const struct ip_range *range)
{
	const struct ip_addr *first = &range->first, *last = &range->last;

	if (first->family == IP_V4) {
		struct span *span = vec_push(&draft->v4);

		if (!span)
			return false;
		span->low = (uint32_t)big_endian(first->bytes, 4);
		span->high = (uint32_t)big_endian(last->bytes, 4);
	} else {
		struct span6 *span = vec_push(&draft->v6);

		if (!span)
			return false;
		span->low = wide_from(first->bytes);
		span->high = wide_from(last->bytes);
	}
	return true;
}

void address_draft_release(struct address_draft *draft)
{
	vec_release(&draft->v4);
	vec_release(&draft->v6);
}

static struct span_row v6_row(const struct address_set *set)
{
	if (set->v6_networks)
		return (struct span_row){set->v6_networks, sizeof(*set->v6_networks)};
	return (struct span_row){set->v6, sizeof(*set->v6)};
}

static bool keep_v4(struct arena *arena, struct vec *spans, struct address_set *set)
{
	rules_merge_spans(spans);
	if (spans->count == 0)
		return true;
	if (spans->count > UINT32_MAX)
		return false;
	set->v4_count = (uint32_t)spans->count;
	set->v4 = arena_copy(arena, spans->items, spans->count * sizeof(*set->v4));
	return set->v4 && make_index(arena, (struct span_row){set->v4, sizeof(*set->v4)},
				     set->v4_count, &set->v4_index);
}

static bool are_networks(const struct vec *spans)
{
	const struct span6 *span = spans->items;

	for (size_t i = 0; i < spans->count; i++)
		if (span[i].low.bottom != 0 || span[i].high.bottom != UINT64_MAX)
			return false;
	return true;
}

/* Half the memory, so half the cache lines of a search. */
static const struct span64 *keep_networks(struct arena *arena, const struct vec *spans)
{
	const struct span6 *wide = spans->items;
	struct span64 *networks = arena_array(arena, spans->count, sizeof(*networks));

	for (size_t i = 0; networks && i < spans->count; i++)
		networks[i] = (struct span64){wide[i].low.top, wide[i].high.top};
	return networks;
}

static bool keep_v6(struct arena *arena, struct vec *spans, struct address_set *set)
{
	merge_spans6(spans);
	if (spans->count == 0)
		return true;
	if (spans->count > UINT32_MAX)
		return false;
	set->v6_count = (uint32_t)spans->count;
	if (are_networks(spans))
		set->v6_networks = keep_networks(arena, spans);
	else
		set->v6 = arena_copy(arena, spans->items, spans->count * sizeof(*set->v6));
	return (set->v6_networks || set->v6) &&
	       make_index(arena, v6_row(set), set->v6_count, &set->v6_index);
}

bool rules_address_set(struct rules_builder *builder, struct address_draft *draft,
		       struct address_set *set)
{
	struct arena *arena = &builder->ruleset->arena;

	if (keep_v4(arena, &draft->v4, set) && keep_v6(arena, &draft->v6, set))
		return true;
	builder->out_of_memory = true;
	return false;
}

void address_set_ahead(const struct address_set *set, const struct ip_addr *address, unsigned step)
{
	bool wide = address->family == IP_V6;
	const struct span_index *index = wide ? &set->v6_index : &set->v4_index;
	uint64_t key = wide ? wide_from(address->bytes).top : big_endian(address->bytes, 4), piece;
	struct span_row row = wide ? v6_row(set) : (struct span_row){set->v4, sizeof(*set->v4)};
	size_t first, end;

	if (address->family == IP_NONE || !find_piece(index, key, &piece) || piece >= index->pieces)
		return;
	if (step == 0) {
		__builtin_prefetch(&index->starts[piece]);
		return;
	}
	first = index->starts[piece];
	first -= first > 0; /* the one before may reach into the piece */
	end = index->starts[piece + 1];
	/* lines are 64 bytes; a crowded piece is searched by halves, and waits */
	for (size_t line = 0; line < (end - first) * row.size && line < AHEAD_BYTES; line += 64)
		__builtin_prefetch((const char *)row.spans + first * row.size + line);
	__builtin_prefetch((const char *)row.spans + end * row.size - 1);
}

bool address_set_covers(const struct address_set *set, const struct ip_addr *address)
{
	uint32_t first, end, begun;

	if (address->family == IP_V4) {
		uint32_t value = (uint32_t)big_endian(address->bytes, 4);

		if (!look_up(&set->v4_index, value, &first, &end))
			return false;
		first = count_begun((struct span_row){set->v4, sizeof(*set->v4)}, first, end,
				    value);
		return value <= set->v4[first - 1].high;
	}
	if (address->family == IP_V6) {
		struct wide value = wide_from(address->bytes);

		if (!look_up(&set->v6_index, value.top, &first, &end))
			return false;
		if (set->v6_networks) {
			begun = count_begun(
				(struct span_row){set->v6_networks, sizeof(*set->v6_networks)},
				first, end, value.top);
			return begun && value.top <= set->v6_networks[begun - 1].high;
		}
		begun = count_begun6(set->v6, first, end, value);
		return begun && !wide_less(set->v6[begun - 1].high, value);
	}
	return false;
}
