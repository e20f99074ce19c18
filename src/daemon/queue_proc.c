/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel alone knows of a queue: how many packets wait, how many it
 * dropped. One line a queue in /proc/net/netfilter/nfnetlink_queue (kernel:
 * net/netfilter/nfnetlink_queue.c, seq_show): number, port id, waiting, copy
 * mode, copy range, dropped by the queue, dropped on the way to user space, last id.
 */
#include "daemon.h"

#include <stdio.h>

bool queue_counters_read(uint16_t queue, struct queue_counters *counters)
{
	FILE *list = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
	char line[256];
	bool found = false;

	if (!list)
		return false;
	while (!found && fgets(line, sizeof(line), list)) {
		unsigned number, waiting;
		unsigned long queue_dropped, user_dropped, sequence;

		if (sscanf(line, "%u %*u %u %*u %*u %lu %lu %lu", &number, &waiting, &queue_dropped,
			   &user_dropped, &sequence) != 5 ||
		    number != queue)
			continue;
		*counters = (struct queue_counters){
			.waiting = waiting,
			.dropped = queue_dropped + user_dropped,
			.sequence = sequence,
		};
		found = true;
	}
	fclose(list);
	return found;
}
