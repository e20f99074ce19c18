/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread, one queue, and everything that a packet needs: no lock is taken
 * and no memory of another thread is written on its way.
 *
 * The loop takes what is there, judges it, answers. It waits in the very call that
 * takes packets: one that looks, one that waits and one that looks again would be two calls
 * more for each packet that comes alone. There it is offline for RCU, so a reload waits for
 * a worker at most one batch.
 *
 * What only the worker may read, its flows and what they turned out to be, others ask it for.
 * The question is handed over by an atomic pointer and answered between two batches;
 * whoever finishes last frees it (see enum question_state), so a control thread that lost
 * patience leaves nothing dangling.
 */
#define _LGPL_SOURCE
#include "daemon.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <urcu-qsbr.h>

#include <waymark/log.h>

#include "order.h"

#define RECEIVE_BUFFER_BYTES (32U << 20)
#define IDLE_MS 1000
#define ANSWER_MS 2000
#define EXPIRE_BUDGET 256
#define LOGS_PER_SECOND 50

enum question_state { QUESTION_ASKED, QUESTION_ANSWERED, QUESTION_ABANDONED };

struct worker_question {
	void (*answer)(struct worker *worker, void *context); /* by the worker */
	void (*release)(void *context);
	void *context;
	_Atomic int state; /* enum question_state */
	int done_fd;
};

uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- questions ---- */

static void question_free(struct worker_question *question)
{
	if (question->context)
		question->release(question->context);
	if (question->done_fd >= 0)
		close(question->done_fd);
	free(question);
}

static void answer_question(struct worker *worker)
{
	struct worker_question *question = atomic_exchange(&worker->question, NULL);
	uint64_t one = 1;
	int asked = QUESTION_ASKED;

	if (!question)
		return;
	question->answer(worker, question->context);
	if (!atomic_compare_exchange_strong(&question->state, &asked, QUESTION_ANSWERED)) {
		question_free(question);
		return;
	}
	if (write(question->done_fd, &one, sizeof(one)) < 0)
		log_error("worker %u: cannot answer: %s", worker->index, strerror(errno));
}

static void worker_wake(struct worker *worker)
{
	int result = source_nfq_wake(worker->source);

	/* it wakes by itself, later */
	if (result < 0)
		log_error("worker %u: cannot wake it: %s", worker->index, strerror(-result));
}

/*
 * Has the worker run answer(worker, context), and waits, at most two seconds. 0: it has, and
 * the context is the caller's again. -errno: the context is released, at the latest by the worker.
 */
static int worker_ask(struct worker *worker, void (*answer)(struct worker *, void *),
		      void (*release)(void *), void *context)
{
	struct worker_question *question = calloc(1, sizeof(*question)), *mine = question;
	struct pollfd done;
	uint64_t wakes;
	int asked = QUESTION_ASKED;

	if (!question) {
		release(context);
		return -ENOMEM;
	}
	question->answer = answer;
	question->release = release;
	question->context = context;
	question->done_fd = eventfd(0, EFD_CLOEXEC);
	if (question->done_fd < 0) {
		question_free(question);
		return -ENOMEM;
	}
	atomic_store(&worker->question, question);
	worker_wake(worker);
	done = (struct pollfd){.fd = question->done_fd, .events = POLLIN};
	while (poll(&done, 1, ANSWER_MS) < 0 && errno == EINTR)
		;
	if (!(done.revents & POLLIN)) {
		/* not even taken up: it is ours again; taken up: the worker frees it */
		if (atomic_compare_exchange_strong(&worker->question, &mine, NULL)) {
			question_free(question);
			return -ETIMEDOUT;
		}
		if (atomic_compare_exchange_strong(&question->state, &asked, QUESTION_ABANDONED))
			return -ETIMEDOUT;
		/* done in this very moment: its last touch is the write to done_fd */
		while (poll(&done, 1, -1) < 0 && errno == EINTR)
			;
	}
	/* reading what the worker wrote last orders its work before ours, the close of the fd too
	 */
	if (read(question->done_fd, &wakes, sizeof(wakes)) < 0 ||
	    atomic_load_explicit(&question->state, memory_order_acquire) != QUESTION_ANSWERED) {
		question_free(question);
		return -EIO;
	}
	question->context = NULL;
	question_free(question);
	return 0;
}

/* ---- dumps of flows ---- */

