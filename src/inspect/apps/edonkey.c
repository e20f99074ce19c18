/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eDonkey, as eMule and its servers speak it, and Kademlia (Kulbak and Bickson, "The eMule Protocol
 * Specification", 2005; eMule's opcodes.h).
 *
 * TCP: each message has a mark (0xe3, 0xc5 for eMule's own, 0xd4 for packed ones), a length, and an
 * opcode, which says how long it must be, or at least. Headers are looked for where the lengths
 * before lead, on both sides: three are enough, or two when one has the only length that its opcode
 * allows. A hello is read to its first tag, and needs no second.
 *
 * UDP: a mark (0xe3 and 0xc5; 0xe4 for Kademlia, 0xe5 where that is packed) and an opcode, whose
 * length is fixed or counted within. What each is worth in bits is added up over the flow: the mark
 * once, and each opcode once, since who repeats himself tells nothing new. An answer that returns a
 * challenge, a target or the asker's port is worth the most.
 */
#include "../inspector.h"

enum {
	MARK_EDONKEY = 0xe3,
	MARK_EMULE = 0xc5,
	MARK_PACKED = 0xd4,
	MARK_KAD = 0xe4,
	MARK_KAD_PACKED = 0xe5,
	HASH_BYTES = 16,
};

/* ---- TCP ---- */

enum {
	HEADER_BYTES = 6, /* with the opcode, which the length counts */
	LENGTH_BEFORE = 5,
	LENGTH_MAX = 2 << 20,
	HELLO = 1,
	HELLO_ANSWER = 0x4c,
	HELLO_TAGS_MAX = 64,
	HEADERS_NEEDED = 3,
};

/* Of a message: its opcode, its length, and whether that is exact or the least. */
struct message_form {
	uint8_t mark, opcode;
	uint16_t length;
	bool exact;
};

static const struct message_form message_forms[] = {
	/* to a server, and from it */
	{MARK_EDONKEY, 0x14, 1, true},
	{MARK_EDONKEY, 0x15, 5, false},
	{MARK_EDONKEY, 0x16, 4, false},
	{MARK_EDONKEY, 0x19, 17, false},
	{MARK_EDONKEY, 0x1c, 5, true},
	{MARK_EDONKEY, 0x21, 1, true},
	{MARK_EDONKEY, 0x32, 2, false},
	{MARK_EDONKEY, 0x33, 5, false},
	{MARK_EDONKEY, 0x34, 9, true},
	{MARK_EDONKEY, 0x35, 7, false},
	{MARK_EDONKEY, 0x38, 4, false},
	{MARK_EDONKEY, 0x40, 5, false},
	{MARK_EDONKEY, 0x41, 27, false},
	{MARK_EDONKEY, 0x42, 18, false},
	/* between clients */
	{MARK_EDONKEY, HELLO, 27, false},
	{MARK_EDONKEY, HELLO_ANSWER, 27, false},
	{MARK_EDONKEY, 0x46, 26, false},
	{MARK_EDONKEY, 0x47, 41, true},
	{MARK_EDONKEY, 0x48, 17, true},
	{MARK_EDONKEY, 0x49, 17, true},
	{MARK_EDONKEY, 0x4a, 1, true},
	{MARK_EDONKEY, 0x4e, 4, false},
	{MARK_EDONKEY, 0x4f, 17, true},
	{MARK_EDONKEY, 0x50, 19, false},
	{MARK_EDONKEY, 0x51, 17, true},
	{MARK_EDONKEY, 0x52, 19, false},
	{MARK_EDONKEY, 0x54, 1, false},
	{MARK_EDONKEY, 0x55, 1, true},
	{MARK_EDONKEY, 0x56, 1, true},
	{MARK_EDONKEY, 0x57, 1, true},
	{MARK_EDONKEY, 0x58, 17, false},
	{MARK_EDONKEY, 0x59, 19, false},
	{MARK_EDONKEY, 0x5c, 5, true},
	/* eMule's */
	{MARK_EMULE, 0x01, 7, false},
	{MARK_EMULE, 0x02, 7, false},
	{MARK_EMULE, 0x40, 26, false},
	{MARK_EMULE, 0x60, 13, true},
	{MARK_EMULE, 0x61, 6, false},
	{MARK_EMULE, 0x81, 17, true},
	{MARK_EMULE, 0x82, 19, false},
	{MARK_EMULE, 0x85, 50, false},
	{MARK_EMULE, 0x86, 34, false},
	{MARK_EMULE, 0x87, 6, true},
	{MARK_EMULE, 0x92, 18, false},
	{MARK_EMULE, 0x93, 18, false},
	{MARK_EMULE, 0xa2, 33, false},
	{MARK_EMULE, 0xa3, 49, false},
};

static const struct message_form *find_form(const uint8_t *bytes, uint32_t length)
{
	/* packed, it has the opcode of what it was, and begins as zlib does */
	for (size_t i = 0; i < sizeof(message_forms) / sizeof(message_forms[0]); i++) {
		const struct message_form *form = &message_forms[i];
		bool packed = bytes[0] == MARK_PACKED && length > 8;

		if (form->opcode == bytes[5] &&
		    (packed || (form->mark == bytes[0] &&
				(form->exact ? length == form->length : length >= form->length))))
			return form;
	}
	return NULL;
}

/* Hash, address and port, and how many tags; a client's has the hash's length before. */
static bool is_hello(const uint8_t *bytes, uint32_t length)
{
	uint32_t hash = HEADER_BYTES, tags, size = inspect_le32(bytes + 1);

	if (bytes[0] != MARK_EDONKEY || (bytes[5] != HELLO && bytes[5] != HELLO_ANSWER))
		return false;
	if (bytes[5] == HELLO && length > hash && bytes[hash] == HASH_BYTES)
		hash++;
	tags = hash + HASH_BYTES + 6;
	if (length < tags + 4 || size + LENGTH_BEFORE < tags + 4)
		return false;
	/* the marks that eMule leaves in its hash, or a tag behind the count */
	return inspect_le32(bytes + tags) <= HELLO_TAGS_MAX &&
	       (bytes[hash + 5] == 14 || hash > HEADER_BYTES) && bytes[tags] && length > tags + 6 &&
	       (bytes[tags + 4] & 0x7f) <= 0x20;
}

struct side {
	unsigned headers; /* in a row, from the beginning */
	bool wrong, hello, exact;
};

static bool is_mark(uint8_t c)
{
	return c == MARK_EDONKEY || c == MARK_EMULE || c == MARK_PACKED;
}

static struct side read_side(const uint8_t *bytes, uint32_t length)
{
	struct side side = {.wrong = length && !is_mark(bytes[0])};

	for (uint32_t at = 0; !side.wrong && length - at >= HEADER_BYTES;) {
		uint32_t size = inspect_le32(bytes + at + 1);
		const struct message_form *form;

		form = is_mark(bytes[at]) && size <= LENGTH_MAX ? find_form(bytes + at, size)
								: NULL;
		side.wrong = !form;
		if (!form || ++side.headers == HEADERS_NEEDED)
			break;
		side.hello |= is_hello(bytes + at, length - at);
		side.exact |= form->exact && bytes[at] != MARK_PACKED;
		if (length - at <= LENGTH_BEFORE + size)
			break;
		at += LENGTH_BEFORE + size;
	}
	return side;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	struct side client = read_side(stream->bytes[0], stream->length[0]);
	struct side server = read_side(stream->bytes[1], stream->length[1]);
	unsigned headers;

	(void)evidence;
	(void)note;
	/* what comes behind a proof takes nothing from it; midstream, a side may begin in a message
	 */
	headers = client.headers + server.headers;
	if (client.hello || server.hello || headers >= HEADERS_NEEDED ||
	    (headers > 1 && (client.exact || server.exact)))
		return INSPECT_DONE;
	if (stream->midstream ? client.wrong && server.wrong : client.wrong || server.wrong)
		return INSPECT_NO;
	return INSPECT_MORE;
}

/* ---- UDP ---- */

enum {
	BITS_MARK = 6,	 /* one of four */
	BITS_OPCODE = 3, /* one of some thirty */
	BITS_LENGTH = 7, /* the only one */
	BITS_COUNT = 12, /* and it agrees with a count within */
	BITS_CONTACT = 4,
	BITS_KIND = 6,
	BITS_ZLIB = 13,
	BITS_HELLO = 19,
	BITS_HELLO_TAG = 29,
	BITS_NEEDED = 36,
	CONTACT_BYTES = 25,
	CONTACTS_MAX = 60,
	CONTACT_VERSION_AT = CONTACT_BYTES - 1,
	CONTACT_VERSION_MAX = 15,
	ZLIB = 0x78,
	KAD_REQ_V1 = 0x20,
	KAD_REQ,
	KAD_SEARCH_RES = 0x3b,
	KAD_PONG = 0x61,
};

/* A length: at least, counted up in steps; a step of 0: exactly. */
struct form {
	uint8_t mark, opcode;
	uint16_t length;
	uint8_t step;
};

static const struct form forms[] = {
	{MARK_EDONKEY, 0x96, 6, 0},	      /* a server's state is asked for, by a challenge */
	{MARK_EDONKEY, 0x97, 14, 4},	      /* and told */
	{MARK_EDONKEY, 0x9a, 18, HASH_BYTES}, /* sources */
	{MARK_EDONKEY, 0x94, 22, HASH_BYTES + 4},
	{MARK_EDONKEY, 0x9b, 25, 6},
	{MARK_EDONKEY, 0xa2, 6, 0}, /* a server's description */
	{MARK_EMULE, 0x90, 18, 1},  /* is there still a place for this file */
	{MARK_EMULE, 0x91, 4, 1},
	{MARK_EMULE, 0x92, 2, 0},
	{MARK_EMULE, 0x93, 2, 0},
	{MARK_EMULE, 0x94, 38, 1},
	{MARK_KAD, 0x00, 27, 0}, /* Kademlia, and from 0x01 on also its second version */
	{MARK_KAD, 0x01, 2, 0},
	{MARK_KAD, 0x08, 4, CONTACT_BYTES},
	{MARK_KAD, 0x09, 23, CONTACT_BYTES},
	{MARK_KAD, 0x10, 27, 0},
	{MARK_KAD, 0x18, 27, 0},
	{MARK_KAD, 0x20, 35, 0},
	{MARK_KAD, 0x21, 35, 0},
	{MARK_KAD, 0x28, 19, CONTACT_BYTES},
	{MARK_KAD, 0x29, 19, CONTACT_BYTES},
	{MARK_KAD, 0x34, 28, 0},
	{MARK_KAD, 0x35, 26, 0},
	{MARK_KAD, 0x48, 19, 0},
	{MARK_KAD, 0x4b, 19, 0},
	{MARK_KAD, 0x50, 4, 0},
	{MARK_KAD, 0x51, 36, 0},
	{MARK_KAD, 0x52, 36, 0},
	{MARK_KAD, 0x53, 21, 0},
	{MARK_KAD, 0x58, 6, 0},
	{MARK_KAD, 0x59, 2, 0},
	{MARK_KAD, 0x60, 2, 0},
	{MARK_KAD, 0x61, 4, 0},
	{MARK_KAD, 0x62, 5, 0},
};

/* Longer than its least, with content of its own: searches, publications, greetings with tags. */
static bool may_be_long(uint8_t mark, uint8_t opcode, uint32_t length)
{
	static const uint8_t kad[] = {0x11, 0x19, 0x22, 0x30, 0x32, 0x33, 0x38,
				      0x3a, 0x3b, 0x40, 0x42, 0x43, 0x44, 0x45};

	if (mark == MARK_KAD)
		return length >= 19 && memchr(kad, opcode, sizeof(kad));
	return mark == MARK_EDONKEY &&
	       ((opcode == 0x98 && length >= 4) || (opcode == 0x99 && length >= 25) ||
		(opcode == 0x92 && length >= 4) || (opcode == 0xa3 && length >= 6));
}

/* Hash, port, version, and tags that have a name of one letter. */
static unsigned hello_bits(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	enum { VERSION_AT = 2 + HASH_BYTES + 2, COUNT_AT, TAG_AT, TAGS_MAX = 8 };

	if (captured <= COUNT_AT || (bytes[1] != 0x11 && bytes[1] != 0x19) || !bytes[VERSION_AT] ||
	    bytes[VERSION_AT] > CONTACT_VERSION_MAX)
		return 0;
	if (!bytes[COUNT_AT])
		return length == TAG_AT ? BITS_HELLO : 0;
	return captured > TAG_AT + 4 && bytes[COUNT_AT] < TAGS_MAX && bytes[TAG_AT] &&
			       bytes[TAG_AT] <= 0x0b && inspect_le16(bytes + TAG_AT + 1) == 1
		       ? BITS_HELLO_TAG
		       : 0;
}

/* As many as are counted, each with a version, or a kind, of a few that there are. */
static unsigned contact_bits(const struct form *form, const uint8_t *bytes, uint32_t captured,
			     uint32_t count)
{
	bool wide = form->opcode < 0x10; /* two bytes count, the lower first */
	unsigned bits = BITS_COUNT;

	if (captured < form->length || count > CONTACTS_MAX ||
	    bytes[form->length - (wide ? 2 : 1)] != count)
		return 0;
	for (uint32_t at = form->length; captured - at >= CONTACT_BYTES; at += CONTACT_BYTES) {
		if (bytes[at + CONTACT_VERSION_AT] > CONTACT_VERSION_MAX)
			return 0;
		bits += BITS_CONTACT;
	}
	return bits;
}

/* How much one datagram says beside its mark; 0: it is none. */
static unsigned datagram_bits(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	if (captured < 2)
		return 0;
	if (bytes[0] == MARK_KAD_PACKED) {
		if (captured < 4 || bytes[2] != ZLIB || (bytes[2] << 8 | bytes[3]) % 31 != 0)
			return 0;
		return BITS_OPCODE + BITS_ZLIB;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *form = &forms[i];
		uint32_t over = length - form->length;
		unsigned bits = BITS_LENGTH;

		if (form->mark != bytes[0] || form->opcode != bytes[1] || length < form->length)
			continue;
		if (form->step ? over % form->step != 0 : over != 0)
			return 0;
		if (form->step == 1) {
			bits = 0;
		} else if (form->step == CONTACT_BYTES) {
			bits = contact_bits(form, bytes, captured, over / CONTACT_BYTES);
			if (!bits)
				return 0;
		} else if (form->mark == MARK_KAD && form->opcode == KAD_REQ) {
			/* what is searched for: a value, a node, room to store something */
			if (captured < 3 || !memchr("\x02\x04\x0b", bytes[2], 3))
				return 0;
			bits += BITS_KIND;
		}
		return BITS_OPCODE + bits;
	}
	if (!may_be_long(bytes[0], bytes[1], length))
		return 0;
	return BITS_OPCODE + (bytes[0] == MARK_KAD ? hello_bits(bytes, captured, length) : 0);
}

/* What the other side gives back: a challenge, a target, or the port that it was asked from. */
static unsigned returned_bits(const struct inspect_datagram *datagram,
			      const struct inspect_earlier *e)
{
	enum { COMPARED = 4 };
	const uint8_t *bytes = datagram->bytes;
	uint32_t asked = 2, answered = 2;

	if (e->direction == datagram->direction || e->bytes[0] != bytes[0] ||
	    e->bytes[1] == bytes[1])
		return 0;
	if (bytes[0] == MARK_KAD) {
		if (bytes[1] == KAD_PONG && datagram->captured == 4)
			return inspect_le16(bytes + 2) == (datagram->direction == FLOW_FROM_SERVER
								   ? datagram->client_port
								   : datagram->server_port)
				       ? 16
				       : 0;
		if (e->bytes[1] == KAD_REQ_V1 || e->bytes[1] == KAD_REQ)
			asked = 3; /* behind the kind of the search */
		if (bytes[1] == KAD_SEARCH_RES)
			answered = 2 + HASH_BYTES; /* behind who answers */
	}
	return e->length >= asked + COMPARED && datagram->captured >= answered + COMPARED &&
			       !memcmp(e->bytes + asked, bytes + answered, COMPARED)
		       ? 8 * COMPARED
		       : 0;
}

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	unsigned bits = datagram_bits(datagram->bytes, datagram->captured, datagram->length);
	unsigned returned = 0;
	uint64_t seen[4] = {0};

	(void)state;
	(void)evidence;
	if (!bits)
		return INSPECT_NO;
	bits += BITS_MARK;
	seen[datagram->bytes[1] / 64] |= UINT64_C(1) << (datagram->bytes[1] % 64);
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *e = &datagram->earlier[i];
		uint64_t bit;

		if (e->length < 2)
			continue;
		bit = UINT64_C(1) << (e->bytes[1] % 64);
		if (!returned)
			returned = returned_bits(datagram, e);
		if (!(seen[e->bytes[1] / 64] & bit))
			bits += datagram_bits(e->bytes, e->length, e->length);
		seen[e->bytes[1] / 64] |= bit;
	}
	return bits + returned >= BITS_NEEDED ? INSPECT_DONE : INSPECT_MORE;
}

const struct inspector inspector_edonkey = {
	.name = "edonkey",
	.stream = read_stream,
	.datagram = read_datagram,
	INSPECT_BEGINS("\xc5\xc5\xe3\xe5"),
};
