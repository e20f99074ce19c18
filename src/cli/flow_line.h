/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow_line - JSON text of packets and flows, written member by member.
 *
 * What is written is, byte for byte, what jansson would dump (compact, reals of CLI_REAL_DIGITS).
 * Whoever wants it as a json_t takes flow_line_json(). Out of memory is remembered: the line is
 * then empty, and `failed` stays set.
 */
#ifndef WAYMARK_CLI_FLOW_LINE_H
#define WAYMARK_CLI_FLOW_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include <waymark/policy.h>

struct capture_flow;

struct flow_line {
	char *bytes;
	size_t length, capacity;
	bool failed;
};

void flow_line_release(struct flow_line *line);

/* Room for `bytes` more; NULL: there is none, and the line is lost. */
char *flow_line_grow(struct flow_line *line, size_t bytes);

static inline char *flow_line_room(struct flow_line *line, size_t bytes)
{
	if (line->capacity - line->length >= bytes)
		return line->bytes + line->length;
	return flow_line_grow(line, bytes);
}

static inline void flow_line_add(struct flow_line *line, const char *text, size_t length)
{
	char *at = flow_line_room(line, length);

	if (!at)
		return;
	memcpy(at, text, length);
	line->length += length;
}
#define flow_line_literal(line, text) flow_line_add(line, text "", sizeof(text) - 1)
void flow_line_unsigned(struct flow_line *line, uint64_t number);
void flow_line_bool(struct flow_line *line, bool value);
/* Microseconds as seconds. */
void flow_line_seconds(struct flow_line *line, uint64_t us);
/* Quoted and escaped; null if NULL or not UTF-8, as bytes off the wire may be. */
void flow_line_string(struct flow_line *line, const char *text, size_t length);
void flow_line_text(struct flow_line *line, const char *text);
/* As cli_text_json(): what is not UTF-8 is written all the same. */
void flow_line_file(struct flow_line *line, const char *file);
/* "0x1" */
void flow_line_mark(struct flow_line *line, uint32_t mark);

/* file, flow, first, family, proto, src, sport, dst, dport, packets, bytes, app, host; without {
 * and }. */
void flow_line_key(struct flow_line *line, const char *file, const struct capture_flow *flow);
/* host_source, alpn, each behind a comma */
void flow_line_names(struct flow_line *line, const struct capture_flow *flow);
/* rule, uplink, mark */
void flow_line_decision(struct flow_line *line, const struct policy *policy,
			const struct flow *flow);
/* The text so far as a document, and the line empty; NULL: out of memory. */
json_t *flow_line_json(struct flow_line *line);

#endif
