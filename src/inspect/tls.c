/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS 1.0 to 1.3 over TCP (RFC 2246, 4346, 5246, 8446), and the SSLv2-compatible
 * ClientHello (RFC 5246, E.2).
 *
 * The app is claimed when the fixed part of a ClientHello (version, random,
 * session, cipher suites, compression) or of a ServerHello holds together, so a
 * text or a random stream that begins with 0x16 is not TLS. The name and ALPN
 * wait for the whole ClientHello: only then is it known whether the name is an
 * outer one. A hello larger than the prefix gives what was seen of it. What ALPN names is a layer
 * above TLS where it has an app (apps/tls_apps.c).
 *
 * The messages are plain handshake records only; a ClientHello may be cut over
 * records and segments at any byte. Flows seen from the middle begin anywhere:
 * there, two well-formed records in a row, or one header on each side, or a
 * lone alert of a length that ciphers make, count as TLS, without name.
 */
#include <string.h>

#include "inspector.h"
#include "tls_hello.h"

enum {
	RECORD_CCS = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_DATA = 23,
	RECORD_HEADER = 5,
	RECORD_PLAIN_MAX = 16384,
	RECORD_CIPHER_MAX = 16384 + 2048,
	HELLO_CLIENT = 1,
	HELLO_SERVER = 2,
	HELLO_SESSION_AT = 34,
	HELLO_MIN = 38,	     /* version, random, empty session, and so on */
	HELLO_MAX = 1 << 17, /* no honest hello comes near */
};

/* What one direction shows. */
enum side {
	SIDE_EMPTY,
	SIDE_NOT,
	SIDE_MORE,	  /* may be TLS; a message has begun */
	SIDE_CLIENT_PART, /* a ClientHello, not whole yet */
	SIDE_CLIENT,
	SIDE_SERVER,  /* ServerHello or alert: the other side's hello may still turn up */
	SIDE_RECORD,  /* past the hellos: begins with the header of an encrypted record */
	SIDE_RECORDS, /* past the hellos, certain */
};

static bool version_good(const uint8_t *bytes)
{
	return bytes[0] == 3 && bytes[1] <= 4;
}

/* As many bytes of a record header as there are must fit. */
static bool header_good(const uint8_t *bytes, size_t length, uint32_t max)
{
	if (length > 0 && (bytes[0] < RECORD_CCS || bytes[0] > RECORD_DATA))
		return false;
	if (length > 1 && bytes[1] != 3)
		return false;
	if (length > 2 && bytes[2] > 4)
		return false;
	return length < RECORD_HEADER ||
	       (inspect_be16(bytes + 3) > 0 && inspect_be16(bytes + 3) <= max);
}

/*
 * The handshake bytes of the records from the start on, as far as they are there: in place
 * while one record is enough, else put together in `room`. *broken: what follows is no
 * handshake record.
 */
static const uint8_t *handshake_bytes(const uint8_t *bytes, size_t length, uint8_t *room,
				      size_t *got, bool *broken)
{
	size_t at = 0, filled = 0, want;

	*broken = false;
	*got = length > RECORD_HEADER ? length - RECORD_HEADER : 0;
	if (*got <= inspect_be16(bytes + 3))
		return bytes + RECORD_HEADER;
	*got = inspect_be16(bytes + 3);
	if (*got >= 4) {
		const uint8_t *message = bytes + RECORD_HEADER;

		want = (size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3];
		if (*got - 4 >= want)
			return message;
	}
	while (at < length) {
		size_t left = length - at, count;

		if (bytes[at] != RECORD_HANDSHAKE ||
		    !header_good(bytes + at, left, RECORD_PLAIN_MAX)) {
			*broken = true;
			break;
		}
		if (left < RECORD_HEADER)
			break;
		count = inspect_be16(bytes + at + 3);
		at += RECORD_HEADER;
		if (count > length - at)
			count = length - at;
		memcpy(room + filled, bytes + at, count);
		filled += count;
		at += count;
	}
	*got = filled;
	return room;
}

