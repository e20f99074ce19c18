/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running kernel was built with, by the names of its options.
 *
 * Three sources, in the order of their worth. What is seen to work is there, whatever a file says.
 * The kernel's own list (/proc/config.gz, or the file that its package left beside it) says y, m
 * or n; both forms are read by zlib, since the one place that cannot belong to another kernel is
 * gzipped. Where neither is to be had, a loaded or installed module is as good as an option. What
 * none of them tells stays unknown, and is not found missing.
 *
 * An option that another one implies (IP_ADVANCED_ROUTER, by IP_MULTIPLE_TABLES) is not told apart
 * from it by a probe: both work or neither does.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <zlib.h>

#include "doctor.h"

#define CHAINS DOCTOR_NEEDED_CHAINS
#define IPV6 DOCTOR_NEEDED_IPV6
#define NFT DOCTOR_NEEDED_NFT
#define LEGACY DOCTOR_NEEDED_LEGACY
#define ROUTING DOCTOR_NEEDED_ROUTING
#define SETS DOCTOR_NEEDED_SETS
#define MARKS DOCTOR_NEEDED_MARKS

const struct doctor_option doctor_options[] = {
	{"IP_ADVANCED_ROUTER", NULL, NULL, ROUTING,
	 "there are no policy rules without it: no mark steers anything"},
	{"IP_MULTIPLE_TABLES", NULL, NULL, ROUTING,
	 "the kernel takes no fwmark rule: no mark steers anything"},
	{"IPV6_MULTIPLE_TABLES", NULL, NULL, ROUTING | IPV6,
	 "the kernel takes no IPv6 fwmark rule: IPv6 follows main, whatever the policy says"},
	{"NETFILTER_NETLINK_QUEUE", NULL, "nfnetlink_queue", 0,
	 "packets cannot reach waymarkd: nothing is classified"},
	{"NETFILTER_XT_TARGET_NFQUEUE", NULL, "xt_NFQUEUE", CHAINS,
	 "iptables cannot send packets to a queue: nothing is classified"},
	{"NETFILTER_XT_TARGET_MARK", "NETFILTER_XT_MARK", "xt_mark", CHAINS | MARKS,
	 "iptables cannot set the packet's mark: flows older than the daemon are not told apart"},
	{"NETFILTER_XT_TARGET_CONNMARK", "NETFILTER_XT_CONNMARK", "xt_connmark", CHAINS | MARKS,
	 "decisions cannot be kept with the connection: only a flow's first packets are steered"},
	{"NETFILTER_XT_MATCH_MARK", "NETFILTER_XT_MARK", "xt_mark", CHAINS,
	 "decided flows cannot be told from undecided ones: the chains cannot be put in place"},
	{"NETFILTER_XT_MATCH_CONNMARK", "NETFILTER_XT_CONNMARK", "xt_connmark", CHAINS | MARKS,
	 "with main_first off, what comes in by an uplink cannot be told: the chains cannot be put "
	 "in "
	 "place"},
	{"NETFILTER_XT_MATCH_CONNTRACK", NULL, "xt_conntrack", CHAINS,
	 "originals cannot be told from replies: the chains cannot be put in place"},
	{"NETFILTER_XT_MATCH_ADDRTYPE", NULL, "xt_addrtype", CHAINS,
	 "local and broadcast packets cannot be left out: the chains cannot be put in place"},
	{"NF_CONNTRACK", NULL, "nf_conntrack", 0,
	 "there are no connections to remember a decision with"},
	{"NF_CONNTRACK_MARK", NULL, NULL, MARKS,
	 "connections have no mark: only a flow's first packets are steered"},
	{"NF_CT_NETLINK", NULL, "nf_conntrack_netlink", MARKS,
	 "a failed uplink's connections cannot be removed: NATed and UDP flows stay on it"},
	{"IP_NF_MANGLE", NULL, "iptable_mangle", CHAINS | LEGACY,
	 "there is no mangle table: the chains cannot be put in place"},
	{"IP_NF_SECURITY", NULL, "iptable_security", CHAINS | LEGACY,
	 "there is no security table: local packets cannot be queued after they were rerouted"},
	{"IP6_NF_MANGLE", NULL, "ip6table_mangle", CHAINS | LEGACY | IPV6,
	 "there is no IPv6 mangle table: IPv6 follows main, whatever the policy says"},
	{"IP6_NF_SECURITY", NULL, "ip6table_security", CHAINS | LEGACY | IPV6,
	 "there is no IPv6 security table: local IPv6 packets cannot be queued"},
	{"NF_TABLES", NULL, "nf_tables", CHAINS | NFT,
	 "this iptables works over nf_tables: the chains cannot be put in place"},
	{"NF_TABLES_IPV4", "NF_TABLES_INET", NULL, CHAINS | NFT,
	 "nf_tables has no IPv4: the chains cannot be put in place"},
	{"NF_TABLES_IPV6", "NF_TABLES_INET", NULL, CHAINS | NFT | IPV6,
	 "nf_tables has no IPv6: IPv6 follows main, whatever the policy says"},
	{"NFT_COMPAT", NULL, "nft_compat", CHAINS | NFT,
	 "iptables over nf_tables has no targets of its own without it: the chains cannot be put "
	 "in "
	 "place"},
	{"IP_SET", NULL, "ip_set", SETS, "rules with @set: never match"},
};

