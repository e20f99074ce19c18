/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries hang in chains from a bucket array that doubles when it is as full as it is long; their
 * numbers index an array of slots, and those given back are used again first, so that both stay
 * as small as the greatest number of entries that there were at a time. What a search passes by is
 * in the slots, which stay in the cache where entries do not. An entry is one block: the strings
 * stand behind it.
 */
#include "info.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

struct entry {
	struct flow_info info;
	char text[]; /* the host with its end, then the ALPN names */
};

struct slot {
	struct entry *entry; /* NULL: given back */
	uint32_t next;	     /* in the bucket, or of those given back */
	uint32_t hash;
	uint32_t users;
};

struct info_table {
	struct slot *slots; /* by number, 0 is none */
	uint32_t *buckets;
	uint32_t size; /* of both; a power of two */
	uint32_t used; /* numbers [1, used] have been given out */
	uint32_t free; /* the first given back */
	struct hash_seed seed;
};

struct info_table *info_table_new(const struct hash_seed *seed)
{
	struct info_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->seed = *seed;
	table->size = FIRST_SIZE;
	table->slots = calloc(table->size, sizeof(*table->slots));
	table->buckets = calloc(table->size, sizeof(*table->buckets));
	if (!table->slots || !table->buckets) {
		info_table_free(table);
		return NULL;
	}
	return table;
}

void info_table_free(struct info_table *table)
{
	if (!table)
		return;
	for (uint32_t i = 1; table->slots && i <= table->used; i++)
		free(table->slots[i].entry);
	free(table->slots);
	free(table->buckets);
	free(table);
}

static void chain(struct info_table *table, uint32_t number)
{
	struct slot *slot = &table->slots[number];
	uint32_t *bucket = &table->buckets[slot->hash & (table->size - 1)];

	slot->next = *bucket;
	*bucket = number;
}

/* Twice the size; false when out of memory: then all stays as it is. Nothing is given back. */
static bool grow(struct info_table *table)
{
	uint32_t size = table->size * 2;
	uint32_t *buckets = calloc(size, sizeof(*buckets));
	struct slot *slots =
		buckets && size ? reallocarray(table->slots, size, sizeof(*slots)) : NULL;

	if (!slots) {
		free(buckets);
		return false;
	}
	memset(slots + table->size, 0, (size - table->size) * sizeof(*slots));
	free(table->buckets);
	table->slots = slots;
	table->buckets = buckets;
	table->size = size;
	for (uint32_t i = 1; i <= table->used; i++)
		chain(table, i);
	return true;
}

static size_t host_bytes(const struct flow_info *info)
{
	return info->host ? strlen(info->host) + 1 : 0;
}

static uint32_t hash_info(const struct info_table *table, const struct flow_info *info)
{
	char text[sizeof(info->app) + 4 + EVIDENCE_HOST_SIZE + EVIDENCE_ALPN_BYTES];
	size_t used = sizeof(info->app), host = host_bytes(info);

	memcpy(text, info->app, used);
	text[used++] = (char)info->app_count;
	text[used++] = (char)info->host_source;
	memcpy(text + used, &info->app_shown, sizeof(info->app_shown));
	used += sizeof(info->app_shown);
	if (host)
		memcpy(text + used, info->host, host);
	used += host;
	if (info->alpn)
		memcpy(text + used, info->alpn, info->alpn_length);
	used += info->alpn ? info->alpn_length : 0;
	return (uint32_t)hash_bytes(&table->seed, text, used);
}

static bool is_same(const struct flow_info *a, const struct flow_info *b)
{
	return a->app_count == b->app_count && a->app_shown == b->app_shown &&
	       a->host_source == b->host_source && a->alpn_length == b->alpn_length &&
	       !memcmp(a->app, b->app, sizeof(a->app)) && !a->host == !b->host &&
	       (!a->host || !strcmp(a->host, b->host)) && !a->alpn == !b->alpn &&
	       (!a->alpn || !memcmp(a->alpn, b->alpn, a->alpn_length));
}

static struct entry *entry_new(const struct flow_info *info)
{
	size_t host = host_bytes(info), alpn = info->alpn ? info->alpn_length : 0;
	struct entry *entry = malloc(sizeof(*entry) + host + alpn);

	if (!entry)
		return NULL;
	entry->info = *info;
	if (host)
		entry->info.host = memcpy(entry->text, info->host, host);
	if (alpn)
		entry->info.alpn = memcpy(entry->text + host, info->alpn, alpn);
	return entry;
}

uint32_t info_take(struct info_table *table, const struct flow_info *info)
{
	uint32_t hash = hash_info(table, info), number;
	struct entry *entry;
	struct slot *slot;

	for (number = table->buckets[hash & (table->size - 1)]; number; number = slot->next) {
		slot = &table->slots[number];
		if (slot->hash == hash && is_same(&slot->entry->info, info)) {
			slot->users++;
			return number;
		}
	}
	if (!table->free && table->used + 1 == table->size && !grow(table))
		return 0;
	entry = entry_new(info);
	if (!entry)
		return 0;
	number = table->free;
	if (number)
		table->free = table->slots[number].next;
	else
		number = ++table->used;
	table->slots[number] = (struct slot){.entry = entry, .hash = hash, .users = 1};
	chain(table, number);
	return number;
}

void info_let_go(struct info_table *table, uint32_t number)
{
	struct slot *slot = &table->slots[number];
	uint32_t *link;

	if (!number || --slot->users)
		return;
	link = &table->buckets[slot->hash & (table->size - 1)];
	while (*link != number)
		link = &table->slots[*link].next;
	*link = slot->next;
	free(slot->entry);
	slot->entry = NULL;
	slot->next = table->free;
	table->free = number;
}

const struct flow_info *info_at(const struct info_table *table, uint32_t number)
{
	return number ? &table->slots[number].entry->info : NULL;
}
