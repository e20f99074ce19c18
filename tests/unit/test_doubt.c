/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What flows turned out to be: the table by itself, then fed by a classifier.
 */
#include "classify_support.h"

#include <waymark/doubt.h>

/* ---- the table ---- */

static struct doubt_flow unknown(uint16_t port, const char *client, const char *server)
{
	struct doubt_flow flow = {
		.kind = DOUBT_UNKNOWN,
		.proto = 6,
		.port = port,
		.packets = 3,
		.bytes = 300,
		.last_us = 1000,
	};
	const char *said[2] = {client, server};

	for (unsigned d = 0; d < 2; d++) {
		flow.begin[d].length = (uint8_t)strlen(said[d]);
		memcpy(flow.begin[d].bytes, said[d], strlen(said[d]));
	}
	return flow;
}

static void add(struct doubt *doubt, uint16_t port, const char *client, const char *server)
{
	struct doubt_flow flow = unknown(port, client, server);

	doubt_add(doubt, &flow);
}

static const struct doubt_entry *entry_of(const struct doubt *doubt, uint16_t port)
{
	const struct doubt_entry *entry;

	for (size_t i = 0; (entry = doubt_entry(doubt, i)); i++)
		if (entry->port == port)
			return entry;
	return NULL;
}

static void assert_common(const struct doubt_entry *entry, unsigned side, const char *pattern)
{
	char text[DOUBT_PATTERN_SIZE];

	assert_string_equal(doubt_pattern(&entry->common[side], text), pattern);
}

static void flows_of_one_port_are_one_entry(void **state)
{
	struct doubt *doubt = doubt_new(DOUBT_ENTRIES);
	const struct doubt_entry *entry;

	(void)state;
	add(doubt, 9999, "ACME/1", "OK");
	add(doubt, 9999, "ACME/2", "OK");
	add(doubt, 9998, "ACME/2", "OK");
	entry = entry_of(doubt, 9999);
	assert_int_equal(entry->flows, 2);
	assert_int_equal(entry->packets, 6);
	assert_int_equal(entry->bytes, 600);
	assert_int_equal(entry->sample_count, 1);
	assert_int_equal(entry->samples[0].flows, 2);
	assert_memory_equal(entry->samples[0].begin[0].bytes, "ACME/2", 6);
	assert_null(doubt_entry(doubt, 2));
	doubt_free(doubt);
}

static void who_speaks_first_and_the_protocol_tell_entries_apart(void **state)
{
	struct doubt *doubt = doubt_new(DOUBT_ENTRIES);
	struct doubt_flow flow = unknown(9999, "hello", "welcome");

	(void)state;
	doubt_add(doubt, &flow);
	flow.first = FLOW_FROM_SERVER;
	doubt_add(doubt, &flow);
	flow.proto = 17;
	doubt_add(doubt, &flow);
	assert_non_null(doubt_entry(doubt, 2));
	assert_null(doubt_entry(doubt, 3));
	doubt_free(doubt);
}

static void what_all_flows_have_in_common_is_a_pattern(void **state)
{
	struct doubt *doubt = doubt_new(DOUBT_ENTRIES);

	(void)state;
	add(doubt, 9999, "ACME/1 x\r\n", "");
	assert_common(entry_of(doubt, 9999), 0, "^ACME/1\\x20x\\x0d\\x0a");
	assert_common(entry_of(doubt, 9999), 1, "");
	add(doubt, 9999, "ACME/2 x\r\nand more", "yes.");
	assert_common(entry_of(doubt, 9999), 0, "^ACME/.\\x20x\\x0d\\x0a");
	assert_common(entry_of(doubt, 9999), 1, "^yes\\x2e");
	add(doubt, 9999, "ACME", "");
	assert_common(entry_of(doubt, 9999), 0, "^ACME");
	assert_common(entry_of(doubt, 9999), 1, "^yes\\x2e");
	add(doubt, 9999, "acme", "no");
	assert_common(entry_of(doubt, 9999), 0, "");
	doubt_free(doubt);
}

