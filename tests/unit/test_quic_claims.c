/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QUIC: what counts as it, what is refused, and what work that takes. */
#include "quic_support.h"

#include "../../src/inspect/inspector.h"

/* ---- the inspector alone ---- */

static const struct inspector *quic(void)
{
	return inspect_table[app_find("quic") - 1];
}

static enum inspect_status ask_cut(void **memory, unsigned side, const uint8_t *bytes,
				   size_t captured, size_t length)
{
	struct evidence evidence = {0};
	uint8_t *copy = malloc(captured ? captured : 1);
	struct inspect_datagram one = {
		.bytes = copy,
		.captured = (uint32_t)captured,
		.length = (uint32_t)length,
		.direction = (enum flow_direction)side,
	};
	enum inspect_status status;

	assert_non_null(copy);
	memcpy(copy, bytes, captured);
	status = quic()->datagram(&one, memory, &evidence);
	free(copy);
	return status;
}

static enum inspect_status ask(const uint8_t *bytes, size_t length)
{
	void *memory = NULL;
	enum inspect_status status = ask_cut(&memory, C, bytes, length, length);

	if (memory)
		quic()->state_free(memory);
	return status;
}

/* ---- Version Negotiation ---- */

static void put_negotiation(const struct quic_build_cid *dcid, const struct quic_build_cid *scid)
{
	put(&datagram, "\x8a\0\0\0\0", 5);
	datagram.length += quic_build_cid(datagram.at + datagram.length, dcid);
	datagram.length += quic_build_cid(datagram.at + datagram.length, scid);
	put(&datagram, "\0\0\0\1\x6b\x33\x43\xcf", 8);
}

static void version_negotiation_proves_by_both_ids(void **state)
{
	struct quic_build build = first_initial(0x51513630);
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "negotiated.example"});
	begin(&talk);
	send_part(&talk, &build, 0, hello.length);
	assert_app(&talk, NULL);
	assert_all_open(&talk);
	put_negotiation(&client_id, &origin);
	flush(&talk, S);
	assert_waits(&talk);
	build = first_initial(V1);
	send_part(&talk, &build, 0, hello.length);
	assert_name(&talk, "negotiated.example");
	talk_end(&talk);

	/* with other IDs it is an answer to something else */
	begin(&talk);
	build = first_initial(0x51513630);
	send_part(&talk, &build, 0, hello.length);
	put_negotiation(&client_id, &server_id);
	flush(&talk, S);
	assert_app(&talk, NULL);
	talk_end(&talk);
}

static void an_unknown_version_waits_only_in_a_clients_datagram(void **state)
{
	struct quic_build build = first_initial(0x51513630);

	(void)state;
	frames.length = datagram.length = 0;
	add_packet(&build);
	assert_int_equal(datagram.length, 1200);
	assert_int_equal(ask(datagram.at, 1200), INSPECT_MORE);
	assert_int_equal(ask(datagram.at, 1199), INSPECT_NO);
	datagram.at[5] = 7; /* too short an ID for a first one */
	assert_int_equal(ask(datagram.at, 1200), INSPECT_NO);
	datagram.at[5] = 21;
	assert_int_equal(ask(datagram.at, 1200), INSPECT_NO);
}

/* ---- what is seen from the middle, cut or not QUIC ---- */

static void a_flow_that_begins_with_the_server_has_its_name(void **state)
{
	struct quic_build server = first_initial(V1), client = server;
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "swapped.example"});
	server.sender = QUIC_SERVER;
	server.dcid = client_id;
	server.scid = server_id;
	begin(&talk);
	put(&frames, "\2\0\0\0\0", 5);
	send_packet(&talk, C, &server);
	assert_app(&talk, NULL);
	assert_all_open(&talk);
	add_crypto(0, hello.length);
	send_packet(&talk, S, &client);
	assert_name(&talk, "swapped.example");
	talk_end(&talk);
}

static void headers_of_both_sides_that_share_an_id_are_quic(void **state)
{
	struct quic_build client = first_initial(V1), server = client;
	struct talk talk;

	(void)state;
	/* keys of a handshake that was not seen */
	client.origin = server.origin = retry_id;
	client.dcid = server_id;
	server.scid = server_id;
	server.dcid = client_id;
	for (enum quic_type type = QUIC_INITIAL; type <= QUIC_HANDSHAKE; type += 2) {
		client.type = server.type = type;
		begin(&talk);
		send_packet(&talk, C, &client);
		assert_app(&talk, NULL);
		send_packet(&talk, S, &server);
		assert_waits(&talk);
		talk_end(&talk);

		server.scid = server.dcid = retry_id;
		begin(&talk);
		send_packet(&talk, C, &client);
		send_packet(&talk, S, &server);
		assert_app(&talk, NULL);
		talk_end(&talk);
		server.scid = server_id;
		server.dcid = client_id;
	}
}

