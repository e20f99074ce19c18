/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * render - the chains as text, from the configuration alone. Pure.
 *
 * What the rules rely on, each seen on a real kernel:
 * - An ACCEPT from a queue goes on at the next hook function, never at the next
 *   rule: nothing after an NFQUEUE rule runs, and the mark is saved one hook later
 *   (POSTROUTING), or by the next packet of the flow.
 * - In mangle PREROUTING a reply still has its translated address. So originals are
 *   queued there (and in OUTPUT), replies in POSTROUTING and INPUT. FORWARD shows them as well,
 *   but a hook costs every packet some 50 ns, and the mark has to be saved in POSTROUTING anyway.
 * - What a reply decides is saved there too: its verdict has the hook's rules run once more
 * (NF_REPEAT), now with the mark.
 * - Local packets are queued in the security table, after mangle OUTPUT has
 *   rerouted them by the restored mark: nf_tables does not reroute a queued packet.
 * - CONNMARK writes (and sends an event) only when the value changes, so saving
 *   needs no test for that.
 * - Without a connection (untracked, invalid) CONNMARK does nothing and --ctdir never
 *   matches, not even negated. ND, RA and MLD are always untracked, broken packets
 *   invalid: asking for --ctdir before the queue excludes them all.
 * - In POSTROUTING, INPUT and (security) OUTPUT the addresses of a DNS query and its answer
 *   are the same ones exchanged, whatever DNAT, REDIRECT and MASQUERADE do to them.
 *
 * With a rule by name (names.watch_dns) DNS is queued there, final or not, to be read and
 * not to be judged: a verdict about it repeats its mark. It tells nothing of where a flow
 * began, so firewall.interfaces does not restrict it. What the drop value or a VPN's
 * own mark takes away is not read. DNS that is forwarded is known by P, which the daemon leaves it
 * for good (classify_policy.dns_keeps_p), instead of by ports that every packet would be asked for.
 *
 * Invariants: every match and every target on a mark is masked by our bits; the hint
 * value is never saved; a rule is written as iptables-save prints it (check.c).
 * A final flow meets nothing but restore and a few tests: what the other chains are for is asked by
 * the jumps to them. `mark` and ports cost a packet 10 to 25 ns; `conntrack`,
 * `connmark`, -i, -o, a jump and every target some 50; --dst-type looks up a route.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "private.h"

const char *const fw_table_names[FW_TABLE_COUNT] = {"mangle", "security"};

const struct fw_chain_name fw_chain_names[FW_CHAIN_COUNT] = {
	[FW_PRE] = {FW_MANGLE, "WAYMARK-PRE"},	   [FW_OPEN] = {FW_MANGLE, "WAYMARK-OPEN"},
	[FW_NEW] = {FW_MANGLE, "WAYMARK-NEW"},	   [FW_BACK] = {FW_MANGLE, "WAYMARK-BACK"},
	[FW_OUT] = {FW_MANGLE, "WAYMARK-OUT"},	   [FW_REPLY] = {FW_MANGLE, "WAYMARK-REPLY"},
	[FW_SAVE] = {FW_MANGLE, "WAYMARK-SAVE"},   [FW_POST] = {FW_MANGLE, "WAYMARK-POST"},
	[FW_LOCAL] = {FW_SECURITY, "WAYMARK-OUT"},
};

/* What the rendering functions need at hand. */
struct render {
	struct fw_plan *plan;
	const struct conf *conf;
	const struct mark_layout *mark;
	int family;
	bool enforce;
	bool queues;
	/* DNS goes to the queue even when its flow is final: for the names cache. */
	bool watch_dns;
};

int fw_chain_find(enum fw_table table, const char *name)
{
	for (int i = 0; i < FW_CHAIN_COUNT; i++)
		if (fw_chain_names[i].table == table && strcmp(fw_chain_names[i].name, name) == 0)
			return i;
	return -1;
}

