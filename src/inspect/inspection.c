/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One flow's inspection: bytes in, evidence out.
 *
 * Each inspector is in one of four states (enum inspect_status) and never
 * returns from NO. The first that claims the flow rules the others out: their
 * protocols begin differently, so two claims would mean one is wrong. Every
 * "done" follows from the states alone (settle()): apps are done when one has
 * claimed or all are out, a name when it is there or no living inspector can give
 * one, ALPN likewise. So what is refuted by a flow's first bytes closes its rules
 * on that very packet.
 *
 * Layers: a stream inspector that is done may say that another protocol begins at an
 * offset of each direction. Then all stream inspectors begin anew from there, as if the
 * stream began there. Only when the innermost layer is settled is anything done; an
 * inspector that has claimed and may yet tell of an inner protocol keeps the apps open
 * (note->carrier). What is done stays so: nothing begins inside a flow whose apps are.
 *
 * A missed request: a ServerHello or an HTTP response names the app; the name
 * stays open until the limits, since the client's side may only be late.
 *
 * Limits: when `limits` are reached, everything closes, unless a living inspector
 * is in mid-message or an inner protocol is awaited; then it goes on up to four
 * times the packets, or until the prefix of a direction is full.
 *
 * Patterns read the same bytes. PATTERN_PAYLOAD reads each direction's prefix (each
 * datagram by itself, where there are datagrams); PATTERN_L7 reads both directions
 * in the order in which their bytes became contiguous: `runs` keeps that order,
 * and the buffer is put together in the worker's scratch, so that a flow holds
 * its bytes once. A pattern that no rule wants runs only when every built-in is
 * out, so that a loose one cannot speak before TLS has; it may name the flow, and
 * keeps nothing open.
 */
#include <waymark/inspect.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "inspector.h"
#include "pattern.h"

#define RUNS_MAX 1024	  /* later bytes are not seen by PATTERN_L7 */
#define RUN_SERVER 0x8000 /* direction bit of a run; the rest is its length */
#define BUSY_FACTOR 4

struct inspection {
	struct evidence evidence;
	struct flow_prefix prefix[2];
	uint64_t bytes;
	uint32_t packets;
	uint16_t client_port, server_port;
	uint8_t transport; /* enum inspect_transport, 0: for patterns only */
	bool stream;
	bool midstream;
	bool closed;
	uint8_t layer;	   /* how many protocols lie below the one that is sought */
	uint8_t built_in;  /* how many of the evidence's apps are; they lie lowest */
	uint32_t begin[2]; /* of the layer, in each direction */
	bool claimed;	   /* the layer, by a built-in inspector */
	bool busy;
	bool carrier; /* the claimed protocol may turn out to carry another */
	bool rescan;  /* the patterns are new, the bytes are not */
	bool guessed; /* patterns that no rule wants have seen the bytes so far */
	uint8_t status[INSPECTOR_COUNT];
	void *state[INSPECTOR_COUNT]; /* the datagram inspectors' own */
	uint16_t run_count, run_capacity;
	uint16_t *runs;
	size_t words; /* of one of the sets in `bits` */
	/* hit, out, and for anchored patterns: never in this direction, two of them */
	uint64_t *bits;
};

static bool bit(const uint64_t *bits, size_t index)
{
	return bits[index / 64] >> (index % 64) & 1;
}

static void set_bit(uint64_t *bits, size_t index)
{
	bits[index / 64] |= UINT64_C(1) << (index % 64);
}

static uint8_t gives(const struct inspection *inspection, size_t index)
{
	return inspection->transport == INSPECT_TCP ? inspect_table[index]->gives_tcp
						    : inspect_table[index]->gives_udp;
}

static bool has_transport(const struct inspection *inspection, size_t index)
{
	if (inspection->transport == INSPECT_TCP)
		return inspect_table[index]->stream != NULL;
	return inspection->transport == INSPECT_UDP && inspect_table[index]->datagram != NULL;
}

