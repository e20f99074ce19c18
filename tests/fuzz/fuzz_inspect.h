/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One inspector over a stream: the input is both directions, cut where its first two bytes say.
 * The client's bytes come first, then the server's: once in two reads, once again growing
 * in small steps. What must hold: a refusal is final, a name is plausible text and does not
 * change, and both ways tell the same of the flow (a segmentation is no evidence; a flow seen from
 * its middle is a guess, and there a segment's end may count).
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

/* A copy that ends where the bytes end, so that the sanitizer sees a read beyond it. */
static inline uint8_t *fuzz_copy(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	fuzz_require(copy != NULL);
	if (length)
		memcpy(copy, bytes, length);
	return copy;
}

/* Both directions up to `step` more bytes at each read; true if the inspector claims the flow. */
static inline bool fuzz_read(const struct inspector *inspector, struct inspect_stream stream,
			     const uint8_t *data, size_t cut, size_t size, size_t step,
			     struct evidence *evidence)
{
	enum inspect_status status = INSPECT_MORE;
	bool claimed = false;

	for (size_t length = 0;
	     length < size && (status == INSPECT_MORE || status == INSPECT_MINE);) {
		const uint8_t *from[2] = {data, data + cut};
		struct inspect_note note = {0};
		size_t part[2];

		/* a read ends with the client's last byte, whatever the step */
		length += step < (length < cut ? cut : size) - length
				  ? step
				  : (length < cut ? cut : size) - length;
		part[0] = length < cut ? length : cut;
		part[1] = length - part[0];
		for (unsigned d = 0; d < 2; d++) {
			if (part[d] > FLOW_PREFIX_MAX_BYTES)
				part[d] = FLOW_PREFIX_MAX_BYTES;
			stream.length[d] = (uint32_t)part[d];
			stream.bytes[d] = part[d] ? fuzz_copy(from[d], part[d]) : NULL;
		}
		stream.last = length == size;
		status = inspector->stream(&stream, evidence, &note);
		for (unsigned d = 0; d < 2; d++)
			free((void *)(uintptr_t)stream.bytes[d]);
		fuzz_check(evidence);
		claimed |= status >= INSPECT_MINE;
		fuzz_require(claimed || evidence->host_source == HOST_SOURCE_NONE);
		fuzz_require(!note.inner || status == INSPECT_DONE);
	}
	return claimed;
}

static inline void fuzz_stream(const struct inspector *inspector, const uint8_t *data, size_t size)
{
	struct inspect_stream stream = {.client_port = 40000};
	struct evidence whole = {0}, pieces = {0};
	bool claimed;
	size_t cut, step;

	if (size < 3)
		return;
	stream.midstream = data[0] & 1;
	stream.server_port = data[0] & 2 ? 53 : 5300;
	step = data[0] & 4 ? (size > 256 ? 13 : 1) : 97;
	cut = (size_t)data[1] * (size - 2) / 255;
	data += 2;
	size -= 2;
	if (size > 4096)
		step = 499;
	claimed = fuzz_read(inspector, stream, data, cut, size, size, &whole);
	if (claimed != fuzz_read(inspector, stream, data, cut, size, step, &pieces) ||
	    whole.host_source != pieces.host_source || strcmp(whole.host, pieces.host) != 0 ||
	    whole.alpn_length != pieces.alpn_length ||
	    memcmp(whole.alpn, pieces.alpn, whole.alpn_length) != 0)
		fuzz_require(stream.midstream);
}

/* Evidence only grows. */
static inline unsigned fuzz_built_in(const struct evidence *evidence)
{
	unsigned count = 0;

	for (unsigned i = 0; i < evidence->app_count; i++)
		count += app_is_builtin(evidence->app[i]);
	return count;
}

static inline void fuzz_grew(const struct evidence *before, const struct evidence *after)
{
	fuzz_require(after->app_count >= before->app_count);
	fuzz_require(after->app_count <= EVIDENCE_LAYERS);
	fuzz_require(!before->apps_done || after->apps_done);
	for (unsigned i = 0; i < EVIDENCE_BUILTIN_WORDS; i++)
		fuzz_require(!(before->apps_out[i] & ~after->apps_out[i]));
	for (unsigned i = before->app_count; i < after->app_count; i++)
		fuzz_require(!app_is_builtin(after->app[i]) ||
			     !evidence_app_out(before, after->app[i]));
	fuzz_require(!before->host_done || after->host_done);
	fuzz_require(!before->alpn_done || after->alpn_done);
	fuzz_require(!before->host_done || before->host_source == after->host_source);
	fuzz_require(before->host_source == HOST_SOURCE_NONE || !strcmp(before->host, after->host));
	for (unsigned i = 0; i < before->app_count; i++)
		fuzz_require(evidence_has_app(after, before->app[i]));
	fuzz_require(!before->apps_done || fuzz_built_in(before) == fuzz_built_in(after));
	fuzz_check(after);
}

#endif
