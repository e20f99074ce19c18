/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench.h - what the benchmarks in C share: rounds, medians, CPU time, and rows of $BENCH_JSON.
 *
 * Kinds are interleaved by whoever measures: ROUNDS times after one round that is discarded, each
 * kind once a round. bench_row() takes a kind's figures and a reference's, and appends
 * one JSON object to the file that BENCH_JSON names; without that variable it only fills in the
 * row, which the caller prints as a line of its table. Errors end the program: it is a benchmark.
 */
#ifndef WAYMARK_BENCH_H
#define WAYMARK_BENCH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct bench_row {
	const char *bench, *row, *unit;
	double median;
	double ratio;	      /* to the reference; 0: there is none */
	double limit;	      /* of the ratio (of the median, if `absolute`); 0: none */
	bool absolute, least; /* `least`: the limit is from below */
	unsigned rounds;
};

/* How many rounds count: $ROUNDS, or `usual`. At least one. */
static inline unsigned bench_rounds(unsigned usual)
{
	const char *text = getenv("ROUNDS");
	unsigned long rounds = text ? strtoul(text, NULL, 10) : usual;

	return rounds ? (unsigned)rounds : 1;
}

/* This thread's own time, so that a busy machine does not count. */
static inline uint64_t bench_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t bench_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What the process holds of memory. */
static inline double bench_resident_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%*u %lu", &pages) != 1) {
		perror("/proc/self/statm");
		exit(1);
	}
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static inline int bench_compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* Sorts the values. */
static inline double bench_median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), bench_compare);
	return count ? (values[(count - 1) / 2] + values[count / 2]) / 2 : 0;
}

static inline bool bench_holds(const struct bench_row *row)
{
	double value = row->absolute ? row->median : row->ratio;

	return row->limit == 0 || (row->least ? value >= row->limit : value <= row->limit);
}

/*
 * Appends the row to $BENCH_JSON. `more` is printf's, and adds keys:
 * "\"entries\":%u,\"load_ms\":%f"; NULL adds none. Names and units must not need escapes. True: the
 * limit holds, or there is none.
 */
__attribute__((format(printf, 2, 3))) static inline bool bench_json(const struct bench_row *row,
								    const char *more, ...)
{
	const char *path = getenv("BENCH_JSON");
	FILE *file;
	va_list arguments;

	if (!path || !*path)
		return bench_holds(row);
	file = fopen(path, "a");
	if (!file) {
		perror(path);
		exit(1);
	}
	fprintf(file,
		"{\"bench\":\"%s\",\"row\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"rounds\":%u",
		row->bench, row->row, row->unit, row->median, row->rounds);
	if (row->ratio != 0)
		fprintf(file, ",\"ratio\":%.4f", row->ratio);
	if (row->limit != 0)
		fprintf(file, ",\"%s%s\":%g,\"ok\":%s", row->absolute ? "median_" : "",
			row->least ? "least" : "limit", row->limit,
			bench_holds(row) ? "true" : "false");
	if (more) {
		fputc(',', file);
		va_start(arguments, more);
		vfprintf(file, more, arguments);
		va_end(arguments);
	}
	fputs("}\n", file);
	if (fclose(file)) {
		perror(path);
		exit(1);
	}
	return bench_holds(row);
}

#endif
