/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modbus/TCP (MODBUS Messaging on TCP/IP V1.0b, 3.1.3; MODBUS Application Protocol V1.1b3, 6), also
 * as a datagram. A message: transaction, a zero, length of the rest, unit, function, and what the
 * function has, which says the length again for nearly all of them.
 *
 * A request whose function has a fixed form, or counts what follows, is enough, since ten of its
 * twelve bytes are bound. An answer is not: it needs its request, or another that fits behind it.
 */
#include "sides.h"

enum {
	HEADER_BYTES = 8, /* with the function */
	LENGTH_MIN = 2,
	LENGTH_MAX = 254,
	FUNCTION_ERROR = 0x80,
	ERROR_MAX = 11,
	BITS_MAX = 2000,
	WORDS_MAX = 125,
};

enum form {
	FORM_NOT,
	FORM_LOOSE, /* nothing but its frame speaks for it */
	FORM_TIGHT,
};

struct message {
	uint32_t transaction, size; /* with the header */
	uint8_t unit, function;
	uint32_t first; /* the two bytes behind the function: an address, or what kind of diagnosis
			 */
};

/* `data` are the `size` bytes behind the function. */
static enum form request_form(uint8_t function, const uint8_t *data, uint32_t size)
{
	uint32_t count;

	switch (function) {
	case 1:
	case 2:
	case 3:
	case 4: /* read: address, and how many */
		if (size != 4)
			return FORM_NOT;
		count = inspect_be16(data + 2);
		return count && count <= (function <= 2 ? BITS_MAX : WORDS_MAX) ? FORM_TIGHT
										: FORM_NOT;
	case 5: /* write one bit: on or off */
		return size == 4 && !data[3] && (data[2] == 0 || data[2] == 0xff) ? FORM_TIGHT
										  : FORM_NOT;
	case 6:
		return size == 4 ? FORM_LOOSE : FORM_NOT;
	case 7:
	case 11:
	case 12:
	case 17:
		return size == 0 ? FORM_LOOSE : FORM_NOT;
	case 8:
		return size >= 4 && !data[0] ? FORM_LOOSE : FORM_NOT;
	case 15:
		return size >= 6 && size == 5u + data[4] &&
				       data[4] == (inspect_be16(data + 2) + 7) / 8
			       ? FORM_TIGHT
			       : FORM_NOT;
	case 16:
		return size >= 7 && size == 5u + data[4] && data[4] == 2 * inspect_be16(data + 2)
			       ? FORM_TIGHT
			       : FORM_NOT;
	case 20:
	case 21:
		return size >= 8 && size == 1u + data[0] && data[1] == 6 ? FORM_TIGHT : FORM_NOT;
	case 22:
		return size == 6 ? FORM_LOOSE : FORM_NOT;
	case 23:
		return size >= 11 && size == 9u + data[8] && data[8] == 2 * inspect_be16(data + 6)
			       ? FORM_TIGHT
			       : FORM_NOT;
	case 24:
		return size == 2 ? FORM_LOOSE : FORM_NOT;
	case 43: /* identification: 14, which part, from which object on */
		return size == 3 && data[0] == 14 && data[1] >= 1 && data[1] <= 4 ? FORM_TIGHT
		       : size >= 2 && data[0] == 13				  ? FORM_LOOSE
										  : FORM_NOT;
	case 90: /* Schneider's programming of controllers: session, code */
		return size >= 2 ? FORM_LOOSE : FORM_NOT;
	default:
		return FORM_NOT;
	}
}

static enum form answer_form(uint8_t function, const uint8_t *data, uint32_t size)
{
	if (function & FUNCTION_ERROR)
		return size == 1 && data[0] && data[0] <= ERROR_MAX &&
				       (function & ~FUNCTION_ERROR) <= 90
			       ? FORM_LOOSE
			       : FORM_NOT;
	switch (function) {
	case 1:
	case 2:
	case 3:
	case 4:
	case 12:
	case 17:
	case 20:
	case 21:
	case 23:
		return size >= 2 && size == 1u + data[0] ? FORM_LOOSE : FORM_NOT;
	case 7:
		return size == 1 ? FORM_LOOSE : FORM_NOT;
	case 5:
	case 6:
	case 11:
	case 15:
	case 16:
		return size == 4 ? FORM_LOOSE : FORM_NOT;
	case 22:
		return size == 6 ? FORM_LOOSE : FORM_NOT;
	case 24:
		return size >= 4 && size == 2u + inspect_be16(data) ? FORM_LOOSE : FORM_NOT;
	case 43:
		return size >= 6 && (data[0] == 14 || data[0] == 13) ? FORM_LOOSE : FORM_NOT;
	case 8:
	case 90:
		return size >= 2 ? FORM_LOOSE : FORM_NOT;
	default:
		return FORM_NOT;
	}
}

