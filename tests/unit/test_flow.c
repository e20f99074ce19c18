/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow table: both directions, orientation, idle times, port reuse, bounds, TCP offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include <waymark/flow.h>

#define SECOND 1000000ull
#define SYN PACKET_TCP_SYN
#define ACK PACKET_TCP_ACK
#define FIN PACKET_TCP_FIN
#define RST PACKET_TCP_RST

enum { TCP = 6, UDP = 17, ICMP = 1 };

static const struct flow_timeouts timeouts = {.tcp_s = 7200, .udp_s = 180, .other_s = 60};
static const struct hash_seed seed = {1, 2};

static struct flow_table *table;
static unsigned released;
static uint32_t last_released;
static uint64_t packets_released, bytes_released;
static uint32_t last_info;
static enum flow_direction direction;
static bool fresh;

static void note_release(struct flow_table *of, struct flow *flow, void *context)
{
	assert_ptr_equal(context, &released);
	released++;
	last_released = flow->number;
	packets_released = flow_packets(flow);
	bytes_released = flow_bytes(flow);
	last_info = flow_table_info(of, flow);
	free(flow_table_pending(of, flow));
}

static struct flow_table *table_new(uint32_t max)
{
	struct flow_table *made = flow_table_new(max, &timeouts, &seed, note_release, &released);

	assert_non_null(made);
	return made;
}

static int setup(void **state)
{
	(void)state;
	released = 0;
	table = table_new(4);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	flow_table_free(table);
	table = NULL;
	return 0;
}

/* Host numbers stand for 10.0.0.0 + number. */
static struct packet between(uint8_t proto, uint32_t from, uint16_t sport, uint32_t to,
			     uint16_t dport)
{
	uint8_t src[4] = {10, (uint8_t)(from >> 16), (uint8_t)(from >> 8), (uint8_t)from};
	uint8_t dst[4] = {10, (uint8_t)(to >> 16), (uint8_t)(to >> 8), (uint8_t)to};
	struct packet packet = {
		.ip_length = 100,
		.family = IP_V4,
		.proto = proto,
		.has_ports = proto != ICMP,
		.src = ip_v4(src),
		.dst = ip_v4(dst),
		.sport = sport,
		.dport = dport,
		.meta.time_us = 1000 * SECOND,
	};

	return packet;
}

static struct packet udp(uint16_t sport)
{
	return between(UDP, 1, sport, 2, 53);
}

static struct packet at(struct packet packet, uint64_t seconds)
{
	packet.meta.time_us = (1000 + seconds) * SECOND;
	return packet;
}

static struct packet segment(bool from_server, uint8_t flags, uint32_t seq, uint32_t length)
{
	struct packet packet =
		from_server ? between(TCP, 2, 25, 1, 40000) : between(TCP, 1, 40000, 2, 25);

	packet.has_tcp = true;
	packet.tcp_flags = flags;
	packet.tcp_seq = seq;
	packet.payload_length = length;
	return packet;
}

static struct flow *track(struct packet packet)
{
	struct flow_lookup lookup;

	flow_lookup_init(&lookup, table, &packet);
	return flow_table_track(table, &packet, &lookup, &direction, &fresh);
}

static struct flow *find(struct packet packet)
{
	return flow_table_find(table, &packet, &direction);
}

/* ---- identity ---- */

static void both_directions_are_one_flow(void **state)
{
	struct flow *flow = track(between(UDP, 2, 5000, 1, 53));
	struct ip_addr client, server;
	char text[IP_TEXT_SIZE];

	(void)state;
	assert_true(fresh);
	assert_int_equal(direction, FLOW_FROM_CLIENT);
	assert_int_equal(flow->number, 1);
	assert_int_equal(flow_rule(flow), -1);
	assert_int_equal(flow->state, FLOW_PROVISIONAL);
	assert_ptr_equal(track(at(between(UDP, 1, 53, 2, 5000), 3)), flow);
	assert_false(fresh);
	assert_int_equal(direction, FLOW_FROM_SERVER);
	assert_ptr_equal(track(at(between(UDP, 2, 5000, 1, 53), 4)), flow);
	assert_int_equal(direction, FLOW_FROM_CLIENT);
	assert_int_equal(flow_packets(flow), 3);
	assert_int_equal(flow_bytes(flow), 300);
	assert_int_equal(flow_first_us(flow), 1000 * SECOND);
	assert_int_equal(flow_last_us(flow), 1004 * SECOND);
	client = flow_client(&flow->key);
	server = flow_server(&flow->key);
	assert_string_equal(ip_format(&client, text), "10.0.0.2");
	assert_string_equal(ip_format(&server, text), "10.0.0.1");
	assert_int_equal(flow->key.client_port, 5000);
	assert_int_equal(flow->key.server_port, 53);
	assert_int_equal(flow_table_count(table), 1);
}

