/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chains as text, and text compared with text. What the kernel makes of them is in
 * tests/netns/firewall.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <waymark/firewall.h>

#include "../../src/firewall/private.h"

static struct conf_uplink uplinks[3];
static const char *interfaces[] = {"lan0", "lan1"};

static struct conf basic(void)
{
	struct conf conf = {0};

	memset(uplinks, 0, sizeof(uplinks));
	uplinks[0] = (struct conf_uplink){
		.name = "mail.out", .interface = "ppp0", .mark = 1, .nat = true, .enabled = true};
	uplinks[1] = (struct conf_uplink){
		.name = "cable", .interface = "wan1", .mark = 2, .nat = true, .enabled = true};
	uplinks[2] = (struct conf_uplink){
		.name = "office", .interface = "wan2", .mark = 3, .enabled = true};
	assert_true(mark_layout_init(&conf.mark, 0xff));
	conf.path = "waymark.conf";
	conf.mode = CONF_ENFORCE;
	conf.queue.count = 2;
	conf.names.watch_dns = true;
	conf.firewall.hook_forward = conf.firewall.hook_output = true;
	conf.routing.main_first = conf.routing.return_path = true;
	conf.uplinks = uplinks;
	conf.uplink_count = 3;
	return conf;
}

static char *full(const struct conf *conf, int family)
{
	char *text = firewall_render(conf, family, FIREWALL_FULL);

	assert_non_null(text);
	return text;
}

static void assert_has(const struct conf *conf, int family, const char *piece)
{
	char *text = full(conf, family);

	if (!strstr(text, piece))
		fail_msg("'%s' is not in:\n%s", piece, text);
	free(text);
}

static void assert_has_not(const struct conf *conf, int family, const char *piece)
{
	char *text = full(conf, family);

	if (strstr(text, piece))
		fail_msg("'%s' is in:\n%s", piece, text);
	free(text);
}

static void several_queues_are_balanced_and_one_is_named(void **state)
{
	struct conf conf = basic();

	(void)state;
	conf.queue.first = 4;
	conf.queue.count = 3;
	assert_has(&conf, 4, "-j NFQUEUE --queue-balance 4:6 --queue-bypass\n");
	assert_has_not(&conf, 4, "--queue-num");
	conf.queue.count = 1;
	assert_has(&conf, 6, "-j NFQUEUE --queue-num 4 --queue-bypass\n");
	assert_has_not(&conf, 6, "--queue-balance");
}

static void failing_closed_leaves_the_bypass_out(void **state)
{
	struct conf conf = basic();

	(void)state;
	conf.queue.on_failure = CONF_FAIL_CLOSED;
	assert_has(&conf, 4, "-j NFQUEUE --queue-balance 0:1\n");
	assert_has_not(&conf, 4, "--queue-bypass");
}

static void values_stand_in_the_masks_position(void **state)
{
	struct conf conf = basic();

	(void)state;
	assert_true(mark_layout_init(&conf.mark, 0xff00));
	assert_has(&conf, 4,
		   "-i ppp0 -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x100/0xff00\n");
	assert_has(&conf, 4, "-m mark --mark 0x7d00/0x7f00 -j DROP\n");
	assert_has(&conf, 4, "-m mark ! --mark 0x0/0xffff00ff -j RETURN\n");
	assert_has(&conf, 4, "-j MARK --set-xmark 0x7e00/0xff00\n");
	assert_has(&conf, 4, "-m mark ! --mark 0x0/0x7f00 -m mark --mark 0x0/0x8000 -j RETURN\n");
}

/* Nothing outside the mask is read as ours, or written. */
static void assert_masked(const char *text, uint32_t mask)
{
	static const char *const options[] = {"--set-xmark ", "--mark "};

	for (size_t i = 0; i < 2; i++) {
		for (const char *at = text; (at = strstr(at, options[i]));) {
			unsigned value, within;

			at += strlen(options[i]);
			assert_int_equal(sscanf(at, "0x%x/0x%x", &value, &within), 2);
			assert_true((value & ~within) == 0);
			assert_true((within & ~mask) == 0 || (within & mask) == 0);
			assert_true(i == 1 || within == mask);
		}
	}
	for (const char *at = text; (at = strstr(at, "-mark --nfmask "));) {
		unsigned packet, connection;

		at += strlen("-mark --nfmask ");
		assert_int_equal(sscanf(at, "0x%x --ctmask 0x%x", &packet, &connection), 2);
		assert_int_equal(packet, mask);
		assert_int_equal(connection, mask);
	}
}

