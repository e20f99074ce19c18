/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server - the daemon's end of the control socket, inside its event loop.
 *
 * The loop also carries signals, routes and the watchdog, so no client may cost it
 * more than one bounded step at a time:
 * - every socket is non-blocking; a step reads or writes one piece and returns;
 * - a deadline, not an idle timeout, covers the asking and another the reading, so
 *   that a client that drips a byte a second is cut off as well;
 * - when all places are taken, the oldest client that has had its second and
 *   not yet asked gives way; if there is none, the newcomer is told so and closed;
 * - a follower has no deadline once it has its answer, but a bounded backlog. Its socket
 *   stays watched for reading, since that is how its leaving shows while nothing is
 *   written; for writing only while there is a backlog. So followers wake nobody.
 * Plain events instead of bufferevents: those write with writev(), which
 * raises SIGPIPE when a client has left, and signals are the daemon's to arrange.
 *
 * The socket's place in the file system:
 * - Its mode comes from fchmod() on the unbound socket, which Linux's bind() takes
 *   over, so it is never wider than meant, whatever the umask, and the process-wide
 *   umask stays untouched. chmod() then widens it where a group is given; listen()
 *   comes last.
 * - A socket that nobody listens on is the leftover of a dead daemon. Looking,
 *   removing and binding happen under a lock on the directory, since between
 *   bind() and listen() a living daemon's socket looks dead to another that starts.
 * - At the end the name is removed only if it is still ours.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "private.h"

#define TIMEOUT_MS 10000
#define GRACE_MS 1000	   /* in which a client cannot be made to give way */
#define PAUSE_MS 100	   /* before accepting again, when descriptors ran out */
#define PIECE (256u << 10) /* bytes written in one step */
#define ACCEPTS 16	   /* clients accepted in one step */
#define BACKLOG 64

static const char out_of_memory[] = "{\"ok\": false, \"error\": \"out of memory\"}\n";
static const char too_many[] = "{\"ok\": false, \"error\": \"too many clients\"}\n";

struct client {
	TAILQ_ENTRY(client) entry;
	struct control_server *server;
	int fd;
	struct event *readable;
	struct event *writable;
	struct event *deadline;
	int64_t since_ms;
	bool answered;	/* asked, and now reading its answer */
	bool following; /* answered, and now reading what comes after */
	char *input;
	size_t input_length, input_capacity;
	char *output; /* NULL: the constant out_of_memory, as far as output_length says */
	size_t output_length, output_done;
	size_t answer_left; /* of what is not done: how much is the answer itself */
};

TAILQ_HEAD(client_list, client);

struct control_server {
	struct event_base *base;
	int fd;
	struct event *accept;
	struct event *resume;
	struct sockaddr_un address;
	dev_t device; /* of the bound name, to know it again */
	ino_t inode;
	bool bound;
	control_handler_fn *handler;
	void *context;
	struct client_list clients; /* oldest first */
	size_t client_count, follower_count;
	int timeout_ms;
	uint64_t refused;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int timer_start(struct event *timer, int ms)
{
	struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	return event_add(timer, &delay);
}

/* ---- clients ---- */

static void client_free(struct client *client)
{
	struct control_server *server = client->server;

	TAILQ_REMOVE(&server->clients, client, entry);
	server->client_count--;
	server->follower_count -= client->following;
	if (client->readable != NULL)
		event_free(client->readable);
	if (client->writable != NULL)
		event_free(client->writable);
	if (client->deadline != NULL)
		event_free(client->deadline);
	close(client->fd);
	free(client->input);
	free(client->output);
	free(client);
}

static void client_refuse(struct client *client)
{
	client->server->refused++;
	client_free(client);
}

static void client_deadline(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	client_refuse(context);
}

static void client_write(struct client *client)
{
	const char *output = client->output != NULL ? client->output : out_of_memory;
	size_t length = client->output_length - client->output_done;
	ssize_t sent;

	if (length > PIECE)
		length = PIECE;
	sent = send(client->fd, output + client->output_done, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_free(client); /* left without its answer: no harm to us */
		return;
	}
	client->output_done += (size_t)sent;
	client->answer_left -=
		(size_t)sent < client->answer_left ? (size_t)sent : client->answer_left;
	if (client->following && client->answer_left == 0)
		(void)event_del(client->deadline);
	if (client->output_done < client->output_length)
		return;
	if (!client->following) {
		client_free(client);
		return;
	}
	(void)event_del(client->writable);
	free(client->output);
	client->output = NULL;
	client->output_length = client->output_done = 0;
}

static void client_writable(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	client_write(context);
}

/* Steals `json`. A line with its newline, without a terminator; NULL: out of memory. */
static char *line_of(json_t *json, size_t *length)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	*length = text != NULL ? strlen(text) : 0;
	if (text != NULL)
		text[(*length)++] = '\n';
	return text;
}

