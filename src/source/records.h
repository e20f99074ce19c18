/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * records - the packet records of a classic capture file, many in one buffer.
 *
 * Frames are not copied: a frame points into a buffer and is valid until records_next() is called
 * with `refill`; if records_batch() has been called since, until so many batches later as
 * records_keep() says. It gives what libpcap's pcap_next_ex() gives of such a file, frame by frame.
 */
#ifndef WAYMARK_SOURCE_RECORDS_H
#define WAYMARK_SOURCE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pcap/pcap.h>

#include <waymark/source.h>

#define RECORDS_CAPTURED_MAX 262144u /* libpcap's, for every link type that we know */

struct records {
	int fd;		   /* owned; -1: not in use */
	bool nanoseconds;  /* fractions are */
	uint32_t snapshot; /* what is longer is cut to this */
	uint8_t *buffers[SOURCE_PCAP_KEEP_MAX];
	unsigned kept, turn; /* how many are in use, and which */
	bool given, turns;   /* a frame is in that one; it is to stay, so the next one is due */
	size_t begin, end;   /* what is read into it and not yet given */
	int error;	     /* -errno of a read that failed */
	bool at_end;
};

/*
 * Takes over what `pcap` has just opened, if it is a regular file of the classic format in this
 * machine's byte order; `pcap` is not needed for it any more. False: it is not, or memory is short;
 * leave it to libpcap.
 */
bool records_take(struct records *records, pcap_t *pcap);
void records_release(struct records *records);
/* So many batches stay valid, the one at hand among them; [1, SOURCE_PCAP_KEEP_MAX], at first 1. */
void records_keep(struct records *records, unsigned batches);
/* A batch begins. */
void records_batch(struct records *records);

enum records_result {
	RECORDS_FRAME,
	RECORDS_END,
	RECORDS_REFILL,	   /* the next frame is not in the buffer, and may not be brought there */
	RECORDS_CUT,	   /* the file ends within a record */
	RECORDS_TOO_LONG,  /* header->caplen is no length that a record can have */
	RECORDS_UNREADABLE /* records->error */
};
/* `refill`: no earlier frame of this batch is needed any more. */
enum records_result records_next(struct records *records, bool refill, struct pcap_pkthdr *header,
				 const uint8_t **frame);

#endif
