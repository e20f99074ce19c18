/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of names and addresses: what an item covers in every spelling, and large sets against a
 * search through all of them one by one.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <waymark/rules.h>

static char directory[64];
static uint64_t random_state;

static uint32_t next_random(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 11) % below);
}

static int set_up(void **state)
{
	(void)state;
	random_state = 0x2545f4914f6cdd1d;
	strcpy(directory, "/tmp/waymark-rule-sets-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}

static FILE *open_file(const char *name, const char *mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, mode);
	assert_non_null(file);
	return file;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = open_file(name, "w");

	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* One rule with this match; `finding`, when it is given, must be the first error, and it is freed. */
static struct ruleset *load(const char *match, const char *finding)
{
	struct rules_options options = {0};
	struct diag_list diags = DIAG_LIST_INIT;
	struct rules_builder *builder;
	struct ruleset *rules;
	char path[128];
	FILE *file = open_file("test.conf", "w");

	fprintf(file, "rules = ( { name = \"r\"; match = { %s }; mark = 5; } );\n", match);
	assert_int_equal(fclose(file), 0);
	assert_true(mark_layout_init(&options.mark, 0xff));
	builder = rules_builder_new(&options, &diags);
	assert_non_null(builder);
	snprintf(path, sizeof(path), "%s/test.conf", directory);
	rules_add_file(builder, path, false);
	rules = rules_build(builder);
	rules_builder_free(builder);
	if (finding) {
		assert_null(rules);
		assert_true(diags.count > 0);
		assert_non_null(strstr(diags.items[0].message, finding));
	} else {
		if (!rules)
			diag_print(&diags, stderr);
		assert_non_null(rules);
	}
	diag_list_release(&diags);
	return rules;
}

static void refuse(const char *match, const char *finding)
{
	load(match, finding);
}

static bool covers(const struct ruleset *rules, const char *host)
{
	struct rule_facts facts = {0};
	struct evidence evidence = {.host_source = HOST_TLS_SNI};

	/* as it comes from the wire */
	assert_true(strlen(host) < EVIDENCE_HOST_SIZE);
	strcpy(evidence.host, host);
	evidence.host_length = (uint8_t)strlen(host);
	return ruleset_judge(rules, 0, &facts, &evidence, NULL, NULL) == RULE_YES;
}

static bool has_address(const struct ruleset *rules, const struct ip_addr *address)
{
	struct rule_facts facts = {.dst = *address};

	return ruleset_judge(rules, 0, &facts, NULL, NULL, NULL) == RULE_YES;
}

struct expected {
	const char *host;
	bool covered;
};

static void check_hosts(const char *match, const struct expected *expected, size_t count)
{
	struct ruleset *rules = load(match, NULL);

	for (size_t i = 0; i < count; i++)
		if (covers(rules, expected[i].host) != expected[i].covered)
			fail_msg("%s: %s", match, expected[i].host);
	ruleset_free(rules);
}

#define CHECK_HOSTS(match, ...)                                              \
	check_hosts(match, (const struct expected[]){__VA_ARGS__},           \
		    sizeof((const struct expected[]){__VA_ARGS__}) / sizeof(struct expected))

/* ---- names ---- */

static void a_name_an_exact_name_and_a_star_cover_what_they_say(void **state)
{
	(void)state;
	CHECK_HOSTS("host = \"example.org\";", {"example.org", true}, {"www.example.org", true},
		    {"a.b.c.example.org", true}, {"org", false}, {"myexample.org", false},
		    {"example.org.net", false}, {"example.or", false}, {"", false});
	CHECK_HOSTS("host = \"=example.org\";", {"example.org", true}, {"www.example.org", false},
		    {"org", false});
	CHECK_HOSTS("host = \"*.example.org\";", {"example.org", false}, {"www.example.org", true},
		    {"a.b.c.example.org", true}, {"org", false}, {"wwwexample.org", false});
	CHECK_HOSTS("host = \"com\";", {"com", true}, {"example.com", true}, {"com.example", false});
}

static void several_items_for_a_name_add_up(void **state)
{
	static const char *const spellings[] = {
		"host = [\"=example.org\", \"example.org\"];",
		"host = [\"example.org\", \"=example.org\"];",
		"host = [\"=example.org\", \"*.example.org\"];",
		"host = [\"example.org\", \"example.org\", \"EXAMPLE.org.\"];",
		"host = [\"*.example.org\", \"@list\"];",
	};

	(void)state;
	write_file("list", "=example.org\n=example.org\nother.example\n");
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		CHECK_HOSTS(spellings[i], {"example.org", true}, {"www.example.org", true},
			    {"org", false});
	CHECK_HOSTS("host = [\"=www.example.org\", \"*.www.example.org\", \"=example.org\"];",
		    {"example.org", true}, {"www.example.org", true}, {"a.www.example.org", true},
		    {"ftp.example.org", false});
}

static void a_list_may_be_written_as_the_world_writes_them(void **state)
{
	(void)state;
	write_file("list", "\xef\xbb\xbf# a comment\r\n\r\n  Example.ORG.  # and another\r\n"
			   "\t=www.example.net\r\n*.example.com\n_dmarc.under_score.example\n"
			   "m\xc3\xbcnchen.example\nXN--BCHER-KVA.example\nlast.example");
	CHECK_HOSTS("host = \"@list\";", {"example.org", true}, {"x.example.org", true},
		    {"www.example.net", true}, {"x.www.example.net", false},
		    {"example.com", false}, {"x.example.com", true},
		    {"_dmarc.under_score.example", true}, {"xn--mnchen-3ya.example", true},
		    {"www.xn--mnchen-3ya.example", true}, {"xn--bcher-kva.example", true},
		    {"last.example", true}, {"example", false});
}

static void an_international_name_is_one_in_either_spelling(void **state)
{
	static const char *const spellings[] = {
		"m\xc3\xbcnchen.example", "M\xc3\x9cNCHEN.Example", "xn--mnchen-3ya.example",
		"Xn--Mnchen-3YA.EXAMPLE.", "m\xc3\xbcnchen\xe3\x80\x82" "example",
		"\xef\xbd\x8d\xc3\xbcnchen\xef\xbc\x8e" "example", /* full-width m and dot */
	};
	char match[96];

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		snprintf(match, sizeof(match), "host = \"%s\";", spellings[i]);
		CHECK_HOSTS(match, {"xn--mnchen-3ya.example", true},
			    {"www.xn--mnchen-3ya.example", true}, {"munchen.example", false});
		snprintf(match, sizeof(match), "host = \"=%s\";", spellings[i]);
		CHECK_HOSTS(match, {"xn--mnchen-3ya.example", true},
			    {"www.xn--mnchen-3ya.example", false});
	}
	/* capitals beyond Latin-1: Polish, Czech, Ukrainian, accented Greek */
	CHECK_HOSTS("host = \"\xc5\x81\xc3\x93\xc5\xb9.pl\";", {"xn--kda1n8f.pl", true});
	CHECK_HOSTS("host = \"PLZE\xc5\x87.cz\";", {"xn--plze-y2a.cz", true});
	CHECK_HOSTS("host = \"\xd0\x84\xd2\x90.ua\";", {"xn--91a6j.ua", true});
	CHECK_HOSTS("host = \"\xce\x86\xce\x88.gr\";", {"xn--hxac.gr", true});
	refuse("host = \"mu\xcc\x88nchen.example\";", "has a combining accent");
}

static void an_address_is_a_host_by_itself_only(void **state)
{
	(void)state;
	CHECK_HOSTS("host = [\"192.0.2.1\", \"=192.0.2.2\", \"2001:DB8:0::1\"];",
		    {"192.0.2.1", true}, {"192.0.2.2", true}, {"192.0.2.3", false},
		    {"1.192.0.2.1", false}, {"2001:db8::1", true}, {"2001:db8::2", false});
	CHECK_HOSTS("host = [\"2.1\", \"1\"];", {"192.0.2.1", false}, {"2.1", true}, {"1", true});
}

static void names_are_as_long_as_names_may_be(void **state)
{
	char name[300], longer[300], match[400];
	struct ruleset *rules;

	(void)state;
	/* 63 + 63 + 63 + 61 letters and three dots: 253 */
	memset(name, 'a', 253);
	name[63] = name[127] = name[191] = '.';
	name[253] = '\0';
	snprintf(match, sizeof(match), "host = \"%s.\";", name);
	rules = load(match, NULL);
	assert_true(covers(rules, name));
	assert_false(covers(rules, name + 1));
	ruleset_free(rules);
	snprintf(match, sizeof(match), "host = \"%sa\";", name);
	refuse(match, "longer than 253 bytes");
	memset(longer, 'b', 64);
	strcpy(longer + 64, ".example");
	snprintf(match, sizeof(match), "host = \"%s\";", longer);
	refuse(match, "a label is longer than 63 bytes");

	/* as many labels as there may be, against short names and against itself */
	for (int i = 0; i < 253; i++)
		name[i] = i % 2 ? '.' : 'x';
	rules = load("host = [\"x.x\", \"=y.x\"];", NULL);
	assert_true(covers(rules, name));
	name[250] = 'y';
	assert_false(covers(rules, name));
	ruleset_free(rules);
	snprintf(match, sizeof(match), "host = \"=%s\";", name);
	rules = load(match, NULL);
	assert_true(covers(rules, name));
	assert_false(covers(rules, name + 2));
	ruleset_free(rules);
}

static void what_is_no_name_is_refused(void **state)
{
	(void)state;
	refuse("host = \".example.org\";", "write it without the leading dot");
	refuse("host = \"*.\";", "a label is empty");
	refuse("host = \"*\";", "not a host name");
	refuse("host = \"=*.example.org\";", "not a host name");
	refuse("host = \"*.*.example.org\";", "not a host name");
	refuse("host = \"www.*.example.org\";", "not a host name");
	refuse("host = \"example.org..\";", "a label is empty");
	refuse("host = \"==example.org\";", "not a host name");
	refuse("host = \"@@list\";", "cannot read the list");
}

/* Names of few letters, so that many are others' parents, and the same is there twice. */
static void make_name(char *out)
{
	uint32_t labels = 1 + next_random(4);

	for (uint32_t i = 0; i < labels; i++) {
		uint32_t length = 1 + next_random(i ? 2 : 12);

		if (i)
			*out++ = '.';
		while (length--)
			*out++ = (char)('a' + next_random(3));
	}
	*out = '\0';
}

static bool item_covers(const char *item, const char *host)
{
	bool below = *item != '=', itself = *item != '*';
	const char *name = *item == '=' ? item + 1 : *item == '*' ? item + 2 : item;
	size_t length = strlen(name), host_length = strlen(host);

	if (itself && strcmp(name, host) == 0)
		return true;
	return below && host_length > length + 1 && host[host_length - length - 1] == '.' &&
	       strcmp(host + host_length - length, name) == 0;
}

static void large_sets_of_names_agree_with_a_plain_search(void **state)
{
	static const uint32_t sizes[] = {1, 2, 3, 7, 40, 500, 3000};
	char(*items)[64] = calloc(3000, sizeof(*items));

	(void)state;
	assert_non_null(items);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		FILE *file = open_file("list", "w");
		struct ruleset *rules;
		unsigned covered = 0;

		for (uint32_t i = 0; i < sizes[s]; i++) {
			static const char *const fronts[] = {"", "=", "*.", "="};
			char name[60];

			make_name(name);
			sprintf(items[i], "%s%s", fronts[next_random(4)], name);
			fprintf(file, "%s\n", items[i]);
		}
		assert_int_equal(fclose(file), 0);
		rules = load("host = \"@list\";", NULL);
		for (int i = 0; i < 4000; i++) {
			char host[64];
			bool expected = false;

			if (i < 1000)
				strcpy(host, strpbrk(items[next_random(sizes[s])], "abc"));
			else
				make_name(host);
			for (uint32_t j = 0; j < sizes[s] && !expected; j++)
				expected = item_covers(items[j], host);
			covered += expected;
			if (covers(rules, host) != expected)
				fail_msg("%s in %u names: not %d", host, sizes[s], expected);
		}
		assert_in_range(covered, 1, 3999);
		ruleset_free(rules);
	}
	free(items);
}

