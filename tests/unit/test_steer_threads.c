/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The choice of an uplink by several workers at once: shares stay exact, nobody takes what was lost
 * before, and whoever meets a new source at the same time as another takes the same member.
 */
#include "steer_support.h"

#include <pthread.h>
#include <stdatomic.h>

#define WORKERS 4
#define FLOWS 10000
#define ROUNDS 3000

static const struct steer_uplink uplinks[] = {{.value = 1}, {.value = 2}, {.value = 3}};
static const struct steer_member members[] = {{1, 5}, {2, 3}, {3, 2}};

struct shared {
	struct world world;
	pthread_barrier_t barrier;
	/* of worker and round, or of worker and value */
	uint8_t took[WORKERS][ROUNDS];
	unsigned taken[WORKERS][4];
	_Atomic bool wrong, stop;
};

struct worker {
	struct shared *shared;
	unsigned index;
};

static void run(struct shared *shared, void *(*work)(void *), void *(*meanwhile)(void *))
{
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS], other;

	pthread_barrier_init(&shared->barrier, NULL, WORKERS);
	if (meanwhile)
		assert_int_equal(pthread_create(&other, NULL, meanwhile, shared), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){shared, i};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&shared->stop, true);
	if (meanwhile)
		pthread_join(other, NULL);
	pthread_barrier_destroy(&shared->barrier);
}

static struct shared *shared_new(enum steer_sticky sticky, uint32_t sticky_max)
{
	const struct steer_group group = {.name = "g",
					  .sticky = sticky,
					  .sticky_s = 600,
					  .members = members,
					  .member_count = COUNT(members)};
	struct shared *shared = calloc(1, sizeof(*shared));

	assert_non_null(shared);
	world_init(&shared->world, uplinks, COUNT(uplinks), &group, 1, sticky_max);
	return shared;
}

static void shared_free(struct shared *shared)
{
	world_release(&shared->world);
	free(shared);
}

/* ---- shares ---- */

static void *take_share(void *argument)
{
	const struct worker *worker = argument;
	struct shared *shared = worker->shared;

	pthread_barrier_wait(&shared->barrier);
	for (unsigned i = 0; i < FLOWS / WORKERS; i++)
		shared->taken[worker->index][take_group(&shared->world, 0, i, T0_S)]++;
	return NULL;
}

static void workers_together_honour_the_weights(void **state)
{
	struct shared *shared = shared_new(STEER_STICKY_FLOW, 0);

	(void)state;
	for (unsigned down = 0; down < 2; down++) {
		const unsigned total = down ? 5 : 10;

		memset(shared->taken, 0, sizeof(shared->taken));
		run(shared, take_share, NULL);
		for (size_t i = 0; i < COUNT(members); i++) {
			unsigned sum = 0, want = FLOWS * members[i].weight / total;

			if (down && i == 0)
				want = 0;
			for (unsigned j = 0; j < WORKERS; j++)
				sum += shared->taken[j][members[i].value];
			assert_in_range(sum, want < 50 ? 0 : want - 50, want + 50);
		}
		steer_state_set_use(shared->world.state, 1, STEER_LOST);
	}
	shared_free(shared);
}

/* ---- what is lost ---- */

static void *flap(void *argument)
{
	struct shared *shared = argument;

	while (!atomic_load(&shared->stop)) {
		steer_state_set_use(shared->world.state, 2, STEER_LOST);
		steer_state_forget(shared->world.state, 2);
		steer_state_set_use(shared->world.state, 2, STEER_USABLE);
	}
	return NULL;
}

/* Whatever is taken of what was never usable, or of nothing, is wrong. */
static void *take_while_flapping(void *argument)
{
	const struct worker *worker = argument;
	struct shared *shared = worker->shared;

	pthread_barrier_wait(&shared->barrier);
	for (unsigned i = 0; i < FLOWS; i++) {
		uint32_t epoch = steer_state_epoch(shared->world.state);
		uint32_t value = take_group(&shared->world, 0, i % 50, T0_S + i / 1000);

		if (value != 2 && value != 3)
			atomic_store(&shared->wrong, true);
		/* what nobody forgets is never void, however often others are */
		if (steer_state_is_void(shared->world.state, 3, epoch))
			atomic_store(&shared->wrong, true);
	}
	return NULL;
}

static void a_member_that_flaps_leads_nobody_astray(void **state)
{
	(void)state;
	for (int sticky = STEER_STICKY_FLOW; sticky <= STEER_STICKY_SOURCE; sticky++) {
		struct shared *shared = shared_new((enum steer_sticky)sticky, 0);

		steer_state_set_use(shared->world.state, 1, STEER_LOST);
		run(shared, take_while_flapping, flap);
		assert_false(shared->wrong);
		shared_free(shared);
	}
}

/* ---- one source, met by all at once ---- */

/*
 * In each round all meet one new source, and each a source of its own that wants room in
 * the same few buckets, so that entries are moved about while they are looked for.
 */
static void *meet_sources(void *argument)
{
	const struct worker *worker = argument;
	struct shared *shared = worker->shared;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t own = 0x10000 + round * WORKERS + worker->index;

		pthread_barrier_wait(&shared->barrier);
		if ((round + worker->index) % 2)
			take_group(&shared->world, 0, own, T0_S + round);
		shared->took[worker->index][round] =
			(uint8_t)take_group(&shared->world, 0, round, T0_S + round);
		take_group(&shared->world, 0, own, T0_S + round);
		if (take_group(&shared->world, 0, round, T0_S + round) !=
		    shared->took[worker->index][round])
			atomic_store(&shared->wrong, true);
	}
	return NULL;
}

static void workers_agree_on_the_member_of_a_new_source(void **state)
{
	(void)state;
	for (uint32_t max = 8; max <= 8192; max *= 32) {
		struct shared *shared = shared_new(STEER_STICKY_SOURCE, max);

		run(shared, meet_sources, NULL);
		assert_false(shared->wrong);
		for (uint32_t round = 0; round < ROUNDS; round++)
			for (unsigned i = 1; i < WORKERS; i++)
				if (shared->took[i][round] != shared->took[0][round])
					fail_msg(
						"%u entries, round %u: worker %u took %u, worker 0 "
						"took %u",
						max, round, i, shared->took[i][round],
						shared->took[0][round]);
		shared_free(shared);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_together_honour_the_weights),
		cmocka_unit_test(a_member_that_flaps_leads_nobody_astray),
		cmocka_unit_test(workers_agree_on_the_member_of_a_new_source),
	};

	return cmocka_run_group_tests_name("steer threads", tests, NULL, NULL);
}
