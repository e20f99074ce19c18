/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config: uplinks, probes, groups, and marks that other software uses: each kind
 * of mistake with the message and line that a user gets.
 */
#include <waymark/table_names.h>

#include "config_fixture.h"

/* One uplink with `keys`, on line 2. */
static void refused_uplink(const char *keys, const char *expected)
{
	char text[1024];
	snprintf(text, sizeof(text),
		 "uplinks = ( {\n name = \"x\"; interface = \"eth1\"; %s } );\n", keys);
	refused(text, expected);
}

static struct conf *load_uplink(const char *keys, const char *expected)
{
	char text[1024];
	snprintf(text, sizeof(text),
		 "uplinks = ( {\n name = \"x\"; interface = \"eth1\"; %s } );\n", keys);
	return load(text, expected);
}

/* ---- uplinks ---- */

static void an_uplink_takes_its_defaults_from_its_position(void **state)
{
	(void)state;
	struct conf *conf = load("uplinks = (\n"
				 "  { name = \"a\"; interface = \"eth1\"; enabled = false; },\n"
				 "  { name = \"b\"; interface = \"eth2\"; }\n);\n",
				 "");
	assert_int_equal(conf->uplink_count, 2);
	const struct conf_uplink *uplink = conf_uplink_by_name(conf, "b");
	assert_ptr_equal(uplink, &conf->uplinks[1]);
	assert_ptr_equal(conf_uplink_by_mark(conf, 2), uplink);
	assert_null(conf_uplink_by_mark(conf, 3));
	assert_null(conf_uplink_by_name(conf, "c"));
	assert_null(conf_group_by_name(conf, "b"));
	assert_string_equal(uplink->interface, "eth2");
	assert_int_equal(uplink->mark, 2);
	assert_int_equal(uplink->table, 202);
	assert_null(uplink->table_name);
	assert_int_equal(uplink->gateway.kind, CONF_GATEWAY_DEFAULT);
	assert_int_equal(uplink->gateway6.kind, CONF_GATEWAY_DEFAULT);
	assert_false(uplink->nat);
	assert_true(uplink->enabled);
	assert_false(conf->uplinks[0].enabled);
	assert_int_equal(uplink->probe.type, CONF_PROBE_NONE);
	assert_int_equal(uplink->on_down, CONF_DOWN_MAIN);
	assert_int_equal(uplink->failback, CONF_FAILBACK_NEW_FLOWS);
	assert_null(uplink->on_change);
	assert_int_equal(uplink->on_change_timeout_s, 10);
	assert_int_equal(uplink->line, 3);
	assert_string_equal(uplink->file, "waymark.conf");
	conf_free(conf);
}

static void every_value_of_an_uplink_is_read(void **state)
{
	char address[IP_TEXT_SIZE];
	(void)state;
	struct conf *conf = load(
		"uplinks = ( { name = \"mail.out\"; interface = \"ppp0\"; gateway = "
		"\"195.96.98.253\";\n gateway6 = \"fe80::1\"; table = 1000000; mark = 7; nat = "
		"true;\n probe = { type = \"http\"; targets = [\"192.0.2.1\", "
		"\"www.example.org\"]; "
		"need = 2;\n interval_ms = 2000; timeout_ms = 700; down = 4; up = 5; "
		"max_loss_percent = 20;\n max_latency_ms = 300; port = 8080; path = \"/x\"; };\n"
		"on_down = \"lte\"; failback = \"all\"; on_change = \"/bin/true\"; "
		"on_change_timeout_s = 3; },\n"
		"{ name = \"lte\"; interface = \"wwan0\"; gateway = \"auto\"; gateway6 = \"none\"; "
		"on_down = \"block\";\n probe = { type = \"dns\"; targets = \"192.0.2.1\"; query = "
		"\"example.org\"; }; } );\n",
		"");
	const struct conf_uplink *mail = &conf->uplinks[0], *lte = &conf->uplinks[1];
	assert_int_equal(mail->gateway.kind, CONF_GATEWAY_ADDRESS);
	assert_string_equal(ip_format(&mail->gateway.address, address), "195.96.98.253");
	assert_string_equal(ip_format(&mail->gateway6.address, address), "fe80::1");
	assert_int_equal(mail->table, 1000000);
	assert_int_equal(mail->mark, 7);
	assert_true(mail->nat);
	assert_int_equal(mail->probe.type, CONF_PROBE_HTTP);
	assert_string_equal(conf_probe_type_name(mail->probe.type), "http");
	assert_int_equal(mail->probe.target_count, 2);
	assert_string_equal(mail->probe.targets[1], "www.example.org");
	assert_int_equal(mail->probe.need, 2);
	assert_int_equal(mail->probe.interval_ms, 2000);
	assert_int_equal(mail->probe.timeout_ms, 700);
	assert_int_equal(mail->probe.down, 4);
	assert_int_equal(mail->probe.up, 5);
	assert_int_equal(mail->probe.max_loss_percent, 20);
	assert_int_equal(mail->probe.max_latency_ms, 300);
	assert_int_equal(mail->probe.port, 8080);
	assert_string_equal(mail->probe.path, "/x");
	assert_int_equal(mail->on_down, CONF_DOWN_UPLINK);
	assert_string_equal(mail->on_down_target, "lte");
	assert_int_equal(mail->failback, CONF_FAILBACK_ALL);
	assert_string_equal(mail->on_change, "/bin/true");
	assert_int_equal(mail->on_change_timeout_s, 3);
	assert_int_equal(lte->gateway.kind, CONF_GATEWAY_AUTO);
	assert_int_equal(lte->gateway6.kind, CONF_GATEWAY_NONE);
	assert_int_equal(lte->on_down, CONF_DOWN_BLOCK);
	assert_int_equal(lte->probe.port, 53);
	assert_string_equal(lte->probe.query, "example.org");
	assert_string_equal(conf_probe_type_name(CONF_PROBE_NONE), "none");
	conf_free(conf);
}

