/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that patterns like, made from the patterns' own structure: samples that match, near misses,
 * and what is made to let a matcher explode. All of it is the same in each run.
 */
#ifndef TEST_PATTERN_SUPPORT_H
#define TEST_PATTERN_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../../src/inspect/regex.h"

struct dice {
	uint64_t state;
};

static inline uint32_t roll(struct dice *dice, uint32_t sides)
{
	uint64_t value = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((value ^ value >> 31) % sides);
}

struct sample {
	uint8_t *bytes;
	size_t length, room;
};

static inline void sample_add(struct sample *sample, uint8_t byte)
{
	if (sample->length < sample->room)
		sample->bytes[sample->length++] = byte;
}

static inline uint8_t byte_of(const struct byte_set *set, struct dice *dice)
{
	for (unsigned i = 0; i < 64; i++) {
		uint8_t byte = (uint8_t)(i < 32 ? ' ' + roll(dice, 95) : roll(dice, 256));

		if (byte_set_has(set, byte))
			return byte;
	}
	for (unsigned byte = 0; byte < 256; byte++)
		if (byte_set_has(set, byte))
			return (uint8_t)byte;
	return 0;
}

/* Appends something that the node matches (assertions aside). */
static inline void sample_node(const struct regex *regex, uint32_t node, struct dice *dice,
			       struct sample *sample)
{
	const struct regex_node *self = &regex->nodes[node];
	uint32_t count = 0, turns;

	switch (self->kind) {
	case REGEX_BYTE:
		sample_add(sample, byte_of(&self->set, dice));
		break;
	case REGEX_SEQUENCE:
		for (uint32_t i = self->first; i; i = regex->nodes[i].next)
			sample_node(regex, i, dice, sample);
		break;
	case REGEX_CHOICE:
		for (uint32_t i = self->first; i; i = regex->nodes[i].next)
			count++;
		count = roll(dice, count);
		for (uint32_t i = self->first; i; i = regex->nodes[i].next)
			if (!count--)
				sample_node(regex, i, dice, sample);
		break;
	case REGEX_REPEAT:
		turns = self->least + roll(dice, 4);
		turns = turns < self->most ? turns : self->most;
		while (turns-- && sample->length < sample->room)
			sample_node(regex, self->first, dice, sample);
		break;
	default:
		break;
	}
}

/* All that comes before `target` in one way to it; true once it is reached. */
static inline bool sample_until(const struct regex *regex, uint32_t node, uint32_t target,
				struct dice *dice, struct sample *sample)
{
	const struct regex_node *self = &regex->nodes[node];
	size_t before = sample->length;

	if (node == target)
		return true;
	for (uint32_t i = self->first; i; i = regex->nodes[i].next) {
		if (sample_until(regex, i, target, dice, sample))
			return true;
		sample->length = before;
		if (self->kind == REGEX_SEQUENCE) {
			sample_node(regex, i, dice, sample);
			before = sample->length;
		}
	}
	return false;
}

/*
 * A subject made to let the pattern explode: the node's samples again and again, behind what
 * leads to it or not, all alike or not, with an end that spoils the match or not.
 */
static inline void sample_pump(const struct regex *regex, uint32_t node, unsigned variant,
			       struct dice *dice, struct sample *sample)
{
	struct dice same = *dice;
	size_t begin;

	sample->length = 0;
	if (variant & 1)
		sample_until(regex, regex->root, node, dice, sample);
	begin = sample->length;
	while (sample->length < sample->room) {
		size_t before = sample->length;
		struct dice again = same;

		sample_node(regex, node, variant & 2 ? dice : &again, sample);
		if (sample->length == before)
			sample_add(sample, 'a');
	}
	if (variant & 4)
		sample->bytes[sample->room - 1] = sample->bytes[begin] == '!' ? 0xfe : '!';
}

/* What is pumped: all that is more than a byte; of a long pattern some. */
static inline bool is_pumped(const struct regex *regex, uint32_t node)
{
	return regex->nodes[node].kind != REGEX_BYTE && regex->nodes[node].kind != REGEX_EMPTY &&
	       (regex->count < 120 || node % (regex->count / 60) == 0);
}

/* ---- patterns ---- */

