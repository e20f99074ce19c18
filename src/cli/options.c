/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options - getopt_long() with the options that all commands share, and one-line errors.
 *
 * getopt's own messages say neither "did you mean" nor stay in our form, so they are
 * off. Each long option gets a value of its own from LONG on: that is how an error
 * tells whether a long or a short option was meant, since getopt leaves optopt at 0
 * for an unknown long one and at the option's value otherwise.
 * --help waits for the command's name: "waymark --help status" is about status.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <waymark/diag.h>

#include "cli.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

#define LONG 256
#define OPTIONS_MAX 40

enum { COMMON_CONFIG = 1000, COMMON_SOCKET, COMMON_JSON, COMMON_HELP, COMMON_VERSION };

static const struct cli_option common[] = {
	{"config", 'c', true, COMMON_CONFIG},	 {"socket", 0, true, COMMON_SOCKET},
	{"json", 0, false, COMMON_JSON},	 {"help", 'h', false, COMMON_HELP},
	{"version", 'V', false, COMMON_VERSION}, {NULL, 0, false, 0},
};

struct options {
	const struct cli_option *all[OPTIONS_MAX];
	size_t count;
	char letters[2 * OPTIONS_MAX + 3];
	struct option longs[OPTIONS_MAX + 1];
};

static void options_add(struct options *options, const struct cli_option *added)
{
	size_t at = strlen(options->letters);

	for (; added != NULL && added->name != NULL && options->count < OPTIONS_MAX; added++) {
		options->longs[options->count] = (struct option){
			.name = added->name,
			.has_arg = added->argument ? required_argument : no_argument,
			.val = LONG + (int)options->count,
		};
		if (added->letter != 0) {
			options->letters[at++] = added->letter;
			if (added->argument)
				options->letters[at++] = ':';
		}
		options->all[options->count++] = added;
	}
	options->letters[at] = '\0';
}

static const struct cli_option *options_find(const struct options *options, int value)
{
	if (value >= LONG && (size_t)(value - LONG) < options->count)
		return options->all[value - LONG];
	for (size_t i = 0; i < options->count; i++)
		if (options->all[i]->letter == value)
			return options->all[i];
	return NULL;
}

static int unknown_long(const struct options *options, const char *text)
{
	const char *names[OPTIONS_MAX + 1], *nearest;
	size_t length = strcspn(text + 2, "=");
	size_t begins = 0;
	char word[64];

	for (size_t i = 0; i < options->count; i++) {
		names[i] = options->all[i]->name;
		if (strncmp(names[i], text + 2, length) == 0)
			begins++;
	}
	names[options->count] = NULL;
	(void)snprintf(word, sizeof(word), "%.*s", (int)(length < 60 ? length : 60), text + 2);
	if (begins > 1)
		return cli_usage("option '--%s' may mean several, write it out", word);
	nearest = diag_nearest(word, names);
	if (nearest != NULL)
		return cli_usage("unknown option '--%s', did you mean '--%s'?", word, nearest);
	return cli_usage("unknown option '--%s', see 'waymark --help'", word);
}

static int done(struct cli *cli, int exit_code)
{
	cli->exit_code = exit_code;
	return CLI_DONE;
}

static int too_many_confs(struct cli *cli)
{
	return done(cli, cli_usage("'-c' given %zu times, '%s' takes %zu", cli->conf_count,
				   cli->command->name, cli->command->confs));
}

/* True: taken, go on; false: cli->exit_code. */
static bool common_take(struct cli *cli, int id)
{
	switch (id) {
	case COMMON_CONFIG:
		if (cli->conf_count >= CLI_CONFS_MAX) {
			done(cli, cli_usage("'-c' given too often"));
			return false;
		}
		cli->conf_paths[cli->conf_count++] = optarg;
		return true;
	case COMMON_SOCKET:
		cli->socket = optarg;
		return true;
	case COMMON_JSON:
		cli->json = true;
		return true;
	case COMMON_HELP:
		cli->help = true;
		return true;
	default:
		printf("waymark %s\n", PACKAGE_VERSION);
		done(cli, CLI_OK);
		return false;
	}
}

static int next(struct cli *cli, int argc, char **argv, const struct cli_option *own,
		const char *prefix)
{
	struct options options = {.count = 0};
	const struct cli_option *option;
	int value;

	strcpy(options.letters, prefix);
	/* first: its own --config may mean another file than -c */
	options_add(&options, own);
	options_add(&options, common);
	opterr = 0;
	for (;;) {
		value = getopt_long(argc, argv, options.letters, options.longs, NULL);
		if (value == -1)
			return CLI_END;
		if (value == ':' || value == '?') {
			option = options_find(&options, optopt);
			if (value == ':' && optopt >= LONG && option != NULL)
				cli_usage("option '--%s' needs an argument", option->name);
			else if (value == ':')
				cli_usage("option '-%c' needs an argument", optopt);
			else if (optopt == 0)
				unknown_long(&options, argv[optind - 1]);
			else if (optopt >= LONG && option != NULL)
				cli_usage("option '--%s' takes no argument", option->name);
			else if (isprint(optopt))
				cli_usage("unknown option '-%c', see 'waymark --help'", optopt);
			else
				cli_usage("unknown option, see 'waymark --help'");
			return done(cli, CLI_USAGE);
		}
		option = options_find(&options, value);
		if (option == NULL)
			return done(cli, CLI_USAGE);
		if (option->id < COMMON_CONFIG)
			return option->id;
		if (!common_take(cli, option->id))
			return CLI_DONE;
	}
}

int cli_getopt_before(struct cli *cli, int argc, char **argv)
{
	int result = next(cli, argc, argv, NULL, "+:");

	if (result == CLI_END && cli->help && optind >= argc) {
		cli_help(cli);
		return done(cli, CLI_OK);
	}
	return result;
}

int cli_getopt(struct cli *cli, int argc, char **argv, const struct cli_option *own)
{
	const struct cli_command *command = cli->command;
	int result = next(cli, argc, argv, own, ":");

	if (result != CLI_END)
		return result;
	if (cli->help) {
		cli_help(cli);
		return done(cli, CLI_OK);
	}
	if (cli->conf_count > command->confs)
		return too_many_confs(cli);
	if (cli->json && !command->json)
		return done(cli, cli_usage("'%s' has no --json", command->name));
	return CLI_END;
}

bool cli_no_arguments(struct cli *cli, int argc, char **argv)
{
	if (optind < argc)
		done(cli, cli_usage("'%s' does not take '%s'", cli->command->name, argv[optind]));
	return optind >= argc;
}

bool cli_plain(struct cli *cli, int argc, char **argv)
{
	return cli_getopt(cli, argc, argv, NULL) == CLI_END && cli_no_arguments(cli, argc, argv);
}

bool cli_number(struct cli *cli, const char *option, const char *text, int64_t min, int64_t max,
		int64_t *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < min || number > max) {
		done(cli, cli_usage("%s takes a number from %lld to %lld, not '%s'", option,
				    (long long)min, (long long)max, text));
		return false;
	}
	*value = number;
	return true;
}

const char *cli_conf_path(const struct cli *cli)
{
	return cli->conf_count > 0 ? cli->conf_paths[0] : CONF_DEFAULT_PATH;
}

static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list arguments)
{
	fputs("waymark: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

int cli_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	return CLI_FAILED;
}

int cli_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	return CLI_USAGE;
}
