/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is read from the kernel's answer to "where would this go", and that this machine's kernel
 * answers at all. Lookups among real tables and rules: tests/netns/explain.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "../../src/route/private.h"

#define NO_SUCH_INTERFACE 2147483000u

struct room {
	uint8_t bytes[512] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static struct ip_addr address(const char *text)
{
	struct ip_addr addr;

	assert_true(ip_parse(text, &addr));
	return addr;
}

static struct nlmsghdr *answer_message(struct room *room, unsigned char family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(room->bytes);
	struct rtmsg *header;

	message->nlmsg_type = RTM_NEWROUTE;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->rtm_family = family;
	header->rtm_type = RTN_UNICAST;
	header->rtm_table = RT_TABLE_COMPAT;
	return message;
}

static void put(struct nlmsghdr *message, uint16_t type, const char *text)
{
	struct ip_addr addr = address(text);

	mnl_attr_put(message, type, ip_bits(addr.family) / 8, addr.bytes);
}

static void test_an_answer_gives_table_gateway_interface_and_source(void **state)
{
	struct room room;
	struct nlmsghdr *message = answer_message(&room, AF_INET);
	struct ip_addr gateway = address("198.51.100.1"), source = address("198.51.100.2");
	struct route_answer answer;

	(void)state;
	mnl_attr_put_u32(message, RTA_TABLE, 1001);
	mnl_attr_put_u32(message, RTA_OIF, NO_SUCH_INTERFACE);
	put(message, RTA_GATEWAY, "198.51.100.1");
	put(message, RTA_PREFSRC, "198.51.100.2");
	assert_true(route_parse_answer(message, &answer));
	assert_string_equal(answer.type, "unicast");
	assert_int_equal(answer.table, 1001);
	assert_true(ip_equal(&answer.gateway, &gateway));
	assert_true(ip_equal(&answer.source, &source));
	/* an interface that has gone meanwhile is still told by its index */
	assert_string_equal(answer.interface, "2147483000");
	assert_string_equal(answer.error, "");
}

static void test_an_ipv4_route_may_have_an_ipv6_gateway(void **state)
{
	struct room room;
	struct nlmsghdr *message = answer_message(&room, AF_INET);
	struct ip_addr gateway = address("fe80::1");
	uint8_t via[18] = {AF_INET6, 0};
	struct route_answer answer;

	(void)state;
	memcpy(via + 2, gateway.bytes, 16);
	mnl_attr_put(message, RTA_VIA, sizeof(via), via);
	assert_true(route_parse_answer(message, &answer));
	assert_true(ip_equal(&answer.gateway, &gateway));
}

static void test_attributes_that_are_too_short_are_not_read(void **state)
{
	struct room room;
	struct nlmsghdr *message = answer_message(&room, AF_INET6);
	const uint8_t bytes[3] = {1, 2, 3};
	struct route_answer answer;

	(void)state;
	mnl_attr_put(message, RTA_TABLE, sizeof(bytes), bytes);
	mnl_attr_put(message, RTA_OIF, sizeof(bytes), bytes);
	mnl_attr_put(message, RTA_GATEWAY, sizeof(bytes), bytes);
	mnl_attr_put(message, RTA_VIA, sizeof(bytes), bytes);
	put(message, RTA_PREFSRC, "192.0.2.1");
	assert_true(route_parse_answer(message, &answer));
	assert_int_equal(answer.table, RT_TABLE_COMPAT);
	assert_int_equal(answer.gateway.family, IP_NONE);
	assert_int_equal(answer.source.family, IP_NONE);
	assert_string_equal(answer.interface, "");
}

static void test_a_message_that_is_cut_or_of_another_kind_is_no_answer(void **state)
{
	struct room room;
	struct nlmsghdr *message = answer_message(&room, AF_INET);
	struct route_answer answer;

	(void)state;
	message->nlmsg_len--; /* there is nothing but the header */
	assert_false(route_parse_answer(message, &answer));
	message = answer_message(&room, AF_INET);
	message->nlmsg_type = RTM_NEWRULE;
	assert_false(route_parse_answer(message, &answer));
}

static void test_this_kernel_finds_its_own_loopback_address(void **state)
{
	struct route_question question = {
		.dst = address("127.0.0.1"),
		.proto = 6,
		.has_ports = true,
		.dport = 80,
		.tos = 0xb8,
	};
	struct route_answer answer;

	(void)state;
	if (route_lookup(&question, &answer) < 0 || answer.error[0])
		skip(); /* no netlink, or no loopback in here */
	assert_string_equal(answer.type, "local");
	assert_string_equal(answer.interface, "lo");
}

static void test_an_interface_that_does_not_exist_is_said_so(void **state)
{
	struct route_question question = {.dst = address("127.0.0.1"), .iface_in = "no-such-one"};
	struct route_answer answer;

	(void)state;
	assert_true(route_lookup(&question, &answer) < 0);
	assert_string_equal(answer.error, "interface 'no-such-one' does not exist");
	assert_null(answer.type);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_gives_table_gateway_interface_and_source),
		cmocka_unit_test(test_an_ipv4_route_may_have_an_ipv6_gateway),
		cmocka_unit_test(test_attributes_that_are_too_short_are_not_read),
		cmocka_unit_test(test_a_message_that_is_cut_or_of_another_kind_is_no_answer),
		cmocka_unit_test(test_this_kernel_finds_its_own_loopback_address),
		cmocka_unit_test(test_an_interface_that_does_not_exist_is_said_so),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
