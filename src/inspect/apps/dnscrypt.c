/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNSCrypt, version 1 and 2 (the protocol's specification, draft-denis-dprive-dnscrypt), over UDP
 * and TCP.
 *
 * Answers begin with the resolver's magic number, "r6fnvWj8", and the client's nonce. A query
 * begins with a magic of eight bytes that the resolver's certificate chose, a public key and the
 * nonce: random to us, but for the number that the first version used. So a query alone can only
 * wait, if its length is that of a padded one, for an answer with its nonce, or with the magic.
 *
 * Before, clients ask for the certificate: a DNS query for TXT of "2.dnscrypt-cert.PROVIDER". Where
 * it does not go to a DNS server's port it is DNSCrypt (and dns.c leaves it): no address is asked
 * for.
 */
#include "../dns_wire.h"
#include "../inspector.h"

enum {
	PORT_DNS = 53,
	TYPE_TXT = 16,
	MAGIC_BYTES = 8,
	KEY_BYTES = 32,
	NONCE_BYTES = 12,
	AT_NONCE = MAGIC_BYTES + KEY_BYTES,
	QUERY_HEADER = AT_NONCE + NONCE_BYTES,
	TAG_BYTES = 16,
	PADDING = 64,
	ANSWER_MIN = MAGIC_BYTES + 2 * NONCE_BYTES + TAG_BYTES,
	QUERY_MIN = QUERY_HEADER + TAG_BYTES + PADDING,
	STREAM_MAX = 4096,
	RUN_MAX = 4,
};

static const uint8_t answer_magic[] = "r6fnvWj8";
static const uint8_t first_magic[] = "q6fnvWj8";

static bool has_magic(const uint8_t *bytes, uint32_t present)
{
	return present >= MAGIC_BYTES && (!memcmp(bytes, answer_magic, MAGIC_BYTES) ||
					  !memcmp(bytes, first_magic, MAGIC_BYTES));
}

/* What is encrypted is padded; some clients pad so that the whole is a multiple, too. */
static bool query_length(uint32_t length)
{
	return length >= QUERY_MIN &&
	       (length % PADDING == 0 || (length - QUERY_HEADER - TAG_BYTES) % PADDING == 0);
}

/* Magic, key and nonce are random, or meant to be: no run of one byte, and not all text. */
static bool looks_random(const uint8_t *bytes, uint32_t present)
{
	uint32_t run = 1, text = 0, looked = present < QUERY_HEADER ? present : QUERY_HEADER;

	for (uint32_t i = 0; i < looked; i++) {
		run = i && bytes[i] == bytes[i - 1] ? run + 1 : 1;
		if (run == RUN_MAX)
			return false;
		text += bytes[i] >= ' ' && bytes[i] <= '~';
	}
	return text < QUERY_HEADER;
}

/* The question must be whole and the only one; records may follow, also in the question (EDNS). */
static bool asks_certificate(const struct inspect_datagram *datagram, struct evidence *evidence)
{
	struct dns_cursor cursor = {
		.bytes = datagram->bytes, .present = datagram->captured, .at = DNS_HEADER};
	struct dns_name name;

	if (datagram->client_port == PORT_DNS || datagram->server_port == PORT_DNS ||
	    datagram->captured < DNS_HEADER || datagram->bytes[2] & 0x78 ||
	    inspect_be16(datagram->bytes + 4) != 1 ||
	    !dns_name_read(&cursor, DNS_POINTERS_REFUSED, &name) || !dns_name_is_dnscrypt(&name) ||
	    cursor.present - cursor.at < 4 || inspect_be16(cursor.bytes + cursor.at) != TYPE_TXT ||
	    inspect_be16(cursor.bytes + cursor.at + 2) != DNS_CLASS_IN)
		return false;
	if (!(datagram->bytes[2] & 0x80))
		evidence_set_dns_name(evidence, HOST_DNS_QUERY, (const uint8_t *)name.text,
				      name.length);
	return true;
}

static enum inspect_status dnscrypt_datagram(const struct inspect_datagram *datagram, void **state,
					     struct evidence *evidence)
{
	(void)state;
	if (asks_certificate(datagram, evidence))
		return INSPECT_DONE;
	if (has_magic(datagram->bytes, datagram->captured))
		return datagram->length >= ANSWER_MIN ? INSPECT_DONE : INSPECT_NO;
	for (unsigned i = 0; i < datagram->earlier_count; i++)
		if (datagram->earlier[i].direction != datagram->direction)
			return INSPECT_NO; /* an answer would have the magic */
	return query_length(datagram->length) && looks_random(datagram->bytes, datagram->captured)
		       ? INSPECT_MORE
		       : INSPECT_NO;
}

/* A length of 16 bits, and what a datagram would hold. */
static enum inspect_status dnscrypt_stream(const struct inspect_stream *stream,
					   struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	for (unsigned d = 0; d < 2; d++) {
		const uint8_t *bytes = stream->bytes[d];
		uint32_t length = stream->length[d], size;

		if (length < 2)
			continue;
		size = inspect_be16(bytes);
		bytes += 2;
		length -= 2;
		if (size < ANSWER_MIN)
			return INSPECT_NO;
		if (inspect_begins(bytes, length, first_magic, MAGIC_BYTES) == INSPECT_DONE &&
		    (!query_length(size) || size > STREAM_MAX))
			return INSPECT_NO;
		if (has_magic(bytes, length))
			return INSPECT_DONE;
		if (inspect_begins(bytes, length, answer_magic, MAGIC_BYTES) == INSPECT_MORE ||
		    inspect_begins(bytes, length, first_magic, MAGIC_BYTES) == INSPECT_MORE)
			continue;
		if (d == FLOW_FROM_SERVER || !query_length(size) || length > size ||
		    size > STREAM_MAX || !looks_random(bytes, length))
			return INSPECT_NO;
		note->busy = true;
	}
	return INSPECT_MORE;
}

const struct inspector inspector_dnscrypt = {
	.name = "dnscrypt",
	.gives_udp = INSPECT_HOST,
	.stream = dnscrypt_stream,
	.datagram = dnscrypt_datagram,
};
