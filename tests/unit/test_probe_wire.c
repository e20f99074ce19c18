/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of probes: what is sent, and that nothing but its answer counts as one. Each reader is
 * also given every beginning of an answer, and an answer with each bit turned over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <waymark/ip.h>

#include "../../src/route/probe_wire.h"

/* ---- ICMP ---- */

#define IP_HEADER 20u

static const struct probe_echo echo4 = {
	.family = IP_V4,
	.id = 0x1234,
	.sequence = 0xff01,
	.cookie = {0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3},
};

/* From 192.0.2.1 to 198.51.100.2; the IP header's checksum is the kernel's affair. */
static const uint8_t reply4[] = {
	0x45, 0x00, 0x00, 0x24, 0x30, 0x39, 0x00, 0x00, 0x39, 0x01, 0x00, 0x00,
	0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0x02, 0x00, 0x00, 0x4f, 0x28,
	0x12, 0x34, 0xff, 0x01, 0xde, 0xad, 0xbe, 0xef, 0x00, 0x01, 0x02, 0x03,
};

static void an_icmp_request_is_as_rfc_792_has_it(void **state)
{
	static const uint8_t expected[PROBE_ECHO_SIZE] = {
		0x08, 0x00, 0x47, 0x28, 0x12, 0x34, 0xff, 0x01,
		0xde, 0xad, 0xbe, 0xef, 0x00, 0x01, 0x02, 0x03,
	};
	uint8_t bytes[PROBE_ECHO_SIZE];

	(void)state;
	probe_echo_write(&echo4, bytes);
	assert_memory_equal(bytes, expected, sizeof(bytes));
	struct probe_echo echo6 = echo4;
	echo6.family = IP_V6;
	probe_echo_write(&echo6, bytes);
	assert_int_equal(bytes[0], 128);
	assert_int_equal(bytes[2] << 8 | bytes[3], 0); /* the kernel's */
	assert_memory_equal(bytes + 4, expected + 4, sizeof(bytes) - 4);
}

static void only_the_whole_reply_is_one(void **state)
{
	uint8_t bytes[sizeof(reply4)];

	(void)state;
	assert_true(probe_echo_is_reply(&echo4, reply4, sizeof(reply4)));
	for (size_t length = 0; length < sizeof(reply4); length++) {
		uint8_t *copy = malloc(length ? length : 1);
		assert_non_null(copy);
		memcpy(copy, reply4, length);
		assert_false(probe_echo_is_reply(&echo4, copy, length));
		free(copy);
	}
	/* the checksum covers what the comparison does not */
	for (size_t bit = 8 * IP_HEADER; bit < 8 * sizeof(reply4); bit++) {
		memcpy(bytes, reply4, sizeof(bytes));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(probe_echo_is_reply(&echo4, bytes, sizeof(bytes)));
	}
}

static void another_pings_reply_is_not_ours(void **state)
{
	struct probe_echo other = echo4;

	(void)state;
	other.id ^= 1;
	assert_false(probe_echo_is_reply(&other, reply4, sizeof(reply4)));
	other = echo4;
	other.sequence++;
	assert_false(probe_echo_is_reply(&other, reply4, sizeof(reply4)));
	for (size_t i = 0; i < PROBE_COOKIE_SIZE; i++) {
		other = echo4;
		other.cookie[i] ^= 0x80;
		assert_false(probe_echo_is_reply(&other, reply4, sizeof(reply4)));
	}
	other = echo4;
	other.family = IP_V6;
	assert_false(probe_echo_is_reply(&other, reply4, sizeof(reply4)));
}

static void a_reply_may_have_options_and_more_behind_it(void **state)
{
	uint8_t bytes[sizeof(reply4) + 4 + 6];

	(void)state;
	memcpy(bytes, reply4, IP_HEADER);
	memset(bytes + IP_HEADER, 1, 4); /* no-operation */
	memcpy(bytes + IP_HEADER + 4, reply4 + IP_HEADER, PROBE_ECHO_SIZE);
	memset(bytes + sizeof(reply4) + 4, 0xaa, 6); /* behind the packet's own length */
	bytes[0] = 0x46;
	bytes[3] += 4;
	assert_true(probe_echo_is_reply(&echo4, bytes, sizeof(bytes)));
	for (unsigned words = 0; words < 16; words++) {
		bytes[0] = (uint8_t)(0x40 | words);
		assert_int_equal(probe_echo_is_reply(&echo4, bytes, sizeof(bytes)), words == 6);
	}
	bytes[0] = 0x46;
	bytes[9] = 17; /* UDP */
	assert_false(probe_echo_is_reply(&echo4, bytes, sizeof(bytes)));
}

