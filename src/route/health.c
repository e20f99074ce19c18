/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the results of rounds to the state of a line: see health.h.
 *
 * - Only a round changes the state. Single probes fill the windows, and may go on doing so after
 *   their round was decided.
 * - The loss that a round is judged by is that of targets whose window is full; while fewer than
 *   `need` are, there is no such loss. What is shown takes any window that holds something.
 * - Being good counts for the damping only while it lasts: a stop ends it, since nobody knows what
 *   the line does when it is not watched.
 * - Times are those of one clock that never goes back; the first failure of a line has none before
 *   it and doubles nothing.
 */
#include "health.h"

#include <errno.h>
#include <stdlib.h>

#define NEVER (-1)
#define FLAP_MS ((int64_t)PROBE_FLAP_S * 1000)

int health_init(struct health *health, const struct conf_probe *probe)
{
	*health = (struct health){
		.need = probe->need,
		.down = probe->down,
		.up = probe->up,
		.max_loss_percent = probe->max_loss_percent,
		.state = PROBE_STOPPED,
		.failed_ms = NEVER,
		.good_ms = NEVER,
		.target_count = probe->target_count,
	};
	health->targets = calloc(probe->target_count, sizeof(*health->targets));
	return health->targets ? 0 : -ENOMEM;
}

void health_release(struct health *health)
{
	free(health->targets);
	*health = (struct health){.state = PROBE_STOPPED};
}

/* ---- the windows ---- */

void health_probe(struct health *health, size_t target, double latency_ms)
{
	struct health_target *t = &health->targets[target];

	t->latency_ms[t->next] = latency_ms < 0 ? -1 : (float)latency_ms;
	t->next = (uint8_t)((t->next + 1) % PROBE_WINDOW);
	if (t->count < PROBE_WINDOW)
		t->count++;
}

double health_last_ms(const struct health *health, size_t target)
{
	const struct health_target *t = &health->targets[target];

	return t->count ? t->latency_ms[(t->next + PROBE_WINDOW - 1) % PROBE_WINDOW] : -1;
}

/* A target's figure; < 0: it has none. */
typedef double figure_fn(const struct health_target *target);

static double loss_of(const struct health_target *target)
{
	unsigned lost = 0;

	for (unsigned i = 0; i < target->count; i++)
		lost += target->latency_ms[i] < 0;
	return target->count ? 100.0 * lost / target->count : -1;
}

static double loss_of_full(const struct health_target *target)
{
	return target->count == PROBE_WINDOW ? loss_of(target) : -1;
}

static double latency_of(const struct health_target *target)
{
	unsigned answers = 0;
	double sum = 0;

	for (unsigned i = 0; i < target->count; i++) {
		if (target->latency_ms[i] < 0)
			continue;
		sum += (double)target->latency_ms[i];
		answers++;
	}
	return answers ? sum / answers : -1;
}

/* The nth lowest of the figures that there are (from 1); < 0: there are not so many. */
static double nth_lowest(const struct health *health, figure_fn *of, size_t nth)
{
	for (size_t i = 0; i < health->target_count; i++) {
		double figure = of(&health->targets[i]);
		size_t below = 0, same = 0;
		if (figure < 0)
			continue;
		for (size_t j = 0; j < health->target_count; j++) {
			double other = of(&health->targets[j]);
			if (other < 0)
				continue;
			below += other < figure;
			same += other == figure;
		}
		if (below < nth && nth <= below + same)
			return figure;
	}
	return -1;
}

double health_loss_percent(const struct health *health)
{
	return nth_lowest(health, loss_of, health->need);
}

double health_latency_ms(const struct health *health)
{
	/* of a line where too few answer: the slowest of those that do */
	for (size_t nth = health->need; nth; nth--) {
		double latency = nth_lowest(health, latency_of, nth);
		if (latency >= 0)
			return latency;
	}
	return -1;
}

/* ---- rounds and the state ---- */

enum health_quorum health_quorum(uint32_t need, size_t total, size_t answered, size_t lost)
{
	if (answered >= need)
		return HEALTH_REACHED;
	return total - lost < need ? HEALTH_MISSED : HEALTH_OPEN;
}

/* Whether it has been good for so long that its earlier failures are forgotten. */
static bool has_settled(const struct health *health, int64_t now_ms)
{
	return health->good_ms >= 0 && now_ms - health->good_ms >= FLAP_MS;
}

static void fail(struct health *health, int64_t now_ms)
{
	if (has_settled(health, now_ms))
		health->flaps = 0;
	else if (health->failed_ms >= 0 && now_ms - health->failed_ms <= FLAP_MS &&
		 health->flaps < PROBE_FLAP_MAX)
		health->flaps++;
	health->state = PROBE_FAILED;
	health->failed_ms = now_ms;
	health->good_ms = NEVER;
}

static bool is_lossy(const struct health *health)
{
	return health->max_loss_percent < 100 &&
	       nth_lowest(health, loss_of_full, health->need) > health->max_loss_percent;
}

enum health_round health_round(struct health *health, bool reached, int64_t now_ms)
{
	bool lossy = is_lossy(health);

	health->missed_run = reached ? 0 : health->missed_run + (health->missed_run < health->down);
	if (!reached || lossy) {
		health->good_run = 0;
		if (health->failed_run < health->down)
			health->failed_run++;
		if (health->failed_run == health->down && health->state != PROBE_FAILED)
			fail(health, now_ms);
		return lossy && health->missed_run < health->down ? HEALTH_ROUND_LOSSY
								  : HEALTH_ROUND_FAILED;
	}
	uint32_t asked = health->up << health->flaps;
	health->failed_run = 0;
	if (health->good_run < asked)
		health->good_run++;
	if (health->good_run == asked && health->state != PROBE_GOOD) {
		health->state = PROBE_GOOD;
		health->good_ms = now_ms;
	}
	return HEALTH_ROUND_GOOD;
}

void health_start(struct health *health)
{
	health->state = PROBE_WAITING;
}

void health_stop(struct health *health, int64_t now_ms)
{
	if (has_settled(health, now_ms))
		health->flaps = 0;
	health->state = PROBE_STOPPED;
	health->good_run = health->failed_run = health->missed_run = 0;
	health->good_ms = NEVER;
	for (size_t i = 0; i < health->target_count; i++)
		health->targets[i].count = health->targets[i].next = 0;
}
