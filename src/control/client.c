/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client - `waymark`'s end of the control socket: ask once, and read to the end or as it comes.
 *
 * To ask blocks, under one deadline for everything, so that a daemon that hangs
 * costs a script a known time and a message, never the script itself. An answer that
 * goes on is read without blocking from its second line on: its reader has other
 * things to wait for as well. The size
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

struct received {
	char *text;
	size_t length, capacity;
};

/* Reads a piece: 1, 0 at the end of the stream, or -errno; -EAGAIN: nothing is there yet. */
static int receive_piece(int fd, struct received *in)
{
	ssize_t got;

	if (in->length == in->capacity) {
		size_t capacity = in->capacity == 0 ? 16384 : in->capacity * 2;
		char *larger;

		if (in->capacity > CONTROL_ANSWER_MAX)
			return -EFBIG;
		larger = realloc(in->text, capacity);
		if (larger == NULL)
			return -ENOMEM;
		in->text = larger;
		in->capacity = capacity;
	}
	do
		got = recv(fd, in->text + in->length, in->capacity - in->length, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == ECONNRESET ? 0 : -errno;
	in->length += (size_t)got;
	return got > 0;
}

/* Reads to the end of the stream, or as far as the first line's end is among it. */
static int client_receive(int fd, struct received *in, bool line, int64_t deadline)
{
	for (;;) {
		size_t before = in->length;
		int result = receive_piece(fd, in);

		if (result == -EAGAIN)
			result = wait_for(fd, POLLIN, deadline);
		else if (result == 0)
			return 0;
		if (result < 0)
			return result;
		if (line && memchr(in->text + before, '\n', in->length - before) != NULL)
			return 0;
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

/* Asks, and has the answer, or the first line of it, in `in`. *fd is the caller's to close. */
static int ask(const char *path, json_t *request, int timeout_ms, bool line, int *fd,
	       struct received *in, char *error, size_t error_size)
{
	int64_t deadline = now_ms() + timeout_ms;
	char *sent = json_dumps(request, JSON_COMPACT);
	size_t length;
	int result;

	if (sent == NULL)
		return say(error, error_size, -ENOMEM, "out of memory");
	result = -client_connect(path, timeout_ms, fd);
	if (result != 0) {
		result = unreachable(error, error_size, path, -result);
		goto out;
	}
	length = strlen(sent);
	sent[length] = '\n'; /* the terminator's place: the length is known */
	result = client_send(*fd, sent, length + 1, deadline);
	if (result == 0)
		result = client_receive(*fd, in, line, deadline);
	if (result == -ETIMEDOUT)
		result = say(error, error_size, result,
			     "no answer from waymarkd at %s within %d ms", path, timeout_ms);
	else if (result == -EFBIG)
		result = say(error, error_size, result, "the answer of %s has no end", path);
	else if (result != 0)
		result = unreachable(error, error_size, path, -result);
out:
	free(sent);
	return result;
}

int control_request(const char *path, json_t *request, int timeout_ms, json_t **data, char *error,
		    size_t error_size)
{
	struct received in = {0};
	int fd = -1, result;

	*data = NULL;
	result = ask(path, request, timeout_ms, false, &fd, &in, error, error_size);
	if (result == 0)
		result = answer_read(path, in.text, in.length, data, error, error_size);
	if (fd >= 0)
		close(fd);
	free(in.text);
	return result;
}

/* ---- an answer that goes on ---- */

struct control_stream {
	int fd;
	struct received in;
	size_t done; /* bytes of it that have been handed out */
};

int control_stream_open(struct control_stream **out, const char *path, json_t *request,
			int timeout_ms, json_t **data, char *error, size_t error_size)
{
	struct control_stream *stream = calloc(1, sizeof(*stream));
	const char *end;
	int result;

	*out = NULL;
	*data = NULL;
	if (stream == NULL)
		return say(error, error_size, -ENOMEM, "out of memory");
	stream->fd = -1;
	result = ask(path, request, timeout_ms, true, &stream->fd, &stream->in, error, error_size);
	if (result == 0) {
		end = stream->in.length > 0 ? memchr(stream->in.text, '\n', stream->in.length)
					    : NULL;
		stream->done =
			end != NULL ? (size_t)(end - stream->in.text) + 1 : stream->in.length;
		result = answer_read(path, stream->in.text, stream->done, data, error, error_size);
	}
	if (result != 0)
		control_stream_free(stream);
	else
		*out = stream;
	return result;
}

void control_stream_free(struct control_stream *stream)
{
	if (stream == NULL)
		return;
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->in.text);
	free(stream);
}

int control_stream_fd(const struct control_stream *stream)
{
	return stream->fd;
}

int control_stream_next(struct control_stream *stream, json_t **event)
{
	struct received *in = &stream->in;
	size_t looked_at = stream->done;

	*event = NULL;
	for (;;) {
		const char *line = in->text + stream->done;
		const char *end = memchr(in->text + looked_at, '\n', in->length - looked_at);
		int result;

		if (end != NULL) {
			*event = json_loadb(line, (size_t)(end - line), 0, NULL);
			stream->done = (size_t)(end - in->text) + 1;
			if (json_is_object(*event))
				return 0;
			json_decref(*event);
			*event = NULL;
			return -EBADMSG;
		}
		in->length -= stream->done;
		memmove(in->text, line, in->length);
		stream->done = 0;
		looked_at = in->length;
		if (in->length > CONTROL_BACKLOG_MAX)
			return -EFBIG;
		result = receive_piece(stream->fd, in);
		if (result == -EAGAIN)
			return 0;
		if (result <= 0)
			return result == 0 ? -ECONNRESET : result;
	}
}
