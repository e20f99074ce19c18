/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * match.c - the first rule that holds, and those that are still open before it.
 *
 * The answer is that of asking each rule in turn, found without doing so: the index (index.c) names
 * candidates, and judge.c judges them. Candidates come in no order, so the first rule that holds is
 * the lowest one found, and what is found later only counts below it:
 *  - header rules first, which give the bound that keeps most of the others from being looked at;
 *  - then, if the flow's host is known, the rules by host: by its name they are few;
 *  - then the other payload rules. A rule that holds there may stand before open ones that were
 *    counted already: then they are counted again, below the final bound;
 *  - last, if the host is not known, the rules by host that wait for it. Where the key is all there
 *    is to their header, a group of them is counted without a look at its rules.
 * Nothing is allocated, whatever the number of candidates.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "judge.h"

static struct question ask(const struct ruleset *ruleset, const struct rule_facts *facts,
			   const struct evidence *evidence, const struct rule_expectation *expected,
			   const struct rules_interfaces *interfaces)
{
	struct question question = {
		.facts = facts,
		.evidence = evidence,
		.expected = expected,
		.iface_in = facts->iface_in_name,
		.iface_out = facts->iface_out_name,
	};

	if (ruleset->names_interfaces && interfaces) {
		if (!question.iface_in)
			question.iface_in = rules_interfaces_name(interfaces, facts->iface_in);
		if (!question.iface_out)
			question.iface_out = rules_interfaces_name(interfaces, facts->iface_out);
	}
	return question;
}

/* ---- looking things up ---- */

struct search {
	const struct ruleset *ruleset;
	const struct question *question;
	bool wide;
	uint64_t words[KEY_V6 - 1]; /* of the facts, as in index.h */
	uint64_t sides[2];	    /* dst, src: the address, or its upper half */
	uint64_t others[OTHERS];
	unsigned known_others; /* a bit each */
	uint32_t best;	       /* the first rule that holds, so far; the number of rules: none */
	/* open rules, found so far */
	uint32_t open_count, first_open, last_open;
	uint32_t expected; /* the first of them that is; the number of rules: none */
};

static uint64_t load_address(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return be64toh(word);
}

static uint32_t load_address_v4(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return be32toh(word);
}

static void know_other(struct search *search, enum index_other other, uint64_t value)
{
	search->others[other] = value;
	search->known_others |= 1u << other;
}

static void find_others(struct search *search, const struct rule_index *index)
{
	const struct rule_facts *facts = search->question->facts;
	const char *name = search->question->iface_in;

	know_other(search, OTHER_DSCP, facts->tos >> 2);
	if (facts->has_mac)
		know_other(search, OTHER_MAC, index_mac(facts->mac));
	if (facts->has_uid)
		know_other(search, OTHER_UID, facts->uid);
	if (name && *name && index->others & 1u << OTHER_IFACE_IN) {
		char padded[16] = "";

		memcpy(padded, name, strnlen(name, sizeof(padded)));
		know_other(search, OTHER_IFACE_IN, index_interface(index, padded));
	}
}

static void start(struct search *search, const struct ruleset *ruleset,
		  const struct question *question)
{
	const struct rule_facts *facts = question->facts;
	uint32_t none = (uint32_t)ruleset->count;
	uint64_t *words = search->words;

	search->ruleset = ruleset;
	search->question = question;
	search->wide = facts->dst.family == IP_V6;
	search->best = search->expected = search->first_open = none;
	search->open_count = search->last_open = 0;
	search->known_others = 0;
	if (search->wide) {
		*words++ = load_address(facts->dst.bytes);
		*words++ = load_address(facts->dst.bytes + 8);
		*words++ = load_address(facts->src.bytes);
		*words++ = load_address(facts->src.bytes + 8);
		search->sides[0] = search->words[0];
		search->sides[1] = search->words[2];
	} else {
		search->sides[0] = load_address_v4(facts->dst.bytes);
		search->sides[1] = load_address_v4(facts->src.bytes);
		*words++ = search->sides[0] << 32 | search->sides[1];
	}
	*words = (uint64_t)facts->dport << KEY_DPORT | (uint64_t)facts->sport << KEY_SPORT |
		 (uint64_t)facts->proto << KEY_PROTO;
	if (ruleset->index->others & ~(1u << OTHER_NONE))
		find_others(search, ruleset->index);
}

