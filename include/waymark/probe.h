/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe - is there an internet behind this line? Rounds of probes through one uplink.
 *
 * A prober sends a round every interval_ms: one probe to each target, bound to the device
 * (SO_BINDTODEVICE), to the uplink's own source address where it has one, and with its mark
 * (SO_MARK), so that it never leaves by another line. What counts as an answer:
 *  - icmp: an echo reply from the target with our identifier, sequence number and cookie
 *    (RFC 792, 4443);
 *  - tcp: the connection is accepted (RFC 9293);
 *  - http: a status of 2xx or 3xx to GET `path` (RFC 9110, 9112);
 *  - dns: an answer to `query` (type A, or NS for ".") with our ID and question, and rcode NOERROR
 *    or NXDOMAIN (RFC 1035).
 * A refusal ends its probe at once: a closed port, an ICMP error about it, another status. So does
 * what this machine refuses: a device or an address that is not there is a lost probe with that
 * for a reason.
 *
 * A round is good when `need` targets have answered within timeout_ms (and within max_latency_ms,
 * where that is judged). It is decided as soon as that is certain, at the latest timeout_ms after
 * it was sent; probes that are still open then go on until timeout_ms, for the window. `down`
 * failed rounds in a row make the line failed, `up` good ones make it good again. Rounds may
 * overlap (timeout_ms > interval_ms); they count in the order in which they were sent. Of
 * PROBE_ROUNDS_MAX under way the oldest is cut short for the next.
 *
 * Loss and latency are kept for each target, over its last PROBE_WINDOW probes; the line's are the
 * need-th best among the targets', so that one that is dead, or lies, decides no more about them
 * than about a round. Where max_loss_percent is below 100 a round also counts as failed while the
 * loss is above it (of full windows: the first lost probe of a fresh line is no 100 %). An answer
 * that comes later than max_latency_ms is not lost.
 *
 * Flap damping: each failure within PROBE_FLAP_S of the one before doubles the good rounds that are
 * asked for, up to 2^PROBE_FLAP_MAX times `up`; a line that stayed good that long begins anew.
 *
 * A target that is a name is asked of the name servers of /etc/resolv.conf, without blocking, when
 * the prober starts and every PROBE_LOOKUP_S, or PROBE_RETRY_S while one has no address; it keeps
 * its last addresses when a lookup fails. One that has none of a family that the line carries does
 * not answer. Of several addresses the first is asked, IPv4 before IPv6.
 *
 * Threads: the control thread, which runs the event base. Ownership: a prober owns its sockets and
 * timers; the options are copied. Nothing is open, and nothing wakes up, while it is stopped.
 */
#ifndef WAYMARK_PROBE_H
#define WAYMARK_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <waymark/config.h>
#include <waymark/ip.h>

#define PROBE_WINDOW 20u
#define PROBE_FLAP_S 120u
#define PROBE_FLAP_MAX 4u
#define PROBE_LOOKUP_S 300u
#define PROBE_RETRY_S 5u
#define PROBE_ROUNDS_MAX 64u
#define PROBE_REASON_SIZE 160

struct event_base;
struct prober;

struct probe_options {
	const struct conf_probe *probe; /* type is not NONE */
	const char *interface;
	uint32_t mark; /* bits in place, for SO_MARK; 0: none */
};

enum probe_state {
	PROBE_WAITING, /* running, but neither `up` nor `down` was reached since the start */
	PROBE_GOOD,
	PROBE_FAILED,
	PROBE_STOPPED,
};

struct probe_status {
	enum probe_state state;
	/*
	 * Of FAILED, from its last failed round, else empty: "no answer from 192.0.2.1, 192.0.2.2",
	 * "loss 40 %", "latency 900 ms", "connection refused (192.0.2.1)", ...
	 */
	char reason[PROBE_REASON_SIZE];
	double loss_percent;		/* < 0: nothing known */
	double latency_ms;		/* mean of the answers; < 0: none */
	uint64_t rounds, failed_rounds; /* decided since _new() */
};

/* "waiting", "good", "failed", "stopped" */
const char *probe_state_name(enum probe_state state);

/*
 * Called from the event loop, never from within a call of prober_*, when the line has become GOOD
 * or FAILED. It may call prober_* but not _free.
 */
typedef void probe_changed_fn(struct prober *prober, void *context);

/* NULL: out of memory. Begins stopped. */
struct prober *prober_new(struct event_base *base, const struct probe_options *options,
			  probe_changed_fn *changed, void *context);
/*
 * What a lookup under way holds goes when the event loop runs again: who frees the base next
 * lets it run once, with EVLOOP_NONBLOCK.
 */
void prober_free(struct prober *prober);
/*
 * The line is there: probes begin, the first round at once. `source4`, `source6`: to send from;
 * IP_NONE: the kernel chooses (an address-less tunnel). `has4`, `has6`: the families that the line
 * carries. Called again while running it takes the new addresses and goes on.
 */
void prober_start(struct prober *prober, struct ip_addr source4, bool has4, struct ip_addr source6,
		  bool has6);
/* The line is gone: rounds under way are forgotten, the window too; flaps are remembered. */
void prober_stop(struct prober *prober);
void prober_status(const struct prober *prober, struct probe_status *status);

#endif
