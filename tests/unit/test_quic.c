/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QUIC: keys, packets, and the name in a hello however it comes. */
#include "quic_support.h"

#include <errno.h>

#include "quic_vectors.h"

/* ---- keys and packets of the specifications ---- */

static void assert_keys(uint32_t version, enum quic_sender sender, const char *expected)
{
	struct bytes want = {.length = 0};
	struct quic_keys keys;

	put_hex(&want, expected);
	quic_keys_derive(quic_version_find(version), origin.bytes, origin.length, sender, &keys);
	assert_memory_equal(keys.key, want.at, 16);
	assert_memory_equal(keys.iv, want.at + 16, 12);
	assert_memory_equal(keys.hp, want.at + 28, 16);
}

static void keys_are_those_of_the_specifications(void **state)
{
	(void)state;
	assert_keys(V1, QUIC_CLIENT,
		    "1f369613dd76d5467730efcbe3b1a22d"
		    "fa044b2f42a3fd3b46fb255c"
		    "9f50449e04a0e810283a1e9933adedd2");
	assert_keys(V1, QUIC_SERVER,
		    "cf3a5331653c364c88f0f379b6067e37"
		    "0ac1493ca1905853b0bba03e"
		    "c206b8d9b9f0f37644430b490eeaa314");
	assert_keys(V2, QUIC_CLIENT,
		    "8b1a0bc121284290a29e0971b5cd045d"
		    "91f73e2351d8fa91660e909f"
		    "45b95e15235d6f45a6b19cbcb0294ba9");
	assert_keys(V2, QUIC_SERVER,
		    "82db637861d55e1d011f19ea71d5d2a7"
		    "dd13c276499c0249d3310652"
		    "edf6d05c83121201b436e16877593c3a");
	/* draft 29, as drafts 30 to 32 */
	for (uint32_t version = (uint32_t)DRAFT29; version <= 0xff000020; version++) {
		assert_keys(version, QUIC_CLIENT,
			    "175257a31eb09dea9366d8bb79ad80ba"
			    "6b26114b9cba2b63a9e8dd4f"
			    "9ddd12c994c0698b89374a9c077a3077");
		assert_keys(version, QUIC_SERVER,
			    "149d0b1662ab871fbe63c49b5e655a5d"
			    "bab2b12a4c76016ace47856d"
			    "c0c499a65a60024a18a250974ea01dfa");
	}
}

static void assert_opens(uint32_t version, enum quic_sender sender, const char *hex,
			 size_t number_at, uint64_t number, const char *payload)
{
	struct bytes packet = {.length = 0}, want = {.length = 0};
	uint8_t room[1200];
	struct quic_keys keys;
	uint64_t expected = 0;
	size_t at;
	ssize_t length;

	put_hex(&packet, hex);
	put_hex(&want, payload);
	quic_keys_derive(quic_version_find(version), origin.bytes, origin.length, sender, &keys);
	assert_int_equal(quic_type_of(quic_version_find(version), packet.at[0]), QUIC_INITIAL);
	length = quic_open(&keys, packet.at, number_at, packet.length, &expected, room, &at);
	assert_true(length >= (ssize_t)want.length);
	assert_memory_equal(room + at, want.at, want.length);
	assert_int_equal(expected, number + 1);
	for (size_t i = 0; i < packet.length; i++) {
		if (i && i < number_at && i > number_at - 3)
			continue; /* the length: the caller's */
		expected = 0;
		packet.at[i] ^= 0x10;
		assert_int_equal(
			quic_open(&keys, packet.at, number_at, packet.length, &expected, room, &at),
			-EBADMSG);
		assert_int_equal(expected, 0);
		packet.at[i] ^= 0x10;
	}
}

static void packets_of_the_specifications_open(void **state)
{
	static const char client[] = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3"
				     "e86804fe3a47f06a2b69484c00000413011302010000c000000010000e";
	static const char server[] = "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825dd"
				     "f73988cfc79825df566dc5430b9a045a1200130100002e00330024";

	(void)state;
	assert_opens(V1, QUIC_CLIENT, vector_client_v1, 18, 2, client);
	assert_opens(V2, QUIC_CLIENT, vector_client_v2, 18, 2, client);
	assert_opens(V1, QUIC_SERVER, vector_server_v1, 18, 1, server);
	assert_opens(V2, QUIC_SERVER, vector_server_v2, 18, 1, server);
}

