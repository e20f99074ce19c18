/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which uplinks new flows may take: what the kernel says of the line, what probes say of
 * what is behind it, and what was ordered by hand, put together into one word for each.
 *
 *   line gone, or probes failed    lost      the tables lead elsewhere, its connections end
 *   ordered down, or held back     drained   its connections go on, new ones go elsewhere
 *   else                           usable
 *
 * The order of a failover matters, and is the same whatever its cause:
 *  1. the word is published (steer_state): the next decision takes the stand-in;
 *  2. rules and routes follow (network.c): nothing is sent into the dead line any more;
 *  3. the connections that carry the uplink's value leave conntrack, and theirs alone: they
 *     open anew, translated for the new line. Before that, what workers remember of them is
 *     declared void. A packet that was decided before 1 may enter its connection after 3, so
 *     that the flush is done once more a moment later.
 * With failback = "all" the same happens when the uplink returns, since its flows kept its
 * value meanwhile; without it the flows on the stand-in carry the stand-in's value, and stay.
 *
 * A line that was gone is believed again when its probes have been good `up` times; at the start
 * every line is believed until its probes fail. A line that comes and goes is held back for a
 * while, in decisions only: its routes are there as soon as it is.
 */
#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <waymark/log.h>
#include <waymark/probe.h>

#include "hook.h"

/* A line that went away this often within this time is held back when it returns. */
#define FLAPS 5
#define FLAP_WINDOW_MS 60000
#define HOLD_MS 10000
#define FLUSH_AGAIN_MS 250

#define REASON_SIZE 256

enum hand { HAND_AUTO, HAND_UP, HAND_DOWN };

static const char *const hand_words[] = {"auto", "up", "down"};
static const char *const use_words[] = {
	[STEER_USABLE] = "usable", [STEER_LOST] = "lost", [STEER_DRAINED] = "drained"};

struct uplink {
	struct uplinks *of;
	const struct conf_uplink *conf;
	struct prober *prober; /* NULL: not probed */
	enum hand hand;
	bool judged;  /* the line has been looked at since the start */
	bool present; /* link, carrier and a gateway are there */
	bool suspect; /* the line was gone: only its probes can say that it works */
	bool failed;  /* by its probes, as the plan is told */
	bool flush;   /* its connections are to go, once rules and routes have followed */
	uint64_t lost_ms[FLAPS]; /* when the line went away, the latest first; 0: not so often */
	uint64_t held_until_ms;
	/* what log, hooks and followers were told last */
	bool told, told_up;
	char told_reason[REASON_SIZE];
};

struct uplinks {
	struct daemon *daemon;
	const struct conf *conf; /* of the last uplinks_adopt() */
	struct uplink **items;	 /* in the order of the configuration; probers point at them */
	size_t count;
	struct hooks *hooks;
	struct event *hold_timer, *flush_timer;
	bool *flushed; /* by value: flushed, and to be flushed once more */
};

/* ---- what is known of one ---- */

static bool is_held(const struct uplink *uplink)
{
	return uplink->held_until_ms > monotonic_ms();
}

static enum steer_use use_of(const struct uplink *uplink)
{
	if (!uplink->conf->enabled || !uplink->present)
		return STEER_LOST;
	if (uplink->hand == HAND_UP)
		return STEER_USABLE;
	if (uplink->failed)
		return STEER_LOST;
	return uplink->hand == HAND_DOWN || is_held(uplink) ? STEER_DRAINED : STEER_USABLE;
}

/* Why it is not usable, or what is wrong although it is; "" for nothing. */
static void reason_of(const struct uplink *uplink, const struct route_uplink_status *route,
		      char reason[REASON_SIZE])
{
	struct probe_status probe = {.state = PROBE_STOPPED};
	const char *text = "";

	if (uplink->prober)
		prober_status(uplink->prober, &probe);
	if (!uplink->conf->enabled || !uplink->present)
		text = route->reason && *route->reason ? route->reason : "down";
	else if (uplink->failed && probe.state == PROBE_FAILED)
		text = probe.reason;
	else if (uplink->failed)
		text = "its line was gone, its probes have not told yet that it works";
	else if (uplink->hand == HAND_DOWN)
		text = "by hand: no new flows, those that it has go on";
	else if (uplink->hand != HAND_UP && is_held(uplink))
		text = "held back: its line comes and goes";
	else if (route->state == ROUTE_UPLINK_UP && route->reason)
		text = route->reason;
	snprintf(reason, REASON_SIZE, "%s", text);
}

