/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks of what stands between packets and us: iptables, queues, offloads, source NAT.
 *
 * Everything here needs the rules of others, which are hidden without root: then nothing is found,
 * and doctor_check_privilege() says so. Rules of nf_tables that iptables does not show count too:
 * a MASQUERADE that somebody made by nft is one.
 */
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>

#include "doctor.h"

/* "ip6tables-legacy": the program that speaks of a family in a variant. */
static const char *program_of(const struct doctor_facts *facts, uint8_t family, bool legacy,
			      char buffer[DOCTOR_WORD_SIZE])
{
	bool chosen = legacy == (facts->firewall.chosen == FIREWALL_LEGACY);
	const char *infix = legacy ? "-legacy" : "-nft";

	if (chosen && facts->firewall.infix)
		infix = facts->firewall.infix;
	snprintf(buffer, DOCTOR_WORD_SIZE, "%s%s", family == IP_V6 ? "ip6tables" : "iptables",
		 infix);
	return buffer;
}

static const char *installer(const struct doctor_facts *facts)
{
	return facts->others.installer ? facts->others.installer : "apt-get install";
}

static void mend_by_apply(const struct doctor_facts *facts, struct doctor_list *list,
			  struct doctor_finding *finding)
{
	char word[DOCTOR_WORD_SIZE];

	doctor_mend(list, finding, "waymark firewall apply -c %s",
		    doctor_word(facts->conf->path, word));
}

/* ---- iptables ---- */

static void judge_variants(const struct doctor_facts *facts, struct doctor_list *list)
{
	bool chosen_legacy = facts->firewall.chosen == FIREWALL_LEGACY;
	size_t chosen = 0, other = 0, other_ours = 0;
	const char *from = chosen_legacy ? "nft" : "legacy", *to = chosen_legacy ? "legacy" : "nft";
	struct doctor_finding *finding;

	for (size_t i = 0; i < facts->rules.count; i++) {
		bool is_chosen = facts->rules.items[i].legacy == chosen_legacy;

		chosen += is_chosen;
		other += !is_chosen;
		other_ours += !is_chosen && facts->rules.items[i].ours;
	}
	if (other_ours) {
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "chains of ours stand in iptables-%s, and waymark uses "
				     "iptables-%s",
				     from, to);
		doctor_breaks(list, finding, "each packet is marked and queued twice");
		mend_by_apply(facts, list, finding);
	} else if (chosen && other) {
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "iptables-nft and iptables-legacy both have rules");
		doctor_breaks(list, finding,
			      "which of the two sees a packet first is nobody's choice: marks and "
			      "NAT of iptables-%s may come before our chains or after them",
			      from);
		doctor_mend(list, finding,
			    "for f in iptables ip6tables; do $f-%s-save | $f-%s-restore "
			    "--noflush && $f-%s-save | sed /^-A/d | $f-%s-restore; done",
			    from, to, from, from);
	}
}

void doctor_check_iptables(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct conf *conf = facts->conf;
	struct doctor_finding *finding;

	if (conf->firewall.manage && !facts->firewall.chosen_installed) {
		bool other = facts->firewall.installed[FIREWALL_NFT] ||
			     facts->firewall.installed[FIREWALL_LEGACY];

		finding = doctor_add(list, DOCTOR_ERROR, NULL, "iptables%s cannot be run",
				     facts->firewall.infix ? facts->firewall.infix : "");
		doctor_breaks(list, finding,
			      "no packet comes to the queues: nothing is classified or steered%s",
			      other ? " (firewall.command names one that is not here)" : "");
		doctor_mend(list, finding, "%s iptables", installer(facts));
	} else if (conf->firewall.manage && facts->firewall.no_queue_bypass &&
		   conf->queue.on_failure == CONF_FAIL_OPEN) {
		finding = doctor_add(list, DOCTOR_ERROR, NULL,
				     "this iptables does not know NFQUEUE's --queue-bypass");
		doctor_breaks(list, finding,
			      "the chains cannot be put in place with queue.on_failure = \"open\"");
		doctor_mend(list, finding, "%s iptables # 1.4.11 or newer", installer(facts));
	}
	judge_variants(facts, list);
}

