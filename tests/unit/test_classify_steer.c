/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows of uplinks that come and go: what a new one takes, what an old one keeps, and when
 * a decision is void.
 */
#include "classify_support.h"

static const char video[] = "GET / HTTP/1.1\r\nHost: www.video.example\r\n\r\n";
static const char news[] = "GET / HTTP/1.1\r\nHost: www.news.example\r\n\r\n";

#define WEB(target) \
	"rules = ( { name = \"web\"; match = { dport = 80; }; uplink = \"" target "\"; } );"
#define VIDEO_THEN_WEB(first, late, second)                                                      \
	"rules = ( { name = \"video\"; match = { host = \"video.example\"; }; uplink = \"" first \
	"\"; " late "}, { name = \"web\"; match = { dport = 80; }; uplink = \"" second "\"; } );"

static void use(struct bench *bench, uint32_t value, enum steer_use how)
{
	steer_state_set_use(bench->steer_state, value, how);
}

/* As the daemon does it when a line fails. */
static void lose(struct bench *bench, uint32_t value)
{
	use(bench, value, STEER_LOST);
	steer_state_forget(bench->steer_state, value);
}

static uint32_t datagram(struct bench *bench, uint16_t sport, uint32_t mark)
{
	struct segment segment = {
		.sport = sport,
		.dport = 80,
		.payload = "?",
		.length = 1,
		.proto = 17,
		.mark = mark,
	};

	return send_packet(bench, &segment).mark;
}

static uint32_t syn_with(struct bench *bench, uint16_t sport, uint32_t mark)
{
	struct segment segment = {
		.sport = sport, .dport = 80, .flags = PACKET_TCP_SYN, .seq = 999, .mark = mark};

	return send_packet(bench, &segment).mark;
}

/* ---- what a new flow takes, and keeps ---- */

static void flows_share_a_group_and_each_keeps_its_member(void **state)
{
	struct bench *bench = bench_new(WEB("both"));
	uint32_t marks[100];
	unsigned plain = 0;

	(void)state;
	for (uint16_t i = 0; i < 100; i++) {
		marks[i] = syn(bench, 40000 + i, 80);
		assert_true(marks[i] == PLAIN || marks[i] == OTHER);
		plain += marks[i] == PLAIN;
	}
	assert_in_range(plain, 48, 52);
	use(bench, PLAIN, STEER_DRAINED);
	for (uint16_t i = 0; i < 100; i++) {
		assert_int_equal(data(bench, 40000 + i, 80, 0, "x", 1), marks[i]);
		assert_int_equal(reply(bench, 40000 + i, 80, "y"), marks[i]);
		assert_int_equal(syn(bench, 50000 + i, 80), OTHER);
	}
	assert_int_equal(classifier_stats(bench->classifier)->moved, 0);
	bench_free(bench);
}

static void connections_of_a_source_stay_together_where_the_group_says_so(void **state)
{
	struct bench *bench = bench_new(WEB("source"));
	uint32_t first = syn(bench, 40000, 80);

	(void)state;
	for (uint16_t i = 1; i < 50; i++)
		assert_int_equal(syn(bench, 40000 + i, 80), first);
	use(bench, first, STEER_DRAINED);
	assert_int_equal(syn(bench, 41000, 80), first == PLAIN ? OTHER : PLAIN);
	bench_free(bench);
}

static void a_lost_line_is_taken_by_no_new_flow_and_kept_by_old_ones(void **state)
{
	struct bench *bench = bench_new(WEB("plain"));

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), PLAIN);
	use(bench, PLAIN, STEER_LOST);
	assert_int_equal(syn(bench, 40001, 80), OTHER);
	assert_int_equal(data(bench, 40000, 80, 0, "x", 1), PLAIN);
	use(bench, OTHER, STEER_LOST);
	assert_int_equal(syn(bench, 40002, 80), NATED);
	use(bench, NATED, STEER_LOST);
	assert_int_equal(syn(bench, 40003, 80), 0x7f);
	/* failback: new flows only */
	use(bench, PLAIN, STEER_USABLE);
	assert_int_equal(syn(bench, 40004, 80), PLAIN);
	assert_int_equal(data(bench, 40001, 80, 0, "x", 1), OTHER);
	assert_int_equal(data(bench, 40003, 80, 0, "x", 1), 0x7f);
	bench_free(bench);
}

