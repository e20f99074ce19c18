/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor - what the parts of `waymark doctor` share: facts, judgements, findings.
 *
 * doctor_gather() reads this machine once, into facts. Each check is a function from facts to
 * findings that reads nothing itself, so that tests judge machines that were made up. What could
 * not be read is unknown, and nothing is ever found of what is unknown.
 *
 * Ownership: facts and lists own what they point to, but for the configuration.
 */
#ifndef WAYMARK_CLI_DOCTOR_H
#define WAYMARK_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/arena.h>
#include <waymark/config.h>
#include <waymark/diag.h>
#include <waymark/firewall_look.h>
#include <waymark/ip.h>
#include <waymark/route_look.h>

/* ---- findings ---- */

enum doctor_severity { DOCTOR_ERROR, DOCTOR_WARNING, DOCTOR_NOTE };

struct doctor_finding {
	const char *check; /* the name of the check that found it */
	enum doctor_severity severity;
	const char *uplink;	    /* of the configuration; NULL: about no single one */
	char *what, *breaks, *mend; /* breaks and mend may be NULL in a note */
};

struct doctor_list {
	const char *check; /* that runs now */
	struct doctor_finding *items;
	size_t count, capacity;
	size_t problems; /* errors and warnings */
	bool failed;	 /* out of memory: the list is not whole */
};

