/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packets - what the commands about packets share beside captures and flow lines.
 */
#ifndef WAYMARK_CLI_PACKETS_H
#define WAYMARK_CLI_PACKETS_H

#include <jansson.h>

#include <waymark/policy.h>

/* A JSON string, or null for NULL. */
json_t *cli_text_or_null(const char *text);
/* NULL: the findings have been printed. */
struct policy *cli_policy_load(const char *path);
#endif
