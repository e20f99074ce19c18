/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow - the flow table of one worker, and the bounded stream prefix of a flow.
 *
 * A flow is a 5-tuple in both directions; its client is the sender of the first
 * packet seen. Packets without ports (ICMP, fragments, ESP) make a flow of
 * (addresses, protocol). ICMP echo is one flow per address pair.
 *
 * Bounds: `max` entries, reserved at init (the pages are touched as they are
 * used, or by flow_table_populate()): FLOW_BYTES each, 8 more for the index, and while a flow is
 * undecided 24 for what only such a flow has. When full, the least recently seen undecided flow
 * goes first, then the least recently seen of the next FLOW_EVICT_LOOKS decided ones. Nothing else
 * allocates but what the owner keeps as pending, or numbers as info.
 * Expiry: by idle time per protocol class, from packet time alone, so that
 * replay and live agree; a packet on a flow idle for longer begins a new flow. An idle flow that no
 * packet comes to leaves within FLOW_SWEEP_S, in which flow_table_expire() looks at every entry.
 * A SYN with another initial sequence number, on a flow of the same tuple and from
 * either side, begins a new flow (port reuse).
 * Threads: a table belongs to one worker.
 */
#ifndef WAYMARK_FLOW_H
#define WAYMARK_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/hash.h>
#include <waymark/packet.h>
#include <waymark/pool.h>

/* ---- stream prefix: the first bytes of one direction, in order, whatever the arrival ---- */

#define FLOW_PREFIX_MAX_BYTES 16384
#define FLOW_PREFIX_RANGES 16

/*
 * Bytes [0, FLOW_PREFIX_MAX_BYTES) of a direction's stream. Segments may come in
 * any order, twice, or overlapping: the first byte seen at an offset wins.
 * `contiguous` is what is known from offset 0 without a gap.
 * A segment that would need more than FLOW_PREFIX_RANGES separate ranges is
 * refused (and comes again by retransmission).
 */
struct flow_prefix {
	struct pool *pool; /* of `bytes`, NULL: malloc(); may be set behind flow_prefix_init() */
	uint8_t *bytes;	   /* grows in powers of two; owned */
	uint32_t capacity;
	uint32_t contiguous;
	uint32_t range_count; /* of the ranges beyond `contiguous` */
	struct {
		uint32_t begin, end;
	} ranges[FLOW_PREFIX_RANGES]; /* sorted, disjoint, not touching */
};

void flow_prefix_init(struct flow_prefix *prefix);
void flow_prefix_release(struct flow_prefix *prefix);
/*
 * Adds bytes at stream offset `offset`; what lies past FLOW_PREFIX_MAX_BYTES is cut off.
 * Returns how many new bytes were stored, or -ENOMEM, or -ENOSPC (too many ranges).
 */
int flow_prefix_add(struct flow_prefix *prefix, uint32_t offset, const uint8_t *bytes,
		    size_t length);
/*
 * Makes a window of the prefix: lets the first `count` bytes go (at most `contiguous`), so that
 * offset `count` becomes 0 and there is room for as many more at the end.
 */
void flow_prefix_consume(struct flow_prefix *prefix, uint32_t count);

/* ---- the table ---- */

enum flow_direction { FLOW_FROM_CLIENT = 0, FLOW_FROM_SERVER = 1 };

struct flow_key {
	uint8_t client[16], server[16];
	uint16_t client_port, server_port; /* host order; 0 without ports */
	uint8_t proto;
	uint8_t family : 4; /* enum ip_family; IP_NONE in an entry that is not used */
	bool has_ports : 1;
};

/* How a flow stands; the order is the order of its life. */
enum flow_state {
	FLOW_PROVISIONAL, /* an earlier rule is still open */
	FLOW_FINAL,
};

#define FLOW_BYTES 96
#define FLOW_SWEEP_S 10
#define FLOW_EVICT_LOOKS 8

#define FLOW_DECIDED_MAX UINT16_MAX
#define FLOW_RULES_MAX ((1 << 20) - 1)	/* how many a ruleset may have */
#define FLOW_GENERATION_MASK UINT16_MAX /* of a policy's generation, as a flow keeps it */

