/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index.h - which rules can concern a flow, without asking each of them.
 *
 * index.c says how it is made and why; match.c looks things up in it. What it
 * names is a candidate that may still turn out not to hold; what it does not name does
 * not hold and is not open.
 */
#ifndef WAYMARK_RULES_INDEX_H
#define WAYMARK_RULES_INDEX_H

#include "private.h"

#define TUPLES_MAX 64

/* The rules are divided by what they can turn out to be. */
enum index_kind {
	INDEX_HEADER,  /* no payload key: yes or no */
	INDEX_PAYLOAD, /* anything */
	INDEX_HOST, /* one payload key, a host of a few names: by its name too (struct name_index)
		     */
	INDEX_KINDS,
};

/* A header key that is looked up beside addresses, protocol and ports; one a rule. */
enum index_other { OTHER_NONE, OTHER_MAC, OTHER_UID, OTHER_IFACE_IN, OTHER_DSCP, OTHERS };

/*
 * A key, of rules and of packets, is a few words: the addresses, then ports, protocol and the
 * tuple's number, then the other key's value.
 */
enum { KEY_V4 = 3, KEY_V6 = 6 };
#define KEY_DPORT 48
#define KEY_SPORT 32
#define KEY_PROTO 24

struct tuple {
	uint64_t mask[KEY_V6 - 1]; /* of all words but the last */
	uint32_t first_rule;
	uint8_t other; /* enum index_other */
};

/*
 * What a rule's header asks of the usual fields, as one span each that holds all it allows: most of
 * who shares a key but not more is told by that, without a look at the rule.
 */
struct index_item {
	uint64_t low[2], rest[2]; /* dst, src: of IPv6 the upper half; from low to low + rest */
	uint16_t port_low[2], port_rest[2]; /* dport, sport */
	uint8_t proto_low, proto_rest;
	bool ports;  /* a port is asked for */
	bool judged; /* else the spans (or, of an exact group, the key) are all there is to the
			rule's header */
	uint32_t rule;
};

/*
 * A group is the words of its key and one more: where its items begin, and in the upper half how
 * many they are; a single one of an exact group is the rule itself. Items are sorted by rule. No
 * items: an empty place in the table.
 */
#define GROUP_EXACT (UINT64_C(1) << 63) /* who has the key fulfils every item's header */
#define GROUP_COUNT(word) ((uint32_t)((word) >> 32) & INT32_MAX)
#define GROUP_IS_RULE(word) ((word) >> 32 == (GROUP_EXACT >> 32 | 1))

/* Which tuples have a rule for an address that begins like this one: by hash, a bit each. */
struct index_sieve {
	const uint64_t *masks;
	uint32_t slot_mask;
	uint8_t shift;
};
#define SIEVES 3     /* of a side: long, middling and short prefixes; the shortest pass always */
#define SIEVE_FROM 4 /* tuples; fewer are asked as fast */
#define SIEVE_PORTS 256

struct index_part {		    /* of one kind and one family */
	const struct tuple *tuples; /* by their first rule */
	const uint64_t *groups;
	const struct index_item *items;
	uint32_t tuple_count, group_mask;
	uint64_t with_ports;   /* a bit per tuple: looks at ports */
	uint64_t by_proto[64]; /* ... has a rule for a protocol that ends in these bits, or for all
				*/
	struct index_sieve sieves[2][SIEVES]; /* dst, src */
	uint64_t passes[2];
	const uint64_t *by_dport; /* by its last bits, as by_proto */
};

static inline uint32_t index_sieve_slot(const struct index_sieve *sieve, uint64_t address)
{
	uint64_t hash = (address >> sieve->shift) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(hash >> 32) & sieve->slot_mask;
}

struct index_slot {
	uint32_t tag;	/* of the name's hash */
	uint32_t group; /* from 1; 0: empty */
};

/* The names of INDEX_HOST's rules, by hash: a group of candidates each. */
struct name_group {
	uint64_t hash;
	uint32_t start, count;
};

struct name_index {
	const struct index_slot *slots; /* NULL: there are no names */
	const struct name_group *groups;
	const uint32_t *rules;
	uint32_t slot_mask, most_labels;
	uint64_t seed;
};

struct rule_index {
	struct index_part parts[2][INDEX_KINDS]; /* IPv4, IPv6 */
	struct name_index names;
	uint64_t seed[3];
	unsigned others; /* a bit per enum index_other that a rule asks for */
};

/* Into the ruleset's arena, from its rules; false on out of memory. */
bool rules_index_build(struct ruleset *ruleset);

static inline uint64_t index_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t index_hash(const struct rule_index *index, const uint64_t *key, bool wide)
{
	uint64_t hash;

	if (wide) {
		hash = index_mix(key[0] ^ index->seed[0], key[1] ^ index->seed[1]);
		hash = index_mix(key[2] ^ hash, key[3] ^ index->seed[2]);
		return index_mix(key[4] ^ hash, key[5] ^ index->seed[0]);
	}
	hash = index_mix(key[0] ^ index->seed[0], key[1] ^ index->seed[1]);
	return index_mix(key[2] ^ hash, index->seed[2]);
}

/* `name` is zero-padded. */
static inline uint64_t index_interface(const struct rule_index *index, const char name[16])
{
	uint64_t words[2];

	memcpy(words, name, sizeof(words));
	return index_mix(words[0] ^ index->seed[0], words[1] ^ index->seed[1]);
}

static inline uint64_t index_mac(const uint8_t mac[6])
{
	uint64_t value = 0;

	memcpy(&value, mac, 6);
	return value;
}

static inline uint32_t index_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

#endif
