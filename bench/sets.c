/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sets - what a `host` or `dst` list of 10, 1 000 or 1 000 000 entries costs.
 *
 * Each row is a process of its own, so that its memory is its own: a list file of made-up names or
 * prefixes, in random order, is loaded as a user's rule would load it. All times are the CPU's,
 * and the best of several: others may be at work here. "B/entry" is what stays (RssAnon), "peak"
 * what loading adds at most (VmHWM). A lookup is timed alone, and as part of ruleset_match() over
 * one rule, which is what a flow pays; queries come in random order, so that large sets are seen
 * with cold caches. "+0" is the same match against a rule with one entry.
 *
 * bench/sets [ENTRIES...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "../src/rules/private.h"
#include "bench.h"

#define SLICES 8
#define SLICE (1u << 17)
#define QUERIES (SLICES * SLICE)

enum kind { NAMES, IPV4, IPV6, KINDS };
static const char *const kind_names[KINDS] = {"names", "IPv4 prefixes", "IPv6 prefixes"};

struct query {
	char host[48];
	uint8_t host_length;
	struct ip_addr address;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* A number that depends on its place only: lists and queries are made from the same. */
static uint64_t scramble(uint64_t value)
{
	value += UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

/* ---- what the lists hold ---- */

static int make_name(uint64_t place, char *out)
{
	static const char *const ends[] = {"com",   "net",     "org", "de",
					   "co.uk", "example", "io",  "ru"};
	static const char *const fronts[] = {"", "", "", "", "", "ads.", "track.", "cdn-7."};
	uint64_t bits = scramble(place * 2), more = scramble(place * 2 + 1);
	unsigned length = 5 + (unsigned)(more & 7) + (unsigned)(more >> 3 & 3);
	char label[16];

	for (unsigned i = 0; i < length; i++, bits /= 26)
		label[i] = (char)('a' + bits % 26);
	label[length] = '\0';
	return sprintf(out, "%s%s%s.%s", fronts[more >> 8 & 7], label, more >> 16 & 1 ? "-s" : "",
		       ends[more >> 24 & 7]);
}

static struct ip_addr make_address(enum kind kind, uint64_t place)
{
	struct ip_addr address = {.family = kind == IPV4 ? IP_V4 : IP_V6};
	uint64_t bits = scramble(place), more = scramble(~place);

	memcpy(address.bytes, &bits, kind == IPV4 ? 4 : 8);
	if (kind == IPV4) {
		address.bytes[0] = (uint8_t)(1 + address.bytes[0] % 223);
	} else {
		memcpy(address.bytes + 8, &more, 8);
		address.bytes[0] = more >> 8 & 1 ? 0x2a : 0x20;
		address.bytes[1] = (uint8_t)(more & 15);
	}
	return address;
}

static void write_list(enum kind kind, uint64_t entries, const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		die(path);
	for (uint64_t i = 0; i < entries; i++) {
		char text[80];

		if (kind == NAMES) {
			make_name(i, text);
			fprintf(file, "%s\n", text);
		} else {
			struct ip_addr address = make_address(kind, i);

			fprintf(file, "%s/%u\n", ip_format(&address, text),
				kind == IPV4 ? 24 + (unsigned)(i & 7) : 48);
		}
	}
	if (fclose(file))
		die(path);
}

/* ---- measuring ---- */

static long memory_kib(const char *field)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtol(line + strlen(field) + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static void reset_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");

#ifdef __GLIBC__
	malloc_trim(0);
#endif
	if (!file || fputs("5\n", file) < 0 || fclose(file))
		die("/proc/self/clear_refs");
}

static struct ruleset *load(const char *path)
{
	struct rules_options options = {0};
	struct diag_list diags = DIAG_LIST_INIT;
	struct rules_builder *builder;
	struct ruleset *rules;

	mark_layout_init(&options.mark, 0xff);
	builder = rules_builder_new(&options, &diags);
	rules_add_file(builder, path, false);
	rules = rules_build(builder);
	rules_builder_free(builder);
	if (!rules) {
		diag_print(&diags, stderr);
		exit(1);
	}
	diag_list_release(&diags);
	return rules;
}

static void write_rule(const char *path, enum kind kind, const char *item)
{
	FILE *file = fopen(path, "w");

	if (!file)
		die(path);
	fprintf(file, "rules = ( { name = \"r\"; match = { %s = \"%s\"; }; mark = 5; } );\n",
		kind == NAMES ? "host" : "dst", item);
	if (fclose(file))
		die(path);
}

/* Half of the names that hit do so by a parent. */
static void make_queries(enum kind kind, uint64_t entries, bool hits, struct query *queries)
{
	for (uint64_t i = 0; i < QUERIES; i++) {
		uint64_t place = scramble(i) % entries + (hits ? 0 : UINT32_MAX);
		struct query *query = &queries[i];

		if (kind == NAMES) {
			int front = i & 1 ? sprintf(query->host, "www.") : 0;

			query->host_length =
				(uint8_t)(front + make_name(place, query->host + front));
		} else {
			query->address = make_address(kind, place);
		}
	}
}

static unsigned ask_set(enum kind kind, const struct ruleset *rules, const struct query *queries)
{
	const void *set = rules->rules[0].tests[0].items;
	unsigned held = 0;

	for (unsigned i = 0; i < SLICE; i++)
		held += kind == NAMES
				? host_set_covers(set, queries[i].host, queries[i].host_length)
				: address_set_covers(set, &queries[i].address);
	return held;
}

static unsigned ask_rules(enum kind kind, const struct ruleset *rules, const struct query *queries)
{
	struct rule_facts facts = {.proto = 6, .dport = 443, .has_ports = true};
	struct evidence evidence = {.host_source = HOST_TLS_SNI};
	unsigned held = 0;

	for (unsigned i = 0; i < SLICE; i++) {
		struct rule_match match;

		facts.dst = queries[i].address;
		if (kind == NAMES) {
			memcpy(evidence.host, queries[i].host, sizeof(queries[i].host));
			evidence.host_length = queries[i].host_length;
		}
		ruleset_match(rules, &facts, &evidence, NULL, NULL, &match);
		held += match.rule == 0;
	}
	return held;
}

typedef unsigned ask_fn(enum kind kind, const struct ruleset *rules, const struct query *queries);

/* Nanoseconds a query, of the best slice; each query is asked once. */
static double measure(ask_fn *ask, enum kind kind, const struct ruleset *rules,
		      const struct query *queries, unsigned *held)
{
	uint64_t best = UINT64_MAX;

	*held = 0;
	for (unsigned i = 0; i < SLICES; i++) {
		uint64_t start = bench_cpu_ns(), took;

		*held += ask(kind, rules, queries + (size_t)i * SLICE);
		took = bench_cpu_ns() - start;
		best = took < best ? took : best;
	}
	return (double)best / SLICE;
}

/* What the table has, for $BENCH_JSON: the cost of a lookup that holds. */
static void json_row(enum kind kind, uint64_t entries, const double *values)
{
	char name[64];
	struct bench_row row = {
		.bench = "sets",
		.row = name,
		.unit = "ns/lookup",
		.median = values[0],
		.rounds = SLICES,
	};

	snprintf(name, sizeof(name), "%s, %llu", kind_names[kind], (unsigned long long)entries);
	bench_json(
		&row,
		"\"miss_ns\":%.1f,\"flow_hit_ns\":%.1f,\"flow_miss_ns\":%.1f,\"flow_base_ns\":%.1f,"
		"\"load_ms\":%.2f,\"bytes_per_entry\":%.1f",
		values[1], values[2], values[3], values[4], values[5], values[6]);
}

static void row(enum kind kind, uint64_t entries, const char *directory)
{
	char list[4096], conf[4096], one[4096];
	struct query *queries;
	struct ruleset *rules, *base;
	uint64_t best = UINT64_MAX;
	double lookup[2], flow[2], floor;
	long before, peak, steady;
	unsigned held;

	snprintf(list, sizeof(list), "%s/list", directory);
	snprintf(conf, sizeof(conf), "%s/list.conf", directory);
	snprintf(one, sizeof(one), "%s/one.conf", directory);
	write_list(kind, entries, list);
	write_rule(conf, kind, "@list");
	write_rule(one, kind, kind == NAMES ? "=a" : kind == IPV4 ? "0.0.0.1" : "::1");
	base = load(one);

	reset_peak();
	before = memory_kib("RssAnon:");
	peak = memory_kib("VmHWM:");
	rules = load(conf);
	peak = memory_kib("VmHWM:") - peak;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	steady = memory_kib("RssAnon:") - before;

	for (unsigned i = 0; i < (entries > 100000 ? 5u : 50u); i++) {
		uint64_t start = bench_cpu_ns(), took;

		ruleset_free(rules);
		rules = load(conf);
		took = bench_cpu_ns() - start;
		best = took < best ? took : best;
	}

	queries = calloc(QUERIES, sizeof(*queries));
	if (!queries)
		die("queries");
	for (unsigned misses = 0; misses < 2; misses++) {
		make_queries(kind, entries, !misses, queries);
		lookup[misses] = measure(ask_set, kind, rules, queries, &held);
		flow[misses] = measure(ask_rules, kind, rules, queries, &held);
		/* what hits by chance among made-up names is a few in a thousand */
		if (misses ? held > QUERIES / 4 : held != QUERIES) {
			fprintf(stderr, "%s: %u of %u held\n", kind_names[kind], held, QUERIES);
			exit(1);
		}
	}
	floor = measure(ask_rules, kind, base, queries, &held);
	printf("%-14s %8llu %9.2f %8.1f %8.1f %7.0f %7.0f %8.0f %7.0f %6.0f\n", kind_names[kind],
	       (unsigned long long)entries, (double)best / 1e6,
	       (double)steady * 1024 / (double)entries, (double)peak / 1024, lookup[0], lookup[1],
	       flow[0], flow[1], floor);
	json_row(kind, entries,
		 (double[]){lookup[0], lookup[1], flow[0], flow[1], floor, (double)best / 1e6,
			    (double)steady * 1024 / (double)entries});
}

int main(int argc, char **argv)
{
	static const char *const usual[] = {"10", "1000", "1000000"};
	const char *temporary = getenv("TMPDIR");
	char directory[4000], command[4096];
	int status, failed = 0, count = argc > 1 ? argc - 1 : 3;

	snprintf(directory, sizeof(directory), "%s/waymark-sets-XXXXXX",
		 temporary ? temporary : "/tmp");
	if (!mkdtemp(directory))
		die(directory);
	printf("%-14s %8s %9s %8s %8s %15s %16s %6s\n", "", "", "load", "memory", "peak",
	       "ns per lookup", "ns per flow", "");
	printf("%-14s %8s %9s %8s %8s %7s %7s %8s %7s %6s\n", "list of", "entries", "ms", "B/entry",
	       "MiB", "hit", "miss", "hit", "miss", "+0");
	fflush(stdout);
	for (int kind = 0; kind < KINDS; kind++) {
		for (int i = 0; i < count; i++) {
			const char *entries = argc > 1 ? argv[1 + i] : usual[i];

			if (fork() == 0) {
				row((enum kind)kind, strtoull(entries, NULL, 10), directory);
				exit(0);
			}
			if (wait(&status) < 0 || status != 0)
				failed = 1;
		}
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	if (system(command) != 0)
		failed = 1;
	return failed;
}
