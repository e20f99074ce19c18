/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A prober on loopback, and servers for it that run in the same event loop. Include it in one
 * program only; needs nothing before it.
 */
#ifndef WAYMARK_PROBE_SUPPORT_H
#define WAYMARK_PROBE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <waymark/probe.h>

#include "../../src/route/probe_private.h"

#define NOBODY "127.0.0.9" /* where nothing listens */

/* What a test's servers do with what comes. */
enum conduct { ANSWER, SILENT, FORGE_FIRST, CLOSE };

struct fixture {
	struct event_base *base;
	struct event *timer;
	bool timer_ran;
	/* the server */
	int listener;
	struct event *accept;
	uint16_t port;
	enum conduct conduct;
	const char *text; /* of http */
	uint8_t rcode;	  /* of dns */
	unsigned delay_ms;
	unsigned asked;
	struct answer *answers; /* waiting for their time */
	/* the prober */
	struct conf_probe options;
	const char *interface;
	struct prober *prober;
	unsigned good, failed;
	void (*on_change)(struct fixture *);
};

struct answer {
	struct answer *next;
	struct fixture *fixture;
	struct event *timer;
	int fd; /* http: a connection */
	struct sockaddr_in to;
	uint8_t bytes[600];
	size_t length;
};

static struct ip_addr address(const char *text)
{
	struct ip_addr addr;

	assert_true(ip_parse(text, &addr));
	return addr;
}

static int64_t now_ms(void)
{
	return probe_now_us() / 1000;
}

static int64_t slow(int64_t ms)
{
	const char *factor = getenv("WAYMARK_TEST_SLOW");

	return ms * (factor && atoi(factor) > 0 ? atoi(factor) : 1);
}

/* ---- the event loop ---- */

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct fixture *f = context;

	(void)fd;
	(void)what;
	f->timer_ran = true;
}

static void set_timer(struct fixture *f, int64_t ms)
{
	struct timeval when = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	f->timer_ran = false;
	evtimer_add(f->timer, &when);
}

/* Runs the loop until the number is there. */
static void run_until(struct fixture *f, const unsigned *number, unsigned wanted)
{
	set_timer(f, slow(10000));
	while (*number < wanted) {
		assert_false(f->timer_ran);
		event_base_loop(f->base, EVLOOP_ONCE);
	}
	evtimer_del(f->timer);
}

__attribute__((unused)) static void run_for(struct fixture *f, int64_t ms)
{
	set_timer(f, ms);
	while (!f->timer_ran)
		event_base_loop(f->base, EVLOOP_ONCE);
}

static struct probe_status status_of(struct fixture *f)
{
	struct probe_status status;

	prober_status(f->prober, &status);
	return status;
}

static void run_rounds(struct fixture *f, uint64_t rounds)
{
	uint64_t wanted = status_of(f).rounds + rounds;

	set_timer(f, slow(10000));
	while (status_of(f).rounds < wanted) {
		assert_false(f->timer_ran);
		event_base_loop(f->base, EVLOOP_ONCE);
	}
	evtimer_del(f->timer);
}

/* ---- servers ---- */

static void free_answer(struct answer *answer)
{
	struct answer **at = &answer->fixture->answers;

	while (*at != answer)
		at = &(*at)->next;
	*at = answer->next;
	if (answer->fd >= 0)
		close(answer->fd);
	event_free(answer->timer);
	free(answer);
}

static void on_answer_time(evutil_socket_t fd, short what, void *context)
{
	struct answer *answer = context;
	struct fixture *f = answer->fixture;

	(void)fd;
	(void)what;
	if (answer->fd >= 0)
		send(answer->fd, answer->bytes, answer->length, MSG_NOSIGNAL);
	else
		sendto(f->listener, answer->bytes, answer->length, 0,
		       (struct sockaddr *)&answer->to, sizeof(answer->to));
	free_answer(answer);
}

static struct answer *new_answer(struct fixture *f, int fd)
{
	struct answer *answer = calloc(1, sizeof(*answer));

	assert_non_null(answer);
	answer->fixture = f;
	answer->fd = fd;
	answer->next = f->answers;
	f->answers = answer;
	answer->timer = evtimer_new(f->base, on_answer_time, answer);
	assert_non_null(answer->timer);
	return answer;
}

static void send_answer(struct answer *answer)
{
	unsigned delay_ms = answer->fixture->delay_ms;
	struct timeval when = {.tv_sec = delay_ms / 1000, .tv_usec = (delay_ms % 1000) * 1000};

	evtimer_add(answer->timer, &when);
}

