/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's state, kept as the policy wants it: rules and routes through the
 * route module, chains through the firewall module. Both work alike: an event
 * says that somebody changed something, a short timer gathers what comes
 * together, then the present is compared with the wanted and the difference is
 * sent. What we send makes events too; the comparison after them finds nothing,
 * and that ends it.
 *
 * Order at start: routes, then chains, so that no mark is given for which there
 * is no table. At stop the other way round, queue rules first.
 */
#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include <waymark/log.h>

/*
 * Gathers the events of one `ip link set down`. Not more: while a rule or a default of ours is
 * missing, a packet of a translated flow may leave by another line, and the flow ends.
 */
#define GATHER_MS 1
/*
 * Events can be lost in ways nobody tells. Rarely enough that an idle daemon is idle: lost
 * events that the kernel tells of (ENOBUFS) are looked after at once.
 */
#define SLOW_SYNC_S 600
#define LEGACY_POLL_MS 1000
/* After a failure: the cause (an xtables lock, a link just gone) often passes. */
#define RETRY_MS 1000

uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void timer_arm(struct event *timer, long ms)
{
	struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	evtimer_add(timer, &delay);
}

/* The first event starts the time: a stream of them must not put the answer off for ever. */
static void arm_gathering(struct event *timer)
{
	struct timeval due, now;

	if (evtimer_pending(timer, &due)) {
		event_base_gettimeofday_cached(event_get_base(timer), &now);
		due.tv_sec -= now.tv_sec;
		due.tv_usec -= now.tv_usec;
		if (due.tv_sec * 1000000 + due.tv_usec <= GATHER_MS * 1000)
			return;
	}
	timer_arm(timer, GATHER_MS);
}

static void log_findings(const struct diag_list *diags)
{
	char text[1024];

	for (size_t i = 0; i < diags->count; i++) {
		const struct diag *diag = &diags->items[i];

		/* the level says what it is */
		snprintf(text, sizeof(text), "%s", diag->message);
		if (diag->severity == DIAG_ERROR)
			log_error("%s", text);
		else if (diag->severity == DIAG_WARNING)
			log_warn("%s", text);
		else
			log_info("%s", text);
	}
}

/* ---- routes ---- */

static void interface_seen(uint32_t index, const char *name, void *context)
{
	struct daemon *daemon = context;

	if (rules_interfaces_set(daemon->interfaces, index, name) < 0)
		log_warn("interface '%s': no room for its index %u", name, index);
}

/* A failure is logged when it begins and when its text changes, not each time it is met again. */
static void note_route_trouble(struct daemon *daemon, const struct diag_list *diags)
{
	char text[sizeof(daemon->route_trouble)] = "";
	size_t used = 0;

	for (size_t i = 0; i < diags->count && used < sizeof(text); i++) {
		if (diags->items[i].severity != DIAG_NOTE)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n",
						 diags->items[i].message);
	}
	if (strcmp(text, daemon->route_trouble) == 0)
		return;
	memcpy(daemon->route_trouble, text, sizeof(text));
	log_findings(diags);
}

/*
 * The kernel, then the uplinks as they are found, then their connections. What is found
 * changes the plan at most once more: it follows from the same facts.
 */
static int sync_routes(struct daemon *daemon, const struct conf *conf, struct diag_list *diags)
{
	struct route_sync done = {0};
	size_t changes = 0;
	bool again = true;
	int result = 0;

	/* unmanaged it only looks, in observe mode it also clears what an earlier run left */
	for (int i = 0; i < 2 && again && result == 0; i++) {
		result = route_manager_sync(daemon->routes, conf, &done, diags);
		changes += done.changes;
		again = uplinks_follow(daemon->uplinks);
	}
	uplinks_flush(daemon->uplinks);
	if (conf->routing.manage && conf->mode == CONF_ENFORCE)
		daemon->routes_applied = true;
	route_interfaces(daemon->routes, interface_seen, daemon);
	if (done.again_ms && !daemon->stopping)
		timer_arm(daemon->look_timer, done.again_ms);
	if (changes) {
		atomic_fetch_add_explicit(&daemon->route_repairs, 1, memory_order_relaxed);
		log_info("routes: %zu changes sent", changes);
		event_publish(daemon, "routes", json_pack("{s:I}", "changes", (json_int_t)changes));
	}
	return result;
}

