/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config - waymark.conf as a value: everything but the rules.
 *
 * conf_load() reads one file and checks it whole: every error and warning is
 * added to the list, with its line. A struct conf is immutable afterwards and
 * owns one arena. Its prefix is conf_, since libconfig owns config_.
 * Interfaces, gateways and tables are not looked up in the kernel here, except
 * table names, which come from rt_tables files (conf_load_options.rt_tables_dir).
 * Threads: a loaded conf may be read by any.
 */
#ifndef WAYMARK_CONFIG_H
#define WAYMARK_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/arena.h>
#include <waymark/diag.h>
#include <waymark/ip.h>
#include <waymark/log.h>
#include <waymark/mark.h>

#define CONF_DEFAULT_PATH "/etc/waymark/waymark.conf"
#define CONF_FIRST_TABLE 200

enum conf_mode { CONF_ENFORCE, CONF_OBSERVE };
enum conf_on_failure { CONF_FAIL_OPEN, CONF_FAIL_CLOSED };
enum conf_firewall_command { CONF_IPTABLES_AUTO, CONF_IPTABLES, CONF_IPTABLES_NFT, CONF_IPTABLES_LEGACY };
enum conf_foreign_marks { CONF_FOREIGN_LEAVE, CONF_FOREIGN_STEER };
enum conf_on_down { CONF_DOWN_MAIN, CONF_DOWN_BLOCK, CONF_DOWN_UPLINK, CONF_DOWN_GROUP };
enum conf_failback { CONF_FAILBACK_NEW_FLOWS, CONF_FAILBACK_ALL };
enum conf_probe_type { CONF_PROBE_NONE, CONF_PROBE_ICMP, CONF_PROBE_TCP, CONF_PROBE_HTTP, CONF_PROBE_DNS };
enum conf_group_policy { CONF_GROUP_WEIGHTED, CONF_GROUP_FAILOVER };
enum conf_group_sticky { CONF_STICKY_FLOW, CONF_STICKY_SOURCE, CONF_STICKY_SOURCE_DESTINATION };

/* "default": none on a point-to-point interface, auto otherwise. */
enum conf_gateway_kind { CONF_GATEWAY_DEFAULT, CONF_GATEWAY_AUTO, CONF_GATEWAY_NONE, CONF_GATEWAY_ADDRESS };

struct conf_gateway {
	enum conf_gateway_kind kind;
	struct ip_addr address;
};

struct conf_probe {
	enum conf_probe_type type;
	const char **targets; /* addresses or names, as written */
	size_t target_count;
	uint32_t need, interval_ms, timeout_ms, down, up, max_loss_percent, max_latency_ms;
	uint16_t port;
	const char *path, *query;
};

struct conf_uplink {
	const char *name;
	const char *interface;
	struct conf_gateway gateway, gateway6;
	uint32_t table;
	const char *table_name; /* NULL: given as a number, or by default */
	uint32_t mark;		/* the value, as mark.h counts */
	bool nat;
	bool enabled;
	struct conf_probe probe;
	enum conf_on_down on_down;
	const char *on_down_target; /* of UPLINK and GROUP */
	enum conf_failback failback;
	const char *on_change; /* NULL: none */
	uint32_t on_change_timeout_s;
	int line;
	const char *file;
};

struct conf_member {
	uint32_t uplink; /* index in uplinks */
	uint32_t weight;
};

struct conf_group {
	const char *name;
	enum conf_group_policy policy;
	enum conf_group_sticky sticky;
	uint32_t sticky_s;
	struct conf_member *members;
	size_t member_count;
	int line;
	const char *file;
};

struct conf {
	struct arena arena;
	const char *path; /* as given */
	enum conf_mode mode;
	struct mark_layout mark;
	struct {
		uint16_t first, count; /* count: already resolved, never 0 */
		uint32_t max_length, copy_bytes;
		enum conf_on_failure on_failure;
		bool pin_threads;
	} queue;
	struct {
		uint32_t max, decide_packets, decide_bytes;
		uint32_t tcp_s, udp_s, other_s;
	} flows;
	struct {
		uint32_t max;
		bool per_client;
		uint32_t min_ttl_s;
		/*
		 * DNS is queued even where its flows are decided. No key: true here, until
		 * whoever knows the rules (policy) finds that none asks for a name.
		 */
		bool watch_dns;
	} names;
	struct {
		bool manage;
		enum conf_firewall_command command;
		const char **interfaces;
		size_t interface_count;
		bool hook_forward, hook_output;
		enum conf_foreign_marks foreign_marks;
	} firewall;
	struct {
		bool manage;
		uint32_t priority;
		uint8_t protocol;
		bool main_first, keep_on_exit, register_table_names, return_path;
	} routing;
	struct conf_uplink *uplinks;
	size_t uplink_count;
	struct conf_group *groups;
	size_t group_count;
	const char **rules_dirs; /* resolved paths, in the order given */
	size_t rules_dir_count;
	bool rules_dir_given; /* a missing default directory is no error */
	struct {
		const char *socket, *group, *metrics; /* "" = none */
	} control;
	struct {
		enum log_level level;
		enum log_target target;
	} log;
};

struct conf_load_options {
	const char *rt_tables_dir; /* NULL: /etc/iproute2, then /usr/share/iproute2 and /usr/lib/iproute2 */
	unsigned cores;		   /* 0: ask the system */
};

/*
 * NULL when there was any error. `options` may be NULL. The top-level key
 * "rules" is allowed and left to the rules module.
 */
struct conf *conf_load(const char *path, const struct conf_load_options *options,
		       struct diag_list *diags);
/*
 * The same, but a file that could be parsed gives a conf even with errors in it,
 * so that its rules can be checked in the same run. Such a conf is for that
 * alone, and must not be run: values that were refused are defaults, a refused
 * name is "", a refused mark or table is 0, a group may have no members. NULL: not
 * readable, a syntax error, or out of memory. Compare diags->errors before and after.
 */
struct conf *conf_load_partly(const char *path, const struct conf_load_options *options,
			      struct diag_list *diags);
void conf_free(struct conf *conf);

const struct conf_uplink *conf_uplink_by_name(const struct conf *conf, const char *name);
const struct conf_group *conf_group_by_name(const struct conf *conf, const char *name);
const struct conf_uplink *conf_uplink_by_mark(const struct conf *conf, uint32_t value);
/* "icmp", ... for messages and JSON. */
const char *conf_probe_type_name(enum conf_probe_type type);

/*
 * Warnings that concern the marks other software is known to use
 * (wg-quick 0xca6c, Tailscale 0xff0000, mwan3 0x3f00, kube 0xc000): one finding
 * for each overlap with the mask. A note, not an error.
 */
void conf_check_mark_habits(const struct conf *conf, struct diag_list *diags);

#endif
