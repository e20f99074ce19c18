/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config: each kind of mistake in the sections of waymark.conf, with the message
 * and line that a user gets, and what right files come to. Uplinks and groups
 * have a program of their own, test_config_uplinks.c.
 */
#include "config_fixture.h"

/* ---- files ---- */

static void an_empty_file_gives_every_default(void **state)
{
	(void)state;
	struct conf *conf = load("", "");
	assert_string_equal(conf->path, "waymark.conf");
	assert_int_equal(conf->mode, CONF_ENFORCE);
	assert_int_equal(conf->mark.mask, 0xff);
	assert_int_equal(conf->mark.provisional, 0x80);
	assert_int_equal(conf->mark.user_max, 0x7c);
	assert_int_equal(conf->queue.first, 0);
	assert_int_equal(conf->queue.count, 3);
	assert_int_equal(conf->queue.max_length, 16384);
	assert_int_equal(conf->queue.copy_bytes, 20480);
	assert_int_equal(conf->queue.on_failure, CONF_FAIL_OPEN);
	assert_false(conf->queue.pin_threads);
	assert_int_equal(conf->flows.max, 1048576);
	assert_int_equal(conf->flows.decide_packets, 12);
	assert_int_equal(conf->flows.decide_bytes, 16384);
	assert_int_equal(conf->flows.tcp_s, 7200);
	assert_int_equal(conf->flows.udp_s, 180);
	assert_int_equal(conf->flows.other_s, 60);
	assert_int_equal(conf->names.max, 262144);
	assert_true(conf->names.per_client);
	assert_int_equal(conf->names.min_ttl_s, 60);
	assert_true(conf->names.watch_dns);
	assert_true(conf->firewall.manage);
	assert_int_equal(conf->firewall.command, CONF_IPTABLES_AUTO);
	assert_int_equal(conf->firewall.interface_count, 0);
	assert_true(conf->firewall.hook_forward && conf->firewall.hook_output);
	assert_int_equal(conf->firewall.foreign_marks, CONF_FOREIGN_LEAVE);
	assert_true(conf->routing.manage);
	assert_int_equal(conf->routing.priority, 20000);
	assert_int_equal(conf->routing.protocol, 87);
	assert_true(conf->routing.main_first && conf->routing.return_path);
	assert_false(conf->routing.keep_on_exit || conf->routing.register_table_names);
	assert_int_equal(conf->uplink_count, 0);
	assert_int_equal(conf->group_count, 0);
	assert_int_equal(conf->rules_dir_count, 1);
	assert_string_equal(conf->rules_dirs[0], "/etc/waymark/rules.d");
	assert_false(conf->rules_dir_given);
	assert_string_equal(conf->control.socket, "/run/waymark/control.sock");
	assert_string_equal(conf->control.group, "");
	assert_string_equal(conf->control.metrics, "");
	assert_int_equal(conf->log.level, LOG_LEVEL_INFO);
	assert_int_equal(conf->log.target, LOG_TARGET_AUTO);
	conf_free(conf);
}

static void a_file_that_cannot_be_read_is_one_line(void **state)
{
	struct diag_list diags = DIAG_LIST_INIT;
	char found[1024];
	(void)state;
	unlink("waymark.conf");
	assert_null(conf_load("waymark.conf", NULL, &diags));
	list_findings(&diags, found, sizeof(found));
	assert_string_equal(found, "waymark.conf: cannot read: No such file or directory\n");
	diag_list_release(&diags);
}

static void earlier_errors_of_the_list_are_not_ours(void **state)
{
	struct diag_list diags = DIAG_LIST_INIT;
	(void)state;
	diag_error(&diags, "other.conf", 1, "wrong");
	put("waymark.conf", "");
	struct conf *conf = conf_load("waymark.conf", &options, &diags);
	assert_non_null(conf);
	conf_free(conf);
	diag_list_release(&diags);
}

static void a_syntax_error_has_its_line(void **state)
{
	(void)state;
	refused("mode = \"observe\";\nqueue = { first = ; };\n",
		"waymark.conf:2: syntax error: expected a value, not ';'\n");
}

static void an_included_file_is_named_in_its_errors(void **state)
{
	(void)state;
	put("more.conf", "\nuplinks = ( { name = \"x\"; } );\n");
	refused("mode = \"observe\";\n@include \"more.conf\"\nmod = 1;\n",
		"waymark.conf:3: unknown key 'mod', did you mean 'mode'?\n"
		"more.conf:2: uplink 'x' needs an 'interface'\n");
}

