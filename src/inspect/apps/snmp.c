/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SNMP v1, v2c and v3 over UDP, and over TCP (RFC 1157, 3416, 3412, 3430).
 *
 * A message is BER: a sequence of the version, a community and a PDU; in version 3 of the
 * version, a header of four fields, the security model's parameters, and the scoped PDU. The
 * sequence must end with the datagram, the PDU with the sequence, and what is in the PDU with the
 * PDU: lengths that close one in another, with known tags and small integers, are evidence enough.
 * LDAP begins likewise, but a message ID stands where the version does, and no string follows it.
 *
 * Of a cut datagram, the lengths of the message and of its PDU must agree.
 */
#include "sides.h"

enum {
	TAG_INTEGER = 0x02,
	TAG_STRING = 0x04,
	TAG_OID = 0x06,
	TAG_SEQUENCE = 0x30,
	TAG_ADDRESS = 0x40,
	TAG_TICKS = 0x43,
	TAG_PDU = 0xa0, /* get, get-next, response, set, trap, get-bulk, inform, trap2, report */
	PDU_TRAP_1 = 4,
	PDU_LAST = 8,
	VERSION_3 = 3,
	MAX_SIZE_MIN = 484, /* RFC 3412, 6.1 */
	MESSAGE_MAX = 65535,
};

/* Bytes [at, end) of a message, of which those before `present` are there. */
struct ber {
	const uint8_t *bytes;
	uint32_t at, end, present;
	bool cut; /* something wanted lies beyond `present` */
};

/* Enters the element at the cursor, if it has the tag: its contents become *inside. */
static bool take(struct ber *ber, uint32_t tag, struct ber *inside)
{
	uint32_t at = ber->at, length, size;

	if (at < ber->present && ber->bytes[at] != tag)
		return false;
	if (at + 2 > ber->present) {
		ber->cut = at + 2 <= ber->end;
		return false;
	}
	length = ber->bytes[at + 1];
	at += 2;
	if (length & 0x80) {
		size = length & 0x7f;
		if (!size || size > 4)
			return false;
		if (at + size > ber->present) {
			ber->cut = at + size <= ber->end;
			return false;
		}
		for (length = 0; size; size--)
			length = length << 8 | ber->bytes[at++];
	}
	if (length > ber->end - at)
		return false;
	*inside = (struct ber){
		.bytes = ber->bytes, .at = at, .end = at + length, .present = ber->present};
	if (inside->present > inside->end)
		inside->present = inside->end;
	ber->at = at + length;
	return true;
}

static bool take_integer(struct ber *ber, uint32_t *value)
{
	struct ber inside;

	if (!take(ber, TAG_INTEGER, &inside))
		return false;
	if (inside.present < inside.end) {
		ber->cut = true;
		return false;
	}
	if (inside.at == inside.end || inside.end - inside.at > 5)
		return false;
	for (*value = 0; inside.at < inside.end; inside.at++)
		*value = *value << 8 | ber->bytes[inside.at];
	return true;
}

/* Sequences of a name and a value of any type, to the end. */
static bool bindings_good(struct ber *list, bool *cut)
{
	struct ber inside, name;

	while (list->at < list->end) {
		if (!take(list, TAG_SEQUENCE, &inside)) {
			*cut = list->cut;
			return false;
		}
		if (!take(&inside, TAG_OID, &name)) {
			*cut = inside.cut;
			return false;
		}
		if (inside.at >= inside.present) {
			*cut = inside.at < inside.end;
			return false;
		}
		if (!take(&inside, inside.bytes[inside.at], &name)) {
			*cut = inside.cut;
			return false;
		}
		if (inside.at != inside.end)
			return false;
	}
	return true;
}

static bool pdu_good(struct ber *pdu, uint32_t type, bool *cut)
{
	struct ber inside;
	uint32_t value;
	bool good;

	if (type == PDU_TRAP_1)
		good = take(pdu, TAG_OID, &inside) && take(pdu, TAG_ADDRESS, &inside) &&
		       take_integer(pdu, &value) && take_integer(pdu, &value) &&
		       take(pdu, TAG_TICKS, &inside);
	else
		good = take_integer(pdu, &value) && take_integer(pdu, &value) &&
		       take_integer(pdu, &value);
	if (!good || !take(pdu, TAG_SEQUENCE, &inside)) {
		*cut = pdu->cut;
		return false;
	}
	return pdu->at == pdu->end && bindings_good(&inside, cut);
}

