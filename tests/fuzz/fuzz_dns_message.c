/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole DNS message. What must hold of any that is read: lengths and strings agree, the host is
 * the end of the question and plain text, and only answers without an error have addresses.
 * Covers: src/inspect/dns_message.c src/inspect/dns_wire.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <waymark/dns.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_message message;
	uint8_t *copy = malloc(size ? size : 1);
	int ret;

	require(copy != NULL);
	if (size)
		memcpy(copy, data, size);
	ret = dns_message_read(copy, size, &message);
	free(copy);
	if (ret) {
		require(ret == -EBADMSG);
		return 0;
	}
	require(message.question_length <= 253 && !message.question[message.question_length]);
	require(message.host_length <= message.question_length &&
		strlen(message.host) == message.host_length);
	require(!memcmp(message.host,
			message.question + message.question_length - message.host_length,
			message.host_length));
	for (const char *c = message.host; *c; c++)
		require(*c > ' ' && *c < 0x7f && !(*c >= 'A' && *c <= 'Z'));
	require(message.address_count <= DNS_ADDRESSES_MAX);
	if (!message.response || message.rcode || message.truncated || !message.host_length)
		require(message.address_count == 0);
	for (size_t i = 0; i < message.address_count; i++) {
		const struct dns_address *address = &message.addresses[i];

		require(address->address.family == IP_V4 || address->address.family == IP_V6);
		require(address->ttl_s <= INT32_MAX);
		for (size_t other = 0; other < i; other++)
			require(!ip_equal(&address->address, &message.addresses[other].address));
	}
	return 0;
}
