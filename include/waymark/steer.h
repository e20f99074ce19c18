/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steer - which uplink a new decision takes, given which of them are usable now.
 *
 * A rule names a target: a value (an uplink's, main, a class of the user's) or a group.
 * steer_take() turns it into the value that the flow gets:
 *  - a value whose uplink is usable, or that no uplink has, is itself;
 *  - else what its on_down says: main, block, another uplink or a group, followed until something
 *    usable stands there; main if nothing does, or if it goes in a circle. Block is its own value
 *    while the uplink is lost, whose table refuses then, and the drop value while it is drained,
 *    whose table leads on;
 *  - a lost uplink that `keeps` (failback = "all") is itself too: its table leads by the stand-in,
 *    and its flows are found by its value when it returns;
 *  - of a group one usable member: the first in a failover group, else by weight, and the
 *    one that the same source (and destination) took within sticky_s, while that is usable. If
 *    no member is usable, the first member decides as if the rule had named it.
 * Flows that have a value keep it: nothing here touches them. What a flow was given stays
 * valid until steer_state_forget() of its value: then its connmark is gone, and it is a new
 * decision when it comes again.
 *
 * struct steer        what the configuration says; immutable, owned by the policy.
 * struct steer_state  what is now: usable or not, epochs, turns, the sticky memory. Outlives
 *                     reloads (the daemon's one), or new for each replayed capture.
 *
 * Weights: over any stretch of turns, also while members come and go, each usable member gets its
 * share of them within a handful of flows. Turns are counted by a group's place in the
 * configuration.
 * Threads: a steer may be read by any. A state is written by the control thread (use, forget)
 * and by all workers (turns, sticky memory); nobody waits for anybody: all of it is atomics.
 * Workers that meet a new source at the same time agree on its member.
 * Errors: none after _new(); what finds no room in the sticky memory takes the place of the
 * entry least recently used of those that share its bucket, which so loses its stickiness.
 */
#ifndef WAYMARK_STEER_H
#define WAYMARK_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/hash.h>
#include <waymark/ip.h>
#include <waymark/mark.h>

enum steer_on_down {
	STEER_DOWN_MAIN,
	STEER_DOWN_BLOCK,
	STEER_DOWN_VALUE, /* of another uplink */
	STEER_DOWN_GROUP,
};

enum steer_sticky { STEER_STICKY_FLOW, STEER_STICKY_SOURCE, STEER_STICKY_SOURCE_DESTINATION };

#define STEER_NO_GROUP UINT32_MAX
#define STEER_STICKY_MAX_S 31536000U

struct steer_uplink {
	uint32_t value;
	enum steer_on_down on_down;
	uint32_t stand_in; /* of VALUE: a value; of GROUP: an index of groups */
	bool keeps;
	/* Never usable, whatever the state says, and the kernel has no table for it: as if drained. */
	bool disabled;
};

struct steer_member {
	uint32_t value;
	uint32_t weight; /* > 0 */
};

struct steer_group {
	const char *name; /* the sticky memory knows a group by its name, over reloads */
	bool failover;
	enum steer_sticky sticky; /* of weighted groups; a failover group always takes its first
				     usable member */
	uint32_t sticky_s;	  /* since the last new flow; at most STEER_STICKY_MAX_S */
	const struct steer_member *members;
	size_t member_count; /* > 0, each a value of an uplink */
};

struct steer_options {
	const struct mark_layout *mark;
	const struct steer_uplink *uplinks;
	size_t uplink_count;
	const struct steer_group *groups;
	size_t group_count;
};

struct steer;

/* Copies all of it. NULL: out of memory. */
struct steer *steer_new(const struct steer_options *options);
void steer_free(struct steer *steer);

struct steer_state;

/* All values usable. `sticky_max`: entries of the sticky memory, rounded up; 0: 65536. NULL: out of
 * memory. */
struct steer_state *steer_state_new(const struct mark_layout *mark, uint32_t sticky_max,
				    const struct hash_seed *seed);
void steer_state_free(struct steer_state *state);

enum steer_use {
	STEER_USABLE,
	STEER_LOST,    /* its line is gone: the kernel's tables lead elsewhere */
	STEER_DRAINED, /* its line works, but nothing new shall take it (by hand, or held back after
			  flapping) */
};

/* May new decisions take the uplink of this value? Control thread. */
void steer_state_set_use(struct steer_state *state, uint32_t value, enum steer_use use);
enum steer_use steer_state_use(const struct steer_state *state, uint32_t value);
/*
 * The connmarks of this value are about to be cleared: what was decided for it before is void.
 * Control thread, before the kernel's entries go.
 */
void steer_state_forget(struct steer_state *state, uint32_t value);
/* Kept with each decision, by whoever decides, read before the decision is made. */
uint32_t steer_state_epoch(const struct steer_state *state);
/* Whether a decision for this value, made at this epoch, is void. Any value of the layout. */
bool steer_state_is_void(const struct steer_state *state, uint32_t value, uint32_t epoch);

struct steer_target {
	uint32_t value;
	uint32_t group; /* STEER_NO_GROUP: the value alone */
};

struct steer_key {
	struct ip_addr src, dst; /* of the flow's client and server */
	uint64_t time_us;	 /* packet time */
};

/*
 * The value for a new decision; never that of an uplink that is not usable, but as said above. An
 * uplink that is lost in this very moment may still be taken: its steer_state_forget() comes later.
 */
uint32_t steer_take(const struct steer *steer, struct steer_state *state,
		    const struct steer_target *target, const struct steer_key *key);
/* True if the target may give this value as things are: a flow that has it need not move. Takes no
 * turn. */
bool steer_holds(const struct steer *steer, const struct steer_state *state,
		 const struct steer_target *target, uint32_t value);
/* Members of a group by value, for explain and documents; returns how many there are. */
size_t steer_group_members(const struct steer *steer, uint32_t group,
			   const struct steer_member **members);

#endif
