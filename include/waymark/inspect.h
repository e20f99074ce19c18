/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspect - bytes of a flow -> evidence: which protocol, which name.
 *
 * Pure: no I/O, no clock, no globals but the constant tables of built-in
 * inspectors and the append-only app names. An inspector sees the in-order
 * prefix of both directions (flow_prefix) or, for datagram protocols, each
 * datagram, and answers "not mine", "more bytes, please" or "mine", with the
 * evidence. It never claims a protocol by port alone; a port may only choose
 * which inspector is asked first.
 *
 * Evidence only grows: once a layer, a name or "done" is set it never changes,
 * which is what makes first-match-wins rules over open evidence sound.
 */
#ifndef WAYMARK_INSPECT_H
#define WAYMARK_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/diag.h>
#include <waymark/flow.h>
#include <waymark/packet.h>

/* ---- app names ---- */

/*
 * An app is a small number with a name: the built-in protocols, then the names
 * of .pat patterns in the order they were first seen. Numbers are stable for the
 * life of the process (a reload may add, never renumber), so that a flow can keep
 * one across reloads. 0 is "none". Adding takes a lock; reading does not.
 */
#define APP_NONE 0
#define APP_MAX 8192

/* The number of `name` (case folded), added if it is new; APP_NONE when the table is full. */
uint16_t app_intern(const char *name);
/* APP_NONE when there is no such app. */
uint16_t app_find(const char *name);
/* NULL for APP_NONE. */
const char *app_name(uint16_t app);
/* True for a protocol that a built-in inspector can find. */
bool app_is_builtin(uint16_t app);
/* All built-in names, NULL-terminated, for "did you mean". */
const char *const *app_builtin_names(void);
/*
 * Protocols that have a name but no inspector yet, NULL-terminated: a rule may ask for
 * one, and holds only where a .pat file finds it.
 */
const char *const *app_announced_names(void);

/* ---- patterns ---- */

/*
 * All regular expressions of a ruleset: those of .pat files (each an app) and
 * those of `payload =` keys. Compiled once, immutable, shared by all workers;
 * each worker scans with its own scratch.
 */
enum pattern_kind {
	PATTERN_PAYLOAD, /* a rule's `payload`: PCRE2, case-sensitive, '.' does not match newline,
			    per direction */
	PATTERN_L7,  /* a .pat file: case-insensitive, '.' matches newline, NUL bytes stripped, both
			directions in one buffer */
	PATTERN_RAW, /* a .pat file that says so: as PATTERN_L7, but each direction as it is */
};

/* Of struct pattern_source: where a pattern looks at all. */
enum pattern_side {
	PATTERN_BOTH_SIDES,
	PATTERN_FROM_CLIENT,
	PATTERN_FROM_SERVER,
};
enum pattern_transport {
	PATTERN_ANY_TRANSPORT,
	PATTERN_TCP,
	PATTERN_UDP, /* and the other protocols of datagrams */
};

struct pattern_set;
struct pattern_scratch;

struct pattern_source {
	enum pattern_kind kind;
	const char *text; /* the regex: bytes as PCRE2 reads them */
	uint32_t flags;	  /* extra PCRE2_* compile options (of "userspace flags=") */
	uint16_t app;	  /* of a .pat pattern; APP_NONE for a payload key */
	bool wanted;	  /* a rule refers to it (a .pat app of an `app =` key, or a payload key) */
	/*
	 * Of a .pat pattern ("waymark strict=yes"): what it matches is that protocol and no other.
	 * It may name a flow before every inspector has given up, and then none is asked any more.
	 */
	bool strict;
	uint8_t transport; /* enum pattern_transport */
	uint8_t side;	   /* enum pattern_side; PATTERN_L7 reads both always */
	/*
	 * The pattern sees the bytes [offset, offset + first) of each direction, of each datagram
	 * where there are datagrams, or of the one buffer of PATTERN_L7; '^' is at `offset`. A
	 * `first` of 0 is no limit.
	 */
	uint32_t offset_bytes, first_bytes;
	const char *file; /* for findings */
	int line;
};

/* Compiles all; a finding for each that does not compile, and NULL then. Copies what it keeps. */
struct pattern_set *pattern_set_new(const struct pattern_source *sources, size_t count,
				    struct diag_list *diags);
void pattern_set_free(struct pattern_set *set);
size_t pattern_count(const struct pattern_set *set);

/* One a worker. NULL on out of memory. */
struct pattern_scratch *pattern_scratch_new(void);
void pattern_scratch_free(struct pattern_scratch *scratch);

