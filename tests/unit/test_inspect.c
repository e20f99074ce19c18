/* SPDX-License-Identifier: GPL-2.0-or-later */
/* App names, and the inspection as a whole: when evidence closes, limits, layers, rebase. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../src/inspect/inspector.h"
#include "inspect_support.h"

/* ---- app names ---- */

static void builtin_names_have_fixed_numbers(void **state)
{
	const char *const *names = app_builtin_names();
	uint16_t next = 1;

	(void)state;
	for (; *names; names++, next++) {
		uint16_t app = app_find(*names);

		assert_int_not_equal(app, APP_NONE);
		assert_string_equal(app_name(app), *names);
		assert_true(app_is_builtin(app));
		assert_int_equal(app_intern(*names), app);
		assert_int_equal(app, next);
	}
	assert_int_equal(app_find("TLS"), app_find("tls"));
}

static void interned_names_keep_their_number(void **state)
{
	uint16_t first, second;

	(void)state;
	assert_int_equal(app_find("kazaa"), APP_NONE);
	first = app_intern("KaZaA");
	second = app_intern("gnutella");
	assert_int_not_equal(first, APP_NONE);
	assert_int_not_equal(first, second);
	assert_int_equal(app_find("kazaa"), first);
	assert_int_equal(app_intern("kazaa"), first);
	assert_string_equal(app_name(first), "kazaa");
	assert_false(app_is_builtin(first));
	assert_null(app_name(APP_NONE));
	assert_null(app_name(APP_MAX));
	assert_int_equal(app_intern(""), APP_NONE);
}

/* The words behind ".It Ic" in the manual page of apps. */
static unsigned documented_apps(const char *name)
{
	const char *source = getenv("WAYMARK_SRC");
	char path[512], line[256];
	unsigned count = 0;
	FILE *manual;

	snprintf(path, sizeof(path), "%s/man/waymark-apps.7", source ? source : ".");
	manual = fopen(path, "re");
	assert_non_null(manual);
	while (fgets(line, sizeof(line), manual)) {
		line[strcspn(line, "\n")] = '\0';
		count += !strncmp(line, ".It Ic ", 7) && (!name || !strcmp(line + 7, name));
	}
	fclose(manual);
	return count;
}

/* What it looks like, and what only looks like it (tests/pcap/apps). */
static void assert_has_captures(const char *app)
{
	const char *source = getenv("WAYMARK_SRC");
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/pcap/apps/%s/truth", source ? source : ".", app);
	if (access(path, R_OK) != 0)
		fail_msg("%s: no captures", app);
}

static void the_manual_has_every_app_once_and_each_has_captures(void **state)
{
	const char *const *names = app_builtin_names();
	const char *source = getenv("WAYMARK_SRC");
	unsigned count = 0;
	char path[512];
	glob_t files;

	(void)state;
	for (; *names; names++, count++) {
		assert_has_captures(*names);
		if (documented_apps(*names) != 1)
			fail_msg("%s: %u times in waymark-apps(7)", *names,
				 documented_apps(*names));
	}
	snprintf(path, sizeof(path), "%s/rules.d/*.pat", source ? source : ".");
	assert_int_equal(glob(path, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct diag_list diags = DIAG_LIST_INIT;
		struct pattern_file file;

		assert_int_equal(pattern_file_read(files.gl_pathv[i], &file, &diags), 0);
		assert_int_equal(documented_apps(file.name), 1);
		assert_has_captures(file.name);
		count += !app_is_builtin(app_find(file.name));
		pattern_file_release(&file);
		diag_list_release(&diags);
	}
	globfree(&files);
	assert_int_equal(documented_apps(NULL), count);
}

static void a_full_table_of_names_refuses_more(void **state)
{
	char name[32];
	unsigned added = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * APP_MAX; i++) {
		snprintf(name, sizeof(name), "filler-%u", i);
		added += app_intern(name) != APP_NONE;
	}
	assert_in_range(added, APP_MAX - INSPECTOR_COUNT - 100, APP_MAX - INSPECTOR_COUNT);
	assert_int_not_equal(app_find("filler-0"), APP_NONE);
	assert_int_equal(app_find("no-such-filler"), APP_NONE);
}

static void host_sources_have_names(void **state)
{
	(void)state;
	assert_null(host_source_name(HOST_SOURCE_NONE));
	assert_string_equal(host_source_name(HOST_TLS_ECH_OUTER), "tls-ech-outer");
	assert_string_equal(host_source_name(HOST_DNS_CACHE), "dns-cache");
}

