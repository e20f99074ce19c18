/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall - waymark's own iptables chains: rendered, applied, checked, removed.
 *
 * Own chains (WAYMARK-*) in mangle and security, a jump to each appended last in
 * the base chains, through iptables-restore --noflush -w and its IPv6 twin.
 * Never another's rule, never a base chain, idempotent.
 * Threads: the control thread; calls run the iptables programs and wait for them.
 * Needs CAP_NET_ADMIN (and CAP_NET_RAW for iptables-legacy), except rendering.
 */
#ifndef WAYMARK_FIREWALL_H
#define WAYMARK_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>

#include <waymark/config.h>
#include <waymark/diag.h>

enum firewall_stage {
	FIREWALL_FULL,	    /* chains, restore, save and the queue rules */
	FIREWALL_NO_QUEUES, /* the same without NFQUEUE rules: before the queues are bound, and for keep_on_exit */
};

/* iptables-restore text for one family (4 or 6), what a user can paste. Malloced; NULL: out of memory. */
char *firewall_render(const struct conf *conf, int family, enum firewall_stage stage);

/* Brings both families' chains to the stage, atomically per table. 0 or -errno with findings. */
int firewall_apply(const struct conf *conf, enum firewall_stage stage, struct diag_list *diags);
/*
 * The same after firewall_apply(), for what another hand may have broken since: each family is put
 * right as soon as it was looked at. `repaired` counts what was wrong; rules of others that
 * follow our jumps are not.
 */
int firewall_repair(const struct conf *conf, size_t *repaired, struct diag_list *diags);
/* Takes chains and jumps away; nothing there is no error. */
int firewall_remove(const struct conf *conf, struct diag_list *diags);
/*
 * Compares what is there with what FIREWALL_FULL wants: a finding for each
 * difference (missing chain or jump, changed rule: errors; rules of others that follow our jump: warnings).
 * 0: the same; 1: differs; -errno: could not look.
 */
int firewall_check(const struct conf *conf, enum firewall_stage stage, struct diag_list *diags);

/*
 * Notices that somebody changed the rules. nft variant: a netlink socket on
 * NFNLGRP_NFTABLES, readable upon any change. Legacy gives no events.
 */
struct firewall_monitor;
int firewall_monitor_open(struct firewall_monitor **monitor, const struct conf *conf);
void firewall_monitor_close(struct firewall_monitor *monitor);
/* -1: this variant has no events; poll firewall_check() every second. */
int firewall_monitor_fd(const struct firewall_monitor *monitor);
/* True if something changed that may concern our chains. */
bool firewall_monitor_drain(struct firewall_monitor *monitor);
/* "nf_tables" or "legacy", as found. */
const char *firewall_variant(const struct conf *conf);

#endif
