/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everybody's rules of both variants, as they are.
 *
 * apply and check look at two tables of the variant that is ours. Whoever asks what else there is
 * needs all tables of both. The order of what is asked matters: iptables-legacy-save
 * registers each table that it prints, and with it hooks that were not there before; so it runs
 * only where /proc says that legacy tables exist. iptables-nft-save creates nothing.
 * The programs are found by running them: a variant is here if one of its names answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/firewall_look.h>

#include "private.h"

static const char *const infixes[FIREWALL_VARIANTS] = {"-nft", "-legacy"};

static const char *name_of(char name[64], int family, const char *infix, const char *suffix)
{
	snprintf(name, 64, "%s%s%s", family == 6 ? "ip6tables" : "iptables", infix, suffix);
	return name;
}

/* 0, or -errno; the program's own failure is -EACCES: it has no other reason to fail at a look. */
static int ask(const char *const argv[], char **answer)
{
	struct fw_text output = {0}, errors = {0};
	int status = 0, result = fw_run(argv, NULL, &output, &errors, &status);

	if (result == 0 && (output.failed || errors.failed))
		result = -ENOMEM;
	if (result == 0 && status != 0)
		result = -EACCES;
	*answer = NULL;
	if (result == 0) {
		*answer = output.data ? output.data : strdup("");
		output.data = NULL;
		if (!*answer)
			result = -ENOMEM;
	}
	fw_text_release(&output);
	fw_text_release(&errors);
	return result;
}

/* True: "iptables<infix>" is here; `variant` is what it says it is. */
static bool answers(const char *infix, enum firewall_variants *variant)
{
	char name[64], *version;
	const char *const argv[] = {name_of(name, 4, infix, ""), "-V", NULL};

	if (ask(argv, &version) != 0)
		return false;
	*variant = strstr(version, "nf_tables") ? FIREWALL_NFT : FIREWALL_LEGACY;
	free(version);
	return true;
}

enum legacy_tables { LEGACY_NONE, LEGACY_SOME, LEGACY_HIDDEN };

static enum legacy_tables legacy_tables(int family)
{
	FILE *names = fopen(
		family == 6 ? "/proc/net/ip6_tables_names" : "/proc/net/ip_tables_names", "re");
	int first;

	if (!names)
		return errno == EACCES ? LEGACY_HIDDEN : LEGACY_NONE;
	first = fgetc(names);
	fclose(names);
	return first == EOF ? LEGACY_NONE : LEGACY_SOME;
}

static int save(struct firewall_look *look, enum firewall_variants variant, const char *infix)
{
	for (int i = 0; i < 2; i++) {
		int family = i == 0 ? 4 : 6, result;
		char name[64];
		const char *const argv[] = {name_of(name, family, infix, "-save"), NULL};

		if (variant == FIREWALL_LEGACY) {
			enum legacy_tables tables = legacy_tables(family);

			look->hidden[variant] |= tables == LEGACY_HIDDEN;
			if (tables != LEGACY_SOME)
				continue;
		}
		if (family == 6 && !fw_family_available(6, NULL))
			continue;
		result = ask(argv, &look->saved[variant][i]);
		if (result == -ENOMEM)
			return result;
		look->hidden[variant] |= result != 0;
	}
	return 0;
}

static void look_at_chosen(const struct conf *conf, struct firewall_look *look)
{
	char name[64], *help;
	struct fw_tools tools = {.infix = ""};
	enum firewall_variants variant;

	look->infix = "";
	if (fw_tools_find(conf->firewall.command, &tools, NULL) < 0)
		return;
	look->infix = tools.infix;
	look->chosen = tools.variant == FW_NFT ? FIREWALL_NFT : FIREWALL_LEGACY;
	look->chosen_installed = answers(tools.infix, &variant);
	if (look->chosen_installed) {
		const char *const argv[] = {name_of(name, 4, tools.infix, ""), "-j", "NFQUEUE",
					    "--help", NULL};

		/* what cannot be asked is not held against it */
		if (ask(argv, &help) == 0) {
			look->no_queue_bypass = !strstr(help, "queue-bypass");
			free(help);
		}
	}
}

int firewall_look(const struct conf *conf, struct firewall_look *look)
{
	enum firewall_variants plain = FIREWALL_NFT, same;
	bool has_plain = answers("", &plain);

	look_at_chosen(conf, look);
	for (int v = 0; v < FIREWALL_VARIANTS; v++) {
		enum firewall_variants variant = (enum firewall_variants)v;
		const char *infix = infixes[v];
		int result;

		look->installed[v] = answers(infix, &same);
		if (!look->installed[v] && has_plain && plain == variant) {
			look->installed[v] = true;
			infix = "";
		}
		if (!look->installed[v])
			continue;
		result = save(look, variant, infix);
		if (result < 0)
			return result;
	}
	return 0;
}

void firewall_look_release(struct firewall_look *look)
{
	for (int v = 0; v < FIREWALL_VARIANTS; v++)
		for (int i = 0; i < 2; i++)
			free(look->saved[v][i]);
	memset(look, 0, sizeof(*look));
}
