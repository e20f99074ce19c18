/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts that follow events: each kind of event by itself, and random runs of them against a model
 * of the kernel, silent removals included. What is remembered must be what a dump would
 * give, unless it was said to be unclear. WAYMARK_TEST_SEED repeats a run.
 */
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "../../src/route/private.h"
#include "route_support.h"

#define OWN_PORTID 77u
#define ROUNDS 3000

static uint32_t first_seed;

struct message {
	uint8_t bytes[512] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static struct nlmsghdr *begin_message(struct message *m, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(m->bytes);

	message->nlmsg_type = type;
	message->nlmsg_flags = flags;
	return message;
}

static void put_addr(struct nlmsghdr *message, uint16_t type, const struct ip_addr *addr)
{
	if (addr->family != IP_NONE)
		mnl_attr_put(message, type, ip_bits(addr->family) / 8, addr->bytes);
}

static void link_message(struct message *m, uint16_t type, const struct route_link *link)
{
	struct nlmsghdr *message = begin_message(m, type, 0);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ifi_index = (int)link->index;
	header->ifi_flags = (link->up ? IFF_UP : 0u) | (link->carrier ? IFF_LOWER_UP : 0u) |
			    (link->point_to_point ? IFF_POINTOPOINT : 0u);
	mnl_attr_put_strz(message, IFLA_IFNAME, link->name);
}

static void address_message(struct message *m, uint16_t type, const struct route_address *a)
{
	struct nlmsghdr *message = begin_message(m, type, 0);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ifa_family = (uint8_t)ip_af(a->address.family);
	header->ifa_prefixlen = a->prefix_length;
	header->ifa_index = a->index;
	header->ifa_scope = a->global ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	header->ifa_flags = a->waning ? IFA_F_DEPRECATED : 0;
	put_addr(message, IFA_LOCAL, &a->address);
	put_addr(message, IFA_ADDRESS, &a->prefix);
}

static void route_message(struct message *m, uint16_t type, uint16_t flags,
			  const struct route_route *r)
{
	struct nlmsghdr *message = begin_message(m, type, flags);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->rtm_family = (uint8_t)ip_af(r->family);
	header->rtm_dst_len = r->destination_length;
	header->rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_COMPAT;
	header->rtm_protocol = r->protocol;
	header->rtm_scope = r->scope;
	header->rtm_type = r->type;
	mnl_attr_put_u32(message, RTA_TABLE, r->table);
	put_addr(message, RTA_DST, &r->destination);
	put_addr(message, RTA_GATEWAY, &r->gateway);
	put_addr(message, RTA_PREFSRC, &r->preferred);
	if (r->index)
		mnl_attr_put_u32(message, RTA_OIF, r->index);
	if (r->metric)
		mnl_attr_put_u32(message, RTA_PRIORITY, r->metric);
}

/* ---- one event at a time ---- */

struct follower {
	struct route_memory memory;
	struct route_scope scope;
};

/* The fixture's facts, as if they had just been dumped. */
static struct follower follow(struct fixture *f)
{
	struct follower w = {.memory.facts = f->facts};

	f->facts = (struct route_facts){.ipv4 = true, .ipv6 = true};
	assert_int_equal(route_watch_init(&w.memory.watch, &f->conf, &w.memory.facts), 0);
	assert_int_equal(route_scope_init(&w.scope, &f->conf), 0);
	return w;
}

static void unfollow(struct follower *w)
{
	route_memory_release(&w->memory);
	route_scope_release(&w->scope);
}

static unsigned tell(struct fixture *f, struct follower *w, const struct message *m)
{
	return route_follow(&w->memory, &f->conf, &w->scope, OWN_PORTID, (const void *)m->bytes);
}

static unsigned tell_route(struct fixture *f, struct follower *w, uint16_t type, uint16_t flags,
			   const struct route_route *r)
{
	struct message m;

	route_message(&m, type, flags, r);
	return tell(f, w, &m);
}

static struct route_route main_route(const char *destination, uint8_t length, const char *gateway,
				     uint32_t index)
{
	struct route_route r = {.family = IP_V4,
				.type = ROUTE_TYPE_UNICAST,
				.protocol = 4,
				.table = ROUTE_MAIN_TABLE,
				.destination_length = length,
				.index = index};

	if (destination)
		r.destination = address(destination);
	if (gateway)
		r.gateway = address(gateway);
	return r;
}

static void routes_of_others_do_not_matter(void **state)
{
	struct fixture *f = *state;
	struct follower w = follow(f);
	size_t before = w.memory.facts.main_count;
	struct route_route r = main_route("198.51.100.0", 24, "10.2.0.9", 6);

	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, 0, &r), 0);
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, NLM_F_REPLACE, &r), 0);
	assert_int_equal(tell_route(f, &w, RTM_DELROUTE, 0, &r), 0);
	r.gateway = (struct ip_addr){.family = IP_NONE}; /* covers no gateway */
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, 0, &r), 0);
	r.type = 6;
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, 0, &r), 0);
	r = main_route(NULL, 0, "10.2.0.9", 6);
	r.table = 5000;
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, 0, &r), 0);
	r = main_route("198.51.100.0", 24, NULL, 6);
	r.table = 201;
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, 0, &r), 0);
	assert_int_equal(w.memory.facts.main_count, before);
	unfollow(&w);
}

