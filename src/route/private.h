/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the route module share and nobody else sees.
 *
 * kernel.c speaks rtnetlink and monitor.c listens; follow.c keeps what they tell, manager.c
 * decides when to ask; the rest is pure (route_plan.h).
 */
#ifndef WAYMARK_ROUTE_PRIVATE_H
#define WAYMARK_ROUTE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include <waymark/config.h>
#include <waymark/diag.h>
#include <waymark/route_plan.h>

int route_grow(void **items, size_t *capacity, size_t count, size_t each);
int route_changes_add(struct route_changes *changes, const struct route_change *change);

/* 0: the same key in the kernel, so that only one of the two can be there, but for appended ones.
 */
int route_key_compare(const struct route_route *a, const struct route_route *b);

struct route_gateway {
	uint32_t index; /* of the link that it is reached by */
	struct ip_addr address;
};

/* Which links are uplinks', and the gateways that the configuration gives them. */
struct route_watch {
	uint32_t *links; /* sorted */
	size_t count;
	struct route_gateway *gateways;
	size_t gateway_count;
};

int route_watch_init(struct route_watch *watch, const struct conf *conf,
		     const struct route_facts *facts);
void route_watch_release(struct route_watch *watch);
bool route_watch_has(const struct route_watch *watch, uint32_t index);
/* What is remembered for `watch` is enough for `part`. */
bool route_watch_covers(const struct route_watch *watch, const struct route_watch *part);

/* What is known of the kernel; facts.main is complete for these links and gateways only. */
struct route_memory {
	struct route_facts facts;
	struct route_watch watch;
};

void route_memory_release(struct route_memory *memory);
/* Forgets those of main's routes that no plan can depend on. */
void route_memory_prune(struct route_memory *memory);

enum {
	ROUTE_NEWS = 1,	   /* the plan, or what is there of it, may have changed */
	ROUTE_LOOK = 2,	   /* main should be read, now or somewhat later */
	ROUTE_SILENT = 4,  /* the kernel may do more, and not tell: look once more later */
	ROUTE_UNCLEAR = 8, /* what is remembered of main is not to be relied on */
};
/* Applies one event; what it means, as a set of the above. `own_portid` is of our requests. */
unsigned route_follow(struct route_memory *memory, const struct conf *conf,
		      const struct route_scope *scope, uint32_t own_portid,
		      const struct nlmsghdr *message);

/* One run's view of the kernel. */
struct route_snapshot {
	struct route_facts facts;   /* main: only where it was asked for */
	struct route_state present; /* all rules; the routes of the tables asked for */
	unsigned main_us;	    /* how long it took to read main */
	uint8_t *raw;		    /* dumped messages, for deletions */
	size_t raw_length, raw_capacity;
};

/*
 * The attributes of `length` bytes at `data`, one after the other; NULL behind the last whole one.
 * (libmnl's macros do the same, but cast const away and narrow the length.)
 */
static inline const struct nlattr *route_attr_at(const void *data, size_t length, size_t offset)
{
	const struct nlattr *attr = (const void *)((const uint8_t *)data + offset);

	if (offset > length || length - offset < sizeof(*attr) || attr->nla_len < sizeof(*attr) ||
	    attr->nla_len > length - offset)
		return NULL;
	return attr;
}

static inline const struct nlattr *route_attr_next(const void *data, size_t length,
						   const struct nlattr *attr)
{
	size_t offset = (size_t)((const uint8_t *)attr - (const uint8_t *)data);

	return route_attr_at(data, length, offset + NLMSG_ALIGN((size_t)attr->nla_len));
}

#define route_for_each_attr(attr, data, length, offset)                  \
	for ((attr) = route_attr_at((data), (length), (offset)); (attr); \
	     (attr) = route_attr_next((data), (length), (attr)))

struct route_kernel;

int route_kernel_open(struct route_kernel **kernel, struct diag_list *diags);
void route_kernel_close(struct route_kernel *kernel);
/* The netlink address of our requests: events that we cause carry it. */
uint32_t route_kernel_portid(const struct route_kernel *kernel);
/*
 * Links, addresses, rules, the routes of these tables; and, for the uplinks of `main_of` unless it
 * is NULL, main's. 0 or -errno with a finding; `snapshot` is empty before, released by the
 * caller in any case.
 */
int route_kernel_snapshot(struct route_kernel *kernel, const struct conf *main_of,
			  const uint32_t *tables, size_t table_count,
			  struct route_snapshot *snapshot, struct diag_list *diags);
void route_snapshot_release(struct route_snapshot *snapshot);
/* What this kernel, by these facts, takes only in another form, so that the plan agrees with it. */
void route_kernel_amend(struct route_kernel *kernel, const struct route_facts *facts,
			struct route_state *wanted);
/*
 * Sends the changes, batched, in order; every one is acknowledged. `failed` is called for
 * each change that the kernel refused and that still matters (deleting what is
 * gone does not), with its -errno and text. 0 or the first -errno; *sent counts.
 */
typedef void route_failed_fn(const struct route_change *change, int error, const char *text,
			     void *context);
int route_kernel_apply(struct route_kernel *kernel, const struct route_changes *changes,
		       const struct route_snapshot *snapshot, size_t *sent, route_failed_fn *failed,
		       void *context);

struct route_monitor;

int route_monitor_open(struct route_monitor **monitor, struct diag_list *diags);
void route_monitor_close(struct route_monitor *monitor);
int route_monitor_fd(const struct route_monitor *monitor);
/*
 * Hands what waits to `each`. True: events were lost. Then, until the queue has been empty once,
 * the rest is older than the loss and not handed out, and the answer is true again.
 */
typedef void route_message_fn(const struct nlmsghdr *message, void *context);
bool route_monitor_drain(struct route_monitor *monitor, route_message_fn *each, void *context);

/* Messages, shared by dump and monitor. False: not one of ours to read (wrong type, cut short). */
bool route_parse_link(const struct nlmsghdr *message, struct route_link *link);
bool route_parse_address(const struct nlmsghdr *message, struct route_address *address);
bool route_parse_rule(const struct nlmsghdr *message, struct route_rule *rule);
/*
 * A multipath route gives one value per next hop through `next` (0 .. n-1, false
 * behind the last); all of them are marked strange.
 */
bool route_parse_route(const struct nlmsghdr *message, unsigned next, struct route_route *route);
/* What decides at little cost whether a route needs to be parsed. */
struct route_peek {
	uint32_t table, index;
	uint8_t type, protocol, destination_length;
	bool gateway, multipath; /* a multipath route counts as one with gateways */
};
bool route_peek(const struct nlmsghdr *message, struct route_peek *peek);
/* The answer to RTM_GETROUTE; fills all but the error. */
bool route_parse_answer(const struct nlmsghdr *message, struct route_answer *answer);

#endif
