/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protocols that turn into TLS on request, and how long that is waited for. */
#include "layers_support.h"

/* ---- the line protocols ---- */

static void starttls_of_the_line_protocols_carries_tls(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(S, "220 mx.example ESMTP\r\n"), SAY(C, "EHLO me.example\r\n"),
			   SAY(S, "250-mx.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"),
			   SAY(C, "STARTTLS\r\n"), SAY(S, "220 go ahead\r\n"), HELLO},
		 .apps = "smtp tls",
		 INNER},
		/* greeting of several lines, words in small letters, bare line feeds */
		{.steps = {SAY(S, "220-mx\n220-welcome to a long text\n220 \n"),
			   SAY(C, "lhlo me\n"), SAY(S, "250-mx\n250-starttls\n250 HELP\n"),
			   SAY(C, "starttls\n"), SAY(S, "220 2.0.0 ok\n"), HELLO},
		 .apps = "smtp tls",
		 INNER},
		/* EHLO refused, then another; NOOP between; STARTTLS refused, then granted */
		{.steps = {SAY(S, "220 mx\r\n"), SAY(C, "EHLO\r\n"), SAY(S, "501 what?\r\n"),
			   SAY(C, "EHLO me\r\nNOOP\r\n"),
			   SAY(S, "250-mx\r\n250 STARTTLS\r\n250 ok\r\n"), SAY(C, "STARTTLS\r\n"),
			   SAY(S, "454 not now\r\n"), SAY(C, "STARTTLS\r\n"), SAY(S, "220 ok\r\n"),
			   HELLO},
		 .apps = "smtp tls",
		 INNER},
		/* what comes with STARTTLS, in one segment, is no command: it is within */
		{.steps = {SAY(S, "220 mx SMTP\r\n"), SAY(C, "EHLO me\r\n"),
			   SAY(S, "250 STARTTLS\r\n"), SAY_HELLO(C, "STARTTLS\r\n"),
			   SAY(S, "220 ok\r\n")},
		 .apps = "smtp tls",
		 INNER},
		{.steps = {SAY(S, "220 mx SMTP\r\n"), SAY(C, "EHLO me\r\n"),
			   SAY(S, "250 STARTTLS\r\n"), SAY(C, "STARTTLS\r\nMAIL FROM:<a>\r\n"),
			   SAY(S, "220 ok\r\n")},
		 .apps = "smtp"},
		/* all in one flight, the server's answers too */
		{.steps = {SAY(S, "220 mx SMTP\r\n"), SAY_HELLO(C, "EHLO me\r\nSTARTTLS\r\n"),
			   SAY(S, "250 STARTTLS\r\n220 ok\r\n\x16\3\3")},
		 .apps = "smtp tls",
		 INNER},
		{.steps = {SAY(S, "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
			   SAY(C, "a1 STARTTLS\r\n"), SAY(S, "a1 OK begin\r\n"), HELLO},
		 .apps = "imap tls",
		 INNER},
		{.steps = {SAY(S, "* OK ready\r\n"), SAY(C, ". CAPABILITY\r\n"),
			   SAY(S, "* CAPABILITY IMAP4rev2 STARTTLS LOGINDISABLED\r\n. OK done\r\n"),
			   SAY(C, "2 id nil\r\n3 noop\r\n"),
			   SAY(S, "* ID NIL\r\n2 OK\r\n* 3 EXISTS\r\n3 OK\r\n"),
			   SAY(C, "4 starttls\r\n"), SAY(S, "4 NO later\r\n"),
			   SAY(C, "5 StartTLS\r\n"), SAY(S, "* OK wait\r\n5 OK now\r\n"), HELLO},
		 .apps = "imap tls",
		 INNER},
		{.steps = {SAY(S, "+OK POP3 <1.2@x>\r\n"), SAY(C, "STLS\r\n"), SAY(S, "+OK\r\n"),
			   HELLO},
		 .apps = "pop3 tls",
		 INNER},
		{.steps = {SAY(S, "+OK hello\r\n"), SAY(C, "AUTH\r\n"), SAY(S, "-ERR\r\n"),
			   SAY(C, "CAPA\r\n"), SAY(S, "+OK\r\nUSER\r\nSTLS\r\n.\r\n"),
			   SAY(C, "STLS\r\n"), SAY(S, "-ERR busy\r\n"), SAY(C, "stls\r\n"),
			   SAY(S, "+OK\r\n"), HELLO},
		 .apps = "pop3 tls",
		 INNER},
		{.steps = {SAY(S, "220 FTP\r\n"), SAY(C, "AUTH TLS\r\n"), SAY(S, "234 ok\r\n"),
			   HELLO},
		 .apps = "ftp tls",
		 INNER},
		{.steps = {SAY(S, "220-hi\r\n 220 not yet\r\n220 now\r\n"), SAY(C, "FEAT\r\n"),
			   SAY(S, "211-Features:\r\n AUTH TLS\r\n211 End\r\n"),
			   SAY(C, "AUTH TLS\r\n"), SAY(S, "504 no\r\n"), SAY(C, "AUTH SSL\r\n"),
			   SAY(S, "234 ok\r\n"), HELLO},
		 .apps = "ftp tls",
		 INNER},
	};

	(void)state;
	HOLD(dialogues);
}

