/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks of the lines themselves, of IPv6 beside IPv4, and of who else looks after a network.
 *
 * A line that is not there is no finding: interfaces come late, and the daemon waits for them.
 * What is found is what waiting does not mend.
 */
#include <inttypes.h>
#include <string.h>

#include "doctor.h"

/* ---- the lines ---- */

/* What asks for an address and a gateway again, by who gives them here. */
static void mend_by_renewal(const struct doctor_facts *facts, struct doctor_list *list,
			    struct doctor_finding *finding, const char *interface)
{
	char word[DOCTOR_WORD_SIZE];

	doctor_word(interface, word);
	if (facts->others.network_manager)
		doctor_mend(list, finding, "nmcli device reapply %s", word);
	else if (facts->others.networkd)
		doctor_mend(list, finding, "networkctl renew %s", word);
	else
		doctor_mend(list, finding, "%s %s",
			    facts->others.dhcp ? facts->others.dhcp : "dhclient -v", word);
}

static bool has_address(const struct doctor_facts *facts, uint32_t index)
{
	const struct route_facts *routes = &facts->routes.facts;

	for (size_t i = 0; i < routes->address_count; i++)
		if (routes->addresses[i].index == index && routes->addresses[i].global)
			return true;
	return false;
}

static bool is_in_vrf(const struct doctor_facts *facts, const struct doctor_link *link)
{
	const struct doctor_link *master =
		link->master ? doctor_link_by_index(facts, link->master) : NULL;

	return strcmp(link->kind, "vrf") == 0 || (master && strcmp(master->kind, "vrf") == 0);
}

static void judge_link(const struct doctor_facts *facts, struct doctor_list *list, size_t place)
{
	const struct conf_uplink *uplink = &facts->conf->uplinks[place];
	const struct doctor_link *link = doctor_link_by_name(facts, uplink->interface);
	struct doctor_finding *finding;
	char word[DOCTOR_WORD_SIZE];

	if (!link) {
		finding = doctor_add(list, DOCTOR_NOTE, uplink->name,
				     "interface %s of uplink '%s' does not exist",
				     uplink->interface, uplink->name);
		doctor_breaks(list, finding, "nothing leaves by it until it appears");
	} else if (is_in_vrf(facts, link)) {
		finding = doctor_add(list, DOCTOR_ERROR, uplink->name,
				     "interface %s of uplink '%s' belongs to a VRF", link->name,
				     uplink->name);
		doctor_breaks(list, finding,
			      "a VRF's own rule is asked before any fwmark: no mark steers there");
		doctor_mend(list, finding, "ip link set dev %s nomaster",
			    doctor_word(link->name, word));
	} else if (!link->up) {
		finding =
			doctor_add(list, DOCTOR_NOTE, uplink->name,
				   "interface %s of uplink '%s' is down", link->name, uplink->name);
		doctor_breaks(list, finding, "nothing leaves by it");
		doctor_mend(list, finding, "ip link set dev %s up", doctor_word(link->name, word));
	} else if (!link->carrier) {
		finding = doctor_add(list, DOCTOR_NOTE, uplink->name,
				     "interface %s of uplink '%s' has no carrier", link->name,
				     uplink->name);
		doctor_breaks(list, finding, "nothing leaves by it");
	} else if (!facts->routes_known) {
		return;
	} else if (!link->point_to_point && !has_address(facts, link->index)) {
		finding = doctor_add(list, DOCTOR_WARNING, uplink->name,
				     "interface %s of uplink '%s' has no address", link->name,
				     uplink->name);
		doctor_breaks(
			list, finding,
			"packets of this machine leave by it with another line's address, and "
			"there is nothing to masquerade to");
		mend_by_renewal(facts, list, finding, link->name);
	} else if (!facts->routes.uplinks[place].default4 &&
		   !facts->routes.uplinks[place].default6) {
		finding = doctor_add(list, DOCTOR_WARNING, uplink->name,
				     "uplink '%s' has no gateway: main has no default route by %s",
				     uplink->name, link->name);
		doctor_breaks(list, finding,
			      "gateway = \"auto\" has nothing to follow, and nothing leaves by it");
		mend_by_renewal(facts, list, finding, link->name);
	}
}