static void an_uplink_needs_a_name_and_an_interface(void **state)
{
	(void)state;
	refused("uplinks = (\n { interface = \"eth1\"; },\n { name = \"b\"; },\n { },\n { name = "
		"1; "
		"interface = 2; }, 7 );\n",
		"waymark.conf:5: 'uplinks' must be a list of groups ( { ... }, ... ), and item 5 "
		"is a whole number\n");
	refused("uplinks = (\n { interface = \"eth1\"; },\n { name = \"b\"; },\n { },\n { name = "
		"1; "
		"interface = 2; } );\n",
		"waymark.conf:2: uplink 1 needs a 'name'\n"
		"waymark.conf:3: uplink 'b' needs an 'interface'\n"
		"waymark.conf:4: uplink 3 needs a 'name'\n"
		"waymark.conf:4: uplink 3 needs an 'interface'\n"
		"waymark.conf:5: 'name' must be a string, not a whole number\n"
		"waymark.conf:5: 'interface' must be a string, not a whole number\n");
}

static void names_are_plain_and_not_words_of_ours(void **state)
{
	char text[512];
	(void)state;
	refused("uplinks = ( { name = \"main\"; interface = \"a\"; },\n"
		"{ name = \"block\"; interface = \"a\"; },\n"
		"{ name = \"a b\"; interface = \"a\"; },\n"
		"{ name = \"\"; interface = \"a\"; },\n"
		"{ name = \"caf\xc3\xa9\"; interface = \"a\"; } );\n",
		"waymark.conf:1: name 'main' is a word of its own, it cannot be a name\n"
		"waymark.conf:2: name 'block' is a word of its own, it cannot be a name\n"
		"waymark.conf:3: name 'a b' may hold letters, digits, '_', '.' and '-' only\n"
		"waymark.conf:4: name '' is empty\n"
		"waymark.conf:5: name 'caf\xc3\xa9' may hold letters, digits, '_', '.' and '-' "
		"only\n");
	snprintf(text, sizeof(text), "uplinks = ( { name = \"%064d\"; interface = \"a\"; } );\n",
		 7);
	refused(text, "waymark.conf:1: name '"
		      "0000000000000000000000000000000000000000000000000000000000000007' is longer "
		      "than 63 characters\n");
	accepted("uplinks = ( { name = \"A-z_0.9\"; interface = \"a\"; } );\n");
}

static void an_interface_name_has_15_characters_at_most(void **state)
{
	(void)state;
	refused("uplinks = ( { name = \"x\";\n interface = \"a234567890123456\"; } );\n",
		"waymark.conf:2: uplink 'x': interface 'a234567890123456' is longer than 15 "
		"characters\n");
	refused("uplinks = ( { name = \"x\"; interface = \"a b\"; } );\n",
		"waymark.conf:1: uplink 'x': interface 'a b' holds a character that no interface "
		"name can hold\n");
	accepted("uplinks = ( { name = \"x\"; interface = \"a23456789012345\"; } );\n");
}

