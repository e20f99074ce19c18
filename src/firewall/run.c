/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run - the iptables programs: found, started without a shell, and heard out.
 *
 * Input goes in as a memory file, so a program that dies early costs no SIGPIPE
 * and no deadlock; output and complaints come back by two pipes that are read
 * together, bounded in size and time. Descriptors are close-on-exec; the child
 * starts with an empty signal mask, since the daemon blocks signals.
 *
 * iptables exists twice, over nf_tables and legacy, and the kernel keeps both sets
 * of rules. "auto" means the one that `iptables` is here, unless only the other has
 * rules. It is found once in a process: chains are looked for where they were put.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

/* iptables-restore waits up to 5 s for the lock of another. */
#define RUN_TIMEOUT_MS 20000
/* iptables-save of a table with very many rules; more is an error. */
#define RUN_OUTPUT_MAX ((size_t)64 << 20)
#define LOCK_WAIT_S "5"

extern char **environ;

static bool find_program(const char *name, char *path, size_t size)
{
	static const char fallback[] = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin";
	const char *const lists[] = {getenv("PATH"), fallback};

	for (size_t i = 0; i < 2; i++) {
		const char *at = lists[i];

		while (at && *at) {
			size_t length = strcspn(at, ":");
			int n = snprintf(path, size, "%.*s/%s", (int)length, at, name);

			/* a relative entry of PATH is no place for a program run as root */
			if (at[0] == '/' && n > 0 && (size_t)n < size && access(path, X_OK) == 0)
				return true;
			at += length;
			at += *at == ':';
		}
	}
	return false;
}

