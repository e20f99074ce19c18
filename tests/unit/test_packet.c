/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets byte by byte. Each packet is parsed from a heap copy of exactly its captured size,
 * so that a sanitizer or valgrind sees the first byte read beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <waymark/packet.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint8_t *heap; /* the packet under test */
static struct packet packet;

static enum packet_status parse_cut(const uint8_t *bytes, size_t captured, size_t length)
{
	free(heap);
	heap = malloc(captured > 0 ? captured : 1);
	assert_non_null(heap);
	memcpy(heap, bytes, captured);
	memset(&packet, 0xa5, sizeof(packet)); /* every field must be set */
	return packet_parse(&packet, heap, captured, length);
}

static enum packet_status parse(const uint8_t *bytes, size_t length)
{
	return parse_cut(bytes, length, length);
}

static int teardown(void **state)
{
	(void)state;
	free(heap);
	heap = NULL;
	return 0;
}

/* ---- building ---- */

struct build {
	uint8_t bytes[2048];
	size_t length;
};

static void put(struct build *build, const void *bytes, size_t count)
{
	memcpy(build->bytes + build->length, bytes, count);
	build->length += count;
}

static void put_zeros(struct build *build, size_t count)
{
	memset(build->bytes + build->length, 0, count);
	build->length += count;
}

static void set16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void begin4(struct build *build, uint8_t proto, size_t option_bytes)
{
	uint8_t header[20] = {0x45, 0x10, 0, 0, 0, 1, 0, 0, 63, 0, 0, 0, 10, 0, 0, 2, 192, 0, 2, 9};

	header[0] = (uint8_t)(0x40 | (5 + option_bytes / 4));
	header[9] = proto;
	build->length = 0;
	put(build, header, sizeof(header));
	put_zeros(build, option_bytes);
}

static void begin6(struct build *build, uint8_t next)
{
	uint8_t header[40] = {0x6b, 0x80, 0, 0, 0, 0, 0, 64, 0x20, 0x01, 0x0d, 0xb8};

	header[6] = next;
	header[23] = 1;
	header[24] = 0x20;
	header[25] = 0x01;
	header[39] = 2;
	build->length = 0;
	put(build, header, sizeof(header));
}

/* Writes the IP length field. */
static void end(struct build *build)
{
	if (build->bytes[0] >> 4 == 4)
		set16(build->bytes + 2, build->length);
	else
		set16(build->bytes + 4, build->length - 40);
}

static void put_udp(struct build *build, size_t stated, const char *payload)
{
	uint8_t header[8] = {0x9c, 0x40, 0, 53};

	set16(header + 4, stated);
	put(build, header, sizeof(header));
	put(build, payload, strlen(payload));
}

static void put_tcp(struct build *build, uint8_t flags, size_t option_bytes, const char *payload)
{
	uint8_t header[20] = {0x9c, 0x40, 0, 25, 1, 2, 3, 4, 5, 6, 7, 8};

	header[12] = (uint8_t)((5 + option_bytes / 4) << 4);
	header[13] = flags;
	put(build, header, sizeof(header));
	put_zeros(build, option_bytes);
	put(build, payload, strlen(payload));
}

/* An extension header of 8 * (units + 1) bytes. */
static void put_extension(struct build *build, uint8_t next, uint8_t units)
{
	uint8_t header[2] = {next, units};

	put(build, header, 2);
	put_zeros(build, 8u * (units + 1u) - 2);
}

static void put_fragment6(struct build *build, uint8_t next, uint16_t offset_and_more)
{
	uint8_t header[8] = {next, 0};

	set16(header + 2, offset_and_more);
	put(build, header, sizeof(header));
}

static void assert_payload(const char *text)
{
	assert_int_equal(packet.payload_length, strlen(text));
	assert_int_equal(packet.payload_captured, strlen(text));
	if (text[0] == '\0')
		assert_null(packet.payload);
	else
		assert_memory_equal(packet.payload, text, strlen(text));
}

