/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The meaning of marks, on real rules and real packets.
 */
#include "classify_support.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: www.video.example\r\n\r\n";

/* ---- header rules ---- */

static void header_rules_alone_make_every_flow_final_on_its_first_packet(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"mail\"; match = { proto = \"tcp\"; dport = [25, 465]; }; "
		"uplink = \"plain\"; } );");

	(void)state;
	assert_int_equal(syn(bench, 40000, 25), PLAIN);
	assert_int_equal(last(bench)->state, FLOW_FINAL);
	assert_int_equal(last(bench)->decided_packet, 1);
	assert_int_equal(syn(bench, 40001, 80), 0x7f);
	assert_int_equal(flow_rule(last(bench)), -1);
	assert_int_equal(bench->stats[0].hits, 1);
	bench_free(bench);
}

static void every_packet_of_a_decided_flow_carries_its_mark(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"mail\"; match = { dport = 25; }; uplink = \"plain\"; } );");

	(void)state;
	assert_int_equal(syn(bench, 40000, 25), PLAIN);
	assert_int_equal(reply(bench, 40000, 25, "220 ready\r\n"), PLAIN);
	assert_int_equal(data(bench, 40000, 25, 0, NULL, 0), PLAIN);
	assert_int_equal(data(bench, 40000, 25, 0, "EHLO\r\n", 6), PLAIN);
	bench_free(bench);
}

static void foreign_mark_bits_survive(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"mail\"; match = { dport = 25; }; uplink = \"plain\"; } );");
	struct segment segment = {
		.sport = 40000, .dport = 25, .flags = PACKET_TCP_SYN, .mark = 0xabcd0000};

	(void)state;
	assert_int_equal(send_packet(bench, &segment).mark, 0xabcd0001);
	segment.dport = 80;
	segment.mark = 0x00000100;
	assert_int_equal(send_packet(bench, &segment).mark, 0x0000017f);
	bench_free(bench);
}

static void a_drop_rule_gives_the_drop_value_or_drops_where_no_chain_does(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"no-telnet\"; match = { dport = 23; }; drop = true; } );");
	struct segment segment = {.sport = 1, .dport = 23, .flags = PACKET_TCP_SYN};

	(void)state;
	assert_int_equal(send_packet(bench, &segment).mark, 0x7d);
	assert_false(send_packet(bench, &segment).drop);
	bench->policy.drop_by_verdict = true;
	assert_true(send_packet(bench, &segment).drop);
	bench_free(bench);
}

static void a_rule_of_the_users_own_may_queue_originals_in_forward(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"mail\"; match = { dport = 25; }; uplink = \"plain\"; } );");
	struct segment segment = {
		.sport = 40000, .dport = 25, .flags = PACKET_TCP_SYN, .hook = PACKET_HOOK_FORWARD};

	(void)state;
	bench->policy.drop_by_verdict = true;
	send_packet(bench, &segment);
	assert_int_equal(last(bench)->value, PLAIN);
	bench_free(bench);
}

static void observe_leaves_every_mark_as_it_is(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"mail\"; match = { dport = 25; }; uplink = \"plain\"; } );");
	struct segment segment = {
		.sport = 40000, .dport = 25, .flags = PACKET_TCP_SYN, .mark = 0x12340000};

	(void)state;
	bench->policy.observe = true;
	assert_int_equal(send_packet(bench, &segment).mark, 0x12340000);
	assert_int_equal(last(bench)->value, PLAIN);
	bench_free(bench);
}

/* ---- open rules ---- */

#define VIDEO(uplink)                                                                             \
	"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = \"" uplink \
	"\"; } );"

static void a_name_rule_is_open_until_the_name_is_seen_and_moves_where_there_is_no_nat(void **state)
{
	struct bench *bench = bench_new(VIDEO("plain"));

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), 0x80);
	assert_int_equal(last(bench)->state, FLOW_PROVISIONAL);
	assert_int_equal(data(bench, 40000, 80, 0, request, 30), 0x80);
	assert_int_equal(data(bench, 40000, 80, 30, request + 30, sizeof(request) - 31), PLAIN);
	assert_int_equal(last(bench)->late, RULE_LATE_MOVE);
	assert_true(last(bench)->moved);
	assert_int_equal(last(bench)->decided_packet, 3);
	assert_string_equal(classify_info(bench->classifier, last(bench))->host,
			    "www.video.example");
	bench_free(bench);
}