static void names_marks_and_tables_are_one_of_a_kind(void **state)
{
	(void)state;
	refused("uplinks = (\n"
		"  { name = \"a\"; interface = \"eth1\"; mark = 2; },\n"
		"  { name = \"b\"; interface = \"eth2\"; table = 201; },\n"
		"  {\n   name = \"c\";\n   interface = \"eth2\";\n   mark = 2;\n   table = 201; "
		"},\n"
		"  { name = \"a\"; interface = \"eth2\"; }\n);\n",
		"waymark.conf:3: uplink 'b': mark 2 (its position) is that of uplink 'a' on line "
		"2\n"
		"waymark.conf:3: uplink 'b': table 201 is that of uplink 'a' on line 2\n"
		"waymark.conf:7: uplink 'c': mark 2 is that of uplink 'a' on line 2\n"
		"waymark.conf:8: uplink 'c': table 201 is that of uplink 'a' on line 2\n"
		"waymark.conf:9: uplink 'a': another uplink on line 2 has this name\n");
}

static void a_mark_must_fit_the_mask(void **state)
{
	(void)state;
	refused_uplink("mark = 200;",
		       "waymark.conf:2: uplink 'x': mark 200 does not fit mask 0xff: 1 to 124\n");
	refused_uplink("mark = 0;",
		       "waymark.conf:2: uplink 'x': mark 0 does not fit mask 0xff: 1 to 124\n");
	refused_uplink("mark = -1;",
		       "waymark.conf:2: uplink 'x': mark -1 does not fit mask 0xff: 1 to 124\n");
	refused_uplink("mark = \"1\";",
		       "waymark.conf:2: 'mark' must be a whole number, not a string\n");
	struct conf *conf = load_uplink("mark = 124;", "");
	assert_int_equal(conf->uplinks[0].mark, 124);
	conf_free(conf);
	/* Four bits: three of value, and the three highest values are taken. */
	refused("mark = { mask = 0xf0; };\nuplinks = ( { name = \"a\"; interface = \"e\"; },\n"
		"{ name = \"b\"; interface = \"e\"; }, { name = \"c\"; interface = \"e\"; },\n"
		"{ name = \"d\"; interface = \"e\"; },\n{ name = \"e\"; interface = \"e\"; } );\n",
		"waymark.conf:5: uplink 'e': mark 5 (its position) does not fit mask 0xf0: 1 to "
		"4\n");
	/* A mask that is wrong itself says nothing about marks. */
	refused("mark = { mask = 0x5; };\nuplinks = ( { name = \"a\"; interface = \"e\"; mark = "
		"1000; } );\n",
		"waymark.conf:1: 'mask' 0x5 must be at least four bits in a row\n");
}

static void a_table_is_a_number_or_a_known_name(void **state)
{
	static const struct {
		const char *written;
		uint32_t number;
		const char *name;
	} right[] = {
		{"5", 5, NULL},
		{"4294967295L", UINT32_MAX, NULL},
		{"\"mail.out\"", 201, "mail.out"},
		{"\"cable\"", 202, "cable"},
		{"\"lte\"", 997, "lte"},
		{"\"mail.again\"", 201, "mail.again"},
		{"\"300\"", 300, NULL},
	};
	char keys[64];
	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++) {
		snprintf(keys, sizeof(keys), "table = %s;", right[i].written);
		struct conf *conf = load_uplink(keys, "");
		assert_int_equal(conf->uplinks[0].table, right[i].number);
		if (right[i].name)
			assert_string_equal(conf->uplinks[0].table_name, right[i].name);
		else
			assert_null(conf->uplinks[0].table_name);
		conf_free(conf);
	}
	refused_uplink("table = \"mial.out\";",
		       "waymark.conf:2: uplink 'x': table 'mial.out' is not in rt_tables, did you "
		       "mean 'mail.out'?\n");
	refused_uplink("table = \"zzzzzzzz\";",
		       "waymark.conf:2: uplink 'x': table 'zzzzzzzz' is not in rt_tables\n");
	refused_uplink("table = \"ignored\";",
		       "waymark.conf:2: uplink 'x': table 'ignored' is not in rt_tables\n");
	refused_uplink("table = 1.5;",
		       "waymark.conf:2: 'table' must be a whole number, not a fraction\n");
	refused_uplink("table = -1;", "waymark.conf:2: 'table' is -1, must be 0 to 4294967295 "
				      "(numbers of more than 31 bits need the suffix L)\n");
}

