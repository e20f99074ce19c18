/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Captures as a source of packets, so that replay runs the very loop that the daemon runs.
 *
 * A batch must stay valid as a whole. Where a file's records are read by ourselves (records.h), it
 * stands in their buffer, and ends where that has to be filled again. libpcap, which reads all
 * other formats, hands out one frame at a time in a buffer that it reuses: each packet of a batch
 * then has a slot of its own, which keeps its memory from batch to batch and grows to the largest
 * packet that it has held, never beyond SLOT_MAX_BYTES. Only the IP packet is copied, not the link
 * header.
 *
 * A capture that ends in mid-packet is the usual end of a dump that was killed: what came before
 * is delivered first, and the error is told by the receive() after it, and by every later one.
 * A frame is counted once: delivered, or not_ip, or malformed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include <waymark/source.h>

#include "link.h"
#include "records.h"

#define SLOT_MIN_BYTES 2048u
#define SLOT_MAX_BYTES (256u * 1024)

struct slot {
	uint8_t *bytes;
	size_t capacity;
};

struct source_pcap {
	struct source source; /* first, so that one points to the other */
	pcap_t *pcap;	      /* NULL: the records are read by ourselves */
	struct records records;
	int dlt;
	int failed; /* -errno that every further receive() returns; 0 while all is well */
	bool ended;
	struct source_pcap_stats stats;
	struct slot slots[SOURCE_BATCH];
};

static int slot_store(struct slot *slot, const uint8_t *bytes, size_t length)
{
	if (length > slot->capacity) {
		size_t capacity = slot->capacity > 0 ? slot->capacity : SLOT_MIN_BYTES;
		uint8_t *grown;

		while (capacity < length)
			capacity *= 2;
		grown = malloc(capacity);
		if (grown == NULL)
			return -ENOMEM;
		free(slot->bytes);
		slot->bytes = grown;
		slot->capacity = capacity;
	}
	memcpy(slot->bytes, bytes, length);
	return 0;
}

static uint64_t frame_time(const struct pcap_pkthdr *header)
{
	/* The classic format's seconds are unsigned 32 bit; libpcap reads them as signed. */
	uint64_t seconds =
		header->ts.tv_sec < 0 ? (uint32_t)header->ts.tv_sec : (uint64_t)header->ts.tv_sec;
	uint64_t micros = header->ts.tv_usec < 0 ? 0 : (uint64_t)header->ts.tv_usec;

	return seconds * 1000000 + micros;
}

/* 1: a packet, in the slot if there is one; 0: the frame is skipped, and counted; -errno. */
static int take_frame(struct source_pcap *self, struct slot *slot, struct packet *packet,
		      const struct pcap_pkthdr *header, const uint8_t *frame)
{
	struct source_link link;
	enum packet_status status;
	size_t captured = header->caplen, length;
	const uint8_t *ip;
	int ret;

	if (!source_link_find(self->dlt, frame, captured, &link)) {
		self->stats.not_ip++;
		return 0;
	}
	captured -= link.offset;
	length = header->len > header->caplen ? header->len - link.offset : captured;
	if (captured > SLOT_MAX_BYTES)
		captured = SLOT_MAX_BYTES;
	ip = frame + link.offset;
	if (slot) {
		ret = slot_store(slot, ip, captured);
		if (ret < 0)
			return ret;
		ip = slot->bytes;
	}

	status = packet_parse(packet, ip, captured, length);
	if (status == PACKET_NOT_IP && link.family == IP_NONE) {
		self->stats.not_ip++;
		return 0;
	}
	if (status != PACKET_OK || (link.family != IP_NONE && link.family != packet->family)) {
		self->stats.malformed++;
		return 0;
	}
	packet->meta = (struct packet_meta){
		.time_us = frame_time(header),
		.id = (uint32_t)self->stats.frames,
		.has_mac = link.has_mac,
	};
	memcpy(packet->meta.mac, link.mac, sizeof(link.mac));
	return 1;
}

static void fail(struct source_pcap *self, int error, const char *reason)
{
	unsigned long long frame = self->stats.frames;

	self->failed = error;
	if (error == -ENOMEM)
		snprintf(self->source.error, sizeof(self->source.error), "out of memory");
	else if (strncmp(reason, "truncated ", 10) == 0)
		snprintf(self->source.error, sizeof(self->source.error),
			 "capture is cut in the middle of a packet (frame %llu)", frame + 1);
	else
		snprintf(self->source.error, sizeof(self->source.error),
			 "capture cannot be read at frame %llu: %.180s", frame + 1, reason);
}

/* The next frame, by libpcap. False: there is none, and `ended` or `failed` is set. */
static bool next_by_pcap(struct source_pcap *self, struct pcap_pkthdr *header,
			 const uint8_t **frame)
{
	struct pcap_pkthdr *found;
	int ret = pcap_next_ex(self->pcap, &found, frame);

	if (ret == 1)
		*header = *found;
	else if (ret == PCAP_ERROR_BREAK)
		self->ended = true;
	else
		fail(self, -EBADMSG, pcap_geterr(self->pcap));
	return ret == 1;
}

