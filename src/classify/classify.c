/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The straight line, the same for live and replay:
 *
 *   packet -> flow -> evidence -> first match -> decision -> mark
 *
 * A flow is open from its first packet until no earlier rule can still win. Only
 * while it is open does it own anything but its table entry: the facts of its
 * first packet and an inspection (struct pending). What was learned, app and
 * host, stays with the flow (struct flow_info).
 *
 * Invariants:
 *  - a final flow never changes its value again;
 *  - a packet is never held back: bytes are copied, the verdict is immediate;
 *  - after a reload an open flow is judged anew, under the new rules, with the
 *    facts and bytes it has; a final flow stays as it is;
 *  - memory of inspections stays within inspect_bytes_max: past it, the flow
 *    least recently seen is decided with what is known of it.
 */
#include <waymark/classify.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define INSPECT_BYTES_DEFAULT ((size_t)64 << 20)

struct pending {
	struct rule_facts facts;
	struct inspection *inspection; /* NULL: refused, everything in the payload is refuted */
	size_t bytes;		       /* what it counts in the budget */
	uint32_t generation;	       /* of the rules it was last judged by */
};

struct classifier {
	struct flow_table *flows;
	struct pattern_scratch *scratch;
	size_t inspect_bytes, inspect_bytes_max;
	struct flow *last_flow;
	enum flow_direction last_direction;
	bool last_decided;
	classify_ended_fn *ended;
	void *context;
	struct classify_stats stats;
};

/* What a flow without an inspection has: nothing, for good. */
static const struct evidence no_evidence = {
	.apps_done = true,
	.host_done = true,
	.alpn_done = true,
	.patterns_done = true,
};

/* One writer, the worker; the control thread reads. No locked instruction. */
static inline void count(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

static void pending_free(struct classifier *classifier, struct flow *flow)
{
	struct pending *pending = flow->pending;

	if (!pending)
		return;
	classifier->inspect_bytes -= pending->bytes;
	inspection_free(pending->inspection);
	free(pending);
	flow->pending = NULL;
}

/* The flow's entry is about to be reused. */
static void flow_ends(struct flow *flow, void *context)
{
	struct classifier *classifier = context;
	struct flow_info *info = flow->info;

	if (classifier->ended)
		classifier->ended(flow, classifier->context);
	pending_free(classifier, flow);
	if (info) {
		free(info->host);
		free(info->alpn);
		free(info);
		flow->info = NULL;
	}
	if (classifier->last_flow == flow)
		classifier->last_flow = NULL;
}

struct classifier *classifier_new(const struct classifier_options *options,
				  classify_ended_fn *ended, void *context)
{
	struct classifier *classifier = calloc(1, sizeof(*classifier));
	struct hash_seed seed;

	if (!classifier)
		return NULL;
	classifier->inspect_bytes_max =
		options->inspect_bytes_max ? options->inspect_bytes_max : INSPECT_BYTES_DEFAULT;
	classifier->ended = ended;
	classifier->context = context;
	classifier->scratch = pattern_scratch_new();
	if (classifier->scratch && hash_seed_random(&seed) == 0)
		classifier->flows = flow_table_new(options->flows_max, &options->timeouts, &seed,
						   flow_ends, classifier);
	if (!classifier->flows) {
		classifier_free(classifier);
		return NULL;
	}
	return classifier;
}

void classifier_free(struct classifier *classifier)
{
	if (!classifier)
		return;
	if (classifier->flows)
		flow_table_free(classifier->flows);
	pattern_scratch_free(classifier->scratch);
	free(classifier);
}

/* Copies what is known by now; on out of memory the flow just shows less. */
static void info_update(struct flow *flow, const struct evidence *evidence)
{
	struct flow_info *info = flow->info;

	if (!evidence->app_count && !evidence->host_length && !evidence->alpn_length)
		return;
	if (!info && !(info = flow->info = calloc(1, sizeof(*info))))
		return;
	memcpy(info->app, evidence->app, sizeof(info->app));
	info->app_count = evidence->app_count;
	if (!info->host && evidence->host_length &&
	    (info->host = strndup(evidence->host, evidence->host_length)))
		info->host_source = evidence->host_source;
	if (!info->alpn && evidence->alpn_length && (info->alpn = malloc(evidence->alpn_length))) {
		memcpy(info->alpn, evidence->alpn, evidence->alpn_length);
		info->alpn_length = evidence->alpn_length;
	}
}

/* What the packet's own mark says of a flow that we see for the first time. */
static void flow_open(struct classifier *classifier, const struct classify_policy *policy,
		      struct flow *flow, const struct packet *packet)
{
	const struct mark_layout *mark = &policy->mark;
	uint32_t value = mark_value(mark, packet->meta.mark);
	bool provisional = mark_is_provisional(mark, packet->meta.mark);

	flow->rule = -1;
	flow->generation = policy->generation;
	flow->first_hook = packet->meta.hook;
	flow->older = flow->midstream || provisional || value != 0;
	/* a hint carries no line; anything else is the line that the flow is on */
	flow->value = value == mark->hint ? 0 : value;
	count(&classifier->stats.flows, 1);
	if (flow->older)
		count(&classifier->stats.older, 1);
	if (value && value != mark->hint && !provisional) {
		/* final already, by a run before this one: it is never decided again */
		flow->decided_packet = 1;
		flow_table_set_final(classifier->flows, flow);
	}
}

/*
 * Our chains queue replies behind the translation, in FORWARD and INPUT: there, the receiver is
 * the client. A rule of the user's own there queues both directions; only P, which our chains
 * wait for, then tells a reply.
 */
static bool is_reply(const struct classify_policy *policy, const struct packet *packet)
{
	if (packet->meta.hook != PACKET_HOOK_FORWARD && packet->meta.hook != PACKET_HOOK_INPUT)
		return false;
	return !policy->drop_by_verdict || mark_is_provisional(&policy->mark, packet->meta.mark);
}

static void facts_of(const struct classify_policy *policy, struct rule_facts *facts,
		     const struct packet *packet)
{
	rule_facts_from_packet(facts, packet);
	if (is_reply(policy, packet)) {
		struct ip_addr addr = facts->src;
		uint16_t port = facts->sport;

		facts->src = facts->dst;
		facts->dst = addr;
		facts->sport = facts->dport;
		facts->dport = port;
		facts->iface_in = facts->iface_out = 0;
		facts->has_mac = false;
		/* an answer that comes in belongs to a flow that began here */
		facts->hook = packet->meta.hook == PACKET_HOOK_INPUT ? RULE_HOOK_OUTPUT
								     : RULE_HOOK_FORWARD;
	}
}

/* The budget counts each inspection by what it holds now. */
static void budget_update(struct classifier *classifier, struct pending *pending)
{
	size_t bytes = sizeof(*pending) + inspection_bytes(pending->inspection);

	classifier->inspect_bytes += bytes - pending->bytes;
	pending->bytes = bytes;
}

static struct pending *pending_new(struct classifier *classifier,
				   const struct classify_policy *policy, struct flow *flow,
				   const struct packet *packet)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return NULL;
	facts_of(policy, &pending->facts, packet);
	pending->generation = policy->generation;
	pending->inspection = inspection_new(flow, packet, ruleset_patterns(policy->rules));
	if (!pending->inspection) {
		free(pending);
		return NULL;
	}
	flow->pending = pending;
	budget_update(classifier, pending);
	return pending;
}

