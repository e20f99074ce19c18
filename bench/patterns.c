/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * patterns - what 10, 200 or 2 000 patterns cost a flow that nobody knows.
 *
 * The patterns are those that are built in and made-up ones of the shapes that people write: half
 * of them anchored, words and bytes, classes, alternatives, several words with anything between.
 * Half are asked for by rules, which keeps a flow open until its limits; the others may only name
 * it. The flows are of random bytes, of text, of HTTP and of TLS, twelve packets of 700 bytes on
 * average, and are fed to an inspection as a worker does it. A flow's cost is all of it: the
 * inspectors, keeping bytes, patterns. "ratio" is against the cost with 10 patterns and the same
 * prefilter; "asked" is how many times PCRE2 was asked. CPU time, the best of several.
 *
 * A second table has the catastrophic inputs: for each pattern built in, and some made to explode,
 * the dearest scan of 16 KiB made from the pattern's own structure.
 *
 * bench/patterns [--json]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <jansson.h>
#include <netinet/in.h>

#include "../src/inspect/pattern.h"
#include "../src/rules/private.h"
#include "../tests/unit/pattern_support.h"
#include "bench.h"

enum {
	FLOWS = 100,
	PACKETS = 12,
	ROUNDS = 12,
	PATTERNS = 2000,
	LEGS = 8, /* bytes come in eight sizes */
};

enum kind { RANDOM, TEXT, HTTP, TLS, KINDS };
static const char *const kind_names[KINDS] = {"random", "text", "http", "tls"};

static const size_t counts[] = {10, 200, PATTERNS};
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static struct pattern_source sources[PATTERNS];
static bool json;

static void require(const void *pointer)
{
	if (pointer)
		return;
	fputs("out of memory\n", stderr);
	exit(1);
}

/* ---- patterns ---- */

static const char *const words[] = {
	"user",	   "pass",  "login", "hello", "quit",  "host",	  "agent",   "server",
	"version", "proto", "begin", "init",  "auth",  "session", "connect", "join",
	"list",	   "data",  "query", "reply", "error", "stream",  "tunnel",  "magic",
	"bind",	   "open",  "close", "push",  "pull",  "sync",	  "ping",    "pong",
};

static char *put_word(struct dice *dice, char *to)
{
	if (roll(dice, 2))
		to += sprintf(to, "%s%c", words[roll(dice, sizeof(words) / sizeof(words[0]))],
			      "-_/ "[roll(dice, 4)]);
	for (unsigned letters = 4 + roll(dice, 5); letters; letters--)
		*to++ = (char)('a' + roll(dice, 26));
	*to = '\0';
	return to;
}

static char *put_bytes(struct dice *dice, char *to, unsigned count)
{
	while (count--)
		to += sprintf(to, "\\x%02x", roll(dice, 256));
	return to;
}

static void make_pattern(struct dice *dice, char text[256])
{
	char *to = text;

	switch (roll(dice, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		to = put_word(dice, to + sprintf(to, "^"));
		sprintf(to, " [0-9]{1,5}");
		break;
	case 4:
	case 5:
		to = put_bytes(dice, to + sprintf(to, "^"), 2 + roll(dice, 3));
		put_bytes(dice, to + sprintf(to, ".?.?"), 2);
		break;
	case 6:
		to = put_word(dice, to + sprintf(to, "^("));
		to = put_word(dice, to + sprintf(to, "|"));
		to = put_word(dice, to + sprintf(to, ") [^ ]+ "));
		sprintf(to, "/[12]");
		break;
	case 7:
		put_bytes(dice, to + sprintf(to, "^.{4}"), 3);
		break;
	case 8:
	case 9:
		to = put_word(dice, to);
		sprintf(to, ": [a-z0-9]+");
		break;
	case 10:
	case 11:
		to = put_word(dice, to);
		put_word(dice, to + sprintf(to, ".*"));
		break;
	case 12:
		put_word(dice, to + sprintf(to, "[a-z]+[0-9]{2}"));
		break;
	case 13:
		put_bytes(dice, to, 4);
		break;
	case 14:
		to = put_word(dice, to + sprintf(to, "("));
		to = put_word(dice, to + sprintf(to, "|"));
		to = put_word(dice, to + sprintf(to, "|"));
		sprintf(to, ")\\x0d\\x0a");
		break;
	default:
		to = put_word(dice, to);
		to = put_word(dice, to + sprintf(to, "[^\\x0a]*"));
		put_word(dice, to + sprintf(to, ".*"));
		break;
	}
}

static char *shipped_regex(size_t index)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct pattern_file file;
	char *text = NULL;

	if (pattern_file_parse(rules_shipped[index].text, strlen(rules_shipped[index].text),
			       rules_shipped[index].path, &file, &diags) == 0) {
		text = strdup(file.regex);
		pattern_file_release(&file);
	}
	diag_list_release(&diags);
	require(text);
	return text;
}

