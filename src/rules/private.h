/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * private.h - what the files of the rules module share.
 *
 * A rule compiles to a run of tests that must all hold. Tests are sorted by
 * cost: header tests, negated groups of header tests, then what looks at the
 * evidence. So a rule that does not concern a flow is refuted by a comparison or
 * two, and "open" can only come up once the header part holds.
 * Everything a test points to lives in the ruleset's arena.
 */
#ifndef WAYMARK_RULES_PRIVATE_H
#define WAYMARK_RULES_PRIVATE_H

#include <waymark/arena.h>
#include <waymark/hash.h>
#include <waymark/rules.h>
#include <waymark/settings.h>

/* ---- compiled form ---- */

/* The order is the order of cost within a rule. Payload keys stand behind TEST_NOT. */
enum test_kind {
	TEST_NEVER,
	TEST_HOOK,
	TEST_PROTO,
	TEST_DPORT,
	TEST_SPORT,
	TEST_TOS,
	TEST_DSCP,
	TEST_TTL,
	TEST_LENGTH,
	TEST_FWMARK,
	TEST_TCP_FLAGS,
	TEST_ICMP,
	TEST_UID,
	TEST_GID,
	TEST_MAC,
	TEST_IFACE_IN,
	TEST_IFACE_OUT,
	TEST_SRC,
	TEST_DST,
	TEST_TIME,
	TEST_NOT, /* `count` tests follow that belong to it: it holds when one of them does not */
	TEST_APP,
	TEST_ALPN,
	TEST_HOST,
	TEST_PAYLOAD,
};

struct test {
	uint8_t kind; /* enum test_kind */
	bool payload; /* looks at evidence, itself or (of TEST_NOT) in its group */
	uint32_t count;
	const void *items; /* `count` of the kind's item type; any of them makes the test hold */
};

struct span { /* HOOK, PROTO, ports, DSCP, TTL, LENGTH, UID, GID: sorted, disjoint */
	uint32_t low, high;
};

struct masked { /* TOS, FWMARK, TCP_FLAGS */
	uint32_t value, mask;
};

struct icmp_item {
	uint8_t proto; /* 0: ICMP and ICMPv6 */
	uint8_t type;
	int16_t code; /* -1: any */
};

struct mac_item {
	uint8_t bytes[6];
};

struct iface_item {
	char name[16];
	uint8_t length;
	bool prefix; /* was written with a trailing '+' */
};

struct wide { /* an IPv6 address as a number */
	uint64_t top, bottom;
};

struct span6 {
	struct wide low, high;
};

struct span64 { /* the same, of whole /64 networks: their upper halves */
	uint64_t low, high;
};

/* Where to search in an array of spans: `starts[i]` of them begin below the i-th piece of the
 * range. */
struct span_index {
	const uint32_t *starts;
	uint64_t base;
	uint32_t pieces;
	uint8_t shift; /* a piece is 1 << shift */
};

struct address_set { /* SRC, DST: one item a test; spans are sorted, disjoint */
	const struct span *v4;
	const struct span64 *v6_networks; /* NULL: not all are whole /64 networks */
	const struct span6 *v6;		  /* then these */
	const char *const *ipsets;
	struct span_index v4_index, v6_index;
	uint32_t v4_count, v6_count, ipset_count;
};

struct zone;

struct time_item {
	const struct zone *zone;
	uint16_t from, to; /* minutes of the day; from > to passes midnight */
	uint8_t days;	   /* bit 0 is Sunday; the day on which the span begins */
};

struct app_item {
	const char *name;
	uint16_t app;
	bool builtin;
	uint32_t pattern_count;
	const uint32_t *patterns;
};

/* ALPN items are `const char *`, PAYLOAD items uint32_t pattern indexes. */

struct host_bucket {
	uint32_t start;	 /* in the text; it ends where the next one starts */
	uint32_t filter; /* a bit for each name in it, by its hash */
};

struct host_set {			   /* HOST: one item a test; see hosts.c */
	const struct host_bucket *buckets; /* and one more, that is only an end */
	const unsigned char *text;
	uint32_t bucket_count;
	/* labels of its names: bounds the probes of a lookup */
	uint32_t most_exact, most_below, fewest_below;
	uint64_t seed;
};

