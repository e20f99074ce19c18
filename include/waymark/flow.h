/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow - the flow table of one worker, and the bounded stream prefix of a flow.
 *
 * A flow is a 5-tuple in both directions; its client is the sender of the first
 * packet seen. Packets without ports (ICMP, fragments, ESP) make a flow of
 * (addresses, protocol). ICMP echo is one flow per address pair.
 *
 * Bounds: `max` entries, reserved at init (the pages are touched as they are
 * used). When full, the least recently seen undecided flow goes first, then the
 * least recently seen decided one. Nothing else allocates but what the owner
 * hangs on flow->pending and flow->info.
 * Expiry: by idle time per protocol class, from packet time alone, so that
 * replay and live agree; a packet on a flow idle for longer begins a new flow.
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
	uint8_t *bytes; /* grows in powers of two; owned */
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
	uint8_t family;
	uint8_t proto;
	bool has_ports;
	uint8_t zero;
};

/* How a flow stands; the order is the order of its life. */
enum flow_state {
	FLOW_PROVISIONAL, /* an earlier rule is still open */
	FLOW_FINAL,
};

/*
 * Ordered for the packet path: what a lookup, and then the counting of a packet, touches
 * comes first, in one cache line each.
 */
struct flow {
	struct flow_key key;
	/* the table's own */
	uint32_t hash; /* of the canonical key: spares most comparisons, and rehashing */
	uint32_t next_in_bucket, lru_older, lru_newer;
	uint8_t lru_list;
	bool used;

	uint8_t state;	 /* enum flow_state; set through flow_table_set_final() only */
	uint8_t closed;	 /* bit per direction: FIN seen; 3 after RST; 0 again after a new SYN */
	bool midstream;	 /* TCP whose first packet seen was not a SYN */
	bool has_isn[2]; /* per direction: the sequence number of the first payload byte is known */
	uint8_t first_hook; /* enum packet_hook of the first packet */

	uint32_t isn[2]; /* sequence number of the first payload byte (SYN's + 1) */
	uint64_t first_us, last_us;
	uint64_t packets[2], bytes[2]; /* IP lengths, by direction */
	uint32_t number;	       /* 1, 2, ... in order of first packet */

	/* The decision, kept by classify. A rule is an index in the ruleset of `generation`. */
	uint32_t generation;
	int32_t rule;	/* -1: none */
	uint32_t value; /* the mark's value V (mark.h), without P; 0 while nothing is known */
	uint32_t decided_packet; /* 0: not decided; else counted over both directions from 1 */
	uint8_t late;		 /* enum rule_late of a late decision, 0: not late */
	bool moved;		 /* the value changed after packet 1 */
	bool older;		 /* older than our knowledge of it: every decision is late */
	uint32_t epoch;		 /* of steer.h, when the value was looked at last */

	void *pending; /* classify's, while undecided */
	void *info;    /* classify's: app, host, ALPN; lives with the flow */
};

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

/* Called before a flow's entry is reused or the table released; frees pending and info. */
typedef void flow_release_fn(struct flow *flow, void *context);

struct flow_table;

/* NULL on out of memory. `seed` keys the bucket hash; a `max` of 0 is 1. `release` may be NULL. */
struct flow_table *flow_table_new(uint32_t max, const struct flow_timeouts *timeouts,
				  const struct hash_seed *seed, flow_release_fn *release,
				  void *context);
void flow_table_free(struct flow_table *table);
/* New idle times, at a reload. */
void flow_table_set_timeouts(struct flow_table *table, const struct flow_timeouts *timeouts);

/*
 * The packet's flow, made if it is new; counts the packet, notes its time, FINs
 * and sequence numbers. *direction and *fresh (made by this very packet) are set.
 * Never NULL: a full table evicts. Valid until the next call on the table.
 */
struct flow *flow_table_track(struct flow_table *table, const struct packet *packet,
			      enum flow_direction *direction, bool *fresh);
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
 * The flow that flow_table_track() just gave for the packet, and not as a fresh one, begins anew with
 * this very packet: as if it had been unknown. Returns it; its direction is FLOW_FROM_CLIENT.
 */
struct flow *flow_table_restart(struct flow_table *table, struct flow *flow,
				const struct packet *packet, enum flow_direction *direction);
/* Moves the flow to the decided list. */
void flow_table_set_final(struct flow_table *table, struct flow *flow);
/* The undecided flow least recently seen; NULL if there is none. */
struct flow *flow_table_oldest_undecided(struct flow_table *table);
/* Ends flows idle at `now_us`; at most `budget` of them, returns how many. */
size_t flow_table_expire(struct flow_table *table, uint64_t now_us, size_t budget);
uint32_t flow_table_count(const struct flow_table *table);
const struct flow_table_stats *flow_table_stats(const struct flow_table *table);
/* Visits every flow, in no particular order; the visitor returns false to stop. */
typedef bool flow_visit_fn(struct flow *flow, void *context);
void flow_table_visit(struct flow_table *table, flow_visit_fn *visit, void *context);

struct ip_addr flow_client(const struct flow_key *key);
struct ip_addr flow_server(const struct flow_key *key);

#endif
