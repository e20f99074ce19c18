/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line protocols that turn into TLS on request: SMTP and LMTP (RFC 5321, 2033, 3207),
 * IMAP (RFC 9051), POP3 (RFC 1939, 2449, 2595), FTP (RFC 959, 4217) and NNTP (RFC 3977, 4642).
 *
 * They are one dialogue with different words: the server greets, then each command has its
 * reply. So one walk reads them all, command by command, from a table. A reply is looked for
 * only behind the replies before it, and a command only behind the reply to the one before
 * it: what a client sent ahead of the answer to STARTTLS is TLS if the answer is yes,
 * and more commands if it is no.
 *
 * The server speaks first. A client that does rules all five out, so that they keep nothing
 * open for the protocols of the others. A protocol is claimed by its greeting and a command
 * that only it has. The greetings of SMTP and FTP are alike: where no command ever tells
 * them apart, the greeting's words do.
 *
 * TLS is awaited until it comes, is no longer possible (a command of a session that goes on
 * in the clear), or is not offered where the server lists what it can.
 */
#include <string.h>
#include <strings.h>

#include "inspector.h"

enum {
	LINE_MAX_BYTES = 2048, /* no protocol allows as much */
	TAG_MAX_BYTES = 32,
	CODE_GOOD = 200, /* of the protocols whose replies are words */
	CODE_REFUSES = 400,
	CODE_BAD = 500,
	CODE_LIST = 101, /* of NNTP: what it can do follows */
};

struct text {
	const uint8_t *at;
	size_t length;
};

enum verb_kind {
	VERB_PLAIN,
	VERB_LISTS,   /* the reply lists what the server can do */
	VERB_UPGRADE, /* asks for TLS */
	VERB_ENDS,    /* no TLS will follow */
};

struct verb {
	const char *word;
	const char *argument; /* NULL: any; else exactly this */
	enum verb_kind kind;
	bool claims; /* only this protocol has it */
	bool lines;  /* a good reply goes on to a line with a lone dot */
};

struct reply {
	unsigned code;
	bool offers;
};

enum reading { READ_MORE, READ_NOT, READ_WHOLE };

enum { GREETINGS_MAX = 4 };

struct line_protocol {
	const char *greetings[GREETINGS_MAX]; /* the last ones may be NULL */
	const char *says, *says_not;	      /* of a greeting that nobody answers */
	const char *offer;		      /* of TLS, in the list */
	unsigned upgrade_code;
	bool tagged;
	/* Reads the reply to a command; `verb` is NULL for the greeting. */
	enum reading (*read_reply)(struct text *rest, struct text tag, const struct verb *verb,
				   const char *offer, struct reply *reply);
	const struct verb *verbs;
	size_t verb_count;
};

/* ---- words and lines ---- */

static bool is_text(uint8_t c)
{
	return (c >= ' ' && c != 0x7f) || c == '\t' || c == '\r';
}

/* The next line without its end. */
static enum reading next_line(struct text *rest, struct text *line)
{
	size_t length = 0;

	while (length < rest->length && rest->at[length] != '\n')
		if (!is_text(rest->at[length++]) || length > LINE_MAX_BYTES)
			return READ_NOT;
	if (length == rest->length)
		return READ_MORE;
	*line = (struct text){rest->at, length};
	rest->at += length + 1;
	rest->length -= length + 1;
	while (line->length && line->at[line->length - 1] == '\r')
		line->length--;
	return READ_WHOLE;
}

static bool same(struct text text, const char *word)
{
	return text.length == strlen(word) &&
	       !strncasecmp((const char *)text.at, word, text.length);
}

/* Takes the first word off the text. */
static struct text take_word(struct text *text)
{
	struct text word = *text;

	word.length = 0;
	while (word.length < text->length && text->at[word.length] != ' ')
		word.length++;
	text->at += word.length;
	text->length -= word.length;
	while (text->length && text->at[0] == ' ') {
		text->at++;
		text->length--;
	}
	return word;
}

static bool letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* As a word, in any case of letters. */
static bool has_word(struct text text, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i + length <= text.length; i++)
		if (!strncasecmp((const char *)text.at + i, word, length) &&
		    (i == 0 || !letter(text.at[i - 1])) &&
		    (i + length == text.length || !letter(text.at[i + length])))
			return true;
	return false;
}

