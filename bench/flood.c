/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load of the benchmarks around NFQUEUE: UDP datagrams of random bytes over many flows, each
 * packet of another flow than the one before it, and what their reader spent on them.
 *
 *	flood ADDRESS FLOWS[/HOSTS] MIN-BYTES MAX-BYTES PACKETS PORT
 *	flood ADDRESS FLOWS[/HOSTS] MIN-BYTES MAX-BYTES PACKETS[/BURST] PORT:PID:QUEUE[+MORE]...
 *
 * The flows are spread over HOSTS source addresses, counted upwards from the one that the route
 * gives, and source ports from 1024 on: the next flood with the same numbers has the same flows.
 * Packets are made beforehand, go out by one raw socket in batches, and bear no UDP checksum, as
 * IPv4 allows. Prints how many were sent.
 *
 * With readers, each has a queue, or QUEUE and as many MORE, to which the kernel leads one port,
 * and gets PACKETS. They take turns of some ten milliseconds, every other time in reverse, so that
 * whatever else the machine does falls on all of them. A reader is stopped while a burst fills its
 * queue, and goes on when all of it waits; the next comes when the queue is empty. So every reader,
 * quick or slow, has the same full batches, nobody sends on another processor meanwhile, and the
 * CPU that it uses is what these packets cost. The first turn (new flows) and the first burst of
 * each (cold caches) are not counted. Prints for each
 * "packets ns user-ticks system-ticks lost wall-ns busiest-ns": the sum of
 * /proc/PID/task/N/schedstat, how the kernel's ticks divide it, and what the busiest of its threads
 * has of it. Lost is what the queue refused: anything but 0 spoils the figure.
 * The wall's time is that from "go on" to an empty queue, with half a millisecond's grain.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/ip.h>
#include <netinet/udp.h>

#include "bench.h"

#define BATCH 64
#define BURST_USUAL 2048
#define TURN 4 /* bursts; the first of them warms up */
#define READERS_MAX 16
#define TASKS_MAX 64
#define POOL 8192 /* payloads that are made; flows times payloads repeat late */
#define BYTES_MAX 1400
#define PORTS 60000U
#define FIRST_PORT 1024u

struct datagram {
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[BYTES_MAX];
};

/* What the kernel says of a queue, and what its reader has used. */
struct reading {
	unsigned long long packets, lost, ns, user_ticks, system_ticks, wall_ns, busiest_ns;
	unsigned long long task_ns[TASKS_MAX]; /* in the order of their ids */
};

struct reader {
	unsigned port, queue, more; /* queue ... queue + more */
	int pid;
	size_t sent;
	struct reading sum;
};

static struct datagram pool[POOL];
static size_t pool_bytes[POOL];

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void nap_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static uint64_t random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* ---- sending ---- */

static uint32_t own_address(const struct sockaddr_in *to)
{
	struct sockaddr_in own;
	socklen_t size = sizeof(own);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &size) < 0)
		die("route");
	close(fd);
	return ntohl(own.sin_addr.s_addr);
}

static void make_pool(const struct sockaddr_in *to, size_t min, size_t max)
{
	uint64_t state = 1;

	for (size_t i = 0; i < POOL; i++) {
		struct datagram *datagram = &pool[i];
		size_t bytes = min + random_next(&state) % (max - min + 1);

		pool_bytes[i] = sizeof(datagram->ip) + sizeof(datagram->udp) + bytes;
		datagram->ip = (struct iphdr){
			.version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.daddr = to->sin_addr.s_addr,
			.tot_len = htons((uint16_t)pool_bytes[i]),
		};
		datagram->udp = (struct udphdr){
			.len = htons((uint16_t)(sizeof(datagram->udp) + bytes)),
		};
		for (size_t at = 0; at < bytes; at++)
			datagram->payload[at] = (uint8_t)random_next(&state);
	}
}

struct sender {
	int fd;
	struct sockaddr_in to;
	uint32_t own;
	size_t flows, hosts, burst;
};