/* ---- IPv4 ---- */

static void an_ipv4_tcp_segment_is_read_field_by_field(void **state)
{
	struct build b;
	const uint8_t src[4] = {10, 0, 0, 2}, dst[4] = {192, 0, 2, 9};
	struct ip_addr want_src = ip_v4(src), want_dst = ip_v4(dst);

	(void)state;
	begin4(&b, 6, 0);
	put_tcp(&b, PACKET_TCP_PSH | PACKET_TCP_ACK, 12, "EHLO");
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_ptr_equal(packet.ip, heap);
	assert_int_equal(packet.ip_length, 56);
	assert_int_equal(packet.ip_captured, 56);
	assert_int_equal(packet.family, IP_V4);
	assert_int_equal(packet.proto, 6);
	assert_int_equal(packet.tos, 0x10);
	assert_int_equal(packet.ttl, 63);
	assert_true(ip_equal(&packet.src, &want_src));
	assert_true(ip_equal(&packet.dst, &want_dst));
	assert_true(packet.has_ports && packet.has_tcp);
	assert_false(packet.fragment || packet.truncated || packet.has_icmp);
	assert_int_equal(packet.sport, 40000);
	assert_int_equal(packet.dport, 25);
	assert_int_equal(packet.tcp_flags, PACKET_TCP_PSH | PACKET_TCP_ACK);
	assert_int_equal(packet.tcp_seq, 0x01020304);
	assert_int_equal(packet.tcp_ack, 0x05060708);
	assert_payload("EHLO");
}

static void parsing_leaves_meta_alone(void **state)
{
	struct packet mine = {.meta = {.time_us = 7, .mark = 0x40, .has_uid = true}};
	struct build b;

	(void)state;
	begin4(&b, 17, 0);
	put_udp(&b, 8, "");
	end(&b);
	assert_int_equal(packet_parse(&mine, b.bytes, b.length, b.length), PACKET_OK);
	assert_int_equal(mine.meta.time_us, 7);
	assert_int_equal(mine.meta.mark, 0x40);
	assert_true(mine.meta.has_uid);
}

static void ipv4_options_are_stepped_over(void **state)
{
	struct build b;

	(void)state;
	begin4(&b, 17, 40);
	put_udp(&b, 12, "data");
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.dport, 53);
	assert_payload("data");
}

static void link_padding_is_not_payload(void **state)
{
	struct build b;

	(void)state;
	begin4(&b, 6, 0);
	put_tcp(&b, PACKET_TCP_ACK, 0, "");
	end(&b);
	put_zeros(&b, 6);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.ip_captured, 40);
	assert_int_equal(packet.ip_length, 40);
	assert_false(packet.truncated);
	assert_payload("");
}

static void an_ipv4_total_length_of_zero_means_what_was_on_the_wire(void **state)
{
	struct build b;

	(void)state;
	begin4(&b, 6, 0);
	put_tcp(&b, PACKET_TCP_ACK, 0, "offloaded");
	assert_int_equal(parse_cut(b.bytes, b.length - 4, b.length), PACKET_OK);
	assert_int_equal(packet.ip_length, 49);
	assert_int_equal(packet.payload_length, 9);
	assert_int_equal(packet.payload_captured, 5);
	assert_true(packet.truncated);
}

static void a_cut_packet_keeps_its_length_on_the_wire(void **state)
{
	struct build b;

	(void)state;
	begin4(&b, 6, 0);
	put_tcp(&b, PACKET_TCP_ACK, 4, "0123456789");
	end(&b);
	assert_int_equal(parse_cut(b.bytes, 46, b.length), PACKET_OK);
	assert_true(packet.truncated && packet.has_ports);
	assert_int_equal(packet.payload_length, 10);
	assert_int_equal(packet.payload_captured, 2);
	/* within the TCP options */
	assert_int_equal(parse_cut(b.bytes, 42, b.length), PACKET_OK);
	assert_true(packet.has_ports);
	assert_int_equal(packet.payload_length, 10);
	assert_int_equal(packet.payload_captured, 0);
	assert_null(packet.payload);
	/* within the TCP header */
	assert_int_equal(parse_cut(b.bytes, 39, b.length), PACKET_OK);
	assert_false(packet.has_ports || packet.has_tcp);
	assert_int_equal(packet.proto, 6);
}

