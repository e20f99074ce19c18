/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of iptables, anybody's, read for what concerns us: marks, queues and source NAT.
 *
 * The text is what iptables-save prints, one rule a line, so words and quotes are all there is to
 * read. What a rule's other matches mean is not known here, and need not be: for marks and queues
 * every rule counts, and for NAT a doubt speaks for the user, since a translation that is not
 * seen would be reported as missing. Only conditions that surely leave packets out count against
 * a rule.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

#define WORD_MAX 256
#define CHAIN_DEPTH_MAX 16

/* The next word, unquoted; false at the end of the line. One that is too long is cut. */
static bool next_word(const char **at, const char *end, char word[WORD_MAX])
{
	const char *p = *at;
	size_t length = 0;
	bool quoted = false;

	while (p < end && *p == ' ')
		p++;
	if (p == end)
		return false;
	for (; p < end && (quoted || *p != ' '); p++) {
		char c = *p;

		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (c == '\\' && quoted && p + 1 < end)
			c = *++p;
		if (length + 1 < WORD_MAX)
			word[length++] = c;
	}
	word[length] = '\0';
	*at = p;
	return true;
}

/* "V/M" or "V". */
static void value_and_mask(const char *word, uint32_t *value, uint32_t *mask)
{
	char *end;

	*value = (uint32_t)strtoul(word, &end, 0);
	*mask = *end == '/' ? (uint32_t)strtoul(end + 1, NULL, 0) : UINT32_MAX;
}

static void take_queue(struct doctor_rule *rule, const char *word)
{
	char *end;

	rule->queue_first = (unsigned)strtoul(word, &end, 10);
	rule->queue_last = *end == ':' ? (unsigned)strtoul(end + 1, NULL, 10) : rule->queue_first;
}

/* What the targets that write marks have said. */
struct writing {
	uint32_t set, nfmask, ctmask;
	bool sets, restores, saves;
};

/* The value of an option that has one; `not` is what stood before it. */
static void take_option(struct doctor_rules *rules, struct doctor_rule *rule, const char *option,
			const char *value, bool not, const char *match, struct writing *writing)
{
	uint32_t mark, mask;

	if (strcmp(option, "-j") == 0 || strcmp(option, "-g") == 0) {
		rule->target = arena_strdup(&rules->arena, value);
	} else if (strcmp(option, "-o") == 0) {
		rule->out = arena_strdup(&rules->arena, value);
		rule->out_not = not ;
	} else if (strcmp(option, "-s") == 0) {
		rule->narrow |= !ip_range_parse(value, &rule->source);
		rule->source_not = not ;
	} else if (strcmp(option, "-d") == 0 || strcmp(option, "-p") == 0 ||
		   strcmp(option, "-i") == 0 || strcmp(option, "--dport") == 0 ||
		   strcmp(option, "--sport") == 0 || strcmp(option, "--dports") == 0 ||
		   strcmp(option, "--sports") == 0) {
		rule->narrow |= !not ;
	} else if (strcmp(option, "--mark") == 0 && strcmp(match, "mark") == 0) {
		value_and_mask(value, &rule->mark, &rule->mark_mask);
		rule->has_mark = !not ;
	} else if (strcmp(option, "--mark") == 0) {
		rule->narrow |= !not ;
	} else if (strcmp(option, "--set-xmark") == 0 || strcmp(option, "--set-mark") == 0 ||
		   strcmp(option, "--tproxy-mark") == 0) {
		value_and_mask(value, &mark, &mask);
		writing->sets = true;
		writing->set = mark | mask;
	} else if (strcmp(option, "--nfmask") == 0) {
		writing->nfmask = (uint32_t)strtoul(value, NULL, 0);
	} else if (strcmp(option, "--ctmask") == 0) {
		writing->ctmask = (uint32_t)strtoul(value, NULL, 0);
	} else if (strcmp(option, "--queue-num") == 0 || strcmp(option, "--queue-balance") == 0) {
		take_queue(rule, value);
	}
}

/* Flags have no value; taking the next option for one would lose it. */
static bool is_flag(const char *option, struct writing *writing)
{
	if (strcmp(option, "--restore-mark") == 0)
		writing->restores = true;
	else if (strcmp(option, "--save-mark") == 0)
		writing->saves = true;
	else
		return strcmp(option, "--queue-bypass") == 0 ||
		       strcmp(option, "--queue-cpu-fanout") == 0 ||
		       strcmp(option, "--random") == 0 || strcmp(option, "--random-fully") == 0 ||
		       strcmp(option, "--persistent") == 0;
	return true;
}

static bool is_target(const struct doctor_rule *rule, const char *name)
{
	return rule->target && strcmp(rule->target, name) == 0;
}

static void finish(struct doctor_rule *rule, const struct writing *writing)
{
	static const char own[] = "WAYMARK-";

	if (writing->sets)
		rule->writes = writing->set;
	if (writing->restores)
		rule->writes |= writing->nfmask;
	if (writing->saves)
		rule->writes |= writing->ctmask;
	if (is_target(rule, "HMARK"))
		rule->writes = UINT32_MAX;
	rule->queues = is_target(rule, "NFQUEUE");
	rule->ours = strncmp(rule->chain, own, sizeof(own) - 1) == 0 ||
		     (rule->target && strncmp(rule->target, own, sizeof(own) - 1) == 0);
}

