/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The links of this network namespace, with what routing alone does not ask of them.
 *
 * By netlink, since /sys shows the links of the namespace that it was mounted in, and not those of
 * whoever reads it. /proc/sys/net is that of the reader.
 */
#include <errno.h>
#include <linux/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "doctor.h"
#include "doctor_files.h"

struct gathered {
	struct doctor_link *items;
	size_t count, capacity;
};

static void copy_text(char *to, size_t size, const struct nlattr *attribute)
{
	size_t length =
		strnlen(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));

	if (length >= size)
		length = size - 1;
	memcpy(to, mnl_attr_get_payload(attribute), length);
	to[length] = '\0';
}

static int take_info(const struct nlattr *attribute, void *data)
{
	struct doctor_link *link = data;

	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
		copy_text(link->kind, sizeof(link->kind), attribute);
	return MNL_CB_OK;
}

static int take_attribute(const struct nlattr *attribute, void *data)
{
	struct doctor_link *link = data;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		copy_text(link->name, sizeof(link->name), attribute);
		break;
	case IFLA_MTU:
	case IFLA_MASTER:
		if (mnl_attr_get_payload_len(attribute) < sizeof(uint32_t))
			break;
		if (mnl_attr_get_type(attribute) == IFLA_MTU)
			link->mtu = mnl_attr_get_u32(attribute);
		else
			link->master = mnl_attr_get_u32(attribute);
		break;
	case IFLA_LINKINFO:
		mnl_attr_parse_nested(attribute, take_info, link);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct gathered *links = data;
	struct doctor_link *link;

	if (message->nlmsg_type != RTM_NEWLINK ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*header) || header->ifi_index <= 0)
		return MNL_CB_OK;
	if (links->count == links->capacity) {
		size_t capacity = links->capacity ? links->capacity * 2 : 16;
		struct doctor_link *items = reallocarray(links->items, capacity, sizeof(*items));

		if (!items) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		links->items = items;
		links->capacity = capacity;
	}
	link = &links->items[links->count++];
	*link = (struct doctor_link){
		.index = (uint32_t)header->ifi_index,
		.up = header->ifi_flags & IFF_UP,
		.carrier = header->ifi_flags & IFF_LOWER_UP,
		.point_to_point = header->ifi_flags & IFF_POINTOPOINT,
		.loopback = header->ifi_flags & IFF_LOOPBACK,
	};
	mnl_attr_parse(message, sizeof(*header), take_attribute, link);
	return MNL_CB_OK;
}

static int dump(struct gathered *links)
{
	_Alignas(struct nlmsghdr) char buffer[128];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	request->nlmsg_type = RTM_GETLINK;
	header->ifi_family = AF_UNSPEC;
	return doctor_dump(NETLINK_ROUTE, request, take_link, links);
}

static int large_receive(int any_socket, const char *name)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
	struct ifreq request = {.ifr_data = (void *)&value};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (any_socket < 0 || ioctl(any_socket, SIOCETHTOOL, &request) < 0)
		return DOCTOR_UNKNOWN;
	return (value.data & ETH_FLAG_LRO) != 0;
}

static int conf_of(const char *family, const char *interface, const char *key)
{
	char path[96];

	snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, interface, key);
	return (int)doctor_sysctl_read(path);
}

int doctor_links_gather(struct doctor_link **links, size_t *count)
{
	struct gathered gathered = {0};
	int result = dump(&gathered), any_socket;

	if (result < 0) {
		free(gathered.items);
		return result;
	}
	any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (size_t i = 0; i < gathered.count; i++) {
		struct doctor_link *link = &gathered.items[i];

		link->large_receive = large_receive(any_socket, link->name);
		link->rp_filter = conf_of("ipv4", link->name, "rp_filter");
		link->src_valid_mark = conf_of("ipv4", link->name, "src_valid_mark");
		link->accept_ra = conf_of("ipv6", link->name, "accept_ra");
		link->forwarding6 = conf_of("ipv6", link->name, "forwarding");
	}
	if (any_socket >= 0)
		close(any_socket);
	*links = gathered.items;
	*count = gathered.count;
	return 0;
}