static void what_is_ours_or_in_its_way_matters_but_not_our_own_additions(void **state)
{
	struct fixture *f = *state;
	struct follower w = follow(f);
	struct route_route r = main_route(NULL, 0, "10.2.0.9", 6);
	struct message m;

	r.table = 201;
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, 0, &r), ROUTE_NEWS);
	r.protocol = 87;
	r.destination = address("198.51.100.0");
	r.destination_length = 24;
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, 0, &r), ROUTE_NEWS);
	route_message(&m, RTM_NEWROUTE, 0, &r);
	((struct nlmsghdr *)(void *)m.bytes)->nlmsg_pid = OWN_PORTID;
	assert_int_equal(tell(f, &w, &m), 0);
	((struct nlmsghdr *)(void *)m.bytes)->nlmsg_type = RTM_DELROUTE;
	assert_int_equal(tell(f, &w, &m), ROUTE_NEWS);
	unfollow(&w);
}

static void defaults_of_main_are_followed(void **state)
{
	struct fixture *f = *state;
	struct follower w = follow(f);
	struct route_route r = main_route(NULL, 0, "10.2.0.7", 6), other = r;

	r.metric = 100; /* the fixture has one by 10.2.0.1 */
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, NLM_F_REPLACE, &r),
			 ROUTE_NEWS | ROUTE_LOOK);
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, NLM_F_REPLACE, &r), 0);
	assert_int_equal(route_judge(&f->conf, &w.memory.facts, NULL, f->plans), 0);
	assert_true(ip_equal(&f->plans[1].gateway4, &r.gateway));
	assert_int_equal(tell_route(f, &w, RTM_DELROUTE, 0, &r), ROUTE_NEWS | ROUTE_LOOK);
	assert_int_equal(tell_route(f, &w, RTM_DELROUTE, 0, &r), 0);
	assert_int_equal(route_judge(&f->conf, &w.memory.facts, NULL, f->plans), 0);
	assert_true(ip_equal(&f->plans[1].gateway4,
			     &(struct ip_addr){.family = IP_V4, .bytes = {10, 2, 0, 254}}));
	/* two of one key, and one of them is replaced: which? */
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, 0, &r), ROUTE_NEWS | ROUTE_LOOK);
	other.metric = 100;
	other.gateway = address("10.2.0.8");
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, NLM_F_APPEND, &other),
			 ROUTE_NEWS | ROUTE_LOOK);
	other.gateway = address("10.2.0.9");
	assert_true(tell_route(f, &w, RTM_NEWROUTE, NLM_F_REPLACE, &other) & ROUTE_UNCLEAR);
	unfollow(&w);
}

static void a_subnet_matters_where_a_gateway_is_in_it(void **state)
{
	struct fixture *f = *state;
	struct follower w;
	struct route_route r = main_route("192.0.2.0", 24, NULL, 7);

	f->uplinks[2].gateway.address = address("192.0.2.1");
	w = follow(f);
	assert_int_equal(route_judge(&f->conf, &w.memory.facts, NULL, f->plans), 0);
	assert_true(f->plans[2].onlink4);
	assert_int_equal(tell_route(f, &w, RTM_NEWROUTE, 0, &r), ROUTE_NEWS | ROUTE_LOOK);
	assert_int_equal(route_judge(&f->conf, &w.memory.facts, NULL, f->plans), 0);
	assert_false(f->plans[2].onlink4);
	/* it may be this one that a route with a gateway takes the place of, or one not known */
	r.gateway = address("10.3.0.5");
	assert_true(tell_route(f, &w, RTM_NEWROUTE, NLM_F_REPLACE, &r) & ROUTE_UNCLEAR);
	r.gateway = (struct ip_addr){.family = IP_NONE};
	r.index = 6;
	assert_true(tell_route(f, &w, RTM_NEWROUTE, NLM_F_REPLACE, &r) & ROUTE_UNCLEAR);
	unfollow(&w);
}

