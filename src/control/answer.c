/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer - how a handler says yes or no.
 *
 * Every answer has the same two shapes, so that a client can tell success from
 * failure without knowing the command. Text in an answer may come from files and
 * packets and need not be UTF-8, which JSON must be: what is not is replaced,
 * never a reason to lose the message.
 * NULL is out of memory alone; the server then sends a constant answer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "private.h"

/* Anything beyond ASCII may be a broken sequence; only text that jansson refused comes here. */
static json_t *control_text(char *text)
{
	json_t *string = json_string(text);

	if (string != NULL)
		return string;
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(text);
}

json_t *control_ok(json_t *data)
{
	json_t *answer = json_object();

	if (answer == NULL) {
		json_decref(data);
		return NULL;
	}
	json_object_set_new(answer, "ok", json_true());
	json_object_set_new(answer, "data", data != NULL ? data : json_null());
	return answer;
}

/* The member is for the server alone, which takes it out before it answers. */
json_t *control_follow(json_t *data)
{
	json_t *answer = control_ok(data);

	if (answer != NULL && json_object_set_new(answer, CONTROL_FOLLOW, json_true()) != 0) {
		json_decref(answer);
		return NULL;
	}
	return answer;
}

json_t *control_fail(const char *format, ...)
{
	json_t *answer = json_object();
	char message[1024];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (answer == NULL)
		return NULL;
	json_object_set_new(answer, "ok", json_false());
	json_object_set_new(answer, "error", control_text(message));
	return answer;
}

void control_add_findings(json_t *object, const struct diag_list *diags)
{
	json_t *findings = json_array();
	char line[1024];

	for (size_t i = 0; i < diags->count; i++) {
		diag_format(&diags->items[i], line, sizeof(line));
		json_array_append_new(findings, control_text(line));
	}
	json_object_set_new(object, "findings", findings);
}
