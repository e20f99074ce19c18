/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <waymark/arena.h>
#include <waymark/diag.h>
#include <waymark/hash.h>
#include <waymark/ip.h>
#include <waymark/mark.h>

static void a_finding_names_file_line_and_severity(void **state)
{
	struct diag_list list = DIAG_LIST_INIT;
	char text[256];

	(void)state;
	diag_error(&list, "waymark.conf", 12, "uplink '%s': unknown interface '%s'", "lte",
		   "wwan9");
	diag_warning(&list, "waymark.conf", 0, "about the file");
	diag_note(&list, NULL, 0, "about nothing");
	assert_int_equal(list.errors, 1);
	assert_int_equal(list.warnings, 1);
	diag_format(&list.items[0], text, sizeof(text));
	assert_string_equal(text, "waymark.conf:12: uplink 'lte': unknown interface 'wwan9'");
	diag_format(&list.items[1], text, sizeof(text));
	assert_string_equal(text, "waymark.conf: warning: about the file");
	diag_format(&list.items[2], text, sizeof(text));
	assert_string_equal(text, "note: about nothing");
	diag_list_release(&list);
}

static void moving_findings_keeps_order_and_counts(void **state)
{
	struct diag_list to = DIAG_LIST_INIT, from = DIAG_LIST_INIT;

	(void)state;
	diag_error(&to, NULL, 0, "first");
	for (int i = 0; i < 20; i++)
		diag_error(&from, NULL, 0, "number %d", i);
	diag_list_move(&to, &from);
	assert_int_equal(to.errors, 21);
	assert_int_equal(from.count, 0);
	assert_string_equal(to.items[20].message, "number 19");
	diag_list_release(&to);
}

static void the_nearest_word_is_found_and_far_ones_are_not(void **state)
{
	static const char *const known[] = {"gateway", "gateway6", "interface", "table", NULL};

	(void)state;
	assert_string_equal(diag_nearest("gatewy", known), "gateway");
	assert_string_equal(diag_nearest("interfcae", known), "interface");
	assert_null(diag_nearest("zebra", known));
	assert_null(diag_nearest("x", known));
}

static void an_arena_gives_zeroed_aligned_memory(void **state)
{
	struct arena arena;
	size_t total = 0;

	(void)state;
	arena_init(&arena);
	for (size_t size = 0; size < 200000; size = size * 3 + 1) {
		unsigned char *bytes = arena_alloc(&arena, size);

		assert_non_null(bytes);
		assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(bytes[i], 0);
		memset(bytes, 0xff, size);
		total += size;
	}
	assert_true(arena.total_bytes >= total);
	assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
	assert_string_equal(arena_printf(&arena, "%s-%d", "a", 7), "a-7");
	assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
	arena_release(&arena);
}

static void addresses_are_read_and_written(void **state)
{
	struct ip_addr addr;
	char text[IP_TEXT_SIZE];

	(void)state;
	assert_true(ip_parse("192.0.2.9", &addr));
	assert_int_equal(addr.family, IP_V4);
	assert_string_equal(ip_format(&addr, text), "192.0.2.9");
	assert_true(ip_parse("2001:db8::1", &addr));
	assert_string_equal(ip_format(&addr, text), "2001:db8::1");
	assert_false(ip_parse("192.0.2", &addr));
	assert_false(ip_parse("", &addr));
	assert_false(ip_parse("host", &addr));
}

static bool in(const char *address, const char *range_text)
{
	struct ip_addr addr;
	struct ip_range range;

	assert_true(ip_parse(address, &addr));
	assert_true(ip_range_parse(range_text, &range));
	return ip_in_range(&addr, &range);
}

