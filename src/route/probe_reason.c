/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a round failed, in words for `waymark uplinks`, hooks and the log.
 *
 * One part for each kind of fault, with the targets that have it, in their order: what failed first
 * in the list stands first. Slow answers are one part for all, in front: they tell of the line and
 * not of a target. A text that is too long is cut at its end, where "..." says so.
 */
#include "probe_private.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct words {
	char *buffer;
	size_t size, length; /* length: as if there were room */
};

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct words *words, const char *format, ...)
{
	size_t at = words->length < words->size ? words->length : words->size - 1;
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(words->buffer + at, words->size - at, format, arguments);
	va_end(arguments);
	if (length > 0)
		words->length += (size_t)length;
}

static bool same_fault(const struct probe *a, const struct probe *b)
{
	return a->fault.kind == b->fault.kind && a->fault.number == b->fault.number;
}

/* Nothing to say of it: answered in time, or not waited for any longer. */
static bool is_fine(const struct probe *probe)
{
	return probe->outcome == PROBE_OPEN	  ? !probe->overdue
	       : probe->outcome == PROBE_ANSWERED ? probe->fault.kind != PROBE_LATE
						  : false;
}

static void add_fault(struct words *words, const struct probe_fault *fault)
{
	static const char *const rcodes[] = {[1] = "format error",
					     [2] = "server failure",
					     [4] = "not implemented",
					     [5] = "refused"};
	size_t number = (size_t)fault->number;

	switch (fault->kind) {
	case PROBE_SILENT:
	case PROBE_LATE:
		break;
	case PROBE_NO_ADDRESS:
		add(words, "no usable address");
		break;
	case PROBE_ERROR: {
		const char *text = strerror(fault->number);
		add(words, "%c%s", tolower((unsigned char)*text), *text ? text + 1 : "");
		break;
	}
	case PROBE_HTTP_ERROR:
		add(words, "http status %d", fault->number);
		break;
	case PROBE_DNS_ERROR:
		if (number < sizeof(rcodes) / sizeof(*rcodes) && rcodes[number])
			add(words, "dns says %s", rcodes[number]);
		else
			add(words, "dns says rcode %d", fault->number);
		break;
	case PROBE_CLOSED:
		add(words, "connection closed without an answer");
		break;
	case PROBE_GARBAGE:
		add(words, "no http answer");
		break;
	}
}

static void add_targets(struct words *words, const struct probe *probes, size_t count, size_t first)
{
	for (size_t i = first; i < count; i++)
		if (!is_fine(&probes[i]) && same_fault(&probes[i], &probes[first]))
			add(words, "%s%s", i == first ? "" : ", ", probes[i].target->name);
}

static void add_latency(struct words *words, const struct probe *probes, size_t count)
{
	int least_ms = -1;

	for (size_t i = 0; i < count; i++)
		if (!is_fine(&probes[i]) && probes[i].fault.kind == PROBE_LATE &&
		    (least_ms < 0 || probes[i].fault.number < least_ms))
			least_ms = probes[i].fault.number;
	if (least_ms >= 0)
		add(words, "latency %d ms", least_ms);
}

void probe_reason(char *buffer, size_t size, const struct probe *probes, size_t count)
{
	struct words words = {.buffer = buffer, .size = size};

	*buffer = '\0';
	add_latency(&words, probes, count);
	for (size_t i = 0; i < count; i++) {
		const struct probe *probe = &probes[i];
		bool told = is_fine(probe) || probe->fault.kind == PROBE_LATE;
		for (size_t j = 0; j < i && !told; j++)
			told = !is_fine(&probes[j]) && same_fault(&probes[j], probe);
		if (told)
			continue;
		if (words.length)
			add(&words, "; ");
		bool silent = probe->fault.kind == PROBE_SILENT;
		if (silent)
			add(&words, "no answer from ");
		else
			add_fault(&words, &probe->fault);
		add(&words, "%s", silent ? "" : " (");
		add_targets(&words, probes, count, i);
		add(&words, "%s", silent ? "" : ")");
	}
	if (words.length >= size && size > 3)
		memcpy(buffer + size - 4, "...", 4);
}
