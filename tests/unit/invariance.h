/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture, or a dialogue made up, that can be told again with one flight of one flow cut
 * differently: the other packets stay what and where they were. A flight is what one side of a TCP
 * flow says until the other side answers.
 *
 * Each telling runs the straight line, as `waymark replay` does, and ends in an answer for
 * each flow: what it is, its names, its rule and its mark. Tellings follow each other by days, so
 * that one classifier and one names cache serve all of them: nothing lives that long in either.
 */
#ifndef TEST_INVARIANCE_H
#define TEST_INVARIANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <waymark/policy.h>
#include <waymark/source.h>

#include "quic_build.h"

enum { FLIGHTS_MAX = 64, FLOWS_MAX = 64, PIECES_MAX = 3 * FLOW_PREFIX_MAX_BYTES };

struct answer {
	char host[EVIDENCE_HOST_SIZE];
	char alpn[EVIDENCE_ALPN_BYTES];
	uint16_t alpn_length;
	uint16_t app[EVIDENCE_LAYERS];
	uint8_t app_count, host_source;
	uint16_t app_shown;
	int32_t rule;
	uint32_t value;
};

struct answers {
	struct answer of[FLOWS_MAX]; /* by flow_number(flow) - 1 */
	uint32_t decided_packet[FLOWS_MAX];
	uint32_t count;
};

#define TELLING_APART_US (UINT64_C(86400) * 1000000)

struct event {
	struct packet packet; /* points into bytes */
	uint8_t *bytes;
	uint32_t flow;
	uint8_t direction;
	int flight; /* -1: none */
};

struct flight {
	struct flow_prefix said;
	uint32_t flow, seq; /* seq: of its first byte */
	uint8_t direction;
	size_t first; /* event */
	unsigned turn; /* 0: the first of its flow */
};

/* Bytes [from, to) of a flight; outside of it lies garbage. */
struct piece {
	int32_t from, to;
	bool garble; /* what an earlier piece has brought already is garbage here */
};

struct telling {
	const char *way;
	unsigned at, to; /* for the message */
	int flight;	 /* -1: as it was */
	uint32_t in_syn; /* so many bytes come in the SYN already */
	size_t count;
	struct piece pieces[PIECES_MAX];
};

struct world {
	const char *name;
	struct policy *policy;
	struct classify_policy view;
	struct event *events;
	size_t event_count, event_capacity;
	struct flight flights[FLIGHTS_MAX];
	size_t flight_count;
	bool quic;	    /* its one flight is CRYPTO's, in Initials of the client */
	bool quic_together; /* all frames in one packet; else one a datagram */
	struct classifier *classifier;
	struct names *names;
	struct steer_state *steer_state;
	uint32_t flows_before; /* the last telling's last */
	struct answers truth;  /* as it was told first */
	struct answers *answers; /* of this telling */
	uint64_t tellings;
};

/* ---- packets ---- */

static inline void be16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void be32(uint8_t *at, uint32_t value)
{
	be16(at, value >> 16);
	be16(at + 2, value & 0xffff);
}

/* A TCP packet between the ends of `like`, as a source would hand it in; the bytes stay the caller's. */
static inline struct packet tcp_packet(const struct packet *like, uint8_t flags, uint32_t seq,
				       const uint8_t *payload, uint32_t length)
{
	static uint8_t bytes[60 + 65535];
	const uint32_t header = like->family == IP_V4 ? 20 : 40, total = header + 20 + length;
	struct packet packet;

	assert_true(total <= 65535);
	memset(bytes, 0, header + 20);
	if (like->family == IP_V4) {
		bytes[0] = 0x45;
		bytes[1] = like->tos;
		be16(bytes + 2, total);
		bytes[8] = like->ttl;
		bytes[9] = 6;
		memcpy(bytes + 12, like->src.bytes, 4);
		memcpy(bytes + 16, like->dst.bytes, 4);
	} else {
		be32(bytes, 0x60000000u | (uint32_t)like->tos << 20);
		be16(bytes + 4, 20 + length);
		bytes[6] = 6;
		bytes[7] = like->ttl;
		memcpy(bytes + 8, like->src.bytes, 16);
		memcpy(bytes + 24, like->dst.bytes, 16);
	}
	be16(bytes + header, like->sport);
	be16(bytes + header + 2, like->dport);
	be32(bytes + header + 4, seq);
	be32(bytes + header + 8, like->tcp_ack);
	bytes[header + 12] = 0x50;
	bytes[header + 13] = flags;
	if (length)
		memcpy(bytes + header + 20, payload, length);
	assert_int_equal(packet_parse(&packet, bytes, total, total), PACKET_OK);
	packet.meta = like->meta;
	return packet;
}

