/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * classify - the straight line: (packet, flow, ruleset) -> verdict.
 *
 * classify_packet() is the function that live packets and replay both run. It
 * finds the flow, takes the header facts of its first packet, feeds inspection
 * while an earlier rule is open, and answers with the whole new mark. What DNS
 * answers and earlier flows told of the far end picks a line meanwhile (names.h).
 *
 * DNS is read on the way and changes no flow's mark by that. Where our own chains queue it once more
 * (POSTROUTING, INPUT, the resolver's answers in OUTPUT), it is read and passed as it is. They know
 * it by its P (dns_keeps_p), whatever its flow's state. A final flow without an uplink that comes with
 * a translating uplink's value was pinned there by them, and keeps it.
 *
 * What a rule names is a target: steer.h gives the value that stands for it now, once a flow, when
 * it takes it. A flow whose value was forgotten since (steer_state_forget()) begins anew with its
 * next packet that no longer carries that value.
 *
 * A classifier belongs to one worker; the ruleset is a parameter of each call,
 * so a reload is a pointer exchange outside. Flows keep rule indexes with the
 * generation of their ruleset, never pointers.
 * Errors: none; out of memory and full budgets are counted in the stats and
 * the flow is decided by headers alone.
 */
#ifndef WAYMARK_CLASSIFY_H
#define WAYMARK_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/dns_watch.h>
#include <waymark/flow.h>
#include <waymark/inspect.h>
#include <waymark/names.h>
#include <waymark/packet.h>
#include <waymark/rules.h>
#include <waymark/steer.h>

/* The rules, and what the classifier must know of the uplinks that they name. */
struct classify_policy {
	const struct ruleset *rules;
	uint32_t generation;
	struct mark_layout mark;
	bool observe;	      /* classify and count, but leave every mark as it is */
	bool drop_by_verdict; /* no chain of ours drops the drop value: do it here */
	bool dns_keeps_p; /* our chains tell forwarded DNS by P: its verdicts have it, decided or not */
	bool inspect_decided; /* read on for app and host after the decision: replay, which sees every packet */
	struct inspect_limits limits;
	/* What is known of addresses before a flow shows anything; NULL: nothing is learnt, nothing guessed. */
	struct names *names;
	bool names_per_client;
	uint32_t names_min_ttl_s;
	const bool *value_is_nat; /* indexed by value, 0 .. layout.user_max */
	/* which uplink a rule's target stands for now: what the configuration says, and what is */
	const struct steer *steer;
	struct steer_state *steer_state;
	const struct rules_interfaces *interfaces; /* may be NULL: the names in the facts count */
	/* per rule, written by this worker alone; may be NULL */
	struct classify_rule_stats *rule_stats;
};

struct classify_rule_stats {
	_Atomic uint64_t hits;	   /* flows decided by the rule */
	_Atomic uint64_t last_hit_us; /* packet time */
};

struct classify_stats {
	_Atomic uint64_t packets, bytes, flows;
	_Atomic uint64_t decided_first, decided_late; /* on packet 1 / later */
	_Atomic uint64_t moved, kept;		      /* late decisions under move / learn */
	_Atomic uint64_t dropped;
	_Atomic uint64_t refused_memory; /* no inspection: out of memory or over budget */
	_Atomic uint64_t older;	      /* flows older than our knowledge of them */
	_Atomic uint64_t inspected;   /* flows with an inspection, however short */
	/* flows that the names cache gave a line on their first packet; what they showed then */
	_Atomic uint64_t guessed, guessed_right, guessed_wrong;
};

/* What is known of a flow beside its decision. Flows of which the same is known share it. */
struct flow_info {
	uint16_t app[EVIDENCE_LAYERS];
	uint8_t app_count;
	uint16_t app_shown; /* evidence_app() */
	uint8_t host_source;
	uint16_t alpn_length;
	const char *alpn; /* NUL-separated; NULL: none */
	const char *host; /* NULL: none */
};

/*
 * What a flow's inspection has come to when it is let go: nothing more will be known of the flow.
 */
struct classify_settled {
	const struct flow *flow;
	const struct evidence *evidence;
	struct inspection_look look;
	bool ended; /* with the flow; else by a decision or a limit */
};
typedef void classify_settled_fn(const struct classify_settled *settled, void *context);

struct classifier;

struct classifier_options {
	uint32_t flows_max;
	struct flow_timeouts timeouts;
	size_t inspect_bytes_max; /* budget for prefixes and evidence of undecided flows; 0: a default */
	/*
	 * By what those are finished that end before anybody knows them; lives as long as the
	 * classifier. NULL: they just end. The daemon, whose policies come and go, has nobody who would ask.
	 */
	const struct classify_policy *at_end;
	/* told of each flow that was inspected, once, before `ended`; may be NULL */
	classify_settled_fn *settled;
	void *settled_context;
};

/*
 * Told of each flow that leaves the table (expired, evicted, restarted, or table freed), with what is
 * known of it, NULL: nothing; may be NULL.
 */
typedef void classify_ended_fn(const struct flow *flow, const struct flow_info *info,
			       void *context);

struct classifier *classifier_new(const struct classifier_options *options,
				  classify_ended_fn *ended, void *context);
void classifier_free(struct classifier *classifier);

struct verdict classify_packet(struct classifier *classifier, const struct classify_policy *policy,
			       const struct packet *packet);
/*
 * The same for what one receive() gave, whose flows are looked for together. `seen`, if not NULL, is
 * called behind each packet, where the classifier_last_*() tell of it.
 */
#define CLASSIFY_BATCH 64
typedef void classify_seen_fn(struct classifier *classifier, const struct packet *packet,
			      const struct verdict *verdict, void *context);
void classify_batch(struct classifier *classifier, const struct classify_policy *policy,
		    const struct packet *packets, size_t count, struct verdict *verdicts,
		    classify_seen_fn *seen, void *context);
/* The flow of the last classify_packet() and the direction of its packet; valid until the next call. */
struct flow *classifier_last_flow(const struct classifier *classifier,
				  enum flow_direction *direction);
/* True if the last classify_packet() made its flow final; for the rule's `log`. */
bool classifier_last_decided(const struct classifier *classifier);
/* Idle work: expires flows. Returns how many went. */
size_t classifier_expire(struct classifier *classifier, uint64_t now_us, size_t budget);
struct flow_table *classifier_flows(struct classifier *classifier);
struct classify_stats *classifier_stats(struct classifier *classifier);
const struct dns_watch_stats *classifier_dns_stats(const struct classifier *classifier);
/* NULL while nothing is known. Valid until the next call. */
const struct flow_info *classify_info(const struct classifier *classifier, const struct flow *flow);

/* ---- the decision, pure but for whose turn it is; also what `explain` shows ---- */

/* The names cache's guess as the rules take it; borrows the guess's strings. */
struct rule_expectation classify_expectation(const struct names_guess *guess);

struct classify_decision {
	int32_t rule;	     /* -1: none */
	uint32_t value;	     /* V the flow has from now on (0: nothing yet) */
	bool final;
	enum rule_late late; /* NONE unless it was decided late */
	bool moved;
};

/*
 * `facts`: of the flow's first packet; who it is to stick to a member of a group, and when.
 * `current`: the value the flow has (0 before its first packet's verdict).
 * `late_now`: the flow has left its first packet behind, or is older than our knowledge.
 * `guessed`: its line was given by match->expected, on its first packet.
 * Takes a turn of a group (policy->steer_state) where the flow gets a value of one.
 */
struct classify_decision classify_decide(const struct classify_policy *policy,
					 const struct rule_match *match,
					 const struct rule_facts *facts, uint32_t current,
					 bool late_now, bool guessed);

#endif
