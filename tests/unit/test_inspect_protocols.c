/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The built-in inspectors: what each claims, what it refuses, and when it knows. */
#include "inspect_support.h"

/* ---- TLS ---- */

struct hello {
	const char *name;
	const char *alpn; /* one byte of length, then the name, ... */
	unsigned ech;	  /* 0: none, 1: outer, 2: inner, 3: lengths that contradict */
	size_t padding;	  /* bytes of key share, as post-quantum ones */
	size_t record;	  /* handshake bytes in a record; 0: all */
	unsigned record_version;
	bool name_last;
};

static void put_extension(struct bytes *out, unsigned type, const struct bytes *body)
{
	put16(out, type);
	put16(out, (unsigned)body->length);
	put(out, body->at, body->length);
}

static void put_sni(struct bytes *out, const char *name)
{
	struct bytes body = {.length = 0};
	unsigned length = (unsigned)strlen(name);

	put16(&body, length + 3);
	put8(&body, 0);
	put16(&body, length);
	put(&body, name, length);
	put_extension(out, 0, &body);
}

static void client_hello(struct bytes *out, const struct hello *hello)
{
	static struct bytes extensions, body, part;
	size_t at = 0;

	extensions.length = body.length = part.length = out->length = 0;
	put16(&part, 0);
	put_extension(&extensions, 0x5a5a, &part); /* GREASE */
	if (hello->name && !hello->name_last)
		put_sni(&extensions, hello->name);
	if (hello->alpn) {
		part.length = 0;
		put16(&part, (unsigned)strlen(hello->alpn));
		put(&part, hello->alpn, strlen(hello->alpn));
		put_extension(&extensions, 16, &part);
	}
	if (hello->padding) {
		part.length = 0;
		put_zeros(&part, hello->padding);
		put_extension(&extensions, 51, &part);
	}
	if (hello->ech) {
		part.length = 0;
		put8(&part, hello->ech == 2 ? 1 : 0);
		if (hello->ech != 2) {
			put16(&part, 1);
			put16(&part, 1);
			put8(&part, 0x42);
			put16(&part, 32);
			put_zeros(&part, 32);
			put16(&part, hello->ech == 3 ? 199 : 200);
			put_zeros(&part, 200);
		}
		put_extension(&extensions, 0xfe0d, &part);
	}
	if (hello->name && hello->name_last)
		put_sni(&extensions, hello->name);

	put16(&body, 0x0303);
	put_zeros(&body, 32);
	put8(&body, 32);
	put_zeros(&body, 32);
	put16(&body, 4);
	put16(&body, 0x1301);
	put16(&body, 0xc02b);
	put8(&body, 1);
	put8(&body, 0);
	put16(&body, (unsigned)extensions.length);
	put(&body, extensions.at, extensions.length);

	part.length = 0;
	put8(&part, 1);
	put8(&part, (unsigned)(body.length >> 16));
	put16(&part, body.length & 0xffff);
	put(&part, body.at, body.length);
	while (at < part.length) {
		size_t count = part.length - at;

		if (hello->record && count > hello->record)
			count = hello->record;
		put8(out, 22);
		put16(out, hello->record_version ? hello->record_version : 0x0301);
		put16(out, (unsigned)count);
		put(out, part.at + at, count);
		at += count;
	}
}

static void server_hello(struct bytes *out)
{
	put8(out, 22);
	put16(out, 0x0303);
	put16(out, 4 + 2 + 32 + 1 + 2 + 1);
	put8(out, 2);
	put8(out, 0);
	put16(out, 2 + 32 + 1 + 2 + 1);
	put16(out, 0x0303);
	put_zeros(out, 32 + 1);
	put16(out, 0x1301);
	put8(out, 0);
}

static struct bytes wire;

