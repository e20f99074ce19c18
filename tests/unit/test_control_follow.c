/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers that go on: followers as the server keeps them, and the client that reads them.
 * "follow" makes its asker a follower; "poke" publishes while it is being answered, as a
 * command does that changes something.
 */
#include "control_fixture.h"

#include <poll.h>

#define FOLLOW "{\"command\": \"follow\"}\n"
#define ANSWER "{\"ok\":true,\"data\":[1]}\n"

static void publish(struct fixture *f, int n)
{
	control_server_publish(f->server, json_pack("{s:s, s:i}", "event", "tick", "n", n));
}

static json_t *handle(const json_t *request, void *context)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	struct fixture *f = context;

	f->handled++;
	if (strcmp(command, "follow") == 0)
		return control_follow(json_pack("[i]", 1));
	if (strcmp(command, "follow-long") == 0) {
		char *text = calloc(1, (8u << 20) + 1);
		json_t *data;

		memset(text, 'x', 8u << 20);
		data = json_string(text);
		free(text);
		return control_follow(data);
	}
	if (strcmp(command, "poke") == 0) {
		publish(f, 99);
		return control_ok(json_string("poked"));
	}
	return control_fail("unknown command '%s'", command);
}

/* One line, waiting for it; false at the end of the stream. */
static bool read_line(struct fixture *f, int fd, char *text, size_t size)
{
	size_t length = 0;

	for (;;) {
		char c;
		ssize_t got = recv(fd, &c, 1, 0);

		if (got < 0 && errno == EAGAIN) {
			event_base_loop(f->base, EVLOOP_NONBLOCK);
			continue;
		}
		if (got <= 0)
			return false;
		assert_true(length + 1 < size);
		text[length++] = c;
		text[length] = '\0';
		if (c == '\n')
			return true;
	}
}

static void assert_line(struct fixture *f, int fd, const char *expected)
{
	char text[256];

	assert_true(read_line(f, fd, text, sizeof(text)));
	assert_string_equal(text, expected);
}

static void assert_event(struct fixture *f, int fd, int n)
{
	char expected[64];

	(void)snprintf(expected, sizeof(expected), "{\"event\":\"tick\",\"n\":%d}\n", n);
	assert_line(f, fd, expected);
}

