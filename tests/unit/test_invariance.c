/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Order and split invariance: however TCP cuts, repeats and shuffles what a side says, the answer
 * is that of the whole. Every TCP flow of every golden capture, and dialogues made here, are
 * told again with one flight cut in each of these ways:
 *
 *   at every byte in two: in order, reversed, each part twice, one after the other twice, overlapping
 *   with other bytes where something is known already (from either side), and with what TCP ignores:
 *   garbage before the stream, a keep-alive's byte, acknowledged bytes again, bytes beyond any window;
 *   in three, in all orders (every pair of bytes of a short flight);
 *   byte by byte, forwards, backwards and every other one; in random pieces, shuffled.
 *
 * The golden answer itself must be there, and be what the capture as it is gives. With a
 * sanitizer, or WAYMARK_TEST_SLOW, one in a few of the cuts is made.
 */
#include "config.h"

#include <glob.h>

#include <jansson.h>

#include "invariance.h"

#define WINDOW_MAX (1 << 30) /* RFC 7323, 2.3 */

static unsigned every = 1; /* one cut in so many */

static struct telling telling;

/* ---- the ways to cut ---- */

static void way(const char *name, int flight, unsigned at, unsigned to)
{
	telling.way = name;
	telling.flight = flight;
	telling.at = at;
	telling.to = to;
	telling.in_syn = 0;
	telling.count = 0;
}

static void piece(unsigned from, unsigned to)
{
	assert_true(telling.count < PIECES_MAX);
	telling.pieces[telling.count++] = (struct piece){(int32_t)from, (int32_t)to, false};
}

/* Where an earlier piece was, the bytes are others. */
static void garbled(int from, int to)
{
	assert_true(telling.count < PIECES_MAX);
	telling.pieces[telling.count++] = (struct piece){from, to, true};
}

static void in_two(struct world *world, int flight, unsigned length, unsigned at)
{
	unsigned overlap = at < 8 ? at : 8, before = at - overlap;
	unsigned behind = length - at < 8 ? length : at + 8;

	way("in two", flight, at, 0);
	piece(0, at);
	piece(at, length);
	assert_same_answers(world, &telling);

	way("in two, reversed", flight, at, 0);
	piece(at, length);
	piece(0, at);
	assert_same_answers(world, &telling);

	way("in two, each twice", flight, at, 0);
	piece(0, at);
	piece(0, at);
	piece(at, length);
	piece(at, length);
	assert_same_answers(world, &telling);

	way("in two, both again", flight, at, 0);
	piece(at, length);
	piece(at, length);
	piece(0, at);
	piece(at, length);
	piece(0, length);
	assert_same_answers(world, &telling);

	way("overlapping, other bytes in the tail", flight, at, 0);
	piece(0, behind);
	garbled((int)before, (int)length);
	assert_same_answers(world, &telling);

	way("overlapping, other bytes in the head", flight, at, 0);
	piece(before, length);
	garbled(0, (int)behind);
	assert_same_answers(world, &telling);

	way("other bytes around", flight, at, 0);
	piece(before, behind);
	garbled(0, (int)length);
	assert_same_answers(world, &telling);

	way("with what TCP ignores", flight, at, 0);
	garbled(-9, 0);
	piece(0, at);
	garbled((int)at - 1, (int)at);
	garbled(0, (int)at);
	garbled((int)length + WINDOW_MAX, (int)length + WINDOW_MAX + 50);
	garbled(-1000, -900);
	piece(at, length);
	garbled(0, (int)length);
	assert_same_answers(world, &telling);

	if (world->quic)
		return;
	way("with a beginning before the stream's", flight, at, 0);
	garbled(-7, (int)at);
	piece(at, length);
	assert_same_answers(world, &telling);
}

static void in_three(struct world *world, int flight, unsigned length, unsigned a, unsigned b)
{
	static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	static unsigned turn;
	const uint8_t *order = orders[turn++ % 6];
	const unsigned cuts[4] = {0, a, b, length};

	way("in three", flight, a, b);
	for (unsigned i = 0; i < 3; i++)
		piece(cuts[order[i]], cuts[order[i] + 1]);
	assert_same_answers(world, &telling);
}

