/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NTP over UDP: time packets of versions 1 to 4 (RFC 1059, 1119, 1305, 5905), control
 * messages (mode 6, RFC 9327) and ntpd's private ones (mode 7, which ask for "monlist").
 *
 * A time packet has 48 bytes, then perhaps extension fields and an authenticator, and no magic
 * number. Its fields prove it: stratum, root delay and dispersion are small; a client's first
 * question holds no times but its own, so that 24 bytes or more are zero; everything else holds
 * three or four times, of which each is near the others. Where the times are random or
 * missing, the answer must return the question's transmit time as its originate time.
 *
 * In modes 6 and 7 a count of bytes or items must give the datagram's length exactly.
 */
#include "sides.h"

enum {
	TIME_BYTES = 48,
	KEY_ID_BYTES = 4,
	EXTENSION_MIN = 16,
	MODE_CLIENT = 3,
	MODE_SERVER = 4,
	MODE_BROADCAST = 5,
	STRATUM_MAX = 16,
	POLL_MAX = 17,
	AT_ROOT_DELAY = 4,
	AT_REFERENCE = 16,
	AT_ORIGINATE = 24,
	AT_RECEIVE = 32,
	AT_TRANSMIT = 40,
	TWO_DAYS_S = 2 * 86400,
	MONTH_S = 31 * 86400,
	SECONDS_1970 = 0x83aa7e80,
	CONTROL_HEADER = 12,
	CONTROL_DATA_MAX = 468,
	PRIVATE_HEADER = 8,
	PRIVATE_REQUEST_MAX = 256, /* all that ntpdc ever sends is shorter */
	PRIVATE_CODE_MAX = 45,
	MODE_BITS = 7,
};

/* What may follow the 48 bytes: extension fields, then an authenticator or nothing. */
static bool tail_good(const struct inspect_datagram *datagram)
{
	uint32_t at = TIME_BYTES;

	while (at < datagram->length) {
		uint32_t rest = datagram->length - at, size;

		/* no digest is zero */
		if (rest > KEY_ID_BYTES && datagram->captured >= at + KEY_ID_BYTES + 8 &&
		    inspect_is_zero(datagram->bytes + at + KEY_ID_BYTES, 8))
			return false;
		/* a refusal's key id alone, and with DES, MD5 and SHA-1 */
		if (rest == KEY_ID_BYTES || rest == KEY_ID_BYTES + 8 || rest == KEY_ID_BYTES + 16 ||
		    rest == KEY_ID_BYTES + 20)
			return true;
		if (datagram->captured < at + 4)
			return datagram->captured < datagram->length;
		size = inspect_be16(datagram->bytes + at + 2);
		if (size < EXTENSION_MIN || size % 4 || size > rest)
			return false;
		at += size;
	}
	return true;
}

static bool near(const uint8_t *bytes, uint32_t a, uint32_t b, uint32_t seconds)
{
	uint32_t difference = inspect_be32(bytes + a) - inspect_be32(bytes + b);

	return difference <= seconds || -difference <= seconds;
}

/* A time since 1970; a clock that was never set is one, too. */
static bool time_good(const uint8_t *bytes, uint32_t at)
{
	return inspect_be32(bytes + at) >= SECONDS_1970;
}

/* Zero, or a time that lies not far from the one at `anchor`. */
static bool time_fits(const uint8_t *bytes, uint32_t at, uint32_t anchor, uint32_t seconds)
{
	return inspect_is_zero(bytes + at, 8) ||
	       (time_good(bytes, at) && near(bytes, at, anchor, seconds));
}

static enum inspect_status read_times(const uint8_t *bytes, uint32_t mode)
{
	bool no_receive = inspect_is_zero(bytes + AT_RECEIVE, 8);
	bool no_originate = inspect_is_zero(bytes + AT_ORIGINATE, 8);

