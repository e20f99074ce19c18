/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hosts.c - the set of names of one `host` key.
 *
 * From one name to a list of millions it is one structure: the names stand in one text, sorted into
 * buckets by their hash, four to a bucket on average, and an array says where each bucket begins
 * and which hash bits occur in it. So a name costs four bytes and its own length; seven out of
 * eight probes that fail cost one access to the array, which is small, and one that succeeds costs
 * another to the text.
 *
 * An entry of the text is its length, a tag and the name. The tag holds six bits of the hash and
 * what was written: "name" is the name and what is below it, "=name" the one, "*.name" the other. A
 * bucket ends where the next begins, or at a length of zero: duplicates leave their place empty.
 *
 * A host is looked up by itself and by each parent. The hash runs over labels from the last to the
 * first, so that one pass over the host yields the hash of every parent; and a set knows how many
 * labels its names have, so that a hostile name of 127 labels costs no more probes than the list's
 * longest entry.
 *
 * The hash is keyed, but simple: senders of names add nothing to a set, and the publisher of a list
 * who found collisions could do no more than slow its loading down.
 *
 * An address is not a name: "2.1" does not cover "192.0.2.1".
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define HOST_EXACT 1u /* the name itself */
#define HOST_BELOW 2u /* every subdomain of it */
#define TAG_HASH 0xfcu
#define PER_BUCKET 4
#define BATCH 16

/* ---- hashing ---- */

static uint64_t load_word(const unsigned char *bytes, size_t length)
{
	uint64_t word;
	uint32_t low, high;

	if (length >= 8) {
		memcpy(&word, bytes, 8);
		return word;
	}
	if (length >= 4) {
		memcpy(&low, bytes, 4);
		memcpy(&high, bytes + length - 4, 4);
		return low | (uint64_t)high << 32;
	}
	if (length == 0)
		return 0;
	return bytes[0] | (uint32_t)bytes[length / 2] << 8 | (uint32_t)bytes[length - 1] << 16;
}

static uint64_t hash_word(uint64_t seed, uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * (seed | 1);
	return hash ^ hash >> 32;
}

/* `hash`: that of the labels behind this one, the seed if there are none. */
static uint64_t hash_label(uint64_t seed, uint64_t hash, const unsigned char *label, size_t length)
{
	hash += length;
	for (; length > 8; label += 8, length -= 8)
		hash = hash_word(seed, hash, load_word(label, 8));
	return hash_word(seed, hash, load_word(label, length));
}