/* ---- telling ---- */

static json_t *change_json(const struct uplink *uplink, const char *state, const char *reason,
			   const char *old)
{
	return json_pack("{s:s,s:s,s:o,s:o}", "uplink", uplink->conf->name, "state", state,
			 "reason", string_or_null(reason), "old", string_or_null(old));
}

/* One "NAME=value" for the program; values are cut to what fits. */
static void put_variable(char (*storage)[320], const char **env, size_t *used, const char *name,
			 const char *value)
{
	snprintf(storage[*used], sizeof(*storage), "WAYMARK_%s=%s", name, value);
	env[*used] = storage[*used];
	(*used)++;
}

static void run_hook(struct uplink *uplink, const struct route_uplink_status *route,
		     const char *state, const char *old, const char *reason)
{
	const struct conf_uplink *conf = uplink->conf;
	char storage[9][320], number[32], address[IP_TEXT_SIZE];
	const char *env[10] = {NULL};
	size_t used = 0;
	int result;

	put_variable(storage, env, &used, "UPLINK", conf->name);
	put_variable(storage, env, &used, "INTERFACE", conf->interface);
	put_variable(storage, env, &used, "STATE", state);
	put_variable(storage, env, &used, "OLD_STATE", old);
	put_variable(storage, env, &used, "REASON", reason);
	snprintf(number, sizeof(number), "%u", conf->table);
	put_variable(storage, env, &used, "TABLE", number);
	snprintf(number, sizeof(number), "0x%x", mark_bits(&uplink->of->conf->mark, conf->mark));
	put_variable(storage, env, &used, "MARK", number);
	put_variable(storage, env, &used, "GATEWAY",
		     route->gateway.family ? ip_format(&route->gateway, address) : "");
	put_variable(storage, env, &used, "GATEWAY6",
		     route->gateway6.family ? ip_format(&route->gateway6, address) : "");
	result = hooks_run(uplink->of->hooks, conf->name, conf->on_change,
			   conf->on_change_timeout_s, env);
	if (result < 0)
		log_warn("uplink '%s': cannot run %s: %s", conf->name, conf->on_change,
			 strerror(-result));
}

/* Log, followers and hook, once for each change. The first look is told to the log alone. */
static void tell(struct uplink *uplink, const struct route_uplink_status *route)
{
	struct daemon *daemon = uplink->of->daemon;
	bool up = use_of(uplink) == STEER_USABLE, changed = uplink->told && up != uplink->told_up;
	const char *state = up ? "up" : "down", *old = uplink->told_up ? "up" : "down";
	char reason[REASON_SIZE];

	if (!uplink->conf->enabled)
		return;
	reason_of(uplink, route, reason);
	if (uplink->told && !changed && strcmp(reason, uplink->told_reason) == 0)
		return;
	if (!up)
		log_warn("uplink '%s': down: %s", uplink->conf->name, reason);
	else if (changed || *reason)
		log_info("uplink '%s': up%s%s", uplink->conf->name, *reason ? ": " : "", reason);
	if (uplink->told)
		event_publish(daemon, "uplink", change_json(uplink, state, reason, old));
	if (changed && uplink->conf->on_change && uplink->of->conf->mode == CONF_ENFORCE)
		run_hook(uplink, route, state, old, reason);
	uplink->told = true;
	uplink->told_up = up;
	memcpy(uplink->told_reason, reason, sizeof(reason));
}

static void hook_ended(const char *uplink, const char *program, const struct hook_result *result,
		       void *context)
{
	static const char *const words[] = {"exit", "signal", "timeout", "error"};
	struct uplinks *uplinks = context;

	event_publish(uplinks->daemon, "hook",
		      json_pack("{s:s,s:s,s:i}", "uplink", uplink, "program", program,
				words[result->end], result->value));
}