static void every_mark_is_masked(void **state)
{
	static const uint32_t masks[] = {0xff, 0xf, 0xff0000, 0xf0000000, 0x3f00, 0xffffffff};

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		for (unsigned bits = 0; bits < 32; bits++) {
			struct conf conf = basic();

			assert_true(mark_layout_init(&conf.mark, masks[i]));
			conf.routing.main_first = bits & 1;
			conf.routing.return_path = bits & 2;
			conf.firewall.hook_output = bits & 4;
			conf.firewall.hook_forward = bits & 8;
			conf.mode = bits & 16 ? CONF_OBSERVE : CONF_ENFORCE;
			for (int family = 4; family <= 6; family += 2) {
				char *text = full(&conf, family);

				assert_masked(text, masks[i]);
				free(text);
			}
		}
	}
}

static void without_queues_nothing_is_queued_or_hinted(void **state)
{
	struct conf conf = basic();
	char *text = firewall_render(&conf, 4, FIREWALL_NO_QUEUES);

	(void)state;
	assert_non_null(text);
	assert_null(strstr(text, "NFQUEUE"));
	assert_null(strstr(text, "0x7e/0xff"));
	assert_null(strstr(text, "*security"));
	assert_non_null(strstr(text, "-A PREROUTING -j WAYMARK-PRE\n"));
	assert_non_null(strstr(text, "-A WAYMARK-PRE -j CONNMARK --restore-mark"));
	assert_non_null(
		strstr(text, "-A POSTROUTING -m connmark --mark 0x80/0x80 -j WAYMARK-SAVE\n"));
	free(text);
}

static void a_disabled_uplink_is_left_out(void **state)
{
	struct conf conf = basic();

	(void)state;
	uplinks[0].enabled = false;
	assert_has_not(&conf, 4, "ppp0");
	assert_has(&conf, 4, "-i wan1 ");
}

static void an_interface_of_two_uplinks_tells_neither(void **state)
{
	struct conf conf = basic();

	(void)state;
	uplinks[1].interface = "ppp0";
	assert_has_not(&conf, 4, "ppp0");
	assert_has(&conf, 4, "-i wan2 ");
	/* unless the other one is off */
	uplinks[1].enabled = false;
	assert_has(&conf, 4, "-i ppp0 ");
}

static void only_nat_uplinks_pin(void **state)
{
	struct conf conf = basic();

	(void)state;
	assert_has(&conf, 4,
		   "-A WAYMARK-SAVE -o wan1 -m mark --mark 0x7f/0xff -j CONNMARK --set-xmark "
		   "0x2/0xff\n"
		   "-A WAYMARK-SAVE -o wan1 -m mark --mark 0x7f/0xff -j RETURN\n");
	assert_has_not(&conf, 4, "-o wan2");
}

/* One rule of a chain after the other, each with what queues it. */
static void assert_in_order(const struct conf *conf, int family, const char *const rules[])
{
	char *text = full(conf, family), *at = text;

	for (size_t i = 0; rules[i]; i++) {
		char *found = strstr(at, rules[i]);

		if (!found)
			fail_msg("'%s' is not in, or not after the ones before it:\n%s", rules[i],
				 text);
		at = found + strlen(rules[i]);
	}
	free(text);
}

static void the_return_path_marks_the_first_packet_too(void **state)
{
	struct conf conf = basic();
	const char *const wanted[] = {
		"-A WAYMARK-OPEN -i wan2 -m conntrack --ctstate NEW -j CONNMARK --set-xmark "
		"0x3/0xff\n",
		"-A WAYMARK-OPEN -m connmark ! --mark 0x0/0x7f -m conntrack --ctstate NEW "
		"-j CONNMARK --restore-mark",
		"-A WAYMARK-OPEN -m mark ! --mark 0x0/0x7f -m mark --mark 0x0/0x80 -j RETURN\n",
		"-A WAYMARK-OPEN -m conntrack --ctdir ORIGINAL -j WAYMARK-NEW\n",
		NULL,
	};

	(void)state;
	assert_in_order(&conf, 4, wanted);
	assert_in_order(&conf, 6, wanted);
}

static void the_return_path_can_be_off(void **state)
{
	struct conf conf = basic();

	(void)state;
	assert_has(&conf, 6,
		   "-i wan2 -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x3/0xff\n");
	conf.routing.return_path = false;
	assert_has_not(&conf, 6, "--ctstate NEW");
	/* who steers nothing local then needs no chain in OUTPUT */
	conf.firewall.hook_output = false;
	conf.names.watch_dns = false;
	assert_has_not(&conf, 6, "WAYMARK-OUT");
}