static void the_specifications_client_initial_gives_its_name(void **state)
{
	static const char *const vectors[] = {vector_client_v1, vector_client_v2};
	struct talk talk;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		begin(&talk);
		put_hex(&datagram, vectors[i]);
		flush(&talk, C);
		assert_name(&talk, "example.com");
		assert_string_equal(evidence_alpn(talk.evidence, 0), "alpn");
		talk_end(&talk);
	}
}

static void every_known_version_is_read(void **state)
{
	static const uint32_t versions[] = {
		V1,	    V2,		0xff000017, 0xff000018, 0xff000019, 0xff00001a, 0xff00001b,
		0xff00001c, 0xff00001d, 0xff00001e, 0xff00001f, 0xff000020, 0xff000021, 0xff000022,
		0xfaceb001, 0xfaceb002, 0xff020000, 0x709a50c4, 0x1a2a3a4a,
	};

	(void)state;
	make_hello(&(struct hello_spec){.name = "WWW.Example.ORG."});
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct quic_build build = first_initial(versions[i]);
		struct talk talk;

		begin(&talk);
		assert_all_open(&talk);
		send_part(&talk, &build, 0, hello.length);
		assert_name(&talk, "www.example.org");
		assert_string_equal(evidence_alpn(talk.evidence, 0), "h3");
		assert_null(evidence_alpn(talk.evidence, 1));
		talk_end(&talk);
	}
}

/* ---- the hello in pieces ---- */

static void a_hello_cut_at_every_byte_is_put_together_in_either_order(void **state)
{
	(void)state;
	make_hello(&(struct hello_spec){.name = "cut.example"});
	for (size_t cut = 1; cut < hello.length; cut++) {
		for (unsigned reverse = 0; reverse < 2; reverse++) {
			struct quic_build build = first_initial(V1);
			struct talk talk;

			/* in two datagrams */
			begin(&talk);
			send_part(&talk, &build, reverse ? cut : 0, reverse ? hello.length : cut);
			assert_waits(&talk);
			send_part(&talk, &build, reverse ? 0 : cut, reverse ? cut : hello.length);
			assert_name(&talk, "cut.example");
			talk_end(&talk);
			/* in two frames */
			begin(&talk);
			add_crypto(reverse ? cut : 0, reverse ? hello.length : cut);
			add_crypto(reverse ? 0 : cut, reverse ? cut : hello.length);
			send_packet(&talk, C, &build);
			assert_name(&talk, "cut.example");
			talk_end(&talk);
		}
	}
}

static void four_pieces_in_any_order_and_spread_are_put_together(void **state)
{
	(void)state;
	make_hello(&(struct hello_spec){.name = "four.example", .padding = 1500});
	for (unsigned order = 0; order < 24; order++) {
		/* bit i of `spread`: a new datagram begins behind piece i */
		for (unsigned spread = 0; spread < 8; spread++) {
			unsigned left[4] = {0, 1, 2, 3}, code = order;
			struct quic_build build = first_initial(V1);
			struct talk talk;

			begin(&talk);
			for (unsigned i = 0; i < 4; i++) {
				unsigned pick = code % (4 - i), piece = left[pick];

				code /= 4 - i;
				memmove(left + pick, left + pick + 1, (3 - pick) * sizeof(left[0]));
				add_crypto(hello.length * piece / 4,
					   hello.length * (piece + 1) / 4);
				if (i == 3 || spread >> i & 1) {
					send_packet(&talk, C, &build);
					build.number++;
				}
				if (i < 3 && spread >> i & 1)
					assert_waits(&talk);
			}
			assert_name(&talk, "four.example");
			talk_end(&talk);
		}
	}
}

static void what_comes_twice_or_overlaps_changes_nothing(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	begin(&talk);
	make_hello(&(struct hello_spec){.name = "first.example"});
	send_part(&talk, &build, 20, hello.length);
	send_part(&talk, &build, 20, hello.length);
	assert_waits(&talk);
	make_hello(&(struct hello_spec){.name = "other.example"});
	send_part(&talk, &build, 10, 40);
	send_part(&talk, &build, 30, hello.length);
	assert_waits(&talk);
	send_part(&talk, &build, 0, hello.length);
	assert_name(&talk, "first.example");
	talk_end(&talk);
}

static void more_pieces_than_ranges_in_one_packet_are_put_together(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	begin(&talk);
	make_hello(&(struct hello_spec){.name = "shuffled.example", .name_last = true});
	for (size_t odd = 0; odd < 2; odd++)
		for (size_t at = odd ? 2 : 0; at < hello.length; at += 4)
			add_crypto(at, at + 2 < hello.length ? at + 2 : hello.length);
	send_packet(&talk, C, &build);
	assert_name(&talk, "shuffled.example");
	talk_end(&talk);
}