static void add_text(struct fw_plan *plan, enum fw_chain_id id, char *text)
{
	struct fw_chain *chain = &plan->chains[id];

	chain->wanted = true;
	if (!text) {
		plan->failed = true;
		return;
	}
	if (chain->count == chain->capacity) {
		size_t capacity = chain->capacity ? chain->capacity * 2 : 16;
		char **rules = arena_array(&plan->arena, capacity, sizeof(*rules));

		if (!rules) {
			plan->failed = true;
			return;
		}
		if (chain->count)
			memcpy(rules, chain->rules, chain->count * sizeof(*rules));
		chain->rules = rules;
		chain->capacity = capacity;
	}
	chain->rules[chain->count++] = text;
}

/* Text that lives as long as the plan: the match of a rule. It ends with a space, or is empty. */
__attribute__((format(printf, 2, 3))) static const char *phrase(struct render *render,
								const char *format, ...)
{
	char text[256], *kept;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	kept = length < 0 || (size_t)length >= sizeof(text)
		       ? NULL
		       : arena_printf(&render->plan->arena, "%s", text);
	if (!kept)
		render->plan->failed = true;
	return kept ? kept : "";
}

/* One rule; `format` is what follows "-A CHAIN ". */
__attribute__((format(printf, 3, 4))) static void add(struct render *render, enum fw_chain_id id,
						      const char *format, ...)
{
	char rule[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(rule, sizeof(rule), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(rule)) {
		render->plan->failed = true;
		return;
	}
	add_text(render->plan, id,
		 arena_printf(&render->plan->arena, "-A %s %s", fw_chain_names[id].name, rule));
}

static void want_chain(struct render *render, enum fw_chain_id id)
{
	render->plan->chains[id].wanted = true;
}

/* `match` ends with a space, or is empty. */
static void add_jump(struct render *render, const char *base, const char *match,
		     enum fw_chain_id id)
{
	struct fw_plan *plan = render->plan;
	char *text =
		arena_printf(&plan->arena, "-A %s %s-j %s", base, match, fw_chain_names[id].name);

	want_chain(render, id);
	if (!text || plan->jump_count == FW_JUMP_MAX) {
		plan->failed = true;
		return;
	}
	plan->jumps[plan->jump_count++] = (struct fw_jump){
		.table = fw_chain_names[id].table,
		.base = base,
		.text = text,
	};
}

/* ---- pieces that several chains share ---- */

/* `match` ends with a space, or is empty. */
static void add_queue(struct render *render, enum fw_chain_id id, const char *match)
{
	const struct conf *conf = render->conf;
	const char *bypass = conf->queue.on_failure == CONF_FAIL_OPEN ? " --queue-bypass" : "";
	unsigned first = conf->queue.first, count = conf->queue.count;

	if (count > 1)
		add(render, id, "%s-j NFQUEUE --queue-balance %u:%u%s", match, first,
		    first + count - 1, bypass);
	else
		add(render, id, "%s-j NFQUEUE --queue-num %u%s", match, first, bypass);
}

/* A value without P: decided, never queued again. */
static void add_final_returns(struct render *render, enum fw_chain_id id)
{
	add(render, id, "-m mark ! --mark 0x0/0x%x -m mark --mark 0x0/0x%x -j RETURN",
	    render->mark->value_mask, render->mark->provisional);
}

/*
 * ICMP errors belong to the flow that they speak of: they carry its mark, but a verdict
 * about them must not become the flow's.
 */
static void add_icmp_errors_return(struct render *render, enum fw_chain_id id)
{
	add(render, id, "-p %s -m conntrack --ctstate RELATED -j RETURN",
	    render->family == 6 ? "ipv6-icmp" : "icmp");
}

/* What holds the network together, or cannot be steered, is never queued. */
static void add_exclusions(struct render *render, enum fw_chain_id id)
{
	if (render->family == 6) {
		add(render, id, "-d ff00::/8 -j RETURN");
		add(render, id, "-p udp -m udp --dport 546:547 -j RETURN");
	} else {
		/* IGMP by number: not every system has /etc/protocols */
		add(render, id, "-d 224.0.0.0/4 -j RETURN");
		add(render, id, "-m addrtype --dst-type BROADCAST -j RETURN");
		add(render, id, "-p 2 -j RETURN");
		add(render, id, "-p udp -m udp --dport 67:68 -j RETURN");
	}
}

/*
 * Of whatever comes before the queue for the first time the connmark says so: the hint with P,
 * which a verdict overwrites. So a connmark without P and one that WAYMARK-SAVE has nothing to do
 * for are the same. A flow that already talks, and about which nobody has said more than that, is
 * older than our knowledge of it: its packets carry the hint.
 */
static void add_entry(struct render *render, enum fw_chain_id id)
{
	const struct mark_layout *mark = render->mark;
	unsigned hint = mark_bits(mark, mark->hint);

	if (!render->enforce)
		return;
	add(render, id, "-m connmark --mark 0x0/0x%x -j CONNMARK --set-xmark 0x%x/0x%x", mark->mask,
	    hint | mark->provisional, mark->mask);
	add(render, id,
	    "-m conntrack --ctstate ESTABLISHED -m connmark --mark 0x%x/0x%x "
	    "-j MARK --set-xmark 0x%x/0x%x",
	    hint, mark->value_mask, hint, mark->mask);
}

static void add_restore(struct render *render, enum fw_chain_id id, const char *match)
{
	add(render, id, "%s-j CONNMARK --restore-mark --nfmask 0x%x --ctmask 0x%x", match,
	    render->mark->mask, render->mark->mask);
}

/* Most packets are TCP. */
static const char *const dns_protocols[] = {"tcp", "udp"};

/* `ports` tells queries from answers; `match` (may be empty) ends with a space. */
static void add_dns(struct render *render, enum fw_chain_id id, const char *ports,
		    const char *match)
{
	for (size_t i = 0; i < 2; i++)
		add_queue(render, id,
			  phrase(render, "-p %s -m %s %s %s", dns_protocols[i], dns_protocols[i],
				 ports, match));
}

/* What V = drop is for. */
static void add_drop(struct render *render, enum fw_chain_id id)
{
	const struct mark_layout *mark = render->mark;

	add(render, id, "-m mark --mark 0x%x/0x%x -j DROP", mark_bits(mark, mark->drop),
	    mark->value_mask);
}

/* The uplink that alone uses its interface: only then the interface tells the uplink. */
static bool owns_interface(const struct conf *conf, const struct conf_uplink *uplink)
{
	if (!uplink->enabled)
		return false;
	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *other = &conf->uplinks[i];

		if (other != uplink && other->enabled &&
		    strcmp(other->interface, uplink->interface) == 0)
			return false;
	}
	return true;
}

