/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture - one capture file through the classifier, as live packets go through it.
 *
 * The flows come out in the order of their first packets, each with all that is
 * known of it. A file that is cut gives what came before the cut, and an error.
 * Memory follows the flows that are open and those that wait for one before them, not the capture.
 */
#ifndef WAYMARK_CLI_CAPTURE_H
#define WAYMARK_CLI_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/classify.h>
#include <waymark/doubt.h>
#include <waymark/policy.h>
#include <waymark/source.h>

struct capture_flow {
	struct flow flow;      /* a copy */
	struct flow_info info; /* its strings are behind the flow, in one block */
	char strings[];
};

struct capture_place;

struct capture_run {
	/* of the flows from number `first` on: a ring, so that places of told flows are used again
	 */
	struct capture_place *places;
	size_t capacity; /* a power of two, or 0 */
	uint32_t first;
	uint32_t count; /* flows of the capture so far */
	uint64_t packets, bytes;
	struct source_pcap_stats frames;
	const struct capture_options *options;
	int failed;	 /* -errno that came up where flows end */
	char error[256]; /* "" or why the run did not reach the file's end */
};

/* Told of each packet and its verdict; may be NULL. */
typedef void capture_packet_fn(const struct packet *packet, const struct flow *flow,
			       const struct verdict *verdict, void *context);
/* Told of each flow, whose memory goes when it returns. */
typedef void capture_flow_fn(const struct capture_flow *flow, void *context);

struct capture_options {
	const char *iface_in; /* the interface that every packet came in by; NULL: unknown */
	capture_packet_fn *packet;
	/* in the order of first packets, each as soon as it and all before it have ended; may be
	 * NULL */
	capture_flow_fn *flow;
	void *context;	     /* of both */
	bool keep;	     /* flows are told to nobody, but kept for capture_run_flow() */
	struct doubt *doubt; /* what told flows turned out to be is added here; may be NULL */
};

/* 0, or -errno with run->error set; the flows up to there have been told, or are in `run`, in any
 * case. */
int capture_run(const struct policy *policy, const char *path,
		const struct capture_options *options, struct capture_run *run);
/* A flow that was kept, by its place from 0 to count - 1; NULL: lost, out of memory. */
const struct capture_flow *capture_run_flow(const struct capture_run *run, size_t index);
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
