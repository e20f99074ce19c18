/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS messages, put together record by record. */
#ifndef TEST_DNS_BUILD_H
#define TEST_DNS_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <waymark/ip.h>

enum { ANSWER = 6, AUTHORITY = 8, ADDITIONAL = 10 }; /* where the header counts a section */
enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_TXT = 16, TYPE_AAAA = 28, TYPE_OPT = 41 };
enum { TYPE_SVCB = 64, TYPE_HTTPS = 65, TYPE_TSIG = 250, TYPE_ANY = 255 };
enum { FLAGS_QUERY = 0x0100, FLAGS_ANSWER = 0x8180, FLAGS_TRUNCATED = 0x0200 };

struct dns_build {
	size_t length;
	uint8_t bytes[65536];
};

static inline void dns_put(struct dns_build *build, const void *bytes, size_t length)
{
	assert_true(length <= sizeof(build->bytes) - build->length);
	if (length)
		memcpy(build->bytes + build->length, bytes, length);
	build->length += length;
}

static inline void put_number(struct dns_build *build, uint32_t value, size_t size)
{
	while (size--)
		dns_put(build, &(uint8_t){(uint8_t)(value >> 8 * size)}, 1);
}

/* "www.example.org", and "" for the root. */
static inline void put_name(struct dns_build *build, const char *text)
{
	while (*text) {
		size_t label = strcspn(text, ".");

		put_number(build, (uint32_t)label, 1);
		dns_put(build, text, label);
		text += label + (text[label] == '.');
	}
	put_number(build, 0, 1);
}

static inline void put_pointer(struct dns_build *build, size_t at)
{
	put_number(build, 0xc000 | (uint32_t)at, 2);
}

/* The question's name is given as text, so it begins at byte 12. */
static inline void begin(struct dns_build *build, uint16_t id, uint16_t flags, const char *name,
			 uint16_t type)
{
	build->length = 0;
	put_number(build, id, 2);
	put_number(build, flags, 2);
	put_number(build, 1, 2);
	dns_put(build, "\0\0\0\0\0", 6);
	put_name(build, name);
	put_number(build, type, 2);
	put_number(build, 1, 2);
}

static inline void count_record(struct dns_build *build, unsigned section)
{
	if (!++build->bytes[section + 1])
		build->bytes[section]++;
}

/* All of a record behind its owner. */
static inline void put_record(struct dns_build *build, unsigned section, uint16_t type,
			      uint32_t ttl, const void *data, size_t length)
{
	put_number(build, type, 2);
	put_number(build, 1, 2);
	put_number(build, ttl, 4);
	put_number(build, (uint32_t)length, 2);
	dns_put(build, data, length);
	count_record(build, section);
}

static inline void add_address(struct dns_build *build, unsigned section, const char *owner,
			       const char *text, uint32_t ttl)
{
	struct ip_addr address;

	assert_true(ip_parse(text, &address));
	put_name(build, owner);
	put_record(build, section, address.family == IP_V4 ? TYPE_A : TYPE_AAAA, ttl, address.bytes,
		   address.family == IP_V4 ? 4 : 16);
}

static inline void add_cname(struct dns_build *build, unsigned section, const char *owner,
			     const char *target, uint32_t ttl)
{
	static struct dns_build data;

	data.length = 0;
	put_name(&data, target);
	put_name(build, owner);
	put_record(build, section, TYPE_CNAME, ttl, data.bytes, data.length);
}

/* `params` are the bytes behind TargetName. */
static inline void add_service(struct dns_build *build, unsigned section, uint16_t type,
			       const char *owner, uint16_t priority, const char *target,
			       const char *params, size_t length, uint32_t ttl)
{
	static struct dns_build data;

	data.length = 0;
	put_number(&data, priority, 2);
	put_name(&data, target);
	dns_put(&data, params, length);
	put_name(build, owner);
	put_record(build, section, type, ttl, data.bytes, data.length);
}

#endif
