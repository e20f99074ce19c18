/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/2 in the clear, and what HTTP/1 hands over to it or lets through a proxy.
 * Covers: src/inspect/http2.c src/inspect/hpack.c
 */
#include "fuzz_dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const apps[] = {"http2", "http"};
	const size_t count = sizeof(apps) / sizeof(apps[0]);

	if (size)
		fuzz_dialogue(inspect_table[app_find(apps[data[0] / 8 % count]) - 1], data, size);
	return 0;
}
