/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inspection - what inspection.c, which asks the inspectors, and scan.c, which asks the patterns,
 * share. */
#ifndef INSPECT_INSPECTION_H
#define INSPECT_INSPECTION_H

#include <waymark/inspect.h>

#include "inspector.h"

#define RUN_SERVER 0x8000 /* direction bit of a run; the rest is its length */
#define FIRST_RUNS 16	  /* as many as flows are looked at for, usually */
#define STATES_MAX 4	  /* inspectors that keep something of one flow at the same time */
#define EARLIER_MAX 64	  /* datagrams that an inspector is shown again */
#define LIVING_WORDS ((INSPECTOR_COUNT + 63) / 64)

/* By use: a packet of an undecided flow that tells nothing needs what stands before the names. */
struct inspection {
	uint64_t bytes;
	uint32_t packets;
	uint16_t client_port, server_port;
	uint8_t transport; /* enum inspect_transport, 0: for patterns only */
	bool stream;
	bool midstream;
	bool closed;
	bool begun;	  /* the flow's first byte has been looked at */
	bool claimed;	  /* the layer, by a built-in inspector */
	uint8_t layer;	  /* how many protocols lie below the one that is sought */
	uint8_t built_in; /* how many of the evidence's apps are; they lie lowest */
	bool busy;
	bool carrier;	     /* the claimed protocol may turn out to carry another */
	bool rescan;	     /* the patterns are new, the bytes are not */
	bool guessed;	     /* patterns that no rule wants have seen the bytes so far */
	uint16_t heir;	     /* the claimer's follower, still asked: its index plus one; 0: none */
	uint16_t outs;	     /* how often somebody was found to be out */
	uint32_t held_bytes; /* of memory, all in all */
	uint32_t shown[2];   /* bytes of datagrams that patterns were shown, by direction */
	struct pool *pool;   /* of the worker; NULL: malloc() */
	struct scan_state *scan; /* what the patterns know of this flow (scan.c); NULL: none */
	/* who is still asked: MORE while the layer is unclaimed, MINE once it is claimed */
	uint64_t living[LIVING_WORDS];
	struct evidence evidence;
	uint32_t begin[2]; /* of the layer, in each direction */
	struct flow_prefix prefix[2];
	struct {
		uint16_t inspector; /* its index plus one; 0: free */
		void *state;
	} states[STATES_MAX]; /* the datagram inspectors' own */
	/* the order in which bytes became contiguous: each a length, with RUN_SERVER */
	uint16_t run_count, run_capacity;
	uint16_t *runs; /* first_runs, as long as they do */
	uint16_t first_runs[FIRST_RUNS];
};

/* The first living inspector from `index` on; INSPECTOR_COUNT: none. */
static inline size_t next_living(const struct inspection *inspection, size_t index)
{
	size_t word = index / 64;
	uint64_t bits;

	if (index >= INSPECTOR_COUNT)
		return INSPECTOR_COUNT;
	bits = inspection->living[word] & UINT64_MAX << (index % 64);
	while (!bits && ++word < LIVING_WORDS)
		bits = inspection->living[word];
	return bits ? word * 64 + (size_t)__builtin_ctzll(bits) : INSPECTOR_COUNT;
}

/*
 * The flow is claimed by `first`, and by nobody who was asked before him; `side` has sent the
 * latest bytes. Who of those still asked has the proof that ends first (contest.c).
 */
size_t contest_claim(const struct inspection *inspection, const struct inspect_stream *stream,
		     size_t first, unsigned side);

/* How many more bytes of the direction are contiguous now (kept.c). */
uint32_t kept_add(struct inspection *inspection, const struct flow *flow,
		  enum flow_direction direction, const struct packet *packet);
/*
 * False: patterns were shown enough of this direction. A datagram is kept for whoever may ask for
 * it later, as `*kept` tells; where that is only a policy of the future, the first ones are.
 */
bool kept_add_datagram(struct inspection *inspection, const struct flow *flow,
		       enum flow_direction direction, const struct packet *packet,
		       const struct pattern_set *patterns, bool *kept);
/* The flow's datagrams before this one, as far as they were kept; how many. */
unsigned kept_earlier(const struct inspection *inspection,
		      struct inspect_earlier earlier[EARLIER_MAX]);

/* Against this set from now on; false when out of memory: then there are no patterns for this flow.
 */
bool scan_attach(struct inspection *inspection, const struct pattern_set *patterns);
/* Against none, and its memory is given back. */
void scan_detach(struct inspection *inspection);
/*
 * Lets the patterns see what is new: `side_new`, by direction, and `packet`, which brought it. True
 * when any of them hit or is out.
 */
bool scan_patterns(struct inspection *inspection, const struct pattern_set *patterns,
		   struct pattern_scratch *scratch, const bool side_new[2],
		   const struct packet *packet);
/* True if patterns may yet want the bytes of datagrams that they were shown before. */
bool scan_wants_past(const struct inspection *inspection, const struct pattern_set *patterns);
/* A hint: scan_patterns() comes soon. */
void scan_ahead(const struct inspection *inspection);
/* Heap bytes of what the patterns know. */
size_t scan_bytes(const struct inspection *inspection);
/* No pattern can match any more. */
void scan_rule_out(struct evidence *evidence);
/* A strict pattern has named the flow: no inspector is asked any more (inspection.c). */
void inspection_settle_by_pattern(struct inspection *inspection);

#endif