static struct route_link link_of(const char *name, uint32_t index)
{
	struct route_link link = {.index = index, .up = true, .carrier = true};

	snprintf(link.name, sizeof(link.name), "%s", name);
	return link;
}

static unsigned tell_link(struct fixture *f, struct follower *w, uint16_t type,
			  const struct route_link *link)
{
	struct message m;

	link_message(&m, type, link);
	return tell(f, w, &m);
}

static void a_link_that_goes_down_takes_its_ipv4_routes_along(void **state)
{
	struct fixture *f = *state;
	struct follower w = follow(f);
	struct route_link link = link_of("eth1", 6);

	assert_int_equal(tell_link(f, &w, RTM_NEWLINK, &link), 0); /* nothing new */
	link.up = false;
	assert_int_equal(tell_link(f, &w, RTM_NEWLINK, &link),
			 ROUTE_NEWS | ROUTE_LOOK | ROUTE_SILENT);
	assert_int_equal(w.memory.facts.main_count, 1);
	assert_int_equal(w.memory.facts.main[0].family, IP_V6);
	unfollow(&w);
}

static void a_link_that_comes_is_known_from_its_beginning_and_a_renamed_one_is_not(void **state)
{
	struct fixture *f = *state;
	struct follower w;
	struct route_link link = link_of("ppp7", 20);
	unsigned news;

	f->uplinks[0].interface = "ppp7";
	w = follow(f);
	news = tell_link(f, &w, RTM_NEWLINK, &link);
	assert_true(news & ROUTE_NEWS);
	assert_false(news & ROUTE_UNCLEAR);
	assert_true(route_watch_has(&w.memory.watch, 20));
	news = tell_link(f, &w, RTM_DELLINK, &link);
	assert_true(news & ROUTE_NEWS);
	assert_false(route_watch_has(&w.memory.watch, 20));
	link = link_of("lo", 1);
	snprintf(link.name, sizeof(link.name), "ppp7");
	assert_true(tell_link(f, &w, RTM_NEWLINK, &link) & ROUTE_UNCLEAR);
	unfollow(&w);
}

static unsigned tell_address(struct fixture *f, struct follower *w, uint16_t type,
			     const struct route_address *a)
{
	struct message m;

	address_message(&m, type, a);
	return tell(f, w, &m);
}

static void addresses_are_followed_and_renewals_are_no_news(void **state)
{
	struct fixture *f = *state;
	struct route_route *own = &f->facts.main[0];
	struct follower w;
	struct route_address a = {.index = 6,
				  .address = address("10.2.0.2"),
				  .prefix = address("10.2.0.2"),
				  .prefix_length = 24,
				  .global = true},
			     more = a;

	own->preferred = a.address;
	w = follow(f);
	assert_int_equal(w.memory.facts.main_count, 3);
	assert_int_equal(tell_address(f, &w, RTM_NEWADDR, &a), 0);
	a.waning = true;
	assert_int_equal(tell_address(f, &w, RTM_NEWADDR, &a), ROUTE_NEWS | ROUTE_LOOK);
	more.address = more.prefix = address("10.2.0.3");
	assert_int_equal(tell_address(f, &w, RTM_NEWADDR, &more), ROUTE_NEWS | ROUTE_LOOK);
	/* a route from this address goes with it; all of IPv4 with the last one */
	assert_int_equal(tell_address(f, &w, RTM_DELADDR, &a),
			 ROUTE_NEWS | ROUTE_LOOK | ROUTE_SILENT);
	assert_int_equal(w.memory.facts.main_count, 2);
	assert_int_equal(tell_address(f, &w, RTM_DELADDR, &more),
			 ROUTE_NEWS | ROUTE_LOOK | ROUTE_SILENT);
	assert_int_equal(w.memory.facts.main_count, 1);
	more.index = 1;
	assert_int_equal(tell_address(f, &w, RTM_NEWADDR, &more), 0);
	unfollow(&w);
}

