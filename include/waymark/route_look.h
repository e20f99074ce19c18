/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route_look - one look at policy routing as it is, for `waymark doctor`. Changes nothing.
 *
 * What the kernel has (links, addresses, main's routes, everybody's rules, everybody's routes in
 * our tables) beside what the configuration wants of it by link facts alone: probes and what a
 * user has set by hand are the daemon's, and not known here.
 *
 * Ownership: route_look() fills, route_look_release() frees, also after a failure. Needs no
 * privilege. Threads: none; one owner.
 */
#ifndef WAYMARK_ROUTE_LOOK_H
#define WAYMARK_ROUTE_LOOK_H

#include <waymark/config.h>
#include <waymark/diag.h>
#include <waymark/route_plan.h>

struct route_look {
	struct route_facts facts;
	struct route_state present;	   /* all rules; the routes of the uplinks' tables */
	struct route_state wanted;	   /* nothing in mode "observe" */
	struct route_uplink_plan *uplinks; /* by their place in the configuration */
	struct route_scope scope;	   /* what of it is ours */
};

/* `look` is all zero before. 0 or -errno with a finding. */
int route_look(const struct conf *conf, struct route_look *look, struct diag_list *diags);
void route_look_release(struct route_look *look);

#endif
