/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One question to the kernel: where would this packet go?
 *
 * RTM_GETROUTE runs the very lookup that a packet runs, with the policy rules and their
 * marks, and needs no privilege. A socket of its own for one question: nobody asks often.
 *
 * - A refusal comes as an errno, and one errno has several causes: for a forwarded packet,
 *   EINVAL is a blackhole or a source that cannot come in there, EHOSTUNREACH an
 *   unreachable route or forwarding that is off. The same destination asked as a packet of
 *   this machine's own tells them apart.
 * - The kernel takes ports of TCP and UDP and the protocol of these and ICMP; it refuses a question
 *   with any other protocol, so that is left out: rules by protocol then do not count.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <waymark/route_plan.h>

#include "private.h"

#define BUFFER_BYTES 8192u
#define PATIENCE_S 5
#define ECN_BITS 0x03u

static void put_address(struct nlmsghdr *request, uint16_t type, const struct ip_addr *addr)
{
	mnl_attr_put(request, type, ip_bits(addr->family) / 8, addr->bytes);
}

static void put_ports(struct nlmsghdr *request, const struct route_question *question)
{
	bool icmp =
		question->proto == (question->dst.family == IP_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	bool ports = question->proto == IPPROTO_TCP || question->proto == IPPROTO_UDP;

	if (!icmp && !ports)
		return;
	mnl_attr_put_u8(request, RTA_IP_PROTO, question->proto);
	if (!ports || !question->has_ports)
		return;
	mnl_attr_put_u16(request, RTA_SPORT, htons(question->sport));
	mnl_attr_put_u16(request, RTA_DPORT, htons(question->dport));
}

static struct nlmsghdr *put_question(uint8_t *buffer, const struct route_question *question,
				     uint32_t iface_in)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *header;

	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = 1;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->rtm_family = (unsigned char)ip_af(question->dst.family);
	header->rtm_dst_len = (unsigned char)ip_bits(question->dst.family);
	header->rtm_tos = (unsigned char)(question->tos & ~ECN_BITS);
	/* else an IPv4 answer says "main", whichever table it is from */
	header->rtm_flags = RTM_F_LOOKUP_TABLE;
	put_address(request, RTA_DST, &question->dst);
	if (question->src.family == question->dst.family) {
		header->rtm_src_len = (unsigned char)ip_bits(question->src.family);
		put_address(request, RTA_SRC, &question->src);
	}
	if (iface_in)
		mnl_attr_put_u32(request, RTA_IIF, iface_in);
	if (question->mark)
		mnl_attr_put_u32(request, RTA_MARK, question->mark);
	if (question->has_uid)
		mnl_attr_put_u32(request, RTA_UID, question->uid);
	put_ports(request, question);
	return request;
}

static const char *type_name(unsigned char type)
{
	static const char *const names[] = {
		[RTN_UNICAST] = "unicast",
		[RTN_LOCAL] = "local",
		[RTN_BROADCAST] = "broadcast",
		[RTN_ANYCAST] = "anycast",
		[RTN_MULTICAST] = "multicast",
		[RTN_BLACKHOLE] = "blackhole",
		[RTN_UNREACHABLE] = "unreachable",
		[RTN_PROHIBIT] = "prohibit",
		[RTN_THROW] = "throw",
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

static void take_address(const struct nlattr *attr, uint8_t family, struct ip_addr *addr)
{
	size_t length = ip_bits(family) / 8;

	if (mnl_attr_get_payload_len(attr) < length)
		return;
	*addr = (struct ip_addr){.family = family};
	memcpy(addr->bytes, mnl_attr_get_payload(attr), length);
}

/* An IPv4 route by an IPv6 gateway. */
static void take_via(const struct nlattr *attr, struct ip_addr *addr)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t length = ip_bits(IP_V6) / 8;

	if (mnl_attr_get_payload_len(attr) < sizeof(*via) + length || via->rtvia_family != AF_INET6)
		return;
	*addr = ip_v6(via->rtvia_addr);
}

bool route_parse_answer(const struct nlmsghdr *message, struct route_answer *answer)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	size_t length = mnl_nlmsg_get_payload_len(message);
	const struct nlattr *attr;
	uint32_t index = 0;
	uint8_t family;

	if (message->nlmsg_type != RTM_NEWROUTE || length < sizeof(*header))
		return false;
	family = header->rtm_family == AF_INET ? IP_V4 : IP_V6;
	*answer = (struct route_answer){
		.type = type_name(header->rtm_type),
		.table = header->rtm_table,
	};
	route_for_each_attr(attr, header, length, NLMSG_ALIGN(sizeof(*header)))
	{
		bool number = mnl_attr_get_payload_len(attr) >= sizeof(uint32_t);

		switch (mnl_attr_get_type(attr)) {
		case RTA_TABLE:
			if (number)
				answer->table = mnl_attr_get_u32(attr);
			break;
		case RTA_OIF:
			if (number)
				index = mnl_attr_get_u32(attr);
			break;
		case RTA_GATEWAY:
			take_address(attr, family, &answer->gateway);
			break;
		case RTA_VIA:
			take_via(attr, &answer->gateway);
			break;
		case RTA_PREFSRC:
			take_address(attr, family, &answer->source);
			break;
		default:
			break;
		}
	}
	if (index && !if_indextoname(index, answer->interface))
		snprintf(answer->interface, sizeof(answer->interface), "%u", index);
	return true;
}