static void every_error_is_found_in_one_run(void **state)
{
	(void)state;
	refused("mode = \"obsrve\";\n"
		"mark = { mask = 0xff000000; };\n"
		"queue = { first = 70000; count = \"2\"; };\n"
		"uplink = 1;\n"
		"flows = { decide_packets = 0; timeouts = { tpc = 1; }; };\n"
		"log = { level = \"warning\"; };\n"
		"uplinks = (\n"
		"  { name = \"a\"; },\n"
		"  { name = \"a\"; interface = \"eth1\"; gatewy = \"none\"; }\n"
		");\n",
		"waymark.conf:2: 0xff000000 reads as -16777216, numbers of more than 31 bits need "
		"the suffix L: 0xff000000L\n"
		"waymark.conf:4: unknown key 'uplink', did you mean 'uplinks'?\n"
		"waymark.conf:1: 'mode' is 'obsrve', must be enforce or observe, did you mean "
		"'observe'?\n"
		"waymark.conf:3: 'first' is 70000, must be 0 to 65535\n"
		"waymark.conf:3: 'count' must be a whole number, not a string\n"
		"waymark.conf:5: 'decide_packets' is 0, must be 1 to 1000\n"
		"waymark.conf:5: unknown key 'tpc' in 'flows.timeouts', did you mean 'tcp'?\n"
		"waymark.conf:8: uplink 'a' needs an 'interface'\n"
		"waymark.conf:9: unknown key 'gatewy' in uplink 'a', did you mean 'gateway'?\n"
		"waymark.conf:9: uplink 'a': another uplink on line 8 has this name\n"
		"waymark.conf:6: 'level' is 'warning', must be error, warn, info or debug, did "
		"you mean 'warn'?\n");
}

static void a_partial_load_keeps_what_was_right(void **state)
{
	struct diag_list diags = DIAG_LIST_INIT;
	(void)state;
	put("waymark.conf",
	    "mode = 1;\nuplinks = ( { name = \"a b\"; mark = 500; }, { name = \"b\"; "
	    "interface = \"e\"; } );\nrules_dir = \"r\";\n"
	    "groups = ( { name = \"g\"; } );\n");
	struct conf *conf = conf_load_partly("waymark.conf", &options, &diags);
	assert_non_null(conf);
	assert_int_equal(diags.errors, 5);
	assert_int_equal(conf->uplink_count, 2);
	assert_string_equal(conf->uplinks[0].name, "");
	assert_int_equal(conf->uplinks[0].mark, 0);
	assert_string_equal(conf->uplinks[1].name, "b");
	assert_string_equal(conf->rules_dirs[0], "r");
	assert_int_equal(conf->group_count, 1);
	assert_int_equal(conf->groups[0].member_count, 0);
	conf_free(conf);
	put("waymark.conf", "mode = ;\n");
	assert_null(conf_load_partly("waymark.conf", &options, &diags));
	diag_list_release(&diags);
}

static void a_key_twice_is_named_with_the_first_line(void **state)
{
	(void)state;
	refused("mode = \"observe\";\nqueue = { };\nmode = \"enforce\";\n",
		"waymark.conf:3: duplicate key 'mode', it is on line 1 already\n");
}

static void the_key_rules_is_left_to_the_rules(void **state)
{
	(void)state;
	accepted("rules = ( { whatever = 1; } );\n");
}

static void an_unescaped_x_is_only_a_warning(void **state)
{
	(void)state;
	struct conf *conf = load("mode = \"observe\";\nrules = ( { payload = \"\\x41\"; } );\n",
				 "waymark.conf:2: warning: \"\\x\" in a string is translated while "
				 "the file is read; a pattern needs \"\\\\x\"\n");
	assert_non_null(conf);
	conf_free(conf);
}