/* Answers without reading: the request is in the same loop, a little later. */
static void on_connection(evutil_socket_t listener, short what, void *context)
{
	struct fixture *f = context;
	int fd = accept(listener, NULL, NULL);

	(void)what;
	if (fd < 0)
		return;
	f->asked++;
	if (f->conduct == CLOSE) {
		/* the client's request would make it a reset */
		char request[4096];
		while (recv(fd, request, sizeof(request), MSG_DONTWAIT) > 0)
			;
		shutdown(fd, SHUT_WR);
	}
	struct answer *answer = new_answer(f, fd);
	if (f->conduct != ANSWER || !f->text)
		return; /* open until the end */
	answer->length = strlen(f->text);
	memcpy(answer->bytes, f->text, answer->length);
	send_answer(answer);
}

static void on_question(evutil_socket_t fd, short what, void *context)
{
	struct fixture *f = context;
	struct answer *answer = new_answer(f, -1);
	socklen_t size = sizeof(answer->to);
	ssize_t length = recvfrom(fd, answer->bytes, sizeof(answer->bytes) - 100, 0,
				  (struct sockaddr *)&answer->to, &size);

	(void)what;
	f->asked++;
	if (f->conduct == SILENT || length < 12) {
		free_answer(answer);
		return;
	}
	answer->bytes[2] |= 0x80;
	answer->bytes[3] = f->rcode;
	answer->length = (size_t)length;
	if (f->conduct == FORGE_FIRST) {
		/* refused, says somebody who has not seen the ID */
		uint8_t forged[sizeof(answer->bytes)];
		memcpy(forged, answer->bytes, answer->length);
		forged[1] ^= 1;
		forged[3] = 5;
		for (int i = 0; i < 40; i++)
			sendto(fd, forged, answer->length, 0, (struct sockaddr *)&answer->to, size);
	}
	send_answer(answer);
}

/* A server on 127.0.0.1, or on all addresses of loopback. */
static void serve(struct fixture *f, int kind, const char *on)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(f->port)};
	socklen_t size = sizeof(at);
	int one = 1;

	assert_int_equal(inet_pton(AF_INET, on, &at.sin_addr), 1);
	f->listener = socket(AF_INET, kind | SOCK_NONBLOCK, 0);
	assert_true(f->listener >= 0);
	setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(f->listener, (struct sockaddr *)&at, size), 0);
	if (kind == SOCK_STREAM)
		assert_int_equal(listen(f->listener, 64), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&at, &size), 0);
	f->port = ntohs(at.sin_port);
	f->accept = event_new(f->base, f->listener, EV_READ | EV_PERSIST,
			      kind == SOCK_STREAM ? on_connection : on_question, f);
	assert_non_null(f->accept);
	event_add(f->accept, NULL);
}

static void end_server(struct fixture *f)
{
	while (f->answers)
		free_answer(f->answers);
	if (f->accept)
		event_free(f->accept);
	if (f->listener >= 0)
		close(f->listener);
	f->accept = NULL;
	f->listener = -1;
}

/* ---- the prober ---- */

static void on_changed(struct prober *prober, void *context)
{
	struct fixture *f = context;
	enum probe_state state = status_of(f).state;

	assert_ptr_equal(prober, f->prober);
	assert_true(state == PROBE_GOOD || state == PROBE_FAILED);
	(*(state == PROBE_GOOD ? &f->good : &f->failed))++;
	if (f->on_change)
		f->on_change(f);
}

static void start(struct fixture *f)
{
	prober_start(f->prober, address("127.0.0.1"), true, (struct ip_addr){0}, false);
}

/* `targets` ends with NULL. */
static void probe(struct fixture *f, enum conf_probe_type type, const char **targets)
{
	f->options.type = type;
	f->options.targets = targets;
	for (f->options.target_count = 0; targets[f->options.target_count];)
		f->options.target_count++;
	f->options.port = f->port;
	f->options.path = "/";
	f->options.query = "probe.example.org";
	const struct probe_options options = {.probe = &f->options, .interface = f->interface};
	f->prober = prober_new(f->base, &options, on_changed, f);
	assert_non_null(f->prober);
	assert_int_equal(status_of(f).state, PROBE_STOPPED);
	/* the options are the prober's own */
	f->options.path = f->options.query = NULL;
	f->options.targets = NULL;
	start(f);
	/* never from within a call */
	assert_int_equal(status_of(f).state, PROBE_WAITING);
	assert_int_equal(f->good + f->failed, 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = event_base_new();
	assert_non_null(f->base);
	f->timer = evtimer_new(f->base, on_timer, f);
	f->listener = -1;
	f->interface = "lo";
	f->options = (struct conf_probe){
		.need = 1,
		.interval_ms = 50,
		.timeout_ms = (uint32_t)slow(2000),
		.down = 3,
		.up = 2,
		.max_loss_percent = 100,
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	prober_free(f->prober);
	end_server(f);
	event_free(f->timer);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	event_base_free(f->base);
	free(f);
	return 0;
}

static const char *one_target[] = {"127.0.0.1", NULL};
__attribute__((unused)) static const char *two_targets[] = {"127.0.0.1", NOBODY, NULL};

#define probe_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