/* Anywhere, but in the name of a host. */
static bool says(struct text text, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i + length <= text.length; i++)
		if (!strncasecmp((const char *)text.at + i, word, length) &&
		    (i + length == text.length || !strchr(".-", text.at[i + length])))
			return true;
	return false;
}

/* ---- replies ---- */

/* RFC 5321, 4.2, and RFC 959, 4.2: lines up to the one where the code is followed by no '-'. */
static enum reading read_coded(struct text *rest, struct text tag, const struct verb *verb,
			       const char *offer, struct reply *reply)
{
	struct text line, first = {NULL, 0};
	enum reading reading;

	(void)tag;
	(void)verb;
	while ((reading = next_line(rest, &line)) == READ_WHOLE) {
		bool coded = line.length >= 3;

		for (size_t i = 0; coded && i < 3; i++)
			coded = line.at[i] >= '0' && line.at[i] <= '9';
		if (!first.at && !coded)
			return READ_NOT;
		if (!first.at)
			first = line;
		reply->offers |= has_word(line, offer);
		if (!coded || memcmp(line.at, first.at, 3) != 0 ||
		    (line.length > 3 && line.at[3] != ' '))
			continue;
		reply->code = 100u * (unsigned)(line.at[0] - '0') +
			      10u * (unsigned)(line.at[1] - '0') + (unsigned)(line.at[2] - '0');
		return READ_WHOLE;
	}
	return reading;
}

/* RFC 3977, 3.2: a code, and lines up to a lone dot where the command asks for them. */
static enum reading read_nntp(struct text *rest, struct text tag, const struct verb *verb,
			      const char *offer, struct reply *reply)
{
	struct text line;
	enum reading reading = next_line(rest, &line);

	(void)tag;
	if (reading != READ_WHOLE)
		return reading;
	reply->code = 0;
	for (size_t i = 0; i < 3; i++) {
		if (i == line.length || line.at[i] < '0' || line.at[i] > '9')
			return READ_NOT;
		reply->code = reply->code * 10 + (unsigned)(line.at[i] - '0');
	}
	if (!verb || !verb->lines || reply->code != CODE_LIST)
		return READ_WHOLE;
	reply->code = CODE_GOOD;
	while ((reading = next_line(rest, &line)) == READ_WHOLE && !same(line, "."))
		reply->offers |= same(line, offer);
	return reading;
}

static enum reading read_pop3(struct text *rest, struct text tag, const struct verb *verb,
			      const char *offer, struct reply *reply)
{
	struct text line;
	enum reading reading = next_line(rest, &line);

	(void)tag;
	if (reading != READ_WHOLE)
		return reading;
	reply->code = same(take_word(&line), "+OK") ? CODE_GOOD : CODE_BAD;
	if (reply->code == CODE_BAD || !verb || !verb->lines)
		return READ_WHOLE;
	while ((reading = next_line(rest, &line)) == READ_WHOLE && !same(line, "."))
		reply->offers |= same(line, offer);
	return reading;
}

/* RFC 9051, 2.2.2: up to the line that begins with the command's tag. */
static enum reading read_imap(struct text *rest, struct text tag, const struct verb *verb,
			      const char *offer, struct reply *reply)
{
	struct text line;
	enum reading reading;

	while ((reading = next_line(rest, &line)) == READ_WHOLE) {
		struct text word = take_word(&line);

		reply->offers |= has_word(line, offer);
		if (verb && (word.length != tag.length || memcmp(word.at, tag.at, tag.length) != 0))
			continue;
		word = take_word(&line);
		reply->code =
			same(word, "OK") || (!verb && same(word, "PREAUTH")) ? CODE_GOOD : CODE_BAD;
		return READ_WHOLE;
	}
	return reading;
}

/* ---- the dialogue ---- */

static const struct verb *find_verb(const struct line_protocol *protocol, struct text word,
				    struct text argument)
{
	for (size_t i = 0; i < protocol->verb_count; i++) {
		const struct verb *verb = &protocol->verbs[i];

		if (same(word, verb->word) && (!verb->argument || same(argument, verb->argument)))
			return verb;
	}
	return NULL;
}

