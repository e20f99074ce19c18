/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What flows turned out to be, counted; and how the unknown ones begin.
 *
 * One loop finds an entry, or who must give way to a new one: it reads `places` alone, a few KiB
 * that stay in the cache, so that a flood of flows to ever new ports costs no more than
 * that. The entries themselves are touched where something is written.
 *
 * A flow is added as an entry of its own, with one sample, and merged: adding one and merging
 * the tables of two workers are the same operation, so their sums agree whoever saw a flow.
 *
 * Samples of an entry are kept apart where they differ in the first bytes: a protocol shows its
 * kinds of messages there. Of one that begins with a number of its own each time, the last few
 * remain; what is common to all flows is kept beside them, and tells which bytes those are.
 */
#include <waymark/doubt.h>

#include <stdlib.h>
#include <string.h>

#define ALIKE_BYTES 4

struct place {
	uint64_t flows, last_us;
	uint32_t key; /* of the entry of the same index */
};

struct doubt {
	struct place *places;
	struct doubt_entry *entries;
	size_t count, capacity;
	struct doubt_totals totals;
	struct doubt_app apps[APP_MAX];
};

struct doubt *doubt_new(size_t entries)
{
	struct doubt *doubt = calloc(1, sizeof(*doubt));

	if (!doubt)
		return NULL;
	doubt->capacity = entries ? entries : 1;
	doubt->places = calloc(doubt->capacity, sizeof(*doubt->places));
	doubt->entries = calloc(doubt->capacity, sizeof(*doubt->entries));
	if (!doubt->places || !doubt->entries) {
		doubt_free(doubt);
		return NULL;
	}
	return doubt;
}

void doubt_free(struct doubt *doubt)
{
	if (!doubt)
		return;
	free(doubt->places);
	free(doubt->entries);
	free(doubt);
}

/* ---- one flow ---- */

static uint8_t kind_of(const struct classify_settled *settled, bool spoke)
{
	const struct flow *flow = settled->flow;

	if (settled->evidence->app_count)
		return DOUBT_KNOWN;
	if (!flow->key.has_ports)
		return DOUBT_NOT_INSPECTED;
	if (!spoke)
		return settled->ended ? DOUBT_SILENT : DOUBT_NOT_INSPECTED;
	return flow->midstream ? DOUBT_MIDSTREAM : DOUBT_UNKNOWN;
}

void doubt_flow_init(struct doubt_flow *out, const struct classify_settled *settled)
{
	const struct inspection_look *look = &settled->look;
	const struct flow *flow = settled->flow;

	*out = (struct doubt_flow){
		.kind = kind_of(settled, look->length[0] || look->length[1]),
		.app = evidence_app(settled->evidence),
		.proto = flow->key.proto,
		.port = flow->key.server_port,
		.first = look->first,
		.unfinished = !settled->evidence->apps_done,
		.packets = flow_packets(flow),
		.bytes = flow_bytes(flow),
		.last_us = flow_last_us(flow),
	};
	for (unsigned d = 0; d < 2; d++) {
		uint32_t length = look->length[d] < DOUBT_BYTES ? look->length[d] : DOUBT_BYTES;

		out->begin[d].length = (uint8_t)length;
		if (length)
			memcpy(out->begin[d].bytes, look->bytes[d], length);
	}
}

/* ---- merging ---- */

static bool begin_alike(const struct doubt_bytes *a, const struct doubt_bytes *b)
{
	size_t length = a->length < b->length ? a->length : b->length;

	return !memcmp(a->bytes, b->bytes, length < ALIKE_BYTES ? length : ALIKE_BYTES);
}

static bool samples_alike(const struct doubt_sample *a, const struct doubt_sample *b)
{
	return begin_alike(&a->begin[0], &b->begin[0]) && begin_alike(&a->begin[1], &b->begin[1]);
}

static unsigned shown(const struct doubt_sample *sample)
{
	return (unsigned)sample->begin[0].length + sample->begin[1].length;
}

static void sample_merge(struct doubt_sample *into, const struct doubt_sample *from)
{
	struct doubt_sample merged = *into;

	if (shown(from) > shown(into) ||
	    (shown(from) == shown(into) && from->last_us >= into->last_us))
		merged = *from;
	merged.flows = into->flows + from->flows;
	merged.last_us = from->last_us > into->last_us ? from->last_us : into->last_us;
	*into = merged;
}

static void sample_add(struct doubt_entry *entry, const struct doubt_sample *sample)
{
	struct doubt_sample *least = entry->samples;

	for (unsigned i = 0; i < entry->sample_count; i++) {
		struct doubt_sample *own = &entry->samples[i];

		if (samples_alike(own, sample)) {
			sample_merge(own, sample);
			return;
		}
		if (own->flows < least->flows ||
		    (own->flows == least->flows && own->last_us < least->last_us))
			least = own;
	}
	if (entry->sample_count < DOUBT_SAMPLES)
		entry->samples[entry->sample_count++] = *sample;
	else if (sample->flows >= least->flows)
		*least = *sample;
}

static void common_merge(struct doubt_common *into, const struct doubt_common *from)
{
	if (!from->flows)
		return;
	if (!into->flows) {
		*into = *from;
		return;
	}
	into->flows += from->flows;
	if (into->first.length > from->first.length)
		into->first.length = from->first.length;
	into->same &= from->same;
	for (unsigned i = 0; i < DOUBT_BYTES; i++)
		if (i >= into->first.length || into->first.bytes[i] != from->first.bytes[i])
			into->same &= ~(UINT32_C(1) << i);
}

