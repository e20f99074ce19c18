/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BACnet/IP (ASHRAE 135, annex J; annex U for IPv6): 81 or 82, a function, and the length, which is
 * the datagram's. What carries data has a network header of version 1 (6.2) whose addresses end
 * before an application's unit of a known kind (20.1) or a network message; what serves the link
 * has a fixed or counted length. One datagram is enough.
 */
#include "sides.h"

enum {
	TYPE_IPV4 = 0x81,
	TYPE_IPV6 = 0x82,
	HEADER_BYTES = 4,
	FORWARD_BYTES = 6, /* the origin's address and port */

	CONTROL_NETWORK = 0x80,
	CONTROL_RESERVED = 0x50,
	CONTROL_TO = 0x20,
	CONTROL_FROM = 0x08,
	NETWORK_MESSAGE_MAX = 0x13,
	NETWORK_MESSAGE_VENDOR = 0x80,
	ADDRESS_MAX = 18,
	SERVICE_MAX = 34,
	UNCONFIRMED_MAX = 13,
};

struct view {
	const uint8_t *bytes;
	uint32_t have, size, at;
};

/* An address of the network header; false: it runs out. */
static bool skip_address(struct view *view)
{
	if (view->have < view->at + 3 || view->bytes[view->at + 2] > ADDRESS_MAX)
		return false;
	view->at += 3 + view->bytes[view->at + 2];
	return true;
}

static bool is_apdu(const uint8_t *apdu, uint32_t have, uint32_t size)
{
	if (have < 3 && have < size)
		return false;
	switch (apdu[0] >> 4) {
	case 0: /* confirmed request: flags, sizes, number, service; segments have two more */
		if (apdu[0] & 1 || size < 4 || apdu[1] & 0x80)
			return false;
		return apdu[0] & 8 ? size > 6 : have > 3 && apdu[3] <= SERVICE_MAX;
	case 1:
		return !(apdu[0] & 15) && size >= 2 && apdu[1] <= UNCONFIRMED_MAX;
	case 2: /* simple acknowledgement */
		return !(apdu[0] & 15) && size == 3 && apdu[2] <= SERVICE_MAX;
	case 3:
		if (apdu[0] & 3 || size < 4)
			return false;
		return apdu[0] & 8 ? size > 5 : apdu[2] <= SERVICE_MAX;
	case 4: /* acknowledgement of a segment */
		return !(apdu[0] & 12) && size == 4;
	case 5: /* error: service, class and code */
		return !(apdu[0] & 15) && size >= 5 && apdu[2] <= SERVICE_MAX;
	case 6: /* reject, abort: number and reason */
		return !(apdu[0] & 15) && size == 3;
	case 7:
		return !(apdu[0] & 14) && size == 3;
	default:
		return false;
	}
}

static bool is_network(struct view view)
{
	uint8_t control;

	if (view.have < view.at + 3 || view.bytes[view.at] != 1)
		return false;
	control = view.bytes[view.at + 1];
	view.at += 2;
	if (control & CONTROL_RESERVED || (control & CONTROL_TO && !skip_address(&view)) ||
	    (control & CONTROL_FROM && !skip_address(&view)))
		return false;
	if (control & CONTROL_TO)
		view.at++; /* hops */
	if (view.at >= view.have)
		return false;
	if (control & CONTROL_NETWORK)
		return view.bytes[view.at] <= NETWORK_MESSAGE_MAX ||
		       view.bytes[view.at] >= NETWORK_MESSAGE_VENDOR;
	return is_apdu(view.bytes + view.at, view.have - view.at, view.size - view.at);
}

static bool is_ipv4(struct view view)
{
	view.at = HEADER_BYTES;
	switch (view.bytes[1]) {
	case 0x00: /* result: a code of six, sixteen apart */
		return view.size == 6 && view.have == 6 && !view.bytes[4] &&
		       !(view.bytes[5] & 15) && view.bytes[5] <= 0x60;
	case 0x01:
	case 0x03: /* tables, ten bytes an entry */
	case 0x07:
		return view.size > HEADER_BYTES && (view.size - HEADER_BYTES) % 10 == 0;
	case 0x02:
	case 0x06:
		return view.size == HEADER_BYTES;
	case 0x05:
		return view.size == 6;
	case 0x08:
		return view.size == 10;
	case 0x04: /* forwarded: where from */
		view.at += FORWARD_BYTES;
		return is_network(view);
	case 0x09:
	case 0x0a:
	case 0x0b:
		return is_network(view);
	default:
		return false;
	}
}

static bool is_ipv6(struct view view)
{
	switch (view.bytes[1]) {
	case 0x01: /* to one: the source's and the destination's number, of three bytes */
		view.at = HEADER_BYTES + 6;
		return is_network(view);
	case 0x02:
		view.at = HEADER_BYTES + 3;
		return is_network(view);
	case 0x08: /* forwarded: the source's number, its address and port */
		view.at = HEADER_BYTES + 3 + 18;
		return is_network(view);
	default:
		return false;
	}
}

static enum inspect_status bacnet_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	struct view view = {
		.bytes = datagram->bytes, .have = datagram->captured, .size = datagram->length};

	(void)state;
	(void)evidence;
	if (view.have < HEADER_BYTES || inspect_be16(view.bytes + 2) != view.size)
		return INSPECT_NO;
	return (view.bytes[0] == TYPE_IPV4 && is_ipv4(view)) ||
			       (view.bytes[0] == TYPE_IPV6 && is_ipv6(view))
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

const struct inspector inspector_bacnet = {
	.name = "bacnet",
	.datagram = bacnet_datagram,
	INSPECT_BEGINS("\x81\x82"),
};
