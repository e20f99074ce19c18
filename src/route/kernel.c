/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request side of rtnetlink: dump what is there, apply changes.
 *
 * - Dumps use NETLINK_GET_STRICT_CHK, so that main and our tables are filtered
 *   in the kernel, and every header is written in full, as it demands. A kernel
 *   without it gives everything; we filter again anyway.
 * - A dump that raced with a change (NLM_F_DUMP_INTR) is a mixture of two
 *   states: what it gave is thrown away, and it is asked for again.
 * - Of main only the few routes are kept that a plan can depend on: the others are
 *   told by header and attribute types, and never parsed.
 * - A table that does not exist yet is an empty one; a family that the kernel
 *   does not have is no error.
 * - Changes go out many in a datagram, each with NLM_F_ACK, so a refusal is
 *   known by its sequence number; batches are small enough for all the
 *   acknowledgements to fit in the receive buffer.
 * - Rules are sent with NLM_F_EXCL: without it the kernel adds a duplicate.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <waymark/route_plan.h>

#include "private.h"

#define BUFFER_BYTES ((size_t)1 << 16)
#define BATCH_MESSAGES 64u /* as many as struct acks has bits */
#define MESSAGE_BYTES                                                              \
	((size_t)1 << 14) /* one change at most; an echoed deletion is the longest \
			   */
#define RAW_MAX ((size_t)64 << 20)
#define DUMP_ATTEMPTS 10
#define REFUSED_MAX 64u
#define SUBNETS_MAX ((size_t)1 << 16) /* of main's routes without a gateway, while it is read */
#define KERNEL_TEXT_SIZE 160

struct route_kernel {
	struct mnl_socket *socket;
	uint32_t portid, sequence;
	struct refused {
		uint32_t table, index;
		size_t known6; /* as known_of() the link then */
		struct ip_addr gateway;
	} refused[REFUSED_MAX]; /* next hops that must be told to be on the link; a ring */
	size_t refused_count;
	uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint8_t batch[BUFFER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* What a dump is for. */
struct wish {
	struct route_snapshot *snapshot;
	uint32_t table;
	const struct route_watch *watch; /* of main */
};

/* One message of a dump; 0 or -errno, which ends the dump. */
typedef int dump_fn(const struct nlmsghdr *message, const struct wish *wish);

static void set_option(struct mnl_socket *nl, int option)
{
	int on = 1;

	/* each is a comfort that an older kernel may lack */
	(void)mnl_socket_setsockopt(nl, option, &on, sizeof(on));
}

int route_kernel_open(struct route_kernel **kernel, struct diag_list *diags)
{
	struct timeval patience = {.tv_sec = 5};
	struct route_kernel *k = calloc(1, sizeof(*k));
	int bytes = 1 << 20, result;

	*kernel = NULL;
	if (!k)
		return -ENOMEM;
	k->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!k->socket || mnl_socket_bind(k->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		result = errno ? -errno : -EIO;
		diag_error(diags, NULL, 0, "cannot open a route netlink socket: %s",
			   strerror(-result));
		route_kernel_close(k);
		return result;
	}
	set_option(k->socket, NETLINK_GET_STRICT_CHK);
	set_option(k->socket, NETLINK_EXT_ACK);
	set_option(k->socket, NETLINK_CAP_ACK);
	(void)setsockopt(mnl_socket_get_fd(k->socket), SOL_SOCKET, SO_RCVBUF, &bytes,
			 sizeof(bytes));
	(void)setsockopt(mnl_socket_get_fd(k->socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
			 sizeof(patience));
	k->portid = mnl_socket_get_portid(k->socket);
	*kernel = k;
	return 0;
}

void route_kernel_close(struct route_kernel *kernel)
{
	if (!kernel)
		return;
	if (kernel->socket)
		mnl_socket_close(kernel->socket);
	free(kernel);
}

uint32_t route_kernel_portid(const struct route_kernel *kernel)
{
	return kernel->portid;
}

/* The -errno of an NLMSG_ERROR, and the kernel's own words, where it has any. */
static int read_error(const struct nlmsghdr *message, char text[KERNEL_TEXT_SIZE])
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
	size_t offset = sizeof(*error);
	const struct nlattr *attr;

	text[0] = '\0';
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
		return -EBADMSG;
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return error->error;
	if (!(message->nlmsg_flags & NLM_F_CAPPED) && error->msg.nlmsg_len > sizeof(error->msg))
		offset += error->msg.nlmsg_len - sizeof(error->msg);
	if (offset > mnl_nlmsg_get_payload_len(message))
		return error->error;
	route_for_each_attr(attr, error, mnl_nlmsg_get_payload_len(message), offset)
	{
		size_t length = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG)
			continue;
		if (length > KERNEL_TEXT_SIZE - 1)
			length = KERNEL_TEXT_SIZE - 1;
		memcpy(text, mnl_attr_get_payload(attr), length);
		text[length] = '\0';
	}
	return error->error;
}

static int receive(struct route_kernel *k, size_t *length)
{
	ssize_t got;

	do
		got = mnl_socket_recvfrom(k->socket, k->buffer, sizeof(k->buffer));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*length = (size_t)got;
	return 0;
}

/* 1: the dump has ended; 0: more to come; -errno. Errors of `each` are kept in *kept. */
static int dump_part(struct route_kernel *k, size_t length, dump_fn *each, const struct wish *wish,
		     bool *interrupted, int *kept)
{
	char text[KERNEL_TEXT_SIZE];
	const struct nlmsghdr *message = (const void *)k->buffer;
	int left = (int)length, status;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != k->sequence || message->nlmsg_pid != k->portid)
			continue;
		if (message->nlmsg_flags & NLM_F_DUMP_INTR)
			*interrupted = true;
		switch (message->nlmsg_type) {
		case NLMSG_DONE:
			if (mnl_nlmsg_get_payload_len(message) < sizeof(status))
				return 1;
			memcpy(&status, mnl_nlmsg_get_payload(message), sizeof(status));
			return status < 0 ? status : 1;
		case NLMSG_ERROR:
			status = read_error(message, text);
			return status < 0 ? status : 1;
		case NLMSG_NOOP:
			break;
		default:
			if (!*kept)
				*kept = each(message, wish);
			break;
		}
	}
	return 0;
}

