/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * info - what is known of flows, kept once however many flows share it.
 *
 * A million flows show a few thousand combinations of app and name. Each is kept once, counted,
 * and named by a number that fits into a flow's entry. Belongs to one classifier.
 */
#ifndef CLASSIFY_INFO_H
#define CLASSIFY_INFO_H

#include <waymark/classify.h>

struct info_table;

/* NULL on out of memory. The hash is keyed: names come off the wire. */
struct info_table *info_table_new(const struct hash_seed *seed);
void info_table_free(struct info_table *table);
/*
 * The number of what equals `info`, which is copied if it is new; one more user of it. 0 on out of
 * memory. `host` of at most EVIDENCE_HOST_SIZE - 1 bytes, `alpn` of at most EVIDENCE_ALPN_BYTES.
 */
uint32_t info_take(struct info_table *table, const struct flow_info *info);
/* One user less; 0 is nobody's. */
void info_let_go(struct info_table *table, uint32_t number);
/* NULL for 0. Valid as long as it has users. */
const struct flow_info *info_at(const struct info_table *table, uint32_t number);

#endif