void doctor_check_chains(const struct doctor_facts *facts, struct doctor_list *list)
{
	static const struct {
		enum diag_severity severity;
		enum doctor_severity found;
		const char *breaks;
	} kinds[] = {
		{DIAG_ERROR, DOCTOR_ERROR,
		 "packets are not marked, queued or saved as the configuration says"},
		{DIAG_WARNING, DOCTOR_WARNING,
		 "an accepted packet goes on at the next hook: what was queued skips that rule"},
	};

	for (size_t k = 0; facts->chains_checked && k < 2; k++) {
		const struct diag *first = NULL;
		struct doctor_finding *finding;
		size_t count = 0;

		for (size_t i = 0; i < facts->chains.count; i++) {
			if (facts->chains.items[i].severity != kinds[k].severity)
				continue;
			first = first ? first : &facts->chains.items[i];
			count++;
		}
		if (!first)
			continue;
		finding = doctor_add(list, kinds[k].found, NULL, "%s%s", first->message,
				     count > 1 ? " (and more, see waymark firewall check)" : "");
		doctor_breaks(list, finding, "%s", kinds[k].breaks);
		mend_by_apply(facts, list, finding);
	}
}

/* ---- queues ---- */

static bool overlap(unsigned first, unsigned last, unsigned other_first, unsigned other_last)
{
	return first <= other_last && other_first <= last;
}

/* Somebody owns one of these queues, or sends packets there. */
static bool in_use(const struct doctor_facts *facts, unsigned first, unsigned last)
{
	for (size_t i = 0; i < facts->queue_count; i++)
		if (facts->queues[i].number >= first && facts->queues[i].number <= last)
			return true;
	for (size_t i = 0; i < facts->rules.count; i++) {
		const struct doctor_rule *rule = &facts->rules.items[i];

		if (rule->queues && !rule->ours &&
		    overlap(first, last, rule->queue_first, rule->queue_last))
			return true;
	}
	for (size_t i = 0; i < facts->nft.count; i++) {
		const struct doctor_nft_rule *rule = &facts->nft.rules[i];

		if (rule->kind == DOCTOR_NFT_QUEUE &&
		    overlap(first, last, rule->queue_first, rule->queue_last))
			return true;
	}
	return false;
}

static void mend_by_numbers(const struct doctor_facts *facts, struct doctor_list *list,
			    struct doctor_finding *finding)
{
	const struct conf *conf = facts->conf;
	char line[DOCTOR_LINE_SIZE], value[16];
	unsigned first = 0, count = conf->queue.count;

	while (first + count <= UINT16_MAX && in_use(facts, first, first + count - 1))
		first++;
	snprintf(value, sizeof(value), "%u", first);
	doctor_mend(list, finding, "%s # then restart waymarkd",
		    doctor_edit(conf->path, "queue", DOCTOR_NO_UPLINK, "first", value, line));
}

static void judge_owners(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct conf *conf = facts->conf;
	unsigned first = conf->queue.first, last = first + conf->queue.count - 1u;
	const struct doctor_queue *taken = NULL;
	struct doctor_finding *finding;
	char by[80] = "";
	size_t count = 0;

	/* its worker owns what it has bound, and could bind nothing that another owns */
	for (size_t i = 0; !facts->daemon && i < facts->queue_count; i++) {
		if (facts->queues[i].number < first || facts->queues[i].number > last)
			continue;
		taken = taken ? taken : &facts->queues[i];
		count++;
	}
	if (!taken)
		return;
	if (taken->pid)
		snprintf(by, sizeof(by), " by %s (process %u)", taken->program, taken->pid);
	finding = doctor_add(list, DOCTOR_ERROR, NULL, "queue %u%s is taken%s", taken->number,
			     count > 1 ? " (and more of ours)" : "", by);
	if (strcmp(taken->program, "waymarkd") == 0) {
		doctor_breaks(list, finding,
			      "it does not answer on the control socket of this configuration, and "
			      "another waymarkd cannot start");
		doctor_mend(list, finding, "kill %u", taken->pid);
		return;
	}
	doctor_breaks(list, finding,
		      "a queue has one owner: waymarkd cannot start, and the other would get the "
		      "packets that our chains queue");
	mend_by_numbers(facts, list, finding);
}

