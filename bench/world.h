/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * world.h - what benchmarks of the classifier share: a policy from a text, and who judges by it.
 *
 * No names cache, no interfaces; idle times of a day. Errors end the program: it is a benchmark.
 */
#ifndef WAYMARK_BENCH_WORLD_H
#define WAYMARK_BENCH_WORLD_H

#include <unistd.h>

#include <waymark/policy.h>

#include "bench.h"

struct world {
	struct policy *policy;
	struct classify_policy view;
};

__attribute__((noreturn)) static inline void world_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static inline void world_init(struct world *world, const char *config)
{
	const struct hash_seed seed = {1, 2};
	char path[] = P_tmpdir "/waymark-bench-XXXXXX";
	struct diag_list diags = DIAG_LIST_INIT;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, config, strlen(config)) != (ssize_t)strlen(config))
		world_die("cannot write a configuration");
	close(fd);
	world->policy = policy_load(path, &diags);
	unlink(path);
	if (!world->policy) {
		diag_print(&diags, stderr);
		world_die("the configuration is not taken");
	}
	diag_list_release(&diags);
	policy_classify_view(world->policy, &world->view);
	world->view.generation = 1;
	world->view.names = NULL;
	world->view.steer_state = steer_state_new(&world->policy->conf->mark, 0, &seed);
	if (!world->view.steer_state)
		world_die("out of memory");
}

static inline void world_release(struct world *world)
{
	steer_state_free(world->view.steer_state);
	policy_free(world->policy);
}

static inline struct classifier *world_classifier(uint32_t flows_max)
{
	const struct classifier_options options = {
		.flows_max = flows_max,
		.timeouts = {86400, 86400, 86400},
	};
	struct classifier *classifier = classifier_new(&options, NULL, NULL);

	if (!classifier)
		world_die("out of memory");
	return classifier;
}

/* Big endian. */
static inline void world_put(uint8_t *at, uint32_t value, unsigned bytes)
{
	while (bytes--) {
		at[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

#endif
