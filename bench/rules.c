/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules - what a new flow costs, against the number of rules, names and prefixes; and loading them.
 *
 * Each size is a configuration of its own, written to files and loaded as the daemon loads it
 * (policy_load()). A flow's cost is all that classify_batch() does for its first packet, or, where
 * rules ask for names, for its SYN and its ClientHello. Flows are fresh, in random order, and come
 * to all rules of a size alike; "none" are those that no rule holds for. Sizes are interleaved, a
 * round each; a ratio is to the smallest size of the same table, which runs twice, far apart: the
 * second time is the noise.
 *
 * "address" rules are dst, proto and dport. "mixed" rules are prefixes of all lengths on either
 * side, protocols, ports, port ranges and lists, dscp and interfaces.
 *
 * "load" is the CPU time of one loading, "MiB" what the ruleset holds.
 *
 * bench/rules [FAMILY...]    address mixed names hosts ipv4 ipv6 patterns reload; ROUNDS=7
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <waymark/policy.h>

#include "../src/rules/private.h"
#include "bench.h"

enum {
	FLOWS = 16384, /* of one kind in one round; the table holds as many */
	ROUNDS_MAX = 100,
	SIZES_MAX = 6,
	HELLO_BYTES = 192,
	MIXED_INTERFACES = 4,
};

/* What a flow's packets are made of: read in order, so that it costs all sizes the same. */
struct sample {
	struct ip_addr src, dst;
	uint32_t iface;
	uint16_t dport;
	uint8_t proto, tos;
	uint8_t hello_length; /* 0: the flow's first packet is all there is */
	uint8_t *hello;	      /* HELLO_BYTES; NULL: the family has none */
};

struct size {
	unsigned entries;
	struct policy *policy;
	struct classify_policy view;
	struct steer_state *steer_state;
	struct classifier *classifier;
	struct sample *samples[2]; /* that some rule holds for, and none */
	uint8_t *hellos;
	double load_ms, bytes;
	double ns[2][ROUNDS_MAX];
	double again[ROUNDS_MAX];
};

struct family {
	const char *name, *what;
	void (*write)(const char *directory, unsigned entries);
	void (*sample)(unsigned entries, bool hit, uint64_t number, struct sample *sample);
	unsigned sizes[SIZES_MAX];
	double limit;	     /* of the ratio */
	unsigned limited_to; /* up to this size */
	bool hellos;
};

static char directory[4000];
static struct rules_interfaces *interfaces;
static bool failed;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *create(const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	if (!file)
		die(path);
	return file;
}

static void finish(FILE *file)
{
	if (ferror(file) || fclose(file))
		die("writing");
}