static void ports_protocols_and_families_tell_flows_apart(void **state)
{
	struct flow *first = track(udp(1)), *other;
	struct packet packet = udp(1);

	(void)state;
	assert_ptr_not_equal(track(udp(2)), first);
	packet.proto = 136;
	other = track(packet);
	assert_ptr_not_equal(other, first);
	packet = udp(1);
	packet.family = IP_V6;
	packet.src.family = IP_V6;
	packet.dst.family = IP_V6;
	other = track(packet);
	assert_ptr_not_equal(other, first);
	assert_int_equal(other->number, 4);
	assert_int_equal(flow_client(&other->key).family, IP_V6);
	assert_int_equal(flow_table_count(table), 4);
}

static void the_ends_are_exchanged_as_a_whole(void **state)
{
	struct flow *flow = track(between(UDP, 1, 5000, 2, 53));

	(void)state;
	/* same addresses, ports the other way round: another flow */
	assert_ptr_not_equal(track(between(UDP, 1, 53, 2, 5000)), flow);
	assert_true(fresh);
}

static void a_flow_with_itself_counts_as_from_the_client(void **state)
{
	struct flow *flow = track(between(UDP, 1, 9, 1, 9));

	(void)state;
	assert_ptr_equal(track(between(UDP, 1, 9, 1, 9)), flow);
	assert_int_equal(direction, FLOW_FROM_CLIENT);
	/* one address, two ports */
	flow = track(between(UDP, 1, 9, 1, 8));
	assert_ptr_equal(track(between(UDP, 1, 8, 1, 9)), flow);
	assert_int_equal(direction, FLOW_FROM_SERVER);
}

static void icmp_is_one_flow_per_address_pair(void **state)
{
	struct flow *flow = track(between(ICMP, 1, 0, 2, 0));

	(void)state;
	assert_ptr_equal(track(between(ICMP, 2, 0, 1, 0)), flow);
	assert_int_equal(direction, FLOW_FROM_SERVER);
	assert_false(flow->key.has_ports);
}

static void fragments_are_a_flow_of_addresses_and_protocol(void **state)
{
	struct packet fragment = udp(4000);
	struct flow *whole = track(udp(0)), *flow;

	(void)state;
	fragment.fragment = true;
	fragment.has_ports = false;
	flow = track(fragment);
	assert_ptr_not_equal(flow, whole);
	assert_int_equal(flow->key.client_port, 0);
	fragment.sport = 4001;
	assert_ptr_equal(track(fragment), flow);
}

static void find_counts_nothing(void **state)
{
	struct flow *flow;

	(void)state;
	assert_null(find(udp(1)));
	flow = track(udp(1));
	assert_ptr_equal(find(between(UDP, 2, 53, 1, 1)), flow);
	assert_int_equal(direction, FLOW_FROM_SERVER);
	assert_int_equal(flow_packets(flow), 1);
	assert_null(find(at(udp(1), 181)));
}

static bool count_visit(struct flow *flow, void *context)
{
	unsigned *left = context;

	assert_int_not_equal(flow->key.family, IP_NONE);
	return --*left > 0;
}

static void every_flow_is_visited_until_the_visitor_stops(void **state)
{
	unsigned left = 10;

	(void)state;
	track(udp(1));
	track(udp(2));
	track(udp(3));
	flow_table_visit(table, count_visit, &left);
	assert_int_equal(left, 7);
	left = 2;
	flow_table_visit(table, count_visit, &left);
	assert_int_equal(left, 0);
}

/* ---- idle times ---- */