static int dump_once(struct route_kernel *k, dump_fn *each, const struct wish *wish)
{
	struct nlmsghdr *request = (void *)k->batch;
	bool interrupted = false;
	size_t length;
	int result, kept = 0;

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = ++k->sequence;
	if (mnl_socket_sendto(k->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		result = receive(k, &length);
		if (!result)
			result = dump_part(k, length, each, wish, &interrupted, &kept);
	} while (result == 0);
	if (result < 0)
		return result;
	return kept ? kept : interrupted ? -EINTR : 0;
}

/* Sends the request that stands in k->batch and hands every message to `each`. */
static int dump(struct route_kernel *k, dump_fn *each, const struct wish *wish)
{
	struct route_snapshot *snapshot = wish->snapshot;
	const struct route_facts facts = snapshot->facts;
	const struct route_state present = snapshot->present;
	size_t raw_length = snapshot->raw_length;
	int result = -EINTR;

	for (int i = 0; result == -EINTR && i < DUMP_ATTEMPTS; i++) {
		snapshot->facts.link_count = facts.link_count;
		snapshot->facts.address_count = facts.address_count;
		snapshot->facts.main_count = facts.main_count;
		snapshot->present.rule_count = present.rule_count;
		snapshot->present.route_count = present.route_count;
		snapshot->raw_length = raw_length;
		result = dump_once(k, each, wish);
	}
	return result;
}

static void *begin(struct route_kernel *k, uint16_t type, size_t header_size)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(k->batch);

	request->nlmsg_type = type;
	return mnl_nlmsg_put_extra_header(request, header_size);
}

static int keep_link(const struct nlmsghdr *message, const struct wish *wish)
{
	struct route_link link;

	return route_parse_link(message, &link)
		       ? route_facts_add_link(&wish->snapshot->facts, &link)
		       : 0;
}

static int keep_address(const struct nlmsghdr *message, const struct wish *wish)
{
	struct route_address address;

	return route_parse_address(message, &address) && !address.duplicate
		       ? route_facts_add_address(&wish->snapshot->facts, &address)
		       : 0;
}

static int keep_raw(struct route_snapshot *snapshot, const struct nlmsghdr *message,
		    struct route_raw *raw)
{
	size_t needed = snapshot->raw_length + message->nlmsg_len;

