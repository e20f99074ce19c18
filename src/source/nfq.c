/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One NFQUEUE as a source of packets.
 *
 * The kernel sends one netlink message a packet; recvmmsg takes up to a batch of
 * them in one call. Verdicts go back in id order, all of a batch in one datagram:
 * a run of equal verdicts as one VERDICT_BATCH, which means "every packet still
 * waiting with an id up to this one", so it is only right because everything
 * before the run has been answered already. That is the invariant here: when
 * verdicts() returns, nothing that receive() ever delivered is still waiting.
 * Messages that do not parse are accepted on the spot, with the mark they have.
 *
 * Start-up is ordered (kernel: net/netfilter/nfnetlink_queue.c, nfqnl_recv_config):
 * bind, copy mode and length in one acknowledged message, so that there is no
 * moment in which a bound queue drops; then each optional flag alone, since a
 * flag that the kernel does not know aborts its whole message.
 */
#include <waymark/counter.h>
#include <waymark/source.h>

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

/* the kernel's header first: the library's has the same guard and a smaller NFQA_MAX */
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>

/* attributes and headers around the packet's own bytes */
#define MESSAGE_OVERHEAD 1024
/* a verdict with its mark is 40 bytes */
#define VERDICT_BYTES 64
#define ACK_TIMEOUT_MS 2000
#define SEND_TRIES 100
#define ALIGN4(bytes) (((bytes) + 3U) & ~(size_t)3)

struct source_nfq {
	struct source source;
	struct mnl_socket *socket;
	int fd;
	int receive_flags;
	uint16_t queue;
	uint32_t repeat_bit;
	uint32_t sequence;
	size_t buffer_bytes;
	uint8_t *buffers; /* SOURCE_BATCH of them */
	struct iovec vectors[SOURCE_BATCH];
	struct mmsghdr messages[SOURCE_BATCH];
	/* what waits to be sent to the kernel */
	_Alignas(8) uint8_t out[SOURCE_BATCH * VERDICT_BYTES];
	size_t out_bytes;
	char missing[64];
	struct source_nfq_stats stats;
};

static inline struct source_nfq *nfq_of(struct source *source)
{
	return (struct source_nfq *)source;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- verdicts ---- */

static int flush(struct source_nfq *nfq)
{
	size_t bytes = nfq->out_bytes;
	int tries = 0;

	nfq->out_bytes = 0;
	if (!bytes)
		return 0;
	counter_add(&nfq->stats.messages_sent, 1);
	while (mnl_socket_sendto(nfq->socket, nfq->out, bytes) < 0) {
		if (errno == EINTR)
			continue;
		/* short of memory for a moment; without their verdicts the packets would be lost */
		if ((errno == ENOBUFS || errno == ENOMEM || errno == EAGAIN) &&
		    tries++ < SEND_TRIES) {
			usleep(1000);
			continue;
		}
		counter_add(&nfq->stats.verdict_errors, 1);
		snprintf(nfq->source.error, sizeof(nfq->source.error),
			 "queue %u: cannot send verdicts: %s", nfq->queue, strerror(errno));
		return -errno;
	}
	return 0;
}

static int verdict_code(const struct source_nfq *nfq, const struct packet *packet,
			const struct verdict *verdict)
{
	if (verdict->drop)
		return NF_DROP;
	if (packet->meta.hook == PACKET_HOOK_POSTROUTING &&
	    packet->meta.mark & ~verdict->mark & nfq->repeat_bit)
		return NF_REPEAT;
	return NF_ACCEPT;
}

static int put_verdict(struct source_nfq *nfq, int type, uint32_t id, int code, uint32_t mark)
{
	struct nlmsghdr *header;
	int result = 0;

	if (nfq->out_bytes + VERDICT_BYTES > sizeof(nfq->out))
		result = flush(nfq);
	header = nfq_nlmsg_put((char *)nfq->out + nfq->out_bytes, type, nfq->queue);
	nfq_nlmsg_verdict_put(header, (int)id, code);
	nfq_nlmsg_verdict_put_mark(header, mark);
	nfq->out_bytes += ALIGN4(header->nlmsg_len);
	return result;
}

static int nfq_verdicts(struct source *source, const struct packet *packets,
			const struct verdict *verdicts, size_t count_packets)
{
	struct source_nfq *nfq = nfq_of(source);
	int result = 0, flushed;

	for (size_t i = 0; i < count_packets;) {
		int code = verdict_code(nfq, &packets[i], &verdicts[i]);
		size_t run = i + 1;

		while (run < count_packets && verdicts[run].mark == verdicts[i].mark &&
		       verdict_code(nfq, &packets[run], &verdicts[run]) == code)
			run++;
		flushed =
			put_verdict(nfq, run - i > 1 ? NFQNL_MSG_VERDICT_BATCH : NFQNL_MSG_VERDICT,
				    packets[run - 1].meta.id, code, verdicts[i].mark);
		if (!result)
			result = flushed;
		i = run;
	}
	counter_add(&nfq->stats.verdicts_sent, count_packets);
	flushed = flush(nfq);
	return result ? result : flushed;
}

/* ---- messages ---- */

/* An error the kernel sends about a verdict: an id that is gone is harmless (the queue was
 * flushed). */
static void take_error(struct source_nfq *nfq, const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*error) || error->error == 0)
		return;
	counter_add(error->error == -ENOENT ? &nfq->stats.unknown_id : &nfq->stats.verdict_errors,
		    1);
}

