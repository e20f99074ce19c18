/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stream prefix: order of arrival, overlaps, bounds, and a walk against a naive model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <waymark/flow.h>

static struct flow_prefix prefix;

static int setup(void **state)
{
	(void)state;
	flow_prefix_init(&prefix);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	flow_prefix_release(&prefix);
	return 0;
}

static int add(uint32_t offset, const char *text)
{
	return flow_prefix_add(&prefix, offset, (const uint8_t *)text, strlen(text));
}

static void assert_known(const char *text)
{
	assert_int_equal(prefix.contiguous, strlen(text));
	assert_memory_equal(prefix.bytes, text, strlen(text));
}

static void segments_in_order_are_joined(void **state)
{
	(void)state;
	assert_int_equal(add(0, "abc"), 3);
	assert_int_equal(prefix.capacity, 1024);
	assert_int_equal(add(3, "def"), 3);
	assert_known("abcdef");
	assert_int_equal(prefix.range_count, 0);
}

static void a_gap_is_filled_later(void **state)
{
	(void)state;
	assert_int_equal(add(6, "ghi"), 3);
	assert_int_equal(prefix.contiguous, 0);
	assert_int_equal(add(3, "def"), 3);
	assert_int_equal(prefix.range_count, 1);
	assert_int_equal(prefix.ranges[0].begin, 3);
	assert_int_equal(prefix.ranges[0].end, 9);
	assert_int_equal(add(0, "abc"), 3);
	assert_known("abcdefghi");
	assert_int_equal(prefix.range_count, 0);
}

static void a_segment_that_overlaps_keeps_the_first_byte_seen(void **state)
{
	(void)state;
	assert_int_equal(add(2, "CD"), 2);
	assert_int_equal(add(6, "GH"), 2);
	assert_int_equal(add(0, "xxxxxxxxxx"), 6);
	assert_known("xxCDxxGHxx");
	assert_int_equal(add(0, "yyyyyyyyyyy"), 1);
	assert_known("xxCDxxGHxxy");
}

static void a_retransmission_adds_nothing(void **state)
{
	(void)state;
	assert_int_equal(add(0, "abc"), 3);
	assert_int_equal(add(5, "fg"), 2);
	assert_int_equal(add(0, "xyz"), 0);
	assert_int_equal(add(1, "y"), 0);
	assert_int_equal(add(5, "xx"), 0);
	assert_int_equal(add(0, ""), 0);
	assert_known("abc");
	assert_int_equal(prefix.range_count, 1);
}

static void a_segment_that_bridges_ranges_merges_them(void **state)
{
	(void)state;
	assert_int_equal(add(10, "k"), 1);
	assert_int_equal(add(12, "m"), 1);
	assert_int_equal(add(14, "o"), 1);
	assert_int_equal(add(20, "u"), 1);
	assert_int_equal(add(11, "LLLLL"), 3);
	assert_int_equal(prefix.range_count, 2);
	assert_int_equal(prefix.ranges[0].begin, 10);
	assert_int_equal(prefix.ranges[0].end, 16);
	assert_memory_equal(prefix.bytes + 10, "kLmLoL", 6);
}

static void what_lies_past_the_bound_is_cut_off(void **state)
{
	static uint8_t big[2 * FLOW_PREFIX_MAX_BYTES];

	(void)state;
	assert_int_equal(flow_prefix_add(&prefix, FLOW_PREFIX_MAX_BYTES, big, 1), 0);
	assert_int_equal(flow_prefix_add(&prefix, UINT32_MAX, big, sizeof(big)), 0);
	assert_int_equal(prefix.capacity, 0);
	assert_int_equal(flow_prefix_add(&prefix, FLOW_PREFIX_MAX_BYTES - 2, big, sizeof(big)), 2);
	assert_int_equal(flow_prefix_add(&prefix, 0, big, sizeof(big)), FLOW_PREFIX_MAX_BYTES - 2);
	assert_int_equal(prefix.contiguous, FLOW_PREFIX_MAX_BYTES);
	assert_int_equal(prefix.capacity, FLOW_PREFIX_MAX_BYTES);
	assert_int_equal(prefix.range_count, 0);
}

