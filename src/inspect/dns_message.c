/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole DNS message: its question, and the addresses that it gives to the name in it.
 *
 * An answer may hold anything beside what was asked, by mistake or to poison a cache. So nothing
 * counts but what the question leads to: from its name over the links (CNAME, and for HTTPS and
 * SVCB questions AliasMode and TargetName) to the names reached, and of those the addresses.
 * The records come in any order. The first pass keeps the links; then the names reached are
 * known; the second pass takes the addresses that belong to them.
 *
 * Where links and addresses are looked for: in the answer section, and for HTTPS and SVCB
 * questions in the additional section too, where RFC 9460, 4, wants a target's records. A
 * DNAME comes with the CNAME that it means (RFC 6672, 3.1), so it is not read itself.
 *
 * Bounds: RECORDS_MAX records are looked at and LINKS_MAX links kept, so a message costs at most
 * twice RECORDS_MAX names read and compared with LINKS_MAX + 1 others. What comes later in a
 * longer message is not seen.
 */
#include <waymark/dns.h>

#include <errno.h>
#include <string.h>

#include "dns_wire.h"
#include "inspector.h"

enum {
	RECORDS_MAX = 256,
	LINKS_MAX = 16,
	FLAG_RESPONSE = 0x80,
	FLAG_TRUNCATED = 0x02,
	KEY_IPV4HINT = 4,
	KEY_ECH = 5, /* RFC 9848 */
	KEY_IPV6HINT = 6,
};

struct link {
	struct dns_name owner, target;
	uint32_t ttl_s;
};

/* A name that the question leads to, and how long what led there holds. */
struct reached {
	const struct dns_name *name;
	uint32_t ttl_s;
};

struct reading {
	struct dns_cursor cursor; /* behind the question */
	struct dns_message *message;
	bool service; /* asked for HTTPS or SVCB */
	size_t link_count, reached_count;
	struct link links[LINKS_MAX];
	struct reached reached[LINKS_MAX + 1];
};

static bool name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->length == b->length && a->plain && b->plain &&
	       !memcmp(a->text, b->text, a->length);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The name that begins at `at`; false: none. */
static bool name_at(const struct reading *reading, uint32_t at, struct dns_name *name)
{
	struct dns_cursor cursor = reading->cursor;

	cursor.at = at;
	return dns_name_read(&cursor, DNS_POINTERS_FOLLOWED, name);
}

/* Calls `take` for each record of class IN that may count; false where one does not hold together.
 */
static bool each_record(struct reading *reading,
			bool (*take)(struct reading *reading, const struct dns_record *record))
{
	struct dns_cursor cursor = reading->cursor;
	uint32_t budget = RECORDS_MAX;

	for (uint32_t section = 0; section < (reading->service ? 3 : 1); section++) {
		uint32_t count = inspect_be16(cursor.bytes + 6 + 2 * section);

		for (; count; count--, budget--) {
			struct dns_record record;

			if (!budget)
				return true;
			if (!dns_record_read(&cursor, &record))
				return false;
			if (section == 1 || record.class != DNS_CLASS_IN) /* authority */
				continue;
			if (!take(reading, &record))
				return false;
		}
	}
	return true;
}

/* ---- service bindings (RFC 9460, 2.2) ---- */

struct service {
	struct dns_name target; /* length 0: the owner itself, or in AliasMode nothing at all */
	uint32_t params_at, params_end;
	bool alias;
};

/* False: no such record, or one that does not hold together, which is nobody's. */
static bool service_read(const struct reading *reading, const struct dns_record *record,
			 struct service *service)
{
	struct dns_cursor cursor = reading->cursor;

	if (record->type != reading->message->qtype || record->data_length < 3)
		return false;
	cursor.at = record->data_at + 2;
	cursor.present = record->data_at + record->data_length;
	if (!dns_name_read(&cursor, DNS_POINTERS_REFUSED, &service->target))
		return false;
	service->alias = inspect_be16(cursor.bytes + record->data_at) == 0;
	service->params_at = cursor.at;
	service->params_end = cursor.present;
	return true;
}