/* What a message says of its packet beside what goes into packet_meta. */
struct queued {
	const uint8_t *bytes; /* NULL: none were copied */
	uint32_t captured, length;
	bool has_id;
};

static uint32_t get_be32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return ntohl(value);
}

static void take_attribute(struct queued *queued, struct packet_meta *meta, unsigned type,
			   const uint8_t *value, uint32_t size)
{
	struct nfqnl_msg_packet_hdr packet;
	struct nfqnl_msg_packet_hw hw;

	if (type == NFQA_PAYLOAD) {
		queued->bytes = value;
		queued->captured = size;
		return;
	}
	if (size < sizeof(uint32_t)) /* nothing that we read is shorter */
		return;
	switch (type) {
	case NFQA_PACKET_HDR:
		if (size < sizeof(packet))
			return;
		memcpy(&packet, value, sizeof(packet));
		meta->id = ntohl(packet.packet_id);
		meta->hook = packet.hook;
		queued->has_id = true;
		break;
	case NFQA_MARK:
		meta->mark = get_be32(value);
		break;
	case NFQA_IFINDEX_INDEV:
		meta->iface_in = get_be32(value);
		break;
	case NFQA_IFINDEX_OUTDEV:
		meta->iface_out = get_be32(value);
		break;
	case NFQA_CAP_LEN:
		queued->length = get_be32(value);
		break;
	case NFQA_UID:
		meta->uid = get_be32(value);
		meta->has_uid = true;
		break;
	case NFQA_GID:
		meta->gid = get_be32(value);
		meta->has_gid = true;
		break;
	case NFQA_HWADDR:
		if (size < sizeof(hw))
			return;
		memcpy(&hw, value, sizeof(hw));
		if (ntohs(hw.hw_addrlen) == sizeof(meta->mac)) {
			memcpy(meta->mac, hw.hw_addr, sizeof(meta->mac));
			meta->has_mac = true;
		}
		break;
	default:
		break;
	}
}

/*
 * The attributes, walked by hand: the library's parser calls a function four times for each of nine
 * attributes, which made half of all that a decided packet cost us.
 */
static void take_attributes(struct queued *queued, struct packet_meta *meta,
			    const struct nlmsghdr *header)
{
	const uint8_t *at =
		(const uint8_t *)header + NLMSG_HDRLEN + ALIGN4(sizeof(struct nfgenmsg));
	const uint8_t *end = (const uint8_t *)header + header->nlmsg_len;
	struct nlattr attribute;

	while (end - at >= (ptrdiff_t)sizeof(attribute)) {
		memcpy(&attribute, at, sizeof(attribute));
		if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > end - at)
			return;
		take_attribute(queued, meta, attribute.nla_type & (unsigned)NLA_TYPE_MASK,
			       at + sizeof(attribute),
			       attribute.nla_len - (uint32_t)sizeof(attribute));
		if (end - at <= (ptrdiff_t)ALIGN4(attribute.nla_len))
			return;
		at += ALIGN4(attribute.nla_len);
	}
}

/*
 * One message -> one packet. False: not a packet that can be judged; if it is a
 * packet at all it has been accepted as it is.
 */
static bool take_message(struct source_nfq *nfq, const struct nlmsghdr *header, uint64_t time_us,
			 struct packet *packet)
{
	struct packet_meta *meta = &packet->meta;
	struct queued queued = {0};

	if (header->nlmsg_type == NLMSG_ERROR) {
		take_error(nfq, header);
		return false;
	}
	if (header->nlmsg_type != ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET))
		return false;
	*meta = (struct packet_meta){.time_us = time_us};
	take_attributes(&queued, meta, header);
	if (!queued.has_id)
		return false;
	counter_add(&nfq->stats.received, 1);
	if (queued.length < queued.captured)
		queued.length = queued.captured;
	if (queued.bytes &&
	    packet_parse(packet, queued.bytes, queued.captured, queued.length) == PACKET_OK)
		return true;
	counter_add(&nfq->stats.malformed, 1);
	put_verdict(nfq, NFQNL_MSG_VERDICT, meta->id, NF_ACCEPT, meta->mark);
	return false;
}

