/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table: bytes of memory a flow, what a packet of a known flow costs among ten
 * thousand, a million and ten million of them, and what a new flow costs in a table that is full.
 *
 * Packets go through packet_parse() and classify_batch(), as in a replay, and to flows in random
 * order, which no traffic is: each flow's entry must come from memory. Each kind has a
 * classifier of its own, and all live at a time, so they do not warm each other's caches.
 * The cost of making the packets, the same in all kinds, is measured apart and taken off.
 *
 *	flows [MOST]	most live flows, 10 000 000 if not given
 */
#include <inttypes.h>

#include "world.h"

enum { BATCH = 64, PACKETS = 2000000, FULL_MAX = 100000, FULL_FLOWS = 1000000 };
enum { NAMES = 10000 };

static const char headers_only[] =
	"uplinks = ( { name = \"up\"; interface = \"lo\"; gateway = \"none\"; mark = 1; } );\n"
	"rules = ( { name = \"all\"; match = { proto = \"udp\"; }; uplink = \"up\"; } );\n";
static const char by_name[] =
	"uplinks = ( { name = \"up\"; interface = \"lo\"; gateway = \"none\"; mark = 1; } );\n"
	"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = \"up\"; } "
	");\n";

struct table {
	struct world world;
	struct classifier *classifier;
	uint64_t now_us;
};

static void table_init(struct table *table, const char *config, uint32_t flows_max)
{
	world_init(&table->world, config);
	table->classifier = world_classifier(flows_max);
	table->now_us = UINT64_C(1700000000000000);
}

static void table_release(struct table *table)
{
	classifier_free(table->classifier);
	world_release(&table->world);
}

/* ---- packets ---- */

struct batch {
	uint8_t bytes[BATCH][256];
	struct packet packets[BATCH];
	struct verdict verdicts[BATCH];
};

/* A packet of the flow `number`, of 10.x.x.x and one of some servers. */
static void make(struct batch *batch, unsigned place, uint32_t number, uint8_t proto,
		 uint8_t tcp_flags, uint32_t seq, const char *payload)
{
	uint8_t *bytes = batch->bytes[place];
	size_t header = proto == 6 ? 20 : 8, length = payload ? strlen(payload) : 0;
	size_t total = 20 + header + length;

	memset(bytes, 0, 20 + header);
	bytes[0] = 0x45;
	world_put(bytes + 2, (uint32_t)total, 2);
	bytes[8] = 64;
	bytes[9] = proto;
	world_put(bytes + 12, 0x0a000000 + number / 16, 4);
	world_put(bytes + 16, 0xc0000200 + number % 251, 4);
	world_put(bytes + 20, 1024 + number % 16 * 1000, 2);
	world_put(bytes + 22, proto == 6 ? 80 : 9, 2);
	if (proto == 6) {
		world_put(bytes + 24, seq, 4);
		bytes[32] = 0x50;
		bytes[33] = tcp_flags;
	} else {
		world_put(bytes + 24, (uint32_t)(8 + length), 2);
	}
	if (length)
		memcpy(bytes + 20 + header, payload, length);
	if (packet_parse(&batch->packets[place], bytes, total, total) != PACKET_OK)
		world_die("a packet that is none");
	batch->packets[place].meta = (struct packet_meta){0};
}

static void run(struct table *table, struct batch *batch, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		batch->packets[i].meta.time_us = table->now_us += 1;
	classify_batch(table->classifier, &table->world.view, batch->packets, count,
		       batch->verdicts, NULL, NULL);
}

/* ---- measuring ---- */

/* New flows [first, first + count), one packet each; ns a flow. */
static double fill(struct table *table, struct batch *batch, uint32_t first, uint32_t count)
{
	uint64_t begin = bench_cpu_ns();

	for (uint32_t at = 0; at < count; at += BATCH) {
		unsigned size = count - at < BATCH ? count - at : BATCH;

		for (unsigned i = 0; i < size; i++)
			make(batch, i, first + at + i, 17, 0, 0, NULL);
		run(table, batch, size);
	}
	return (double)(bench_cpu_ns() - begin) / count;
}

/* Packets of known flows in random order; without a table: only their making. ns a packet. */
static double visit(struct table *table, struct batch *batch, uint32_t flows)
{
	uint64_t random = 88172645463325252u, begin = bench_cpu_ns();

	for (uint32_t at = 0; at < PACKETS; at += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			make(batch, i, (uint32_t)((random >> 32) * flows >> 32), 17, 0, 0, NULL);
		}
		if (table)
			run(table, batch, BATCH);
	}
	return (double)(bench_cpu_ns() - begin) / PACKETS;
}

