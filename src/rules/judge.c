/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.c - the judgement of one rule over facts and evidence.
 *
 * Pure but for "@set:NAME", which asks the kernel. A rule is the conjunction of its
 * tests: one NO refutes it, else one OPEN leaves it open, else it holds. Header
 * tests know YES and NO only and come first, so a rule is open only if its header
 * part holds. A negated group turns YES and NO around; open stays open.
 *
 * Sound over time: facts are those of the first packet and evidence only grows,
 * so a YES or NO given once is never taken back, and "first match wins, also
 * while it is open" ends at the same rule whenever it is asked.
 *
 * What is expected of a flow (rule_expectation) answers no test; it only picks, among the open
 * rules, the one that the flow will most likely end at. One exception: the name that DNS gave is
 * the host of a flow that has shown all it ever will, or whose TLS hides the true one.
 *
 * A pattern bit that the evidence does not have (its inspection began under an
 * older ruleset) is open, not refuted.
 */
#include <string.h>

#include "judge.h"

static enum rule_truth truth_of(bool holds)
{
	return holds ? RULE_YES : RULE_NO;
}

/* ---- header tests ---- */

static bool in_addresses(const struct address_set *set, const struct ip_addr *address)
{
	if (address->family == IP_NONE)
		return false;
	if (address_set_covers(set, address))
		return true;
	for (uint32_t i = 0; i < set->ipset_count; i++) {
		if (rules_ipset_test(set->ipsets[i], address) == 1)
			return true;
	}
	return false;
}

static bool in_masked(const struct test *test, uint32_t value)
{
	const struct masked *items = test->items;

	for (uint32_t i = 0; i < test->count; i++) {
		if ((value & items[i].mask) == items[i].value)
			return true;
	}
	return false;
}

static bool is_icmp(const struct test *test, const struct rule_facts *facts)
{
	const struct icmp_item *items = test->items;

	for (uint32_t i = 0; facts->has_icmp && i < test->count; i++) {
		if ((items[i].proto == 0 || items[i].proto == facts->proto) &&
		    items[i].type == facts->icmp_type &&
		    (items[i].code < 0 || items[i].code == facts->icmp_code))
			return true;
	}
	return false;
}

static bool is_mac(const struct test *test, const struct rule_facts *facts)
{
	const struct mac_item *items = test->items;

	for (uint32_t i = 0; facts->has_mac && i < test->count; i++) {
		if (memcmp(items[i].bytes, facts->mac, 6) == 0)
			return true;
	}
	return false;
}

static bool is_interface(const struct test *test, const char *name)
{
	const struct iface_item *items = test->items;

	for (uint32_t i = 0; name && *name && i < test->count; i++) {
		/* strncmp() stops at the end of a name that is shorter */
		if (strncmp(items[i].name, name, items[i].length) == 0 &&
		    (items[i].prefix || name[items[i].length] == '\0'))
			return true;
	}
	return false;
}

#define DAY_S 86400

static bool in_time(const struct test *test, uint64_t time_us)
{
	const struct time_item *items = test->items;
	int64_t utc = (int64_t)(time_us / 1000000);

	for (uint32_t i = 0; i < test->count; i++) {
		int64_t local = utc + zone_offset(items[i].zone, utc);
		int64_t day = local / DAY_S - (local % DAY_S < 0);
		int64_t minute = (local - day * DAY_S) / 60;
		unsigned weekday =
			(unsigned)(((day + 4) % 7 + 7) % 7); /* 1970 began on a Thursday */
		bool today = items[i].days >> weekday & 1;
		bool yesterday = items[i].days >> (weekday + 6) % 7 & 1;

		if (items[i].from < items[i].to) {
			if (today && minute >= items[i].from && minute < items[i].to)
				return true;
		} else if ((today && minute >= items[i].from) ||
			   (yesterday && minute < items[i].to)) {
			return true;
		}
	}
	return false;
}

/* ---- tests over evidence ---- */

static enum rule_truth pattern_truth(const struct evidence *evidence, uint32_t pattern)
{
	uint64_t bit = UINT64_C(1) << pattern % 64;

