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
 *
 * All patterns are looked at together, as words of bits: those that the first bytes or the
 * prefilter dismiss cost a fraction of a nanosecond. Only what is left is asked one by one. What
 * the prefilter has read of a flow it does not read again (`scanned`, `seen`).
 *
 * That asking may take PACKET_STEPS a packet and FLOW_STEPS a flow, whatever the patterns and the
 * bytes. Who was not asked on a packet is asked first on the next; when the flow has
 * used up its own, all patterns that have not matched are out. Both are counted.
 */
#include <stdlib.h>
#include <string.h>

#include "inspection.h"
#include "pattern.h"

enum {
	PACKET_STEPS = 80000, /* about 2 ms */
	FLOW_STEPS = 400000,
};

/* What patterns read: the directions by their numbers, and PATTERN_L7's. */
enum {
	BOTH = 2,
	BUFFERS = 3,
};

struct scan_state {
	size_t words;		   /* of each set */
	uint32_t scanned[BUFFERS]; /* bytes that the prefilter has read */
	uint32_t placed[BUFFERS];  /* of the first bytes */
	int64_t steps;		   /* that are left */
	bool retry;		   /* not all were asked */
	size_t turn;		   /* who is asked first, then */
	/* hit, out; never in this buffer; seen in it by the prefilter (streams and L7's) */
	uint64_t sets[];
};

static size_t bytes_for(size_t words)
{
	return sizeof(struct scan_state) + (2 + 2 * BUFFERS) * words * sizeof(uint64_t);
}

static uint64_t *never_in(struct scan_state *state, unsigned buffer)
{
	return state->sets + (2 + buffer) * state->words;
}

static uint64_t *seen_in(struct scan_state *state, unsigned buffer)
{
	return state->sets + (2 + BUFFERS + buffer) * state->words;
}

static void set_bit(uint64_t *bits, size_t index)
{
	bits[index / 64] |= UINT64_C(1) << (index % 64);
}