static void a_flow_behind_an_open_rule_takes_one_turn_and_keeps_what_it_got(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("nated", "", "both"));
	struct bench *alone = bench_new(WEB("both"));

	(void)state;
	for (uint16_t i = 0; i < 20; i++) {
		uint32_t mark = syn(bench, 40000 + i, 80);

		/* the same turns as if no rule had been open */
		assert_int_equal(mark, 0x80 | syn(alone, 40000 + i, 80));
		assert_int_equal(data(bench, 40000 + i, 80, 0, news, 20), mark);
		assert_int_equal(data(bench, 40000 + i, 80, 20, news + 20, sizeof(news) - 21),
				 mark & 0x7f);
		assert_int_equal(last(bench)->state, FLOW_FINAL);
		assert_int_equal(flow_rule(last(bench)), 1);
		assert_false(last(bench)->moved);
	}
	bench_free(alone);
	bench_free(bench);
}

static void a_blocked_flow_goes_nowhere_also_behind_an_open_rule(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("plain", "", "vpn"));

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), 0x80 | VPN);
	use(bench, VPN, STEER_LOST);
	assert_int_equal(syn(bench, 40001, 80), 0x80 | VPN); /* its table refuses */
	use(bench, VPN, STEER_DRAINED);
	assert_int_equal(syn(bench, 40002, 80), 0x80 | 0x7d); /* its table would lead on */
	bench_free(bench);
}

/* ---- late decisions ---- */

static void a_late_move_within_the_group_is_none(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("both", "late = \"move\"; ", "both"));

	(void)state;
	for (uint16_t i = 0; i < 8; i++) {
		uint32_t mark = syn(bench, 40000 + i, 80) & 0x7f;

		assert_int_equal(data(bench, 40000 + i, 80, 0, video, sizeof(video) - 1), mark);
		assert_int_equal(flow_rule(last(bench)), 0);
		assert_int_equal(last(bench)->late, RULE_LATE_MOVE);
		assert_false(last(bench)->moved);
	}
	/* of a member that takes no new flow it is moved away */
	uint32_t mark = syn(bench, 41000, 80) & 0x7f;
	use(bench, mark, STEER_DRAINED);
	assert_int_equal(data(bench, 41000, 80, 0, video, sizeof(video) - 1),
			 mark == PLAIN ? OTHER : PLAIN);
	assert_true(last(bench)->moved);
	bench_free(bench);
}

static void a_late_move_takes_a_member(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("both", "", "main"));
	unsigned plain = 0;

	(void)state;
	for (uint16_t i = 0; i < 20; i++) {
		uint32_t mark;

		assert_int_equal(syn(bench, 40000 + i, 80), 0xff);
		mark = data(bench, 40000 + i, 80, 0, video, sizeof(video) - 1);
		assert_true(mark == PLAIN || mark == OTHER);
		assert_true(last(bench)->moved);
		plain += mark == PLAIN;
	}
	assert_in_range(plain, 9, 11);
	bench_free(bench);
}

static void no_flow_is_moved_to_a_translating_stand_in_unless_the_rule_says_so(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("other", "", "main"));

	(void)state;
	use(bench, OTHER, STEER_LOST);
	syn(bench, 40000, 80);
	assert_int_equal(data(bench, 40000, 80, 0, video, sizeof(video) - 1), 0x7f);
	assert_int_equal(last(bench)->late, RULE_LATE_LEARN);
	assert_int_equal(flow_rule(last(bench)), 0);
	bench_free(bench);

	bench = bench_new(VIDEO_THEN_WEB("other", "late = \"move\"; ", "main"));
	use(bench, OTHER, STEER_LOST);
	syn(bench, 40000, 80);
	assert_int_equal(data(bench, 40000, 80, 0, video, sizeof(video) - 1), NATED);
	assert_true(last(bench)->moved);
	bench_free(bench);
}

