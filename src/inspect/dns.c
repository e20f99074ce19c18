/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS over UDP and TCP (RFC 1035, 2136, 6891, 7766).
 *
 * A header of twelve bytes and a question is little proof on an arbitrary port,
 * so off port 53 the whole message must hold together: known opcode, type and
 * class, printable labels, every record walked, and not a byte left over. With
 * port 53 on one side the question alone must be right, since tunnels, cut
 * captures and broken clients are DNS there all the same. Nothing is claimed
 * for the port alone.
 *
 * mDNS, LLMNR and NetBIOS names share this format and are protocols of their
 * own; what comes on their ports is left to them, and DNSCrypt's certificates off port 53.
 *
 * The name is the first question's, folded to lower case. Bytes that are not
 * printable ASCII, or a dot within a label, make it no name; an app all the
 * same. A response gives no name: it is not what the client asked of this flow.
 * A question's name has no pointers; those of records are not followed.
 */
#include "dns_wire.h"
#include "inspector.h"

enum {
	PORT_DNS = 53,
	TYPE_NIMLOC = 32, /* NetBIOS: NB */
	TYPE_SRV = 33,	  /* NetBIOS: NBSTAT */
	STREAM_QUERY_MAX = 4096,
	COUNT_MAX = 2048,
};

enum message { MESSAGE_NOT, MESSAGE_MORE, MESSAGE_QUERY, MESSAGE_RESPONSE };

struct reader {
	struct dns_cursor cursor;
	uint32_t length; /* of the message */
	bool strict;
};

/*
 * True with the port of a protocol that only looks like DNS. There are DNS servers on mDNS's, too:
 * their clients ask for recursion, and mDNS does not (RFC 6762, 18.6).
 */
static bool neighbour(const struct inspect_datagram *datagram, uint16_t port)
{
	bool recursion = datagram->captured > 2 && datagram->bytes[2] & 1;

	return port == 137 || port == 5355 || (port == 5353 && !recursion);
}

static bool walk_records(struct dns_cursor *cursor, uint32_t count)
{
	struct dns_record record;

	while (count--)
		if (!dns_record_read(cursor, &record))
			return false;
	return true;
}

/* NetBIOS encodes a name as one label of 32 letters from A to P. */
static bool netbios_name(const struct dns_name *name)
{
	if (name->length < 32 || (name->length > 32 && name->text[32] != '.'))
		return false;
	for (uint32_t i = 0; i < 32; i++)
		if (name->text[i] < 'a' || name->text[i] > 'p')
			return false;
	return true;
}

static bool type_known(uint32_t type)
{
	return (type >= 1 && type <= 66) || (type >= 99 && type <= 109) ||
	       (type >= 249 && type <= 262) || type == 32768 || type == 32769;
}

/* As far as the header is present; more of it can only refuse later. */
static bool header_plausible(const struct reader *reader)
{
	const uint8_t *bytes = reader->cursor.bytes;
	uint32_t opcode = reader->cursor.present > 2 ? bytes[2] >> 3 & 15 : 0;
	bool response = reader->cursor.present > 2 && bytes[2] & 0x80;

	if (opcode == 3 || opcode > 6 || (reader->strict && opcode != 0 && opcode < 4))
		return false;
	if (reader->cursor.present > 3) {
		if (reader->strict && bytes[3] & 0x40)
			return false;
		/* a question carries no answer's flags: AA, TC, RA, rcode */
		if (!response && (bytes[3] & 0x0f || (reader->strict && bytes[3] & 0x80)))
			return false;
		if (!response && reader->strict && bytes[2] & 0x06)
			return false;
	}
	if (reader->cursor.present >= 6) {
		uint32_t questions = inspect_be16(bytes + 4);

		if (questions != 1 && !(opcode == 1 && !reader->strict && questions == 0))
			return false;
	}
	for (uint32_t at = 6; at < DNS_HEADER && reader->cursor.present >= at + 2; at += 2) {
		uint32_t count = inspect_be16(bytes + at);

		if (count > COUNT_MAX || (!response && opcode == 0 && at == 6 && count > 0) ||
		    (!response && opcode == 0 && count > 8))
			return false;
	}
	return true;
}

static enum message read_message(struct reader *reader, struct dns_name *question)
{
	bool response, whole = reader->cursor.present >= reader->length;
	uint32_t records = 0, type, class;

