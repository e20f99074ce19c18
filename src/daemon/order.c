/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows that their first packet decides, which are most, are not looked at: what begins a
 * connection comes alone. A flow that was decided long ago is queued by somebody's own rule, and
 * stays as it is.
 */
#include "order.h"

#include <stdbool.h>

#define LEAVING_PACKETS SOURCE_BATCH

_Static_assert(SOURCE_BATCH <= 64, "a packet has a bit");

void order_begin(struct order *order)
{
	order->count = 0;
	order->leaves = 0;
}

void order_note(struct order *order, const struct flow *flow)
{
	if (flow && flow->state == FLOW_FINAL && flow->decided_packet > 1 &&
	    flow_packets(flow) - flow->decided_packet < LEAVING_PACKETS)
		order->leaves |= UINT64_C(1) << order->count;
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
	for (uint64_t left = order->leaves; left; left &= left - 1) {
		unsigned place = (unsigned)__builtin_ctzll(left);

		if (mark_value(mark, verdicts[place].mark) != mark->drop && !is_last(order, place))
			verdicts[place].mark |= mark->provisional;
	}
}
