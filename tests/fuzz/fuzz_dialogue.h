/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One inspector over a dialogue: behind a byte of flags the input is what is said, and 0xff hands
 * over to the other side. Told twice, flight by flight and in small steps. What must hold: both
 * ways tell the same (whether it is claimed, the name, where an inner protocol begins), and an
 * inner protocol begins within what was said.
 */
#ifndef FUZZ_DIALOGUE_H
#define FUZZ_DIALOGUE_H

#include "fuzz_inspect.h"

enum { DIALOGUE_MIDSTREAM = 1, DIALOGUE_SERVER_FIRST = 2, DIALOGUE_BY_ONE = 4 };

struct dialogue_end {
	bool claimed;
	struct evidence evidence;
	struct inspect_note note;
};

struct dialogue {
	const struct inspector *inspector;
	bool midstream;
	uint8_t said[2][FLOW_PREFIX_MAX_BYTES];
	uint32_t length[2];
};

/* False: the inspector has settled. */
static inline bool dialogue_read(struct dialogue *dialogue, bool last, struct dialogue_end *end)
{
	struct inspect_stream stream = {
		.midstream = dialogue->midstream,
		.last = last,
		.client_port = 40000,
		.server_port = 5300,
	};
	enum inspect_status status;

	for (unsigned d = 0; d < 2; d++) {
		stream.length[d] = dialogue->length[d];
		if (stream.length[d])
			stream.bytes[d] = fuzz_copy(dialogue->said[d], stream.length[d]);
	}
	memset(&end->note, 0, sizeof(end->note));
	status = dialogue->inspector->stream(&stream, &end->evidence, &end->note);
	for (unsigned d = 0; d < 2; d++)
		free((void *)(uintptr_t)stream.bytes[d]);
	fuzz_check(&end->evidence);
	end->claimed |= status >= INSPECT_MINE;
	fuzz_require(end->claimed || end->evidence.host_source == HOST_SOURCE_NONE);
	if (end->note.inner) {
		fuzz_require(status == INSPECT_DONE);
		fuzz_require(end->note.inner_at[0] <= stream.length[0] &&
			     end->note.inner_at[1] <= stream.length[1]);
	}
	return status == INSPECT_MORE || status == INSPECT_MINE;
}

/* `step`: how many bytes at a time at most; 0: whole flights. */
static inline void dialogue_tell(struct dialogue *dialogue, unsigned side, const uint8_t *data,
				 size_t size, size_t step, struct dialogue_end *end)
{
	size_t at = 0, fresh = 0;

	memset(end, 0, sizeof(*end));
	dialogue->length[0] = dialogue->length[1] = 0;
	while (at < size && dialogue->length[side] < FLOW_PREFIX_MAX_BYTES) {
		bool over = data[at] == 0xff && !(at + 1 < size && data[at + 1] == 0xff);

		if (!over) {
			at += data[at] == 0xff;
			dialogue->said[side][dialogue->length[side]++] = data[at++];
			fresh++;
		}
		if (fresh && (over || fresh == step)) {
			if (!dialogue_read(dialogue, false, end))
				return;
			fresh = 0;
		}
		if (over) {
			side = !side;
			at++;
		}
	}
	dialogue_read(dialogue, true, end);
}

static inline void fuzz_dialogue(const struct inspector *inspector, const uint8_t *data,
				 size_t size)
{
	static struct dialogue dialogue;
	struct dialogue_end whole, steps;
	unsigned side;

	if (!size)
		return;
	dialogue.inspector = inspector;
	dialogue.midstream = data[0] & DIALOGUE_MIDSTREAM;
	side = data[0] & DIALOGUE_SERVER_FIRST ? 1 : 0;
	dialogue_tell(&dialogue, side, data + 1, size - 1, 0, &whole);
	dialogue_tell(&dialogue, side, data + 1, size - 1,
		      data[0] & DIALOGUE_BY_ONE && size < 600 ? 1 : 61, &steps);
	fuzz_require(whole.claimed == steps.claimed && whole.note.inner == steps.note.inner);
	fuzz_require(!whole.note.inner || (whole.note.inner_at[0] == steps.note.inner_at[0] &&
					   whole.note.inner_at[1] == steps.note.inner_at[1]));
	fuzz_require(whole.evidence.host_source == steps.evidence.host_source &&
		     !strcmp(whole.evidence.host, steps.evidence.host));
}

#endif
