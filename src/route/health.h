/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * health - from the results of rounds to the state of a line. Private, pure; time is an argument.
 * What the counts, the window and the damping mean is in waymark/probe.h.
 */
#ifndef WAYMARK_ROUTE_HEALTH_H
#define WAYMARK_ROUTE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/config.h>
#include <waymark/probe.h>

/* The last probes of one target, as a ring. */
struct health_target {
	uint8_t count, next;
	float latency_ms[PROBE_WINDOW]; /* < 0: lost */
};

struct health {
	uint32_t need, down, up, max_loss_percent;
	enum probe_state state;
	uint32_t good_run, failed_run; /* rounds in a row */
	uint32_t missed_run;	       /* of failed ones: whose quorum was missed */
	unsigned flaps;		       /* how often what is asked for was doubled */
	int64_t failed_ms, good_ms;    /* since when, the last time; < 0: never, not now */
	struct health_target *targets;
	size_t target_count;
};

/* 0 or -ENOMEM. Begins stopped. */
int health_init(struct health *health, const struct conf_probe *probe);
void health_release(struct health *health);
void health_start(struct health *health);
void health_stop(struct health *health, int64_t now_ms);

/* One probe of a target has ended; latency_ms < 0: it was lost. */
void health_probe(struct health *health, size_t target, double latency_ms);
/* The last one's latency; < 0: lost, or none yet. */
double health_last_ms(const struct health *health, size_t target);

enum health_round { HEALTH_ROUND_GOOD, HEALTH_ROUND_FAILED, HEALTH_ROUND_LOSSY };

/*
 * The next round, in the order sent, is decided: `reached` says whether its quorum was. Returns
 * what it counts as. LOSSY is one that failed, and the loss says more of why than the round
 * itself: its quorum was reached, or was so within the last `down` rounds.
 */
enum health_round health_round(struct health *health, bool reached, int64_t now_ms);

/* Of the line; < 0: nothing known. */
double health_loss_percent(const struct health *health);
double health_latency_ms(const struct health *health);

enum health_quorum { HEALTH_OPEN, HEALTH_REACHED, HEALTH_MISSED };

/* What is certain of a round of `total` probes once so many have answered in time, or can not. */
enum health_quorum health_quorum(uint32_t need, size_t total, size_t answered, size_t lost);

#endif
