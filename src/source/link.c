/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Link layers of capture files. The daemon gets IP packets from the kernel and needs none of
 * this; a capture has whatever the capturing host's interface spoke.
 *
 * Each layer is a function that takes the rest of the frame as a cursor, checks its own bytes,
 * steps over them and calls the next; there is no recursion without progress, and what can be
 * stacked (tags, labels) is counted. The IP packet's own length, not the frame's, decides later
 * where the packet ends, so trailers and padding need no attention here.
 * Formats: IEEE 802.3, 802.1Q/ad, RFC 1042 (SNAP), 3032 (MPLS), 2516 (PPPoE), 1661/1662 (PPP),
 * https://www.tcpdump.org/linktypes.html for the rest.
 */
#include <string.h>

#include <pcap/dlt.h>

#include <waymark/ip.h>

#include "link.h"

#define TAGS_MAX 8
#define LABELS_MAX 16

/* Values in files of other systems, where this libpcap's own name differs. */
#define RAW_OPENBSD 14
#define RAW_LINKTYPE 101

enum {
	ETHER_IPV4 = 0x0800,
	ETHER_IPV6 = 0x86dd,
	ETHER_VLAN = 0x8100,
	ETHER_QINQ = 0x88a8,
	ETHER_QINQ_OLD = 0x9100,
	ETHER_QINQ_OLDER = 0x9200,
	ETHER_MPLS = 0x8847,
	ETHER_MPLS_MULTICAST = 0x8848,
	ETHER_PPPOE_SESSION = 0x8864,
	ETHER_LENGTH_MAX = 1500, /* up to here the field is a length, and LLC follows */
};

enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057, PPP_MPLS = 0x0281, PPP_MPLS_MULTICAST = 0x0283 };

struct frame {
	const uint8_t *at;
	size_t left;
};

static bool skip(struct frame *frame, size_t bytes)
{
	if (frame->left < bytes)
		return false;
	frame->at += bytes;
	frame->left -= bytes;
	return true;
}

static bool take16(struct frame *frame, uint16_t *value)
{
	if (frame->left < 2)
		return false;
	*value = (uint16_t)(frame->at[0] << 8 | frame->at[1]);
	return skip(frame, 2);
}

static bool find_ip(const struct frame *frame, struct source_link *link, uint8_t family)
{
	link->family = family;
	return frame->left > 0;
}

/* Labels up to the bottom of the stack; what follows says by its first bits whether it is IP. */
static bool find_mpls(struct frame *frame, struct source_link *link)
{
	bool bottom = false;

	for (int i = 0; !bottom; i++) {
		if (i == LABELS_MAX || frame->left < 4)
			return false;
		bottom = (frame->at[2] & 1) != 0;
		skip(frame, 4);
	}
	if (frame->left == 0 || (frame->at[0] >> 4 != 4 && frame->at[0] >> 4 != 6))
		return false; /* a pseudowire, or cut */
	return find_ip(frame, link, IP_NONE);
}

/* From the PPP protocol field on, which is one byte when it was compressed (odd first byte). */
static bool find_ppp(struct frame *frame, struct source_link *link)
{
	uint16_t proto;

	if (frame->left > 0 && (frame->at[0] & 1) != 0) {
		proto = frame->at[0];
		skip(frame, 1);
	} else if (!take16(frame, &proto)) {
		return false;
	}
	switch (proto) {
	case PPP_IPV4:
		return find_ip(frame, link, IP_V4);
	case PPP_IPV6:
		return find_ip(frame, link, IP_V6);
	case PPP_MPLS:
	case PPP_MPLS_MULTICAST:
		return find_mpls(frame, link);
	default:
		return false;
	}
}

/* HDLC-like framing is optional: address 0xff and control 3 may have been negotiated away. */
static bool find_ppp_hdlc(struct frame *frame, struct source_link *link)
{
	if (frame->left >= 2 && frame->at[0] == 0xff && frame->at[1] == 0x03)
		skip(frame, 2);
	return find_ppp(frame, link);
}

static bool find_pppoe(struct frame *frame, struct source_link *link)
{
	if (frame->left < 6 || frame->at[0] != 0x11 || frame->at[1] != 0)
		return false;
	skip(frame, 6);
	return find_ppp(frame, link);
}

static bool find_by_ethertype(struct frame *frame, struct source_link *link, uint16_t type)
{
	for (int i = 0; i <= TAGS_MAX; i++) {
		switch (type) {
		case ETHER_IPV4:
			return find_ip(frame, link, IP_V4);
		case ETHER_IPV6:
			return find_ip(frame, link, IP_V6);
		case ETHER_MPLS:
		case ETHER_MPLS_MULTICAST:
			return find_mpls(frame, link);
		case ETHER_PPPOE_SESSION:
			return find_pppoe(frame, link);
		case ETHER_VLAN:
		case ETHER_QINQ:
		case ETHER_QINQ_OLD:
		case ETHER_QINQ_OLDER:
			if (!skip(frame, 2))
				return false;
			break;
		default: {
			static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};

			if (type > ETHER_LENGTH_MAX || frame->left < sizeof(snap) ||
			    memcmp(frame->at, snap, sizeof(snap)) != 0)
				return false;
			skip(frame, sizeof(snap));
			break;
		}
		}
		if (!take16(frame, &type))
			return false;
	}
	return false;
}

