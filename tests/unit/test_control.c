/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket, server and client in one process: the server's loop runs in
 * the test's thread, control_request() in one of its own; hostile clients are bare
 * sockets that the test itself drives between two turns of the loop.
 */
#include "control_fixture.h"

#define BIG (8u << 20)

static json_t *handle(const json_t *request, void *context)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	struct fixture *f = context;

	f->handled++;
	if (strcmp(command, "echo") == 0)
		return control_ok(json_incref(json_object_get(request, "what")));
	if (strcmp(command, "big") == 0) {
		char *text = malloc(BIG);
		json_t *data;

		memset(text, 'x', BIG);
		data = json_stringn(text, BIG);
		free(text);
		return control_ok(data);
	}
	if (strcmp(command, "nothing") == 0)
		return NULL;
	if (strcmp(command, "findings") == 0) {
		json_t *answer = control_fail("the configuration has %d errors", 2);
		struct diag_list diags = DIAG_LIST_INIT;

		diag_error(&diags, "a.conf", 3, "unknown key 'mrak', did you mean 'mark'?");
		diag_error(&diags, "a.conf", 7, "not UTF-8: \xff");
		control_add_findings(answer, &diags);
		diag_list_release(&diags);
		return answer;
	}
	return control_fail("unknown command '%s'", command);
}

/* ---- a client of ours, in its own thread ---- */

struct asking {
	const char *path;
	json_t *request;
	int timeout_ms;
	int result;
	json_t *data;
	char error[256];
};

static void ask_work(void *context)
{
	struct asking *a = context;

	a->result = control_request(a->path, a->request, a->timeout_ms, &a->data, a->error,
				    sizeof(a->error));
}

static void ask(struct fixture *f, struct asking *a)
{
	a->path = f->path;
	if (a->timeout_ms == 0)
		a->timeout_ms = 10000;
	in_thread(f, ask_work, a);
	json_decref(a->request);
}

/* ---- the tests ---- */

static void a_request_gets_its_answer(void **state)
{
	struct asking a = {.request =
				   json_pack("{s:s, s:{s:i}}", "command", "echo", "what", "n", 7)};

	ask(*state, &a);
	assert_int_equal(a.result, 0);
	assert_int_equal(json_integer_value(json_object_get(a.data, "n")), 7);
	json_decref(a.data);
}

static void what_the_daemon_refuses_comes_back_in_its_words(void **state)
{
	struct asking a = {.request = json_pack("{s:s}", "command", "dance")};

	ask(*state, &a);
	assert_int_equal(a.result, -EPROTO);
	assert_string_equal(a.error, "unknown command 'dance'");
	assert_null(a.data);
}

static void findings_travel_with_a_refusal_even_when_they_are_not_utf8(void **state)
{
	struct asking a = {.request = json_pack("{s:s}", "command", "findings")};

	ask(*state, &a);
	assert_int_equal(a.result, -EPROTO);
	assert_string_equal(a.error, "the configuration has 2 errors");
	assert_int_equal(json_array_size(a.data), 2);
	assert_string_equal(json_string_value(json_array_get(a.data, 0)),
			    "a.conf:3: unknown key 'mrak', did you mean 'mark'?");
	assert_string_equal(json_string_value(json_array_get(a.data, 1)), "a.conf:7: not UTF-8: ?");
	json_decref(a.data);
}

static void a_handler_that_is_out_of_memory_still_answers(void **state)
{
	struct asking a = {.request = json_pack("{s:s}", "command", "nothing")};

	ask(*state, &a);
	assert_int_equal(a.result, -EPROTO);
	assert_string_equal(a.error, "out of memory");
}

static void an_answer_larger_than_any_buffer_arrives_whole(void **state)
{
	struct asking a = {.request = json_pack("{s:s}", "command", "big")};

	ask(*state, &a);
	assert_int_equal(a.result, 0);
	assert_int_equal(json_string_length(a.data), BIG);
	json_decref(a.data);
}

static void without_a_daemon_the_message_names_the_socket_and_the_reason(void **state)
{
	json_t *request = json_pack("{s:s}", "command", "echo");
	char error[256], path[128], expected[256];
	struct fixture *f = *state;
	json_t *data;

	(void)snprintf(path, sizeof(path), "%s/none.sock", f->directory);
	(void)snprintf(expected, sizeof(expected),
		       "cannot reach waymarkd at %s: No such file or directory", path);
	assert_int_equal(control_request(path, request, 1000, &data, error, sizeof(error)),
			 -ENOENT);
	assert_string_equal(error, expected);
	assert_null(data);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(control_request(path, request, 1000, &data, error, sizeof(error)),
			 -ENAMETOOLONG);
	json_decref(request);
}

