/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reload either happens whole or not at all: the new policy is loaded and
 * compiled beside the old one, the kernel's state is brought to it, and only
 * then the pointer that workers read is exchanged. Whatever fails before that
 * leaves the old policy running and says why.
 *
 * What is bound to open sockets and running threads (queues, mark layout, table
 * sizes) cannot change under way; a file that changes it is refused by name,
 * instead of being taken in part.
 */
#define _LGPL_SOURCE
#include "daemon.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <urcu-qsbr.h>

#include <waymark/log.h>

#define GRACE_S 10

static void fixed(struct diag_list *diags, const char *path, const char *key, bool same)
{
	if (!same)
		diag_error(diags, path, 0, "%s cannot change while waymarkd runs, restart it", key);
}

static bool compatible(const struct conf *old, const struct conf *conf, struct diag_list *diags)
{
	const char *path = conf->path;

	fixed(diags, path, "mark.mask", old->mark.mask == conf->mark.mask);
	fixed(diags, path, "queue.first", old->queue.first == conf->queue.first);
	fixed(diags, path, "queue.count", old->queue.count == conf->queue.count);
	fixed(diags, path, "queue.max_length", old->queue.max_length == conf->queue.max_length);
	fixed(diags, path, "queue.copy_bytes", old->queue.copy_bytes == conf->queue.copy_bytes);
	fixed(diags, path, "queue.on_failure", old->queue.on_failure == conf->queue.on_failure);
	fixed(diags, path, "queue.pin_threads", old->queue.pin_threads == conf->queue.pin_threads);
	fixed(diags, path, "flows.max", old->flows.max == conf->flows.max);
	fixed(diags, path, "flows.timeouts",
	      old->flows.tcp_s == conf->flows.tcp_s && old->flows.udp_s == conf->flows.udp_s &&
		      old->flows.other_s == conf->flows.other_s);
	fixed(diags, path, "names.max", old->names.max == conf->names.max);
	fixed(diags, path, "mode", old->mode == conf->mode);
	fixed(diags, path, "firewall.manage", old->firewall.manage == conf->firewall.manage);
	fixed(diags, path, "firewall.command", old->firewall.command == conf->firewall.command);
	fixed(diags, path, "routing.manage", old->routing.manage == conf->routing.manage);
	fixed(diags, path, "routing.protocol", old->routing.protocol == conf->routing.protocol);
	fixed(diags, path, "routing.priority", old->routing.priority == conf->routing.priority);
	fixed(diags, path, "control.socket",
	      strcmp(old->control.socket, conf->control.socket) == 0);
	return diags->errors == 0;
}

/* Flows keep (generation, index); their names are kept for a while after the rules are gone. */
static void retire(struct daemon *daemon, const struct snapshot *snapshot)
{
	struct retired_rules *slot = &daemon->retired[daemon->retired_next];
	size_t count = ruleset_count(snapshot->policy->rules);

	daemon->retired_next = (daemon->retired_next + 1) % RETIRED_GENERATIONS;
	for (size_t i = 0; i < slot->count; i++)
		free(slot->names[i]);
	free(slot->names);
	*slot = (struct retired_rules){.generation = snapshot->generation};
	slot->names = calloc(count ? count : 1, sizeof(*slot->names));
	if (!slot->names)
		return;
	for (size_t i = 0; i < count; i++) {
		struct rule_view rule;

		ruleset_view(snapshot->policy->rules, i, &rule);
		slot->names[i] = strdup(rule.name);
	}
	slot->count = count;
}

const char *daemon_rule_name(const struct daemon *daemon, const struct flow *flow)
{
	int32_t rule = flow_rule(flow);
	struct rule_view view;

	if (rule < 0)
		return NULL;
	if (flow_is_of(flow, daemon->snapshot->generation)) {
		if ((size_t)rule >= ruleset_count(daemon->snapshot->policy->rules))
			return NULL;
		ruleset_view(daemon->snapshot->policy->rules, (size_t)rule, &view);
		return view.name;
	}
	for (size_t i = 0; i < RETIRED_GENERATIONS; i++) {
		const struct retired_rules *retired = &daemon->retired[i];

		if (flow_is_of(flow, retired->generation) && (size_t)rule < retired->count)
			return retired->names[rule];
	}
	return NULL;
}

/* Hits follow a rule's name, so that counters do not begin anew at each reload. */
static void carry_hits(const struct snapshot *old, struct snapshot *fresh)
{
	size_t old_count = ruleset_count(old->policy->rules);
	size_t count = ruleset_count(fresh->policy->rules);

	for (size_t i = 0; i < count; i++) {
		struct rule_view rule, before;

		ruleset_view(fresh->policy->rules, i, &rule);
		for (size_t j = 0; j < old_count; j++) {
			uint64_t hits, last_us;

			/* most reloads keep the order: look at the same place first */
			size_t at = (i + j) % old_count;

			ruleset_view(old->policy->rules, at, &before);
			if (strcmp(rule.name, before.name) != 0)
				continue;
			snapshot_rule_hits(old, at, &hits, &last_us);
			atomic_store(&fresh->rule_stats[i].hits, hits);
			atomic_store(&fresh->rule_stats[i].last_hit_us, last_us);
			break;
		}
	}
}

/* What was decided for a value that is another line now is void; connmarks that carry it go. */
static void forget_changed(struct daemon *daemon, const struct conf *was, const struct conf *is)
{
	for (size_t i = 0; i < was->uplink_count; i++) {
		if (connmarks_value_changed(was, is, i))
			steer_state_forget(daemon->steer_state, was->uplinks[i].mark);
	}
	if (is->mode == CONF_ENFORCE)
		connmarks_clear_changed(was, is);
}

static int reload(struct daemon *daemon, struct diag_list *diags)
{
	struct snapshot *old = daemon->snapshot, *fresh = NULL;
	struct policy *policy = policy_load(daemon->config_path, diags);

	if (!policy || !compatible(old->policy->conf, policy->conf, diags))
		goto fail;
	fresh = snapshot_new(policy, daemon->generation + 1, daemon->worker_count,
			     daemon->interfaces, daemon->names, daemon->steer_state);
	if (!fresh) {
		diag_error(diags, NULL, 0, "out of memory");
		goto fail;
	}
	carry_hits(old, fresh);
	if (network_change(daemon, policy->conf, old->policy->conf, diags) < 0) {
		if (!diags->errors)
			diag_error(diags, NULL, 0, "cannot bring the kernel to the new policy");
		goto fail;
	}
	retire(daemon, old);
	daemon->generation++;
	atomic_store_explicit(&daemon->snapshot, fresh, memory_order_release);
	/* a worker that never comes round would hold us, and the watchdog with us: then the alarm
	 * ends us */
	alarm(GRACE_S);
	synchronize_rcu();
	alarm(0);
	for (unsigned i = 0; i < daemon->worker_count; i++)
		atomic_load_explicit(&daemon->workers[i].heartbeat, memory_order_acquire);
	forget_changed(daemon, old->policy->conf, policy->conf);
	log_set_level(policy->conf->log.level);
	snapshot_free(old);
	return 0;
fail:
	if (fresh)
		snapshot_free(fresh);
	else
		policy_free(policy);
	return -1;
}

int daemon_reload(struct daemon *daemon, struct diag_list *diags)
{
	int result = reload(daemon, diags);

	event_publish(daemon, "reload",
		      json_pack("{s:I,s:b}", "generation", (json_int_t)daemon->generation, "ok",
				result == 0));
#ifdef __GLIBC__
	/* lists of millions were made anew, and glibc keeps what they stood in before */
	malloc_trim(0);
#endif
	return result;
}
