/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks of the machine as a router: the kernel's options, sysctls, conntrack, bridges.
 *
 * What the kernel does with an IPv4 packet that comes in by an interface with rp_filter
 * (net/ipv4/fib_frontend.c, __fib_validate_source): it looks the sender up as a destination, with
 * the packet's mark if src_valid_mark is on, else without. Strict (1) wants the answer to be that
 * interface. Loose (2) wants any answer, but takes none other than that interface if the
 * interface has no address. No answer at all is refused by both. rp_filter is the greater of the
 * interface's and all's, src_valid_mark is either's.
 * So without the mark a line that main's default does not use fails strictly, and a tunnel
 * without an address fails loosely too. With main_first off the chains leave packets that come in
 * by an uplink unmarked until they are routed, and src_valid_mark is of no use.
 *
 * fwmark_reflect gives what the kernel answers by itself (resets, echo replies, ICMP errors) the
 * mark of the packet it is about; tcp_fwmark_accept gives an accepted socket that of its SYN. Our
 * chains take a mark that is there for decided. That sends answers outwards only where main's own
 * routes are not asked first.
 */
#include <inttypes.h>
#include <string.h>

#include "doctor.h"

#define FULL_PERCENT 80

/* ---- the kernel's options ---- */

static unsigned needs_of(const struct doctor_facts *facts)
{
	const struct conf *conf = facts->conf;
	unsigned needs = 0;

	if (conf->firewall.manage)
		needs |= DOCTOR_NEEDED_CHAINS;
	if (facts->sysctls.ip6_forwarding != DOCTOR_UNKNOWN)
		needs |= DOCTOR_NEEDED_IPV6;
	if (facts->firewall.chosen_installed)
		needs |= facts->firewall.chosen == FIREWALL_NFT ? DOCTOR_NEEDED_NFT
								: DOCTOR_NEEDED_LEGACY;
	if (conf->routing.manage && conf->uplink_count && conf->mode == CONF_ENFORCE)
		needs |= DOCTOR_NEEDED_ROUTING;
	if (facts->uses_sets)
		needs |= DOCTOR_NEEDED_SETS;
	if (conf->mode == CONF_ENFORCE)
		needs |= DOCTOR_NEEDED_MARKS;
	return needs;
}

/* It is a module: can it be loaded? */
static void judge_module(const struct doctor_facts *facts, struct doctor_list *list, size_t i)
{
	const struct doctor_kernel *kernel = &facts->kernel;
	const struct doctor_option *option = &doctor_options[i];
	const char *installer = facts->others.installer;
	struct doctor_finding *finding;

	if (kernel->modules_missing) {
		finding = doctor_add(list, DOCTOR_ERROR, NULL,
				     "module %s (CONFIG_%s) cannot be loaded: there is no "
				     "/lib/modules/%s",
				     option->module, option->symbol, kernel->release);
		doctor_mend(list, finding, "reboot # the running kernel was replaced");
	} else if (kernel->modules_known && !kernel->has_module[i]) {
		finding = doctor_add(list, DOCTOR_ERROR, NULL,
				     "module %s (CONFIG_%s) is not installed", option->module,
				     option->symbol);
		if (installer && strncmp(installer, "apt-get", 7) == 0)
			doctor_mend(list, finding, "apt-get install linux-modules-extra-%s",
				    kernel->release);
		else
			doctor_mend(list, finding,
				    "depmod -a # and install the rest of kernel %s's modules",
				    kernel->release);
	} else if (kernel->modules_disabled) {
		finding = doctor_add(list, DOCTOR_ERROR, NULL,
				     "module %s (CONFIG_%s) cannot be loaded: "
				     "kernel.modules_disabled is 1",
				     option->module, option->symbol);
		doctor_mend(list, finding, "echo %s >>/etc/modules-load.d/waymark.conf && reboot",
			    option->module);
	} else {
		return;
	}
	doctor_breaks(list, finding, "%s", option->breaks);
}

