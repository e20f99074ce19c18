/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the line between waymarkd and `waymark`: one JSON request, one JSON answer.
 *
 * A client connects to a Unix stream socket, sends one JSON object on one line
 * ({"command": "status", ...}), and reads one JSON document until the end of the
 * stream: {"ok": true, "data": ...} or {"ok": false, "error": "..."}.
 * Bounds: CONTROL_CLIENTS_MAX clients, CONTROL_REQUEST_MAX bytes of request, ten
 * seconds for a client to ask and to read. What is refused is counted.
 * Threads: the server lives in the thread that runs its event_base.
 */
#ifndef WAYMARK_CONTROL_H
#define WAYMARK_CONTROL_H

#include <stdint.h>

#include <jansson.h>

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_REQUEST_MAX 65536
#define CONTROL_DEFAULT_SOCKET "/run/waymark/control.sock"

struct event_base;
struct control_server;

/* Answers one request; never NULL (make answers with control_ok and control_fail). The server frees it. */
typedef json_t *control_handler_fn(const json_t *request, void *context);

/*
 * Makes missing parent directory (one level), replaces a dead socket, refuses
 * a live one (-EADDRINUSE). Mode 0600, or 0660 with `group` ("" = none).
 */
int control_server_new(struct control_server **server, struct event_base *base, const char *path,
		       const char *group, control_handler_fn *handler, void *context);
/* Closes and unlinks. */
void control_server_free(struct control_server *server);
uint64_t control_server_refused(const struct control_server *server);

/* Steals `data`. */
json_t *control_ok(json_t *data);
json_t *control_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The client's side: sends, waits (at most timeout_ms), parses. 0 with *data
 * (owned by the caller), or -errno with a message in `error` (-EPROTO: the daemon said no; its words).
 */
int control_request(const char *path, json_t *request, int timeout_ms, json_t **data, char *error,
		    size_t error_size);

#endif
