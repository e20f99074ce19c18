/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When to look, what to do about it, and what to tell: route.h over the pure
 * half, kernel.c and monitor.c.
 *
 * One sync is dump, plan, diff, apply: the kernel is the only memory of what of ours is
 * there, so whatever another hand did, or a lost event hid, one run repairs it. Links,
 * addresses, rules and our tables are few and read each time. Main is too, unless that
 * takes long; then what was remembered of it and followed by the events (follow.c)
 * serves, and it is read a second later, when the repair is done.
 * - Events of our own additions carry our netlink address and are dropped; our own
 *   deletions are not: the kernel deletes the first rule that looks alike, and
 *   a second look costs little. So after a change there is at most one more run, and
 *   then silence.
 * - Admin-down and the end of an address take IPv4 routes away without an event of their
 *   own, and maybe only after we have looked: a second look follows.
 * - A sync that no event has called for is somebody's clock, who wants to know what
 *   events do not tell: it reads main if that is due.
 * - Ownership outlives a reload: the scopes of earlier configurations are kept
 *   until a run has cleaned up behind them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <waymark/route.h>
#include <waymark/route_plan.h>

#include "private.h"

#define SCOPES_MAX 8
/* Reading main is cheap below this, and then done at each sync. */
#define MAIN_CHEAP_US 10000u
/* Where it is not: how long after a change it is read, and at most this part of the time. */
#define MAIN_LATER_MS 1000u
#define MAIN_SHARE 10u
/* Read again by the clock alone when the last time is longer ago. */
#define MAIN_AGE_MS 30000u

/* The defaults of one uplink that the kernel would not take, and why. */
struct refusal {
	bool default4, default6;
	char reason[ROUTE_REASON_SIZE];
};

/* How well main is known. */
struct main_look {
	bool known;    /* read once at least */
	unsigned news; /* ROUTE_*, since the last sync */
	unsigned took_us;
	uint64_t at_ms;	 /* when it was last read */
	uint64_t due_ms; /* when it is to be read, or all once more; 0: no need */
};

struct route_manager {
	struct route_kernel *kernel;
	struct route_monitor *monitor;
	struct route_memory memory; /* as of the last sync and drain */
	struct main_look main;
	struct route_uplink_plan *uplinks; /* as of the last sync or judge */
	size_t uplink_count;
	struct refusal *refusals; /* of the last sync, one an uplink; as many as uplinks */
	struct route_health *health;
	size_t health_count;
	struct route_scope scopes[SCOPES_MAX]; /* of configurations that may have left something */
	size_t scope_count;
};

/* What the report of a refused change needs. */
struct run {
	struct route_manager *manager;
	const struct conf *conf;
	const struct route_facts *facts;
	struct diag_list *diags;
	bool permission_told;
};

int route_manager_open(struct route_manager **manager, struct diag_list *diags)
{
	struct route_manager *m = calloc(1, sizeof(*m));
	int result;

	*manager = NULL;
	if (!m) {
		diag_error(diags, NULL, 0, "out of memory");
		return -ENOMEM;
	}
	result = route_kernel_open(&m->kernel, diags);
	if (!result)
		result = route_monitor_open(&m->monitor, diags);
	if (result)
		route_manager_close(m);
	else
		*manager = m;
	return result;
}

void route_manager_close(struct route_manager *manager)
{
	if (!manager)
		return;
	route_kernel_close(manager->kernel);
	route_monitor_close(manager->monitor);
	route_memory_release(&manager->memory);
	free(manager->uplinks);
	free(manager->refusals);
	free(manager->health);
	for (size_t i = 0; i < manager->scope_count; i++)
		route_scope_release(&manager->scopes[i]);
	free(manager);
}

static bool scope_equal(const struct route_scope *a, const struct route_scope *b)
{
	return a->protocol == b->protocol && a->priority == b->priority &&
	       a->table_count == b->table_count &&
	       memcmp(a->tables, b->tables, a->table_count * sizeof(*a->tables)) == 0;
}

