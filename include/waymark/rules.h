/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules - rule text -> an immutable ruleset, and the pure match over it.
 *
 * Sources are added in their order (waymark.conf's own `rules`, then the *.conf
 * and *.pat files of each rules_dir, by name, then the patterns that are built in),
 * compiled once, and never change.
 * A rule's header keys are judged on the facts of the flow's first packet, its
 * payload keys (app, host, alpn, payload) on the evidence so far: yes, no, or
 * still open. First match wins, also while it is open (design section 6).
 *
 * Ownership: a ruleset owns one arena. Threads: an immutable ruleset may be read
 * by any; hits are counted elsewhere, by rule index.
 */
#ifndef WAYMARK_RULES_H
#define WAYMARK_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/diag.h>
#include <waymark/inspect.h>
#include <waymark/ip.h>
#include <waymark/mark.h>
#include <waymark/packet.h>

enum rule_action { RULE_UPLINK, RULE_MAIN, RULE_MARK, RULE_DROP };
enum rule_late { RULE_LATE_NONE, RULE_LATE_LEARN, RULE_LATE_MOVE };
enum rule_hook { RULE_HOOK_ANY, RULE_HOOK_FORWARD, RULE_HOOK_OUTPUT };

#define RULES_NO_GROUP UINT32_MAX

/* What `uplink = "NAME"` may name; made from the configuration by the caller. */
struct rules_target {
	const char *name;
	uint32_t value; /* the mark's value; 0 of a group */
	uint32_t group; /* the caller's index; RULES_NO_GROUP: an uplink */
	bool nat;	/* of a group: any member */
};

struct rules_options {
	const struct rules_target *targets;
	size_t target_count;
	struct mark_layout mark;
};

/* ---- building ---- */

struct rules_builder;

struct rules_builder *rules_builder_new(const struct rules_options *options,
					struct diag_list *diags);
void rules_builder_free(struct rules_builder *builder);
/* The `rules = ( ... )` of a file. `shared`: the file is waymark.conf and its other keys are not ours to judge. */
void rules_add_file(struct rules_builder *builder, const char *path, bool shared);
/* A .pat file. */
void rules_add_pattern_file(struct rules_builder *builder, const char *path);
/*
 * The patterns that are built in, those of rules.d; last, since a .pat file of the same pattern name
 * that was added before stands in for them, if it is strict or they are not. Findings name
 * "rules.d/NAME.pat".
 */
void rules_add_shipped_patterns(struct rules_builder *builder);
/* Every *.conf and *.pat of a directory, in name order; `required`: a missing directory is an error. */
void rules_add_directory(struct rules_builder *builder, const char *path, bool required);

struct ruleset;

/* Sorts, resolves, compiles. NULL when any error has been found since builder_new. */
struct ruleset *rules_build(struct rules_builder *builder);
void ruleset_free(struct ruleset *ruleset);

/* ---- reading ---- */

struct rule_view {
	const char *name;
	const char *file;
	int line;
	int priority;
	enum rule_action action;
	const char *uplink; /* of RULE_UPLINK as written, "main" of RULE_MAIN, else NULL */
	uint32_t value; /* the mark's value that the action gives (layout.main, layout.drop, ...) */
	uint32_t group; /* the target's; RULES_NO_GROUP: the value alone. Of a group the value is 0 */
	enum rule_late late; /* as written, or by default from the target; never NONE */
	bool late_given;     /* written in the rule */
	bool log;
	const char *comment; /* NULL: none */
	bool has_payload_keys;
};

/* What a decision needs of a rule: the packet path reads this, not the whole view. */
struct rule_outcome {
	uint32_t value, group; /* as in the view */
	uint8_t action;	       /* enum rule_action */
	uint8_t late;	       /* enum rule_late */
	bool late_given;
};

size_t ruleset_count(const struct ruleset *ruleset);
/* In match order; disabled rules are not in it. */
void ruleset_view(const struct ruleset *ruleset, size_t index, struct rule_view *view);
struct rule_outcome ruleset_outcome(const struct ruleset *ruleset, size_t index);
const struct pattern_set *ruleset_patterns(const struct ruleset *ruleset);
/* How many of them are built in, rather than the configuration's own. */
size_t ruleset_shipped_patterns(const struct ruleset *ruleset);
/* True if no rule has a payload key: every flow is final on its first packet. */
bool ruleset_is_header_only(const struct ruleset *ruleset);
/* True if a rule has a host key: only then names of addresses are of use. */
bool ruleset_names_hosts(const struct ruleset *ruleset);

/* ---- matching ---- */

/* What header keys look at: taken from the flow's first packet. */
struct rule_facts {
	struct ip_addr src, dst;
	uint64_t time_us;
	uint32_t length; /* IP length as queued */
	uint32_t iface_in, iface_out;
	uint32_t mark; /* as queued: foreign bits included */
	uint32_t uid, gid;
	uint16_t sport, dport;
	uint8_t proto, tos, ttl, icmp_type, icmp_code, tcp_flags;
	uint8_t mac[6];
	uint8_t hook; /* enum rule_hook: FORWARD or OUTPUT */
	bool has_ports, has_icmp, has_tcp, has_mac, has_uid, has_gid;
	/* Replay and explain know names, not indexes; NULL: use the indexes. */
	const char *iface_in_name, *iface_out_name;
};