/* ---- messages ---- */

static struct route_link parsed_link(const char *kind, const char *slave_kind, uint32_t master)
{
	struct message m;
	struct nlmsghdr *message = begin_message(&m, RTM_NEWLINK, 0);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct route_link link;
	struct nlattr *info;

	header->ifi_index = 9;
	mnl_attr_put_strz(message, IFLA_IFNAME, "eth9");
	if (master)
		mnl_attr_put_u32(message, IFLA_MASTER, master);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	if (kind)
		mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
	if (slave_kind)
		mnl_attr_put_strz(message, IFLA_INFO_SLAVE_KIND, slave_kind);
	mnl_attr_nest_end(message, info);
	assert_true(route_parse_link(message, &link));
	return link;
}

static void a_vrf_and_what_is_in_it_are_told_by_their_kind(void **state)
{
	struct route_link link;

	(void)state;
	link = parsed_link("vrf", NULL, 0);
	assert_true(link.vrf);
	assert_int_equal(link.master, 0);
	link = parsed_link("veth", "vrf", 12);
	assert_true(link.vrf);
	assert_int_equal(link.master, 12);
	link = parsed_link("veth", "bridge", 12);
	assert_false(link.vrf);
	link = parsed_link("vrfish", NULL, 0);
	assert_false(link.vrf);
	link = parsed_link(NULL, NULL, 0);
	assert_false(link.vrf);
}

static void a_rule_that_leads_nowhere_is_read_as_it_is_wanted(void **state)
{
	struct message m;
	struct nlmsghdr *message = begin_message(&m, RTM_NEWRULE, 0);
	struct fib_rule_hdr *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct route_rule rule, wanted = {.family = IP_V4,
					  .protocol = 87,
					  .type = ROUTE_TYPE_UNREACHABLE,
					  .priority = 20499,
					  .fwmark = 3,
					  .fwmask = 0x7f,
					  .suppress_prefix_length = -1};

	(void)state;
	header->family = AF_INET;
	header->action = FR_ACT_UNREACHABLE;
	mnl_attr_put_u32(message, FRA_PRIORITY, 20499);
	mnl_attr_put_u32(message, FRA_FWMARK, 3);
	mnl_attr_put_u32(message, FRA_FWMASK, 0x7f);
	mnl_attr_put_u32(message, FRA_TABLE, 0);
	mnl_attr_put_u32(message, FRA_SUPPRESS_PREFIXLEN, UINT32_MAX);
	mnl_attr_put_u8(message, FRA_PROTOCOL, 87);
	assert_true(route_parse_rule(message, &rule));
	assert_int_equal(route_rule_compare(&rule, &wanted), 0);
	header->action = FR_ACT_BLACKHOLE;
	assert_true(route_parse_rule(message, &rule));
	assert_true(rule.strange);
}

static void a_look_at_the_head_of_a_route_tells_what_it_is_about(void **state)
{
	struct route_route r = main_route("198.51.100.0", 24, "10.2.0.9", 6);
	struct route_peek peek;
	struct message m;
	struct nlmsghdr *message = (void *)m.bytes;

	(void)state;
	r.table = 70000;
	route_message(&m, RTM_NEWROUTE, 0, &r);
	assert_true(route_peek(message, &peek));
	assert_int_equal(peek.table, 70000);
	assert_int_equal(peek.index, 6);
	assert_true(peek.gateway);
	assert_false(peek.multipath);
	((struct rtmsg *)mnl_nlmsg_get_payload(message))->rtm_flags = RTM_F_CLONED;
	assert_false(route_peek(message, &peek));
	message->nlmsg_len = NLMSG_HDRLEN + 3;
	assert_false(route_peek(message, &peek));
}

/* ---- random runs ---- */

static uint32_t random_below(uint32_t *seed, uint32_t limit)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % limit;
}

#define QUEUE 64

/* What the kernel has, and what it has told of and nobody has read. */
struct model {
	struct route_facts facts; /* main: all of it */
	struct message queue[QUEUE];
	size_t queued;
	uint32_t next_index;
	bool guesses; /* events of which it must be guessed what they take along */
};

static struct message *emit(struct model *model)
{
	assert_true(model->queued < QUEUE);
	return &model->queue[model->queued++];
}