static void a_client_hello_in_one_segment_gives_app_name_and_alpn(void **state)
{
	struct talk talk;

	(void)state;
	client_hello(&wire, &(struct hello){.name = "WWW.Example.ORG", .alpn = "\2h2\x08http/1.1"});
	talk_begin(&talk, IPPROTO_TCP, 443);
	assert_all_open(&talk);
	assert_true(say(&talk, C, wire.at, wire.length));
	assert_app(&talk, "tls");
	assert_host(&talk, HOST_TLS_SNI, "www.example.org");
	assert_string_equal(evidence_alpn(talk.evidence, 0), "h2");
	assert_string_equal(evidence_alpn(talk.evidence, 1), "http/1.1");
	assert_null(evidence_alpn(talk.evidence, 2));
	assert_done(&talk);
	assert_false(say_text(&talk, S, "anything"));
	talk_end(&talk);
}

static void a_client_hello_cut_at_every_byte_is_read_the_same(void **state)
{
	struct talk talk;

	(void)state;
	client_hello(&wire, &(struct hello){.name = "cut.example", .alpn = "\2h2"});
	for (size_t cut = 1; cut < wire.length; cut++) {
		talk_begin(&talk, IPPROTO_TCP, 443);
		say(&talk, C, wire.at, cut);
		assert_false(talk.evidence->host_done);
		say(&talk, C, wire.at + cut, wire.length - cut);
		assert_host(&talk, HOST_TLS_SNI, "cut.example");
		assert_done(&talk);
		talk_end(&talk);
	}
}

static void a_client_hello_in_records_of_any_size_is_put_together(void **state)
{
	struct talk talk;

	(void)state;
	for (size_t record = 1; record < 80; record += record < 8 ? 1 : 13) {
		client_hello(&wire, &(struct hello){.name = "rec.example", .record = record});
		talk_begin(&talk, IPPROTO_TCP, 443);
		say(&talk, C, wire.at, 3);
		say(&talk, C, wire.at + 3, wire.length - 3);
		assert_host(&talk, HOST_TLS_SNI, "rec.example");
		assert_done(&talk);
		talk_end(&talk);
	}
}

static void segments_out_of_order_twice_and_overlapping_change_nothing(void **state)
{
	struct talk talk;

	(void)state;
	client_hello(&wire, &(struct hello){.name = "order.example", .padding = 1500});
	talk_begin(&talk, IPPROTO_TCP, 443);
	say_at(&talk, C, 1400, wire.at + 1400, wire.length - 1400);
	assert_app(&talk, NULL);
	say_at(&talk, C, 1400, wire.at + 1400, wire.length - 1400);
	say_at(&talk, C, 0, wire.at, 700);
	assert_app(&talk, "tls");
	assert_host(&talk, HOST_SOURCE_NONE, NULL);
	assert_false(talk.evidence->host_done);
	say_at(&talk, C, 650, wire.at + 650, 900);
	assert_host(&talk, HOST_TLS_SNI, "order.example");
	assert_done(&talk);
	talk_end(&talk);
}

static void a_name_behind_fifteen_kilobytes_is_found(void **state)
{
	struct talk talk;

	(void)state;
	client_hello(&wire,
		     &(struct hello){.name = "far.example", .padding = 15000, .name_last = true});
	talk_begin(&talk, IPPROTO_TCP, 443);
	for (size_t at = 0; at < wire.length; at += 1000)
		say(&talk, C, wire.at + at, wire.length - at < 1000 ? wire.length - at : 1000);
	assert_host(&talk, HOST_TLS_SNI, "far.example");
	talk_end(&talk);
}

static void a_hello_larger_than_the_prefix_gives_the_name_seen(void **state)
{
	struct talk talk;

	(void)state;
	client_hello(&wire,
		     &(struct hello){.name = "huge.example", .padding = 30000, .record = 9000});
	talk_begin(&talk, IPPROTO_TCP, 443);
	talk.limits.decide_bytes = 4000;
	for (size_t at = 0; at < 16000; at += 1000) {
		say(&talk, C, wire.at + at, 1000);
		assert_app(&talk, "tls");
		assert_false(talk.evidence->host_done);
	}
	say(&talk, C, wire.at + 16000, 1000);
	assert_host(&talk, HOST_TLS_SNI, "huge.example");
	assert_done(&talk);
	talk_end(&talk);
}

