/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is now: which uplinks are usable, which decisions are void, whose turn it is.
 *
 * Epochs. One counter stands for all that was ever forgotten, and each value keeps the count at
 * which it was. A decision remembers the counter as it was before it was made: it is void if its
 * value was forgotten at a later count. forget() writes the value's count first and the counter
 * with release after it, so whoever sees the counter move sees why. In between, the
 * decision is found void a moment too early, by nobody but who looks closely for another reason.
 *
 * Turns. A few counters, each in a cache line of its own, taken by a group's index. Groups that
 * share one, or that take over another's at a reload, lose nothing: any stretch of the sequence
 * that steer.c makes of turns is as good as any other, and so is every second of one.
 */
#include "state.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64
#define TURNS 64u /* a power of two */
#define STICKY_DEFAULT 65536u

struct turn {
	alignas(CACHE_LINE) _Atomic uint32_t next;
};

/* Of one value. */
struct standing {
	_Atomic uint32_t forgotten; /* the epoch at which it last was; 0: never */
	_Atomic uint32_t use;	    /* enum steer_use */
};

struct steer_state {
	struct turn turns[TURNS];
	/* what every packet reads stands apart from what every new flow writes */
	alignas(CACHE_LINE) _Atomic uint32_t epoch;
	uint32_t user_max, drop;
	struct standing *standings;
	struct sticky_memory *memory;
};

/* The values of users come first, then drop, hint, main, and one for what is no value. */
static struct standing *standing_of(const struct steer_state *state, uint32_t value)
{
	uint32_t special = value - state->drop;

	if (value <= state->user_max)
		return &state->standings[value];
	return &state->standings[state->user_max + 1 + (special < 3 ? special : 3)];
}

struct steer_state *steer_state_new(const struct mark_layout *mark, uint32_t sticky_max,
				    const struct hash_seed *seed)
{
	struct steer_state *state = aligned_alloc(CACHE_LINE, sizeof(*state));

	if (!state)
		return NULL;
	memset(state, 0, sizeof(*state));
	state->user_max = mark->user_max;
	state->drop = mark->drop;
	state->standings = calloc((size_t)mark->user_max + 5, sizeof(*state->standings));
	state->memory = sticky_memory_new(sticky_max ? sticky_max : STICKY_DEFAULT, seed);
	if (!state->standings || !state->memory) {
		steer_state_free(state);
		return NULL;
	}
	return state;
}

void steer_state_free(struct steer_state *state)
{
	if (!state)
		return;
	sticky_memory_free(state->memory);
	free(state->standings);
	free(state);
}

void steer_state_set_use(struct steer_state *state, uint32_t value, enum steer_use use)
{
	atomic_store_explicit(&standing_of(state, value)->use, (uint32_t)use, memory_order_release);
}

enum steer_use steer_state_use(const struct steer_state *state, uint32_t value)
{
	return (enum steer_use)atomic_load_explicit(&standing_of(state, value)->use,
						    memory_order_acquire);
}

void steer_state_forget(struct steer_state *state, uint32_t value)
{
	uint32_t epoch = atomic_load_explicit(&state->epoch, memory_order_relaxed) + 1;

	atomic_store_explicit(&standing_of(state, value)->forgotten, epoch, memory_order_relaxed);
	atomic_store_explicit(&state->epoch, epoch, memory_order_release);
}

uint32_t steer_state_epoch(const struct steer_state *state)
{
	return atomic_load_explicit(&state->epoch, memory_order_acquire);
}

bool steer_state_is_void(const struct steer_state *state, uint32_t value, uint32_t epoch)
{
	return atomic_load_explicit(&standing_of(state, value)->forgotten, memory_order_relaxed) >
	       epoch;
}

uint32_t steer_state_turn(struct steer_state *state, uint32_t group)
{
	return atomic_fetch_add_explicit(&state->turns[group % TURNS].next, 1,
					 memory_order_relaxed);
}

struct sticky_memory *steer_state_memory(struct steer_state *state)
{
	return state->memory;
}
