/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipset.c - asks the kernel whether an address is in an ipset ("@set:NAME").
 *
 * The set lives in the kernel and may change at any moment, so it is asked for
 * each flow that comes so far in a rule: the test stands last of the header
 * tests. One nfnetlink request (IPSET_CMD_TEST), whose acknowledgement carries
 * the answer: 0 is "in the set", IPSET_ERR_EXIST "not in it"; everything else (no
 * such set, another family, a type that wants a port too) makes the key not hold.
 *
 * Each thread that asks has a socket of its own, opened at its first question and
 * closed when the thread ends. nfnetlink answers within send(); the timeout is
 * for a kernel that does not. An answer that comes late is told by its number.
 */
#include <errno.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "private.h"

#define REPLY_BYTES 4096

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t socket_key; /* the descriptor + 1, so that NULL means none */
static bool have_key;
static _Thread_local uint32_t sequence;

static void close_socket(void *stored)
{
	close((int)((intptr_t)stored - 1));
}

static void make_key(void)
{
	have_key = pthread_key_create(&socket_key, close_socket) == 0;
}

static int thread_socket(void)
{
	static const struct timeval limit = {.tv_sec = 1};
	void *stored;
	int fd;

	pthread_once(&once, make_key);
	if (!have_key)
		return -EAGAIN;
	stored = pthread_getspecific(socket_key);
	if (stored)
		return (int)((intptr_t)stored - 1);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    pthread_setspecific(socket_key, (void *)((intptr_t)fd + 1)) != 0) {
		close(fd);
		return -EAGAIN;
	}
	return fd;
}

/* Sends, and returns the code of the acknowledgement (0 or negative). */
static int ask(struct nlmsghdr *request)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	_Alignas(struct nlmsghdr) char reply[REPLY_BYTES];
	int fd = thread_socket();

	if (fd < 0)
		return fd;
	request->nlmsg_seq = ++sequence;
	if (sendto(fd, request, request->nlmsg_len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	for (;;) {
		ssize_t got = recv(fd, reply, sizeof(reply), 0);
		struct nlmsghdr *message = (struct nlmsghdr *)reply;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			const struct nlmsgerr *answer;

			if (message->nlmsg_seq != sequence || message->nlmsg_type != NLMSG_ERROR ||
			    message->nlmsg_len < mnl_nlmsg_size(sizeof(*answer)))
				continue;
			answer = mnl_nlmsg_get_payload(message);
			return answer->error;
		}
	}
}

static struct nlmsghdr *begin(char *buffer, int command, uint8_t family, const char *set)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *extra;

	request->nlmsg_type = (uint16_t)(NFNL_SUBSYS_IPSET << 8 | command);
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	extra = mnl_nlmsg_put_extra_header(request, sizeof(*extra));
	*extra = (struct nfgenmsg){.nfgen_family = family, .version = NFNETLINK_V0};
	mnl_attr_put_u8(request, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
	mnl_attr_put_strz(request, IPSET_ATTR_SETNAME, set);
	return request;
}

int rules_ipset_test(const char *set, const struct ip_addr *addr)
{
	_Alignas(struct nlmsghdr) char buffer[512] = {0}; /* attribute padding is sent too */
	struct nlmsghdr *request;
	struct nlattr *data, *ip;
	bool v4 = addr->family == IP_V4;
	int answer;

	request = begin(buffer, IPSET_CMD_TEST, (uint8_t)ip_af(addr->family), set);
	data = mnl_attr_nest_start(request, IPSET_ATTR_DATA);
	ip = mnl_attr_nest_start(request, IPSET_ATTR_IP);
	mnl_attr_put(request,
		     NLA_F_NET_BYTEORDER | (v4 ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6),
		     v4 ? 4 : 16, addr->bytes);
	mnl_attr_nest_end(request, ip);
	mnl_attr_nest_end(request, data);
	answer = ask(request);
	if (answer == -IPSET_ERR_EXIST)
		return 0;
	return answer == 0 ? 1 : answer;
}

int rules_ipset_exists(const char *set)
{
	_Alignas(struct nlmsghdr) char buffer[256] = {0};

	return ask(begin(buffer, IPSET_CMD_HEADER, AF_INET, set));
}