static void judge_sharing(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct conf *conf = facts->conf;

	for (size_t i = 0; i < conf->uplink_count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct conf_uplink *a = &conf->uplinks[k], *b = &conf->uplinks[i];
			struct doctor_finding *finding;

			if (!a->enabled || !b->enabled || strcmp(a->interface, b->interface) != 0)
				continue;
			finding = doctor_add(list, DOCTOR_NOTE, b->name,
					     "uplinks '%s' and '%s' share interface %s", a->name,
					     b->name, b->interface);
			doctor_breaks(list, finding,
				      "the interface does not tell them apart: there is no return "
				      "path for what comes in by either, and no pinning");
		}
}

static bool clamps_mss(const struct doctor_facts *facts)
{
	for (size_t i = 0; i < facts->rules.count; i++)
		if (facts->rules.items[i].target &&
		    strcmp(facts->rules.items[i].target, "TCPMSS") == 0)
			return true;
	return false;
}

static void judge_mtu(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct doctor_link *least = NULL, *most = NULL;
	const struct conf *conf = facts->conf;
	struct doctor_finding *finding;
	char word[DOCTOR_WORD_SIZE];

	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct doctor_link *link =
			doctor_link_by_name(facts, conf->uplinks[i].interface);

		if (!conf->uplinks[i].enabled || !link || !link->mtu)
			continue;
		least = !least || link->mtu < least->mtu ? link : least;
		most = !most || link->mtu > most->mtu ? link : most;
	}
	if (!least || least->mtu == most->mtu || clamps_mss(facts))
		return;
	finding =
		doctor_add(list, DOCTOR_NOTE, NULL, "%s has an MTU of %" PRIu32 ", %s of %" PRIu32,
			   least->name, least->mtu, most->name, most->mtu);
	doctor_breaks(
		list, finding,
		"a TCP flow that is moved to the narrower line depends on path MTU discovery");
	doctor_mend(
		list, finding,
		"iptables -w -t mangle -I FORWARD -o %s -p tcp --tcp-flags SYN,RST SYN -j TCPMSS "
		"--clamp-mss-to-pmtu",
		doctor_word(least->name, word));
}

void doctor_check_uplinks(const struct doctor_facts *facts, struct doctor_list *list)
{
	for (size_t i = 0; i < facts->conf->uplink_count; i++)
		if (facts->conf->uplinks[i].enabled)
			judge_link(facts, list, i);
	judge_sharing(facts, list);
	judge_mtu(facts, list);
}

/* ---- IPv6 beside IPv4 ---- */

/* The chains cannot say it: a table without an IPv6 default lets packets fall through to main. */
static void judge_twin(const struct doctor_facts *facts, struct doctor_list *list, size_t place,
		       const char *other)
{
	const struct conf_uplink *uplink = &facts->conf->uplinks[place];
	const struct doctor_link *link = doctor_link_by_name(facts, uplink->interface);
	struct doctor_finding *finding;
	char line[DOCTOR_LINE_SIZE];

	/* a line without any address yet may become one of both */
	if (!link || (!link->point_to_point && !has_address(facts, link->index)))
		return;
	if (!uplink->enabled || !facts->routes.uplinks[place].default4 ||
	    facts->routes.uplinks[place].default6 || uplink->on_down == CONF_DOWN_BLOCK)
		return;
	finding = doctor_add(list, DOCTOR_WARNING, uplink->name,
			     "uplink '%s' carries IPv4 only, and '%s' carries IPv6", uplink->name,
			     other);
	doctor_breaks(list, finding,
		      "hosts with both prefer IPv6, which main's default takes: they pass by every "
		      "rule that leads to '%s'",
		      uplink->name);
	doctor_mend(list, finding,
		    "%s # IPv6 of its flows is refused at once, and clients take IPv4",
		    doctor_edit(facts->conf->path, "uplinks", place, "on_down", "\"block\"", line));
}

static bool has_inner_ipv6(const struct doctor_facts *facts)
{
	const struct route_facts *routes = &facts->routes.facts;

	for (size_t i = 0; i < routes->address_count; i++) {
		const struct route_address *address = &routes->addresses[i];
		const struct doctor_link *link = doctor_link_by_index(facts, address->index);

		if (link && address->address.family == IP_V6 && address->global &&
		    !link->loopback && !doctor_is_uplink(facts, link->name))
			return true;
	}
	return false;
}

