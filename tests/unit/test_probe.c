/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The prober's rounds: deadlines, quorum, overlap, cadence, start and stop. Marks and lines are in
 * tests/netns/probe.bats.
 */
#include "probe_support.h"

#include <dirent.h>

/* ---- rounds ---- */

static void silence_fails_within_its_time(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "0.0.0.0");
	f->options.interval_ms = 100;
	f->options.timeout_ms = 80;
	probe(f, CONF_PROBE_DNS, two_targets);
	run_until(f, &f->good, 1);
	f->conduct = SILENT;
	int64_t died_ms = now_ms();
	run_until(f, &f->failed, 1);
	int64_t took_ms = now_ms() - died_ms;
	/* two intervals at least: the first round after it may be sent at once */
	assert_true(took_ms >= 2 * 100 + 80 - 5);
	assert_true(took_ms <= slow(3 * 100 + 80 + 50));
	assert_string_equal(status_of(f).reason, "no answer from 127.0.0.1, " NOBODY);
}

static void a_quorum_is_as_many_as_are_needed(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	probe(f, CONF_PROBE_DNS, two_targets); /* one refuses */
	run_until(f, &f->good, 1);
	run_rounds(f, 3);
	assert_int_equal(status_of(f).failed_rounds, 0);
	assert_true(status_of(f).loss_percent == 0);
}

static void a_quorum_fails_with_one_too_few(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->options.need = 2;
	f->options.timeout_ms = 60000; /* the refusal decides, not the time */
	f->conduct = SILENT; /* and not the other target, of which nothing is known then */
	probe(f, CONF_PROBE_DNS, two_targets);
	run_until(f, &f->failed, 1);
	assert_string_equal(status_of(f).reason, "connection refused (" NOBODY ")");
	assert_int_equal(status_of(f).rounds, 3);
}

static void rounds_overlap_and_count_in_their_order(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->delay_ms = 300;
	f->options.interval_ms = 50;
	f->options.down = 1;
	f->options.up = 1;
	probe(f, CONF_PROBE_DNS, one_target);
	run_until(f, &f->asked, 4);
	assert_int_equal(status_of(f).rounds, 0); /* four are under way, none is decided */
	run_until(f, &f->good, 1);
	assert_int_equal(status_of(f).rounds, 1);
	assert_true(status_of(f).latency_ms >= 290);
	/* the next ones are silent, and one that is answered sooner than they end waits for them */
	f->conduct = SILENT;
	run_for(f, 120);
	f->conduct = ANSWER;
	f->delay_ms = 0;
	unsigned asked = f->asked;
	run_until(f, &f->asked, asked + 1);
	run_for(f, slow(500));
	assert_int_equal(f->failed, 0);
	run_until(f, &f->failed, 1);
	run_until(f, &f->good, 2);
}

static void the_oldest_round_makes_room(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->conduct = SILENT;
	f->options.interval_ms = 2;
	f->options.timeout_ms = 60000;
	f->options.down = 5;
	probe(f, CONF_PROBE_DNS, one_target);
	run_until(f, &f->failed, 1);
	/* the last of them may still be in its socket */
	assert_true(f->asked >= PROBE_ROUNDS_MAX + 4);
}

static void slow_answers_fail_a_line_but_are_not_lost(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->delay_ms = 250;
	f->options.interval_ms = 100;
	f->options.timeout_ms = (uint32_t)slow(5000);
	f->options.max_latency_ms = 50;
	f->options.down = 6;
	probe(f, CONF_PROBE_DNS, one_target);
	int64_t began_ms = now_ms();
	run_until(f, &f->failed, 1);
	assert_true(now_ms() - began_ms < slow(2000)); /* known at max_latency_ms, not later */
	struct probe_status status = status_of(f);
	assert_true(status.loss_percent == 0);
	assert_true(status.latency_ms >= 240);
	int latency = 0, end = 0;
	assert_int_equal(sscanf(status.reason, "latency %d ms%n", &latency, &end), 1);
	assert_int_equal(end, strlen(status.reason));
	assert_in_range(latency, 240, slow(1000));
}

static void loss_above_the_threshold_fails_a_line(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->options.interval_ms = 30;
	f->options.timeout_ms = (uint32_t)slow(25);
	f->options.max_loss_percent = 20;
	f->options.down = 2;
	f->options.up = 1;
	probe(f, CONF_PROBE_DNS, one_target);
	run_until(f, &f->good, 1);
	while (!f->failed) { /* one of two is lost: never two in a row */
		f->conduct = f->asked % 2 ? SILENT : ANSWER;
		run_until(f, &f->asked, f->asked + 1);
		assert_true(f->asked < 100);
	}
	int loss = 0;
	assert_int_equal(sscanf(status_of(f).reason, "loss %d %%", &loss), 1);
	assert_in_range(loss, 21, 60);
	assert_in_range(status_of(f).rounds, PROBE_WINDOW, 2 * PROBE_WINDOW);
}

static void hold_up(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	usleep(35000);
}

