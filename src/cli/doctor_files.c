/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sysctls, queues and other programs, as /proc and /etc tell of them.
 *
 * A queue's owner is a netlink port, which is a process id by habit only: /proc/net/netlink leads
 * from the port to a socket, and the processes' descriptors from there to a program. Of other
 * programs only those count that are in our network namespace, where that can be seen.
 */
#include "doctor_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <linux/netlink.h>

int64_t doctor_sysctl_read(const char *path)
{
	char whole[160], text[32] = "", *end;
	FILE *file;
	long long value;

	snprintf(whole, sizeof(whole), "/proc/sys/%s", path);
	file = fopen(whole, "re");
	if (!file)
		return DOCTOR_UNKNOWN;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	value = strtoll(text, &end, 10);
	return end == text || value < 0 ? DOCTOR_UNKNOWN : value;
}

void doctor_sysctls_gather(struct doctor_sysctls *sysctls)
{
	*sysctls = (struct doctor_sysctls){
		.ip_forward = doctor_sysctl_read("net/ipv4/ip_forward"),
		.ip6_forwarding = doctor_sysctl_read("net/ipv6/conf/all/forwarding"),
		.all_rp_filter = doctor_sysctl_read("net/ipv4/conf/all/rp_filter"),
		.all_src_valid_mark = doctor_sysctl_read("net/ipv4/conf/all/src_valid_mark"),
		.fwmark_reflect4 = doctor_sysctl_read("net/ipv4/fwmark_reflect"),
		.fwmark_reflect6 = doctor_sysctl_read("net/ipv6/fwmark_reflect"),
		.tcp_fwmark_accept = doctor_sysctl_read("net/ipv4/tcp_fwmark_accept"),
		.conntrack_max = doctor_sysctl_read("net/netfilter/nf_conntrack_max"),
		.conntrack_count = doctor_sysctl_read("net/netfilter/nf_conntrack_count"),
		.conntrack_loose = doctor_sysctl_read("net/netfilter/nf_conntrack_tcp_loose"),
		.conntrack_acct = doctor_sysctl_read("net/netfilter/nf_conntrack_acct"),
		.bridge_iptables = doctor_sysctl_read("net/bridge/bridge-nf-call-iptables"),
		.bridge_ip6tables = doctor_sysctl_read("net/bridge/bridge-nf-call-ip6tables"),
	};
}

/* ---- processes ---- */

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(line, (int)size, file);

	if (file)
		fclose(file);
	if (read)
		line[strcspn(line, "\n")] = '\0';
	return read;
}

/* In our network namespace, as far as one may look. */
static bool is_near(const char *pid)
{
	char path[64], theirs[64], ours[64];
	ssize_t a, b;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	a = readlink(path, theirs, sizeof(theirs));
	b = readlink("/proc/self/ns/net", ours, sizeof(ours));
	return a < 0 || b < 0 || (a == b && memcmp(ours, theirs, (size_t)a) == 0);
}

static void take_process(struct doctor_others *others, const char *pid)
{
	char path[64], name[64];

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	if (!read_line(path, name, sizeof(name)) || !is_near(pid))
		return;
	/* the kernel keeps 15 bytes of a name */
	others->networkd |= strcmp(name, "systemd-network") == 0;
	others->network_manager |= strcmp(name, "NetworkManager") == 0;
	others->mwan3 |= strcmp(name, "mwan3track") == 0 || strcmp(name, "mwan3rtmon") == 0;
}

/* ---- networkd's settings ---- */

static bool says_yes(const char *value)
{
	return strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0 ||
	       strcasecmp(value, "on") == 0 || strcmp(value, "1") == 0;
}

bool doctor_networkd_read(const char *path, bool *keeps)
{
	static const char key[] = "ManageForeignRoutingPolicyRules";
	FILE *file = fopen(path, "re");
	bool network = false, found = false;
	char line[512];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		char *at = line + strspn(line, " \t"), *end = at + strlen(at);

		while (end > at && isspace((unsigned char)end[-1]))
			*--end = '\0';
		if (*at == '[')
			network = strcmp(at, "[Network]") == 0;
		if (!network || strncmp(at, key, sizeof(key) - 1) != 0)
			continue;
		at += sizeof(key) - 1;
		at += strspn(at, " \t");
		if (*at != '=')
			continue;
		at += 1 + strspn(at + 1, " \t");
		*keeps = !says_yes(at);
		found = true;
	}
	fclose(file);
	return found;
}

