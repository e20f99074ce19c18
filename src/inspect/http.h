/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http - what HTTP/1 and HTTP/2 share. */
#ifndef INSPECT_HTTP_H
#define INSPECT_HTTP_H

#include "inspector.h"

/* RTSP in HTTP: where a head says this, http begins the inner layer, and rtsp knows it by that. */
#define HTTP_RTSP_TUNNEL "application/x-rtsp-tunnelled"

/*
 * The host of an authority: "host", "host:port", "[v6]", "[v6]:port"; an IPv6 address without
 * brackets is taken as it is. False: it is not plausible, and none is set.
 */
bool http_set_authority(struct evidence *evidence, enum host_source source, const uint8_t *bytes,
			size_t length);

#endif
