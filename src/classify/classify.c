/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The straight line, the same for live and replay:
 *
 *   packet -> flow -> evidence -> first match -> decision -> mark
 *
 * A flow is open from its first packet until no earlier rule can still win. Only
 * while it is open does it own anything but its table entry: the facts of its
 * first packet and an inspection (struct pending). What was learned, app and
 * host, stays with the flow (info.h).
 *
 * Invariants:
 *  - a final flow never changes its value again, unless that is forgotten (its uplink failed, its
 *    connmark was cleared): then it begins anew;
 *  - a packet is never held back: bytes are copied, the verdict is immediate;
 *  - after a reload an open flow is judged anew, under the new rules, with the
 *    facts and bytes it has; a final flow stays as it is;
 *  - what the names cache knew of a flow at its first packet is all that it ever knows of it;
 *  - memory of inspections stays within inspect_bytes_max: past it, the flow
 *    least recently seen is decided with what is known of it;
 *  - a TCP flow has an inspection of its own from its first payload on. Before that it shows what
 *    any other shows (classifier->silent), so that a SYN flood fills no memory.
 *
 * It is long because all of it works on the open part of a flow (struct pending), which no other
 * file knows: what can be said without it is in decide.c, info.c, verdict.h and dns_watch.c.
 */
#include <waymark/classify.h>

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/counter.h>
#include <waymark/dns.h>

#include "info.h"
#include "verdict.h"

_Static_assert(CLASSIFY_BATCH <= RULES_AHEAD_MAX, "a batch is looked up at once");

#define INSPECT_BYTES_DEFAULT ((size_t)64 << 20)
/*
 * How long what a flow showed is expected of the next one: addresses are given to other names
 * within days, and a wrong guess costs one connection on the wrong line.
 */
#define REMEMBER_S (6 * 3600)

struct pending {
	struct inspection *inspection; /* NULL: a TCP flow without any payload so far */
	struct names_guess *guess;     /* of the names cache, at its first packet; NULL: none */
	size_t bytes;		       /* what it counts in the budget */
	uint32_t generation;	       /* of the rules it was last judged by */
	bool guessed;		       /* the guess gave it its line */
	bool remembered;	       /* the name that it showed is in the names cache */
	bool hidden;		       /* that name is an outer one: DNS gave the one behind it */
	struct rule_facts facts;       /* read when there is news */
};

