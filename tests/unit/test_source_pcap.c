/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capture files, written byte by byte by the tests: both formats, both byte orders, every link
 * type, and files that end where they should not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <waymark/source.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* LINKTYPE_* as they stand in files */
enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_PPP_SERIAL = 50,
	LINK_RAW = 101,
	LINK_C_HDLC = 104,
	LINK_IEEE802_11 = 105,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

#define MAGIC 0xa1b2c3d4u
#define MAGIC_NANO 0xa1b23c4du
#define MACS 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 7

/* A UDP datagram to port 53, of 28 + 4 bytes; and one in IPv6. */
#define IP4                                                                                        \
	0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 192, 0, 2, 9, 0x9c, 0x40, 0, 53, 0, \
		12, 0, 0, 'd', 'a', 't', 'a'
#define IP6                                                                                       \
	0x60, 0, 0, 0, 0, 12, 17, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,     \
		0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x9c, 0x40, 0, 53, 0, 12, \
		0, 0, 'd', 'a', 't', 'a'

static const uint8_t ether4[] = {MACS, 8, 0, IP4};

static char path[64];
static FILE *file;
static bool swapped; /* write in the order that is not this machine's */
static struct source *source;
static char error[256];
static struct packet packets[SOURCE_BATCH];

static int setup(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/waymark-test-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	file = fdopen(fd, "wb");
	swapped = false;
	source = NULL;
	error[0] = '\0';
	return file != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	if (file != NULL)
		fclose(file);
	if (source != NULL)
		source->ops->close(source);
	file = NULL; /* tests of several files call this themselves */
	source = NULL;
	unlink(path);
	return 0;
}

/* ---- writing ---- */

static void put(const void *bytes, size_t length)
{
	assert_int_equal(fwrite(bytes, 1, length, file), length);
}

static void put32(uint32_t value)
{
	if (swapped)
		value = __builtin_bswap32(value);
	put(&value, 4);
}

static void put16(uint16_t value)
{
	if (swapped)
		value = __builtin_bswap16(value);
	put(&value, 2);
}

static void put_header(uint32_t magic, uint32_t link_type)
{
	put32(magic);
	put16(2);
	put16(4);
	put32(0);
	put32(0);
	put32(262144);
	put32(link_type);
}

static void put_cut_frame(uint32_t seconds, uint32_t fraction, const uint8_t *bytes,
			  size_t captured, size_t length)
{
	put32(seconds);
	put32(fraction);
	put32((uint32_t)captured);
	put32((uint32_t)length);
	put(bytes, captured);
}

static void put_frame(const uint8_t *bytes, size_t length)
{
	put_cut_frame(1700000000, 123456, bytes, length, length);
}

/* A pcapng block: type, length, body padded to four bytes, length again. */
static void put_block(uint32_t type, const uint8_t *body, size_t length)
{
	const uint8_t zeros[4] = {0};
	size_t padding = (4 - length % 4) % 4;

	put32(type);
	put32((uint32_t)(12 + length + padding));
	put(body, length);
	put(zeros, padding);
	put32((uint32_t)(12 + length + padding));
}

/* ---- reading ---- */

static void written(void)
{
	assert_int_equal(fclose(file), 0);
	file = NULL;
}

static void open_source(void)
{
	if (file != NULL)
		written();
	source = source_pcap_open(path, error, sizeof(error));
	if (source == NULL)
		fail_msg("%s", error);
}

static void assert_refused(const char *why)
{
	if (file != NULL)
		written();
	source = source_pcap_open(path, error, sizeof(error));
	assert_null(source);
	assert_string_equal(error, why);
}

static int receive(void)
{
	return source->ops->receive(source, packets);
}

static void assert_stats(uint64_t frames, uint64_t not_ip, uint64_t malformed)
{
	const struct source_pcap_stats *stats = source_pcap_stats(source);

	assert_int_equal(stats->frames, frames);
	assert_int_equal(stats->not_ip, not_ip);
	assert_int_equal(stats->malformed, malformed);
}

static void assert_is_data(const struct packet *packet)
{
	assert_int_equal(packet->proto, 17);
	assert_int_equal(packet->dport, 53);
	assert_int_equal(packet->payload_captured, 4);
	assert_memory_equal(packet->payload, "data", 4);
}

