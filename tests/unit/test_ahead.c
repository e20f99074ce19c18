/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture that a thread reads ahead: nothing of it is other than without the thread.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/cli/ahead.h"

#define FRAMES 20000 /* far more than are read ahead */
#define MAGIC 0xa1b2c3d4u
#define LINK_RAW 101

static char path[64];

/* Datagrams of all lengths, each with its number behind its headers. */
static void put_frame(FILE *file, uint32_t number)
{
	uint16_t length = (uint16_t)(32 + number * 7919 % 1400);
	uint32_t record[4] = {1000 + number / 100, number % 100, length, length};
	uint8_t frame[1500] = {0x45,
			       0,
			       (uint8_t)(length >> 8),
			       (uint8_t)length,
			       0,
			       1,
			       0,
			       0,
			       64,
			       17,
			       0,
			       0,
			       10,
			       0,
			       0,
			       2,
			       192,
			       0,
			       2,
			       9,
			       0x9c,
			       0x40,
			       0,
			       53};

	frame[24] = (uint8_t)((length - 20) >> 8);
	frame[25] = (uint8_t)(length - 20);
	memcpy(frame + 28, &number, sizeof(number));
	assert_int_equal(fwrite(record, sizeof(record), 1, file), 1);
	assert_int_equal(fwrite(frame, length, 1, file), 1);
}

static int setup(void **state)
{
	const uint32_t header[6] = {MAGIC, 2 | 4 << 16, 0, 0, 262144, LINK_RAW};
	FILE *file;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/waymark-test-XXXXXX");
	fd = mkstemp(path);
	file = fd < 0 ? NULL : fdopen(fd, "wb");
	if (!file)
		return -1;
	assert_int_equal(fwrite(header, sizeof(header), 1, file), 1);
	for (uint32_t i = 0; i < FRAMES; i++)
		put_frame(file, i);
	return fclose(file);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static struct source *open_capture(void)
{
	char error[256] = "";
	struct source *capture = source_pcap_open(path, error, sizeof(error));

	assert_string_equal(error, "");
	return capture;
}

/* Reads to the end; what receive() said there. */
static int read_numbers(struct source *source, uint32_t *seen)
{
	struct packet packets[SOURCE_BATCH];
	int count;

	*seen = 0;
	while ((count = source->ops->receive(source, packets)) > 0) {
		for (int i = 0; i < count; i++, ++*seen) {
			uint32_t number;

			memcpy(&number, packets[i].payload, sizeof(number));
			assert_int_equal(number, *seen);
			assert_int_equal(packets[i].meta.id, *seen + 1);
		}
	}
	return count;
}

static void all_packets_come_in_order(void **state)
{
	struct source *capture = open_capture(), *source = source_ahead(capture);
	uint32_t seen;

	(void)state;
	assert_non_null(source);
	assert_int_equal(read_numbers(source, &seen), 0);
	assert_int_equal(seen, FRAMES);
	assert_int_equal(source_pcap_stats(capture)->frames, FRAMES);
	source->ops->close(source);
}

static void an_end_is_told_again(void **state)
{
	struct source *source = source_ahead(open_capture());
	uint32_t seen;

	(void)state;
	assert_non_null(source);
	assert_int_equal(read_numbers(source, &seen), 0);
	assert_int_equal(read_numbers(source, &seen), 0);
	assert_int_equal(seen, 0);
	source->ops->close(source);
}

static void a_cut_capture_gives_all_before_the_cut_and_the_reason(void **state)
{
	struct source *source;
	uint32_t seen;

	(void)state;
	/* 24 and 16 bytes of headers, and one byte of the second frame's header */
	assert_int_equal(truncate(path, 24 + 16 + 32 + 1), 0);
	source = source_ahead(open_capture());
	assert_non_null(source);
	assert_int_equal(read_numbers(source, &seen), -EBADMSG);
	assert_int_equal(seen, 1);
	assert_string_equal(source_error(source),
			    "capture is cut in the middle of a packet (frame 2)");
	source->ops->close(source);
}

static void a_capture_may_be_closed_at_any_time(void **state)
{
	struct packet packets[SOURCE_BATCH];
	struct source *source = source_ahead(open_capture());

	(void)state;
	assert_non_null(source);
	source->ops->close(source); /* where nothing was asked for */
	for (int batches = 1; batches < 60; batches++) {
		source = source_ahead(open_capture());
		assert_non_null(source);
		for (int i = 0; i < batches; i++)
			assert_true(source->ops->receive(source, packets) > 0);
		source->ops->close(source);
	}
}

static void what_libpcap_reads_is_not_read_ahead(void **state)
{
	struct source *capture;
	uint32_t header[6] = {__builtin_bswap32(MAGIC),	  0x04000200, 0, 0, 0x400,
			      __builtin_bswap32(LINK_RAW)};
	FILE *file = fopen(path, "wb");

	(void)state;
	assert_non_null(file);
	assert_int_equal(fwrite(header, sizeof(header), 1, file), 1);
	fclose(file);
	capture = open_capture();
	assert_null(source_ahead(capture));
	capture->ops->close(capture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_packets_come_in_order),
		TEST(an_end_is_told_again),
		TEST(a_cut_capture_gives_all_before_the_cut_and_the_reason),
		TEST(a_capture_may_be_closed_at_any_time),
		TEST(what_libpcap_reads_is_not_read_ahead),
	};

	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
