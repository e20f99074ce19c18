/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom the first byte of a flow dismisses unasked: nobody may be among them who would have said
 * anything but "no". Each inspector is asked all the same, of all that the golden captures hold and
 * of random bytes, with each of the 256 bytes in the first place, and whoever says "no" must leave
 * the evidence alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <glob.h>
#include <netinet/in.h>

#include <waymark/source.h>

#include "../../src/inspect/inspector.h"

enum {
	KEPT = 1500, /* bytes of a payload */
	FLOW_PACKETS = 4,
	FLOWS_MAX = 4096,
	RANDOM_LENGTHS = 200,
};

struct kept {
	uint8_t bytes[KEPT];
	uint32_t captured, length;
	enum flow_direction direction;
};

struct talk {
	struct ip_addr client, server;
	uint16_t client_port, server_port;
	uint8_t proto;
	unsigned count;
	struct kept packets[FLOW_PACKETS];
};

static struct talk *talks;
static size_t talk_count;

/* One in so many of the bytes are tried where each call takes its time. */
static unsigned step(void)
{
	const char *slow = getenv("WAYMARK_TEST_SLOW");

	return slow && atoi(slow) > 1 ? 13 : 1;
}

/* ---- the captures ---- */

static struct talk *talk_of(const struct packet *packet, enum flow_direction *direction)
{
	for (size_t i = talk_count; i-- > 0;) {
		struct talk *talk = &talks[i];

		if (talk->proto != packet->proto)
			continue;
		*direction = FLOW_FROM_CLIENT;
		if (talk->client_port == packet->sport && talk->server_port == packet->dport &&
		    !memcmp(&talk->client, &packet->src, sizeof(talk->client)))
			return talk;
		*direction = FLOW_FROM_SERVER;
		if (talk->client_port == packet->dport && talk->server_port == packet->sport &&
		    !memcmp(&talk->client, &packet->dst, sizeof(talk->client)))
			return talk;
	}
	*direction = FLOW_FROM_CLIENT;
	if (talk_count == FLOWS_MAX)
		return NULL;
	talks[talk_count] = (struct talk){
		.client = packet->src,
		.server = packet->dst,
		.client_port = packet->sport,
		.server_port = packet->dport,
		.proto = packet->proto,
	};
	return &talks[talk_count++];
}

static void keep(const struct packet *packet)
{
	enum flow_direction direction;
	struct talk *talk;
	struct kept *kept;

	if (!packet->has_ports || packet->fragment ||
	    (packet->proto != IPPROTO_TCP && packet->proto != IPPROTO_UDP))
		return;
	talk = talk_of(packet, &direction);
	if (!talk || !packet->payload_captured || talk->count == FLOW_PACKETS)
		return;
	kept = &talk->packets[talk->count++];
	kept->captured = packet->payload_captured < KEPT ? packet->payload_captured : KEPT;
	kept->length = packet->payload_length;
	kept->direction = direction;
	memcpy(kept->bytes, packet->payload, kept->captured);
}