/* How often pattern i hit a match, depth or heap limit (counted as "no match"), over all workers.
 */
uint64_t pattern_limit_hits(const struct pattern_set *set, size_t index);
const char *pattern_text(const struct pattern_set *set, size_t index);
/* Whose pattern i is, and where it stands; the file is "" where the source named none. */
struct pattern_origin {
	const char *file;
	int line;
	uint16_t app; /* APP_NONE: a payload key */
};
struct pattern_origin pattern_origin(const struct pattern_set *set, size_t index);
/* How many patterns were not asked, or were ruled out, since a flow had cost enough. */
uint64_t pattern_unseen(const struct pattern_set *set);
/* What picks the patterns that PCRE2 has to confirm: "hyperscan", "literals", "none". */
const char *pattern_backend_name(const struct pattern_set *set);
/* How the engine goes about pattern i. */
struct pattern_look {
	bool anchored; /* it is refuted as soon as the first bytes cannot match any more */
	bool placed;   /* anchored: a few first bytes dismiss it, without asking PCRE2 */
	bool filtered; /* not anchored: the prefilter dismisses it */
	bool proven;   /* its cost is proven to be small, whatever the bytes */
};
void pattern_look(const struct pattern_set *set, size_t index, struct pattern_look *look);
/* One scan of the bytes, as all that pattern i sees of a flow; for tools. */
struct pattern_cost {
	uint64_t steps; /* of the account that the limit is on */
	bool limit;	/* was hit */
};
struct pattern_cost pattern_measure(const struct pattern_set *set, size_t index,
				    struct pattern_scratch *scratch, const uint8_t *bytes,
				    size_t length);

/*
 * Reads one .pat file of l7-filter's: comments, a name line, a regex line, optional
 * "userspace pattern=" / "userspace flags=" lines, and our own "waymark KEY=VALUE ..."
 * lines. \xHH means that byte. The strings are malloced. 0; -1 with an error added;
 * PATTERN_FILE_DUMMY, with a warning added and *out empty, for l7-filter's "unknown" and "unset",
 * which are no protocols.
 */
#define PATTERN_FILE_DUMMY 1
struct pattern_file {
	char *name;
	char *regex; /* translated to what PCRE2 reads */
	uint32_t flags;
	int regex_line;
	uint8_t kind; /* enum pattern_kind: PATTERN_L7, or PATTERN_RAW ("waymark bytes=raw") */
	uint8_t transport, side; /* as of struct pattern_source: "waymark proto=tcp|udp", "waymark
				    from=client|server" */
	uint32_t offset_bytes, first_bytes; /* "waymark offset=N", "waymark first=N" */
	bool strict;			    /* "waymark strict=yes" */
};
int pattern_file_read(const char *path, struct pattern_file *out, struct diag_list *diags);
/* The same from memory; findings name `path`. */
int pattern_file_parse(const char *text, size_t length, const char *path, struct pattern_file *out,
		       struct diag_list *diags);
void pattern_file_release(struct pattern_file *file);

/* ---- evidence ---- */

#define EVIDENCE_LAYERS 4
#define EVIDENCE_HOST_SIZE 256 /* with terminator; RFC 1035: 253 characters */
#define EVIDENCE_ALPN_BYTES 128
#define EVIDENCE_BUILTIN_WORDS 4 /* 256 built-in apps at most */

enum host_source {
	HOST_SOURCE_NONE,
	HOST_TLS_SNI,
	HOST_TLS_ECH_OUTER,
	HOST_DTLS_SNI,
	HOST_QUIC_SNI,
	HOST_HTTP_HOST,
	HOST_HTTP_CONNECT,
	HOST_SOCKS,
	HOST_DNS_QUERY,
	HOST_MDNS,
	HOST_LLMNR,
	HOST_DNS_CACHE,
};
/* "tls-sni", ...; NULL for NONE. */
const char *host_source_name(enum host_source source);