/* ---- when evidence closes ---- */

static void unknown_first_bytes_close_everything_at_once(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, IPPROTO_TCP, 25);
	assert_all_open(&talk);
	assert_true(say_text(&talk, S, "hello, who are you?\r\n"));
	assert_app(&talk, NULL);
	assert_done(&talk);
	talk_end(&talk);

	talk_begin(&talk, IPPROTO_UDP, 9999);
	assert_true(say_text(&talk, C, "hello"));
	assert_done(&talk);
	talk_end(&talk);
}

static void a_single_first_byte_decides_nothing(void **state)
{
	static const char bytes[] = {0x16, 'G', 'S', 'H', 0};
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		talk_begin(&talk, IPPROTO_TCP, 80);
		say(&talk, C, bytes + i, 1);
		assert_app(&talk, NULL);
		assert_false(talk.evidence->apps_done);
		talk_end(&talk);
	}
	/* this is neither TLS nor DNS, but may become SSH, which has no name */
	talk_begin(&talk, IPPROTO_TCP, 80);
	say(&talk, C, "SSH-2.0", 7);
	assert_false(talk.evidence->apps_done);
	assert_true(talk.evidence->host_done);
	talk_end(&talk);
}

static void an_app_is_out_when_its_own_inspector_has_given_up(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, IPPROTO_TCP, 80);
	assert_false(evidence_app_out(talk.evidence, app_find("tls")));
	assert_true(evidence_app_out(talk.evidence, app_find("mdns"))); /* not over TCP */
	assert_true(evidence_app_out(talk.evidence, app_find("no-such-app")));
	/* SSH is waited for; that is nothing to a rule by TLS */
	say(&talk, C, "SSH-2.0", 7);
	assert_false(talk.evidence->apps_done);
	assert_true(evidence_app_out(talk.evidence, app_find("tls")));
	assert_false(evidence_app_out(talk.evidence, app_find("ssh")));
	talk_end(&talk);

	/* what another names as its content has no bytes of its own to wait for */
	talk_begin(&talk, IPPROTO_TCP, 80);
	assert_false(evidence_app_out(talk.evidence, app_find("webdav")));
	say_text(&talk, C, "LOCK /d HTTP/1.1\r\n");
	assert_false(evidence_app_out(talk.evidence, app_find("webdav")));
	say_text(&talk, C, "Host: d.example\r\n\r\n");
	assert_app(&talk, "webdav");
	talk_end(&talk);
	talk_begin(&talk, IPPROTO_UDP, 80);
	assert_true(evidence_app_out(talk.evidence, app_find("webdav")));
	talk_end(&talk);

	/* while a proxy may be spoken, anything may come inside */
	talk_begin(&talk, IPPROTO_TCP, 80);
	say(&talk, C, "\x05\x01", 2);
	assert_false(evidence_app_out(talk.evidence, app_find("socks")));
	assert_false(evidence_app_out(talk.evidence, app_find("tls")));
	talk_end(&talk);
}

static void packets_without_payload_change_nothing(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, IPPROTO_TCP, 443);
	for (unsigned i = 0; i < 100; i++)
		assert_false(say(&talk, C, NULL, 0));
	assert_all_open(&talk);
	talk_end(&talk);
}

static void limits_close_what_is_open(void **state)
{
	struct talk talk;

	(void)state;
	/* a gap at the start: nothing can be read, nothing is in mid-message */
	talk_begin(&talk, IPPROTO_TCP, 443);
	for (unsigned i = 1; i < 12; i++)
		say_at(&talk, C, 1000 + i, "x", 1);
	assert_all_open(&talk);
	assert_true(say_at(&talk, C, 2000, "x", 1));
	assert_done(&talk);
	talk_end(&talk);

	talk_begin(&talk, IPPROTO_TCP, 443);
	talk.limits.decide_bytes = 100;
	say_at(&talk, C, 1000, "123456789012345678901234567890123456789012345678901234567890", 60);
	assert_all_open(&talk);
	say_at(&talk, C, 2000, "123456789012345678901234567890123456789012345678901234567890", 60);
	assert_done(&talk);
	talk_end(&talk);
}

