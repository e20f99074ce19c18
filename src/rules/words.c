/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.c - the words and numbers that stand in match keys.
 *
 * Each reader takes the whole word or nothing: no sign, no blank, no rest, so
 * that "25 " or "-1" is an error at load instead of a rule that means something
 * else. Numbers are decimal or 0x; a leading zero is decimal, not octal, since
 * nobody who writes "dport = "025"" means 21.
 * The names of TOS, DSCP, ICMP types and TCP flags are those of iptables, so that
 * a rule can be carried over by hand; RFC 2474, 2597, 3246, 5865 and 8622 have
 * the code points, RFC 792 and 4443 the types.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "private.h"

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The number at `text`, as far as its digits go; NULL: none, or over `max`. */
static const char *read_number(const char *text, uint32_t max, uint32_t *value)
{
	uint64_t total = 0;
	unsigned base = 10;
	const char *start;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	for (start = text;; text++) {
		int digit = digit_value(*text);

		if (digit < 0 || (unsigned)digit >= base)
			break;
		total = total * base + (unsigned)digit;
		if (total > max)
			return NULL;
	}
	if (text == start)
		return NULL;
	*value = (uint32_t)total;
	return text;
}

bool word_span(const char *text, uint32_t max, struct span *span)
{
	text = read_number(text, max, &span->low);
	if (!text)
		return false;
	span->high = span->low;
	if (*text == '-') {
		text = read_number(text + 1, max, &span->high);
		if (!text)
			return false;
	}
	return *text == '\0' && span->low <= span->high;
}

bool word_masked(const char *text, uint32_t max, struct masked *masked)
{
	masked->mask = max;
	text = read_number(text, max, &masked->value);
	if (text && *text == '/')
		text = read_number(text + 1, max, &masked->mask);
	return text && *text == '\0';
}

struct named {
	const char *name;
	uint8_t value;
};

static bool find_named(const struct named *table, size_t count, const char *text, uint8_t *value)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(table[i].name, text) == 0) {
			*value = table[i].value;
			return true;
		}
	}
	return false;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct named tos_table[] = {
	{"minimize-delay", 0x10}, {"lowdelay", 0x10},	 {"maximize-throughput", 0x08},
	{"throughput", 0x08},	  {"reliability", 0x04}, {"maximize-reliability", 0x04},
	{"minimize-cost", 0x02},  {"mincost", 0x02},	 {"normal-service", 0x00},
};
const char *const word_tos_names[] = {
	"minimize-delay",	"lowdelay",    "maximize-throughput", "throughput",
	"maximize-reliability", "reliability", "minimize-cost",	      "mincost",
	"normal-service",	NULL};

bool word_tos(const char *text, struct masked *masked)
{
	uint8_t value;

	if (find_named(tos_table, COUNT(tos_table), text, &value)) {
		/* the two lowest bits are ECN's today: a name leaves them out */
		*masked = (struct masked){.value = value, .mask = 0x3f};
		return true;
	}
	return word_masked(text, 0xff, masked);
}

static const struct named dscp_table[] = {
	{"be", 0},    {"default", 0},	   {"le", 1},	 {"cs0", 0},   {"cs1", 8},   {"cs2", 16},
	{"cs3", 24},  {"cs4", 32},	   {"cs5", 40},	 {"cs6", 48},  {"cs7", 56},  {"af11", 10},
	{"af12", 12}, {"af13", 14},	   {"af21", 18}, {"af22", 20}, {"af23", 22}, {"af31", 26},
	{"af32", 28}, {"af33", 30},	   {"af41", 34}, {"af42", 36}, {"af43", 38}, {"va", 44},
	{"ef", 46},   {"voice-admit", 44},
};
const char *const word_dscp_names[] = {
	"be",	"default", "le",   "cs0",  "cs1",  "cs2",  "cs3",  "cs4",	  "cs5",
	"cs6",	"cs7",	   "af11", "af12", "af13", "af21", "af22", "af23",	  "af31",
	"af32", "af33",	   "af41", "af42", "af43", "va",   "ef",   "voice-admit", NULL};