static int nfq_receive(struct source *source, struct packet *packets)
{
	struct source_nfq *nfq = nfq_of(source);
	int received, found = 0;
	uint64_t time_us;

	for (;;) {
		received = recvmmsg(nfq->fd, nfq->messages, SOURCE_BATCH, nfq->receive_flags, NULL);
		if (received > 0)
			break;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		if (errno == ENOBUFS) {
			/* packets were lost before they reached us; the kernel has let them go by
			 */
			counter_add(&nfq->stats.receive_overruns, 1);
			continue;
		}
		if (errno == EINTR)
			continue;
		snprintf(source->error, sizeof(source->error), "queue %u: cannot receive: %s",
			 nfq->queue, strerror(errno));
		return -errno;
	}
	time_us = now_us();
	for (int i = 0; i < received; i++) {
		const struct nlmsghdr *header = nfq->vectors[i].iov_base;
		int rest = (int)nfq->messages[i].msg_len;

		for (; mnl_nlmsg_ok(header, rest); header = mnl_nlmsg_next(header, &rest)) {
			/* the kernel sends one packet a datagram, so a batch cannot overflow */
			if (found < SOURCE_BATCH &&
			    take_message(nfq, header, time_us, &packets[found]))
				found++;
		}
	}
	/* what was accepted unseen leaves at once; only then may a batch verdict speak for lower
	 * ids */
	flush(nfq);
	return found ? found : -EAGAIN;
}

/* ---- opening ---- */

/* Accepts what arrives while we wait for an acknowledgement; 1: not our answer yet. */
static int take_ack(struct source_nfq *nfq, const uint8_t *buffer, size_t bytes, uint32_t sequence)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)buffer;
	int rest = (int)bytes, result = 1;
	struct packet packet;

	for (; mnl_nlmsg_ok(header, rest); header = mnl_nlmsg_next(header, &rest)) {
		if (header->nlmsg_type == NLMSG_ERROR && header->nlmsg_seq == sequence) {
			const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

			result = error->error;
		} else if (take_message(nfq, header, 0, &packet)) {
			put_verdict(nfq, NFQNL_MSG_VERDICT, packet.meta.id, NF_ACCEPT,
				    packet.meta.mark);
		}
	}
	flush(nfq);
	return result;
}

/* Sends a configuration message and waits for its acknowledgement. 0 or -errno. */
static int request(struct source_nfq *nfq, struct nlmsghdr *header)
{
	uint32_t sequence = ++nfq->sequence;

	header->nlmsg_flags |= NLM_F_ACK;
	header->nlmsg_seq = sequence;
	if (mnl_socket_sendto(nfq->socket, header, header->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		struct pollfd poll_fd = {.fd = nfq->fd, .events = POLLIN};
		int ready = poll(&poll_fd, 1, ACK_TIMEOUT_MS), result;
		ssize_t bytes;

		if (ready == 0)
			return -ETIMEDOUT;
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready < 0)
			continue;
		bytes = mnl_socket_recvfrom(nfq->socket, nfq->buffers, nfq->buffer_bytes);
		if (bytes < 0) {
			if (errno == EINTR || errno == ENOBUFS || errno == EAGAIN)
				continue;
			return -errno;
		}
		result = take_ack(nfq, nfq->buffers, (size_t)bytes, sequence);
		if (result <= 0)
			return result;
	}
}

static int bind_queue(struct source_nfq *nfq, const struct source_nfq_options *options)
{
	_Alignas(8) char buffer[256] = {0}; /* the library leaves padding as it is */
	struct nlmsghdr *header = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, nfq->queue);

	nfq_nlmsg_cfg_put_cmd(header, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(header, NFQNL_COPY_PACKET, (int)options->copy_bytes);
	nfq_nlmsg_cfg_put_qmaxlen(header, options->max_length);
	return request(nfq, header);
}

static void set_flag(struct source_nfq *nfq, uint32_t flag, const char *word)
{
	_Alignas(8) char buffer[256] = {0}; /* the library leaves padding as it is */
	struct nlmsghdr *header = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, nfq->queue);
	size_t used = strlen(nfq->missing);

	mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(flag));
	mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(flag));
	if (request(nfq, header) < 0)
		snprintf(nfq->missing + used, sizeof(nfq->missing) - used, "%s%s", used ? " " : "",
			 word);
}

