/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zone.c - a time zone as a sorted table of offsets.
 *
 * libc has one current zone for the whole process, and changing it (TZ, tzset)
 * is not safe beside other threads. So a zone that a rule names is read once, at
 * load, from its TZif file (RFC 8536), and becomes two arrays in the ruleset's
 * arena; at match time there is one binary search and no lock.
 *
 * The rule in a file's footer (a POSIX TZ string), which covers the time after
 * the last stored transition, is unrolled into transitions up to LAST_YEAR: files
 * made with "zic -b slim" hold hardly anything else. Leap seconds are left out:
 * the clock of packets does not count them.
 * A file is data from outside: every count is checked against its length.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#define ZONE_DIRECTORY "/usr/share/zoneinfo"
#define ZONE_FILE_MAX (256u * 1024)
#define LAST_YEAR 2137
#define DAY_S 86400

struct zone {
	uint32_t count;
	int32_t initial; /* before the first transition */
	const int64_t *at;
	const int32_t *offset;
};

static const struct zone zone_utc;

struct transition {
	int64_t at;
	int32_t offset;
};

int32_t zone_offset(const struct zone *zone, int64_t time)
{
	uint32_t low = 0, high = zone->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (zone->at[middle] <= time)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? zone->offset[low - 1] : zone->initial;
}

/* ---- the footer ---- */

/* Days since the epoch of a Gregorian date; month 1..12. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t years = month <= 2 ? year - 1 : year;
	int64_t era_days = years * 365 + years / 4 - years / 100 + years / 400;
	int64_t month_days = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;

	return era_days + month_days + day - 1 - 719468;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

struct day_rule {
	char kind; /* 'M', 'J', or 'n' for a zero-based day of the year */
	int month, week, day;
	int32_t time; /* seconds after local midnight */
};

static const char *read_int(const char *text, int max, int *value)
{
	if (!isdigit((unsigned char)*text))
		return NULL;
	for (*value = 0; isdigit((unsigned char)*text); text++) {
		*value = *value * 10 + (*text - '0');
		if (*value > max)
			return NULL;
	}
	return text;
}

/* [+-]hh[:mm[:ss]] */
static const char *read_hms(const char *text, int32_t *seconds)
{
	int sign = 1, hour, minute = 0, second = 0;

	if (*text == '+' || *text == '-')
		sign = *text++ == '-' ? -1 : 1;
	text = read_int(text, 167, &hour);
	if (text && *text == ':') {
		text = read_int(text + 1, 59, &minute);
		if (text && *text == ':')
			text = read_int(text + 1, 59, &second);
	}
	*seconds = text ? sign * (hour * 3600 + minute * 60 + second) : 0;
	return text;
}

static const char *skip_name(const char *text)
{
	const char *start = text;

	if (*text == '<') {
		text = strchr(text, '>');
		return text ? text + 1 : NULL;
	}
	while (isalpha((unsigned char)*text))
		text++;
	return text - start >= 3 ? text : NULL;
}

static const char *read_day_rule(const char *text, struct day_rule *rule)
{
	*rule = (struct day_rule){.kind = 'n', .time = 2 * 3600};
	if (*text == 'M') {
		rule->kind = 'M';
		text = read_int(text + 1, 12, &rule->month);
		if (text)
			text = *text == '.' ? read_int(text + 1, 5, &rule->week) : NULL;
		if (text)
			text = *text == '.' ? read_int(text + 1, 6, &rule->day) : NULL;
		if (!text || rule->month == 0 || rule->week == 0)
			return NULL;
	} else {
		if (*text == 'J') {
			rule->kind = 'J';
			text++;
		}
		text = read_int(text, 365, &rule->day);
		if (!text || (rule->kind == 'J' && rule->day == 0))
			return NULL;
	}
	if (*text == '/')
		text = read_hms(text + 1, &rule->time);
	return text;
}

