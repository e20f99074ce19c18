/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools: blocks are apart from one another, come back, and hold what was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <waymark/pool.h>

enum { BLOCKS = 6000 };

struct block {
	unsigned char *bytes;
	size_t size;
	unsigned char filled;
};

static unsigned roll(unsigned sides)
{
	static uint64_t state = 42;

	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((state >> 33) % sides);
}

static void assert_filled(const struct block *block)
{
	for (size_t i = 0; i < block->size; i++)
		assert_int_equal(block->bytes[i], block->filled);
}

/* More than one chunk of either kind, and sizes on both sides of what is pooled. */
static void blocks_keep_what_was_written(struct pool *pool)
{
	static struct block blocks[BLOCKS];

	memset(blocks, 0, sizeof(blocks));
	for (unsigned turn = 0; turn < 10 * BLOCKS; turn++) {
		struct block *block = &blocks[roll(BLOCKS)];
		size_t size = 1 + roll(roll(4) ? POOL_BLOCK_BYTES : 4 * POOL_BLOCK_BYTES);

		if (block->bytes)
			assert_filled(block);
		if (!block->bytes) {
			block->bytes = pool_take(pool, size);
		} else if (roll(2)) {
			size_t kept = size < block->size ? size : block->size;

			block->bytes = pool_resize(pool, block->bytes, block->size, size);
			block->size = kept;
			assert_non_null(block->bytes);
			assert_filled(block);
		} else {
			pool_give(pool, block->bytes, block->size);
			block->bytes = NULL;
			continue;
		}
		assert_non_null(block->bytes);
		assert_int_equal((uintptr_t)block->bytes % _Alignof(max_align_t), 0);
		block->size = size;
		block->filled = (unsigned char)turn;
		memset(block->bytes, block->filled, size);
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		pool_give(pool, blocks[i].bytes, blocks[i].size);
}

static void blocks_of_a_pool_keep_what_was_written(void **state)
{
	struct pool *pool = pool_new();

	(void)state;
	assert_non_null(pool);
	blocks_keep_what_was_written(pool);
	pool_free(pool);
}

static void without_a_pool_it_is_malloc(void **state)
{
	(void)state;
	blocks_keep_what_was_written(NULL);
	pool_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_of_a_pool_keep_what_was_written),
		cmocka_unit_test(without_a_pool_it_is_malloc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