static void protocols_without_inspection_are_born_done(void **state)
{
	static const uint8_t protos[] = {IPPROTO_ICMP, IPPROTO_ESP, IPPROTO_GRE};
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < sizeof(protos); i++) {
		talk_begin(&talk, protos[i], 0);
		assert_done(&talk);
		assert_false(say_text(&talk, C, "GET / HTTP/1.1\r\n"));
		talk_end(&talk);
	}
	/* a fragment of TCP */
	talk_begin(&talk, IPPROTO_TCP, 0);
	inspection_free(talk.inspection);
	talk.inspection =
		inspection_new(&talk.flow, &(struct packet){.fragment = true}, NULL, NULL);
	talk.evidence = inspection_evidence(talk.inspection);
	assert_done(&talk);
	talk_end(&talk);
	/* SCTP is read by patterns alone */
	talk_begin(&talk, IPPROTO_SCTP, 5000);
	assert_done(&talk);
	talk_end(&talk);
}

static void closing_refutes_what_is_open_and_keeps_what_is_known(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, IPPROTO_TCP, 80);
	say_text(&talk, C, "GET / HTTP/1.1\r\nX: ");
	assert_false(talk.evidence->host_done);
	inspection_close(talk.inspection);
	assert_app(&talk, "http");
	assert_done(&talk);
	assert_false(say_text(&talk, C, "y\r\nHost: too.late\r\n"));
	assert_host(&talk, HOST_SOURCE_NONE, NULL);
	talk_end(&talk);
}

static void a_flow_seen_from_the_middle_waits_for_both_directions(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, IPPROTO_TCP, 80);
	talk.flow.midstream = true;
	inspection_free(talk.inspection);
	talk.inspection =
		inspection_new(&talk.flow, &(struct packet){.has_ports = true}, NULL, NULL);
	talk.evidence = inspection_evidence(talk.inspection);
	say_text(&talk, C, "the middle of a body");
	assert_all_open(&talk);
	say_text(&talk, S, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_app(&talk, "http");
	assert_done(&talk);
	talk_end(&talk);
}

/* ---- patterns within the inspection ---- */

static struct pattern_set *set_of(const struct pattern_source *sources, size_t count)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct pattern_set *set = pattern_set_new(sources, count, &diags);

	assert_non_null(set);
	assert_int_equal(diags.count, 0);
	diag_list_release(&diags);
	return set;
}

static bool hit(const struct talk *talk, size_t index)
{
	return talk->evidence->pattern_hit[index / 64] >> index % 64 & 1;
}

static bool out(const struct talk *talk, size_t index)
{
	return talk->evidence->pattern_out[index / 64] >> index % 64 & 1;
}

static void an_anchored_payload_is_out_when_both_directions_refute_it(void **state)
{
	struct pattern_source source = {
		.kind = PATTERN_PAYLOAD, .text = "^ACME/[0-9]", .wanted = true};
	struct pattern_set *set = set_of(&source, 1);
	struct talk talk;

	(void)state;
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 7, set);
	say_text(&talk, C, "ACME");
	assert_false(talk.evidence->patterns_done);
	say_text(&talk, S, "220 x");
	assert_false(talk.evidence->patterns_done);
	assert_true(say_text(&talk, C, "!"));
	assert_true(out(&talk, 0));
	assert_done(&talk);
	talk_end(&talk);

	talk_begin_with(&talk, IPPROTO_TCP, 40000, 7, set);
	say_text(&talk, S, "hello");
	say_text(&talk, C, "ACM");
	assert_true(say_text(&talk, C, "E/1"));
	assert_true(hit(&talk, 0));
	assert_false(out(&talk, 0));
	assert_app(&talk, NULL);
	assert_done(&talk);
	talk_end(&talk);
	pattern_set_free(set);
}

static void a_floating_payload_stays_open_until_the_limits(void **state)
{
	struct pattern_source source = {.kind = PATTERN_PAYLOAD, .text = "needle", .wanted = true};
	struct pattern_set *set = set_of(&source, 1);
	struct talk talk;

	(void)state;
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 7, set);
	for (unsigned i = 0; i < 11; i++)
		say_text(&talk, i & 1, "hay");
	assert_true(talk.evidence->apps_done);
	assert_false(talk.evidence->patterns_done);
	say_text(&talk, C, "hay");
	assert_true(out(&talk, 0));
	assert_done(&talk);
	talk_end(&talk);

	/* over segments, and on the very packet that reaches the limit */
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 7, set);
	talk.limits.decide_packets = 3;
	say_text(&talk, C, "ne");
	say_text(&talk, S, "edle");
	say_text(&talk, C, "edle");
	assert_true(hit(&talk, 0));
	assert_done(&talk);
	talk_end(&talk);
	pattern_set_free(set);
}