/* ---- following ---- */

static void note_loss(struct uplink *uplink)
{
	uint64_t now = monotonic_ms();

	memmove(uplink->lost_ms + 1, uplink->lost_ms, sizeof(uplink->lost_ms[0]) * (FLAPS - 1));
	uplink->lost_ms[0] = now;
}

/* Whether it came and went too often when it returns now. */
static bool flaps(const struct uplink *uplink)
{
	uint64_t first = uplink->lost_ms[FLAPS - 1];

	return first && uplink->lost_ms[0] - first <= FLAP_WINDOW_MS;
}

static void follow_line(struct uplink *uplink, const struct route_uplink_status *route)
{
	bool present = uplink->conf->enabled && route->present;

	if (uplink->judged && uplink->present && !present) {
		note_loss(uplink);
		uplink->suspect = uplink->prober != NULL;
	} else if (uplink->judged && !uplink->present && present && flaps(uplink)) {
		uplink->held_until_ms = monotonic_ms() + HOLD_MS;
	}
	uplink->judged = true;
	uplink->present = present;
	if (!uplink->prober)
		return;
	if (present)
		prober_start(uplink->prober, route->source4, route->carries4, route->source6,
			     route->carries6);
	else
		prober_stop(uplink->prober);
}

/* True if the plan has to know. */
static bool follow_probe(struct uplink *uplink)
{
	struct probe_status status = {.state = PROBE_STOPPED};
	bool failed = false;

	if (uplink->prober)
		prober_status(uplink->prober, &status);
	if (status.state == PROBE_GOOD)
		uplink->suspect = false;
	if (uplink->hand != HAND_UP)
		failed = status.state == PROBE_FAILED ||
			 (status.state == PROBE_WAITING && uplink->suspect);
	if (failed == uplink->failed)
		return false;
	uplink->failed = failed;
	return true;
}

/* What became lost, and what returns to flows that kept its value, opens its connections anew. */
static void follow_use(struct uplink *uplink)
{
	struct uplinks *uplinks = uplink->of;
	struct steer_state *steer = uplinks->daemon->steer_state;
	uint32_t value = uplink->conf->mark;
	enum steer_use before = steer_state_use(steer, value), use = use_of(uplink);

	if (use == before)
		return;
	steer_state_set_use(steer, value, use);
	/* what on_down = "block" dropped while it was drained may pass again */
	if (before == STEER_DRAINED)
		steer_state_forget(steer, uplinks->conf->mark.drop);
	if (uplinks->conf->mode != CONF_ENFORCE || !uplink->conf->enabled)
		return;
	if (use == STEER_LOST ||
	    (before == STEER_LOST && uplink->conf->failback == CONF_FAILBACK_ALL))
		uplink->flush = true;
}

static void set_health(const struct uplinks *uplinks)
{
	struct route_health *health = calloc(uplinks->count ? uplinks->count : 1, sizeof(*health));

	for (size_t i = 0; health && i < uplinks->count; i++) {
		health[i].failed = uplinks->items[i]->failed;
		snprintf(health[i].reason, sizeof(health[i].reason), "%s",
			 uplinks->items[i]->failed ? "its probes fail" : "");
	}
	if (!health ||
	    route_manager_set_health(uplinks->daemon->routes, health, uplinks->count) < 0)
		log_error("out of memory");
	free(health);
}

static void arm_hold_timer(struct uplinks *uplinks)
{
	uint64_t now = monotonic_ms(), first = 0;

	for (size_t i = 0; i < uplinks->count; i++) {
		uint64_t until = uplinks->items[i]->held_until_ms;

		if (until > now && (!first || until < first))
			first = until;
	}
	if (first)
		timer_arm(uplinks->hold_timer, (long)(first - now) + 1);
}

