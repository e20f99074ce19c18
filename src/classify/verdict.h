/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel is told of a packet, from what is known of its flow. Pure; inline, since it is
 * all that a packet of a decided flow needs.
 */
#ifndef WAYMARK_SRC_CLASSIFY_VERDICT_H
#define WAYMARK_SRC_CLASSIFY_VERDICT_H

#include <netinet/in.h>

#include <waymark/classify.h>
#include <waymark/dns.h>

static inline bool is_dns(const struct packet *packet)
{
	return packet->has_ports && (packet->dport == DNS_PORT || packet->sport == DNS_PORT) &&
	       (packet->proto == IPPROTO_UDP || packet->proto == IPPROTO_TCP);
}

static inline struct verdict verdict_of(const struct classify_policy *policy,
					const struct flow *flow, const struct packet *packet)
{
	const struct mark_layout *mark = &policy->mark;
	struct verdict verdict = {.mark = packet->meta.mark};
	uint32_t bits = mark_bits(mark, flow->value);

	if (policy->observe)
		return verdict;
	if (flow->state != FLOW_FINAL)
		bits |= mark->provisional;
	verdict.mark = mark_merge(mark, packet->meta.mark, bits);
	verdict.drop = policy->drop_by_verdict && flow->value == mark->drop;
	return verdict;
}

#endif