struct flow_dump {
	const struct classifier *classifier;
	struct flow_filter filter;
	size_t max;
	struct flow_record *records;
	size_t count;
};

void flow_records_free(struct flow_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(records[i].host);
	free(records);
}

static void dump_free(void *context)
{
	struct flow_dump *dump = context;

	flow_records_free(dump->records, dump->count);
	free(dump);
}

static bool filter_holds(const struct flow_filter *filter, const struct flow *flow,
			 const struct flow_info *info)
{
	struct ip_addr client = flow_client(&flow->key), server = flow_server(&flow->key);

	if (filter->proto && flow->key.proto != filter->proto)
		return false;
	if (filter->src.family && !ip_equal(&filter->src, &client))
		return false;
	if (filter->dst.family && !ip_equal(&filter->dst, &server))
		return false;
	if (filter->dport && flow->key.server_port != filter->dport)
		return false;
	if (filter->rule >= 0 &&
	    (flow_rule(flow) != filter->rule || !flow_is_of(flow, filter->generation)))
		return false;
	if (filter->by_value && flow->value != filter->value)
		return false;
	if (filter->app) {
		bool any = false;

		for (unsigned i = 0; info && i < info->app_count; i++)
			any = any || info->app[i] == filter->app;
		if (!any)
			return false;
	}
	return !filter->host || (info && info->host && strstr(info->host, filter->host));
}

static bool dump_flow(struct flow *flow, void *context)
{
	struct flow_dump *dump = context;
	const struct flow_info *info = classify_info(dump->classifier, flow);
	struct flow_record *record;

	if (!filter_holds(&dump->filter, flow, info))
		return true;
	record = &dump->records[dump->count];
	record->flow = *flow;
	record->host = info && info->host ? strdup(info->host) : NULL;
	record->host_source = record->host ? info->host_source : HOST_SOURCE_NONE;
	record->app = info ? info->app_shown : APP_NONE;
	return ++dump->count < dump->max;
}

static void dump_flows(struct worker *worker, void *context)
{
	struct flow_dump *dump = context;

	dump->classifier = worker->classifier;
	if (dump->max)
		flow_table_visit(classifier_flows(worker->classifier), dump_flow, dump);
}

int worker_dump_flows(struct worker *worker, const struct flow_filter *filter, size_t max,
		      struct flow_record **records, size_t *count)
{
	struct flow_dump *dump = calloc(1, sizeof(*dump));
	int result;

	if (!dump)
		return -ENOMEM;
	dump->filter = *filter;
	dump->max = max;
	dump->records = calloc(max ? max : 1, sizeof(*dump->records));
	if (!dump->records) {
		dump_free(dump);
		return -ENOMEM;
	}
	result = worker_ask(worker, dump_flows, dump_free, dump);
	if (result < 0)
		return result;
	*records = dump->records;
	*count = dump->count;
	free(dump);
	return 0;
}

/* ---- what flows turned out to be ---- */

static void count_settled(const struct classify_settled *settled, void *context)
{
	struct worker *worker = context;
	struct doubt_flow flow;

	doubt_flow_init(&flow, settled);
	doubt_add(worker->doubt, &flow);
}

static void merge_doubt(struct worker *worker, void *context)
{
	doubt_merge(context, worker->doubt);
}

static void release_doubt(void *context)
{
	doubt_free(context);
}

int worker_gather_doubt(struct worker *worker, struct doubt *into)
{
	return worker_ask(worker, merge_doubt, release_doubt, into);
}

/* ---- the loop ---- */

struct log_budget {
	uint64_t second;
	unsigned used;
};

/* The rule's `log`: one line a decided flow, within a rate that no flood exceeds. */
static void log_decision(struct worker *worker, const struct classify_policy *policy,
			 struct log_budget *budget, const struct packet *packet)
{
	const struct flow *flow = classifier_last_flow(worker->classifier, NULL);
	const struct flow_info *info;
	char src[IP_TEXT_SIZE], dst[IP_TEXT_SIZE];
	struct ip_addr client, server;
	uint64_t second = packet->meta.time_us / 1000000;
	struct rule_view rule;
	const char *proto;

