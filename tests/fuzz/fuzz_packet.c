/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a packet. The first two bytes say how much longer it was on the wire; the rest is
 * copied to a buffer of its exact size, so that a read beyond it is seen.
 * Covers: src/packet/parse.c
 */
#include <stdlib.h>
#include <string.h>

#include <waymark/packet.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet packet;
	size_t captured, length;
	uint8_t *bytes;

	if (size < 2)
		return 0;
	captured = size - 2;
	length = captured + (size_t)(data[0] << 8 | data[1]);
	bytes = malloc(captured > 0 ? captured : 1);
	if (bytes == NULL)
		return 0;
	memcpy(bytes, data + 2, captured);
	if (packet_parse(&packet, bytes, captured, length) == PACKET_OK) {
		require(packet.ip == bytes);
		require(packet.ip_captured <= captured && packet.ip_captured <= packet.ip_length);
		require(packet.truncated == (packet.ip_captured < packet.ip_length));
		require(packet.payload_captured <= packet.payload_length);
		require(packet.payload_length <= packet.ip_length);
		require((packet.payload == NULL) == (packet.payload_captured == 0));
		if (packet.payload != NULL)
			require(packet.payload > bytes &&
				packet.payload + packet.payload_captured <=
					bytes + packet.ip_captured);
		if (packet.fragment)
			require(!packet.has_ports && packet.payload_length == 0);
		require(!packet.has_tcp || packet.has_ports);
		require(!packet.has_icmp || !packet.has_ports);
	}
	free(bytes);
	return 0;
}
