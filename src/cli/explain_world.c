/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `explain` asks this machine: its daemon about names, its kernel about routes.
 *
 * Neither has to be there. A configuration may be tried out on another machine than the router,
 * by somebody who may not talk to the daemon: then the answer says what was not asked, and why.
 *
 * The kernel wants to know by which interface a forwarded packet came in, and takes no foreign
 * IPv4 source without one. If it was not given, it is the interface by which the kernel would
 * reach the source: what it must be for answers to come back.
 */
#include <stdlib.h>
#include <string.h>

#include <waymark/control.h>
#include <waymark/route.h>

#include "cli.h"
#include "explain.h"
#include "packets.h"

#define NAMES_TIMEOUT_MS 2000
#define TABLE_MAIN 254

/* ---- the daemon ---- */

static const struct {
	const char *word, *text;
} origins[] = {
	[NAMES_NO_HOST] = {"none", "no name"},
	[NAMES_CLIENT_ANSWER] = {"client-answer", "DNS, asked by this client"},
	[NAMES_CLIENT_SEEN] = {"client-seen", "an earlier connection of this client"},
	[NAMES_SERVER_SEEN] = {"server-seen", "an earlier connection to this server"},
	[NAMES_OTHER_ANSWER] = {"other-answer", "DNS, asked by another client"},
};

#define ORIGINS (sizeof(origins) / sizeof(origins[0]))

const char *explain_origin_word(enum names_origin origin)
{
	return (size_t)origin < ORIGINS ? origins[origin].word : "";
}

const char *explain_origin_text(enum names_origin origin)
{
	return (size_t)origin < ORIGINS ? origins[origin].text : "";
}

static uint8_t take_host(const json_t *answer, const char *key, char host[NAMES_HOST_SIZE])
{
	const char *text = json_string_value(json_object_get(answer, key));
	size_t length = text ? strlen(text) : 0;

	if (!length || length >= NAMES_HOST_SIZE)
		return 0;
	memcpy(host, text, length + 1);
	return (uint8_t)length;
}

static void take_guess(const json_t *answer, struct names_guess *guess)
{
	const char *origin = json_string_value(json_object_get(answer, "origin"));
	const char *rule = json_string_value(json_object_get(answer, "rule"));
	const json_t *apps = json_object_get(answer, "apps");

	*guess = (struct names_guess){.origin = NAMES_NO_HOST};
	for (size_t i = 0; origin && i < ORIGINS; i++)
		if (strcmp(origins[i].word, origin) == 0)
			guess->origin = (enum names_origin)i;
	guess->host_length = take_host(answer, "host", guess->host);
	guess->answer_length = take_host(answer, "answer", guess->answer);
	guess->rule = rule ? strtoull(rule, NULL, 16) : 0;
	for (size_t i = 0; i < json_array_size(apps) && guess->app_count < NAMES_APPS; i++) {
		const char *name = json_string_value(json_array_get(apps, i));
		uint16_t app = name ? app_find(name) : APP_NONE;

		if (app != APP_NONE)
			guess->apps[guess->app_count++] = app;
	}
}

void explain_ask_names(const char *socket, const struct policy *policy,
		       const struct hypothesis *hypothesis, struct explain_names *names)
{
	const struct rule_facts *facts = &hypothesis->facts;
	char client[IP_TEXT_SIZE], address[IP_TEXT_SIZE];
	json_t *request, *answer = NULL;

	*names = (struct explain_names){.known = false};
	if (!socket)
		return;
	request = json_pack("{s:s,s:s,s:s,s:i,s:i,s:b}", "command", "guess", "client",
			    ip_format(&facts->src, client), "address",
			    ip_format(&facts->dst, address), "proto", facts->proto, "port",
			    facts->has_ports ? facts->dport : 0, "per_client",
			    policy->conf->names.per_client);
	if (!request)
		snprintf(names->reason, sizeof(names->reason), "out of memory");
	else if (control_request(socket, request, NAMES_TIMEOUT_MS, &answer, names->reason,
				 sizeof(names->reason)) == 0) {
		names->reason[0] = '\0';
		names->known = json_is_object(answer);
		if (names->known)
			take_guess(answer, &names->guess);
	}
	json_decref(answer);
	json_decref(request);
}

static void take_use(const struct conf_uplink *uplink, const json_t *said, void *context)
{
	const char *use = json_string_value(json_object_get(said, "use"));

	if (use && strcmp(use, "usable") != 0)
		steer_state_set_use(context, uplink->mark,
				    strcmp(use, "drained") == 0 ? STEER_DRAINED : STEER_LOST);
}