	if (!flow || flow_rule(flow) < 0)
		return;
	ruleset_view(policy->rules, (size_t)flow_rule(flow), &rule);
	if (!rule.log)
		return;
	if (second != budget->second)
		*budget = (struct log_budget){.second = second};
	if (++budget->used > LOGS_PER_SECOND) {
		atomic_fetch_add_explicit(&worker->logs_suppressed, 1, memory_order_relaxed);
		return;
	}
	info = classify_info(worker->classifier, flow);
	client = flow_client(&flow->key);
	server = flow_server(&flow->key);
	proto = packet_proto_name(flow->key.proto);
	log_info("rule '%s': %s %s:%u -> %s:%u app %s host %s mark 0x%x", rule.name,
		 proto ? proto : "?", ip_format(&client, src), flow->key.client_port,
		 ip_format(&server, dst), flow->key.server_port,
		 info && info->app_count ? app_name(info->app_shown) : "-",
		 info && info->host ? info->host : "-", mark_bits(&policy->mark, flow->value));
}

struct batch {
	struct worker *worker;
	const struct classify_policy *policy;
	struct log_budget *budget;
	struct order order;
};

static void note_packet(struct classifier *classifier, const struct packet *packet,
			const struct verdict *verdict, void *context)
{
	struct batch *batch = context;

	(void)verdict;
	order_note(&batch->order, classifier_last_flow(classifier, NULL));
	if (classifier_last_decided(classifier))
		log_decision(batch->worker, batch->policy, batch->budget, packet);
}

static int judge_batch(struct worker *worker, const struct packet *packets, size_t count,
		       struct log_budget *budget)
{
	struct snapshot *snapshot =
		atomic_load_explicit(&worker->daemon->snapshot, memory_order_acquire);
	const struct classify_policy *policy = &snapshot->views[worker->index];
	struct batch batch;
	struct verdict verdicts[SOURCE_BATCH];

	batch.worker = worker;
	batch.policy = policy;
	batch.budget = budget;
	order_begin(&batch.order);
	classify_batch(worker->classifier, policy, packets, count, verdicts, note_packet, &batch);
	if (!policy->observe)
		order_keep(&batch.order, &policy->mark, verdicts);
	return worker->source->ops->verdicts(worker->source, packets, verdicts, count);
}

/*
 * The release makes all that this batch read of the snapshot happen before what
 * a reload does after it has waited for us and read this counter. Going offline
 * gives the same guarantee, but not in words that a race detector knows.
 */
static void heartbeat(struct worker *worker)
{
	uint64_t beats = atomic_load_explicit(&worker->heartbeat, memory_order_relaxed);
	const struct flow_table_stats *stats =
		flow_table_stats(classifier_flows(worker->classifier));
	const uint64_t counters[TABLE_COUNTERS] = {stats->created, stats->expired,
						   stats->evicted_undecided, stats->evicted_decided,
						   stats->restarted};

	atomic_store_explicit(&worker->flow_count,
			      flow_table_count(classifier_flows(worker->classifier)),
			      memory_order_relaxed);
	for (size_t i = 0; i < TABLE_COUNTERS; i++)
		atomic_store_explicit(&worker->table[i], counters[i], memory_order_relaxed);
	atomic_store_explicit(&worker->heartbeat, beats + 1, memory_order_release);
}

/* The next batch, or 0 where none comes for a while. Who waits is no hindrance to a reload. */
static int receive_batch(struct worker *worker, struct packet *packets)
{
	int count;

	rcu_thread_offline();
	count = worker->source->ops->receive(worker->source, packets);
	rcu_thread_online();
	return count;
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct log_budget budget = {0};
	struct packet *packets = calloc(SOURCE_BATCH, sizeof(*packets));

	daemon_drop_capabilities();
	rcu_register_thread();
	while (packets && !atomic_load_explicit(&worker->stop, memory_order_relaxed)) {
		int count = receive_batch(worker, packets);

		if (count > 0)
			judge_batch(worker, packets, (size_t)count, &budget);
		else if (count < 0 && count != -EAGAIN)
			break;
		answer_question(worker);
		classifier_expire(worker->classifier, wall_us(), EXPIRE_BUDGET);
		heartbeat(worker);
	}
	rcu_unregister_thread();
	if (!atomic_load(&worker->stop)) {
		log_error("%s", packets ? source_error(worker->source) : "out of memory");
		atomic_store(&worker->failed, true);
	}
	free(packets);
	return NULL;
}

/* ---- life ---- */

