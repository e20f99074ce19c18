/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a packet costs on each of several ways, to some ns: one flow's datagrams each, in turns.
 *
 *	turns ROUNDS SOURCE SPORT DESTINATION DPORT DEVICE...
 *
 * The flow of the Nth device is from SOURCE + N to DESTINATION + N and goes out by that device.
 * Sending over veth is forwarding: the call returns when the packet has reached the far side. A
 * turn is 512 datagrams, after 64 that warm up, and every round begins with another device. Prints
 * for each device the median of its turns, in ns a packet, and that of what a turn took longer than
 * the first device's of the same round: a machine that is slower for a second is slower for all.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"

#define BATCH 64
#define TURN 8 /* batches */
#define WARM_ROUNDS 20
#define DEVICES_MAX 32

static void die(const char *what)
{
	fprintf(stderr, "turns: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address(const char *text, const char *port, unsigned nth)
{
	struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, text, &made.sin_addr) != 1)
		die(text);
	made.sin_addr.s_addr = htonl(ntohl(made.sin_addr.s_addr) + nth);
	return made;
}

static int open_flow(char *const *ends, unsigned nth, const char *device)
{
	struct sockaddr_in source = address(ends[0], ends[1], nth);
	struct sockaddr_in destination = address(ends[2], ends[3], nth);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 1 << 22;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0 ||
	    bind(fd, (struct sockaddr *)&source, sizeof(source)) < 0 ||
	    connect(fd, (struct sockaddr *)&destination, sizeof(destination)) < 0)
		die(device);
	return fd;
}

static void send_batch(int fd)
{
	char payload[] = "0123456789abcdef";
	struct iovec bytes = {.iov_base = payload, .iov_len = sizeof(payload) - 1};
	struct mmsghdr messages[BATCH] = {0};

	for (size_t i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &bytes;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	/* an error that the packet before met is none of ours */
	if (sendmmsg(fd, messages, BATCH, 0) < 0 && errno != ECONNREFUSED)
		die("sendmmsg");
}

int main(int argc, char **argv)
{
	size_t devices = argc > 6 ? (size_t)argc - 6 : 0;
	long rounds = argc > 6 ? atol(argv[1]) : 0;
	double *turns, *values;
	int flows[DEVICES_MAX];
	cpu_set_t first;

	if (rounds < 1 || devices > DEVICES_MAX) {
		fprintf(stderr, "usage: turns ROUNDS SOURCE SPORT DESTINATION DPORT DEVICE...\n");
		return 2;
	}
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first) < 0)
		die("cpu 0");
	for (size_t i = 0; i < devices; i++)
		flows[i] = open_flow(argv + 2, (unsigned)i, argv[6 + i]);
	turns = calloc((size_t)rounds * devices, sizeof(*turns));
	values = calloc((size_t)rounds, sizeof(*values));
	if (!turns || !values)
		die("memory");
	for (long round = -WARM_ROUNDS; round < rounds; round++) {
		for (size_t k = 0; k < devices; k++) {
			size_t i = (k + (size_t)(round + WARM_ROUNDS)) % devices;
			uint64_t begin;

			send_batch(flows[i]);
			begin = bench_wall_ns();
			for (int n = 0; n < TURN; n++)
				send_batch(flows[i]);
			if (round >= 0)
				turns[i * (size_t)rounds + (size_t)round] =
					(double)(bench_wall_ns() - begin) / (TURN * BATCH);
		}
	}
	for (size_t i = 0; i < devices; i++) {
		double beyond, *mine = turns + i * (size_t)rounds;

		for (long round = 0; round < rounds; round++)
			values[round] = mine[round] - turns[round];
		beyond = bench_median(values, (unsigned)rounds);
		memcpy(values, mine, (size_t)rounds * sizeof(*values));
		printf("%s %.1f %.1f\n", argv[6 + i], bench_median(values, (unsigned)rounds),
		       beyond);
	}
	free(turns);
	free(values);
	return 0;
}