static void a_session_in_the_clear_closes_as_soon_as_it_is_one(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(S, "220 mx ESMTP\r\n"), SAY(C, "EHLO me\r\n"),
			   SAY(S, "250-mx\r\n250 SIZE\r\n")},
		 .apps = "smtp"},
		{.steps = {SAY(S, "220 mx ESMTP\r\n"), SAY(C, "HELO me\r\n")}, .apps = "smtp"},
		{.steps = {SAY(S, "220 mx ESMTP\r\n"), SAY(C, "EHLO me\r\n"),
			   SAY(S, "250 STARTTLS\r\n"), SAY(C, "MAIL FROM:<a@b>\r\n")},
		 .apps = "smtp"},
		{.steps = {SAY(S, "220 mx ESMTP\r\n"), SAY(C, "EHLO me\r\n"),
			   SAY(S, "250 STARTTLS\r\n"), SAY(C, "AUTH PLAIN x\r\n")},
		 .apps = "smtp"},
		{.steps = {SAY(S, "220 mx ESMTP\r\n"), SAY(C, "EHLO me\r\n"),
			   SAY(S, "250 STARTTLS\r\n"), SAY(C, "STARTTLS\r\n"), SAY(S, "454 no\r\n"),
			   SAY(C, "MAIL FROM:<a@b>\r\n")},
		 .apps = "smtp"},
		{.steps = {SAY(S, "220 mx ESMTP\r\n"), SAY(C, "QUIT\r\n")}, .apps = "smtp"},
		{.steps = {SAY(S, "220 ftp.example FTP\r\n"), SAY(C, "QUIT\r\n")}, .apps = "ftp"},
		{.steps = {SAY(S, "* OK hi\r\n"), SAY(C, "1 LOGIN a b\r\n")}, .apps = "imap"},
		{.steps = {SAY(S, "* OK hi\r\n"), SAY(C, "1 CAPABILITY\r\n"),
			   SAY(S, "* CAPABILITY IMAP4rev1\r\n1 OK\r\n")},
		 .apps = "imap"},
		{.steps = {SAY(S, "+OK hi\r\n"), SAY(C, "USER a\r\n"), SAY(S, "+OK\r\n"),
			   SAY(C, "PASS b\r\n")},
		 .apps = "pop3"},
		{.steps = {SAY(S, "+OK hi\r\n"), SAY(C, "CAPA\r\n"),
			   SAY(S, "+OK\r\nUSER\r\n.\r\n")},
		 .apps = "pop3"},
		{.steps = {SAY(S, "220 hi\r\n"), SAY(C, "USER a\r\n"), SAY(S, "331 and?\r\n"),
			   SAY(C, "PASS b\r\n")},
		 .apps = "ftp"},
		{.steps = {SAY(S, "220 hi\r\n"), SAY(C, "FEAT\r\n"), SAY(S, "211 none\r\n"),
			   SAY(C, "AUTH GSSAPI\r\n")},
		 .apps = "ftp"},
		/* TLS was granted, and something else came */
		{.steps = {SAY(S, "* OK hi\r\n"), SAY(C, "1 STARTTLS\r\n"), SAY(S, "1 OK\r\n"),
			   SAY(C, "2 LOGIN a b\r\n")},
		 .apps = "imap"},
		/* bytes that are no text end the dialogue */
		{.steps = {SAY(S, "220 hi\r\n"), SAY(C, "EHLO me\r\n"), SAY(S, "250 \1\2\r\n")},
		 .apps = "smtp"},
	};

	(void)state;
	HOLD(dialogues);
}

