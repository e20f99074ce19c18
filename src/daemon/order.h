/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * order - keeps the packets of a connection in order while it leaves the queue.
 *
 * The kernel leads a connection past the queue from its first final verdict on. What comes then
 * overtakes those of its packets that still wait for their verdicts behind that one, and TCP takes
 * that for loss. So of a flow that was found out in the midst of a burst, the last packet in the
 * batch alone is final; those before it are steered the same way, provisionally.
 *
 * Of one thread, and of one batch: what is noted is only compared, and may be gone by then.
 */
#ifndef WAYMARK_DAEMON_ORDER_H
#define WAYMARK_DAEMON_ORDER_H

#include <stdint.h>

#include <waymark/flow.h>
#include <waymark/mark.h>
#include <waymark/source.h>

struct order {
	unsigned count;	 /* of packets that were noted */
	uint64_t leaves; /* a bit each: its flow became final a moment ago, not by its first packet
			  */
	const struct flow *flows[SOURCE_BATCH];
};

void order_begin(struct order *order);
/* The flow of the batch's next packet, NULL: none; as it stands behind that packet. */
void order_note(struct order *order, const struct flow *flow);
/* The verdicts of the packets that were noted. */
void order_keep(const struct order *order, const struct mark_layout *mark,
		struct verdict *verdicts);

#endif
