/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at the kernel and at the plan, for whoever compares the two and sends nothing.
 *
 * The dumped messages are dropped: they serve deletions only, and nothing is deleted by a look.
 * So no rule and no route of it may be given to route_kernel_apply(); `raw` is cleared to say so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/route_look.h>

#include "private.h"

static void take(struct route_look *look, struct route_snapshot *snapshot)
{
	look->facts = snapshot->facts;
	look->present = snapshot->present;
	snapshot->facts = (struct route_facts){.ipv4 = false};
	snapshot->present = (struct route_state){.rules = NULL};
	for (size_t i = 0; i < look->present.rule_count; i++)
		look->present.rules[i].raw = (struct route_raw){.length = 0};
	for (size_t i = 0; i < look->present.route_count; i++)
		look->present.routes[i].raw = (struct route_raw){.length = 0};
}

int route_look(const struct conf *conf, struct route_look *look, struct diag_list *diags)
{
	struct route_snapshot snapshot = {0};
	struct route_kernel *kernel = NULL;
	int result;

	look->uplinks = calloc(conf->uplink_count + 1, sizeof(*look->uplinks));
	result = look->uplinks ? route_scope_init(&look->scope, conf) : -ENOMEM;
	if (result < 0)
		goto out;
	result = route_kernel_open(&kernel, diags);
	if (result < 0)
		goto out;
	result = route_kernel_snapshot(kernel, conf, look->scope.tables, look->scope.table_count,
				       &snapshot, diags);
	if (result < 0)
		goto out;
	take(look, &snapshot);
	result = route_plan(conf, &look->facts, NULL, &look->wanted, look->uplinks);
out:
	if (result == -ENOMEM)
		diag_error(diags, NULL, 0, "out of memory");
	route_kernel_close(kernel);
	route_snapshot_release(&snapshot);
	return result;
}

void route_look_release(struct route_look *look)
{
	route_facts_release(&look->facts);
	route_state_release(&look->present);
	route_state_release(&look->wanted);
	route_scope_release(&look->scope);
	free(look->uplinks);
	memset(look, 0, sizeof(*look));
}
