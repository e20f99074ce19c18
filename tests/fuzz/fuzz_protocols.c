/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A conversation through all inspectors at once, as inspection_feed() asks them. The seeds are the
 * conversations of the golden captures (captures.py makes them), so that each protocol is
 * mutated from what it really looks like.
 *
 * Input: a byte of flags (1: datagrams; 2: midstream), two of the server's port, then packets: a
 * byte (1: from the server), two of the length, big endian, and the payload.
 *
 * What must hold: evidence only grows; true is returned when it changed; the limits close
 * everything; and a stream, from its beginning, tells the same in other segments.
 *
 * Covers: src/inspect/inspection.c src/inspect/contest.c src/inspect/kept.c src/inspect/apps/[a-z]*.c
 */
#include <netinet/in.h>
#include <stdio.h>

#include "fuzz_inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PACKETS_MAX = 64, FLAG_DATAGRAMS = 1, FLAG_MIDSTREAM = 2 };

struct talk {
	struct flow flow;
	struct inspection *inspection;
	uint32_t next[2];
};

static void talk_begin(struct talk *talk, const uint8_t head[3])
{
	struct packet packet = {.has_ports = true};

	memset(talk, 0, sizeof(*talk));
	talk->flow.has_isn = 3;
	talk->flow.key.proto = head[0] & FLAG_DATAGRAMS ? IPPROTO_UDP : IPPROTO_TCP;
	talk->flow.key.client_port = 40000;
	talk->flow.key.server_port = (uint16_t)inspect_be16(head + 1);
	talk->flow.midstream = !(head[0] & FLAG_DATAGRAMS) && head[0] & FLAG_MIDSTREAM;
	packet.proto = talk->flow.key.proto;
	packet.has_tcp = packet.proto == IPPROTO_TCP;
	talk->inspection = inspection_new(&talk->flow, &packet, NULL, NULL);
	fuzz_require(talk->inspection != NULL);
}

static void talk_feed(struct talk *talk, unsigned side, const uint8_t *bytes, size_t length)
{
	/* without limits: where they fall depends on the segments */
	static const struct inspect_limits none = {1000000, 1000000};
	const struct evidence *evidence = inspection_evidence(talk->inspection);
	struct evidence before = *evidence;
	uint8_t *copy = fuzz_copy(bytes, length);
	struct packet packet = {
		.proto = talk->flow.key.proto,
		.has_ports = true,
		.has_tcp = talk->flow.key.proto == IPPROTO_TCP,
		.tcp_seq = talk->next[side],
		.payload = copy,
		.payload_captured = (uint32_t)length,
		.payload_length = (uint32_t)length,
	};

	if (!inspection_feed(talk->inspection, &talk->flow, (enum flow_direction)side, &packet,
			     NULL, NULL, &none))
		fuzz_require(!memcmp(&before, evidence, sizeof(before)));
	fuzz_grew(&before, evidence);
	talk->next[side] += (uint32_t)length;
	free(copy);
}

static void talk_end(struct talk *talk, struct evidence *evidence)
{
	inspection_close(talk->inspection);
	*evidence = *inspection_evidence(talk->inspection);
	fuzz_require(evidence->apps_done && evidence->host_done && evidence->alpn_done);
	fuzz_check(evidence);
	fuzz_require(inspection_bytes(talk->inspection) < 100000);
	inspection_free(talk->inspection);
}

/* All packets, those of a stream in pieces of at most `step` bytes. */
static void talk_all(const uint8_t *data, size_t size, size_t step, struct evidence *evidence)
{
	struct talk talk;

	talk_begin(&talk, data);
	data += 3;
	size -= 3;
	for (unsigned packets = 0; size > 3 && packets < PACKETS_MAX; packets++) {
		unsigned side = data[0] & 1;
		size_t length = inspect_be16(data + 1);

		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		for (size_t at = 0; at < length;) {
			size_t piece = talk.flow.key.proto == IPPROTO_TCP && step < length - at
					       ? step
					       : length - at;

			talk_feed(&talk, side, data + at, piece);
			at += piece;
		}
		data += length;
		size -= length;
	}
	talk_end(&talk, evidence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evidence whole, pieces;

	if (size < 3)
		return 0;
	talk_all(data, size, SIZE_MAX, &whole);
	if (data[0] & (FLAG_DATAGRAMS | FLAG_MIDSTREAM))
		return 0;
	talk_all(data, size, size > 2048 ? 97 : 7, &pieces);
	if (evidence_app(&whole) != evidence_app(&pieces))
		fprintf(stderr, "app as it was sent: %s; in pieces: %s\n",
			evidence_app(&whole) ? app_name(evidence_app(&whole)) : "none",
			evidence_app(&pieces) ? app_name(evidence_app(&pieces)) : "none");
	fuzz_require(evidence_app(&whole) == evidence_app(&pieces));
	fuzz_require(whole.app_count == pieces.app_count);
	fuzz_require(!strcmp(whole.host, pieces.host));
	return 0;
}