static bool parse_rule(struct doctor_rules *rules, struct doctor_rule *rule, const char *line,
		       const char *end)
{
	char word[WORD_MAX], value[WORD_MAX], match[WORD_MAX] = "";
	struct writing writing = {.nfmask = UINT32_MAX, .ctmask = UINT32_MAX};
	const char *at = line + 3; /* "-A " */
	bool not = false;

	rule->text = arena_strndup(&rules->arena, line, (size_t)(end - line));
	if (!next_word(&at, end, word))
		return true; /* no rule */
	rule->chain = arena_strdup(&rules->arena, word);
	while (next_word(&at, end, word)) {
		if (strcmp(word, "!") == 0) {
			not = true;
			continue;
		}
		if (word[0] == '-' && !is_flag(word, &writing)) {
			const char *before = at;

			if (!next_word(&at, end, value))
				break;
			if (value[0] == '-' && !isdigit((unsigned char)value[1])) {
				at = before; /* it was a flag after all */
			} else if (strcmp(word, "-m") == 0) {
				memcpy(match, value, sizeof(match));
			} else {
				take_option(rules, rule, word, value, not, match, &writing);
			}
		}
		not = false;
	}
	if (!rule->text || !rule->chain)
		return false;
	finish(rule, &writing);
	return true;
}

static struct doctor_rule *new_rule(struct doctor_rules *rules)
{
	if (rules->count == rules->capacity) {
		size_t capacity = rules->capacity ? rules->capacity * 2 : 64;
		struct doctor_rule *items =
			reallocarray(rules->items, capacity, sizeof(*rules->items));

		if (!items)
			return NULL;
		rules->items = items;
		rules->capacity = capacity;
	}
	rules->items[rules->count] = (struct doctor_rule){.family = IP_NONE};
	return &rules->items[rules->count++];
}

void doctor_rules_parse(struct doctor_rules *rules, const char *saved, uint8_t family, bool legacy)
{
	const char *table = "";

	while (saved && *saved) {
		const char *end = saved + strcspn(saved, "\n");

		if (*saved == '*') {
			table = arena_strndup(&rules->arena, saved + 1, (size_t)(end - saved - 1));
		} else if (strncmp(saved, "-A ", 3) == 0) {
			struct doctor_rule *rule = new_rule(rules);

			rules->failed |= !rule || !table;
			if (rules->failed)
				return;
			rule->family = family;
			rule->legacy = legacy;
			rule->table = table;
			rules->failed |= !parse_rule(rules, rule, saved, end);
			if (!rule->chain)
				rules->count--;
		}
		saved = *end ? end + 1 : end;
	}
}

void doctor_rules_release(struct doctor_rules *rules)
{
	arena_release(&rules->arena);
	free(rules->items);
	*rules = (struct doctor_rules){.items = NULL};
}

/* ---- source NAT ---- */

/* As iptables has it: "eth+" is everything that begins with "eth". */
static bool interface_matches(const char *pattern, const char *interface)
{
	size_t length = strlen(pattern);

	if (length > 0 && pattern[length - 1] == '+')
		return strncmp(pattern, interface, length - 1) == 0;
	return strcmp(pattern, interface) == 0;
}

static bool source_matches(const struct doctor_rule *rule, const struct ip_range *source)
{
	bool inside;

	if (rule->source.first.family == IP_NONE)
		return true;
	if (source->first.family == IP_NONE)
		return false;
	inside = ip_in_range(&source->first, &rule->source) &&
		 ip_in_range(&source->last, &rule->source);
	return inside != rule->source_not;
}

static bool is_translation(const char *target)
{
	static const char *const names[] = {"MASQUERADE",  "SNAT",     "NETMAP",
					    "FULLCONENAT", "FULLCONE", NULL};

	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], target) == 0)
			return true;
	return false;
}

struct walk {
	const struct doctor_rules *rules;
	const struct doctor_passage *passage;
	bool *seen; /* rules that were followed; what lies behind them does not change */
};

static bool concerns(const struct doctor_rule *rule, const struct doctor_passage *passage)
{
	if (rule->narrow || !source_matches(rule, &passage->source))
		return false;
	if (rule->has_mark && ((rule->mark_mask & ~passage->mask) != 0 ||
			       (passage->mark & rule->mark_mask) != rule->mark))
		return false;
	return !rule->out || interface_matches(rule->out, passage->out) != rule->out_not;
}

static bool walk_chain(const struct walk *walk, const char *chain, int depth)
{
	for (size_t i = 0; i < walk->rules->count; i++) {
		const struct doctor_rule *rule = &walk->rules->items[i];

		if (walk->seen[i] || rule->family != walk->passage->family || !rule->target ||
		    strcmp(rule->table, "nat") != 0 || strcmp(rule->chain, chain) != 0 ||
		    !concerns(rule, walk->passage))
			continue;
		walk->seen[i] = true;
		if (is_translation(rule->target))
			return true;
		if (depth < CHAIN_DEPTH_MAX && walk_chain(walk, rule->target, depth + 1))
			return true;
	}
	return false;
}

bool doctor_rules_translate(const struct doctor_rules *rules, const struct doctor_passage *passage)
{
	struct walk walk = {
		.rules = rules,
		.passage = passage,
		.seen = calloc(rules->count + 1, sizeof(bool)),
	};
	bool found = !walk.seen || walk_chain(&walk, "POSTROUTING", 0);

	free(walk.seen);
	return found;
}