/* The groups that the flow is in, and the one at hand. */
struct cursor {
	const struct index_part *part;
	uint32_t asked, found, next;
	uint8_t tuples[TUPLES_MAX];
	uint64_t infos[TUPLES_MAX];	/* the last words of the groups */
	const struct index_item *items; /* NULL: `single` is the rule, and `exact` */
	uint32_t count, single;
	bool exact;
};

static uint64_t sift(const struct search *search, const struct index_part *part)
{
	const struct rule_facts *facts = search->question->facts;
	uint64_t left = part->by_proto[facts->proto & 63];

	if (!facts->has_ports)
		left &= ~part->with_ports;
	if (part->tuple_count < SIEVE_FROM)
		return left;
	if (facts->has_ports)
		left &= part->by_dport[facts->dport & (SIEVE_PORTS - 1)];
	for (unsigned side = 0; side < 2; side++) {
		uint64_t passes = part->passes[side];

		for (unsigned i = 0; i < SIEVES; i++) {
			const struct index_sieve *sieve = &part->sieves[side][i];

			passes |= sieve->masks[index_sieve_slot(sieve, search->sides[side])];
		}
		left &= passes;
	}
	return left;
}

static inline void make_key(const struct search *search, const struct index_part *part,
			    unsigned number, uint64_t key[KEY_V6], bool wide)
{
	const struct tuple *tuple = &part->tuples[number];
	const size_t last = wide ? KEY_V6 - 1 : KEY_V4 - 1;

	for (size_t w = 0; w < last; w++)
		key[w] = search->words[w] & tuple->mask[w];
	key[last - 1] |= number;
	key[last] = tuple->other ? search->others[tuple->other] : 0;
}

/* Where the key's group stands, or the first of those that it had to give way to. */
static inline uint32_t first_place(const struct search *search, const struct index_part *part,
				   const uint64_t *key, bool wide)
{
	return (uint32_t)index_hash(search->ruleset->index, key, wide) & part->group_mask;
}

static inline const uint64_t *group_at(const struct index_part *part, uint32_t place, bool wide)
{
	return part->groups + (size_t)place * (wide ? KEY_V6 + 1 : KEY_V4 + 1);
}

/*
 * The tuples that are left are asked in three rounds: where their groups are, whether they are
 * there, and (next_group()) what is in them; so that one tuple need not wait for the memory of
 * another.
 */
static inline void find_places(const struct search *search, struct cursor *cursor, uint32_t *places,
			       bool wide)
{
	const struct index_part *part = cursor->part;
	uint64_t key[KEY_V6];

	for (uint64_t left = sift(search, part); left; left &= left - 1) {
		unsigned number = (unsigned)__builtin_ctzll(left);
		const struct tuple *tuple = &part->tuples[number];

		if (tuple->first_rule >= search->best)
			break;
		if (tuple->other && !(search->known_others >> tuple->other & 1))
			continue;
		make_key(search, part, number, key, wide);
		places[cursor->asked] = first_place(search, part, key, wide);
		__builtin_prefetch(group_at(part, places[cursor->asked], wide));
		cursor->tuples[cursor->asked++] = (uint8_t)number;
	}
}

