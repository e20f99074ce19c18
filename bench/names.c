/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names cache: what a look costs, found or not, and what an add costs, with few entries and
 * with many, alone and beside a thread that writes all the time; memory reserved and resident; and
 * a flood of FLOOD different names (ten million if not given).
 *
 *	names [FLOOD]
 *
 * Names are looked up and added in random order, so what is measured includes the cache misses.
 * Half of the names are answers, half were shown by connections; half of the addresses IPv6.
 * A find beside the writer is in vain if the writer stood still in the bucket (lost its processor),
 * or, in a full cache, had the name evicted.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <waymark/names.h>

#include "bench.h"

#define DEFAULT_MAX 262144u
#define ROUNDS 2000000u
#define NOW 1000000000u
#define TTL 86400

static uint64_t random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static double seconds(void)
{
	return (double)bench_cpu_ns() / 1e9;
}

static double resident_mib(void)
{
	return bench_resident_bytes() / (1 << 20);
}

static struct ip_addr client_of(uint32_t number)
{
	return ip_v4((uint8_t[]){10, 0, 0, (uint8_t)(number % 250)});
}

static struct names_endpoint server_of(uint32_t number)
{
	uint8_t bytes[16] = {0x20, 1, 0xd, 0xb8};

	for (unsigned i = 0; i < 4; i++)
		bytes[12 + i] = (uint8_t)(number >> (24 - 8 * i));
	return (struct names_endpoint){
		.address = number / 2 % 2 ? ip_v6(bytes) : ip_v4(bytes + 12),
		.port = 443,
		.proto = 6,
	};
}

static void add(struct names *names, uint32_t number, unsigned variant, uint64_t now_us)
{
	struct names_endpoint server = server_of(number);
	struct ip_addr client = client_of(number);
	char host[64] = "edge-00000000.cdn.example.net";

	for (unsigned digit = 0; digit < 8; digit++)
		host[5 + digit] = "0123456789abcdef"[number >> (28 - 4 * digit) & 0xf];
	host[4] = (char)('-' + variant % 2); /* - or . */
	if (number % 2)
		names_add_seen(names, &client, &server, host, strlen(host), 1, TTL, now_us);
	else
		names_add_answer(names, &client, host, strlen(host), &server.address, TTL, now_us);
}

static bool find(const struct names *names, uint32_t number, uint64_t now_us)
{
	struct names_endpoint server = server_of(number);
	struct ip_addr client = client_of(number);
	struct names_guess guess;

	return names_find(names, &client, &server, true, now_us, &guess) &&
	       (guess.origin == NAMES_CLIENT_ANSWER || guess.origin == NAMES_CLIENT_SEEN);
}

/* ---- one size ---- */

struct bench {
	struct names *names;
	uint32_t *there; /* numbers that are found */
	uint32_t there_count;
	uint64_t state, now_us;
	_Atomic bool stop;
	uint64_t written;
	double write_seconds;
};

static uint32_t one_there(struct bench *bench, uint64_t *state)
{
	return bench->there[random_next(state) % bench->there_count];
}

static double find_there(struct bench *bench, unsigned *missed)
{
	double start = seconds();

	*missed = 0;
	for (unsigned i = 0; i < ROUNDS; i++)
		*missed += !find(bench->names, one_there(bench, &bench->state), bench->now_us);
	return (seconds() - start) / ROUNDS * 1e9;
}

static double find_absent(struct bench *bench)
{
	double start = seconds();

	for (unsigned i = 0; i < ROUNDS; i++)
		find(bench->names, 1u << 31 | (uint32_t)random_next(&bench->state), bench->now_us);
	return (seconds() - start) / ROUNDS * 1e9;
}

/* The same names again, or each time another one. */
static double add_there(struct bench *bench, bool changing)
{
	double start = seconds();

	for (unsigned i = 0; i < ROUNDS; i++)
		add(bench->names, one_there(bench, &bench->state), changing ? i : 0,
		    ++bench->now_us);
	return (seconds() - start) / ROUNDS * 1e9;
}

static void *write_all_the_time(void *context)
{
	struct bench *bench = context;
	uint64_t state = 99;
	double start = seconds();

	for (uint64_t i = 0; !atomic_load_explicit(&bench->stop, memory_order_relaxed); i++) {
		add(bench->names, one_there(bench, &state), (unsigned)(i >> 3), NOW + i);
		bench->written++;
	}
	bench->write_seconds = seconds() - start;
	return NULL;
}