static bool greets(const struct line_protocol *protocol, struct text text)
{
	for (unsigned i = 0; i < GREETINGS_MAX && protocol->greetings[i]; i++) {
		const char *word = protocol->greetings[i];
		size_t length = strlen(word);

		if (!memcmp(text.at, word, text.length < length ? text.length : length) &&
		    (text.length <= length || memchr(" -\r\n", text.at[length], 4)))
			return true;
	}
	return false;
}

static enum inspect_status walk(const struct line_protocol *protocol,
				const struct inspect_stream *stream, unsigned server,
				struct inspect_note *note)
{
	static const struct verb unknown = {.kind = VERB_PLAIN};
	unsigned client = !server;
	struct text commands = {stream->bytes[client], stream->length[client]};
	struct text replies = {stream->bytes[server], stream->length[server]};
	struct text greeting = replies, line, tag = {NULL, 0};
	struct reply reply = {0};
	enum reading reading;
	bool claimed = false, named;

	if (!replies.length)
		return commands.length ? INSPECT_NO : INSPECT_MORE;
	if (!greets(protocol, replies))
		return INSPECT_NO;
	do /* RFC 959, 4.2: 120 is followed by another when the server is ready */
		reading = protocol->read_reply(&replies, tag, NULL, protocol->offer, &reply);
	while (reading == READ_WHOLE && reply.code / 100 == 1);
	if (reading != READ_WHOLE) {
		note->busy = true;
		return reading == READ_NOT ? INSPECT_NO : INSPECT_MORE;
	}
	greeting.length -= replies.length;
	/* the words decide where nothing else does */
	named = says(greeting, protocol->says) &&
		!(protocol->says_not && says(greeting, protocol->says_not));
	if (reply.code >=
	    CODE_REFUSES) /* whom the server turns away says nothing that tells more */
		return named ? INSPECT_DONE : INSPECT_NO;

	while ((reading = next_line(&commands, &line)) == READ_WHOLE) {
		const struct verb *verb;
		struct text word;

		if (protocol->tagged) {
			tag = take_word(&line);
			if (!tag.length || tag.length > TAG_MAX_BYTES)
				return claimed ? INSPECT_DONE : INSPECT_NO;
		}
		word = take_word(&line);
		verb = find_verb(protocol, word, line);
		if (!verb && !claimed)
			return INSPECT_NO;
		if (!verb)
			verb = &unknown;
		claimed |= verb->claims;
		if (verb->kind == VERB_ENDS)
			return claimed || named ? INSPECT_DONE : INSPECT_NO;
		reply = (struct reply){0};
		reading = protocol->read_reply(&replies, tag, verb, protocol->offer, &reply);
		if (reading != READ_WHOLE)
			break;
		if (verb->kind == VERB_UPGRADE && reply.code == protocol->upgrade_code) {
			note->inner = true;
			note->inner_at[client] = stream->length[client] - (uint32_t)commands.length;
			note->inner_at[server] = stream->length[server] - (uint32_t)replies.length;
			return INSPECT_DONE;
		}
		if (verb->kind == VERB_LISTS && reply.code / 100 == 2 && !reply.offers)
			return claimed ? INSPECT_DONE : INSPECT_NO;
	}
	if (reading == READ_NOT)
		return claimed ? INSPECT_DONE : INSPECT_NO;
	note->busy = note->carrier = true;
	if (claimed)
		return stream->last ? INSPECT_DONE : INSPECT_MINE;
	return stream->last && named && !stream->length[client] ? INSPECT_DONE : INSPECT_MORE;
}

static enum inspect_status dialogue(const struct line_protocol *protocol,
				    const struct inspect_stream *stream, struct inspect_note *note)
{
	enum inspect_status status = walk(protocol, stream, FLOW_FROM_SERVER, note);

	/* the greeting may be the first packet seen, and its sender taken for the client */
	if (status != INSPECT_NO || !stream->midstream)
		return status;
	note->busy = false;
	return walk(protocol, stream, FLOW_FROM_CLIENT, note);
}

