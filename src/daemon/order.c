/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows that their first packet decides, which are most, are not looked at: what begins a
 * connection comes alone. A flow that was decided long ago is queued by somebody's own rule, and
 * stays as it is.
 */
#include "order.h"

#define LEAVING_PACKETS SOURCE_BATCH

void order_begin(struct order *order)
{
	order->count = 0;
	order->any_leaves = false;
}

void order_note(struct order *order, const struct flow *flow)
{
	bool leaves = flow && flow->state == FLOW_FINAL && flow->decided_packet > 1 &&
		      flow_packets(flow) - flow->decided_packet < LEAVING_PACKETS;

	if (order->count == SOURCE_BATCH)
		return;
	order->any_leaves |= leaves;
	order->leaves[order->count] = leaves;
	order->flows[order->count++] = flow;
}

static bool is_last(const struct order *order, unsigned place)
{
	for (unsigned i = place + 1; i < order->count; i++)
		if (order->flows[i] == order->flows[place])
			return false;
	return true;
}

void order_keep(const struct order *order, const struct mark_layout *mark, struct verdict *verdicts)
{
	for (unsigned i = 0; order->any_leaves && i < order->count; i++)
		if (order->leaves[i] && mark_value(mark, verdicts[i].mark) != mark->drop &&
		    !is_last(order, i))
			verdicts[i].mark |= mark->provisional;
}
