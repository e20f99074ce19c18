/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewallctl - the firewall module by hand, for tests/netns/firewall.bats.
 *
 *	firewallctl CONF show [4|6]|apply|apply-no-queues|check|check-no-queues|remove|watch|variant
 *
 * Findings go to stderr. Exit: 0 done, 1 failed or different, 2 usage.
 * "watch" prints "ready", then "changed" whenever the monitor says so, until it is killed.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/config.h>
#include <waymark/firewall.h>

static int watch(const struct conf *conf)
{
	struct firewall_monitor *monitor;
	int ret = firewall_monitor_open(&monitor, conf);

	if (ret < 0) {
		fprintf(stderr, "monitor: %s\n", strerror(-ret));
		return ret;
	}
	printf("ready %s\n", firewall_monitor_fd(monitor) < 0 ? "poll" : "events");
	fflush(stdout);
	while (firewall_monitor_fd(monitor) >= 0) {
		struct pollfd fd = {.fd = firewall_monitor_fd(monitor), .events = POLLIN};

		if (poll(&fd, 1, -1) < 0)
			break;
		printf("%s\n", firewall_monitor_drain(monitor) ? "changed" : "other");
		fflush(stdout);
	}
	firewall_monitor_close(monitor);
	return 0;
}

static int show(const struct conf *conf, int family, enum firewall_stage stage)
{
	char *text = firewall_render(conf, family, stage);

	if (!text)
		return -ENOMEM;
	fputs(text, stdout);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct conf *conf;
	const char *command;
	int ret;

	if (argc < 3) {
		fprintf(stderr, "usage: firewallctl CONF COMMAND\n");
		return 2;
	}
	command = argv[2];
	conf = conf_load(argv[1], NULL, &diags);
	if (!conf)
		ret = -EINVAL;
	else if (strcmp(command, "show") == 0)
		ret = show(conf, argc > 3 ? atoi(argv[3]) : 4, FIREWALL_FULL);
	else if (strcmp(command, "apply") == 0)
		ret = firewall_apply(conf, FIREWALL_FULL, &diags);
	else if (strcmp(command, "apply-no-queues") == 0)
		ret = firewall_apply(conf, FIREWALL_NO_QUEUES, &diags);
	else if (strcmp(command, "check") == 0)
		ret = firewall_check(conf, FIREWALL_FULL, &diags);
	else if (strcmp(command, "check-no-queues") == 0)
		ret = firewall_check(conf, FIREWALL_NO_QUEUES, &diags);
	else if (strcmp(command, "remove") == 0)
		ret = firewall_remove(conf, &diags);
	else if (strcmp(command, "watch") == 0)
		ret = watch(conf);
	else if (strcmp(command, "variant") == 0)
		ret = puts(firewall_variant(conf)) < 0 ? -EIO : 0;
	else
		ret = -ENOSYS;
	diag_print(&diags, stderr);
	if (ret < 0)
		fprintf(stderr, "firewallctl: %s: %s\n", command, strerror(-ret));
	diag_list_release(&diags);
	conf_free(conf);
	return ret ? 1 : 0;
}
