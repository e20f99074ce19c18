/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kafka (Apache Kafka, "A Guide to the Kafka Protocol"). A request: its size, the API's key and
 * version, a correlation number, and the client's name, or -1 for none. An answer: its size and the
 * number of the request.
 *
 * A request that names its client is enough when its key and version are such as there are, and it
 * is whole. One without a name
 * waits for a next one whose number is one higher, or for its answer.
 */
#include "sides.h"

enum {
	REQUEST_FIXED = 14, /* with the size and the length of the client's name */
	ANSWER_FIXED = 8,
	KEY_MAX = 92,
	VERSION_MAX = 18,
	REQUEST_MAX = 64 * 1024 * 1024,
	CLIENT_NONE = 0xffff,
	CLIENT_MIN = 3,
	CLIENT_MAX = 255,
	WAIT_MAX = 12 * 1024, /* a longer request is not waited for: most of it is records */
};

struct request {
	uint32_t size, number; /* the size counts its own four bytes */
	bool named;
};

/* The highest version of the keys that clients begin with; others have few. */
static uint32_t version_max(uint32_t key)
{
	static const uint8_t versions[] = {13, 18, 11, 13, 8, 5, 9, 4, 10, 10,
					   6,  10, 5,  6,  6, 7, 6, 2, 5};

	return key < sizeof(versions) ? versions[key] : 7;
}

static enum inspect_status read_request(const uint8_t *bytes, uint32_t length,
					struct request *request)
{
	uint32_t client;

	if (length >= 4 &&
	    (inspect_be32(bytes) < REQUEST_FIXED - 4 || inspect_be32(bytes) > REQUEST_MAX))
		return INSPECT_NO;
	if (length >= 8 && (inspect_be16(bytes + 4) > KEY_MAX ||
			    inspect_be16(bytes + 6) > version_max(inspect_be16(bytes + 4))))
		return INSPECT_NO;
	if (length < REQUEST_FIXED)
		return INSPECT_MORE;
	*request = (struct request){.size = inspect_be32(bytes) + 4,
				    .number = inspect_be32(bytes + 8)};
	client = inspect_be16(bytes + 12);
	if (inspect_is_zero(bytes + 4, REQUEST_FIXED - 4))
		return INSPECT_NO; /* zeros that an answer of zeros would agree with */
	if (client == CLIENT_NONE)
		return INSPECT_DONE;
	if (client > CLIENT_MAX || client > request->size - REQUEST_FIXED)
		return INSPECT_NO;
	if (length - REQUEST_FIXED < client)
		return inspect_is_text(bytes + REQUEST_FIXED, length - REQUEST_FIXED) ? INSPECT_MORE
										      : INSPECT_NO;
	if (!inspect_is_text(bytes + REQUEST_FIXED, client))
		return INSPECT_NO;
	request->named = client >= CLIENT_MIN;
	return INSPECT_DONE;
}

static enum inspect_status read_client(const uint8_t *bytes, uint32_t length)
{
	struct request request, next;
	enum inspect_status status = read_request(bytes, length, &request);

	if (status != INSPECT_DONE)
		return status;
	if (length < request.size)
		return request.named && length > WAIT_MAX ? INSPECT_DONE : INSPECT_MORE;
	if (request.named)
		return INSPECT_DONE;
	if (length == request.size)
		return INSPECT_MORE;
	status = read_request(bytes + request.size, length - request.size, &next);
	if (status != INSPECT_DONE)
		return status;
	return next.number == request.number + 1 ? INSPECT_DONE : INSPECT_NO;
}

static enum inspect_status read_talk(const struct inspect_stream *stream)
{
	const uint8_t *client = stream->bytes[FLOW_FROM_CLIENT];
	const uint8_t *server = stream->bytes[FLOW_FROM_SERVER];
	enum inspect_status status;
	struct request request;

	if (!stream->length[FLOW_FROM_CLIENT])
		return stream->midstream ? INSPECT_MORE : INSPECT_NO;
	status = read_client(client, stream->length[FLOW_FROM_CLIENT]);
	if (status != INSPECT_MORE || stream->length[FLOW_FROM_SERVER] < ANSWER_FIXED ||
	    read_request(client, stream->length[FLOW_FROM_CLIENT], &request) != INSPECT_DONE)
		return status;
	return stream->length[FLOW_FROM_CLIENT] >= request.size &&
			       inspect_be32(server) >= ANSWER_FIXED - 4 &&
			       inspect_be32(server) <= REQUEST_MAX &&
			       (request.named || request.number) &&
			       inspect_be32(server + 4) == request.number
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status kafka_stream(const struct inspect_stream *stream,
					struct evidence *evidence, struct inspect_note *note)
{
	enum inspect_status status = INSPECT_MORE;

	(void)evidence;
	if (stream->length[0] || stream->length[1])
		status = inspect_pair(stream, read_talk);
	note->busy = status == INSPECT_MORE;
	return status;
}

const struct inspector inspector_kafka = {.name = "kafka", .stream = kafka_stream};
