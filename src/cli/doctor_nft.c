/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of nf_tables, asked of the kernel itself.
 *
 * iptables-nft-save leaves out what was not made by iptables, and nft need not be installed where
 * a firewall speaks netlink. Of a rule only those expressions are read that tell source NAT, an
 * offload or a queue; of NAT also the interface, where it is compared by its name in the same
 * rule. A rule that finds its interface otherwise (a set, a jump from a chain that did) stands for
 * every interface: in doubt there is NAT.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "doctor.h"

#define NAME_MAX_BYTES 16

/* What was read of a rule so far. */
struct reading {
	struct doctor_nft_rule rule;
	bool wanted;
	uint32_t name_register; /* holds the name of the interface; 0: none does */
};

/* Attributes by their type, as far as they are known. */
#define ATTRIBUTES_MAX 16

static int take(const struct nlattr *attribute, void *data)
{
	const struct nlattr **table = data;
	unsigned type = mnl_attr_get_type(attribute);

	if (type < ATTRIBUTES_MAX)
		table[type] = attribute;
	return MNL_CB_OK;
}

static uint32_t number(const struct nlattr *attribute)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(uint32_t))
		return 0;
	return ntohl(mnl_attr_get_u32(attribute));
}

static uint16_t short_number(const struct nlattr *attribute)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(uint16_t))
		return 0;
	return ntohs(mnl_attr_get_u16(attribute));
}

static void text(const struct nlattr *attribute, char *to, size_t size)
{
	size_t length = 0;

	if (attribute)
		length = strnlen(mnl_attr_get_payload(attribute),
				 mnl_attr_get_payload_len(attribute));
	if (length >= size)
		length = size - 1;
	if (length)
		memcpy(to, mnl_attr_get_payload(attribute), length);
	to[length] = '\0';
}

static void read_meta(const struct nlattr *data, struct reading *reading)
{
	const struct nlattr *table[ATTRIBUTES_MAX] = {NULL};

	mnl_attr_parse_nested(data, take, table);
	if (table[NFTA_META_DREG] && number(table[NFTA_META_KEY]) == NFT_META_OIFNAME)
		reading->name_register = number(table[NFTA_META_DREG]);
}

static void read_compare(const struct nlattr *data, struct reading *reading)
{
	const struct nlattr *table[ATTRIBUTES_MAX] = {NULL}, *value[ATTRIBUTES_MAX] = {NULL};
	size_t length;

	mnl_attr_parse_nested(data, take, table);
	if (!reading->name_register || number(table[NFTA_CMP_SREG]) != reading->name_register ||
	    !table[NFTA_CMP_DATA])
		return;
	mnl_attr_parse_nested(table[NFTA_CMP_DATA], take, value);
	if (!value[NFTA_DATA_VALUE])
		return;
	length = mnl_attr_get_payload_len(value[NFTA_DATA_VALUE]);
	if (length > sizeof(reading->rule.out))
		length = sizeof(reading->rule.out);
	memset(reading->rule.out, 0, sizeof(reading->rule.out));
	memcpy(reading->rule.out, mnl_attr_get_payload(value[NFTA_DATA_VALUE]), length);
	reading->rule.out_length = length;
	reading->rule.out_not = number(table[NFTA_CMP_OP]) == NFT_CMP_NEQ;
	reading->name_register = 0;
}

static void read_queue(const struct nlattr *data, struct reading *reading)
{
	const struct nlattr *table[ATTRIBUTES_MAX] = {NULL};
	unsigned total;

	mnl_attr_parse_nested(data, take, table);
	total = short_number(table[NFTA_QUEUE_TOTAL]);
	reading->rule.kind = DOCTOR_NFT_QUEUE;
	reading->rule.queue_first = short_number(table[NFTA_QUEUE_NUM]);
	reading->rule.queue_last = reading->rule.queue_first + (total ? total - 1 : 0);
	reading->wanted = true;
}

static bool is_source_nat(const struct nlattr *data)
{
	const struct nlattr *table[ATTRIBUTES_MAX] = {NULL};

	mnl_attr_parse_nested(data, take, table);
	return number(table[NFTA_NAT_TYPE]) == NFT_NAT_SNAT;
}