struct evidence {
	uint16_t app[EVIDENCE_LAYERS]; /* lowest layer first: tls, then what runs in it */
	uint8_t app_count;
	/*
	 * How many of them are the flow's own, 0: all. What a proxy hands on (SOCKS, CONNECT) is
	 * the proxy's connection to somebody else: a rule finds it, but the flow is not shown as
	 * it.
	 */
	uint8_t app_own;
	bool apps_done; /* no built-in inspector can add a layer any more */
	bool host_done; /* no (first) name can appear any more */
	bool alpn_done;
	bool patterns_done; /* every pattern has hit or is out */
	uint8_t host_source;
	bool host_beyond; /* a proxy was asked for it: the server's address tells nothing of it */
	/* bit per built-in app, its number less one: cannot be found any more (evidence_app_out())
	 */
	uint64_t apps_out[EVIDENCE_BUILTIN_WORDS];
	size_t pattern_count;
	/* bit per pattern, in the set's order: has matched / can never match */
	uint64_t *pattern_hit, *pattern_out;
	uint16_t alpn_length;
	uint8_t host_length;
	char host[EVIDENCE_HOST_SIZE]; /* lower case, no trailing dot, no port */
	/* ALPN protocol names one behind the other, each NUL-terminated (RFC 7301) */
	char alpn[EVIDENCE_ALPN_BYTES];
};

/* ---- one flow's inspection ---- */

struct inspection; /* both prefixes, each inspector's state, the evidence */

struct inspect_limits {
	uint32_t decide_packets; /* packets with payload, both directions */
	uint32_t decide_bytes;	 /* payload bytes, both directions */
};

/* Makes what all inspections share, some milliseconds; else the first of them does. Any thread. */
void inspection_prepare(void);
/*
 * Begins with a flow's first packet. `patterns` may be NULL. An inspection
 * refers to `patterns` only within the calls, by index; when the ruleset changed
 * meanwhile, inspection_rebase() comes first.
 * For a protocol that cannot be inspected (not TCP, UDP, UDP-Lite, DCCP, SCTP; fragments)
 * the evidence is born done. Its memory comes from `pool`, NULL: from malloc(). NULL on out of
 * memory.
 */
struct inspection *inspection_new(const struct flow *flow, const struct packet *first,
				  const struct pattern_set *patterns, struct pool *pool);
void inspection_free(struct inspection *inspection);
/*
 * Takes one packet of the flow. True when the evidence changed (also when a
 * "done" was set). When a limit is reached and no inspector is in mid-message,
 * everything still open is closed. A flow that is not known when all is done may still be
 * named by a pattern that keeps nothing open, until then.
 */
bool inspection_feed(struct inspection *inspection, const struct flow *flow,
		     enum flow_direction direction, const struct packet *packet,
		     const struct pattern_set *patterns, struct pattern_scratch *scratch,
		     const struct inspect_limits *limits);
const struct evidence *inspection_evidence(const struct inspection *inspection);
/*
 * Hints, for a batch of packets whose inspections are wanted soon: a step for all of them, then
 * the next, which reads what the one before has asked memory for.
 */
enum { INSPECTION_AHEAD_STEPS = 3 };
void inspection_ahead(const struct inspection *inspection, unsigned step);
/*
 * Starts the patterns anew over the bytes kept so far, against another set. Datagrams are kept for
 * those who ask, and else the first KiB of each direction, or its first datagram.
 */
void inspection_rebase(struct inspection *inspection, const struct pattern_set *patterns);
/* Declares everything still open refuted: no more bytes will be looked at. */
void inspection_close(struct inspection *inspection);
/*
 * The same where the flow itself is at its end: the inspectors have seen all there is, so the
 * patterns that wait for them are asked first. True when that changed the evidence.
 */
bool inspection_finish(struct inspection *inspection, const struct pattern_set *patterns,
		       struct pattern_scratch *scratch);
bool inspection_is_closed(const struct inspection *inspection);
/* How the flow began, for a person to see; borrows, until the next call on the inspection. */
struct inspection_look {
	/* by direction: the stream's beginning, or the first datagram; of known flows perhaps none
	 */
	const uint8_t *bytes[2];
	uint32_t length[2];
	uint8_t first; /* enum flow_direction: who spoke first, if anybody has */
};
void inspection_look(const struct inspection *inspection, struct inspection_look *look);
/* Heap bytes held by this inspection, for the budget of the worker. */
size_t inspection_bytes(const struct inspection *inspection);

/* The top of the flow's own stack as far as it is known, APP_NONE if nothing is. */
uint16_t evidence_app(const struct evidence *evidence);
bool evidence_has_app(const struct evidence *evidence, uint16_t app);
/*
 * True when no inspector can find the app any more: it has none, or that one has given up. A rule
 * by one app need not wait for the inspectors of all others.
 */
bool evidence_app_out(const struct evidence *evidence, uint16_t app);
/* The i-th ALPN name, NULL past the end. */
const char *evidence_alpn(const struct evidence *evidence, size_t index);

#endif
