/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link - from a captured frame to the IP packet in it. Pure; reads only `captured` bytes.
 */
#ifndef WAYMARK_SOURCE_LINK_H
#define WAYMARK_SOURCE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source_link {
	size_t offset;	/* of the IP header in the frame */
	uint8_t family; /* enum ip_family as the link layer states it; IP_NONE: it does not */
	bool has_mac;
	uint8_t mac[6]; /* the sender's */
};

/* `dlt` is libpcap's DLT_*. */
bool source_link_supported(int dlt);
/* False: the frame carries no IP, or is cut before it begins. */
bool source_link_find(int dlt, const uint8_t *frame, size_t captured, struct source_link *link);

#endif
