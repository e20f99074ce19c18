/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The patterns of one flow: which of them read what, and when they are out.
 *
 * PATTERN_PAYLOAD and PATTERN_RAW read each direction's prefix (each datagram by itself,
 * where there are datagrams); PATTERN_L7 reads both directions in the order in which
 * their bytes became contiguous: `runs` keeps that order, and the buffer is put
 * together in the worker's scratch, so that a flow holds its bytes once.
 *
 * A pattern that no rule wants may name a flow that has no name yet, and keeps nothing open. A
 * strict one reads along with the inspectors; a loose one runs only when all of them are
 * out, so that it cannot speak before TLS has.
 */
#include <stdlib.h>
#include <string.h>

#include "inspection.h"
#include "pattern.h"

static bool bit(const uint64_t *bits, size_t index)
{
	return bits[index / 64] >> (index % 64) & 1;
}

static void set_bit(uint64_t *bits, size_t index)
{
	bits[index / 64] |= UINT64_C(1) << (index % 64);
}

static void settle_patterns(struct inspection *inspection, const struct pattern_set *patterns)
{
	struct evidence *evidence = &inspection->evidence;
	bool open = false;

	for (size_t i = 0; i < evidence->pattern_count && !open; i++)
		open = pattern_wanted(patterns, i) && !bit(evidence->pattern_hit, i) &&
		       !bit(evidence->pattern_out, i);
	evidence->patterns_done = !open;
}

/* On top, keeping room for a built-in; what finds no room stands in pattern_hit all the same. */
static void push_pattern(struct inspection *inspection, uint16_t app)
{
	struct evidence *evidence = &inspection->evidence;
	unsigned room = evidence->apps_done ? EVIDENCE_LAYERS : EVIDENCE_LAYERS - 1;

	if (app != APP_NONE && evidence->app_count < room && !evidence_has_app(evidence, app))
		evidence->app[evidence->app_count++] = app;
}

bool scan_attach(struct inspection *inspection, const struct pattern_set *patterns)
{
	struct evidence *evidence = &inspection->evidence;
	size_t count = patterns ? pattern_count(patterns) : 0;
	size_t words = (count + 63) / 64;
	uint64_t *bits = NULL;

	if (words) {
		bits = calloc(4 * words, sizeof(*bits));
		if (!bits)
			count = words = 0;
	}
	free(inspection->bits);
	inspection->bits = bits;
	inspection->words = words;
	evidence->pattern_count = count;
	evidence->pattern_hit = bits;
	evidence->pattern_out = bits ? bits + words : NULL;
	settle_patterns(inspection, patterns);
	return bits || !patterns || !pattern_count(patterns);
}

void scan_rule_out(struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->pattern_count; i++)
		if (!bit(evidence->pattern_hit, i))
			set_bit(evidence->pattern_out, i);
	evidence->patterns_done = true;
}

/* Both directions in order of arrival, without NUL bytes. */
static size_t l7_bytes(const struct inspection *inspection, uint8_t *room)
{
	uint32_t at[2] = {0, 0};
	size_t filled = 0;

	for (unsigned r = 0; r < inspection->run_count; r++) {
		unsigned d = inspection->runs[r] & RUN_SERVER ? 1 : 0;
		const uint8_t *bytes = inspection->prefix[d].bytes + at[d];
		uint32_t length = inspection->runs[r] & (RUN_SERVER - 1u);

		for (uint32_t i = 0; i < length && filled < FLOW_PREFIX_MAX_BYTES; i++)
			if (bytes[i])
				room[filled++] = bytes[i];
		at[d] += length;
	}
	return filled;
}

struct scan {
	struct inspection *inspection;
	const struct pattern_set *patterns;
	struct pattern_scratch *scratch;
	const uint8_t *l7;
	size_t l7_length;
	bool side_new[2]; /* this direction has bytes that were not scanned yet */
	bool all;	  /* nothing was scanned yet */
};

/* Settles the pattern; NEVER stays OPEN. True: it hit or is out. */
static bool take_outcome(struct scan *scan, size_t index, enum pattern_outcome outcome)
{
	struct evidence *evidence = &scan->inspection->evidence;

	if (outcome == PATTERN_HIT) {
		bool names_it = !evidence->app_count && pattern_strict(scan->patterns, index);

		set_bit(evidence->pattern_hit, index);
		push_pattern(scan->inspection, pattern_app(scan->patterns, index));
		if (names_it)
			inspection_settle_by_pattern(scan->inspection);
		return true;
	}
	if (outcome == PATTERN_LIMIT) {
		set_bit(evidence->pattern_out, index);
		return true;
	}
	return false;
}

