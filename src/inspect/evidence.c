/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Evidence: how names and ALPN get in, and how they are read.
 *
 * Names come from strangers and go into rules, logs and JSON, so only plausible
 * ones are kept; a name that is not plausible is no name at all, never a
 * repaired one, because a repaired name could match a rule it was not meant for.
 */
#include <waymark/inspect.h>

#include <string.h>

#include <waymark/ip.h>

#include "inspector.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool host_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool dns_byte(uint8_t c)
{
	return c > 0x20 && c < 0x7f;
}

static bool set_name(struct evidence *evidence, enum host_source source, const uint8_t *bytes,
		     size_t length, bool (*good)(uint8_t))
{
	char text[EVIDENCE_HOST_SIZE];
	bool colon = false, dot = true; /* a leading dot is an empty label too */

	if (evidence->host_source != HOST_SOURCE_NONE)
		return false;
	if (length && bytes[length - 1] == '.')
		length--;
	if (!length || length > 253)
		return false;
	for (size_t i = 0; i < length; i++) {
		uint8_t c = lower(bytes[i]);

		if (c == '.') {
			if (dot)
				return false;
			dot = true;
		} else {
			if (c == ':')
				colon = true;
			else if (!good(c))
				return false;
			dot = false;
		}
		text[i] = (char)c;
	}
	text[length] = '\0';
	if (dot) /* two dots at the end */
		return false;
	if (colon && good == host_byte) {
		struct ip_addr addr;

		if (!ip_parse(text, &addr) || addr.family != IP_V6)
			return false;
		/* one address, one spelling: as rules have it */
		ip_format(&addr, text);
		length = strlen(text);
	}
	memcpy(evidence->host, text, length + 1);
	evidence->host_length = (uint8_t)length;
	evidence->host_source = (uint8_t)source;
	return true;
}

bool evidence_set_host(struct evidence *evidence, enum host_source source, const uint8_t *bytes,
		       size_t length)
{
	return set_name(evidence, source, bytes, length, host_byte);
}

bool evidence_set_dns_name(struct evidence *evidence, enum host_source source, const uint8_t *bytes,
			   size_t length)
{
	return set_name(evidence, source, bytes, length, dns_byte);
}

void evidence_add_alpn(struct evidence *evidence, const uint8_t *bytes, size_t length)
{
	if (!length || evidence->alpn_length + length + 1 > EVIDENCE_ALPN_BYTES)
		return;
	/* RFC 8701: 0x0A0A, 0x1A1A, ... some of which are printable */
	if (length == 2 && bytes[0] == bytes[1] && (bytes[0] & 0x0f) == 0x0a)
		return;
	for (size_t i = 0; i < length; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return;
	memcpy(evidence->alpn + evidence->alpn_length, bytes, length);
	evidence->alpn_length = (uint16_t)(evidence->alpn_length + length);
	evidence->alpn[evidence->alpn_length++] = '\0';
}

const char *host_source_name(enum host_source source)
{
	static const char *const source_names[] = {
		[HOST_TLS_SNI] = "tls-sni",	[HOST_TLS_ECH_OUTER] = "tls-ech-outer",
		[HOST_DTLS_SNI] = "dtls-sni",	[HOST_QUIC_SNI] = "quic-sni",
		[HOST_HTTP_HOST] = "http-host", [HOST_HTTP_CONNECT] = "http-connect",
		[HOST_SOCKS] = "socks",		[HOST_DNS_QUERY] = "dns-query",
		[HOST_MDNS] = "mdns",		[HOST_LLMNR] = "llmnr",
		[HOST_DNS_CACHE] = "dns-cache",
	};

	return (size_t)source < sizeof(source_names) / sizeof(source_names[0])
		       ? source_names[source]
		       : NULL;
}

uint16_t evidence_app(const struct evidence *evidence)
{
	unsigned top = evidence->app_count;

	if (!top)
		return APP_NONE;
	/* what a pattern found is asked for by name: it is shown wherever it lies */
	if (evidence->app_own && app_is_builtin(evidence->app[top - 1]))
		top = evidence->app_own;
	return evidence->app[top - 1];
}

bool evidence_has_app(const struct evidence *evidence, uint16_t app)
{
	for (unsigned i = 0; i < evidence->app_count; i++)
		if (evidence->app[i] == app)
			return app != APP_NONE;
	return false;
}

bool evidence_app_out(const struct evidence *evidence, uint16_t app)
{
	if (evidence->apps_done || !app_is_builtin(app))
		return true;
	return evidence->apps_out[(app - 1) / 64] >> ((app - 1) % 64) & 1;
}

const char *evidence_alpn(const struct evidence *evidence, size_t index)
{
	const char *name = evidence->alpn, *end = evidence->alpn + evidence->alpn_length;

	while (name < end && index--)
		name += strlen(name) + 1;
	return name < end ? name : NULL;
}
