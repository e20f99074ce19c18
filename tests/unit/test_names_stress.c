/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names cache against a plain model, and under threads that write and read the same buckets. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <waymark/names.h>

#include "config.h"

#define SECOND 1000000ull
#define START (1000 * SECOND)
#define TTL 300

/* Sanitizers take their time. */
#ifdef WAYMARK_SANITIZER
enum { SANITIZED = 1, OPERATIONS = 30000 };
#else
enum { SANITIZED = 0, OPERATIONS = 200000 };
#endif

enum { TCP = 6 };

static const struct hash_seed seed = {1, 2};
static struct names *names;

static void table_of(uint32_t max)
{
	names_free(names);
	names = names_new(max, &seed);
	assert_non_null(names);
}

static int teardown(void **state)
{
	(void)state;
	names_free(names);
	names = NULL;
	return 0;
}

static struct ip_addr host_number(uint32_t number)
{
	return ip_v4(
		(uint8_t[]){10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number});
}

static struct names_stats stats_of(const struct names *table)
{
	struct names_stats stats;

	names_stats(table, &stats);
	return stats;
}

/* ---- against a plain model ---- */

enum { CLIENTS = 3, SERVERS = 2, PORTS = 2, HOSTS = 3 };

struct fact {
	uint64_t written_us, expires_us;
	unsigned value;
};

static struct model {
	/* the last client is everybody */
	struct fact answers[CLIENTS + 1][SERVERS], seen[CLIENTS + 1][SERVERS][PORTS];
	struct fact learned[SERVERS][PORTS];
} model;

static void note(struct fact *fact, unsigned value, uint32_t ttl_s, uint64_t now_us)
{
	uint64_t expires_us = now_us + ttl_s * SECOND;

	if (fact->expires_us && fact->value == value && fact->expires_us > expires_us)
		expires_us = fact->expires_us;
	*fact = (struct fact){.written_us = now_us, .expires_us = expires_us, .value = value};
}

static const struct fact *known(const struct fact *fact, uint64_t now_us)
{
	return fact->expires_us > now_us ? fact : NULL;
}

static const struct fact *newer(const struct fact *a, const struct fact *b)
{
	if (!a || !b)
		return a ? a : b;
	return a->written_us > b->written_us ? a : b;
}

static void assert_like_the_model(unsigned c, unsigned s, unsigned p, bool per_client,
				  uint64_t now_us)
{
	static const char *const hosts[HOSTS] = {"a.example", "bb.example", "www.ccc.example"};
	struct names_endpoint server = {host_number(200 + s), (uint16_t)p, TCP};
	struct ip_addr client = host_number(c);
	const struct fact *told = known(&model.answers[c][s], now_us);
	const struct fact *shown = known(&model.seen[c][s][p], now_us);
	const struct fact *all_told = known(&model.answers[CLIENTS][s], now_us);
	const struct fact *all_shown = known(&model.seen[CLIENTS][s][p], now_us);
	const struct fact *rule = known(&model.learned[s][p], now_us), *host;
	struct names_guess guess;

	if (!per_client) {
		told = NULL;
		host = newer(all_told, all_shown);
	} else {
		host = newer(told, shown);
		if (!host)
			host = all_shown ? all_shown : all_told;
	}
	told = told ? told : all_told;
	assert_int_equal(names_find(names, &client, &server, per_client, now_us, &guess),
			 host || rule);
	if (!host && !rule)
		return;
	assert_string_equal(guess.host, host ? hosts[host->value] : "");
	assert_string_equal(guess.answer, told ? hosts[told->value] : "");
	assert_int_equal(guess.rule, rule ? rule->value : 0);
	assert_int_equal(guess.app_count, rule ? rule->value % NAMES_APPS : 0);
}

