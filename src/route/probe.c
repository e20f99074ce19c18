/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The prober: rounds of probes, their deadlines, and the order in which they count.
 *
 * - A round is one object with all that its probes need. It is decided once (its verdict), counted
 *   once, in the order of rounds, and freed when it is counted and none of its probes is open.
 *   All deadlines are alike, so no round waits for an earlier one at its own deadline: a failure
 *   is known as early as if rounds were counted as they are decided.
 * - settle() is the only place that counts and frees rounds and calls `changed`, and always the
 * last thing that an event does: `changed` may stop the prober, and then no round is left.
 * - The cadence is the timer's own (EV_PERSIST): from one due time to the next, however late the
 *   loop was. Deadlines are taken from the time of sending, not from the time that the loop has
 * cached.
 * - A loop that was held up sees answers before deadlines, since sockets are read before timers
 * run.
 */
#include <waymark/probe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/queue.h>
#include <sys/random.h>

#include "health.h"
#include "probe_private.h"

struct probe_round {
	TAILQ_ENTRY(probe_round) entry;
	struct prober *prober;
	struct event deadline;
	bool counted, past_latency;
	enum health_quorum verdict;
	size_t open, answered, lost; /* answered: in time */
	struct probe probes[];
};

TAILQ_HEAD(round_list, probe_round);

struct prober {
	struct event_base *base;
	probe_changed_fn *changed;
	void *context;
	struct conf_probe options; /* its strings are not ours: not used after _new() */
	struct probe_line line;
	struct health health;
	char reason[PROBE_REASON_SIZE];
	uint64_t rounds, failed_rounds;
	struct round_list under_way; /* in the order sent */
	size_t under_way_count;
	struct event tick, next_lookup;
	struct probe_lookup *lookup; /* NULL: none under way */
	bool has_names;
	uint16_t id, sequence; /* of ICMP */
	size_t target_count;
	struct probe_target targets[];
};

static const struct ip_addr no_address = {.family = IP_NONE};

static struct timeval in_ms(uint32_t ms)
{
	return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static struct probe_fault late_by(double latency_ms)
{
	return (struct probe_fault){PROBE_LATE, (int)(latency_ms + 0.5)};
}

/* ---- what a round comes to ---- */

/* A probe of it has ended. */
static void note_end(struct probe_round *round, struct probe *probe)
{
	struct prober *prober = round->prober;
	double latency_ms = (double)(probe_now_us() - probe->sent_us) / 1000;
	uint32_t max_ms = prober->options.max_latency_ms;
	bool answered = probe->outcome == PROBE_ANSWERED, late = max_ms && latency_ms > max_ms;

	health_probe(&prober->health, (size_t)(probe - round->probes), answered ? latency_ms : -1);
	if (answered && late)
		probe->fault = late_by(latency_ms);
	if (answered && !late)
		round->answered++;
	else
		round->lost++;
	round->open--;
	if (round->verdict == HEALTH_OPEN)
		round->verdict = health_quorum(prober->options.need, prober->target_count,
					       round->answered, round->lost);
}

/* What is open now is lost. */
static void end_round(struct probe_round *round)
{
	for (size_t i = 0; i < round->prober->target_count; i++) {
		struct probe *probe = &round->probes[i];
		if (probe->outcome != PROBE_OPEN)
			continue;
		probe_close(probe);
		probe->outcome = PROBE_LOST;
		note_end(round, probe);
	}
}

/* From now on no answer of it counts, but each may still show that it is not lost. */
static void pass_latency(struct probe_round *round)
{
	const struct prober *prober = round->prober;

	round->past_latency = true;
	if (round->verdict == HEALTH_OPEN)
		round->verdict = HEALTH_MISSED;
	for (size_t i = 0; i < prober->target_count; i++) {
		struct probe *probe = &round->probes[i];
		if (probe->outcome != PROBE_OPEN)
			continue;
		probe->overdue = true;
		/* a target that was slow the last time is most likely slow again, not silent */
		double last_ms = health_last_ms(&prober->health, i);
		if (last_ms > prober->options.max_latency_ms)
			probe->fault = late_by(last_ms);
	}
}

static void free_round(struct probe_round *round)
{
	struct prober *prober = round->prober;

	for (size_t i = 0; i < prober->target_count; i++)
		probe_close(&round->probes[i]);
	event_del(&round->deadline);
	TAILQ_REMOVE(&prober->under_way, round, entry);
	prober->under_way_count--;
	free(round);
}

static void count_round(struct prober *prober, struct probe_round *round)
{
	bool reached = round->verdict == HEALTH_REACHED;
	enum health_round counts = health_round(&prober->health, reached, probe_now_us() / 1000);

	round->counted = true;
	prober->rounds++;
	if (counts == HEALTH_ROUND_GOOD)
		return;
	prober->failed_rounds++;
	if (counts == HEALTH_ROUND_LOSSY)
		snprintf(prober->reason, sizeof(prober->reason), "loss %.0f %%",
			 health_loss_percent(&prober->health));
	else
		probe_reason(prober->reason, sizeof(prober->reason), round->probes,
			     prober->target_count);
}

/* The first round that is not counted, if it is decided. */
static struct probe_round *next_decided(const struct prober *prober)
{
	struct probe_round *round;

