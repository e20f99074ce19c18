/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * collectd's binary protocol (its wiki, "Binary protocol").
 *
 * Parts, each with a type and a length, end exactly with the datagram. A string ends with its only
 * zero byte, a number has eight bytes, and a list of values is as long as its count says. A
 * signature comes first; an encrypted part is all there is, and names a user. Receivers skip parts
 * of an unknown type, so a few do not matter where many are known.
 */
#include "../inspector.h"

enum {
	HEADER = 4,
	PART_HOST = 0x0000,
	PART_TIME = 0x0001,
	PART_VALUES = 0x0006,
	PART_INTERVAL = 0x0007,
	PART_TIME_HR = 0x0008,
	PART_INTERVAL_HR = 0x0009,
	PART_MESSAGE = 0x0100,
	PART_SEVERITY = 0x0101,
	PART_SIGNATURE = 0x0200,
	PART_ENCRYPTED = 0x0210,
	NUMBER_BYTES = HEADER + 8,
	VALUE_BYTES = 9,
	DIGEST_BYTES = 32,
	VECTOR_AND_SUM = 16 + 20,
	BYTES_MIN = 24, /* a host and a number */
};

static bool is_text(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		if (bytes[i] < ' ' || bytes[i] == 0x7f)
			return false;
	return length > 0;
}

static bool type_known(uint32_t type)
{
	return type <= PART_INTERVAL_HR || type == PART_MESSAGE || type == PART_SEVERITY ||
	       type == PART_SIGNATURE;
}

/* `part`, of a known type, has `length` bytes, all of them present. */
static bool part_good(const uint8_t *part, uint32_t length)
{
	uint32_t count;

	switch (inspect_be16(part)) {
	case PART_TIME:
	case PART_INTERVAL:
	case PART_TIME_HR:
	case PART_INTERVAL_HR:
	case PART_SEVERITY:
		return length == NUMBER_BYTES;
	case PART_VALUES:
		count = length >= HEADER + 2 ? inspect_be16(part + HEADER) : 0;
		if (!count || length != HEADER + 2 + count * VALUE_BYTES)
			return false;
		for (uint32_t i = 0; i < count; i++) /* counter, gauge, derive, absolute */
			if (part[HEADER + 2 + i] > 3)
				return false;
		return true;
	case PART_SIGNATURE:
		return length > HEADER + DIGEST_BYTES &&
		       is_text(part + HEADER + DIGEST_BYTES, length - HEADER - DIGEST_BYTES);
	default:
		return length > HEADER && !part[length - 1] &&
		       (length == HEADER + 1 || is_text(part + HEADER, length - HEADER - 1));
	}
}

static bool encrypted_good(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t name;

	if (inspect_be16(bytes + 2) != datagram->length || datagram->captured < HEADER + 2)
		return false;
	name = inspect_be16(bytes + HEADER);
	return name >= 2 && HEADER + 2 + name + VECTOR_AND_SUM < datagram->length &&
	       HEADER + 2 + name <= datagram->captured && is_text(bytes + HEADER + 2, name);
}

static enum inspect_status collectd_datagram(const struct inspect_datagram *datagram, void **state,
					     struct evidence *evidence)
{
	uint32_t at = 0, parts = 0, unknown = 0, type;

	(void)state;
	(void)evidence;
	if (datagram->length < BYTES_MIN || datagram->captured < BYTES_MIN)
		return INSPECT_NO;
	type = inspect_be16(datagram->bytes);
	if (type == PART_ENCRYPTED)
		return encrypted_good(datagram) ? INSPECT_DONE : INSPECT_NO;
	if (type != PART_HOST && type != PART_SIGNATURE && type != PART_TIME &&
	    type != PART_TIME_HR)
		return INSPECT_NO;
	while (at < datagram->length) {
		uint32_t length;

		if (at + HEADER > datagram->captured)
			break;
		length = inspect_be16(datagram->bytes + at + 2);
		if (length <= HEADER || length > datagram->length - at)
			return INSPECT_NO;
		if (at + length > datagram->captured)
			break;
		if (type_known(inspect_be16(datagram->bytes + at))) {
			if (!part_good(datagram->bytes + at, length))
				return INSPECT_NO;
			parts++;
		} else {
			unknown++;
		}
		at += length;
	}
	if (at < datagram->length && datagram->captured == datagram->length)
		return INSPECT_NO;
	return parts >= 2 && unknown * 8 <= parts ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_collectd = {
	.name = "collectd",
	.datagram = collectd_datagram,
};