static void byte_by_byte(struct world *world, int flight, unsigned length)
{
	way("byte by byte", flight, 0, 0);
	for (unsigned at = 0; at < length; at++)
		piece(at, at + 1);
	assert_same_answers(world, &telling);

	way("byte by byte, backwards", flight, 0, 0);
	for (unsigned at = length; at > 0; at--)
		piece(at - 1, at);
	assert_same_answers(world, &telling);

	/* more gaps than are kept: what was refused comes again */
	way("every other byte, and all again", flight, 0, 0);
	for (unsigned at = 1; at < length; at += 2)
		piece(at, at + 1);
	for (unsigned at = 0; at < length; at += 2)
		piece(at, at + 1);
	for (unsigned at = 0; at < length; at++)
		piece(at, at + 1);
	assert_same_answers(world, &telling);
}

static uint32_t random_below(uint32_t end)
{
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % end;
}

/* Few enough pieces that none is refused: then whatever comes again may be garbled. */
static void in_random_pieces(struct world *world, int flight, unsigned length, unsigned number)
{
	struct piece cut[FLOW_PREFIX_RANGES];
	unsigned count = 0, at = 0;

	way("in random pieces", flight, number, 0);
	while (at < length && count < FLOW_PREFIX_RANGES) {
		unsigned to = at + 1 + random_below(length / 6 + 1);

		if (to > length || count == FLOW_PREFIX_RANGES - 1)
			to = length;
		cut[count++] = (struct piece){(int32_t)at, (int32_t)to, true};
		at = to;
	}
	for (unsigned i = count; i > 1; i--) {
		unsigned other = random_below(i);
		struct piece last = cut[i - 1];

		cut[i - 1] = cut[other];
		cut[other] = last;
	}
	for (unsigned i = 0; i < count; i++) {
		int32_t from = cut[i].from - (int32_t)random_below(20), to = cut[i].to;

		garbled(from < 0 ? 0 : from, to);
		if (random_below(3) == 0)
			garbled(cut[random_below(i + 1)].from, to > from ? to : from);
	}
	for (unsigned i = 0; i < telling.count; i++)
		if (telling.pieces[i].to <= telling.pieces[i].from)
			telling.pieces[i].to = telling.pieces[i].from + 1;
	assert_same_answers(world, &telling);
}

/* `cuts`: about how many places of the flight are cut; 0: all. */
static void flight_in_every_way(struct world *world, int flight, unsigned cuts)
{
	unsigned length = world->flights[flight].said.contiguous, step = every, pairs;

	if (cuts && length / cuts > step)
		step = length / cuts;
	way("whole", flight, 0, 0);
	piece(0, length);
	assert_same_answers(world, &telling);
	for (unsigned at = 1; at < length; at += step)
		in_two(world, flight, length, at);
	if (length <= 300 && step == 1) {
		for (unsigned a = 1; a < length; a++)
			for (unsigned b = a + 1; b < length; b++)
				in_three(world, flight, length, a, b);
	} else if (length > 2) {
		pairs = (cuts ? 2 * cuts : 3000) / every;
		for (unsigned i = 0; i < pairs; i++) {
			unsigned a = 1 + random_below(length - 2);

			in_three(world, flight, length, a, a + 1 + random_below(length - a - 1));
		}
	}
	if (!world->quic) /* who sends more Initials than a handful is not listened to */
		byte_by_byte(world, flight, length);
	for (unsigned i = 0; i < (cuts ? cuts : 400) / every; i++)
		in_random_pieces(world, flight, length, i);
}

/* The first flight of each side in full, later ones in a sample. */
static void world_in_every_way(struct world *world)
{
	assert_true(world->flight_count > 0);
	for (size_t i = 0; i < world->flight_count; i++)
		flight_in_every_way(world, (int)i, world->flights[i].turn < 2 ? 0 : 40);
	print_message("# %s: %zu flights, told %llu times\n", world->name, world->flight_count,
		      (unsigned long long)world->tellings);
}

