/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mDNS and LLMNR, and DNS beside them. */
#include "inspect_support.h"

#include "dns_build.h"

enum { PORT_MDNS = 5353, PORT_LLMNR = 5355, FLAGS_NONE = 0, TYPE_PTR = 12, TYPE_SRV = 33 };

static struct dns_build build;

static void add_question(const char *name, uint16_t type, uint16_t class)
{
	put_name(&build, name);
	put_number(&build, type, 2);
	put_number(&build, class, 2);
	build.bytes[5]++;
}

/* Without any question. */
static void begin_empty(uint16_t flags)
{
	build.length = 0;
	put_number(&build, 0, 2);
	put_number(&build, flags, 2);
	dns_put(&build, "\0\0\0\0\0\0\0\0", 8);
}

/* The built message as a flow's only datagram, between these ports. */
static void assert_shows(uint16_t client_port, uint16_t server_port, const char *app,
			 enum host_source source, const char *host)
{
	struct talk talk;

	talk_begin_with(&talk, IPPROTO_UDP, client_port, server_port, NULL);
	say(&talk, C, build.bytes, build.length);
	assert_app(&talk, app);
	assert_host(&talk, source, host);
	/* another protocol may still be waited for, such as has a shorter header */
	assert_true(evidence_app_out(talk.evidence, app_find("mdns")));
	assert_true(evidence_app_out(talk.evidence, app_find("llmnr")));
	talk_end(&talk);
}

static void assert_mdns(const char *host)
{
	assert_shows(PORT_MDNS, PORT_MDNS, "mdns", host ? HOST_MDNS : HOST_SOURCE_NONE, host);
}

static void an_mdns_query_gives_its_first_question(void **state)
{
	(void)state;
	begin_empty(FLAGS_NONE);
	add_question("_IPPS._tcp.local", TYPE_PTR, 1);
	add_question("_ipp._tcp.local", TYPE_PTR, 0x8001); /* wants a unicast answer */
	put_number(&build, 4, 1);
	dns_put(&build, "_ftp", 4);
	put_pointer(&build, 18); /* "_tcp.local" of the first */
	put_number(&build, TYPE_PTR, 2);
	put_number(&build, 0x80ff, 2);
	build.bytes[5]++;
	assert_mdns("_ipps._tcp.local");
}

static void known_answers_and_probes_are_part_of_a_query(void **state)
{
	(void)state;
	begin_empty(FLAGS_NONE);
	add_question("_http._tcp.local", TYPE_PTR, 1);
	add_cname(&build, ANSWER, "_http._tcp.local", "x._http._tcp.local", 120);
	add_address(&build, AUTHORITY, "host.local", "192.0.2.1", 120);
	put_name(&build, "");
	put_record(&build, ADDITIONAL, TYPE_OPT, 0, "\0\4\0\1x", 5);
	assert_mdns("_http._tcp.local");
}

static void an_mdns_answer_gives_no_name(void **state)
{
	struct talk talk;

	(void)state;
	begin_empty(0x8400);
	add_address(&build, ANSWER, "host.local", "192.0.2.1", 120);
	talk_begin_with(&talk, IPPROTO_UDP, PORT_MDNS, PORT_MDNS, NULL);
	say(&talk, C, build.bytes, build.length);
	assert_app(&talk, "mdns");
	assert_host(&talk, HOST_SOURCE_NONE, NULL);
	assert_false(talk.evidence->host_done);
	/* the same host may ask something later */
	begin_empty(FLAGS_NONE);
	add_question("other.local", TYPE_A, 1);
	say(&talk, C, build.bytes, build.length);
	assert_host(&talk, HOST_MDNS, "other.local");
	assert_done(&talk);
	talk_end(&talk);
}

static void an_instance_is_no_host(void **state)
{
	(void)state;
	begin_empty(FLAGS_NONE);
	add_question("Anna's Printer._ipp._tcp.local", TYPE_SRV, 1);
	assert_mdns(NULL);
}

static void a_one_shot_query_comes_from_any_port(void **state)
{
	(void)state;
	begin_empty(FLAGS_NONE);
	add_question("host.local", TYPE_A, 1);
	assert_shows(50000, PORT_MDNS, "mdns", HOST_MDNS, "host.local");
	assert_shows(PORT_MDNS, 50000, "mdns", HOST_MDNS, "host.local");
	assert_shows(50000, 50001, "dns", HOST_DNS_QUERY, "host.local");
}

static void a_query_may_set_the_authentic_data_bit(void **state)
{
	(void)state;
	begin_empty(0x0020); /* dig +norecurse */
	add_question("host.local", TYPE_A, 1);
	assert_shows(50000, PORT_MDNS, "mdns", HOST_MDNS, "host.local");
	assert_shows(50000, PORT_LLMNR, "llmnr", HOST_LLMNR, "host.local");
}

static void what_asks_for_recursion_is_dns(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_QUERY, "www.example.org", TYPE_A);
	assert_shows(50000, PORT_MDNS, "dns", HOST_DNS_QUERY, "www.example.org");
}