/* A number that depends on its place only: rules and flows are made from the same. */
static uint64_t scramble(uint64_t value)
{
	value += UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static struct ip_addr address_of(uint32_t number)
{
	struct ip_addr address = {.family = IP_V4};

	for (unsigned i = 0; i < 4; i++)
		address.bytes[i] = (uint8_t)(number >> (24 - 8 * i));
	return address;
}

/* ---- address: dst, proto and dport ---- */

static void begin_rules(FILE *file)
{
	fputs("rules_dir = [];\nrules = (\n", file);
}

static uint32_t address_dst(uint64_t rule)
{
	return UINT32_C(0x0a000000) | (uint32_t)(scramble(rule) & 0xffffff);
}

static uint16_t address_port(uint64_t rule)
{
	static const uint16_t ports[] = {443, 80, 22, 25, 993, 8080, 5060, 3306};

	return ports[rule % 8];
}

static void address_write(const char *name, unsigned entries)
{
	FILE *file = create(name);
	char text[IP_TEXT_SIZE];

	begin_rules(file);
	for (unsigned i = 0; i < entries; i++) {
		struct ip_addr dst = address_of(address_dst(i));

		fprintf(file,
			"  { name = \"r%u\"; match = { dst = \"%s\"; proto = \"%s\"; dport = %u; "
			"}; "
			"mark = %u; }%s\n",
			i, ip_format(&dst, text), i & 1 ? "udp" : "tcp", address_port(i),
			1 + i % 100, i + 1 < entries ? "," : "");
	}
	fputs(");\n", file);
	finish(file);
}

static void address_sample(unsigned entries, bool hit, uint64_t number, struct sample *sample)
{
	uint64_t rule = scramble(number) % entries;

	sample->src = address_of(0xc0a80000 | (uint32_t)(scramble(number * 3) & 0xffff));
	sample->dst = address_of(address_dst(rule) ^ (hit ? 0 : 0x01000000));
	sample->proto = rule & 1 ? IPPROTO_UDP : IPPROTO_TCP;
	sample->dport = address_port(rule);
}

/* ---- mixed ---- */

struct mixed {
	uint32_t address[2]; /* dst, src */
	uint8_t length[2];   /* 0: any */
	uint8_t proto;	     /* 0: any */
	uint16_t ports[3], port_count;
	uint16_t range;	     /* > 0: from ports[0] on so many more */
	uint8_t dscp, iface; /* 0: any */
};

static struct mixed mixed_rule(uint64_t number)
{
	uint64_t bits = scramble(number * 2), more = scramble(number * 2 + 1);
	struct mixed rule = {
		.address = {UINT32_C(0x14000000) + (uint32_t)(bits % UINT32_C(0x60000000)),
			    UINT32_C(0x0a000000) | (uint32_t)(bits >> 40)},
		.proto = more % 10 < 7 ? (more & 16 ? IPPROTO_TCP : IPPROTO_UDP) : 0,
	};
	unsigned sides = (unsigned)(more >> 8) % 10;

	/* of either side, or both; long prefixes are many, short ones few */
	if (sides < 8)
		rule.length[0] = (uint8_t)(sides < 3 ? 32 : 14 + (more >> 16) % 19);
	if (sides > 5)
		rule.length[1] = (uint8_t)((more >> 24) % 3 == 0 ? 32 : 14 + (more >> 28) % 19);
	switch ((more >> 36) % 10) {
	case 0:
	case 1:
		rule.ports[0] = (uint16_t)(1024 + (more >> 48) % 50000);
		rule.range = (uint16_t)(1 + (more >> 44) % 2000);
		rule.port_count = 1;
		break;
	case 2:
		rule.port_count = 3;
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		rule.port_count = 1;
		break;
	default:
		break;
	}
	for (unsigned i = 0; i < rule.port_count && !rule.range; i++)
		rule.ports[i] = address_port((more >> 50) + i);
	if (rule.port_count && !rule.proto)
		rule.proto = IPPROTO_TCP;
	if (number % 11 == 0)
		rule.dscp = (uint8_t)(1 + number % 60);
	if (number % 13 == 0)
		rule.iface = (uint8_t)(1 + number % MIXED_INTERFACES);
	return rule;
}

static void mixed_write(const char *name, unsigned entries)
{
	static const char *const sides[] = {"dst", "src"};
	FILE *file = create(name);
	char text[IP_TEXT_SIZE];

	begin_rules(file);
	for (unsigned i = 0; i < entries; i++) {
		struct mixed rule = mixed_rule(i);

		fprintf(file, "  { name = \"r%u\"; match = { ", i);
		for (unsigned side = 0; side < 2; side++) {
			struct ip_addr address = address_of(rule.address[side]);

			if (rule.length[side])
				fprintf(file, "%s = \"%s/%u\"; ", sides[side],
					ip_format(&address, text), rule.length[side]);
		}
		if (rule.proto)
			fprintf(file, "proto = \"%s\"; ",
				rule.proto == IPPROTO_TCP ? "tcp" : "udp");
		if (rule.range)
			fprintf(file, "dport = \"%u-%u\"; ", rule.ports[0],
				rule.ports[0] + rule.range);
		else if (rule.port_count == 1)
			fprintf(file, "dport = %u; ", rule.ports[0]);
		else if (rule.port_count)
			fprintf(file, "dport = [%u, %u, %u]; ", rule.ports[0], rule.ports[1],
				rule.ports[2]);
		if (rule.dscp)
			fprintf(file, "dscp = %u; ", rule.dscp);
		if (rule.iface)
			fprintf(file, "iface_in = \"lan%u\"; ", rule.iface);
		fprintf(file, "}; mark = %u; }%s\n", 1 + i % 100, i + 1 < entries ? "," : "");
	}
	fputs(");\n", file);
	finish(file);
}

/* An address of the prefix; any of a range of `rest` if there is none. */
static struct ip_addr mixed_address(const struct mixed *rule, unsigned side, uint64_t bits)
{
	unsigned length = rule->length[side];
	uint32_t mask = length ? UINT32_MAX << (32 - length) : UINT32_C(0xff000000);
	uint32_t base = length ? rule->address[side] : UINT32_C(0xc6000000);

	return address_of((base & mask) | ((uint32_t)bits & ~mask));
}

static void mixed_sample(unsigned entries, bool hit, uint64_t number, struct sample *sample)
{
	struct mixed rule = mixed_rule(scramble(number) % entries);
	uint64_t bits = scramble(number * 5 + 1);

	sample->dst = mixed_address(&rule, 0, bits);
	sample->src = mixed_address(&rule, 1, bits >> 20);
	if (!hit) { /* no rule's prefix is there */
		sample->dst.bytes[0] = 198;
		sample->src.bytes[0] = 199;
	}
	sample->proto = rule.proto ? rule.proto : bits & 1 ? IPPROTO_TCP : IPPROTO_UDP;
	sample->dport = rule.port_count ? rule.ports[bits % rule.port_count] : 4000;
	sample->dport = (uint16_t)(sample->dport + (rule.range ? bits % rule.range : 0));
	sample->tos = (uint8_t)(rule.dscp << 2);
	sample->iface = rule.iface ? rule.iface : 1;
}

/* ---- names ---- */

static int make_name(uint64_t place, char *out)
{
	static const char *const ends[] = {"com",   "net",     "org", "de",
					   "co.uk", "example", "io",  "ru"};
	static const char *const fronts[] = {"", "", "", "", "", "ads.", "track.", "cdn-7."};
	uint64_t bits = scramble(place * 2), more = scramble(place * 2 + 1);
	unsigned length = 7 + (unsigned)(more & 7);
	char label[16];

	for (unsigned i = 0; i < length; i++, bits /= 26)
		label[i] = (char)('a' + bits % 26);
	label[length] = '\0';
	return sprintf(out, "%s%s.%s", fronts[more >> 8 & 7], label, ends[more >> 24 & 7]);
}

static void put16(uint8_t **to, unsigned value)
{
	*(*to)++ = (uint8_t)(value >> 8);
	*(*to)++ = (uint8_t)value;
}

/* A ClientHello of TLS 1.3 with this name. */
static uint8_t make_hello(const char *host, uint8_t *bytes)
{
	unsigned sni = (unsigned)strlen(host), extensions = 9 + sni;
	unsigned body = 2 + 32 + 1 + 4 + 2 + 2 + extensions;
	uint8_t *to = bytes;

	*to++ = 22;
	put16(&to, 0x0301);
	put16(&to, body + 4);
	put16(&to, 0x0100);
	put16(&to, body);
	put16(&to, 0x0303);
	memset(to, 7, 32);
	to += 32;
	*to++ = 0;
	put16(&to, 2);
	put16(&to, 0x1301);
	put16(&to, 0x0100);
	put16(&to, extensions);
	put16(&to, 0);
	put16(&to, 5 + sni);
	put16(&to, 3 + sni);
	*to++ = 0;
	put16(&to, sni);
	memcpy(to, host, sni);
	to += sni;
	return (uint8_t)(to - bytes);
}

static void names_write(const char *name, unsigned entries)
{
	FILE *file = create("list"), *conf = create(name);
	char text[80];

	for (unsigned i = 0; i < entries; i++) {
		make_name(i, text);
		fprintf(file, "%s\n", text);
	}
	finish(file);
	fputs("rules_dir = [];\nrules = ( { name = \"names\"; match = { host = \"@list\"; }; mark "
	      "= 5; "
	      "late = \"move\"; } );\n",
	      conf);
	finish(conf);
}

/* All are below a name, and each is another: a size with few names is not to know its flows by
 * heart. */
static void names_sample(unsigned entries, bool hit, uint64_t number, struct sample *sample)
{
	char host[96];
	uint64_t bits = scramble(number * 11);
	int front = 0;

	for (int length = 2 + (int)(bits >> 60 & 7); front < length; bits /= 26)
		host[front++] = (char)('a' + bits % 26);
	host[front++] = '.';
	make_name(hit ? scramble(number) % entries : UINT32_MAX + number, host + front);
	sample->src = address_of(0xc0a80000 | (uint32_t)(scramble(number * 3) & 0xffff));
	sample->dst = address_of(0xcb007100 | (uint32_t)(scramble(number * 7) & 0xff));
	sample->proto = IPPROTO_TCP;
	sample->dport = 443;
	sample->hello_length = make_hello(host, sample->hello);
}

/* A rule a name. */
static void hosts_write(const char *name, unsigned entries)
{
	FILE *file = create(name);
	char text[80];

	begin_rules(file);
	for (unsigned i = 0; i < entries; i++) {
		make_name(i, text);
		fprintf(file,
			"  { name = \"r%u\"; match = { host = \"%s\"; }; mark = %u; late = "
			"\"move\"; "
			"}%s\n",
			i, text, 1 + i % 100, i + 1 < entries ? "," : "");
	}
	fputs(");\n", file);
	finish(file);
}

/* ---- prefixes in one rule ---- */

static void prefixes_write(const char *name, unsigned entries, bool wide)
{
	FILE *file = create("list"), *conf = create(name);

	for (uint64_t i = 0; i < entries; i++) {
		uint64_t bits = scramble(i);

		if (wide)
			fprintf(file, "2a%02x:%x:%x::/48\n", (unsigned)(bits & 15),
				(unsigned)(bits >> 8 & 0xffff), (unsigned)(bits >> 24 & 0xffff));
		else
			fprintf(file, "%u.%u.%u.%u/%u\n", (unsigned)(16 + (bits & 127)),
				(unsigned)(bits >> 8 & 255), (unsigned)(bits >> 16 & 255),
				(unsigned)(bits >> 24 & 255), (unsigned)(24 + i % 8));
	}
	finish(file);
	fputs("rules_dir = [];\nrules = ( { name = \"prefixes\"; match = { dst = \"@list\"; }; "
	      "mark = 5; } "
	      ");\n",
	      conf);
	finish(conf);
}

static void ipv4_write(const char *name, unsigned entries)
{
	prefixes_write(name, entries, false);
}

static void ipv6_write(const char *name, unsigned entries)
{
	prefixes_write(name, entries, true);
}

static void ipv4_sample(unsigned entries, bool hit, uint64_t number, struct sample *sample)
{
	uint64_t bits = scramble(scramble(number) % entries + (hit ? 0 : UINT32_MAX));

	sample->src = address_of(0xc0a80000 | (uint32_t)(scramble(number * 3) & 0xffff));
	sample->dst =
		address_of((uint32_t)(16 + (bits & 127)) << 24 | (uint32_t)(bits >> 8 & 255) << 16 |
			   (uint32_t)(bits >> 16 & 255) << 8 | (uint32_t)(bits >> 24 & 255));
	sample->proto = IPPROTO_TCP;
	sample->dport = 443;
}

static void ipv6_sample(unsigned entries, bool hit, uint64_t number, struct sample *sample)
{
	uint64_t bits = scramble(scramble(number) % entries + (hit ? 0 : UINT32_MAX));
	uint8_t *bytes = sample->dst.bytes;

	sample->src = sample->dst = (struct ip_addr){.family = IP_V6};
	memcpy(sample->src.bytes, "\x20\x01\x0d\xb8", 4);
	sample->src.bytes[15] = (uint8_t)scramble(number);
	sample->src.bytes[14] = (uint8_t)(scramble(number) >> 8);
	bytes[0] = 0x2a;
	bytes[1] = bits & 15;
	bytes[2] = (uint8_t)(bits >> 16);
	bytes[3] = (uint8_t)(bits >> 8);
	bytes[4] = (uint8_t)(bits >> 32);
	bytes[5] = (uint8_t)(bits >> 24);
	bytes[15] = 1;
	sample->proto = IPPROTO_TCP;
	sample->dport = 443;
}

/* ---- patterns: a rule each; bench/patterns has what scanning costs ---- */

static void make_word(uint64_t place, char *out)
{
	make_name(place, out);
	*strchr(out, '.') = '\0';
}

static void patterns_write(const char *name, unsigned entries)
{
	FILE *file = create(name);
	char word[80];

	begin_rules(file);
	for (unsigned i = 0; i < entries; i++) {
		make_word(i, word);
		fprintf(file,
			"  { name = \"r%u\"; match = { payload = { regex = \"^%s-%u [0-9]+\"; from "
			"= \"client\"; }; }; mark = %u; "
			"late = \"move\"; }%s\n",
			i, word, i, 1 + i % 100, i + 1 < entries ? "," : "");
	}
	fputs(");\n", file);
	finish(file);
}

static void patterns_sample(unsigned entries, bool hit, uint64_t number, struct sample *sample)
{
	uint64_t place = scramble(number) % entries;
	char word[80];

	names_sample(entries, hit, number, sample);
	make_word(place, word);
	sample->dport = 7000;
	sample->hello_length = (uint8_t)snprintf((char *)sample->hello, HELLO_BYTES,
						 "%s-%u 42 %s and more of it\r\n", word,
						 (unsigned)place + (hit ? 0 : 1000000), word);
}

/* ---- loading and measuring ---- */

static void load(const struct family *family, struct size *size)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct classifier_options options = {.flows_max = FLOWS, .timeouts = {7200, 180, 60}};
	const struct hash_seed seed = {1, 2};
	char path[4096];
	uint64_t began;

	family->write("waymark.conf", size->entries);
	snprintf(path, sizeof(path), "%s/waymark.conf", directory);
	began = bench_cpu_ns();
	size->policy = policy_load(path, &diags);
	size->load_ms = (double)(bench_cpu_ns() - began) / 1e6;
	if (!size->policy) {
		diag_print(&diags, stderr);
		exit(1);
	}
	diag_list_release(&diags);
	size->bytes = (double)size->policy->rules->arena.total_bytes;
	policy_classify_view(size->policy, &size->view);
	size->steer_state = steer_state_new(&size->view.mark, 64, &seed);
	size->classifier = classifier_new(&options, NULL, NULL);
	size->view.steer_state = size->steer_state;
	size->view.interfaces = interfaces;
	size->view.generation = 1;
	size->view.rule_stats =
		calloc(size->policy->rules->count + 1, sizeof(*size->view.rule_stats));
	if (!size->steer_state || !size->classifier || !size->view.rule_stats)
		die("classifier");
	if (family->hellos && !(size->hellos = calloc((size_t)2 * FLOWS, HELLO_BYTES)))
		die("samples");
	for (unsigned none = 0; none < 2; none++) {
		size->samples[none] = calloc(FLOWS, sizeof(struct sample));
		if (!size->samples[none])
			die("samples");
		for (unsigned i = 0; i < FLOWS; i++) {
			struct sample *sample = &size->samples[none][i];

			if (size->hellos)
				sample->hello =
					size->hellos + (size_t)(none * FLOWS + i) * HELLO_BYTES;
			family->sample(size->entries, !none, i, sample);
		}
	}
}

