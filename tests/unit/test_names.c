/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names cache: which of what is known makes the guess, expiry, bounds, lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <waymark/names.h>

#include "config.h"

#define SECOND 1000000ull
#define START (1000 * SECOND)
#define TTL 300

enum { TCP = 6, UDP = 17 };

static const struct hash_seed seed = {1, 2};
static struct names *names;
static struct names_guess guess;
static struct ip_addr alice, bob, nobody;
static struct names_endpoint web; /* 192.0.2.1, TCP 443 */

static struct ip_addr address(const char *text)
{
	struct ip_addr made;

	assert_true(ip_parse(text, &made));
	return made;
}

static struct ip_addr host_number(uint32_t number)
{
	return ip_v4(
		(uint8_t[]){10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number});
}

static struct names_endpoint endpoint(const char *text, uint16_t port, uint8_t proto)
{
	return (struct names_endpoint){.address = address(text), .port = port, .proto = proto};
}

static struct names *names_of(uint32_t max)
{
	struct names *made = names_new(max, &seed);

	assert_non_null(made);
	return made;
}

static int setup(void **state)
{
	(void)state;
	names = names_of(1024);
	alice = address("10.0.0.2");
	bob = address("10.0.0.3");
	nobody = (struct ip_addr){.family = IP_NONE};
	web = endpoint("192.0.2.1", 443, TCP);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	names_free(names);
	names = NULL;
	return 0;
}

static void table_of(uint32_t max)
{
	names_free(names);
	names = names_of(max);
}

static void answer(const struct ip_addr *client, const char *host, uint64_t now_us)
{
	names_add_answer(names, client, host, strlen(host), &web.address, TTL, now_us);
}

static void seen(const struct ip_addr *client, const char *host, uint64_t now_us)
{
	names_add_seen(names, client, &web, host, strlen(host), 7, TTL, now_us);
}

static void learned(uint16_t app, uint64_t rule, uint32_t ttl_s, uint64_t now_us)
{
	names_add_learned(names, &web, &app, 1, rule, ttl_s, now_us);
}

static bool find(const struct ip_addr *client, uint64_t now_us)
{
	return names_find(names, client, &web, true, now_us, &guess);
}

static struct names_stats stats_of(const struct names *table)
{
	struct names_stats stats;

	names_stats(table, &stats);
	return stats;
}

static void assert_host(enum names_origin origin, const char *host)
{
	assert_string_equal(guess.host, host);
	assert_int_equal(guess.host_length, strlen(host));
	assert_int_equal(guess.origin, origin);
}