/* A flow of no uplink that leaves by it stays there. */
static bool is_pinned_to(const struct conf *conf, const struct conf_uplink *uplink)
{
	return uplink->nat && owns_interface(conf, uplink);
}

/* ---- the chains ---- */

/*
 * Without the "main first" rule, an uplink's table swallows what travels inwards too: a
 * packet that came in by an uplink would be sent back by it. It stays unmarked until it is
 * routed; WAYMARK-BACK restores its mark then.
 */
static void add_inward_returns(struct render *render)
{
	const struct conf *conf = render->conf;

	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];
		unsigned bits = mark_bits(render->mark, uplink->mark);

		if (!uplink->enabled)
			continue;
		add(render, FW_PRE,
		    "-i %s -m conntrack --ctdir REPLY -m connmark --mark 0x%x/0x%x -j RETURN",
		    uplink->interface, bits, render->mark->value_mask);
		add(render, FW_PRE,
		    "-i %s -m conntrack --ctdir ORIGINAL -m connmark --mark 0x%x/0x%x -j RETURN",
		    uplink->interface, bits, render->mark->mask);
	}
}

/*
 * What an uplink's interface brings in for the first time gets that uplink's value, finally.
 * True if there is such an uplink.
 */
static bool add_return_path(struct render *render, enum fw_chain_id id)
{
	const struct conf *conf = render->conf;
	bool any = false;

	for (size_t i = 0; conf->routing.return_path && i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];

		if (!owns_interface(conf, uplink))
			continue;
		add(render, id,
		    "-i %s -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x%x/0x%x",
		    uplink->interface, mark_bits(render->mark, uplink->mark), render->mark->mask);
		any = true;
	}
	return any;
}

/*
 * Forwarded packets before routing: the connection's bits become the packet's, and what is final
 * goes no further. The return path comes after that and restores once more what it has set: only a
 * first packet needs it, and it is a test for each uplink. Without "main first" it has to precede
 * what leaves its packets unmarked.
 */