static void flows_begin_on_the_interfaces_given(void **state)
{
	struct conf conf = basic();

	(void)state;
	assert_has(&conf, 4, "-A WAYMARK-OPEN -m conntrack --ctdir ORIGINAL -j WAYMARK-NEW\n");
	conf.firewall.interfaces = interfaces;
	conf.firewall.interface_count = 2;
	assert_has(&conf, 4,
		   "-A WAYMARK-OPEN -i lan0 -m conntrack --ctdir ORIGINAL -j WAYMARK-NEW\n");
	assert_has(&conf, 4,
		   "-A WAYMARK-OPEN -i lan1 -m conntrack --ctdir ORIGINAL -j WAYMARK-NEW\n");
	assert_has_not(&conf, 4, "-A WAYMARK-OPEN -m conntrack --ctdir ORIGINAL -j WAYMARK-NEW\n");
}

static void each_hook_can_be_off(void **state)
{
	struct conf conf = basic();

	(void)state;
	conf.firewall.hook_output = false;
	conf.names.watch_dns = false;
	assert_has_not(&conf, 4, "*security");
	assert_has_not(&conf, 4, "-A INPUT -m mark");
	conf.names.watch_dns = true;
	/* answers of local services still take the return path */
	assert_has(&conf, 4,
		   "-A WAYMARK-OUT -m conntrack --ctdir REPLY -j CONNMARK --restore-mark");
	conf = basic();
	conf.firewall.hook_forward = false;
	assert_has_not(&conf, 4, "WAYMARK-NEW");
	assert_has_not(&conf, 4, "-A POSTROUTING -m mark --mark 0x80/0x80");
	assert_has(&conf, 4, "*security");
	assert_has(&conf, 4, "-A INPUT -m mark --mark 0x80/0x80 -j WAYMARK-REPLY");
}

static void dns_is_queued_before_anything_is_final(void **state)
{
	struct conf conf = basic();
	const char *const wanted[] = {
		"-A WAYMARK-REPLY -m addrtype --src-type LOCAL -j RETURN\n",
		"-A WAYMARK-REPLY -m mark --mark 0x7d/0x7f -j RETURN\n",
		"-A WAYMARK-REPLY -p tcp -m tcp --dport 53 -j NFQUEUE --queue-balance 0:1 "
		"--queue-bypass\n",
		"-A WAYMARK-REPLY -p udp -m udp --dport 53 -j NFQUEUE",
		"-A WAYMARK-REPLY -p tcp -m tcp --sport 53 -j NFQUEUE",
		"-A WAYMARK-REPLY -p udp -m udp --sport 53 -j NFQUEUE",
		"-m conntrack --ctdir REPLY -m mark --mark 0x80/0x80 "
		"-m mark ! --mark 0x7e/0x7f -j NFQUEUE",
		"-A WAYMARK-OUT -o lo -j RETURN\n",
		"-A WAYMARK-OUT -p tcp -m tcp --sport 53 ! --dport 53 -j NFQUEUE",
		"-A WAYMARK-OUT -p udp -m udp --sport 53 ! --dport 53 -j NFQUEUE",
		"-A WAYMARK-OUT -p tcp -m tcp --dport 53 -m mark ! --mark 0x0/0x7f "
		"-m mark --mark 0x0/0x80 -j NFQUEUE",
		"-A WAYMARK-OUT -p udp -m udp --dport 53 -m mark ! --mark 0x0/0x7f "
		"-m mark --mark 0x0/0x80 -j NFQUEUE",
		"-A WAYMARK-OUT -m mark ! --mark 0x0/0x7f -m mark --mark 0x0/0x80 -j RETURN\n",
		"-A WAYMARK-OUT -m conntrack --ctdir ORIGINAL -j NFQUEUE",
		NULL,
	};

	(void)state;
	assert_in_order(&conf, 4, wanted);
	assert_in_order(&conf, 6, wanted);
}

static void what_is_decided_meets_few_rules(void **state)
{
	struct conf conf = basic();
	const char *const with_dns[] = {
		"-A WAYMARK-PRE -j CONNMARK --restore-mark",
		"-A WAYMARK-PRE -m mark --mark 0x0/0xff -j WAYMARK-OPEN\n",
		"-A WAYMARK-PRE -m mark --mark 0x80/0x80 -j WAYMARK-OPEN\n",
		"-A WAYMARK-PRE -m mark --mark 0x7d/0x7f -j DROP\n",
		"-A WAYMARK-OPEN -i lo -j RETURN\n",
		"-A WAYMARK-OPEN -i ppp0 -m conntrack --ctstate NEW",
		"-A POSTROUTING -m connmark --mark 0x80/0x80 -j WAYMARK-POST\n",
		/* what is final, and follows main, may have to be pinned yet */
		"-A POSTROUTING -m mark --mark 0x7f/0xff -j WAYMARK-SAVE\n",
		NULL,
	};

	(void)state;
	assert_in_order(&conf, 4, with_dns);
	/* that is all, DNS or not */
	assert_has_not(&conf, 4, "-A POSTROUTING -p");
	conf.names.watch_dns = false;
	for (size_t i = 0; i < conf.uplink_count; i++)
		conf.uplinks[i].nat = false;
	assert_has(&conf, 4, "-A POSTROUTING -m connmark --mark 0x80/0x80 -j WAYMARK-POST\n");
	assert_has_not(&conf, 4, "-A POSTROUTING -p");
	assert_has_not(&conf, 4, "-A POSTROUTING -m mark");
}