static void assert_answer(const char *host)
{
	assert_string_equal(guess.answer, host);
	assert_int_equal(guess.answer_length, strlen(host));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- which name ---- */

static void nothing_is_known_at_first(void **state)
{
	(void)state;
	assert_false(find(&alice, START));
	assert_int_equal(stats_of(names).entries, 0);
	assert_int_equal(stats_of(names).max, 1024);
}

static void an_answer_names_the_address_on_any_port(void **state)
{
	(void)state;
	answer(&alice, "www.example.org", START);
	assert_true(find(&alice, START + 1));
	assert_host(NAMES_CLIENT_ANSWER, "www.example.org");
	assert_answer("www.example.org");
	assert_int_equal(guess.source, 0);
	assert_int_equal(guess.app_count, 0);
	assert_int_equal(guess.rule, 0);
	web.port = 8443;
	web.proto = UDP;
	assert_true(find(&alice, START + 1));
	assert_host(NAMES_CLIENT_ANSWER, "www.example.org");
	web.address = address("192.0.2.2");
	assert_false(find(&alice, START + 1));
}

static void two_clients_with_one_address_keep_their_own_names(void **state)
{
	(void)state;
	answer(&alice, "a.example", START);
	answer(&bob, "b.example", START + 1);
	assert_true(find(&alice, START + 2));
	assert_host(NAMES_CLIENT_ANSWER, "a.example");
	assert_true(find(&bob, START + 2));
	assert_host(NAMES_CLIENT_ANSWER, "b.example");
	seen(&bob, "c.example", START + 2);
	assert_true(find(&alice, START + 3));
	assert_host(NAMES_CLIENT_ANSWER, "a.example");
	assert_answer("a.example");
}

static void the_newest_answer_to_the_client_counts(void **state)
{
	(void)state;
	answer(&alice, "first.example", START);
	answer(&alice, "second.example", START + 1);
	assert_true(find(&alice, START + 2));
	assert_host(NAMES_CLIENT_ANSWER, "second.example");
	answer(&alice, "first.example", START + 2);
	assert_true(find(&alice, START + 3));
	assert_host(NAMES_CLIENT_ANSWER, "first.example");
}

static void a_connection_and_an_answer_compete_by_age(void **state)
{
	(void)state;
	answer(&alice, "answer.example", START);
	seen(&alice, "seen.example", START + 1);
	assert_true(find(&alice, START + 2));
	assert_host(NAMES_CLIENT_SEEN, "seen.example");
	assert_int_equal(guess.source, 7);
	assert_answer("answer.example");
	/* the same answer once more is news again */
	answer(&alice, "answer.example", START + 2);
	assert_true(find(&alice, START + 3));
	assert_host(NAMES_CLIENT_ANSWER, "answer.example");
	assert_int_equal(guess.source, 0);
	seen(&alice, "seen.example", START + 3);
	assert_true(find(&alice, START + 4));
	assert_host(NAMES_CLIENT_SEEN, "seen.example");
}

static void what_a_connection_showed_is_of_its_endpoint(void **state)
{
	(void)state;
	seen(&alice, "www.example.org", START);
	assert_true(find(&alice, START));
	assert_host(NAMES_CLIENT_SEEN, "www.example.org");
	assert_answer("");
	web.port = 444;
	assert_false(find(&alice, START));
	web.port = 443;
	web.proto = UDP;
	assert_false(find(&alice, START));
}

static void the_clients_own_comes_before_news_of_others(void **state)
{
	(void)state;
	answer(&alice, "own.example", START);
	seen(&bob, "other.example", START + 1);
	answer(&bob, "other.example", START + 2);
	assert_true(find(&alice, START + 3));
	assert_host(NAMES_CLIENT_ANSWER, "own.example");
	assert_answer("own.example");
}

static void what_others_showed_comes_before_what_others_were_told(void **state)
{
	struct ip_addr carol = address("10.0.0.4");

	(void)state;
	seen(&alice, "seen.example", START);
	answer(&bob, "answer.example", START + 1);
	assert_true(find(&carol, START + 2));
	assert_host(NAMES_SERVER_SEEN, "seen.example");
	assert_int_equal(guess.source, 7);
	assert_answer("answer.example");
	web.port = 80;
	assert_true(find(&carol, START + 2));
	assert_host(NAMES_OTHER_ANSWER, "answer.example");
	assert_answer("answer.example");
}

static void without_clients_the_newest_of_anybody_counts(void **state)
{
	(void)state;
	answer(&alice, "answer.example", START);
	seen(&bob, "seen.example", START + 1);
	assert_true(names_find(names, &alice, &web, false, START + 2, &guess));
	assert_host(NAMES_SERVER_SEEN, "seen.example");
	assert_answer("answer.example");
	answer(&bob, "newer.example", START + 2);
	assert_true(names_find(names, &alice, &web, false, START + 3, &guess));
	assert_host(NAMES_OTHER_ANSWER, "newer.example");
	assert_answer("newer.example");
}

static void a_client_of_no_family_is_everybody(void **state)
{
	(void)state;
	answer(&nobody, "answer.example", START);
	assert_int_equal(stats_of(names).entries, 1);
	assert_true(find(&nobody, START));
	assert_host(NAMES_OTHER_ANSWER, "answer.example");
	assert_true(find(&alice, START));
	assert_host(NAMES_OTHER_ANSWER, "answer.example");
}

static void families_do_not_mix(void **state)
{
	struct ip_addr v4 = address("1.2.3.4"), v6 = address("102:304::");
	struct ip_addr client6 = address("2001:db8::2");

	(void)state;
	web.address = v4;
	answer(&alice, "four.example", START);
	web.address = v6;
	assert_false(find(&alice, START));
	answer(&client6, "six.example", START);
	assert_true(find(&client6, START));
	assert_host(NAMES_CLIENT_ANSWER, "six.example");
	client6.bytes[15] = 3;
	assert_true(find(&client6, START));
	assert_host(NAMES_OTHER_ANSWER, "six.example");
	web.address = v4;
	assert_true(find(&alice, START));
	assert_host(NAMES_CLIENT_ANSWER, "four.example");
	web.address.family = 9;
	answer(&alice, "nine.example", START);
	assert_false(find(&alice, START));
}

/* ---- app and rule ---- */

static void apps_and_rule_are_the_endpoints_whoever_names_it(void **state)
{
	(void)state;
	learned(42, 0xfeed, TTL, START);
	assert_true(find(&alice, START));
	assert_host(NAMES_NO_HOST, "");
	assert_answer("");
	assert_int_equal(guess.app_count, 1);
	assert_int_equal(guess.apps[0], 42);
	assert_int_equal(guess.rule, 0xfeed);
	answer(&alice, "www.example.org", START + 1);
	assert_true(find(&alice, START + 2));
	assert_host(NAMES_CLIENT_ANSWER, "www.example.org");
	assert_int_equal(guess.apps[0], 42);
	seen(&bob, "other.example", START + 2);
	assert_true(find(&bob, START + 2));
	assert_host(NAMES_CLIENT_SEEN, "other.example");
	assert_int_equal(guess.rule, 0xfeed);
	assert_true(names_find(names, &bob, &web, false, START + 3, &guess));
	assert_int_equal(guess.rule, 0xfeed);
	web.port = 80;
	assert_true(find(&alice, START + 2));
	assert_host(NAMES_CLIENT_ANSWER, "www.example.org");
	assert_int_equal(guess.app_count, 0);
	assert_int_equal(guess.rule, 0);
}

static void what_is_learned_replaces_what_was_learned(void **state)
{
	const uint16_t apps[] = {1, 2, 3, 4, 5};

	(void)state;
	names_add_learned(names, &web, apps, 5, 9, TTL, START);
	assert_true(find(&alice, START));
	assert_int_equal(guess.app_count, NAMES_APPS);
	assert_memory_equal(guess.apps, apps, NAMES_APPS * sizeof(*apps));
	assert_int_equal(guess.rule, 9);
	names_add_learned(names, &web, apps + 4, 1, 0, TTL, START + 1);
	assert_true(find(&alice, START + 1));
	assert_int_equal(guess.app_count, 1);
	assert_int_equal(guess.apps[0], 5);
	assert_int_equal(guess.rule, 0);
	names_add_learned(names, &web, NULL, 0, 3, TTL, START + 2);
	assert_true(find(&alice, START + 2));
	assert_int_equal(guess.app_count, 0);
	assert_int_equal(guess.rule, 3);
	assert_int_equal(stats_of(names).entries, 1);
}

static void neither_app_nor_rule_is_nothing_to_learn(void **state)
{
	(void)state;
	names_add_learned(names, &web, NULL, 0, 0, TTL, START);
	assert_false(find(&alice, START));
	assert_int_equal(stats_of(names).entries, 0);
}

static void names_and_what_is_learned_expire_apart(void **state)
{
	(void)state;
	seen(&nobody, "www.example.org", START);
	learned(42, 1, 2 * TTL, START);
	assert_true(find(&alice, START + TTL * SECOND - 1));
	assert_host(NAMES_SERVER_SEEN, "www.example.org");
	assert_true(find(&alice, START + TTL * SECOND));
	assert_host(NAMES_NO_HOST, "");
	assert_int_equal(guess.source, 0);
	assert_int_equal(guess.rule, 1);
	seen(&nobody, "www.example.org", START + TTL * SECOND);
	assert_true(find(&alice, START + 2 * TTL * SECOND - 1));
	assert_int_equal(guess.rule, 1);
	assert_false(find(&alice, START + 2 * TTL * SECOND));
}

/* ---- time ---- */

static void an_answer_ends_with_its_ttl(void **state)
{
	(void)state;
	answer(&alice, "www.example.org", START);
	assert_true(find(&alice, START + TTL * SECOND - 1));
	assert_false(find(&alice, START + TTL * SECOND));
}

static void what_others_know_takes_over_when_the_clients_own_expires(void **state)
{
	(void)state;
	seen(&alice, "own.example", START);
	answer(&bob, "other.example", START + SECOND);
	seen(&bob, "shown.example", START + 2 * SECOND);
	assert_true(find(&alice, START + 3 * SECOND));
	assert_host(NAMES_CLIENT_SEEN, "own.example");
	assert_true(find(&alice, START + TTL * SECOND));
	assert_host(NAMES_SERVER_SEEN, "shown.example");
}

static void an_expired_name_does_not_hide_an_older_one(void **state)
{
	(void)state;
	answer(&alice, "long.example", START);
	names_add_seen(names, &alice, &web, "short.example", 13, 7, 1, START + 1);
	assert_true(find(&alice, START + 2));
	assert_host(NAMES_CLIENT_SEEN, "short.example");
	assert_true(find(&alice, START + 2 * SECOND));
	assert_host(NAMES_CLIENT_ANSWER, "long.example");
}

static void ttls_of_nothing_and_of_a_lifetime(void **state)
{
	(void)state;
	names_add_answer(names, &alice, "zero.example", 12, &web.address, 0, START);
	assert_false(find(&alice, START));
	assert_int_equal(stats_of(names).entries, 0);
	names_add_answer(names, &alice, "ever.example", 12, &web.address, UINT32_MAX, START);
	assert_true(find(&alice, START + (uint64_t)UINT32_MAX * SECOND - 1));
	names_add_answer(names, &alice, "late.example", 12, &web.address, UINT32_MAX,
			 UINT64_MAX - 2);
	assert_true(find(&alice, UINT64_MAX - 1));
	assert_host(NAMES_CLIENT_ANSWER, "late.example");
}

static void the_same_name_again_is_a_refresh(void **state)
{
	struct names_stats stats;

	(void)state;
	answer(&alice, "www.example.org", START);
	answer(&alice, "www.example.org", START + 100 * SECOND);
	stats = stats_of(names);
	assert_int_equal(stats.entries, 2); /* the client's and everybody's */
	assert_int_equal(stats.added, 2);
	assert_int_equal(stats.refreshed, 2);
	assert_true(find(&alice, START + (TTL + 100) * SECOND - 1));
	assert_false(find(&alice, START + (TTL + 100) * SECOND));
	/* what was promised before holds */
	names_add_answer(names, &alice, "www.example.org", 15, &web.address, 1,
			 START + 101 * SECOND);
	assert_true(find(&alice, START + (TTL + 100) * SECOND - 1));
	/* a name of the same length is another name */
	answer(&alice, "www.example.net", START + 102 * SECOND);
	stats = stats_of(names);
	assert_int_equal(stats.entries, 2);
	assert_int_equal(stats.added, 4);
	assert_int_equal(stats.evicted, 0);
	assert_true(find(&alice, START + 103 * SECOND));
	assert_host(NAMES_CLIENT_ANSWER, "www.example.net");
}

static void an_entry_from_a_clock_set_back_is_the_oldest(void **state)
{
	const uint64_t hour = 3600 * SECOND;

	(void)state;
	names_add_answer(names, &alice, "future.example", 14, &web.address, 2 * 3600, START + hour);
	seen(&alice, "now.example", START);
	assert_true(find(&alice, START + 1));
	assert_host(NAMES_CLIENT_SEEN, "now.example");
	/* refreshed, it is of the present, and so is its end */
	answer(&alice, "future.example", START + 1);
	assert_true(find(&alice, START + 2));
	assert_host(NAMES_CLIENT_ANSWER, "future.example");
	assert_false(find(&alice, START + 1 + TTL * SECOND));
}

static void threads_a_little_apart_keep_their_order(void **state)
{
	(void)state;
	answer(&alice, "first.example", START + 1000);
	seen(&alice, "second.example", START + 2000);
	assert_true(find(&alice, START));
	assert_host(NAMES_CLIENT_SEEN, "second.example");
}

/* ---- hosts ---- */

/* In memory of just that size, so that a sanitizer sees a byte too far. */
static void answer_of_length(size_t length)
{
	char *host = malloc(length ? length : 1);

	assert_non_null(host);
	memset(host, 'x', length);
	names_add_answer(names, &alice, host, length, &web.address, TTL, START);
	names_add_seen(names, &alice, &web, host, length, 1, TTL, START);
	free(host);
}

static void every_length_of_a_host_comes_back(void **state)
{
	(void)state;
	for (size_t length = 1; length <= 253; length++) {
		answer_of_length(length);
		assert_true(find(&alice, START));
		assert_int_equal(guess.host_length, length);
		assert_int_equal(strlen(guess.host), length);
		assert_int_equal(strspn(guess.host, "x"), length);
		assert_int_equal(guess.answer_length, length);
		assert_int_equal(strspn(guess.answer, "x"), length);
	}
}

static void hosts_that_cannot_be_are_refused(void **state)
{
	(void)state;
	answer_of_length(0);
	answer_of_length(254);
	answer_of_length(256);
	answer_of_length(65536);
	names_add_answer(names, &alice, "a.example\0b", 11, &web.address, TTL, START);
	assert_false(find(&alice, START));
	assert_int_equal(stats_of(names).entries, 0);
}

/* ---- bounds ---- */

static void answer_numbered(const struct ip_addr *client, uint32_t number, uint32_t ttl_s,
			    uint64_t now_us)
{
	struct ip_addr at = host_number(number);
	char host[32];
	int length = snprintf(host, sizeof(host), "h%u.example", number);

	names_add_answer(names, client, host, (size_t)length, &at, ttl_s, now_us);
}

static bool has_numbered(uint32_t number, uint64_t now_us)
{
	struct names_endpoint server = {.address = host_number(number)};
	char host[32];

	if (!names_find(names, &nobody, &server, true, now_us, &guess))
		return false;
	snprintf(host, sizeof(host), "h%u.example", number);
	assert_string_equal(guess.host, host);
	return true;
}

static void a_cache_of_none_keeps_nothing(void **state)
{
	(void)state;
	table_of(0);
	answer(&alice, "www.example.org", START);
	seen(&alice, "www.example.org", START);
	learned(1, 1, TTL, START);
	assert_false(find(&alice, START));
	assert_int_equal(stats_of(names).entries, 0);
	assert_int_equal(stats_of(names).bytes, 0);
}

static void caches_of_few_are_filled_and_never_exceeded(void **state)
{
	const uint32_t sizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 100};
	struct names_stats stats;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		unsigned found = 0;

		table_of(sizes[i]);
		for (uint32_t number = 0; number < 5000; number++) {
			answer_numbered(&nobody, number, TTL, START + number);
			assert_true(has_numbered(number, START + number));
			stats = stats_of(names);
			assert_true(stats.entries <= sizes[i]);
			assert_true(stats.entries <= number + 1);
		}
		for (uint32_t number = 0; number < 5000; number++)
			found += has_numbered(number, START + 5000);
		assert_int_equal(stats.entries, sizes[i]);
		assert_int_equal(found, sizes[i]);
		assert_int_equal(stats.added, 5000);
		assert_int_equal(stats.evicted, 5000 - sizes[i]);
		assert_int_equal(stats.bytes, (sizes[i] + 7) / 8 * 1024);
	}
}

