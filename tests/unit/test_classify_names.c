/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names cache at work: what DNS and earlier flows told gives the next flow its line on its
 * first packet, and what the flow shows then confirms it or corrects it.
 */
#include "classify_support.h"

static const uint8_t server[4] = {192, 0, 2, 9}, client[4] = {10, 0, 0, 2},
		     other[4] = {10, 0, 0, 3};

#define VIDEO(uplink)                                                                             \
	"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = \"" uplink \
	"\"; } );"
#define VIDEO_THEN_WEB                                                                   \
	"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = " \
	"\"nated\"; }, { name = \"web\"; match = { dport = 80; }; uplink = \"plain\"; } );"

static struct bench *bench_with_names(const char *rules)
{
	struct bench *bench = bench_new(rules);

	bench_remember(bench);
	return bench;
}

/* `who` was told that `host` is at the server. */
static void answered(struct bench *bench, const uint8_t who[4], const char *host, uint32_t ttl_s)
{
	struct ip_addr asker = ip_v4(who), address = ip_v4(server);

	names_add_answer(bench->names, &asker, host, strlen(host), &address, ttl_s,
			 bench->now_us += 1000);
}

/* Other rules from now on. */
static void reload_rules(struct bench *bench, const char *rules)
{
	struct ruleset *before = bench->rules;

	bench_rules(bench, rules);
	ruleset_free(before);
}

static uint32_t ask_for(struct bench *bench, uint16_t sport, const char *host)
{
	char text[256];
	int length = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);

	return data(bench, sport, 80, 0, text, (size_t)length);
}

static uint32_t datagram(struct bench *bench, uint16_t sport, uint16_t dport, const char *text)
{
	struct segment segment = {.sport = sport,
				  .dport = dport,
				  .payload = text,
				  .length = strlen(text),
				  .proto = 17};

	return send_packet(bench, &segment).mark;
}

static void an_answer_gives_the_first_packet_its_line(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));

	(void)state;
	answered(bench, client, "www.video.example", 300);
	assert_int_equal(syn(bench, 40000, 80), 0x80 | NATED);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_int_equal(ask_for(bench, 40000, "www.video.example"), NATED);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_int_equal(last(bench)->state, FLOW_FINAL);
	assert_int_equal(last(bench)->late, RULE_LATE_LEARN);
	assert_false(last(bench)->moved);
	assert_int_equal(classifier_stats(bench->classifier)->guessed, 1);
	assert_int_equal(classifier_stats(bench->classifier)->guessed_right, 1);
	bench_free(bench);
}

static void an_answer_that_has_expired_gives_nothing(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));

	(void)state;
	answered(bench, client, "www.video.example", 300);
	bench->now_us += 301 * UINT64_C(1000000);
	assert_int_equal(syn(bench, 40000, 80), 0x80);
	bench_free(bench);
}

static void an_earlier_rule_that_is_not_expected_stays_open_and_may_still_win(void **state)
{
	struct bench *bench = bench_with_names(
		"rules = ( { name = \"shop\"; match = { host = \"shop.example\"; }; uplink = "
		"\"plain\"; late = \"move\"; }, { name = \"video\"; match = { host = "
		"\"video.example\"; }; uplink = \"nated\"; } );");

	(void)state;
	answered(bench, client, "www.video.example", 300);
	assert_int_equal(syn(bench, 40000, 80), 0x80 | NATED);
	assert_int_equal(flow_rule(last(bench)), 1);
	assert_int_equal(ask_for(bench, 40000, "shop.example"), PLAIN);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_int_equal(classifier_stats(bench->classifier)->guessed_wrong, 1);
	bench_free(bench);
}

static void a_wrong_guess_on_a_nat_line_stays_there(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));

	(void)state;
	answered(bench, client, "www.video.example", 300);
	assert_int_equal(syn(bench, 40000, 80), 0x80 | NATED);
	assert_int_equal(ask_for(bench, 40000, "www.news.example"), NATED);
	assert_int_equal(flow_rule(last(bench)), -1);
	assert_false(last(bench)->moved);
	bench_free(bench);
}

static void a_wrong_guess_without_nat_goes_back_to_main(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("plain"));

	(void)state;
	answered(bench, client, "www.video.example", 300);
	assert_int_equal(syn(bench, 40000, 80), 0x80 | PLAIN);
	assert_int_equal(ask_for(bench, 40000, "www.news.example"), 0x7f);
	assert_int_equal(flow_rule(last(bench)), -1);
	assert_true(last(bench)->moved);
	bench_free(bench);
}