static void set_mac(struct source_link *link, const uint8_t *mac)
{
	memcpy(link->mac, mac, sizeof(link->mac));
	link->has_mac = true;
}

static bool find_ethernet(struct frame *frame, struct source_link *link)
{
	uint16_t type;

	if (frame->left < 14)
		return false;
	set_mac(link, frame->at + 6);
	skip(frame, 12);
	return take16(frame, &type) && find_by_ethertype(frame, link, type);
}

/* Linux cooked: the address is the sender's; hardware type 1 is Ethernet. */
static bool find_cooked(struct frame *frame, struct source_link *link)
{
	uint16_t type;

	if (frame->left < 16)
		return false;
	if (frame->at[2] == 0 && frame->at[3] == 1 && frame->at[4] == 0 && frame->at[5] == 6)
		set_mac(link, frame->at + 6);
	skip(frame, 14);
	return take16(frame, &type) && find_by_ethertype(frame, link, type);
}

static bool find_cooked2(struct frame *frame, struct source_link *link)
{
	uint16_t type;

	if (frame->left < 20 || !take16(frame, &type))
		return false;
	if (frame->at[6] == 0 && frame->at[7] == 1 && frame->at[9] == 6)
		set_mac(link, frame->at + 10);
	skip(frame, 18);
	return find_by_ethertype(frame, link, type);
}

/* Address family in the byte order of the writer (null) or the network (loop). */
static bool find_loopback(struct frame *frame, struct source_link *link)
{
	uint32_t af;

	if (frame->left < 4)
		return false;
	/* Both orders: a family is a small number, so one end of the four bytes holds it all. */
	if (frame->at[1] != 0 || frame->at[2] != 0 || (frame->at[0] != 0 && frame->at[3] != 0))
		return false;
	af = frame->at[0] | frame->at[3];
	skip(frame, 4);
	switch (af) {
	case 2: /* AF_INET everywhere */
		return find_ip(frame, link, IP_V4);
	case 10: /* AF_INET6: Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin */
	case 23:
	case 24:
	case 28:
	case 30:
		return find_ip(frame, link, IP_V6);
	default:
		return false;
	}
}

static bool find_cisco_hdlc(struct frame *frame, struct source_link *link)
{
	uint16_t type;

	return skip(frame, 2) && take16(frame, &type) && find_by_ethertype(frame, link, type);
}

static bool find_ppp_serial(struct frame *frame, struct source_link *link)
{
	if (frame->left > 0 && (frame->at[0] == 0x0f || frame->at[0] == 0x8f))
		return find_cisco_hdlc(frame, link);
	return find_ppp_hdlc(frame, link);
}

static bool find_raw(struct frame *frame, struct source_link *link)
{
	return find_ip(frame, link, IP_NONE);
}

static bool find_raw4(struct frame *frame, struct source_link *link)
{
	return find_ip(frame, link, IP_V4);
}

static bool find_raw6(struct frame *frame, struct source_link *link)
{
	return find_ip(frame, link, IP_V6);
}

typedef bool link_fn(struct frame *frame, struct source_link *link);

static link_fn *link_layer(int dlt)
{
	switch (dlt) {
	case DLT_EN10MB:
		return find_ethernet;
	case DLT_LINUX_SLL:
		return find_cooked;
	case DLT_LINUX_SLL2:
		return find_cooked2;
	case DLT_RAW:
	case RAW_OPENBSD:
	case RAW_LINKTYPE:
		return find_raw;
	case DLT_IPV4:
		return find_raw4;
	case DLT_IPV6:
		return find_raw6;
	case DLT_NULL:
	case DLT_LOOP:
		return find_loopback;
	case DLT_PPP:
		return find_ppp_hdlc;
	case DLT_PPP_SERIAL:
		return find_ppp_serial;
	case DLT_PPP_ETHER:
		return find_pppoe;
	case DLT_C_HDLC:
		return find_cisco_hdlc;
	default:
		return NULL;
	}
}

bool source_link_supported(int dlt)
{
	return link_layer(dlt) != NULL;
}

/* Almost every frame of almost every capture: nothing between Ethernet and IP. */
static bool find_plain(const uint8_t *frame, size_t captured, struct source_link *link)
{
	if (captured <= 14)
		return false;
	if (frame[12] == ETHER_IPV4 >> 8 && frame[13] == (ETHER_IPV4 & 255))
		link->family = IP_V4;
	else if (frame[12] == ETHER_IPV6 >> 8 && frame[13] == (ETHER_IPV6 & 255))
		link->family = IP_V6;
	else
		return false;
	set_mac(link, frame + 6);
	link->offset = 14;
	return true;
}

bool source_link_find(int dlt, const uint8_t *frame, size_t captured, struct source_link *link)
{
	struct frame rest = {.at = frame, .left = captured};
	link_fn *find;

	if (dlt == DLT_EN10MB && find_plain(frame, captured, link))
		return true;
	find = link_layer(dlt);
	memset(link, 0, sizeof(*link));
	if (find == NULL || !find(&rest, link))
		return false;
	link->offset = captured - rest.left;
	return true;
}
