/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * routes - what the pure half of the route module costs with 4, 64 and 124 uplinks.
 *
 * Each uplink has a link, an address and a default of main's in both families. "judge" is what an
 * event waits for before new flows take another line, "plan" and "diff" what a run adds to the
 * dumps (the diff finds one uplink's default missing), "event" one route of somebody else's in the
 * monitor's queue, system calls left out. All times are the CPU's, and the best of several.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "../src/route/private.h"
#include "bench.h"

#define UPLINKS_MAX 124u
#define BEST_OF 20
#define EVENTS 100000

struct lab {
	struct conf conf;
	struct conf_uplink uplinks[UPLINKS_MAX];
	char names[UPLINKS_MAX][ROUTE_NAME_SIZE];
	struct route_uplink_plan plans[UPLINKS_MAX];
	struct route_memory memory;
	struct route_scope scope;
};

static void must(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "routes: %s\n", what);
	exit(1);
}

static double cpu_us(void)
{
	return (double)bench_cpu_ns() / 1e3;
}

static void add_uplink(struct lab *lab, uint8_t i)
{
	struct route_link link = {.index = 5u + i, .up = true, .carrier = true};
	struct route_address address = {.index = link.index, .prefix_length = 24, .global = true};
	struct route_route route = {.type = ROUTE_TYPE_UNICAST,
				    .table = ROUTE_MAIN_TABLE,
				    .metric = 100u + i,
				    .index = link.index};
	static const uint8_t families[] = {IP_V4, IP_V6};

	snprintf(lab->names[i], sizeof(lab->names[i]), "wan%u", i);
	snprintf(link.name, sizeof(link.name), "wan%u", i);
	lab->uplinks[i] = (struct conf_uplink){.name = lab->names[i],
					       .interface = lab->names[i],
					       .table = 1000u + i,
					       .mark = 1u + i,
					       .enabled = true};
	must(route_facts_add_link(&lab->memory.facts, &link), "out of memory");
	for (size_t f = 0; f < 2; f++) {
		route.family = families[f];
		route.gateway = (struct ip_addr){.family = families[f], .bytes = {10, i, 0, 1}};
		address.address = (struct ip_addr){.family = families[f], .bytes = {10, i, 0, 2}};
		address.prefix = address.address;
		must(route_facts_add_address(&lab->memory.facts, &address), "out of memory");
		must(route_facts_add_main(&lab->memory.facts, &route), "out of memory");
	}
}

static void lab_init(struct lab *lab, uint32_t uplinks)
{
	lab->conf.mode = CONF_ENFORCE;
	lab->conf.routing.manage = true;
	lab->conf.routing.main_first = true;
	lab->conf.routing.priority = 20000;
	lab->conf.routing.protocol = 87;
	lab->conf.uplinks = lab->uplinks;
	lab->conf.uplink_count = uplinks;
	mark_layout_init(&lab->conf.mark, 0xff);
	lab->memory.facts.ipv4 = lab->memory.facts.ipv6 = true;
	for (uint32_t i = 0; i < uplinks; i++)
		add_uplink(lab, (uint8_t)i);
	must(route_watch_init(&lab->memory.watch, &lab->conf, &lab->memory.facts), "out of memory");
	must(route_scope_init(&lab->scope, &lab->conf), "out of memory");
}

static void lab_release(struct lab *lab)
{
	route_memory_release(&lab->memory);
	route_scope_release(&lab->scope);
	free(lab);
}

static double judge_us(struct lab *lab)
{
	double began = cpu_us();

	must(route_judge(&lab->conf, &lab->memory.facts, NULL, lab->plans), "cannot judge");
	return cpu_us() - began;
}

static double plan_us(struct lab *lab, struct route_state *wanted)
{
	double began = cpu_us();

	must(route_plan(&lab->conf, &lab->memory.facts, NULL, wanted, lab->plans), "cannot plan");
	return cpu_us() - began;
}

static double diff_us(struct lab *lab, const struct route_state *wanted)
{
	struct route_state present = *wanted;
	struct route_changes changes = {0};
	double began;

	present.route_count--;
	began = cpu_us();
	must(route_diff(&present, wanted, &lab->scope, 1, &changes), "cannot tell the difference");
	began = cpu_us() - began;
	must(changes.count != 1, "not one change");
	route_changes_release(&changes);
	return began;
}

/* Somebody's route in main, by a gateway. */
static double event_us(struct lab *lab)
{
	uint8_t bytes[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	unsigned news = 0;
	double began;

	message->nlmsg_type = RTM_NEWROUTE;
	header->rtm_family = AF_INET;
	header->rtm_dst_len = 24;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_protocol = RTPROT_BGP;
	header->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(message, RTA_TABLE, RT_TABLE_MAIN);
	mnl_attr_put_u32(message, RTA_DST, 0x00640a14);
	mnl_attr_put_u32(message, RTA_GATEWAY, 0x0900640a);
	mnl_attr_put_u32(message, RTA_OIF, 5);
	began = cpu_us();
	for (int i = 0; i < EVENTS; i++)
		news |= route_follow(&lab->memory, &lab->conf, &lab->scope, 1, message);
	began = cpu_us() - began;
	must(news != 0, "a route of another's is news");
	return began / EVENTS;
}

static void keep_best(double *best, double took)
{
	if (*best == 0 || took < *best)
		*best = took;
}

int main(void)
{
	static const uint32_t counts[] = {4, 64, UPLINKS_MAX};

	printf("%8s %8s %10s %10s %10s %10s\n", "uplinks", "rules", "judge us", "plan us",
	       "diff us", "event ns");
	for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
		struct lab *lab = calloc(1, sizeof(*lab));
		double judge = 0, plan = 0, diff = 0, event = 0;
		size_t rules = 0;
		char name[32];
		struct bench_row row = {
			.bench = "routes", .row = name, .unit = "us/plan", .rounds = BEST_OF};

		must(lab == NULL, "out of memory");
		lab_init(lab, counts[n]);
		for (int i = 0; i < BEST_OF; i++) {
			struct route_state wanted = {0};

			keep_best(&judge, judge_us(lab));
			keep_best(&plan, plan_us(lab, &wanted));
			keep_best(&diff, diff_us(lab, &wanted));
			keep_best(&event, event_us(lab));
			rules = wanted.rule_count;
			route_state_release(&wanted);
		}
		printf("%8u %8zu %10.1f %10.1f %10.1f %10.1f\n", counts[n], rules, judge, plan,
		       diff, event * 1e3);
		snprintf(name, sizeof(name), "%u uplinks", counts[n]);
		row.median = plan;
		bench_json(&row,
			   "\"rules\":%zu,\"judge_us\":%.1f,\"diff_us\":%.1f,\"event_ns\":%.1f",
			   rules, judge, diff, event * 1e3);
		lab_release(lab);
	}
	return 0;
}