static void unload(struct size *size)
{
	free(size->samples[0]);
	free(size->samples[1]);
	free(size->hellos);
	free(size->view.rule_stats);
	classifier_free(size->classifier);
	steer_state_free(size->steer_state);
	policy_free(size->policy);
}

static void set_packet(struct packet *packet, const struct sample *sample, unsigned i,
		       unsigned round)
{
	*packet = (struct packet){
		.ttl = 64,
		.ip_length = 60,
		.family = sample->src.family,
		.src = sample->src,
		.dst = sample->dst,
		.proto = sample->proto,
		.tos = sample->tos,
		.has_ports = true,
		.sport = (uint16_t)(1024 + (i + round * 4099) % 60000),
		.dport = sample->dport,
		.has_tcp = sample->proto == IPPROTO_TCP,
		.tcp_flags = PACKET_TCP_SYN,
		.tcp_seq = i,
		.meta =
			{
				.hook = PACKET_HOOK_PREROUTING,
				.time_us = UINT64_C(1700000000000000) + round * UINT64_C(1000000),
				.iface_in = sample->iface,
			},
	};
}

/* Nanoseconds a flow, in batches as they come from a queue. Each round's flows are new ones, by
 * their port. */
static double run(struct size *size, bool none, unsigned round)
{
	struct packet packets[CLASSIFY_BATCH];
	struct verdict verdicts[CLASSIFY_BATCH];
	uint64_t began = bench_cpu_ns();

	for (unsigned i = 0; i < FLOWS; i += CLASSIFY_BATCH) {
		const struct sample *samples = &size->samples[none][i];
		size_t count = FLOWS - i < CLASSIFY_BATCH ? FLOWS - i : CLASSIFY_BATCH;

		for (unsigned p = 0; p < count; p++)
			set_packet(&packets[p], &samples[p], i + p, round);
		classify_batch(size->classifier, &size->view, packets, count, verdicts, NULL, NULL);
		if (!samples[0].hello_length)
			continue;
		for (unsigned p = 0; p < count; p++) {
			packets[p].tcp_flags = PACKET_TCP_ACK;
			packets[p].tcp_seq++;
			packets[p].payload = samples[p].hello;
			packets[p].payload_length = packets[p].payload_captured =
				samples[p].hello_length;
		}
		classify_batch(size->classifier, &size->view, packets, count, verdicts, NULL, NULL);
	}
	return (double)(bench_cpu_ns() - began) / FLOWS;
}

