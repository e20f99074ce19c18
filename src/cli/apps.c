/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apps - what flows turned out to be, for people: `stats --apps` and `replay --apps`.
 *
 * Known apps first. Then the unknown, a paragraph for each port: what all its flows begin with, as
 * the next pattern would say it, and some of them byte by byte. The bytes are a stranger's: they
 * are shown as hex and printable ASCII only.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 16
#define GROUP_BYTES 4
#define LABEL_WIDTH 11

static json_int_t count_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *plural(json_int_t count)
{
	return count == 1 ? "" : "s";
}

/* ---- known ---- */

static void print_known(const json_t *known)
{
	static const struct cli_column columns[] = {
		{"app", "app", false, NULL},
		{"flows", "flows", true, NULL},
		{"packets", "packets", true, NULL},
		{"bytes", "bytes", true, NULL},
		{0},
	};

	if (json_array_size(known))
		cli_table(known, columns);
	else
		puts("no app is known of any flow");
}

/* ---- unknown ---- */

static size_t bytes_of(const char *hex, uint8_t *bytes, size_t room)
{
	size_t length = 0;

	for (; length < room && hex[0] && hex[1]; hex += 2) {
		char digits[3] = {hex[0], hex[1], '\0'};

		bytes[length++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return length;
}

static void print_line(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < LINE_BYTES; i++) {
		if (i && i % GROUP_BYTES == 0)
			putchar(' ');
		if (i < length)
			printf("%02x", bytes[i]);
		else
			fputs("  ", stdout);
	}
	fputs("  |", stdout);
	for (size_t i = 0; i < length; i++)
		putchar(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
	puts("|");
}

/* `label` stands before the first line only. */
static void print_bytes(const char *label, const char *side, const char *hex)
{
	uint8_t bytes[64];
	size_t length = hex ? bytes_of(hex, bytes, sizeof(bytes)) : 0;

	for (size_t at = 0; at < length; at += LINE_BYTES) {
		printf("  %-*s %-6s  ", LABEL_WIDTH, at ? "" : label, at ? "" : side);
		print_line(bytes + at, length - at < LINE_BYTES ? length - at : LINE_BYTES);
	}
}

static void print_common(const json_t *common, const char *label, const char *side)
{
	const json_t *pattern = json_object_get(common, side);
	char cell[CLI_CELL_SIZE];

	if (!json_is_string(pattern))
		return;
	cli_cell(pattern, cell);
	printf("  %-*s %-6s  %s\n", LABEL_WIDTH, label, side, cell);
}

static void print_entry(const json_t *entry)
{
	const json_t *common = json_object_get(entry, "common"), *sample;
	const char *first = json_string_value(json_object_get(entry, "first"));
	const char *server = "server", *client = "client";
	char proto[CLI_CELL_SIZE], port[CLI_CELL_SIZE], last[CLI_CELL_SIZE];
	json_int_t flows = count_of(entry, "flows"), unfinished = count_of(entry, "unfinished");
	size_t i;

	/* who speaks first stands first */
	if (first && !strcmp(first, server)) {
		server = client;
		client = first;
	}
	cli_cell(json_object_get(entry, "proto"), proto);
	cli_cell(json_object_get(entry, "port"), port);
	cli_cell_time(json_object_get(entry, "last_seen"), last);
	printf("\n%s port %s, %s first: %" JSON_INTEGER_FORMAT " flow%s", proto, port, client,
	       flows, plural(flows));
	if (unfinished)
		printf(" (%" JSON_INTEGER_FORMAT " not looked at to the end)", unfinished);
	printf(", %" JSON_INTEGER_FORMAT " packets, %" JSON_INTEGER_FORMAT " bytes, last %s\n",
	       count_of(entry, "packets"), count_of(entry, "bytes"), last);
	if (flows > 1) {
		print_common(common, "all", client);
		print_common(common, "all", server);
	}
	json_array_foreach(json_object_get(entry, "samples"), i, sample)
	{
		json_int_t alike = count_of(sample, "flows");
		char label[CLI_CELL_SIZE];

		snprintf(label, sizeof(label), "%" JSON_INTEGER_FORMAT " flow%s", alike,
			 plural(alike));
		print_bytes(label, client, json_string_value(json_object_get(sample, client)));
		print_bytes("", server, json_string_value(json_object_get(sample, server)));
	}
}

/* ---- the whole ---- */

static void print_count(json_int_t count, const char *what)
{
	if (count)
		printf("%" JSON_INTEGER_FORMAT " flow%s %s\n", count, plural(count), what);
}

static void print_rest(const json_t *document)
{
	const json_t *forgotten = json_object_get(document, "forgotten");
	json_int_t ports = count_of(forgotten, "ports");

	if (count_of(document, "silent") || count_of(document, "midstream") ||
	    count_of(document, "not_inspected") || ports)
		putchar('\n');
	print_count(count_of(document, "silent"), "without payload");
	print_count(count_of(document, "midstream"), "unknown, seen from the middle on");
	print_count(count_of(document, "not_inspected"),
		    "not inspected: decided by headers, or without ports");
	if (ports)
		printf("%" JSON_INTEGER_FORMAT " flows of %" JSON_INTEGER_FORMAT
		       " unknown ports forgotten: there are too many ports\n",
		       count_of(forgotten, "flows"), ports);
}

void cli_print_apps(json_t *document)
{
	const json_t *known = json_object_get(document, "known");
	const json_t *unknown = json_object_get(document, "unknown"), *entry;
	bool inspects = !json_is_false(json_object_get(document, "inspects"));
	size_t i;

	if (!inspects)
		puts("no rule looks at payload, so nothing is inspected");
	if (inspects || json_array_size(known) || json_array_size(unknown)) {
		print_known(known);
		json_array_foreach(unknown, i, entry) print_entry(entry);
	}
	print_rest(document);
}
