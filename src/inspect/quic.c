/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QUIC (RFC 9000, 9001, 9369, and the drafts that quic_keys.c knows): the name in the
 * client's Initial packets.
 *
 * A datagram is a row of long-header packets, each with its length; UDP GSO puts
 * several datagrams behind one another, with no more trace of it than zeros between.
 * So the payload is walked from packet to packet, and a short header or anything else
 * ends it.
 *
 * What counts as QUIC: an Initial that opens (its tag is the proof); a Version
 * Negotiation that returns both connection IDs of the packet that it answers; for
 * flows seen from the middle two long headers of one known version that share
 * connection IDs as those of one connection do. One header alone is never enough,
 * and a first datagram that has none refutes.
 *
 * Keys come from the connection ID that the client chose first, and after a Retry
 * from the one that the server chose instead. The client goes on to use the server's
 * ID under the same keys. So IDs that have opened a packet are kept and tried before
 * the packet's own; the keys are derived anew each time, from sixteen blocks of
 * SHA-256.
 *
 * What Google spoke before the standard is quic_google.c's; its last versions have the
 * standard's packets and their own hello.
 *
 * CRYPTO frames are collected by offset, in whatever order, packet and datagram they
 * come; a client repeats the same bytes after a Retry. When the client sends what it
 * could not without an answer to its whole hello, the rest of the hello was missed.
 *
 * Bounds: what is tried for one datagram and one flow (`attempts`), and the size of
 * an Initial.
 */
#include <stdlib.h>
#include <string.h>

#include "inspector.h"
#include "quic_google.h"
#include "quic_keys.h"
#include "tls_hello.h"

enum {
	LONG = 0x80,
	FIXED = 0x40,
	INITIAL_MAX = 16384,	/* no path carries larger ones */
	CLIENT_DATAGRAM = 1200, /* the least that a client's first datagram measures */
	CLIENT_CID = 8,		/* the least for the ID that a client chooses first */
	CID_TELLING = 4,	/* long enough not to be equal by chance */
	ATTEMPTS_DATAGRAM = 8,
	ATTEMPTS_FLOW = 48,
	FRAME_PASSES = 4,
	HELLO_CLIENT = 1,
	FRAME_PADDING = 0,
	FRAME_PING = 1,
	FRAME_ACK = 2,
	FRAME_ACK_ECN = 3,
	FRAME_CRYPTO = 6,
	FRAME_CRYPTO_GOOGLE = 8, /* of Q050 and T050; in other versions no Initial has it */
	FRAME_CLOSE = 0x1c,
};

struct cid {
	uint8_t length;
	uint8_t bytes[QUIC_CID_MAX];
};

enum kind {
	KIND_INITIAL = QUIC_INITIAL,
	KIND_ZERO_RTT = QUIC_ZERO_RTT,
	KIND_HANDSHAKE = QUIC_HANDSHAKE,
	KIND_RETRY = QUIC_RETRY,
	KIND_NEGOTIATION, /* Version Negotiation */
	KIND_UNKNOWN,	  /* a client's first packet, may be, of a version that we do not know */
};

struct header {
	const struct quic_version *version; /* NULL for KIND_NEGOTIATION and KIND_UNKNOWN */
	uint32_t number;		    /* of the version */
	enum kind kind;
	struct cid dcid, scid;
	size_t begin, number_at, end; /* in the payload; the end may lie beyond what was captured */
};

/* The last long header of a direction. */
struct seen {
	bool any;
	bool bounded; /* its end was that of the datagram, or another packet's begin */
	bool initial;
	uint32_t version;
	struct cid dcid, scid;
};

struct memory {
	struct seen seen[2];
	/* what client's keys are made of: the first ID, and the one of a Retry */
	struct cid origin[2];
	uint8_t origin_count;
	uint8_t client; /* direction of the client's packets, once there is an origin */
	bool claimed;
	bool opened;   /* an Initial of either side, so that `client` is certain */
	bool answered; /* the client has sent what comes after the hello */
	uint8_t attempts;
	uint64_t expected; /* packet number */
	struct flow_prefix hello;
};

/* ---- headers ---- */

struct reader {
	const uint8_t *bytes;
	size_t at, size;
};

/* RFC 9000, 16. */
static bool read_number(struct reader *reader, uint64_t *value)
{
	size_t count;

	if (reader->at == reader->size)
		return false;
	count = (size_t)1 << (reader->bytes[reader->at] >> 6);
	if (count > reader->size - reader->at)
		return false;
	*value = reader->bytes[reader->at++] & 0x3f;
	while (--count)
		*value = *value << 8 | reader->bytes[reader->at++];
	return true;
}