static void a_wrong_guess_before_a_header_rule_keeps_its_nat_line(void **state)
{
	struct bench *bench = bench_with_names(VIDEO_THEN_WEB);

	(void)state;
	answered(bench, client, "www.video.example", 300);
	assert_int_equal(syn(bench, 40000, 80), 0x80 | NATED);
	assert_int_equal(ask_for(bench, 40000, "www.news.example"), NATED);
	assert_int_equal(flow_rule(last(bench)), 1);
	assert_int_equal(last(bench)->late, RULE_LATE_LEARN);
	bench_free(bench);
}

static void the_name_that_a_flow_showed_steers_the_next_one(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), 0x80);
	assert_int_equal(ask_for(bench, 40000, "www.video.example"), 0x7f);
	assert_int_equal(syn(bench, 40001, 80), 0x80 | NATED);
	assert_int_equal(ask_for(bench, 40001, "www.video.example"), NATED);
	/* another port is another service */
	assert_int_equal(syn(bench, 40002, 81), 0x80);
	bench_free(bench);
}

static void what_a_proxy_is_asked_for_is_not_learned_of_the_proxy(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));
	static const char request[] =
		"GET http://www.video.example/ HTTP/1.1\r\nHost: www.video.example\r\n\r\n";

	(void)state;
	syn(bench, 40000, 3128);
	data(bench, 40000, 3128, 0, request, sizeof(request) - 1);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_int_equal(syn(bench, 40001, 3128), 0x80);
	bench_free(bench);
}

static void a_shared_address_follows_the_newest_of_what_its_client_knows(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));

	(void)state;
	answered(bench, client, "www.video.example", 300);
	answered(bench, client, "www.news.example", 300);
	assert_int_equal(syn(bench, 40000, 80), 0x80);
	/* what it shows corrects it */
	ask_for(bench, 40000, "www.video.example");
	assert_int_equal(syn(bench, 40001, 80), 0x80 | NATED);
	answered(bench, client, "www.news.example", 300);
	assert_int_equal(syn(bench, 40002, 80), 0x80);
	bench_free(bench);
}

static void another_clients_answer_counts_only_where_the_client_has_none(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));

	(void)state;
	answered(bench, other, "www.video.example", 300);
	assert_int_equal(syn(bench, 40000, 80), 0x80 | NATED);
	answered(bench, client, "www.news.example", 300);
	answered(bench, other, "www.video.example", 300);
	assert_int_equal(syn(bench, 40001, 80), 0x80);
	bench->policy.names_per_client = false;
	assert_int_equal(syn(bench, 40002, 80), 0x80 | NATED);
	bench_free(bench);
}

static void a_flow_that_never_shows_a_name_has_the_one_of_its_answer(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));

	(void)state;
	answered(bench, client, "game.video.example", 300);
	assert_int_equal(datagram(bench, 40000, 7777, "\x01\x02\x03hello"), NATED);
	assert_int_equal(last(bench)->state, FLOW_FINAL);
	assert_int_equal(last(bench)->decided_packet, 1);
	assert_int_equal(last(bench)->late, RULE_LATE_NONE);
	assert_string_equal(classify_info(bench->classifier, last(bench))->host, "game.video.example");
	assert_int_equal(classify_info(bench->classifier, last(bench))->host_source, HOST_DNS_CACHE);
	bench_free(bench);
}

static void a_server_that_speaks_first_keeps_the_name_of_its_answer(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));

	(void)state;
	answered(bench, client, "ssh.video.example", 300);
	assert_int_equal(syn(bench, 40000, 22), 0x80 | NATED);
	data(bench, 40000, 22, 0, "SSH-2.0-OpenSSH_9.2\r\n", 21);
	assert_int_equal(reply(bench, 40000, 22, "SSH-2.0-OpenSSH_9.2\r\n"), NATED);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_string_equal(classify_info(bench->classifier, last(bench))->host, "ssh.video.example");
	bench_free(bench);
}

