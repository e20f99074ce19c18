/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The replay loop: the same receive, classify, verdict as in a worker, with a
 * file as the source. What differs from live is told to the classifier, not
 * done here: it reads on for app and host after a decision, since a capture
 * holds every packet, where a live queue no longer sees a final flow.
 *
 * Flows leave the table in any order (idle time, eviction, the end); they are
 * put in their place by number, so the output has the order of first packets.
 */
#include "capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The flow's place, made if it is new; NULL when out of memory. */
static struct capture_flow *slot_of(struct capture_run *run, const struct flow *flow)
{
	if (flow->number > run->capacity) {
		size_t capacity = run->capacity ? run->capacity * 2 : 256;
		struct capture_flow *flows;

		while (capacity < flow->number)
			capacity *= 2;
		flows = realloc(run->flows, capacity * sizeof(*flows));
		if (!flows) {
			run->out_of_memory = true;
			return NULL;
		}
		memset(flows + run->capacity, 0, (capacity - run->capacity) * sizeof(*flows));
		run->flows = flows;
		run->capacity = capacity;
	}
	if (flow->number > run->count)
		run->count = flow->number;
	return &run->flows[flow->number - 1];
}

/* What the flow is, is known; how much of it there is, at its end. */
static void flow_settled(const struct classify_settled *settled, void *context)
{
	struct capture_run *run = context;
	struct capture_flow *slot = slot_of(run, settled->flow);

	if (!slot)
		return;
	if (!slot->settled && !(slot->settled = malloc(sizeof(*slot->settled)))) {
		run->out_of_memory = true;
		return;
	}
	doubt_flow_init(slot->settled, settled);
}

static void count_settled(struct capture_run *run, struct capture_flow *slot,
			  const struct flow *flow)
{
	struct doubt_flow *settled = slot->settled;

	if (!settled)
		return;
	settled->packets = flow_packets(flow);
	settled->bytes = flow_bytes(flow);
	settled->last_us = flow_last_us(flow);
	doubt_add(run->doubt, settled);
	free(settled);
	slot->settled = NULL;
}

static void flow_ended(const struct flow *flow, const struct flow_info *info, void *context)
{
	struct capture_run *run = context;
	struct capture_flow *slot;
	size_t host_bytes, alpn_bytes;

	if (flow->number == 0 || !(slot = slot_of(run, flow)))
		return;
	count_settled(run, slot, flow);
	slot->flow = *flow;
	if (!info)
		return;
	slot->info = *info;
	slot->info.host = slot->info.alpn = NULL;
	host_bytes = info->host ? strlen(info->host) + 1 : 0;
	alpn_bytes = info->alpn ? info->alpn_length : 0;
	if (!host_bytes && !alpn_bytes)
		return;
	slot->strings = malloc(host_bytes + alpn_bytes);
	if (!slot->strings) {
		run->out_of_memory = true;
		return;
	}
	if (host_bytes)
		slot->info.host = memcpy(slot->strings, info->host, host_bytes);
	if (alpn_bytes)
		slot->info.alpn = memcpy(slot->strings + host_bytes, info->alpn, alpn_bytes);
}

static void tell_packet(struct classifier *classifier, const struct packet *packet,
			const struct verdict *verdict, void *context)
{
	const struct capture_options *options = context;

	options->packet(packet, classifier_last_flow(classifier, NULL), verdict, options->context);
}

static int read_all(struct source *source, struct classifier *classifier,
		    const struct classify_policy *view, const struct capture_options *options,
		    struct capture_run *run)
{
	struct packet packets[SOURCE_BATCH];
	struct verdict verdicts[SOURCE_BATCH];
	struct capture_options told = *options;
	int count;

