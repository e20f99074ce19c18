/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions wait for their answers in a hash table of fixed size.
 *
 * Every part of a question that an answer must repeat is in its key, so one look-up tells whether
 * an answer is believed, and a client that asks thousands of questions from one port does not
 * make a long chain. The name is in the key as its keyed hash: nobody outside can find another
 * name with the same one.
 *
 * Questions are also in a list by age. All wait equally long, so its oldest is the next to expire
 * and, where there is no room, the next to go. Time may step back (several captures in a row): a
 * question from the future is as good as expired.
 *
 * `newest` keeps one question for each hash of (client, port, server, protocol), only to tell in
 * the counters why an answer was refused.
 */
#include <waymark/dns_watch.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/counter.h>
#include <waymark/dns.h>
#include <waymark/hash.h>

#include "dns_stream.h"

#define QUERIES_DEFAULT 4096
#define QUERIES_LIMIT (1u << 20)
#define WATCH_US ((uint64_t)DNS_WATCH_S * 1000000)

/* Who asked whom. */
struct asker {
	uint8_t client[16], server[16];
	uint16_t client_port;
	uint8_t family, proto;
};

struct key {
	struct asker asker;
	uint16_t id, type, class;
	uint8_t zero[6];
	uint64_t name; /* keyed hash of the folded name */
};

struct query {
	struct key key;
	uint64_t asked_us;
	uint32_t bucket;
	uint32_t next_in_bucket; /* also of the free ones */
	uint32_t older, newer;
	bool open;
};

struct dns_watch {
	struct dns_watch_stats stats;
	struct hash_seed seed;
	struct dns_streams *streams;
	struct query
		*queries; /* by number; 0 is none, and stands at both ends of the list by age */
	uint32_t *buckets, *newest; /* mask + 1 numbers each */
	uint32_t mask, free;
	struct dns_message message; /* of the packet at hand */
};

/* What the reader of streams hands back with each message. */
struct sighting {
	struct dns_watch *watch;
	const struct dns_watch_policy *policy;
	const struct packet *packet;
};

struct dns_watch *dns_watch_new(uint32_t queries_max)
{
	struct dns_watch *watch = calloc(1, sizeof(*watch));
	uint32_t max = queries_max ? queries_max : QUERIES_DEFAULT;

	if (!watch)
		return NULL;
	if (max > QUERIES_LIMIT)
		max = QUERIES_LIMIT;
	while (watch->mask + 1 < max)
		watch->mask = watch->mask * 2 + 1;
	watch->queries = calloc((size_t)max + 1, sizeof(*watch->queries));
	watch->buckets = calloc((size_t)watch->mask + 1, sizeof(*watch->buckets));
	watch->newest = calloc((size_t)watch->mask + 1, sizeof(*watch->newest));
	if (hash_seed_random(&watch->seed) == 0)
		watch->streams = dns_streams_new(&watch->seed);
	if (!watch->queries || !watch->buckets || !watch->newest || !watch->streams) {
		dns_watch_free(watch);
		return NULL;
	}
	for (uint32_t i = max; i > 0; i--) {
		watch->queries[i].next_in_bucket = watch->free;
		watch->free = i;
	}
	return watch;
}

void dns_watch_free(struct dns_watch *watch)
{
	if (!watch)
		return;
	dns_streams_free(watch->streams);
	free(watch->queries);
	free(watch->buckets);
	free(watch->newest);
	free(watch);
}

const struct dns_watch_stats *dns_watch_stats(const struct dns_watch *watch)
{
	return &watch->stats;
}

/* ---- open questions ---- */

static struct asker asker_of(const struct packet *packet, bool response)
{
	const struct ip_addr *client = response ? &packet->dst : &packet->src;
	const struct ip_addr *server = response ? &packet->src : &packet->dst;
	struct asker asker;

	memset(&asker, 0, sizeof(asker));
	memcpy(asker.client, client->bytes, sizeof(asker.client));
	memcpy(asker.server, server->bytes, sizeof(asker.server));
	asker.client_port = response ? packet->dport : packet->sport;
	asker.family = packet->family;
	asker.proto = packet->proto;
	return asker;
}

static struct key key_of(const struct dns_watch *watch, const struct asker *asker)
{
	const struct dns_message *message = &watch->message;
	struct key key;

	memset(&key, 0, sizeof(key));
	key.asker = *asker;
	key.id = message->id;
	key.type = message->qtype;
	key.class = message->qclass;
	key.name = hash_bytes(&watch->seed, message->question, message->question_length);
	return key;
}

static uint32_t *newest_of(const struct dns_watch *watch, const struct asker *asker)
{
	return &watch->newest[hash_bytes(&watch->seed, asker, sizeof(*asker)) & watch->mask];
}

/* The open question's number, or 0. */
static uint32_t find(const struct dns_watch *watch, const struct key *key, uint32_t bucket)
{
	uint32_t number = watch->buckets[bucket];

	while (number && memcmp(&watch->queries[number].key, key, sizeof(*key)) != 0)
		number = watch->queries[number].next_in_bucket;
	return number;
}

static void list_add(struct dns_watch *watch, uint32_t number)
{
	struct query *queries = watch->queries, *query = &queries[number];

	query->newer = 0;
	query->older = queries[0].older;
	queries[query->older].newer = number;
	queries[0].older = number;
}

static void list_remove(struct dns_watch *watch, uint32_t number)
{
	struct query *queries = watch->queries, *query = &queries[number];

	queries[query->older].newer = query->newer;
	queries[query->newer].older = query->older;
}