/* ---- golden captures ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The golden answer of a flow is the one that all tellings are held against. */
static void compare_with_golden(const struct world *world, const json_t *golden)
{
	uint32_t number = (uint32_t)json_integer_value(json_object_get(golden, "flow"));
	const json_t *alpn = json_object_get(golden, "alpn");
	const struct answer *answer;
	const char *source;
	size_t at = 0;

	assert_in_range(number, 1, world->truth.count);
	answer = &world->truth.of[number - 1];
	assert_string_equal(text_of(golden, "app"),
			    answer->app_shown ? app_name(answer->app_shown) : "");
	assert_string_equal(text_of(golden, "host"), answer->host);
	source = host_source_name((enum host_source)answer->host_source);
	assert_string_equal(text_of(golden, "host_source"), source ? source : "");
	assert_string_equal(text_of(golden, "rule"),
			    answer->rule < 0 ? "" : rule_name(world, answer->rule));
	assert_int_equal(strtoul(text_of(golden, "mark"), NULL, 16),
			 mark_bits(&world->view.mark, answer->value));
	for (size_t i = 0; i < json_array_size(alpn); i++) {
		assert_string_equal(json_string_value(json_array_get(alpn, i)), answer->alpn + at);
		at += strlen(answer->alpn + at) + 1;
	}
	assert_int_equal(at, answer->alpn_length);
}

static void golden_capture(void **state)
{
	const char *directory = *state;
	char capture[512], conf[512], expected[512];
	char line[4096];
	struct world *world;
	uint32_t flows = 0;
	FILE *file;

	snprintf(capture, sizeof(capture), "%s/in.pcap", directory);
	snprintf(conf, sizeof(conf), "%s/conf", directory);
	snprintf(expected, sizeof(expected), "%s/expected", directory);
	file = fopen(expected, "r");
	if (!file)
		fail_msg("%s: no golden answer", expected);
	world = world_from_capture(strrchr(directory, '/') + 1, capture, conf);
	world_begin(world, 6);
	while (fgets(line, sizeof(line), file)) {
		json_t *golden = json_loads(line, 0, NULL);

		assert_non_null(golden);
		compare_with_golden(world, golden);
		json_decref(golden);
		flows++;
	}
	fclose(file);
	assert_int_equal(flows, world->truth.count);
	if (world->flight_count)
		world_in_every_way(world);
	world_free(world);
}

/* ---- dialogues made here ---- */

struct bytes {
	uint8_t at[16384];
	size_t length;
};

static void put(struct bytes *bytes, const void *data, size_t length)
{
	assert_true(bytes->length + length <= sizeof(bytes->at));
	memcpy(bytes->at + bytes->length, data, length);
	bytes->length += length;
}

static void put_number(struct bytes *bytes, uint32_t value, unsigned size)
{
	while (size--) {
		uint8_t byte = (uint8_t)(value >> 8 * size);

		put(bytes, &byte, 1);
	}
}

static void put_filling(struct bytes *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		put_number(bytes, (uint32_t)(i * 37 + 11) & 0xff, 1);
}

static void put_extension(struct bytes *bytes, uint32_t type, size_t length)
{
	put_number(bytes, type, 2);
	put_number(bytes, (uint32_t)length, 2);
}

/*
 * A ClientHello of `size` bytes, records and all: key shares of `shares` bytes, ECH if `ech`, then the
 * name and ALPN, then padding. `record`: how much of it a record holds; 0: there are no records.
 */