int doctor_is_conf(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/*
 * The file, then the drop-ins of all directories by name; systemd has the last word of equal names
 * from /etc. A name that stands in several is rare enough to be read from each in turn.
 */
static bool networkd_keeps(void)
{
	static const char *const roots[] = {"/usr/lib/systemd", "/run/systemd", "/etc/systemd"};
	bool keeps = false;
	char path[512];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(path, sizeof(path), "%s/networkd.conf", roots[i]);
		doctor_networkd_read(path, &keeps);
	}
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		struct dirent **entries;
		int count;

		snprintf(path, sizeof(path), "%s/networkd.conf.d", roots[i]);
		count = scandir(path, &entries, doctor_is_conf, alphasort);
		for (int n = 0; n < count; n++) {
			snprintf(path, sizeof(path), "%s/networkd.conf.d/%s", roots[i],
				 entries[n]->d_name);
			doctor_networkd_read(path, &keeps);
			free(entries[n]);
		}
		if (count >= 0)
			free(entries);
	}
	return keeps;
}

struct command {
	const char *program, *command;
};

static const struct command installers[] = {
	{"/usr/bin/apt-get", "apt-get install"},
	{"/usr/bin/dnf", "dnf install"},
	{"/usr/bin/zypper", "zypper install"},
	{"/usr/bin/pacman", "pacman -S"},
	{"/sbin/apk", "apk add"},
	{"/bin/opkg", "opkg install"},
	{NULL, NULL},
};

static const struct command dhcp_clients[] = {
	{"/sbin/dhclient", "dhclient -v"},
	{"/usr/sbin/dhclient", "dhclient -v"},
	{"/sbin/dhcpcd", "dhcpcd -n"},
	{"/usr/sbin/dhcpcd", "dhcpcd -n"},
	{"/sbin/udhcpc", "udhcpc -n -q -i"},
	{"/usr/sbin/udhcpc", "udhcpc -n -q -i"},
	{NULL, NULL},
};

static const char *first_of(const struct command *known)
{
	while (known->program && access(known->program, X_OK) != 0)
		known++;
	return known->command;
}

void doctor_others_gather(struct doctor_others *others)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;

	while (processes && (entry = readdir(processes)))
		if (is_number(entry->d_name))
			take_process(others, entry->d_name);
	if (processes)
		closedir(processes);
	others->mwan3 |= access("/etc/init.d/mwan3", F_OK) == 0;
	others->pbr = access("/etc/init.d/pbr", F_OK) == 0;
	others->networkd_keeps = networkd_keeps();
	others->installer = first_of(installers);
	others->dhcp = first_of(dhcp_clients);
}

/* ---- queues ---- */

/* The inode of the netfilter socket of that port; 0: none. */
static unsigned long socket_of_port(uint32_t port)
{
	FILE *list = fopen("/proc/net/netlink", "re");
	unsigned long found = 0;
	char line[256];

	while (list && !found && fgets(line, sizeof(line), list)) {
		unsigned protocol;
		uint32_t portid;
		unsigned long inode;

		if (sscanf(line, "%*s %u %" SCNu32 " %*s %*s %*s %*s %*s %*s %lu", &protocol,
			   &portid, &inode) == 3 &&
		    protocol == NETLINK_NETFILTER && portid == port)
			found = inode;
	}
	if (list)
		fclose(list);
	return found;
}

static bool holds_socket(const char *pid, const char *wanted)
{
	char path[320], link[64];
	const struct dirent *entry;
	bool found = false;
	DIR *descriptors;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	descriptors = opendir(path);
	while (descriptors && !found && (entry = readdir(descriptors))) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.255s", pid, entry->d_name);
		length = readlink(path, link, sizeof(link) - 1);
		if (length < 0)
			continue;
		link[length] = '\0';
		found = strcmp(link, wanted) == 0;
	}
	if (descriptors)
		closedir(descriptors);
	return found;
}

static void find_owner(struct doctor_queue *queue)
{
	unsigned long inode = socket_of_port(queue->portid);
	DIR *processes = inode ? opendir("/proc") : NULL;
	const struct dirent *entry;
	char wanted[48], path[64];

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	while (processes && !queue->pid && (entry = readdir(processes))) {
		if (!is_number(entry->d_name) || !holds_socket(entry->d_name, wanted))
			continue;
		queue->pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		if (!read_line(path, queue->program, sizeof(queue->program)))
			queue->program[0] = '\0';
	}
	if (processes)
		closedir(processes);
}

bool doctor_queues_gather(struct doctor_facts *facts)
{
	FILE *list = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
	char line[256];

	if (!list)
		return false;
	while (facts->queue_count < DOCTOR_QUEUES_MAX && fgets(line, sizeof(line), list)) {
		struct doctor_queue queue = {0};

		if (sscanf(line, "%u %" SCNu32, &queue.number, &queue.portid) != 2)
			continue;
		find_owner(&queue);
		facts->queues[facts->queue_count++] = queue;
	}
	fclose(list);
	return true;
}
