/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS seen on the way: which answers the names cache hears of, and which change nothing. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns_build.h"

#include <waymark/counter.h>

#include "../../src/classify/dns_stream.h"
#include <waymark/dns_watch.h>

#define START_US UINT64_C(1700000000000000)
#define CLIENT "10.0.0.2"
#define SERVER "10.0.0.53"
#define WWW "www.example.org"

enum { PORT = 40000 };

struct test {
	struct names *names;
	struct dns_watch *watch;
	const struct dns_watch_stats *stats;
	struct dns_watch_policy policy;
	uint64_t now_us;
};

static struct test t;
static struct dns_build build;

static int setup_with(uint32_t queries_max)
{
	struct hash_seed seed = {1, 2};

	t = (struct test){.now_us = START_US};
	t.names = names_new(4096, &seed);
	t.watch = dns_watch_new(queries_max);
	assert_non_null(t.names);
	assert_non_null(t.watch);
	t.stats = dns_watch_stats(t.watch);
	t.policy.names = t.names;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_with(0);
}

static int setup_small(void **state)
{
	(void)state;
	return setup_with(8);
}

static int teardown(void **state)
{
	(void)state;
	dns_watch_free(t.watch);
	names_free(t.names);
	return 0;
}

static struct packet packet_of(uint8_t proto, const char *src, uint16_t sport, const char *dst,
			       uint16_t dport)
{
	struct packet packet = {.proto = proto, .has_ports = true, .sport = sport, .dport = dport};

	assert_true(ip_parse(src, &packet.src));
	assert_true(ip_parse(dst, &packet.dst));
	packet.family = packet.src.family;
	packet.meta.time_us = t.now_us;
	return packet;
}

/* From a copy of exact size, so that reading past it is seen by the sanitizers. */
static void show(struct packet *packet, const void *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	if (length)
		memcpy(copy, bytes, length);
	packet->payload = length ? copy : NULL;
	packet->payload_captured = packet->payload_length = (uint32_t)length;
	dns_watch_packet(t.watch, &t.policy, packet);
	free(copy);
}

static void udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct packet packet = packet_of(IPPROTO_UDP, src, sport, dst, dport);

	show(&packet, build.bytes, build.length);
}

static void ask(uint16_t id, const char *name, uint16_t type)
{
	begin(&build, id, FLAGS_QUERY, name, type);
	udp(CLIENT, PORT, SERVER, 53);
}

static void build_answer(uint16_t id, const char *name, const char *address)
{
	begin(&build, id, FLAGS_ANSWER, name, strchr(address, ':') ? TYPE_AAAA : TYPE_A);
	add_address(&build, ANSWER, name, address, 300);
}

static void answer(uint16_t id, const char *name, const char *address)
{
	build_answer(id, name, address);
	udp(SERVER, 53, CLIENT, PORT);
}

/* NULL: the client knows nothing of that address. */
static void assert_known(const char *client_text, const char *address, const char *host)
{
	struct names_endpoint server = {.port = 443, .proto = IPPROTO_TCP};
	struct names_guess guess;
	struct ip_addr client;
	bool found;

	assert_true(ip_parse(client_text, &client));
	assert_true(ip_parse(address, &server.address));
	found = names_find(t.names, &client, &server, true, t.now_us, &guess);
	assert_int_equal(found, host != NULL);
	if (host) {
		assert_string_equal(guess.host, host);
		assert_int_equal(guess.origin, NAMES_CLIENT_ANSWER);
	}
}

static void assert_count(const _Atomic uint64_t *counter, uint64_t expected)
{
	assert_int_equal(counter_read(counter), expected);
}

/* ---- answers that are believed ---- */

static void an_answer_to_a_question_is_believed(void **state)
{
	(void)state;
	ask(7, WWW, TYPE_A);
	answer(7, WWW, "192.0.2.1");
	assert_known(CLIENT, "192.0.2.1", WWW);
	assert_count(&t.stats->queries, 1);
	assert_count(&t.stats->believed, 1);
	assert_count(&t.stats->addresses, 1);
}

