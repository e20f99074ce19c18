/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The replay loop: the same receive, classify, verdict as in a worker, with a
 * file as the source. What differs from live is told to the classifier, not
 * done here: it reads on for app and host after a decision, since a capture
 * holds every packet, where a live queue no longer sees a final flow.
 *
 * Flows leave the table in any order (idle time, eviction, the end) and are told in that of their
 * first packets: those that have to wait for one before them stand in a ring of places by number,
 * each in one block of its own. Nobody waits longer than the oldest flow lives, since flows end by
 * packet time while the file is read.
 */
#include "capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ahead.h"

#define PLACES_MIN 256
/* Entries of the flow table that are looked at behind each batch, of those that are due. */
#define EXPIRE_BUDGET 1024
/* By steps of time, since the table is looked through anew for each. */
#define EXPIRE_STEP_US (30 * UINT64_C(1000000))
#define INSPECT_BYTES_MAX ((size_t)1 << 30)

struct capture_place {
	struct capture_flow *flow;  /* NULL: not at its end */
	struct doubt_flow *settled; /* from then until the flow is told, where somebody counts */
};

static struct capture_place *place_at(const struct capture_run *run, uint32_t number)
{
	return &run->places[number & (run->capacity - 1)];
}

/* Room for the flows from `first` to `number`. */
static bool places_grow(struct capture_run *run, uint32_t number)
{
	size_t capacity = run->capacity ? run->capacity : PLACES_MIN;
	struct capture_place *places, *before = run->places;
	size_t held = run->capacity;

	while (capacity <= number - run->first)
		capacity *= 2;
	if (capacity == held)
		return true;
	places = calloc(capacity, sizeof(*places));
	if (!places)
		return false;
	for (size_t i = 0; i < held; i++)
		places[(run->first + i) & (capacity - 1)] = before[(run->first + i) & (held - 1)];
	run->places = places;
	run->capacity = capacity;
	free(before);
	return true;
}

/* The flow's place; NULL: there is none, which is kept. */
static struct capture_place *place_of(struct capture_run *run, uint32_t number)
{
	if (number < run->first) {
		run->failed = -EOVERFLOW;
		return NULL;
	}
	if (!places_grow(run, number)) {
		run->failed = -ENOMEM;
		return NULL;
	}
	if (number > run->count)
		run->count = number;
	return place_at(run, number);
}

/* What the flow is, is known; how much of it there is, at its end. */
static void flow_settled(const struct classify_settled *settled, void *context)
{
	struct capture_run *run = context;
	struct capture_place *place = place_of(run, flow_number(settled->flow));

	if (!place)
		return;
	if (!place->settled && !(place->settled = malloc(sizeof(*place->settled)))) {
		run->failed = -ENOMEM;
		return;
	}
	doubt_flow_init(place->settled, settled);
}

static struct capture_flow *flow_copy(const struct flow *flow, const struct flow_info *info)
{
	size_t host_bytes = info && info->host ? strlen(info->host) + 1 : 0;
	size_t alpn_bytes = info && info->alpn ? info->alpn_length : 0;
	struct capture_flow *copy = malloc(sizeof(*copy) + host_bytes + alpn_bytes);

	if (!copy)
		return NULL;
	copy->flow = *flow;
	copy->info = info ? *info : (struct flow_info){0};
	copy->info.host = copy->info.alpn = NULL;
	if (host_bytes)
		copy->info.host = memcpy(copy->strings, info->host, host_bytes);
	if (alpn_bytes)
		copy->info.alpn = memcpy(copy->strings + host_bytes, info->alpn, alpn_bytes);
	return copy;
}

/* In the order of first packets too: which samples of what is unknown are kept hangs on it. */
static void count_settled(struct capture_run *run, struct capture_place *place,
			  const struct flow *flow)
{
	struct doubt_flow *settled = place->settled;

	if (!settled)
		return;
	settled->packets = flow_packets(flow);
	settled->bytes = flow_bytes(flow);
	settled->last_us = flow_last_us(flow);
	doubt_add(run->options->doubt, settled);
	free(settled);
	place->settled = NULL;
}