/* Likewise a datagram, of a client over IPv4. */
static inline struct packet udp_packet(const struct packet *like, const uint8_t *payload,
				       size_t length)
{
	static uint8_t bytes[65535];
	const uint32_t total = 28 + (uint32_t)length;
	struct packet packet;

	assert_true(total <= sizeof(bytes));
	memset(bytes, 0, 28);
	bytes[0] = 0x45;
	be16(bytes + 2, total);
	bytes[8] = 64;
	bytes[9] = 17;
	memcpy(bytes + 12, like->src.bytes, 4);
	memcpy(bytes + 16, like->dst.bytes, 4);
	be16(bytes + 20, like->sport);
	be16(bytes + 22, like->dport);
	be16(bytes + 24, 8 + (uint32_t)length);
	memcpy(bytes + 28, payload, length);
	assert_int_equal(packet_parse(&packet, bytes, total, total), PACKET_OK);
	packet.meta = like->meta;
	return packet;
}

static inline void world_add(struct world *world, const struct packet *packet)
{
	struct event *event;

	if (world->event_count == world->event_capacity) {
		world->event_capacity = world->event_capacity ? world->event_capacity * 2 : 64;
		world->events = reallocarray(world->events, world->event_capacity, sizeof(*event));
		assert_non_null(world->events);
	}
	event = &world->events[world->event_count++];
	*event = (struct event){.flight = -1, .bytes = malloc(packet->ip_captured)};
	assert_non_null(event->bytes);
	memcpy(event->bytes, packet->ip, packet->ip_captured);
	assert_int_equal(packet_parse(&event->packet, event->bytes, packet->ip_captured,
				      packet->ip_length),
			 PACKET_OK);
	event->packet.meta = packet->meta;
}

/* ---- telling ---- */

static inline void keep_answer(const struct flow *flow, const struct flow_info *info,
			       void *context)
{
	struct world *world = context;
	uint32_t number = flow_number(flow) - world->flows_before;
	struct answer *answer;

	if (!world->answers)
		return;
	assert_in_range(number, 1, FLOWS_MAX);
	if (number > world->answers->count)
		world->answers->count = number;
	answer = &world->answers->of[number - 1];
	world->answers->decided_packet[number - 1] = flow->decided_packet;
	answer->rule = flow_rule(flow);
	answer->value = flow->value ? flow->value : world->view.mark.main;
	if (!info)
		return;
	memcpy(answer->app, info->app, sizeof(answer->app));
	answer->app_count = info->app_count;
	answer->app_shown = info->app_shown;
	answer->host_source = info->host_source;
	if (info->host)
		snprintf(answer->host, sizeof(answer->host), "%s", info->host);
	answer->alpn_length = info->alpn_length;
	if (info->alpn)
		memcpy(answer->alpn, info->alpn, info->alpn_length);
}

static inline void tell_packet(struct world *world, struct packet packet)
{
	packet.meta.time_us += world->tellings * TELLING_APART_US;
	classify_packet(world->classifier, &world->view, &packet);
}

/* Seals the frames as the client's next Initial. */
static inline void tell_initial(struct world *world, const struct packet *like,
				const uint8_t *frames, size_t length, uint64_t number)
{
	static uint8_t sealed[65535];
	const struct quic_build_cid origin = {8, "\x83\x94\xc8\xf0\x3e\x51\x57\x08"};
	const struct quic_build build = {
		.version = 1,
		.type = QUIC_INITIAL,
		.origin = origin,
		.dcid = origin,
		.scid = {5, "\x11\x22\x33\x44\x55"},
		.number = number,
		.pad_to = 1200,
	};

	tell_packet(world, udp_packet(like, sealed, quic_build(&build, frames, length, sealed)));
}