void doctor_check_queues(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct conf *conf = facts->conf;
	unsigned first = conf->queue.first, last = first + conf->queue.count - 1u;
	struct doctor_finding *finding = NULL;
	char program[DOCTOR_WORD_SIZE];

	judge_owners(facts, list);
	/* who manages the chains alone may well have queue rules of their own for us */
	if (!conf->firewall.manage)
		return;
	for (size_t i = 0; !finding && i < facts->rules.count; i++) {
		const struct doctor_rule *rule = &facts->rules.items[i];

		if (rule->ours || !rule->queues ||
		    !overlap(first, last, rule->queue_first, rule->queue_last))
			continue;
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "a rule of another's sends packets to our queue: %s -t %s %s",
				     program_of(facts, rule->family, rule->legacy, program),
				     rule->table, rule->text);
	}
	for (size_t i = 0; !finding && i < facts->nft.count; i++) {
		const struct doctor_nft_rule *rule = &facts->nft.rules[i];

		if (rule->kind != DOCTOR_NFT_QUEUE ||
		    !overlap(first, last, rule->queue_first, rule->queue_last))
			continue;
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "a rule of nf_tables sends packets to our queue: table %s, "
				     "chain %s, queue %u",
				     rule->table, rule->chain, rule->queue_first);
	}
	if (!finding)
		return;
	doctor_breaks(list, finding,
		      "packets that were meant for another program are judged by our rules, at a "
		      "hook that we did not choose");
	mend_by_numbers(facts, list, finding);
}

/* ---- offloads ---- */

static const char *family_word(uint8_t family)
{
	return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV6 ? "ip6" : "ip";
}

static const char offload_breaks[] =
	"offloaded flows pass no chain: the queue loses them before they are decided, and failover "
	"cannot move them";

static bool is_openwrt(const struct doctor_facts *facts)
{
	return facts->others.installer && strncmp(facts->others.installer, "opkg", 4) == 0;
}

static void mend_offload(const struct doctor_facts *facts, struct doctor_list *list,
			 struct doctor_finding *finding, const char *command)
{
	doctor_breaks(list, finding, "%s", offload_breaks);
	if (is_openwrt(facts))
		doctor_mend(
			list, finding,
			"uci set firewall.@defaults[0].flow_offloading=0 && uci commit firewall "
			"&& service firewall restart");
	else
		doctor_mend(list, finding, "%s", command);
}

void doctor_check_offload(const struct doctor_facts *facts, struct doctor_list *list)
{
	char command[DOCTOR_LINE_SIZE], program[DOCTOR_WORD_SIZE], word[DOCTOR_WORD_SIZE];
	struct doctor_finding *finding;

	for (size_t i = 0; i < facts->nft.count; i++) {
		const struct doctor_nft_rule *rule = &facts->nft.rules[i];

		if (rule->kind != DOCTOR_NFT_OFFLOAD)
			continue;
		snprintf(command, sizeof(command), "nft delete rule %s %s %s handle %llu",
			 family_word(rule->family), rule->table, rule->chain,
			 (unsigned long long)rule->handle);
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "nf_tables offloads flows: table %s, chain %s", rule->table,
				     rule->chain);
		mend_offload(facts, list, finding, command);
	}
	for (size_t i = 0; i < facts->rules.count; i++) {
		const struct doctor_rule *rule = &facts->rules.items[i];

		if (!rule->target || strcmp(rule->target, "FLOWOFFLOAD") != 0)
			continue;
		program_of(facts, rule->family, rule->legacy, program);
		snprintf(command, sizeof(command), "%s -w -t %s -D%s", program, rule->table,
			 rule->text + 2);
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "iptables offloads flows: %s -t %s %s", program, rule->table,
				     rule->text);
		mend_offload(facts, list, finding, command);
	}
	for (size_t i = 0; i < facts->link_count; i++) {
		const struct doctor_link *link = &facts->links[i];

		if (link->large_receive != 1 || !doctor_is_uplink(facts, link->name))
			continue;
		finding = doctor_add(list, DOCTOR_NOTE, NULL, "large receive offload is on at %s",
				     link->name);
		doctor_breaks(
			list, finding,
			"packets are merged beyond what can be forwarded as they came; GRO is "
			"what forwards");
		doctor_mend(list, finding, "ethtool -K %s lro off", doctor_word(link->name, word));
	}
}

