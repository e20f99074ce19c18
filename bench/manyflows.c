/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manyflows OUT PACKETS CAPTURE...: one large capture of real traffic, for bench/replay.
 *
 * All packets of all captures, again and again, each copy with addresses of its own, so that its
 * flows are its own, until PACKETS are written. The captures of a copy begin together and each
 * keeps its own pace; a copy begins STEP_US after the one before it. So thousands of flows are open
 * at any time, a flow pauses as it did when it was captured, and time never runs backwards. Only
 * where a whole capture pauses, GAP_US are the most: some were put together, years apart.
 * All is written as Ethernet, since not every reader takes what captures come in. Addresses that
 * say what they are (multicast, broadcast, none) stay. Checksums are kept right where they were.
 * Prints packets, bytes and copies.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/source.h>

#define STEP_US 2000000u
#define GAP_US 60000000u
#define ETHERNET_BYTES 14
#define OFFSET_OF_IP (sizeof(struct record) + ETHERNET_BYTES)
#define FIRST_SECOND 1700000000u

struct record { /* of the classic format, whose byte order is the writer's */
	uint32_t seconds, micros, captured, length;
};

struct original {
	uint64_t at_us; /* since its capture's first packet, never less than one before it */
	size_t order;	/* keeps packets of one time as they came */
	uint8_t *bytes; /* a whole record, of copy 0 */
	uint32_t size;
	uint16_t transport; /* where the checksum behind the IP header stands; 0: none */
	bool v6;
};

static struct original *originals;
static size_t original_count;
static FILE *out;
static uint64_t written_bytes;

