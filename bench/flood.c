/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends PACKETS small UDP datagrams over FLOWS flows (source ports) to one
 * address, in turn, as fast as sendmmsg takes them, and ends. The load of bench/queue
 * and of the flood test.
 *
 *	flood ADDRESS PORT FLOWS PACKETS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 32

/* A connected socket; its source port is the kernel's choice. */
static int open_flow(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0) {
		perror("flood: socket");
		exit(1);
	}
	return fd;
}

static size_t send_batch(int fd, size_t count)
{
	static char payload[] = "flood flood flood flood flood";
	struct iovec vector = {.iov_base = payload, .iov_len = sizeof(payload)};
	struct mmsghdr messages[BATCH] = {0};
	int sent;

	for (size_t i = 0; i < count; i++) {
		messages[i].msg_hdr.msg_iov = &vector;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, messages, (unsigned)count, 0);
	/* a refused port answers by ICMP, a full queue by ENOBUFS: neither ends a flood */
	return sent > 0 ? (size_t)sent : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	size_t flows, packets, per_turn, sent = 0;
	struct rlimit limit;
	int *fds;

	if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fputs("usage: flood ADDRESS PORT FLOWS PACKETS\n", stderr);
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	flows = strtoul(argv[3], NULL, 10);
	packets = strtoul(argv[4], NULL, 10);
	limit = (struct rlimit){flows + 64, flows + 64};
	setrlimit(RLIMIT_NOFILE, &limit);
	fds = calloc(flows ? flows : 1, sizeof(*fds));
	if (!fds)
		return 1;
	for (size_t i = 0; i < flows; i++)
		fds[i] = open_flow(&to);
	per_turn = packets / flows < BATCH ? 1 : 8;
	for (size_t turn = 0; sent < packets && turn < 100 * packets; turn++)
		sent += send_batch(fds[turn % flows], per_turn);
	printf("%zu\n", sent);
	free(fds);
	return 0;
}
