/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments into a stream prefix, against a model that knows nothing of ranges: one byte and one
 * "seen" flag for each offset, and the first byte seen wins. Every four bytes of input are a
 * segment: offset, length, and the byte to fill it with; or so many bytes consumed.
 * Covers: src/flow/prefix.c
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/flow.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	uint8_t bytes[FLOW_PREFIX_MAX_BYTES];
	bool seen[FLOW_PREFIX_MAX_BYTES];
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static int model_add(struct model *model, uint32_t offset, const uint8_t *bytes, size_t length)
{
	int stored = 0;

	for (size_t i = 0; i < length && offset + i < FLOW_PREFIX_MAX_BYTES; i++) {
		if (!model->seen[offset + i]) {
			model->seen[offset + i] = true;
			model->bytes[offset + i] = bytes[i];
			stored++;
		}
	}
	return stored;
}

static void model_consume(struct model *model, uint32_t count)
{
	memmove(model->bytes, model->bytes + count, FLOW_PREFIX_MAX_BYTES - count);
	memmove(model->seen, model->seen + count, FLOW_PREFIX_MAX_BYTES - count);
	memset(model->seen + FLOW_PREFIX_MAX_BYTES - count, 0, count);
}

/* The prefix holds exactly the model's bytes, in exactly the model's runs. */
static void compare(const struct flow_prefix *prefix, const struct model *model)
{
	uint32_t at = 0, range = 0;

	while (at < FLOW_PREFIX_MAX_BYTES && model->seen[at])
		at++;
	require(prefix->contiguous == at);
	require(at == 0 || memcmp(prefix->bytes, model->bytes, at) == 0);
	while (at < FLOW_PREFIX_MAX_BYTES) {
		uint32_t begin;

		while (at < FLOW_PREFIX_MAX_BYTES && !model->seen[at])
			at++;
		begin = at;
		while (at < FLOW_PREFIX_MAX_BYTES && model->seen[at])
			at++;
		if (begin == at)
			break;
		require(range < prefix->range_count);
		require(prefix->ranges[range].begin == begin && prefix->ranges[range].end == at);
		require(memcmp(prefix->bytes + begin, model->bytes + begin, at - begin) == 0);
		range++;
	}
	require(range == prefix->range_count);
	require((prefix->capacity & (prefix->capacity - 1)) == 0);
	require(prefix->capacity <= FLOW_PREFIX_MAX_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model model;
	static uint8_t segment[4096];
	struct flow_prefix prefix;

	memset(&model, 0, sizeof(model));
	flow_prefix_init(&prefix);
	for (; size >= 4; data += 4, size -= 4) {
		/* mostly close together, so that segments meet; sometimes near the bound */
		uint32_t offset = data[0] < 240 ? data[0] * 4u : 16000u + (data[0] - 240u) * 40u;
		size_t length = data[1] < 240 ? data[1] : (data[1] - 240u) * 256u;
		int stored;

		offset += data[2] & 3;
		if (data[2] >= 0xf0) {
			if (offset > prefix.contiguous)
				offset = prefix.contiguous;
			flow_prefix_consume(&prefix, offset);
			model_consume(&model, offset);
			continue;
		}
		for (size_t i = 0; i < length; i++)
			segment[i] = (uint8_t)(data[3] + i);
		stored = flow_prefix_add(&prefix, offset, segment, length);
		if (stored == -ENOSPC)
			require(prefix.range_count == FLOW_PREFIX_RANGES);
		else
			require(stored == model_add(&model, offset, segment, length));
	}
	compare(&prefix, &model);
	flow_prefix_release(&prefix);
	return 0;
}
