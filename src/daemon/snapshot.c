/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot is one loaded policy as the workers see it. Each worker has a view
 * of its own only because it counts hits in a row of its own: no shared counter,
 * no locked instruction.
 */
#include "daemon.h"

#include <stdlib.h>

struct snapshot *snapshot_new(struct policy *policy, uint32_t generation, unsigned worker_count,
			      const struct rules_interfaces *interfaces, struct names *names,
			      struct steer_state *steer_state)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	size_t rules = ruleset_count(policy->rules);

	if (!snapshot)
		return NULL;
	snapshot->generation = generation;
	snapshot->worker_count = worker_count;
	snapshot->views = calloc(worker_count, sizeof(*snapshot->views));
	snapshot->rule_stats =
		calloc((rules ? rules : 1) * worker_count, sizeof(*snapshot->rule_stats));
	if (!snapshot->views || !snapshot->rule_stats) {
		snapshot_free(snapshot);
		return NULL;
	}
	snapshot->policy = policy;
	for (unsigned i = 0; i < worker_count; i++) {
		struct classify_policy *view = &snapshot->views[i];

		policy_classify_view(policy, view);
		view->generation = generation;
		view->interfaces = interfaces;
		view->names = names;
		view->dns_keeps_p = policy->conf->firewall.manage && policy->conf->names.watch_dns;
		view->steer_state = steer_state;
		view->rule_stats = snapshot->rule_stats + i * rules;
	}
	return snapshot;
}

void snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	policy_free(snapshot->policy);
	free(snapshot->views);
	free(snapshot->rule_stats);
	free(snapshot);
}

void snapshot_rule_hits(const struct snapshot *snapshot, size_t rule, uint64_t *hits,
			uint64_t *last_hit_us)
{
	size_t rules = ruleset_count(snapshot->policy->rules);

	*hits = *last_hit_us = 0;
	for (unsigned i = 0; i < snapshot->worker_count; i++) {
		const struct classify_rule_stats *stats = &snapshot->rule_stats[i * rules + rule];
		uint64_t last = atomic_load_explicit(&stats->last_hit_us, memory_order_relaxed);

		*hits += atomic_load_explicit(&stats->hits, memory_order_relaxed);
		if (last > *last_hit_us)
			*last_hit_us = last;
	}
}
