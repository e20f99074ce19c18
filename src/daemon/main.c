/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waymarkd's command line. It never forks: whoever starts it (systemd, a shell,
 * a test) already knows how to put a process into the background.
 */
#include "daemon.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <waymark/log.h>

#include "config.h"

static const char usage[] = "usage: waymarkd [-c FILE] [--socket PATH] [--foreground] [--log-level "
			    "error|warn|info|debug]\n"
			    "\n"
			    "  -c, --config FILE    configuration (default " CONF_DEFAULT_PATH ")\n"
			    "      --socket PATH    control socket, instead of the configured one\n"
			    "      --foreground     accepted for habit: waymarkd never forks\n"
			    "      --log-level L    instead of the configured one\n"
			    "      --help, --version\n";

int main(int argc, char **argv)
{
	enum {
		OPTION_SOCKET = 256,
		OPTION_FOREGROUND,
		OPTION_LOG_LEVEL,
		OPTION_HELP,
		OPTION_VERSION
	};
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"socket", required_argument, NULL, OPTION_SOCKET},
		{"foreground", no_argument, NULL, OPTION_FOREGROUND},
		{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
		{"help", no_argument, NULL, OPTION_HELP},
		{"version", no_argument, NULL, OPTION_VERSION},
		{0},
	};
	const char *config_path = CONF_DEFAULT_PATH, *socket_path = NULL;
	enum log_level level;
	int option, given_level = -1;

	log_init("waymarkd", LOG_LEVEL_INFO, LOG_TARGET_AUTO);
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config_path = optarg;
			break;
		case OPTION_SOCKET:
			socket_path = optarg;
			break;
		case OPTION_FOREGROUND:
			break;
		case OPTION_LOG_LEVEL:
			if (!log_level_parse(optarg, &level)) {
				fprintf(stderr, "waymarkd: unknown log level '%s'\n", optarg);
				return 2;
			}
			given_level = (int)level;
			break;
		case OPTION_HELP:
			fputs(usage, stdout);
			return 0;
		case OPTION_VERSION:
			puts("waymarkd " VERSION);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "waymarkd: unexpected argument '%s'\n", argv[optind]);
		return 2;
	}
	return daemon_run(config_path, socket_path, given_level);
}