	if (message->nlmsg_len > MESSAGE_BYTES || needed > RAW_MAX)
		return -E2BIG;
	if (needed > snapshot->raw_capacity) {
		size_t capacity = needed * 2 + 4096;
		uint8_t *grown = realloc(snapshot->raw, capacity);

		if (!grown)
			return -ENOMEM;
		snapshot->raw = grown;
		snapshot->raw_capacity = capacity;
	}
	memcpy(snapshot->raw + snapshot->raw_length, message, message->nlmsg_len);
	*raw = (struct route_raw){.offset = snapshot->raw_length, .length = message->nlmsg_len};
	snapshot->raw_length = needed;
	return 0;
}

static int keep_rule(const struct nlmsghdr *message, const struct wish *wish)
{
	struct route_rule rule;
	int result;

	if (!route_parse_rule(message, &rule))
		return 0;
	result = keep_raw(wish->snapshot, message, &rule.raw);
	return result ? result : route_state_add_rule(&wish->snapshot->present, &rule);
}

static int keep_main(const struct nlmsghdr *message, const struct wish *wish)
{
	struct route_facts *facts = &wish->snapshot->facts;
	struct route_peek peek;
	struct route_route route;
	int result = 0;

	if (!route_peek(message, &peek) || peek.table != ROUTE_MAIN_TABLE ||
	    peek.type != ROUTE_TYPE_UNICAST)
		return 0;
	/* without those that are too many a gateway is called onlink, which does no harm */
	if (peek.destination_length && (peek.gateway || !route_watch_has(wish->watch, peek.index) ||
					facts->main_count >= SUBNETS_MAX))
		return 0;
	for (unsigned next = 0; !result && route_parse_route(message, next, &route); next++)
		result = route_facts_add_main(facts, &route);
	return result;
}

static int keep_route(const struct nlmsghdr *message, const struct wish *wish)
{
	struct route_route route;
	int result;

	if (!route_parse_route(message, 0, &route) || route.table != wish->table)
		return 0;
	result = keep_raw(wish->snapshot, message, &route.raw);
	return result ? result : route_state_add_route(&wish->snapshot->present, &route);
}

