/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS messages: what an answer gives to the name that was asked for, and what it may not give. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <waymark/dns.h>

#include "dns_build.h"

static struct dns_build build;
static struct dns_message message;

/* From a copy of exact size, so that reading past it is seen by the sanitizers. */
static int read_bytes(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	int ret;

	assert_non_null(copy);
	if (length)
		memcpy(copy, bytes, length);
	memset(&message, 0xa5, sizeof(message));
	ret = dns_message_read(copy, length, &message);
	free(copy);
	return ret;
}

static int read_built(void)
{
	return read_bytes(build.bytes, build.length);
}

static void assert_address(size_t index, const char *text, uint32_t ttl_s)
{
	char buffer[IP_TEXT_SIZE];

	assert_true(index < message.address_count);
	assert_string_equal(ip_format(&message.addresses[index].address, buffer), text);
	assert_int_equal(message.addresses[index].ttl_s, ttl_s);
}

/* The built answer gives this one address. */
static void assert_only(const char *text, uint32_t ttl_s)
{
	assert_int_equal(read_built(), 0);
	assert_int_equal(message.address_count, 1);
	assert_address(0, text, ttl_s);
}

static void assert_nothing(void)
{
	assert_int_equal(read_built(), 0);
	assert_int_equal(message.address_count, 0);
}

/* ---- the question ---- */

static void a_query_gives_its_question_folded(void **state)
{
	(void)state;
	begin(&build, 0x1234, FLAGS_QUERY, "wWw.ExAmPlE.oRg", TYPE_AAAA);
	assert_nothing();
	assert_int_equal(message.id, 0x1234);
	assert_false(message.response);
	assert_false(message.truncated);
	assert_int_equal(message.qtype, TYPE_AAAA);
	assert_int_equal(message.qclass, 1);
	assert_string_equal(message.question, "www.example.org");
	assert_int_equal(message.question_length, 15);
	assert_string_equal(message.host, "www.example.org");
	assert_int_equal(message.host_length, 15);
}

static void a_name_may_be_as_long_as_names_are(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	name[253] = '\0';
	begin(&build, 1, FLAGS_ANSWER, name, TYPE_A);
	add_address(&build, ANSWER, name, "192.0.2.1", 60);
	assert_only("192.0.2.1", 60);
	assert_int_equal(message.host_length, 253);
	name[253] = 'a';
	name[254] = '\0';
	begin(&build, 1, FLAGS_ANSWER, name, TYPE_A);
	assert_int_equal(read_built(), -EBADMSG);
}

static void a_name_that_is_no_text_is_no_host(void **state)
{
	static const char *const names[] = {"www.exam ple.org", "www.\x01.org", "caf\xc3\xa9.org",
					    "", "del\x7f.org"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		begin(&build, 1, FLAGS_ANSWER, names[i], TYPE_A);
		add_address(&build, ANSWER, names[i], "192.0.2.1", 60);
		assert_nothing();
		assert_int_equal(message.host_length, 0);
		assert_int_equal(message.question_length, strlen(names[i]));
	}
}

static void a_dot_inside_a_label_is_no_host(void **state)
{
	(void)state;
	begin(&build, 1, FLAGS_ANSWER, "wwwxexample.org", TYPE_A);
	build.bytes[16] = '.';
	put_pointer(&build, 12);
	put_record(&build, ANSWER, TYPE_A, 60, "\xc0\x00\x02\x01", 4);
	assert_nothing();
	assert_int_equal(message.host_length, 0);
	assert_string_equal(message.question, "www.example.org");
}

static void attribute_labels_are_no_part_of_the_host(void **state)
{
	(void)state;
	begin(&build, 1, FLAGS_QUERY, "_8443._https.www.example.org", TYPE_HTTPS);
	assert_nothing();
	assert_string_equal(message.question, "_8443._https.www.example.org");
	assert_string_equal(message.host, "www.example.org");
	begin(&build, 1, FLAGS_QUERY, "_dns._udp", TYPE_SVCB);
	assert_nothing();
	assert_int_equal(message.host_length, 0);
	/* they mean something to service bindings only */
	begin(&build, 1, FLAGS_QUERY, "_x.example.org", TYPE_A);
	assert_nothing();
	assert_string_equal(message.host, "_x.example.org");
}

/* ---- answers ---- */

