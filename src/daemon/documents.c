/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The documents that `waymark status`, `uplinks`, ... show: one function each,
 * built from what the control thread may read (the snapshot, relaxed counters,
 * the route module's last look) and, for flows, from copies the workers hand out.
 */
#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/counter.h>
#include <waymark/log.h>

#include "config.h"

#define FLOWS_LIMIT_DEFAULT 10000
#define FLOWS_LIMIT_MAX 100000

/* Text of files and packets need not be UTF-8: what JSON cannot hold is shown as '?'. */
json_t *string_or_null(const char *text)
{
	json_t *json = text && *text ? json_string(text) : json_null();
	char *copy;

	if (json || !(copy = strdup(text)))
		return json;
	for (char *at = copy; *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

json_t *event_document(const char *name, json_t *more)
{
	json_t *event = json_pack("{s:s,s:f}", "event", name, "time", (double)wall_us() / 1e6);

	if (json_object_update(event, more) != 0) {
		json_decref(event);
		event = NULL;
	}
	json_decref(more);
	return event;
}

void event_publish(struct daemon *daemon, const char *name, json_t *more)
{
	if (control_server_has_followers(daemon->control))
		control_server_publish(daemon->control, event_document(name, more));
	else
		json_decref(more);
}

json_t *address_or_null(const struct ip_addr *addr)
{
	char text[IP_TEXT_SIZE];

	return addr->family ? json_string(ip_format(addr, text)) : json_null();
}

json_t *mark_text(const struct mark_layout *mark, uint32_t value)
{
	return json_sprintf("0x%x", mark_bits(mark, value));
}

static json_t *number(_Atomic uint64_t *counter)
{
	return json_integer((json_int_t)atomic_load_explicit(counter, memory_order_relaxed));
}

/* ---- status, stats ---- */

static json_t *queues_document(struct daemon *daemon)
{
	json_t *queues = json_array();

	for (unsigned i = 0; i < daemon->worker_count; i++) {
		struct worker *worker = &daemon->workers[i];
		struct source_nfq_stats *stats = source_nfq_stats(worker->source);
		struct queue_counters kernel = {0};

		queue_counters_read(worker->queue, &kernel);
		json_array_append_new(
			queues,
			json_pack("{s:i,s:o,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:I}", "number",
				  worker->queue, "packets", number(&stats->received), "dropped",
				  (json_int_t)kernel.dropped, "waiting", (json_int_t)kernel.waiting,
				  "malformed", number(&stats->malformed), "verdicts",
				  number(&stats->verdicts_sent), "verdict_messages",
				  number(&stats->messages_sent), "unknown_id",
				  number(&stats->unknown_id), "verdict_errors",
				  number(&stats->verdict_errors), "flows",
				  (json_int_t)atomic_load(&worker->flow_count)));
	}
	return queues;
}

static json_int_t flow_total(struct daemon *daemon)
{
	json_int_t total = 0;

	for (unsigned i = 0; i < daemon->worker_count; i++)
		total += atomic_load_explicit(&daemon->workers[i].flow_count, memory_order_relaxed);
	return total;
}

static json_t *status_document(struct daemon *daemon)
{
	const struct conf *conf = daemon_conf(daemon);

	return json_pack("{s:s,s:s,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:s}", "version", VERSION, "mode",
			 conf->mode == CONF_OBSERVE ? "observe" : "enforce", "uptime_s",
			 (json_int_t)((monotonic_ms() - daemon->started_ms) / 1000), "generation",
			 (json_int_t)daemon->generation, "queues", queues_document(daemon), "flows",
			 flow_total(daemon), "rules",
			 (json_int_t)ruleset_count(daemon->snapshot->policy->rules), "uplinks",
			 (json_int_t)conf->uplink_count, "uplinks_up",
			 (json_int_t)uplinks_up(daemon->uplinks), "config", daemon->config_path);
}

static void add_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

/* A counter by its place in the struct that each worker has one of. */
struct counter {
	const char *name;
	size_t offset;
};

static const void *classify_stats_of(const struct worker *worker)
{
	return classifier_stats(worker->classifier);
}

static const void *dns_stats_of(const struct worker *worker)
{
	return classifier_dns_stats(worker->classifier);
}

/* Summed over workers. */
static json_t *counters_document(const struct daemon *daemon, const struct counter *counters,
				 size_t count, const void *stats_of(const struct worker *))
{
	json_t *document = json_object();

	for (size_t i = 0; i < count; i++) {
		uint64_t sum = 0;

		for (unsigned j = 0; j < daemon->worker_count; j++) {
			const char *stats = stats_of(&daemon->workers[j]);
			const void *counter = stats + counters[i].offset;

			sum += counter_read(counter);
		}
		add_number(document, counters[i].name, sum);
	}
	return document;
}

static json_t *classify_document(const struct daemon *daemon)
{
	static const struct counter counters[] = {
		{"packets", offsetof(struct classify_stats, packets)},
		{"bytes", offsetof(struct classify_stats, bytes)},
		{"flows", offsetof(struct classify_stats, flows)},
		{"decided_first", offsetof(struct classify_stats, decided_first)},
		{"decided_late", offsetof(struct classify_stats, decided_late)},
		{"moved", offsetof(struct classify_stats, moved)},
		{"kept", offsetof(struct classify_stats, kept)},
		{"dropped", offsetof(struct classify_stats, dropped)},
		{"refused_memory", offsetof(struct classify_stats, refused_memory)},
		{"older", offsetof(struct classify_stats, older)},
		{"inspected", offsetof(struct classify_stats, inspected)},
		{"guessed", offsetof(struct classify_stats, guessed)},
		{"guessed_right", offsetof(struct classify_stats, guessed_right)},
		{"guessed_wrong", offsetof(struct classify_stats, guessed_wrong)},
	};

	return counters_document(daemon, counters, sizeof(counters) / sizeof(counters[0]),
				 classify_stats_of);
}

static json_t *dns_document(const struct daemon *daemon)
{
	static const struct counter counters[] = {
		{"queries", offsetof(struct dns_watch_stats, queries)},
		{"believed", offsetof(struct dns_watch_stats, believed)},
		{"addresses", offsetof(struct dns_watch_stats, addresses)},
		{"refused_unasked", offsetof(struct dns_watch_stats, refused_unasked)},
		{"refused_id", offsetof(struct dns_watch_stats, refused_id)},
		{"refused_name", offsetof(struct dns_watch_stats, refused_name)},
		{"refused_unreadable", offsetof(struct dns_watch_stats, refused_unreadable)},
		{"queries_evicted", offsetof(struct dns_watch_stats, queries_evicted)},
		{"streams_evicted", offsetof(struct dns_watch_stats, streams_evicted)},
	};

	return counters_document(daemon, counters, sizeof(counters) / sizeof(counters[0]),
				 dns_stats_of);
}

static json_t *table_document(struct daemon *daemon)
{
	static const char *const names[] = {"created", "expired", "evicted_undecided",
					    "evicted_decided", "restarted"};
	json_t *document = json_pack("{s:I}", "live", flow_total(daemon));

	for (size_t i = 0; i < TABLE_COUNTERS; i++) {
		uint64_t sum = 0;

		for (unsigned j = 0; j < daemon->worker_count; j++)
			sum += atomic_load_explicit(&daemon->workers[j].table[i],
						    memory_order_relaxed);
		add_number(document, names[i], sum);
	}
	return document;
}

static json_t *patterns_document(const struct daemon *daemon)
{
	const struct pattern_set *patterns = ruleset_patterns(daemon->snapshot->policy->rules);
	json_t *document = json_array();
	size_t count = patterns ? pattern_count(patterns) : 0;

	for (size_t i = 0; i < count; i++) {
		struct pattern_origin origin = pattern_origin(patterns, i);

		json_array_append_new(document,
				      json_pack("{s:o,s:s,s:i,s:s,s:I}", "app",
						string_or_null(app_name(origin.app)), "file",
						origin.file, "line", origin.line, "pattern",
						pattern_text(patterns, i), "limit_hits",
						(json_int_t)pattern_limit_hits(patterns, i)));
	}
	return document;
}

static json_t *stats_document(struct daemon *daemon)
{
	const struct pattern_set *patterns = ruleset_patterns(daemon->snapshot->policy->rules);
	uint64_t suppressed = 0;

	for (unsigned i = 0; i < daemon->worker_count; i++)
		suppressed += atomic_load(&daemon->workers[i].logs_suppressed);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:I,s:o,s:o,s:I,s:I}", "classify",
			 classify_document(daemon), "dns", dns_document(daemon), "names",
			 names_stats_document(daemon), "flow_table", table_document(daemon),
			 "queues", queues_document(daemon), "patterns", patterns_document(daemon),
			 "pattern_prefilter", patterns ? pattern_backend_name(patterns) : "none",
			 "patterns_unseen", (json_int_t)(patterns ? pattern_unseen(patterns) : 0),
			 "route_repairs", number(&daemon->route_repairs), "firewall_repairs",
			 number(&daemon->firewall_repairs), "logs_suppressed",
			 (json_int_t)suppressed, "control_refused",
			 (json_int_t)control_server_refused(daemon->control));
}

/* ---- rules ---- */

static json_t *action_text(const struct rule_view *rule)
{
	switch (rule->action) {
	case RULE_UPLINK:
	case RULE_MAIN:
		return json_sprintf("uplink %s", rule->uplink);
	case RULE_MARK:
		return json_sprintf("mark %u", rule->value);
	case RULE_DROP:
		break;
	}
	return json_string("drop");
}

static json_t *rules_document(struct daemon *daemon)
{
	const struct ruleset *rules = daemon->snapshot->policy->rules;
	json_t *document = json_array();
	size_t count = ruleset_count(rules);

	for (size_t i = 0; i < count; i++) {
		struct rule_view rule;
		uint64_t hits, last_us;
		json_t *last;

		ruleset_view(rules, i, &rule);
		snapshot_rule_hits(daemon->snapshot, i, &hits, &last_us);
		last = last_us ? json_real((double)last_us / 1e6) : json_null();
		json_array_append_new(document,
				      json_pack("{s:s,s:i,s:I,s:o,s:o,s:s,s:s,s:i,s:o}", "name",
						rule.name, "priority", rule.priority, "hits",
						(json_int_t)hits, "last_hit", last, "action",
						action_text(&rule), "late",
						rule.late == RULE_LATE_LEARN ? "learn" : "move",
						"file", rule.file, "line", rule.line, "comment",
						string_or_null(rule.comment)));
	}
	return document;
}

/* ---- flows ---- */

json_t *proto_json(uint8_t proto)
{
	const char *name = packet_proto_name(proto);

	return name ? json_string(name) : json_sprintf("%u", proto);
}

static json_t *flow_json(const struct daemon *daemon, const struct flow_record *record)
{
	const struct conf *conf = daemon_conf(daemon);
	const struct flow *flow = &record->flow;
	struct ip_addr client = flow_client(&flow->key), server = flow_server(&flow->key);
	uint32_t value = flow->value ? flow->value : conf->mark.main;
	const char *rule = daemon_rule_name(daemon, flow);
	const char *uplink = policy_uplink_name(daemon->snapshot->policy, value);
	json_t *json = json_object();

	json_object_set_new(json, "proto", proto_json(flow->key.proto));
	json_object_set_new(json, "src", address_or_null(&client));
	json_object_set_new(json, "sport",
			    flow->key.has_ports ? json_integer(flow->key.client_port)
						: json_null());
	json_object_set_new(json, "dst", address_or_null(&server));
	json_object_set_new(json, "dport",
			    flow->key.has_ports ? json_integer(flow->key.server_port)
						: json_null());
	json_object_set_new(json, "app", string_or_null(app_name(record->app)));
	json_object_set_new(json, "host", string_or_null(record->host));
	json_object_set_new(json, "host_source",
			    string_or_null(host_source_name(record->host_source)));
	json_object_set_new(json, "rule", string_or_null(rule));
	json_object_set_new(json, "uplink",
			    value == conf->mark.main && !rule ? json_null()
							      : string_or_null(uplink));
	json_object_set_new(json, "mark", mark_text(&conf->mark, value));
	json_object_set_new(json, "state",
			    json_string(flow->state == FLOW_FINAL ? "final" : "provisional"));
	json_object_set_new(json, "late",
			    flow->late == RULE_LATE_LEARN  ? json_string("learn")
			    : flow->late == RULE_LATE_MOVE ? json_string("move")
							   : json_null());
	json_object_set_new(json, "moved", json_boolean(flow->moved));
	json_object_set_new(json, "older", json_boolean(flow->older));
	json_object_set_new(json, "packets", json_integer((json_int_t)flow_packets(flow)));
	json_object_set_new(json, "bytes", json_integer((json_int_t)flow_bytes(flow)));
	return json;
}

static const char *member(const json_t *request, const char *key)
{
	return json_string_value(json_object_get(request, key));
}

/* NULL, or why the request's filter cannot be taken. */
static const char *filter_from(const struct daemon *daemon, const json_t *request,
			       struct flow_filter *filter)
{
	const struct policy *policy = daemon->snapshot->policy;
	const char *word;

	*filter = (struct flow_filter){.rule = -1};
	if ((word = member(request, "proto")) && !packet_proto_parse(word, &filter->proto))
		return "unknown protocol";
	if ((word = member(request, "src")) && !ip_parse(word, &filter->src))
		return "src is not an address";
	if ((word = member(request, "dst")) && !ip_parse(word, &filter->dst))
		return "dst is not an address";
	filter->dport = (uint16_t)json_integer_value(json_object_get(request, "dport"));
	filter->host = member(request, "host");
	if ((word = member(request, "app")) && !(filter->app = app_find(word)))
		return "unknown app";
	if ((word = member(request, "rule"))) {
		size_t count = ruleset_count(policy->rules);

		for (size_t i = 0; i < count && filter->rule < 0; i++) {
			struct rule_view rule;

			ruleset_view(policy->rules, i, &rule);
			if (strcmp(rule.name, word) == 0)
				filter->rule = (int32_t)i;
		}
		if (filter->rule < 0)
			return "unknown rule";
		filter->generation = daemon->snapshot->generation;
	}
	if ((word = member(request, "uplink"))) {
		const struct conf_uplink *uplink = conf_uplink_by_name(policy->conf, word);

		if (!uplink && strcmp(word, "main") != 0)
			return "unknown uplink";
		filter->by_value = true;
		filter->value = uplink ? uplink->mark : policy->conf->mark.main;
	}
	return NULL;
}

static json_t *flows_answer(struct daemon *daemon, const json_t *request)
{
	json_int_t limit = json_integer_value(json_object_get(request, "limit"));
	size_t left = limit > 0 ? (size_t)limit : FLOWS_LIMIT_DEFAULT;
	struct flow_filter filter;
	const char *wrong = filter_from(daemon, request, &filter);
	json_t *document;

	if (wrong)
		return control_fail("%s", wrong);
	if (left > FLOWS_LIMIT_MAX)
		left = FLOWS_LIMIT_MAX;
	document = json_array();
	for (unsigned i = 0; i < daemon->worker_count && left; i++) {
		struct flow_record *records;
		size_t count;
		int result =
			worker_dump_flows(&daemon->workers[i], &filter, left, &records, &count);

		if (result < 0) {
			json_decref(document);
			return control_fail("worker %u does not answer: %s", i, strerror(-result));
		}
		for (size_t j = 0; j < count; j++)
			json_array_append_new(document, flow_json(daemon, &records[j]));
		flow_records_free(records, count);
		left -= count;
	}
	return control_ok(document);
}

/* ---- apps ---- */

/* Flows that never had an inspection: what their headers said decided them. */
static uint64_t never_inspected(const struct daemon *daemon)
{
	uint64_t flows = 0, inspected = 0;

	for (unsigned i = 0; i < daemon->worker_count; i++) {
		struct classify_stats *stats = classifier_stats(daemon->workers[i].classifier);

		/* a flow is counted before its inspection: read the other way round */
		inspected += counter_read(&stats->inspected);
		flows += counter_read(&stats->flows);
	}
	return flows > inspected ? flows - inspected : 0;
}

static json_t *apps_answer(struct daemon *daemon)
{
	struct doubt *doubt = doubt_new((size_t)DOUBT_ENTRIES * daemon->worker_count);
	json_t *document, *not_inspected;

	if (!doubt)
		return control_fail("out of memory");
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		int result = worker_gather_doubt(&daemon->workers[i], doubt);

		if (result < 0)
			return control_fail("worker %u does not answer: %s", i, strerror(-result));
	}
	document = doubt_document(doubt);
	doubt_free(doubt);
	json_object_set_new(document, "inspects",
			    json_boolean(!ruleset_is_header_only(daemon->snapshot->policy->rules)));
	not_inspected = json_object_get(document, "not_inspected");
	json_integer_set(not_inspected,
			 json_integer_value(not_inspected) + (json_int_t)never_inspected(daemon));
	return control_ok(document);
}