static bool read_cid(struct reader *reader, struct cid *cid)
{
	if (reader->at == reader->size)
		return false;
	cid->length = reader->bytes[reader->at++];
	if (cid->length > QUIC_CID_MAX || cid->length > reader->size - reader->at)
		return false;
	memcpy(cid->bytes, reader->bytes + reader->at, cid->length);
	reader->at += cid->length;
	return true;
}

static bool cid_equal(const struct cid *a, const struct cid *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* The rest of a header with a version that we know. */
static bool read_protected(struct reader *reader, size_t length, struct header *header)
{
	uint64_t count;

	header->kind = (enum kind)quic_type_of(header->version, reader->bytes[header->begin]);
	if (header->kind == KIND_RETRY) {
		header->end = length;
		return length - reader->at > QUIC_TAG;
	}
	if (header->kind == KIND_INITIAL) {
		if (!read_number(reader, &count) || count > reader->size - reader->at)
			return false;
		reader->at += count; /* the token */
	}
	if (!read_number(reader, &count) || count < 4 + QUIC_SAMPLE || count > length - reader->at)
		return false;
	header->number_at = reader->at;
	header->end = reader->at + count;
	return true;
}

/* False: no long header of QUIC begins at `at`. All of it must be captured. */
static bool read_header(const struct inspect_datagram *datagram, size_t at, struct header *header)
{
	struct reader reader = {datagram->bytes, at + 5, datagram->captured};
	const uint8_t *bytes;

	if (at + 7 > datagram->captured || !(datagram->bytes[at] & LONG))
		return false;
	bytes = datagram->bytes + at;
	header->begin = at;
	header->number = inspect_be16(bytes + 1) << 16 | inspect_be16(bytes + 3);
	header->version = NULL;
	if (header->number != 0) {
		if (!(bytes[0] & FIXED))
			return false;
		header->version = quic_version_find(header->number);
		/* unknown versions: only what a server would answer with Version Negotiation */
		if (!header->version && (at != 0 || datagram->length < CLIENT_DATAGRAM))
			return false;
	}
	if (!read_cid(&reader, &header->dcid) || !read_cid(&reader, &header->scid))
		return false;
	if (header->version)
		return read_protected(&reader, datagram->length, header);

	header->end = datagram->length;
	if (header->number != 0) {
		header->kind = KIND_UNKNOWN;
		return header->dcid.length >= CLIENT_CID;
	}
	header->kind = KIND_NEGOTIATION;
	return at == 0 && datagram->length > reader.at && (datagram->length - reader.at) % 4 == 0;
}

/* ---- what an Initial holds ---- */

static bool skip_numbers(struct reader *reader, uint64_t count)
{
	uint64_t ignored;

	while (count-- > 0)
		if (!read_number(reader, &ignored))
			return false;
	return true;
}

/* One frame. `*refused`: it was in order, but there was no room for it among the ranges. */
static bool read_frame(struct reader *reader, struct flow_prefix *hello, bool *refused, bool *fresh)
{
	uint64_t offset, count, delay;
	uint8_t type = reader->bytes[reader->at++];
	int ret;

	switch (type) {
	case FRAME_PADDING:
	case FRAME_PING:
		return true;
	case FRAME_ACK:
	case FRAME_ACK_ECN:
		/* largest, delay, range count; first range, then pairs; three counters */
		return skip_numbers(reader, 1) && read_number(reader, &delay) &&
		       read_number(reader, &count) && skip_numbers(reader, 1 + 2 * count) &&
		       (type == FRAME_ACK || skip_numbers(reader, 3));
	case FRAME_CLOSE:
		if (!skip_numbers(reader, 2) || !read_number(reader, &count) ||
		    count > reader->size - reader->at)
			return false;
		reader->at += count;
		return true;
	case FRAME_CRYPTO:
	case FRAME_CRYPTO_GOOGLE:
		if (!read_number(reader, &offset) || !read_number(reader, &count) ||
		    count > reader->size - reader->at)
			return false;
		if (offset < FLOW_PREFIX_MAX_BYTES) {
			ret = flow_prefix_add(hello, (uint32_t)offset, reader->bytes + reader->at,
					      count);
			*refused |= ret < 0;
			*fresh |= ret > 0;
		}
		reader->at += count;
		return true;
	default:
		return false; /* not allowed in an Initial */
	}
}

/*
 * A hello in more pieces than the prefix has ranges is gone through again: what was
 * added meanwhile has closed gaps.
 */
static void read_frames(const uint8_t *payload, size_t length, struct flow_prefix *hello)
{
	bool refused = true, fresh = true;

	for (unsigned pass = 0; pass < FRAME_PASSES && refused && fresh; pass++) {
		struct reader reader = {payload, 0, length};

		refused = fresh = false;
		while (reader.at < reader.size && read_frame(&reader, hello, &refused, &fresh))
			;
	}
}

/* True: nothing more will be learnt from the hello. */
static bool take_hello(const struct memory *memory, struct evidence *evidence)
{
	const uint8_t *bytes = memory->hello.bytes;
	size_t present = memory->hello.contiguous, want;
	bool last = memory->answered || present == FLOW_PREFIX_MAX_BYTES, whole;
	struct tls_hello hello;

	if (present < 4)
		return last || (present && bytes[0] != HELLO_CLIENT);
	if (bytes[0] != HELLO_CLIENT)
		return !quic_google_hello(bytes, present, &whole, evidence) || whole || last;
	want = (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
	present -= 4;
	if (present < want && !last)
		return false;
	if (present > want)
		present = want;
	if (tls_client_hello_read(TLS_HELLO_STREAM, bytes + 4, present, want, true, &hello) >=
	    TLS_HELLO_PART)
		tls_hello_keep(&hello, HOST_QUIC_SNI, evidence);
	return true;
}

/* ---- proofs ---- */

struct walk {
	const struct inspect_datagram *datagram;
	struct memory *memory;
	unsigned attempts;
	uint8_t room[INITIAL_MAX];
};

static bool open_with(struct walk *walk, const struct header *header, const struct cid *origin,
		      enum quic_sender sender)
{
	struct memory *memory = walk->memory;
	uint64_t expected = sender == QUIC_CLIENT ? memory->expected : 0;
	struct quic_keys keys;
	ssize_t length;
	size_t at;

	if (walk->attempts == ATTEMPTS_DATAGRAM || memory->attempts == ATTEMPTS_FLOW)
		return false;
	walk->attempts++;
	memory->attempts++;
	quic_keys_derive(header->version, origin->bytes, origin->length, sender, &keys);
	length = quic_open(&keys, walk->datagram->bytes + header->begin,
			   header->number_at - header->begin, header->end - header->begin,
			   &expected, walk->room, &at);
	if (length < 0)
		return false;
	memory->opened = true;
	if (sender == QUIC_CLIENT) {
		memory->expected = expected;
		read_frames(walk->room + at, (size_t)length, &memory->hello);
	}
	return true;
}

static void add_origin(struct memory *memory, const struct cid *origin, uint8_t client)
{
	memory->client = client;
	if (memory->origin_count < 2)
		memory->origin_count++;
	memory->origin[memory->origin_count - 1] = *origin;
}

static void open_initial(struct walk *walk, const struct header *header)
{
	struct memory *memory = walk->memory;
	uint8_t direction = (uint8_t)walk->datagram->direction;
	bool known = false;

	if (memory->origin_count && direction != memory->client) {
		/* the client's was cut or comes later; a server's Initial proves as well */
		if (header->end <= walk->datagram->captured && !memory->opened &&
		    open_with(walk, header, &memory->origin[0], QUIC_SERVER))
			return;
		if (memory->opened)
			return;
	} else {
		for (unsigned i = 0; i < memory->origin_count; i++) {
			known |= cid_equal(&memory->origin[i], &header->dcid);
			if (header->end <= walk->datagram->captured &&
			    open_with(walk, header, &memory->origin[i], QUIC_CLIENT))
				return;
		}
	}
	/* a server chooses IDs of any length, but its Retry comes after the client's first */
	if (known || (header->dcid.length < CLIENT_CID && !memory->origin_count))
		return;
	if (header->end > walk->datagram->captured) {
		if (!memory->origin_count)
			add_origin(memory, &header->dcid, direction);
	} else if (open_with(walk, header, &header->dcid, QUIC_CLIENT)) {
		add_origin(memory, &header->dcid, direction);
	}
}

/*
 * Whether this header and one before belong to one connection. In one direction Initials alone
 * prove nothing: the client's could have been opened.
 */
static bool corroborated(const struct memory *memory, const struct header *header,
			 unsigned direction, bool bounded)
{
	const struct seen *same = &memory->seen[direction], *other = &memory->seen[!direction];

	if (header->kind == KIND_NEGOTIATION)
		return other->any && cid_equal(&header->dcid, &other->scid) &&
		       cid_equal(&header->scid, &other->dcid) &&
		       header->dcid.length + header->scid.length >= CLIENT_CID;
	if (!header->version)
		return false;
	if (other->any && other->version == header->number &&
	    ((header->dcid.length >= CID_TELLING && cid_equal(&header->dcid, &other->scid)) ||
	     (header->scid.length >= CID_TELLING && cid_equal(&header->scid, &other->dcid))))
		return true;
	return same->any && same->version == header->number && same->bounded && bounded &&
	       !(same->initial && header->kind == KIND_INITIAL) &&
	       header->dcid.length + header->scid.length >= CLIENT_CID &&
	       cid_equal(&header->dcid, &same->dcid) && cid_equal(&header->scid, &same->scid);
}

static void take_packet(struct walk *walk, const struct header *header, bool bounded)
{
	struct memory *memory = walk->memory;
	unsigned direction = walk->datagram->direction;

	if (header->kind == KIND_INITIAL && header->end - header->begin <= INITIAL_MAX)
		open_initial(walk, header);
	memory->claimed |= memory->opened || corroborated(memory, header, direction, bounded);
	if (memory->opened && direction == memory->client && header->kind == KIND_HANDSHAKE)
		memory->answered = true;
	memory->seen[direction] = (struct seen){
		.any = true,
		.bounded = bounded,
		.initial = header->kind == KIND_INITIAL,
		.version = header->number,
		.dcid = header->dcid,
		.scid = header->scid,
	};
}

/* Where the next packet after `header` would begin. */
static size_t next_at(const struct inspect_datagram *datagram, const struct header *header)
{
	size_t at = header->end;

	while (at < datagram->captured && datagram->bytes[at] == 0)
		at++;
	return at;
}

static void walk_packets(struct memory *memory, const struct inspect_datagram *datagram,
			 const struct header *first)
{
	struct walk walk; /* its room is not cleared */
	struct header pair[2] = {*first};
	unsigned at = 0;
	bool more;

	walk.datagram = datagram;
	walk.memory = memory;
	walk.attempts = 0;
	do {
		more = read_header(datagram, next_at(datagram, &pair[at]), &pair[!at]);
		take_packet(&walk, &pair[at], more || pair[at].end == datagram->length);
		at = !at;
	} while (more && walk.attempts < ATTEMPTS_DATAGRAM);
}

/* A packet of the kind that needs the server's answer first. */
static bool short_header(const struct inspect_datagram *datagram)
{
	return (datagram->bytes[0] & (LONG | FIXED)) == FIXED &&
	       datagram->length > 1 + 4 + QUIC_SAMPLE;
}

static enum inspect_status quic_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	struct memory *memory = *state;
	struct header header;

	if (memory && memory->opened && datagram->direction != memory->client)
		return INSPECT_MINE; /* the server's tell nothing more */
	if (!read_header(datagram, 0, &header)) {
		if (!memory)
			return quic_google_datagram(datagram, evidence);
		if (!memory->claimed)
			return INSPECT_NO;
		if (!memory->opened || !short_header(datagram))
			return INSPECT_MINE;
		memory->answered = true;
	} else {
		if (!memory) {
			memory = calloc(1, sizeof(*memory));
			if (!memory)
				return INSPECT_NO;
			flow_prefix_init(&memory->hello);
			*state = memory;
		}
		walk_packets(memory, datagram, &header);
	}
	if (memory->opened && take_hello(memory, evidence))
		return INSPECT_DONE;
	if (memory->attempts == ATTEMPTS_FLOW)
		return memory->claimed ? INSPECT_DONE : INSPECT_NO;
	return memory->claimed ? INSPECT_MINE : INSPECT_MORE;
}

static void quic_state_free(void *state)
{
	struct memory *memory = state;

	flow_prefix_release(&memory->hello);
	free(memory);
}

static size_t quic_state_bytes(const void *state)
{
	const struct memory *memory = state;

	return sizeof(*memory) + memory->hello.capacity;
}

const struct inspector inspector_quic = {
	.name = "quic",
	.gives_udp = INSPECT_HOST | INSPECT_ALPN,
	.datagram = quic_datagram,
	.state_free = quic_state_free,
	.state_bytes = quic_state_bytes,
};