static void client_hello(struct bytes *out, const char *name, size_t size, size_t shares, size_t ech,
			 size_t record)
{
	static struct bytes body, message;
	const size_t name_length = strlen(name);
	size_t overhead;

	body.length = message.length = out->length = 0;
	if (shares) {
		put_extension(&body, 51, shares + 6);
		put_number(&body, (uint32_t)shares + 4, 2);
		put_number(&body, 0x11ec, 2);
		put_number(&body, (uint32_t)shares, 2);
		put_filling(&body, shares);
	}
	if (ech) {
		put_extension(&body, 0xfe0d, ech + 10 + 32);
		put(&body, "\0\0\1\0\1\7", 6);
		put_number(&body, 32, 2);
		put_filling(&body, 32);
		put_number(&body, (uint32_t)ech, 2);
		put_filling(&body, ech);
	}
	put_extension(&body, 0, name_length + 5);
	put_number(&body, (uint32_t)name_length + 3, 2);
	put_number(&body, 0, 1);
	put_number(&body, (uint32_t)name_length, 2);
	put(&body, name, name_length);
	put_extension(&body, 16, 14);
	put(&body, "\0\x0c\2h2\x08http/1.1", 14);
	/* records, handshake header, version, random, session, ciphers, compression, length */
	overhead = 4 + 2 + 32 + 33 + 6 + 2 + 2;
	if (record)
		overhead += 5 * ((size - 1) / (record + 5) + 1);
	assert_true(body.length + overhead + 4 <= size);
	put_extension(&body, 21, size - body.length - overhead - 4);
	while (body.length < size - overhead)
		put_number(&body, 0, 1);

	put_number(&message, 1, 1);
	put_number(&message, (uint32_t)(2 + 32 + 33 + 6 + 2 + 2 + body.length), 3);
	put_number(&message, 0x0303, 2);
	put_filling(&message, 32);
	put_number(&message, 32, 1);
	put_filling(&message, 32);
	put(&message, "\0\4\x13\1\x13\2\1\0", 8);
	put_number(&message, (uint32_t)body.length, 2);
	put(&message, body.at, body.length);
	if (!record)
		put(out, message.at, message.length);
	for (size_t at = 0; record && at < message.length; at += record) {
		size_t part = message.length - at < record ? message.length - at : record;

		put_number(out, 0x160301, 3);
		put_number(out, (uint32_t)part, 2);
		put(out, message.at + at, part);
	}
	assert_int_equal(out->length, size);
}

static void server_hello(struct bytes *out)
{
	out->length = 0;
	put(out, "\x16\3\3\0\x4a\2\0\0\x46\3\3", 11);
	put_filling(out, 32);
	put_number(out, 32, 1);
	put_filling(out, 32);
	put(out, "\x13\1\0", 3);
	put(out, "\x14\3\3\0\1\1\x17\3\3\0\x20", 11);
	put_filling(out, 32);
}

/* A rule for each thing that can be told, so that a wrong answer is a wrong mark. */
static const char rules[] =
	"rules_dir = [];\n"
	"rules = (\n"
	"  { name = \"name\"; match = { host = \"www.example.org\"; }; mark = 10; },\n"
	"  { name = \"h2\"; match = { alpn = \"h2\"; }; mark = 11; },\n"
	"  { name = \"quic\"; match = { app = \"quic\"; }; mark = 17; },\n"
	"  { name = \"tls\"; match = { app = \"tls\"; }; mark = 12; },\n"
	"  { name = \"http\"; match = { app = \"http\"; }; mark = 13; },\n"
	"  { name = \"dns\"; match = { app = \"dns\"; }; mark = 14; },\n"
	"  { name = \"ssh\"; match = { app = \"ssh\"; }; mark = 15; },\n"
	"  { name = \"acme\"; match = { payload = \"^ACME/[0-9]+ \"; }; mark = 16; }\n"
	");\n";

