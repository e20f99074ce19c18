/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both directions of a stream, growing, through the TLS inspector.
 * Covers: src/inspect/tls.c src/inspect/tls_hello.c
 */
#include "fuzz_inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_stream(inspect_table[app_find("tls") - 1], data, size);
	return 0;
}
