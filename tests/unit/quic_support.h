/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client and its server that speak QUIC into an inspection. */
#ifndef TEST_QUIC_SUPPORT_H
#define TEST_QUIC_SUPPORT_H

#include "inspect_support.h"
#include "quic_build.h"

enum { V1 = 1, V2 = 0x6b3343cf, DRAFT29 = (int)0xff00001d };

static const struct quic_build_cid origin = {8, "\x83\x94\xc8\xf0\x3e\x51\x57\x08"};
static const struct quic_build_cid client_id = {5, "\x11\x22\x33\x44\x55"};
static const struct quic_build_cid server_id = {9, "\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9"};
static const struct quic_build_cid retry_id = {4, "\xb1\xb2\xb3\xb4"};

static struct bytes hello, frames, datagram;

/* ---- building ---- */

struct hello_spec {
	const char *name;
	bool ech;
	size_t padding; /* as a post-quantum key share */
	bool name_last;
};

static inline void put_sni(struct bytes *out, const char *name)
{
	unsigned length = (unsigned)strlen(name);

	put16(out, 0);
	put16(out, length + 5);
	put16(out, length + 3);
	put8(out, 0);
	put16(out, length);
	put(out, name, length);
}

/* A handshake message into `hello`. */
static inline void make_hello(const struct hello_spec *spec)
{
	static struct bytes body, extensions;

	body.length = extensions.length = hello.length = 0;
	if (spec->name && !spec->name_last)
		put_sni(&extensions, spec->name);
	put(&extensions, "\0\x10\0\5\0\3\2h3", 9);
	if (spec->padding) {
		put16(&extensions, 51);
		put16(&extensions, (unsigned)spec->padding);
		for (size_t i = 0; i < spec->padding; i++)
			put8(&extensions, i * 31 & 0xff);
	}
	if (spec->ech)
		put(&extensions, "\xfe\x0d\0\x0b\0\0\1\0\1\x42\0\0\0\1\xee", 15);
	if (spec->name && spec->name_last)
		put_sni(&extensions, spec->name);
	put16(&body, 0x0303);
	for (unsigned i = 0; i < 32; i++)
		put8(&body, i * 7 + 1);
	put8(&body, 0);
	put(&body, "\0\2\x13\1\1\0", 6);
	put16(&body, (unsigned)extensions.length);
	put(&body, extensions.at, extensions.length);
	put8(&hello, 1);
	put8(&hello, (unsigned)(body.length >> 16));
	put16(&hello, body.length & 0xffff);
	put(&hello, body.at, body.length);
}

static inline void add_crypto(size_t from, size_t to)
{
	frames.length +=
		quic_build_crypto(frames.at + frames.length, from, hello.at + from, to - from);
}

/* A client's first Initial, of the version. */
static inline struct quic_build first_initial(uint32_t version)
{
	return (struct quic_build){
		.version = version,
		.type = QUIC_INITIAL,
		.origin = origin,
		.dcid = origin,
		.scid = client_id,
		.pad_to = 1200,
	};
}

/* A packet around `frames`, which are emptied, behind what is in `datagram`. */
static inline void add_packet(const struct quic_build *build)
{
	datagram.length +=
		quic_build(build, frames.at, frames.length, datagram.at + datagram.length);
	frames.length = 0;
}

static inline void flush(struct talk *talk, unsigned side)
{
	say(talk, side, datagram.at, datagram.length);
	datagram.length = 0;
}

static inline void send_packet(struct talk *talk, unsigned side, const struct quic_build *build)
{
	add_packet(build);
	flush(talk, side);
}

/* One part of the hello in a datagram of its own, under the next packet number. */
static inline void send_part(struct talk *talk, struct quic_build *build, size_t from, size_t to)
{
	add_crypto(from, to);
	send_packet(talk, C, build);
	build->number++;
}

static inline void put_hex(struct bytes *out, const char *hex)
{
	for (; *hex; hex += 2) {
		char digits[3] = {hex[0], hex[1], '\0'};

		put8(out, (unsigned)strtoul(digits, NULL, 16));
	}
}

static inline void begin(struct talk *talk)
{
	talk_begin(talk, IPPROTO_UDP, 443);
	frames.length = datagram.length = 0;
}

static inline void assert_name(const struct talk *talk, const char *name)
{
	assert_app(talk, "quic");
	assert_host(talk, HOST_QUIC_SNI, name);
	assert_done(talk);
}

/* It is QUIC, and the name is waited for. */
static inline void assert_waits(const struct talk *talk)
{
	assert_app(talk, "quic");
	assert_host(talk, HOST_SOURCE_NONE, NULL);
	assert_false(talk->evidence->host_done);
}

#endif