static void an_incomplete_hello_stretches_the_limits_fourfold(void **state)
{
	struct talk talk;

	(void)state;
	client_hello(&wire, &(struct hello){.name = "slow.example", .padding = 100});
	talk_begin(&talk, IPPROTO_TCP, 443);
	talk.limits.decide_packets = 3;
	for (unsigned i = 0; i < 11; i++)
		say(&talk, C, wire.at + i, 1);
	assert_false(talk.evidence->apps_done);
	say(&talk, C, wire.at + 11, 1);
	assert_done(&talk);
	assert_app(&talk, NULL);
	talk_end(&talk);
}

static void an_outer_ech_extension_labels_the_name(void **state)
{
	static const enum host_source want[] = {HOST_TLS_SNI, HOST_TLS_ECH_OUTER, HOST_TLS_SNI,
						HOST_TLS_SNI};
	struct talk talk;

	(void)state;
	for (unsigned ech = 0; ech < 4; ech++) {
		client_hello(&wire, &(struct hello){.name = "public.example", .ech = ech});
		talk_begin(&talk, IPPROTO_TCP, 443);
		say(&talk, C, wire.at, wire.length);
		assert_host(&talk, want[ech], "public.example");
		talk_end(&talk);
	}
}

static void a_hello_without_a_name_is_done_without_one(void **state)
{
	struct talk talk;

	(void)state;
	client_hello(&wire, &(struct hello){.alpn = "\2h2"});
	talk_begin(&talk, IPPROTO_TCP, 443);
	say(&talk, C, wire.at, wire.length);
	assert_app(&talk, "tls");
	assert_host(&talk, HOST_SOURCE_NONE, NULL);
	assert_done(&talk);
	talk_end(&talk);
}

static void implausible_names_are_no_names(void **state)
{
	static const char *const names[] = {
		"a b.example",	      "a..example", ".example", "x/../y",
		"ex\xc3\xa4mple.org", "12:30",	    "."};
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		client_hello(&wire, &(struct hello){.name = names[i]});
		talk_begin(&talk, IPPROTO_TCP, 443);
		say(&talk, C, wire.at, wire.length);
		assert_app(&talk, "tls");
		assert_host(&talk, HOST_SOURCE_NONE, NULL);
		assert_done(&talk);
		talk_end(&talk);
	}
}

static void grease_alpn_is_left_out(void **state)
{
	struct talk talk;

	(void)state;
	client_hello(&wire, &(struct hello){.name = "a.example", .alpn = "\2ZZ\2h2\2\x0a\x0a"});
	talk_begin(&talk, IPPROTO_TCP, 443);
	say(&talk, C, wire.at, wire.length);
	assert_string_equal(evidence_alpn(talk.evidence, 0), "h2");
	assert_null(evidence_alpn(talk.evidence, 1));
	talk_end(&talk);
}

static void a_server_hello_alone_is_tls_and_the_name_stays_open(void **state)
{
	struct talk talk;

	(void)state;
	wire.length = 0;
	server_hello(&wire);
	talk_begin(&talk, IPPROTO_TCP, 443);
	say(&talk, S, wire.at, wire.length);
	assert_app(&talk, "tls");
	assert_true(talk.evidence->apps_done);
	assert_false(talk.evidence->host_done);
	/* the client's segment was only late */
	client_hello(&wire, &(struct hello){.name = "late.example"});
	say(&talk, C, wire.at, wire.length);
	assert_host(&talk, HOST_TLS_SNI, "late.example");
	assert_done(&talk);
	talk_end(&talk);
}

static void an_alert_answer_is_tls(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, IPPROTO_TCP, 443);
	say(&talk, S, "\x15\3\3\0\2\2\x28", 7);
	assert_app(&talk, "tls");
	talk_end(&talk);
}