static void tell_flow(struct capture_run *run, struct capture_place *place,
		      const struct capture_flow *flow)
{
	count_settled(run, place, &flow->flow);
	if (run->options->flow)
		run->options->flow(flow, run->options->context);
	run->first++;
}

/* Tells all that nobody stands before. */
static void tell_flows(struct capture_run *run)
{
	struct capture_place *place;

	while (run->first <= run->count && (place = place_at(run, run->first))->flow) {
		tell_flow(run, place, place->flow);
		free(place->flow);
		place->flow = NULL;
	}
}

static void flow_ended(const struct flow *flow, const struct flow_info *info, void *context)
{
	struct capture_run *run = context;
	struct capture_place *place = place_of(run, flow_number(flow));

	if (!place)
		return;
	if (!run->options->keep && flow_number(flow) == run->first) {
		/* the usual case at the end, where flows leave in order: its turn has come already
		 */
		struct capture_flow now = {.flow = *flow};

		if (info)
			now.info = *info;
		tell_flow(run, place, &now);
		tell_flows(run);
		return;
	}
	place->flow = flow_copy(flow, info);
	if (!place->flow)
		run->failed = -ENOMEM;
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
	uint64_t last_us = 0;
	int count;

	while ((count = source->ops->receive(source, packets)) > 0) {
		/* one packet with a wrong time, before or behind, ends nobody */
		if (packets[0].meta.time_us >= last_us)
			classifier_expire(classifier, last_us - last_us % EXPIRE_STEP_US,
					  EXPIRE_BUDGET);
		for (int i = 0; i < count; i++) {
			/* the one interface that --iface-in names has the index 1 */
			packets[i].meta.iface_in = options->iface_in ? 1 : 0;
			run->packets++;
			run->bytes += packets[i].ip_length;
		}
		classify_batch(classifier, view, packets, (size_t)count, verdicts,
			       options->packet ? tell_packet : NULL, &told);
		source->ops->verdicts(source, packets, verdicts, (size_t)count);
		last_us = packets[count - 1].meta.time_us;
	}
	if (count < 0)
		snprintf(run->error, sizeof(run->error), "%s", source_error(source));
	return count;
}

/* What could not be told or kept fails the run. */
static int lost_flows(struct capture_run *run)
{
	snprintf(run->error, sizeof(run->error), "%s",
		 run->failed == -ENOMEM ? "out of memory"
					: "more flows than there are numbers for");
	return run->failed;
}

int capture_run(const struct policy *policy, const char *path,
		const struct capture_options *options, struct capture_run *run)
{
	const struct conf *conf = policy->conf;
	struct classify_policy view;
	struct classifier_options classifier_options = {
		.flows_max = conf->flows.max,
		.timeouts = {conf->flows.tcp_s, conf->flows.udp_s, conf->flows.other_s},
		.inspect_bytes_max = INSPECT_BYTES_MAX,
		.at_end = &view,
		.settled = options->doubt ? flow_settled : NULL,
		.settled_context = run,
	};
	struct rules_interfaces *interfaces = NULL;
	struct classifier *classifier = NULL;
	struct steer_state *steer_state = NULL;
	struct names *names = NULL;
	struct hash_seed seed;
	struct source *capture, *source;
	int result = -ENOMEM;

	*run = (struct capture_run){.options = options, .first = 1};
	capture = source_pcap_open(path, run->error, sizeof(run->error));
	if (!capture)
		return -EINVAL;
	source = source_ahead(capture);
	if (!source)
		source = capture;
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
	run->frames = *source_pcap_stats(capture);
out:
	classifier_free(classifier);
	names_free(names);
	steer_state_free(steer_state);
	run->options = NULL;
	if (run->failed && result == 0)
		result = lost_flows(run);
	rules_interfaces_free(interfaces);
	source->ops->close(source);
	return result;
}

const struct capture_flow *capture_run_flow(const struct capture_run *run, size_t index)
{
	return place_at(run, (uint32_t)index + 1)->flow;
}

void capture_run_release(struct capture_run *run)
{
	for (size_t i = 0; i < run->capacity; i++) {
		free(run->places[i].flow);
		free(run->places[i].settled);
	}
	free(run->places);
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