static void a_packet_after_the_idle_time_begins_a_new_flow(void **state)
{
	(void)state;
	track(udp(1));
	assert_int_equal(track(at(udp(1), 180))->number, 1);
	assert_int_equal(track(at(udp(1), 361))->number, 2);
	assert_true(fresh);
	assert_int_equal(released, 1);
	assert_int_equal(last_released, 1);
	assert_int_equal(flow_table_stats(table)->expired, 1);
	assert_int_equal(flow_table_stats(table)->created, 2);
	assert_int_equal(flow_table_count(table), 1);
}

static void the_sender_of_a_late_packet_is_the_new_client(void **state)
{
	struct flow *flow;

	(void)state;
	track(udp(1));
	flow = track(at(between(UDP, 2, 53, 1, 1), 500));
	assert_int_equal(direction, FLOW_FROM_CLIENT);
	assert_int_equal(flow->key.client_port, 53);
}

static void expiry_ends_idle_flows_by_class(void **state)
{
	(void)state;
	track(udp(1));
	track(segment(false, SYN, 1, 0));
	track(between(ICMP, 1, 0, 2, 0));
	assert_int_equal(flow_table_expire(table, 1060 * SECOND, 100), 0);
	assert_int_equal(flow_table_expire(table, 1060 * SECOND + FLOW_SWEEP_S * SECOND, 100), 1);
	assert_int_equal(last_released, 3);
	assert_int_equal(flow_table_expire(table, 1181 * SECOND, 100), 1);
	assert_int_equal(last_released, 1);
	assert_int_equal(flow_table_expire(table, 8201 * SECOND, 100), 1);
	assert_int_equal(flow_table_count(table), 0);
	assert_int_equal(flow_table_stats(table)->expired, 3);
}

static void expiry_respects_its_budget(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 4; port++)
		track(udp(port));
	assert_int_equal(flow_table_expire(table, 5000 * SECOND, 3), 3);
	assert_int_equal(flow_table_expire(table, 5000 * SECOND, 3), 1);
}

static void a_packet_renews_the_idle_time(void **state)
{
	(void)state;
	track(udp(1));
	track(udp(2));
	track(at(udp(1), 100));
	assert_int_equal(flow_table_expire(table, 1200 * SECOND, 100), 1);
	assert_int_equal(last_released, 2);
}

static void decided_flows_expire_too(void **state)
{
	(void)state;
	flow_table_set_final(table, track(udp(1)));
	flow_table_set_final(table, track(udp(1)));
	assert_int_equal(flow_table_expire(table, 1181 * SECOND, 100), 1);
}

static void new_timeouts_hold_at_once(void **state)
{
	const struct flow_timeouts shorter = {.tcp_s = 10, .udp_s = 10, .other_s = 10};

	(void)state;
	track(udp(1));
	flow_table_set_timeouts(table, &shorter);
	assert_int_equal(flow_table_expire(table, 1011 * SECOND, 100), 1);
}

static void a_clock_that_steps_back_blocks_no_list(void **state)
{
	(void)state;
	track(at(udp(1), 1000000)); /* the clock was far ahead */
	track(udp(2));
	assert_int_equal(flow_table_expire(table, 1000 * SECOND, 100), 0);
	assert_int_equal(flow_table_expire(table, 1181 * SECOND, 100), 2);
}

/* ---- bounds ---- */

static void a_full_table_evicts_the_least_recent_undecided_flow(void **state)
{
	(void)state;
	flow_table_set_final(table, track(udp(1)));
	track(at(udp(2), 1));
	track(at(segment(false, SYN, 1, 0), 2));
	track(at(udp(4), 3));
	track(at(udp(2), 4));
	track(at(udp(5), 5));
	assert_int_equal(last_released, 3); /* across the classes */
	track(at(udp(6), 6));
	assert_int_equal(last_released, 4);
	assert_int_equal(flow_table_stats(table)->evicted_undecided, 2);
	assert_non_null(find(at(udp(1), 6)));
	assert_int_equal(flow_table_count(table), 4);
}

static void decided_flows_go_when_there_are_no_others(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 4; port++)
		flow_table_set_final(table, track(at(udp(port), port)));
	track(at(udp(1), 5));
	track(at(udp(9), 6));
	assert_int_equal(last_released, 2);
	assert_int_equal(flow_table_stats(table)->evicted_decided, 1);
}

