/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mDNS and LLMNR: the input is one datagram of each, whole and cut. */
#include "fuzz_inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *app;
		uint16_t port;
	} dialects[] = {{"mdns", 5353}, {"llmnr", 5355}};
	uint8_t *copy = fuzz_copy(data, size);

	for (size_t i = 0; size && i < 2; i++) {
		const struct inspector *inspector = inspect_table[app_find(dialects[i].app) - 1];
		struct inspect_datagram datagram = {
			.bytes = copy,
			.captured = (uint32_t)size,
			.length = (uint32_t)size,
			.client_port = dialects[i].port,
			.server_port = dialects[i].port,
		};

		for (unsigned cut = 0; cut < 2; cut++) {
			struct evidence evidence = {0};
			void *state = NULL;
			enum inspect_status status =
				inspector->datagram(&datagram, &state, &evidence);

			fuzz_check(&evidence);
			fuzz_require(state == NULL);
			fuzz_require(status == INSPECT_DONE ||
				     evidence.host_source == HOST_SOURCE_NONE);
			datagram.length += 100;
		}
	}
	free(copy);
	return 0;
}
