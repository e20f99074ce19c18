/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor: what stands between packets and us: iptables, queues, offloads, source NAT.
 *
 * Rules of iptables are text as iptables-save prints it, those of nf_tables messages as the kernel
 * sends them.
 */
#include "doctor_support.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

/* ---- iptables ---- */

static void iptables_missing_old_or_twofold(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->firewall.chosen_installed = false;
	assert_found("iptables", "iptables cannot be run", "apt-get install iptables");
	facts->firewall.chosen_installed = true;
	facts->firewall.no_queue_bypass = true;
	assert_found("iptables", "--queue-bypass", "apt-get install iptables");
	facts->firewall.no_queue_bypass = false;
	doctor_rules_parse(&facts->rules, "*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n", IP_V4, true);
	assert_found("iptables", "both have rules", "$f-legacy-save | $f-nft-restore --noflush");
}

static void chains_of_ours_in_the_other_variant(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	doctor_rules_parse(&facts->rules, "*mangle\n-A PREROUTING -j WAYMARK-PRE\nCOMMIT\n", IP_V4,
			   true);
	assert_found("iptables", "chains of ours stand in iptables-legacy",
		     "waymark firewall apply -c waymark.conf");
}

static void what_firewall_check_found_is_told_by_kind(void **state)
{
	(void)state;
	sound(TWO_UPLINKS);
	facts->chains_checked = true;
	assert_sound();
	diag_warning(&facts->chains, NULL, 0, "ipv4 mangle: a rule follows our jump");
	assert_found("chains", "a rule follows our jump", "waymark firewall apply -c waymark.conf");
	diag_list_release(&facts->chains);
	diag_list_init(&facts->chains);
	diag_error(&facts->chains, NULL, 0, "ipv4 mangle: chain WAYMARK-PRE is missing");
	diag_error(&facts->chains, NULL, 0, "ipv6 mangle: chain WAYMARK-PRE is missing");
	assert_found("chains", "WAYMARK-PRE is missing (and more", "waymark firewall apply");
	assert_int_equal(list.items[0].severity, DOCTOR_ERROR);
}

static void add_queue_owner(unsigned number, uint32_t pid, const char *program)
{
	struct doctor_queue *queue = &facts->queues[facts->queue_count++];

	*queue = (struct doctor_queue){.number = number, .portid = pid, .pid = pid};
	snprintf(queue->program, sizeof(queue->program), "%s", program);
}

static void queues_that_others_own(void **state)
{
	(void)state;
	sound("queue = { first = 4; count = 2; };\n" TWO_UPLINKS);
	add_queue_owner(3, 70, "suricata");
	add_queue_owner(6, 71, "suricata");
	assert_sound();
	add_queue_owner(5, 72, "suricata");
	/* 0 and 1 are the first pair that is free */
	assert_found("queues", "queue 5 is taken by suricata (process 72)",
		     "sed -i '1s/\\<first *[=:] *");
	assert_non_null(strstr(list.items[0].mend, "first = 0/' waymark.conf"));
	facts->queues[2].pid = 0;
	facts->queues[2].program[0] = '\0';
	assert_found("queues", "queue 5 is taken", "first = 0");
	facts->daemon = true; /* its own */
	assert_sound();
	facts->daemon = false;
	facts->queues[2].pid = 73;
	snprintf(facts->queues[2].program, sizeof(facts->queues[2].program), "waymarkd");
	assert_found("queues", "by waymarkd", "kill 73");
}

static void rules_that_send_packets_to_our_queues(void **state)
{
	(void)state;
	sound("queue = { first = 4; count = 2; };\n" TWO_UPLINKS);
	doctor_rules_parse(&facts->rules,
			   "*mangle\n-A FORWARD -j NFQUEUE --queue-balance 0:3\n"
			   "-A WAYMARK-NEW -j NFQUEUE --queue-balance 4:5 --queue-bypass\nCOMMIT\n",
			   IP_V4, false);
	assert_sound();
	doctor_rules_parse(&facts->rules,
			   "*filter\n-A FORWARD -j NFQUEUE --queue-num 5 --queue-bypass\nCOMMIT\n",
			   IP_V4, false);
	assert_found("queues", "iptables -t filter -A FORWARD -j NFQUEUE --queue-num 5",
		     "first = 6");
	forget();
	sound("firewall = { manage = false; };\nqueue = { first = 4; count = 2; };\n" TWO_UPLINKS);
	doctor_rules_parse(&facts->rules, "*mangle\n-A FORWARD -j NFQUEUE --queue-num 5\nCOMMIT\n",
			   IP_V4, false);
	assert_sound(); /* who manages the chains may have it so */
}