static void read_captures(const char *pattern)
{
	const char *root = getenv("WAYMARK_SRC");
	struct packet packets[SOURCE_BATCH];
	char path[4096], error[256];
	glob_t found;
	int count;

	snprintf(path, sizeof(path), "%s/tests/pcap/%s", root ? root : ".", pattern);
	assert_int_equal(glob(path, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct source *source = source_pcap_open(found.gl_pathv[i], error, sizeof(error));

		if (!source)
			fail_msg("%s: %s", found.gl_pathv[i], error);
		while ((count = source->ops->receive(source, packets)) > 0)
			for (int p = 0; p < count; p++)
				keep(&packets[p]);
		source->ops->close(source);
	}
	globfree(&found);
}

static int setup(void **state)
{
	(void)state;
	talks = calloc(FLOWS_MAX, sizeof(*talks));
	assert_non_null(talks);
	read_captures("*/in.pcap");
	read_captures("apps/*/*.pcap");
	assert_true(talk_count > 500);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(talks);
	return 0;
}

/* ---- asking ---- */

static void assert_untouched(const struct inspector *inspector, const struct evidence *evidence)
{
	static const struct evidence nothing;

	if (memcmp(evidence, &nothing, sizeof(nothing)) != 0)
		fail_msg("%s says no, and leaves something in the evidence", inspector->name);
}

static void ask_of_datagram(const struct inspector *inspector,
			    const struct inspect_datagram *datagram)
{
	struct evidence evidence = {0};
	void *state = NULL;
	enum inspect_status status = inspector->datagram(datagram, &state, &evidence);

	if (state)
		inspector->state_free(state);
	if (status == INSPECT_NO)
		assert_untouched(inspector, &evidence);
	else if (!inspector_may_begin(inspector, datagram->bytes[0]))
		fail_msg("%s answers to a datagram of %u bytes that begins with 0x%02x",
			 inspector->name, datagram->length, datagram->bytes[0]);
}

/* Of those that nobody must answer, every third, in turn. */
static void ask_of_all_first_bytes(const struct inspect_datagram *datagram, uint8_t *first)
{
	static unsigned turn;
	const uint8_t was = *first;

	turn++;

	for (size_t i = 0; i < INSPECTOR_COUNT; i++) {
		const struct inspector *inspector = inspect_table[i];

		for (unsigned byte = 0; byte < 256 && inspector->datagram; byte++) {
			*first = (uint8_t)byte;
			/* whose own byte it is, or who must not answer: the rest is no matter */
			if (byte == was || ((byte + turn) % 3 == 0 &&
					    !inspector_may_begin(inspector, (uint8_t)byte)))
				ask_of_datagram(inspector, datagram);
		}
	}
	*first = was;
}

static void no_datagram_is_kept_from_who_would_answer(void **state)
{
	(void)state;
	for (size_t t = 0; t < talk_count; t += step()) {
		struct inspect_earlier earlier[FLOW_PACKETS];
		struct talk *talk = &talks[t];

		for (unsigned p = 0; p < talk->count && talk->proto == IPPROTO_UDP; p++) {
			struct kept *kept = &talk->packets[p];
			struct inspect_datagram datagram = {
				.bytes = kept->bytes,
				.captured = kept->captured,
				.length = kept->length,
				.direction = kept->direction,
				.client_port = talk->client_port,
				.server_port = talk->server_port,
				.earlier = earlier,
			};

			ask_of_all_first_bytes(&datagram, kept->bytes);
			datagram.earlier_count = p;
			if (p)
				ask_of_all_first_bytes(&datagram, kept->bytes);
			earlier[p] = (struct inspect_earlier){
				.bytes = kept->bytes,
				.length = kept->captured,
				.direction = kept->direction,
			};
		}
	}
}

static void no_random_datagram_is_kept_from_who_would_answer(void **state)
{
	static const uint16_t ports[] = {40000, 53, 4500, 5353, 3702, 6881};
	uint8_t bytes[RANDOM_LENGTHS];
	uint64_t dice = 88172645463325252u;

	(void)state;
	for (uint32_t length = 1; length < RANDOM_LENGTHS; length += step()) {
		for (unsigned turn = 0; turn < 6; turn++) {
			struct inspect_datagram datagram = {
				.bytes = bytes,
				.captured = length,
				.length = length,
				.direction = turn % 2 ? FLOW_FROM_SERVER : FLOW_FROM_CLIENT,
				.client_port = 40000,
				.server_port = ports[turn],
			};

			for (uint32_t i = 0; i < length; i++) {
				dice ^= dice << 13;
				dice ^= dice >> 7;
				dice ^= dice << 17;
				/* zeros are more often right than anything else */
				bytes[i] = dice >> 60 < turn * 3 ? 0 : (uint8_t)(dice >> 32);
			}
			ask_of_all_first_bytes(&datagram, bytes);
		}
	}
}

static enum inspect_status ask_of_stream(const struct inspector *inspector, const uint8_t *bytes,
					 uint32_t length, unsigned side)
{
	const uint8_t nothing[1] = {0};
	struct inspect_stream stream = {.bytes = {nothing, nothing}};
	struct evidence evidence = {0};
	struct inspect_note note = {0};
	enum inspect_status status;

	stream.bytes[side] = bytes;
	stream.length[side] = length;
	status = inspector->stream(&stream, &evidence, &note);
	if (status == INSPECT_NO)
		assert_untouched(inspector, &evidence);
	return status;
}

static void who_refuses_one_byte_refuses_all_that_begins_with_it(void **state)
{
	(void)state;
	for (size_t t = 0; t < talk_count; t += step()) {
		struct kept *kept = &talks[t].packets[0];
		const uint8_t was = kept->bytes[0];

		if (!talks[t].count)
			continue;
		/* whatever stands behind it, from either side */
		for (size_t i = 0; i < INSPECTOR_COUNT; i++) {
			const struct inspector *inspector = inspect_table[i];

			for (unsigned b = 0; b < 512 && inspector->stream; b++) {
				uint8_t byte = (uint8_t)b;
				unsigned side = b / 256;

				if (byte != was && (b + t) % 3) /* the others' turn will come */
					continue;
				kept->bytes[0] = byte;
				if (ask_of_stream(inspector, &byte, 1, side) == INSPECT_NO &&
				    ask_of_stream(inspector, kept->bytes, kept->captured, side) !=
					    INSPECT_NO)
					fail_msg("%s refuses 0x%02x, and then takes %u bytes that "
						 "begin with it",
						 inspector->name, byte, kept->captured);
			}
		}
		kept->bytes[0] = was;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_datagram_is_kept_from_who_would_answer),
		cmocka_unit_test(no_random_datagram_is_kept_from_who_would_answer),
		cmocka_unit_test(who_refuses_one_byte_refuses_all_that_begins_with_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
