/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HPACK (RFC 7541), as much as the first header block of a connection needs.
 *
 * The dynamic table begins empty, so it holds only what this very block has put in it. An index
 * counts from the newest entry: dropping old ones renumbers nothing, and a valid block
 * does not refer to what was dropped. So sizes need not be kept, only the newest entries.
 * Of each, what is kept is which of the three names it is and where its value stands.
 *
 * The Huffman code of Appendix B is canonical: the symbols in order of length and then of
 * value, and how many there are of each length, are the whole of it.
 */
#include "hpack.h"

#include <string.h>

enum {
	TABLE_ENTRIES = 128, /* 4096 bytes, at 32 or more for each */
	STATIC_ENTRIES = 61,
	INTEGER_MAX = 1 << 20,
	CODE_MIN = 5,
	CODE_MAX = 30,
	END_OF_STRING = 256,
};

enum name { NAME_OTHER, NAME_AUTHORITY, NAME_METHOD, NAME_HOST };

/* A string literal, still encoded. */
struct literal {
	const uint8_t *bytes;
	size_t length;
	bool huffman;
};

struct field {
	enum name name;
	struct literal value;
};

struct block {
	const uint8_t *bytes;
	size_t length, at;
	struct field table[TABLE_ENTRIES]; /* a ring */
	size_t added;
};

/* ---- Huffman ---- */

static const uint8_t code_counts[CODE_MAX + 1] = {
	0, 0, 0, 0, 0, 10, 26, 32, 6,  0, 5,  3,  2,  6, 2, 3,
	0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4,
};

/* By length, then by value; the last, END_OF_STRING, is left out. */
static const uint8_t code_symbols[END_OF_STRING] = {
	48,  49,  50,  97,  99,	 101, 105, 111, 115, 116, 32,  37,  45,	 46,  47,  51,	52,  53,
	54,  55,  56,  57,  61,	 65,  95,  98,	100, 102, 103, 104, 108, 109, 110, 112, 114, 117,
	58,  66,  67,  68,  69,	 70,  71,  72,	73,  74,  75,  76,  77,	 78,  79,  80,	81,  82,
	83,  84,  85,  86,  87,	 89,  106, 107, 113, 118, 119, 120, 121, 122, 38,  42,	44,  59,
	88,  90,  33,  34,  40,	 41,  63,  39,	43,  124, 35,  62,  0,	 36,  64,  91,	93,  126,
	94,  125, 60,  96,  123, 92,  195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161,
	167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154,
	156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232,
	233, 1,	  135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165,
	166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9,	 142, 144, 145, 148, 159,
	171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213,
	218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245,
	246, 247, 248, 250, 251, 252, 253, 254, 2,   3,	  4,   5,   6,	 7,   8,   11,	12,  14,
	15,  16,  17,  18,  19,	 20,  21,  23,	24,  25,  26,  27,  28,	 29,  30,  31,	127, 220,
	249, 10,  13,  22,
};

/* False: no valid string, or more than `room` bytes. */
static bool huffman_decode(const uint8_t *bytes, size_t length, uint8_t *out, size_t room,
			   size_t *filled)
{
	uint32_t code = 0, first = 0, symbol = 0;
	unsigned bits = 0;
	bool ones = true;

	*filled = 0;
	for (size_t i = 0; i < length * 8; i++) {
		uint32_t one = bytes[i / 8] >> (7 - i % 8) & 1;

		/* `first` is the lowest code of `bits` bits, `symbol` its place in the list */
		code = code << 1 | one;
		first = (first + code_counts[bits]) << 1;
		symbol += code_counts[bits];
		ones = ones && one;
		if (++bits > CODE_MAX)
			return false;
		if (code - first >= code_counts[bits])
			continue;
		if (symbol + code - first >= END_OF_STRING || *filled == room)
			return false;
		out[(*filled)++] = code_symbols[symbol + code - first];
		code = first = symbol = bits = 0;
		ones = true;
	}
	/* 5.2: what fills the last byte is a part of the end's code, all ones */
	return bits < 8 && ones;
}

static bool literal_text(const struct literal *literal, uint8_t *out, size_t room, size_t *length)
{
	if (literal->huffman)
		return huffman_decode(literal->bytes, literal->length, out, room, length);
	if (literal->length > room)
		return false;
	if (literal->length)
		memcpy(out, literal->bytes, literal->length);
	*length = literal->length;
	return true;
}

/* ---- fields ---- */

