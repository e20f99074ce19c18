/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow without a flow table: bytes go straight into an inspection. */
#ifndef TEST_INSPECT_SUPPORT_H
#define TEST_INSPECT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <waymark/inspect.h>

enum { C = FLOW_FROM_CLIENT, S = FLOW_FROM_SERVER };

struct talk {
	struct flow flow;
	struct inspection *inspection;
	const struct evidence *evidence;
	const struct pattern_set *patterns;
	struct pattern_scratch *scratch;
	struct inspect_limits limits;
	uint32_t next[2]; /* sequence numbers */
};

static inline struct packet talk_packet(const struct talk *talk, unsigned side, uint32_t offset,
					const void *bytes, size_t length)
{
	struct packet packet = {
		.family = IP_V4,
		.proto = talk->flow.key.proto,
		.has_ports = true,
		.has_tcp = talk->flow.key.proto == IPPROTO_TCP,
		.tcp_flags = PACKET_TCP_ACK,
		.tcp_seq = talk->flow.isn[side] + offset,
		.payload = length ? bytes : NULL,
		.payload_captured = (uint32_t)length,
		.payload_length = (uint32_t)length,
	};

	return packet;
}

static inline void talk_begin_with(struct talk *talk, uint8_t proto, uint16_t client_port,
				   uint16_t server_port, const struct pattern_set *patterns)
{
	struct packet first;

	memset(talk, 0, sizeof(*talk));
	talk->flow.key.proto = proto;
	talk->flow.key.family = IP_V4;
	talk->flow.key.has_ports = true;
	talk->flow.key.client_port = client_port;
	talk->flow.key.server_port = server_port;
	talk->flow.has_isn = proto == IPPROTO_TCP ? 3 : 0;
	talk->flow.isn[0] = 0xfffffff0; /* wraps soon */
	talk->flow.isn[1] = 7000;
	talk->limits = (struct inspect_limits){.decide_packets = 12, .decide_bytes = 16384};
	talk->patterns = patterns;
	if (patterns) {
		talk->scratch = pattern_scratch_new();
		assert_non_null(talk->scratch);
	}
	first = talk_packet(talk, C, 0, NULL, 0);
	talk->inspection = inspection_new(&talk->flow, &first, patterns, NULL);
	assert_non_null(talk->inspection);
	talk->evidence = inspection_evidence(talk->inspection);
}

static inline void talk_begin(struct talk *talk, uint8_t proto, uint16_t server_port)
{
	talk_begin_with(talk, proto, 40000, server_port, NULL);
}

static inline void talk_end(struct talk *talk)
{
	inspection_free(talk->inspection);
	pattern_scratch_free(talk->scratch);
}

/* The bytes at a stream offset, in one segment. */
static inline bool say_at(struct talk *talk, unsigned side, uint32_t offset, const void *bytes,
			  size_t length)
{
	/* a copy of exact size, so that reading past it is seen by the sanitizers */
	uint8_t *copy = malloc(length ? length : 1);
	struct packet packet;
	bool changed;

	assert_non_null(copy);
	if (length)
		memcpy(copy, bytes, length);
	packet = talk_packet(talk, side, offset, copy, length);
	changed = inspection_feed(talk->inspection, &talk->flow, (enum flow_direction)side, &packet,
				  talk->patterns, talk->scratch, &talk->limits);
	free(copy);
	return changed;
}

static inline bool say(struct talk *talk, unsigned side, const void *bytes, size_t length)
{
	bool changed = say_at(talk, side, talk->next[side], bytes, length);

	talk->next[side] += (uint32_t)length;
	return changed;
}

static inline bool say_text(struct talk *talk, unsigned side, const char *text)
{
	return say(talk, side, text, strlen(text));
}

static inline void assert_app(const struct talk *talk, const char *name)
{
	uint16_t app = evidence_app(talk->evidence);

	if (!name) {
		assert_int_equal(app, APP_NONE);
	} else {
		assert_int_not_equal(app, APP_NONE);
		assert_string_equal(app_name(app), name);
	}
}

static inline void assert_host(const struct talk *talk, enum host_source source, const char *host)
{
	assert_int_equal(talk->evidence->host_source, source);
	assert_string_equal(talk->evidence->host, host ? host : "");
	assert_int_equal(talk->evidence->host_length, host ? strlen(host) : 0);
}

/* No app is open, of those that can have a name or carry others; `print` says which. */
static inline bool apps_are_out(const struct talk *talk, bool print)
{
	static const char *const apps[] = {
		"tls",	 "http", "dns",	 "mdns", "llmnr", "quic", "dtls",  "ssh",
		"http2", "smtp", "imap", "pop3", "ftp",	  "xmpp", "socks", "postgresql",
	};
	bool out = true;

	for (size_t i = 0; i < sizeof(apps) / sizeof(apps[0]); i++) {
		if (evidence_app_out(talk->evidence, app_find(apps[i])))
			continue;
		if (print)
			print_message("%s may still be found\n", apps[i]);
		out = false;
	}
	return out;
}

/*
 * Nothing is open of what these tests are about. Other protocols may be waited for: their
 * own captures tell when (tests/pcap/apps).
 */
static inline void assert_done(const struct talk *talk)
{
	assert_true(apps_are_out(talk, true));
	assert_true(talk->evidence->host_done);
	assert_true(talk->evidence->alpn_done);
	assert_true(talk->evidence->patterns_done);
}

static inline void assert_all_open(const struct talk *talk)
{
	assert_false(talk->evidence->apps_done);
	assert_false(talk->evidence->host_done);
}

/* ---- building messages ---- */

struct bytes {
	uint8_t at[40000];
	size_t length;
};

static inline void put(struct bytes *bytes, const void *data, size_t length)
{
	assert_true(bytes->length + length <= sizeof(bytes->at));
	memcpy(bytes->at + bytes->length, data, length);
	bytes->length += length;
}

static inline void put8(struct bytes *bytes, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	put(bytes, &byte, 1);
}

static inline void put16(struct bytes *bytes, unsigned value)
{
	put8(bytes, value >> 8);
	put8(bytes, value & 0xff);
}

static inline void put_zeros(struct bytes *bytes, size_t count)
{
	while (count--)
		put8(bytes, 0);
}

#endif