	TAILQ_FOREACH (round, &prober->under_way, entry)
		if (!round->counted)
			return round->verdict == HEALTH_OPEN ? NULL : round;
	return NULL;
}

static void settle(struct prober *prober)
{
	struct probe_round *round, *next;

	while ((round = next_decided(prober)) != NULL) {
		enum probe_state before = prober->health.state;
		count_round(prober, round);
		if (prober->health.state != before)
			prober->changed(prober, prober->context);
	}
	for (round = TAILQ_FIRST(&prober->under_way); round; round = next) {
		next = TAILQ_NEXT(round, entry);
		if (round->counted && !round->open)
			free_round(round);
	}
}

void probe_ended(struct probe *probe)
{
	struct prober *prober = probe->round->prober;

	note_end(probe->round, probe);
	settle(prober);
}

/* ---- sending ---- */

/* The address that the line can ask; IP_NONE: there is none. */
static struct ip_addr usable_address(const struct prober *prober, const struct probe_target *target)
{
	if (prober->line.has4 && target->address4.family)
		return target->address4;
	return prober->line.has6 ? target->address6 : no_address;
}

/* Sends it, or leaves it open while its name is being looked up. */
static void try_probe(struct probe_round *round, struct probe *probe)
{
	struct prober *prober = round->prober;

	probe->to = usable_address(prober, probe->target);
	if (probe->to.family) {
		probe_send(probe, prober->base, &prober->line, prober->options.port, prober->id,
			   prober->sequence);
	} else {
		probe->fault.kind = PROBE_NO_ADDRESS;
		if (!prober->lookup || !probe->target->is_name)
			probe->outcome = PROBE_LOST;
	}
	if (probe->outcome != PROBE_OPEN)
		note_end(round, probe);
}

/* What waited for an address. */
static void resume_rounds(struct prober *prober)
{
	struct probe_round *round;

	TAILQ_FOREACH (round, &prober->under_way, entry) {
		for (size_t i = 0; i < prober->target_count; i++) {
			struct probe *probe = &round->probes[i];
			if (probe->outcome != PROBE_OPEN || probe->fd >= 0)
				continue;
			probe->fault.kind = PROBE_SILENT;
			try_probe(round, probe);
		}
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct probe_round *round = context;
	struct prober *prober = round->prober;
	const struct conf_probe *options = &prober->options;

	(void)fd;
	(void)what;
	if (!round->past_latency && options->max_latency_ms &&
	    options->max_latency_ms < options->timeout_ms) {
		struct timeval rest = in_ms(options->timeout_ms - options->max_latency_ms);
		pass_latency(round);
		if (evtimer_add(&round->deadline, &rest))
			end_round(round);
	} else {
		end_round(round);
	}
	settle(prober);
}

/* NULL: out of memory; the round is left out, nothing is known of the line. */
static struct probe_round *add_round(struct prober *prober)
{
	const struct conf_probe *options = &prober->options;
	struct probe_round *round =
		calloc(1, sizeof(*round) + prober->target_count * sizeof(round->probes[0]));
	struct timeval deadline =
		in_ms(options->max_latency_ms && options->max_latency_ms < options->timeout_ms
			      ? options->max_latency_ms
			      : options->timeout_ms);

	if (!round)
		return NULL;
	round->prober = prober;
	round->open = prober->target_count;
	/* else the loop counts from before whatever it did last */
	event_base_update_cache_time(prober->base);
	if (evtimer_assign(&round->deadline, prober->base, on_deadline, round) ||
	    evtimer_add(&round->deadline, &deadline)) {
		free(round);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&prober->under_way, round, entry);
	prober->under_way_count++;
	return round;
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct prober *prober = context;
	struct probe_round *round = add_round(prober);

	(void)fd;
	(void)what;
	if (!round)
		return;
	prober->sequence++;
	for (size_t i = 0; i < prober->target_count; i++) {
		struct probe *probe = &round->probes[i];
		probe->round = round;
		probe->target = &prober->targets[i];
		probe->type = prober->options.type;
		probe->fd = -1;
		probe->sent_us = probe_now_us();
		try_probe(round, probe);
	}
	if (prober->under_way_count > PROBE_ROUNDS_MAX)
		end_round(TAILQ_FIRST(&prober->under_way));
	settle(prober);
}

/* ---- names ---- */

static void on_found(void *context, size_t index, const struct ip_addr *address)
{
	struct prober *prober = context;
	struct probe_target *target = &prober->targets[index];

	*(address->family == IP_V4 ? &target->address4 : &target->address6) = *address;
	resume_rounds(prober);
	settle(prober);
}

static void plan_lookup(struct prober *prober)
{
	struct timeval when = {.tv_sec = PROBE_LOOKUP_S};

	for (size_t i = 0; i < prober->target_count; i++)
		if (!usable_address(prober, &prober->targets[i]).family &&
		    prober->targets[i].is_name)
			when.tv_sec = PROBE_RETRY_S;
	evtimer_add(&prober->next_lookup, &when);
}

static void on_lookup_done(void *context)
{
	struct prober *prober = context;

	prober->lookup = NULL;
	plan_lookup(prober);
	resume_rounds(prober);
	settle(prober);
}

static void look_up(struct prober *prober)
{
	const char **names = calloc(prober->target_count, sizeof(*names));

	for (size_t i = 0; names && i < prober->target_count; i++)
		if (prober->targets[i].is_name)
			names[i] = prober->targets[i].name;
	if (names)
		prober->lookup = probe_lookup_new(
			prober->base, PROBE_RESOLV_CONF, names, prober->target_count,
			prober->line.has4, prober->line.has6, on_found, on_lookup_done, prober);
	free(names);
	if (!prober->lookup)
		plan_lookup(prober);
}

static void on_next_lookup(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	look_up(context);
}

static void end_lookup(struct prober *prober)
{
	probe_lookup_cancel(prober->lookup);
	prober->lookup = NULL;
	evtimer_del(&prober->next_lookup);
}

/* ---- the prober ---- */

const char *probe_state_name(enum probe_state state)
{
	static const char *const names[] = {"waiting", "good", "failed", "stopped"};

	return names[state];
}

static bool init_target(struct probe_target *target, const struct conf_probe *options, size_t index)
{
	struct ip_addr address;

	target->name = strdup(options->targets[index]);
	target->is_name = !ip_parse(options->targets[index], &address);
	if (!target->is_name)
		*(address.family == IP_V4 ? &target->address4 : &target->address6) = address;
	return target->name && probe_request(options, target);
}

struct prober *prober_new(struct event_base *base, const struct probe_options *options,
			  probe_changed_fn *changed, void *context)
{
	size_t count = options->probe->target_count;
	struct prober *prober = calloc(1, sizeof(*prober) + count * sizeof(prober->targets[0]));

	if (!prober)
		return NULL;
	prober->base = base;
	prober->changed = changed;
	prober->context = context;
	prober->options = *options->probe;
	prober->target_count = count;
	TAILQ_INIT(&prober->under_way);
	prober->line.interface = strdup(options->interface);
	prober->line.mark = options->mark;
	bool made = prober->line.interface && health_init(&prober->health, options->probe) == 0;
	for (size_t i = 0; made && i < count; i++) {
		made = init_target(&prober->targets[i], options->probe, i);
		prober->has_names = prober->has_names || prober->targets[i].is_name;
	}
	if (!made || event_assign(&prober->tick, base, -1, EV_PERSIST, on_tick, prober) ||
	    evtimer_assign(&prober->next_lookup, base, on_next_lookup, prober)) {
		prober->health.state = PROBE_STOPPED;
		prober_free(prober);
		return NULL;
	}
	return prober;
}

void prober_free(struct prober *prober)
{
	if (!prober)
		return;
	prober_stop(prober);
	for (size_t i = 0; i < prober->target_count; i++) {
		free(prober->targets[i].name);
		free(prober->targets[i].request);
	}
	health_release(&prober->health);
	free(prober->line.interface);
	free(prober);
}

static void begin(struct prober *prober)
{
	struct timeval interval = in_ms(prober->options.interval_ms);
	uint16_t random[2] = {0, 0};

	health_start(&prober->health);
	if (getrandom(random, sizeof(random), 0) == sizeof(random)) {
		prober->id = random[0];
		prober->sequence = random[1];
	}
	if (prober->has_names)
		look_up(prober);
	/* the first round from the loop, not from here; as an event other than the timer's own, or
	 * the next would be counted from when this timer would have run */
	event_add(&prober->tick, &interval);
	event_active(&prober->tick, EV_READ, 1);
}

void prober_start(struct prober *prober, struct ip_addr source4, bool has4, struct ip_addr source6,
		  bool has6)
{
	struct probe_line *line = &prober->line;
	bool more = (has4 && !line->has4) || (has6 && !line->has6);

	line->source4 = source4;
	line->source6 = source6;
	line->has4 = has4;
	line->has6 = has6;
	if (prober->health.state == PROBE_STOPPED) {
		begin(prober);
	} else if (more && prober->has_names) {
		end_lookup(prober);
		look_up(prober);
	}
}

void prober_stop(struct prober *prober)
{
	struct probe_round *round;

	if (prober->health.state == PROBE_STOPPED)
		return;
	event_del(&prober->tick);
	end_lookup(prober);
	while ((round = TAILQ_FIRST(&prober->under_way)) != NULL)
		free_round(round);
	health_stop(&prober->health, probe_now_us() / 1000);
}

void prober_status(const struct prober *prober, struct probe_status *status)
{
	*status = (struct probe_status){
		.state = prober->health.state,
		.loss_percent = health_loss_percent(&prober->health),
		.latency_ms = health_latency_ms(&prober->health),
		.rounds = prober->rounds,
		.failed_rounds = prober->failed_rounds,
	};
	if (status->state == PROBE_FAILED)
		snprintf(status->reason, sizeof(status->reason), "%s", prober->reason);
}