static void what_was_written_longest_ago_goes(void **state)
{
	(void)state;
	table_of(8);
	for (uint32_t number = 0; number < 8; number++)
		answer_numbered(&nobody, number, TTL, START + number);
	answer_numbered(&nobody, 0, TTL, START + 8); /* again: now the newest */
	answer_numbered(&nobody, 8, TTL, START + 9);
	assert_false(has_numbered(1, START + 10));
	assert_true(has_numbered(0, START + 10));
	for (uint32_t number = 2; number <= 8; number++)
		assert_true(has_numbered(number, START + 10));
	/* by time, whatever the order of arrival */
	answer_numbered(&nobody, 9, TTL, START + 1);
	answer_numbered(&nobody, 10, TTL, START + 11);
	assert_false(has_numbered(9, START + 12));
	assert_int_equal(stats_of(names).evicted, 3);
}

static void what_has_expired_goes_first(void **state)
{
	(void)state;
	table_of(8);
	for (uint32_t number = 0; number < 8; number++)
		answer_numbered(&nobody, number, number == 5 ? 1 : TTL, START + number);
	assert_int_equal(stats_of(names).entries, 8);
	answer_numbered(&nobody, 8, TTL, START + 2 * SECOND);
	for (uint32_t number = 0; number <= 8; number++)
		assert_int_equal(has_numbered(number, START + 2 * SECOND), number != 5);
	assert_int_equal(stats_of(names).evicted, 0);
}

