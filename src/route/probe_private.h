/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the prober share and nobody else sees.
 *
 * probe.c has the rounds, probe_types.c the sockets of one probe, probe_wire.c its bytes,
 * probe_lookup.c the names of targets, probe_reason.c the words, health.c the judgement.
 */
#ifndef WAYMARK_ROUTE_PROBE_PRIVATE_H
#define WAYMARK_ROUTE_PROBE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <waymark/config.h>
#include <waymark/ip.h>

#include "probe_wire.h"

/* ---- one probe ---- */

/* The way out. */
struct probe_line {
	char *interface;
	uint32_t mark;
	struct ip_addr source4, source6; /* IP_NONE: the kernel chooses */
	bool has4, has6;
};

struct probe_target {
	char *name; /* as written */
	bool is_name;
	struct ip_addr address4, address6; /* IP_NONE: not known */
	/* what is sent, of http and dns */
	uint8_t *request;
	size_t request_length;
};

/* Why a probe has no answer that counts. */
enum probe_fault_kind {
	PROBE_SILENT,
	PROBE_LATE,	  /* number: ms */
	PROBE_NO_ADDRESS, /* none known, or none of the line's families */
	PROBE_ERROR,	  /* number: errno */
	PROBE_HTTP_ERROR, /* number: status */
	PROBE_DNS_ERROR,  /* number: rcode */
	PROBE_CLOSED,	  /* the connection, before an answer */
	PROBE_GARBAGE,	  /* no HTTP */
};

struct probe_fault {
	enum probe_fault_kind kind;
	int number;
};

enum probe_outcome { PROBE_OPEN, PROBE_ANSWERED, PROBE_LOST };

/* One target's part of a round. */
struct probe {
	struct probe_round *round;
	const struct probe_target *target;
	enum conf_probe_type type;
	enum probe_outcome outcome;
	bool overdue;		  /* still OPEN, but too late for max_latency_ms */
	struct probe_fault fault; /* of LOST, of overdue, and of an answer that came too late */
	struct event event;
	int fd; /* -1: not sent, or ended */
	int64_t sent_us;
	struct ip_addr to;
	union {
		struct probe_echo echo;
		uint16_t dns_id;
		struct {
			bool connected;
			size_t sent;
			struct probe_http answer;
		} http;
	};
};

/* What the target gets at each probe of the type; false: out of memory. NULL: nothing. */
bool probe_request(const struct conf_probe *options, struct probe_target *target);

/*
 * Sends it; `port` is the target's, `id` and `sequence` are for ICMP. The outcome is LOST when that
 * cannot be done; OPEN otherwise, and probe_ended() follows from the event loop. `round`, `target`,
 * `type`, `fd` = -1 and `to` are set before.
 */
void probe_send(struct probe *probe, struct event_base *base, const struct probe_line *line,
		uint16_t port, uint16_t id, uint16_t sequence);
/* Closes its socket; does nothing where there is none. */
void probe_close(struct probe *probe);
/* An answer, or what makes one impossible, has come: its outcome is set, its socket closed. */
void probe_ended(struct probe *probe);

/* A clock that never goes back. */
int64_t probe_now_us(void);

/* ---- words ---- */

/*
 * "no answer from A, B; connection refused (C)", of the probes that have no answer in time. What
 * does not fit ends in "...".
 */
void probe_reason(char *buffer, size_t size, const struct probe *probes, size_t count);

/* ---- names ---- */

#define PROBE_RESOLV_CONF "/etc/resolv.conf"

struct probe_lookup;

/* An address of the name with this index: the first one of its family. */
typedef void probe_found_fn(void *context, size_t index, const struct ip_addr *address);
typedef void probe_lookup_done_fn(void *context);

/*
 * Asks the name servers of `resolv_conf` for the addresses of all names that are not NULL, of the
 * families wanted. `found` and `done` are called from the event loop; the lookup is gone after
 * `done`. NULL: nobody can be asked now.
 */
struct probe_lookup *probe_lookup_new(struct event_base *base, const char *resolv_conf,
				      const char *const *names, size_t count, bool want4,
				      bool want6, probe_found_fn *found, probe_lookup_done_fn *done,
				      void *context);
/* Neither is called any more. NULL: nothing. */
void probe_lookup_cancel(struct probe_lookup *lookup);

#endif
