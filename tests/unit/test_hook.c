/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs run by src/daemon/hook.c: small scripts in a directory of the test's own, the event
 * loop turned until they have ended, what was logged read back from a file.
 * The last tests forbid pidfd_open(), as an old kernel does, and go through the main things again.
 */
#include "hook_fixture.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

/* ---- a program and what it finds ---- */

static void a_program_runs_and_its_end_is_told(void **state)
{
	struct fixture *f = *state;
	const char *path = script(f, "hook", "echo ran >ran; exit 7");

	run(f, path);
	assert_int_equal(f->end_count, 0);
	wait_ends(f, 1);
	assert_string_equal(f->ends[0].key, "cable");
	assert_string_equal(f->ends[0].path, path);
	assert_end(f, 0, HOOK_EXITED, 7);
	assert_int_equal(f->ends[0].result.skipped, 0);
	assert_contents(f, "ran", "ran\n");
	assert_true(logged(f, "warn: uplink 'cable': /tmp/"));
	assert_true(logged(f, "/hook: exit code 7\n"));
}

static void success_is_no_warning(void **state)
{
	struct fixture *f = *state;

	run(f, "/bin/true");
	wait_ends(f, 1);
	assert_end(f, 0, HOOK_EXITED, 0);
	assert_int_equal(log_lines(f), 1);
	assert_true(logged(f, "debug: uplink 'cable': /bin/true: exit code 0\n"));
}

static void a_signal_that_ends_it_is_told(void **state)
{
	struct fixture *f = *state;

	run(f, script(f, "hook", "kill -SEGV $$"));
	wait_ends(f, 1);
	assert_end(f, 0, HOOK_SIGNALLED, SIGSEGV);
	assert_true(logged(f, "ended by signal 11, Segmentation fault\n"));
}

static void it_sees_what_was_given_and_the_locale_and_nothing_else(void **state)
{
	const char *const env[] = {"WAYMARK_UPLINK=cable", "WAYMARK_STATE=down",
				   "WAYMARK_REASON=a b 'c' $d", "WAYMARK_GATEWAY6=", NULL};
	struct fixture *f = *state;

	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("LC_TIME", "C", 1);
	setenv("SECRET", "x", 1);
	setenv("PATHS", "x", 1);
	run_key(f, "cable", "/usr/bin/env", 60, env);
	wait_ends(f, 1);
	assert_end(f, 0, HOOK_EXITED, 0);
	assert_true(logged(f, "env: PATH=/usr/bin:/bin\n"));
	assert_true(logged(f, "env: LANG=C.UTF-8\n"));
	assert_true(logged(f, "env: LC_TIME=C\n"));
	assert_true(logged(f, "env: WAYMARK_UPLINK=cable\n"));
	assert_true(logged(f, "env: WAYMARK_REASON=a b 'c' $d\n"));
	assert_true(logged(f, "env: WAYMARK_GATEWAY6=\n"));
	assert_false(logged(f, "SECRET"));
	assert_false(logged(f, "PATHS"));
}

static void it_finds_an_empty_stdin_a_group_of_its_own_and_signals_as_usual(void **state)
{
	struct fixture *f = *state;
	unsigned long long blocks = 1, ignores = 1;
	sigset_t blocked, old;
	char text[128];

	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	run(f, script(f, "hook",
		      "cat >stdin; ps -o pgid= -p $$ | tr -d ' ' >group; echo $$ >pid\n"
		      "grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t' >signals"));
	wait_ends(f, 1);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	assert_contents(f, "stdin", "");
	assert_int_equal(number_in(f, "group"), number_in(f, "pid"));
	contents(f, "signals", text, sizeof(text));
	assert_int_equal(sscanf(text, "SigBlk:%llx SigIgn:%llx", &blocks, &ignores), 2);
	assert_int_equal(blocks, 0);
	/* bar the two that are the C library's own, which it ignores in what it starts */
	assert_int_equal(ignores & ~(3ull << 31), 0);
}