static enum side read_server_hello(const uint8_t *body, size_t present)
{
	if (present >= 2 && !version_good(body))
		return SIDE_NOT;
	if (present < HELLO_SESSION_AT + 1)
		return SIDE_MORE;
	return body[HELLO_SESSION_AT] <= 32 ? SIDE_SERVER : SIDE_NOT;
}

static enum side read_client_hello(const uint8_t *body, size_t present, size_t length, bool framed,
				   struct tls_hello *hello)
{
	static const enum side sides[] = {
		[TLS_HELLO_NOT] = SIDE_NOT,
		[TLS_HELLO_MORE] = SIDE_MORE,
		[TLS_HELLO_PART] = SIDE_CLIENT_PART,
		[TLS_HELLO_WHOLE] = SIDE_CLIENT,
	};

	return sides[tls_client_hello_read(TLS_HELLO_STREAM, body, present, length, framed, hello)];
}

/* RFC 5246, E.2: a two-byte length with the top bit set, then CLIENT-HELLO of version 3.x. */
static enum side read_sslv2(const uint8_t *bytes, size_t length)
{
	static const uint8_t head[] = {HELLO_CLIENT, 3};
	size_t message = (size_t)(bytes[0] & 0x7f) << 8, ciphers, session, challenge;

	if (length > 2 && memcmp(bytes + 2, head, length - 2 < 2 ? length - 2 : 2) != 0)
		return SIDE_NOT;
	if (length > 4 && bytes[4] > 3)
		return SIDE_NOT;
	if (length < 11)
		return SIDE_MORE;
	message |= bytes[1];
	ciphers = inspect_be16(bytes + 5);
	session = inspect_be16(bytes + 7);
	challenge = inspect_be16(bytes + 9);
	if (!ciphers || ciphers % 3 || session || challenge < 16 || challenge > 32 ||
	    message != 9 + ciphers + session + challenge)
		return SIDE_NOT;
	return SIDE_CLIENT;
}

/* RFC 8446, 6: the alerts that any version knows. */
static bool alert_good(const uint8_t *body)
{
	static const uint8_t known[] = {0,   10,  20,  21,  22,	 30,  40,  41,	42,  43,  44, 45,
					46,  47,  48,  49,  50,	 51,  60,  70,	71,  80,  86, 90,
					100, 109, 110, 111, 112, 113, 114, 115, 116, 120, 121};

	return (body[0] == 1 || body[0] == 2) && memchr(known, body[1], sizeof(known));
}

/* An alert of two bytes, encrypted: the lengths that stream, CBC and AEAD ciphers give. */
static bool alert_cipher_length(uint32_t length)
{
	return length == 18 || length == 19 || length == 22 || length == 26 ||
	       (length >= 32 && length <= 80 && length % 16 == 0);
}

/* Records of any kind, one behind the other: the second header proves the first length. */
static enum side read_records(const uint8_t *bytes, size_t length)
{
	size_t at;

	if (length < RECORD_HEADER)
		return SIDE_MORE;
	if (bytes[2] < 1 || bytes[2] > 3)
		return SIDE_NOT;
	at = RECORD_HEADER + inspect_be16(bytes + 3);
	if (bytes[0] == RECORD_ALERT && !alert_cipher_length(inspect_be16(bytes + 3)))
		return SIDE_NOT;
	if (bytes[0] == RECORD_ALERT && length == at)
		return SIDE_RECORDS;
	if (length < at + 3) /* type and version of the next */
		return SIDE_RECORD;
	return header_good(bytes + at, length - at, RECORD_CIPHER_MAX) ? SIDE_RECORDS : SIDE_NOT;
}