	/* no time at all: only the simplest client asks so */
	if (inspect_is_zero(bytes + AT_TRANSMIT, 8) &&
	    (mode != MODE_CLIENT ||
	     !inspect_is_zero(bytes + AT_ROOT_DELAY, AT_REFERENCE - AT_ROOT_DELAY)))
		return INSPECT_MORE;
	if (mode <= MODE_CLIENT && no_receive && no_originate &&
	    inspect_is_zero(bytes + AT_REFERENCE, 8))
		return INSPECT_DONE;
	if (!time_good(bytes, AT_TRANSMIT))
		return INSPECT_MORE;
	if (no_receive || no_originate) { /* broadcast, or a peer not heard of yet */
		if (no_receive != no_originate && mode != MODE_SERVER)
			return INSPECT_MORE;
		return time_good(bytes, AT_REFERENCE) &&
				       near(bytes, AT_REFERENCE, AT_TRANSMIT, MONTH_S)
			       ? INSPECT_DONE
			       : INSPECT_MORE;
	}
	if (mode == MODE_SERVER && near(bytes, AT_RECEIVE, AT_TRANSMIT, 1) &&
	    time_fits(bytes, AT_REFERENCE, AT_TRANSMIT, MONTH_S))
		return INSPECT_DONE; /* the client's own time may be any */
	if (near(bytes, AT_RECEIVE, AT_TRANSMIT, TWO_DAYS_S) &&
	    near(bytes, AT_ORIGINATE, AT_TRANSMIT, TWO_DAYS_S) &&
	    time_fits(bytes, AT_REFERENCE, AT_TRANSMIT, MONTH_S))
		return INSPECT_DONE;
	return INSPECT_MORE;
}

/* The server returns the time that the client has sent: 64 bits that agree. */
static bool answers_earlier(const struct inspect_datagram *datagram)
{
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];

		if (earlier->direction != datagram->direction && earlier->length >= TIME_BYTES &&
		    !inspect_is_zero(earlier->bytes + AT_TRANSMIT, 8) &&
		    !memcmp(earlier->bytes + AT_TRANSMIT, datagram->bytes + AT_ORIGINATE, 8))
			return true;
	}
	return false;
}

static enum inspect_status read_time(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t mode = bytes[0] & MODE_BITS;
	enum inspect_status status;

	/* poll and precision are powers of two in seconds; the latter may be made up */
	if (datagram->length < TIME_BYTES || datagram->captured < TIME_BYTES ||
	    bytes[1] > STRATUM_MAX || (bytes[2] > POLL_MAX && bytes[2] < 0xf8) ||
	    (bytes[3] > 0x20 && bytes[3] < 0xe0) || !tail_good(datagram))
		return INSPECT_NO;
	if (bytes[4] || bytes[8]) /* 256 s of delay or dispersion */
		return INSPECT_NO;
	/* mode 0 is what version 1 had where the others say "client" (RFC 1119, appendix) */
	if (!mode && (bytes[0] >> 3 & 7) != 1)
		return INSPECT_NO;
	status = read_times(bytes, mode);
	return status == INSPECT_MORE && answers_earlier(datagram) ? INSPECT_DONE : status;
}

static bool printable(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		if ((bytes[i] < ' ' && bytes[i] != '\r' && bytes[i] != '\n' && bytes[i]) ||
		    bytes[i] > '~')
			return false;
	return true;
}

/* Leap, version, mode; response, error, more, opcode; sequence, status, association, offset, count.
 */
