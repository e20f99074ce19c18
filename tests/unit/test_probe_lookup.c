/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of targets, asked of a name server that runs in the same event loop; and the words for why
 * a round failed.
 */
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

struct fixture {
	struct event_base *base;
	struct event *question;
	int server;
	uint16_t port;
	bool silent;
	uint8_t rcode;
	unsigned asked, found4, found6, done;
	struct ip_addr address4, address6;
	struct probe_lookup *lookup;
	unsigned cancel_asked, cancel_found; /* when there are so many */
};

static struct ip_addr address(const char *text)
{
	struct ip_addr addr;

	assert_true(ip_parse(text, &addr));
	return addr;
}

/* Runs the loop until the number is there; the resolver's own timeouts end it if nothing else. */
static void run_until(struct fixture *f, const unsigned *number, unsigned wanted)
{
	while (*number < wanted)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
}

static void on_found(void *context, size_t index, const struct ip_addr *found)
{
	struct fixture *f = context;

	assert_int_equal(index, 1);
	(*(found->family == IP_V4 ? &f->found4 : &f->found6))++;
	*(found->family == IP_V4 ? &f->address4 : &f->address6) = *found;
	if (f->found4 + f->found6 == f->cancel_found)
		probe_lookup_cancel(f->lookup);
}

static void on_done(void *context)
{
	struct fixture *f = context;

	f->done++;
}

/* Answers each question with two addresses of its type. */
static void on_lookup(evutil_socket_t fd, short what, void *context)
{
	struct fixture *f = context;
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	uint8_t bytes[600];
	ssize_t length = recvfrom(fd, bytes, 400, 0, (struct sockaddr *)&from, &size);

	(void)what;
	f->asked++;
	if (f->silent || length < 16)
		return;
	size_t at = (size_t)length;
	bool a6 = bytes[length - 3] == 28;
	bytes[2] |= 0x80;
	bytes[3] = f->rcode;
	bytes[7] = f->rcode ? 0 : 2;
	for (uint8_t i = 0; i < bytes[7]; i++) {
		const uint8_t record[] = {0xc0, 12, 0, a6 ? 28 : 1, 0, 1,
					  0,	0,  0, 60,	    0, a6 ? 16 : 4};
		memcpy(bytes + at, record, sizeof(record));
		at += sizeof(record);
		memset(bytes + at, 0, 16);
		bytes[at] = a6 ? 0x20 : 192;
		bytes[at + (a6 ? 15 : 3)] = (uint8_t)(i + 1);
		at += a6 ? 16 : 4;
	}
	sendto(fd, bytes, at, 0, (struct sockaddr *)&from, size);
	if (f->asked == f->cancel_asked)
		probe_lookup_cancel(f->lookup);
}

/* A file like /etc/resolv.conf, with our server. */
static void write_resolv_conf(struct fixture *f, char *path)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	dprintf(fd, "nameserver 127.0.0.1:%u\n", f->port);
	close(fd);
}

static int setup(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = event_base_new();
	assert_non_null(f->base);
	f->server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->server, (struct sockaddr *)&at, size), 0);
	assert_int_equal(getsockname(f->server, (struct sockaddr *)&at, &size), 0);
	f->port = ntohs(at.sin_port);
	f->question = event_new(f->base, f->server, EV_READ | EV_PERSIST, on_lookup, f);
	assert_non_null(f->question);
	event_add(f->question, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	event_free(f->question);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	event_base_free(f->base);
	close(f->server);
	free(f);
	return 0;
}

static void look_up(struct fixture *f)
{
	static const char *const names[] = {NULL, "target.example.org", NULL};
	char path[] = "/tmp/test_probe.XXXXXX";

	write_resolv_conf(f, path);
	f->lookup = probe_lookup_new(f->base, path, names, 3, true, true, on_found, on_done, f);
	unlink(path);
	assert_non_null(f->lookup);
}

static void a_name_gives_its_first_address_of_each_family(void **state)
{
	struct fixture *f = *state;
	struct ip_addr first4 = address("192.0.0.1"), first6 = address("2000::1");

	look_up(f);
	assert_int_equal(f->done, 0);
	run_until(f, &f->done, 1);
	assert_int_equal(f->found4, 1);
	assert_int_equal(f->found6, 1);
	assert_true(ip_equal(&f->address4, &first4));
	assert_true(ip_equal(&f->address6, &first6));
}

