/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IEC 60870-5-104 (5.1 to 5.3): 68, the length, and four bytes of control. Of the short frames
 * all bytes but a sequence number are bound: those that start, stop and test (U), and those that
 * confirm (S). A long one (I) has an object type, a count, and as many objects of the type's size
 * as fill it exactly. Any frame at the begin of what is seen is enough.
 */
#include "sides.h"

enum {
	START = 0x68,
	CONTROL_BYTES = 4,
	LENGTH_MAX = 253,
	HEADER_BYTES = 6, /* of the application's part: type, count, cause, common address */
	ADDRESS_BYTES = 3,
	CAUSE_MAX = 47,
};

/* The size of an object's value; -1: no such type. Files have sizes of their own. */
static int object_size(uint8_t type)
{
	static const int8_t sizes[128] = {
		[1] = 1,   [2] = 4,   [3] = 1,	 [4] = 4,   [5] = 2,   [6] = 5,	  [7] = 5,
		[8] = 8,   [9] = 3,   [10] = 6,	 [11] = 3,  [12] = 6,  [13] = 5,  [14] = 8,
		[15] = 5,  [16] = 8,  [17] = 6,	 [18] = 7,  [19] = 7,  [20] = 5,  [21] = 2,
		[30] = 8,  [31] = 8,  [32] = 9,	 [33] = 12, [34] = 10, [35] = 10, [36] = 12,
		[37] = 12, [38] = 10, [39] = 11, [40] = 11, [45] = 1,  [46] = 1,  [47] = 1,
		[48] = 3,  [49] = 3,  [50] = 5,	 [51] = 4,  [58] = 8,  [59] = 8,  [60] = 8,
		[61] = 10, [62] = 10, [63] = 12, [64] = 11, [70] = 1,  [100] = 1, [101] = 1,
		[103] = 7, [104] = 2, [105] = 1, [106] = 2, [107] = 9, [110] = 3, [111] = 3,
		[112] = 5, [113] = 1};

	if (type >= 128)
		return -1;
	return sizes[type] || type == 102 ? sizes[type] : -1;
}

static bool is_objects(const uint8_t *bytes, uint32_t length)
{
	uint32_t count = bytes[1] & 0x7f, size;
	int value = object_size(bytes[0]);

	if (length < HEADER_BYTES + ADDRESS_BYTES || value < 0 || !count || !(bytes[2] & 0x3f) ||
	    (bytes[2] & 0x3f) > CAUSE_MAX)
		return false;
	size = (uint32_t)value;
	/* one address and values that follow each other, or an address each */
	return length - HEADER_BYTES ==
	       (bytes[1] & 0x80 ? ADDRESS_BYTES + count * size : count * (ADDRESS_BYTES + size));
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	const uint8_t *control = bytes + 2;

	(void)from;
	if (bytes[0] != START ||
	    (length > 1 && (bytes[1] < CONTROL_BYTES || bytes[1] > LENGTH_MAX)))
		return INSPECT_NO;
	if (length < 2 + CONTROL_BYTES)
		return INSPECT_MORE;
	if (control[0] & 1) {
		if (bytes[1] != CONTROL_BYTES || control[1])
			return INSPECT_NO;
		if (control[0] == 1)
			return control[2] & 1 ? INSPECT_NO : INSPECT_DONE;
		/* one of six bits beside the two of its kind */
		return (control[0] & 3) == 3 && __builtin_popcount(control[0] >> 2) == 1 &&
				       !control[2] && !control[3]
			       ? INSPECT_DONE
			       : INSPECT_NO;
	}
	if (control[2] & 1 || bytes[1] < CONTROL_BYTES + HEADER_BYTES + ADDRESS_BYTES)
		return INSPECT_NO;
	if (length < 2u + bytes[1])
		return INSPECT_MORE;
	return is_objects(control + CONTROL_BYTES, bytes[1] - CONTROL_BYTES) ? INSPECT_DONE
									     : INSPECT_NO;
}

static enum inspect_status iec104_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_iec104 = {.name = "iec104", .stream = iec104_stream};
