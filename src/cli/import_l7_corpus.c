/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one scan costs at worst: by a pattern, over bytes that flows begin with.
 *
 * The inputs are made, not kept, and the same on every machine, so that two people can
 * compare figures. Each is 16 KiB, all that the engine ever gives a pattern. Long runs of one byte
 * are what repeats feed on; the others are what real flows look like to a pattern that is not about
 * them. None holds a NUL byte: l7-filter's patterns never see one.
 *
 * Steps are the engine's own account and do not depend on the machine. The time is the best of a
 * few turns, since anything else may run meanwhile.
 */
#include <string.h>
#include <time.h>

#include "import_l7.h"

enum {
	INPUT_BYTES = 16384,
	TURNS = 3,
};

#define TEXT(text) text, sizeof(text) - 1

/* Each is repeated until the room is full; a '#' becomes a digit that counts on. */
static const struct {
	const char *name;
	const char *text; /* NULL: random bytes */
	size_t length;
} inputs[] = {
	{"random", NULL, 0},
	{"prose", TEXT("It was # days before the parcel came, and nobody in the house could say "
		       "who had sent it; the label named a street that was not in the town.\n")},
	{"http", TEXT("GET /images/page#.html?id=# HTTP/1.1\r\nHost: www.example.org\r\n"
		      "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\n"
		      "Accept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n"
		      "HTTP/1.1 200 OK\r\nServer: none\r\nDate: Thu, 01 Jan 1970 00:00:0# GMT\r\n"
		      "Content-Type: text/html\r\nContent-Length: 39\r\n\r\n"
		      "<html><body><p>page #</p></body></html>")},
	{"mail", TEXT("220 mail#.example.net ESMTP\r\nEHLO client.example.org\r\n"
		      "250-mail#.example.net\r\n250 PIPELINING\r\n"
		      "MAIL FROM:<a#@example.org>\r\nRCPT TO:<b#@example.net>\r\n250 ok\r\n")},
	{"chat", TEXT("nick a#\r\nuser a# b c d\r\n")},
	{"menu", TEXT("1about # things\tabout\thost\t")},
	{"login", TEXT("login: a# name: b# directory ")},
	{"labels", TEXT("a#bc\x01\x01\x01\x01\x03www\x07"
			"example\x03net\x01\x01")},
	{"tls", TEXT("\x16\x03\x01\x05\x20\x01\x03\x01\x0b#verisign\x16\x03")},
	{"asn.1", TEXT("\x02\x01\x04\x06public\xa1\x02\x01#\x02\x01")},
	{"socks", TEXT("\x05\x01\x02\x05\x02")},
	{"ncp", TEXT("dmdt#\x01")},
	{"channels", TEXT("rdpdr#cliprdr#")},
	{"run of a", TEXT("a")},
	{"run of 1", TEXT("1")},
	{"run of spaces", TEXT(" ")},
	{"run of 0x01", TEXT("\x01")},
	{"run of 0xff", TEXT("\xff")},
};

/* xorshift64, over all bytes but NUL */
static void fill_random(uint8_t bytes[INPUT_BYTES])
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < INPUT_BYTES; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		bytes[i] = (uint8_t)((state >> 32) % 255 + 1);
	}
}

static void fill_text(uint8_t bytes[INPUT_BYTES], const char *text, size_t length)
{
	unsigned number = 1;
	size_t at = 0;

	for (size_t i = 0; i < INPUT_BYTES; i++) {
		if (at == length) {
			at = 0;
			number++;
		}
		bytes[i] = text[at] == '#' ? (uint8_t)('0' + number % 10) : (uint8_t)text[at];
		at++;
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void l7_measure(const struct pattern_set *set, struct pattern_scratch *scratch,
		struct l7_cost *cost)
{
	uint8_t bytes[INPUT_BYTES];
	uint64_t worst_ns = 0;

	*cost = (struct l7_cost){.input = NULL};
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		struct pattern_cost scan = {0};
		uint64_t best_ns = UINT64_MAX;

		if (inputs[i].text)
			fill_text(bytes, inputs[i].text, inputs[i].length);
		else
			fill_random(bytes);
		for (unsigned turn = 0; turn < TURNS; turn++) {
			uint64_t began = now_ns(), took;

			scan = pattern_measure(set, 0, scratch, bytes, INPUT_BYTES);
			took = now_ns() - began;
			if (took < best_ns)
				best_ns = took;
		}
		if (best_ns > worst_ns)
			worst_ns = best_ns;
		cost->limit |= scan.limit;
		if (!cost->input || scan.steps > cost->steps) {
			cost->input = inputs[i].name;
			cost->steps = scan.steps;
		}
	}
	cost->time_us = (worst_ns + 999) / 1000;
}