/* Shapes that explode in a backtracking matcher; among them those of well-known .pat files. */
static const char *const explosive_patterns[] = {
	"(a+)+$",
	"(x*)*y",
	"(a|aa)+$",
	"([a-zA-Z]+)*$",
	"(.*)(.*)(.*)(.*)x!",
	"[^b]++c",
	"^(a*)\\1b!",
	"(a*?)b|(a*?)c|(a*?)d!",
	"(?s)^(.+)+\\1P",
	"(?:(?:a?){20}){20}b!",
	"(?:.*a.*b)+c!",
	"(?R)?a",
	/* a command line of a chat, then anything, then another one, by either side */
	"(?is)^(nick[\\x09-\\x0d -~]*user[\\x09-\\x0d -~]*:|user[\\x09-\\x0d -~]*:[\\x02-\\x0d "
	"-~]*nick[\\x09-\\x0d -~]*\\x0d\\x0a)",
	/* names of authorities, anywhere behind the beginning of a handshake */
	"(?s)^(.?.?\\x16\\x03.*\\x16\\x03|.?.?\\x01\\x03\\x01?.*\\x0b).*(one|two networks|three "
	"(a|b) trust|four)",
	/* a signature that may stand anywhere, with lengths in between */
	"(?s)(dmdt.*\\x01.*(\\x20\\x20|\\x11\\x11|uu\\x01)|tncp.*33)",
	/* menu lines with tabs */
	"(?s)^[\\x09-\\x0d]*[1-9,+tgi][\\x09-\\x0d -~]*\\x09[\\x09-\\x0d "
	"-~]*\\x09[a-z0-9.]*\\.[a-z][a-z].?.?\\x09[1-9]",
	/* type-length-value with optional bytes everywhere */
	"(?s)^\\x02\\x01\\x04.+([\\xa0-\\xa3]\\x02[\\x01-\\x04].?.?.?.?\\x02\\x01.?\\x02\\x01.?"
	"\\x30|\\xa4\\x06.+\\x40\\x04.?.?.?.?\\x02\\x01.?\\x02\\x01.?\\x43)",
	/* greetings of a proxy, both sides, with counts that are not checked */
	"(?s)\\x05[\\x01-\\x08]*\\x05[\\x01-\\x08]?.*\\x05[\\x01-\\x03][\\x01\\x03].*\\x05[\\x01-"
	"\\x08]?[\\x01\\x03]",
	/* a header of optional bytes, a name, a class */
	"(?s)^.?.?.?.?[\\x01\\x02].?.?.?.?.?.?[\\x01-?][a-z0-9][\\x01-?a-z]*[\\x02-\\x06][a-z][a-z]"
	"[fglmoprstuvz]?[aeop]?(um)?[\\x01-\\x10\\x1c][\\x01\\x03\\x04\\xff]",
	/* a name on a line, and a table in answer */
	"(?s)^[a-z][a-z0-9\\-_]+|login: [\\x09-\\x0d -~]* name: [\\x09-\\x0d -~]* directory:",
	/* a cookie in a connection request */
	"(?s)rdpdr.*cliprdr.*rdpsnd",
};
#define EXPLOSIVE_COUNT (sizeof(explosive_patterns) / sizeof(explosive_patterns[0]))

/*
 * A pattern at random, over few letters, so that samples of one are near misses of another. No
 * group is repeated without end, and no repeat inside one: PCRE2 alone must get through it.
 */
static inline void random_group(struct dice *dice, char **to, unsigned depth)
{
	static const char *const bytes[] = {
		"a",	       "b",
		"c",	       "B",
		"\\x00",       "\\x01",
		"\\xff",       "\\.",
		"[abc]",       "[^a]",
		"[0-9a]",      "\\d",
		".",	       "[\\x80-\\xff]",
		"get",	       "host: ",
		"[[:alpha:]]", "user",
		"\\x0d\\x0a",  "[^\\x0a]",
		"\\w",	       "[A-C]",
		"ab",	       "abcab",
	};
	static const char *const counts[] = {"*", "+", "?", "{2}", "{1,3}", "*?", "{3,}", "{0,2}"};
	unsigned items = 1 + roll(dice, 5);

	while (items--) {
		if (depth < 2 && roll(dice, 5) == 0) {
			unsigned ways = 1 + roll(dice, 3);

			*to += sprintf(*to, roll(dice, 2) ? "(" : "(?:");
			for (unsigned i = 0; i < ways; i++) {
				if (i)
					*to += sprintf(*to, "|");
				random_group(dice, to, depth + 1);
			}
			*to += sprintf(*to, roll(dice, 4) ? ")" : ")?");
		} else {
			*to += sprintf(*to, "%s",
				       bytes[roll(dice, sizeof(bytes) / sizeof(bytes[0]))]);
			if (roll(dice, depth ? 8 : 4) == 0)
				*to += sprintf(*to, "%s", counts[roll(dice, 8)]);
		}
		if (roll(dice, 40) == 0)
			*to += sprintf(*to, roll(dice, 2) ? "$" : "\\b");
	}
}

static inline void random_pattern(struct dice *dice, char text[1024])
{
	char *to = text;

	if (roll(dice, 8) == 0)
		to += sprintf(to, roll(dice, 2) ? "(?i)" : "(?-i)");
	if (roll(dice, 2))
		to += sprintf(to, roll(dice, 6) ? "^" : "^.*");
	random_group(dice, &to, 0);
	if (roll(dice, 8) == 0)
		to += sprintf(to, "|%s", roll(dice, 2) ? "^" : "");
	if (to[-1] == '|' || to[-1] == '^')
		random_group(dice, &to, 1);
}

#endif
