/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The choice of an uplink: where on_down leads, how groups share, what is remembered of a source.
 */
#include "steer_support.h"

static void use(const struct world *world, uint32_t value, enum steer_use how)
{
	steer_state_set_use(world->state, value, how);
	assert_int_equal(steer_state_use(world->state, value), how);
}

/* ---- on_down ---- */

static void what_is_usable_or_no_uplink_is_itself(void **state)
{
	static const struct steer_uplink uplinks[] = {{.value = 1}};
	struct world world;

	(void)state;
	world_init(&world, uplinks, COUNT(uplinks), NULL, 0, 0);
	assert_int_equal(take_value(&world, 1), 1);
	assert_int_equal(take_value(&world, 7), 7);
	assert_int_equal(take_value(&world, MAIN), MAIN);
	assert_int_equal(take_value(&world, DROP), DROP);
	use(&world, 7, STEER_LOST); /* a class of the user's has no line to lose */
	assert_int_equal(take_value(&world, 7), 7);
	world_release(&world);
}

static void on_down_says_what_stands_in(void **state)
{
	static const struct steer_member members[] = {{2, 1}, {3, 1}};
	static const struct steer_group groups[] = {
		{.name = "g", .failover = true, .members = members, .member_count = 2}};
	static const struct steer_uplink uplinks[] = {
		{.value = 1, .on_down = STEER_DOWN_MAIN},
		{.value = 2, .on_down = STEER_DOWN_BLOCK},
		{.value = 3, .on_down = STEER_DOWN_VALUE, .stand_in = 4},
		{.value = 4, .on_down = STEER_DOWN_VALUE, .stand_in = 5},
		{.value = 5, .on_down = STEER_DOWN_GROUP, .stand_in = 0},
	};
	struct world world;

	(void)state;
	world_init(&world, uplinks, COUNT(uplinks), groups, COUNT(groups), 0);
	for (int how = STEER_LOST; how <= STEER_DRAINED; how++) {
		for (uint32_t value = 1; value <= 5; value++)
			use(&world, value, STEER_USABLE);
		use(&world, 1, (enum steer_use)how);
		assert_int_equal(take_value(&world, 1), MAIN);
		use(&world, 3, (enum steer_use)how);
		assert_int_equal(take_value(&world, 3), 4);
		use(&world, 4, (enum steer_use)how);
		assert_int_equal(take_value(&world, 3), 5);
		use(&world, 5, (enum steer_use)how);
		assert_int_equal(take_value(&world, 3), 2); /* the group's first that is usable */
		/* a lost line's own table refuses; a drained one's would lead on */
		use(&world, 2, (enum steer_use)how);
		assert_int_equal(take_value(&world, 2), how == STEER_LOST ? 2 : DROP);
		assert_int_equal(take_value(&world, 3), how == STEER_LOST ? 2 : DROP);
	}
	use(&world, 3, STEER_USABLE);
	assert_int_equal(take_value(&world, 3), 3);
	world_release(&world);
}

static void a_circle_ends_on_main(void **state)
{
	static const struct steer_member ab[] = {{1, 1}, {2, 1}}, c[] = {{3, 1}};
	static const struct steer_group groups[] = {
		{.name = "ab", .members = ab, .member_count = 2},
		{.name = "c", .members = c, .member_count = 1},
	};
	static const struct steer_uplink uplinks[] = {
		{.value = 1, .on_down = STEER_DOWN_GROUP, .stand_in = 1},
		{.value = 2, .on_down = STEER_DOWN_VALUE, .stand_in = 1},
		{.value = 3, .on_down = STEER_DOWN_GROUP, .stand_in = 0},
	};
	struct world world;

	(void)state;
	world_init(&world, uplinks, COUNT(uplinks), groups, COUNT(groups), 0);
	for (uint32_t value = 1; value <= 3; value++)
		use(&world, value, STEER_LOST);
	for (uint32_t value = 1; value <= 3; value++)
		assert_int_equal(take_value(&world, value), MAIN);
	assert_int_equal(take_group(&world, 0, 1, T0_S), MAIN);
	assert_int_equal(take_group(&world, 1, 1, T0_S), MAIN);
	use(&world, 2, STEER_USABLE);
	assert_int_equal(take_value(&world, 1), 2); /* by c, whose only member is lost, to ab */
	world_release(&world);
}