static void an_entry_from_the_future_goes_before_the_present_ones(void **state)
{
	(void)state;
	table_of(8);
	for (uint32_t number = 0; number < 8; number++)
		answer_numbered(&nobody, number, 7200,
				START + (number == 3 ? 3600 * SECOND : number));
	answer_numbered(&nobody, 8, 7200, START + 9);
	for (uint32_t number = 0; number <= 8; number++)
		assert_int_equal(has_numbered(number, START + 9), number != 3);
}

static void long_names_leave_room_for_fewer(void **state)
{
	char host[253];
	unsigned found = 0;

	(void)state;
	table_of(8);
	for (uint32_t number = 0; number < 20; number++) {
		struct names_endpoint server = {.address = host_number(number)};

		memset(host, 'a' + (int)number, sizeof(host));
		names_add_answer(names, &nobody, host, sizeof(host), &server.address, TTL,
				 START + number);
		found = 0;
		for (uint32_t i = 0; i <= number; i++) {
			server.address = host_number(i);
			if (!names_find(names, &nobody, &server, true, START + number, &guess))
				continue;
			found++;
			assert_int_equal(guess.host_length, 253);
			assert_int_equal(guess.host[0], 'a' + (int)i);
			assert_int_equal(guess.host[252], 'a' + (int)i);
			/* those that are left are the newest */
			assert_true(i + 3 > number);
		}
		assert_int_equal(found, number < 2 ? number + 1 : 3);
		assert_int_equal(stats_of(names).entries, found);
	}
	/* short ones fit beside them */
	for (uint32_t number = 100; number < 105; number++)
		answer_numbered(&nobody, number, TTL, START + number);
	assert_true(stats_of(names).entries > 5);
	for (uint32_t number = 100; number < 105; number++)
		assert_true(has_numbered(number, START + 110));
}

