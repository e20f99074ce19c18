/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON text by hand. A replay writes a line of twenty members for each flow; as a tree of jansson's
 * it cost 57 000 instructions, half of all that a replay of short flows did, most of it for hashing
 * keys that are constants and for dumping a few bytes at a time.
 *
 * The lines are a contract, so the forms are jansson's: \uXXXX in upper case and only below 0x20, a
 * real with at least one digit behind the point, no name at all for one that is not UTF-8. What
 * UTF-8 is, is asked of jansson itself, and only where a name is not ASCII. The unit test compares
 * with jansson's own dump.
 */
#include "flow_line.h"

#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "cli.h"

#define DIGITS_MAX 20
#define LINE_MIN_BYTES 4096
#define REAL_MAX_BYTES 64
#define ESCAPED_MAX_BYTES 6 /* \u001F */

void flow_line_release(struct flow_line *line)
{
	free(line->bytes);
	*line = (struct flow_line){0};
}

char *flow_line_grow(struct flow_line *line, size_t bytes)
{
	size_t capacity = line->capacity ? line->capacity : LINE_MIN_BYTES;
	char *grown;

	if (line->failed)
		return NULL;
	while (capacity - line->length < bytes)
		capacity *= 2;
	grown = realloc(line->bytes, capacity);
	if (!grown) {
		flow_line_release(line);
		line->failed = true; /* and without capacity, so that each call comes here */
		return NULL;
	}
	line->bytes = grown;
	line->capacity = capacity;
	return grown + line->length;
}

/* Returns how many. */
static size_t put_digits(char *at, uint64_t number)
{
	size_t count = 1;

	for (uint64_t left = number; left >= 10; left /= 10)
		count++;
	for (size_t i = count; i--; number /= 10)
		at[i] = (char)('0' + number % 10);
	return count;
}

void flow_line_unsigned(struct flow_line *line, uint64_t number)
{
	char *at = flow_line_room(line, DIGITS_MAX);

	if (at)
		line->length += put_digits(at, number);
}

void flow_line_bool(struct flow_line *line, bool value)
{
	if (value)
		flow_line_literal(line, "true");
	else
		flow_line_literal(line, "false");
}

/* With the noise that a double has there: jansson's own. */
static void put_real(struct flow_line *line, double real)
{
	json_t *json = json_real(real);
	char text[REAL_MAX_BYTES];
	size_t length = json_dumpb(json, text, sizeof(text),
				   JSON_ENCODE_ANY | JSON_REAL_PRECISION(CLI_REAL_DIGITS));

	json_decref(json);
	flow_line_add(line, text, length);
}

/*
 * From September 2001 on the seconds have ten digits, so that the sixteenth is a microsecond's, and
 * a double is nearer to its own than to any other (until 2112: 52 bits). So the digits may be taken
 * from the integer.
 */
void flow_line_seconds(struct flow_line *line, uint64_t us)
{
	char micros[6];
	uint64_t left = us % 1000000;
	size_t count = sizeof(micros);

	if (us < UINT64_C(1000000000000000) || us >> 52) {
		put_real(line, (double)us / 1e6);
		return;
	}
	flow_line_unsigned(line, us / 1000000);
	for (size_t i = sizeof(micros); i--; left /= 10)
		micros[i] = (char)('0' + left % 10);
	while (count > 1 && micros[count - 1] == '0')
		count--;
	flow_line_literal(line, ".");
	flow_line_add(line, micros, count);
}

/* Returns how many. */
static size_t put_hex(char *at, uint32_t number)
{
	size_t count = 1;

	for (uint32_t left = number; left >= 16; left >>= 4)
		count++;
	for (size_t i = count; i--; number >>= 4)
		at[i] = "0123456789abcdef"[number & 15];
	return count;
}

void flow_line_mark(struct flow_line *line, uint32_t mark)
{
	char text[sizeof("\"0x12345678\"")] = "\"0x";
	size_t length = 3 + put_hex(text + 3, mark);

	text[length++] = '"';
	flow_line_add(line, text, length);
}

static size_t put_escaped(char *at, unsigned char byte)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char letters[] = "\b\f\n\r\t\"\\";
	static const char names[] = "bfnrt\"\\";
	const char *letter = byte ? strchr(letters, byte) : NULL;

	at[0] = '\\';
	if (letter) {
		at[1] = names[letter - letters];
		return 2;
	}
	memcpy(at + 1, "u00", 3);
	at[4] = hex[byte >> 4];
	at[5] = hex[byte & 15];
	return 6;
}

static bool is_utf8(const char *text, size_t length)
{
	json_t *json = json_stringn(text, length);
	bool is = json != NULL;

	json_decref(json);
	return is;
}

/* False: not UTF-8, nothing written. */
static bool put_string(struct flow_line *line, const char *text, size_t length)
{
	char *begin = flow_line_room(line, length * ESCAPED_MAX_BYTES + 2), *at = begin;
	unsigned char seen = 0;

	if (!begin)
		return true;
	*at++ = '"';
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		seen |= byte;
		if (byte < 0x20 || byte == '"' || byte == '\\')
			at += put_escaped(at, byte);
		else
			*at++ = (char)byte;
	}
	*at++ = '"';
	if (seen >= 0x80 && !is_utf8(text, length))
		return false;
	line->length += (size_t)(at - begin);
	return true;
}

void flow_line_string(struct flow_line *line, const char *text, size_t length)
{
	if (!text || !put_string(line, text, length))
		flow_line_literal(line, "null");
}

