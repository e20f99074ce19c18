/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packets of a batch may be final, when their flows become final among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/daemon/order.h"

static struct mark_layout mark;
static struct order order;
static struct verdict verdicts[SOURCE_BATCH];

static int setup(void **state)
{
	(void)state;
	order_begin(&order);
	return mark_layout_init(&mark, 0xff) ? 0 : -1;
}

/* The next packet of a flow that became final by its packet `decided`, 0: has not. */
static void packet(struct flow *flow, uint16_t decided)
{
	flow->packets_seen++;
	flow->decided_packet = decided;
	flow->state = decided ? FLOW_FINAL : FLOW_PROVISIONAL;
	verdicts[order.count].mark = decided ? 2 : 0x82;
	order_note(&order, flow);
}

static void assert_marks(const uint32_t *marks)
{
	order_keep(&order, &mark, verdicts);
	for (unsigned i = 0; i < order.count; i++)
		assert_int_equal(verdicts[i].mark, marks[i]);
}

static void the_last_packet_of_a_burst_is_the_final_one(void **state)
{
	struct flow upload = {.packets_seen = 3}, other = {.packets_seen = 5};

	(void)state;
	packet(&upload, 0);
	packet(&upload, 5);
	packet(&other, 6);
	packet(&upload, 5);
	packet(&upload, 5);
	assert_marks((const uint32_t[]){0x82, 0x82, 2, 0x82, 2});
}

static void a_packet_alone_is_final(void **state)
{
	struct flow flow = {.packets_seen = 3};

	(void)state;
	packet(&flow, 4);
	assert_marks((const uint32_t[]){2});
}

static void what_the_first_packet_decides_is_final_from_there_on(void **state)
{
	struct flow flow = {0};

	(void)state;
	packet(&flow, 1);
	packet(&flow, 1);
	assert_marks((const uint32_t[]){2, 2});
}

static void a_flow_that_was_final_long_ago_stays_so(void **state)
{
	struct flow flow = {.packets_seen = 1000};

	(void)state;
	packet(&flow, 4);
	packet(&flow, 4);
	assert_marks((const uint32_t[]){2, 2});
}

static void what_is_dropped_is_dropped_at_once(void **state)
{
	struct flow flow = {.packets_seen = 3};

	(void)state;
	packet(&flow, 4);
	packet(&flow, 4);
	verdicts[0].mark = verdicts[1].mark = mark_bits(&mark, mark.drop);
	order_keep(&order, &mark, verdicts);
	assert_int_equal(verdicts[0].mark, mark_bits(&mark, mark.drop));
}

static void other_bits_of_the_mark_stay(void **state)
{
	struct flow flow = {.packets_seen = 3};

	(void)state;
	packet(&flow, 4);
	packet(&flow, 4);
	verdicts[0].mark = verdicts[1].mark = 0xabc02;
	assert_marks((const uint32_t[]){0xabc82, 0xabc02});
}

static void packets_without_a_flow_are_no_burst(void **state)
{
	(void)state;
	verdicts[0].mark = verdicts[1].mark = 0;
	order_note(&order, NULL);
	order_note(&order, NULL);
	assert_marks((const uint32_t[]){0, 0});
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_packet_of_a_burst_is_the_final_one),
		TEST(a_packet_alone_is_final),
		TEST(what_the_first_packet_decides_is_final_from_there_on),
		TEST(a_flow_that_was_final_long_ago_stays_so),
		TEST(what_is_dropped_is_dropped_at_once),
		TEST(other_bits_of_the_mark_stay),
		TEST(packets_without_a_flow_are_no_burst),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
