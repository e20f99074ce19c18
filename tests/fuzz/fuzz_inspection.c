/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random packets through inspection_feed(): direction, offset and length of each are read from
 * the input, its bytes are the payload. What must hold: evidence only grows, "done" stays done,
 * true is returned exactly when something changed, and the limits close everything.
 */
#include <netinet/in.h>

#include "fuzz_inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pattern_set *patterns;
static struct pattern_scratch *scratch;

static void set_up(void)
{
	struct diag_list diags = DIAG_LIST_INIT;
	struct pattern_source sources[] = {
		{.kind = PATTERN_PAYLOAD, .text = "^ACME/[0-9]", .wanted = true},
		{.kind = PATTERN_PAYLOAD, .text = "need+le", .wanted = true},
		{.kind = PATTERN_L7,
		 .text = "^(a+)+\\x01$",
		 .app = app_intern("one"),
		 .wanted = true},
		{.kind = PATTERN_L7, .text = "xyz", .app = app_intern("two"), .wanted = true},
		{.kind = PATTERN_L7, .text = "[a-f]{3}", .app = app_intern("three")},
	};

	patterns = pattern_set_new(sources, 5, &diags);
	scratch = pattern_scratch_new();
	fuzz_require(patterns && scratch);
	diag_list_release(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	struct inspect_limits limits = {.decide_packets = 12, .decide_bytes = 16384};
	struct flow flow = {.has_isn = 3};
	struct packet packet = {.has_ports = true};
	struct inspection *inspection;
	const struct evidence *evidence;
	uint32_t next[2] = {0, 0};
	unsigned fed = 0;

	if (!patterns)
		set_up();
	if (size < 2)
		return 0;
	flow.key.proto = protos[data[0] & 3];
	flow.midstream = data[0] & 4;
	flow.key.client_port = 40000;
	flow.key.server_port = data[0] & 8 ? 53 : 443;
	packet.proto = flow.key.proto;
	packet.has_tcp = flow.key.proto == IPPROTO_TCP;
	inspection = inspection_new(&flow, &packet, data[0] & 16 ? NULL : patterns, NULL);
	fuzz_require(inspection != NULL);
	evidence = inspection_evidence(inspection);
	data++;
	size--;
	while (size >= 3) {
		const struct pattern_set *set = evidence->pattern_count ? patterns : NULL;
		unsigned side = data[0] & 1;
		size_t length = data[0] & 2 ? data[1] * 16u : data[1];
		struct evidence before = *evidence;
		uint8_t *copy;

		packet.tcp_seq = next[side];
		if (data[0] & 4)
			packet.tcp_seq += data[2];
		if (data[0] & 8)
			packet.tcp_seq -= data[2];
		if ((data[0] & 0xf0) == 0xf0) {
			set = data[2] & 1 ? patterns : NULL;
			inspection_rebase(inspection, set);
			before = *evidence;
		}
		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		copy = malloc(length ? length : 1);
		fuzz_require(copy != NULL);
		memcpy(copy, data, length);
		packet.payload = length ? copy : NULL;
		packet.payload_captured = packet.payload_length = (uint32_t)length;
		if (!inspection_feed(inspection, &flow, (enum flow_direction)side, &packet, set,
				     scratch, &limits))
			fuzz_require(!memcmp(&before, evidence, sizeof(before)));
		fuzz_grew(&before, evidence);
		free(copy);
		next[side] = packet.tcp_seq + (uint32_t)length;
		data += length;
		size -= length;
		fed += length > 0;
		if (fed > 48)
			fuzz_require(evidence->apps_done && evidence->host_done &&
				     evidence->alpn_done);
	}
	inspection_close(inspection);
	fuzz_require(evidence->apps_done && evidence->host_done && evidence->alpn_done &&
		     evidence->patterns_done);
	fuzz_check(evidence);
	fuzz_require(inspection_bytes(inspection) < 100000);
	inspection_free(inspection);
	return 0;
}