static void headers_of_one_side_are_quic_in_a_row(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	build.origin = retry_id;
	build.pad_to = 100;
	begin(&talk);
	add_packet(&build);
	build.type = QUIC_HANDSHAKE;
	add_packet(&build);
	flush(&talk, C);
	assert_waits(&talk);
	talk_end(&talk);

	/* an end that neither the datagram nor a packet confirms counts for nothing */
	begin(&talk);
	for (unsigned i = 0; i < 3; i++) {
		add_packet(&build);
		put(&datagram, "tail", 4);
		flush(&talk, C);
	}
	assert_app(&talk, NULL);
	talk_end(&talk);
}

static void initials_that_do_not_open_are_never_enough(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	make_hello(&(struct hello_spec){.name = "forged.example"});
	begin(&talk);
	for (unsigned i = 0; i < 8; i++) {
		add_crypto(0, hello.length);
		add_packet(&build);
		datagram.at[datagram.length - 1] ^= 1;
		flush(&talk, C);
		assert_app(&talk, NULL);
		build.number++;
	}
	talk_end(&talk);
}

static void work_for_a_flow_is_bounded(void **state)
{
	struct quic_build build = first_initial(V1);
	enum inspect_status status = INSPECT_MORE;
	void *memory = NULL;
	unsigned count;

	(void)state;
	frames.length = datagram.length = 0;
	build.origin = retry_id;
	build.pad_to = 60;
	for (unsigned i = 0; i < 400; i++)
		add_packet(&build);
	for (count = 0; count < 100 && status == INSPECT_MORE; count++)
		status = ask_cut(&memory, C, datagram.at, datagram.length, datagram.length);
	assert_int_equal(status, INSPECT_NO);
	assert_in_range(count, 2, 10);
	assert_in_range(quic()->state_bytes(memory), 1, 1000);
	quic()->state_free(memory);
}

static void a_cut_initial_is_proved_by_the_servers(void **state)
{
	struct quic_build client = first_initial(V1), server = client;
	struct talk talk;
	struct packet packet;

	(void)state;
	make_hello(&(struct hello_spec){.name = "cut.example"});
	server.sender = QUIC_SERVER;
	server.dcid = (struct quic_build_cid){0};
	server.scid = server_id;
	for (unsigned forged = 0; forged < 2; forged++) {
		begin(&talk);
		add_crypto(0, hello.length);
		add_packet(&client);
		packet = talk_packet(&talk, C, 0, datagram.at, datagram.length);
		packet.payload_captured = 100;
		inspection_feed(talk.inspection, &talk.flow, FLOW_FROM_CLIENT, &packet, NULL, NULL,
				&talk.limits);
		assert_app(&talk, NULL);
		datagram.length = 0;
		put(&frames, "\2\0\0\0\0", 5);
		add_packet(&server);
		datagram.at[datagram.length - 1] ^= (uint8_t)forged;
		flush(&talk, S);
		if (forged) {
			assert_app(&talk, NULL);
		} else {
			assert_waits(&talk);
			client.number = 1;
			send_part(&talk, &client, 0, hello.length);
			assert_name(&talk, "cut.example");
		}
		talk_end(&talk);
	}
}

static void a_datagram_cut_anywhere_is_survived(void **state)
{
	struct quic_build build = first_initial(V1);

	(void)state;
	make_hello(&(struct hello_spec){.name = "cut.example"});
	frames.length = datagram.length = 0;
	add_crypto(0, hello.length);
	add_packet(&build);
	build.type = QUIC_HANDSHAKE;
	add_packet(&build);
	for (size_t captured = 1; captured < datagram.length; captured++) {
		void *memory = NULL;
		enum inspect_status status =
			ask_cut(&memory, C, datagram.at, captured, datagram.length);

		if (captured < 1200) /* 28: where the packet number begins */
			assert_int_equal(status, captured < 28 ? INSPECT_NO : INSPECT_MORE);
		else
			assert_int_equal(status, INSPECT_DONE);
		if (memory)
			quic()->state_free(memory);
		/* on the wire it is shorter than it says */
		if (captured < 1200)
			assert_int_equal(ask(datagram.at, captured), INSPECT_NO);
	}
}