static void letters_may_change_their_case(void **state)
{
	(void)state;
	ask(7, "wWw.eXAmple.oRg", TYPE_A);
	answer(7, "www.EXAMPLE.org", "192.0.2.1");
	assert_known(CLIENT, "192.0.2.1", WWW);
}

static void questions_over_ipv6_are_watched_too(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_QUERY, WWW, TYPE_AAAA);
	udp("2001:db8::2", PORT, "2001:db8::53", 53);
	build_answer(7, WWW, "2001:db8:1::1");
	udp("2001:db8::54", 53, "2001:db8::2", PORT);
	assert_known("2001:db8::2", "2001:db8:1::1", NULL);
	udp("2001:db8::53", 53, "2001:db8::2", PORT);
	assert_known("2001:db8::2", "2001:db8:1::1", WWW);
}

static void every_address_of_a_service_binding_is_told(void **state)
{
	(void)state;
	ask(7, "_8443._https." WWW, TYPE_HTTPS);
	begin(&build, 7, FLAGS_ANSWER, "_8443._https." WWW, TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, "_8443._https." WWW, 1, "svc.example",
		    "\0\4\0\4\xc0\x00\x02\x01", 8, 300);
	add_address(&build, ADDITIONAL, "svc.example", "2001:db8:1::1", 300);
	udp(SERVER, 53, CLIENT, PORT);
	assert_known(CLIENT, "192.0.2.1", WWW);
	assert_known(CLIENT, "2001:db8:1::1", WWW);
	assert_count(&t.stats->addresses, 2);
}

static void an_offer_of_ech_is_remembered_for_the_host(void **state)
{
	(void)state;
	assert_false(names_offers_ech(t.names, WWW, strlen(WWW), t.now_us));
	ask(7, WWW, TYPE_HTTPS);
	begin(&build, 7, FLAGS_ANSWER, WWW, TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, WWW, 1, "", "\0\5\0\2\0\0", 6, 300);
	udp(SERVER, 53, CLIENT, PORT);
	assert_true(names_offers_ech(t.names, WWW, strlen(WWW), t.now_us));
}

static void many_questions_may_be_open(void **state)
{
	char name[32], address[32];

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%d.example.org", i);
		ask((uint16_t)i, name, TYPE_A);
	}
	for (int i = 199; i >= 0; i--) {
		snprintf(name, sizeof(name), "n%d.example.org", i);
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		answer((uint16_t)i, name, address);
		assert_known(CLIENT, address, name);
	}
	assert_count(&t.stats->believed, 200);
}

static void a_packet_seen_twice_changes_nothing(void **state)
{
	(void)state;
	ask(7, WWW, TYPE_A);
	ask(7, WWW, TYPE_A);
	answer(7, WWW, "192.0.2.1");
	answer(7, WWW, "192.0.2.1");
	assert_known(CLIENT, "192.0.2.1", WWW);
	assert_count(&t.stats->believed, 1);
	assert_count(&t.stats->addresses, 1);
	assert_count(&t.stats->refused_unasked, 1);
}

static void an_answer_is_kept_within_bounds(void **state)
{
	(void)state;
	t.policy.min_ttl_s = 60;
	ask(7, WWW, TYPE_A);
	begin(&build, 7, FLAGS_ANSWER, WWW, TYPE_A);
	add_address(&build, ANSWER, WWW, "192.0.2.1", 1);
	add_address(&build, ANSWER, WWW, "192.0.2.2", 1000000);
	udp(SERVER, 53, CLIENT, PORT);
	t.now_us += 59 * UINT64_C(1000000);
	assert_known(CLIENT, "192.0.2.1", WWW);
	t.now_us += 2 * UINT64_C(1000000);
	assert_known(CLIENT, "192.0.2.1", NULL);
	t.now_us = START_US + (uint64_t)(DNS_WATCH_TTL_MAX_S - 1) * 1000000;
	assert_known(CLIENT, "192.0.2.2", WWW);
	t.now_us += 2 * UINT64_C(1000000);
	assert_known(CLIENT, "192.0.2.2", NULL);
}