/* Files that other hands have edited: what makes no sense is passed over, and nothing else. */
static void table_names_are_read_as_iproute2_reads_them(void **state)
{
	static const char own[] = TABLE_NAMES_OWN_HEADER "950 ours\n";
	char text[4096];
	struct table_names *names;
	uint32_t number = 0;

	(void)state;
	snprintf(text, sizeof(text),
		 "0304 decimal\n0xgg broken\n12abc broken2\n-3 broken3\n305\n306 #none\n"
		 "# %0700d 307 hidden\n308 %064d\n\r\n309\tcrlf\r\n310 last",
		 1, 1);
	put("iproute2/rt_tables.d/c.conf", text);
	put("iproute2/rt_tables.d/waymark.conf", own);
	names = table_names_read("iproute2");
	assert_non_null(names);
	assert_true(table_names_find(names, "decimal", &number));
	assert_int_equal(number, 304);
	assert_true(table_names_find(names, "crlf", &number));
	assert_int_equal(number, 309);
	assert_true(table_names_find(names, "last", &number));
	assert_int_equal(number, 310);
	assert_string_equal(table_names_of(names, 201), "mail.out");
	assert_string_equal(table_names_of(names, 0xca), "cable");
	for (uint32_t i = 305; i < 309; i++)
		assert_null(table_names_of(names, i));
	assert_null(table_names_of(names, 950));
	assert_false(table_names_find(names, "broken", &number));
	assert_false(table_names_find(names, "broken2", &number));
	assert_false(table_names_find(names, "broken3", &number));
	assert_false(table_names_find(names, "hidden", &number));
	assert_false(table_names_find(names, "ours", &number));
	table_names_free(names);
	unlink("iproute2/rt_tables.d/c.conf");
	unlink("iproute2/rt_tables.d/waymark.conf");
}

static void the_kernels_tables_are_refused(void **state)
{
	(void)state;
	refused_uplink("table = 0;", "waymark.conf:2: uplink 'x': table 0 is the kernel's own "
				     "(unspec), use another\n");
	refused_uplink("table = 253;", "waymark.conf:2: uplink 'x': table 253 is the kernel's own "
				       "(default), use another\n");
	refused_uplink("table = \"main\";", "waymark.conf:2: uplink 'x': table 254 is the kernel's "
					    "own (main), use another\n");
	refused_uplink("table = \"255\";", "waymark.conf:2: uplink 'x': table 255 is the kernel's "
					   "own (local), use another\n");
	/* The 53rd uplink's default. */
	char text[8192] = "uplinks = (\n", item[128];
	for (unsigned i = 1; i <= 53; i++) {
		snprintf(item, sizeof(item), "{ name = \"u%u\"; interface = \"eth%u\"; }%s\n", i, i,
			 i < 53 ? "," : "");
		strcat(text, item);
	}
	strcat(text, ");\n");
	refused(text, "waymark.conf:54: uplink 'u53': table 253 (200 + its position) is the "
		      "kernel's own (default), use another\n");
}

static void a_gateway_is_of_its_family_or_a_word(void **state)
{
	(void)state;
	refused_uplink("gateway = \"2001:db8::1\"; gateway6 = \"192.0.2.1\";",
		       "waymark.conf:2: uplink 'x': gateway '2001:db8::1' is an IPv6 address, it "
		       "belongs to 'gateway6'\n"
		       "waymark.conf:2: uplink 'x': gateway6 '192.0.2.1' is an IPv4 address, it "
		       "belongs to 'gateway'\n");
	refused_uplink("gateway = \"atuo\"; gateway6 = \"2001:db8::/64\";",
		       "waymark.conf:2: uplink 'x': gateway 'atuo' must be an address, \"auto\" or "
		       "\"none\"\n"
		       "waymark.conf:2: uplink 'x': gateway6 '2001:db8::/64' must be an address, "
		       "\"auto\" or \"none\"\n");
	refused_uplink("gateway = \"0.0.0.0\"; gateway6 = \"ff02::1\";",
		       "waymark.conf:2: uplink 'x': gateway '0.0.0.0' cannot be a gateway\n"
		       "waymark.conf:2: uplink 'x': gateway6 'ff02::1' cannot be a gateway\n");
	refused_uplink("gateway = true;",
		       "waymark.conf:2: 'gateway' must be a string, not true or false\n");
}

