/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTSP in HTTP, as QuickTime brought it and cameras still speak it: one connection for what
 * the server sends, a GET's answer without end, and one for what the client sends, the body of a
 * POST in base64. Both name the media type "application/x-rtsp-tunnelled" in their heads, the
 * server's answer too, and nobody means anything else by it. So http.c begins the inner layer
 * there, and the type is the proof.
 *
 * RTSP itself is text: rules.d/rtsp.pat.
 */
#include <strings.h>

#include "../http.h"

static enum inspect_status rtsp_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	static const char type[] = HTTP_RTSP_TUNNEL;

	(void)evidence;
	(void)note;
	for (unsigned d = 0; d < 2; d++)
		if (stream->length[d] >= sizeof(type) - 1 &&
		    !strncasecmp((const char *)stream->bytes[d], type, sizeof(type) - 1))
			return INSPECT_DONE;
	return INSPECT_NO;
}

const struct inspector inspector_rtsp = {
	.name = "rtsp",
	.stream = rtsp_stream,
};