static void drop_at(struct model *model, size_t at)
{
	memmove(&model->facts.main[at], &model->facts.main[at + 1],
		(model->facts.main_count - at - 1) * sizeof(model->facts.main[0]));
	model->facts.main_count--;
}

/* Takes routes away: IPv4 silently, IPv6 with a word. */
static void flush_routes(struct model *model, uint32_t index, bool ipv6_too)
{
	for (size_t i = model->facts.main_count; i-- > 0;) {
		struct route_route r = model->facts.main[i];

		if (r.index != index || (r.family == IP_V6 && !ipv6_too))
			continue;
		drop_at(model, i);
		if (r.family == IP_V6)
			route_message(emit(model), RTM_DELROUTE, 0, &r);
	}
}

static void change_link(struct model *model, uint32_t *seed)
{
	static const char *const names[] = {"ppp0", "eth1", "eth2", "eth3", "eth9"};
	struct route_facts *facts = &model->facts;
	struct route_link *link = &facts->links[random_below(seed, (uint32_t)facts->link_count)];
	const char *name = names[random_below(seed, 5)];

	switch (random_below(seed, 8)) {
	case 0:
		if (route_facts_link_by_name(facts, name))
			return;
		snprintf(link->name, sizeof(link->name), "%s", name);
		break;
	case 1: { /* deleted, and another made */
		struct route_link gone = *link;

		flush_routes(model, gone.index, true);
		for (size_t i = facts->address_count; i-- > 0;) {
			if (facts->addresses[i].index == gone.index)
				facts->addresses[i] = facts->addresses[--facts->address_count];
		}
		link_message(emit(model), RTM_DELLINK, &gone);
		link->index = model->next_index++;
		break;
	}
	case 2:
		link->carrier = !link->carrier;
		break;
	default:
		link->up = !link->up;
		if (!link->up)
			flush_routes(model, link->index, true);
		break;
	}
	link_message(emit(model), RTM_NEWLINK, link);
}

static struct route_address random_address(struct model *model, uint32_t *seed)
{
	static const char *const pool[] = {"10.3.0.2", "10.2.0.2", "2001:db8::2", "2001:db8::3"};
	const struct route_facts *facts = &model->facts;
	uint32_t which = random_below(seed, 4);
	struct route_address a = {
		.index = facts->links[random_below(seed, (uint32_t)facts->link_count)].index,
		.address = address(pool[which]),
		.prefix = address(pool[which]),
		.prefix_length = which < 2 ? 24 : 64,
		.global = true,
		.waning = random_below(seed, 5) == 0,
	};

	return a;
}

static void address_goes(struct model *model, size_t at)
{
	struct route_facts *facts = &model->facts;
	struct route_address gone = facts->addresses[at];
	bool elsewhere = false, last = true;

	memmove(&facts->addresses[at], &facts->addresses[at + 1],
		(facts->address_count - at - 1) * sizeof(facts->addresses[0]));
	facts->address_count--;
	address_message(emit(model), RTM_DELADDR, &gone);
	if (gone.address.family != IP_V4)
		return;
	for (size_t i = 0; i < facts->address_count; i++) {
		elsewhere |= ip_equal(&facts->addresses[i].address, &gone.address);
		last &= facts->addresses[i].index != gone.index ||
			facts->addresses[i].address.family != IP_V4;
	}
	for (size_t i = facts->main_count; !elsewhere && i-- > 0;) {
		if (ip_equal(&facts->main[i].preferred, &gone.address))
			drop_at(model, i);
	}
	if (last)
		flush_routes(model, gone.index, false);
}

static void change_address(struct model *model, uint32_t *seed)
{
	struct route_facts *facts = &model->facts;
	struct route_address a = random_address(model, seed);

	for (size_t i = 0; i < facts->address_count; i++) {
		if (facts->addresses[i].index != a.index ||
		    !ip_equal(&facts->addresses[i].address, &a.address))
			continue;
		if (model->guesses && random_below(seed, 2)) {
			address_goes(model, i);
			return;
		}
		facts->addresses[i] = a;
		address_message(emit(model), RTM_NEWADDR, &a);
		return;
	}
	assert_int_equal(route_facts_add_address(facts, &a), 0);
	address_message(emit(model), RTM_NEWADDR, &a);
}

