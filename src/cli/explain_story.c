/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection that does not exist, judged as a real one would be, and told as a story.
 *
 * The decisions are ruleset_match() and classify_decide(), called as classify_packet() calls
 * them, once for each moment that matters:
 *
 *   packet 1   headers, and what the daemon's names cache expects of the far end; the evidence
 *              as well where the first datagram carries it
 *   evidence   when the name or protocol that the user gave has shown itself
 *   next       the first packet of the connection after this one
 *   with DNS   packet 1 again, as if the client had just asked for the name that was given
 *
 * The state of the uplinks is one of its own, so no turn of a running daemon is taken: of a group
 * it is the member whose turn comes first, and of uplinks only those that are disabled are out.
 *
 * Packets are counted in both directions, as in `replay` (decided_packet): three for the
 * handshake of TCP. Chains that queue fewer of them only lower the number.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "explain.h"
#include "packets.h"

#define OPEN_RULES_SHOWN 64
#define TEXT_SIZE 640

struct story {
	const struct policy *policy;
	const struct hypothesis *hypothesis;
	const struct explain_names *names;
	struct classify_policy view;
	json_t *why;
};

static void say(json_t *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(json_t *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	json_array_append_new(why, json_vsprintf(format, arguments));
	va_end(arguments);
}

static const char *rule_name(const struct policy *policy, int32_t rule)
{
	struct rule_view view;

	if (rule < 0)
		return NULL;
	ruleset_view(policy->rules, (size_t)rule, &view);
	return view.name;
}

/* Where a value sends a flow, in words. */
static const char *line_text(const struct policy *policy, uint32_t value, char text[TEXT_SIZE])
{
	const struct mark_layout *mark = &policy->conf->mark;
	const char *name = value ? policy_uplink_name(policy, value) : "main";

	if (name)
		snprintf(text, TEXT_SIZE, "%s", name);
	else if (value == mark->drop)
		snprintf(text, TEXT_SIZE, "drop");
	else
		snprintf(text, TEXT_SIZE, "mark 0x%x", mark_bits(mark, value));
	return text;
}

/* What a rule asks for, in words. */
static const char *wanted_text(const struct policy *policy, const struct rule_view *rule,
			       char text[TEXT_SIZE])
{
	if (rule->group == RULES_NO_GROUP)
		return line_text(policy, rule->value, text);
	snprintf(text, TEXT_SIZE, "group '%s'", rule->uplink);
	return text;
}

/* ---- moments ---- */

static bool is_app(const struct hypothesis *hypothesis, const char *name)
{
	return hypothesis->app && strcmp(hypothesis->app, name) == 0;
}

/* A datagram protocol shows itself at once; a QUIC ClientHello of today's size needs two. */
static bool first_packet_tells(const struct hypothesis *hypothesis)
{
	return hypothesis->has_evidence && !hypothesis->facts.has_tcp &&
	       !is_app(hypothesis, "quic");
}

static const char *first_moment(const struct hypothesis *hypothesis)
{
	if (hypothesis->older)
		return "first packet seen";
	return hypothesis->facts.has_tcp ? "packet 1 (SYN)" : "packet 1";
}

static const char *evidence_moment(const struct hypothesis *hypothesis)
{
	if (first_packet_tells(hypothesis))
		return first_moment(hypothesis);
	if (hypothesis->older)
		return "with its payload";
	if (is_app(hypothesis, "tls"))
		return "packet 4 (ClientHello)";
	if (is_app(hypothesis, "quic"))
		return "packet 2 (ClientHello; packet 1 if it is small)";
	if (is_app(hypothesis, "http"))
		return "packet 4 (request)";
	if (is_app(hypothesis, "dns"))
		return "packet 4 (query)";
	return "packet 4 or later (payload)";
}

static const char *evidence_text(const struct hypothesis *hypothesis, char text[TEXT_SIZE])
{
	const struct evidence *evidence = &hypothesis->evidence;

	snprintf(text, TEXT_SIZE, "%s%s%sapp %s (%s)%s%s%s", evidence->host_length ? "host " : "",
		 evidence->host, evidence->host_length ? " (given), " : "", hypothesis->app,
		 hypothesis->app_assumed ? "assumed" : "given", hypothesis->alpn ? ", alpn " : "",
		 hypothesis->alpn ? hypothesis->alpn : "", hypothesis->alpn ? " (given)" : "");
	return text;
}

/* ---- rules that are open ---- */

static size_t open_rules(const struct story *story, const struct evidence *evidence,
			 const struct rule_expectation *expected, const struct rule_match *match,
			 int32_t indexes[OPEN_RULES_SHOWN])
{
	int32_t limit =
		match->rule < 0 ? (int32_t)ruleset_count(story->policy->rules) : match->rule;
	size_t count = ruleset_open_rules(story->policy->rules, &story->hypothesis->facts, evidence,
					  expected, NULL, limit, indexes, OPEN_RULES_SHOWN);

	return count < OPEN_RULES_SHOWN ? count : OPEN_RULES_SHOWN;
}

/*
 * What an open rule waits for: each kind of evidence that would close it by being refuted
 * alone. Patterns stand behind apps too, so these are named as payload only if no app is.
 */
static const char *waits_for(const struct story *story, int32_t rule, char text[TEXT_SIZE])
{
	const struct pattern_set *patterns = ruleset_patterns(story->policy->rules);
	size_t count = patterns ? pattern_count(patterns) : 0;
	uint64_t *out = malloc((count / 64 + 1) * sizeof(*out));
	const struct {
		const char *word;
		struct evidence refuted;
	} kinds[] = {
		{"host", {.host_done = true}},
		{"alpn", {.alpn_done = true}},
		{"payload", {.pattern_out = out, .pattern_count = count}},
		{"app", {.apps_done = true, .pattern_out = out, .pattern_count = count}},
	};
	size_t length = 0;
	bool payload = false;

	snprintf(text, TEXT_SIZE, "payload");
	if (!out)
		return text;
	memset(out, 0xff, (count / 64 + 1) * sizeof(*out));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool is_payload = strcmp(kinds[i].word, "payload") == 0;

		if (ruleset_judge(story->policy->rules, (size_t)rule, &story->hypothesis->facts,
				  &kinds[i].refuted, NULL, NULL) == RULE_OPEN ||
		    (payload && strcmp(kinds[i].word, "app") == 0))
			continue;
		payload |= is_payload;
		length += (size_t)snprintf(text + length, TEXT_SIZE - length, "%s%s",
					   length ? " and " : "", kinds[i].word);
	}
	free(out);
	return text;
}

