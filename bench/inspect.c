/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspect - what a flow costs that is still looked at, with the shipped patterns and one rule that
 * stays open for all flows.
 *
 * "first" is a flow's first packet with payload, "next" each of those behind it; "asked" is the
 * inspection alone (a new one, and its end, are counted with the first), "line" all that
 * classify_batch() does, without the SYN of TCP. Kinds are interleaved, a round each. The ratio is
 * to the kind's own first row of an earlier run only by eye: there is no reference, but the A/A
 * row. Instructions are counted where the machine gives them.
 *
 * bench/inspect [KIND [COUNT]]    that kind alone, COUNT times and untimed: for a profiler.
 * ROUNDS=7
 */
#include <linux/perf_event.h>
#include <netinet/in.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "world.h"
#include "../tests/unit/quic_build.h"

enum {
	BATCH = 64,
	FLOWS = 512,   /* of a kind in one round */
	PAYLOADS = 32, /* that differ */
	PACKETS = 11,  /* of a flow: as many as are looked at if the user does not say otherwise */
	PAYLOAD_MAX = 1400,
	ROUNDS_MAX = 100,
	REPEAT = 4, /* rounds within a round */
};

enum kind { UDP_SMALL, UDP_LARGE, TCP_UNKNOWN, TLS, HTTP, DNS_QUERY, QUIC_HELLO, AGAIN, KINDS };
static const char *const kind_names[KINDS] = {
	"udp64", "udp1200", "tcp", "tls", "http", "dns", "quic", "udp64-again",
};

struct payload {
	uint8_t bytes[PAYLOAD_MAX];
	uint32_t length;
};

/* What is measured of a kind. */
enum part { ASKED_FIRST, ASKED_NEXT, LINE_FIRST, LINE_NEXT, PARTS };
static const char *const part_names[PARTS] = {
	"asked, first",
	"asked, next",
	"line, first",
	"line, next",
};

struct traffic {
	struct payload payloads[PAYLOADS][PACKETS];
	struct packet syns[FLOWS];
	struct packet packets[PACKETS][FLOWS];
	uint8_t side[PACKETS];
	bool tcp;
	double ns[PARTS][ROUNDS_MAX], instructions[PARTS][ROUNDS_MAX];
};

static struct traffic traffic[KINDS];
static struct world world;
static int counter = -1;

static const char config[] =
	"uplinks = ( { name = \"up\"; interface = \"lo\"; gateway = \"none\"; mark = 1; } );\n"
	"rules = ( { name = \"open\"; match = { payload = \"never[0-9]here\"; }; uplink = \"up\"; "
	"} );\n";

/* ---- payloads ---- */

