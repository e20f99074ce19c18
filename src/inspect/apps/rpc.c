/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ONC RPC (RFC 5531): NFS where the program called is 100003, "rpc" where it is another: the port
 * mapper, mount, the lock manager and their kin.
 *
 * A call bears a type of 0, the RPC version 2, its program and version, and two authenticators
 * with lengths: where the program is a known one in a version that it has, that is some 90 bits.
 * A call of an unknown program counts when its answer comes: its number, and the accepted or
 * denied form that an answer must have. Answers alone tell no program; three of them over UDP, or a
 * chain of records over TCP, are rpc.
 *
 * Over TCP each message stands in records: four bytes of length, whose top bit marks the last one
 * (section 11).
 */
#include "sides.h"

enum {
	RECORD_LAST = 0x80000000u,
	RECORD_MAX = 1 << 21,
	MARK_BYTES = 4,
	CALL_BYTES = 32, /* up to the credentials' length */
	CALL_PROVES = 24,
	REPLY_BYTES = 24,
	TYPE_CALL = 0,
	TYPE_REPLY = 1,
	RPC_VERSION = 2,
	AUTHENTICATOR_MAX = 400,
	PROGRAM_NFS = 100003,
	REPLIES_ENOUGH = 3,
	CHAIN_ENOUGH = 2,
};

enum kind {
	KIND_NOT,
	KIND_CUT,
	KIND_NFS,
	KIND_KNOWN,   /* a call of another program that is known */
	KIND_UNKNOWN, /* a call, by its form */
	KIND_REPLY,
};

static const struct program {
	uint32_t number;
	uint8_t first, last; /* versions */
} programs[] = {
	{100000, 2, 4},					      /* port mapper, rpcbind */
	{100001, 1, 5},					      /* rstat */
	{100002, 1, 3},					      /* rusers */
	{100003, 2, 4},					      /* nfs */
	{100004, 1, 2},					      /* ypserv */
	{100005, 1, 4},					      /* mount */
	{100007, 1, 3},					      /* ypbind */
	{100008, 1, 1},					      /* rwall */
	{100009, 1, 1},					      /* yppasswd */
	{100011, 1, 2},					      /* rquota */
	{100012, 1, 1},					      /* spray */
	{100021, 1, 4},					      /* lock manager */
	{100024, 1, 1},					      /* status monitor */
	{100026, 1, 1},					      /* bootparam */
	{100068, 2, 5},					      /* calendar */
	{100083, 1, 1},					      /* tooltalk */
	{100099, 1, 4},					      /* autofs */
	{100133, 1, 1},					      /* nsm, by address */
	{100227, 2, 3},					      /* nfs acl */
	{100232, 10, 10},				      /* sadmin */
	{100249, 1, 1},					      /* snmpXdmid */
	{100300, 1, 3},					      /* nis+ */
	{150001, 1, 2},					      /* pc nfs */
	{300019, 1, 3},					      /* amd */
	{391002, 1, 3},					      /* file alteration monitor */
	{395183, 1, 1},					      /* vxi-11 core, abort, interrupt */
	{395184, 1, 1},	  {395185, 1, 1}, {0x40000000, 1, 4}, /* nfs 4's calls back */
};

static const struct program *find_program(uint32_t number)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (programs[i].number == number)
			return &programs[i];
	return NULL;
}

/* AUTH_NONE, SYS, SHORT, DH, KERB, RSA, GSS, TLS. */
static bool is_authenticator(uint32_t flavor, uint32_t length)
{
	return flavor <= 7 && length <= AUTHENTICATOR_MAX && length % 4 == 0 && (flavor || !length);
}

static enum kind read_call(const uint8_t *bytes, size_t length)
{
	const struct program *program;
	uint32_t version;

