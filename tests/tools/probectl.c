/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probectl - one prober by itself, in the namespace it runs in.
 *
 *   probectl INTERFACE TYPE TARGET... [KEY=VALUE...]
 *
 * Keys: those of `probe` in waymark.conf (need, interval_ms, timeout_ms, down, up,
 * max_loss_percent, max_latency_ms, port, path, query), and mark, source4, source6 (a family that
 * has none is one that the line lacks; "any" lets the kernel choose).
 *
 * Prints each change, when the prober has started, and the status at each SIGHUP and at the end
 * (SIGTERM), with the time in ms since the epoch:
 *
 *   1700000000123 good rounds 3 failed 0 loss 0 latency 0.4 reason ''
 *
 * SIGUSR1 stops the prober, SIGUSR2 starts it again. Exit: 0 ok, 1 failed, 2 usage.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include <waymark/log.h>
#include <waymark/probe.h>

#define TARGETS_MAX 64

struct program {
	struct event_base *base;
	struct conf_probe probe;
	const char *targets[TARGETS_MAX];
	struct probe_options options;
	struct ip_addr source4, source6;
	bool has4, has6;
	struct prober *prober;
};

static void print_status(struct prober *prober, void *context)
{
	struct probe_status status;
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_REALTIME, &now);
	prober_status(prober, &status);
	printf("%lld %s rounds %llu failed %llu loss %.1f latency %.2f reason '%s'\n",
	       (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000, probe_state_name(status.state),
	       (unsigned long long)status.rounds, (unsigned long long)status.failed_rounds,
	       status.loss_percent, status.latency_ms, status.reason);
	fflush(stdout);
}

static void start(struct program *program)
{
	prober_start(program->prober, program->source4, program->has4, program->source6,
		     program->has6);
	print_status(program->prober, program);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct program *program = context;

	(void)what;
	switch (number) {
	case SIGUSR1:
		prober_stop(program->prober);
		print_status(program->prober, program);
		break;
	case SIGUSR2:
		start(program);
		break;
	case SIGHUP:
		print_status(program->prober, program);
		break;
	default:
		event_base_loopbreak(program->base);
		break;
	}
}

static bool set_source(const char *value, uint8_t family, struct ip_addr *source, bool *has)
{
	*has = true;
	return strcmp(value, "any") == 0 || (ip_parse(value, source) && source->family == family);
}

static bool set_key(struct program *program, const char *key, const char *value)
{
	struct conf_probe *probe = &program->probe;
	const struct {
		const char *key;
		uint32_t *to;
	} numbers[] = {
		{"need", &probe->need},
		{"interval_ms", &probe->interval_ms},
		{"timeout_ms", &probe->timeout_ms},
		{"down", &probe->down},
		{"up", &probe->up},
		{"max_loss_percent", &probe->max_loss_percent},
		{"max_latency_ms", &probe->max_latency_ms},
		{"mark", &program->options.mark},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(key, numbers[i].key) != 0)
			continue;
		*numbers[i].to = (uint32_t)strtoul(value, NULL, 0);
		return true;
	}
	if (strcmp(key, "port") == 0)
		probe->port = (uint16_t)atoi(value);
	else if (strcmp(key, "path") == 0)
		probe->path = value;
	else if (strcmp(key, "query") == 0)
		probe->query = value;
	else if (strcmp(key, "source4") == 0)
		return set_source(value, IP_V4, &program->source4, &program->has4);
	else if (strcmp(key, "source6") == 0)
		return set_source(value, IP_V6, &program->source6, &program->has6);
	else
		return false;
	return true;
}

static bool set_type(struct conf_probe *probe, const char *word)
{
	for (int type = CONF_PROBE_ICMP; type <= CONF_PROBE_DNS; type++) {
		if (strcmp(word, conf_probe_type_name((enum conf_probe_type)type)) != 0)
			continue;
		probe->type = (enum conf_probe_type)type;
		probe->port = type == CONF_PROBE_DNS ? 53 : 80;
		return true;
	}
	return false;
}

static bool read_arguments(struct program *program, int count, char **arguments)
{
	struct conf_probe *probe = &program->probe;

	if (count < 3 || !set_type(probe, arguments[2]))
		return false;
	program->options.interface = arguments[1];
	for (int i = 3; i < count; i++) {
		char *equals = strchr(arguments[i], '=');
		if (!equals && probe->target_count < TARGETS_MAX) {
			program->targets[probe->target_count++] = arguments[i];
			continue;
		}
		if (!equals)
			return false;
		*equals = '\0';
		if (!set_key(program, arguments[i], equals + 1))
			return false;
	}
	return probe->target_count > 0;
}

int main(int count, char **arguments)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
	struct event *events[sizeof(signals) / sizeof(*signals)] = {NULL};
	struct program program = {
		.probe =
			{
				.need = 1,
				.interval_ms = 100,
				.timeout_ms = 80,
				.down = 3,
				.up = 3,
				.max_loss_percent = 100,
				.path = "/",
				.query = ".",
			},
	};
	int result = 1;

	program.probe.targets = program.targets;
	program.options.probe = &program.probe;
	if (!read_arguments(&program, count, arguments)) {
		fprintf(stderr, "usage: probectl INTERFACE TYPE TARGET... [KEY=VALUE...]\n");
		return 2;
	}
	log_init("probectl", LOG_LEVEL_DEBUG, LOG_TARGET_STDERR);
	program.base = event_base_new();
	if (!program.base)
		return 1;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		events[i] = evsignal_new(program.base, signals[i], on_signal, &program);
		if (!events[i] || event_add(events[i], NULL))
			goto out;
	}
	program.prober = prober_new(program.base, &program.options, print_status, &program);
	if (!program.prober)
		goto out;
	start(&program);
	event_base_dispatch(program.base);
	print_status(program.prober, &program);
	result = 0;
out:
	prober_free(program.prober);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (events[i])
			event_free(events[i]);
	event_base_loop(program.base, EVLOOP_NONBLOCK);
	event_base_free(program.base);
	return result;
}
