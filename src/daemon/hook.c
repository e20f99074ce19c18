/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of the user's, run beside a loop that must not wait for them.
 *
 * A key exists while it has a program to run. It goes through these stages:
 *
 *	QUEUED --started--> RUNNING --ends--> reaped, told
 *	                    RUNNING --timeout, SIGTERM--> TERMINATED --1 s, SIGKILL--> KILLED
 *	                    KILLED --ends--> reaped, told
 *
 * - Starting a program takes a millisecond or so, and all uplinks may change at once. So the loop
 *   starts one in a turn, and sees to everything else between two of them.
 * - posix_spawn() rather than fork(): it copies no page tables, however many flows the daemon
 *   remembers, and tells at once when the program cannot be executed.
 * - The group's number is its leader's process id, which is given to nobody else before the
 *   leader is reaped. So from SIGTERM to SIGKILL the leader is left as it is, ended or
 *   not: what is signalled is always the group that we made.
 * - The end shows by a pidfd. Where the kernel has none, SIGCHLD makes us ask for each of our
 *   children by its id. Nobody waits for any child: the firewall module reaps its own.
 * - Output is read a piece at a time. From a program that prints without end a piece is taken and
 *   thrown away now and then, so that it neither blocks for ever nor keeps us busy.
 * - Nothing but 0, 1 and 2 is inherited: every descriptor of ours is close-on-exec, and what
 *   whoever started us left open is made so.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <waymark/arena.h>
#include <waymark/log.h>

#define GRACE_MS 1000	  /* between SIGTERM and SIGKILL */
#define STOP_GRACE_MS 500 /* the same when the daemon stops */
#define STOP_STEP_MS 2
#define PIECE 4096	       /* of output, read in one step */
#define OUTPUT_MAX (64u << 10) /* bytes of a run that are looked at; also what a pipe holds */
#define PAUSE_MS 20	       /* between two pieces of what is not looked at any more */

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u /* Linux 5.11; headers may be older than the kernel */
#endif

extern char **environ;

/* What is to be run. */
struct run {
	struct arena memory;
	const char *path;
	unsigned timeout_s;
	char **env;
};

enum stage { QUEUED, RUNNING, TERMINATED, KILLED };

struct hook {
	TAILQ_ENTRY(hook) entry;
	struct hooks *hooks;
	char *key;
	struct run *run;
	struct run *next; /* waits for the end of run; may be NULL */
	unsigned skipped; /* for a later one, since a run was told */
	enum stage stage;
	struct hook_result result;
	pid_t pid;
	int pidfd, output_fd;
	struct event *ended; /* NULL: SIGCHLD tells */
	struct event *timer;
	struct event *output;
	struct event *resume; /* reading, after a pause */
	size_t lines, bytes;  /* of output */
	char line[HOOK_LINE_MAX];
	size_t line_length;
	bool line_cut;
	bool heard_out; /* it has printed more than is logged */
};

TAILQ_HEAD(hook_list, hook);

struct hooks {
	struct event_base *base;
	hooks_ended_fn *ended;
	void *context;
	struct hook_list list;
	struct event *starter;
	struct event *child; /* SIGCHLD; NULL as long as there are pidfds */
	uint64_t skipped;
};

static void hook_finish(struct hook *hook);

static void timer_start(struct event *timer, int ms)
{
	struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)event_add(timer, &delay);
}

/* ---- what is to be run ---- */

static void run_free(struct run *run)
{
	if (!run)
		return;
	arena_release(&run->memory);
	free(run);
}

static bool is_inherited(const char *variable)
{
	return strncmp(variable, "PATH=", 5) == 0 || strncmp(variable, "LANG=", 5) == 0 ||
	       strncmp(variable, "LC_", 3) == 0;
}