static void unknown_keys_are_refused_in_every_section(void **state)
{
	(void)state;
	refused("mark = { maks = 1; };\nqueue = { firts = 1; };\nflows = { mx = 1; };\n"
		"names = { maxx = 1; };\nfirewall = { comand = 1; };\nrouting = { prio = 1; };\n"
		"control = { sock = 1; };\nlog = { lvel = 1; };\n",
		"waymark.conf:1: unknown key 'maks' in 'mark', did you mean 'mask'?\n"
		"waymark.conf:2: unknown key 'firts' in 'queue', did you mean 'first'?\n"
		"waymark.conf:3: unknown key 'mx' in 'flows', did you mean 'max'?\n"
		"waymark.conf:4: unknown key 'maxx' in 'names', did you mean 'max'?\n"
		"waymark.conf:5: unknown key 'comand' in 'firewall', did you mean 'command'?\n"
		"waymark.conf:6: unknown key 'prio' in 'routing'\n"
		"waymark.conf:7: unknown key 'sock' in 'control', did you mean 'socket'?\n"
		"waymark.conf:8: unknown key 'lvel' in 'log', did you mean 'level'?\n");
}

static void a_section_of_the_wrong_type_is_refused(void **state)
{
	(void)state;
	refused("mark = 1;\nqueue = ();\nuplinks = { };\ngroups = \"x\";\nflows = { timeouts = 1; "
		"};\n",
		"waymark.conf:1: 'mark' must be a group { }, not a whole number\n"
		"waymark.conf:2: 'queue' must be a group { }, not a list ( )\n"
		"waymark.conf:5: 'timeouts' must be a group { }, not a whole number\n"
		"waymark.conf:3: 'uplinks' must be a list of groups ( { ... }, ... ), not a group "
		"{ }\n"
		"waymark.conf:4: 'groups' must be a list of groups ( { ... }, ... ), not a "
		"string\n");
}

/* ---- sections ---- */

static void every_value_of_every_section_is_read(void **state)
{
	(void)state;
	struct conf *conf =
		load("mode = \"observe\";\nmark = { mask = 0xff00; };\n"
		     "queue = { first = 65530; count = 6; max_length = 1; copy_bytes = 256;\n"
		     " on_failure = \"closed\"; pin_threads = true; };\n"
		     "flows = { max = 10; decide_packets = 1000; decide_bytes = 32768;\n"
		     " timeouts = { tcp = 1; udp = 2; other = 3; }; };\n"
		     "names = { max = 5; per_client = false; min_ttl_s = 0; };\n"
		     "firewall = { manage = false; command = \"iptables-legacy\";\n"
		     " interfaces = [\"eth0\", \"br-lan\"]; hooks = \"output\"; foreign_marks = "
		     "\"steer\"; };\n"
		     "routing = { manage = false; priority = 100; protocol = 200; main_first = "
		     "false;\n keep_on_exit = true; register_table_names = true; return_path = "
		     "false; };\n"
		     "rules_dir = (\"rules.d\", \"/srv/rules\");\n"
		     "control = { socket = \"/tmp/s\"; group = \"adm\"; metrics = \"[::1]:9469\"; "
		     "};\nlog = { level = \"debug\"; target = \"syslog\"; };\n",
		     "");
	assert_int_equal(conf->mode, CONF_OBSERVE);
	assert_int_equal(conf->mark.mask, 0xff00);
	assert_int_equal(conf->queue.first, 65530);
	assert_int_equal(conf->queue.count, 6);
	assert_int_equal(conf->queue.max_length, 1);
	assert_int_equal(conf->queue.copy_bytes, 256);
	assert_int_equal(conf->queue.on_failure, CONF_FAIL_CLOSED);
	assert_true(conf->queue.pin_threads);
	assert_int_equal(conf->flows.max, 10);
	assert_int_equal(conf->flows.decide_packets, 1000);
	assert_int_equal(conf->flows.decide_bytes, 32768);
	assert_int_equal(conf->flows.tcp_s, 1);
	assert_int_equal(conf->flows.udp_s, 2);
	assert_int_equal(conf->flows.other_s, 3);
	assert_int_equal(conf->names.max, 5);
	assert_false(conf->names.per_client);
	assert_int_equal(conf->names.min_ttl_s, 0);
	assert_false(conf->firewall.manage);
	assert_int_equal(conf->firewall.command, CONF_IPTABLES_LEGACY);
	assert_int_equal(conf->firewall.interface_count, 2);
	assert_string_equal(conf->firewall.interfaces[1], "br-lan");
	assert_false(conf->firewall.hook_forward);
	assert_true(conf->firewall.hook_output);
	assert_int_equal(conf->firewall.foreign_marks, CONF_FOREIGN_STEER);
	assert_false(conf->routing.manage || conf->routing.main_first || conf->routing.return_path);
	assert_int_equal(conf->routing.priority, 100);
	assert_int_equal(conf->routing.protocol, 200);
	assert_true(conf->routing.keep_on_exit && conf->routing.register_table_names);
	assert_true(conf->rules_dir_given);
	assert_int_equal(conf->rules_dir_count, 2);
	assert_string_equal(conf->rules_dirs[0], "rules.d");
	assert_string_equal(conf->rules_dirs[1], "/srv/rules");
	assert_string_equal(conf->control.socket, "/tmp/s");
	assert_string_equal(conf->control.group, "adm");
	assert_string_equal(conf->control.metrics, "[::1]:9469");
	assert_int_equal(conf->log.level, LOG_LEVEL_DEBUG);
	assert_int_equal(conf->log.target, LOG_TARGET_SYSLOG);
	conf_free(conf);
}

