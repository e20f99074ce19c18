/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SSH (RFC 4253, 4.2): both sides begin with an identification line,
 * "SSH-protoversion-softwareversion". "SSH-2.0-", and "SSH-1." for the old
 * protocol and for servers that speak both ("SSH-1.99-").
 *
 * Either side may come first, and one is enough. The lines that a server may
 * send before its banner are not waited for: no server in use sends them, and
 * every other server-first protocol would stay open for it.
 */
#include <string.h>

#include "inspector.h"

static enum inspect_status banner(const uint8_t *bytes, uint32_t length)
{
	static const char *const banners[] = {"SSH-2.0-", "SSH-1."};
	enum inspect_status status = INSPECT_NO;

	for (unsigned i = 0; i < 2; i++) {
		size_t want = strlen(banners[i]);

		if (memcmp(bytes, banners[i], length < want ? length : want) != 0)
			continue;
		if (length >= want)
			return INSPECT_DONE;
		status = INSPECT_MORE;
	}
	return status;
}

static enum inspect_status ssh_stream(const struct inspect_stream *stream,
				      struct evidence *evidence, struct inspect_note *note)
{
	bool refused = false, waits = false;

	(void)evidence;
	for (unsigned d = 0; d < 2; d++) {
		enum inspect_status side;

		if (!stream->length[d]) {
			waits = true;
			continue;
		}
		side = banner(stream->bytes[d], stream->length[d]);
		if (side == INSPECT_DONE)
			return INSPECT_DONE;
		if (side == INSPECT_MORE)
			note->busy = true;
		else
			refused = true;
	}
	if (note->busy)
		return INSPECT_MORE;
	/* a flow seen from the middle: the other side may begin at a message */
	return refused && !(stream->midstream && waits) ? INSPECT_NO : INSPECT_MORE;
}

const struct inspector inspector_ssh = {.name = "ssh", .stream = ssh_stream};
