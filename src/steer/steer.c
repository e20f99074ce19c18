/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The choice: a target, followed along on_down to where a new flow may go, and of a group a member.
 *
 * By weight. A group's turns are numbered; the turn times 2^32/phi, modulo 2^32, is a point of
 * the golden-ratio sequence, which spreads over the range more evenly than any hash: after n
 * points every stretch of it has got its share but for some log n of them. Scaled to the total
 * weight of the members that are usable now, the point picks one. There is no schedule to build
 * or to share, so a member that goes or comes changes the shares at once, and one that comes back
 * is not flooded to catch up.
 *
 * Following on_down ends, whatever the configuration: each step leaves an uplink that is not
 * usable, so more steps than there are uplinks go in a circle.
 *
 * What is usable may change between two looks at it. Then a flow gets a line that was lost a
 * moment ago; it is told so by steer_state_forget(), as all flows of that line are.
 */
#include <waymark/steer.h>

#include <stdlib.h>
#include <string.h>

#include <waymark/arena.h>

#include "state.h"

#define GOLDEN 2654435769U /* 2^32 / phi */
#define STORE_TRIES 8
#define US_PER_S 1000000U

struct group {
	struct steer_group says;
	uint64_t id; /* of its name: outlives reloads */
};

struct steer {
	struct arena arena;
	struct mark_layout mark;
	struct steer_uplink *uplinks;
	size_t uplink_count;
	struct group *groups;
	size_t group_count;
	/* by value, 0 .. mark.user_max: its uplink's place from 1; 0: no uplink has it */
	uint16_t *places;
};

/* ---- what the configuration says ---- */

static bool copy_groups(struct steer *steer, const struct steer_options *options)
{
	static const struct hash_seed no_seed; /* the memory hashes it once more, with its own */

	steer->groups = arena_array(&steer->arena, options->group_count + 1, sizeof(struct group));
	if (!steer->groups)
		return false;
	for (size_t i = 0; i < options->group_count; i++) {
		const struct steer_group *from = &options->groups[i];
		struct group *to = &steer->groups[i];

		to->says = *from;
		to->says.name = arena_strdup(&steer->arena, from->name);
		to->says.members = arena_copy(&steer->arena, from->members,
					      from->member_count * sizeof(*from->members));
		to->id = hash_bytes(&no_seed, from->name, strlen(from->name));
		if (!to->says.name || !to->says.members)
			return false;
	}
	steer->group_count = options->group_count;
	return true;
}

static bool copy_uplinks(struct steer *steer, const struct steer_options *options)
{
	steer->places = arena_array(&steer->arena, (size_t)steer->mark.user_max + 1,
				    sizeof(*steer->places));
	steer->uplinks =
		arena_array(&steer->arena, options->uplink_count + 1, sizeof(*steer->uplinks));
	if (!steer->places || !steer->uplinks)
		return false;
	for (size_t i = 0; i < options->uplink_count; i++) {
		steer->uplinks[i] = options->uplinks[i];
		steer->places[options->uplinks[i].value] = (uint16_t)(i + 1);
	}
	steer->uplink_count = options->uplink_count;
	return true;
}

struct steer *steer_new(const struct steer_options *options)
{
	struct steer *steer = calloc(1, sizeof(*steer));

	if (!steer)
		return NULL;
	arena_init(&steer->arena);
	steer->mark = *options->mark;
	if (!copy_uplinks(steer, options) || !copy_groups(steer, options)) {
		steer_free(steer);
		return NULL;
	}
	return steer;
}

void steer_free(struct steer *steer)
{
	if (!steer)
		return;
	arena_release(&steer->arena);
	free(steer);
}

size_t steer_group_members(const struct steer *steer, uint32_t group,
			   const struct steer_member **members)
{
	*members = steer->groups[group].says.members;
	return steer->groups[group].says.member_count;
}

/* NULL: main, drop, a class of the user's. */
static const struct steer_uplink *uplink_of(const struct steer *steer, uint32_t value)
{
	uint16_t place = value <= steer->mark.user_max ? steer->places[value] : 0;

	return place ? &steer->uplinks[place - 1] : NULL;
}

/* ---- what stands where a target leads ---- */

static enum steer_use use_of(const struct steer_state *state, const struct steer_uplink *uplink)
{
	return uplink->disabled ? STEER_DRAINED : steer_state_use(state, uplink->value);
}

static bool is_usable(const struct steer *steer, const struct steer_state *state, uint32_t value)
{
	const struct steer_uplink *uplink = uplink_of(steer, value);

	return !uplink || use_of(state, uplink) == STEER_USABLE;
}

/* The first usable member; NULL: none is. */
static const struct steer_member *
first_usable(const struct steer *steer, const struct steer_state *state, const struct group *group)
{
	for (size_t i = 0; i < group->says.member_count; i++)
		if (is_usable(steer, state, group->says.members[i].value))
			return &group->says.members[i];
	return NULL;
}

static struct steer_target to_value(uint32_t value)
{
	return (struct steer_target){.value = value, .group = STEER_NO_GROUP};
}

