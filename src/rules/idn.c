/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * idn.c - a host name as a user writes it -> as it stands on the wire.
 *
 * On the wire every name is ASCII: a label with other letters travels as its
 * A-label, "xn--" and Punycode (RFC 3492, RFC 5890). glibc converts only with a
 * library that may be missing and in the locale of the process, so the hundred
 * lines are here. Letters are lower-cased for the Latin, Greek, Cyrillic and Armenian scripts.
 *
 * There is no Unicode normalisation (that needs large tables): a combining accent, which would
 * silently give another A-label than the composed letter, is refused. A name that needs more can
 * always be written in its xn-- form.
 *
 * Nearly all names of a long list are plain ASCII: they take a short way.
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

/* Capitals: what to add; where a letter's capital stands right before it, every other one is. */
static const struct {
	uint16_t first, last, add;
} capitals[] = {
	{'A', 'Z', 0x20},	 {0xc0, 0xd6, 0x20},	 {0xd8, 0xde, 0x20},	{0x100, 0x12f, 1},
	{0x132, 0x137, 1},	 {0x139, 0x148, 1},	 {0x14a, 0x177, 1},	{0x179, 0x17e, 1},
	{0x386, 0x386, 0x26},	 {0x388, 0x38a, 0x25},	 {0x38c, 0x38c, 0x40},	{0x38e, 0x38f, 0x3f},
	{0x391, 0x3a1, 0x20},	 {0x3a3, 0x3ab, 0x20},	 {0x400, 0x40f, 0x50},	{0x410, 0x42f, 0x20},
	{0x460, 0x481, 1},	 {0x48a, 0x4bf, 1},	 {0x4c0, 0x4c0, 0xf},	{0x4c1, 0x4ce, 1},
	{0x4d0, 0x52f, 1},	 {0x531, 0x556, 0x30},	 {0x1e00, 0x1e95, 1},	{0x1ea0, 0x1eff, 1},
};

static uint32_t lower_point(uint32_t point)
{
	for (size_t i = 0; i < sizeof(capitals) / sizeof(capitals[0]); i++) {
		if (point < capitals[i].first)
			break;
		if (point <= capitals[i].last)
			return capitals[i].add > 1 ? point + capitals[i].add
						   : point + !((point - capitals[i].first) & 1);
	}
	if (point == 0x178) /* a Latin-1 letter whose capital is elsewhere */
		return 0xff;
	if (point == 0x1e9e)
		return 0xdf;
	return point;
}

static bool is_combining(uint32_t point)
{
	return point >= 0x300 && point < 0x370;
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

/* The name's length if it is plain ASCII and right; 0: it must be looked at closely. */
static size_t take_plain(const char *word, char *out)
{
	size_t length = 0, label = 0;

	for (;; length++) {
		unsigned char c = (unsigned char)word[length];

		if (c == '.' || c == '\0') {
			if (label == 0 || label > LABEL_MAX || length > NAME_MAX_BYTES)
				return 0;
			if (c == '\0' || word[length + 1] == '\0')
				break;
			label = 0;
		} else {
			if (c >= 'A' && c <= 'Z')
				c |= 0x20;
			if (!is_host_letter(c) || length == NAME_MAX_BYTES)
				return 0;
			label++;
		}
		out[length] = (char)c;
	}
	out[length] = '\0';
	return length;
}

size_t host_canonical(const char *word, char out[HOST_TEXT_SIZE], const char **why)
{
	uint32_t points[LABEL_MAX];
	size_t count = 0, used = take_plain(word, out);
	bool ascii = true;
	struct ip_addr address;

	if (used)
		return used;
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
		if (point == 0x3002 || point == 0xff61)
			point = '.';
		else if (point >= 0xff01 && point <= 0xff5e) /* full-width ASCII */
			point -= 0xfee0;
		if (point == 0 || point == '.') {
			char label[LABEL_MAX + 1];
			size_t length = write_label(points, count, ascii, label, why);

			if (length == 0)
				return 0;
			if (used + (used > 0) + length > NAME_MAX_BYTES) {
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
		if (is_combining(point)) {
			*why = "has a combining accent: write the letter as one character, or the "
			       "name in its xn-- form";
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