static void a_pattern_of_any_bytes_fits_its_buffer(void **state)
{
	struct doubt_flow flow = unknown(1, "", "");
	struct doubt *doubt = doubt_new(1);
	char text[DOUBT_PATTERN_SIZE];

	(void)state;
	flow.begin[0].length = DOUBT_BYTES;
	memset(flow.begin[0].bytes, '*', DOUBT_BYTES);
	doubt_add(doubt, &flow);
	doubt_pattern(&doubt_entry(doubt, 0)->common[0], text);
	assert_int_equal(strlen(text), 1 + 4 * DOUBT_BYTES);
	doubt_free(doubt);
}

static void the_most_different_beginnings_are_kept(void **state)
{
	static const char *const words[] = {"AAAA", "BBBB", "AAAA", "CCCC", "DDDD", "EEEE", "AAAA"};
	struct doubt *doubt = doubt_new(DOUBT_ENTRIES);
	const struct doubt_entry *entry;
	bool seen_a = false, seen_e = false;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct doubt_flow flow = unknown(9999, words[i], "");

		flow.last_us = 1000 + i;
		doubt_add(doubt, &flow);
	}
	entry = entry_of(doubt, 9999);
	assert_int_equal(entry->flows, 7);
	assert_int_equal(entry->sample_count, DOUBT_SAMPLES);
	for (unsigned i = 0; i < DOUBT_SAMPLES; i++) {
		const struct doubt_sample *sample = &entry->samples[i];

		/* of the rare ones the oldest went */
		assert_memory_not_equal(sample->begin[0].bytes, "BBBB", 4);
		seen_e |= !memcmp(sample->begin[0].bytes, "EEEE", 4);
		if (!memcmp(sample->begin[0].bytes, "AAAA", 4)) {
			seen_a = true;
			assert_int_equal(sample->flows, 3);
		}
	}
	assert_true(seen_a && seen_e);
	doubt_free(doubt);
}

static void a_flow_that_showed_less_does_not_replace_one_that_showed_more(void **state)
{
	struct doubt *doubt = doubt_new(DOUBT_ENTRIES);
	const struct doubt_sample *sample;
	struct doubt_flow flow;

	(void)state;
	add(doubt, 9999, "ACME/1", "answer");
	flow = unknown(9999, "ACME", "");
	flow.last_us = 5000;
	doubt_add(doubt, &flow);
	sample = &entry_of(doubt, 9999)->samples[0];
	assert_int_equal(entry_of(doubt, 9999)->sample_count, 1);
	assert_int_equal(sample->begin[1].length, 6);
	assert_int_equal(sample->last_us, 5000);
	doubt_free(doubt);
}

static void a_full_table_forgets_the_rarest_and_counts_it(void **state)
{
	struct doubt *doubt = doubt_new(3);
	struct doubt_flow flow = unknown(3, "three", "");

	(void)state;
	add(doubt, 1, "one", "");
	add(doubt, 1, "one", "");
	add(doubt, 2, "two", "");
	flow.last_us = 500; /* longest ago */
	doubt_add(doubt, &flow);
	assert_int_equal(doubt_totals(doubt)->forgotten_entries, 0);
	add(doubt, 4, "four", "");
	assert_null(entry_of(doubt, 3));
	assert_int_equal(entry_of(doubt, 4)->flows, 1);
	assert_memory_equal(entry_of(doubt, 4)->samples[0].begin[0].bytes, "four", 4);
	assert_int_equal(entry_of(doubt, 1)->flows, 2);
	assert_int_equal(doubt_totals(doubt)->forgotten_entries, 1);
	assert_int_equal(doubt_totals(doubt)->forgotten_flows, 1);
	assert_null(doubt_entry(doubt, 3));
	doubt_free(doubt);
}