static void on_down_names_main_block_another_uplink_or_a_group(void **state)
{
	(void)state;
	refused_uplink("on_down = \"x\";",
		       "waymark.conf:2: uplink 'x': on_down names the uplink itself\n");
	refused_uplink("on_down = \"mian\";",
		       "waymark.conf:2: uplink 'x': on_down 'mian' is neither \"main\", \"block\", "
		       "an uplink nor a group, did you mean 'main'?\n");
	refused_uplink("on_down = \"\";",
		       "waymark.conf:2: uplink 'x': on_down '' is neither \"main\", \"block\", an "
		       "uplink nor a group\n");
	refused_uplink("on_down = 1;",
		       "waymark.conf:2: 'on_down' must be a string, not a whole number\n");
	struct conf *conf =
		load("uplinks = ( { name = \"a\"; interface = \"e\"; on_down = \"any\"; },\n"
		     "{ name = \"b\"; interface = \"e\"; } );\n"
		     "groups = ( { name = \"any\"; members = ( { uplink = \"a\"; }, { uplink = "
		     "\"b\"; } ); } );\n",
		     "");
	assert_int_equal(conf->uplinks[0].on_down, CONF_DOWN_GROUP);
	assert_string_equal(conf->uplinks[0].on_down_target, "any");
	conf_free(conf);
	refused("uplinks = (\n { name = \"a\"; interface = \"e\"; on_down = \"any\"; } );\n"
		"groups = ( { name = \"any\"; members = ( { uplink = \"a\"; } ); } );\n",
		"waymark.conf:2: uplink 'a': group 'any' of on_down has no other member\n");
}

static void a_circle_of_on_down_is_named_once(void **state)
{
	(void)state;
	refused("uplinks = (\n"
		" { name = \"into\"; interface = \"e\"; on_down = \"a\"; },\n"
		" { name = \"a\"; interface = \"e\"; on_down = \"b\"; },\n"
		" { name = \"b\"; interface = \"e\"; on_down = \"c\"; },\n"
		" { name = \"c\"; interface = \"e\"; on_down = \"a\"; },\n"
		" { name = \"end\"; interface = \"e\"; on_down = \"last\"; },\n"
		" { name = \"last\"; interface = \"e\"; }\n);\n",
		"waymark.conf:3: uplink 'a': on_down goes in a circle: a -> b -> c -> a\n");
	/* Seen from its first uplink, even if one in front leads into it further back. */
	refused("uplinks = (\n"
		" { name = \"a\"; interface = \"e\"; on_down = \"c\"; },\n"
		" { name = \"b\"; interface = \"e\"; on_down = \"d\"; },\n"
		" { name = \"c\"; interface = \"e\"; on_down = \"a\"; },\n"
		" { name = \"d\"; interface = \"e\"; on_down = \"b\"; }\n);\n",
		"waymark.conf:2: uplink 'a': on_down goes in a circle: a -> c -> a\n"
		"waymark.conf:3: uplink 'b': on_down goes in a circle: b -> d -> b\n");
}

static void failback_and_on_change_are_checked(void **state)
{
	(void)state;
	refused_uplink("failback = \"newflows\"; on_change_timeout_s = 0; on_change = 1; nat = 1; "
		       "enabled = \"no\";",
		       "waymark.conf:2: 'nat' must be true or false, not a whole number\n"
		       "waymark.conf:2: 'enabled' must be true or false, not a string\n"
		       "waymark.conf:2: 'failback' is 'newflows', must be new-flows or all, did "
		       "you mean 'new-flows'?\n"
		       "waymark.conf:2: 'on_change_timeout_s' is 0, must be 1 to 3600\n"
		       "waymark.conf:2: 'on_change' must be a string, not a whole number\n");
	struct conf *conf = load_uplink("on_change = \"\";", "");
	assert_null(conf->uplinks[0].on_change);
	conf_free(conf);
}

/* ---- probes and groups ---- */

