/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - one line per message, to stderr or syslog.
 *
 * Messages are lower case, without a full stop, and carry their own place
 * ("waymark.conf:12: ...", "uplink 'lte': ...") where they have one.
 *
 * Only the daemon and the CLI call log_init() and choose a target; library
 * code may log, but reports errors to its caller by return value first.
 * Threads: log_init() before threads start; everything else from any thread.
 */
#ifndef WAYMARK_LOG_H
#define WAYMARK_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TARGET_AUTO, LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

/* AUTO: syslog-style "<3>" prefixes on stderr under systemd (JOURNAL_STREAM), plain stderr else. */
void log_init(const char *program, enum log_level level, enum log_target target);
void log_set_level(enum log_level level);

/* "error", "warn", "info", "debug"; false for any other word. */
bool log_level_parse(const char *word, enum log_level *level);

void log_message(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_message(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