struct classifier {
	struct flow_table *flows;
	struct info_table *infos;
	struct pool *pool; /* what undecided flows keep */
	struct pattern_scratch *scratch;
	struct dns_watch *dns;
	size_t inspect_bytes, inspect_bytes_max;
	/* what every TCP flow shows before its first payload, under the rules of silent_generation
	 */
	struct inspection *silent;
	uint32_t silent_generation;
	struct flow *last_flow;
	enum flow_direction last_direction;
	bool last_decided;
	struct flow_lookup lookups[CLASSIFY_BATCH];
	/* Under large rulesets those of the batch's packets that look new, with their rules looked
	 * up in `rules`; known_facts: where, by packet, NULL: not. */
	struct rule_facts facts[CLASSIFY_BATCH];
	struct rules_ahead *rules;
	const struct rule_facts *known_facts[CLASSIFY_BATCH];
	bool facts_known;		/* known_facts is of this batch */
	const struct rule_facts *known; /* of the packet at hand; NULL: not made yet */
	const struct classify_policy *at_end;
	classify_settled_fn *settled;
	void *settled_context;
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

static const struct evidence *pending_evidence(const struct classifier *classifier,
					       const struct pending *pending)
{
	return inspection_evidence(pending->inspection ? pending->inspection : classifier->silent);
}

static void pending_give(struct classifier *classifier, struct pending *pending)
{
	inspection_free(pending->inspection);
	free(pending->guess);
	pool_give(classifier->pool, pending, sizeof(*pending));
}

/* Lets go of what only an open flow has. `ended`: the flow is at its end, not just decided. */
static void pending_free(struct classifier *classifier, struct flow *flow, bool ended)
{
	struct pending *pending = flow_table_pending(classifier->flows, flow);
	struct classify_settled settled = {.flow = flow, .ended = ended};

	if (!pending)
		return;
	if (classifier->settled) {
		settled.evidence = pending->inspection || !classifier->at_end
					   ? pending_evidence(classifier, pending)
					   : &no_evidence;
		if (pending->inspection)
			inspection_look(pending->inspection, &settled.look);
		classifier->settled(&settled, classifier->settled_context);
	}
	classifier->inspect_bytes -= pending->bytes;
	pending_give(classifier, pending);
	flow_table_set_pending(classifier->flows, flow, NULL);
}

/* Keeps what is known by now; on out of memory the flow just shows less. */
static void info_update(struct classifier *classifier, struct flow *flow,
			const struct evidence *evidence, const struct names_guess *guess)
{
	uint32_t before = flow_table_info(classifier->flows, flow), number;
	struct flow_info info = {0};
	/* a flow that will show no name has the one that its client asked DNS for */
	bool named = evidence->host_done && !evidence->host_length && guess && guess->answer_length;
	char answer[sizeof(guess->answer) + 1];

	if (!evidence->app_count && !evidence->host_length && !evidence->alpn_length && !named)
		return;
	if (before)
		info = *info_at(classifier->infos, before);
	memcpy(info.app, evidence->app, sizeof(info.app));
	info.app_count = evidence->app_count;
	info.app_shown = evidence_app(evidence);
	if (!info.host && evidence->host_length) {
		info.host = evidence->host;
		info.host_source = evidence->host_source;
	}
	if (!info.host && named) {
		memcpy(answer, guess->answer, guess->answer_length);
		answer[guess->answer_length] = '\0';
		info.host = answer;
		info.host_source = HOST_DNS_CACHE;
	}
	if (!info.alpn && evidence->alpn_length) {
		info.alpn = evidence->alpn;
		info.alpn_length = evidence->alpn_length;
	}
	number = info_take(classifier->infos, &info);
	if (!number)
		return;
	flow_table_set_info(classifier->flows, flow, number);
	info_let_go(classifier->infos, before);
}

/* The flow's entry is about to be reused. */
static void flow_ends(struct flow_table *flows, struct flow *flow, void *context)
{
	struct classifier *classifier = context;
	struct pending *pending = flow_table_pending(flows, flow);
	uint32_t info;

	if (classifier->at_end && pending && !pending->inspection)
		info_update(classifier, flow, &no_evidence, pending->guess);
	else if (classifier->at_end && pending &&
		 inspection_finish(pending->inspection, ruleset_patterns(classifier->at_end->rules),
				   classifier->scratch))
		info_update(classifier, flow, inspection_evidence(pending->inspection),
			    pending->guess);
	pending_free(classifier, flow, true);
	info = flow_table_info(flows, flow);
	if (classifier->ended)
		classifier->ended(flow, info_at(classifier->infos, info), classifier->context);
	info_let_go(classifier->infos, info);
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
	classifier->at_end = options->at_end;
	classifier->settled = options->settled;
	classifier->settled_context = options->settled_context;
	classifier->ended = ended;
	classifier->context = context;
	classifier->scratch = pattern_scratch_new();
	classifier->dns = dns_watch_new(0);
	classifier->rules = rules_ahead_new();
	classifier->pool = pool_new();
	inspection_prepare();
	if (hash_seed_random(&seed) == 0)
		classifier->infos = info_table_new(&seed);
	if (classifier->scratch && classifier->dns && classifier->infos && classifier->rules &&
	    classifier->pool)
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
	inspection_free(classifier->silent);
	info_table_free(classifier->infos);
	pattern_scratch_free(classifier->scratch);
	dns_watch_free(classifier->dns);
	rules_ahead_free(classifier->rules);
	pool_free(classifier->pool);
	free(classifier);
}

/*
 * What the packet's own mark says of a flow that we see for the first time. `forgotten`: the value
 * that it had before it began anew; a packet that was queued with it says nothing. 0: none.
 */
static void flow_open(struct classifier *classifier, const struct classify_policy *policy,
		      struct flow *flow, const struct packet *packet, uint32_t forgotten)
{
	const struct mark_layout *mark = &policy->mark;
	uint32_t value = mark_value(mark, packet->meta.mark);
	bool provisional = mark_is_provisional(mark, packet->meta.mark);