static void judge_missing(struct doctor_list *list, const struct doctor_option *option)
{
	struct doctor_finding *finding =
		doctor_add(list, DOCTOR_ERROR, NULL, "this kernel lacks CONFIG_%s", option->symbol);

	doctor_breaks(list, finding, "%s", option->breaks);
	doctor_mend(list, finding,
		    "scripts/config --enable %s && make olddefconfig # in the kernel's source; "
		    "then build and boot it",
		    option->symbol);
}

void doctor_check_kernel(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct doctor_kernel *kernel = &facts->kernel;
	unsigned needs = needs_of(facts);
	bool unknown = false;

	for (size_t i = 0; i < doctor_option_count(); i++) {
		const struct doctor_option *option = &doctor_options[i];

		if ((option->needed & ~needs) || kernel->works[i])
			continue;
		switch (kernel->options[i]) {
		case DOCTOR_OPTION_YES:
			break;
		case DOCTOR_OPTION_MODULE:
			if (option->module)
				judge_module(facts, list, i);
			break;
		case DOCTOR_OPTION_NO:
			judge_missing(list, option);
			break;
		case DOCTOR_OPTION_UNKNOWN:
		default:
			unknown |= !kernel->has_module[i];
			break;
		}
	}
	if (unknown)
		doctor_add(list, DOCTOR_NOTE, NULL,
			   "the options of kernel %s are nowhere to be read: what it lacks shows "
			   "at waymarkd's start",
			   kernel->release);
}

/* ---- forwarding ---- */

void doctor_check_forwarding(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct conf *conf = facts->conf;
	struct doctor_finding *finding;
	bool ipv6 = false;

	if (!conf->firewall.hook_forward)
		return;
	for (size_t i = 0; i < conf->uplink_count; i++)
		ipv6 |= doctor_carries_ipv6(facts, i);
	if (facts->sysctls.ip_forward == 0) {
		finding = doctor_add(list, DOCTOR_WARNING, NULL, "net.ipv4.ip_forward is 0");
		doctor_breaks(list, finding,
			      "no IPv4 packet of another host is forwarded, by whichever uplink; a "
			      "machine that is no router says firewall.hooks = [\"output\"]");
		doctor_mend(list, finding, "sysctl -w net.ipv4.ip_forward=1");
	}
	if (ipv6 && facts->sysctls.ip6_forwarding == 0) {
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "net.ipv6.conf.all.forwarding is 0, and uplinks carry IPv6");
		doctor_breaks(list, finding,
			      "no IPv6 packet of another host is forwarded, by whichever uplink");
		doctor_mend(list, finding, "sysctl -w net.ipv6.conf.all.forwarding=1");
	}
}

/* ---- rp_filter ---- */

/* Main's best IPv4 default leaves by it; of equal ones any may be the one. */
static bool has_main_default(const struct doctor_facts *facts, uint32_t index, bool *any)
{
	const struct route_facts *routes = &facts->routes.facts;
	uint32_t best = UINT32_MAX;
	bool by = false;

	*any = false;
	for (size_t i = 0; i < routes->main_count; i++) {
		const struct route_route *route = &routes->main[i];

		if (route->family != IP_V4 || route->destination_length || route->metric > best)
			continue;
		if (route->metric < best)
			by = false;
		best = route->metric;
		*any = true;
		by |= route->index == index;
	}
	return by;
}

static bool has_ipv4(const struct doctor_facts *facts, uint32_t index)
{
	const struct route_facts *routes = &facts->routes.facts;

	for (size_t i = 0; i < routes->address_count; i++)
		if (routes->addresses[i].index == index &&
		    routes->addresses[i].address.family == IP_V4)
			return true;
	return false;
}

struct filter {
	int64_t value; /* effective */
	bool by_all;   /* it is all's that counts */
	bool marked;   /* src_valid_mark, effective */
};

/* False: nothing is known of it. */
static bool filter_of(const struct doctor_facts *facts, const struct doctor_link *link,
		      struct filter *filter)
{
	int64_t all = facts->sysctls.all_rp_filter;

