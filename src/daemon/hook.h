/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hook - runs the on_change programs of uplinks, without the control thread waiting for one.
 *
 * One program at a time for each key (an uplink's name), begun from the event loop. A change
 * that comes while one runs waits; of several that wait only the latest runs, the others are
 * skipped and counted: a program is told what holds now, not each step on the way.
 *
 * A program is run by its path, without arguments and without a shell, in a process group of
 * its own, as the daemon's user and with its capabilities. Its standard input is empty. What
 * it prints goes to the log at level info, at most HOOK_LINES_MAX lines a run; once it has
 * ended nobody reads what its children still print. It sees PATH, LANG and LC_* as the daemon
 * has them, and
 *
 *	WAYMARK_UPLINK		the uplink's name
 *	WAYMARK_INTERFACE	its interface
 *	WAYMARK_STATE		up or down
 *	WAYMARK_OLD_STATE	the state before, up or down
 *	WAYMARK_REASON		why, in the words of `waymark uplinks`; may be empty
 *	WAYMARK_TABLE		its routing table's number
 *	WAYMARK_MARK		its mark's bits in the mask's position, hexadecimal ("0x2")
 *	WAYMARK_GATEWAY		its gateway's address now; empty: none
 *	WAYMARK_GATEWAY6	the same for IPv6
 *
 * (the caller makes these). Past its timeout its whole group is sent SIGTERM, and SIGKILL a
 * second later.
 * A run that did not end with exit code 0 is logged as a warning, and what was printed
 * as it came; the caller need not.
 * Threads: all calls from the thread that runs the event base.
 */
#ifndef WAYMARK_HOOK_H
#define WAYMARK_HOOK_H

#include <stdint.h>

#define HOOK_LINES_MAX 100
#define HOOK_LINE_MAX 400 /* bytes of a line; the rest of it is left out */

struct event_base;
struct hooks;

enum hook_end {
	HOOK_EXITED,	/* value: the exit code */
	HOOK_SIGNALLED, /* value: the signal's number */
	HOOK_TIMED_OUT, /* value: the seconds it had */
	HOOK_FAILED,	/* it could not be run; value: errno */
};

struct hook_result {
	enum hook_end end;
	int value;
	unsigned skipped; /* changes of this key that gave way to a later one, since its last end */
};

/* Called from the event loop. May call hooks_run(), not hooks_free(). */
typedef void hooks_ended_fn(const char *key, const char *path, const struct hook_result *result,
			    void *context);

/* NULL: out of memory. `ended` may be NULL. */
struct hooks *hooks_new(struct event_base *base, hooks_ended_fn *ended, void *context);
/*
 * Ends what runs: SIGTERM, and SIGKILL to whatever is left half a second later. Waits for them.
 * What waits is not run any more, and `ended` is not called.
 */
void hooks_free(struct hooks *hooks);
/*
 * Has the loop run `path` as soon as this key is free. `env`: "NAME=value" strings,
 * NULL-terminated. All is copied. A program that cannot be run is a result, not an error of this
 * call. 0 or -ENOMEM.
 */
int hooks_run(struct hooks *hooks, const char *key, const char *path, unsigned timeout_s,
	      const char *const *env);
/* Since the start. */
uint64_t hooks_skipped(const struct hooks *hooks);

#endif
