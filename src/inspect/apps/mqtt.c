/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MQTT 3.1, 3.1.1 (OASIS, mqtt-v3.1.1-os) and 5.0 (mqtt-v5.0-os): a byte of type and flags, a
 * length of one to four bytes, then what the type says.
 *
 * CONNECT (3.1) has the protocol's name and version, and is enough; so is SUBSCRIBE (3.8), whose
 * list of filters ends where the packet does. CONNACK, PUBLISH and the short ones prove nothing
 * alone: they count when another packet that fits follows.
 */
#include <string.h>

#include "sides.h"

enum {
	TYPE_CONNECT = 1,
	TYPE_CONNACK = 2,
	TYPE_PUBLISH = 3,
	TYPE_PUBREL = 6,
	TYPE_PUBCOMP = 7,
	TYPE_SUBSCRIBE = 8,
	TYPE_SUBACK = 9,
	TYPE_UNSUBACK = 11,
	TYPE_PINGREQ = 12,
	TYPE_PINGRESP = 13,

	TOPIC_MIN = 4,
	BRIDGE = 0x80, /* of mosquitto, on the version */
};

struct mqtt_packet {
	uint8_t type, flags;
	uint32_t size, have; /* of what follows the length */
	const uint8_t *body;
};

static enum inspect_status read_fixed(const uint8_t *bytes, uint32_t length,
				      struct mqtt_packet *packet, uint32_t *header)
{
	uint32_t size = 0, at = 1;

	for (unsigned shift = 0;; shift += 7, at++) {
		if (at == length)
			return INSPECT_MORE;
		if (shift == 28)
			return INSPECT_NO;
		size |= (bytes[at] & 0x7fu) << shift;
		if (!(bytes[at] & 0x80))
			break;
	}
	at++;
	*packet = (struct mqtt_packet){
		.type = bytes[0] >> 4,
		.flags = bytes[0] & 15,
		.size = size,
		.have = length - at < size ? length - at : size,
		.body = bytes + at,
	};
	*header = at;
	return INSPECT_DONE;
}

static enum inspect_status read_connect(const struct mqtt_packet *packet)
{
	static const uint8_t current[] = "\0\4MQTT", old[] = "\0\6MQIsdp";
	enum inspect_status is_new, is_old;
	uint32_t name;

	if (packet->flags || packet->size < 10)
		return INSPECT_NO;
	is_new = inspect_begins(packet->body, packet->have, current, sizeof(current) - 1);
	is_old = inspect_begins(packet->body, packet->have, old, sizeof(old) - 1);
	if (is_new != INSPECT_DONE && is_old != INSPECT_DONE)
		return is_new > is_old ? is_new : is_old;
	name = is_new == INSPECT_DONE ? sizeof(current) - 1 : sizeof(old) - 1;
	if (packet->have <= name)
		return INSPECT_MORE;
	switch (packet->body[name] & ~BRIDGE) {
	case 3:
		return is_old == INSPECT_DONE ? INSPECT_DONE : INSPECT_NO;
	case 4:
	case 5:
		return is_new == INSPECT_DONE ? INSPECT_DONE : INSPECT_NO;
	default:
		return INSPECT_NO;
	}
}

/* Text of UTF-8 with its length before it, and no control characters; 0: it does not fit. */
static uint32_t topic_length(const uint8_t *body, uint32_t size, uint32_t at)
{
	uint32_t length;

	if (size < at + 2)
		return 0;
	length = inspect_be16(body + at);
	if (length > size - at - 2)
		return 0;
	for (uint32_t i = 0; i < length; i++)
		if (body[at + 2 + i] < ' ' || body[at + 2 + i] == 0x7f)
			return 0;
	return length;
}

/* Filters with their options, from `at` to the end. */
static bool is_filters(const struct mqtt_packet *packet, uint32_t at)
{
	if (at >= packet->size)
		return false;
	while (at < packet->size) {
		uint32_t length = topic_length(packet->body, packet->size, at);

		at += 2 + length;
		if (!length || at >= packet->size || packet->body[at] & 0xc0 ||
		    (packet->body[at] & 3) == 3)
			return false;
		at++;
	}
	return at == packet->size;
}

static bool is_subscribe(const struct mqtt_packet *packet)
{
	if (packet->size < 6 || !inspect_be16(packet->body))
		return false;
	return is_filters(packet, 2) ||
	       /* version 5: properties before them, few enough for a length of one byte */
	       (packet->body[2] < 0x80 && is_filters(packet, 3 + packet->body[2]));
}

