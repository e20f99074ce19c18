/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line per message. Each is formatted into a local buffer and leaves by one
 * write (or one syslog call), so lines of several threads never interleave and
 * no lock is held while somebody slow reads our stderr.
 *
 * Under systemd the journal reads a "<N>" prefix as the priority, so stderr is
 * enough there; syslog is for those who ask for it.
 */
#include <waymark/log.h>

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

static const int syslog_priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
static const char *const level_words[] = {"error", "warn", "info", "debug"};

static struct {
	char program[32];
	_Atomic int level;
	bool journal;
	bool syslog;
} state = {.program = "waymark", .level = LOG_LEVEL_INFO};

void log_init(const char *program, enum log_level level, enum log_target target)
{
	snprintf(state.program, sizeof(state.program), "%s", program);
	atomic_store_explicit(&state.level, (int)level, memory_order_relaxed);
	state.journal = target == LOG_TARGET_AUTO && getenv("JOURNAL_STREAM");
	state.syslog = target == LOG_TARGET_SYSLOG;
	if (state.syslog)
		openlog(state.program, LOG_PID, LOG_DAEMON);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&state.level, (int)level, memory_order_relaxed);
}

bool log_level_parse(const char *word, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(level_words) / sizeof(level_words[0]); i++) {
		if (strcmp(word, level_words[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void log_message(enum log_level level, const char *format, ...)
{
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
	char text[1024], line[1152];
	va_list arguments;
	int length;

	if ((int)level > atomic_load_explicit(&state.level, memory_order_relaxed))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (state.syslog) {
		syslog(syslog_priority[level], "%s", text);
		return;
	}
	if (state.journal)
		length = snprintf(line, sizeof(line), "<%d>%s\n", syslog_priority[level], text);
	else if (level == LOG_LEVEL_INFO)
		length = snprintf(line, sizeof(line), "%s: %s\n", state.program, text);
	else
		length = snprintf(line, sizeof(line), "%s: %s: %s\n", state.program,
				  level_words[level], text);
	/*
	 * A full or closed stderr must not stop a daemon that carries traffic: a pipe that nobody
	 * empties costs lines. What poll() calls writable takes a line without waiting.
	 */
	if (length > 0 && poll(&ready, 1, 0) == 1 && ready.revents & POLLOUT &&
	    write(STDERR_FILENO, line, (size_t)length) < 0)
		return;
}
