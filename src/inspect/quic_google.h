/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quic_google - the QUIC that came before the standard: Q025 to Q046, and the hello of Q050. */
#ifndef INSPECT_QUIC_GOOGLE_H
#define INSPECT_QUIC_GOOGLE_H

#include "inspector.h"

/* A client's datagram of Q046 or before, whose hello is in clear. */
enum inspect_status quic_google_datagram(const struct inspect_datagram *datagram,
					 struct evidence *evidence);
/*
 * The client's hello, as far as it is `present`: its name goes into the evidence. True when the
 * bytes are one; `*whole`: all of it is there.
 */
bool quic_google_hello(const uint8_t *bytes, size_t present, bool *whole,
		       struct evidence *evidence);

#endif
