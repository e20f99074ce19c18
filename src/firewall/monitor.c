/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor - notices that somebody changed the rules.
 *
 * nf_tables tells every change to a netlink group. Any change in a table that
 * holds chains of ours wakes the daemon, which then compares; what changed is
 * not worked out here, since the comparison does it better. Lost events
 * (ENOBUFS) count as a change. Our own applying is heard as well: one comparison
 * that finds nothing.
 * Legacy tables tell nothing: the descriptor is -1 and the caller polls.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "private.h"

struct firewall_monitor {
	struct mnl_socket *socket; /* NULL: no events from this variant */
};

int firewall_monitor_open(struct firewall_monitor **monitor, const struct conf *conf)
{
	struct firewall_monitor *new;
	struct fw_tools tools;
	int group = NFNLGRP_NFTABLES, ret;

	ret = fw_tools_find(conf->firewall.command, &tools, NULL);
	if (ret < 0)
		return ret;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	if (tools.variant == FW_NFT) {
		new->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (!new->socket || mnl_socket_bind(new->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
		    mnl_socket_setsockopt(new->socket, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0) {
			ret = -errno;
			firewall_monitor_close(new);
			return ret;
		}
	}
	*monitor = new;
	return 0;
}

void firewall_monitor_close(struct firewall_monitor *monitor)
{
	if (!monitor)
		return;
	if (monitor->socket)
		mnl_socket_close(monitor->socket);
	free(monitor);
}

int firewall_monitor_fd(const struct firewall_monitor *monitor)
{
	return monitor->socket ? mnl_socket_get_fd(monitor->socket) : -1;
}

/* NFTA_TABLE_NAME, NFTA_CHAIN_TABLE and NFTA_RULE_TABLE are one number. */
static int look_at_table_name(const struct nlattr *attribute, void *data)
{
	bool *ours = data;

	if (mnl_attr_get_type(attribute) != NFTA_TABLE_NAME ||
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_OK;
	for (int i = 0; i < FW_TABLE_COUNT; i++)
		*ours |= strcmp(mnl_attr_get_str(attribute), fw_table_names[i]) == 0;
	return MNL_CB_STOP;
}

/* One event: true if it is about a table that holds chains of ours. */
static bool concerns_us(const struct nlmsghdr *header)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(header);
	bool ours = false;

	if (NFNL_SUBSYS_ID(header->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(*generic))
		return false;
	switch (NFNL_MSG_TYPE(header->nlmsg_type)) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
		break;
	default:
		return false;
	}
	if (generic->nfgen_family == NFPROTO_IPV4 || generic->nfgen_family == NFPROTO_IPV6)
		mnl_attr_parse(header, sizeof(*generic), look_at_table_name, &ours);
	return ours;
}

bool firewall_monitor_drain(struct firewall_monitor *monitor)
{
	_Alignas(struct nlmsghdr) char buffer[32768];
	bool changed = false;

	while (monitor->socket) {
		ssize_t got = mnl_socket_recvfrom(monitor->socket, buffer, sizeof(buffer));
		const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
		int left;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
			changed = true;
			continue;
		}
		if (got <= 0)
			break;
		left = (int)got;
		while (mnl_nlmsg_ok(header, left)) {
			changed |= concerns_us(header);
			header = mnl_nlmsg_next(header, &left);
		}
	}
	return changed;
}
