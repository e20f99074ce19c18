/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a .pat file; what is read is compiled and scans the file's own bytes.
 * Covers: src/inspect/pattern_file.c
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
	static char path[] = "/tmp/fuzz_patfile.XXXXXX";
	static int fd = -1;

	if (fd < 0) {
		scratch = pattern_scratch_new();
		fd = mkstemp(path);
	}
	if (fd < 0 || !scratch)
		abort();
	if (size > 4096)
		return 0;
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (pattern_file_read(path, &file, &diags)) {
		if (!diags.errors)
			abort();
		goto out;
	}
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