/* Sends the packets of these numbers to a port: [*sent, *sent + count). */
static void send_packets(const struct sender *sender, unsigned port, size_t *sent, size_t count)
{
	struct mmsghdr messages[BATCH] = {0};
	struct iovec vectors[BATCH];
	size_t fill, end = *sent + count;
	struct sockaddr_in to = sender->to;

	while (*sent < end) {
		int done;

		for (fill = 0; fill < BATCH && *sent + fill < end; fill++) {
			size_t number = *sent + fill, flow = number % sender->flows;
			struct datagram *datagram = &pool[number % POOL];

			datagram->ip.saddr = htonl(sender->own + (uint32_t)(flow % sender->hosts));
			datagram->udp.source =
				htons((uint16_t)(FIRST_PORT + flow / sender->hosts % PORTS));
			datagram->udp.dest = htons((uint16_t)port);
			vectors[fill] = (struct iovec){datagram, pool_bytes[number % POOL]};
			messages[fill].msg_hdr = (struct msghdr){
				.msg_name = &to,
				.msg_namelen = sizeof(to),
				.msg_iov = &vectors[fill],
				.msg_iovlen = 1,
			};
		}
		done = sendmmsg(sender->fd, messages, (unsigned)fill, 0);
		/* a full device answers by ENOBUFS: no end of a flood */
		if (done < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("send");
		*sent += done > 0 ? (size_t)done : 0;
	}
}

/* ---- the reader ---- */

/* The threads of a reader stay the same while it is watched, and the list is sorted. */
static void read_tasks(const struct reader *reader, struct reading *reading)
{
	char path[320];
	struct dirent *entry;
	size_t count = 0;
	DIR *tasks;

	reading->ns = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", reader->pid);
	tasks = opendir(path);
	if (!tasks)
		die(path);
	while ((entry = readdir(tasks)) && count < TASKS_MAX) {
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", reader->pid,
			 entry->d_name);
		file = fopen(path, "r");
		if (!file || fscanf(file, "%llu", &reading->task_ns[count]) != 1)
			die(path);
		fclose(file);
		reading->ns += reading->task_ns[count++];
	}
	closedir(tasks);
}

/* The queue stands in the list of the reader's own network namespace. How many wait in it. */
static unsigned long read_queue(const struct reader *reader, struct reading *reading)
{
	unsigned long queue, waiting, refused, overrun, seen, all = 0;
	unsigned found = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/netfilter/nfnetlink_queue", reader->pid);
	file = fopen(path, "r");
	if (!file)
		die(path);
	reading->packets = reading->lost = 0;
	while (fscanf(file, "%lu %*u %lu %*u %*u %lu %lu %lu %*u", &queue, &waiting, &refused,
		      &overrun, &seen) == 5) {
		if (queue < reader->queue || queue > reader->queue + reader->more)
			continue;
		found++;
		all += waiting;
		reading->packets += seen;
		reading->lost += refused + overrun;
	}
	fclose(file);
	if (found != reader->more + 1) {
		errno = ENOENT;
		die("queue");
	}
	return all;
}

static void read_all(const struct reader *reader, struct reading *reading)
{
	char path[64], line[1024] = "", *fields;
	FILE *file;

	read_queue(reader, reading);
	read_tasks(reader, reading);
	snprintf(path, sizeof(path), "/proc/%d/stat", reader->pid);
	file = fopen(path, "r");
	if (!file || !fgets(line, sizeof(line), file) || !(fields = strrchr(line, ')')) ||
	    sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
		   &reading->user_ticks, &reading->system_ticks) != 2)
		die(path);
	fclose(file);
}

static void burst(const struct sender *sender, struct reader *reader)
{
	struct reading reading;
	uint64_t begin;

	if (kill(reader->pid, SIGSTOP) < 0)
		die("stop");
	send_packets(sender, reader->port, &reader->sent, sender->burst);
	begin = bench_wall_ns();
	if (kill(reader->pid, SIGCONT) < 0)
		die("continue");
	do
		nap_us(500);
	while (read_queue(reader, &reading));
	reader->sum.wall_ns += bench_wall_ns() - begin;
	nap_us(1000); /* the last verdicts' way through the kernel */
}