static inline void find_groups(const struct search *search, struct cursor *cursor,
			       const uint32_t *places, bool wide)
{
	const struct index_part *part = cursor->part;
	const size_t words = wide ? KEY_V6 : KEY_V4;
	uint64_t key[KEY_V6];

	for (uint32_t i = 0; i < cursor->asked; i++) {
		uint8_t number = cursor->tuples[i];
		const uint64_t *group;
		uint64_t differ;

		make_key(search, part, number, key, wide);
		for (uint32_t place = places[i];; place = (place + 1) & part->group_mask) {
			group = group_at(part, place, wide);
			differ = 0;
			for (size_t w = 0; w < words; w++)
				differ |= group[w] ^ key[w];
			if (!differ || !group[words])
				break;
		}
		if (!group[words])
			continue;
		if (GROUP_IS_RULE(group[words]))
			__builtin_prefetch(&search->ruleset->outcomes[(uint32_t)group[words]]);
		else
			__builtin_prefetch(part->items + (uint32_t)group[words]);
		cursor->tuples[cursor->found] = number;
		cursor->infos[cursor->found++] = group[words];
	}
}

static void begin(const struct search *search, enum index_kind kind, struct cursor *cursor,
		  uint32_t places[TUPLES_MAX])
{
	cursor->part = &search->ruleset->index->parts[search->wide][kind];
	cursor->asked = cursor->found = cursor->next = 0;
	if (cursor->part->tuple_count == 0)
		return;
	if (search->wide)
		find_places(search, cursor, places, true);
	else
		find_places(search, cursor, places, false);
}

static void finish(const struct search *search, struct cursor *cursor,
		   const uint32_t places[TUPLES_MAX])
{
	if (search->wide)
		find_groups(search, cursor, places, true);
	else
		find_groups(search, cursor, places, false);
}

static void look_in(const struct search *search, enum index_kind kind, struct cursor *cursor)
{
	uint32_t places[TUPLES_MAX];

	begin(search, kind, cursor, places);
	if (cursor->asked)
		finish(search, cursor, places);
}

static inline void open_group(struct cursor *cursor, uint32_t number)
{
	uint64_t info = cursor->infos[number];

	cursor->count = GROUP_COUNT(info);
	cursor->exact = info & GROUP_EXACT;
	cursor->single = (uint32_t)info;
	cursor->items = GROUP_IS_RULE(info) ? NULL : cursor->part->items + cursor->single;
}

/* The next group, of those that have rules before the best one; false: none. */
static inline bool next_group(const struct search *search, struct cursor *cursor)
{
	if (cursor->next == cursor->found ||
	    cursor->part->tuples[cursor->tuples[cursor->next]].first_rule >= search->best)
		return false;
	open_group(cursor, cursor->next++);
	return true;
}

static uint32_t rule_at(const struct cursor *cursor, uint32_t i)
{
	return cursor->items ? cursor->items[i].rule : cursor->single;
}

/* False: the rule's header does not hold. */
static bool may_hold(const struct search *search, const struct cursor *cursor, uint32_t i)
{
	const struct rule_facts *facts = search->question->facts;
	const struct index_item *item;

	if (cursor->exact)
		return true;
	item = &cursor->items[i];
	return search->sides[0] - item->low[0] <= item->rest[0] &&
	       search->sides[1] - item->low[1] <= item->rest[1] &&
	       (uint8_t)(facts->proto - item->proto_low) <= item->proto_rest &&
	       (!item->ports ||
		(facts->has_ports &&
		 (uint16_t)(facts->dport - item->port_low[0]) <= item->port_rest[0] &&
		 (uint16_t)(facts->sport - item->port_low[1]) <= item->port_rest[1]));
}

/* Of one that may hold: its header holds, and that needs no judgement. */
static bool holds_surely(const struct cursor *cursor, uint32_t i)
{
	return cursor->exact || !cursor->items[i].judged;
}

static enum rule_truth judge(const struct search *search, uint32_t rule)
{
	return rules_judge(&search->ruleset->rules[rule], search->question);
}

/* ---- what is found ---- */

static void note_open(struct search *search, uint32_t rule)
{
	search->open_count++;
	if (rule < search->first_open)
		search->first_open = rule;
	if (rule > search->last_open)
		search->last_open = rule;
	if (search->question->expected && rule < search->expected &&
	    rules_is_expected(&search->ruleset->rules[rule], search->question))
		search->expected = rule;
}

