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
 * moved off it, whatever the target: the line it leaves is what breaks it.
 */
#include <waymark/classify.h>

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

static bool is_nat(const struct classify_policy *policy, uint32_t value)
{
	return value <= policy->mark.user_max && policy->value_is_nat[value];
}

static enum rule_late late_of(const struct classify_policy *policy, const struct rule_view *rule,
			      uint32_t current)
{
	if (!rule->late_given && rule->late == RULE_LATE_MOVE && rule->action != RULE_DROP &&
	    is_nat(policy, current))
		return RULE_LATE_LEARN;
	return rule->late;
}

struct classify_decision classify_decide(const struct classify_policy *policy,
					 const struct rule_match *match, uint32_t current,
					 bool late_now, bool guessed)
{
	const struct mark_layout *mark = &policy->mark;
	bool final = match->open_count == 0;
	struct classify_decision decision = {
		.rule = !final && match->expected >= 0 ? match->expected : match->rule,
		.value = current,
		.final = final,
	};
	struct rule_view rule = {.value = mark->main};

	if (decision.rule >= 0)
		ruleset_view(policy->rules, (size_t)decision.rule, &rule);

	if (!final) {
		/* a drop that waits has not been taken: the flow is on main, by no rule */
		if (decision.rule >= 0 && rule.value == mark->drop) {
			decision.rule = -1;
			rule.value = 0;
		}
		if (!late_now)
			decision.value = decision.rule < 0 ? 0 : rule.value;
		return decision;
	}
	if (!late_now) {
		decision.value = rule.value;
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
	decision.late = late_of(policy, &rule, current);
	if (decision.late == RULE_LATE_MOVE) {
		decision.value = rule.value;
		decision.moved = line_of(mark, current) != line_of(mark, rule.value);
	} else {
		decision.value = line_of(mark, current);
	}
	return decision;
}