static void a_late_move_to_main_by_on_down_is_none_for_a_flow_on_main(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("nated", "late = \"move\"; ", "main"));

	(void)state;
	use(bench, NATED, STEER_LOST);
	syn(bench, 40000, 80);
	assert_int_equal(data(bench, 40000, 80, 0, video, sizeof(video) - 1), 0x7f);
	assert_int_equal(flow_rule(last(bench)), 0);
	assert_false(last(bench)->moved);
	bench_free(bench);
}

static void what_translates_is_asked_of_the_member_that_the_flow_has(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("other", "", "mixed"));
	bool seen[4] = {false};

	(void)state;
	for (uint16_t i = 0; i < 4; i++) {
		uint32_t member = syn(bench, 40000 + i, 80) & 0x7f;
		uint32_t mark = data(bench, 40000 + i, 80, 0, video, sizeof(video) - 1);

		assert_true(member == PLAIN || member == NATED);
		seen[member] = true;
		assert_int_equal(mark, member == PLAIN ? OTHER : NATED);
		assert_int_equal(last(bench)->late,
				 member == PLAIN ? RULE_LATE_MOVE : RULE_LATE_LEARN);
	}
	assert_true(seen[PLAIN] && seen[NATED]);
	bench_free(bench);
}

/* ---- void decisions ---- */

static void a_flow_of_a_forgotten_value_begins_anew_with_its_next_packet(void **state)
{
	struct bench *bench = bench_new(WEB("plain"));
	const struct flow_table_stats *stats =
		flow_table_stats(classifier_flows(bench->classifier));
	uint32_t number;

	(void)state;
	assert_int_equal(datagram(bench, 40000, 0), PLAIN);
	number = last(bench)->number;
	lose(bench, PLAIN);
	assert_int_equal(datagram(bench, 40001, 0), OTHER);
	assert_int_equal(datagram(bench, 40000, 0), OTHER);
	assert_int_not_equal(last(bench)->number, number);
	assert_int_equal(last(bench)->decided_packet, 1);
	assert_int_equal(last(bench)->packets_seen, 1);
	assert_false(last(bench)->moved);
	assert_false(last(bench)->older);
	assert_int_equal(stats->restarted, 1);
	assert_int_equal(flow_table_count(classifier_flows(bench->classifier)), 2);
	/* what was decided since is not void, nor is what another line has */
	number = last(bench)->number;
	assert_int_equal(datagram(bench, 40000, 0), OTHER);
	steer_state_forget(bench->steer_state, NATED);
	assert_int_equal(datagram(bench, 40000, 0), OTHER);
	assert_int_equal(last(bench)->number, number);
	/* it is asked for again after many others were forgotten */
	steer_state_forget(bench->steer_state, OTHER);
	steer_state_forget(bench->steer_state, NATED);
	use(bench, PLAIN, STEER_USABLE);
	assert_int_equal(datagram(bench, 40000, 0), PLAIN);
	assert_int_equal(stats->restarted, 2);
	bench_free(bench);
}

static void a_connection_of_a_forgotten_value_is_older_than_what_we_know(void **state)
{
	struct bench *bench = bench_new(WEB("plain"));

	(void)state;
	syn(bench, 40000, 80);
	lose(bench, PLAIN);
	assert_int_equal(data(bench, 40000, 80, 0, "x", 1), OTHER);
	assert_true(last(bench)->older);
	assert_int_equal(last(bench)->late, RULE_LATE_MOVE);
	bench_free(bench);

	/* its SYN once more: the connection was not open yet */
	bench = bench_new(WEB("plain"));
	syn(bench, 40000, 80);
	lose(bench, PLAIN);
	assert_int_equal(syn(bench, 40000, 80), OTHER);
	assert_false(last(bench)->older);
	assert_int_equal(last(bench)->late, RULE_LATE_NONE);
	bench_free(bench);
}