void rule_facts_from_packet(struct rule_facts *facts, const struct packet *packet);

/* Interface names are compared by index on the packet path; the daemon refreshes this map. */
struct rules_interfaces;
struct rules_interfaces *rules_interfaces_new(void);
void rules_interfaces_free(struct rules_interfaces *interfaces);
/* Copies; the name of an index, replacing what was there. One writer; workers may read at any time (names are interned, never freed). */
int rules_interfaces_set(struct rules_interfaces *interfaces, uint32_t index, const char *name);

/*
 * What is known of the far end before a flow shows anything: from DNS answers and from earlier
 * flows. The strings are borrowed. All zero: nothing.
 */
struct rule_expectation {
	const char *host; /* the name that the flow will most likely show */
	size_t host_length;
	/* the name that DNS gave for the address: the flow's name if it ends up showing none */
	const char *answer;
	size_t answer_length;
	/* a name that the flow shows under ECH is the outer one, and `answer` the one behind it */
	bool answer_is_inner;
	const uint16_t *apps;
	size_t app_count;
	uint64_t rule; /* ruleset_fingerprint() of the rule that decided such a flow; 0: none */
};

struct rule_match {
	int32_t rule;	     /* first rule that holds: the winner if open_count is 0; -1: none */
	uint32_t open_count; /* rules before it that are still open */
	int32_t first_open;  /* -1: none */
	int32_t expected;    /* the first of the open ones that holds if the flow is what is expected; -1: none */
};

/*
 * Pure. `evidence` NULL: nothing known yet, every payload key is open.
 * `expected` may be NULL. It never closes a rule, but for its `answer`, which is the host of a flow that
 * will show none; it must be the same on every call for a flow.
 * `interfaces` may be NULL (facts carry names then, or there are no interface keys).
 */
void ruleset_match(const struct ruleset *ruleset, const struct rule_facts *facts,
		   const struct evidence *evidence, const struct rule_expectation *expected,
		   const struct rules_interfaces *interfaces, struct rule_match *match);

/*
 * The same for the flows of a batch, begun for all of them, RULES_AHEAD_MAX at most: to wait for the
 * memory of all together costs a fraction of one by one. ruleset_ahead() borrows the facts and all
 * else until the last ruleset_match_ahead(), which takes a flow by its place among the facts.
 */
enum { RULES_AHEAD_MAX = 64 };
struct rules_ahead; /* of one thread; about 70 KiB */
struct rules_ahead *rules_ahead_new(void);
void rules_ahead_free(struct rules_ahead *ahead);
void ruleset_ahead(const struct ruleset *ruleset, const struct rule_facts *facts, size_t count,
		   const struct rules_interfaces *interfaces, struct rules_ahead *ahead);
void ruleset_match_ahead(struct rules_ahead *ahead, size_t flow, const struct evidence *evidence,
			 const struct rule_expectation *expected, struct rule_match *match);
/* The first header rule that holds, which most flows end at; -1: none, or facts that no flow has. */
int32_t rules_ahead_header(const struct rules_ahead *ahead, size_t flow);
/*
 * A hint: a flow that has just shown this host is matched soon. Two steps, 0 and 1, with whatever
 * else is to be done between them: the second waits for the memory that the first asks for.
 */
void ruleset_host_ahead(const struct ruleset *ruleset, const char *host, size_t length,
			unsigned step);
/* False: the rules are so few that they are in the processor's own cache anyway. */
bool ruleset_is_large(const struct ruleset *ruleset);
/*
 * Stands for a rule with app, alpn or payload keys as long as its name and those keys are the same, over
 * reloads; 0 for a rule that has none of them: what it needs is in a flow's addresses and host.
 */
uint64_t ruleset_fingerprint(const struct ruleset *ruleset, size_t index);

/* A DSCP by name ("ef", "af11", "cs5", ...) or number; as the `dscp` key takes it. */
bool rules_dscp_parse(const char *word, uint32_t *dscp);

enum rule_truth { RULE_NO, RULE_YES, RULE_OPEN };
/* One rule alone, for explain. */
enum rule_truth ruleset_judge(const struct ruleset *ruleset, size_t index,
			      const struct rule_facts *facts, const struct evidence *evidence,
			      const struct rule_expectation *expected,
			      const struct rules_interfaces *interfaces);
/* The indexes of the open rules before `limit` (a rule index), at most `max`; returns how many there are. */
size_t ruleset_open_rules(const struct ruleset *ruleset, const struct rule_facts *facts,
			  const struct evidence *evidence, const struct rule_expectation *expected,
			  const struct rules_interfaces *interfaces, int32_t limit,
			  int32_t *indexes, size_t max);

#endif