static void a_probe_needs_a_type_and_targets(void **state)
{
	(void)state;
	refused_uplink("probe = { };", "waymark.conf:2: probe of uplink 'x' needs a 'type'\n"
				       "waymark.conf:2: probe of uplink 'x' needs 'targets'\n");
	refused_uplink("probe = 1;",
		       "waymark.conf:2: 'probe' must be a group { }, not a whole number\n");
	refused_uplink("probe = { type = \"imcp\"; targets = []; tpye = 1; };",
		       "waymark.conf:2: unknown key 'tpye' in probe of uplink 'x', did you mean "
		       "'type'?\n"
		       "waymark.conf:2: 'type' is 'imcp', must be icmp, tcp, http or dns, did you "
		       "mean 'icmp'?\n"
		       "waymark.conf:2: probe of uplink 'x' has 0 targets, must be 1 to "
		       "64\n");
	refused_uplink("probe = { type = \"icmp\"; targets = [\"192.0.2.1\", \"a b\", "
		       "\"192.0.2.1\"]; need = 4; };",
		       "waymark.conf:2: probe of uplink 'x': target 'a b' is neither an address "
		       "nor a name\n"
		       "waymark.conf:2: probe of uplink 'x': target '192.0.2.1' is in the list "
		       "twice\n"
		       "waymark.conf:2: probe of uplink 'x': 'need' is 4, but there are 3 "
		       "targets\n");
	refused_uplink("probe = { type = \"icmp\"; targets = (\"192.0.2.1\", 5); };",
		       "waymark.conf:2: 'targets' must hold strings\n");
}

static void a_probes_numbers_have_bounds(void **state)
{
	(void)state;
	refused_uplink(
		"probe = { type = \"icmp\"; targets = \"192.0.2.1\"; need = 0; interval_ms = "
		"1; timeout_ms = 0; down = 0; up = 0; max_loss_percent = 101; "
		"max_latency_ms = 60001; };",
		"waymark.conf:2: 'need' is 0, must be 1 to 64\n"
		"waymark.conf:2: 'interval_ms' is 1, must be 100 to 3600000\n"
		"waymark.conf:2: 'timeout_ms' is 0, must be 10 to 60000\n"
		"waymark.conf:2: 'down' is 0, must be 1 to 1000\n"
		"waymark.conf:2: 'up' is 0, must be 1 to 1000\n"
		"waymark.conf:2: 'max_loss_percent' is 101, must be 0 to 100\n"
		"waymark.conf:2: 'max_latency_ms' is 60001, must be 0 to "
		"60000\n");
}

static void a_probe_has_the_keys_of_its_type(void **state)
{
	(void)state;
	refused_uplink(
		"probe = { type = \"icmp\"; targets = \"::1\"; port = 1; path = \"/\"; query "
		"= \"a\"; };",
		"waymark.conf:2: probe of uplink 'x': 'port' has no meaning for type icmp\n"
		"waymark.conf:2: probe of uplink 'x': 'path' has no meaning for type icmp\n"
		"waymark.conf:2: probe of uplink 'x': 'query' has no meaning for type "
		"icmp\n");
	refused_uplink("probe = { type = \"tcp\"; targets = \"::1\"; };",
		       "waymark.conf:2: probe of uplink 'x' of type tcp needs a "
		       "'port'\n");
	refused_uplink("probe = { type = \"tcp\"; targets = \"::1\"; port = 65536; };",
		       "waymark.conf:2: 'port' is 65536, must be 1 to 65535\n");
	refused_uplink("probe = { type = \"http\"; targets = \"::1\"; path = \"x\"; };",
		       "waymark.conf:2: probe of uplink 'x': path 'x' must begin with '/' and hold "
		       "no blanks\n");
	refused_uplink("probe = { type = \"dns\"; targets = \"::1\"; query = \"a..b\"; };",
		       "waymark.conf:2: probe of uplink 'x': query 'a..b' is no name\n");
}

#define TWO_UPLINKS                                                                               \
	"uplinks = ( { name = \"a\"; interface = \"e\"; }, { name = \"b\"; interface = \"e\"; } " \
	");\n"

static void every_value_of_a_group_is_read(void **state)
{
	(void)state;
	struct conf *conf = load(
		TWO_UPLINKS
		"groups = ( { name = \"any\"; policy = \"failover\"; sticky = \"source\"; "
		"sticky_s = 5;\n members = ( { uplink = \"b\"; weight = 3; }, { uplink = \"a\"; "
		"} ); } );\n",
		"");
	const struct conf_group *group = conf_group_by_name(conf, "any");
	assert_non_null(group);
	assert_int_equal(group->policy, CONF_GROUP_FAILOVER);
	assert_int_equal(group->sticky, CONF_STICKY_SOURCE);
	assert_int_equal(group->sticky_s, 5);
	assert_int_equal(group->member_count, 2);
	assert_int_equal(group->members[0].uplink, 1);
	assert_int_equal(group->members[0].weight, 3);
	assert_int_equal(group->members[1].uplink, 0);
	assert_int_equal(group->members[1].weight, 1);
	assert_int_equal(group->line, 2);
	conf_free(conf);
}

