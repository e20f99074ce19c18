/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a capture file: what we read of its records by ourselves is what libpcap reads,
 * frame by frame, and both end alike. The first byte tells after how many frames the buffer may
 * be filled again; what was given until then must still be there.
 * Covers: src/source/records.c
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/source/records.h"

#define HELD_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A capture of its own for each reader, so that they share no place in it. NULL: libpcap refuses
 * it. */
static pcap_t *open_capture(const uint8_t *data, size_t size)
{
	char reason[PCAP_ERRBUF_SIZE];
	int fd = memfd_create("capture", MFD_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w+b");
	pcap_t *pcap;

	if (file == NULL || fwrite(data, 1, size, file) != size || fflush(file) != 0)
		abort();
	rewind(file);
	pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_MICRO, reason);
	if (pcap == NULL)
		fclose(file);
	return pcap;
}

/* What records_next() gives, wherever the buffer had to be filled. */
static enum records_result next(struct records *records, size_t *held, size_t hold,
				struct pcap_pkthdr *header, const uint8_t **frame)
{
	enum records_result result =
		records_next(records, *held == 0 || *held > hold, header, frame);

	*held = *held > hold ? 1 : *held + 1;
	if (result == RECORDS_REFILL) {
		*held = 1;
		result = records_next(records, true, header, frame);
	}
	return result;
}

static void compare(pcap_t *pcap, struct records *records, size_t hold)
{
	struct pcap_pkthdr *theirs, ours;
	const uint8_t *their_frame, *our_frame;
	enum records_result result;
	size_t held = 0;
	int ret;

	do {
		ret = pcap_next_ex(pcap, &theirs, &their_frame);
		result = next(records, &held, hold, &ours, &our_frame);
		if ((ret == 1) != (result == RECORDS_FRAME) ||
		    (ret == PCAP_ERROR_BREAK) != (result == RECORDS_END))
			abort();
		if (ret == 1 &&
		    (theirs->ts.tv_sec != ours.ts.tv_sec || theirs->ts.tv_usec != ours.ts.tv_usec ||
		     theirs->caplen != ours.caplen || theirs->len != ours.len ||
		     memcmp(their_frame, our_frame, ours.caplen) != 0))
			abort();
	} while (ret == 1);
	if (result == RECORDS_CUT && strncmp(pcap_geterr(pcap), "truncated ", 10) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records records;
	pcap_t *pcap, *taken;

	if (size < 1)
		return 0;
	pcap = open_capture(data + 1, size - 1);
	if (pcap == NULL)
		return 0;
	taken = open_capture(data + 1, size - 1);
	if (records_take(&records, taken)) {
		compare(pcap, &records, data[0] % HELD_MAX);
		records_release(&records);
	}
	pcap_close(taken);
	pcap_close(pcap);
	return 0;
}