void doctor_check_ipv6(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct conf *conf = facts->conf;
	const char *carrier = NULL, *plain = NULL;
	struct doctor_finding *finding;
	size_t carriers = 0;

	if (!facts->routes_known || conf->mode != CONF_ENFORCE)
		return;
	for (size_t i = 0; i < conf->uplink_count; i++) {
		if (!doctor_carries_ipv6(facts, i))
			continue;
		carriers++;
		carrier = conf->uplinks[i].name;
		if (!conf->uplinks[i].nat)
			plain = conf->uplinks[i].name;
	}
	for (size_t i = 0; carrier && i < conf->uplink_count; i++)
		judge_twin(facts, list, i, carrier);
	if (carriers > 1 && plain && has_inner_ipv6(facts)) {
		finding =
			doctor_add(list, DOCTOR_NOTE, NULL,
				   "%zu uplinks carry IPv6, and '%s' has no nat", carriers, plain);
		doctor_breaks(
			list, finding,
			"clients keep their IPv6 addresses on every line, and a provider drops "
			"what comes from another's prefix");
	}
	if (carrier && facts->ipv4_rules[0]) {
		finding = doctor_add(list, DOCTOR_NOTE, NULL,
				     "rules that name IPv4 addresses only: %s", facts->ipv4_rules);
		doctor_breaks(
			list, finding,
			"IPv6 of the same hosts passes by them, unless a rule names their IPv6 "
			"addresses too");
	}
}

/* ---- who else ---- */

void doctor_check_others(const struct doctor_facts *facts, struct doctor_list *list)
{
	const struct doctor_others *others = &facts->others;
	struct doctor_finding *finding;

	if (!facts->conf->routing.manage || !facts->conf->uplink_count)
		return;
	if (others->networkd && !others->networkd_keeps) {
		finding = doctor_add(list, DOCTOR_WARNING, NULL,
				     "systemd-networkd runs without "
				     "ManageForeignRoutingPolicyRules=no");
		doctor_breaks(list, finding,
			      "it removes rules of others whenever it is restarted or configured: "
			      "until waymarkd has put its own back, marks steer nothing");
		doctor_mend(list, finding,
			    "mkdir -p /etc/systemd/networkd.conf.d && printf "
			    "'[Network]\\nManageForeignRoutingPolicyRules=no\\n"
			    "ManageForeignRoutes=no\\n' >/etc/systemd/networkd.conf.d/waymark.conf "
			    "&& systemctl restart systemd-networkd");
	}
	if (others->network_manager) {
		finding = doctor_add(list, DOCTOR_NOTE, NULL, "NetworkManager runs");
		doctor_breaks(list, finding,
			      "main's default routes and their metrics are its own, and gateway = "
			      "\"auto\" follows them");
	}
	if (others->mwan3) {
		finding = doctor_add(list, DOCTOR_NOTE, NULL, "mwan3 is here");
		doctor_breaks(list, finding, "two programs choose uplinks by marks");
		doctor_mend(list, finding, "/etc/init.d/mwan3 stop && /etc/init.d/mwan3 disable");
	}
	if (others->pbr) {
		finding = doctor_add(list, DOCTOR_NOTE, NULL, "pbr is here");
		doctor_breaks(list, finding, "two programs choose uplinks by marks");
		doctor_mend(list, finding, "/etc/init.d/pbr stop && /etc/init.d/pbr disable");
	}
}

void doctor_check_privilege(const struct doctor_facts *facts, struct doctor_list *list)
{
	bool rules = facts->firewall.hidden[FIREWALL_NFT] ||
		     facts->firewall.hidden[FIREWALL_LEGACY] || !facts->nft.known;
	struct doctor_finding *finding;
	char word[DOCTOR_WORD_SIZE];

	if (!rules && facts->queues_known)
		return;
	finding = doctor_add(list, DOCTOR_NOTE, NULL, "not looked at, which takes root: %s%s%s",
			     rules ? "rules of iptables and nf_tables" : "",
			     rules && !facts->queues_known ? ", " : "",
			     facts->queues_known ? "" : "who owns the queues");
	doctor_mend(list, finding, "sudo waymark doctor -c %s",
		    doctor_word(facts->conf->path, word));
}