static inline void tell_flight(struct world *world, const struct telling *telling)
{
	static uint8_t room[FLOW_PREFIX_MAX_BYTES + 1], frames[2 * FLOW_PREFIX_MAX_BYTES];
	static bool brought[FLOW_PREFIX_MAX_BYTES];
	const struct flight *flight = &world->flights[telling->flight];
	const struct packet *like = &world->events[flight->first].packet;
	const int32_t length = (int32_t)flight->said.contiguous;
	size_t framed = 0;

	memset(brought, false, (size_t)length);
	memset(brought, true, telling->in_syn);
	for (size_t i = 0; i < telling->count; i++) {
		const struct piece *piece = &telling->pieces[i];
		const uint32_t count = (uint32_t)(piece->to - piece->from);

		assert_true(count <= sizeof(room));
		for (int32_t at = piece->from; at < piece->to; at++) {
			uint8_t *byte = &room[at - piece->from];

			if (at < 0 || at >= length) {
				*byte = 'A';
				continue;
			}
			/* another letter, so that a name made of it would be plausible */
			*byte = flight->said.bytes[at];
			if (piece->garble && brought[at])
				*byte ^= 1;
			brought[at] = true;
		}
		if (!world->quic) {
			tell_packet(world, tcp_packet(like, PACKET_TCP_ACK,
						      flight->seq + (uint32_t)piece->from, room,
						      count));
			continue;
		}
		if (piece->from < 0) /* CRYPTO has no such offsets */
			continue;
		assert_true(framed + count + 16 <= sizeof(frames));
		framed += quic_build_crypto(frames + framed, (uint64_t)piece->from, room, count);
		if (!world->quic_together || i + 1 == telling->count) {
			tell_initial(world, like, frames, framed, i);
			framed = 0;
		}
	}
}

static inline void world_tell(struct world *world, const struct telling *telling,
			      struct answers *answers)
{
	const struct flight *flight =
		telling->flight < 0 ? NULL : &world->flights[telling->flight];
	uint32_t in_syn = telling->in_syn;

	memset(answers, 0, sizeof(*answers));
	world->answers = answers;
	for (size_t i = 0; i < world->event_count; i++) {
		struct event *event = &world->events[i];

		if (flight && i == flight->first) {
			tell_flight(world, telling);
		} else if (flight && in_syn && event->flow == flight->flow) {
			tell_packet(world, tcp_packet(&event->packet, event->packet.tcp_flags,
						      event->packet.tcp_seq, flight->said.bytes,
						      in_syn));
			in_syn = 0;
		} else if (!flight || event->flight != telling->flight) {
			tell_packet(world, event->packet);
		}
		if (!flight) {
			enum flow_direction direction;

			event->flow = classifier_last_flow(world->classifier, &direction)->number -
				      world->flows_before;
			event->direction = (uint8_t)direction;
		}
	}
	world->tellings++;
	/* all flows end, and leave their answers */
	classifier_expire(world->classifier,
			  world->events[0].packet.meta.time_us +
				  world->tellings * TELLING_APART_US,
			  SIZE_MAX);
	assert_int_equal(flow_table_count(classifier_flows(world->classifier)), 0);
	world->flows_before += answers->count;
	world->answers = NULL;
}

/* ---- answers ---- */

static inline const char *rule_name(const struct world *world, int32_t rule)
{
	struct rule_view view;

	if (rule < 0)
		return "none";
	ruleset_view(world->policy->rules, (size_t)rule, &view);
	return view.name;
}

static inline const char *answer_text(const struct world *world, const struct answer *answer)
{
	static char texts[2][1024];
	static unsigned turn;
	char *text = texts[turn++ % 2];
	size_t used = 0;

	for (unsigned i = 0; i < answer->app_count; i++)
		used += (size_t)snprintf(text + used, 256, "%s%s", i ? "/" : "",
					 app_name(answer->app[i]));
	snprintf(text + used, 512, "%s host '%.200s' source %u alpn %u bytes rule %s value %u",
		 used ? "" : "no app", answer->host, answer->host_source, answer->alpn_length,
		 rule_name(world, answer->rule), answer->value);
	return text;
}

