/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Viber's calls over UDP. There is no public specification; what follows is seen in captures: two
 * bytes of an id, then two of a kind, the lower first. A kind says little, so both sides must have
 * spoken, with one id, and each with a kind that goes with the other's: 3 is answered by 4, both of
 * twelve bytes; 12 by 1. Together 58 bits.
 *
 * Its messages over TCP have a length and nothing else that could be told from others', and
 * are not claimed.
 */
#include "../inspector.h"

struct exchange {
	uint16_t question, question_bytes; /* kind and length */
	uint16_t answer, answer_bytes;
};

static const struct exchange exchanges[] = {
	{3, 12, 4, 12},
	{12, 55, 1, 76},
};

static bool is_kind(const uint8_t *bytes, uint32_t captured, uint32_t length, uint16_t kind,
		    uint16_t want)
{
	return length == want && captured >= 4 && inspect_le16(bytes + 2) == kind;
}

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	enum inspect_status status = INSPECT_NO;

	(void)state;
	(void)evidence;
	for (size_t x = 0; x < sizeof(exchanges) / sizeof(exchanges[0]); x++) {
		const struct exchange *exchange = &exchanges[x];

		if (is_kind(bytes, datagram->captured, datagram->length, exchange->question,
			    exchange->question_bytes))
			status = INSPECT_MORE;
		if (!is_kind(bytes, datagram->captured, datagram->length, exchange->answer,
			     exchange->answer_bytes))
			continue;
		status = INSPECT_MORE;
		for (unsigned i = 0; i < datagram->earlier_count; i++) {
			const struct inspect_earlier *e = &datagram->earlier[i];

			if (e->direction != datagram->direction &&
			    is_kind(e->bytes, e->length, e->length, exchange->question,
				    exchange->question_bytes) &&
			    !memcmp(e->bytes, bytes, 2))
				return INSPECT_DONE;
		}
	}
	return status;
}

const struct inspector inspector_viber = {
	.name = "viber",
	.datagram = read_datagram,
};
