/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenFlow (ONF TS-001 to TS-025), versions 1.0 to 1.5, between a switch and its controller.
 *
 * Both begin with a greeting: version, type 0, length, transaction; with elements from 1.3 on,
 * which end with the message. It is believed with a second message behind it in
 * the same direction, the features' request or another of a known type and length, or with the
 * other's greeting.
 */
#include "../inspector.h"

enum {
	HEADER = 8,
	VERSION_MAX = 6,
	TYPE_HELLO = 0,
	TYPE_MAX = 35,
	HELLO_MAX = 64,
	MESSAGE_MAX = 4096, /* of what comes second */
	ELEMENT_VERSIONS = 1,
};

/* MORE: not whole; DONE: a greeting, of *size bytes. */
static enum inspect_status read_hello(const uint8_t *bytes, uint32_t length, uint32_t *size)
{
	if ((length > 0 && (!bytes[0] || bytes[0] > VERSION_MAX)) ||
	    (length > 1 && bytes[1] != TYPE_HELLO))
		return INSPECT_NO;
	if (length < HEADER)
		return INSPECT_MORE;
	*size = inspect_be16(bytes + 2);
	if (*size < HEADER || *size > HELLO_MAX || (*size > HEADER && *size < HEADER + 8))
		return INSPECT_NO;
	if (length < *size)
		return INSPECT_MORE;
	if (*size > HEADER && (inspect_be16(bytes + HEADER) != ELEMENT_VERSIONS ||
			       inspect_be16(bytes + HEADER + 2) > *size - HEADER))
		return INSPECT_NO;
	return INSPECT_DONE;
}

/* Of the greeting's version, or the older one that both know. */
static bool message_follows(const uint8_t *bytes, uint32_t length, uint32_t version)
{
	return length >= HEADER && bytes[0] && bytes[0] <= version && bytes[1] &&
	       bytes[1] <= TYPE_MAX && inspect_be16(bytes + 2) >= HEADER &&
	       inspect_be16(bytes + 2) <= MESSAGE_MAX;
}

static enum inspect_status openflow_stream(const struct inspect_stream *stream,
					   struct evidence *evidence, struct inspect_note *note)
{
	uint32_t size[2] = {0, 0};
	enum inspect_status status[2];

	(void)evidence;
	(void)note;
	for (unsigned d = 0; d < 2; d++) {
		status[d] = read_hello(stream->bytes[d], stream->length[d], &size[d]);
		if (status[d] == INSPECT_NO)
			return INSPECT_NO;
	}
	/* the other's greeting, not one's own sent back; what follows takes nothing from it */
	if (status[0] == INSPECT_DONE && status[1] == INSPECT_DONE &&
	    (size[0] != size[1] || memcmp(stream->bytes[0], stream->bytes[1], size[0]) != 0))
		return INSPECT_DONE;
	for (unsigned d = 0; d < 2; d++)
		if (status[d] == INSPECT_DONE &&
		    message_follows(stream->bytes[d] + size[d], stream->length[d] - size[d],
				    stream->bytes[d][0]))
			return INSPECT_DONE;
	return INSPECT_MORE;
}

const struct inspector inspector_openflow = {
	.name = "openflow",
	.stream = openflow_stream,
};