/* Tells it, and fails if any flow's answer is another than the true one. */
static inline void assert_same_answers(struct world *world, const struct telling *telling)
{
	struct answers answers;

	world_tell(world, telling, &answers);
	for (uint32_t i = 0; i < world->truth.count; i++)
		if (memcmp(&answers.of[i], &world->truth.of[i], sizeof(answers.of[i])) != 0)
			fail_msg("%s: flight %d (%u bytes) %s at %u, %u: flow %u is %s; it was %s",
				 world->name, telling->flight,
				 telling->flight < 0
					 ? 0
					 : world->flights[telling->flight].said.contiguous,
				 telling->way, telling->at, telling->to, i + 1,
				 answer_text(world, &answers.of[i]),
				 answer_text(world, &world->truth.of[i]));
	assert_int_equal(answers.count, world->truth.count);
}

/* ---- worlds ---- */

/* The limits of the configuration. */
static inline void world_limit(struct world *world)
{
	policy_classify_view(world->policy, &world->view);
	world->view.generation = 1;
	world->view.inspect_decided = true;
	world->view.names = world->names;
	world->view.steer_state = world->steer_state;
}

static inline void world_policy(struct world *world, const char *conf)
{
	const struct classifier_options options = {
		.flows_max = FLOWS_MAX,
		.timeouts = {7200, 180, 60},
		.inspect_bytes_max = (size_t)1 << 30,
	};
	const struct hash_seed seed = {1, 2};
	struct diag_list diags = DIAG_LIST_INIT;

	world->policy = policy_load(conf, &diags);
	if (!world->policy)
		diag_print(&diags, stderr);
	assert_non_null(world->policy);
	diag_list_release(&diags);
	world->classifier = classifier_new(&options, keep_answer, world);
	world->names = names_new(1024, &seed);
	world->steer_state = steer_state_new(&world->policy->conf->mark, 64, &seed);
	assert_non_null(world->steer_state);
	assert_non_null(world->classifier);
	assert_non_null(world->names);
	world_limit(world);
}

/* Which bytes of which flow make a flight: the first `turns_max` of each TCP flow that begins with its SYN. */
static inline void world_find_flights(struct world *world, unsigned turns_max)
{
	for (uint32_t flow = 1; flow <= world->truth.count; flow++) {
		struct flight *flight = NULL;
		uint32_t next[2] = {0, 0};
		bool known[2] = {false, false};
		unsigned turns = 0;

		for (size_t i = 0; i < world->event_count; i++) {
			struct event *event = &world->events[i];
			const struct packet *packet = &event->packet;
			unsigned side = event->direction;

			if (event->flow != flow || !packet->has_tcp)
				continue;
			if (packet->tcp_flags & PACKET_TCP_SYN) {
				next[side] = packet->tcp_seq + 1;
				known[side] = true;
			}
			if (!packet->payload_length || !known[side])
				continue;
			assert_int_equal(packet->payload_captured, packet->payload_length);
			if (!flight || flight->direction != side) {
				if (flight)
					next[flight->direction] += flight->said.contiguous;
				if (turns == turns_max || world->flight_count == FLIGHTS_MAX)
					break;
				flight = &world->flights[world->flight_count++];
				*flight = (struct flight){
					.flow = flow,
					.seq = next[side],
					.direction = (uint8_t)side,
					.first = i,
					.turn = turns++,
				};
				flow_prefix_init(&flight->said);
			}
			if (packet->tcp_seq - flight->seq + packet->payload_length >
			    FLOW_PREFIX_MAX_BYTES / 2)
				break; /* the rest stays as it was captured */
			event->flight = (int)(flight - world->flights);
			assert_true(flow_prefix_add(&flight->said, packet->tcp_seq - flight->seq,
						    packet->payload, packet->payload_length) >= 0);
		}
	}
	for (size_t i = 0; i < world->flight_count; i++) {
		assert_int_equal(world->flights[i].said.range_count, 0);
		assert_true(world->flights[i].said.contiguous > 0);
	}
}

/* The truth, as it was told, under the limits of the configuration; then flights, and no limits. */
static inline void world_begin(struct world *world, unsigned turns_max)
{
	static struct telling as_it_was = {.way = "as it was", .flight = -1};

	world_tell(world, &as_it_was, &world->truth);
	world_find_flights(world, turns_max);
	world->view.limits = (struct inspect_limits){UINT32_MAX / 8, UINT32_MAX / 8};
	assert_same_answers(world, &as_it_was);
}

