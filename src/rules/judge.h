/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.h - one rule, one question.
 */
#ifndef WAYMARK_RULES_JUDGE_H
#define WAYMARK_RULES_JUDGE_H

#include "private.h"

struct question {
	const struct rule_facts *facts;
	const struct evidence *evidence;	 /* NULL: nothing known */
	const struct rule_expectation *expected; /* NULL: nothing is */
	const char *iface_in, *iface_out;
	bool guess; /* let what is expected answer what is open */
};

enum rule_truth rules_judge(const struct rule *rule, const struct question *question);
/* Of an open rule: true if it holds when the flow is what is expected. */
bool rules_is_expected(const struct rule *rule, const struct question *question);

#endif