static void merging_two_tables_is_as_if_one_had_seen_all(void **state)
{
	static const char *const said[] = {"ACME/1", "ACME/2", "acme!", "ACME/3", "QUIT"};
	struct doubt *one = doubt_new(DOUBT_ENTRIES), *half[2], *sum = doubt_new(DOUBT_ENTRIES);
	json_t *one_said, *sum_said;

	(void)state;
	half[0] = doubt_new(DOUBT_ENTRIES);
	half[1] = doubt_new(DOUBT_ENTRIES);
	for (unsigned i = 0; i < 40; i++) {
		struct doubt_flow flow =
			unknown((uint16_t)(9000 + i % 3), said[i % 5], i % 2 ? "OK" : "");
		struct doubt_flow known = {.kind = DOUBT_KNOWN,
					   .app = (uint16_t)(1 + i % 4),
					   .packets = i,
					   .bytes = i};

		flow.last_us = 1000 + i;
		doubt_add(one, &flow);
		doubt_add(half[i % 7 % 2], &flow);
		doubt_add(one, &known);
		doubt_add(half[i % 2], &known);
		flow.kind = (uint8_t)(DOUBT_SILENT + i % 3);
		doubt_add(one, &flow);
		doubt_add(half[i % 2], &flow);
	}
	doubt_merge(sum, half[0]);
	doubt_merge(sum, half[1]);
	for (size_t i = 0; doubt_entry(one, i); i++) {
		const struct doubt_entry *want = doubt_entry(one, i);
		const struct doubt_entry *have = entry_of(sum, want->port);

		assert_int_equal(have->flows, want->flows);
		assert_int_equal(have->packets, want->packets);
		assert_int_equal(have->last_us, want->last_us);
		for (unsigned d = 0; d < 2; d++) {
			assert_int_equal(have->common[d].flows, want->common[d].flows);
			assert_int_equal(have->common[d].same, want->common[d].same);
		}
	}
	one_said = doubt_document(one);
	sum_said = doubt_document(sum);
	assert_true(
		json_equal(json_object_get(one_said, "known"), json_object_get(sum_said, "known")));
	assert_true(json_equal(json_object_get(one_said, "silent"),
			       json_object_get(sum_said, "silent")));
	assert_int_equal(json_integer_value(json_object_get(sum_said, "midstream")), 13);
	json_decref(one_said);
	json_decref(sum_said);
	doubt_free(one);
	doubt_free(half[0]);
	doubt_free(half[1]);
	doubt_free(sum);
}

static void the_document_has_the_most_frequent_first(void **state)
{
	struct doubt *doubt = doubt_new(DOUBT_ENTRIES);
	struct doubt_flow known = {
		.kind = DOUBT_KNOWN, .app = app_find("ssh"), .packets = 9, .bytes = 900};
	json_t *document, *wanted;

	(void)state;
	doubt_add(doubt, &known);
	known.app = app_find("tls");
	doubt_add(doubt, &known);
	doubt_add(doubt, &known);
	add(doubt, 1, "x", "");
	add(doubt, 2, "\x01\xff", "ok");
	add(doubt, 2, "\x02\xff", "ok");
	document = doubt_document(doubt);
	wanted = json_loads(
		"{\"known\": [{\"app\": \"tls\", \"flows\": 2, \"packets\": 18, \"bytes\": 1800},"
		" {\"app\": \"ssh\", \"flows\": 1, \"packets\": 9, \"bytes\": 900}],"
		" \"unknown\": [{\"proto\": \"tcp\", \"port\": 2, \"first\": \"client\", "
		"\"flows\": 2,"
		"  \"unfinished\": 0, \"packets\": 6, \"bytes\": 600, \"last_seen\": 0.001,"
		"  \"common\": {\"client\": \"^.\\\\xff\", \"server\": \"^ok\"}, \"samples\": ["
		"   {\"flows\": 1, \"client\": \"01ff\", \"server\": \"6f6b\"},"
		"   {\"flows\": 1, \"client\": \"02ff\", \"server\": \"6f6b\"}]},"
		"  {\"proto\": \"tcp\", \"port\": 1, \"first\": \"client\", \"flows\": 1,"
		"  \"unfinished\": 0, \"packets\": 3, \"bytes\": 300, \"last_seen\": 0.001,"
		"  \"common\": {\"client\": \"^x\", \"server\": null}, \"samples\": ["
		"   {\"flows\": 1, \"client\": \"78\", \"server\": \"\"}]}],"
		" \"silent\": 0, \"midstream\": 0, \"not_inspected\": 0,"
		" \"forgotten\": {\"ports\": 0, \"flows\": 0}}",
		0, NULL);
	assert_non_null(wanted);
	assert_true(json_equal(document, wanted));
	json_decref(document);
	json_decref(wanted);
	doubt_free(doubt);
}

