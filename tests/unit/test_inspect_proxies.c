/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proxies and what they let through, layers upon layers, and HTTP/2 in the clear. */
#include "layers_support.h"

/* ---- SOCKS ---- */

#define SOCKS5_NAME    \
	"\5\1\0\3\x0b" \
	"dst.example"  \
	"\1\xbb"
#define SOCKS5_OK "\5\0\0\1\0\0\0\0\0\0"

static void socks_gives_the_destination_and_carries_what_is_asked_for(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(C, "\5\2\0\2"), SAY(S, "\5\0"), SAY(C, SOCKS5_NAME),
			   SAY(S, SOCKS5_OK), HELLO},
		 .apps = "socks tls",
		 .host = "dst.example",
		 .source = HOST_SOCKS},
		/* password; an IPv6 destination has no name, but the TLS inside has */
		{.steps = {SAY(C, "\5\1\2"), SAY(S, "\5\2"), SAY(C, "\1\2me\0"), SAY(S, "\1\0"),
			   SAY(C, "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\xbb"),
			   SAY(S, "\5\0\0\3\3abc\0\1"), HELLO},
		 .apps = "socks tls",
		 INNER},
		/* a client that does not wait */
		{.steps = {SAY_HELLO(C, "\5\1\0\5\1\0\1\xc0\0\2\1\1\xbb"),
			   SAY(S, "\5\0" SOCKS5_OK)},
		 .apps = "socks tls",
		 INNER},
		/* an address that is written as a name */
		{.steps = {SAY(C, "\5\1\0"), SAY(S, "\5\0"),
			   SAY(C, "\5\1\0\3\x09"
				  "192.0.2.1\1\xbb"),
			   SAY(S, SOCKS5_OK), HELLO},
		 .apps = "socks tls",
		 INNER},
		{.steps = {SAY(C, "\5\1\0"), SAY(S, "\5\0"), SAY(C, SOCKS5_NAME),
			   SAY(S, "\5\4\0\1\0\0\0\0\0\0")},
		 .apps = "socks",
		 .host = "dst.example",
		 .source = HOST_SOCKS},
		{.steps = {SAY(C, "\5\1\0"), SAY(S, "\5\xff")}, .apps = "socks"},
		/* what may be sent back, until GSSAPI has begun; and what is */
		{.steps = {SAY(C, "\5\1\1"), SAY(S, "\5\1"), SAY(C, "\1\1\0\1x"),
			   SAY(S, "\1\1\0\1y")},
		 .apps = "socks"},
		{.steps = {SAY(C, "\5\1\1"), SAY(S, "\5\1\1"), SAY(C, "abcd"), SAY(S, "abcd")},
		 .apps = ""},
		{.steps = {SAY(C, "\5\1\2"), SAY(S, "\5\2"), SAY(C, "\1\2me\1x"), SAY(S, "\1\1")},
		 .apps = "socks"},
		/* not CONNECT: what follows is not a stream to the destination */
		{.steps = {SAY(C, "\5\1\0"), SAY(S, "\5\0"), SAY(C, "\5\3\0\1\0\0\0\0\0\0")},
		 .apps = "socks"},
		{.steps = {SAY(C, "\5\1\0"), SAY(S, "\5\0"), SAY(C, SOCKS5_NAME)},
		 .apps = "socks",
		 .host = "dst.example",
		 .source = HOST_SOCKS,
		 .open = true},
		{.steps = {SAY(C, "\4\1\1\xbb\xc0\0\2\1me\0"), SAY(S, "\0\x5a\0\0\0\0\0\0"), HELLO},
		 .apps = "socks tls",
		 INNER},
		{.steps = {SAY(C, "\4\1\1\xbb\0\0\0\1\0dst.example\0"),
			   SAY(S, "\0\x5a\0\0\0\0\0\0"), HELLO},
		 .apps = "socks tls",
		 .host = "dst.example",
		 .source = HOST_SOCKS},
		{.steps = {SAY(C, "\4\1\1\xbb\0\0\0\1\0dst.example\0"),
			   SAY(S, "\0\x5b\0\0\0\0\0\0")},
		 .apps = "socks",
		 .host = "dst.example",
		 .source = HOST_SOCKS},
		/* a method that was not offered; it may be a length of DNS yet */
		{.steps = {SAY(C, "\5\1\0"), SAY(S, "\5\2")}, .apps = "", .open = true},
		{.steps = {SAY(C, "\5\1\0"), SAY(S, "hello")}, .apps = "", .open = true},
		{.steps = {SAY(C, "\5\0")}, .apps = "", .open = true},
		{.steps = {SAY(C, "\4\3\1\xbb")}, .apps = "", .open = true},
		{.steps = {SAY(C, "\4\1\1\xbb\xc0\0\2\1\1")}, .apps = ""},
		{.steps = {SAY(C, "\4\1\1\xbb\xc0\0\2\1\0"), SAY(S, "\0\x5e")}, .apps = ""},
	};

	(void)state;
	HOLD(dialogues);
}

