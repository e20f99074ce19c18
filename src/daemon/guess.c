/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `waymark explain` wants to know: what the names cache would expect of a connection that
 * began now. The very question that the classifier asks on a first packet (names_find), since a
 * listing does not tell which of several names is the newest.
 */
#include "daemon.h"

#include <inttypes.h>
#include <time.h>

#include <waymark/inspect.h>
#include <waymark/names.h>

static const char *const origins[] = {
	[NAMES_NO_HOST] = "none",
	[NAMES_CLIENT_ANSWER] = "client-answer",
	[NAMES_CLIENT_SEEN] = "client-seen",
	[NAMES_SERVER_SEEN] = "server-seen",
	[NAMES_OTHER_ANSWER] = "other-answer",
};

static json_t *host_json(const char *host, uint8_t length)
{
	return length ? json_stringn(host, length) : json_null();
}

static json_t *guess_json(const struct names_guess *guess)
{
	json_t *apps = json_array();

	for (unsigned i = 0; i < guess->app_count && i < NAMES_APPS; i++)
		if (app_name(guess->apps[i]))
			json_array_append_new(apps, json_string(app_name(guess->apps[i])));
	return json_pack("{s:o,s:s,s:o,s:o,s:o}", "host",
			 host_json(guess->host, guess->host_length), "origin",
			 origins[guess->origin], "answer",
			 host_json(guess->answer, guess->answer_length), "apps", apps, "rule",
			 guess->rule ? json_sprintf("%" PRIx64, guess->rule) : json_null());
}

json_t *guess_answer(struct daemon *daemon, const json_t *request)
{
	const char *client = json_string_value(json_object_get(request, "client"));
	const char *address = json_string_value(json_object_get(request, "address"));
	json_int_t proto = json_integer_value(json_object_get(request, "proto"));
	json_int_t port = json_integer_value(json_object_get(request, "port"));
	struct names_endpoint server = {.proto = (uint8_t)proto, .port = (uint16_t)port};
	struct names_guess guess;
	struct ip_addr from;
	struct timespec now;
	uint64_t now_us;

	if (!client || !ip_parse(client, &from) || !address || !ip_parse(address, &server.address))
		return control_fail("guess needs the addresses of client and server");
	if (proto < 0 || proto > UINT8_MAX || port < 0 || port > UINT16_MAX)
		return control_fail("no such protocol or port");
	clock_gettime(CLOCK_REALTIME, &now);
	now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	if (!names_find(daemon->names, &from, &server,
			json_is_true(json_object_get(request, "per_client")), now_us, &guess))
		return control_ok(json_null());
	return control_ok(guess_json(&guess));
}
