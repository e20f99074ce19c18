/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * health: what rounds come to. Time is virtual: a test says when each round is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/route/health.h"

#define SECOND ((int64_t)1000)

struct line {
	struct health health;
	int64_t now_ms;
};

static void line_init(struct line *line, uint32_t targets, uint32_t need, uint32_t down,
		      uint32_t up, uint32_t max_loss_percent)
{
	const struct conf_probe probe = {
		.type = CONF_PROBE_ICMP,
		.target_count = targets,
		.need = need,
		.down = down,
		.up = up,
		.max_loss_percent = max_loss_percent,
	};

	*line = (struct line){.now_ms = 1};
	assert_int_equal(health_init(&line->health, &probe), 0);
	assert_int_equal(line->health.state, PROBE_STOPPED);
	health_start(&line->health);
}

/* Rounds, a second apart, of one fate. */
static enum probe_state rounds(struct line *line, unsigned count, bool reached)
{
	while (count--) {
		line->now_ms += SECOND;
		health_round(&line->health, reached, line->now_ms);
	}
	return line->health.state;
}

/* How many good rounds it takes until the line is good. */
static unsigned rounds_to_good(struct line *line)
{
	unsigned count = 1;

	while (rounds(line, 1, true) != PROBE_GOOD) {
		assert_true(count < 1000);
		count++;
	}
	return count;
}

/* One round of a line with one target. */
static enum health_round one_round(struct line *line, double latency_ms)
{
	health_probe(&line->health, 0, latency_ms);
	line->now_ms += SECOND;
	return health_round(&line->health, latency_ms >= 0, line->now_ms);
}

/* ---- counts ---- */

static void a_fresh_line_waits_until_one_count_is_reached(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 1, 1, 3, 2, 100);
	assert_int_equal(line.health.state, PROBE_WAITING);
	assert_int_equal(rounds(&line, 2, false), PROBE_WAITING);
	assert_int_equal(rounds(&line, 1, true), PROBE_WAITING);
	assert_int_equal(rounds(&line, 1, true), PROBE_GOOD);
	health_release(&line.health);

	line_init(&line, 1, 1, 3, 2, 100);
	assert_int_equal(rounds(&line, 2, false), PROBE_WAITING);
	assert_int_equal(rounds(&line, 1, false), PROBE_FAILED);
	health_release(&line.health);

	line_init(&line, 1, 1, 1, 1, 100);
	assert_int_equal(rounds(&line, 1, false), PROBE_FAILED);
	assert_int_equal(rounds(&line, 1, true), PROBE_GOOD);
	health_release(&line.health);
}

static void only_rounds_in_a_row_count(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 1, 1, 3, 3, 100);
	assert_int_equal(rounds(&line, 3, true), PROBE_GOOD);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(rounds(&line, 2, false), PROBE_GOOD);
		assert_int_equal(rounds(&line, 1, true), PROBE_GOOD);
	}
	assert_int_equal(rounds(&line, 3, false), PROBE_FAILED);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(rounds(&line, 2, true), PROBE_FAILED);
		assert_int_equal(rounds(&line, 1, false), PROBE_FAILED);
	}
	assert_int_equal(rounds(&line, 3, true), PROBE_GOOD);
	health_release(&line.health);
}

static void a_stop_forgets_the_counts_and_the_window(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 1, 1, 2, 2, 100);
	one_round(&line, -1);
	assert_true(health_loss_percent(&line.health) > 99);
	health_stop(&line.health, line.now_ms);
	assert_int_equal(line.health.state, PROBE_STOPPED);
	assert_true(health_loss_percent(&line.health) < 0);
	assert_true(health_last_ms(&line.health, 0) < 0);
	health_start(&line.health);
	assert_int_equal(rounds(&line, 1, false), PROBE_WAITING);
	assert_int_equal(rounds(&line, 1, true), PROBE_WAITING);
	health_stop(&line.health, line.now_ms);
	health_start(&line.health);
	assert_int_equal(rounds(&line, 1, true), PROBE_WAITING);
	assert_int_equal(rounds(&line, 1, true), PROBE_GOOD);
	health_release(&line.health);
}