static int read_expression(const struct nlattr *attribute, void *argument)
{
	const struct nlattr *table[ATTRIBUTES_MAX] = {NULL};
	struct reading *reading = argument;
	const struct nlattr *data;
	char name[NAME_MAX_BYTES];

	if (mnl_attr_get_type(attribute) != NFTA_LIST_ELEM)
		return MNL_CB_OK;
	mnl_attr_parse_nested(attribute, take, table);
	text(table[NFTA_EXPR_NAME], name, sizeof(name));
	data = table[NFTA_EXPR_DATA];
	if (strcmp(name, "masq") == 0 ||
	    (strcmp(name, "nat") == 0 && data && is_source_nat(data))) {
		reading->rule.kind = DOCTOR_NFT_NAT;
		reading->wanted = true;
	} else if (strcmp(name, "flow_offload") == 0) {
		reading->rule.kind = DOCTOR_NFT_OFFLOAD;
		reading->wanted = true;
	} else if (data && strcmp(name, "meta") == 0) {
		read_meta(data, reading);
	} else if (data && strcmp(name, "cmp") == 0) {
		read_compare(data, reading);
	} else if (data && strcmp(name, "queue") == 0) {
		read_queue(data, reading);
	}
	return MNL_CB_OK;
}

void doctor_nft_rule_read(const struct nlmsghdr *message, struct doctor_nft *nft)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *table[ATTRIBUTES_MAX] = {NULL};
	struct reading reading = {.wanted = false};

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return;
	mnl_attr_parse(message, sizeof(*header), take, table);
	if (!table[NFTA_RULE_EXPRESSIONS])
		return;
	mnl_attr_parse_nested(table[NFTA_RULE_EXPRESSIONS], read_expression, &reading);
	if (!reading.wanted)
		return;
	reading.rule.family = header->nfgen_family;
	text(table[NFTA_RULE_TABLE], reading.rule.table, sizeof(reading.rule.table));
	text(table[NFTA_RULE_CHAIN], reading.rule.chain, sizeof(reading.rule.chain));
	if (table[NFTA_RULE_HANDLE] &&
	    mnl_attr_get_payload_len(table[NFTA_RULE_HANDLE]) >= sizeof(uint64_t))
		reading.rule.handle = be64toh(mnl_attr_get_u64(table[NFTA_RULE_HANDLE]));
	if (nft->count == nft->capacity) {
		size_t capacity = nft->capacity ? nft->capacity * 2 : 16;
		struct doctor_nft_rule *rules = reallocarray(nft->rules, capacity, sizeof(*rules));

		nft->failed |= !rules;
		if (!rules)
			return;
		nft->rules = rules;
		nft->capacity = capacity;
	}
	nft->rules[nft->count++] = reading.rule;
}

static int take_message(const struct nlmsghdr *message, void *data)
{
	if (NFNL_SUBSYS_ID(message->nlmsg_type) == NFNL_SUBSYS_NFTABLES &&
	    NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWRULE)
		doctor_nft_rule_read(message, data);
	return MNL_CB_OK;
}

/* 0: all rules were told; the kernel tells them to root alone. */
static int dump(struct doctor_nft *nft)
{
	_Alignas(struct nlmsghdr) char buffer[128];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE;
	header->nfgen_family = NFPROTO_UNSPEC;
	header->version = NFNETLINK_V0;
	return doctor_dump(NETLINK_NETFILTER, request, take_message, nft);
}

void doctor_nft_gather(struct doctor_nft *nft)
{
	int result = dump(nft);

	/* a kernel without nf_tables has no rules of it */
	nft->known = result == 0 || result == -EOPNOTSUPP || result == -EINVAL ||
		     result == -EPROTONOSUPPORT;
}

bool doctor_nft_translates(const struct doctor_nft *nft, const struct doctor_passage *passage)
{
	char name[NAME_MAX_BYTES] = "";

	memcpy(name, passage->out, strnlen(passage->out, sizeof(name) - 1));
	for (size_t i = 0; i < nft->count; i++) {
		const struct doctor_nft_rule *rule = &nft->rules[i];

		if (rule->kind != DOCTOR_NFT_NAT ||
		    (rule->family != NFPROTO_INET &&
		     rule->family != (passage->family == IP_V6 ? NFPROTO_IPV6 : NFPROTO_IPV4)))
			continue;
		if (!rule->out_length ||
		    (memcmp(rule->out, name, rule->out_length) == 0) != rule->out_not)
			return true;
	}
	return false;
}

void doctor_nft_release(struct doctor_nft *nft)
{
	free(nft->rules);
	*nft = (struct doctor_nft){.rules = NULL};
}