	if (reader->length < DNS_HEADER + 5 || !header_plausible(reader))
		return MESSAGE_NOT;
	if (reader->cursor.present < DNS_HEADER)
		return MESSAGE_MORE;
	response = reader->cursor.bytes[2] & 0x80;
	for (uint32_t at = 6; at < DNS_HEADER; at += 2)
		records += inspect_be16(reader->cursor.bytes + at);
	reader->cursor.at = DNS_HEADER;
	if (inspect_be16(reader->cursor.bytes + 4)) {
		if (!dns_name_read(&reader->cursor, DNS_POINTERS_REFUSED, question) ||
		    reader->cursor.present - reader->cursor.at < 4)
			return whole ? MESSAGE_NOT : MESSAGE_MORE;
		type = inspect_be16(reader->cursor.bytes + reader->cursor.at);
		class = inspect_be16(reader->cursor.bytes + reader->cursor.at + 2);
		reader->cursor.at += 4;
		if ((type == TYPE_NIMLOC || type == TYPE_SRV) && netbios_name(question))
			return MESSAGE_NOT;
		if (reader->strict && dns_name_is_dnscrypt(question))
			return MESSAGE_NOT;
		if (class != 1 && class != 3 && class != 4 && class != 254 && class != 255)
			return MESSAGE_NOT;
		if (reader->strict && (!type_known(type) || !question->plain))
			return MESSAGE_NOT;
	} else if (!walk_records(&reader->cursor, records)) {
		return whole ? MESSAGE_NOT : MESSAGE_MORE;
	}
	if (reader->strict) {
		if (!whole)
			return MESSAGE_MORE;
		if (!walk_records(&reader->cursor, records) || reader->cursor.at != reader->length)
			return MESSAGE_NOT;
	}
	return response ? MESSAGE_RESPONSE : MESSAGE_QUERY;
}

static void keep_name(const struct dns_name *question, struct evidence *evidence)
{
	if (question->plain && question->length)
		evidence_set_dns_name(evidence, HOST_DNS_QUERY, (const uint8_t *)question->text,
				      question->length);
}

static enum inspect_status dns_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	struct dns_name question = {.length = 0};
	struct reader reader = {
		.cursor = {.bytes = datagram->bytes, .present = datagram->captured},
		.length = datagram->length,
		.strict = datagram->client_port != PORT_DNS && datagram->server_port != PORT_DNS,
	};

	(void)state;
	if (reader.strict && (neighbour(datagram, datagram->client_port) ||
			      neighbour(datagram, datagram->server_port)))
		return INSPECT_NO;
	switch (read_message(&reader, &question)) {
	case MESSAGE_QUERY:
		keep_name(&question, evidence);
		return INSPECT_DONE;
	case MESSAGE_RESPONSE:
		return INSPECT_MINE;
	case MESSAGE_NOT:
	case MESSAGE_MORE: /* a datagram cut by the capture has no rest to wait for */
		break;
	}
	return INSPECT_NO;
}

static enum inspect_status dns_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	bool refused = false, empty = false, response = false;

	for (unsigned d = 0; d < 2; d++) {
		struct dns_name question = {.length = 0};
		struct reader reader = {
			.strict =
				stream->client_port != PORT_DNS && stream->server_port != PORT_DNS,
		};
		uint32_t length = stream->length[d];
		bool may_answer = d == FLOW_FROM_SERVER || stream->midstream;

		if (!length) {
			empty = true;
			continue;
		}
		if (length < 2) { /* half of the length: a query has few hundred bytes */
			bool long_query = !may_answer &&
					  stream->bytes[d][0] >= STREAM_QUERY_MAX >> 8;

			note->busy |= !long_query;
			refused |= long_query;
			continue;
		}
		reader.cursor.bytes = stream->bytes[d] + 2;
		reader.length = inspect_be16(stream->bytes[d]);
		reader.cursor.present = length - 2 < reader.length ? length - 2 : reader.length;
		/* only a response may be longer; its length may come in a segment of its own */
		if (reader.length >= STREAM_QUERY_MAX &&
		    (!may_answer ||
		     (reader.cursor.present > 2 && !(reader.cursor.bytes[2] & 0x80)))) {
			refused = true;
			continue;
		}
		switch (read_message(&reader, &question)) {
		case MESSAGE_QUERY:
			keep_name(&question, evidence);
			return INSPECT_DONE;
		case MESSAGE_RESPONSE:
			response = true;
			break;
		case MESSAGE_MORE:
			note->busy = true;
			break;
		case MESSAGE_NOT:
			refused = true;
			break;
		}
	}
	if (response)
		return note->busy || empty ? INSPECT_MINE : INSPECT_DONE;
	if (note->busy)
		return INSPECT_MORE;
	return refused && !(stream->midstream && empty) ? INSPECT_NO : INSPECT_MORE;
}

const struct inspector inspector_dns = {
	.name = "dns",
	.gives_tcp = INSPECT_HOST,
	.gives_udp = INSPECT_HOST,
	.stream = dns_stream,
	.datagram = dns_datagram,
};
