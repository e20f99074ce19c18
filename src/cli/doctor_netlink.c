/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One dump over netlink: asks, and hands each message on. The kernel is given a while to
 * answer, as a doctor that hangs helps nobody.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>

#include "doctor.h"

#define PATIENCE_S 5

int doctor_dump(int bus, struct nlmsghdr *request, doctor_message_fn *each, void *context)
{
	_Alignas(struct nlmsghdr) char buffer[65536];
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	int result = -1;
	ssize_t got;

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = 1;
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		goto out;
	(void)setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
			 sizeof(patience));
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		goto out;
	do {
		got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		result = got < 0 ? -1
				 : mnl_cb_run(buffer, (size_t)got, 1, mnl_socket_get_portid(socket),
					      each, context);
	} while (result > 0);
out:
	if (result < 0)
		result = errno ? -errno : -EIO;
	if (socket)
		mnl_socket_close(socket);
	return result;
}