static void add_address(struct dns_message *message, const struct ip_addr *address, uint32_t ttl_s)
{
	struct dns_address *known = message->addresses;

	for (; known < message->addresses + message->address_count; known++) {
		if (ip_equal(&known->address, address)) { /* two ways to it: the one that lasts */
			if (known->ttl_s < ttl_s)
				known->ttl_s = ttl_s;
			return;
		}
	}
	if (message->address_count < DNS_ADDRESSES_MAX)
		message->addresses[message->address_count++] =
			(struct dns_address){.address = *address, .ttl_s = ttl_s};
}

/* What a service binding tells: hints, and that it takes Encrypted ClientHello. */
static void add_params(struct reading *reading, const struct service *service, uint32_t ttl_s)
{
	const uint8_t *bytes = reading->cursor.bytes;
	uint32_t at = service->params_at;

	while (service->params_end - at >= 4) {
		uint32_t key = inspect_be16(bytes + at), length = inspect_be16(bytes + at + 2);
		uint32_t size = key == KEY_IPV4HINT ? 4 : key == KEY_IPV6HINT ? 16 : 0;

		at += 4;
		if (length > service->params_end - at)
			return;
		if (key == KEY_ECH && length) {
			reading->message->ech = true;
			if (reading->message->ech_ttl_s < ttl_s)
				reading->message->ech_ttl_s = ttl_s;
		}
		for (uint32_t i = 0; size && length % size == 0 && i < length; i += size) {
			struct ip_addr address =
				size == 4 ? ip_v4(bytes + at + i) : ip_v6(bytes + at + i);

			add_address(reading->message, &address, ttl_s);
		}
		at += length;
	}
}

/* ---- the two passes, and what lies between ---- */

static bool take_link(struct reading *reading, const struct dns_record *record)
{
	struct link *link = &reading->links[reading->link_count];
	struct service service;

	if (reading->link_count == LINKS_MAX)
		return true;
	if (record->type == DNS_TYPE_CNAME) {
		if (!name_at(reading, record->data_at, &link->target))
			return false;
	} else if (reading->service && service_read(reading, record, &service) &&
		   service.target.length) {
		link->target = service.target;
	} else {
		return true;
	}
	if (!name_at(reading, record->owner_at, &link->owner))
		return false;
	link->ttl_s = record->ttl_s;
	reading->link_count++;
	return true;
}

static const struct reached *find_reached(const struct reading *reading,
					  const struct dns_name *name)
{
	for (size_t i = 0; i < reading->reached_count; i++)
		if (name_equal(reading->reached[i].name, name))
			return &reading->reached[i];
	return NULL;
}

/* Each name is reached once, by the first way, so that a ring of links ends. */
static void follow_links(struct reading *reading, const struct dns_name *question)
{
	reading->reached[0] = (struct reached){.name = question, .ttl_s = UINT32_MAX};
	reading->reached_count = 1;
	for (size_t i = 0; i < reading->reached_count; i++) {
		for (size_t l = 0; l < reading->link_count; l++) {
			const struct link *link = &reading->links[l];

			if (name_equal(&link->owner, reading->reached[i].name) &&
			    !find_reached(reading, &link->target))
				reading->reached[reading->reached_count++] = (struct reached){
					.name = &link->target,
					.ttl_s = least(link->ttl_s, reading->reached[i].ttl_s),
				};
		}
	}
}

static bool take_address(struct reading *reading, const struct dns_record *record)
{
	struct dns_message *message = reading->message;
	bool wanted = reading->service || message->qtype == record->type ||
		      message->qtype == DNS_TYPE_ANY;
	const uint8_t *data = reading->cursor.bytes + record->data_at;
	const struct reached *reached;
	struct service service = {.alias = true};
	struct ip_addr address = {.family = IP_NONE};
	struct dns_name owner;

	if (wanted && record->type == DNS_TYPE_A && record->data_length == 4)
		address = ip_v4(data);
	else if (wanted && record->type == DNS_TYPE_AAAA && record->data_length == 16)
		address = ip_v6(data);
	else if (!reading->service || !service_read(reading, record, &service) || service.alias)
		return true;
	if (!name_at(reading, record->owner_at, &owner))
		return false;
	reached = find_reached(reading, &owner);
	if (!reached)
		return true;
	if (address.family != IP_NONE)
		add_address(message, &address, least(record->ttl_s, reached->ttl_s));
	else
		add_params(reading, &service, least(record->ttl_s, reached->ttl_s));
	return true;
}

