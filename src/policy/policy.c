/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config knows nothing of rules and rules know nothing of config: here the
 * uplinks become the targets that rules may name, and the rule sources that the
 * configuration names are read in their order.
 *
 * A configuration with errors still gets its rules read, as far as that makes
 * sense, so that one run shows every error of every file. Only a file that could
 * not be parsed at all ends it: its rules would be read as absent.
 */
#include <waymark/policy.h>

#include <stdlib.h>

static bool any_is_nat(const struct conf *conf, const struct conf_group *group)
{
	for (size_t i = 0; i < group->member_count; i++)
		if (conf->uplinks[group->members[i].uplink].nat)
			return true;
	return false;
}

/* Uplinks, then groups. A name that was refused is left out; its error has been told. */
static struct rules_target *targets_of(const struct conf *conf, size_t *count)
{
	size_t total = conf->uplink_count + conf->group_count, n = 0;
	struct rules_target *targets = calloc(total ? total : 1, sizeof(*targets));

	if (!targets)
		return NULL;
	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];

		if (!*uplink->name)
			continue;
		targets[n++] = (struct rules_target){
			.name = uplink->name,
			.value = uplink->mark,
			.group = RULES_NO_GROUP,
			.nat = uplink->nat,
		};
	}
	for (size_t i = 0; i < conf->group_count; i++) {
		const struct conf_group *group = &conf->groups[i];

		if (!*group->name)
			continue;
		targets[n++] = (struct rules_target){
			.name = group->name,
			.group = (uint32_t)i,
			.nat = any_is_nat(conf, group),
		};
	}
	*count = n;
	return targets;
}

/* ---- what stands in for what ---- */

static enum steer_on_down on_down_of(const struct conf *conf, const struct conf_uplink *uplink,
				     uint32_t *stand_in)
{
	switch (uplink->on_down) {
	case CONF_DOWN_BLOCK:
		return STEER_DOWN_BLOCK;
	case CONF_DOWN_UPLINK:
		*stand_in = conf_uplink_by_name(conf, uplink->on_down_target)->mark;
		return STEER_DOWN_VALUE;
	case CONF_DOWN_GROUP:
		*stand_in =
			(uint32_t)(conf_group_by_name(conf, uplink->on_down_target) - conf->groups);
		return STEER_DOWN_GROUP;
	case CONF_DOWN_MAIN:
	default:
		return STEER_DOWN_MAIN;
	}
}

static bool group_of(struct arena *scratch, const struct conf *conf, const struct conf_group *from,
		     struct steer_group *to)
{
	struct steer_member *members = arena_array(scratch, from->member_count, sizeof(*members));

	if (!members)
		return false;
	for (size_t i = 0; i < from->member_count; i++)
		members[i] = (struct steer_member){
			.value = conf->uplinks[from->members[i].uplink].mark,
			.weight = from->members[i].weight,
		};
	*to = (struct steer_group){
		.name = from->name,
		.failover = from->policy == CONF_GROUP_FAILOVER,
		.sticky = from->sticky == CONF_STICKY_SOURCE ? STEER_STICKY_SOURCE
			  : from->sticky == CONF_STICKY_SOURCE_DESTINATION
				  ? STEER_STICKY_SOURCE_DESTINATION
				  : STEER_STICKY_FLOW,
		.sticky_s = from->sticky_s,
		.members = members,
		.member_count = from->member_count,
	};
	return true;
}

/* Of a configuration without errors: every name in it is one. NULL: out of memory. */
static struct steer *steer_of(const struct conf *conf)
{
	struct arena scratch;
	struct steer_options options = {
		.mark = &conf->mark,
		.uplink_count = conf->uplink_count,
		.group_count = conf->group_count,
	};
	struct steer_uplink *uplinks;
	struct steer_group *groups;
	struct steer *steer = NULL;

	arena_init(&scratch);
	options.uplinks = uplinks = arena_array(&scratch, conf->uplink_count + 1, sizeof(*uplinks));
	options.groups = groups = arena_array(&scratch, conf->group_count + 1, sizeof(*groups));
	if (!uplinks || !groups)
		goto out;
	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];

		uplinks[i] = (struct steer_uplink){
			.value = uplink->mark,
			.keeps = uplink->failback == CONF_FAILBACK_ALL,
			.disabled = !uplink->enabled,
		};
		uplinks[i].on_down = on_down_of(conf, uplink, &uplinks[i].stand_in);
	}
	for (size_t i = 0; i < conf->group_count; i++)
		if (!group_of(&scratch, conf, &conf->groups[i], &groups[i]))
			goto out;
	steer = steer_new(&options);