/* False: out of memory. */
static bool run_take_env(struct run *run, const char *const *given)
{
	size_t count = 0, at = 0;

	for (char **variable = environ; variable && *variable; variable++)
		count += is_inherited(*variable);
	for (const char *const *variable = given; *variable; variable++)
		count++;
	run->env = arena_array(&run->memory, count + 1, sizeof(char *));
	if (!run->env)
		return false;
	for (char **variable = environ; variable && *variable; variable++) {
		if (is_inherited(*variable))
			run->env[at++] = arena_strdup(&run->memory, *variable);
	}
	for (const char *const *variable = given; *variable; variable++)
		run->env[at++] = arena_strdup(&run->memory, *variable);
	for (size_t i = 0; i < count; i++) {
		if (!run->env[i])
			return false;
	}
	return true;
}

static struct run *run_new(const char *path, unsigned timeout_s, const char *const *env)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	arena_init(&run->memory);
	run->path = arena_strdup(&run->memory, path);
	run->timeout_s = timeout_s;
	if (!run->path || !run_take_env(run, env)) {
		run_free(run);
		return NULL;
	}
	return run;
}

/* ---- what it prints ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A line for the log, which may be read at a terminal: no control characters, those of C1 (C2 80 to
 * C2 9F in UTF-8) neither. */
static void line_clean(struct hook *hook)
{
	for (size_t i = 0; i < hook->line_length; i++) {
		unsigned char c = (unsigned char)hook->line[i];
		bool high =
			c >= 0x80 && c < 0xa0 && i > 0 && (unsigned char)hook->line[i - 1] == 0xc2;

		if (c == '\t')
			hook->line[i] = ' ';
		else if (c < 0x20 || c == 0x7f || high)
			hook->line[i] = '?';
		if (high)
			hook->line[i - 1] = '?';
	}
}

static void line_end(struct hook *hook)
{
	if (hook->line_length > 0 && hook->line[hook->line_length - 1] == '\r')
		hook->line_length--;
	/* cut between characters, not within one: what its last begins with may be all there is */
	while (hook->line_cut && hook->line_length > 0 &&
	       (unsigned char)hook->line[hook->line_length - 1] >= 0x80)
		if (((unsigned char)hook->line[--hook->line_length] & 0xc0) == 0xc0)
			break;
	if (hook->line_length > 0) {
		line_clean(hook);
		log_info("uplink '%s': %s: %.*s%s", hook->key, base_name(hook->run->path),
			 (int)hook->line_length, hook->line, hook->line_cut ? "..." : "");
		hook->lines++;
	}
	hook->line_length = 0;
	hook->line_cut = false;
}

static void output_take(struct hook *hook, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (hook->lines == HOOK_LINES_MAX || hook->bytes == OUTPUT_MAX) {
			line_end(hook);
			hook->heard_out = true;
			log_info("uplink '%s': %s: prints more than is logged", hook->key,
				 base_name(hook->run->path));
			return;
		}
		hook->bytes++;
		if (bytes[i] == '\n')
			line_end(hook);
		else if (hook->line_length < sizeof(hook->line))
			hook->line[hook->line_length++] = bytes[i];
		else
			hook->line_cut = true;
	}
}

/* Reads a piece. False: there is none now, or no more at all (then *over). */
static bool output_read(struct hook *hook, bool *over)
{
	char piece[PIECE];
	ssize_t got = read(hook->output_fd, piece, sizeof(piece));

	*over = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
	if (got > 0 && !hook->heard_out)
		output_take(hook, piece, (size_t)got);
	return got > 0;
}

static void on_output(evutil_socket_t fd, short what, void *context)
{
	struct hook *hook = context;
	bool over;

	(void)fd;
	(void)what;
	output_read(hook, &over);
	if (over) {
		(void)event_del(hook->output);
	} else if (hook->heard_out) {
		(void)event_del(hook->output);
		timer_start(hook->resume, PAUSE_MS);
	}
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
	struct hook *hook = context;

	(void)fd;
	(void)what;
	(void)event_add(hook->output, NULL);
}

/* What is there at the end. Its children may go on printing, so not until there is nothing. */
static void output_finish(struct hook *hook)
{
	bool over;

	if (hook->output_fd < 0)
		return;
	for (size_t i = 0; i < OUTPUT_MAX / PIECE && !hook->heard_out; i++) {
		if (!output_read(hook, &over))
			break;
	}
	line_end(hook);
}

/* ---- a program ---- */