/* Where new flows of the target go as things are: a value, or a group with a usable member. */
static struct steer_target stand_in(const struct steer *steer, const struct steer_state *state,
				    struct steer_target at)
{
	for (size_t steps = 0; steps <= steer->uplink_count; steps++) {
		const struct steer_uplink *uplink;
		enum steer_use use;

		if (at.group != STEER_NO_GROUP) {
			const struct group *group = &steer->groups[at.group];

			if (first_usable(steer, state, group))
				return at;
			at = to_value(group->says.members[0].value);
		}
		uplink = uplink_of(steer, at.value);
		use = uplink ? use_of(state, uplink) : STEER_USABLE;
		if (use == STEER_USABLE || (use == STEER_LOST && uplink->keeps))
			return at;
		switch (uplink->on_down) {
		case STEER_DOWN_MAIN:
			return to_value(steer->mark.main);
		case STEER_DOWN_BLOCK:
			return use == STEER_LOST ? at : to_value(steer->mark.drop);
		case STEER_DOWN_VALUE:
			at = to_value(uplink->stand_in);
			break;
		case STEER_DOWN_GROUP:
			at = (struct steer_target){.group = uplink->stand_in};
			break;
		}
	}
	return to_value(steer->mark.main);
}

/* ---- a member of a group ---- */

static uint32_t by_weight(const struct steer *steer, struct steer_state *state, uint32_t index)
{
	const struct group *group = &steer->groups[index];
	const struct steer_member *members = group->says.members;
	uint32_t point = steer_state_turn(state, index) * GOLDEN;
	uint32_t value = members[0].value;
	uint64_t total = 0, at;

	for (size_t i = 0; i < group->says.member_count; i++)
		total += is_usable(steer, state, members[i].value) ? members[i].weight : 0;
	at = point * total >> 32;
	for (size_t i = 0; i < group->says.member_count; i++) {
		if (!is_usable(steer, state, members[i].value))
			continue;
		value = members[i].value;
		if (at < members[i].weight)
			break;
		at -= members[i].weight;
	}
	return value;
}

static bool is_usable_member(const struct steer *steer, const struct steer_state *state,
			     const struct group *group, uint32_t value)
{
	for (size_t i = 0; i < group->says.member_count; i++)
		if (group->says.members[i].value == value)
			return is_usable(steer, state, value);
	return false;
}

static uint64_t key_of(const struct sticky_memory *memory, const struct group *group,
		       const struct steer_key *key)
{
	struct {
		uint64_t group;
		struct ip_addr src, dst;
		uint8_t zero[6]; /* no padding that nobody wrote */
	} bytes = {.group = group->id, .src = key->src};

	_Static_assert(sizeof(bytes) == sizeof(uint64_t) + 2 * sizeof(struct ip_addr) + 6,
		       "every byte of the key is written");
	if (group->says.sticky == STEER_STICKY_SOURCE_DESTINATION)
		bytes.dst = key->dst;
	return sticky_key(memory, &bytes, sizeof(bytes));
}

/* What the source took last, else by weight, which is remembered then. */
static uint32_t by_source(const struct steer *steer, struct steer_state *state, uint32_t index,
			  const struct steer_key *key)
{
	const struct group *group = &steer->groups[index];
	struct sticky_memory *memory = steer_state_memory(state);
	uint64_t hash = key_of(memory, group, key), now_s = key->time_us / US_PER_S;
	struct sticky_entry entry;
	uint32_t value = 0;

	for (unsigned tries = 0; tries < STORE_TRIES; tries++) {
		sticky_find(memory, hash, now_s, &entry);
		if (entry.value && entry.age_s <= group->says.sticky_s &&
		    is_usable_member(steer, state, group, entry.value)) {
			sticky_refresh(&entry, now_s);
			return entry.value;
		}
		if (!value)
			value = by_weight(steer, state, index);
		if (sticky_store(&entry, value, now_s))
			break;
	}
	return value;
}

uint32_t steer_take(const struct steer *steer, struct steer_state *state,
		    const struct steer_target *target, const struct steer_key *key)
{
	struct steer_target at = stand_in(steer, state, *target);
	const struct steer_member *first;
	const struct group *group;

	if (at.group == STEER_NO_GROUP)
		return at.value;
	group = &steer->groups[at.group];
	if (group->says.failover) {
		first = first_usable(steer, state, group);
		return first ? first->value : group->says.members[0].value;
	}
	return group->says.sticky == STEER_STICKY_FLOW ? by_weight(steer, state, at.group)
						       : by_source(steer, state, at.group, key);
}

bool steer_holds(const struct steer *steer, const struct steer_state *state,
		 const struct steer_target *target, uint32_t value)
{
	struct steer_target at = stand_in(steer, state, *target);
	const struct steer_member *first;
	const struct group *group;

	if (at.group == STEER_NO_GROUP)
		return at.value == value;
	group = &steer->groups[at.group];
	if (!group->says.failover)
		return is_usable_member(steer, state, group, value);
	first = first_usable(steer, state, group);
	return first && first->value == value;
}
