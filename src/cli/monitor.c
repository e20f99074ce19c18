/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor - `waymark monitor`: what holds now, and each change as it comes.
 *
 * It ends in one of four ways, and waits for all of them at once:
 * - the daemon closes: exit 1, and said, since whoever watches must not take silence for peace;
 * - SIGINT or SIGTERM: exit 0. Every line has left with its event, so that there is nothing to
 *   finish, and the handler may end the process wherever it stands, also in a write that waits;
 * - who reads our output leaves: exit 1 without a word, at once and not with the next event;
 * - a write fails otherwise: exit 1, and said.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <waymark/control.h>

#include "cli.h"

/* ---- events for people ---- */

struct event_kind {
	const char *name;
	void (*print)(json_t *event);
};

static void print_cell(json_t *event, const char *key)
{
	char cell[CLI_CELL_SIZE];

	cli_cell(json_object_get(event, key), cell);
	fputs(cell, stdout);
}

static void print_uplink(json_t *event)
{
	const char *reason = json_string_value(json_object_get(event, "reason"));

	fputs("uplink '", stdout);
	print_cell(event, "uplink");
	fputs("': ", stdout);
	print_cell(event, "state");
	if (reason == NULL || reason[0] == '\0')
		return;
	fputs(": ", stdout);
	print_cell(event, "reason");
}

static void print_count(json_t *event, const char *key, const char *what)
{
	print_cell(event, key);
	printf(" %s%s", what, json_integer_value(json_object_get(event, key)) == 1 ? "" : "s");
}

static void print_routes(json_t *event)
{
	fputs("routes: ", stdout);
	print_count(event, "changes", "change");
}

static void print_firewall(json_t *event)
{
	fputs("firewall: ", stdout);
	print_count(event, "differences", "difference");
}

static void print_reload(json_t *event)
{
	if (json_is_false(json_object_get(event, "ok")))
		fputs("reload failed, still ", stdout);
	else
		fputs("reloaded: ", stdout);
	fputs("generation ", stdout);
	print_cell(event, "generation");
}

static void print_hook(json_t *event)
{
	static const char *const how[][2] = {{"exit", "exit code"}, {"signal", "ended by signal"}};
	const json_t *error = json_object_get(event, "error");

	fputs("uplink '", stdout);
	print_cell(event, "uplink");
	fputs("': ", stdout);
	print_cell(event, "program");
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		if (json_object_get(event, how[i][0]) == NULL)
			continue;
		printf(": %s ", how[i][1]);
		print_cell(event, how[i][0]);
	}
	if (json_is_integer(error)) /* the daemon runs on this machine: its numbers are ours */
		printf(": cannot be run: %s", strerror((int)json_integer_value(error)));
	if (json_object_get(event, "timeout") != NULL) {
		fputs(": ended after ", stdout);
		print_cell(event, "timeout");
		fputs(" s", stdout);
	}
}

/* What a newer daemon tells: its members as they are. */
static void print_unknown(json_t *event)
{
	const char *separator = ": ";
	const char *key;
	json_t *value;

	print_cell(event, "event");
	json_object_foreach(event, key, value)
	{
		char cell[CLI_CELL_SIZE];
		json_t *name;

		if (strcmp(key, "event") == 0 || strcmp(key, "time") == 0)
			continue;
		name = json_string(key);
		cli_cell(name, cell);
		json_decref(name);
		printf("%s%s=", separator, cell);
		print_cell(event, key);
		separator = ", ";
	}
}

static const struct event_kind kinds[] = {
	{"uplink", print_uplink}, {"routes", print_routes}, {"firewall", print_firewall},
	{"reload", print_reload}, {"hook", print_hook},
};

/* To the millisecond: what failed first is what one wants to see. */
static void print_time(const json_t *when)
{
	double seconds = json_number_value(when);
	char cell[CLI_CELL_SIZE];
	int ms;

	cli_cell_time(when, cell);
	fputs(cell, stdout);
	if (!json_is_number(when) || strcmp(cell, "-") == 0)
		return;
	ms = (int)((seconds - (double)(time_t)seconds) * 1000 + 0.5);
	printf(".%03d", ms < 1000 ? ms : 999);
}

static void print_event(json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	void (*print)(json_t * event) = print_unknown;

	for (size_t i = 0; name != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, kinds[i].name) == 0)
			print = kinds[i].print;
	print_time(json_object_get(event, "time"));
	putchar(' ');
	print(event);
	putchar('\n');
}

/* ---- the watch ---- */

/* False: stdout takes no more. */
static bool show(const struct cli *cli, json_t *event)
{
	if (cli->json) {
		if (json_dumpf(event, stdout,
			       JSON_COMPACT | JSON_REAL_PRECISION(CLI_REAL_DIGITS)) != 0 &&
		    !ferror(stdout))
			return cli_fail("out of memory") == CLI_OK;
		putchar('\n');
	} else {
		print_event(event);
	}
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	if (errno != EPIPE)
		cli_fail("cannot write to stdout: %s", strerror(errno));
	/* all is said: main() shall not come upon it again */
	__fpurge(stdout);
	clearerr(stdout);
	return false;
}

static int follow(const struct cli *cli, struct control_stream *stream)
{
	struct pollfd waited[] = {{.fd = control_stream_fd(stream), .events = POLLIN},
				  {.fd = STDOUT_FILENO}};

	for (;;) {
		json_t *event;
		int error = control_stream_next(stream, &event);
		bool shown;

		if (error == -ECONNRESET)
			return cli_fail("the daemon has gone");
		if (error != 0)
			return cli_fail("cannot read on what the daemon sends: %s",
					strerror(-error));
		if (event != NULL) {
			shown = show(cli, event);
			json_decref(event);
			if (!shown)
				return CLI_FAILED;
			continue;
		}
		if (poll(waited, 2, -1) < 0 && errno != EINTR)
			return cli_fail("cannot wait for the daemon: %s", strerror(errno));
		if (waited[1].revents != 0)
			return CLI_FAILED;
	}
}

static void end(int signal)
{
	(void)signal;
	_exit(CLI_OK);
}

static int watch(const struct cli *cli, const char *socket, json_t *request)
{
	struct control_stream *stream;
	json_t *now, *event;
	char error[512];
	size_t i;
	int result = CLI_OK;

	if (control_stream_open(&stream, socket, request, CLI_TIMEOUT_MS, &now, error,
				sizeof(error)) != 0) {
		cli_print_findings(now);
		json_decref(now);
		return cli_fail("%s", error);
	}
	json_array_foreach(now, i, event)
	{
		if (!show(cli, event)) {
			result = CLI_FAILED;
			break;
		}
	}
	json_decref(now);
	if (result == CLI_OK)
		result = follow(cli, stream);
	control_stream_free(stream);
	return result;
}

int cli_monitor(int argc, char **argv, struct cli *cli)
{
	json_t *request;
	char *socket;
	int result = CLI_FAILED;

	if (!cli_plain(cli, argc, argv))
		return cli->exit_code;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, end);
	signal(SIGTERM, end);
	request = json_pack("{s:s}", "command", "monitor");
	socket = cli_socket_path(cli);
	if (socket != NULL)
		result = watch(cli, socket, request);
	free(socket);
	json_decref(request);
	return result;
}