static void data_records_are_tls_only_in_a_flow_seen_from_the_middle(void **state)
{
	struct talk talk;

	(void)state;
	wire.length = 0;
	for (unsigned i = 0; i < 2; i++) {
		put8(&wire, 23);
		put16(&wire, 0x0303);
		put16(&wire, 40);
		put_zeros(&wire, 40);
	}
	talk_begin(&talk, IPPROTO_TCP, 443);
	say(&talk, C, wire.at, wire.length);
	assert_app(&talk, NULL);
	assert_done(&talk);
	talk_end(&talk);

	talk_begin(&talk, IPPROTO_TCP, 443);
	talk.flow.midstream = true;
	inspection_free(talk.inspection);
	talk.inspection =
		inspection_new(&talk.flow, &(struct packet){.has_ports = true}, NULL, NULL);
	talk.evidence = inspection_evidence(talk.inspection);
	say(&talk, C, wire.at, wire.length);
	assert_app(&talk, "tls");
	assert_done(&talk);
	talk_end(&talk);
}

static void bytes_that_only_begin_like_tls_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"\x16\x02\x01", 3},			     /* version */
		{"\x16\x03\x09", 3},			     /* version */
		{"\x16\x03\x01\x00\x00", 5},		     /* empty record */
		{"\x16\x03\x01\xff\xff", 5},		     /* too long */
		{"\x16\x03\x01\x00\x40\x07", 6},	     /* no hello */
		{"\x16\x03\x01\x00\x40\x01\x00\x00\x05", 9}, /* too short to be one */
		{"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x07\x07", 11},
	};
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_begin(&talk, IPPROTO_TCP, 443);
		wire.length = 0;
		put(&wire, cases[i].bytes, cases[i].length);
		while (wire.length < 40) /* so that nobody else waits for the rest of a header */
			put8(&wire, 0xee);
		say(&talk, C, wire.at, wire.length);
		assert_app(&talk, NULL);
		assert_done(&talk);
		talk_end(&talk);
	}
}

static void an_sslv2_hello_is_tls(void **state)
{
	struct talk talk;

	(void)state;
	wire.length = 0;
	put16(&wire, 0x8000 | (9 + 6 + 16));
	put8(&wire, 1);
	put16(&wire, 0x0301);
	put16(&wire, 6);
	put16(&wire, 0);
	put16(&wire, 16);
	put_zeros(&wire, 22);
	talk_begin(&talk, IPPROTO_TCP, 443);
	say(&talk, C, wire.at, wire.length);
	assert_app(&talk, "tls");
	assert_done(&talk);
	talk_end(&talk);
}

/* ---- HTTP ---- */

struct http_case {
	const char *text;
	const char *host; /* NULL: none */
	enum host_source source;
};