/* ---- HTTP ---- */

#define CONNECT "CONNECT Dst.example:443 HTTP/1.1\r\nHost: other.example\r\n\r\n"
#define CONNECTED .host = "dst.example", .source = HOST_HTTP_CONNECT

static void connect_carries_what_the_proxy_lets_through(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(C, CONNECT), SAY(S, "HTTP/1.1 200 OK\r\n\r\n"), HELLO},
		 .apps = "http tls",
		 CONNECTED},
		{.steps = {SAY_HELLO(C, CONNECT), SAY(S, "HTTP/1.0 100 wait\n\nHTTP/1.0 204\n\n")},
		 .apps = "http tls",
		 CONNECTED},
		{.steps = {SAY(C, "CONNECT [2001:DB8::1]:22 HTTP/1.0\n\n"),
			   SAY(S, "HTTP/1.1 200 Connection established\r\nVia: "
				  "x\r\n\r\nSSH-2.0-x\r\n")},
		 .apps = "http ssh",
		 .host = "2001:db8::1",
		 .source = HOST_HTTP_CONNECT},
		/* refused, with a page, then tried again with a password */
		{.steps = {SAY(C, CONNECT),
			   SAY(S, "HTTP/1.1 407 Who?\r\nContent-Length: 5\r\n\r\nplea"),
			   SAY(S, "s"), SAY(C, CONNECT), SAY(S, "HTTP/1.1 200 OK\r\n\r\n"), HELLO},
		 .apps = "http tls",
		 CONNECTED},
		{.steps = {SAY(C, CONNECT), SAY(S, "HTTP/1.1 502 no\r\n\r\n")},
		 .apps = "http",
		 CONNECTED},
		{.steps = {SAY(C, CONNECT),
			   SAY(S, "HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n"),
			   SAY(C, "GET / HTTP/1.1\r\n\r\n")},
		 .apps = "http",
		 CONNECTED},
		{.steps = {SAY(C, CONNECT), SAY(S, "nonsense")}, .apps = "http", CONNECTED},
		{.steps = {SAY(C, CONNECT)}, .apps = "http", CONNECTED, .open = true},
		{.steps = {SAY(C, CONNECT), SAY(S, "HTTP/1.1 200 OK\r\n")},
		 .apps = "http",
		 CONNECTED,
		 .open = true},
		/* nothing that is known */
		{.steps = {SAY(C, CONNECT), SAY(S, "HTTP/1.1 200 OK\r\n\r\n"),
			   SAY(C, "unknown words\n")},
		 .apps = "http",
		 CONNECTED},
		/* a WebSocket stays HTTP */
		{.steps = {SAY(C, "GET /ws HTTP/1.1\r\nHost: w.example\r\nUpgrade: websocket\r\n"
				  "Connection: upgrade\r\n\r\n"),
			   SAY(S, "HTTP/1.1 101 ok\r\n\r\n")},
		 .apps = "http",
		 .host = "w.example",
		 .source = HOST_HTTP_HOST},
	};

	(void)state;
	HOLD(dialogues);
}