static uint64_t hits(const struct size *size)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < size->policy->rules->count; i++)
		sum += atomic_load_explicit(&size->view.rule_stats[i].hits, memory_order_relaxed);
	return sum;
}

static void put_row(const struct family *family, const struct size *size, const char *which,
		    double median, double reference, double limit, unsigned rounds)
{
	char name[80];
	struct bench_row row = {
		.bench = "rules",
		.row = name,
		.unit = "ns/flow",
		.median = median,
		.ratio = median / reference,
		.limit = limit,
		.rounds = rounds,
	};
	bool ok;

	snprintf(name, sizeof(name), "%s: %u, %s", family->name, size->entries, which);
	ok = bench_json(&row, "\"entries\":%u,\"load_ms\":%.2f,\"bytes\":%.0f", size->entries,
			size->load_ms, size->bytes);
	printf("%-10s %8u %-10s %9.0f %7.2f", family->name, size->entries, which, median,
	       row.ratio);
	if (limit != 0)
		printf(" %6.2f%s", limit, ok ? "    " : " NO ");
	else
		printf("%11s", "");
	printf(" %9.1f %8.2f\n", size->load_ms, size->bytes / 1048576);
	fflush(stdout);
	failed |= !ok;
}

static void measure(const struct family *family)
{
	struct size *sizes = calloc(SIZES_MAX, sizeof(*sizes));
	unsigned rounds = bench_rounds(7), count = 0;
	double reference[2] = {0};

	if (!sizes)
		die("sizes");
	if (rounds > ROUNDS_MAX)
		rounds = ROUNDS_MAX;
	for (; count < SIZES_MAX && family->sizes[count]; count++) {
		sizes[count].entries = family->sizes[count];
		load(family, &sizes[count]);
	}
	/* round 0 is discarded: the flow tables fill */
	for (unsigned round = 0; round <= rounds; round++) {
		unsigned place = round ? round - 1 : 0, stamp = round * 4;

		for (unsigned i = 0; i < count; i++) {
			uint64_t before = hits(&sizes[i]), held;

			sizes[i].ns[0][place] = run(&sizes[i], false, stamp);
			held = hits(&sizes[i]) - before;
			sizes[i].ns[1][place] = run(&sizes[i], true, stamp + 1);
			if (held < FLOWS * 9 / 10 || hits(&sizes[i]) - before - held > FLOWS / 10) {
				fprintf(stderr,
					"%s %u: rules held for %llu of %u flows, and %llu\n",
					family->name, sizes[i].entries, (unsigned long long)held,
					FLOWS,
					(unsigned long long)(hits(&sizes[i]) - before - held));
				exit(1);
			}
			/* neither run of the reference may find its memory in the cache, since no
			 * other does: they are apart */
			if (i == count / 2)
				sizes[0].again[place] = run(&sizes[0], false, stamp + 2);
		}
	}
	printf("\n%s\n%-10s %8s %-10s %9s %7s %6s     %9s %8s\n", family->what, "", "size", "flows",
	       "ns/flow", "ratio", "limit", "load ms", "MiB");
	for (unsigned none = 0; none < 2; none++) {
		for (unsigned i = 0; i < count; i++) {
			double median = bench_median(sizes[i].ns[none], rounds);
			bool limited =
				i && sizes[i].entries <= family->limited_to && family->limit > 0;

			if (i == 0)
				reference[none] = median;
			put_row(family, &sizes[i], none ? "none" : "hit", median, reference[none],
				limited ? family->limit : 0, rounds);
			if (i == 0 && !none)
				put_row(family, &sizes[i], "hit, again",
					bench_median(sizes[i].again, rounds), median, 0, rounds);
		}
	}
	for (unsigned i = 0; i < count; i++)
		unload(&sizes[i]);
	free(sizes);
}