/* ---- loss and latency ---- */

static void loss_is_judged_of_a_full_window_alone(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 1, 1, 3, 1, 20);
	/* 19 probes with 9 lost, each a failed round of its own, but none by the loss */
	for (int i = 0; i < 19; i++)
		assert_int_equal(one_round(&line, i % 2 ? -1 : 10),
				 i % 2 ? HEALTH_ROUND_FAILED : HEALTH_ROUND_GOOD);
	assert_int_equal(one_round(&line, 10), HEALTH_ROUND_LOSSY);
	assert_int_equal(line.health.state, PROBE_GOOD);
	assert_true(health_loss_percent(&line.health) > 44.9 &&
		    health_loss_percent(&line.health) < 45.1);
	/* lossy until no more than 4 of 20 are lost; at 20 % it is not above 20 % */
	for (int i = 0; i < 9; i++)
		assert_int_equal(one_round(&line, 10), HEALTH_ROUND_LOSSY);
	assert_int_equal(line.health.state, PROBE_FAILED);
	assert_int_equal(one_round(&line, 10), HEALTH_ROUND_GOOD);
	assert_int_equal(line.health.state, PROBE_GOOD);
	assert_true(health_loss_percent(&line.health) > 19.9 &&
		    health_loss_percent(&line.health) < 20.1);
	health_release(&line.health);
}

static void the_loss_is_the_reason_while_some_rounds_answer(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 1, 1, 3, 1, 20);
	for (unsigned i = 0; i < 2 * PROBE_WINDOW; i++)
		one_round(&line, i % 2 ? -1 : 10);
	assert_int_equal(line.health.state, PROBE_FAILED);
	assert_int_equal(one_round(&line, 10), HEALTH_ROUND_LOSSY);
	assert_int_equal(one_round(&line, -1), HEALTH_ROUND_LOSSY);
	assert_int_equal(one_round(&line, -1), HEALTH_ROUND_LOSSY);
	/* and no longer when none of as many as fail a line did */
	assert_int_equal(one_round(&line, -1), HEALTH_ROUND_FAILED);
	assert_int_equal(one_round(&line, -1), HEALTH_ROUND_FAILED);
	assert_int_equal(one_round(&line, 10), HEALTH_ROUND_LOSSY);
	health_release(&line.health);
}

static void a_loss_of_0_percent_asks_for_every_answer(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 1, 1, 2, 1, 0);
	one_round(&line, -1);
	for (unsigned i = 0; i < PROBE_WINDOW - 2; i++)
		assert_int_equal(one_round(&line, 1), HEALTH_ROUND_GOOD);
	assert_int_equal(one_round(&line, 1), HEALTH_ROUND_LOSSY); /* full, one is lost */
	assert_int_equal(line.health.state, PROBE_GOOD);
	assert_int_equal(one_round(&line, 1), HEALTH_ROUND_GOOD); /* and out of the window */
	health_release(&line.health);
}

static void at_100_percent_loss_is_not_judged(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 1, 1, 3, 1, 100);
	for (unsigned i = 0; i < 10 * PROBE_WINDOW; i++)
		assert_int_equal(one_round(&line, i % 3 ? -1 : 1),
				 i % 3 ? HEALTH_ROUND_FAILED : HEALTH_ROUND_GOOD);
	assert_int_equal(line.health.state, PROBE_GOOD);
	assert_true(health_loss_percent(&line.health) > 60);
	health_release(&line.health);
}

/* A round of three targets: 10 ms, 200 ms, and one that is dead. */
static enum health_round mixed_round(struct line *line)
{
	health_probe(&line->health, 0, 200);
	health_probe(&line->health, 1, -1);
	health_probe(&line->health, 2, 10);
	line->now_ms += SECOND;
	return health_round(&line->health, line->health.need < 3, line->now_ms);
}

