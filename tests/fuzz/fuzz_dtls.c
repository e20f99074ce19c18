/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DTLS, one flow of datagrams. The input is a row of them: a byte of flags (the lowest bit: from
 * the server; the next: cut, all but the last byte captured), two bytes of length, the bytes. What
 * must hold: memory stays small, and a name comes with a claim only.
 */
#include "fuzz_inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLAG_SERVER = 1, FLAG_CUT = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct inspector *dtls = inspect_table[app_find("dtls") - 1];
	enum inspect_status status = INSPECT_MORE;
	struct evidence evidence = {0};
	void *state = NULL;

	while (size > 3 && status != INSPECT_NO && status != INSPECT_DONE) {
		size_t length = (size_t)data[1] << 8 | data[2];
		struct inspect_datagram datagram = {
			.direction = data[0] & FLAG_SERVER ? FLOW_FROM_SERVER : FLOW_FROM_CLIENT,
			.client_port = 40000,
			.server_port = 4433,
		};
		uint8_t *copy;

		if (length > size - 3)
			length = size - 3;
		if (!length)
			length = 1;
		copy = fuzz_copy(data + 3, length);
		datagram.bytes = copy;
		datagram.captured = (uint32_t)length;
		datagram.length = (uint32_t)length + (data[0] & FLAG_CUT ? 1 + data[0] : 0);
		status = dtls->datagram(&datagram, &state, &evidence);
		free(copy);
		fuzz_check(&evidence);
		fuzz_require(status == INSPECT_DONE || evidence.host_source == HOST_SOURCE_NONE);
		if (state)
			fuzz_require(dtls->state_bytes(state) <= FLOW_PREFIX_MAX_BYTES + 1024);
		data += 3 + length;
		size -= 3 + length;
	}
	if (state)
		dtls->state_free(state);
	return 0;
}
