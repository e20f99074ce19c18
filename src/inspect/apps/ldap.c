/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LDAP (RFC 4511; version 2: RFC 1777), and its use over UDP, CLDAP (RFC 1798, MS-ADTS 6.3.3).
 *
 * A message is a SEQUENCE of a number, an operation (an application tag) and, perhaps, controls.
 * It is claimed when the operation fills it and the operation's own first elements are those that
 * the RFC gives it: five tags and more, and lengths that close. SNMP, which begins alike, has a
 * string where the operation must stand. Either side is enough, and so is the middle of a flow
 * where it begins at a message.
 *
 * A client whose first message is StartTLS (4.14) goes on in TLS when the answer, which bears its
 * number, is good.
 */
#include "ber.h"
#include "sides.h"

enum {
	MESSAGE_MAX = 1 << 24,
	SEQUENCE = 0x30,
	INTEGER = 0x02,
	BOOLEAN = 0x01,
	ENUMERATED = 0x0a,
	STRING = 0x04,
	CONTROLS = 0xa0,
	EXTENDED_REQUEST = 0x77,
	EXTENDED_RESPONSE = 0x78,
	RESULT_MAX = 4096,
	ENDLESS = 1 << 30, /* a stream's window */
};

static const char starttls_oid[] = "1.3.6.1.4.1.1466.20037";

struct message {
	uint8_t operation;
	uint32_t id, result;
	bool starttls;
	uint32_t length; /* 0: it is cut */
};

static enum ber_status take_string(struct ber *window)
{
	struct ber_element element;

	return ber_take(window, STRING, &element);
}

/* A string, then a SEQUENCE or the like that ends the window. */
static enum ber_status string_and(struct ber body, uint8_t tag)
{
	struct ber_element element;
	enum ber_status status = take_string(&body);

	if (status == BER_WHOLE)
		status = ber_take(&body, tag, &element);
	return status == BER_WHOLE && body.size ? BER_NOT : status;
}

static enum ber_status read_bind(struct ber body)
{
	static const uint8_t ways[] = {0x80, 0xa3, 0x89, 0x8a, 0x8b}; /* simple, SASL, Sicily */
	struct ber_element element;
	uint32_t version;
	enum ber_status status = ber_take_number(&body, INTEGER, &version);

	if (status == BER_WHOLE && (version < 1 || version > 3))
		return BER_NOT;
	if (status == BER_WHOLE)
		status = take_string(&body);
	if (status == BER_WHOLE)
		status = ber_next(&body, &element);
	if (status != BER_WHOLE)
		return status;
	return memchr(ways, element.tag, sizeof(ways)) && !body.size ? BER_WHOLE : BER_NOT;
}

static enum ber_status read_search(struct ber body)
{
	struct ber_element element;
	uint32_t scope = 0, aliases = 0, limit;
	enum ber_status status = take_string(&body);

	if (status == BER_WHOLE)
		status = ber_take_number(&body, ENUMERATED, &scope);
	if (status == BER_WHOLE)
		status = ber_take_number(&body, ENUMERATED, &aliases);
	if (scope > 3 || aliases > 3)
		return BER_NOT;
	if (status == BER_WHOLE)
		status = ber_take_number(&body, INTEGER, &limit);
	if (status == BER_WHOLE)
		status = ber_take_number(&body, INTEGER, &limit);
	if (status == BER_WHOLE)
		status = ber_take(&body, BOOLEAN, &element);
	if (status == BER_WHOLE && element.body.size != 1)
		return BER_NOT;
	if (status == BER_WHOLE)
		status = ber_next(&body, &element);
	if (status != BER_WHOLE)
		return status;
	return element.tag == 0x87 || (element.tag & 0xe0) == 0xa0 ? BER_WHOLE : BER_NOT;
}

static enum ber_status read_result(struct ber body, uint32_t *result)
{
	enum ber_status status = ber_take_number(&body, ENUMERATED, result);

	if (status == BER_WHOLE && *result > RESULT_MAX)
		return BER_NOT;
	if (status == BER_WHOLE)
		status = take_string(&body);
	return status == BER_WHOLE ? take_string(&body) : status;
}

static bool is_oid(struct ber text)
{
	if (text.present < 3)
		return false;
	for (size_t i = 0; i < text.present; i++)
		if (text.bytes[i] != '.' && (text.bytes[i] < '0' || text.bytes[i] > '9'))
			return false;
	return text.bytes[1] == '.';
}

static enum ber_status read_extended(struct ber body, bool *starttls)
{
	struct ber_element oid;
	enum ber_status status = ber_take(&body, 0x80, &oid);

	if (status != BER_WHOLE)
		return status;
	if (oid.body.present < oid.body.size)
		return BER_CUT;
	*starttls = oid.body.size == sizeof(starttls_oid) - 1 &&
		    !memcmp(oid.body.bytes, starttls_oid, oid.body.size);
	return is_oid(oid.body) ? BER_WHOLE : BER_NOT;
}

/* A URI in the first of the strings. */
static enum ber_status read_reference(struct ber body)
{
	struct ber_element uri;
	enum ber_status status = ber_take(&body, STRING, &uri);

	if (status != BER_WHOLE)
		return status;
	if (uri.body.present < 4)
		return uri.body.size < 4 ? BER_NOT : BER_CUT;
	return memcmp(uri.body.bytes, "ldap", 4) == 0 ? BER_WHOLE : BER_NOT;
}

static enum ber_status read_rename(struct ber body)
{
	struct ber_element element;
	enum ber_status status = take_string(&body);