static void close_query(struct dns_watch *watch, uint32_t number)
{
	struct query *query = &watch->queries[number];
	uint32_t *link = &watch->buckets[query->bucket];

	while (*link != number)
		link = &watch->queries[*link].next_in_bucket;
	*link = query->next_in_bucket;
	list_remove(watch, number);
	query->open = false;
	query->next_in_bucket = watch->free;
	watch->free = number;
}

static void close_expired(struct dns_watch *watch, uint64_t now_us)
{
	for (;;) {
		uint32_t oldest = watch->queries[0].newer;
		uint64_t asked_us = watch->queries[oldest].asked_us;

		if (!oldest || (now_us <= asked_us + WATCH_US && asked_us <= now_us + WATCH_US))
			return;
		close_query(watch, oldest);
	}
}

static void open_query(struct dns_watch *watch, const struct packet *packet)
{
	struct asker asker = asker_of(packet, false);
	struct key key = key_of(watch, &asker);
	uint32_t bucket = (uint32_t)hash_bytes(&watch->seed, &key, sizeof(key)) & watch->mask;
	uint32_t number = find(watch, &key, bucket);
	struct query *query;

	counter_add(&watch->stats.queries, 1);
	if (number) { /* asked again, or seen again */
		list_remove(watch, number);
	} else {
		if (!watch->free) {
			close_query(watch, watch->queries[0].newer);
			counter_add(&watch->stats.queries_evicted, 1);
		}
		number = watch->free;
		query = &watch->queries[number];
		watch->free = query->next_in_bucket;
		query->key = key;
		query->bucket = bucket;
		query->open = true;
		query->next_in_bucket = watch->buckets[bucket];
		watch->buckets[bucket] = number;
	}
	watch->queries[number].asked_us = packet->meta.time_us;
	list_add(watch, number);
	*newest_of(watch, &asker) = number;
}

/* ---- answers ---- */

static _Atomic uint64_t *reason_of(struct dns_watch *watch, const struct key *key)
{
	const struct query *query = &watch->queries[*newest_of(watch, &key->asker)];

	if (!query->open || memcmp(&query->key.asker, &key->asker, sizeof(key->asker)) != 0)
		return &watch->stats.refused_unasked;
	return query->key.id != key->id ? &watch->stats.refused_id : &watch->stats.refused_name;
}

static uint32_t kept_for(const struct dns_watch_policy *policy, uint32_t ttl_s)
{
	if (ttl_s < policy->min_ttl_s)
		ttl_s = policy->min_ttl_s;
	return ttl_s > DNS_WATCH_TTL_MAX_S ? DNS_WATCH_TTL_MAX_S : ttl_s;
}

/* The records are read only now: an answer that nobody asked for may hold what costs most to read.
 */
static void take_answer(struct dns_watch *watch, const struct sighting *sighting,
			const uint8_t *bytes, size_t length)
{
	const struct dns_watch_policy *policy = sighting->policy;
	const struct packet *packet = sighting->packet;
	struct dns_message *message = &watch->message;
	struct asker asker = asker_of(packet, true);
	struct key key = key_of(watch, &asker);
	uint32_t bucket = (uint32_t)hash_bytes(&watch->seed, &key, sizeof(key)) & watch->mask;
	uint32_t number = find(watch, &key, bucket);

	if (!number) {
		counter_add(reason_of(watch, &key), 1);
		return;
	}
	if (dns_message_read(bytes, length, message) < 0) {
		counter_add(&watch->stats.refused_unreadable, 1);
		return;
	}
	close_query(watch, number);
	counter_add(&watch->stats.believed, 1);
	counter_add(&watch->stats.addresses, message->address_count);
	if (message->ech)
		names_add_ech(policy->names, message->host, message->host_length,
			      kept_for(policy, message->ech_ttl_s), packet->meta.time_us);
	for (size_t i = 0; i < message->address_count; i++) {
		const struct dns_address *given = &message->addresses[i];

		names_add_answer(policy->names, &packet->dst, message->host, message->host_length,
				 &given->address, kept_for(policy, given->ttl_s),
				 packet->meta.time_us);
	}
}

static void take_message(const uint8_t *bytes, size_t length, void *context)
{
	const struct sighting *sighting = context;
	const struct packet *packet = sighting->packet;
	struct dns_watch *watch = sighting->watch;

	if (dns_message_read_question(bytes, length, &watch->message) < 0) {
		if (packet->sport == DNS_PORT)
			counter_add(&watch->stats.refused_unreadable, 1);
	} else if (watch->message.response && packet->sport == DNS_PORT) {
		take_answer(watch, sighting, bytes, length);
	} else if (!watch->message.response && packet->dport == DNS_PORT) {
		open_query(watch, packet);
	}
}

void dns_watch_packet(struct dns_watch *watch, const struct dns_watch_policy *policy,
		      const struct packet *packet)
{
	struct sighting sighting = {.watch = watch, .policy = policy, .packet = packet};

	if (!packet->has_ports || (packet->sport != DNS_PORT && packet->dport != DNS_PORT))
		return;
	close_expired(watch, packet->meta.time_us);
	if (packet->proto == IPPROTO_UDP && packet->payload_captured)
		take_message(packet->payload, packet->payload_captured, &sighting);
	else if (packet->proto == IPPROTO_TCP && packet->has_tcp &&
		 dns_streams_packet(watch->streams, packet, take_message, &sighting))
		counter_add(&watch->stats.streams_evicted, 1);
}