static void forget_open(struct search *search)
{
	search->open_count = search->last_open = 0;
	search->first_open = search->expected = (uint32_t)search->ruleset->count;
}

static void search_headers(struct search *search, struct cursor *cursor)
{
	while (next_group(search, cursor)) {
		for (uint32_t i = 0; i < cursor->count; i++) {
			uint32_t rule = rule_at(cursor, i);

			if (rule >= search->best)
				break;
			if (!may_hold(search, cursor, i) ||
			    (!holds_surely(cursor, i) && judge(search, rule) != RULE_YES))
				continue;
			search->best = rule;
			/* wanted next, if it stays the best */
			__builtin_prefetch(&search->ruleset->outcomes[rule]);
			break;
		}
	}
}

static void search_payload(struct search *search)
{
	struct cursor cursor;

	look_in(search, INDEX_PAYLOAD, &cursor);
	while (next_group(search, &cursor)) {
		for (uint32_t i = 0; i < cursor.count; i++) {
			uint32_t rule = rule_at(&cursor, i);
			enum rule_truth truth;

			if (rule >= search->best)
				break;
			truth = may_hold(search, &cursor, i) ? judge(search, rule) : RULE_NO;
			if (truth == RULE_OPEN)
				note_open(search, rule);
			if (truth != RULE_YES)
				continue;
			search->best = rule;
			break;
		}
	}
}

/* ---- rules by host ---- */

/* What the host may be, as far as it decides anything; false: it is still open. */
struct hosts {
	const char *names[2];
	size_t lengths[2], count;
};

static bool find_host(const struct question *question, struct hosts *hosts)
{
	const struct evidence *evidence = question->evidence;
	const struct rule_expectation *expected = question->expected;

	hosts->count = 0;
	if (!evidence || (!evidence->host_length && !evidence->host_done))
		return false;
	if (evidence->host_length) {
		hosts->names[0] = evidence->host;
		hosts->lengths[hosts->count++] = evidence->host_length;
	}
	if (expected && expected->answer_length &&
	    (!evidence->host_length ||
	     (evidence->host_source == HOST_TLS_ECH_OUTER && expected->answer_is_inner))) {
		hosts->names[hosts->count] = expected->answer;
		hosts->lengths[hosts->count++] = expected->answer_length;
	}
	return true;
}

static const struct name_group *find_name(const struct name_index *names, uint64_t hash)
{
	for (uint32_t i = (uint32_t)hash & names->slot_mask;; i = (i + 1) & names->slot_mask) {
		const struct index_slot *slot = &names->slots[i];

		if (!slot->group)
			return NULL;
		if (slot->tag == index_tag(hash) && names->groups[slot->group - 1].hash == hash)
			return &names->groups[slot->group - 1];
	}
}

typedef bool holds_fn(const struct rule *rule, const struct question *question);

static bool holds_now(const struct rule *rule, const struct question *question)
{
	return rules_judge(rule, question) == RULE_YES;
}

/* The first rule before `limit` that names the host or a parent of it, and `holds`; else the limit.
 */
static uint32_t search_name(const struct search *search, const char *host, size_t length,
			    holds_fn *holds, uint32_t limit)
{
	const struct name_index *names = &search->ruleset->index->names;
	uint64_t hashes[HOST_LABELS_MAX];
	uint32_t count;

	if (!names->slots)
		return limit;
	count = host_hashes(names->seed, host, length, names->most_labels, hashes);
	for (uint32_t h = 0; h < count; h++) {
		const struct name_group *group = find_name(names, hashes[h]);
		const uint32_t *rules = group ? names->rules + group->start : NULL;

		for (uint32_t i = 0; group && i < group->count && rules[i] < limit; i++)
			if (holds(&search->ruleset->rules[rules[i]], search->question))
				limit = rules[i];
	}
	return limit;
}