static void assert_silent(struct fixture *f, int fd)
{
	char c;

	turn(f);
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static int follower(struct fixture *f)
{
	int fd = bare(f);

	send_all(f, fd, FOLLOW, sizeof(FOLLOW) - 1);
	assert_line(f, fd, ANSWER);
	return fd;
}

static void poke(struct fixture *f)
{
	static const char line[] = "{\"command\": \"poke\"}\n";
	int fd = bare(f);
	char text[64];

	send_all(f, fd, line, sizeof(line) - 1);
	read_all(f, fd, text, sizeof(text));
	assert_string_equal(text, "{\"ok\":true,\"data\":\"poked\"}\n");
	close(fd);
}

static void run_for(struct fixture *f, long ms)
{
	struct timeval time = {.tv_usec = ms * 1000};

	event_base_loopexit(f->base, &time);
	event_base_dispatch(f->base);
}

/* ---- the server ---- */

static void a_follower_has_its_answer_and_then_each_event_on_a_line(void **state)
{
	struct fixture *f = *state;
	int fd = follower(f);

	assert_silent(f, fd);
	for (int n = 0; n < 3; n++)
		publish(f, n);
	for (int n = 0; n < 3; n++)
		assert_event(f, fd, n);
	assert_silent(f, fd);
	close(fd);
}

static void publishing_to_nobody_costs_nothing(void **state)
{
	json_t *event = json_pack("{s:s}", "event", "tick");
	struct fixture *f = *state;

	assert_false(control_server_has_followers(NULL));
	assert_false(control_server_has_followers(f->server));
	control_server_publish(NULL, json_incref(event));
	control_server_publish(f->server, json_incref(event));
	control_server_publish(NULL, NULL);
	control_server_publish(f->server, NULL);
	assert_int_equal(event->refcount, 1);
	json_decref(event);
	/* One who only asked is no follower, before and after. */
	poke(f);
	assert_false(control_server_has_followers(f->server));
}

static void what_a_command_publishes_reaches_all_followers_and_not_its_asker(void **state)
{
	struct fixture *f = *state;
	int first = follower(f), second = follower(f);

	poke(f);
	assert_event(f, first, 99);
	assert_event(f, second, 99);
	close(first);
	close(second);
}

static void a_follower_that_leaves_is_let_go_without_an_event(void **state)
{
	struct fixture *f = *state;
	int fd = follower(f), other = follower(f);

	close(fd);
	turn(f);
	assert_true(control_server_has_followers(f->server));
	close(other);
	turn(f);
	assert_false(control_server_has_followers(f->server));
	assert_int_equal(control_server_refused(f->server), 0);
}

static void a_follower_that_left_unread_events_behind_is_let_go(void **state)
{
	struct fixture *f = *state;
	int fd = follower(f);

	publish(f, 1);
	close(fd);
	publish(f, 2);
	turn(f);
	assert_false(control_server_has_followers(f->server));
}

static void an_idle_follower_wakes_nobody(void **state)
{
	struct fixture *f = *state;
	int before = event_base_get_num_events(f->base, EVENT_BASE_COUNT_ADDED), fd;

	fd = follower(f);
	/* Its reading side alone is waited for: no deadline, no place to write to. */
	assert_int_equal(event_base_get_num_events(f->base, EVENT_BASE_COUNT_ADDED), before + 1);
	publish(f, 1);
	turn(f);
	assert_int_equal(event_base_get_num_events(f->base, EVENT_BASE_COUNT_ADDED), before + 1);
	assert_event(f, fd, 1);
	close(fd);
	turn(f);
	assert_int_equal(event_base_get_num_events(f->base, EVENT_BASE_COUNT_ADDED), before);
}

static void a_follower_that_reads_is_never_timed_out(void **state)
{
	struct fixture *f = *state;
	int fd;

	control_server_set_timeout(f->server, 20);
	fd = follower(f);
	run_for(f, 100);
	publish(f, 1);
	assert_event(f, fd, 1);
	assert_int_equal(control_server_refused(f->server), 0);
	close(fd);
}

static void a_follower_that_does_not_read_its_answer_is_timed_out(void **state)
{
	static const char line[] = "{\"command\": \"follow-long\"}\n";
	struct fixture *f = *state;
	int fd;

	control_server_set_timeout(f->server, 20);
	fd = bare(f);
	send_all(f, fd, line, sizeof(line) - 1);
	while (control_server_refused(f->server) == 0)
		event_base_loop(f->base, EVLOOP_ONCE);
	assert_false(control_server_has_followers(f->server));
	close(fd);
}

static void a_follower_that_falls_behind_is_cut_off_and_the_others_lose_nothing(void **state)
{
	struct fixture *f = *state;
	int slow = follower(f), fast = follower(f);
	int published = 0, n = 0;
	char text[256];

	while (control_server_refused(f->server) == 0) {
		publish(f, published);
		assert_event(f, fast, published++);
		assert_true(published < 100000);
	}
	/* What it had not read: our backlog, and what the kernel holds for it. */
	assert_true((size_t)published * sizeof("{\"event\":\"tick\",\"n\":1}") >
		    CONTROL_BACKLOG_MAX / 2);
	publish(f, published);
	assert_event(f, fast, published);
	/* What it got is a beginning of the story, without gaps. */
	while (read_line(f, slow, text, sizeof(text))) {
		int at = -1;

		assert_int_equal(sscanf(text, "{\"event\":\"tick\",\"n\":%d}", &at), 1);
		assert_int_equal(at, n++);
	}
	assert_true(n > 0 && n < published);
	assert_true(control_server_has_followers(f->server));
	assert_int_equal(control_server_refused(f->server), 1);
	close(slow);
	close(fast);
}

static void a_follower_that_was_behind_and_reads_on_has_everything(void **state)
{
	struct fixture *f = *state;
	int fd = follower(f), count = 3000;

	/* The kernel holds some three hundred of them, the rest is our backlog. */
	for (int n = 0; n < count; n++)
		publish(f, n);
	for (int n = 0; n < count; n++) {
		assert_event(f, fd, n);
		if (n % 3 == 0)
			publish(f, count++);
		assert_true(count < 10000);
	}
	assert_silent(f, fd);
	assert_int_equal(control_server_refused(f->server), 0);
	close(fd);
}

static void an_event_lost_for_want_of_memory_ends_the_following(void **state)
{
	struct fixture *f = *state;
	int fd = follower(f);
	char text[64];

	publish(f, 1);
	control_server_publish(f->server, NULL);
	assert_event(f, fd, 1);
	assert_false(read_line(f, fd, text, sizeof(text)));
	assert_false(control_server_has_followers(f->server));
	assert_int_equal(control_server_refused(f->server), 1);
	close(fd);
}

static void followers_beyond_their_places_are_told_so_and_never_crowd_out_askers(void **state)
{
	struct fixture *f = *state;
	int followers[CONTROL_FOLLOWERS_MAX], silent[CONTROL_CLIENTS_MAX], one_more = bare(f);
	char text[128];

	for (int i = 0; i < CONTROL_FOLLOWERS_MAX; i++)
		followers[i] = follower(f);
	send_all(f, one_more, FOLLOW, sizeof(FOLLOW) - 1);
	read_all(f, one_more, text, sizeof(text));
	assert_string_equal(text, "{\"ok\":false,\"error\":\"too many clients that follow, at most "
				  "16\"}\n");
	close(one_more);
	assert_int_equal(control_server_refused(f->server), 1);
	for (int i = 0; i < CONTROL_CLIENTS_MAX - CONTROL_FOLLOWERS_MAX - 1; i++)
		silent[i] = bare(f);
	poke(f);
	for (int i = 0; i < CONTROL_CLIENTS_MAX - CONTROL_FOLLOWERS_MAX - 1; i++)
		close(silent[i]);
	for (int i = 0; i < CONTROL_FOLLOWERS_MAX; i++) {
		assert_event(f, followers[i], 99);
		close(followers[i]);
	}
	turn(f);
	/* The places are free again. */
	close(follower(f));
	turn(f);
}

static void followers_do_not_give_way_to_newcomers(void **state)
{
	struct fixture *f = *state;
	int fd = follower(f), fds[CONTROL_CLIENTS_MAX];

	run_for(f, 1050);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = bare(f);
	turn(f);
	assert_int_equal(control_server_refused(f->server), 1); /* the last of the silent */
	publish(f, 5);
	assert_event(f, fd, 5);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	close(fd);
	turn(f);
}

static void a_follower_may_say_a_little_and_is_not_heard(void **state)
{
	struct fixture *f = *state;
	int fd = follower(f);

	send_all(f, fd, "{\"command\": \"poke\"}\n", 20);
	turn(f);
	assert_int_equal(f->handled, 1);
	publish(f, 7);
	assert_event(f, fd, 7);
	for (int i = 0; i < 100 && control_server_has_followers(f->server); i++) {
		char noise[4096];

		memset(noise, '\n', sizeof(noise));
		send_all(f, fd, noise, sizeof(noise));
		turn(f);
	}
	assert_false(control_server_has_followers(f->server));
	assert_int_equal(control_server_refused(f->server), 1);
	close(fd);
}

static void a_thousand_followers_in_a_row_leave_nothing_behind(void **state)
{
	struct fixture *f = *state;
	int before = dup(0), after;

	close(before);
	for (int i = 0; i < 1000; i++) {
		int fd = follower(f);

		publish(f, i);
		if (i & 1)
			assert_event(f, fd, i);
		close(fd);
		turn(f);
	}
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	assert_false(control_server_has_followers(f->server));
}

/* ---- the client ---- */

struct opening {
	const char *path;
	const char *command;
	struct control_stream *stream;
	json_t *data;
	int result;
	char error[256];
};

static void open_work(void *context)
{
	struct opening *o = context;
	json_t *request = json_pack("{s:s}", "command", o->command);

	o->result = control_stream_open(&o->stream, o->path, request, 10000, &o->data, o->error,
					sizeof(o->error));
	json_decref(request);
}

static void open_stream(struct fixture *f, struct opening *o)
{
	o->path = f->path;
	in_thread(f, open_work, o);
}

static void assert_next(struct control_stream *stream, int n)
{
	json_t *event;

	assert_int_equal(control_stream_next(stream, &event), 0);
	if (n < 0) {
		assert_null(event);
		return;
	}
	assert_int_equal(json_integer_value(json_object_get(event, "n")), n);
	json_decref(event);
}

static void a_stream_gives_the_answer_and_then_what_has_come(void **state)
{
	struct opening o = {.command = "follow"};
	struct fixture *f = *state;
	json_t *event;

	open_stream(f, &o);
	assert_int_equal(o.result, 0);
	assert_int_equal(json_integer_value(json_array_get(o.data, 0)), 1);
	json_decref(o.data);
	assert_next(o.stream, -1);
	for (int n = 0; n < 2000; n++)
		publish(f, n);
	for (int n = 0; n < 2000; n++) {
		assert_next(o.stream, n);
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
	assert_next(o.stream, -1);
	control_server_free(f->server);
	assert_int_equal(control_stream_next(o.stream, &event), -ECONNRESET);
	assert_null(event);
	control_stream_free(o.stream);
	assert_int_equal(control_server_new(&f->server, f->base, f->path, "", handle, f), 0);
}

static void what_is_refused_opens_no_stream(void **state)
{
	struct opening o = {.command = "dance"};
	struct fixture *f = *state;

	open_stream(f, &o);
	assert_int_equal(o.result, -EPROTO);
	assert_string_equal(o.error, "unknown command 'dance'");
	assert_null(o.stream);
	assert_null(o.data);
	o.path = "/tmp/no-such-directory/control.sock";
	open_work(&o);
	assert_int_equal(o.result, -ENOENT);
	assert_string_equal(o.error,
			    "cannot reach waymarkd at /tmp/no-such-directory/control.sock: "
			    "No such file or directory");
	assert_null(o.stream);
	control_stream_free(NULL);
}

/* Somebody else's end of a socket: takes a request, sends pieces, closes. */
struct other {
	int listener;
	const char *pieces[4];
	char *endless; /* sent last */
};

static void *other_run(void *context)
{
	struct other *o = context;
	int fd = accept4(o->listener, NULL, NULL, SOCK_CLOEXEC);
	char request[256];

	assert_true(recv(fd, request, sizeof(request), 0) > 0);
	/* who reads may have had enough of it */
	for (size_t i = 0; i < 4 && o->pieces[i]; i++)
		(void)send(fd, o->pieces[i], strlen(o->pieces[i]), MSG_NOSIGNAL);
	if (o->endless)
		while (send(fd, o->endless, strlen(o->endless), MSG_NOSIGNAL) > 0)
			;
	close(fd);
	return NULL;
}

/* Reads all that comes: how it ends, and how many events before. */
static int read_other(struct fixture *f, struct other *other, struct opening *o, int *events)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	pthread_t thread;
	int result;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/other.sock", f->directory);
	other->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(other->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(other->listener, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, other_run, other), 0);
	o->path = address.sun_path;
	o->command = "follow";
	open_work(o);
	result = o->result;
	*events = 0;
	while (result == 0) {
		struct pollfd waited = {.fd = control_stream_fd(o->stream), .events = POLLIN};
		json_t *event;

		result = control_stream_next(o->stream, &event);
		*events += event != NULL;
		if (result == 0 && event == NULL)
			assert_int_equal(poll(&waited, 1, 10000), 1);
		json_decref(event);
	}
	json_decref(o->data);
	control_stream_free(o->stream);
	pthread_join(thread, NULL);
	close(other->listener);
	assert_int_equal(unlink(address.sun_path), 0);
	return result;
}

static void a_stream_reads_lines_however_they_are_cut(void **state)
{
	struct other other = {.pieces = {"{\"ok\":true,\"data\":nu", "ll}\n{\"n\":1}\n{\"n",
					 "\":2}\n", "{\"n\":3}\n{\"half\":"}};
	struct opening o = {0};
	int events;

	assert_int_equal(read_other(*state, &other, &o, &events), -ECONNRESET);
	assert_int_equal(events, 3);
}

static void a_stream_of_something_else_is_an_error_not_an_event(void **state)
{
	static const char *const lines[] = {"HTTP/1.1 200 OK\n", "[1]\n", "null\n", "\n",
					    "\"x\"\n"};
	int events;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct other other = {
			.pieces = {"{\"ok\":true}\n{\"n\":1}\n", lines[i], "{\"n\":2}\n"}};
		struct opening o = {0};

		assert_int_equal(read_other(*state, &other, &o, &events), -EBADMSG);
		assert_int_equal(events, 1);
	}
}

