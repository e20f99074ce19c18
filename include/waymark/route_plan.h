/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route_plan - the pure half of the route module: values in, values out.
 *
 * route_facts  what the kernel has that we only look at: links, addresses and
 *              those of main's routes that an uplink can depend on.
 * route_state  a set of policy rules and routes: the wanted one from
 *              route_plan(), the present one from a dump.
 * route_diff() what turns the present state into the wanted one.
 *
 * Priorities, from routing.priority on (fixed: users read them in `ip rule`); `i` is
 * the uplink's place in the configuration, the first is 0:
 *   +0           (a) not fwmark 0/V lookup main suppress_prefixlength 1
 *   +1 + i       (b) fwmark VALUE/V lookup TABLE
 *   +200 + 2i    (c) from A lookup main suppress_prefixlength 1, for each address
 *   +201 + 2i    (c) from A lookup TABLE, for each address
 *   +499         (d) fwmark VALUE/V lookup TABLE of the stand-in, or unreachable: while
 *                    probes say that the uplink has failed. Then (b) has "oif INTERFACE"
 * and the rest of 500 that are ours but not used. Each uplink has its own, so
 * that a rule which is put back stands where it stood. Uplinks behind the
 * 149th share the last one's: marks exclude each other, so this is only for the eye.
 * An address that two uplinks have (same interface, or the same address on both)
 * belongs to the first uplink in the configuration that is up.
 * A failed uplink keeps its table: its probes, marked and bound to the device, find it by (b),
 * and what is bound to its address by (c), before (d) is asked.
 *
 * Ownership: arrays are malloced and belong to the struct; strings are copies.
 * Nothing here does I/O. Threads: none; one owner.
 */
#ifndef WAYMARK_ROUTE_PLAN_H
#define WAYMARK_ROUTE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/config.h>
#include <waymark/ip.h>
#include <waymark/route.h>

#define ROUTE_PRIORITY_RANGE 500u
#define ROUTE_PRIORITY_MAIN_FIRST 0u
#define ROUTE_PRIORITY_MARK 1u
#define ROUTE_PRIORITY_FROM 200u
#define ROUTE_PRIORITY_UPLINKS 149u /* with priorities of their own */
#define ROUTE_PRIORITY_FAILED 499u

#define ROUTE_MAIN_TABLE 254u
/* Far behind any default that somebody sets: it answers only when nothing else does. */
#define ROUTE_BLOCK_METRIC 4278198272u
/* What the kernel gives an IPv6 route without a metric. */
#define ROUTE_IPV6_METRIC 1024u

#define ROUTE_NAME_SIZE 16 /* IFNAMSIZ */
#define ROUTE_REASON_SIZE 256
#define ROUTE_TEXT_SIZE 256
#define ROUTE_NO_UPLINK UINT32_MAX

/*
 * The kernel's numbers (RTN_*, RT_SCOPE_*), so that this header needs none of its headers. A rule
 * that looks a table up is "unicast" there as well.
 */
#define ROUTE_TYPE_UNICAST 1
#define ROUTE_TYPE_UNREACHABLE 7
#define ROUTE_SCOPE_UNIVERSE 0
#define ROUTE_SCOPE_LINK 253

/* The dumped message itself: a deletion echoes it, so that what we do not model goes too. */
struct route_raw {
	size_t offset, length; /* in route_snapshot.raw; length 0: none */
};

struct route_link {
	uint32_t index;
	char name[ROUTE_NAME_SIZE];
	bool up, carrier, point_to_point;
	bool vrf;	 /* is one, or belongs to one */
	uint32_t master; /* the index of the bridge, bond or VRF that it belongs to; 0: none */
};

struct route_address {
	uint32_t index; /* of the link */
	struct ip_addr address;
	struct ip_addr prefix; /* what is on the link: the peer's, with prefix_length */
	uint8_t prefix_length;
	bool global;	/* not link or host scope */
	bool duplicate; /* another host has it: the kernel does not use it */
	bool waning;	/* tentative or deprecated: not to begin a connection from */
};

struct route_rule {
	uint8_t family; /* enum ip_family */
	uint8_t protocol, type;
	bool invert;
	bool strange; /* has attributes that a plan never has; equal to no wanted rule */
	uint32_t priority, table; /* table 0: of a rule that leads to none */
	uint32_t fwmark, fwmask;  /* mark bits outside of the mask are cleared */
	struct ip_addr source;
	uint8_t source_length;
	char oif[ROUTE_NAME_SIZE]; /* of sockets that are bound to a device; "": any */
	int32_t suppress_prefix_length; /* -1: none */
	uint32_t uplink;		/* for messages; not compared */
	struct route_raw raw;
};

struct route_route {
	uint8_t family;
	uint8_t protocol, type, scope, tos;
	bool onlink, strange;
	uint8_t destination_length;
	struct ip_addr destination; /* family IP_NONE when the length is 0 */
	struct ip_addr gateway;	    /* may be IPv6 in an IPv4 route */
	struct ip_addr preferred;   /* source address; only of main's routes, not compared */
	uint32_t table, metric;
	int8_t preference; /* of the router that advertised it: -1 low, 0, 1 high; not compared */
	uint32_t index;	   /* of the link; 0 unless unicast */
	uint32_t uplink;
	struct route_raw raw;
};

