/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ZooKeeper (its zookeeper.jute: ConnectRequest, ConnectResponse): a length of 44 or 45 from the
 * client, 36 or 37 from the server, the last byte being whether it only reads; protocol version 0,
 * a timeout, a session, and a password of 16 bytes with its length before it. Each is enough.
 */
#include "sides.h"

enum {
	REQUEST_BYTES = 44,
	ANSWER_BYTES = 36,
	PASSWORD_BYTES = 16,
	TIMEOUT_MAX_MS = 24 * 3600 * 1000,
};

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t size = from == FLOW_FROM_CLIENT ? REQUEST_BYTES : ANSWER_BYTES, timeout_at;

	if (bytes[0] ||
	    (length >= 4 && inspect_be32(bytes) != size && inspect_be32(bytes) != size + 1))
		return INSPECT_NO;
	if (length < 4 + size)
		return length >= 8 && inspect_be32(bytes + 4) ? INSPECT_NO : INSPECT_MORE;
	timeout_at =
		from == FLOW_FROM_CLIENT ? 16 : 8; /* the client tells its last transaction first */
	return !inspect_be32(bytes + 4) && inspect_be32(bytes + timeout_at) &&
			       inspect_be32(bytes + timeout_at) <= TIMEOUT_MAX_MS &&
			       inspect_be32(bytes + timeout_at + 12) == PASSWORD_BYTES
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status zookeeper_stream(const struct inspect_stream *stream,
					    struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_zookeeper = {.name = "zookeeper", .stream = zookeeper_stream};