static void with_nat_the_flow_keeps_its_line_and_the_rule_is_learned(void **state)
{
	struct bench *bench = bench_new(VIDEO("nated"));

	(void)state;
	syn(bench, 40000, 80);
	assert_int_equal(data(bench, 40000, 80, 0, request, sizeof(request) - 1), 0x7f);
	assert_int_equal(last(bench)->late, RULE_LATE_LEARN);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_false(last(bench)->moved);
	bench_free(bench);
}

static void a_header_rule_behind_an_open_name_rule_steers_from_the_first_packet(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = "
		"\"nated\"; }, { name = \"web\"; match = { dport = 80; }; uplink = \"plain\"; } "
		");");

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), 0x80 | PLAIN);
	/* the name is another: the open rule is refuted, and what it has becomes final */
	assert_int_equal(data(bench, 40000, 80, 0, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 35),
			 PLAIN);
	assert_int_equal(flow_rule(last(bench)), 1);
	assert_false(last(bench)->moved);
	bench_free(bench);
}

static void a_flow_on_a_nat_line_is_not_moved_off_it_by_default(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = "
		"\"plain\"; }, { name = \"web\"; match = { dport = 80; }; uplink = \"nated\"; } "
		");");

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), 0x80 | NATED);
	assert_int_equal(data(bench, 40000, 80, 0, request, sizeof(request) - 1), NATED);
	assert_int_equal(last(bench)->late, RULE_LATE_LEARN);
	bench_free(bench);
}

static void late_move_in_the_rule_is_obeyed_even_with_nat(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = "
		"\"nated\"; late = \"move\"; } );");

	(void)state;
	syn(bench, 40000, 80);
	assert_int_equal(data(bench, 40000, 80, 0, request, sizeof(request) - 1), NATED);
	assert_true(last(bench)->moved);
	bench_free(bench);
}

static void a_drop_behind_an_open_rule_waits_until_that_rule_is_refuted(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = "
		"\"plain\"; }, { name = \"rest\"; drop = true; } );");

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), 0x80);
	assert_int_equal(flow_rule(last(bench)), -1);
	assert_int_equal(data(bench, 40000, 80, 0, request, sizeof(request) - 1), PLAIN);
	assert_int_equal(syn(bench, 40001, 80), 0x80);
	assert_int_equal(data(bench, 40001, 80, 0, "\x01\x02\x03\x04 nothing known", 18), 0x7d);
	bench_free(bench);
}

static void what_is_no_known_protocol_is_refuted_at_once(void **state)
{
	struct bench *bench = bench_new(VIDEO("plain"));

	(void)state;
	syn(bench, 40000, 9999);
	assert_int_equal(data(bench, 40000, 9999, 0, "\x01\x02\x03\x04\x05\x06\x07\x08", 8), 0x7f);
	assert_int_equal(flow_rule(last(bench)), -1);
	assert_int_equal(last(bench)->late, RULE_LATE_NONE);
	bench_free(bench);
}

static void a_payload_pattern_is_matched_over_two_segments(void **state)
{
	struct bench *bench = bench_new("rules = ( { name = \"acme\"; match = { proto = \"tcp\"; "
					"payload = \"^ACME/[0-9]\"; }; mark = 7; } );");

	(void)state;
	syn(bench, 40000, 4000);
	assert_int_equal(data(bench, 40000, 4000, 0, "ACM", 3), 0x80);
	assert_int_equal(data(bench, 40000, 4000, 3, "E/2 hello", 9), 7);
	bench_free(bench);
}

static void limits_close_what_no_evidence_decides(void **state)
{
	struct bench *bench =
		bench_new("rules = ( { name = \"acme\"; match = { payload = \"ACME\"; "
			  "}; mark = 7; } );");
	uint32_t mark = 0;

	(void)state;
	syn(bench, 40000, 4000);
	for (uint32_t i = 0; i < 12; i++)
		mark = data(bench, 40000, 4000, i * 4, "zzzz", 4);
	assert_int_equal(mark, 0x7f);
	assert_int_equal(last(bench)->state, FLOW_FINAL);
	bench_free(bench);
}

/* ---- flows older than our knowledge of them ---- */

