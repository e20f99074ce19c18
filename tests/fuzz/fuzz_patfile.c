/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a .pat file; what is read is compiled and scans the file's own bytes.
 * Covers: src/inspect/pattern_file.c src/inspect/pattern_translate.c
 */
#include <stdint.h>
#include <stdlib.h>

#include <waymark/inspect.h>

#include "../../src/inspect/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pattern_scratch *scratch;
	struct diag_list diags = DIAG_LIST_INIT;
	struct pattern_source source = {.kind = PATTERN_L7, .wanted = true, .file = "fuzz"};
	struct pattern_file file;
	struct pattern_set *set = NULL;

	if (!scratch)
		scratch = pattern_scratch_new();
	if (!scratch)
		abort();
	if (size > 4096)
		return 0;
	if (pattern_file_parse((const char *)data, size, "fuzz", &file, &diags)) {
		if (!diags.errors && !diags.warnings)
			abort();
		goto out;
	}
	source.kind = (enum pattern_kind)file.kind;
	source.transport = file.transport;
	source.side = file.side;
	source.offset_bytes = file.offset_bytes;
	source.first_bytes = file.first_bytes;
	source.strict = file.strict;
	source.text = file.regex;
	source.flags = file.flags;
	set = pattern_set_new(&source, 1, &diags);
	if (set && size)
		pattern_scan(set, 0, scratch, data, size);
	pattern_set_free(set);
	pattern_file_release(&file);
out:
	diag_list_release(&diags);
	return 0;
}