static void each_datagram_begins_anew_for_a_payload(void **state)
{
	struct pattern_source source = {.kind = PATTERN_PAYLOAD, .text = "^b", .wanted = true};
	struct pattern_set *set = set_of(&source, 1);
	struct talk talk;

	(void)state;
	talk_begin_with(&talk, IPPROTO_UDP, 40000, 7, set);
	say_text(&talk, C, "ab");
	say_text(&talk, S, "cb");
	assert_false(hit(&talk, 0));
	assert_false(talk.evidence->patterns_done);
	say_text(&talk, C, "bc");
	assert_true(hit(&talk, 0));
	assert_done(&talk);
	talk_end(&talk);

	talk_begin_with(&talk, IPPROTO_SCTP, 40000, 7, set);
	assert_false(talk.evidence->patterns_done);
	say_text(&talk, C, "bc");
	assert_true(hit(&talk, 0));
	talk_end(&talk);
	pattern_set_free(set);
}

static void an_l7_pattern_reads_both_directions_in_order_without_nuls(void **state)
{
	struct pattern_source source = {.kind = PATTERN_L7,
					.text = "^hello.world$",
					.app = app_intern("kazaa"),
					.wanted = true};
	struct pattern_set *set = set_of(&source, 1);
	struct talk talk;

	(void)state;
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 7, set);
	say(&talk, C, "\0HE\0", 4);
	say(&talk, S, "llo\n\0", 5);
	assert_false(hit(&talk, 0));
	say_at(&talk, C, 6, "r\0ld", 4);
	assert_false(hit(&talk, 0));
	say_at(&talk, C, 4, "WO", 2);
	assert_true(hit(&talk, 0));
	assert_app(&talk, "kazaa");
	assert_done(&talk);
	talk_end(&talk);
	pattern_set_free(set);
}

static void a_wanted_pattern_runs_inside_a_built_in_protocol(void **state)
{
	struct pattern_source source = {.kind = PATTERN_L7,
					.text = "/announce",
					.app = app_intern("kazaa"),
					.wanted = true};
	struct pattern_set *set = set_of(&source, 1);
	struct talk talk;

	(void)state;
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 80, set);
	say_text(&talk, C, "GET /ann");
	say_text(&talk, C, "ounce HTTP/1.1\r\nHost: t.example\r\n\r\n");
	assert_app(&talk, "kazaa");
	assert_true(evidence_has_app(talk.evidence, app_find("http")));
	assert_int_equal(talk.evidence->app[0], app_find("http"));
	assert_host(&talk, HOST_HTTP_HOST, "t.example");
	assert_done(&talk);
	talk_end(&talk);

	/* the pattern first, the built-in later: it still lies below */
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 80, set);
	say_text(&talk, C, "GET /announce");
	assert_app(&talk, "kazaa");
	assert_false(talk.evidence->apps_done);
	say_text(&talk, C, " HTTP/1.1\r\n");
	assert_int_equal(talk.evidence->app[0], app_find("http"));
	assert_app(&talk, "kazaa");
	talk_end(&talk);
	pattern_set_free(set);
}

static void an_unwanted_pattern_names_only_what_nobody_claims(void **state)
{
	struct pattern_source source = {
		.kind = PATTERN_L7, .text = "e", .app = app_intern("kazaa")};
	struct pattern_set *set = set_of(&source, 1);
	struct talk talk;

	(void)state;
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 80, set);
	assert_true(talk.evidence->patterns_done);
	say_text(&talk, C, "GET /e");
	assert_app(&talk, NULL);
	say_text(&talk, C, " HTTP/1.1\r\nHost: e.example\r\n");
	assert_app(&talk, "http");
	talk_end(&talk);

	talk_begin_with(&talk, IPPROTO_TCP, 40000, 80, set);
	say_text(&talk, S, "\xf5\xf6 here is nothing that anybody waits for \xf7\xf8");
	assert_app(&talk, "kazaa");
	assert_done(&talk);
	talk_end(&talk);
	pattern_set_free(set);
}