static void requests_give_their_host(void **state)
{
	static const struct http_case cases[] = {
		{"GET / HTTP/1.1\r\nHost: www.Example.org\r\n\r\n", "www.example.org",
		 HOST_HTTP_HOST},
		{"GET / HTTP/1.1\r\nhOsT:example.org:8080  \r\n\r\n", "example.org",
		 HOST_HTTP_HOST},
		{"GET / HTTP/1.0\nHost: a.example.\n\n", "a.example", HOST_HTTP_HOST},
		{"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "a", HOST_HTTP_HOST},
		{"SEARCH /x HTTP/1.1\r\nA: b\r\n c: d\r\nHost: dav.example\r\n\r\n",
		 "dav.example", HOST_HTTP_HOST},
		{"GET /raw space HTTP/1.1\r\nHost: s.example\r\n\r\n", "s.example", HOST_HTTP_HOST},
		{"GET / HTTP/1.1\r\nHost: [2001:DB8::1]:81\r\n\r\n", "2001:db8::1", HOST_HTTP_HOST},
		{"GET / HTTP/1.1\r\nHost: [2001:db8:0:0::1]\r\n\r\n", "2001:db8::1", HOST_HTTP_HOST},
		{"GET / HTTP/1.1\r\nHost: 192.0.2.1:81\r\n\r\n", "192.0.2.1", HOST_HTTP_HOST},
		{"GET / HTTP/1.1\r\nHost:\r\n folded.example\r\n\r\n", "folded.example",
		 HOST_HTTP_HOST},
		{"GET http://u:p@abs.example:80/x@y HTTP/1.1\r\nHost: other\r\n\r\n", "abs.example",
		 HOST_HTTP_HOST},
		{"M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n\r\n", "239.255.255.250",
		 HOST_HTTP_HOST},
		{"GET / HTTP/1.0\r\nAccept: x\r\n\r\n", NULL, HOST_SOURCE_NONE},
		{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", NULL, HOST_SOURCE_NONE},
		{"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", NULL, HOST_SOURCE_NONE},
		{"GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", NULL, HOST_SOURCE_NONE},
		{"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", NULL, HOST_SOURCE_NONE},
		{"GET / HTTP/1.1\r\nHost:\r\nX: y\r\n\r\n", NULL, HOST_SOURCE_NONE},
		{"GET / HTTP/1.1\r\nHost: <script>\r\n\r\n", NULL, HOST_SOURCE_NONE},
		{"GET / HTTP/1.1\r\nX: y\r\n Host: folded-into-x\r\n\r\n", NULL, HOST_SOURCE_NONE},
	};
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* whole, then one byte at a time: the same */
		talk_begin(&talk, IPPROTO_TCP, 8000);
		say_text(&talk, C, cases[i].text);
		assert_app(&talk, "http");
		assert_host(&talk, cases[i].source, cases[i].host);
		assert_done(&talk);
		talk_end(&talk);

		talk_begin(&talk, IPPROTO_TCP, 8000);
		talk.limits.decide_packets = 1000;
		for (const char *c = cases[i].text; *c; c++)
			say(&talk, C, c, 1);
		assert_app(&talk, "http");
		assert_host(&talk, cases[i].source, cases[i].host);
		assert_done(&talk);
		talk_end(&talk);
	}
}

static void a_host_on_a_later_segment_is_waited_for(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, IPPROTO_TCP, 80);
	say_text(&talk, C, "POST /form HTTP/1.1\r\nUser-Agent: x\r\nHo");
	assert_app(&talk, "http");
	assert_false(talk.evidence->host_done);
	say_text(&talk, S, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_false(talk.evidence->host_done);
	say_text(&talk, C, "st: later.example\r\n");
	assert_host(&talk, HOST_HTTP_HOST, "later.example");
	assert_true(talk.evidence->host_done);
	/* until its end a request may still offer another protocol */
	assert_false(talk.evidence->apps_done);
	say_text(&talk, C, "\r\n");
	assert_done(&talk);
	talk_end(&talk);
}

static void a_response_alone_is_http(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, IPPROTO_TCP, 80);
	say_text(&talk, S, "HTTP/1.1 2");
	assert_all_open(&talk);
	say_text(&talk, S, "00 OK\r\n");
	assert_app(&talk, "http");
	assert_false(talk.evidence->host_done);
	for (unsigned i = 0; i < 10; i++)
		say_text(&talk, S, "body");
	assert_done(&talk);
	talk_end(&talk);
}

static void texts_that_share_words_with_http_are_refused(void **state)
{
	static const char *const texts[] = {
		"GET key\r\n",
		"GETX / HTTP/1.1\r\n",
		"OPTIONS sip:a@b SIP/2.0\r\n",
		"OPTIONS rtsp://a/b RTSP/1.0\r\n",
		"get / HTTP/1.1\r\n",
		"GET \x01\x02",
		"HTTP/2 200\r\n",
		"HTTP/1.1x200\r\n",
	};
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		talk_begin(&talk, IPPROTO_TCP, 80);
		say_text(&talk, C, texts[i]);
		assert_app(&talk, NULL);
		assert_done(&talk);
		talk_end(&talk);
	}
}

/* ---- DNS ---- */

static void put_name(struct bytes *out, const char *name)
{
	while (*name) {
		size_t length = strcspn(name, ".");

		put8(out, (unsigned)length);
		put(out, name, length);
		name += length + (name[length] == '.');
	}
	put8(out, 0);
}