/*
 * As small as it can be, since there may be millions, and ordered for the packet path: a lookup
 * and the verdict of a decided flow read the first 64 bytes and write the 32 behind them.
 * Widths are the widest that fit; what could be more is held at its greatest value.
 */
struct flow {
	struct flow_key key;
	uint16_t decided_packet; /* 0: not decided; else counted over both directions from 1 */

	uint64_t began_us : 52; /* since the epoch, of the first packet */
	uint64_t state : 1;	/* enum flow_state; set through flow_table_set_final() only */
	uint64_t closed : 2; /* bit per direction: FIN seen; 3 after RST; 0 again after a new SYN */
	uint64_t midstream : 1; /* TCP whose first packet seen was not a SYN */
	uint64_t has_isn : 2; /* bit per direction: the sequence number of the first payload byte is
				 known */
	uint64_t heard : 1;   /* the server has sent something */
	uint64_t open : 1;    /* the table's own */
	uint64_t late : 2;    /* enum rule_late of a late decision, 0: not late */
	uint64_t moved : 1;   /* the value changed after packet 1 */
	uint64_t older : 1;   /* older than our knowledge of it: every decision is late */

	uint64_t lasted_us : 44; /* signed, from there to the last packet: clocks may step back */
	uint64_t rule_plus_one : 20; /* an index in the ruleset of `generation`; 0: none */

	uint32_t next_in_chain; /* the table's own */
	uint32_t value; /* the mark's value V (mark.h), without P; 0 while nothing is known */
	uint32_t epoch; /* of steer.h, when the value was looked at last */
	uint32_t more;	/* the table's own: what else there is of this flow */

	uint64_t bytes_seen : 48; /* IP lengths, both directions */
	uint64_t generation : 16;
	uint64_t packets_seen : 36;
	uint64_t number : 28; /* 1, 2, ... in order of first packet; begins anew when it is full */

	uint32_t isn[2]; /* sequence number of the first payload byte (SYN's + 1) */
};
_Static_assert(sizeof(struct flow) == FLOW_BYTES, "a flow has grown");

/* The plain numbers of what is kept in odd widths. */
static inline uint64_t flow_first_us(const struct flow *flow)
{
	return flow->began_us;
}

static inline uint64_t flow_last_us(const struct flow *flow)
{
	return (uint64_t)flow->began_us +
	       (uint64_t)((int64_t)((uint64_t)flow->lasted_us << 20) >> 20);
}

static inline uint64_t flow_packets(const struct flow *flow)
{
	return flow->packets_seen;
}

static inline uint64_t flow_bytes(const struct flow *flow)
{
	return flow->bytes_seen;
}

static inline uint32_t flow_number(const struct flow *flow)
{
	return flow->number;
}

/* -1: none */
static inline int32_t flow_rule(const struct flow *flow)
{
	return (int32_t)flow->rule_plus_one - 1;
}

static inline void flow_set_rule(struct flow *flow, int32_t rule)
{
	flow->rule_plus_one = (uint32_t)(rule + 1) & FLOW_RULES_MAX;
}

static inline void flow_set_generation(struct flow *flow, uint32_t generation)
{
	flow->generation = generation & FLOW_GENERATION_MASK;
}

/* True if flow_rule() is an index in the ruleset of that generation. */
static inline bool flow_is_of(const struct flow *flow, uint32_t generation)
{
	return flow->generation == (generation & FLOW_GENERATION_MASK);
}

struct flow_timeouts {
	uint32_t tcp_s, udp_s, other_s;
};

struct flow_table_stats {
	uint64_t created;
	uint64_t expired;	    /* by idle time */
	uint64_t evicted_undecided; /* because the table was full */
	uint64_t evicted_decided;
	uint64_t restarted; /* by port reuse, or flow_table_restart() */
};

struct flow_table;

/* Called before a flow's entry is reused or the table released; frees pending, lets info go. */
typedef void flow_release_fn(struct flow_table *table, struct flow *flow, void *context);

/* NULL on out of memory. `seed` keys the bucket hash; a `max` of 0 is 1. `release` may be NULL. */
struct flow_table *flow_table_new(uint32_t max, const struct flow_timeouts *timeouts,
				  const struct hash_seed *seed, flow_release_fn *release,
				  void *context);