	if (pattern >= evidence->pattern_count)
		return RULE_OPEN;
	if (evidence->pattern_hit && evidence->pattern_hit[pattern / 64] & bit)
		return RULE_YES;
	if (evidence->pattern_out && evidence->pattern_out[pattern / 64] & bit)
		return RULE_NO;
	return RULE_OPEN;
}

/* Any of the patterns: YES; all out: NO. */
static enum rule_truth any_pattern(const struct evidence *evidence, const uint32_t *patterns,
				   uint32_t count)
{
	enum rule_truth result = RULE_NO;

	for (uint32_t i = 0; i < count; i++) {
		enum rule_truth truth = pattern_truth(evidence, patterns[i]);

		if (truth == RULE_YES)
			return RULE_YES;
		if (truth == RULE_OPEN)
			result = RULE_OPEN;
	}
	return result;
}

static enum rule_truth app_truth(const struct test *test, const struct evidence *evidence)
{
	const struct app_item *items = test->items;
	enum rule_truth result = RULE_NO;

	for (uint32_t i = 0; i < test->count; i++) {
		enum rule_truth truth;

		if (evidence_has_app(evidence, items[i].app))
			return RULE_YES;
		truth = any_pattern(evidence, items[i].patterns, items[i].pattern_count);
		if (truth == RULE_YES)
			return RULE_YES;
		if (truth == RULE_OPEN ||
		    (items[i].builtin && !evidence_app_out(evidence, items[i].app)))
			result = RULE_OPEN;
	}
	return result;
}

static enum rule_truth host_truth(const struct test *test, const struct question *question)
{
	const struct evidence *evidence = question->evidence;
	const struct rule_expectation *expected = question->expected;

	/* match.c knows the same: find_host() */
	if (evidence->host_length &&
	    host_set_covers(test->items, evidence->host, evidence->host_length))
		return RULE_YES;
	if (!evidence->host_length && !evidence->host_done)
		return RULE_OPEN;
	if (evidence->host_length && (evidence->host_source != HOST_TLS_ECH_OUTER || !expected ||
				      !expected->answer_is_inner))
		return RULE_NO;
	/* it shows no name of its own: then it is what its client asked DNS for */
	return truth_of(expected && expected->answer_length &&
			host_set_covers(test->items, expected->answer, expected->answer_length));
}

static enum rule_truth alpn_truth(const struct test *test, const struct evidence *evidence)
{
	const char *const *items = test->items;
	const char *offered;

	for (size_t i = 0; (offered = evidence_alpn(evidence, i)) != NULL; i++) {
		for (uint32_t j = 0; j < test->count; j++) {
			if (strcmp(offered, items[j]) == 0)
				return RULE_YES;
		}
	}
	return evidence->alpn_done ? RULE_NO : RULE_OPEN;
}

/* ---- rules ---- */

static bool judge_header(const struct test *test, const struct question *question)
{
	const struct rule_facts *facts = question->facts;
	const struct span *spans = test->items;

	switch ((enum test_kind)test->kind) {
	case TEST_HOOK:
		return rules_in_spans(spans, test->count, facts->hook);
	case TEST_PROTO:
		return rules_in_spans(spans, test->count, facts->proto);
	case TEST_DPORT:
		return facts->has_ports && rules_in_spans(spans, test->count, facts->dport);
	case TEST_SPORT:
		return facts->has_ports && rules_in_spans(spans, test->count, facts->sport);
	case TEST_TOS:
		return in_masked(test, facts->tos);
	case TEST_DSCP:
		return rules_in_spans(spans, test->count, facts->tos >> 2);
	case TEST_TTL:
		return rules_in_spans(spans, test->count, facts->ttl);
	case TEST_LENGTH:
		return rules_in_spans(spans, test->count, facts->length);
	case TEST_FWMARK:
		return in_masked(test, facts->mark);
	case TEST_TCP_FLAGS:
		return facts->has_tcp && in_masked(test, facts->tcp_flags);
	case TEST_ICMP:
		return is_icmp(test, facts);
	case TEST_UID:
		return facts->has_uid && rules_in_spans(spans, test->count, facts->uid);
	case TEST_GID:
		return facts->has_gid && rules_in_spans(spans, test->count, facts->gid);
	case TEST_MAC:
		return is_mac(test, facts);
	case TEST_IFACE_IN:
		return is_interface(test, question->iface_in);
	case TEST_IFACE_OUT:
		return is_interface(test, question->iface_out);
	case TEST_SRC:
		return in_addresses(test->items, &facts->src);
	case TEST_DST:
		return in_addresses(test->items, &facts->dst);
	case TEST_TIME:
		return in_time(test, facts->time_us);
	case TEST_NEVER:
	case TEST_NOT:
	case TEST_APP:
	case TEST_ALPN:
	case TEST_HOST:
	case TEST_PAYLOAD:
		break;
	}
	return false;
}