static void on_route_timer(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;
	struct diag_list diags = DIAG_LIST_INIT;

	(void)fd;
	(void)what;
	if (sync_routes(daemon, daemon_conf(daemon), &diags) < 0 && !daemon->stopping)
		timer_arm(daemon->route_timer, RETRY_MS);
	note_route_trouble(daemon, &diags);
	diag_list_release(&diags);
}

void network_sync_soon(struct daemon *daemon)
{
	timer_arm(daemon->route_timer, 0);
}

/* A line that is gone takes no new flows from this moment on; rules and routes follow. */
static void on_route_event(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;

	(void)fd;
	(void)what;
	if (!route_manager_drain(daemon->routes, daemon_conf(daemon)) || daemon->stopping)
		return;
	route_manager_judge(daemon->routes, daemon_conf(daemon));
	if (uplinks_follow(daemon->uplinks))
		network_sync_soon(daemon);
	else
		arm_gathering(daemon->route_timer);
}

static void on_slow_timer(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;

	on_route_timer(fd, what, daemon);
	timer_arm(daemon->slow_timer, SLOW_SYNC_S * 1000L);
}

/* ---- chains ---- */

static int apply_firewall(struct daemon *daemon, const struct conf *conf, struct diag_list *diags)
{
	int result;

	if (!conf->firewall.manage)
		return 0;
	result = firewall_apply(conf, FIREWALL_FULL, diags);
	if (result == 0) {
		daemon->firewall_applied = true;
	} else if (!daemon->firewall_applied) {
		struct diag_list undo = DIAG_LIST_INIT;

		/* one family or table may have it: a start that fails leaves nothing */
		firewall_remove(conf, &undo);
		diag_list_release(&undo);
	}
	return result;
}

static void on_firewall_timer(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;
	const struct conf *conf = daemon_conf(daemon);
	struct diag_list diags = DIAG_LIST_INIT;
	size_t repaired;
	int result;

	(void)fd;
	(void)what;
	if (daemon->stopping || !conf->firewall.manage)
		return;
	result = firewall_repair(conf, &repaired, &diags);
	if (repaired) {
		log_warn("firewall: our chains were changed by somebody else and are back: %zu "
			 "differences",
			 repaired);
		atomic_fetch_add_explicit(&daemon->firewall_repairs, 1, memory_order_relaxed);
		event_publish(daemon, "firewall",
			      json_pack("{s:I}", "differences", (json_int_t)repaired));
	}
	if (result < 0) {
		log_findings(&diags);
		timer_arm(daemon->firewall_timer, RETRY_MS);
	} else if (firewall_monitor_fd(daemon->firewall_monitor) < 0) {
		timer_arm(daemon->firewall_timer, LEGACY_POLL_MS);
	}
	diag_list_release(&diags);
}

static void on_firewall_event(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;

	(void)fd;
	(void)what;
	if (firewall_monitor_drain(daemon->firewall_monitor) && !daemon->stopping)
		arm_gathering(daemon->firewall_timer);
}

/* ---- life ---- */

static int watch_firewall(struct daemon *daemon, const struct conf *conf)
{
	int result, fd;

	if (!conf->firewall.manage)
		return 0;
	result = firewall_monitor_open(&daemon->firewall_monitor, conf);
	if (result < 0) {
		log_error("firewall: cannot watch for changes: %s", strerror(-result));
		return result;
	}
	daemon->firewall_timer = evtimer_new(daemon->base, on_firewall_timer, daemon);
	fd = firewall_monitor_fd(daemon->firewall_monitor);
	if (fd >= 0) {
		daemon->firewall_event = event_new(daemon->base, fd, EV_READ | EV_PERSIST,
						   on_firewall_event, daemon);
		event_add(daemon->firewall_event, NULL);
	} else {
		timer_arm(daemon->firewall_timer, LEGACY_POLL_MS);
	}
	return 0;
}