static void the_buffer_grows_in_powers_of_two(void **state)
{
	static const uint8_t big[5000];

	(void)state;
	assert_int_equal(flow_prefix_add(&prefix, 0, big, 2048), 2048);
	assert_int_equal(prefix.capacity, 2048);
	assert_int_equal(flow_prefix_add(&prefix, 2048, big, 1), 1);
	assert_int_equal(prefix.capacity, 4096);
	assert_int_equal(flow_prefix_add(&prefix, 9000, big, 5000), 5000);
	assert_int_equal(prefix.capacity, 16384);
}

static void too_many_ranges_refuse_a_segment_and_nothing_else(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < FLOW_PREFIX_RANGES; i++)
		assert_int_equal(add(10 + 10 * i, "x"), 1);
	assert_int_equal(add(1000, "x"), -ENOSPC);
	assert_int_equal(add(15, "x"), -ENOSPC);
	assert_int_equal(prefix.range_count, FLOW_PREFIX_RANGES);
	/* what extends a range or the contiguous part needs no new one */
	assert_int_equal(add(11, "y"), 1);
	assert_int_equal(add(0, "0123456789"), 10);
	assert_int_equal(prefix.contiguous, 12);
	assert_int_equal(prefix.range_count, FLOW_PREFIX_RANGES - 1);
	assert_int_equal(add(1000, "x"), 1);
}

static void shuffled_segments_give_the_stream(void **state)
{
	uint8_t stream[FLOW_PREFIX_MAX_BYTES];
	uint32_t order[64];
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(stream); i++)
		stream[i] = (uint8_t)(i * 31 + i / 256);
	for (int round = 0; round < 50; round++) {
		uint32_t pending = 64;

		for (uint32_t i = 0; i < 64; i++)
			order[i] = i;
		flow_prefix_release(&prefix);
		while (pending > 0) {
			uint32_t pick, offset;
			size_t length;

			random = random * 1664525 + 1013904223;
			pick = (random >> 16) % pending;
			offset = order[pick] * 256;
			length = 256 + (random >> 8) % 300;
			if (length > sizeof(stream) - offset)
				length = sizeof(stream) - offset;
			/* refused ones come again, as a sender would send them */
			if (flow_prefix_add(&prefix, offset, stream + offset, length) != -ENOSPC)
				order[pick] = order[--pending];
		}
		assert_int_equal(prefix.contiguous, sizeof(stream));
		assert_memory_equal(prefix.bytes, stream, sizeof(stream));
	}
}

static void consumed_bytes_make_room_behind(void **state)
{
	static const uint8_t big[FLOW_PREFIX_MAX_BYTES];

	(void)state;
	flow_prefix_consume(&prefix, 3); /* nothing there */
	assert_int_equal(prefix.contiguous, 0);
	assert_int_equal(add(0, "abcdef"), 6);
	assert_int_equal(add(8, "ij"), 2);
	flow_prefix_consume(&prefix, 0);
	flow_prefix_consume(&prefix, 4);
	assert_known("ef");
	assert_int_equal(prefix.range_count, 1);
	assert_int_equal(prefix.ranges[0].begin, 4);
	assert_int_equal(add(2, "ghXX"), 2);
	assert_known("efghij");
	flow_prefix_consume(&prefix, 100);
	assert_int_equal(prefix.contiguous, 0);
	assert_int_equal(flow_prefix_add(&prefix, 0, big, sizeof(big)), FLOW_PREFIX_MAX_BYTES);
	assert_int_equal(add(FLOW_PREFIX_MAX_BYTES, "x"), 0);
	flow_prefix_consume(&prefix, 1);
	assert_int_equal(add(FLOW_PREFIX_MAX_BYTES - 1, "xy"), 1);
	assert_int_equal(prefix.contiguous, FLOW_PREFIX_MAX_BYTES);
	assert_int_equal(prefix.bytes[FLOW_PREFIX_MAX_BYTES - 1], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(segments_in_order_are_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(a_gap_is_filled_later, setup, teardown),
		cmocka_unit_test_setup_teardown(a_segment_that_overlaps_keeps_the_first_byte_seen,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_retransmission_adds_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_segment_that_bridges_ranges_merges_them, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_lies_past_the_bound_is_cut_off, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_buffer_grows_in_powers_of_two, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_ranges_refuse_a_segment_and_nothing_else,
						setup, teardown),
		cmocka_unit_test_setup_teardown(shuffled_segments_give_the_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(consumed_bytes_make_room_behind, setup, teardown),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