static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Shadow memory is resident too: there is no telling under a sanitizer, and time is short. */
#ifdef WAYMARK_SANITIZER
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static void a_large_cache_costs_what_its_names_need(void **state)
{
	size_t before;

	(void)state;
	before = resident_bytes();
	table_of(262144);
	for (uint32_t number = 0; number < 100; number++)
		answer_numbered(&nobody, number, TTL, START);
	for (uint32_t number = 0; number < 100000; number++)
		has_numbered(number, START);
	assert_int_equal(stats_of(names).bytes, 32u << 20);
	/* a page each at the most, and the C library's own */
	if (!SANITIZED)
		assert_in_range(resident_bytes() - before, 0,
				150 * (size_t)sysconf(_SC_PAGESIZE) + 262144);
}

/* bench/names goes on to ten million */
static void a_flood_of_a_million_names_stays_bounded(void **state)
{
	const uint32_t max = 16384, flood = SANITIZED ? 100000 : 1000000;
	size_t before = resident_bytes();
	struct names_stats stats;

	(void)state;
	table_of(max);
	for (uint32_t number = 0; number < flood; number++) {
		struct ip_addr client = host_number(number % 251);

		answer_numbered(&client, number, TTL, START + number);
		if (number % 1024 == 0)
			assert_true(stats_of(names).entries <= max);
	}
	stats = stats_of(names);
	assert_true(stats.entries <= max);
	assert_true(stats.entries > max / 100 * 95);
	assert_int_equal(stats.added, 2 * flood);
	assert_int_equal(stats.evicted + stats.entries, 2 * flood);
	if (!SANITIZED)
		assert_in_range(resident_bytes(), 0, before + stats.bytes + (1u << 20));
}