/* ---- the five of them ---- */

#define PLAIN(word)                                  \
	{                                            \
		word, NULL, VERB_PLAIN, false, false \
	}
#define PLAIN_CLAIMS(word)                          \
	{                                           \
		word, NULL, VERB_PLAIN, true, false \
	}
#define LISTS(word, lines)                          \
	{                                           \
		word, NULL, VERB_LISTS, true, lines \
	}
#define UPGRADE(word, argument)                           \
	{                                                 \
		word, argument, VERB_UPGRADE, true, false \
	}
#define ENDS(word)                                  \
	{                                           \
		word, NULL, VERB_ENDS, false, false \
	}
#define ENDS_CLAIMS(word)                          \
	{                                          \
		word, NULL, VERB_ENDS, true, false \
	}

/* HELO is of the time before extensions: whoever says it will not ask for one */
static const struct verb smtp_verbs[] = {
	LISTS("EHLO", false), LISTS("LHLO", false), ENDS_CLAIMS("HELO"), UPGRADE("STARTTLS", NULL),
	PLAIN("NOOP"),	      PLAIN("HELP"),	    PLAIN("RSET"),	 PLAIN_CLAIMS("XCLIENT"),
	ENDS_CLAIMS("MAIL"),  ENDS_CLAIMS("RCPT"),  ENDS_CLAIMS("DATA"), ENDS_CLAIMS("BDAT"),
	ENDS_CLAIMS("VRFY"),  ENDS_CLAIMS("EXPN"),  ENDS_CLAIMS("ETRN"), ENDS("AUTH"),
	ENDS("QUIT"),
};
static const struct line_protocol smtp = {
	.greetings = {"220", "554", "421"},
	.says = "SMTP",
	.offer = "STARTTLS",
	.upgrade_code = 220,
	.read_reply = read_coded,
	.verbs = smtp_verbs,
	.verb_count = sizeof(smtp_verbs) / sizeof(smtp_verbs[0]),
};

static const struct verb ftp_verbs[] = {
	UPGRADE("AUTH", "TLS"),	  UPGRADE("AUTH", "SSL"), UPGRADE("AUTH", "TLS-C"),
	UPGRADE("AUTH", "TLS-P"), ENDS("AUTH"),		  PLAIN_CLAIMS("USER"),
	PLAIN_CLAIMS("FEAT"),	  PLAIN_CLAIMS("SYST"),	  PLAIN_CLAIMS("OPTS"),
	PLAIN_CLAIMS("HOST"),	  PLAIN_CLAIMS("CLNT"),	  PLAIN_CLAIMS("CSID"),
	PLAIN_CLAIMS("LANG"),	  PLAIN("NOOP"),	  PLAIN("HELP"),
	ENDS_CLAIMS("PASS"),	  ENDS_CLAIMS("ACCT"),	  ENDS_CLAIMS("PWD"),
	ENDS_CLAIMS("XPWD"),	  ENDS_CLAIMS("CWD"),	  ENDS_CLAIMS("TYPE"),
	ENDS_CLAIMS("PASV"),	  ENDS_CLAIMS("EPSV"),	  ENDS_CLAIMS("PORT"),
	ENDS_CLAIMS("EPRT"),	  ENDS_CLAIMS("LIST"),	  ENDS_CLAIMS("RETR"),
	ENDS_CLAIMS("STOR"),	  ENDS("QUIT"),
};
static const struct line_protocol ftp = {
	.greetings = {"220", "120", "421"},
	.says = "FTP",
	.says_not = "SMTP",
	.offer = "AUTH",
	.upgrade_code = 234,
	.read_reply = read_coded,
	.verbs = ftp_verbs,
	.verb_count = sizeof(ftp_verbs) / sizeof(ftp_verbs[0]),
};