static void random_life_agrees_with_a_plain_model(void **state)
{
	static const char *const hosts[HOSTS] = {"a.example", "bb.example", "www.ccc.example"};
	const uint16_t apps[NAMES_APPS] = {1, 2, 3, 4};
	uint64_t now_us = START;

	(void)state;
	/* one bucket per pair of addresses or so: nothing is evicted */
	table_of(262144);
	memset(&model, 0, sizeof(model));
	srandom(11);
	for (unsigned round = 0; round < 200000; round++) {
		unsigned c = (unsigned)random() % CLIENTS, s = (unsigned)random() % SERVERS;
		unsigned p = (unsigned)random() % PORTS, h = (unsigned)random() % HOSTS;
		uint32_t ttl_s = (uint32_t)random() % 20 + 1;
		struct names_endpoint server = {host_number(200 + s), (uint16_t)p, TCP};
		struct ip_addr client = host_number(c);

		now_us += (uint64_t)random() % SECOND + 1;
		switch (random() % 8) {
		case 0:
			names_add_answer(names, &client, hosts[h], strlen(hosts[h]),
					 &server.address, ttl_s, now_us);
			note(&model.answers[c][s], h, ttl_s, now_us);
			note(&model.answers[CLIENTS][s], h, ttl_s, now_us);
			break;
		case 1:
			names_add_seen(names, &client, &server, hosts[h], strlen(hosts[h]), 1,
				       ttl_s, now_us);
			note(&model.seen[c][s][p], h, ttl_s, now_us);
			note(&model.seen[CLIENTS][s][p], h, ttl_s, now_us);
			break;
		case 2:
			names_add_learned(names, &server, apps, (h + 1) % NAMES_APPS, h + 1, ttl_s,
					  now_us);
			note(&model.learned[s][p], h + 1, ttl_s, now_us);
			break;
		default:
			assert_like_the_model(c, s, p, random() % 2, now_us);
		}
	}
	assert_int_equal(stats_of(names).evicted, 0);
}

/* ---- threads ---- */

enum { WRITERS = 4, READERS = 4, ANY_CLIENT = 60 };

/* What all threads of one test share. Keys are few, so that most of them are there, and looked at.
 */
struct ring {
	struct names *names;
	unsigned servers, clients; /* at most 60 each */
	pthread_barrier_t start;
	_Atomic unsigned writers_left;
};

struct hammer {
	struct ring *ring;
	pthread_t thread;
	uint64_t state;
	unsigned found, wrong;
};

static unsigned next_random(struct hammer *hammer, unsigned below)
{
	hammer->state = hammer->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(hammer->state >> 33) % below;
}

/* Every host tells its key, then says one letter over and over, so that a mixture shows. */
static size_t host_for(struct hammer *hammer, unsigned kind, unsigned server, unsigned client,
		       char host[NAMES_HOST_SIZE])
{
	size_t length = 3 + next_random(hammer, 200);

	memset(host, 'a' + (int)next_random(hammer, 26), length);
	host[0] = (char)('0' + kind);
	host[1] = (char)('0' + server);
	host[2] = (char)('0' + client);
	return length;
}

static bool is_host_for(const char *host, size_t length, unsigned kind, unsigned server,
			unsigned client)
{
	if (length < 3 || strlen(host) != length || host[0] != (char)('0' + kind) ||
	    host[1] != (char)('0' + server) ||
	    (client != ANY_CLIENT && host[2] != (char)('0' + client)))
		return false;
	for (size_t i = 4; i < length; i++)
		if (host[i] != host[3])
			return false;
	return true;
}

static void *hammer_writes(void *context)
{
	struct hammer *hammer = context;
	struct ring *ring = hammer->ring;
	char host[NAMES_HOST_SIZE];

	pthread_barrier_wait(&ring->start);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		unsigned s = next_random(hammer, ring->servers);
		unsigned c = next_random(hammer, ring->clients);
		struct ip_addr client = host_number(1000 + c);
		struct names_endpoint server = {host_number(s), (uint16_t)s, TCP};
		unsigned kind = next_random(hammer, 3);
		uint64_t now_us = START + i;
		size_t length = host_for(hammer, kind, s, c, host);
		uint16_t apps[2] = {(uint16_t)s, (uint16_t)c};

		if (kind == 0)
			names_add_answer(ring->names, &client, host, length, &server.address, TTL,
					 now_us);
		else if (kind == 1)
			names_add_seen(ring->names, &client, &server, host, length, (uint8_t)s, TTL,
				       now_us);
		else
			names_add_learned(ring->names, &server, apps, 2, s + ((uint64_t)c << 32),
					  TTL, now_us);
	}
	ring->writers_left--;
	return NULL;
}

