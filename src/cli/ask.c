/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask - from the command line to the daemon and back.
 *
 * The socket's path stands in the configuration. Commands that talk to a running
 * daemon must work while the file is being edited and has errors: then
 * control.socket alone is read from it, and only a file that cannot be parsed at all
 * leaves the default path, or, if it was given by -c, an error: answers of another
 * daemon than the one meant are worse than none.
 */
#include <stdlib.h>
#include <string.h>

#include <waymark/control.h>
#include <waymark/settings.h>

#include "cli.h"

#define UPLINKS_TIMEOUT_MS 2000

struct conf *cli_conf_load(const struct cli *cli)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct conf *conf = conf_load(cli_conf_path(cli), NULL, &diags);

	diag_print(&diags, stderr);
	diag_list_release(&diags);
	return conf;
}

/* control.socket of a file whose other keys may be wrong. False: the file cannot be parsed. */
static bool socket_of_broken(const char *path, char **socket, struct diag_list *diags)
{
	struct settings_file *file = settings_open(path, diags);
	struct diag_list ignored = DIAG_LIST_INIT;
	const config_setting_t *control;
	const char *value;

	*socket = NULL;
	if (file == NULL)
		return false;
	control = settings_group(settings_root(file), "control", &ignored);
	if (control != NULL && settings_string(control, "socket", &value, &ignored) &&
	    value[0] != '\0')
		*socket = settings_resolve_path(settings_source(control), value);
	diag_list_release(&ignored);
	settings_close(file);
	return true;
}

char *cli_socket_path(const struct cli *cli)
{
	const char *path = cli_conf_path(cli);
	struct diag_list diags = DIAG_LIST_INIT;
	struct conf *conf = NULL;
	char *socket = NULL;

	if (cli->socket != NULL)
		return strdup(cli->socket);
	conf = conf_load(path, NULL, &diags);
	if (conf != NULL) {
		socket = strdup(conf->control.socket);
		conf_free(conf);
		goto out;
	}
	diag_list_release(&diags);
	diag_list_init(&diags);
	if (!socket_of_broken(path, &socket, &diags) && cli->conf_count > 0)
		diag_print(&diags, stderr);
	else if (socket == NULL)
		socket = strdup(CONTROL_DEFAULT_SOCKET);
out:
	diag_list_release(&diags);
	return socket;
}

void cli_print_findings(const json_t *findings)
{
	size_t count = json_array_size(findings);

	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(findings, i));

		if (text == NULL)
			continue;
		for (; *text != '\0'; text++)
			fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
		fputc('\n', stderr);
	}
}

int cli_ask(const struct cli *cli, json_t *request, int timeout_ms, json_t **data)
{
	char *socket = cli_socket_path(cli);
	int result = CLI_FAILED;
	char error[512];

	*data = NULL;
	if (socket == NULL)
		goto out;
	if (control_request(socket, request, timeout_ms, data, error, sizeof(error)) == 0) {
		result = CLI_OK;
		goto out;
	}
	cli_print_findings(*data);
	json_decref(*data);
	*data = NULL;
	cli_fail("%s", error);
out:
	free(socket);
	json_decref(request);
	return result;
}

int cli_show(const struct cli *cli, json_t *request, void (*render)(json_t *data))
{
	json_t *data;
	int result = cli_ask(cli, request, CLI_TIMEOUT_MS, &data);

	if (result != CLI_OK)
		return result;
	if (cli->json)
		result = cli_print_json(data);
	else
		render(data);
	json_decref(data);
	return result;
}

bool cli_visit_uplinks(const char *socket, const struct conf *conf, cli_uplink_fn *visit,
		       void *context)
{
	json_t *request = json_pack("{s:s}", "command", "uplinks"), *answer = NULL, *said;
	char ignored[256];
	bool answered;
	size_t i;

	answered = socket && request &&
		   control_request(socket, request, UPLINKS_TIMEOUT_MS, &answer, ignored,
				   sizeof(ignored)) == 0;
	json_array_foreach(answer, i, said)
	{
		const char *name = json_string_value(json_object_get(said, "name"));
		const struct conf_uplink *uplink = name ? conf_uplink_by_name(conf, name) : NULL;

		if (answered && uplink)
			visit(uplink, said, context);
	}
	json_decref(answer);
	json_decref(request);
	return answered;
}