/* Local seconds since the epoch at which `rule` acts in `year`. */
static int64_t day_rule_at(const struct day_rule *rule, int64_t year)
{
	int64_t day;

	if (rule->kind == 'M') {
		int64_t first = days_of(year, rule->month, 1);
		int64_t next = rule->month == 12 ? days_of(year + 1, 1, 1)
						 : days_of(year, rule->month + 1, 1);
		int64_t weekday = ((first + 4) % 7 + 7) % 7;

		day = first + (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;
		if (day >= next)
			day -= 7;
	} else {
		day = days_of(year, 1, 1) + rule->day;
		/* Jn counts as if 29 February did not exist */
		if (rule->kind == 'J' && !(is_leap(year) && rule->day >= 60))
			day--;
	}
	return day * DAY_S + rule->time;
}

static bool push_transition(struct vec *list, int64_t at, int32_t offset)
{
	const struct transition *last =
		list->count ? (const struct transition *)list->items + list->count - 1 : NULL;
	struct transition *next;

	if (last && at <= last->at)
		return true; /* the stored part covers it */
	next = vec_push(list);
	if (!next)
		return false;
	*next = (struct transition){.at = at, .offset = offset};
	return true;
}

static bool unroll_footer(const char *text, struct vec *list, int32_t *initial)
{
	struct day_rule start, end;
	int32_t standard, saving;

	text = skip_name(text);
	if (text)
		text = read_hms(text, &standard);
	if (!text)
		return false;
	standard = -standard; /* POSIX counts west as positive */
	if (*text == '\0') {
		if (list->count == 0)
			*initial = standard;
		return true;
	}
	saving = standard + 3600;
	text = skip_name(text);
	if (text && *text != ',') {
		text = read_hms(text, &saving);
		saving = -saving;
	}
	if (!text || *text != ',')
		return false;
	text = read_day_rule(text + 1, &start);
	if (!text || *text != ',')
		return false;
	text = read_day_rule(text + 1, &end);
	if (!text || *text != '\0')
		return false;
	for (int64_t year = 1970; year <= LAST_YEAR; year++) {
		int64_t on = day_rule_at(&start, year) - standard;
		int64_t off = day_rule_at(&end, year) - saving;
		bool north = on < off;

		if (!push_transition(list, north ? on : off, north ? saving : standard) ||
		    !push_transition(list, north ? off : on, north ? standard : saving))
			return false;
	}
	return true;
}

/* ---- the file ---- */

struct block {
	size_t leaps, times, types, chars, is_std, is_ut;
	size_t bytes; /* behind the header */
};

#define HEADER_BYTES 44

static uint32_t be32(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static int64_t be_time(const unsigned char *bytes, size_t width)
{
	if (width == 4)
		return (int32_t)be32(bytes);
	return (int64_t)((uint64_t)be32(bytes) << 32 | be32(bytes + 4));
}

static bool read_header(const unsigned char *bytes, size_t length, size_t width,
			struct block *block)
{
	size_t *counts[] = {&block->is_ut, &block->is_std, &block->leaps,
			    &block->times, &block->types,  &block->chars};

	if (length < HEADER_BYTES || memcmp(bytes, "TZif", 4) != 0)
		return false;
	for (size_t i = 0; i < 6; i++) {
		*counts[i] = be32(bytes + 20 + 4 * i);
		if (*counts[i] > ZONE_FILE_MAX)
			return false; /* keeps the sum below from overflowing */
	}
	block->bytes = block->times * (width + 1) + block->types * 6 + block->chars +
		       block->leaps * (width + 4) + block->is_std + block->is_ut;
	return block->bytes <= length - HEADER_BYTES && block->types > 0;
}

static bool read_block(const unsigned char *bytes, const struct block *block, size_t width,
		       struct vec *list, int32_t *initial)
{
	const unsigned char *times = bytes + HEADER_BYTES;
	const unsigned char *indexes = times + block->times * width;
	const unsigned char *types = indexes + block->times;

	*initial = (int32_t)be32(types);
	for (size_t i = 0; i < block->times; i++) {
		if (indexes[i] >= block->types)
			return false;
		if (!push_transition(list, be_time(times + i * width, width),
				     (int32_t)be32(types + (size_t)indexes[i] * 6)))
			return false;
	}
	return true;
}

const struct zone *zone_parse(struct arena *arena, const unsigned char *bytes, size_t length)
{
	struct vec list = VEC(struct transition);
	const struct zone *result = NULL;
	const struct transition *found;
	struct zone *zone;
	struct block block;
	size_t width = 4, used;
	int64_t *at;
	int32_t *offset;
	int32_t initial;

	if (!read_header(bytes, length, width, &block))
		return NULL;
	if (bytes[4] >= '2') {
		bytes += HEADER_BYTES + block.bytes;
		length -= HEADER_BYTES + block.bytes;
		width = 8;
		if (!read_header(bytes, length, width, &block))
			return NULL;
	}
	if (!read_block(bytes, &block, width, &list, &initial))
		goto out;
	used = HEADER_BYTES + block.bytes;
	if (width == 8 && length > used + 1 && bytes[used] == '\n') {
		const unsigned char *end = memchr(bytes + used + 1, '\n', length - used - 1);
		char footer[128];
		size_t size = end ? (size_t)(end - bytes) - used - 1 : 0;

		if (size && size < sizeof(footer)) {
			memcpy(footer, bytes + used + 1, size);
			footer[size] = '\0';
			if (!unroll_footer(footer, &list, &initial))
				goto out;
		}
	}
	zone = arena_alloc(arena, sizeof(*zone));
	at = arena_array(arena, list.count ? list.count : 1, sizeof(*at));
	offset = arena_array(arena, list.count ? list.count : 1, sizeof(*offset));
	if (!zone || !at || !offset)
		goto out;
	found = list.items;
	for (size_t i = 0; i < list.count; i++) {
		at[i] = found[i].at;
		offset[i] = found[i].offset;
	}
	*zone = (struct zone){
		.count = (uint32_t)list.count, .initial = initial, .at = at, .offset = offset};
	result = zone;
out:
	vec_release(&list);
	return result;
}

static bool valid_zone_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 64 || name[0] == '/' || strstr(name, ".."))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("_+-/", name[i]))
			return false;
	}
	return true;
}

const struct zone *zone_load(struct arena *arena, const char *name, const char **why)
{
	char path[sizeof(ZONE_DIRECTORY) + 80] = "/etc/localtime";
	const struct zone *zone = NULL;
	unsigned char *bytes = NULL;
	size_t length = 0;
	struct stat status;
	int fd;

	if (strcmp(name, "UTC") == 0)
		return &zone_utc;
	if (*name) {
		if (!valid_zone_name(name)) {
			*why = "not the name of a time zone";
			return NULL;
		}
		strcpy(path, ZONE_DIRECTORY "/");
		strcat(path, name);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		if (*name == '\0' && errno == ENOENT)
			return &zone_utc;
		*why = "no such time zone in " ZONE_DIRECTORY;
		return NULL;
	}
	*why = "not a time zone file";
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size <= 0 ||
	    status.st_size > (off_t)ZONE_FILE_MAX)
		goto out;
	bytes = malloc((size_t)status.st_size);
	while (bytes && length < (size_t)status.st_size) {
		ssize_t got = read(fd, bytes + length, (size_t)status.st_size - length);

		if (got <= 0)
			break;
		length += (size_t)got;
	}
	if (bytes)
		zone = zone_parse(arena, bytes, length);
out:
	free(bytes);
	close(fd);
	return zone;
}