static void what_only_resembles_mdns_is_refused(void **state)
{
	(void)state;
	begin_empty(FLAGS_NONE); /* asks nothing, says nothing */
	assert_shows(PORT_MDNS, PORT_MDNS, NULL, HOST_SOURCE_NONE, NULL);
	begin_empty(0x8400);
	assert_shows(PORT_MDNS, PORT_MDNS, NULL, HOST_SOURCE_NONE, NULL);
	begin_empty(FLAGS_NONE);
	add_question("host.local", TYPE_A, 3);
	assert_shows(PORT_MDNS, PORT_MDNS, NULL, HOST_SOURCE_NONE, NULL);
	begin_empty(0x2800);
	add_question("host.local", TYPE_A, 1);
	assert_shows(PORT_MDNS, PORT_MDNS, NULL, HOST_SOURCE_NONE, NULL);
	begin_empty(FLAGS_NONE);
	add_question("host.local", TYPE_A, 1);
	put_number(&build, 0, 1); /* a byte left over */
	assert_shows(PORT_MDNS, PORT_MDNS, NULL, HOST_SOURCE_NONE, NULL);
	begin_empty(FLAGS_NONE);
	add_question("host.local", TYPE_A, 1);
	add_address(&build, ANSWER, "host.local", "192.0.2.1", 120);
	while (build.length-- > 1)
		assert_shows(PORT_MDNS, PORT_MDNS, NULL, HOST_SOURCE_NONE, NULL);
}

static void a_capture_may_be_cut_behind_the_first_question(void **state)
{
	struct packet packet;
	struct talk talk;

	(void)state;
	begin_empty(FLAGS_NONE);
	add_question("host.local", TYPE_A, 1);
	add_question("other.local", TYPE_A, 1);
	for (size_t cut = 1; cut < build.length; cut++) {
		uint8_t *copy = malloc(cut);

		assert_non_null(copy);
		memcpy(copy, build.bytes, cut);
		talk_begin_with(&talk, IPPROTO_UDP, PORT_MDNS, PORT_MDNS, NULL);
		packet = talk_packet(&talk, C, 0, copy, cut);
		packet.payload_length = (uint32_t)build.length;
		inspection_feed(talk.inspection, &talk.flow, FLOW_FROM_CLIENT, &packet, NULL, NULL,
				&talk.limits);
		assert_app(&talk, cut < 28 ? NULL : "mdns");
		assert_string_equal(talk.evidence->host, cut < 28 ? "" : "host.local");
		talk_end(&talk);
		free(copy);
	}
}

static void an_llmnr_query_gives_its_name(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_NONE, "WPAD", TYPE_A);
	assert_shows(50000, PORT_LLMNR, "llmnr", HOST_LLMNR, "wpad");
	assert_shows(50000, PORT_MDNS, "mdns", HOST_MDNS, "wpad");
}

static void an_llmnr_answer_is_llmnr(void **state)
{
	struct talk talk;

	(void)state;
	begin(&build, 7, 0x8100, "wpad", TYPE_A); /* tentative */
	add_address(&build, ANSWER, "wpad", "192.0.2.1", 30);
	talk_begin_with(&talk, IPPROTO_UDP, PORT_LLMNR, 50000, NULL);
	say(&talk, C, build.bytes, build.length);
	assert_app(&talk, "llmnr");
	assert_host(&talk, HOST_SOURCE_NONE, NULL);
	talk_end(&talk);
}

static void what_only_resembles_llmnr_is_refused(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_QUERY, "wpad", TYPE_A);
	assert_shows(50000, PORT_LLMNR, NULL, HOST_SOURCE_NONE, NULL);
	begin_empty(FLAGS_NONE);
	add_question("a", TYPE_A, 1);
	add_question("b", TYPE_A, 1);
	assert_shows(50000, PORT_LLMNR, NULL, HOST_SOURCE_NONE, NULL);
	begin(&build, 7, FLAGS_NONE, "wpad", TYPE_A);
	add_address(&build, ANSWER, "wpad", "192.0.2.1", 30);
	assert_shows(50000, PORT_LLMNR, NULL, HOST_SOURCE_NONE, NULL);
	begin_empty(FLAGS_NONE);
	add_question("a", TYPE_A, 0x8001);
	assert_shows(50000, PORT_LLMNR, NULL, HOST_SOURCE_NONE, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_mdns_query_gives_its_first_question),
		cmocka_unit_test(known_answers_and_probes_are_part_of_a_query),
		cmocka_unit_test(an_mdns_answer_gives_no_name),
		cmocka_unit_test(an_instance_is_no_host),
		cmocka_unit_test(a_one_shot_query_comes_from_any_port),
		cmocka_unit_test(a_query_may_set_the_authentic_data_bit),
		cmocka_unit_test(what_asks_for_recursion_is_dns),
		cmocka_unit_test(what_only_resembles_mdns_is_refused),
		cmocka_unit_test(a_capture_may_be_cut_behind_the_first_question),
		cmocka_unit_test(an_llmnr_query_gives_its_name),
		cmocka_unit_test(an_llmnr_answer_is_llmnr),
		cmocka_unit_test(what_only_resembles_llmnr_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mdns", tests, NULL, NULL);
}