/* ---- reload ---- */

/* 10 000 rules in a file, and one with a million names: what a reload adds to a running daemon. */
static void measure_reload(unsigned rules, unsigned names)
{
	unsigned rounds = bench_rounds(7);
	double seconds[ROUNDS_MAX], bytes = 0;
	struct bench_row row = {
		.bench = "rules",
		.row = "reload: 10000 rules and 1000000 names",
		.unit = "s",
		.limit = 1,
		.absolute = true,
	};
	char path[4096], text[80];
	FILE *file;
	bool ok;

	address_write("waymark.conf", rules);
	snprintf(path, sizeof(path), "%s/waymark.conf", directory);
	file = create("list");
	for (unsigned i = 0; i < names; i++) {
		make_name(i, text);
		fprintf(file, "%s\n", text);
	}
	finish(file);
	file = fopen(path, "r+");
	if (!file || fseek(file, -4, SEEK_END))
		die(path);
	fputs(",\n  { name = \"names\"; match = { host = \"@list\"; }; mark = 5; }\n);\n", file);
	finish(file);
	rounds = rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	for (unsigned round = 0; round <= rounds; round++) {
		struct diag_list diags = DIAG_LIST_INIT;
		uint64_t began = bench_cpu_ns();
		struct policy *policy = policy_load(path, &diags);

		seconds[round ? round - 1 : 0] = (double)(bench_cpu_ns() - began) / 1e9;
		if (!policy) {
			diag_print(&diags, stderr);
			exit(1);
		}
		bytes = (double)policy->rules->arena.total_bytes;
		policy_free(policy);
		diag_list_release(&diags);
	}
	row.rounds = rounds;
	row.median = bench_median(seconds, rounds);
	ok = bench_json(&row, "\"rules\":%u,\"names\":%u,\"bytes\":%.0f", rules, names, bytes);
	printf("\nreload of %u rules and %u names: %.2f s, limit 1.0%s, %.1f MiB\n", rules, names,
	       row.median, ok ? "" : " NO", bytes / 1048576);
	failed |= !ok;
}