static void it_inherits_no_descriptor(void **state)
{
	struct fixture *f = *state;
	int inherited = fcntl(STDIN_FILENO, F_DUPFD, 5);

	/* as whoever started us might leave one open */
	assert_true(inherited >= 5);
	hooks_free(f->hooks);
	f->hooks = hooks_new(f->base, ended, f);
	run_key(f, "other", script(f, "waits", ": >runs; exec sleep 100"), 100, no_env);
	wait_file(f, "runs");
	/* 3 is the directory that ls itself reads */
	run(f, script(f, "hook", "exec ls /proc/self/fd"));
	wait_ends(f, 1);
	assert_true(logged(f, "hook: 0\n"));
	assert_true(logged(f, "hook: 2\n"));
	assert_true(logged(f, "hook: 3\n"));
	assert_false(logged(f, "hook: 4\n"));
	assert_int_equal(log_lines(f), 5);
	close(inherited);
}

/* ---- what cannot be run ---- */

static void what_cannot_be_run_is_told_from_the_loop(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	run(f, in_directory(f, "none"));
	assert_int_equal(f->end_count, 0);
	wait_ends(f, 1);
	assert_end(f, 0, HOOK_FAILED, ENOENT);
	assert_true(logged(f, "/none: cannot be run: No such file or directory\n"));
	script(f, "plain", "");
	assert_int_equal(chmod(f->path, 0600), 0);
	run(f, f->path);
	wait_ends(f, 2);
	assert_end(f, 1, HOOK_FAILED, EACCES);
	run(f, f->directory);
	wait_ends(f, 3);
	assert_end(f, 2, HOOK_FAILED, EACCES);
	file = fopen(in_directory(f, "headless"), "we");
	fputs("echo no first line\n", file);
	fclose(file);
	assert_int_equal(chmod(f->path, 0700), 0);
	run(f, f->path);
	wait_ends(f, 4);
	assert_end(f, 3, HOOK_FAILED, ENOEXEC);
}

static void tick(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	++*(int *)context;
}

/* ---- one at a time ---- */

static const char counting[] = "echo begin $N >>story; until [ -e go ]; do sleep 0.01; done\n"
			       "echo end $N >>story";

static void run_numbered(struct fixture *f, const char *path, int n)
{
	char number[32];
	const char *env[] = {number, NULL};

	(void)snprintf(number, sizeof(number), "N=%d", n);
	run_key(f, "cable", path, 60, env);
}

static void programs_of_one_uplink_never_overlap_and_the_latest_change_wins(void **state)
{
	struct fixture *f = *state;
	char path[128];

	strcpy(path, script(f, "hook", counting));
	run_numbered(f, path, 1);
	wait_file(f, "story");
	run_numbered(f, path, 2);
	run_numbered(f, path, 3);
	run_numbered(f, path, 4);
	script(f, "go", "");
	wait_ends(f, 2);
	assert_contents(f, "story", "begin 1\nend 1\nbegin 4\nend 4\n");
	assert_int_equal(f->ends[0].result.skipped, 2);
	assert_int_equal(f->ends[1].result.skipped, 0);
	assert_int_equal(hooks_skipped(f->hooks), 2);
}

static void another_uplink_s_program_does_not_wait(void **state)
{
	struct fixture *f = *state;

	run_key(f, "slow", script(f, "waits", "exec sleep 100"), 100, no_env);
	run_key(f, "fast", "/bin/true", 100, no_env);
	wait_ends(f, 1);
	assert_string_equal(f->ends[0].key, "fast");
}

static void a_burst_of_changes_costs_one_run_or_two(void **state)
{
	struct fixture *f = *state;
	char path[128];

	strcpy(path, script(f, "hook", counting));
	for (int n = 1; n <= 100; n++)
		run_numbered(f, path, n);
	wait_file(f, "story");
	for (int n = 101; n <= 200; n++)
		run_numbered(f, path, n);
	script(f, "go", "");
	wait_ends(f, 2);
	assert_contents(f, "story", "begin 100\nend 100\nbegin 200\nend 200\n");
	assert_int_equal(f->ends[0].result.skipped, 198);
	assert_int_equal(f->ends[1].result.skipped, 0);
	assert_int_equal(hooks_skipped(f->hooks), 198);
}