static void a_lost_uplink_that_keeps_is_itself(void **state)
{
	static const struct steer_uplink uplinks[] = {
		{.value = 1, .on_down = STEER_DOWN_VALUE, .stand_in = 2, .keeps = true},
		{.value = 2},
		{.value = 3, .on_down = STEER_DOWN_VALUE, .stand_in = 1},
	};
	struct world world;

	(void)state;
	world_init(&world, uplinks, COUNT(uplinks), NULL, 0, 0);
	use(&world, 1, STEER_LOST);
	assert_int_equal(take_value(&world, 1), 1);
	use(&world, 3, STEER_LOST);
	assert_int_equal(take_value(&world, 3), 1); /* its table leads on for those it stands for */
	use(&world, 1, STEER_DRAINED);
	assert_int_equal(take_value(&world, 1), 2);
	world_release(&world);
}

static void a_disabled_uplink_is_as_if_drained(void **state)
{
	static const struct steer_member members[] = {{1, 100}, {3, 1}};
	static const struct steer_group groups[] = {
		{.name = "g", .members = members, .member_count = 2}};
	static const struct steer_uplink uplinks[] = {
		{.value = 1,
		 .on_down = STEER_DOWN_VALUE,
		 .stand_in = 2,
		 .keeps = true,
		 .disabled = true},
		{.value = 2, .on_down = STEER_DOWN_BLOCK, .disabled = true},
		{.value = 3},
	};
	struct world world;

	(void)state;
	world_init(&world, uplinks, COUNT(uplinks), groups, COUNT(groups), 0);
	for (int how = STEER_USABLE; how <= STEER_DRAINED; how++) {
		use(&world, 1, (enum steer_use)how);
		use(&world, 2, (enum steer_use)how);
		/* the kernel has no table of it that could lead on or refuse */
		assert_int_equal(take_value(&world, 1), DROP);
		assert_int_equal(take_group(&world, 0, 1, T0_S), 3);
	}
	world_release(&world);
}

/* ---- groups ---- */

static void the_first_usable_member_of_a_failover_group_takes_all(void **state)
{
	static const struct steer_member members[] = {{3, 1}, {1, 9}, {2, 9}};
	static const struct steer_group groups[] = {{.name = "g",
						     .failover = true,
						     .sticky = STEER_STICKY_SOURCE,
						     .sticky_s = 600,
						     .members = members,
						     .member_count = 3}};
	static const struct steer_uplink uplinks[] = {
		{.value = 1}, {.value = 2}, {.value = 3, .on_down = STEER_DOWN_BLOCK}};
	struct world world;

	(void)state;
	world_init(&world, uplinks, COUNT(uplinks), groups, COUNT(groups), 0);
	assert_int_equal(take_group(&world, 0, 1, T0_S), 3);
	use(&world, 3, STEER_DRAINED);
	assert_int_equal(take_group(&world, 0, 1, T0_S), 1);
	use(&world, 1, STEER_LOST);
	assert_int_equal(take_group(&world, 0, 1, T0_S), 2);
	use(&world, 3, STEER_USABLE);
	assert_int_equal(take_group(&world, 0, 1, T0_S), 3); /* whatever its source took before */
	/* none is left: the first one says what then */
	use(&world, 2, STEER_LOST);
	use(&world, 3, STEER_LOST);
	assert_int_equal(take_group(&world, 0, 1, T0_S), 3);
	use(&world, 3, STEER_DRAINED);
	assert_int_equal(take_group(&world, 0, 1, T0_S), DROP);
	world_release(&world);
}

#define MEMBERS 8

/* Each usable member's share of `flows`, off by no more than `slack` of them. */
static void assert_shares(const uint32_t *weights, size_t count, const bool *usable,
			  const unsigned *taken, unsigned flows, unsigned slack)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += usable[i] ? weights[i] : 0;
	for (size_t i = 0; i < count; i++) {
		double want = usable[i] ? (double)flows * weights[i] / (double)total : 0;
		double off = taken[i] > want ? taken[i] - want : want - taken[i];

		if (off > slack)
			fail_msg("member %zu of weight %u took %u of %u flows, not %.1f", i,
				 weights[i], taken[i], flows, want);
	}
}