/* One file of this link type with this one frame holds the one datagram. */
static void assert_found(uint32_t link_type, const uint8_t *frame, size_t length)
{
	assert_int_equal(setup(NULL), 0);
	put_header(MAGIC, link_type);
	put_frame(frame, length);
	open_source();
	assert_int_equal(receive(), 1);
	assert_is_data(&packets[0]);
	assert_int_equal(receive(), 0);
	teardown(NULL);
}

static void assert_skipped(uint32_t link_type, const uint8_t *frame, size_t length)
{
	assert_int_equal(setup(NULL), 0);
	put_header(MAGIC, link_type);
	put_frame(frame, length);
	open_source();
	assert_int_equal(receive(), 0);
	assert_stats(1, 1, 0);
	teardown(NULL);
}

#define FOUND(link_type, ...)                                  \
	do {                                                   \
		const uint8_t frame[] = {__VA_ARGS__};         \
		assert_found(link_type, frame, sizeof(frame)); \
	} while (0)
#define SKIPPED(link_type, ...)                                  \
	do {                                                     \
		const uint8_t frame[] = {__VA_ARGS__};           \
		assert_skipped(link_type, frame, sizeof(frame)); \
	} while (0)

/* ---- files ---- */

static void a_capture_gives_its_packets_with_number_and_time(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
	static const uint8_t arp[42] = {MACS, 8, 6};

	(void)state;
	put_header(MAGIC, LINK_ETHERNET);
	put_frame(arp, sizeof(arp));
	put_cut_frame(1700000001, 5, ether4, sizeof(ether4), sizeof(ether4));
	put_frame(ether4, sizeof(ether4));
	open_source();
	assert_string_equal(source->ops->name, "pcap");
	assert_int_equal(receive(), 2);
	assert_is_data(&packets[0]);
	assert_int_equal(packets[0].meta.id, 2);
	assert_int_equal(packets[0].meta.time_us, 1700000001000005);
	assert_true(packets[0].meta.has_mac);
	assert_memory_equal(packets[0].meta.mac, mac, 6);
	assert_int_equal(packets[0].meta.mark, 0);
	assert_int_equal(packets[0].meta.hook, PACKET_HOOK_PREROUTING);
	assert_int_equal(packets[1].meta.id, 3);
	assert_int_equal(source->ops->verdicts(source, packets, NULL, 2), 0);
	assert_int_equal(receive(), 0);
	assert_int_equal(receive(), 0);
	assert_stats(3, 1, 0);
}

static void both_byte_orders_and_nanoseconds_are_read(void **state)
{
	(void)state;
	teardown(NULL);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(setup(NULL), 0);
		swapped = (i & 1) != 0;
		put_header((i & 2) != 0 ? MAGIC_NANO : MAGIC, LINK_ETHERNET);
		put_cut_frame(1700000000, (i & 2) != 0 ? 123456789 : 123456, ether4, sizeof(ether4),
			      sizeof(ether4));
		open_source();
		assert_int_equal(receive(), 1);
		assert_int_equal(packets[0].meta.time_us, 1700000000123456);
		teardown(NULL);
	}
}

static void seconds_after_2038_are_not_negative(void **state)
{
	(void)state;
	put_header(MAGIC, LINK_ETHERNET);
	put_cut_frame(0xf0000000, 1, ether4, sizeof(ether4), sizeof(ether4));
	open_source();
	assert_int_equal(receive(), 1);
	assert_int_equal(packets[0].meta.time_us, 0xf0000000ull * 1000000 + 1);
}

static void put_pcapng(bool cut)
{
	const uint32_t section[] = {0x1a2b3c4d, 0x00000001, 0xffffffff, 0xffffffff};
	/* link type 1; snap length; if_tsresol (option 9): 10^-9 */
	const uint32_t interface[] = {1, 0, 1 << 16 | 9, 9, 0};
	const uint64_t nanos = 1700000000123456789;
	uint32_t head[5] = {0, (uint32_t)(nanos >> 32), (uint32_t)nanos, sizeof(ether4),
			    sizeof(ether4)};
	uint8_t body[sizeof(head) + sizeof(ether4)];

	put_block(0x0a0d0d0a, (const uint8_t *)section, sizeof(section));
	put_block(1, (const uint8_t *)interface, sizeof(interface));
	put_block(0x0bad, (const uint8_t *)section, sizeof(section)); /* unknown: skipped */
	memcpy(body, head, sizeof(head));
	memcpy(body + sizeof(head), ether4, sizeof(ether4));
	put_block(6, body, sizeof(body));
	if (cut) {
		put32(6);
		put32(100);
		put(body, 30);
	}
}