	if (length < CALL_BYTES)
		return length >= CALL_PROVES || length < 8 || !inspect_be32(bytes + 4) ? KIND_CUT
										       : KIND_NOT;
	program = find_program(inspect_be32(bytes + 12));
	version = inspect_be32(bytes + 16);
	if (inspect_be32(bytes + 8) != RPC_VERSION || inspect_be32(bytes + 20) > 255 ||
	    !is_authenticator(inspect_be32(bytes + 24), inspect_be32(bytes + 28)))
		return KIND_NOT;
	if (!program || version < program->first || version > program->last)
		return version <= 255 ? KIND_UNKNOWN : KIND_NOT;
	return program->number == PROGRAM_NFS ? KIND_NFS : KIND_KNOWN;
}

static bool is_reply(const uint8_t *bytes, size_t length)
{
	if (length < REPLY_BYTES - 4)
		return false;
	if (inspect_be32(bytes + 8) == 1) /* denied: a mismatch of versions, or authentication */
		return (!inspect_be32(bytes + 12) && length >= REPLY_BYTES &&
			inspect_be32(bytes + 16) <= RPC_VERSION &&
			inspect_be32(bytes + 20) >= RPC_VERSION) ||
		       (inspect_be32(bytes + 12) == 1 && inspect_be32(bytes + 16) <= 14);
	if (inspect_be32(bytes + 8) ||
	    !is_authenticator(inspect_be32(bytes + 12), inspect_be32(bytes + 16)))
		return false;
	if (inspect_be32(bytes + 16)) /* the status stands behind the verifier */
		return true;
	return length >= REPLY_BYTES && inspect_be32(bytes + 20) <= 5;
}

static enum kind read_message(const uint8_t *bytes, size_t length)
{
	static const uint8_t zeros[3];

	if (length > 4 && memcmp(bytes + 4, zeros, length - 4 < 3 ? length - 4 : 3) != 0)
		return KIND_NOT;
	if (length < 8)
		return KIND_CUT;
	switch (inspect_be32(bytes + 4)) {
	case TYPE_CALL:
		if (length >= 12 && inspect_be32(bytes + 8) != RPC_VERSION)
			return KIND_NOT;
		return read_call(bytes, length);
	case TYPE_REPLY:
		if (length < REPLY_BYTES)
			return length >= REPLY_BYTES - 4 && is_reply(bytes, length) ? KIND_REPLY
										    : KIND_CUT;
		return is_reply(bytes, length) ? KIND_REPLY : KIND_NOT;
	default:
		return KIND_NOT;
	}
}

/* ---- over UDP ---- */

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, bool nfs)
{
	enum kind kind = read_message(datagram->bytes, datagram->captured);
	unsigned replies = 1;

	switch (kind) {
	case KIND_NFS:
		return nfs ? INSPECT_DONE : INSPECT_NO;
	case KIND_KNOWN:
		return nfs ? INSPECT_NO : INSPECT_DONE;
	case KIND_UNKNOWN:
	case KIND_REPLY:
		break;
	default:
		return INSPECT_NO;
	}
	if (nfs)
		return INSPECT_MORE; /* its call may be seen yet */
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];
		enum kind other = read_message(earlier->bytes, earlier->length);

		if (other != KIND_REPLY && other != KIND_UNKNOWN)
			return INSPECT_NO;
		if (other == KIND_REPLY && earlier->direction == datagram->direction)
			replies++;
		else if (other != kind && earlier->direction != datagram->direction &&
			 !memcmp(earlier->bytes, datagram->bytes, 4))
			return INSPECT_DONE;
	}
	return kind == KIND_REPLY && replies >= REPLIES_ENOUGH ? INSPECT_DONE : INSPECT_MORE;
}

static enum inspect_status nfs_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return read_datagram(datagram, true);
}

static enum inspect_status rpc_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	(void)state;
	(void)evidence;
	return read_datagram(datagram, false);
}

/* ---- over TCP ---- */

