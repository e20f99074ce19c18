/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture - one capture file through the classifier, as live packets go through it.
 *
 * The flows come out in the order of their first packets, each with all that is
 * known of it. A file that is cut gives what came before the cut, and an error.
 */
#ifndef WAYMARK_CLI_CAPTURE_H
#define WAYMARK_CLI_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include <waymark/classify.h>
#include <waymark/doubt.h>
#include <waymark/policy.h>
#include <waymark/source.h>

struct capture_flow {
	struct flow flow;	    /* a copy */
	struct flow_info info;	    /* its strings are copies */
	char *strings;
	struct doubt_flow *settled; /* until the flow ends, where somebody counts */
};

struct capture_run {
	struct capture_flow *flows;
	size_t count, capacity;
	uint64_t packets, bytes;
	struct source_pcap_stats frames;
	struct doubt *doubt; /* of the options */
	bool out_of_memory;
	char error[256]; /* "" or why the run did not reach the file's end */
};

/* Told of each packet and its verdict; may be NULL. */
typedef void capture_packet_fn(const struct packet *packet, const struct flow *flow,
			       const struct verdict *verdict, void *context);

struct capture_options {
	const char *iface_in; /* the interface that every packet came in by; NULL: unknown */
	capture_packet_fn *packet;
	void *context;
	struct doubt *doubt; /* what flows turned out to be is added here; may be NULL */
};

/* 0, or -errno with run->error set; the flows up to there are in `run` in any case. */
int capture_run(const struct policy *policy, const char *path,
		const struct capture_options *options, struct capture_run *run);
void capture_run_release(struct capture_run *run);

/* The value as it ends up: what a flow that nothing ever decided has, is main. */
uint32_t capture_value(const struct policy *policy, const struct flow *flow);
/* The rule's name, NULL if none. */
const char *capture_rule(const struct policy *policy, const struct flow *flow);
/* The uplink's name, "main" if a rule says so; NULL when nothing matched or for a user class. */
const char *capture_uplink(const struct policy *policy, const struct flow *flow);
const char *capture_late(const struct flow *flow);
uint16_t capture_app(const struct capture_flow *flow);

#endif
