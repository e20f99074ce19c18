/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of probes: see probe_wire.h.
 *
 * - Every reader gets a length and checks it before it looks; nothing is copied but the few bytes
 *   of an HTTP status, which may come one by one.
 * - Whoever can see a probe can answer it. The identifier, the cookie and the IDs are for those who
 *   can not: they are random (see probe_types.c), and what does not repeat them is left unread, as
 * if it had not come. It must never end a probe, or anybody could fail a line.
 * - An HTTP answer is read no further than its status. Interim answers in front of it are allowed
 *   (RFC 9110, 15.2), up to SKIPPED_MAX bytes.
 */
#include "probe_wire.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include <waymark/ip.h>

#define ICMP_HEADER_SIZE 8u
#define ICMP4_ECHO_REQUEST 8u
#define ICMP4_ECHO_REPLY 0u
#define ICMP6_ECHO_REQUEST_TYPE 128u
#define ICMP6_ECHO_REPLY_TYPE 129u
#define SKIPPED_MAX 16384u

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* ---- ICMP and ICMPv6 echo ---- */

/* RFC 1071; zero over bytes that hold their right checksum. */
static uint16_t checksum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (; length > 1; bytes += 2, length -= 2)
		sum += get16(bytes);
	if (length)
		sum += (uint32_t)bytes[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void probe_echo_write(const struct probe_echo *echo, uint8_t bytes[PROBE_ECHO_SIZE])
{
	bytes[0] = echo->family == IP_V4 ? ICMP4_ECHO_REQUEST : ICMP6_ECHO_REQUEST_TYPE;
	bytes[1] = 0;
	put16(bytes + 2, 0);
	put16(bytes + 4, echo->id);
	put16(bytes + 6, echo->sequence);
	memcpy(bytes + ICMP_HEADER_SIZE, echo->cookie, PROBE_COOKIE_SIZE);
	if (echo->family == IP_V4)
		put16(bytes + 2, checksum(bytes, PROBE_ECHO_SIZE));
}

/* Type, code 0, identifier and sequence; and of the cookie as much as there is. */
static bool is_ours(const struct probe_echo *echo, uint8_t type, const uint8_t *bytes,
		    size_t length)
{
	if (length < ICMP_HEADER_SIZE)
		return false;
	size_t cookie = length - ICMP_HEADER_SIZE;
	if (cookie > PROBE_COOKIE_SIZE)
		cookie = PROBE_COOKIE_SIZE;
	return bytes[0] == type && bytes[1] == 0 && get16(bytes + 4) == echo->id &&
	       get16(bytes + 6) == echo->sequence &&
	       memcmp(bytes + ICMP_HEADER_SIZE, echo->cookie, cookie) == 0;
}

bool probe_echo_is_reply(const struct probe_echo *echo, const uint8_t *bytes, size_t length)
{
	uint8_t type = ICMP6_ECHO_REPLY_TYPE;

	if (echo->family == IP_V4) {
		if (length < 20 || bytes[0] >> 4 != 4)
			return false;
		size_t header = (bytes[0] & 0xfu) * 4u, total = get16(bytes + 2);
		if (header < 20 || total < header || total > length || bytes[9] != IPPROTO_ICMP)
			return false;
		bytes += header;
		length = total - header;
		if (checksum(bytes, length) != 0)
			return false;
		type = ICMP4_ECHO_REPLY;
	}
	return length >= PROBE_ECHO_SIZE && is_ours(echo, type, bytes, length);
}

bool probe_echo_is_quoted(const struct probe_echo *echo, const uint8_t *bytes, size_t length)
{
	return is_ours(echo, echo->family == IP_V4 ? ICMP4_ECHO_REQUEST : ICMP6_ECHO_REQUEST_TYPE,
		       bytes, length);
}

/* ---- HTTP ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Whether the status line may begin so; every prefix of one does. */
static bool is_status_begin(const char *text, size_t length)
{
	static const char pattern[] = "HTTP/1.# ###";

	for (size_t i = 0; i < length; i++)
		if (pattern[i] == '#' ? !is_digit(text[i]) : text[i] != pattern[i])
			return false;
	return true;
}

/* Behind "HTTP/1.1 200": the status; 0 after an interim one, whose lines are to be passed over. */
static int end_status(struct probe_http *http, uint8_t next)
{
	int status =
		(http->text[9] - '0') * 100 + (http->text[10] - '0') * 10 + http->text[11] - '0';

	if ((next != ' ' && next != '\r' && next != '\n') || status < 100)
		return -EBADMSG;
	if (status >= 200)
		return status;
	http->at = next == '\n' ? PROBE_HTTP_LINE_BEGIN : PROBE_HTTP_LINE;
	http->length = 0;
	return 0;
}

static int feed_status(struct probe_http *http, uint8_t byte)
{
	if (http->length == sizeof(http->text))
		return end_status(http, byte);
	http->text[http->length++] = (char)byte;
	return is_status_begin(http->text, http->length) ? 0 : -EBADMSG;
}

int probe_http_feed(struct probe_http *http, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = bytes[i];
		if (http->at == PROBE_HTTP_STATUS) {
			int status = feed_status(http, byte);
			if (status)
				return status;
			continue;
		}
		if (++http->skipped > SKIPPED_MAX)
			return -EBADMSG;
		if (byte == '\n')
			http->at = http->at == PROBE_HTTP_LINE_BEGIN ? PROBE_HTTP_STATUS
								     : PROBE_HTTP_LINE_BEGIN;
		else if (byte != '\r')
			http->at = PROBE_HTTP_LINE;
	}
	return 0;
}