static void dns_is_pinned_with_the_p_that_it_keeps(void **state)
{
	struct conf conf = basic();
	const char *const wanted[] = {
		"-A WAYMARK-SAVE -o ppp0 -m mark --mark 0x7f/0xff -j CONNMARK --set-xmark "
		"0x1/0xff\n",
		"-A WAYMARK-SAVE -o ppp0 -m mark --mark 0x7f/0xff -j RETURN\n",
		"-A WAYMARK-SAVE -o ppp0 -m mark --mark 0xff/0xff -j CONNMARK --set-xmark "
		"0x81/0xff\n",
		"-A WAYMARK-SAVE -o ppp0 -m mark --mark 0xff/0xff -j RETURN\n",
		"-A WAYMARK-SAVE -j CONNMARK --save-mark",
		NULL,
	};

	(void)state;
	assert_in_order(&conf, 4, wanted);
	conf.names.watch_dns = false;
	assert_has_not(&conf, 4, "0x81/0xff");
}

static void dns_from_interfaces_that_are_not_given_is_marked_to_be_looked_at(void **state)
{
	struct conf conf = basic();
	const char *const wanted[] = {
		"-A WAYMARK-OPEN -i lan1 -m conntrack --ctdir ORIGINAL -j WAYMARK-NEW\n",
		"-A WAYMARK-OPEN -p tcp -m tcp --dport 53 -m addrtype ! --dst-type LOCAL "
		"-m conntrack --ctdir ORIGINAL -m connmark --mark 0x0/0xff "
		"-j CONNMARK --set-xmark 0x80/0xff\n",
		"-A WAYMARK-OPEN -p udp -m udp --dport 53 -m addrtype ! --dst-type LOCAL",
		NULL,
	};

	(void)state;
	assert_has_not(&conf, 4, "-A WAYMARK-OPEN -p tcp");
	conf.firewall.interfaces = interfaces;
	conf.firewall.interface_count = 2;
	assert_in_order(&conf, 4, wanted);
	assert_in_order(&conf, 6, wanted);
	conf.mode = CONF_OBSERVE;
	assert_has_not(&conf, 4, "-A WAYMARK-OPEN -p tcp");
}

static void whoever_owns_a_local_connection_has_its_mark_saved(void **state)
{
	struct conf conf = basic();
	const char *const wanted[] = {
		"-A WAYMARK-OUT -o lo -j RETURN\n",
		"-A WAYMARK-OUT -m mark ! --mark 0x0/0xff -j WAYMARK-SAVE\n",
		"-A WAYMARK-OUT -m mark ! --mark 0x0/0xff -j RETURN\n",
		"-A WAYMARK-OUT -j CONNMARK --restore-mark",
		"-A WAYMARK-OUT -m mark --mark 0x7d/0x7f -j DROP\n",
		NULL,
	};

	(void)state;
	assert_in_order(&conf, 4, wanted);
	assert_in_order(&conf, 6, wanted);
}

static void dns_is_not_watched_without_need(void **state)
{
	struct conf conf = basic();

	(void)state;
	conf.names.watch_dns = false;
	for (int family = 4; family <= 6; family += 2) {
		assert_has_not(&conf, family, " 53 ");
		conf.mode = CONF_OBSERVE;
		assert_has_not(&conf, family, " 53 ");
		conf.mode = CONF_ENFORCE;
	}
}

static void dns_is_watched_where_its_hook_sees_flows(void **state)
{
	static const char *const reply_jumps[2][2] = {
		{"-A WAYMARK-POST -j WAYMARK-REPLY\n",
		 "-A INPUT -p udp -m udp --dport 53 -j WAYMARK-REPLY\n"},
		{"-A POSTROUTING -j WAYMARK-REPLY\n", "-A INPUT -j WAYMARK-REPLY\n"},
	};
	struct conf conf = basic();

	(void)state;
	/* a client's resolver may be the router itself, of whose own flows none is looked at */
	conf.firewall.hook_output = false;
	for (int observe = 0; observe < 2; observe++) {
		conf.mode = observe ? CONF_OBSERVE : CONF_ENFORCE;
		for (int input = 0; input < 2; input++)
			assert_has(&conf, 4, reply_jumps[observe][input]);
		assert_has(&conf, 4, "-A WAYMARK-OUT -p udp -m udp --sport 53 ! --dport 53");
		assert_has_not(&conf, 4, "-A WAYMARK-OUT -p udp -m udp --dport 53");
		assert_has_not(&conf, 4, "-A WAYMARK-OUT -m conntrack --ctdir ORIGINAL");
	}
	assert_has(&conf, 4, "-A WAYMARK-REPLY -m addrtype --dst-type LOCAL -j RETURN\n");
	conf = basic();
	conf.firewall.hook_forward = false;
	assert_has_not(&conf, 4, "-A POSTROUTING -p");
	assert_has_not(&conf, 4, "WAYMARK-POST");
	assert_has(&conf, 4, "-A INPUT -p udp -m udp --dport 53 -j WAYMARK-REPLY\n");
	assert_has(&conf, 4, "-A WAYMARK-OUT -p udp -m udp --dport 53 -m mark");
}