/* The first ten are made up, so that a set of ten looks like one of two thousand. */
static void make_sources(void)
{
	struct dice dice = {1};

	for (size_t i = 0; i < PATTERNS; i++) {
		bool shipped = i >= 10 && i - 10 < rules_shipped_count;
		char text[256];

		if (!shipped)
			make_pattern(&dice, text);
		sources[i] = (struct pattern_source){
			.kind = i % 3 ? i % 3 == 1 ? PATTERN_RAW : PATTERN_L7 : PATTERN_PAYLOAD,
			.text = shipped ? shipped_regex(i - 10) : strdup(text),
			.wanted = i % 2,
			.strict = i % 4 == 0,
		};
		require(sources[i].text);
	}
}

/* ---- flows ---- */

static size_t make_payload(enum kind kind, struct dice *dice, unsigned packet, uint8_t *bytes)
{
	static const size_t lengths[LEGS] = {1400, 90, 1400, 250, 1400, 60, 600, 400};
	size_t length = lengths[roll(dice, LEGS)], at = 0;
	char *text = (char *)bytes;

	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)roll(dice, 256);
	if (kind == RANDOM)
		return length;
	if (kind == TLS) { /* records of application data: an unknown protocol that looks alike */
		memcpy(bytes, "\x17\x04\x03", 3);
		bytes[3] = (uint8_t)(length >> 8);
		bytes[4] = (uint8_t)length;
		return length;
	}
	if (kind == HTTP && packet < 2)
		at = (size_t)sprintf(text,
				     packet ? "HTTX/1.1 200 OK\r\nServer: %s-%x\r\nContent-Type: "
					      "text/html\r\n\r\n"
					    : "GETX /%s/%x HTTX/1.1\r\nHost: www.example.org\r\n"
					      "User-Agent: made up\r\nAccept: */*\r\n\r\n",
				     words[roll(dice, 32)], roll(dice, 65536));
	while (at < length) {
		size_t part = (size_t)sprintf(text + at, "%s%s", words[roll(dice, 32)],
					      roll(dice, 9)  ? " "
					      : kind == TEXT ? ".\r\n"
							     : "</p>");

		for (unsigned i = roll(dice, 4); i; i--)
			text[at + part++] = (char)('a' + roll(dice, 26));
		at += part;
	}
	return length;
}

struct traffic {
	uint8_t bytes[PACKETS][1600];
	size_t length[PACKETS];
};

static struct traffic traffic[FLOWS];

static void make_traffic(enum kind kind)
{
	struct dice dice = {100 + kind};

	for (size_t i = 0; i < FLOWS; i++)
		for (unsigned p = 0; p < PACKETS; p++)
			traffic[i].length[p] = make_payload(kind, &dice, p, traffic[i].bytes[p]);
}

static void run_flow(const struct traffic *flow_bytes, const struct pattern_set *set,
		     struct pattern_scratch *scratch)
{
	static const struct inspect_limits limits = {.decide_packets = PACKETS,
						     .decide_bytes = 16384};
	struct flow flow = {.has_isn = 3};
	struct packet packet = {
		.family = IP_V4,
		.proto = IPPROTO_TCP,
		.has_ports = true,
		.has_tcp = true,
		.tcp_flags = PACKET_TCP_ACK,
	};
	uint32_t next[2] = {0, 0};
	struct inspection *inspection;

	flow.key.proto = IPPROTO_TCP;
	flow.key.has_ports = true;
	flow.key.client_port = 40000;
	flow.key.server_port = 40001;
	inspection = inspection_new(&flow, &packet, set, NULL);
	require(inspection);
	for (unsigned p = 0; p < PACKETS; p++) {
		unsigned side = p % 3 != 0;

		packet.payload = flow_bytes->bytes[p];
		packet.payload_captured = packet.payload_length = (uint32_t)flow_bytes->length[p];
		packet.tcp_seq = next[side];
		next[side] += packet.payload_length;
		inspection_feed(inspection, &flow, (enum flow_direction)side, &packet, set, scratch,
				&limits);
	}
	inspection_free(inspection);
}

