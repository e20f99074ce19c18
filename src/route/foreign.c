/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of others that look at bits of our mark.
 *
 * config/habits.c warns of programs by what they are known to do; here is what this
 * machine has. A rule whose mask shares a bit with ours would read what we write, so
 * its traffic changes as soon as we mark: worth a warning by the rule's own words, in
 * a check as well, which needs no privilege. Ours are told by protocol and
 * priority, as everywhere. That the kernel cannot be asked is no finding: the
 * configuration may be meant for another machine.
 */
#include <waymark/route.h>

#include "private.h"

static bool overlaps(const struct route_rule *rule, const struct conf *conf)
{
	return (rule->fwmask & conf->mark.mask) != 0 && rule->protocol != conf->routing.protocol;
}

void route_check_mark_rules(const struct conf *conf, struct diag_list *diags)
{
	struct diag_list ignored = DIAG_LIST_INIT;
	struct route_snapshot snapshot = {0};
	struct route_kernel *kernel = NULL;
	const struct route_state *present = &snapshot.present;
	char text[ROUTE_TEXT_SIZE];

	if (route_kernel_open(&kernel, &ignored) == 0 &&
	    route_kernel_snapshot(kernel, NULL, NULL, 0, &snapshot, &ignored) == 0)
		for (size_t i = 0; i < present->rule_count; i++)
			if (overlaps(&present->rules[i], conf))
				diag_warning(diags, conf->path, 0,
					     "mark mask 0x%x overlaps a rule of another's: "
					     "ip -%u rule '%s'",
					     conf->mark.mask, present->rules[i].family,
					     route_rule_format(&present->rules[i], text));
	route_kernel_close(kernel);
	route_snapshot_release(&snapshot);
	diag_list_release(&ignored);
}