/* ---- answers that are not ---- */

static void an_answer_that_nobody_asked_for_changes_nothing(void **state)
{
	(void)state;
	answer(7, WWW, "192.0.2.1");
	assert_known(CLIENT, "192.0.2.1", NULL);
	assert_count(&t.stats->refused_unasked, 1);
}

static void an_answer_with_anything_wrong_changes_nothing(void **state)
{
	static const struct {
		const char *what;
		const char *src, *dst;
		uint16_t sport, dport, id;
		const char *name;
	} wrong[] = {
		{"server", "10.0.0.54", CLIENT, 53, PORT, 7, WWW},
		{"client", SERVER, "10.0.0.3", 53, PORT, 7, WWW},
		{"server's port", SERVER, CLIENT, 5353, PORT, 7, WWW},
		{"client's port", SERVER, CLIENT, 53, PORT + 1, 7, WWW},
		{"id", SERVER, CLIENT, 53, PORT, 8, WWW},
		{"name", SERVER, CLIENT, 53, PORT, 7, "bank.example"},
		{"both swapped", CLIENT, SERVER, PORT, 53, 7, WWW},
	};

	(void)state;
	ask(7, WWW, TYPE_A);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		build_answer(wrong[i].id, wrong[i].name, "192.0.2.66");
		udp(wrong[i].src, wrong[i].sport, wrong[i].dst, wrong[i].dport);
		assert_known(CLIENT, "192.0.2.66", NULL);
		assert_known("10.0.0.3", "192.0.2.66", NULL);
		assert_known(SERVER, "192.0.2.66", NULL);
		assert_int_equal(counter_read(&t.stats->believed), 0);
	}
	answer(7, WWW, "2001:db8::66"); /* type */
	assert_known(CLIENT, "2001:db8::66", NULL);
	build_answer(7, WWW, "192.0.2.66");
	build.bytes[2] &= 0x7f; /* a question, from a server's port */
	udp(SERVER, 53, CLIENT, PORT);
	assert_known(CLIENT, "192.0.2.66", NULL);
	assert_count(&t.stats->refused_unasked, 3);
	assert_count(&t.stats->refused_id, 1);
	assert_count(&t.stats->refused_name, 2);
	/* and none of them has closed the question */
	answer(7, WWW, "192.0.2.1");
	assert_known(CLIENT, "192.0.2.1", WWW);
}

static void an_answer_by_another_protocol_changes_nothing(void **state)
{
	struct packet packet = packet_of(IPPROTO_TCP, SERVER, 53, CLIENT, PORT);
	static struct dns_build stream;

	(void)state;
	ask(7, WWW, TYPE_A);
	build_answer(7, WWW, "192.0.2.66");
	stream.length = 0;
	put_number(&stream, (uint32_t)build.length, 2);
	dns_put(&stream, build.bytes, build.length);
	packet.has_tcp = true;
	packet.tcp_flags = PACKET_TCP_ACK;
	show(&packet, stream.bytes, stream.length);
	assert_known(CLIENT, "192.0.2.66", NULL);
	assert_count(&t.stats->refused_unasked, 1);
}

static void a_second_answer_changes_nothing(void **state)
{
	(void)state;
	ask(7, WWW, TYPE_A);
	answer(7, WWW, "192.0.2.1");
	answer(7, WWW, "192.0.2.66");
	assert_known(CLIENT, "192.0.2.66", NULL);
}

static void a_late_answer_changes_nothing(void **state)
{
	(void)state;
	ask(7, WWW, TYPE_A);
	t.now_us += DNS_WATCH_S * UINT64_C(1000000) + 1;
	answer(7, WWW, "192.0.2.1");
	assert_known(CLIENT, "192.0.2.1", NULL);
	assert_count(&t.stats->refused_unasked, 1);
	ask(7, WWW, TYPE_A);
	t.now_us += DNS_WATCH_S * UINT64_C(1000000);
	answer(7, WWW, "192.0.2.1");
	assert_known(CLIENT, "192.0.2.1", WWW);
	/* time that steps back makes no question younger */
	ask(8, WWW, TYPE_A);
	t.now_us -= 60 * UINT64_C(1000000);
	answer(8, WWW, "192.0.2.2");
	assert_known(CLIENT, "192.0.2.2", NULL);
}