static void an_open_flow_of_a_forgotten_value_begins_anew_and_is_inspected(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("other", "", "plain"));

	(void)state;
	assert_int_equal(syn(bench, 40000, 80), 0x80 | PLAIN);
	assert_int_equal(data(bench, 40000, 80, 0, news, 20), 0x80 | PLAIN);
	lose(bench, PLAIN);
	assert_int_equal(syn(bench, 40000, 80), 0x80 | OTHER);
	assert_int_equal(data(bench, 40000, 80, 0, news, sizeof(news) - 1), OTHER);
	assert_int_equal(flow_rule(last(bench)), 1);
	assert_string_equal(classify_info(bench->classifier, last(bench))->host, "www.news.example");
	bench_free(bench);
}

static void what_still_carries_a_lost_value_keeps_it_until_its_entry_is_removed(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("other", "", "plain"));

	(void)state;
	assert_int_equal(syn_with(bench, 40000, 0), 0x80 | PLAIN);
	lose(bench, PLAIN);
	/* this one was queued before: its entry, and the translation there, goes by this value */
	assert_int_equal(syn_with(bench, 40000, 0x80 | PLAIN), 0x80 | PLAIN);
	assert_int_equal(syn_with(bench, 40000, 0xab00 | 0x80 | PLAIN), 0xab00 | 0x80 | PLAIN);
	assert_int_equal(syn_with(bench, 40000, 0) & 0x7f, OTHER);
	bench_free(bench);
}

static void a_forgotten_mark_of_a_line_that_works_says_nothing(void **state)
{
	struct bench *bench = bench_new(VIDEO_THEN_WEB("other", "", "plain"));

	(void)state;
	assert_int_equal(syn_with(bench, 40000, 0), 0x80 | PLAIN);
	/* a reload gave the value another meaning; new rules choose anew, by the headers at once */
	steer_state_forget(bench->steer_state, PLAIN);
	ruleset_free(bench->rules);
	bench_rules(bench, WEB("nated"));
	assert_int_equal(syn_with(bench, 40000, 0x80 | PLAIN), NATED);
	assert_false(last(bench)->older);
	assert_int_equal(last(bench)->late, RULE_LATE_NONE);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_share_a_group_and_each_keeps_its_member),
		cmocka_unit_test(connections_of_a_source_stay_together_where_the_group_says_so),
		cmocka_unit_test(a_lost_line_is_taken_by_no_new_flow_and_kept_by_old_ones),
		cmocka_unit_test(a_flow_behind_an_open_rule_takes_one_turn_and_keeps_what_it_got),
		cmocka_unit_test(a_blocked_flow_goes_nowhere_also_behind_an_open_rule),
		cmocka_unit_test(a_late_move_within_the_group_is_none),
		cmocka_unit_test(a_late_move_takes_a_member),
		cmocka_unit_test(
			no_flow_is_moved_to_a_translating_stand_in_unless_the_rule_says_so),
		cmocka_unit_test(a_late_move_to_main_by_on_down_is_none_for_a_flow_on_main),
		cmocka_unit_test(what_translates_is_asked_of_the_member_that_the_flow_has),
		cmocka_unit_test(a_flow_of_a_forgotten_value_begins_anew_with_its_next_packet),
		cmocka_unit_test(a_connection_of_a_forgotten_value_is_older_than_what_we_know),
		cmocka_unit_test(an_open_flow_of_a_forgotten_value_begins_anew_and_is_inspected),
		cmocka_unit_test(
			what_still_carries_a_lost_value_keeps_it_until_its_entry_is_removed),
		cmocka_unit_test(a_forgotten_mark_of_a_line_that_works_says_nothing),
	};

	return cmocka_run_group_tests_name("classify steer", tests, NULL, NULL);
}