bool word_dscp(const char *text, uint32_t *dscp)
{
	uint8_t value;
	struct span span;

	if (find_named(dscp_table, COUNT(dscp_table), text, &value)) {
		*dscp = value;
		return true;
	}
	if (!word_span(text, 63, &span) || span.low != span.high)
		return false;
	*dscp = span.low;
	return true;
}

static const struct named flag_table[] = {
	{"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04}, {"psh", 0x08}, {"ack", 0x10},
	{"urg", 0x20}, {"ece", 0x40}, {"cwr", 0x80}, {"all", 0x3f}, {"none", 0x00},
};
const char *const word_flags[] = {"fin", "syn", "rst", "psh",  "ack", "urg",
				  "ece", "cwr", "all", "none", NULL};

static bool read_flags(const char *text, size_t length, uint32_t *flags)
{
	*flags = 0;
	for (;;) {
		const char *comma = memchr(text, ',', length);
		size_t word = comma ? (size_t)(comma - text) : length;
		char name[8];
		uint8_t value;

		if (word == 0 || word >= sizeof(name))
			return false;
		memcpy(name, text, word);
		name[word] = '\0';
		if (!find_named(flag_table, COUNT(flag_table), name, &value))
			return false;
		*flags |= value;
		if (!comma)
			return true;
		text += word + 1;
		length -= word + 1;
	}
}

bool word_tcp_flags(const char *text, struct masked *masked)
{
	const char *slash = strchr(text, '/');

	if (slash) {
		if (!read_flags(text, (size_t)(slash - text), &masked->mask) ||
		    !read_flags(slash + 1, strlen(slash + 1), &masked->value))
			return false;
	} else {
		if (!read_flags(text, strlen(text), &masked->value))
			return false;
		/* a bare list: these must be set; "none": none of the six */
		masked->mask = masked->value ? masked->value : 0x3f;
	}
	/* a flag that is asked for but not looked at could never match */
	return (masked->value & ~masked->mask) == 0;
}

struct icmp_name {
	const char *name;
	struct icmp_item item;
};

#define V4(name_, type_, code_)                                      \
	{                                                            \
		name_,                                               \
		{                                                    \
			.proto = 1, .type = (type_), .code = (code_) \
		}                                                    \
	}
#define V6(name_, type_, code_)                                       \
	{                                                             \
		name_,                                                \
		{                                                     \
			.proto = 58, .type = (type_), .code = (code_) \
		}                                                     \
	}

static const struct icmp_name icmp_table[] = {
	V4("echo-reply", 0, -1),
	V6("echo-reply", 129, -1),
	V4("pong", 0, -1),
	V6("pong", 129, -1),
	V4("echo-request", 8, -1),
	V6("echo-request", 128, -1),
	V4("ping", 8, -1),
	V6("ping", 128, -1),
	V4("destination-unreachable", 3, -1),
	V6("destination-unreachable", 1, -1),
	V4("network-unreachable", 3, 0),
	V6("no-route", 1, 0),
	V4("host-unreachable", 3, 1),
	V6("address-unreachable", 1, 3),
	V4("protocol-unreachable", 3, 2),
	V4("port-unreachable", 3, 3),
	V6("port-unreachable", 1, 4),
	V4("fragmentation-needed", 3, 4),
	V6("packet-too-big", 2, -1),
	V4("communication-prohibited", 3, 13),
	V6("communication-prohibited", 1, 1),
	V4("source-quench", 4, -1),
	V4("redirect", 5, -1),
	V6("redirect", 137, -1),
	V4("router-advertisement", 9, -1),
	V6("router-advertisement", 134, -1),
	V4("router-solicitation", 10, -1),
	V6("router-solicitation", 133, -1),
	V6("neighbour-solicitation", 135, -1),
	V6("neighbor-solicitation", 135, -1),
	V6("neighbour-advertisement", 136, -1),
	V6("neighbor-advertisement", 136, -1),
	V4("time-exceeded", 11, -1),
	V6("time-exceeded", 3, -1),
	V4("ttl-exceeded", 11, -1),
	V6("ttl-exceeded", 3, -1),
	V4("parameter-problem", 12, -1),
	V6("parameter-problem", 4, -1),
	V4("timestamp-request", 13, -1),
	V4("timestamp-reply", 14, -1),
	V4("address-mask-request", 17, -1),
	V4("address-mask-reply", 18, -1),
};
const char *const word_icmp_names[] = {"echo-reply",
				       "pong",
				       "echo-request",
				       "ping",
				       "destination-unreachable",
				       "network-unreachable",
				       "no-route",
				       "host-unreachable",
				       "address-unreachable",
				       "protocol-unreachable",
				       "port-unreachable",
				       "fragmentation-needed",
				       "packet-too-big",
				       "communication-prohibited",
				       "source-quench",
				       "redirect",
				       "router-advertisement",
				       "router-solicitation",
				       "neighbour-solicitation",
				       "neighbor-solicitation",
				       "neighbour-advertisement",
				       "neighbor-advertisement",
				       "time-exceeded",
				       "ttl-exceeded",
				       "parameter-problem",
				       "timestamp-request",
				       "timestamp-reply",
				       "address-mask-request",
				       "address-mask-reply",
				       NULL};

size_t word_icmp(const char *text, struct icmp_item items[2])
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	int16_t code = -1;
	size_t found = 0;
	struct span span;

	if (slash) {
		if (!word_span(slash + 1, 255, &span) || span.low != span.high)
			return 0;
		code = (int16_t)span.low;
	}
	for (size_t i = 0; i < COUNT(icmp_table) && found < 2; i++) {
		if (strlen(icmp_table[i].name) == length &&
		    strncasecmp(icmp_table[i].name, text, length) == 0) {
			if (code >= 0 && icmp_table[i].item.code >= 0)
				return 0; /* the name has its code already */
			items[found] = icmp_table[i].item;
			if (code >= 0)
				items[found].code = code;
			found++;
		}
	}
	if (!found) {
		char number[8];

		if (length >= sizeof(number))
			return 0;
		memcpy(number, text, length);
		number[length] = '\0';
		if (!word_span(number, 255, &span) || span.low != span.high)
			return 0;
		items[0] = (struct icmp_item){.type = (uint8_t)span.low, .code = code};
		found = 1;
	}
	return found;
}