static void an_idle_flow_goes_before_any_other(void **state)
{
	(void)state;
	flow_table_set_final(table, track(between(ICMP, 1, 0, 2, 0)));
	for (uint16_t port = 1; port <= 3; port++)
		track(at(udp(port), 50));
	track(at(udp(9), 61));
	assert_int_equal(last_released, 1);
	assert_int_equal(flow_table_stats(table)->expired, 1);
	assert_int_equal(flow_table_stats(table)->evicted_undecided, 0);
}

static void a_table_of_one_works(void **state)
{
	(void)state;
	flow_table_free(table);
	table = table_new(0);
	for (uint16_t port = 1; port <= 10; port++)
		assert_int_equal(track(udp(port))->number, port);
	assert_int_equal(flow_table_count(table), 1);
	assert_int_equal(released, 9);
}

static void the_owner_frees_what_it_hung_on_a_flow(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 8; port++) {
		struct flow *flow = track(udp(port));

		assert_null(flow_table_pending(table, flow));
		assert_int_equal(flow_table_info(table, flow), 0);
		flow_table_set_pending(table, flow, malloc(10));
		flow_table_set_info(table, flow, port);
	}
	assert_int_equal(last_info, 4);
	assert_int_equal(released, 4);
	flow_table_free(table);
	table = NULL;
	assert_int_equal(released, 8);
}

static void a_decided_flow_keeps_what_hangs_on_it(void **state)
{
	struct flow *flow = track(udp(1));
	char mine;

	(void)state;
	flow_table_set_info(table, flow, 5);
	flow_table_set_pending(table, flow, &mine);
	flow_table_set_final(table, flow);
	assert_ptr_equal(flow_table_pending(table, flow), &mine);
	assert_null(flow_table_oldest_undecided(table));
	flow_table_set_info(table, flow, 6);
	flow_table_set_pending(table, flow, NULL);
	assert_null(flow_table_pending(table, flow));
	assert_int_equal(flow_table_info(table, flow), 6);
	flow_table_set_info(table, flow, 7);
	flow_table_set_pending(table, flow, &mine);
	assert_int_equal(flow_table_info(table, flow), 7);
	assert_ptr_equal(flow_table_pending(table, flow), &mine);
	flow_table_set_pending(table, flow, NULL);
	assert_int_equal(flow_table_info(table, flow), 7);
}

static void every_idle_flow_leaves_within_a_sweep(void **state)
{
	const uint32_t flows = 10000;
	size_t ended = 0;

	(void)state;
	flow_table_free(table);
	table = table_new(flows);
	for (uint32_t i = 0; i < flows; i++)
		track(between(UDP, 1000 + i, 1, 2, 53));
	flow_table_expire(table, 1180 * SECOND, flows);
	assert_int_equal(flow_table_count(table), flows);
	for (unsigned ms = 1; ms <= FLOW_SWEEP_S * 1000; ms++)
		ended += flow_table_expire(table, 1180 * SECOND + ms * 1000ull, 4);
	assert_int_equal(ended, flows);
}

static void a_clock_that_leaps_is_no_age(void **state)
{
	struct packet packet = udp(1);
	struct flow *flow = track(packet);

	(void)state;
	packet.meta.time_us = 0;
	assert_ptr_equal(track(packet), flow);
	assert_int_equal(flow_last_us(flow), 0);
	packet.meta.time_us = 200ull * 86400 * SECOND;
	track(packet);
	assert_true(fresh);
	packet.meta.time_us = 0; /* further back than a span can tell */
	flow = track(packet);
	assert_false(fresh);
	assert_int_equal(flow_first_us(flow), 0);
	assert_int_equal(flow_last_us(flow), 0);
	/* no time at all */
	packet.meta.time_us = UINT64_MAX;
	flow = track(packet);
	packet.meta.time_us = UINT64_MAX - 1000 * SECOND;
	assert_ptr_equal(track(packet), flow);
	assert_false(fresh);
}