static void every_cut_of_a_packet_parses_within_its_bytes(void **state)
{
	struct build b;

	(void)state;
	begin6(&b, 0);
	put_extension(&b, 43, 0);
	put_extension(&b, 60, 2);
	put_extension(&b, 6, 1);
	put_tcp(&b, PACKET_TCP_SYN, 20, "x");
	end(&b);
	for (size_t cut = 0; cut <= b.length; cut++)
		assert_int_equal(parse_cut(b.bytes, cut, b.length),
				 cut < 40 ? PACKET_MALFORMED : PACKET_OK);
	begin4(&b, 33, 8);
	put_zeros(&b, 40);
	end(&b);
	for (size_t cut = 0; cut <= b.length; cut++)
		assert_int_equal(parse_cut(b.bytes, cut, b.length),
				 cut < 20 ? PACKET_MALFORMED : PACKET_OK);
}

static void lengths_that_contradict_themselves_are_malformed(void **state)
{
	struct build b;

	(void)state;
	begin4(&b, 17, 0);
	put_udp(&b, 8, "");
	end(&b);
	b.bytes[0] = 0x44; /* header of 16 bytes */
	assert_int_equal(parse(b.bytes, b.length), PACKET_MALFORMED);
	b.bytes[0] = 0x4f; /* header of 60 bytes, total of 28 */
	assert_int_equal(parse(b.bytes, b.length), PACKET_MALFORMED);
	b.bytes[0] = 0x45;
	set16(b.bytes + 2, 19);
	assert_int_equal(parse(b.bytes, b.length), PACKET_MALFORMED);
	b.bytes[0] = 0x55;
	assert_int_equal(parse(b.bytes, b.length), PACKET_NOT_IP);
	assert_int_equal(parse(b.bytes, 0), PACKET_MALFORMED);
}

static void ipv4_fragments_have_no_ports_and_no_payload(void **state)
{
	static const uint16_t fields[] = {0x2000, 0x2001, 0x0001, 0x1fff};
	struct build b;

	(void)state;
	begin4(&b, 17, 0);
	put_udp(&b, 12, "data");
	end(&b);
	for (size_t i = 0; i < COUNT(fields); i++) {
		set16(b.bytes + 6, fields[i]);
		assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
		assert_true(packet.fragment);
		assert_false(packet.has_ports);
		assert_int_equal(packet.proto, 17);
		assert_payload("");
	}
	set16(b.bytes + 6, 0x4000); /* don't fragment */
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_false(packet.fragment);
	assert_true(packet.has_ports);
}

/* ---- IPv6 ---- */

static void an_ipv6_datagram_is_read_field_by_field(void **state)
{
	struct build b;

	(void)state;
	begin6(&b, 17);
	put_udp(&b, 12, "data");
	end(&b);
	put_zeros(&b, 3); /* padding */
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.family, IP_V6);
	assert_int_equal(packet.tos, 0xb8);
	assert_int_equal(packet.ttl, 64);
	assert_int_equal(packet.proto, 17);
	assert_int_equal(packet.ip_length, 52);
	assert_int_equal(packet.src.family, IP_V6);
	assert_int_equal(packet.src.bytes[15], 1);
	assert_int_equal(packet.dst.bytes[15], 2);
	assert_int_equal(packet.dport, 53);
	assert_payload("data");
}

