/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `waymark names` shows: the names cache, an object for each name that a client was given
 * or showed, with all the addresses of it. And what `waymark explain` asks: what the cache would
 * expect of a connection that began now, by the very question of a first packet (names_find),
 * since a listing does not tell which of several names is the newest.
 *
 * The cache keeps an answer twice, for its client and for everybody; shown is the client's,
 * and everybody's only where no client has it (any more). Entries are copied out first, within a
 * bound, and grouped then: readers of the cache hold nothing up, and neither must a listing.
 */
#include "daemon.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_DEFAULT 10000
#define ROWS_MAX 100000

struct row {
	struct ip_addr client;
	struct names_endpoint server;
	char *host; /* "": only apps are known */
	uint64_t expires_us;
	uint16_t apps[NAMES_APPS];
	uint8_t app_count, source;
	bool answer;
};

struct listing {
	struct ip_addr client, address; /* wanted; family IP_NONE: any */
	const char *name;		/* wanted, with what is under it; NULL: any */
	struct row *rows;
	size_t count, capacity, max;
	bool out_of_memory;
};

static bool is_under(const char *host, const char *name)
{
	size_t length = strlen(host), suffix = strlen(name);

	return length >= suffix && strcasecmp(host + length - suffix, name) == 0 &&
	       (length == suffix || host[length - suffix - 1] == '.');
}

static bool take(const struct names_entry *entry, void *context)
{
	struct listing *listing = context;
	struct row *row;

	if ((listing->address.family && !ip_equal(&listing->address, &entry->server.address)) ||
	    (listing->client.family && entry->client.family &&
	     !ip_equal(&listing->client, &entry->client)) ||
	    (listing->name && !is_under(entry->host, listing->name)))
		return true;
	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity ? listing->capacity * 2 : 256;
		struct row *rows = reallocarray(listing->rows, capacity, sizeof(*rows));

		if (!rows)
			goto fail;
		listing->rows = rows;
		listing->capacity = capacity;
	}
	row = &listing->rows[listing->count];
	*row = (struct row){
		.client = entry->client,
		.server = entry->server,
		.host = strdup(entry->host),
		.expires_us = entry->expires_us,
		.app_count = entry->app_count,
		.source = entry->source,
		.answer = entry->answer,
	};
	memcpy(row->apps, entry->apps, sizeof(row->apps));
	if (!row->host)
		goto fail;
	return ++listing->count < listing->max;
fail:
	listing->out_of_memory = true;
	return false;
}

/* By what makes one object, but for the client; a client's own before everybody's. */
static int compare_names(const struct row *a, const struct row *b)
{
	int order = strcmp(a->host, b->host);

	if (order)
		return order;
	if (a->answer != b->answer)
		return a->answer ? -1 : 1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	if (a->server.proto != b->server.proto)
		return a->server.proto < b->server.proto ? -1 : 1;
	return (a->server.port > b->server.port) - (a->server.port < b->server.port);
}

static int by_address(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = compare_names(a, b);

	if (!order)
		order = ip_compare(&a->server.address, &b->server.address);
	return order ? order : -ip_compare(&a->client, &b->client);
}

static int by_client(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = compare_names(a, b);

	if (!order)
		order = ip_compare(&a->client, &b->client);
	return order ? order : ip_compare(&a->server.address, &b->server.address);
}

/* Everybody's copies of what a client has go. */
static void leave_out_copies(struct listing *listing)
{
	size_t kept = 0;

	qsort(listing->rows, listing->count, sizeof(*listing->rows), by_address);
	for (size_t i = 0; i < listing->count; i++) {
		struct row *row = &listing->rows[i];
		const struct row *before = kept ? &listing->rows[kept - 1] : NULL;

		if (!row->client.family && *row->host && before &&
		    compare_names(before, row) == 0 &&
		    ip_equal(&before->server.address, &row->server.address))
			free(row->host);
		else
			listing->rows[kept++] = *row;
	}
	listing->count = kept;
}

static json_t *apps_json(const uint16_t *apps, unsigned count)
{
	json_t *json = json_array();

	for (unsigned i = 0; i < count && i < NAMES_APPS; i++)
		if (app_name(apps[i]))
			json_array_append_new(json, json_string(app_name(apps[i])));
	return json;
}

