/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_load() over any bytes: whatever stands in waymark.conf, loading ends, and
 * either there is a configuration or there is an error.
 *
 * libconfig's own bare "syntax error" must not be seen: what it refuses, settings
 * refuses first, with words.
 *
 * The bytes are handed over as a memory file, since conf_load() takes a path; an
 * @include of "fd/N" in them reaches the same file again.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <waymark/config.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct conf *conf, const struct diag_list *diags)
{
	char text[1024];

	if ((conf == NULL) != (diags->errors > 0))
		abort();
	for (size_t i = 0; i < diags->count; i++) {
		if (diags->items[i].line < 0 || !diags->items[i].message)
			abort();
		if (strcmp(diags->items[i].message, "syntax error") == 0)
			abort();
		diag_format(&diags->items[i], text, sizeof(text));
	}
	if (!conf)
		return;
	if (!conf->queue.count || (unsigned)conf->queue.first + conf->queue.count > 65536)
		abort();
	for (size_t i = 0; i < conf->uplink_count; i++) {
		const struct conf_uplink *uplink = &conf->uplinks[i];
		if (conf_uplink_by_name(conf, uplink->name) != uplink ||
		    conf_uplink_by_mark(conf, uplink->mark) != uplink || !*uplink->interface ||
		    !uplink->table)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conf_load_options options = {.rt_tables_dir = "/nonexistent",
							 .cores = 2};
	static int fd = -1;
	static char path[64];
	struct diag_list diags = DIAG_LIST_INIT;

	if (fd < 0) {
		fd = memfd_create("waymark.conf", MFD_CLOEXEC);
		if (fd < 0)
			abort();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	struct conf *conf = conf_load(path, &options, &diags);
	check(conf, &diags);
	if (conf)
		conf_check_mark_habits(conf, &diags);
	conf_free(conf);
	diag_list_release(&diags);
	return 0;
}
