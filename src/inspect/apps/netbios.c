/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NetBIOS over TCP and UDP (RFC 1001, 1002): names, datagrams, sessions; and SMB, which is what
 * sessions carry.
 *
 * Names are encoded as 32 letters from A to P behind a length of 32 (RFC 1001, 14.1). Where the
 * name service or the datagram service have such a name at its place, that is 128 bits of proof.
 *
 * A session begins with a request of two names. SMB on port 445 has no request, but the same
 * framing of messages (MS-SMB2, 2.1): a type of 0 and a length, then ff, fe, fd or fc and "SMB".
 *
 * Both names are given to SMB: it is `smb`, framed by what is shown, `netbios`. So that the frame
 * can push one above the other, SMB claims the layer and lets it begin anew at the same place.
 */
#include "../inspector.h"

enum {
	NAME_BYTES = 34, /* the length, 32 letters, the end or a scope */
	HEADER = 12,
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_NULL = 10, /* of what is not there */
	TYPE_NB = 0x20,
	TYPE_NBSTAT = 0x21,
	CLASS_IN = 1,
	DATAGRAM_UNIQUE = 0x10,
	DATAGRAM_BROADCAST = 0x12,
	DATAGRAM_ERROR = 0x13,
	DATAGRAM_QUERY_LAST = 0x16,
	DATAGRAM_HEADER = 14, /* with the length and the offset that names alone need */
	DATAGRAM_QUERY_HEADER = 10,
	SESSION_HEADER = 4,
	SESSION_MESSAGE = 0x00,
	SESSION_REQUEST = 0x81,
	SESSION_NEGATIVE = 0x83,
	SESSION_REQUEST_MIN = 2 * NAME_BYTES,
};

/* An encoded name at `at`, of which what is present is looked at; 16 letters at least. */
static bool name_at(const uint8_t *bytes, uint32_t length, uint32_t at)
{
	uint32_t letters = 0;

	if (at >= length || bytes[at] != 32)
		return false;
	for (uint32_t i = at + 1; i < at + 33 && i < length; i++, letters++)
		if (bytes[i] < 'A' || bytes[i] > 'P')
			return false;
	return letters >= 16 && (letters < 32 || at + 33 >= length || bytes[at + 33] < 64);
}

/* As DNS: identification, flags, four counts; then a question or a record. */
static bool is_name_service(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = HEADER, opcode, type, records = 0;

	if (datagram->captured < HEADER + 20)
		return false;
	opcode = bytes[2] >> 3 & 15;
	/* query, registration, release, wait, refresh (both numbers), multi-homed registration */
	if (opcode && (opcode < 5 || opcode > 9) && opcode != 15)
		return false;
	for (uint32_t count = 4; count < HEADER; count += 2) {
		if (inspect_be16(bytes + count) > 255)
			return false;
		records += inspect_be16(bytes + count);
	}
	if (!records || !name_at(bytes, datagram->captured, at))
		return false;
	for (at++; at < datagram->captured && bytes[at - 1]; at++)
		at += bytes[at - 1]; /* the scope's labels */
	if (at + 4 > datagram->captured)
		return datagram->captured < datagram->length;
	type = inspect_be16(bytes + at);
	return (type == TYPE_NB || type == TYPE_NBSTAT || type == TYPE_NULL || type == TYPE_A ||
		type == TYPE_NS) &&
	       inspect_be16(bytes + at + 2) == CLASS_IN;
}

/* Type, flags, identification, the sender's address and port; then a length, and names. */
static bool is_datagram_service(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;

	if (bytes[0] < DATAGRAM_UNIQUE || bytes[0] > DATAGRAM_QUERY_LAST ||
	    datagram->captured < DATAGRAM_QUERY_HEADER || bytes[1] >> 4)
		return false;
	if (bytes[0] > DATAGRAM_ERROR)
		return name_at(bytes, datagram->captured, DATAGRAM_QUERY_HEADER);
	if (bytes[0] == DATAGRAM_ERROR)
		return false; /* too little to prove it */
	return name_at(bytes, datagram->captured, DATAGRAM_HEADER);
}

static enum inspect_status netbios_datagram(const struct inspect_datagram *datagram, void **state,
					    struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return is_name_service(datagram) || is_datagram_service(datagram) ? INSPECT_DONE
									  : INSPECT_NO;
}

