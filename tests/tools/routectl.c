/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * routectl - the route module by itself, on the namespace it runs in.
 *
 *   routectl CONF sync [FAILED...]  one run, in which probes have failed these uplinks; prints
 *                           "changes N", then one line an uplink
 *   routectl CONF remove    takes everything of ours away
 *   routectl CONF plan      route_plan_text()
 *   routectl CONF watch     sync, then an event loop until SIGTERM; prints when each event
 *                           came ("event") or a second look was due ("again"), and when its run
 *                           was done, in ms since the epoch, so that a shell can compare with
 *                           its own clock
 *
 * Exit: 0 ok, 1 findings (printed on stderr), 2 usage.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <waymark/config.h>
#include <waymark/route.h>

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void print_uplinks(const struct route_manager *manager, const struct conf *conf)
{
	static const char *const states[] = {"up", "down", "disabled"};
	struct route_uplink_status status;
	char gateway[IP_TEXT_SIZE], gateway6[IP_TEXT_SIZE];

	for (size_t i = 0; route_uplink_status(manager, i, &status); i++)
		printf("uplink %s %s gateway %s gateway6 %s main %s reason '%s'\n",
		       conf->uplinks[i].name, states[status.state],
		       ip_format(&status.gateway, gateway), ip_format(&status.gateway6, gateway6),
		       route_main_default_by(manager, conf->uplinks[i].interface) ? "yes" : "no",
		       status.reason);
}

static int sync_once(struct route_manager *manager, const struct conf *conf,
		     struct diag_list *diags)
{
	struct route_sync done = {0};
	int result = route_manager_sync(manager, conf, &done, diags);

	printf("changes %zu\n", done.changes);
	print_uplinks(manager, conf);
	return result;
}

static int watch(struct route_manager *manager, const struct conf *conf, struct diag_list *diags)
{
	struct pollfd waiting = {.fd = route_manager_fd(manager), .events = POLLIN};
	struct sigaction action = {.sa_handler = stop};
	struct route_sync done = {0};
	double again = 0;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sync_once(manager, conf, diags);
	diag_print(diags, stderr);
	printf("ready\n");
	fflush(stdout);
	while (!stopped) {
		struct diag_list findings = DIAG_LIST_INIT;
		double began = now_ms(), left = again - began;
		int ready = poll(&waiting, 1, again <= 0 ? -1 : left > 0 ? (int)left + 1 : 0);

		if (ready < 0)
			continue;
		began = now_ms();
		if (ready > 0 && !route_manager_drain(manager, conf))
			continue;
		route_manager_sync(manager, conf, &done, &findings);
		again = done.again_ms ? now_ms() + done.again_ms : 0;
		printf("%s %.3f done %.3f changes %zu\n", ready ? "event" : "again", began,
		       now_ms(), done.changes);
		print_uplinks(manager, conf);
		fflush(stdout);
		diag_print(&findings, stderr);
		diag_list_release(&findings);
	}
	return 0;
}

static int set_failed(struct route_manager *manager, const struct conf *conf, char **names)
{
	struct route_health *health = calloc(conf->uplink_count + 1, sizeof(*health));
	int result = -ENOMEM;

	if (!health)
		return result;
	for (; *names; names++) {
		const struct conf_uplink *uplink = conf_uplink_by_name(conf, *names);

		if (!uplink) {
			free(health);
			return -EINVAL;
		}
		health[uplink - conf->uplinks].failed = true;
	}
	result = route_manager_set_health(manager, health, conf->uplink_count);
	free(health);
	return result;
}

int main(int argc, char **argv)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct route_manager *manager = NULL;
	struct conf *conf;
	char *text = NULL;
	int result = -EINVAL;

	if (argc != 3 && (argc < 3 || strcmp(argv[2], "sync") != 0)) {
		fprintf(stderr, "usage: routectl CONF sync [FAILED...]|remove|watch|plan\n");
		return 2;
	}
	conf = conf_load(argv[1], NULL, &diags);
	if (!conf)
		goto out;
	if (strcmp(argv[2], "plan") == 0) {
		text = route_plan_text(conf, NULL, &diags);
		printf("%s", text ? text : "");
		result = text ? 0 : -EIO;
		goto out;
	}
	result = route_manager_open(&manager, &diags);
	if (result)
		goto out;
	result = set_failed(manager, conf, argv + 3);
	if (result)
		goto out;
	if (strcmp(argv[2], "sync") == 0)
		result = sync_once(manager, conf, &diags);
	else if (strcmp(argv[2], "remove") == 0)
		result = route_manager_remove(manager, conf, &diags);
	else if (strcmp(argv[2], "watch") == 0)
		result = watch(manager, conf, &diags);
	else
		result = -EINVAL;
out:
	diag_print(&diags, stderr);
	diag_list_release(&diags);
	free(text);
	route_manager_close(manager);
	conf_free(conf);
	return result ? 1 : 0;
}