static void a_daemon_that_hangs_costs_the_client_its_timeout_only(void **state)
{
	json_t *request = json_pack("{s:s}", "command", "echo");
	struct fixture *f = *state;
	char error[256];
	json_t *data;

	/* Nobody turns the loop. */
	assert_int_equal(control_request(f->path, request, 50, &data, error, sizeof(error)),
			 -ETIMEDOUT);
	assert_non_null(strstr(error, "no answer from waymarkd"));
	json_decref(request);
	turn(f);
}

static void garbage_is_refused_and_counted(void **state)
{
	static const char *const garbage[] = {
		"GET / HTTP/1.1\r\n",  "\n",	     "{\"command\": 7}\n",    "[]\n",
		"\xff\xfe\xfd\n",      "{}\n",	     "{\"command\": \"x\"\n", "null\n",
		"{\"a\":1,\"a\":2}\n", "\"echo\"\n", "{\"command\": null}\n",
	};
	size_t count = sizeof(garbage) / sizeof(garbage[0]);
	struct fixture *f = *state;
	char text[512];

	for (size_t i = 0; i < count; i++) {
		int fd = bare(f);

		send_all(f, fd, garbage[i], strlen(garbage[i]));
		read_all(f, fd, text, sizeof(text));
		assert_ptr_equal(strstr(text, "{\"ok\":false,\"error\":\"the request is no"), text);
		assert_int_equal(text[strlen(text) - 1], '\n');
		close(fd);
	}
	assert_int_equal(control_server_refused(f->server), count);
	assert_int_equal(f->handled, 0);
}

static void json_nested_beyond_reason_is_refused(void **state)
{
	struct fixture *f = *state;
	char *deep = malloc(60000), text[256];
	int fd = bare(f);

	memset(deep, '[', 59999);
	deep[59999] = '\n';
	send_all(f, fd, deep, 60000);
	read_all(f, fd, text, sizeof(text));
	assert_non_null(strstr(text, "\"ok\":false"));
	free(deep);
	close(fd);
}

static void a_request_of_the_longest_length_passes_and_one_byte_more_does_not(void **state)
{
	static const char head[] = "{\"command\":\"echo\",\"what\":\"";
	struct fixture *f = *state;
	char *line = malloc(CONTROL_REQUEST_MAX + 8), text[256];

	for (size_t extra = 0; extra < 2; extra++) {
		size_t length = CONTROL_REQUEST_MAX + extra;
		int fd = bare(f);

		memset(line, 'x', length);
		memcpy(line, head, sizeof(head) - 1);
		memcpy(line + length - 2, "\"}\n", 3);
		send_all(f, fd, line, length + 1);
		read_all(f, fd, text, sizeof(text));
		if (extra == 0)
			assert_ptr_equal(strstr(text, "{\"ok\":true"), text);
		else
			assert_non_null(strstr(text, "longer than 65536 bytes"));
		close(fd);
	}
	assert_int_equal(control_server_refused(f->server), 1);
	free(line);
}

static void our_client_learns_why_an_oversized_request_was_refused(void **state)
{
	char *what = calloc(1, 200001);
	struct asking a = {0};

	memset(what, 'y', 200000);
	a.request = json_pack("{s:s, s:s}", "command", "echo", "what", what);
	free(what);
	ask(*state, &a);
	assert_int_equal(a.result, -EPROTO);
	assert_non_null(strstr(a.error, "longer than"));
}

static void a_request_may_come_byte_by_byte(void **state)
{
	static const char line[] = "{\"command\": \"echo\", \"what\": 1}\n";
	struct fixture *f = *state;
	char text[256];
	int fd = bare(f);

	for (size_t i = 0; i < sizeof(line) - 1; i++)
		send_all(f, fd, line + i, 1);
	read_all(f, fd, text, sizeof(text));
	assert_string_equal(text, "{\"ok\":true,\"data\":1}\n");
	close(fd);
}

static void a_half_closed_client_is_answered_with_or_without_a_newline(void **state)
{
	static const char *const lines[] = {"{\"command\": \"echo\", \"what\": 2}\n",
					    "{\"command\": \"echo\", \"what\": 2}"};
	struct fixture *f = *state;
	char text[256];

	for (size_t i = 0; i < 2; i++) {
		int fd = bare(f);

		send_all(f, fd, lines[i], strlen(lines[i]));
		shutdown(fd, SHUT_WR);
		read_all(f, fd, text, sizeof(text));
		assert_string_equal(text, "{\"ok\":true,\"data\":2}\n");
		close(fd);
	}
}