static int dump_links(struct route_kernel *k, const struct wish *wish)
{
	struct ifinfomsg *header = begin(k, RTM_GETLINK, sizeof(*header));

	header->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32((void *)k->batch, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return dump(k, keep_link, wish);
}

static int dump_addresses(struct route_kernel *k, unsigned char family, const struct wish *wish)
{
	struct ifaddrmsg *header = begin(k, RTM_GETADDR, sizeof(*header));

	header->ifa_family = family;
	return dump(k, keep_address, wish);
}

static int dump_rules(struct route_kernel *k, unsigned char family, const struct wish *wish)
{
	struct fib_rule_hdr *header = begin(k, RTM_GETRULE, sizeof(*header));

	header->family = family;
	return dump(k, keep_rule, wish);
}

static int dump_table(struct route_kernel *k, unsigned char family, unsigned char type,
		      dump_fn *each, const struct wish *wish)
{
	struct rtmsg *header = begin(k, RTM_GETROUTE, sizeof(*header));
	int result;

	header->rtm_family = family;
	header->rtm_type = type;
	mnl_attr_put_u32((void *)k->batch, RTA_TABLE, wish->table);
	result = dump(k, each, wish);
	return result == -ENOENT ? 0 : result; /* no such table yet */
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int dump_main(struct route_kernel *k, unsigned char family, const struct wish *wish)
{
	uint64_t began = now_us();
	int result = dump_table(k, family, RTN_UNICAST, keep_main, wish);

	wish->snapshot->main_us += (unsigned)(now_us() - began);
	return result;
}

static bool family_is_missing(int result)
{
	return result == -EAFNOSUPPORT || result == -EOPNOTSUPP || result == -EPFNOSUPPORT;
}

static int dump_family(struct route_kernel *k, unsigned char family, const uint32_t *tables,
		       size_t table_count, struct wish *wish, bool *present, const char **what)
{
	int result;

	*what = "policy rules";
	result = dump_rules(k, family, wish);
	*present = !family_is_missing(result);
	if (!*present)
		return 0;
	if (!result) {
		*what = "addresses";
		result = dump_addresses(k, family, wish);
	}
	if (!result && wish->watch) {
		*what = "routes of table main";
		wish->table = ROUTE_MAIN_TABLE;
		result = dump_main(k, family, wish);
	}
	for (size_t i = 0; !result && i < table_count; i++) {
		*what = "routes";
		wish->table = tables[i];
		result = dump_table(k, family, RTN_UNSPEC, keep_route, wish);
	}
	return result;
}

int route_kernel_snapshot(struct route_kernel *kernel, const struct conf *main_of,
			  const uint32_t *tables, size_t table_count,
			  struct route_snapshot *snapshot, struct diag_list *diags)
{
	struct route_memory memory = {0};
	struct wish wish = {.snapshot = snapshot};
	const char *what = "links";
	int result = dump_links(kernel, &wish);

	if (!result && main_of) {
		result = route_watch_init(&memory.watch, main_of, &snapshot->facts);
		wish.watch = &memory.watch;
	}
	if (!result)
		result = dump_family(kernel, AF_INET, tables, table_count, &wish,
				     &snapshot->facts.ipv4, &what);
	if (!result)
		result = dump_family(kernel, AF_INET6, tables, table_count, &wish,
				     &snapshot->facts.ipv6, &what);
	if (result) {
		diag_error(diags, NULL, 0, "cannot read the kernel's %s: %s", what,
			   result == -EINTR ? "they change faster than they can be read"
					    : strerror(-result));
	} else if (main_of) {
		memory.facts = snapshot->facts;
		route_memory_prune(&memory);
		snapshot->facts = memory.facts;
	}
	route_watch_release(&memory.watch);
	return result;
}

void route_snapshot_release(struct route_snapshot *snapshot)
{
	route_facts_release(&snapshot->facts);
	route_state_release(&snapshot->present);
	free(snapshot->raw);
	*snapshot = (struct route_snapshot){0};
}

static void put_address(struct nlmsghdr *message, uint16_t type, const struct ip_addr *addr)
{
	mnl_attr_put(message, type, ip_bits(addr->family) / 8, addr->bytes);
}

static void write_rule(struct nlmsghdr *message, const struct route_rule *rule)
{
	struct fib_rule_hdr *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->family = (uint8_t)ip_af(rule->family);
	header->src_len = rule->source_length;
	header->table = rule->table < 256 ? (uint8_t)rule->table : RT_TABLE_UNSPEC;
	header->action = rule->type; /* RTN_* are FR_ACT_*, as far as there are rules of it */
	header->flags = rule->invert ? FIB_RULE_INVERT : 0;
	mnl_attr_put_u32(message, FRA_PRIORITY, rule->priority);
	if (rule->table)
		mnl_attr_put_u32(message, FRA_TABLE, rule->table);
	if (rule->fwmask) {
		mnl_attr_put_u32(message, FRA_FWMARK, rule->fwmark);
		mnl_attr_put_u32(message, FRA_FWMASK, rule->fwmask);
	}
	if (rule->source_length)
		put_address(message, FRA_SRC, &rule->source);
	if (*rule->oif)
		mnl_attr_put_strz(message, FRA_OIFNAME, rule->oif);
	if (rule->suppress_prefix_length >= 0)
		mnl_attr_put_u32(message, FRA_SUPPRESS_PREFIXLEN,
				 (uint32_t)rule->suppress_prefix_length);
	mnl_attr_put_u8(message, FRA_PROTOCOL, rule->protocol);
}

static void write_gateway(struct nlmsghdr *message, const struct route_route *route)
{
	uint8_t via[sizeof(struct rtvia) + 16];
	struct rtvia head = {.rtvia_family = (__kernel_sa_family_t)ip_af(route->gateway.family)};
	size_t length = ip_bits(route->gateway.family) / 8;

	if (route->gateway.family == route->family) {
		put_address(message, RTA_GATEWAY, &route->gateway);
		return;
	}
	memcpy(via, &head, sizeof(head));
	memcpy(via + sizeof(head), route->gateway.bytes, length);
	mnl_attr_put(message, RTA_VIA, sizeof(head) + length, via);
}

static void write_route(struct nlmsghdr *message, const struct route_route *route)
{
	struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->rtm_family = (unsigned char)ip_af(route->family);
	header->rtm_dst_len = route->destination_length;
	header->rtm_tos = route->tos;
	header->rtm_table = route->table < 256 ? (unsigned char)route->table : RT_TABLE_UNSPEC;
	header->rtm_protocol = route->protocol;
	header->rtm_scope = route->scope;
	header->rtm_type = route->type;
	header->rtm_flags = route->onlink ? RTNH_F_ONLINK : 0;
	mnl_attr_put_u32(message, RTA_TABLE, route->table);
	if (route->destination_length)
		put_address(message, RTA_DST, &route->destination);
	if (route->gateway.family != IP_NONE)
		write_gateway(message, route);
	if (route->index)
		mnl_attr_put_u32(message, RTA_OIF, route->index);
	if (route->metric)
		mnl_attr_put_u32(message, RTA_PRIORITY, route->metric);
}

/* A dumped message sent back as a deletion, without the flags that report and do not select. */
static struct nlmsghdr *echo_deletion(uint8_t *at, const struct route_snapshot *snapshot,
				      const struct route_raw *raw, uint16_t type)
{
	struct nlmsghdr *message = (void *)at;

	memcpy(at, snapshot->raw + raw->offset, raw->length);
	message->nlmsg_type = type;
	if (type == RTM_DELROUTE) {
		struct rtmsg *header = mnl_nlmsg_get_payload(message);

		header->rtm_flags &= RTNH_F_ONLINK;
	}
	return message;
}

static struct nlmsghdr *write_change(uint8_t *at, const struct route_change *change,
				     const struct route_snapshot *snapshot)
{
	const struct route_raw *raw = change->rule ? &change->rule->raw : &change->route->raw;
	uint16_t flags = NLM_F_REQUEST | NLM_F_ACK;
	struct nlmsghdr *message;

	if (change->kind == ROUTE_DELETE && raw->length) {
		message =
			echo_deletion(at, snapshot, raw, change->rule ? RTM_DELRULE : RTM_DELROUTE);
	} else {
		message = mnl_nlmsg_put_header(at);
		if (change->kind == ROUTE_DELETE)
			message->nlmsg_type = change->rule ? RTM_DELRULE : RTM_DELROUTE;
		else
			message->nlmsg_type = change->rule ? RTM_NEWRULE : RTM_NEWROUTE;
		if (change->rule)
			write_rule(message, change->rule);
		else
			write_route(message, change->route);
	}
	if (change->kind == ROUTE_ADD)
		flags |= NLM_F_CREATE | NLM_F_EXCL;
	else if (change->kind == ROUTE_REPLACE)
		flags |= NLM_F_CREATE | NLM_F_REPLACE;
	message->nlmsg_flags = flags;
	message->nlmsg_pid = 0;
	return message;
}

/* Refusals that leave the kernel as it was wanted: somebody else was quicker. */
static bool harmless(const struct route_change *change, int error)
{
	if (change->kind == ROUTE_DELETE)
		return error == -ESRCH || error == -ENOENT || error == -ENODEV;
	return change->rule && error == -EEXIST;
}

/*
 * IPv6 asks all rules for the gateway's own route, and refuses ours when somebody's rule before
 * main leads to a default. Told that the gateway is on the link it does not ask them; but then a
 * host route to the same address by another link (the same gateway on two lines) is in its way. So
 * it is told only after it has refused, and that is remembered: the next plan has to agree. It is
 * forgotten when the link has other addresses or routes: a network manager gives an address before
 * its subnet's route, and between the two the kernel refuses as well.
 */
static bool wants_onlink(const struct route_change *change, int error)
{
	return error == -EHOSTUNREACH && change->kind != ROUTE_DELETE && change->route &&
	       change->route->family == IP_V6 && change->route->gateway.family != IP_NONE &&
	       !change->route->onlink;
}

struct acks {
	const struct route_change *changes;
	uint32_t first; /* sequence number of changes[0] */
	size_t count, seen;
	uint64_t onlink; /* a bit for each that is to be sent once more so */
	route_failed_fn *failed;
	void *context;
	int result;
};

static void read_ack(const struct nlmsghdr *message, struct acks *acks)
{
	uint32_t place = message->nlmsg_seq - acks->first;
	char text[KERNEL_TEXT_SIZE];
	int error;

	if (message->nlmsg_type != NLMSG_ERROR || place >= acks->count)
		return;
	acks->seen++;
	error = read_error(message, text);
	if (error >= 0 || harmless(&acks->changes[place], error))
		return;
	if (wants_onlink(&acks->changes[place], error)) {
		acks->onlink |= UINT64_C(1) << place;
		return;
	}
	if (!acks->result)
		acks->result = error;
	acks->failed(&acks->changes[place], error, text, acks->context);
}

static int collect_acks(struct route_kernel *k, struct acks *acks)
{
	while (acks->seen < acks->count) {
		const struct nlmsghdr *message = (const void *)k->buffer;
		size_t length = 0;
		int result = receive(k, &length), left = (int)length;

		if (result)
			return result;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			read_ack(message, acks);
	}
	return acks->result;
}

/* How many IPv6 addresses and routes of main the link has. */
static size_t known_of(const struct route_facts *facts, uint32_t index)
{
	size_t known = 0;

	for (size_t i = 0; i < facts->address_count; i++)
		known += facts->addresses[i].index == index &&
			 facts->addresses[i].address.family == IP_V6;
	for (size_t i = 0; i < facts->main_count; i++)
		known += facts->main[i].index == index && facts->main[i].family == IP_V6;
	return known;
}

/* The next hop's, NULL if there is none. */
static struct refused *find_refused(struct route_kernel *kernel, const struct route_route *route)
{
	for (size_t i = 0; i < kernel->refused_count && i < REFUSED_MAX; i++) {
		struct refused *refused = &kernel->refused[i];

		if (route->table == refused->table && route->index == refused->index &&
		    ip_equal(&route->gateway, &refused->gateway))
			return refused;
	}
	return NULL;
}

static void remember_refused(struct route_kernel *kernel, const struct route_route *route,
			     const struct route_facts *facts)
{
	struct refused *refused = find_refused(kernel, route);

	if (!refused)
		refused = &kernel->refused[kernel->refused_count++ % REFUSED_MAX];
	*refused = (struct refused){.table = route->table,
				    .index = route->index,
				    .known6 = known_of(facts, route->index),
				    .gateway = route->gateway};
}

void route_kernel_amend(struct route_kernel *kernel, const struct route_facts *facts,
			struct route_state *wanted)
{
	for (size_t i = 0; i < wanted->route_count; i++) {
		struct route_route *route = &wanted->routes[i];
		const struct refused *refused = find_refused(kernel, route);

		if (refused && refused->known6 == known_of(facts, route->index))
			route->onlink = true;
	}
}

static int send_onlink(struct route_kernel *kernel, const struct acks *acks,
		       const struct route_snapshot *snapshot, size_t *sent)
{
	int first_error = 0;

	for (size_t i = 0; i < acks->count; i++) {
		struct route_route route;
		struct route_change change;
		const struct route_changes one = {.items = &change, .count = 1};
		int result;

		if (!(acks->onlink >> i & 1))
			continue;
		change = acks->changes[i];
		route = *change.route;
		route.onlink = true;
		change.route = &route;
		result = route_kernel_apply(kernel, &one, snapshot, sent, acks->failed,
					    acks->context);
		if (!result)
			remember_refused(kernel, &route, &snapshot->facts);
		else if (!first_error)
			first_error = result;
	}
	return first_error;
}

int route_kernel_apply(struct route_kernel *kernel, const struct route_changes *changes,
		       const struct route_snapshot *snapshot, size_t *sent, route_failed_fn *failed,
		       void *context)
{
	int first_error = 0;

	for (size_t at = 0; at < changes->count;) {
		struct acks acks = {
			.changes = changes->items + at,
			.first = kernel->sequence + 1,
			.failed = failed,
			.context = context,
		};
		size_t used = 0;
		int result;

		while (at + acks.count < changes->count && acks.count < BATCH_MESSAGES &&
		       used + MESSAGE_BYTES <= sizeof(kernel->batch)) {
			struct nlmsghdr *message = write_change(
				kernel->batch + used, &acks.changes[acks.count], snapshot);

			message->nlmsg_seq = ++kernel->sequence;
			used += NLMSG_ALIGN(message->nlmsg_len);
			acks.count++;
		}
		if (mnl_socket_sendto(kernel->socket, kernel->batch, used) < 0)
			return -errno;
		at += acks.count;
		*sent += acks.count;
		result = collect_acks(kernel, &acks);
		if (!result && acks.onlink)
			result = acks.result = send_onlink(kernel, &acks, snapshot, sent);
		if (result && !first_error)
			first_error = result;
		/* without the privilege, or the acknowledgements, the rest is no better */
		if (result && (result != acks.result || result == -EPERM))
			break;
	}
	return first_error;
}