	if (status == BER_WHOLE)
		status = take_string(&body);
	if (status == BER_WHOLE)
		status = ber_take(&body, BOOLEAN, &element);
	return status == BER_WHOLE && element.body.size != 1 ? BER_NOT : status;
}

static enum ber_status read_operation(const struct ber_element *operation, struct message *message)
{
	struct ber body = operation->body;
	struct ber_element element;

	switch (operation->tag) {
	case 0x60:
		return read_bind(body);
	case 0x63:
		return read_search(body);
	case 0x61: /* the results: bind, search, modify, add, delete, rename, compare, extended */
	case 0x65:
	case 0x67:
	case 0x69:
	case 0x6b:
	case 0x6d:
	case 0x6f:
	case EXTENDED_RESPONSE:
		return read_result(body, &message->result);
	case 0x64: /* an entry found, modify, add, compare */
	case 0x66:
	case 0x68:
	case 0x6e:
		return string_and(body, SEQUENCE);
	case 0x6c:
		return read_rename(body);
	case 0x73:
		return read_reference(body);
	case 0x79: /* an intermediate response: a name, perhaps */
		return ber_take(&body, 0x80, &element) == BER_WHOLE && is_oid(element.body)
			       ? BER_WHOLE
			       : BER_NOT;
	case 0x4a: /* delete: a name alone */
		if (body.present < body.size)
			return BER_CUT;
		return body.size && memchr(body.bytes, '=', body.size) ? BER_WHOLE : BER_NOT;
	case 0x42: /* unbind */
		return body.size ? BER_NOT : BER_WHOLE;
	case 0x50: /* abandon */
		return body.size >= 1 && body.size <= 4 ? BER_WHOLE : BER_NOT;
	case EXTENDED_REQUEST:
		return read_extended(body, &message->starttls);
	default:
		return BER_NOT;
	}
}

/* The next message of the window. */
static enum ber_status read_message(struct ber *window, struct message *message)
{
	struct ber_element whole, operation, controls;
	size_t before = window->present;
	enum ber_status status = ber_take(window, SEQUENCE, &whole);

	memset(message, 0, sizeof(*message));
	if (status != BER_WHOLE)
		return status;
	if (whole.body.size > MESSAGE_MAX)
		return BER_NOT;
	if (whole.body.present == whole.body.size)
		message->length = (uint32_t)(before - window->present);
	status = ber_take_number(&whole.body, INTEGER, &message->id);
	if (status == BER_WHOLE)
		status = ber_next(&whole.body, &operation);
	if (status != BER_WHOLE)
		return status;
	if (whole.body.size) {
		status = ber_take(&whole.body, CONTROLS, &controls);
		if (status != BER_WHOLE)
			return status;
		if (whole.body.size)
			return BER_NOT;
	}
	message->operation = operation.tag;
	return read_operation(&operation, message);
}

static enum inspect_status ldap_side(const uint8_t *bytes, uint32_t length,
				     enum flow_direction from)
{
	struct ber window = {bytes, length, ENDLESS};
	struct message message;

	(void)from;
	switch (read_message(&window, &message)) {
	case BER_WHOLE:
		return INSPECT_DONE;
	case BER_CUT:
		return INSPECT_MORE;
	default:
		return INSPECT_NO;
	}
}

/* Where the client's first message asks for TLS: whether it begins. */
static enum inspect_status read_starttls(const struct inspect_stream *stream,
					 const struct message *asked, struct inspect_note *note)
{
	struct ber window = {stream->bytes[FLOW_FROM_SERVER], stream->length[FLOW_FROM_SERVER],
			     ENDLESS};
	struct message answer;
	enum ber_status status = window.present ? read_message(&window, &answer) : BER_CUT;

	if (status == BER_NOT)
		return INSPECT_DONE;
	if (status == BER_CUT || !answer.length || !asked->length) {
		note->busy = note->carrier = true;
		return stream->last ? INSPECT_DONE : INSPECT_MINE;
	}
	note->inner =
		answer.operation == EXTENDED_RESPONSE && answer.id == asked->id && !answer.result;
	note->inner_at[FLOW_FROM_CLIENT] = asked->length;
	note->inner_at[FLOW_FROM_SERVER] = answer.length;
	return INSPECT_DONE;
}

static enum inspect_status ldap_stream(const struct inspect_stream *stream,
				       struct evidence *evidence, struct inspect_note *note)
{
	struct ber window = {stream->bytes[FLOW_FROM_CLIENT], stream->length[FLOW_FROM_CLIENT],
			     ENDLESS};
	struct message asked;

	(void)evidence;
	if (window.present && read_message(&window, &asked) == BER_WHOLE && asked.starttls)
		return read_starttls(stream, &asked, note);
	return inspect_either(stream, ldap_side, note);
}

static enum inspect_status ldap_datagram(const struct inspect_datagram *datagram, void **state,
					 struct evidence *evidence)
{
	struct ber window = {datagram->bytes, datagram->captured, datagram->length};
	struct message message;

	(void)state;
	(void)evidence;
	do { /* an answer is an entry and its end, or the latter alone */
		if (read_message(&window, &message) != BER_WHOLE)
			return INSPECT_NO;
	} while (window.present);
	return window.size && datagram->captured == datagram->length ? INSPECT_NO : INSPECT_DONE;
}

const struct inspector inspector_ldap = {
	.name = "ldap",
	.gives_tcp = INSPECT_HOST | INSPECT_ALPN, /* of the TLS inside */
	.carries = true,
	.stream = ldap_stream,
	.datagram = ldap_datagram,
	INSPECT_BEGINS("\x30\x30"),
};