/* ---- NAT ---- */

static void rules(const char *text)
{
	doctor_rules_release(&facts->rules);
	doctor_rules_parse(&facts->rules, text, IP_V4, false);
	doctor_rules_parse(&facts->rules, text, IP_V6, false);
}

#define NAT(rule) "*nat\n-A POSTROUTING -o wan1 -j MASQUERADE\n" rule "\nCOMMIT\n"

static void a_nat_uplink_without_masquerade_is_found_by_family(void **state)
{
	(void)state;
	bare(TWO_UPLINKS);
	doctor_rules_parse(&facts->rules, masquerades, IP_V4, false);
	facts->routes.uplinks[0].default6 = false;
	facts->routes.uplinks[1].default6 = false;
	assert_sound(); /* no line carries IPv6 */
	facts->routes.uplinks[0].default6 = facts->routes.uplinks[1].default6 = true;
	judge();
	assert_int_equal(list.problems, 2);
	assert_string_equal(list.items[1].mend,
			    "ip6tables -w -t nat -A POSTROUTING -o wan2 -j MASQUERADE");
}

static void masquerades_are_found_wherever_they_stand(void **state)
{
	static const char *const good[] = {
		"-A POSTROUTING -j MASQUERADE",
		"-A POSTROUTING ! -o lan -j MASQUERADE",
		"-A POSTROUTING -o wan+ -j SNAT --to-source 203.0.113.2",
		"-A POSTROUTING -o wan2 -m comment --comment \"-o \\\"lan\\\" -s\" -j MASQUERADE "
		"--random",
		"-A POSTROUTING -o wan2 -m policy --dir out --pol none -j MASQUERADE",
		"-A POSTROUTING -m mark --mark 0x2/0x7f -j MASQUERADE",
		"-A POSTROUTING -g out\n-A out ! -d 10.0.0.0/8 -j zone\n-A zone -o wan2 -j "
		"MASQUERADE",
	};
	static const char *const bad[] = {
		"-A OUTPUT -j MASQUERADE",
		"-A POSTROUTING -o wan -j MASQUERADE",
		"-A POSTROUTING ! -o wan2 -j MASQUERADE",
		"-A POSTROUTING -o wan2 -p udp -j MASQUERADE",
		"-A POSTROUTING -o wan2 -d 192.0.2.0/24 -j MASQUERADE",
		"-A POSTROUTING -m mark --mark 0x1/0x7f -j MASQUERADE",
		"-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE",
		"-A POSTROUTING -o wan2 -j zone\n-A zone -o wan1 -j MASQUERADE",
		"-A POSTROUTING -o wan2 -j loop\n-A loop -j loop",
	};
	char text[512];

	(void)state;
	bare(TWO_UPLINKS);
	facts->routes.uplinks[0].default6 = facts->routes.uplinks[1].default6 = false;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), NAT("%s"), good[i]);
		rules(text);
		assert_sound();
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), NAT("%s"), bad[i]);
		rules(text);
		assert_found("nat", "no IPv4 rule masquerades what leaves by wan2",
			     "iptables -w -t nat -A POSTROUTING -o wan2 -j MASQUERADE");
		assert_string_equal(list.items[0].uplink, "dsl");
	}
}

static void a_masquerade_of_some_clients_is_a_note(void **state)
{
	(void)state;
	bare(TWO_UPLINKS);
	facts->routes.uplinks[0].default6 = facts->routes.uplinks[1].default6 = false;
	rules(NAT("-A POSTROUTING -o wan2 -s 10.0.0.0/8 -j MASQUERADE"));
	assert_sound();
	assert_not_noted("nat");
	rules(NAT("-A POSTROUTING -o wan2 ! -s 10.10.0.0/24 -j MASQUERADE"));
	assert_found("nat", "wan2", "MASQUERADE");
	add_link(9, "docker0");
	add_address(9, "172.17.0.1", 16);
	rules(NAT("-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"));
	assert_noted("nat", "from 10.10.0.0/24 by wan2");
}