/* ---- DNS ---- */

#define DNS_HEADER_SIZE 12u
#define DNS_TYPE_A 1u
#define DNS_TYPE_NS 2u
#define DNS_CLASS_IN 1u
#define DNS_RESPONSE 0x8000u
#define DNS_OPCODE 0x7800u
#define DNS_RECURSE 0x0100u
#define DNS_RCODE 0x000fu

size_t probe_dns_query(const char *name, uint8_t bytes[PROBE_DNS_SIZE])
{
	bool root = strcmp(name, ".") == 0;
	size_t at = DNS_HEADER_SIZE;

	memset(bytes, 0, DNS_HEADER_SIZE);
	put16(bytes + 2, DNS_RECURSE);
	put16(bytes + 4, 1);
	if (root)
		name++;
	else if (!*name)
		return 0;
	while (*name) {
		size_t label = strcspn(name, ".");
		/* a name has 255 bytes at most, with the lengths and the root behind it */
		if (!label || label > 63 || at + 1 + label + 1 - DNS_HEADER_SIZE > 255)
			return 0;
		bytes[at++] = (uint8_t)label;
		memcpy(bytes + at, name, label);
		at += label;
		name += label;
		name += *name == '.';
	}
	bytes[at++] = 0;
	put16(bytes + at, root ? DNS_TYPE_NS : DNS_TYPE_A);
	put16(bytes + at + 2, DNS_CLASS_IN);
	return at + 4;
}

/* Names are the same in either case; lengths of labels are no letters. */
static bool same_question(const uint8_t *a, const uint8_t *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (tolower(a[i]) != tolower(b[i]))
			return false;
	return true;
}

int probe_dns_rcode(const uint8_t *query, size_t query_length, uint16_t id, const uint8_t *bytes,
		    size_t length)
{
	if (query_length < DNS_HEADER_SIZE || length < query_length || get16(bytes) != id)
		return -EBADMSG;
	uint16_t flags = get16(bytes + 2);
	if (!(flags & DNS_RESPONSE) || flags & DNS_OPCODE || get16(bytes + 4) != 1 ||
	    !same_question(query + DNS_HEADER_SIZE, bytes + DNS_HEADER_SIZE,
			   query_length - DNS_HEADER_SIZE))
		return -EBADMSG;
	return flags & DNS_RCODE;
}