/* ---- lists ---- */

struct listing {
	struct names_entry entries[8];
	unsigned count, stop_at;
};

static bool list(const struct names_entry *entry, void *context)
{
	struct listing *listing = context;

	assert_true(listing->count < 8);
	listing->entries[listing->count++] = *entry;
	return listing->count != listing->stop_at;
}

static const struct names_entry *listed(const struct listing *listing, bool is_answer,
					const struct ip_addr *client)
{
	for (unsigned i = 0; i < listing->count; i++)
		if (listing->entries[i].answer == is_answer &&
		    ip_equal(&listing->entries[i].client, client))
			return &listing->entries[i];
	fail_msg("not listed");
	return NULL;
}

static void every_entry_is_listed(void **state)
{
	struct ip_addr client6 = address("2001:db8::9");
	struct names_endpoint server6 = endpoint("2001:db8::1", 853, UDP);
	struct listing listing = {.count = 0};
	const struct names_entry *entry;

	(void)state;
	answer(&alice, "answer.example", START);
	seen(&alice, "seen.example", START + 1);
	learned(42, 0xfeed, TTL, START + 2);
	names_add_seen(names, &client6, &server6, "six.example", 11, 9, TTL, START);
	names_visit(names, START + 3, list, &listing);
	assert_int_equal(listing.count, 6);

	entry = listed(&listing, true, &alice);
	assert_true(ip_equal(&entry->server.address, &web.address));
	assert_int_equal(entry->server.port, 0);
	assert_int_equal(entry->server.proto, 0);
	assert_string_equal(entry->host, "answer.example");
	assert_int_equal(entry->host_length, 14);
	assert_int_equal(entry->expires_us, START + TTL * SECOND);
	assert_string_equal(listed(&listing, true, &nobody)->host, "answer.example");

	entry = listed(&listing, false, &alice);
	assert_string_equal(entry->host, "seen.example");
	assert_int_equal(entry->source, 7);
	assert_int_equal(entry->server.port, 443);
	assert_int_equal(entry->server.proto, TCP);
	assert_int_equal(entry->app_count, 0);

	entry = listed(&listing, false, &client6);
	assert_true(ip_equal(&entry->server.address, &server6.address));
	assert_int_equal(entry->server.port, 853);
	assert_int_equal(entry->server.proto, UDP);
	assert_int_equal(entry->source, 9);
	assert_string_equal(entry->host, "six.example");

	/* everybody's, with what was learned of the endpoint */
	for (unsigned i = 0; i < listing.count; i++) {
		entry = &listing.entries[i];
		if (entry->answer || entry->client.family || entry->server.port != 443)
			continue;
		assert_string_equal(entry->host, "seen.example");
		assert_int_equal(entry->app_count, 1);
		assert_int_equal(entry->apps[0], 42);
		assert_int_equal(entry->rule, 0xfeed);
		return;
	}
	fail_msg("what was learned is not listed");
}

