/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ClientHello of TLS (RFC 2246 to 8446), DTLS (RFC 6347, 9147) and QUIC (RFC
 * 9001): SNI (RFC 6066), ALPN (RFC 7301) and ECH (RFC 9849).
 *
 * The fixed part (version, random, session, cipher suites, compression) is what
 * tells a ClientHello from other bytes. The name waits for the end: only then is
 * it known whether it is an outer one.
 *
 * ECH: an outer encrypted_client_hello extension labels the name "outer". A
 * GREASE extension looks the same by design (RFC 9849, 6.2), so "outer" means
 * "the name that the outer hello shows": with GREASE it is the true name, with
 * real ECH the provider's public one. Nobody on the way can tell, and so the
 * label claims no more. Rules match it like any SNI.
 */
#include "tls_hello.h"

enum {
	EXTENSION_SNI = 0,
	EXTENSION_ALPN = 16,
	EXTENSION_ECH = 0xfe0d,
};

struct cursor {
	const uint8_t *at, *end; /* what is present */
	const uint8_t *limit;	 /* where the message ends, maybe past `end` */
	bool bad, short_of;	 /* against the message's length; wants more bytes */
};

/* `count` bytes, NULL when they are not there (short_of) or cannot be (bad). */
static const uint8_t *take(struct cursor *cursor, size_t count)
{
	const uint8_t *at = cursor->at;

	if (cursor->bad || cursor->short_of)
		return NULL;
	if ((size_t)(cursor->limit - at) < count) {
		cursor->bad = true;
		return NULL;
	}
	if ((size_t)(cursor->end - at) < count) {
		cursor->short_of = true;
		return NULL;
	}
	cursor->at += count;
	return at;
}

/* DTLS counts down from fe.ff; 01.00 is what came before the RFC and is still spoken. */
static bool version_good(enum tls_hello_kind kind, const uint8_t *bytes)
{
	if (kind == TLS_HELLO_STREAM)
		return bytes[0] == 3 && bytes[1] <= 4;
	return (bytes[0] == 0xfe && bytes[1] >= 0xfc) || (bytes[0] == 1 && bytes[1] == 0);
}

static void read_sni(const uint8_t *body, size_t length, struct tls_hello *hello)
{
	size_t at = 2;

	if (length < 2 || hello->name)
		return;
	while (at + 3 <= length) {
		size_t count = inspect_be16(body + at + 1);

		if (count > length - at - 3)
			return;
		if (body[at] == 0) { /* host_name */
			hello->name = body + at + 3;
			hello->name_length = count;
			return;
		}
		at += 3 + count;
	}
}

/* ECHClientHello of type outer: suite, config id, and two vectors that fill the rest exactly. */
static bool ech_outer(const uint8_t *body, size_t length)
{
	size_t enc, payload;

	if (length < 10 || body[0] != 0)
		return false;
	enc = inspect_be16(body + 6);
	if (enc > length - 10)
		return false;
	payload = inspect_be16(body + 8 + enc);
	return payload > 0 && payload == length - 10 - enc;
}

static void read_extension(uint32_t type, const uint8_t *body, size_t length,
			   struct tls_hello *hello)
{
	switch (type) {
	case EXTENSION_SNI:
		read_sni(body, length, hello);
		break;
	case EXTENSION_ALPN:
		if (length > 2 && !hello->alpn) {
			hello->alpn = body + 2;
			hello->alpn_length = length - 2;
		}
		break;
	case EXTENSION_ECH:
		hello->ech |= ech_outer(body, length);
		break;
	default:
		break;
	}
}

enum tls_hello_status tls_client_hello_read(enum tls_hello_kind kind, const uint8_t *body,
					    size_t present, size_t length, bool certain,
					    struct tls_hello *out)
{
	const enum tls_hello_status broken = certain ? TLS_HELLO_WHOLE : TLS_HELLO_NOT;
	struct cursor cursor = {.at = body, .end = body + present, .limit = body + length};
	const uint8_t *part;

	*out = (struct tls_hello){0};
	part = take(&cursor, 2);
	if (part && !version_good(kind, part))
		return TLS_HELLO_NOT;
	take(&cursor, 32);
	part = take(&cursor, 1);
	if (part && part[0] > 32)
		return TLS_HELLO_NOT;
	if (part)
		take(&cursor, part[0]);
	if (kind == TLS_HELLO_DATAGRAM) {
		part = take(&cursor, 1);
		if (part)
			take(&cursor, part[0]);
	}
	part = take(&cursor, 2);
	if (part && (inspect_be16(part) < 2 || inspect_be16(part) % 2))
		return broken;
	if (part)
		take(&cursor, inspect_be16(part));
	part = take(&cursor, 1);
	if (part && part[0] == 0)
		return broken;
	if (part)
		take(&cursor, part[0]);
	if (cursor.bad)
		return broken;
	if (cursor.short_of)
		return TLS_HELLO_MORE;
	if (cursor.at == cursor.limit)
		return TLS_HELLO_WHOLE; /* no extensions: before TLS 1.2 that is allowed */

	part = take(&cursor, 2);
	if (part && inspect_be16(part) <= (size_t)(cursor.limit - cursor.at))
		cursor.limit = cursor.at + inspect_be16(part);
	while (!cursor.bad && !cursor.short_of && cursor.at < cursor.limit) {
		const uint8_t *head = take(&cursor, 4);

		part = head ? take(&cursor, inspect_be16(head + 2)) : NULL;
		if (part)
			read_extension(inspect_be16(head), part, inspect_be16(head + 2), out);
	}
	/* extensions that contradict their lengths: TLS still, with what came before them */
	return cursor.short_of ? TLS_HELLO_PART : TLS_HELLO_WHOLE;
}

void tls_hello_keep(const struct tls_hello *hello, enum host_source source,
		    struct evidence *evidence)
{
	size_t at = 0;

	if (hello->name)
		evidence_set_host(evidence, source, hello->name, hello->name_length);
	while (at < hello->alpn_length) {
		size_t count = hello->alpn[at++];

		if (count > hello->alpn_length - at)
			break;
		evidence_add_alpn(evidence, hello->alpn + at, count);
		at += count;
	}
}