/* The message at the record mark `at`; *next is behind its record, 0 where that is not seen. */
static enum kind read_record(const uint8_t *bytes, uint32_t length, uint32_t at, uint32_t *next)
{
	uint32_t mark, size, have = length - at;

	*next = 0;
	if (have >= 1 && (bytes[at] & 0x7f))
		return KIND_NOT;
	if (have < MARK_BYTES)
		return KIND_CUT;
	mark = inspect_be32(bytes + at);
	size = mark & ~RECORD_LAST;
	/* the first piece of a message holds its header, however small pieces may be */
	if (size < REPLY_BYTES || size > RECORD_MAX || (mark & RECORD_LAST && size % 4))
		return KIND_NOT;
	have -= MARK_BYTES;
	if (have >= size && mark & RECORD_LAST)
		*next = at + MARK_BYTES + size;
	return read_message(bytes + at + MARK_BYTES, have < size ? have : size);
}

/* How many records from the beginning on are answers; *cut: the last one is not all there. */
static unsigned count_replies(const uint8_t *bytes, uint32_t length, bool *cut)
{
	uint32_t at = 0, next;
	unsigned replies = 0;
	enum kind kind = KIND_REPLY;

	while (at < length && (kind = read_record(bytes, length, at, &next)) == KIND_REPLY) {
		replies++;
		at = next;
		if (!next)
			break;
	}
	*cut = kind == KIND_CUT || (kind == KIND_REPLY && !at);
	return replies;
}

/* Whether the number is that of an answer among the side's records. */
static bool is_answered(const uint8_t *bytes, uint32_t length, const uint8_t *number)
{
	uint32_t at = 0, next;

	while (at < length && read_record(bytes, length, at, &next) == KIND_REPLY) {
		if (!memcmp(bytes + at + MARK_BYTES, number, 4))
			return true;
		at = next;
		if (!next)
			break;
	}
	return false;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct inspect_note *note, bool nfs)
{
	enum kind kinds[2] = {KIND_CUT, KIND_CUT};
	bool refused = false, waits = false, cut;

	if (inspect_server_first(stream))
		return INSPECT_NO;
	for (unsigned d = 0; d < 2; d++) {
		uint32_t next;

		if (stream->length[d])
			kinds[d] = read_record(stream->bytes[d], stream->length[d], 0, &next);
		if (kinds[d] == KIND_NFS)
			return nfs ? INSPECT_DONE : INSPECT_NO;
		if (kinds[d] == KIND_KNOWN)
			return nfs ? INSPECT_NO : INSPECT_DONE;
		refused |= kinds[d] == KIND_NOT;
		waits |= kinds[d] != KIND_NOT;
	}
	for (unsigned d = 0; d < 2 && !nfs; d++) {
		if (kinds[d] == KIND_UNKNOWN && kinds[!d] == KIND_REPLY &&
		    is_answered(stream->bytes[!d], stream->length[!d],
				stream->bytes[d] + MARK_BYTES))
			return INSPECT_DONE;
		if (kinds[d] != KIND_REPLY)
			continue;
		if (count_replies(stream->bytes[d], stream->length[d], &cut) >= CHAIN_ENOUGH &&
		    stream->last)
			return INSPECT_DONE;
		note->busy |= cut;
	}
	if (refused && !(stream->midstream && waits))
		return INSPECT_NO;
	note->busy |= kinds[0] == KIND_CUT && stream->length[0];
	note->busy |= kinds[1] == KIND_CUT && stream->length[1];
	return INSPECT_MORE;
}

static enum inspect_status nfs_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return read_stream(stream, note, true);
}

static enum inspect_status rpc_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return read_stream(stream, note, false);
}

const struct inspector inspector_nfs = {
	.name = "nfs",
	.stream = nfs_stream,
	.datagram = nfs_datagram,
};
const struct inspector inspector_rpc = {
	.name = "rpc",
	.stream = rpc_stream,
	.datagram = rpc_datagram,
};