static void layers_lie_on_layers_up_to_a_depth(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(C, "\5\1\0"), SAY(S, "\5\0"), SAY(C, SOCKS5_NAME), SAY(S, SOCKS5_OK),
			   SAY(C, CONNECT), SAY(S, "HTTP/1.1 200 OK\r\n\r\n"), HELLO},
		 .apps = "socks http tls",
		 .host = "dst.example",
		 .source = HOST_SOCKS},
		{.steps = {SAY(C, CONNECT), SAY(S, "HTTP/1.1 200 OK\r\n\r\n220 mx\r\n"),
			   SAY(C, "EHLO x\r\n"), SAY(S, "250 STARTTLS\r\n"), SAY(C, "STARTTLS\r\n"),
			   SAY(S, "220 ok\r\n"), HELLO},
		 .apps = "http smtp tls",
		 CONNECTED},
		/* a proxy behind a proxy: one app, and the TLS inside is seen */
		{.steps = {SAY(C, CONNECT), SAY(S, "HTTP/1.1 200 OK\r\n\r\n"), SAY(C, CONNECT),
			   SAY(S, "HTTP/1.1 200 OK\r\n\r\n"), HELLO},
		 .apps = "http tls",
		 CONNECTED},
		/* deeper than we look */
		{.steps = {SAY(C, CONNECT CONNECT CONNECT CONNECT),
			   SAY(S, "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
				  "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
			   HELLO},
		 .apps = "http",
		 CONNECTED},
	};
	struct talk talk;

	(void)state;
	HOLD(dialogues);

	/* a pattern's app lies above them all, whenever it was found */
	struct diag_list diags = DIAG_LIST_INIT;
	struct pattern_source source = {.kind = PATTERN_L7,
					.text = "dst.example",
					.app = app_intern("kazaa"),
					.wanted = true};
	struct pattern_set *set = pattern_set_new(&source, 1, &diags);

	assert_non_null(set);
	talk_begin_with(&talk, IPPROTO_TCP, 40000, 8080, set);
	say_text(&talk, C, CONNECT);
	say_text(&talk, S, "HTTP/1.1 200 OK\r\n\r\n");
	flights[0].length = 0;
	put_hello(&flights[0]);
	say(&talk, C, flights[0].at, flights[0].length);
	assert_int_equal(talk.evidence->app_count, 3);
	assert_string_equal(app_name(talk.evidence->app[0]), "http");
	assert_string_equal(app_name(talk.evidence->app[1]), "tls");
	assert_app(&talk, "kazaa");
	talk_end(&talk);
	pattern_set_free(set);
	diag_list_release(&diags);
}

static void nothing_begins_inside_a_flow_whose_apps_are_done(void **state)
{
	struct talk talk;

	(void)state;
	/* the answer is seen before its request, and names the app: that is all there will be */
	begin(&talk, false);
	flights[0].length = 0;
	put_hello(&flights[0]);
	say_text(&talk, S, "HTTP/1.1 200 OK\r\n\r\n");
	assert_true(talk.evidence->apps_done);
	tell(&talk, C, (const uint8_t *)CONNECT, sizeof(CONNECT) - 1);
	tell(&talk, C, flights[0].at, flights[0].length);
	assert_app(&talk, "http");
	assert_host(&talk, HOST_HTTP_CONNECT, "dst.example");
	assert_done(&talk);
	talk_end(&talk);
}

/* ---- HTTP/2 ---- */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define GET_C3                 \
	"\x82\x86\x84\x41\x0f" \
	"www.example.com" /* RFC 7541, C.3.1 */
#define GET_C4 "\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff" /* C.4.1 */
#define WWW .host = "www.example.com", .source = HOST_HTTP_HOST