static void a_midstream_flow_is_decided_late_by_header_rules_too(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"mail\"; match = { dport = 25; }; uplink = \"nated\"; }, "
		"{ name = \"web\"; match = { dport = 80; }; uplink = \"plain\"; } );");

	(void)state;
	assert_int_equal(data(bench, 40000, 25, 0, "DATA\r\n", 6), 0x7f);
	assert_int_equal(last(bench)->late, RULE_LATE_LEARN);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_int_equal(data(bench, 40001, 80, 0, "x", 1), PLAIN);
	assert_int_equal(last(bench)->late, RULE_LATE_MOVE);
	bench_free(bench);
}

static void a_hint_makes_any_flow_late(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"voip\"; match = { dport = 5060; }; uplink = \"nated\"; } );");
	struct segment segment = {.proto = 17,
				  .sport = 5060,
				  .dport = 5060,
				  .payload = "x",
				  .length = 1,
				  .mark = 0xff00007e};

	(void)state;
	assert_int_equal(send_packet(bench, &segment).mark, 0xff00007f);
	assert_int_equal(last(bench)->late, RULE_LATE_LEARN);
	bench_free(bench);
}

/* The first was let pass by the kernel, by main and through its translation. */
static void a_first_packet_that_comes_again_is_late(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"mail\"; match = { dport = 25; }; uplink = \"nated\"; } );");
	struct segment segment = {
		.sport = 40000, .dport = 25, .flags = PACKET_TCP_SYN, .mark = 0xfe};

	(void)state;
	assert_int_equal(send_packet(bench, &segment).mark, 0x7f);
	assert_int_equal(last(bench)->late, RULE_LATE_LEARN);
	bench_free(bench);
}

static void a_flow_that_an_earlier_run_steered_keeps_its_line(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"web\"; match = { dport = 80; }; uplink = \"plain\"; late = "
		"\"learn\"; } );");
	struct segment segment = {.sport = 40000,
				  .dport = 80,
				  .flags = PACKET_TCP_ACK,
				  .seq = 77,
				  .mark = 0x80 | NATED};

	(void)state;
	assert_int_equal(send_packet(bench, &segment).mark, NATED);
	bench_free(bench);
}

static void a_final_mark_is_left_alone(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"web\"; match = { dport = 80; }; uplink = \"plain\"; } );");
	struct segment segment = {
		.sport = 40000, .dport = 80, .flags = PACKET_TCP_ACK, .seq = 77, .mark = NATED};

	(void)state;
	assert_int_equal(send_packet(bench, &segment).mark, NATED);
	bench_free(bench);
}

static void an_answer_seen_first_is_judged_as_the_flow_that_it_answers(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"mail\"; match = { src = \"10.0.0.0/8\"; dport = 25; }; "
		"uplink = \"plain\"; } );");

	(void)state;
	assert_int_equal(reply(bench, 40000, 25, "220 ready\r\n"), PLAIN);
	bench_free(bench);
}

/* ---- what the chains do with a mark ---- */

static void forwarded_dns_keeps_p_though_its_flow_is_final(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"blocked\"; match = { proto = \"tcp\"; dport = 53; }; "
		"drop = true; }, { name = \"dns\"; match = { dport = [25, 53]; }; uplink = "
		"\"plain\"; } );");
	struct segment question = {.sport = 40000, .dport = 53, .payload = "?", .length = 1};
	struct segment answer = {.reply = true, .sport = 53, .dport = 40000};

	(void)state;
	question.proto = answer.proto = 17;
	answer.hook = PACKET_HOOK_POSTROUTING;
	assert_int_equal(send_packet(bench, &question).mark, PLAIN);
	bench->policy.dns_keeps_p = true;
	assert_int_equal(send_packet(bench, &question).mark, 0x80 | PLAIN);
	assert_int_equal(last(bench)->state, FLOW_FINAL);
	answer.mark = 0x80 | PLAIN;
	assert_int_equal(send_packet(bench, &answer).mark, 0x80 | PLAIN);
	/* nothing else does: not what is no DNS, what is dropped, or what the router itself asks */
	assert_int_equal(syn(bench, 40001, 25), PLAIN);
	assert_int_equal(syn(bench, 40001, 53), 0x7d);
	question.hook = PACKET_HOOK_OUTPUT;
	answer.hook = PACKET_HOOK_INPUT;
	answer.mark = PLAIN;
	assert_int_equal(send_packet(bench, &question).mark, PLAIN);
	assert_int_equal(send_packet(bench, &answer).mark, PLAIN);
	bench_free(bench);
}