	if (link->rp_filter == DOCTOR_UNKNOWN)
		return false;
	filter->by_all = all > link->rp_filter;
	filter->value = filter->by_all ? all : link->rp_filter;
	filter->marked = link->src_valid_mark == 1 || facts->sysctls.all_src_valid_mark == 1;
	return true;
}

static const char *filter_word(int64_t value)
{
	return value == 1 ? "strict" : "loose";
}

static struct doctor_finding *add_filter(struct doctor_list *list, enum doctor_severity severity,
					 const char *uplink, const struct doctor_link *link,
					 const struct filter *filter, const char *more)
{
	char key[DOCTOR_WORD_SIZE];

	return doctor_add(
		list, severity, uplink, "%s is %" PRId64 " (%s)%s%s%s",
		doctor_conf_key("ipv4", filter->by_all ? "all" : link->name, "rp_filter", key),
		filter->value, filter_word(filter->value), filter->by_all ? " for " : "",
		filter->by_all ? link->name : "", more);
}

static void judge_uplink_filter(const struct doctor_facts *facts, struct doctor_list *list,
				const struct conf_uplink *uplink, const struct doctor_link *link)
{
	bool main_first = facts->conf->routing.main_first, any_default, by_main;
	bool has_address = has_ipv4(facts, link->index);
	char key[DOCTOR_WORD_SIZE];
	struct doctor_finding *finding;
	struct filter filter;

	if (!filter_of(facts, link, &filter) || filter.value == 0 || (filter.marked && main_first))
		return;
	/* a line without an address, that should have one, is not ready to be judged */
	if (!has_address && !link->point_to_point)
		return;
	by_main = has_main_default(facts, link->index, &any_default);
	if (!by_main && filter.value == 2 && has_address && any_default)
		return;
	if (by_main && filter.value == 2)
		return;
	finding = add_filter(list, by_main ? DOCTOR_NOTE : DOCTOR_WARNING, uplink->name, link,
			     &filter, main_first ? " without src_valid_mark" : "");
	if (by_main)
		doctor_breaks(list, finding,
			      "answers by uplink '%s' are taken only as long as main's default "
			      "route leaves by %s",
			      uplink->name, link->name);
	else if (filter.value == 2)
		doctor_breaks(list, finding,
			      "answers that come in by uplink '%s' are dropped: %s, and without "
			      "the mark no route leads back by it",
			      uplink->name,
			      has_address ? "main has no default route" : "it has no address");
	else
		doctor_breaks(list, finding,
			      "answers that come in by uplink '%s' are dropped: without the mark "
			      "the kernel expects their senders %s",
			      uplink->name,
			      any_default ? "behind main's default route" : "nowhere");
	if (main_first)
		doctor_mend(list, finding, "sysctl -w %s=1",
			    doctor_conf_key("ipv4", link->name, "src_valid_mark", key));
	else if (has_address && any_default)
		doctor_mend(list, finding, "sysctl -w %s=2",
			    doctor_conf_key("ipv4", link->name, "rp_filter", key));
	else
		doctor_mend(list, finding, "sysctl -w net.ipv4.conf.all.rp_filter=0 %s=0",
			    doctor_conf_key("ipv4", link->name, "rp_filter", key));
}

/* What clients send is marked before it is routed: their answers are looked up in the uplink's
 * table. */
static void judge_inner_filter(const struct doctor_facts *facts, struct doctor_list *list,
			       const struct doctor_link *link)
{
	struct doctor_finding *finding;
	char key[DOCTOR_WORD_SIZE];
	struct filter filter;

	if (!link->up || link->loopback || doctor_is_uplink(facts, link->name) ||
	    !has_ipv4(facts, link->index) || !filter_of(facts, link, &filter) ||
	    filter.value != 1 || !filter.marked)
		return;
	finding = add_filter(list, DOCTOR_WARNING, NULL, link, &filter,
			     " with src_valid_mark, and routing.main_first is off");
	doctor_breaks(list, finding,
		      "packets that come in by %s are dropped once they are marked: an uplink's "
		      "table does not lead back to their senders",
		      link->name);
	doctor_mend(list, finding, "sysctl -w %s=2",
		    doctor_conf_key("ipv4", link->name, "rp_filter", key));
}

