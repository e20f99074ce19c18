/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table of one worker: a fixed array of entries, chained by index from a bucket array,
 * with least-recently-seen lists through the entries themselves.
 *
 * Both arrays are anonymous mappings without reserve: the kernel gives zero pages as they are
 * touched, so a table for a million flows costs what its flows need. For the same reason
 * entry 0 is never used: a zeroed link means "none", and no array needs filling at start.
 *
 * A flow is found from either end: the hash is taken over the key with its two ends in sorted
 * order, and a candidate is compared as it is and with its ends exchanged.
 *
 * There is one list per (timeout class, undecided or decided). Within a list all flows have the
 * same timeout and stand in order of last packet, so the next to expire is a list's head, and so
 * is the next to evict. Expiry never scans.
 * Time is packet time and may step back (a capture pieced together, a clock set): a flow from
 * the future counts as not idle; if it is from the far future it is stamped anew, since it
 * would block its list.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <waymark/flow.h>

#define NONE 0u
#define FUTURE_SLACK_US (60u * 1000000u)

enum timeout_class { CLASS_TCP, CLASS_UDP, CLASS_OTHER, CLASS_COUNT };

#define LIST_COUNT (2 * CLASS_COUNT) /* undecided ones first, then decided ones */

struct lru_list {
	uint32_t oldest, newest;
};

struct flow_table {
	struct flow *flows; /* [0, max]; 0 is NONE */
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint32_t max;
	uint32_t count;
	uint32_t touched; /* entries [1, touched] were used at least once */
	uint32_t free;	  /* first of those given back, through next_in_bucket */
	uint32_t last_number;
	struct lru_list lists[LIST_COUNT];
	uint64_t timeout_us[CLASS_COUNT];
	struct hash_seed seed;
	flow_release_fn *release;
	void *context;
	struct flow_table_stats stats;
};

/* A packet's key as it will stand in a flow that it begins, and its hash. */
struct lookup {
	struct flow_key key;
	uint32_t hash;
};

