/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy - configuration and rules together: what a reload exchanges.
 *
 * policy_load() reads waymark.conf, then its rules, and compiles. It is what
 * check, replay, explain, the daemon's start and its reload all call, so that
 * what `check` accepts is what runs.
 * A policy is immutable and owned by whoever loaded it. Threads: any may read.
 */
#ifndef WAYMARK_POLICY_H
#define WAYMARK_POLICY_H

#include <waymark/classify.h>
#include <waymark/config.h>
#include <waymark/diag.h>
#include <waymark/rules.h>
#include <waymark/steer.h>

struct policy {
	struct conf *conf;
	struct ruleset *rules;
	bool *value_is_nat; /* by value, 0 .. conf->mark.user_max */
	struct steer *steer; /* its groups stand as in conf->groups */
};

/* NULL: errors are in the list. Warnings may be there in any case. */
struct policy *policy_load(const char *path, struct diag_list *diags);
void policy_free(struct policy *policy);
/* The classifier's view; generation, interfaces, rule_stats, names and steer_state are the caller's to set. */
void policy_classify_view(const struct policy *policy, struct classify_policy *view);
/* Of a value: the uplink's name, "main" for layout.main, NULL for none or a user class. */
const char *policy_uplink_name(const struct policy *policy, uint32_t value);
/* The group that a rule names (-1: no rule), if the value is one of its members'; NULL: none. */
const struct conf_group *policy_group(const struct policy *policy, int32_t rule, uint32_t value);

#endif
