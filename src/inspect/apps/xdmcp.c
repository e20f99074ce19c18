/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XDMCP (X Display Manager Control Protocol, version 1; X.Org's specification, section 8).
 *
 * Six bytes of header: version 1, one of fifteen codes, the length of the rest, which must fill
 * the datagram. Then each code prescribes a row of fields: numbers, counted strings, arrays of
 * them. A message is claimed when its row ends at the last byte. The shortest, a query that offers
 * no way to authenticate, is seven bytes, all of which are known.
 */
#include "../inspector.h"

enum {
	HEADER = 6,
	VERSION = 1,
	CODE_MAX = 15,
};

/*
 * Fields by code: '1', '2', '4' numbers of so many bytes, 's' a string with two bytes of length,
 * 'a' an array of strings and 'n' one of two-byte numbers, each with one byte of count, 'b' a
 * byte of 0 or 1.
 */
static const char *const rows[CODE_MAX + 1] = {
	[1] = "a",	 /* BroadcastQuery */
	[2] = "a",	 /* Query */
	[3] = "a",	 /* IndirectQuery */
	[4] = "ssa",	 /* ForwardQuery */
	[5] = "sss",	 /* Willing */
	[6] = "ss",	 /* Unwilling */
	[7] = "2nassas", /* Request */
	[8] = "4ssss",	 /* Accept */
	[9] = "sss",	 /* Decline */
	[10] = "42s",	 /* Manage */
	[11] = "4",	 /* Refuse */
	[12] = "4s",	 /* Failed */
	[13] = "24",	 /* KeepAlive */
	[14] = "b4",	 /* Alive */
};

/* Behind a string at `at`; 0: it does not fit. */
static uint32_t skip_string(const uint8_t *bytes, uint32_t at, uint32_t length)
{
	uint32_t size;

	if (length - at < 2)
		return 0;
	size = inspect_be16(bytes + at);
	return size > length - at - 2 ? 0 : at + 2 + size;
}

/* Behind the field at `at`; 0: it does not fit. */
static uint32_t skip_field(char field, const uint8_t *bytes, uint32_t at, uint32_t length)
{
	uint32_t size;

	switch (field) {
	case 's':
		return skip_string(bytes, at, length);
	case 'a':
		if (at == length)
			return 0;
		for (unsigned count = bytes[at++]; count && at; count--)
			at = skip_string(bytes, at, length);
		return at;
	case 'n':
		if (at == length)
			return 0;
		size = 1 + 2u * bytes[at];
		break;
	case 'b':
		if (at == length || bytes[at] > 1)
			return 0;
		size = 1;
		break;
	default:
		size = (uint32_t)(field - '0');
		break;
	}
	return size > length - at ? 0 : at + size;
}

static enum inspect_status xdmcp_datagram(const struct inspect_datagram *datagram, void **state,
					  struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t length = datagram->length, at = HEADER, code;

	(void)state;
	(void)evidence;
	if (datagram->captured < length || length < HEADER || inspect_be16(bytes) != VERSION ||
	    inspect_be16(bytes + 4) != length - HEADER)
		return INSPECT_NO;
	code = inspect_be16(bytes + 2);
	if (code > CODE_MAX || !rows[code])
		return INSPECT_NO;
	for (const char *field = rows[code]; *field && at; field++)
		at = skip_field(*field, bytes, at, length);
	return at == length ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_xdmcp = {
	.name = "xdmcp",
	.datagram = xdmcp_datagram,
	INSPECT_BEGINS("\0\0"),
};
