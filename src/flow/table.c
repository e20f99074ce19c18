/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table of one worker: a fixed array of entries, found through buckets of a cache line.
 *
 * The arrays are anonymous mappings without reserve: the kernel gives zero pages as they are
 * touched, so a table for a million flows costs what its flows need. For the same reason
 * entry 0 is never used: a zeroed link means "none", and no array needs filling at start.
 *
 * A flow is found from either end: the hash is taken over the key with its two ends in sorted
 * order, and a candidate is compared as it is and with its ends exchanged. A bucket has a byte of
 * each one's hash: so a lookup reads the bucket and one entry, and seldom another's. The whole hash
 * is not kept: to hash again when a flow ends costs less than four bytes of each.
 *
 * There may be millions of flows, and then each step from one to another waits for memory. So
 * nothing is linked but what must be: the undecided ones, few and warm, stand in a list by last
 * packet; what only they have is in an array of its own (struct open). A decided flow is found by
 * its hash alone. A hand goes around over all entries, at a pace of once in FLOW_SWEEP_S, and ends
 * what is idle; when the table is full, a second hand takes the oldest of the next few decided
 * ones.
 *
 * Time is packet time and may step back (a capture pieced together, a clock set): a flow from
 * the future counts as not idle; if it is from the far future it is stamped anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <waymark/flow.h>
#include <waymark/pages.h>

#include "bucket.h"

#define NONE 0u
#define SECOND_US UINT64_C(1000000)
#define FUTURE_SLACK_US (60 * SECOND_US)
#define LASTED_MAX_US ((INT64_C(1) << 43) - 1)
#define LASTED_MASK ((UINT64_C(1) << 44) - 1)
#define NUMBER_MASK ((1u << 28) - 1)
#define BEGAN_MAX_US ((UINT64_C(1) << 52) - 1)
#define BYTES_MAX ((UINT64_C(1) << 48) - 1)
#define PACKETS_MAX ((UINT64_C(1) << 36) - 1)
#define SWEEP_AHEAD 8

enum timeout_class { CLASS_TCP, CLASS_UDP, CLASS_OTHER, CLASS_COUNT };

/* What only a flow has that is undecided, or that its owner still looks at. */
struct open {
	void *pending;
	uint32_t flow;
	uint32_t info;
	uint32_t older, newer; /* both NONE, and not the oldest: not in the list */
};

struct flow_table {
	struct flow *flows; /* [0, max]; 0 is NONE */
	struct bucket *buckets;
	struct open *opens; /* [0, max]; 0 is NONE */
	uint32_t bucket_count;
	uint32_t max;
	uint32_t count;
	uint32_t touched, touched_opens; /* entries [1, touched] were used at least once */
	uint32_t free;			 /* first of those given back, through next_in_chain */
	uint32_t free_opens;		 /* likewise, through newer */
	uint32_t last_number;
	uint32_t oldest, newest; /* of the list of undecided flows, in opens */
	uint32_t sweep_hand, evict_hand;
	uint32_t sweep_due;   /* entries still to be looked at */
	uint64_t swept_to_us; /* packet time that the sweep has accounted for */
	uint64_t timeout_us[CLASS_COUNT];
	struct hash_seed seed;
	flow_release_fn *release;
	void *context;
	struct flow_table_stats stats;
};

