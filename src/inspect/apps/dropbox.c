/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dropbox on the LAN: every half a minute each client sends one JSON object by UDP, from and to
 * port 17500 ("LAN sync discovery"). No specification is public; what its keys are, in any order,
 * is seen in every capture: "host_int", a number, with "version", "displayname", "port" and
 * "namespaces". An object with the first and two of the others is claimed.
 */
#include "../inspector.h"

static bool has_key(const struct inspect_datagram *datagram, const char *key)
{
	return memmem(datagram->bytes, datagram->captured, key, strlen(key)) != NULL;
}

static enum inspect_status read_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	static const char *const keys[] = {
		"\"version\":", "\"displayname\":", "\"port\":", "\"namespaces\":"};
	unsigned count = 0;

	(void)state;
	(void)evidence;
	if (inspect_begins(datagram->bytes, datagram->captured, "{\"", 2) != INSPECT_DONE ||
	    !has_key(datagram, "\"host_int\":"))
		return INSPECT_NO;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		count += has_key(datagram, keys[i]);
	return count >= 2 ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_dropbox = {
	.name = "dropbox",
	.datagram = read_datagram,
	INSPECT_BEGINS("{{"),
};