static bool community_good(const struct ber *text)
{
	for (uint32_t at = text->at; at < text->present; at++)
		if (text->bytes[at] < ' ' || text->bytes[at] == 0x7f)
			return false;
	return true;
}

static enum inspect_status read_v1(struct ber *message, bool *cut)
{
	struct ber community, pdu;
	uint32_t type;

	if (!take(message, TAG_STRING, &community))
		return message->cut ? INSPECT_MORE : INSPECT_NO;
	if (!community_good(&community))
		return INSPECT_NO;
	if (message->at >= message->present)
		return message->at < message->end ? INSPECT_MORE : INSPECT_NO;
	type = message->bytes[message->at];
	if (type < TAG_PDU || type > TAG_PDU + PDU_LAST)
		return INSPECT_NO;
	if (!take(message, type, &pdu))
		return message->cut ? INSPECT_MORE : INSPECT_NO;
	if (message->at != message->end)
		return INSPECT_NO;
	return pdu_good(&pdu, type - TAG_PDU, cut) || *cut ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_v3(struct ber *message)
{
	struct ber header = {0}, flags, inside;
	uint32_t id, size, model;

	if (!take(message, TAG_SEQUENCE, &header) || !take_integer(&header, &id) ||
	    !take_integer(&header, &size) || size < MAX_SIZE_MIN ||
	    !take(&header, TAG_STRING, &flags) || flags.end - flags.at != 1 ||
	    !take_integer(&header, &model) || header.at != header.end)
		return message->cut || header.cut ? INSPECT_MORE : INSPECT_NO;
	if (!take(message, TAG_STRING, &inside))
		return message->cut ? INSPECT_MORE : INSPECT_NO;
	if (message->at >= message->present)
		return message->at < message->end ? INSPECT_DONE : INSPECT_NO;
	/* in the clear, or encrypted */
	if (!take(message, message->bytes[message->at] == TAG_STRING ? TAG_STRING : TAG_SEQUENCE,
		  &inside))
		return message->cut ? INSPECT_DONE : INSPECT_NO;
	return message->at == message->end ? INSPECT_DONE : INSPECT_NO;
}

/* MORE: it fits as far as it is there. */
static enum inspect_status read_message(const uint8_t *bytes, uint32_t present, uint32_t length)
{
	struct ber whole = {.bytes = bytes, .end = length, .present = present};
	struct ber message = {0}, inside;
	uint32_t version = 0;
	bool cut = false;

	if (!take(&whole, TAG_SEQUENCE, &message))
		return whole.cut ? INSPECT_MORE : INSPECT_NO;
	if (message.end != length)
		return INSPECT_NO;
	inside = message;
	if (!take_integer(&message, &version))
		return message.cut ? INSPECT_MORE : INSPECT_NO;
	if (message.at - inside.at != 3 || (version > 1 && version != VERSION_3))
		return INSPECT_NO;
	return version == VERSION_3 ? read_v3(&message) : read_v1(&message, &cut);
}

static enum inspect_status snmp_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return read_message(datagram->bytes, datagram->captured, datagram->length) == INSPECT_DONE
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

/* How long the message at the beginning is; 0: no telling yet. */
static uint32_t message_length(const uint8_t *bytes, uint32_t length)
{
	uint32_t size, value = 0;

	if (length < 2)
		return 0;
	if (!(bytes[1] & 0x80))
		return 2u + bytes[1];
	size = bytes[1] & 0x7f;
	if (!size || size > 4)
		return MESSAGE_MAX + 1;
	if (length < 2 + size)
		return 0;
	for (uint32_t i = 0; i < size; i++)
		value = value << 8 | bytes[2 + i];
	return value > MESSAGE_MAX ? MESSAGE_MAX + 1 : 2 + size + value;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t size = message_length(bytes, length);

	(void)from;
	if (bytes[0] != TAG_SEQUENCE || size > MESSAGE_MAX)
		return INSPECT_NO;
	if (!size)
		return INSPECT_MORE;
	if (size <= length)
		return read_message(bytes, size, size);
	return read_message(bytes, length, size) == INSPECT_NO ? INSPECT_NO : INSPECT_MORE;
}

static enum inspect_status snmp_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_snmp = {
	.name = "snmp",
	.stream = snmp_stream,
	.datagram = snmp_datagram,
	INSPECT_BEGINS("\x30\x30"),
};
