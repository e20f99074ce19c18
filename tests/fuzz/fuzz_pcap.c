/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a frame of a capture, of the link type that the first byte picks: link layer,
 * then the parser. (The file formats themselves are libpcap's.)
 * Covers: src/source/link.c
 */
#include <stdlib.h>
#include <string.h>

#include <pcap/dlt.h>

#include <waymark/packet.h>

#include "../../src/source/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int types[] = {DLT_EN10MB,	   DLT_LINUX_SLL,  DLT_LINUX_SLL2, DLT_RAW,
				    DLT_IPV4,	   DLT_IPV6,	   DLT_NULL,	   DLT_LOOP,
				    DLT_PPP,	   DLT_PPP_SERIAL, DLT_C_HDLC,	   DLT_PPP_ETHER,
				    DLT_IEEE802_11};
	struct source_link link;
	struct packet packet;
	uint8_t *frame;
	int dlt;

	if (size < 1)
		return 0;
	dlt = types[data[0] % (sizeof(types) / sizeof(types[0]))];
	size--;
	frame = malloc(size > 0 ? size : 1);
	if (frame == NULL)
		return 0;
	memcpy(frame, data + 1, size);
	if (source_link_find(dlt, frame, size, &link)) {
		if (!source_link_supported(dlt) || link.offset >= size)
			abort();
		packet_parse(&packet, frame + link.offset, size - link.offset, size - link.offset);
	}
	free(frame);
	return 0;
}