static void what_is_learned_of_a_nameless_endpoint_is_listed(void **state)
{
	struct listing listing = {.count = 0};

	(void)state;
	learned(42, 0xfeed, 2 * TTL, START);
	seen(&nobody, "expires.example", START);
	names_visit(names, START + TTL * SECOND, list, &listing);
	assert_int_equal(listing.count, 1);
	assert_int_equal(listing.entries[0].host_length, 0);
	assert_string_equal(listing.entries[0].host, "");
	assert_int_equal(listing.entries[0].rule, 0xfeed);
	assert_int_equal(listing.entries[0].source, 0);
	assert_int_equal(listing.entries[0].expires_us, START + 2 * TTL * SECOND);
}

static void a_visitor_ends_the_visit(void **state)
{
	struct listing listing = {.stop_at = 3};

	(void)state;
	for (uint32_t number = 0; number < 100; number++)
		answer_numbered(&nobody, number, TTL, START);
	names_visit(names, START, list, &listing);
	assert_int_equal(listing.count, 3);
}

static bool refuse_any(const struct names_entry *entry, void *context)
{
	(void)context;
	fail_msg("listed: '%s'", entry->host);
	return false;
}

static void an_offer_of_ech_is_kept_for_its_time_and_never_listed(void **state)
{
	(void)state;
	assert_false(names_offers_ech(names, "www.example.org", 15, START));
	names_add_ech(names, "www.example.org", 15, TTL, START);
	assert_true(names_offers_ech(names, "www.example.org", 15, START));
	assert_false(names_offers_ech(names, "www.example.net", 15, START));
	assert_false(names_offers_ech(names, "www.example.org", 15, START + TTL * UINT64_C(1000000)));
	assert_int_equal(stats_of(names).entries, 1);
	names_visit(names, START, refuse_any, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_known_at_first),
		TEST(an_answer_names_the_address_on_any_port),
		TEST(two_clients_with_one_address_keep_their_own_names),
		TEST(the_newest_answer_to_the_client_counts),
		TEST(a_connection_and_an_answer_compete_by_age),
		TEST(what_a_connection_showed_is_of_its_endpoint),
		TEST(the_clients_own_comes_before_news_of_others),
		TEST(what_others_showed_comes_before_what_others_were_told),
		TEST(without_clients_the_newest_of_anybody_counts),
		TEST(a_client_of_no_family_is_everybody),
		TEST(families_do_not_mix),
		TEST(apps_and_rule_are_the_endpoints_whoever_names_it),
		TEST(what_is_learned_replaces_what_was_learned),
		TEST(neither_app_nor_rule_is_nothing_to_learn),
		TEST(names_and_what_is_learned_expire_apart),
		TEST(an_answer_ends_with_its_ttl),
		TEST(what_others_know_takes_over_when_the_clients_own_expires),
		TEST(an_expired_name_does_not_hide_an_older_one),
		TEST(ttls_of_nothing_and_of_a_lifetime),
		TEST(the_same_name_again_is_a_refresh),
		TEST(an_entry_from_a_clock_set_back_is_the_oldest),
		TEST(threads_a_little_apart_keep_their_order),
		TEST(every_length_of_a_host_comes_back),
		TEST(hosts_that_cannot_be_are_refused),
		TEST(a_cache_of_none_keeps_nothing),
		TEST(caches_of_few_are_filled_and_never_exceeded),
		TEST(what_was_written_longest_ago_goes),
		TEST(what_has_expired_goes_first),
		TEST(an_entry_from_the_future_goes_before_the_present_ones),
		TEST(long_names_leave_room_for_fewer),
		TEST(a_large_cache_costs_what_its_names_need),
		TEST(a_flood_of_a_million_names_stays_bounded),
		TEST(every_entry_is_listed),
		TEST(what_is_learned_of_a_nameless_endpoint_is_listed),
		TEST(a_visitor_ends_the_visit),
		TEST(an_offer_of_ech_is_kept_for_its_time_and_never_listed),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
