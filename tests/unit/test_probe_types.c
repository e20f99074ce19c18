/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each type of probe takes for an answer, and its words for what it does not. ICMP, which
 * needs raw sockets, is in tests/netns/probe.bats.
 */
#include "probe_support.h"

static void tcp_is_good_where_it_is_accepted_and_fails_at_once_where_it_is_refused(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_STREAM, "127.0.0.1");
	f->conduct = SILENT;
	probe(f, CONF_PROBE_TCP, one_target);
	run_until(f, &f->good, 1);
	assert_int_equal(status_of(f).rounds, 2);
	assert_true(status_of(f).latency_ms >= 0 && status_of(f).loss_percent == 0);
	assert_string_equal(status_of(f).reason, "");
	end_server(f);
	int64_t closed_ms = now_ms();
	run_until(f, &f->failed, 1);
	/* without waiting for any timeout */
	assert_true(now_ms() - closed_ms < slow(2000));
	assert_string_equal(status_of(f).reason, "connection refused (127.0.0.1)");
	serve(f, SOCK_STREAM, "127.0.0.1");
	run_until(f, &f->good, 2);
	assert_string_equal(status_of(f).reason, "");
	assert_int_equal(status_of(f).failed_rounds, 3);
}

static void http_is_good_with_200_and_301(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_STREAM, "127.0.0.1");
	f->text = "HTTP/1.1 200 OK\r\n\r\n";
	probe(f, CONF_PROBE_HTTP, one_target);
	run_until(f, &f->good, 1);
	f->text = "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 301 Moved\r\n\r\n";
	run_rounds(f, 4);
	assert_int_equal(status_of(f).failed_rounds, 0);
}

static void http_fails_with_what(struct fixture *f, const char *text, const char *reason)
{
	serve(f, SOCK_STREAM, "127.0.0.1");
	f->text = text;
	probe(f, CONF_PROBE_HTTP, one_target);
	run_until(f, &f->failed, 1);
	assert_string_equal(status_of(f).reason, reason);
}

static void http_fails_with_another_status(void **state)
{
	http_fails_with_what(*state, "HTTP/1.1 503 Busy\r\n\r\n", "http status 503 (127.0.0.1)");
}

static void http_fails_with_what_is_no_http(void **state)
{
	http_fails_with_what(*state, "220 mail.example.org ESMTP\r\n",
			     "no http answer (127.0.0.1)");
}

static void http_fails_where_the_connection_is_closed(void **state)
{
	struct fixture *f = *state;

	f->conduct = CLOSE;
	http_fails_with_what(f, NULL, "connection closed without an answer (127.0.0.1)");
}

static void http_fails_where_nothing_comes_back(void **state)
{
	struct fixture *f = *state;

	f->conduct = SILENT;
	f->options.timeout_ms = 60;
	http_fails_with_what(f, NULL, "no answer from 127.0.0.1");
}

static void a_long_http_request_is_sent_whole(void **state)
{
	struct fixture *f = *state;
	size_t length = 8u << 20;
	char *path = malloc(length + 1);

	assert_non_null(path);
	memset(path, 'a', length);
	path[0] = '/';
	path[length] = '\0';
	serve(f, SOCK_STREAM, "127.0.0.1");
	f->conduct = SILENT;
	f->options.type = CONF_PROBE_HTTP;
	f->options.targets = one_target;
	f->options.target_count = 1;
	f->options.port = f->port;
	f->options.path = path;
	f->options.interval_ms = 100000;
	f->options.timeout_ms = 60000;
	const struct probe_options options = {.probe = &f->options, .interface = f->interface};
	f->prober = prober_new(f->base, &options, on_changed, f);
	assert_non_null(f->prober);
	free(path);
	start(f);
	run_until(f, &f->asked, 1);
	size_t got = 0;
	char *request = malloc(length + 1024);
	assert_non_null(request);
	while (got < length + 5 || memcmp(request + got - 4, "\r\n\r\n", 4) != 0) {
		ssize_t n = recv(f->answers->fd, request + got, length + 1024 - got, MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
		else
			event_base_loop(f->base, EVLOOP_ONCE);
	}
	assert_memory_equal(request, "GET /aaa", 8);
	char wanted[200];
	snprintf(wanted, sizeof(wanted),
		 "a HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: waymark\r\nAccept: */*\r\n"
		 "Connection: close\r\n\r\n",
		 f->port);
	request[got] = '\0';
	assert_string_equal(request + 4 + length - 1, wanted);
	free(request);
	send(f->answers->fd, "HTTP/1.0 204\n", 13, MSG_NOSIGNAL);
	run_rounds(f, 1);
	assert_int_equal(status_of(f).failed_rounds, 0);
}

static void dns_is_good_with_any_answer_about_the_name(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	probe(f, CONF_PROBE_DNS, one_target);
	run_until(f, &f->good, 1);
	f->rcode = 3; /* NXDOMAIN */
	run_rounds(f, 4);
	assert_int_equal(status_of(f).failed_rounds, 0);
	f->rcode = 2;
	run_until(f, &f->failed, 1);
	assert_string_equal(status_of(f).reason, "dns says server failure (127.0.0.1)");
}

static void dns_answers_of_others_end_nothing(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	f->conduct = FORGE_FIRST;
	f->delay_ms = 20;
	probe(f, CONF_PROBE_DNS, one_target);
	run_until(f, &f->good, 1);
	run_rounds(f, 4);
	assert_int_equal(status_of(f).failed_rounds, 0);
}

static void a_closed_dns_port_is_known_at_once(void **state)
{
	struct fixture *f = *state;

	serve(f, SOCK_DGRAM, "127.0.0.1");
	end_server(f);
	probe(f, CONF_PROBE_DNS, one_target);
	run_until(f, &f->failed, 1);
	assert_string_equal(status_of(f).reason, "connection refused (127.0.0.1)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		probe_test(tcp_is_good_where_it_is_accepted_and_fails_at_once_where_it_is_refused),
		probe_test(http_is_good_with_200_and_301),
		probe_test(http_fails_with_another_status),
		probe_test(http_fails_with_what_is_no_http),
		probe_test(http_fails_where_the_connection_is_closed),
		probe_test(http_fails_where_nothing_comes_back),
		probe_test(a_long_http_request_is_sent_whole),
		probe_test(dns_is_good_with_any_answer_about_the_name),
		probe_test(dns_answers_of_others_end_nothing),
		probe_test(a_closed_dns_port_is_known_at_once),
	};

	return cmocka_run_group_tests_name("probe_types", tests, NULL, NULL);
}
