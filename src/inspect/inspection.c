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
 * Patterns read the same bytes (scan.c), after the inspectors and on the same packet. A
 * strict one that names a flow which no inspector has claimed ends their search.
 *
 * Datagrams have no layers, but one protocol may prepare another's way on the same ports: STUN,
 * then DTLS. The first is named, and its follower goes on to be asked.
 *
 * Protocols of IP itself, ESP and AH, are claimed by their number: it is what the header says.
 */
#include <waymark/inspect.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "inspection.h"
#include "pattern.h"

#define BUSY_FACTOR 4

_Static_assert(LIVING_WORDS <= EVIDENCE_BUILTIN_WORDS,
	       "more inspectors than evidence has bits for");

/* Who speaks over which transport, by enum inspect_transport. */
static uint64_t speakers[INSPECT_UDP + 1][LIVING_WORDS];
/* Who has no bytes of its own to read: a stream's inspector names it (note->above). */
static uint64_t named_only[LIVING_WORDS];
/* Who may give a name, an ALPN name, or tell of an inner protocol, by transport. */
static uint64_t name_givers[INSPECT_UDP + 1][LIVING_WORDS],
	alpn_givers[INSPECT_UDP + 1][LIVING_WORDS];
static uint64_t carriers[LIVING_WORDS];
/* Whom to ask, side by side: the inspectors themselves lie all over the memory. */
static inspect_stream_fn *ask_stream[INSPECTOR_COUNT];
static inspect_datagram_fn *ask_datagram[INSPECTOR_COUNT];
static uint64_t state_keepers[LIVING_WORDS];
/* Who may begin so: a stream by its first byte and whose that is, a datagram by its first byte. */
static uint64_t stream_begins[2][256][LIVING_WORDS];
static uint64_t datagram_begins[256][LIVING_WORDS];
static pthread_once_t speakers_once = PTHREAD_ONCE_INIT;

/*
 * A stream's inspector says "no" as soon as the bytes rule its protocol out, and means it whatever
 * comes (inspector.h). So it is asked once for all what it says of each first byte.
 */
static void find_stream_begins(size_t index)
{
	struct evidence evidence = {0}; /* who says "no" leaves it alone */

	for (unsigned d = 0; d < 2; d++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			const uint8_t bytes[2] = {(uint8_t)byte};
			struct inspect_stream stream = {.bytes = {bytes + 1, bytes + 1}};
			struct inspect_note note = {0};

			stream.bytes[d] = bytes;
			stream.length[d] = 1;
			if (ask_stream[index](&stream, &evidence, &note) != INSPECT_NO)
				stream_begins[d][byte][index / 64] |= UINT64_C(1) << (index % 64);
		}
	}
}

/* A short datagram is no beginning of a longer one, so here the inspector itself tells. */
static void find_datagram_begins(size_t index)
{
	const struct inspector *inspector = inspect_table[index];

	for (unsigned byte = 0; byte < 256; byte++)
		if (inspector_may_begin(inspector, (uint8_t)byte))
			datagram_begins[byte][index / 64] |= UINT64_C(1) << (index % 64);
}

static void find_speakers(void)
{
	for (size_t i = 0; i < INSPECTOR_COUNT; i++) {
		uint64_t bit = UINT64_C(1) << (i % 64);

		ask_stream[i] = inspect_table[i]->stream;
		ask_datagram[i] = inspect_table[i]->datagram;
		if (inspect_table[i]->state_free)
			state_keepers[i / 64] |= bit;
		if (ask_stream[i]) {
			speakers[INSPECT_TCP][i / 64] |= bit;
			find_stream_begins(i);
		}
		if (ask_datagram[i]) {
			speakers[INSPECT_UDP][i / 64] |= bit;
			find_datagram_begins(i);
		}
		if (!inspect_table[i]->stream && !inspect_table[i]->datagram)
			named_only[i / 64] |= bit;
		if (inspect_table[i]->carries)
			carriers[i / 64] |= bit;
		for (unsigned transport = INSPECT_TCP; transport <= INSPECT_UDP; transport++) {
			uint8_t given = transport == INSPECT_TCP ? inspect_table[i]->gives_tcp
								 : inspect_table[i]->gives_udp;

			name_givers[transport][i / 64] |= given & INSPECT_HOST ? bit : 0;
			alpn_givers[transport][i / 64] |= given & INSPECT_ALPN ? bit : 0;
		}
	}
}