static void a_flow_without_an_uplink_keeps_the_nat_line_that_it_is_pinned_to(void **state)
{
	struct bench *bench = bench_new("");
	struct segment segment = {.sport = 40000, .dport = 53, .flags = PACKET_TCP_ACK};

	(void)state;
	bench->policy.dns_keeps_p = true;
	assert_int_equal(syn(bench, 40000, 53), 0xff);
	segment.mark = 0x80 | NATED;
	assert_int_equal(send_packet(bench, &segment).mark, 0x80 | NATED);
	segment.mark = 0xff;
	assert_int_equal(send_packet(bench, &segment).mark, 0xff);
	/* without NAT nothing is pinned */
	segment.mark = 0x80 | PLAIN;
	assert_int_equal(send_packet(bench, &segment).mark, 0xff);
	bench_free(bench);
}

static void what_was_moved_to_main_is_not_pinned_by_packets_on_their_way(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = "
		"\"main\"; late = \"move\"; }, { name = \"rest\"; uplink = \"nated\"; } );");
	struct segment segment = {
		.sport = 40000, .dport = 80, .flags = PACKET_TCP_ACK, .mark = 0x80 | NATED};

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), 0x80 | NATED);
	assert_int_equal(data(bench, 40000, 80, 0, request, sizeof(request) - 1), 0x7f);
	assert_int_equal(send_packet(bench, &segment).mark, 0x7f);
	bench_free(bench);
}

/* ---- reload, budget, reading on ---- */

static void a_reload_judges_open_flows_anew_and_leaves_final_ones(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = "
		"\"plain\"; }, { name = \"mail\"; match = { dport = 25; }; uplink = \"plain\"; } "
		");");
	struct ruleset *before = bench->rules;

	(void)state;
	syn(bench, 40000, 80);
	syn(bench, 40001, 25);
	reply(bench, 40001, 25, "nothing that anybody knows\r\n");
	assert_int_equal(last(bench)->state, FLOW_FINAL);
	bench_rules(bench,
		    "rules = ( { name = \"late-video\"; match = { host = \"video.example\"; }; "
		    "mark = 9; } );");
	ruleset_free(before);
	assert_int_equal(data(bench, 40000, 80, 0, request, sizeof(request) - 1), 9);
	assert_int_equal(reply(bench, 40001, 25, "nothing that anybody knows\r\n"), PLAIN);
	bench_free(bench);
}

static void past_the_memory_budget_flows_are_decided_by_what_is_known(void **state)
{
	struct bench *bench = bench_new(VIDEO("plain"));
	struct classifier_options options = {
		.flows_max = 1024,
		.timeouts = {7200, 180, 60},
		.inspect_bytes_max = 20000,
	};

	(void)state;
	classifier_free(bench->classifier);
	bench->classifier = classifier_new(&options, NULL, NULL);
	for (uint16_t port = 1; port <= 500; port++) {
		syn(bench, port, 80);
		data(bench, port, 80, 0, request, 1);
	}
	assert_true(classifier_stats(bench->classifier)->refused_memory > 400);
	/* the oldest was given up, the newest is still looked at */
	assert_int_equal(data(bench, 1, 80, 1, request + 1, sizeof(request) - 2), 0x7f);
	assert_int_equal(data(bench, 500, 80, 1, request + 1, sizeof(request) - 2), PLAIN);
	bench_free(bench);
}

static void a_flood_of_syns_takes_no_memory_from_those_that_speak(void **state)
{
	struct bench *bench = bench_new(VIDEO("plain"));
	struct classifier_options options = {
		.flows_max = 8192,
		.timeouts = {7200, 180, 60},
		.inspect_bytes_max = 2 << 20,
	};

	(void)state;
	classifier_free(bench->classifier);
	bench->classifier = classifier_new(&options, NULL, NULL);
	syn(bench, 40000, 80);
	data(bench, 40000, 80, 0, request, 1);
	for (uint16_t port = 1; port <= 4000; port++)
		syn(bench, port, 80);
	assert_int_equal(classifier_stats(bench->classifier)->refused_memory, 0);
	assert_int_equal(data(bench, 40000, 80, 1, request + 1, sizeof(request) - 2), PLAIN);
	/* each of them is looked at as soon as it speaks */
	assert_int_equal(data(bench, 4000, 80, 0, request, sizeof(request) - 1), PLAIN);
	bench_free(bench);
}