/* Makes this configuration's scope the last of the list. */
static int push_scope(struct route_manager *manager, const struct conf *conf)
{
	struct route_scope scope;
	int result = route_scope_init(&scope, conf);

	if (result)
		return result;
	if (manager->scope_count &&
	    scope_equal(&manager->scopes[manager->scope_count - 1], &scope)) {
		route_scope_release(&scope);
		return 0;
	}
	if (manager->scope_count == SCOPES_MAX) {
		/* this many reloads without one good run between them: give the oldest up */
		route_scope_release(&manager->scopes[0]);
		memmove(manager->scopes, manager->scopes + 1,
			(SCOPES_MAX - 1) * sizeof(manager->scopes[0]));
		manager->scope_count--;
	}
	manager->scopes[manager->scope_count++] = scope;
	return 0;
}

/* After a good run nothing is left of any configuration but the last. */
static void forget_old_scopes(struct route_manager *manager)
{
	size_t last = manager->scope_count - 1;

	for (size_t i = 0; i < last; i++)
		route_scope_release(&manager->scopes[i]);
	manager->scopes[0] = manager->scopes[last];
	manager->scope_count = 1;
}

static bool any_scope_has_table(const struct route_scope *scopes, size_t count, uint32_t table)
{
	for (size_t i = 0; i < count; i++) {
		if (route_scope_has_table(&scopes[i], table))
			return true;
	}
	return false;
}

/* Every table of every scope, each once: a table dumped twice would look like duplicates. */
static uint32_t *all_tables(const struct route_manager *manager, size_t *count)
{
	uint32_t *tables;
	size_t total = 0;

	for (size_t i = 0; i < manager->scope_count; i++)
		total += manager->scopes[i].table_count;
	tables = calloc(total + 1, sizeof(*tables));
	*count = 0;
	if (!tables)
		return NULL;
	for (size_t i = 0; i < manager->scope_count; i++) {
		const struct route_scope *scope = &manager->scopes[i];

		for (size_t t = 0; t < scope->table_count; t++) {
			if (t > 0 && scope->tables[t] == scope->tables[t - 1])
				continue;
			if (!any_scope_has_table(manager->scopes, i, scope->tables[t]))
				tables[(*count)++] = scope->tables[t];
		}
	}
	return tables;
}

static uint32_t uplink_of_change(const struct conf *conf, const struct route_change *change)
{
	uint32_t uplink = change->rule ? change->rule->uplink : change->route->uplink;
	uint32_t table = change->rule ? change->rule->table : change->route->table;

	for (uint32_t i = 0; uplink == ROUTE_NO_UPLINK && i < conf->uplink_count; i++) {
		if (conf->uplinks[i].table == table)
			uplink = i;
	}
	return uplink;
}

/* The route that this uplink lives by was refused: its state must not say "up". */
static void apply_refusal(const struct refusal *refusal, struct route_uplink_plan *plan)
{
	if (plan->state != ROUTE_UPLINK_UP || (!refusal->default4 && !refusal->default6))
		return;
	plan->default4 = plan->default4 && !refusal->default4;
	plan->default6 = plan->default6 && !refusal->default6;
	snprintf(plan->reason, sizeof(plan->reason), "%s", refusal->reason);
	if (plan->default4 || plan->default6)
		return;
	plan->present = false;
	plan->state = ROUTE_UPLINK_DOWN;
}

static void note_refusal(struct route_manager *manager, uint32_t uplink, uint8_t family,
			 const char *reason)
{
	struct refusal *refusal = &manager->refusals[uplink];

	if (family == IP_V4)
		refusal->default4 = true;
	else
		refusal->default6 = true;
	snprintf(refusal->reason, sizeof(refusal->reason), "%.*s", ROUTE_REASON_SIZE - 1, reason);
	apply_refusal(refusal, &manager->uplinks[uplink]);
}

