/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * idn.c - a host name as a user writes it -> as it stands on the wire.
 *
 * On the wire every name is ASCII: a label with other letters travels as its
 * A-label, "xn--" and Punycode (RFC 3492, RFC 5890). glibc converts only with a
 * library that may be missing and in the locale of the process, so the hundred
 * lines are here. Letters are lower-cased for Latin-1, Greek and Cyrillic only;
 * there is no Unicode normalisation. A name that needs more than that can always
 * be written in its xn-- form.
 */
#include <string.h>

#include "private.h"

#define LABEL_MAX 63
#define NAME_MAX_BYTES 253

/* The next code point of UTF-8; 0 at the end, UINT32_MAX for malformed bytes. */
static uint32_t next_point(const char **text)
{
	const unsigned char *bytes = (const unsigned char *)*text;
	uint32_t point = bytes[0];
	unsigned more = 0;
	static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};

	if (point == 0)
		return 0;
	if (point >= 0xf0 && point < 0xf5) {
		more = 3;
		point &= 0x07;
	} else if (point >= 0xe0 && point < 0xf0) {
		more = 2;
		point &= 0x0f;
	} else if (point >= 0xc2 && point < 0xe0) {
		more = 1;
		point &= 0x1f;
	} else if (point >= 0x80) {
		return UINT32_MAX;
	}
	for (unsigned i = 1; i <= more; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		point = point << 6 | (bytes[i] & 0x3f);
	}
	if (point < smallest[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return UINT32_MAX;
	*text += more + 1;
	return point;
}

static uint32_t lower_point(uint32_t point)
{
	if ((point >= 'A' && point <= 'Z') || (point >= 0xc0 && point <= 0xde && point != 0xd7) ||
	    (point >= 0x391 && point <= 0x3a9) || (point >= 0x410 && point <= 0x42f))
		return point + 0x20;
	if (point >= 0x400 && point <= 0x40f)
		return point + 0x50;
	return point;
}

/* RFC 3492, section 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / 700 : delta / 2;
	delta += delta / points;
	for (; delta > ((36 - 1) * 26) / 2; k += 36)
		delta /= 36 - 1;
	return k + (36 * delta) / (delta + 38);
}

/* RFC 3492, section 6.3: the length written, 0 if it does not fit. */
static size_t punycode(const uint32_t *points, size_t count, char *out, size_t size)
{
	uint32_t n = 0x80, delta = 0, bias = 72;
	size_t used = 0, handled, basic;

	for (size_t i = 0; i < count; i++) {
		if (points[i] < 0x80) {
			if (used >= size)
				return 0;
			out[used++] = (char)points[i];
		}
	}
	basic = handled = used;
	if (basic) {
		if (used >= size)
			return 0;
		out[used++] = '-';
	}
	while (handled < count) {
		uint32_t next = UINT32_MAX;

		for (size_t i = 0; i < count; i++) {
			if (points[i] >= n && points[i] < next)
				next = points[i];
		}
		/* at most 64 points below 0x110000: this cannot overflow */
		delta += (next - n) * (uint32_t)(handled + 1);
		n = next;
		for (size_t i = 0; i < count; i++) {
			if (points[i] < n)
				delta++;
			if (points[i] != n)
				continue;
			for (uint32_t q = delta, k = 36;; k += 36) {
				uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
				uint32_t digit = q < t ? q : t + (q - t) % (36 - t);

				if (used >= size)
					return 0;
				out[used++] = (char)(digit < 26 ? 'a' + digit : '0' + digit - 26);
				if (q < t)
					break;
				q = (q - t) / (36 - t);
			}
			bias = adapt(delta, (uint32_t)(handled + 1), handled == basic);
			delta = 0;
			handled++;
		}
		delta++;
		n++;
	}
	return used;
}

static bool is_host_letter(uint32_t point)
{
	return (point >= 'a' && point <= 'z') || (point >= '0' && point <= '9') || point == '-' ||
	       point == '_';
}

/* One label, in `points`, to `out`; its length, 0 with a reason. */
static size_t write_label(const uint32_t *points, size_t count, bool ascii, char *out,
			  const char **why)
{
	size_t length;

	if (count == 0) {
		*why = "a label is empty";
		return 0;
	}
	if (ascii) {
		for (size_t i = 0; i < count; i++)
			out[i] = (char)points[i];
		return count;
	}
	memcpy(out, "xn--", 4);
	length = punycode(points, count, out + 4, LABEL_MAX - 4);
	if (length == 0) {
		*why = "a label is longer than 63 bytes";
		return 0;
	}
	return length + 4;
}

size_t host_canonical(const char *word, char out[HOST_TEXT_SIZE], const char **why)
{
	uint32_t points[LABEL_MAX];
	size_t count = 0, used = 0;
	bool ascii = true;
	struct ip_addr address;

	if (strchr(word, ':')) {
		if (!ip_parse(word, &address)) {
			*why = "not a host name";
			return 0;
		}
		char text[IP_TEXT_SIZE];

		ip_format(&address, text);
		strcpy(out, text);
		return strlen(out);
	}
	for (;;) {
		uint32_t point = next_point(&word);

		if (point == UINT32_MAX) {
			*why = "not UTF-8";
			return 0;
		}
		/* the ideographic full stops of RFC 3490, section 3.1, are dots too */
		if (point == 0x3002 || point == 0xff0e || point == 0xff61)
			point = '.';
		if (point == 0 || point == '.') {
			char label[LABEL_MAX + 1];
			size_t length = write_label(points, count, ascii, label, why);

			if (length == 0)
				return 0;
			if (used + length + 1 > NAME_MAX_BYTES + 1) {
				*why = "longer than 253 bytes";
				return 0;
			}
			if (used)
				out[used++] = '.';
			memcpy(out + used, label, length);
			used += length;
			count = 0;
			ascii = true;
			if (point == 0 || *word == '\0')
				break;
			continue;
		}
		point = lower_point(point);
		if (point < 0x80 && !is_host_letter(point)) {
			*why = "not a host name";
			return 0;
		}
		if (count == LABEL_MAX) {
			*why = "a label is longer than 63 bytes";
			return 0;
		}
		ascii = ascii && point < 0x80;
		points[count++] = point;
	}
	out[used] = '\0';
	return used;
}
