/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both directions of a stream, growing, through the SSH inspector. */
#include "fuzz_inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_stream(inspect_table[app_find("ssh") - 1], data, size);
	return 0;
}