static void take_turn(const struct sender *sender, struct reader *reader, bool counts)
{
	struct reading before = {0}, after = {0};
	unsigned long long wall_ns = reader->sum.wall_ns, most = 0;

	burst(sender, reader);
	reader->sum.wall_ns = wall_ns; /* without the burst that warms up */
	read_all(reader, &before);
	for (int i = 1; i < TURN; i++)
		burst(sender, reader);
	read_all(reader, &after);
	if (!counts) {
		reader->sum.wall_ns = 0;
		return;
	}
	reader->sum.packets += after.packets - before.packets;
	reader->sum.ns += after.ns - before.ns;
	reader->sum.user_ticks += after.user_ticks - before.user_ticks;
	reader->sum.system_ticks += after.system_ticks - before.system_ticks;
	reader->sum.lost += after.lost - before.lost;
	for (size_t i = 0; i < TASKS_MAX; i++)
		if (after.task_ns[i] - before.task_ns[i] > most)
			most = after.task_ns[i] - before.task_ns[i];
	reader->sum.busiest_ns += most;
}

static void flood_readers(const struct sender *sender, struct reader *readers, size_t count,
			  size_t packets)
{
	size_t turns = packets / (TURN * sender->burst) + 1;

	for (size_t turn = 0; turn <= turns; turn++)
		for (size_t i = 0; i < count; i++)
			take_turn(sender, &readers[turn % 2 ? count - 1 - i : i], turn > 0);
	for (size_t i = 0; i < count; i++)
		printf("%llu %llu %llu %llu %llu %llu %llu\n", readers[i].sum.packets,
		       readers[i].sum.ns, readers[i].sum.user_ticks, readers[i].sum.system_ticks,
		       readers[i].sum.lost, readers[i].sum.wall_ns, readers[i].sum.busiest_ns);
}

static int usage(void)
{
	fputs("usage: flood ADDRESS FLOWS[/HOSTS] MIN-BYTES MAX-BYTES PACKETS[/BURST] "
	      "PORT[:PID:QUEUE[+MORE]]...\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct sender sender = {.to = {.sin_family = AF_INET}};
	struct reader readers[READERS_MAX] = {0};
	size_t packets, min, max, count = argc > 6 ? (size_t)argc - 6 : 0;
	const char *text;
	int fields = 0;

	if (!count || count > READERS_MAX || inet_pton(AF_INET, argv[1], &sender.to.sin_addr) != 1)
		return usage();
	sender.flows = strtoul(argv[2], NULL, 10);
	text = strchr(argv[2], '/');
	sender.hosts = text ? strtoul(text + 1, NULL, 10) : 1 + sender.flows / PORTS;
	min = strtoul(argv[3], NULL, 10);
	max = strtoul(argv[4], NULL, 10);
	packets = strtoul(argv[5], NULL, 10);
	text = strchr(argv[5], '/');
	sender.burst = text ? strtoul(text + 1, NULL, 10) : BURST_USUAL;
	for (size_t i = 0; i < count; i++) {
		fields = sscanf(argv[6 + i], "%u:%d:%u+%u", &readers[i].port, &readers[i].pid,
				&readers[i].queue, &readers[i].more);
		if (fields < 3 && (fields != 1 || count > 1))
			return usage();
	}
	if (!sender.flows || !sender.hosts || !sender.burst || min > max || max > BYTES_MAX)
		return usage();
	sender.to.sin_port = htons(9); /* the route wants some port, and a raw socket none */
	sender.own = own_address(&sender.to);
	sender.to.sin_port = 0;
	make_pool(&sender.to, min, max);
	sender.fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (sender.fd < 0)
		die("socket");
	if (fields >= 3) {
		flood_readers(&sender, readers, count, packets);
	} else {
		send_packets(&sender, readers[0].port, &readers[0].sent, packets);
		printf("%zu\n", readers[0].sent);
	}
	return 0;
}