static void an_answer_gives_its_addresses(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 300);
	put_pointer(&build, 12);
	put_record(&build, ANSWER, TYPE_A, 200, "\xc0\x00\x02\x02", 4);
	assert_int_equal(read_built(), 0);
	assert_true(message.response);
	assert_int_equal(message.address_count, 2);
	assert_address(0, "192.0.2.1", 300);
	assert_address(1, "192.0.2.2", 200);

	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_AAAA);
	add_address(&build, ANSWER, "WWW.Example.ORG", "2001:db8::1", 300);
	assert_only("2001:db8::1", 300);
}

static void an_answer_to_any_gives_both_families(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_ANY);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 300);
	add_address(&build, ANSWER, "www.example.org", "2001:db8::1", 300);
	assert_int_equal(read_built(), 0);
	assert_int_equal(message.address_count, 2);
}

static void chains_are_followed_in_any_order(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_cname(&build, ANSWER, "www.example.org", "a.cdn.example", 500);
	add_cname(&build, ANSWER, "a.cdn.example", "b.cdn.example", 50);
	add_address(&build, ANSWER, "b.cdn.example", "192.0.2.1", 300);
	assert_only("192.0.2.1", 50);
	assert_string_equal(message.host, "www.example.org");

	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_address(&build, ANSWER, "c.cdn.example", "192.0.2.1", 300);
	add_cname(&build, ANSWER, "b.cdn.example", "c.cdn.example", 70);
	add_cname(&build, ANSWER, "A.cdn.example", "B.cdn.example", 60);
	add_cname(&build, ANSWER, "www.example.org", "a.CDN.example", 500);
	assert_only("192.0.2.1", 60);
}

static void a_chain_may_use_pointers_into_other_records(void **state)
{
	size_t target;

	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	put_pointer(&build, 12);
	target = build.length + 10;
	/* "cdn" and the question's "example.org" */
	put_record(&build, ANSWER, TYPE_CNAME, 90,
		   "\x03"
		   "cdn\xc0\x10",
		   6);
	put_pointer(&build, target);
	put_record(&build, ANSWER, TYPE_A, 100, "\xc0\x00\x02\x01", 4);
	assert_only("192.0.2.1", 90);
}

static void a_ring_of_names_ends(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "a.example", TYPE_A);
	add_cname(&build, ANSWER, "a.example", "b.example", 5);
	add_cname(&build, ANSWER, "b.example", "a.example", 5);
	add_cname(&build, ANSWER, "b.example", "b.example", 5);
	assert_nothing();
	add_address(&build, ANSWER, "b.example", "192.0.2.1", 300);
	assert_only("192.0.2.1", 5);
}

static void a_chain_too_long_gives_nothing(void **state)
{
	char owner[32], target[32];

	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "n0.example", TYPE_A);
	for (int i = 0; i < 40; i++) {
		snprintf(owner, sizeof(owner), "n%d.example", i);
		snprintf(target, sizeof(target), "n%d.example", i + 1);
		add_cname(&build, ANSWER, owner, target, 5);
	}
	add_address(&build, ANSWER, "n40.example", "192.0.2.1", 300);
	assert_nothing();
	add_address(&build, ANSWER, "n16.example", "192.0.2.2", 300);
	assert_only("192.0.2.2", 5);
}

static void a_ttl_with_the_top_bit_is_zero(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 0x80000001);
	assert_only("192.0.2.1", 0);
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 0x7fffffff);
	assert_only("192.0.2.1", 0x7fffffff);
}

static void an_address_given_twice_counts_once(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 30);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 90);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 60);
	assert_only("192.0.2.1", 90);
}

static void no_more_addresses_than_there_is_room_for(void **state)
{
	char text[32];

	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		add_address(&build, ANSWER, "www.example.org", text, 60);
	}
	assert_int_equal(read_built(), 0);
	assert_int_equal(message.address_count, DNS_ADDRESSES_MAX);
	assert_address(63, "192.0.2.63", 60);
}

static void an_answer_that_says_no_gives_nothing(void **state)
{
	(void)state;
	for (uint16_t rcode = 1; rcode < 16; rcode++) {
		begin(&build, 7, FLAGS_ANSWER | rcode, "www.example.org", TYPE_A);
		add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 60);
		assert_nothing();
		assert_int_equal(message.rcode, rcode);
	}
}

