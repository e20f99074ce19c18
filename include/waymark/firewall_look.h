/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall_look - what iptables there is and what everybody's rules are, for `waymark doctor`.
 *
 * Changes nothing: the legacy programs are only asked where legacy tables exist, since asking
 * creates them. Rules are text as iptables-save prints it, all tables of a family in one.
 * Ownership: firewall_look() fills, firewall_look_release() frees, also after a failure.
 * Threads: runs programs and waits for them; one owner. Without root nothing can be read, which
 * is no error: `hidden` says so.
 */
#ifndef WAYMARK_FIREWALL_LOOK_H
#define WAYMARK_FIREWALL_LOOK_H

#include <stdbool.h>
#include <stddef.h>

#include <waymark/config.h>

enum firewall_variants { FIREWALL_NFT, FIREWALL_LEGACY, FIREWALL_VARIANTS };

struct firewall_look {
	bool installed[FIREWALL_VARIANTS];
	/* what firewall.command stands for here, and behind "iptables" or "ip6tables" in its
	 * programs' names */
	bool chosen_installed;
	enum firewall_variants chosen;
	const char *infix;    /* "", "-nft", "-legacy" */
	bool no_queue_bypass; /* the chosen iptables does not know NFQUEUE's --queue-bypass */
	/* [variant][0: IPv4, 1: IPv6]; NULL: no such rules, or hidden */
	char *saved[FIREWALL_VARIANTS][2];
	bool hidden[FIREWALL_VARIANTS];
};

/* `look` is all zero before. 0, or -ENOMEM. */
int firewall_look(const struct conf *conf, struct firewall_look *look);
void firewall_look_release(struct firewall_look *look);

#endif
