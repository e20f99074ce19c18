/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_hello - the ClientHello, for all that carry one: TLS records, DTLS records and QUIC's CRYPTO
 * frames. The caller takes it out of its carrier; here is only the message's body, that is,
 * what follows the handshake header.
 */
#ifndef INSPECT_TLS_HELLO_H
#define INSPECT_TLS_HELLO_H

#include "inspector.h"

enum tls_hello_kind {
	TLS_HELLO_STREAM,   /* versions 3.x, no cookie: TLS, and TLS 1.3 within QUIC */
	TLS_HELLO_DATAGRAM, /* DTLS: its versions, and a cookie behind the session */
};

enum tls_hello_status {
	TLS_HELLO_NOT,	/* no ClientHello */
	TLS_HELLO_MORE, /* what is present fits, but the fixed part is not whole */
	TLS_HELLO_PART, /* the fixed part is whole; an extension is cut */
	TLS_HELLO_WHOLE,
};

/* Points into the body. */
struct tls_hello {
	const uint8_t *name, *alpn; /* ALPN: one byte of length, then the name, ... */
	size_t name_length, alpn_length;
	bool ech; /* an outer encrypted_client_hello: the name may be the provider's public one */
};

/*
 * Reads the `present` bytes (at most `length`) of a body that is `length` long. `certain`:
 * something else proves that this is a ClientHello, so that one with a broken cipher or compression
 * list is WHOLE, with nothing in it, and not NOT. *out is set in any case, as far as things were
 * seen.
 */
enum tls_hello_status tls_client_hello_read(enum tls_hello_kind kind, const uint8_t *body,
					    size_t present, size_t length, bool certain,
					    struct tls_hello *out);
/* The name, from `source`, and the ALPN names into the evidence; what is there already stays. */
void tls_hello_keep(const struct tls_hello *hello, enum host_source source,
		    struct evidence *evidence);
/*
 * The protocol that a hello over TCP asks for by name, where it asks for one alone and that one has
 * an app of its own; NULL else. HTTP has none: it is what most TLS is.
 */
const struct inspector *tls_hello_app(const struct tls_hello *hello);

#endif