static void entry_merge(struct doubt_entry *into, const struct doubt_entry *from)
{
	into->flows += from->flows;
	into->unfinished += from->unfinished;
	into->packets += from->packets;
	into->bytes += from->bytes;
	if (into->last_us < from->last_us)
		into->last_us = from->last_us;
	for (unsigned d = 0; d < 2; d++)
		common_merge(&into->common[d], &from->common[d]);
	for (unsigned i = 0; i < from->sample_count; i++)
		sample_add(into, &from->samples[i]);
}

/* ---- the table ---- */

static uint32_t key_of(const struct doubt_entry *entry)
{
	return (uint32_t)entry->proto << 24 | (uint32_t)entry->first << 16 | entry->port;
}

/* Merges the entry into its like, or into a free or freed place. */
static void table_add(struct doubt *doubt, const struct doubt_entry *entry)
{
	struct place *place = doubt->places, *least = doubt->places;
	const struct place *end = doubt->places + doubt->count;
	uint32_t key = key_of(entry);
	struct doubt_entry *own;

	for (; place < end && place->key != key; place++)
		if (place->flows < least->flows ||
		    (place->flows == least->flows && place->last_us < least->last_us))
			least = place;
	if (place == end && doubt->count < doubt->capacity) {
		doubt->count++;
	} else if (place == end) {
		doubt->totals.forgotten_entries++;
		doubt->totals.forgotten_flows += least->flows;
		place = least;
	}
	own = &doubt->entries[place - doubt->places];
	if (place->key != key || !place->flows)
		*own = (struct doubt_entry){
			.proto = entry->proto, .first = entry->first, .port = entry->port};
	entry_merge(own, entry);
	*place = (struct place){own->flows, own->last_us, key};
}

static void add_unknown(struct doubt *doubt, const struct doubt_flow *flow)
{
	struct doubt_entry entry = {
		.proto = flow->proto,
		.first = flow->first,
		.port = flow->port,
		.flows = 1,
		.unfinished = flow->unfinished,
		.packets = flow->packets,
		.bytes = flow->bytes,
		.last_us = flow->last_us,
		.sample_count = 1,
		.samples[0] = {1, flow->last_us, {flow->begin[0], flow->begin[1]}},
	};

	for (unsigned d = 0; d < 2; d++) {
		uint8_t length = flow->begin[d].length;

		if (length)
			entry.common[d] = (struct doubt_common){
				.flows = 1,
				.same = UINT32_MAX >> (DOUBT_BYTES - length),
				.first = flow->begin[d],
			};
	}
	table_add(doubt, &entry);
}

void doubt_add(struct doubt *doubt, const struct doubt_flow *flow)
{
	switch ((enum doubt_kind)flow->kind) {
	case DOUBT_KNOWN:
		doubt->apps[flow->app].flows++;
		doubt->apps[flow->app].packets += flow->packets;
		doubt->apps[flow->app].bytes += flow->bytes;
		break;
	case DOUBT_UNKNOWN:
		add_unknown(doubt, flow);
		break;
	case DOUBT_SILENT:
		doubt->totals.silent++;
		break;
	case DOUBT_MIDSTREAM:
		doubt->totals.midstream++;
		break;
	case DOUBT_NOT_INSPECTED:
		doubt->totals.not_inspected++;
		break;
	}
}

void doubt_merge(struct doubt *into, const struct doubt *from)
{
	for (size_t i = 0; i < APP_MAX; i++) {
		if (!from->apps[i].flows)
			continue;
		into->apps[i].flows += from->apps[i].flows;
		into->apps[i].packets += from->apps[i].packets;
		into->apps[i].bytes += from->apps[i].bytes;
	}
	into->totals.silent += from->totals.silent;
	into->totals.midstream += from->totals.midstream;
	into->totals.not_inspected += from->totals.not_inspected;
	into->totals.forgotten_entries += from->totals.forgotten_entries;
	into->totals.forgotten_flows += from->totals.forgotten_flows;
	for (size_t i = 0; i < from->count; i++)
		table_add(into, &from->entries[i]);
}

/* ---- reading ---- */

const struct doubt_entry *doubt_entry(const struct doubt *doubt, size_t index)
{
	return index < doubt->count ? &doubt->entries[index] : NULL;
}

const struct doubt_app *doubt_app(const struct doubt *doubt, uint16_t app)
{
	static const struct doubt_app none;

	return app < APP_MAX ? &doubt->apps[app] : &none;
}

const struct doubt_totals *doubt_totals(const struct doubt *doubt)
{
	return &doubt->totals;
}

/* Letters, digits and what means itself everywhere; the rest as \xHH. */
static size_t put_byte(uint8_t byte, char *text)
{
	static const char digits[] = "0123456789abcdef";
	bool alphanumeric = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
			    (byte >= 'a' && byte <= 'z');

	if (alphanumeric || (byte && strchr("/:-_@=,;<>!&%", byte))) {
		text[0] = (char)byte;
		return 1;
	}
	text[0] = '\\';
	text[1] = 'x';
	text[2] = digits[byte >> 4];
	text[3] = digits[byte & 15];
	return 4;
}

const char *doubt_pattern(const struct doubt_common *common, char text[DOUBT_PATTERN_SIZE])
{
	unsigned end = common->first.length;
	size_t length = 0;

	while (end && !(common->same >> (end - 1) & 1))
		end--;
	if (end)
		text[length++] = '^';
	for (unsigned i = 0; i < end; i++) {
		if (common->same >> i & 1)
			length += put_byte(common->first.bytes[i], text + length);
		else
			text[length++] = '.';
	}
	text[length] = '\0';
	return text;
}