static void render_pre(struct render *render)
{
	const struct mark_layout *mark = render->mark;

	want_chain(render, FW_OPEN);
	if (!render->enforce) {
		add(render, FW_PRE, "-j WAYMARK-OPEN");
		return;
	}
	/* link-local peers are on the link: there is no path to choose */
	if (render->family == 6)
		add(render, FW_PRE, "-d fe80::/10 -j RETURN");
	if (!render->conf->routing.main_first) {
		add_return_path(render, FW_PRE);
		add_inward_returns(render);
	}
	add_restore(render, FW_PRE, "");
	add(render, FW_PRE, "-m mark --mark 0x0/0x%x -j WAYMARK-OPEN", mark->mask);
	add(render, FW_PRE, "-m mark --mark 0x%x/0x%x -j WAYMARK-OPEN", mark->provisional,
	    mark->provisional);
	add_drop(render, FW_PRE);
}

/* DNS that begins elsewhere than on firewall.interfaces: not to be judged, but it has P. */
static void add_dns_of_strangers(struct render *render)
{
	const struct mark_layout *mark = render->mark;

	for (size_t i = 0; render->enforce && render->watch_dns && i < 2; i++)
		add(render, FW_OPEN,
		    "-p %s -m %s --dport 53 -m addrtype ! --dst-type LOCAL "
		    "-m conntrack --ctdir ORIGINAL -m connmark --mark 0x0/0x%x "
		    "-j CONNMARK --set-xmark 0x%x/0x%x",
		    dns_protocols[i], dns_protocols[i], mark->mask, mark->provisional, mark->mask);
}

/* What is not final: the return path, and the way to the queue. */
static void render_open(struct render *render)
{
	const struct conf *conf = render->conf;

	/* what comes by it has been marked, or left alone, as it went out */
	add(render, FW_OPEN, "-i lo -j RETURN");
	if (render->enforce && conf->routing.main_first && add_return_path(render, FW_OPEN)) {
		add_restore(render, FW_OPEN,
			    phrase(render,
				   "-m connmark ! --mark 0x0/0x%x -m conntrack --ctstate NEW ",
				   render->mark->value_mask));
		add_final_returns(render, FW_OPEN);
	}
	if (!render->queues || !conf->firewall.hook_forward)
		return;
	add_icmp_errors_return(render, FW_OPEN);
	for (size_t i = 0; i < conf->firewall.interface_count; i++)
		add(render, FW_OPEN, "-i %s -m conntrack --ctdir ORIGINAL -j WAYMARK-NEW",
		    conf->firewall.interfaces[i]);
	if (!conf->firewall.interface_count)
		add(render, FW_OPEN, "-m conntrack --ctdir ORIGINAL -j WAYMARK-NEW");
	else
		add_dns_of_strangers(render);
}

/* An original packet of a flow that is still looked at. */
static void render_new(struct render *render)
{
	if (!render->queues || !render->conf->firewall.hook_forward)
		return;
	add_exclusions(render, FW_NEW);
	add(render, FW_NEW, "-m addrtype --dst-type LOCAL -j RETURN");
	add_entry(render, FW_NEW);
	add_queue(render, FW_NEW, "");
}

/*
 * DNS as it passes, and replies where their addresses are the flow's own again. P without the hint
 * says that somebody looks at the flow: any other waits for its next original packet, which gets
 * the hint and shows who began it.
 */