static uint64_t hash_finish(uint64_t hash)
{
	hash *= UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

/* The start of the last label of the first `end` bytes. */
static size_t label_start(const unsigned char *name, size_t end)
{
	while (end && name[end - 1] != '.')
		end--;
	return end;
}

static uint64_t hash_name(uint64_t seed, const unsigned char *name, size_t length, uint32_t *labels)
{
	uint64_t hash = seed;
	size_t end = length;

	for (*labels = 1;; ++*labels) {
		size_t start = label_start(name, end);

		hash = hash_label(seed, hash, name + start, end - start);
		if (start == 0)
			return hash_finish(hash);
		end = start - 1;
	}
}

static uint32_t bucket_of(const struct host_set *set, uint64_t hash)
{
	return (uint32_t)(((hash >> 32) * set->bucket_count) >> 32);
}

static uint32_t filter_bit(uint64_t hash)
{
	return UINT32_C(1) << (hash >> 8 & 31);
}

/* The entry; else where the bucket's entries end. */
static const unsigned char *find_entry(const struct host_set *set, const struct host_bucket *bucket,
				       uint64_t hash, const unsigned char *name, size_t length)
{
	const unsigned char *entry = set->text + bucket[0].start;
	const unsigned char *end = set->text + bucket[1].start;

	for (; entry < end && entry[0]; entry += entry[0] + 2)
		if (entry[0] == length && ((entry[1] ^ hash) & TAG_HASH) == 0 &&
		    memcmp(entry + 2, name, length) == 0)
			break;
	return entry;
}

/* The bucket that may have it; NULL: none has. */
static const struct host_bucket *bucket_with(const struct host_set *set, uint64_t hash)
{
	const struct host_bucket *bucket = &set->buckets[bucket_of(set, hash)];

	return bucket->filter & filter_bit(hash) ? bucket : NULL;
}

static bool holds(const struct host_set *set, uint64_t hash, const unsigned char *name,
		  size_t length, unsigned kind)
{
	const struct host_bucket *bucket = bucket_with(set, hash);
	const unsigned char *entry;

	if (!bucket)
		return false;
	/* most have a line of the cache or two */
	__builtin_prefetch(set->text + bucket[1].start - 1);
	entry = find_entry(set, bucket, hash, name, length);
	return entry < set->text + bucket[1].start && entry[0] && entry[1] & kind;
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
	unsigned kind = HOST_EXACT | HOST_BELOW;
	size_t length;

	if (*word == '=') {
		kind = HOST_EXACT;
		word++;
	} else if (word[0] == '*' && word[1] == '.') {
		kind = HOST_BELOW;
		word += 2;
	}
	if (*word == '.') {
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
	draft->text[draft->used++] = (unsigned char)length;
	draft->text[draft->used++] = (unsigned char)kind;
	memcpy(draft->text + draft->used, name, length);
	draft->used += length;
	draft->count++;
	return true;
}

struct drafted {
	const unsigned char *name;
	uint64_t hash;
	uint32_t labels;
	uint8_t length, kind;
};

static void note_labels(struct host_set *set, unsigned kind, uint32_t labels)
{
	if (kind & HOST_EXACT && labels > set->most_exact)
		set->most_exact = labels;
	if (kind & HOST_BELOW && labels > set->most_below)
		set->most_below = labels;
	if (kind & HOST_BELOW && labels < set->fewest_below)
		set->fewest_below = labels;
}

/* The next names of the draft, from `*at` on, with their hashes; how many. */
static unsigned read_batch(const struct host_set *set, const struct host_draft *draft, size_t *at,
			   struct drafted *batch)
{
	unsigned count = 0;

	for (; count < BATCH && *at < draft->used; count++) {
		const unsigned char *name = draft->text + *at;
		struct drafted *drafted = &batch[count];

		drafted->name = name + 2;
		drafted->length = name[0];
		drafted->kind = name[1];
		drafted->hash =
			hash_name(set->seed, drafted->name, drafted->length, &drafted->labels);
		*at += drafted->length + 2u;
	}
	return count;
}

static void insert(const struct host_set *set, struct host_bucket *bucket, unsigned char *text,
		   const struct drafted *name)
{
	size_t place =
		(size_t)(find_entry(set, bucket, name->hash, name->name, name->length) - set->text);

	if (text[place] == 0) {
		text[place] = name->length;
		text[place + 1] = name->hash & TAG_HASH;
		memcpy(text + place + 2, name->name, name->length);
		bucket->filter |= filter_bit(name->hash);
	}
	text[place + 1] |= name->kind;
}

bool rules_host_set(struct rules_builder *builder, const struct host_draft *draft,
		    struct host_set *set)
{
	struct arena *arena = &builder->ruleset->arena;
	uint32_t bucket_count = draft->count / PER_BUCKET + 1;
	struct host_bucket *buckets;
	struct drafted batch[BATCH];
	unsigned char *text;
	unsigned count;

	if (draft->failed)
		return rules_kept(builder, NULL) != NULL;
	buckets =
		rules_kept(builder, arena_array(arena, (size_t)bucket_count + 1, sizeof(*buckets)));
	text = rules_kept(builder, arena_alloc(arena, draft->used));
	if (!buckets || !text)
		return false;
	*set = (struct host_set){
		.buckets = buckets,
		.text = text,
		.bucket_count = bucket_count,
		.fewest_below = UINT32_MAX,
		.seed = builder->ruleset->seed,
	};
	for (size_t at = 0; (count = read_batch(set, draft, &at, batch)) != 0;) {
		for (unsigned i = 0; i < count; i++) {
			buckets[bucket_of(set, batch[i].hash) + 1].start += batch[i].length + 2u;
			note_labels(set, batch[i].kind, batch[i].labels);
		}
	}
	for (uint32_t i = 0; i < bucket_count; i++)
		buckets[i + 1].start += buckets[i].start;
	/* the text is written all over: ask for a batch of places before any is needed */
	for (size_t at = 0; (count = read_batch(set, draft, &at, batch)) != 0;) {
		for (unsigned i = 0; i < count; i++)
			__builtin_prefetch(&buckets[bucket_of(set, batch[i].hash)], 1);
		for (unsigned i = 0; i < count; i++)
			__builtin_prefetch(text + buckets[bucket_of(set, batch[i].hash)].start, 1);
		for (unsigned i = 0; i < count; i++)
			insert(set, &buckets[bucket_of(set, batch[i].hash)], text, &batch[i]);
	}
	return true;
}

/* ---- for the index ---- */

uint32_t host_set_hashes(const struct host_set *set, uint64_t *hashes, uint32_t most)
{
	uint32_t count = 0, labels;

	for (uint32_t i = 0; i < set->bucket_count && count <= most; i++) {
		const unsigned char *entry = set->text + set->buckets[i].start;
		const unsigned char *end = set->text + set->buckets[i + 1].start;

		for (; entry < end && entry[0] && count <= most; entry += entry[0] + 2, count++)
			if (hashes && count < most)
				hashes[count] = hash_name(set->seed, entry + 2, entry[0], &labels);
	}
	return count;
}

uint32_t host_hashes(uint64_t seed, const char *host, size_t length, uint32_t most,
		     uint64_t hashes[HOST_LABELS_MAX])
{
	const unsigned char *name = (const unsigned char *)host;
	uint64_t hash = seed;
	size_t end = length;
	uint32_t count = 0;

	while (count < most && count < HOST_LABELS_MAX) {
		size_t start = label_start(name, end);

		hash = hash_label(seed, hash, name + start, end - start);
		hashes[count++] = hash_finish(hash);
		if (start == 0)
			break;
		end = start - 1;
	}
	return count;
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

struct probe {
	uint64_t hash;
	size_t start; /* of the name that is looked for, in the host */
};

/* Where the host and its parents would be, as far as the set has names of so many labels. */
static uint32_t find_probes(const struct host_set *set, const char *host, size_t length,
			    struct probe probes[HOST_LABELS_MAX])
{
	const unsigned char *name = (const unsigned char *)host;
	uint32_t below = is_address(host, length) ? 0 : set->most_below;
	uint32_t most = below > set->most_exact ? below : set->most_exact;
	uint64_t hash = set->seed;
	size_t end = length, start = length;
	uint32_t count = 0;

	/* the buckets of all parents are waited for together */
	for (uint32_t labels = 1; labels <= most && start && count < HOST_LABELS_MAX; labels++) {
		start = label_start(name, end);
		hash = hash_label(set->seed, hash, name + start, end - start);
		if (start == 0 || (labels >= set->fewest_below && labels <= below)) {
			probes[count].hash = hash_finish(hash);
			probes[count].start = start;
			__builtin_prefetch(&set->buckets[bucket_of(set, probes[count++].hash)]);
		}
		end = start - 1;
	}
	return count;
}

void host_set_ahead(const struct host_set *set, const char *host, size_t length, unsigned step)
{
	struct probe probes[HOST_LABELS_MAX];
	uint32_t count = find_probes(set, host, length, probes);

	for (uint32_t i = 0; step && i < count; i++) {
		const struct host_bucket *bucket = bucket_with(set, probes[i].hash);

		if (!bucket)
			continue;
		__builtin_prefetch(set->text + bucket[0].start);
		__builtin_prefetch(set->text + bucket[1].start - 1);
	}
}

bool host_set_covers(const struct host_set *set, const char *host, size_t length)
{
	const unsigned char *name = (const unsigned char *)host;
	struct probe probes[HOST_LABELS_MAX];
	uint32_t count = find_probes(set, host, length, probes);

	for (uint32_t i = 0; i < count; i++)
		if (holds(set, probes[i].hash, name + probes[i].start, length - probes[i].start,
			  probes[i].start ? HOST_BELOW : HOST_EXACT))
			return true;
	return false;
}