size_t doctor_option_count(void)
{
	return sizeof(doctor_options) / sizeof(doctor_options[0]);
}

_Static_assert(sizeof(doctor_options) / sizeof(doctor_options[0]) <= DOCTOR_OPTIONS_MAX,
	       "facts have room for every option");

/* ---- the list of options ---- */

static enum doctor_option_state state_of(const char *value)
{
	return *value == 'y'   ? DOCTOR_OPTION_YES
	       : *value == 'm' ? DOCTOR_OPTION_MODULE
			       : DOCTOR_OPTION_NO;
}

/* One of two symbols is enough, so the better state of a line stays. */
static void take_line(const char *line, struct doctor_kernel *kernel)
{
	size_t length = strcspn(line, "=");

	if (strncmp(line, "CONFIG_", 7) != 0 || line[length] != '=')
		return;
	line += 7;
	length -= 7;
	for (size_t i = 0; i < doctor_option_count(); i++) {
		const char *const symbols[] = {doctor_options[i].symbol, doctor_options[i].other};

		for (size_t s = 0; s < 2; s++) {
			enum doctor_option_state state = state_of(line + length + 1);

			if (symbols[s] && strlen(symbols[s]) == length &&
			    strncmp(symbols[s], line, length) == 0 && state > kernel->options[i])
				kernel->options[i] = state;
		}
	}
}

bool doctor_options_read(const char *path, struct doctor_kernel *kernel)
{
	gzFile file = gzopen(path, "re"); /* plain text as well */
	bool any = false;
	char line[512];

	if (!file)
		return false;
	/* what the list does not set is not there */
	while (gzgets(file, line, sizeof(line))) {
		if (!any)
			for (size_t i = 0; i < doctor_option_count(); i++)
				kernel->options[i] = DOCTOR_OPTION_NO;
		any = true;
		take_line(line, kernel);
	}
	gzclose_r(file);
	return any;
}

static void gather_options(struct doctor_kernel *kernel)
{
	static const char *const places[] = {"/proc/config.gz", "/boot/config-%s",
					     "/lib/modules/%s/config",
					     "/lib/modules/%s/build/.config"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !kernel->source[0]; i++) {
		const char *at = strstr(places[i], "%s");
		char path[128];

		if (at)
			snprintf(path, sizeof(path), "%.*s%s%s", (int)(at - places[i]), places[i],
				 kernel->release, at + 2);
		else
			snprintf(path, sizeof(path), "%s", places[i]);
		if (doctor_options_read(path, kernel))
			memcpy(kernel->source, path, sizeof(path));
	}
}