static bool is_codes(const struct mqtt_packet *packet)
{
	if (packet->size < 3 || !inspect_be16(packet->body))
		return false;
	for (uint32_t i = 2; i < packet->size; i++)
		if (packet->body[i] > 2 && packet->body[i] < 0x80)
			return false;
	return true;
}

/* A whole packet that may be one of this side. */
static bool fits(const struct mqtt_packet *packet, enum flow_direction from)
{
	switch (packet->type) {
	case TYPE_CONNACK:
		if (packet->flags || packet->size < 2 || packet->body[0] > 1 ||
		    from != FLOW_FROM_SERVER)
			return false;
		if (packet->size == 2)
			return packet->body[1] <= 5;
		return (!packet->body[1] || packet->body[1] & 0x80) && packet->body[2] < 0x80 &&
		       packet->size == 3u + packet->body[2];
	case TYPE_PUBLISH:
		return (packet->flags & 6) != 6 &&
		       topic_length(packet->body, packet->size, 0) >= TOPIC_MIN;
	case TYPE_PUBLISH + 1:
	case TYPE_PUBREL - 1:
	case TYPE_PUBREL:
	case TYPE_PUBCOMP:
		return packet->flags == (packet->type == TYPE_PUBREL ? 2 : 0) &&
		       packet->size == 2 && inspect_be16(packet->body);
	case TYPE_SUBACK:
		return !packet->flags && from == FLOW_FROM_SERVER && is_codes(packet);
	case TYPE_UNSUBACK:
		return !packet->flags && from == FLOW_FROM_SERVER && packet->size == 2;
	case TYPE_PINGREQ:
		return !packet->flags && from == FLOW_FROM_CLIENT && !packet->size;
	case TYPE_PINGRESP:
		return !packet->flags && from == FLOW_FROM_SERVER && !packet->size;
	default:
		return false;
	}
}

/* `telling`: of the packets so far one was more than a few fixed bytes. */
static enum inspect_status read_packets(const uint8_t *bytes, uint32_t length,
					enum flow_direction from, bool opening)
{
	bool telling = false;
	uint32_t at = 0;

	for (unsigned count = 0; at < length; count++) {
		struct mqtt_packet packet;
		uint32_t header;
		enum inspect_status status = read_fixed(bytes + at, length - at, &packet, &header);

		if (status != INSPECT_DONE)
			return status;
		if (packet.type == TYPE_CONNECT)
			return count || from == FLOW_FROM_SERVER ? INSPECT_NO
								 : read_connect(&packet);
		if (packet.type == TYPE_CONNACK && count)
			return INSPECT_NO;
		if (opening && !count && packet.type != TYPE_CONNACK)
			return INSPECT_NO;
		if (packet.type == TYPE_SUBSCRIBE &&
		    (packet.flags != 2 || from != FLOW_FROM_CLIENT))
			return INSPECT_NO;
		if (packet.have < packet.size)
			return INSPECT_MORE;
		if (packet.type == TYPE_SUBSCRIBE)
			return is_subscribe(&packet) ? INSPECT_DONE : INSPECT_NO;
		if (!fits(&packet, from))
			return INSPECT_NO;
		telling |= packet.size >= 2 + TOPIC_MIN || packet.type == TYPE_CONNACK;
		at += header + packet.size;
		if (count && telling)
			return INSPECT_DONE;
	}
	return INSPECT_MORE;
}

static enum inspect_status read_opening(const uint8_t *bytes, uint32_t length,
					enum flow_direction from)
{
	return read_packets(bytes, length, from, true);
}

static enum inspect_status read_middle(const uint8_t *bytes, uint32_t length,
				       enum flow_direction from)
{
	return read_packets(bytes, length, from, false);
}

/* Two pings and both answers, which is all that an idle connection shows. */
static enum inspect_status read_pings(const struct inspect_stream *stream)
{
	static const uint8_t asked[] = {0xc0, 0, 0xc0, 0}, answered[] = {0xd0, 0, 0xd0, 0};

	return stream->length[FLOW_FROM_CLIENT] >= sizeof(asked) &&
			       stream->length[FLOW_FROM_SERVER] >= sizeof(answered) &&
			       !memcmp(stream->bytes[FLOW_FROM_CLIENT], asked, sizeof(asked)) &&
			       !memcmp(stream->bytes[FLOW_FROM_SERVER], answered, sizeof(answered))
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status mqtt_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	if (!stream->midstream)
		return inspect_either(stream, read_opening, note);
	if (inspect_pair(stream, read_pings) == INSPECT_DONE)
		return INSPECT_DONE;
	return inspect_either(stream, read_middle, note);
}

const struct inspector inspector_mqtt = {.name = "mqtt", .stream = mqtt_stream};