static void ipv6_extension_headers_are_skipped(void **state)
{
	static const uint8_t kinds[] = {0, 43, 60, 135, 139, 140};
	struct build b;

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		begin6(&b, kinds[i]);
		put_extension(&b, 6, 2);
		put_tcp(&b, PACKET_TCP_SYN, 0, "");
		end(&b);
		assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
		assert_int_equal(packet.proto, 6);
		assert_true(packet.has_tcp);
		assert_int_equal(packet.dport, 25);
	}
}

static void ah_is_skipped_in_ipv6_and_is_the_protocol_in_ipv4(void **state)
{
	uint8_t ah[24] = {17, 4}; /* (4 + 2) * 4 bytes */
	struct build b;

	(void)state;
	begin6(&b, 51);
	put(&b, ah, sizeof(ah));
	put_udp(&b, 8, "");
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.proto, 17);
	assert_int_equal(packet.dport, 53);

	begin4(&b, 51, 0);
	put(&b, ah, sizeof(ah));
	put_udp(&b, 8, "");
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.proto, 51);
	assert_false(packet.has_ports);
	assert_int_equal(packet.payload_length, 8);
}

static void a_mobility_header_alone_is_the_protocol(void **state)
{
	struct build b;

	(void)state;
	begin6(&b, 135);
	put_extension(&b, 59, 0);
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.proto, 135);
	assert_false(packet.has_ports);
}

static void the_chain_stops_at_esp_and_at_no_next_header(void **state)
{
	struct build b;

	(void)state;
	begin6(&b, 60);
	put_extension(&b, 50, 0);
	put_zeros(&b, 20);
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.proto, 50);
	assert_int_equal(packet.payload_length, 12);

	begin6(&b, 59);
	put_zeros(&b, 20);
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.proto, 59);
	assert_payload("");
}

static void a_chain_of_too_many_headers_ends_the_search(void **state)
{
	struct build b;

	(void)state;
	begin6(&b, 60);
	for (int i = 0; i < 16; i++)
		put_extension(&b, i < 15 ? 60 : 6, 0);
	put_tcp(&b, PACKET_TCP_SYN, 0, "");
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_true(packet.has_ports);

	begin6(&b, 60);
	for (int i = 0; i < 17; i++)
		put_extension(&b, i < 16 ? 60 : 6, 0);
	put_tcp(&b, PACKET_TCP_SYN, 0, "");
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.proto, 60);
	assert_false(packet.has_ports);
}

static void an_extension_header_longer_than_the_packet_hides_the_ports(void **state)
{
	struct build b;

	(void)state;
	begin6(&b, 0);
	put_extension(&b, 6, 0);
	put_tcp(&b, PACKET_TCP_SYN, 0, "");
	end(&b);
	b.bytes[41] = 200;
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.proto, 0);
	assert_false(packet.has_ports);
}

static void first_and_later_ipv6_fragments_have_the_same_protocol(void **state)
{
	static const uint16_t fields[] = {0x0001, 0x0009, 0x0010};
	struct build b;

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		begin6(&b, 0);
		put_extension(&b, 44, 0);
		put_fragment6(&b, 17, fields[i]);
		put_udp(&b, 12, "data");
		end(&b);
		assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
		assert_true(packet.fragment);
		assert_false(packet.has_ports);
		assert_int_equal(packet.proto, 17);
		assert_payload("");
	}
}

static void an_atomic_fragment_is_a_whole_packet(void **state)
{
	struct build b;

	(void)state;
	begin6(&b, 44);
	put_fragment6(&b, 60, 0x0006); /* reserved bits set: ignored */
	put_extension(&b, 17, 0);
	put_udp(&b, 12, "data");
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_false(packet.fragment);
	assert_int_equal(packet.dport, 53);
	assert_payload("data");
}

