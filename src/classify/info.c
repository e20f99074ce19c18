/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries hang in chains from a bucket array that doubles when it is as full as it is long; their
 * numbers index an array of pointers, and those given back are used again first, so that both stay
 * as small as the greatest number of entries that there were at a time. An entry is one block: the
 * strings stand behind it.
 */
#include "info.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

struct entry {
	struct flow_info info;
	uint32_t users;
	uint32_t next; /* in the bucket */
	uint32_t hash;
	char text[]; /* the host with its end, then the ALPN names */
};

struct info_table {
	struct entry **entries; /* by number, 0 is none; NULL: given back */
	uint32_t *next_free;	/* by number, of those given back */
	uint32_t *buckets;
	uint32_t size; /* of all three; a power of two */
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
	table->entries = calloc(table->size, sizeof(*table->entries));
	table->next_free = calloc(table->size, sizeof(*table->next_free));
	table->buckets = calloc(table->size, sizeof(*table->buckets));
	if (!table->entries || !table->next_free || !table->buckets) {
		info_table_free(table);
		return NULL;
	}
	return table;
}

void info_table_free(struct info_table *table)
{
	if (!table)
		return;
	for (uint32_t i = 1; table->entries && i <= table->used; i++)
		free(table->entries[i]);
	free(table->entries);
	free(table->next_free);
	free(table->buckets);
	free(table);
}

/* Twice the size; false when out of memory: then all stays as it is. */
static bool grow(struct info_table *table)
{
	uint32_t size = table->size * 2;
	struct entry **entries = calloc(size, sizeof(*entries));
	uint32_t *next_free = calloc(size, sizeof(*next_free));
	uint32_t *buckets = calloc(size, sizeof(*buckets));

	if (!entries || !next_free || !buckets || size < table->size) {
		free(entries);
		free(next_free);
		free(buckets);
		return false;
	}
	memcpy(entries, table->entries, table->size * sizeof(*entries));
	memcpy(next_free, table->next_free, table->size * sizeof(*next_free));
	for (uint32_t i = 1; i <= table->used; i++) {
		struct entry *entry = entries[i];

		if (!entry)
			continue;
		entry->next = buckets[entry->hash & (size - 1)];
		buckets[entry->hash & (size - 1)] = i;
	}
	free(table->entries);
	free(table->next_free);
	free(table->buckets);
	table->entries = entries;
	table->next_free = next_free;
	table->buckets = buckets;
	table->size = size;
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

static struct entry *entry_new(const struct flow_info *info, uint32_t hash)
{
	size_t host = host_bytes(info), alpn = info->alpn ? info->alpn_length : 0;
	struct entry *entry = malloc(sizeof(*entry) + host + alpn);

	if (!entry)
		return NULL;
	*entry = (struct entry){.info = *info, .hash = hash};
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

	for (number = table->buckets[hash & (table->size - 1)]; number; number = entry->next) {
		entry = table->entries[number];
		if (entry->hash == hash && is_same(&entry->info, info)) {
			entry->users++;
			return number;
		}
	}
	if (!table->free && table->used + 1 == table->size && !grow(table))
		return 0;
	entry = entry_new(info, hash);
	if (!entry)
		return 0;
	number = table->free;
	if (number)
		table->free = table->next_free[number];
	else
		number = ++table->used;
	entry->users = 1;
	entry->next = table->buckets[hash & (table->size - 1)];
	table->buckets[hash & (table->size - 1)] = number;
	table->entries[number] = entry;
	return number;
}

void info_let_go(struct info_table *table, uint32_t number)
{
	struct entry *entry = number ? table->entries[number] : NULL;
	uint32_t *link;

	if (!entry || --entry->users)
		return;
	link = &table->buckets[entry->hash & (table->size - 1)];
	while (*link != number)
		link = &table->entries[*link]->next;
	*link = entry->next;
	table->entries[number] = NULL;
	table->next_free[number] = table->free;
	table->free = number;
	free(entry);
}

const struct flow_info *info_at(const struct info_table *table, uint32_t number)
{
	return number ? &table->entries[number]->info : NULL;
}