static void render_reply(struct render *render)
{
	const struct conf *conf = render->conf;

	if (!render->queues)
		return;
	/* the router's own have been seen in OUTPUT; in INPUT this is what comes by lo */
	add(render, FW_REPLY, "-m addrtype --src-type LOCAL -j RETURN");
	if (render->watch_dns) {
		/* the queue would let it past the DROP of WAYMARK-SAVE in INPUT */
		if (render->enforce)
			add(render, FW_REPLY, "-m mark --mark 0x%x/0x%x -j RETURN",
			    mark_bits(render->mark, render->mark->drop), render->mark->value_mask);
		add_dns(render, FW_REPLY, "--dport 53", "");
		add_dns(render, FW_REPLY, "--sport 53", "");
	}
	add_icmp_errors_return(render, FW_REPLY);
	if (render->enforce) {
		add_queue(render, FW_REPLY,
			  phrase(render,
				 "-m conntrack --ctdir REPLY -m mark --mark 0x%x/0x%x "
				 "-m mark ! --mark 0x%x/0x%x ",
				 render->mark->provisional, render->mark->provisional,
				 mark_bits(render->mark, render->mark->hint),
				 render->mark->value_mask));
		return;
	}
	/*
	 * Observing leaves no mark to tell by: every reply is looked at, and by the interface
	 * that it leaves by one can tell where its flow began. Replies to the router itself have
	 * none.
	 */
	if (render->watch_dns && !conf->firewall.hook_output)
		add(render, FW_REPLY, "-m addrtype --dst-type LOCAL -j RETURN");
	if (conf->firewall.interface_count && conf->firewall.hook_output)
		add_queue(render, FW_REPLY,
			  "-m addrtype --dst-type LOCAL -m conntrack --ctdir REPLY ");
	for (size_t i = 0; i < conf->firewall.interface_count; i++)
		add_queue(render, FW_REPLY,
			  phrase(render, "-o %s -m conntrack --ctdir REPLY ",
				 conf->firewall.interfaces[i]));
	if (!conf->firewall.interface_count)
		add_queue(render, FW_REPLY, "-m conntrack --ctdir REPLY ");
}

/* Bits of others in a local packet: whoever set them (a VPN) has decided already. */
static void add_foreign_returns(struct render *render, enum fw_chain_id id)
{
	if (render->conf->firewall.foreign_marks == CONF_FOREIGN_LEAVE && ~render->mark->mask)
		add(render, id, "-m mark ! --mark 0x0/0x%x -j RETURN", ~render->mark->mask);
}

/* Local packets, before the kernel routes them again by their mark. */
static void render_out(struct render *render)
{
	const struct conf *conf = render->conf;

	add(render, FW_OUT, "-o lo -j RETURN");
	/* their owner (SO_MARK) has chosen, whatever the connection had */
	add(render, FW_OUT, "-m mark ! --mark 0x0/0x%x -j WAYMARK-SAVE", render->mark->mask);
	add(render, FW_OUT, "-m mark ! --mark 0x0/0x%x -j RETURN", render->mark->mask);
	add_foreign_returns(render, FW_OUT);
	if (render->family == 6)
		add(render, FW_OUT, "-d fe80::/10 -j RETURN");
	/* errors that we send inwards about a steered flow (see add_inward_returns) */
	if (!conf->routing.main_first)
		add_icmp_errors_return(render, FW_OUT);
	add_restore(render, FW_OUT,
		    conf->firewall.hook_output ? "" : "-m conntrack --ctdir REPLY ");
	add_drop(render, FW_OUT);
}

/*
 * What the router's own resolver says and asks. A question whose flow is not decided goes on
 * as every local packet does, and is queued as one of them; a name server that asks from port
 * 53 does not answer.
 */
static void add_local_dns(struct render *render)
{
	add_dns(render, FW_LOCAL, "--sport 53 ! --dport 53", "");
	if (!render->enforce || !render->conf->firewall.hook_output)
		return;
	add_dns(render, FW_LOCAL, "--dport 53",
		phrase(render, "-m mark ! --mark 0x0/0x%x -m mark --mark 0x0/0x%x ",
		       render->mark->value_mask, render->mark->provisional));
}

/* Local packets, after that: the security table comes last in OUTPUT. */
static void render_local(struct render *render)
{
	add(render, FW_LOCAL, "-o lo -j RETURN");
	if (render->watch_dns)
		add_local_dns(render);
	if (!render->conf->firewall.hook_output)
		return;
	if (render->enforce)
		add_final_returns(render, FW_LOCAL);
	add(render, FW_LOCAL, "-m conntrack --ctdir REPLY -j RETURN");
	add_foreign_returns(render, FW_LOCAL);
	add_icmp_errors_return(render, FW_LOCAL);
	add_exclusions(render, FW_LOCAL);
	if (render->family == 6)
		add(render, FW_LOCAL, "-d fe80::/10 -j RETURN");
	add_entry(render, FW_LOCAL);
	add_queue(render, FW_LOCAL, "-m conntrack --ctdir ORIGINAL ");
}