/* The same by ourselves; also false where the batch has to end: its frames are needed yet. */
static bool next_record(struct source_pcap *self, bool refill, struct pcap_pkthdr *header,
			const uint8_t **frame)
{
	char reason[128];

	switch (records_next(&self->records, refill, header, frame)) {
	case RECORDS_FRAME:
		return true;
	case RECORDS_END:
		self->ended = true;
		break;
	case RECORDS_CUT:
		fail(self, -EBADMSG, "truncated dump file");
		break;
	case RECORDS_TOO_LONG:
		snprintf(reason, sizeof(reason),
			 "invalid packet capture length %u, bigger than maximum of %u",
			 header->caplen, RECORDS_CAPTURED_MAX);
		fail(self, -EBADMSG, reason);
		break;
	case RECORDS_UNREADABLE:
		fail(self, -EBADMSG, strerror(-self->records.error));
		break;
	case RECORDS_REFILL:
		break;
	}
	return false;
}

static int source_pcap_receive(struct source *source, struct packet *packets)
{
	struct source_pcap *self = (struct source_pcap *)source;
	int count = 0;

	records_batch(&self->records);
	while (count < SOURCE_BATCH && self->failed == 0 && !self->ended) {
		struct pcap_pkthdr header;
		const uint8_t *frame;
		int ret;

		if (self->pcap != NULL ? !next_by_pcap(self, &header, &frame)
				       : !next_record(self, count == 0, &header, &frame))
			break;
		self->stats.frames++;
		ret = take_frame(self, self->pcap != NULL ? &self->slots[count] : NULL,
				 &packets[count], &header, frame);
		if (ret < 0)
			fail(self, ret, NULL);
		else
			count += ret;
	}
	return count > 0 ? count : self->failed;
}

static int source_pcap_verdicts(struct source *source, const struct packet *packets,
				const struct verdict *verdicts, size_t count)
{
	(void)source;
	(void)packets;
	(void)verdicts;
	(void)count;
	return 0;
}

static void source_pcap_close(struct source *source)
{
	struct source_pcap *self = (struct source_pcap *)source;

	for (size_t i = 0; i < SOURCE_BATCH; i++)
		free(self->slots[i].bytes);
	if (self->pcap != NULL)
		pcap_close(self->pcap);
	records_release(&self->records);
	free(self);
}

static const struct source_ops source_pcap_ops = {
	.name = "pcap",
	.receive = source_pcap_receive,
	.verdicts = source_pcap_verdicts,
	.close = source_pcap_close,
};

/* libpcap's words for a file that it cannot begin to read, as ours. */
static void open_error(const char *reason, char *error, size_t size)
{
	if (strncmp(reason, "truncated ", 10) == 0)
		snprintf(error, size, "capture is cut in its file header");
	else if (strncmp(reason, "unknown file format", 19) == 0)
		snprintf(error, size, "not a pcap or pcapng file");
	else
		snprintf(error, size, "%s", reason);
}

struct source *source_pcap_open(const char *path, char *error, size_t size)
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	struct source_pcap *self = calloc(1, sizeof(*self));
	FILE *file = NULL;
	const char *name;

	if (self == NULL) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	file = fopen(path, "rbe");
	if (file == NULL) {
		snprintf(error, size, "%s", strerror(errno));
		goto out;
	}
	self->pcap =
		pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_MICRO, reason);
	if (self->pcap == NULL) {
		open_error(reason, error, size);
		goto out;
	}
	file = NULL; /* pcap's from here on */
	self->dlt = pcap_datalink(self->pcap);
	if (!source_link_supported(self->dlt)) {
		name = pcap_datalink_val_to_name(self->dlt);
		if (name != NULL)
			snprintf(error, size, "link type %s is not supported", name);
		else
			snprintf(error, size, "link type %d is not supported", self->dlt);
		goto out;
	}
	if (records_take(&self->records, self->pcap)) {
		pcap_close(self->pcap);
		self->pcap = NULL;
	}
	self->source.ops = &source_pcap_ops;
	return &self->source;

out:
	if (file != NULL)
		fclose(file);
	if (self->pcap != NULL)
		pcap_close(self->pcap);
	free(self);
	return NULL;
}

bool source_pcap_keep(struct source *source, unsigned batches)
{
	struct source_pcap *self = (struct source_pcap *)source;

	if (self->pcap != NULL || batches > SOURCE_PCAP_KEEP_MAX)
		return false;
	records_keep(&self->records, batches);
	return true;
}

const struct source_pcap_stats *source_pcap_stats(const struct source *source)
{
	const struct source_pcap *self = (const struct source_pcap *)source;

	return &self->stats;
}
