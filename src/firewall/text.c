/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text - text that grows, and a plan as the listing that a user can hand to iptables-restore.
 *
 * Who writes need not look at each step: what failed once (memory, a line that is too long) stays
 * failed, and is asked for at the end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

void fw_text_release(struct fw_text *text)
{
	free(text->data);
	memset(text, 0, sizeof(*text));
}

void fw_text_bytes(struct fw_text *text, const char *bytes, size_t length)
{
	if (text->failed)
		return;
	if (text->capacity - text->length <= length) {
		size_t capacity = (text->length + length + 1) * 2;
		char *data = realloc(text->data, capacity);

		if (!data) {
			text->failed = true;
			return;
		}
		text->data = data;
		text->capacity = capacity;
	}
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void fw_text_printf(struct fw_text *text, const char *format, ...)
{
	char line[1024];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(line))
		text->failed = true;
	else
		fw_text_bytes(text, line, (size_t)length);
}

char *firewall_render(const struct conf *conf, int family, enum firewall_stage stage)
{
	struct fw_plan plan;
	struct fw_text text = {0};

	if (fw_plan_build(&plan, conf, family, stage) < 0)
		goto out;
	fw_text_printf(&text, "# waymark, IPv%d: %s --noflush -w < this\n", family,
		       family == 6 ? "ip6tables-restore" : "iptables-restore");
	for (int table = 0; table < FW_TABLE_COUNT; table++) {
		bool open = false;

		for (int i = 0; i < FW_CHAIN_COUNT; i++) {
			if (!plan.chains[i].wanted || fw_chain_names[i].table != (unsigned)table)
				continue;
			if (!open)
				fw_text_printf(&text, "*%s\n", fw_table_names[table]);
			open = true;
			fw_text_printf(&text, ":%s - [0:0]\n", fw_chain_names[i].name);
		}
		if (!open)
			continue;
		for (int i = 0; i < FW_CHAIN_COUNT; i++)
			for (size_t r = 0;
			     fw_chain_names[i].table == (unsigned)table && r < plan.chains[i].count;
			     r++)
				fw_text_printf(&text, "%s\n", plan.chains[i].rules[r]);
		for (size_t j = 0; j < plan.jump_count; j++)
			if (plan.jumps[j].table == (unsigned)table)
				fw_text_printf(&text, "%s\n", plan.jumps[j].text);
		fw_text_printf(&text, "COMMIT\n");
	}
out:
	fw_plan_release(&plan);
	if (text.failed) {
		fw_text_release(&text);
		return NULL;
	}
	return text.data;
}