struct cell {
	double us;    /* a flow */
	double asked; /* patterns a flow */
};

static void measure(const struct pattern_set *set, struct cell *cell)
{
	struct pattern_scratch *scratch = pattern_scratch_new();
	uint64_t began = bench_cpu_ns();
	double took;

	require(scratch);
	for (size_t i = 0; i < FLOWS; i++)
		run_flow(&traffic[i], set, scratch);
	took = (double)(bench_cpu_ns() - began) / 1000 / FLOWS;
	cell->us = took < cell->us ? took : cell->us;
	cell->asked = (double)pattern_scratch_asked(scratch) / FLOWS;
	pattern_scratch_free(scratch);
}

static void print_cell(const char *backend, enum kind kind, size_t patterns,
		       const struct cell *cell, double ten)
{
	printf("%-10s %-7s %8zu %10.1f %7.2f %8.1f\n", backend, kind_names[kind], patterns,
	       cell->us, cell->us / ten, cell->asked);
}

static void json_cell(const char *backend, enum kind kind, size_t patterns, const struct cell *cell,
		      double base_us)
{
	char name[64];
	struct bench_row row = {
		.bench = "patterns",
		.row = name,
		.unit = "us/flow",
		.median = cell->us,
		.ratio = cell->us / base_us,
		.rounds = ROUNDS,
	};

	snprintf(name, sizeof(name), "%s, %s, %zu patterns", backend, kind_names[kind], patterns);
	bench_json(&row, "\"asked_per_flow\":%.1f", cell->asked);
}

static void measure_backend(enum pattern_backend backend, json_t *flows, json_t *compiling)
{
	struct pattern_set *sets[COUNTS];

	for (size_t c = 0; c < COUNTS; c++) {
		struct diag_list diags = DIAG_LIST_INIT;
		uint64_t began = bench_cpu_ns();

		sets[c] = pattern_set_new_by(backend, sources, counts[c], &diags);
		require(sets[c]);
		json_array_append_new(compiling, json_pack("{s:s, s:i, s:f}", "backend",
							   pattern_backend_name(sets[c]),
							   "patterns", (int)counts[c], "ms",
							   (double)(bench_cpu_ns() - began) / 1e6));
	}
	for (enum kind kind = 0; kind < KINDS; kind++) {
		struct cell cells[COUNTS];

		make_traffic(kind);
		for (size_t c = 0; c < COUNTS; c++)
			cells[c].us = 1e9;
		/* in turn, so that a busy spell of the machine is everybody's */
		for (unsigned round = 0; round < (backend == PATTERN_BACKEND_NONE ? 2 : ROUNDS);
		     round++)
			for (size_t c = 0; c < COUNTS; c++)
				measure(sets[c], &cells[c]);
		for (size_t c = 0; c < COUNTS; c++) {
			const char *name = pattern_backend_name(sets[c]);

			json_array_append_new(flows,
					      json_pack("{s:s, s:s, s:i, s:f, s:f, s:f}", "backend",
							name, "flows", kind_names[kind], "patterns",
							(int)counts[c], "us_per_flow", cells[c].us,
							"ratio", cells[c].us / cells[0].us,
							"asked_per_flow", cells[c].asked));
			json_cell(name, kind, counts[c], &cells[c], cells[0].us);
			if (!json)
				print_cell(name, kind, counts[c], &cells[c], cells[0].us);
		}
	}
	for (size_t c = 0; c < COUNTS; c++)
		pattern_set_free(sets[c]);
}

/* ---- catastrophes ---- */

struct worst {
	double us;
	int64_t steps;
	unsigned cut, scans;
};

static struct worst find_worst(const char *text, enum pattern_kind kind)
{
	static uint8_t bytes[FLOW_PREFIX_MAX_BYTES];
	struct pattern_source source = {.kind = kind, .text = text};
	struct diag_list diags = DIAG_LIST_INIT;
	struct pattern_set *set = pattern_set_new_by(PATTERN_BACKEND_NONE, &source, 1, &diags);
	struct pattern_scratch *scratch = pattern_scratch_new();
	struct sample sample = {.bytes = bytes, .room = sizeof(bytes)};
	struct worst worst = {0};
	struct regex regex;
	struct dice dice = {3};

