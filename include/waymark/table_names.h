/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table_names - what iproute2's files call the routing tables.
 *
 * "number name" lines in rt_tables and in rt_tables.d/NAME.conf. The files belong to the user
 * and to other programs: they are read, never written. The one that waymark writes itself
 * (routing.register_table_names) is known by its first line and passed over, so that
 * nothing ever follows from what an earlier run has left there.
 * A missing file is an empty one, and a line that makes no sense is passed over.
 * Of several numbers that one name has, the first read counts.
 *
 * Ownership: the struct owns its strings. Threads: none; one owner.
 */
#ifndef WAYMARK_TABLE_NAMES_H
#define WAYMARK_TABLE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define TABLE_NAMES_DIRECTORY "/etc/iproute2"
#define TABLE_NAMES_OWN_FILE "waymark.conf"
/* The first line of our own file. */
#define TABLE_NAMES_OWN_HEADER "# written by waymark, which removes this file when it stops\n"

struct table_names;

/* `directory` NULL: /etc/iproute2, then what the distribution ships. NULL: out of memory. */
struct table_names *table_names_read(const char *directory);
void table_names_free(struct table_names *names);

/* False: no table has this name. */
bool table_names_find(const struct table_names *names, const char *name, uint32_t *number);
/* The first name read of this table; NULL: it has none. */
const char *table_names_of(const struct table_names *names, uint32_t number);
/* For "did you mean"; NULL: no name is like it. */
const char *table_names_nearest(const struct table_names *names, const char *name);

#endif
