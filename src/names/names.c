/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names cache: keys, and which of what is known makes the guess. bucket.c has the memory and
 * the threads.
 *
 * Six things are kept: a client's newest answer for an address, and anybody's; the name that a
 * client's last connection to an endpoint showed, and anybody's; what was learned of an
 * endpoint; and, by their own hash, hosts that offer Encrypted ClientHello. The bucket is chosen by
 * the addresses alone (client's and server's, or the server's), by a keyed hash, so that nobody
 * outside can choose what shares a bucket. So a guess looks into two buckets, one of the client's
 * own and one of everybody's, whatever is known, and waits for the memory of both at once. The
 * price: of one address, everybody has a bucket's entries at most.
 *
 * Buckets come from an anonymous mapping without reserve, of small pages: a cache costs what its
 * names need. Huge pages would save a fifth to a quarter of a look into a full cache.
 */
#include <waymark/names.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <waymark/counter.h>
#include <waymark/pages.h>

#include "bucket.h"

#define CACHE_LINE 64

enum kind { ANSWER = 1, SEEN, LEARNED, OFFERS_ECH };

/* an id, from its lowest bit: port 16, protocol 8, kind 4, families of client and server 4 each */
#define ID_PROTO_SHIFT 16
#define ID_KIND_SHIFT 24
#define ID_CLIENT_SHIFT 28
#define ID_SERVER_SHIFT 32

_Static_assert(NAMES_HOST_SIZE > RECORD_PAYLOAD_BYTES, "a host and its terminator fit");

struct names {
	struct names_bucket *buckets;
	uint32_t bucket_count;
	uint32_t max;
	size_t bytes;
	struct hash_seed seed;
	_Alignas(CACHE_LINE) struct names_counters counters; /* what writers write, apart */
};

/* A pair of addresses, or one, where its entries are. */
struct place {
	uint64_t id; /* families and number of words; no kind yet */
	uint64_t key[RECORD_KEY_WORDS];
	uint32_t bucket;
	uint8_t tag;
};

struct names *names_new(uint32_t max, const struct hash_seed *seed)
{
	struct names *names = aligned_alloc(CACHE_LINE, sizeof(*names));

	if (!names)
		return NULL;
	memset(names, 0, sizeof(*names));
	names->max = max;
	names->seed = *seed;
	names->bucket_count = max / BUCKET_ENTRIES + (max % BUCKET_ENTRIES != 0);
	if (!max)
		return names;
	if (__builtin_mul_overflow(names->bucket_count, sizeof(*names->buckets), &names->bytes))
		goto fail;
	names->buckets = pages_new(names->bytes);
	if (!names->buckets)
		goto fail;
	/* a few names all over the table would take all of it in huge pages; refused: so be it */
	madvise(names->buckets, names->bytes, MADV_NOHUGEPAGE);
	return names;
fail:
	free(names);
	return NULL;
}

void names_free(struct names *names)
{
	if (names)
		pages_free(names->buckets, names->bytes);
	free(names);
}

/* ---- keys ---- */

static bool is_address(const struct ip_addr *address)
{
	return address->family == IP_V4 || address->family == IP_V6;
}

static size_t address_bytes(unsigned family)
{
	return family == IP_V4 ? 4 : family == IP_V6 ? 16 : 0;
}

static void place_by_hash(const struct names *names, uint64_t hash, struct place *place)
{
	place->bucket = (uint32_t)((hash >> 32) * names->bucket_count >> 32);
	__builtin_prefetch(&names->buckets[place->bucket]);
	place->tag = (uint8_t)hash;
}

/* `client` NULL: everybody. The bucket's head is on its way to the cache afterwards. */
static void place_find(const struct names *names, const struct ip_addr *client,
		       const struct ip_addr *server, struct place *place)
{
	unsigned client_family = client ? client->family : IP_NONE;
	size_t client_bytes = address_bytes(client_family);
	size_t bytes = client_bytes + address_bytes(server->family);
	uint64_t words = (bytes + 7) / 8, input[RECORD_KEY_WORDS + 1] = {0};

	if (client)
		memcpy(input, client->bytes, client_bytes);
	memcpy((char *)input + client_bytes, server->bytes, bytes - client_bytes);
	memcpy(place->key, input, sizeof(place->key));
	place->id = words << RECORD_ID_KEY_SHIFT | (uint64_t)server->family << ID_SERVER_SHIFT |
		    (uint64_t)client_family << ID_CLIENT_SHIFT;
	input[words] = place->id;
	place_by_hash(names, hash_bytes(&names->seed, input, (words + 1) * sizeof(*input)), place);
}

static uint64_t id_of(const struct place *place, enum kind kind,
		      const struct names_endpoint *server)
{
	uint64_t id = place->id | (uint64_t)kind << ID_KIND_SHIFT;

	return kind == ANSWER ? id : id | (uint64_t)server->proto << ID_PROTO_SHIFT | server->port;
}

/* ---- adding ---- */

static void write_at(struct names *names, const struct place *place, enum kind kind,
		     const struct names_endpoint *server, struct names_record *record,
		     uint64_t now_us)
{
	unsigned each = names->max / names->bucket_count;

	record->id = id_of(place, kind, server);
	record->tag = place->tag;
	memcpy(record->key, place->key, sizeof(record->key));
	/* the buckets' capacities add up to max */
	names_bucket_write(&names->buckets[place->bucket],
			   each + (place->bucket < names->max % names->bucket_count), record,
			   now_us, &names->counters);
}

static bool record_begin(const struct names *names, uint32_t ttl_s, uint64_t now_us,
			 struct names_record *record)
{
	if (!names->max || !ttl_s)
		return false;
	record->written_us = now_us;
	if (__builtin_add_overflow(now_us, ttl_s * UINT64_C(1000000), &record->expires_us))
		record->expires_us = UINT64_MAX;
	return true;
}

/* A name, for its client and for everybody. */
static void add_name(struct names *names, const struct ip_addr *client, enum kind kind,
		     const struct names_endpoint *server, const char *host, size_t length,
		     uint8_t source, uint32_t ttl_s, uint64_t now_us)
{
	const bool has_own = is_address(client);
	struct place own_place, all_place;
	struct names_record record;

	if (!length || length > RECORD_PAYLOAD_BYTES || memchr(host, '\0', length) ||
	    !is_address(&server->address) || !record_begin(names, ttl_s, now_us, &record))
		return;
	record.length = (uint8_t)length;
	record.info = source;
	record.payload[(length - 1) / 8] = 0;
	memcpy(record.payload, host, length);
	if (has_own)
		place_find(names, client, &server->address, &own_place);
	place_find(names, NULL, &server->address, &all_place);
	if (has_own)
		write_at(names, &own_place, kind, server, &record, now_us);
	write_at(names, &all_place, kind, server, &record, now_us);
}

void names_add_answer(struct names *names, const struct ip_addr *client, const char *host,
		      size_t length, const struct ip_addr *address, uint32_t ttl_s, uint64_t now_us)
{
	const struct names_endpoint server = {.address = *address};

	add_name(names, client, ANSWER, &server, host, length, 0, ttl_s, now_us);
}

void names_add_seen(struct names *names, const struct ip_addr *client,
		    const struct names_endpoint *server, const char *host, size_t length,
		    uint8_t source, uint32_t ttl_s, uint64_t now_us)
{
	add_name(names, client, SEEN, server, host, length, source, ttl_s, now_us);
}

/* What was learned is its record's payload, as it stands. */
struct learned {
	uint16_t apps[NAMES_APPS];
	uint64_t rule;
};

void names_add_learned(struct names *names, const struct names_endpoint *server,
		       const uint16_t *apps, size_t app_count, uint64_t rule, uint32_t ttl_s,
		       uint64_t now_us)
{
	struct learned learned = {.rule = rule};
	struct names_record record;
	struct place place;

	if (app_count > NAMES_APPS)
		app_count = NAMES_APPS;
	if ((!app_count && !rule) || !is_address(&server->address) ||
	    !record_begin(names, ttl_s, now_us, &record))
		return;
	if (app_count)
		memcpy(learned.apps, apps, app_count * sizeof(*apps));
	memcpy(record.payload, &learned, sizeof(learned));
	record.length = sizeof(learned);
	record.info = (uint8_t)app_count;
	place_find(names, NULL, &server->address, &place);
	write_at(names, &place, LEARNED, server, &record, now_us);
}

static bool is_known(const struct names_record *record, uint64_t now_us)
{
	return record->id && now_us < record->expires_us;
}

/* ---- hosts that offer Encrypted ClientHello: nothing but their hash is kept ---- */

static void host_place_find(const struct names *names, const char *host, size_t length,
			    struct place *place)
{
	const struct hash_seed other = {names->seed.k1, ~names->seed.k0};

	memset(place, 0, sizeof(*place));
	place->key[0] = hash_bytes(&names->seed, host, length);
	place->key[1] = hash_bytes(&other, host, length);
	place->id = UINT64_C(2) << RECORD_ID_KEY_SHIFT;
	place_by_hash(names, place->key[0], place);
}

static const struct names_endpoint no_endpoint;

void names_add_ech(struct names *names, const char *host, size_t length, uint32_t ttl_s,
		   uint64_t now_us)
{
	struct names_record record = {.length = 0};
	struct place place;

	if (!length || !record_begin(names, ttl_s, now_us, &record))
		return;
	host_place_find(names, host, length, &place);
	write_at(names, &place, OFFERS_ECH, &no_endpoint, &record, now_us);
}

bool names_offers_ech(const struct names *names, const char *host, size_t length, uint64_t now_us)
{
	struct names_record found;
	struct place place;
	uint64_t id;

	if (!names->max || !length)
		return false;
	host_place_find(names, host, length, &place);
	id = id_of(&place, OFFERS_ECH, &no_endpoint);
	names_bucket_read(&names->buckets[place.bucket], place.tag, place.key, &id, 1, &found);
	return is_known(&found, now_us);
}

/* ---- finding ---- */

/* What one bucket knows; NULL: nothing, or it has expired. */
struct view {
	const struct names_record *answer, *seen, *learned;
	struct names_record records[3];
};

static void view_read(const struct names *names, const struct place *place,
		      const struct names_endpoint *server, uint64_t now_us, struct view *view)
{
	const uint64_t ids[3] = {id_of(place, ANSWER, server), id_of(place, SEEN, server),
				 id_of(place, LEARNED, server)};
	const struct names_record *found = view->records;

	names_bucket_read(&names->buckets[place->bucket], place->tag, place->key, ids, 3,
			  view->records);
	view->answer = is_known(&found[0], now_us) ? &found[0] : NULL;
	view->seen = is_known(&found[1], now_us) ? &found[1] : NULL;
	view->learned = is_known(&found[2], now_us) ? &found[2] : NULL;
}

/* What a connection showed counts before an answer of the same time. */
static const struct names_record *newest(const struct view *view, uint64_t now_us)
{
	if (!view->seen || !view->answer)
		return view->seen ? view->seen : view->answer;
	return names_written(view->answer->written_us, now_us) >
			       names_written(view->seen->written_us, now_us)
		       ? view->answer
		       : view->seen;
}

static uint8_t name_copy(const struct names_record *record, char host[NAMES_HOST_SIZE])
{
	uint8_t length = record ? record->length : 0;

	if (record)
		memcpy(host, record->payload, length);
	host[length] = '\0';
	return length;
}

static uint8_t learned_copy(const struct names_record *record, uint16_t apps[NAMES_APPS],
			    uint64_t *rule)
{
	struct learned learned = {.rule = 0};

	if (record)
		memcpy(&learned, record->payload, sizeof(learned));
	memcpy(apps, learned.apps, sizeof(learned.apps));
	*rule = learned.rule;
	return record ? record->info : 0;
}

bool names_find(const struct names *names, const struct ip_addr *client,
		const struct names_endpoint *server, bool per_client, uint64_t now_us,
		struct names_guess *guess)
{
	const bool has_own = per_client && is_address(client);
	const struct names_record *host = NULL;
	struct view own, all;
	struct place own_place, all_place;

	if (!names->max || !is_address(&server->address))
		return false;
	own.answer = own.seen = NULL;
	if (has_own)
		place_find(names, client, &server->address, &own_place);
	place_find(names, NULL, &server->address, &all_place);
	if (has_own) {
		names_bucket_prefetch(&names->buckets[own_place.bucket], own_place.tag);
		names_bucket_prefetch(&names->buckets[all_place.bucket], all_place.tag);
		view_read(names, &own_place, server, now_us, &own);
		host = newest(&own, now_us);
	}
	view_read(names, &all_place, server, now_us, &all);
	if (!host && per_client)
		host = all.seen ? all.seen : all.answer;
	else if (!host)
		host = newest(&all, now_us);
	if (!host && !all.learned)
		return false;
	guess->origin = !host		     ? NAMES_NO_HOST
			: host == own.answer ? NAMES_CLIENT_ANSWER
			: host == own.seen   ? NAMES_CLIENT_SEEN
			: host == all.seen   ? NAMES_SERVER_SEEN
					     : NAMES_OTHER_ANSWER;
	guess->source = host ? host->info : 0;
	guess->host_length = name_copy(host, guess->host);
	guess->answer_length = name_copy(own.answer ? own.answer : all.answer, guess->answer);
	guess->app_count = learned_copy(all.learned, guess->apps, &guess->rule);
	return true;
}

/* ---- lists and counters ---- */

static enum kind kind_of(const struct names_record *record)
{
	return record->id >> ID_KIND_SHIFT & 0xf;
}

static void entry_from(const struct names_record *record, struct names_entry *entry)
{
	const char *bytes = (const char *)record->key;

	memset(entry, 0, sizeof(*entry));
	entry->client.family = record->id >> ID_CLIENT_SHIFT & 0xf;
	entry->server.address.family = record->id >> ID_SERVER_SHIFT & 0xf;
	memcpy(entry->client.bytes, bytes, address_bytes(entry->client.family));
	memcpy(entry->server.address.bytes, bytes + address_bytes(entry->client.family),
	       address_bytes(entry->server.address.family));
	entry->server.port = (uint16_t)record->id;
	entry->server.proto = (uint8_t)(record->id >> ID_PROTO_SHIFT);
	entry->expires_us = record->expires_us;
	entry->answer = kind_of(record) == ANSWER;
	if (kind_of(record) == LEARNED) {
		entry->app_count = learned_copy(record, entry->apps, &entry->rule);
	} else {
		entry->source = record->info;
		entry->host_length = name_copy(record, entry->host);
	}
}

/* The other entry about the same endpoint, of everybody's: seen for learned, learned for seen. */
static const struct names_record *partner_of(const struct names_record *record,
					     const struct names_record *records, unsigned count,
					     uint64_t now_us)
{
	uint64_t flip = (uint64_t)(SEEN ^ LEARNED) << ID_KIND_SHIFT;

	for (const struct names_record *other = records; other < records + count; other++)
		if (other->id == (record->id ^ flip) && is_known(other, now_us) &&
		    memcmp(other->key, record->key, sizeof(record->key)) == 0)
			return other;
	return NULL;
}

void names_visit(const struct names *names, uint64_t now_us, names_visit_fn *visit, void *context)
{
	struct names_record records[BUCKET_ENTRIES];
	const struct names_record *partner;
	struct names_entry entry;

	for (uint32_t i = 0; i < names->bucket_count; i++) {
		unsigned count = names_bucket_copy(&names->buckets[i], records);

		for (const struct names_record *record = records; record < records + count;
		     record++) {
			if (!is_known(record, now_us) || kind_of(record) == OFFERS_ECH)
				continue;
			partner = kind_of(record) == ANSWER
					  ? NULL
					  : partner_of(record, records, count, now_us);
			if (partner && kind_of(record) == LEARNED)
				continue; /* told with the name */
			entry_from(record, &entry);
			if (partner)
				entry.app_count = learned_copy(partner, entry.apps, &entry.rule);
			if (!visit(&entry, context))
				return;
		}
	}
}

void names_stats(const struct names *names, struct names_stats *stats)
{
	const struct names_counters *counters = &names->counters;

	*stats = (struct names_stats){
		.entries = counter_read(&counters->entries),
		.max = names->max,
		.bytes = names->bytes,
		.added = counter_read(&counters->added),
		.refreshed = counter_read(&counters->refreshed),
		.evicted = counter_read(&counters->evicted),
		.contended = counter_read(&counters->contended),
	};
}
