/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RADIUS over UDP (RFC 2865, 2866, 2869, 5176).
 *
 * A code, an identifier, the datagram's length, 16 bytes of anything, and attributes with lengths
 * of 8 bits that end with the datagram. That is about 26 bits of proof; attributes of a known size
 * or content give eight more each, and one that has another refuses. Without any (a bare
 * acceptance), the answer must fit a request of the same identifier, or another datagram of the
 * same side follow.
 */
#include "../inspector.h"

enum {
	HEADER = 20,
	LENGTH_MAX = 4096,
	REQUEST = 1,
	ACCEPT,
	REJECT,
	ACCOUNTING_REQUEST,
	ACCOUNTING_RESPONSE,
	CHALLENGE = 11,
	STATUS_SERVER = 12,
	DISCONNECT_REQUEST = 40,
	COA_NAK = 45,
	USER_NAME = 1,
	VENDOR_SPECIFIC = 26,
	MESSAGE_AUTHENTICATOR = 80,
};

static bool code_known(uint32_t code)
{
	return (code >= REQUEST && code <= ACCOUNTING_RESPONSE) || code == CHALLENGE ||
	       code == STATUS_SERVER || (code >= DISCONNECT_REQUEST && code <= COA_NAK);
}

/* The size that an attribute always has, header included; 0: any. */
static uint32_t size_of(uint32_t type)
{
	switch (type) {
	case 4: /* NAS-IP-Address, NAS-Port, Service-Type, Framed-Protocol, -IP-Address, -IP-Netmask
		 */
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
	case 10: /* Framed-Routing, Framed-MTU, Framed-Compression */
	case 12:
	case 13:
	case 27: /* Session-Timeout, Idle-Timeout, Termination-Action */
	case 28:
	case 29:
	case 40: /* Acct-Status-Type to -Output-Octets */
	case 41:
	case 42:
	case 43:
	case 45: /* Acct-Authentic to -Terminate-Cause */
	case 46:
	case 47:
	case 48:
	case 49:
	case 55: /* Event-Timestamp */
	case 61: /* NAS-Port-Type */
	case 64: /* Tunnel-Type, -Medium-Type */
	case 65:
	case 85: /* Acct-Interim-Interval */
		return 6;
	case MESSAGE_AUTHENTICATOR:
		return 18;
	default:
		return 0;
	}
}

static bool is_text(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		if (bytes[i] < ' ' || bytes[i] == 0x7f)
			return false;
	return true;
}

/* NO: cannot be. MORE: nothing speaks against it. DONE: proved. */
static enum inspect_status read_packet(const uint8_t *bytes, uint32_t present, uint32_t length)
{
	uint32_t end, at = HEADER, proofs = 0, attributes = 0;

	if (present < HEADER || !code_known(bytes[0]))
		return INSPECT_NO;
	end = inspect_be16(bytes + 2);
	if (end != length || end > LENGTH_MAX)
		return INSPECT_NO;
	while (at < end) {
		uint32_t type, size;

		if (at + 2 > present)
			break;
		type = bytes[at];
		size = bytes[at + 1];
		if (!type || size < 2 || size > end - at)
			return INSPECT_NO;
		if (size_of(type)) {
			if (size != size_of(type))
				return INSPECT_NO;
			proofs++;
		} else if (type == VENDOR_SPECIFIC) { /* a number of 24 bits, and contents */
			if (size < 7 || (at + 2 < present && bytes[at + 2]))
				return INSPECT_NO;
			proofs++;
		} else if (type == USER_NAME && at + size <= present) {
			if (!is_text(bytes + at + 2, size - 2))
				return INSPECT_NO;
			proofs += size >= 6;
		}
		attributes++;
		at += size;
	}
	if (at < end && present == length)
		return INSPECT_NO;
	return proofs >= 2 || (proofs && attributes >= 3) ? INSPECT_DONE : INSPECT_MORE;
}

/* What may answer what. */
static bool answers(uint32_t question, uint32_t answer)
{
	switch (question) {
	case REQUEST:
		return answer == ACCEPT || answer == REJECT || answer == CHALLENGE;
	case ACCOUNTING_REQUEST:
		return answer == ACCOUNTING_RESPONSE;
	case STATUS_SERVER:
		return answer == ACCEPT || answer == ACCOUNTING_RESPONSE;
	case DISCONNECT_REQUEST:
	case DISCONNECT_REQUEST + 3:
		return answer == question + 1 || answer == question + 2;
	default:
		return false;
	}
}

static enum inspect_status radius_datagram(const struct inspect_datagram *datagram, void **state,
					   struct evidence *evidence)
{
	const uint8_t *bytes = datagram->bytes;
	enum inspect_status status = read_packet(bytes, datagram->captured, datagram->length);

	(void)state;
	(void)evidence;
	for (unsigned i = 0; status == INSPECT_MORE && i < datagram->earlier_count; i++) {
		const struct inspect_earlier *earlier = &datagram->earlier[i];
		const uint8_t *before = earlier->bytes;

		if (earlier->length < HEADER || !code_known(before[0]))
			return INSPECT_NO;
		if (earlier->direction == datagram->direction) {
			/* another identifier; not the same packet again */
			if (before[0] == bytes[0] && before[1] != bytes[1])
				status = INSPECT_DONE;
		} else if (before[1] == bytes[1] &&
			   (answers(before[0], bytes[0]) || answers(bytes[0], before[0]))) {
			status = INSPECT_DONE;
		}
	}
	return status;
}

const struct inspector inspector_radius = {
	.name = "radius",
	.datagram = radius_datagram,
};
