/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A classifier on real rules and real packets: a test writes a rules file, builds packets byte by
 * byte, and looks at the verdicts.
 */
#ifndef CLASSIFY_SUPPORT_H
#define CLASSIFY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <waymark/classify.h>

#define PLAIN 1 /* an uplink without NAT */
#define NATED 2 /* one with */
#define OTHER 3 /* without NAT again */
#define VPN 4	/* whose flows take no other line */

struct bench {
	struct diag_list diags;
	struct ruleset *rules;
	struct classifier *classifier;
	struct classify_policy policy;
	struct classify_rule_stats stats[16];
	struct names *names; /* NULL until bench_remember() */
	struct steer *steer;
	struct steer_state *steer_state;
	bool value_is_nat[128];
	uint64_t now_us;
};

static inline void bench_rules(struct bench *bench, const char *text)
{
	static const struct rules_target targets[] = {
		{.name = "plain", .value = PLAIN, .group = RULES_NO_GROUP},
		{.name = "nated", .value = NATED, .group = RULES_NO_GROUP, .nat = true},
		{.name = "other", .value = OTHER, .group = RULES_NO_GROUP},
		{.name = "vpn", .value = VPN, .group = RULES_NO_GROUP},
		{.name = "both", .group = 0},
		{.name = "first", .group = 1},
		{.name = "mixed", .group = 2, .nat = true},
		{.name = "source", .group = 3},
	};
	struct rules_options options = {
		.targets = targets,
		.target_count = sizeof(targets) / sizeof(targets[0]),
	};
	char path[] = "/tmp/test_classify.XXXXXX";
	int fd = mkstemp(path);
	struct rules_builder *builder;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_true(mark_layout_init(&options.mark, 0xff));
	builder = rules_builder_new(&options, &bench->diags);
	rules_add_file(builder, path, false);
	bench->rules = rules_build(builder);
	rules_builder_free(builder);
	unlink(path);
	if (!bench->rules)
		diag_print(&bench->diags, stderr);
	assert_non_null(bench->rules);
	bench->policy.rules = bench->rules;
	bench->policy.generation++;
}

/* plain falls to other, nated to main, other to nated. */
static inline void bench_steer(struct bench *bench)
{
	static const struct steer_uplink uplinks[] = {
		{.value = PLAIN, .on_down = STEER_DOWN_VALUE, .stand_in = OTHER},
		{.value = NATED, .on_down = STEER_DOWN_MAIN},
		{.value = OTHER, .on_down = STEER_DOWN_VALUE, .stand_in = NATED},
		{.value = VPN, .on_down = STEER_DOWN_BLOCK},
	};
	static const struct steer_member plain[] = {{PLAIN, 1}, {OTHER, 1}},
					 mixed[] = {{PLAIN, 1}, {NATED, 1}};
	static const struct steer_group groups[] = {
		{.name = "both", .members = plain, .member_count = 2},
		{.name = "first", .failover = true, .members = plain, .member_count = 2},
		{.name = "mixed", .members = mixed, .member_count = 2},
		{.name = "source",
		 .sticky = STEER_STICKY_SOURCE,
		 .sticky_s = 600,
		 .members = plain,
		 .member_count = 2},
	};
	const struct steer_options options = {
		.mark = &bench->policy.mark,
		.uplinks = uplinks,
		.uplink_count = sizeof(uplinks) / sizeof(uplinks[0]),
		.groups = groups,
		.group_count = sizeof(groups) / sizeof(groups[0]),
	};
	const struct hash_seed seed = {1, 2};

	bench->policy.steer = bench->steer = steer_new(&options);
	bench->policy.steer_state = bench->steer_state =
		steer_state_new(&bench->policy.mark, 64, &seed);
	assert_non_null(bench->steer);
	assert_non_null(bench->steer_state);
}

