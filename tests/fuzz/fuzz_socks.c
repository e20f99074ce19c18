/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dialogues through the SOCKS inspector.
 * Covers: src/inspect/socks.c
 */
#include "fuzz_dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const apps[] = {"socks"};
	const size_t count = sizeof(apps) / sizeof(apps[0]);

	if (size)
		fuzz_dialogue(inspect_table[app_find(apps[data[0] / 8 % count]) - 1], data, size);
	return 0;
}