/* ---- telling ---- */

static bool is_steered(const struct story *story, uint32_t value)
{
	return value && value != story->policy->conf->mark.main;
}

/* "cable 3, mail.out 1" of a weighted group, "cable, mail.out" of another. */
static const char *members_text(const struct conf *conf, const struct conf_group *group,
				char text[TEXT_SIZE])
{
	size_t length = 0;

	for (size_t i = 0; i < group->member_count && length < TEXT_SIZE; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[group->members[i].uplink];

		length += (size_t)snprintf(text + length, TEXT_SIZE - length, "%s%s", i ? ", " : "",
					   uplink->name);
		if (group->policy == CONF_GROUP_WEIGHTED && length < TEXT_SIZE)
			length += (size_t)snprintf(text + length, TEXT_SIZE - length, " %u",
						   group->members[i].weight);
		if (!uplink->enabled && length < TEXT_SIZE)
			length += (size_t)snprintf(text + length, TEXT_SIZE - length, " disabled");
	}
	return text;
}

/* How the rule's target became the line that the flow takes, where that is not plain. */
static void tell_target(const struct story *story, const char *moment,
			const struct classify_decision *decision)
{
	static const char *const sticky[] = {
		[CONF_STICKY_FLOW] = "by turn",
		[CONF_STICKY_SOURCE] = "by turn, then the same for its source",
		[CONF_STICKY_SOURCE_DESTINATION] =
			"by turn, then the same for its source and destination",
	};
	const struct conf *conf = story->policy->conf;
	char members[TEXT_SIZE], line[TEXT_SIZE], wanted[TEXT_SIZE];
	struct rule_view rule;

	if (decision->rule < 0)
		return;
	ruleset_view(story->policy->rules, (size_t)decision->rule, &rule);
	line_text(story->policy, decision->value, line);
	if (rule.group != RULES_NO_GROUP) {
		const struct conf_group *group = &conf->groups[rule.group];

		say(story->why, "%s: of group '%s' (%s) it takes %s, %s", moment, group->name,
		    members_text(conf, group, members), line,
		    group->policy == CONF_GROUP_FAILOVER ? "the first that is usable"
							 : sticky[group->sticky]);
	} else if (decision->value != rule.value) {
		const struct conf_uplink *uplink = conf_uplink_by_mark(conf, rule.value);

		say(story->why, "%s: %s is %s, and its on_down leads to %s", moment,
		    wanted_text(story->policy, &rule, wanted),
		    uplink && uplink->enabled ? "down" : "disabled", line);
	}
}

