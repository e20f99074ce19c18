/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nullverdict - owns queues and answers by destination port, for tests of the chains alone.
 *
 *	nullverdict FIRST COUNT MASK RULE...
 *
 * RULE is PORT=MARK or PORT=MARK,N,MARK2: packets whose source or destination port is PORT
 * get the bits MARK (hex, within MASK), and MARK2 from the Nth packet of that rule on. Port 0
 * is everything else; without it, everything else keeps its bits. What POSTROUTING queued, and
 *loses the top bit of MASK, is repeated, as waymarkd does. One line a packet: "hook proto sport
 *dport mark newmark src dst", after "ready".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>

#define RULES_MAX 32

struct rule {
	unsigned port, mark, after, mark2;
	unsigned seen;
};

static struct rule rules[RULES_MAX];
static size_t rule_count;
static unsigned mask;

struct seen {
	struct mnl_socket *socket;
	char *reply;
};

/* The ports of what the queue tests send: TCP, UDP, IPv6 without extension headers. */
static void ports_of(const uint8_t *packet, size_t length, unsigned *proto, unsigned *sport,
		     unsigned *dport)
{
	size_t header;

	*proto = *sport = *dport = 0;
	if (length < 20)
		return;
	header = packet[0] >> 4 == 6 ? 40 : (size_t)(packet[0] & 15) * 4;
	*proto = packet[0] >> 4 == 6 ? packet[6] : packet[9];
	if ((*proto != IPPROTO_TCP && *proto != IPPROTO_UDP) || length < header + 4)
		return;
	*sport = (unsigned)packet[header] << 8 | packet[header + 1];
	*dport = (unsigned)packet[header + 2] << 8 | packet[header + 3];
}

static void addresses_of(const uint8_t *packet, size_t length, char src[INET6_ADDRSTRLEN],
			 char dst[INET6_ADDRSTRLEN])
{
	strcpy(src, "-");
	strcpy(dst, "-");
	if (length >= 40 && packet[0] >> 4 == 6) {
		inet_ntop(AF_INET6, packet + 8, src, INET6_ADDRSTRLEN);
		inet_ntop(AF_INET6, packet + 24, dst, INET6_ADDRSTRLEN);
	} else if (length >= 20 && packet[0] >> 4 == 4) {
		inet_ntop(AF_INET, packet + 12, src, INET6_ADDRSTRLEN);
		inet_ntop(AF_INET, packet + 16, dst, INET6_ADDRSTRLEN);
	}
}

static unsigned decide(unsigned sport, unsigned dport, unsigned mark)
{
	struct rule *found = NULL;

	for (size_t i = 0; i < rule_count && !found; i++)
		if (!rules[i].port || rules[i].port == sport || rules[i].port == dport)
			found = &rules[i];
	if (!found)
		return mark;
	found->seen++;
	return (mark & ~mask) |
	       ((found->after && found->seen >= found->after ? found->mark2 : found->mark) & mask);
}

/* A reply that is final now is saved by the rules that queued it. */
static bool is_final_now(unsigned hook, unsigned mark, unsigned new)
{
	unsigned provisional = mask & ~(mask >> 1);

	return hook == NF_INET_POST_ROUTING && mark & ~new &provisional;
}

static int answer(const struct nlmsghdr *header, void *data)
{
	struct seen *seen = data;
	struct nlattr *attributes[NFQA_MAX + 1] = {0};
	const struct nfqnl_msg_packet_hdr *packet;
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(header);
	struct nlmsghdr *verdict;
	unsigned proto = 0, sport = 0, dport = 0, mark = 0, new;
	char src[INET6_ADDRSTRLEN] = "-", dst[INET6_ADDRSTRLEN] = "-";

	if (nfq_nlmsg_parse(header, attributes) < 0 || !attributes[NFQA_PACKET_HDR])
		return MNL_CB_OK;
	packet = mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]);
	if (attributes[NFQA_MARK])
		mark = ntohl(mnl_attr_get_u32(attributes[NFQA_MARK]));
	if (attributes[NFQA_PAYLOAD]) {
		const uint8_t *bytes = mnl_attr_get_payload(attributes[NFQA_PAYLOAD]);
		size_t length = mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD]);

		ports_of(bytes, length, &proto, &sport, &dport);
		addresses_of(bytes, length, src, dst);
	}
	new = decide(sport, dport, mark);
	verdict = nfq_nlmsg_put(seen->reply, NFQNL_MSG_VERDICT, ntohs(generic->res_id));
	nfq_nlmsg_verdict_put(verdict, (int)ntohl(packet->packet_id),
			      is_final_now(packet->hook, mark, new) ? NF_REPEAT : NF_ACCEPT);
	nfq_nlmsg_verdict_put_mark(verdict, new);
	if (mnl_socket_sendto(seen->socket, verdict, verdict->nlmsg_len) < 0)
		perror("verdict");
	printf("%u %u %u %u 0x%x 0x%x %s %s\n", packet->hook, proto, sport, dport, mark, new, src,
	       dst);
	fflush(stdout);
	return MNL_CB_OK;
}

static void configure(struct mnl_socket *socket, char *buffer, uint16_t queue)
{
	struct nlmsghdr *header;

	header = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue);
	nfq_nlmsg_cfg_put_cmd(header, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		perror("bind");
	header = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue);
	nfq_nlmsg_cfg_put_params(header, NFQNL_COPY_PACKET, 256);
	mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		perror("copy mode");
}

int main(int argc, char **argv)
{
	static char buffer[131072], reply[512];
	struct seen seen = {.reply = reply};
	int first, count;

	if (argc < 4) {
		fprintf(stderr, "usage: nullverdict FIRST COUNT MASK RULE...\n");
		return 2;
	}
	first = atoi(argv[1]);
	count = atoi(argv[2]);
	mask = (unsigned)strtoul(argv[3], NULL, 0);
	for (int i = 4; i < argc && rule_count < RULES_MAX; i++) {
		struct rule *rule = &rules[rule_count++];

		if (sscanf(argv[i], "%u=%x,%u,%x", &rule->port, &rule->mark, &rule->after,
			   &rule->mark2) < 2)
			return 2;
	}
	seen.socket = mnl_socket_open(NETLINK_NETFILTER);
	if (!seen.socket || mnl_socket_bind(seen.socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		perror("netlink");
		return 1;
	}
	for (int queue = first; queue < first + count; queue++)
		configure(seen.socket, buffer, (uint16_t)queue);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		ssize_t got = mnl_socket_recvfrom(seen.socket, buffer, sizeof(buffer));

		if (got < 0 && (errno == ENOBUFS || errno == EINTR))
			continue;
		if (got <= 0)
			break;
		mnl_cb_run(buffer, (size_t)got, 0, mnl_socket_get_portid(seen.socket), answer,
			   &seen);
	}
	perror("queue");
	return 1;
}