/* `provisional`: P, of what keeps it, or 0 */
static void add_pin(struct render *render, const struct conf_uplink *uplink, unsigned provisional)
{
	const struct mark_layout *mark = render->mark;
	unsigned final = mark_bits(mark, mark->main) | provisional;

	add(render, FW_SAVE, "-o %s -m mark --mark 0x%x/0x%x -j CONNMARK --set-xmark 0x%x/0x%x",
	    uplink->interface, final, mark->mask, mark_bits(mark, uplink->mark) | provisional,
	    mark->mask);
	add(render, FW_SAVE, "-o %s -m mark --mark 0x%x/0x%x -j RETURN", uplink->interface, final,
	    mark->mask);
}

/* The packet's bits become the connection's. */
static void render_save(struct render *render)
{
	const struct conf *conf = render->conf;
	const struct mark_layout *mark = render->mark;
	unsigned drop = mark_bits(mark, mark->drop);

	add(render, FW_SAVE, "-m mark --mark 0x0/0x%x -j RETURN", mark->mask);
	add_icmp_errors_return(render, FW_SAVE);
	add(render, FW_SAVE, "-m mark --mark 0x%x/0x%x -j RETURN", mark_bits(mark, mark->hint),
	    mark->value_mask);
	/*
	 * Of a flow whose first packet is dropped the kernel keeps no connection, hence no mark:
	 * the next attempt is asked about again.
	 */
	add(render, FW_SAVE,
	    "-m mark --mark 0x%x/0x%x -j CONNMARK --save-mark --nfmask 0x%x --ctmask 0x%x", drop,
	    mark->value_mask, mark->mask, mark->mask);
	add_drop(render, FW_SAVE);
	/*
	 * What a REDIRECT (of DNS, of a proxy) has brought to the router itself was judged by
	 * where it was bound for: its answers must not be steered to there.
	 */
	add(render, FW_SAVE,
	    "-m addrtype --dst-type LOCAL -m conntrack --ctdir ORIGINAL -j RETURN");
	/*
	 * Pinned where it is. The packet says "final, no uplink" until the flow is pinned, and
	 * never afterwards.
	 */
	for (size_t i = 0; i < conf->uplink_count; i++) {
		if (!is_pinned_to(conf, &conf->uplinks[i]))
			continue;
		add_pin(render, &conf->uplinks[i], 0);
		if (render->watch_dns)
			add_pin(render, &conf->uplinks[i], mark->provisional);
	}
	add(render, FW_SAVE, "-j CONNMARK --save-mark --nfmask 0x%x --ctmask 0x%x", mark->mask,
	    mark->mask);
}

/*
 * What add_inward_returns() has left unmarked until it was routed. An original packet carries its
 * verdict, which is saved only after this.
 */
static void add_back_jump(struct render *render, const char *base)
{
	if (render->enforce && !render->conf->routing.main_first)
		add_jump(render, base, "", FW_BACK);
}

static void add_dns_jumps(struct render *render)
{
	static const char *const ports[] = {"--sport", "--dport"};

	for (size_t i = 0; render->watch_dns && i < 4; i++)
		add_jump(render, "INPUT",
			 phrase(render, "-p %s -m %s %s 53 ", dns_protocols[i / 2],
				dns_protocols[i / 2], ports[i % 2]),
			 FW_REPLY);
}

/*
 * A connmark without P stays: it is final and its packets carry it, or nobody asked about the flow.
 * (Who sets our bits in between steers a packet, not its connection; WAYMARK-OUT sees to the owners
 * of local ones.)
 */
static void add_save_jump(struct render *render, const char *base, enum fw_chain_id to)
{
	add_jump(render, base,
		 phrase(render, "-m connmark --mark 0x%x/0x%x ", render->mark->provisional,
			render->mark->provisional),
		 to);
}