/* ---- fed by a classifier ---- */

struct fed {
	struct bench *bench;
	struct doubt *doubt;
	struct doubt_flow last;
};

static void take(const struct classify_settled *settled, void *context)
{
	struct fed *fed = context;

	doubt_flow_init(&fed->last, settled);
	doubt_add(fed->doubt, &fed->last);
}

static struct fed *fed_new(const char *rules, bool read_on)
{
	struct fed *fed = calloc(1, sizeof(*fed));
	struct classifier_options options = {
		.flows_max = 1024,
		.timeouts = {7200, 180, 60},
		.settled = take,
		.settled_context = fed,
	};

	assert_non_null(fed);
	fed->doubt = doubt_new(DOUBT_ENTRIES);
	fed->bench = bench_new(rules);
	classifier_free(fed->bench->classifier);
	fed->bench->policy.inspect_decided = read_on;
	if (read_on)
		options.at_end = &fed->bench->policy;
	fed->bench->classifier = classifier_new(&options, NULL, NULL);
	assert_non_null(fed->bench->classifier);
	return fed;
}

static void fed_free(struct fed *fed)
{
	doubt_free(fed->doubt);
	bench_free(fed->bench);
	free(fed);
}

/* Ends all flows. */
static void end_all(struct fed *fed)
{
	classifier_expire(fed->bench->classifier, fed->bench->now_us + UINT64_C(8000000000), 1024);
}

static const char by_app[] =
	"rules = ( { name = \"t\"; match = { app = \"tls\"; }; uplink = \"plain\"; } );";

static void a_flow_that_nobody_knows_is_counted_when_it_is_decided(void **state)
{
	struct fed *fed = fed_new(by_app, false);
	const struct doubt_entry *entry;

	(void)state;
	syn(fed->bench, 40000, 9999);
	data(fed->bench, 40000, 9999, 0, "ACME/1 hello\r\n", 14);
	for (unsigned i = 1; i < 20; i++)
		data(fed->bench, 40000, 9999, 14 * i, "ACME/1 hello\r\n", 14);
	entry = entry_of(fed->doubt, 9999);
	assert_non_null(entry);
	assert_int_equal(entry->flows, 1);
	assert_int_equal(entry->first, FLOW_FROM_CLIENT);
	assert_true(entry->common[FLOW_FROM_CLIENT].first.length >= 14);
	assert_memory_equal(entry->common[FLOW_FROM_CLIENT].first.bytes, "ACME/1 hello\r\n", 14);
	end_all(fed);
	assert_int_equal(entry->flows, 1);
	fed_free(fed);
}

static void a_flow_whose_app_is_known_is_no_doubt(void **state)
{
	struct fed *fed = fed_new(by_app, false);

	(void)state;
	syn(fed->bench, 40000, 22);
	reply(fed->bench, 40000, 22, "SSH-2.0-OpenSSH_9.2\r\n");
	data(fed->bench, 40000, 22, 0, "SSH-2.0-OpenSSH_9.2\r\n", 21);
	assert_int_equal(doubt_app(fed->doubt, app_find("ssh"))->flows, 1);
	assert_null(doubt_entry(fed->doubt, 0));
	fed_free(fed);
}