static void observing_writes_no_mark(void **state)
{
	struct conf conf = basic();

	(void)state;
	conf.mode = CONF_OBSERVE;
	for (int family = 4; family <= 6; family += 2) {
		assert_has_not(&conf, family, "-j MARK");
		assert_has_not(&conf, family, "CONNMARK");
		assert_has_not(&conf, family, "DROP");
		assert_has_not(&conf, family, "WAYMARK-SAVE");
		assert_has(&conf, family, "-A WAYMARK-REPLY -m conntrack --ctdir REPLY -j NFQUEUE");
		assert_has(&conf, family, "-A OUTPUT -j WAYMARK-OUT");
	}
	conf.firewall.interfaces = interfaces;
	conf.firewall.interface_count = 1;
	assert_has(&conf, 4, "-A WAYMARK-REPLY -o lan0 -m conntrack --ctdir REPLY -j NFQUEUE");
}

static void foreign_marks_can_be_steered(void **state)
{
	struct conf conf = basic();

	(void)state;
	assert_has(&conf, 4, "-A WAYMARK-OUT -m mark ! --mark 0x0/0xffffff00 -j RETURN\n");
	conf.firewall.foreign_marks = CONF_FOREIGN_STEER;
	assert_has_not(&conf, 4, "0xffffff00");
	/* no bits are foreign to a mask of all bits */
	conf = basic();
	assert_true(mark_layout_init(&conf.mark, 0xffffffff));
	assert_has_not(&conf, 4, "! --mark 0x0/0x0");
}

static void each_family_has_its_own_exclusions(void **state)
{
	struct conf conf = basic();

	(void)state;
	assert_has(&conf, 4, "-d 224.0.0.0/4 -j RETURN");
	assert_has(&conf, 4, "-p 2 -j RETURN");
	assert_has(&conf, 4, "--dport 67:68 -j RETURN");
	assert_has(&conf, 4, "-p icmp -m conntrack --ctstate RELATED -j RETURN");
	assert_has(&conf, 6, "-d ff00::/8 -j RETURN");
	assert_has(&conf, 6, "--dport 546:547 -j RETURN");
	assert_has(&conf, 6, "-p ipv6-icmp -m conntrack --ctstate RELATED -j RETURN");
	assert_has_not(&conf, 6, "-p icmp ");
	assert_has_not(&conf, 6, "BROADCAST");
	assert_has_not(&conf, 4, "::/");
}

static void without_main_first_inward_packets_are_not_marked_before_routing(void **state)
{
	struct conf conf = basic();

	(void)state;
	assert_has_not(&conf, 4, "--ctdir REPLY -m connmark");
	assert_has_not(&conf, 4, "-A FORWARD");
	assert_has_not(&conf, 4, "WAYMARK-BACK");
	conf.routing.main_first = false;
	assert_has(&conf, 4,
		   "-A WAYMARK-PRE -i ppp0 -m conntrack --ctdir REPLY -m connmark --mark 0x1/0x7f "
		   "-j RETURN\n");
	assert_has(&conf, 4,
		   "-A WAYMARK-BACK -m conntrack --ctdir REPLY -j CONNMARK --restore-mark");
	assert_has(&conf, 4, "-A FORWARD -j WAYMARK-BACK\n");
	assert_has(&conf, 4, "-A INPUT -j WAYMARK-BACK\n-A INPUT -m mark");
}

static void the_hint_value_is_never_saved(void **state)
{
	struct conf conf = basic();
	struct fw_plan plan;
	size_t hint = 0, save = 0;

	(void)state;
	assert_int_equal(fw_plan_build(&plan, &conf, 4, FIREWALL_FULL), 0);
	for (size_t i = 0; i < plan.chains[FW_SAVE].count; i++) {
		const char *rule = plan.chains[FW_SAVE].rules[i];

		if (strstr(rule, "-m mark --mark 0x7e/0x7f -j RETURN"))
			hint = i + 1;
		if (strstr(rule, "CONNMARK") && !save)
			save = i + 1;
	}
	assert_true(hint > 0 && save > hint);
	fw_plan_release(&plan);
}

