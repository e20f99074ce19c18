/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain - what the files of `waymark explain` share.
 *
 * explain.c reads the hypothesis from the options and prints; explain_story.c judges it by
 * classify_decide() and tells the story; explain_world.c asks what only this machine knows:
 * the daemon's names cache and the kernel's routes.
 */
#ifndef WAYMARK_CLI_EXPLAIN_H
#define WAYMARK_CLI_EXPLAIN_H

#include <stdbool.h>

#include <jansson.h>

#include <waymark/names.h>
#include <waymark/policy.h>

struct hypothesis {
	struct rule_facts facts;
	struct evidence evidence; /* its patterns' bits belong to `ended` */
	bool has_evidence;
	bool older;	/* midstream: every decision is late */
	bool no_daemon; /* names are not asked for */
	/* an inspection that has seen nothing yet, and one that will see no more */
	struct inspection *begun, *ended;
	/* every enabled uplink is usable as far as the daemon does not know better; nobody has
	 * taken a turn yet */
	struct steer_state *steer_state;
	const char *host, *app, *alpn, *proto;
	bool app_assumed;
};

/* What the running daemon would expect of the connection. */
struct explain_names {
	bool known;
	struct names_guess guess; /* if known */
	char reason[256]; /* why the daemon was not asked or did not answer, if it was to be */
};

/* `socket` NULL: the daemon is to be left out. */
void explain_ask_names(const char *socket, const struct policy *policy,
		       const struct hypothesis *hypothesis, struct explain_names *names);
/* Which uplinks new flows may take, as the daemon knows it; without it all of them. */
void explain_ask_uplinks(const char *socket, const struct policy *policy,
			 struct steer_state *state);
/* Where a guess's name comes from: "client-answer", ..., and as people say it. */
const char *explain_origin_word(enum names_origin origin);
const char *explain_origin_text(enum names_origin origin);

/*
 * The line that the configuration has for `value`, and what the kernel does with a packet of
 * which `bits` are our part of the mark. null for a value that is dropped.
 */
json_t *explain_route(const struct policy *policy, const struct hypothesis *hypothesis,
		      uint32_t value, uint32_t bits);

/* The whole document. */
json_t *explain_document(const struct policy *policy, const struct hypothesis *hypothesis,
			 const struct explain_names *names);

#endif