/* Whatever follows from the inspectors' states. */
static void settle(struct inspection *inspection)
{
	struct evidence *evidence = &inspection->evidence;
	bool undecided = false;
	uint8_t may_give = 0;

	for (size_t i = 0; i < INSPECTOR_COUNT; i++) {
		uint8_t status = inspection->status[i];

		undecided |= status == INSPECT_MORE;
		if (status == INSPECT_MORE || status == INSPECT_MINE)
			may_give |= gives(inspection, i);
	}
	evidence->apps_done |= !undecided && !inspection->carrier;
	evidence->host_done |=
		evidence->host_source != HOST_SOURCE_NONE || !(may_give & INSPECT_HOST);
	evidence->alpn_done |= evidence->alpn_length > 0 || !(may_give & INSPECT_ALPN);
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

/* Above the built-in ones, below what patterns have found, also when those were first. */
static void push_builtin(struct inspection *inspection, uint16_t app)
{
	struct evidence *evidence = &inspection->evidence;
	uint16_t *place = evidence->app + inspection->built_in;

	if (evidence_has_app(evidence, app) || evidence->app_count == EVIDENCE_LAYERS)
		return;
	memmove(place + 1, place,
		(evidence->app_count - inspection->built_in) * sizeof(evidence->app[0]));
	*place = app;
	inspection->built_in++;
	evidence->app_count++;
}

/* On top, keeping room for a built-in; what finds no room stands in pattern_hit all the same. */
static void push_pattern(struct inspection *inspection, uint16_t app)
{
	struct evidence *evidence = &inspection->evidence;
	unsigned room = evidence->apps_done ? EVIDENCE_LAYERS : EVIDENCE_LAYERS - 1;

	if (app != APP_NONE && evidence->app_count < room && !evidence_has_app(evidence, app))
		evidence->app[evidence->app_count++] = app;
}

/* False when out of memory: then there are no patterns for this flow. */
static bool attach(struct inspection *inspection, const struct pattern_set *patterns)
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

/* No pattern can match any more. */
static void rule_out_patterns(struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->pattern_count; i++)
		if (!bit(evidence->pattern_hit, i))
			set_bit(evidence->pattern_out, i);
	evidence->patterns_done = true;
}

struct inspection *inspection_new(const struct flow *flow, const struct packet *first,
				  const struct pattern_set *patterns)
{
	struct inspection *inspection = calloc(1, sizeof(*inspection));
	bool datagrams = false;

	if (!inspection)
		return NULL;
	flow_prefix_init(&inspection->prefix[0]);
	flow_prefix_init(&inspection->prefix[1]);
	if (!attach(inspection, patterns)) {
		inspection_free(inspection);
		return NULL;
	}
	inspection->client_port = flow->key.client_port;
	inspection->server_port = flow->key.server_port;
	inspection->midstream = flow->midstream;
	if (!first->fragment && first->has_ports) {
		switch (flow->key.proto) {
		case IPPROTO_TCP:
			inspection->transport = INSPECT_TCP;
			inspection->stream = true;
			break;
		case IPPROTO_UDP:
			inspection->transport = INSPECT_UDP;
			datagrams = true;
			break;
		case IPPROTO_UDPLITE:
		case IPPROTO_DCCP:
		case IPPROTO_SCTP:
			datagrams = true;
			break;
		default:
			break;
		}
	}
	for (size_t i = 0; i < INSPECTOR_COUNT; i++)
		inspection->status[i] = has_transport(inspection, i) ? INSPECT_MORE : INSPECT_NO;
	settle(inspection);
	if (!inspection->stream && !datagrams)
		inspection_close(inspection);
	return inspection;
}

static void state_free(struct inspection *inspection, size_t index)
{
	if (inspection->state[index])
		inspect_table[index]->state_free(inspection->state[index]);
	inspection->state[index] = NULL;
}

/* What an inspector that will not be asked again has kept. */
static void free_spent_states(struct inspection *inspection)
{
	for (size_t i = 0; i < INSPECTOR_COUNT; i++)
		if (inspection->status[i] == INSPECT_NO || inspection->status[i] == INSPECT_DONE)
			state_free(inspection, i);
}

void inspection_free(struct inspection *inspection)
{
	if (!inspection)
		return;
	for (size_t i = 0; i < INSPECTOR_COUNT; i++)
		state_free(inspection, i);
	flow_prefix_release(&inspection->prefix[0]);
	flow_prefix_release(&inspection->prefix[1]);
	free(inspection->runs);
	free(inspection->bits);
	free(inspection);
}

/* ---- keeping bytes ---- */

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
		uint16_t capacity = inspection->run_capacity ? inspection->run_capacity * 2 : 8;
		uint16_t *runs;

		if (inspection->run_capacity == RUNS_MAX)
			return;
		runs = reallocarray(inspection->runs, capacity, sizeof(*runs));
		if (!runs)
			return;
		inspection->runs = runs;
		inspection->run_capacity = capacity;
	}
	inspection->runs[inspection->run_count++] = (uint16_t)(side | length);
}