static void a_mask_must_be_four_bits_in_a_row(void **state)
{
	(void)state;
	refused("mark = {\n mask = 0xf0f; };\n",
		"waymark.conf:2: 'mask' 0xf0f must be at least four bits in a row\n");
	refused("mark = { mask = 0x7; };\n",
		"waymark.conf:1: 'mask' 0x7 must be at least four bits in a row\n");
	refused("mark = { mask = 0; };\n",
		"waymark.conf:1: 'mask' is 0, must be 1 to 4294967295\n");
	refused("mark = { mask = -1; };\n",
		"waymark.conf:1: 'mask' is -1, must be 1 to 4294967295 (numbers of more than 31 "
		"bits need the suffix L)\n");
	refused("mark = { mask = 0xffffffff; };\n",
		"waymark.conf:1: 0xffffffff reads as -1, numbers of more than 31 bits need the "
		"suffix L: 0xffffffffL\n");
	accepted("mark = { mask = 0xffffffffL; };\n");
	accepted("mark = { mask = 0xf000; };\n");
}

static void queues_end_at_65535(void **state)
{
	(void)state;
	accepted("queue = { first = 65535; count = 1; };\n");
	refused("queue = {\n first = 65535;\n count = 2; };\n",
		"waymark.conf:2: 2 queues from number 65535 on: the last would be 65536, the "
		"highest is 65535\n");
	refused("queue = { count = 1025; copy_bytes = 255; max_length = 0; on_failure = \"opne\"; "
		"};\n",
		"waymark.conf:1: 'count' is 1025, must be 0 to 1024\n"
		"waymark.conf:1: 'max_length' is 0, must be 1 to 16777216\n"
		"waymark.conf:1: 'copy_bytes' is 255, must be 256 to 65531\n"
		"waymark.conf:1: 'on_failure' is 'opne', must be open or closed, did you mean "
		"'open'?\n");
	refused("queue = { copy_bytes = 65532; pin_threads = 1; };\n",
		"waymark.conf:1: 'copy_bytes' is 65532, must be 256 to 65531\n"
		"waymark.conf:1: 'pin_threads' must be true or false, not a whole number\n");
}

static void flows_and_names_have_bounds(void **state)
{
	(void)state;
	refused("flows = { max = 0; decide_packets = 1001; decide_bytes = 32769;\n"
		" timeouts = { tcp = 0; udp = 1.5; other = \"x\"; }; };\n"
		"names = { max = 0; min_ttl_s = 86401; };\n",
		"waymark.conf:1: 'max' is 0, must be 1 to 134217728\n"
		"waymark.conf:1: 'decide_packets' is 1001, must be 1 to 1000\n"
		"waymark.conf:1: 'decide_bytes' is 32769, must be 1 to 32768\n"
		"waymark.conf:2: 'tcp' is 0, must be 1 to 31536000\n"
		"waymark.conf:2: 'udp' must be a whole number, not a fraction\n"
		"waymark.conf:2: 'other' must be a whole number, not a string\n"
		"waymark.conf:3: 'max' is 0, must be 1 to 67108864\n"
		"waymark.conf:3: 'min_ttl_s' is 86401, must be 0 to 86400\n");
}