static bool lives(const struct inspection *inspection, size_t index)
{
	return inspection->living[index / 64] >> (index % 64) & 1;
}

static void dies(struct inspection *inspection, size_t index)
{
	inspection->living[index / 64] &= ~(UINT64_C(1) << (index % 64));
}

void inspection_prepare(void)
{
	pthread_once(&speakers_once, find_speakers);
}

static void ask_all(struct inspection *inspection)
{
	inspection_prepare();
	memcpy(inspection->living, speakers[inspection->transport], sizeof(inspection->living));
}

/* Whatever follows from the inspectors' states. */
static void settle(struct inspection *inspection)
{
	struct evidence *evidence = &inspection->evidence;
	const uint64_t *living = inspection->living;
	const uint64_t *names = name_givers[inspection->transport];
	const uint64_t *alpns = alpn_givers[inspection->transport];
	uint64_t any = 0, carry = inspection->carrier, name = 0, alpn = 0;
	bool open = inspection->carrier;

	for (size_t word = 0; word < LIVING_WORDS; word++) {
		any |= living[word];
		carry |= living[word] & carriers[word];
		name |= living[word] & names[word];
		alpn |= living[word] & alpns[word];
	}
	if (any && !inspection->claimed)
		open = true;
	else if (any && inspection->heir)
		open |= lives(inspection, inspection->heir - 1u);
	evidence->apps_done |= !open;
	for (size_t word = 0; !carry && word < LIVING_WORDS; word++) {
		if (~living[word] & ~evidence->apps_out[word])
			inspection->outs++;
		evidence->apps_out[word] |= ~living[word];
	}
	evidence->host_done |= evidence->host_source != HOST_SOURCE_NONE || !name;
	evidence->alpn_done |= evidence->alpn_length > 0 || !alpn;
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

/* What a layer has named as its content. */
static void push_above(struct inspection *inspection, const struct inspector *above)
{
	for (size_t i = 0; i < INSPECTOR_COUNT; i++)
		if (inspect_table[i] == above)
			push_builtin(inspection, (uint16_t)(i + 1));
}

/* Protocols without ports and streams. */
static void claim_by_ip(struct inspection *inspection, uint8_t proto)
{
	for (size_t i = 0; i < INSPECTOR_COUNT && !inspection->transport; i++)
		for (unsigned p = 0; p < 2 && inspect_table[i]->ip_protocols[p]; p++)
			if (inspect_table[i]->ip_protocols[p] == proto)
				push_builtin(inspection, (uint16_t)(i + 1));
}

static void count_bytes(struct inspection *inspection)
{
	size_t states = 0;

	for (unsigned i = 0; i < STATES_MAX; i++)
		if (inspection->states[i].state)
			states += inspect_table[inspection->states[i].inspector - 1]->state_bytes(
				inspection->states[i].state);
	inspection->held_bytes =
		(uint32_t)(sizeof(*inspection) + states + inspection->prefix[0].capacity +
			   inspection->prefix[1].capacity + scan_bytes(inspection) +
			   (inspection->runs == inspection->first_runs
				    ? 0
				    : inspection->run_capacity * sizeof(uint16_t)));
}

struct inspection *inspection_new(const struct flow *flow, const struct packet *first,
				  const struct pattern_set *patterns, struct pool *pool)
{
	struct inspection *inspection = pool_take(pool, sizeof(*inspection));
	bool datagrams = false;

	if (!inspection)
		return NULL;
	memset(inspection, 0, sizeof(*inspection)); /* which is an empty prefix, too */
	inspection->pool = inspection->prefix[0].pool = inspection->prefix[1].pool = pool;
	inspection->runs = inspection->first_runs;
	inspection->run_capacity = FIRST_RUNS;
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
	if (!scan_attach(inspection, patterns)) {
		inspection_free(inspection);
		return NULL;
	}
	ask_all(inspection);
	for (size_t word = 0; word < LIVING_WORDS; word++)
		inspection->evidence.apps_out[word] =
			~(inspection->living[word] | (inspection->stream ? named_only[word] : 0));
	claim_by_ip(inspection, flow->key.proto);
	settle(inspection);
	if (!inspection->stream && !datagrams)
		inspection_close(inspection);
	count_bytes(inspection);
	return inspection;
}

/* Where the inspector keeps its state of this flow; NULL: all places are taken. */
static void **state_of(struct inspection *inspection, size_t index)
{
	unsigned free_place = STATES_MAX;

	for (unsigned i = 0; i < STATES_MAX; i++) {
		if (inspection->states[i].inspector == index + 1)
			return &inspection->states[i].state;
		if (!inspection->states[i].inspector && free_place == STATES_MAX)
			free_place = i;
	}
	if (free_place == STATES_MAX)
		return NULL;
	inspection->states[free_place].inspector = (uint16_t)(index + 1);
	return &inspection->states[free_place].state;
}

/* What inspectors that will not be asked again have kept; `all`: the others' too. */
static void free_states(struct inspection *inspection, bool all)
{
	for (unsigned i = 0; i < STATES_MAX; i++) {
		uint16_t inspector = inspection->states[i].inspector;

		if (!inspector || (!all && lives(inspection, inspector - 1u)))
			continue;
		if (inspection->states[i].state)
			inspect_table[inspector - 1]->state_free(inspection->states[i].state);
		inspection->states[i].inspector = 0;
		inspection->states[i].state = NULL;
	}
}

void inspection_free(struct inspection *inspection)
{
	if (!inspection)
		return;
	free_states(inspection, true);
	flow_prefix_release(&inspection->prefix[0]);
	flow_prefix_release(&inspection->prefix[1]);
	if (inspection->runs != inspection->first_runs)
		free(inspection->runs);
	scan_detach(inspection);
	pool_give(inspection->pool, inspection, sizeof(*inspection));
}

/* ---- inspectors ---- */

/* The layer has been claimed by the inspector at `index`: it rules all but its follower out. */
static void claim(struct inspection *inspection, size_t index)
{
	const struct inspector *follower = inspect_table[index]->follower;
	size_t heir = follower ? 0 : INSPECTOR_COUNT;

	while (heir < INSPECTOR_COUNT &&
	       (inspect_table[heir] != follower || !lives(inspection, heir)))
		heir++;
	inspection->claimed = true;
	push_builtin(inspection, (uint16_t)(index + 1));
	memset(inspection->living, 0, sizeof(inspection->living));
	inspection->living[index / 64] = UINT64_C(1) << (index % 64);
	inspection->heir = 0;
	if (heir < INSPECTOR_COUNT) {
		inspection->living[heir / 64] |= UINT64_C(1) << (heir % 64);
		inspection->heir = (uint16_t)(heir + 1);
	}
	inspection->busy = false;
}

/*
 * What follows from an answer that is not "no", or that a claimer gave. True: the layer carries
 * another.
 */
static __attribute__((noinline)) bool take_answer(struct inspection *inspection, size_t index,
						  enum inspect_status status,
						  const struct inspect_note *note)
{
	bool settled = inspection->claimed && inspection->heir != index + 1;

	if (settled && status < INSPECT_MINE)
		status = INSPECT_MINE; /* what was claimed stays claimed */
	if (status >= INSPECT_MINE && !settled)
		claim(inspection, index);
	if (status >= INSPECT_MINE && note->above && !inspection->evidence.apps_done)
		push_above(inspection, note->above);
	if (status == INSPECT_DONE)
		dies(inspection, index);
	if (status == INSPECT_DONE && note->inner)
		return true;
	inspection->busy |= note->busy && status != INSPECT_DONE;
	inspection->carrier |= note->carrier && status == INSPECT_MINE;
	return false;
}

/* Takes back the names that a claim brought which does not count. */
static void forget_names(struct evidence *evidence, bool had_host, bool had_alpn)
{
	if (!had_host) {
		evidence->host_length = evidence->host_source = 0;
		evidence->host_beyond = false;
		evidence->host[0] = '\0';
	}
	if (!had_alpn)
		evidence->alpn_length = 0;
}

/*
 * Asks all who are not settled. True: the layer carries another, from note->inner_at on. `latest`:
 * whose bytes a stream has got since it was last asked about; NULL: nobody's.
 */
static bool inspect(struct inspection *inspection, const struct inspect_stream *stream,
		    const enum flow_direction *latest, const struct inspect_datagram *datagram,
		    struct inspect_note *note)
{
	struct evidence *evidence = &inspection->evidence;
	/* what is seen from the middle depends on the segments anyway, and all are asked of it */
	const bool contest = latest && !inspection->claimed && !inspection->midstream;
	const bool had_host = evidence->host_source != HOST_SOURCE_NONE,
		   had_alpn = evidence->alpn_length;

	inspection->busy = inspection->carrier = false;
	for (size_t word = 0; word < LIVING_WORDS; word++) {
		uint64_t *living = &inspection->living[word];

		for (uint64_t turn = *living, bit; turn; turn = (turn ^ bit) & *living) {
			size_t i = word * 64 + (size_t)__builtin_ctzll(turn), first = i;
			enum inspect_status status = INSPECT_NO;
			void **state = NULL;

			bit = turn & -turn;
			if (stream) {
				memset(note, 0, sizeof(*note));
				status = ask_stream[i](stream, evidence, note);
			} else if (!(state_keepers[word] & bit) ||
				   (state = state_of(inspection, i))) {
				status = ask_datagram[i](datagram, state, evidence);
			}
			if (contest && status >= INSPECT_MINE && !inspection->claimed)
				first = contest_claim(inspection, stream, i, *latest);
			if (first != i) { /* all the others are out */
				forget_names(evidence, had_host, had_alpn);
				memset(note, 0, sizeof(*note));
				status = ask_stream[first](stream, evidence, note);
				return take_answer(inspection, first, status, note) &&
				       inspect_table[first]->carries;
			}
			if (status == INSPECT_NO &&
			    (!inspection->claimed || inspection->heir == i + 1))
				*living &= ~bit; /* what most of them say */
			else if (take_answer(inspection, i, status, note))
				return inspect_table[i]->carries;
		}
	}
	return false;
}

/*
 * Nobody need be asked who would say "no" to the first byte of a flow. What the other side's first
 * byte rules out depends on what it answers, and what an inner layer's does, on the outer one.
 */
static void look_at_beginning(struct inspection *inspection, const struct inspect_stream *stream)
{
	unsigned side = stream->length[FLOW_FROM_SERVER] ? FLOW_FROM_SERVER : FLOW_FROM_CLIENT;

	inspection->begun = true;
	if (stream->midstream || stream->last || (stream->length[0] && stream->length[1]) ||
	    !stream->length[side])
		return;
	for (size_t word = 0; word < LIVING_WORDS; word++)
		inspection->living[word] &= stream_begins[side][stream->bytes[side][0]][word];
}

/* Another protocol begins inside. False: not to be looked for. */
static bool descend(struct inspection *inspection, const struct inspect_note *note)
{
	if (inspection->evidence.apps_done || inspection->layer + 1 == EVIDENCE_LAYERS)
		return false;
	if (note->tunnel && !inspection->evidence.app_own)
		inspection->evidence.app_own = inspection->built_in;
	inspection->layer++;
	inspection->claimed = false;
	for (unsigned d = 0; d < 2; d++)
		inspection->begin[d] += note->inner_at[d];
	ask_all(inspection);
	return true;
}

/*
 * `latest`: whose bytes have just come, NULL: nobody's. What the other side had sent of an inner
 * layer was there before them, and is shown first, or the answer would depend on whether they
 * came with the end of the outer one or behind it.
 */
static void inspect_streams(struct inspection *inspection, const enum flow_direction *latest,
			    bool last)
{
	static const uint8_t no_bytes;
	struct inspect_stream stream, before;
	struct inspect_note note;
	bool carries, began = false;

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
			/* never NULL, so that nobody must ask before adding to it */
			stream.bytes[d] =
				stream.length[d] ? prefix->bytes + inspection->begin[d] : &no_bytes;
		}
		carries = false;
		if (began && latest && stream.length[0] && stream.length[1]) {
			before = stream;
			before.length[*latest] = 0;
			carries = inspect(inspection, &before, NULL, NULL, &note);
		}
		if (!inspection->begun)
			look_at_beginning(inspection, &stream);
		carries = carries || inspect(inspection, &stream, latest, NULL, &note);
		began = true;
	} while (carries && descend(inspection, &note));
	settle(inspection);
	/* two protocols take more packets than one */
	inspection->busy |=
		inspection->layer && !inspection->claimed && !inspection->evidence.apps_done;
}