/* Whether this answer makes a follower; leaves it as the client shall see it. */
static bool takes_follower(struct control_server *server, json_t **answer)
{
	if (json_object_get(*answer, CONTROL_FOLLOW) == NULL)
		return false;
	(void)json_object_del(*answer, CONTROL_FOLLOW);
	if (server->follower_count < CONTROL_FOLLOWERS_MAX)
		return true;
	server->refused++;
	json_decref(*answer);
	*answer = control_fail("too many clients that follow, at most %d", CONTROL_FOLLOWERS_MAX);
	return false;
}

/* Steals `answer`. From here on the client only reads; `client` may be gone afterwards. */
static void client_answer(struct client *client, json_t *answer)
{
	struct control_server *server = client->server;
	bool following = takes_follower(server, &answer);
	size_t length;
	char *text = line_of(answer, &length);

	if (length > CONTROL_ANSWER_MAX) {
		free(text);
		following = false;
		text = line_of(control_fail("the answer would have %zu MiB, ask for less of it",
					    length >> 20),
			       &length);
	}
	client->answered = true;
	client->following = following && text != NULL;
	server->follower_count += client->following;
	free(client->input);
	client->input = NULL;
	client->input_length = 0;
	client->output = text;
	client->output_length = text != NULL ? length : sizeof(out_of_memory) - 1;
	client->answer_left = client->output_length;
	if (!client->following)
		(void)event_del(client->readable);
	if (event_add(client->writable, NULL) != 0 ||
	    timer_start(client->deadline, server->timeout_ms) != 0) {
		client_refuse(client);
		return;
	}
	client_write(client);
}

static void client_request(struct client *client, size_t length)
{
	struct control_server *server = client->server;
	json_error_t error;
	json_t *request = json_loadb(client->input, length, JSON_REJECT_DUPLICATES, &error);
	json_t *answer;

	if (request == NULL) {
		server->refused++;
		answer = control_fail("the request is not JSON: %s", error.text);
	} else if (!json_is_string(json_object_get(request, "command"))) {
		server->refused++;
		answer = control_fail("the request is no object with a \"command\"");
	} else {
		answer = server->handler(request, server->context);
	}
	json_decref(request);
	client_answer(client, answer);
}

static bool client_reserve(struct client *client)
{
	size_t capacity = client->input_capacity == 0 ? 1024 : client->input_capacity * 2;
	char *input;

	if (client->input_length < client->input_capacity)
		return true;
	/* One byte more than a request may have, to tell "full" from "too long". */
	if (capacity > CONTROL_REQUEST_MAX + 1)
		capacity = CONTROL_REQUEST_MAX + 1;
	input = realloc(client->input, capacity);
	if (input == NULL)
		return false;
	client->input = input;
	client->input_capacity = capacity;
	return true;
}

/* What a follower says is not listened to; but it may not say it for ever, and its end is heard. */
static void follower_read(struct client *client)
{
	char piece[1024];
	ssize_t got = recv(client->fd, piece, sizeof(piece), MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		client_free(client);
		return;
	}
	if (got > 0)
		client->input_length += (size_t)got;
	if (client->input_length > CONTROL_REQUEST_MAX)
		client_refuse(client);
}

static void client_readable(evutil_socket_t fd, short what, void *context)
{
	struct client *client = context;
	const char *end;
	ssize_t got;

	(void)what;
	if (client->following) {
		follower_read(client);
		return;
	}
	if (!client_reserve(client)) {
		client_refuse(client);
		return;
	}
	got = recv(fd, client->input + client->input_length,
		   client->input_capacity - client->input_length, MSG_DONTWAIT);
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_free(client);
		return;
	}
	if (got == 0) {
		/* A request without its newline is whole when the sender has closed its side. */
		if (client->input_length > 0)
			client_request(client, client->input_length);
		else
			client_free(client);
		return;
	}
	end = memchr(client->input + client->input_length, '\n', (size_t)got);
	client->input_length += (size_t)got;
	if (end != NULL) {
		client_request(client, (size_t)(end - client->input));
	} else if (client->input_length > CONTROL_REQUEST_MAX) {
		client->server->refused++;
		client_answer(client, control_fail("the request is longer than %d bytes",
						   CONTROL_REQUEST_MAX));
	}
}