static void *must(void *memory)
{
	if (memory == NULL) {
		fputs("manyflows: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

/* Where the checksum behind the header stands, from the IP header on; 0: none, or not worth a
 * search. */
static uint16_t checksum_place(const struct packet *packet)
{
	size_t behind = packet->family == IP_V4 ? (packet->ip[0] & 15u) * 4u : 40u;

	if (packet->fragment || !packet->has_ports)
		return 0;
	if (packet->proto == 6 && packet->family == IP_V4)
		return (uint16_t)(behind + 16);
	if (packet->proto == 17 && packet->payload == packet->ip + behind + 8 &&
	    (packet->payload[-2] || packet->payload[-1]))
		return (uint16_t)(behind + 6);
	return 0;
}

static void keep(const struct packet *packet, uint64_t at_us)
{
	static size_t capacity;
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	struct original *original;
	struct record record = {
		.captured = packet->ip_captured + ETHERNET_BYTES,
		.length = packet->ip_length + ETHERNET_BYTES,
	};

	if (original_count == capacity) {
		capacity = capacity ? capacity * 2 : 1024;
		originals = must(reallocarray(originals, capacity, sizeof(*originals)));
	}
	original = &originals[original_count];
	*original = (struct original){
		.at_us = at_us,
		.order = original_count++,
		.size = (uint32_t)OFFSET_OF_IP + packet->ip_captured,
		.transport = checksum_place(packet),
		.v6 = packet->family == IP_V6,
	};
	original->bytes = must(malloc(original->size));
	memcpy(original->bytes, &record, sizeof(record));
	memcpy(original->bytes + sizeof(record), macs, sizeof(macs));
	memcpy(original->bytes + sizeof(record) + 12, original->v6 ? "\x86\xdd" : "\x08\x00", 2);
	memcpy(original->bytes + OFFSET_OF_IP, packet->ip, packet->ip_captured);
}

/* What cannot be read of a capture is left out: some are cut on purpose. */
static void load(const char *path)
{
	struct packet packets[SOURCE_BATCH];
	uint64_t at_us = 0, last_us = 0;
	char error[256];
	struct source *source = source_pcap_open(path, error, sizeof(error));
	int count;

	if (source == NULL) {
		fprintf(stderr, "manyflows: %s: %s\n", path, error);
		return;
	}
	while ((count = source->ops->receive(source, packets)) > 0) {
		for (int i = 0; i < count; i++) {
			uint64_t time_us = packets[i].meta.time_us;

			if (last_us && time_us > last_us)
				at_us += time_us - last_us < GAP_US ? time_us - last_us : GAP_US;
			last_us = time_us;
			keep(&packets[i], at_us);
		}
	}
	source->ops->close(source);
}

static int by_time(const void *left, const void *right)
{
	const struct original *a = left, *b = right;

	if (a->at_us != b->at_us)
		return a->at_us < b->at_us ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* ---- one packet of one copy ---- */

static uint32_t sum_of(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	return sum;
}

/* RFC 1624: HC' = ~(~HC + ~m + m') */
static void mend(uint8_t *checksum, uint32_t before, uint32_t after)
{
	uint32_t sum = (uint16_t) ~(checksum[0] << 8 | checksum[1]);

	while (before >> 16)
		before = (before & 0xffff) + (before >> 16);
	sum += (0xffff - before) + after;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum ^= 0xffff;
	checksum[0] = (uint8_t)(sum >> 8);
	checksum[1] = (uint8_t)sum;
}

static void alter_v4(uint8_t *address, uint32_t copy)
{
	static const uint8_t none[4];

	if (address[0] >= 224 || memcmp(address, none, sizeof(none)) == 0)
		return;
	address[1] ^= (uint8_t)(copy >> 8);
	address[2] ^= (uint8_t)copy;
}

static void alter_v6(uint8_t *address, uint32_t copy)
{
	if (address[0] == 0xff)
		return;
	address[6] ^= (uint8_t)(copy >> 8);
	address[7] ^= (uint8_t)copy;
}

static void alter(const struct original *original, uint8_t *ip, size_t captured, uint32_t copy)
{
	size_t at = original->v6 ? 8 : 12, length = original->v6 ? 32 : 8;
	uint32_t before = sum_of(ip + at, length), after;

	if (original->v6) {
		alter_v6(ip + 8, copy);
		alter_v6(ip + 24, copy);
	} else {
		alter_v4(ip + 12, copy);
		alter_v4(ip + 16, copy);
	}
	after = sum_of(ip + at, length);
	if (!original->v6)
		mend(ip + 10, before, after);
	if (original->transport && original->transport + 2u <= captured)
		mend(ip + original->transport, before, after);
}

static void write_packet(const struct original *original, uint32_t copy, uint64_t time_us)
{
	static uint8_t bytes[OFFSET_OF_IP + 65536];
	struct record *record = (struct record *)bytes;

	if (original->size > sizeof(bytes))
		return;
	memcpy(bytes, original->bytes, original->size);
	record->seconds = (uint32_t)(FIRST_SECOND + time_us / 1000000);
	record->micros = (uint32_t)(time_us % 1000000);
	alter(original, bytes + OFFSET_OF_IP, original->size - OFFSET_OF_IP, copy);
	if (fwrite(bytes, original->size, 1, out) != 1) {
		perror("manyflows");
		exit(1);
	}
	written_bytes += original->size;
}

/* ---- the copies, merged by time: a heap of those that have packets left ---- */

struct copy {
	uint64_t time_us; /* of its next packet */
	size_t next;
	uint32_t number;
};

static bool before(const struct copy *a, const struct copy *b)
{
	return a->time_us != b->time_us ? a->time_us < b->time_us : a->number < b->number;
}

static void sift(struct copy *heap, size_t count)
{
	size_t at = 0, child;

	while ((child = at * 2 + 1) < count) {
		struct copy swap = heap[at];

		if (child + 1 < count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &heap[at]))
			return;
		heap[at] = heap[child];
		heap[child] = swap;
		at = child;
	}
}

static void write_copies(size_t copies, uint64_t packets)
{
	struct copy *heap = must(calloc(copies, sizeof(*heap)));
	size_t count = copies;

	for (size_t i = 0; i < copies; i++) /* in order of time: a heap already */
		heap[i] = (struct copy){.time_us = i * STEP_US + originals[0].at_us,
					.number = (uint32_t)i};
	for (uint64_t i = 0; i < packets && count; i++) {
		struct copy *copy = &heap[0];

		write_packet(&originals[copy->next], copy->number, copy->time_us);
		if (++copy->next < original_count)
			copy->time_us =
				copy->number * (uint64_t)STEP_US + originals[copy->next].at_us;
		else
			heap[0] = heap[--count];
		sift(heap, count);
	}
	free(heap);
}

int main(int argc, char **argv)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snapshot, link_type;
	} header = {0xa1b2c3d4, 2, 4, 0, 0, 262144, 1};
	uint64_t packets = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	size_t copies;

	if (argc < 4) {
		fputs("usage: manyflows OUT PACKETS CAPTURE...\n", stderr);
		return 2;
	}
	for (int i = 3; i < argc; i++)
		load(argv[i]);
	out = fopen(argv[1], "wbe");
	if (original_count == 0 || out == NULL || fwrite(&header, sizeof(header), 1, out) != 1) {
		perror("manyflows");
		return 1;
	}
	qsort(originals, original_count, sizeof(*originals), by_time);
	copies = (packets + original_count - 1) / original_count;
	write_copies(copies, packets);
	if (fclose(out) != 0) {
		perror("manyflows");
		return 1;
	}
	printf("%" PRIu64 " %" PRIu64 " %zu\n", packets, written_bytes + sizeof(header), copies);
	for (size_t i = 0; i < original_count; i++)
		free(originals[i].bytes);
	free(originals);
	return 0;
}