static inline struct bench *bench_new(const char *rules)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct classifier_options options = {
		.flows_max = 1024,
		.timeouts = {7200, 180, 60},
	};

	assert_non_null(bench);
	bench->value_is_nat[NATED] = true;
	bench->now_us = 1700000000000000;
	assert_true(mark_layout_init(&bench->policy.mark, 0xff));
	bench->policy.limits = (struct inspect_limits){12, 16384};
	bench->policy.value_is_nat = bench->value_is_nat;
	bench->policy.rule_stats = bench->stats;
	bench_steer(bench);
	bench_rules(bench, rules);
	bench->classifier = classifier_new(&options, NULL, NULL);
	assert_non_null(bench->classifier);
	return bench;
}

static inline void bench_free(struct bench *bench)
{
	classifier_free(bench->classifier);
	names_free(bench->names);
	ruleset_free(bench->rules);
	steer_free(bench->steer);
	steer_state_free(bench->steer_state);
	diag_list_release(&bench->diags);
	free(bench);
}

/* From now on with a names cache. */
static inline void bench_remember(struct bench *bench)
{
	const struct hash_seed seed = {1, 2};

	bench->names = names_new(1024, &seed);
	assert_non_null(bench->names);
	bench->policy.names = bench->names;
	bench->policy.names_per_client = true;
	bench->policy.names_min_ttl_s = 60;
}

static inline void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

struct segment {
	bool reply;
	uint16_t sport, dport;
	uint8_t flags;
	uint32_t seq;
	const void *payload;
	size_t length;
	uint32_t mark;
	uint8_t hook;
	uint8_t proto; /* 0: TCP */
};

/* 10.0.0.2 -> 192.0.2.9, or back. */
static inline struct verdict send_packet(struct bench *bench, const struct segment *segment)
{
	static uint8_t bytes[20 + 20 + 4096];
	static const uint8_t client[4] = {10, 0, 0, 2}, server[4] = {192, 0, 2, 9};
	bool udp = segment->proto == 17;
	size_t header = udp ? 8 : 20, total = 20 + header + segment->length;
	uint8_t *l4 = bytes + 20;
	struct packet packet;

	assert_true(segment->length <= 4096);
	memset(bytes, 0, 40);
	bytes[0] = 0x45;
	put16(bytes + 2, (unsigned)total);
	bytes[8] = 64;
	bytes[9] = udp ? 17 : 6;
	memcpy(bytes + 12, segment->reply ? server : client, 4);
	memcpy(bytes + 16, segment->reply ? client : server, 4);
	put16(l4, segment->sport);
	put16(l4 + 2, segment->dport);
	if (udp) {
		put16(l4 + 4, (unsigned)(8 + segment->length));
	} else {
		put32(l4 + 4, segment->seq);
		l4[12] = 0x50;
		l4[13] = segment->flags;
	}
	if (segment->length)
		memcpy(l4 + header, segment->payload, segment->length);
	assert_int_equal(packet_parse(&packet, bytes, total, total), PACKET_OK);
	packet.meta = (struct packet_meta){
		.time_us = bench->now_us += 1000,
		.mark = segment->mark,
		.hook = segment->hook,
	};
	return classify_packet(bench->classifier, &bench->policy, &packet);
}

static inline uint32_t syn(struct bench *bench, uint16_t sport, uint16_t dport)
{
	struct segment segment = {
		.sport = sport, .dport = dport, .flags = PACKET_TCP_SYN, .seq = 999};

	return send_packet(bench, &segment).mark;
}

static inline uint32_t data(struct bench *bench, uint16_t sport, uint16_t dport, uint32_t offset,
			    const void *payload, size_t length)
{
	struct segment segment = {
		.sport = sport,
		.dport = dport,
		.flags = PACKET_TCP_ACK,
		.seq = 1000 + offset,
		.payload = payload,
		.length = length,
	};

	return send_packet(bench, &segment).mark;
}

static inline uint32_t reply(struct bench *bench, uint16_t sport, uint16_t dport, const char *text)
{
	struct segment segment = {
		.reply = true,
		.sport = dport,
		.dport = sport,
		.flags = PACKET_TCP_ACK,
		.seq = 5000,
		.payload = text,
		.length = strlen(text),
		.hook = PACKET_HOOK_POSTROUTING,
	};

	return send_packet(bench, &segment).mark;
}

static inline struct flow *last(const struct bench *bench)
{
	return classifier_last_flow(bench->classifier, NULL);
}

#endif
