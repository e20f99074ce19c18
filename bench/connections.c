/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a new connection costs its user: the two ends of bench/connect.
 *
 *	connections serve ADDRESS PORT
 *	connections open ADDRESS PORT CONNECTIONS CONCURRENCY SOURCE...
 *
 * `serve` accepts until it is killed. `open` makes CONNECTIONS connections from the
 * addresses SOURCE in turn, never more than CONCURRENCY at a time, and prints one JSON
 * object: how many a second, and how long each took from the call of connect() until it was
 * established. With a CONCURRENCY of 1 that is a blocking connect(); with more it ends when
 * epoll tells of it, so that it holds the time that others took too.
 *
 * - No two connections of one run share their four addresses and ports: ports are bound in
 *   turn, so neither the search for a free one nor a closed predecessor is measured.
 * - The client ends each by a reset: nothing stays in TIME_WAIT.
 * - The server lets go of a connection only when many later ones have come. By then it is
 *   reset long since, and closing it sends nothing.
 * - The first repetition of a SYN comes after a second. What took longer than 0.9 s has lost a
 *   packet: it is counted apart, and no benchmark holds where there was one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define CONCURRENCY_MAX 256
#define KEPT (2 * CONCURRENCY_MAX)
#define BACKLOG 4096
#define PORT_FIRST 5000
#define PORT_COUNT 60000
#define LOST_NS 900000000
#define QUIET_MS 10000 /* nothing ends for this long: the rest never will */

struct run {
	struct sockaddr_in to;
	char **sources;
	unsigned source_count;
	unsigned connections, concurrency;
	unsigned begun, failed, lost;
	uint32_t *latencies_ns; /* of those that were established */
	unsigned established;
	uint64_t elapsed_ns;
};

struct attempt {
	int fd;
	uint64_t since_ns;
};

static int fail(const char *what)
{
	fprintf(stderr, "connections: %s: %s\n", what, strerror(errno));
	return 1;
}

static bool parse_address(struct sockaddr_in *address, const char *text, unsigned port)
{
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, text, &address->sin_addr) == 1)
		return true;
	fprintf(stderr, "connections: no IPv4 address: %s\n", text);
	return false;
}

/* ---- the server ---- */

static int serve(const struct sockaddr_in *on)
{
	int kept[KEPT], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(listener, (const struct sockaddr *)on, sizeof(*on)) < 0 ||
	    listen(listener, BACKLOG) < 0)
		return fail("listen");
	memset(kept, -1, sizeof(kept));
	for (size_t i = 0;; i = (i + 1) % KEPT) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return fail("accept");
		if (kept[i] >= 0)
			close(kept[i]);
		kept[i] = fd;
	}
}

/* ---- the client ---- */

