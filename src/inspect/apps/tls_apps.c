/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What TLS carries, where the client names it (ALPN, RFC 7301, and IANA's registry of names):
 * layers above TLS whose bytes are encrypted. A client that offers several protocols has not said
 * which it will be.
 */
#include "../tls_hello.h"

const struct inspector inspector_imaps = {.name = "imaps"};
const struct inspector inspector_pop3s = {.name = "pop3s"};
const struct inspector inspector_ftps = {.name = "ftps"};
const struct inspector inspector_dot = {.name = "dot"};

extern const struct inspector inspector_xmpp;

static const struct {
	const char *alpn;
	const struct inspector *app;
} names[] = {
	{"imap", &inspector_imaps},	  {"pop3", &inspector_pop3s},
	{"ftp", &inspector_ftps},	  {"dot", &inspector_dot},
	{"xmpp-client", &inspector_xmpp}, {"xmpp-server", &inspector_xmpp},
};

const struct inspector *tls_hello_app(const struct tls_hello *hello)
{
	if (!hello->alpn_length || hello->alpn_length != 1u + hello->alpn[0])
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].alpn) == hello->alpn[0] &&
		    !memcmp(names[i].alpn, hello->alpn + 1, hello->alpn[0]))
			return names[i].app;
	return NULL;
}