/* ---- reload ---- */

static json_t *reload_answer(struct daemon *daemon)
{
	struct diag_list diags = DIAG_LIST_INIT;
	json_t *answer;

	if (daemon_reload(daemon, &diags) == 0) {
		json_t *data = json_pack("{s:I}", "generation", (json_int_t)daemon->generation);

		log_info("reloaded: generation %u", daemon->generation);
		control_add_findings(data, &diags);
		answer = control_ok(data);
	} else {
		log_error("reload failed, the old policy goes on");
		answer = control_fail("reload failed, the old policy (generation %u) goes on",
				      daemon->generation);
		control_add_findings(answer, &diags);
	}
	diag_list_release(&diags);
	return answer;
}

json_t *documents_answer(const json_t *request, void *context)
{
	struct daemon *daemon = context;
	const char *command = member(request, "command");

	if (!command)
		return control_fail("a request needs a command");
	if (strcmp(command, "status") == 0)
		return control_ok(status_document(daemon));
	if (strcmp(command, "uplinks") == 0)
		return control_ok(uplinks_document(daemon->uplinks));
	if (strcmp(command, "uplink") == 0)
		return uplinks_order(daemon->uplinks, request);
	if (strcmp(command, "monitor") == 0)
		return control_follow(uplinks_events(daemon->uplinks));
	if (strcmp(command, "rules") == 0)
		return control_ok(rules_document(daemon));
	if (strcmp(command, "flows") == 0)
		return flows_answer(daemon, request);
	if (strcmp(command, "names") == 0)
		return names_answer(daemon, request);
	if (strcmp(command, "guess") == 0)
		return guess_answer(daemon, request);
	if (strcmp(command, "apps") == 0)
		return apps_answer(daemon);
	if (strcmp(command, "stats") == 0)
		return control_ok(stats_document(daemon));
	if (strcmp(command, "reload") == 0)
		return reload_answer(daemon);
	return control_fail("unknown command '%s'", command);
}