/* `uplink` may be NULL. The finding is valid until the next one is added. */
struct doctor_finding *doctor_add(struct doctor_list *list, enum doctor_severity severity,
				  const char *uplink, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void doctor_breaks(struct doctor_list *list, struct doctor_finding *finding, const char *format,
		   ...) __attribute__((format(printf, 3, 4)));
/* A command that a shell takes as it is; what is not one stands behind a '#'. */
void doctor_mend(struct doctor_list *list, struct doctor_finding *finding, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_list_release(struct doctor_list *list);

/* ---- words for mends ---- */

#define DOCTOR_WORD_SIZE 128
#define DOCTOR_LINE_SIZE 512

/* The word as a shell reads it back, quoted only where it must be. Returns buffer. */
const char *doctor_word(const char *text, char buffer[DOCTOR_WORD_SIZE]);
/* "net.ipv4.conf.IF.KEY", with slashes where the interface's name has a dot. Returns buffer. */
const char *doctor_conf_key(const char *family, const char *interface, const char *key,
			    char buffer[DOCTOR_WORD_SIZE]);

/*
 * The command that sets a key in the configuration file: a sed on the very line, as far as the
 * file is plain enough for one; else an echo of what to write. `uplink` as an index, or
 * DOCTOR_NO_UPLINK for a key of `group`.
 */
#define DOCTOR_NO_UPLINK SIZE_MAX
const char *doctor_edit(const char *path, const char *group, size_t uplink, const char *key,
			const char *value, char buffer[DOCTOR_LINE_SIZE]);

/* ---- the kernel's options ---- */

enum doctor_option_state {
	DOCTOR_OPTION_UNKNOWN,
	DOCTOR_OPTION_NO,
	DOCTOR_OPTION_MODULE,
	DOCTOR_OPTION_YES
};

#define DOCTOR_OPTIONS_MAX 40

struct doctor_kernel {
	char release[65];
	char source[128]; /* where the options stand; "": nowhere that could be read */
	/* by their place in doctor_options[] */
	enum doctor_option_state options[DOCTOR_OPTIONS_MAX];
	bool works[DOCTOR_OPTIONS_MAX];	     /* seen to work, or its module is loaded or built in */
	bool has_module[DOCTOR_OPTIONS_MAX]; /* is among the installed modules */
	bool modules_known;		     /* modules.dep could be read */
	bool modules_missing;		     /* there is no directory of modules of this release */
	bool modules_disabled;		     /* kernel.modules_disabled */
};

struct doctor_option {
	const char *symbol; /* without CONFIG_ */
	const char *other;  /* a symbol that is as good, of newer or older kernels; NULL: none */
	const char *module; /* NULL: never one */
	unsigned needed;    /* DOCTOR_NEEDED_ bits, all of which must hold */
	const char *breaks;
};

enum {
	DOCTOR_NEEDED_CHAINS = 1,   /* firewall rules are wanted */
	DOCTOR_NEEDED_IPV6 = 2,	    /* the machine has IPv6 */
	DOCTOR_NEEDED_NFT = 4,	    /* iptables over nf_tables */
	DOCTOR_NEEDED_LEGACY = 8,   /* iptables-legacy */
	DOCTOR_NEEDED_ROUTING = 16, /* routing.manage and an uplink */
	DOCTOR_NEEDED_SETS = 32,    /* a rule uses an ipset */
	DOCTOR_NEEDED_MARKS = 64,   /* mode "enforce" */
};

extern const struct doctor_option doctor_options[];
size_t doctor_option_count(void);
/* Of a file of "CONFIG_X=y" lines, gzipped or not. False: it cannot be read. */
bool doctor_options_read(const char *path, struct doctor_kernel *kernel);
void doctor_kernel_gather(struct doctor_kernel *kernel);

/* ---- links ---- */

#define DOCTOR_UNKNOWN (-1)

struct doctor_link {
	uint32_t index, master, mtu;
	char name[16], kind[16]; /* kind: "bridge", "vrf", ...; "" for hardware */
	bool up, carrier, point_to_point, loopback;
	int large_receive; /* LRO is on; DOCTOR_UNKNOWN as below */
	/* sysctls as they stand, or DOCTOR_UNKNOWN */
	int rp_filter, src_valid_mark, accept_ra, forwarding6;
};

/* A message of a dump; as mnl_cb_run() wants it. */
struct nlmsghdr;
typedef int doctor_message_fn(const struct nlmsghdr *message, void *context);
/* Sends the request as a dump on this netlink bus. 0, or -errno; `each` may end it with an errno. */
int doctor_dump(int bus, struct nlmsghdr *request, doctor_message_fn *each, void *context);

/* 0 or -errno; malloced. */
int doctor_links_gather(struct doctor_link **links, size_t *count);

/* ---- rules of iptables, anybody's ---- */

struct doctor_rule {
	uint8_t family;
	bool legacy;
	bool ours; /* in a chain of ours, or jumps to one */
	const char *table, *chain, *target, *text;
	/* conditions that decide whether NAT concerns a packet */
	const char *out; /* NULL: none */
	bool out_not, source_not;
	struct ip_range source;	  /* family IP_NONE: none */
	bool narrow;		  /* other conditions that leave packets out */
	uint32_t mark, mark_mask; /* -m mark --mark, not negated */
	bool has_mark;
	uint32_t writes; /* bits of the packet's or the connection's mark */
	bool queues;
	unsigned queue_first, queue_last;
};

struct doctor_rules {
	struct arena arena;
	struct doctor_rule *items;
	size_t count, capacity;
	bool failed;
};

/* Adds the rules of a text of iptables-save. */
void doctor_rules_parse(struct doctor_rules *rules, const char *saved, uint8_t family, bool legacy);
void doctor_rules_release(struct doctor_rules *rules);
/* What NAT is asked about. */
struct doctor_passage {
	uint8_t family;
	const char *out;	/* the interface that it leaves by */
	struct ip_range source; /* family IP_NONE: from anywhere */
	uint32_t mark, mask;	/* the bits of the mark that are known */
};

/* True: it gets another source address. In doubt it does. */
bool doctor_rules_translate(const struct doctor_rules *rules, const struct doctor_passage *passage);

/* ---- rules of nf_tables that iptables does not show ---- */

enum doctor_nft_kind { DOCTOR_NFT_NAT, DOCTOR_NFT_OFFLOAD, DOCTOR_NFT_QUEUE };

struct doctor_nft_rule {
	enum doctor_nft_kind kind;
	uint8_t family; /* NFPROTO_* */
	char table[64], chain[64];
	uint64_t handle;
	char out[16];	   /* of NAT: the interface, "" if it is not told by name */
	size_t out_length; /* how much of it must be the same; 16: all */
	bool out_not;
	unsigned queue_first, queue_last;
};

struct doctor_nft {
	bool known;
	struct doctor_nft_rule *rules;
	size_t count, capacity;
	bool failed;
};

void doctor_nft_gather(struct doctor_nft *nft);
void doctor_nft_release(struct doctor_nft *nft);
bool doctor_nft_translates(const struct doctor_nft *nft, const struct doctor_passage *passage);
/* One NFT_MSG_NEWRULE; what is none of the kinds is left out. */
struct nlmsghdr;
void doctor_nft_rule_read(const struct nlmsghdr *message, struct doctor_nft *nft);

/* ---- facts ---- */

struct doctor_queue {
	unsigned number;
	uint32_t portid;
	uint32_t pid;	  /* of the owner; 0: not known */
	char program[32]; /* its name, or "" */
};

#define DOCTOR_QUEUES_MAX 256

struct doctor_sysctls {
	/* DOCTOR_UNKNOWN where there is no such file */
	int64_t ip_forward, ip6_forwarding, all_rp_filter, all_src_valid_mark;
	int64_t fwmark_reflect4, fwmark_reflect6, tcp_fwmark_accept;
	int64_t conntrack_max, conntrack_count, conntrack_loose, conntrack_acct;
	int64_t bridge_iptables, bridge_ip6tables;
};

struct doctor_others {
	bool networkd, networkd_keeps; /* it runs; it leaves rules of others alone */
	bool network_manager, mwan3, pbr;
	const char *installer; /* "apt-get install", ...; NULL: not known */
	const char *dhcp;      /* "dhclient -v", ...; NULL: there is no client known */
};

struct doctor_facts {
	const struct conf *conf;
	bool uses_sets;	      /* a rule asks an ipset */
	char ipv4_rules[200]; /* names of rules that judge by IPv4 addresses alone, and have no twin
			       */
	bool daemon;	      /* a daemon answers on the configuration's socket */
	struct doctor_kernel kernel;
	struct doctor_sysctls sysctls;
	struct doctor_link *links;
	size_t link_count;
	bool routes_known;
	struct route_look routes;
	struct firewall_look firewall;
	struct doctor_rules rules; /* of both variants */
	struct doctor_nft nft;
	bool chains_checked;	 /* ours are in place and were compared */
	struct diag_list chains; /* what firewall_check() found */
	bool queues_known;
	struct doctor_queue queues[DOCTOR_QUEUES_MAX];
	size_t queue_count;
	struct doctor_others others;
};

struct policy;

/* `facts` is all zero before. 0, or -errno with a finding. `socket`: the daemon's. */
int doctor_gather(const struct policy *policy, const char *socket, struct doctor_facts *facts,
		  struct diag_list *diags);
void doctor_facts_release(struct doctor_facts *facts);

const struct doctor_link *doctor_link_by_name(const struct doctor_facts *facts, const char *name);
const struct doctor_link *doctor_link_by_index(const struct doctor_facts *facts, uint32_t index);
/* By link facts; false where routes are not known. */
bool doctor_carries_ipv6(const struct doctor_facts *facts, size_t uplink);
/* An enabled uplink of that interface. */
bool doctor_is_uplink(const struct doctor_facts *facts, const char *interface);

/* ---- checks ---- */

struct doctor_check {
	const char *name;
	void (*judge)(const struct doctor_facts *facts, struct doctor_list *list);
};

extern const struct doctor_check doctor_checks[]; /* ends with a NULL name */
/* All of them, worst findings first, else in the checks' order. */
void doctor_judge(const struct doctor_facts *facts, struct doctor_list *list);

/* doctor_system.c: the machine as a router */
void doctor_check_kernel(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_forwarding(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_rp_filter(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_mark_sysctls(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_router_adverts(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_conntrack(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_bridge(const struct doctor_facts *facts, struct doctor_list *list);
/* doctor_filter.c: iptables, queues, offloads */
void doctor_check_iptables(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_chains(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_queues(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_offload(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_nat(const struct doctor_facts *facts, struct doctor_list *list);
/* doctor_marks.c: bits, priorities, tables and numbers that others use */
void doctor_check_mark_rules(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_mark_targets(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_mark_habits(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_priorities(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_tables(const struct doctor_facts *facts, struct doctor_list *list);
/* A mask as wide as ours in bits that nobody uses; 0: there is none. */
uint32_t doctor_free_mask(const struct doctor_facts *facts);
/* doctor_uplinks.c: the lines themselves, and who else looks after them */
void doctor_check_uplinks(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_ipv6(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_others(const struct doctor_facts *facts, struct doctor_list *list);
void doctor_check_privilege(const struct doctor_facts *facts, struct doctor_list *list);

#endif
