/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of `replay --json` are written by hand: each form here is held against what jansson
 * itself dumps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/capture.h"
#include "../../src/cli/cli.h"
#include "../../src/cli/flow_line.h"

#define DUMP (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(CLI_REAL_DIGITS))

/* What output.c complains by; nothing here can fail. */
int cli_fail(const char *format, ...)
{
	fail_msg("%s", format);
	return CLI_FAILED;
}

/* The line is the dump of the value, which is taken; the line is empty then. */
static void assert_dump(struct flow_line *line, json_t *json)
{
	char *want = json_dumps(json, DUMP);

	assert_false(line->failed);
	flow_line_literal(line, "\0");
	assert_string_equal(line->bytes, want);
	line->length = 0;
	free(want);
	json_decref(json);
}

static void test_seconds_are_what_jansson_makes_of_a_double(void **state)
{
	static const uint64_t times[] = {0,
					 1,
					 9,
					 10,
					 12,
					 99,
					 100,
					 101,
					 999999,
					 1000000,
					 1234567,
					 944207338440000,
					 946746151465954,
					 999999999999999,
					 1000000000000000,
					 1000000000000001,
					 1700000000123456,
					 1700000000100000,
					 2147483648999999,
					 4294967295999999,
					 (UINT64_C(1) << 52) - 1,
					 UINT64_C(1) << 52};
	struct flow_line line = {0};
	uint64_t us = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		flow_line_seconds(&line, times[i]);
		assert_dump(&line, json_real((double)times[i] / 1e6));
	}
	for (int i = 0; i < 200000; i++) {
		us = us * UINT64_C(6364136223846793005) + 1442695040888963407u;
		flow_line_seconds(&line, us >> 12);
		assert_dump(&line, json_real((double)(us >> 12) / 1e6));
	}
	flow_line_release(&line);
}

static void test_each_byte_is_escaped_as_jansson_does(void **state)
{
	struct flow_line line = {0};

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		const char text[3] = {'a', (char)byte, 'b'};
		json_t *json = json_stringn(text, sizeof(text));

		flow_line_string(&line, text, sizeof(text));
		/* one byte of 0x80 or more is no UTF-8 */
		assert_true((json == NULL) == (byte >= 0x80));
		assert_dump(&line, json ? json : json_null());
	}
	flow_line_release(&line);
}

static void test_a_name_is_shown_only_if_it_is_utf8(void **state)
{
	static const char *const names[] = {
		"",
		"www.example.net",
		("b\xc3\xbc"
		 "cher.example"), /* "\xbcc" would be one number */
		"\xe2\x82\xac",
		"\xf0\x9f\x98\x80",
		"\xc0\x80",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xe2\x82",
		"\"quoted\"\\\x7f",
		"\xc3\xbc\x01\n",
	};
	struct flow_line line = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *json = json_string(names[i]);

		flow_line_text(&line, names[i]);
		assert_dump(&line, json ? json : json_null());
	}
	flow_line_text(&line, NULL);
	assert_dump(&line, json_null());
	flow_line_release(&line);
}

static void test_a_file_is_shown_whatever_its_name(void **state)
{
	static const char *const files[] = {"a.pcap", "\xc3\xbc.pcap", "\xff\"\n.pcap"};
	struct flow_line line = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		flow_line_file(&line, files[i]);
		assert_dump(&line, cli_text_json(files[i]));
	}
	flow_line_release(&line);
}

static void test_numbers_have_all_their_digits(void **state)
{
	static const uint64_t numbers[] = {0, 7, 10, 65535, INT64_MAX};
	struct flow_line line = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		flow_line_unsigned(&line, numbers[i]);
		assert_dump(&line, json_integer((json_int_t)numbers[i]));
	}
	flow_line_mark(&line, UINT32_MAX);
	assert_dump(&line, json_string("0xffffffff"));
	flow_line_mark(&line, 0);
	assert_dump(&line, json_string("0x0"));
	flow_line_release(&line);
}

static void test_addresses_are_what_inet_ntop_makes_of_them(void **state)
{
	struct capture_flow *flow = calloc(1, sizeof(*flow));
	struct flow_line line = {0};
	uint32_t random = 1;

	(void)state;
	assert_non_null(flow);
	flow->flow.key.family = IP_V6;
	for (int i = 0; i < 100000; i++) {
		char text[IP_TEXT_SIZE];
		struct ip_addr addr;
		json_t *json;

		/* few different bytes, so that zero groups are many */
		for (unsigned b = 0; b < 16; b++) {
			random = random * 1664525 + 1013904223;
			flow->flow.key.client[b] =
				random >> 28 > 5
					? 0
					: (uint8_t)(random >> 16 & (random >> 27 & 1 ? 255 : 15));
		}
		if (i % 3 == 0)
			flow->flow.key.family = IP_V4;
		else
			flow->flow.key.family = IP_V6;
		addr = flow_client(&flow->flow.key);
		flow_line_literal(&line, "{");
		flow_line_key(&line, "a", flow);
		flow_line_literal(&line, "}");
		json = flow_line_json(&line);
		assert_string_equal(json_string_value(json_object_get(json, "src")),
				    ip_format(&addr, text));
		json_decref(json);
	}
	free(flow);
	flow_line_release(&line);
}

static void test_a_line_of_a_flow_is_a_document_in_its_shortest_form(void **state)
{
	struct capture_flow *flow = calloc(1, sizeof(*flow));
	struct flow_line line = {0}, again = {0};
	json_t *json;

	(void)state;
	assert_non_null(flow);
	flow->flow.key = (struct flow_key){
		.client = {10, 0, 0, 200},
		.server = {192, 0, 2, 9},
		.client_port = 40000,
		.server_port = 443,
		.proto = 6,
		.family = IP_V4,
		.has_ports = true,
	};
	flow->flow.began_us = 1700000000123456;
	flow->flow.number = 17;
	flow->flow.packets_seen = 3;
	flow->flow.bytes_seen = 1234567890123;
	flow->info = (struct flow_info){
		.host = "www.example.net", .alpn = "h2\0http/1.1", .alpn_length = 12};
	for (int family = IP_V4; family <= IP_V6; family++) {
		flow->flow.key.family = family == IP_V4 ? IP_V4 : IP_V6;
		flow->flow.key.has_ports = family == IP_V4;
		flow->flow.key.proto = family == IP_V4 ? 6 : 200;
		flow_line_literal(&line, "{");
		flow_line_key(&line, "a.pcap", flow);
		flow_line_names(&line, flow);
		flow_line_literal(&line, "}");
		flow_line_add(&again, line.bytes, line.length);
		json = flow_line_json(&line);
		assert_non_null(json);
		assert_int_equal(json_array_size(json_object_get(json, "alpn")), 2);
		assert_dump(&again, json);
	}
	free(flow);
	flow_line_release(&line);
	flow_line_release(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seconds_are_what_jansson_makes_of_a_double),
		cmocka_unit_test(test_each_byte_is_escaped_as_jansson_does),
		cmocka_unit_test(test_a_name_is_shown_only_if_it_is_utf8),
		cmocka_unit_test(test_a_file_is_shown_whatever_its_name),
		cmocka_unit_test(test_numbers_have_all_their_digits),
		cmocka_unit_test(test_addresses_are_what_inet_ntop_makes_of_them),
		cmocka_unit_test(test_a_line_of_a_flow_is_a_document_in_its_shortest_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