static void a_truncated_answer_gives_nothing(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER | FLAGS_TRUNCATED, "www.example.org", TYPE_A);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 60);
	assert_nothing();
	assert_true(message.truncated);
	build.length -= 3; /* some cut within a record */
	assert_nothing();
}

static void unknown_records_are_stepped_over(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_HTTPS);
	put_name(&build, "www.example.org");
	put_record(&build, ANSWER, 46, 60, "a signature", 11);
	put_name(&build, "www.example.org");
	put_record(&build, ANSWER, 65400, 60, NULL, 0);
	add_service(&build, ANSWER, TYPE_HTTPS, "www.example.org", 1, "",
		    "\0\4\0\4\xc0\x00\x02\x01", 8, 60);
	put_name(&build, "");
	put_record(&build, ADDITIONAL, TYPE_OPT, 0, "\0\x0a\0\2ab", 6);
	put_name(&build, "key.example");
	put_record(&build, ADDITIONAL, TYPE_TSIG, 0, "whatever", 8);
	assert_only("192.0.2.1", 60);
}

/* ---- what an answer may not give ---- */

static void addresses_of_other_names_are_left_out(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_address(&build, ANSWER, "bank.example", "192.0.2.66", 60);
	add_address(&build, ANSWER, "example.org", "192.0.2.66", 60);
	add_address(&build, ANSWER, "x.www.example.org", "192.0.2.66", 60);
	add_cname(&build, ANSWER, "other.example", "bank.example", 60);
	add_cname(&build, ANSWER, "bank.example", "www.example.org", 60);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 60);
	assert_only("192.0.2.1", 60);
}

static void other_sections_give_no_addresses(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_cname(&build, AUTHORITY, "www.example.org", "bank.example", 60);
	add_address(&build, AUTHORITY, "www.example.org", "192.0.2.66", 60);
	add_address(&build, ADDITIONAL, "www.example.org", "192.0.2.67", 60);
	assert_nothing();
	/* a service binding has its targets' addresses beside it, but not in the authority section
	 */
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, "www.example.org", 1, "", NULL, 0, 60);
	add_address(&build, AUTHORITY, "www.example.org", "192.0.2.66", 60);
	add_address(&build, ADDITIONAL, "bank.example", "192.0.2.67", 60);
	assert_nothing();
}

static void records_of_another_type_or_class_are_left_out(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_address(&build, ANSWER, "www.example.org", "2001:db8::1", 60);
	add_service(&build, ANSWER, TYPE_HTTPS, "www.example.org", 1, "",
		    "\0\4\0\4\xc0\x00\x02\x01", 8, 60);
	put_name(&build, "www.example.org");
	put_record(&build, ANSWER, TYPE_A, 60, "\xc0\x00\x02\x01\x05", 5);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.3", 60);
	build.bytes[build.length - 11] = 3; /* class CHAOS */
	assert_nothing();
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_TXT);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 60);
	assert_nothing();
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	build.bytes[build.length - 1] = 3;
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 60);
	assert_nothing();
}

static void a_query_gives_no_addresses(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_QUERY, "www.example.org", TYPE_A);
	add_address(&build, ANSWER, "www.example.org", "192.0.2.1", 60);
	assert_nothing();
}

/* ---- service bindings ---- */

static void hints_are_addresses(void **state)
{
	static const char params[] = "\0\1\0\3\2h2\0\4\0\10\xc0\x00\x02\x01\xc0\x00\x02\x02"
				     "\0\6\0\20\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1";

	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, "www.example.org", 1, "", params,
		    sizeof(params) - 1, 300);
	assert_int_equal(read_built(), 0);
	assert_int_equal(message.address_count, 3);
	assert_address(0, "192.0.2.1", 300);
	assert_address(1, "192.0.2.2", 300);
	assert_address(2, "2001:db8::1", 300);
}

static void an_offer_of_ech_is_told_with_its_time(void **state)
{
	static const char params[] = "\0\4\0\4\xc0\x00\x02\x01\0\5\0\4\xfe\x0d\0\0";

	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, "www.example.org", 1, "", params,
		    sizeof(params) - 1, 300);
	assert_int_equal(read_built(), 0);
	assert_true(message.ech);
	assert_int_equal(message.ech_ttl_s, 300);
	/* another's record, and an empty list, offer nothing */
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, "bank.example", 1, "", params, sizeof(params) - 1,
		    300);
	add_service(&build, ANSWER, TYPE_HTTPS, "www.example.org", 1, "", "\0\5\0\0", 4, 300);
	assert_int_equal(read_built(), 0);
	assert_false(message.ech);
}

