/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of checks, and the order in which findings are told.
 *
 * What others depend on comes first: a kernel without policy rules explains much of what the later
 * checks would find. Within a severity this order stays, so that a reader can mend from the top.
 */
#include "doctor.h"

const struct doctor_check doctor_checks[] = {
	{"kernel", doctor_check_kernel},
	{"iptables", doctor_check_iptables},
	{"chains", doctor_check_chains},
	{"queues", doctor_check_queues},
	{"forwarding", doctor_check_forwarding},
	{"rp-filter", doctor_check_rp_filter},
	{"mark-sysctls", doctor_check_mark_sysctls},
	{"router-adverts", doctor_check_router_adverts},
	{"conntrack", doctor_check_conntrack},
	{"bridge", doctor_check_bridge},
	{"offload", doctor_check_offload},
	{"uplinks", doctor_check_uplinks},
	{"nat", doctor_check_nat},
	{"ipv6", doctor_check_ipv6},
	{"mark-rules", doctor_check_mark_rules},
	{"mark-targets", doctor_check_mark_targets},
	{"mark-habits", doctor_check_mark_habits},
	{"priorities", doctor_check_priorities},
	{"tables", doctor_check_tables},
	{"others", doctor_check_others},
	{"privilege", doctor_check_privilege},
	{NULL, NULL},
};

/* Stable: within a severity the checks' order stays. */
static void sort(struct doctor_list *list)
{
	for (size_t i = 1; i < list->count; i++) {
		struct doctor_finding moved = list->items[i];
		size_t at = i;

		for (; at > 0 && list->items[at - 1].severity > moved.severity; at--)
			list->items[at] = list->items[at - 1];
		list->items[at] = moved;
	}
}

void doctor_judge(const struct doctor_facts *facts, struct doctor_list *list)
{
	for (size_t i = 0; doctor_checks[i].name; i++) {
		list->check = doctor_checks[i].name;
		doctor_checks[i].judge(facts, list);
	}
	sort(list);
}