static void a_truncated_answer_closes_its_question(void **state)
{
	(void)state;
	ask(7, WWW, TYPE_A);
	build_answer(7, WWW, "192.0.2.1");
	build.bytes[2] |= 2;
	udp(SERVER, 53, CLIENT, PORT);
	assert_count(&t.stats->believed, 1);
	assert_known(CLIENT, "192.0.2.1", NULL);
	answer(7, WWW, "192.0.2.1");
	assert_known(CLIENT, "192.0.2.1", NULL);
}

static void what_is_no_dns_is_counted_and_left(void **state)
{
	struct packet packet = packet_of(IPPROTO_UDP, SERVER, 53, CLIENT, PORT);

	(void)state;
	show(&packet, "no such thing", 13);
	show(&packet, NULL, 0);
	assert_count(&t.stats->refused_unreadable, 1);
	packet = packet_of(IPPROTO_UDP, CLIENT, PORT, SERVER, 53);
	show(&packet, "no such thing", 13);
	packet = packet_of(IPPROTO_UDP, CLIENT, PORT, SERVER, 443);
	show(&packet, "no such thing", 13);
	packet = packet_of(IPPROTO_SCTP, CLIENT, PORT, SERVER, 53);
	show(&packet, "no such thing", 13);
	assert_count(&t.stats->refused_unreadable, 1);
	assert_count(&t.stats->queries, 0);
}

static void an_answer_that_does_not_hold_together_leaves_its_question_open(void **state)
{
	(void)state;
	ask(7, WWW, TYPE_A);
	build_answer(7, WWW, "192.0.2.66");
	build.length--;
	udp(SERVER, 53, CLIENT, PORT);
	assert_count(&t.stats->refused_unreadable, 1);
	answer(7, WWW, "192.0.2.1");
	assert_known(CLIENT, "192.0.2.66", NULL);
	assert_known(CLIENT, "192.0.2.1", WWW);
}

static void a_flood_of_questions_stays_bounded(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "n%d.example.org", i);
		ask((uint16_t)i, name, TYPE_A);
	}
	assert_count(&t.stats->queries, 10000);
	assert_count(&t.stats->queries_evicted, 10000 - 8);
	/* the newest are still open, the oldest are not */
	for (int i = 9990; i < 10000; i++) {
		snprintf(name, sizeof(name), "n%d.example.org", i);
		answer((uint16_t)i, name, "192.0.2.1");
	}
	assert_count(&t.stats->believed, 8);
	assert_count(&t.stats->refused_unasked,
		     0); /* another of that port is open: its id differs */
	assert_count(&t.stats->refused_id, 2);
}

/* ---- TCP ---- */

struct wire {
	struct dns_build stream;
	struct packet packet;
	uint32_t isn;
};

static struct wire query_side, answer_side;

static void wire_begin(struct wire *wire, bool from_client, uint32_t isn)
{
	wire->packet = from_client ? packet_of(IPPROTO_TCP, CLIENT, PORT, SERVER, 53)
				   : packet_of(IPPROTO_TCP, SERVER, 53, CLIENT, PORT);
	wire->packet.has_tcp = true;
	wire->packet.tcp_flags = PACKET_TCP_ACK;
	wire->isn = isn;
	wire->stream.length = 0;
}

static void wire_flag(struct wire *wire, uint32_t at, uint8_t flags)
{
	struct packet packet = wire->packet;

	packet.meta.time_us = t.now_us;
	packet.tcp_seq = wire->isn + at;
	packet.tcp_flags = flags;
	show(&packet, NULL, 0);
}