static void nothing_is_said_of_nat_that_cannot_be_seen(void **state)
{
	(void)state;
	bare(TWO_UPLINKS);
	facts->nft.known = false;
	assert_sound();
	facts->nft.known = true;
	facts->firewall.hidden[FIREWALL_LEGACY] = true;
	assert_sound();
}

/* ---- nf_tables ---- */

struct message {
	_Alignas(struct nlmsghdr) char buffer[2048];
	struct nlmsghdr *header;
	struct nlattr *expressions;
};

static void message_begin(struct message *message, uint8_t family)
{
	struct nfgenmsg *generic;

	message->header = mnl_nlmsg_put_header(message->buffer);
	message->header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE;
	generic = mnl_nlmsg_put_extra_header(message->header, sizeof(*generic));
	generic->nfgen_family = family;
	mnl_attr_put_strz(message->header, NFTA_RULE_TABLE, "fw4");
	mnl_attr_put_strz(message->header, NFTA_RULE_CHAIN, "forward");
	mnl_attr_put_u64(message->header, NFTA_RULE_HANDLE, htobe64(42));
	message->expressions = mnl_attr_nest_start(message->header, NFTA_RULE_EXPRESSIONS);
}

static struct nlattr *expression(struct message *message, const char *name, struct nlattr **data)
{
	struct nlattr *element = mnl_attr_nest_start(message->header, NFTA_LIST_ELEM);

	mnl_attr_put_strz(message->header, NFTA_EXPR_NAME, name);
	*data = mnl_attr_nest_start(message->header, NFTA_EXPR_DATA);
	return element;
}

static void expression_end(struct message *message, struct nlattr *element, struct nlattr *data)
{
	mnl_attr_nest_end(message->header, data);
	mnl_attr_nest_end(message->header, element);
}

static void compare_name(struct message *message, const char *name, size_t length,
			 uint32_t operation)
{
	struct nlattr *element, *data, *value;
	char bytes[16] = "";

	memcpy(bytes, name, strlen(name));
	element = expression(message, "meta", &data);
	mnl_attr_put_u32(message->header, NFTA_META_KEY, htonl(NFT_META_OIFNAME));
	mnl_attr_put_u32(message->header, NFTA_META_DREG, htonl(1));
	expression_end(message, element, data);
	element = expression(message, "cmp", &data);
	mnl_attr_put_u32(message->header, NFTA_CMP_SREG, htonl(1));
	mnl_attr_put_u32(message->header, NFTA_CMP_OP, htonl(operation));
	value = mnl_attr_nest_start(message->header, NFTA_CMP_DATA);
	mnl_attr_put(message->header, NFTA_DATA_VALUE, length, bytes);
	mnl_attr_nest_end(message->header, value);
	expression_end(message, element, data);
}

static void plain_expression(struct message *message, const char *name)
{
	struct nlattr *data, *element = expression(message, name, &data);

	expression_end(message, element, data);
}

static void message_end(struct message *message)
{
	mnl_attr_nest_end(message->header, message->expressions);
	doctor_nft_rule_read(message->header, &facts->nft);
}

/* `name` NULL: whatever leaves. */
static void nft_masquerade(uint8_t family, const char *name, size_t length, uint32_t operation)
{
	struct message message;

	doctor_nft_release(&facts->nft);
	facts->nft.known = true;
	message_begin(&message, family);
	if (name)
		compare_name(&message, name, length, operation);
	plain_expression(&message, "counter");
	plain_expression(&message, "masq");
	message_end(&message);
}