struct route_state {
	struct route_rule *rules;
	size_t rule_count, rule_capacity;
	struct route_route *routes;
	size_t route_count, route_capacity;
};

struct route_facts {
	bool ipv4, ipv6; /* the kernel has policy rules of this family */
	struct route_link *links;
	size_t link_count, link_capacity;
	struct route_address *addresses;
	size_t address_count, address_capacity;
	/*
	 * main's defaults (a multipath one as several), and of its routes without a gateway at
	 * least those by an uplink's link to a gateway.
	 */
	struct route_route *main;
	size_t main_count, main_capacity;
};

/* What the plan found out about one uplink. */
struct route_uplink_plan {
	enum route_uplink_state state;
	char reason[ROUTE_REASON_SIZE];
	uint32_t index;		 /* of its link; 0: there is none */
	bool present;		 /* whatever probes say */
	bool default4, default6; /* it can carry this family */
	bool onlink4, onlink6;
	struct ip_addr gateway4, gateway6; /* IP_NONE: straight to the device */
	struct ip_addr source4, source6;   /* its first global address; IP_NONE: it has none */
};

/*
 * Which of the kernel's rules and routes are ours: `protocol`, and inside the
 * priority range or in one of the tables.
 */
struct route_scope {
	uint8_t protocol;
	uint32_t priority;
	uint32_t *tables; /* sorted */
	size_t table_count;
};

enum route_change_kind { ROUTE_ADD, ROUTE_REPLACE, ROUTE_DELETE };

/* Exactly one of rule and route is set; they point into the states that were compared. */
struct route_change {
	enum route_change_kind kind;
	const struct route_rule *rule;
	const struct route_route *route;
	const struct route_route *replaced; /* of REPLACE */
};

struct route_changes {
	struct route_change *items;
	size_t count, capacity;
};

void route_state_release(struct route_state *state);
/* Copies the value in. 0, -ENOMEM or -E2BIG (more than any sane system has). */
int route_state_add_rule(struct route_state *state, const struct route_rule *rule);
int route_state_add_route(struct route_state *state, const struct route_route *route);

void route_facts_release(struct route_facts *facts);
int route_facts_add_link(struct route_facts *facts, const struct route_link *link);
int route_facts_add_address(struct route_facts *facts, const struct route_address *address);
int route_facts_add_main(struct route_facts *facts, const struct route_route *route);
const struct route_link *route_facts_link(const struct route_facts *facts, uint32_t index);
const struct route_link *route_facts_link_by_name(const struct route_facts *facts,
						  const char *name);

int route_scope_init(struct route_scope *scope, const struct conf *conf);
void route_scope_release(struct route_scope *scope);
bool route_scope_has_table(const struct route_scope *scope, uint32_t table);
bool route_scope_owns_rule(const struct route_scope *scope, const struct route_rule *rule);
bool route_scope_owns_route(const struct route_scope *scope, const struct route_route *route);

/*
 * The judgement alone: fills uplinks[conf->uplink_count]. `health` has as many, NULL: all are
 * healthy. 0 or -ENOMEM.
 */
int route_judge(const struct conf *conf, const struct route_facts *facts,
		const struct route_health *health, struct route_uplink_plan *uplinks);
/*
 * Judges, and fills `wanted` (empty before). In mode "observe" nothing is wanted. 0 or -errno.
 */
int route_plan(const struct conf *conf, const struct route_facts *facts,
	       const struct route_health *health, struct route_state *wanted,
	       struct route_uplink_plan *uplinks);

/*
 * Additions, then deletions; routes are added before the rules that lead to
 * them, and rules go before their routes. `scopes` say what of `present` is
 * ours; what is not is only looked at: another's route that already does
 * what is wanted is left to do it. 0 or -errno.
 */
int route_diff(const struct route_state *present, const struct route_state *wanted,
	       const struct route_scope *scopes, size_t scope_count, struct route_changes *changes);
void route_changes_release(struct route_changes *changes);

/* Total orders; 0: the same thing in the kernel. */
int route_rule_compare(const struct route_rule *a, const struct route_rule *b);
int route_route_compare(const struct route_route *a, const struct route_route *b);

/* In iproute2's words, what follows `ip -4 rule add` or `ip -4 route add`. Returns buffer. */
const char *route_rule_format(const struct route_rule *rule, char buffer[ROUTE_TEXT_SIZE]);
const char *route_route_format(const struct route_route *route, const struct route_facts *facts,
			       char buffer[ROUTE_TEXT_SIZE]);
/* A whole state, "rule 4 ..." and "route 4 ..." a line. Malloced; NULL: out of memory. */
char *route_state_format(const struct route_state *state, const struct route_facts *facts);

/*
 * Our own file of table names, rt_tables.d/waymark.conf of iproute2's `directory` (NULL: the
 * usual one): "201 mail.out" a line. Never touches a file that does not begin with our
 * header, and never gives a name or names a table that the user's files do already. Failing is a
 * warning.
 */
void route_tables_register(const char *directory, const struct conf *conf, struct diag_list *diags);
void route_tables_unregister(const char *directory, struct diag_list *diags);

#endif