static void wire_show(struct wire *wire, size_t from, size_t to)
{
	struct packet packet = wire->packet;

	packet.meta.time_us = t.now_us;
	packet.tcp_seq = wire->isn + 1 + (uint32_t)from;
	show(&packet, wire->stream.bytes + from, to - from);
}

/* The message just built, behind the others. */
static void wire_add(struct wire *wire)
{
	put_number(&wire->stream, (uint32_t)build.length, 2);
	dns_put(&wire->stream, build.bytes, build.length);
}

static void wire_question(uint16_t id, const char *name)
{
	begin(&build, id, FLAGS_QUERY, name, TYPE_A);
	wire_add(&query_side);
}

static void wire_answer(uint16_t id, const char *name, const char *address)
{
	build_answer(id, name, address);
	wire_add(&answer_side);
}

/* An open connection; sequence numbers wrap on the way. */
static void connect_wires(void)
{
	wire_begin(&query_side, true, 0xffffffe0);
	wire_begin(&answer_side, false, 0xfffffff0);
	wire_flag(&query_side, 0, PACKET_TCP_SYN);
	wire_flag(&answer_side, 0, PACKET_TCP_SYN | PACKET_TCP_ACK);
}

static void hang_up(void)
{
	wire_flag(&query_side, 1 + (uint32_t)query_side.stream.length,
		  PACKET_TCP_FIN | PACKET_TCP_ACK);
	wire_flag(&answer_side, 1 + (uint32_t)answer_side.stream.length,
		  PACKET_TCP_FIN | PACKET_TCP_ACK);
}

static void a_stream_may_be_cut_at_any_byte(void **state)
{
	char name[32], address[32];
	uint64_t believed = 0;

	(void)state;
	for (size_t cut = 0; cut < 60; cut++) {
		snprintf(name, sizeof(name), "n%zu.example.org", cut);
		snprintf(address, sizeof(address), "192.0.2.%zu", cut);
		connect_wires();
		wire_question((uint16_t)cut, name);
		wire_answer((uint16_t)cut, name, address);
		for (unsigned side = 0; side < 2; side++) {
			struct wire *wire = side ? &answer_side : &query_side;
			size_t at = cut < wire->stream.length ? cut : wire->stream.length;

			wire_show(wire, 0, at);
			wire_show(wire, 0, at); /* seen in two hooks */
			wire_show(wire, at, wire->stream.length);
			wire_show(wire, at, wire->stream.length);
		}
		assert_known(CLIENT, address, name);
		assert_count(&t.stats->believed, ++believed);
		hang_up();
	}
	assert_count(&t.stats->refused_unasked, 0);
	assert_count(&t.stats->streams_evicted, 0);
}

static void segments_may_come_one_by_one_and_backwards(void **state)
{
	(void)state;
	connect_wires();
	wire_question(1, WWW);
	wire_answer(1, WWW, "192.0.2.1");
	for (size_t i = 0; i < query_side.stream.length; i++)
		wire_show(&query_side, i, i + 1);
	for (size_t i = answer_side.stream.length; i > 0; i -= i < 8 ? i : 8)
		wire_show(&answer_side, i < 8 ? 0 : i - 8, i);
	assert_known(CLIENT, "192.0.2.1", WWW);
}

static void questions_are_pipelined(void **state)
{
	char name[32], address[32];

	(void)state;
	connect_wires();
	for (uint16_t i = 0; i < 250; i++) {
		snprintf(name, sizeof(name), "n%u.example.org", i);
		snprintf(address, sizeof(address), "192.0.2.%u", i);
		wire_question(i, name);
		wire_answer(i, name, address);
	}
	/* a packet of many segments, as the kernel may hand it on */
	wire_show(&query_side, 0, query_side.stream.length);
	for (size_t at = 0; at < answer_side.stream.length; at += 1000)
		wire_show(&answer_side, at,
			  at + 1000 < answer_side.stream.length ? at + 1000
								: answer_side.stream.length);
	assert_count(&t.stats->queries, 250);
	assert_count(&t.stats->believed, 250);
	assert_known(CLIENT, "192.0.2.249", "n249.example.org");
}

