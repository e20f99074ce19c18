/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source - where packets come from and verdicts go: NFQUEUE or a capture file.
 *
 * One loop serves both: receive a batch of packets, give a verdict on each, in
 * the batch's order. Packets point into the source's buffers and are valid
 * until the next receive(). A source belongs to one thread.
 */
#ifndef WAYMARK_SOURCE_H
#define WAYMARK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <waymark/packet.h>

#define SOURCE_BATCH 64

struct source;

struct source_ops {
	const char *name;
	/*
	 * Up to SOURCE_BATCH packets. > 0: how many; 0: none now (live: the wait
	 * ended; file: the end); -errno. -EBADMSG: the capture is cut or corrupt at
	 * this point (what came before was delivered); see source_error().
	 */
	int (*receive)(struct source *source, struct packet *packets);
	/* The verdicts on the packets of the last receive(), in its order. 0 or -errno. */
	int (*verdicts)(struct source *source, const struct packet *packets,
			const struct verdict *verdicts, size_t count);
	void (*close)(struct source *source);
};

/* Every source begins with this. */
struct source {
	const struct source_ops *ops;
	char error[256]; /* why the last open or receive failed, for a message */
};

static inline const char *source_error(const struct source *source)
{
	return source->error;
}

/* ---- capture files (libpcap: pcap and pcapng) ---- */

struct source_pcap_stats {
	uint64_t frames;    /* read so far */
	uint64_t not_ip;    /* ARP, LLDP, ...: skipped */
	uint64_t malformed; /* IP, but its lengths contradict themselves: skipped */
};

/*
 * Opens a capture. packet.meta.id is the frame number from 1, meta.time_us the
 * capture time. NULL: `error` (size bytes) says why, without the path.
 * Link types: Ethernet (VLAN, QinQ, MPLS, PPPoE), Linux cooked v1 and v2, raw
 * IP (all three numbers), BSD null and loop, PPP, and IEEE 802.11 is refused by name.
 */
struct source *source_pcap_open(const char *path, char *error, size_t size);
const struct source_pcap_stats *source_pcap_stats(const struct source *source);
/*
 * Before the first receive(): the last so many batches stay valid, [1, SOURCE_PCAP_KEEP_MAX].
 * False: that cannot be had, which is so where libpcap reads the file.
 */
#define SOURCE_PCAP_KEEP_MAX 33
bool source_pcap_keep(struct source *source, unsigned batches);

/* ---- NFQUEUE ---- */

struct source_nfq_options {
	uint16_t queue;
	uint32_t max_length; /* packets the kernel holds */
	uint32_t copy_bytes; /* of each packet */
	bool fail_open;
	uint32_t receive_buffer_bytes;
	/*
	 * A packet that POSTROUTING queued, and whose verdict takes this bit from its mark, meets the
	 * rules of that hook once more (NF_REPEAT): no later hook could save the mark. 0: never, as
	 * rules that do not look at the bit would queue it for ever.
	 */
	uint32_t repeat_bit;
};

struct source_nfq_stats {
	/* written by the worker alone, read by the control thread: relaxed atomics */
	_Atomic uint64_t received, verdicts_sent, messages_sent;
	_Atomic uint64_t malformed;	   /* accepted unseen */
	_Atomic uint64_t unknown_id;	   /* ENOENT answers to verdicts: harmless */
	_Atomic uint64_t receive_overruns; /* ENOBUFS, although asked not to be told */
	_Atomic uint64_t verdict_errors;
};

/*
 * Binds a queue: BIND, copy mode and length first, acknowledged; then each
 * optional flag in a message of its own, and a refused one is noted, no error.
 * NULL: `error` says why ("queue 0: already in use by another program").
 */
struct source *source_nfq_open(const struct source_nfq_options *options, char *error, size_t size);
/*
 * From now on receive() waits so long for a first packet; before, it does not at all. It waits in
 * the call that takes packets, so that a packet that finds us waiting costs no call more.
 */
int source_nfq_wait(struct source *source, unsigned ms);
/* Any thread: ends a receive() that waits, or the next one that would. 0 or -errno. */
int source_nfq_wake(const struct source *source);
struct source_nfq_stats *source_nfq_stats(struct source *source);
/* Flags the kernel refused, as words for a log line; "" if none. */
const char *source_nfq_missing(const struct source *source);

#endif
