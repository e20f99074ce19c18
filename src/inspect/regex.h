/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regex - what a pattern's text tells before it is ever matched.
 *
 * PCRE2 alone decides what matches. What is read here serves to leave it alone where it could
 * only say no, so every answer errs to one side: a set of bytes may be too large, a
 * number of steps too high, a literal is there or nothing is said. A text with
 * anything in it that is not understood is refused whole.
 */
#ifndef INSPECT_REGEX_H
#define INSPECT_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGEX_MANY UINT32_MAX /* of a repeat: no end */

struct byte_set {
	uint64_t bits[4];
};

static inline bool byte_set_has(const struct byte_set *set, unsigned byte)
{
	return set->bits[byte >> 6 & 3] >> (byte & 63) & 1;
}

enum regex_kind {
	REGEX_EMPTY,	/* an assertion, taken as if it always held */
	REGEX_BYTE,	/* one byte out of a set */
	REGEX_ANYTHING, /* what a back reference or a call may stand for */
	REGEX_SEQUENCE,
	REGEX_CHOICE,
	REGEX_REPEAT, /* of its only child */
};

/* Nodes refer to each other by index; 0 is no node. */
struct regex_node {
	struct byte_set set;	    /* of REGEX_BYTE */
	uint32_t first, next;	    /* child, sibling */
	uint32_t least, most;	    /* of REGEX_REPEAT */
	uint32_t begin, end;	    /* its piece of the text, quantifier included */
	uint32_t narrowest, widest; /* a match of it, in bytes; REGEX_MANY: no bound */
	/* how seldom it matches at a random place of a payload: 1/8 bits, of its most common way */
	uint32_t rarity;
	uint8_t kind;
};

struct regex {
	struct regex_node *nodes;
	uint32_t count, room, root;
	/* nothing in it but bytes, groups, choices, repeats, and ^ $ \b: steps can be counted */
	bool plain;
	/* the options that hold for all of the text; if not, `options_change` */
	bool caseless, dotall, multiline, options_change;
};

/* False: not understood, or out of memory; nothing may be concluded then. `options`: PCRE2_*. */
bool regex_read(struct regex *regex, const char *text, uint32_t options);
void regex_release(struct regex *regex);

/* ---- what follows from it (regex_facts.c) ---- */

/* Fills in each node's widths and rarity; regex_read() has called it. */
void regex_measure(struct regex *regex);

/* Any byte may stand at the beginning, and any number of any bytes behind it. */
bool regex_begins_with_anything(const struct regex *regex);

/*
 * For a match that begins at the beginning: which bytes may stand at each of the first
 * `count` places (at most 31); all of them where the match may have ended before.
 */
void regex_places(const struct regex *regex, struct byte_set *places, unsigned count);

/*
 * An upper bound of the items that a backtracking matcher tries on `length` bytes, from every
 * offset unless `anchored`; UINT64_MAX: none is known.
 */
uint64_t regex_work(const struct regex *regex, uint64_t length, bool anchored);

/* How seldom one byte is, in 1/8 bits. */
uint32_t regex_byte_rarity(uint8_t byte);

/*
 * How many bytes a match may need at most behind `node`, of a sequence behind which it may need
 * `outer`; 0 is the end of the pattern, where a repeat need not be longer than it must. An
 * assertion counts as the byte that it may look at. REGEX_MANY: no bound.
 */
uint32_t regex_rest(const struct regex *regex, uint32_t node, uint32_t outer);

/*
 * What must be in every match. It is "fresh" if it lies among a match's last bytes: when some
 * bytes did not match, and do with more behind them, then it ends not more than
 * REGEX_TAIL_MAX bytes before what came new. So it need not be remembered.
 */
#define REGEX_TAIL_MAX 62

/* Whether it is better to have: as seldom as `rarity`, and fresh. */
bool regex_better(uint32_t rarity, bool fresh, uint32_t than_rarity, bool than_fresh);

/* ---- literals.c ---- */

#define LITERAL_BYTES_MAX 16
#define LITERALS_MAX 32

struct literal {
	uint8_t length;
	uint8_t bytes[LITERAL_BYTES_MAX]; /* lower case */
};
struct literals {
	unsigned count; /* 0: none is known */
	bool fresh;
	struct literal items[LITERALS_MAX];
};
/* Every match holds one of them, apart from case. */
void regex_literals(const struct regex *regex, struct literals *out);

/* ---- pieces.c ---- */

#define PIECES_MAX 16

struct regex_piece {
	uint32_t begin, end; /* of the text: a regex by itself */
};
struct regex_pieces {
	unsigned count; /* 0: none is known */
	bool fresh;
	uint32_t rarity; /* of the most common one */
	struct regex_piece items[PIECES_MAX];
};
/* Every match holds a match of one of them, each of which is REGEX_TAIL_MAX bytes at most. */
void regex_pieces(const struct regex *regex, struct regex_pieces *out);

#endif