static void a_name_seen_by_another_flow_is_no_name_of_this_one(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));

	(void)state;
	syn(bench, 40000, 80);
	ask_for(bench, 40000, "www.video.example");
	assert_int_equal(syn(bench, 40001, 80), 0x80 | NATED);
	/* HTTP without a host: refuted, and kept where it is since the line has NAT */
	assert_int_equal(data(bench, 40001, 80, 0, "GET / HTTP/1.0\r\n\r\n", 18), NATED);
	assert_int_equal(flow_rule(last(bench)), -1);
	assert_null(classify_info(bench->classifier, last(bench))->host);
	bench_free(bench);
}

static void a_pattern_that_decided_late_steers_the_next_flow_to_that_server(void **state)
{
	struct bench *bench = bench_with_names(
		"rules = ( { name = \"acme\"; match = { payload = \"^ACME/[0-9]\"; }; uplink = "
		"\"nated\"; } );");

	(void)state;
	assert_int_equal(syn(bench, 40000, 9000), 0x80);
	assert_int_equal(data(bench, 40000, 9000, 0, "ACME/1 hello\r\n", 14), 0x7f);
	assert_int_equal(last(bench)->late, RULE_LATE_LEARN);
	assert_int_equal(syn(bench, 40001, 9000), 0x80 | NATED);
	assert_int_equal(data(bench, 40001, 9000, 0, "ACME/1 hello\r\n", 14), NATED);
	/* the same name with another pattern is another rule */
	reload_rules(bench, "rules = ( { name = \"acme\"; match = { payload = \"^ACMF/[0-9]\"; }; "
			    "uplink = \"nated\"; } );");
	assert_int_equal(syn(bench, 40002, 9000), 0x80);
	bench_free(bench);
}

static void an_app_that_decided_late_steers_the_next_flow_to_that_server(void **state)
{
	struct bench *bench = bench_with_names("rules = ( { name = \"shell\"; match = { app = "
					       "\"ssh\"; }; uplink = \"nated\"; } );");

	(void)state;
	assert_int_equal(syn(bench, 40000, 2222), 0x80);
	data(bench, 40000, 2222, 0, "SSH-2.0-OpenSSH_9.2\r\n", 21);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_int_equal(last(bench)->value, 0x7f);
	/* a rule of another name that asks for the same app profits too */
	reload_rules(bench,
		     "rules = ( { name = \"any-shell\"; match = { app = \"ssh\"; }; uplink = "
		     "\"nated\"; } );");
	assert_int_equal(syn(bench, 40001, 2222), 0x80 | NATED);
	bench_free(bench);
}

/* A ClientHello with the name and an outer encrypted_client_hello, real or for show. */
static size_t ech_hello(uint8_t bytes[256], const char *name)
{
	size_t length = strlen(name), at = 9 + 34 + 1 + 4 + 2 + 2, begin = at;

	memset(bytes, 0, 256);
	put16(bytes + at, 0);			     /* server_name */
	put16(bytes + at + 2, (unsigned)length + 5); /* one host_name */
	put16(bytes + at + 4, (unsigned)length + 3);
	put16(bytes + at + 7, (unsigned)length);
	memcpy(bytes + at + 9, name, length);
	at += 9 + length;
	put16(bytes + at, 0xfe0d);
	put16(bytes + at + 2, 10 + 32 + 64);
	put16(bytes + at + 4 + 6, 32);
	put16(bytes + at + 4 + 8 + 32, 64);
	at += 4 + 10 + 32 + 64;
	put16(bytes + begin - 2, (unsigned)(at - begin));
	memcpy(bytes, "\x16\x03\x01", 3);
	put16(bytes + 3, (unsigned)(at - 5));
	bytes[5] = 1;
	put16(bytes + 7, (unsigned)(at - 9));
	put16(bytes + 9, 0x0303);
	put16(bytes + 44, 2); /* one cipher suite */
	bytes[48] = 1;	      /* one compression method, null */
	return at;
}

static void behind_an_outer_name_stands_what_dns_gave_if_it_offers_ech(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));
	uint8_t hello[256];
	size_t length = ech_hello(hello, "public.example");

	(void)state;
	answered(bench, client, "www.video.example", 300);
	names_add_ech(bench->names, "www.video.example", 17, 300, bench->now_us);
	for (uint16_t sport = 40000; sport < 40003; sport++) {
		assert_int_equal(syn(bench, sport, 443), 0x80 | NATED);
		assert_int_equal(data(bench, sport, 443, 0, hello, length), NATED);
		assert_int_equal(flow_rule(last(bench)), 0);
		assert_string_equal(classify_info(bench->classifier, last(bench))->host, "public.example");
		assert_int_equal(classify_info(bench->classifier, last(bench))->host_source, HOST_TLS_ECH_OUTER);
	}
	bench_free(bench);
}