static void a_flood_of_a_million_flows_stays_bounded(void **state)
{
	const uint32_t max = 65536, flood = 1000000;
	struct timespec begin, end;
	struct flow *kept;
	double ns;

	(void)state;
	flow_table_free(table);
	table = table_new(max);
	kept = track(udp(1));
	flow_table_set_final(table, kept);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint32_t i = 0; i < flood; i++) {
		struct packet packet = between(UDP, 1000 + i, (uint16_t)i, 2, 53);

		packet.meta.time_us += i;
		track(packet);
		assert_true(fresh);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
	print_message("# %u new flows in a table of %u: %.0f ns each\n", flood, max, ns / flood);
	assert_int_equal(flow_table_count(table), max);
	assert_int_equal(flow_table_stats(table)->evicted_undecided, flood - (max - 1));
	assert_ptr_equal(find(udp(1)), kept);

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint32_t i = 0; i < flood; i++) {
		struct packet packet = between(UDP, 1000 + flood - 1 - i % (max / 2),
					       (uint16_t)(flood - 1 - i % (max / 2)), 2, 53);

		packet.meta.time_us += flood;
		track(packet);
		assert_false(fresh);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
	print_message("# %u packets of known flows: %.0f ns each\n", flood, ns / flood);
}

/*
 * In a table that is full by far more than slots are left, some buckets are crowded. `numbers[i]`
 * is what the flow of host i must be, 0: not there.
 */
static void check_all(const uint32_t *numbers, uint32_t count, uint64_t seconds)
{
	struct packet packets[64];
	struct flow_lookup lookups[64];

	for (uint32_t from = 0; from < count; from += 64) {
		uint32_t size = count - from < 64 ? count - from : 64;

		for (uint32_t i = 0; i < size; i++) {
			packets[i] = at(between(UDP, from + i, 1, 1 << 20, 53), seconds);
			flow_lookup_init(&lookups[i], table, &packets[i]);
		}
		flow_lookup_ahead(lookups, size, table);
		for (uint32_t i = 0; i < size; i++) {
			struct flow *flow = find(packets[i]);

			assert_int_equal(flow ? flow->number : 0, numbers[from + i]);
			if (!flow)
				continue;
			assert_ptr_equal(flow_table_track(table, &packets[i], &lookups[i],
							  &direction, &fresh),
					 flow);
			assert_false(fresh);
		}
	}
}

static void crowded_buckets_lose_no_flow(void **state)
{
	enum { COUNT = 40000 };
	uint32_t *numbers = calloc(COUNT, sizeof(*numbers)), next = 1;
	uint64_t seconds = 0;

	(void)state;
	flow_table_free(table);
	table = table_new(COUNT);
	for (unsigned round = 0; round < 4; round++, seconds += 400) {
		for (uint32_t i = 0; i < COUNT; i++) {
			if (numbers[i])
				continue;
			numbers[i] = next++;
			assert_int_equal(
				track(at(between(UDP, i, 1, 1 << 20, 53), seconds))->number,
				numbers[i]);
			assert_true(fresh);
		}
		assert_int_equal(flow_table_count(table), COUNT);
		check_all(numbers, COUNT, seconds);
		/* one of three is heard of again, and the rest is idle */
		for (uint32_t i = 0; i < COUNT; i++) {
			if ((i + round) % 3 == 0)
				track(at(between(UDP, 1 << 20, 53, i, 1), seconds + 150));
			else
				numbers[i] = 0;
		}
		flow_table_expire(table, (1000 + seconds + 300) * SECOND, SIZE_MAX);
		assert_in_range(flow_table_count(table), COUNT / 3, COUNT / 3 + 1);
		check_all(numbers, COUNT, seconds + 300);
	}
	assert_int_equal(flow_table_stats(table)->evicted_undecided, 0);
	free(numbers);
}

/* Every operation in random order, checked against what a visit sees. */
static bool count_used(struct flow *flow, void *context)
{
	uint32_t *counts = context;

	counts[0]++;
	counts[1] |= 1u << flow->number % 32;
	return true;
}

static void random_life_keeps_table_and_lists_consistent(void **state)
{
	uint32_t random = 7;
	uint64_t now = 1000 * SECOND;

	(void)state;
	flow_table_free(table);
	table = table_new(50);
	for (int i = 0; i < 200000; i++) {
		struct packet packet;
		struct flow *flow;
		uint32_t counts[2] = {0, 0};

		random = random * 1664525 + 1013904223;
		packet = (random >> 8) % 3 == 0 ? between(UDP, (random >> 10) % 100, 1, 200, 2)
			 : (random >> 8) % 3 == 1
				 ? between(ICMP, (random >> 10) % 100, 0, 200, 0)
				 : segment(false, (random >> 20) % 8 == 0 ? SYN : ACK, random, 0);
		packet.meta.time_us = now + (random >> 12) % (2 * SECOND) - SECOND;
		flow = track(packet);
		assert_non_null(flow);
		if ((random >> 16) % 4 == 0)
			flow_table_set_final(table, flow);
		now += (random >> 9) % (2 * SECOND);
		if ((random >> 18) % 8 == 0)
			flow_table_expire(table, now, (random >> 21) % 5);
		if (i % 1000 == 0) {
			flow_table_visit(table, count_used, counts);
			assert_int_equal(counts[0], flow_table_count(table));
		}
	}
	assert_true(flow_table_count(table) <= 50);
	flow_table_expire(table, now + 100000 * SECOND, 1000);
	assert_int_equal(flow_table_count(table), 0);
	assert_int_equal(flow_table_stats(table)->created, released);
}