/* MORE: as far as it goes. */
static enum inspect_status begins_smb(const uint8_t *bytes, uint32_t length)
{
	if (length > SESSION_HEADER &&
	    (bytes[SESSION_HEADER] < 0xfc ||
	     (length > SESSION_HEADER + 1 &&
	      memcmp(bytes + SESSION_HEADER + 1, "SMB",
		     length - SESSION_HEADER - 1 < 3 ? length - SESSION_HEADER - 1 : 3) != 0)))
		return INSPECT_NO;
	/* 32 bytes are SMB's header, at least; there is no message of 16 MiB */
	if ((length > 0 && bytes[0] != SESSION_MESSAGE) ||
	    (length >= SESSION_HEADER && inspect_be24(bytes + 1) < 32))
		return INSPECT_NO;
	return length >= SESSION_HEADER + 4 ? INSPECT_DONE : INSPECT_MORE;
}

static uint32_t session_bytes(const uint8_t *bytes)
{
	return SESSION_HEADER + inspect_be16(bytes + 2);
}

static enum inspect_status begins_session(const uint8_t *bytes, uint32_t length)
{
	uint32_t size;

	if (!length)
		return INSPECT_MORE;
	if (bytes[0] != SESSION_REQUEST)
		return INSPECT_NO;
	if (length < SESSION_HEADER)
		return INSPECT_MORE;
	size = inspect_be16(bytes + 2);
	if (bytes[1] > 1 || size < SESSION_REQUEST_MIN)
		return INSPECT_NO;
	if (length < SESSION_HEADER + NAME_BYTES)
		return INSPECT_MORE;
	return name_at(bytes, length, SESSION_HEADER) ? INSPECT_DONE : INSPECT_NO;
}

static bool known_as_smb(const struct evidence *evidence)
{
	return evidence->app_count && evidence_has_app(evidence, app_find("smb"));
}

/* SMB in either direction; in the client's also behind a session request. */
static enum inspect_status find_smb(const struct inspect_stream *stream)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	uint32_t sent = stream->length[FLOW_FROM_CLIENT];
	enum inspect_status ours, theirs;

	if (sent && begins_session(client, sent) != INSPECT_NO) {
		uint32_t request = sent < SESSION_HEADER ? sent : session_bytes(client);

		return request >= sent ? INSPECT_MORE
				       : begins_smb(client + request, sent - request);
	}
	ours = begins_smb(client, sent);
	theirs = begins_smb(stream->bytes[FLOW_FROM_SERVER], stream->length[FLOW_FROM_SERVER]);
	if (ours == INSPECT_DONE || theirs == INSPECT_DONE)
		return INSPECT_DONE;
	/* who begins in the middle may do so within a message; one side must fit still */
	if (ours == INSPECT_NO && stream->midstream && stream->length[FLOW_FROM_SERVER])
		return theirs;
	if (theirs == INSPECT_NO && stream->midstream && sent)
		return ours;
	return ours == INSPECT_NO || theirs == INSPECT_NO ? INSPECT_NO : INSPECT_MORE;
}

static enum inspect_status netbios_stream(const struct inspect_stream *stream,
					  struct evidence *evidence, struct inspect_note *note)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	uint32_t sent = stream->length[FLOW_FROM_CLIENT];
	enum inspect_status status;

	if (known_as_smb(evidence))
		return INSPECT_DONE;
	status = begins_session(client, sent);
	if (status != INSPECT_DONE)
		return !sent && stream->length[FLOW_FROM_SERVER] ? INSPECT_NO : status;
	/* accepted, it goes on with SMB, whose name comes below ours */
	if (!stream->last && find_smb(stream) != INSPECT_NO &&
	    !(stream->length[FLOW_FROM_SERVER] &&
	      stream->bytes[FLOW_FROM_SERVER][0] == SESSION_NEGATIVE)) {
		note->busy = true;
		return INSPECT_MORE;
	}
	return INSPECT_DONE;
}

static enum inspect_status smb_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status status;

	if (known_as_smb(evidence))
		return INSPECT_NO;
	status = find_smb(stream);
	note->inner = status == INSPECT_DONE;
	return status;
}

const struct inspector inspector_netbios = {
	.name = "netbios",
	.stream = netbios_stream,
	.datagram = netbios_datagram,
};

const struct inspector inspector_smb = {
	.name = "smb",
	.stream = smb_stream,
	.carries = true,
};
