/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packets - what the commands about packets share: policies, and flows as JSON.
 */
#ifndef WAYMARK_CLI_PACKETS_H
#define WAYMARK_CLI_PACKETS_H

#include <jansson.h>

#include <waymark/policy.h>

struct capture_flow;

/* A JSON string, or null for NULL. */
json_t *cli_text_or_null(const char *text);
/* NULL: the findings have been printed. */
struct policy *cli_policy_load(const char *path);
/* file, flow, first, family, proto, src, sport, dst, dport, packets, bytes, app, host. */
json_t *cli_flow_json(const char *file, const struct capture_flow *flow);
/* Adds rule, uplink, mark. */
void cli_decision_json(json_t *json, const struct policy *policy, const struct flow *flow);
/* Writes one line and frees. 0, or -1. */
int cli_json_line(json_t *json);

#endif