void explain_ask_uplinks(const char *socket, const struct policy *policy, struct steer_state *state)
{
	cli_visit_uplinks(socket, policy->conf, take_use, state);
}

/* ---- the kernel ---- */

static void set_interface_in(const struct hypothesis *hypothesis, struct route_question *question,
			     struct route_answer *back)
{
	struct route_question reverse = {.dst = question->src};

	if (hypothesis->facts.hook == RULE_HOOK_FORWARD && hypothesis->facts.iface_in_name) {
		question->iface_in = hypothesis->facts.iface_in_name;
		return;
	}
	if (route_lookup(&reverse, back) < 0 || back->error[0] || !back->type)
		question->src.family = IP_NONE; /* nobody here knows it */
	else if (strcmp(back->type, "local") == 0)
		return; /* it is this machine's own */
	else if (hypothesis->facts.hook == RULE_HOOK_FORWARD)
		question->iface_in = back->interface;
	else
		question->src.family = IP_NONE;
}

static json_t *address_or_null(const struct ip_addr *addr)
{
	char text[IP_TEXT_SIZE];

	return addr->family ? json_string(ip_format(addr, text)) : json_null();
}

static json_t *kernel_json(const struct route_question *question, const struct route_answer *answer)
{
	bool found = answer->error[0] == '\0';

	return json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "type", cli_text_or_null(answer->type),
		"table", found ? json_integer(answer->table) : json_null(), "gateway",
		address_or_null(&answer->gateway), "interface",
		answer->interface[0] ? cli_text_json(answer->interface) : json_null(), "source",
		address_or_null(&answer->source), "mark", json_sprintf("0x%x", question->mark),
		"iface_in", question->iface_in ? cli_text_json(question->iface_in) : json_null(),
		"error", found ? json_null() : json_string(answer->error));
}

/* Only an uplink says where its packets must go. */
static json_t *warning_json(const struct conf_uplink *uplink, const struct route_answer *answer)
{
	if (!uplink)
		return json_null();
	if (answer->error[0])
		return json_sprintf("the kernel has no way for the mark of uplink '%s': %s",
				    uplink->name, answer->error);
	if (answer->type && strcmp(answer->type, "local") == 0)
		return json_string("the destination is an address of this machine");
	if (strcmp(answer->interface, uplink->interface) == 0)
		return json_null();
	if (answer->table == TABLE_MAIN)
		return json_sprintf("the kernel sends it by %s (table main), not by %s of uplink "
				    "'%s': a route of main's, or no rule for the mark",
				    answer->interface, uplink->interface, uplink->name);
	return json_sprintf("the kernel sends it by %s (table %u), not by %s of uplink '%s'",
			    answer->interface, answer->table, uplink->interface, uplink->name);
}

static void ask_kernel(json_t *route, const struct policy *policy,
		       const struct hypothesis *hypothesis, const struct conf_uplink *uplink,
		       uint32_t bits)
{
	const struct rule_facts *facts = &hypothesis->facts;
	struct route_question question = {
		.dst = facts->dst,
		.src = facts->src,
		.mark = mark_merge(&policy->conf->mark, facts->mark, bits),
		.uid = facts->uid,
		.has_uid = facts->has_uid,
		.proto = facts->proto,
		.sport = facts->sport,
		.dport = facts->dport,
		.has_ports = facts->has_ports,
		.tos = facts->tos,
	};
	struct route_answer answer, back;
	bool asked;

	set_interface_in(hypothesis, &question, &back);
	asked = route_lookup(&question, &answer) == 0;
	json_object_set_new(route, "kernel", asked ? kernel_json(&question, &answer) : json_null());
	json_object_set_new(route, "reason", asked ? json_null() : json_string(answer.error));
	json_object_set_new(route, "warning", asked ? warning_json(uplink, &answer) : json_null());
}

json_t *explain_route(const struct policy *policy, const struct hypothesis *hypothesis,
		      uint32_t value, uint32_t bits)
{
	const struct conf_uplink *uplink = conf_uplink_by_mark(policy->conf, value);
	json_t *route;

	if (value == policy->conf->mark.drop)
		return json_null();
	route = uplink ? json_pack("{s:I,s:o,s:b}", "table", (json_int_t)uplink->table, "interface",
				   cli_text_json(uplink->interface), "nat", uplink->nat)
		       : json_pack("{s:s}", "table", "main");
	ask_kernel(route, policy, hypothesis, uplink, bits);
	return route;
}