static void a_pcapng_capture_is_read(void **state)
{
	(void)state;
	put_pcapng(false);
	open_source();
	assert_int_equal(receive(), 1);
	assert_is_data(&packets[0]);
	assert_int_equal(packets[0].meta.id, 1);
	assert_int_equal(packets[0].meta.time_us, 1700000000123456);
	assert_int_equal(receive(), 0);
}

static void a_pcapng_capture_cut_in_a_packet_says_so(void **state)
{
	(void)state;
	put_pcapng(true);
	open_source();
	assert_int_equal(receive(), 1);
	assert_int_equal(receive(), -EBADMSG);
	assert_string_equal(source_error(source),
			    "capture is cut in the middle of a packet (frame 2)");
}

static void a_cut_capture_gives_all_before_the_cut(void **state)
{
	long end;

	(void)state;
	put_header(MAGIC, LINK_ETHERNET);
	for (int i = 0; i < 70; i++)
		put_frame(ether4, sizeof(ether4));
	end = ftell(file);
	written();
	assert_int_equal(truncate(path, end - 3), 0);
	open_source();
	assert_int_equal(receive(), SOURCE_BATCH);
	assert_int_equal(receive(), 69 - SOURCE_BATCH);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(receive(), -EBADMSG);
		assert_string_equal(source_error(source),
				    "capture is cut in the middle of a packet (frame 70)");
	}
	assert_stats(69, 0, 0);
}

static void a_capture_cut_in_a_record_header_says_so(void **state)
{
	(void)state;
	put_header(MAGIC, LINK_ETHERNET);
	put_frame(ether4, sizeof(ether4));
	put32(1700000000);
	open_source();
	assert_int_equal(receive(), 1);
	assert_int_equal(receive(), -EBADMSG);
	assert_string_equal(source_error(source),
			    "capture is cut in the middle of a packet (frame 2)");
}

static void a_corrupt_record_is_told_from_a_cut_one(void **state)
{
	(void)state;
	put_header(MAGIC, LINK_ETHERNET);
	put_frame(ether4, sizeof(ether4));
	put32(1);
	put32(1);
	put32(0x7fffffff);
	put32(0x7fffffff);
	open_source();
	assert_int_equal(receive(), 1);
	assert_int_equal(receive(), -EBADMSG);
	assert_memory_equal(source_error(source), "capture cannot be read at frame 2: ", 35);
}

static void an_empty_capture_is_at_its_end(void **state)
{
	(void)state;
	put_header(MAGIC, LINK_ETHERNET);
	open_source();
	assert_int_equal(receive(), 0);
	assert_stats(0, 0, 0);
}

static void what_is_no_capture_is_refused(void **state)
{
	(void)state;
	put("GIF89a, and then some more bytes", 32);
	assert_refused("not a pcap or pcapng file");
}

static void an_empty_file_is_refused(void **state)
{
	(void)state;
	assert_refused("capture is cut in its file header");
}

static void a_missing_file_is_refused_without_its_path(void **state)
{
	(void)state;
	written();
	unlink(path);
	assert_refused("No such file or directory");
}

static void an_unsupported_link_type_is_refused_by_name(void **state)
{
	(void)state;
	put_header(MAGIC, LINK_IEEE802_11);
	assert_refused("link type IEEE802_11 is not supported");
	teardown(NULL);
	assert_int_equal(setup(NULL), 0);
	put_header(MAGIC, 299);
	assert_refused("link type 299 is not supported");
}

/* ---- packets ---- */

static void a_batch_stays_valid_as_a_whole(void **state)
{
	uint8_t frame[sizeof(ether4)];

	(void)state;
	memcpy(frame, ether4, sizeof(frame));
	put_header(MAGIC, LINK_ETHERNET);
	for (int i = 0; i < 2 * SOURCE_BATCH; i++) {
		frame[sizeof(frame) - 1] = (uint8_t)i;
		put_frame(frame, sizeof(frame));
	}
	open_source();
	for (int batch = 0; batch < 2; batch++) {
		assert_int_equal(receive(), SOURCE_BATCH);
		for (int i = 0; i < SOURCE_BATCH; i++) {
			assert_int_equal(packets[i].meta.id, batch * SOURCE_BATCH + i + 1);
			assert_int_equal(packets[i].payload[3], batch * SOURCE_BATCH + i);
		}
	}
	assert_int_equal(receive(), 0);
}

