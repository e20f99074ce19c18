/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DTLS: hellos in records and fragments, whole, shuffled, said again, and what only looks like
 * them. */
#include "inspect_support.h"

#define WWW "www.example.org"

enum { PORT = 4433 };

static const uint8_t DTLS_1_2[] = {0xfe, 0xfd};
static const uint8_t DTLS_1_0[] = {0xfe, 0xff};

/* A message's body, the same as a handshake message, and what a datagram holds. */
static struct bytes body, out;
static struct talk talk;

static void extension(unsigned type, const void *data, size_t length)
{
	put16(&body, type);
	put16(&body, (unsigned)length);
	put(&body, data, length);
}

/* With `padding` bytes in an extension before the name. */
static void client_hello(const char *name, size_t cookie, size_t padding)
{
	static const uint8_t zeros[20000];
	static struct bytes sni;
	size_t extensions_at;

	body.length = 0;
	put(&body, DTLS_1_2, 2);
	put_zeros(&body, 32);
	put8(&body, 0);
	put8(&body, (unsigned)cookie);
	put_zeros(&body, cookie);
	put16(&body, 4);
	put(&body, "\xc0\x2b\xc0\x2f", 4);
	put16(&body, 0x0100);
	extensions_at = body.length;
	put16(&body, 0);
	if (padding)
		extension(21, zeros, padding);
	if (name) {
		sni.length = 0;
		put16(&sni, (unsigned)strlen(name) + 3);
		put8(&sni, 0);
		put16(&sni, (unsigned)strlen(name));
		put(&sni, name, strlen(name));
		extension(0, sni.at, sni.length);
	}
	extension(16, "\0\7\6webrtc", 9);
	body.at[extensions_at] = (uint8_t)((body.length - extensions_at - 2) >> 8);
	body.at[extensions_at + 1] = (uint8_t)(body.length - extensions_at - 2);
}

static void put24(struct bytes *bytes, size_t value)
{
	put8(bytes, (unsigned)(value >> 16));
	put16(bytes, value & 0xffff);
}

static void record(struct bytes *bytes, unsigned type, unsigned epoch, size_t length)
{
	put8(bytes, type);
	put(bytes, DTLS_1_0, 2);
	put16(bytes, epoch);
	put_zeros(bytes, 6);
	put16(bytes, (unsigned)length);
}

/* `count` bytes of the body from `at` on, in a record of their own. */
static void fragment(struct bytes *bytes, unsigned type, unsigned number, size_t at, size_t count)
{
	record(bytes, 22, 0, 12 + count);
	put8(bytes, type);
	put24(bytes, body.length);
	put16(bytes, number);
	put24(bytes, at);
	put24(bytes, count);
	put(bytes, body.at + at, count);
}

static void say_fragment(unsigned number, size_t at, size_t count)
{
	out.length = 0;
	fragment(&out, 1, number, at, count);
	say(&talk, C, out.at, out.length);
}

static void say_whole(unsigned side, unsigned type, unsigned number)
{
	out.length = 0;
	fragment(&out, type, number, 0, body.length);
	say(&talk, side, out.at, out.length);
}

static void server_hello(void)
{
	body.length = 0;
	put(&body, DTLS_1_2, 2);
	put_zeros(&body, 32);
	put8(&body, 2);
	put_zeros(&body, 2);
	put(&body, "\xc0\x2b\0", 3);
}

static void hello_verify(void)
{
	body.length = 0;
	put(&body, DTLS_1_0, 2);
	put8(&body, 20);
	put_zeros(&body, 20);
}

static int setup(void **state)
{
	(void)state;
	talk_begin(&talk, IPPROTO_UDP, PORT);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	talk_end(&talk);
	return 0;
}

static void restart(void)
{
	talk_end(&talk);
	talk_begin(&talk, IPPROTO_UDP, PORT);
}

static void assert_www(void)
{
	assert_app(&talk, "dtls");
	assert_host(&talk, HOST_DTLS_SNI, WWW);
	assert_string_equal(evidence_alpn(talk.evidence, 0), "webrtc");
	assert_done(&talk);
}

/* Nothing yet, and nothing refuted. */
static void assert_waiting(void)
{
	assert_app(&talk, NULL);
	assert_all_open(&talk);
}

static void a_client_hello_gives_app_name_and_alpn(void **state)
{
	(void)state;
	client_hello(WWW, 0, 0);
	say_whole(C, 1, 0);
	assert_www();
	assert_true(inspection_bytes(talk.inspection) < 4096); /* nothing was kept */
}

static void a_hello_without_a_name_is_done_without_one(void **state)
{
	(void)state;
	client_hello(NULL, 0, 0);
	say_whole(C, 1, 0);
	assert_app(&talk, "dtls");
	assert_host(&talk, HOST_SOURCE_NONE, NULL);
	assert_done(&talk);
}