static enum side read_side(const uint8_t *bytes, size_t length, bool midstream, bool server,
			   uint8_t *room, struct tls_hello *hello)
{
	const uint8_t *message;
	size_t got, want;
	bool broken;
	enum side side;

	if (!length)
		return SIDE_EMPTY;
	if ((bytes[0] & 0x80) && !server)
		return read_sslv2(bytes, length);
	if (!header_good(bytes, length, RECORD_CIPHER_MAX))
		return SIDE_NOT;
	if (bytes[0] == RECORD_ALERT && (server || midstream)) {
		if (length >= 7 && inspect_be16(bytes + 3) == 2 && alert_good(bytes + 5))
			return SIDE_SERVER;
		if (length < 7 && (length < 5 || inspect_be16(bytes + 3) == 2))
			return SIDE_MORE;
	}
	if (bytes[0] != RECORD_HANDSHAKE)
		return midstream ? read_records(bytes, length) : SIDE_NOT;
	if (length <= RECORD_HEADER)
		return SIDE_MORE;
	if (bytes[5] != HELLO_CLIENT && bytes[5] != HELLO_SERVER)
		return midstream ? read_records(bytes, length) : SIDE_NOT;
	if (inspect_be16(bytes + 3) > RECORD_PLAIN_MAX)
		return SIDE_NOT;

	message = handshake_bytes(bytes, length, room, &got, &broken);
	if (got < 4)
		return broken ? SIDE_NOT : SIDE_MORE;
	want = (size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3];
	if (want < HELLO_MIN || want > HELLO_MAX)
		return SIDE_NOT;
	got = got - 4 < want ? got - 4 : want;
	message += 4;
	/* a message that fills its record exactly is proof enough */
	side = message[-4] == HELLO_CLIENT
		       ? read_client_hello(message, got, want, inspect_be16(bytes + 3) == want + 4,
					   hello)
		       : read_server_hello(message, got);
	if (broken && side == SIDE_MORE)
		return SIDE_NOT;
	return broken && side == SIDE_CLIENT_PART ? SIDE_CLIENT : side;
}

static enum inspect_status tls_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	uint8_t room[FLOW_PREFIX_MAX_BYTES];
	enum side sides[2];
	bool refused = false, empty = false;
	unsigned records = 0;

	for (unsigned d = 0; d < 2; d++) {
		struct tls_hello hello = {0};

		sides[d] = read_side(stream->bytes[d], stream->length[d], stream->midstream,
				     d == FLOW_FROM_SERVER, room, &hello);
		if (sides[d] == SIDE_CLIENT || (sides[d] == SIDE_CLIENT_PART && stream->last)) {
			tls_hello_keep(&hello, hello.ech ? HOST_TLS_ECH_OUTER : HOST_TLS_SNI,
				       evidence);
			note->above = tls_hello_app(&hello);
			return INSPECT_DONE;
		}
		refused |= sides[d] == SIDE_NOT;
		empty |= sides[d] == SIDE_EMPTY;
		records += sides[d] == SIDE_RECORD;
		note->busy |= sides[d] == SIDE_MORE || sides[d] == SIDE_CLIENT_PART ||
			      sides[d] == SIDE_RECORD;
	}
	if (records == 2)
		return INSPECT_DONE;
	for (unsigned d = 0; d < 2; d++) {
		if (sides[d] == SIDE_CLIENT_PART) {
			note->carrier = true; /* it may name what it carries */
			return INSPECT_MINE;
		}
		/* a ServerHello whose ClientHello was missed: it may only be late */
		if (sides[d] == SIDE_SERVER || sides[d] == SIDE_RECORDS)
			return note->busy || (empty && sides[d] == SIDE_SERVER) ? INSPECT_MINE
										: INSPECT_DONE;
	}
	if (note->busy)
		return INSPECT_MORE;
	return refused && !(stream->midstream && empty) ? INSPECT_NO : INSPECT_MORE;
}

const struct inspector inspector_tls = {
	.name = "tls",
	.gives_tcp = INSPECT_HOST | INSPECT_ALPN,
	.carries = true,
	.stream = tls_stream,
};
