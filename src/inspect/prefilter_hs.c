/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The prefilter of Hyperscan or Vectorscan.
 *
 * It is given pieces of the patterns (pieces.c): a piece has a greatest width, so a growing flow
 * need not be read again from its beginning, and dozens of pieces compile in the time that a
 * `.*` in the middle of a pattern takes. Where a pattern has no good piece, as behind a
 * look-around, its literals serve. HS_FLAG_PREFILTER lets the library read more out of an
 * expression than there is; HS_FLAG_SINGLEMATCH because once is enough.
 *
 * One expression that it refuses fails the whole set: the pattern is left out, and the rest
 * compiled once more.
 */
#include "config.h"

#include "prefilter.h"

#ifdef HAVE_HYPERSCAN

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hs.h>

enum {
	RARE_ENOUGH = 7 * 8, /* less would be seen in any payload */
	REFUSALS_MAX = 8,
};

struct expression {
	char *text;
	unsigned flags, index;
};

struct prefilter {
	struct expression *items;
	size_t count, room;
	hs_database_t *database; /* NULL: there is nothing to be seen */
	uint64_t number;	 /* no two are alike */
};

struct prefilter_scratch {
	hs_scratch_t *space;
	uint64_t number; /* of the prefilter that it is fit for */
};

static _Atomic uint64_t last_number;

static void forget_expressions(struct prefilter *prefilter)
{
	for (size_t i = 0; i < prefilter->count; i++)
		free(prefilter->items[i].text);
	free(prefilter->items);
	prefilter->items = NULL;
	prefilter->count = prefilter->room = 0;
}

static struct prefilter *begin(void)
{
	struct prefilter *prefilter;

	if (hs_valid_platform() != HS_SUCCESS)
		return NULL;
	prefilter = calloc(1, sizeof(*prefilter));
	if (prefilter)
		prefilter->number = atomic_fetch_add(&last_number, 1) + 1;
	return prefilter;
}

static void end(struct prefilter *prefilter)
{
	if (!prefilter)
		return;
	forget_expressions(prefilter);
	hs_free_database(prefilter->database);
	free(prefilter);
}

/* Takes `text`, which is malloced. */
static bool add_expression(struct prefilter *prefilter, char *text, unsigned flags, size_t index)
{
	if (text && prefilter->count == prefilter->room) {
		size_t room = prefilter->room ? prefilter->room * 2 : 64;
		struct expression *items = reallocarray(prefilter->items, room, sizeof(*items));

		if (items) {
			prefilter->items = items;
			prefilter->room = room;
		}
	}
	if (!text || prefilter->count == prefilter->room) {
		free(text);
		return false;
	}
	prefilter->items[prefilter->count++] = (struct expression){
		.text = text,
		.flags = flags | HS_FLAG_PREFILTER | HS_FLAG_SINGLEMATCH,
		.index = (unsigned)index,
	};
	return true;
}

static char *literal_text(const struct literal *literal)
{
	char *text = malloc(literal->length * 4u + 1), *to = text;

	for (unsigned i = 0; text && i < literal->length; i++, to += 4)
		sprintf(to, "\\x%02x", literal->bytes[i]);
	return text;
}

static bool add_literals(struct prefilter *prefilter, const struct prefilter_pattern *pattern,
			 bool *fresh)
{
	struct literals literals;
	bool added;

	regex_literals(pattern->regex, &literals);
	added = literals.count > 0;
	*fresh = literals.fresh;
	for (unsigned i = 0; i < literals.count; i++) {
		uint32_t rarity = 0;

		for (unsigned j = 0; j < literals.items[i].length; j++)
			rarity += regex_byte_rarity(literals.items[i].bytes[j]);
		if (rarity < RARE_ENOUGH)
			return false;
	}
	for (unsigned i = 0; i < literals.count && added; i++)
		added = add_expression(prefilter, literal_text(&literals.items[i]),
				       HS_FLAG_CASELESS, pattern->index);
	return added;
}

static bool add(struct prefilter *prefilter, const struct prefilter_pattern *pattern, bool *fresh)
{
	const struct regex *regex = pattern->regex;
	unsigned flags = (regex->caseless ? HS_FLAG_CASELESS : 0u) |
			 (regex->dotall ? HS_FLAG_DOTALL : 0u) |
			 (regex->multiline ? HS_FLAG_MULTILINE : 0u);
	struct regex_pieces pieces;
	size_t before = prefilter->count;
	bool added;

	regex_pieces(regex, &pieces);
	*fresh = pieces.fresh;
	added = pieces.count && pieces.rarity >= RARE_ENOUGH && !pattern->windowed;
	for (unsigned i = 0; i < pieces.count && added; i++)
		added = add_expression(prefilter,
				       strndup(pattern->text + pieces.items[i].begin,
					       pieces.items[i].end - pieces.items[i].begin),
				       flags, pattern->index);
	if (!added) {
		while (prefilter->count > before)
			free(prefilter->items[--prefilter->count].text);
		added = add_literals(prefilter, pattern, fresh);
	}
	while (!added && prefilter->count > before)
		free(prefilter->items[--prefilter->count].text);
	return added;
}

