/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connmark outlives the policy that gave it. When a reload gives a value to
 * another line, the connections that carry it would follow it there, translated
 * addresses and all; so our bits are cleared from them, and theirs alone. They
 * come to the queue again, as flows older than our knowledge.
 *
 * The kernel filters the dump by mark (CTA_MARK, CTA_MARK_MASK), so a table of a
 * million entries is not copied to find ten.
 */
#include "daemon.h"

#include <errno.h>
#include <string.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

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

void connmarks_clear_changed(const struct conf *old, const struct conf *conf)
{
	struct clearing clearing = {
		.update = nfct_open(CONNTRACK, 0),
		.mask = conf->mark.mask,
	};
	int result = 0;

	if (!clearing.update) {
		log_warn("conntrack: cannot clear old marks: %s", strerror(errno));
		return;
	}
	for (size_t i = 0; i < old->uplink_count && result == 0; i++) {
		const struct conf_uplink *was = &old->uplinks[i];
		const struct conf_uplink *is = conf_uplink_by_mark(conf, was->mark);

		/* the same line under another name is still the same line */
		if (!is || strcmp(is->interface, was->interface) != 0)
			result = clear_value(&old->mark, was->mark, &clearing);
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
