/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sides - what inspectors of streams share when one direction alone can prove the protocol, or when
 * a question and its answer do.
 *
 * Seen from the middle nobody knows who is the client, and a direction may begin inside a
 * message. So a reader is asked with both roles then, and what refutes one direction alone refutes
 * nothing: the other may yet begin at a message.
 */
#ifndef INSPECT_APPS_SIDES_H
#define INSPECT_APPS_SIDES_H

#include "../inspector.h"

/* How the bytes of one direction read if `from` sent them; `length` is 1 at least. */
typedef enum inspect_status inspect_side_fn(const uint8_t *bytes, uint32_t length,
					    enum flow_direction from);

/*
 * What one direction proves alone; refused, where one is refused. Who has another way beside this
 * one must read by that what a direction proves alone, too: the proof may come in pieces behind the
 * refusal.
 */
static inline enum inspect_status inspect_either(const struct inspect_stream *stream,
						 inspect_side_fn *read, struct inspect_note *note)
{
	unsigned refused = 0;

	for (unsigned d = 0; d < 2; d++) {
		enum inspect_status status, swapped;

		if (!stream->length[d])
			continue;
		status = read(stream->bytes[d], stream->length[d], (enum flow_direction)d);
		if (stream->midstream && status < INSPECT_MINE) {
			swapped = read(stream->bytes[d], stream->length[d],
				       (enum flow_direction)(1 - d));
			if (swapped > status)
				status = swapped;
		}
		if (status >= INSPECT_MINE)
			return status;
		if (status == INSPECT_NO)
			refused++;
		else
			note->busy = true;
	}
	return refused > (stream->midstream ? 1 : 0) ? INSPECT_NO : INSPECT_MORE;
}

/* What two directions come to that were read alone: either proves it; midstream either may begin in
 * a message. */
static inline enum inspect_status inspect_both(const struct inspect_stream *stream,
					       enum inspect_status client,
					       enum inspect_status server)
{
	if (client == INSPECT_DONE || server == INSPECT_DONE)
		return INSPECT_DONE;
	if (stream->midstream)
		return client == INSPECT_NO && server == INSPECT_NO ? INSPECT_NO : INSPECT_MORE;
	return client == INSPECT_NO || server == INSPECT_NO ? INSPECT_NO : INSPECT_MORE;
}

/* How both directions read together, the first one as the client's. */
typedef enum inspect_status inspect_pair_fn(const struct inspect_stream *stream);

static inline enum inspect_status inspect_pair(const struct inspect_stream *stream,
					       inspect_pair_fn *read)
{
	struct inspect_stream swapped = *stream;
	enum inspect_status status = read(stream), other;

	if (!stream->midstream || status >= INSPECT_MINE)
		return status;
	for (unsigned d = 0; d < 2; d++) {
		swapped.bytes[d] = stream->bytes[1 - d];
		swapped.length[d] = stream->length[1 - d];
	}
	other = read(&swapped);
	return other > status ? other : status;
}

/* Where clients begin: a flow whose beginning is seen and whose server spoke first is another's. */
static inline bool inspect_server_first(const struct inspect_stream *stream)
{
	return !stream->midstream && !stream->length[FLOW_FROM_CLIENT] &&
	       stream->length[FLOW_FROM_SERVER];
}

static inline bool inspect_is_text(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		if (bytes[i] < ' ' || bytes[i] > '~')
			return false;
	return true;
}

static inline bool inspect_is_zero(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

#endif
