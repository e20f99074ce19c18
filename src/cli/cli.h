/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli - what the commands of `waymark` share: options, errors, the daemon's answers, tables.
 *
 * A command is a function that returns the exit code. It first runs cli_getopt()
 * to its end, which takes care of the options that every command has:
 *
 *	while ((option = cli_getopt(cli, argc, argv, own)) >= 0)
 *		switch (option) { ... }            // an id of `own`; its argument in optarg
 *	if (option == CLI_DONE)
 *		return cli->exit_code;             // --help, --version, or a usage error, already
 *said
 *	... argv[optind] .. argv[argc - 1] are the arguments
 *
 * argv[0] is the command's name. Options may stand anywhere, "--" ends them.
 */
#ifndef WAYMARK_CLI_H
#define WAYMARK_CLI_H

#include <getopt.h> /* optarg, optind */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <waymark/config.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

#define CLI_CONFS_MAX 2
#define CLI_TIMEOUT_MS 10000
#define CLI_RELOAD_TIMEOUT_MS 120000 /* large lists and patterns compile meanwhile */

struct cli_command;

struct cli {
	const struct cli_command *command;
	const char *conf_paths[CLI_CONFS_MAX]; /* of -c, in order; see cli_conf_path() */
	size_t conf_count;
	const char *socket; /* of --socket, or NULL */
	bool json;
	bool help;
	int exit_code; /* valid after CLI_DONE */
};

struct cli_command {
	const char *name;
	int (*run)(int argc, char **argv, struct cli *cli);
	const char *arguments; /* for "usage: waymark NAME ARGUMENTS" */
	const char *summary;
	const char *options; /* help on its own options, or NULL */
	bool json;	     /* takes --json */
	size_t confs;	     /* how many -c it takes */
};

/* ---- options ---- */

struct cli_option {
	const char *name;
	char letter; /* 0: none */
	bool argument;
	int id; /* >= 0 */
};

enum { CLI_END = -1, CLI_DONE = -2 };

/* `own` ends with a NULL name; may be NULL. */
int cli_getopt(struct cli *cli, int argc, char **argv, const struct cli_option *own);
/* True when no argument is left; else a usage error, in cli->exit_code. */
bool cli_no_arguments(struct cli *cli, int argc, char **argv);
/* For a command without own options and arguments: true, or false with cli->exit_code. */
bool cli_plain(struct cli *cli, int argc, char **argv);
/* For a number as an option's argument: false with a usage error said and cli->exit_code set. */
bool cli_number(struct cli *cli, const char *option, const char *text, int64_t min, int64_t max,
		int64_t *value);
/* The file of -c, or the default. */
const char *cli_conf_path(const struct cli *cli);
/* As cli_getopt(), for the options before the command's name: stops at the first word. */
int cli_getopt_before(struct cli *cli, int argc, char **argv);

/* ---- messages: "waymark: ..." on stderr ---- */

/* Returns CLI_FAILED / CLI_USAGE. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_help(const struct cli *cli);

/* Loads the configuration of -c, printing findings. NULL: failed, and said. */
struct conf *cli_conf_load(const struct cli *cli);

/* ---- the daemon ---- */

/* The socket's path, malloced. NULL: the configuration cannot be read, and that has been said. */
char *cli_socket_path(const struct cli *cli);
/*
 * Asks the daemon; steals `request`. 0 with *data, or an exit code, all said: the
 * daemon's findings line by line, then its error.
 */
int cli_ask(const struct cli *cli, json_t *request, int timeout_ms, json_t **data);
/*
 * What a daemon that answers at `socket` (NULL: nobody is asked) says of each uplink that is in
 * `conf` too. False, and not a word: none has answered.
 */
typedef void cli_uplink_fn(const struct conf_uplink *uplink, const json_t *said, void *context);
bool cli_visit_uplinks(const char *socket, const struct conf *conf, cli_uplink_fn *visit,
		       void *context);
/* The same for {"command": NAME}, printed as JSON or by `render`; the whole of a simple command. */
int cli_show(const struct cli *cli, json_t *request, void (*render)(json_t *data));
/* The "findings" of an answer, one a line. */
void cli_print_findings(const json_t *findings);

/* ---- output: cli/output.c ---- */

/* Text that need not be UTF-8 (a file name, a comment): then each byte but ASCII becomes U+FFFD. */
json_t *cli_text_json(const char *text);
/* One document and a newline. Returns an exit code. */
int cli_print_json(const json_t *document);

/* of a fraction in JSON: microseconds since the epoch, without the noise behind them */
#define CLI_REAL_DIGITS 16
#define CLI_CELL_SIZE 300

/* Writes a cell; `value` may be NULL (absent). */
typedef void cli_cell_fn(const json_t *value, char cell[CLI_CELL_SIZE]);

struct cli_column {
	const char *title;
	const char *key;
	bool right;	     /* aligned to the right: numbers */
	cli_cell_fn *format; /* NULL: cli_cell() */
};

/*
 * The default cell. Absent, null and empty: "-". Text comes from packets and
 * files: control characters become '?', so that no name can drive a terminal.
 */
void cli_cell(const json_t *value, char cell[CLI_CELL_SIZE]);
/* Seconds since 1970 as local time; seconds as "2d 3h". */
void cli_cell_time(const json_t *value, char cell[CLI_CELL_SIZE]);
void cli_cell_duration(const json_t *value, char cell[CLI_CELL_SIZE]);
/* `rows` is an array of objects. `columns` ends with a NULL title. */
void cli_table(const json_t *rows, const struct cli_column *columns);
/*
 * Any object: its plain members as "name  value" lines, then members of members
 * and tables, indented under their name. Members named in `skip` (NULL-terminated, may be NULL) are
 * left out.
 */
void cli_tree(json_t *object, const char *const *skip);

/* ---- what flows turned out to be: cli/apps.c ---- */

/* The document of doubt.h; with "inspects": false of a daemon that looks at no payload. */
void cli_print_apps(json_t *document);

/* ---- the commands ---- */

int cli_check(int argc, char **argv, struct cli *cli);
int cli_diff(int argc, char **argv, struct cli *cli);
int cli_doctor(int argc, char **argv, struct cli *cli);
int cli_explain(int argc, char **argv, struct cli *cli);
int cli_firewall(int argc, char **argv, struct cli *cli);
int cli_flows(int argc, char **argv, struct cli *cli);
int cli_import_l7(int argc, char **argv, struct cli *cli);
int cli_monitor(int argc, char **argv, struct cli *cli);
int cli_names(int argc, char **argv, struct cli *cli);
int cli_reload(int argc, char **argv, struct cli *cli);
int cli_replay(int argc, char **argv, struct cli *cli);
int cli_rules(int argc, char **argv, struct cli *cli);
int cli_stats(int argc, char **argv, struct cli *cli);
int cli_status(int argc, char **argv, struct cli *cli);
int cli_uplink(int argc, char **argv, struct cli *cli);
int cli_uplinks(int argc, char **argv, struct cli *cli);

#endif
