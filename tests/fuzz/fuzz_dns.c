/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS as a datagram and as a stream. */
#include "fuzz_inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct inspector *dns = inspect_table[app_find("dns") - 1];
	struct evidence evidence = {0};
	struct inspect_datagram datagram = {
		.captured = (uint32_t)size,
		.length = (uint32_t)size,
		.client_port = 40000,
		.server_port = 5300,
	};
	void *state = NULL;
	uint8_t *copy;

	if (!size)
		return 0;
	copy = fuzz_copy(data, size);
	datagram.bytes = copy;
	dns->datagram(&datagram, &state, &evidence);
	fuzz_check(&evidence);
	datagram.server_port = 53;
	dns->datagram(&datagram, &state, &evidence);
	datagram.length += 100;
	dns->datagram(&datagram, &state, &evidence);
	fuzz_check(&evidence);
	fuzz_require(state == NULL);
	free(copy);
	fuzz_stream(dns, data, size);
	return 0;
}