/* 0 or errno. */
static int spawn(const struct run *run, int output_fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	char *argv[] = {(char *)(uintptr_t)run->path, NULL}; /* not written to */
	int error;

	error = posix_spawn_file_actions_init(&actions);
	if (error)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error) {
		posix_spawn_file_actions_destroy(&actions);
		return error;
	}
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETPGROUP);
	/* stdin last: should the pipe be descriptor 0, it has been copied by then */
	error = posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, output_fd, STDERR_FILENO);
	if (!error)
		error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
							 O_RDONLY, 0);
	if (!error)
		error = posix_spawn(pid, run->path, &actions, &attributes, argv, run->env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static void hook_signal(const struct hook *hook, int signal)
{
	/* a leader may have gone to another group, and left none behind */
	if (hook->pid > 0 && kill(-hook->pid, signal) != 0)
		kill(hook->pid, signal);
}

/* True when it has ended, and result tells how. */
static bool hook_reap(struct hook *hook)
{
	bool timed_out = hook->stage == KILLED;
	int status;
	pid_t pid = waitpid(hook->pid, &status, WNOHANG);

	if (pid == 0)
		return false;
	if (pid < 0) /* cannot be: nobody else waits for it */
		hook->result = (struct hook_result){.end = HOOK_FAILED, .value = errno};
	else if (timed_out)
		hook->result = (struct hook_result){.end = HOOK_TIMED_OUT,
						    .value = (int)hook->run->timeout_s};
	else if (WIFEXITED(status))
		hook->result =
			(struct hook_result){.end = HOOK_EXITED, .value = WEXITSTATUS(status)};
	else
		hook->result =
			(struct hook_result){.end = HOOK_SIGNALLED, .value = WTERMSIG(status)};
	return true;
}

static void on_ended(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	if (hook_reap(context))
		hook_finish(context);
}

/* A child of somebody's has ended: one of ours? */
static void on_child(evutil_socket_t signal, short what, void *context)
{
	struct hooks *hooks = context;
	struct hook *hook, *next;

	(void)signal;
	(void)what;
	for (hook = TAILQ_FIRST(&hooks->list); hook; hook = next) {
		next = TAILQ_NEXT(hook, entry);
		if ((hook->stage == RUNNING || hook->stage == KILLED) && hook_reap(hook))
			hook_finish(hook);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct hook *hook = context;

	(void)fd;
	(void)what;
	switch (hook->stage) {
	case QUEUED:
		return;
	case RUNNING:
		if (hook_reap(hook)) {
			hook_finish(hook);
			return;
		}
		if (hook->ended)
			(void)event_del(hook->ended);
		hook_signal(hook, SIGTERM);
		hook->stage = TERMINATED;
		break;
	case TERMINATED:
		hook_signal(hook, SIGKILL);
		hook->stage = KILLED;
		if (hook->ended)
			(void)event_add(hook->ended, NULL);
		/* fall through */
	case KILLED:
		/* not yet: it hangs in the kernel, or is about to go */
		if (hook_reap(hook)) {
			hook_finish(hook);
			return;
		}
		break;
	}
	timer_start(hook->timer, GRACE_MS);
}

/* Has its end watched for. Should even that fail, the timer will find it. */
static void hook_watch(struct hook *hook)
{
	struct hooks *hooks = hook->hooks;

	hook->pidfd = (int)syscall(SYS_pidfd_open, hook->pid, 0);
	if (hook->pidfd >= 0)
		hook->ended =
			event_new(hooks->base, hook->pidfd, EV_READ | EV_PERSIST, on_ended, hook);
	if (hook->ended && event_add(hook->ended, NULL) == 0)
		return;
	if (!hooks->child) {
		hooks->child = evsignal_new(hooks->base, SIGCHLD, on_child, hooks);
		if (!hooks->child || event_add(hooks->child, NULL) != 0)
			return;
	}
	/* it may have ended before we listened */
	event_active(hooks->child, EV_SIGNAL, 1);
}

static int hook_spawn(struct hook *hook)
{
	int pipe_fds[2], error;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return errno;
	hook->output_fd = pipe_fds[0];
	if (fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) != 0)
		error = errno;
	else
		error = spawn(hook->run, pipe_fds[1], &hook->pid);
	close(pipe_fds[1]);
	return error;
}

static void hook_start(struct hook *hook)
{
	int error = hook_spawn(hook);

	if (!error) {
		hook->stage = RUNNING;
		hook->output = event_new(hook->hooks->base, hook->output_fd, EV_READ | EV_PERSIST,
					 on_output, hook);
		if (hook->output)
			(void)event_add(hook->output, NULL);
		timer_start(hook->timer, (int)hook->run->timeout_s * 1000);
		hook_watch(hook);
		return;
	}
	hook->pid = 0;
	hook->result = (struct hook_result){.end = HOOK_FAILED, .value = error};
	hook_finish(hook);
}

/* The one that has waited longest. */
static void on_start(evutil_socket_t fd, short what, void *context)
{
	struct hooks *hooks = context;
	struct hook *hook, *first = NULL;

	(void)fd;
	(void)what;
	TAILQ_FOREACH (hook, &hooks->list, entry) {
		if (hook->stage != QUEUED)
			continue;
		if (first) {
			timer_start(hooks->starter, 0);
			break;
		}
		first = hook;
	}
	if (first)
		hook_start(first);
}

static void hook_queue(struct hook *hook)
{
	hook->stage = QUEUED;
	TAILQ_INSERT_TAIL(&hook->hooks->list, hook, entry);
	timer_start(hook->hooks->starter, 0);
}

/* What belongs to one run: ready for another. */
static void hook_clear(struct hook *hook)
{
	struct event **const events[] = {&hook->ended, &hook->output};

	for (size_t i = 0; i < 2; i++) {
		if (*events[i])
			event_free(*events[i]);
		*events[i] = NULL;
	}
	(void)event_del(hook->timer);
	(void)event_del(hook->resume);
	if (hook->pidfd >= 0)
		close(hook->pidfd);
	if (hook->output_fd >= 0)
		close(hook->output_fd);
	hook->pidfd = hook->output_fd = -1;
	hook->pid = 0;
	hook->lines = hook->bytes = 0;
	hook->line_length = 0;
	hook->line_cut = hook->heard_out = false;
	hook->skipped = 0;
}

/* Takes a hook that is in no list any more. */
static void hook_free(struct hook *hook)
{
	hook_clear(hook);
	event_free(hook->timer);
	event_free(hook->resume);
	run_free(hook->run);
	run_free(hook->next);
	free(hook->key);
	free(hook);
}

static struct hook *hook_new(struct hooks *hooks, const char *key)
{
	struct hook *hook = calloc(1, sizeof(*hook));

	if (!hook)
		return NULL;
	hook->hooks = hooks;
	hook->pidfd = hook->output_fd = -1;
	hook->key = strdup(key);
	hook->timer = evtimer_new(hooks->base, on_timer, hook);
	hook->resume = evtimer_new(hooks->base, on_resume, hook);
	if (hook->key && hook->timer && hook->resume)
		return hook;
	if (hook->timer)
		event_free(hook->timer);
	if (hook->resume)
		event_free(hook->resume);
	free(hook->key);
	free(hook);
	return NULL;
}

static void log_end(const struct hook *hook)
{
	const char *path = hook->run->path;
	int value = hook->result.value;

	switch (hook->result.end) {
	case HOOK_EXITED:
		log_message(value ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
			    "uplink '%s': %s: exit code %d", hook->key, path, value);
		break;
	case HOOK_SIGNALLED:
		log_warn("uplink '%s': %s: ended by signal %d, %s", hook->key, path, value,
			 strsignal(value));
		break;
	case HOOK_TIMED_OUT:
		log_warn("uplink '%s': %s: ended by us after %d s", hook->key, path, value);
		break;
	case HOOK_FAILED:
		log_warn("uplink '%s': %s: cannot be run: %s", hook->key, path, strerror(value));
		break;
	}
}

/*
 * Its program has ended, and has been reaped. The one that waits is queued before anybody is told:
 * who then runs a program for this key replaces it, and cannot overtake it.
 */
static void hook_finish(struct hook *hook)
{
	struct hooks *hooks = hook->hooks;
	struct hook_result result = hook->result;
	struct run *run = hook->run;
	const char *key = hook->key;
	bool goes_on = hook->next != NULL;

	output_finish(hook);
	log_end(hook);
	result.skipped = hook->skipped;
	hook_clear(hook);
	hook->run = hook->next;
	hook->next = NULL;
	TAILQ_REMOVE(&hooks->list, hook, entry);
	if (goes_on)
		hook_queue(hook);
	if (hooks->ended)
		hooks->ended(key, run->path, &result, hooks->context);
	run_free(run);
	if (!goes_on)
		hook_free(hook);
}

/* ---- all of them ---- */

/*
 * What we were started with is not for others: open descriptors, and an ignored SIGCHLD, which
 * would have the kernel reap children before we can ask how they ended.
 */
static void disinherit(void)
{
	struct sigaction action;

#ifdef SYS_close_range
	(void)syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
#endif
	if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
		(void)signal(SIGCHLD, SIG_DFL);
}

struct hooks *hooks_new(struct event_base *base, hooks_ended_fn *ended, void *context)
{
	struct hooks *hooks = calloc(1, sizeof(*hooks));

	if (!hooks)
		return NULL;
	disinherit();
	hooks->base = base;
	hooks->ended = ended;
	hooks->context = context;
	TAILQ_INIT(&hooks->list);
	hooks->starter = evtimer_new(base, on_start, hooks);
	if (!hooks->starter) {
		free(hooks);
		return NULL;
	}
	return hooks;
}

int hooks_run(struct hooks *hooks, const char *key, const char *path, unsigned timeout_s,
	      const char *const *env)
{
	struct run *run = run_new(path, timeout_s, env);
	struct hook *hook;

	if (!run)
		return -ENOMEM;
	TAILQ_FOREACH (hook, &hooks->list, entry)
		if (strcmp(hook->key, key) == 0)
			break;
	if (hook) {
		struct run **latest = hook->stage == QUEUED ? &hook->run : &hook->next;

		if (*latest) {
			hook->skipped++;
			hooks->skipped++;
			run_free(*latest);
		}
		*latest = run;
		return 0;
	}
	hook = hook_new(hooks, key);
	if (!hook) {
		run_free(run);
		return -ENOMEM;
	}
	hook->run = run;
	hook_queue(hook);
	return 0;
}

uint64_t hooks_skipped(const struct hooks *hooks)
{
	return hooks->skipped;
}

static void signal_all(struct hooks *hooks, int signal)
{
	struct hook *hook;

	TAILQ_FOREACH (hook, &hooks->list, entry)
		hook_signal(hook, signal);
}

/* Until the leader of each group has ended; none is reaped. */
static void wait_for_all(struct hooks *hooks)
{
	const struct timespec step = {.tv_nsec = STOP_STEP_MS * 1000000};

	for (int waited_ms = 0; waited_ms < STOP_GRACE_MS; waited_ms += STOP_STEP_MS) {
		struct hook *hook;
		bool any = false;

		TAILQ_FOREACH (hook, &hooks->list, entry) {
			siginfo_t info = {.si_pid = 0};

			any |= hook->pid > 0 &&
			       waitid(P_PID, (id_t)hook->pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
				       0 &&
			       info.si_pid == 0;
		}
		if (!any)
			return;
		nanosleep(&step, NULL);
	}
}

void hooks_free(struct hooks *hooks)
{
	struct hook *hook;

	if (!hooks)
		return;
	signal_all(hooks, SIGTERM);
	wait_for_all(hooks);
	signal_all(hooks, SIGKILL);
	wait_for_all(hooks);
	while ((hook = TAILQ_FIRST(&hooks->list)) != NULL) {
		TAILQ_REMOVE(&hooks->list, hook, entry);
		if (hook->pid > 0) {
			output_finish(hook);
			/* what hangs in the kernel is left to init */
			(void)waitpid(hook->pid, NULL, WNOHANG);
		}
		hook_free(hook);
	}
	if (hooks->child)
		event_free(hooks->child);
	event_free(hooks->starter);
	free(hooks);
}