/*
 * Judges the flow by all that is known, and makes it final when nothing is open.
 * `first`: its first packet is still in our hands, so nothing is late.
 */
static void flow_judge(struct classifier *classifier, const struct classify_policy *policy,
		       struct flow *flow, const struct rule_facts *facts,
		       const struct evidence *evidence, bool first, uint64_t now_us)
{
	uint64_t packets = flow->packets[0] + flow->packets[1];
	struct classify_decision decision;
	struct rule_match match;

	ruleset_match(policy->rules, facts, evidence, policy->interfaces, &match);
	decision = classify_decide(policy, &match, flow->value, !first);
	if (!decision.final) {
		/* what stands behind the open rules is chosen once, by the first packet */
		if (first || flow->generation != policy->generation)
			flow->rule = flow->older ? -1 : decision.rule;
		flow->generation = policy->generation;
		flow->value = decision.value;
		return;
	}
	flow->generation = policy->generation;
	flow->rule = decision.rule;
	flow->value = decision.value;
	flow->late = (uint8_t)decision.late;
	flow->moved = decision.moved;
	flow->decided_packet = packets > UINT32_MAX ? UINT32_MAX : (uint32_t)packets;
	flow_table_set_final(classifier->flows, flow);
	classifier->last_decided = true;

	count(first ? &classifier->stats.decided_first : &classifier->stats.decided_late, 1);
	if (decision.moved)
		count(&classifier->stats.moved, 1);
	else if (decision.late == RULE_LATE_LEARN)
		count(&classifier->stats.kept, 1);
	if (decision.rule >= 0 && policy->rule_stats) {
		struct classify_rule_stats *stats = &policy->rule_stats[decision.rule];

		count(&stats->hits, 1);
		atomic_store_explicit(&stats->last_hit_us, now_us, memory_order_relaxed);
	}
}

/* True if the rules changed since the flow was last judged: its bytes then meet the new patterns.
 */
static bool pending_rebase(struct pending *pending, const struct classify_policy *policy)
{
	if (pending->generation == policy->generation)
		return false;
	inspection_rebase(pending->inspection, ruleset_patterns(policy->rules));
	pending->generation = policy->generation;
	return true;
}

/* Past the budget the flow that waits longest is decided with what it has shown so far. */
static void budget_enforce(struct classifier *classifier, const struct classify_policy *policy,
			   const struct flow *except, uint64_t now_us)
{
	while (classifier->inspect_bytes > classifier->inspect_bytes_max) {
		struct flow *flow = flow_table_oldest_undecided(classifier->flows);
		struct pending *pending = flow ? flow->pending : NULL;

		if (!pending || flow == except)
			return;
		count(&classifier->stats.refused_memory, 1);
		pending_rebase(pending, policy);
		inspection_close(pending->inspection);
		flow_judge(classifier, policy, flow, &pending->facts,
			   inspection_evidence(pending->inspection), false, now_us);
		if (flow->state != FLOW_FINAL)
			flow_table_set_final(classifier->flows, flow);
		pending_free(classifier, flow);
	}
}