/* False: there is nobody to ask. */
static bool inspect_packet(struct inspection *inspection, enum flow_direction direction,
			   const struct packet *packet)
{
	struct inspect_earlier earlier[EARLIER_MAX];
	struct inspect_datagram datagram = {
		.bytes = packet->payload,
		.captured = packet->payload_captured,
		.length = packet->payload_length,
		.direction = direction,
		.client_port = inspection->client_port,
		.server_port = inspection->server_port,
		.earlier = earlier,
	};
	struct inspect_note note = {0}; /* datagrams carry nothing */

	if (!packet->payload_captured || next_living(inspection, 0) == INSPECTOR_COUNT)
		return false;
	if (!inspection->claimed) {
		for (size_t word = 0; word < LIVING_WORDS; word++)
			inspection->living[word] &= datagram_begins[packet->payload[0]][word];
		datagram.earlier_count = kept_earlier(inspection, earlier);
	}
	inspect(inspection, NULL, NULL, &datagram, &note);
	free_states(inspection, false);
	settle(inspection);
	return true;
}

/* No inspector gets any more bytes; closing twice changes nothing. */
static void close_inspectors(struct inspection *inspection, bool last)
{
	if (inspection->stream && last)
		inspect_streams(inspection, NULL, true);
	memset(inspection->living, 0, sizeof(inspection->living));
	inspection->busy = inspection->carrier = false;
	free_states(inspection, false);
	settle(inspection);
}