static void what_showed_nothing_is_told_apart_from_what_nobody_looked_at(void **state)
{
	struct fed *fed =
		fed_new("rules = ( { name = \"m\"; match = { dport = 25; }; uplink = \"plain\"; },"
			" { name = \"t\"; match = { app = \"tls\"; }; uplink = \"plain\"; } );",
			false);

	(void)state;
	syn(fed->bench, 40000, 25); /* decided by its first packet */
	syn(fed->bench, 40001, 443);
	assert_int_equal(doubt_totals(fed->doubt)->not_inspected, 1);
	assert_int_equal(doubt_totals(fed->doubt)->silent, 0);
	end_all(fed);
	assert_int_equal(doubt_totals(fed->doubt)->silent, 1);
	assert_null(doubt_entry(fed->doubt, 0));
	fed_free(fed);
}

static void the_middle_of_a_stream_is_no_beginning(void **state)
{
	struct fed *fed = fed_new(by_app, false);

	(void)state;
	data(fed->bench, 40000, 9999, 5000, "who knows what", 14);
	end_all(fed);
	assert_int_equal(doubt_totals(fed->doubt)->midstream, 1);
	assert_null(doubt_entry(fed->doubt, 0));
	fed_free(fed);
}

static void a_flow_that_ends_early_was_not_looked_at_to_the_end(void **state)
{
	struct fed *fed = fed_new(by_app, false);

	(void)state;
	syn(fed->bench, 40000, 9999);
	data(fed->bench, 40000, 9999, 0, "\x16", 1); /* TLS may begin so */
	end_all(fed);
	assert_int_equal(entry_of(fed->doubt, 9999)->unfinished, 1);
	fed_free(fed);
}

static void who_reads_on_sees_both_sides_and_finishes_what_ends(void **state)
{
	struct fed *fed = fed_new("rules = ( );", true);
	const struct doubt_entry *entry;

	(void)state;
	syn(fed->bench, 40000, 9999);
	data(fed->bench, 40000, 9999, 0, "ACME/1 hello\r\n", 14);
	reply(fed->bench, 40000, 9999, "welcome\r\n");
	end_all(fed);
	entry = entry_of(fed->doubt, 9999);
	assert_non_null(entry);
	assert_common(entry, FLOW_FROM_SERVER, "^welcome\\x0d\\x0a");
	assert_int_equal(entry->unfinished, 0);
	fed_free(fed);
}

static void a_datagram_is_a_beginning_by_itself(void **state)
{
	struct fed *fed = fed_new("rules = ( );", true);
	struct segment segment = {
		.sport = 40000, .dport = 9999, .proto = 17, .payload = "\x05zz", .length = 3};

	(void)state;
	send_packet(fed->bench, &segment);
	segment.payload = "more";
	segment.length = 4;
	send_packet(fed->bench, &segment);
	end_all(fed);
	assert_common(entry_of(fed->doubt, 9999), FLOW_FROM_CLIENT, "^\\x05zz");
	fed_free(fed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_of_one_port_are_one_entry),
		cmocka_unit_test(who_speaks_first_and_the_protocol_tell_entries_apart),
		cmocka_unit_test(what_all_flows_have_in_common_is_a_pattern),
		cmocka_unit_test(a_pattern_of_any_bytes_fits_its_buffer),
		cmocka_unit_test(the_most_different_beginnings_are_kept),
		cmocka_unit_test(a_flow_that_showed_less_does_not_replace_one_that_showed_more),
		cmocka_unit_test(a_full_table_forgets_the_rarest_and_counts_it),
		cmocka_unit_test(merging_two_tables_is_as_if_one_had_seen_all),
		cmocka_unit_test(the_document_has_the_most_frequent_first),
		cmocka_unit_test(a_flow_that_nobody_knows_is_counted_when_it_is_decided),
		cmocka_unit_test(a_flow_whose_app_is_known_is_no_doubt),
		cmocka_unit_test(what_showed_nothing_is_told_apart_from_what_nobody_looked_at),
		cmocka_unit_test(the_middle_of_a_stream_is_no_beginning),
		cmocka_unit_test(a_flow_that_ends_early_was_not_looked_at_to_the_end),
		cmocka_unit_test(who_reads_on_sees_both_sides_and_finishes_what_ends),
		cmocka_unit_test(a_datagram_is_a_beginning_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