static void a_hello_cut_in_two_anywhere_is_put_together(void **state)
{
	(void)state;
	client_hello(WWW, 0, 0);
	for (size_t cut = 1; cut < body.length; cut++) {
		for (unsigned backwards = 0; backwards < 2; backwards++) {
			restart();
			if (backwards)
				say_fragment(0, cut, body.length - cut);
			else
				say_fragment(0, 0, cut);
			assert_false(talk.evidence->host_done);
			if (backwards)
				say_fragment(0, 0, cut);
			else
				say_fragment(0, cut, body.length - cut);
			assert_www();
		}
	}
}

static void fragments_come_shuffled_twice_and_overlapping(void **state)
{
	(void)state;
	client_hello(WWW, 0, 3000);
	for (size_t at = body.length / 100 * 100; at > 0; at -= 200) {
		size_t count = body.length - at < 300 ? body.length - at : 300;

		talk.limits.decide_packets = 100;
		say_fragment(0, at, count);
		say_fragment(0, at, count);
		if (at < 200)
			break;
	}
	assert_waiting();
	say_fragment(0, 0, 300);
	say_fragment(0, 100, 300);
	assert_www();
}

static void fragments_share_a_datagram_and_a_record(void **state)
{
	(void)state;
	client_hello(WWW, 0, 0);
	out.length = 0;
	fragment(&out, 1, 0, 50, body.length - 50);
	fragment(&out, 1, 0, 0, 50);
	say(&talk, C, out.at, out.length);
	assert_www();

	restart();
	out.length = 0;
	record(&out, 22, 0, 24 + body.length);
	for (unsigned i = 0; i < 2; i++) {
		size_t from = i ? 40 : 0, to = i ? body.length : 40;

		put8(&out, 1);
		put24(&out, body.length);
		put16(&out, 0);
		put24(&out, from);
		put24(&out, to - from);
		put(&out, body.at + from, to - from);
	}
	say(&talk, C, out.at, out.length);
	assert_www();
}

static void a_second_hello_with_a_cookie_is_read_too(void **state)
{
	(void)state;
	client_hello(WWW, 0, 0);
	say_fragment(0, 0, 60); /* the rest is lost */
	assert_app(&talk, "dtls");
	hello_verify();
	say_whole(S, 3, 0);
	client_hello(WWW, 20, 0);
	say_fragment(1, 0, 30);
	client_hello(WWW, 0, 0);
	say_fragment(0, 0, 60); /* an old one, late */
	client_hello(WWW, 20, 0);
	say_fragment(1, 30, body.length - 30);
	assert_www();
}

static void a_servers_hello_is_dtls_and_the_name_stays_open(void **state)
{
	(void)state;
	hello_verify();
	say_whole(S, 3, 0);
	assert_app(&talk, "dtls");
	assert_false(talk.evidence->host_done);

	restart();
	server_hello();
	say_whole(S, 2, 1);
	assert_app(&talk, "dtls");
	client_hello(WWW, 0, 0); /* the packet that was late */
	say_whole(C, 1, 0);
	assert_www();

	restart();
	server_hello();
	put16(&body, 4); /* extensions */
	put(&body, "\0\x17\0\0", 4);
	say_whole(S, 2, 1);
	assert_app(&talk, "dtls");
}

static void an_outer_hello_is_labelled(void **state)
{
	static const uint8_t ech[] = {0, 0, 1, 0, 1, 7, 0, 1, 0xaa, 0, 2, 1, 2};

	(void)state;
	client_hello(WWW, 0, 0);
	extension(0xfe0d, ech, sizeof(ech));
	body.at[45] = (uint8_t)(body.at[45] + sizeof(ech) + 4);
	say_whole(C, 1, 0);
	assert_host(&talk, HOST_TLS_ECH_OUTER, WWW);
}

static void stun_may_come_first(void **state)
{
	static const uint8_t stun[24] = {0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42};
	static const uint8_t media[172] = {0x80, 0, 0, 1};

	(void)state;
	say(&talk, C, stun, sizeof(stun));
	say(&talk, S, stun, sizeof(stun));
	assert_app(&talk, "stun");
	assert_all_open(&talk);
	client_hello(WWW, 0, 0);
	say_whole(C, 1, 0);
	assert_www();
	assert_true(evidence_has_app(talk.evidence, app_find("stun")));

	restart(); /* media instead, which STUN has named */
	say(&talk, C, stun, sizeof(stun));
	say(&talk, S, media, sizeof(media));
	assert_app(&talk, "stun");
	assert_done(&talk);

	restart();
	say(&talk, C, stun, sizeof(stun) - 1); /* not what its length says */
	assert_true(talk.evidence->apps_done);
	assert_app(&talk, NULL);
}