bool uplinks_follow(struct uplinks *uplinks)
{
	bool news = false;

	for (size_t i = 0; i < uplinks->count; i++) {
		struct uplink *uplink = uplinks->items[i];
		struct route_uplink_status route;

		if (!route_uplink_status(uplinks->daemon->routes, i, &route))
			continue;
		follow_line(uplink, &route);
		news = follow_probe(uplink) || news;
		follow_use(uplink);
		tell(uplink, &route);
		news = news || uplink->flush;
	}
	set_health(uplinks);
	arm_hold_timer(uplinks);
	return news;
}

static void probe_changed(struct prober *prober, void *context)
{
	struct uplink *uplink = context;

	(void)prober;
	if (!uplink->of->daemon->stopping && uplinks_follow(uplink->of))
		network_sync_soon(uplink->of->daemon);
}

static void on_hold_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	if (uplinks_follow(context))
		network_sync_soon(((struct uplinks *)context)->daemon);
}

/* ---- connections ---- */

void uplinks_flush(struct uplinks *uplinks)
{
	const struct mark_layout *mark = &uplinks->conf->mark;
	bool any = false;

	for (size_t i = 0; i < uplinks->count; i++) {
		struct uplink *uplink = uplinks->items[i];

		if (!uplink->flush)
			continue;
		uplink->flush = false;
		steer_state_forget(uplinks->daemon->steer_state, uplink->conf->mark);
		connmarks_flush(mark, uplink->conf->mark);
		uplinks->flushed[uplink->conf->mark] = any = true;
	}
	if (any)
		timer_arm(uplinks->flush_timer, FLUSH_AGAIN_MS);
}

static void on_flush_timer(evutil_socket_t fd, short what, void *context)
{
	struct uplinks *uplinks = context;
	const struct mark_layout *mark = &uplinks->conf->mark;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < uplinks->count; i++) {
		const struct uplink *uplink = uplinks->items[i];

		/* usable again by now: what carries its value was decided for it */
		if (uplinks->flushed[uplink->conf->mark] && use_of(uplink) == STEER_LOST)
			connmarks_flush(mark, uplink->conf->mark);
	}
	memset(uplinks->flushed, 0, (mark->user_max + 1) * sizeof(*uplinks->flushed));
}

/* ---- life ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_probe(const struct conf_uplink *a, const struct conf_uplink *b)
{
	const struct conf_probe *p = &a->probe, *q = &b->probe;

	if (p->type != q->type || p->target_count != q->target_count || p->need != q->need ||
	    p->interval_ms != q->interval_ms || p->timeout_ms != q->timeout_ms ||
	    p->down != q->down || p->up != q->up || p->max_loss_percent != q->max_loss_percent ||
	    p->max_latency_ms != q->max_latency_ms || p->port != q->port ||
	    !same_text(p->path, q->path) || !same_text(p->query, q->query))
		return false;
	for (size_t i = 0; i < p->target_count; i++)
		if (strcmp(p->targets[i], q->targets[i]) != 0)
			return false;
	return a->mark == b->mark && strcmp(a->interface, b->interface) == 0;
}

static int add_prober(struct uplink *uplink)
{
	const struct conf_uplink *conf = uplink->conf;
	struct probe_options options = {
		.probe = &conf->probe,
		.interface = conf->interface,
		.mark = mark_bits(&uplink->of->conf->mark, conf->mark),
	};

	if (uplink->prober || conf->probe.type == CONF_PROBE_NONE || !conf->enabled)
		return 0;
	uplink->prober = prober_new(uplink->of->daemon->base, &options, probe_changed, uplink);
	return uplink->prober ? 0 : -ENOMEM;
}

static void uplink_free(struct uplink *uplink)
{
	if (!uplink)
		return;
	prober_free(uplink->prober);
	free(uplink);
}

/* The same uplink as before the reload keeps its state, and its probes where they are the same. */
static struct uplink *take_over(struct uplinks *uplinks, const struct conf_uplink *conf)
{
	for (size_t i = 0; i < uplinks->count; i++) {
		struct uplink *uplink = uplinks->items[i];

		if (!uplink || strcmp(uplink->conf->name, conf->name) != 0)
			continue;
		uplinks->items[i] = NULL;
		if (!conf->enabled || !same_probe(uplink->conf, conf)) {
			prober_free(uplink->prober);
			uplink->prober = NULL;
			uplink->suspect = false;
		}
		return uplink;
	}
	return NULL;
}

