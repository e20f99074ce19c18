/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns_watch - DNS seen on the way: which answers are believed, and what they tell the names cache.
 *
 * An answer is believed only if the question was seen before it, and it comes from the server
 * that was asked, to the address and port that asked, by the same protocol, with the question's
 * id, name (whatever the case of its letters), type and class, within DNS_WATCH_S seconds. The
 * first one counts; what comes after it was not asked for. An answer that is truncated, or says
 * no, closes its question like any other: the same question over TCP is one of its own.
 *
 * Bounds: `queries_max` open questions, the oldest goes first; DNS_STREAMS_MAX TCP connections.
 * The same packet may be shown twice. A watch belongs to one worker; its counters may be read by
 * others. Time is packet time.
 */
#ifndef WAYMARK_DNS_WATCH_H
#define WAYMARK_DNS_WATCH_H

#include <stdatomic.h>
#include <stdint.h>

#include <waymark/names.h>
#include <waymark/packet.h>

#define DNS_WATCH_S 10
#define DNS_WATCH_TTL_MAX_S 86400

struct dns_watch_policy {
	struct names *names;
	uint32_t min_ttl_s; /* what an answer gives is kept at least so long, and at most a day */
};

struct dns_watch_stats {
	_Atomic uint64_t queries;   /* questions seen, each packet of theirs */
	_Atomic uint64_t believed;  /* answers, with addresses or without */
	_Atomic uint64_t addresses; /* handed to the names cache */
	/* Answers to no open question, by what the newest one of the same ends has. */
	_Atomic uint64_t refused_unasked; /* there is none */
	_Atomic uint64_t refused_id;	  /* another id */
	_Atomic uint64_t refused_name;	  /* another name, type or class */
	/* From a server's port, and no DNS message. */
	_Atomic uint64_t refused_unreadable;
	_Atomic uint64_t queries_evicted, streams_evicted; /* to make room */
};

struct dns_watch;

/* At most queries_max open questions; 0: 4096. NULL on out of memory. */
struct dns_watch *dns_watch_new(uint32_t queries_max);
void dns_watch_free(struct dns_watch *watch);
/* Takes one packet; any that is not of UDP or TCP with port 53 on a side is left alone. */
void dns_watch_packet(struct dns_watch *watch, const struct dns_watch_policy *policy,
		      const struct packet *packet);
const struct dns_watch_stats *dns_watch_stats(const struct dns_watch *watch);

#endif