struct rule {
	const struct test *tests;
	uint32_t test_count;
	bool payload;
	uint64_t fingerprint; /* see ruleset_fingerprint() */
};

struct ruleset {
	struct arena arena;
	struct rule *rules;
	struct rule_view *views;
	struct rule_outcome *outcomes;
	size_t count;
	struct pattern_set *patterns;
	size_t shipped_patterns; /* how many of them are built in */
	struct mark_layout mark;
	uint64_t seed;
	bool header_only;
	bool names_interfaces;		/* a rule has iface_in or iface_out */
	const struct rule_index *index; /* index.h */
	/* the largest sets of addresses, which a lookup waits for (ruleset_ahead()) */
	struct {
		const struct address_set *set;
		bool src;
	} large[4];
	unsigned large_count;
	const struct host_set *large_hosts[4]; /* as many of names (ruleset_host_ahead()) */
	unsigned large_hosts_count;
};

/* ---- building ---- */

/* A growing array of items of one size. */
struct vec {
	void *items;
	size_t count, capacity, item_size;
};
#define VEC(type)                         \
	{                                 \
		.item_size = sizeof(type) \
	}
/* The new item, zeroed; NULL on out of memory. */
void *vec_push(struct vec *vec);
void vec_release(struct vec *vec);

struct draft {
	struct rule_view view;
	struct test *tests;
	uint32_t test_count;
	bool enabled;
	bool payload;
	bool named; /* has a valid name */
	size_t order;
};

/* An app named by a rule: what it means is known once every file has been read. */
struct wanted_app {
	struct app_item *item;
	const char *rule, *file;
	int line;
	bool enabled;
};

struct pattern_name {
	const char *name, *file;
	int line;
	uint32_t pattern;
	uint16_t app;
};

struct zone_entry {
	const char *name; /* "": the machine's own */
	const struct zone *zone;
};

struct rules_builder {
	struct rules_options options; /* our own copies */
	struct diag_list *diags;
	size_t errors_before;
	struct ruleset *ruleset;
	struct vec drafts;   /* struct draft */
	struct vec sources;  /* struct pattern_source */
	struct vec patterns; /* struct pattern_name */
	struct vec apps;     /* struct wanted_app */
	struct vec zones;    /* struct zone_entry */
	bool out_of_memory;
};

/* Marks the builder when `memory` is NULL, so that rules_build() fails; returns `memory`. */
void *rules_kept(struct rules_builder *builder, void *memory);

/* shipped_patterns.c, which the build makes of rules.d: the text of each file, by name. */
struct shipped_pattern {
	const char *path; /* "rules.d/NAME.pat" */
	const char *text;
};
extern const struct shipped_pattern rules_shipped[];
extern const size_t rules_shipped_count;

/* parse.c: one member of `rules`. */
void rules_parse_rule(struct rules_builder *builder, const config_setting_t *setting);

