/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http - what HTTP/1 and HTTP/2 share. */
#ifndef INSPECT_HTTP_H
#define INSPECT_HTTP_H

#include "inspector.h"

/*
 * What a request is for, beyond HTTP, by its method, or by a field of its header; NULL: nothing
 * more. The names of methods and fields are compared as HTTP does.
 */
const struct inspector *http_app_of_method(const char *method);
const struct inspector *http_app_of_field(const uint8_t *name, size_t name_length,
					  const uint8_t *value, size_t value_length);
extern const struct inspector inspector_websocket;

/*
 * The host of an authority: "host", "host:port", "[v6]", "[v6]:port"; an IPv6 address without
 * brackets is taken as it is. False: it is not plausible, and none is set.
 */
bool http_set_authority(struct evidence *evidence, enum host_source source, const uint8_t *bytes,
			size_t length);

#endif
