/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of targets that are names, by libevent's resolver.
 *
 * - A resolver lives as long as one lookup. So each lookup reads resolv.conf anew, which changes
 * with the lines that we watch, and nothing is open or wakes up in between.
 * - The resolver calls back from the event loop, also for what was cancelled. Therefore a lookup is
 *   an object of its own, which outlives whoever asked: it frees itself with the last callback.
 * - It asks as the system does, by whatever line its packets take: which line is to be probed says
 *   nothing of where its name servers are.
 */
#include "probe_private.h"

#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>

#include <waymark/log.h>

struct question {
	struct probe_lookup *lookup;
	struct evdns_request *request; /* NULL: not asked, or answered */
	size_t index;
};

struct probe_lookup {
	struct evdns_base *dns;
	probe_found_fn *found;
	probe_lookup_done_fn *done;
	void *context; /* NULL: cancelled */
	size_t open, count;
	struct question questions[];
};

static void free_lookup(struct probe_lookup *lookup)
{
	evdns_base_free(lookup->dns, 0);
	free(lookup);
}

/* The first address of an answer. */
static void on_answer(int result, char type, int count, int ttl, void *addresses, void *context)
{
	struct question *question = context;
	struct probe_lookup *lookup = question->lookup;

	(void)ttl;
	question->request = NULL;
	if (lookup->context && result == DNS_ERR_NONE && count > 0) {
		struct ip_addr address = type == DNS_IPv4_A ? ip_v4(addresses) : ip_v6(addresses);
		lookup->found(lookup->context, question->index, &address);
	}
	if (--lookup->open)
		return;
	if (lookup->context)
		lookup->done(lookup->context);
	free_lookup(lookup);
}

static void ask(struct probe_lookup *lookup, size_t index, const char *name, char type)
{
	struct question *question = &lookup->questions[lookup->count];

	*question = (struct question){.lookup = lookup, .index = index};
	question->request =
		type == DNS_IPv4_A
			? evdns_base_resolve_ipv4(lookup->dns, name, 0, on_answer, question)
			: evdns_base_resolve_ipv6(lookup->dns, name, 0, on_answer, question);
	if (!question->request)
		return;
	lookup->count++;
	lookup->open++;
}

static void on_log(int is_warning, const char *message)
{
	(void)is_warning;
	log_debug("names of probe targets: %s", message);
}

struct probe_lookup *probe_lookup_new(struct event_base *base, const char *resolv_conf,
				      const char *const *names, size_t count, bool want4,
				      bool want6, probe_found_fn *found, probe_lookup_done_fn *done,
				      void *context)
{
	struct probe_lookup *lookup =
		calloc(1, sizeof(*lookup) + 2 * count * sizeof(lookup->questions[0]));

	if (!lookup)
		return NULL;
	lookup->found = found;
	lookup->done = done;
	lookup->context = context;
	evdns_set_log_fn(on_log);
	lookup->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!lookup->dns) {
		free(lookup);
		return NULL;
	}
	/* resolv.conf may say otherwise */
	evdns_base_set_option(lookup->dns, "timeout:", "2");
	evdns_base_set_option(lookup->dns, "attempts:", "2");
	evdns_base_resolv_conf_parse(lookup->dns,
				     DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC,
				     resolv_conf);
	for (size_t i = 0; evdns_base_count_nameservers(lookup->dns) && i < count; i++) {
		if (names[i] && want4)
			ask(lookup, i, names[i], DNS_IPv4_A);
		if (names[i] && want6)
			ask(lookup, i, names[i], DNS_IPv6_AAAA);
	}
	if (lookup->open)
		return lookup;
	free_lookup(lookup);
	return NULL;
}

void probe_lookup_cancel(struct probe_lookup *lookup)
{
	if (!lookup)
		return;
	lookup->context = NULL;
	for (size_t i = 0; i < lookup->count; i++)
		if (lookup->questions[i].request)
			evdns_cancel_request(lookup->dns, lookup->questions[i].request);
}