static void take_many(const struct world *world, unsigned flows, unsigned taken[MEMBERS])
{
	memset(taken, 0, MEMBERS * sizeof(*taken));
	for (unsigned i = 0; i < flows; i++) {
		uint32_t value = take_group(world, 0, i, T0_S);

		assert_in_range(value, 1, MEMBERS);
		taken[value - 1]++;
	}
}

static void weights_are_honoured_whoever_is_usable(void **state)
{
	static const struct {
		size_t count;
		uint32_t weights[MEMBERS];
	} sets[] = {
		{2, {3, 1}},
		{2, {1, 1}},
		{3, {1, 1, 1}},
		{2, {1000, 1}},
		{4, {5, 3, 2, 90}},
		{3, {500, 333, 167}},
		{8, {1, 2, 3, 4, 5, 6, 7, 8}},
		{2, {618, 382}}, /* the sequence's own ratio */
		{1, {7}},
	};
	struct steer_uplink uplinks[MEMBERS];

	(void)state;
	for (uint32_t i = 0; i < MEMBERS; i++)
		uplinks[i] = (struct steer_uplink){.value = i + 1};
	for (size_t set = 0; set < COUNT(sets); set++) {
		struct steer_member members[MEMBERS];
		const struct steer_group group = {
			.name = "g", .members = members, .member_count = sets[set].count};
		bool usable[MEMBERS] = {true, true, true, true, true, true, true, true};
		unsigned taken[MEMBERS];
		struct world world;

		for (uint32_t i = 0; i < sets[set].count; i++)
			members[i] = (struct steer_member){i + 1, sets[set].weights[i]};
		world_init(&world, uplinks, MEMBERS, &group, 1, 0);
		/* 0.5 % of 10 000; a short stretch is even too */
		take_many(&world, 10000, taken);
		assert_shares(sets[set].weights, sets[set].count, usable, taken, 10000, 50);
		take_many(&world, 100, taken);
		assert_shares(sets[set].weights, sets[set].count, usable, taken, 100, 5);
		if (sets[set].count > 1) {
			usable[0] = false;
			use(&world, 1, STEER_LOST);
			take_many(&world, 10000, taken);
			assert_shares(sets[set].weights, sets[set].count, usable, taken, 10000, 50);
			usable[0] = true;
			use(&world, 1, STEER_USABLE);
			/* it does not catch up on what it missed */
			take_many(&world, 100, taken);
			assert_shares(sets[set].weights, sets[set].count, usable, taken, 100, 5);
			take_many(&world, 10000, taken);
			assert_shares(sets[set].weights, sets[set].count, usable, taken, 10000, 50);
		}
		world_release(&world);
	}
}

static void members_that_come_and_go_all_the_time_leave_the_shares_even(void **state)
{
	static const struct steer_uplink uplinks[] = {{.value = 1}, {.value = 2}, {.value = 3}};
	static const struct steer_member members[] = {{1, 5}, {2, 3}, {3, 2}};
	static const struct steer_group group = {
		.name = "g", .members = members, .member_count = 3};
	static const uint32_t weights[] = {5, 3, 2};
	static const bool all[] = {true, true, true}, without[] = {true, true, false};
	unsigned with_all[3] = {0}, with_two[3] = {0};
	struct world world;

	(void)state;
	world_init(&world, uplinks, COUNT(uplinks), &group, 1, 0);
	for (unsigned i = 0; i < 20000; i++) {
		bool down = i / 7 % 2;

		use(&world, 3, down ? STEER_LOST : STEER_USABLE);
		(down ? with_two : with_all)[take_group(&world, 0, i, T0_S) - 1]++;
	}
	assert_shares(weights, 3, all, with_all, with_all[0] + with_all[1] + with_all[2], 50);
	assert_shares(weights, 3, without, with_two, with_two[0] + with_two[1], 50);
	world_release(&world);
}

