/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ber - one step through BER (ITU-T X.690), for the protocols that are written in it.
 *
 * Only the forms that they use: tags of one byte, definite lengths of up to four bytes. A
 * window has an end that is known (`size`: by a length outside) and bytes that are present
 * (`present` of these); what is cut off is no fault, what reaches beyond the end is.
 */
#ifndef INSPECT_APPS_BER_H
#define INSPECT_APPS_BER_H

#include "../inspector.h"

struct ber {
	const uint8_t *bytes;
	size_t present, size;
};

struct ber_element {
	uint8_t tag;
	struct ber body;
};

enum ber_status {
	BER_WHOLE, /* tag and length are there, and the body ends within the window */
	BER_CUT,   /* fits so far, the header is not all there */
	BER_NOT,
};

/* Takes the next element off the window. Its body may be cut. */
static inline enum ber_status ber_next(struct ber *window, struct ber_element *element)
{
	const uint8_t *bytes = window->bytes;
	size_t header = 2, length;

	if (window->size < 2)
		return BER_NOT;
	if (window->present < 1)
		return BER_CUT;
	if ((bytes[0] & 0x1f) == 0x1f)
		return BER_NOT;
	if (window->present < 2)
		return BER_CUT;
	length = bytes[1];
	if (length & 0x80) {
		unsigned count = length & 0x7f;

		if (!count || count > 4)
			return BER_NOT;
		if (window->present < 2 + count)
			return BER_CUT;
		length = 0;
		for (unsigned i = 0; i < count; i++)
			length = length << 8 | bytes[2 + i];
		header += count;
	}
	if (window->size < header || length > window->size - header)
		return BER_NOT;
	element->tag = bytes[0];
	element->body.bytes = bytes + header;
	element->body.size = length;
	element->body.present = window->present - header;
	if (element->body.present > length)
		element->body.present = length;
	header += length;
	window->size -= header;
	window->present = window->present > header ? window->present - header : 0;
	window->bytes = element->body.bytes + element->body.present;
	return BER_WHOLE;
}

/* The same, of one tag alone. */
static inline enum ber_status ber_take(struct ber *window, uint8_t tag, struct ber_element *element)
{
	if (window->present && window->bytes[0] != tag)
		return BER_NOT;
	return ber_next(window, element);
}

/* A small number, with its tag (2: INTEGER, 10: ENUMERATED, or a context's). */
static inline enum ber_status ber_take_number(struct ber *window, uint8_t tag, uint32_t *value)
{
	struct ber_element element;
	enum ber_status status = ber_take(window, tag, &element);

	if (status != BER_WHOLE)
		return status;
	if (element.body.size < 1 || element.body.size > 5 ||
	    (element.body.present && element.body.bytes[0] & 0x80))
		return BER_NOT;
	if (element.body.present < element.body.size)
		return BER_CUT;
	if (element.body.size == 5 && element.body.bytes[0])
		return BER_NOT;
	*value = 0;
	for (size_t i = 0; i < element.body.size; i++)
		*value = *value << 8 | element.body.bytes[i];
	return BER_WHOLE;
}

#endif