void doctor_check_rp_filter(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct conf *conf = facts->conf;

	if (conf->mode != CONF_ENFORCE || !facts->routes_known)
		return;
	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct doctor_link *link =
			doctor_link_by_name(facts, conf->uplinks[i].interface);

		if (conf->uplinks[i].enabled && link)
			judge_uplink_filter(facts, list, &conf->uplinks[i], link);
	}
	for (size_t i = 0; !conf->routing.main_first && conf->uplink_count && i < facts->link_count;
	     i++)
		judge_inner_filter(facts, list, &facts->links[i]);
}

/* ---- marks that the kernel carries over ---- */

void doctor_check_mark_sysctls(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct {
		const char *key;
		int64_t value;
	} reflects[] = {
		{"net.ipv4.fwmark_reflect", facts->sysctls.fwmark_reflect4},
		{"net.ipv6.fwmark_reflect", facts->sysctls.fwmark_reflect6},
	};
	const struct conf *conf = facts->conf;
	enum doctor_severity severity = conf->routing.main_first ? DOCTOR_NOTE : DOCTOR_WARNING;
	struct doctor_finding *finding;

	if (conf->mode != CONF_ENFORCE || !conf->uplink_count)
		return;
	for (size_t i = 0; i < sizeof(reflects) / sizeof(reflects[0]); i++) {
		if (reflects[i].value != 1)
			continue;
		finding = doctor_add(list, severity, NULL, "%s is 1", reflects[i].key);
		doctor_breaks(list, finding,
			      "ICMP errors about a steered flow (path MTU, traceroute) carry its "
			      "mark%s",
			      conf->routing.main_first
				      ? ": they reach clients by main's specific routes alone"
				      : ", and with routing.main_first off leave by its uplink "
					"instead of going to the client");
		doctor_mend(list, finding, "sysctl -w %s=0", reflects[i].key);
	}
	if (facts->sysctls.tcp_fwmark_accept != 1 || !conf->firewall.hook_forward)
		return;
	finding = doctor_add(list, severity, NULL, "net.ipv4.tcp_fwmark_accept is 1");
	doctor_breaks(
		list, finding,
		"what a REDIRECT brings to a proxy here is answered with the mark of where it "
		"was bound for%s",
		conf->routing.main_first
			? ": answers reach clients by main's specific routes alone"
			: ", and with routing.main_first off the answers leave by that uplink");
	doctor_mend(list, finding, "sysctl -w net.ipv4.tcp_fwmark_accept=0");
}

/* ---- router advertisements ---- */

static bool has_ipv6_default(const struct doctor_facts *facts, uint32_t index)
{
	const struct route_facts *routes = &facts->routes.facts;

	for (size_t i = 0; i < routes->main_count; i++)
		if (routes->main[i].family == IP_V6 && !routes->main[i].destination_length &&
		    routes->main[i].index == index)
			return true;
	return false;
}

void doctor_check_router_adverts(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct conf *conf = facts->conf;

	for (size_t i = 0; facts->routes_known && i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];
		const struct doctor_link *link = doctor_link_by_name(facts, uplink->interface);
		bool wanted = uplink->gateway6.kind == CONF_GATEWAY_AUTO;
		struct doctor_finding *finding;
		char key[DOCTOR_WORD_SIZE];

		/* 0 is somebody's choice: a program that reads advertisements itself sets it */
		if (!uplink->enabled || !link || link->accept_ra != 1 || link->forwarding6 != 1 ||
		    has_ipv6_default(facts, link->index))
			continue;
		if (!wanted &&
		    (uplink->gateway6.kind != CONF_GATEWAY_DEFAULT || link->point_to_point))
			continue;
		finding = doctor_add(list, wanted ? DOCTOR_WARNING : DOCTOR_NOTE, uplink->name,
				     "%s is 1, and the interface forwards",
				     doctor_conf_key("ipv6", link->name, "accept_ra", key));
		doctor_breaks(list, finding,
			      "router advertisements are ignored: gateway6 of uplink '%s' has no "
			      "route to follow, and it carries no IPv6",
			      uplink->name);
		doctor_mend(list, finding, "sysctl -w %s=2",
			    doctor_conf_key("ipv6", link->name, "accept_ra", key));
	}
}

