/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QUIC, one flow of datagrams. The input says what they hold: bytes as they are, or frames that are
 * sealed here as an endpoint would, since no fuzzer finds an AEAD tag. What must hold: a claim is
 * not taken back, a name comes with a claim only, and memory stays small.
 *
 * The input is a row of parts: a byte of flags, then
 *   raw:    two bytes of length, the bytes
 *   sealed: version, IDs (origin, destination, source: three bits each, in two bytes), type and
 *           length of the packet number, two bytes of packet number, two of length, the frames
 * A part whose flags say so stands in the same datagram as the next; CUT takes one byte more: how
 * much of the datagram was not captured. Covers: src/inspect/quic.c src/inspect/quic_keys.c
 */
#include "../unit/quic_build.h"
#include "fuzz_inspect.h"

enum {
	FLAG_SERVER = 1,
	FLAG_SEALED = 2,
	FLAG_GLUED = 4,
	FLAG_SERVER_KEYS = 8,
	FLAG_CUT = 16,
	FLAG_PADDED = 32,
	FLAG_ZEROS = 64,
};

static const uint32_t versions[] = {1,		0x6b3343cf, 0xff00001d, 0xff000017,
				    0xfaceb001, 0x0a1a2a3a, 0x51303530, 0};
static const struct quic_build_cid ids[8] = {
	{8, "\x83\x94\xc8\xf0\x3e\x51\x57\x08"},
	{0, ""},
	{4, "\x11\x22\x33\x44"},
	{8, "\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8"},
	{20, "01234567890123456789"},
	{9, "\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9"},
	{1, "\xc1"},
	{12, "\xd1\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xdb\xdc"},
};

struct input {
	const uint8_t *at;
	size_t left;
};

static unsigned next_byte(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

static unsigned next_two(struct input *input)
{
	unsigned high = next_byte(input);

	return high << 8 | next_byte(input);
}

static const uint8_t *next_bytes(struct input *input, size_t *length)
{
	const uint8_t *bytes;

	*length = next_two(input);
	bytes = input->at;
	if (*length > input->left)
		*length = input->left;
	input->at += *length;
	input->left -= *length;
	return bytes;
}

static size_t seal(struct input *input, unsigned flags, uint8_t *out)
{
	struct quic_build build = {
		.sender = flags & FLAG_SERVER_KEYS ? QUIC_SERVER : QUIC_CLIENT,
		.token = (const uint8_t *)"token",
		.pad_to = flags & FLAG_PADDED ? 1200 : 0,
	};
	const uint8_t *frames;
	unsigned bits;
	size_t length;

	build.version = versions[next_byte(input) % 8];
	bits = next_two(input);
	build.origin = ids[bits & 7];
	build.dcid = ids[bits >> 3 & 7];
	build.scid = ids[bits >> 6 & 7];
	build.token_length = bits >> 9 & 1 ? 5 : 0;
	bits = next_byte(input);
	build.type = (enum quic_type)(bits & 3);
	build.number_bytes = (bits >> 2 & 3) + 1;
	build.number = next_two(input);
	frames = next_bytes(input, &length);
	return quic_build(&build, frames, length, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[1 << 18];
	const struct inspector *quic = inspect_table[app_find("quic") - 1];
	struct input input = {data, size};
	enum inspect_status status = INSPECT_MORE;
	struct evidence evidence = {0};
	void *memory = NULL;
	size_t filled = 0, length;

	while (input.left && status != INSPECT_NO && status != INSPECT_DONE) {
		unsigned flags = next_byte(&input);
		struct inspect_datagram datagram = {
			.direction = flags & FLAG_SERVER ? FLOW_FROM_SERVER : FLOW_FROM_CLIENT,
			.client_port = 40000,
			.server_port = 443,
		};
		enum inspect_status before = status;
		size_t cut;

		if (flags & FLAG_SEALED) {
			filled += seal(&input, flags, bytes + filled);
		} else {
			const uint8_t *raw = next_bytes(&input, &length);

			memcpy(bytes + filled, raw, length);
			filled += length;
		}
		if (flags & FLAG_ZEROS) {
			memset(bytes + filled, 0, 50);
			filled += 50;
		}
		if (flags & FLAG_GLUED && filled < 65000)
			continue;
		cut = flags & FLAG_CUT ? next_byte(&input) * filled / 255 : 0;
		if (filled > 65535)
			filled = 65535;
		if (cut >= filled) {
			filled = 0;
			continue;
		}
		datagram.length = (uint32_t)filled;
		datagram.captured = (uint32_t)(filled - cut);
		datagram.bytes = fuzz_copy(bytes, filled - cut);
		filled = 0;
		status = quic->datagram(&datagram, &memory, &evidence);
		free((void *)(uintptr_t)datagram.bytes);
		fuzz_check(&evidence);
		fuzz_require(before < INSPECT_MINE || status >= INSPECT_MINE);
		fuzz_require(status == INSPECT_DONE || evidence.host_source == HOST_SOURCE_NONE);
		fuzz_require(evidence.host_source == HOST_SOURCE_NONE ||
			     evidence.host_source == HOST_QUIC_SNI);
		fuzz_require(!memory || quic->state_bytes(memory) <= FLOW_PREFIX_MAX_BYTES + 1024);
	}
	if (memory)
		quic->state_free(memory);
	return 0;
}