static void a_snap_length_leaves_the_length_on_the_wire(void **state)
{
	(void)state;
	put_header(MAGIC, LINK_ETHERNET);
	put_cut_frame(1, 1, ether4, sizeof(ether4) - 3, sizeof(ether4));
	open_source();
	assert_int_equal(receive(), 1);
	assert_true(packets[0].truncated);
	assert_int_equal(packets[0].payload_length, 4);
	assert_int_equal(packets[0].payload_captured, 1);
}

static void padding_of_a_short_frame_is_not_payload(void **state)
{
	uint8_t frame[64] = {0};

	(void)state;
	memcpy(frame, ether4, sizeof(ether4));
	put_header(MAGIC, LINK_ETHERNET);
	put_frame(frame, sizeof(frame));
	open_source();
	assert_int_equal(receive(), 1);
	assert_is_data(&packets[0]);
	assert_int_equal(packets[0].ip_captured, 32);
}

static void large_frames_are_held_whole(void **state)
{
	static uint8_t frame[200000];
	int seen = 0, count;

	(void)state;
	memcpy(frame, ether4, sizeof(ether4));
	frame[16] = 0; /* total length 0, as segmentation offload leaves it */
	frame[17] = 0;
	frame[14 + 24] = 0;
	frame[14 + 25] = 0;
	frame[sizeof(frame) - 1] = 0x5a;
	put_header(MAGIC, LINK_ETHERNET);
	for (int i = 0; i < 9; i++)
		put_frame(frame, sizeof(frame));
	open_source();
	for (; (count = receive()) > 0; seen += count) {
		for (int i = 0; i < count; i++) {
			assert_int_equal(packets[i].meta.id, seen + i + 1);
			assert_int_equal(packets[i].payload_captured, sizeof(frame) - 14 - 28);
			assert_int_equal(packets[i].payload[packets[i].payload_captured - 1], 0x5a);
		}
	}
	assert_int_equal(count, 0);
	assert_int_equal(seen, 9);
}

/* Whatever a batch ends by, what it holds is there until the next. */
static void frames_of_all_lengths_stay_until_the_next_batch(void **state)
{
	static uint8_t frame[60000];
	int seen = 0, count;

	(void)state;
	memcpy(frame, ether4, sizeof(ether4));
	put_header(MAGIC, LINK_ETHERNET);
	for (int i = 0; i < 700; i++) {
		/* each frame's number behind the packet that all of them are */
		memcpy(frame + sizeof(ether4), &i, sizeof(i));
		put_frame(frame, sizeof(ether4) + sizeof(i) + (size_t)i * 7919 % 50000);
	}
	open_source();
	for (; (count = receive()) > 0; seen += count) {
		for (int i = 0; i < count; i++) {
			int number;

			memcpy(&number, packets[i].ip + sizeof(ether4) - 14, sizeof(number));
			assert_int_equal(number, seen + i);
		}
	}
	assert_int_equal(count, 0);
	assert_int_equal(seen, 700);
}

/* Also where one batch's receive() reads far past frames that are nobody's packets. */
static void batches_that_are_kept_outlive_those_behind_them(void **state)
{
	enum { KEPT = 3 };
	static uint8_t frame[60000], arp[2000] = {MACS, 8, 6};
	static struct packet kept[KEPT][SOURCE_BATCH];
	int counts[KEPT] = {0}, firsts[KEPT] = {0}, seen = 0, count;
	unsigned turn = 0;

	(void)state;
	memcpy(frame, ether4, sizeof(ether4));
	put_header(MAGIC, LINK_ETHERNET);
	for (int i = 0; i < 1500; i++) {
		for (int skipped = 0; i % 300 == 299 && skipped < 1000; skipped++)
			put_frame(arp, sizeof(arp));
		memcpy(frame + sizeof(ether4), &i, sizeof(i));
		put_frame(frame, sizeof(ether4) + sizeof(i) + (size_t)i * 7919 % 9000);
	}
	open_source();
	assert_true(source_pcap_keep(source, KEPT));
	for (;; turn = (turn + 1) % KEPT) {
		count = source->ops->receive(source, kept[turn]);
		if (count <= 0)
			break;
		counts[turn] = count;
		firsts[turn] = seen;
		seen += count;
		for (unsigned batch = 0; batch < KEPT; batch++) {
			for (int i = 0; i < counts[batch]; i++) {
				int number;

				memcpy(&number, kept[batch][i].ip + sizeof(ether4) - 14,
				       sizeof(number));
				assert_int_equal(number, firsts[batch] + i);
			}
		}
	}
	assert_int_equal(count, 0);
	assert_int_equal(seen, 1500);
}