	if (forgotten && value == forgotten) {
		value = 0;
		provisional = false;
	}
	flow_set_rule(flow, -1);
	flow_set_generation(flow, policy->generation);
	flow->epoch = steer_state_epoch(policy->steer_state);
	flow->older = flow->midstream || provisional || value != 0;
	/* a hint carries no line; anything else is the line that the flow is on */
	flow->value = value == mark->hint ? 0 : value;
	counter_add(&classifier->stats.flows, 1);
	if (flow->older)
		counter_add(&classifier->stats.older, 1);
	if (value && value != mark->hint && !provisional) {
		/* final already, by a run before this one: it is never decided again */
		flow->decided_packet = 1;
		flow_table_set_final(classifier->flows, flow);
	}
}

/* Where replies have their translation behind them. Our own chains take POSTROUTING and INPUT. */
static bool is_translated(const struct packet *packet)
{
	return packet->meta.hook == PACKET_HOOK_POSTROUTING ||
	       packet->meta.hook == PACKET_HOOK_INPUT || packet->meta.hook == PACKET_HOOK_FORWARD;
}

/*
 * Our chains queue replies behind the translation: there, the receiver is the client. A rule of the
 * user's own there queues both directions; only P, which our chains wait for, then tells a reply.
 */
static bool is_reply(const struct classify_policy *policy, const struct packet *packet)
{
	return is_translated(packet) &&
	       (!policy->drop_by_verdict || mark_is_provisional(&policy->mark, packet->meta.mark));
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

/* Those of the packet at hand: made beforehand, or now in `room`. */
static const struct rule_facts *facts_at(const struct classifier *classifier,
					 const struct classify_policy *policy,
					 const struct packet *packet, struct rule_facts *room)
{
	if (classifier->known)
		return classifier->known;
	facts_of(policy, room, packet);
	return room;
}

/* The budget counts each inspection by what it holds now. */
static void budget_update(struct classifier *classifier, struct pending *pending)
{
	size_t bytes = sizeof(*pending) +
		       (pending->inspection ? inspection_bytes(pending->inspection) : 0) +
		       (pending->guess ? sizeof(*pending->guess) : 0);

	classifier->inspect_bytes += bytes - pending->bytes;
	pending->bytes = bytes;
}

/* ---- what the names cache knows, and what it is told ---- */

/* By the facts, which know who began a flow that was first seen by its reply. */
static struct names_endpoint endpoint_of(const struct rule_facts *facts)
{
	return (struct names_endpoint){
		.address = facts->dst,
		.port = facts->has_ports ? facts->dport : 0,
		.proto = facts->proto,
	};
}

/* Most flows have nothing there: the block is taken only if there is something to keep. */
static struct names_guess *guess_of(const struct classify_policy *policy,
				    const struct rule_facts *facts)
{
	struct names_endpoint server = endpoint_of(facts);
	struct names_guess guess, *kept;

	if (!policy->names || !names_find(policy->names, &facts->src, &server,
					  policy->names_per_client, facts->time_us, &guess))
		return NULL;
	kept = malloc(sizeof(*kept));
	if (kept)
		*kept = guess;
	return kept;
}

/* A proxy's address tells nothing of the name behind it, and DNS is no far end. */
static bool names_its_server(const struct evidence *evidence)
{
	switch ((enum host_source)evidence->host_source) {
	case HOST_TLS_SNI:
	case HOST_TLS_ECH_OUTER:
	case HOST_DTLS_SNI:
	case HOST_QUIC_SNI:
	case HOST_HTTP_HOST:
		return !evidence->host_beyond;
	default:
		return false;
	}
}

/* The name that the flow showed is what the next flow to its server will most likely show. */
static void remember_name(const struct classify_policy *policy, struct pending *pending,
			  const struct evidence *evidence, uint64_t now_us)
{
	struct names_endpoint server = endpoint_of(&pending->facts);

	if (pending->remembered || !policy->names || !evidence->host_length)
		return;
	pending->remembered = true;
	/* without such an offer in DNS the extension is only for show (RFC 9849, 6.2) */
	pending->hidden = evidence->host_source == HOST_TLS_ECH_OUTER && pending->guess &&
			  names_offers_ech(policy->names, pending->guess->answer,
					   pending->guess->answer_length, now_us);
	if (names_its_server(evidence) && !pending->hidden)
		names_add_seen(policy->names, &pending->facts.src, &server, evidence->host,
			       evidence->host_length, evidence->host_source, REMEMBER_S, now_us);
}

/* What names do not tell (app, alpn, payload) is known of the server's endpoint from now on. */
static void remember_rule(const struct classify_policy *policy, const struct rule_facts *facts,
			  int32_t rule, const struct evidence *evidence, uint64_t now_us)
{
	struct names_endpoint server = endpoint_of(facts);
	uint64_t fingerprint;

	if (!policy->names || rule < 0)
		return;
	fingerprint = ruleset_fingerprint(policy->rules, (size_t)rule);
	if (fingerprint)
		names_add_learned(policy->names, &server, evidence->app, evidence->app_count,
				  fingerprint, REMEMBER_S, now_us);
}

/* ---- the open part of a flow's life ---- */

/* The flow's inspection, or what stands for it until there is something to inspect. */
static bool pending_inspect(struct classifier *classifier, const struct classify_policy *policy,
			    struct pending *pending, const struct flow *flow,
			    const struct packet *packet)
{
	const struct pattern_set *patterns = ruleset_patterns(policy->rules);
	bool silent = packet->proto == IPPROTO_TCP && packet->has_ports && !packet->fragment &&
		      !packet->payload_length;

	if (!silent) {
		pending->inspection = inspection_new(flow, packet, patterns, classifier->pool);
		return pending->inspection;
	}
	if (!classifier->silent || classifier->silent_generation != policy->generation) {
		struct inspection *made = inspection_new(flow, packet, patterns, classifier->pool);

		if (!made)
			return false;
		inspection_free(classifier->silent);
		classifier->silent = made;
		classifier->silent_generation = policy->generation;
	}
	return true;
}

static struct pending *pending_new(struct classifier *classifier,
				   const struct classify_policy *policy, struct flow *flow,
				   const struct packet *packet)
{
	struct pending *pending = pool_take(classifier->pool, sizeof(*pending));

	if (!pending)
		return NULL;
	memset(pending, 0, sizeof(*pending));
	if (classifier->known)
		pending->facts = *classifier->known;
	else
		facts_of(policy, &pending->facts, packet);
	pending->generation = policy->generation;
	if (!pending_inspect(classifier, policy, pending, flow, packet)) {
		pending_give(classifier, pending);
		return NULL;
	}
	pending->guess = guess_of(policy, &pending->facts);
	flow_table_set_pending(classifier->flows, flow, pending);
	counter_add(&classifier->stats.inspected, 1);
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
	uint64_t packets = flow_packets(flow);
	struct pending *pending = flow_table_pending(classifier->flows, flow);
	bool guessed = pending && pending->guessed;
	const struct names_guess *guess = pending ? pending->guess : NULL;
	uint32_t epoch = steer_state_epoch(policy->steer_state);
	struct rule_expectation expected;
	struct classify_decision decision;
	struct rule_match match;

	if (guess) {
		expected = classify_expectation(guess);
		expected.answer_is_inner = pending->hidden;
	}
	if (facts == classifier->known) /* the rules for them have been looked up */
		ruleset_match_ahead(classifier->rules, (size_t)(facts - classifier->facts),
				    evidence, guess ? &expected : NULL, &match);
	else
		ruleset_match(policy->rules, facts, evidence, guess ? &expected : NULL,
			      policy->interfaces, &match);
	decision = classify_decide(policy, &match, facts, flow->value, !first, guessed);
	if (decision.value != flow->value)
		flow->epoch = epoch;
	if (!decision.final) {
		/* what stands behind the open rules is chosen once, by the first packet */
		if (first || !flow_is_of(flow, policy->generation))
			flow_set_rule(flow, flow->older ? -1 : decision.rule);
		if (first && pending && match.expected >= 0 && decision.rule == match.expected) {
			pending->guessed = true;
			counter_add(&classifier->stats.guessed, 1);
		}
		flow_set_generation(flow, policy->generation);
		flow->value = decision.value;
		return;
	}
	if (guessed)
		counter_add(flow_rule(flow) == decision.rule && flow_is_of(flow, policy->generation)
				    ? &classifier->stats.guessed_right
				    : &classifier->stats.guessed_wrong,
			    1);
	flow_set_generation(flow, policy->generation);
	flow_set_rule(flow, decision.rule);
	flow->value = decision.value;
	flow->late = (unsigned)decision.late & 3;
	flow->moved = decision.moved;
	flow->decided_packet = packets > FLOW_DECIDED_MAX ? FLOW_DECIDED_MAX : (uint16_t)packets;
	flow_table_set_final(classifier->flows, flow);
	classifier->last_decided = true;

	if (!first && evidence)
		remember_rule(policy, facts, decision.rule, evidence, now_us);
	counter_add(first ? &classifier->stats.decided_first : &classifier->stats.decided_late, 1);
	if (decision.moved)
		counter_add(&classifier->stats.moved, 1);
	else if (decision.late == RULE_LATE_LEARN)
		counter_add(&classifier->stats.kept, 1);
	if (decision.rule >= 0 && policy->rule_stats) {
		struct classify_rule_stats *stats = &policy->rule_stats[decision.rule];

		counter_add(&stats->hits, 1);
		atomic_store_explicit(&stats->last_hit_us, now_us, memory_order_relaxed);
	}
}

/* True if the rules changed since the flow was last judged: its bytes then meet the new patterns.
 */
static bool pending_rebase(struct pending *pending, const struct classify_policy *policy)
{
	if (pending->generation == policy->generation)
		return false;
	if (pending->inspection)
		inspection_rebase(pending->inspection, ruleset_patterns(policy->rules));
	pending->generation = policy->generation;
	return true;
}

/* No more memory for this flow: it is decided with what it has shown so far. */
static void pending_close(struct classifier *classifier, const struct classify_policy *policy,
			  struct flow *flow, uint64_t now_us)
{
	struct pending *pending = flow_table_pending(classifier->flows, flow);
	const struct evidence *evidence = &no_evidence;

	counter_add(&classifier->stats.refused_memory, 1);
	pending_rebase(pending, policy);
	if (pending->inspection) {
		inspection_close(pending->inspection);
		evidence = inspection_evidence(pending->inspection);
	}
	if (flow->state != FLOW_FINAL) /* a replay looks on at final ones */
		flow_judge(classifier, policy, flow, &pending->facts, evidence, false, now_us);
	if (flow->state != FLOW_FINAL)
		flow_table_set_final(classifier->flows, flow);
	pending_free(classifier, flow, false);
}

/* Past the budget the flow that waits longest goes. */
static void budget_enforce(struct classifier *classifier, const struct classify_policy *policy,
			   const struct flow *except, uint64_t now_us)
{
	while (classifier->inspect_bytes > classifier->inspect_bytes_max) {
		struct flow *flow = flow_table_oldest_undecided(classifier->flows);
		struct pending *pending = flow ? flow_table_pending(classifier->flows, flow) : NULL;

		if (!pending || flow == except)
			return;
		pending_close(classifier, policy, flow, now_us);
	}
}

/* Nothing more will be known: what is not known when all is done, a pattern may still tell. */
static bool inspection_complete(const struct inspection *inspection)
{
	const struct evidence *evidence;

	if (!inspection)
		return false;
	evidence = inspection_evidence(inspection);
	return evidence->apps_done && evidence->host_done && evidence->alpn_done &&
	       (evidence->app_count || inspection_is_closed(inspection));
}

/* The open part of a flow's life: takes the packet as evidence and judges if it told anything. */
static void flow_learn(struct classifier *classifier, const struct classify_policy *policy,
		       struct flow *flow, enum flow_direction direction,
		       const struct packet *packet, bool fresh)
{
	const struct pattern_set *patterns = ruleset_patterns(policy->rules);
	struct pending *pending = flow_table_pending(classifier->flows, flow);
	const struct evidence *evidence;
	const struct rule_facts *facts;
	bool news = fresh, first = fresh && !flow->older;

	if (pending && pending_rebase(pending, policy))
		news = true;
	if (fresh && !(pending = pending_new(classifier, policy, flow, packet))) {
		struct rule_facts room;

		counter_add(&classifier->stats.refused_memory, 1);
		flow_judge(classifier, policy, flow, facts_at(classifier, policy, packet, &room),
			   &no_evidence, first, packet->meta.time_us);
		return;
	}
	if (!pending)
		return;
	if (!pending->inspection && !pending_inspect(classifier, policy, pending, flow, packet)) {
		pending_close(classifier, policy, flow, packet->meta.time_us);
		return;
	}
	if (pending->inspection && inspection_feed(pending->inspection, flow, direction, packet,
						   patterns, classifier->scratch, &policy->limits))
		news = true;
	evidence = pending_evidence(classifier, pending);
	if (news) {
		const bool named = evidence->host_length && flow->state != FLOW_FINAL;

		if (named)
			ruleset_host_ahead(policy->rules, evidence->host, evidence->host_length, 0);
		info_update(classifier, flow, evidence, pending->guess);
		remember_name(policy, pending, evidence, packet->meta.time_us);
		if (named)
			ruleset_host_ahead(policy->rules, evidence->host, evidence->host_length, 1);
		facts = fresh ? classifier->known : NULL;
		if (flow->state != FLOW_FINAL)
			flow_judge(classifier, policy, flow, facts ? facts : &pending->facts,
				   evidence, first, packet->meta.time_us);
	}
	budget_update(classifier, pending);
	if (flow->state == FLOW_FINAL &&
	    (!policy->inspect_decided || inspection_complete(pending->inspection) ||
	     classifier->inspect_bytes > classifier->inspect_bytes_max)) {
		pending_free(classifier, flow, false);
		return;
	}
	budget_enforce(classifier, policy, flow, packet->meta.time_us);
}

/* With header rules alone nothing is ever pending: one match, and the flow is final. */
static void flow_decide_by_headers(struct classifier *classifier,
				   const struct classify_policy *policy, struct flow *flow,
				   const struct packet *packet)
{
	struct rule_facts room;

	flow_judge(classifier, policy, flow, facts_at(classifier, policy, packet, &room), NULL,
		   !flow->older, packet->meta.time_us);
}

/* ---- DNS on its way ---- */

/*
 * Our chains queue DNS where its addresses are those after translation, decided or not. What is
 * there beside the packets of a flow that we follow is looked at and no more: the query's flow was
 * judged before routing, and the answers of the router's own resolver belong to no flow of ours.
 * Chains of the user's own queue each packet once.
 */
static bool is_second_look(const struct classifier *classifier,
			   const struct classify_policy *policy, const struct packet *packet)
{
	enum flow_direction direction;

	if (policy->drop_by_verdict)
		return false;
	if (packet->meta.hook == PACKET_HOOK_OUTPUT)
		return packet->dport != DNS_PORT;
	if (!is_translated(packet))
		return false;
	return !flow_table_find(classifier->flows, packet, &direction) ||
	       direction != FLOW_FROM_SERVER;
}

/* ---- decisions that are void ---- */

/* True if the flow's value was forgotten since it was decided. Almost always one comparison. */
static bool is_void(const struct classify_policy *policy, struct flow *flow)
{
	uint32_t epoch = steer_state_epoch(policy->steer_state);

	if (flow->epoch == epoch)
		return false;
	if (steer_state_is_void(policy->steer_state, flow->value, flow->epoch))
		return true;
	flow->epoch = epoch;
	return false;
}

/*
 * True if the kernel's entry still stands with the value of a lost line: this packet was queued
 * with it. It is about to be removed, with the translation that it has, and is found by that value:
 * so the value stays on it. Until then the kernel's rules lead the packet by what stands in.
 */
static bool is_not_yet_removed(const struct classify_policy *policy, const struct flow *flow,
			       const struct packet *packet)
{
	return flow->value && mark_value(&policy->mark, packet->meta.mark) == flow->value &&
	       steer_state_use(policy->steer_state, flow->value) == STEER_LOST;
}

/* ---- the line ---- */

static struct verdict classify(struct classifier *classifier, const struct classify_policy *policy,
			       const struct packet *packet, const struct flow_lookup *lookup)
{
	enum flow_direction direction;
	uint32_t forgotten = 0;
	struct flow *flow;
	bool fresh;

	classifier->last_flow = NULL;
	classifier->last_decided = false;
	if (policy->names && is_dns(packet)) {
		const struct dns_watch_policy watch = {policy->names, policy->names_min_ttl_s};

		dns_watch_packet(classifier->dns, &watch, packet);
		if (is_second_look(classifier, policy, packet))
			return (struct verdict){.mark = packet->meta.mark};
	}
	flow = flow_table_track(classifier->flows, packet, lookup, &direction, &fresh);
	counter_add(&classifier->stats.packets, 1);
	counter_add(&classifier->stats.bytes, packet->ip_length);
	if (!fresh && is_void(policy, flow)) {
		if (is_not_yet_removed(policy, flow, packet))
			return (struct verdict){.mark = packet->meta.mark};
		forgotten = flow->value;
		flow = flow_table_restart(classifier->flows, flow, packet, &direction);
		fresh = true;
	}
	classifier->last_flow = flow;
	classifier->last_direction = direction;

	if (fresh)
		flow_open(classifier, policy, flow, packet, forgotten);
	if (fresh && flow->state != FLOW_FINAL && !policy->inspect_decided &&
	    ruleset_is_header_only(policy->rules))
		flow_decide_by_headers(classifier, policy, flow, packet);
	else if (flow->open || (fresh && (flow->state != FLOW_FINAL || policy->inspect_decided)))
		flow_learn(classifier, policy, flow, direction, packet, fresh);

	if (flow->value == policy->mark.drop)
		counter_add(&classifier->stats.dropped, 1);
	return verdict_of(policy, flow, packet);
}

struct verdict classify_packet(struct classifier *classifier, const struct classify_policy *policy,
			       const struct packet *packet)
{
	struct verdict verdict;

	classify_batch(classifier, policy, packet, 1, &verdict, NULL, NULL);
	return verdict;
}

/* What is undecided is reached in steps, each of which waits for the one before. */
static void look_ahead(const struct classifier *classifier, size_t count)
{
	const struct pending *pendings[CLASSIFY_BATCH];
	size_t open = 0;

	for (size_t i = 0; i < count; i++) {
		pendings[open] = flow_lookup_pending(&classifier->lookups[i], classifier->flows);
		if (pendings[open])
			__builtin_prefetch(pendings[open++], 1);
	}
	for (unsigned step = 0; step < INSPECTION_AHEAD_STEPS; step++)
		for (size_t i = 0; i < open; i++)
			if (pendings[i]->inspection)
				inspection_ahead(pendings[i]->inspection, step);
}

/* What the batch's new flows will ask of the rules, and the counters of the rule they end at. */
static void look_up_rules(struct classifier *classifier, const struct classify_policy *policy,
			  const struct packet *packets, size_t count)
{
	size_t fresh = 0;

	for (size_t i = 0; i < count; i++) {
		classifier->known_facts[i] = NULL;
		if (!flow_lookup_is_new(&classifier->lookups[i], classifier->flows))
			continue;
		facts_of(policy, &classifier->facts[fresh], &packets[i]);
		classifier->known_facts[i] = &classifier->facts[fresh++];
	}
	ruleset_ahead(policy->rules, classifier->facts, fresh, policy->interfaces,
		      classifier->rules);
	for (size_t i = 0; i < fresh && policy->rule_stats; i++) {
		int32_t rule = rules_ahead_header(classifier->rules, i);

		if (rule >= 0)
			__builtin_prefetch(&policy->rule_stats[rule], 1);
	}
}

/* A hint is only worth its time where there are others to look for meanwhile. */
static void find_together(struct classifier *classifier, const struct classify_policy *policy,
			  const struct packet *packets, size_t count)
{
	struct flow_lookup *lookups = classifier->lookups;

	for (size_t i = 0; i < count; i++)
		flow_lookup_init(&lookups[i], classifier->flows, &packets[i]);
	if (count > 1) {
		flow_lookup_ahead(lookups, count, classifier->flows);
		if (classifier->inspect_bytes)
			look_ahead(classifier, count);
	}
	classifier->facts_known = count > 1 && ruleset_is_large(policy->rules);
	if (classifier->facts_known)
		look_up_rules(classifier, policy, packets, count);
}

void classify_batch(struct classifier *classifier, const struct classify_policy *policy,
		    const struct packet *packets, size_t count, struct verdict *verdicts,
		    classify_seen_fn *seen, void *context)
{
	for (size_t i = 0; i < count; i++) {
		size_t place = i % CLASSIFY_BATCH;

		if (!place)
			find_together(classifier, policy, packets + i,
				      count - i < CLASSIFY_BATCH ? count - i : CLASSIFY_BATCH);
		classifier->known = classifier->facts_known ? classifier->known_facts[place] : NULL;
		verdicts[i] =
			classify(classifier, policy, &packets[i], &classifier->lookups[place]);
		if (seen)
			seen(classifier, &packets[i], &verdicts[i], context);
	}
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

const struct dns_watch_stats *classifier_dns_stats(const struct classifier *classifier)
{
	return dns_watch_stats(classifier->dns);
}

const struct flow_info *classify_info(const struct classifier *classifier, const struct flow *flow)
{
	return info_at(classifier->infos, flow_table_info(classifier->flows, flow));
}