static void a_client_that_leaves_before_its_answer_harms_nobody(void **state)
{
	struct asking a = {.request = json_pack("{s:s, s:i}", "command", "echo", "what", 3)};
	static const char line[] = "{\"command\": \"big\"}\n";
	struct fixture *f = *state;

	for (int i = 0; i < 4; i++) {
		int fd = bare(f);

		assert_int_equal(send(fd, line, sizeof(line) - 1, 0), sizeof(line) - 1);
		if (i & 1)
			turn(f); /* it has begun to be answered */
		close(fd);
		turn(f);
	}
	close(bare(f));
	ask(f, &a);
	assert_int_equal(a.result, 0);
	json_decref(a.data);
	assert_int_equal(control_server_refused(f->server), 0);
}

static void a_client_that_does_not_read_does_not_keep_others_waiting(void **state)
{
	struct asking a = {.request = json_pack("{s:s, s:i}", "command", "echo", "what", 4)};
	static const char line[] = "{\"command\": \"big\"}\n";
	struct fixture *f = *state;
	int slow = bare(f);
	char text[64];

	send_all(f, slow, line, sizeof(line) - 1);
	turn(f);
	ask(f, &a);
	assert_int_equal(a.result, 0);
	json_decref(a.data);
	assert_true(read_all(f, slow, text, sizeof(text)) > BIG);
	close(slow);
}

static void every_client_has_a_deadline_for_asking_and_for_reading(void **state)
{
	static const char line[] = "{\"command\": \"big\"}\n";
	struct fixture *f = *state;
	int silent, reader, dripping;
	char text[64];

	control_server_set_timeout(f->server, 40);
	silent = bare(f);
	reader = bare(f);
	dripping = bare(f);
	send_all(f, reader, line, sizeof(line) - 1);
	while (control_server_refused(f->server) < 3) {
		(void)send(dripping, " ", 1, MSG_NOSIGNAL);
		event_base_loop(f->base, EVLOOP_ONCE);
	}
	assert_int_equal(read_all(f, silent, text, sizeof(text)), 0);
	assert_true(read_all(f, reader, text, sizeof(text)) < BIG);
	close(silent);
	close(reader);
	close(dripping);
}

static void clients_beyond_the_places_are_told_so(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_CLIENTS_MAX], one_more;
	char text[128];

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = bare(f);
	one_more = bare(f);
	read_all(f, one_more, text, sizeof(text));
	assert_string_equal(text, "{\"ok\": false, \"error\": \"too many clients\"}\n");
	assert_int_equal(control_server_refused(f->server), 1);
	close(one_more);
	/* The others are as well off as before. */
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		static const char line[] = "{\"command\": \"echo\", \"what\": 5}\n";

		send_all(f, fds[i], line, sizeof(line) - 1);
		read_all(f, fds[i], text, sizeof(text));
		assert_string_equal(text, "{\"ok\":true,\"data\":5}\n");
		close(fds[i]);
	}
}

static void waited(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	*(bool *)context = true;
}

static void silent_clients_give_way_to_one_that_asks(void **state)
{
	struct asking a = {.request = json_pack("{s:s, s:i}", "command", "echo", "what", 6)};
	const struct timeval grace = {.tv_sec = 1, .tv_usec = 50000};
	struct fixture *f = *state;
	int fds[CONTROL_CLIENTS_MAX];
	bool passed = false;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = bare(f);
	turn(f);
	event_base_once(f->base, -1, EV_TIMEOUT, waited, &passed, &grace);
	while (!passed)
		event_base_loop(f->base, EVLOOP_ONCE);
	ask(f, &a);
	assert_int_equal(a.result, 0);
	assert_int_equal(control_server_refused(f->server), 1);
	json_decref(a.data);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	turn(f);
}

static void a_thousand_clients_in_a_row_leave_nothing_behind(void **state)
{
	static const char line[] = "{\"command\": \"echo\", \"what\": 8}\n";
	struct fixture *f = *state;
	int before = dup(0), after;
	char text[64];

	close(before);
	for (int i = 0; i < 1000; i++) {
		int fd = bare(f);

		send_all(f, fd, line, sizeof(line) - 1);
		read_all(f, fd, text, sizeof(text));
		assert_string_equal(text, "{\"ok\":true,\"data\":8}\n");
		close(fd);
	}
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	assert_int_equal(f->handled, 1000);
}

static void the_socket_is_private_whatever_the_umask(void **state)
{
	mode_t old = umask(0);
	struct fixture *f = *state;
	struct control_server *server;
	struct group *group = getgrgid(getgid());
	struct stat status;
	char path[128];

	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	(void)snprintf(path, sizeof(path), "%s/other.sock", f->directory);
	for (int i = 0; i < 3; i++) {
		umask(i == 2 ? 0277 : 0);
		assert_non_null(group);
		assert_int_equal(control_server_new(&server, f->base, path,
						    i == 0 ? "" : group->gr_name, handle, f),
				 0);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 0777, i == 0 ? 0600 : 0660);
		assert_int_equal(status.st_gid, getgid());
		control_server_free(server);
		assert_int_equal(access(path, F_OK), -1);
	}
	umask(old);
}