/* Over both families; the truth must be `app`, `host` and `rule`. */
static void talk_in_every_way(const char *name, uint16_t port, const struct bytes *turns,
			      size_t count, unsigned first_side, const char *app, const char *host,
			      const char *rule)
{
	static const uint8_t families[] = {IP_V4, IP_V6};

	for (unsigned f = 0; f < 2; f++) {
		struct world *world = world_from_talk(name, rules, families[f], port);
		const struct answer *answer = &world->truth.of[0];

		for (size_t i = 0; i < count; i++)
			world_say(world, (first_side + i) % 2, turns[i].at, turns[i].length);
		world_begin(world, 16);
		assert_int_equal(world->flight_count, count);
		assert_string_equal(
			answer->app_shown ? app_name(answer->app_shown) : "", app);
		assert_string_equal(answer->host, host);
		assert_string_equal(rule_name(world, answer->rule), rule);
		if (families[f] == IP_V4)
			world_in_every_way(world);
		else
			for (size_t i = 0; i < count; i++)
				flight_in_every_way(world, (int)i, 40);
		/* data in the SYN (RFC 7413) */
		for (unsigned at = 1; first_side == 0 && at < turns[0].length; at += 7 * every) {
			way("begun in the SYN", 0, at, 0);
			telling.in_syn = at;
			piece(at, (unsigned)turns[0].length);
			assert_same_answers(world, &telling);
		}
		world_free(world);
	}
}

static struct bytes turns[8];

static void text(struct bytes *out, const char *words)
{
	out->length = 0;
	put(out, words, strlen(words));
}

static void a_client_hello_of_one_segment(void **state)
{
	(void)state;
	client_hello(&turns[0], "www.example.org", 517, 0, 0, 16384);
	server_hello(&turns[1]);
	talk_in_every_way("ClientHello, 517", 443, turns, 2, 0, "tls", "www.example.org", "name");
}

static void a_post_quantum_client_hello(void **state)
{
	(void)state;
	client_hello(&turns[0], "www.example.org", 1740, 1216, 0, 16384);
	server_hello(&turns[1]);
	talk_in_every_way("ClientHello, 1740", 443, turns, 2, 0, "tls", "www.example.org", "name");
}

static void a_client_hello_of_8_kib_with_ech(void **state)
{
	(void)state;
	client_hello(&turns[0], "public.example", 8190, 1216, 6000, 16384);
	server_hello(&turns[1]);
	talk_in_every_way("ClientHello, 8190", 443, turns, 2, 0, "tls", "public.example", "h2");
}

static void a_client_hello_over_many_records(void **state)
{
	(void)state;
	client_hello(&turns[0], "www.example.org", 600, 0, 0, 64);
	server_hello(&turns[1]);
	talk_in_every_way("ClientHello, records of 64", 8443, turns, 2, 0, "tls", "www.example.org",
			  "name");
}

