/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall/private - what the parts of the module share: the plan (what is
 * wanted), the snapshot (what iptables-save shows), the tools (how to run it).
 *
 * A plan's rules are written as iptables-save prints them, so that comparing is
 * comparing text. All three belong to whoever made them; control thread only.
 */
#ifndef WAYMARK_SRC_FIREWALL_PRIVATE_H
#define WAYMARK_SRC_FIREWALL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include <waymark/arena.h>
#include <waymark/firewall.h>

enum fw_table { FW_MANGLE, FW_SECURITY, FW_TABLE_COUNT };

/* Every chain that was ever ours; what a plan does not want of them is taken away. */
enum fw_chain_id {
	FW_PRE,
	FW_OPEN,
	FW_NEW,
	FW_BACK,
	FW_OUT,
	FW_REPLY,
	FW_SAVE,
	FW_POST,
	FW_LOCAL,
	FW_CHAIN_COUNT
};

struct fw_chain_name {
	enum fw_table table;
	const char *name;
};

extern const char *const fw_table_names[FW_TABLE_COUNT];
extern const struct fw_chain_name fw_chain_names[FW_CHAIN_COUNT];

/* The id of the chain of that name in the table; -1: not ours. */
int fw_chain_find(enum fw_table table, const char *name);

struct fw_chain {
	bool wanted;
	char **rules; /* "-A WAYMARK-PRE ...", without a newline */
	size_t count, capacity;
};

/* A jump from the end of a base chain to one of ours. */
struct fw_jump {
	enum fw_table table;
	const char *base;
	const char *text; /* "-A FORWARD ... -j WAYMARK-REPLY" */
};

#define FW_JUMP_MAX 24

struct fw_plan {
	struct arena arena;
	struct fw_chain chains[FW_CHAIN_COUNT];
	struct fw_jump jumps[FW_JUMP_MAX]; /* those of one base chain in their order */
	size_t jump_count;
	bool failed; /* out of memory */
};

/* 0 or -ENOMEM; to be released in either case. */
int fw_plan_build(struct fw_plan *plan, const struct conf *conf, int family,
		  enum firewall_stage stage);
void fw_plan_release(struct fw_plan *plan);

/* ---- text that grows ---- */

struct fw_text {
	char *data; /* terminated; NULL while empty */
	size_t length, capacity;
	bool failed;
};

void fw_text_release(struct fw_text *text);
void fw_text_bytes(struct fw_text *text, const char *bytes, size_t length);
void fw_text_printf(struct fw_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- programs ---- */

enum fw_variant { FW_NFT, FW_LEGACY };

struct fw_tools {
	enum fw_variant variant;
	const char *infix; /* "", "-nft", "-legacy": iptables<infix>-restore */
};

/*
 * Runs a program found in PATH or the sbin directories, without a shell; `input`
 * may be NULL. *status is its exit status. 0, -ENOENT: no such program,
 * -ETIMEDOUT, or what the system said.
 */
int fw_run(const char *const argv[], const char *input, struct fw_text *output,
	   struct fw_text *errors, int *status);
/* What `command` stands for on this system. 0 or -errno with a finding (diags may be NULL). */
int fw_tools_find(enum conf_firewall_command command, struct fw_tools *tools,
		  struct diag_list *diags);
/* The tools of the variant that is not `tools`; false: not installed. */
bool fw_tools_other(const struct fw_tools *tools, struct fw_tools *other);
/* iptables-save of our two tables, appended to `output`. 0 or -errno with a finding. */
int fw_save(const struct fw_tools *tools, int family, struct fw_text *output,
	    struct diag_list *diags);
int fw_restore(const struct fw_tools *tools, int family, const char *input,
	       struct diag_list *diags);
/* False: the kernel has no such family; with a note where diags are given. */
bool fw_family_available(int family, struct diag_list *diags);

/* ---- what is there ---- */

struct fw_rule {
	enum fw_table table;
	const char *text;  /* "-A CHAIN ..." */
	const char *chain; /* its name */
	int own;	   /* the id of the chain it is in; -1: not ours */
	int target;	   /* the id of our chain that it jumps to; -1: none */
};

struct fw_snapshot {
	struct arena arena;
	struct fw_rule *rules;
	size_t count, capacity;
	bool present[FW_CHAIN_COUNT];
	bool failed;
};

/* Reads what fw_save() gave; 0 or -ENOMEM; to be released in either case. */
int fw_snapshot_parse(struct fw_snapshot *snapshot, const char *saved);
int fw_snapshot_take(struct fw_snapshot *snapshot, const struct fw_tools *tools, int family,
		     struct diag_list *diags);
void fw_snapshot_release(struct fw_snapshot *snapshot);
/* Anything of ours at all. */
bool fw_snapshot_has_ours(const struct fw_snapshot *snapshot);

/* A finding for each difference; returns how many errors. Rules of others that follow our jump are
 * warnings.
 */
size_t fw_compare(const struct fw_plan *plan, const struct fw_snapshot *snapshot, int family,
		  struct diag_list *diags);
/* The restore text that turns the snapshot into the plan; empty when they are the same. */
void fw_changes(const struct fw_plan *plan, const struct fw_snapshot *snapshot,
		enum firewall_stage stage, struct fw_text *text);

#endif
