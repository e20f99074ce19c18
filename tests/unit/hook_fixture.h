/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests/unit/test_hook.c stands on: a directory for scripts and for what they leave, the log
 * in a file, and the event loop turned until programs have ended.
 */
#ifndef WAYMARK_TESTS_HOOK_FIXTURE_H
#define WAYMARK_TESTS_HOOK_FIXTURE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include <waymark/log.h>

#include "../../src/daemon/hook.h"

#define ENDS_MAX 256

struct end {
	char key[32];
	char path[128];
	struct hook_result result;
};

struct fixture {
	char directory[64];
	char path[128]; /* of the last script() */
	struct event_base *base;
	struct hooks *hooks;
	struct end ends[ENDS_MAX];
	size_t end_count;
	bool within_run;
	/* run from within the callback, once */
	const char *then_key, *then_path;
	int stderr_fd;
};

static const char *const no_env[] = {NULL};

static void ended(const char *key, const char *path, const struct hook_result *result,
		  void *context)
{
	struct fixture *f = context;
	struct end *end = &f->ends[f->end_count++];

	assert_true(f->end_count < ENDS_MAX);
	assert_false(f->within_run);
	(void)snprintf(end->key, sizeof(end->key), "%s", key);
	(void)snprintf(end->path, sizeof(end->path), "%s", path);
	end->result = *result;
	if (f->then_path != NULL) {
		const char *then_path = f->then_path;

		f->then_path = NULL;
		assert_int_equal(hooks_run(f->hooks, f->then_key, then_path, 20, no_env), 0);
	}
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char log[128];
	int fd;

	assert_non_null(f);
	strcpy(f->directory, "/tmp/waymark-hook-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	f->base = event_base_new();
	f->hooks = hooks_new(f->base, ended, f);
	assert_non_null(f->hooks);
	/* what is logged goes to a file */
	(void)snprintf(log, sizeof(log), "%s/log", f->directory);
	f->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && f->stderr_fd >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	hooks_free(f->hooks);
	event_base_free(f->base);
	assert_int_equal(dup2(f->stderr_fd, STDERR_FILENO), STDERR_FILENO);
	close(f->stderr_fd);
	/* whatever a test did, no child is left, running or as a zombie */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	(void)snprintf(command, sizeof(command), "rm -r %s", f->directory);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* ---- scripts and files ---- */

static const char *in_directory(struct fixture *f, const char *name)
{
	(void)snprintf(f->path, sizeof(f->path), "%s/%s", f->directory, name);
	return f->path;
}

/* Its commands run in the test's directory. */
static const char *script(struct fixture *f, const char *name, const char *commands)
{
	const char *path = in_directory(f, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\ncd %s\n%s\n", f->directory, commands);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0700), 0);
	return path;
}

/* The whole of a file; "" when it is not there. */
static void contents(struct fixture *f, const char *name, char *text, size_t size)
{
	char path[128];
	size_t got = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	file = fopen(path, "re");
	if (file != NULL) {
		got = fread(text, 1, size - 1, file);
		fclose(file);
	}
	text[got] = '\0';
}

static void assert_contents(struct fixture *f, const char *name, const char *expected)
{
	char text[4096];

	contents(f, name, text, sizeof(text));
	assert_string_equal(text, expected);
}

static bool logged(struct fixture *f, const char *expected)
{
	static char text[256 << 10];

	contents(f, "log", text, sizeof(text));
	return strstr(text, expected) != NULL;
}

static size_t log_lines(struct fixture *f)
{
	static char text[256 << 10];
	size_t count = 0;

	contents(f, "log", text, sizeof(text));
	for (const char *c = text; *c; c++)
		count += *c == '\n';
	return count;
}

/* Gone, or dead and only not yet noticed by its new parent. */
static bool is_gone(int pid)
{
	char path[64], state = '\0';
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return true;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state == 'Z' || state == 'X';
}

static int number_in(struct fixture *f, const char *name)
{
	char text[64];

	contents(f, name, text, sizeof(text));
	return atoi(text);
}

/* ---- running ---- */

static void run_key(struct fixture *f, const char *key, const char *path, unsigned timeout_s,
		    const char *const *env)
{
	f->within_run = true;
	assert_int_equal(hooks_run(f->hooks, key, path, timeout_s, env), 0);
	f->within_run = false;
}

static void run(struct fixture *f, const char *path)
{
	run_key(f, "cable", path, 60, no_env);
}

static void too_long(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	*(bool *)context = true;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int slowness(void)
{
	const char *text = getenv("WAYMARK_TEST_SLOW");
	int factor = text != NULL ? atoi(text) : 1;

	return factor > 0 ? factor : 1;
}

static void wait_ends(struct fixture *f, size_t count)
{
	struct timeval limit = {.tv_sec = 30 * slowness()};
	bool timed_out = false;
	struct event *guard = evtimer_new(f->base, too_long, &timed_out);

	event_add(guard, &limit);
	while (f->end_count < count && !timed_out)
		event_base_loop(f->base, EVLOOP_ONCE);
	event_free(guard);
	assert_int_equal(f->end_count, count);
}

static void turn_until(struct fixture *f, int64_t deadline)
{
	struct timeval step = {.tv_usec = 2000};

	assert_true(now_ms() < deadline);
	event_base_loopexit(f->base, &step);
	event_base_dispatch(f->base);
}

static void wait_file(struct fixture *f, const char *name)
{
	int64_t deadline = now_ms() + 30000 * slowness();
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	while (access(path, F_OK) != 0)
		turn_until(f, deadline);
}

/* The process whose number is in the file; what was killed takes its time to die. */
static void wait_gone(struct fixture *f, const char *name)
{
	int64_t deadline = now_ms() + 30000 * slowness();
	int pid = number_in(f, name);

	assert_true(pid > 0);
	while (!is_gone(pid))
		turn_until(f, deadline);
}

static void assert_end(struct fixture *f, size_t at, enum hook_end end, int value)
{
	assert_int_equal(f->ends[at].result.end, end);
	assert_int_equal(f->ends[at].result.value, value);
}

#endif