static void a_request_whose_host_comes_late(void **state)
{
	(void)state;
	text(&turns[0], "GET /a/path?with=query HTTP/1.1\r\n");
	for (unsigned i = 0; i < 20; i++) {
		char field[64];

		snprintf(field, sizeof(field), "X-Field-%u: host: www.example.com %u\r\n", i, i);
		put(&turns[0], field, strlen(field));
	}
	put(&turns[0], "HOST:  WWW.example.org:8080 \r\nAccept: */*\r\n\r\n", 46);
	text(&turns[1], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	talk_in_every_way("HTTP, Host late", 80, turns, 2, 0, "http", "www.example.org", "name");
}

static void a_request_in_absolute_form(void **state)
{
	(void)state;
	text(&turns[0], "GET http://user@www.example.org:80/x HTTP/1.1\r\n"
			"Host: other.example\r\nAccept: */*\r\n\r\n");
	text(&turns[1], "HTTP/1.0 404 Not Found\r\n\r\n");
	talk_in_every_way("HTTP, absolute form", 3128, turns, 2, 0, "http", "www.example.org",
			  "name");
}

static void a_dns_query_over_tcp(void **state)
{
	static const char question[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1";
	static const uint16_t ports[] = {53, 5300};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		turns[0].length = turns[1].length = 0;
		put_number(&turns[0], sizeof(question) - 1, 2);
		put(&turns[0], question, sizeof(question) - 1);
		put_number(&turns[1], sizeof(question) - 1 + 16, 2);
		put(&turns[1], "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
		put(&turns[1], question + 12, sizeof(question) - 1 - 12);
		put(&turns[1], "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1", 16);
		talk_in_every_way("DNS", ports[i], turns, 2, 0, "dns", "www.example.org", "name");
	}
}

static void two_ssh_banners(void **state)
{
	(void)state;
	text(&turns[0], "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
	text(&turns[1], "SSH-2.0-client_1.0\r\n");
	talk_in_every_way("SSH", 22, turns, 2, 1, "ssh", "", "ssh");
}

/* What is carried is read where the carrier ends, wherever that is in a segment. */
static void a_hello_behind_starttls(void **state)
{
	(void)state;
	text(&turns[0], "220 mail.example.org ESMTP\r\n");
	text(&turns[1], "EHLO client.example.org\r\n");
	text(&turns[2], "250-mail.example.org\r\n250-SIZE 10240000\r\n250 STARTTLS\r\n");
	text(&turns[3], "STARTTLS\r\n");
	text(&turns[4], "220 2.0.0 go ahead\r\n");
	client_hello(&turns[5], "www.example.org", 300, 0, 0, 16384);
	talk_in_every_way("SMTP, STARTTLS", 25, turns, 6, 1, "tls", "www.example.org", "name");
}

static void a_hello_behind_socks(void **state)
{
	(void)state;
	turns[0].length = turns[1].length = turns[2].length = turns[3].length = 0;
	put(&turns[0], "\5\2\0\1", 4);
	put(&turns[1], "\5\0", 2);
	put(&turns[2], "\5\1\0\3\17www.example.org\1\273", 22);
	put(&turns[3], "\5\0\0\1\300\0\2\11\1\273", 10);
	client_hello(&turns[4], "other.example", 300, 0, 0, 16384);
	talk_in_every_way("SOCKS5", 1080, turns, 5, 0, "socks", "www.example.org", "name");
}

static void a_hello_behind_connect(void **state)
{
	(void)state;
	text(&turns[0], "CONNECT www.example.org:443 HTTP/1.1\r\nHost: other.example\r\n\r\n");
	text(&turns[1], "HTTP/1.1 200 Connection established\r\nVia: 1.1 a\r\n\r\n");
	client_hello(&turns[2], "other.example", 300, 0, 0, 16384);
	talk_in_every_way("CONNECT", 3128, turns, 3, 0, "http", "www.example.org", "name");
}

static void a_protocol_that_a_payload_pattern_knows(void **state)
{
	(void)state;
	text(&turns[0], "ACME/12 hello server\r\n");
	text(&turns[1], "hello client\r\n");
	talk_in_every_way("payload pattern", 7777, turns, 2, 0, "", "", "acme");
}

static void a_protocol_that_nobody_knows(void **state)
{
	(void)state;
	text(&turns[0], "~ ready when you are\n");
	text(&turns[1], "~ now, www.example.org\n");
	talk_in_every_way("unknown", 7777, turns, 2, 1, "", "", "none");
}

/* ---- QUIC: the same of CRYPTO frames ---- */

static void quic_in_every_way(const char *name, const char *host, size_t size, size_t shares,
			      const char *rule)
{
	client_hello(&turns[0], host, size, shares, 0, 0);
	for (unsigned together = 0; together < 2; together++) {
		struct world *world = world_from_crypto(name, rules, turns[0].at, turns[0].length,
							together != 0);
		const struct answer *answer = &world->truth.of[0];

		way("whole", 0, 0, 0);
		piece(0, (unsigned)size);
		world_tell(world, &telling, &world->truth);
		assert_int_equal(answer->app_count, 1);
		assert_string_equal(app_name(answer->app[0]), "quic");
		assert_string_equal(answer->host, host);
		assert_string_equal(rule_name(world, answer->rule), rule);
		world_in_every_way(world);
		world_free(world);
	}
}

static void a_client_hello_in_crypto_frames(void **state)
{
	(void)state;
	quic_in_every_way("CRYPTO, 400", "www.example.org", 400, 0, "name");
}

static void a_post_quantum_client_hello_in_crypto_frames(void **state)
{
	(void)state;
	quic_in_every_way("CRYPTO, 1740", "quic.example.net", 1740, 1216, "h2");
}

/* ---- where invariance ends: the limits ---- */

static void the_limits_end_a_hello_that_comes_byte_by_byte(void **state)
{
	struct world *world;
	struct answers answers;

	(void)state;
	client_hello(&turns[0], "www.example.org", 517, 0, 0, 16384);
	world = world_from_talk("limits", rules, IP_V4, 443);
	world_say(world, 0, turns[0].at, turns[0].length);
	world_begin(world, 1);
	world_limit(world);
	assert_int_equal(world->view.limits.decide_packets, 12);

	/* a hello that has begun may take four times the packets */
	way("in 48 pieces", 0, 0, 0);
	for (unsigned at = 0; at < 517; at += 11)
		piece(at, at + 11 < 517 ? at + 11 : 517);
	assert_in_range(telling.count, 13, 48);
	assert_same_answers(world, &telling);

	/* and then it is decided without its name: main, for good */
	way("byte by byte", 0, 0, 0);
	for (unsigned at = 0; at < 517; at++)
		piece(at, at + 1);
	world_tell(world, &telling, &answers);
	assert_int_equal(answers.decided_packet[0], 2 + 48);
	assert_int_equal(answers.of[0].rule, -1);
	assert_int_equal(answers.of[0].value, world->view.mark.main);
	assert_string_equal(answers.of[0].host, "");
	world_free(world);
}

/* ---- */

int main(void)
{
	static const struct CMUnitTest made[] = {
		cmocka_unit_test(a_client_hello_of_one_segment),
		cmocka_unit_test(a_post_quantum_client_hello),
		cmocka_unit_test(a_client_hello_of_8_kib_with_ech),
		cmocka_unit_test(a_client_hello_over_many_records),
		cmocka_unit_test(a_request_whose_host_comes_late),
		cmocka_unit_test(a_request_in_absolute_form),
		cmocka_unit_test(a_dns_query_over_tcp),
		cmocka_unit_test(two_ssh_banners),
		cmocka_unit_test(a_hello_behind_starttls),
		cmocka_unit_test(a_hello_behind_socks),
		cmocka_unit_test(a_hello_behind_connect),
		cmocka_unit_test(a_protocol_that_a_payload_pattern_knows),
		cmocka_unit_test(a_protocol_that_nobody_knows),
		cmocka_unit_test(a_client_hello_in_crypto_frames),
		cmocka_unit_test(a_post_quantum_client_hello_in_crypto_frames),
		cmocka_unit_test(the_limits_end_a_hello_that_comes_byte_by_byte),
	};
	const size_t made_count = sizeof(made) / sizeof(made[0]);
	const char *source = getenv("WAYMARK_SRC"), *slow = getenv("WAYMARK_TEST_SLOW");
	char pattern[512];
	struct CMUnitTest *tests;
	glob_t cases;
	int failed;

	if (slow && atoi(slow) > 1)
		every = 7;
#ifdef WAYMARK_SANITIZER
	every = strstr(WAYMARK_SANITIZER, "thread") ? 29 : 7;
#endif
	snprintf(pattern, sizeof(pattern), "%s/tests/pcap/*/conf", source ? source : ".");
	if (glob(pattern, GLOB_ERR, NULL, &cases) != 0) {
		fprintf(stderr, "%s: no golden captures\n", pattern);
		return 1;
	}
	tests = calloc(made_count + cases.gl_pathc, sizeof(*tests));
	if (!tests)
		return 1;
	memcpy(tests, made, sizeof(made));
	for (size_t i = 0; i < cases.gl_pathc; i++) {
		char *name = cases.gl_pathv[i];

		*strrchr(name, '/') = '\0';
		tests[made_count + i] = (struct CMUnitTest){
			.name = strrchr(name, '/') + 1,
			.test_func = golden_capture,
			.initial_state = name,
		};
	}
	failed = _cmocka_run_group_tests("invariance", tests, made_count + cases.gl_pathc, NULL, NULL);
	free(tests);
	globfree(&cases);
	return failed;
}
