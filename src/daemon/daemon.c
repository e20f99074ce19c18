/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start and stop, in an order that never harms traffic.
 *
 * Start: read the policy (an error ends it before anything is touched), bind the
 * queues and the control socket, start the workers, bring routes and then chains
 * to the policy, answer on the control socket: ready. Packets reach a queue only after somebody
 * reads it.
 *
 * Stop: queue rules out of the chains, let the queues run dry, end the workers,
 * then take chains, rules and routes away (unless keep_on_exit). What fails on
 * the way is logged; it does not stop the stop.
 *
 * The watchdog looks once a second. A worker that has packets waiting and did
 * not go round its loop for WATCHDOG_S ends the process at once: the kernel then
 * drops the queues' owner, the rules' bypass opens, and whoever supervises us
 * starts us again. Traffic needs us gone more than it needs us tidy.
 */
#define _LGPL_SOURCE
#include "daemon.h"

#include <cap-ng.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>
#include <urcu-qsbr.h>

#include <waymark/log.h>

#include "config.h"

#define WATCHDOG_S 5
#define DRAIN_MS 1000
#define DRAIN_STEP_MS 5

/* ---- small things ---- */

/* systemd's readiness protocol (sd_notify(3)): one datagram; not worth a library. */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		log_warn("cannot notify the service manager: %s", strerror(errno));
	close(fd);
}

/*
 * Verdicts and netlink need CAP_NET_ADMIN, iptables-legacy CAP_NET_RAW; the rest goes, for our
 * children too. Each thread has its own: workers drop theirs when they begin, the control thread
 * when what needs more is done (the group of the socket, modules of iptables-legacy).
 */
void daemon_drop_capabilities(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
		      CAP_NET_ADMIN, CAP_NET_RAW, -1);
	if (capng_apply(CAPNG_SELECT_BOTH) < 0)
		log_warn("cannot drop capabilities that are not needed");
}

/* ---- the watchdog ---- */

static bool worker_is_stalled(struct worker *worker)
{
	uint64_t heartbeat = atomic_load_explicit(&worker->heartbeat, memory_order_relaxed);
	struct queue_counters counters;

	if (heartbeat != worker->last_heartbeat) {
		worker->last_heartbeat = heartbeat;
		worker->stalled_seconds = 0;
		return false;
	}
	if (!queue_counters_read(worker->queue, &counters) || counters.waiting == 0)
		return false;
	return ++worker->stalled_seconds >= WATCHDOG_S;
}

static void on_watchdog(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		struct worker *worker = &daemon->workers[i];

		if (worker_is_stalled(worker)) {
			log_error("worker %u: stalled for %d s with packets waiting, leaving so "
				  "that traffic flows",
				  i, WATCHDOG_S);
			_exit(1);
		}
		if (atomic_load(&worker->failed) && !daemon->stopping) {
			log_error("worker %u ended, stopping", i);
			daemon_stop(daemon, 1);
		}
	}
}

/* ---- signals ---- */

static void on_stop_signal(evutil_socket_t signal, short what, void *context)
{
	(void)what;
	log_info("%s: stopping", strsignal((int)signal));
	daemon_stop(context, 0);
}

static void on_reload_signal(evutil_socket_t signal, short what, void *context)
{
	struct daemon *daemon = context;
	struct diag_list diags = DIAG_LIST_INIT;
	char text[1024];

	(void)signal;
	(void)what;
	if (daemon_reload(daemon, &diags) == 0)
		log_info("reloaded: generation %u", daemon->generation);
	else
		log_error("reload failed, the old policy goes on");
	for (size_t i = 0; i < diags.count; i++) {
		diag_format(&diags.items[i], text, sizeof(text));
		log_warn("%s", text);
	}
	diag_list_release(&diags);
}