static void a_reload_while_a_connection_is_opened_is_judged_without_its_bytes(void **state)
{
	struct bench *bench = bench_new(VIDEO("plain"));
	struct ruleset *before = bench->rules;

	(void)state;
	syn(bench, 40000, 80);
	syn(bench, 40001, 80);
	bench_rules(
		bench,
		"rules = ( { name = \"acme\"; match = { payload = \"^ACME/[0-9]\"; }; mark = 8; }, "
		"{ name = \"web\"; match = { dport = 80; }; mark = 9; } );");
	ruleset_free(before);
	/* its line stays what it is as long as it is open */
	assert_int_equal(data(bench, 40000, 80, 0, "", 0), 0x80);
	assert_int_equal(data(bench, 40001, 80, 0, "ACME/1", 6), 8);
	bench_free(bench);
}

static void replay_reads_on_after_a_decision_and_the_decision_stays(void **state)
{
	struct bench *bench = bench_new(
		"rules = ( { name = \"web\"; match = { dport = 80; }; uplink = \"plain\"; } );");

	(void)state;
	bench->policy.inspect_decided = true;
	assert_int_equal(syn(bench, 40000, 80), PLAIN);
	assert_int_equal(data(bench, 40000, 80, 0, request, sizeof(request) - 1), PLAIN);
	assert_string_equal(classify_info(bench->classifier, last(bench))->host,
			    "www.video.example");
	assert_int_equal(last(bench)->decided_packet, 1);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_rules_alone_make_every_flow_final_on_its_first_packet),
		cmocka_unit_test(every_packet_of_a_decided_flow_carries_its_mark),
		cmocka_unit_test(foreign_mark_bits_survive),
		cmocka_unit_test(a_drop_rule_gives_the_drop_value_or_drops_where_no_chain_does),
		cmocka_unit_test(a_rule_of_the_users_own_may_queue_originals_in_forward),
		cmocka_unit_test(observe_leaves_every_mark_as_it_is),
		cmocka_unit_test(
			a_name_rule_is_open_until_the_name_is_seen_and_moves_where_there_is_no_nat),
		cmocka_unit_test(with_nat_the_flow_keeps_its_line_and_the_rule_is_learned),
		cmocka_unit_test(
			a_header_rule_behind_an_open_name_rule_steers_from_the_first_packet),
		cmocka_unit_test(a_flow_on_a_nat_line_is_not_moved_off_it_by_default),
		cmocka_unit_test(late_move_in_the_rule_is_obeyed_even_with_nat),
		cmocka_unit_test(a_drop_behind_an_open_rule_waits_until_that_rule_is_refuted),
		cmocka_unit_test(what_is_no_known_protocol_is_refuted_at_once),
		cmocka_unit_test(a_payload_pattern_is_matched_over_two_segments),
		cmocka_unit_test(limits_close_what_no_evidence_decides),
		cmocka_unit_test(a_midstream_flow_is_decided_late_by_header_rules_too),
		cmocka_unit_test(a_hint_makes_any_flow_late),
		cmocka_unit_test(a_first_packet_that_comes_again_is_late),
		cmocka_unit_test(a_flow_that_an_earlier_run_steered_keeps_its_line),
		cmocka_unit_test(a_final_mark_is_left_alone),
		cmocka_unit_test(an_answer_seen_first_is_judged_as_the_flow_that_it_answers),
		cmocka_unit_test(forwarded_dns_keeps_p_though_its_flow_is_final),
		cmocka_unit_test(a_flow_without_an_uplink_keeps_the_nat_line_that_it_is_pinned_to),
		cmocka_unit_test(what_was_moved_to_main_is_not_pinned_by_packets_on_their_way),
		cmocka_unit_test(a_reload_judges_open_flows_anew_and_leaves_final_ones),
		cmocka_unit_test(past_the_memory_budget_flows_are_decided_by_what_is_known),
		cmocka_unit_test(a_flood_of_syns_takes_no_memory_from_those_that_speak),
		cmocka_unit_test(a_reload_while_a_connection_is_opened_is_judged_without_its_bytes),
		cmocka_unit_test(replay_reads_on_after_a_decision_and_the_decision_stays),
	};

	return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