/* Binding another's queue answers EPERM like a missing capability does: the kernel's list tells
 * them apart. */
static bool queue_is_bound(uint16_t queue)
{
	FILE *list = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
	char line[256];
	bool bound = false;

	if (!list)
		return false;
	while (!bound && fgets(line, sizeof(line), list))
		bound = strtoul(line, NULL, 10) == queue;
	fclose(list);
	return bound;
}

static void source_nfq_close(struct source *source)
{
	struct source_nfq *nfq = nfq_of(source);

	if (nfq->socket)
		mnl_socket_close(nfq->socket);
	free(nfq->buffers);
	free(nfq);
}

static const struct source_ops nfq_ops = {
	.name = "nfqueue",
	.receive = nfq_receive,
	.verdicts = nfq_verdicts,
	.close = source_nfq_close,
};

/* Everything of ours that can fail before the kernel is asked for the queue. */
static int open_socket(struct source_nfq *nfq, const struct source_nfq_options *options)
{
	int on = 1, size = (int)options->receive_buffer_bytes;

	nfq->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nfq->socket || mnl_socket_bind(nfq->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	nfq->fd = mnl_socket_get_fd(nfq->socket);
	/* best effort: a smaller buffer or an old kernel is no reason not to start */
	if (setsockopt(nfq->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(nfq->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	mnl_socket_setsockopt(nfq->socket, NETLINK_NO_ENOBUFS, &on, sizeof(on));

	nfq->buffer_bytes = ALIGN4(options->copy_bytes) + MESSAGE_OVERHEAD;
	nfq->buffers = aligned_alloc(64, (nfq->buffer_bytes * SOURCE_BATCH + 63) / 64 * 64);
	if (!nfq->buffers)
		return -ENOMEM;
	for (size_t i = 0; i < SOURCE_BATCH; i++) {
		nfq->vectors[i] = (struct iovec){
			.iov_base = nfq->buffers + i * nfq->buffer_bytes,
			.iov_len = nfq->buffer_bytes,
		};
		nfq->messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &nfq->vectors[i],
			.msg_iovlen = 1,
		};
	}
	return 0;
}

struct source *source_nfq_open(const struct source_nfq_options *options, char *error, size_t size)
{
	struct source_nfq *nfq = calloc(1, sizeof(*nfq));
	int result;

	if (!nfq) {
		snprintf(error, size, "queue %u: out of memory", options->queue);
		return NULL;
	}
	nfq->source.ops = &nfq_ops;
	nfq->receive_flags = MSG_DONTWAIT;
	nfq->queue = options->queue;
	nfq->repeat_bit = options->repeat_bit;
	result = open_socket(nfq, options);
	if (result == 0)
		result = bind_queue(nfq, options);
	if (result < 0) {
		if ((result == -EPERM || result == -EBUSY) && queue_is_bound(options->queue))
			snprintf(error, size, "queue %u: already in use by another program",
				 options->queue);
		else if (result == -EPERM)
			snprintf(error, size, "queue %u: not permitted (needs CAP_NET_ADMIN)",
				 options->queue);
		else
			snprintf(error, size, "queue %u: cannot bind: %s", options->queue,
				 strerror(-result));
		source_nfq_close(&nfq->source);
		return NULL;
	}
	if (options->fail_open)
		set_flag(nfq, NFQA_CFG_F_FAIL_OPEN, "fail-open");
	set_flag(nfq, NFQA_CFG_F_GSO, "gso");
	set_flag(nfq, NFQA_CFG_F_UID_GID, "uid-gid");
	return &nfq->source;
}

int source_nfq_wait(struct source *source, unsigned ms)
{
	struct source_nfq *nfq = nfq_of(source);
	struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	if (setsockopt(nfq->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	nfq->receive_flags = MSG_WAITFORONE;
	return 0;
}

/*
 * What is acknowledged is a message like any other. The kernel acknowledges one that asks for
 * nothing before it looks for whom it is meant (netlink_rcv_skb() in net/netlink/af_netlink.c).
 */
int source_nfq_wake(const struct source *source)
{
	const struct source_nfq *nfq = (const struct source_nfq *)source;
	const struct nlmsghdr nothing = {
		.nlmsg_len = sizeof(nothing),
		.nlmsg_type = NLMSG_NOOP,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
	};

	return mnl_socket_sendto(nfq->socket, &nothing, sizeof(nothing)) < 0 ? -errno : 0;
}

struct source_nfq_stats *source_nfq_stats(struct source *source)
{
	return &nfq_of(source)->stats;
}

const char *source_nfq_missing(const struct source *source)
{
	return ((const struct source_nfq *)source)->missing;
}