static void a_burst_over_a_hundred_uplinks_leaves_nothing_behind(void **state)
{
	int before = dup(0), after;
	struct fixture *f = *state;
	char key[32], path[128];

	close(before);
	strcpy(path, script(f, "hook", "echo $0"));
	for (int n = 0; n < 100; n++) {
		(void)snprintf(key, sizeof(key), "line%d", n);
		run_key(f, key, path, 60, no_env);
	}
	wait_ends(f, 100);
	for (int n = 0; n < 100; n++)
		assert_end(f, (size_t)n, HOOK_EXITED, 0);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void who_is_told_may_run_the_next(void **state)
{
	struct fixture *f = *state;

	f->then_key = "cable";
	f->then_path = "/bin/false";
	run(f, "/bin/true");
	wait_ends(f, 2);
	assert_end(f, 0, HOOK_EXITED, 0);
	assert_end(f, 1, HOOK_EXITED, 1);
	/* and is then the latest: what waited gives way */
	f->then_path = "/bin/echo";
	run(f, script(f, "hook", counting));
	wait_file(f, "story");
	run(f, "/bin/false");
	script(f, "go", "");
	wait_ends(f, 4);
	assert_end(f, 2, HOOK_EXITED, 0);
	assert_string_equal(f->ends[3].path, "/bin/echo");
	assert_int_equal(f->ends[3].result.skipped, 1);
}

static void the_loop_sees_to_other_things_between_two_starts(void **state)
{
	struct fixture *f = *state;
	struct event *other;
	int fds[2], ticks = 0;
	char key[32];

	/* a byte that nobody reads: due in each turn */
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "", 1), 1);
	other = event_new(f->base, fds[0], EV_READ | EV_PERSIST, tick, &ticks);
	for (int n = 0; n < 50; n++) {
		(void)snprintf(key, sizeof(key), "line%d", n);
		run_key(f, key, "/bin/true", 60, no_env);
	}
	event_add(other, NULL);
	wait_ends(f, 50);
	assert_true(ticks >= 49);
	event_free(other);
	close(fds[0]);
	close(fds[1]);
}

/* ---- timeouts and the end ---- */

static void past_its_timeout_the_whole_group_is_killed(void **state)
{
	struct fixture *f = *state;
	int64_t began = now_ms();

	run_key(f, "cable",
		script(f, "hook",
		       "trap '' TERM\n"
		       "sh -c 'trap \"\" TERM; echo $$ >inner; while :; do sleep 0.1; done' &\n"
		       "echo $$ >outer; while :; do sleep 0.1; done"),
		1, no_env);
	wait_ends(f, 1);
	assert_end(f, 0, HOOK_TIMED_OUT, 1);
	assert_true(now_ms() - began >= 1990);
	wait_gone(f, "inner");
	wait_gone(f, "outer");
	assert_true(logged(f, "/hook: ended by us after 1 s\n"));
}

static void past_its_timeout_it_may_first_tidy_up(void **state)
{
	struct fixture *f = *state;

	run_key(f, "cable",
		script(f, "hook",
		       "trap 'echo tidy >tidy; exit 0' TERM\n"
		       "sh -c 'trap \"\" TERM; echo $$ >inner; while :; do sleep 0.1; done' &\n"
		       "while :; do sleep 0.05; done"),
		1, no_env);
	wait_file(f, "inner");
	run(f, "/bin/true"); /* and what waits behind it is run */
	wait_ends(f, 2);
	assert_end(f, 0, HOOK_TIMED_OUT, 1);
	assert_end(f, 1, HOOK_EXITED, 0);
	assert_contents(f, "tidy", "tidy\n");
	/* one that it left behind is killed all the same */
	wait_gone(f, "inner");
}

