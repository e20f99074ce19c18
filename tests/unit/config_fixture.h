/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory with a waymark.conf and table names, and how a load of it ends:
 * what the tests of config have in common. Each program includes it once.
 */
#ifndef WAYMARK_TESTS_CONFIG_FIXTURE_H
#define WAYMARK_TESTS_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <waymark/config.h>

static char directory[] = "/tmp/waymark-config-XXXXXX";
static char start_directory[4096];
static const struct conf_load_options options = {.rt_tables_dir = "iproute2", .cores = 3};

static void put(const char *name, const char *text)
{
	FILE *stream = fopen(name, "w");
	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static int make_directory(void **state)
{
	(void)state;
	if (!getcwd(start_directory, sizeof(start_directory)) || !mkdtemp(directory) ||
	    chdir(directory) != 0 || mkdir("iproute2", 0700) != 0 ||
	    mkdir("iproute2/rt_tables.d", 0700) != 0)
		return -1;
	put("iproute2/rt_tables",
	    "#\n255\tlocal\n254\tmain\n253\tdefault\n0\tunspec\n\n 201 mail.out # ours\n"
	    "broken line\n99999999999 toolarge\n0xca cable\n#203 commented\n201 mail.again");
	put("iproute2/rt_tables.d/b.conf", "999 lte\n998 mail.out\n");
	put("iproute2/rt_tables.d/a.conf", "997 lte\n");
	put("iproute2/rt_tables.d/a.txt", "996 ignored\n");
	return 0;
}

static int remove_directory(void **state)
{
	static const char *const names[] = {"waymark.conf",
					    "more.conf",
					    "iproute2/rt_tables.d/a.conf",
					    "iproute2/rt_tables.d/b.conf",
					    "iproute2/rt_tables.d/a.txt",
					    "iproute2/rt_tables"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(names[i]);
	rmdir("iproute2/rt_tables.d");
	rmdir("iproute2");
	return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

static void list_findings(const struct diag_list *diags, char *text, size_t size)
{
	char line[1024];
	*text = '\0';
	for (size_t i = 0; i < diags->count; i++) {
		diag_format(&diags->items[i], line, sizeof(line));
		strncat(text, line, size - strlen(text) - 1);
		strncat(text, "\n", size - strlen(text) - 1);
	}
}

/* Loads `text` and compares all findings; the conf is NULL exactly if there was an error. */
static struct conf *load(const char *text, const char *expected)
{
	struct diag_list diags = DIAG_LIST_INIT;
	char found[16384];

	put("waymark.conf", text);
	struct conf *conf = conf_load("waymark.conf", &options, &diags);
	list_findings(&diags, found, sizeof(found));
	assert_string_equal(found, expected);
	assert_int_equal(conf == NULL, diags.errors > 0);
	diag_list_release(&diags);
	return conf;
}

static void refused(const char *text, const char *expected)
{
	struct conf *conf = load(text, expected);
	assert_null(conf);
}

static void accepted(const char *text)
{
	struct conf *conf = load(text, "");
	assert_non_null(conf);
	conf_free(conf);
}

#endif