static void drop_pattern(struct prefilter *prefilter, unsigned index, uint64_t *filtered)
{
	size_t kept = 0;

	filtered[index / 64] &= ~(UINT64_C(1) << (index % 64));
	for (size_t i = 0; i < prefilter->count; i++) {
		if (prefilter->items[i].index == index)
			free(prefilter->items[i].text);
		else
			prefilter->items[kept++] = prefilter->items[i];
	}
	prefilter->count = kept;
}

/* Asks for each by itself, which takes far less than compiling them. */
static void drop_refused(struct prefilter *prefilter, uint64_t *filtered)
{
	for (size_t i = 0; i < prefilter->count;) {
		hs_compile_error_t *error = NULL;
		hs_expr_info_t *info = NULL;
		bool fine = hs_expression_info(prefilter->items[i].text, prefilter->items[i].flags,
					       &info, &error) == HS_SUCCESS;

		free(info);
		hs_free_compile_error(error);
		if (fine) {
			i++;
			continue;
		}
		/* a pattern's expressions stand together */
		while (i && prefilter->items[i - 1].index == prefilter->items[i].index)
			i--;
		drop_pattern(prefilter, prefilter->items[i].index, filtered);
	}
}

/* 0; 1: the pattern of expression `*refused` must go; -errno. */
static int compile(struct prefilter *prefilter, int *refused)
{
	size_t count = prefilter->count;
	const char **texts = reallocarray(NULL, count, sizeof(*texts));
	unsigned *flags = reallocarray(NULL, count, sizeof(*flags));
	unsigned *indexes = reallocarray(NULL, count, sizeof(*indexes));
	hs_compile_error_t *error = NULL;
	int result = -ENOMEM;

	if (!texts || !flags || !indexes)
		goto out;
	for (size_t i = 0; i < count; i++) {
		texts[i] = prefilter->items[i].text;
		flags[i] = prefilter->items[i].flags;
		indexes[i] = prefilter->items[i].index;
	}
	result = 0;
	if (hs_compile_multi(texts, flags, indexes, (unsigned)count, HS_MODE_BLOCK, NULL,
			     &prefilter->database, &error) != HS_SUCCESS) {
		*refused = error->expression;
		result = *refused >= 0 ? 1 : -EINVAL;
		hs_free_compile_error(error);
	}
out:
	free(texts);
	free(flags);
	free(indexes);
	return result;
}

static int finish(struct prefilter *prefilter, uint64_t *filtered)
{
	int result = 0, refused = -1;

	for (unsigned i = 0; prefilter->count && i <= REFUSALS_MAX; i++) {
		result = compile(prefilter, &refused);
		if (result <= 0)
			break;
		drop_pattern(prefilter, prefilter->items[refused].index, filtered);
		if (i == 0)
			drop_refused(prefilter, filtered);
		result = prefilter->count ? -EINVAL : 0;
	}
	forget_expressions(prefilter);
	return result;
}

/* ---- scanning ---- */

static void scratch_free(struct prefilter_scratch *scratch)
{
	if (!scratch)
		return;
	hs_free_scratch(scratch->space);
	free(scratch);
}

static int on_match(unsigned index, unsigned long long from, unsigned long long to, unsigned flags,
		    void *context)
{
	uint64_t *seen = context;

	(void)from;
	(void)to;
	(void)flags;
	seen[index / 64] |= UINT64_C(1) << (index % 64);
	return 0;
}

static bool scan(const struct prefilter *prefilter, struct prefilter_scratch **scratch,
		 const uint8_t *bytes, size_t length, uint64_t *seen)
{
	if (!prefilter->database)
		return true;
	if (!*scratch)
		*scratch = calloc(1, sizeof(**scratch));
	if (!*scratch)
		return false;
	if ((*scratch)->number != prefilter->number) {
		if (hs_alloc_scratch(prefilter->database, &(*scratch)->space) != HS_SUCCESS)
			return false;
		(*scratch)->number = prefilter->number;
	}
	return hs_scan(prefilter->database, (const char *)bytes, (unsigned)length, 0,
		       (*scratch)->space, on_match, seen) == HS_SUCCESS;
}

const struct prefilter_ops prefilter_hyperscan = {
	.name = "hyperscan",
	.begin = begin,
	.add = add,
	.finish = finish,
	.end = end,
	.scan = scan,
	.scratch_free = scratch_free,
};

#endif