static void put_row(const char *row, double value, const char *unit, double limit, unsigned rounds)
{
	const struct bench_row out = {.bench = "flows",
				      .row = row,
				      .unit = unit,
				      .median = value,
				      .limit = limit,
				      .absolute = true,
				      .rounds = rounds};

	printf("  %-44s %8.1f %s%s\n", row, value, unit,
	       bench_json(&out, NULL) ? "" : "   OVER THE LIMIT");
}

static void memory_row(const char *row, double bytes, double limit)
{
	put_row(row, bytes, "bytes/flow", limit, 1);
}

static void time_row(const char *row, double ns, double limit, unsigned rounds)
{
	put_row(row, ns, "ns/packet", limit, rounds);
}

static void known_flows(struct batch *batch, uint32_t most)
{
	const uint32_t sizes[] = {10000, 1000000, most};
	enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), AGAIN = SIZES };
	unsigned rounds = bench_rounds(7);
	double *times[SIZES + 1], medians[SIZES + 1];
	struct table tables[SIZES];
	char row[64];

	for (unsigned k = 0; k <= SIZES; k++)
		times[k] = calloc(rounds, sizeof(double));
	for (unsigned k = 0; k < SIZES; k++) {
		double before;

		table_init(&tables[k], headers_only, sizes[k]);
		before = bench_resident_bytes();
		fill(&tables[k], batch, 0, sizes[k]);
		if (flow_table_count(classifier_flows(tables[k].classifier)) != sizes[k])
			world_die("not all flows are there");
		snprintf(row, sizeof(row), "memory of %" PRIu32 " live flows", sizes[k]);
		memory_row(row, (bench_resident_bytes() - before) / sizes[k],
			   sizes[k] == most ? 107.4 : 0);
	}
	for (unsigned r = 0; r <= rounds; r++) {
		for (unsigned k = 0; k <= SIZES; k++) {
			unsigned kind = k == AGAIN ? 0 : k;
			double ns = visit(&tables[kind], batch, sizes[kind]) -
				    visit(NULL, batch, sizes[kind]);

			if (r)
				times[k][r - 1] = ns;
		}
	}
	for (unsigned k = 0; k <= SIZES; k++)
		medians[k] = bench_median(times[k], rounds);
	for (unsigned k = 0; k < SIZES; k++) {
		snprintf(row, sizeof(row), "a packet among %" PRIu32 " live flows", sizes[k]);
		time_row(row, medians[k], 0, rounds);
	}
	time_row("again among the fewest (A/A)", medians[AGAIN], 0, rounds);
	time_row("more among the most than among the fewest", medians[SIZES - 1] - medians[0], 60,
		 rounds);
	for (unsigned k = 0; k < SIZES; k++)
		table_release(&tables[k]);
	for (unsigned k = 0; k <= SIZES; k++)
		free(times[k]);
}

/* Flows that show one of some thousand names each. */
static void named_flows(struct batch *batch, uint32_t flows)
{
	struct table table;
	double before;
	char text[128], row[64];

	table_init(&table, by_name, flows);
	before = bench_resident_bytes();
	for (uint32_t number = 0; number < flows; number++) {
		snprintf(text, sizeof(text),
			 "GET / HTTP/1.1\r\nHost: host-%05" PRIu32 ".example\r\n\r\n",
			 number % NAMES);
		make(batch, 0, number, 6, PACKET_TCP_SYN, 1000, NULL);
		make(batch, 1, number, 6, PACKET_TCP_ACK | PACKET_TCP_PSH, 1001, text);
		run(&table, batch, 2);
	}
	snprintf(row, sizeof(row), "memory of %" PRIu32 " flows with app and name", flows);
	memory_row(row, (bench_resident_bytes() - before) / flows, 107.4);
	table_release(&table);
}

static void full_table(struct batch *batch)
{
	const struct flow_table_stats *stats;
	struct table table;
	double room, full;

	table_init(&table, headers_only, FULL_MAX);
	room = fill(&table, batch, 0, FULL_MAX);
	full = fill(&table, batch, FULL_MAX, FULL_FLOWS);
	stats = flow_table_stats(classifier_flows(table.classifier));
	time_row("a new flow while there is room, made", room, 0, 1);
	time_row("a new flow in a full table, made", full, 0, 1);
	printf("  %" PRIu64 " decided flows gave way, %" PRIu32 " are there\n",
	       stats->evicted_decided, flow_table_count(classifier_flows(table.classifier)));
	if (stats->evicted_decided != FULL_FLOWS ||
	    flow_table_count(classifier_flows(table.classifier)) != FULL_MAX)
		world_die("a full table did not stay as it is");
	table_release(&table);
}

int main(int argc, char **argv)
{
	uint32_t most = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10000000;
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		world_die("out of memory");
	printf("flows\n");
	full_table(batch);
	named_flows(batch, most);
	known_flows(batch, most);
	free(batch);
	return 0;
}
