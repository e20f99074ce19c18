/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elasticsearch's transport between nodes and its old clients, and OpenSearch's (the sources'
 * TcpHeader): "ES", the length of the rest, the request's number in eight bytes, a byte of status
 * flags, and the version, a decimal like 7170099. The HTTP interface is http.
 */
#include "sides.h"

enum {
	HEADER_BYTES = 19,
	REST_MIN = 13,
	REST_MAX = 512 * 1024 * 1024,
	REQUESTS_MAX = 0x100, /* times 2^32: a node counts them one by one */
	FLAGS_KNOWN = 0x1f,
	VERSION_MIN = 17, /* 0.0.17 */
	VERSION_MAX = 99999999,
	OPENSEARCH = 0x08000000, /* OpenSearch has this bit exchanged */
};

static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	uint32_t version;

	(void)from;
	if (inspect_begins(bytes, length, "ES", 2) == INSPECT_NO)
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return length >= 6 && inspect_be32(bytes + 2) > REST_MAX ? INSPECT_NO
									 : INSPECT_MORE;
	version = inspect_be32(bytes + 15) & ~(uint32_t)OPENSEARCH;
	return inspect_be32(bytes + 2) >= REST_MIN && inspect_be32(bytes + 2) <= REST_MAX &&
			       inspect_be32(bytes + 6) < REQUESTS_MAX &&
			       !(bytes[14] & ~FLAGS_KNOWN) && version >= VERSION_MIN &&
			       version <= VERSION_MAX
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status elasticsearch_stream(const struct inspect_stream *stream,
						struct evidence *evidence,
						struct inspect_note *note)
{
	(void)evidence;
	return inspect_either(stream, read_side, note);
}

const struct inspector inspector_elasticsearch = {
	.name = "elasticsearch",
	.stream = elasticsearch_stream,
};
