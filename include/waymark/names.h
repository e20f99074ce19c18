/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names - the shared memory of which name, app and rule stand behind an address.
 *
 * What goes in: DNS answers (client, name -> address), names that a client's own
 * connection showed (SNI, HTTP host, QUIC), and what a late decision taught about
 * a server's endpoint (address, port, protocol). What comes out: a guess for a
 * connection that has shown nothing yet but its addresses.
 *
 * A guess is made of the newest thing known of the client's own: its last answer
 * that held the server's address, or the name that its last connection to that
 * endpoint showed. Where the client has nothing, what anybody's connection to the
 * endpoint showed; then the newest answer that anybody got. App and rule are the
 * endpoint's, whoever taught them, and have a lifetime of their own.
 *
 * Bounds: never more than `max` entries and the bytes reserved at names_new(). An entry shares a
 * bucket of at most eight with others; a full bucket gives up what has expired, else what was
 * written longest ago. A name takes two entries, its client's and everybody's. One address
 * has at most a bucket of everybody's entries, and one of each client's.
 * Nothing allocates after names_new().
 *
 * Time: expiry is by the times that callers pass (packet time), so replay and live agree. Threads'
 * times may differ a little; what seems written over a minute from now is left from before the
 * clock was set back: it counts as the oldest.
 *
 * Threads: any number of readers and writers. Nobody blocks and nobody takes a lock: a
 * reader that meets a writer in the same bucket tries again for about a microsecond, then answers
 * "not found"; a writer that meets another one lets its entry go as late, and counts it.
 */
#ifndef WAYMARK_NAMES_H
#define WAYMARK_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/hash.h>
#include <waymark/ip.h>

#define NAMES_HOST_SIZE 256 /* with terminator */
#define NAMES_APPS 4

struct names;

/*
 * `max` entries, all memory reserved now (touched as it is used): about 128 bytes an entry. With
 * `max` 0 nothing is kept and nothing found. The seed is copied. NULL on out of memory.
 */
struct names *names_new(uint32_t max, const struct hash_seed *seed);
void names_free(struct names *names); /* NULL is fine */

/* The far end of a connection. */
struct names_endpoint {
	struct ip_addr address;
	uint16_t port; /* 0 without ports */
	uint8_t proto;
};

/*
 * What is added is kept for ttl_s from now_us on; ttl 0 keeps nothing. A name that is there already
 * lives on, never shorter than was promised before; another one takes its place. Refused
 * in silence: addresses of no family as the far end, hosts of no or more than 253 bytes or with
 * a NUL in them. A client of no family (or one that is not known) adds for everybody alone.
 */

/*
 * `client` was told that `host` is at `address`. Hosts are lower case, without trailing dot,
 * not terminated. Kept for the client and for everybody.
 */
void names_add_answer(struct names *names, const struct ip_addr *client, const char *host,
		      size_t length, const struct ip_addr *address, uint32_t ttl_s,
		      uint64_t now_us);
/* A connection of `client` to `server` showed `host`; `source`: the caller's (enum host_source). */
void names_add_seen(struct names *names, const struct ip_addr *client,
		    const struct names_endpoint *server, const char *host, size_t length,
		    uint8_t source, uint32_t ttl_s, uint64_t now_us);
/*
 * A flow to `server` turned out, late, to be these apps (the first NAMES_APPS are kept), and `rule`
 * (a fingerprint, 0: none) decided it. Replaces what was learned before; neither app nor rule is
 * nothing to learn.
 */
void names_add_learned(struct names *names, const struct names_endpoint *server,
		       const uint16_t *apps, size_t app_count, uint64_t rule, uint32_t ttl_s,
		       uint64_t now_us);

/*
 * `host` offers Encrypted ClientHello, as its HTTPS record said: where its TLS shows another name,
 * that one is only the outer name.
 */
void names_add_ech(struct names *names, const char *host, size_t length, uint32_t ttl_s,
		   uint64_t now_us);
bool names_offers_ech(const struct names *names, const char *host, size_t length, uint64_t now_us);

/* Where a guess's name comes from. */
enum names_origin {
	NAMES_NO_HOST,	     /* app or rule alone are known */
	NAMES_CLIENT_ANSWER, /* DNS, to this client */
	NAMES_CLIENT_SEEN,   /* this client's last connection to the endpoint */
	NAMES_SERVER_SEEN,   /* anybody's last connection to the endpoint */
	NAMES_OTHER_ANSWER,  /* DNS, to anybody */
};

struct names_guess {
	enum names_origin origin;
	uint8_t host_length;
	uint8_t source; /* as given to names_add_seen(); 0 for answers */
	uint8_t app_count;
	uint16_t apps[NAMES_APPS];
	uint64_t rule; /* 0: none */
	char host[NAMES_HOST_SIZE];
	/* the answer (DNS) alone, by the same order, "" if none: names a flow that never shows one */
	uint8_t answer_length;
	char answer[NAMES_HOST_SIZE];
};

/*
 * False: nothing is known (then *guess is undefined). `per_client` false: every client counts as
 * everybody, so the newest of what anybody showed and was told. Looks into two buckets, one
 * of them prefetched; writes nothing that another thread reads.
 */
bool names_find(const struct names *names, const struct ip_addr *client,
		const struct names_endpoint *server, bool per_client, uint64_t now_us,
		struct names_guess *guess);

/* One entry, for lists. */
struct names_entry {
	struct ip_addr client;	      /* family IP_NONE: everybody's */
	struct names_endpoint server; /* of an answer: the address alone */
	bool answer;		      /* DNS; else seen or learned */
	uint8_t source;
	uint8_t app_count;
	uint16_t apps[NAMES_APPS];
	uint64_t rule;
	uint64_t expires_us; /* the name's, if there is one */
	uint8_t host_length; /* 0: only app or rule are known */
	char host[NAMES_HOST_SIZE];
};
typedef bool names_visit_fn(const struct names_entry *entry, void *context);
/*
 * Every entry that has not expired at now_us, in no order; may miss what is written meanwhile. What
 * was learned of an endpoint comes with the name that everybody's connections showed there, if
 * there is one. The visitor returns false to stop.
 */
void names_visit(const struct names *names, uint64_t now_us, names_visit_fn *visit, void *context);

struct names_stats {
	uint64_t entries;    /* in the table now, expired ones that nobody replaced included */
	uint64_t max, bytes; /* bytes: reserved */
	uint64_t added, refreshed;
	uint64_t evicted;   /* before they expired, to make room */
	uint64_t contended; /* let go because of another writer */
};
void names_stats(const struct names *names, struct names_stats *stats);

#endif