static void other_frames_are_stepped_over(void **state)
{
	static const uint8_t before[] = {
		0,    0,    1,					 /* padding, ping */
		2,    0x05, 0x40, 0x19, 1, 2,	1,   3,		 /* an ACK of two ranges */
		3,    0x05, 0x00, 0,	0, 1,	2,   0x43, 0x01, /* an ACK with counters */
		0x1c, 0x41, 0x00, 0x06, 3, 'w', 'h', 'y',	 /* a close */
	};
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "frames.example"});
	begin(&talk);
	put(&frames, before, sizeof(before));
	add_crypto(0, hello.length);
	send_packet(&talk, C, &build);
	assert_name(&talk, "frames.example");
	talk_end(&talk);

	/* what an Initial may not hold ends the reading of it, not of the flow */
	begin(&talk);
	put(&frames, "\x10\1\2", 3);
	add_crypto(0, hello.length);
	send_packet(&talk, C, &build);
	assert_waits(&talk);
	build.number++;
	send_part(&talk, &build, 0, hello.length);
	assert_name(&talk, "frames.example");
	talk_end(&talk);
}

static void frames_cut_anywhere_are_survived(void **state)
{
	static const char all[] =
		"\x03\x45\x67\x80\0\0\1\2\3\4\5\6\7\x1c\1\2\3why\6\x40\2\x40\5hello";

	(void)state;
	for (size_t cut = 0; cut < sizeof(all); cut++) {
		struct quic_build build = first_initial(V1);
		struct talk talk;

		begin(&talk);
		build.pad_to = 0;
		put(&frames, all, cut);
		send_packet(&talk, C, &build);
		assert_waits(&talk);
		talk_end(&talk);
	}
}

static void crypto_that_is_no_client_hello_has_no_name(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "server.example"});
	hello.at[0] = 2;
	begin(&talk);
	send_part(&talk, &build, 0, 1);
	assert_app(&talk, "quic");
	assert_host(&talk, HOST_SOURCE_NONE, NULL);
	assert_done(&talk);
	talk_end(&talk);
}

static void an_outer_ech_name_is_quics(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "public.example", .ech = true});
	begin(&talk);
	send_part(&talk, &build, 0, hello.length);
	assert_name(&talk, "public.example");
	talk_end(&talk);
}

static void a_hello_larger_than_the_prefix_gives_the_name_seen(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "large.example", .padding = 20000});
	begin(&talk);
	talk.limits = (struct inspect_limits){1000, 1000000};
	for (size_t at = 0; at < hello.length; at += 1000)
		send_part(&talk, &build, at, at + 1000 < hello.length ? at + 1000 : hello.length);
	assert_name(&talk, "large.example");
	talk_end(&talk);
}

static void a_hello_whose_rest_was_missed_ends_with_the_clients_answer(void **state)
{
	struct quic_build build = first_initial(V1), answer;
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "seen.example", .padding = 1500});
	for (unsigned how = 0; how < 3; how++) {
		begin(&talk);
		/* the name is before the gap, or behind */
		send_part(&talk, &build, how == 2 ? 1000 : 0, how == 2 ? hello.length : 1000);
		assert_waits(&talk);
		answer = build;
		answer.pad_to = 100;
		answer.dcid = server_id;
		answer.type = QUIC_HANDSHAKE;
		send_packet(&talk, S, &answer);
		assert_waits(&talk);
		if (how == 1)
			put_hex(&datagram, vector_short_v1);
		else
			add_packet(&answer);
		if (how == 1)
			put_zeros(&datagram, 20);
		flush(&talk, C);
		if (how < 2) {
			assert_name(&talk, "seen.example");
		} else {
			assert_app(&talk, "quic");
			assert_host(&talk, HOST_SOURCE_NONE, NULL);
			assert_done(&talk);
		}
		talk_end(&talk);
	}
}

/* ---- packets in datagrams ---- */

static void coalesced_packets_are_walked(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "row.example"});
	for (unsigned version = 0; version < 2; version++) {
		build = first_initial(version ? V2 : V1);
		begin(&talk);
		build.pad_to = 0;
		for (enum quic_type type = QUIC_INITIAL; type <= QUIC_HANDSHAKE; type++) {
			build.type = type;
			if (type == QUIC_INITIAL)
				add_crypto(0, 50);
			else
				put(&frames, "noise", 5);
			add_packet(&build);
		}
		build.type = QUIC_INITIAL;
		build.number = 1;
		add_crypto(50, hello.length);
		add_packet(&build);
		put_hex(&datagram, vector_short_v1);
		flush(&talk, C);
		assert_name(&talk, "row.example");
		talk_end(&talk);
	}
}