static bool scan_datagrams(struct scan *scan, size_t index, const struct packet *packet)
{
	struct inspection *inspection = scan->inspection;
	uint32_t at[2] = {0, 0};

	if (!scan->all) /* the newest alone, and straight from the packet */
		return packet->payload_captured &&
		       take_outcome(scan, index,
				    pattern_scan(scan->patterns, index, scan->scratch,
						 packet->payload,
						 packet->payload_captured < FLOW_PREFIX_MAX_BYTES
							 ? packet->payload_captured
							 : FLOW_PREFIX_MAX_BYTES));
	for (unsigned r = 0; r < inspection->run_count; r++) {
		unsigned d = inspection->runs[r] & RUN_SERVER ? 1 : 0;
		uint32_t length = inspection->runs[r] & (RUN_SERVER - 1u);

		if (take_outcome(scan, index,
				 pattern_scan(scan->patterns, index, scan->scratch,
					      inspection->prefix[d].bytes + at[d], length)))
			return true;
		at[d] += length;
	}
	return false;
}

static bool scan_streams(struct scan *scan, size_t index)
{
	struct inspection *inspection = scan->inspection;
	uint64_t *never[2] = {inspection->bits + 2 * inspection->words,
			      inspection->bits + 3 * inspection->words};

	for (unsigned d = 0; d < 2; d++) {
		enum pattern_outcome outcome;

		if (!(scan->side_new[d] || scan->all) || bit(never[d], index) ||
		    !inspection->prefix[d].contiguous)
			continue;
		outcome =
			pattern_scan(scan->patterns, index, scan->scratch,
				     inspection->prefix[d].bytes, inspection->prefix[d].contiguous);
		if (take_outcome(scan, index, outcome))
			return true;
		if (outcome == PATTERN_NEVER)
			set_bit(never[d], index);
	}
	if (!bit(never[0], index) || !bit(never[1], index))
		return false;
	set_bit(inspection->evidence.pattern_out, index);
	return true;
}

static bool scan_l7(struct scan *scan, size_t index)
{
	enum pattern_outcome outcome;

	if (!scan->l7_length)
		return false;
	outcome = pattern_scan(scan->patterns, index, scan->scratch, scan->l7, scan->l7_length);
	if (take_outcome(scan, index, outcome))
		return true;
	if (outcome != PATTERN_NEVER)
		return false;
	set_bit(scan->inspection->evidence.pattern_out, index);
	return true;
}

enum round {
	ROUND_WANTED, /* by a rule */
	ROUND_STRICT,
	ROUND_LOOSE,
};

static enum round round_of(const struct pattern_set *patterns, size_t index)
{
	if (pattern_wanted(patterns, index))
		return ROUND_WANTED;
	return pattern_strict(patterns, index) ? ROUND_STRICT : ROUND_LOOSE;
}

/* True: any hit or is out. */
static bool scan_round(struct scan *scan, enum round round, const struct packet *packet)
{
	struct inspection *inspection = scan->inspection;
	struct evidence *evidence = &inspection->evidence;
	bool changed = false;

	for (size_t i = 0; i < evidence->pattern_count; i++) {
		if (round != ROUND_WANTED && evidence->app_count)
			break;
		if (bit(evidence->pattern_hit, i) || bit(evidence->pattern_out, i) ||
		    round_of(scan->patterns, i) != round)
			continue;
		if (pattern_kind_of(scan->patterns, i) == PATTERN_L7)
			changed |= scan_l7(scan, i);
		else if (inspection->stream)
			changed |= scan_streams(scan, i);
		else
			changed |= scan_datagrams(scan, i, packet);
	}
	return changed;
}

bool scan_patterns(struct inspection *inspection, const struct pattern_set *patterns,
		   struct pattern_scratch *scratch, const bool side_new[2],
		   const struct packet *packet)
{
	struct scan scan = {
		.inspection = inspection,
		.patterns = patterns,
		.scratch = scratch,
		.side_new = {side_new[0], side_new[1]},
		.all = inspection->rescan,
	};
	bool changed;

	if (pattern_count_of(patterns, PATTERN_L7)) {
		uint8_t *room = pattern_scratch_buffer(scratch);

		scan.l7 = room;
		scan.l7_length = l7_bytes(inspection, room);
	}
	inspection->rescan = false;
	changed = scan_round(&scan, ROUND_WANTED, packet);
	changed |= scan_round(&scan, ROUND_STRICT, packet);
	if (inspection->evidence.apps_done && !inspection->built_in) {
		scan.all = !inspection->guessed;
		inspection->guessed = true;
		changed |= scan_round(&scan, ROUND_LOOSE, packet);
	}
	settle_patterns(inspection, patterns);
	return changed;
}