	while ((count = source->ops->receive(source, packets)) > 0) {
		for (int i = 0; i < count; i++) {
			/* the one interface that --iface-in names has the index 1 */
			packets[i].meta.iface_in = options->iface_in ? 1 : 0;
			run->packets++;
			run->bytes += packets[i].ip_length;
		}
		classify_batch(classifier, view, packets, (size_t)count, verdicts,
			       options->packet ? tell_packet : NULL, &told);
		source->ops->verdicts(source, packets, verdicts, (size_t)count);
	}
	if (count < 0)
		snprintf(run->error, sizeof(run->error), "%s", source_error(source));
	return count;
}

int capture_run(const struct policy *policy, const char *path,
		const struct capture_options *options, struct capture_run *run)
{
	const struct conf *conf = policy->conf;
	struct classify_policy view;
	struct classifier_options classifier_options = {
		.flows_max = conf->flows.max,
		.timeouts = {conf->flows.tcp_s, conf->flows.udp_s, conf->flows.other_s},
		/* nothing waits for us here: a capture may take what it needs to show every name */
		.inspect_bytes_max = (size_t)1 << 30,
		.at_end = &view,
		.settled = options->doubt ? flow_settled : NULL,
		.settled_context = run,
	};
	struct rules_interfaces *interfaces = NULL;
	struct classifier *classifier = NULL;
	struct steer_state *steer_state = NULL;
	struct names *names = NULL;
	struct hash_seed seed;
	struct source *source;
	int result = -ENOMEM;

	*run = (struct capture_run){.doubt = options->doubt};
	source = source_pcap_open(path, run->error, sizeof(run->error));
	if (!source)
		return -EINVAL;
	interfaces = rules_interfaces_new();
	classifier = classifier_new(&classifier_options, flow_ended, run);
	/* each capture is a world of its own: what one shows is not known in the next */
	if (hash_seed_random(&seed) == 0) {
		names = names_new(conf->names.max, &seed);
		steer_state = steer_state_new(&conf->mark, 0, &seed);
	}
	if (!interfaces || !classifier || !names || !steer_state ||
	    (options->iface_in && rules_interfaces_set(interfaces, 1, options->iface_in) < 0)) {
		snprintf(run->error, sizeof(run->error), "out of memory");
		goto out;
	}
	policy_classify_view(policy, &view);
	view.generation = 1;
	view.interfaces = interfaces;
	view.names = names;
	view.steer_state = steer_state;
	view.inspect_decided = true;
	/* marks are what a replay is for, also when the daemon only observes */
	view.observe = false;
	result = read_all(source, classifier, &view, options, run);
	run->frames = *source_pcap_stats(source);
out:
	classifier_free(classifier);
	names_free(names);
	steer_state_free(steer_state);
	if (run->out_of_memory && result == 0) {
		snprintf(run->error, sizeof(run->error), "out of memory");
		result = -ENOMEM;
	}
	rules_interfaces_free(interfaces);
	source->ops->close(source);
	return result;
}

void capture_run_release(struct capture_run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		free(run->flows[i].strings);
		free(run->flows[i].settled);
	}
	free(run->flows);
	*run = (struct capture_run){0};
}

uint32_t capture_value(const struct policy *policy, const struct flow *flow)
{
	return flow->value ? flow->value : policy->conf->mark.main;
}

const char *capture_rule(const struct policy *policy, const struct flow *flow)
{
	struct rule_view rule;

	if (flow_rule(flow) < 0)
		return NULL;
	ruleset_view(policy->rules, (size_t)flow_rule(flow), &rule);
	return rule.name;
}

const char *capture_uplink(const struct policy *policy, const struct flow *flow)
{
	uint32_t value = capture_value(policy, flow);

	if (flow_rule(flow) < 0 && value == policy->conf->mark.main)
		return NULL;
	return policy_uplink_name(policy, value);
}

const char *capture_late(const struct flow *flow)
{
	return flow->late == RULE_LATE_LEARN  ? "learn"
	       : flow->late == RULE_LATE_MOVE ? "move"
					      : NULL;
}

uint16_t capture_app(const struct capture_flow *flow)
{
	return flow->info.app_shown;
}