static void query(struct bytes *out, const char *name, unsigned flags, unsigned type)
{
	out->length = 0;
	put16(out, 0x1234);
	put16(out, flags);
	put16(out, 1);
	put_zeros(out, 6);
	put_name(out, name);
	put16(out, type);
	put16(out, 1);
}

static void a_dns_query_gives_its_name_on_any_port(void **state)
{
	struct talk talk;

	(void)state;
	for (unsigned port = 53; port < 6000; port += 5000) {
		query(&wire, "WWW.example.com", 0x0100, 28);
		talk_begin(&talk, IPPROTO_UDP, (uint16_t)port);
		say(&talk, C, wire.at, wire.length);
		assert_app(&talk, "dns");
		assert_host(&talk, HOST_DNS_QUERY, "www.example.com");
		assert_done(&talk);
		talk_end(&talk);
	}
}

static void a_dns_query_with_edns_and_an_answer_are_walked(void **state)
{
	struct talk talk;

	(void)state;
	query(&wire, "edns.example", 0x0120, 1);
	wire.at[11] = 1;
	put8(&wire, 0);
	put16(&wire, 41);
	put16(&wire, 1232);
	put_zeros(&wire, 4);
	put16(&wire, 0);
	talk_begin(&talk, IPPROTO_UDP, 5300);
	say(&talk, C, wire.at, wire.length);
	assert_host(&talk, HOST_DNS_QUERY, "edns.example");
	talk_end(&talk);

	query(&wire, "answer.example", 0x8180, 1);
	wire.at[7] = 1;
	put16(&wire, 0xc00c);
	put16(&wire, 1);
	put16(&wire, 1);
	put_zeros(&wire, 4);
	put16(&wire, 4);
	put_zeros(&wire, 4);
	talk_begin(&talk, IPPROTO_UDP, 5300);
	say(&talk, S, wire.at, wire.length);
	assert_app(&talk, "dns");
	assert_host(&talk, HOST_SOURCE_NONE, NULL);
	talk_end(&talk);
	/* the same with a pointer to itself */
	wire.at[wire.length - 15] = (uint8_t)(wire.length - 16);
	talk_begin(&talk, IPPROTO_UDP, 5300);
	say(&talk, S, wire.at, wire.length);
	assert_app(&talk, NULL);
	talk_end(&talk);
}

static void dns_over_tcp_waits_for_its_bytes(void **state)
{
	struct talk talk;

	(void)state;
	query(&wire, "tcp.example", 0x0100, 1);
	talk_begin(&talk, IPPROTO_TCP, 5353);
	say(&talk, C, "\0", 1);
	assert_all_open(&talk);
	say(&talk, C, &(uint8_t){(uint8_t)wire.length}, 1);
	say(&talk, C, wire.at, 14);
	assert_all_open(&talk);
	say(&talk, C, wire.at + 14, wire.length - 14);
	assert_app(&talk, "dns");
	assert_host(&talk, HOST_DNS_QUERY, "tcp.example");
	assert_done(&talk);
	talk_end(&talk);
}

static void what_only_resembles_dns_is_refused(void **state)
{
	static const struct {
		const char *name;
		unsigned flags, type;
		uint16_t port;
		size_t extra;
	} cases[] = {
		{"a.example", 0x0100, 999, 5300, 0},			 /* no such type */
		{"a.example", 0x0100, 1, 5300, 1},			 /* a byte left over */
		{"a.example", 0x0140, 1, 5300, 0},			 /* Z */
		{"a.example", 0x0103, 1, 5300, 0},			 /* a query with an rcode */
		{"a.example", 0x7900, 1, 5300, 0},			 /* opcode 15 */
		{"a\1.example", 0x0100, 1, 5300, 0},			 /* not printable */
		{"a.example", 0x0100, 1, 5355, 0},			 /* LLMNR */
		/* NetBIOS, which has an inspector of its own */
		{"FHEPFCELEHFCEPFFFACACACACACACABM", 0x0110, 32, 53, 0},
	};
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		query(&wire, cases[i].name, cases[i].flags, cases[i].type);
		put_zeros(&wire, cases[i].extra);
		talk_begin(&talk, IPPROTO_UDP, cases[i].port);
		say(&talk, C, wire.at, wire.length);
		assert_app(&talk, cases[i].type == 32 ? "netbios" : NULL);
		assert_done(&talk);
		talk_end(&talk);
	}
}