/* ---- addresses ---- */

/* Crowded in places, with far ones between, as lists are. */
static struct ip_addr make_address(uint8_t family)
{
	struct ip_addr address = {.family = family};
	unsigned bytes = ip_bits(family) / 8, kept = 1 + next_random(3);

	if (next_random(8) == 0)
		kept = bytes;
	for (unsigned i = 0; i < bytes; i++)
		address.bytes[i] = i < kept || i >= bytes - 2 ? (uint8_t)next_random(256)
				   : (uint8_t)(next_random(3) ? 0 : 255);
	return address;
}

/* Of prefixes of `longest` bits at most. */
static void check_addresses(uint8_t family, uint32_t count, unsigned longest)
{
	struct ip_range *ranges = calloc(count, sizeof(*ranges));
	FILE *file = open_file("list", "w");
	struct ruleset *rules;

	assert_non_null(ranges);
	for (uint32_t i = 0; i < count; i++) {
		struct ip_addr address = make_address(family);
		unsigned length = 12 + next_random(longest - 11);
		char text[IP_TEXT_SIZE];

		ranges[i] = ip_range_from_prefix(&address, length);
		fprintf(file, "%s/%u\n", ip_format(&address, text), length);
	}
	assert_int_equal(fclose(file), 0);
	rules = load("dst = \"@list\";", NULL);
	for (int i = 0; i < 4000; i++) {
		const struct ip_range *near = &ranges[next_random(count)];
		struct ip_addr asked = i % 4 == 0   ? near->first
				       : i % 4 == 1 ? near->last
						    : make_address(family);
		bool expected = false;

		/* the neighbours of an end, too */
		if (i % 8 >= 4 && i % 4 < 2)
			asked.bytes[longest / 8 - 1] ^= 1;
		for (uint32_t j = 0; j < count && !expected; j++)
			expected = ip_in_range(&asked, &ranges[j]);
		if (has_address(rules, &asked) != expected) {
			char text[IP_TEXT_SIZE];

			fail_msg("%s in %u prefixes of %u bits at most: not %d",
				 ip_format(&asked, text), count, longest, expected);
		}
	}
	ruleset_free(rules);
	free(ranges);
}