static void a_full_plan_fills_every_chain(void **state)
{
	struct conf conf = basic();
	struct fw_plan plan;

	(void)state;
	/* WAYMARK-BACK is for that alone */
	conf.routing.main_first = false;
	assert_int_equal(fw_plan_build(&plan, &conf, 4, FIREWALL_FULL), 0);
	for (int i = 0; i < FW_CHAIN_COUNT; i++) {
		assert_true(plan.chains[i].wanted);
		assert_true(plan.chains[i].count > 0);
		assert_int_equal(fw_chain_find(fw_chain_names[i].table, fw_chain_names[i].name), i);
	}
	assert_true(plan.jump_count <= FW_JUMP_MAX);
	assert_int_equal(fw_chain_find(FW_SECURITY, "WAYMARK-PRE"), -1);
	assert_int_equal(fw_chain_find(FW_MANGLE, "WAYMARK-PRESENT"), -1);
	fw_plan_release(&plan);
}

/* ---- comparing ---- */

/* What iptables-save would show of a plan: the rendering, with one piece replaced. */
static char *saved_with(const struct conf *conf, const char *piece, const char *instead)
{
	char *text = full(conf, 4), *at = strstr(text, piece), *changed;
	size_t size;

	assert_non_null(at);
	size = strlen(text) + strlen(instead) + 1;
	changed = malloc(size);
	assert_non_null(changed);
	snprintf(changed, size, "%.*s%s%s", (int)(at - text), text, instead, at + strlen(piece));
	free(text);
	return changed;
}

struct outcome {
	size_t errors, warnings;
	char first[512];
	char *changes; /* NULL: none */
};

static struct outcome compare(const struct conf *conf, const char *saved)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct outcome outcome = {0};
	struct fw_snapshot snapshot;
	struct fw_text changes = {0};
	struct fw_plan plan;

	assert_int_equal(fw_plan_build(&plan, conf, 4, FIREWALL_FULL), 0);
	assert_int_equal(fw_snapshot_parse(&snapshot, saved), 0);
	outcome.errors = fw_compare(&plan, &snapshot, 4, &diags);
	assert_int_equal(outcome.errors, diags.errors);
	outcome.warnings = diags.warnings;
	if (diags.count)
		snprintf(outcome.first, sizeof(outcome.first), "%s", diags.items[0].message);
	fw_changes(&plan, &snapshot, FIREWALL_FULL, &changes);
	assert_false(changes.failed);
	outcome.changes = changes.data;
	fw_snapshot_release(&snapshot);
	fw_plan_release(&plan);
	diag_list_release(&diags);
	return outcome;
}

static void what_is_right_is_not_written_again(void **state)
{
	struct conf conf = basic();
	char *saved = full(&conf, 4);
	struct outcome outcome = compare(&conf, saved);

	(void)state;
	assert_int_equal(outcome.errors, 0);
	assert_int_equal(outcome.warnings, 0);
	assert_null(outcome.changes);
	free(saved);
}

static void igmp_by_name_is_the_same_rule(void **state)
{
	struct conf conf = basic();
	char *saved = saved_with(&conf, "-p 2 ", "-p igmp ");
	struct outcome outcome = compare(&conf, saved);

	(void)state;
	assert_int_equal(outcome.errors, 0);
	assert_null(outcome.changes);
	free(saved);
}

static void nothing_there_is_all_missing(void **state)
{
	struct conf conf = basic();
	struct outcome outcome = compare(&conf, "");

	(void)state;
	assert_int_equal(outcome.errors, FW_CHAIN_COUNT - 1 + 11);
	assert_string_equal(outcome.first, "ipv4 mangle: chain WAYMARK-PRE is missing");
	assert_non_null(strstr(outcome.changes, "-A OUTPUT -j WAYMARK-OUT\n"));
	assert_null(strstr(outcome.changes, "-D "));
	assert_null(strstr(outcome.changes, "-X "));
	free(outcome.changes);
}

static void a_changed_rule_is_missing_and_foreign(void **state)
{
	struct conf conf = basic();
	char *saved = saved_with(&conf, "--set-xmark 0x1/0xff", "--set-xmark 0x4/0xff");
	struct outcome outcome = compare(&conf, saved);

	(void)state;
	assert_int_equal(outcome.errors, 2);
	assert_non_null(strstr(outcome.first, "rule is missing: -A WAYMARK-OPEN -i ppp0"));
	/* the jump stands right, and stays */
	assert_null(strstr(outcome.changes, "PREROUTING"));
	assert_null(strstr(outcome.changes, "*security"));
	free(outcome.changes);
	free(saved);
}