static void an_ipv6_payload_length_of_zero_means_what_was_on_the_wire(void **state)
{
	struct build b;

	(void)state;
	begin6(&b, 0);
	put_extension(&b, 6, 0);
	put_tcp(&b, PACKET_TCP_ACK, 0, "jumbo");
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.ip_length, b.length);
	assert_payload("jumbo");

	begin6(&b, 59);
	put_zeros(&b, 6); /* padding of an empty packet */
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_int_equal(packet.ip_length, 40);
}

/* ---- transport ---- */

static void a_tcp_data_offset_out_of_range_gives_no_ports(void **state)
{
	struct build b;

	(void)state;
	begin4(&b, 6, 0);
	put_tcp(&b, PACKET_TCP_ACK, 0, "ab");
	end(&b);
	b.bytes[32] = 0x40;
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_false(packet.has_ports || packet.has_tcp);
	b.bytes[32] = 0x60; /* 24 bytes of 22 */
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_false(packet.has_ports || packet.has_tcp);
	assert_payload("");
}

static void a_udp_length_limits_the_payload(void **state)
{
	struct build b;

	(void)state;
	begin4(&b, 17, 0);
	put_udp(&b, 10, "ab....");
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_payload("ab");
	set16(b.bytes + 24, 0);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_payload("ab....");
	set16(b.bytes + 24, 60000); /* more than there is: all that there is */
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_payload("ab....");
	set16(b.bytes + 24, 7);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_false(packet.has_ports);
	assert_payload("");
}

static void other_transports_give_ports_and_payload(void **state)
{
	static const struct {
		uint8_t proto;
		size_t header;
	} cases[] = {{136, 8}, {132, 12}, {33, 16}};
	struct build b;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t header[16] = {0x12, 0x34, 0x56, 0x78};

		if (cases[i].proto == 33) {
			header[4] = 4; /* data offset in words */
			header[8] = 1; /* extended sequence numbers */
		}
		begin4(&b, cases[i].proto, 0);
		put(&b, header, cases[i].header);
		put(&b, "data", 4);
		end(&b);
		assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
		assert_true(packet.has_ports);
		assert_false(packet.has_tcp);
		assert_int_equal(packet.sport, 0x1234);
		assert_int_equal(packet.dport, 0x5678);
		assert_payload("data");
	}
	/* DCCP: a data offset within the header itself */
	b.bytes[24] = 3;
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_false(packet.has_ports);
}

static void icmp_gives_type_and_code(void **state)
{
	uint8_t echo[12] = {8, 0, 0, 0, 0, 1, 0, 2, 'p', 'i', 'n', 'g'};
	struct build b;

	(void)state;
	begin4(&b, 1, 0);
	put(&b, echo, sizeof(echo));
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_true(packet.has_icmp);
	assert_false(packet.has_ports);
	assert_int_equal(packet.icmp_type, 8);
	assert_payload("ping");

	echo[0] = 1;
	echo[1] = 4;
	begin6(&b, 58);
	put(&b, echo, sizeof(echo));
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_true(packet.has_icmp);
	assert_int_equal(packet.icmp_type, 1);
	assert_int_equal(packet.icmp_code, 4);
	assert_payload("ping");
}

static void gre_optional_fields_are_not_payload(void **state)
{
	uint8_t gre[16] = {0xb0, 0, 0x08, 0};
	struct build b;

	(void)state;
	begin4(&b, 47, 0);
	put(&b, gre, sizeof(gre));
	put(&b, "inner", 5);
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_false(packet.has_ports);
	assert_payload("inner");
}

static void an_unknown_protocol_has_all_as_payload(void **state)
{
	struct build b;

	(void)state;
	begin4(&b, 253, 0);
	put(&b, "data", 4);
	end(&b);
	assert_int_equal(parse(b.bytes, b.length), PACKET_OK);
	assert_false(packet.has_ports);
	assert_payload("data");
}

/* ---- names ---- */