int network_open(struct daemon *daemon)
{
	const struct conf *conf = daemon_conf(daemon);
	struct diag_list diags = DIAG_LIST_INIT;
	int result = route_manager_open(&daemon->routes, &diags);
	bool *astray = NULL;

	if (result == 0 && conf->routing.manage && conf->mode == CONF_ENFORCE)
		astray = connmarks_clear_leftovers(daemon->routes, conf);
	for (unsigned i = 0; astray && i < daemon->worker_count; i++)
		worker_pass_astray(&daemon->workers[i], astray);
	free(astray);
	log_findings(&diags);
	diag_list_release(&diags);
	return result;
}

int network_start(struct daemon *daemon)
{
	const struct conf *conf = daemon_conf(daemon);
	struct diag_list diags = DIAG_LIST_INIT;
	int result;

	daemon->route_timer = evtimer_new(daemon->base, on_route_timer, daemon);
	daemon->look_timer = evtimer_new(daemon->base, on_route_timer, daemon);
	daemon->slow_timer = evtimer_new(daemon->base, on_slow_timer, daemon);
	daemon->uplinks = uplinks_new(daemon, conf);
	daemon->route_event = event_new(daemon->base, route_manager_fd(daemon->routes),
					EV_READ | EV_PERSIST, on_route_event, daemon);
	if (!daemon->route_timer || !daemon->look_timer || !daemon->slow_timer ||
	    !daemon->route_event || !daemon->uplinks) {
		result = -ENOMEM;
		goto out;
	}
	event_add(daemon->route_event, NULL);
	timer_arm(daemon->slow_timer, SLOW_SYNC_S * 1000L);

	/* one route that the kernel refuses is no reason to leave the others without service */
	result = sync_routes(daemon, conf, &diags);
	if (result == -EPERM || result == -ENOMEM)
		goto out;
	note_route_trouble(daemon, &diags);
	if (result < 0)
		timer_arm(daemon->route_timer, RETRY_MS);
	diag_list_release(&diags);

	result = apply_firewall(daemon, conf, &diags);
	if (result == 0)
		result = watch_firewall(daemon, conf);
out:
	log_findings(&diags);
	diag_list_release(&diags);
	return result;
}

int network_change(struct daemon *daemon, const struct conf *conf, const struct conf *old,
		   struct diag_list *diags)
{
	struct diag_list undo = DIAG_LIST_INIT;
	int result = uplinks_adopt(daemon->uplinks, conf);

	if (result == 0)
		result = sync_routes(daemon, conf, diags);
	if (result == 0)
		result = apply_firewall(daemon, conf, diags);
	if (result < 0) {
		/* as it was: the old policy goes on */
		uplinks_adopt(daemon->uplinks, old);
		sync_routes(daemon, old, &undo);
		apply_firewall(daemon, old, &undo);
		diag_list_release(&undo);
	}
	return result;
}

void network_unqueue(struct daemon *daemon)
{
	struct diag_list diags = DIAG_LIST_INIT;

	if (!daemon->firewall_applied)
		return;
	if (firewall_apply(daemon_conf(daemon), FIREWALL_NO_QUEUES, &diags) < 0)
		log_findings(&diags);
	diag_list_release(&diags);
}

static void event_gone(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

void network_stop(struct daemon *daemon)
{
	const struct conf *conf = daemon->snapshot ? daemon_conf(daemon) : NULL;
	struct diag_list diags = DIAG_LIST_INIT;

	event_gone(&daemon->route_event);
	event_gone(&daemon->route_timer);
	event_gone(&daemon->look_timer);
	event_gone(&daemon->slow_timer);
	event_gone(&daemon->firewall_event);
	event_gone(&daemon->firewall_timer);
	firewall_monitor_close(daemon->firewall_monitor);
	daemon->firewall_monitor = NULL;
	if (conf && !conf->routing.keep_on_exit) {
		if (daemon->firewall_applied)
			firewall_remove(conf, &diags);
		if (daemon->routes_applied)
			route_manager_remove(daemon->routes, conf, &diags);
	}
	uplinks_free(daemon->uplinks);
	daemon->uplinks = NULL;
	route_manager_close(daemon->routes);
	daemon->routes = NULL;
	log_findings(&diags);
	diag_list_release(&diags);
}
