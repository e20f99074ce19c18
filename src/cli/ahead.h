/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ahead - a capture that a thread of its own reads and parses, some batches before they are
 * asked for.
 */
#ifndef WAYMARK_CLI_AHEAD_H
#define WAYMARK_CLI_AHEAD_H

#include <waymark/source.h>

/*
 * A source that gives what `capture` (source_pcap_open()) gives, in the same batches. It owns that
 * from now on: what source_pcap_stats() says of it may be read when receive() has said that there
 * is no more. NULL: no memory or no thread; then `capture` is untouched.
 */
struct source *source_ahead(struct source *capture);

#endif
