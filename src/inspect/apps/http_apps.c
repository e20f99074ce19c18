/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What HTTP is used for, as far as its own header says so. These are layers above it that http.c
 * names; nobody reads their bytes.
 *
 *   webdav     a method that only RFC 4918 and what is built on it have (CalDAV, DeltaV, ACL)
 *   ipp        RFC 8010, 4: a body of type application/ipp
 *   upnp       a SOAP action or an event of the UPnP Forum's (UPnP Device
 * Architecture 2.0, 3.1.1, 4.1) websocket  RFC 6455, 4: asked for and switched to, which http.c
 * sees to
 */
#include <strings.h>

#include "../http.h"

const struct inspector inspector_webdav = {.name = "webdav"};
const struct inspector inspector_ipp = {.name = "ipp"};
const struct inspector inspector_upnp = {.name = "upnp"};
const struct inspector inspector_rtsp = {.name = "rtsp"};
const struct inspector inspector_websocket = {.name = "websocket"};

static bool is(const uint8_t *text, size_t length, const char *word)
{
	return length == strlen(word) && !strncasecmp((const char *)text, word, length);
}

static bool begins(const uint8_t *text, size_t length, const char *word)
{
	return length >= strlen(word) && !strncasecmp((const char *)text, word, strlen(word));
}

const struct inspector *http_app_of_method(const char *method)
{
	static const char *const webdav[] = {
		"PROPFIND",
		"PROPPATCH",
		"MKCOL",
		"COPY",
		"MOVE",
		"LOCK",
		"UNLOCK",
		"REPORT",
		"ACL",
		"CHECKIN",
		"CHECKOUT",
		"UNCHECKOUT",
		"MERGE",
		"MKACTIVITY",
		"MKCALENDAR",
		"MKWORKSPACE",
		"ORDERPATCH",
		"VERSION-CONTROL",
		"LABEL",
		"MKREDIRECTREF",
		"UPDATEREDIRECTREF",
		"BASELINE-CONTROL",
	};

	for (size_t i = 0; i < sizeof(webdav) / sizeof(webdav[0]); i++)
		if (!strcmp(method, webdav[i]))
			return &inspector_webdav;
	return NULL;
}

const struct inspector *http_app_of_field(const uint8_t *name, size_t name_length,
					  const uint8_t *value, size_t value_length)
{
	if ((is(name, name_length, "accept") || is(name, name_length, "content-type")) &&
	    is(value, value_length, "application/x-rtsp-tunnelled"))
		return &inspector_rtsp;
	if (is(name, name_length, "content-type"))
		return begins(value, value_length, "application/ipp") ? &inspector_ipp : NULL;
	if (is(name, name_length, "soapaction")) {
		if (value_length && value[0] == '"') {
			value++;
			value_length--;
		}
		return begins(value, value_length, "urn:schemas-upnp-org:") ? &inspector_upnp
									    : NULL;
	}
	if (is(name, name_length, "nt"))
		return is(value, value_length, "upnp:event") ? &inspector_upnp : NULL;
	return NULL;
}
