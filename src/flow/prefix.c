/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first bytes of a stream, put together from segments in any order.
 *
 * Why a range map and not a byte count: a ClientHello of several segments arrives shuffled,
 * repeated and overlapping, and an evader sends different bytes for the same offset. The first
 * byte seen at an offset stays, as it has already been accepted towards the receiver.
 *
 * Invariants, which every function keeps:
 * - ranges are sorted, disjoint, not touching each other and begin beyond `contiguous`;
 * - every byte below `contiguous` or within a range is in `bytes`, and capacity covers it;
 * - bytes in the gaps are undefined and must not be read.
 * A refused segment (-ENOSPC, -ENOMEM) leaves the prefix as it was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/flow.h>

/* most beginnings fit, and so much comes from a pool */
#define PREFIX_MIN_BYTES POOL_BLOCK_BYTES

void flow_prefix_init(struct flow_prefix *prefix)
{
	memset(prefix, 0, sizeof(*prefix));
}

void flow_prefix_release(struct flow_prefix *prefix)
{
	struct pool *pool = prefix->pool;

	pool_give(pool, prefix->bytes, prefix->capacity);
	flow_prefix_init(prefix);
	prefix->pool = pool;
}

static int prefix_reserve(struct flow_prefix *prefix, uint32_t needed)
{
	uint32_t capacity = prefix->capacity > 0 ? prefix->capacity : PREFIX_MIN_BYTES;
	uint8_t *grown;

	if (needed <= prefix->capacity)
		return 0;
	while (capacity < needed)
		capacity *= 2;
	grown = pool_resize(prefix->pool, prefix->bytes, prefix->capacity, capacity);
	if (grown == NULL)
		return -ENOMEM;
	prefix->bytes = grown;
	prefix->capacity = capacity;
	return 0;
}

/* Copies [begin, end) where nothing is known yet; ranges [from, to) are those that it meets. */
static uint32_t prefix_fill(struct flow_prefix *prefix, uint32_t begin, uint32_t end,
			    const uint8_t *bytes, uint32_t from, uint32_t to)
{
	uint32_t at = begin, stored = 0;

	for (uint32_t i = from; i <= to && at < end; i++) {
		uint32_t stop = i < to ? prefix->ranges[i].begin : end;

		if (stop > end)
			stop = end;
		if (at < stop) {
			memcpy(prefix->bytes + at, bytes + (at - begin), stop - at);
			stored += stop - at;
		}
		if (i < to && at < prefix->ranges[i].end)
			at = prefix->ranges[i].end;
	}
	return stored;
}

/* Replaces ranges [from, to) by `count` (0 or 1) ranges; the caller fills it in. */
static void prefix_replace(struct flow_prefix *prefix, uint32_t from, uint32_t to, uint32_t count)
{
	memmove(&prefix->ranges[from + count], &prefix->ranges[to],
		(prefix->range_count - to) * sizeof(prefix->ranges[0]));
	prefix->range_count = prefix->range_count - (to - from) + count;
}

int flow_prefix_add(struct flow_prefix *prefix, uint32_t offset, const uint8_t *bytes,
		    size_t length)
{
	uint32_t begin = offset, end, from, to, stored;
	int ret;

	if (offset >= FLOW_PREFIX_MAX_BYTES || length == 0)
		return 0;
	end = length < FLOW_PREFIX_MAX_BYTES - offset ? offset + (uint32_t)length
						      : FLOW_PREFIX_MAX_BYTES;
	if (end <= prefix->contiguous)
		return 0;
	if (begin < prefix->contiguous) {
		bytes += prefix->contiguous - begin;
		begin = prefix->contiguous;
	}
	if (begin == prefix->contiguous && !prefix->range_count) { /* as almost always */
		ret = prefix_reserve(prefix, end);
		if (ret < 0)
			return ret;
		memcpy(prefix->bytes + begin, bytes, end - begin);
		prefix->contiguous = end;
		return (int)(end - begin);
	}

	/* [from, to): the ranges that overlap or touch [begin, end) */
	for (from = 0; from < prefix->range_count && prefix->ranges[from].end < begin; from++)
		;
	for (to = from; to < prefix->range_count && prefix->ranges[to].begin <= end; to++)
		;
	if (from == to && begin != prefix->contiguous && prefix->range_count == FLOW_PREFIX_RANGES)
		return -ENOSPC;
	ret = prefix_reserve(prefix, end);
	if (ret < 0)
		return ret;

	stored = prefix_fill(prefix, begin, end, bytes, from, to);
	if (from < to) {
		if (prefix->ranges[from].begin < begin)
			begin = prefix->ranges[from].begin;
		if (prefix->ranges[to - 1].end > end)
			end = prefix->ranges[to - 1].end;
	}
	if (begin == prefix->contiguous) {
		prefix->contiguous = end;
		prefix_replace(prefix, from, to, 0);
	} else {
		prefix_replace(prefix, from, to, 1);
		prefix->ranges[from].begin = begin;
		prefix->ranges[from].end = end;
	}
	return (int)stored;
}

void flow_prefix_consume(struct flow_prefix *prefix, uint32_t count)
{
	uint32_t end = prefix->range_count ? prefix->ranges[prefix->range_count - 1].end
					   : prefix->contiguous;

	if (count > prefix->contiguous)
		count = prefix->contiguous;
	if (count == 0)
		return;
	memmove(prefix->bytes, prefix->bytes + count, end - count);
	prefix->contiguous -= count;
	for (uint32_t i = 0; i < prefix->range_count; i++) {
		prefix->ranges[i].begin -= count;
		prefix->ranges[i].end -= count;
	}
}