/* ---- TCP ---- */

static uint32_t offset_of(const struct flow *flow, struct packet packet)
{
	enum flow_direction of = packet.sport == 25 ? FLOW_FROM_SERVER : FLOW_FROM_CLIENT;
	uint32_t offset, before;

	assert_true(flow_stream_offset(flow, of, &packet, &offset, &before));
	return offset - before; /* negative where the segment begins before the stream */
}

static bool has_offset(const struct flow *flow, struct packet packet)
{
	enum flow_direction of = packet.sport == 25 ? FLOW_FROM_SERVER : FLOW_FROM_CLIENT;
	uint32_t offset, before;

	return flow_stream_offset(flow, of, &packet, &offset, &before);
}

static void stream_offsets_count_from_the_first_payload_byte(void **state)
{
	struct flow *flow = track(segment(false, SYN, 1000, 0));

	(void)state;
	assert_false(flow->midstream);
	assert_false(has_offset(flow, segment(true, ACK, 5001, 1)));
	track(segment(true, SYN | ACK, 5000, 0));
	assert_int_equal(offset_of(flow, segment(false, ACK, 1001, 10)), 0);
	assert_int_equal(offset_of(flow, segment(false, ACK, 1011, 10)), 10);
	assert_int_equal(offset_of(flow, segment(true, ACK, 5101, 10)), 100);
	/* TCP fast open: the SYN's own payload is the stream's beginning */
	assert_int_equal(offset_of(flow, segment(false, SYN, 1000, 10)), 0);
	/* what lies before the stream's beginning is cut off, as TCP does */
	assert_int_equal(offset_of(flow, segment(false, ACK, 996, 10)), (uint32_t)-5);
	assert_false(has_offset(flow, segment(false, ACK, 996, 5)));
	/* a keep-alive probe */
	assert_false(has_offset(flow, segment(false, ACK, 1000, 1)));
	assert_false(has_offset(flow, udp(1)));
}

static void stream_offsets_survive_the_wrap_of_sequence_numbers(void **state)
{
	struct flow *flow = track(segment(false, SYN, 0xfffffff0, 0));

	(void)state;
	assert_int_equal(offset_of(flow, segment(false, ACK, 0xfffffff1, 1)), 0);
	assert_int_equal(offset_of(flow, segment(false, ACK, 0x00000001, 1)), 16);
	flow = track(at(segment(false, SYN, 0xffffffff, 0), 1));
	assert_int_equal(offset_of(flow, segment(false, ACK, 0, 1)), 0);
	/* after gigabytes a number may be of the next round */
	flow->bytes_seen = 3000000000;
	assert_false(has_offset(flow, segment(false, ACK, 0, 1)));
}

static void a_midstream_flow_counts_from_the_first_segment_seen(void **state)
{
	struct flow *flow = track(segment(true, ACK, 7000, 100));

	(void)state;
	assert_true(flow->midstream);
	assert_int_equal(direction, FLOW_FROM_CLIENT);
	assert_int_equal(flow->key.client_port, 25);
	track(segment(false, ACK, 300, 0));
	assert_int_equal(direction, FLOW_FROM_SERVER);
	assert_true(flow->has_isn & 2);
	assert_int_equal(flow->isn[FLOW_FROM_CLIENT], 7000);
	assert_int_equal(flow->isn[FLOW_FROM_SERVER], 300);
}

static void a_syn_ack_is_midstream(void **state)
{
	struct flow *flow = track(segment(true, SYN | ACK, 5000, 0));

	(void)state;
	assert_true(flow->midstream);
	assert_int_equal(flow->isn[FLOW_FROM_CLIENT], 5001);
}