static void http2_in_the_clear_gives_its_first_authority(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\x14\1\4\0\0\0\1" GET_C3)},
		 .apps = "http2",
		 WWW},
		{.steps = {SAY(S, SETTINGS),
			   SAY(C, PREFACE SETTINGS "\0\0\x11\1\5\0\0\0\1" GET_C4)},
		 .apps = "http2",
		 WWW},
		/* settings with a value, WINDOW_UPDATE, PRIORITY; padding and priority; a
		   CONTINUATION */
		{.steps = {SAY(C, PREFACE
			       "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64\0\0\4\x08\0\0\0\0\0\0\1\0\0"
			       "\0\0\5\2\0\0\0\0\3\0\0\0\0\xc8"
			       "\0\0\x0d\1\x28\0\0\0\3\2\0\0\0\0\x10\x82\x86\x84\x41\x0f\0\0"
			       "\0\0\x0f\x09\4\0\0\0\3www.example.com")},
		 .apps = "http2",
		 WWW},
		/* no :authority: the Host field; a port */
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\x0f\1\4\0\0\0\1\x82\x0f\x17\x0b"
						   "h.example:8")},
		 .apps = "http2",
		 .host = "h.example",
		 .source = HOST_HTTP_HOST},
		/* :authority overrules Host, also when it comes later; a name that is spelt out */
		{.steps = {SAY(C, PREFACE SETTINGS
			       "\0\0\x16\1\4\0\0\0\1\0\4host\1x\0\x0a:authority\1y")},
		 .apps = "http2",
		 .host = "y",
		 .source = HOST_HTTP_HOST},
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\x0c\1\4\0\0\0\1\2\7CONNECT\1\1z")},
		 .apps = "http2",
		 .host = "z",
		 .source = HOST_HTTP_CONNECT},
		/* the dynamic table: an entry made here, then its name again, after a change of
		   size */
		{.steps = {SAY(C,
			       PREFACE SETTINGS "\0\0\x15\1\4\0\0\0\1\x20\x3f\xe1\x1f\x40\4host\1a"
						"\x7e\1b\xbe\xbf\x41\1c\xc0")},
		 .apps = "http2",
		 .host = "c",
		 .source = HOST_HTTP_HOST},
		/* no entry 62, index 0, a string and an integer without end: no request */
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\4\1\4\0\0\0\1\1\1x\xbe")},
		 .apps = "http2"},
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\4\1\4\0\0\0\1\1\1x\x80")},
		 .apps = "http2"},
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\3\1\4\0\0\0\1\1\2x")}, .apps = "http2"},
		{.steps = {SAY(C, PREFACE SETTINGS
			       "\0\0\x0a\1\4\0\0\0\1\1\1x\xff\xff\xff\xff\xff\xff\1")},
		 .apps = "http2"},
		/* Huffman: a byte of padding too many, and padding with a zero */
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\4\1\4\0\0\0\1\1\x82\x1f\xff")},
		 .apps = "http2"},
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\3\1\4\0\0\0\1\1\x81\x18")},
		 .apps = "http2"},
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\3\1\4\0\0\0\1\1\x81\x1f")},
		 .apps = "http2",
		 .host = "a",
		 .source = HOST_HTTP_HOST},
		/* frames that may not be */
		{.steps = {SAY(C, PREFACE "\0\0\3\1\4\0\0\0\1\1\1x")}, .apps = "http2"},
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\3\1\4\0\0\0\0\1\1x")}, .apps = "http2"},
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\2\1\x0c\0\0\0\1\2\1")}, .apps = "http2"},
		{.steps = {SAY(C, PREFACE SETTINGS "\0\0\3\1\0\0\0\0\1\1\1x\0\0\0\1\4\0\0\0\1")},
		 .apps = "http2"},
		{.steps = {SAY(C, "PRI * HTTP/2.0\r\n\r\nSN")}, .apps = ""},
		{.steps = {SAY(S, "\0\0\1\4\0")}, .apps = ""},
		/* after an Upgrade, with a body; the request named its host already */
		{.steps = {SAY(C, "POST / HTTP/1.1\r\nHost: up.example\r\nUpgrade: foo, H2C\r\n"
				  "Content-Length: 3\r\nHTTP2-Settings: AAMAAABk\r\n\r\nabc"),
			   SAY(S, "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n" SETTINGS),
			   SAY(C, PREFACE SETTINGS)},
		 .apps = "http http2",
		 .host = "up.example",
		 .source = HOST_HTTP_HOST},
		{.steps = {SAY(C, "GET / HTTP/1.1\r\nHost: up.example\r\nUpgrade: h2c\r\n\r\n"),
			   SAY(S, "HTTP/1.1 200 OK\r\n\r\n")},
		 .apps = "http",
		 .host = "up.example",
		 .source = HOST_HTTP_HOST},
		{.steps = {SAY(C, "GET / HTTP/1.1\r\nHost: up.example\r\nUpgrade: h2c\r\n\r\n")},
		 .apps = "http",
		 .host = "up.example",
		 .source = HOST_HTTP_HOST,
		 .open = true},
	};

	(void)state;
	HOLD(dialogues);
}

/* ---- what is cut ---- */

#define CUT_BLOCK PREFACE SETTINGS "\0\0\x20\1\4\0\0\0\1" GET_C3 "\0\5coo"

static void closing_keeps_the_layers_that_are_known(void **state)
{
	struct talk talk;

	(void)state;
	flights[0].length = 0;
	put_hello(&flights[0]);
	begin(&talk, false);
	say_text(&talk, C, CONNECT);
	say_text(&talk, S, "HTTP/1.1 200 OK\r\n\r\n");
	say(&talk, C, flights[0].at, flights[0].length - 2);
	inspection_close(talk.inspection);
	assert_app(&talk, "http"); /* the flow's own; the rest is the proxy's */
	assert_true(evidence_has_app(talk.evidence, app_find("tls")));
	assert_done(&talk);
	talk_end(&talk);

	/* what stood in a header block that is cut */
	begin(&talk, false);
	say(&talk, C, CUT_BLOCK, sizeof(CUT_BLOCK) - 1);
	assert_app(&talk, "http2");
	assert_true(talk.evidence->apps_done);
	assert_false(talk.evidence->host_done);
	inspection_close(talk.inspection);
	assert_host(&talk, HOST_HTTP_HOST, "www.example.com");
	talk_end(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socks_gives_the_destination_and_carries_what_is_asked_for),
		cmocka_unit_test(connect_carries_what_the_proxy_lets_through),
		cmocka_unit_test(layers_lie_on_layers_up_to_a_depth),
		cmocka_unit_test(nothing_begins_inside_a_flow_whose_apps_are_done),
		cmocka_unit_test(http2_in_the_clear_gives_its_first_authority),
		cmocka_unit_test(closing_keeps_the_layers_that_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
