/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's own types. One control thread runs daemon.c, network.c, reload.c
 * and documents.c; each worker thread runs worker.c alone. What they share:
 *  - daemon->snapshot: exchanged under RCU, immutable but for per-worker counters;
 *  - struct worker: its atomics, and one question at a time, which it answers itself.
 */
#ifndef WAYMARK_DAEMON_H
#define WAYMARK_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <waymark/classify.h>
#include <waymark/control.h>
#include <waymark/doubt.h>
#include <waymark/firewall.h>
#include <waymark/policy.h>
#include <waymark/route.h>
#include <waymark/source.h>
#include <waymark/steer.h>

struct event;
struct event_base;

/* ---- what a reload exchanges ---- */

struct snapshot {
	struct policy *policy;
	uint32_t generation;
	unsigned worker_count;
	struct classify_policy *views;		/* one a worker */
	struct classify_rule_stats *rule_stats; /* worker_count times the number of rules */
};

struct snapshot *snapshot_new(struct policy *policy, uint32_t generation, unsigned worker_count,
			      const struct rules_interfaces *interfaces, struct names *names,
			      struct steer_state *steer_state);
/* Frees the policy too. */
void snapshot_free(struct snapshot *snapshot);
/* Summed over workers. */
void snapshot_rule_hits(const struct snapshot *snapshot, size_t rule, uint64_t *hits,
			uint64_t *last_hit_us);

/* ---- workers ---- */

struct flow_record {
	struct flow flow; /* a copy */
	char *host;	  /* owned; NULL: none */
	uint16_t app;
	uint8_t host_source;
};

/* Which flows a dump is asked for; zero and NULL mean any. */
struct flow_filter {
	uint8_t proto;
	struct ip_addr src, dst;
	uint16_t dport;
	uint16_t app;
	const char *host;
	int32_t rule; /* -1: any */
	uint32_t generation;
	uint32_t value;
	bool by_value;
};

struct daemon;
struct worker_question;

/* created, expired, evicted undecided, evicted decided, restarted: struct flow_table_stats */
#define TABLE_COUNTERS 5

struct worker {
	struct daemon *daemon;
	unsigned index;
	uint16_t queue;
	pthread_t thread;
	bool running;
	struct source *source;
	struct classifier *classifier;
	_Atomic bool stop;
	_Atomic bool failed;
	_Atomic uint64_t heartbeat; /* raised, with release, before each receive */
	_Atomic uint32_t flow_count;
	_Atomic uint64_t
		table[TABLE_COUNTERS]; /* the table's own counters, as of the last heartbeat */
	_Atomic(struct worker_question *) question;
	struct doubt *doubt; /* the thread's own, while it runs */
	_Atomic uint64_t logs_suppressed;
	/* the watchdog's memory; control thread */
	uint64_t last_heartbeat;
	unsigned stalled_seconds;
};

/* Binds the queue; nothing runs yet. 0 or -1 with a log line. */
int worker_open(struct worker *worker, struct daemon *daemon, unsigned index,
		const struct conf *conf);
/*
 * Before the start: what waits in the queue with one of these values passes without it. Its mark
 * was restored before the connmark was cleared, and must not be saved again.
 */
void worker_pass_astray(struct worker *worker, const bool *values);
int worker_start(struct worker *worker);
/* The clock of packets: microseconds since the epoch. */
uint64_t wall_us(void);
/* Asks it to end, and waits. */
void worker_stop(struct worker *worker);
void worker_release(struct worker *worker);
/*
 * Asks the worker for flows and waits, at most two seconds. 0, -ETIMEDOUT, -ENOMEM.
 * The caller releases the records.
 */
int worker_dump_flows(struct worker *worker, const struct flow_filter *filter, size_t max,
		      struct flow_record **records, size_t *count);
void flow_records_free(struct flow_record *records, size_t count);
/*
 * In the same way, adds to `into` what the worker's flows turned out to be. On failure `into` is
 * no longer the caller's.
 */
int worker_gather_doubt(struct worker *worker, struct doubt *into);

/* ---- the daemon ---- */

/* What a queue shows in /proc/net/netfilter/nfnetlink_queue. */
struct queue_counters {
	uint32_t waiting;
	uint64_t dropped; /* by the kernel and on the way to us */
	uint64_t sequence;
};
bool queue_counters_read(uint16_t queue, struct queue_counters *counters);

#define RETIRED_GENERATIONS 16

/* Names of rules that are gone, for flows that were decided by them. */
struct retired_rules {
	uint32_t generation;
	size_t count;
	char **names;
};

struct daemon {
	const char *config_path;
	const char *socket_path; /* NULL: from the configuration */
	struct event_base *base;
	_Atomic(struct snapshot *) snapshot; /* exchanged under RCU, see reload.c */
	uint32_t generation;
	uint64_t started_ms; /* CLOCK_MONOTONIC */
	struct worker *workers;
	unsigned worker_count;
	struct rules_interfaces *interfaces;
	/* live through reloads; the workers read and write them */
	struct names *names;
	struct steer_state *steer_state;
	struct control_server *control;
	struct retired_rules retired[RETIRED_GENERATIONS];
	unsigned retired_next;
	bool stopping;
	int exit_code;