void flow_table_free(struct flow_table *table);
/*
 * Takes the memory of the index, and of the first entries, from the system at once: to be called
 * before packets come. The index is touched all over by the first few flows, and for each of its
 * huge pages one of them would wait for a millisecond. It is a hint, and what it cannot get is no
 * error.
 */
void flow_table_populate(struct flow_table *table);
/* New idle times, at a reload. */
void flow_table_set_timeouts(struct flow_table *table, const struct flow_timeouts *timeouts);

/*
 * Where a packet's flow is to be looked for. flow_lookup_ahead() is a hint before a run of
 * flow_table_track(): to wait for the memory of a batch together costs a fraction of one by one.
 */
struct flow_lookup {
	struct flow_key key; /* of a flow that the packet would begin */
	uint32_t hash;
	uint32_t found; /* the table's own */
};
void flow_lookup_init(struct flow_lookup *lookup, const struct flow_table *table,
		      const struct packet *packet);
void flow_lookup_ahead(struct flow_lookup *lookups, size_t count, const struct flow_table *table);
/* After flow_lookup_ahead(): the packet most likely begins a flow. */
bool flow_lookup_is_new(const struct flow_lookup *lookup, const struct flow_table *table);
/* After flow_lookup_ahead(): what the owner keeps of the flow, NULL if nothing. A hint as well. */
const void *flow_lookup_pending(const struct flow_lookup *lookup, const struct flow_table *table);

/*
 * The packet's flow, made if it is new; counts the packet, notes its time, FINs
 * and sequence numbers. *direction and *fresh (made by this very packet) are set.
 * Never NULL: a full table evicts. Valid until the next call on the table.
 */
struct flow *flow_table_track(struct flow_table *table, const struct packet *packet,
			      const struct flow_lookup *lookup, enum flow_direction *direction,
			      bool *fresh);
/* The packet's flow if it is there and not idle for too long, uncounted; NULL otherwise. */
struct flow *flow_table_find(struct flow_table *table, const struct packet *packet,
			     enum flow_direction *direction);
/*
 * Stream offset of the packet's payload within its direction, and how many of its first bytes
 * lie before the stream's beginning, where TCP cuts them off: the offset is that of the
 * byte behind them. False when it cannot be known or all of it lies there.
 * TCP: from the sequence numbers (for a midstream flow, from the first segment
 * seen). Others: not applicable, false. Far enough for any prefix, not beyond 2 GiB.
 */
bool flow_stream_offset(const struct flow *flow, enum flow_direction direction,
			const struct packet *packet, uint32_t *offset, uint32_t *before);
/*
 * The flow that flow_table_track() just gave for the packet, and not as a fresh one, begins anew
 * with this very packet: as if it had been unknown. Returns it; its direction is FLOW_FROM_CLIENT.
 */
struct flow *flow_table_restart(struct flow_table *table, struct flow *flow,
				const struct packet *packet, enum flow_direction *direction);
/* The flow is undecided no more. */
void flow_table_set_final(struct flow_table *table, struct flow *flow);
/* The owner's own, of a flow that it still looks at; NULL: none. A final flow may have one. */
void *flow_table_pending(const struct flow_table *table, const struct flow *flow);
void flow_table_set_pending(struct flow_table *table, struct flow *flow, void *pending);
/* The owner's number of what it knows of the flow; 0 at first. */
uint32_t flow_table_info(const struct flow_table *table, const struct flow *flow);
void flow_table_set_info(struct flow_table *table, struct flow *flow, uint32_t info);
/* The undecided flow least recently seen; NULL if there is none. */
struct flow *flow_table_oldest_undecided(struct flow_table *table);
/*
 * Ends flows idle at `now_us`: looks at the share of the table that is due since the last call, at
 * most at `budget` flows. Returns how many it ended.
 */
size_t flow_table_expire(struct flow_table *table, uint64_t now_us, size_t budget);
uint32_t flow_table_count(const struct flow_table *table);
const struct flow_table_stats *flow_table_stats(const struct flow_table *table);
/* Visits every flow, in no particular order; the visitor returns false to stop. */
typedef bool flow_visit_fn(struct flow *flow, void *context);
void flow_table_visit(struct flow_table *table, flow_visit_fn *visit, void *context);

struct ip_addr flow_client(const struct flow_key *key);
struct ip_addr flow_server(const struct flow_key *key);

#endif
