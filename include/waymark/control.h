/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the line between waymarkd and `waymark`: one JSON request, one JSON answer.
 *
 * A client connects to a Unix stream socket, sends one JSON object on one line
 * ({"command": "status", ...}), and reads one JSON document until the end of the
 * stream: {"ok": true, "data": ...} or {"ok": false, "error": "..."}, the latter
 * with "findings": ["file:line: message", ...] where a configuration was refused.
 * Bounds: CONTROL_CLIENTS_MAX clients, CONTROL_REQUEST_MAX bytes of request,
 * CONTROL_ANSWER_MAX bytes of answer, ten seconds for a client to ask and ten to
 * read. What is refused is counted.
 * Threads: the server lives in the thread that runs its event_base.
 */
#ifndef WAYMARK_CONTROL_H
#define WAYMARK_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <waymark/diag.h>

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_REQUEST_MAX 65536
#define CONTROL_ANSWER_MAX (256u << 20)
#define CONTROL_DEFAULT_SOCKET "/run/waymark/control.sock"

struct event_base;
struct control_server;

/* Answers one request; never NULL (make answers with control_ok and control_fail). The server frees
 * it. */
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
json_t *control_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * Puts the findings where `waymark` looks for them: give it the answer of control_fail(), or
 * the data of an answer that succeeded with warnings.
 */
void control_add_findings(json_t *object, const struct diag_list *diags);

/*
 * The client's side: sends (`request` stays the caller's), waits (at most timeout_ms in all),
 * parses. 0 with *data (owned by the caller), or -errno with a message in `error`
 * (-EPROTO: the daemon said no; its words). *data is then NULL, or, with -EPROTO, the
 * array of findings that the daemon sent along (owned by the caller).
 */
int control_request(const char *path, json_t *request, int timeout_ms, json_t **data, char *error,
		    size_t error_size);

#endif
