/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keys.h - what the readers of match keys share.
 */
#ifndef WAYMARK_RULES_KEYS_H
#define WAYMARK_RULES_KEYS_H

#include "private.h"

struct key;

typedef void key_reader(struct key_context *context, const struct key *key,
			const config_setting_t *setting, struct vec *tests);

struct key {
	const char *name;
	key_reader *read;
	enum test_kind kind;
	uint32_t max;	  /* of numbers */
	const char *what; /* "a port": for messages */
};

/* The member of a group; NULL: none. */
const config_setting_t *rules_find_member(const config_setting_t *group, const char *key);
/* False with an error when the setting is an empty list. */
bool rules_check_items(struct key_context *context, const config_setting_t *setting);
/* The text of a string item; NULL with an error. */
const char *rules_item_string(struct key_context *context, const struct key *key,
			      const config_setting_t *item);
/* "'word' is not WHAT", with the nearest of `known` (NULL: nothing to suggest). */
void rules_not_a(const struct key_context *context, const config_setting_t *item, const char *word,
		 const char *what, const char *const *known);
/* Appends a test whose items are a copy; the copy, NULL when there are none or no memory. */
void *rules_new_test(struct key_context *context, struct vec *tests, enum test_kind kind,
		     const void *items, size_t count, size_t item_size);

/* times.c */
void rules_read_times(struct key_context *context, const struct key *key,
		      const config_setting_t *setting, struct vec *tests);

/* payloads.c */
void rules_read_payloads(struct key_context *context, const struct key *key,
			 const config_setting_t *setting, struct vec *tests);

#endif