/* How many of the group's rules stand before this one. */
static uint32_t count_below(const struct cursor *cursor, uint32_t rule)
{
	uint32_t first = 0, count = cursor->count;

	while (first < count) {
		uint32_t middle = first + (count - first) / 2;

		if (rule_at(cursor, middle) < rule)
			first = middle + 1;
		else
			count = middle;
	}
	return first;
}

static void note_waiting(struct search *search, uint32_t rule, uint32_t count)
{
	search->open_count += count;
	if (rule < search->first_open)
		search->first_open = rule;
}

static void count_waiting(struct search *search)
{
	const struct rule_expectation *expected = search->question->expected;
	struct cursor cursor;

	look_in(search, INDEX_HOST, &cursor);
	while (next_group(search, &cursor)) {
		uint32_t count = count_below(&cursor, search->best);

		if (cursor.exact && count)
			note_waiting(search, rule_at(&cursor, 0), count);
		for (uint32_t i = 0; !cursor.exact && i < count; i++)
			if (may_hold(search, &cursor, i) &&
			    (holds_surely(&cursor, i) ||
			     judge(search, rule_at(&cursor, i)) == RULE_OPEN))
				note_waiting(search, rule_at(&cursor, i), 1);
	}
	if (expected && expected->host_length) {
		uint32_t limit = search->expected < search->best ? search->expected : search->best;
		uint32_t found = search_name(search, expected->host, expected->host_length,
					     rules_is_expected, limit);

		if (found < limit)
			search->expected = found;
	}
}

/* ---- the match ---- */

/* All but the header rules, the best of which is known. */
static void search_others(struct search *search)
{
	struct hosts hosts;
	bool host_known = find_host(search->question, &hosts);

	for (size_t i = 0; i < hosts.count; i++)
		search->best = search_name(search, hosts.names[i], hosts.lengths[i], holds_now,
					   search->best);
	search_payload(search);
	if (search->open_count && search->last_open > search->best) {
		forget_open(search);
		search_payload(search);
	}
	if (!host_known)
		count_waiting(search);
}

/* Facts of no family, or of two: nothing that a flow has, so nothing that the index knows. */
static void walk(struct search *search)
{
	uint32_t count = search->best;

	for (uint32_t i = 0; i < count && search->best == count; i++) {
		enum rule_truth truth = judge(search, i);

		if (truth == RULE_YES)
			search->best = i;
		if (truth == RULE_OPEN)
			note_open(search, i);
	}
}

static int32_t rule_or_none(const struct search *search, uint32_t rule)
{
	return rule < search->ruleset->count ? (int32_t)rule : -1;
}

static bool has_index(const struct rule_facts *facts)
{
	return facts->src.family == facts->dst.family && facts->dst.family != IP_NONE;
}

static void answer(const struct search *search, struct rule_match *match)
{
	*match = (struct rule_match){
		.rule = rule_or_none(search, search->best),
		.open_count = search->open_count,
		.first_open = rule_or_none(search, search->first_open),
		.expected = rule_or_none(search, search->expected),
	};
}

void ruleset_match(const struct ruleset *ruleset, const struct rule_facts *facts,
		   const struct evidence *evidence, const struct rule_expectation *expected,
		   const struct rules_interfaces *interfaces, struct rule_match *match)
{
	struct question question = ask(ruleset, facts, evidence, expected, interfaces);
	struct cursor headers;
	struct search search;

	start(&search, ruleset, &question);
	if (has_index(facts)) {
		look_in(&search, INDEX_HEADER, &headers);
		search_headers(&search, &headers);
		search_others(&search);
	} else {
		walk(&search);
	}
	answer(&search, match);
}

uint64_t ruleset_fingerprint(const struct ruleset *ruleset, size_t index)
{
	return ruleset->rules[index].fingerprint;
}