static void masquerades_of_nf_tables_count(void **state)
{
	(void)state;
	bare(TWO_UPLINKS);
	rules("*nat\n-A POSTROUTING -o wan1 -j MASQUERADE\nCOMMIT\n");
	facts->routes.uplinks[0].default6 = facts->routes.uplinks[1].default6 = false;
	nft_masquerade(NFPROTO_INET, "wan2", 16, NFT_CMP_EQ);
	assert_sound();
	nft_masquerade(NFPROTO_IPV4, "wan", 3, NFT_CMP_EQ); /* "wan*" */
	assert_sound();
	nft_masquerade(NFPROTO_IPV4, "lan", 16, NFT_CMP_NEQ);
	assert_sound();
	nft_masquerade(NFPROTO_IPV4, NULL, 0, 0);
	assert_sound();
	nft_masquerade(NFPROTO_IPV6, NULL, 0, 0);
	assert_found("nat", "wan2", "MASQUERADE");
	nft_masquerade(NFPROTO_INET, "wan1", 16, NFT_CMP_EQ);
	assert_found("nat", "wan2", "MASQUERADE");
	nft_masquerade(NFPROTO_INET, "wan2", 16, NFT_CMP_NEQ);
	assert_found("nat", "wan2", "MASQUERADE");
}

static void destination_nat_is_no_masquerade(void **state)
{
	static const uint32_t types[] = {NFT_NAT_DNAT, NFT_NAT_SNAT};

	(void)state;
	bare(TWO_UPLINKS);
	for (size_t i = 0; i < 2; i++) {
		struct nlattr *element, *data;
		struct message message;

		message_begin(&message, NFPROTO_INET);
		element = expression(&message, "nat", &data);
		mnl_attr_put_u32(message.header, NFTA_NAT_TYPE, htonl(types[i]));
		expression_end(&message, element, data);
		message_end(&message);
		assert_int_equal(facts->nft.count, i);
	}
}

static void offloads_hide_packets(void **state)
{
	struct message message;

	(void)state;
	sound(TWO_UPLINKS);
	message_begin(&message, NFPROTO_INET);
	plain_expression(&message, "flow_offload");
	message_end(&message);
	assert_found("offload", "table fw4, chain forward",
		     "nft delete rule inet fw4 forward handle 42");
	facts->others.installer = "opkg install";
	assert_found("offload", "fw4", "uci set firewall.@defaults[0].flow_offloading=0");
	forget();
	sound(TWO_UPLINKS);
	doctor_rules_parse(&facts->rules,
			   "*filter\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j FLOWOFFLOAD\n"
			   "COMMIT\n",
			   IP_V4, false);
	assert_found("offload", "-j FLOWOFFLOAD",
		     "iptables -w -t filter -D FORWARD -m conntrack --ctstate ESTABLISHED -j "
		     "FLOWOFFLOAD");
	forget();
	sound(TWO_UPLINKS);
	facts->links[1].large_receive = 1; /* no uplink */
	assert_not_noted("offload");
	facts->links[3].large_receive = 1;
	assert_noted("offload", "large receive offload is on at wan2");
}

static void queues_of_nf_tables_count(void **state)
{
	struct nlattr *element, *data;
	struct message message;

	(void)state;
	sound("queue = { first = 4; count = 2; };\n" TWO_UPLINKS);
	message_begin(&message, NFPROTO_IPV4);
	element = expression(&message, "queue", &data);
	mnl_attr_put_u16(message.header, NFTA_QUEUE_NUM, htons(2));
	mnl_attr_put_u16(message.header, NFTA_QUEUE_TOTAL, htons(3));
	expression_end(&message, element, data);
	message_end(&message);
	assert_found("queues", "table fw4, chain forward, queue 2", "first = 0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, end_test)
	const struct CMUnitTest tests[] = {
		TEST(iptables_missing_old_or_twofold),
		TEST(chains_of_ours_in_the_other_variant),
		TEST(what_firewall_check_found_is_told_by_kind),
		TEST(queues_that_others_own),
		TEST(rules_that_send_packets_to_our_queues),
		TEST(a_nat_uplink_without_masquerade_is_found_by_family),
		TEST(masquerades_are_found_wherever_they_stand),
		TEST(a_masquerade_of_some_clients_is_a_note),
		TEST(nothing_is_said_of_nat_that_cannot_be_seen),
		TEST(masquerades_of_nf_tables_count),
		TEST(destination_nat_is_no_masquerade),
		TEST(offloads_hide_packets),
		TEST(queues_of_nf_tables_count),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