static void a_refusal_leaves_the_servers_numbers_unknown(void **state)
{
	struct flow *flow = track(segment(false, SYN, 1000, 0));

	(void)state;
	track(segment(true, RST | ACK, 0, 0));
	assert_int_equal(flow->closed, 3);
	assert_false(flow->has_isn & 2);
	/* Windows tries again with the same number */
	assert_ptr_equal(track(segment(false, SYN, 1000, 0)), flow);
	assert_false(fresh);
	assert_int_equal(flow->closed, 0);
}

static void fins_close_each_direction(void **state)
{
	struct flow *flow = track(segment(false, SYN, 1000, 0));

	(void)state;
	track(segment(true, SYN | ACK, 5000, 0));
	track(segment(true, FIN | ACK, 5001, 0));
	assert_int_equal(flow->closed, 2);
	track(segment(false, FIN | ACK, 1001, 0));
	assert_int_equal(flow->closed, 3);
}

static void a_retransmitted_syn_is_the_same_flow(void **state)
{
	(void)state;
	track(segment(false, SYN, 1000, 0));
	assert_int_equal(flow_packets(track(at(segment(false, SYN, 1000, 0), 1))), 2);
	assert_false(fresh);
	assert_int_equal(flow_table_stats(table)->restarted, 0);
}

static void a_syn_with_another_number_begins_a_new_flow(void **state)
{
	struct flow *flow;

	(void)state;
	track(segment(false, SYN, 1000, 0));
	track(segment(true, SYN | ACK, 5000, 0));
	flow = track(segment(false, SYN | 0xc0, 2000, 0)); /* with ECN's bits */
	assert_true(fresh);
	assert_int_equal(flow->number, 2);
	assert_int_equal(flow->isn[0], 2001);
	assert_false(flow->has_isn & 2);
	assert_int_equal(flow_packets(flow), 1);
	assert_int_equal(released, 1);
	assert_int_equal(flow_table_stats(table)->restarted, 1);
	assert_int_equal(flow_table_count(table), 1);
}

static void port_reuse_with_roles_swapped_begins_a_new_flow(void **state)
{
	struct flow *flow;

	(void)state;
	track(segment(false, SYN, 1000, 0));
	track(segment(true, SYN | ACK, 5000, 0));
	flow = track(segment(true, SYN, 9000, 0));
	assert_true(fresh);
	assert_int_equal(direction, FLOW_FROM_CLIENT);
	assert_int_equal(flow->key.client_port, 25);
}

static void a_simultaneous_open_is_one_flow(void **state)
{
	struct flow *flow = track(segment(false, SYN, 1000, 0));

	(void)state;
	assert_ptr_equal(track(segment(true, SYN, 5000, 0)), flow);
	assert_false(fresh);
	assert_int_equal(direction, FLOW_FROM_SERVER);
	track(segment(false, SYN | ACK, 1000, 0));
	track(segment(true, SYN | ACK, 5000, 0));
	track(segment(true, SYN, 5000, 0));
	assert_false(fresh);
	assert_int_equal(flow->isn[1], 5001);
}