bool word_mac(const char *text, struct mac_item *mac)
{
	for (size_t i = 0; i < 6; i++, text += 3) {
		int high = digit_value(text[0]);
		int low = high < 0 ? -1 : digit_value(text[1]);

		if (low < 0)
			return false;
		mac->bytes[i] = (uint8_t)(high << 4 | low);
		if (i == 5)
			return text[2] == '\0';
		if (text[2] != ':' && text[2] != '-')
			return false;
	}
	return false;
}

bool word_clock(const char *text, uint16_t *minutes)
{
	unsigned hour, minute;

	for (size_t i = 0; i < 5; i++) {
		if (i == 2 ? text[i] != ':' : !isdigit((unsigned char)text[i]))
			return false;
	}
	if (text[5] != '\0')
		return false;
	hour = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
	minute = (unsigned)(text[3] - '0') * 10 + (unsigned)(text[4] - '0');
	if (minute > 59 || hour > 24 || (hour == 24 && minute))
		return false;
	*minutes = (uint16_t)(hour * 60 + minute);
	return true;
}

const char *const word_days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

int word_day(const char *text)
{
	for (int i = 0; word_days[i]; i++) {
		if (strcasecmp(text, word_days[i]) == 0)
			return i;
	}
	return -1;
}

/* For "did you mean" only: packet_proto_parse() decides. */
const char *const word_proto_names[] = {"tcp",	  "udp",  "udplite", "sctp", "dccp", "icmp",
					"icmpv6", "igmp", "gre",     "esp",  "ah",   "ipip",
					"ipv6",	  "ospf", "vrrp",    "pim",  NULL};

bool rules_dscp_parse(const char *word, uint32_t *dscp)
{
	return word_dscp(word, dscp);
}