static void tls_may_still_come_while_the_dialogue_goes_on(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(S, "220 mx ESMTP\r\n")}, .apps = "", .open = true},
		{.steps = {SAY(S, "220 mx ESMTP\r\n"), SAY(C, "EHLO me\r\n")},
		 .apps = "smtp",
		 .open = true},
		{.steps = {SAY(S, "220 mx ESMTP\r\n"), SAY(C, "EHLO me\r\n"),
			   SAY(S, "250 STARTTLS\r\n"), SAY_HELLO(C, "STARTTLS\r\n")},
		 .apps = "smtp",
		 .open = true},
		{.steps = {SAY(S, "220 mx ESMTP\r\n"), SAY(C, "EHLO me\r\n"),
			   SAY(S, "250 STARTTLS\r\n"), SAY(C, "STARTTLS\r\n"), SAY(S, "220 ok\r\n"),
			   SAY(C, "\x16\3\1\2")},
		 .apps = "smtp",
		 .open = true},
		{.steps = {SAY(S, "+OK hi\r\n"), SAY(C, "USER a\r\n"), SAY(S, "+OK\r\n")},
		 .apps = "pop3",
		 .open = true},
		{.steps = {SAY(S, "* OK hi\r\n"), SAY(C, "1 STARTTLS\r\n"), SAY(S, "1 O")},
		 .apps = "imap",
		 .open = true},
	};

	(void)state;
	HOLD(dialogues);
}

static void what_only_resembles_a_line_protocol_is_refused(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(S, "220 hi\r\n"), SAY(C, "FOO bar\r\n")}, .apps = ""},
		{.steps = {SAY(S, "220 hi\r\n"), SAY(C, "QUIT\r\n")}, .apps = ""},
		{.steps = {SAY(S, "220x hi\r\n")}, .apps = ""},
		{.steps = {SAY(S, "554 no\r\n")}, .apps = ""},
		{.steps = {SAY(S, "220 hi\1\r\n")}, .apps = ""},
		{.steps = {SAY(S, "* BYE\r\n")}, .apps = ""},
		{.steps = {SAY(S, "* OK hi\r\n"), SAY(C, "EHLO me\r\n")}, .apps = ""},
		{.steps = {SAY(S, "+OKAY\r\n")}, .apps = ""},
		{.steps = {SAY(S, "+OK\r\n"), SAY(C, "GET x\r\n")}, .apps = ""},
		{.steps = {SAY(S, "-ERR no\r\n")}, .apps = ""},
		/* the server speaks first, or it is none of these */
		{.steps = {SAY(C, "EHLO me\r\n")}, .apps = ""},
		{.steps = {SAY(C, "a1 CAPABILITY\r\n")}, .apps = ""},
		{.steps = {SAY(C, "USER me\r\n")}, .apps = ""},
	};

	(void)state;
	HOLD(dialogues);
}

static void a_greeting_without_an_answer_is_named_by_its_words(void **state)
{
	static const char *const cases[][2] = {
		{"220 mx.example ESMTP Postfix\r\n", "smtp"},
		{"220 ftp.example ESMTP\r\n", "smtp"},
		{"220-hello\r\n220 ProFTPD ready\r\n", "ftp"},
		{"220 smtp.example FTP server\r\n", "ftp"},
		{"+OK POP3 ready\r\n", "pop3"},
		{"* OK IMAP4rev1 ready\r\n", "imap"},
		{"220 ready\r\n", NULL},
		{"220-ESMTP\r\n", NULL},
		{"+OK\r\n", NULL},
	};
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&talk, false);
		say_text(&talk, S, cases[i][0]);
		assert_app(&talk, NULL);
		inspection_close(talk.inspection);
		assert_app(&talk, cases[i][1]);
		assert_done(&talk);
		talk_end(&talk);
	}
}

