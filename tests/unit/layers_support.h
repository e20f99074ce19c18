/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protocols that carry others, each as a dialogue that is told in every way that TCP may: flight by
 * flight, byte by byte, and with each flight cut in two at each of its bytes. All must
 * tell the same in the end, and what was said to be done must have stayed so.
 */
#ifndef TEST_LAYERS_SUPPORT_H
#define TEST_LAYERS_SUPPORT_H

#include "inspect_support.h"

/* What one side says; `hello` appends a ClientHello for inner.example, with ALPN h2. */
struct step {
	unsigned side;
	const char *bytes;
	size_t length;
	bool hello;
};

#define SAY(side, text)                             \
	{                                           \
		side, text, sizeof(text) - 1, false \
	}
#define SAY_HELLO(side, text)                      \
	{                                          \
		side, text, sizeof(text) - 1, true \
	}
#define HELLO SAY_HELLO(C, "")

enum { STEPS_MAX = 16 };

struct dialogue {
	struct step steps[STEPS_MAX];
	const char *apps; /* lowest first, with spaces */
	const char *host;
	enum host_source source;
	bool open; /* more may come */
};

/* ---- telling ---- */

static inline void put_hello(struct bytes *out)
{
	static const char name[] = "inner.example";
	const unsigned sni = sizeof(name) - 1;
	const unsigned extensions = 4 + 5 + sni + 4 + 5, body = 2 + 32 + 1 + 4 + 2 + 2 + extensions;

	put8(out, 22);
	put16(out, 0x0301);
	put16(out, body + 4);
	put16(out, 0x0100);
	put16(out, body);
	put16(out, 0x0303);
	put_zeros(out, 32 + 1);
	put16(out, 2);
	put16(out, 0x1301);
	put16(out, 0x0100);
	put16(out, extensions);
	put16(out, 0);
	put16(out, 5 + sni);
	put16(out, 3 + sni);
	put8(out, 0);
	put16(out, sni);
	put(out, name, sni);
	put16(out, 16);
	put16(out, 5);
	put16(out, 3);
	put(out, "\2h2", 3);
}

static struct bytes flights[STEPS_MAX];
static size_t flight_count;

static inline void build(const struct dialogue *dialogue)
{
	flight_count = 0;
	while (flight_count < STEPS_MAX && dialogue->steps[flight_count].bytes) {
		const struct step *step = &dialogue->steps[flight_count];
		struct bytes *flight = &flights[flight_count++];

		flight->length = 0;
		put(flight, step->bytes, step->length);
		if (step->hello)
			put_hello(flight);
	}
}

static inline void begin(struct talk *talk, bool midstream)
{
	talk_begin(talk, IPPROTO_TCP, 5300);
	talk->limits.decide_packets = 1000000;
	talk->limits.decide_bytes = 1000000;
	if (!midstream)
		return;
	talk->flow.midstream = true;
	inspection_free(talk->inspection);
	talk->inspection =
		inspection_new(&talk->flow, &(struct packet){.has_ports = true}, NULL, NULL);
	talk->evidence = inspection_evidence(talk->inspection);
}

/* What was known before must be so still. */
static inline void tell(struct talk *talk, unsigned side, const uint8_t *bytes, size_t length)
{
	struct evidence before = *talk->evidence;

	if (!length)
		return;
	say(talk, side, bytes, length);
	assert_true(talk->evidence->app_count >= before.app_count);
	assert_memory_equal(talk->evidence->app, before.app,
			    before.app_count * sizeof(before.app[0]));
	if (before.apps_done)
		assert_int_equal(talk->evidence->app_count, before.app_count);
	if (before.host_done)
		assert_string_equal(talk->evidence->host, before.host);
	if (before.alpn_done)
		assert_int_equal(talk->evidence->alpn_length, before.alpn_length);
	assert_true(talk->evidence->apps_done >= before.apps_done);
	assert_true(talk->evidence->host_done >= before.host_done);
	assert_true(talk->evidence->alpn_done >= before.alpn_done);
}

static inline void check(struct talk *talk, const struct dialogue *dialogue)
{
	char apps[128] = "";
	const char *alpn = evidence_alpn(talk->evidence, 0);

	for (unsigned i = 0; i < talk->evidence->app_count; i++) {
		strcat(apps, i ? " " : "");
		strcat(apps, app_name(talk->evidence->app[i]));
	}
	assert_string_equal(apps, dialogue->apps);
	assert_host(talk, dialogue->source, dialogue->host);
	assert_int_equal(alpn != NULL, strstr(dialogue->apps, "tls") != NULL);
	if (dialogue->open)
		assert_false(talk->evidence->apps_done);
	else
		assert_done(talk);
	talk_end(talk);
}

static inline void hold_in_every_telling(const struct dialogue *dialogues, size_t count)
{
	struct talk talk;

	for (size_t d = 0; d < count; d++) {
		build(&dialogues[d]);
		begin(&talk, false);
		for (size_t f = 0; f < flight_count; f++)
			tell(&talk, dialogues[d].steps[f].side, flights[f].at, flights[f].length);
		check(&talk, &dialogues[d]);

		begin(&talk, false);
		for (size_t f = 0; f < flight_count; f++)
			for (size_t i = 0; i < flights[f].length; i++)
				tell(&talk, dialogues[d].steps[f].side, flights[f].at + i, 1);
		check(&talk, &dialogues[d]);

		for (size_t cut = 0; cut < flight_count; cut++) {
			for (size_t at = 1; at < flights[cut].length; at++) {
				begin(&talk, false);
				for (size_t f = 0; f < flight_count; f++) {
					unsigned side = dialogues[d].steps[f].side;
					size_t first = f == cut ? at : 0;

					tell(&talk, side, flights[f].at, first);
					tell(&talk, side, flights[f].at + first,
					     flights[f].length - first);
				}
				check(&talk, &dialogues[d]);
			}
		}
	}
}

#define HOLD(dialogues) hold_in_every_telling(dialogues, sizeof(dialogues) / sizeof(dialogues[0]))
#define INNER .host = "inner.example", .source = HOST_TLS_SNI

#endif
