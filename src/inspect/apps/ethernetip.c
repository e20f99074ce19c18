/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EtherNet/IP (ODVA, CIP Networks Library volume 2, chapter 2), and the cyclic data of CIP.
 *
 * Encapsulation: 24 bytes, least significant first: command, length of the rest, session, status, a
 * context, and options that are zero. The command is one of ten, and what it carries is bound: a
 * registration has version 1, data have an interface of zero and a list of items that ends where
 * the message does. Such a header is enough alone, over TCP and UDP.
 *
 * Cyclic data over UDP ("cip"): two items, the address of a connection with its count, and data
 * that end where the datagram does.
 */
#include "sides.h"

enum {
	COMMAND_NOP = 0,
	COMMAND_LIST_SERVICES = 4,
	COMMAND_LIST_IDENTITY = 0x63,
	COMMAND_LIST_INTERFACES = 0x64,
	COMMAND_REGISTER = 0x65,
	COMMAND_UNREGISTER = 0x66,
	COMMAND_RR_DATA = 0x6f,
	COMMAND_UNIT_DATA = 0x70,

	HEADER_BYTES = 24,
	REGISTER_BYTES = 4,
	DATA_FIXED = 8, /* interface, timeout, count of items */
	ITEMS_MAX = 8,
	ITEM_BYTES = 4,
	IO_BYTES = 18, /* both items without the data */
	ITEM_SEQUENCED = 0x8002,
	ITEM_CONNECTED = 0xb1,
};

/* Items from `at` on, which end at `size`. */
static bool is_items(const uint8_t *body, uint32_t size, uint32_t at, uint32_t count)
{
	if (count > ITEMS_MAX)
		return false;
	for (; count; count--) {
		if (size - at < ITEM_BYTES || inspect_le16(body + at + 2) > size - at - ITEM_BYTES)
			return false;
		at += ITEM_BYTES + inspect_le16(body + at + 2);
	}
	return at == size;
}

/* What the command carries, whole. */
static bool is_body(uint32_t command, const uint8_t *body, uint32_t size)
{
	switch (command) {
	case COMMAND_REGISTER:
		return size == REGISTER_BYTES && inspect_le16(body) == 1 && !inspect_le16(body + 2);
	case COMMAND_RR_DATA:
	case COMMAND_UNIT_DATA:
		return size >= DATA_FIXED && !inspect_le32(body) &&
		       is_items(body, size, DATA_FIXED, inspect_le16(body + 6));
	case COMMAND_LIST_SERVICES:
	case COMMAND_LIST_IDENTITY:
	case COMMAND_LIST_INTERFACES:
		return !size || (size >= 2 && is_items(body, size, 2, inspect_le16(body)));
	case COMMAND_UNREGISTER:
		return !size;
	default:
		return false;
	}
}

static bool is_status(uint32_t status)
{
	return status <= 3 || status == 0x64 || status == 0x65 || status == 0x69 || status == 0x6a;
}

static enum inspect_status read_message(const uint8_t *bytes, uint32_t length, uint32_t *size)
{
	uint32_t command;

	if (length < 2)
		return INSPECT_MORE;
	command = inspect_le16(bytes);
	if (command != COMMAND_LIST_SERVICES && command != COMMAND_NOP &&
	    (command < COMMAND_LIST_IDENTITY || command > COMMAND_UNIT_DATA))
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return INSPECT_MORE;
	*size = HEADER_BYTES + inspect_le16(bytes + 2);
	if (!is_status(inspect_le32(bytes + 8)) || inspect_le32(bytes + 20))
		return INSPECT_NO;
	if (length < *size)
		return INSPECT_MORE;
	if (command == COMMAND_NOP) /* nothing but zeros: the next message tells */
		return inspect_le32(bytes + 8) ? INSPECT_NO : INSPECT_MORE;
	/* an answer that refuses may have nothing */
	if (inspect_le32(bytes + 8) && *size == HEADER_BYTES && inspect_le32(bytes + 4) &&
	    command >= COMMAND_REGISTER)
		return INSPECT_DONE;
	if (command == COMMAND_UNREGISTER && !inspect_le32(bytes + 4))
		return INSPECT_NO;
	return is_body(command, bytes + HEADER_BYTES, *size - HEADER_BYTES) &&
			       (command >= COMMAND_REGISTER || !inspect_le32(bytes + 4))
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	enum inspect_status status;
	uint32_t size = 0;

	(void)from;
	status = read_message(bytes, length, &size);
	/* a header alone: a byte or two among zeros, which prove nothing where no datagram ends */
	if (status == INSPECT_DONE && size == HEADER_BYTES && !inspect_le32(bytes + 8))
		status = INSPECT_MORE;
	if (status == INSPECT_MORE && size && size < length)
		return read_message(bytes + size, length - size, &size);
	return status;
}

static enum inspect_status ethernetip_stream(const struct inspect_stream *stream,
					     struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

static enum inspect_status ethernetip_datagram(const struct inspect_datagram *datagram,
					       void **state, struct evidence *evidence)
{
	enum inspect_status status;
	uint32_t size = 0;

	(void)state;
	(void)evidence;
	status = read_message(datagram->bytes, datagram->captured, &size);
	return status == INSPECT_DONE && size == datagram->length ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status cip_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;

	(void)state;
	(void)evidence;
	return datagram->captured >= IO_BYTES && inspect_le16(bytes) == 2 &&
			       inspect_le16(bytes + 2) == ITEM_SEQUENCED &&
			       inspect_le16(bytes + 4) == 8 &&
			       inspect_le16(bytes + 14) == ITEM_CONNECTED &&
			       18 + inspect_le16(bytes + 16) == datagram->length
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_ethernetip = {
	.name = "ethernetip",
	.stream = ethernetip_stream,
	.datagram = ethernetip_datagram,
};

const struct inspector inspector_cip = {
	.name = "cip",
	.datagram = cip_datagram,
	INSPECT_BEGINS("\x02\x02"),
};