static void settle_patterns(struct inspection *inspection, const struct pattern_set *patterns)
{
	struct evidence *evidence = &inspection->evidence;
	size_t words = inspection->scan ? inspection->scan->words : 0;
	uint64_t open = 0;

	for (size_t w = 0; w < words; w++)
		open |= pattern_mask(patterns, PATTERNS_WANTED)[w] &
			~(evidence->pattern_hit[w] | evidence->pattern_out[w]);
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

void scan_detach(struct inspection *inspection)
{
	pool_give(inspection->pool, inspection->scan, scan_bytes(inspection));
	inspection->scan = NULL;
}

bool scan_attach(struct inspection *inspection, const struct pattern_set *patterns)
{
	struct evidence *evidence = &inspection->evidence;
	size_t count = patterns ? pattern_count(patterns) : 0;
	size_t words = (count + 63) / 64;
	struct scan_state *state = NULL;

	if (words)
		state = pool_take(inspection->pool, bytes_for(words));
	scan_detach(inspection);
	inspection->scan = state;
	evidence->pattern_count = state ? count : 0;
	evidence->pattern_hit = state ? state->sets : NULL;
	evidence->pattern_out = state ? state->sets + words : NULL;
	if (state) {
		const size_t bytes = words * sizeof(state->sets[0]);

		memset(state, 0, bytes_for(words));
		state->words = words;
		state->steps = FLOW_STEPS;
		memcpy(evidence->pattern_out,
		       pattern_mask(patterns,
				    inspection->stream ? PATTERNS_NOT_TCP : PATTERNS_NOT_UDP),
		       bytes);
		memcpy(never_in(state, FLOW_FROM_CLIENT),
		       pattern_mask(patterns, PATTERNS_NOT_CLIENT), bytes);
		memcpy(never_in(state, FLOW_FROM_SERVER),
		       pattern_mask(patterns, PATTERNS_NOT_SERVER), bytes);
	}
	settle_patterns(inspection, patterns);
	return state || !count;
}

bool scan_wants_past(const struct inspection *inspection, const struct pattern_set *patterns)
{
	const struct evidence *evidence = &inspection->evidence;
	const size_t words = inspection->scan ? inspection->scan->words : 0;
	uint64_t open = 0;

	if (!words || !patterns)
		return false;
	if (inspection->scan->retry || (!inspection->built_in && !inspection->guessed))
		return true;
	for (size_t w = 0; w < words; w++)
		open |= pattern_mask(patterns, PATTERNS_L7)[w] &
			~(evidence->pattern_hit[w] | evidence->pattern_out[w]);
	return open;
}

void scan_ahead(const struct inspection *inspection)
{
	__builtin_prefetch(inspection->scan, 1);
	__builtin_prefetch(inspection->scan->sets, 1);
}

size_t scan_bytes(const struct inspection *inspection)
{
	const struct scan_state *state = inspection->scan;

	return state ? bytes_for(state->words) : 0;
}

/* How many have hit or are out. */
static size_t settled(const struct evidence *evidence)
{
	size_t count = 0;

	for (size_t w = 0; w * 64 < evidence->pattern_count; w++) {
		size_t bits = evidence->pattern_count - w * 64;
		uint64_t known = evidence->pattern_hit[w] | evidence->pattern_out[w];

		count += (size_t)__builtin_popcountll(bits < 64 ? known & ~(UINT64_MAX << bits)
								: known);
	}
	return count;
}

void scan_rule_out(struct evidence *evidence)
{
	for (size_t w = 0; w < (evidence->pattern_count + 63) / 64; w++)
		evidence->pattern_out[w] |= ~evidence->pattern_hit[w];
	evidence->patterns_done = true;
}

/* Appends without NUL bytes; how long it is then. Zeros come in runs, or seldom. */
static size_t append(uint8_t *room, size_t filled, const uint8_t *bytes, size_t length)
{
	while (length && filled < FLOW_PREFIX_MAX_BYTES) {
		const uint8_t *nul = memchr(bytes, 0, length);
		size_t part = nul ? (size_t)(nul - bytes) : length, skip = part;

		if (part > FLOW_PREFIX_MAX_BYTES - filled)
			part = FLOW_PREFIX_MAX_BYTES - filled;
		memcpy(room + filled, bytes, part);
		filled += part;
		while (skip < length && !bytes[skip])
			skip++;
		bytes += skip;
		length -= skip;
	}
	return filled;
}

/* Both directions in order of arrival, without NUL bytes. */
static size_t l7_bytes(const struct inspection *inspection, uint8_t *room)
{
	uint32_t at[2] = {0, 0};
	size_t filled = 0;

	for (unsigned r = 0; r < inspection->run_count; r++) {
		unsigned d = inspection->runs[r] & RUN_SERVER ? 1 : 0;
		uint32_t length = inspection->runs[r] & (RUN_SERVER - 1u);

		filled = append(room, filled, inspection->prefix[d].bytes + at[d], length);
		at[d] += length;
	}
	return filled;
}

struct buffer {
	const uint8_t *bytes;
	size_t length;
	uint64_t *never, *seen; /* the flow's, or a datagram's own */
	uint32_t *scanned, *placed;
	uint64_t *candidates; /* who has to be asked */
};

struct scan {
	struct inspection *inspection;
	struct scan_state *state;
	const struct pattern_set *patterns;
	const uint64_t *const *masks; /* the set's, by enum pattern_mask */
	struct pattern_scratch *scratch;
	const struct packet *packet;
	bool side_new[2]; /* this direction has bytes that were not scanned yet */
	bool changed;	  /* somebody has hit or is out */
	bool others;	  /* whose turn it is: those that a rule wants, and the strict ones, */
	bool loose;	  /* the loose ones, or both */
	bool l7_ready;	  /* the scratch's buffer is put together */
	size_t l7_length;
	size_t first;	/* who is asked first */
	uint64_t *any;	/* who has to be asked, in any buffer */
	uint64_t *room; /* BUFFERS sets of candidates, and two of a datagram */
	struct buffer buffers[BUFFERS];
};

static const uint64_t *mask(const struct scan *scan, enum pattern_mask which)
{
	return scan->masks[which];
}

/* ---- who has to be asked ---- */

/* Rules anchored patterns out by the first bytes. */
static void look_at_places(struct scan *scan, struct buffer *buffer)
{
	const uint64_t *placed = mask(scan, PATTERNS_PLACED);
	uint64_t left = 1;

	for (; left && *buffer->placed < buffer->length && *buffer->placed < PATTERN_PLACES;
	     ++*buffer->placed) {
		const uint64_t *fits = pattern_fits(scan->patterns, *buffer->placed,
						    buffer->bytes[*buffer->placed]);

		left = 0;
		for (size_t w = 0; w < scan->state->words; w++) {
			buffer->never[w] |= placed[w] & ~fits[w];
			left |= placed[w] & ~buffer->never[w];
		}
	}
}

/* What the prefilter has not seen in a window that is full is never there. */
static void look_at_windows(struct scan *scan, struct buffer *buffer)
{
	const uint64_t *windowed = mask(scan, PATTERNS_WINDOWED);
	const uint64_t *filtered = mask(scan, PATTERNS_FILTERED);

	if (buffer->length < pattern_first_window(scan->patterns))
		return;
	for (size_t w = 0; w < scan->state->words; w++) {
		uint64_t bits =
			buffer->candidates[w] & windowed[w] & filtered[w] & ~buffer->seen[w];

		for (; bits; bits &= bits - 1) {
			size_t index = w * 64 + (size_t)__builtin_ctzll(bits);

			if (pattern_window_full(scan->patterns, index, buffer->length))
				set_bit(buffer->never, index);
		}
	}
}

/*
 * Whose turn it is in a word: who is wanted or strict, if `others`, and who is loose, if
 * `guessers`. Of a flow that has a name only the wanted ones.
 */
static inline uint64_t whose_turn(const uint64_t *const *masks, size_t word, uint64_t unnamed,
				  uint64_t others, uint64_t guessers)
{
	return ((masks[PATTERNS_WANTED][word] | (masks[PATTERNS_STRICT][word] & unnamed)) &
		others) |
	       (masks[PATTERNS_LOOSE][word] & guessers & unnamed);
}

static void find_candidates(struct scan *scan, unsigned number)
{
	struct buffer *buffer = &scan->buffers[number];
	const struct evidence *evidence = &scan->inspection->evidence;
	const uint64_t *l7 = mask(scan, PATTERNS_L7);
	const uint64_t *filtered = mask(scan, PATTERNS_FILTERED);
	const uint64_t *hits = evidence->pattern_hit, *outs = evidence->pattern_out;
	const uint64_t *never = buffer->never, *seen = buffer->seen;
	const uint64_t others = scan->others ? UINT64_MAX : 0;
	const uint64_t unnamed = evidence->app_count ? 0 : UINT64_MAX;
	const uint64_t guessers = scan->loose ? UINT64_MAX : 0;
	const uint64_t not_l7 = number == BOTH ? 0 : UINT64_MAX;
	const size_t words = scan->state->words;
	uint64_t *candidates = buffer->candidates, *any = scan->any, unseen = 0;

	look_at_places(scan, buffer);
	for (size_t w = 0; w < words; w++) {
		uint64_t turn = whose_turn(scan->masks, w, unnamed, others, guessers);

		candidates[w] = turn & (l7[w] ^ not_l7) & ~(never[w] | hits[w] | outs[w]);
		unseen |= candidates[w] & filtered[w] & ~seen[w];
	}
	if (unseen) {
		pattern_prefilter(scan->patterns, scan->scratch, buffer->bytes, buffer->length,
				  *buffer->scanned, buffer->seen);
		*buffer->scanned = (uint32_t)buffer->length;
		look_at_windows(scan, buffer);
	}
	for (size_t w = 0; w < words; w++) {
		candidates[w] &= (~filtered[w] | seen[w]) & ~never[w];
		any[w] |= candidates[w];
	}
}

/* ---- asking ---- */

static uint64_t candidates(const struct scan *scan, size_t word, enum pattern_mask round)
{
	const struct evidence *evidence = &scan->inspection->evidence;

	if (round != PATTERNS_WANTED && evidence->app_count)
		return 0;
	return scan->any[word] & mask(scan, round)[word] &
	       ~(evidence->pattern_hit[word] | evidence->pattern_out[word]);
}

static void hit(struct scan *scan, size_t index)
{
	struct evidence *evidence = &scan->inspection->evidence;
	bool strict = mask(scan, PATTERNS_STRICT)[index / 64] >> (index % 64) & 1;
	bool names_it = strict && !evidence->app_count;

	scan->changed = true;
	set_bit(evidence->pattern_hit, index);
	push_pattern(scan->inspection, pattern_app(scan->patterns, index));
	if (names_it)
		inspection_settle_by_pattern(scan->inspection);
}

/* False: the allowance is used up. */
static bool ask(struct scan *scan, size_t index)
{
	const uint64_t bit = UINT64_C(1) << (index % 64);

	for (unsigned b = 0; b < BUFFERS; b++) {
		struct buffer *buffer = &scan->buffers[b];
		enum pattern_outcome outcome;

		if (!buffer->length || !(buffer->candidates[index / 64] & bit))
			continue;
		outcome = pattern_scan(scan->patterns, index, scan->scratch, buffer->bytes,
				       buffer->length);
		if (outcome == PATTERN_UNSEEN)
			return false;
		if (mask(scan, PATTERNS_FRESH)[index / 64] & bit)
			buffer->seen[index / 64] &= ~bit;
		if (outcome == PATTERN_NEVER)
			set_bit(buffer->never, index);
		if (outcome == PATTERN_HIT)
			hit(scan, index);
		if (outcome == PATTERN_LIMIT) {
			scan->changed = true;
			set_bit(scan->inspection->evidence.pattern_out, index);
		}
		if (outcome == PATTERN_HIT || outcome == PATTERN_LIMIT)
			break;
	}
	scan->any[index / 64] &= ~bit;
	return true;
}

/* In the order of the set, from `first` on and around. */
static void ask_round(struct scan *scan, enum pattern_mask round)
{
	const size_t words = scan->state->words, word = scan->first / 64;
	const uint64_t from = UINT64_MAX << (scan->first % 64);
	size_t unseen = 0;

	for (size_t i = 0, w = word; i <= words; i++, w = w + 1 < words ? w + 1 : 0) {
		const uint64_t part = i == 0 ? from : i == words ? ~from : UINT64_MAX;
		uint64_t bits = 0;

		while (scan->any[w] && (bits = candidates(scan, w, round) & part) != 0 && !unseen) {
			size_t index = w * 64 + (size_t)__builtin_ctzll(bits);

			if (ask(scan, index))
				continue;
			scan->state->retry = true;
			scan->state->turn = index;
			unseen = 1;
			bits &= bits - 1;
			break;
		}
		if (unseen)
			unseen += (size_t)__builtin_popcountll(bits);
	}
	if (unseen)
		pattern_count_unseen(scan->patterns, unseen);
}

static void scan_buffers(struct scan *scan)
{
	uint64_t any = 0;

	for (size_t w = 0; w < scan->state->words; w++)
		scan->any[w] = 0;
	for (unsigned b = 0; b < BUFFERS; b++)
		if (scan->buffers[b].length)
			find_candidates(scan, b);
	for (size_t w = 0; w < scan->state->words; w++)
		any |= scan->any[w];
	if (any && scan->others) {
		ask_round(scan, PATTERNS_WANTED);
		ask_round(scan, PATTERNS_STRICT);
	}
	if (any && scan->loose)
		ask_round(scan, PATTERNS_LOOSE);
}

/* ---- what is read ---- */

/* The flow's own buffer, with what is known of it. */
static void set_buffer(struct scan *scan, unsigned number, const uint8_t *bytes, size_t length)
{
	struct scan_state *state = scan->state;

	scan->buffers[number] = (struct buffer){
		.bytes = bytes,
		.length = length,
		.never = never_in(state, number),
		.seen = seen_in(state, number),
		.scanned = &state->scanned[number],
		.placed = &state->placed[number],
		.candidates = scan->room + number * state->words,
	};
}

static void set_l7(struct scan *scan)
{
	const struct evidence *evidence = &scan->inspection->evidence;
	const uint64_t *l7 = mask(scan, PATTERNS_L7);
	uint8_t *room = pattern_scratch_buffer(scan->scratch);
	uint64_t open = 0;

	for (size_t w = 0; w < scan->state->words; w++)
		open |= l7[w] & ~(evidence->pattern_hit[w] | evidence->pattern_out[w]);
	if (!open)
		return;
	if (!scan->l7_ready)
		scan->l7_length = l7_bytes(scan->inspection, room);
	scan->l7_ready = true;
	set_buffer(scan, BOTH, room, scan->l7_length);
}

/* Alone, and nothing is kept of it: no datagram refutes what another may hold. */
static void scan_datagram(struct scan *scan, unsigned direction, const uint8_t *bytes,
			  size_t length)
{
	const size_t words = scan->state->words;
	struct buffer *buffer = &scan->buffers[direction];
	uint32_t scanned = 0, placed = 0;

	*buffer = (struct buffer){
		.bytes = bytes,
		.length = length < FLOW_PREFIX_MAX_BYTES ? length : FLOW_PREFIX_MAX_BYTES,
		.never = scan->room + BUFFERS * words,
		.seen = scan->room + (BUFFERS + 1) * words,
		.scanned = &scanned,
		.placed = &placed,
		.candidates = scan->room + direction * words,
	};
	for (size_t w = 0; w < words; w++) {
		buffer->never[w] = never_in(scan->state, direction)[w];
		buffer->seen[w] = 0;
	}
	scan_buffers(scan);
	buffer->length = 0;
}

static void scan_datagrams(struct scan *scan, bool all)
{
	struct inspection *inspection = scan->inspection;
	const struct packet *packet = scan->packet;
	uint32_t at[2] = {0, 0};

	for (unsigned d = 0; d < 2 && !all; d++) /* the newest alone, straight from the packet */
		if (scan->side_new[d])
			scan_datagram(scan, d, packet->payload, packet->payload_captured);
	for (unsigned r = 0; all && r < inspection->run_count; r++) {
		unsigned d = inspection->runs[r] & RUN_SERVER ? 1 : 0;
		uint32_t length = inspection->runs[r] & (RUN_SERVER - 1u);

		scan_datagram(scan, d, inspection->prefix[d].bytes + at[d], length);
		at[d] += length;
	}
}

/* What no buffer can bring any more. */
static void take_nevers(struct scan *scan)
{
	struct scan_state *state = scan->state;
	const uint64_t *l7 = mask(scan, PATTERNS_L7), *both = never_in(state, BOTH);
	const uint64_t *client = never_in(state, 0), *server = never_in(state, 1);
	const uint64_t *hits = scan->inspection->evidence.pattern_hit;
	uint64_t *out = scan->inspection->evidence.pattern_out;

	for (size_t w = 0; w < state->words; w++) {
		uint64_t more = ((client[w] & server[w] & ~l7[w]) | (both[w] & l7[w])) &
				~(hits[w] | out[w]);

		scan->changed |= more != 0;
		out[w] |= more;
	}
}

static void scan_turn(struct scan *scan, bool others, bool loose, bool all)
{
	struct inspection *inspection = scan->inspection;

	scan->others = others;
	scan->loose = loose;
	for (unsigned b = 0; b < BUFFERS; b++)
		scan->buffers[b].length = 0;
	if (!inspection->stream)
		scan_datagrams(scan, all);
	for (unsigned d = 0; d < 2 && inspection->stream; d++)
		if (scan->side_new[d] || all)
			set_buffer(scan, d, inspection->prefix[d].bytes,
				   inspection->prefix[d].contiguous);
	if (scan->side_new[0] || scan->side_new[1] || all)
		set_l7(scan);
	if (inspection->stream || scan->buffers[BOTH].length)
		scan_buffers(scan);
}

/* Of the candidates, those that the prefilter does not speak of, or has seen before. */
static uint64_t who_must_be_asked(const uint64_t *candidates, const uint64_t *const *masks,
				  const uint64_t *seen, size_t words)
{
	uint64_t out = 0;

	for (size_t w = 0; w < words; w++)
		out |= candidates[w] & (~masks[PATTERNS_FILTERED][w] | seen[w]);
	return out;
}

/*
 * What most packets of an undecided flow come to: nobody is left but patterns that the prefilter
 * speaks of, and it sees none of them. So this looks, for all at once, whether anybody else is
 * left; false: the long way, which finds what is noted here of a stream.
 */
static bool nobody_is_seen(struct inspection *inspection, const struct pattern_set *patterns,
			   struct pattern_scratch *scratch, unsigned direction,
			   const struct packet *packet)
{
	const struct evidence *evidence = &inspection->evidence;
	const struct flow_prefix *prefix = &inspection->prefix[direction];
	const uint64_t *const *masks = pattern_masks(patterns);
	struct scan_state *state = inspection->scan;
	const bool stream = inspection->stream;
	const size_t words = state->words;
	const uint8_t *bytes = stream ? prefix->bytes : packet->payload;
	const size_t length = stream ? prefix->contiguous : packet->payload_captured;
	const bool windows = stream && length >= pattern_first_window(patterns);
	const uint64_t unnamed = evidence->app_count ? 0 : UINT64_MAX;
	const uint64_t guessers = inspection->guessed ? UINT64_MAX : 0;
	uint64_t *candidates = pattern_scratch_words(scratch, 2 * words), *seen, any = 0;

	if (!candidates || length > FLOW_PREFIX_MAX_BYTES)
		return false;
	seen = stream ? seen_in(state, direction) : candidates + words;
	for (size_t w = 0; w < words; w++) {
		uint64_t l7 = masks[PATTERNS_L7][w];
		uint64_t turn = whose_turn(masks, w, unnamed, UINT64_MAX, guessers) &
				~(evidence->pattern_hit[w] | evidence->pattern_out[w]);

		candidates[w] = turn & ~l7 & ~never_in(state, direction)[w];
		if ((turn & l7 & ~never_in(state, BOTH)[w]) ||
		    (windows && (candidates[w] & masks[PATTERNS_WINDOWED][w])))
			return false;
		if (!stream)
			seen[w] = 0;
		any |= candidates[w];
	}
	for (unsigned place = 0; who_must_be_asked(candidates, masks, seen, words); place++) {
		const uint64_t *fits;

		if (stream || place == PATTERN_PLACES || place == length)
			return false;
		fits = pattern_fits(patterns, place, bytes[place]);
		any = 0;
		for (size_t w = 0; w < words; w++)
			any |= candidates[w] &= ~masks[PATTERNS_PLACED][w] | fits[w];
	}
	if (!any)
		return true;
	pattern_prefilter(patterns, scratch, bytes, length, stream ? state->scanned[direction] : 0,
			  seen);
	if (stream)
		state->scanned[direction] = (uint32_t)length;
	return !who_must_be_asked(candidates, masks, seen, words);
}

bool scan_patterns(struct inspection *inspection, const struct pattern_set *patterns,
		   struct pattern_scratch *scratch, const bool side_new[2],
		   const struct packet *packet)
{
	struct evidence *evidence = &inspection->evidence;
	struct scan_state *state = inspection->scan;
	const bool all = inspection->rescan || state->retry;
	const bool guess = evidence->apps_done && !inspection->built_in && !inspection->guessed;
	int64_t allowance = state->steps < PACKET_STEPS ? state->steps : PACKET_STEPS;
	struct scan scan;

	if (!all && !guess && side_new[0] != side_new[1] &&
	    nobody_is_seen(inspection, patterns, scratch, side_new[1], packet))
		return false;
	scan.any = pattern_scratch_words(scratch, (BUFFERS + 3) * state->words);
	if (!scan.any)
		return false;
	/* the buffers are set when they are read, and need no clearing */
	scan.inspection = inspection;
	scan.state = state;
	scan.patterns = patterns;
	scan.masks = pattern_masks(patterns);
	scan.scratch = scratch;
	scan.packet = packet;
	scan.side_new[0] = side_new[0];
	scan.side_new[1] = side_new[1];
	scan.changed = scan.l7_ready = false;
	scan.first = state->retry ? state->turn : 0;
	scan.room = scan.any + state->words;
	inspection->rescan = state->retry = false;
	pattern_scratch_allow(scratch, allowance);
	/* the loose ones once by themselves, to see all that there is; then with the others */
	scan_turn(&scan, true, inspection->guessed, all);
	if (evidence->apps_done && !inspection->built_in && !inspection->guessed) {
		scan_turn(&scan, false, true, true);
		inspection->guessed = true;
	}
	state->steps -= allowance - pattern_scratch_allowance(scratch);
	take_nevers(&scan);
	if (state->steps <= 0) {
		pattern_count_unseen(patterns, evidence->pattern_count - settled(evidence));
		scan_rule_out(evidence);
		scan.changed = true;
	}
	if (scan.changed)
		settle_patterns(inspection, patterns);
	return scan.changed;
}