/* 5.1: an integer in the low `prefix` bits of the next byte, and more if they are all ones. */
static bool read_integer(struct block *block, unsigned prefix, uint32_t *value)
{
	uint32_t max = (1u << prefix) - 1;
	unsigned shift = 0;
	uint8_t byte;

	if (block->at == block->length)
		return false;
	*value = block->bytes[block->at++] & max;
	if (*value < max)
		return true;
	do {
		if (block->at == block->length || shift > 21)
			return false;
		byte = block->bytes[block->at++];
		*value += (uint32_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return *value <= INTEGER_MAX;
}

static bool read_literal(struct block *block, struct literal *literal)
{
	uint32_t length;

	if (block->at == block->length)
		return false;
	literal->huffman = block->bytes[block->at] & 0x80;
	if (!read_integer(block, 7, &length) || block->length - block->at < length)
		return false;
	literal->bytes = block->bytes + block->at;
	literal->length = length;
	block->at += length;
	return true;
}

static enum name name_of(const struct literal *literal)
{
	static const char *const names[] = {
		[NAME_AUTHORITY] = ":authority", [NAME_METHOD] = ":method", [NAME_HOST] = "host"};
	uint8_t text[10]; /* the longest of them */
	size_t length;

	if (!literal_text(literal, text, sizeof(text), &length))
		return NAME_OTHER;
	for (size_t i = NAME_AUTHORITY; i <= NAME_HOST; i++)
		if (strlen(names[i]) == length && !memcmp(names[i], text, length))
			return (enum name)i;
	return NAME_OTHER;
}

/* An entry of either table (2.3.3); of static ones the value is left out: none of ours has one. */
static bool indexed(const struct block *block, uint32_t index, struct field *field)
{
	memset(field, 0, sizeof(*field));
	if (!index)
		return false;
	if (index > STATIC_ENTRIES) {
		size_t age = index - STATIC_ENTRIES;

		if (age > block->added || age > TABLE_ENTRIES)
			return false;
		*field = block->table[(block->added - age) % TABLE_ENTRIES];
		return true;
	}
	switch (index) {
	case 1:
		field->name = NAME_AUTHORITY;
		break;
	case 2: /* GET */
	case 3: /* POST */
		field->name = NAME_METHOD;
		break;
	case 38:
		field->name = NAME_HOST;
		break;
	default:
		field->name = NAME_OTHER;
		break;
	}
	return true;
}

/* Section 6. *none: it was a change of the table's size. */
static bool read_field(struct block *block, struct field *field, bool *none)
{
	uint8_t byte = block->bytes[block->at];
	bool keep = (byte & 0xc0) == 0x40;
	uint32_t index;

	*none = false;
	if (byte & 0x80)
		return read_integer(block, 7, &index) && indexed(block, index, field);
	if ((byte & 0xe0) == 0x20) {
		*none = true;
		return read_integer(block, 5, &index);
	}
	if (!read_integer(block, keep ? 6 : 4, &index))
		return false;
	if (index) {
		if (!indexed(block, index, field))
			return false;
	} else {
		struct literal name;

		if (!read_literal(block, &name))
			return false;
		field->name = name_of(&name);
	}
	if (!read_literal(block, &field->value))
		return false;
	if (keep)
		block->table[block->added++ % TABLE_ENTRIES] = *field;
	return true;
}

/* The first of its name counts; one that is too long is no text, but the first all the same. */
static void keep_text(struct hpack_text *text, const struct literal *value)
{
	if (text->seen)
		return;
	text->seen = true;
	if (!literal_text(value, text->bytes, sizeof(text->bytes), &text->length))
		text->length = 0;
}

bool hpack_request_read(const uint8_t *bytes, size_t length, struct hpack_request *request)
{
	struct block block = {.bytes = bytes, .length = length};
	struct hpack_text method = {.seen = false};

	memset(request, 0, sizeof(*request));
	while (block.at < block.length) {
		struct field field;
		bool none;

		if (!read_field(&block, &field, &none))
			return false;
		if (none)
			continue;
		if (field.name == NAME_AUTHORITY)
			keep_text(&request->authority, &field.value);
		else if (field.name == NAME_HOST)
			keep_text(&request->host, &field.value);
		else if (field.name == NAME_METHOD)
			keep_text(&method, &field.value);
	}
	request->connect = method.length == 7 && !memcmp(method.bytes, "CONNECT", 7);
	return true;
}