/* "No uplink", decided by a reply, waits for an original packet to show where to pin it. */
static void add_pin_jump(struct render *render)
{
	const struct conf *conf = render->conf;
	bool pins = false;

	for (size_t i = 0; i < conf->uplink_count; i++)
		pins = pins || is_pinned_to(conf, &conf->uplinks[i]);
	if (pins)
		add_jump(render, "POSTROUTING",
			 phrase(render, "-m mark --mark 0x%x/0x%x ",
				mark_bits(render->mark, render->mark->main), render->mark->mask),
			 FW_SAVE);
}

static void add_input_jumps(struct render *render)
{
	/* whoever asks the router's own resolver may be a client whose flows are forwarded */
	bool looks = render->watch_dns || (render->queues && render->conf->firewall.hook_output);

	/* of what has no P and is no DNS WAYMARK-REPLY has nothing to say; observing leaves no P */
	if (looks && render->enforce) {
		add_back_jump(render, "INPUT");
		add_jump(render, "INPUT",
			 phrase(render, "-m mark --mark 0x%x/0x%x ", render->mark->provisional,
				render->mark->provisional),
			 FW_REPLY);
		add_dns_jumps(render);
	} else if (looks) {
		add_jump(render, "INPUT", "", FW_REPLY);
	}
	/* drops what was queued for the router; the save of the rest is POSTROUTING's */
	if (render->enforce)
		add_save_jump(render, "INPUT", FW_SAVE);
}

/* Saved first: an ACCEPT from the queue is the hook's last word. */
static void add_forward_jumps(struct render *render)
{
	bool looks = render->queues && render->conf->firewall.hook_forward;

	if (!render->enforce) {
		if (looks)
			add_jump(render, "POSTROUTING", "", FW_REPLY);
		return;
	}
	if (looks)
		add_back_jump(render, "FORWARD");
	add_save_jump(render, "POSTROUTING", looks ? FW_POST : FW_SAVE);
	add_pin_jump(render);
}

/*
 * A packet with P is one of a connmark with P, and so is any of DNS: one test for all that may be
 * done about it.
 */
static void render_post(struct render *render)
{
	add(render, FW_POST, "-j WAYMARK-SAVE");
	add(render, FW_POST, "-j WAYMARK-REPLY");
	want_chain(render, FW_REPLY);
}

static void render_jumps(struct render *render)
{
	const struct conf *conf = render->conf;
	bool forward = conf->firewall.hook_forward, output = conf->firewall.hook_output;

	if (render->enforce || (render->queues && forward))
		add_jump(render, "PREROUTING", "", FW_PRE);
	add_input_jumps(render);
	if (render->enforce && (output || conf->routing.return_path))
		add_jump(render, "OUTPUT", "", FW_OUT);
	add_forward_jumps(render);
	if (render->watch_dns || (render->queues && output))
		add_jump(render, "OUTPUT", "", FW_LOCAL);
}

int fw_plan_build(struct fw_plan *plan, const struct conf *conf, int family,
		  enum firewall_stage stage)
{
	struct render render = {
		.plan = plan,
		.conf = conf,
		.mark = &conf->mark,
		.family = family,
		.enforce = conf->mode == CONF_ENFORCE,
		.queues = stage == FIREWALL_FULL,
		.watch_dns = stage == FIREWALL_FULL && conf->names.watch_dns,
	};

	memset(plan, 0, sizeof(*plan));
	arena_init(&plan->arena);
	render_jumps(&render);
	if (plan->chains[FW_PRE].wanted)
		render_pre(&render);
	if (plan->chains[FW_OPEN].wanted)
		render_open(&render);
	if (plan->chains[FW_BACK].wanted)
		add_restore(&render, FW_BACK, "-m conntrack --ctdir REPLY ");
	if (plan->chains[FW_POST].wanted)
		render_post(&render);
	render_new(&render);
	if (plan->chains[FW_OUT].wanted)
		render_out(&render);
	if (plan->chains[FW_REPLY].wanted)
		render_reply(&render);
	if (plan->chains[FW_SAVE].wanted)
		render_save(&render);
	if (plan->chains[FW_LOCAL].wanted)
		render_local(&render);
	return plan->failed ? -ENOMEM : 0;
}

void fw_plan_release(struct fw_plan *plan)
{
	arena_release(&plan->arena);
	memset(plan, 0, sizeof(*plan));
}
