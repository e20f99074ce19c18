/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load - what the parts of config share while one file is loaded. Private.
 */
#ifndef WAYMARK_CONFIG_LOAD_H
#define WAYMARK_CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/config.h>
#include <waymark/settings.h>
#include <waymark/table_names.h>

#define CONF_INTERFACE_MAX 15 /* IFNAMSIZ without its terminator */
#define CONF_NAME_MAX 63
#define CONF_UPLINKS_MAX 1024
#define CONF_TARGETS_MAX 64

struct loader {
	struct conf *conf;
	struct diag_list *diags;
	const struct conf_load_options *options;
	struct table_names *tables; /* read when the first name is looked up */
	bool mask_known;	    /* false: the mask was wrong, marks cannot be judged by it */
	bool no_memory;
};

/* All allocations of a load go through these: a failure is one finding, and NULL. */
void *loader_array(struct loader *loader, size_t count, size_t size);
const char *loader_text(struct loader *loader, const char *text);
void loader_out_of_memory(struct loader *loader);

/* Reads "one string or several" into an arena array; items that are no strings become findings. */
bool loader_strings(struct loader *loader, const config_setting_t *setting, const char ***texts,
		    size_t *count);
bool loader_u32(struct loader *loader, const config_setting_t *group, const char *key, uint32_t min,
		uint32_t max, uint32_t *value);
/* The direct member `key`, or NULL. */
const config_setting_t *loader_member(const config_setting_t *group, const char *key);

/* NULL: fine; otherwise what is wrong with it, in the form "is longer than 15 characters". */
const char *loader_name_fault(const char *name);
const char *loader_interface_fault(const char *name);
bool loader_is_host(const char *text);

void conf_read_uplinks(struct loader *loader, const config_setting_t *root);
void conf_read_probe(struct loader *loader, const config_setting_t *uplink,
		     struct conf_uplink *target);
void conf_read_groups(struct loader *loader, const config_setting_t *root);
/* After both: what uplinks say about one another. */
void conf_check_on_down(struct loader *loader, const config_setting_t *root);

#endif
