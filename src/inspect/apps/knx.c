/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KNXnet/IP (ISO 22510; KNX Standard 03/08/02 "Core", 2.3): header size 6, version 1.0, a service
 * out of some thirty, and the total length: the datagram's, or up to the next header. Most of what
 * follows begins with a structure of known length. One message is enough.
 */
#include "sides.h"

enum {
	HEADER_BYTES = 6,
	LENGTH_MAX = 1024,
	ENDPOINT_BYTES = 8,
	CHANNEL_BYTES = 4,
	IPV4_UDP = 1,
	IPV4_TCP = 2,
};

/* What the body begins with. */
enum begin {
	BEGIN_NOT,
	BEGIN_ENDPOINT, /* the address of an endpoint */
	BEGIN_CHANNEL,	/* four bytes with their own length first */
	BEGIN_SHORT,	/* a channel's number and a status */
	BEGIN_ANY,
};

static enum begin service_begin(uint32_t service)
{
	switch (service) {
	case 0x0201: /* search, its answer, description, connect */
	case 0x0202:
	case 0x0203:
	case 0x0205:
	case 0x020b:
	case 0x020c:
	case 0x0740:
	case 0x0741:
	case 0x0742:
		return BEGIN_ENDPOINT;
	case 0x0310: /* configuration and tunnelling, and their acknowledgements */
	case 0x0311:
	case 0x0420:
	case 0x0421:
	case 0x0422:
	case 0x0423:
	case 0x0424:
	case 0x0425:
		return BEGIN_CHANNEL;
	case 0x0206: /* connected, state, disconnected */
	case 0x0207:
	case 0x0208:
	case 0x0209:
	case 0x020a:
		return BEGIN_SHORT;
	case 0x0204:
	case 0x0530: /* routing, its lost messages and its busy ones */
	case 0x0531:
	case 0x0532:
	case 0x0533:
	case 0x0743:
	case 0x0950: /* the secure ones */
	case 0x0951:
	case 0x0952:
	case 0x0953:
	case 0x0954:
	case 0x0955:
		return BEGIN_ANY;
	default:
		return BEGIN_NOT;
	}
}

/* The message's total length, 0: NO or MORE by *status. */
static uint32_t read_message(const uint8_t *bytes, uint32_t length, enum inspect_status *status)
{
	static const uint8_t start[] = {0x06, 0x10};
	enum begin begin;
	uint32_t total;

	*status = inspect_begins(bytes, length, start, sizeof(start));
	if (*status == INSPECT_NO)
		return 0;
	*status = INSPECT_MORE;
	if (length < HEADER_BYTES + 2)
		return 0;
	*status = INSPECT_NO;
	begin = service_begin(inspect_be16(bytes + 2));
	total = inspect_be16(bytes + 4);
	if (total < HEADER_BYTES + 2 || total > LENGTH_MAX)
		return 0;
	switch (begin) {
	case BEGIN_NOT:
		return 0;
	case BEGIN_ENDPOINT:
		if (total < HEADER_BYTES + ENDPOINT_BYTES || bytes[6] != ENDPOINT_BYTES ||
		    (bytes[7] != IPV4_UDP && bytes[7] != IPV4_TCP))
			return 0;
		break;
	case BEGIN_CHANNEL:
		if (total < HEADER_BYTES + CHANNEL_BYTES || bytes[6] != CHANNEL_BYTES)
			return 0;
		break;
	case BEGIN_SHORT:
		if (total > HEADER_BYTES + 2 + 2 * ENDPOINT_BYTES)
			return 0;
		break;
	case BEGIN_ANY:
		break;
	}
	*status = INSPECT_DONE;
	return total;
}

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	enum inspect_status status;

	(void)from;
	read_message(bytes, length, &status);
	return status;
}

static enum inspect_status knx_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

static enum inspect_status knx_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	enum inspect_status status;

	(void)state;
	(void)evidence;
	return read_message(datagram->bytes, datagram->captured, &status) == datagram->length
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_knx = {
	.name = "knx",
	.stream = knx_stream,
	.datagram = knx_datagram,
	INSPECT_BEGINS("\x06\x06"),
};
