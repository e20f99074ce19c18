/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hpack - whom the first header block of an HTTP/2 connection is for (RFC 7541, RFC 9113). */
#ifndef INSPECT_HPACK_H
#define INSPECT_HPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hpack_text {
	bool seen;
	size_t length;
	uint8_t bytes[272]; /* a name, a port, and what else an authority may have */
};

struct hpack_request {
	struct hpack_text authority, host; /* the first of each */
	bool connect;			   /* its method is CONNECT */
};

/*
 * Reads a connection's first header block. False: the block is not valid to its end; what
 * stood before is in *request all the same.
 */
bool hpack_request_read(const uint8_t *bytes, size_t length, struct hpack_request *request);

#endif
