/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pattern_translate - a regex of l7-filter's as PCRE2 reads it. */
#ifndef INSPECT_PATTERN_TRANSLATE_H
#define INSPECT_PATTERN_TRANSLATE_H

#include <stddef.h>

#define PATTERN_REGEX_BYTES_MAX 8192

/*
 * A new string, which begins with `prefix` as it is; NULL with *problem, a constant
 * (NULL: out of memory).
 */
char *pattern_translate(const char *regex, size_t length, const char *prefix, const char **problem);

#endif