static void an_unprintable_dns_name_is_dns_without_a_name(void **state)
{
	struct talk talk;

	(void)state;
	query(&wire, "tunnel\xff.example", 0x0100, 10);
	talk_begin(&talk, IPPROTO_UDP, 53);
	say(&talk, C, wire.at, wire.length);
	assert_app(&talk, "dns");
	assert_host(&talk, HOST_SOURCE_NONE, NULL);
	assert_done(&talk);
	talk_end(&talk);

	query(&wire, "odd+but=printable.example", 0x0100, 16);
	talk_begin(&talk, IPPROTO_UDP, 53);
	say(&talk, C, wire.at, wire.length);
	assert_host(&talk, HOST_DNS_QUERY, "odd+but=printable.example");
	talk_end(&talk);
}

/* ---- SSH ---- */

static void an_ssh_banner_from_either_side_is_ssh(void **state)
{
	static const char *const banners[] = {"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH-1.99-x\r\n",
					      "SSH-1.5-old\n"};
	struct talk talk;

	(void)state;
	for (unsigned side = 0; side < 2; side++)
		for (size_t i = 0; i < 3; i++) {
			talk_begin(&talk, IPPROTO_TCP, 2222);
			say(&talk, side, banners[i], 3);
			assert_false(talk.evidence->apps_done);
			say(&talk, side, banners[i] + 3, strlen(banners[i]) - 3);
			assert_app(&talk, "ssh");
			assert_done(&talk);
			talk_end(&talk);
		}
	talk_begin(&talk, IPPROTO_TCP, 22);
	say_text(&talk, S, "SSH-3.0-x\r\n");
	assert_app(&talk, NULL);
	assert_done(&talk);
	talk_end(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_hello_in_one_segment_gives_app_name_and_alpn),
		cmocka_unit_test(a_client_hello_cut_at_every_byte_is_read_the_same),
		cmocka_unit_test(a_client_hello_in_records_of_any_size_is_put_together),
		cmocka_unit_test(segments_out_of_order_twice_and_overlapping_change_nothing),
		cmocka_unit_test(a_name_behind_fifteen_kilobytes_is_found),
		cmocka_unit_test(a_hello_larger_than_the_prefix_gives_the_name_seen),
		cmocka_unit_test(an_incomplete_hello_stretches_the_limits_fourfold),
		cmocka_unit_test(an_outer_ech_extension_labels_the_name),
		cmocka_unit_test(a_hello_without_a_name_is_done_without_one),
		cmocka_unit_test(implausible_names_are_no_names),
		cmocka_unit_test(grease_alpn_is_left_out),
		cmocka_unit_test(a_server_hello_alone_is_tls_and_the_name_stays_open),
		cmocka_unit_test(an_alert_answer_is_tls),
		cmocka_unit_test(data_records_are_tls_only_in_a_flow_seen_from_the_middle),
		cmocka_unit_test(bytes_that_only_begin_like_tls_are_refused),
		cmocka_unit_test(an_sslv2_hello_is_tls),
		cmocka_unit_test(requests_give_their_host),
		cmocka_unit_test(a_host_on_a_later_segment_is_waited_for),
		cmocka_unit_test(a_response_alone_is_http),
		cmocka_unit_test(texts_that_share_words_with_http_are_refused),
		cmocka_unit_test(a_dns_query_gives_its_name_on_any_port),
		cmocka_unit_test(a_dns_query_with_edns_and_an_answer_are_walked),
		cmocka_unit_test(dns_over_tcp_waits_for_its_bytes),
		cmocka_unit_test(what_only_resembles_dns_is_refused),
		cmocka_unit_test(an_unprintable_dns_name_is_dns_without_a_name),
		cmocka_unit_test(an_ssh_banner_from_either_side_is_ssh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
