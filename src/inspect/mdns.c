/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mDNS (RFC 6762) and LLMNR (RFC 4795): names on the link, in the format of DNS.
 *
 * They are told from DNS by their ports, 5353 and 5355, and by what the ports alone would not
 * prove: the whole message must hold together, to the last byte, with the flags that each allows.
 * mDNS sends RD as zero (18.6), so a query that asks for recursion on 5353 is some DNS server's.
 *
 * mDNS: a query may hold many questions, some compressed, and known answers; the top bit of a class
 * asks for a unicast answer, or flushes a cache. An answer has no questions, often, and comes
 * unasked. LLMNR: one question, without answers in a query.
 *
 * The name is that of the first question, if it is plain text: an instance's name ("John's
 * Printer._ipp._tcp.local") is not. An answer gives no name.
 */
#include "dns_wire.h"
#include "inspector.h"

enum {
	PORT_MDNS = 5353,
	PORT_LLMNR = 5355,
	CLASS_TOP_BIT = 0x8000,
	CLASS_ANY = 255,
	FLAG_RESPONSE = 0x8000,
	/* opcode, RD, RA, Z, AD, CD, rcode; AA, or C, and TC may be set */
	FLAGS_ZERO = 0x79ff,
	/* tools for DNS set AD in any query; who receives it must not mind (RFC 6762, 18.9) */
	QUERY_FLAGS_ZERO = 0x79df,
	/* opcode, Z; in an answer, T takes RD's place */
	LLMNR_ANSWER_FLAGS_ZERO = 0x78f0,
};

struct dialect {
	uint16_t port;
	uint16_t answer_flags_zero;
	uint16_t class_mask;
	bool many; /* any number of questions, answers in queries */
	enum host_source source;
};

static const struct dialect mdns = {
	.port = PORT_MDNS,
	.answer_flags_zero = FLAGS_ZERO,
	.class_mask = (uint16_t)~CLASS_TOP_BIT,
	.many = true,
	.source = HOST_MDNS,
};

static const struct dialect llmnr = {
	.port = PORT_LLMNR,
	.answer_flags_zero = LLMNR_ANSWER_FLAGS_ZERO,
	.class_mask = 0xffff,
	.source = HOST_LLMNR,
};

static bool class_good(const struct dialect *dialect, uint32_t class)
{
	class &= dialect->class_mask;
	return class == DNS_CLASS_IN || class == CLASS_ANY;
}

static bool counts_good(const struct dialect *dialect, const uint8_t *bytes, bool response)
{
	uint32_t questions = inspect_be16(bytes + 4), answers = inspect_be16(bytes + 6);

	if (dialect->many)
		return response ? questions + answers > 0 : questions > 0;
	return questions == 1 && (response || (!answers && !inspect_be16(bytes + 8)));
}

/* The whole message; *first is its first question, if it has one. */
static bool message_good(const struct dialect *dialect, struct dns_cursor *cursor, bool cut,
			 struct dns_name *first)
{
	const uint8_t *bytes = cursor->bytes;
	uint32_t questions = inspect_be16(bytes + 4), records = 0;

	for (uint32_t at = 6; at < DNS_HEADER; at += 2)
		records += inspect_be16(bytes + at);
	cursor->at = DNS_HEADER;
	for (uint32_t i = 0; i < questions; i++) {
		if (!(i ? dns_name_skip(cursor)
			: dns_name_read(cursor, DNS_POINTERS_REFUSED, first)) ||
		    cursor->present - cursor->at < 4)
			return cut && i;
		cursor->at += 4;
		if (!class_good(dialect, inspect_be16(bytes + cursor->at - 2)))
			return false;
	}
	while (records--) {
		struct dns_record record;

		if (!dns_record_read(cursor, &record))
			return cut;
	}
	return cut || cursor->at == cursor->present;
}

static enum inspect_status read_datagram(const struct dialect *dialect,
					 const struct inspect_datagram *datagram,
					 struct evidence *evidence)
{
	struct dns_cursor cursor = {.bytes = datagram->bytes, .present = datagram->captured};
	struct dns_name first = {.length = 0};
	uint32_t flags;
	bool response;

	if ((datagram->client_port != dialect->port && datagram->server_port != dialect->port) ||
	    cursor.present < DNS_HEADER)
		return INSPECT_NO;
	flags = inspect_be16(cursor.bytes + 2);
	response = flags & FLAG_RESPONSE;
	if (flags & (response ? dialect->answer_flags_zero : QUERY_FLAGS_ZERO) ||
	    !counts_good(dialect, cursor.bytes, response) ||
	    !message_good(dialect, &cursor, datagram->captured < datagram->length, &first))
		return INSPECT_NO;
	if (response)
		return INSPECT_MINE;
	if (first.plain && first.length)
		evidence_set_dns_name(evidence, dialect->source, (const uint8_t *)first.text,
				      first.length);
	return INSPECT_DONE;
}

static enum inspect_status mdns_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	(void)state;
	return read_datagram(&mdns, datagram, evidence);
}

static enum inspect_status llmnr_datagram(const struct inspect_datagram *datagram, void **state,
					  struct evidence *evidence)
{
	(void)state;
	return read_datagram(&llmnr, datagram, evidence);
}

const struct inspector inspector_mdns = {
	.name = "mdns",
	.gives_udp = INSPECT_HOST,
	.datagram = mdns_datagram,
};

const struct inspector inspector_llmnr = {
	.name = "llmnr",
	.gives_udp = INSPECT_HOST,
	.datagram = llmnr_datagram,
};