static void malformed_packets_are_skipped_and_counted(void **state)
{
	static const uint8_t short_header[] = {MACS, 8, 0, 0x45, 0, 0, 32};
	static const uint8_t wrong_version[] = {MACS, 8, 0, IP6};
	static const uint8_t no_version[] = {MACS, 8, 0, 0x15, 0, 0, 32, 0, 0};

	(void)state;
	put_header(MAGIC, LINK_ETHERNET);
	put_frame(short_header, sizeof(short_header));
	put_frame(wrong_version, sizeof(wrong_version));
	put_frame(ether4, sizeof(ether4));
	put_frame(no_version, sizeof(no_version));
	open_source();
	assert_int_equal(receive(), 1);
	assert_int_equal(packets[0].meta.id, 3);
	assert_stats(4, 0, 3);
}

/* ---- link types ---- */

static void ethernet_with_tags_labels_and_pppoe(void **state)
{
	(void)state;
	teardown(NULL);
	FOUND(LINK_ETHERNET, MACS, 8, 0, IP4);
	FOUND(LINK_ETHERNET, MACS, 0x86, 0xdd, IP6);
	FOUND(LINK_ETHERNET, MACS, 0x81, 0, 0, 5, 8, 0, IP4);
	FOUND(LINK_ETHERNET, MACS, 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x86, 0xdd, IP6);
	FOUND(LINK_ETHERNET, MACS, 0x91, 0, 0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7, 8, 0, IP4);
	FOUND(LINK_ETHERNET, MACS, 0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64, IP4);
	FOUND(LINK_ETHERNET, MACS, 0x81, 0, 0, 5, 0x88, 0x48, 0, 2, 1, 64, IP6);
	FOUND(LINK_ETHERNET, MACS, 0x88, 0x64, 0x11, 0, 0, 1, 0, 34, 0, 0x21, IP4);
	FOUND(LINK_ETHERNET, MACS, 0x88, 0x64, 0x11, 0, 0, 1, 0, 53, 0x57, IP6);
	FOUND(LINK_ETHERNET, MACS, 0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, IP4); /* SNAP */
	SKIPPED(LINK_ETHERNET, MACS, 8, 6, 0, 1);			      /* ARP */
	SKIPPED(LINK_ETHERNET, MACS, 8, 0);				      /* nothing behind */
	SKIPPED(LINK_ETHERNET, MACS, 8);				      /* cut */
	SKIPPED(LINK_ETHERNET, MACS, 0x81, 0, 0, 5, 8);
	SKIPPED(LINK_ETHERNET, MACS, 0, 40, 0x42, 0x42, 3, 0, 0, 0, 8, 0);	   /* STP */
	SKIPPED(LINK_ETHERNET, MACS, 0x88, 0x47, 0, 1, 1, 64, 0, 0, 0, 0);	   /* pseudowire */
	SKIPPED(LINK_ETHERNET, MACS, 0x88, 0x47, 0, 1, 0, 64);			   /* no bottom */
	SKIPPED(LINK_ETHERNET, MACS, 0x88, 0x64, 0x11, 0, 0, 1, 0, 4, 0xc0, 0x21); /* LCP */
	SKIPPED(LINK_ETHERNET, MACS, 0x88, 0x63, 0x11, 9, 0, 0, 0, 0);		   /* discovery */
}

static void stacks_without_end_are_not_followed(void **state)
{
	uint8_t frame[512] = {MACS};

	(void)state;
	teardown(NULL);
	for (size_t i = 12; i < 400; i += 4)
		frame[i] = 0x81;
	assert_skipped(LINK_ETHERNET, frame, sizeof(frame));
	memset(frame, 0, sizeof(frame));
	frame[12] = 0x88;
	frame[13] = 0x47;
	assert_skipped(LINK_ETHERNET, frame, sizeof(frame));
}

static void linux_cooked_captures(void **state)
{
	static const uint8_t sll[] = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0, IP4};
	static const uint8_t sll2[] = {8, 0, 0, 0, 0, 0, 0, 3, 0, 1,  0,
				       6, 2, 0, 0, 0, 0, 9, 0, 0, IP4};

	(void)state;
	teardown(NULL);
	assert_found(LINK_SLL, sll, sizeof(sll));
	assert_true(packets[0].meta.has_mac);
	assert_int_equal(packets[0].meta.mac[5], 9);
	assert_found(LINK_SLL2, sll2, sizeof(sll2));
	assert_true(packets[0].meta.has_mac);
	assert_int_equal(packets[0].meta.mac[5], 9);
	/* a tunnel: no hardware address */
	FOUND(LINK_SLL, 0, 0, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x86, 0xdd, IP6);
	assert_false(packets[0].meta.has_mac);
	FOUND(LINK_SLL, 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0x81, 0, 0, 5, 8, 0, IP4);
	SKIPPED(LINK_SLL, 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 6, 0);
	SKIPPED(LINK_SLL2, 8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0);
}