static void an_icmpv6_reply_has_no_ip_header(void **state)
{
	struct probe_echo echo6 = echo4;
	uint8_t bytes[PROBE_ECHO_SIZE + 1];

	(void)state;
	echo6.family = IP_V6;
	probe_echo_write(&echo6, bytes);
	bytes[PROBE_ECHO_SIZE] = 0;
	assert_false(probe_echo_is_reply(&echo6, bytes, PROBE_ECHO_SIZE)); /* a request */
	bytes[0] = 129;
	for (size_t length = 0; length <= sizeof(bytes); length++)
		assert_int_equal(probe_echo_is_reply(&echo6, bytes, length),
				 length >= PROBE_ECHO_SIZE);
	bytes[1] = 1;
	assert_false(probe_echo_is_reply(&echo6, bytes, PROBE_ECHO_SIZE));
}

static void an_error_is_ours_if_it_quotes_our_request(void **state)
{
	uint8_t bytes[PROBE_ECHO_SIZE];

	(void)state;
	for (unsigned family = IP_V4; family <= IP_V6; family += 2) {
		struct probe_echo echo = echo4;
		echo.family = (uint8_t)family;
		probe_echo_write(&echo, bytes);
		/* RFC 792 asks for 8 bytes of it only */
		for (size_t length = 0; length <= sizeof(bytes); length++)
			assert_int_equal(probe_echo_is_quoted(&echo, bytes, length), length >= 8);
		bytes[15] ^= 1;
		assert_false(probe_echo_is_quoted(&echo, bytes, sizeof(bytes)));
		assert_true(probe_echo_is_quoted(&echo, bytes, 15));
		bytes[7] ^= 1;
		assert_false(probe_echo_is_quoted(&echo, bytes, 8));
		bytes[7] ^= 1;
		bytes[0] = (uint8_t)(family == IP_V4 ? 0 : 129);
		assert_false(
			probe_echo_is_quoted(&echo, bytes, 8)); /* a reply of ours is no probe */
	}
}

/* ---- HTTP ---- */

/* The status, read in pieces of `piece` bytes. */
static int http_in_pieces(const char *text, size_t piece)
{
	struct probe_http http = {0};
	size_t length = strlen(text);
	int status = 0;

	for (size_t at = 0; at < length && !status; at += piece) {
		size_t n = length - at < piece ? length - at : piece;
		status = probe_http_feed(&http, (const uint8_t *)text + at, n);
	}
	return status;
}

static void http_is(const char *text, int expected)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++)
		assert_int_equal(http_in_pieces(text, piece), expected);
}

static void the_status_of_an_http_answer_is_read(void **state)
{
	(void)state;
	http_is("HTTP/1.1 200 OK\r\n", 200);
	http_is("HTTP/1.1 204 ", 204);
	http_is("HTTP/1.0 301 Moved Permanently\r\nLocation: /\r\n\r\n", 301);
	http_is("HTTP/1.1 404\r\n", 404);
	http_is("HTTP/1.1 503\n", 503);
	http_is("HTTP/1.9 999 what\r\n", 999);
}

static void an_http_answer_is_waited_for_to_its_status(void **state)
{
	(void)state;
	http_is("", 0);
	http_is("H", 0);
	http_is("HTTP/1.1 2", 0);
	http_is("HTTP/1.1 200", 0); /* it may be 2000 */
}

static void what_is_no_http_is_seen_at_once(void **state)
{
	(void)state;
	http_is("SSH-2.0-OpenSSH_9.2\r\n", -EBADMSG);
	http_is("HTTQ", -EBADMSG);
	http_is("HTTP/2.0 200 OK\r\n", -EBADMSG);
	http_is("HTTP/1.x", -EBADMSG);
	http_is("HTTP/1.1200", -EBADMSG);
	http_is("HTTP/1.1 2x0", -EBADMSG);
	http_is("HTTP/1.1 2000 OK\r\n", -EBADMSG);
	http_is("HTTP/1.1 099 ?\r\n", -EBADMSG);
	http_is("HTTP/1.1  200 OK\r\n", -EBADMSG);
	http_is("<html>", -EBADMSG);
}

static void interim_http_answers_are_passed_over(void **state)
{
	(void)state;
	http_is("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", 200);
	http_is("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
		"HTTP/1.1 100\n\nHTTP/1.1 302 Found\r\n",
		302);
	http_is("HTTP/1.1 100 Continue\r\n", 0);
	http_is("HTTP/1.1 100 Continue\r\nHTTP/1.1 200 OK\r\n", 0); /* a header line of it */
	http_is("HTTP/1.1 100 Continue\r\n\r\nnonsense", -EBADMSG);
}

static void interim_http_answers_have_an_end(void **state)
{
	static const char begin[] = "HTTP/1.1 100 Continue\r\n";
	struct probe_http http = {0};
	uint8_t filler[1024];
	int status = probe_http_feed(&http, (const uint8_t *)begin, sizeof(begin) - 1);

	(void)state;
	memset(filler, 'x', sizeof(filler));
	for (int i = 0; i < 16 && !status; i++)
		status = probe_http_feed(&http, filler, sizeof(filler));
	assert_int_equal(status, -EBADMSG);
}

/* ---- DNS ---- */