static json_t *object_of(const struct row *row)
{
	const char *source = row->answer ? "dns" : host_source_name(row->source);
	json_t *json = json_pack("{s:o,s:o,s:o,s:I,s:s}", "name",
				 *row->host ? json_string(row->host) : json_null(), "addresses",
				 json_array(), "client", address_or_null(&row->client), "ttl_s",
				 (json_int_t)0, "source", source ? source : "learned");

	if (row->answer)
		return json;
	json_object_set_new(json, "proto", proto_json(row->server.proto));
	json_object_set_new(json, "port", json_integer(row->server.port));
	if (row->app_count)
		json_object_set_new(json, "apps", apps_json(row->apps, row->app_count));
	return json;
}

static json_t *grouped(struct listing *listing, uint64_t now_us)
{
	json_t *document = json_array(), *object = NULL;
	uint64_t soonest_us = 0;

	if (listing->count == 0) /* there is nothing to sort, not even an array */
		return document;
	leave_out_copies(listing);
	qsort(listing->rows, listing->count, sizeof(*listing->rows), by_client);
	for (size_t i = 0; i < listing->count; i++) {
		const struct row *row = &listing->rows[i], *before = i ? row - 1 : row;

		if (!object || !*row->host || compare_names(before, row) != 0 ||
		    ip_compare(&before->client, &row->client) != 0) {
			object = object_of(row);
			json_array_append_new(document, object);
			soonest_us = UINT64_MAX;
		}
		if (row->expires_us < soonest_us)
			soonest_us = row->expires_us;
		json_array_append_new(json_object_get(object, "addresses"),
				      address_or_null(&row->server.address));
		json_object_set_new(
			object, "ttl_s",
			json_integer((json_int_t)(soonest_us > now_us
							  ? (soonest_us - now_us) / 1000000
							  : 0)));
	}
	return document;
}

json_t *names_answer(struct daemon *daemon, const json_t *request)
{
	const char *client = json_string_value(json_object_get(request, "client"));
	const char *address = json_string_value(json_object_get(request, "address"));
	json_int_t limit = json_integer_value(json_object_get(request, "limit"));
	struct listing listing = {
		.name = json_string_value(json_object_get(request, "name")),
		.max = limit <= 0	  ? ROWS_DEFAULT
		       : limit > ROWS_MAX ? ROWS_MAX
					  : (size_t)limit,
	};
	uint64_t now_us = wall_us();
	json_t *answer;

	if (client && !ip_parse(client, &listing.client))
		return control_fail("client is not an address");
	if (address && !ip_parse(address, &listing.address))
		return control_fail("address is not an address");
	names_visit(daemon->names, now_us, take, &listing);
	answer = listing.out_of_memory ? control_fail("out of memory")
				       : control_ok(grouped(&listing, now_us));
	for (size_t i = 0; i < listing.count; i++)
		free(listing.rows[i].host);
	free(listing.rows);
	return answer;
}

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
	return json_pack("{s:o,s:s,s:o,s:o,s:o}", "host",
			 host_json(guess->host, guess->host_length), "origin",
			 origins[guess->origin], "answer",
			 host_json(guess->answer, guess->answer_length), "apps",
			 apps_json(guess->apps, guess->app_count), "rule",
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

	if (!client || !ip_parse(client, &from) || !address || !ip_parse(address, &server.address))
		return control_fail("guess needs the addresses of client and server");
	if (proto < 0 || proto > UINT8_MAX || port < 0 || port > UINT16_MAX)
		return control_fail("no such protocol or port");
	if (!names_find(daemon->names, &from, &server,
			json_is_true(json_object_get(request, "per_client")), wall_us(), &guess))
		return control_ok(json_null());
	return control_ok(guess_json(&guess));
}

json_t *names_stats_document(const struct daemon *daemon)
{
	struct names_stats stats;

	names_stats(daemon->names, &stats);
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "entries", (json_int_t)stats.entries,
			 "max", (json_int_t)stats.max, "bytes", (json_int_t)stats.bytes, "added",
			 (json_int_t)stats.added, "refreshed", (json_int_t)stats.refreshed,
			 "evicted", (json_int_t)stats.evicted, "contended",
			 (json_int_t)stats.contended);
}