/* ---- the whole ---- */

static bool is_service(uint16_t type)
{
	return type == DNS_TYPE_HTTPS || type == DNS_TYPE_SVCB;
}

/* The question without attribute labels, where the type has them. */
static void set_host(struct dns_message *message, const struct dns_name *question)
{
	bool service = is_service(message->qtype);
	uint32_t from = 0;

	while (service && from < question->length && question->text[from] == '_') {
		const char *dot = memchr(question->text + from, '.', question->length - from);

		from = dot ? (uint32_t)(dot - question->text) + 1 : question->length;
	}
	if (!question->plain)
		from = question->length;
	message->host_length = (uint8_t)(question->length - from);
	memcpy(message->host, question->text + from, message->host_length);
	message->host[message->host_length] = '\0';
}

/* What is longer than any message is none. */
static struct dns_cursor cursor_of(const uint8_t *bytes, size_t length)
{
	return (struct dns_cursor){bytes, length > UINT16_MAX ? 0 : (uint32_t)length, 0};
}

/* Header and question; the cursor is behind them then. */
static int read_question(struct dns_cursor *cursor, struct dns_message *message,
			 struct dns_name *question)
{
	const uint8_t *bytes = cursor->bytes;

	if (cursor->present < DNS_HEADER || inspect_be16(bytes + 4) != 1)
		return -EBADMSG;
	message->id = (uint16_t)inspect_be16(bytes);
	message->response = bytes[2] & FLAG_RESPONSE;
	message->truncated = bytes[2] & FLAG_TRUNCATED;
	message->opcode = bytes[2] >> 3 & 15;
	message->rcode = bytes[3] & 15;
	message->address_count = 0;
	message->ech = false;
	message->ech_ttl_s = 0;
	cursor->at = DNS_HEADER;
	if (message->opcode != 0 || !dns_name_read(cursor, DNS_POINTERS_REFUSED, question) ||
	    cursor->present - cursor->at < 4)
		return -EBADMSG;
	message->qtype = (uint16_t)inspect_be16(bytes + cursor->at);
	message->qclass = (uint16_t)inspect_be16(bytes + cursor->at + 2);
	cursor->at += 4;
	message->question_length = question->length;
	memcpy(message->question, question->text, question->length);
	message->question[question->length] = '\0';
	set_host(message, question);
	return 0;
}

int dns_message_read_question(const uint8_t *bytes, size_t length, struct dns_message *message)
{
	struct dns_cursor cursor = cursor_of(bytes, length);
	struct dns_name question;

	return read_question(&cursor, message, &question);
}

int dns_message_read(const uint8_t *bytes, size_t length, struct dns_message *message)
{
	struct reading reading;
	struct dns_name question;
	int ret;

	reading.cursor = cursor_of(bytes, length);
	ret = read_question(&reading.cursor, message, &question);
	if (ret < 0 || !message->response || message->truncated || message->rcode != 0 ||
	    message->qclass != DNS_CLASS_IN || !message->host_length)
		return ret;
	reading.service = is_service(message->qtype);
	if (!reading.service && message->qtype != DNS_TYPE_A && message->qtype != DNS_TYPE_AAAA &&
	    message->qtype != DNS_TYPE_ANY)
		return 0;
	reading.message = message;
	reading.link_count = 0;
	if (!each_record(&reading, take_link))
		return -EBADMSG;
	follow_links(&reading, &question);
	return each_record(&reading, take_address) ? 0 : -EBADMSG;
}