static void *reserve(size_t count, size_t size)
{
	void *pages = pages_new(count * size);

	/* read all over: by few pages, or each packet waits for the page tables too */
	if (pages != NULL && count * size > 2 * HUGE_PAGE_BYTES)
		madvise(pages, count * size, MADV_HUGEPAGE);
	return pages;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static uint64_t timeout_of(const struct flow_table *table, const struct flow *flow)
{
	switch (flow->key.proto) {
	case 6:
		return table->timeout_us[CLASS_TCP];
	case 17:
	case 136: /* UDP-Lite */
		return table->timeout_us[CLASS_UDP];
	default:
		return table->timeout_us[CLASS_OTHER];
	}
}

/* A time beyond the year 2112 is a broken capture's, and all such are one. */
static uint64_t time_of(const struct packet *packet)
{
	return packet->meta.time_us < BEGAN_MAX_US ? packet->meta.time_us : BEGAN_MAX_US;
}

static bool is_used(const struct flow *flow)
{
	return flow->key.family != IP_NONE;
}

/* ---- undecided flows ---- */

static struct open *open_of(const struct flow_table *table, const struct flow *flow)
{
	return flow->open ? &table->opens[flow->more] : NULL;
}

static void list_append(struct flow_table *table, uint32_t index)
{
	struct open *open = &table->opens[index];

	open->newer = NONE;
	open->older = table->newest;
	if (table->newest != NONE)
		table->opens[table->newest].newer = index;
	else
		table->oldest = index;
	table->newest = index;
}

static void list_remove(struct flow_table *table, uint32_t index)
{
	struct open *open = &table->opens[index];

	if (open->older != NONE)
		table->opens[open->older].newer = open->newer;
	else if (table->oldest == index)
		table->oldest = open->newer;
	if (open->newer != NONE)
		table->opens[open->newer].older = open->older;
	else if (table->newest == index)
		table->newest = open->older;
	open->older = open->newer = NONE;
}

/* There are as many as flows, so there is always one. */
static void open_take(struct flow_table *table, struct flow *flow)
{
	uint32_t index = table->free_opens;

	if (index != NONE)
		table->free_opens = table->opens[index].newer;
	else
		index = ++table->touched_opens;
	table->opens[index] = (struct open){
		.flow = (uint32_t)(flow - table->flows),
		.info = flow->more,
	};
	flow->more = index;
	flow->open = 1;
}

/* The flow is decided and nobody looks at it. */
static void open_give_back(struct flow_table *table, struct flow *flow)
{
	uint32_t index = flow->more;
	struct open *open = &table->opens[index];

	flow->more = open->info;
	flow->open = 0;
	open->newer = table->free_opens;
	table->free_opens = index;
}

void *flow_table_pending(const struct flow_table *table, const struct flow *flow)
{
	const struct open *open = open_of(table, flow);

	return open ? open->pending : NULL;
}

void flow_table_set_pending(struct flow_table *table, struct flow *flow, void *pending)
{
	if (!flow->open) {
		if (!pending)
			return;
		open_take(table, flow);
	}
	table->opens[flow->more].pending = pending;
	if (!pending && flow->state == FLOW_FINAL)
		open_give_back(table, flow);
}

uint32_t flow_table_info(const struct flow_table *table, const struct flow *flow)
{
	const struct open *open = open_of(table, flow);

	return open ? open->info : flow->more;
}

void flow_table_set_info(struct flow_table *table, struct flow *flow, uint32_t info)
{
	struct open *open = open_of(table, flow);

	if (open)
		open->info = info;
	else
		flow->more = info;
}

void flow_table_set_final(struct flow_table *table, struct flow *flow)
{
	if (flow->state == FLOW_FINAL)
		return;
	list_remove(table, flow->more);
	flow->state = FLOW_FINAL;
	if (!table->opens[flow->more].pending)
		open_give_back(table, flow);
}

struct flow *flow_table_oldest_undecided(struct flow_table *table)
{
	return table->oldest == NONE ? NULL : &table->flows[table->opens[table->oldest].flow];
}

/* ---- keys and buckets ---- */

struct end {
	uint64_t address[2];
	uint16_t port;
};

static struct end end_of(const uint8_t address[16], uint16_t port)
{
	struct end end = {.port = port};

	memcpy(end.address, address, sizeof(end.address));
	return end;
}

/* Any order will do. */
static bool is_after(const struct end *a, const struct end *b)
{
	if (a->address[0] != b->address[0])
		return a->address[0] > b->address[0];
	if (a->address[1] != b->address[1])
		return a->address[1] > b->address[1];
	return a->port > b->port;
}

/* The same from both ends. */
static uint32_t hash_key(const struct hash_seed *seed, const struct flow_key *key)
{
	struct end client = end_of(key->client, key->client_port);
	struct end server = end_of(key->server, key->server_port);
	bool swap = is_after(&client, &server);
	const struct end *low = swap ? &server : &client, *high = swap ? &client : &server;
	uint64_t words[5] = {
		(uint64_t)low->port | (uint64_t)high->port << 16 | (uint64_t)key->proto << 32 |
			(uint64_t)key->has_ports << 40,
		low->address[0],
		high->address[0],
		low->address[1],
		high->address[1],
	};

	/* of IPv4 addresses the rest is zero */
	return (uint32_t)hash_bytes(seed, words,
				    key->family == IP_V4 ? 3 * sizeof(words[0]) : sizeof(words));
}

void flow_lookup_init(struct flow_lookup *lookup, const struct flow_table *table,
		      const struct packet *packet)
{
	struct flow_key *key = &lookup->key;

	memset(key, 0, sizeof(*key));
	memcpy(key->client, packet->src.bytes, sizeof(key->client));
	memcpy(key->server, packet->dst.bytes, sizeof(key->server));
	key->client_port = packet->has_ports ? packet->sport : 0;
	key->server_port = packet->has_ports ? packet->dport : 0;
	key->proto = packet->proto;
	key->family = packet->family & 15u;
	key->has_ports = packet->has_ports;
	lookup->hash = hash_key(&table->seed, key);
	lookup->found = NONE;
}

static struct bucket *bucket_of(const struct flow_table *table, uint32_t hash)
{
	return &table->buckets[(uint64_t)hash * table->bucket_count >> 32];
}

static bool same_ends(const struct flow_key *have, const uint8_t *client, const uint8_t *server)
{
	return memcmp(have->client, client, sizeof(have->client)) == 0 &&
	       memcmp(have->server, server, sizeof(have->server)) == 0;
}

static bool key_matches(const struct flow_key *have, const struct flow_key *want,
			enum flow_direction *direction)
{
	if (have->proto != want->proto || have->family != want->family ||
	    have->has_ports != want->has_ports)
		return false;
	if (have->client_port == want->client_port && have->server_port == want->server_port &&
	    same_ends(have, want->client, want->server)) {
		*direction = FLOW_FROM_CLIENT;
		return true;
	}
	if (have->client_port == want->server_port && have->server_port == want->client_port &&
	    same_ends(have, want->server, want->client)) {
		*direction = FLOW_FROM_SERVER;
		return true;
	}
	return false;
}

static uint32_t table_find(const struct flow_table *table, const struct flow_lookup *lookup,
			   enum flow_direction *direction)
{
	const struct bucket *bucket = bucket_of(table, lookup->hash);
	uint64_t slots = bucket_slots_with(bucket, bucket_tag(lookup->hash));
	uint32_t index;

	for (; slots; slots &= slots - 1) {
		index = bucket->flows[bucket_slot(slots)];
		if (key_matches(&table->flows[index].key, &lookup->key, direction))
			return index;
	}
	index = bucket->others;
	while (index != NONE && !key_matches(&table->flows[index].key, &lookup->key, direction))
		index = table->flows[index].next_in_chain;
	return index;
}

static void index_add(struct flow_table *table, uint32_t hash, uint32_t index)
{
	struct bucket *bucket = bucket_of(table, hash);

	if (bucket_put(bucket, hash, index))
		return;
	table->flows[index].next_in_chain = bucket->others;
	bucket->others = index;
}

static void index_remove(struct flow_table *table, struct bucket *bucket, uint32_t index)
{
	uint32_t *link = &bucket->others;

	if (bucket_take_out(bucket, index))
		return;
	while (*link != index)
		link = &table->flows[*link].next_in_chain;
	*link = table->flows[index].next_in_chain;
}

static void prefetch_flow(const struct flow *flow)
{
	__builtin_prefetch(flow, 1);
	__builtin_prefetch((const char *)flow + 64, 1);
}

/*
 * Each step reads what the one before it has asked memory for: the bucket; the flow; what an
 * undecided one has beside.
 */
void flow_lookup_ahead(struct flow_lookup *lookups, size_t count, const struct flow_table *table)
{
	for (size_t i = 0; i < count; i++)
		__builtin_prefetch(bucket_of(table, lookups[i].hash));
	for (size_t i = 0; i < count; i++) {
		const struct bucket *bucket = bucket_of(table, lookups[i].hash);
		uint64_t slots = bucket_slots_with(bucket, bucket_tag(lookups[i].hash));

		lookups[i].found = slots ? bucket->flows[bucket_slot(slots)] : bucket->others;
		if (lookups[i].found != NONE)
			prefetch_flow(&table->flows[lookups[i].found]);
	}
	for (size_t i = 0; i < count; i++) {
		const struct flow *flow = &table->flows[lookups[i].found];

		if (flow->open)
			__builtin_prefetch(&table->opens[flow->more], 1);
	}
}

bool flow_lookup_is_new(const struct flow_lookup *lookup, const struct flow_table *table)
{
	enum flow_direction direction;

	return lookup->found == NONE ||
	       !key_matches(&table->flows[lookup->found].key, &lookup->key, &direction);
}

const void *flow_lookup_pending(const struct flow_lookup *lookup, const struct flow_table *table)
{
	/* entry 0, for none, is not open; whose flow it is does not matter here */
	return flow_table_pending(table, &table->flows[lookup->found]);
}

/* ---- end and begin of a flow ---- */

static void flow_end(struct flow_table *table, uint32_t index)
{
	struct flow *flow = &table->flows[index];
	struct bucket *bucket = bucket_of(table, hash_key(&table->seed, &flow->key));

	/* flows end in no order of their buckets: it comes while the owner is told */
	__builtin_prefetch(bucket, 1);
	if (table->release != NULL)
		table->release(table, flow, table->context);
	index_remove(table, bucket, index);
	if (flow->open) {
		if (flow->state != FLOW_FINAL)
			list_remove(table, flow->more);
		open_give_back(table, flow);
	}
	flow->key.family = IP_NONE;
	flow->next_in_chain = table->free;
	table->free = index;
	table->count--;
}

static bool flow_is_idle(const struct flow_table *table, const struct flow *flow, uint64_t now_us)
{
	uint64_t last_us = flow_last_us(flow);

	return now_us > last_us && now_us - last_us > timeout_of(table, flow);
}

/* What cannot be told as a span from the beginning, is a clock that was set: it begins again. */
static void flow_stamp(struct flow *flow, uint64_t now_us)
{
	int64_t lasted_us = (int64_t)(now_us - flow->began_us);

	if (lasted_us > LASTED_MAX_US || lasted_us < -LASTED_MAX_US) {
		flow->began_us = now_us & BEGAN_MAX_US;
		lasted_us = 0;
	}
	flow->lasted_us = (uint64_t)lasted_us & LASTED_MASK;
}

/* The next used entry that the hand meets; it stays on it. NONE: there is none. */
static uint32_t hand_next(const struct flow_table *table, uint32_t *hand)
{
	for (uint32_t looked = 0; looked < table->touched; looked++) {
		*hand = *hand >= table->touched ? 1 : *hand + 1;
		if (is_used(&table->flows[*hand]))
			return *hand;
	}
	return NONE;
}

/* How many entries more are to be looked at by now, so that all are within FLOW_SWEEP_S. */
static void sweep_pace(struct flow_table *table, uint64_t now_us)
{
	uint64_t elapsed_us = now_us - table->swept_to_us, share;

	if (now_us < table->swept_to_us) {
		table->swept_to_us = now_us;
		return;
	}
	if (elapsed_us >= FLOW_SWEEP_S * SECOND_US)
		share = table->touched;
	else
		share = table->touched * elapsed_us / (FLOW_SWEEP_S * SECOND_US);
	if (share == 0)
		return;
	table->swept_to_us = now_us;
	table->sweep_due = share + table->sweep_due > table->touched
				   ? table->touched
				   : (uint32_t)share + table->sweep_due;
}

size_t flow_table_expire(struct flow_table *table, uint64_t now_us, size_t budget)
{
	size_t ended = 0;

	sweep_pace(table, now_us);
	for (; table->sweep_due > 0 && budget > 0; table->sweep_due--, budget--) {
		uint32_t index = table->sweep_hand >= table->touched ? 1 : table->sweep_hand + 1;
		struct flow *flow = &table->flows[index];

		table->sweep_hand = index;
		prefetch_flow(flow + SWEEP_AHEAD);
		if (!is_used(flow))
			continue;
		if (flow_is_idle(table, flow, now_us)) {
			flow_end(table, index);
			ended++;
		} else if (flow_last_us(flow) > now_us &&
			   flow_last_us(flow) - now_us > FUTURE_SLACK_US) {
			flow_stamp(flow, now_us);
		}
	}
	table->stats.expired += ended;
	return ended;
}

/*
 * Makes room in a full table. An idle flow is over anyway, so if one is met, that one goes;
 * else the undecided one last seen longest ago, else the like of the decided ones that are met.
 */
static void evict(struct flow_table *table, uint64_t now_us)
{
	uint32_t oldest = NONE, index;

	for (unsigned looks = 0; looks < FLOW_EVICT_LOOKS; looks++) {
		index = hand_next(table, &table->evict_hand);
		if (flow_is_idle(table, &table->flows[index], now_us)) {
			flow_end(table, index);
			table->stats.expired++;
			return;
		}
		if (oldest == NONE ||
		    flow_last_us(&table->flows[index]) < flow_last_us(&table->flows[oldest]))
			oldest = index;
	}
	if (table->oldest != NONE) {
		oldest = table->opens[table->oldest].flow;
		table->stats.evicted_undecided++;
	} else {
		table->stats.evicted_decided++;
	}
	flow_end(table, oldest);
}

static uint32_t take_entry(struct flow_table *table, uint64_t now_us)
{
	uint32_t index;

	if (table->count == table->max)
		evict(table, now_us);
	index = table->free;
	if (index != NONE)
		table->free = table->flows[index].next_in_chain;
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

static bool has_isn(const struct flow *flow, enum flow_direction direction)
{
	return flow->has_isn >> direction & 1;
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
	if (has_isn(flow, direction))
		return flow->isn[direction] != packet->tcp_seq + 1;
	return flow->midstream || direction == FLOW_FROM_CLIENT || flow->heard;
}

static void note_tcp(struct flow *flow, enum flow_direction direction, const struct packet *packet)
{
	uint8_t flags = packet->tcp_flags;

	/* A refusal's RST has sequence number 0, which says nothing of the stream. */
	if (!has_isn(flow, direction) && (flags & PACKET_TCP_RST) == 0) {
		flow->isn[direction] = packet->tcp_seq + ((flags & PACKET_TCP_SYN) != 0 ? 1 : 0);
		flow->has_isn = (flow->has_isn | 1u << direction) & 3;
	}
	if (opens_connection(packet))
		flow->closed = 0;
	if ((flags & PACKET_TCP_FIN) != 0)
		flow->closed = (flow->closed | 1u << direction) & 3;
	if ((flags & PACKET_TCP_RST) != 0)
		flow->closed = 3;
}

bool flow_stream_offset(const struct flow *flow, enum flow_direction direction,
			const struct packet *packet, uint32_t *offset, uint32_t *before)
{
	uint32_t distance;

	/* Beyond half the sequence space a number may be of the next round. */
	if (!packet->has_tcp || !has_isn(flow, direction) || flow->bytes_seen > INT32_MAX)
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

	if (table == NULL)
		return NULL;
	table->max = max == 0 ? 1 : max == UINT32_MAX ? max - 1 : max;
	table->bucket_count = table->max / BUCKET_LOAD + 1;
	table->seed = *seed;
	table->release = release;
	table->context = context;
	flow_table_set_timeouts(table, timeouts);
	table->flows = reserve((size_t)table->max + 1, sizeof(*table->flows));
	table->opens = reserve((size_t)table->max + 1, sizeof(*table->opens));
	table->buckets = reserve(table->bucket_count, sizeof(*table->buckets));
	if (table->flows == NULL || table->opens == NULL || table->buckets == NULL) {
		flow_table_free(table);
		return NULL;
	}
	return table;
}

void flow_table_populate(struct flow_table *table)
{
	size_t entries = (size_t)table->max + 1;

	pages_populate(table->buckets, table->bucket_count * sizeof(*table->buckets));
	pages_populate(table->flows, smaller(entries * sizeof(*table->flows), HUGE_PAGE_BYTES));
	pages_populate(table->opens, smaller(entries * sizeof(*table->opens), HUGE_PAGE_BYTES));
}

void flow_table_free(struct flow_table *table)
{
	if (table == NULL)
		return;
	for (uint32_t i = 1; i <= table->touched && table->release != NULL; i++)
		if (is_used(&table->flows[i]))
			table->release(table, &table->flows[i], table->context);
	pages_free(table->flows, ((size_t)table->max + 1) * sizeof(*table->flows));
	pages_free(table->opens, ((size_t)table->max + 1) * sizeof(*table->opens));
	pages_free(table->buckets, table->bucket_count * sizeof(*table->buckets));
	free(table);
}

static uint32_t flow_begin(struct flow_table *table, const struct packet *packet,
			   const struct flow_lookup *lookup)
{
	uint32_t index = take_entry(table, time_of(packet));
	struct flow *flow = &table->flows[index];

	*flow = (struct flow){
		.key = lookup->key,
		.number = ++table->last_number & NUMBER_MASK,
		.began_us = time_of(packet) & BEGAN_MAX_US,
		.midstream = packet->has_tcp && !opens_connection(packet),
		.state = FLOW_PROVISIONAL,
	};
	index_add(table, lookup->hash, index);
	open_take(table, flow);
	list_append(table, flow->more);
	table->stats.created++;
	return index;
}

static void count_packet(struct flow *flow, enum flow_direction direction,
			 const struct packet *packet)
{
	flow_stamp(flow, time_of(packet));
	if (flow->packets_seen < PACKETS_MAX)
		flow->packets_seen++;
	flow->bytes_seen = flow->bytes_seen < BYTES_MAX - packet->ip_length
				   ? flow->bytes_seen + packet->ip_length
				   : BYTES_MAX;
	flow->heard |= direction == FLOW_FROM_SERVER;
	if (packet->has_tcp)
		note_tcp(flow, direction, packet);
}

struct flow *flow_table_track(struct flow_table *table, const struct packet *packet,
			      const struct flow_lookup *lookup, enum flow_direction *direction,
			      bool *fresh)
{
	uint32_t index = lookup->found;
	struct flow *flow;

	/* since it was looked for, others of its batch have come and gone */
	if (index == NONE || !is_used(&table->flows[index]) ||
	    !key_matches(&table->flows[index].key, &lookup->key, direction))
		index = table_find(table, lookup, direction);
	if (index != NONE) {
		flow = &table->flows[index];
		if (flow_is_idle(table, flow, time_of(packet))) {
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
		index = flow_begin(table, packet, lookup);
		*direction = FLOW_FROM_CLIENT;
	}
	flow = &table->flows[index];
	if (flow->state != FLOW_FINAL && table->newest != flow->more) {
		list_remove(table, flow->more);
		list_append(table, flow->more);
	}
	count_packet(flow, *direction, packet);
	return flow;
}

struct flow *flow_table_restart(struct flow_table *table, struct flow *flow,
				const struct packet *packet, enum flow_direction *direction)
{
	struct flow_lookup lookup;
	uint32_t index;

	/* the packet is the new flow's */
	flow->packets_seen--;
	flow->bytes_seen -= packet->ip_length;
	flow_end(table, (uint32_t)(flow - table->flows));
	table->stats.restarted++;
	flow_lookup_init(&lookup, table, packet);
	index = flow_begin(table, packet, &lookup);
	*direction = FLOW_FROM_CLIENT;
	count_packet(&table->flows[index], *direction, packet);
	return &table->flows[index];
}

struct flow *flow_table_find(struct flow_table *table, const struct packet *packet,
			     enum flow_direction *direction)
{
	struct flow_lookup lookup;
	uint32_t index;

	flow_lookup_init(&lookup, table, packet);
	index = table_find(table, &lookup, direction);
	if (index == NONE || flow_is_idle(table, &table->flows[index], time_of(packet)))
		return NULL;
	return &table->flows[index];
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
		if (is_used(&table->flows[i]) && !visit(&table->flows[i], context))
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
