/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What flows turned out to be, as a document: `waymark stats --apps` gets it from the daemon,
 * `waymark replay --apps` makes it of captures. What comes first is what there is most of.
 */
#include <waymark/doubt.h>

#include <stdlib.h>
#include <string.h>

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* ---- known ---- */

struct known {
	const char *name;
	const struct doubt_app *app;
};

static int compare_known(const void *left, const void *right)
{
	const struct known *a = left, *b = right;

	if (a->app->flows != b->app->flows)
		return a->app->flows < b->app->flows ? 1 : -1;
	return strcmp(a->name, b->name);
}

static json_t *known_document(const struct doubt *doubt)
{
	struct known *list = calloc(APP_MAX, sizeof(*list));
	json_t *document = json_array();
	size_t count = 0;

	for (unsigned app = 0; list && app < APP_MAX; app++) {
		const struct doubt_app *counted = doubt_app(doubt, (uint16_t)app);

		if (counted->flows)
			list[count++] = (struct known){app_name((uint16_t)app), counted};
	}
	if (count)
		qsort(list, count, sizeof(*list), compare_known);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(document, json_pack("{s:s,s:o,s:o,s:o}", "app", list[i].name,
							  "flows", number(list[i].app->flows),
							  "packets", number(list[i].app->packets),
							  "bytes", number(list[i].app->bytes)));
	free(list);
	return document;
}

/* ---- unknown ---- */

static json_t *hex(const struct doubt_bytes *bytes)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * DOUBT_BYTES];

	for (unsigned i = 0; i < bytes->length; i++) {
		text[2 * i] = digits[bytes->bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes->bytes[i] & 15];
	}
	return json_stringn(text, 2u * bytes->length);
}

static json_t *common_json(const struct doubt_common *common)
{
	char text[DOUBT_PATTERN_SIZE];

	doubt_pattern(common, text);
	return *text ? json_string(text) : json_null();
}

static json_t *entry_json(const struct doubt_entry *entry)
{
	const char *name = packet_proto_name(entry->proto);
	json_t *samples = json_array();

	for (unsigned i = 0; i < entry->sample_count; i++) {
		const struct doubt_sample *sample = &entry->samples[i];

		json_array_append_new(samples,
				      json_pack("{s:o,s:o,s:o}", "flows", number(sample->flows),
						"client", hex(&sample->begin[FLOW_FROM_CLIENT]),
						"server", hex(&sample->begin[FLOW_FROM_SERVER])));
	}
	return json_pack("{s:o,s:i,s:s,s:o,s:o,s:o,s:o,s:f,s:{s:o,s:o},s:o}", "proto",
			 name ? json_string(name) : json_sprintf("%u", entry->proto), "port",
			 entry->port, "first",
			 entry->first == FLOW_FROM_CLIENT ? "client" : "server", "flows",
			 number(entry->flows), "unfinished", number(entry->unfinished), "packets",
			 number(entry->packets), "bytes", number(entry->bytes), "last_seen",
			 (double)entry->last_us / 1e6, "common", "client",
			 common_json(&entry->common[FLOW_FROM_CLIENT]), "server",
			 common_json(&entry->common[FLOW_FROM_SERVER]), "samples", samples);
}

static int compare_entries(const void *left, const void *right)
{
	const struct doubt_entry *a = *(const struct doubt_entry *const *)left;
	const struct doubt_entry *b = *(const struct doubt_entry *const *)right;

	if (a->flows != b->flows)
		return a->flows < b->flows ? 1 : -1;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	if (a->proto != b->proto)
		return a->proto - b->proto;
	if (a->port != b->port)
		return a->port - b->port;
	return a->first - b->first;
}

static json_t *unknown_document(const struct doubt *doubt)
{
	json_t *document = json_array();
	const struct doubt_entry **list;
	size_t count = 0;

	while (doubt_entry(doubt, count))
		count++;
	list = calloc(count + 1, sizeof(*list));
	for (size_t i = 0; list && i < count; i++)
		list[i] = doubt_entry(doubt, i);
	if (list)
		qsort(list, count, sizeof(*list), compare_entries);
	for (size_t i = 0; list && i < count; i++)
		json_array_append_new(document, entry_json(list[i]));
	free(list);
	return document;
}

json_t *doubt_document(const struct doubt *doubt)
{
	const struct doubt_totals *totals = doubt_totals(doubt);

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:{s:o,s:o}}", "known", known_document(doubt),
			 "unknown", unknown_document(doubt), "silent", number(totals->silent),
			 "midstream", number(totals->midstream), "not_inspected",
			 number(totals->not_inspected), "forgotten", "ports",
			 number(totals->forgotten_entries), "flows",
			 number(totals->forgotten_flows));
}
