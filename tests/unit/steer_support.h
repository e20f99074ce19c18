/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A steer of a few uplinks and groups, its state, and the keys of flows to ask it about.
 */
#ifndef STEER_SUPPORT_H
#define STEER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <waymark/steer.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define T0_S UINT64_C(1700000000)
#define VALUES 128 /* of the default mask */
#define MAIN 0x7f
#define DROP 0x7d

struct world {
	struct mark_layout mark;
	struct steer *steer;
	struct steer_state *state;
};

static inline struct steer *steer_make(const struct mark_layout *mark,
				       const struct steer_uplink *uplinks, size_t uplink_count,
				       const struct steer_group *groups, size_t group_count)
{
	const struct steer_options options = {
		.mark = mark,
		.uplinks = uplinks,
		.uplink_count = uplink_count,
		.groups = groups,
		.group_count = group_count,
	};
	struct steer *steer = steer_new(&options);

	assert_non_null(steer);
	return steer;
}

static inline void world_init(struct world *world, const struct steer_uplink *uplinks,
			      size_t uplink_count, const struct steer_group *groups,
			      size_t group_count, uint32_t sticky_max)
{
	const struct hash_seed seed = {3, 4};

	assert_true(mark_layout_init(&world->mark, 0xff));
	world->steer = steer_make(&world->mark, uplinks, uplink_count, groups, group_count);
	world->state = steer_state_new(&world->mark, sticky_max, &seed);
	assert_non_null(world->state);
}

static inline void world_release(struct world *world)
{
	steer_free(world->steer);
	steer_state_free(world->state);
}

/* 10.x.x.x -> 192.0.x.x */
static inline struct steer_key key_of(uint32_t source, uint32_t destination, uint64_t time_s)
{
	const uint8_t src[4] = {10, (uint8_t)(source >> 16), (uint8_t)(source >> 8),
				(uint8_t)source},
		      dst[4] = {192, 0, (uint8_t)(destination >> 8), (uint8_t)destination};

	return (struct steer_key){
		.src = ip_v4(src), .dst = ip_v4(dst), .time_us = time_s * 1000000 + 999999};
}

static inline uint32_t take_group(const struct world *world, uint32_t group, uint32_t source,
				  uint64_t time_s)
{
	const struct steer_target target = {.group = group};
	const struct steer_key key = key_of(source, 1, time_s);

	return steer_take(world->steer, world->state, &target, &key);
}

static inline uint32_t take_value(const struct world *world, uint32_t value)
{
	const struct steer_target target = {.value = value, .group = STEER_NO_GROUP};
	const struct steer_key key = key_of(1, 1, T0_S);

	return steer_take(world->steer, world->state, &target, &key);
}

#endif