static void change_failed(const struct route_change *change, int error, const char *text,
			  void *context)
{
	struct run *run = context;
	const struct conf *conf = run->conf;
	uint32_t uplink = uplink_of_change(conf, change);
	char what[ROUTE_TEXT_SIZE], reason[2 * ROUTE_TEXT_SIZE + 256];

	if (error == -EPERM) {
		if (!run->permission_told)
			diag_error(run->diags, NULL, 0,
				   "cannot change policy rules and routes: %s (CAP_NET_ADMIN is "
				   "needed)",
				   strerror(EPERM));
		run->permission_told = true;
	}
	if (change->rule)
		route_rule_format(change->rule, what);
	else
		route_route_format(change->route, run->facts, what);
	snprintf(reason, sizeof(reason), "cannot %s %s %s: %s%s%s%s",
		 change->kind == ROUTE_DELETE ? "remove" : "add", change->rule ? "rule" : "route",
		 what, *text ? text : strerror(-error), *text ? " (" : "",
		 *text ? strerror(-error) : "", *text ? ")" : "");
	if (error == -EEXIST && change->route) {
		size_t used = strlen(reason);

		snprintf(reason + used, sizeof(reason) - used,
			 ": the table has a default of another's");
	}
	if (error != -EPERM && uplink < conf->uplink_count)
		diag_error(run->diags, NULL, 0, "uplink '%s': %s", conf->uplinks[uplink].name,
			   reason);
	else if (error != -EPERM)
		diag_error(run->diags, NULL, 0, "%s", reason);
	if (change->route && change->kind != ROUTE_DELETE && uplink < run->manager->uplink_count &&
	    change->route->type == ROUTE_TYPE_UNICAST)
		note_refusal(run->manager, uplink, change->route->family, reason);
}

/* NULL: all are healthy. */
static const struct route_health *health_of(const struct route_manager *manager,
					    const struct conf *conf)
{
	return manager->health_count == conf->uplink_count ? manager->health : NULL;
}

/* Plans into `wanted` and takes over what the plan found out about the uplinks. */
static int plan(struct route_manager *manager, const struct conf *conf,
		const struct route_facts *facts, struct route_state *wanted)
{
	struct route_uplink_plan *uplinks = calloc(conf->uplink_count + 1, sizeof(*uplinks));
	struct refusal *refusals = calloc(conf->uplink_count + 1, sizeof(*refusals));
	int result = -ENOMEM;

	if (uplinks && refusals)
		result = route_plan(conf, facts, health_of(manager, conf), wanted, uplinks);
	if (result) {
		free(uplinks);
		free(refusals);
		return result;
	}
	free(manager->uplinks);
	free(manager->refusals);
	manager->uplinks = uplinks;
	manager->refusals = refusals;
	manager->uplink_count = conf->uplink_count;
	return 0;
}

static bool health_equal(const struct route_health *a, const struct route_health *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (a[i].failed != b[i].failed ||
		    (a[i].failed && strcmp(a[i].reason, b[i].reason) != 0))
			return false;
	}
	return true;
}

int route_manager_set_health(struct route_manager *manager, const struct route_health *health,
			     size_t count)
{
	struct route_health *copy;

	if (manager->health && count == manager->health_count &&
	    health_equal(manager->health, health, count))
		return 0;
	copy = calloc(count + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, health, count * sizeof(*copy));
	/* it is as urgent as an event: no reason to read main first */
	manager->main.news |= ROUTE_NEWS;
	free(manager->health);
	manager->health = copy;
	manager->health_count = count;
	return 0;
}