static void a_syn_ends_a_midstream_flow(void **state)
{
	(void)state;
	track(segment(false, ACK, 1000, 5));
	assert_int_equal(track(segment(true, SYN, 5000, 0))->number, 2);
	assert_true(fresh);
	assert_false(find(segment(false, ACK, 1, 0))->midstream);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void a_flow_begins_anew_with_the_packet_that_says_so(void **state)
{
	struct packet answer = at(segment(true, ACK, 5001, 10), 3);
	struct flow *flow, *again;

	(void)state;
	/* in a full table nobody else has to go */
	for (uint16_t port = 1; port <= 3; port++)
		track(udp(port));
	track(segment(false, SYN, 1000, 0));
	track(segment(true, SYN | ACK, 5000, 0));
	flow = track(answer);
	assert_false(fresh);
	flow_table_set_pending(table, flow, malloc(10));
	flow_table_set_info(table, flow, 7);
	flow_table_set_final(table, flow);
	again = flow_table_restart(table, flow, &answer, &direction);
	assert_int_equal(released, 1);
	assert_int_equal(last_released, 4);
	assert_int_equal(packets_released, 2);
	assert_int_equal(bytes_released, 200);
	assert_int_equal(direction, FLOW_FROM_CLIENT);
	assert_int_equal(again->number, 5);
	assert_int_equal(again->state, FLOW_PROVISIONAL);
	assert_true(again->midstream);
	assert_int_equal(last_info, 7);
	assert_null(flow_table_pending(table, again));
	assert_int_equal(flow_table_info(table, again), 0);
	assert_int_equal(flow_packets(again), 1);
	assert_int_equal(flow_bytes(again), 100);
	assert_int_equal(flow_first_us(again), answer.meta.time_us);
	assert_int_equal(again->key.client_port, 25);
	assert_int_equal(again->isn[0], 5001);
	assert_int_equal(flow_table_count(table), 4);
	assert_int_equal(flow_table_stats(table)->restarted, 1);
	assert_int_equal(flow_table_stats(table)->evicted_undecided, 0);
	assert_ptr_equal(track(at(segment(false, ACK, 1001, 0), 4)), again);
	assert_int_equal(direction, FLOW_FROM_SERVER);
}

static long page_faults(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt;
}

/* Of this size the table is in small pages everywhere: each of the flows would meet a new one. */
static void a_populated_table_has_room_for_its_first_flows(void **state)
{
#ifdef __SANITIZE_THREAD__
	enum { FLOWS = 400, FAULTS = FLOWS * 8 }; /* its shadow is touched with each */
#else
	enum { FLOWS = 400, FAULTS = FLOWS / 4 };
#endif
	long before;

	(void)state;
	flow_table_free(table);
	table = table_new(200000);
	flow_table_populate(table);
	before = page_faults();
	for (uint16_t i = 0; i < FLOWS; i++)
		assert_non_null(track(udp(1000 + i)));
	assert_in_range(page_faults() - before, 0, FAULTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_directions_are_one_flow),
		TEST(ports_protocols_and_families_tell_flows_apart),
		TEST(the_ends_are_exchanged_as_a_whole),
		TEST(a_flow_with_itself_counts_as_from_the_client),
		TEST(icmp_is_one_flow_per_address_pair),
		TEST(fragments_are_a_flow_of_addresses_and_protocol),
		TEST(find_counts_nothing),
		TEST(every_flow_is_visited_until_the_visitor_stops),
		TEST(a_packet_after_the_idle_time_begins_a_new_flow),
		TEST(the_sender_of_a_late_packet_is_the_new_client),
		TEST(expiry_ends_idle_flows_by_class),
		TEST(expiry_respects_its_budget),
		TEST(a_packet_renews_the_idle_time),
		TEST(decided_flows_expire_too),
		TEST(new_timeouts_hold_at_once),
		TEST(a_clock_that_steps_back_blocks_no_list),
		TEST(a_full_table_evicts_the_least_recent_undecided_flow),
		TEST(decided_flows_go_when_there_are_no_others),
		TEST(an_idle_flow_goes_before_any_other),
		TEST(a_table_of_one_works),
		TEST(the_owner_frees_what_it_hung_on_a_flow),
		TEST(a_decided_flow_keeps_what_hangs_on_it),
		TEST(every_idle_flow_leaves_within_a_sweep),
		TEST(a_clock_that_leaps_is_no_age),
		TEST(a_flood_of_a_million_flows_stays_bounded),
		TEST(crowded_buckets_lose_no_flow),
		TEST(random_life_keeps_table_and_lists_consistent),
		TEST(stream_offsets_count_from_the_first_payload_byte),
		TEST(stream_offsets_survive_the_wrap_of_sequence_numbers),
		TEST(a_midstream_flow_counts_from_the_first_segment_seen),
		TEST(a_syn_ack_is_midstream),
		TEST(a_refusal_leaves_the_servers_numbers_unknown),
		TEST(fins_close_each_direction),
		TEST(a_retransmitted_syn_is_the_same_flow),
		TEST(a_syn_with_another_number_begins_a_new_flow),
		TEST(port_reuse_with_roles_swapped_begins_a_new_flow),
		TEST(a_simultaneous_open_is_one_flow),
		TEST(a_syn_ends_a_midstream_flow),
		TEST(a_flow_begins_anew_with_the_packet_that_says_so),
		TEST(a_populated_table_has_room_for_its_first_flows),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
