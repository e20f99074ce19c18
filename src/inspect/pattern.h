/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pattern - what the inspection asks of the pattern engine. */
#ifndef INSPECT_PATTERN_H
#define INSPECT_PATTERN_H

#include <waymark/inspect.h>

enum pattern_outcome {
	PATTERN_HIT,
	PATTERN_OPEN,  /* not yet, but more bytes may make it match */
	PATTERN_NEVER, /* anchored, and these bytes with whatever follows cannot match */
	PATTERN_LIMIT, /* cost too much; counted */
};

enum pattern_kind pattern_kind_of(const struct pattern_set *set, size_t index);
bool pattern_strict(const struct pattern_set *set, size_t index);
bool pattern_wanted(const struct pattern_set *set, size_t index);
uint16_t pattern_app(const struct pattern_set *set, size_t index);
/* How many patterns of the kind there are, so that a buffer is built only where one is read. */
size_t pattern_count_of(const struct pattern_set *set, enum pattern_kind kind);

enum pattern_outcome pattern_scan(const struct pattern_set *set, size_t index,
				  struct pattern_scratch *scratch, const uint8_t *bytes,
				  size_t length);
/* FLOW_PREFIX_MAX_BYTES of room for the buffer that PATTERN_L7 reads. */
uint8_t *pattern_scratch_buffer(struct pattern_scratch *scratch);

#endif