static void hooks_and_interfaces_are_checked_item_by_item(void **state)
{
	(void)state;
	refused("firewall = {\n interfaces = [\n \"eth0\",\n \"sixteen-letters-\",\n \"a/b\",\n "
		"\"\",\n \"eth0\"\n ];\n hooks = (\"forward\", \"outptu\",\n \"forward\", 1);\n "
		"};\n",
		"waymark.conf:4: interface 'sixteen-letters-' is longer than 15 characters\n"
		"waymark.conf:5: interface 'a/b' holds a character that no interface name can "
		"hold\n"
		"waymark.conf:6: interface '' is empty\n"
		"waymark.conf:7: interface 'eth0' is in the list twice\n"
		"waymark.conf:10: 'hooks' must hold strings\n");
	refused("firewall = { hooks = [\"forward\", \"outptu\",\n \"forward\"]; };\n",
		"waymark.conf:1: 'hooks' has 'outptu', must be forward or output, did you mean "
		"'output'?\n"
		"waymark.conf:2: hook 'forward' is in the list twice\n");
	refused("firewall = { hooks = []; };\n",
		"waymark.conf:1: 'hooks' is empty, so no packet would be looked at "
		"(\"firewall.manage = false\" leaves the chains to you)\n");
	refused("firewall = { command = \"nft\"; foreign_marks = \"keep\"; };\n",
		"waymark.conf:1: 'command' is 'nft', must be auto, iptables, iptables-nft or "
		"iptables-legacy\n"
		"waymark.conf:1: 'foreign_marks' is 'keep', must be leave or steer\n");
}

static void routing_numbers_stay_clear_of_the_kernels(void **state)
{
	(void)state;
	refused("routing = { priority = 32766; protocol = 4; manage = \"yes\"; };\n",
		"waymark.conf:1: 'manage' must be true or false, not a string\n"
		"waymark.conf:1: 'priority' is 32766, must be 1 to 32266\n"
		"waymark.conf:1: 'protocol' is 4, must be 5 to 255\n");
}

static void rules_dir_is_one_or_several_strings(void **state)
{
	(void)state;
	struct conf *conf = load("rules_dir = \"r\";\n", "");
	assert_int_equal(conf->rules_dir_count, 1);
	conf_free(conf);
	conf = load("rules_dir = [];\n", "");
	assert_int_equal(conf->rules_dir_count, 0);
	assert_true(conf->rules_dir_given);
	conf_free(conf);
	refused("rules_dir = 1;\n", "waymark.conf:1: 'rules_dir' must hold strings\n");
	refused("rules_dir = [\"a\",\n\"\",\n\"a\"];\n",
		"waymark.conf:2: 'rules_dir' is empty\n"
		"waymark.conf:3: directory 'a' is in 'rules_dir' twice\n");
}

static void relative_paths_start_at_the_file(void **state)
{
	struct diag_list diags = DIAG_LIST_INIT;
	char path[256], expected[256];
	(void)state;
	put("waymark.conf", "rules_dir = \"r\"; control = { socket = \"s\"; };\n");
	snprintf(path, sizeof(path), "%s/waymark.conf", directory);
	struct conf *conf = conf_load(path, &options, &diags);
	assert_non_null(conf);
	snprintf(expected, sizeof(expected), "%s/r", directory);
	assert_string_equal(conf->rules_dirs[0], expected);
	snprintf(expected, sizeof(expected), "%s/s", directory);
	assert_string_equal(conf->control.socket, expected);
	conf_free(conf);
	diag_list_release(&diags);
}

static void control_addresses_are_checked(void **state)
{
	static const char *const wrong[] = {"9469",	     ":9469",	   "localhost:1",
					    "127.0.0.1:0",   "127.0.0.1:", "127.0.0.1:65536",
					    "127.0.0.1: 80", "::1:80",	   "[127.0.0.1]:80",
					    "[::1]",	     "[]:1"};
	char text[256], expected[256];
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(text, sizeof(text), "control = { metrics = \"%s\"; };\n", wrong[i]);
		snprintf(expected, sizeof(expected),
			 "waymark.conf:1: 'metrics' is '%s', must be an address and a port, as in "
			 "\"127.0.0.1:9469\" or \"[::1]:9469\"\n",
			 wrong[i]);
		refused(text, expected);
	}
	accepted("control = { metrics = \"0.0.0.0:1\"; socket = \"\"; };\n");
	char path[110], socket[256];
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	snprintf(socket, sizeof(socket), "control = { socket = \"%s\"; };\n", path);
	snprintf(expected, sizeof(expected),
		 "waymark.conf:1: 'socket' '%s' is longer than a socket's path can be\n", path);
	refused(socket, expected);
}

/* ---- the example that is shipped ---- */

static FILE *open_example(void)
{
	char path[5000];
	const char *source = getenv("WAYMARK_SRC");
	snprintf(path, sizeof(path), "%s/contrib/waymark.conf.example",
		 source ? source : start_directory);
	return fopen(path, "r");
}