static void a_target_holds_what_it_may_give_now(void **state)
{
	static const struct steer_member members[] = {{1, 1}, {2, 1}};
	static const struct steer_group groups[] = {
		{.name = "any", .members = members, .member_count = 2},
		{.name = "first", .failover = true, .members = members, .member_count = 2},
	};
	static const struct steer_uplink uplinks[] = {
		{.value = 1, .on_down = STEER_DOWN_VALUE, .stand_in = 3},
		{.value = 2},
		{.value = 3, .on_down = STEER_DOWN_GROUP, .stand_in = 0},
	};
	const struct steer_target any = {.group = 0}, first = {.group = 1},
				  three = {.value = 3, .group = STEER_NO_GROUP};
	struct world world;

	(void)state;
	world_init(&world, uplinks, COUNT(uplinks), groups, COUNT(groups), 0);
	assert_true(steer_holds(world.steer, world.state, &any, 1));
	assert_true(steer_holds(world.steer, world.state, &any, 2));
	assert_false(steer_holds(world.steer, world.state, &any, 3));
	assert_true(steer_holds(world.steer, world.state, &first, 1));
	assert_false(steer_holds(world.steer, world.state, &first, 2));
	assert_true(steer_holds(world.steer, world.state, &three, 3));
	assert_false(steer_holds(world.steer, world.state, &three, 1));
	use(&world, 3, STEER_LOST);
	assert_true(steer_holds(world.steer, world.state, &three, 1)); /* by its on_down */
	assert_false(steer_holds(world.steer, world.state, &three, 3));
	use(&world, 1, STEER_DRAINED);
	assert_false(steer_holds(world.steer, world.state, &any, 1));
	assert_true(steer_holds(world.steer, world.state, &first, 2));
	world_release(&world);
}

/* ---- the sticky memory ---- */

#define STICKY_S 600

