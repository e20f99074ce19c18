/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One inspector over a stream: the input is both directions, cut where its first two bytes say,
 * and read once whole and once at every shorter length. What must hold: no answer is taken back
 * (a refusal is final, a name does not change), and a name is plausible text.
 */
#ifndef FUZZ_INSPECT_H
#define FUZZ_INSPECT_H

#include <stdlib.h>
#include <string.h>

#include "../../src/inspect/inspector.h"

static void fuzz_require(bool condition)
{
	if (!condition)
		abort();
}

static void fuzz_check(const struct evidence *evidence)
{
	fuzz_require(evidence->host[evidence->host_length] == '\0');
	fuzz_require(strlen(evidence->host) == evidence->host_length);
	fuzz_require((evidence->host_source != HOST_SOURCE_NONE) == (evidence->host_length > 0));
	for (const char *c = evidence->host; *c; c++)
		fuzz_require(*c > ' ' && *c < 0x7f && !(*c >= 'A' && *c <= 'Z'));
	fuzz_require(evidence->alpn_length <= EVIDENCE_ALPN_BYTES);
	for (size_t i = 0; i < 70; i++)
		if (evidence_alpn(evidence, i))
			fuzz_require(strlen(evidence_alpn(evidence, i)) > 0);
}

static inline void fuzz_stream(const struct inspector *inspector, const uint8_t *data, size_t size)
{
	struct evidence evidence = {0};
	struct inspect_stream stream = {.client_port = 40000};
	enum inspect_status status = INSPECT_MORE;
	size_t cut, step;

	if (size < 3)
		return;
	stream.midstream = data[0] & 1;
	stream.server_port = data[0] & 2 ? 53 : 5300;
	step = data[0] & 4 ? 1 : 97;
	cut = (size_t)data[1] * (size - 2) / 255;
	data += 2;
	size -= 2;
	if (size > 4096)
		step = 499;
	/* the client's bytes grow first, then the server's; copies of exact size */
	for (size_t length = 1; status == INSPECT_MORE || status == INSPECT_MINE; length += step) {
		uint8_t *copies[2];
		enum inspect_status next;
		struct inspect_note note = {0};

		if (length > size)
			length = size;
		stream.length[0] = (uint32_t)(length < cut ? length : cut);
		stream.length[1] = (uint32_t)(length - stream.length[0]);
		if (stream.length[0] > FLOW_PREFIX_MAX_BYTES)
			stream.length[0] = FLOW_PREFIX_MAX_BYTES;
		if (stream.length[1] > FLOW_PREFIX_MAX_BYTES)
			stream.length[1] = FLOW_PREFIX_MAX_BYTES;
		copies[0] = malloc(stream.length[0] + 1);
		copies[1] = malloc(stream.length[1] + 1);
		fuzz_require(copies[0] && copies[1]);
		for (unsigned d = 0; d < 2; d++) {
			/* end to end, so that the byte behind is not ours */
			uint8_t *exact =
				realloc(copies[d], stream.length[d] ? stream.length[d] : 1);

			fuzz_require(exact != NULL);
			copies[d] = exact;
			if (stream.length[d])
				memcpy(exact, d ? data + cut : data, stream.length[d]);
			stream.bytes[d] = stream.length[d] ? exact : NULL;
		}
		stream.last = length == size;
		next = inspector->stream(&stream, &evidence, &note);
		free(copies[0]);
		free(copies[1]);
		fuzz_check(&evidence);
		fuzz_require(next >= INSPECT_MINE || evidence.host_source == HOST_SOURCE_NONE);
		status = next;
		if (length == size)
			break;
	}
}

#endif