static void a_lookup_ends_without_an_address_too(void **state)
{
	struct fixture *f = *state;

	f->rcode = 3;
	look_up(f);
	run_until(f, &f->done, 1);
	assert_int_equal(f->found4 + f->found6, 0);
}

static void a_lookup_ends_though_nobody_answers(void **state)
{
	struct fixture *f = *state;

	f->silent = true;
	look_up(f);
	run_until(f, &f->done, 1);
	assert_int_equal(f->found4 + f->found6, 0);
	assert_in_range(f->asked, 2, 20);
}

/* Nothing is left to wait for but the server's socket. */
static void assert_nothing_waits(struct fixture *f)
{
	while (f->asked < 2)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	event_del(f->question);
	assert_int_equal(event_base_loop(f->base, EVLOOP_NONBLOCK), 1);
	event_add(f->question, NULL);
}

static void a_cancelled_lookup_tells_nothing(void **state)
{
	struct fixture *f = *state;

	f->cancel_asked = 1; /* the answer is in the resolver's socket */
	look_up(f);
	assert_nothing_waits(f);
	assert_int_equal(f->done + f->found4 + f->found6, 0);
}

static void a_lookup_may_be_cancelled_by_what_it_found(void **state)
{
	struct fixture *f = *state;

	f->cancel_found = 1;
	look_up(f);
	assert_nothing_waits(f);
	assert_int_equal(f->found4 + f->found6, 1);
	assert_int_equal(f->done, 0);
}

/* ---- words ---- */

static const char *reason_of(const struct probe *probes, size_t count, size_t size)
{
	static char buffer[PROBE_REASON_SIZE];

	memset(buffer, '#', sizeof(buffer));
	probe_reason(buffer, size, probes, count);
	assert_true(memchr(buffer, '\0', size) != NULL);
	return buffer;
}

static void a_reason_names_each_fault_with_its_targets(void **state)
{
	const struct probe_target a = {.name = (char[]){"a"}}, b = {.name = (char[]){"b"}},
				  c = {.name = (char[]){"c"}};
	struct probe probes[] = {
		{.target = &a, .outcome = PROBE_LOST, .fault = {PROBE_ERROR, 111}},
		{.target = &b, .outcome = PROBE_LOST, .fault = {PROBE_SILENT, 0}},
		{.target = &c, .outcome = PROBE_LOST, .fault = {PROBE_ERROR, 111}},
		{.target = &a, .outcome = PROBE_LOST, .fault = {PROBE_DNS_ERROR, 9}},
		{.target = &b, .outcome = PROBE_LOST, .fault = {PROBE_DNS_ERROR, 5}},
		{.target = &c, .outcome = PROBE_LOST, .fault = {PROBE_SILENT, 0}},
		{.target = &a, .outcome = PROBE_ANSWERED, .fault = {PROBE_LATE, 120}},
		{.target = &b, .outcome = PROBE_OPEN, .overdue = true, .fault = {PROBE_LATE, 90}},
		{.target = &c, .outcome = PROBE_OPEN},
		{.target = &a, .outcome = PROBE_ANSWERED},
	};
	const char *text = "latency 90 ms; connection refused (a, c); no answer from b, c; "
			   "dns says rcode 9 (a); dns says refused (b)";

	(void)state;
	assert_string_equal(reason_of(probes, 10, PROBE_REASON_SIZE), text);
	assert_string_equal(reason_of(probes + 8, 2, PROBE_REASON_SIZE), "");
	/* cut in any place */
	for (size_t size = 5; size <= strlen(text); size++) {
		const char *cut = reason_of(probes, 10, size);
		assert_int_equal(strlen(cut), size - 1);
		assert_memory_equal(cut, text, size - 4);
		assert_string_equal(cut + size - 4, "...");
	}
	assert_string_equal(reason_of(probes, 10, strlen(text) + 1), text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define lookup_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		lookup_test(a_name_gives_its_first_address_of_each_family),
		lookup_test(a_lookup_ends_without_an_address_too),
		lookup_test(a_lookup_ends_though_nobody_answers),
		lookup_test(a_cancelled_lookup_tells_nothing),
		lookup_test(a_lookup_may_be_cancelled_by_what_it_found),
		cmocka_unit_test(a_reason_names_each_fault_with_its_targets),
	};

	return cmocka_run_group_tests_name("probe_lookup", tests, NULL, NULL);
}