static void *reserve(size_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

static size_t flows_bytes(const struct flow_table *table)
{
	return ((size_t)table->max + 1) * sizeof(struct flow);
}

static size_t buckets_bytes(const struct flow_table *table)
{
	return ((size_t)table->bucket_mask + 1) * sizeof(uint32_t);
}

static uint8_t timeout_class(uint8_t proto)
{
	switch (proto) {
	case 6:
		return CLASS_TCP;
	case 17:
	case 136: /* UDP-Lite */
		return CLASS_UDP;
	default:
		return CLASS_OTHER;
	}
}

static uint8_t list_of(const struct flow *flow)
{
	return (uint8_t)(timeout_class(flow->key.proto) +
			 (flow->state == FLOW_FINAL ? CLASS_COUNT : 0));
}

static uint64_t list_timeout(const struct flow_table *table, unsigned list)
{
	return table->timeout_us[list % CLASS_COUNT];
}

/* ---- lists ---- */

static void list_append(struct flow_table *table, uint8_t number, uint32_t index)
{
	struct lru_list *list = &table->lists[number];
	struct flow *flow = &table->flows[index];

	flow->lru_list = number;
	flow->lru_newer = NONE;
	flow->lru_older = list->newest;
	if (list->newest != NONE)
		table->flows[list->newest].lru_newer = index;
	else
		list->oldest = index;
	list->newest = index;
}

static void list_remove(struct flow_table *table, uint32_t index)
{
	struct flow *flow = &table->flows[index];
	struct lru_list *list = &table->lists[flow->lru_list];

	if (flow->lru_older != NONE)
		table->flows[flow->lru_older].lru_newer = flow->lru_newer;
	else
		list->oldest = flow->lru_newer;
	if (flow->lru_newer != NONE)
		table->flows[flow->lru_newer].lru_older = flow->lru_older;
	else
		list->newest = flow->lru_older;
}

/* ---- keys and buckets ---- */

static void lookup_prepare(const struct flow_table *table, const struct packet *packet,
			   struct lookup *lookup)
{
	struct flow_key *key = &lookup->key, sorted;
	int order;

	memcpy(key->client, packet->src.bytes, sizeof(key->client));
	memcpy(key->server, packet->dst.bytes, sizeof(key->server));
	key->client_port = packet->has_ports ? packet->sport : 0;
	key->server_port = packet->has_ports ? packet->dport : 0;
	key->family = packet->family;
	key->proto = packet->proto;
	key->has_ports = packet->has_ports;
	key->zero = 0;

	sorted = *key;
	order = memcmp(key->client, key->server, sizeof(key->client));
	if (order > 0 || (order == 0 && key->client_port > key->server_port)) {
		memcpy(sorted.client, key->server, sizeof(sorted.client));
		memcpy(sorted.server, key->client, sizeof(sorted.server));
		sorted.client_port = key->server_port;
		sorted.server_port = key->client_port;
	}
	lookup->hash = (uint32_t)hash_bytes(&table->seed, &sorted, sizeof(sorted));
}

static bool key_matches(const struct flow_key *have, const struct flow_key *want,
			enum flow_direction *direction)
{
	/* family, proto, has_ports and zero: the same whichever end is first */
	if (memcmp(&have->family, &want->family, sizeof(*have) - offsetof(struct flow_key, family)))
		return false;
	if (have->client_port == want->client_port && have->server_port == want->server_port &&
	    memcmp(have->client, want->client, sizeof(have->client)) == 0 &&
	    memcmp(have->server, want->server, sizeof(have->server)) == 0) {
		*direction = FLOW_FROM_CLIENT;
		return true;
	}
	if (have->client_port == want->server_port && have->server_port == want->client_port &&
	    memcmp(have->client, want->server, sizeof(have->client)) == 0 &&
	    memcmp(have->server, want->client, sizeof(have->server)) == 0) {
		*direction = FLOW_FROM_SERVER;
		return true;
	}
	return false;
}

static uint32_t table_lookup(const struct flow_table *table, const struct lookup *lookup,
			     enum flow_direction *direction)
{
	uint32_t index = table->buckets[lookup->hash & table->bucket_mask];

	while (index != NONE) {
		const struct flow *flow = &table->flows[index];

		if (flow->hash == lookup->hash && key_matches(&flow->key, &lookup->key, direction))
			break;
		index = flow->next_in_bucket;
	}
	return index;
}

/* ---- end and begin of a flow ---- */

static void flow_end(struct flow_table *table, uint32_t index)
{
	struct flow *flow = &table->flows[index];
	uint32_t *link = &table->buckets[flow->hash & table->bucket_mask];

	if (table->release != NULL)
		table->release(flow, table->context);
	while (*link != index)
		link = &table->flows[*link].next_in_bucket;
	*link = flow->next_in_bucket;
	list_remove(table, index);
	flow->used = false;
	flow->next_in_bucket = table->free;
	table->free = index;
	table->count--;
}

static bool flow_is_idle(const struct flow_table *table, const struct flow *flow, uint64_t now_us)
{
	return now_us > flow->last_us &&
	       now_us - flow->last_us > list_timeout(table, flow->lru_list);
}

size_t flow_table_expire(struct flow_table *table, uint64_t now_us, size_t budget)
{
	size_t ended = 0, looked = 0;

	for (unsigned i = 0; i < LIST_COUNT; i++) {
		uint32_t index;

		while ((index = table->lists[i].oldest) != NONE && looked < budget) {
			struct flow *flow = &table->flows[index];

			looked++;
			if (flow_is_idle(table, flow, now_us)) {
				flow_end(table, index);
				ended++;
			} else if (flow->last_us > now_us &&
				   flow->last_us - now_us > FUTURE_SLACK_US) {
				flow->last_us = now_us;
				list_remove(table, index);
				list_append(table, (uint8_t)i, index);
			} else {
				break;
			}
		}
	}
	table->stats.expired += ended;
	return ended;
}

/* The least recently seen head among the lists [first, first + CLASS_COUNT). */
static uint32_t oldest_of(const struct flow_table *table, unsigned first)
{
	uint32_t oldest = NONE;

	for (unsigned i = first; i < first + CLASS_COUNT; i++) {
		uint32_t head = table->lists[i].oldest;

		if (head != NONE &&
		    (oldest == NONE || table->flows[head].last_us < table->flows[oldest].last_us))
			oldest = head;
	}
	return oldest;
}

/* Makes room in a full table. An idle flow is over anyway, so that one goes first. */
static void evict(struct flow_table *table, uint64_t now_us)
{
	uint32_t index;

	for (unsigned i = 0; i < LIST_COUNT; i++) {
		index = table->lists[i].oldest;
		if (index != NONE && flow_is_idle(table, &table->flows[index], now_us)) {
			flow_end(table, index);
			table->stats.expired++;
			return;
		}
	}
	index = oldest_of(table, 0);
	if (index != NONE) {
		table->stats.evicted_undecided++;
	} else {
		index = oldest_of(table, CLASS_COUNT);
		table->stats.evicted_decided++;
	}
	flow_end(table, index);
}

static uint32_t take_entry(struct flow_table *table, uint64_t now_us)
{
	uint32_t index;

	if (table->count == table->max)
		evict(table, now_us);
	index = table->free;
	if (index != NONE)
		table->free = table->flows[index].next_in_bucket;
	else
		index = ++table->touched;
	table->count++;
	return index;
}

/* ---- TCP ---- */

static bool opens_connection(const struct packet *packet)
{
	const unsigned mask = PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_RST | PACKET_TCP_FIN;

	return packet->has_tcp && (packet->tcp_flags & mask) == PACKET_TCP_SYN;
}

/*
 * A SYN on a known tuple: a retransmission has the sequence number that we know. A SYN from
 * a server of which nothing was seen is a simultaneous open (RFC 9293 3.5), unless the flow was
 * picked up in its middle.
 */
static bool reuses_ports(const struct flow *flow, enum flow_direction direction,
			 const struct packet *packet)
{
	if (!opens_connection(packet))
		return false;
	if (flow->has_isn[direction])
		return flow->isn[direction] != packet->tcp_seq + 1;
	return flow->midstream || flow->packets[direction] > 0;
}

static void note_tcp(struct flow *flow, enum flow_direction direction, const struct packet *packet)
{
	uint8_t flags = packet->tcp_flags;

	/* A refusal's RST has sequence number 0, which says nothing of the stream. */
	if (!flow->has_isn[direction] && (flags & PACKET_TCP_RST) == 0) {
		flow->isn[direction] = packet->tcp_seq + ((flags & PACKET_TCP_SYN) != 0 ? 1 : 0);
		flow->has_isn[direction] = true;
	}
	if (opens_connection(packet))
		flow->closed = 0;
	if ((flags & PACKET_TCP_FIN) != 0)
		flow->closed |= (uint8_t)(1u << direction);
	if ((flags & PACKET_TCP_RST) != 0)
		flow->closed = 3;
}

bool flow_stream_offset(const struct flow *flow, enum flow_direction direction,
			const struct packet *packet, uint32_t *offset, uint32_t *before)
{
	uint32_t distance;

	/* Beyond half the sequence space a number may be of the next round. */
	if (!packet->has_tcp || !flow->has_isn[direction] || flow->bytes[direction] > INT32_MAX)
		return false;
	distance = packet->tcp_seq + ((packet->tcp_flags & PACKET_TCP_SYN) != 0 ? 1 : 0) -
		   flow->isn[direction];
	*before = distance > INT32_MAX ? 0 - distance : 0;
	*offset = *before ? 0 : distance;
	return *before == 0 || *before < packet->payload_length;
}

/* ---- the table ---- */

void flow_table_set_timeouts(struct flow_table *table, const struct flow_timeouts *timeouts)
{
	table->timeout_us[CLASS_TCP] = (uint64_t)timeouts->tcp_s * 1000000;
	table->timeout_us[CLASS_UDP] = (uint64_t)timeouts->udp_s * 1000000;
	table->timeout_us[CLASS_OTHER] = (uint64_t)timeouts->other_s * 1000000;
}

struct flow_table *flow_table_new(uint32_t max, const struct flow_timeouts *timeouts,
				  const struct hash_seed *seed, flow_release_fn *release,
				  void *context)
{
	struct flow_table *table = calloc(1, sizeof(*table));
	uint32_t buckets = 1;

	if (table == NULL)
		return NULL;
	table->max = max == 0 ? 1 : max == UINT32_MAX ? max - 1 : max;
	while (buckets < table->max && buckets < UINT32_C(1) << 31)
		buckets *= 2;
	table->bucket_mask = buckets - 1;
	table->seed = *seed;
	table->release = release;
	table->context = context;
	flow_table_set_timeouts(table, timeouts);
	table->flows = reserve(flows_bytes(table));
	table->buckets = reserve(buckets_bytes(table));
	if (table->flows == NULL || table->buckets == NULL) {
		flow_table_free(table);
		return NULL;
	}
	return table;
}

void flow_table_free(struct flow_table *table)
{
	if (table == NULL)
		return;
	for (uint32_t i = 1; i <= table->touched && table->release != NULL; i++)
		if (table->flows[i].used)
			table->release(&table->flows[i], table->context);
	if (table->flows != NULL)
		munmap(table->flows, flows_bytes(table));
	if (table->buckets != NULL)
		munmap(table->buckets, buckets_bytes(table));
	free(table);
}

static uint32_t flow_begin(struct flow_table *table, const struct packet *packet,
			   const struct lookup *lookup)
{
	uint32_t index = take_entry(table, packet->meta.time_us);
	uint32_t *bucket = &table->buckets[lookup->hash & table->bucket_mask];
	struct flow *flow = &table->flows[index];

	*flow = (struct flow){
		.key = lookup->key,
		.hash = lookup->hash,
		.next_in_bucket = *bucket,
		.used = true,
		.number = ++table->last_number,
		.first_us = packet->meta.time_us,
		.last_us = packet->meta.time_us,
		.midstream = packet->has_tcp && !opens_connection(packet),
		.first_hook = packet->meta.hook,
		.rule = -1,
		.state = FLOW_PROVISIONAL,
	};
	*bucket = index;
	list_append(table, list_of(flow), index);
	table->stats.created++;
	return index;
}

static void count_packet(struct flow *flow, enum flow_direction direction,
			 const struct packet *packet)
{
	flow->last_us = packet->meta.time_us;
	flow->packets[direction]++;
	flow->bytes[direction] += packet->ip_length;
	if (packet->has_tcp)
		note_tcp(flow, direction, packet);
}

struct flow *flow_table_track(struct flow_table *table, const struct packet *packet,
			      enum flow_direction *direction, bool *fresh)
{
	struct lookup lookup;
	struct flow *flow;
	uint32_t index;

	lookup_prepare(table, packet, &lookup);
	index = table_lookup(table, &lookup, direction);
	if (index != NONE) {
		flow = &table->flows[index];
		if (flow_is_idle(table, flow, packet->meta.time_us)) {
			flow_end(table, index);
			table->stats.expired++;
			index = NONE;
		} else if (reuses_ports(flow, *direction, packet)) {
			flow_end(table, index);
			table->stats.restarted++;
			index = NONE;
		}
	}
	*fresh = index == NONE;
	if (index == NONE) {
		index = flow_begin(table, packet, &lookup);
		*direction = FLOW_FROM_CLIENT;
	} else if (table->lists[table->flows[index].lru_list].newest != index) {
		list_remove(table, index);
		list_append(table, table->flows[index].lru_list, index);
	}
	flow = &table->flows[index];
	count_packet(flow, *direction, packet);
	return flow;
}

struct flow *flow_table_restart(struct flow_table *table, struct flow *flow,
				const struct packet *packet, enum flow_direction *direction)
{
	struct lookup lookup;
	uint32_t index;

	/* the packet is the new flow's */
	flow->packets[*direction]--;
	flow->bytes[*direction] -= packet->ip_length;
	flow_end(table, (uint32_t)(flow - table->flows));
	table->stats.restarted++;
	lookup_prepare(table, packet, &lookup);
	index = flow_begin(table, packet, &lookup);
	*direction = FLOW_FROM_CLIENT;
	count_packet(&table->flows[index], *direction, packet);
	return &table->flows[index];
}

struct flow *flow_table_find(struct flow_table *table, const struct packet *packet,
			     enum flow_direction *direction)
{
	struct lookup lookup;
	uint32_t index;

	lookup_prepare(table, packet, &lookup);
	index = table_lookup(table, &lookup, direction);
	if (index == NONE || flow_is_idle(table, &table->flows[index], packet->meta.time_us))
		return NULL;
	return &table->flows[index];
}

void flow_table_set_final(struct flow_table *table, struct flow *flow)
{
	uint32_t index = (uint32_t)(flow - table->flows);

	if (flow->state == FLOW_FINAL)
		return;
	list_remove(table, index);
	flow->state = FLOW_FINAL;
	list_append(table, list_of(flow), index);
}

struct flow *flow_table_oldest_undecided(struct flow_table *table)
{
	uint32_t index = oldest_of(table, 0);

	return index == NONE ? NULL : &table->flows[index];
}

uint32_t flow_table_count(const struct flow_table *table)
{
	return table->count;
}

const struct flow_table_stats *flow_table_stats(const struct flow_table *table)
{
	return &table->stats;
}

void flow_table_visit(struct flow_table *table, flow_visit_fn *visit, void *context)
{
	for (uint32_t i = 1; i <= table->touched; i++)
		if (table->flows[i].used && !visit(&table->flows[i], context))
			return;
}

static struct ip_addr key_address(const struct flow_key *key, const uint8_t bytes[16])
{
	return key->family == IP_V4 ? ip_v4(bytes) : ip_v6(bytes);
}

struct ip_addr flow_client(const struct flow_key *key)
{
	return key_address(key, key->client);
}

struct ip_addr flow_server(const struct flow_key *key)
{
	return key_address(key, key->server);
}