#define ID "083031323334353637"

static void what_is_no_quic_is_refused_at_once(void **state)
{
	static const struct {
		const char *hex;
		size_t zeros; /* behind it */
		enum inspect_status status;
	} cases[] = {
		/* a header, and what is one step from it */
		{"c000000001" ID "000015", 21, INSPECT_MORE},
		{"c000000001" ID "000015", 20, INSPECT_NO},   /* its end */
		{"c000000001" ID "000013", 19, INSPECT_NO},   /* no sample */
		{"c000000001" ID "003f15", 21, INSPECT_NO},   /* token */
		{"c000000001" ID "0000c0", 1, INSPECT_NO},    /* length */
		{"c000000001" ID "15000015", 21, INSPECT_NO}, /* second ID */
		{"c00000000115000000000000000000000000000000000000000000000015", 21, INSPECT_NO},
		{"8000000001" ID "000015", 21, INSPECT_NO}, /* no fixed bit */
		{"4000000001" ID "000015", 21, INSPECT_NO}, /* short */
		{"c000000002" ID "000015", 21, INSPECT_NO}, /* unknown version, too small */
		{"c00000", 0, INSPECT_NO},
		{"f000000001" ID "00ff", 16, INSPECT_MORE}, /* Retry, without a token then */
		{"f000000001" ID "00", 16, INSPECT_NO},
		{"c000000000" ID "00", 4, INSPECT_MORE}, /* Version Negotiation */
		{"c000000000" ID "00", 3, INSPECT_NO},
		{"c000000000" ID "00", 0, INSPECT_NO},
		/* others */
		{"12340100000100000000000003777777000001", 2, INSPECT_NO}, /* DNS */
		{"8060000100000000000000ff", 160, INSPECT_NO},		   /* RTP */
		{"c3513034365030313233343536370000", 1300,
		 INSPECT_MORE},				     /* Google's own, and no hello yet */
		{"16feff0000000000000000", 100, INSPECT_NO}, /* DTLS */
		{"00", 1300, INSPECT_NO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		datagram.length = 0;
		put_hex(&datagram, cases[i].hex);
		put_zeros(&datagram, cases[i].zeros);
		assert_int_equal(ask(datagram.at, datagram.length), cases[i].status);
	}
}

static void a_refusal_leaves_nothing_open(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;

	(void)state;
	begin(&talk);
	put(&datagram, "\x40 no protocol that anybody knows", 33);
	flush(&talk, C);
	assert_app(&talk, NULL);
	assert_done(&talk);
	talk_end(&talk);

	/* also when what came first could have been QUIC */
	begin(&talk);
	build.origin = retry_id;
	send_packet(&talk, C, &build);
	assert_all_open(&talk);
	put(&datagram, "\x40 no protocol that anybody knows", 33);
	flush(&talk, S);
	assert_app(&talk, NULL);
	assert_done(&talk);
	talk_end(&talk);
}

static void memory_is_counted(void **state)
{
	struct quic_build build = first_initial(V1);
	struct talk talk;
	size_t before;

	(void)state;
	make_hello(&(struct hello_spec){.name = "memory.example", .padding = 1500});
	begin(&talk);
	before = inspection_bytes(talk.inspection);
	send_part(&talk, &build, 0, 1000);
	assert_in_range(inspection_bytes(talk.inspection), before + 1000, before + 8192);
	talk_end(&talk);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(version_negotiation_proves_by_both_ids),
		TEST(an_unknown_version_waits_only_in_a_clients_datagram),
		TEST(a_flow_that_begins_with_the_server_has_its_name),
		TEST(headers_of_both_sides_that_share_an_id_are_quic),
		TEST(headers_of_one_side_are_quic_in_a_row),
		TEST(initials_that_do_not_open_are_never_enough),
		TEST(work_for_a_flow_is_bounded),
		TEST(a_cut_initial_is_proved_by_the_servers),
		TEST(a_datagram_cut_anywhere_is_survived),
		TEST(what_is_no_quic_is_refused_at_once),
		TEST(a_refusal_leaves_nothing_open),
		TEST(memory_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