/* ---- conntrack ---- */

void doctor_check_conntrack(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct doctor_sysctls *sysctls = &facts->sysctls;
	const struct conf *conf = facts->conf;
	struct doctor_finding *finding;
	char line[DOCTOR_LINE_SIZE], value[24];

	if (sysctls->conntrack_max > 0 && sysctls->conntrack_count >= 0 &&
	    sysctls->conntrack_count * 100 > sysctls->conntrack_max * FULL_PERCENT) {
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "conntrack holds %" PRId64 " of %" PRId64
				     " connections (net.netfilter.nf_conntrack_max)",
				     sysctls->conntrack_count, sysctls->conntrack_max);
		doctor_breaks(list, finding,
			      "when it is full, packets of new connections are dropped, whatever "
			      "the policy says");
		doctor_mend(list, finding, "sysctl -w net.netfilter.nf_conntrack_max=%" PRId64,
			    sysctls->conntrack_max * 2);
	}
	if (sysctls->conntrack_loose == 0) {
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "net.netfilter.nf_conntrack_tcp_loose is 0");
		doctor_breaks(list, finding,
			      "a TCP flow whose connection entry was removed (failover, a flush) "
			      "is not taken up again: it has no mark, no NAT, and dies");
		doctor_mend(list, finding, "sysctl -w net.netfilter.nf_conntrack_tcp_loose=1");
	}
	if (sysctls->conntrack_acct == 0) {
		finding =
			doctor_add(list, DOCTOR_NOTE, NULL, "net.netfilter.nf_conntrack_acct is 0");
		doctor_breaks(list, finding,
			      "bytes of decided flows, which no queue sees, are not counted");
		doctor_mend(list, finding, "sysctl -w net.netfilter.nf_conntrack_acct=1");
	}
	if (sysctls->conntrack_max > (int64_t)conf->flows.max) {
		finding = doctor_add(list, DOCTOR_NOTE, NULL,
				     "conntrack may hold %" PRId64
				     " connections, flows.max is %" PRIu32,
				     sysctls->conntrack_max, conf->flows.max);
		doctor_breaks(list, finding,
			      "beyond flows.max the flow that has waited longest is decided with "
			      "what is known of it");
		snprintf(value, sizeof(value), "%" PRId64, sysctls->conntrack_max);
		doctor_mend(list, finding, "%s # then restart waymarkd",
			    doctor_edit(conf->path, "flows", DOCTOR_NO_UPLINK, "max", value, line));
	}
}

/* ---- bridges ---- */

void doctor_check_bridge(const struct doctor_facts *facts, struct doctor_list *list)
{
	bool ipv4 = facts->sysctls.bridge_iptables == 1,
	     ipv6 = facts->sysctls.bridge_ip6tables == 1;
	struct doctor_finding *finding;

	if (!ipv4 && !ipv6)
		return;
	for (size_t i = 0; i < facts->link_count; i++) {
		if (strcmp(facts->links[i].kind, "bridge") != 0)
			continue;
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "net.bridge.bridge-nf-call-%s is 1, and %s is a bridge",
				     ipv4 ? "iptables" : "ip6tables", facts->links[i].name);
		doctor_breaks(list, finding,
			      "packets that are only bridged pass our chains: they are queued and "
			      "marked, and nothing can steer them");
		doctor_mend(list, finding, "sysctl -w%s%s",
			    ipv4 ? " net.bridge.bridge-nf-call-iptables=0" : "",
			    ipv6 ? " net.bridge.bridge-nf-call-ip6tables=0" : "");
		return;
	}
}