/* ---- publishing ---- */

/* Puts a line behind what the follower has not read yet. False: there is no place for it. */
static bool follower_append(struct client *client, const char *line, size_t length)
{
	size_t waiting = client->output_length - client->output_done;
	char *output = client->output;

	if (waiting + length > CONTROL_BACKLOG_MAX)
		return false;
	if (client->output_done > 0)
		memmove(output, output + client->output_done, waiting);
	client->output_done = 0;
	client->output_length = waiting;
	output = realloc(output, waiting + length);
	if (output == NULL)
		return false;
	memcpy(output + waiting, line, length);
	client->output = output;
	client->output_length += length;
	return event_add(client->writable, NULL) == 0;
}

void control_server_publish(struct control_server *server, json_t *event)
{
	struct client *client, *next;
	size_t length;
	char *line;

	if (!control_server_has_followers(server)) {
		json_decref(event);
		return;
	}
	line = line_of(event, &length);
	for (client = TAILQ_FIRST(&server->clients); client != NULL; client = next) {
		next = TAILQ_NEXT(client, entry);
		if (!client->following)
			continue;
		if (line != NULL && follower_append(client, line, length))
			client_write(client);
		else
			client_refuse(client);
	}
	free(line);
}

bool control_server_has_followers(const struct control_server *server)
{
	return server != NULL && server->follower_count > 0;
}

/* ---- accepting ---- */

/* True when there is a place. */
static bool server_make_room(struct control_server *server)
{
	int64_t before = now_ms() - GRACE_MS;
	struct client *client;

	if (server->client_count < CONTROL_CLIENTS_MAX)
		return true;
	TAILQ_FOREACH (client, &server->clients, entry) {
		if (client->since_ms > before)
			break;
		if (!client->answered) {
			client_refuse(client);
			return true;
		}
	}
	return false;
}