static int watch_signals(struct daemon *daemon)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 3; i++) {
		daemon->signal_events[i] = evsignal_new(
			daemon->base, signals[i],
			signals[i] == SIGHUP ? on_reload_signal : on_stop_signal, daemon);
		if (!daemon->signal_events[i] || evsignal_add(daemon->signal_events[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- start ---- */

static int open_workers(struct daemon *daemon)
{
	const struct conf *conf = daemon_conf(daemon);

	daemon->workers = calloc(conf->queue.count, sizeof(*daemon->workers));
	if (!daemon->workers) {
		log_error("out of memory");
		return -1;
	}
	for (unsigned i = 0; i < conf->queue.count; i++) {
		daemon->worker_count = i + 1;
		if (worker_open(&daemon->workers[i], daemon, i, conf) < 0)
			return -1;
	}
	return 0;
}

static int start_workers(struct daemon *daemon)
{
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		if (worker_start(&daemon->workers[i]) < 0)
			return -1;
	}
	return 0;
}

static int start_control(struct daemon *daemon)
{
	const struct conf *conf = daemon_conf(daemon);
	const char *path = daemon->socket_path ? daemon->socket_path : conf->control.socket;
	int result = control_server_new(&daemon->control, daemon->base, path, conf->control.group,
					documents_answer, daemon);

	if (result == -EADDRINUSE)
		log_error("control socket %s: another waymarkd answers there", path);
	else if (result < 0)
		log_error("control socket %s: %s", path, strerror(-result));
	return result;
}

/* Every open probe is a descriptor: targets times uplinks, and again for rounds that overlap. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int start(struct daemon *daemon)
{
	static const struct timeval second = {.tv_sec = 1};

	raise_descriptor_limit();

	if (watch_signals(daemon) < 0)
		return -1;
	/* what another waymarkd has, queue or socket, ends us before we touch what it keeps */
	if (open_workers(daemon) < 0 || start_control(daemon) < 0)
		return -1;
	if (network_open(daemon) < 0 || start_workers(daemon) < 0 || network_start(daemon) < 0)
		return -1;
	daemon_drop_capabilities();
	daemon->watchdog_timer = event_new(daemon->base, -1, EV_PERSIST, on_watchdog, daemon);
	if (!daemon->watchdog_timer || event_add(daemon->watchdog_timer, &second) < 0)
		return -1;
	log_info("ready: %zu rules, %zu uplinks, queues %u to %u, mark mask 0x%x",
		 ruleset_count(daemon->snapshot->policy->rules), daemon_conf(daemon)->uplink_count,
		 daemon->workers[0].queue, daemon->workers[daemon->worker_count - 1].queue,
		 daemon_conf(daemon)->mark.mask);
	notify("READY=1");
	return 0;
}

/* ---- stop ---- */

static void drain(struct daemon *daemon)
{
	uint64_t until_ms = monotonic_ms() + DRAIN_MS;

	for (unsigned i = 0; i < daemon->worker_count; i++) {
		struct queue_counters counters;

		while (daemon->workers[i].running && !atomic_load(&daemon->workers[i].failed) &&
		       queue_counters_read(daemon->workers[i].queue, &counters) &&
		       counters.waiting && monotonic_ms() < until_ms)
			usleep(DRAIN_STEP_MS * 1000);
	}
}

static void stop(struct daemon *daemon)
{
	daemon->stopping = true;
	notify("STOPPING=1");
	network_unqueue(daemon);
	drain(daemon);
	for (unsigned i = 0; i < daemon->worker_count; i++)
		worker_stop(&daemon->workers[i]);
	for (unsigned i = 0; i < daemon->worker_count; i++)
		worker_release(&daemon->workers[i]);
	network_stop(daemon);
	control_server_free(daemon->control);
	if (daemon->watchdog_timer)
		event_free(daemon->watchdog_timer);
	for (size_t i = 0; i < 3; i++) {
		if (daemon->signal_events[i])
			event_free(daemon->signal_events[i]);
	}
	/* nothing is left but what a probe's lookup under way has to end in the loop */
	event_base_loop(daemon->base, EVLOOP_NONBLOCK);
	free(daemon->workers);
}

void daemon_stop(struct daemon *daemon, int exit_code)
{
	daemon->exit_code = exit_code;
	daemon->stopping = true;
	event_base_loopbreak(daemon->base);
}

/* ---- the whole run ---- */

static struct policy *load(const char *path)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct policy *policy = policy_load(path, &diags);

	diag_print(&diags, stderr);
	diag_list_release(&diags);
	return policy;
}

static void free_retired(struct daemon *daemon)
{
	for (size_t i = 0; i < RETIRED_GENERATIONS; i++) {
		for (size_t j = 0; j < daemon->retired[i].count; j++)
			free(daemon->retired[i].names[j]);
		free(daemon->retired[i].names);
	}
}

int daemon_run(const char *config_path, const char *socket_path, int log_level)
{
	struct daemon daemon = {
		.config_path = config_path,
		.socket_path = socket_path,
		.generation = 1,
		.started_ms = monotonic_ms(),
		.exit_code = 1,
	};
	struct policy *policy = load(config_path);
	struct hash_seed seed;

	if (!policy)
		return 1;
	log_init("waymarkd", log_level >= 0 ? (enum log_level)log_level : policy->conf->log.level,
		 policy->conf->log.target);
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN)) {
		log_error("not permitted: needs CAP_NET_ADMIN (and CAP_NET_RAW)");
		policy_free(policy);
		return 1;
	}
	daemon.base = event_base_new();
	daemon.interfaces = rules_interfaces_new();
	if (hash_seed_random(&seed) == 0) {
		daemon.names = names_new(policy->conf->names.max, &seed);
		daemon.steer_state = steer_state_new(&policy->conf->mark, 0, &seed);
	}
	if (daemon.base && daemon.interfaces && daemon.names && daemon.steer_state)
		daemon.snapshot = snapshot_new(policy, 1, policy->conf->queue.count,
					       daemon.interfaces, daemon.names, daemon.steer_state);
	if (!daemon.snapshot) {
		log_error("out of memory");
		policy_free(policy);
		goto out;
	}
	if (start(&daemon) == 0) {
		daemon.exit_code = 0;
		event_base_dispatch(daemon.base);
	}
	stop(&daemon);
	snapshot_free(daemon.snapshot);
	if (daemon.exit_code == 0)
		log_info("stopped");
out:
	free_retired(&daemon);
	steer_state_free(daemon.steer_state);
	names_free(daemon.names);
	rules_interfaces_free(daemon.interfaces);
	if (daemon.base)
		event_base_free(daemon.base);
	return daemon.exit_code;
}