static void the_cadence_does_not_drift(void **state)
{
	struct fixture *f = *state;
	struct timeval often = {.tv_usec = 61000};
	struct event *holdup = event_new(f->base, -1, EV_PERSIST, hold_up, NULL);

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->options.interval_ms = 100;
	probe(f, CONF_PROBE_DNS, one_target);
	run_until(f, &f->asked, 1);
	int64_t began_ms = now_ms();
	event_add(holdup, &often);
	run_until(f, &f->asked, 21);
	event_free(holdup);
	/* "interval after the last one ran" would be 20 times some 18 ms more */
	assert_true(now_ms() - began_ms >= 2000 - 50);
	assert_true(now_ms() - began_ms < 2000 + slow(150));
}

static void answers_count_though_the_loop_was_held_up(void **state)
{
	struct fixture *f = *state;
	struct timeval often = {.tv_usec = 150000};

	serve(f, SOCK_STREAM, "127.0.0.1"); /* the kernel accepts, not the loop */
	f->options.interval_ms = 200;
	f->options.timeout_ms = 20;
	probe(f, CONF_PROBE_TCP, one_target);
	struct event *holdup = event_new(f->base, -1, EV_PERSIST, hold_up, NULL);
	event_add(holdup, &often);
	run_rounds(f, 8);
	event_free(holdup);
	assert_int_equal(status_of(f).failed_rounds, 0);
}

/* ---- what is not there ---- */

static void a_device_that_is_not_there_is_a_reason(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->interface = "wm-not-here";
	probe(f, CONF_PROBE_DNS, two_targets);
	run_until(f, &f->failed, 1);
	assert_string_equal(status_of(f).reason, "no such device (127.0.0.1, " NOBODY ")");
	assert_int_equal(f->asked, 0);
}

static void an_address_that_is_not_there_is_a_reason_until_it_is_another(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	probe(f, CONF_PROBE_DNS, one_target);
	run_until(f, &f->good, 1);
	prober_start(f->prober, address("192.0.2.77"), true, (struct ip_addr){0}, false);
	run_until(f, &f->failed, 1);
	assert_string_equal(status_of(f).reason, "cannot assign requested address (127.0.0.1)");
	start(f);
	run_until(f, &f->good, 2);
}

static void the_kernel_may_choose_the_source(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	probe(f, CONF_PROBE_DNS, one_target);
	prober_start(f->prober, (struct ip_addr){0}, true, (struct ip_addr){0}, false);
	run_until(f, &f->good, 1);
}

static void a_target_of_a_family_that_the_line_lacks_does_not_answer(void **state)
{
	static const char *targets[] = {"127.0.0.1", "::1", NULL};
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->options.need = 2;
	probe(f, CONF_PROBE_DNS, targets);
	run_until(f, &f->failed, 1);
	assert_string_equal(status_of(f).reason, "no usable address (::1)");
}

/* ---- start and stop ---- */

static size_t open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void nothing_is_open_while_it_is_stopped(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "0.0.0.0");
	f->conduct = SILENT;
	size_t before = open_files();
	probe(f, CONF_PROBE_DNS, two_targets);
	run_until(f, &f->asked, 6);
	assert_in_range(open_files(), before + 4, before + 100);
	prober_stop(f->prober);
	assert_int_equal(open_files(), before);
	assert_int_equal(status_of(f).state, PROBE_STOPPED);
	assert_true(status_of(f).loss_percent < 0 && status_of(f).latency_ms < 0);
	prober_stop(f->prober);
	/* what came meanwhile is nobody's */
	run_for(f, 150);
	assert_int_equal(f->good + f->failed, 0);
	f->conduct = ANSWER;
	start(f);
	run_until(f, &f->good, 1);
}

static void stop_it(struct fixture *f)
{
	prober_stop(f->prober);
}

static void restart_it(struct fixture *f)
{
	prober_stop(f->prober);
	start(f);
}

static void the_listener_may_stop_and_start_it(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->on_change = restart_it;
	probe(f, CONF_PROBE_DNS, two_targets); /* an answer and a refusal in each round */
	run_until(f, &f->good, 3);
	f->on_change = stop_it;
	run_until(f, &f->good, 4);
	assert_int_equal(status_of(f).state, PROBE_STOPPED);
	unsigned asked = f->asked;
	run_for(f, 200);
	assert_in_range(f->asked, asked, asked + 2); /* that were in the server's socket */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		probe_test(silence_fails_within_its_time),
		probe_test(a_quorum_is_as_many_as_are_needed),
		probe_test(a_quorum_fails_with_one_too_few),
		probe_test(rounds_overlap_and_count_in_their_order),
		probe_test(the_oldest_round_makes_room),
		probe_test(slow_answers_fail_a_line_but_are_not_lost),
		probe_test(loss_above_the_threshold_fails_a_line),
		probe_test(the_cadence_does_not_drift),
		probe_test(answers_count_though_the_loop_was_held_up),
		probe_test(a_device_that_is_not_there_is_a_reason),
		probe_test(an_address_that_is_not_there_is_a_reason_until_it_is_another),
		probe_test(the_kernel_may_choose_the_source),
		probe_test(a_target_of_a_family_that_the_line_lacks_does_not_answer),
		probe_test(nothing_is_open_while_it_is_stopped),
		probe_test(the_listener_may_stop_and_start_it),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
