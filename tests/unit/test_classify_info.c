/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of flows is kept once for all that share it, and let go with the last of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/classify/info.h"

static const struct hash_seed seed = {1, 2};
static struct info_table *table;

static int setup(void **state)
{
	(void)state;
	table = info_table_new(&seed);
	return table ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	info_table_free(table);
	return 0;
}

static struct flow_info named(const char *host)
{
	return (struct flow_info){.app = {3},
				  .app_count = 1,
				  .app_shown = 3,
				  .host_source = HOST_TLS_SNI,
				  .host = host};
}

static void what_is_the_same_has_one_number(void **state)
{
	char mine[] = "www.example";
	struct flow_info info = named(mine);
	uint32_t number = info_take(table, &info);

	(void)state;
	assert_int_not_equal(number, 0);
	info.host = "www.example";
	assert_int_equal(info_take(table, &info), number);
	memset(mine, 'x', 3); /* what was given is the giver's */
	assert_string_equal(info_at(table, number)->host, "www.example");
	assert_int_equal(info_at(table, number)->app_shown, 3);
	assert_null(info_at(table, number)->alpn);
	assert_null(info_at(table, 0));
}

static void whatever_differs_has_a_number_of_its_own(void **state)
{
	const struct flow_info plain = named("www.example");
	struct flow_info others[] = {plain, plain, plain, plain, plain, plain, plain};
	uint32_t first = info_take(table, &plain);

	(void)state;
	others[0].app_shown = 4;
	others[1].app[1] = 9;
	others[1].app_count = 2;
	others[2].host_source = HOST_HTTP_HOST;
	others[3].host = "www.example.org";
	others[4].host = NULL;
	others[5].alpn = "h2";
	others[5].alpn_length = 3;
	others[6].alpn = "h3";
	others[6].alpn_length = 3;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(info_take(table, &others[i]), first + i + 1);
	assert_memory_equal(info_at(table, first + 7)->alpn, "h3", 3);
}

static void the_last_user_frees_the_number(void **state)
{
	struct flow_info first = named("first.example"), second = named("second.example");
	uint32_t number = info_take(table, &first);

	(void)state;
	assert_int_equal(info_take(table, &first), number);
	info_let_go(table, number);
	assert_string_equal(info_at(table, number)->host, "first.example");
	info_let_go(table, number);
	info_let_go(table, 0);
	assert_int_equal(info_take(table, &second), number);
	assert_string_equal(info_at(table, number)->host, "second.example");
	assert_int_equal(info_take(table, &first), number + 1);
}

static void many_are_found_again_and_numbers_stay_few(void **state)
{
	enum { COUNT = 5000 };
	static uint32_t numbers[COUNT];
	char host[32];

	(void)state;
	for (unsigned turn = 0; turn < 3; turn++) {
		for (uint32_t i = 0; i < COUNT; i++) {
			struct flow_info info = named(host);

			snprintf(host, sizeof(host), "host-%u-%u.example", turn, i);
			numbers[i] = info_take(table, &info);
			assert_in_range(numbers[i], 1, COUNT);
			assert_int_equal(info_take(table, &info), numbers[i]);
		}
		for (uint32_t i = 0; i < COUNT; i++) {
			snprintf(host, sizeof(host), "host-%u-%u.example", turn, i);
			assert_string_equal(info_at(table, numbers[i])->host, host);
			info_let_go(table, numbers[i]);
			info_let_go(table, numbers[i]);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_the_same_has_one_number),
		TEST(whatever_differs_has_a_number_of_its_own),
		TEST(the_last_user_frees_the_number),
		TEST(many_are_found_again_and_numbers_stay_few),
	};

	return cmocka_run_group_tests_name("classify_info", tests, NULL, NULL);
}