	require(set);
	require(scratch);
	if (!regex_read(&regex, text, kind == PATTERN_PAYLOAD ? 0 : PCRE2_CASELESS | PCRE2_DOTALL))
		regex_read(&regex, "a", 0);
	for (uint32_t node = 1; node < regex.count; node++) {
		for (unsigned variant = 0; variant < 8 && is_pumped(&regex, node); variant++) {
			double best = 1e9;

			sample_pump(&regex, node, variant, &dice, &sample);
			for (unsigned turn = 0; turn < 3; turn++) {
				uint64_t began = bench_cpu_ns();
				double took;

				worst.cut += pattern_scan(set, 0, scratch, bytes, sample.length) ==
					     PATTERN_LIMIT;
				took = (double)(bench_cpu_ns() - began) / 1000;
				best = took < best ? took : best;
			}
			if (pattern_scratch_steps(scratch) > worst.steps)
				worst.steps = pattern_scratch_steps(scratch);
			worst.us = best > worst.us ? best : worst.us;
			worst.scans += 3;
		}
	}
	regex_release(&regex);
	pattern_scratch_free(scratch);
	pattern_set_free(set);
	return worst;
}

/* A pattern's text may hold what JSON escapes. */
static void json_worst(const char *name, const struct worst *worst)
{
	json_t *text = json_string(name);
	char *quoted = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
	struct bench_row row = {
		.bench = "patterns", .unit = "us, worst scan", .median = worst->us, .rounds = 3};

	require(quoted);
	quoted[strlen(quoted) - 1] = '\0';
	row.row = quoted + 1;
	bench_json(&row, "\"worst_steps\":%lld,\"cut_short\":%u,\"scans\":%u",
		   (long long)worst->steps, worst->cut, worst->scans);
	free(quoted);
	json_decref(text);
}

static void measure_worst(json_t *rows)
{
	for (size_t i = 0; i < rules_shipped_count + EXPLOSIVE_COUNT; i++) {
		bool shipped = i < rules_shipped_count;
		char *text = shipped ? shipped_regex(i)
				     : strdup(explosive_patterns[i - rules_shipped_count]);
		const char *name = shipped ? rules_shipped[i].path : text;
		struct worst worst = find_worst(text, shipped ? PATTERN_RAW : PATTERN_PAYLOAD);

		json_array_append_new(rows, json_pack("{s:s, s:f, s:I, s:i, s:i}", "pattern", name,
						      "worst_us", worst.us, "worst_steps",
						      (json_int_t)worst.steps, "cut_short",
						      (int)worst.cut, "scans", (int)worst.scans));
		json_worst(name, &worst);
		if (!json)
			printf("%-44.44s %10.0f %8ld %6u of %u\n", name, worst.us,
			       (long)worst.steps, worst.cut, worst.scans);
		free(text);
	}
}

int main(int argc, char **argv)
{
	static const enum pattern_backend backends[] = {
		PATTERN_BACKEND_BEST, PATTERN_BACKEND_LITERALS, PATTERN_BACKEND_NONE};
	json_t *flows = json_array(), *compiling = json_array(), *worst = json_array();
	json_t *document = json_pack("{s:o, s:o, s:o}", "flows", flows, "compiling", compiling,
				     "worst", worst);
	size_t index;
	json_t *row;

	json = argc > 1 && strcmp(argv[1], "--json") == 0;
	make_sources();
	if (!json)
		printf("%-10s %-7s %8s %10s %7s %8s\n", "prefilter", "flows", "patterns", "us/flow",
		       "ratio", "asked");
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		measure_backend(backends[i], flows, compiling);
	if (!json) {
		printf("\n%-10s %8s %10s\n", "compiling", "patterns", "ms");
		json_array_foreach(compiling, index, row) printf(
			"%-10s %8d %10.1f\n", json_string_value(json_object_get(row, "backend")),
			(int)json_integer_value(json_object_get(row, "patterns")),
			json_real_value(json_object_get(row, "ms")));
		printf("\n%-44s %10s %8s %s\n", "16 KiB made to let it explode", "worst us",
		       "steps", "cut short");
	}
	measure_worst(worst);
	if (json)
		json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(4));
	json_decref(document);
	for (size_t i = 0; i < PATTERNS; i++)
		free((void *)(uintptr_t)sources[i].text);
	return 0;
}
