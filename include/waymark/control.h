/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the line between waymarkd and `waymark`: one JSON request, one JSON answer, or an
 * answer that goes on.
 *
 * A client connects to a Unix stream socket, sends one JSON object on one line
 * ({"command": "status", ...}), and reads one JSON document until the end of the
 * stream: {"ok": true, "data": ...} or {"ok": false, "error": "..."}, the latter
 * with "findings": ["file:line: message", ...] where a configuration was refused.
 *
 * An answer made with control_follow() goes on: its one line is followed by one line of JSON
 * for each event that is published, until either side closes. Such a client is a
 * follower. It has every event since its answer, in order, or is cut off; it
 * keeps its own side open, since closing that is how it leaves.
 *
 * Bounds: CONTROL_CLIENTS_MAX clients, CONTROL_REQUEST_MAX bytes of request,
 * CONTROL_ANSWER_MAX bytes of answer, ten seconds for a client to ask and ten to
 * read. Followers are clients too, at most CONTROL_FOLLOWERS_MAX of them, so that there is
 * always a place for one who asks. No deadline but that for the answer concerns them; one that has
 * more than CONTROL_BACKLOG_MAX bytes still to read is cut off. What is refused or cut off
 * is counted.
 * Threads: the server lives in the thread that runs its event_base.
 */
#ifndef WAYMARK_CONTROL_H
#define WAYMARK_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <waymark/diag.h>

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_FOLLOWERS_MAX 16
#define CONTROL_REQUEST_MAX 65536
#define CONTROL_ANSWER_MAX (256u << 20)
#define CONTROL_BACKLOG_MAX (256u << 10)
#define CONTROL_DEFAULT_SOCKET "/run/waymark/control.sock"

struct event_base;
struct control_server;

/*
 * Answers one request; never NULL (make answers with control_ok, control_follow and control_fail).
 * The server frees it.
 */
typedef json_t *control_handler_fn(const json_t *request, void *context);

/*
 * Makes missing parent directory (one level), replaces a dead socket, refuses
 * a live one (-EADDRINUSE) and anything else of that name (-EEXIST). Mode 0600,
 * or 0660 with `group` ("" = none; -ESRCH: no such group).
 */
int control_server_new(struct control_server **server, struct event_base *base, const char *path,
		       const char *group, control_handler_fn *handler, void *context);
/* Closes and unlinks. Not from within the handler. */
void control_server_free(struct control_server *server);
uint64_t control_server_refused(const struct control_server *server);
/* Instead of the ten seconds; for tests. Concerns clients that come later. */
void control_server_set_timeout(struct control_server *server, int timeout_ms);

/* Steals `data`. */
json_t *control_ok(json_t *data);
/*
 * The same, and the client becomes a follower: `data` is what holds now, events tell what
 * changes from there. The server refuses instead when it has CONTROL_FOLLOWERS_MAX of them.
 */
json_t *control_follow(json_t *data);
json_t *control_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * Puts the findings where `waymark` looks for them: give it the answer of control_fail(), or
 * the data of an answer that succeeded with warnings.
 */
void control_add_findings(json_t *object, const struct diag_list *diags);

/*
 * Sends `event` (stolen; an object) to each follower, without waiting. NULL, as json_pack() gives
 * when memory is out, cuts the followers off: none may miss an event unknowingly. A NULL server
 * or one without followers costs nothing; ask first where making the event costs.
 * May be called from within the handler; who asks there is not a follower yet.
 */
void control_server_publish(struct control_server *server, json_t *event);
bool control_server_has_followers(const struct control_server *server);

/*
 * The client's side: sends (`request` stays the caller's), waits (at most timeout_ms in all),
 * parses. 0 with *data (owned by the caller), or -errno with a message in `error`
 * (-EPROTO: the daemon said no; its words). *data is then NULL, or, with -EPROTO, the
 * array of findings that the daemon sent along (owned by the caller).
 */
int control_request(const char *path, json_t *request, int timeout_ms, json_t **data, char *error,
		    size_t error_size);

struct control_stream;

/*
 * As control_request(), for an answer that goes on: *data is its first line's. *stream is NULL
 * unless 0 is returned.
 */
int control_stream_open(struct control_stream **stream, const char *path, json_t *request,
			int timeout_ms, json_t **data, char *error, size_t error_size);
void control_stream_free(struct control_stream *stream);
/* Readable when there is more to read, or an end. */
int control_stream_fd(const struct control_stream *stream);
/*
 * The next event, without waiting: 0 with *event (owned by the caller), or with NULL when none has
 * come whole yet. -ECONNRESET: the daemon has closed; -EBADMSG: that was no JSON object; -EFBIG: it
 * has no end; other -errno of the socket. After an error there is nothing more.
 */
int control_stream_next(struct control_stream *stream, json_t **event);

#endif
