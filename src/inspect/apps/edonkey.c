/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eDonkey, as eMule and its servers speak it, and Kademlia (Kulbak and Bickson, "The eMule Protocol
 * Specification", 2005; eMule's opcodes.h).
 *
 * TCP: each message has a mark (0xe3, 0xc5 for eMule's own, 0xd4 for packed ones), a length, and an
 * opcode. One header has 19 bits that could have been otherwise, so two are asked for: the second
 * where the first one's length leads, or the other side's first. A hello is read to the end of its
 * hash and to its count of tags, and needs no second.
 *
 * UDP: a mark (0xe3 and 0xc5; 0xe4 for Kademlia, 0xe5 where that is packed) and an opcode, whose
 * length is fixed or counted within. What each datagram is worth in bits is added up over the flow,
 * also for an answer that returns a challenge or a target, until it is enough.
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
	HEADERS_NEEDED = 2,
};

static bool opcode_known(uint8_t mark, uint8_t opcode)
{
	static const uint8_t edonkey[] = {
		/* to a server, from a server, between clients */
		0x01, 0x05, 0x14, 0x15, 0x16, 0x18, 0x19, 0x1a, 0x1c, 0x21, 0x23, 0x32,
		0x33, 0x34, 0x35, 0x36, 0x38, 0x40, 0x41, 0x42, 0x43, 0x44, 0x46, 0x47,
		0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0x53,
		0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60};

	if (mark == MARK_EDONKEY)
		return memchr(edonkey, opcode, sizeof(edonkey));
	return opcode && opcode <= 0xa8;
}

static bool is_header(const uint8_t *bytes)
{
	uint32_t length = inspect_le32(bytes + 1);

	if (bytes[0] != MARK_EDONKEY && bytes[0] != MARK_EMULE && bytes[0] != MARK_PACKED)
		return false;
	return length && length <= LENGTH_MAX && opcode_known(bytes[0], bytes[5]);
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
	bool wrong, hello;
};

static struct side read_side(const uint8_t *bytes, uint32_t length)
{
	struct side side = {0};

	for (uint32_t at = 0; length - at >= HEADER_BYTES && side.headers < HEADERS_NEEDED;) {
		uint32_t size;

		if (!is_header(bytes + at)) {
			side.wrong = true;
			break;
		}
		side.hello |= is_hello(bytes + at, length - at);
		side.headers++;
		size = LENGTH_BEFORE + inspect_le32(bytes + at + 1);
		if (length - at <= size)
			break;
		at += size;
	}
	if (length && bytes[0] != MARK_EDONKEY && bytes[0] != MARK_EMULE && bytes[0] != MARK_PACKED)
		side.wrong = true;
	return side;
}

static enum inspect_status read_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	struct side client = read_side(stream->bytes[0], stream->length[0]);
	struct side server = read_side(stream->bytes[1], stream->length[1]);

	(void)evidence;
	(void)note;
	if (stream->midstream ? client.wrong && server.wrong : client.wrong || server.wrong)
		return INSPECT_NO;
	if (client.wrong) /* it began within a message */
		client = (struct side){0};
	if (server.wrong)
		server = (struct side){0};
	if (client.hello || server.hello || client.headers + server.headers >= HEADERS_NEEDED)
		return INSPECT_DONE;
	return INSPECT_MORE;
}

/* ---- UDP ---- */

enum {
	BITS_MARK_OPCODE = 14, /* two bytes, of a few hundred that may be */
	BITS_LENGTH = 6,
	BITS_NEEDED = 36,
	CONTACT_BYTES = 25,
	CONTACTS_MAX = 60,
	ZLIB = 0x78,
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
static unsigned hello_bits(const uint8_t *bytes, uint32_t length)
{
	enum { PORT_AT = 2 + HASH_BYTES, VERSION_AT = PORT_AT + 2, COUNT_AT, TAG_AT };

	if (length <= COUNT_AT || (bytes[1] != 0x11 && bytes[1] != 0x19))
		return 0;
	if (!bytes[COUNT_AT])
		return length == TAG_AT && bytes[VERSION_AT] && bytes[VERSION_AT] < 16 ? 16 : 0;
	return length > TAG_AT + 4 && bytes[COUNT_AT] < 8 && inspect_le16(bytes + TAG_AT + 1) == 1
		       ? 24
		       : 0;
}

/* How much one datagram says; 0: it is none. */
static unsigned datagram_bits(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	if (captured < 2)
		return 0;
	if (bytes[0] == MARK_KAD_PACKED) {
		if (captured < 4 || bytes[2] != ZLIB || (bytes[2] << 8 | bytes[3]) % 31 != 0)
			return 0;
		return BITS_MARK_OPCODE + 8 + 5;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *form = &forms[i];
		uint32_t over = length - form->length;

		if (form->mark != bytes[0] || form->opcode != bytes[1] || length < form->length)
			continue;
		if (form->step ? over % form->step != 0 : over != 0)
			return 0;
		if (form->step == 1)
			return BITS_MARK_OPCODE;
		if (form->step == CONTACT_BYTES) {
			uint32_t count = over / CONTACT_BYTES;
			bool wide = form->opcode < 0x10; /* two bytes, the lower first */

			if (captured < form->length || count > CONTACTS_MAX ||
			    bytes[form->length - (wide ? 2 : 1)] != count)
				return 0;
			return BITS_MARK_OPCODE + BITS_LENGTH + 7;
		}
		/* what is searched for: a value, a node, something to store */
		if (form->opcode == 0x21 && form->mark == MARK_KAD)
			return captured > 2 && strchr("\x02\x04\x0b", bytes[2]) && bytes[2]
				       ? BITS_MARK_OPCODE + BITS_LENGTH + 6
				       : 0;
		return BITS_MARK_OPCODE + BITS_LENGTH;
	}
	if (!may_be_long(bytes[0], bytes[1], length))
		return 0;
	return BITS_MARK_OPCODE + (bytes[0] == MARK_KAD ? hello_bits(bytes, captured) : 0);
}

/* Four bytes of a challenge, or of a target, that the other side gives back behind the opcode. */
static unsigned returned_bits(const struct inspect_datagram *datagram,
			      const struct inspect_earlier *e)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t at = 2;

	if (e->direction == datagram->direction || e->bytes[0] != bytes[0])
		return 0;
	if (e->bytes[0] == MARK_KAD && (e->bytes[1] == 0x20 || e->bytes[1] == 0x21))
		at = 3; /* behind the kind of the search */
	return e->length >= at + 4 && datagram->captured >= 6 &&
			       !memcmp(e->bytes + at, bytes + 2, 4)
		       ? 32
		       : 0;
}

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	unsigned bits = datagram_bits(datagram->bytes, datagram->captured, datagram->length);

	(void)state;
	(void)evidence;
	if (!bits)
		return INSPECT_NO;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *e = &datagram->earlier[i];
		bool same = e->length == datagram->captured &&
			    !memcmp(e->bytes, datagram->bytes, e->length);

		if (!same) /* once more says nothing new */
			bits += datagram_bits(e->bytes, e->length, e->length) +
				returned_bits(datagram, e);
	}
	return bits >= BITS_NEEDED ? INSPECT_DONE : INSPECT_MORE;
}

const struct inspector inspector_edonkey = {
	.name = "edonkey",
	.stream = read_stream,
	.datagram = read_datagram,
};