int uplinks_adopt(struct uplinks *uplinks, const struct conf *conf)
{
	struct uplink **items = calloc(conf->uplink_count ? conf->uplink_count : 1, sizeof(*items));
	size_t count;
	int result = items ? 0 : -ENOMEM;

	/* a value that no uplink has is a class of the user's, or nothing: always usable */
	for (size_t i = 0; i < uplinks->count; i++)
		if (!conf_uplink_by_mark(conf, uplinks->items[i]->conf->mark))
			steer_state_set_use(uplinks->daemon->steer_state,
					    uplinks->items[i]->conf->mark, STEER_USABLE);
	for (count = 0; !result && count < conf->uplink_count; count++) {
		items[count] = take_over(uplinks, &conf->uplinks[count]);
		if (!items[count])
			items[count] = calloc(1, sizeof(*items[count]));
		if (!items[count])
			result = -ENOMEM;
	}
	if (result)
		count = count ? count - 1 : 0;
	for (size_t i = 0; i < uplinks->count; i++)
		uplink_free(uplinks->items[i]);
	free(uplinks->items);
	uplinks->items = items;
	uplinks->count = count;
	uplinks->conf = conf;
	for (size_t i = 0; i < count; i++) {
		items[i]->of = uplinks;
		items[i]->conf = &conf->uplinks[i];
		if (!result)
			result = add_prober(items[i]);
	}
	return result;
}

void uplinks_free(struct uplinks *uplinks)
{
	if (!uplinks)
		return;
	for (size_t i = 0; i < uplinks->count; i++)
		uplink_free(uplinks->items[i]);
	free(uplinks->items);
	free(uplinks->flushed);
	hooks_free(uplinks->hooks);
	if (uplinks->hold_timer)
		event_free(uplinks->hold_timer);
	if (uplinks->flush_timer)
		event_free(uplinks->flush_timer);
	free(uplinks);
}

struct uplinks *uplinks_new(struct daemon *daemon, const struct conf *conf)
{
	struct uplinks *uplinks = calloc(1, sizeof(*uplinks));

	if (!uplinks)
		return NULL;
	uplinks->daemon = daemon;
	uplinks->flushed = calloc(conf->mark.user_max + 1, sizeof(*uplinks->flushed));
	uplinks->hooks = hooks_new(daemon->base, hook_ended, uplinks);
	uplinks->hold_timer = evtimer_new(daemon->base, on_hold_timer, uplinks);
	uplinks->flush_timer = evtimer_new(daemon->base, on_flush_timer, uplinks);
	if (!uplinks->flushed || !uplinks->hooks || !uplinks->hold_timer || !uplinks->flush_timer ||
	    uplinks_adopt(uplinks, conf) < 0) {
		uplinks_free(uplinks);
		return NULL;
	}
	return uplinks;
}

/* ---- documents ---- */

static const char *state_word(const struct uplink *uplink)
{
	if (!uplink->conf->enabled)
		return "disabled";
	return use_of(uplink) == STEER_USABLE ? "up" : "down";
}

static json_t *probe_json(const struct uplink *uplink, const struct probe_status *probe)
{
	if (!uplink->prober)
		return json_null();
	return json_pack(
		"{s:s,s:s,s:b,s:I,s:I}", "type", conf_probe_type_name(uplink->conf->probe.type),
		"state", probe_state_name(probe->state), "failed", uplink->failed, "rounds",
		(json_int_t)probe->rounds, "failed_rounds", (json_int_t)probe->failed_rounds);
}

/* To three digits behind the point: microseconds of a latency. */
static json_t *measure(double value)
{
	return value < 0 ? json_null() : json_real((double)(int64_t)(value * 1000 + 0.5) / 1000);
}

