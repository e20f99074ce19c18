/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why not libpcap's own loop: it hands out one frame in a buffer that the next one overwrites,
 * which takes two reads of stdio, a call by pointer and then a copy of ours, 700 instructions a
 * packet and more than the flow table's. A file in the classic format is sixteen bytes of numbers
 * and a frame, again and again, so a batch can stand in one large buffer as it was read. libpcap
 * still opens and checks every file, and reads all that is not this format in this byte order.
 * fuzz_records holds one against the other.
 *
 * Not mapped: a mapping counts as memory of ours as far as it was touched, and a file that another
 * process cuts meanwhile would end us by a signal.
 *
 * Invariants: begin <= end <= BUFFER_BYTES; bytes before `begin` belong to frames that were given
 * and are not moved unless `refill` says so; BUFFER_BYTES holds the longest record. The first
 * refill behind the begin of a batch goes on in the next buffer if an earlier batch has frames in
 * this one, so that no batch takes more than one buffer.
 */
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS 0xa1b23c4du
#define FILE_HEADER_BYTES 24
#define BUFFER_BYTES (512u * 1024)
/* What one read brings, unless a record needs more: it is still in the second-level cache when it
 * is looked at. */
#define CHUNK_BYTES (128u * 1024)

struct record {
	int32_t seconds, fraction;
	uint32_t captured, length;
};
_Static_assert(sizeof(struct record) + RECORDS_CAPTURED_MAX <= BUFFER_BYTES,
	       "a record would not fit");

bool records_take(struct records *records, pcap_t *pcap)
{
	FILE *file = pcap_file(pcap);
	struct stat status;
	uint32_t magic;

	*records = (struct records){.fd = -1};
	if (pcap_is_swapped(pcap) || pcap_major_version(pcap) != 2 ||
	    pcap_minor_version(pcap) != 4 || pcap_snapshot(pcap) <= 0 || !file ||
	    fstat(fileno(file), &status) < 0 || !S_ISREG(status.st_mode) ||
	    pread(fileno(file), &magic, sizeof(magic), 0) != sizeof(magic) ||
	    (magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS))
		return false;
	records->kept = 1;
	records->buffers[0] = malloc(BUFFER_BYTES);
	if (records->buffers[0])
		records->fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	if (records->fd < 0 || lseek(records->fd, FILE_HEADER_BYTES, SEEK_SET) < 0) {
		records_release(records);
		return false;
	}
	records->nanoseconds = magic == MAGIC_NANOSECONDS;
	records->snapshot = (uint32_t)pcap_snapshot(pcap);
	return true;
}

void records_release(struct records *records)
{
	if (records->fd >= 0)
		close(records->fd);
	for (unsigned i = 0; i < SOURCE_PCAP_KEEP_MAX; i++)
		free(records->buffers[i]);
	*records = (struct records){.fd = -1};
}

void records_keep(struct records *records, unsigned batches)
{
	records->kept = batches;
}

void records_batch(struct records *records)
{
	records->turns = records->given;
}

/* The buffer to go on in; what is not given yet moves there. NULL: out of memory. */
static uint8_t *next_buffer(struct records *records)
{
	size_t left = records->end - records->begin;
	uint8_t *rest = records->buffers[records->turn] + records->begin;
	uint8_t **buffer;

	if (records->turns)
		records->turn = (records->turn + 1) % records->kept;
	buffer = &records->buffers[records->turn];
	if (!*buffer)
		*buffer = malloc(BUFFER_BYTES);
	if (!*buffer)
		return NULL;
	if (left)
		memmove(*buffer, rest, left);
	records->given = records->turns = false;
	records->begin = 0;
	records->end = left;
	return *buffer;
}

/* Reads on until there are `bytes`, or the file is at its end. */
static void fill(struct records *records, size_t bytes)
{
	uint8_t *buffer = next_buffer(records);
	ssize_t got;

	if (!buffer)
		records->error = -ENOMEM;
	while (records->end < bytes && !records->at_end && !records->error) {
		size_t room = BUFFER_BYTES - records->end;

		got = read(records->fd, buffer + records->end,
			   room < CHUNK_BYTES ? room : CHUNK_BYTES);
		if (got > 0)
			records->end += (size_t)got;
		else if (got == 0)
			records->at_end = true;
		else if (errno != EINTR)
			records->error = -errno;
	}
}

/* False: there are fewer. */
static bool has(struct records *records, size_t bytes, bool refill)
{
	if (records->end - records->begin < bytes && refill)
		fill(records, bytes);
	return records->end - records->begin >= bytes;
}

/* Why what is wanted is not there. */
static enum records_result missing(const struct records *records, bool refill)
{
	if (!refill)
		return RECORDS_REFILL;
	if (records->error)
		return RECORDS_UNREADABLE;
	return records->begin == records->end ? RECORDS_END : RECORDS_CUT;
}

enum records_result records_next(struct records *records, bool refill, struct pcap_pkthdr *header,
				 const uint8_t **frame)
{
	struct record record;

	if (!has(records, sizeof(record), refill))
		return missing(records, refill);
	memcpy(&record, records->buffers[records->turn] + records->begin, sizeof(record));
	header->ts.tv_sec = record.seconds;
	header->ts.tv_usec = records->nanoseconds ? record.fraction / 1000 : record.fraction;
	header->caplen = record.captured;
	header->len = record.length;
	if (record.captured > RECORDS_CAPTURED_MAX)
		return RECORDS_TOO_LONG;
	if (!has(records, sizeof(record) + record.captured, refill))
		return missing(records, refill);
	if (header->caplen > records->snapshot)
		header->caplen = records->snapshot;
	*frame = records->buffers[records->turn] + records->begin + sizeof(record);
	records->given = true;
	records->begin += sizeof(record) + record.captured;
	return RECORDS_FRAME;
}