static void records_without_a_hello_leave_it_open(void **state)
{
	(void)state;
	out.length = 0;
	record(&out, 21, 0, 2);
	put(&out, "\2\50", 2);
	record(&out, 23, 1, 40);
	put_zeros(&out, 40);
	say(&talk, C, out.at, out.length);
	assert_waiting();
	client_hello(WWW, 0, 0);
	say_whole(C, 1, 0);
	assert_www();
}

static void encrypted_records_may_follow(void **state)
{
	(void)state;
	server_hello();
	out.length = 0;
	fragment(&out, 2, 0, 0, body.length);
	put(&out, "\x2e whatever DTLS 1.3 makes of it", 30);
	say(&talk, S, out.at, out.length);
	assert_app(&talk, "dtls");
}

static void a_hello_in_ciphertext_is_no_proof(void **state)
{
	(void)state;
	client_hello(WWW, 0, 0);
	out.length = 0;
	fragment(&out, 1, 0, 0, body.length);
	out.at[4] = 1; /* epoch */
	say(&talk, C, out.at, out.length);
	assert_waiting();
}

static void a_hello_too_large_gives_the_name_seen(void **state)
{
	(void)state;
	client_hello(WWW, 0, 0);
	put_zeros(&body, 20000); /* behind the extensions */
	body.at[44] = 0x4e;	 /* and part of them */
	talk.limits = (struct inspect_limits){.decide_packets = 100, .decide_bytes = 1 << 20};
	for (size_t at = 0; at < body.length; at += 1000)
		say_fragment(0, at, body.length - at < 1000 ? body.length - at : 1000);
	assert_app(&talk, "dtls");
	assert_host(&talk, HOST_DTLS_SNI, WWW);
	assert_true(inspection_bytes(talk.inspection) < 40000);
}

static void a_cut_capture_gives_the_name_seen(void **state)
{
	struct packet packet;

	(void)state;
	client_hello(WWW, 0, 0);
	put_zeros(&body, 100);
	body.at[45] = (uint8_t)(body.at[45] + 100);
	out.length = 0;
	fragment(&out, 1, 0, 0, body.length);
	for (size_t cut = 1; cut < out.length; cut++) {
		uint8_t *copy = malloc(cut);

		assert_non_null(copy);
		memcpy(copy, out.at, cut);
		restart();
		packet = talk_packet(&talk, C, 0, copy, cut);
		packet.payload_length = (uint32_t)out.length;
		inspection_feed(talk.inspection, &talk.flow, FLOW_FROM_CLIENT, &packet, NULL, NULL,
				&talk.limits);
		free(copy);
		if (cut >= out.length - 100)
			assert_host(&talk, HOST_DTLS_SNI, WWW);
	}
}

static void what_only_resembles_dtls_is_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{0, 19},    {0, 27}, {1, 3},  {2, 0xf0}, {11, 0x70},
		{12, 0xff}, {14, 2}, {19, 1}, {22, 1},	 {24, 0xff},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		restart();
		client_hello(WWW, 0, 0);
		out.length = 0;
		fragment(&out, 1, 0, 0, body.length);
		out.at[changes[i].at] = changes[i].value;
		say(&talk, C, out.at, out.length);
		assert_app(&talk, NULL);
		assert_true(talk.evidence->apps_done);
	}
	client_hello(WWW, 0, 0);
	out.length = 0;
	fragment(&out, 1, 0, 0, body.length);
	for (size_t length = 1; length < out.length; length++) {
		restart();
		say(&talk, C, out.at, length);
		assert_app(&talk, NULL);
		assert_true(talk.evidence->apps_done);
	}
	for (unsigned version = 0; version < 2; version++) { /* bodies that are no hellos */
		restart();
		body.length = 0;
		put16(&body, version ? 0xfefd : 0x0303);
		put_zeros(&body, 33);
		put8(&body, 9);
		say_whole(S, version ? 3 : 1, 0);
		say_whole(S, 2, 0);
		assert_app(&talk, NULL);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_client_hello_gives_app_name_and_alpn),
		CASE(a_hello_without_a_name_is_done_without_one),
		CASE(a_hello_cut_in_two_anywhere_is_put_together),
		CASE(fragments_come_shuffled_twice_and_overlapping),
		CASE(fragments_share_a_datagram_and_a_record),
		CASE(a_second_hello_with_a_cookie_is_read_too),
		CASE(a_servers_hello_is_dtls_and_the_name_stays_open),
		CASE(an_outer_hello_is_labelled),
		CASE(stun_may_come_first),
		CASE(records_without_a_hello_leave_it_open),
		CASE(encrypted_records_may_follow),
		CASE(a_hello_in_ciphertext_is_no_proof),
		CASE(a_hello_too_large_gives_the_name_seen),
		CASE(a_cut_capture_gives_the_name_seen),
		CASE(what_only_resembles_dtls_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("dtls", tests, NULL, NULL);
}