static json_t *uplink_json(const struct uplink *uplink, const struct route_uplink_status *route)
{
	const struct conf_uplink *conf = uplink->conf;
	struct probe_status probe = {.state = PROBE_STOPPED, .loss_percent = -1, .latency_ms = -1};
	char reason[REASON_SIZE];

	if (uplink->prober)
		prober_status(uplink->prober, &probe);
	reason_of(uplink, route, reason);
	return json_pack(
		"{s:s,s:s,s:I,s:o,s:s,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:s}", "name", conf->name,
		"interface", conf->interface, "table", (json_int_t)conf->table, "mark",
		mark_text(&uplink->of->conf->mark, conf->mark), "state", state_word(uplink),
		"reason", string_or_null(reason), "gateway", address_or_null(&route->gateway),
		"gateway6", address_or_null(&route->gateway6), "nat", conf->nat, "loss_percent",
		measure(probe.loss_percent), "latency_ms", measure(probe.latency_ms), "probe",
		probe_json(uplink, &probe), "by_hand",
		uplink->hand == HAND_AUTO ? json_null() : json_string(hand_words[uplink->hand]),
		"use", use_words[use_of(uplink)]);
}

json_t *uplinks_document(const struct uplinks *uplinks)
{
	json_t *document = json_array();

	for (size_t i = 0; i < uplinks->count; i++) {
		struct route_uplink_status route = {.state = ROUTE_UPLINK_DOWN,
						    .reason = "not looked at"};

		route_uplink_status(uplinks->daemon->routes, i, &route);
		json_array_append_new(document, uplink_json(uplinks->items[i], &route));
	}
	return document;
}

size_t uplinks_up(const struct uplinks *uplinks)
{
	size_t up = 0;

	for (size_t i = 0; i < uplinks->count; i++)
		up += use_of(uplinks->items[i]) == STEER_USABLE;
	return up;
}

json_t *uplinks_events(const struct uplinks *uplinks)
{
	json_t *events = json_array();

	for (size_t i = 0; i < uplinks->count; i++) {
		const struct uplink *uplink = uplinks->items[i];
		json_t *now = change_json(uplink, state_word(uplink), uplink->told_reason, NULL);

		json_object_set_new(now, "now", json_true());
		json_array_append_new(events, event_document("uplink", now));
	}
	return events;
}

static json_t *no_such_uplink(const struct uplinks *uplinks, const char *name)
{
	const char **names = calloc(uplinks->count + 1, sizeof(*names)), *nearest = NULL;
	json_t *answer;

	for (size_t i = 0; names && i < uplinks->count; i++)
		names[i] = uplinks->items[i]->conf->name;
	if (names)
		nearest = diag_nearest(name, names);
	answer = control_fail("there is no uplink '%s'%s%s%s", name,
			      nearest ? ", did you mean '" : "", nearest ? nearest : "",
			      nearest ? "'?" : "");
	free(names);
	return answer;
}

json_t *uplinks_order(struct uplinks *uplinks, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	const char *to = json_string_value(json_object_get(request, "to"));
	struct route_uplink_status route = {.reason = ""};
	struct uplink *uplink = NULL;
	char reason[REASON_SIZE];
	size_t hand = 0, at = 0;

	while (hand < 3 && (!to || strcmp(to, hand_words[hand]) != 0))
		hand++;
	if (!name || hand == 3)
		return control_fail("an order needs the name of an uplink, and up, down or auto");
	for (; !uplink && at < uplinks->count; at++)
		if (strcmp(uplinks->items[at]->conf->name, name) == 0)
			uplink = uplinks->items[at];
	if (!uplink)
		return no_such_uplink(uplinks, name);
	if (!uplink->conf->enabled)
		return control_fail("uplink '%s' is disabled in the configuration", name);
	uplink->hand = (enum hand)hand;
	uplink->held_until_ms = 0;
	log_info("uplink '%s': ordered %s by hand", name, to);
	if (uplinks_follow(uplinks))
		network_sync_soon(uplinks->daemon);
	route_uplink_status(uplinks->daemon->routes, at - 1, &route);
	reason_of(uplink, &route, reason);
	return control_ok(json_pack("{s:s,s:s,s:o,s:o}", "name", name, "state", state_word(uplink),
				    "reason", string_or_null(reason), "by_hand",
				    hand == HAND_AUTO ? json_null() : json_string(to)));
}
