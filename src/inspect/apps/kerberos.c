/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kerberos 5 (RFC 4120), and its password changes (RFC 3244).
 *
 * A message is an application tag around a SEQUENCE that begins with the version, 5, and the
 * message's type, which is the tag's number again; both lengths end where the message does. A
 * datagram is one message; over TCP (7.2.2) four bytes of length stand before it. Some twelve
 * bytes are given by that, so the beginning of one message is enough, from either side.
 *
 * A password change is a header of lengths around an AP-REQ or AP-REP.
 */
#include "ber.h"
#include "sides.h"

enum {
	APPLICATION = 0x60,
	CONTEXT = 0xa0,
	SEQUENCE = 0x30,
	INTEGER = 0x02,
	VERSION = 5,
	AS_REQ = 10,
	TGS_REQ = 12,
	AP_REQ = 14,
	AP_REP = 15,
	KRB_SAFE = 20,
	KRB_CRED = 22,
	KRB_ERROR = 30,
	MESSAGE_MAX = 1 << 20,
	TCP_HEADER = 4,
	CHANGE_HEADER = 6,
	CHANGE_VERSION = 1,
	CHANGE_VERSION_SET = 0xff80,
};

static bool is_type(unsigned type)
{
	return (type >= AS_REQ && type <= AP_REP) || (type >= KRB_SAFE && type <= KRB_CRED) ||
	       type == KRB_ERROR;
}

/* [tag] INTEGER */
static enum ber_status take_field(struct ber *window, uint8_t tag, uint32_t *value)
{
	struct ber_element field;
	enum ber_status status = ber_take(window, tag, &field);

	if (status == BER_WHOLE)
		status = ber_take_number(&field.body, INTEGER, value);
	return status == BER_WHOLE && field.body.size ? BER_NOT : status;
}

static enum ber_status read_message(struct ber window, unsigned *type)
{
	struct ber_element message, sequence;
	uint32_t value = 0;
	uint8_t first;
	enum ber_status status = ber_next(&window, &message);

	if (window.present && (window.bytes[0] & 0xe0) != APPLICATION && status == BER_CUT)
		return BER_NOT;
	if (status != BER_WHOLE)
		return status;
	*type = message.tag & 0x1f;
	if ((message.tag & 0xe0) != APPLICATION || !is_type(*type) || window.size)
		return BER_NOT;
	status = ber_take(&message.body, SEQUENCE, &sequence);
	if (status != BER_WHOLE)
		return status;
	if (message.body.size)
		return BER_NOT;
	/* RFC 4120, 5.4.1: the two requests for tickets count from one */
	first = *type == AS_REQ || *type == TGS_REQ ? CONTEXT + 1 : CONTEXT;
	status = take_field(&sequence.body, first, &value);
	if (status == BER_WHOLE && value != VERSION)
		return BER_NOT;
	if (status == BER_WHOLE)
		status = take_field(&sequence.body, (uint8_t)(first + 1), &value);
	return status == BER_WHOLE && value != *type ? BER_NOT : status;
}

/* RFC 3244, 2: its length, a version, the length of the AP message. */
static enum ber_status read_change(struct ber window)
{
	uint32_t version, length;
	unsigned type;
	enum ber_status status;

	if (window.present < CHANGE_HEADER)
		return window.present >= 2 && inspect_be16(window.bytes) != window.size ? BER_NOT
											: BER_CUT;
	version = inspect_be16(window.bytes + 2);
	length = inspect_be16(window.bytes + 4);
	if (inspect_be16(window.bytes) != window.size ||
	    (version != CHANGE_VERSION && version != CHANGE_VERSION_SET) ||
	    length + CHANGE_HEADER > window.size)
		return BER_NOT;
	window.bytes += CHANGE_HEADER;
	window.present -= CHANGE_HEADER;
	window.size -= CHANGE_HEADER;
	if (length) { /* none: an error stands where the private part would */
		window.size = length;
		if (window.present > length)
			window.present = length;
	}
	status = read_message(window, &type);
	if (status != BER_WHOLE)
		return status;
	return type == (length ? AP_REQ : KRB_ERROR) || (length && type == AP_REP) ? BER_WHOLE
										   : BER_NOT;
}

static enum ber_status read_either(struct ber window)
{
	unsigned type;

	if (window.present && (window.bytes[0] & 0xe0) == APPLICATION &&
	    read_message(window, &type) != BER_NOT)
		return read_message(window, &type);
	return read_change(window);
}

static enum inspect_status kerberos_side(const uint8_t *bytes, uint32_t length,
					 enum flow_direction from)
{
	uint32_t size;

	(void)from;
	if (bytes[0] || (length > 1 && bytes[1] > MESSAGE_MAX >> 16))
		return INSPECT_NO;
	if (length <= TCP_HEADER)
		return INSPECT_MORE;
	size = inspect_be32(bytes);
	if (size < CHANGE_HEADER || size > MESSAGE_MAX)
		return INSPECT_NO;
	length -= TCP_HEADER;
	switch (read_either(
		(struct ber){bytes + TCP_HEADER, length < size ? length : size, size})) {
	case BER_WHOLE:
		return INSPECT_DONE;
	case BER_CUT:
		return INSPECT_MORE;
	default:
		return INSPECT_NO;
	}
}

static enum inspect_status kerberos_stream(const struct inspect_stream *stream,
					   struct evidence *evidence, struct inspect_note *note)
{
	(void)evidence;
	if (inspect_server_first(stream))
		return INSPECT_NO;
	return inspect_either(stream, kerberos_side, note);
}

static enum inspect_status kerberos_datagram(const struct inspect_datagram *datagram, void **state,
					     struct evidence *evidence)
{
	struct ber window = {datagram->bytes, datagram->captured, datagram->length};

	(void)state;
	(void)evidence;
	return read_either(window) == BER_WHOLE ? INSPECT_DONE : INSPECT_NO;
}

const struct inspector inspector_kerberos = {
	.name = "kerberos",
	.stream = kerberos_stream,
	.datagram = kerberos_datagram,
};