static struct route_route random_main(struct model *model, uint32_t *seed)
{
	static const char *const gateways[] = {"10.3.0.1", "10.2.0.1", "10.2.0.254"};
	const struct route_facts *facts = &model->facts;
	struct route_route r = {
		.family = random_below(seed, 3) ? IP_V4 : IP_V6,
		.type = ROUTE_TYPE_UNICAST,
		.protocol = 3,
		.table = ROUTE_MAIN_TABLE,
		.metric = 100 * (1 + random_below(seed, 2)),
		.index = facts->links[random_below(seed, (uint32_t)facts->link_count)].index,
	};

	if (random_below(seed, 3)) /* a default */
		r.gateway =
			address(r.family == IP_V6 ? "fe80::1" : gateways[random_below(seed, 3)]);
	else if (r.family == IP_V4) {
		r.destination = address(random_below(seed, 2) ? "10.3.0.0" : "198.51.100.0");
		r.destination_length = 24;
		if (random_below(seed, 3) == 0)
			r.gateway = address("10.2.0.9");
	}
	if (r.family == IP_V4 && random_below(seed, 4) == 0)
		r.preferred = address("10.2.0.2");
	return r;
}

static bool is_same(const struct route_route *a, const struct route_route *b)
{
	return route_key_compare(a, b) == 0 && a->index == b->index &&
	       ip_equal(&a->gateway, &b->gateway);
}

static void change_main(struct model *model, uint32_t *seed)
{
	struct route_facts *facts = &model->facts;
	struct route_route r = random_main(model, seed);
	uint32_t what = random_below(seed, 3);
	size_t key = facts->main_count, same = key;

	for (size_t i = facts->main_count; i-- > 0;) {
		if (route_key_compare(&facts->main[i], &r) == 0)
			key = i;
		if (is_same(&facts->main[i], &r))
			same = i;
	}
	if (what == 0 && same < facts->main_count) {
		r = facts->main[same];
		drop_at(model, same);
		route_message(emit(model), RTM_DELROUTE, 0, &r);
	} else if (!route_facts_link(facts, r.index)->up) {
		return; /* the kernel has no route by a link that is down */
	} else if (what == 1 && model->guesses && same == facts->main_count &&
		   key < facts->main_count) {
		facts->main[key] = r;
		route_message(emit(model), RTM_NEWROUTE, NLM_F_REPLACE, &r);
	} else if (what == 2 && same == facts->main_count) {
		assert_int_equal(route_facts_add_main(facts, &r), 0);
		route_message(emit(model), RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, &r);
	}
}

static void copy_facts(const struct route_facts *from, struct route_facts *to)
{
	route_facts_release(to);
	to->ipv4 = from->ipv4;
	to->ipv6 = from->ipv6;
	for (size_t i = 0; i < from->link_count; i++)
		assert_int_equal(route_facts_add_link(to, &from->links[i]), 0);
	for (size_t i = 0; i < from->address_count; i++)
		assert_int_equal(route_facts_add_address(to, &from->addresses[i]), 0);
	for (size_t i = 0; i < from->main_count; i++)
		assert_int_equal(route_facts_add_main(to, &from->main[i]), 0);
}

static bool same_judgement(const struct route_uplink_plan *a, const struct route_uplink_plan *b)
{
	return a->state == b->state && strcmp(a->reason, b->reason) == 0 && a->index == b->index &&
	       a->default4 == b->default4 && a->default6 == b->default6 &&
	       a->onlink4 == b->onlink4 && a->onlink6 == b->onlink6;
}

/* All is read anew; a judgement by what is kept of it is the one by all of it. */
static void look_again(struct fixture *f, struct follower *w, const struct model *model)
{
	struct route_uplink_plan whole[UPLINKS];

	copy_facts(&model->facts, &w->memory.facts);
	route_watch_release(&w->memory.watch);
	assert_int_equal(route_watch_init(&w->memory.watch, &f->conf, &w->memory.facts), 0);
	route_memory_prune(&w->memory);
	assert_true(w->memory.facts.main_count <= model->facts.main_count);
	assert_int_equal(route_judge(&f->conf, &model->facts, NULL, whole), 0);
	assert_int_equal(route_judge(&f->conf, &w->memory.facts, NULL, f->plans), 0);
	for (size_t i = 0; i < UPLINKS; i++)
		assert_true(same_judgement(&whole[i], &f->plans[i]));
}

