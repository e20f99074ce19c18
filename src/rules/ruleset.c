/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ruleset.c - what others read of a ruleset, and what a packet and the machine
 * hand to it: the facts of a flow's first packet, the names of interfaces.
 *
 * Interfaces: the daemon's control thread writes, workers read, without a lock. An
 * entry is published complete and stays until the map is freed; its name is an
 * interned string that stays as well, so a reader may hold it as long as the map.
 * An entry whose interface is gone keeps its index: the kernel counts them up and
 * does not soon use one again.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

void ruleset_free(struct ruleset *ruleset)
{
	if (!ruleset)
		return;
	pattern_set_free(ruleset->patterns);
	arena_release(&ruleset->arena);
	free(ruleset);
}

size_t ruleset_count(const struct ruleset *ruleset)
{
	return ruleset->count;
}

void ruleset_view(const struct ruleset *ruleset, size_t index, struct rule_view *view)
{
	*view = ruleset->views[index];
}

struct rule_outcome ruleset_outcome(const struct ruleset *ruleset, size_t index)
{
	return ruleset->outcomes[index];
}

const struct pattern_set *ruleset_patterns(const struct ruleset *ruleset)
{
	return ruleset->patterns;
}

size_t ruleset_shipped_patterns(const struct ruleset *ruleset)
{
	return ruleset->shipped_patterns;
}

bool ruleset_is_header_only(const struct ruleset *ruleset)
{
	return ruleset->header_only;
}

bool ruleset_names_hosts(const struct ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->count; i++) {
		const struct rule *rule = &ruleset->rules[i];

		/* those of a TEST_NOT stand among the others */
		for (uint32_t j = 0; j < rule->test_count; j++)
			if (rule->tests[j].kind == TEST_HOST)
				return true;
	}
	return false;
}

void rule_facts_from_packet(struct rule_facts *facts, const struct packet *packet)
{
	const struct packet_meta *meta = &packet->meta;

	*facts = (struct rule_facts){
		.src = packet->src,
		.dst = packet->dst,
		.time_us = meta->time_us,
		.length = packet->ip_length,
		.iface_in = meta->iface_in,
		.iface_out = meta->iface_out,
		.mark = meta->mark,
		.uid = meta->uid,
		.gid = meta->gid,
		.sport = packet->sport,
		.dport = packet->dport,
		.proto = packet->proto,
		.tos = packet->tos,
		.ttl = packet->ttl,
		.icmp_type = packet->icmp_type,
		.icmp_code = packet->icmp_code,
		.tcp_flags = packet->tcp_flags,
		.hook = meta->hook == PACKET_HOOK_OUTPUT || meta->hook == PACKET_HOOK_POSTROUTING
				? RULE_HOOK_OUTPUT
				: RULE_HOOK_FORWARD,
		.has_ports = packet->has_ports,
		.has_icmp = packet->has_icmp,
		.has_tcp = packet->has_tcp,
		.has_mac = meta->has_mac,
		.has_uid = meta->has_uid,
		.has_gid = meta->has_gid,
	};
	memcpy(facts->mac, meta->mac, sizeof(facts->mac));
}

/* ---- interface names ---- */

#define BUCKETS 256
#define NAMES_MAX 65536
#define ENTRIES_MAX 262144

struct entry {
	struct entry *next; /* constant once published */
	uint32_t index;
	_Atomic(const char *) name; /* NULL: gone */
};

struct interned {
	struct interned *next;
	char text[];
};

struct rules_interfaces {
	_Atomic(struct entry *) buckets[BUCKETS];
	struct interned *names[BUCKETS]; /* the writer's */
	size_t name_count, entry_count;
};

struct rules_interfaces *rules_interfaces_new(void)
{
	return calloc(1, sizeof(struct rules_interfaces));
}

void rules_interfaces_free(struct rules_interfaces *interfaces)
{
	if (!interfaces)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct entry *entry = atomic_load(&interfaces->buckets[i]);
		struct interned *name = interfaces->names[i];

		while (entry) {
			struct entry *next = entry->next;

			free(entry);
			entry = next;
		}
		while (name) {
			struct interned *next = name->next;

			free(name);
			name = next;
		}
	}
	free(interfaces);
}

static const char *intern(struct rules_interfaces *interfaces, const char *text)
{
	size_t length = strlen(text), bucket = 0;
	struct interned *name;

	for (size_t i = 0; i < length; i++)
		bucket = bucket * 31 + (unsigned char)text[i];
	bucket %= BUCKETS;
	for (name = interfaces->names[bucket]; name; name = name->next) {
		if (strcmp(name->text, text) == 0)
			return name->text;
	}
	if (interfaces->name_count >= NAMES_MAX)
		return NULL;
	name = malloc(sizeof(*name) + length + 1);
	if (!name)
		return NULL;
	memcpy(name->text, text, length + 1);
	name->next = interfaces->names[bucket];
	interfaces->names[bucket] = name;
	interfaces->name_count++;
	return name->text;
}

static struct entry *find_entry(const struct rules_interfaces *interfaces, uint32_t index)
{
	struct entry *entry =
		atomic_load_explicit(&interfaces->buckets[index % BUCKETS], memory_order_acquire);

	while (entry && entry->index != index)
		entry = entry->next;
	return entry;
}

int rules_interfaces_set(struct rules_interfaces *interfaces, uint32_t index, const char *name)
{
	struct entry *entry = find_entry(interfaces, index);
	const char *kept = NULL;

	if (name) {
		kept = intern(interfaces, name);
		if (!kept)
			return -ENOMEM;
	}
	if (entry) {
		atomic_store_explicit(&entry->name, kept, memory_order_release);
		return 0;
	}
	if (!kept)
		return 0;
	if (interfaces->entry_count >= ENTRIES_MAX)
		return -ENOSPC;
	entry = malloc(sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->index = index;
	atomic_init(&entry->name, kept);
	entry->next =
		atomic_load_explicit(&interfaces->buckets[index % BUCKETS], memory_order_relaxed);
	atomic_store_explicit(&interfaces->buckets[index % BUCKETS], entry, memory_order_release);
	interfaces->entry_count++;
	return 0;
}

const char *rules_interfaces_name(const struct rules_interfaces *interfaces, uint32_t index)
{
	const struct entry *entry = index ? find_entry(interfaces, index) : NULL;

	return entry ? atomic_load_explicit(&entry->name, memory_order_acquire) : NULL;
}