static void a_message_that_is_too_big_is_stepped_over(void **state)
{
	(void)state;
	connect_wires();
	wire_question(1, "big.example.org");
	wire_question(2, WWW);
	build_answer(1, "big.example.org", "192.0.2.66");
	while (build.length < 40000)
		put_number(&build, 0, 1);
	wire_add(&answer_side);
	wire_answer(2, WWW, "192.0.2.1");
	wire_show(&query_side, 0, query_side.stream.length);
	for (size_t at = 0; at < answer_side.stream.length; at += 1448)
		wire_show(&answer_side, at,
			  at + 1448 < answer_side.stream.length ? at + 1448
								: answer_side.stream.length);
	assert_known(CLIENT, "192.0.2.66", NULL);
	assert_known(CLIENT, "192.0.2.1", WWW);
	/* and in one packet */
	wire_flag(&query_side, 1, PACKET_TCP_RST);
	wire_flag(&query_side, 0, PACKET_TCP_SYN);
	wire_flag(&answer_side, 0, PACKET_TCP_SYN | PACKET_TCP_ACK);
	wire_show(&query_side, 0, query_side.stream.length);
	wire_show(&answer_side, 0, answer_side.stream.length);
	assert_count(&t.stats->believed, 2);
}

static void a_stream_seen_from_the_middle_begins_at_a_message(void **state)
{
	(void)state;
	wire_begin(&query_side, true, 100);
	wire_begin(&answer_side, false, 200);
	wire_question(1, WWW);
	wire_answer(1, WWW, "192.0.2.1");
	wire_show(&query_side, 5, query_side.stream.length); /* the end of some message */
	assert_count(&t.stats->queries, 0);
	wire_show(&query_side, 0, query_side.stream.length);
	wire_show(&answer_side, 0, 30);
	wire_show(&answer_side, 30, answer_side.stream.length);
	assert_known(CLIENT, "192.0.2.1", WWW);
}

static void a_stream_that_lost_bytes_begins_anew(void **state)
{
	size_t lost, end;

	(void)state;
	connect_wires();
	wire_question(1, WWW);
	wire_question(2, "b.example.org");
	wire_show(&query_side, 0, query_side.stream.length);
	lost = answer_side.stream.length;
	wire_answer(1, WWW, "192.0.2.1"); /* never seen */
	end = answer_side.stream.length;
	while (answer_side.stream.length - end < 20000) /* what fills the window behind the gap */
		put_number(&answer_side.stream, 0, 1);
	for (size_t at = end; at < answer_side.stream.length; at += 1000)
		wire_show(&answer_side, at, at + 1000);
	end = answer_side.stream.length;
	wire_answer(2, "b.example.org", "192.0.2.2");
	wire_show(&answer_side, end, answer_side.stream.length);
	assert_known(CLIENT, "192.0.2.2", "b.example.org");
	wire_show(&answer_side, lost, lost + 40); /* far in the past now */
	assert_known(CLIENT, "192.0.2.1", NULL);
}

static void what_is_no_message_ends_the_reading(void **state)
{
	(void)state;
	connect_wires();
	dns_put(&query_side.stream, "\0\0\0\3abc", 7);
	wire_show(&query_side, 0, 7);
	query_side.isn += 7;
	query_side.stream.length = 0;
	wire_question(1, WWW);
	wire_show(&query_side, 0, query_side.stream.length);
	assert_count(&t.stats->queries, 1);
}