static enum inspect_status read_message(const uint8_t *bytes, uint32_t length, bool answer,
					struct message *message, enum form *form)
{
	uint32_t rest;

	if (length > 2 && bytes[2])
		return INSPECT_NO;
	if (length < HEADER_BYTES)
		return length >= 6 && (inspect_be16(bytes + 4) < LENGTH_MIN ||
				       inspect_be16(bytes + 4) > LENGTH_MAX || bytes[3])
			       ? INSPECT_NO
			       : INSPECT_MORE;
	rest = inspect_be16(bytes + 4);
	if (bytes[3] || rest < LENGTH_MIN || rest > LENGTH_MAX)
		return INSPECT_NO;
	*message = (struct message){.transaction = inspect_be16(bytes),
				    .size = 6 + rest,
				    .unit = bytes[6],
				    .function = bytes[7]};
	if (length < message->size)
		return INSPECT_MORE;
	if (rest >= LENGTH_MIN + 2)
		message->first = inspect_be16(bytes + HEADER_BYTES);
	*form = (answer ? answer_form : request_form)(bytes[7], bytes + HEADER_BYTES,
						      rest - LENGTH_MIN);
	return *form == FORM_NOT ? INSPECT_NO : INSPECT_DONE;
}

/* One side alone: a tight request, or two messages of a unit. */
static enum inspect_status read_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	bool answer = from == FLOW_FROM_SERVER;
	struct message first, second;
	enum form form, next;
	enum inspect_status status = read_message(bytes, length, answer, &first, &form);

	if (status != INSPECT_DONE)
		return status;
	if (form == FORM_TIGHT)
		return INSPECT_DONE;
	if (length == first.size)
		return INSPECT_MORE;
	status = read_message(bytes + first.size, length - first.size, answer, &second, &next);
	if (status != INSPECT_DONE)
		return status;
	return first.unit == second.unit ? INSPECT_DONE : INSPECT_MORE;
}

/* Those that write, and the diagnosis, return what was asked. */
static bool returns_first(uint8_t function)
{
	return function == 5 || function == 6 || function == 8 || function == 15 || function == 16;
}

static bool answers_it(const struct message *asked, const struct message *answered)
{
	return asked->transaction == answered->transaction && asked->unit == answered->unit &&
	       asked->function == (answered->function & ~FUNCTION_ERROR) &&
	       (!returns_first(answered->function) || asked->first == answered->first);
}

static enum inspect_status read_talk(const struct inspect_stream *stream)
{
	struct message asked, answered;
	enum form form, other;

	if (!stream->length[0] || !stream->length[1])
		return INSPECT_NO;
	/* what comes back as it was is an answer only to what has filled the stream exactly */
	return read_message(stream->bytes[FLOW_FROM_CLIENT], stream->length[FLOW_FROM_CLIENT],
			    false, &asked, &other) == INSPECT_DONE &&
			       read_message(stream->bytes[FLOW_FROM_SERVER],
					    stream->length[FLOW_FROM_SERVER], true, &answered,
					    &form) == INSPECT_DONE &&
			       answers_it(&asked, &answered) &&
			       (other == FORM_TIGHT || asked.size != answered.size ||
				asked.size == stream->length[FLOW_FROM_CLIENT] ||
				memcmp(stream->bytes[0], stream->bytes[1], asked.size) != 0)
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status modbus_stream(const struct inspect_stream *stream,
					 struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	if (inspect_pair(stream, read_talk) == INSPECT_DONE)
		return INSPECT_DONE;
	return inspect_either(stream, read_side, note);
}

static enum inspect_status modbus_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	bool answer = datagram->direction == FLOW_FROM_SERVER;
	struct message message, earlier;
	enum form form, other;

	(void)state;
	(void)evidence;
	if (datagram->captured < datagram->length ||
	    read_message(datagram->bytes, datagram->length, answer, &message, &form) !=
		    INSPECT_DONE ||
	    message.size != datagram->length)
		return INSPECT_NO;
	if (form == FORM_TIGHT)
		return INSPECT_DONE;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *one = &datagram->earlier[i];

		if (read_message(one->bytes, one->length, one->direction == FLOW_FROM_SERVER,
				 &earlier, &other) == INSPECT_DONE &&
		    one->direction != datagram->direction &&
		    (answer ? answers_it(&earlier, &message) : answers_it(&message, &earlier)))
			return INSPECT_DONE;
	}
	return INSPECT_MORE;
}

const struct inspector inspector_modbus = {
	.name = "modbus",
	.stream = modbus_stream,
	.datagram = modbus_datagram,
};