static void a_lines_figures_are_the_needth_best_of_its_targets(void **state)
{
	const struct {
		uint32_t need;
		double loss, latency;
	} cases[] = {{1, 0, 10}, {2, 0, 200}, {3, 100, 200}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct line line;
		line_init(&line, 3, cases[i].need, 3, 1, 20);
		assert_true(health_loss_percent(&line.health) < 0);
		assert_true(health_latency_ms(&line.health) < 0);
		for (unsigned n = 0; n < 3 * PROBE_WINDOW; n++)
			assert_int_equal(mixed_round(&line), cases[i].need < 3
								     ? HEALTH_ROUND_GOOD
								     : HEALTH_ROUND_FAILED);
		assert_true(health_loss_percent(&line.health) == cases[i].loss);
		assert_true(health_latency_ms(&line.health) == cases[i].latency);
		health_release(&line.health);
	}
}

static void targets_with_the_same_figures_are_ranked_too(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 4, 3, 3, 1, 20);
	for (unsigned n = 0; n < PROBE_WINDOW; n++)
		for (size_t i = 0; i < 4; i++)
			health_probe(&line.health, i, i == 3 ? 7 : 5);
	assert_true(health_latency_ms(&line.health) == 5);
	line.health.need = 4;
	assert_true(health_latency_ms(&line.health) == 7);
	assert_true(health_loss_percent(&line.health) == 0);
	health_release(&line.health);
}

static void too_few_full_windows_are_no_loss(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 2, 2, 1, 1, 20);
	for (unsigned n = 0; n < PROBE_WINDOW; n++)
		health_probe(&line.health, 0, -1);
	for (unsigned n = 0; n < PROBE_WINDOW - 1; n++)
		health_probe(&line.health, 1, -1);
	assert_int_equal(health_round(&line.health, true, 1), HEALTH_ROUND_GOOD);
	health_probe(&line.health, 1, -1);
	assert_int_equal(health_round(&line.health, true, 2), HEALTH_ROUND_LOSSY);
	health_release(&line.health);
}

static void the_window_holds_the_last_probes(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 1, 1, 1, 1, 100);
	for (unsigned i = 0; i < PROBE_WINDOW; i++)
		health_probe(&line.health, 0, -1);
	for (unsigned i = 1; i <= PROBE_WINDOW; i++) {
		health_probe(&line.health, 0, 8);
		assert_true(health_loss_percent(&line.health) ==
			    100.0 * (PROBE_WINDOW - i) / PROBE_WINDOW);
		assert_true(health_latency_ms(&line.health) == 8);
		assert_true(health_last_ms(&line.health, 0) == 8);
	}
	health_probe(&line.health, 0, 0);
	assert_true(health_latency_ms(&line.health) == 8.0 * (PROBE_WINDOW - 1) / PROBE_WINDOW);
	health_probe(&line.health, 0, -1);
	assert_true(health_last_ms(&line.health, 0) < 0);
	health_release(&line.health);
}

/* ---- damping ---- */

static void each_failure_soon_after_another_doubles_what_is_asked(void **state)
{
	struct line line;
	unsigned asked = 3;

	(void)state;
	line_init(&line, 1, 1, 1, 3, 100);
	assert_int_equal(rounds_to_good(&line), 3);
	rounds(&line, 1, false);
	for (unsigned i = 0; i < PROBE_FLAP_MAX + 3; i++) {
		assert_int_equal(rounds_to_good(&line), asked);
		assert_int_equal(rounds(&line, 1, false), PROBE_FAILED);
		if (i < PROBE_FLAP_MAX)
			asked *= 2;
	}
	assert_int_equal(asked, 3u << PROBE_FLAP_MAX);
	health_release(&line.health);
}

/* Fails at 0, is good soon, and fails again `gap_ms` after the first time. Is it doubled? */
static unsigned asked_after(int64_t gap_ms)
{
	struct line line;

	line_init(&line, 1, 1, 1, 1, 100);
	health_round(&line.health, false, 1000);
	health_round(&line.health, true, 2000);
	health_round(&line.health, false, 1000 + gap_ms);
	line.now_ms = 1000 + gap_ms;
	unsigned asked = rounds_to_good(&line);
	health_release(&line.health);
	return asked;
}

static void the_time_between_failures_counts_to_the_millisecond(void **state)
{
	const int64_t flap_ms = PROBE_FLAP_S * SECOND;

	(void)state;
	assert_int_equal(asked_after(2000), 2);
	assert_int_equal(asked_after(flap_ms), 2);
	assert_int_equal(asked_after(flap_ms + 1), 1);
}