static void a_greeting_may_be_the_first_packet_seen(void **state)
{
	struct talk talk;

	(void)state;
	/* the SYNs were missed: whoever speaks first is taken for the client */
	begin(&talk, true);
	say_text(&talk, C, "220 mx.example ESMTP\r\n");
	assert_false(talk.evidence->apps_done);
	say_text(&talk, S, "EHLO me\r\n");
	assert_app(&talk, "smtp");
	say_text(&talk, C, "250 STARTTLS\r\n");
	say_text(&talk, S, "STARTTLS\r\n");
	say_text(&talk, C, "220 ok\r\n");
	flights[0].length = 0;
	put_hello(&flights[0]);
	say(&talk, S, flights[0].at, flights[0].length);
	assert_app(&talk, "tls");
	assert_host(&talk, HOST_TLS_SNI, "inner.example");
	assert_done(&talk);
	talk_end(&talk);

	/* in the midst of a session nothing tells what it is */
	begin(&talk, true);
	say_text(&talk, C, "RCPT TO:<a@b>\r\n");
	say_text(&talk, S, "250 ok\r\n");
	assert_app(&talk, NULL);
	assert_done(&talk);
	talk_end(&talk);
}

/* ---- XMPP ---- */

#define XMPP_OPEN                                                                    \
	"<?xml version='1.0'?><stream:stream to='im.example' xmlns='jabber:client' " \
	"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
#define XMPP_OFFER                                                                       \
	"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/>" \
	"</starttls><mechanisms xmlns='x'/></stream:features>"
#define XMPP_START "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define XMPP_PROCEED "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

static void xmpp_carries_tls_behind_proceed(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(C, XMPP_OPEN), SAY(S, XMPP_OPEN XMPP_OFFER), SAY(C, XMPP_START),
			   SAY(S, XMPP_PROCEED), HELLO},
		 .apps = "xmpp tls",
		 INNER},
		{.steps = {SAY_HELLO(C,
				     "\n" XMPP_OPEN
				     "\n<starttls a='>' xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\">"
				     "</starttls>"),
			   SAY(S, XMPP_OPEN XMPP_OFFER
			       "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>")},
		 .apps = "xmpp tls",
		 INNER},
		{.steps = {SAY(C, XMPP_OPEN), SAY(S, XMPP_OPEN XMPP_OFFER), SAY(C, XMPP_START),
			   SAY(S, "<failure "
				  "xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")},
		 .apps = "xmpp"},
		{.steps = {SAY(C, XMPP_OPEN),
			   SAY(S, XMPP_OPEN "<stream:features><bind/></stream:features>")},
		 .apps = "xmpp"},
		{.steps = {SAY(C, XMPP_OPEN), SAY(S, XMPP_OPEN XMPP_OFFER),
			   SAY(C, "<auth mechanism='PLAIN'>")},
		 .apps = "xmpp"},
		{.steps = {SAY(C, XMPP_OPEN), SAY(S, XMPP_OPEN XMPP_OFFER), SAY(C, XMPP_START)},
		 .apps = "xmpp",
		 .open = true},
		/* other XML */
		{.steps = {SAY(C, "<?xml version='1.0'?><rss version='2.0'>")}, .apps = ""},
		{.steps = {SAY(C, "<stream:stream xmlns:stream='http://other.example/'>")},
		 .apps = ""},
		{.steps = {SAY(C, "<!DOCTYPE html>")}, .apps = ""},
	};

	(void)state;
	HOLD(dialogues);
}

/* ---- PostgreSQL ---- */

#define PG_TLS "\0\0\0\x08\x04\xd2\x16\x2f"
#define PG_GSS "\0\0\0\x08\x04\xd2\x16\x30"
#define PG_STARTUP "\0\0\0\x20\0\3\0\0user\0me\0database\0data\0\0\0"