static void datagrams_back_to_back_are_walked(void **state)
{
	(void)state;
	make_hello(&(struct hello_spec){.name = "gso.example", .padding = 3000, .name_last = true});
	for (size_t zeros = 0; zeros < 300; zeros += 150) {
		struct quic_build build = first_initial(V1);
		struct talk talk;

		begin(&talk);
		build.pad_to = 1200 - zeros;
		for (size_t at = 0; at < hello.length; at += 800) {
			add_crypto(at, at + 800 < hello.length ? at + 800 : hello.length);
			add_packet(&build);
			put_zeros(&datagram, zeros);
			build.number++;
		}
		assert_int_equal(datagram.length % 1200, 0);
		flush(&talk, C);
		assert_name(&talk, "gso.example");
		talk_end(&talk);
	}
}

static void packet_numbers_of_any_length_are_read(void **state)
{
	static const uint64_t begins[] = {0, 1, 100, 0x7fff, 0x7ffffffe};

	(void)state;
	make_hello(&(struct hello_spec){.name = "number.example"});
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		for (unsigned count = 1; count <= 4; count++) {
			struct quic_build build = first_initial(V1);
			struct talk talk;

			/* whole at first, then the low bits alone */
			begin(&talk);
			build.number = begins[i];
			send_part(&talk, &build, 0, 20);
			build.number_bytes = count;
			build.number += 90;
			send_part(&talk, &build, 20, 40);
			build.number += 90;
			send_part(&talk, &build, 40, 60);
			build.number -= 100; /* late */
			send_part(&talk, &build, 60, hello.length);
			assert_name(&talk, "number.example");
			talk_end(&talk);
		}
	}
}

/* ---- connection IDs and versions that change ---- */

static void keys_stay_when_the_client_takes_the_servers_id(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "changed.example"});
	begin(&talk);
	send_part(&talk, &build, 0, 60);
	build.dcid = server_id;
	send_part(&talk, &build, 60, hello.length);
	assert_name(&talk, "changed.example");
	talk_end(&talk);
}

static void a_retry_changes_the_keys(void **state)
{
	static const char *const retries[] = {vector_retry_v1, vector_retry_v2};

	(void)state;
	make_hello(&(struct hello_spec){.name = "retry.example"});
	for (unsigned i = 0; i < 2; i++) {
		struct quic_build build = first_initial(i ? V2 : V1);
		struct talk talk;

		begin(&talk);
		send_part(&talk, &build, 0, 60);
		put_hex(&datagram, retries[i]);
		flush(&talk, S);
		assert_waits(&talk);
		build.token = (const uint8_t *)"token";
		build.token_length = 5;
		build.dcid = build.origin = retry_id;
		send_part(&talk, &build, 0, 70);
		assert_waits(&talk);
		build.dcid = server_id;
		send_part(&talk, &build, 70, hello.length);
		assert_name(&talk, "retry.example");
		talk_end(&talk);
	}
}

static void keys_of_another_version_come_from_the_same_id(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "compatible.example"});
	begin(&talk);
	send_part(&talk, &build, 0, 60);
	build.version = V2;
	build.dcid = server_id;
	send_part(&talk, &build, 60, hello.length);
	assert_name(&talk, "compatible.example");
	talk_end(&talk);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_are_those_of_the_specifications),
		TEST(packets_of_the_specifications_open),
		TEST(the_specifications_client_initial_gives_its_name),
		TEST(every_known_version_is_read),
		TEST(a_hello_cut_at_every_byte_is_put_together_in_either_order),
		TEST(four_pieces_in_any_order_and_spread_are_put_together),
		TEST(what_comes_twice_or_overlaps_changes_nothing),
		TEST(more_pieces_than_ranges_in_one_packet_are_put_together),
		TEST(other_frames_are_stepped_over),
		TEST(frames_cut_anywhere_are_survived),
		TEST(crypto_that_is_no_client_hello_has_no_name),
		TEST(an_outer_ech_name_is_quics),
		TEST(a_hello_larger_than_the_prefix_gives_the_name_seen),
		TEST(a_hello_whose_rest_was_missed_ends_with_the_clients_answer),
		TEST(coalesced_packets_are_walked),
		TEST(datagrams_back_to_back_are_walked),
		TEST(packet_numbers_of_any_length_are_read),
		TEST(keys_stay_when_the_client_takes_the_servers_id),
		TEST(a_retry_changes_the_keys),
		TEST(keys_of_another_version_come_from_the_same_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
