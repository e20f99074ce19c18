/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From "which rule matches" to "which value the flow has from now on".
 *
 * The whole meaning of a mark is here, as a pure function:
 *  - on its first packet a flow simply takes what the rules say;
 *  - while an earlier rule is open it is provisional and keeps what its first
 *    packet gave it. A drop behind an open rule waits: dropping now would keep
 *    the evidence from ever coming, and so decide against the earlier rule;
 *  - a late decision obeys `late`: "learn" keeps the line (moving a translated
 *    connection ends it), "move" takes the new value at once.
 *  - what the names cache lets expect counts as a choice behind open rules, not as an answer: it
 *    gives the first packet its line, and the flow's own bytes confirm or refute it. Refuted, and
 *    no rule holds: the flow goes back to main where nothing translates it, else it stays.
 * Where the rule does not say, a flow that is on a translating line is never
 * moved off it, whatever the target: the line it leaves is what breaks it. Nor is it moved to
 * a translating line that only stands in for the rule's own.
 * What the rule names is a target. Which value it stands for is asked once, when the flow takes it;
 * a flow that already has one of the values that the target may give is where the rule wants it.
 */
#include <waymark/classify.h>

#include "verdict.h"

_Static_assert(RULES_NO_GROUP == STEER_NO_GROUP, "a rule's target is handed on as it is");

struct rule_expectation classify_expectation(const struct names_guess *guess)
{
	return (struct rule_expectation){
		.host = guess->host,
		.host_length = guess->host_length,
		.answer = guess->answer,
		.answer_length = guess->answer_length,
		.apps = guess->apps,
		.app_count = guess->app_count,
		.rule = guess->rule,
	};
}

/* 0 and "main" route alike: neither has a fwmark rule. */
static uint32_t line_of(const struct mark_layout *mark, uint32_t value)
{
	return value ? value : mark->main;
}

static uint32_t take(const struct classify_policy *policy, const struct rule_outcome *rule,
		     const struct rule_facts *facts)
{
	const struct steer_target target = {rule->value, rule->group};
	const struct steer_key key = {facts->src, facts->dst, facts->time_us};

	return steer_take(policy->steer, policy->steer_state, &target, &key);
}

static bool holds(const struct classify_policy *policy, const struct rule_outcome *rule,
		  uint32_t value)
{
	const struct steer_target target = {rule->value, rule->group};

	return steer_holds(policy->steer, policy->steer_state, &target, value);
}

static enum rule_late late_of(const struct classify_policy *policy, const struct rule_outcome *rule,
			      uint32_t current)
{
	if (!rule->late_given && rule->late == RULE_LATE_MOVE && rule->action != RULE_DROP &&
	    is_nat(policy, current))
		return RULE_LATE_LEARN;
	return (enum rule_late)rule->late;
}

/* A rule that holds late: stay, or take what the rule wants. */
static void decide_late(const struct classify_policy *policy, const struct rule_outcome *rule,
			const struct rule_facts *facts, uint32_t current,
			struct classify_decision *decision)
{
	uint32_t value;

	decision->value = line_of(&policy->mark, current);
	decision->late = late_of(policy, rule, current);
	if (decision->late == RULE_LATE_LEARN || holds(policy, rule, decision->value))
		return;
	value = take(policy, rule, facts);
	if (!rule->late_given && is_nat(policy, value)) {
		decision->late = RULE_LATE_LEARN;
		return;
	}
	decision->moved = value != decision->value;
	decision->value = value;
}

struct classify_decision classify_decide(const struct classify_policy *policy,
					 const struct rule_match *match,
					 const struct rule_facts *facts, uint32_t current,
					 bool late_now, bool guessed)
{
	const struct mark_layout *mark = &policy->mark;
	bool final = match->open_count == 0;
	struct classify_decision decision = {
		.rule = !final && match->expected >= 0 ? match->expected : match->rule,
		.value = current,
		.final = final,
	};
	struct rule_outcome rule = {
		.action = RULE_MAIN,
		.value = mark->main,
		.group = RULES_NO_GROUP,
	};

	if (decision.rule >= 0)
		rule = ruleset_outcome(policy->rules, (size_t)decision.rule);

	if (!final) {
		/* a drop that waits has not been taken: the flow is on main, by no rule */
		if (rule.action == RULE_DROP)
			decision.rule = -1;
		if (!late_now)
			decision.value = decision.rule < 0 ? 0 : take(policy, &rule, facts);
		return decision;
	}
	if (!late_now) {
		decision.value = take(policy, &rule, facts);
		return decision;
	}
	if (match->rule < 0) {
		decision.value = line_of(mark, current);
		if (guessed && !is_nat(policy, current)) {
			decision.late = RULE_LATE_MOVE;
			decision.value = mark->main;
			decision.moved = line_of(mark, current) != mark->main;
		}
		return decision;
	}
	decide_late(policy, &rule, facts, current, &decision);
	return decision;
}