static uint32_t dice(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

static void noise(struct payload *payload, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		payload->bytes[i] = (uint8_t)dice();
	payload->length = length;
}

/* A ClientHello with a name and ALPN, without its records; its length. */
static uint32_t hello(uint8_t *out)
{
	static const uint8_t alpn[] = {0, 16,  0,   14,	 0,   12,  2,	'h', '2',
				       8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
	char name[32];
	uint32_t length = (uint32_t)snprintf(name, sizeof(name), "host-%08x.example", dice());
	uint8_t *at = out + 4, *extensions;

	world_put(at, 0x0303, 2);
	for (unsigned i = 0; i < 32; i++)
		at[2 + i] = (uint8_t)dice();
	at += 34;
	*at++ = 0; /* no session */
	world_put(at, 6, 2);
	world_put(at + 2, 0x1301, 2);
	world_put(at + 4, 0x1302, 2);
	world_put(at + 6, 0xc02f, 2);
	world_put(at + 8, 0x0100, 2);
	at += 10;
	extensions = at;
	at += 2;
	world_put(at, 0, 2);
	world_put(at + 2, length + 5, 2);
	world_put(at + 4, length + 3, 2);
	at[6] = 0;
	world_put(at + 7, length, 2);
	memcpy(at + 9, name, length);
	at += 9 + length;
	memcpy(at, alpn, sizeof(alpn));
	at += sizeof(alpn);
	world_put(at, 0x002b0003, 4); /* supported versions */
	world_put(at + 4, 0x020304, 3);
	at += 7;
	world_put(at, 21, 2); /* padding, as a key share would take */
	world_put(at + 2, 200, 2);
	memset(at + 4, 0, 200);
	at += 204;
	world_put(extensions, (uint32_t)(at - extensions - 2), 2);
	world_put(out, (uint32_t)(at - out - 4), 4);
	out[0] = 1;
	return (uint32_t)(at - out);
}

static void record(struct payload *payload, uint8_t type, uint32_t length)
{
	payload->bytes[0] = type;
	world_put(payload->bytes + 1, type == 22 ? 0x0301 : 0x0303, 2);
	world_put(payload->bytes + 3, length, 2);
	payload->length = 5 + length;
}

static void initial(struct payload *payload)
{
	static uint8_t sealed[65535];
	uint8_t said[1200], frames[1200];
	struct quic_build_cid origin = {.length = 8}, source = {.length = 5};
	struct quic_build build = {.version = 1, .type = QUIC_INITIAL, .pad_to = 1200};

	for (unsigned i = 0; i < 8; i++)
		origin.bytes[i] = (uint8_t)dice();
	build.origin = build.dcid = origin;
	build.scid = source;
	payload->length = (uint32_t)quic_build(
		&build, frames, quic_build_crypto(frames, 0, said, hello(said)), sealed);
	if (payload->length > PAYLOAD_MAX)
		world_die("an Initial that is too long");
	memcpy(payload->bytes, sealed, payload->length);
}

static void query(struct payload *payload, bool answer, uint16_t number)
{
	uint8_t *bytes = payload->bytes;
	uint32_t at = 12;

	memset(bytes, 0, at);
	world_put(bytes, number, 2);
	world_put(bytes + 2, answer ? 0x8180 : 0x0100, 2);
	world_put(bytes + 4, 1, 2);
	world_put(bytes + 6, answer, 2);
	memcpy(bytes + at, "\3www\7example\3org\0\0\1\0\1", 21);
	at += 21;
	if (answer) {
		memcpy(bytes + at, "\300\14\0\1\0\1\0\0\1\0\0\4\300\0\2\1", 16);
		at += 16;
	}
	payload->length = at;
}

static void make_payload(enum kind kind, unsigned number, struct payload *payload)
{
	unsigned side = traffic[kind].side[number];
	char *text = (char *)payload->bytes;

	noise(payload, PAYLOAD_MAX);
	switch (kind) {
	case UDP_SMALL:
	case AGAIN:
		payload->length = 64;
		break;
	case UDP_LARGE:
		payload->length = 1200;
		break;
	case TLS:
		if (number)
			record(payload, 23, side ? 1200 : 300);
		else
			record(payload, 22, hello(payload->bytes + 5));
		break;
	case HTTP:
		payload->length =
			side ? (uint32_t)sprintf(text,
						 "HTTP/1.1 200 OK\r\nServer: made-up/%u\r\n"
						 "Content-Type: text/html\r\nContent-Length: "
						 "300\r\n\r\n%0300u",
						 dice() % 100, 0)
			     : (uint32_t)sprintf(text,
						 "GET /%08x HTTP/1.1\r\nHost: www.example.org\r\n"
						 "User-Agent: made-up/1.0\r\nAccept: */*\r\n\r\n",
						 dice());
		break;
	case DNS_QUERY:
		query(payload, side, (uint16_t)(number / 2));
		break;
	case QUIC_HELLO:
		payload->length = 1200;
		payload->bytes[0] = 0x40 | (payload->bytes[0] & 0x3f);
		if (!number)
			initial(payload);
		break;
	case TCP_UNKNOWN:
	case KINDS:
		payload->length = 500;
		break;
	}
}

static struct packet packet_of(const struct traffic *of, unsigned flow, unsigned side)
{
	static const uint16_t ports[] = {40001, 443, 80, 53};
	struct packet packet = {
		.family = IP_V4,
		.proto = of->tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.ttl = 64,
		.has_ports = true,
		.has_tcp = of->tcp,
		.tcp_flags = PACKET_TCP_ACK,
		.meta.time_us = UINT64_C(1700000000000000),
	};
	struct ip_addr client = ip_v4((uint8_t[]){10, 0, (uint8_t)(flow / 16), 1});
	struct ip_addr server = ip_v4((uint8_t[]){192, 0, 2, 1});
	uint16_t port = ports[of == &traffic[DNS_QUERY]				  ? 3
			      : of == &traffic[HTTP]				  ? 2
			      : of == &traffic[TLS] || of == &traffic[QUIC_HELLO] ? 1
										  : 0];

	packet.src = side ? server : client;
	packet.dst = side ? client : server;
	packet.sport = side ? port : (uint16_t)(20000 + flow % 16);
	packet.dport = side ? (uint16_t)(20000 + flow % 16) : port;
	return packet;
}

static void make_traffic(enum kind kind)
{
	struct traffic *of = &traffic[kind];

	of->tcp = kind == TCP_UNKNOWN || kind == TLS || kind == HTTP;
	for (unsigned p = 0; p < PACKETS; p++)
		of->side[p] = p % 2;
	for (unsigned i = 0; i < PAYLOADS; i++)
		for (unsigned p = 0; p < PACKETS; p++)
			make_payload(kind, p, &of->payloads[i][p]);
	for (unsigned flow = 0; flow < FLOWS; flow++) {
		uint32_t next[2] = {1001, 7001};

		of->syns[flow] = packet_of(of, flow, 0);
		of->syns[flow].tcp_flags = PACKET_TCP_SYN;
		of->syns[flow].tcp_seq = 1000;
		for (unsigned p = 0; p < PACKETS; p++) {
			const struct payload *payload = &of->payloads[flow % PAYLOADS][p];
			struct packet *packet = &of->packets[p][flow];
			unsigned side = of->side[p];

			*packet = packet_of(of, flow, side);
			packet->payload = payload->bytes;
			packet->payload_captured = packet->payload_length = payload->length;
			packet->ip_length = payload->length + 40;
			packet->tcp_seq = next[side];
			next[side] += payload->length;
		}
	}
}

/* ---- what is measured ---- */

struct tally {
	uint64_t ns, instructions;
};

static uint64_t instructions(void)
{
	uint64_t count = 0;

	if (counter < 0 || read(counter, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

static void count_instructions(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void begin(struct tally *tally)
{
	tally->ns -= bench_cpu_ns();
	tally->instructions -= instructions();
}

static void end(struct tally *tally)
{
	tally->instructions += instructions();
	tally->ns += bench_cpu_ns();
}

/* The inspection alone. */
static void ask(const struct traffic *of, unsigned packets, struct pattern_scratch *scratch,
		struct tally tallies[PARTS])
{
	static struct inspection *inspections[BATCH];
	const struct pattern_set *patterns = ruleset_patterns(world.view.rules);
	struct flow flow = {.isn = {1001, 7001}, .has_isn = 3};

	flow.key.proto = of->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	flow.key.has_ports = true;
	flow.key.client_port = of->packets[0][0].sport;
	flow.key.server_port = of->packets[0][0].dport;
	for (unsigned at = 0; at < FLOWS; at += BATCH) {
		for (unsigned p = 0; p < packets; p++) {
			struct tally *tally = &tallies[p ? ASKED_NEXT : ASKED_FIRST];

			begin(tally);
			for (unsigned i = 0; i < BATCH; i++) {
				const struct packet *packet = &of->packets[p][at + i];

				if (!p)
					inspections[i] = inspection_new(&flow, packet, patterns,
								   NULL);
				if (!inspections[i])
					world_die("out of memory");
				inspection_feed(inspections[i], &flow,
						(enum flow_direction)of->side[p], packet, patterns,
						scratch, &world.view.limits);
			}
			end(tally);
		}
		begin(&tallies[ASKED_FIRST]);
		for (unsigned i = 0; i < BATCH; i++)
			inspection_free(inspections[i]);
		end(&tallies[ASKED_FIRST]);
	}
}

/* What is built once, for all flows. */
static void warm(void)
{
	static const struct flow flow = {.has_isn = 3};

	inspection_free(inspection_new(&flow, &traffic[0].packets[0][0], NULL, NULL));
}

/* The whole line. */
static void walk(const struct traffic *of, struct tally tallies[PARTS])
{
	static struct verdict verdicts[BATCH];
	struct classifier *classifier = world_classifier(FLOWS);

	for (unsigned at = 0; of->tcp && at < FLOWS; at += BATCH)
		classify_batch(classifier, &world.view, of->syns + at, BATCH, verdicts, NULL, NULL);
	for (unsigned p = 0; p < PACKETS; p++) {
		struct tally *tally = &tallies[p ? LINE_NEXT : LINE_FIRST];

		begin(tally);
		for (unsigned at = 0; at < FLOWS; at += BATCH)
			classify_batch(classifier, &world.view, of->packets[p] + at, BATCH,
				       verdicts, NULL, NULL);
		end(tally);
	}
	if (classifier_stats(classifier)->flows != FLOWS ||
	    classifier_stats(classifier)->decided_first ||
	    classifier_stats(classifier)->decided_late)
		world_die("a flow that is not open");
	classifier_free(classifier);
}

static void measure(struct traffic *of, struct pattern_scratch *scratch, unsigned round)
{
	struct tally tallies[PARTS] = {0};

	for (unsigned i = 0; i < REPEAT; i++) {
		ask(of, PACKETS, scratch, tallies);
		walk(of, tallies);
	}
	for (unsigned part = 0; part < PARTS && round; part++) {
		bool next = part == ASKED_NEXT || part == LINE_NEXT;
		double packets = (double)REPEAT * FLOWS * (next ? PACKETS - 1 : 1);

		of->ns[part][round - 1] = (double)tallies[part].ns / packets;
		of->instructions[part][round - 1] = (double)tallies[part].instructions / packets;
	}
}

static void print(enum kind kind, unsigned rounds)
{
	struct traffic *of = &traffic[kind];

	printf("  %-12s", kind_names[kind]);
	for (unsigned part = 0; part < PARTS; part++) {
		double count = bench_median(of->instructions[part], rounds);
		struct bench_row row = {.bench = "inspect", .unit = "ns/packet", .rounds = rounds};
		char name[64];

		snprintf(name, sizeof(name), "%s: %s", kind_names[kind], part_names[part]);
		row.row = name;
		row.median = bench_median(of->ns[part], rounds);
		if (counter >= 0)
			bench_json(&row, "\"instructions\":%.0f", count);
		else
			bench_json(&row, NULL);
		printf("  %7.0f", row.median);
		if (counter >= 0)
			printf(" %7.0f", count);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	unsigned rounds = bench_rounds(7), only = KINDS;
	struct pattern_scratch *scratch = pattern_scratch_new();

	if (!scratch)
		world_die("out of memory");
	world_init(&world, config);
#ifdef __GLIBC__
	/* memory that was used stays with us, as in a daemon that has run for a while */
	mallopt(M_TRIM_THRESHOLD, INT32_MAX);
	mallopt(M_TOP_PAD, 64 << 20);
#endif
	world.view.limits = (struct inspect_limits){UINT32_MAX / 8, UINT32_MAX / 8};
	for (enum kind kind = 0; kind < KINDS; kind++) {
		make_traffic(kind);
		if (argc > 1 && !strcmp(argv[1], kind_names[kind]))
			only = kind;
	}
	warm();
	if (argc > 1) {
		unsigned packets = argc > 3 ? (unsigned)atoi(argv[3]) : PACKETS;
		struct tally tallies[PARTS] = {0};

		if (only == KINDS || packets > PACKETS)
			world_die("no such kind, or not so many packets");
		for (int i = argc > 2 ? atoi(argv[2]) : 1; i > 0; i--)
			ask(&traffic[only], packets, scratch, tallies);
		goto out;
	}
	count_instructions();
	if (rounds > ROUNDS_MAX)
		rounds = ROUNDS_MAX;
	for (unsigned round = 0; round <= rounds; round++)
		for (enum kind kind = 0; kind < KINDS; kind++)
			measure(&traffic[kind], scratch, round);
	printf("inspect: ns%s a packet; prefilter %s, %zu patterns\n  %-12s",
	       counter < 0 ? "" : " and instructions",
	       pattern_backend_name(ruleset_patterns(world.view.rules)),
	       pattern_count(ruleset_patterns(world.view.rules)), "");
	for (unsigned part = 0; part < PARTS; part++)
		printf("  %*s", counter < 0 ? 7 : 15, part_names[part]);
	printf("\n");
	for (enum kind kind = 0; kind < KINDS; kind++)
		print(kind, rounds);
out:
	pattern_scratch_free(scratch);
	world_release(&world);
	return 0;
}