static void rules_in_another_order_are_an_error(void **state)
{
	struct conf conf = basic();
	char *saved = saved_with(&conf, "-A WAYMARK-SAVE -m mark --mark 0x7d/0x7f -j DROP\n", "");
	char *moved = malloc(strlen(saved) + 100);
	char *at = strstr(saved, "-A PREROUTING");
	struct outcome outcome;

	(void)state;
	assert_non_null(moved);
	sprintf(moved, "%.*s-A WAYMARK-SAVE -m mark --mark 0x7d/0x7f -j DROP\n%s",
		(int)(at - saved), saved, at);
	outcome = compare(&conf, moved);
	assert_int_equal(outcome.errors, 1);
	assert_non_null(strstr(outcome.first, "another order"));
	free(outcome.changes);
	free(saved);
	free(moved);
}

static void a_rule_of_others_after_our_jump_is_a_warning(void **state)
{
	struct conf conf = basic();
	char *saved = saved_with(&conf, "-A PREROUTING -j WAYMARK-PRE\n",
				 "-A PREROUTING -j WAYMARK-PRE\n-A PREROUTING -j mine\n");
	struct outcome outcome = compare(&conf, saved);

	(void)state;
	assert_int_equal(outcome.errors, 0);
	assert_int_equal(outcome.warnings, 1);
	assert_non_null(strstr(outcome.first, "-A PREROUTING -j mine"));
	/* applying puts the jump last again */
	assert_non_null(strstr(outcome.changes, "-D PREROUTING -j WAYMARK-PRE\n"));
	assert_non_null(strstr(outcome.changes, "-A PREROUTING -j WAYMARK-PRE\n"));
	assert_null(strstr(outcome.changes, "mine"));
	free(outcome.changes);
	free(saved);
	/* before it they are welcome */
	saved = saved_with(&conf, "-A PREROUTING -j WAYMARK-PRE\n",
			   "-A PREROUTING -j mine\n-A PREROUTING -j WAYMARK-PRE\n");
	outcome = compare(&conf, saved);
	assert_int_equal(outcome.errors + outcome.warnings, 0);
	assert_null(outcome.changes);
	free(saved);
}

static void a_jump_twice_is_an_error_and_becomes_one(void **state)
{
	struct conf conf = basic();
	char *saved = saved_with(
		&conf, "-A POSTROUTING -m connmark --mark 0x80/0x80 -j WAYMARK-POST\n",
		"-A POSTROUTING -m connmark --mark 0x80/0x80 -j WAYMARK-POST\n-A POSTROUTING "
		"-m connmark --mark 0x80/0x80 -j WAYMARK-POST\n");
	struct outcome outcome = compare(&conf, saved);
	const char *at;

	(void)state;
	assert_int_equal(outcome.errors, 1);
	at = strstr(outcome.changes,
		    "-D POSTROUTING -m connmark --mark 0x80/0x80 -j WAYMARK-POST\n");
	assert_non_null(at);
	at = strstr(at + 1, "-D POSTROUTING -m connmark --mark 0x80/0x80 -j WAYMARK-POST\n");
	assert_non_null(at);
	at = strstr(at + 1, "-A POSTROUTING -m connmark --mark 0x80/0x80 -j WAYMARK-POST\n");
	assert_non_null(at);
	free(outcome.changes);
	free(saved);
}

#define DNS_JUMP "-A INPUT -p udp -m udp --dport 53 -j WAYMARK-REPLY\n"
#define SAVE_JUMP "-A INPUT -m connmark --mark 0x80/0x80 -j WAYMARK-SAVE\n"

static void the_jumps_of_input_keep_their_order(void **state)
{
	struct conf conf = basic();
	char *saved = saved_with(&conf, DNS_JUMP SAVE_JUMP, SAVE_JUMP DNS_JUMP);
	struct outcome outcome = compare(&conf, saved);

	(void)state;
	assert_int_equal(outcome.errors, 1);
	assert_non_null(strstr(outcome.changes, DNS_JUMP SAVE_JUMP));
	free(outcome.changes);
	free(saved);
}

static void taking_away_deletes_jumps_then_chains(void **state)
{
	struct conf conf = basic();
	char *saved =
		saved_with(&conf, "-A PREROUTING -j WAYMARK-PRE\n",
			   "-A PREROUTING -j mine\n-A PREROUTING -j WAYMARK-PRE\n"
			   "-A mine -s 192.0.2.1/32 -g WAYMARK-PRE\n-A mine -j WAYMARK-PREX\n");
	struct fw_plan nothing = {0};
	struct fw_snapshot snapshot;
	struct fw_text changes = {0};

	(void)state;
	assert_int_equal(fw_snapshot_parse(&snapshot, saved), 0);
	assert_true(fw_snapshot_has_ours(&snapshot));
	fw_changes(&nothing, &snapshot, FIREWALL_NO_QUEUES, &changes);
	assert_non_null(strstr(changes.data, "-D PREROUTING -j WAYMARK-PRE\n"));
	assert_non_null(strstr(changes.data, "-D mine -s 192.0.2.1/32 -g WAYMARK-PRE\n"));
	assert_non_null(strstr(changes.data, "-X WAYMARK-NEW\n"));
	assert_null(strstr(changes.data, "PREX"));
	assert_null(strstr(changes.data, "-j mine"));
	assert_null(strstr(changes.data, "-A "));
	/* queueing ends before restoring does */
	assert_true(strstr(changes.data, "*security") < strstr(changes.data, "*mangle"));
	fw_text_release(&changes);
	fw_snapshot_release(&snapshot);
	free(saved);
}