static void protocols_are_known_by_name_alias_and_number(void **state)
{
	static const struct {
		const char *word;
		uint8_t proto;
	} good[] = {{"tcp", 6},	       {"UDP", 17},   {"icmpv6", 58}, {"ipv6-icmp", 58},
		    {"icmp6", 58},     {"sctp", 132}, {"dccp", 33},   {"udplite", 136},
		    {"udp-lite", 136}, {"esp", 50},   {"ah", 51},     {"gre", 47},
		    {"icmp", 1},       {"0", 0},      {"6", 6},	      {"255", 255}};
	static const char *const bad[] = {"",	"256", "1000", "tcp4",	     "-1",
					  "6 ", " 6",  "0x6",  "99999999999"};
	uint8_t proto;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(packet_proto_parse(good[i].word, &proto));
		assert_int_equal(proto, good[i].proto);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(packet_proto_parse(bad[i], &proto));
	assert_string_equal(packet_proto_name(6), "tcp");
	assert_string_equal(packet_proto_name(58), "icmpv6");
	assert_string_equal(packet_proto_name(136), "udplite");
	assert_null(packet_proto_name(253));
	/* what is printed is understood again */
	for (unsigned i = 0; i < 256; i++) {
		const char *name = packet_proto_name((uint8_t)i);

		if (name != NULL) {
			assert_true(packet_proto_parse(name, &proto));
			assert_int_equal(proto, i);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(an_ipv4_tcp_segment_is_read_field_by_field, teardown),
		cmocka_unit_test(parsing_leaves_meta_alone),
		cmocka_unit_test_teardown(ipv4_options_are_stepped_over, teardown),
		cmocka_unit_test_teardown(link_padding_is_not_payload, teardown),
		cmocka_unit_test_teardown(an_ipv4_total_length_of_zero_means_what_was_on_the_wire,
					  teardown),
		cmocka_unit_test_teardown(a_cut_packet_keeps_its_length_on_the_wire, teardown),
		cmocka_unit_test_teardown(every_cut_of_a_packet_parses_within_its_bytes, teardown),
		cmocka_unit_test_teardown(lengths_that_contradict_themselves_are_malformed,
					  teardown),
		cmocka_unit_test_teardown(ipv4_fragments_have_no_ports_and_no_payload, teardown),
		cmocka_unit_test_teardown(an_ipv6_datagram_is_read_field_by_field, teardown),
		cmocka_unit_test_teardown(ipv6_extension_headers_are_skipped, teardown),
		cmocka_unit_test_teardown(ah_is_skipped_in_ipv6_and_is_the_protocol_in_ipv4,
					  teardown),
		cmocka_unit_test_teardown(a_mobility_header_alone_is_the_protocol, teardown),
		cmocka_unit_test_teardown(the_chain_stops_at_esp_and_at_no_next_header, teardown),
		cmocka_unit_test_teardown(a_chain_of_too_many_headers_ends_the_search, teardown),
		cmocka_unit_test_teardown(
			an_extension_header_longer_than_the_packet_hides_the_ports, teardown),
		cmocka_unit_test_teardown(first_and_later_ipv6_fragments_have_the_same_protocol,
					  teardown),
		cmocka_unit_test_teardown(an_atomic_fragment_is_a_whole_packet, teardown),
		cmocka_unit_test_teardown(an_ipv6_payload_length_of_zero_means_what_was_on_the_wire,
					  teardown),
		cmocka_unit_test_teardown(a_tcp_data_offset_out_of_range_gives_no_ports, teardown),
		cmocka_unit_test_teardown(a_udp_length_limits_the_payload, teardown),
		cmocka_unit_test_teardown(other_transports_give_ports_and_payload, teardown),
		cmocka_unit_test_teardown(icmp_gives_type_and_code, teardown),
		cmocka_unit_test_teardown(gre_optional_fields_are_not_payload, teardown),
		cmocka_unit_test_teardown(an_unknown_protocol_has_all_as_payload, teardown),
		cmocka_unit_test(protocols_are_known_by_name_alias_and_number),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