static enum rule_truth judge_one(const struct test *test, const struct question *question)
{
	const struct evidence *evidence = question->evidence;

	if (!test->payload)
		return truth_of(judge_header(test, question));
	if (!evidence)
		return RULE_OPEN;
	switch ((enum test_kind)test->kind) {
	case TEST_APP:
		return app_truth(test, evidence);
	case TEST_ALPN:
		return alpn_truth(test, evidence);
	case TEST_HOST:
		return host_truth(test, question);
	case TEST_PAYLOAD:
		return any_pattern(evidence, test->items, test->count);
	default:
		return RULE_NO;
	}
}

/* What an open test will most likely turn out to be; OPEN: no idea. */
static enum rule_truth guess_one(const struct test *test, const struct rule_expectation *expected)
{
	const struct app_item *items = test->items;

	switch ((enum test_kind)test->kind) {
	case TEST_HOST:
		if (!expected->host_length)
			return RULE_OPEN;
		return truth_of(
			host_set_covers(test->items, expected->host, expected->host_length));
	case TEST_APP:
		for (uint32_t i = 0; i < test->count; i++)
			for (size_t a = 0; a < expected->app_count; a++)
				if (items[i].app == expected->apps[a])
					return RULE_YES;
		return RULE_OPEN;
	default:
		return RULE_OPEN;
	}
}

/* The conjunction of tests none of which is a TEST_NOT. */
static enum rule_truth judge_group(const struct test *tests, uint32_t count,
				   const struct question *question)
{
	enum rule_truth result = RULE_YES;

	for (uint32_t i = 0; i < count; i++) {
		enum rule_truth truth = judge_one(&tests[i], question);

		if (truth == RULE_OPEN && question->guess)
			truth = guess_one(&tests[i], question->expected);
		if (truth == RULE_NO)
			return RULE_NO;
		if (truth == RULE_OPEN)
			result = RULE_OPEN;
	}
	return result;
}

enum rule_truth rules_judge(const struct rule *rule, const struct question *question)
{
	enum rule_truth result = RULE_YES;

	for (uint32_t i = 0; i < rule->test_count; i++) {
		const struct test *test = &rule->tests[i];
		enum rule_truth truth;

		if (test->kind == TEST_NOT) {
			truth = judge_group(test + 1, test->count, question);
			if (truth != RULE_OPEN)
				truth = truth_of(truth == RULE_NO);
			i += test->count;
		} else {
			truth = judge_one(test, question);
			if (truth == RULE_OPEN && question->guess)
				truth = guess_one(test, question->expected);
		}
		/* what decided such a flow before held then as a whole */
		if (truth == RULE_OPEN && question->guess && rule->fingerprint &&
		    rule->fingerprint == question->expected->rule)
			truth = RULE_YES;
		if (truth == RULE_NO)
			return RULE_NO;
		if (truth == RULE_OPEN)
			result = RULE_OPEN;
	}
	return result;
}

bool rules_is_expected(const struct rule *rule, const struct question *question)
{
	struct question guess = *question;

	guess.guess = true;
	return rules_judge(rule, &guess) == RULE_YES;
}