static void hints_behind_a_chain_belong_to_the_question(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "_8443._https.www.example.org", TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, "b.cdn.example", 1, "", "\0\4\0\4\xc0\x00\x02\x01",
		    8, 300);
	add_cname(&build, ANSWER, "_8443._https.www.example.org", "b.cdn.example", 100);
	add_service(&build, ANSWER, TYPE_HTTPS, "bank.example", 1, "", "\0\4\0\4\xc0\x00\x02\x42",
		    8, 300);
	assert_only("192.0.2.1", 100);
	assert_string_equal(message.host, "www.example.org");
}

static void a_targets_addresses_stand_in_the_additional_section(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, "www.example.org", 1, "svc.example", NULL, 0, 80);
	add_address(&build, ADDITIONAL, "svc.example", "192.0.2.1", 300);
	assert_only("192.0.2.1", 80);

	/* AliasMode, to a name that is an alias itself and has its binding beside it */
	begin(&build, 7, FLAGS_ANSWER, "example.org", TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, "example.org", 0, "pool.example", NULL, 0, 500);
	add_cname(&build, ADDITIONAL, "pool.example", "p1.example", 400);
	add_service(&build, ADDITIONAL, TYPE_HTTPS, "p1.example", 1, "", "\0\4\0\4\xc0\x00\x02\x01",
		    8, 450);
	add_address(&build, ADDITIONAL, "p1.example", "2001:db8::1", 300);
	assert_int_equal(read_built(), 0);
	assert_int_equal(message.address_count, 2);
	assert_address(0, "192.0.2.1", 400);
	assert_address(1, "2001:db8::1", 300);
}

static void an_alias_has_no_hints(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_HTTPS);
	add_service(&build, ANSWER, TYPE_HTTPS, "www.example.org", 0, "",
		    "\0\4\0\4\xc0\x00\x02\x01", 8, 60);
	assert_nothing();
}

static void broken_bindings_give_nothing(void **state)
{
	static const struct {
		const char *params;
		size_t length;
	} broken[] = {
		{"\0\4\0\5\xc0\x00\x02\x01\x01", 9}, /* no whole address */
		{"\0\4\0\7\xc0\x00\x02\x01", 8},     /* longer than the record */
		{"\0\4\0", 3},
		{"\0\6\0\4\xc0\x00\x02\x01", 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_HTTPS);
		add_service(&build, ANSWER, TYPE_HTTPS, "www.example.org", 1, "", broken[i].params,
			    broken[i].length, 60);
		assert_nothing();
	}
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_HTTPS);
	put_pointer(&build, 12);
	put_record(&build, ANSWER, TYPE_HTTPS, 60, "\0\1", 2);
	put_pointer(&build, 12);
	put_record(&build, ANSWER, TYPE_HTTPS, 60, "\0\1\5abc", 6);
	put_pointer(&build, 12);
	put_record(&build, ANSWER, TYPE_HTTPS, 60, "\0\1\xc0\x0c\0\4\0\4\xc0\x00\x02\x01", 12);
	assert_nothing();
}

/* ---- hostile bytes ---- */

static void other_messages_are_refused(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_QUERY, "www.example.org", TYPE_A);
	build.bytes[5] = 0;
	assert_int_equal(read_built(), -EBADMSG);
	build.bytes[5] = 2;
	assert_int_equal(read_built(), -EBADMSG);
	build.bytes[5] = 1;
	build.bytes[2] |= 5 << 3; /* update */
	assert_int_equal(read_built(), -EBADMSG);
}

static void a_message_cut_anywhere_is_refused(void **state)
{
	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	add_cname(&build, ANSWER, "www.example.org", "a.cdn.example", 60);
	add_address(&build, ANSWER, "a.cdn.example", "192.0.2.1", 60);
	for (size_t length = 0; length < build.length; length++)
		assert_int_equal(read_bytes(build.bytes, length), -EBADMSG);
	assert_only("192.0.2.1", 60);
	dns_put(&build, "trailing bytes", 14);
	assert_only("192.0.2.1", 60);
}