static void what_it_leaves_in_the_background_is_left_alone(void **state)
{
	struct fixture *f = *state;
	int pid;

	run(f, script(f, "hook", "sleep 100 & echo $! >pid; echo done"));
	wait_ends(f, 1);
	assert_end(f, 0, HOOK_EXITED, 0);
	assert_true(logged(f, "hook: done\n"));
	pid = number_in(f, "pid");
	assert_false(is_gone(pid));
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void at_the_end_what_runs_is_ended_and_what_waits_is_not_begun(void **state)
{
	struct fixture *f = *state;
	int64_t began;

	run(f, script(f, "obeys",
		      "trap 'echo tidy >tidy; exit' TERM; echo $$ >pid\n"
		      "while :; do sleep 0.02; done"));
	wait_file(f, "pid");
	run(f, script(f, "waits", ": >begun"));
	began = now_ms();
	hooks_free(f->hooks);
	f->hooks = NULL;
	assert_true(now_ms() - began < 450 * slowness());
	wait_gone(f, "pid");
	assert_contents(f, "tidy", "tidy\n");
	assert_int_equal(access(in_directory(f, "begun"), F_OK), -1);
	assert_int_equal(f->end_count, 0);
}

static void at_the_end_what_does_not_obey_is_killed(void **state)
{
	struct fixture *f = *state;
	int64_t began;

	run(f, script(f, "hook",
		      "trap '' TERM\n"
		      "sh -c 'trap \"\" TERM; echo $$ >inner; while :; do sleep 0.1; done' &\n"
		      "until [ -s inner ]; do sleep 0.01; done; echo $$ >outer\n"
		      "while :; do sleep 0.1; done"));
	run_key(f, "mail", in_directory(f, "none"), 60, no_env);
	wait_file(f, "outer");
	wait_ends(f, 1);
	began = now_ms();
	hooks_free(f->hooks);
	f->hooks = NULL;
	assert_true(now_ms() - began >= 490);
	assert_true(now_ms() - began < 1000 * slowness());
	wait_gone(f, "inner");
	wait_gone(f, "outer");
	hooks_free(NULL);
}

/* ---- output ---- */

static void what_it_prints_is_logged_line_by_line(void **state)
{
	struct fixture *f = *state;

	run(f, script(f, "hook",
		      "echo one; echo two >&2; printf 'three\\r\\n\\n\\n'\n"
		      "printf 'a\\033[2Jb\\tc\\302\\233d \\303\\251\\n'; printf 'no end'"));
	wait_ends(f, 1);
	assert_true(logged(f, "uplink 'cable': hook: one\n"));
	assert_true(logged(f, "uplink 'cable': hook: two\n"));
	assert_true(logged(f, "uplink 'cable': hook: three\n"));
	assert_true(logged(f, "uplink 'cable': hook: a?[2Jb c??d \xc3\xa9\n"));
	assert_true(logged(f, "uplink 'cable': hook: no end\n"));
	assert_int_equal(log_lines(f), 6);
}

static void a_long_line_is_cut_between_characters(void **state)
{
	char expected[HOOK_LINE_MAX + 8];
	struct fixture *f = *state;

	run(f,
	    script(f, "hook",
		   "head -c 500 /dev/zero | tr '\\0' x; echo\n"
		   "head -c 399 /dev/zero | tr '\\0' y; printf '\\303\\251\\303\\251\\nnext\\n'"));
	wait_ends(f, 1);
	memset(expected, 'x', HOOK_LINE_MAX);
	strcpy(expected + HOOK_LINE_MAX, "...\n");
	assert_true(logged(f, expected));
	memset(expected, 'y', 399);
	strcpy(expected + 399, "...\n");
	assert_true(logged(f, expected));
	assert_true(logged(f, "hook: next\n"));
}

static void as_many_lines_as_are_logged_are_no_more(void **state)
{
	struct fixture *f = *state;

	run(f, script(f, "hook", "seq 100"));
	wait_ends(f, 1);
	assert_true(logged(f, "hook: 100\n"));
	assert_false(logged(f, "prints more"));
	run(f, script(f, "more", "seq 10000; exit 3"));
	wait_ends(f, 2);
	assert_end(f, 1, HOOK_EXITED, 3);
	assert_true(logged(f, "more: 100\n"));
	assert_false(logged(f, "more: 101\n"));
	assert_true(logged(f, "more: prints more than is logged\n"));
	assert_int_equal(log_lines(f), 100 + 1 + 100 + 1 + 1);
}

static void printing_without_end_costs_the_loop_next_to_nothing(void **state)
{
	static const char *const programs[] = {"exec yes", "exec cat /dev/zero"};
	struct timeval every = {.tv_usec = 10000};
	struct fixture *f = *state;
	struct rusage before, after;
	long used_ms;
	int ticks;

	for (size_t i = 0; i < 2; i++) {
		struct event *ticker = event_new(f->base, -1, EV_PERSIST, tick, &ticks);

		ticks = 0;
		event_add(ticker, &every);
		getrusage(RUSAGE_SELF, &before);
		run_key(f, "cable", script(f, "hook", programs[i]), 1, no_env);
		wait_ends(f, i + 1);
		getrusage(RUSAGE_SELF, &after);
		event_free(ticker);
		assert_end(f, i, HOOK_TIMED_OUT, 1);
		used_ms = (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
			   before.ru_stime.tv_sec) *
				  1000 +
			  (after.ru_utime.tv_usec - before.ru_utime.tv_usec +
			   after.ru_stime.tv_usec - before.ru_stime.tv_usec) /
				  1000;
		assert_true(used_ms < 300 * slowness());
		assert_true(ticks > 20);
		assert_true(log_lines(f) < 350);
	}
}

/* ---- others' children ---- */

static void others_children_are_not_taken_from_them(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(9);
	run(f, "/bin/true");
	wait_ends(f, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 9);
}

static void an_ignored_sigchld_that_we_inherit_hides_no_end(void **state)
{
	struct fixture *f = *state;

	hooks_free(f->hooks);
	f->hooks = NULL;
	signal(SIGCHLD, SIG_IGN);
	f->hooks = hooks_new(f->base, ended, f);
	run(f, "/bin/false");
	wait_ends(f, 1);
	assert_end(f, 0, HOOK_EXITED, 1);
}

/* From here on, for the rest of this process and its children. */
static void without_pidfds(void **state)
{
	struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(instructions) / sizeof(instructions[0]),
		.filter = instructions,
	};

	(void)state;
	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		skip(); /* a kernel without it */
	assert_int_equal(syscall(SYS_pidfd_open, getpid(), 0), -1);
	assert_int_equal(errno, ENOSYS);
}