static bool is_guess_for(const struct names_guess *got, unsigned s, unsigned c)
{
	bool is_own = got->origin == NAMES_CLIENT_ANSWER || got->origin == NAMES_CLIENT_SEEN;
	unsigned kind = got->origin == NAMES_CLIENT_SEEN || got->origin == NAMES_SERVER_SEEN;

	if (got->origin != NAMES_NO_HOST &&
	    (!is_host_for(got->host, got->host_length, kind, s, is_own ? c : ANY_CLIENT) ||
	     got->source != (kind ? s : 0)))
		return false;
	if (got->answer_length && !is_host_for(got->answer, got->answer_length, 0, s, ANY_CLIENT))
		return false;
	return !got->app_count || (got->app_count == 2 && got->apps[0] == s &&
				   got->rule == s + ((uint64_t)got->apps[1] << 32));
}

static bool check_entry(const struct names_entry *entry, void *context)
{
	struct hammer *hammer = context;
	unsigned s = entry->server.address.bytes[3], c = ANY_CLIENT;

	if (entry->client.family)
		c = (unsigned)(entry->client.bytes[2] << 8 | entry->client.bytes[3]) - 1000;
	hammer->wrong += entry->host_length &&
			 !is_host_for(entry->host, entry->host_length, !entry->answer, s, c);
	hammer->wrong += entry->app_count && entry->apps[0] != s;
	return true;
}

/* Readers read as long as there are writers. */
static void *hammer_reads(void *context)
{
	struct hammer *hammer = context;
	struct ring *ring = hammer->ring;
	struct names_guess got;
	struct names_stats stats;

	pthread_barrier_wait(&ring->start);
	for (unsigned i = 0; i < OPERATIONS || ring->writers_left; i++) {
		unsigned s = next_random(hammer, ring->servers);
		unsigned c = next_random(hammer, ring->clients);
		struct ip_addr client = host_number(1000 + c);
		struct names_endpoint server = {host_number(s), (uint16_t)s, TCP};

		if (names_find(ring->names, &client, &server, next_random(hammer, 4), START,
			       &got)) {
			hammer->found++;
			hammer->wrong += !is_guess_for(&got, s, c);
		}
		names_stats(ring->names, &stats);
		hammer->wrong += stats.entries > stats.max;
		if (i % (SANITIZED ? 128 : 8) == 0)
			names_visit(ring->names, START, check_entry, hammer);
	}
	return NULL;
}

static void hammer(uint32_t max, unsigned servers, unsigned clients)
{
	struct ring ring = {.servers = servers, .clients = clients, .writers_left = WRITERS};
	struct hammer hammers[WRITERS + READERS] = {0};
	struct names_stats stats;

	table_of(max);
	ring.names = names;
	assert_int_equal(pthread_barrier_init(&ring.start, NULL, WRITERS + READERS), 0);
	for (unsigned i = 0; i < WRITERS + READERS; i++) {
		hammers[i].ring = &ring;
		hammers[i].state = i;
		assert_int_equal(pthread_create(&hammers[i].thread, NULL,
						i < WRITERS ? hammer_writes : hammer_reads,
						&hammers[i]),
				 0);
	}
	for (unsigned i = 0; i < WRITERS + READERS; i++)
		pthread_join(hammers[i].thread, NULL);
	pthread_barrier_destroy(&ring.start);
	for (unsigned i = WRITERS; i < WRITERS + READERS; i++) {
		assert_int_equal(hammers[i].wrong, 0);
		assert_true(hammers[i].found > 0);
	}
	stats = stats_of(names);
	assert_true(stats.entries <= max);
	/* each of the three kinds, a third each, writes two entries, two, and one */
	assert_in_range(stats.added + stats.refreshed + stats.contended,
			(uint64_t)WRITERS * OPERATIONS * 5 / 3 - 10000,
			(uint64_t)WRITERS * OPERATIONS * 5 / 3 + 10000);
}

static void threads_find_only_what_was_written_for_the_key(void **state)
{
	(void)state;
	hammer(256, 40, 4);
}

static void threads_in_one_bucket_find_only_what_was_written(void **state)
{
	(void)state;
	hammer(8, 2, 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_life_agrees_with_a_plain_model),
		TEST(threads_find_only_what_was_written_for_the_key),
		TEST(threads_in_one_bucket_find_only_what_was_written),
	};

	return cmocka_run_group_tests_name("names stress", tests, NULL, NULL);
}