static const struct family families[] = {
	{
		.name = "address",
		.what = "rules of dst, proto, dport",
		.write = address_write,
		.sample = address_sample,
		.sizes = {10, 100, 1000, 10000, 100000},
		.limit = 1.2,
		.limited_to = 10000,
	},
	{
		.name = "mixed",
		.what = "rules of prefixes, ports, ranges, lists, dscp, interfaces",
		.write = mixed_write,
		.sample = mixed_sample,
		.sizes = {10, 100, 1000, 10000, 100000},
		.limit = 1.2,
		.limited_to = 10000,
	},
	{
		.name = "names",
		.what = "names in one rule: SYN and ClientHello",
		.write = names_write,
		.sample = names_sample,
		.sizes = {10, 1000, 100000, 1000000},
		.limit = 1.3,
		.limited_to = 1000000,
		.hellos = true,
	},
	{
		.name = "hosts",
		.what = "rules of one name each: SYN and ClientHello",
		.write = hosts_write,
		.sample = names_sample,
		.sizes = {10, 1000, 10000, 100000},
		.hellos = true,
	},
	{
		.name = "ipv4",
		.what = "IPv4 prefixes in one rule",
		.write = ipv4_write,
		.sample = ipv4_sample,
		.sizes = {10, 1000, 100000, 1000000},
		.limit = 1.5,
		.limited_to = 1000000,
	},
	{
		.name = "ipv6",
		.what = "IPv6 prefixes in one rule",
		.write = ipv6_write,
		.sample = ipv6_sample,
		.sizes = {10, 1000, 100000, 1000000},
		.limit = 1.5,
		.limited_to = 1000000,
	},
	{
		.name = "patterns",
		.what = "rules of one pattern each: SYN and a line of text",
		.write = patterns_write,
		.sample = patterns_sample,
		.sizes = {10, 200, 2000},
		.hellos = true,
	},
};

static bool is_wanted(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	const char *temporary = getenv("TMPDIR");
	char command[4096];

	snprintf(directory, sizeof(directory), "%s/waymark-rules-XXXXXX",
		 temporary ? temporary : "/tmp");
	if (!mkdtemp(directory))
		die(directory);
	interfaces = rules_interfaces_new();
	for (unsigned i = 1; interfaces && i <= MIXED_INTERFACES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "lan%u", i);
		rules_interfaces_set(interfaces, i, name);
	}
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (is_wanted(argc, argv, families[i].name))
			measure(&families[i]);
	if (is_wanted(argc, argv, "reload"))
		measure_reload(10000, 1000000);
	rules_interfaces_free(interfaces);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	if (system(command) != 0)
		failed = true;
	return failed;
}