int worker_open(struct worker *worker, struct daemon *daemon, unsigned index,
		const struct conf *conf)
{
	struct source_nfq_options options = {
		.queue = (uint16_t)(conf->queue.first + index),
		.max_length = conf->queue.max_length,
		.copy_bytes = conf->queue.copy_bytes,
		.fail_open = conf->queue.on_failure == CONF_FAIL_OPEN,
		.receive_buffer_bytes = RECEIVE_BUFFER_BYTES,
		.repeat_bit = conf->firewall.manage ? conf->mark.provisional : 0,
	};
	struct classifier_options classifier_options = {
		.flows_max = (conf->flows.max + conf->queue.count - 1) / conf->queue.count,
		.timeouts = {conf->flows.tcp_s, conf->flows.udp_s, conf->flows.other_s},
		.settled = count_settled,
		.settled_context = worker,
	};
	char error[256];

	*worker = (struct worker){.daemon = daemon, .index = index, .queue = options.queue};
	worker->source = source_nfq_open(&options, error, sizeof(error));
	if (!worker->source) {
		log_error("%s", error);
		return -1;
	}
	if (*source_nfq_missing(worker->source))
		log_warn("queue %u: this kernel does not know: %s", worker->queue,
			 source_nfq_missing(worker->source));
	worker->doubt = doubt_new(DOUBT_ENTRIES);
	worker->classifier = classifier_new(&classifier_options, NULL, NULL);
	if (!worker->doubt || !worker->classifier) {
		log_error("worker %u: out of memory", index);
		return -1;
	}
	flow_table_populate(classifier_flows(worker->classifier));
	return 0;
}

void worker_pass_astray(struct worker *worker, const bool *values)
{
	const struct mark_layout *mark = &daemon_conf(worker->daemon)->mark;
	struct packet packets[SOURCE_BATCH];
	struct verdict verdicts[SOURCE_BATCH];

	/* as many batches as a full queue holds, not as long as packets keep coming */
	for (uint32_t left = daemon_conf(worker->daemon)->queue.max_length / SOURCE_BATCH + 1; left;
	     left--) {
		int count = worker->source->ops->receive(worker->source, packets);

		if (count == 0 || (count < 0 && count != -EAGAIN))
			return;
		for (int i = 0; i < count; i++) {
			uint32_t value = mark_value(mark, packets[i].meta.mark);
			bool astray = value <= mark->user_max && values[value];

			verdicts[i] = (struct verdict){
				.mark = astray ? packets[i].meta.mark & ~mark->mask
					       : packets[i].meta.mark,
			};
		}
		if (count > 0)
			worker->source->ops->verdicts(worker->source, packets, verdicts,
						      (size_t)count);
	}
}

int worker_start(struct worker *worker)
{
	sigset_t all, before;
	char name[32];
	int result = source_nfq_wait(worker->source, IDLE_MS);

	if (result < 0) {
		log_error("queue %u: cannot wait for packets: %s", worker->queue,
			  strerror(-result));
		return -1;
	}
	/* signals are the control thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result) {
		log_error("worker %u: cannot start: %s", worker->index, strerror(result));
		return -1;
	}
	worker->running = true;
	snprintf(name, sizeof(name), "wm-queue-%u", worker->queue);
	pthread_setname_np(worker->thread, name);
	if (daemon_conf(worker->daemon)->queue.pin_threads) {
		long cores = sysconf(_SC_NPROCESSORS_ONLN);
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(worker->index % (unsigned)(cores > 0 ? cores : 1), &set);
		result = pthread_setaffinity_np(worker->thread, sizeof(set), &set);
		if (result)
			log_warn("worker %u: cannot pin: %s", worker->index, strerror(result));
	}
	return 0;
}

void worker_stop(struct worker *worker)
{
	if (!worker->running)
		return;
	atomic_store(&worker->stop, true);
	worker_wake(worker);
	pthread_join(worker->thread, NULL);
	worker->running = false;
}

void worker_release(struct worker *worker)
{
	struct worker_question *question = atomic_exchange(&worker->question, NULL);

	if (question)
		question_free(question);
	if (worker->source)
		worker->source->ops->close(worker->source);
	classifier_free(worker->classifier); /* counts what is still open */
	doubt_free(worker->doubt);
	worker->source = NULL;
	worker->classifier = NULL;
	worker->doubt = NULL;
}
