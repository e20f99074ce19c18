/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS seen on the way, over UDP and TCP. The input is a row of packets between one client and one
 * server: a byte that says from which side and how, two bytes of sequence number, two of length,
 * the bytes. What must hold: every answer that is believed had a question, and no address comes
 * from anywhere else. Covers: src/classify/dns_watch.c src/classify/dns_stream.c
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/counter.h>
#include <waymark/dns_watch.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FLAG_SERVER = 1,
	FLAG_TCP = 2,
	FLAG_SYN = 4,
	FLAG_ACK = 8,
	FLAG_FIN = 16,
	FLAG_RST = 32,
	FLAG_PORT = 64,	  /* another one of the client's */
	FLAG_LATER = 128, /* after some seconds */
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t client[4] = {10, 0, 0, 2}, server[4] = {10, 0, 0, 53};
	struct hash_seed seed = {1, 2};
	struct names *names = names_new(64, &seed);
	struct dns_watch *watch = dns_watch_new(4);
	const struct dns_watch_policy policy = {.names = names, .min_ttl_s = 1};
	const struct dns_watch_stats *stats;
	uint64_t now_us = 1000000;

	require(names && watch);
	stats = dns_watch_stats(watch);
	while (size >= 5) {
		uint8_t flags = data[0];
		uint32_t seq = (uint32_t)data[1] << 8 | data[2];
		size_t length = (size_t)data[3] << 8 | data[4];
		struct packet packet = {
			.family = IP_V4,
			.proto = flags & FLAG_TCP ? IPPROTO_TCP : IPPROTO_UDP,
			.has_ports = true,
			.has_tcp = flags & FLAG_TCP,
			.src = ip_v4(flags & FLAG_SERVER ? server : client),
			.dst = ip_v4(flags & FLAG_SERVER ? client : server),
			.tcp_seq = seq - 100, /* wraps */
		};
		uint16_t port = flags & FLAG_PORT ? 40001 : 40000;
		uint64_t queries = counter_read(&stats->queries);
		uint64_t believed = counter_read(&stats->believed);
		uint64_t addresses = counter_read(&stats->addresses);
		uint8_t *copy;

		data += 5;
		size -= 5;
		if (length > size)
			length = size;
		copy = malloc(length ? length : 1);
		require(copy != NULL);
		if (length)
			memcpy(copy, data, length);
		packet.sport = flags & FLAG_SERVER ? 53 : port;
		packet.dport = flags & FLAG_SERVER ? port : 53;
		packet.tcp_flags = (uint8_t)((flags & FLAG_SYN ? PACKET_TCP_SYN : 0) |
					     (flags & FLAG_ACK ? PACKET_TCP_ACK : 0) |
					     (flags & FLAG_FIN ? PACKET_TCP_FIN : 0) |
					     (flags & FLAG_RST ? PACKET_TCP_RST : 0));
		packet.payload = length ? copy : NULL;
		packet.payload_captured = packet.payload_length = (uint32_t)length;
		now_us += flags & FLAG_LATER ? 4000000 : 1000;
		packet.meta.time_us = now_us;
		dns_watch_packet(watch, &policy, &packet);
		free(copy);
		data += length;
		size -= length;

		require(counter_read(&stats->believed) <= counter_read(&stats->queries));
		if (flags & FLAG_SERVER)
			require(counter_read(&stats->queries) == queries);
		else
			require(counter_read(&stats->believed) == believed);
		if (counter_read(&stats->believed) == believed)
			require(counter_read(&stats->addresses) == addresses);
	}
	dns_watch_free(watch);
	names_free(names);
	return 0;
}