out:
	arena_release(&scratch);
	return steer;
}

/* ---- the whole ---- */

static struct ruleset *rules_of(const struct conf *conf, struct diag_list *diags)
{
	struct rules_options options = {.mark = conf->mark};
	struct rules_target *targets = targets_of(conf, &options.target_count);
	struct rules_builder *builder = NULL;
	struct ruleset *rules = NULL;

	if (targets) {
		options.targets = targets;
		builder = rules_builder_new(&options, diags);
	}
	if (!builder) {
		diag_error(diags, NULL, 0, "out of memory");
		goto out;
	}
	rules_add_file(builder, conf->path, true);
	for (size_t i = 0; i < conf->rules_dir_count; i++)
		rules_add_directory(builder, conf->rules_dirs[i], conf->rules_dir_given);
	rules_add_shipped_patterns(builder);
	rules = rules_build(builder);
out:
	rules_builder_free(builder);
	free(targets);
	return rules;
}

struct policy *policy_load(const char *path, struct diag_list *diags)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	size_t errors = diags->errors;

	if (!policy) {
		diag_error(diags, NULL, 0, "out of memory");
		return NULL;
	}
	policy->conf = conf_load_partly(path, NULL, diags);
	if (!policy->conf)
		goto fail;
	policy->rules = rules_of(policy->conf, diags);
	if (!policy->rules || diags->errors > errors)
		goto fail;
	if (ruleset_count(policy->rules) >= FLOW_RULES_MAX) {
		diag_error(diags, path, 0, "%zu rules: a flow can tell %d apart",
			   ruleset_count(policy->rules), FLOW_RULES_MAX - 1);
		goto fail;
	}
	if (!ruleset_names_hosts(policy->rules))
		policy->conf->names.watch_dns = false;
	policy->value_is_nat = calloc(policy->conf->mark.user_max + 1, sizeof(bool));
	if (!policy->value_is_nat) {
		diag_error(diags, NULL, 0, "out of memory");
		goto fail;
	}
	for (size_t i = 0; i < policy->conf->uplink_count; i++)
		policy->value_is_nat[policy->conf->uplinks[i].mark] = policy->conf->uplinks[i].nat;
	policy->steer = steer_of(policy->conf);
	if (!policy->steer) {
		diag_error(diags, NULL, 0, "out of memory");
		goto fail;
	}
	return policy;
fail:
	policy_free(policy);
	return NULL;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	steer_free(policy->steer);
	ruleset_free(policy->rules);
	conf_free(policy->conf);
	free(policy->value_is_nat);
	free(policy);
}

void policy_classify_view(const struct policy *policy, struct classify_policy *view)
{
	const struct conf *conf = policy->conf;

	*view = (struct classify_policy){
		.rules = policy->rules,
		.mark = conf->mark,
		.observe = conf->mode == CONF_OBSERVE,
		.drop_by_verdict = !conf->firewall.manage,
		.limits = {conf->flows.decide_packets, conf->flows.decide_bytes},
		.names_per_client = conf->names.per_client,
		.names_min_ttl_s = conf->names.min_ttl_s,
		.value_is_nat = policy->value_is_nat,
		.steer = policy->steer,
	};
}

const char *policy_uplink_name(const struct policy *policy, uint32_t value)
{
	const struct conf_uplink *uplink;

	if (value == policy->conf->mark.main)
		return "main";
	uplink = conf_uplink_by_mark(policy->conf, value);
	return uplink ? uplink->name : NULL;
}

const struct conf_group *policy_group(const struct policy *policy, int32_t rule, uint32_t value)
{
	const struct conf *conf = policy->conf;
	const struct conf_group *group;
	struct rule_view view;

	if (rule < 0)
		return NULL;
	ruleset_view(policy->rules, (size_t)rule, &view);
	if (view.group == RULES_NO_GROUP)
		return NULL;
	group = &conf->groups[view.group];
	for (size_t i = 0; i < group->member_count; i++)
		if (conf->uplinks[group->members[i].uplink].mark == value)
			return group;
	return NULL;
}
