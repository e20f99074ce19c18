/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A control server in the test's own thread, and bare sockets as its clients: what the tests of
 * control have in common. Each program includes it once, and gives handle().
 */
#ifndef WAYMARK_TESTS_CONTROL_FIXTURE_H
#define WAYMARK_TESTS_CONTROL_FIXTURE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include <waymark/control.h>

struct fixture {
	char directory[64];
	char path[96];
	struct event_base *base;
	struct control_server *server;
	unsigned handled;
};

static json_t *handle(const json_t *request, void *context);

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->directory, "/tmp/waymark-control-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof(f->path), "%s/run/control.sock", f->directory);
	f->base = event_base_new();
	assert_non_null(f->base);
	assert_int_equal(control_server_new(&f->server, f->base, f->path, "", handle, f), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char run[96];

	control_server_free(f->server);
	event_base_free(f->base);
	(void)snprintf(run, sizeof(run), "%s/run", f->directory);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

/* ---- what blocks, in its own thread, while the loop turns ---- */

struct threaded {
	void (*work)(void *context);
	void *context;
	int done[2];
};

static void *threaded_run(void *context)
{
	struct threaded *t = context;

	t->work(t->context);
	assert_int_equal(write(t->done[1], "", 1), 1);
	return NULL;
}

static void threaded_done(evutil_socket_t fd, short what, void *context)
{
	char byte;

	(void)what;
	assert_int_equal(read(fd, &byte, 1), 1);
	*(bool *)context = true;
}

static void in_thread(struct fixture *f, void (*work)(void *context), void *context)
{
	struct threaded t = {.work = work, .context = context};
	bool finished = false;
	struct event *done;
	pthread_t thread;

	assert_int_equal(pipe2(t.done, O_CLOEXEC), 0);
	done = event_new(f->base, t.done[0], EV_READ, threaded_done, &finished);
	event_add(done, NULL);
	assert_int_equal(pthread_create(&thread, NULL, threaded_run, &t), 0);
	while (!finished)
		event_base_loop(f->base, EVLOOP_ONCE);
	pthread_join(thread, NULL);
	event_free(done);
	close(t.done[0]);
	close(t.done[1]);
}

/* ---- bare clients ---- */

static int bare(struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 8; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

/* All that comes until the server closes; `text` terminated, cut at its size. */
static size_t read_all(struct fixture *f, int fd, char *text, size_t size)
{
	size_t total = 0, kept = 0;

	for (;;) {
		char piece[4096];
		ssize_t got = recv(fd, piece, sizeof(piece), 0);

		if (got < 0 && errno == EAGAIN) {
			event_base_loop(f->base, EVLOOP_NONBLOCK);
			continue;
		}
		if (got <= 0)
			break;
		for (ssize_t i = 0; i < got && kept + 1 < size; i++)
			text[kept++] = piece[i];
		total += (size_t)got;
	}
	text[kept] = '\0';
	return total;
}

static void send_all(struct fixture *f, int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent > 0) {
			text += sent;
			length -= (size_t)sent;
		}
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
