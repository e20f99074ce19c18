/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names - `waymark names`: which name the daemon holds to stand behind which address, for whom.
 *
 * What a first packet is steered by: answers of name servers that were seen on the way, and what
 * earlier connections showed of themselves. Filters go with the request, as for flows.
 */
#include <stdlib.h>
#include <string.h>

#include <waymark/ip.h>

#include "cli.h"

#define LIMIT_MAX 100000 /* as the daemon's */

enum { NAME, ADDRESS, CLIENT, LIMIT };

static const struct cli_option own[] = {
	{"name", 0, true, NAME},   {"address", 0, true, ADDRESS}, {"client", 0, true, CLIENT},
	{"limit", 0, true, LIMIT}, {NULL, 0, false, 0},
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* By name, then client; what is everybody's stands behind what is somebody's. */
static int compare(const void *left, const void *right)
{
	const json_t *a = *(const json_t *const *)left, *b = *(const json_t *const *)right;
	const char *client_a = text_of(a, "client"), *client_b = text_of(b, "client");
	int order = strcmp(text_of(a, "name"), text_of(b, "name"));

	if (!order && !*client_a != !*client_b)
		return *client_a ? -1 : 1;
	return order ? order : strcmp(client_a, client_b);
}

/* A new array; NULL: out of memory. */
static json_t *sorted(json_t *rows)
{
	size_t count = json_array_size(rows);
	json_t **items = calloc(count ? count : 1, sizeof(json_t *));
	json_t *array = json_array();

	if (!items || !array) {
		json_decref(array);
		free(items);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		items[i] = json_array_get(rows, i);
	qsort(items, count, sizeof(json_t *), compare);
	for (size_t i = 0; i < count; i++)
		json_array_append(array, items[i]);
	free(items);
	return array;
}

static void cell_client(const json_t *value, char cell[CLI_CELL_SIZE])
{
	if (json_is_null(value))
		snprintf(cell, CLI_CELL_SIZE, "any");
	else
		cli_cell(value, cell);
}

static void render(json_t *data)
{
	static const struct cli_column columns[] = {
		{"NAME", "name", false, NULL},		 {"CLIENT", "client", false, cell_client},
		{"SOURCE", "source", false, NULL},	 {"PORT", "port", true, NULL},
		{"APPS", "apps", false, NULL},		 {"TTL", "ttl_s", true, cli_cell_duration},
		{"ADDRESSES", "addresses", false, NULL}, {NULL, NULL, false, NULL},
	};
	json_t *rows = sorted(data);

	if (rows)
		cli_table(rows, columns);
	else
		cli_fail("out of memory");
	json_decref(rows);
}

/* False: said, and cli->exit_code set. */
static bool filter(struct cli *cli, json_t *request, int option)
{
	struct ip_addr addr;
	int64_t number;
	json_t *value;

	if (option == LIMIT) {
		if (!cli_number(cli, "--limit", optarg, 1, LIMIT_MAX, &number))
			return false;
		return json_object_set_new(request, "limit", json_integer(number)) == 0;
	}
	if (option != NAME && !ip_parse(optarg, &addr)) {
		cli->exit_code =
			cli_usage("--%s takes an address, not '%s'", own[option].name, optarg);
		return false;
	}
	value = json_string(optarg);
	if (!value) {
		cli->exit_code = cli_usage("--%s takes text in UTF-8", own[option].name);
		return false;
	}
	json_object_set_new(request, own[option].name, value);
	return true;
}

int cli_names(int argc, char **argv, struct cli *cli)
{
	json_t *request = json_pack("{s:s}", "command", "names");
	int option;

	while ((option = cli_getopt(cli, argc, argv, own)) >= 0)
		if (!filter(cli, request, option))
			goto usage;
	if (option == CLI_DONE || !cli_no_arguments(cli, argc, argv))
		goto usage;
	return cli_show(cli, request, render);
usage:
	json_decref(request);
	return cli->exit_code;
}
