/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe - is there an internet behind this line? Rounds of probes through one uplink.
 *
 * A prober sends a round every interval_ms: one probe to each target, bound to the device
 * (SO_BINDTODEVICE), to the uplink's own source address where it has one, and with its mark
 * (SO_MARK), so that it never leaves by another line. A round is good when `need` targets have
 * answered within timeout_ms (and within max_latency_ms, where that is judged); it is decided
 * as soon as that is certain, at the latest timeout_ms after it was sent. `down` failed rounds
 * in a row make the line failed, `up` good ones make it good again. Where max_loss_percent is
 * below 100 a round also counts as failed while the loss over the last PROBE_WINDOW rounds is above
 * it (of a full window: the first lost probe of a fresh line is no 100%). Flap damping: each
 * failure within PROBE_FLAP_S of the one before doubles the good rounds that are asked for, up to
 * 2^PROBE_FLAP_MAX times `up`; a line that stayed good that long begins anew.
 *
 * type   what counts as an answer                                          source
 * icmp   echo reply with our identifier, sequence number and cookie, from the target   RFC 792, RFC
 * 4443 tcp    the connection is accepted                                        RFC 9293 http   a
 * status line of 2xx or 3xx to GET `path`                        RFC 9110, 9112 dns    an answer to
 * `query` (type A, or NS for ".") with our ID, QR set, the question repeated, and rcode NOERROR or
 * NXDOMAIN  RFC 1035
 *
 * A target that is a name is looked up through the system's resolvers, without blocking, when the
 * prober starts and every PROBE_LOOKUP_S; it keeps its last addresses when a lookup fails, and one
 * that has none counts as not answering. Of several addresses the first is asked whose family the
 * line has.
 *
 * Threads: the control thread, which runs the event base. Ownership: a prober owns its sockets and
 * timers; the options are copied.
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
#define PROBE_REASON_SIZE 160

struct event_base;
struct prober;

struct probe_options {
	const struct conf_probe *probe; /* type is not NONE */
	const char *interface;
	uint32_t mark; /* bits in place: SO_MARK */
};

enum probe_state {
	PROBE_WAITING, /* running, but neither `up` nor `down` was reached since the start */
	PROBE_GOOD,
	PROBE_FAILED,
	PROBE_STOPPED,
};

struct probe_status {
	enum probe_state state;
	char reason[PROBE_REASON_SIZE]; /* of FAILED: "no answer from 192.0.2.1, 192.0.2.2", "loss
					   40%", "latency 900 ms", ... */
	double loss_percent;		/* over the window; < 0: nothing known */
	double latency_ms;		/* mean of the window's answers; < 0: none */
	uint64_t rounds, failed_rounds;
};

/* Called from the event loop when `state` has changed (not for STOPPED). It may call prober_* but
 * not _free. */
typedef void probe_changed_fn(struct prober *prober, void *context);

/* NULL: out of memory. Begins stopped. */
struct prober *prober_new(struct event_base *base, const struct probe_options *options,
			  probe_changed_fn *changed, void *context);
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
