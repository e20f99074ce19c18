/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes may be proof to two inspectors, for somebody made them so. Then the flow is of that one who
 * had his proof first, or it would depend on the segments in which they came. As a proof stands
 * whatever follows it (inspector.h), its end can be searched by halves. Almost always nobody else
 * claims, and that is all that is asked.
 */
#include <stddef.h>
#include <string.h>

#include "inspection.h"

/* As if the side had sent no more than `length` bytes. `scratch`: what it says goes there. */
static bool claims_with(const struct inspect_stream *stream, size_t index, unsigned side,
			uint32_t length, struct evidence *scratch)
{
	struct inspect_stream shorter = *stream;
	struct inspect_note note = {0};

	shorter.length[side] = length;
	return inspect_table[index]->stream(&shorter, scratch, &note) >= INSPECT_MINE;
}

/* The fewest bytes of the side with which it claims; it does with all of them. */
static uint32_t claims_from(const struct inspect_stream *stream, size_t index, unsigned side,
			    struct evidence *scratch)
{
	uint32_t least = 1, most = stream->length[side];

	while (least < most) {
		uint32_t middle = least + (most - least) / 2;

		if (claims_with(stream, index, side, middle, scratch))
			most = middle;
		else
			least = middle + 1;
	}
	return most;
}

size_t contest_claim(const struct inspection *inspection, const struct inspect_stream *stream,
		     size_t first, unsigned side)
{
	size_t index = first, other = next_living(inspection, first + 1);
	struct evidence scratch;
	uint32_t length = 0;

	if (other == INSPECTOR_COUNT)
		return first;
	/* nobody reads the names */
	memcpy(&scratch, &inspection->evidence, offsetof(struct evidence, host));
	for (; other < INSPECTOR_COUNT; other = next_living(inspection, other + 1)) {
		uint32_t needs;

		if (!claims_with(stream, other, side, stream->length[side], &scratch))
			continue;
		if (!length)
			length = claims_from(stream, index, side, &scratch);
		needs = claims_from(stream, other, side, &scratch);
		if (needs < length) {
			length = needs;
			index = other;
		}
	}
	return index;
}
