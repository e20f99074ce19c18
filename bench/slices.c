/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast each of several programs sends while it alone may run: they take turns.
 *
 *	slices TURN_MS TURNS DEVICE COMMAND [DEVICE COMMAND]...
 *
 * The Nth command sends by the Nth device of this network namespace. It is started with its first
 * turn, stopped (SIGSTOP) at the end of each and goes on with the next; every round of turns begins
 * with another one. What was on its way when a turn ended belongs to it: the turn is over when the
 * device has sent nothing for 2 ms. Prints for each device the Gbit/s that it sent in its turns,
 * and how many TCP segments were sent again. The programs are ended then.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define SENDERS_MAX 16
#define SILENCE_NS UINT64_C(2000000)

struct sender {
	const char *device, *command;
	pid_t pid; /* 0: not started */
	uint64_t bytes, ns, again;
};

static struct sender senders[SENDERS_MAX];
static size_t sender_count;

static void end_senders(void)
{
	for (size_t i = 0; i < sender_count; i++) {
		if (senders[i].pid <= 0)
			continue;
		kill(senders[i].pid, SIGTERM);
		kill(senders[i].pid, SIGCONT);
		waitpid(senders[i].pid, NULL, 0);
	}
}

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "slices: %s: %s\n", what, why);
	end_senders();
	exit(1);
}

static void nap(uint64_t ns)
{
	struct timespec rest = {.tv_sec = (time_t)(ns / 1000000000),
				.tv_nsec = (long)(ns % 1000000000)};

	while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
		;
}

/* The Nth number behind the first word of the last line that begins with it. */
static uint64_t field_of(const char *path, const char *word, unsigned nth)
{
	FILE *file = fopen(path, "re");
	char line[512], *rest = NULL;
	uint64_t value = 0;
	bool found = false;

	if (!file)
		die(path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		char *at = line + strspn(line, " ");
		size_t length = strcspn(at, ":");

		if (length != strlen(word) || strncmp(at, word, length) != 0)
			continue;
		rest = at + length + 1;
		for (unsigned i = 0; i < nth; i++)
			value = strtoull(rest, &rest, 10);
		found = true;
	}
	fclose(file);
	if (!found)
		die(path, word);
	return value;
}

static uint64_t sent_by(const char *device)
{
	return field_of("/proc/net/dev", device, 9);
}

static uint64_t sent_again(void)
{
	return field_of("/proc/net/snmp", "Tcp", 12);
}

static pid_t start(const char *command)
{
	pid_t pid = fork();

	if (pid < 0)
		die(command, strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static void take_turn(struct sender *sender, uint64_t turn_ns)
{
	uint64_t before = sent_by(sender->device), again = sent_again(), begin = bench_wall_ns(),
		 last = begin, seen = before, bytes;

	if (!sender->pid)
		sender->pid = start(sender->command);
	else if (kill(sender->pid, SIGCONT) < 0)
		die(sender->command, strerror(errno));
	nap(turn_ns);
	if (waitpid(sender->pid, NULL, WNOHANG) != 0) {
		sender->pid = -1;
		die(sender->command, "it has ended");
	}
	kill(sender->pid, SIGSTOP);
	do {
		bytes = sent_by(sender->device);
		if (bytes != seen)
			last = bench_wall_ns();
		seen = bytes;
		nap(100000);
	} while (bench_wall_ns() - last < SILENCE_NS);
	sender->bytes += seen - before;
	sender->ns += last - begin;
	sender->again += sent_again() - again;
}

int main(int argc, char **argv)
{
	long turn_ms = argc > 4 ? atol(argv[1]) : 0, turns = argc > 4 ? atol(argv[2]) : 0;

	if (turn_ms < 1 || turns < 1 || argc % 2 == 0 || argc > 3 + 2 * SENDERS_MAX) {
		fprintf(stderr, "usage: slices TURN_MS TURNS DEVICE COMMAND [DEVICE COMMAND]...\n");
		return 2;
	}
	sender_count = (size_t)(argc - 3) / 2;
	for (size_t i = 0; i < sender_count; i++)
		senders[i] = (struct sender){.device = argv[3 + 2 * i], .command = argv[4 + 2 * i]};
	for (long turn = 0; turn < turns; turn++)
		for (size_t k = 0; k < sender_count; k++)
			take_turn(&senders[(k + (size_t)turn) % sender_count],
				  (uint64_t)turn_ms * 1000000);
	for (size_t i = 0; i < sender_count; i++)
		printf("%s %.3f %llu\n", senders[i].device,
		       (double)senders[i].bytes * 8 / (double)senders[i].ns,
		       (unsigned long long)senders[i].again);
	end_senders();
	return 0;
}
