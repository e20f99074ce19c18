/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reference of every figure about speed: a loop that reads NFQUEUE messages
 * and accepts them with a fixed mark, without looking. What it costs is the kernel's
 * round trip; nothing that uses NFQUEUE can cost less. It reads as waymarkd does
 * (recvmmsg(64), the same copy range and flags) and answers by one batch verdict.
 *
 *	nullqueue QUEUE MARK [COPY_BYTES]
 *
 * Ends at SIGTERM, and says then how many packets a call has brought, and how much time passed from
 *the end of a receive to the begin of its verdict: the part of a packet's cost that is this
 *program's own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>

#define BATCH 64
#define SAMPLE 16 /* of so many batches one is timed: asking for CPU time is a system call */

static volatile sig_atomic_t stopped;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static int fail(const char *what)
{
	fprintf(stderr, "nullqueue: %s: %s\n", what, strerror(errno));
	return 1;
}

static int configure(struct mnl_socket *socket, uint16_t queue, uint32_t copy_bytes)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *header = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue);

	nfq_nlmsg_cfg_put_cmd(header, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(header, NFQNL_COPY_PACKET, (int)copy_bytes);
	nfq_nlmsg_cfg_put_qmaxlen(header, 16384);
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -1;
	header = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue);
	mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
	mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
	return mnl_socket_sendto(socket, header, header->nlmsg_len) < 0 ? -1 : 0;
}

/* The packet's id, from the first attribute of each message: the kernel puts it there. */
static int packet_id(const struct nlmsghdr *header, uint32_t *id)
{
	const struct nlattr *attr;
	const struct nfqnl_msg_packet_hdr *packet;

	if (header->nlmsg_type == NLMSG_ERROR)
		return 0;
	attr = mnl_nlmsg_get_payload_offset(header, sizeof(struct nfgenmsg));
	if (mnl_attr_get_type(attr) != NFQA_PACKET_HDR)
		return 0;
	packet = mnl_attr_get_payload(attr);
	*id = ntohl(packet->packet_id);
	return 1;
}

int main(int argc, char **argv)
{
	size_t size;
	uint32_t copy_bytes = 20480, mark, id = 0, last;
	struct mmsghdr messages[BATCH] = {0};
	struct iovec vectors[BATCH];
	struct mnl_socket *socket;
	int on = 1, buffer_bytes = 32 << 20, fd;
	struct sigaction action = {.sa_handler = on_signal};
	uint64_t packets = 0, batches = 0, own_ns = 0, timed_packets = 0, begin;
	bool timed;
	uint16_t queue;
	char *buffers;

	if (argc < 3) {
		fputs("usage: nullqueue QUEUE MARK [COPY_BYTES]\n", stderr);
		return 2;
	}
	queue = (uint16_t)atoi(argv[1]);
	mark = (uint32_t)strtoul(argv[2], NULL, 0);
	if (argc > 3)
		copy_bytes = (uint32_t)strtoul(argv[3], NULL, 0);
	size = copy_bytes + 1024;
	buffers = malloc(size * BATCH);
	socket = mnl_socket_open(NETLINK_NETFILTER);
	if (!buffers || !socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return fail("socket");
	fd = mnl_socket_get_fd(socket);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	mnl_socket_setsockopt(socket, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	if (configure(socket, queue, copy_bytes) < 0)
		return fail("bind");
	sigaction(SIGTERM, &action, NULL);
	for (size_t i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){buffers + i * size, size};
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (!stopped) {
		_Alignas(8) char buffer[256];
		struct nlmsghdr *header;
		int received = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL), any = 0;

		if (received < 0 && errno != EINTR && errno != ENOBUFS)
			return fail("receive");
		timed = batches++ % SAMPLE == 0;
		begin = timed ? now_ns() : 0;
		for (int i = 0; i < received; i++) {
			if (packet_id(vectors[i].iov_base, &last)) {
				id = last;
				any = 1;
			}
		}
		if (!any)
			continue;
		header = nfq_nlmsg_put(buffer, NFQNL_MSG_VERDICT_BATCH, queue);
		nfq_nlmsg_verdict_put(header, (int)id, NF_ACCEPT);
		nfq_nlmsg_verdict_put_mark(header, mark);
		packets += (uint64_t)received;
		if (timed) {
			own_ns += now_ns() - begin;
			timed_packets += (uint64_t)received;
		}
		if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
			return fail("verdict");
	}
	printf("%llu packets, %.1f a batch, %.1f ns of its own for each\n",
	       (unsigned long long)packets, (double)packets / (double)(batches ? batches : 1),
	       (double)own_ns / (double)(timed_packets ? timed_packets : 1));
	return 0;
}