static void an_unknown_group_is_an_error_and_leaves_no_socket(void **state)
{
	struct fixture *f = *state;
	struct control_server *server;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/other.sock", f->directory);
	assert_int_equal(
		control_server_new(&server, f->base, path, "no-such-group-here", handle, f),
		-ESRCH);
	assert_null(server);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_living_daemon_keeps_its_socket(void **state)
{
	struct asking a = {.request = json_pack("{s:s, s:i}", "command", "echo", "what", 9)};
	struct fixture *f = *state;
	struct control_server *second;

	assert_int_equal(control_server_new(&second, f->base, f->path, "", handle, f), -EADDRINUSE);
	assert_null(second);
	ask(f, &a);
	assert_int_equal(a.result, 0);
	json_decref(a.data);
}

static void a_dead_daemon_s_socket_is_taken_over(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct fixture *f = *state;
	struct control_server *server;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/dead.sock", f->directory);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd); /* as SIGKILL would: the name stays */
	assert_int_equal(access(address.sun_path, F_OK), 0);
	assert_int_equal(control_server_new(&server, f->base, address.sun_path, "", handle, f), 0);
	control_server_free(server);
	assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void a_file_in_the_socket_s_place_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct control_server *server;
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/precious", f->directory);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(control_server_new(&server, f->base, path, "", handle, f), -EEXIST);
	assert_int_equal(unlink(path), 0);
}

static void the_end_of_one_server_does_not_remove_another_s_socket(void **state)
{
	struct fixture *f = *state;
	struct control_server *first, *second;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/two.sock", f->directory);
	assert_int_equal(control_server_new(&first, f->base, path, "", handle, f), 0);
	assert_int_equal(unlink(path), 0); /* somebody's clean-up */
	assert_int_equal(control_server_new(&second, f->base, path, "", handle, f), 0);
	control_server_free(first);
	assert_int_equal(access(path, F_OK), 0);
	control_server_free(second);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_directory_two_levels_missing_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct control_server *server;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/a/b/c.sock", f->directory);
	assert_int_equal(control_server_new(&server, f->base, path, "", handle, f), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(control_server_new(&server, f->base, path, "", handle, f), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_request_gets_its_answer),
		WITH_SERVER(what_the_daemon_refuses_comes_back_in_its_words),
		WITH_SERVER(findings_travel_with_a_refusal_even_when_they_are_not_utf8),
		WITH_SERVER(a_handler_that_is_out_of_memory_still_answers),
		WITH_SERVER(an_answer_larger_than_any_buffer_arrives_whole),
		WITH_SERVER(without_a_daemon_the_message_names_the_socket_and_the_reason),
		WITH_SERVER(a_daemon_that_hangs_costs_the_client_its_timeout_only),
		WITH_SERVER(garbage_is_refused_and_counted),
		WITH_SERVER(json_nested_beyond_reason_is_refused),
		WITH_SERVER(a_request_of_the_longest_length_passes_and_one_byte_more_does_not),
		WITH_SERVER(our_client_learns_why_an_oversized_request_was_refused),
		WITH_SERVER(a_request_may_come_byte_by_byte),
		WITH_SERVER(a_half_closed_client_is_answered_with_or_without_a_newline),
		WITH_SERVER(a_client_that_leaves_before_its_answer_harms_nobody),
		WITH_SERVER(a_client_that_does_not_read_does_not_keep_others_waiting),
		WITH_SERVER(every_client_has_a_deadline_for_asking_and_for_reading),
		WITH_SERVER(clients_beyond_the_places_are_told_so),
		WITH_SERVER(silent_clients_give_way_to_one_that_asks),
		WITH_SERVER(a_thousand_clients_in_a_row_leave_nothing_behind),
		WITH_SERVER(the_socket_is_private_whatever_the_umask),
		WITH_SERVER(an_unknown_group_is_an_error_and_leaves_no_socket),
		WITH_SERVER(a_living_daemon_keeps_its_socket),
		WITH_SERVER(a_dead_daemon_s_socket_is_taken_over),
		WITH_SERVER(a_file_in_the_socket_s_place_is_left_alone),
		WITH_SERVER(the_end_of_one_server_does_not_remove_another_s_socket),
		WITH_SERVER(a_directory_two_levels_missing_is_an_error),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