/* 0: `answer` is there; > 0: the errno of a refusal; -errno: no answer came. */
static int ask(const struct route_question *question, uint32_t iface_in,
	       struct route_answer *answer)
{
	uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	const struct nlmsghdr *message;
	int result = -EBADMSG, left;
	ssize_t got;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0) {
		result = -errno;
		goto out;
	}
	message = put_question(buffer, question, iface_in);
	if (mnl_socket_sendto(nl, message, message->nlmsg_len) < 0) {
		result = -errno;
		goto out;
	}
	do
		got = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		result = errno == EAGAIN ? -ETIMEDOUT : -errno;
		goto out;
	}
	left = (int)got;
	message = (const void *)buffer;
	if (!mnl_nlmsg_ok(message, left))
		goto out;
	if (route_parse_answer(message, answer)) {
		result = 0;
	} else if (message->nlmsg_type == NLMSG_ERROR &&
		   mnl_nlmsg_get_payload_len(message) >= sizeof(struct nlmsgerr)) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

		result = error->error < 0 ? -error->error : -EBADMSG;
	}
out:
	mnl_socket_close(nl);
	return result;
}

/* The refusal in iproute2's words for such a route, or what else it means. */
static void say_refusal(const struct route_question *question, int refusal,
			struct route_answer *answer)
{
	struct route_question own = *question;
	struct route_answer ignored;
	char text[IP_TEXT_SIZE];
	const char *word;

	if (question->iface_in && (refusal == EINVAL || refusal == EHOSTUNREACH)) {
		own.src = (struct ip_addr){.family = IP_NONE};
		if (ask(&own, 0, &ignored) != refusal) {
			if (refusal == EINVAL)
				snprintf(answer->error, sizeof(answer->error),
					 "nothing from %s is taken in by %s: rp_filter, or an "
					 "address of this machine",
					 ip_format(&question->src, text), question->iface_in);
			else
				snprintf(answer->error, sizeof(answer->error),
					 "unreachable for what comes in by %s: is forwarding on?",
					 question->iface_in);
			return;
		}
	}
	switch (refusal) {
	case EHOSTUNREACH:
		word = "unreachable";
		break;
	case ENETUNREACH:
		word = "no route";
		break;
	case EACCES:
		word = "prohibit";
		break;
	case EINVAL:
		word = "blackhole";
		break;
	default:
		word = strerror(refusal);
		break;
	}
	snprintf(answer->error, sizeof(answer->error), "%s", word);
}

int route_lookup(const struct route_question *question, struct route_answer *answer)
{
	uint32_t iface_in = 0;
	int result;

	*answer = (struct route_answer){.type = NULL};
	if (question->iface_in) {
		iface_in = if_nametoindex(question->iface_in);
		if (!iface_in) {
			snprintf(answer->error, sizeof(answer->error),
				 "interface '%s' does not exist", question->iface_in);
			return -ENODEV;
		}
	}
	result = ask(question, iface_in, answer);
	if (result < 0)
		snprintf(answer->error, sizeof(answer->error), "the kernel cannot be asked: %s",
			 strerror(-result));
	else if (result > 0)
		say_refusal(question, result, answer);
	return result < 0 ? result : 0;
}
