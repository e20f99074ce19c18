/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * App numbers: built-in protocols first (their place in INSPECTORS, plus one),
 * then every other name in the order it was first seen.
 *
 * The table only grows, so a number means the same for the life of the process
 * and a reader needs no lock: a name is published (release) before the hash slot
 * that leads to it, and a slot is written once. The hash is unkeyed: names come
 * from the administrator's files, not from the network. Strings are never freed;
 * they stay reachable from the table.
 */
#include <waymark/inspect.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "inspector.h"

#define SLOTS (2 * APP_MAX) /* a power of two, never more than half full */
#define NAME_MAX_BYTES 255

#define DECLARE(name) extern const struct inspector inspector_##name;
INSPECTORS(DECLARE)

#define ADDRESS(name) &inspector_##name,
const struct inspector *const inspect_table[INSPECTOR_COUNT] = {INSPECTORS(ADDRESS)};

static const char *builtin_names[INSPECTOR_COUNT + 1];
static pthread_once_t builtin_names_once = PTHREAD_ONCE_INIT;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(const char *) names[APP_MAX]; /* by number; built-ins are not in here */
static _Atomic uint16_t slots[SLOTS];
static uint16_t next_number = INSPECTOR_COUNT + 1; /* under the lock */

static size_t fold(const char *name, char folded[NAME_MAX_BYTES + 1])
{
	size_t length = 0;

	for (; name[length]; length++) {
		char c = name[length];

		if (length == NAME_MAX_BYTES)
			return 0;
		folded[length] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	folded[length] = '\0';
	return length;
}

static uint32_t hash(const char *folded)
{
	uint32_t value = 2166136261u; /* FNV-1a */

	for (; *folded; folded++)
		value = (value ^ (uint8_t)*folded) * 16777619u;
	return value;
}

/* The app, or APP_NONE with *slot the free place where it would go. */
static uint16_t find_folded(const char *folded, uint32_t *slot)
{
	for (uint16_t i = 0; i < INSPECTOR_COUNT; i++)
		if (!strcmp(inspect_table[i]->name, folded))
			return (uint16_t)(i + 1);
	for (uint32_t at = hash(folded) % SLOTS;; at = (at + 1) % SLOTS) {
		uint16_t app = atomic_load_explicit(&slots[at], memory_order_acquire);

		if (app == APP_NONE) {
			*slot = at;
			return APP_NONE;
		}
		if (!strcmp(atomic_load_explicit(&names[app], memory_order_acquire), folded))
			return app;
	}
}

uint16_t app_find(const char *name)
{
	char folded[NAME_MAX_BYTES + 1];
	uint32_t slot;

	return fold(name, folded) ? find_folded(folded, &slot) : APP_NONE;
}

uint16_t app_intern(const char *name)
{
	char folded[NAME_MAX_BYTES + 1];
	uint32_t slot = 0;
	uint16_t app;
	char *copy;

	if (!fold(name, folded))
		return APP_NONE;
	app = find_folded(folded, &slot);
	if (app != APP_NONE)
		return app;
	pthread_mutex_lock(&lock);
	app = find_folded(folded, &slot);
	if (app == APP_NONE && next_number < APP_MAX && (copy = strdup(folded))) {
		app = next_number++;
		atomic_store_explicit(&names[app], copy, memory_order_release);
		atomic_store_explicit(&slots[slot], app, memory_order_release);
	}
	pthread_mutex_unlock(&lock);
	return app;
}

const char *app_name(uint16_t app)
{
	if (app == APP_NONE || app >= APP_MAX)
		return NULL;
	if (app <= INSPECTOR_COUNT)
		return inspect_table[app - 1]->name;
	return atomic_load_explicit(&names[app], memory_order_acquire);
}

bool app_is_builtin(uint16_t app)
{
	return app != APP_NONE && app <= INSPECTOR_COUNT;
}

const char *const *app_announced_names(void)
{
	static const char *const announced[] = {"smtps", "ldaps", NULL};

	return announced;
}

static void list_builtin_names(void)
{
	for (size_t i = 0; i < INSPECTOR_COUNT; i++)
		builtin_names[i] = inspect_table[i]->name;
}

const char *const *app_builtin_names(void)
{
	pthread_once(&builtin_names_once, list_builtin_names);
	return builtin_names;
}