/* "AUTH" alone asks for the mechanisms */
static const struct verb pop3_verbs[] = {
	LISTS("CAPA", true),  UPGRADE("STLS", NULL), {"AUTH", "", VERB_PLAIN, true, true},
	PLAIN_CLAIMS("USER"), ENDS_CLAIMS("AUTH"),   ENDS_CLAIMS("PASS"),
	ENDS_CLAIMS("APOP"),  ENDS_CLAIMS("STAT"),   ENDS_CLAIMS("QUIT"),
};
static const struct line_protocol pop3 = {
	.greetings = {"+OK"},
	.says = "POP",
	.offer = "STLS",
	.upgrade_code = CODE_GOOD,
	.read_reply = read_pop3,
	.verbs = pop3_verbs,
	.verb_count = sizeof(pop3_verbs) / sizeof(pop3_verbs[0]),
};

static const struct verb imap_verbs[] = {
	LISTS("CAPABILITY", false),  UPGRADE("STARTTLS", NULL), PLAIN_CLAIMS("ID"),
	PLAIN_CLAIMS("NOOP"),	     ENDS_CLAIMS("LOGIN"),	ENDS_CLAIMS("LOGOUT"),
	ENDS_CLAIMS("AUTHENTICATE"), ENDS_CLAIMS("ENABLE"),	ENDS_CLAIMS("SELECT"),
	ENDS_CLAIMS("EXAMINE"),	     ENDS_CLAIMS("NAMESPACE"),	ENDS_CLAIMS("LIST"),
};
static const struct line_protocol imap = {
	.greetings = {"* OK", "* PREAUTH", "* BYE"},
	.says = "IMAP",
	.offer = "STARTTLS",
	.upgrade_code = CODE_GOOD,
	.tagged = true,
	.read_reply = read_imap,
	.verbs = imap_verbs,
	.verb_count = sizeof(imap_verbs) / sizeof(imap_verbs[0]),
};

static const struct verb nntp_verbs[] = {
	LISTS("CAPABILITIES", true),
	UPGRADE("STARTTLS", NULL),
	PLAIN_CLAIMS("MODE"),
	PLAIN("HELP"),
	PLAIN("DATE"),
	ENDS_CLAIMS("AUTHINFO"),
	ENDS_CLAIMS("GROUP"),
	ENDS_CLAIMS("LISTGROUP"),
	ENDS_CLAIMS("LIST"),
	ENDS_CLAIMS("ARTICLE"),
	ENDS_CLAIMS("HEAD"),
	ENDS_CLAIMS("BODY"),
	ENDS_CLAIMS("STAT"),
	ENDS_CLAIMS("OVER"),
	ENDS_CLAIMS("XOVER"),
	ENDS_CLAIMS("HDR"),
	ENDS_CLAIMS("XHDR"),
	ENDS_CLAIMS("NEWGROUPS"),
	ENDS_CLAIMS("NEWNEWS"),
	ENDS_CLAIMS("POST"),
	ENDS_CLAIMS("IHAVE"),
	ENDS_CLAIMS("CHECK"),
	ENDS_CLAIMS("TAKETHIS"),
	ENDS_CLAIMS("COMPRESS"),
	ENDS_CLAIMS("XFEATURE"),
	ENDS_CLAIMS("SLAVE"),
	ENDS("QUIT"),
};
static const struct line_protocol nntp = {
	.greetings = {"200", "201", "400", "502"},
	.says = "NNTP",
	.offer = "STARTTLS",
	.upgrade_code = 382,
	.read_reply = read_nntp,
	.verbs = nntp_verbs,
	.verb_count = sizeof(nntp_verbs) / sizeof(nntp_verbs[0]),
};

#define LINE_INSPECTOR(protocol)                                                          \
	static enum inspect_status protocol##_stream(const struct inspect_stream *stream, \
						     struct evidence *evidence,           \
						     struct inspect_note *note)           \
	{                                                                                 \
		(void)evidence;                                                           \
		return dialogue(&(protocol), stream, note);                               \
	}                                                                                 \
	const struct inspector inspector_##protocol = {                                   \
		.name = #protocol,                                                        \
		.gives_tcp = INSPECT_HOST | INSPECT_ALPN, /* of the TLS inside */         \
		.carries = true,                                                          \
		.stream = protocol##_stream,                                              \
	}

LINE_INSPECTOR(smtp);
LINE_INSPECTOR(imap);
LINE_INSPECTOR(pop3);
LINE_INSPECTOR(ftp);
LINE_INSPECTOR(nntp);