static void a_question_for_the_root_asks_for_its_servers(void **state)
{
	static const uint8_t expected[] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
	uint8_t bytes[PROBE_DNS_SIZE];

	(void)state;
	assert_int_equal(probe_dns_query(".", bytes), sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
}

static void a_question_for_a_name_asks_for_its_address(void **state)
{
	static const uint8_t expected[] = {0,	0, 1,	0,   0,	  1,   0,   0,	 0,   0,   0,
					   0,	2, 'w', 'a', 7,	  'e', 'x', 'a', 'm', 'p', 'l',
					   'e', 3, 'o', 'r', 'g', 0,   0,   1,	 0,   1};
	uint8_t bytes[PROBE_DNS_SIZE];

	(void)state;
	assert_int_equal(probe_dns_query("wa.example.org", bytes), sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_int_equal(probe_dns_query("wa.example.org.", bytes), sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
}

static void what_is_no_name_is_no_question(void **state)
{
	char name[300];
	uint8_t bytes[PROBE_DNS_SIZE];

	(void)state;
	assert_int_equal(probe_dns_query("", bytes), 0);
	assert_int_equal(probe_dns_query("a..b", bytes), 0);
	assert_int_equal(probe_dns_query(".a", bytes), 0);
	memset(name, 'a', 64);
	name[64] = '\0';
	assert_int_equal(probe_dns_query(name, bytes), 0);
	name[63] = '\0';
	assert_int_equal(probe_dns_query(name, bytes), 12 + 65 + 4);
	/* 253 characters are 255 bytes, one more is too much */
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	name[253] = '\0';
	assert_int_equal(probe_dns_query(name, bytes), 12 + 255 + 4);
	name[253] = 'a';
	name[254] = '\0';
	assert_int_equal(probe_dns_query(name, bytes), 0);
}

static void only_the_answer_to_our_question_is_one(void **state)
{
	uint8_t query[PROBE_DNS_SIZE], answer[PROBE_DNS_SIZE + 16] = {0};
	size_t length = probe_dns_query("a.example.org", query);

	(void)state;
	memcpy(answer, query, length);
	answer[0] = 0xab;
	answer[1] = 0xcd;
	answer[2] |= 0x80;
	for (unsigned rcode = 0; rcode < 16; rcode++) {
		answer[3] = (uint8_t)(0x80 | rcode); /* RA */
		assert_int_equal(probe_dns_rcode(query, length, 0xabcd, answer, sizeof(answer)),
				 rcode);
	}
	answer[3] = 0x80;
	for (size_t n = 0; n < length; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		assert_non_null(copy);
		memcpy(copy, answer, n);
		assert_int_equal(probe_dns_rcode(query, length, 0xabcd, copy, n), -EBADMSG);
		free(copy);
	}
	assert_int_equal(probe_dns_rcode(query, length, 0xabcd, answer, length), 0);
	assert_int_equal(probe_dns_rcode(query, length, 0xabce, answer, length), -EBADMSG);
	answer[2] = 0x01; /* a question */
	assert_int_equal(probe_dns_rcode(query, length, 0xabcd, answer, length), -EBADMSG);
	answer[2] = 0xa1; /* another opcode */
	assert_int_equal(probe_dns_rcode(query, length, 0xabcd, answer, length), -EBADMSG);
	answer[2] = 0x81;
	answer[5] = 0; /* no question */
	assert_int_equal(probe_dns_rcode(query, length, 0xabcd, answer, length), -EBADMSG);
	answer[5] = 1;
	answer[13] = 'A'; /* the same name */
	assert_int_equal(probe_dns_rcode(query, length, 0xabcd, answer, length), 0);
	answer[13] = 'b';
	assert_int_equal(probe_dns_rcode(query, length, 0xabcd, answer, length), -EBADMSG);
	answer[13] = 'a';
	answer[length - 3] = 28; /* another type */
	assert_int_equal(probe_dns_rcode(query, length, 0xabcd, answer, length), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_icmp_request_is_as_rfc_792_has_it),
		cmocka_unit_test(only_the_whole_reply_is_one),
		cmocka_unit_test(another_pings_reply_is_not_ours),
		cmocka_unit_test(a_reply_may_have_options_and_more_behind_it),
		cmocka_unit_test(an_icmpv6_reply_has_no_ip_header),
		cmocka_unit_test(an_error_is_ours_if_it_quotes_our_request),
		cmocka_unit_test(the_status_of_an_http_answer_is_read),
		cmocka_unit_test(an_http_answer_is_waited_for_to_its_status),
		cmocka_unit_test(what_is_no_http_is_seen_at_once),
		cmocka_unit_test(interim_http_answers_are_passed_over),
		cmocka_unit_test(interim_http_answers_have_an_end),
		cmocka_unit_test(a_question_for_the_root_asks_for_its_servers),
		cmocka_unit_test(a_question_for_a_name_asks_for_its_address),
		cmocka_unit_test(what_is_no_name_is_no_question),
		cmocka_unit_test(only_the_answer_to_our_question_is_one),
	};

	return cmocka_run_group_tests_name("probe_wire", tests, NULL, NULL);
}
