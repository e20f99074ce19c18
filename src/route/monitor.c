/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listening side of rtnetlink: one socket, subscribed to all that a plan depends on.
 *
 * The kernel drops what finds the queue full and says so once, by ENOBUFS, before it gives
 * out what still waits. That is older than the loss: applied to a dump taken after it, it would
 * lead back to a state that later, lost events had ended. So it is thrown away, until the
 * queue has been empty once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "private.h"

#define BUFFER_BYTES ((size_t)1 << 16)
#define QUEUE_BYTES (8 << 20)
#define DRAIN_MAX 4096 /* messages in one go; the event loop comes back for the rest */

struct route_monitor {
	struct mnl_socket *socket;
	bool lost; /* and not been empty since */
	uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static int subscribe(struct mnl_socket *socket)
{
	static const int groups[] = {RTNLGRP_LINK,	 RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				     RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,
				     RTNLGRP_IPV6_RULE};
	int next_hops = RTNLGRP_NEXTHOP;

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) <
		    0)
			return -errno;
	}
	/* since Linux 5.3; before there are no next hop objects */
	(void)mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &next_hops, sizeof(next_hops));
	return 0;
}

int route_monitor_open(struct route_monitor **monitor, struct diag_list *diags)
{
	struct route_monitor *m = calloc(1, sizeof(*m));
	int bytes = QUEUE_BYTES, fd, result = -ENOMEM;

	*monitor = NULL;
	if (!m)
		goto failed;
	m->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!m->socket || mnl_socket_bind(m->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		result = errno ? -errno : -EIO;
		goto failed;
	}
	fd = mnl_socket_get_fd(m->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	result = subscribe(m->socket);
	if (result)
		goto failed;
	*monitor = m;
	return 0;
failed:
	diag_error(diags, NULL, 0, "cannot open the route monitor: %s", strerror(-result));
	route_monitor_close(m);
	return result;
}

void route_monitor_close(struct route_monitor *monitor)
{
	if (!monitor)
		return;
	if (monitor->socket)
		mnl_socket_close(monitor->socket);
	free(monitor);
}

int route_monitor_fd(const struct route_monitor *monitor)
{
	return mnl_socket_get_fd(monitor->socket);
}

bool route_monitor_drain(struct route_monitor *monitor, route_message_fn *each, void *context)
{
	bool lost = monitor->lost;

	for (int i = 0; i < DRAIN_MAX; i++) {
		ssize_t got = mnl_socket_recvfrom(monitor->socket, monitor->buffer,
						  sizeof(monitor->buffer));
		const struct nlmsghdr *message = (const void *)monitor->buffer;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
			monitor->lost = lost = true;
			continue;
		}
		if (got <= 0) {
			monitor->lost = false;
			break;
		}
		if (monitor->lost)
			continue;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			each(message, context);
	}
	return lost;
}
