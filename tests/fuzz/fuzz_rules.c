/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text as a rules file (in memory, read by its /proc/self/fd path): it must be
 * refused with a finding, or become a ruleset that can be asked, with no evidence
 * and with evidence made of the text's own first bytes.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <waymark/rules.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the string in work when a syntax error ends it. */
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\n";
}

static void ask(const struct ruleset *rules, const uint8_t *data, size_t size)
{
	struct rule_facts facts = {.has_ports = true, .has_tcp = true, .hook = RULE_HOOK_FORWARD};
	struct evidence evidence = {0};
	struct rule_match match;
	uint8_t bytes[64] = {0};
	int32_t open[4];

	memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
	facts.src = bytes[0] & 1 ? ip_v4(bytes) : ip_v6(bytes);
	facts.dst = bytes[0] & 2 ? ip_v4(bytes + 16) : ip_v6(bytes + 16);
	facts.proto = bytes[32];
	facts.dport = (uint16_t)(bytes[33] << 8 | bytes[34]);
	memcpy(&facts.time_us, bytes + 40, sizeof(facts.time_us));
	memcpy(evidence.host, bytes, 32);
	evidence.host_length = (uint8_t)strlen(evidence.host);
	evidence.apps_done = bytes[48] & 1;
	ruleset_match(rules, &facts, NULL, NULL, NULL, &match);
	if (match.rule >= (int32_t)ruleset_count(rules))
		abort();
	ruleset_match(rules, &facts, &evidence, NULL, NULL, &match);
	/* what ruleset_match() counted must be what ruleset_open_rules() lists */
	if (ruleset_open_rules(rules, &facts, &evidence, NULL, NULL, match.rule, open, 4) !=
	    match.open_count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rules_target targets[] = {
		{.name = "cable", .value = 2, .group = RULES_NO_GROUP},
		{.name = "mail", .value = 1, .group = RULES_NO_GROUP, .nat = true},
		{.name = "any", .group = 0, .nat = true},
	};
	struct rules_options options = {.targets = targets, .target_count = 3};
	struct diag_list diags = DIAG_LIST_INIT;
	struct rules_builder *builder;
	struct ruleset *rules = NULL;
	char path[32];
	int fd;

	mark_layout_init(&options.mark, 0xff);
	fd = memfd_create("rules", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) == (ssize_t)size) {
		builder = rules_builder_new(&options, &diags);
		if (builder) {
			rules_add_file(builder, path, false);
			rules = rules_build(builder);
			rules_builder_free(builder);
		}
		if (!rules && diags.errors == 0)
			abort();
		if (rules)
			ask(rules, data, size);
	}
	ruleset_free(rules);
	diag_list_release(&diags);
	close(fd);
	return 0;
}
