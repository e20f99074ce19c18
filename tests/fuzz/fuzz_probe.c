/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers to probes: any bytes as an echo reply, a quoted request, an HTTP answer (whole and in
 * pieces) or a DNS answer; and any text as the name that a DNS question is made of.
 * Covers: src/route/probe_wire.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/ip.h>

#include "../../src/route/probe_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void fuzz_echo(uint8_t family, const uint8_t *bytes, size_t length)
{
	const struct probe_echo echo = {.family = family, .id = 0x1234, .sequence = 1};
	uint8_t request[PROBE_ECHO_SIZE];

	probe_echo_write(&echo, request);
	require(probe_echo_is_quoted(&echo, request, sizeof(request)));
	require(!probe_echo_is_reply(&echo, request, sizeof(request)));
	if (probe_echo_is_reply(&echo, bytes, length))
		require(length >= PROBE_ECHO_SIZE);
	if (probe_echo_is_quoted(&echo, bytes, length))
		require(length >= 8);
}

static void fuzz_http(uint8_t piece, const uint8_t *bytes, size_t length)
{
	struct probe_http whole = {0}, pieces = {0};
	int status = probe_http_feed(&whole, bytes, length), same = 0;

	for (size_t at = 0; at < length && !same;) {
		size_t n = (size_t)piece % 7 + 1;
		n = n < length - at ? n : length - at;
		same = probe_http_feed(&pieces, bytes + at, n);
		at += n;
	}
	require(status == same);
	require(status <= 0 || (status >= 200 && status <= 999));
}

static void fuzz_dns(const uint8_t *bytes, size_t length)
{
	uint8_t query[PROBE_DNS_SIZE];
	size_t query_length = probe_dns_query("www.example.org", query);
	int rcode = probe_dns_rcode(query, query_length, 0x1234, bytes, length);

	require(rcode < 16 && (rcode < 0 || length >= query_length));
	/* a question answered by itself */
	char *name = malloc(length + 1);
	require(name != NULL);
	memcpy(name, bytes, length);
	name[length] = '\0';
	query_length = probe_dns_query(name, query);
	free(name);
	require(query_length <= PROBE_DNS_SIZE);
	require(probe_dns_rcode(query, query_length, 0, query, query_length) < 0);
	query[2] |= 0x80;
	require(!query_length || probe_dns_rcode(query, query_length, 0, query, query_length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	/* a copy of its own, so that every byte behind it is seen */
	size_t length = size - 2;
	uint8_t *bytes = malloc(length ? length : 1);
	require(bytes != NULL);
	memcpy(bytes, data + 2, length);
	switch (data[0]) {
	case '4':
		fuzz_echo(IP_V4, bytes, length);
		break;
	case '6':
		fuzz_echo(IP_V6, bytes, length);
		break;
	case 'h':
		fuzz_http(data[1], bytes, length);
		break;
	default:
		fuzz_dns(bytes, length);
		break;
	}
	free(bytes);
	return 0;
}