static void what_was_doubled_lasts_until_the_line_stayed_good(void **state)
{
	const int64_t flap_ms = PROBE_FLAP_S * SECOND;

	(void)state;
	for (int64_t good_ms = flap_ms - 1; good_ms <= flap_ms; good_ms++) {
		struct line line;
		line_init(&line, 1, 1, 1, 1, 100);
		for (int i = 0; i < 3; i++) {
			rounds(&line, 1, false);
			rounds_to_good(&line);
		}
		assert_int_equal(line.health.flaps, 2);
		line.now_ms += good_ms;
		health_round(&line.health, false, line.now_ms);
		/* more than PROBE_FLAP_S after the last failure in both cases */
		assert_int_equal(rounds_to_good(&line), good_ms < flap_ms ? 4 : 1);
		health_release(&line.health);
	}
}

static void a_stop_remembers_failures_and_ends_being_good(void **state)
{
	const int64_t flap_ms = PROBE_FLAP_S * SECOND;
	struct line line;

	(void)state;
	line_init(&line, 1, 1, 1, 1, 100);
	rounds(&line, 1, false);
	rounds_to_good(&line);
	rounds(&line, 1, false);
	health_stop(&line.health, line.now_ms);
	health_start(&line.health);
	assert_int_equal(rounds_to_good(&line), 2);
	/* the time that it stands still is no time of being good */
	health_stop(&line.health, line.now_ms + flap_ms - 1);
	line.now_ms += 10 * flap_ms;
	health_start(&line.health);
	assert_int_equal(rounds_to_good(&line), 2);
	/* but one that stayed good before it was stopped begins anew */
	health_stop(&line.health, line.now_ms + flap_ms);
	health_start(&line.health);
	assert_int_equal(rounds_to_good(&line), 1);
	health_release(&line.health);
}

/* ---- rounds ---- */

static void a_round_is_decided_when_it_is_certain(void **state)
{
	(void)state;
	assert_int_equal(health_quorum(1, 1, 0, 0), HEALTH_OPEN);
	assert_int_equal(health_quorum(1, 1, 1, 0), HEALTH_REACHED);
	assert_int_equal(health_quorum(1, 1, 0, 1), HEALTH_MISSED);
	assert_int_equal(health_quorum(2, 3, 1, 1), HEALTH_OPEN);
	assert_int_equal(health_quorum(2, 3, 2, 0), HEALTH_REACHED);
	assert_int_equal(health_quorum(2, 3, 0, 2), HEALTH_MISSED);
	assert_int_equal(health_quorum(2, 3, 1, 2), HEALTH_MISSED);
	assert_int_equal(health_quorum(3, 3, 0, 1), HEALTH_MISSED);
	assert_int_equal(health_quorum(1, 64, 0, 63), HEALTH_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_line_waits_until_one_count_is_reached),
		cmocka_unit_test(only_rounds_in_a_row_count),
		cmocka_unit_test(a_stop_forgets_the_counts_and_the_window),
		cmocka_unit_test(loss_is_judged_of_a_full_window_alone),
		cmocka_unit_test(the_loss_is_the_reason_while_some_rounds_answer),
		cmocka_unit_test(a_loss_of_0_percent_asks_for_every_answer),
		cmocka_unit_test(at_100_percent_loss_is_not_judged),
		cmocka_unit_test(a_lines_figures_are_the_needth_best_of_its_targets),
		cmocka_unit_test(targets_with_the_same_figures_are_ranked_too),
		cmocka_unit_test(too_few_full_windows_are_no_loss),
		cmocka_unit_test(the_window_holds_the_last_probes),
		cmocka_unit_test(each_failure_soon_after_another_doubles_what_is_asked),
		cmocka_unit_test(the_time_between_failures_counts_to_the_millisecond),
		cmocka_unit_test(what_was_doubled_lasts_until_the_line_stayed_good),
		cmocka_unit_test(a_stop_remembers_failures_and_ends_being_good),
		cmocka_unit_test(a_round_is_decided_when_it_is_certain),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
