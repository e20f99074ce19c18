/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel is told of a packet, from what is known of its flow. Pure; inline, since it is
 * all that a packet of a decided flow needs.
 *
 * A verdict's mark is what our chains go by, so it says two things that a flow's value does not: P,
 * and the line that they pinned the flow to.
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

static inline bool is_nat(const struct classify_policy *policy, uint32_t value)
{
	return value <= policy->mark.user_max && policy->value_is_nat[value];
}

/*
 * "No uplink", and the packet has that of a translating line: our chains have pinned the flow
 * there. (Had it ever been steered there by us, it would have stayed, or been moved.)
 */
static inline bool is_pinned(const struct classify_policy *policy, const struct flow *flow,
			     const struct packet *packet)
{
	return flow->value == policy->mark.main && flow->state == FLOW_FINAL && !flow->moved &&
	       is_nat(policy, mark_value(&policy->mark, packet->meta.mark));
}

/* Our chains tell DNS that passes by its P, which it keeps for good; but dropped is dropped. */
static inline bool is_watched(const struct classify_policy *policy, const struct flow *flow,
			      const struct packet *packet)
{
	return policy->dns_keeps_p && is_dns(packet) && flow->value != policy->mark.drop &&
	       packet->meta.hook != PACKET_HOOK_OUTPUT && packet->meta.hook != PACKET_HOOK_INPUT;
}

static inline struct verdict verdict_of(const struct classify_policy *policy,
					const struct flow *flow, const struct packet *packet)
{
	const struct mark_layout *mark = &policy->mark;
	struct verdict verdict = {.mark = packet->meta.mark};
	uint32_t value = flow->value, bits;

	if (policy->observe)
		return verdict;
	if (is_pinned(policy, flow, packet))
		value = mark_value(mark, packet->meta.mark);
	bits = mark_bits(mark, value);
	if (flow->state != FLOW_FINAL || is_watched(policy, flow, packet))
		bits |= mark->provisional;
	verdict.mark = mark_merge(mark, packet->meta.mark, bits);
	verdict.drop = policy->drop_by_verdict && value == mark->drop;
	return verdict;
}

#endif