static unsigned read_queue(struct fixture *f, struct follower *w, struct model *model)
{
	unsigned news = 0;

	for (size_t i = 0; i < model->queued; i++)
		news |= tell(f, w, &model->queue[i]);
	model->queued = 0;
	return news;
}

/* How many of main's routes `a` has that are not in `b`. */
static size_t missing(const struct route_facts *a, const struct route_facts *b, bool defaults_only)
{
	size_t count = 0;

	for (size_t i = 0; i < a->main_count; i++) {
		bool found = a->main[i].destination_length != 0 && defaults_only;

		for (size_t j = 0; !found && j < b->main_count; j++)
			found = is_same(&a->main[i], &b->main[j]);
		count += !found;
	}
	return count;
}

static void assert_follows(const struct follower *w, const struct model *model)
{
	const struct route_facts *known = &w->memory.facts, *facts = &model->facts;

	assert_int_equal(missing(facts, known, true), 0);
	assert_int_equal(missing(known, facts, false), 0);
	assert_int_equal(known->link_count, facts->link_count);
	for (size_t i = 0; i < facts->link_count; i++) {
		const struct route_link *link = route_facts_link(known, facts->links[i].index);

		assert_non_null(link);
		assert_string_equal(link->name, facts->links[i].name);
		assert_int_equal(link->up, facts->links[i].up);
		assert_int_equal(link->carrier, facts->links[i].carrier);
	}
	assert_int_equal(known->address_count, facts->address_count);
}

/*
 * `stale`: the kernel is read while events wait that are older. Then no address goes and no route
 * is replaced: what went with them cannot be told from behind, and is left to the next look.
 */
static void run_events(struct fixture *f, bool stale)
{
	uint32_t seed = first_seed + stale;
	uint32_t next_index = 100;
	size_t unclear = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct model model = {.next_index = next_index, .guesses = !stale};
		struct follower w;

		model.facts = f->facts;
		f->facts = (struct route_facts){.ipv4 = true, .ipv6 = true};
		w = follow(f);
		look_again(f, &w, &model);
		for (uint32_t steps = 10 + random_below(&seed, 30); steps > 0; steps--) {
			for (uint32_t n = random_below(&seed, 5); n > 0; n--) {
				uint32_t kind = random_below(&seed, 5);

				if (kind == 0)
					change_link(&model, &seed);
				else if (kind == 1)
					change_address(&model, &seed);
				else
					change_main(&model, &seed);
				if (stale && random_below(&seed, 6) == 0)
					look_again(f, &w, &model);
			}
			if (read_queue(f, &w, &model) & ROUTE_UNCLEAR) {
				unclear++;
				look_again(f, &w, &model);
			}
			assert_follows(&w, &model);
		}
		/* the next round begins with what this one has left */
		while (model.facts.main_count > 12)
			drop_at(&model, 0);
		f->facts = model.facts;
		next_index = model.next_index;
		unfollow(&w);
	}
	print_message("# %zu of %d rounds' steps unclear\n", unclear, ROUNDS);
}

static void what_is_remembered_is_what_is_there(void **state)
{
	run_events(*state, false);
}

static void events_older_than_the_dump_do_no_harm(void **state)
{
	run_events(*state, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(routes_of_others_do_not_matter),
		TEST(what_is_ours_or_in_its_way_matters_but_not_our_own_additions),
		TEST(defaults_of_main_are_followed),
		TEST(a_subnet_matters_where_a_gateway_is_in_it),
		TEST(a_link_that_goes_down_takes_its_ipv4_routes_along),
		TEST(a_link_that_comes_is_known_from_its_beginning_and_a_renamed_one_is_not),
		TEST(addresses_are_followed_and_renewals_are_no_news),
		TEST(a_vrf_and_what_is_in_it_are_told_by_their_kind),
		TEST(a_rule_that_leads_nowhere_is_read_as_it_is_wanted),
		TEST(a_look_at_the_head_of_a_route_tells_what_it_is_about),
		TEST(what_is_remembered_is_what_is_there),
		TEST(events_older_than_the_dump_do_no_harm),
	};
	const char *given = getenv("WAYMARK_TEST_SEED");

	first_seed = given ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
	print_message("# seed %u\n", first_seed);
	return cmocka_run_group_tests_name("route_follow", tests, NULL, NULL);
}
