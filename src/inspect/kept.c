/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes that an inspection keeps: a prefix of each direction, and in which order they came
 * (`runs`): of a stream for patterns that read both directions, of datagrams to tell them apart.
 */
#include <stdlib.h>
#include <string.h>

#include "inspection.h"

#define RUNS_MAX 1024 /* later bytes are not seen by PATTERN_L7, nor as `earlier` */
/* of a direction's datagrams that nobody waits for: what a policy that is loaded later may read */
#define KEPT_UNASKED_BYTES 1024

static void add_run(struct inspection *inspection, enum flow_direction direction, uint32_t length)
{
	uint16_t side = direction == FLOW_FROM_SERVER ? RUN_SERVER : 0;

	if (inspection->stream && inspection->run_count) {
		uint16_t *run = &inspection->runs[inspection->run_count - 1];

		if ((*run & RUN_SERVER) == side) { /* fits: a prefix is 16 KiB */
			*run = (uint16_t)(*run + length);
			return;
		}
	}
	if (inspection->run_count == inspection->run_capacity) {
		uint16_t capacity = inspection->run_capacity * 2;
		bool first = inspection->runs == inspection->first_runs;
		uint16_t *runs;

		if (inspection->run_capacity == RUNS_MAX)
			return;
		runs = reallocarray(first ? NULL : inspection->runs, capacity, sizeof(*runs));
		if (!runs)
			return;
		if (first)
			memcpy(runs, inspection->first_runs, sizeof(inspection->first_runs));
		inspection->runs = runs;
		inspection->run_capacity = capacity;
	}
	inspection->runs[inspection->run_count++] = (uint16_t)(side | length);
}

uint32_t kept_add(struct inspection *inspection, const struct flow *flow,
		  enum flow_direction direction, const struct packet *packet)
{
	struct flow_prefix *prefix = &inspection->prefix[direction];
	uint32_t offset = prefix->contiguous, known = prefix->contiguous, skip = 0, fresh;

	if (!packet->payload_captured ||
	    (inspection->stream && !flow_stream_offset(flow, direction, packet, &offset, &skip)))
		return 0;
	if (skip >= packet->payload_captured ||
	    flow_prefix_add(prefix, offset, packet->payload + skip,
			    packet->payload_captured - skip) < 0)
		return 0;
	fresh = prefix->contiguous - known;
	if (fresh)
		add_run(inspection, direction, fresh);
	return fresh;
}

bool kept_add_datagram(struct inspection *inspection, const struct flow *flow,
		       enum flow_direction direction, const struct packet *packet,
		       const struct pattern_set *patterns, bool *kept)
{
	const struct flow_prefix *prefix = &inspection->prefix[direction];

	if (!packet->payload_captured || inspection->shown[direction] >= FLOW_PREFIX_MAX_BYTES)
		return false;
	inspection->shown[direction] += packet->payload_captured;
	*kept = !prefix->contiguous ||
		prefix->contiguous + packet->payload_captured <= KEPT_UNASKED_BYTES ||
		next_living(inspection, 0) != INSPECTOR_COUNT ||
		scan_wants_past(inspection, patterns);
	if (*kept)
		kept_add(inspection, flow, direction, packet);
	return true;
}

unsigned kept_earlier(const struct inspection *inspection,
		      struct inspect_earlier earlier[EARLIER_MAX])
{
	uint32_t at[2] = {0, 0};
	unsigned count = 0;

	for (; count < inspection->run_count && count < EARLIER_MAX; count++) {
		unsigned d = inspection->runs[count] & RUN_SERVER ? 1 : 0;
		uint32_t length = inspection->runs[count] & (RUN_SERVER - 1u);

		earlier[count] = (struct inspect_earlier){
			.bytes = inspection->prefix[d].bytes + at[d],
			.length = length,
			.direction = (enum flow_direction)d,
		};
		at[d] += length;
	}
	return count;
}

void inspection_look(const struct inspection *inspection, struct inspection_look *look)
{
	*look = (struct inspection_look){0};
	for (unsigned r = 0; r < inspection->run_count; r++) {
		unsigned d = inspection->runs[r] & RUN_SERVER ? FLOW_FROM_SERVER : FLOW_FROM_CLIENT;

		if (!r)
			look->first = (uint8_t)d;
		if (look->length[d])
			continue;
		look->bytes[d] = inspection->prefix[d].bytes;
		look->length[d] = inspection->stream ? inspection->prefix[d].contiguous
						     : inspection->runs[r] & (RUN_SERVER - 1u);
	}
}