static void a_group_needs_known_members_each_once(void **state)
{
	(void)state;
	refused(TWO_UPLINKS
		"groups = (\n { name = \"g1\"; },\n { name = \"g2\"; members = (); },\n"
		" { name = \"g3\"; members = (\n   { uplink = \"a\"; },\n   { uplink = \"a\"; },\n"
		"   { uplink = \"bb\"; },\n   { weight = 0; } ); },\n"
		" { members = [1]; polcy = 1; }\n);\n",
		"waymark.conf:3: group 'g1' needs 'members'\n"
		"waymark.conf:4: group 'g2' has 0 members, must be 1 to 1024\n"
		"waymark.conf:7: group 'g3': uplink 'a' is a member twice\n"
		"waymark.conf:8: group 'g3': there is no uplink 'bb'\n"
		"waymark.conf:9: 'weight' is 0, must be 1 to 1000\n"
		"waymark.conf:9: a member of group 'g3' needs an 'uplink'\n"
		"waymark.conf:10: group 4 needs a 'name'\n"
		"waymark.conf:10: unknown key 'polcy' in group 4, did you mean 'policy'?\n"
		"waymark.conf:10: 'members' must be a list of groups ( { ... }, ... ), not an "
		"array [ ]\n");
	refused("uplinks = ( { name = \"cable\"; interface = \"e\"; } );\n"
		"groups = ( { name = \"g\"; policy = \"wieghted\"; sticky = \"dest\"; sticky_s = "
		"0; "
		"members = ( { uplink = \"cabel\"; weigth = 1; } ); } );\n",
		"waymark.conf:2: 'policy' is 'wieghted', must be weighted or failover, did you "
		"mean 'weighted'?\n"
		"waymark.conf:2: 'sticky' is 'dest', must be flow, source or source-destination\n"
		"waymark.conf:2: 'sticky_s' is 0, must be 1 to 31536000\n"
		"waymark.conf:2: unknown key 'weigth' in a member of group 'g', did you mean "
		"'weight'?\n"
		"waymark.conf:2: group 'g': there is no uplink 'cabel', did you mean 'cable'?\n");
}

static void a_group_has_a_name_of_its_own(void **state)
{
	(void)state;
	refused(TWO_UPLINKS "groups = (\n"
			    " { name = \"a\"; members = ( { uplink = \"b\"; } ); },\n"
			    " { name = \"g\"; members = ( { uplink = \"b\"; } ); },\n"
			    " { name = \"g\"; members = ( { uplink = \"b\"; } ); },\n"
			    " { name = \"main\"; members = ( { uplink = \"b\"; } ); }\n);\n",
		"waymark.conf:3: group 'a': an uplink on line 1 has this name\n"
		"waymark.conf:5: group 'g': another group on line 4 has this name\n"
		"waymark.conf:6: name 'main' is a word of its own, it cannot be a name\n");
}

/* ---- marks that others use ---- */

static void assert_habits(const char *text, const char *expected)
{
	struct diag_list diags = DIAG_LIST_INIT;
	char found[4096];
	struct conf *conf = load(text, "");
	conf_check_mark_habits(conf, &diags);
	list_findings(&diags, found, sizeof(found));
	/* the note about wg-quick has a test of its own; it comes first */
	assert_string_equal(strstr(found, "note: ") ? strchr(found, '\n') + 1 : found, expected);
	assert_int_equal(diags.errors, 0);
	diag_list_release(&diags);
	conf_free(conf);
}

static void the_default_mask_collides_with_nobody_but_names_wg_quick(void **state)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct conf *conf = load("", "");

	(void)state;
	conf_check_mark_habits(conf, &diags);
	assert_int_equal(diags.count, 1);
	assert_int_equal(diags.items[0].severity, DIAG_NOTE);
	assert_string_equal(
		diags.items[0].message,
		"mark mask 0xff and wg-quick's fwmark 0xca6c overlap: its packets read as "
		"decided with mark 108 and are left alone, so keep mark 108 free");
	diag_list_release(&diags);
	conf_free(conf);
	assert_habits("", "");
	assert_habits("uplinks = ( { name = \"a\"; interface = \"e\"; mark = 107; } );\n", "");
}