static void a_line_without_an_end_is_an_error(void **state)
{
	struct other other = {.pieces = {"{\"ok\":true}\n{\"n\":1}\n"}};
	struct opening o = {0};
	int events;

	other.endless = calloc(1, 4097);
	memset(other.endless, ' ', 4096);
	assert_int_equal(read_other(*state, &other, &o, &events), -EFBIG);
	assert_int_equal(events, 1);
	free(other.endless);
}

static void an_answer_that_does_not_go_on_ends_the_stream(void **state)
{
	static const char *const answers[] = {"{\"ok\":true,\"data\":1}\n", "{\"ok\":true}"};
	int events;

	for (size_t i = 0; i < 2; i++) {
		struct other other = {.pieces = {answers[i]}};
		struct opening o = {0};

		assert_int_equal(read_other(*state, &other, &o, &events), -ECONNRESET);
		assert_int_equal(events, 0);
	}
}

static void a_stream_that_closes_without_an_answer_says_so(void **state)
{
	struct other other = {.pieces = {NULL}};
	struct opening o = {0};
	int events;

	assert_int_equal(read_other(*state, &other, &o, &events), -ECONNRESET);
	assert_non_null(strstr(o.error, "closed the connection without an answer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_follower_has_its_answer_and_then_each_event_on_a_line),
		WITH_SERVER(publishing_to_nobody_costs_nothing),
		WITH_SERVER(what_a_command_publishes_reaches_all_followers_and_not_its_asker),
		WITH_SERVER(a_follower_that_leaves_is_let_go_without_an_event),
		WITH_SERVER(a_follower_that_left_unread_events_behind_is_let_go),
		WITH_SERVER(an_idle_follower_wakes_nobody),
		WITH_SERVER(a_follower_that_reads_is_never_timed_out),
		WITH_SERVER(a_follower_that_does_not_read_its_answer_is_timed_out),
		WITH_SERVER(a_follower_that_falls_behind_is_cut_off_and_the_others_lose_nothing),
		WITH_SERVER(a_follower_that_was_behind_and_reads_on_has_everything),
		WITH_SERVER(an_event_lost_for_want_of_memory_ends_the_following),
		WITH_SERVER(followers_beyond_their_places_are_told_so_and_never_crowd_out_askers),
		WITH_SERVER(followers_do_not_give_way_to_newcomers),
		WITH_SERVER(a_follower_may_say_a_little_and_is_not_heard),
		WITH_SERVER(a_thousand_followers_in_a_row_leave_nothing_behind),
		WITH_SERVER(a_stream_gives_the_answer_and_then_what_has_come),
		WITH_SERVER(what_is_refused_opens_no_stream),
		WITH_SERVER(a_stream_reads_lines_however_they_are_cut),
		WITH_SERVER(a_stream_of_something_else_is_an_error_not_an_event),
		WITH_SERVER(a_line_without_an_end_is_an_error),
		WITH_SERVER(an_answer_that_does_not_go_on_ends_the_stream),
		WITH_SERVER(a_stream_that_closes_without_an_answer_says_so),
	};

	return cmocka_run_group_tests_name("control-follow", tests, NULL, NULL);
}