static enum inspect_status read_control(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t count, opcode = bytes[1] & 31, padded, rest;
	bool response = bytes[1] & 0x80;

	if (bytes[0] >> 6 || datagram->captured < CONTROL_HEADER || (opcode > 12 && opcode != 31))
		return INSPECT_NO;
	count = inspect_be16(bytes + 10);
	padded = (count + 3) & ~3u;
	if (count > CONTROL_DATA_MAX || datagram->length < CONTROL_HEADER + count)
		return INSPECT_NO;
	rest = datagram->length - CONTROL_HEADER;
	/* padded or not; with a key id and a digest or not */
	if (rest != count && rest != padded && rest != padded + 20 && rest != padded + 24)
		return INSPECT_NO;
	if (!response) /* neither error nor more, status and offset are zero */
		return bytes[1] & 0x60 || !inspect_is_zero(bytes + 4, 2) ||
				       !inspect_is_zero(bytes + 8, 2) || !opcode
			       ? INSPECT_NO
			       : INSPECT_DONE;
	if (count >= 8 && datagram->captured >= CONTROL_HEADER + 8 &&
	    printable(bytes + CONTROL_HEADER, datagram->captured < CONTROL_HEADER + count
						      ? datagram->captured - CONTROL_HEADER
						      : count))
		return INSPECT_DONE;
	for (unsigned i = 0; i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];

		if (earlier->direction != datagram->direction &&
		    earlier->length >= CONTROL_HEADER && (earlier->bytes[0] & 7) == 6 &&
		    earlier->bytes[1] == opcode && !memcmp(earlier->bytes + 2, bytes + 2, 2))
			return INSPECT_DONE;
	}
	return INSPECT_MORE;
}

/*
 * Response, more, version, mode; authenticated and sequence; implementation; code; error and number
 * of items; zeros and size of an item.
 */
static enum inspect_status read_private(const struct inspect_datagram *datagram)
{
	const uint8_t *bytes = datagram->bytes;
	uint32_t version = bytes[0] >> 3 & 7, items, size, error;

	if (datagram->captured < PRIVATE_HEADER || version < 2 || version > 4)
		return INSPECT_NO;
	items = inspect_be16(bytes + 4) & 0xfff;
	size = inspect_be16(bytes + 6);
	error = bytes[4] >> 4;
	/* implementations: universal, and xntpd without and with IPv6 */
	if ((bytes[2] && bytes[2] != 2 && bytes[2] != 3) || bytes[3] > PRIVATE_CODE_MAX ||
	    size >> 12 || error > 7)
		return INSPECT_NO;
	if (bytes[0] & 0x80) {
		if (error)
			return !items && !size && datagram->length == PRIVATE_HEADER ? INSPECT_DONE
										     : INSPECT_NO;
		return items && size && datagram->length == PRIVATE_HEADER + items * size
			       ? INSPECT_DONE
			       : INSPECT_NO;
	}
	if (bytes[0] & 0x40 || bytes[1] & 0x7f || !bytes[2] || error ||
	    datagram->length > PRIVATE_REQUEST_MAX)
		return INSPECT_NO;
	if (items) /* 40 bytes are there for the data, used or not */
		return size && items * size <= datagram->length - PRIVATE_HEADER &&
				       datagram->length >= PRIVATE_HEADER + 40
			       ? INSPECT_DONE
			       : INSPECT_NO;
	/* without items there is nothing but zeros; what authenticates stands behind those 40 bytes
	 */
	return inspect_is_zero(bytes + PRIVATE_HEADER, datagram->captured < PRIVATE_HEADER + 40
							       ? datagram->captured - PRIVATE_HEADER
							       : 40)
		       ? INSPECT_DONE
		       : INSPECT_NO;
}

static enum inspect_status ntp_datagram(const struct inspect_datagram *datagram, void **state,
					struct evidence *evidence)
{
	uint32_t version = datagram->bytes[0] >> 3 & 7;

	(void)state;
	(void)evidence;
	switch (datagram->bytes[0] & MODE_BITS) {
	case 6:
		if (datagram->captured < 2 || !version || version > 4)
			return INSPECT_NO;
		return read_control(datagram);
	case 7:
		return read_private(datagram);
	default:
		if (!version || version > 4)
			return INSPECT_NO;
		return read_time(datagram);
	}
}

const struct inspector inspector_ntp = {
	.name = "ntp",
	.datagram = ntp_datagram,
};