static void pointers_lead_backwards(void **state)
{
	size_t owner;

	(void)state;
	begin(&build, 7, FLAGS_QUERY, "", TYPE_A);
	build.bytes[12] = 0xc0; /* a pointer as the question's name */
	put_number(&build, 0, 4);
	assert_int_equal(read_built(), -EBADMSG);

	for (int target = -2; target <= 2; target++) { /* to itself, around, forwards */
		begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
		owner = build.length;
		put_number(&build, 1, 1);
		dns_put(&build, "a", 1);
		put_pointer(&build, (size_t)((int)owner + 2 + target));
		put_record(&build, ANSWER, TYPE_A, 60, "\xc0\x00\x02\x01", 4);
		assert_int_equal(read_built(), -EBADMSG);
	}
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A); /* into the header */
	put_pointer(&build, 4);
	put_record(&build, ANSWER, TYPE_A, 60, "\xc0\x00\x02\x01", 4);
	assert_int_equal(read_built(), -EBADMSG);
}

static void long_chains_of_pointers_are_refused(void **state)
{
	size_t last = 12;

	(void)state;
	begin(&build, 7, FLAGS_ANSWER, "www.example.org", TYPE_A);
	put_name(&build, "x");
	put_number(&build, TYPE_TXT, 2);
	put_number(&build, 1, 2);
	put_number(&build, 60, 4);
	put_number(&build, 2000, 2);
	count_record(&build, ANSWER);
	for (int i = 0; i < 1000; i++) {
		size_t at = build.length;

		put_pointer(&build, last);
		last = at;
	}
	put_pointer(&build, last);
	put_record(&build, ANSWER, TYPE_A, 60, "\xc0\x00\x02\x01", 4);
	assert_int_equal(read_built(), -EBADMSG);
}

static void the_largest_message_is_read_in_bounds(void **state)
{
	(void)state;
	/* every record costs the reader all that a record can: a long name, by pointers */
	begin(&build, 7, FLAGS_ANSWER, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z",
	      TYPE_A);
	while (build.length < 65000) {
		put_pointer(&build, 12);
		put_record(&build, ANSWER, TYPE_CNAME, 60, "\xc0\x0e", 2);
	}
	assert_nothing();
	while (build.length < sizeof(build.bytes))
		put_number(&build, 0, 1);
	assert_int_equal(read_built(), -EBADMSG); /* one byte more than a message has */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_gives_its_question_folded),
		cmocka_unit_test(a_name_may_be_as_long_as_names_are),
		cmocka_unit_test(a_name_that_is_no_text_is_no_host),
		cmocka_unit_test(a_dot_inside_a_label_is_no_host),
		cmocka_unit_test(attribute_labels_are_no_part_of_the_host),
		cmocka_unit_test(an_answer_gives_its_addresses),
		cmocka_unit_test(an_answer_to_any_gives_both_families),
		cmocka_unit_test(chains_are_followed_in_any_order),
		cmocka_unit_test(a_chain_may_use_pointers_into_other_records),
		cmocka_unit_test(a_ring_of_names_ends),
		cmocka_unit_test(a_chain_too_long_gives_nothing),
		cmocka_unit_test(a_ttl_with_the_top_bit_is_zero),
		cmocka_unit_test(an_address_given_twice_counts_once),
		cmocka_unit_test(no_more_addresses_than_there_is_room_for),
		cmocka_unit_test(an_answer_that_says_no_gives_nothing),
		cmocka_unit_test(a_truncated_answer_gives_nothing),
		cmocka_unit_test(unknown_records_are_stepped_over),
		cmocka_unit_test(addresses_of_other_names_are_left_out),
		cmocka_unit_test(other_sections_give_no_addresses),
		cmocka_unit_test(records_of_another_type_or_class_are_left_out),
		cmocka_unit_test(a_query_gives_no_addresses),
		cmocka_unit_test(hints_are_addresses),
		cmocka_unit_test(an_offer_of_ech_is_told_with_its_time),
		cmocka_unit_test(hints_behind_a_chain_belong_to_the_question),
		cmocka_unit_test(a_targets_addresses_stand_in_the_additional_section),
		cmocka_unit_test(an_alias_has_no_hints),
		cmocka_unit_test(broken_bindings_give_nothing),
		cmocka_unit_test(other_messages_are_refused),
		cmocka_unit_test(a_message_cut_anywhere_is_refused),
		cmocka_unit_test(pointers_lead_backwards),
		cmocka_unit_test(long_chains_of_pointers_are_refused),
		cmocka_unit_test(the_largest_message_is_read_in_bounds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
