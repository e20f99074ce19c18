/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connmark outlives what it was given for. When an uplink is lost, the connections that
 * carry its value are taken out of conntrack, by the kernel's own filter (CTA_MARK, CTA_MARK_MASK),
 * in one message: never the whole table, and never another's bits. Their next packets begin them
 * anew.
 *
 * When a reload gives a value to another line, the connections that carry it would follow it there,
 * translated addresses and all; so our bits are cleared from them, and theirs alone. They come to
 * the queue again, as flows older than our knowledge.
 *
 * The kernel filters the dump by mark (CTA_MARK, CTA_MARK_MASK), so a table of a
 * million entries is not copied to find ten.
 *
 * At a start the old policy is gone, but a run that was killed, or told to keep
 * its rules on exit, left them in the kernel: they say what each value meant. After
 * a clean stop nothing says it, and connections keep what they have.
 */
#include "daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <waymark/log.h>

struct clearing {
	struct nfct_handle *update;
	uint32_t mask;
	size_t cleared, failed;
};

static int clear_one(enum nf_conntrack_msg_type type, struct nf_conntrack *entry, void *context)
{
	struct clearing *clearing = context;
	struct nf_conntrack *change = nfct_new();

	(void)type;
	if (!change)
		return NFCT_CB_STOP;
	nfct_copy(change, entry, NFCT_CP_ORIG);
	nfct_set_attr_u32(change, ATTR_MARK, nfct_get_attr_u32(entry, ATTR_MARK) & ~clearing->mask);
	if (nfct_query(clearing->update, NFCT_Q_UPDATE, change) == 0)
		clearing->cleared++;
	else if (errno != ENOENT) /* it ended meanwhile */
		clearing->failed++;
	nfct_destroy(change);
	return NFCT_CB_CONTINUE;
}

static int clear_value(const struct mark_layout *mark, uint32_t value, struct clearing *clearing)
{
	struct nfct_handle *dump = nfct_open(CONNTRACK, 0);
	struct nfct_filter_dump *filter = nfct_filter_dump_create();
	struct nfct_filter_dump_mark wanted = {
		.val = mark_bits(mark, value),
		.mask = mark->value_mask,
	};
	int result = -ENOMEM;

	if (!dump || !filter)
		goto out;
	nfct_filter_dump_set_attr(filter, NFCT_FILTER_DUMP_MARK, &wanted);
	nfct_callback_register(dump, NFCT_T_ALL, clear_one, clearing);
	result = nfct_query(dump, NFCT_Q_DUMP_FILTER, filter) < 0 ? -errno : 0;
out:
	if (filter)
		nfct_filter_dump_destroy(filter);
	if (dump)
		nfct_close(dump);
	return result;
}

/* Clears each value of the set, which has an entry for every value of the layout. */
static void clear_values(const struct mark_layout *mark, const bool *values)
{
	struct clearing clearing = {
		.update = nfct_open(CONNTRACK, 0),
		.mask = mark->mask,
	};
	int result = 0;

	if (!clearing.update) {
		log_warn("conntrack: cannot clear old marks: %s", strerror(errno));
		return;
	}
	for (uint32_t value = 1; value <= mark->user_max && result == 0; value++) {
		if (values[value])
			result = clear_value(mark, value, &clearing);
	}
	nfct_close(clearing.update);
	if (result < 0 || clearing.failed)
		log_warn("conntrack: could not clear every old mark: %s",
			 result < 0 ? strerror(-result) : "the kernel refused some");
	if (clearing.cleared)
		log_info("conntrack: cleared the marks of %zu connections whose value means "
			 "another uplink now",
			 clearing.cleared);
}

/*
 * libnetfilter_conntrack 1.0.9 has NFCT_Q_FLUSH_FILTER, but sends the first byte of the filter as
 * an address family, and no filter: all that saves the rest of the table is that nothing has that
 * family. So the message is ours.
 */
static int flush_value(const struct mark_layout *mark, uint32_t value)
{
	uint8_t buffer[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	ssize_t got;
	int result = 0;

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = 1;
	*header = (struct nfgenmsg){.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	mnl_attr_put_u32(message, CTA_MARK, htonl(mark_bits(mark, value)));
	mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(mark->value_mask));
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, message, message->nlmsg_len) < 0 ||
	    (got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer))) < 0 ||
	    mnl_cb_run(buffer, (size_t)got, 1, mnl_socket_get_portid(socket), NULL, NULL) < 0)
		result = -errno;
	if (socket)
		mnl_socket_close(socket);
	return result;
}

void connmarks_flush(const struct mark_layout *mark, uint32_t value)
{
	int result = flush_value(mark, value);

	if (result < 0)
		log_warn("conntrack: cannot end the connections with mark 0x%x: %s",
			 mark_bits(mark, value), strerror(-result));
}

bool connmarks_value_changed(const struct conf *old, const struct conf *conf, size_t uplink)
{
	const struct conf_uplink *was = &old->uplinks[uplink];
	const struct conf_uplink *is = conf_uplink_by_mark(conf, was->mark);

	/* the same line under another name is still the same line */
	return !is || strcmp(is->interface, was->interface) != 0;
}

void connmarks_clear_changed(const struct conf *old, const struct conf *conf)
{
	bool *values = calloc(old->mark.user_max + 1, sizeof(*values)), any = false;

	for (size_t i = 0; values && i < old->uplink_count; i++) {
		values[old->uplinks[i].mark] = connmarks_value_changed(old, conf, i);
		any = any || values[old->uplinks[i].mark];
	}
	if (any)
		clear_values(&old->mark, values);
	free(values);
}

struct leftovers {
	const struct conf *conf;
	bool *values;
	bool any;
};

static void leftover(uint32_t bits, uint32_t table, const char *interface, void *context)
{
	struct leftovers *leftovers = context;
	const struct conf *conf = leftovers->conf;
	uint32_t value = mark_value(&conf->mark, bits);
	const struct conf_uplink *is = conf_uplink_by_mark(conf, value);

	/* without its link a table is empty, and its number has to do */
	if (is && (*interface ? strcmp(interface, is->interface) == 0 : table == is->table))
		return;
	if (value > conf->mark.user_max)
		return;
	leftovers->values[value] = true;
	leftovers->any = true;
}

bool *connmarks_clear_leftovers(struct route_manager *routes, const struct conf *conf)
{
	struct leftovers leftovers = {
		.conf = conf,
		.values = calloc(conf->mark.user_max + 1, sizeof(bool)),
	};

	if (leftovers.values && route_manager_leftovers(routes, conf, leftover, &leftovers) == 0 &&
	    leftovers.any) {
		clear_values(&conf->mark, leftovers.values);
		return leftovers.values;
	}
	free(leftovers.values);
	return NULL;
}