/* How many more bytes of the direction are contiguous now. */
static uint32_t keep_bytes(struct inspection *inspection, const struct flow *flow,
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

/* ---- inspectors ---- */

/* The layer has been claimed by the inspector at `index`: it rules the others out. */
static void claim(struct inspection *inspection, size_t index)
{
	inspection->claimed = true;
	push_builtin(inspection, (uint16_t)(index + 1));
	for (size_t other = 0; other < INSPECTOR_COUNT; other++)
		if (other != index)
			inspection->status[other] = INSPECT_NO;
	inspection->busy = false;
}

/* Asks all who are not settled. True: the layer carries another, from note->inner_at on. */
static bool inspect(struct inspection *inspection, const struct inspect_stream *stream,
		    const struct inspect_datagram *datagram, struct inspect_note *note)
{
	inspection->busy = inspection->carrier = false;
	for (size_t i = 0; i < INSPECTOR_COUNT; i++) {
		const struct inspector *inspector = inspect_table[i];
		enum inspect_status status;

		if (inspection->status[i] != INSPECT_MORE && inspection->status[i] != INSPECT_MINE)
			continue;
		memset(note, 0, sizeof(*note));
		status = stream ? inspector->stream(stream, &inspection->evidence, note)
				: inspector->datagram(datagram, &inspection->state[i],
						      &inspection->evidence);
		if (inspection->status[i] == INSPECT_MINE && status < INSPECT_MINE)
			status = INSPECT_MINE; /* what was claimed stays claimed */
		inspection->status[i] = (uint8_t)status;
		if (status >= INSPECT_MINE && !inspection->claimed)
			claim(inspection, i);
		if (status == INSPECT_DONE && note->inner)
			return true;
		inspection->busy |= note->busy && status != INSPECT_NO && status != INSPECT_DONE;
		inspection->carrier |= note->carrier && status == INSPECT_MINE;
	}
	return false;
}

/* Another protocol begins inside. False: not to be looked for. */
static bool descend(struct inspection *inspection, const uint32_t inner_at[2])
{
	if (inspection->evidence.apps_done || inspection->layer + 1 == EVIDENCE_LAYERS)
		return false;
	inspection->layer++;
	inspection->claimed = false;
	for (unsigned d = 0; d < 2; d++)
		inspection->begin[d] += inner_at[d];
	for (size_t i = 0; i < INSPECTOR_COUNT; i++)
		inspection->status[i] = has_transport(inspection, i) ? INSPECT_MORE : INSPECT_NO;
	return true;
}

static void inspect_streams(struct inspection *inspection, bool last)
{
	struct inspect_stream stream;
	struct inspect_note note;

	do {
		stream = (struct inspect_stream){.last = last};
		if (!inspection->layer) { /* the rest says nothing of what is carried */
			stream.midstream = inspection->midstream;
			stream.client_port = inspection->client_port;
			stream.server_port = inspection->server_port;
		}
		for (unsigned d = 0; d < 2; d++) {
			const struct flow_prefix *prefix = &inspection->prefix[d];

			stream.length[d] = prefix->contiguous - inspection->begin[d];
			stream.bytes[d] =
				stream.length[d] ? prefix->bytes + inspection->begin[d] : NULL;
		}
	} while (inspect(inspection, &stream, NULL, &note) && descend(inspection, note.inner_at));
	settle(inspection);
	/* two protocols take more packets than one */
	inspection->busy |=
		inspection->layer && !inspection->claimed && !inspection->evidence.apps_done;
}

static void inspect_packet(struct inspection *inspection, enum flow_direction direction,
			   const struct packet *packet)
{
	struct inspect_datagram datagram = {
		.bytes = packet->payload,
		.captured = packet->payload_captured,
		.length = packet->payload_length,
		.direction = direction,
		.client_port = inspection->client_port,
		.server_port = inspection->server_port,
	};

	struct inspect_note note;

	if (!packet->payload_captured)
		return;
	inspect(inspection, NULL, &datagram, &note);
	free_spent_states(inspection);
	settle(inspection);
}

/* No inspector gets any more bytes; closing twice changes nothing. */
static void close_inspectors(struct inspection *inspection)
{
	if (inspection->stream)
		inspect_streams(inspection, true);
	for (size_t i = 0; i < INSPECTOR_COUNT; i++)
		inspection->status[i] =
			inspection->status[i] >= INSPECT_MINE ? INSPECT_DONE : INSPECT_NO;
	inspection->busy = inspection->carrier = false;
	free_spent_states(inspection);
	settle(inspection);
}

/* ---- patterns ---- */

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
		set_bit(evidence->pattern_hit, index);
		push_pattern(scan->inspection, pattern_app(scan->patterns, index));
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

/* One round over the patterns that rules want, or those that none wants. True: any hit or is out.
 */
static bool scan_round(struct scan *scan, bool wanted, const struct packet *packet)
{
	struct inspection *inspection = scan->inspection;
	struct evidence *evidence = &inspection->evidence;
	bool changed = false;

	for (size_t i = 0; i < evidence->pattern_count; i++) {
		if (pattern_wanted(scan->patterns, i) != wanted || bit(evidence->pattern_hit, i) ||
		    bit(evidence->pattern_out, i))
			continue;
		if (!wanted && evidence->app_count)
			break;
		if (pattern_kind_of(scan->patterns, i) == PATTERN_L7)
			changed |= scan_l7(scan, i);
		else if (inspection->stream)
			changed |= scan_streams(scan, i);
		else
			changed |= scan_datagrams(scan, i, packet);
	}
	return changed;
}

static bool scan_patterns(struct inspection *inspection, const struct pattern_set *patterns,
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
	changed = scan_round(&scan, true, packet);
	if (inspection->evidence.apps_done && !inspection->built_in) {
		scan.all = !inspection->guessed;
		inspection->guessed = true;
		changed |= scan_round(&scan, false, packet);
	}
	settle_patterns(inspection, patterns);
	return changed;
}

/* ---- the whole ---- */

static bool all_done(const struct evidence *evidence)
{
	return evidence->apps_done && evidence->host_done && evidence->alpn_done &&
	       evidence->patterns_done;
}

static bool at_limit(const struct inspection *inspection, const struct inspect_limits *limits)
{
	if (inspection->packets < limits->decide_packets &&
	    inspection->bytes < limits->decide_bytes)
		return false;
	return !inspection->busy ||
	       inspection->packets >= (uint64_t)limits->decide_packets * BUSY_FACTOR ||
	       inspection->prefix[0].contiguous == FLOW_PREFIX_MAX_BYTES ||
	       inspection->prefix[1].contiguous == FLOW_PREFIX_MAX_BYTES;
}

/* All that a caller can see of the evidence, but the patterns. */
static uint64_t digest(const struct evidence *evidence)
{
	return (uint64_t)evidence->app_count | (uint64_t)evidence->host_source << 8 |
	       (uint64_t)evidence->alpn_length << 16 | (uint64_t)evidence->apps_done << 32 |
	       (uint64_t)evidence->host_done << 33 | (uint64_t)evidence->alpn_done << 34 |
	       (uint64_t)evidence->patterns_done << 35;
}

bool inspection_feed(struct inspection *inspection, const struct flow *flow,
		     enum flow_direction direction, const struct packet *packet,
		     const struct pattern_set *patterns, struct pattern_scratch *scratch,
		     const struct inspect_limits *limits)
{
	struct evidence *evidence = &inspection->evidence;
	uint64_t before = digest(evidence);
	bool changed = false, limit, rescan = inspection->rescan;
	bool side_new[2] = {false, false};

	if (inspection->closed || all_done(evidence) || (!packet->payload_length && !rescan))
		return false;
	if (packet->payload_length) {
		inspection->packets++;
		inspection->bytes += packet->payload_length;
		if (!inspection->stream)
			inspect_packet(inspection, direction, packet);
		/* a datagram that told all there is to know need not be kept */
		if (!all_done(evidence) || evidence->pattern_count)
			side_new[direction] = keep_bytes(inspection, flow, direction, packet);
		if (inspection->stream && side_new[direction])
			inspect_streams(inspection, false);
	}
	limit = at_limit(inspection, limits);
	if (limit)
		close_inspectors(inspection);
	if (patterns && scratch && evidence->pattern_count &&
	    evidence->pattern_count == pattern_count(patterns) &&
	    (side_new[0] || side_new[1] || rescan || limit))
		changed = scan_patterns(inspection, patterns, scratch, side_new, packet);
	if (limit)
		inspection_close(inspection);
	return changed || digest(evidence) != before;
}

void inspection_close(struct inspection *inspection)
{
	if (inspection->closed)
		return;
	inspection->closed = true;
	close_inspectors(inspection);
	rule_out_patterns(&inspection->evidence);
}

void inspection_rebase(struct inspection *inspection, const struct pattern_set *patterns)
{
	attach(inspection, patterns); /* out of memory: no pattern holds for this flow */
	inspection->guessed = false;
	if (inspection->closed)
		rule_out_patterns(&inspection->evidence);
	else
		inspection->rescan = inspection->evidence.pattern_count > 0;
}

const struct evidence *inspection_evidence(const struct inspection *inspection)
{
	return &inspection->evidence;
}

size_t inspection_bytes(const struct inspection *inspection)
{
	size_t states = 0;

	for (size_t i = 0; i < INSPECTOR_COUNT; i++)
		if (inspection->state[i])
			states += inspect_table[i]->state_bytes(inspection->state[i]);
	return sizeof(*inspection) + states + inspection->prefix[0].capacity +
	       inspection->prefix[1].capacity + inspection->run_capacity * sizeof(uint16_t) +
	       4 * inspection->words * sizeof(uint64_t);
}