static void bits_under_anothers_mask_are_named(void **state)
{
	(void)state;
	assert_habits("mark = { mask = 0x0ff00000; };\n",
		      "waymark.conf: warning: mark mask 0xff00000 overlaps the bits 0xff0000 of "
		      "Tailscale: where both run, its own packets could enter its tunnel, and its "
		      "subnet routes lose their NAT\n");
	assert_habits("mark = { mask = 0xff0; };\nfirewall = { hooks = \"forward\"; };\n",
		      "waymark.conf: warning: mark mask 0xff0 overlaps the bits 0x3f00 of mwan3: "
		      "where both run, each would route by the other's marks\n");
	assert_habits("mark = { mask = 0x3c000; };\n",
		      "waymark.conf: warning: mark mask 0x3c000 overlaps the bits 0xff0000 of "
		      "Tailscale: where both run, its own packets could enter its tunnel, and its "
		      "subnet routes lose their NAT\n"
		      "waymark.conf: warning: mark mask 0x3c000 overlaps the bits 0xc000 of "
		      "kube-proxy: where both run, packets of ours could be masqueraded or dropped "
		      "by it, and its own be taken for decided\n");
}

static void wg_quicks_value_is_named_only_where_it_breaks(void **state)
{
	(void)state;
	/* 0x6c, as a mark: taken for the uplink that has it. */
	assert_habits(
		"uplinks = ( { name = \"a\"; interface = \"e\"; mark = 108; } );\n",
		"waymark.conf: warning: mark mask 0xff and wg-quick's fwmark 0xca6c: it reads "
		"as mark 108, so the tunnel's own packets would leave by uplink 'a'\n");
	/* 0xa of four bits: the top one is P. */
	assert_habits("mark = { mask = 0x780; };\n",
		      "waymark.conf: warning: mark mask 0x780 overlaps the bits 0x3f00 of mwan3: "
		      "where both run, each would route by the other's marks\n");
	assert_habits("mark = { mask = 0xf00; };\n",
		      "waymark.conf: warning: mark mask 0xf00 and wg-quick's fwmark 0xca6c: it "
		      "reads as a provisional mark, so the tunnel's own packets would be marked "
		      "anew and sent into the tunnel\n"
		      "waymark.conf: warning: mark mask 0xf00 overlaps the bits 0x3f00 of mwan3: "
		      "where both run, each would route by the other's marks\n");
	assert_habits(
		"mark = { mask = 0xf0; };\n",
		"waymark.conf: warning: mark mask 0xf0 and wg-quick's fwmark 0xca6c: it reads "
		"as \"older than our knowledge\", so the tunnel's own packets would be marked "
		"anew and sent into the tunnel\n");
	/* No bit in common: left alone, unless asked otherwise. */
	assert_habits("mark = { mask = 0x0f000000; };\n", "");
	assert_habits(
		"mark = { mask = 0x0f000000; };\nfirewall = { foreign_marks = \"steer\"; };\n",
		"waymark.conf: warning: mark mask 0xf000000 and wg-quick's fwmark 0xca6c: "
		"foreign_marks is \"steer\", so the tunnel's own packets would be marked anew "
		"and sent into the tunnel\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		TEST(an_uplink_takes_its_defaults_from_its_position),
		TEST(every_value_of_an_uplink_is_read),
		TEST(an_uplink_needs_a_name_and_an_interface),
		TEST(names_are_plain_and_not_words_of_ours),
		TEST(an_interface_name_has_15_characters_at_most),
		TEST(names_marks_and_tables_are_one_of_a_kind),
		TEST(a_mark_must_fit_the_mask),
		TEST(a_table_is_a_number_or_a_known_name),
		TEST(table_names_are_read_as_iproute2_reads_them),
		TEST(the_kernels_tables_are_refused),
		TEST(a_gateway_is_of_its_family_or_a_word),
		TEST(on_down_names_main_block_another_uplink_or_a_group),
		TEST(a_circle_of_on_down_is_named_once),
		TEST(failback_and_on_change_are_checked),
		TEST(a_probe_needs_a_type_and_targets),
		TEST(a_probes_numbers_have_bounds),
		TEST(a_probe_has_the_keys_of_its_type),
		TEST(every_value_of_a_group_is_read),
		TEST(a_group_needs_known_members_each_once),
		TEST(a_group_has_a_name_of_its_own),
		TEST(the_default_mask_collides_with_nobody_but_names_wg_quick),
		TEST(bits_under_anothers_mask_are_named),
		TEST(wg_quicks_value_is_named_only_where_it_breaks),
	};
	return cmocka_run_group_tests_name("config uplinks", tests, make_directory,
					   remove_directory);
}