static void the_example_loads_without_a_finding(void **state)
{
	static char text[65536], bare[65536];
	struct diag_list diags = DIAG_LIST_INIT;
	(void)state;
	FILE *stream = open_example();
	if (!stream)
		skip();
	size_t length = fread(text, 1, sizeof(text) - 1, stream);
	fclose(stream);
	text[length] = '\0';
	accepted(text);

	/* Settings that are switched off stand behind a '#' without a blank: with those on. */
	char *to = bare;
	for (const char *from = text; *from; from++) {
		bool first = from == text || from[-1] == '\n';
		if (first) {
			const char *blank = from + strspn(from, "\t ");
			if (*blank == '#' && blank[1] && !strchr(" #\n", blank[1]))
				from = blank + 1;
		}
		*to++ = *from;
	}
	put("waymark.conf", bare);
	struct conf *conf = conf_load("waymark.conf", &options, &diags);
	assert_int_equal(diags.errors + diags.warnings, 0);
	assert_non_null(conf);
	assert_true(conf->group_count > 0 && conf->uplinks[0].probe.type != CONF_PROBE_NONE);
	static const char *const keys[] = {"mode",
					   "mask",
					   "first",
					   "count",
					   "max_length",
					   "copy_bytes",
					   "on_failure",
					   "pin_threads",
					   "max",
					   "decide_packets",
					   "decide_bytes",
					   "timeouts",
					   "tcp",
					   "udp",
					   "other",
					   "per_client",
					   "min_ttl_s",
					   "manage",
					   "command",
					   "interfaces",
					   "hooks",
					   "foreign_marks",
					   "priority",
					   "protocol",
					   "main_first",
					   "keep_on_exit",
					   "register_table_names",
					   "return_path",
					   "uplinks",
					   "groups",
					   "rules_dir",
					   "socket",
					   "group",
					   "metrics",
					   "level",
					   "target",
					   "name",
					   "interface",
					   "gateway",
					   "gateway6",
					   "table",
					   "mark",
					   "nat",
					   "probe",
					   "type",
					   "targets",
					   "need",
					   "interval_ms",
					   "timeout_ms",
					   "down",
					   "up",
					   "max_loss_percent",
					   "max_latency_ms",
					   "port",
					   "path",
					   "query",
					   "on_down",
					   "failback",
					   "on_change",
					   "on_change_timeout_s",
					   "enabled",
					   "policy",
					   "sticky",
					   "sticky_s",
					   "members",
					   "uplink",
					   "weight",
					   "rules"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		char assignment[64];
		bool found = false;
		snprintf(assignment, sizeof(assignment), "%s ", keys[i]);
		for (const char *at = bare; !found && (at = strstr(at, assignment)); at++)
			found = at[strspn(at + strlen(keys[i]), " ") + strlen(keys[i])] == '=' &&
				(at == bare || strchr("\n\t {;", at[-1]));
		if (!found)
			print_error("the example lacks '%s'\n", keys[i]);
		assert_true(found);
	}
	conf_free(conf);
	diag_list_release(&diags);
}

int main(void)
{
#define TEST(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		TEST(an_empty_file_gives_every_default),
		TEST(a_file_that_cannot_be_read_is_one_line),
		TEST(earlier_errors_of_the_list_are_not_ours),
		TEST(a_syntax_error_has_its_line),
		TEST(an_included_file_is_named_in_its_errors),
		TEST(every_error_is_found_in_one_run),
		TEST(a_partial_load_keeps_what_was_right),
		TEST(a_key_twice_is_named_with_the_first_line),
		TEST(the_key_rules_is_left_to_the_rules),
		TEST(an_unescaped_x_is_only_a_warning),
		TEST(unknown_keys_are_refused_in_every_section),
		TEST(a_section_of_the_wrong_type_is_refused),
		TEST(every_value_of_every_section_is_read),
		TEST(a_mask_must_be_four_bits_in_a_row),
		TEST(queues_end_at_65535),
		TEST(flows_and_names_have_bounds),
		TEST(hooks_and_interfaces_are_checked_item_by_item),
		TEST(routing_numbers_stay_clear_of_the_kernels),
		TEST(rules_dir_is_one_or_several_strings),
		TEST(relative_paths_start_at_the_file),
		TEST(control_addresses_are_checked),
		TEST(the_example_loads_without_a_finding),
	};
	return cmocka_run_group_tests_name("config", tests, make_directory, remove_directory);
}
