/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client - `waymark`'s end of the control socket: ask once, read to the end.
 *
 * Blocking calls under one deadline for everything, so that a daemon that hangs
 * costs a script a known time and a message, never the script itself. The size
 * of an answer is bounded too: the socket's path comes from the user, and what
 * listens there need not be waymarkd.
 *
 * A server that refuses a request may close before it has read all of it: a send
 * that fails with EPIPE, or a reset after the last byte, are no errors as long as
 * an answer came.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <waymark/control.h>

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int __attribute__((format(printf, 4, 5)))
say(char *error, size_t error_size, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(error, error_size, format, arguments);
	va_end(arguments);
	return code;
}

static int unreachable(char *error, size_t error_size, const char *path, int code)
{
	return say(error, error_size, -code, "cannot reach waymarkd at %s: %s", path,
		   strerror(code));
}

static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd waited = {.fd = fd, .events = events};
		int64_t left = deadline - now_ms();
		int ready;

		if (left <= 0)
			return -ETIMEDOUT;
		ready = poll(&waited, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

static int client_connect(const char *path, int timeout_ms, int *out)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	/* connect() on a Unix socket waits for a place in the backlog as long as a send may. */
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	int fd, error = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		error = errno == EAGAIN ? ETIMEDOUT : errno;
	if (error != 0)
		close(fd);
	else
		*out = fd;
	return error;
}

static int client_send(int fd, const char *text, size_t length, int64_t deadline)
{
	while (length > 0) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		int error;

		if (sent >= 0) {
			text += sent;
			length -= (size_t)sent;
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return 0; /* its answer tells why */
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		error = wait_for(fd, POLLOUT, deadline);
		if (error != 0)
			return error;
	}
	return 0;
}

static int client_receive(int fd, char **text, size_t *length, int64_t deadline)
{
	size_t capacity = 0;

	for (;;) {
		ssize_t got;

		if (*length == capacity) {
			char *larger;

			if (capacity > CONTROL_ANSWER_MAX)
				return -EFBIG;
			capacity = capacity == 0 ? 16384 : capacity * 2;
			larger = realloc(*text, capacity);
			if (larger == NULL)
				return -ENOMEM;
			*text = larger;
		}
		got = recv(fd, *text + *length, capacity - *length, MSG_DONTWAIT);
		if (got > 0) {
			*length += (size_t)got;
		} else if (got == 0 || errno == ECONNRESET) {
			return 0;
		} else if (errno == EAGAIN || errno == EINTR) {
			int error = wait_for(fd, POLLIN, deadline);

			if (error != 0)
				return error;
		} else {
			return -errno;
		}
	}
}

static int answer_read(const char *path, const char *text, size_t length, json_t **data,
		       char *error, size_t error_size)
{
	json_error_t where;
	json_t *answer;
	const char *words;
	int result = 0;

	if (length == 0)
		return say(error, error_size, -ECONNRESET,
			   "waymarkd at %s closed the connection without an answer", path);
	answer = json_loadb(text, length, 0, &where);
	if (!json_is_boolean(json_object_get(answer, "ok"))) {
		result = say(error, error_size, -EBADMSG,
			     "what answers at %s does not speak waymark's protocol", path);
	} else if (json_is_true(json_object_get(answer, "ok"))) {
		json_t *given = json_object_get(answer, "data");

		*data = given != NULL ? json_incref(given) : json_null();
	} else {
		json_t *findings = json_object_get(answer, "findings");

		words = json_string_value(json_object_get(answer, "error"));
		result = say(error, error_size, -EPROTO, "%s",
			     words != NULL ? words : "waymarkd refused without a reason");
		if (json_is_array(findings))
			*data = json_incref(findings);
	}
	json_decref(answer);
	return result;
}

int control_request(const char *path, json_t *request, int timeout_ms, json_t **data, char *error,
		    size_t error_size)
{
	int64_t deadline = now_ms() + timeout_ms;
	size_t length = 0;
	char *sent = NULL, *text = NULL;
	int fd = -1, result;

	*data = NULL;
	sent = json_dumps(request, JSON_COMPACT);
	if (sent == NULL)
		return say(error, error_size, -ENOMEM, "out of memory");
	result = client_connect(path, timeout_ms, &fd);
	if (result != 0) {
		result = unreachable(error, error_size, path, result);
		goto out;
	}
	length = strlen(sent);
	sent[length] = '\n'; /* the terminator's place: the length is known */
	result = client_send(fd, sent, length + 1, deadline);
	length = 0;
	if (result == 0)
		result = client_receive(fd, &text, &length, deadline);
	if (result == -ETIMEDOUT)
		result = say(error, error_size, result,
			     "no answer from waymarkd at %s within %d ms", path, timeout_ms);
	else if (result == -EFBIG)
		result = say(error, error_size, result, "the answer of %s has no end", path);
	else if (result != 0)
		result = unreachable(error, error_size, path, -result);
	else
		result = answer_read(path, text, length, data, error, error_size);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	free(sent);
	return result;
}