static void server_add(struct control_server *server, int fd)
{
	struct client *client;

	if (!server_make_room(server)) {
		server->refused++;
		(void)send(fd, too_many, sizeof(too_many) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL) {
		server->refused++;
		close(fd);
		return;
	}
	client->server = server;
	client->fd = fd;
	client->since_ms = now_ms();
	TAILQ_INSERT_TAIL(&server->clients, client, entry);
	server->client_count++;
	client->readable =
		event_new(server->base, fd, EV_READ | EV_PERSIST, client_readable, client);
	client->writable =
		event_new(server->base, fd, EV_WRITE | EV_PERSIST, client_writable, client);
	client->deadline = evtimer_new(server->base, client_deadline, client);
	if (client->readable == NULL || client->writable == NULL || client->deadline == NULL ||
	    event_add(client->readable, NULL) != 0 ||
	    timer_start(client->deadline, server->timeout_ms) != 0)
		client_refuse(client);
}

static void server_resume(evutil_socket_t fd, short what, void *context)
{
	struct control_server *server = context;

	(void)fd;
	(void)what;
	(void)event_add(server->accept, NULL);
}

static void server_accept(evutil_socket_t listener, short what, void *context)
{
	struct control_server *server = context;

	(void)what;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			server_add(server, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		/* Out of descriptors or memory: the event would fire without end. */
		if (errno != EAGAIN && event_del(server->accept) == 0 &&
		    timer_start(server->resume, PAUSE_MS) != 0)
			(void)event_add(server->accept, NULL);
		return;
	}
}

/* ---- the socket and its name ---- */

static int group_find(const char *name, gid_t *gid)
{
	size_t size = 4096;
	struct group group, *found = NULL;
	char *buffer = NULL;
	int error;

	do {
		char *larger = realloc(buffer, size);

		if (larger == NULL) {
			free(buffer);
			return -ENOMEM;
		}
		buffer = larger;
		error = getgrnam_r(name, &group, buffer, size, &found);
		size *= 2;
	} while (error == ERANGE && size <= (16u << 20));
	if (found != NULL)
		*gid = group.gr_gid;
	free(buffer);
	return found != NULL ? 0 : -ESRCH;
}

/* The directory of the socket, made if missing, open and locked. */
static int directory_open(const char *path)
{
	char parent[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *slash = strrchr(path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - path);
	bool made;
	int fd;

	if (slash == NULL) {
		memcpy(parent, ".", 2);
	} else if (length == 0) {
		memcpy(parent, "/", 2);
	} else {
		memcpy(parent, path, length);
		parent[length] = '\0';
	}
	made = mkdir(parent, 0700) == 0;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (made && fchmod(fd, 0755) != 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	/*
	 * Who may read the directory can hold this lock, so it is waited for, but
	 * not for ever: without it only two daemons that start at once are at risk.
	 */
	for (int i = 0; i < 100 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	return fd;
}

/* Removes a dead socket of that name; 0 when the name is free. */
static int name_clear(const struct sockaddr_un *address)
{
	struct stat status;
	int fd, error;

	if (lstat(address->sun_path, &status) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	close(fd);
	if (error == 0 || error == EAGAIN) /* EAGAIN: alive, with a full backlog */
		return -EADDRINUSE;
	if (error == ENOENT)
		return 0;
	if (error != ECONNREFUSED)
		return -error;
	return unlink(address->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int server_bind(struct control_server *server, bool has_group, gid_t gid)
{
	const char *path = server->address.sun_path;
	struct stat status;

	if (fchmod(server->fd, 0600) != 0 ||
	    bind(server->fd, (const struct sockaddr *)&server->address, sizeof(server->address)) !=
		    0)
		return -errno;
	if (lstat(path, &status) != 0)
		return -errno;
	server->device = status.st_dev;
	server->inode = status.st_ino;
	server->bound = true;
	if (has_group && lchown(path, (uid_t)-1, gid) != 0)
		return -errno;
	if (chmod(path, has_group ? 0660 : 0600) != 0)
		return -errno;
	return listen(server->fd, BACKLOG) == 0 ? 0 : -errno;
}

int control_server_new(struct control_server **out, struct event_base *base, const char *path,
		       const char *group, control_handler_fn *handler, void *context)
{
	bool has_group = group != NULL && group[0] != '\0';
	struct control_server *server;
	int directory = -1, error;
	gid_t gid = (gid_t)-1;

	*out = NULL;
	if (path[0] == '\0')
		return -EINVAL;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return -ENOMEM;
	server->base = base;
	server->fd = -1;
	server->handler = handler;
	server->context = context;
	server->timeout_ms = TIMEOUT_MS;
	server->address.sun_family = AF_UNIX;
	TAILQ_INIT(&server->clients);
	error = -ENAMETOOLONG;
	if (strlen(path) >= sizeof(server->address.sun_path))
		goto out;
	memcpy(server->address.sun_path, path, strlen(path));
	if (has_group) {
		error = group_find(group, &gid);
		if (error != 0)
			goto out;
	}
	directory = directory_open(path);
	error = directory;
	if (directory < 0)
		goto out;
	error = name_clear(&server->address);
	if (error != 0)
		goto out;
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	error = server->fd < 0 ? -errno : server_bind(server, has_group, gid);
	if (error != 0)
		goto out;
	server->accept = event_new(base, server->fd, EV_READ | EV_PERSIST, server_accept, server);
	server->resume = evtimer_new(base, server_resume, server);
	if (server->accept == NULL || server->resume == NULL ||
	    event_add(server->accept, NULL) != 0)
		error = -ENOMEM;
out:
	if (directory >= 0)
		close(directory);
	if (error != 0)
		control_server_free(server);
	else
		*out = server;
	return error;
}

void control_server_free(struct control_server *server)
{
	struct stat status;

	if (server == NULL)
		return;
	while (!TAILQ_EMPTY(&server->clients))
		client_free(TAILQ_FIRST(&server->clients));
	if (server->accept != NULL)
		event_free(server->accept);
	if (server->resume != NULL)
		event_free(server->resume);
	/* Another daemon may have put its own socket there since. */
	if (server->bound && lstat(server->address.sun_path, &status) == 0 &&
	    status.st_dev == server->device && status.st_ino == server->inode)
		unlink(server->address.sun_path);
	if (server->fd >= 0)
		close(server->fd);
	free(server);
}

uint64_t control_server_refused(const struct control_server *server)
{
	return server->refused;
}

void control_server_set_timeout(struct control_server *server, int timeout_ms)
{
	server->timeout_ms = timeout_ms;
}