static void tell_names(const struct story *story, bool guessed,
		       const struct classify_decision *first)
{
	const struct names_guess *guess = &story->names->guess;
	char address[IP_TEXT_SIZE], line[TEXT_SIZE];
	const char *moment = first_moment(story->hypothesis);

	if (!story->names->known) {
		if (story->names->reason[0])
			say(story->why, "%s: no name known in advance: %s", moment,
			    story->names->reason);
		return;
	}
	ip_format(&story->hypothesis->facts.dst, address);
	if (guess->host_length)
		say(story->why, "%s: waymarkd knows %s as %s (%s)", moment, address, guess->host,
		    explain_origin_text(guess->origin));
	if (guess->app_count)
		say(story->why, "%s: waymarkd knows %s as a server of %s", moment, address,
		    app_name(guess->apps[guess->app_count - 1]));
	if (guessed)
		say(story->why, "%s: so it begins as rule '%s' says, on %s", moment,
		    rule_name(story->policy, first->rule),
		    line_text(story->policy, first->value, line));
}

static void tell_first(const struct story *story, const struct evidence *evidence,
		       const struct rule_expectation *expected, const struct rule_match *match,
		       const struct classify_decision *first, bool guessed)
{
	const struct policy *policy = story->policy;
	const char *moment = first_moment(story->hypothesis);
	const char *name = rule_name(policy, first->rule);
	char text[TEXT_SIZE], line[TEXT_SIZE], shown[TEXT_SIZE];
	int32_t open[OPEN_RULES_SHOWN];
	size_t count;

	line_text(policy, first->value, line);
	if (first_packet_tells(story->hypothesis))
		say(story->why, "%s: %s", moment, evidence_text(story->hypothesis, shown));
	if (first->final) {
		if (name)
			say(story->why, "%s: rule '%s' holds%s: %s, finally", moment, name,
			    first_packet_tells(story->hypothesis) ? "" : " by its headers", line);
		else
			say(story->why, "%s: no rule holds: main, finally", moment);
		return;
	}
	count = open_rules(story, evidence, expected, match, open);
	for (size_t i = 0; i < count; i++)
		say(story->why, "%s: rule '%s' is open because of its %s", moment,
		    rule_name(policy, open[i]), waits_for(story, open[i], text));
	tell_names(story, guessed, first);
	if (guessed)
		return;
	if (name && is_steered(story, first->value))
		say(story->why, "%s: takes rule '%s' meanwhile: %s", moment, name, line);
	else
		say(story->why, "%s: takes main meanwhile", moment);
}

/* The flow is on a line that the rule may give. */
static bool is_where(const struct story *story, const struct rule_view *rule, uint32_t value)
{
	const struct steer_target target = {rule->value, rule->group};

	return steer_holds(story->policy->steer, story->hypothesis->steer_state, &target, value);
}

static void tell_late(const struct story *story, const struct classify_decision *first,
		      const struct classify_decision *last, bool guessed)
{
	const struct policy *policy = story->policy;
	const char *moment = evidence_moment(story->hypothesis);
	const char *name = rule_name(policy, last->rule);
	char text[TEXT_SIZE], line[TEXT_SIZE], wanted[TEXT_SIZE];
	struct rule_view rule;

	evidence_text(story->hypothesis, text);
	line_text(policy, last->value, line);
	if (!name) {
		say(story->why, "%s: %s: no rule holds, it %s %s, finally", moment, text,
		    last->moved ? "goes back to" : "keeps", line);
		return;
	}
	ruleset_view(policy->rules, (size_t)last->rule, &rule);
	say(story->why, "%s: %s: rule '%s' holds, which says %s", moment, text, name,
	    wanted_text(policy, &rule, wanted));
	if (guessed && first->rule == last->rule)
		say(story->why, "%s: as expected, nothing changes", moment);
	else if (last->late == RULE_LATE_LEARN && !is_where(story, &rule, last->value))
		say(story->why,
		    "%s: late = \"learn\": moving an open connection would end it, so this one "
		    "keeps %s",
		    moment, line);
	else if (last->moved) {
		say(story->why, "%s: late = \"move\": its mark changes at once", moment);
		tell_target(story, moment, last);
	} else
		say(story->why, "%s: it is there already", moment);
}