#define HOOK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define NO_PIDFD(test)                                                 \
	{                                                              \
		"without_pidfds_" #test, test, set_up, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOOK(a_program_runs_and_its_end_is_told),
		HOOK(success_is_no_warning),
		HOOK(a_signal_that_ends_it_is_told),
		HOOK(it_sees_what_was_given_and_the_locale_and_nothing_else),
		HOOK(it_finds_an_empty_stdin_a_group_of_its_own_and_signals_as_usual),
		HOOK(it_inherits_no_descriptor),
		HOOK(what_cannot_be_run_is_told_from_the_loop),
		HOOK(programs_of_one_uplink_never_overlap_and_the_latest_change_wins),
		HOOK(another_uplink_s_program_does_not_wait),
		HOOK(a_burst_of_changes_costs_one_run_or_two),
		HOOK(a_burst_over_a_hundred_uplinks_leaves_nothing_behind),
		HOOK(who_is_told_may_run_the_next),
		HOOK(the_loop_sees_to_other_things_between_two_starts),
		HOOK(past_its_timeout_the_whole_group_is_killed),
		HOOK(past_its_timeout_it_may_first_tidy_up),
		HOOK(what_it_leaves_in_the_background_is_left_alone),
		HOOK(at_the_end_what_runs_is_ended_and_what_waits_is_not_begun),
		HOOK(at_the_end_what_does_not_obey_is_killed),
		HOOK(what_it_prints_is_logged_line_by_line),
		HOOK(a_long_line_is_cut_between_characters),
		HOOK(as_many_lines_as_are_logged_are_no_more),
		HOOK(printing_without_end_costs_the_loop_next_to_nothing),
		HOOK(others_children_are_not_taken_from_them),
		HOOK(an_ignored_sigchld_that_we_inherit_hides_no_end),
		cmocka_unit_test(without_pidfds),
		NO_PIDFD(a_program_runs_and_its_end_is_told),
		NO_PIDFD(programs_of_one_uplink_never_overlap_and_the_latest_change_wins),
		NO_PIDFD(a_burst_over_a_hundred_uplinks_leaves_nothing_behind),
		NO_PIDFD(past_its_timeout_the_whole_group_is_killed),
		NO_PIDFD(past_its_timeout_it_may_first_tidy_up),
		NO_PIDFD(at_the_end_what_does_not_obey_is_killed),
		NO_PIDFD(others_children_are_not_taken_from_them),
	};

	log_init("test", LOG_LEVEL_DEBUG, LOG_TARGET_STDERR);
	return cmocka_run_group_tests_name("hook", tests, NULL, NULL);
}
