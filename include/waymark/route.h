/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route - the policy rules and per-uplink tables, kept as the configuration wants them.
 *
 * plan (pure): configuration + links + addresses + main's routes + what probes say ->
 * the wanted rules and routes. diff (pure): wanted against present -> additions,
 * deletions. apply (thin): rtnetlink. A second run sends nothing.
 *
 * Ownership in the kernel: routing.protocol on rules and routes, and inside our
 * priority range or in one of our tables. Nothing else is touched.
 * Threads: everything here belongs to the control thread.
 *
 * This part of the header is what the daemon and the CLI call; the pure types
 * stand in route_plan.h.
 */
#ifndef WAYMARK_ROUTE_H
#define WAYMARK_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/config.h>
#include <waymark/diag.h>

struct route_manager;

/* What probes, or the user, say of an uplink; its link may still be good. By index of
 * conf->uplinks. */
#define ROUTE_HEALTH_REASON_SIZE 160
struct route_health {
	bool failed;
	char reason[ROUTE_HEALTH_REASON_SIZE]; /* of failed */
};

/* Opens the rtnetlink sockets (requests and monitor). Changes nothing. 0 or -errno; findings
 * explain. */
int route_manager_open(struct route_manager **manager, struct diag_list *diags);
void route_manager_close(struct route_manager *manager);

/*
 * For the next judge or sync; copied. Without it, and where a sync's configuration has another
 * number of uplinks, all are healthy. 0 or -ENOMEM (then the former health stays).
 */
int route_manager_set_health(struct route_manager *manager, const struct route_health *health,
			     size_t count);
/*
 * Judges the uplinks anew by the facts as of the last sync or drain, without asking the kernel:
 * route_uplink_status() tells what came of it. The rules and routes follow with the next sync. 0 or
 * -ENOMEM (then the former judgement stays).
 */
int route_manager_judge(struct route_manager *manager, const struct conf *conf);

struct route_sync {
	size_t changes; /* that were sent */
	/*
	 * Above 0: sync again after this time, events or not. The kernel takes routes away
	 * without a word, and where main is large it is not read at each sync.
	 */
	unsigned again_ms;
};
/*
 * Dump, plan, diff, apply. `done` may be NULL. What one run could not do (an interface that is
 * missing is no error, only a state) is in `diags` with the kernel's extended error text; then
 * -errno of the first failure.
 */
int route_manager_sync(struct route_manager *manager, const struct conf *conf,
		       struct route_sync *done, struct diag_list *diags);
/*
 * Before the first sync: what an earlier run left for marked packets, each of our fwmark rules once
 * a family, with the interface of its table's route ("" where there is none). `mark` is masked.
 */
typedef void route_leftover_fn(uint32_t mark, uint32_t table, const char *interface, void *context);
int route_manager_leftovers(struct route_manager *manager, const struct conf *conf,
			    route_leftover_fn *visit, void *context);
/* Removes every rule and route that is ours. */
int route_manager_remove(struct route_manager *manager, const struct conf *conf,
			 struct diag_list *diags);

/* The monitor socket, for the event loop. */
int route_manager_fd(const struct route_manager *manager);
/*
 * Drains the monitor. True: something that concerns the plan changed (link, address, those of
 * main's routes that matter to uplinks, our routes and rules; or events were lost), so sync.
 * `conf` is that of the last sync.
 */
bool route_manager_drain(struct route_manager *manager, const struct conf *conf);

/* Name of an interface index and back, as of the last sync or drain; NULL / 0: unknown. */
const char *route_interface_name(const struct route_manager *manager, uint32_t index);
uint32_t route_interface_index(const struct route_manager *manager, const char *name);
/* Visits all links known. */
typedef void route_interface_fn(uint32_t index, const char *name, void *context);
void route_interfaces(const struct route_manager *manager, route_interface_fn *visit,
		      void *context);

enum route_uplink_state { ROUTE_UPLINK_UP, ROUTE_UPLINK_DOWN, ROUTE_UPLINK_DISABLED };

struct route_uplink_status {
	enum route_uplink_state state;
	const char *
		reason; /* "", "interface 'ppp0' does not exist", "no carrier", "no gateway", ... */
	struct ip_addr gateway, gateway6; /* family IP_NONE: none */
	bool present;		 /* link, carrier and gateway are there, whatever probes say */
	bool carries4, carries6; /* the families that it has a way out for */
	struct ip_addr source4, source6; /* the link's first global address; IP_NONE: it has none */
	uint32_t index;			 /* of the link; 0: there is none */
};
/*
 * As of the last sync or judge. False: no such uplink (index of conf->uplinks). The reason
 * lives until the next of either.
 */
bool route_uplink_status(const struct route_manager *manager, size_t uplink,
			 struct route_uplink_status *status);
/* True if main's default route (either family) leaves by this interface, as of the last sync. */
bool route_main_default_by(const struct route_manager *manager, const char *interface);

/*
 * The wanted state as text, one "rule ..." or "route ..." a line in iproute2's words, for
 * `uplinks --plan`; needs no privilege. `health` by index of conf->uplinks, NULL: all healthy.
 * Malloced; NULL: a finding was added.
 */
char *route_plan_text(const struct conf *conf, const struct route_health *health,
		      struct diag_list *diags);
/* Warns of each fwmark rule of others in this kernel that looks at bits of our mask; no privilege.
 */
void route_check_mark_rules(const struct conf *conf, struct diag_list *diags);

/* ---- where one packet would go: lookup.c ---- */

#define ROUTE_INTERFACE_SIZE 16 /* IFNAMSIZ */
#define ROUTE_ERROR_SIZE 160

struct route_question {
	struct ip_addr dst;
	struct ip_addr src; /* family IP_NONE: the kernel chooses. IPv4 takes no foreign one without
			       iface_in */
	const char *iface_in; /* the packet came in by it and is forwarded; NULL: this machine sends
				 it */
	uint32_t mark;	      /* all bits, not only ours */
	uint32_t uid;
	uint16_t sport, dport;
	uint8_t proto, tos;
	bool has_ports, has_uid;
};

struct route_answer {
	const char *type; /* "unicast", "local", ...; NULL: refused, or not asked */
	uint32_t table;
	char interface[ROUTE_INTERFACE_SIZE];
	struct ip_addr gateway, source; /* family IP_NONE: none */
	/* "" if there is a route; else "unreachable", "blackhole", "prohibit", "no route", or a
	 * sentence */
	char error[ROUTE_ERROR_SIZE];
};

/*
 * Asks this machine's kernel (RTM_GETROUTE): all its policy rules count. Needs no privilege,
 * changes nothing. 0: it has answered, by a route or by a refusal (error); -errno: it could not be
 * asked, error says why.
 */
int route_lookup(const struct route_question *question, struct route_answer *answer);

#endif