/* Where a key stands, for messages. */
struct key_context {
	struct rules_builder *builder;
	const char *rule; /* its name */
	const char *key;  /* the key in work */
	bool enabled;
	bool hook_output; /* hook = "output" stands in the match (or in this group) */
};
/* "rule 'x': key: message" at the setting's place. */
void rules_key_error(const struct key_context *context, const config_setting_t *setting,
		     const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * keys.c: the `match` group -> tests, sorted by cost, appended to `tests`
 * (a vec of struct test).
 */
void rules_parse_match(struct key_context *context, const config_setting_t *match,
		       struct vec *tests);

/* lists.c */
typedef bool list_line_fn(void *user, const char *text, const char **why);
/*
 * Calls `take` for each item of the list file that `item` ("@path") names; an item
 * that it refuses is an error at the list's own line, with `*why`. After some
 * errors the file is given up.
 */
void rules_read_list(const struct key_context *context, const config_setting_t *item,
		     const char *path, list_line_fn *take, void *user);

/* spans.c */
struct address_draft {
	struct vec v4, v6; /* struct span, struct span6 */
};
#define ADDRESS_DRAFT_INIT                          \
	{                                           \
		VEC(struct span), VEC(struct span6) \
	}
bool address_draft_add(struct address_draft *draft, const struct ip_range *range);
void address_draft_release(struct address_draft *draft);
/* Sorts and merges what is in the draft, and keeps it in the arena. */
bool rules_address_set(struct rules_builder *builder, struct address_draft *draft,
		       struct address_set *set);
/* Hints: `step` 0 asks memory for what step 1 reads, which asks for what the lookup will. */
void address_set_ahead(const struct address_set *set, const struct ip_addr *address, unsigned step);
/* Not counting its ipsets. */
bool address_set_covers(const struct address_set *set, const struct ip_addr *address);
/* Sorts and merges in place. */
void rules_merge_spans(struct vec *spans);
bool rules_in_spans(const struct span *spans, uint32_t count, uint32_t value);

/* hosts.c */
struct host_draft {
	unsigned char *text;
	size_t used, capacity;
	uint32_t count;
	bool failed; /* out of memory or over 4 GiB */
};
void host_draft_release(struct host_draft *draft);
/* Adds "name", "=name" or "*.name"; false with a reason when it is no host name. */
bool host_draft_add(struct host_draft *draft, const char *word, const char **why);
bool rules_host_set(struct rules_builder *builder, const struct host_draft *draft,
		    struct host_set *set);
/* `host`: lower case, no trailing dot. */
bool host_set_covers(const struct host_set *set, const char *host, size_t length);
/* A hint: host_set_covers() comes soon. Two steps, 0 and 1; the second waits for the first. */
void host_set_ahead(const struct host_set *set, const char *host, size_t length, unsigned step);
/* The hashes of its names; how many there are, or more than `most`. `hashes` may be NULL. */
uint32_t host_set_hashes(const struct host_set *set, uint64_t *hashes, uint32_t most);
/*
 * The hashes of a host and its parents, the shortest first, up to `most` labels: in sets of this
 * seed one of them is that of each name that covers the host.
 */
#define HOST_LABELS_MAX 128
uint32_t host_hashes(uint64_t seed, const char *host, size_t length, uint32_t most,
		     uint64_t hashes[HOST_LABELS_MAX]);

/* idn.c: lower case, U-labels to A-labels, one trailing dot cut. The length, 0 with a reason. */
#define HOST_TEXT_SIZE 256
size_t host_canonical(const char *word, char out[HOST_TEXT_SIZE], const char **why);

/* zone.c */
/* NULL with a reason. "": /etc/localtime, and UTC where there is none. */
const struct zone *zone_load(struct arena *arena, const char *name, const char **why);
/* From the bytes of a TZif file (RFC 8536); NULL: malformed, or out of memory. */
const struct zone *zone_parse(struct arena *arena, const unsigned char *bytes, size_t length);
/* Seconds east of UTC at `time` (seconds since the epoch). */
int32_t zone_offset(const struct zone *zone, int64_t time);

/* ipset.c: 1 in the set, 0 not, -errno when it cannot be asked. Any thread; a socket each. */
int rules_ipset_test(const char *set, const struct ip_addr *addr);
/* 0, or -errno when there is no such set or the kernel cannot be asked. */
int rules_ipset_exists(const char *set);

/* words.c: pure readers of single words; false for what they do not know. */
bool word_span(const char *text, uint32_t max, struct span *span);
bool word_masked(const char *text, uint32_t max, struct masked *masked);
bool word_tos(const char *text, struct masked *masked);
bool word_dscp(const char *text, uint32_t *dscp);
bool word_tcp_flags(const char *text, struct masked *masked);
/* Fills 1 or 2 items (a name may mean a type in ICMP and one in ICMPv6); 0: unknown. */
size_t word_icmp(const char *text, struct icmp_item items[2]);
bool word_mac(const char *text, struct mac_item *mac);
/* "HH:MM", "24:00" too, as minutes. */
bool word_clock(const char *text, uint16_t *minutes);
/* 0 is "sun"; -1: unknown. */
int word_day(const char *text);
extern const char *const word_tos_names[];
extern const char *const word_dscp_names[];
extern const char *const word_icmp_names[];
extern const char *const word_proto_names[];
extern const char *const word_days[];
extern const char *const word_flags[];

/* interfaces.c */
/* The name of an index; NULL: unknown. */
const char *rules_interfaces_name(const struct rules_interfaces *interfaces, uint32_t index);

#endif