	/* network.c */
	struct route_manager *routes;
	struct firewall_monitor *firewall_monitor;
	struct event *route_event, *route_timer, *look_timer, *slow_timer;
	struct event *firewall_event, *firewall_timer;
	bool firewall_applied, routes_applied;
	_Atomic uint64_t route_repairs, firewall_repairs;
	char route_trouble[512]; /* the last failure, so that it is logged once */
	struct uplinks *uplinks; /* uplinks.c */

	/* daemon.c */
	struct event *signal_events[3];
	struct event *watchdog_timer;
};

static inline const struct conf *daemon_conf(const struct daemon *daemon)
{
	return daemon->snapshot->policy->conf;
}

/* Runs until told to stop; the exit code. */
int daemon_run(const char *config_path, const char *socket_path, int log_level);
/* Begins an ordered stop. */
void daemon_stop(struct daemon *daemon, int exit_code);
/* Keeps what a running daemon needs. Of the calling thread alone. */
void daemon_drop_capabilities(void);

/* network.c: kernel state, kept as the policy wants it */
/* Before a packet is looked at: marks that an earlier run gave another meaning go. */
int network_open(struct daemon *daemon);
int network_start(struct daemon *daemon);
void network_stop(struct daemon *daemon);
/* Brings routes and chains to another configuration; on failure back to `old`. 0 or -errno with
 * findings. */
int network_change(struct daemon *daemon, const struct conf *conf, const struct conf *old,
		   struct diag_list *diags);
/* Takes the queue rules away, so that the queues run dry. */
void network_unqueue(struct daemon *daemon);
/* Rules and routes follow as soon as the event loop comes round. */
void network_sync_soon(struct daemon *daemon);
uint64_t monotonic_ms(void);
void timer_arm(struct event *timer, long ms);

/* uplinks.c: which of them new flows may take, and what a change brings with it */
struct uplinks;
struct uplinks *uplinks_new(struct daemon *daemon, const struct conf *conf);
void uplinks_free(struct uplinks *uplinks);
/* Another configuration, or the old one again; must live as long as it is the last that was given.
 */
int uplinks_adopt(struct uplinks *uplinks, const struct conf *conf);
/*
 * Takes over what the route manager and the probes say now. True: rules and routes must follow
 * at once.
 */
bool uplinks_follow(struct uplinks *uplinks);
/* Behind a sync of rules and routes: ends the connections of what was lost before it. */
void uplinks_flush(struct uplinks *uplinks);
size_t uplinks_up(const struct uplinks *uplinks);
json_t *uplinks_document(const struct uplinks *uplinks);
/* How each uplink is now, as events for a follower that begins. */
json_t *uplinks_events(const struct uplinks *uplinks);
/* `waymark uplink NAME up|down|auto` */
json_t *uplinks_order(struct uplinks *uplinks, const json_t *request);

/* reload.c: 0, or -1 with findings and the old policy still running */
int daemon_reload(struct daemon *daemon, struct diag_list *diags);
const char *daemon_rule_name(const struct daemon *daemon, const struct flow *flow);

/* connmarks.c: connections that carry the value of an uplink that now is another lose our bits */
void connmarks_clear_changed(const struct conf *old, const struct conf *conf);
/*
 * The same at a start, where the rules that an earlier run left tell what values meant. The values
 * that changed, 0 to user_max, for the caller to free; NULL if none.
 */
bool *connmarks_clear_leftovers(struct route_manager *routes, const struct conf *conf);
/* Ends the connections that carry this value: they begin anew with their next packet. */
void connmarks_flush(const struct mark_layout *mark, uint32_t value);
/* Whether the mark of this uplink of `old` leads elsewhere now. */
bool connmarks_value_changed(const struct conf *old, const struct conf *conf, size_t uplink);

/* documents.c: the answers of the control socket */
json_t *documents_answer(const json_t *request, void *context);
json_t *address_or_null(const struct ip_addr *addr);
json_t *string_or_null(const char *text);
/* {"event": NAME, "time": now} and the members of `more` (stolen); NULL: out of memory. */
json_t *event_document(const char *name, json_t *more);
/* The same, to whoever follows. */
void event_publish(struct daemon *daemon, const char *name, json_t *more);
json_t *mark_text(const struct mark_layout *mark, uint32_t value);
json_t *proto_json(uint8_t proto);
/* names.c: the names cache, listed; what it expects of a connection, for explain; its counters */
json_t *names_answer(struct daemon *daemon, const json_t *request);
json_t *guess_answer(struct daemon *daemon, const json_t *request);
json_t *names_stats_document(const struct daemon *daemon);

#endif
