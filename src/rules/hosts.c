/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hosts.c - the set of names of one `host` key.
 *
 * From one name to a list of millions it is one structure: an open-addressed
 * table of eight-byte slots over a text of length-prefixed names, four fifths
 * full, so a name costs ten bytes and its own length. A slot's tag holds thirty
 * hash bits, which makes a probe that fails cost no second cache miss.
 *
 * A host is looked up by itself and by each parent. The hash runs from the last
 * byte to the first, so that one pass over the host yields the hash of every
 * parent; and a set knows the most labels that one of its names has, so that a
 * hostile name of 127 labels costs no more probes than the list's longest entry.
 *
 * An address is not a name: "2.1" does not cover "192.0.2.1".
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

static uint64_t hash_step(uint64_t hash, unsigned char byte)
{
	return (hash ^ byte) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t hash_finish(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

static uint64_t hash_name(uint64_t seed, const unsigned char *name, size_t length)
{
	uint64_t hash = seed;

	while (length)
		hash = hash_step(hash, name[--length]);
	return hash_finish(hash);
}

static uint32_t hash_place(uint64_t hash, uint32_t slot_count)
{
	return (uint32_t)(((hash & UINT32_MAX) * slot_count) >> 32);
}

static uint32_t hash_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32) << HOST_TAG_BITS;
}

/* ---- building ---- */

void host_draft_release(struct host_draft *draft)
{
	free(draft->text);
	*draft = (struct host_draft){0};
}

bool host_draft_add(struct host_draft *draft, const char *word, const char **why)
{
	char name[HOST_TEXT_SIZE];
	bool exact = *word == '=';
	size_t length;

	if (exact)
		word++;
	if (word[0] == '.' || (word[0] == '*' && word[1] == '.')) {
		*why = "a name covers its subdomains: write it without the leading dot";
		return false;
	}
	if (*word == '@') {
		*why = "a list cannot name another list";
		return false;
	}
	length = host_canonical(word, name, why);
	if (length == 0)
		return false;
	if (draft->used + length + 2 > draft->capacity) {
		size_t capacity = draft->capacity ? draft->capacity * 2 : 256;
		unsigned char *text = NULL;

		if (capacity < UINT32_MAX)
			text = realloc(draft->text, capacity);
		if (!text) {
			draft->failed = true;
			return true;
		}
		draft->text = text;
		draft->capacity = capacity;
	}
	/* in the draft: length, then the kind's bit, then the name */
	draft->text[draft->used++] = (unsigned char)length;
	draft->text[draft->used++] = exact ? HOST_EXACT : HOST_COVER;
	memcpy(draft->text + draft->used, name, length);
	draft->used += length;
	draft->count++;
	return true;
}

static const struct host_slot *find_slot(const struct host_set *set, uint64_t hash,
					 const unsigned char *name, size_t length)
{
	uint32_t place = hash_place(hash, set->slot_count);
	uint32_t tag = hash_tag(hash);

	for (;;) {
		const struct host_slot *slot = &set->slots[place];

		if (slot->text == 0)
			return slot;
		if (slot->tag >> HOST_TAG_BITS == tag >> HOST_TAG_BITS &&
		    set->text[slot->text] == length &&
		    memcmp(set->text + slot->text + 1, name, length) == 0)
			return slot;
		if (++place == set->slot_count)
			place = 0;
	}
}

static uint32_t count_labels(const unsigned char *name, size_t length)
{
	uint32_t labels = 1;

	for (size_t i = 0; i < length; i++)
		labels += name[i] == '.';
	return labels;
}

bool rules_host_set(struct rules_builder *builder, struct host_draft *draft, struct host_set *set)
{
	struct arena *arena = &builder->ruleset->arena;
	uint64_t slots = (uint64_t)draft->count + draft->count / 4 + 2;
	struct host_slot *table;
	unsigned char *text;
	size_t used = 1; /* offset 0 means "free" */

	if (draft->failed || slots > UINT32_MAX)
		return rules_kept(builder, NULL) != NULL;
	table = rules_kept(builder, arena_array(arena, (size_t)slots, sizeof(*table)));
	/* the draft's kind bytes go, one byte comes in front */
	text = rules_kept(builder, arena_alloc(arena, draft->used + 1));
	if (!table || !text)
		return false;
	*set = (struct host_set){
		.slots = table,
		.text = text,
		.slot_count = (uint32_t)slots,
		.seed = builder->ruleset->seed,
	};
	for (size_t i = 0; i < draft->used;) {
		size_t length = draft->text[i];
		uint32_t kind = draft->text[i + 1];
		const unsigned char *name = draft->text + i + 2;
		uint64_t hash = hash_name(set->seed, name, length);
		struct host_slot *slot = &table[find_slot(set, hash, name, length) - set->slots];
		uint32_t labels = count_labels(name, length);

		if (slot->text == 0) {
			slot->text = (uint32_t)used;
			slot->tag = hash_tag(hash);
			text[used++] = (unsigned char)length;
			memcpy(text + used, name, length);
			used += length;
		}
		slot->tag |= kind;
		if (kind == HOST_COVER && labels > set->max_labels)
			set->max_labels = labels;
		i += length + 2;
	}
	return true;
}

/* ---- lookup ---- */

/* An address literal has no parents: its last label is a number, or it has colons. */
static bool is_address(const char *host, size_t length)
{
	if (memchr(host, ':', length))
		return true;
	while (length && host[length - 1] >= '0' && host[length - 1] <= '9') {
		length--;
		if (length == 0 || host[length - 1] == '.')
			return true;
	}
	return false;
}

bool host_set_covers(const struct host_set *set, const char *host, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)host;
	bool parents = !is_address(host, length);
	uint64_t hash = set->seed;
	uint32_t labels = 0;

	for (size_t i = length; i-- > 0;) {
		hash = hash_step(hash, bytes[i]);
		if (i == 0 || (bytes[i - 1] == '.' && parents && labels < set->max_labels)) {
			const struct host_slot *slot =
				find_slot(set, hash_finish(hash), bytes + i, length - i);
			uint32_t accepted = i == 0 ? HOST_EXACT | HOST_COVER : HOST_COVER;

			labels++;
			if (slot->text && slot->tag & accepted)
				return true;
		}
	}
	return false;
}