void inspection_settle_by_pattern(struct inspection *inspection)
{
	close_inspectors(inspection, false);
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

/* All that a caller can see of the evidence, but the patterns: another number when it changed. */
static inline uint64_t digest(const struct inspection *inspection)
{
	const struct evidence *evidence = &inspection->evidence;

	return (uint64_t)evidence->app_count | (uint64_t)evidence->app_own << 4 |
	       (uint64_t)evidence->host_source << 8 | (uint64_t)evidence->alpn_length << 16 |
	       (uint64_t)evidence->apps_done << 32 | (uint64_t)evidence->host_done << 33 |
	       (uint64_t)evidence->alpn_done << 34 | (uint64_t)evidence->patterns_done << 35 |
	       (uint64_t)inspection->outs << 36;
}

bool inspection_feed(struct inspection *inspection, const struct flow *flow,
		     enum flow_direction direction, const struct packet *packet,
		     const struct pattern_set *patterns, struct pattern_scratch *scratch,
		     const struct inspect_limits *limits)
{
	struct evidence *evidence = &inspection->evidence;
	uint64_t before = digest(inspection);
	bool changed = false, asked = false, kept = true, limit;
	const bool rescan = inspection->rescan;
	bool side_new[2] = {false, false};

	/* unknown to all: a pattern that keeps nothing open may tell, as long as somebody asks */
	if (inspection->closed || (all_done(evidence) && evidence->app_count) ||
	    (!packet->payload_length && !rescan))
		return false;
	if (packet->payload_length) {
		inspection->packets++;
		inspection->bytes += packet->payload_length;
		if (!inspection->stream)
			asked = inspect_packet(inspection, direction, packet);
		/* what told all there is to know need not be kept; the rest is for patterns */
		if (!all_done(evidence) || !evidence->app_count)
			side_new[direction] =
				inspection->stream ? kept_add(inspection, flow, direction, packet)
						   : kept_add_datagram(inspection, flow, direction,
								       packet, patterns, &kept);
		if (inspection->stream && side_new[direction])
			inspect_streams(inspection, &direction, false);
	}
	limit = at_limit(inspection, limits);
	if (limit)
		close_inspectors(inspection, true);
	if (patterns && scratch && evidence->pattern_count &&
	    evidence->pattern_count == pattern_count(patterns) &&
	    (side_new[0] || side_new[1] || rescan || limit))
		changed = scan_patterns(inspection, patterns, scratch, side_new, packet);
	if (!kept && scan_wants_past(inspection, patterns)) /* some were not asked */
		kept = kept_add(inspection, flow, direction, packet);
	if (asked || kept)
		count_bytes(inspection);
	if (limit)
		inspection_close(inspection);
	return changed || digest(inspection) != before;
}

bool inspection_finish(struct inspection *inspection, const struct pattern_set *patterns,
		       struct pattern_scratch *scratch)
{
	static const struct packet nothing;
	static const bool no_side[2];
	struct evidence *evidence = &inspection->evidence;
	uint64_t before = digest(inspection);

	if (inspection->closed)
		return false;
	/* a message with a hole that nothing filled is not read for what is left of it */
	close_inspectors(inspection,
			 !inspection->prefix[0].range_count && !inspection->prefix[1].range_count);
	if (patterns && scratch && evidence->pattern_count &&
	    evidence->pattern_count == pattern_count(patterns))
		scan_patterns(inspection, patterns, scratch, no_side, &nothing);
	inspection_close(inspection);
	return digest(inspection) != before;
}

bool inspection_is_closed(const struct inspection *inspection)
{
	return inspection->closed;
}

void inspection_close(struct inspection *inspection)
{
	if (inspection->closed)
		return;
	inspection->closed = true;
	close_inspectors(inspection, true);
	scan_rule_out(&inspection->evidence);
}

void inspection_rebase(struct inspection *inspection, const struct pattern_set *patterns)
{
	scan_attach(inspection, patterns); /* out of memory: no pattern holds for this flow */
	inspection->guessed = false;
	if (inspection->closed)
		scan_rule_out(&inspection->evidence);
	else
		inspection->rescan = inspection->evidence.pattern_count > 0;
	count_bytes(inspection);
}

/* True if a packet's bytes will most likely be kept. */
static bool keeps(const struct inspection *inspection)
{
	return inspection->stream || next_living(inspection, 0) != INSPECTOR_COUNT;
}

void inspection_ahead(const struct inspection *inspection, unsigned step)
{
	/* the side that speaks most often first; whose turn it is, is not known here */
	const struct flow_prefix *prefix = &inspection->prefix[FLOW_FROM_CLIENT];

	switch (step) {
	case 0:
		__builtin_prefetch(inspection, 1);
		__builtin_prefetch((const char *)inspection + 64, 1);
		__builtin_prefetch(&inspection->evidence.host, 1);
		break;
	case 1:
		if (inspection->scan)
			scan_ahead(inspection);
		if (keeps(inspection)) {
			__builtin_prefetch(prefix, 1);
			__builtin_prefetch(&inspection->runs, 1);
		}
		break;
	default:
		if (keeps(inspection) && prefix->capacity)
			__builtin_prefetch(prefix->bytes + prefix->contiguous, 1);
		break;
	}
}

const struct evidence *inspection_evidence(const struct inspection *inspection)
{
	return &inspection->evidence;
}

size_t inspection_bytes(const struct inspection *inspection)
{
	return inspection->held_bytes;
}