/* A socket for the run's next connection, bound; -1 if there is none. */
static int next_socket(struct run *run, int flags)
{
	const struct linger reset = {.l_onoff = 1};
	struct sockaddr_in from;
	unsigned i = run->begun++;
	int fd;

	if (!parse_address(&from, run->sources[i % run->source_count],
			   PORT_FIRST + i / run->source_count))
		return -1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0 &&
	    bind(fd, (const struct sockaddr *)&from, sizeof(from)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void count_established(struct run *run, uint64_t latency_ns)
{
	if (latency_ns > LOST_NS)
		run->lost++;
	run->latencies_ns[run->established++] =
		latency_ns < UINT32_MAX ? (uint32_t)latency_ns : UINT32_MAX;
}

static void run_sequential(struct run *run)
{
	while (run->begun < run->connections) {
		int fd = next_socket(run, 0);
		uint64_t since = bench_wall_ns();

		if (fd >= 0 && connect(fd, (const struct sockaddr *)&run->to, sizeof(run->to)) == 0)
			count_established(run, bench_wall_ns() - since);
		else
			run->failed++;
		if (fd >= 0)
			close(fd);
	}
}

/* Begins connections until one waits for its answer, or none is left. */
static bool begin(struct run *run, int epoll, struct attempt *attempt)
{
	while (run->begun < run->connections) {
		struct epoll_event event = {.events = EPOLLOUT, .data.ptr = attempt};
		int fd = next_socket(run, SOCK_NONBLOCK);

		attempt->fd = fd;
		attempt->since_ns = bench_wall_ns();
		if (fd >= 0 &&
		    (connect(fd, (const struct sockaddr *)&run->to, sizeof(run->to)) == 0 ||
		     errno == EINPROGRESS) &&
		    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0)
			return true;
		run->failed++;
		if (fd >= 0)
			close(fd);
	}
	return false;
}

static void finish(struct run *run, const struct attempt *attempt)
{
	uint64_t now = bench_wall_ns();
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0)
		count_established(run, now - attempt->since_ns);
	else
		run->failed++;
	close(attempt->fd);
}

static int run_concurrent(struct run *run)
{
	struct epoll_event events[CONCURRENCY_MAX];
	struct attempt attempts[CONCURRENCY_MAX];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned waiting = 0;

	if (epoll < 0)
		return fail("epoll");
	while (waiting < run->concurrency && begin(run, epoll, &attempts[waiting]))
		waiting++;
	while (waiting) {
		int ready = epoll_wait(epoll, events, CONCURRENCY_MAX, QUIET_MS);

		if (ready <= 0) {
			run->failed += waiting + run->connections - run->begun;
			break;
		}
		for (int i = 0; i < ready; i++) {
			struct attempt *attempt = events[i].data.ptr;

			finish(run, attempt);
			if (!begin(run, epoll, attempt))
				waiting--;
		}
	}
	close(epoll);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* The nearest rank of the sorted latencies, in microseconds. */
static double percentile_us(const struct run *run, double share)
{
	unsigned rank = (unsigned)(share * run->established);

	if (!run->established)
		return 0;
	return run->latencies_ns[rank < run->established ? rank : run->established - 1] / 1000.0;
}

static int open_connections(struct run *run)
{
	uint64_t begin_ns;
	int result = 0;

	run->latencies_ns = calloc(run->connections, sizeof(*run->latencies_ns));
	if (!run->latencies_ns)
		return fail("memory");
	begin_ns = bench_wall_ns();
	if (run->concurrency == 1)
		run_sequential(run);
	else
		result = run_concurrent(run);
	run->elapsed_ns = bench_wall_ns() - begin_ns;
	qsort(run->latencies_ns, run->established, sizeof(*run->latencies_ns), compare);
	printf("{\"connections\":%u,\"failed\":%u,\"lost\":%u,\"per_s\":%.1f,\"p50_us\":%.2f,"
	       "\"p90_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,\"max_us\":%.2f}\n",
	       run->established, run->failed, run->lost,
	       run->established * 1e9 / (double)run->elapsed_ns, percentile_us(run, 0.50),
	       percentile_us(run, 0.90), percentile_us(run, 0.99), percentile_us(run, 0.999),
	       percentile_us(run, 1));
	free(run->latencies_ns);
	return result;
}

static int usage(void)
{
	fputs("usage: connections serve ADDRESS PORT\n"
	      "       connections open ADDRESS PORT CONNECTIONS CONCURRENCY SOURCE...\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct run run = {0};

	if (argc < 4 || !parse_address(&run.to, argv[2], (unsigned)atoi(argv[3])))
		return usage();
	if (strcmp(argv[1], "serve") == 0 && argc == 4)
		return serve(&run.to);
	if (strcmp(argv[1], "open") != 0 || argc < 7)
		return usage();
	run.connections = (unsigned)atoi(argv[4]);
	run.concurrency = (unsigned)atoi(argv[5]);
	run.sources = argv + 6;
	run.source_count = (unsigned)argc - 6;
	if (!run.connections || run.connections > PORT_COUNT * run.source_count ||
	    !run.concurrency || run.concurrency > CONCURRENCY_MAX)
		return usage();
	return open_connections(&run);
}