static void raw_ip(void **state)
{
	static const uint32_t types[] = {LINK_RAW, 12, 14};

	(void)state;
	teardown(NULL);
	for (size_t i = 0; i < COUNT(types); i++) {
		FOUND(types[i], IP4);
		FOUND(types[i], IP6);
	}
	FOUND(LINK_IPV4, IP4);
	FOUND(LINK_IPV6, IP6);
	SKIPPED(LINK_RAW, 0x15, 0, 0, 0);
}

static void bsd_loopback_in_both_byte_orders(void **state)
{
	static const uint8_t families6[] = {10, 23, 24, 28, 30};

	(void)state;
	teardown(NULL);
	FOUND(LINK_NULL, 2, 0, 0, 0, IP4);
	FOUND(LINK_NULL, 0, 0, 0, 2, IP4);
	FOUND(LINK_LOOP, 0, 0, 0, 2, IP4);
	for (size_t i = 0; i < COUNT(families6); i++) {
		FOUND(LINK_NULL, families6[i], 0, 0, 0, IP6);
		FOUND(LINK_LOOP, 0, 0, 0, families6[i], IP6);
	}
	SKIPPED(LINK_NULL, 7, 0, 0, 0, IP4);
	SKIPPED(LINK_NULL, 2, 0, 0, 2, IP4);
	SKIPPED(LINK_NULL, 2, 0, 0);
}

static void ppp_and_cisco_hdlc(void **state)
{
	(void)state;
	teardown(NULL);
	FOUND(LINK_PPP, 0xff, 3, 0, 0x21, IP4);
	FOUND(LINK_PPP, 0, 0x57, IP6);
	FOUND(LINK_PPP, 0x21, IP4);
	FOUND(LINK_PPP, 0xff, 3, 2, 0x81, 0, 2, 1, 64, IP4);
	FOUND(LINK_PPP_SERIAL, 0xff, 3, 0, 0x21, IP4);
	FOUND(LINK_PPP_SERIAL, 0x0f, 0, 8, 0, IP4);
	FOUND(LINK_C_HDLC, 0x0f, 0, 0x86, 0xdd, IP6);
	SKIPPED(LINK_PPP, 0xff, 3, 0xc0, 0x21, 1, 1);
	SKIPPED(LINK_C_HDLC, 0x8f, 0, 0x80, 0x35, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_capture_gives_its_packets_with_number_and_time),
		TEST(both_byte_orders_and_nanoseconds_are_read),
		TEST(seconds_after_2038_are_not_negative),
		TEST(a_pcapng_capture_is_read),
		TEST(a_pcapng_capture_cut_in_a_packet_says_so),
		TEST(a_cut_capture_gives_all_before_the_cut),
		TEST(a_capture_cut_in_a_record_header_says_so),
		TEST(a_corrupt_record_is_told_from_a_cut_one),
		TEST(an_empty_capture_is_at_its_end),
		TEST(what_is_no_capture_is_refused),
		TEST(an_empty_file_is_refused),
		TEST(a_missing_file_is_refused_without_its_path),
		TEST(an_unsupported_link_type_is_refused_by_name),
		TEST(a_batch_stays_valid_as_a_whole),
		TEST(a_snap_length_leaves_the_length_on_the_wire),
		TEST(padding_of_a_short_frame_is_not_payload),
		TEST(large_frames_are_held_whole),
		TEST(frames_of_all_lengths_stay_until_the_next_batch),
		TEST(batches_that_are_kept_outlive_those_behind_them),
		TEST(malformed_packets_are_skipped_and_counted),
		TEST(ethernet_with_tags_labels_and_pppoe),
		TEST(stacks_without_end_are_not_followed),
		TEST(linux_cooked_captures),
		TEST(raw_ip),
		TEST(bsd_loopback_in_both_byte_orders),
		TEST(ppp_and_cisco_hdlc),
	};

	return cmocka_run_group_tests_name("source_pcap", tests, NULL, NULL);
}