static void datagrams_are_kept_for_those_who_ask_for_them(void **state)
{
	struct pattern_source alone = {
		.kind = PATTERN_PAYLOAD, .text = "never[0-9]here", .wanted = true};
	struct pattern_source together = {
		.kind = PATTERN_L7, .text = "first.*last", .wanted = true};
	struct pattern_set *sets[] = {set_of(&alone, 1), set_of(&together, 1)};
	size_t most[2];
	uint8_t noise[1000];
	struct talk talk;

	(void)state;
	memset(noise, 0xf5, sizeof(noise));
	for (size_t i = 0; i < 2; i++) {
		talk_begin_with(&talk, IPPROTO_UDP, 40000, 7, sets[i]);
		say_text(&talk, C, "\xf5 first");
		for (unsigned n = 0; n < 10; n++)
			say(&talk, n % 2 ? S : C, noise, sizeof(noise));
		most[i] = inspection_bytes(talk.inspection);
		assert_false(hit(&talk, 0));
		say_text(&talk, S, i ? "and last" : "never7here");
		assert_true(hit(&talk, 0));
		talk_end(&talk);
	}
	assert_true(most[0] + 2048 <= most[1]);
	pattern_set_free(sets[0]);
	pattern_set_free(sets[1]);
}

static void a_rebase_runs_other_patterns_over_the_same_bytes(void **state)
{
	struct pattern_source before = {.kind = PATTERN_PAYLOAD, .text = "nothing", .wanted = true};
	struct pattern_source after[] = {
		{.kind = PATTERN_PAYLOAD, .text = "two$", .wanted = true},
		{.kind = PATTERN_L7, .text = "^one.*two", .wanted = true},
		{.kind = PATTERN_PAYLOAD, .text = "never", .wanted = true},
	};
	struct pattern_set *old = set_of(&before, 1), *new = set_of(after, 3);
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		talk_begin_with(&talk, protos[i], 40000, 7, old);
		say_text(&talk, S, "one");
		say_text(&talk, C, "two");
		inspection_rebase(talk.inspection, new);
		talk.patterns = new;
		assert_int_equal(talk.evidence->pattern_count, 3);
		assert_false(hit(&talk, 0));
		assert_true(say(&talk, C, NULL, 0)); /* a bare ACK is enough */
		assert_true(hit(&talk, 0));
		assert_true(hit(&talk, 1));
		assert_false(talk.evidence->patterns_done);
		inspection_rebase(talk.inspection, NULL);
		talk.patterns = NULL;
		assert_true(talk.evidence->patterns_done);
		assert_int_equal(talk.evidence->pattern_count, 0);
		assert_true(inspection_bytes(talk.inspection) > 2048);
		talk_end(&talk);
	}
	pattern_set_free(old);
	pattern_set_free(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builtin_names_have_fixed_numbers),
		cmocka_unit_test(interned_names_keep_their_number),
		cmocka_unit_test(host_sources_have_names),
		cmocka_unit_test(unknown_first_bytes_close_everything_at_once),
		cmocka_unit_test(a_single_first_byte_decides_nothing),
		cmocka_unit_test(an_app_is_out_when_its_own_inspector_has_given_up),
		cmocka_unit_test(packets_without_payload_change_nothing),
		cmocka_unit_test(limits_close_what_is_open),
		cmocka_unit_test(protocols_without_inspection_are_born_done),
		cmocka_unit_test(closing_refutes_what_is_open_and_keeps_what_is_known),
		cmocka_unit_test(a_flow_seen_from_the_middle_waits_for_both_directions),
		cmocka_unit_test(an_anchored_payload_is_out_when_both_directions_refute_it),
		cmocka_unit_test(a_floating_payload_stays_open_until_the_limits),
		cmocka_unit_test(each_datagram_begins_anew_for_a_payload),
		cmocka_unit_test(an_l7_pattern_reads_both_directions_in_order_without_nuls),
		cmocka_unit_test(a_wanted_pattern_runs_inside_a_built_in_protocol),
		cmocka_unit_test(an_unwanted_pattern_names_only_what_nobody_claims),
		cmocka_unit_test(datagrams_are_kept_for_those_who_ask_for_them),
		cmocka_unit_test(a_rebase_runs_other_patterns_over_the_same_bytes),
		cmocka_unit_test(the_manual_has_every_app_once_and_each_has_captures),
		cmocka_unit_test(a_full_table_of_names_refuses_more), /* last: it fills the table */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