/* ---- the moments, judged ---- */

static struct classify_decision first_packet(const struct story *story,
					     const struct evidence *evidence,
					     const struct rule_expectation *expected, bool older,
					     struct rule_match *match)
{
	struct classify_decision decision;

	ruleset_match(story->policy->rules, &story->hypothesis->facts, evidence, expected, NULL,
		      match);
	decision = classify_decide(&story->view, match, &story->hypothesis->facts, 0, older, false);
	/* what a flow of unknown age was given on its way is not known either */
	if (older && !decision.final)
		decision.rule = -1;
	return decision;
}

static json_t *decision_json(const struct policy *policy, const struct classify_decision *decision)
{
	uint32_t value = decision->value ? decision->value : policy->conf->mark.main;
	bool main_by_none = decision->rule < 0 && value == policy->conf->mark.main;

	return json_pack("{s:o,s:o,s:o}", "rule",
			 cli_text_or_null(rule_name(policy, decision->rule)), "uplink",
			 main_by_none ? json_null()
				      : cli_text_or_null(policy_uplink_name(policy, value)),
			 "mark", json_sprintf("0x%x", mark_bits(&policy->conf->mark, value)));
}

/* What this connection leaves behind for the next one to the same server; null if it is over
 * before. */
static json_t *next_json(const struct story *story, const struct rule_expectation *known,
			 const struct classify_decision *last)
{
	const struct evidence *evidence = &story->hypothesis->evidence;
	struct rule_expectation expected = known ? *known : (struct rule_expectation){0};
	struct classify_decision next;
	struct rule_match match;
	char line[TEXT_SIZE];

	if (evidence->host_length && evidence->host_source != HOST_DNS_QUERY) {
		expected.host = evidence->host;
		expected.host_length = evidence->host_length;
	}
	if (last->rule >= 0 && ruleset_fingerprint(story->policy->rules, (size_t)last->rule)) {
		expected.rule = ruleset_fingerprint(story->policy->rules, (size_t)last->rule);
		expected.apps = evidence->app;
		expected.app_count = evidence->app_count;
	}
	next = first_packet(story, inspection_evidence(story->hypothesis->begun), &expected, false,
			    &match);
	if (next.value != last->value || last->late == RULE_LATE_LEARN)
		say(story->why, "next connection to this server: begins on %s",
		    line_text(story->policy, next.value, line));
	return decision_json(story->policy, &next);
}

static void tell_with_dns(const struct story *story, const struct classify_decision *first)
{
	const struct evidence *evidence = &story->hypothesis->evidence;
	struct rule_expectation expected = {
		.host = evidence->host,
		.host_length = evidence->host_length,
		.answer = evidence->host,
		.answer_length = evidence->host_length,
	};
	struct classify_decision decision;
	struct rule_match match;
	char line[TEXT_SIZE];

	if (!evidence->host_length || evidence->host_source == HOST_DNS_QUERY ||
	    story->hypothesis->older)
		return;
	decision = first_packet(story, inspection_evidence(story->hypothesis->begun), &expected,
				false, &match);
	if (decision.value != first->value)
		say(story->why,
		    "known from DNS before the connection: packet 1 takes rule '%s', %s, and "
		    "nothing is late",
		    rule_name(story->policy, decision.rule),
		    line_text(story->policy, decision.value, line));
}

static json_t *evidence_json(const struct hypothesis *hypothesis)
{
	const struct evidence *evidence = &hypothesis->evidence;

	if (!hypothesis->has_evidence)
		return json_null();
	return json_pack(
		"{s:s,s:b,s:o,s:o,s:o}", "app", hypothesis->app, "app_assumed",
		hypothesis->app_assumed, "host",
		evidence->host_length ? json_string(evidence->host) : json_null(), "host_source",
		evidence->host_length ? json_string(host_source_name(evidence->host_source))
				      : json_null(),
		"alpn", hypothesis->alpn ? json_string(hypothesis->alpn) : json_null());
}