static void large_sets_of_addresses_agree_with_a_plain_search(void **state)
{
	static const uint32_t sizes[] = {1, 2, 3, 9, 64, 700, 4000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_addresses(IP_V4, sizes[i], 32);
		check_addresses(IP_V6, sizes[i], 128);
		check_addresses(IP_V6, sizes[i], 64); /* these are kept in another way */
	}
}

static bool has(const struct ruleset *rules, const char *text)
{
	struct ip_addr address;

	assert_true(ip_parse(text, &address));
	return has_address(rules, &address);
}

static void the_ends_of_the_address_space_are_addresses_too(void **state)
{
	struct ruleset *rules = load("dst = [\"0.0.0.0\", \"255.255.255.255\", \"::\", "
				     "\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\"];",
				     NULL);

	(void)state;
	assert_true(has(rules, "0.0.0.0"));
	assert_true(has(rules, "255.255.255.255"));
	assert_false(has(rules, "0.0.0.1"));
	assert_false(has(rules, "255.255.255.254"));
	assert_true(has(rules, "::"));
	assert_true(has(rules, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(has(rules, "::1"));
	assert_false(has(rules, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"));
	assert_false(has(rules, "2001:db8::1"));
	ruleset_free(rules);

	rules = load("dst = [\"::/0\", \"10.0.0.0/8\", \"2001:db8::/32\"];", NULL);
	assert_true(has(rules, "::"));
	assert_true(has(rules, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(has(rules, "9.255.255.255"));
	assert_false(has(rules, "11.0.0.0"));
	ruleset_free(rules);

	/* one family's set says nothing of the other */
	rules = load("dst = \"0.0.0.0/0\";", NULL);
	assert_true(has(rules, "255.255.255.255"));
	assert_false(has(rules, "::1"));
	ruleset_free(rules);
}

/* ---- lists ---- */

static void a_list_that_is_written_while_it_is_read_is_refused(void **state)
{
	FILE *file = open_file("list", "w");
	int ready[2];
	char byte;
	pid_t writer;

	(void)state;
	for (int i = 0; i < 100000; i++)
		fprintf(file, "name%d.example\n", i);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(pipe(ready), 0);
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		file = open_file("list", "a");
		setvbuf(file, NULL, _IONBF, 0);
		for (int i = 0; i < 50000000; i++) {
			fputs("x.example\n", file);
			if (i == 0 && write(ready[1], "r", 1) != 1)
				break;
			usleep(100);
		}
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	refuse("host = \"@list\";", "it was written to while it was read");
	kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	ruleset_free(load("host = \"@list\";", NULL));
}

static void a_line_without_end_is_one_error(void **state)
{
	FILE *file = open_file("list", "w");

	(void)state;
	for (int i = 0; i < 3000000; i++)
		fputc('a', file);
	assert_int_equal(fclose(file), 0);
	refuse("host = \"@list\";", "a label is longer than 63 bytes");
	refuse("dst = \"@list\";", "not an address, a prefix or a range");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_name_an_exact_name_and_a_star_cover_what_they_say),
		TEST(several_items_for_a_name_add_up),
		TEST(a_list_may_be_written_as_the_world_writes_them),
		TEST(an_international_name_is_one_in_either_spelling),
		TEST(an_address_is_a_host_by_itself_only),
		TEST(names_are_as_long_as_names_may_be),
		TEST(what_is_no_name_is_refused),
		TEST(large_sets_of_names_agree_with_a_plain_search),
		TEST(large_sets_of_addresses_agree_with_a_plain_search),
		TEST(the_ends_of_the_address_space_are_addresses_too),
		TEST(a_list_that_is_written_while_it_is_read_is_refused),
		TEST(a_line_without_end_is_one_error),
	};

	return cmocka_run_group_tests_name("rule_sets", tests, NULL, NULL);
}