static void a_broken_listing_is_no_harm(void **state)
{
	struct fw_snapshot snapshot;

	(void)state;
	assert_int_equal(
		fw_snapshot_parse(&snapshot,
				  "*mangle\n-A \n-A X\n-A\n:\n-A WAYMARK-PRE\n*\n-A Y -j Z"),
		0);
	assert_false(fw_snapshot_has_ours(&snapshot));
	fw_snapshot_release(&snapshot);
	assert_int_equal(fw_snapshot_parse(&snapshot, NULL), 0);
	fw_snapshot_release(&snapshot);
}

/* ---- programs ---- */

static void a_program_is_heard_out_and_its_status_told(void **state)
{
	const char *const argv[] = {"sh", "-c", "cat; echo sorry >&2; exit 3", NULL};
	const char *const missing[] = {"waymark-no-such-program", NULL};
	struct fw_text output = {0}, errors = {0};
	char *large = malloc(300000);
	int status = 0;

	(void)state;
	assert_non_null(large);
	memset(large, 'x', 299999);
	large[299999] = '\0';
	assert_int_equal(fw_run(argv, large, &output, &errors, &status), 0);
	assert_int_equal(status, 3);
	assert_string_equal(output.data, large);
	assert_string_equal(errors.data, "sorry\n");
	assert_int_equal(fw_run(missing, NULL, &output, &errors, &status), -2);
	fw_text_release(&output);
	fw_text_release(&errors);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_queues_are_balanced_and_one_is_named),
		cmocka_unit_test(failing_closed_leaves_the_bypass_out),
		cmocka_unit_test(values_stand_in_the_masks_position),
		cmocka_unit_test(every_mark_is_masked),
		cmocka_unit_test(without_queues_nothing_is_queued_or_hinted),
		cmocka_unit_test(a_disabled_uplink_is_left_out),
		cmocka_unit_test(an_interface_of_two_uplinks_tells_neither),
		cmocka_unit_test(only_nat_uplinks_pin),
		cmocka_unit_test(the_return_path_marks_the_first_packet_too),
		cmocka_unit_test(the_return_path_can_be_off),
		cmocka_unit_test(flows_begin_on_the_interfaces_given),
		cmocka_unit_test(each_hook_can_be_off),
		cmocka_unit_test(dns_is_queued_before_anything_is_final),
		cmocka_unit_test(what_is_decided_meets_few_rules),
		cmocka_unit_test(dns_is_pinned_with_the_p_that_it_keeps),
		cmocka_unit_test(dns_from_interfaces_that_are_not_given_is_marked_to_be_looked_at),
		cmocka_unit_test(whoever_owns_a_local_connection_has_its_mark_saved),
		cmocka_unit_test(dns_is_not_watched_without_need),
		cmocka_unit_test(dns_is_watched_where_its_hook_sees_flows),
		cmocka_unit_test(observing_writes_no_mark),
		cmocka_unit_test(foreign_marks_can_be_steered),
		cmocka_unit_test(each_family_has_its_own_exclusions),
		cmocka_unit_test(without_main_first_inward_packets_are_not_marked_before_routing),
		cmocka_unit_test(the_hint_value_is_never_saved),
		cmocka_unit_test(a_full_plan_fills_every_chain),
		cmocka_unit_test(what_is_right_is_not_written_again),
		cmocka_unit_test(igmp_by_name_is_the_same_rule),
		cmocka_unit_test(nothing_there_is_all_missing),
		cmocka_unit_test(a_changed_rule_is_missing_and_foreign),
		cmocka_unit_test(rules_in_another_order_are_an_error),
		cmocka_unit_test(a_rule_of_others_after_our_jump_is_a_warning),
		cmocka_unit_test(a_jump_twice_is_an_error_and_becomes_one),
		cmocka_unit_test(the_jumps_of_input_keep_their_order),
		cmocka_unit_test(taking_away_deletes_jumps_then_chains),
		cmocka_unit_test(a_broken_listing_is_no_harm),
		cmocka_unit_test(a_program_is_heard_out_and_its_status_told),
	};

	return cmocka_run_group_tests_name("firewall", tests, NULL, NULL);
}