static inline void world_free(struct world *world)
{
	for (size_t i = 0; i < world->event_count; i++)
		free(world->events[i].bytes);
	for (size_t i = 0; i < world->flight_count; i++)
		flow_prefix_release(&world->flights[i].said);
	free(world->events);
	classifier_free(world->classifier);
	names_free(world->names);
	steer_state_free(world->steer_state);
	policy_free(world->policy);
	free(world);
}

static inline struct world *world_from_capture(const char *name, const char *path,
					       const char *conf)
{
	struct world *world = calloc(1, sizeof(*world));
	struct packet packets[SOURCE_BATCH];
	char error[256];
	struct source *source = source_pcap_open(path, error, sizeof(error));
	int count;

	assert_non_null(world);
	if (!source)
		fail_msg("%s: %s", path, error);
	world->name = name;
	world_policy(world, conf);
	while ((count = source->ops->receive(source, packets)) > 0)
		for (int i = 0; i < count; i++)
			world_add(world, &packets[i]);
	assert_int_equal(count, 0);
	source->ops->close(source);
	return world;
}

/* One flow from its SYN; `conf` is the text of a configuration. */
static inline struct world *world_from_talk(const char *name, const char *conf, uint8_t family,
					    uint16_t port)
{
	struct world *world = calloc(1, sizeof(*world));
	struct packet ends[2] = {
		{.family = family, .ttl = 64, .sport = 40000, .dport = port},
		{.family = family, .ttl = 64, .sport = port, .dport = 40000},
	};
	char path[] = "/tmp/test_invariance.XXXXXX";
	int fd = mkstemp(path);
	struct packet packet;

	assert_non_null(world);
	world->name = name;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, conf, strlen(conf)), strlen(conf));
	close(fd);
	world_policy(world, path);
	unlink(path);
	ends[0].src = ends[1].dst = (struct ip_addr){family, {10, 0, 0, 2}};
	ends[0].dst = ends[1].src = (struct ip_addr){family, {192, 0, 2, 9}};
	ends[0].meta.time_us = ends[1].meta.time_us = 1700000000000000;
	/* the client's numbers wrap within its first flight */
	packet = tcp_packet(&ends[0], PACKET_TCP_SYN, 0xffffffdf, NULL, 0);
	world_add(world, &packet);
	packet = tcp_packet(&ends[1], PACKET_TCP_SYN | PACKET_TCP_ACK, 6999, NULL, 0);
	world_add(world, &packet);
	return world;
}

/* A QUIC client over IPv4 whose hello is `bytes`, and no answer. */
static inline struct world *world_from_crypto(const char *name, const char *conf,
					      const uint8_t *bytes, size_t length, bool together)
{
	struct world *world = world_from_talk(name, conf, IP_V4, 443);
	struct flight *flight = &world->flights[0];
	uint8_t nothing[1200] = {0};
	struct packet packet;

	world->quic = true;
	world->quic_together = together;
	/* only the ends and the time of the first packet matter: a flight takes its place */
	packet = udp_packet(&world->events[0].packet, nothing, sizeof(nothing));
	while (world->event_count)
		free(world->events[--world->event_count].bytes);
	world_add(world, &packet);
	world->flight_count = 1;
	*flight = (struct flight){.flow = 1};
	flow_prefix_init(&flight->said);
	assert_int_equal(flow_prefix_add(&flight->said, 0, bytes, length), length);
	world->truth.count = 1;
	world->events[0].flow = 1;
	world->events[0].flight = 0;
	world->view.limits = (struct inspect_limits){UINT32_MAX / 8, UINT32_MAX / 8};
	return world;
}

/* What one side says next. */
static inline void world_say(struct world *world, unsigned side, const void *bytes, size_t length)
{
	const struct packet *like = &world->events[side].packet;
	struct packet packet;
	uint32_t seq = like->tcp_seq + 1;

	for (size_t i = 2; i < world->event_count; i++)
		if (world->events[i].packet.sport == like->sport)
			seq += world->events[i].packet.payload_length;
	packet = tcp_packet(like, PACKET_TCP_ACK, seq, bytes, (uint32_t)length);
	packet.meta.time_us += world->event_count * 1000;
	world_add(world, &packet);
}

#endif