static void postgresql_carries_tls_behind_its_request(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(C, PG_TLS), SAY(S, "S"), HELLO}, .apps = "postgresql tls", INNER},
		{.steps = {SAY(C, PG_GSS), SAY(S, "N"), SAY(C, PG_TLS), SAY(S, "S"), HELLO},
		 .apps = "postgresql tls",
		 INNER},
		{.steps = {SAY_HELLO(C, PG_TLS), SAY(S, "S\x16\3\3")},
		 .apps = "postgresql tls",
		 INNER},
		{.steps = {SAY(C, PG_TLS)}, .apps = "postgresql", .open = true},
		{.steps = {SAY(C, PG_TLS), SAY(S, "N")}, .apps = "postgresql", .open = true},
		{.steps = {SAY(C, PG_TLS), SAY(S, "N"), SAY(C, PG_STARTUP)}, .apps = "postgresql"},
		{.steps = {SAY(C, PG_TLS), SAY(S, "E")}, .apps = "postgresql"},
		{.steps = {SAY(C, PG_GSS), SAY(S, "G")}, .apps = "postgresql"},
		{.steps = {SAY(C, PG_STARTUP)}, .apps = "postgresql"},
		{.steps = {SAY(C, "\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2")},
		 .apps = "postgresql"},
		{.steps = {SAY(C, "\0\0\0\x10\0\3\0\0name\0me\0\0")}, .apps = ""},
		{.steps = {SAY(C, "\0\0\0\x09\x04\xd2\x16\x2f")}, .apps = ""},
		{.steps = {SAY(C, "\0\0\0\x08\x04\xd2\x16\x31")}, .apps = ""},
		{.steps = {SAY(C, "\0\1\0\0\0\3\0\0user")}, .apps = ""},
	};

	(void)state;
	HOLD(dialogues);
}

/* ---- limits ---- */

static void a_dialogue_that_may_lead_to_tls_stretches_the_limits(void **state)
{
	struct talk talk;

	(void)state;
	flights[0].length = 0;
	put_hello(&flights[0]);

	talk_begin(&talk, IPPROTO_TCP, 25);
	say_text(&talk, S, "220 mx ESMTP\r\n");
	for (unsigned i = 0; i < 6; i++) {
		say_text(&talk, C, "EHLO me\r\n");
		say_text(&talk, S, "250 STARTTLS\r\n");
	}
	say_text(&talk, C, "STARTTLS\r\n");
	say_text(&talk, S, "220 ok\r\n");
	/* the fifteenth packet, and those of the inner protocol are still to come */
	assert_false(talk.evidence->host_done);
	say(&talk, C, flights[0].at, 10);
	say(&talk, C, flights[0].at + 10, flights[0].length - 10);
	assert_app(&talk, "tls");
	assert_host(&talk, HOST_TLS_SNI, "inner.example");
	assert_done(&talk);
	talk_end(&talk);

	/* but not for ever */
	talk_begin(&talk, IPPROTO_TCP, 25);
	say_text(&talk, S, "220 mx ESMTP\r\n");
	say_text(&talk, C, "EHLO me\r\n");
	say_text(&talk, S, "250 STARTTLS\r\n");
	for (unsigned packets = 3; packets < 48; packets++) {
		assert_false(talk.evidence->host_done);
		say_text(&talk, packets & 1 ? C : S, packets & 1 ? "NOOP\r\n" : "250 ok\r\n");
	}
	assert_app(&talk, "smtp");
	assert_done(&talk);
	talk_end(&talk);

	/* nor for an inner protocol that never speaks */
	talk_begin(&talk, IPPROTO_TCP, 8080);
	say_text(&talk, C, "CONNECT dst.example:443 HTTP/1.1\r\n\r\n");
	say_text(&talk, S, "HTTP/1.1 200 OK\r\n\r\n");
	for (unsigned packets = 2; packets < 48; packets++) {
		assert_false(talk.evidence->apps_done);
		say_at(&talk, C, 9000 + packets, "x", 1);
	}
	assert_app(&talk, "http");
	assert_done(&talk);
	talk_end(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starttls_of_the_line_protocols_carries_tls),
		cmocka_unit_test(a_session_in_the_clear_closes_as_soon_as_it_is_one),
		cmocka_unit_test(tls_may_still_come_while_the_dialogue_goes_on),
		cmocka_unit_test(what_only_resembles_a_line_protocol_is_refused),
		cmocka_unit_test(a_greeting_without_an_answer_is_named_by_its_words),
		cmocka_unit_test(a_greeting_may_be_the_first_packet_seen),
		cmocka_unit_test(xmpp_carries_tls_behind_proceed),
		cmocka_unit_test(postgresql_carries_tls_behind_its_request),
		cmocka_unit_test(a_dialogue_that_may_lead_to_tls_stretches_the_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