static void prefixes_and_ranges_hold_what_they_say(void **state)
{
	struct ip_range range;

	(void)state;
	assert_true(in("10.10.66.255", "10.10.66.0/24"));
	assert_true(in("10.10.66.1", "10.10.66.77/24"));
	assert_false(in("10.10.67.0", "10.10.66.0/24"));
	assert_true(in("10.0.0.5", "10.0.0.5"));
	assert_true(in("10.0.0.5", "10.0.0.1-10.0.0.5"));
	assert_false(in("10.0.0.6", "10.0.0.1-10.0.0.5"));
	assert_true(in("255.1.2.3", "0.0.0.0/0"));
	assert_false(in("::1", "0.0.0.0/0"));
	assert_true(in("2001:db8:ffff::1", "2001:db8::/32"));
	assert_false(in("2001:db9::1", "2001:db8::/32"));
	assert_true(in("fe80::1", "fe80::/10"));
	assert_false(ip_range_parse("10.0.0.0/33", &range));
	assert_false(ip_range_parse("10.0.0.0/", &range));
	assert_false(ip_range_parse("10.0.0.0/-1", &range));
	assert_false(ip_range_parse("10.0.0.9-10.0.0.1", &range));
	assert_false(ip_range_parse("10.0.0.9-::1", &range));
}

static void the_default_mask_has_the_values_of_the_design(void **state)
{
	struct mark_layout layout;

	(void)state;
	assert_true(mark_layout_init(&layout, 0xff));
	assert_int_equal(layout.provisional, 0x80);
	assert_int_equal(layout.value_mask, 0x7f);
	assert_int_equal(layout.user_max, 0x7c);
	assert_int_equal(layout.drop, 0x7d);
	assert_int_equal(layout.hint, 0x7e);
	assert_int_equal(layout.main, 0x7f);
}

static void a_shifted_mask_keeps_foreign_bits(void **state)
{
	struct mark_layout layout;

	(void)state;
	assert_true(mark_layout_init(&layout, 0xf000));
	assert_int_equal(layout.user_max, 4);
	assert_int_equal(mark_bits(&layout, 3), 0x3000);
	assert_int_equal(mark_value(&layout, 0xabcdb123), 3);
	assert_true(mark_is_provisional(&layout, 0x8000));
	assert_int_equal(mark_merge(&layout, 0xabcd5123, 0x3000), 0xabcd3123);
	assert_true(mark_layout_init(&layout, 0xff000000));
	assert_int_equal(mark_bits(&layout, 0x7f), 0x7f000000);
}

static void a_mask_that_is_short_or_has_holes_is_refused(void **state)
{
	struct mark_layout layout;

	(void)state;
	assert_false(mark_layout_init(&layout, 0));
	assert_false(mark_layout_init(&layout, 0x7));
	assert_false(mark_layout_init(&layout, 0xf0f));
	assert_true(mark_layout_init(&layout, 0xf));
	assert_true(mark_layout_init(&layout, 0xffffffff));
	assert_int_equal(layout.user_max, MARK_USER_MAX);
	assert_int_equal(layout.main, 0x7fffffff);
}

static void hashes_depend_on_every_byte_and_on_the_seed(void **state)
{
	struct hash_seed seed = {1, 2}, other = {1, 3};
	unsigned char bytes[40] = {0};

	(void)state;
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		uint64_t hash = hash_bytes(&seed, bytes, length);

		assert_int_not_equal(hash, hash_bytes(&other, bytes, length));
		for (size_t i = 0; i < length; i++) {
			bytes[i] ^= 1;
			assert_int_not_equal(hash, hash_bytes(&seed, bytes, length));
			bytes[i] ^= 1;
		}
	}
	assert_int_equal(hash_seed_random(&seed), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding_names_file_line_and_severity),
		cmocka_unit_test(moving_findings_keeps_order_and_counts),
		cmocka_unit_test(the_nearest_word_is_found_and_far_ones_are_not),
		cmocka_unit_test(an_arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(prefixes_and_ranges_hold_what_they_say),
		cmocka_unit_test(the_default_mask_has_the_values_of_the_design),
		cmocka_unit_test(a_shifted_mask_keeps_foreign_bits),
		cmocka_unit_test(a_mask_that_is_short_or_has_holes_is_refused),
		cmocka_unit_test(hashes_depend_on_every_byte_and_on_the_seed),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