static const struct steer_uplink four_uplinks[] = {
	{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
static const struct steer_member four_members[] = {{1, 1}, {2, 1}, {3, 1}, {4, 1}};
static const struct steer_group by_source = {.name = "g",
					     .sticky = STEER_STICKY_SOURCE,
					     .sticky_s = STICKY_S,
					     .members = four_members,
					     .member_count = 4};

static void sticky_world(struct world *world, uint32_t sticky_max)
{
	world_init(world, four_uplinks, COUNT(four_uplinks), &by_source, 1, sticky_max);
}

static void a_source_stays_on_its_member_and_sources_share_by_weight(void **state)
{
	unsigned taken[5] = {0};
	uint32_t first[2000];
	struct world world;

	(void)state;
	sticky_world(&world, 0);
	for (uint32_t source = 0; source < 2000; source++)
		taken[first[source] = take_group(&world, 0, source, T0_S)]++;
	for (uint32_t value = 1; value <= 4; value++)
		assert_in_range(taken[value], 490, 510);
	for (unsigned again = 0; again < 3; again++)
		for (uint32_t source = 0; source < 2000; source++)
			assert_int_equal(take_group(&world, 0, source, T0_S + again),
					 first[source]);
	world_release(&world);
}

static void a_destination_counts_only_where_the_group_says_so(void **state)
{
	struct steer_group group = by_source;
	const struct steer_target target = {.group = 0};
	unsigned same = 0;
	struct world world;

	(void)state;
	sticky_world(&world, 0);
	for (uint32_t to = 0; to < 400; to++) {
		struct steer_key key = key_of(5, to, T0_S);

		same += steer_take(world.steer, world.state, &target, &key) ==
			take_group(&world, 0, 5, T0_S);
	}
	assert_int_equal(same, 400);
	world_release(&world);

	group.sticky = STEER_STICKY_SOURCE_DESTINATION;
	world_init(&world, four_uplinks, COUNT(four_uplinks), &group, 1, 0);
	same = 0;
	for (uint32_t to = 0; to < 400; to++) {
		struct steer_key key = key_of(5, to, T0_S);
		uint32_t value = steer_take(world.steer, world.state, &target, &key);

		assert_int_equal(steer_take(world.steer, world.state, &target, &key), value);
		same += value == take_group(&world, 0, 5, T0_S);
	}
	assert_in_range(same, 80, 120);
	world_release(&world);
}

/* True if one of 200 sources, remembered at T0_S, has changed its member `later_s` after that. */
static bool somebody_moved(uint32_t sticky_s, uint64_t later_s)
{
	struct steer_group group = by_source;
	struct world world;
	uint32_t first[200];
	bool moved = false;

	group.sticky_s = sticky_s;
	world_init(&world, four_uplinks, COUNT(four_uplinks), &group, 1, 0);
	for (uint32_t source = 0; source < 200; source++)
		first[source] = take_group(&world, 0, source, T0_S);
	/* one turn on, or all would get the same once more */
	take_group(&world, 0, 1000, T0_S);
	for (uint32_t source = 0; source < 200; source++)
		moved |= take_group(&world, 0, source, T0_S + later_s) != first[source];
	world_release(&world);
	return moved;
}

static void a_source_is_forgotten_after_its_time_to_the_second(void **state)
{
	static const uint32_t times[] = {1, 600, 86400, STEER_STICKY_MAX_S};

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		assert_false(somebody_moved(times[i], times[i]));
		assert_true(somebody_moved(times[i], (uint64_t)times[i] + 1));
	}
	/* a clock that steps back makes nobody old, workers' clocks differ by a little */
	assert_false(somebody_moved(1, UINT64_MAX)); /* a second before */
	assert_false(somebody_moved(600, UINT64_MAX - 86400));
}

static void each_new_flow_prolongs_the_time(void **state)
{
	uint32_t first[200];
	struct world world;

	(void)state;
	sticky_world(&world, 0);
	for (uint32_t source = 0; source < 200; source++)
		first[source] = take_group(&world, 0, source, T0_S);
	take_group(&world, 0, 1000, T0_S);
	for (uint64_t at = T0_S; at < T0_S + 20 * STICKY_S; at += STICKY_S)
		for (uint32_t source = 0; source < 200; source++)
			assert_int_equal(take_group(&world, 0, source, at), first[source]);
	world_release(&world);
}

static void sources_of_a_member_that_goes_are_spread_and_the_others_stay(void **state)
{
	unsigned taken[5] = {0};
	uint32_t first[2000], second[2000];
	struct world world;

	(void)state;
	sticky_world(&world, 0);
	for (uint32_t source = 0; source < 2000; source++)
		first[source] = take_group(&world, 0, source, T0_S);
	use(&world, 2, STEER_LOST);
	for (uint32_t source = 0; source < 2000; source++) {
		second[source] = take_group(&world, 0, source, T0_S + 1);
		if (first[source] != 2)
			assert_int_equal(second[source], first[source]);
		else
			taken[second[source]]++;
	}
	assert_int_equal(taken[2], 0);
	assert_in_range(taken[1], 150, 183);
	assert_in_range(taken[3], 150, 183);
	assert_in_range(taken[4], 150, 183);
	/* it comes back, and whoever has found another line stays there */
	use(&world, 2, STEER_USABLE);
	for (uint32_t source = 0; source < 2000; source++)
		assert_int_equal(take_group(&world, 0, source, T0_S + 2), second[source]);
	world_release(&world);
}

static void the_memory_outlives_a_reload_by_the_groups_name(void **state)
{
	static const struct steer_member three[] = {{1, 1}, {2, 1}, {3, 1}};
	struct steer_group groups[2] = {{.name = "new", .members = three, .member_count = 3},
					by_source};
	unsigned same = 0;
	uint32_t first[400];
	struct world world;

	(void)state;
	sticky_world(&world, 0);
	for (uint32_t source = 0; source < 400; source++)
		first[source] = take_group(&world, 0, source, T0_S);
	/* it stands elsewhere now, and 4 is no member any more */
	steer_free(world.steer);
	groups[1].members = three;
	groups[1].member_count = 3;
	world.steer = steer_make(&world.mark, four_uplinks, COUNT(four_uplinks), groups, 2);
	for (uint32_t source = 0; source < 400; source++) {
		uint32_t value = take_group(&world, 1, source, T0_S + 1);

		if (first[source] != 4)
			assert_int_equal(value, first[source]);
		assert_in_range(value, 1, 3);
	}
	/* under another name it is another group */
	steer_free(world.steer);
	groups[1].name = "h";
	world.steer = steer_make(&world.mark, four_uplinks, COUNT(four_uplinks), groups, 2);
	for (uint32_t source = 0; source < 400; source++)
		same += take_group(&world, 1, source, T0_S + 2) == first[source];
	assert_in_range(same, 0, 280); /* or all but those of 4 would be the same */
	world_release(&world);
}

static void a_full_memory_forgets_the_longest_unused(void **state)
{
	uint32_t first[8];
	struct world world;

	(void)state;
	sticky_world(&world, 1); /* one bucket */
	/* seven that come again and again outlive any number that come once */
	for (uint32_t source = 0; source < 7; source++)
		first[source] = take_group(&world, 0, source, T0_S);
	for (uint32_t i = 1; i < 5000; i++) {
		assert_in_range(take_group(&world, 0, 1000 + i, T0_S + 2 * i), 1, 4);
		for (uint32_t source = 0; source < 7; source++)
			assert_int_equal(take_group(&world, 0, source, T0_S + 2 * i + 1),
					 first[source]);
	}
	world_release(&world);
}

static void a_member_that_is_disabled_later_is_left(void **state)
{
	struct steer_uplink uplinks[4];
	struct world world;

	(void)state;
	sticky_world(&world, 0);
	for (uint32_t source = 0; source < 100; source++)
		take_group(&world, 0, source, T0_S);
	memcpy(uplinks, four_uplinks, sizeof(uplinks));
	uplinks[0].disabled = true;
	steer_free(world.steer);
	world.steer = steer_make(&world.mark, uplinks, 4, &by_source, 1);
	for (uint32_t source = 0; source < 100; source++)
		assert_int_not_equal(take_group(&world, 0, source, T0_S), 1);
	world_release(&world);
}

/* ---- what is void ---- */

static void a_decision_is_void_once_its_value_is_forgotten(void **state)
{
	static const uint32_t masks[] = {0xff, 0xf0, 0xffffffff};

	(void)state;
	for (size_t i = 0; i < COUNT(masks); i++) {
		const struct hash_seed seed = {0, 0};
		struct mark_layout mark;
		struct steer_state *now;
		uint32_t before, after;

		assert_true(mark_layout_init(&mark, masks[i]));
		const uint32_t values[] = {0, 1, mark.user_max, mark.drop, mark.hint, mark.main};

		now = steer_state_new(&mark, 8, &seed);
		assert_non_null(now);
		for (size_t j = 0; j < COUNT(values); j++) {
			before = steer_state_epoch(now);
			assert_false(steer_state_is_void(now, values[j], before));
			steer_state_forget(now, values[j]);
			after = steer_state_epoch(now);
			assert_int_not_equal(before, after);
			for (size_t other = 0; other < COUNT(values); other++)
				assert_int_equal(steer_state_is_void(now, values[other], before),
						 other == j);
			assert_false(steer_state_is_void(now, values[j], after));
		}
		/* whatever stands in a packet's mark may be asked for */
		assert_false(steer_state_is_void(now, mark.value_mask >> mark.shift, after));
		assert_false(steer_state_is_void(now, UINT32_MAX, after));
		steer_state_free(now);
	}
}

static void nothing_made_is_nothing_to_free(void **state)
{
	const struct steer_member *members;
	struct world world;

	(void)state;
	steer_free(NULL);
	steer_state_free(NULL);
	world_init(&world, four_uplinks, COUNT(four_uplinks), &by_source, 1, 100000);
	assert_int_equal(steer_group_members(world.steer, 0, &members), 4);
	assert_int_equal(members[3].value, 4);
	world_release(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_usable_or_no_uplink_is_itself),
		cmocka_unit_test(on_down_says_what_stands_in),
		cmocka_unit_test(a_circle_ends_on_main),
		cmocka_unit_test(a_lost_uplink_that_keeps_is_itself),
		cmocka_unit_test(a_disabled_uplink_is_as_if_drained),
		cmocka_unit_test(the_first_usable_member_of_a_failover_group_takes_all),
		cmocka_unit_test(weights_are_honoured_whoever_is_usable),
		cmocka_unit_test(members_that_come_and_go_all_the_time_leave_the_shares_even),
		cmocka_unit_test(a_target_holds_what_it_may_give_now),
		cmocka_unit_test(a_source_stays_on_its_member_and_sources_share_by_weight),
		cmocka_unit_test(a_destination_counts_only_where_the_group_says_so),
		cmocka_unit_test(a_source_is_forgotten_after_its_time_to_the_second),
		cmocka_unit_test(each_new_flow_prolongs_the_time),
		cmocka_unit_test(sources_of_a_member_that_goes_are_spread_and_the_others_stay),
		cmocka_unit_test(the_memory_outlives_a_reload_by_the_groups_name),
		cmocka_unit_test(a_full_memory_forgets_the_longest_unused),
		cmocka_unit_test(a_member_that_is_disabled_later_is_left),
		cmocka_unit_test(a_decision_is_void_once_its_value_is_forgotten),
		cmocka_unit_test(nothing_made_is_nothing_to_free),
	};

	return cmocka_run_group_tests_name("steer", tests, NULL, NULL);
}