static bool evidence_complete(const struct evidence *evidence)
{
	return evidence->apps_done && evidence->host_done && evidence->alpn_done;
}

/* The open part of a flow's life: takes the packet as evidence and judges if it told anything. */
static void flow_learn(struct classifier *classifier, const struct classify_policy *policy,
		       struct flow *flow, enum flow_direction direction,
		       const struct packet *packet, bool fresh)
{
	const struct pattern_set *patterns = ruleset_patterns(policy->rules);
	struct pending *pending = flow->pending;
	const struct evidence *evidence;
	bool news = fresh, first = fresh && !flow->older;

	if (pending && pending_rebase(pending, policy))
		news = true;
	if (fresh && !(pending = pending_new(classifier, policy, flow, packet))) {
		struct rule_facts facts;

		facts_of(policy, &facts, packet);
		count(&classifier->stats.refused_memory, 1);
		flow_judge(classifier, policy, flow, &facts, &no_evidence, first,
			   packet->meta.time_us);
		return;
	}
	if (!pending)
		return;
	if (inspection_feed(pending->inspection, flow, direction, packet, patterns,
			    classifier->scratch, &policy->limits))
		news = true;
	evidence = inspection_evidence(pending->inspection);
	if (news) {
		info_update(flow, evidence);
		if (flow->state != FLOW_FINAL)
			flow_judge(classifier, policy, flow, &pending->facts, evidence, first,
				   packet->meta.time_us);
	}
	budget_update(classifier, pending);
	if (flow->state == FLOW_FINAL &&
	    (!policy->inspect_decided || evidence_complete(evidence) ||
	     classifier->inspect_bytes > classifier->inspect_bytes_max)) {
		pending_free(classifier, flow);
		return;
	}
	budget_enforce(classifier, policy, flow, packet->meta.time_us);
}

/* With header rules alone nothing is ever pending: one match, and the flow is final. */
static void flow_decide_by_headers(struct classifier *classifier,
				   const struct classify_policy *policy, struct flow *flow,
				   const struct packet *packet)
{
	struct rule_facts facts;

	facts_of(policy, &facts, packet);
	flow_judge(classifier, policy, flow, &facts, NULL, !flow->older, packet->meta.time_us);
}

static struct verdict verdict_of(struct classifier *classifier,
				 const struct classify_policy *policy, const struct flow *flow,
				 const struct packet *packet)
{
	const struct mark_layout *mark = &policy->mark;
	uint32_t bits = mark_bits(mark, flow->value);
	struct verdict verdict = {.mark = packet->meta.mark};

	if (flow->value == mark->drop)
		count(&classifier->stats.dropped, 1);
	if (policy->observe)
		return verdict;
	if (flow->state != FLOW_FINAL)
		bits |= mark->provisional;
	verdict.mark = mark_merge(mark, packet->meta.mark, bits);
	verdict.drop = policy->drop_by_verdict && flow->value == mark->drop;
	return verdict;
}

struct verdict classify_packet(struct classifier *classifier, const struct classify_policy *policy,
			       const struct packet *packet)
{
	enum flow_direction direction;
	bool fresh;
	struct flow *flow = flow_table_track(classifier->flows, packet, &direction, &fresh);

	count(&classifier->stats.packets, 1);
	count(&classifier->stats.bytes, packet->ip_length);
	classifier->last_flow = flow;
	classifier->last_direction = direction;
	classifier->last_decided = false;

	if (fresh)
		flow_open(classifier, policy, flow, packet);
	if (fresh && flow->state != FLOW_FINAL && !policy->inspect_decided &&
	    ruleset_is_header_only(policy->rules))
		flow_decide_by_headers(classifier, policy, flow, packet);
	else if (flow->pending || (fresh && (flow->state != FLOW_FINAL || policy->inspect_decided)))
		flow_learn(classifier, policy, flow, direction, packet, fresh);

	return verdict_of(classifier, policy, flow, packet);
}

struct flow *classifier_last_flow(const struct classifier *classifier,
				  enum flow_direction *direction)
{
	if (direction)
		*direction = classifier->last_direction;
	return classifier->last_flow;
}

bool classifier_last_decided(const struct classifier *classifier)
{
	return classifier->last_decided;
}

size_t classifier_expire(struct classifier *classifier, uint64_t now_us, size_t budget)
{
	return flow_table_expire(classifier->flows, now_us, budget);
}

struct flow_table *classifier_flows(struct classifier *classifier)
{
	return classifier->flows;
}

struct classify_stats *classifier_stats(struct classifier *classifier)
{
	return &classifier->stats;
}

const struct flow_info *classify_info(const struct flow *flow)
{
	return flow->info;
}
