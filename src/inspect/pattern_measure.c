/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a scan costs, for those who judge patterns rather than flows.
 *
 * The steps are those that the limit is on; a pattern whose cost is proven is charged its bound,
 * which its scans stay below.
 */
#include "pattern.h"

struct pattern_cost pattern_measure(const struct pattern_set *set, size_t index,
				    struct pattern_scratch *scratch, const uint8_t *bytes,
				    size_t length)
{
	enum pattern_outcome outcome = pattern_scan(set, index, scratch, bytes, length);

	return (struct pattern_cost){
		.steps = (uint64_t)pattern_scratch_steps(scratch),
		.limit = outcome == PATTERN_LIMIT,
	};
}