int route_manager_judge(struct route_manager *manager, const struct conf *conf)
{
	struct route_uplink_plan *uplinks = calloc(conf->uplink_count + 1, sizeof(*uplinks));
	int result = -ENOMEM;

	if (uplinks)
		result = route_judge(conf, &manager->memory.facts, health_of(manager, conf),
				     uplinks);
	/* another configuration's uplinks: what the kernel refused of the last ones says nothing */
	if (!result && manager->uplink_count != conf->uplink_count) {
		free(manager->refusals);
		manager->refusals = calloc(conf->uplink_count + 1, sizeof(*manager->refusals));
		manager->uplink_count = manager->refusals ? conf->uplink_count : 0;
		result = manager->refusals ? 0 : -ENOMEM;
	}
	if (result) {
		free(uplinks);
		return result;
	}
	for (size_t i = 0; i < conf->uplink_count; i++)
		apply_refusal(&manager->refusals[i], &uplinks[i]);
	free(manager->uplinks);
	manager->uplinks = uplinks;
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What is remembered of main is all that this configuration's uplinks need. */
static bool memory_covers(const struct route_memory *memory, const struct conf *conf,
			  const struct route_facts *facts)
{
	struct route_watch watch;
	bool covers = route_watch_init(&watch, conf, facts) == 0 &&
		      route_watch_covers(&memory->watch, &watch);

	route_watch_release(&watch);
	return covers;
}

static bool must_read_main(const struct route_manager *manager, const struct conf *conf)
{
	const struct main_look *main = &manager->main;
	uint64_t now = now_ms(), age = now - main->at_ms;

	if (!main->known || main->took_us < MAIN_CHEAP_US ||
	    !memory_covers(&manager->memory, conf, &manager->memory.facts))
		return true;
	if (age * 1000 < (uint64_t)MAIN_SHARE * main->took_us)
		return false;
	return (main->news & ROUTE_UNCLEAR) || (main->due_ms && now >= main->due_ms) ||
	       (!main->news && age >= MAIN_AGE_MS);
}

/* The kernel as it is, with main as it is remembered where that will do. */
static int look(struct route_manager *manager, const struct conf *conf, const uint32_t *tables,
		size_t table_count, struct route_snapshot *snapshot, bool *main_read,
		struct diag_list *diags)
{
	const struct route_facts *known = &manager->memory.facts;
	int result;

	*main_read = must_read_main(manager, conf);
	result = route_kernel_snapshot(manager->kernel, *main_read ? conf : NULL, tables,
				       table_count, snapshot, diags);
	if (result || *main_read)
		return result;
	if (!memory_covers(&manager->memory, conf, &snapshot->facts)) {
		/* a link has come of which no event has been read yet */
		route_snapshot_release(snapshot);
		*main_read = true;
		return route_kernel_snapshot(manager->kernel, conf, tables, table_count, snapshot,
					     diags);
	}
	for (size_t i = 0; !result && i < known->main_count; i++)
		result = route_facts_add_main(&snapshot->facts, &known->main[i]);
	return result;
}

/* Takes the facts over from the snapshot, and settles when main is read next. */
static void remember(struct route_manager *manager, const struct conf *conf,
		     struct route_snapshot *snapshot, bool main_read)
{
	struct main_look *main = &manager->main;
	struct route_watch watch;
	uint64_t now = now_ms();

	route_facts_release(&manager->memory.facts);
	manager->memory.facts = snapshot->facts;
	snapshot->facts = (struct route_facts){0};
	if (route_watch_init(&watch, conf, &manager->memory.facts) < 0) {
		main->known = false;
	} else {
		route_watch_release(&manager->memory.watch);
		manager->memory.watch = watch;
		main->known = main->known || main_read;
	}
	if (main_read) {
		main->took_us = snapshot->main_us;
		main->at_ms = now;
		main->due_ms = main->news & ROUTE_SILENT ? now + MAIN_LATER_MS : 0;
		main->news = 0;
		return;
	}
	if ((main->news & (ROUTE_LOOK | ROUTE_SILENT | ROUTE_UNCLEAR)) && !main->due_ms)
		main->due_ms = now + MAIN_LATER_MS;
	/* unclear it stays until it has been read */
	main->news &= ROUTE_UNCLEAR;
}

static unsigned again_ms(const struct main_look *main)
{
	uint64_t now = now_ms(), due = main->due_ms;

	if (!due)
		return 0;
	/* not before it may be read */
	if (due < main->at_ms + (uint64_t)MAIN_SHARE * main->took_us / 1000 &&
	    main->took_us >= MAIN_CHEAP_US)
		due = main->at_ms + (uint64_t)MAIN_SHARE * main->took_us / 1000;
	return due > now ? (unsigned)(due - now) : 1;
}

/* Brings the kernel to the plan, or, for removal, to nothing of ours. */
static int run(struct route_manager *manager, const struct conf *conf, bool removal, size_t *sent,
	       struct diag_list *diags)
{
	struct route_snapshot snapshot = {0};
	struct route_state wanted = {0};
	struct route_changes changes = {0};
	size_t table_count, errors = diags->errors;
	struct run context = {.manager = manager, .conf = conf, .diags = diags};
	bool main_read = false;
	uint32_t *tables;
	int result = push_scope(manager, conf);

	if (result)
		goto out;
	tables = all_tables(manager, &table_count);
	if (!tables) {
		result = -ENOMEM;
		goto out;
	}
	if (removal)
		result = route_kernel_snapshot(manager->kernel, NULL, tables, table_count,
					       &snapshot, diags);
	else
		result = look(manager, conf, tables, table_count, &snapshot, &main_read, diags);
	free(tables);
	if (result)
		goto out;
	if (!removal)
		result = plan(manager, conf, &snapshot.facts, &wanted);
	route_kernel_amend(manager->kernel, &snapshot.facts, &wanted);
	if (!result && (removal || conf->routing.manage))
		result = route_diff(&snapshot.present, &wanted, manager->scopes,
				    manager->scope_count, &changes);
	if (result)
		goto out;
	context.facts = &snapshot.facts;
	result = route_kernel_apply(manager->kernel, &changes, &snapshot, sent, change_failed,
				    &context);
	if (!result && (removal || conf->routing.manage))
		forget_old_scopes(manager);
	if (!removal)
		remember(manager, conf, &snapshot, main_read);
out:
	if (result && diags->errors == errors)
		diag_error(diags, NULL, 0, "cannot change policy rules and routes: %s",
			   strerror(-result));
	route_changes_release(&changes);
	route_state_release(&wanted);
	route_snapshot_release(&snapshot);
	return result;
}

int route_manager_sync(struct route_manager *manager, const struct conf *conf,
		       struct route_sync *done, struct diag_list *diags)
{
	size_t sent = 0;
	int result = run(manager, conf, false, &sent, diags);

	if (conf->routing.manage) {
		if (conf->routing.register_table_names && conf->mode == CONF_ENFORCE)
			route_tables_register(NULL, conf, diags);
		else
			route_tables_unregister(NULL, diags);
	}
	if (done)
		*done = (struct route_sync){.changes = sent, .again_ms = again_ms(&manager->main)};
	return result;
}

static const char *interface_of_table(const struct route_snapshot *snapshot, uint32_t table)
{
	const struct route_state *present = &snapshot->present;

	for (size_t i = 0; i < present->route_count; i++) {
		const struct route_route *route = &present->routes[i];
		const struct route_link *link;

		if (route->table != table || route->destination_length || !route->index)
			continue;
		link = route_facts_link(&snapshot->facts, route->index);
		if (link)
			return link->name;
	}
	return "";
}

/* A rule that says what a mark means: not where a failed uplink's mark led meanwhile. */
static bool tells_meaning(const struct route_scope *scope, const struct conf *conf,
			  const struct route_rule *rule)
{
	return route_scope_owns_rule(scope, rule) && !rule->invert && rule->fwmark &&
	       rule->fwmask == conf->mark.value_mask &&
	       rule->priority != scope->priority + ROUTE_PRIORITY_FAILED;
}

int route_manager_leftovers(struct route_manager *manager, const struct conf *conf,
			    route_leftover_fn *visit, void *context)
{
	struct diag_list unheard = DIAG_LIST_INIT;
	struct route_snapshot rules = {0}, whole = {0};
	struct route_scope scope;
	uint32_t *tables = NULL;
	size_t count = 0;
	int result = route_scope_init(&scope, conf);

	if (!result)
		result = route_kernel_snapshot(manager->kernel, NULL, NULL, 0, &rules, &unheard);
	if (!result) {
		tables = calloc(rules.present.rule_count + 1, sizeof(*tables));
		result = tables ? 0 : -ENOMEM;
	}
	/* the tables that the rules lead to, which need not be those of today's configuration */
	for (size_t i = 0; !result && i < rules.present.rule_count; i++) {
		const struct route_rule *rule = &rules.present.rules[i];
		bool known = false;

		if (!tells_meaning(&scope, conf, rule))
			continue;
		for (size_t t = 0; t < count; t++)
			known = known || tables[t] == rule->table;
		if (!known)
			tables[count++] = rule->table;
	}
	if (!result && count)
		result = route_kernel_snapshot(manager->kernel, NULL, tables, count, &whole,
					       &unheard);
	for (size_t i = 0; !result && count && i < rules.present.rule_count; i++) {
		const struct route_rule *rule = &rules.present.rules[i];

		if (tells_meaning(&scope, conf, rule))
			visit(rule->fwmark, rule->table, interface_of_table(&whole, rule->table),
			      context);
	}
	free(tables);
	route_snapshot_release(&rules);
	route_snapshot_release(&whole);
	route_scope_release(&scope);
	diag_list_release(&unheard);
	return result;
}

int route_manager_remove(struct route_manager *manager, const struct conf *conf,
			 struct diag_list *diags)
{
	size_t sent = 0;
	int result = run(manager, conf, true, &sent, diags);

	route_tables_unregister(NULL, diags);
	return result;
}

int route_manager_fd(const struct route_manager *manager)
{
	return route_monitor_fd(manager->monitor);
}

struct listener {
	struct route_manager *manager;
	const struct conf *conf;
	unsigned news;
};

static void heard(const struct nlmsghdr *message, void *context)
{
	struct listener *listener = context;
	struct route_manager *manager = listener->manager;

	listener->news |= route_follow(&manager->memory, listener->conf,
				       &manager->scopes[manager->scope_count - 1],
				       route_kernel_portid(manager->kernel), message);
}

bool route_manager_drain(struct route_manager *manager, const struct conf *conf)
{
	struct listener listener = {.manager = manager, .conf = conf};

	if (manager->scope_count == 0 && push_scope(manager, conf) < 0)
		return true;
	if (route_monitor_drain(manager->monitor, heard, &listener))
		listener.news |= ROUTE_NEWS | ROUTE_LOOK | ROUTE_SILENT | ROUTE_UNCLEAR;
	manager->main.news |= listener.news;
	return listener.news != 0;
}

const char *route_interface_name(const struct route_manager *manager, uint32_t index)
{
	const struct route_link *link =
		index ? route_facts_link(&manager->memory.facts, index) : NULL;

	return link ? link->name : NULL;
}

uint32_t route_interface_index(const struct route_manager *manager, const char *name)
{
	const struct route_link *link = route_facts_link_by_name(&manager->memory.facts, name);

	return link ? link->index : 0;
}

void route_interfaces(const struct route_manager *manager, route_interface_fn *visit, void *context)
{
	for (size_t i = 0; i < manager->memory.facts.link_count; i++)
		visit(manager->memory.facts.links[i].index, manager->memory.facts.links[i].name,
		      context);
}

bool route_uplink_status(const struct route_manager *manager, size_t uplink,
			 struct route_uplink_status *status)
{
	const struct route_uplink_plan *plan;

	if (uplink >= manager->uplink_count)
		return false;
	plan = &manager->uplinks[uplink];
	*status = (struct route_uplink_status){.state = plan->state, .reason = plan->reason};
	if (plan->default4)
		status->gateway = plan->gateway4;
	if (plan->default6)
		status->gateway6 = plan->gateway6;
	status->present = plan->present;
	status->carries4 = plan->default4;
	status->carries6 = plan->default6;
	status->source4 = plan->source4;
	status->source6 = plan->source6;
	status->index = plan->index;
	return true;
}

bool route_main_default_by(const struct route_manager *manager, const char *interface)
{
	static const uint8_t families[] = {IP_V4, IP_V6};
	const struct route_facts *facts = &manager->memory.facts;
	uint32_t index = route_interface_index(manager, interface);

	for (size_t f = 0; index && f < 2; f++) {
		uint32_t best = UINT32_MAX;
		bool by = false;

		/* of equal metrics (a multipath route) any may be the one */
		for (size_t i = 0; i < facts->main_count; i++) {
			const struct route_route *r = &facts->main[i];

			if (r->family != families[f] || r->destination_length || r->metric > best)
				continue;
			if (r->metric < best)
				by = false;
			best = r->metric;
			by = by || r->index == index;
		}
		if (by)
			return true;
	}
	return false;
}

char *route_plan_text(const struct conf *conf, const struct route_health *health,
		      struct diag_list *diags)
{
	struct route_uplink_plan *uplinks = calloc(conf->uplink_count + 1, sizeof(*uplinks));
	struct route_snapshot snapshot = {0};
	struct route_state wanted = {0};
	struct route_kernel *kernel = NULL;
	size_t errors = diags->errors;
	char *text = NULL;

	if (uplinks && route_kernel_open(&kernel, diags) == 0 &&
	    route_kernel_snapshot(kernel, conf, NULL, 0, &snapshot, diags) == 0 &&
	    route_plan(conf, &snapshot.facts, health, &wanted, uplinks) == 0)
		text = route_state_format(&wanted, &snapshot.facts);
	if (!text && diags->errors == errors)
		diag_error(diags, NULL, 0, "cannot plan policy rules and routes: out of memory");
	route_kernel_close(kernel);
	route_state_release(&wanted);
	route_snapshot_release(&snapshot);
	free(uplinks);
	return text;
}