/* ---- source NAT ---- */

static bool translated(const struct doctor_facts *facts, const struct doctor_passage *passage)
{
	return doctor_rules_translate(&facts->rules, passage) ||
	       doctor_nft_translates(&facts->nft, passage);
}

/* A network of clients: on the link of an interface that is no uplink. */
static bool is_inner(const struct doctor_facts *facts, const struct route_address *address)
{
	const struct doctor_link *link = doctor_link_by_index(facts, address->index);

	return link && address->global && !link->loopback && !doctor_is_uplink(facts, link->name);
}

static void judge_nat(const struct doctor_facts *facts, struct doctor_list *list,
		      const struct conf_uplink *uplink, uint8_t family)
{
	const struct route_facts *routes = &facts->routes.facts;
	const struct mark_layout *layout = &facts->conf->mark;
	struct doctor_passage passage = {
		.family = family,
		.out = uplink->interface,
		.mark = mark_bits(layout, uplink->mark),
		.mask = layout->value_mask,
	};
	const struct route_address *missed = NULL;
	struct doctor_finding *finding;
	char program[DOCTOR_WORD_SIZE], word[DOCTOR_WORD_SIZE], network[IP_TEXT_SIZE];
	bool some = false;

	if (translated(facts, &passage))
		return;
	for (size_t i = 0; i < routes->address_count; i++) {
		const struct route_address *address = &routes->addresses[i];

		if (address->address.family != family || !is_inner(facts, address))
			continue;
		passage.source = ip_range_from_prefix(&address->prefix, address->prefix_length);
		if (translated(facts, &passage))
			some = true;
		else
			missed = address;
	}
	if (some && !missed)
		return;
	program_of(facts, family, facts->firewall.chosen == FIREWALL_LEGACY, program);
	if (some) {
		struct ip_range range =
			ip_range_from_prefix(&missed->prefix, missed->prefix_length);

		finding = doctor_add(list, DOCTOR_NOTE, uplink->name,
				     "no rule masquerades what leaves from %s/%u by %s",
				     ip_format(&range.first, network), missed->prefix_length,
				     uplink->interface);
		doctor_breaks(
			list, finding,
			"uplink '%s' has nat = true, and these clients would leave with their "
			"own addresses",
			uplink->name);
	} else {
		finding = doctor_add(list, DOCTOR_WARNING, uplink->name,
				     "no IPv%u rule masquerades what leaves by %s", family,
				     uplink->interface);
		doctor_breaks(list, finding,
			      "uplink '%s' has nat = true: flows that are steered there leave with "
			      "another line's or a private address, and no answer returns",
			      uplink->name);
	}
	doctor_mend(list, finding, "%s -w -t nat -A POSTROUTING -o %s -j MASQUERADE", program,
		    doctor_word(uplink->interface, word));
}

void doctor_check_nat(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct conf *conf = facts->conf;

	if (!facts->routes_known || !facts->nft.known || facts->firewall.hidden[FIREWALL_NFT] ||
	    facts->firewall.hidden[FIREWALL_LEGACY])
		return;
	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];

		if (!uplink->enabled || !uplink->nat)
			continue;
		if (facts->routes.uplinks[i].default4)
			judge_nat(facts, list, uplink, IP_V4);
		if (facts->routes.uplinks[i].default6)
			judge_nat(facts, list, uplink, IP_V6);
	}
}