void flow_line_text(struct flow_line *line, const char *text)
{
	flow_line_string(line, text, text ? strlen(text) : 0);
}

void flow_line_file(struct flow_line *line, const char *file)
{
	json_t *json;

	if (put_string(line, file, strlen(file)))
		return;
	json = cli_text_json(file);
	flow_line_text(line, json_string_value(json));
	json_decref(json);
}

/* ---- a flow ---- */

static size_t put_v4(char *at, const uint8_t bytes[4])
{
	char *begin = at;

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			*at++ = '.';
		at += put_digits(at, bytes[i]);
	}
	return (size_t)(at - begin);
}

/* RFC 5952: the longest run of two or more zero groups, the first of equals, is "::". */
static size_t put_v6(char *at, const uint8_t bytes[16])
{
	unsigned begin = 8, length = 1, run = 0;
	uint16_t groups[8];
	char *first = at;

	for (unsigned i = 0; i < 8; i++) {
		groups[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
		run = groups[i] ? 0 : run + 1;
		if (run > length) {
			length = run;
			begin = i + 1 - run;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == begin) {
			*at++ = ':';
			i += length - 1;
			if (i == 7)
				*at++ = ':';
			continue;
		}
		if (i)
			*at++ = ':';
		at += put_hex(at, groups[i]);
	}
	return (size_t)(at - first);
}

/* As inet_ntop(), whose sprintf would be a third of a line's cost. */
static void put_address(struct flow_line *line, struct ip_addr addr)
{
	static const uint8_t zeros[10];
	char text[IP_TEXT_SIZE + 2], *at = text + 1;

	text[0] = '"';
	if (addr.family == IP_V4) {
		at += put_v4(at, addr.bytes);
	} else if (memcmp(addr.bytes, zeros, sizeof(zeros)) != 0) {
		at += put_v6(at, addr.bytes);
	} else { /* forms that hold an IPv4 address */
		ip_format(&addr, at);
		at += strlen(at);
	}
	*at++ = '"';
	flow_line_add(line, text, (size_t)(at - text));
}

static void put_proto(struct flow_line *line, uint8_t proto)
{
	const char *name = packet_proto_name(proto);

	if (name) {
		flow_line_text(line, name);
		return;
	}
	flow_line_literal(line, "\"");
	flow_line_unsigned(line, proto);
	flow_line_literal(line, "\"");
}

static void put_port(struct flow_line *line, const struct flow_key *key, uint16_t port)
{
	if (key->has_ports)
		flow_line_unsigned(line, port);
	else
		flow_line_literal(line, "null");
}

void flow_line_key(struct flow_line *line, const char *file, const struct capture_flow *flow)
{
	const struct flow_key *key = &flow->flow.key;

	flow_line_literal(line, "\"file\":");
	flow_line_file(line, file);
	flow_line_literal(line, ",\"flow\":");
	flow_line_unsigned(line, flow_number(&flow->flow));
	flow_line_literal(line, ",\"first\":");
	flow_line_seconds(line, flow_first_us(&flow->flow));
	flow_line_literal(line, ",\"family\":");
	flow_line_unsigned(line, key->family);
	flow_line_literal(line, ",\"proto\":");
	put_proto(line, key->proto);
	flow_line_literal(line, ",\"src\":");
	put_address(line, flow_client(key));
	flow_line_literal(line, ",\"sport\":");
	put_port(line, key, key->client_port);
	flow_line_literal(line, ",\"dst\":");
	put_address(line, flow_server(key));
	flow_line_literal(line, ",\"dport\":");
	put_port(line, key, key->server_port);
	flow_line_literal(line, ",\"packets\":");
	flow_line_unsigned(line, flow_packets(&flow->flow));
	flow_line_literal(line, ",\"bytes\":");
	flow_line_unsigned(line, flow_bytes(&flow->flow));
	flow_line_literal(line, ",\"app\":");
	flow_line_text(line, app_name(capture_app(flow)));
	flow_line_literal(line, ",\"host\":");
	flow_line_text(line, flow->info.host);
}

void flow_line_names(struct flow_line *line, const struct capture_flow *flow)
{
	const struct flow_info *info = &flow->info;
	size_t length;

	flow_line_literal(line, ",\"host_source\":");
	flow_line_text(line, info->host ? host_source_name(info->host_source) : NULL);
	flow_line_literal(line, ",\"alpn\":");
	if (!info->alpn) {
		flow_line_literal(line, "null");
		return;
	}
	flow_line_literal(line, "[");
	for (size_t at = 0; at < info->alpn_length; at += length + 1) {
		length = strnlen(info->alpn + at, info->alpn_length - at);
		if (at)
			flow_line_literal(line, ",");
		flow_line_string(line, info->alpn + at, length);
	}
	flow_line_literal(line, "]");
}

void flow_line_decision(struct flow_line *line, const struct policy *policy,
			const struct flow *flow)
{
	flow_line_literal(line, "\"rule\":");
	flow_line_text(line, capture_rule(policy, flow));
	flow_line_literal(line, ",\"uplink\":");
	flow_line_text(line, capture_uplink(policy, flow));
	flow_line_literal(line, ",\"mark\":");
	flow_line_mark(line, mark_bits(&policy->conf->mark, capture_value(policy, flow)));
}

json_t *flow_line_json(struct flow_line *line)
{
	json_t *json = line->failed ? NULL : json_loadb(line->bytes, line->length, 0, NULL);

	line->length = 0;
	return json;
}
