/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doubt - what flows turned out to be, and how those begin that nobody knows.
 *
 * Known flows are summed by app. Unknown ones are gathered by (protocol, server's port, who spoke
 * first), each with the first bytes of a few flows and with what the first bytes of all its flows
 * have in common: so that the next pattern can be written from them, doubt_pattern() begins it.
 *
 * What a flow is, is for others to say (classify.h tells when it is settled); here it is counted.
 * A flow without payload tells nothing, the middle of a stream is no beginning, and what nobody
 * looked at is no doubt: these are counted, and no more.
 *
 * Bounds: as many entries as doubt_new() was told. When all are taken, the one with the fewest
 * flows goes, of equals the one least recently seen; what went is counted. Adding allocates
 * nothing.
 *
 * Threads: one writer, and no reader beside it. Who wants to read another thread's asks it for a
 * doubt_merge() into an empty one.
 */
#ifndef WAYMARK_DOUBT_H
#define WAYMARK_DOUBT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <waymark/classify.h>
#include <waymark/flow.h>
#include <waymark/inspect.h>

#define DOUBT_ENTRIES 256 /* of a worker */
#define DOUBT_SAMPLES 4
#define DOUBT_BYTES 32
#define DOUBT_PATTERN_SIZE (4 * DOUBT_BYTES + 8) /* with terminator */

/* The first bytes of one direction: of the stream, or of its first datagram. */
struct doubt_bytes {
	uint8_t length;
	uint8_t bytes[DOUBT_BYTES];
};

enum doubt_kind {
	DOUBT_KNOWN,
	DOUBT_UNKNOWN,
	DOUBT_SILENT,	     /* it ended without payload */
	DOUBT_MIDSTREAM,     /* unknown, but its beginning was not seen */
	DOUBT_NOT_INSPECTED, /* decided before there was payload; or it has no ports */
};

/* One flow. */
struct doubt_flow {
	uint8_t kind; /* enum doubt_kind */
	uint16_t app; /* of DOUBT_KNOWN */
	uint8_t proto;
	uint16_t port;	 /* the server's */
	uint8_t first;	 /* enum flow_direction: who spoke first */
	bool unfinished; /* inspectors would have liked to see more of it */
	uint64_t packets, bytes, last_us;
	struct doubt_bytes begin[2]; /* by enum flow_direction */
};

struct doubt_sample {
	uint64_t flows; /* that begin alike: by their first four bytes of each direction */
	uint64_t last_us;
	struct doubt_bytes begin[2]; /* of the newest that showed most */
};

/* What all flows have at the same place. */
struct doubt_common {
	uint64_t flows;		  /* that showed any bytes in this direction */
	uint32_t same;		  /* bit i: bytes[i] was there in each of them */
	struct doubt_bytes first; /* of one flow, none longer than the shortest */
};

struct doubt_entry {
	uint8_t proto;
	uint8_t first;
	uint16_t port;
	uint64_t flows, unfinished, packets, bytes, last_us;
	struct doubt_common common[2];
	unsigned sample_count;
	struct doubt_sample samples[DOUBT_SAMPLES];
};

struct doubt_app {
	uint64_t flows, packets, bytes;
};

struct doubt_totals {
	uint64_t silent, midstream, not_inspected;
	uint64_t forgotten_entries, forgotten_flows; /* pushed out */
};

/* By what its inspection came to. */
void doubt_flow_init(struct doubt_flow *flow, const struct classify_settled *settled);

struct doubt;

/* NULL on out of memory. Memory is touched as it is used. */
struct doubt *doubt_new(size_t entries);
void doubt_free(struct doubt *doubt);
void doubt_add(struct doubt *doubt, const struct doubt_flow *flow);
/* Adds all that `from` knows. */
void doubt_merge(struct doubt *into, const struct doubt *from);

/* Entry `index`, in no particular order; NULL past the end. */
const struct doubt_entry *doubt_entry(const struct doubt *doubt, size_t index);
/* All zero for an app that was not seen. */
const struct doubt_app *doubt_app(const struct doubt *doubt, uint16_t app);
const struct doubt_totals *doubt_totals(const struct doubt *doubt);

/*
 * What is common as the beginning of a regular expression for a .pat file that says
 * "waymark bytes=raw": "^" and the bytes, with dots where flows differ. Printable ASCII. Returns
 * `text`, empty when nothing is common.
 */
const char *doubt_pattern(const struct doubt_common *common, char text[DOUBT_PATTERN_SIZE]);

/*
 * {"known": [{app, flows, packets, bytes}], "unknown": [{proto, port, first, flows, unfinished,
 * packets, bytes, last_seen, common: {client, server}, samples: [{flows, client, server}]}],
 * "silent", "midstream", "not_inspected", "forgotten": {ports, flows}}. Of each list the most
 * frequent first; `common` are doubt_pattern()s or null, samples are in hex. NULL on out of memory.
 */
json_t *doubt_document(const struct doubt *doubt);

#endif