static json_t *members_json(const struct conf *conf, const struct conf_group *group)
{
	json_t *members = group ? json_array() : json_null();

	for (size_t i = 0; group && i < group->member_count; i++)
		json_array_append_new(members,
				      json_pack("{s:s,s:i}", "uplink",
						conf->uplinks[group->members[i].uplink].name,
						"weight", (int)group->members[i].weight));
	return members;
}

static json_t *names_json(const struct explain_names *names)
{
	const struct names_guess *guess = &names->guess;
	json_t *apps;

	if (!names->known)
		return json_null();
	apps = json_array();
	for (unsigned i = 0; i < guess->app_count; i++)
		json_array_append_new(apps, cli_text_or_null(app_name(guess->apps[i])));
	return json_pack("{s:o,s:s,s:o}", "host",
			 guess->host_length ? json_string(guess->host) : json_null(), "origin",
			 explain_origin_word(guess->origin), "apps", apps);
}

static json_t *names_of(const struct story *story, const int32_t *rules, size_t count)
{
	json_t *names = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(names, json_string(rule_name(story->policy, rules[i])));
	return names;
}

json_t *explain_document(const struct policy *policy, const struct hypothesis *hypothesis,
			 const struct explain_names *names)
{
	struct story story = {
		.policy = policy,
		.hypothesis = hypothesis,
		.names = names,
		.why = json_array(),
	};
	struct rule_expectation room = classify_expectation(&names->guess);
	const struct rule_expectation *expected = names->known ? &room : NULL;
	const struct evidence *evidence = first_packet_tells(hypothesis)
						  ? &hypothesis->evidence
						  : inspection_evidence(hypothesis->begun);
	struct classify_decision first, last;
	const struct conf_group *group;
	int32_t open[OPEN_RULES_SHOWN];
	json_t *document, *rest, *next = NULL;
	struct rule_match match;
	uint32_t value, bits;
	bool guessed;

	policy_classify_view(policy, &story.view);
	story.view.steer_state = hypothesis->steer_state;
	if (story.view.observe)
		say(story.why, "mode is \"observe\": none of this is done, only counted");
	if (hypothesis->older)
		say(story.why, "older than waymark's knowledge of it: every decision is late");
	first = last = first_packet(&story, evidence, expected, hypothesis->older, &match);
	guessed = !first.final && first.rule >= 0 && first.rule == match.expected;
	tell_first(&story, evidence, expected, &match, &first, guessed);
	if (!hypothesis->older || first.moved)
		tell_target(&story, first_moment(hypothesis), &first);
	if (!first.final && hypothesis->has_evidence) {
		evidence = &hypothesis->evidence;
		ruleset_match(policy->rules, &hypothesis->facts, evidence, expected, NULL, &match);
		last = classify_decide(&story.view, &match, &hypothesis->facts, first.value, true,
				       guessed);
		tell_late(&story, &first, &last, guessed);
		next = next_json(&story, expected, &last);
		if (!guessed)
			tell_with_dns(&story, &first);
	}
	value = last.value ? last.value : policy->conf->mark.main;
	bits = last.final ? mark_bits(&policy->conf->mark, value)
			  : mark_bits(&policy->conf->mark, last.value) |
				    policy->conf->mark.provisional;
	document = decision_json(policy, &last);
	rest = json_pack(
		"{s:o,s:o,s:o,s:b,s:b,s:o,s:o,s:o,s:o,s:o}", "open_rules",
		names_of(&story, open, open_rules(&story, evidence, expected, &match, open)),
		"evidence", evidence_json(hypothesis), "late",
		last.late == RULE_LATE_LEARN  ? json_string("learn")
		: last.late == RULE_LATE_MOVE ? json_string("move")
					      : json_null(),
		"moved", last.moved, "final", last.final, "first", decision_json(policy, &first),
		"next", next ? next : json_null(), "names", names_json(names), "route",
		explain_route(policy, hypothesis, value, bits), "why", story.why);
	json_object_update(document, rest);
	group = policy_group(policy, last.rule, last.value);
	json_object_set_new(document, "group", cli_text_or_null(group ? group->name : NULL));
	json_object_set_new(document, "members", members_json(policy->conf, group));
	json_decref(rest);
	return document;
}