static void json_row(uint32_t entries, const char *how, double find_ns, double miss_ns,
		     double add_ns, unsigned vain)
{
	char name[64];
	struct bench_row row = {
		.bench = "names", .row = name, .unit = "ns/find", .median = find_ns, .rounds = 1};

	snprintf(name, sizeof(name), "%u entries, %s", entries, how);
	bench_json(&row, "\"miss_ns\":%.0f,\"add_ns\":%.0f,\"in_vain\":%u", miss_ns, add_ns, vain);
}

static void bench_size(uint32_t entries)
{
	struct bench bench = {.state = 1, .now_us = NOW};
	const struct hash_seed seed = {3, 4};
	struct names_stats stats;
	double resident = resident_mib(), hit, again, miss;
	unsigned missed;
	pthread_t thread;

	bench.names = names_new(entries > DEFAULT_MAX ? entries : DEFAULT_MAX, &seed);
	bench.there = calloc(entries / 2, sizeof(*bench.there));
	if (!bench.names || !bench.there)
		exit(1);
	for (uint32_t number = 0; number < entries / 2; number++)
		add(bench.names, number, 0, bench.now_us);
	for (uint32_t number = 0; number < entries / 2; number++)
		if (find(bench.names, number, bench.now_us))
			bench.there[bench.there_count++] = number;
	names_stats(bench.names, &stats);
	printf("%u entries written: %llu there, max %llu; %.1f MiB reserved, %.1f resident\n",
	       entries, (unsigned long long)stats.entries, (unsigned long long)stats.max,
	       (double)stats.bytes / (1 << 20), resident_mib() - resident);

	hit = find_there(&bench, &missed);
	miss = find_absent(&bench);
	again = add_there(&bench, false);
	printf("  alone:           find %.0f ns, not there %.0f ns; add again %.0f ns, "
	       "another name %.0f ns\n",
	       hit, miss, again, add_there(&bench, true));
	json_row(entries, "alone", hit, miss, again, missed);

	bench.now_us = NOW;
	if (pthread_create(&thread, NULL, write_all_the_time, &bench))
		exit(1);
	hit = find_there(&bench, &missed);
	miss = find_absent(&bench);
	atomic_store(&bench.stop, true);
	pthread_join(thread, NULL);
	printf("  beside a writer: find %.0f ns, not there %.0f ns; add %.0f ns; "
	       "of %u finds %u in vain\n",
	       hit, miss, bench.write_seconds / (double)bench.written * 1e9, ROUNDS, missed);
	json_row(entries, "beside a writer", hit, miss,
		 bench.write_seconds / (double)bench.written * 1e9, missed);
	names_free(bench.names);
	free(bench.there);
}

static void bench_flood(uint32_t flood)
{
	const struct hash_seed seed = {3, 4};
	double resident = resident_mib(), start = seconds();
	struct names *names = names_new(DEFAULT_MAX, &seed);
	struct names_stats stats;
	uint64_t most = 0;
	struct bench_row row = {.bench = "names", .row = "flood", .unit = "ns/add", .rounds = 1};

	if (!names)
		exit(1);
	for (uint32_t number = 0; number < flood; number++) {
		add(names, number, 0, NOW + number);
		if (number % 4096 == 0 || number == flood - 1) {
			names_stats(names, &stats);
			most = stats.entries > most ? stats.entries : most;
		}
	}
	row.median = (seconds() - start) / flood * 1e9;
	bench_json(&row, "\"names\":%u,\"most\":%llu,\"max\":%llu,\"evicted\":%llu", flood,
		   (unsigned long long)most, (unsigned long long)stats.max,
		   (unsigned long long)stats.evicted);
	printf("flood of %u names: %.0f ns each; at most %llu entries of %llu, %llu evicted; "
	       "%.1f MiB reserved, %.1f resident\n",
	       flood, row.median, (unsigned long long)most, (unsigned long long)stats.max,
	       (unsigned long long)stats.evicted, (double)stats.bytes / (1 << 20),
	       resident_mib() - resident);
	names_free(names);
}

int main(int argc, char **argv)
{
	const uint32_t sizes[] = {10, 1000, 262144, 1000000};
	long flood = argc > 1 ? atol(argv[1]) : 10000000;

	if (argc > 2 || flood < 1 || flood > 1 << 30) {
		fputs("usage: names [FLOOD]\n", stderr);
		return 2;
	}
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		bench_size(sizes[i]);
	bench_flood((uint32_t)flood);
	return 0;
}