static int memory_file(const char *text)
{
	size_t length = text ? strlen(text) : 0, done = 0;
	int fd = memfd_create("waymark-iptables", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (done < length) {
		ssize_t n = write(fd, text + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto fail;
		done += (size_t)n;
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		goto fail;
	return fd;
fail:;
	int ret = -errno;

	close(fd);
	return ret;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads both until both end. */
static int collect(int output_fd, int errors_fd, struct fw_text *output, struct fw_text *errors)
{
	struct pollfd fds[2] = {{.fd = output_fd, .events = POLLIN},
				{.fd = errors_fd, .events = POLLIN}};
	struct fw_text *texts[2] = {output, errors};
	int64_t deadline = now_ms() + RUN_TIMEOUT_MS;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int64_t left = deadline - now_ms();
		int n = left > 0 ? poll(fds, 2, (int)left) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		for (size_t i = 0; i < 2; i++) {
			char buffer[16384];
			ssize_t got;

			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			got = read(fds[i].fd, buffer, sizeof(buffer));
			if (got < 0 && errno == EINTR)
				continue;
			if (got < 0)
				return -errno;
			if (got == 0) {
				fds[i].fd = -1;
				continue;
			}
			if (texts[i]->length + (size_t)got > RUN_OUTPUT_MAX)
				return -E2BIG;
			fw_text_bytes(texts[i], buffer, (size_t)got);
			if (texts[i]->failed)
				return -ENOMEM;
		}
	}
	return 0;
}

static int spawn(const char *path, const char *const argv[], int input_fd, int output_fd,
		 int errors_fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	char *arguments[16];
	size_t count = 0;
	int ret;

	/* posix_spawn() takes writable strings, but does not write to them */
	while (argv[count] && count < 15) {
		memcpy(&arguments[count], &argv[count], sizeof(char *));
		count++;
	}
	arguments[count] = NULL;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGCHLD);
	ret = posix_spawn_file_actions_init(&actions);
	if (ret)
		return -ret;
	ret = posix_spawnattr_init(&attributes);
	if (ret) {
		posix_spawn_file_actions_destroy(&actions);
		return -ret;
	}
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	ret = posix_spawn_file_actions_adddup2(&actions, input_fd, STDIN_FILENO);
	if (!ret)
		ret = posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
	if (!ret)
		ret = posix_spawn_file_actions_adddup2(&actions, errors_fd, STDERR_FILENO);
	if (!ret)
		ret = posix_spawn(pid, path, &actions, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -ret;
}

int fw_run(const char *const argv[], const char *input, struct fw_text *output,
	   struct fw_text *errors, int *status)
{
	int input_fd = -1, output_pipe[2] = {-1, -1}, errors_pipe[2] = {-1, -1};
	char path[512];
	pid_t pid = -1;
	int wait_status, ret;

	if (!find_program(argv[0], path, sizeof(path)))
		return -ENOENT;
	input_fd = memory_file(input);
	if (input_fd < 0)
		return input_fd;
	if (pipe2(output_pipe, O_CLOEXEC) < 0 || pipe2(errors_pipe, O_CLOEXEC) < 0) {
		ret = -errno;
		goto out;
	}
	ret = spawn(path, argv, input_fd, output_pipe[1], errors_pipe[1], &pid);
	if (ret < 0)
		goto out;
	close(output_pipe[1]);
	close(errors_pipe[1]);
	output_pipe[1] = errors_pipe[1] = -1;
	ret = collect(output_pipe[0], errors_pipe[0], output, errors);
	if (ret < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &wait_status, 0) < 0) {
		if (errno == EINTR)
			continue;
		ret = ret < 0 ? ret : -errno;
		goto out;
	}
	*status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
out:
	close(input_fd);
	for (size_t i = 0; i < 2; i++) {
		if (output_pipe[i] >= 0)
			close(output_pipe[i]);
		if (errors_pipe[i] >= 0)
			close(errors_pipe[i]);
	}
	return ret;
}

/* ---- the tools ---- */

static const char *program_name(char *buffer, size_t size, const struct fw_tools *tools, int family,
				const char *suffix)
{
	snprintf(buffer, size, "%s%s%s", family == 6 ? "ip6tables" : "iptables", tools->infix,
		 suffix);
	return buffer;
}

/* iptables speaks in several lines: the first that says something. */
static void first_complaint(const struct fw_text *errors, char *buffer, size_t size)
{
	const char *at = errors->data ? errors->data : "";

	buffer[0] = '\0';
	while (*at) {
		size_t length = strcspn(at, "\n");

		if (length && at[0] != '#' && strncmp(at, "Try `", 5) != 0 &&
		    strncmp(at, "Error occurred", 14) != 0) {
			size_t used = strlen(buffer);
			int n = snprintf(buffer + used, size - used, "%s%.*s", used ? "; " : "",
					 (int)length, at);

			if (n < 0 || (size_t)n >= size - used)
				return;
		}
		at += length;
		at += *at == '\n';
	}
}

/* Runs one of the tools; anything but exit 0 becomes a finding, and -errno. */
static int run_tool(const char *const argv[], const char *input, struct fw_text *output,
		    struct diag_list *diags)
{
	struct fw_text errors = {0}, discarded = {0};
	char complaint[512];
	int status = 0, ret;

	ret = fw_run(argv, input, output ? output : &discarded, &errors, &status);
	if (ret == -ENOENT) {
		if (diags)
			diag_error(diags, NULL, 0, "%s: not found in PATH or the sbin directories",
				   argv[0]);
	} else if (ret < 0) {
		if (diags)
			diag_error(diags, NULL, 0, "%s: %s", argv[0], strerror(-ret));
	} else if (status != 0) {
		first_complaint(&errors, complaint, sizeof(complaint));
		ret = strstr(complaint, "Permission denied") ||
				      strstr(complaint, "you must be root") ||
				      strstr(complaint, "Operation not permitted")
			      ? -EPERM
		      : strstr(complaint, "Table does not exist") ||
				      strstr(complaint, "not supported")
			      ? -EOPNOTSUPP
			      : -EIO;
		if (diags && complaint[0])
			diag_error(diags, NULL, 0, "%s%s%s",
				   strncmp(complaint, "ip", 2) == 0 ? "" : argv[0],
				   strncmp(complaint, "ip", 2) == 0 ? "" : ": ", complaint);
		else if (diags)
			diag_error(diags, NULL, 0, "%s: exit status %d", argv[0], status);
	}
	fw_text_release(&errors);
	fw_text_release(&discarded);
	return ret;
}

static bool family_has_legacy_tables(int family)
{
	FILE *names = fopen(
		family == 6 ? "/proc/net/ip6_tables_names" : "/proc/net/ip_tables_names", "re");
	char line[64];
	bool found = false;

	/* asking iptables-legacy-save would create the tables */
	if (!names)
		return false;
	while (!found && fgets(line, sizeof(line), names))
		for (int i = 0; i < FW_TABLE_COUNT; i++)
			found |= strncmp(line, fw_table_names[i], strlen(fw_table_names[i])) == 0;
	fclose(names);
	return found;
}

/* Any rule of anybody, in any table; IPv4 stands for both. */
static bool has_rules(const struct fw_tools *tools)
{
	char name[64];
	const char *const argv[] = {program_name(name, sizeof(name), tools, 4, "-save"), NULL};
	struct fw_text output = {0};
	bool found;

	found = run_tool(argv, NULL, &output, NULL) == 0 && output.data &&
		strstr(output.data, "\n-A ") != NULL;
	fw_text_release(&output);
	return found;
}

static bool legacy_has_tables(void)
{
	FILE *names = fopen("/proc/net/ip_tables_names", "re");
	bool found;

	if (!names)
		return false;
	found = fgetc(names) != EOF;
	fclose(names);
	return found;
}

static bool installed(const struct fw_tools *tools)
{
	char name[64], path[512];

	return find_program(program_name(name, sizeof(name), tools, 4, "-restore"), path,
			    sizeof(path));
}

static int plain_variant(enum fw_variant *variant, struct diag_list *diags)
{
	const char *const argv[] = {"iptables", "-V", NULL};
	struct fw_text output = {0};
	int ret = run_tool(argv, NULL, &output, diags);

	if (ret == 0)
		*variant = output.data && strstr(output.data, "nf_tables") ? FW_NFT : FW_LEGACY;
	fw_text_release(&output);
	return ret;
}

bool fw_tools_other(const struct fw_tools *tools, struct fw_tools *other)
{
	other->variant = tools->variant == FW_NFT ? FW_LEGACY : FW_NFT;
	other->infix = other->variant == FW_NFT ? "-nft" : "-legacy";
	return installed(other);
}

static int find_auto(struct fw_tools *tools, struct diag_list *diags)
{
	struct fw_tools plain = {.infix = ""}, other;
	const struct fw_tools *chosen = &plain;
	int ret;

	ret = plain_variant(&plain.variant, diags);
	if (ret < 0)
		return ret;
	if (fw_tools_other(&plain, &other)) {
		bool legacy = legacy_has_tables();
		bool plain_rules = (plain.variant == FW_NFT || legacy) && has_rules(&plain);
		bool other_rules =
			!plain_rules && (other.variant == FW_NFT || legacy) && has_rules(&other);

		if (other_rules)
			chosen = &other;
	}
	*tools = *chosen;
	return 0;
}

int fw_tools_find(enum conf_firewall_command command, struct fw_tools *tools,
		  struct diag_list *diags)
{
	/* the answer for "auto" must stay what it was when the chains were put in place */
	static struct fw_tools found;
	static bool have_found;
	int ret;

	switch (command) {
	case CONF_IPTABLES_NFT:
		*tools = (struct fw_tools){.variant = FW_NFT, .infix = "-nft"};
		return 0;
	case CONF_IPTABLES_LEGACY:
		*tools = (struct fw_tools){.variant = FW_LEGACY, .infix = "-legacy"};
		return 0;
	case CONF_IPTABLES:
		tools->infix = "";
		return plain_variant(&tools->variant, diags);
	case CONF_IPTABLES_AUTO:
		break;
	}
	if (!have_found) {
		ret = find_auto(&found, diags);
		if (ret < 0)
			return ret;
		have_found = true;
	}
	*tools = found;
	return 0;
}

int fw_save(const struct fw_tools *tools, int family, struct fw_text *output,
	    struct diag_list *diags)
{
	char name[64];
	int ret = 0;

	if (tools->variant == FW_LEGACY && !family_has_legacy_tables(family))
		return 0;
	program_name(name, sizeof(name), tools, family, "-save");
	for (int i = 0; i < FW_TABLE_COUNT && ret == 0; i++) {
		const char *const argv[] = {name, "-t", fw_table_names[i], NULL};

		ret = run_tool(argv, NULL, output, diags);
	}
	return ret;
}

int fw_restore(const struct fw_tools *tools, int family, const char *input, struct diag_list *diags)
{
	char name[64];
	const char *const argv[] = {program_name(name, sizeof(name), tools, family, "-restore"),
				    "--noflush", "-w", LOCK_WAIT_S, NULL};

	return run_tool(argv, input, NULL, diags);
}

bool fw_family_available(int family, struct diag_list *diags)
{
	if (family != 6 || access("/proc/net/if_inet6", F_OK) == 0)
		return true;
	if (diags)
		diag_note(diags, NULL, 0, "this kernel has no ipv6: its chains are left out");
	return false;
}
