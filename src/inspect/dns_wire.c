/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names and records of the DNS format.
 *
 * A pointer must lead to before the run of labels that it ends. So every run begins before the
 * one that led to it, there is no loop, and no need to remember where one has been. The runs of
 * a name are counted all the same: a chain of bare pointers adds no byte to the name, and could
 * be as long as the message.
 */
#include "dns_wire.h"

#include <string.h>

enum {
	LABEL_MAX = 63,
	POINTER = 0xc0,
	WIRE_MAX = 254, /* labels with their length bytes, without the root's */
	RUNS_MAX = 32,
};

static uint32_t be16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

static void add_label(struct dns_name *name, const uint8_t *label, uint32_t length)
{
	if (name->length)
		name->text[name->length++] = '.';
	for (uint32_t i = 0; i < length; i++) {
		uint8_t c = label[i];

		name->plain &= c > 0x20 && c < 0x7f && c != '.';
		name->text[name->length++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
}

bool dns_name_read(struct dns_cursor *cursor, enum dns_pointers pointers, struct dns_name *name)
{
	uint32_t at = cursor->at, run = at, runs = 1, total = 0;

	name->length = 0;
	name->plain = true;
	for (;;) {
		uint32_t label;

		if (at >= cursor->present)
			return false;
		label = cursor->bytes[at];
		if (label >= POINTER) {
			if (pointers == DNS_POINTERS_REFUSED || at + 1 >= cursor->present ||
			    runs++ == RUNS_MAX)
				return false;
			label = be16(cursor->bytes + at) & 0x3fff;
			if (label >= run || label < DNS_HEADER)
				return false;
			if (runs == 2) /* the name's own bytes end with its first pointer */
				cursor->at = at + 2;
			at = run = label;
			continue;
		}
		at++;
		if (!label)
			break;
		total += label + 1;
		if (label > LABEL_MAX || total > WIRE_MAX || cursor->present - at < label)
			return false;
		add_label(name, cursor->bytes + at, label);
		at += label;
	}
	if (runs == 1)
		cursor->at = at;
	return true;
}

bool dns_name_skip(struct dns_cursor *cursor)
{
	uint32_t total = 0;

	for (;;) {
		uint32_t label;

		if (cursor->at >= cursor->present)
			return false;
		label = cursor->bytes[cursor->at];
		if (label >= POINTER) {
			if (cursor->at + 1 >= cursor->present ||
			    (be16(cursor->bytes + cursor->at) & 0x3fff) >= cursor->at)
				return false;
			cursor->at += 2;
			return true;
		}
		cursor->at++;
		if (!label)
			return true;
		total += label + 1;
		if (label > LABEL_MAX || total > WIRE_MAX || cursor->present - cursor->at < label)
			return false;
		cursor->at += label;
	}
}

bool dns_record_read(struct dns_cursor *cursor, struct dns_record *record)
{
	const uint8_t *fixed;
	uint32_t ttl;

	record->owner_at = cursor->at;
	if (!dns_name_skip(cursor) || cursor->present - cursor->at < 10)
		return false;
	fixed = cursor->bytes + cursor->at;
	ttl = be16(fixed + 4) << 16 | be16(fixed + 6);
	record->type = (uint16_t)be16(fixed);
	record->class = (uint16_t)be16(fixed + 2);
	record->ttl_s = ttl >> 31 ? 0 : ttl;
	record->data_at = cursor->at + 10;
	record->data_length = be16(fixed + 8);
	if (cursor->present - record->data_at < record->data_length)
		return false;
	cursor->at = record->data_at + record->data_length;
	return true;
}

bool dns_name_is_dnscrypt(const struct dns_name *name)
{
	static const char label[] = ".dnscrypt-cert.";

	return name->length > sizeof(label) && name->text[0] >= '1' && name->text[0] <= '9' &&
	       !memcmp(name->text + 1, label, sizeof(label) - 1);
}