static void a_port_used_again_is_another_connection(void **state)
{
	(void)state;
	connect_wires();
	wire_question(1, WWW);
	wire_show(&query_side, 0, 10);
	wire_begin(&query_side, true, 5);
	wire_begin(&answer_side, false, 6);
	wire_flag(&query_side, 0, PACKET_TCP_SYN);
	wire_flag(&query_side, 0, PACKET_TCP_SYN);
	wire_flag(&answer_side, 0, PACKET_TCP_SYN | PACKET_TCP_ACK);
	wire_question(2, WWW);
	wire_answer(2, WWW, "192.0.2.1");
	wire_show(&query_side, 0, query_side.stream.length);
	wire_flag(&query_side, 0, PACKET_TCP_SYN); /* a stray copy: nothing is read again */
	wire_show(&query_side, 0, query_side.stream.length);
	wire_show(&answer_side, 0, answer_side.stream.length);
	assert_known(CLIENT, "192.0.2.1", WWW);
	assert_count(&t.stats->queries, 1);
}

static void a_server_answers_after_the_client_closed_its_side(void **state)
{
	(void)state;
	connect_wires();
	wire_question(1, WWW);
	wire_answer(1, WWW, "192.0.2.1");
	wire_show(&query_side, 0, query_side.stream.length);
	wire_flag(&query_side, 1 + (uint32_t)query_side.stream.length,
		  PACKET_TCP_FIN | PACKET_TCP_ACK);
	wire_show(&answer_side, 0, 20);
	wire_show(&answer_side, 20, answer_side.stream.length);
	assert_known(CLIENT, "192.0.2.1", WWW);
}

static void a_reset_ends_a_connection(void **state)
{
	(void)state;
	connect_wires();
	wire_question(1, WWW);
	wire_show(&query_side, 0, 10);
	wire_flag(&answer_side, 1, PACKET_TCP_RST);
	wire_show(&query_side, 10, query_side.stream.length);
	assert_count(&t.stats->queries, 0);
}

static void a_flood_of_connections_stays_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * DNS_STREAMS_MAX; i++) {
		wire_begin(&query_side, true, 1);
		query_side.packet.sport = (uint16_t)(1024 + i);
		wire_flag(&query_side, 0, PACKET_TCP_SYN);
		wire_question(1, WWW);
		wire_show(&query_side, 0, 20); /* holds a buffer */
	}
	assert_count(&t.stats->streams_evicted, DNS_STREAMS_MAX);
	wire_show(&query_side, 20, query_side.stream.length);
	assert_count(&t.stats->queries, 1);
	query_side.packet.sport = 1024; /* the first is forgotten */
	wire_show(&query_side, 20, query_side.stream.length);
	assert_count(&t.stats->queries, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_answer_to_a_question_is_believed),
		CASE(letters_may_change_their_case),
		CASE(questions_over_ipv6_are_watched_too),
		CASE(every_address_of_a_service_binding_is_told),
		CASE(an_offer_of_ech_is_remembered_for_the_host),
		CASE(many_questions_may_be_open),
		CASE(a_packet_seen_twice_changes_nothing),
		CASE(an_answer_is_kept_within_bounds),
		CASE(an_answer_that_nobody_asked_for_changes_nothing),
		CASE(an_answer_with_anything_wrong_changes_nothing),
		CASE(an_answer_by_another_protocol_changes_nothing),
		CASE(a_second_answer_changes_nothing),
		CASE(a_late_answer_changes_nothing),
		CASE(a_truncated_answer_closes_its_question),
		CASE(what_is_no_dns_is_counted_and_left),
		CASE(an_answer_that_does_not_hold_together_leaves_its_question_open),
		cmocka_unit_test_setup_teardown(a_flood_of_questions_stays_bounded, setup_small,
						teardown),
		CASE(a_stream_may_be_cut_at_any_byte),
		CASE(segments_may_come_one_by_one_and_backwards),
		CASE(questions_are_pipelined),
		CASE(a_message_that_is_too_big_is_stepped_over),
		CASE(a_stream_seen_from_the_middle_begins_at_a_message),
		CASE(a_stream_that_lost_bytes_begins_anew),
		CASE(what_is_no_message_ends_the_reading),
		CASE(a_port_used_again_is_another_connection),
		CASE(a_server_answers_after_the_client_closed_its_side),
		CASE(a_reset_ends_a_connection),
		CASE(a_flood_of_connections_stays_bounded),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("dns_watch", tests, NULL, NULL);
}