static void an_ech_extension_alone_proves_nothing(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("plain"));
	uint8_t hello[256];
	size_t length = ech_hello(hello, "www.news.example");

	(void)state;
	answered(bench, client, "www.video.example", 300);
	assert_int_equal(syn(bench, 40000, 443), 0x80 | PLAIN);
	assert_int_equal(data(bench, 40000, 443, 0, hello, length), 0x7f);
	assert_int_equal(flow_rule(last(bench)), -1);
	/* and its name is learnt like any other */
	length = ech_hello(hello, "www.video.example");
	syn(bench, 40001, 443);
	data(bench, 40001, 443, 0, hello, length);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_int_equal(syn(bench, 40002, 443), 0x80 | PLAIN);
	bench_free(bench);
}

static void a_drop_that_is_only_expected_waits(void **state)
{
	struct bench *bench = bench_with_names("rules = ( { name = \"ads\"; match = { host = "
					       "\"ads.example\"; }; drop = true; } );");

	(void)state;
	answered(bench, client, "ads.example", 300);
	assert_int_equal(syn(bench, 40000, 80), 0x80);
	assert_int_equal(flow_rule(last(bench)), -1);
	assert_int_equal(ask_for(bench, 40000, "ads.example"), 0x7d);
	bench_free(bench);
}

static void a_flow_older_than_our_knowledge_is_never_moved_by_a_guess(void **state)
{
	struct bench *bench = bench_with_names(VIDEO("nated"));
	struct segment segment = {
		.sport = 40000, .dport = 80, .flags = PACKET_TCP_ACK, .seq = 77, .mark = 0x7e};

	(void)state;
	answered(bench, client, "www.video.example", 300);
	assert_int_equal(send_packet(bench, &segment).mark, 0x80);
	assert_int_equal(flow_rule(last(bench)), -1);
	bench_free(bench);
}

static void a_negated_name_is_guessed_too(void **state)
{
	struct bench *bench = bench_with_names(
		"rules = ( { name = \"rest\"; match = { proto = \"tcp\"; not = { host = "
		"\"video.example\"; }; }; uplink = \"nated\"; } );");

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), 0x80);
	answered(bench, client, "www.news.example", 300);
	assert_int_equal(syn(bench, 40001, 80), 0x80 | NATED);
	answered(bench, client, "www.video.example", 300);
	assert_int_equal(syn(bench, 40002, 80), 0x80);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_gives_the_first_packet_its_line),
		cmocka_unit_test(an_answer_that_has_expired_gives_nothing),
		cmocka_unit_test(an_earlier_rule_that_is_not_expected_stays_open_and_may_still_win),
		cmocka_unit_test(a_wrong_guess_on_a_nat_line_stays_there),
		cmocka_unit_test(a_wrong_guess_without_nat_goes_back_to_main),
		cmocka_unit_test(a_wrong_guess_before_a_header_rule_keeps_its_nat_line),
		cmocka_unit_test(the_name_that_a_flow_showed_steers_the_next_one),
		cmocka_unit_test(what_a_proxy_is_asked_for_is_not_learned_of_the_proxy),
		cmocka_unit_test(a_shared_address_follows_the_newest_of_what_its_client_knows),
		cmocka_unit_test(another_clients_answer_counts_only_where_the_client_has_none),
		cmocka_unit_test(a_flow_that_never_shows_a_name_has_the_one_of_its_answer),
		cmocka_unit_test(a_server_that_speaks_first_keeps_the_name_of_its_answer),
		cmocka_unit_test(a_name_seen_by_another_flow_is_no_name_of_this_one),
		cmocka_unit_test(a_pattern_that_decided_late_steers_the_next_flow_to_that_server),
		cmocka_unit_test(an_app_that_decided_late_steers_the_next_flow_to_that_server),
		cmocka_unit_test(behind_an_outer_name_stands_what_dns_gave_if_it_offers_ech),
		cmocka_unit_test(an_ech_extension_alone_proves_nothing),
		cmocka_unit_test(a_drop_that_is_only_expected_waits),
		cmocka_unit_test(a_flow_older_than_our_knowledge_is_never_moved_by_a_guess),
		cmocka_unit_test(a_negated_name_is_guessed_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
