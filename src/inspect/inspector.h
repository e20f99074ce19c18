/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspector - the frame that every built-in protocol inspector fits in.
 *
 * To add a protocol: write src/inspect/NAME.c with a `const struct inspector
 * inspector_NAME`, and add one X(NAME) below. Its position is its app number and
 * its turn: when two could claim the same bytes, the earlier one does. So nothing
 * may depend on the turn: an inspector claims only what no other protocol looks like.
 *
 * An inspector is stateless: on each call it reads the whole prefix again, or the
 * datagrams before this one. A prefix is at most 16 KiB and grows a few dozen times,
 * so that costs less than the states would in mistakes. (QUIC, whose packets must be
 * decrypted, and DTLS, whose messages come in pieces, keep a state.)
 *
 * How to answer:
 *   INSPECT_NO as soon as the bytes rule the protocol out, on the very packet: rules stay
 *   open, and packets are queued, for as long as anybody says INSPECT_MORE.
 *   INSPECT_MORE where what was seen fits but proves nothing: a short header with a
 *   plausible length is no evidence, its answer from the other side is.
 *   INSPECT_MINE or INSPECT_DONE when it was seen: a magic number or text of 4 bytes or more at
 *   its place, or several fields that agree with each other (lengths that add up, an
 *   answer with the question's id, sequence numbers that count on).
 * A stream's first byte is evidence by itself: an inspector is asked of it alone, without ports,
 * once for all flows, and where it says "no" then, it is not asked of streams that begin so.
 * Ports are no evidence. Captures are cut: `captured` may be less than `length`; a flow may show
 * one side only, and begin in the middle (stream->midstream).
 */
#ifndef INSPECT_INSPECTOR_H
#define INSPECT_INSPECTOR_H

#include <string.h>

#include <waymark/inspect.h>

#define INSPECTORS(X)    \
	X(tls)           \
	X(http)          \
	X(dns)           \
	X(mdns)          \
	X(llmnr)         \
	X(quic)          \
	X(dtls)          \
	X(ssh)           \
	X(http2)         \
	X(smtp)          \
	X(imap)          \
	X(pop3)          \
	X(ftp)           \
	X(xmpp)          \
	X(socks)         \
	X(postgresql)    \
	X(stun)          \
	X(rtp)           \
	X(rtcp)          \
	X(bittorrent)    \
	X(ethereum)      \
	X(syncthing)     \
	X(dropbox)       \
	X(spotify)       \
	X(whatsapp)      \
	X(bitcoin)       \
	X(raknet)        \
	X(source_engine) \
	X(quake)         \
	X(steam)         \
	X(skinny)        \
	X(iax)           \
	X(h323)          \
	X(teamspeak)     \
	X(mumble)        \
	X(xdmcp)         \
	X(sap)           \
	X(rtmp)          \
	X(t38)           \
	X(discord)       \
	X(edonkey)       \
	X(gnutella)      \
	X(telegram)      \
	X(teamviewer)    \
	X(viber)         \
	X(minecraft)     \
	X(soulseek)      \
	X(mysql)         \
	X(mongodb)       \
	X(redis)         \
	X(mssql)         \
	X(oracle)        \
	X(memcached)     \
	X(cassandra)     \
	X(zabbix)        \
	X(mqtt)          \
	X(amqp)          \
	X(kafka)         \
	X(elasticsearch) \
	X(modbus)        \
	X(dnp3)          \
	X(iec104)        \
	X(s7comm)        \
	X(ethernetip)    \
	X(cip)           \
	X(opcua)         \
	X(bacnet)        \
	X(knx)           \
	X(hart_ip)       \
	X(ads)           \
	X(c1222)         \
	X(fins)          \
	X(egd)           \
	X(thrift)        \
	X(fastcgi)       \
	X(gearman)       \
	X(rmi)           \
	X(zookeeper)     \
	X(c37118)        \
	X(drda)          \
	X(telnet)        \
	X(rdp)           \
	X(ldap)          \
	X(kerberos)      \
	X(dcerpc)        \
	X(nfs)           \
	X(rpc)           \
	X(openvpn)       \
	X(wireguard)     \
	X(tailscale)     \
	X(ipsec)         \
	X(pptp)          \
	X(l2tp)          \
	X(ajp)           \
	X(smpp)          \
	X(citrix)        \
	X(ntp)           \
	X(ptp)           \
	X(dhcp)          \
	X(dhcpv6)        \
	X(nat_pmp)       \
	X(pcp)           \
	X(dnscrypt)      \
	X(snmp)          \
	X(syslog)        \
	X(netflow)       \
	X(sflow)         \
	X(collectd)      \
	X(ipmi)          \
	X(radius)        \
	X(diameter)      \
	X(tacacs)        \
	X(smb)           \
	X(netbios)       \
	X(tftp)          \
	X(slp)           \
	X(coap)          \
	X(rtps)          \
	X(whois)         \
	X(vxlan)         \
	X(geneve)        \
	X(gtp)           \
	X(lisp)          \
	X(rip)           \
	X(olsr)          \
	X(babel)         \
	X(hsrp)          \
	X(bfd)           \
	X(capwap)        \
	X(ldp)           \
	X(bgp)           \
	X(openflow)      \
	X(rtsp)          \
	X(websocket)     \
	X(webdav)        \
	X(ipp)           \
	X(upnp)          \
	X(imaps)         \
	X(pop3s)         \
	X(ftps)          \
	X(dot)           \
	X(proxy)         \
	X(nntp)

#define INSPECTOR_COUNT_ONE(name) +1
enum { INSPECTOR_COUNT = 0 INSPECTORS(INSPECTOR_COUNT_ONE) };

enum inspect_status {
	INSPECT_NO,   /* not this protocol, whatever comes */
	INSPECT_MORE, /* may be it */
	INSPECT_MINE, /* it is; a name or ALPN may still come */
	INSPECT_DONE, /* it is, and nothing more will be learnt */
};

enum inspect_transport {
	INSPECT_TCP = 1,
	INSPECT_UDP = 2,
};

/* What an inspector may set beside its app; what no living inspector gives is "done". */
enum inspect_gives {
	INSPECT_HOST = 1,
	INSPECT_ALPN = 2,
};

/* The in-order bytes of both directions; a length is 0 where nothing is known. */
struct inspect_stream {
	const uint8_t *bytes[2]; /* by flow_direction; never NULL */
	uint32_t length[2];
	bool midstream; /* the bytes may begin anywhere, and the directions may be swapped */
	bool last;	/* no more bytes will come: answer with what there is */
	uint16_t client_port, server_port;
};

/* A datagram of the same flow, seen before. */
struct inspect_earlier {
	const uint8_t *bytes;
	uint32_t length; /* what is kept of it, 1 at least */
	enum flow_direction direction;
};

struct inspect_datagram {
	const uint8_t *bytes;
	uint32_t captured, length; /* present, 1 at least; on the wire */
	enum flow_direction direction;
	uint16_t client_port, server_port;
	/* oldest first: what two-way evidence is made of, without any state */
	const struct inspect_earlier *earlier;
	unsigned earlier_count;
};

/* What a stream inspector tells beside its status; zeroed before each call. */
struct inspect_note {
	/* a message has begun that the answer depends on: limits may be stretched to see its end */
	bool busy;
	/*
	 * With INSPECT_MINE: it may end as `inner`, so the apps stay open. What that may bring
	 * belongs into gives_tcp too, and the inspector says `carries`.
	 */
	bool carrier;
	/*
	 * The rest of the stream is another protocol's (STARTTLS, CONNECT, SOCKS, Upgrade): it
	 * begins at these offsets of the two directions, which are not beyond their bytes. Told
	 * together with INSPECT_DONE only.
	 */
	bool inner;
	uint32_t inner_at[2];
	bool tunnel; /* with `inner`: what begins there is a proxy's connection to somebody else */
	/*
	 * The protocol that this one names as what it carries (a WebSocket, in HTTP's header): one
	 * layer more, whose bytes nobody reads. With INSPECT_DONE, or INSPECT_MINE and `carrier`;
	 * it stays told, and the inspector says `carries`.
	 */
	const struct inspector *above;
};

typedef enum inspect_status inspect_stream_fn(const struct inspect_stream *stream,
					      struct evidence *evidence, struct inspect_note *note);
/*
 * `state` is the inspector's own memory of this flow, NULL at first. It may put a block there
 * (bounded; out of memory is INSPECT_NO or a guess without it); the frame hands it to
 * inspector->state_free() in the end and counts inspector->state_bytes() in the budget.
 */
typedef enum inspect_status inspect_datagram_fn(const struct inspect_datagram *datagram,
						void **state, struct evidence *evidence);

struct inspector {
	const char *name; /* the app: lower case, "nat-pmp" for inspector_nat_pmp */
	uint8_t gives_tcp, gives_udp;
	inspect_stream_fn *stream;     /* NULL: not over TCP */
	inspect_datagram_fn *datagram; /* NULL: not over UDP */
	bool carries; /* it may tell note->inner or above: while it is asked, every app may be found
		       */
	/* IP protocol numbers that are this app whatever their payload says; 0: none */
	uint8_t ip_protocols[2];
	/*
	 * Over UDP: what goes on to be asked when this one has claimed, since it comes later on the
	 * same ports and is the upper layer then (RFC 7983: DTLS after STUN). NULL: nothing.
	 */
	const struct inspector *follower;
	/*
	 * Over UDP: the bytes that a datagram of it can begin with, as ranges: "\x01\x03\x80\xff" is
	 * 1 to 3 and 128 to 255. It is not asked of others, and would say "no" to each, whatever its
	 * length and whatever came before. NULL: any.
	 */
	const char *begins;
	uint8_t begins_count; /* of ranges */
	/* NULL where `datagram` keeps no state; it is called with a NULL `state` then */
	void (*state_free)(void *state);
	size_t (*state_bytes)(const void *state);
};

/* For struct inspector, from a string of pairs. */
#define INSPECT_BEGINS(pairs) .begins = pairs, .begins_count = (sizeof(pairs) - 1) / 2

static inline bool inspector_may_begin(const struct inspector *inspector, uint8_t byte)
{
	for (unsigned i = 0; i < inspector->begins_count; i++)
		if (byte >= (uint8_t)inspector->begins[2 * i] &&
		    byte <= (uint8_t)inspector->begins[2 * i + 1])
			return true;
	return !inspector->begins;
}

/* By app number less one. */
extern const struct inspector *const inspect_table[INSPECTOR_COUNT];

/* ---- for inspectors ---- */

static inline uint32_t inspect_be16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

static inline uint32_t inspect_be24(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 16 | inspect_be16(bytes + 1);
}

static inline uint32_t inspect_be32(const uint8_t *bytes)
{
	return inspect_be16(bytes) << 16 | inspect_be16(bytes + 2);
}

static inline uint32_t inspect_le16(const uint8_t *bytes)
{
	return (uint32_t)bytes[1] << 8 | bytes[0];
}

static inline uint32_t inspect_le32(const uint8_t *bytes)
{
	return inspect_le16(bytes + 2) << 16 | inspect_le16(bytes);
}

/*
 * How the bytes begin against a word of `want` bytes: INSPECT_DONE with it, INSPECT_MORE with a
 * part of it (also none), as far as they go, INSPECT_NO with something else.
 */
static inline enum inspect_status inspect_begins(const uint8_t *bytes, size_t length,
						 const void *word, size_t want)
{
	size_t common = length < want ? length : want;

	if (common && memcmp(bytes, word, common) != 0)
		return INSPECT_NO;
	return length < want ? INSPECT_MORE : INSPECT_DONE;
}

/*
 * The first name wins. A host is folded to lower case and loses one trailing dot; it must then
 * be letters, digits, '-', '_' and single dots, or an IPv6 address. False: it is not, none is set.
 */
bool evidence_set_host(struct evidence *evidence, enum host_source source, const uint8_t *bytes,
		       size_t length);
/* A DNS name: any printable ASCII but space is kept, since DNS allows it. */
bool evidence_set_dns_name(struct evidence *evidence, enum host_source source, const uint8_t *bytes,
			   size_t length);
/* Appends a whole name if it fits and is printable. GREASE values (RFC 8701) are left out. */
void evidence_add_alpn(struct evidence *evidence, const uint8_t *bytes, size_t length);

#endif