enum rule_truth ruleset_judge(const struct ruleset *ruleset, size_t index,
			      const struct rule_facts *facts, const struct evidence *evidence,
			      const struct rule_expectation *expected,
			      const struct rules_interfaces *interfaces)
{
	struct question question = ask(ruleset, facts, evidence, expected, interfaces);

	return rules_judge(&ruleset->rules[index], &question);
}

size_t ruleset_open_rules(const struct ruleset *ruleset, const struct rule_facts *facts,
			  const struct evidence *evidence, const struct rule_expectation *expected,
			  const struct rules_interfaces *interfaces, int32_t limit,
			  int32_t *indexes, size_t max)
{
	struct question question = ask(ruleset, facts, evidence, expected, interfaces);
	size_t count = 0, end = limit < 0 ? ruleset->count : (size_t)limit;

	if (end > ruleset->count)
		end = ruleset->count;
	for (size_t i = 0; i < end; i++) {
		if (rules_judge(&ruleset->rules[i], &question) != RULE_OPEN)
			continue;
		if (count < max)
			indexes[count] = (int32_t)i;
		count++;
	}
	return count;
}

/* ---- many at once ---- */

#define LARGE_RULES 500

struct rules_ahead {
	struct flow_ahead {
		struct question question;
		struct search search;
		struct cursor headers;
		uint32_t places[TUPLES_MAX];
	} flows[RULES_AHEAD_MAX];
};

struct rules_ahead *rules_ahead_new(void)
{
	return malloc(sizeof(struct rules_ahead));
}

void rules_ahead_free(struct rules_ahead *ahead)
{
	free(ahead);
}

static void sets_ahead(const struct ruleset *ruleset, const struct rule_facts *facts, unsigned step)
{
	for (unsigned i = 0; i < ruleset->large_count; i++)
		address_set_ahead(ruleset->large[i].set,
				  ruleset->large[i].src ? &facts->src : &facts->dst, step);
}

void ruleset_ahead(const struct ruleset *ruleset, const struct rule_facts *facts, size_t count,
		   const struct rules_interfaces *interfaces, struct rules_ahead *ahead)
{
	for (size_t i = 0; i < count; i++) {
		struct flow_ahead *flow = &ahead->flows[i];

		flow->question = ask(ruleset, &facts[i], NULL, NULL, interfaces);
		start(&flow->search, ruleset, &flow->question);
		if (!has_index(&facts[i]))
			continue;
		sets_ahead(ruleset, &facts[i], 0);
		begin(&flow->search, INDEX_HEADER, &flow->headers, flow->places);
	}
	for (size_t i = 0; i < count; i++) {
		struct flow_ahead *flow = &ahead->flows[i];

		if (!has_index(&facts[i]))
			continue;
		sets_ahead(ruleset, &facts[i], 1);
		finish(&flow->search, &flow->headers, flow->places);
	}
	for (size_t i = 0; i < count; i++)
		if (has_index(&facts[i]))
			search_headers(&ahead->flows[i].search, &ahead->flows[i].headers);
}

int32_t rules_ahead_header(const struct rules_ahead *ahead, size_t flow)
{
	return rule_or_none(&ahead->flows[flow].search, ahead->flows[flow].search.best);
}

void ruleset_match_ahead(struct rules_ahead *ahead, size_t flow, const struct evidence *evidence,
			 const struct rule_expectation *expected, struct rule_match *match)
{
	struct flow_ahead *own = &ahead->flows[flow];
	struct search search = own->search;

	own->question.evidence = evidence;
	own->question.expected = expected;
	if (has_index(own->question.facts))
		search_others(&search);
	else
		walk(&search);
	answer(&search, match);
}

void ruleset_host_ahead(const struct ruleset *ruleset, const char *host, size_t length,
			unsigned step)
{
	for (unsigned i = 0; i < ruleset->large_hosts_count; i++)
		host_set_ahead(ruleset->large_hosts[i], host, length, step);
}

bool ruleset_is_large(const struct ruleset *ruleset)
{
	return ruleset->large_count > 0 || ruleset->count >= LARGE_RULES;
}