/* ---- modules ---- */

/* "…/xt_mark.ko.zst: …" or "xt_mark 16384 …"; names are written with either of '-' and '_'. */
static bool names_module(const char *text, size_t length, const char *module)
{
	for (size_t i = 0; i < length; i++)
		if (module[i] == '\0' || (text[i] == '-' ? '_' : text[i]) != module[i])
			return false;
	return module[length] == '\0';
}

static bool take_modules(const char *path, bool seen[DOCTOR_OPTIONS_MAX])
{
	FILE *file = fopen(path, "re");
	char line[4096];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		char *end = line + strcspn(line, ": \n"), *name;
		size_t length;

		*end = '\0';
		name = strrchr(line, '/');
		name = name ? name + 1 : line;
		length = strcspn(name, ".");
		for (size_t i = 0; i < doctor_option_count(); i++)
			if (doctor_options[i].module &&
			    names_module(name, length, doctor_options[i].module))
				seen[i] = true;
	}
	fclose(file);
	return true;
}

static void gather_modules(struct doctor_kernel *kernel)
{
	FILE *file = fopen("/proc/sys/kernel/modules_disabled", "re");
	char path[128];

	if (file) {
		kernel->modules_disabled = fgetc(file) == '1';
		fclose(file);
	}
	snprintf(path, sizeof(path), "/lib/modules/%s", kernel->release);
	kernel->modules_missing = access(path, F_OK) != 0;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", kernel->release);
	kernel->modules_known = take_modules(path, kernel->has_module);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", kernel->release);
	take_modules(path, kernel->works);
	take_modules("/proc/modules", kernel->works);
}

/* ---- what is seen to work ---- */

static void works(struct doctor_kernel *kernel, const char *symbol, bool seen)
{
	for (size_t i = 0; seen && i < doctor_option_count(); i++)
		if (strcmp(doctor_options[i].symbol, symbol) == 0)
			kernel->works[i] = true;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* x_tables lists the names of what it has, to root. */
static bool lists(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char line[64];

	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found = strcmp(line, name) == 0;
	}
	if (file)
		fclose(file);
	return found;
}

void doctor_kernel_gather(struct doctor_kernel *kernel)
{
	static const char *const names[][3] = {
		{"NETFILTER_XT_TARGET_NFQUEUE", "targets", "NFQUEUE"},
		{"NETFILTER_XT_TARGET_MARK", "targets", "MARK"},
		{"NETFILTER_XT_TARGET_CONNMARK", "targets", "CONNMARK"},
		{"NETFILTER_XT_MATCH_MARK", "matches", "mark"},
		{"NETFILTER_XT_MATCH_CONNMARK", "matches", "connmark"},
		{"NETFILTER_XT_MATCH_CONNTRACK", "matches", "conntrack"},
		{"NETFILTER_XT_MATCH_ADDRTYPE", "matches", "addrtype"},
		{"IP_NF_MANGLE", "names", "mangle"},
		{"IP_NF_SECURITY", "names", "security"},
	};
	struct utsname system;

	if (uname(&system) == 0)
		snprintf(kernel->release, sizeof(kernel->release), "%.64s", system.release);
	gather_options(kernel);
	gather_modules(kernel);
	works(kernel, "NETFILTER_NETLINK_QUEUE", exists("/proc/net/netfilter/nfnetlink_queue"));
	works(kernel, "NF_CONNTRACK", exists("/proc/sys/net/netfilter/nf_conntrack_max"));
	works(kernel, "IP6_NF_MANGLE", lists("/proc/net/ip6_tables_names", "mangle"));
	works(kernel, "IP6_NF_SECURITY", lists("/proc/net/ip6_tables_names", "security"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/net/ip_tables_%s", names[i][1]);
		works(kernel, names[i][0], lists(path, names[i][2]));
	}
}
